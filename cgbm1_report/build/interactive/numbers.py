"""The numbers of an output that a reader may open: each cell with the records behind it, as its page counts them again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cgbm1_report.readback.printed import address_of
from cgbm1_report.recount import strip_key
from cgbm1_report.recount.behind import Behind, Found
from cgbm1_report.rows import Key, as_key, read_key

#: What a page counts of records, by the context of the results: it does the arithmetic that these need, and no other.
AGAIN: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("tabulate", "hierarchical", "missing"), ("n", "N", "p", "n_events", "N_nonmiss")),
    "summary": ("N", "mean", "sd", "median", "p25", "p75", "min", "max", "sum"),
    "geometric": ("N", "geom_mean", "geom_cv"),
}
_KEY = tuple[Key, str]


def tell_cells(content: Mapping[str, Any], ard: pd.DataFrame, found: Mapping[str, Found]) -> dict[str, Any]:
    """The cells of a table that can be opened, and the sets of records that they share.

    Parameters
    ----------
    content
        The output's JSON.
    ard
        Its results.
    found
        The records behind them, by context.

    Returns
    -------
    dict
        ``cells``: row and column of the page, number of the key of its row, and each analysis of the cell as context, number of
        its set (none where nothing is counted again), number of the set of subjects it is counted of, variable, and its
        statistics: name, value, format and text. ``keys``: variables with their levels. ``sets``: dataset and records, each as
        the distance to the one before it.
    """
    results = _by_cell(ard)
    keys: dict[Key, int] = {}
    sets: dict[tuple[str, tuple[int, ...]], int] = {}
    cells = []
    first = int(content.get("stub") is not None)
    for at, row in enumerate(content.get("rows", ())):
        for place, column in enumerate(content["columns"], first):
            if column["key"] not in row["cells"]:
                continue
            address = address_of(as_key(row["key"]), row, column)
            told = _tell_analyses(address, results.get(address, {}), found, sets)
            if any(one[1] is not None for one in told):
                cells.append([at, place, keys.setdefault(strip_key(address[0]), len(keys)), told])
    return {"cells": cells, "keys": list(keys), "sets": [[name, _step(records)] for name, records in sets]}


def _by_cell(ard: pd.DataFrame) -> dict[_KEY, dict[str, list[list[Any]]]]:
    """The printed statistics of each cell, by context."""
    printed = ard[ard["stat_fmt"].notna()]
    keys = {text: read_key(text) for text in printed["row"].unique()}
    names = ("row", "column", "context", "stat_name", "stat", "fmt_fun", "stat_fmt")
    found: dict[_KEY, dict[str, list[list[Any]]]] = {}
    for row, column, context, name, value, form, text in zip(*(printed[one].to_numpy(dtype=object) for one in names), strict=True):
        number = float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
        told = [name, number, form if isinstance(form, str) else None, text]
        found.setdefault((keys[row], column), {}).setdefault(context, []).append(told)
    return found


def _tell_analyses(
    address: _KEY,
    results: Mapping[str, list[list[Any]]],
    found: Mapping[str, Found],
    sets: dict[tuple[str, tuple[int, ...]], int],
) -> list[list[Any]]:
    place = (strip_key(address[0]), address[1])
    told: list[list[Any]] = []
    for context, stats in results.items():
        behind = found.get(context, {}).get(place) if AGAIN.get(context) else None
        if behind is None or not any(name in AGAIN[context] for name, *_ in stats):
            told.append([context, None, None, "", stats])
        else:
            told.append([context, _number_of(behind.dataset, behind.records, sets), _people(behind, sets), behind.variable, stats])
    return told


def _people(behind: Behind, sets: dict[tuple[str, tuple[int, ...]], int]) -> int | None:
    return _number_of("ADSL", behind.of, sets) if behind.of else None


def _number_of(dataset: str, records: tuple[int, ...], sets: dict[tuple[str, tuple[int, ...]], int]) -> int:
    return sets.setdefault((dataset, records), len(sets))


def _step(places: Sequence[int]) -> list[int]:
    """Ascending places, each as the distance to the one before it: small numbers are short."""
    return [now - before for before, now in zip((0, *places), places, strict=False)]
