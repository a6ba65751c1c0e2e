"""What is longer than a page: no word is lost in silence, it is printed on a further page or refused by its number."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.emit import layout
from cgbm1_report.errors import ReportError
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.pdftext import _places
from cgbm1_report.readback.printed import Finding, read_printed
from cgbm1_report.readback.told import Said
from cgbm1_report.render import render_outputs
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Output, Table
from tests.emit_cases import MARK, STAMP, figure, listing, summary_table
from tests.test_singles import ABOUT, single

EDGES = Said({"protocol": "XY-101", "mark": MARK, "cutoff": "2026-10-01", "program": STAMP.program})


def words(name: str, count: int) -> str:
    return " ".join(f"{name}w{at}" for at in range(count))


def notes(count: int, length: int = 60) -> tuple[str, ...]:
    return tuple(words(f"n{at}", length) for at in range(count))


def table(number: str, **changed: object) -> Table:
    return summary_table(number=number, **changed)


def labelled(count: int) -> tuple:
    """Rows of which a heading, one of its block and the last are long."""
    return tuple(
        replace(row, label=words(f"l{at}", count)) if at in (1, 2, 5) else row for at, row in enumerate(summary_table().rows)
    )


def celled(count: int) -> tuple:
    return tuple(replace(row, cells={**row.cells, "AETERM": words("c", count)}) for row in listing(1).rows)


def headed(length: int) -> tuple:
    return tuple(replace(column, label=words(f"h{at}", length)) for at, column in enumerate(summary_table().columns))


# An output that is longer than a page in one way or in several at once.
PRINTED: dict[str, Output] = {
    "forty notes of sixty words": table("T1", footnotes=notes(40)),
    "notes that just fit below the rows": table("T2", footnotes=notes(6)),
    "notes below tall heads": table("T3", footnotes=notes(5), columns=headed(50)),
    "rows as tall as a page": table("T4", rows=labelled(900)),
    "tall rows, tall title, tall heads, notes": table(
        "T5", rows=labelled(260), title=words("t", 150), columns=headed(30), footnotes=notes(6)
    ),
    "rows that fit, but not below such heads": table("T6", rows=labelled(200), title=words("t", 150), columns=headed(50)),
    "a cell of many pages": replace(listing(1), number="L7", rows=celled(2500)),
    "forty notes below a listing": replace(listing(120), number="L8", footnotes=notes(40)),
    "a title of six lines over a picture": replace(figure(), number="F11", title=words("t", 70)),
    "forty notes below a picture": replace(figure(), number="F9", footnotes=notes(40)),
    "some notes below a picture": replace(figure(), number="F10", footnotes=notes(4)),
}


def read(path: Path, output: Output) -> list[Finding]:
    """What the gate finds, given what the output says."""
    told = path.with_suffix(".json")
    told.write_text(emit.emit_printed(output), "utf-8")
    return check_pdf(path, {output.number: read_printed(told)}, EDGES, "", name=path.name)[0]


def seen(path: Path) -> set[str]:
    """Words that stand on the pages, by pypdf's own reckoning of where a text is drawn."""
    found: list[str] = []
    for page in PdfReader(path).pages:

        def keep(text: str, cm: list, tm: list, _font: object, _size: float, height: float = float(page.mediabox.top)) -> None:
            if 0 < tm[4] * cm[1] + tm[5] * cm[3] + cm[5] < height:
                found.append(text)

        page.extract_text(visitor_text=keep)
    return set(re.findall(r"[a-z]\d*w\d+", "".join(found)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("tall")
    render_outputs([single(output) for output in PRINTED.values()], made, about=ABOUT)
    return made


@pytest.mark.parametrize("output", PRINTED.values(), ids=PRINTED)
def test_every_word_stands_on_a_page_and_the_gate_finds_nothing(output, folder):
    path = folder / f"{file_stem(output.number)}.pdf"
    assert read(path, output) == []
    said = set(re.findall(r"[a-z]\d*w\d+", emit.emit_printed(output)))
    assert said - seen(path) == set()


# What stands on every page and leaves no room there.
REFUSED: dict[str, Output] = {
    "a title": table("T1", title=words("t", 900)),
    "lines below the title": table("T2", subtitle=words("s", 1200)),
    "column heads": table("T3", columns=headed(200)),
    "headings over columns": table("T4", columns=tuple(replace(one, spanner=words("s", 1500)) for one in summary_table().columns)),
    "sixty columns of many words": table(
        "T5", rows=(), columns=tuple(replace(summary_table().columns[0], key=f"{at}", label=words("h", 12)) for at in range(60))
    ),
    "the title of a picture": replace(figure(), number="F6", title=words("t", 900)),
}


@pytest.mark.parametrize("output", REFUSED.values(), ids=REFUSED)
def test_what_leaves_no_room_on_a_page_is_refused_by_its_number(output):
    with pytest.raises(ReportError, match=rf"{output.number}: its title and column heads take about \d+ of the \d+ points"):
        emit.mime_bundle(output)


@pytest.mark.parametrize(
    "output", [PRINTED["forty notes of sixty words"], REFUSED["a title"], REFUSED["column heads"]], ids=["notes", "title", "heads"]
)
def test_the_gate_sees_words_that_are_drawn_below_the_page(output, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_MOST_BELOW_ROWS", 10_000)
    monkeypatch.setattr(layout, "_MOST_OF_PAGE", 10_000.0)
    monkeypatch.setattr(layout, "_NOTE_PT", 0.0)
    monkeypatch.setattr(layout, "_TITLE_PT", 0.0)
    monkeypatch.setattr(layout, "_LINE_PT", 0.001)
    render_outputs([single(output)], tmp_path, about=ABOUT)
    path = tmp_path / f"{file_stem(output.number)}.pdf"
    found = [finding for finding in read(path, output) if "where the page ends" in finding.message]
    assert found
    assert {finding.output for finding in found} == {output.number}


def test_places_follow_what_is_kept_moved_and_brought_back():
    """By hand: (5, 7) moved by (100, 200); then, of a state brought back, (1, 2) twice as large and moved by (10, 10)."""
    page = b"q 1 0 0 1 100 200 cm\nq 1 0 0 1 5 7 cm/c0 cs\nBT\nET\nQ\nQ\nq\n2 0 0 2 10 10 cm\nq 1 0 0 1 1 2 cm\nBT (q 1) Tj\nET\nQ\nQ\nBT\nET\n"
    assert _places(page) == [(105, 207), (12, 14), (0, 0)]
