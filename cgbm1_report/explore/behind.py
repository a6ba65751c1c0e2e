"""The records behind a number of an output, as a frame: asked of the data by the second count."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from cgbm1_report.errors import ArgumentError, PlanError, suggest
from cgbm1_report.notebook.values import RowAsked, find_results, find_value
from cgbm1_report.recount import datasets_of, strip_key
from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.behind import AT_RISK, Behind, find_at_risk, find_behind
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key, read_key
from cgbm1_report.tabulate.table import Output


def find_records(
    made: Output,
    facts: Facts,
    adam: Mapping[str, pd.DataFrame],
    row: RowAsked | None,
    column: str | None,
    stat: str | None,
    dataset: str | None,
) -> pd.DataFrame:
    """The records that a number of an output is of, at risk the times of who is; of another ``dataset`` its subjects' records.

    Raises
    ------
    ReportError
        There is no such number, or it is no count and no summary; the output is not made of the dataset.
    """
    told = find_results(made, row, column) if stat is None else find_value(made, row, column, stat)
    own = made.ard[(made.ard["row"] == told["row"]) & (made.ard["column"] == told["column"])]
    if dataset is not None and dataset.upper() not in facts.sources:
        raise ArgumentError(
            f"{made.number} is not made of {dataset}", rule="study.rows_behind", remedy=suggest(dataset, facts.sources)
        )
    key = strip_key(read_key(told["row"]))
    if (stat or "") == AT_RISK or set(own.loc[own["stat_fmt"].notna(), "stat_name"]) == {AT_RISK}:
        with _open(facts, adam) as database:
            found = find_at_risk(Asked(database, facts, [key], {})).get((key, told["column"]))
    else:
        found = _find(facts, adam, key, list(own["context"].unique()), told["column"])
    if found is None:
        remedy = "name a count, a summary or a number at risk; study.output(number).ard says what each number is"
        raise PlanError(f"{told['text']} of {made.number} is no count and no summary", rule="study.rows_behind", remedy=remedy)
    name, places = found.dataset, list(found.records)
    if dataset is not None and dataset.upper() != name:
        subjects = adam[name].iloc[places]["USUBJID"]
        name = dataset.upper()
        places = _find_of_subjects(facts, adam, key, name, subjects)
    records = adam[name].iloc[places].reset_index(drop=True)
    records.attrs["dataset"] = name
    return records


def _find_of_subjects(facts: Facts, adam: Mapping[str, pd.DataFrame], key: Key, dataset: str, subjects: pd.Series) -> list[int]:
    """Where a dataset's records of subjects stand that the output chooses and that are of a row, as of its parameter and visit."""
    # A shift's last two parts are levels of subjects: none of their records need have both.
    ends = -2 if {name for name, _ in key[-2:]} & facts.shifts.keys() else len(key)
    with _open(facts, adam) as database:
        own = tuple(part for part in key[:ends] if part[0] in database.columns[dataset])
        view = database.view(facts, dataset, [name for name, _ in own])
        ((asked, values),) = database.match(view, {0: own})
        found = {record for (record,) in database.ask(f"SELECT DISTINCT r.record {asked}", values)}
    mine = adam[dataset]["USUBJID"].isin(subjects)
    return [int(place) for place in mine.to_numpy().nonzero()[0] if place in found]


def _find(facts: Facts, adam: Mapping[str, pd.DataFrame], key: Key, contexts: list[str], column: str) -> Behind | None:
    """The first of the analyses of a cell that is asked of records."""
    with _open(facts, adam) as database:
        for context in contexts:
            found = find_behind(Asked(database, facts, [key], {}), context) or {}
            if (key, column) in found:
                return found[key, column]
    return None


@contextmanager
def _open(facts: Facts, adam: Mapping[str, pd.DataFrame]) -> Iterator[Database]:
    """The datasets of an output, to be asked in SQL."""
    with tempfile.TemporaryDirectory() as folder:
        for name in {"ADSL", *datasets_of(facts)} & set(adam):
            adam[name].to_parquet(Path(folder) / f"{name.lower()}.parquet", index=False)
        with Database(Path(folder), {"ADSL", *datasets_of(facts)}) as database:
            yield database
