"""Rows of RTF tables that differ from a row above them in their texts alone: of those the texts are all that is left to read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cgbm1_report.readback.printed import plain

#: A row of control words and texts alone: no group, no other symbol.
_ROW = re.compile(r"\\trowd(?![a-z])[^{}]*?\\row(?![a-z0-9-])")
_PIECE = re.compile(r"\\([a-z]+)(-?\d+)? ?([^\\{}]*)")
#: Control words that say nothing but in the first row of a kind: none hides a text, repeats a row or begins another place.
_SPELT = (
    "trowd trgaph trleft trkeep trkeepfollow clbrdrt clbrdrb clbrdrl clvertalb brdrb brdrs brdrw brsp cellx pard plain intbl keepn"
    " ql qc qr sb sa li fi f fs b line cell row"
)
_PLAIN = frozenset(_SPELT.split())
#: Half points in which a text is printed so that it can be read.
_SMALLEST = 8


def cut_rows(text: str) -> Iterator[tuple[str, bool]]:
    """A file in pieces, one after the other: such rows, and what stands between them."""
    at = 0
    for found in _ROW.finditer(text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


def kind_of(row: str) -> str:
    """The control words of a row; nothing where one of them may do more than lay its texts out."""
    words = _PIECE.findall(row)
    sound = all(word in _PLAIN and (word != "fs" or (value.isdigit() and int(value) >= _SMALLEST)) for word, value, _ in words)
    return " ".join(f"{word}{value}" for word, value, _ in words) if sound and not _PIECE.sub("", row) else ""


def read_cells(row: str) -> list[str]:
    """The texts of its cells."""
    cells: list[str] = []
    pieces: list[str] = []
    for word, _, said in _PIECE.findall(row):
        if word == "cell":
            cells.append(plain("".join(pieces)))
            pieces = []
        elif word == "line":
            pieces.append(" ")
        pieces.append(said.replace("\n", "").replace("\r", ""))
    return cells
