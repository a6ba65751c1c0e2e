"""14.3.1.12 Dose-limiting toxicities, the primary outcome of the dose escalation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import NO_TERM, Is, Key, Meaning, Part
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows, record_keys, with_exact_interval
from cgbm1_report.tabulate.declare import Declaration, Needs, Summary, family
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.table import Line, count, out_of
from cgbm1_report.tabulate.view import View, refuse_unexpected

#: What a table of toxicities reads, and of whom the rate in the window is counted.
DLT_VARIABLES = {
    "ADDLT": ("USUBJID", "PARAMCD", "AVALC"),
    "ADSL": ("DLTEVFL",),
    "ADAE": ("USUBJID", "DLTFL", "ASTDY", "ASTDT", "AESEQ", "AEDECOD", "ATOXGR"),
}
COUNTED_OF: Mapping[Part, Meaning] = {("PARAMCD", "DLT28"): ({"DLTEVFL": Is("=", "Y")},)}
#: What every output of the escalation needs.
ESCALATES: Needs = {"dose_escalation": lambda trial: trial.dose_escalation is not None}
_EVENTS: Key = (("DLTFL", "Y"),)
_DECISION: Key = (("DECISION", None),)
_RECOMMENDATION: Key = (("RECOM", None),)


def _rate_rows(view: View) -> Rows:
    """DLT-evaluable subjects; DLTs of the evaluable in the window and of all subjects to the registry's day, with intervals."""
    subjects = view.subjects_with("DLTEVFL")
    evaluable = subjects[subjects["DLTEVFL"] == "Y"]
    early, late = (flags[flags["AVALC"] == "Y"] for flags in (view.coded("ADDLT", name) for name in ("DLT28", "DLT180")))
    early = early[early["USUBJID"].isin(evaluable["USUBJID"])]
    window, registry = view.trial.observation_days, view.trial.study.followup_days
    names = (
        "DLT-evaluable subjects, n",
        f"DLT within {window} days after the first dose, n/DLT-evaluable",
        f"DLT within {registry} days after the first dose, n (%)",
    )
    base = count_population(evaluable, view.column_keys)
    keys: tuple[Key, ...] = tuple((("PARAMCD", name), ("AVALC", "Y")) for name in ("DLT28", "DLT180"))
    return join_rows(
        [
            count_rows(view, [Selection((("DLTEVFL", "Y"),), names[0], evaluable)], show=count),
            with_exact_interval(count_rows(view, [Selection(keys[0], names[1], early)], show=out_of, denominators=base)),
            with_exact_interval(count_rows(view, [Selection(keys[1], names[2], late)])),
        ]
    )


def _event_texts(view: View) -> list[Line]:
    """One line per dose-limiting event: term, grade and study day, in its own column."""
    events = view.records("ADAE", "DLTFL", "ASTDY")
    events = events[events["DLTFL"] == "Y"].sort_values(["USUBJID", "ASTDT", "AESEQ"])
    on = events["ASTDY"].map("{:.0f}".format, na_action="ignore").astype("str").fillna("missing")
    texts = events["AEDECOD"].fillna(NO_TERM) + ", grade " + events["ATOXGR"].fillna("missing") + ", study day " + on
    return [
        Line((*_EVENTS, *key), who, indent=1, texts={column: text})
        for key, who, column, text in zip(
            record_keys(events, "USUBJID", "AESEQ"), events["USUBJID"], events["COLUMN"], texts, strict=True
        )
    ]


def _cohort_columns(view: View, records: pd.DataFrame, name: str) -> pd.Series:
    """The column of each record's cohort, whatever its case; a cohort that is no arm's has no column and is refused."""
    column_of = {arm.column.upper(): arm.column for arm in view.trial.arms_of(view.phase)}
    records = records.assign(COHORT=records["COHORT"].str.strip().str.upper())
    refuse_unexpected(name, records, "COHORT", column_of)
    refuse_unexpected(name, records, "REVIEW", records["REVIEW"].dropna().unique())
    return records["COHORT"].map(column_of)


