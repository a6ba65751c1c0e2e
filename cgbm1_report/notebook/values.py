"""Finds in an output the text that a sentence quotes: by the row's key, the column and the statistic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from cgbm1_report.errors import ArgumentError, PlanError, find_near
from cgbm1_report.protocol.sections import POOLED, TOTAL
from cgbm1_report.rows import Key, read_key, tell_key, write_key
from cgbm1_report.tabulate.table import Figure, Output

_RULE = "a sentence quotes what an output prints"
#: So many rows or columns are named where one is asked for that is not there.
_NAMED = 8
#: The column of everybody: a phase that is blinded has it by one name, and by the other when it is open.
_EVERYBODY = {TOTAL: POOLED, POOLED: TOTAL}


def find_value(made: Output, row: Mapping[str, str | None] | None, column: str | None, stat: str | None) -> dict[str, Any]:
    """What an output prints in a cell, or of one of its statistics, and where: ``output, row, column, stat, text``.

    Parameters
    ----------
    row
        Parts of the row's key: variables and their levels, or the text that results have of it. It need not be the whole
        key, if only one row has them.
    column
        The column's key, or what it is headed; of an output with one column it may be left out. That of everybody is found by
        the name it has while the phase is blinded, and by the one it has afterwards.
    stat
        The statistic as the results name it (``n``, ``p``, ``mean``); without one the whole cell.

    Raises
    ------
    ReportError
        No row, more than one, no such column or statistic, or nothing is printed there; what there is is named.
    """
    row = _parts(row)
    named = _column(made, column, cells=stat is None)
    if stat is None and not isinstance(made, Figure):
        # The head of a block prints nothing, and is not what is meant.
        keys = {one.key: one for one in made.rows if one.cells.get(named, "").strip()}
        key = _row(made, list(keys), row)
        text = " ".join(keys[key].cells.get(named, "").split())
    else:
        found = made.ard[made.ard["stat_fmt"].notna() & (made.ard["column"] == named)]
        found = found[found["stat_name"] == stat] if stat is not None else found
        if found.empty:
            told, there = f"prints no statistic {stat!r} in the column {named!r}", sorted(set(made.ard["stat_name"]))
            raise _absent(made, told, there, find_near(str(stat), there, 2))
        key = _row(made, [read_key(text) for text in dict.fromkeys(found["row"])], row)
        texts = list(dict.fromkeys(found.loc[found["row"] == write_key(key), "stat_fmt"]))
        if len(texts) > 1:
            raise _absent(made, f"prints {len(texts)} statistics in the row {tell_key(key)}: name one", texts)
        text = " ".join(texts[0].split())
    return {"output": made.number, "row": write_key(key), "column": named, "stat": stat or "", "text": text}


def _parts(row: object) -> Mapping[str, str | None]:
    """The parts of a row's key however they are given: as a mapping, as pairs, or as the text that results have."""
    if row is None or isinstance(row, Mapping):
        return row or {}
    with suppress(TypeError, ValueError):
        return dict(read_key(row) if isinstance(row, str) else row)  # type: ignore[call-overload, no-any-return]
    raise ArgumentError(f"{row!r} names no row", rule=_RULE, remedy='name variables and their levels: row={"AEDECOD": "Pyrexia"}')


def _row(made: Output, keys: Sequence[Key], wanted: Mapping[str, str | None] | None) -> Key:
    """The one row whose key has these parts: the one that has no others, where there is one."""
    parts = set((wanted or {}).items())
    found = [key for key in keys if parts <= set(key)]
    whole = [key for key in found if parts == set(key)]
    one = whole if len(whole) == 1 else found
    if len(one) == 1:
        return one[0]
    told = ", ".join(f"{name} = {level}" for name, level in sorted(parts, key=str)) or "none named"
    if found:
        raise _absent(made, f"has {len(found)} rows of {told}", [tell_key(key) for key in found])
    names = {name for name, _ in parts}
    near = [key for key in keys if names <= {name for name, _ in key}] or list(keys)
    raise _absent(made, f"has no row of {told}", [tell_key(key) for key in near], _near_parts(parts, keys))


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
    if not found and wanted in _EVERYBODY and _EVERYBODY[wanted] in heads:
        found = [_EVERYBODY[wanted]]
    if len(found) != 1:
        said = "has more than one column: name one" if wanted is None else f"has no column {wanted!r}"
        raise _absent(made, said, list(heads), find_near(wanted, heads, 1) if isinstance(wanted, str) else ())
    return found[0]


def _absent(made: Output, said: str, there: Sequence[str], near: Sequence[str] = ()) -> PlanError:
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    remedy = f"it has: {'; '.join(there[:_NAMED])}{more}" if there else "quote what is printed"
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return PlanError(f"{made.number} {said}", rule=_RULE, remedy=f"{meant}{remedy}")
