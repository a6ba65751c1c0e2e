"""Mock shells: the rows of the real outputs, by their own declarations, with masks in the place of every number of data."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from cgbm1_report.build.shells.document import ShellRequest, build_shells
from cgbm1_report.build.shells.make import make_shells
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.rows import UNNAMED
from cgbm1_report.tabulate.abbreviations import drawn_words
from cgbm1_report.tabulate.masks import hide_digits, hide_told
from cgbm1_report.tabulate.table import Figure, Output, Row, Table
from tests.drawn import our_trial, stamp_of
from tests.test_report import PILOT
from tests.test_snapshots import make_whole

TRIAL = our_trial()
ENTRIES = catalogue(TRIAL, scope="every")
#: There are no data yet, so there is no day of their cut-off.
STAMP = replace(stamp_of(TRIAL), cutoff="no data")
TABLES = [number for number, entry in ENTRIES.items() if entry.source and number[0] in "TSD"]


@cache
def _shells() -> dict[str, Output]:
    return dict(zip(ENTRIES, make_shells(TRIAL, list(ENTRIES.values()), STAMP), strict=True))


def _line(row: Row) -> tuple[str, int]:
    return re.sub(r" \([x.]+\)$", "", hide_told(row.label)), row.indent


def _shape(row: Row) -> tuple[object, ...]:
    """What a row is about without what of it the data say: its variables, the name of its statistic, its level."""
    return (*(variable if variable != "statistic" else level for variable, level in row.key), row.indent)


@pytest.mark.parametrize("number", TABLES)
def test_rows_are_those_of_the_real_output(number: str) -> None:
    shell = _shells()[number]
    if not isinstance(shell, Table) or shell.kind != "table":
        return
    lines = iter([_line(row) for row in shell.rows])
    fixed = [_line(row) for row in make_whole("empty", number).rows]
    assert [line for line in fixed if line not in lines] == [], "rows that stand whatever the data say, in their order"
    real = make_whole("full" if number in ENTRIES else "empty", number).rows
    by_key = {(row.key, row.column, row.measure): row for row in shell.rows}
    both = [(row, by_key[place]) for row in real if (place := (row.key, row.column, row.measure)) in by_key]
    assert [(_line(one), _line(other)) for one, other in both if _line(one) != _line(other)] == []
    shapes = {_shape(row) for row in shell.rows}
    assert [row.label for row in real if _shape(row) not in shapes and not UNNAMED & {level for _, level in row.key}] == []
    heads = {column.key: column.label for column in shell.columns}
    told = make_whole("full", number).columns
    # A measure that nobody has a value of has no columns in a real table.
    assert [column.key for column in told if column.key not in heads] == []
    assert [column.key for column in told if column.N is not None and "(N=xx)" not in heads[column.key]] == []


@pytest.mark.parametrize("number", [number for number, entry in ENTRIES.items() if entry.source])
def test_no_number_of_data_stands_in_a_shell(number: str) -> None:
    shell = _shells()[number]
    words = (
        [*shell.footnotes, shell.title] if isinstance(shell, Figure) else [row.label for row in shell.rows] + list(shell.footnotes)
    )
    assert [text for text in words if re.search(r"\([Nn]=\d|\b977\b", text)] == []
    if isinstance(shell, Table):
        # A unit has its power of ten: "Platelets (10⁹/L)".
        cells = [re.sub(r"\(10[⁰¹²³⁴-⁹]+/", "(/", cell) for row in shell.rows for cell in row.cells.values()]
        assert [cell for cell in cells if re.search(r"\d|\bNE\b|^-$", cell.replace("0.xxxx", ""))] == []
        assert shell.rows, "a shell shows what its rows look like"


@pytest.mark.parametrize(
    ("printed", "mask"),
    [
        ("12", "xx"), ("3", "xx"), ("12 (40.0)", "xx (xx.x)"), ("12 (100.0) [44]", "xx (xx.x) [xx]"), ("3/12 (25.0)", "xx/xx (xx.x)"),
        ("55.0 (16.07)", "xx.x (xx.xx)"), ("0.0312", "0.xxxx"), ("<0.0001", "<0.xxxx"), ("1.24 (0.61, 2.53)", "x.xx (x.xx, x.xx)"),
    ],
)  # fmt: skip
def test_a_printed_number_and_its_mask(printed: str, mask: str) -> None:
    assert hide_digits(printed) == mask


#: Masks that a statistician would write into a shell, by output and the label of the row.
MASKS = {
    ("T14.1.4.2", "Mean (SD)"): "xx.x (xx.xx)",
    ("T14.1.4.2", "Male"): "xx (xx.x)",
    ("T14.2.1.2", "HR vs Placebo, cut at day 90"): "x.xx",
    ("T14.2.1.2", "Log-rank p, cut at day 90"): "0.xxxx",
    ("T14.2.1.2", "KM estimate at day 90, %"): "xx.x",
    ("T14.3.1.2.2", "Preferred term 1"): "xx (xx.x) [xx]",
    ("T14.3.1.12.1", "DLT within 28 days after the first dose, n/DLT-evaluable"): "xx/xx",
}


@pytest.mark.parametrize(("number", "label"), MASKS)
def test_a_cell_has_the_mask_of_its_format(number: str, label: str) -> None:
    row = next(row for row in _shells()[number].rows if row.label == label)
    assert set(filter(None, row.cells.values())) == {MASKS[number, label]}


def test_a_listing_shows_two_records_with_days_as_days() -> None:
    listing = _shells()["L16.2.7.1.2"]
    assert len(listing.rows) == 2
    assert {row.cells["START"] for row in listing.rows} == {"yyyy-mm-dd (xx)"}
    assert {row.cells["SUBJECT"] for row in listing.rows} == {"xxxxx"}


def test_a_figure_is_a_frame_with_its_axes_its_key_and_its_size() -> None:
    figure = _shells()["F14.2.1.2"]
    assert isinstance(figure, Figure)
    told = drawn_words(figure.svg)
    assert {"Figure,", "9 × 5 in", "Days after the first dose", "Censored", "Placebo", "Number at risk"} <= set(told)
    assert {"xx"} == {text for text in told if re.fullmatch(r"[\dx.]+", text)} - {"0", "14", "28", "60", "90", "180"}


# --- the documents --------------------------------------------------------------------------------

ONLY = ("T14.1.4.2", "T14.2.1.2", "F14.2.1.2", "T14.3.1.2", "L16.2.7.1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shells")
    build_shells(ShellRequest(out, only=ONLY, formats=("docx,pdf,html",), paper="letter"))
    return out


def test_documents_open_and_hold_every_title(folder: Path) -> None:
    shells = [_shells()[number] for number in ENTRIES if number.rpartition(".")[0] in ONLY or number in ONLY]
    pdf = PdfReader(folder / "shells.pdf")
    with zipfile.ZipFile(folder / "shells.docx") as package:
        word = re.sub(r"<[^>]*>", "", package.read("word/document.xml").decode())
    paged = " ".join(" ".join(page.extract_text().split()) for page in pdf.pages)
    assert [round(float(side) / 72, 1) for side in pdf.pages[2].mediabox[2:]] == [11.0, 8.5], "letter, landscape"
    for text in ("Mock shells", *(shell.title for shell in shells), *(shell.label for shell in shells), "Data cut-off"):
        assert text in paged
        assert text in unescape(word)
    assert (folder / "shells.html").read_text("utf-8").count("<h1") > 0


def test_what_is_not_ours_is_not_overwritten_and_a_second_run_has_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    before = (folder / "shells.pdf").read_bytes()
    build_shells(ShellRequest(folder, only=ONLY, formats=("docx", "pdf", "html"), paper="letter", jobs=1))
    assert (folder / "shells.pdf").read_bytes() == before
    (tmp_path / "shells.docx").write_text("mine")
    with pytest.raises(PlanError, match=r"shells\.docx: exists, and is not as this command left it"):
        build_shells(ShellRequest(tmp_path, only=ONLY))
    assert (tmp_path / "shells.docx").read_text() == "mine"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"only": ("T14.1.1.9",)}, "output 'T14.1.1.9' is unknown"),
        ({"formats": ("rtf",)}, "format 'rtf' is unknown"),
        ({"phase": 3}, "phase 3 is not declared"),
        ({"only": ("T14.1.1.1", "SRC-1")}, "outputs of report and src are asked for, which are documents of their own"),
        ({"only": ("T14.2.1.1",), "phase": 2}, "no output is asked for"),
    ],
)
def test_a_slip_is_told_before_anything_is_made(asked: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=told):
        build_shells(ShellRequest(tmp_path, **asked))
    assert not list(tmp_path.iterdir())


def test_another_study_has_shells_of_its_own_outputs(tmp_path: Path) -> None:
    trial = read_trial(PILOT)
    shells = make_shells(trial, list(catalogue(trial).values()), stamp_of(trial))
    assert len(shells) == len(catalogue(trial)) > 1
    assert any("(N=xx)" in column.label for shell in shells if isinstance(shell, Table) for column in shell.columns)
