"""SRC-1, SRC-4 and SRC-12: where the dose escalation stands, its toxicity, and the committee's decision."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cgbm1_report.analyse.numbers import make_numbers
from cgbm1_report.derive.escalation import AT_CUTOFF, derive_cohort_subjects, tell_state
from cgbm1_report.errors import PlanError
from cgbm1_report.outputs.dlt import COUNTED_OF, DLT_VARIABLES, ESCALATES, dose_limiting_toxicities
from cgbm1_report.protocol.clinical import DoseEscalation
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import Listing, Summary, output
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


def mark_group(view: View, columns: pd.Series) -> pd.Series:
    """The dose groups of records with their doses, that under review marked."""
    own = reviewed_column(view)
    marks = {
        arm.column: f"{arm.heading}, under review" if arm.column == own else arm.heading for arm in view.trial.arms_of(view.phase)
    }
    return columns.map(marks).astype("str")


def _states(view: View) -> pd.DataFrame:
    """What the rules recommend of each cohort as the data are, and what was decided on it last; by the cohort's column."""
    states, columns = view.adam.get("SRC_STATES"), {arm.column.upper(): arm.column for arm in view.trial.arms_of(view.phase)}
    if states is None or not len(states):
        return pd.DataFrame(columns=["STATE", "RECOM", "DECISION"], dtype="str")
    now = states[states["REVIEW"] == AT_CUTOFF]
    words = view.trial.abbreviations
    recommended = now["RECOM"].map(lambda said: say_coded(said, words)).astype("str")
    return pd.DataFrame(
        {
            "STATE": now["STATE"].map(lambda state: tell_state(state, _rules(view))),
            "RECOM": recommended.mask(now["MTD"].notna(), recommended + ", MTD " + now["MTD"].fillna("").str.lower()),
            "DECISION": now["DECISION"].map(lambda said: say_coded(said, words), na_action="ignore").fillna("None yet"),
        }
    ).set_axis(now["COHORT"].map(columns), axis=0)


_COLUMNS = (
    Column("LEVEL", "Dose group", width=1.5, align="left", once=True),
    Column("STATE", "State of the cohort", width=2.0, align="left", once=True),
    Column("RECOM", "Recommended by\nthe rules", width=1.2, align="left", once=True),
    Column("DECISION", "Last decision of\nthe committee", width=1.2, align="left", once=True),
    Column("SUBJECT", "Subject", width=1.9, align="left"),
    Column("TRTSDT", "First dose", width=0.9),
    Column("OBSERVED", "Days observed", width=0.8, align="right"),
    Column("EVALUABLE", "DLT-evaluable", width=1.0, align="left"),
    Column("DLT", "DLT (study day)", width=0.9, align="left"),
    Column("REPLACED", "Replaced", width=0.8, align="left"),
)


@output(
    "SRC-1", "Cohort Status and Decision Aid", population="SAF", source=("ADSL", "ADDLT"), total=False, scope="src",
    variables={"ADSL": ("COHORT", "COHORTSQ", "TRTSDT", "DLTEVFL", "DLTEXCL"), "ADDLT": ("USUBJID", "PARAMCD", "AVALC", "ADT")},
)  # fmt: skip
def cohort_status(view: View) -> Listing:
    """Per subject how long it was observed, whether it can be evaluated and had a DLT; per cohort what the rules recommend."""
    days = _rules(view).observation_days
    known = view.subjects_with("DLTEVFL").set_index("USUBJID")["COLUMN"]
    found = derive_cohort_subjects(view.everybody, view.dataset("ADDLT"), view.adam.get("SRC_DECISIONS"), view.trial)
    found = found[found["USUBJID"].isin(known.index)]
    found = found.assign(COLUMN=pd.Categorical(found["USUBJID"].map(known), categories=list(view.column_keys), ordered=True))
    # Of one cohort in the order of dosing.
    printed = _print_subjects(view, found.sort_values("COLUMN", kind="stable"), days)
    blocks = [int(place) for place in printed["LEVEL"].ne(printed["LEVEL"].shift()).to_numpy().nonzero()[0]]
    notes = (
        f"Days observed: after the first dose, up to day {days}, alive and in the study.",
        f"DLT: within {days} days after the first dose, with its study day; the first dose is on study day 1.",
        "The recommendation is computed by the rules of the dose escalation from the data at the cut-off; the committee decides.",
    )
    return Listing(printed, _COLUMNS, record_keys(printed, "USUBJID"), blocks, notes)


def _print_subjects(view: View, found: pd.DataFrame, days: int) -> pd.DataFrame:
    """The texts of `_COLUMNS`, a row per subject, with what is said of its cohort."""
    column, states = found["COLUMN"].astype("str"), _states(view)
    toxic = found["DLTDT"].notna()
    on = (found["DLTDT"] - found["TRTSDT"]).dt.days.add(1).map("{:.0f}".format, na_action="ignore").astype("str")
    can = (
        pd.Series("Yes", index=found.index).mask((found["OBSDAYS"] < days) & ~toxic, "Under observation").mask(found["LOST"], "No")
    )
    return pd.DataFrame(
        {
            "USUBJID": found["USUBJID"], "LEVEL": mark_group(view, column),
            **{name: column.map(states[name]).astype("str") for name in ("STATE", "RECOM", "DECISION")},
            "SUBJECT": found["USUBJID"], "TRTSDT": found["TRTSDT"].dt.strftime("%Y-%m-%d"),
            "OBSERVED": found["OBSDAYS"].map("{:.0f}".format), "EVALUABLE": can, "DLT": ("Yes (" + on + ")").where(toxic, "No"),
            "REPLACED": found["REPLACED"].map({"Y": "Yes", "N": "No"}),
        }
    )  # fmt: skip


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


def _row(part: str, label: str, text: str, *, block: bool = False, indent: int = 0) -> Line:
    key: Key = (("page", part), ("item", label))
    return Line(key, label, indent=indent, texts={"TEXT": text}, block=block)


@output("SRC-12", "Decision of the Safety Review Committee", population="SAF", source=(), total=False, scope="src")
def decision_page(view: View) -> Summary:
    """What the committee may decide, to be marked, and lines to sign on."""
    review, rules = review_of(view), _rules(view)
    lines = [
        _row("review", "Review", tell_review(review, view.trial)),
        _row("review", "Data cut-off", view.stamp.cutoff),
        Line((("page", "decision"),), "Decision, mark one", block=True),
        *(_row("decision", say_coded(said, view.trial.abbreviations), "____", indent=1) for said in rules.src_decisions),
        Line((("page", "terms"),), "Terms of the decision", block=True),
        *(_row("terms", label, _LINE, indent=1) for label in ("Dose group to be dosed next", "Number of subjects", "Comments")),
    ]
    for member in ("Chair", "Member 1", "Member 2", "Investigator", "Sponsor"):
        lines.append(Line((("page", member.lower()),), member, block=True))
        lines += [_row(member.lower(), label, _LINE, indent=1) for label in ("Name", "Signature", "Date")]
    return Summary(make_numbers([]), lines, "Item", columns=(Column("TEXT", "Entry", width=4.0, align="left"),), stub_width=3.2)
