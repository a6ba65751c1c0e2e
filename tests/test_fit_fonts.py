"""What fits a page is measured in the font that the writer's document sets tables in, where that is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.docx import own_parts
from cgbm1_report.render.refresh import refresh_docx
from cgbm1_report.render.refresh.fonts import find_font, measure_font
from cgbm1_report.render.refresh.package import name_styles
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import listing
from tests.written_csr import STYLES, body_of, own_words, part, write_csr

ARIAL = '<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="SimSun" w:cs="Arial"/>'
NORMAL = '<w:style w:type="paragraph" w:default="1" w:styleId="Normal">'
THEME = b'<a:theme><a:minorFont><a:latin typeface="Calibri"/></a:minorFont></a:theme>'


def styles(old: str = "", new: str = "") -> bytes:
    text = own_parts()[STYLES].decode()
    assert old in text
    return text.replace(old, new, 1).encode() if old else text.encode()


@pytest.mark.parametrize(
    ("old", "new", "font"),
    [
        ("", "", "Arial"),
        (ARIAL, '<w:rFonts w:ascii="Georgia"/>', "Georgia"),
        (ARIAL, '<w:rFonts w:asciiTheme="minorHAnsi"/>', "Calibri"),
        (ARIAL, "", "Times New Roman"),  # Word's own, where nothing names one
        (NORMAL, f'{NORMAL}<w:rPr><w:rFonts w:ascii="Verdana"/></w:rPr>', "Verdana"),
        ('<w:name w:val="Table Text"/>', '<w:name w:val="Table Text"/><w:rPr><w:rFonts w:ascii="Cambria"/></w:rPr>', "Cambria"),
    ],
    ids=["ours", "of the document", "of its theme", "none", "of the style below", "of the style"],
)
def test_font_is_that_of_the_style_or_of_what_it_stands_on(old: str, new: str, font: str) -> None:
    parts = {**own_parts(), STYLES: styles(old, new), "word/theme/theme1.xml": THEME}
    assert find_font(parts, name_styles(parts), "TableText") == font


def test_style_that_the_document_lacks_has_the_font_of_what_it_will_stand_on() -> None:
    only = (
        f'<w:styles xmlns:w="w">{NORMAL}<w:name w:val="Normal"/><w:rPr><w:rFonts w:ascii="Verdana"/></w:rPr></w:style></w:styles>'
    )
    parts = {**own_parts(), STYLES: only.encode()}
    assert find_font(parts, name_styles(parts), "TableText") == "Verdana"


def test_font_is_measured_beside_arial() -> None:
    assert measure_font("Arial") == 1.0
    # "0123456789 (45.6) 7, 8" is 15 digits, 3 blanks, 2 parentheses, a full stop and a comma. Of DejaVu Sans, which matplotlib
    # brings, these are 1303, 651, 799, 651 and 651 of 2048: 24398; of Arial 1139, 569, 682, 569 and 569: 21294.
    assert measure_font("DejaVu Sans") == pytest.approx(24398 / 21294)
    assert measure_font("No Such Font") is None


def dated(first: str) -> bytes:
    columns = (Column("AETERM", "Term", None, 6.0, "left"), *(Column(f"D{at}", "Day", None, 1.0, "left") for at in range(7)))
    cells = {"AETERM": "xx xx xx"} | {f"D{at}": first for at in range(7)}
    rows = tuple(Row((("USUBJID", f"1-0{at}"),), "", 0, cells) for at in range(2))
    return emit.emit_docx(replace(listing(2), columns=columns, rows=rows, blocks=(0, 1)))


def fitted(folder: Path, font: str) -> tuple[list[int], tuple[str, ...]]:
    """Columns in twips of a listing that is fitted in a document of this font, and what is told."""
    file = folder / "l.docx"
    file.write_bytes(dated("2026-02-20"))
    named = styles(ARIAL, f'<w:rFonts w:ascii="{font}"/>')
    document = write_csr(folder / "csr.docx", own_words("Mine.") + body_of(dated("2026-01-15")), {STYLES: named})
    done = refresh_docx(document, {"L16.2.7.1": file}, folder / "fit.docx", fit=True)
    grid = (
        part((folder / "fit.docx").read_bytes(), "word/document.xml")
        .decode()
        .partition("<w:tblGrid>")[2]
        .partition("</w:tblGrid>")[0]
    )
    return [int(one.partition('"')[0]) for one in grid.split('w:w="')[1:]], done.told


# A date is 8 digits and 2 hyphens. Of Arial 5.116 em, and 0.15 for what programs round: at 8 points 843 twips, and 120 beside it:
# 962. In DejaVu Sans, a seventh wider, 965 and 120.
@pytest.mark.parametrize(("font", "least", "most"), [("Arial", 960, 1040), ("DejaVu Sans", 1083, 1200)])
def test_columns_hold_their_dates_in_the_font_of_the_document(tmp_path: Path, font: str, least: int, most: int) -> None:
    columns, told = fitted(tmp_path, font)
    assert len(columns) == 8
    assert all(least <= width <= most for width in columns[1:]), columns
    assert not any("measured" in line for line in told)


def test_font_that_is_not_there_is_named_and_what_it_was_measured_in(tmp_path: Path) -> None:
    _, told = fitted(tmp_path, "No Such Font")
    assert told[-1] == (
        "tables of this document are in No Such Font, which is not on this machine: what fits was measured in Arial, look at it in Word"
    )
