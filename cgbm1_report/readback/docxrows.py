"""Rows of Word's tables that differ from a row above them in their texts alone: of those the texts are all that is left to read.

A listing has ten thousand rows of a few kinds. The first of a kind is read element by element, as is everything else; a row whose
markup is that of one before it, byte by byte, says the same but for its texts. Which those are is seen without parsing it.
"""

from __future__ import annotations

import re
import secrets
from typing import IO

_CHUNK = 1 << 20
#: What a part begins with that is read so; any other is read element by element.
_BEGINS = re.compile(rb"""<\?xml version=["']1\.0["'] encoding=["']UTF-8["']""")
_ROW = re.compile(rb"<w:tr>.*?</w:tr>", re.S)
_END = b"</w:tr>"
#: A text that is written as it stands, but for the five entities that XML has.
_TEXT = rb"""(?:[^<>&\x00-\x08\x0b\x0c\x0e-\x1f]|&(?:amp|lt|gt|quot|apos);)*"""
_SAID = re.compile(rb"(<w:t(?: xml:space=[\"']preserve[\"'])?>)(" + _TEXT + rb")(?=</w:t>)")
#: What a cell says: texts, and what stands between them.
_PIECE = re.compile(rb"<w:t(?: [^>]*)?>(" + _TEXT + rb")</w:t>|<w:(?:p|br)(?: [^>]*)?/?>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))
_TABLE = re.compile(rb"<(/?)w:tbl[ >]")
_ELEMENT = re.compile(rb"<([^/\s>][^\s/>]*)")
#: Elements that say nothing but in the first row of a kind: no bookmark, field, link, picture, list, hidden text or table.
_PLAIN = frozenset(
    f"w:{name}".encode()
    for name in (
        "tr", "trPr", "cantSplit", "tc", "tcPr", "tcW", "gridSpan", "tcBorders", "top", "bottom", "left", "right", "vAlign",
        "tcMar", "p", "pPr", "pStyle", "jc", "ind", "spacing", "keepNext", "keepLines", "r", "rPr", "rStyle", "color", "b", "i",
        "t", "br",
    )
)  # fmt: skip


class Rows:
    """A part of a document as a file, in which such rows are empty: `texts_of` says what stood in them."""

    def __init__(self, part: IO[bytes]) -> None:
        self._part = part
        self._rest = b""
        self._sound: bool | None = None
        #: Nobody knows it: no document can say of itself that it said something here.
        self._mark = secrets.token_hex(16)
        self._texts: list[list[str]] = []
        self._depth = 0
        self._known: set[bytes] = set()

    def read(self, size: int = -1) -> bytes:
        """The next piece; none at the end."""
        while True:
            more = self._part.read(_CHUNK)
            if self._sound is None:
                self._sound = bool(_BEGINS.match(more))
            if not self._sound or not more:
                # What is left holds no whole row.
                rest, self._rest = self._rest, b""
                return rest + more
            whole, end, rest = (self._rest + more).rpartition(_END)
            self._rest = rest
            if whole:
                return self._shorten(whole + end)

    def texts_of(self, mark: str) -> list[str] | None:
        """The texts of the cells of a row that was left empty, by its mark; none where it is as it was."""
        own, _, number = mark.partition(".")
        return self._texts[int(number)] if own == self._mark else None

    def _shorten(self, piece: bytes) -> bytes:
        made, at = [], 0
        for found in _ROW.finditer(piece):
            between, row = piece[at : found.start()], found[0]
            self._pass(between)
            made += [between, self._take(row)]
            at = found.end()
        self._pass(piece[at:])
        return b"".join([*made, piece[at:]])

    def _pass(self, markup: bytes) -> None:
        """What stands between rows may change what the next ones are read as."""
        if markup:
            self._known.clear()
            self._depth += sum(-1 if end else 1 for end in _TABLE.findall(markup))

    def _take(self, row: bytes) -> bytes:
        """A row as it is read: without its contents, if nothing but its texts is new."""
        kind = _SAID.sub(rb"\1", row)
        if kind not in self._known:
            if b"xmlns" in kind or not _PLAIN.issuperset(_ELEMENT.findall(kind)):
                self._pass(row)
            else:
                self._known.add(kind)
            return row
        if self._depth != 1:
            return row
        try:
            texts = [_read_cell(cell) for cell in row.split(b"</w:tc>")[:-1]]
        except UnicodeDecodeError:
            return row
        self._texts.append(texts)
        return f'<w:tr mark="{self._mark}.{len(self._texts) - 1}"/>'.encode()


def _read_cell(cell: bytes) -> str:
    said = b"".join(b" " if found[1] is None else found[1] for found in _PIECE.finditer(cell)).decode("utf-8")
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], said) if "&" in said else said
