"""Typst compiles what is emitted; every page is titled; bookmarks list an output once."""

from __future__ import annotations

import dataclasses
import io
import re
from itertools import pairwise

import pypdf
import pytest
import typst

from cgbm1_report import emit
from cgbm1_report.assets import asset
from cgbm1_report.emit.align import text_width
from cgbm1_report.tabulate.table import Column, Row, Table
from tests.emit_cases import WORD_200, change_table, figure, listing, summary_table

PAGE = '#set page(paper: "a4", flipped: true, margin: (x: 2cm, top: 2.3cm, bottom: 2cm))\n'


def compiled(body: str, standards: tuple[str, ...] = ("a-2b",), *, page: str = PAGE, whole: bool = False) -> pypdf.PdfReader:
    """A PDF of a fragment; PDF/A makes a missing glyph an error. ``whole`` keeps a long table in one."""
    functions = asset("templates", "output.typ").read_text(encoding="utf-8")
    if whole:
        assert "long-rows = 300" in functions
        functions = functions.replace("long-rows = 300", "long-rows = 1000000")
    made = typst.compile(
        (functions + page + body).encode("utf-8"),
        font_paths=[str(asset("templates", "fonts"))],
        ignore_system_fonts=True,
        pdf_standards=list(standards),
        timestamp=0,
    )
    return pypdf.PdfReader(io.BytesIO(made))


def titles(reader: pypdf.PdfReader) -> list[str]:
    """Bookmarks, from all levels."""
    found: list[str] = []

    def walk(items: list) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item)
            else:
                found.append(item["/Title"])

    walk(reader.outline)
    return found


@pytest.mark.parametrize(
    "make", [summary_table, change_table, lambda: listing(120), lambda: summary_table(rows=(), blocks=()), figure]
)
def test_every_page_is_titled_and_bookmarks_list_the_output_once(make):
    output = make()
    reader = compiled(emit.emit_typst(output))
    texts = [page.extract_text() for page in reader.pages]
    assert all(output.label in text for text in texts)
    assert all("Source: " in text for text in texts), "notes stand on every page"
    assert titles(reader) == [f"{output.label} {output.title}"]


def test_report_with_outputs_is_accessible_pdf():
    body = '#set document(title: "x")\n#heading(level: 1, "Safety")\n' + "".join(
        emit.emit_typst(output) for output in (change_table(), listing(), figure())
    )
    reader = compiled(body, ("a-2a", "ua-1"))
    said = reader.trailer["/Root"]["/Metadata"].get_data()
    assert b"<pdfaid:conformance>A<" in said
    assert b"<pdfuaid:part>1<" in said
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"] is not False
    assert titles(reader) == ["Safety", *(f"{one.label} {one.title}" for one in (change_table(), listing(), figure()))]


def test_volumes_carry_one_heading_and_all_rows():
    volumes = emit.emit_typst_parts(listing(100, per_subject=5), 32)
    assert len(volumes) == 4, "30 rows each, six subjects"
    readers = [compiled(volume) for volume in volumes]
    assert [len(titles(reader)) for reader in readers] == [1, 0, 0, 0]
    text = "".join(page.extract_text() for reader in readers for page in reader.pages)
    # Said once in its block, and again where a page or a volume begins within it.
    assert all(1 <= text.count(f"XY-101-{subject:04d}") <= 2 for subject in range(1, 21))
    assert all("Listing 16.2.7.1" in page.extract_text() for reader in readers for page in reader.pages)


def places(reader: pypdf.PdfReader) -> list[list[tuple[float, float, str]]]:
    """Each page's texts and where they stand."""
    found: list[list[tuple[float, float, str]]] = []
    for page in reader.pages:
        found.append([])
        page.extract_text(
            visitor_text=lambda text, cm, tm, *_: found[-1].append((round(cm[4] + tm[4], 2), round(cm[5] + tm[5], 2), text))
        )
    return found


