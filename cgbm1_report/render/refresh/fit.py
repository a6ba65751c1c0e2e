"""Outputs that are wider than the text of the page they stand on: made for a landscape page, pasted into an upright one."""

from __future__ import annotations

import re
from itertools import pairwise

_TABLE = re.compile(rb"<w:tbl>.*?<w:tblPr>(.*?)</w:tblPr>.*?<w:tblGrid>(.*?)</w:tblGrid>", re.S)
_COLUMN = re.compile(rb"<w:gridCol\b[^>]*/>")
_CELL = re.compile(rb'<w:tr\b[^>]*>|<w:tcW\b[^>]*/>(<w:gridSpan\b[^>]*w:val="(\d+)"[^>]*/>)?')
_EXTENT = re.compile(rb'<(wp:extent|a:ext) cx="(\d+)" cy="(\d+)"')
_SECTION = re.compile(rb"<w:sectPr\b.*?</w:sectPr>|<w:sectPr\b[^>]*/>", re.S)
_EMU_PER_TWIP, _WHOLE = 635, 5000
#: So much over the margin is none: cells and their borders stand a little outside.
_TOLERANCE = 144
#: What Word takes where a section does not say it: Letter, an inch at each side.
_PAGE, _SIDE, _BETWEEN = 12240, 1440, 720


def _said(content: bytes, tag: str, name: str, otherwise: int) -> int:
    """A number that an element says; what else is taken where it says none."""
    element = re.search(rf"<w:{tag}\b[^>]*>".encode(), content)
    found = re.search(rf'\bw:{name}="(\d+)'.encode(), element[0]) if element else None
    return int(found[1]) if found else otherwise


def text_twips(content: bytes, at: int) -> int:
    """Width of the text, or of a column of it, in the section of a document's main part in which ``at`` lies."""
    found = _SECTION.search(content, at)
    section = found[0] if found else b""
    sides = sum(_said(section, "pgMar", side, _SIDE) for side in ("left", "right")) + _said(section, "pgMar", "gutter", 0)
    wide = max(_said(section, "pgSz", "w", _PAGE) - sides, _SIDE)
    columns = max(_said(section, "cols", "num", 1), 1)
    return (wide - (columns - 1) * _said(section, "cols", "space", _BETWEEN)) // columns


def is_wide(output: bytes, room: int) -> bool:
    """Whether a table or a picture of an output would be cut off at the edge of a text so many twips wide."""
    tables = any(_table_twips(properties, grid, room) > room + _TOLERANCE for properties, grid in _TABLE.findall(output))
    return tables or any(int(wide) > (room + _TOLERANCE) * _EMU_PER_TWIP for _, wide, _ in _EXTENT.findall(output))


def _table_twips(properties: bytes, grid: bytes, room: int) -> int:
    kind = re.search(rb'<w:tblW\b[^>]*w:type="(\w+)"', properties)
    told = _said(properties, "tblW", "w", 0)
    if kind and kind[1] == b"pct":
        # Some programs write 100%, others the fiftieths of it.
        return told * room // (100 if b"%" in properties else _WHOLE)
    return told if kind and kind[1] == b"dxa" else sum(_columns(grid))


def _columns(grid: bytes) -> list[int]:
    return [_said(column, "gridCol", "w", 0) for column in _COLUMN.findall(grid)]


def fit_to(output: bytes, room: int) -> bytes:
    """An output none of whose tables and pictures is wider than so many twips; columns keep their proportions.

    A table says its width and its cells' in per cent, so that it fits the next page it is pasted into too.
    """
    pieces, last = [], 0
    for found in _TABLE.finditer(output):
        end = output.index(b"</w:tbl>", found.end())
        pieces += [output[last : found.start()], _fitted(output[found.start() : end], found[1], found[2], room)]
        last = end
    output = b"".join([*pieces, output[last:]])

    def shrunk(found: re.Match[bytes]) -> bytes:
        wide, high = int(found[2]), int(found[3])
        most = min(wide, room * _EMU_PER_TWIP)
        return b'<%s cx="%d" cy="%d"' % (found[1], most, round(high * most / wide))

    return _EXTENT.sub(shrunk, output)


def _fitted(table: bytes, properties: bytes, grid: bytes, room: int) -> bytes:
    own = _columns(grid)
    total = sum(own)
    if not total or (_table_twips(properties, grid, room) <= room + _TOLERANCE and b'w:type="pct"' not in properties):
        return table
    most = min(total, room)
    edges = [round(sum(own[:at]) * most / total) for at in range(len(own) + 1)]
    columns = b"".join(b'<w:gridCol w:w="%d"/>' % (end - start) for start, end in pairwise(edges))
    width = b'<w:tblW w:w="%d" w:type="pct"/>' % round(_WHOLE * most / room)
    made = re.sub(rb"<w:tblW\b[^>]*/>", width, properties) if b"<w:tblW" in properties else properties
    head = table[: table.index(b"</w:tblGrid>")].replace(properties, made).replace(grid, columns)
    shares, at = [round(_WHOLE * edge / most) for edge in edges], 0

    def celled(found: re.Match[bytes]) -> bytes:
        nonlocal at
        if found[0].startswith(b"<w:tr"):
            at = 0
            return found[0]
        start, at = at, min(at + int(found[2] or 1), len(own))
        return b'<w:tcW w:w="%d" w:type="pct"/>%s' % (shares[at] - shares[start], found[1] or b"")

    return head + _CELL.sub(celled, table[table.index(b"</w:tblGrid>") :])
