"""Rules about visits: names and numbers, windows, assessments that should be there."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, record_findings, subject_findings

UNSCHEDULED = "UNSCHEDULED"


def scheduled_visits(trial: Trial) -> dict[str, float]:
    """VISITNUM of each scheduled VISIT over all phases."""
    return {visit.visit: visit.visitnum for phase in trial.phases.values() for visit in phase.visits if visit.visitnum is not None}


@rule(
    "V02",
    "E",
    "VISIT and VISITNUM are one to one",
    "use the visit names and numbers of trial.yaml; UNSCHEDULED n.nn carries its number",
)
def visits_are_one_to_one(source: Source) -> Iterator[pd.DataFrame]:
    """VISIT against VISITNUM in every dataset (A-60)."""
    numbers = scheduled_visits(source.trial)
    if not numbers:
        return
    for name, frame in source.sdtm.items():
        if not {"VISIT", "VISITNUM"} <= set(frame.columns):
            continue
        table = source.table(name, "VISIT", "VISITNUM")
        visit, number = table["VISIT"], table["VISITNUM"]
        unscheduled = visit.str.startswith(UNSCHEDULED).fillna(False).astype(bool)
        expected = visit.map(numbers).astype("float64")
        told = pd.to_numeric(visit.str.slice(len(UNSCHEDULED)).where(unscheduled), errors="coerce")
        expected = expected.where(~unscheduled, told.where(~told.isin(list(numbers.values()))))
        unknown = visit.notna() & expected.isna()
        different = expected.notna() & ~((number - expected).abs() <= 1e-6)
        alone = visit.isna() & number.notna()
        if not (unknown | different | alone).any():
            continue
        shown = visit + " with number " + number_text(number).fillna("missing")
        yield record_findings(frame, name, unknown, "VISIT", shown + ": the visit is unknown")
        yield record_findings(frame, name, different, "VISITNUM", shown + ", " + number_text(expected) + " expected")
        yield record_findings(frame, name, alone, "VISIT", "missing although VISITNUM is filled")


def planned_visits(trial: Trial) -> pd.DataFrame:
    """PHASE, VISITNUM, VISIT, LOW and HIGH (elapsed days) of visits with a protocol window."""
    rows = [
        (float(number), visit.visitnum, visit.visit, visit.protocol_window[0], visit.protocol_window[1], visit.avisitn)
        for number, phase in trial.phases.items()
        for visit in phase.visits
        if visit.visitnum is not None and visit.protocol_window
    ]
    return pd.DataFrame(rows, columns=["PHASE", "VISITNUM", "VISIT", "LOW", "HIGH", "AVISITN"])


@rule("V24", "W", "visits take place in their window", "record a VISIT WINDOW deviation, or correct the date")
def visits_are_in_window(source: Source) -> Iterator[pd.DataFrame]:
    """SV dates outside the protocol window of their visit; visits the phase does not plan."""
    frame = source.sdtm.get("SV")
    if frame is None:
        return
    table = source.table("SV", "VISITNUM", "VISIT").assign(PHASE=source.of_subject("SV", "PHASE"))
    plan = planned_visits(source.trial).drop(columns="VISIT")
    window = table.merge(plan, on=["PHASE", "VISITNUM"], how="left").set_axis(table.index)
    day = source.days_from_first_dose("SV", "SVSTDTC")
    outside = (day < window["LOW"]) | (day > window["HIGH"])
    limits = number_text(window["LOW"]) + " to " + number_text(window["HIGH"])
    yield record_findings(
        frame, "SV", outside, "SVSTDTC", table["VISIT"] + " on elapsed day " + number_text(day) + ", window " + limits
    )
    planned = table["PHASE"].isna() | window["LOW"].notna()
    without_window = [number for name, number in scheduled_visits(source.trial).items() if number not in set(plan["VISITNUM"])]
    foreign = ~planned & table["VISITNUM"].isin(list(plan["VISITNUM"])) & ~table["VISITNUM"].isin(without_window)
    yield record_findings(frame, "SV", foreign, "VISIT", table["VISIT"] + " is not a visit of phase " + number_text(table["PHASE"]))


def followed_to(source: Source) -> pd.Series:
    """Elapsed day to which each dosed subject was certainly followed: death, end of study or cut-off."""
    table = source.subjects
    ends = [table["DTH_FIRST"], table["EOS_FIRST"]]
    if source.cutoff is not None:
        ends.append(pd.Series(pd.Timestamp(source.cutoff), index=table.index))
    end = pd.concat(ends, axis="columns").min(axis="columns").dt.normalize()
    result: pd.Series = (end - table["TRTSDT"]).dt.days.astype("float64")
    return result


@rule("V24", "W", "planned visits take place", "record the missed visit as a PROCEDURE MISSED deviation")
def planned_visits_take_place(source: Source) -> Iterator[pd.DataFrame]:
    """Visits whose window closed while the subject was followed, without an SV record."""
    if "SV" not in source.sdtm:
        return
    subjects = source.subjects[["PHASE"]].assign(UNTIL=followed_to(source)).dropna().reset_index()
    plan = planned_visits(source.trial)
    due = subjects.merge(plan[plan["LOW"] > 0], on="PHASE")
    due = due[due["UNTIL"] > due["HIGH"]]
    held = pd.MultiIndex.from_frame(source.table("SV", "VISITNUM"))
    missed = due[~pd.MultiIndex.from_frame(due[["USUBJID", "VISITNUM"]]).isin(held)]
    yield subject_findings(missed["USUBJID"], "VISIT", missed["VISIT"] + " did not take place", dataset="SV", value=missed["VISIT"])


def expected_tests(trial: Trial) -> pd.DataFrame:
    """PHASE, VISITNUM and LBTESTCD of every laboratory result an outcome measure needs."""
    plan = planned_visits(trial)
    rows = [
        (float(outcome.phase), day, trial.parameters[outcome.paramcd].testcd or outcome.paramcd)
        for outcome in trial.outcomes
        if outcome.dataset == "ADLB" and outcome.paramcd in trial.parameters
        for day in outcome.nominal_days
    ]
    wanted = pd.DataFrame(rows, columns=["PHASE", "AVISITN", "LBTESTCD"]).drop_duplicates()
    return wanted.merge(plan[["PHASE", "AVISITN", "VISITNUM", "VISIT"]], on=["PHASE", "AVISITN"])


@rule("V24", "W", "scheduled results are there or NOT DONE", "enter the result, or a record with LBSTAT NOT DONE")
def scheduled_results_are_there(source: Source) -> Iterator[pd.DataFrame]:
    """Laboratory results of a visit that took place and have neither a value nor LBSTAT."""
    if not {"SV", "LB"} <= source.sdtm.keys():
        return
    held = source.table("SV", "VISITNUM").assign(PHASE=source.of_subject("SV", "PHASE"))
    held = held[source.of_subject("SV", "TRTSDT").notna()]
    wanted = held.merge(expected_tests(source.trial), on=["PHASE", "VISITNUM"])
    keys = ["USUBJID", "VISITNUM", "LBTESTCD"]
    given = source.table("LB", "VISITNUM", "LBTESTCD")
    given = given[given["LBTESTCD"].isin(wanted["LBTESTCD"].unique()) & given["VISITNUM"].isin(wanted["VISITNUM"].unique())]
    missing = wanted.merge(given[keys].drop_duplicates(), on=keys, how="left", indicator="_found")
    missing = missing[missing["_found"] == "left_only"].drop_duplicates(keys)
    if missing.empty:
        return
    tests = missing.groupby(["USUBJID", "VISIT"])["LBTESTCD"].agg(", ".join).reset_index()
    message = "no record at " + tests["VISIT"] + " of " + tests["LBTESTCD"]
    yield subject_findings(tests["USUBJID"], "LBSTAT", message, dataset="LB", value=tests["LBTESTCD"])