def read_decisions(view: View) -> pd.DataFrame:
    """The recorded decisions of the safety review committee with the COLUMN of their cohort, of the columns that are shown."""
    decisions = view.adam.get("SRC_DECISIONS")
    if decisions is None or not len(decisions):
        return pd.DataFrame(columns=["COHORT", "REVIEW", "REVDTC", "DECISION", "COLUMN"], dtype="str")
    decisions = decisions.assign(COLUMN=_cohort_columns(view, decisions, "src_decisions.csv"))
    return decisions[decisions["COLUMN"].isin(view.column_keys)]


def _decision_texts(view: View) -> list[Line]:
    """The recorded decisions of the safety review committee: they, not the computed state, decide."""
    decisions = read_decisions(view)
    lines = []
    for review in dict.fromkeys(decisions["REVIEW"]):
        chosen = decisions[decisions["REVIEW"] == review].sort_values("REVDTC")
        text = chosen["DECISION"].map(lambda said: say_coded(said, view.trial.abbreviations)) + " (" + chosen["REVDTC"] + ")"
        cells = text.groupby(chosen["COLUMN"]).agg("; ".join).to_dict()
        lines.append(Line((*_DECISION, ("REVIEW", review)), review_label(review, view.trial), indent=1, texts=cells))
    # The document of one dose group tells what was decided on it, and not on the others.
    return [Line(_DECISION, "SRC decision (date)", block=True), *lines] if lines else []


def dose_limiting_toxicities(view: View) -> Summary:
    """DLT rates of both windows, the events, the SRC decisions and what the escalation rules recommended."""
    rates = _rate_rows(view)
    events = _event_texts(view)
    heading = [Line(_EVENTS, "DLT events", block=True)] if events else []
    return Summary(
        rates.numbers,
        rates.lines + heading + events + _decision_texts(view) + _recommendation_texts(view),
        "Dose-limiting toxicity",
        stub_width=2.5,
        footnotes=(STUDY_DAY,) if events else (),
        without=() if events else ("F5",),
    )


def review_label(review: str, trial: Trial) -> str:
    """What a review is called: as trial.yaml has it, or that it is none and the data end there."""
    reviews = trial.dose_escalation.reviews if trial.dose_escalation else {}
    return reviews.get(review, review.capitalize())


def _recommendation_texts(view: View) -> list[Line]:
    """What the escalation rules recommended on the day of each review, and on the last day of the data."""
    states = view.adam.get("SRC_STATES")
    if states is None or not len(states):
        return []
    cohorts = _cohort_columns(view, states, "SRC_STATES")
    states = states[cohorts.isin(view.column_keys)]
    lines = [Line(_RECOMMENDATION, "Recommendation of the escalation rules", block=True)]
    for review in dict.fromkeys(states["REVIEW"]):
        chosen = states[states["REVIEW"] == review].sort_values("REVDT", kind="stable")
        text = chosen["RECOM"].map(lambda said: say_coded(said, view.trial.abbreviations))
        text = text.mask(chosen["MTD"].notna(), text + ", MTD " + chosen["MTD"].fillna("").str.lower())
        cells = text.groupby(cohorts[chosen.index]).agg("; ".join).to_dict()
        lines.append(Line((*_RECOMMENDATION, ("REVIEW", review)), review_label(review, view.trial), indent=1, texts=cells))
    return lines


def escalating_phases(trial: Trial) -> tuple[int, ...]:
    """The phases whose subjects can be evaluated for dose-limiting toxicities."""
    return tuple(phase for one in trial.populations if one.flag == "DLTEVFL" for phase in one.phases) or tuple(trial.phases)[:1]


@family("Dose-limiting toxicities")
def dlt_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the escalation: for the phases whose subjects can be evaluated for it."""
    yield Declaration(
        "T14.3.1.12", "Dose-Limiting Toxicities", "SAF", ("ADDLT", "ADAE"), ("F5", "F6", "F24"), dose_limiting_toxicities,
        escalating_phases(trial), variables=DLT_VARIABLES,
        needs=ESCALATES, methods=("rate",),
        listings=("L16.2.7.1", "L16.2.7.2"), counted_of=COUNTED_OF,
    )  # fmt: skip
