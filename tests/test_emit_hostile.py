"""What a site typed is printed, never run: the same terms verbatim through every format."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.escape import clean, clean_all
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import HOSTILE, WORD_200, figure, hostile_everywhere, hostile_listing, summary_table
from tests.emit_readers import HtmlReader, W, docx_body, docx_parts, read_rtf, squeezed, xml_text
from tests.test_emit_bundle import through_pandoc
from tests.test_emit_typst import compiled

READABLE = [squeezed(printed) for _, printed in HOSTILE]
TABLE = hostile_listing()


def test_one_text_and_many_are_cleaned_alike():
    raws = [raw for raw, _ in HOSTILE]
    assert clean_all(raws) == [clean(raw) for raw in raws]
    assert [clean(raw) for raw in raws] == [printed.replace("\t", " ") for _, printed in HOSTILE]
    assert clean_all([]) == []
    assert clean_all(["", ""]) == ["", ""]


def lost(text: str) -> list[str]:
    found = squeezed(text)
    return [term for term in READABLE if term not in found]


def attributes(found: dict[str, str | None]) -> dict[str, str | None]:
    return {name: "" if name == "style" else value for name, value in found.items()}


def test_html_prints_it_all_and_gains_no_element():
    cells = tuple(Row((("row", str(at)),), raw, 0, {"c": raw}) for at, (raw, _) in enumerate(HOSTILE))
    hostile = emit.emit_html(summary_table(columns=(Column("c", "c"),), rows=cells, blocks=()))
    harmless = tuple(Row(row.key, "x", 0, {"c": "x"}) for row in cells)
    calm = HtmlReader(emit.emit_html(summary_table(columns=(Column("c", "c"),), rows=harmless, blocks=())))
    reader = HtmlReader(hostile)
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in calm.tags]
    # How wide a column is depends on its words.
    assert [attributes(found) for _, found in reader.tags] == [attributes(found) for _, found in calm.tags]
    assert not lost(reader.text)
    assert "{{" not in hostile


def test_openxml_prints_it_all_in_well_formed_cells():
    content = emit.emit_docx(TABLE)
    body = docx_body(content)
    assert not lost(xml_text(body))
    assert len(list(body.iter(f"{W}tr"))) == len(HOSTILE) + 3, "title, heads, rows, notes"
    document = docx_parts(content)["word/document.xml"].decode()
    assert "{{" not in document
    assert "<w:fldSimple" not in document
    codes = [node.text for node in docx_body(content).iter(f"{W}instrText")]
    caption = [f' TC "{TABLE.label} {TABLE.title}" \\l 2 ', r" SEQ Listing \c \h "]
    assert codes == caption, "the fields are ours: the entry in contents and the caption's sequence"


def test_rtf_prints_it_all_and_gains_no_control_word():
    text, words = read_rtf(emit.emit_rtf(TABLE))
    assert not lost(text)
    calm = summary_table(
        columns=TABLE.columns, rows=(Row((("row", "1"),), "", 0, {"AETERM": "é\n"}),), kind="listing", stub_label=None, blocks=()
    )
    assert words == read_rtf(emit.emit_rtf(calm))[1]


def test_typst_prints_it_all_and_runs_nothing():
    text = "".join(page.extract_text() for page in compiled(emit.emit_typst(TABLE)).pages)
    # The PDF reader joins letters it finds; typographic reordering is none of ours.
    missing = [term for term in lost(text) if term not in squeezed(text).replace("\u2019", "'")]
    assert not missing
    assert "root:" not in text


def test_pandoc_takes_the_markdown_as_text_only(tmp_path):
    markdown = emit.mime_bundle(TABLE)["text/markdown"]
    word = docx_body(through_pandoc(markdown, "docx", tmp_path))
    assert not lost(xml_text(word))
    made = through_pandoc(markdown, "typst", tmp_path).decode("utf-8")
    assert made.strip() == emit.emit_typst(TABLE).strip(), "pandoc hands the block through as it is"
    assert not re.search(r"\{\{<", markdown), "no shortcode for Quarto"


def test_json_and_csv_hold_it_all():
    found = json.loads(emit.emit_json(TABLE))
    assert [row["cells"]["AETERM"] for row in found["rows"]] == [printed.replace("\t", " ") for _, printed in HOSTILE]
    emit.emit_json(TABLE).encode("utf-8")
    lines = list(csv.reader(io.StringIO(emit.emit_csv(TABLE), newline="")))[1:]
    for cell, (_, printed) in zip((line[1] for line in lines), HOSTILE, strict=True):
        assert cell.removeprefix("'") == printed.replace("\t", " ")
        assert not cell.startswith(("=", "+", "@"))


def test_text_holds_it_all_and_no_terminal_command():
    text = emit.emit_text(TABLE)
    assert not [char for char in text if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0]
    rows = text.split("\n-")[2]
    assert WORD_200 in squeezed(rows)


@pytest.mark.parametrize("at", range(len(HOSTILE)))
def test_it_is_harmless_in_every_place_that_holds_text(at):
    raw, printed = HOSTILE[at]
    table = hostile_everywhere(raw)
    wanted = squeezed(printed)
    for text in (
        HtmlReader(emit.emit_html(table)).text,
        xml_text(docx_body(emit.emit_docx(table))),
        read_rtf(emit.emit_rtf(table))[0],
    ):
        assert squeezed(text).count(wanted) >= 6
    HtmlReader(emit.emit_html_page(table).split(">", 1)[1])
    emit.emit_text(table).encode("utf-8")
    json.loads(emit.emit_json(table))
    compiled(emit.emit_typst(table), ())


def test_hostile_words_of_a_figure_stay_words(tmp_path):
    for raw, printed in HOSTILE:
        drawn = figure(title=raw, alt=raw, footnotes=(raw,), source=raw)
        HtmlReader(emit.emit_html(drawn))
        docx_body(emit.emit_docx(drawn))
        assert squeezed(printed) in squeezed(read_rtf(emit.emit_rtf(drawn))[0])
    alt = " ".join(raw for raw, _ in HOSTILE)
    markdown = emit.mime_bundle(figure(alt=alt))["text/markdown"]
    document = docx_parts(through_pandoc(markdown, "docx", tmp_path))["word/document.xml"].decode()
    assert "alert(1)" in document
    assert "<evil" not in document
    compiled(through_pandoc(markdown, "typst", tmp_path).decode("utf-8"), ())
