"""Words of an output that a writer set bold: all that are bold in themselves where the build prints none so.

The build makes titles and heads bold by their styles. In itself it prints bold only labels that head a block of a table: those of
rows without cells, and those where a block begins whose further rows are deeper. The output as it stands in the document tells
which these are; the rows of a new cut may be others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cgbm1_report.emit.seal import text_of

_BOLD = re.compile(rb'<w:b(?: w:val="([^"]*)")? ?/>')
_OFF = frozenset({b"0", b"false", b"off"})
_TABLE = re.compile(rb"<w:tbl>.*?</w:tbl>", re.S)
_ROW, _CELL = (re.compile(rb"<w:%s(?: [^>]*)?>.*?</w:%s>" % (tag, tag), re.S) for tag in (b"tr", b"tc"))
_PARAGRAPH = re.compile(rb"<w:p(?: [^>]*)?>.*?</w:p>", re.S)
_STYLE = re.compile(rb'<w:pStyle w:val="([^"]+)"')
_RUN = re.compile(rb"<w:r(?: [^>]*)?><w:rPr>(.*?)</w:rPr>(.*?)</w:r>", re.S)
_INDENT, _LEFT = re.compile(rb'<w:ind\b[^>]* w:hanging="[1-9][^>]*>'), re.compile(rb' w:(?:left|start)="(\d+)"')
_AIR = re.compile(rb'<w:spacing\b[^>]* w:before="[1-9]')
#: Styles that are bold already: a word of theirs that is bold in itself as well looks as before.
_HEADS = ("TableHead", "TableSpanner", "ListingHead", "ListingSpanner")


def has_own_bold(old: bytes, styles: Mapping[str, str]) -> bool:
    """Whether words of an output in a writer's document are bold and the build did not print them so.

    ``styles`` are what the document calls our styles.
    """
    if not _BOLD.search(old):
        return False
    heads = {styles.get(style, style).encode("utf-8") for style in _HEADS}
    lines = _PARAGRAPH.findall(_TABLE.sub(lambda found: _without_labels(found[0]), old))
    return any(
        _is_bold(properties) and text_of(text).strip()
        for line in lines
        if not ((style := _STYLE.search(line)) and style[1] in heads)
        for properties, text in _RUN.findall(line)
    )


def _is_bold(properties: bytes) -> bool:
    found = _BOLD.search(properties)
    return found is not None and found[1] not in _OFF


def _without_labels(table: bytes) -> bytes:
    """A table without the labels that the build printed bold."""
    rows = _ROW.findall(table)
    cells = [_CELL.findall(row) for row in rows]
    depths = [_depth(own[0]) if own else None for own in cells]
    headed = (
        row.replace(own[0], b"", 1) if len(own) > 1 and _heads_block(own, depths, at) else row
        for at, (row, own) in enumerate(zip(rows, cells, strict=True))
    )
    return b"".join(headed)


def _depth(label: bytes) -> int | None:
    """How deep a label stands; None for what is no label of a row."""
    found = _INDENT.search(label)
    left = _LEFT.search(found[0]) if found else None
    return int(left[1]) if left else None


def _heads_block(cells: Sequence[bytes], depths: Sequence[int | None], at: int) -> bool:
    if not any(text_of(cell).strip() for cell in cells[1:]):
        return True
    own, below = depths[at], (*depths, None)[at + 1]
    # The first row of a part stands below its heads, and has no space above that sets a block off.
    begins = at == 0 or depths[at - 1] is None or _AIR.search(cells[0]) is not None
    return begins and own is not None and below is not None and below > own
