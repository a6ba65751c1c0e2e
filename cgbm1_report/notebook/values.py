"""Finds in an output what is printed in a place: by the row's key or label, the column and the statistic."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import ArgumentError, PlanError, find_near
from cgbm1_report.protocol.sections import POOLED, TOTAL
from cgbm1_report.rows import Key, read_key, tell_key, write_key
from cgbm1_report.tabulate.table import Figure, Output, Row

_RULE = "row, column and statistic"
#: The part of a key that tells lines of one row apart, which print statistics of it.
LINE = "statistic"
#: So many rows or columns are named where one is asked for that is not there.
_NAMED = 8
#: The column of everybody: a phase that is blinded has it by one name, and by the other when it is open.
_EVERYBODY = {TOTAL: POOLED, POOLED: TOTAL}

#: A row as it is asked for: parts of its key, or what is printed at its beginning.
RowAsked = Mapping[str, str | None] | str


def find_value(made: Output, row: RowAsked | None, column: str | None, stat: str | None) -> dict[str, Any]:
    """What an output prints in a cell, or of one of its statistics, and where: ``output, row, column, stat, text``.

    Parameters
    ----------
    row
        Parts of the row's key: variables and their levels, or the text that results have of it. It need not be the whole
        key, if only one row has them. The label that is printed will do where one row has it, alone or as a level.
    column
        The column's key, or what it is headed, in any case of letters; of an output with one column it may be left out. That of
        everybody is found by the name it has while the phase is blinded, and by the one it has afterwards.
    stat
        The statistic as the results name it (``n``, ``p``, ``mean``); without one the whole cell.

    Raises
    ------
    ReportError
        No row, more than one, no such column or statistic, or nothing is printed there; what there is is named.
    """
    wanted = _parts(row)
    named = _column(made, column, cells=stat is None)
    if stat is None and not isinstance(made, Figure):
        # The head of a block prints nothing, and is not what is meant.
        rows = [one for one in made.rows if one.cells.get(named, "").strip()]
        key = _row(made, list(dict.fromkeys(one.key for one in rows)), wanted)
        own = [one for one in rows if one.key == key]
        if len(own) > 1:
            told = f"has {len(own)} rows of {tell_key(key)}, one for each of {', '.join(one.column or one.label for one in own)}"
            raise _absent(made, f"{told}: name one of these as column, and a statistic as stat", _statistics(made.ard))
        text = " ".join(own[0].cells.get(named, "").split())
    else:
        printed = _printed(made, named)
        found = printed if stat is None else _of_statistic(made, printed, wanted, named, stat)
        key = _row(made, _keys_of(found), wanted)
        texts = list(dict.fromkeys(found.loc[found["row"] == write_key(key), "stat_fmt"]))
        if len(texts) > 1:
            raise _absent(made, f"prints {len(texts)} statistics in the row {tell_key(key)}: name one", texts)
        text = " ".join(texts[0].split())
    return {"output": made.number, "row": write_key(key), "column": named, "stat": stat or "", "text": text}


def find_results(made: Output, row: RowAsked | None, column: str | None) -> dict[str, Any]:
    """The printed results of one row in a column of results, which may be a row of the page: told as `find_value` does.

    Lines of the page that print statistics of one row, as its n, its mean and its median, are one row here: of the same records.
    A cell of a column that holds a statistic is named as the page has it, too.

    Raises
    ------
    ReportError
        No row, more than one, or no such column; what there is is named.
    """
    key, whose = _find_cell(made, row, column) or (row, column)
    named = _column(made, whose, cells=False)
    printed = _printed(made, named)
    keys, wanted = _keys_of(printed), _parts(key)
    lines = _matching(made, keys, wanted)
    alike = len({_drop_line(key) for key in lines}) == 1
    rows = {write_key(key): None for key in (lines if alike else [_row(made, keys, wanted)])}
    text = ", ".join(dict.fromkeys(printed.loc[printed["row"].isin(rows), "stat_fmt"]))
    return {"output": made.number, "row": next(iter(rows)), "column": named, "stat": "", "text": " ".join(text.split())}


def _drop_line(key: Key) -> Key:
    """A key without the part that tells the lines of one row apart."""
    return tuple(part for part in key if part[0] != LINE)


def _find_cell(made: Output, row: RowAsked | None, column: str | None) -> tuple[Key, str] | None:
    """Of a column of the page that holds a statistic: the results' row and column of the one cell that is asked for."""
    if isinstance(made, Figure) or column is None or column in made.ard["column"].unique():
        return None
    own = [one for one in made.columns if one.statistic and column in (one.key, one.label)]
    keys = list(dict.fromkeys(one.key for one in made.rows if one.column))
    found = _matching(made, keys, _parts(row)) if len(own) == 1 else []
    rows = [one for one in made.rows if one.column and [one.key] == found and one.cells.get(own[0].key, "").strip()]
    if len(rows) != 1:
        return None
    place = rows[0].places.get(own[0].key, (*rows[0].key, *(rows[0].measure or own[0].measure)))
    return (*place, (LINE, own[0].statistic)), rows[0].column


