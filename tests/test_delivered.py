"""The notebooks that a build hands out: of a long output the first page, and all of it is what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.notebook.delivered import shorten_notebook
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.readback.notebooks import check_notebooks
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.told import Said
from cgbm1_report.tabulate.files import file_stem
from tests.emit_cases import STAMP, figure, listing, summary_table

#: A listing of 452 rows, three a subject: a page of at most 200 rows has 198. A subtitle of its own, and none.
LONG = replace(listing(452, 3), number="L16.2.7.1.1", subtitle="Phase 1")
PLAIN = replace(LONG, number="L16.2.7.1.2", subtitle="")
SHORT = replace(summary_table(), number="T14.3.1.2.1")
PICTURE = replace(figure(), number="F14.2.1.1")
EVERY = (LONG, PLAIN, SHORT, PICTURE)
WHOLE = "../outputs/l-16-2-7-1-1.html"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The first pages, as `report.show` leaves them in a build."""
    files = {one.number: f"../outputs/{file_stem(one.number)}.html" for one in (LONG, PLAIN)}
    return {emit.anchor(one.number): emit.emit_html(emit.take_page(one, 1, one.number, files[one.number])) for one in (LONG, PLAIN)}


@pytest.fixture
def build(tmp_path: Path, pages: dict[str, str]) -> Path:
    """A build as far as its notebook and what it shows go, when its documents are made."""
    (tmp_path / "outputs").mkdir()
    (tmp_path / "notebooks").mkdir()
    displays = []
    for one in EVERY:
        stem, bundle = tmp_path / "outputs" / file_stem(one.number), emit.mime_bundle(one)
        stem.with_suffix(".json").write_text(emit.emit_printed(one), "utf-8")
        stem.with_suffix(".html").write_text(emit.emit_html_page(one, bundle["text/html"]), "utf-8")
        mark = {PLACE: {"place": ["14.3 Safety", "Phase 1"], "is": "output", "name": emit.anchor(one.number)}}
        displays.append({"output_type": "display_data", "data": bundle, "metadata": mark})
    words = {"output_type": "display_data", "data": {"text/markdown": "Words."}, "metadata": {PLACE: {"is": "lead"}}}
    cell = {"cell_type": "code", "source": [], "metadata": {}, "outputs": [words, *displays]}
    path = tmp_path / "notebooks" / "n.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    shorten_notebook(path, pages)
    return tmp_path


def shown(build: Path) -> list[dict]:
    return json.loads((build / "notebooks" / "n.ipynb").read_text("utf-8"))["cells"][0]["outputs"][1:]


def found(build: Path) -> list[tuple[str, str]]:
    """What reading back finds: the output and what is said of it."""
    printed = {one.number: read_printed(build / "outputs" / f"{file_stem(one.number)}.json") for one in EVERY}
    said = Said({name: str(text) for name, text in asdict(STAMP).items()})
    return [(one.output, one.message) for one in check_notebooks(build, printed, said)]


def test_a_long_output_is_its_first_page_in_html_and_whole_where_documents_are_made_of_it(build):
    for one, display in zip(EVERY, shown(build), strict=True):
        assert "".join(display["data"]["text/markdown"]) == emit.mime_bundle(one)["text/markdown"]
    long, plain, short, picture = ("".join(display["data"]["text/html"]) for display in shown(build))
    # Heads in two rows, 198 records, the notes.
    assert long.count("<tr") == plain.count("<tr") == 2 + 198 + 1
    note = (
        f"Only rows 1 to 198 of 452 (page 1 of 3) are shown: {WHOLE} holds all rows, "
        "show(&quot;L16.2.7.1.1&quot;, page=2) shows the next page."
    )
    assert long.count(note) == 1
    assert (build / "notebooks" / WHOLE).is_file()
    assert (short, picture) == (emit.emit_html(SHORT), emit.emit_html(PICTURE))
    assert found(build) == []


def in_html(number: str, before: str, after: str) -> Callable[[list[dict]], None]:
    def damage(displays: list[dict]) -> None:
        (own,) = [one for one in displays if one["metadata"][PLACE]["name"] == emit.anchor(number)]
        html = "".join(own["data"]["text/html"])
        assert before in html
        own["data"]["text/html"] = html.replace(before, after, 1)

    return damage


#: What is done to a notebook that was handed out, and what reading back says.
DAMAGED = {
    "a cell of the first page": (
        in_html(LONG.number, "120.25", "120.26"),
        LONG.number,
        "prints '120.26', the results say '120.25'",
    ),
    "a cell of a short output": (in_html(SHORT.number, "12 (40.0)", "13 (43.3)"), SHORT.number, "prints '13 (43.3)'"),
    "a row that is none": (in_html(LONG.number, "<tr><td", "<tr hidden><!-- --></tr><tr><td"), LONG.number, "hides a cell"),
    "how many there are": (
        in_html(LONG.number, "198 of 452 (page 1 of 3) are", "198 of 198 (page 1 of 3) are"),
        LONG.number,
        "198 of 198",
    ),
    "where all are": (in_html(LONG.number, WHOLE, "../outputs/l-16-2-7-1-2.html"), LONG.number, "which does not hold it"),
    "the note left out": (in_html(LONG.number, "Only rows", "Rows"), LONG.number, "452"),
    "a title": (in_html(PICTURE.number, "</h2>", " (final)</h2>"), PICTURE.number, "is titled"),
    "the mark": (in_html(SHORT.number, "| Draft, synthetic data |", "| Final |"), SHORT.number, "Final"),
    "a footnote": (in_html(LONG.number, "counted once", "counted twice"), LONG.number, "twice"),
    "an output left out": (lambda displays: displays.pop(2), SHORT.number, "no notebook shows it"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_a_notebook_shows_otherwise_than_it_is_printed_is_found(name, build):
    damage, number, said = DAMAGED[name]
    path = build / "notebooks" / "n.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    displays = notebook["cells"][0]["outputs"][1:]
    damage(displays)
    notebook["cells"][0]["outputs"][1:] = displays
    path.write_text(json.dumps(notebook), "utf-8")
    told = found(build)
    assert {output for output, _ in told} == {number}
    assert any(said in message for _, message in told), told


def test_a_file_that_is_not_there_and_a_notebook_that_cannot_be_read_are_found(build):
    (build / "outputs" / "l-16-2-7-1-1.html").unlink()
    assert found(build) == [(LONG.number, f"leads to {WHOLE}, which does not hold it")]
    (build / "notebooks" / "n.ipynb").write_text("{")
    told = found(build)
    assert told[0][1].startswith("cannot be read as a notebook: JSONDecodeError")
    assert [message for _, message in told[1:]] == ["no notebook shows it"] * 4
