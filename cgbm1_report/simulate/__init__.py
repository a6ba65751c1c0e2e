"""A synthetic cut of the whole trial: plausible, clean, and the same bytes for the same seed."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cgbm1_report.errors import ReportError
from cgbm1_report.simulate import design
from cgbm1_report.simulate.accrual import accrue, find_parts
from cgbm1_report.simulate.events import befall, complicate
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
from cgbm1_report.simulate.freeze import freeze, last_record, number_records, write_dates
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
from cgbm1_report.simulate.therapy import medicate, operate, plan_albumin, plan_deviations, remember
from cgbm1_report.simulate.trajectories import Course, call_for_blood, collect_shifts, starting_values
from cgbm1_report.simulate.visits import add_unplanned, choose_specials, plan_infusions, plan_visits
from cgbm1_report.simulate.write import split_domain, write_dataset
from cgbm1_report.trial import Trial

__all__ = ["simulate_cut"]


def simulate_cut(
    out: Path,
    *,
    trial: Trial,
    seed: int = design.DEFAULT_SEED,
    scale: int = 1,
    cutoff: date | None = None,
    format: Literal["xpt", "parquet"] = "xpt",  # noqa: A002 - the word of the command line
) -> Path:
    """Write a synthetic cut of the trial: SDTM, decisions of the safety review, the cut's own description.

    Parameters
    ----------
    out
        Folder to write; it must not exist or be empty. It is there whole or not at all.
    trial
        The protocol: arms, doses, visits, windows, terms.
    seed
        The same seed and version give the same bytes.
    scale
        Multiplies the randomised phase and its planned sizes (``out/trial.yaml``), not the escalation.
    cutoff
        What is known at the end of this day; default: the day after the last record, all followed.
    format
        SAS transport version 5 or parquet.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ReportError
        ``out`` holds something, ``scale`` is below one, nobody has consented by ``cutoff``, or the
        trial has no escalation and randomised phase.
    """
    out = Path(out)
    if scale < 1:
        raise ReportError(f"scale {scale} is below one", rule="--scale", remedy="give a whole number from 1")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReportError("is not an empty folder", file=out, rule="simulate", remedy="name a new folder, or empty this one")
    people, tables, reviews = _live(trial, seed, scale)
    day = np.datetime64(cutoff, "D") if cutoff else last_record(tables) + np.timedelta64(1, "D")
    if not (people["consent"] <= day).any():
        raise ReportError(f"nobody has consented by {day}", rule="--cutoff", remedy=f"choose a day after {design.FIRST_CONSENT}")
    frames = _domains(people, freeze(tables, people, day, reviews), trial, day)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        (folder / "sdtm").mkdir()
        for name, table in sorted(frames.items()):
            write_dataset(folder / "sdtm", name, table, format, day)
        _write_beside(folder, people, reviews, trial, day, seed, scale)
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return out


def _live(trial: Trial, seed: int, scale: int) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    """Everything that happens, to the end of everybody's follow-up."""
    people, reviews = accrue(trial, seed, scale)
    people = describe_patients(people, trial, seed)
    people = fail_screening(choose_specials(follow_up(people, trial, seed), trial, seed), seed)
    infusions = plan_infusions(people, trial, seed)
    exposure = infuse(people, infusions, trial, seed)
    events = befall(people, infusions, trial, seed)
    procedures = operate(people, events, trial, seed)
    lost = people.index[people["drop_reason"] == "LOST TO FOLLOW-UP"]
    called = pd.concat([call_for_blood(events), pd.DataFrame({"pid": lost, "day": people.loc[lost, "end_day"].to_numpy()})])
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
        "DS": record_disposition(people, infusions, trial),
        "DV": plan_deviations(people, visits, infusions, exposure, trial, seed),
        "EX": exposure,
        "IE": record_criteria(people, trial, seed),
        "IS": measure_antibodies(state, people, trial, seed),
        "LB": laboratory,
        "MB": culture(state, people, trial, seed),
        "MH": remember(people, trial, seed),
        "PR": procedures,
        "RE": measure_breathing(state, laboratory, people),
        "RS": assess(state, laboratory, people, procedures, trial),
        "SS": record_status(people, visits, trial),
        "SV": record_visits(visits),
        "VS": measure_vitals(state, infusions, people, trial, seed),
        "XL": measure_stiffness(state, people, trial, seed),
    }
    tables["EX"] = exposure.assign(start_form=16, stop_form=16)
    renamed = {name: table.rename(columns={"form": "start_form"}) for name, table in tables.items()}
    return people, number_records(renamed), reviews


def _domains(people: pd.DataFrame, tables: dict[str, pd.DataFrame], trial: Trial, day: np.datetime64) -> dict[str, pd.DataFrame]:
    """SDTM frames and their SUPP--, by name."""
    study = trial.study.studyid
    frames = split_domain("DM", record_subjects(people, tables["EX"], trial, day), study)
    for domain, table in tables.items():
        named = write_dates(domain, table).assign(USUBJID=people["USUBJID"].reindex(table["pid"]).to_numpy())
        frames |= split_domain(domain, named, study)
    return frames | split_domain("TS", summarise_trial(trial, day), study)


def _write_beside(
    folder: Path, people: pd.DataFrame, reviews: pd.DataFrame, trial: Trial, day: np.datetime64, seed: int, scale: int
) -> None:
    """What stands beside SDTM: decisions, the unblinding of a final cut, the cut's description, a scaled protocol."""
    known = reviews[reviews["REVDTC"] <= day]
    known.assign(REVDTC=known["REVDTC"].dt.strftime("%Y-%m-%d")).to_csv(folder / "src_decisions.csv", index=False)
    phase = find_parts(trial).randomised
    final = not (people.loc[people["randomised"], "end_date"] > day).any()
    if final and trial.unblinding and trial.phases[phase].blinded:
        record = {"PHASE": phase, "UNBLDTC": str(day), "REASON": "FINAL ANALYSIS"}
        pd.DataFrame([record])[list(trial.unblinding.columns)].to_csv(folder / trial.unblinding.file, index=False)
    description = {
        "cutoff": str(day),
        "synthetic": True,
        "seed": seed,
        "scale": scale,
        "studyid": trial.study.studyid,
        "dictionaries": {"MedDRA": "synthetic term list", "WHODrug": "synthetic term list"},
    }
    (folder / "cut.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    if scale > 1:
        _write_scaled(folder / "trial.yaml", trial, phase, scale)


def _write_scaled(file: Path, trial: Trial, phase: int, scale: int) -> None:
    """The protocol of this run: the randomised arms planned ``scale`` times as large."""
    import yaml

    content = trial.model_dump(mode="json")
    for arm in content["arms"]:
        if arm["phase"] == phase and arm["planned_n"]:
            arm["planned_n"] = [size * scale for size in arm["planned_n"]]
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
