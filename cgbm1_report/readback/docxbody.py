"""Reads the main part of a Word document in one pass: what stands under each output's bookmark, and what outside of all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree

from cgbm1_report.readback.printed import plain

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
#: What begins the name of the bookmark around a whole output, and how long a name may be.
REGION, _LONGEST = "out_", 40
_STYLED = {f"{W}{name}" for name in ("pStyle", "rStyle", "tblStyle")}
_BREAKS = {f"{W}br", f"{W}cr", f"{W}p", f"{W}tab"}
_LEVEL = re.compile(r'\bTC\s+".*"\s+\\l\s+([1-9])')
#: Fields whose results are page numbers: they are a viewer's, not the file's.
_COUNTED = ("PAGE", "NUMPAGES", "SECTIONPAGES", "PAGEREF")


@dataclass
class Row:
    """A row of a table: plain texts of its cells, and whether it repeats on every page."""

    texts: list[str]
    repeats: bool


@dataclass
class Content:
    """What stands under one bookmark: tables, paragraphs outside them, what stands for its pictures, where its links lead."""

    tables: list[list[Row]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)


@dataclass
class Block:
    """A text outside the outputs with its paragraph's style and where it leads; or, by its anchor, the place of an output."""

    style: str
    text: str
    output: str = ""
    aim: str = ""


@dataclass
class Section:
    """The edges of a section: identifiers of header and footer parts by kind, and whether its first page has its own."""

    edges: dict[tuple[str, str], str]
    first_apart: bool


@dataclass
class Body:
    """A document's main part: contents by output, texts outside them, and what all of it refers to."""

    contents: dict[str, Content] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    styles: set[str] = field(default_factory=set)
    fields: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    marked: dict[str, str] = field(default_factory=dict)
    aims: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    nameless: int = 0
    headings: list[tuple[str, str, int]] = field(default_factory=list)


def region_of(anchor: str) -> str:
    """Name of the bookmark around a whole output."""
    return f"{REGION}{anchor}"[:_LONGEST]


class _Reader:
    """Reads the main part element by element; what was read is let go."""

    def __init__(self, anchors: frozenset[str]) -> None:
        self.body = Body()
        self.anchors = anchors
        self.regions = {region_of(anchor): anchor for anchor in anchors}
        self.open: dict[str, str] = {}
        self.touched: list[str] = []
        self.table: list[Row] = []
        self.depth = 0

    def read(self, part: IO[bytes]) -> Body:
        # The file was made by this build; expat bounds what entities may grow to.
        for event, node in ElementTree.iterparse(part, events=("start", "end")):  # noqa: S314
            if event == "start":
                self._start(node)
            else:
                self._end(node)
        return self.body

    def _start(self, node: ElementTree.Element) -> None:
        if node.tag == f"{W}tbl":
            self.depth += 1
        elif node.tag == f"{W}bookmarkStart":
            mark = node.get(f"{W}name", "")
            self.body.anchors.add(mark)
            if mark in self.anchors:
                self.body.order.append(mark)
                self.body.contents.setdefault(mark, Content())
            elif mark in self.regions:
                anchor = self.regions[mark]
                self.body.regions.append(anchor)
                self.body.blocks.append(Block("", "", anchor))
                self.open[node.get(f"{W}id", "")] = anchor
                self.touched.append(anchor)
        elif node.tag == f"{W}bookmarkEnd":
            self.open.pop(node.get(f"{W}id", ""), None)

    @property
    def here(self) -> Content | None:
        """The output that this place belongs to: the innermost that is open, or was when the paragraph began."""
        inside = [*self.open.values(), *self.touched]
        return self.body.contents.setdefault(inside[-1], Content()) if inside else None

    def _end(self, node: ElementTree.Element) -> None:
        tag, body = node.tag, self.body
        if tag in _STYLED:
            body.styles.add(node.get(f"{W}val", ""))
        elif tag == f"{W}tr" and self.depth == 1:
            self.table.append(_row(node))
            if self.table[-1].repeats:
                body.headings += [_styled(inner) for inner in node.iter(f"{W}p")]
            self._mark(node)
            node.clear()
        elif tag == f"{W}tbl":
            self._end_table(node)
        elif tag == f"{W}p" and self.depth == 0:
            self._end_paragraph(node)
        elif tag == f"{W}instrText":
            body.fields.append(node.text or "")
        elif tag == f"{W}fldSimple":
            body.fields.append(node.get(f"{W}instr", ""))
        elif tag == f"{W}sectPr":
            body.sections.append(_section(node))
        elif tag.endswith("}docPr"):
            said = (node.get("descr") or "").strip()
            body.nameless += not said
            if self.here is not None:
                self.here.described.append(plain(said))
        elif tag.endswith(("}blip", "}hyperlink")):
            aim = node.get(f"{W}anchor", "")
            body.aims |= {aim} - {""}
            if self.here is not None and aim in self.anchors:
                self.here.leads.append(aim)
            body.relations |= {node.get(f"{R}{kind}", "") for kind in ("embed", "link", "id")} - {""}

    def _end_table(self, node: ElementTree.Element) -> None:
        self.depth -= 1
        if self.depth == 0:
            if self.here is not None:
                self.here.tables.append(self.table)
            else:
                self.body.blocks += [Block("", text) for row in self.table for text in row.texts if text]
            self.table = []
            self.touched = list(self.open.values())
        node.clear()

    def _end_paragraph(self, node: ElementTree.Element) -> None:
        style, text, _ = heading = _styled(node)
        self.body.headings.append(heading)
        self._mark(node)
        if self.here is not None:
            self.here.paragraphs.append(text)
        elif text:
            link = node.find(f"{W}hyperlink")
            aim = link.get(f"{W}anchor", "") if link is not None else ""
            self.body.blocks.append(Block(style, told_text(node), aim=aim))
        self.touched = list(self.open.values())
        node.clear()

    def _mark(self, node: ElementTree.Element) -> None:
        """Take down the text that each bookmark of a paragraph, or of the first of a row, stands on."""
        marks = [mark.get(f"{W}name", "") for mark in node.iter(f"{W}bookmarkStart")]
        if marks:
            paragraph = next((one for one in node.iter(f"{W}p") if one.find(f"{W}bookmarkStart") is not None), node)
            self.body.marked |= dict.fromkeys(marks, plain(_text(paragraph)))


