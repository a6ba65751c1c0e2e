"""The records behind a number of an output, as a frame: asked of the data by the second count."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.errors import PlanError
from cgbm1_report.notebook.values import find_value
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount import datasets_of, strip_key
from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.behind import Behind, find_behind
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key, read_key
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.table import Output


def find_records(
    made: Output,
    entry: Entry,
    trial: Trial,
    adam: Mapping[str, pd.DataFrame],
    row: Mapping[str, str | None] | None,
    column: str | None,
    stat: str | None,
    *,
    pooled: bool,
) -> pd.DataFrame:
    """The records that a number of an output is counted or computed of.

    Raises
    ------
    ReportError
        There is no such number, or it is no count and no summary.
    """
    told = find_value(made, row, column, stat)
    own = made.ard[(made.ard["row"] == told["row"]) & (made.ard["column"] == told["column"])]
    facts = tell_facts(made.number, entry, trial, split_group(made.number)[1], pooled=pooled)
    key = strip_key(read_key(told["row"]))
    found = _find(facts, adam, key, list(own["context"].unique()), told["column"])
    if found is None:
        rule, remedy = (
            "what stands behind a number",
            "name a count or a summary; report.output(number).ard says what each number is",
        )
        raise PlanError(f"{told['text']} of {made.number} is no count and no summary", rule=rule, remedy=remedy)
    records = adam[found.dataset].iloc[list(found.records)].reset_index(drop=True)
    records.attrs["dataset"] = found.dataset
    return records


def _find(facts: Facts, adam: Mapping[str, pd.DataFrame], key: Key, contexts: list[str], column: str) -> Behind | None:
    """The first of the analyses of a cell that is asked of records."""
    with tempfile.TemporaryDirectory() as folder:
        for name in {"ADSL", *datasets_of(facts)} & set(adam):
            adam[name].to_parquet(Path(folder) / f"{name.lower()}.parquet", index=False)
        with Database(Path(folder), {"ADSL", *datasets_of(facts)}) as database:
            for context in contexts:
                found = find_behind(Asked(database, facts, [key], {}), context) or {}
                if (key, column) in found:
                    return found[key, column]
    return None
