"""The whole course of the trial in order: who comes, what happens to them, what is recorded of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate.accrual import accrue
from cgbm1_report.simulate.design_domains import design_domains
from cgbm1_report.simulate.deviations import plan_deviations
from cgbm1_report.simulate.events import MINUTE, befall, complicate
from cgbm1_report.simulate.exposure import infuse
from cgbm1_report.simulate.findings import (
    assess,
    culture,
    measure_antibodies,
    measure_breathing,
    measure_state,
    measure_stiffness,
    measure_vitals,
)
from cgbm1_report.simulate.freeze import number_records, write_dates
from cgbm1_report.simulate.laboratory import measure_laboratory, take_samples
from cgbm1_report.simulate.patients import describe_patients
from cgbm1_report.simulate.records import (
    fail_screening,
    record_criteria,
    record_deaths,
    record_disposition,
    record_status,
    record_subjects,
    record_visits,
    summarise_trial,
)
from cgbm1_report.simulate.survival import follow_up
from cgbm1_report.simulate.therapy import medicate, operate, plan_albumin, remember
from cgbm1_report.simulate.trajectories import Course, call_for_blood, collect_shifts, starting_values
from cgbm1_report.simulate.visits import add_unplanned, choose_specials, plan_infusions, plan_visits
from cgbm1_report.simulate.write import split_domain


def live_through(trial: Trial, seed: int, scale: int) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    """Everything that happens, to the end of everybody's follow-up, whatever the cut-off.

    Gives the subjects (one row each), the records by domain with whole dates, and the reviews of the
    dose cohorts.
    """
    people, reviews = accrue(trial, seed, scale)
    people = describe_patients(people, trial, seed)
    people = fail_screening(choose_specials(follow_up(people, trial, seed), trial, seed), seed)
    infusions = plan_infusions(people, trial, seed)
    exposure = infuse(people, infusions, trial, seed)
    events = befall(people, infusions, trial, seed)
    procedures = operate(people, events, seed)
    called = pd.concat([call_for_blood(events, people), _last_seen(people)])
    visits = add_unplanned(plan_visits(people, infusions, trial, seed), people, called, trial.study.followup_days, seed)
    albumin = plan_albumin(people, seed)
    course = Course(people, starting_values(people, seed), collect_shifts(events), albumin)
    samples = take_samples(visits, people, trial, seed)
    laboratory = measure_laboratory(samples, people, course, trial, seed)
    state = measure_state(samples, people, course, seed)
    tables = {
        "AE": events,
        "CE": complicate(events, people, trial, seed),
        "CM": medicate(people, events, albumin, seed),
        "DD": record_deaths(people),
        "DS": record_disposition(people, infusions),
        "DV": plan_deviations(people, visits, infusions, exposure, seed),
        "EX": exposure.assign(start_form=MINUTE, stop_form=MINUTE),
        "IE": record_criteria(people, trial, seed),
        "IS": measure_antibodies(state, people, trial, seed),
        "LB": laboratory,
        "MB": culture(state, people, trial, seed),
        "MH": remember(people, seed),
        "PR": procedures,
        "RE": measure_breathing(state, laboratory, people),
        "RS": assess(state, laboratory, people, procedures, trial),
        "SS": record_status(people, visits, trial),
        "SV": record_visits(visits),
        "VS": measure_vitals(state, infusions, people, trial, seed),
        "XL": measure_stiffness(state, people, trial, seed),
    }
    renamed = {name: table.rename(columns={"form": "start_form"}) for name, table in tables.items()}
    return people, number_records(renamed), reviews


def _last_seen(people: pd.DataFrame) -> pd.DataFrame:
    """Days on which those who are lost were seen for the last time."""
    lost = people.index[people["drop_reason"] == "LOST TO FOLLOW-UP"]
    return pd.DataFrame({"pid": lost, "day": people.loc[lost, "end_day"].to_numpy()})


def record_domains(
    people: pd.DataFrame, tables: dict[str, pd.DataFrame], trial: Trial, day: np.datetime64
) -> dict[str, pd.DataFrame]:
    """SDTM frames and their SUPP--, by name, as they stand on the cut-off day."""
    study = trial.study.studyid
    frames = split_domain("DM", record_subjects(people, tables["EX"], trial, day), study)
    for domain, table in tables.items():
        named = write_dates(domain, table).assign(USUBJID=people["USUBJID"].reindex(table["pid"]).to_numpy())
        frames |= split_domain(domain, named, study)
    for domain, table in {"TS": summarise_trial(trial, day), **design_domains(trial)}.items():
        frames |= split_domain(domain, table, study)
    return frames
