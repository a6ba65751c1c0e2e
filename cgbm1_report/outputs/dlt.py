"""14.3.1.12 Dose-limiting toxicities, the primary outcome of the dose escalation."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.numbers import expand_total, make_numbers
from cgbm1_report.analyse.proportions import clopper_pearson
from cgbm1_report.derive.escalation import AT_CUTOFF
from cgbm1_report.outputs.adverse_events import NO_TERM
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.layout import STUDY_DAY, interval_line
from cgbm1_report.tabulate.table import Line, count, count_percent, out_of
from cgbm1_report.tabulate.view import View, refuse_unexpected


def _rates(view: View, subjects: pd.DataFrame, events: pd.DataFrame, row: str) -> pd.DataFrame:
    """N subjects with the event out of N subjects, with the exact interval, per column."""
    base = expand_total(subjects, view.column_keys, TOTAL).groupby("COLUMN")["USUBJID"].agg(set)
    records: list[tuple[str, str, str, float, list[str] | None]] = []
    with_event = set(events["USUBJID"])
    for column in view.column_keys:
        members = base.get(column, set())
        affected = sorted(members & with_event)
        limits = clopper_pearson(len(affected), len(members))
        percent = 100 * len(affected) / len(members) if members else float("nan")
        records += [
            (row, column, "n", float(len(affected)), affected),
            (row, column, "N", float(len(members)), None),
            (row, column, "p", percent, None),
            (row, column, "lo", limits.lo, None),
            (row, column, "hi", limits.hi, None),
        ]
    return make_numbers(records)


def _evaluable(view: View, evaluable: pd.DataFrame, row: str) -> pd.DataFrame:
    base = expand_total(evaluable, view.column_keys, TOTAL).groupby("COLUMN")["USUBJID"].agg(sorted)
    return make_numbers(
        (row, column, "n", float(len(base.get(column, []))), list(base.get(column, []))) for column in view.column_keys
    )


def _event_texts(view: View) -> list[Line]:
    """One line per dose-limiting event: term, grade and study day, in its own column."""
    events = view.records("ADAE", "DLTFL", "ASTDY")
    events = events[events["DLTFL"] == "Y"].sort_values(["USUBJID", "ASTDT", "AESEQ"])
    on = events["ASTDY"].map("{:.0f}".format, na_action="ignore").astype("str").fillna("missing")
    texts = events["AEDECOD"].fillna(NO_TERM) + ", grade " + events["ATOXGR"].fillna("missing") + ", study day " + on
    return [
        Line(f"DLT events | {who} | {sequence:g}", who, indent=1, texts={column: text})
        for who, sequence, column, text in zip(events["USUBJID"], events["AESEQ"], events["COLUMN"], texts, strict=True)
    ]


def _cohort_columns(view: View, records: pd.DataFrame, name: str) -> pd.Series:
    """The column of each record's cohort, whatever its case; a cohort that is no arm's has no column and is refused."""
    column_of = {arm.column.upper(): arm.column for arm in view.trial.arms_of(view.phase)}
    records = records.assign(COHORT=records["COHORT"].str.strip().str.upper())
    refuse_unexpected(name, records, "COHORT", column_of)
    refuse_unexpected(name, records, "REVIEW", records["REVIEW"].dropna().unique())
    return records["COHORT"].map(column_of)


def _decision_texts(view: View) -> list[Line]:
    """The recorded decisions of the safety review committee: they, not the computed state, decide."""
    decisions = view.adam.get("SRC_DECISIONS")
    if decisions is None or not len(decisions):
        return []
    cohorts = _cohort_columns(view, decisions, "src_decisions.csv")
    lines = []
    for review in dict.fromkeys(decisions["REVIEW"]):
        chosen = decisions[decisions["REVIEW"] == review].sort_values("REVDTC")
        text = chosen["DECISION"].map(lambda said: say_coded(said, view.trial.abbreviations)) + " (" + chosen["REVDTC"] + ")"
        cells = text.groupby(cohorts[chosen.index]).agg("; ".join).to_dict()
        lines.append(Line(f"SRC decision (date) | {review}", f"{review.capitalize()} review", indent=1, texts=cells))
    return [Line("SRC decision (date)", "SRC decision (date)", block=True), *lines]


def dose_limiting_toxicities(view: View) -> Summary:
    """DLT rates of both windows, the events, the SRC decisions and what the escalation rules recommended."""
    subjects = view.subjects_with("DLTEVFL")
    evaluable = subjects[subjects["DLTEVFL"] == "Y"]
    early, late = (flags[flags["AVALC"] == "Y"] for flags in (view.coded("ADDLT", name) for name in ("DLT28", "DLT180")))
    window, registry = view.trial.observation_days, view.trial.study.followup_days
    rows = (
        "DLT-evaluable subjects, n",
        f"DLT within {window} days after the first dose, n/DLT-evaluable",
        f"DLT within {registry} days after the first dose, n (%)",
    )
    numbers = pd.concat(
        [_evaluable(view, evaluable, rows[0]), _rates(view, evaluable, early, rows[1]), _rates(view, subjects, late, rows[2])],
        ignore_index=True,
    )
    lines = [
        Line(rows[0], rows[0], count),
        Line(rows[1], rows[1], out_of),
        interval_line(rows[1], indent=1),
        Line(rows[2], rows[2], count_percent),
        interval_line(rows[2], indent=1),
    ]
    events = _event_texts(view)
    if events:
        lines += [Line("DLT events", "DLT events", block=True), *events]
    return Summary(
        numbers,
        lines + _decision_texts(view) + _recommendation_texts(view),
        "Dose-limiting toxicity",
        stub_width=2.5,
        footnotes=(STUDY_DAY,) if events else (),
    )


def _review_label(review: str) -> str:
    return review.capitalize() if review == AT_CUTOFF else f"{review.capitalize()} review"


def _recommendation_texts(view: View) -> list[Line]:
    """What the escalation rules recommended on the day of each review, and on the last day of the data."""
    states = view.adam.get("SRC_STATES")
    if states is None or not len(states):
        return []
    cohorts = _cohort_columns(view, states, "SRC_STATES")
    label = "Recommendation of the escalation rules"
    lines = [Line(label, label, block=True)]
    for review in dict.fromkeys(states["REVIEW"]):
        chosen = states[states["REVIEW"] == review].sort_values("REVDT", kind="stable")
        text = chosen["RECOM"].map(lambda said: say_coded(said, view.trial.abbreviations))
        text = text.mask(chosen["MTD"].notna(), text + ", MTD " + chosen["MTD"].fillna("").str.lower())
        cells = text.groupby(cohorts[chosen.index]).agg("; ".join).to_dict()
        lines.append(Line(f"{label} | {review}", _review_label(review), indent=1, texts=cells))
    return lines


@family("Dose-limiting toxicities")
def dlt_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the escalation: for the open phases of a trial."""
    phases = tuple(number for number, phase in trial.phases.items() if phase.reference is None)
    yield Declaration(
        "T14.3.1.12", "Dose-Limiting Toxicities", "SAF", ("ADDLT", "ADAE"), ("F5", "F6", "F24"), dose_limiting_toxicities, phases,
        variables={
            "ADDLT": ("USUBJID", "PARAMCD", "AVALC"), "ADSL": ("DLTEVFL",),
            "ADAE": ("USUBJID", "DLTFL", "ASTDY", "ASTDT", "AESEQ", "AEDECOD", "ATOXGR"),
        },
        needs={"dose_escalation": lambda trial: trial.dose_escalation is not None},
    )  # fmt: skip
