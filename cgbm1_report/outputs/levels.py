"""Tables that a study's trial.yaml declares by itself: subjects by the level of a variable, by visit and baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pandas as pd

from cgbm1_report.analyse.counts import analyse_shares
from cgbm1_report.errors import DataError
from cgbm1_report.protocol.level_tables import LevelTable
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.by_visit import treatment_lines
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.table import Column, Line, Show, count_percent
from cgbm1_report.tabulate.view import View, refuse_unexpected

_SHARES = "Percentages: of the subjects of the row who have a level."
_VISIT = "AVISIT"


def _variables(table: LevelTable) -> tuple[str, ...]:
    """Variables the table cannot be made without."""
    visits = (_VISIT, "AVISITN") if table.visits else ()
    baseline = (table.baseline,) if table.baseline else ()
    return tuple(dict.fromkeys(("PARAMCD", *visits, *baseline, table.variable, *table.where)))


def _as_text(values: pd.Series) -> pd.Series:
    """Levels as trial.yaml writes them: numbers without their zeros."""
    return values.map("{:g}".format, na_action="ignore").astype("str") if pd.api.types.is_numeric_dtype(values) else values


def _read(view: View, table: LevelTable, by: list[str]) -> pd.DataFrame:
    """The records that count, one per subject and row.

    Raises
    ------
    ReportError
        A level is none of those declared, or a subject has two levels in a row: it would be counted in both.
    """
    records = choose(view.records(table.dataset, *_variables(table)), table.where)
    records = records[records["PARAMCD"].isin(table.parameters)]
    for name in filter(None, (table.baseline, table.variable)):
        records = records.assign(**{name: _as_text(records[name])})
        refuse_unexpected(table.dataset, records, name, list(table.levels), optional=True)
    records = records.assign(**{table.part: records[table.variable]}).dropna(subset=by)
    if table.highest:
        records = records.sort_values(table.part, key=lambda values: values.astype("float64"), ascending=False, kind="stable")
        return records.drop_duplicates(["USUBJID", *by[:-1]])
    records = records.drop_duplicates(["USUBJID", *by])
    twice = records.duplicated(["USUBJID", *by[:-1]])
    if twice.any():
        first = records[twice].iloc[0]
        raise DataError(
            f"the subject has two levels of {table.variable}",
            file=table.dataset,
            rule="a subject stands in one level of a row",
            place=", ".join(str(first[name]) for name in ("USUBJID", *by[:-1])),
            remedy="choose one record by where of the table in trial.yaml, or ask for the highest",
        )
    return records


def count_levels_of(table: LevelTable, view: View) -> Summary:
    """A block per parameter, a row per visit and baseline that somebody has and treatment, a column per level."""
    by = ["PARAMCD", *([_VISIT] if table.visits else []), *([table.baseline] if table.baseline else []), table.part]
    records = _read(view, table, by)
    if table.visits:
        order = records.sort_values("AVISITN", kind="stable")[_VISIT].drop_duplicates()
        records = records.assign(**{_VISIT: pd.Categorical(records[_VISIT], list(order), ordered=True)})
    if table.baseline:
        records = records.assign(**{table.baseline: pd.Categorical(records[table.baseline], list(table.levels), ordered=True)})
    columns = [
        Column(f"{table.part} {level}", words, measure=((table.part, level),), statistic="n (%)")
        for level, words in table.levels.items()
    ]
    found = records[by[:-1]].drop_duplicates().sort_values(by[:-1])
    rows: dict[str, list[Key]] = {code: [] for code in table.parameters}
    for values in found.itertuples(index=False, name=None):
        rows[str(values[0])].append(tuple((name, str(value)) for name, value in zip(by[:-1], values, strict=True)))
    asked = [(*row, (table.part, level)) for own in rows.values() for row in own for level in table.levels]
    numbers = analyse_shares(records.astype(dict.fromkeys(by[1:-1], "str")), by, view.column_keys, keys=asked)
    numbers, shows = numbers[numbers["stat_name"] != "n_events"], {column.key: count_percent for column in columns}
    lines = [line for code in table.parameters if rows[code] for line in _lines_of(table, view, code, rows[code], shows)]
    stub = "\n  ".join(["Parameter", *(["Visit"] if table.visits else []), *(["Baseline"] if table.baseline else [])])
    notes = (_SHARES, *_tell_every_record(view, table, records))
    return Summary(numbers, lines, f"{stub}\n    Treatment group, n (%)", columns, stub_width=2.4, footnotes=notes)


def _tell_every_record(view: View, table: LevelTable, records: pd.DataFrame) -> tuple[str, ...]:
    """The note that records count which the flag of a visit does not choose: tables of means by visit leave these out."""
    flag = view.trial.conventions.visit_flag
    if not table.visits or flag is None or flag in table.where or flag not in records:
        return ()
    more = int((records[flag] != "Y").sum())
    return (f"Of a visit records without {flag} = Y count as well: {more} of {len(records)}.",) if more else ()


def _lines_of(table: LevelTable, view: View, code: str, rows: list[Key], shows: Mapping[str, Show]) -> list[Line]:
    """The rows of a parameter; where it has several, its name stands with each: a page may begin there."""
    parameter, deep = view.parameter(code), int(len(rows[0]) > 1)
    lines = [Line((("PARAMCD", code), ("levels", None)), parameter.heading, block=True)] if deep else []
    for row in rows:
        told = [f"baseline: {table.levels[str(level)]}" if name == table.baseline else str(level) for name, level in row[1:]]
        lines += treatment_lines(view, row, ", ".join([parameter.name, *told]) if deep else parameter.heading, shows, (), deep)
    return lines


def _body(table: LevelTable) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return count_levels_of(table, view)

    return body


def _needed(table: LevelTable, _: Trial, __: int) -> dict[str, tuple[str, ...]]:
    return {table.dataset: ("USUBJID", *_variables(table))}


@family("Subjects by the levels of a variable", needs={"level_tables": lambda trial: bool(trial.level_tables)})
def level_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per entry of trial.yaml."""
    for table in trial.level_tables:
        yield Declaration(
            table.number, table.title, table.population, (table.dataset,), table.footnotes, _body(table), where=table.where,
            total=False, variables=partial(_needed, table), shares=(table.part,),
            highest={table.part: table.variable} if table.highest else {},
        )  # fmt: skip
