"""Joins the volumes of a long PDF: page numbers, links of the contents, bookmarks.

The numbers come as pages that hold nothing else; each is laid over its page as one drawing, so that
nothing of a volume has to be read or compiled again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DecodedStreamObject,
    DictionaryObject,
    Fit,
    IndirectObject,
    NameObject,
    NullObject,
    TextStringObject,
)

from cgbm1_report.errors import ReportError
from cgbm1_report.render import ReportAbout

#: What templates/page.typ lets an entry of the contents point to, in front of the page's number.
_PAGE_LINK = "https://page.invalid/"
#: Title of the unprinted heading each volume begins with: bookmarks know their level only by what
#: they stand under, and a volume may begin below a section of the one before.
VOLUME_START = "start of a volume"


@dataclass(frozen=True)
class Entry:
    """A line of the contents; ``page`` counts from 1 over all volumes, without the front pages."""

    level: int
    title: str
    page: int


@dataclass(frozen=True)
class Body:
    """The volumes, what they hold and how many pages they have."""

    readers: tuple[PdfReader, ...]
    entries: tuple[Entry, ...]
    pages: int


def count_pages(path: Path) -> int:
    """Pages of a PDF."""
    return len(PdfReader(path).pages)


def read_volumes(paths: Sequence[Path]) -> Body:
    """Read volumes and their bookmarks."""
    readers = tuple(PdfReader(path) for path in paths)
    entries: list[Entry] = []
    before = 0
    for reader in readers:
        marks = iter(_flat(reader.outline))
        if next(marks)[1].title != VOLUME_START:
            raise ReportError("a volume has no start", rule="templates/page.typ", remedy="restore volume-start")
        for level, item in marks:
            page = reader.get_destination_page_number(item)
            if page is None:
                raise ReportError(
                    f"bookmark {item.title!r} leads to no page", rule="rendering to PDF", remedy="report this to the maintainers"
                )
            entries.append(Entry(level, str(item.title), before + page + 1))
        before += len(reader.pages)
    return Body(readers, tuple(entries), before)


def _flat(items: Any, level: int = 1) -> Iterator[tuple[int, Any]]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item, level + 1)
        else:
            yield level, item


def join_volumes(front: Path, body: Body, numbers: Path, about: ReportAbout) -> bytes:
    """Join front pages and volumes; ``numbers`` has one page for each page of the volumes."""
    writer = PdfWriter()
    writer.append(PdfReader(front), import_outline=False)
    fronts = len(writer.pages)
    for reader in body.readers:
        writer.append(reader, import_outline=False)
    _number(writer, fronts, PdfReader(numbers))
    _link(writer, fronts)
    _bookmark(writer, fronts, body.entries)
    _describe(writer, about)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _number(writer: PdfWriter, fronts: int, numbers: PdfReader) -> None:
    before, after = DecodedStreamObject(), DecodedStreamObject()
    before.set_data(b"q\n")
    after.set_data(b"\nQ q /PageNumber Do Q\n")
    first, last = (writer._add_object(stream) for stream in (before, after))
    for page, number in zip(writer.pages[fronts:], numbers.pages, strict=True):
        contents = page.raw_get("/Contents")
        page[NameObject("/Contents")] = ArrayObject([first, contents, last])
        resources = DictionaryObject(_resolved(page["/Resources"]))
        drawings = DictionaryObject(_resolved(resources.get("/XObject", DictionaryObject())))
        drawings[NameObject("/PageNumber")] = _drawing(writer, number)
        resources[NameObject("/XObject")] = drawings
        page[NameObject("/Resources")] = resources


def _resolved(item: Any) -> Any:
    return item.get_object() if isinstance(item, IndirectObject) else item


def _drawing(writer: PdfWriter, page: PageObject) -> IndirectObject:
    """A page as a drawing that other pages can show."""
    stream = DecodedStreamObject()
    stream.set_data(_resolved(page.raw_get("/Contents")).get_data())
    drawing = stream.flate_encode()
    drawing[NameObject("/Type")] = NameObject("/XObject")
    drawing[NameObject("/Subtype")] = NameObject("/Form")
    drawing[NameObject("/BBox")] = ArrayObject(page.mediabox)
    drawing[NameObject("/Resources")] = _resolved(page["/Resources"]).clone(writer)
    return writer._add_object(drawing)


def _link(writer: PdfWriter, fronts: int) -> None:
    """Let the lines of the contents lead to their pages."""
    pages = list(writer.pages)
    for page in pages[:fronts]:
        for reference in _resolved(page.get("/Annots", ArrayObject())):
            link = _resolved(reference)
            target = str(_resolved(link.get("/A", DictionaryObject())).get("/URI", ""))
            if target.startswith(_PAGE_LINK):
                del link["/A"]
                aim = pages[int(target.removeprefix(_PAGE_LINK)) - 1].indirect_reference
                link[NameObject("/Dest")] = ArrayObject([aim, NameObject("/XYZ"), NullObject(), NullObject(), NullObject()])


def _bookmark(writer: PdfWriter, fronts: int, entries: Sequence[Entry]) -> None:
    above: list[tuple[int, Any]] = []
    for entry in entries:
        while above and above[-1][0] >= entry.level:
            above.pop()
        parent = above[-1][1] if above else None
        item = writer.add_outline_item(title=entry.title, page_number=fronts + entry.page - 1, parent=parent, fit=Fit.xyz())
        above.append((entry.level, item))


def _describe(writer: PdfWriter, about: ReportAbout) -> None:
    root = writer.root_object
    root[NameObject("/Lang")] = TextStringObject("en")
    root[NameObject("/PageMode")] = NameObject("/UseOutlines")
    root[NameObject("/ViewerPreferences")] = DictionaryObject({NameObject("/DisplayDocTitle"): BooleanObject(True)})
    moment = datetime.fromtimestamp(about.seconds, tz=UTC).strftime("D:%Y%m%d%H%M%SZ")
    writer.metadata = {
        "/Title": about.title,
        "/Author": about.sponsor,
        "/Creator": "cgbm1-report",
        "/Producer": "Typst and pypdf",
        "/CreationDate": moment,
        "/ModDate": moment,
    }
