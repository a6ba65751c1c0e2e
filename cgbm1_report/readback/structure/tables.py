"""Tagged tables: every cell finds its heads, and rows and columns are a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pikepdf import Array

from cgbm1_report.errors import number_of
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure.opened import Opened
from cgbm1_report.readback.structure.tags import Tag, attributes, place_of, read_tags

HEADS = "PDF/UA-1 7.5: every cell of a table finds its heads"
GRID = "PDF/UA-1 7.5, 7.2: rows and columns of a table are a grid"

_SCOPES = ("/Row", "/Column", "/Both")
_SECTIONS = ("THead", "TBody", "TFoot")


def _rows(tags: Sequence[Tag], table: Tag) -> list[list[list[Tag]]]:
    """The rows of a table as cells, section by section; rows outside a section are one of their own."""
    sections: list[list[list[Tag]]] = []
    loose: list[list[Tag]] = []
    for kid in (tags[at] for at in table.kids):
        if kid.kind == "TR":
            loose.append([tags[at] for at in kid.kids])
        elif kid.kind in _SECTIONS:
            sections.append([[tags[at] for at in tags[row].kids] for row in kid.kids])
    return [*sections, loose] if loose else sections


def _cells(tags: Sequence[Tag], table: Tag) -> list[Tag]:
    return [cell for section in _rows(tags, table) for row in section for cell in row if cell.kind in ("TH", "TD")]


def _about(doc: Opened, cell: Tag) -> dict[str, Any]:
    """What a cell says of itself as part of a table."""
    known = doc.cache.setdefault("cells", {})
    if cell.at not in known:
        known[cell.at] = attributes(cell.item, "/Table")
    found: dict[str, Any] = known[cell.at]
    return found


def check_heads(doc: Opened) -> Iterator[Finding]:
    """Each head says what it heads or is named by a cell; each name a cell uses is a head's of its table."""
    tags = read_tags(doc)
    for table in tags:
        if table.kind != "Table":
            continue
        cells = _cells(tags, table)
        named = {bytes(cell.item["/ID"]): cell for cell in cells if "/ID" in cell.item}
        used: set[bytes] = set()
        for cell in cells:
            listed = _about(doc, cell).get("/Headers")
            used |= {bytes(name) for name in listed} if isinstance(listed, Array) else set()
        for name in sorted(used - named.keys()):
            yield doc.say(
                HEADS, f"has a cell that names a head {name.decode('latin-1')!r}, which its table lacks", place_of(doc, tags, table)
            )
        for cell in cells:
            if cell.kind == "TH" and str(_about(doc, cell).get("/Scope")) not in _SCOPES and _name(cell) not in used:
                yield doc.say(HEADS, "has a head that says not what it heads (Scope)", place_of(doc, tags, cell))
        for name in sorted(used & named.keys()):
            if named[name].kind != "TH":
                yield doc.say(HEADS, "has a cell headed by one that is no head", place_of(doc, tags, named[name]))


def _name(cell: Tag) -> bytes:
    return bytes(cell.item.get("/ID", b""))


def check_names(doc: Opened) -> Iterator[Finding]:
    """Names of tags are one each, and the document's list leads to the tags that have them."""
    tree = doc.root.StructTreeRoot.get("/IDTree")
    listed = {} if tree is None else dict(_named(tree))
    tags = read_tags(doc)
    seen: set[bytes] = set()
    for tag in tags:
        if "/ID" not in tag.item:
            continue
        name = bytes(tag.item["/ID"])
        if name in seen:
            yield doc.say(HEADS, f"has two tags with the name {name.decode('latin-1')!r}", place_of(doc, tags, tag))
        seen.add(name)
        if name not in listed or listed[name].objgen != tag.item.objgen:
            yield doc.say(HEADS, f"does not list its tag {name.decode('latin-1')!r}", place_of(doc, tags, tag))


def _named(tree: Any) -> Iterator[tuple[bytes, Any]]:
    """Names and tags of a name tree; its names are bytes, which need not be text."""
    for kid in tree.get("/Kids", Array()):
        yield from _named(kid)
    pairs = list(tree.get("/Names", Array()))
    for name, item in zip(pairs[::2], pairs[1::2], strict=False):
        yield bytes(name), item


def check_grid(doc: Opened) -> Iterator[Finding]:
    """The rows of a table have as many columns each, no cells overlap, and none goes out of its section."""
    tags = read_tags(doc)
    for table in tags:
        if table.kind != "Table":
            continue
        widths: set[int] = set()
        for section in _rows(tags, table):
            spans = [[_spans(doc, cell) for cell in row] for row in section]
            found, fault = lay_out(spans)
            widths |= found
            if fault:
                yield doc.say(GRID, fault, place_of(doc, tags, table))
        if len(widths) > 1:
            told = ", ".join(str(width) for width in sorted(widths))
            yield doc.say(GRID, f"has rows of {told} columns in one table", place_of(doc, tags, table))


def _spans(doc: Opened, cell: Tag) -> tuple[int, int]:
    about = _about(doc, cell)
    return int(about.get("/RowSpan", 1)), int(about.get("/ColSpan", 1))


def lay_out(rows: Sequence[Sequence[tuple[int, int]]]) -> tuple[set[int], str]:
    """Lay cells of (rows, columns) in a grid: the widths of the rows, and what does not fit.

    A cell goes to the first place its row has left, as a browser and a screen reader put it.
    """
    taken: dict[int, int] = {}
    widths: set[int] = set()
    fault = ""
    for at, row in enumerate(rows):
        column = 0
        below = {place: left - 1 for place, left in taken.items() if left > 1}
        here = set(taken)
        for down, across in row:
            while column in here:
                column += 1
            places = range(column, column + across)
            if here & set(places):
                fault = fault or f"has cells that overlap in row {at + 1}"
            if at + down > len(rows):
                out = number_of(at + down - len(rows), "row")
                fault = fault or f"has a cell in row {at + 1} that goes {out} out of its section"
            here |= set(places)
            below |= {place: down - 1 for place in places if down > 1}
            column += across
        if here and max(here) + 1 != len(here):
            fault = fault or f"has a hole in row {at + 1}"
        widths.add(len(here))
        taken = below
    return widths, fault


CHECKS = (check_heads, check_names, check_grid)
