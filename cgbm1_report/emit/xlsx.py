"""Table and Figure as a workbook: numbers as numbers with the decimals that are printed, dates as dates, texts as texts.

What a reader copies from it can be calculated with, and reads as the page does.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from cgbm1_report.emit.escape import clean
from cgbm1_report.emit.layout import cell_texts, empty_text, heading, notes, stamp_line, subheadings
from cgbm1_report.rows import read_key, tell_key
from cgbm1_report.tabulate.table import Figure, Output, Table

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

#: A number that a spreadsheet prints as it stands: no leading zero, no sign before a zero, no more digits than it holds.
_NUMBER = re.compile(r"(?=(?:\D*\d){1,15}\D*$)(?!-0(?:\.0+)?$)-?(?:0|[1-9]\d*)(?:\.(\d+))?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
#: The days of a spreadsheet are right from here on: it believes in a 29 February 1900.
_FIRST_DAY = date(1900, 3, 1)
#: What a spreadsheet would take for a formula if somebody typed it: its cell says that it is a text.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*['=+\-@\uff1d\uff0b\uff0d\uff20]")
#: A cell holds no more characters; a workbook reads _x0041_ as the character of that code.
LONGEST = 32_767
_CODED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
#: The file's dates: not the clock, so that the same output gives the same bytes.
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
#: Widths of columns in characters: of the narrowest and of the widest.
_NARROW, _WIDE = 8, 44
_RESULT = {"row": "Row", "column": "Column", "context": "Analysis", "stat_name": "Statistic", "stat": "Value"}


def cell_text(text: str) -> str:
    """A text as the cells of a workbook hold it, no longer than they can."""
    return _CODED.sub("_x005F_", text[: LONGEST // 7] if "_x" in text else text[:LONGEST])


def find_value(text: str) -> tuple[float | int | date | str, str]:
    """What a cell holds of a printed text, and the format that prints it so: a number, a whole date, else the text itself."""
    if found := _NUMBER.fullmatch(text):
        decimals = len(found[1] or "")
        return (float(text), f"0.{'0' * decimals}") if decimals else (int(text), "0")
    if found := _DATE.fullmatch(text):
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return text, "General"
        if day >= _FIRST_DAY:
            return day, "yyyy-mm-dd"
    return text, "General"


def emit_xlsx(output: Output) -> bytes:
    """One output as a workbook of one sheet: title and population, heads that stay in sight, a row per row, notes below.

    Of a figure the numbers that it shows. Texts stay texts, whatever they begin with. The same output gives the same bytes.
    """
    return emit_xlsx_of([output], heading(output))


def emit_xlsx_of(outputs: Sequence[Output], title: str) -> bytes:
    """Several outputs as a workbook, a sheet each."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for output in outputs:
        _add_sheet(book, output)
    book.properties.creator = cell_text(clean(outputs[0].stamp.sponsor)) or "cgbm1-report"
    book.properties.title = cell_text(title)
    return save_book(book)


def _add_sheet(book: Any, output: Output) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(clean(output.number).replace("/", "-")[:31])
    heads, rows = _figure_rows(output) if isinstance(output, Figure) else _table_rows(output)
    indents = [row.indent for row in output.rows] if isinstance(output, Table) and output.stub_label is not None else []
    above = [heading(output), *subheadings(output)]
    first = len(above) + len(heads) + 2
    left = isinstance(output, Table) and output.stub_label is not None
    sheet.freeze_panes = f"{'B' if left else 'A'}{first}"
    sheet.print_title_rows = f"{first - len(heads)}:{first - 1}"
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.page_setup.paperSize = 9 if output.stamp.paper == "a4" else 1
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    for at, width in enumerate(_widths(heads, rows), 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    bold, wrapped = Font(name="Calibri", size=11, bold=True), Alignment(wrap_text=True, vertical="top")
    for text in above:
        sheet.append(_cells(sheet, [text], font=bold))
    sheet.append([])
    for line in heads:
        sheet.append(_cells(sheet, line, font=bold, alignment=wrapped))
    for at, row in enumerate(rows):
        cells = _cells(sheet, row, typed=True, alignment=wrapped)
        if indents and indents[at]:
            cells[0].alignment = Alignment(wrap_text=True, vertical="top", indent=indents[at])
        sheet.append(cells)
    sheet.append([])
    for text in (*notes(output), stamp_line(output)):
        sheet.append(_cells(sheet, [text]))


def _table_rows(table: Table) -> tuple[list[list[str]], list[list[Any]]]:
    """The lines of heads and the rows; what says that there are none stands for them."""
    stub = [clean(table.stub_label)] if table.stub_label is not None else []
    heads = [[*stub, *(clean(column.heading).replace("\n", " ") for column in table.columns)]]
    if any(column.spanner for column in table.columns):
        heads.insert(0, [*([""] * len(stub)), *(clean(column.spanner or "") for column in table.columns)])
    rows: list[list[Any]] = [list(texts) for texts in zip(*cell_texts(table), strict=True)]
    return heads, rows or [[empty_text()]]


def _figure_rows(figure: Figure) -> tuple[list[list[str]], list[list[Any]]]:
    """The numbers that a figure shows, unrounded."""
    records = zip(*(figure.ard[name] for name in _RESULT), strict=True)
    return [list(_RESULT.values())], [
        [clean(tell_key(read_key(row))), clean(column), context, name, float(value) if value == value else ""]
        for row, column, context, name, value in records
    ]


def _widths(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[Any]]) -> list[int]:
    """As wide as the longest word of its head and the longest of its first cells, within bounds."""
    found = []
    for at, head in enumerate(heads[-1]):
        words = max((len(word) for word in head.split()), default=0)
        cells = max((len(str(row[at])) for row in rows[:2000] if at < len(row) and len(row) > 1), default=0)
        found.append(min(max(words + 2, cells + 2, _NARROW), _WIDE))
    return found


def _cells(sheet: WriteOnlyWorksheet, texts: Iterable[Any], *, typed: bool = False, **style: Any) -> list[Any]:
    """Cells of one row; ``typed`` ones are the numbers and dates that their texts say."""
    from openpyxl.cell import WriteOnlyCell

    cells = []
    for text in texts:
        value, form = (text, "General") if isinstance(text, float) else find_value(text) if typed else (text, "General")
        cell = WriteOnlyCell(sheet, (cell_text(value) or None) if isinstance(value, str) else value)
        if typed and isinstance(value, float) and isinstance(text, str):
            # openpyxl writes 16 digits of a number: of 99.21 they are 99.20999999999999.
            cell._value = text
        if isinstance(value, str) and value:
            cell.data_type = "s"
            cell.quotePrefix = bool(_FORMULA.match(value))
        cell.number_format = form
        for name, what in style.items():
            setattr(cell, name, what)
        cells.append(cell)
    return cells


def save_book(book: Any) -> bytes:
    """A workbook's bytes, with fixed dates: openpyxl stamps it and its files with the clock."""
    from openpyxl.xml.functions import tostring

    stream, told = io.BytesIO(), io.BytesIO()
    book.save(stream)
    book.properties.created = book.properties.modified = EPOCH.replace(tzinfo=None)
    core = tostring(book.properties.to_tree())
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, core if name == "docProps/core.xml" else source.read(name))
    return told.getvalue()


def is_as_saved(content: bytes) -> bool:
    """Whether bytes are a workbook as `save_book` writes it: whatever saves one again stamps it with the clock."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}</dcterms:modified>".encode() in book.read("docProps/core.xml")
    except (zipfile.BadZipFile, KeyError):
        return False
