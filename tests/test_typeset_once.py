"""No page is typeset twice: the pages of an output's own file are those of the report, which leads to them and numbers them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pypdf import PageObject, PdfReader

from cgbm1_report import emit
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.printed import Printed, read_printed
from cgbm1_report.readback.structure import check_structure
from cgbm1_report.readback.told import Said
from cgbm1_report.render import ReportAbout, SingleOutput, pdf, render_outputs, render_report
from cgbm1_report.tabulate.table import Table
from tests.emit_cases import MARK, STAMP, figure, listing, summary_table
from tests.test_singles import assert_stands_alone
from tests.test_tree import LISTINGS, SAFETY, executed, flat, heading, leads_in, marked

ABOUT = ReportAbout("A Trial", protocol="XY-101", mark=MARK, cutoff="2026-10-01", program=STAMP.program, paper="letter")
EDGES = Said({"protocol": "XY-101", "mark": MARK, "cutoff": "2026-10-01", "program": STAMP.program})
FIRST, SECOND = "T14.3.1.1.1", "T14.3.1.2.1"
DRAWN, LONG, LAST = "F14.3.1.1.1", "L16.2.7.1.1", "L16.2.7.2.1"


def outputs() -> list[Table]:
    """Of two sections: the first of each stands below a heading, the others begin a page; LONG goes over several pages."""
    made = [
        replace(summary_table(number=FIRST), links=(LONG,)),
        replace(summary_table(number=SECOND), links=(LONG, "L16.2.9.1.1")),
        replace(figure(), number=DRAWN),
        replace(listing(3), number=LAST),
        replace(listing(130), number=LONG, links=(FIRST, SECOND)),
    ]
    return [replace(one, program="made_by") for one in made]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("once")
    cells = []
    for one in outputs():
        place = (SAFETY if one.number.startswith(("T", "F")) else LISTINGS, "Phase 1")
        if one.number in (FIRST, LAST):
            cells.append(heading(*place))
        told = {"name": emit.anchor(one.number), "links": [emit.anchor(number) for number in one.links]}
        cells.append(marked("output", place, emit.mime_bundle(one), **told))
    return [executed(folder / "a.ipynb", *cells)]


#:       rows of a volume  cells with tags   what the report says it is
WAYS = {
    "in one piece each": (3000, 250_000, "PDF/A-2a and PDF/UA-1, tagged, of 5 volumes"),
    "the long one joined": (60, 250_000, "PDF/A-2a and PDF/UA-1, tagged, of"),
    "without tags": (3000, 10, "PDF/A-2b of 5 volumes, not tagged"),
}


@pytest.fixture(scope="module", params=WAYS)
def built(request, notebooks, tmp_path_factory) -> tuple[Path, str]:
    rows, cells, said = WAYS[request.param]
    folder = tmp_path_factory.mktemp("built")
    singles = [SingleOutput(o.number, emit.heading(o), emit.mime_bundle(o)["text/markdown"], o.links) for o in outputs()]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"VOLUME_ROWS": rows, "TAGGED_CELLS": cells, "JOINED_ROWS": 0}.items():
            patch.setattr(pdf, name, value)
        if rows < 3000:
            patch.setattr("cgbm1_report.render.singles.VOLUME_ROWS", rows)
            patch.setattr("cgbm1_report.emit.bundle.VOLUME_ROWS", 40)
            singles = [
                replace(one, markdown=emit.mime_bundle(o)["text/markdown"]) for one, o in zip(singles, outputs(), strict=True)
            ]
        pages, _ = render_outputs(singles, folder, about=ABOUT, keep=folder / "pages")
        done = render_report(notebooks, folder, about=ABOUT, formats=["pdf"], engine="embedded", made=pages)
    assert done.notes[0].startswith(said)
    return folder, request.param


def written(output: Table, folder: Path) -> dict[str, Printed]:
    """What an output should print, as its JSON tells a reader."""
    (folder / "told.json").write_text(emit.emit_printed(output), "utf-8")
    return {output.number: read_printed(folder / "told.json")}


def streams(path: Path) -> list[bytes]:
    """What is drawn on each page, without what was laid over it when pages were joined."""
    with pikepdf.open(path) as read:
        parts = [page.obj.Contents for page in read.pages]
        return [max((one.read_bytes() for one in (part if isinstance(part, pikepdf.Array) else [part])), key=len) for part in parts]


def test_report_holds_the_pages_of_the_outputs_that_begin_a_page(built):
    folder, _ = built
    report = streams(folder / "report.pdf")
    for number, is_same in {FIRST: False, SECOND: True, DRAWN: True, LAST: False, LONG: True}.items():
        own = streams(folder / f"{number[0].lower()}-{number[1:].replace('.', '-')}.pdf")
        assert all(page in report for page in own) is is_same, number


def test_report_of_such_pages_is_whole(built):
    folder, _ = built
    path = folder / "report.pdf"
    assert check_structure(path, "report.pdf", "") == []
    reader = PdfReader(path)
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    for at, text in enumerate(texts[1:], start=2):
        assert re.findall(r"Page (\d+) of (\d+)", text) == [(str(at), str(len(texts)))]
    said = [re.findall(r"(\w+ [\d.]+): page (\d+) of (\d+)", text) for text in texts[2:]]
    long = len(PdfReader(folder / "l-16-2-7-1-1.pdf").pages)
    assert long > 2
    pages = [("Table 14.3.1.1.1", 1), ("Table 14.3.1.2.1", 1), ("Figure 14.3.1.1.1", 1), ("Listing 16.2.7.2.1", 1), ("Listing 16.2.7.1.1", long)]  # fmt: skip
    assert said == [[(label, str(at), str(of))] for label, of in pages for at in range(1, of + 1)]
    assert [(level, text.split(" ")[1]) for level, text in flat(reader.outline)] == [
        *((1, "Displays"), (2, "1"), (3, "14.3.1.1.1"), (3, "14.3.1.2.1"), (3, "14.3.1.1.1")),
        *((1, "Adverse"), (2, "1"), (3, "16.2.7.2.1"), (3, "16.2.7.1.1")),
    ]
    assert leads_in(reader) == {
        "Table 14.3.1.1.1": {"Listing 16.2.7.1.1"},
        "Table 14.3.1.2.1": {"Listing 16.2.7.1.1"},
        "Listing 16.2.7.1.1": {"Table 14.3.1.1.1", "Table 14.3.1.2.1"},
    }


def heights(page: PageObject) -> dict[str, float]:
    """How high on the page the lines stand that say which page it is."""
    found: dict[str, float] = {}

    def keep(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
        said = re.fullmatch(r"(Page|.+: page) \d+ of \d+", text.strip())
        if said:
            found[said[1]] = round(tm[4] * cm[1] + tm[5] * cm[3] + cm[5], 1)

    page.extract_text(visitor_text=keep)
    return found


def test_both_lines_that_say_which_page_it_is_stand_one_above_the_other(built):
    folder, _ = built
    alone = heights(PdfReader(folder / "t-14-3-1-2-1.pdf").pages[0])["Table 14.3.1.2.1: page"]
    pages = [heights(page) for page in PdfReader(folder / "report.pdf").pages[2:]]
    for found in pages:
        ((label, own),) = [(name, at) for name, at in found.items() if name != "Page"]
        assert own == alone, label
        assert 8 < found["Page"] - own < 12, label


def test_headings_of_joined_tags_have_the_level_of_their_place(built):
    folder, way = built
    if way == "without tags":
        return
    with pikepdf.open(folder / "report.pdf") as read:
        roles = [str(one.S) for one in read.Root.StructTreeRoot.K[0].K]
    assert [role for role in roles if role.startswith("/H")] == ["/H1", "/H2", "/H3", "/H3", "/H3", "/H1", "/H2", "/H3", "/H3"]


def test_file_of_an_output_leads_to_the_files_of_those_it_is_linked_with(built, tmp_path):
    folder, _ = built
    files = {"t-14-3-1-2-1.pdf": "Table 14.3.1.2.1", "t-14-3-1-1-1.pdf": "Table 14.3.1.1.1"}
    with pikepdf.open(folder / "l-16-2-7-1-1.pdf") as read:
        links = [note for page in read.pages for note in page.obj.get("/Annots", ())]
        assert {str(note.A.F): str(note.Contents) for note in links} == files
        assert all(note.A.S == "/GoToR" and (folder / str(note.A.F)).is_file() for note in links)
    # L16.2.9.1.1, which the table names as well, is no output of this build.
    with pikepdf.open(folder / "t-14-3-1-2-1.pdf") as read:
        assert [str(note.A.F) for page in read.pages for note in page.obj.get("/Annots", ())] == ["l-16-2-7-1-1.pdf"]
    for one in outputs():
        path = folder / f"{one.number[0].lower()}-{one.number[1:].replace('.', '-')}.pdf"
        beside = (
            {"l-16-2-7-1-1.pdf": "Listing 16.2.7.1.1"} if one.number in (FIRST, SECOND) else files if one.number == LONG else {}
        )
        assert check_pdf(path, written(one, tmp_path), EDGES, "", name=path.name, beside=beside)[0] == []
        assert_stands_alone(path, one)


#: What a reader of the files says where:       what the file leads to          what it says
LIES = {
    "a file it is not linked with":             ({"l-16-2-7-2-1.pdf": "Listing 16.2.7.2.1"}, "leads to the files none"),
    "the file of another output":               ({"l-16-2-7-2-1.pdf": "Listing 16.2.7.1.1"}, "/GoToR l-16-2-7-1-1.pdf"),
    "its file by another name":                 ({"l-16-2-7-1-1.pdf": "Listing 16.2.7.9.1"}, "whose words are 'Listing 16.2.7.1.1'"),
    "no file":                                  ({}, "prints 'Listings:16.2.7.1.1,16.2.9.1.1', which is no result"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_link_to_anything_but_the_files_beside_it_is_a_finding(built, tmp_path, lie):
    folder, _ = built
    beside, said = LIES[lie]
    path = folder / "t-14-3-1-2-1.pdf"
    second = next(one for one in outputs() if one.number == SECOND)
    findings, _ = check_pdf(path, written(second, tmp_path), EDGES, "", name=path.name, beside=beside)
    assert any(said in finding.message for finding in findings), findings
