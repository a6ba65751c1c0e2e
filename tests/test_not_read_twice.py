"""What a report shares with the files of its outputs is not read twice; what differs in anything is read."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from cgbm1_report import emit
from cgbm1_report.readback.docxbody import region_of
from cgbm1_report.readback.docxsame import leave_out_same
from cgbm1_report.readback.pdfsame import find_same
from cgbm1_report.render import SingleOutput, pdf, render_outputs, render_report
from tests.emit_cases import listing, summary_table
from tests.test_tree import LISTINGS, executed, heading, marked
from tests.test_typeset_once import ABOUT

FIRST, OURS = "L16.2.7.2.1", "L16.2.7.1.1"
FILE = "l-16-2-7-1-1"

# ---- pages


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A report of two listings, of which the second begins a page, and their files."""
    made = tmp_path_factory.mktemp("same")
    outputs = [summary_table(number=FIRST), replace(listing(70), number=OURS)]
    place = (LISTINGS, "Phase 1")
    cells = [marked("output", place, emit.mime_bundle(one), name=emit.anchor(one.number), links=[]) for one in outputs]
    singles = [SingleOutput(one.number, emit.heading(one), emit.mime_bundle(one)["text/markdown"]) for one in outputs]
    pages, _ = render_outputs(singles, made, about=ABOUT, keep=made / "pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "JOINED_ROWS", 0)
        book = [executed(made / "a.ipynb", heading(*place), *cells)]
        render_report(book, made, about=ABOUT, formats=["pdf"], engine="embedded", made=pages)
    return made


def first_page(report: Path) -> int:
    with Pdf.open(report) as read:
        pages = {page.obj.objgen: at for at, page in enumerate(read.pages)}
        with read.open_outline() as outline:
            (found,) = [
                pages[one.destination[0].objgen]
                for part in outline.root
                for phase in part.children
                for one in phase.children
                if OURS[1:] in one.title
            ]
        return found


def test_pages_of_an_output_that_begins_one_are_found_in_the_report(folder):
    first = first_page(folder / "report.pdf")
    found = find_same(folder / "report.pdf", {OURS: first}, {OURS: folder / f"{FILE}.pdf"})
    total = len(Pdf.open(folder / f"{FILE}.pdf").pages)
    assert total > 1
    assert [(page.at, page.of, page.says) for page in found[OURS].pages] == [(at, total, True) for at in range(1, total + 1)]
    assert all(b"/PageNumber Do" in page.rest for page in found[OURS].pages)
    # Elsewhere in the report stand other pages.
    assert find_same(folder / "report.pdf", {OURS: first - 1}, {OURS: folder / f"{FILE}.pdf"}) == {}


def drawn(page: pikepdf.Page) -> Stream:
    return max(page.obj.Contents, key=lambda part: len(part.read_bytes()))


def move_text(page: pikepdf.Page) -> None:
    stream = drawn(page)
    stream.write(re.sub(rb" cm\b", b" cm 1 0 0 1 0 1 cm", stream.read_bytes(), count=1))


def any_font(page: pikepdf.Page) -> Dictionary:
    return next(iter(page.obj.Resources.Font.values()))


def other_letters(page: pikepdf.Page) -> None:
    table = any_font(page).ToUnicode
    table.write(re.sub(rb"<0031>", b"<0032>", table.read_bytes(), count=1))


def other_glyphs(page: pikepdf.Page) -> None:
    file = any_font(page).DescendantFonts[0].FontDescriptor
    key = Name.FontFile2 if Name.FontFile2 in file else Name.FontFile3
    file[key].write(file[key].read_bytes()[:-1] + b"!")


def turn(page: pikepdf.Page) -> None:
    page.obj.Rotate = 180


def cut_off(page: pikepdf.Page) -> None:
    page.obj.MediaBox = Array([0, 0, 100, 100])


def draw_more_before(page: pikepdf.Page) -> None:
    page.obj.Contents[0].write(b"q 2 0 0 2 0 0 cm\n")


def not_given_back(page: pikepdf.Page) -> None:
    last = page.obj.Contents[-1]
    last.write(last.read_bytes().replace(b"Q", b"", 1))


def one_part_more(page: pikepdf.Page) -> None:
    page.contents_add(b"BT ET")


CHANGES = [move_text, other_letters, other_glyphs, turn, cut_off, draw_more_before, not_given_back, one_part_more]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_page_that_differs_in_anything_that_is_seen_is_read(folder, tmp_path, change: Callable[[pikepdf.Page], None]):
    first = first_page(folder / "report.pdf")
    with Pdf.open(folder / "report.pdf") as read:
        change(read.pages[first + 1])
        read.save(tmp_path / "report.pdf")
    assert find_same(tmp_path / "report.pdf", {OURS: first}, {OURS: folder / f"{FILE}.pdf"}) == {}


def test_report_without_a_page_of_the_output_is_read(folder, tmp_path):
    first = first_page(folder / "report.pdf")
    with Pdf.open(folder / "report.pdf") as read:
        del read.pages[first + 1]
        read.save(tmp_path / "report.pdf")
    assert find_same(tmp_path / "report.pdf", {OURS: first}, {OURS: folder / f"{FILE}.pdf"}) == {}


# ---- rows


@pytest.fixture(scope="module")
def word(tmp_path_factory) -> tuple[bytes, Path]:
    """The main part of a document that holds a listing between words, and the listing's own file."""
    own = emit.emit_docx(replace(listing(3), number=OURS))
    path = tmp_path_factory.mktemp("word") / f"{FILE}.docx"
    path.write_bytes(own)
    main = zipfile.ZipFile(io.BytesIO(own)).read("word/document.xml")
    region = region_of(emit.anchor(OURS)).encode()
    assert main.count(b'w:name="%s"' % region) == 1
    return main.replace(b"<w:body>", b"<w:body><w:p><w:r><w:t>Words.</w:t></w:r></w:p>"), path


def left_out(main: bytes, path: Path) -> tuple[bytes, dict[str, int]]:
    name = emit.anchor(OURS)
    return leave_out_same(main, {name: region_of(name)}, {name: path})


def test_rows_of_the_outputs_own_file_are_left_out(word):
    main, path = word
    rest, same = left_out(main, path)
    assert same == {emit.anchor(OURS): 0}
    assert b"Words." in rest
    assert (main.count(b"XY-101-0001"), rest.count(b"XY-101-0001")) == (3, 0)
    # Title and heads, which repeat on every page, and the notes are read.
    heads = main.count(b"<w:tblHeader")
    assert rest.count(b"<w:tblHeader") == heads > 0
    assert rest.count(b'<w:pStyle w:val="Footnote"') == main.count(b'<w:pStyle w:val="Footnote"') > 0
    assert rest.count(b"<w:tr>") == rest.count(b"</w:tr>")
    assert rest.endswith(main[-200:])


def row(main: bytes, at: int) -> bytes:
    return main.split(b"</w:tr>")[at].rpartition(b"<w:tr>")[2].join([b"<w:tr>", b"</w:tr>"])


LIES = {
    # what a document says otherwise      how
    "another text in a cell": lambda main: main.replace(b"XY-101-0001", b"XY-101-0002"),
    "a row left out": lambda main: main.replace(row(main, 3), b""),
    "a row twice": lambda main: main.replace(row(main, 3), row(main, 3) * 2),
    "a text that is hidden": lambda main: main.replace(
        b'<w:t xml:space="preserve">XY-101-0001', b'<w:rPr><w:vanish/></w:rPr><w:t xml:space="preserve">XY-101-0001'
    ),
    "rows in another order": lambda main: main.replace(row(main, 3) + row(main, 4), row(main, 4) + row(main, 3)),
    "the output twice": lambda main: main + main[main.index(b'w:name="out_') :],
}


@pytest.mark.parametrize("lie", LIES)
def test_rows_that_differ_in_anything_are_read(word, lie):
    main, path = word
    told = LIES[lie](main)
    assert told != main
    rest, same = left_out(told, path)
    assert same == {}
    assert rest == told


def test_rows_are_read_where_the_outputs_own_file_is_none(word, tmp_path):
    main, _ = word
    (tmp_path / "no.docx").write_bytes(b"PK nothing")
    assert left_out(main, tmp_path / "no.docx") == (main, {})
    assert left_out(main, tmp_path / "absent.docx") == (main, {})
