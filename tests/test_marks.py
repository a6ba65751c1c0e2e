"""Rows of an output that have a name: bookmarks of PDF and Word and links of HTML lead to them, and reading back tells where not."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pypdf

from cgbm1_report import emit
from cgbm1_report.emit.bundle import PAGE_ROWS, take_page
from cgbm1_report.emit.data import emit_printed
from cgbm1_report.emit.layout import parts
from cgbm1_report.readback.docx import anchors, check_docx
from cgbm1_report.readback.html import check_page
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.printed import Printed, read_printed
from cgbm1_report.readback.told import Said
from cgbm1_report.render.join import Entry, _tell_rows
from cgbm1_report.render.refresh import refresh_docx
from cgbm1_report.tabulate.table import Table
from tests.emit_cases import listing
from tests.test_emit_typst import compiled

#: Six subjects of three rows; the second and the fourth have a name, one of them hostile.
NAMES = ((3, "XY-101-0002: Nausea"), (9, "XY-101-0004: <b>10 & 20 μg</b> {x}"))


def named(rows: int = 18) -> Table:
    return replace(listing(rows), marks=NAMES)


def printed_of(table: Table, folder: Path) -> Printed:
    file = folder / "l.json"
    file.write_text(emit_printed(table), encoding="utf-8")
    return read_printed(file)


def stamp_of(table: Table) -> Said:
    stamp = table.stamp
    told = {name: getattr(stamp, name) for name in ("protocol", "mark", "program", "cutoff")}
    return Said({**told, "produced": stamp.produced})


def bookmarks(reader: pypdf.PdfReader) -> list[tuple[int, str, int]]:
    """Level, title and page of each bookmark."""
    found: list[tuple[int, str, int]] = []

    def walk(items: list, level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            else:
                found.append((level, item["/Title"], reader.get_destination_page_number(item) + 1))

    walk(reader.outline, 1)
    return found


def test_pdf_has_a_bookmark_for_each_named_row_below_that_of_its_output_to_the_page_it_begins_on() -> None:
    body = '#set document(title: "x")\n#heading(level: 1, "Safety")\n' + emit.emit_typst(
        replace(named(80), marks=(*NAMES, (79, "last")))
    )
    reader = compiled(body, ("a-2a", "ua-1"))
    made = bookmarks(reader)
    assert [one[:2] for one in made] == [
        (1, "Safety"), (2, "Listing 16.2.7.1 Adverse Events"), *((3, text) for _, text in NAMES), (3, "last"),
    ]  # fmt: skip
    assert made[-1][2] == len(reader.pages) > made[-2][2]


def test_word_has_a_bookmark_in_each_named_row_and_html_links_above_the_table() -> None:
    body = "".join(emit.emit_openxml(named()))
    rows = [row for row in body.split("<w:tr>") if "_row_" in row]
    assert [re.findall(r'w:name="(L16_2_7_1_row_\d)"', row) for row in rows] == [["L16_2_7_1_row_1"], ["L16_2_7_1_row_2"]]
    assert ["XY-101-0002" in rows[0], "XY-101-0004" in rows[1]] == [True, True]
    identities = re.findall(r'<w:bookmarkStart w:id="(\d+)"', body)
    assert len(set(identities)) == len(identities) == 5
    page = emit.emit_html(named())
    assert '<li><a href="#L16_2_7_1_row_1">XY-101-0002: Nausea</a></li>' in page
    assert "&lt;b&gt;10 &amp; 20 μg&lt;/b&gt; {x}</a>" in page
    assert re.findall(r'<tr id="([^"]*)"><td[^>]*>([^<]*)<', page) == [
        ("L16_2_7_1_row_1", "XY-101-0002"), ("L16_2_7_1_row_2", "XY-101-0004"),
    ]  # fmt: skip
    assert 'cg-marks"' not in emit.emit_html(listing())


def test_page_of_a_long_output_in_jupyter_has_the_links_of_its_rows() -> None:
    shown = take_page(named(600), 1, "L16.2.7.1")
    assert isinstance(shown, Table)
    assert shown.marks == NAMES
    pages = len(parts(named(600), PAGE_ROWS))
    last = take_page(replace(named(600), marks=((599, "last"),)), pages, "L16.2.7.1")
    assert isinstance(last, Table)
    assert last.marks == ((len(last.rows) - 1, "last"),)
    assert pages > 1


def test_entries_below_an_output_are_of_its_rows_and_stand_in_no_contents() -> None:
    entries = [
        Entry(1, "14.3.3 Narratives", 1), Entry(3, "Narrative 14.3.3.1 N", 1), Entry(4, "Table 1 as a subject", 2),
        Entry(4, "A: Sepsis", 3), Entry(3, "Listing 16.2.7.1.1 E", 4),
    ]  # fmt: skip
    told = list(_tell_rows(entries))
    assert [one.within for one in told] == [False, False, True, True, False]
    assert [one.output[0] for one in told] == ["", "Narrative 14.3.3.1", "", "", "Listing 16.2.7.1.1"]


def test_reading_back_finds_rows_named_otherwise_in_each_format(tmp_path: Path) -> None:
    table = named()
    printed = printed_of(table, tmp_path)
    (tmp_path / "l.html").write_text(emit.emit_html_page(table), encoding="utf-8")
    (tmp_path / "l.docx").write_bytes(emit.emit_docx(table))
    stamp = stamp_of(table)
    ((anchor, _),) = anchors({printed.number: printed})

    def found(one: Printed) -> tuple[int, int]:
        html = check_page(tmp_path / "l.html", "l.html", {anchor: one}, stamp=stamp, links=frozenset())
        docx = check_docx(tmp_path / "l.docx", "l.docx", {anchor: one}, stamp=stamp)
        return len(html), len(docx)

    assert found(printed) == (0, 0)
    for wrong in (((3, NAMES[0][1]), (10, NAMES[1][1])), NAMES[:1]):
        html, docx = found(replace(printed, marks=wrong))
        assert html > 0
        assert docx > 0


def test_reading_back_finds_bookmarks_of_other_rows_and_to_other_pages_in_pdf(tmp_path: Path) -> None:
    table = named(80)
    made = compiled('#set document(title: "x")\n' + emit.emit_typst(table)).stream
    assert isinstance(made, io.BytesIO)
    (tmp_path / "l.pdf").write_bytes(made.getvalue())
    printed = printed_of(table, tmp_path)

    def found(one: Printed) -> list[str]:
        told = check_pdf(tmp_path / "l.pdf", {one.number: one}, stamp_of(table), "", name="l.pdf", every_tag=False, standard=False)[
            0
        ]
        return [finding.message for finding in told if finding.rule.startswith("each row with a name")]

    assert found(printed) == []
    wrong = [(*NAMES, (79, "more")), NAMES[:1], ((3, NAMES[0][1]), (79, NAMES[1][1]))]
    assert [len(found(replace(printed, marks=one))) for one in wrong] == [1, 1, 1]


def test_refresh_takes_our_bookmarks_of_rows_away_with_the_old_output(tmp_path: Path) -> None:
    (tmp_path / "csr.docx").write_bytes(emit.emit_docx(named()))
    (tmp_path / "new.docx").write_bytes(emit.emit_docx(replace(named(21), marks=((6, "XY-101-0003: other"),))))
    refresh_docx(tmp_path / "csr.docx", {"L16.2.7.1": tmp_path / "new.docx"}, tmp_path / "made.docx")
    import zipfile

    body = zipfile.ZipFile(tmp_path / "made.docx").read("word/document.xml").decode("utf-8")
    assert re.findall(r'w:name="(\w+_row_\d)"', body) == ["L16_2_7_1_row_1"]
