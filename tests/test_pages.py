"""Where lines break at numbers, and where RTF begins a page: heads over every page, nothing alone on one."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.emit.layout import make_grid, parts
from cgbm1_report.emit.pages import count_lines, fill_pages, hold_numbers
from cgbm1_report.render import ReportAbout
from cgbm1_report.render.order import Order
from cgbm1_report.render.pdf import prepare
from cgbm1_report.tabulate.table import Column, Row, Table
from tests.emit_cases import MARK, STAMP, listing, summary_table
from tests.emit_readers import W, docx_body, read_rtf, squeezed, xml_text

#: In Liberation Sans a digit is 0.556 em wide, a blank 0.278, a hyphen or parenthesis 0.333, an x 0.5.
DAY = "2026-03-16 (-9)"  # 8 digits, 2 hyphens, blank, 2 parentheses, hyphen, digit: 6.9 em


def one_column(texts: tuple[str, ...], *, narrow: float, other: str = "x") -> Table:
    """A listing whose first column is ``narrow`` em wide inside: A4 has 728.5 pt, padding 6 pt, text 8 pt."""
    share = (narrow * 8 + 6) / 728.5
    columns = (Column("A", "Start", None, share, "left"), Column("B", "Term", None, 1 - share, "left"))
    rows = tuple(Row((("row", str(at)),), "", 0, {"A": text, "B": other}) for at, text in enumerate(texts))
    return summary_table(columns=columns, rows=rows, kind="listing", stub_label=None, blocks=())


@pytest.mark.parametrize(
    ("text", "narrow", "held"),
    [
        (DAY, 6.0, "2026-03-16 \n(-9)"),  # "(-" and "9)" on two lines would read as 9
        (DAY, 8.0, DAY),  # it fits
        ("ESCALATE (2025-03-28)", 8.0, "ESCALATE \n(2025-03-28)"),
        ("compliance of 90-110%", 8.0, "compliance of \n90-110%"),
        ("follow-up by e-mail", 6.0, "follow-up by e-mail"),  # words may be broken behind their hyphen
        ("2026-03-16\n(-9)", 6.0, "2026-03-16\n(-9)"),  # broken already
        ("2026-03-16", 3.0, "2026-03-16"),  # no blank to break at
    ],
)
def test_numbers_and_dates_are_not_broken_at_their_hyphens(text, narrow, held):
    grid = make_grid(one_column((text,), narrow=narrow))
    assert hold_numbers(replace(grid, width_em=(narrow, *grid.width_em[1:])))[0] == [held]


def test_word_and_rtf_break_the_line_before_the_number_and_print_the_same_text():
    # The other column has a word of 100 em, which no page holds, and gives nothing.
    table = one_column((DAY, "other"), narrow=6.0, other="x" * 200)
    cell = docx_body(emit.emit_docx(table)).findall(f".//{W}tc")[3]
    assert len(cell.findall(f".//{W}br")) == 1
    assert xml_text(cell).split() == DAY.split()
    assert "2026-03-16 \\line (-9)" in emit.emit_rtf(table).decode("ascii")
    assert squeezed(DAY) in squeezed(read_rtf(emit.emit_rtf(table))[0])


def test_a_label_that_wraps_is_held_by_the_width_of_its_later_lines():
    # Level 1: the first line is 1 em narrower, later ones 1.5 em more. The label is 9.9 em wide.
    rows = (Row((("row", "a"),), "compliance of 90-110%", 1, {"A": "1"}),)
    grid = make_grid(summary_table(columns=(Column("A", "A", None, 5.0),), rows=rows, blocks=()))
    assert hold_numbers(replace(grid, width_em=(9.3, 60.0)))[0] == ["compliance of \n90-110%"]
    assert hold_numbers(replace(grid, width_em=(12.8, 60.0)))[0] == ["compliance of 90-110%"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 1),
        ("xxxx", 1),  # 2 em
        ("xxxx xxxx xxxx", 2),  # two words and a blank are 4.28 em, three 6.56
        ("x" * 29, 3),  # 14.5 em in lines of 4.9
        ("a\nb\nc", 3),
        ("xxxxx xxxx / xxxxx", 3),  # no line begins with a slash: the second word goes over with it
        ("头痛头痛头痛", 2),  # one em each
    ],
)
def test_lines_of_a_text_in_five_em(text, lines):
    assert count_lines(text, 5.0, 5.0) == lines


@pytest.mark.parametrize(
    ("heights", "keep", "foot", "pages"),
    [
        # Rows of 10 on pages of 60; the notes take 10, and the last four rows stay with them.
        ([10] * 10, "..........", 10, [(0, 6), (6, 10)]),
        ([10] * 8, "........", 10, [(0, 4), (4, 8)]),
        ([10] * 6, "......", 10, [(0, 2), (2, 6)]),
        ([10] * 5, ".....", 10, [(0, 5)]),
        # A heading goes over with the row it heads.
        ([10] * 12, ".....k......", 10, [(0, 5), (5, 8), (8, 12)]),
        # Rows held together that no page holds are broken where the page is full.
        ([10] * 9, "kkkkkkkk.", 10, [(0, 6), (6, 9)]),
        # A row higher than the page has one of its own.
        ([10, 90, 10, 10, 10, 10], "......", 10, [(0, 1), (1, 2), (2, 6)]),
        # Notes that leave no room for four rows stand with one.
        ([10] * 4, "....", 40, [(0, 3), (3, 4)]),
        ([], "", 10, [(0, 0)]),
        ([90], ".", 10, [(0, 1)]),
    ],
)
def test_rows_fill_pages(heights, keep, foot, pages):
    assert fill_pages(heights, [mark == "k" for mark in keep], 60, foot) == pages


@given(
    st.lists(st.tuples(st.floats(1, 60), st.booleans()), max_size=60),
    st.floats(0, 30),
)
def test_every_row_is_on_one_page_and_no_page_is_too_full(rows, foot):
    heights = [height for height, _ in rows]
    pages = fill_pages(heights, [keep for _, keep in rows], 50.0, foot)
    assert [at for start, end in pages for at in range(start, end)] == list(range(len(rows)))
    for start, end in pages:
        assert end - start <= 1 or sum(heights[start:end]) <= 50.0 + 1e-6
        assert end > start or not rows


def head_rows(rtf: str) -> list[int]:
    return [found.start() for found in re.finditer(r"\\trhdr", rtf)]


def test_every_page_of_rtf_begins_with_its_heads():
    text = emit.emit_rtf(listing(400)).decode("ascii")
    pages = re.split(r"\\pagebb", text)
    # Of 11,906 twips 1,134 are below the text; above it 624, the stamp of 184, the title 240 + 230 and the
    # population 40 + 207, so 9,247 stay. The spanner and the heads of two lines take some 740. A row in one line
    # takes 40 + 184, in Chinese (two of five) 40 + 240, and every third one 90 above its subject: not more than 36
    # rows, and not less than 27.
    assert 400 / 36 <= len(pages) <= 400 / 27
    for page in pages:
        assert page.count("\\trhdr") == 2, "the spanner and the column heads"
        assert page.index("\\trhdr") < page.index("2026-01-")


def test_rtf_of_one_page_has_no_page_break():
    assert "\\pagebb" not in emit.emit_rtf(summary_table()).decode("ascii")
    assert "\\pagebb" not in emit.emit_rtf(summary_table(rows=(), blocks=())).decode("ascii")


def test_letter_holds_more_rows_of_rtf_than_a4():
    pages = {
        paper: emit.emit_rtf(replace(listing(1200), stamp=replace(STAMP, paper=paper))).count(b"\\pagebb")
        for paper in ("a4", "letter")
    }
    assert pages["letter"] < pages["a4"], "US Letter is 6 mm higher lying down"


def nested(deep: int) -> Table:
    """Two visits, each with a value and a change of ``deep`` statistics."""
    rows = []
    for visit in ("Day 3", "Day 7"):
        rows.append(Row((("row", visit),), visit, 0, {}, head=True))
        for what in ("Value", "Change"):
            rows.append(Row((("row", f"{visit} | {what}"),), what, 1, {}, head=True))
            rows += [Row((("row", f"{visit} | {what} | {at}"),), str(at), 2, {"Low": "1"}) for at in range(deep)]
    return summary_table(rows=tuple(rows), blocks=(0, 2 * deep + 3))


def test_a_heading_and_the_statistics_below_it_stay_on_one_page():
    keep = make_grid(nested(6)).keep
    # Visit, value, six statistics, change, six statistics: broken between the two only.
    assert [at for at, kept in enumerate(keep) if not kept] == [7, 14, 22, 29]


def test_of_many_rows_below_a_heading_neither_the_first_nor_the_last_is_alone():
    keep = make_grid(nested(12)).keep
    assert keep[:3] == (True, True, False), "visit and heading go with the first statistic"
    assert keep[12:14] == (True, False), "the last two statistics stay together"


def test_a_row_with_numbers_keeps_its_model_rows():
    rows = tuple(
        Row((("row", f"{term}{what}"),), what or term, int(bool(what)), {"Low": "1"})
        for term in "ABC"
        for what in ("", "Difference", "Fisher p")
    )
    assert make_grid(summary_table(rows=rows, blocks=())).keep == (True, True, False) * 3


def test_no_part_ends_behind_a_heading_that_is_a_block_of_its_own():
    # Parameter at 8, its first visit at 9: a part of nine rows would leave the parameter alone at its end.
    table = listing(20)
    rows = tuple(replace(row, head=at == 8) for at, row in enumerate(table.rows))
    assert parts(replace(table, rows=rows, blocks=(0, 4, 8, 9, 13)), limit=9)[0] == (0, 8)


@pytest.mark.runs("soffice", "pdftotext")
def test_libreoffice_shows_heads_and_true_numbers_on_every_page_of_rtf(tmp_path):
    (tmp_path / "listing.rtf").write_bytes(emit.emit_rtf(listing(120)))
    home = f"-env:UserInstallation=file://{tmp_path}/home"
    subprocess.run(["soffice", home, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "listing.rtf")], check=True, capture_output=True, timeout=120)  # fmt: skip
    told = subprocess.run(["pdftotext", "-layout", str(tmp_path / "listing.pdf"), "-"], check=True, capture_output=True, text=True)
    pages = told.stdout.split("\f")[:-1]
    assert len(pages) == emit.emit_rtf(listing(120)).count(b"\\pagebb") + 1, "no page is fuller than estimated"
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert re.search(r"Subject\s+Verbatim term", page)


@pytest.mark.parametrize("tables", [58])
def test_no_page_of_contents_ends_with_the_name_of_a_list(tables, tmp_path):
    about = ReportAbout("A Trial", protocol="XY-101", mark=MARK, cutoff="2026-10-01", program="p 1")
    prepare(tmp_path, about, [])
    lines = [(2, f"Table 14.{at}", at, "Table") for at in range(tables)] + [
        (2, f"Listing 16.{at}", at, "Listing") for at in range(3)
    ]
    (tmp_path / "contents.json").write_text(json.dumps(lines), encoding="utf-8")
    order = Order(tmp_path, 0, time.monotonic() + 60)
    made = order.compile("front", "", {"part": "front", "total": "200"}, ("a-2b",), tags=False)
    for page in PdfReader(made).pages[1:]:
        told = [
            line for line in page.extract_text().splitlines() if line.strip() and not line.startswith(("Program", "Data cut-off"))
        ]
        assert not told[-1].startswith("List of"), told[-1]


@pytest.mark.parametrize("tables", [55])
def test_no_page_of_contents_ends_with_a_section_without_its_first_output(tables, tmp_path):
    about = ReportAbout("A Trial", protocol="XY-101", mark=MARK, cutoff="2026-10-01", program="p 1")
    prepare(tmp_path, about, [])
    sections = [(1, f"Section {part}", 1, "") for part in range(4)]
    tables_of = [[(2, f"Table 14.{part}.{at}", at, "Table") for at in range(tables)] for part in range(4)]
    lines = [line for section, below in zip(sections, tables_of, strict=True) for line in (section, *below)]
    (tmp_path / "contents.json").write_text(json.dumps(lines), encoding="utf-8")
    made = Order(tmp_path, 0, time.monotonic() + 60).compile("front", "", {"part": "front", "total": "200"}, ("a-2b",), tags=False)
    pages = [page.extract_text().splitlines() for page in PdfReader(made).pages[1:]]
    told = [[line for line in page if line.startswith(("Section", "Table"))] for page in pages]
    assert sum(line.startswith("Section") for page in told for line in page) == 4
    assert not [page[-1] for page in told if page and page[-1].startswith("Section")]
