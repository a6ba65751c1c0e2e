"""Measured values by visit: statistics are columns, under a head for each measure; a visit has a row per treatment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.declare import Summary
from cgbm1_report.tabulate.layout import continuous_shows
from cgbm1_report.tabulate.table import Column, Line, Show
from cgbm1_report.tabulate.view import View

#: Shares of the sheet that the columns of statistics take, beside a stub of so much.
_WIDTHS = {"n": 0.5, "Mean (SD)": 1.5, "95% CI of mean": 1.4, "Median": 0.85, "Q1, Q3": 1.35, "Min, Max": 1.3}
_STUB = 2.0
#: So many measures stand side by side; the others stand below the last of them.
_SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Measure:
    """What is summarised at a visit: a variable, its name in the table, its decimals, whether its mean has an interval."""

    variable: str
    name: str
    dp: int
    dp_extreme: int | None = None
    confidence: bool = False

    @property
    def part(self) -> Key:
        """The last part of the key of its rows."""
        return ((self.variable, None),)

    @property
    def shows(self) -> dict[str, Show]:
        """How its statistics print, by their names, in their order."""
        return dict(continuous_shows(self.dp, dp_extreme=self.dp_extreme, confidence=self.confidence))


@dataclass(frozen=True)
class Visited:
    """One parameter: its records, whose AVISIT names the visit, and its visits in order, each with what is measured there.

    ``key`` is what its rows are about. ``heading`` heads them where a table has several parameters, and ``name`` then
    stands with each visit: a page may begin there.
    """

    key: Key
    records: pd.DataFrame
    visits: Mapping[str, Sequence[Measure]]
    heading: str = ""
    name: str = ""


def summarise_by_visit(view: View, parameters: Sequence[Visited], stub: str) -> Summary:
    """A table of values by visit and, beside them, what else is measured.

    Value and change stand side by side, each under its head with a column per statistic; a further measure (percent
    change) stands below the change, whose columns it shares. Every visit has a row per treatment; where the table has
    one treatment only, the visit is the row.

    Parameters
    ----------
    stub
        What heads the visits: the parameter with its unit, where the table has one.

    Returns
    -------
    Summary
        The results keep the treatment as their column; a printed column names their measure and statistic.
    """
    measures = {one.variable: one for own in parameters for at_visit in own.visits.values() for one in at_visit}
    beside, below = list(measures.values())[:_SIDE_BY_SIDE], list(measures)[_SIDE_BY_SIDE:]
    columns = [column for measure in beside for column in _columns_of(measure)]
    numbers = [frame for own in parameters for frame in _summarise(own, view)]
    lines = [line for own in parameters for line in _lines_of(own, view, set(below), beside[-1].variable if beside else "")]
    return Summary(join_numbers(numbers), lines, head_visits(view, stub), columns or None, stub_width=_STUB)


def _columns_of(measure: Measure) -> list[Column]:
    return [
        Column(
            f"{measure.variable} {name}", name, width=_WIDTHS[name], spanner=measure.name, measure=measure.part, statistic=name,
        )
        for name in measure.shows
    ]  # fmt: skip


def head_visits(view: View, stub: str) -> str:
    """What heads the rows of a table by visit."""
    if len(view.columns) > 1:
        return f"{stub}\nVisit\n  Treatment group".lstrip("\n")
    (only,) = view.columns
    return f"{stub}\nVisit, {only.key} (N={only.N})".lstrip("\n")


def _summarise(own: Visited, view: View) -> list[pd.DataFrame]:
    """Numbers of every measure at every visit that has it."""
    measures = {one.variable: one for at_visit in own.visits.values() for one in at_visit}
    return [
        analyse_continuous(
            own.records, variable, view.column_keys, by=["AVISIT"], prefix=own.key, confidence=measure.confidence,
            levels=[(visit,) for visit, at_visit in own.visits.items() if variable in {one.variable for one in at_visit}],
        )
        for variable, measure in measures.items()
    ]  # fmt: skip


def _lines_of(own: Visited, view: View, below: set[str], above: str) -> list[Line]:
    """Lines of a parameter; measures ``below`` print in the columns of the measure ``above`` them."""
    lines = [Line(own.key, own.heading, block=True)] if own.heading else []
    indent = len(lines)
    for visit, measures in own.visits.items():
        key = (*own.key, ("AVISIT", visit))
        label = f"{own.name}, {visit}" if own.name else visit
        own_columns = [one for one in measures if one.variable not in below]
        beside = {f"{one.variable} {name}": show for one in own_columns for name, show in one.shows.items()}
        lines += treatment_lines(view, key, label, beside, (), indent)
        for measure in (one for one in measures if one.variable in below):
            shows = {f"{above} {name}": show for name, show in measure.shows.items()}
            lines += treatment_lines(view, key, measure.name, shows, measure.part, indent + 1)
    return lines


def treatment_lines(view: View, key: Key, label: str, shows: Mapping[str, Show], measure: Key, indent: int) -> list[Line]:
    """A row per treatment below a head; of one treatment the row itself has the head's label."""
    block = indent == 0 and not measure
    if len(view.columns) == 1:
        return [Line(key, label, indent=indent, column=view.columns[0].key, shows=shows, measure=measure)]
    head = Line((*key, *measure), label, indent=indent, block=block)
    return [
        head,
        *(
            Line(key, f"{column.key} (N={column.N})", indent=indent + 1, column=column.key, shows=shows, measure=measure)
            for column in view.columns
        ),
    ]