def read_body(part: IO[bytes], anchors: frozenset[str]) -> Body:
    """Read the main part; ``anchors`` are the names that outputs are linked by."""
    return _Reader(anchors).read(part)


def _section(node: ElementTree.Element) -> Section:
    edges = {
        (kind, inner.get(f"{W}type", "default")): inner.get(f"{R}id", "")
        for kind in ("header", "footer")
        for inner in node.iter(f"{W}{kind}Reference")
    }
    apart = node.find(f"{W}titlePg")
    return Section(edges, apart is not None and _is_on(apart))


def _is_on(node: ElementTree.Element) -> bool:
    return node.get(f"{W}val", "1") not in ("0", "false", "off")


def _styled(node: ElementTree.Element) -> tuple[str, str, int]:
    """A paragraph's style, its text, and the level of the contents for which it is marked, or 0."""
    style = node.find(f"{W}pPr/{W}pStyle")
    marked = _LEVEL.search("".join(code.text or "" for code in node.iter(f"{W}instrText")))
    return (style.get(f"{W}val", "") if style is not None else ""), plain(_text(node)), int(marked[1]) if marked else 0


def _row(node: ElementTree.Element) -> Row:
    repeats = node.find(f"{W}trPr/{W}tblHeader")
    return Row([plain(_text(cell)) for cell in node.iterfind(f"{W}tc")], repeats is not None and _is_on(repeats))


def _text(node: ElementTree.Element) -> str:
    pieces = []
    for inner in node.iter():
        if inner.tag == f"{W}t":
            pieces.append(inner.text or "")
        elif inner.tag in _BREAKS:
            pieces.append(" ")
    return "".join(pieces)


def told_text(node: ElementTree.Element) -> str:
    """A text without the page numbers that a viewer fills in."""
    return plain("".join(_pieces(node, [])))


def _pieces(node: ElementTree.Element, fields: list[list[str]]) -> Iterator[str]:
    """Texts of a paragraph; ``fields`` are those that are open: instruction, and its result's begin."""
    for inner in node:
        counted = any(len(one) > 1 and one[0].split()[:1] and one[0].split()[0].upper() in _COUNTED for one in fields)
        if inner.tag == f"{W}fldChar":
            kind = inner.get(f"{W}fldCharType")
            if kind == "begin":
                fields.append([""])
            elif kind == "separate" and fields:
                fields[-1].append("result")
            elif kind == "end" and fields:
                fields.pop()
        elif inner.tag == f"{W}instrText" and fields:
            fields[-1][0] += inner.text or ""
        elif inner.tag == f"{W}fldSimple":
            if (inner.get(f"{W}instr", "").split() or [""])[0].upper() not in _COUNTED:
                yield from _pieces(inner, fields)
        elif inner.tag == f"{W}t":
            yield "" if counted else inner.text or ""
        elif inner.tag in _BREAKS:
            yield " "
            yield from _pieces(inner, fields)
        else:
            yield from _pieces(inner, fields)
