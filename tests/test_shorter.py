"""A report says the alignment of its cells once per column, and no ends of cells and rows; held against an output's own page it says all."""

from __future__ import annotations

import pytest

from cgbm1_report.emit import emit_html
from cgbm1_report.readback.htmlpage import read_page
from cgbm1_report.readback.htmlshort import say_alignments
from cgbm1_report.render.shorter import align_columns, say_shorter
from tests.emit_cases import listing, summary_table

HEADS = (
    '<tr><th scope="col" style="text-align:left;x">A</th><th scope="col" style="text-align:center;x">B</th>'
    '<th scope="col" style="text-align:right;x">C</th></tr>'
)
ROWS = {
    "cells as their columns": (
        '<tr><td style="text-align:left">a</td><td style="text-align:center">b</td><td style="text-align:right">c</td></tr>',
        "<tr><td>a<td>b<td>c",
    ),
    "a label first": (
        '<tr id="n"><th scope="row" style="text-align:left">a</th><td style="text-align:center">b</td><td style="text-align:right">c</td></tr>',
        '<tr id="n"><th scope="row" style="text-align:left">a<td>b<td>c',
    ),
    "said above": (
        '<tr><td class="cg-again" style="text-align:left">a</td><td style="text-align:center">b</td></tr>',
        '<tr><td class="cg-again">a<td>b',
    ),
    "a cell not as its column": (
        '<tr><td style="text-align:right">a</td><td style="text-align:center">b</td></tr>',
        '<tr><td style="text-align:right">a<td>b',
    ),
    "over all columns": ('<tr><td colspan="3" style="text-align:left">a</td></tr>', '<tr><td colspan="3" style="text-align:left">a'),
    "elements and blanks in a cell": (
        '<tr><td style="text-align:left"> <a href="#t">a</a> <br>b </td><td style="text-align:center"></td></tr>',
        '<tr><td> <a href="#t">a</a> <br>b <td>',
    ),
    "two rows": (
        '<tr><td style="text-align:left">a</td></tr>\n<tr><th scope="row">b</th><td style="text-align:center">c</td></tr>',
        '<tr><td>a<tr><th scope="row">b<td>c',
    ),
}  # fmt: skip


#: What stands below the rows of an output is said as it is.
FOOT = '<tfoot><tr><td colspan="3"><p>A note</p></td></tr></tfoot>\n'


def table(rows: str, names: str = "") -> str:
    end = "" if names else "\n"
    return f'<table id="t" class="gt_table{names}">\n<thead>{HEADS}</thead>\n<tbody>\n{rows}{end}</tbody>\n{FOOT}</table>'


def page(html: str) -> str:
    return f"<style>{align_columns(html)}</style>{html}"


@pytest.mark.parametrize("case", ROWS)
def test_cell_that_is_aligned_as_its_column_says_nothing_of_it(case: str) -> None:
    whole, short = ROWS[case]
    assert say_shorter(table(whole)) == table(short, " cg-1l cg-2c cg-3r")
    assert say_alignments(page(table(short, " cg-1l cg-2c cg-3r"))).endswith(table(whole))


def test_rules_are_those_of_the_columns_that_tables_name() -> None:
    html = table("", " cg-1l cg-2c") + table("", " cg-1l cg-2r") + "<p>cg-9c</p>"
    assert align_columns(html).split("\n") == [
        ".cg-output .cg-1l td:nth-child(1) { text-align: left; }",
        ".cg-output .cg-2c td:nth-child(2) { text-align: center; }",
        ".cg-output .cg-2r td:nth-child(2) { text-align: right; }",
    ]


@pytest.mark.parametrize("output", [summary_table(), listing()], ids=["table", "listing"])
def test_output_is_its_own_page_again(output) -> None:
    html = emit_html(output)
    short = say_shorter(html)
    assert len(short) < len(html)
    assert say_alignments(page(short)).endswith(html)


def test_columns_that_are_not_those_of_the_heads_or_have_no_rule_stay_as_they_are() -> None:
    rows = ROWS["cells as their columns"][1]
    for names in (" cg-1l cg-2r cg-3r", " cg-1l cg-2c", " cg-1l cg-2c cg-3r cg-4l"):
        assert say_alignments(page(table(rows, names))).endswith(table(rows, names))
    lacking = table(rows, " cg-1l cg-2c cg-3r")
    assert say_alignments(page(lacking).replace("nth-child(2)", "nth-child(7)")).endswith(lacking)


def test_page_whose_cells_say_no_end_is_read_as_a_browser_reads_it() -> None:
    rows = '<tr><th scope="row">a<td> 1 <td>2<tr><th scope="row">b<td><td>4'
    found = read_page(f'<section id="t">{table(rows, " cg-1l")}</section>', frozenset({"t"})).found["t"]
    assert found.rows == [["a", "1", "2"], ["b", "", "4"]]
    assert found.heads == [["A", "B", "C"]]
    assert [word.strip() for word in found.words] == ["A note"]


def test_table_that_says_one_of_its_ends_says_no_more() -> None:
    """It is not as a report prints it, and not that of the output's own page."""
    rows = "<tr><td>a</td><td>b<td>c"
    assert rows not in say_alignments(page(table(rows, " cg-1l cg-2c cg-3r")))
    assert say_alignments(page(table(rows, " cg-1l cg-2c cg-3r"))).count("</td>") == 2
