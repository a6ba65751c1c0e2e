"""The results of an output (ARD): every number and every printed text in one frame, in the columns of R's ``cards``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import STAT_LABELS, TEXT, hold_texts, unpack_texts
from cgbm1_report.rows import Key, write_key
from cgbm1_report.tabulate.table import Column, Line, Row, Show

#: How many groups a result may stand in: the treatment of its column and the outer parts of its row.
GROUPS = 6
_GROUPED = tuple(f"group{at}{what}" for at in range(1, GROUPS + 1) for what in ("", "_level"))
_DESCRIBED = (*_GROUPED, "variable", "variable_level")
ARD_COLUMNS = (
    "output", "row", "column", *_DESCRIBED, "context", "stat_name", "stat_label", "stat", "stat_fmt", "fmt_fun", "subjects",
)  # fmt: skip
_KINDS = {"stat": "float64", "subjects": "object"}
_STATISTIC = ["row", "column", "context", "stat_name"]
#: What is taken of the numbers as it is.
_TOLD = ("column", "context", "stat_name", "stat", "subjects")


def empty_ard() -> pd.DataFrame:
    """A results frame without results, every column of its right kind."""
    return pd.DataFrame({name: pd.Series(dtype=_KINDS.get(name, "str")) for name in ARD_COLUMNS})


def tabulate(
    number: str, numbers: pd.DataFrame, lines: Sequence[Line], columns: Sequence[Column], groups: Sequence[Column] = ()
) -> tuple[tuple[Row, ...], pd.DataFrame]:
    """Print the numbers by the layout.

    ``groups`` are the columns of the results where those printed are statistics.

    Returns
    -------
    tuple
        The printed rows, and the results: every number, with its text where it was printed and the
        key of the line that printed it. A number of a line that is not printed keeps its own key.

    Raises
    ------
    ValueError
        Two lines have one key, the numbers hold one cell's statistic twice, or a line names an analysis that its row
        does not have or has words for a column the table does not have.
    """
    keys = [(line.key, line.column, line.measure) for line in lines]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{number}: two lines have the key {next(write_key(k[0]) for k in keys if keys.count(k) > 1)}")
    cells = _find_cells(number, numbers)
    contexts: dict[Key, dict[str, None]] = {}
    for (row, _), found in cells.items():
        contexts.setdefault(row, {}).update(dict.fromkeys(found))
    rows, printed, words = [], [], []
    for line in lines:
        shown = dict(line.texts or {})
        foreign = sorted(shown.keys() - {column.key for column in columns})
        if foreign:
            raise ValueError(f"{number}: {write_key(line.row)} has words for {', '.join(foreign)}, which is no column")
        words += [(line, column, text) for column, text in shown.items()]
        own = contexts.get(line.row, {})
        if line.context and line.context not in own:
            raise ValueError(f"{number}: {write_key(line.row)} has no numbers of {line.context}")
        context = line.context or next(iter(own), "")
        for column, place, whose, key, show, analysis in _cells_of(line, columns):
            told = context or analysis or next(iter(contexts.get(place, {})), "")
            statistics = cells.get((place, whose), {}).get(told)
            if show is not None and statistics is not None:
                cell = show({name: value for name, (value, _) in statistics.items()})
                shown[column] = cell.text
                printed += [(statistics[name][1], key, text, cell.formats.get(name)) for name, text in cell.parts.items()]
        head = line.show is None and not line.column and not shown
        rows.append(
            Row(line.key, line.label, line.indent, shown, head, column=line.column, measure=line.measure, places=line.places)
        )
    return tuple(rows), _join(number, numbers, printed, words, groups or columns)


def _cells_of(line: Line, columns: Sequence[Column]) -> list[tuple[str, Key, str, Key, Show | None, str]]:
    """The cells of a line: printed column, row and column of its numbers, key in the results, how it prints, which analysis."""
    if not line.column:
        wanted = line.columns if line.columns is not None else [column.key for column in columns]
        return [(column, line.row, column, line.key, line.show, "") for column in wanted]
    return [
        (column.key, place, line.column, (*place, ("statistic", column.statistic)), line.shows.get(column.key), column.context)
        for column in columns
        for place in (line.places.get(column.key, (*line.row, *(line.measure or column.measure))),)
    ]


def _find_cells(number: str, numbers: pd.DataFrame) -> dict[tuple[Key, str], dict[str, dict[str, tuple[float, int]]]]:
    """Value and place of each statistic, by row and column, context and name."""
    cells: dict[tuple[Key, str], dict[str, dict[str, tuple[float, int]]]] = {}
    records = zip(*(unpack_texts(numbers[name]) for name in _STATISTIC), numbers["stat"].tolist(), strict=True)
    for at, (row, column, context, name, value) in enumerate(records):
        found = cells.setdefault((row, column), {}).setdefault(context, {})
        if name in found:
            raise ValueError(f"{number}: {name} of {write_key(row)} in column {column!r} stands twice")
        found[name] = value, at
    return cells


def _join(
    number: str,
    numbers: pd.DataFrame,
    printed: list[tuple[int, Key, str, str | None]],
    words: list[tuple[Line, str, str]],
    columns: Sequence[Column],
) -> pd.DataFrame:
    """The results: numbers in their order, each as often as it is printed, then the cells that are words."""
    unseen = set(range(len(numbers))) - {at for at, *_ in printed}
    rows = numbers["row"].to_numpy(dtype=object)
    shown = sorted([*printed, *((at, rows[at], None, None) for at in unseen)], key=lambda one: one[0])
    places = np.array([at for at, *_ in shown], dtype="int64")
    told = {name: numbers[name].array.take(places) for name in _TOLD}
    about = [*rows[places].tolist(), *(line.row for line, *_ in words)]
    if words:
        column, text = hold_texts(column for _, column, _ in words), hold_texts([TEXT] * len(words))
        said = {"column": column, "context": text, "stat_name": text, "stat": np.full(len(words), math.nan)}
        told = {name: _stack([*([told[name]] if len(shown) else []), said[name]]) for name in said} | {
            "subjects": np.append(told["subjects"].to_numpy(dtype=object), np.full(len(words), None, dtype=object))
        }
    told |= {
        "row": _write_keys([*(key for _, key, *_ in shown), *(line.key for line, *_ in words)]),
        "stat_fmt": hold_texts([*(text for *_, text, _ in shown), *(text for *_, text in words)]),
        "fmt_fun": hold_texts([*(fmt for *_, fmt in shown), *(None for _ in words)]),
    }
    return _complete(number, told, about, columns)


def list_numbers(number: str, numbers: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The results of a figure: its numbers, none of them printed as text."""
    keys = numbers["row"].tolist()
    nothing = hold_texts([None] * len(numbers))
    told = {name: numbers[name].array for name in _TOLD}
    return _complete(number, told | {"row": _write_keys(keys), "fmt_fun": nothing, "stat_fmt": nothing}, keys, columns)


