"""Every format prints the output whole, the same way each time, and titled on every page."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cgbm1_report import emit
from cgbm1_report.assets import __version__, asset
from cgbm1_report.emit.layout import parts
from cgbm1_report.emit.text import display_width
from cgbm1_report.tabulate.table import Column, Row
from tests.drawn import stamp_saying
from tests.emit_cases import MARK, STAMP, SVG, change_table, figure, listing, summary_table
from tests.emit_readers import HtmlReader, W, disordered, docx_body, docx_parts, read_rtf, squeezed, xml_text

SNAPSHOTS = Path(__file__).parent / "snapshots"
OUTPUTS = {
    "summary": summary_table,
    "change": change_table,
    "listing": listing,
    "empty": lambda: summary_table(rows=(), blocks=()),
    "figure": figure,
}
EMITTERS = (
    emit.emit_text,
    emit.emit_html,
    emit.emit_html_page,
    emit.emit_openxml,
    emit.emit_docx,
    emit.emit_typst,
    emit.emit_rtf,
    emit.emit_json,
    emit.emit_csv,
    emit.mime_bundle,
)


@pytest.mark.parametrize("name", OUTPUTS)
def test_text_is_what_was_checked_by_eye(name):
    assert emit.emit_text(OUTPUTS[name]()) == (SNAPSHOTS / f"emit_{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("write", EMITTERS, ids=lambda write: write.__name__)
def test_the_same_output_gives_the_same_bytes(write, name):
    assert write(OUTPUTS[name]()) == write(OUTPUTS[name]())


@pytest.mark.parametrize("name", ["summary", "change", "listing"])
def test_every_cell_is_in_every_format(name):
    table = OUTPUTS[name]()
    wanted = [squeezed(text) for row in table.rows for text in (row.label, *row.cells.values()) if text]
    wanted += [squeezed(text) for text in (table.label, table.title, table.population, table.source, *table.footnotes)]
    wanted += [squeezed(column.heading) for column in table.columns]
    texts = {
        "html": HtmlReader(emit.emit_html(table)).text,
        "docx": xml_text(docx_body(emit.emit_docx(table))),
        "rtf": read_rtf(emit.emit_rtf(table))[0],
    }
    for format_name, text in texts.items():
        found = squeezed(text)
        assert not [text for text in wanted if text not in found], format_name


# ---- text


def test_chinese_text_keeps_the_columns_of_a_terminal():
    lines = emit.emit_text(listing()).splitlines()
    starts = {display_width(line[: line.index("2026-01")]) for line in lines if "2026-01" in line}
    assert len(starts) == 1
    assert display_width("广州 ab") == 7


def test_long_words_are_broken_not_widened():
    word = "x" * 200
    table = replace(listing(1), rows=(Row((("row", "k"),), "", 0, {"AETERM": word, "USUBJID": "广" * 60}),))
    text = emit.emit_text(table)
    assert max(display_width(line) for line in text.splitlines() if "x" in line and "Adverse" not in line) < 120
    assert text.count("x") >= 200
    assert text.count("广") == 60


# ---- html


def test_summary_table_names_its_rows_and_columns_and_indents_by_class():
    for table in (summary_table(), change_table()):
        reader = HtmlReader(emit.emit_html(table))
        assert reader.count("th", scope="row") == len(table.rows)
        assert reader.count("th", scope="col") == len(table.columns) + 1
        assert reader.count("table", **{"data-quarto-disable-processing": "true"}) == 1
        assert sum("cg-indent-1" in (found.get("class") or "") for _, found in reader.tags) == sum(
            row.indent == 1 for row in table.rows
        )


def test_html_table_is_named_by_its_heading_and_widths_are_percentages():
    reader = HtmlReader(emit.emit_html(listing()))
    assert reader.count("section", id="L16_2_7_1") == 1
    assert reader.count("h2", id="L16_2_7_1-title") == 1
    assert reader.count("table", **{"aria-labelledby": "L16_2_7_1-title"}) == 1
    assert reader.count("caption") == reader.count("thead") == reader.count("tbody") == reader.count("tfoot") == 1
    widths = [float((found["style"] or "").removeprefix("width:").removesuffix("%")) for tag, found in reader.tags if tag == "col"]
    assert sum(widths) == pytest.approx(100, abs=0.05)
    assert MARK in reader.text
    assert "Data cut-off: 2026-10-01" in reader.text


@pytest.mark.parametrize("columns", [1, 8], ids=["a narrow table", "a wide table"])
def test_html_table_is_scrolled_before_a_number_goes_over_two_lines(columns):
    """In Arial nine digits of 0.556 em, two points and a space of 0.278, a hyphen and two brackets of 0.333 are 6.837 em."""
    number = "-117.4 (170.17)"
    keys = [f"C{at}" for at in range(columns)]
    row = Row((("PARAMCD", "ALT"),), "ALT", 0, dict.fromkeys(keys, number))
    wide = tuple(Column(key, "Mean", None, 1.0) for key in keys)
    reader = HtmlReader(emit.emit_html(summary_table(columns=wide, rows=(row,), blocks=(0,), stub_width=1.5)))
    table = next(found["style"] or "" for tag, found in reader.tags if tag == "table")
    least = re.search(r"min-width:([0-9.]+)em", table)
    assert least
    shares = [float((found["style"] or "").removeprefix("width:").removesuffix("%")) for tag, found in reader.tags if tag == "col"]
    # A cell of 13 px has 0.35 rem of 16 px at each side: 0.86 em.
    assert float(least[1]) * min(shares[1:]) / sum(shares) >= 6.837 + 0.86


def test_html_figure_says_in_words_what_it_shows():
    text = emit.emit_html(figure())
    reader = HtmlReader(text)
    assert reader.count("svg", role="img") == 1
    assert next(found for tag, found in reader.tags if tag == "svg")["aria-label"] == figure().alt
    assert "<?xml" not in text
    assert "DOCTYPE" not in text


def test_html_page_runs_and_loads_nothing():
    page = emit.emit_html_page(summary_table())
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in page
    assert "script-src" not in page
    assert not [tag for tag, found in HtmlReader(page.split(">", 1)[1]).tags if tag in ("script", "link", "img") or "href" in found]


# ---- docx


def tables_of(content: bytes):
    return docx_body(content).findall(f"{W}tbl")


def header_rows(table):
    return [row for row in table.findall(f"{W}tr") if row.find(f"{W}trPr/{W}tblHeader") is not None]


def styles_of(element) -> list[str]:
    return [node.get(f"{W}val", "") for node in element.iter(f"{W}pStyle")]


def test_every_style_named_is_in_the_reference_document():
    styles = docx_parts(asset("templates", "reference.docx").read_bytes())["word/styles.xml"].decode()
    for make in OUTPUTS.values():
        body = docx_body(emit.emit_docx(make()))
        named = set(styles_of(body)) | {node.get(f"{W}val") for node in body.iter(f"{W}tblStyle")}
        assert not [name for name in named if f'w:styleId="{name}"' not in styles]


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_every_part_of_a_word_file_has_the_order_of_its_schema(name):
    found = docx_parts(emit.emit_docx(OUTPUTS[name]()))
    assert {
        part: faults
        for part, text in found.items()
        if part.startswith("word/") and part.endswith(".xml") and (faults := disordered(text))
    } == {}


def test_what_breaks_the_order_of_the_schema_is_found():
    shell = f'<w:p xmlns:w="{W[1:-1]}"><w:pPr>{{}}</w:pPr></w:p>'
    told = {
        inside: disordered(shell.format(inside).encode())
        for inside in ("<w:jc/><w:pStyle/>", "<w:pStyle/><w:x/>", "<w:pStyle/><w:jc/>")
    }
    assert [bool(faults) for faults in told.values()] == [True, True, False]


def instructions(element) -> list[str]:
    return [(node.text or "").strip() for node in element.iter(f"{W}instrText")]


def test_title_is_one_bookmarked_caption_in_rows_that_repeat():
    (table,) = tables_of(emit.emit_docx(change_table()))
    heads = header_rows(table)
    assert len(heads) == 3, "title, spanners, column heads"
    assert table.findall(f"{W}tr")[:3] == heads, "Word repeats header rows only from the first row on"
    assert "Table 14.2.4.1 Total Bilirubin" in xml_text(heads[0])
    assert "Safety Analysis Set" in xml_text(heads[0])
    assert styles_of(table).count("Caption") == 1
    assert not [style for style in styles_of(table) if style.startswith("Heading")], "headings are the sections'"
    assert next(table.iter(f"{W}bookmarkStart")).get(f"{W}name") == "T14_2_4_1"


@pytest.mark.parametrize(("make", "label"), [(summary_table, "Table"), (listing, "Listing"), (figure, "Figure")])
def test_title_is_a_caption_to_words_lists_and_cross_references(make, label):
    """Word's list ``TOC \\c "Table"`` holds the paragraphs with ``SEQ Table``; its "only label and number" ends at that field."""
    made = make()
    (caption,) = [node for node in docx_body(emit.emit_docx(made)).iter(f"{W}p") if styles_of(node) == ["Caption"]]
    assert instructions(caption) == [f'TC "{emit.heading(made)}" \\l 2', f"SEQ {label} \\c \\h"]
    assert xml_text(caption).strip() == emit.heading(made)
    told = [node.text for node in caption.iter() if node.tag in (f"{W}t", f"{W}instrText")][1:]
    # The hidden blank keeps the number whole where a program prints the field's count behind it.
    assert told == [made.label, " ", f" SEQ {label} \\c \\h ", f" {made.title}"]