def _printed(made: Output, column: str) -> pd.DataFrame:
    return made.ard[made.ard["stat_fmt"].notna() & (made.ard["column"] == column)]


def _statistics(results: pd.DataFrame) -> list[str]:
    """The statistics that are printed of some results."""
    return sorted(set(results.loc[results["stat_fmt"].notna(), "stat_name"]))


def _keys_of(results: pd.DataFrame) -> list[Key]:
    return [read_key(text) for text in dict.fromkeys(results["row"])]


def _of_statistic(made: Output, printed: pd.DataFrame, wanted: RowAsked, column: str, stat: str) -> pd.DataFrame:
    """The printed results of a statistic, of which the row asked for must have one."""
    found = printed[printed["stat_name"] == stat]
    place, there = f"the column {column!r}", printed
    if not found.empty and not _matching(made, _keys_of(found), wanted):
        rows = _matching(made, _keys_of(printed), wanted)
        if len(rows) != 1:
            return found
        place, there = f"the row {tell_key(rows[0])}", printed[printed["row"] == write_key(rows[0])]
    elif not found.empty:
        return found
    names = _statistics(there)
    raise _absent(made, f"prints no statistic {stat!r} in {place}", names, find_near(stat, names, 2))


def is_label(row: object) -> bool:
    """Whether a row is asked for by what is printed at its beginning."""
    return isinstance(_parts(row), str)


def _parts(row: object) -> RowAsked:
    """The parts of a row's key however they are given: as a mapping, as pairs, or as the text that results have; or a label."""
    if row is None or isinstance(row, Mapping):
        return _levels(row or {})
    with suppress(TypeError, ValueError):
        return _levels(dict(read_key(row) if isinstance(row, str) else row))  # type: ignore[call-overload]
    if isinstance(row, str):
        return row
    remedy = 'name variables and their levels, row={"AEDECOD": "Pyrexia"}, or the label as printed'
    raise ArgumentError(f"{row!r} names no row", rule=_RULE, remedy=remedy)


def _levels(parts: Mapping[Any, Any]) -> Mapping[str, str | None]:
    """Parts of a key as results have them: a level that is a number as its text, without idle zeros."""
    told = {name: f"{level:.12g}" if _is_number(level) else level for name, level in parts.items()}
    if wrong := [f"{name} = {level!r}" for name, level in told.items() if not isinstance(level, str | None)]:
        remedy = 'write a level as a text, row={"AEDECOD": "Pyrexia"}, or None for the row of a variable'
        raise ArgumentError(f"{', '.join(wrong)} is no level of a row", rule=_RULE, remedy=remedy)
    return told


def _is_number(level: object) -> bool:
    return isinstance(level, numbers.Real) and not isinstance(level, bool)