def _write_keys(keys: Iterable[Key]) -> Any:
    """The keys as text: each is written once, however many statistics and columns it has."""
    keys = list(keys)
    written = {key: write_key(key) for key in dict.fromkeys(keys)}
    return hold_texts(written[key] for key in keys)


def _complete(number: str, told: Mapping[str, Any], about: Sequence[Key], columns: Sequence[Column]) -> pd.DataFrame:
    """Add what `cards` says of each result: its groups, its variable, the label of its statistic."""
    stands_for = {column.key: column.stands_for for column in columns}
    places: dict[tuple[Key, str], int] = {}
    own, names = (unpack_texts(pd.Series(told[name], copy=False)) for name in ("column", "stat_name"))
    at = np.array([places.setdefault(cell, len(places)) for cell in zip(about, own, strict=True)], dtype="int64")
    parts = [_describe((*stands_for.get(column, ()), *key)) for key, column in places]
    # Most results stand in one group or two: the columns of all others are empty, and are made once.
    nothing = hold_texts([None] * len(about))
    levels = dict(zip(_DESCRIBED, zip(*parts, strict=True), strict=True)) if parts else {}
    given = {name: texts for name, texts in levels.items() if any(text is not None for text in texts)}
    made = {
        **told,
        **{name: hold_texts(given[name]).take(at) if name in given else nothing for name in _DESCRIBED},
        "output": hold_texts([number] * len(about)),
        "stat_label": hold_texts(STAT_LABELS[name] for name in names),
    }
    kinds = dict.fromkeys(("column", "context", "stat_name"), "str") | _KINDS
    ard = pd.DataFrame({name: made[name] for name in ARD_COLUMNS}, copy=False)
    return ard.astype({name: kind for name, kind in kinds.items() if ard[name].dtype != kind})


def _describe(parts: Key) -> list[str | None]:
    """Groups from the outermost inwards, then the variable the result is about and its level."""
    *groups, (variable, level) = parts
    if len(groups) > GROUPS:
        raise ValueError(f"{write_key(parts)} has more than {GROUPS} groups")
    return [*(text for part in groups for text in part), *[None] * (2 * (GROUPS - len(groups))), variable, level]


def list_texts(number: str, records: pd.DataFrame, keys: Sequence[Key]) -> pd.DataFrame:
    """The results of a listing: a text per record and column; the record is the group, the column the variable."""
    size, names = len(records), list(records.columns)
    depth = max(map(len, keys), default=0)
    if depth > GROUPS:
        raise ValueError(f"{number}: a key has more than {GROUPS} parts")
    parts = [[key[at][side] if at < len(key) else None for key in keys] for at in range(depth) for side in (0, 1)]
    nothing = hold_texts([None] * size)

    def in_all(texts: Any) -> Any:
        # Arrow holds what is the same for every column once.
        return _stack([texts] * len(names))

    column = _stack(hold_texts([name] * size) for name in names)
    constant = {"output": number, "context": TEXT, "stat_name": TEXT, "stat_label": STAT_LABELS[TEXT]}
    found = dict.fromkeys(ARD_COLUMNS, in_all(nothing)) | {
        **{name: in_all(hold_texts([text] * size)) for name, text in constant.items()},
        "row": in_all(_write_keys(keys)),
        "column": column,
        **{name: in_all(hold_texts(part)) for name, part in zip(_GROUPED, parts, strict=False)},
        "variable": column,
        "stat": np.full(len(column), np.nan),
        "stat_fmt": _stack(records[name].astype("str").fillna("").array for name in names),
        "subjects": np.full(len(column), None, dtype=object),
    }
    return pd.DataFrame(found, copy=False)


def _stack(parts: Iterable[Any]) -> Any:
    return pd.concat([pd.Series(part, copy=False) for part in parts], ignore_index=True).array
