"""Rows of a table that begin a part with a name of its own: bookmarks and links lead to them."""

from __future__ import annotations

from cgbm1_report.emit.escape import anchor, clean
from cgbm1_report.tabulate.table import Table


def marks(table: Table) -> dict[int, tuple[str, str]]:
    """The rows that have a name: each with what it is linked by, in HTML and Word alike, and its name on one line."""
    named = enumerate(table.marks, start=1)
    return {at: (anchor(f"{table.number}_row_{order}"), clean(text).replace("\n", " ")) for order, (at, text) in named}