def _matching(made: Output, keys: Sequence[Key], wanted: RowAsked) -> list[Key]:
    """The rows that are asked for: by their keys, else by their labels; the one that has no other parts, where there is one."""
    labels = _labels(made, keys)
    if isinstance(wanted, str):
        return [key for key in keys if fold_text(wanted) in labels[key]]
    parts = set(wanted.items())
    found = [key for key in keys if parts <= set(key)]
    whole = [key for key in found if parts == set(key)]
    return (whole if len(whole) == 1 else found) or [key for key in keys if _is_labelled(parts, key, labels[key])]


def _labels(made: Output, keys: Sequence[Key]) -> dict[Key, set[str]]:
    """What is printed at the beginning of rows; results of columns that are statistics have the row's key and more behind it."""
    told: dict[Key, set[str]] = {}
    for row in () if isinstance(made, Figure) else made.rows:
        told.setdefault(row.key, set()).add(fold_text(row.label))
    return {key: next((told[key[:end]] for end in range(len(key), -1, -1) if key[:end] in told), set()) for key in keys}


def _is_labelled(parts: Iterable[tuple[str, str | None]], key: Key, labels: Collection[str]) -> bool:
    """Whether a row has all of these parts, one of them by its label in the place of the level."""
    names = {name for name, _ in key}
    return all(part in key or (part[0] in names and part[1] is not None and fold_text(str(part[1])) in labels) for part in parts)


def _row(made: Output, keys: Sequence[Key], wanted: RowAsked) -> Key:
    """The one row that is asked for."""
    found = _matching(made, keys, wanted)
    if len(found) == 1:
        return found[0]
    _refuse_heading(made, found, wanted)
    if isinstance(wanted, str):
        told = f"labelled {wanted!r}"
    else:
        told = "of " + (", ".join(f"{name} = {level}" for name, level in sorted(wanted.items(), key=str)) or "none named")
    if found:
        raise _absent(made, f"has {len(found)} rows {told}", [tell_key(key) for key in found], apart=_tell_apart(found))
    if isinstance(wanted, str):
        labels = {one.key: " ".join(one.label.split()) for one in (() if isinstance(made, Figure) else made.rows)}
        printed = list(dict.fromkeys(label for key in keys if (label := labels.get(key))))
        raise _absent(made, f"has no row {told}", printed or [tell_key(key) for key in keys], _near_labels(wanted, printed, keys))
    near = _nearest(keys, wanted)
    apart = _tell_apart(keys, [name for name, level in wanted.items() if level is not None])
    raise _absent(made, f"has no row {told}", [tell_key(key) for key in near], _near_parts(wanted.items(), keys), apart=apart)


def _refuse_heading(made: Output, found: Iterable[Key], wanted: RowAsked) -> None:
    """Say of a line that prints nothing that it is a heading, and which lines it heads; not where a line elsewhere may be meant."""
    rows = () if isinstance(made, Figure) else made.rows
    for at, row in enumerate(rows):
        if any(text.strip() for text in row.cells.values()) or not _is_meant(row.key, row.label, wanted):
            continue
        indent = row.indent
        under = list(takewhile(lambda one, indent=indent: one.indent > indent, rows[at + 1 :]))  # type: ignore[misc]
        if under and {*found} <= {one.key for one in under}:
            said = f"{made.number} prints no value in {' '.join(row.label.split())!r}: it is a heading"
            raise PlanError(said, rule=_RULE, remedy=f"name a row under it: {_few(_tell_rows(under, rows), '; ')}")


def _tell_rows(under: Sequence[Row], rows: Iterable[Row]) -> list[str]:
    """The lines next under a heading as they can be asked for: by their labels, and by their keys where a label stands twice."""
    labels = Counter(" ".join(one.label.split()) for one in rows)
    nearest = min(one.indent for one in under)
    own = [(" ".join(one.label.split()), one.key) for one in under if one.indent == nearest]
    return [label if labels[label] == 1 else tell_key(key) for label, key in own]


def _is_meant(key: Key, label: str, wanted: RowAsked) -> bool:
    return fold_text(wanted) == fold_text(label) if isinstance(wanted, str) else set(wanted.items()) == set(key)


