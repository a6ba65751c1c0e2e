"""Findings as a workbook, which data managers filter and annotate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.build.findings.words import plain_text, printed_columns, spreadsheet_safe
from cgbm1_report.emit.xlsx import cell_text, save_book
from cgbm1_report.validate.findings import SEVERITIES, STATUSES, count_statuses, open_findings

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

#: Findings written, errors first; findings.csv has them all.
MOST_ROWS = 50_000
#: Column widths in characters.
_WIDTHS = dict(
    zip(
        ("status", "severity", "rule", "dataset", "usubjid", "visit", "key", "variable", "value", "message", "remedy", "file"),
        (10, 9, 7, 13, 22, 18, 28, 12, 26, 70, 48, 16),
        strict=True,
    )
)


def _cell_text(value: Any) -> str:
    """Text of a cell: no formula, no control character, no longer than a cell holds."""
    return cell_text("" if pd.isna(value) else spreadsheet_safe(plain_text(value)))


def _cells(sheet: WriteOnlyWorksheet, values: Iterable[Any], **style: Any) -> list[Any]:
    """Cells of one row; a text is a text whatever it begins with, a number a number."""
    from openpyxl.cell import WriteOnlyCell

    cells = []
    for value in values:
        cell = WriteOnlyCell(sheet, value if isinstance(value, int) else _cell_text(value))
        if not isinstance(value, int):
            cell.data_type = "s"
        for name, what in style.items():
            setattr(cell, name, what)
        cells.append(cell)
    return cells


def _add_findings(book: Any, findings: pd.DataFrame) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    columns = printed_columns(findings)
    rows = findings[columns].head(MOST_ROWS)
    sheet = book.create_sheet("Findings")
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(rows) + 1}"
    for position, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(position)].width = _WIDTHS[column]
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    wrapped = Alignment(wrap_text=True, vertical="top")
    sheet.append(_cells(sheet, columns, font=Font(bold=True), alignment=wrapped))
    for row in rows.itertuples(index=False):
        sheet.append(_cells(sheet, row, alignment=wrapped))


def _add_counts(book: Any, findings: pd.DataFrame) -> None:
    from openpyxl.styles import Font

    bold = Font(bold=True)
    sheet = book.create_sheet("Counts")
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 12, 34
    for letter in "CDE":
        sheet.column_dimensions[letter].width = 12
    here = open_findings(findings)
    sheet.append(_cells(sheet, ["by", "", *SEVERITIES.values()], font=bold))
    for by in ("rule", "dataset"):
        for name in sorted(here[by].dropna().unique()):
            severity = here.loc[here[by] == name, "severity"]
            sheet.append(_cells(sheet, [by, name, *(int((severity == code).sum()) for code in SEVERITIES)]))
    sheet.append(_cells(sheet, ["all", "", *(int((here["severity"] == code).sum()) for code in SEVERITIES)], font=bold))
    for status, count in count_statuses(findings).items():
        sheet.append(_cells(sheet, ["status", f"{STATUSES[status]} since the earlier cut", count]))
    if len(findings) > MOST_ROWS:
        note = f"The first {MOST_ROWS} of {len(findings)} findings are in this workbook; findings.csv has all."
        sheet.append(_cells(sheet, [note], font=bold))


def emit_findings_xlsx(findings: pd.DataFrame) -> bytes:
    """Make the workbook: a sheet with every finding and a sheet with their counts.

    The header stays in sight, columns filter, texts are texts: what a spreadsheet would take for a
    formula is preceded by an apostrophe, as in findings.csv, so that it stays harmless when the
    sheet is saved as text. The same findings give the same bytes.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    _add_findings(book, findings)
    _add_counts(book, findings)
    book.properties.creator, book.properties.title = "cgbm1-report", "Findings"
    return save_book(book)