def visits_of_four(visits: int) -> Table:
    """A summary table whose visits are kept together; some labels need two lines."""
    rows, blocks = [], []
    for visit in range(visits):
        blocks.append(len(rows))
        rows.append(
            Row((("row", f"v{visit}"),), f"Visit {visit:02d}." + " of a long name" * (20 * (visit % 3 == 1)), 0, {}, head=True)
        )
        rows += [Row((("row", f"v{visit} | s{at}"),), f"stat {visit:02d}-{at}", 1, {"Low": "1"}) for at in range(4)]
    return summary_table(rows=tuple(rows), blocks=tuple(blocks))


LETTER = '#set page(paper: "us-letter", margin: (left: 1in, right: 0.75in, top: 1in, bottom: 1.2in))\n'


@pytest.mark.parametrize("page", [LETTER, "#set page(margin: 10%)\n"], ids=["letter", "margin in percent"])
@pytest.mark.parametrize(
    "make", [lambda: listing(330, per_subject=4), lambda: visits_of_four(70)], ids=["listing", "kept together"]
)
def test_the_first_page_of_a_long_table_ends_where_the_table_would_break(make, page):
    text = emit.emit_typst(make())
    assert places(compiled(text, page=page)) == places(compiled(text, page=page, whole=True))


def test_only_the_first_page_of_a_long_table_is_not_continued():
    pages = [page.extract_text() for page in compiled(emit.emit_typst(listing(330)), ("a-2a",)).pages]
    assert ["(continued)" in page for page in pages] == [False] + [True] * (len(pages) - 1)
    assert len(pages) == 11


def test_a_tall_row_on_the_first_page_of_a_long_table_begins_there():
    narrative = " ".join(f"word{at:04d}" for at in range(900))
    made = listing(330)
    first = dataclasses.replace(made.rows[3], cells={**made.rows[3].cells, "AETERM": narrative})
    text = emit.emit_typst(dataclasses.replace(made, rows=(*made.rows[:3], first, *made.rows[4:])))
    assert places(compiled(text)) == places(compiled(text, whole=True))


def steps(subject: str) -> list[float]:
    """How far below each other the rows of a block of twelve stand whose subject has this name."""
    made = listing(12, per_subject=12)
    rows = tuple(
        dataclasses.replace(row, cells={**row.cells, "USUBJID": subject, "AETERM": f"term {at}"})
        for at, row in enumerate(made.rows)
    )
    (page,) = places(compiled(emit.emit_typst(dataclasses.replace(made, rows=rows))))
    at = [y for _, y, text in page if text.strip().startswith("term ")]
    return [round(above - below, 1) for above, below in pairwise(at)]


def test_a_name_of_three_lines_beside_its_block_makes_no_row_between_the_first_and_the_last_higher():
    short, long = steps("XY-101"), steps("Multiple organ dysfunction syndrome with renal failure")
    assert len(short) == 11
    assert long[0] > short[0], "the first row may be alone at the end of its page, and holds the name"
    assert long[1:] == short[1:]


def test_small_blocks_are_not_broken_over_pages():
    rows, blocks = [], []
    for visit in range(30):
        blocks.append(len(rows))
        rows.append(Row((("row", f"v{visit}"),), f"Visit {visit:02d}.", 0, {}, head=True))
        rows += [Row((("row", f"v{visit} | s{at}"),), f"stat {visit:02d}-{at}", 1, {"Low": "1"}) for at in range(4)]
    reader = compiled(emit.emit_typst(summary_table(rows=tuple(rows), blocks=tuple(blocks))))
    assert len(reader.pages) > 2
    for page in reader.pages:
        text = page.extract_text()
        for visit in re.findall(r"Visit (\d\d)\.", text):
            assert all(f"stat {visit}-{at}" in text for at in range(4))


