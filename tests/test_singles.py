"""Each output as a PDF of its own: titled, tagged, its pages numbered true, alone or of volumes."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.errors import ReportError
from cgbm1_report.render import ReportAbout, SingleOutput, render_outputs
from cgbm1_report.render.singles import write_single_pdfs
from cgbm1_report.render.tags import take_tags
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Output
from tests.emit_cases import MARK, STAMP, figure, listing, summary_table
from tests.test_render import assert_tags_are_whole

ABOUT = ReportAbout("A Trial", protocol="XY-101", mark=MARK, cutoff="2026-10-01", program=STAMP.program, paper="letter")


def single(made: Output) -> SingleOutput:
    return SingleOutput(made.number, emit.heading(made), emit.mime_bundle(made)["text/markdown"])


def assert_stands_alone(path: Path, made: Output) -> list[str]:
    """Titled, tagged, PDF/A-2a and PDF/UA-1, one bookmark, page x of y on every page; gives the texts of the pages."""
    reader = PdfReader(path)
    pages = [page.extract_text() for page in reader.pages]
    assert reader.metadata is not None
    assert reader.metadata.title == emit.heading(made)
    assert [item.title for item in reader.outline] == [emit.heading(made)]
    assert reader.get_destination_page_number(reader.outline[0]) == 0
    for at, text in enumerate(pages, 1):
        label = " ".join(emit.heading(made).split(" ")[:2])
        assert re.findall(r"(\S+ \S+): page (\d+) of (\d+)", text) == [(label, str(at), str(len(pages)))]
        assert not re.findall(r"Page \d+", text)
        assert "Protocol XY-101" in text
        assert "Data cut-off: 2026-10-01" in text
        assert emit.heading(made) in " ".join(text.split())
    with pikepdf.open(path) as pdf:
        said = pdf.Root.Metadata.read_bytes()
        assert b"pdfaid:part>2<" in said
        assert b"pdfuaid:part>1<" in said
        assert pdf.pages[0].mediabox[2] == 792
        roles = [str(element.S) for element in pdf.Root.StructTreeRoot.K[0].K]
        assert "/H1" in roles
        assert "/H2" not in roles
    return pages


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("singles")
    assert render_outputs([single(one) for one in (summary_table(), figure(), listing(120))], folder, about=ABOUT) == ({}, ())
    return folder


@pytest.mark.parametrize("output", [summary_table(), figure(), listing(120)], ids=lambda output: output.number)
def test_every_output_is_a_document_of_its_own(made, output):
    pages = assert_stands_alone(made / f"{file_stem(output.number)}.pdf", output)
    assert "Contents" not in pages[0]
    assert len(pages) == 1 or output.number == listing(1).number


def test_nothing_else_is_left_in_the_folder(made):
    assert {path.name for path in made.iterdir()} == {
        f"{file_stem(one.number)}.pdf" for one in (summary_table(), figure(), listing(1))
    }


def test_long_listing_of_volumes_is_the_same_document(tmp_path):
    # A title that looks like what joins tags: objects that lead to others, names of cells, brackets, two bytes a letter.
    long = replace(listing(2100), title="Events (12 0 R) 7 0 R (U1x0y0) \\) \\( 3 0 obj Ωé")
    done = write_single_pdfs([single(long), single(summary_table())], ABOUT, tmp_path, 300, rows=1600)
    files = done.files
    assert done.notes == ()
    pages = assert_stands_alone(files[long.number], long)
    assert_tags_are_whole(files[long.number], [emit.heading(long)])
    assert not pikepdf.open(files[long.number]).check_pdf_syntax()
    assert "start of a volume" not in "".join(pages)
    printed = "".join(pages)
    assert {int(subject) for subject in re.findall(r"XY-101-(\d{4})", printed)} == set(range(1, 701))
    assert len(re.findall(r"2026-01-\d\d \(", printed)) == 2100
    assert "(continued)" not in pages[0]
    assert all("(continued)" in text for text in pages[1:])
    assert_stands_alone(files[summary_table().number], summary_table())


def test_two_renderings_are_equal_byte_by_byte(made, tmp_path):
    render_outputs([single(listing(120))], tmp_path, about=ABOUT)
    name = f"{file_stem(listing(120).number)}.pdf"
    assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_character_without_a_glyph_names_the_output_and_nothing_is_written(tmp_path):
    bad = replace(summary_table(), footnotes=("Zero is \U00013000.",))
    with pytest.raises(ReportError, match=r"the fonts lack .*U\+13000"):
        render_outputs([single(listing(3)), single(bad)], tmp_path / "out", about=ABOUT)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_volume_written_in_another_way_is_refused(made):
    with pikepdf.open(made / f"{file_stem(listing(1).number)}.pdf") as pdf:
        target = io.BytesIO()
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    with pytest.raises(ReportError, match="locked version of typst"):
        take_tags(target.getvalue(), 0, b"A")
