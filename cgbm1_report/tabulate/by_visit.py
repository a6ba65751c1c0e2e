"""Measured values by visit: statistics are columns, under a head for each measure; a visit has a row per treatment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous, analyse_geometric
from cgbm1_report.analyse.counts import analyse_counts, analyse_shares
from cgbm1_report.analyse.numbers import GEOMETRIC, SUMMARY, TABULATE, join_numbers
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.declare import Summary
from cgbm1_report.tabulate.layout import LIMITS, continuous_shows, geometric_mean_cv
from cgbm1_report.tabulate.table import Column, Line, Show, count, count_percent, numbers
from cgbm1_report.tabulate.view import View

#: Shares of the sheet that the columns of statistics take, beside a stub of so much.
_WIDTHS = {"n": 0.5, "Mean (SD)": 1.5, "95% CI of mean": 1.4, "Median": 0.85, "Q1, Q3": 1.35, "Min, Max": 1.3}
_STUB, _OTHER = 2.0, 1.1


@dataclass(frozen=True)
class Measured(ABC):
    """What is told of a visit: a variable and the head that its columns stand under.

    ``below`` is the variable whose columns it shares, a row lower: it has none of its own.
    """

    variable: str
    name: str
    below: str = ""
    context: ClassVar[str]

    @property
    def part(self) -> Key:
        """The last part of the key of its rows."""
        return ((self.variable, None),)

    @property
    def slot(self) -> str:
        """What tells it from other measures of the table: what is told of which variable."""
        return f"{self.variable} {self.context}"

    @property
    @abstractmethod
    def shows(self) -> dict[str, Show]:
        """How its statistics print, by their names, in their order."""

    @property
    def columns(self) -> list[Column]:
        """A column per statistic."""
        return [
            Column(
                f"{self.variable} {name}", name, width=_WIDTHS.get(name, _OTHER), spanner=self.name, measure=self.part,
                statistic=name, context=self.context,
            )
            for name in self.shows
        ]  # fmt: skip

    @abstractmethod
    def analyse(self, own: Visited, view: View, visits: Sequence[str]) -> pd.DataFrame:
        """Its numbers at these visits."""


@dataclass(frozen=True)
class Measure(Measured):
    """A summary: of a variable with so many decimals, with or without the interval of its mean."""

    dp: int = 0
    dp_extreme: int | None = None
    confidence: bool = False
    context: ClassVar[str] = SUMMARY

    @property
    def shows(self) -> dict[str, Show]:
        return dict(continuous_shows(self.dp, dp_extreme=self.dp_extreme, confidence=self.confidence))

    def analyse(self, own: Visited, view: View, visits: Sequence[str]) -> pd.DataFrame:
        return analyse_continuous(
            own.records, self.variable, view.column_keys, by=[own.by], prefix=own.key, confidence=self.confidence,
            levels=[(visit,) for visit in visits],
        )  # fmt: skip


@dataclass(frozen=True)
class Geometric(Measured):
    """A geometric summary: of values the mean with its coefficient of variation, of ratios the mean with its interval."""

    dp: int = 0
    ratio: bool = False
    context: ClassVar[str] = GEOMETRIC

    @property
    def shows(self) -> dict[str, Show]:
        if self.ratio:
            return {"Geometric mean": numbers(("geom_mean",), self.dp), "95% CI": numbers(LIMITS, self.dp)}
        return {"Geometric mean (CV %)": geometric_mean_cv(self.dp)}

    def analyse(self, own: Visited, view: View, visits: Sequence[str]) -> pd.DataFrame:
        return analyse_geometric(
            own.records, self.variable, view.column_keys, by=[own.by], prefix=own.key, levels=[(visit,) for visit in visits]
        )


@dataclass(frozen=True)
class Counted(Measured):
    """How many subjects have a ``level`` of a variable; ``label`` heads the column."""

    level: str = "Y"
    label: str = "n"
    context: ClassVar[str] = TABULATE

    @property
    def part(self) -> Key:
        return ((self.variable, self.level),)

    @property
    def slot(self) -> str:
        return f"{super().slot} {self.level}"

    @property
    def shows(self) -> dict[str, Show]:
        return {self.label: count}

    def analyse(self, own: Visited, view: View, visits: Sequence[str]) -> pd.DataFrame:
        chosen = own.records[(own.records[self.variable] == self.level) & own.records[own.by].isin(list(visits))]
        keys = [(*own.key, (own.by, visit), *self.part) for visit in visits]
        by = [own.by, self.variable]
        return analyse_counts(chosen, by, view.column_keys, view.population_counts, keys=keys, prefix=own.key)


@dataclass(frozen=True)
class Distributed(Measured):
    """How many subjects have each of the ``levels`` of a number, of those who have any: a column per level."""

    levels: tuple[int, ...] = ()
    context: ClassVar[str] = TABULATE

    @property
    def shows(self) -> dict[str, Show]:
        return {str(level): count_percent for level in self.levels}

    @property
    def columns(self) -> list[Column]:
        keys = {column.statistic: ((self.variable, column.statistic),) for column in super().columns}
        return [replace(column, measure=keys[column.statistic], statistic="n (%)") for column in super().columns]

    def analyse(self, own: Visited, view: View, visits: Sequence[str]) -> pd.DataFrame:
        known = own.records[own.records[self.variable].notna() & own.records[own.by].isin(list(visits))]
        known = known.assign(**{self.variable: known[self.variable].map("{:g}".format)})
        keys = [(*own.key, (own.by, visit), (self.variable, str(level))) for visit in visits for level in self.levels]
        return analyse_shares(known, [own.by, self.variable], view.column_keys, keys=keys, prefix=own.key)


@dataclass(frozen=True)
class Visited:
    """One parameter: its records, whose AVISIT names the visit, and its visits in order, each with what is measured there.

    ``key`` is what its rows are about. ``heading`` heads them where a table has several parameters, and ``name`` then
    stands with each visit: a page may begin there. ``by`` is the variable of the visits, or of what else follows in time,
    and ``words`` print its values where these do not print as they are.
    """

    key: Key
    records: pd.DataFrame
    visits: Mapping[str, Sequence[Measured]]
    heading: str = ""
    name: str = ""
    by: str = "AVISIT"
    words: Mapping[str, str] = field(default_factory=dict)


def summarise_by_visit(view: View, parameters: Sequence[Visited], stub: str) -> Summary:
    """A table of values by visit and, beside them, what else is measured.

    Value and change stand side by side, each under its head with a column per statistic; what is ``below`` another measure
    (percent change) shares its columns. Every visit has a row per treatment; where the table has
    one treatment only, the visit is the row.

    Parameters
    ----------
    parameters
        Of each its records, its key and, by visit, what is measured there: ``Visited((("PARAMCD", code),), records,
        {visit: [value, change]})`` with ``value = Measure("AVAL", "Value", dp=0)``. An example
        that runs stands in ``docs/analysts.md`` (A table of your own).
    stub
        What heads the visits: the parameter with its unit, where the table has one.

    Returns
    -------
    Summary
        The results keep the treatment as their column; a printed column names their measure and statistic.
    """
    measures = {one.slot: one for own in parameters for at_visit in own.visits.values() for one in at_visit}
    columns = [column for measure in measures.values() if not measure.below for column in measure.columns]
    found = [frame for own in parameters for frame in summarise_visits(own, view)]
    lines = [line for own in parameters for line in _lines_of(own, view)]
    return Summary(join_numbers(found), lines, head_visits(view, stub), columns or None, stub_width=_STUB)


def head_visits(view: View, stub: str) -> str:
    """What heads the rows of a table by visit."""
    if len(view.columns) > 1:
        return f"{stub}\nVisit\n  Treatment group".lstrip("\n")
    (only,) = view.columns
    return f"{stub}\nVisit, {only.key} (N={only.N})".lstrip("\n")


def summarise_visits(own: Visited, view: View) -> list[pd.DataFrame]:
    """Numbers of every measure at every visit that has it."""
    measures = {one.slot: one for at_visit in own.visits.values() for one in at_visit}
    return [
        measure.analyse(own, view, [visit for visit, at_visit in own.visits.items() if slot in {one.slot for one in at_visit}])
        for slot, measure in measures.items()
    ]


def _lines_of(own: Visited, view: View) -> list[Line]:
    """Lines of a parameter."""
    lines = [Line(own.key, own.heading, block=True)] if own.heading else []
    indent = len(lines)
    for visit, measures in own.visits.items():
        key, told = (*own.key, (own.by, visit)), own.words.get(visit, visit)
        label = f"{own.name}, {told}" if own.name else told
        own_columns = [one for one in measures if not one.below]
        beside = {f"{one.variable} {name}": show for one in own_columns for name, show in one.shows.items()}
        lines += treatment_lines(view, key, label, beside, (), indent)
        for measure in (one for one in measures if one.below):
            shows = {f"{measure.below} {name}": show for name, show in measure.shows.items()}
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
