"""One MIME bundle goes through pandoc to Word and to typst, each taking its own part."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace

import pypandoc
import pytest
import typst

from cgbm1_report import emit
from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError
from tests.emit_cases import STAMP, figure, listing, summary_table
from tests.emit_readers import docx_body, docx_parts, squeezed, xml_text


def through_pandoc(markdown: str, target: str, tmp_path) -> bytes:
    reference = tmp_path / "reference.docx"
    reference.write_bytes(emit.fill_reference(STAMP, "A report"))
    made = tmp_path / f"made.{target}"
    command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", target, "-o", str(made), f"--reference-doc={reference}"]
    subprocess.run(command, input=markdown.encode("utf-8"), check=True, capture_output=True)
    return made.read_bytes()


def compile_pages(body: str) -> int:
    import pypdf

    functions = asset("templates", "output.typ").read_text(encoding="utf-8")
    fonts = [str(asset("templates", "fonts"))]
    made = typst.compile((functions + body).encode("utf-8"), font_paths=fonts, ignore_system_fonts=True)
    return len(pypdf.PdfReader(io.BytesIO(made)).pages)


def test_bundle_has_the_three_kinds_and_begins_with_a_raw_block():
    bundle = emit.mime_bundle(summary_table())
    assert list(bundle) == ["text/html", "text/markdown", "text/plain"]
    assert bundle["text/markdown"].startswith("```{=openxml}\n")
    assert re.findall(r"^`+\{=(\w+)\}$", bundle["text/markdown"], re.M) == ["openxml", "typst"]


def test_fence_is_longer_than_any_backticks_in_the_content():
    markdown = emit.mime_bundle(summary_table(title="a ````` b"))["text/markdown"]
    assert markdown.startswith("``````{=openxml}\n")


@pytest.mark.parametrize("make", [summary_table, listing])
def test_pandoc_writes_word_and_typst_from_one_markdown(make, tmp_path):
    output = make()
    markdown = emit.mime_bundle(output)["text/markdown"]
    word = docx_body(through_pandoc(markdown, "docx", tmp_path))
    for row in output.rows:
        for text in row.cells.values():
            assert squeezed(text) in squeezed(xml_text(word))
    made = through_pandoc(markdown, "typst", tmp_path).decode("utf-8")
    assert made.count("#output-table(") == 1
    assert "w:tbl" not in made
    assert compile_pages(made) >= 1


def test_page_and_stamp_of_the_reference_document_reach_the_report(tmp_path):
    found = docx_parts(through_pandoc(emit.mime_bundle(summary_table())["text/markdown"], "docx", tmp_path))
    assert 'w:orient="landscape"' in found["word/document.xml"].decode()
    headers = [part.decode() for name, part in found.items() if re.match(r"word/header\d", name)]
    assert any("Protocol XY-101" in part and " NUMPAGES " in part for part in headers)


def test_figure_is_a_picture_with_words_in_word_and_vectors_in_typst(tmp_path):
    markdown = emit.mime_bundle(figure())["text/markdown"]
    found = docx_parts(through_pandoc(markdown, "docx", tmp_path))
    assert [part for name, part in found.items() if name.startswith("word/media/")] == [figure().png]
    document = found["word/document.xml"].decode()
    assert 'descr="Two falling curves; &quot;Low&quot; lies above * / placebo."' in document
    assert 'cx="8229600" cy="4572000"' in document, "9 by 5 inches"
    assert xml_text(docx_body(through_pandoc(markdown, "docx", tmp_path))).count("Two falling curves") == 0, "no caption"
    made = through_pandoc(markdown, "typst", tmp_path).decode("utf-8")
    assert made.count("#output-figure(") == 1
    assert compile_pages(made + "\nAfter the comment.") == 1


def test_typst_blocks_of_a_figure_also_compile_one_by_one():
    blocks = re.findall(r"```\{=typst\}\n(.*?)\n```", emit.mime_bundle(figure())["text/markdown"], re.S)
    assert [compile_pages(block) for block in blocks] == [1, 1]


def test_long_listing_comes_in_typst_volumes_and_its_text_is_cut():
    bundle = emit.mime_bundle(replace(listing(3100), blocks=()))
    assert bundle["text/markdown"].count("{=typst}") == 3
    assert bundle["text/markdown"].count("{=openxml}") == 1
    assert bundle["text/plain"].endswith("The first 200 of 3100 rows.\n")


def test_a_notebook_shows_a_page_of_a_long_listing_and_how_to_see_the_others():
    table = listing(452, 3)
    first, third = (emit.take_page(table, page, "L16.2.7") for page in (1, 3))
    # A page of at most 200 rows ends with a subject, who has three: 198, 198 and the last 56.
    assert first.rows == table.rows[:198]
    assert third.rows == table.rows[396:]
    assert first.blocks == tuple(range(0, 198, 3))
    assert third.blocks == tuple(range(0, 56, 3))
    said = "rows 1 to 198 of 452 (page 1 of 3)"
    assert first.subtitle == said
    every = 'show("L16.2.7", page="all") all rows.'
    assert first.footnotes[0] == f'Only {said} are shown: show("L16.2.7", page=2) shows the next page, {every}'
    assert third.footnotes[0] == f"Only rows 397 to 452 of 452 (page 3 of 3) are shown: {every}"
    bundle = emit.mime_bundle(first)
    assert bundle["text/html"].count("<tr") == 2 + 198 + 1
    for kind in ("text/html", "text/markdown", "text/plain"):
        assert said in bundle[kind]
    assert emit.take_page(table, "all", "L16.2.7") is table
    for short in (summary_table(), figure()):
        assert emit.take_page(short, 1, short.number) is short
    for page in (0, 4, -1, "2"):
        with pytest.raises(PlanError, match=r"has no page .*name one of 1 to 3, or all"):
            emit.take_page(table, page, "L16.2.7")