def test_field_of_a_caption_shows_nothing_and_counts_nothing():
    """``\\h`` hides the number and ``\\c`` takes none; whoever knows no ``\\h`` finds its result hidden and empty."""
    (table,) = tables_of(emit.emit_docx(summary_table()))
    runs = list(table.iter(f"{W}r"))
    (at,) = [at for at, run in enumerate(runs) if "SEQ" in "".join(instructions(run))]
    ends = [
        (run.find(f"{W}fldChar").get(f"{W}fldCharType"), run.find(f"{W}rPr/{W}vanish") is not None) for run in runs[at + 1 : at + 3]
    ]
    assert ends == [("separate", True), ("end", True)]


def test_an_appendix_is_in_no_list_of_captions():
    (caption,) = [
        node for node in docx_body(emit.emit_docx(summary_table(number="A16.1.9"))).iter(f"{W}p") if styles_of(node) == ["Caption"]
    ]
    assert [code.split()[0] for code in instructions(caption)] == ["TC"]


def test_no_row_of_a_table_is_split_and_headings_stay_with_their_rows():
    (table,) = tables_of(emit.emit_docx(summary_table()))
    rows = table.findall(f"{W}tr")
    assert all(row.find(f"{W}trPr/{W}cantSplit") is not None for row in rows)
    head = next(row for row in rows if "Hepatobiliary" in xml_text(row))
    assert head.find(f".//{W}keepNext") is not None


