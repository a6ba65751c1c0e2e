"""Workbooks of outputs: numbers are numbers that print as the page does, texts are texts, and all of it is read back."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from cgbm1_report.emit.data import emit_printed
from cgbm1_report.emit.escape import clean
from cgbm1_report.emit.xlsx import emit_xlsx, find_value
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.told import Said
from cgbm1_report.readback.xlsx import check_xlsx
from cgbm1_report.tabulate.table import Output
from tests.emit_cases import HOSTILE, STAMP, change_table, figure, hostile_everywhere, hostile_listing, listing, summary_table

SAID = Said({name: str(text) for name, text in asdict(STAMP).items()})
CASES: dict[str, Callable[[], Output]] = {
    "summary": summary_table, "by visit": change_table, "listing": listing, "figure": figure, "hostile": hostile_listing,
    "empty": lambda: summary_table(rows=(), blocks=()),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "form"),
    [
        ("12", 12, "0"),
        ("-52.3", -52.3, "0.0"),
        ("0.50", 0.5, "0.00"),
        ("0", 0, "0"),
        ("2025-03-01", date(2025, 3, 1), "yyyy-mm-dd"),
        ("12 (40.0)", "12 (40.0)", "General"),
        ("<0.0001", "<0.0001", "General"),
        ("007", "007", "General"),  # a number of a subject or a lot
        ("-0.0", "-0.0", "General"),  # a spreadsheet would say 0.0
        ("1E5", "1E5", "General"),
        ("1234567890123456", "1234567890123456", "General"),  # more digits than it holds
        ("2025-03", "2025-03", "General"),
        ("2025-02-30", "2025-02-30", "General"),
        ("1899-12-31", "1899-12-31", "General"),  # before its first day
        ("2025-03-01 (5)", "2025-03-01 (5)", "General"),
        ("1 2", "1 2", "General"),
        ("\u0661", "\u0661", "General"),  # a digit of another script
        ("", "", "General"),
    ],
)
def test_printed_text_is_the_number_or_date_that_it_says(text: str, value: object, form: str) -> None:
    assert find_value(text) == (value, form)


def _read(output: Output) -> openpyxl.worksheet.worksheet.Worksheet:
    return openpyxl.load_workbook(io.BytesIO(emit_xlsx(output))).active


def test_table_is_a_sheet_with_title_heads_that_stay_rows_and_notes() -> None:
    sheet = _read(change_table())
    column = [sheet.cell(row, 2).value for row in range(4, 14)]
    assert column == ["Placebo (N=30)", "Value", None, 30, "249.6 (56.22)", None, 29, "192.9 (61.67)", 199.6, None]
    assert (sheet["B12"].number_format, sheet["B10"].number_format, sheet.freeze_panes) == ("0.0", "0", "B6")
    assert sheet["A1"].value == "Table 14.2.4.1 Total Bilirubin (µmol/L): Value and Change"
    assert [sheet["A6"].alignment.indent, sheet["A7"].alignment.indent] == [0, 1]
    assert sheet.print_title_rows == "$4:$5"
    assert sheet.cell(sheet.max_row, 1).value.startswith("Protocol XY-101 | ")


def test_listing_has_dates_as_dates_and_no_column_in_front() -> None:
    sheet = _read(listing())
    values = [cell.value for row in sheet.iter_rows(min_row=5) for cell in row]
    assert all(value is None or isinstance(value, (str, int, float, datetime)) for value in values)
    assert sheet.freeze_panes.startswith("A")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'/c calc'!A1", "-1+2", "@SUM(A1)", "'=1", "\uff1d1", "中文：门冬氨酸", "_x0041_"])
def test_text_of_data_is_a_text_whatever_it_begins_with(text: str) -> None:
    row = summary_table().rows[0]
    table = summary_table(rows=(type(row)(row.key, text, 0, {"Placebo": text}),), blocks=())
    sheet = _read(table)
    assert [sheet["A6"].data_type, sheet["B6"].data_type] == ["s", "s"]
    # openpyxl leaves what is coded as it is; Excel reads _x005F_ as the line that it stands for.
    assert [sheet[place].value.replace("_x005F_", "_") for place in ("A6", "B6")] == [text, text]
    assert sheet["B6"].quotePrefix == (text[0] in "=+-@'\uff1d")


def test_the_same_output_gives_the_same_bytes() -> None:
    assert emit_xlsx(summary_table()) == emit_xlsx(summary_table())


def _found(output: Output, content: bytes, folder: Path) -> list[str]:
    (folder / "printed.json").write_text(emit_printed(output), encoding="utf-8")
    (folder / "made.xlsx").write_bytes(content)
    return [str(one.problem) for one in check_xlsx(folder / "made.xlsx", "made.xlsx", read_printed(folder / "printed.json"), SAID)]


@pytest.mark.parametrize("case", CASES)
def test_workbook_is_read_back_as_what_the_output_prints(case: str, tmp_path: Path) -> None:
    output = CASES[case]()
    assert _found(output, emit_xlsx(output), tmp_path) == []


def test_number_of_which_sixteen_digits_say_another_is_written_as_it_is_printed(tmp_path: Path) -> None:
    row = summary_table().rows[0]
    table = summary_table(rows=(type(row)(row.key, "Median", 0, {"Placebo": "99.21"}),), blocks=())
    assert _found(table, emit_xlsx(table), tmp_path) == []
    assert _read(table)["B6"].value == 99.21


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE])
def test_hostile_text_is_read_back_as_it_is(text: str, tmp_path: Path) -> None:
    output = hostile_everywhere(text)
    (tmp_path / "printed.json").write_text(emit_printed(output), encoding="utf-8")
    (tmp_path / "made.xlsx").write_bytes(emit_xlsx(output))
    said = Said({name: clean(str(told)) for name, told in asdict(output.stamp).items()})
    assert check_xlsx(tmp_path / "made.xlsx", "made.xlsx", read_printed(tmp_path / "printed.json"), said) == []


def _changed(part: str, old: str, new: str) -> Callable[[bytes], bytes]:
    """The workbook with a text of a part replaced, once."""

    def change(content: bytes) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
            for name in source.namelist():
                text = source.read(name)
                if name == part:
                    changed = re.sub(old, new, text.decode(), count=1)
                    assert changed != text.decode(), "the damage is done"
                    text = changed.encode()
                target.writestr(name, text)
        return made.getvalue()

    return change


def _with_part(content: bytes) -> bytes:
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as target:
        target.writestr("xl/vbaProject.bin", b"")
    return made.getvalue()


_SHEET = "xl/worksheets/sheet1.xml"
#: What is done to a workbook, and what is told of it.
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a number is another": (_changed(_SHEET, "<v>29</v>", "<v>28</v>"), "prints '28', the results say '29'"),
    "a number has digits behind those that are shown": (_changed(_SHEET, "<v>9.5</v>", "<v>9.46</v>"), "prints '9.46'"),
    "a number has other decimals": (_changed("xl/styles.xml", 'formatCode="0.0"', 'formatCode="0.00"'), "prints '199.60'"),
    "a number is printed as nothing": (_changed("xl/styles.xml", 'formatCode="0.0"', 'formatCode=";;;"'), "prints '199.6 as ;;;'"),
    "a text is another": (_changed(_SHEET, "249.6 \\(", "249.7 ("), "prints '249.7 (56.22)'"),
    "a row is lost": (_changed(_SHEET, '<row r="8">.*?</row>', ""), "holds 7 rows, the results 8"),
    "a row is hidden": (_changed(_SHEET, '<row r="8"', '<row r="8" hidden="1"'), "says hidden of a row"),
    "a column is hidden": (_changed(_SHEET, "<col ", '<col hidden="1" '), "says hidden of a col"),
    "a cell is a formula": (_changed(_SHEET, "<v>29</v>", "<f>28+1</f><v>29</v>"), "holds f"),
    "cells are merged": (_changed(_SHEET, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells>'), "mergeCell"),
    "the title is another": (_changed(_SHEET, "Table 14.2.4.1 ", "Table 14.2.4.2 "), "begins with Table 14.2.4.2"),
    "a head is another": (_changed(_SHEET, "<t>Change</t>", "<t>Value</t>"), "has the heads Visit | Value | Value"),
    "heads over heads are others": (_changed(_SHEET, "Low \\(N=31\\)", "Low (N=30)"), "Low (N=30)"),
    "the data cut-off is another": (_changed(_SHEET, "Data cut-off: 2026-10-01", "Data cut-off: 2026-09-01"), "ends with"),
    "heads do not stay": (_changed(_SHEET, ' state="frozen"', ""), "do not stay in sight"),
    "a second sheet is hidden": (
        _changed("xl/workbook.xml", "</sheets>", '<sheet name="x" sheetId="2" state="hidden"/></sheets>'), "visible, hidden",
    ),
    "a name is defined": (_changed("xl/workbook.xml", "</definedNames>", '<definedName name="x">1</definedName></definedNames>'), "the names"),
    "a part can run": (_with_part, "holds xl/vbaProject.bin"),
    "it is no workbook": (lambda _: b"no zip", "cannot be read as a workbook"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_workbook_is_told(damage: str, tmp_path: Path) -> None:
    change, told = DAMAGE[damage]
    output = change_table()
    found = _found(output, change(emit_xlsx(output)), tmp_path)
    assert any(told in one for one in found), found
