"""Reads a report as PDF back: pages, rows, numbers, fonts, bookmarks, and that nothing leads outside."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from cgbm1_report.readback.pdfpages import OutputPages, check_page_numbers, make_page
from cgbm1_report.readback.pdftext import PageReader, resolved
from cgbm1_report.readback.printed import Finding, Printed, plain

_OPENS = "the file can be read"
_FONTS = "all fonts are embedded"
_OUTSIDE = "nothing leads outside or runs"
_BOOKMARKS = "each output has one bookmark, to its first page"
_LANGUAGE = "the language is set"
_TAGS = "the PDF is tagged, or build.log says why not"
_ACTIONS = ("/URI", "/GoToR", "/GoToE", "/Launch", "/JavaScript", "/SubmitForm", "/ImportData", "/RichMediaExecute")
_CATALOG = {"/AA": "actions of its own", "/AcroForm": "a form", "/AF": "attached files"}
_NAMES = {"/JavaScript": "JavaScript", "/EmbeddedFiles": "embedded files"}


def check_pdf(
    path: Path, outputs: Mapping[str, Printed], furniture: Sequence[str], log: str, links: frozenset[str] = frozenset()
) -> tuple[list[Finding], int]:
    """Findings about a report as PDF, and how many pages it has.

    Parameters
    ----------
    outputs
        The outputs the report holds, by number.
    furniture
        Texts of the page header and footer: they may hold numbers that are no results.
    log
        The build's log, which says why a PDF is not tagged.
    links
        Addresses it may lead to.
    """
    try:
        return _check(path, outputs, furniture, log, links)
    except (PyPdfError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, zlib.error) as error:
        return [Finding(path.name, f"cannot be read as PDF: {type(error).__name__} {error}", _OPENS)], 0


def _check(
    path: Path, outputs: Mapping[str, Printed], furniture: Sequence[str], log: str, links: frozenset[str]
) -> tuple[list[Finding], int]:
    # An output's own file is told from the report by its folder.
    name = path.name if path.stem == "report" else f"{path.parent.name}/{path.name}"
    reader = PdfReader(path)
    pages = len(reader.pages)
    marks = [(plain(str(item.title)), reader.get_destination_page_number(item)) for item in _flat(reader.outline)]
    texts = PageReader(reader)
    findings = [*_outside(name, reader, links), *_catalog(name, reader, log)]
    findings += _check_outputs(name, texts, outputs, marks, furniture, pages)
    findings += [
        Finding(name, f"font {font.name} is not in the file", _FONTS, place="fonts") for font in _fonts(texts) if not font.embedded
    ]
    return findings, pages


def _flat(items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _fonts(texts: PageReader) -> list[Any]:
    return sorted(texts.fonts.values(), key=lambda font: font.name)


def _check_outputs(
    name: str,
    texts: PageReader,
    outputs: Mapping[str, Printed],
    marks: Sequence[tuple[str, int | None]],
    furniture: Sequence[str],
    total: int,
) -> list[Finding]:
    findings: list[Finding] = []
    starts = sorted({page for _, page in marks if page is not None})
    read: set[int] = set()
    for printed in outputs.values():
        found = [page for title, page in marks if title == printed.title]
        if len(found) != 1 or found[0] is None:
            said = f"has {len(found)} bookmarks {printed.title!r}" if len(found) != 1 else "has a bookmark that leads to no page"
            findings.append(Finding(name, said, _BOOKMARKS, printed.number, "bookmarks"))
        if not found or found[0] is None:
            continue
        first = found[0]
        end = next((page for page in starts if page > first), total)
        findings += _check_output(name, texts, printed, range(first, end), furniture, total)
        read |= set(range(first, end))
    for at in sorted(set(range(total)) - read):
        # Front pages and narrative: read for their fonts.
        texts.runs(at)
    return findings


def _check_output(
    name: str, texts: PageReader, printed: Printed, numbers: range, furniture: Sequence[str], total: int
) -> list[Finding]:
    reading = OutputPages(name, printed, furniture)
    own: list[tuple[int, Sequence[str]]] = []
    last = make_page(numbers.start + 1, ())
    for at in numbers:
        runs = texts.runs(at)
        page = make_page(at + 1, runs)
        if not reading.read(page):
            break
        own.append((at + 1, runs))
        last = page
    if not own:
        return [
            Finding(name, "leads to a page without the output's title", _BOOKMARKS, printed.number, f"page {numbers.start + 1}")
        ]
    return [*reading.close(last), *check_page_numbers(name, printed.number, own, total)]


def _outside(name: str, reader: PdfReader, links: frozenset[str]) -> list[Finding]:
    """Findings about actions, forms and attachments."""
    root: Any = resolved(reader.trailer["/Root"])
    named = resolved(root.get("/Names", {})) or {}
    found = [(text, "the document") for key, text in _CATALOG.items() if key in root]
    if isinstance(resolved(root.get("/OpenAction")), dict):
        found.append(("an action on opening", "the document"))
    found += [(text, "the document") for key, text in _NAMES.items() if key in named]
    for at, page in enumerate(reader.pages, 1):
        place = f"page {at}"
        if "/AA" in page:
            found.append(("actions of its own", place))
        for reference in resolved(page.get("/Annots")) or ():
            note = resolved(reference)
            action = resolved(note.get("/A")) or {}
            if action.get("/S") in _ACTIONS and action.get("/URI") not in links:
                aim = action.get("/URI") or action.get("/F") or action.get("/JS") or ""
                found.append((f"an action {action.get('/S')} {aim}".strip(), place))
            if note.get("/Subtype") in ("/FileAttachment", "/RichMedia", "/Movie", "/Screen") or "/AA" in note:
                found.append((f"an annotation {note.get('/Subtype')}", place))
    return [Finding(name, f"has {what}", _OUTSIDE, place=place) for what, place in found]


def _excused(name: str, log: str) -> bool:
    """Whether the log says of this very file why it has no tags."""
    said = [part for line in log.splitlines() for part in line.split("; ") if "not tagged" in part]
    single = name.startswith("outputs/")
    return any(name in part if single else "outputs/" not in part for part in said)


def _catalog(name: str, reader: PdfReader, log: str) -> list[Finding]:
    root: Any = resolved(reader.trailer["/Root"])
    findings = []
    if not root.get("/Lang"):
        findings.append(Finding(name, "says no language", _LANGUAGE, place="the document"))
    tagged = "/StructTreeRoot" in root and bool((resolved(root.get("/MarkInfo")) or {}).get("/Marked"))
    if not tagged and not _excused(name, log):
        findings.append(Finding(name, "is not tagged", _TAGS, place="the document"))
    return findings