def _near_labels(wanted: str, printed: Sequence[str], keys: Iterable[Key]) -> list[str]:
    """What may have been meant by a label that no row has: a variable of the keys, the rest of a label, or a near one."""
    variable = next((name for key in keys for name, _ in key if fold_text(name) == fold_text(wanted)), None)
    begun = [label for label in printed if fold_text(label).startswith(fold_text(wanted))] if wanted.strip() else []
    return [f'row={{"{variable}": …}} with its level, or None'] if variable else begun[:2] or find_near(wanted, printed, 2)


def _nearest(keys: Sequence[Key], wanted: Mapping[str, str | None]) -> list[Key]:
    """The rows that have most of the parts that are asked for; where none has any, those whose variables they are, or all."""
    parts, names = set(wanted.items()), set(wanted)
    shared = [len(parts & set(key)) for key in keys]
    most = max(shared, default=0)
    if most:
        return [key for key, has in zip(keys, shared, strict=True) if has == most]
    return [key for key in keys if names <= {name for name, _ in key}] or list(keys)


def _tell_apart(keys: Sequence[Key], names: Sequence[str] | None = None) -> str:
    """Which levels variables have in some rows; without ``names`` of those in which the rows differ."""
    levels: dict[str, dict[str, None]] = {}
    for name, level in (part for key in keys for part in key):
        levels.setdefault(name, {}).update({level: None} if level is not None else {})
    if names is None:
        names = [name for name in levels if len({dict(key).get(name, name) for key in keys}) > 1]
    return "; ".join(f"{name} is {_few(list(levels[name]))}" for name in levels if name in names and levels[name])


def _few(there: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    return f"{between.join(there[:_NAMED])}{more}"


def _near_parts(parts: Iterable[tuple[str, str | None]], keys: Sequence[Key]) -> list[str]:
    """What may have been meant by each part of a row that none has: a level of its variable, or a variable."""
    levels: dict[str, dict[str, None]] = {}
    for name, level in (part for key in keys for part in key):
        levels.setdefault(name, {}).update({level: None} if level is not None else {})
    found = []
    for name, level in sorted(parts, key=str):
        if name not in levels:
            found += find_near(str(name), levels, 1)
        elif level is not None and level not in levels[name]:
            found += [f"{name} = {one}" for one in find_near(str(level), levels[name], 2)]
    return found


def _column(made: Output, wanted: str | None, *, cells: bool) -> str:
    """The key of a column: of the page's ``cells``, or of the results."""
    labels = {} if isinstance(made, Figure) else {column.key: " ".join(column.label.split()) for column in made.columns}
    heads = labels if cells and labels else {str(key): labels.get(str(key), str(key)) for key in dict.fromkeys(made.ard["column"])}
    found = [key for key in heads if wanted in (None, key)] or [key for key, head in heads.items() if wanted == head]
    if not found and isinstance(wanted, str):
        found = [key for key, head in heads.items() if fold_text(wanted) in (fold_text(key), fold_text(head))]
    if not found and wanted in _EVERYBODY and _EVERYBODY[wanted] in heads:
        found = [_EVERYBODY[wanted]]
    if cells and not found and isinstance(wanted, str) and fold_text(wanted) in map(fold_text, made.ard["column"].unique()):
        raise _absent(made, f"has {wanted!r} in its rows: name a statistic too, as stat", _statistics(made.ard))
    if len(found) != 1:
        said = "has more than one column: name one" if wanted is None else f"has no column {wanted!r}"
        raise _absent(made, said, list(heads), find_near(wanted, heads, 1) if isinstance(wanted, str) else ())
    return found[0]


def _absent(made: Output, said: str, there: Sequence[str], near: Sequence[str] = (), *, apart: str = "") -> PlanError:
    remedy = f"it has: {_few(there, '; ')}" if there else "ask for what is printed"
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return PlanError(f"{made.number} {said}", rule=_RULE, remedy=f"{meant}{remedy}{'. There ' * bool(apart)}{apart}")
