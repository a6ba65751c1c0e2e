"""Pages that a whole report shares with the files of its outputs, which are read by themselves: they are not read twice.

A page is the same where it draws the same bytes with the same fonts, pictures and colours on a sheet of the same size. What
was laid over it when the report was joined is no part of that and is read: its number in the report.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from cgbm1_report.readback.printed import plain

_DRAWN = re.compile(rb"/(\S+)\s+Do\b")
#: What a stream says that only keeps the state of drawing, and what the next begins with where it gives it back.
_KEEPS, _BACK = (b"q", b""), re.compile(rb"\s*Q\b")
#: Where a page stands in its tree and finds its tags, and how long a stream is as it is written: nothing of what it draws.
_APART = ("/Parent", "/StructParents", "/StructParent", "/P", "/Length")
_SHEET = (Name.MediaBox, Name.CropBox, Name.Rotate, Name.UserUnit)


@dataclass(frozen=True)
class Same:
    """A page of a report that the file of an output has too.

    It is the output's page ``at`` of ``of``; ``rest`` is what is laid over it. Where it ``says`` itself which page it is, the
    file's reader has held that against the truth.
    """

    at: int
    of: int
    rest: bytes
    says: bool


@dataclass(frozen=True)
class SameOutput:
    """The pages of a report that are those of an output's file, and what the bookmarks of its rows say and on which of them."""

    pages: tuple[Same, ...]
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Page:
    drawn: bytes
    used: Mapping[str, bytes]
    rest: bytes


def find_same(report: Path, firsts: Mapping[str, int], files: Mapping[str, Path]) -> dict[str, SameOutput]:
    """The outputs of which a report holds every page of their files, one after the other.

    Parameters
    ----------
    firsts
        The page on which each output begins, counted from 0.
    files
        The PDF of each output that was read and is sound.
    """
    found: dict[str, SameOutput] = {}
    try:
        with Pdf.open(report) as pdf:
            whole = _Reader(pdf)
            for number, first in firsts.items():
                if number in files:
                    same = _same(whole, first, files[number])
                    found |= {number: same} if same else {}
    except (pikepdf.PdfError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # Whoever reads the report says what is wrong with it.
        return {}
    return found


def _same(report: _Reader, first: int, path: Path) -> SameOutput | None:
    with Pdf.open(path) as pdf:
        alone = _Reader(pdf)
        total = len(alone.pages)
        pages = []
        for at in range(total):
            one, other = alone.read(at), report.read(first + at)
            if one is None or other is None or one.drawn != other.drawn or not one.used.items() <= other.used.items():
                return None
            pages.append(Same(at + 1, total, other.rest, says=not one.rest))
        return SameOutput(tuple(pages), tuple(alone.rows()))


class _Reader:
    """Reads what the pages of a PDF draw; what several pages use is read once."""

    def __init__(self, pdf: Pdf) -> None:
        self.pdf = pdf
        self.pages = [page.obj for page in pdf.pages]
        self.known: dict[tuple[int, int], bytes] = {}

    def read(self, at: int) -> _Page | None:
        """A page by what it draws and what it uses for it; None where it is no drawing with something laid over it."""
        if at >= len(self.pages):
            return None
        page = self.pages[at]
        content = page.get(Name.Contents)
        streams = list(content) if isinstance(content, Array) else [content]
        before, drawn, over = streams if len(streams) == 3 else (None, *streams, None) if len(streams) == 1 else (None, None, None)
        if not isinstance(drawn, Stream):
            return None
        rest = over.read_bytes() if over is not None else b""
        if before is not None and (before.read_bytes().strip() not in _KEEPS or not _BACK.match(rest)):
            return None
        laid = {f"/XObject/{name.decode('latin-1')}" for name in _DRAWN.findall(rest)}
        used = {name: told for name, told in self._used(page) if name not in laid}
        sheet = b" ".join(page[key].unparse(resolved=True) if key in page else b"-" for key in _SHEET)
        return _Page(hashlib.sha256(sheet + b"\0" + drawn.read_bytes()).digest(), used, rest)

    def _used(self, page: Any) -> Iterator[tuple[str, bytes]]:
        for kind, named in page.get(Name.Resources, Dictionary()).items():
            if isinstance(named, Dictionary):
                yield from ((f"{kind}{name}", self._digest(item)) for name, item in named.items())

    def _digest(self, item: Any) -> bytes:
        """What tells an object from any other, whatever number it has in its file."""
        if not isinstance(item, (Dictionary, Array, Stream)):
            return hashlib.sha256(_told(item)).digest()
        key = item.objgen
        if key in self.known:
            return self.known[key]
        said = hashlib.sha256(type(item).__name__.encode())
        if isinstance(item, Array):
            parts: Any = (self._digest(one) for one in item)
        else:
            parts = (name.encode() + self._digest(one) for name, one in sorted(item.items()) if name not in _APART)
        for part in parts:
            said.update(part)
        if isinstance(item, Stream):
            said.update(item.read_raw_bytes())
        if key != (0, 0):
            self.known[key] = said.digest()
        return said.digest()

    def rows(self) -> Iterator[tuple[str, int]]:
        """The bookmarks below that of the output: titles, and their pages counted from 0."""
        numbers = {page.objgen: at for at, page in enumerate(self.pages)}
        with self.pdf.open_outline() as outline:
            for item in (row for output in outline.root for row in output.children):
                place: Any = item.destination if item.destination is not None else item.action and item.action[Name.D]
                yield plain(str(item.title)), numbers[place[0].objgen]


def _told(item: Any) -> bytes:
    told = item.unparse(resolved=True) if isinstance(item, pikepdf.Object) else repr(item).encode()
    return type(item).__name__.encode() + bytes(told)
