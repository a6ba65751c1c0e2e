"""SRC-1, SRC-4 and SRC-12: where the dose escalation stands, its toxicity, and the committee's decision."""

from __future__ import annotations

from dataclasses import replace

from cgbm1_report.analyse.numbers import make_numbers
from cgbm1_report.derive.escalation import BELOW_LOWEST, STATE_WORDS, tell_state
from cgbm1_report.errors import PlanError
from cgbm1_report.outputs.dlt import COUNTED_OF, DLT_VARIABLES, ESCALATES, dose_limiting_toxicities
from cgbm1_report.protocol.clinical import DoseEscalation
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.declare import Listing, Summary, output
from cgbm1_report.tabulate.records import DateItem, Item, JoinedItem, Listed, list_records
from cgbm1_report.tabulate.reviews import tell_review
from cgbm1_report.tabulate.table import Column, Line
from cgbm1_report.tabulate.view import Review, View

#: A line to write on.
_LINE = "_" * 26


def review_of(view: View) -> Review:
    """The review a package is made for.

    Raises
    ------
    PlanError
        The output is made for none.
    """
    if view.review is None:
        raise PlanError("is made for a review", rule="packages", remedy="open the report with a package, a dose group and a review")
    return view.review


def reviewed_column(view: View) -> str:
    """The column of the dose group under review."""
    return view.trial.arm(review_of(view).armcd).column


def _rules(view: View) -> DoseEscalation:
    rules = view.trial.dose_escalation
    if rules is None:
        raise PlanError("trial.yaml declares no dose_escalation", rule="packages", remedy="leave the package out")
    return rules


def _told(trial: Trial, _: int) -> Listed:
    """A row for each dosed subject; what is told of its cohort stands with the cohort's first subject."""
    rules, words = trial.dose_escalation, {"Y": "Yes", "N": "No"}
    states = {state: tell_state(state, rules) for state in STATE_WORDS} if rules else {}
    tolerated = {level: f"MTD {level.lower()}" for level in (BELOW_LOWEST, *(arm.column.upper() for arm in trial.arms))}
    dlt = (Item("", "", "DLTFL", words=words), Item("", "", "DLTDY", dp=0))
    recommended = (Item("", "", "RECOM", sentence=True), Item("", "", "MTD", words=tolerated))
    items = (
        Item("COHORTSQ", "Order in\ncohort", width=0.75, dp=0),
        DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.0),
        Item("OBSDAYS", "Days\nobserved", width=0.8, dp=0),
        Item("EVALST", "DLT-evaluable", width=1.1, align="left", words={**words, "PENDING": "Under observation"}),
        JoinedItem("DLT", "DLT (study day)", width=1.0, align="left", join=", day ", parts=dlt),
        Item("REPLACED", "Replaced", width=0.8, words=words),
        Item("STATE", "State of the cohort", width=2.1, align="left", words=states),
        JoinedItem("RECOM", "Recommended by\nthe rules", width=1.3, align="left", join=", ", parts=recommended),
        Item("DECISION", "Last decision of\nthe committee", width=1.2, align="left", sentence=True),
    )
    return Listed(items, dataset="SRC_SUBJECTS")


@output(
    "SRC-1", "Cohort Status and Decision Aid", population="SAF", source=("ADSL", "ADDLT"), total=False, scope="src",
    needs=ESCALATES, listed=_told,
    variables={"ADSL": ("COHORT", "COHORTSQ", "TRTSDT", "DLTEVFL", "DLTEXCL"), "ADDLT": ("USUBJID", "PARAMCD", "AVALC", "ADT")},
)  # fmt: skip
def cohort_status(view: View) -> Listing:
    """Per subject how long it was observed, whether it can be evaluated and had a DLT; per cohort what the rules recommend."""
    days = _rules(view).observation_days
    records = view.records("SRC_SUBJECTS", "OBSDAYS", "DLTFL", "EVALST", "REPLACED", "STATE", "RECOM", "DECISION")
    notes = (
        f"Under review: dose group {view.trial.arm(review_of(view).armcd).heading}.",
        f"Days observed: after the first dose, up to day {days}, alive and in the study.",
        f"DLT: within {days} days after the first dose, with its study day; the first dose is on study day 1.",
        "State, recommendation and decision stand with the first subject of their cohort. The recommendation is computed by the "
        "rules of the dose escalation from the data at the cut-off; the committee decides.",
    )
    return list_records(view, records, footnotes=notes if len(records) else ())


@output(
    "SRC-4", "Dose-Limiting Toxicities: Rate and Detail", population="SAF", source=("ADDLT", "ADAE"), footnotes=("F5", "F6", "F24"),
    total=False, scope="src", variables=DLT_VARIABLES, counted_of=COUNTED_OF, needs=ESCALATES,
)  # fmt: skip
def toxicity_of_levels(view: View) -> Summary:
    """DLT rates with exact intervals, events and decisions, of the dose group under review and those below it."""
    keys = view.column_keys
    levels = keys[: keys.index(reviewed_column(view)) + 1]
    # A higher dose group may have begun since: this page is about the step that is decided on.
    narrow = replace(view, shown=levels)
    return replace(dose_limiting_toxicities(narrow), columns=narrow.columns)


def _row(part: str, label: str, **texts: str) -> Line:
    key: Key = (("page", part), ("item", label))
    return Line(key, label, indent=int(part != "review"), texts=texts, block=part == "members")


#: Who signs, each on a line.
_MEMBERS = ("Chair", "Member 1", "Member 2", "Investigator", "Sponsor")
_FORM = (
    Column("TEXT", "Entry, or name in print", width=3.6, align="left"),
    Column("SIGNATURE", "Signature", width=2.6, align="left"),
    Column("DATE", "Date", width=1.6, align="left"),
)


@output("SRC-12", "Decision of the Safety Review Committee", population="SAF", source=(), total=False, scope="src", needs=ESCALATES)
def decision_page(view: View) -> Summary:
    """What the committee may decide, to be marked, and a line for each member to sign on: one page."""
    review, rules = review_of(view), _rules(view)
    lines = [
        _row("review", "Review", TEXT=tell_review(review, view.trial)),
        _row("review", "Data cut-off", TEXT=view.stamp.cutoff),
        Line((("page", "decision"),), "Decision, mark one", block=True),
        *(_row("decision", say_coded(said, view.trial.abbreviations), TEXT="____") for said in rules.src_decisions),
        Line((("page", "terms"),), "Terms of the decision", block=True),
        *(_row("terms", label, TEXT=_LINE) for label in ("Dose group to be dosed next", "Number of subjects", "Comments")),
        Line((("page", "members"),), "Members of the committee", block=True),
        *(_row("members", member, TEXT=_LINE, SIGNATURE=_LINE[:18], DATE=_LINE[:10]) for member in _MEMBERS),
    ]
    return Summary(make_numbers([]), lines, "Item", columns=_FORM, stub_width=2.8)
