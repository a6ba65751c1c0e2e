"""Reads Word documents back: a package of XML, read part by part, the body in one pass."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from cgbm1_report.readback.printed import (
    LINKS,
    Finding,
    Printed,
    check_leads,
    compare_rows,
    limited,
    missing_texts,
    plain,
    squeezed,
)
from cgbm1_report.readback.tree import check_tree
from cgbm1_report.system.containers import ContainerError, walk_container

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_OPENS = "the file can be read"
ROWS = "every table prints the rows of the results"
HEADS = "title and column heads are rows that repeat"
SECTIONS = "each output is a bookmarked section with its title"
NOTES = "footnotes and source are printed"
OUTSIDE = "nothing leads outside or runs"
FIELDS = "fields are page numbers, contents and references only"
STYLES = "every style used is defined"
PICTURES = "every picture has a text that says what it shows"
_FIELD_NAMES = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES", "TOC", "TC", "SEQ", "REF", "PAGEREF", "STYLEREF", "="})
#: What a sponsor's header and footer may say besides: of the document, never of anything outside it.
_EDGE_FIELDS = frozenset(
    {"AUTHOR", "CREATEDATE", "DATE", "DOCPROPERTY", "FILENAME", "PRINTDATE", "SAVEDATE", "SECTION", "SUBJECT", "TITLE"}
)
#: Parts of a package that can run or hold something else than the document.
_ALIEN = re.compile(r"word/(embeddings|activeX)/|vbaProject|\.bin$|customUI", re.I)
_HEADING = re.compile(r"heading ([1-9])", re.I)
#: The titles of outputs are captions; the level at which the contents have one is said by the field that marks it.
_CAPTION, _LEVEL = "caption", re.compile(r'\bTC\s+".*"\s+\\l\s+([1-9])')
_STYLED = {f"{_W}{name}" for name in ("pStyle", "rStyle", "tblStyle")}
_BREAKS = {f"{_W}br", f"{_W}cr", f"{_W}p", f"{_W}tab"}


@dataclass
class Row:
    """A row of a table: plain texts of its cells, and whether it repeats on every page."""

    texts: list[str]
    repeats: bool


@dataclass
class Content:
    """What stands under one bookmark: its tables, the paragraphs outside them, its pictures, where its links lead."""

    tables: list[list[Row]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    pictures: int = 0
    leads: list[str] = field(default_factory=list)


@dataclass
class Body:
    """A document's main part: contents by output, and what all of it refers to."""

    contents: dict[str, Content] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    styles: set[str] = field(default_factory=set)
    fields: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    aims: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    nameless: int = 0
    headings: list[tuple[str, str, int]] = field(default_factory=list)


def check_docx(
    path: Path, name: str, outputs: Mapping[str, Printed], *, links: frozenset[str] = frozenset(), whole: bool = False
) -> list[Finding]:
    """Findings about a Word document that holds these outputs, by bookmark.

    ``links`` are addresses it may lead to; of a ``whole`` document the headings are read too.
    """
    try:
        with zipfile.ZipFile(path) as package:
            walk_container(package)
            findings, fields = _check_parts(name, package, links)
            with package.open("word/document.xml") as part:
                body = _read_body(part, frozenset(outputs))
            findings += _check_references(name, package, body)
            findings += check_tree(name, outputs.values(), _headings(package, body)) if whole else []
            findings += _check_fields(name, fields, _FIELD_NAMES | _EDGE_FIELDS) + _check_fields(name, body.fields, _FIELD_NAMES)
    except (ContainerError, zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError, UnicodeDecodeError) as error:
        return [Finding(name, f"cannot be read as DOCX: {error}", _OPENS)]
    for anchor, printed in outputs.items():
        findings += _check_output(name, anchor, printed, body)
        findings += check_leads(name, printed, outputs, body.contents[anchor].leads) if anchor in body.contents else []
    return findings


def _check_parts(name: str, package: zipfile.ZipFile, links: frozenset[str]) -> tuple[list[Finding], list[str]]:
    """Findings about the package, and the fields of its headers, footers and notes."""
    findings, fields = [], []
    for part in package.namelist():
        if _ALIEN.search(part):
            findings.append(Finding(name, f"holds {part}", OUTSIDE, place=part))
        if part.endswith(".rels"):
            # The file was made by this build; expat bounds what entities may grow to.
            targets = [link for link in ElementTree.fromstring(package.read(part)) if link.get("TargetMode") == "External"]  # noqa: S314
            outside = [link.get("Target", "") for link in targets if link.get("Target") not in links]
            findings += [Finding(name, f"refers to {aim}", OUTSIDE, place=part) for aim in outside]
        elif part.endswith(".xml") and part != "word/document.xml":
            fields += _fields(ElementTree.fromstring(package.read(part)))  # noqa: S314
    return findings, fields