def test_column_widths_fill_the_page_and_layout_is_fixed():
    (table,) = tables_of(emit.emit_docx(listing()))
    widths = [int(node.get(f"{W}w", "0")) for node in table.iter(f"{W}gridCol")]
    assert sum(widths) == 16838 - 2 * 1134
    assert widths[1] / widths[0] == pytest.approx(3.0 / 1.4, rel=0.001)
    assert table.find(f"{W}tblPr/{W}tblLayout").get(f"{W}type") == "fixed"


def told_widths(element, tag: str) -> list[tuple[str, int]]:
    return [(node.get(f"{W}type"), int(node.get(f"{W}w"))) for node in element.iter(f"{W}{tag}")]


def test_wide_table_is_as_wide_as_the_text_it_is_pasted_into():
    """In per cent: 257 mm in twips would be cut off at the edge of a portrait page, with the columns beyond it."""
    (table,) = tables_of(emit.emit_docx(change_table()))
    assert told_widths(table, "tblW") == [("pct", 5000)]
    for row in table.iter(f"{W}tr"):
        kinds, widths = zip(*told_widths(row, "tcW"), strict=True)
        assert set(kinds) == {"pct"}
        assert sum(widths) == 5000


def test_table_that_a_portrait_page_holds_keeps_its_width():
    """In per cent it would shrink on a portrait page, and its numbers break."""
    narrow = summary_table(columns=summary_table().columns[:1])
    (table,) = tables_of(emit.emit_docx(narrow))
    ((kind, width),) = told_widths(table, "tblW")
    assert kind == "dxa"
    assert width == sum(int(node.get(f"{W}w")) for node in table.iter(f"{W}gridCol")) < 11906 - 2 * 1440
    assert {kind for kind, _ in told_widths(table, "tcW")} == {"dxa"}


