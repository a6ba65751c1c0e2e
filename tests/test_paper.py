"""Both sheets: what is printed on US Letter fits US Letter, in every format."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.errors import ReportError
from cgbm1_report.paper import PAPERS, find_paper
from cgbm1_report.render import ReportAbout, render_report
from tests.emit_cases import STAMP, figure, listing, summary_table
from tests.test_render import notebook, output

LETTER = replace(STAMP, paper="letter")
#: Landscape sheet and the width between margins of 2 cm, in twips: 297 x 210 mm, 11 x 8.5 in.
SIZES = {"a4": (16838, 11906, 14570), "letter": (15840, 12240, 13572)}


def document_of(content: bytes, part: str = "word/document.xml") -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.read(part).decode("utf-8")


@pytest.mark.parametrize("paper", SIZES)
def test_word_document_has_its_sheet_and_every_table_fills_it(paper):
    long, short, text = SIZES[paper]
    for made in (summary_table(stamp=replace(STAMP, paper=paper)), replace(listing(20), stamp=replace(STAMP, paper=paper))):
        xml = document_of(emit.emit_docx(made))
        assert f'<w:pgSz w:w="{long}" w:h="{short}" w:orient="landscape"/>' in xml
        for grid in re.findall(r"<w:tblGrid>(.*?)</w:tblGrid>", xml):
            assert sum(int(width) for width in re.findall(r'w:w="(\d+)"', grid)) == text


@pytest.mark.parametrize("paper", SIZES)
def test_header_and_footer_of_word_end_at_the_right_margin(paper):
    styles = document_of(emit.emit_docx(summary_table(stamp=replace(STAMP, paper=paper))), "word/styles.xml")
    for name in ("Header", "Footer"):
        style = re.search(rf'w:styleId="{name}".*?</w:style>', styles, re.S)
        assert style is not None
        assert re.findall(r'w:pos="(\d+)"', style[0]) == [str(SIZES[paper][2] // 2), str(SIZES[paper][2])]


@pytest.mark.parametrize("paper", SIZES)
def test_rtf_has_its_sheet_and_its_rows_end_at_the_right_margin(paper):
    long, short, text = SIZES[paper]
    rtf = emit.emit_rtf(summary_table(stamp=replace(STAMP, paper=paper))).decode("ascii")
    assert f"\\paperw{long}\\paperh{short}" in rtf
    assert f"\\pgwsxn{long}\\pghsxn{short}" in rtf
    assert max(int(edge) for edge in re.findall(r"\\cellx(\d+)", rtf)) == text


def test_picture_leaves_room_for_its_words_on_both_sheets():
    """The longer side of a picture of 12 x 5 inches is cut to the text: 10.12 in on A4, 9.42 in on Letter."""
    wide = replace(figure(), width_in=12.0, height_in=5.0)
    for paper, inches in (("a4", 10.12), ("letter", 9.42)):
        xml = document_of(emit.emit_docx(replace(wide, stamp=replace(STAMP, paper=paper))))
        found = re.search(r'<wp:extent cx="(\d+)"', xml)
        assert found is not None
        assert int(found[1]) / 914400 == pytest.approx(inches, abs=0.01)


@pytest.mark.parametrize("paper", SIZES)
def test_report_is_printed_on_its_sheet(tmp_path: Path, paper):
    made = notebook(tmp_path / "one.ipynb", "# Safety", output("T14.1.1", "Disposition"))
    about = ReportAbout(title="Appendix", protocol="XY-101", paper=paper)
    files = render_report([made], tmp_path / "out", about=about, formats=("docx", "pdf"), engine="embedded").files
    long, short, _ = SIZES[paper]
    pages = PdfReader(files["pdf"]).pages
    sides = {tuple(sorted(round(float(side)) for side in (page.mediabox.width, page.mediabox.height))) for page in pages}
    assert sides == {(round(short / 20), round(long / 20))}
    assert f'<w:pgSz w:w="{short}" w:h="{long}"/>' in document_of(files["docx"].read_bytes()), "title page, portrait"


@pytest.mark.parametrize(("paper", "size"), [("a4", "A4 landscape"), ("letter", "letter landscape")])
def test_html_is_printed_on_its_sheet(tmp_path: Path, paper, size):
    page = emit.emit_html_page(summary_table(stamp=replace(STAMP, paper=paper)))
    assert re.findall(r"@page \{ size: ([^;]+);", page) == [size]
    assert '<html lang="en">' in page
    assert "<title>Table 14.3.1.2.1 Adverse Events by System Organ Class and Preferred Term</title>" in page
    made = notebook(tmp_path / "one.ipynb", "# Safety", output("T14.1.1", "Disposition"))
    about = ReportAbout(title="Appendix", protocol="XY-101", paper=paper)
    report = render_report([made], tmp_path / "out", about=about, formats=("html",), engine="embedded").files["html"]
    assert re.findall(r"@page \{ size: ([^;]+);", report.read_text(encoding="utf-8")) == [size]


def test_unknown_sheet_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ReportError, match=r"'a5' is unknown.*one of a4, letter"):
        find_paper("a5")
    assert set(PAPERS) == set(SIZES)