def _fields(root: ElementTree.Element) -> list[str]:
    simple = [node.get(f"{_W}instr", "") for node in root.iter(f"{_W}fldSimple")]
    return simple + [node.text or "" for node in root.iter(f"{_W}instrText")]


def _read_body(part: IO[bytes], anchors: frozenset[str]) -> Body:
    """Read the main part element by element; what was read is let go."""
    body, here = Body(), Content()
    table: list[Row] = []
    loose: list[ElementTree.Element] = []
    depth = 0
    for event, node in ElementTree.iterparse(part, events=("start", "end")):  # noqa: S314
        tag = node.tag
        if event == "start":
            if tag == f"{_W}tbl":
                depth += 1
            elif tag == f"{_W}bookmarkStart":
                mark = node.get(f"{_W}name", "")
                body.anchors.add(mark)
                if mark in anchors:
                    body.order.append(mark)
                    here = body.contents.setdefault(mark, Content())
                    here.paragraphs += [plain(_text(kept)) for kept in loose[-1:]]
            continue
        if tag in _STYLED:
            body.styles.add(node.get(f"{_W}val", ""))
        elif tag == f"{_W}tr" and depth == 1:
            table.append(_row(node))
            if table[-1].repeats:
                body.headings += [_styled(inner) for inner in node.iter(f"{_W}p")]
            node.clear()
        elif tag == f"{_W}tbl":
            depth -= 1
            if depth == 0:
                here.tables.append(table)
                table = []
            node.clear()
        elif tag == f"{_W}p" and depth == 0:
            here.paragraphs.append(plain(_text(node)))
            body.headings.append(_styled(node))
            node.clear()
        elif tag == f"{_W}instrText":
            body.fields.append(node.text or "")
        elif tag == f"{_W}fldSimple":
            body.fields.append(node.get(f"{_W}instr", ""))
        elif tag.endswith("}docPr"):
            here.pictures += 1
            body.nameless += not (node.get("descr") or "").strip()
        elif tag.endswith(("}blip", "}hyperlink")):
            aim = node.get(f"{_W}anchor", "")
            body.aims |= {aim} - {""}
            here.leads += [aim] if aim in anchors else []
            body.relations |= {node.get(f"{_R}{kind}", "") for kind in ("embed", "link", "id")} - {""}
    return body


def _styled(node: ElementTree.Element) -> tuple[str, str, int]:
    """A paragraph's style, its text, and the level of the contents for which it is marked, or 0."""
    style = node.find(f"{_W}pPr/{_W}pStyle")
    marked = _LEVEL.search("".join(code.text or "" for code in node.iter(f"{_W}instrText")))
    return (style.get(f"{_W}val", "") if style is not None else ""), plain(_text(node)), int(marked[1]) if marked else 0


def _headings(package: zipfile.ZipFile, body: Body) -> list[tuple[int, str]]:
    """The headings and the captions marked for the contents, in their order.

    They are paragraphs in a style that Word knows as a heading of a level or as a caption, whatever its identity is.
    """
    styles = ElementTree.fromstring(package.read("word/styles.xml"))  # noqa: S314
    levels, captions = {}, set()
    for style in styles.iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        told = name.get(f"{_W}val", "") if name is not None else ""
        if found := _HEADING.fullmatch(told):
            levels[style.get(f"{_W}styleId", "")] = int(found[1])
        elif told.casefold() == _CAPTION:
            captions.add(style.get(f"{_W}styleId", ""))
    told_levels = [(marked if style in captions else levels.get(style, 0), text) for style, text, marked in body.headings]
    return [(level, text) for level, text in told_levels if level and text]


def _row(node: ElementTree.Element) -> Row:
    repeats = node.find(f"{_W}trPr/{_W}tblHeader")
    marked = repeats is not None and repeats.get(f"{_W}val", "1") not in ("0", "false", "off")
    return Row([plain(_text(cell)) for cell in node.iterfind(f"{_W}tc")], marked)


def _text(node: ElementTree.Element) -> str:
    pieces = []
    for inner in node.iter():
        if inner.tag == f"{_W}t":
            pieces.append(inner.text or "")
        elif inner.tag in _BREAKS:
            pieces.append(" ")
    return "".join(pieces)