def test_long_listing_is_parted_at_subjects_and_every_part_is_titled():
    tables = tables_of(emit.emit_docx(listing(700, per_subject=7)))
    counts = [len(table.findall(f"{W}tr")) - len(header_rows(table)) for table in tables]
    assert counts == [245, 245, 211], "35, 35 and 30 subjects of 7 rows; the last part has the notes too"
    assert all("Listing 16.2.7.1" in xml_text(header_rows(table)[0]) for table in tables)
    assert sum(styles_of(table).count("Caption") for table in tables) == 1, "in each list once"
    assert sum("SEQ Listing" in code for table in tables for code in instructions(table)) == 1


def test_parts_end_at_blocks_but_never_behind_a_heading_row():
    assert parts(listing(20, per_subject=4), limit=9) == [(0, 8), (8, 16), (16, 20)]
    long_block = replace(listing(20), blocks=(0,))
    assert parts(long_block, limit=9) == [(0, 9), (9, 18), (18, 20)]
    headed = replace(long_block, rows=tuple(replace(row, head=at == 8) for at, row in enumerate(long_block.rows)))
    assert parts(headed, limit=9)[0] == (0, 8)
    assert parts(summary_table(rows=(), blocks=())) == [(0, 0)]


LONG_NOTE = "A note of many words. " * 150


@pytest.mark.parametrize(
    ("made", "runs"),
    [
        (listing(80), True),  # three pages
        (listing(10), False),  # one page: the notes below the last row are on it
        (replace(listing(80), footnotes=(LONG_NOTE,)), False),  # longer than 20 lines: they would leave the rows no room
        (figure(), False),
    ],
)
def test_notes_of_a_table_of_several_pages_stand_on_every_page_and_with_the_table(made, runs):
    found = docx_parts(emit.emit_docx(made))
    footer, body = (ElementTree.fromstring(found[part]) for part in ("word/footer1.xml", "word/document.xml"))  # noqa: S314
    notes = [*made.footnotes, f"Source: {made.source}"]
    assert all(xml_text(body).count(note.strip()) == 1 for note in notes), "whoever copies the output has them"
    assert [note.strip() in xml_text(footer) for note in notes] == [runs] * len(notes)
    assert "Data cut-off: 2026-10-01" in xml_text(footer)


def test_docx_is_dated_1980_and_stamped():
    content = emit.emit_docx(summary_table())
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.create_system for info in package.infolist()} == {3}
    found = docx_parts(content)
    header, footer = found["word/header1.xml"].decode(), found["word/footer1.xml"].decode()
    assert "Protocol XY-101" in header
    assert MARK in header
    assert " PAGE " in header
    assert " NUMPAGES " in header
    assert f"Program: cgbm1-report {__version__}" in footer
    assert "Data cut-off: 2026-10-01" in footer
    assert 'w:w="16838" w:h="11906" w:orient="landscape"' in found["word/document.xml"].decode()
    assert "<dc:title>Table 14.3.1.2.1 Adverse Events" in found["docProps/core.xml"].decode()
    assert "<dc:creator>Sun Yat-sen University</dc:creator><dc:language>en-US</dc:language>" in found["docProps/core.xml"].decode()
    assert (
        'w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"'
        in found["word/settings.xml"].decode()
    )


@pytest.mark.parametrize(
    ("produced", "cutoff", "dated"),
    [
        ("2026-10-02 08:00 UTC", "2026-10-01", "2026-10-02T08:00:00Z"),  # the run time that SOURCE_DATE_EPOCH fixes
        ("", "2026-10-01", "2026-10-01T00:00:00Z"),  # else the cut-off, never the clock
        ("", "not stated", "1980-01-01T00:00:00Z"),
    ],
)
def test_docx_says_when_it_was_made_the_same_in_every_build(produced, cutoff, dated):
    core = docx_parts(emit.emit_docx(summary_table(stamp=replace(STAMP, produced=produced, cutoff=cutoff))))["docProps/core.xml"]
    assert re.findall(r"<dcterms:\w+ [^>]*>([^<]*)<", core.decode()) == [dated, dated]


