"""Reads the text of PDF pages in the order it is drawn, run by run.

pypdf opens the file; the pages themselves are read here, because its own extraction takes 35 ms a page
and guesses where blanks are. What we print is simple: fonts with two-byte codes and a table back to
characters. Anything else cannot be read back and is told, not guessed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pypdf import PdfReader
from pypdf.generic import IndirectObject

STRING = rb"\((?:[^\\()]++|\\.)*+\)"
# Brackets inside a string may stand unescaped where they balance.
for _ in range(6):
    STRING = rb"\((?:[^\\()]++|\\.|" + STRING + rb")*+\)"
# What a tag says about a text (its language, its number) is not the text.
TAG = rb"<<(?:[^<>()]++|" + STRING + rb"|<[0-9A-Fa-f\s]*>|<<[^<>]*>>)*+>>"
#: A text of one font and one string, as most are: all of it at once.
_WHOLE = rb"\bBT\b[^()<>/]*/(\S+)\s+[-\d.]+\s+Tf[^()<>/]*(" + STRING + rb")[^()<>/B]*?\bET\b"
_TOKEN = re.compile(
    TAG + rb"|" + _WHOLE + rb"|(" + STRING + rb")|<([0-9A-Fa-f\s]*)>|/(\S+)\s+[-\d.]+\s+Tf|/(\S+)\s+Do\b|\b(BT)\b|\b(ET)\b", re.S
)
_NUMBER = rb"(-?[\d.]+)"
#: Where the state is kept and brought back, where the place is moved, where a text begins: each at the start of a line.
_PLACE = re.compile(rb"^(?:(q)\s)?" + rb"\s".join([_NUMBER] * 6) + rb"\scm\b|^(q)\s|^(Q)\b|^(BT)\b", re.M)
#: Points from a page's lower edge in which stands its footer, one line of it, and nothing else.
_FOOT = 50
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.S)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
#: Escapes that Python's own are not, or not always.
_UNUSUAL = re.compile(rb"\\(?![0-3][0-7]{2}|[nrtbf])")
_CHAR_BLOCK = re.compile(rb"beginbfchar(.*?)endbfchar", re.S)
_RANGE_BLOCK = re.compile(rb"beginbfrange(.*?)endbfrange", re.S)
_PAIR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]+)>|\[(.*?)\])", re.S)
#: Stands for a code that no table turns into a character.
UNREADABLE = "\ue000"
NOT_DEFINED = "\ue001"


@dataclass(frozen=True)
class Font:
    """A font of a page: its name, and its codes as characters."""

    name: str
    characters: dict[int, str]
    wide: bool
    #: Strings of it that were read before: most stand in many cells and on many pages.
    read: dict[bytes, str] = field(default_factory=dict, compare=False, repr=False)


def resolved(item: Any) -> Any:
    """The object behind a reference."""
    return item.get_object() if isinstance(item, IndirectObject) else item


class PageReader:
    """Reads pages; fonts are read once."""

    def __init__(self, reader: PdfReader) -> None:
        self.reader = reader
        # Asked for one page, pypdf counts all of them.
        self._pages = list(reader.pages)
        self.fonts: dict[int, Font] = {}

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {page.indirect_reference.idnum: at for at, page in enumerate(self._pages) if page.indirect_reference is not None}

    @cached_property
    def _named(self) -> dict[str, Any]:
        return self.reader.named_destinations

    def aims(self, number: int) -> list[int | None]:
        """The pages that the links of a page lead to, both counted from 0; None where it is no page of the file."""
        return list(self._aims(number))

    def _aims(self, number: int) -> Iterator[int | None]:
        for reference in resolved(self._pages[number].get("/Annots")) or ():
            note = resolved(reference)
            action = resolved(note.get("/A")) or {}
            if note.get("/Subtype") != "/Link" or action.get("/S", "/GoTo") != "/GoTo":
                continue
            aim = resolved(note.get("/Dest", action.get("/D")))
            if isinstance(aim, (str, bytes)):
                named = self._named.get(aim if isinstance(aim, str) else aim.decode("latin-1"))
                yield None if named is None else self.reader.get_destination_page_number(named)
            else:
                yield self._numbers.get(getattr(aim[0], "idnum", -1)) if aim else None

    def runs(self, number: int) -> list[str]:
        """The text runs of a page, counted from 0."""
        return self.runs_of(number, self._content(number))

    def runs_of(self, number: int, content: bytes) -> list[str]:
        """The text runs of a part of what a page draws."""
        page = self._pages[number]
        return list(self._runs(content, resolved(page.get("/Resources", {})), depth=0))

    def _content(self, number: int) -> bytes:
        contents = self._pages[number].get_contents()
        return contents.get_data() if contents is not None else b""

    def below(self, number: int, known: Container[str]) -> list[str]:
        """Runs that nobody sees, or not well: outside the page, or as low on it as the footer, whose runs are ``known``."""
        page, data = self._pages[number], self._content(number)
        left, bottom, right, top = (float(side) for side in page.mediabox)
        places = _places(data)
        low = {y for _, y in places if y < bottom + _FOOT}
        if len(low) <= 1 and all(left <= x <= right and bottom <= y <= top for x, y in places):
            return []
        fonts = resolved(resolved(page.get("/Resources", {})).get("/Font", {}))
        runs = list(self._runs(data, {"/Font": fonts}, depth=0))
        if len(places) != len(runs):
            runs = [""] * len(places)
        placed = list(zip(runs, places, strict=True))
        footer = max((y for run, (_, y) in placed if run in known and y in low and y >= bottom), default=bottom)
        return [
            run for run, (x, y) in placed if not (left <= x <= right and bottom <= y <= top) or (y <= footer and run not in known)
        ]

    def _runs(self, data: bytes, resources: Any, depth: int) -> Iterator[str]:
        fonts = resolved(resources.get("/Font", {}))
        drawings = resolved(resources.get("/XObject", {}))
        font: Font | None = None
        pieces: list[str] = []
        for match in _TOKEN.finditer(data):
            within, whole, text, digits, named, drawn, begun, ended = match.groups()
            if whole is not None:
                font = self._font(fonts.get("/" + within.decode("latin-1")))
                pieces = []
                yield _read_string(whole, font)
            elif text is not None:
                pieces.append(_read_string(text, font))
            elif digits is not None:
                pieces.append(_decoded(bytes.fromhex(digits.decode("ascii")), font))
            elif named is not None:
                font = self._font(fonts.get("/" + named.decode("latin-1")))
            elif drawn is not None:
                yield from self._drawing(resolved(drawings.get("/" + drawn.decode("latin-1"))), depth)
            elif begun is not None:
                pieces = []
            elif ended is not None and pieces:
                yield "".join(pieces)
                pieces = []

    def _drawing(self, drawing: Any, depth: int) -> Iterator[str]:
        if drawing is not None and drawing.get("/Subtype") == "/Form" and depth < 8:
            yield from self._runs(drawing.get_data(), resolved(drawing.get("/Resources", {})), depth + 1)

    def _font(self, reference: Any) -> Font | None:
        known = getattr(reference, "idnum", id(reference))
        if reference is None:
            return None
        if known not in self.fonts:
            self.fonts[known] = _read_font(resolved(reference))
        return self.fonts[known]


def _read_font(font: Any) -> Font:
    table = resolved(font.get("/ToUnicode"))
    return Font(
        name=str(font.get("/BaseFont", "without a name")).lstrip("/"),
        characters=read_characters(table.get_data()) if table is not None else {},
        wide=font.get("/Subtype") == "/Type0",
    )


def read_characters(table: bytes) -> dict[int, str]:
    """A ToUnicode table as code to characters."""
    found: dict[int, str] = {}
    for block in _CHAR_BLOCK.findall(table):
        found |= {int(code, 16): _text(text) for code, text in _PAIR.findall(block)}
    for block in _RANGE_BLOCK.findall(table):
        for first, last, start, items in _RANGE.findall(block):
            codes = range(int(first, 16), int(last, 16) + 1)
            if items:
                found |= dict(zip(codes, map(_text, re.findall(rb"<([0-9A-Fa-f\s]*)>", items)), strict=False))
            else:
                found |= {code: _text(f"{int(start, 16) + at:0{len(start)}x}".encode()) for at, code in enumerate(codes)}
    return found


def _text(digits: bytes) -> str:
    return bytes.fromhex(digits.decode("ascii")).decode("utf-16-be", "replace")


def unescaped(text: bytes) -> bytes:
    """The bytes of a string in brackets."""
    inside = text[1:-1]
    if b"\\" not in inside:
        return inside
    # Left to right: what stands behind a pair of backslashes is not escaped by the second of them.
    simple = inside.replace(b"\\\\", b"\\134").replace(b"\\(", b"(").replace(b"\\)", b")")
    if not _UNUSUAL.search(simple):
        return simple.decode("unicode_escape").encode("latin-1")
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 8) & 255]) if m[1][0] in b"01234567" else _ESCAPED.get(m[1], m[1]), inside)


def _places(data: bytes) -> list[tuple[float, float]]:
    """Where each text of a page begins."""
    found, kept, now = [], [], _Matrix(1, 0, 0, 1, 0, 0)
    for first, *numbers, saved, back, begun in _PLACE.findall(data):
        if first or saved:
            kept.append(now)
        if numbers[0]:
            now = now.after(*map(float, numbers))
        elif back and kept:
            now = kept.pop()
        elif begun:
            found.append((now.e, now.f))
    return found


class _Matrix(NamedTuple):
    """A transformation of the page's coordinates, as PDF writes it."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def after(self, a: float, b: float, c: float, d: float, e: float, f: float) -> _Matrix:
        """A transformation, and then this one."""
        return _Matrix(
            a * self.a + b * self.c,
            a * self.b + b * self.d,
            c * self.a + d * self.c,
            c * self.b + d * self.d,
            e * self.a + f * self.c + self.e,
            e * self.b + f * self.d + self.f,
        )


def _read_string(text: bytes, font: Font | None) -> str:
    """A string in brackets as characters."""
    if font is None:
        return _decoded(unescaped(text), None)
    if text not in font.read:
        font.read[text] = _decoded(unescaped(text), font)
    return font.read[text]


def _decoded(codes: bytes, font: Font | None) -> str:
    if font is None or not font.characters:
        return UNREADABLE * (len(codes) or 1)
    units = struct.unpack(f">{len(codes) // 2}H", codes[: len(codes) // 2 * 2]) if font.wide else codes
    return "".join([font.characters.get(unit, UNREADABLE if unit else NOT_DEFINED) for unit in units])