def _check_references(name: str, package: zipfile.ZipFile, body: Body) -> list[Finding]:
    styles = ElementTree.fromstring(package.read("word/styles.xml"))  # noqa: S314
    defined = {style.get(f"{_W}styleId", "") for style in styles.iter(f"{_W}style")}
    links = ElementTree.fromstring(package.read("word/_rels/document.xml.rels"))  # noqa: S314
    known = {link.get("Id", "") for link in links}
    findings = [Finding(name, f"uses the style {style!r}", STYLES, place="body") for style in sorted(body.styles - defined)]
    lost = sorted(body.relations - known)
    findings += [Finding(name, f"refers to {mark!r}, which is not in the file", OUTSIDE, place="body") for mark in lost]
    astray = sorted(body.aims - body.anchors)
    findings += [Finding(name, f"has a link to {aim!r}, which it does not hold", LINKS, place="body") for aim in astray]
    if body.nameless:
        findings.append(Finding(name, f"{body.nameless} pictures say nothing", PICTURES, place="body"))
    return findings


def _check_fields(name: str, fields: Sequence[str], allowed: frozenset[str]) -> list[Finding]:
    return [
        Finding(name, f"holds the field {text.strip()!r}", FIELDS, place="fields")
        for text in fields
        if text.strip() and text.split()[0].upper() not in allowed
    ]


def _check_output(name: str, anchor: str, printed: Printed, body: Body) -> list[Finding]:
    times = body.order.count(anchor)
    if times != 1:
        return [Finding(name, f"has {times} bookmarks {anchor!r}", SECTIONS, printed.number, "bookmarks")]
    content = body.contents[anchor]
    if printed.is_figure:
        return _check_figure(name, printed, content)
    findings, rows, told = [], [], ""
    for at, table in enumerate(content.tables, 1):
        place = f"part {at} of {len(content.tables)}"
        said, body_rows, below = _read_table(name, printed, table, place)
        findings += said
        rows += body_rows
        told += below
    findings += compare_rows(name, printed, rows, ROWS)
    text = squeezed(told + "".join(content.paragraphs))
    findings += missing_texts(name, printed.number, "notes", (*printed.notes, printed.source), text, NOTES)
    return limited(findings)


def _check_figure(name: str, printed: Printed, content: Content) -> list[Finding]:
    text = squeezed("".join([*content.paragraphs, *(cell for table in content.tables for row in table for cell in row.texts)]))
    findings = missing_texts(name, printed.number, "title", (printed.title, *printed.lines), text, SECTIONS)
    findings += missing_texts(name, printed.number, "notes", (*printed.notes, printed.source), text, NOTES)
    if not content.pictures:
        findings.append(Finding(name, "has no picture", PICTURES, printed.number, "figure"))
    return findings


def _read_table(name: str, printed: Printed, table: Sequence[Row], place: str) -> tuple[list[Finding], list[list[str]], str]:
    """Findings about one table of an output, its rows, and what stands below them."""
    heads = list(printed.heads)
    at = next((at for at, row in enumerate(table[:6]) if row.texts == heads), None)
    if at is None:
        return [Finding(name, f"lacks the column heads {' | '.join(heads)}", HEADS, printed.number, place)], _texts(table), ""
    findings = [
        Finding(name, f"row {row + 1} ({' | '.join(table[row].texts)}) does not repeat on every page", HEADS, printed.number, place)
        for row in range(at + 1)
        if not table[row].repeats
    ]
    above = squeezed("".join(text for row in table[:at] for text in row.texts))
    wanted = (printed.title, *printed.lines, *(text for text in printed.spanners if text))
    findings += missing_texts(name, printed.number, place, wanted, above, HEADS)
    findings += [
        Finding(name, f"row {row + 1} repeats on every page", HEADS, printed.number, place)
        for row in range(at + 1, len(table))
        if table[row].repeats
    ]
    body, below = list(table[at + 1 :]), ""
    while body and _is_note(body[-1], printed):
        below = body.pop().texts[0] + below
    return findings, _texts(body), below


def _texts(rows: Sequence[Row]) -> list[list[str]]:
    return [row.texts for row in rows]


def _is_note(row: Row, printed: Printed) -> bool:
    """Whether a row across the whole table holds notes, not data."""
    if len(row.texts) != 1 or [tuple(row.texts)] == list(printed.rows):
        return False
    text = squeezed(row.texts[0])
    known = (*printed.notes, printed.source)
    return not text or any(squeezed(note) in text for note in known if note) or text.lower().startswith("continue")


def anchors(outputs: Mapping[str, Printed]) -> Iterator[tuple[str, Printed]]:
    """Outputs by the name they are linked by in every format."""
    for number, printed in outputs.items():
        name = re.sub(r"[^A-Za-z0-9]+", "_", number)[:40]
        yield (name if name[:1].isalpha() else f"o{name}"[:40]), printed