def test_reference_document_is_filled_once_and_braces_in_a_stamp_stay_text():
    stamp = stamp_saying("C", protocol="{{mark}}", mark="<b>&{{cutoff}}")
    found = docx_parts(emit.fill_reference(stamp, "{{protocol}}"))
    header = found["word/header1.xml"].decode()
    assert "Protocol &#123;&#123;mark}}" in header
    assert "&lt;b&gt;&amp;&#123;&#123;cutoff}}" in header
    assert "{{" not in header + found["word/footer1.xml"].decode() + found["docProps/core.xml"].decode()


def test_reference_document_holds_the_styles_a_report_needs():
    styles = docx_parts(asset("templates", "reference.docx").read_bytes())["word/styles.xml"].decode()
    for name in (
        "Title",
        "Subtitle",
        "Heading1",
        "Heading2",
        "Heading3",
        "TOCHeading",
        "TOC1",
        "TOC2",
        "TOC3",
        "BodyText",
        "Compact",
    ):
        assert styles.count(f'w:styleId="{name}"') == 1, name
    assert "asciiTheme" not in styles, "every font is named, none is a theme's"


def test_docx_figure_embeds_the_picture_with_its_words():
    content = emit.emit_docx(figure(width_in=20.0, height_in=10.0))
    assert docx_parts(content)["word/media/image1.png"] == figure(width_in=20.0, height_in=10.0).png
    document = docx_parts(content)["word/document.xml"].decode()
    assert 'descr="Two falling curves; &quot;Low&quot; lies above */ placebo."' in document
    assert 'cx="9144000" cy="4572000"' in document, "made smaller to fit the page, not distorted"
    assert '<w:pStyle w:val="Caption"/><w:keepNext/>' in document, (
        "the title stays with the picture, whatever a writer's Caption is"
    )


@pytest.mark.parametrize(
    ("notes", "least", "most"),
    [
        (1, 4.8, 4.8),  # as drawn
        (9, 4.3, 4.6),  # with the source 10 lines of 10.8 points, a title of 13.5, its line of 12.4, 8 around: 142 of 473 points
        (60, 4.8, 4.8),  # a page of notes: these go on below, and the picture is as large as ever
    ],
)
def test_picture_leaves_its_notes_their_room_on_its_page(notes: int, least: float, most: float):
    """Word sets them as paragraphs, and a PDF those that are many: the last of them stood alone on a page of its own."""
    made = figure(width_in=9.0, height_in=4.8, footnotes=tuple(f"Note {at}." for at in range(notes)))
    (high,) = map(
        int, re.findall(r'<wp:extent cx="\d+" cy="(\d+)"', docx_parts(emit.emit_docx(made))["word/document.xml"].decode())
    )
    (goal,) = map(int, re.findall(r"\\pichgoal(\d+)", emit.emit_rtf(made).decode("ascii")))
    assert least - 0.001 <= high / 914400 <= most
    assert goal / 1440 == pytest.approx(high / 914400, abs=0.001)
    (typeset,) = re.findall(r" height: ([0-9.]+)in", emit.emit_typst(made))
    assert float(typeset) == pytest.approx(high / 914400, abs=0.001)


# ---- rtf


def test_rtf_repeats_column_heads_titles_every_page_and_counts_pages():
    text = emit.emit_rtf(change_table()).decode("ascii")
    header = text[text.index("{\\header") : text.index("{\\footer")]
    assert "Table 14.2.4.1 Total Bilirubin" in header
    assert "Safety Analysis Set" in header
    assert "\\fldinst PAGE" in header
    assert "\\fldinst NUMPAGES" in header
    assert text.count("\\trhdr") == 2, "spanners and column heads"
    assert text.index("\\trhdr") < text.index("Baseline")
    assert "\\landscape" in text
    assert "\\paperw16838\\paperh11906" in text
    assert "\\keepn" in text


def test_rtf_writes_every_character_as_ascii():
    text, words = read_rtf(emit.emit_rtf(replace(listing(5), title="𝛼 µ 广州")))
    assert "𝛼 µ 广州" in text
    assert "广州 site: 恶心、呕吐 after breakfast" in text
    assert not words & {"object", "objdata", "bin"}