def test_a_word_longer_than_its_column_is_broken_inside_the_page():
    columns = (Column("a", "A", None, 1.0, "left"), Column("b", "B", None, 6.0, "left"))
    table = summary_table(
        columns=columns,
        rows=(Row((("row", "k"),), "", 0, {"a": WORD_200, "b": "beside"}),),
        kind="listing",
        stub_label=None,
        blocks=(),
    )
    reader = compiled(emit.emit_typst(table))
    letters: list[tuple[float, str]] = []

    def see(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        letters.append((cm[4] + tm[4], text.strip()))

    text = reader.pages[0].extract_text(visitor_text=see)
    beside = next(x for x, text in letters if text == "beside")
    ends = [x + 8 * text_width(piece) for x, piece in letters if piece and piece in WORD_200]
    assert beside - 12 < max(ends) <= beside, "the lines fill the column and no more"
    assert WORD_200 in text.replace("\n", ""), "no character is lost or added"
    assert "\u200b" not in text, "a soft break would hide the letter before it from a search"


def test_a_row_higher_than_a_page_goes_on_over_the_page():
    narrative = " ".join(f"word{at:04d}" for at in range(3000))
    columns = (Column("a", "A", None, 1.0, "left"), Column("b", "B", None, 1.0, "left"))
    table = summary_table(
        columns=columns, rows=(Row((("row", "k"),), "", 0, {"a": narrative, "b": "x"}),), kind="listing", stub_label=None, blocks=()
    )
    text = "".join(page.extract_text() for page in compiled(emit.emit_typst(table)).pages)
    assert "word0000" in text
    assert "word2999" in text


def test_rows_held_together_are_never_cut_off():
    columns = (Column("a", "A", None, 1.0, "left"),)
    narrative = " ".join(f"word{at:04d}" for at in range(600))
    for rows in (
        (Row((("row", "h"),), "Head", 0, {}, head=True), Row((("row", "k"),), "Tall", 1, {"a": narrative + " " + narrative})),
        (
            Row((("row", "h"),), "Head", 0, {}, head=True),
            *(Row((("row", f"k{at}"),), f"Row {at}", 1, {"a": narrative}) for at in range(5)),
        ),
        tuple(Row((("row", f"h{at}"),), f"Head {at}", 0, {}, head=True) for at in range(90)),
    ):
        table = summary_table(columns=columns, rows=rows, blocks=(0,))
        text = " ".join(page.extract_text() for page in compiled(emit.emit_typst(table)).pages)
        assert text.count("word0599") == sum(row.cells.get("a", "").count("word0599") for row in rows)
        assert all(row.label in text for row in rows)


def test_a_figure_of_nine_notes_has_them_on_its_page():
    made = figure(width_in=9.0, height_in=4.8, footnotes=tuple(f"Note {at}." for at in range(9)))
    (page,) = compiled(emit.emit_typst(made)).pages
    assert "Note 8." in page.extract_text()


@pytest.mark.parametrize("make", [listing, figure])
def test_what_an_output_is_linked_with_stands_between_the_words_above_and_its_title(make):
    output = dataclasses.replace(make(), links=("T14.1.1.1",))
    call = emit.emit_typst(output).replace("(name:", '(new-page: false, targets: ("T14_1_1_1",), name:', 1)
    page = compiled(f"Words that lead to it.\n\nMore of them.\n#[#metadata(none) <T14_1_1_1>]\n{call}").pages[0]
    seen: dict[str, float] = {}

    def note(text: str, turned: list[float], at: list[float], *_: object) -> None:
        seen.setdefault(text.strip(), at[4] * turned[1] + at[5] * turned[3] + turned[5])

    page.extract_text(visitor_text=note)
    words, links, title = (
        next(y for text, y in seen.items() if part in text) for part in ("More of", "14.1.1.1", output.title[:12])
    )
    # Letters of 8.5 pt are about 8 pt high with what hangs below the line.
    assert words - links > 9
    assert links - title > 9
