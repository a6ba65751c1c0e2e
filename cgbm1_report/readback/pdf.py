"""Reads a report as PDF back: pages, rows, words, contents, bookmarks, structure, and that nothing leads outside."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from cgbm1_report.readback.pdfnumbers import check_contents, check_page_numbers
from cgbm1_report.readback.pdfpages import OutputPages, make_page
from cgbm1_report.readback.pdfsame import find_same
from cgbm1_report.readback.pdftext import PageReader, resolved
from cgbm1_report.readback.pdfwords import Pages, check_bookmarks, check_edges, check_words
from cgbm1_report.readback.printed import LINKS, Finding, Printed, limited, plain
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.structure import check_structure
from cgbm1_report.readback.structure.document import UNSAID
from cgbm1_report.readback.told import FRONT, Said, Told
from cgbm1_report.readback.tree import check_tree

_OPENS = "the file can be read"
_OUTSIDE = "nothing leads outside or runs"
_OUTSIDE_PAGE = "every text stands on the page, above its footer"
_BOOKMARKS = "each output has one bookmark, to its first page"
_ROWS = "each row with a name has a bookmark, to the page on which it begins"
_FIRST_VIEW = "ISO 32000-1 annex F, 7.7.2: the first page shows before the rest has come, beside the bookmarks"
_TAGS = "the PDF is tagged, or build.log says why not"
_OTHER_FILE = re.compile(r"\b(?:outputs|groups)/")
_ACTIONS = ("/URI", "/GoToR", "/GoToE", "/Launch", "/JavaScript", "/SubmitForm", "/ImportData", "/RichMediaExecute")
_CATALOG = {"/AA": "actions of its own", "/AcroForm": "a form", "/AF": "attached files"}
_NAMES = {"/JavaScript": "JavaScript", "/EmbeddedFiles": "embedded files"}


def check_pdf(
    path: Path,
    outputs: Mapping[str, Printed],
    stamp: Said,
    log: str,
    links: frozenset[str] = frozenset(),
    *,
    name: str,
    every_tag: bool = True,
    standard: bool = True,
    told: Told | None = None,
    beside: Mapping[str, str] | None = None,
    singles: Mapping[str, Path] | None = None,
) -> tuple[list[Finding], int]:
    """Findings about a report as PDF, and how many pages it has.

    Parameters
    ----------
    outputs
        The outputs the report holds, by number.
    stamp
        What page header and footer say.
    log
        The build's log, which says why a PDF is not tagged.
    links
        Addresses it may lead to.
    name
        How findings name it: its path in the build.
    told
        What a whole document tells around its outputs; one of a single output tells nothing.
    every_tag, standard
        Whether its tags are read one by one, and it must say it is PDF/A (:mod:`.structure`).
    beside
        The files that a file of one output leads to: those of the outputs that it is linked with, and what is said of each.
    singles
        The sound files of the outputs of a report: their pages are not read twice (:mod:`.pdfsame`).
    """
    try:
        findings, pages, pictured, known = _check(path, name, outputs, stamp, log, links, told, beside or {}, singles or {})
        alts = None if told is not None and told.story.pictures else [one.alt for one in outputs.values() if one.is_figure]
        structure = check_structure(
            path,
            name,
            log,
            every_tag=every_tag,
            standard=standard,
            alternatives=alts,
            pictured=pictured,
            beside=beside,
            known=known,
        )
        return [*findings, *structure], pages
    except (PyPdfError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, zlib.error) as error:
        return [Finding(name, f"cannot be read as PDF: {type(error).__name__} {error}", _OPENS)], 0


def _check(
    path: Path,
    name: str,
    outputs: Mapping[str, Printed],
    stamp: Said,
    log: str,
    links: frozenset[str],
    told: Told | None,
    beside: Mapping[str, str],
    singles: Mapping[str, Path],
) -> tuple[list[Finding], int, Collection[str] | None, Mapping[int, bytes]]:
    """Findings, how many pages there are, on which of them pictures may stand (none says, where words hold some), and what is
    laid over those that are known.
    """
    reader = PdfReader(path)
    pages = len(reader.pages)
    levels, rows = _split_rows(_flat(reader.outline), {one.title: one.number for one in outputs.values()})
    marks = [(plain(str(item.title)), reader.get_destination_page_number(item)) for _, item in levels]
    texts = PageReader(reader)
    findings = [*_outside(name, reader, links, list(beside)), *_tagged(name, reader, log), *_opens(name, path, reader)]
    findings += _titled(name, reader, [one.title for one in outputs.values()] if told is None else [told.title])
    found = dict(marks)
    firsts = {number: at for number, one in outputs.items() if (at := found.get(one.title)) is not None}
    own = Pages(texts, pages, stamp, linked=bool(beside), known=find_same(path, firsts, singles) if singles else {})
    named = {
        number: [(plain(str(item.title)), reader.get_destination_page_number(item)) for item in items]
        for number, items in rows.items()
    }
    findings += _check_outputs(name, own, outputs, marks, told is not None, named)
    findings += check_page_numbers(name, own, whole=told is not None)
    if told is not None:
        said = [(level, plain(str(item.title))) for level, item in levels]
        findings += check_tree(name, outputs.values(), said) + check_bookmarks(name, said, told)
        findings += check_words(name, own, outputs, marks, told) + check_contents(name, own, marks, told)
    pictured = {f"page {at + 1}" for at, number in own.owned.items() if outputs[number].is_figure}
    findings += check_edges(name, own, apart=told is not None)
    return findings, pages, None if told is not None and told.story.pictures else pictured, own.laid_over()


def _titled(name: str, reader: PdfReader, wanted: Sequence[str]) -> list[Finding]:
    """Findings where the file says another title of itself than it has; a file of several outputs needs none."""
    said = {plain(str(reader.metadata.title or ""))} if reader.metadata is not None else {""}
    if reader.xmp_metadata is not None:
        said |= {plain(str(text)) for text in (reader.xmp_metadata.dc_title or {}).values()}
    if len(wanted) != 1:
        return []
    return [
        Finding(name, f"is titled {text!r} in its properties, not {wanted[0]!r}", FRONT, place="the document")
        for text in sorted(said)
        if fold(text) != fold(wanted[0])
    ]


def _flat(items: Any, level: int = 1) -> Iterator[tuple[int, Any]]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item, level + 1)
        else:
            yield level, item


def _split_rows(items: Iterable[tuple[int, Any]], titles: Mapping[str, str]) -> tuple[list[tuple[int, Any]], dict[str, list[Any]]]:
    """Bookmarks with their levels, and those below an output, of its rows, by its number; ``titles`` name the outputs."""
    found: list[tuple[int, Any]] = []
    rows: dict[str, list[Any]] = {}
    output, depth = None, 0
    for level, item in items:
        if output is not None and level > depth:
            rows.setdefault(output, []).append(item)
        else:
            output, depth = titles.get(plain(str(item.title))), level
            found.append((level, item))
    return found, rows


def _check_outputs(
    name: str,
    pages: Pages,
    outputs: Mapping[str, Printed],
    marks: Sequence[tuple[str, int | None]],
    led: bool,
    rows: Mapping[str, Sequence[tuple[str, int | None]]],
) -> list[Finding]:
    findings: list[Finding] = []
    starts = sorted({page for _, page in marks if page is not None})
    for printed in outputs.values():
        found = [page for title, page in marks if title == printed.title]
        if len(found) != 1 or found[0] is None:
            said = f"has {len(found)} bookmarks {printed.title!r}" if len(found) != 1 else "has a bookmark that leads to no page"
            findings.append(Finding(name, said, _BOOKMARKS, printed.number, "bookmarks"))
        if not found or found[0] is None:
            continue
        first = found[0]
        end = next((page for page in starts if page > first), pages.total)
        findings += _check_output(name, pages, printed, range(first, end), led, rows.get(printed.number, ()))
    findings += _check_leads(name, pages, outputs, dict(marks), starts)
    named = {printed.title for printed in outputs.values()}
    return [*findings, *_check_sections(name, pages, [mark for mark in marks if mark[0] not in named])]


def _check_leads(
    name: str, pages: Pages, outputs: Mapping[str, Printed], marks: Mapping[str, int | None], starts: Sequence[int]
) -> list[Finding]:
    """Findings where an output does not lead to the first pages of those it is linked with, or a link leads to no page."""
    findings: list[Finding] = []
    aims = {at: pages.texts.aims(at) for at in range(pages.total)}
    firsts = {marks.get(printed.title) for printed in outputs.values()}
    findings += [
        Finding(name, "has a link that leads to no page", LINKS, place=f"page {at + 1}") for at, to in aims.items() if None in to
    ]
    for printed in outputs.values():
        first = marks.get(printed.title)
        if first is None:
            continue
        end = next((page for page in starts if page > first), pages.total)
        wanted = [marks.get(outputs[number].title) for number in printed.links if number in outputs]
        # Words above an output may lead elsewhere.
        found = [to for at in range(first, end) for to in aims[at] if to in firsts]
        if sorted(found, key=str) != sorted(wanted, key=str):
            told = [", ".join(str(-1 if at is None else at + 1) for at in aim) or "none" for aim in (found, wanted)]
            said = f"leads to page {told[0]}, the outputs it is linked with are on page {told[1]}"
            findings.append(Finding(name, said, LINKS, printed.number, "links"))
    return limited(findings)


def _check_sections(name: str, pages: Pages, marks: Sequence[tuple[str, int | None]]) -> list[Finding]:
    """Findings about bookmarks of sections: each leads to a page that prints its title."""
    findings = []
    for title, at in marks:
        printed = make_page(0, pages.runs(at)).text if at is not None else ""
        # Formulas and scripts from right to left are printed otherwise than a bookmark says them.
        if not all(word in printed for word in title.split() if word.isascii() and word.isalnum()):
            findings.append(
                Finding(name, f"has a bookmark {title!r} that leads to a page without it", _BOOKMARKS, place="bookmarks")
            )
    return findings


def _check_output(
    name: str, pages: Pages, printed: Printed, numbers: range, led: bool, rows: Sequence[tuple[str, int | None]]
) -> list[Finding]:
    if printed.number in pages.known:
        return _check_known(name, pages, printed, numbers, rows)
    reading = OutputPages(name, printed, pages.stamp, led, printed.notes[-1] if pages.linked else "")
    own: list[int] = []
    unseen: list[Finding] = []
    last = make_page(numbers.start + 1, ())
    for at in numbers:
        page = make_page(at + 1, pages.runs(at))
        if not reading.read(page):
            break
        own.append(at)
        lost = pages.texts.below(at, pages.stamp.edges)
        if lost:
            said = f"prints {len(lost)} texts where the page ends, first {lost[0]!r}: its title, heads, notes or a row are too long"
            unseen.append(Finding(name, said, _OUTSIDE_PAGE, printed.number, f"page {at + 1}"))
        last = page
    if not own:
        return [
            Finding(name, "leads to a page without the output's title", _BOOKMARKS, printed.number, f"page {numbers.start + 1}")
        ]
    pages.take(printed.number, own, reading.before or 0)
    if list(rows) != [(text, reading.begun.get(row)) for row, text in printed.marks]:
        unseen.append(
            Finding(name, "has other bookmarks of its rows than their names, or to other pages", _ROWS, printed.number, "bookmarks")
        )
    return [*limited(unseen), *reading.close(last)]


def _check_known(
    name: str, pages: Pages, printed: Printed, numbers: range, rows: Sequence[tuple[str, int | None]]
) -> list[Finding]:
    """Findings about an output whose pages are those of its own file: that all of them are here, and its bookmarks."""
    known = pages.known[printed.number]
    own = range(numbers.start, numbers.start + len(known.pages))
    if own.stop > numbers.stop:
        return [Finding(name, "has pages of another output among its own", _BOOKMARKS, printed.number, f"page {own.start + 1}")]
    pages.take(printed.number, own, 0)
    if list(rows) != [(text, at + own.start) for text, at in known.rows]:
        said = "has other bookmarks of its rows than their names, or to other pages"
        return [Finding(name, said, _ROWS, printed.number, "bookmarks")]
    return []


def _outside(name: str, reader: PdfReader, links: frozenset[str], beside: Sequence[str]) -> list[Finding]:
    """Findings about actions, forms and attachments; each file ``beside`` is led to once."""
    root: Any = resolved(reader.trailer["/Root"])
    named = resolved(root.get("/Names", {})) or {}
    found = [(text, "the document") for key, text in _CATALOG.items() if key in root]
    if isinstance(resolved(root.get("/OpenAction")), dict):
        found.append(("an action on opening", "the document"))
    found += [(text, "the document") for key, text in _NAMES.items() if key in named]
    opened: list[str] = []
    for at, page in enumerate(reader.pages, 1):
        place = f"page {at}"
        if "/AA" in page:
            found.append(("actions of its own", place))
        for reference in resolved(page.get("/Annots")) or ():
            note = resolved(reference)
            action = resolved(note.get("/A")) or {}
            if action.get("/S") == "/GoToR" and str(action.get("/F")) in beside:
                opened.append(str(action["/F"]))
            elif action.get("/S") in _ACTIONS and action.get("/URI") not in links:
                aim = action.get("/URI") or action.get("/F") or action.get("/JS") or ""
                found.append((f"an action {action.get('/S')} {aim}".strip(), place))
            if note.get("/Subtype") in ("/FileAttachment", "/RichMedia", "/Movie", "/Screen") or "/AA" in note:
                found.append((f"an annotation {note.get('/Subtype')}", place))
    told = [Finding(name, f"has {what}", _OUTSIDE, place=place) for what, place in found]
    if sorted(opened) != sorted(beside):
        said = f"leads to the files {', '.join(opened) or 'none'}, the outputs it is linked with are {', '.join(beside)}"
        told.append(Finding(name, said, LINKS, place="links"))
    return told


def _opens(name: str, path: Path, reader: PdfReader) -> list[Finding]:
    """Findings where a reader would wait for the whole file, or would not see the bookmarks."""
    with path.open("rb") as file:
        linearised = b"/Linearized" in file.read(1024)
    said = [] if linearised else ["is not linearised"]
    root: Any = resolved(reader.trailer["/Root"])
    if root.get("/PageMode") != "/UseOutlines":
        said.append("does not open with its bookmarks")
    return [Finding(name, text, _FIRST_VIEW, place="the document") for text in said]


def hear_log(name: str, log: str) -> tuple[bool, bool]:
    """What of the build's log decides about a PDF: whether it says why it has no tags, and that one is not PDF/UA-1."""
    return _excused(name, log), UNSAID in log


def _excused(name: str, log: str) -> bool:
    """Whether the log says of this very file why it has no tags."""
    said = [part for line in log.splitlines() for part in line.split("; ") if "not tagged" in part]
    # What the log says of another file than the report begins with its path.
    return any(name in part if "/" in name else not _OTHER_FILE.search(part) for part in said)


def _tagged(name: str, reader: PdfReader, log: str) -> list[Finding]:
    root: Any = resolved(reader.trailer["/Root"])
    tagged = "/StructTreeRoot" in root and bool((resolved(root.get("/MarkInfo")) or {}).get("/Marked"))
    return [] if tagged or _excused(name, log) else [Finding(name, "is not tagged", _TAGS, place="the document")]
