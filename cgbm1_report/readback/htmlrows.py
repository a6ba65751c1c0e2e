"""Rows of HTML tables that differ from a row above them in their texts alone: of those the texts are all that is left to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

_AGAIN = ' class="cg-again"'
#: A row of cells without an element in them; a cell may be one that a style sheet keeps from being seen.
_ROW = re.compile(rf'<tr>(?:<td(?:{_AGAIN})?(?: style="[a-z0-9:;. -]*")?>[^<]*</td>)+</tr>')
_CELL = re.compile(rf"<td({_AGAIN})?[^>]*>([^<]*)</td>")
_SAID = re.compile(r">[^<]*</td>")


def cut_rows(text: str) -> Iterator[tuple[str, bool]]:
    """A page in pieces, one after the other: such rows, and what stands between them."""
    at = 0
    for found in _ROW.finditer(text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


def kind_of(row: str) -> str:
    """The markup of a row."""
    return _SAID.sub("></td>", row)


def read_cells(row: str) -> tuple[list[str], list[int]]:
    """The texts of its cells, as a browser reads them, and which of them are not seen."""
    cells = _CELL.findall(row)
    return [unescape(said) for _, said in cells], [at for at, (again, _) in enumerate(cells) if again]
