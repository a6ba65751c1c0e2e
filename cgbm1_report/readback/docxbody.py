"""Reads the main part of a Word document in one pass: what stands under each output's bookmark, and what outside of all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree

from cgbm1_report.readback.docxhiding import R, W, may_be_strange, strange_value
from cgbm1_report.readback.docxrows import Rows
from cgbm1_report.readback.printed import plain

#: What begins the name of the bookmark around a whole output, and how long a name may be.
REGION, _LONGEST = "out_", 40
_STYLED = {f"{W}{name}" for name in ("pStyle", "rStyle", "tblStyle")}
_BREAKS = {f"{W}br", f"{W}cr", f"{W}p", f"{W}tab"}
_ENTRY = re.compile(r'\bTC\s+"(.*)"\s+\\l\s+[1-9]', re.S)
#: What a hidden text is told by; every other element is none of it.
_HIDING = frozenset({f"{W}vanish", f"{W}t", f"{W}r"})
#: What begins or ends something that is read; and what most elements of a table are, at whose ends nothing is.
_OPENING = frozenset({f"{W}tbl", f"{W}bookmarkStart", f"{W}bookmarkEnd"})
_SILENT = frozenset(f"{W}{name}" for name in ("tc", "tcPr", "tcW", "trPr", "cantSplit", "pPr", "rPr", "color", "b"))
_LEVEL = re.compile(r'\bTC\s+".*"\s+\\l\s+([1-9])')
#: Fields whose results are page numbers: they are a viewer's, not the file's.
_COUNTED = ("PAGE", "NUMPAGES", "SECTIONPAGES", "PAGEREF")


@dataclass
class Row:
    """A row of a table: plain texts of its cells, whether it repeats on every page, and the bookmarks that begin in it."""

    texts: list[str]
    repeats: bool
    marks: tuple[str, ...] = ()


@dataclass
class Content:
    """What stands under one bookmark: tables, paragraphs outside them, what stands for its pictures, where its links lead."""

    tables: list[list[Row]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
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
    #: Every element; what one says or hides that none of ours does; texts that are hidden; pictures among the words.
    made: set[str] = field(default_factory=set)
    strange: dict[str, None] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    #: Of each paragraph of a list among the words: the list, and how deep it stands.
    listed: list[tuple[str, int]] = field(default_factory=list)
    #: Entries for contents that stand at a caption.
    entries: int = 0
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
        self.vanished = False
        self.rows: Rows
        #: Elements met before, at whose beginnings nothing is to be taken down.
        self.known: set[str] = set()

    def read(self, part: IO[bytes]) -> Body:
        self.rows = Rows(part)
        # The file was made by this build; expat bounds what entities may grow to.
        for event, node in ElementTree.iterparse(self.rows, events=("start", "end")):  # type: ignore[arg-type]  # noqa: S314
            if event == "start":
                if node.tag not in self.known:
                    self._start(node)
            elif node.tag not in _SILENT:
                self._end(node)
        return self.body

    def _start(self, node: ElementTree.Element) -> None:
        self.body.made.add(node.tag)
        if node.tag not in _OPENING and not may_be_strange(node.tag):
            self.known.add(node.tag)
        elif node.attrib:
            what = strange_value(node, inside=bool(self.open))
            if what:
                self.body.strange[what] = None
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
        if tag in _HIDING:
            if self.vanished or tag == f"{W}vanish":
                self._hide(node)
        elif tag in _STYLED:
            body.styles.add(node.get(f"{W}val", ""))
        elif tag == f"{W}tr" and self.depth == 1:
            texts = self.rows.texts_of(node.get("mark", ""))
            if texts is not None:
                self.table.append(Row([plain(text) for text in texts], repeats=False))
                return
            self.table.append(_row(node))
            self._count(node)
            if self.table[-1].repeats:
                for inner in node.iter(f"{W}p"):
                    body.headings.append(_styled(inner))
                    self._enter(inner)
            self._mark(node)
            node.clear()
        elif tag == f"{W}tbl":
            self._end_table(node)
        elif tag == f"{W}p":
            if self.depth == 0:
                self._end_paragraph(node)
        elif tag == f"{W}instrText":
            body.fields.append(node.text or "")
        elif tag == f"{W}fldSimple":
            body.fields.append(node.get(f"{W}instr", ""))
        elif tag == f"{W}tblCaption":
            if self.here is not None:
                self.here.captions.append(plain(node.get(f"{W}val", "")))
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
            if tag.endswith("}blip"):
                (body if self.here is None else self.here).drawn.append(node.get(f"{R}embed", ""))
            body.relations |= {node.get(f"{R}{kind}", "") for kind in ("embed", "link", "id")} - {""}

    def _enter(self, node: ElementTree.Element) -> None:
        """Hold the entry for contents, if a paragraph has one, against the text it stands at."""
        entry = _ENTRY.search("".join(code.text or "" for code in node.iter(f"{W}instrText")))
        if entry:
            self.body.entries += 1
            text = plain(_text(node)).replace("\\", "/").replace('"', "'")
            if plain(entry[1]) != text:
                self.body.strange[f"an entry for contents {plain(entry[1])!r} at {text!r}"] = None

    def _hide(self, node: ElementTree.Element) -> None:
        """Take down the text of a run that is hidden."""
        if node.tag == f"{W}vanish":
            self.vanished = self.vanished or _is_on(node)
        elif node.tag == f"{W}t" and self.vanished and (node.text or "").strip():
            self.body.hidden.append(plain(node.text or ""))
        elif node.tag == f"{W}r":
            self.vanished = False

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
        self._enter(node)
        self._mark(node)
        self._count(node)
        if self.here is not None:
            self.here.paragraphs.append(text)
        elif text:
            link = node.find(f"{W}hyperlink")
            aim = link.get(f"{W}anchor", "") if link is not None else ""
            self.body.blocks.append(Block(style, told_text(node), aim=aim))
            paged = [code for code in _codes(node) if code[:1] == ["PAGEREF"] and code[1:2] != [aim]]
            self.body.strange |= dict.fromkeys(f"a line that leads to {aim!r} and says the page of {code[1:2]}" for code in paged)
        self.touched = list(self.open.values())
        node.clear()

    def _count(self, node: ElementTree.Element) -> None:
        """Take down which lists the paragraphs among the words are in."""
        for numbered in node.iter(f"{W}numPr") if self.here is None else ():
            said = {inner.tag: inner.get(f"{W}val", "") for inner in numbered}
            depth = said.get(f"{W}ilvl", "0")
            self.body.listed.append((said.get(f"{W}numId", "0"), int(depth) if depth.isdecimal() else 0))

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


def _codes(node: ElementTree.Element) -> list[list[str]]:
    """The words of each field's instruction."""
    return [(code.text or "").split() for code in node.iter(f"{W}instrText")]


def _styled(node: ElementTree.Element) -> tuple[str, str, int]:
    """A paragraph's style, its text, and the level of the contents for which it is marked, or 0."""
    style = node.find(f"{W}pPr/{W}pStyle")
    marked = _LEVEL.search("".join(code.text or "" for code in node.iter(f"{W}instrText")))
    return (style.get(f"{W}val", "") if style is not None else ""), plain(_text(node)), int(marked[1]) if marked else 0


def _row(node: ElementTree.Element) -> Row:
    repeats = node.find(f"{W}trPr/{W}tblHeader")
    marks = tuple(mark.get(f"{W}name", "") for mark in node.iter(f"{W}bookmarkStart"))
    return Row([plain(_text(cell)) for cell in node.iterfind(f"{W}tc")], repeats is not None and _is_on(repeats), marks)


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
