"""Rows of a table that stand out: those with a name of their own, which bookmarks lead to, and those that changed, with a bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cgbm1_report.emit.escape import anchor, clean
from cgbm1_report.tabulate.table import Table


def marks(table: Table) -> dict[int, tuple[str, str]]:
    """The rows that have a name: each with what it is linked by, in HTML and Word alike, and its name on one line."""
    named = enumerate(table.marks, start=1)
    return {at: (anchor(f"{table.number}_row_{order}"), clean(text).replace("\n", " ")) for order, (at, text) in named}


def barred(table: Table) -> frozenset[int]:
    """The rows that have a bar at their left edge: an earlier build said another thing there."""
    return frozenset(at for at, row in enumerate(table.rows) if row.changed)


def put_bars(table: Table, rows: Iterable[str], place: str, bar: str, start: int = 0) -> Iterator[str]:
    """Written rows, from the row ``start`` on, with a bar before the first ``place`` of those that have one."""
    chosen = barred(table)
    for at, row in enumerate(rows, start):
        yield row.replace(place, bar + place, 1) if at in chosen else row