def test_rtf_figure_holds_the_picture():
    text = emit.emit_rtf(figure()).decode("ascii")
    assert figure().png.hex() in text
    assert "\\picw1800\\pich1000" in text, "9 by 5 inches, 200 dots each"
    assert "wzDescription" in text


# ---- data


def test_json_has_exactly_the_agreed_keys():
    found = json.loads(emit.emit_json(summary_table()))
    assert list(found) == ["number", "title", "population", "columns", "rows", "footnotes", "abbreviations", "source", "program"]
    assert found["columns"][0] == {"key": "Placebo", "label": "Placebo", "N": 30}
    assert found["rows"][2] == {
        "key": [["AEBODSYS", "Gastrointestinal disorders"], ["AEDECOD", "Nausea"]],
        "label": "Nausea",
        "indent": 1,
        "cells": {"Placebo": "12 (40.0)", "Low": "0", "Total": "12 (9.2)"},
    }
    assert "恶心" in emit.emit_json(listing())
    shown = json.loads(emit.emit_json(figure()))
    assert list(shown) == ["number", "title", "population", "alt", "footnotes", "abbreviations", "source", "program", "results"]
    assert shown["results"][1] == {
        "row": [["time", "180"]], "column": "Placebo", "context": "survival_survfit", "stat_name": "estimate", "stat": None,
        "stat_fmt": None,
    }  # fmt: skip


def test_printed_texts_are_those_of_the_json_and_what_else_stands_on_the_pages():
    found = json.loads(emit.emit_printed(summary_table()))
    assert (found["kind"], found["subtitle"], found["stub"]) == ("table", "Phase 1", "System organ class\n  Preferred term")
    assert json.loads(emit.emit_printed(listing()))["stub"] is None
    assert json.loads(emit.emit_printed(change_table()))["columns"][0]["spanner"] == "Placebo (N=30)"
    assert json.loads(emit.emit_printed(figure()))["kind"] == "figure"


def test_csv_has_a_header_and_a_line_per_row():
    lines = list(csv.reader(io.StringIO(emit.emit_csv(change_table()), newline="")))
    assert lines[0] == ["Visit", "Placebo (N=30): Value", "Placebo (N=30): Change", "Low (N=31): Value", "Low (N=31): Change"]
    assert lines[6] == ["  Mean (SD)", "192.9 (61.67)", "-51.4 (39.75)", "10.0 (5.01)", "0.7 (1.20)"]
    assert len(lines) == 1 + len(change_table().rows)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "'\n=1"),
        (" =1", "' =1"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("-2-3", "'-2-3"),
        ("-5", "-5"),
        ("-5.31 (2.104)", "-5.31 (2.104)"),
        ("-", "-"),
        ("<0.0001", "<0.0001"),
    ],
)
def test_no_spreadsheet_runs_a_cell(text, written):
    table = summary_table(columns=(Column("c", "c"),), rows=(Row((("row", "k"),), "label", 0, {"c": text}),), blocks=())
    assert list(csv.reader(io.StringIO(emit.emit_csv(table), newline="")))[1][1] == written


# ---- names


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("T14.3.1.2.1", "T14_3_1_2_1"),
        ("16.2", "o16_2"),
        ("L16.2.7.1/x y", "L16_2_7_1_x_y"),
        ("T" + "1." * 40, ("T" + "1_" * 40)[:40]),
    ],
)
def test_anchor_is_a_name_in_word_html_and_typst(number, name):
    assert emit.anchor(number) == name


def test_svg_of_the_case_is_not_touched_in_typst():
    assert SVG.strip().splitlines()[-1].replace('"', '\\"') in emit.emit_typst(figure())


def test_reference_document_is_what_the_tool_makes():
    spec = importlib.util.spec_from_file_location(
        "make_reference_docx", asset("templates").parent / "tools" / "make_reference_docx.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found = docx_parts(asset("templates", "reference.docx").read_bytes())
    styles = found["word/styles.xml"].decode()
    assert not [name for name, text in tool.styles().items() if text not in styles]
    assert found["word/header1.xml"].decode() == tool.header_part()
    assert found["word/footer1.xml"].decode() == tool.footer_part()
    assert tool.section() in found["word/document.xml"].decode()
