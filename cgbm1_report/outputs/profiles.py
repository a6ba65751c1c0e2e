"""14.2.4 Individual courses of a dose group."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cgbm1_report.analyse.numbers import TABULATE, VALUE, Record, make_numbers
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import Drawing, output
from cgbm1_report.tabulate.draw import NAMED_LINES, choose_days, draw_profiles
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

#: Parameters drawn, in this order, each from the dataset that trial.yaml names for it.
PARAMETERS = ("MELD", "BILI")
#: Events that are marked, with the ADSL variable of their date.
EVENTS = {"Death": "DTHDT", "Liver transplantation": "LTDT"}
NEITHER = "Neither death nor transplantation"
#: What became of subjects, for whoever counts by it: a transplantation stands before a death.
_MEANINGS: dict[Part, Meaning] = {
    ("outcome", NEITHER): ({variable: Is("missing") for variable in EVENTS.values()},),
    ("outcome", "Death"): ({"DTHDT": Is("known"), "LTDT": Is("missing")},),
    ("outcome", "Liver transplantation"): ({"LTDT": Is("known")},),
}


@dataclass(frozen=True)
class _Course:
    """One parameter of a dose group: the values drawn, the events marked, and what is neither.

    ``values`` USUBJID, COLUMN, REL, AVAL by subject and day; ``marks`` EVENT, USUBJID, COLUMN, REL, AVAL;
    ``unmarked`` kinds of events without a value before them; ``late`` values dated after death and ``undated`` ones.
    """

    title: str
    unit: str
    heading: str
    values: pd.DataFrame
    marks: pd.DataFrame
    unmarked: pd.Series
    late: int
    undated: int

    def panel(self, title: str, subjects: Collection[str]) -> dict[str, Any]:
        """What `draw_profiles` draws of these subjects."""
        values, events = (own[own["USUBJID"].isin(list(subjects))] for own in (self.values, self.marks))
        lines = {str(who): (own["REL"].tolist(), own["AVAL"].tolist()) for who, own in values.groupby("USUBJID", sort=True)}
        marked = {label: events[events["EVENT"] == label] for label in EVENTS}
        marks = {label: (own["REL"].tolist(), own["AVAL"].tolist()) for label, own in marked.items()}
        return {"title": title, "ylabel": self.heading, "lines": lines, "marks": marks}


def _read_course(view: View, paramcd: str) -> _Course:
    """Values before transplantation and death, and both events at the last of them.

    The change tables leave out what is measured on the day of a transplantation or later (POSTLTFL), and the
    figure of the same parameter draws no other course; on the day of death a value comes before it. An event
    without any value before has no height to stand at.
    """
    parameter = view.parameter(paramcd)
    records = view.records(parameter.dataset, "PARAMCD", "AVAL", "ADT")
    records = records[(records["PARAMCD"] == paramcd) & records["AVAL"].notna()]
    undated = records["ADT"].isna()
    records = records[~undated]
    # Of two values of a day the later one is the last, where their times are known.
    records = records.sort_values(
        [name for name in ("USUBJID", "ADT", "ADTM") if name in records], kind="stable", na_position="first"
    )
    # No record may be there yet in an early cut: looked up by its labels, a date stays a date.
    own = view.subjects_with("ANCHDT", *EVENTS.values()).set_index("USUBJID").reindex(records["USUBJID"]).set_axis(records.index)
    late, replaced = records["ADT"] > own["DTHDT"], records["ADT"] >= own["LTDT"]
    if "POSTLTFL" in records:
        replaced |= records["POSTLTFL"] == "Y"
    values = records.assign(REL=_elapsed(records["ADT"], own["ANCHDT"]))[~late & ~replaced]
    happened = _read_events(view)
    happened = happened.assign(AVAL=happened["USUBJID"].map(values.groupby("USUBJID")["AVAL"].last()).astype("float64"))
    known = happened["AVAL"].notna()
    unit = parameter.unit or "score"
    heading = parameter.heading if parameter.unit else f"{parameter.name} score"
    unmarked = happened.loc[~known, "EVENT"]
    return _Course(parameter.name, unit, heading, values, happened[known], unmarked, int(late.sum()), int(undated.sum()))


def _read_events(view: View) -> pd.DataFrame:
    """EVENT, USUBJID, COLUMN, REL of every death and transplantation."""
    parts = []
    for label, variable in EVENTS.items():
        subjects = view.subjects[view.subjects[variable].notna()]
        parts.append(subjects[["USUBJID", "COLUMN"]].assign(EVENT=label, REL=_elapsed(subjects[variable], subjects["ANCHDT"])))
    return pd.concat(parts, ignore_index=True)


def _elapsed(date: pd.Series, anchor: pd.Series) -> pd.Series:
    return (date - anchor).dt.days.astype("float64")


@output(
    "F14.2.4", "Individual MELD and Total Bilirubin Profiles", population="FAS", source=("ADEFF", "ADLB"), scope="dose group",
    total=False, footnotes=("F13",), listings=("L16.2.6.2", "L16.2.6.4"), meanings=_MEANINGS, day_zero="ANCHDT",
    variables=dict.fromkeys(("ADEFF", "ADLB"), ("USUBJID", "PARAMCD", "AVAL", "ADT")) | {"ADSL": ("ANCHDT", "DTHDT", "LTDT")},
    needs={f"parameters {' and '.join(PARAMETERS)}": lambda trial: all(code in trial.parameters for code in PARAMETERS)},
)  # fmt: skip
def individual_profiles(view: View) -> Drawing:
    """One line per subject from screening on, with the day of death or transplantation."""
    courses = {paramcd: _read_course(view, paramcd) for paramcd in PARAMETERS}
    numbers: list[Record] = []
    for paramcd, course in courses.items():
        numbers += _list_numbers(paramcd, course)
    outcomes = _outcomes(view)
    numbers += _list_outcomes(view, outcomes)
    many = sum(map(len, outcomes.values())) > NAMED_LINES
    everybody = [who for subjects in outcomes.values() for who in subjects]
    groups = {_title(label, subjects): subjects for label, subjects in outcomes.items()} if many else {"": everybody}
    panels = [[course.panel(title, subjects) for title, subjects in groups.items()] for course in courses.values()]
    ends = {0, view.trial.study.followup_days}
    svg = draw_profiles(
        panels, xlabel=view.days_axis, ticks=choose_days(view.visit_days, ends, 7 if many else 15),
        visits=view.visit_days,
    )  # fmt: skip
    told = [*(_in_words(course) for course in courses.values()), *(_title(*outcome) for outcome in outcomes.items())]
    named = [] if many or not everybody else ["A line is named at its end by the last part of the subject's number."]
    notes = [*_notes(list(courses.values())), *named]
    return Drawing(make_numbers(numbers), svg, f"Individual courses. {'; '.join(told)}.", footnotes=notes)


def _outcomes(view: View) -> dict[str, list[str]]:
    """Subjects by what became of them: their transplantation, else their death, else neither; outcomes nobody had are not there."""
    subjects = view.subjects_with(*EVENTS.values())
    labels = pd.Series(NEITHER, index=subjects.index, dtype="str")
    for label, variable in EVENTS.items():
        # The transplantation comes last, and stands: after it there is no course.
        labels = labels.mask(subjects[variable].notna(), label)
    return {label: sorted(subjects.loc[labels == label, "USUBJID"]) for label in (NEITHER, *EVENTS) if (labels == label).any()}


def _title(label: str, subjects: Collection[str]) -> str:
    return f"{label} ({len(subjects)} subject{'s' * (len(subjects) != 1)})"


def _list_outcomes(view: View, outcomes: Mapping[str, list[str]]) -> list[Record]:
    """How many subjects each panel has."""
    column = view.column_keys[0] if view.column_keys else ""
    return [((("outcome", label),), column, TABULATE, "n", float(len(whom)), whom) for label, whom in outcomes.items()]


def _list_numbers(paramcd: str, course: _Course) -> list[Record]:
    """Every value drawn and every mark, with the day it stands at."""
    values, marks = course.values, course.marks
    days = values.groupby(["USUBJID", "REL"])["REL"]
    # Of several values of a day no variable tells which is which.
    places = (days.cumcount() + 1).where(days.transform("size") > 1)
    numbers: list[Record] = []
    keys = record_keys(values, "PARAMCD", "USUBJID", "ADT")
    for key, column, day, value, place in zip(keys, values["COLUMN"], values["REL"], values["AVAL"], places, strict=True):
        told: Key = (*key, *([("value", f"{place:.0f}")] if place == place else []), ("AVAL", None))
        who = [str(dict(key)["USUBJID"])]
        numbers += [(told, column, VALUE, "day", day, who), (told, column, VALUE, "value", value, who)]
    for event, who, column, day, value in zip(
        *(marks[name] for name in ("EVENT", "USUBJID", "COLUMN", "REL", "AVAL")), strict=True
    ):
        row = (("PARAMCD", paramcd), ("USUBJID", who), (EVENTS[event], None))
        numbers += [(row, column, VALUE, "day", day, [who]), (row, column, VALUE, "value", value, [who])]
    return numbers


def _counted(events: pd.Series) -> str:
    numbers = {label: int((events == label).sum()) for label in EVENTS}
    return " and ".join(f"{label.lower()} of {number} subject{'s' * (number > 1)}" for label, number in numbers.items() if number)


def _in_words(course: _Course) -> str:
    values, people = course.values["AVAL"], course.values["USUBJID"].nunique()
    if not people:
        return f"{course.title}: no values"
    extent = f"from {round_half_up(values.min(), 1)} to {round_half_up(values.max(), 1)} {course.unit}"
    marked = _counted(course.marks["EVENT"])
    text = f"{course.title}: {people} subject{'s' if people > 1 else ''}, {extent}"
    return f"{text}, {marked} marked" if marked else text


def _notes(courses: list[_Course]) -> list[str]:
    """How marks stand, where there are some; what is not drawn."""
    notes = []
    if any(len(course.marks) for course in courses):
        notes.append("Death and liver transplantation are marked on their day at the subject's last value before.")
    left_out = [f"{course.title}, {_counted(course.unmarked)}" for course in courses if len(course.unmarked)]
    if left_out:
        notes.append(f"Not marked, there being no value before: {'; '.join(left_out)}.")
    late = [f"{course.title}, {course.late}" for course in courses if course.late]
    if late:
        notes.append(f"Values dated after death, not drawn: {'; '.join(late)}.")
    undated = [f"{course.title}, {course.undated}" for course in courses if course.undated]
    if undated:
        notes.append(f"Values without a date, not drawn: {'; '.join(undated)}.")
    return notes
