"""Reads workbooks back: a package of XML, the cells of its one sheet as a reader sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree import ElementTree

from cgbm1_report.readback.printed import Finding, Printed, compare_rows, limited, plain
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import Said
from cgbm1_report.system.containers import ContainerError, read_container

OPENS = "the file can be read"
MADE = "a file is made of what ours are made of"
ROWS = "every table prints the rows of the results"
HEADS = "title and column heads are printed, and stay in sight"
NOTES = "footnotes and source are printed"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHEET, _STYLES, _BOOK = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"
#: The parts of a workbook of ours. There is none that holds shared texts, links, macros, comments or pictures.
_PARTS = frozenset(
    {
        "[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "docProps/core.xml", "xl/theme/theme1.xml",
        "xl/_rels/workbook.xml.rels", _SHEET, _STYLES, _BOOK,
    }
)  # fmt: skip
#: What a sheet of ours is made of, and what of it may be said of rows and columns: nothing hides them.
_ELEMENTS = frozenset(
    {
        "worksheet", "sheetPr", "outlinePr", "pageSetUpPr", "sheetViews", "sheetView", "pane", "selection", "sheetFormatPr", "cols",
        "col", "sheetData", "row", "c", "v", "is", "t", "pageMargins", "pageSetup", "printOptions",
    }
)  # fmt: skip
_ATTRIBUTES = {"row": {"r"}, "col": {"width", "customWidth", "min", "max"}, "c": {"r", "s", "t"}}
#: Formats of numbers as their file numbers them, where it does not say what they are.
_BUILT_IN = {"0": "General", "1": "0", "2": "0.00", "49": "@"}
_DAY_ZERO = date(1899, 12, 30)
_DECIMALS = re.compile(r"0(?:\.(0+))?")
_CODED = re.compile(r"_x005F_(?=x[0-9A-Fa-f]{4}_)")


def check_xlsx(path: Path, name: str, printed: Printed, stamp: Said) -> list[Finding]:
    """Findings about the workbook of one output: what it is made of, and every cell of its sheet against the results."""
    try:
        parts = read_container(path)
        formats = _read_formats(parts[_STYLES])
        sheet, book = ElementTree.fromstring(parts[_SHEET]), ElementTree.fromstring(parts[_BOOK])  # noqa: S314 - no document type
        lines = list(_read_lines(sheet, formats))
    except (ContainerError, KeyError, OSError, ValueError, InvalidOperation, IndexError, ElementTree.ParseError) as error:
        return [Finding(name, f"cannot be read as a workbook: {type(error).__name__} {error}", OPENS, printed.number)]
    findings = [Finding(name, told, MADE, printed.number, place) for told, place in _find_foreign(parts, sheet, book)]
    return limited([*findings, *_check_lines(name, printed, stamp, lines, sheet)])


def _read_formats(styles: bytes) -> list[str]:
    """The format of numbers of each style of cells."""
    root = ElementTree.fromstring(styles)  # noqa: S314 - a part with a document type is refused before
    own = {one.get("numFmtId", ""): one.get("formatCode", "") for one in root.iter(f"{_MAIN}numFmt")}
    cells = root.find(f"{_MAIN}cellXfs")
    known = _BUILT_IN | own
    return [known.get(one.get("numFmtId", ""), "unknown") for one in (cells if cells is not None else ())]


def _read_lines(sheet: ElementTree.Element, formats: Sequence[str]) -> Iterator[list[str]]:
    """The texts of each row as a reader sees them, blank ones too."""
    for row in sheet.iter(f"{_MAIN}row"):
        texts: list[str] = []
        for cell in row.iter(f"{_MAIN}c"):
            texts += [""] * (_column(cell.get("r", "")) - len(texts))
            texts.append(_read_cell(cell, formats[int(cell.get("s", "0"))]))
        yield texts


def _column(place: str) -> int:
    """The place of a column by its letters, from 0."""
    at = 0
    for letter in re.match("[A-Z]+", place)[0]:  # type: ignore[index]
        at = at * 26 + ord(letter) - ord("A") + 1
    return at - 1


def _read_cell(cell: ElementTree.Element, form: str) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return plain(_CODED.sub("_", "".join(one.text or "" for one in cell.iter(f"{_MAIN}t"))))
    value = cell.findtext(f"{_MAIN}v")
    if value is None:
        return ""
    if kind != "n":
        raise ValueError(f"{cell.get('r')} is of kind {kind}")
    if form == "yyyy-mm-dd":
        return (_DAY_ZERO + timedelta(days=int(Decimal(value)))).isoformat()
    if found := _DECIMALS.fullmatch(form):
        shown = Decimal(value).quantize(Decimal(1).scaleb(-len(found[1] or "")))
        # What is hidden behind the decimals that are shown would be another number.
        return str(shown) if shown == Decimal(value) else value
    return f"{value} as {form}"


def _find_foreign(parts: Mapping[str, bytes], sheet: ElementTree.Element, book: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """What no workbook of ours has: other parts, formulas, links, what is hidden."""
    for part in sorted(parts.keys() ^ _PARTS):
        yield f"{'holds' if part in parts else 'lacks'} {part}", part
    for element in sheet.iter():
        tag = element.tag.removeprefix(_MAIN)
        if tag not in _ELEMENTS:
            yield f"holds {tag}", f"cell {element.get('r') or element.get('ref') or ''}".rstrip()
        elif tag in _ATTRIBUTES and (more := {*element.keys()} - _ATTRIBUTES[tag]):
            yield f"says {', '.join(sorted(more))} of a {tag}", f"{tag} {element.get('r') or element.get('min')}"
    told = [one.get("state") for one in book.iter(f"{_MAIN}sheet")]
    if told != ["visible"]:
        yield f"has sheets that are {', '.join(map(str, told))}, not one that is visible", _BOOK
    names = [one.get("name") for one in book.iter(f"{_MAIN}definedName")]
    if names != ["_xlnm.Print_Titles"]:
        yield f"defines the names {', '.join(map(str, names))}, not the heads that repeat", _BOOK


def _check_lines(
    name: str, printed: Printed, stamp: Said, lines: Sequence[Sequence[str]], sheet: ElementTree.Element
) -> Iterator[Finding]:
    above = [[printed.title], *([line] for line in printed.lines), []]
    below = [[], *([foot] for foot in printed.feet(stamp.program)), [stamp.line]]
    heads = _count_heads(printed)
    first, last = len(above) + heads, len(lines) - len(below)
    if [*map(list, lines[: len(above)])] != above:
        yield Finding(name, f"begins with {_tell(lines[: len(above)])}, not with {_tell(above)}", HEADS, printed.number, "title")
    foot = [[fold(text) for text in own] for own in lines[max(last, 0) :]]
    if foot != [[fold(text) for text in own] for own in below]:
        yield Finding(name, f"ends with {_tell(foot)}, not with {_tell(below)}", NOTES, printed.number, "notes")
    pane = sheet.find(f".//{_MAIN}pane")
    if pane is None or pane.get("state") != "frozen" or pane.get("ySplit") != str(first):
        yield Finding(name, "has heads that do not stay in sight", HEADS, printed.number, "panes")
    if printed.is_figure:
        return
    head = [list(own) for own in lines[len(above) : first]]
    wanted = [list(printed.heads)]
    if head[-1:] != wanted:
        yield Finding(name, f"has the heads {_tell(head[-1:])}, not {_tell(wanted)}", HEADS, printed.number, "heads")
    if printed.spanners and [text for at, text in enumerate(head[0]) if not at or text != head[0][at - 1]] != list(
        printed.spanners
    ):
        yield Finding(name, f"has the heads {_tell(head[:1])}, not {_tell([printed.spanners])}", HEADS, printed.number, "heads")
    yield from compare_rows(name, printed, [list(own) for own in lines[first:last]], ROWS)


def _count_heads(printed: Printed) -> int:
    return 2 if printed.spanners else 1


def _tell(lines: Sequence[Sequence[str]]) -> str:
    return " / ".join(" | ".join(own) for own in lines if own)
