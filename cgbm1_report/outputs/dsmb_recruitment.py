"""DSMB-1: who was screened and randomised, week by week, and how many were planned."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.analyse.numbers import join_numbers, take_counts
from cgbm1_report.outputs.disposition import SCREENED, entry_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows
from cgbm1_report.tabulate.declare import Drawing, Summary, output
from cgbm1_report.tabulate.draw_accrual import draw_accrual
from cgbm1_report.tabulate.table import Column, Line, count
from cgbm1_report.tabulate.view import View

_WEEK = pd.Timedelta(days=6)
_NOTE = "Weeks begin on Monday. Subjects are screened on the day of consent. N: subjects screened."


def _dates(trial: Trial, phase: int) -> dict[str, str]:
    """What is told of each week, with the date it is told by."""
    entry = entry_of(trial, phase)
    return {"Screened": "RFICDT", entry.capitalize(): "RANDDT" if trial.phases[phase].reference else "ENRLDT"}


def _variables(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    return {"ADSL": tuple(_dates(trial, phase).values())}


def planned_size(trial: Trial, phase: int) -> int | None:
    """How many subjects the arms of a phase are planned to have; none where one of them does not say it."""
    sizes = [arm.planned_n for arm in trial.arms_of(phase)]
    return sum(size[1] for size in sizes if size) if all(sizes) and sizes else None


def _weeks(view: View, subjects: pd.DataFrame, dates: Sequence[str]) -> list[tuple[str, str]]:
    """First and last day of each week of recruitment; it goes on to the data cut-off until as many are in as were planned."""
    told = pd.concat([subjects[name] for name in dates]).dropna()
    if told.empty:
        return []
    planned, cutoff = planned_size(view.trial, view.phase), pd.to_datetime(view.stamp.cutoff, errors="coerce")
    goes_on = planned is None or subjects[dates[-1]].notna().sum() < planned
    last = max(told.max(), cutoff) if goes_on and pd.notna(cutoff) else told.max()
    begins = pd.date_range(told.min() - pd.Timedelta(days=told.min().weekday()), last, freq="7D")
    return [(f"{day:%Y-%m-%d}", f"{day + _WEEK:%Y-%m-%d}") for day in begins]


def _select(subjects: pd.DataFrame, variable: str, begin: str, end: str) -> tuple[Selection, Selection]:
    """Who has a date within a week, and who by its end."""
    day = subjects[variable]
    until: Key = ((variable, f"<={end}"),)
    within = subjects[day.between(pd.Timestamp(begin), pd.Timestamp(end))]
    return Selection(((variable, f">={begin}"), *until), begin, within), Selection(until, end, subjects[day <= pd.Timestamp(end)])


def _planned_note(view: View) -> str:
    planned, entry = planned_size(view.trial, view.phase), entry_of(view.trial, view.phase)
    if planned is None:
        return "The protocol states no planned number of subjects."
    return f"Planned: {planned} subjects {entry}. The protocol states no dates of recruitment, so none is projected."


@output(
    "DSMB-1a", "Recruitment by Week", population=SCREENED, source=("ADSL",), scope="dsmb", total=False, variables=_variables,
)  # fmt: skip
def recruitment(view: View) -> Summary:
    """A row per week: who was screened and who randomised, in the week and to its end."""
    dates, (only,) = _dates(view.trial, view.phase), view.columns
    subjects = view.subjects_with(*dates.values())
    places = {(name, when): f"{name} {when}" for name in dates for when in ("in the week", "to date")}
    columns = [
        Column(key, when.capitalize(), spanner=f"{name}, n", statistic="n", align="right") for (name, when), key in places.items()
    ]
    parts: list[pd.DataFrame] = []
    lines = []
    for begin, end in _weeks(view, subjects, list(dates.values())):
        chosen = {name: _select(subjects, variable, begin, end) for name, variable in dates.items()}
        cells = [one for own in chosen.values() for one in own]
        parts.append(count_rows(view, cells).numbers)
        keys = dict(zip(places.values(), (one.key for one in cells), strict=True))
        shows = dict.fromkeys(keys, count)
        lines.append(Line(cells[1].key, f"{begin} to {end}", column=only.key, shows=shows, places=keys))
    stub = f"Week\n{only.key} (N={only.N})"
    return Summary(*Rows(join_numbers(parts), lines), stub, columns, stub_width=2.4, footnotes=(_NOTE, _planned_note(view)))


@output(
    "DSMB-1b", "Cumulative Recruitment", population=SCREENED, source=("ADSL",), scope="dsmb", total=False, variables=_variables,
)  # fmt: skip
def cumulative_recruitment(view: View) -> Drawing:
    """How many were screened and randomised by the end of each week, and the number planned."""
    dates = _dates(view.trial, view.phase)
    subjects = view.subjects_with(*dates.values())
    ends = [end for _, end in _weeks(view, subjects, list(dates.values()))]
    selections = {name: [_select(subjects, variable, end, end)[1] for end in ends] for name, variable in dates.items()}
    numbers = join_numbers(count_rows(view, own).numbers for own in selections.values())
    numbers = numbers[numbers["stat_name"].isin(["n", "N"])].reset_index(drop=True)
    counts, (only,) = take_counts(numbers), view.column_keys
    courses = {name: [counts[one.key][only][0] for one in own] for name, own in selections.items()}
    planned, entry = planned_size(view.trial, view.phase), entry_of(view.trial, view.phase)
    level = None if planned is None else (f"Planned to be {entry}: {planned}", planned)
    svg = draw_accrual(ends, courses, ylabel="Subjects", xlabel="End of the week", level=level)
    told = ", ".join(f"{course[-1]} {name.lower()}" for name, course in courses.items() if course)
    alt = f"Number of subjects by the end of each week. {f'By {ends[-1]}: {told}.' if ends else 'No subject was screened.'}"
    return Drawing(numbers, svg, f"{alt} {_planned_note(view)}", height_in=4.6, footnotes=(_NOTE, _planned_note(view)))
