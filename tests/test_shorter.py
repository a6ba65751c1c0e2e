"""A report says the alignment of its cells once per column; held against an output's own page it says them in each cell again."""

from __future__ import annotations

import pytest

from cgbm1_report.emit import emit_html
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
        "<tr><td>a</td><td>b</td><td>c</td></tr>",
    ),
    "a label first": (
        '<tr id="n"><th scope="row" style="text-align:left">a</th><td style="text-align:center">b</td><td style="text-align:right">c</td></tr>',
        '<tr id="n"><th scope="row" style="text-align:left">a</th><td>b</td><td>c</td></tr>',
    ),
    "said above": (
        '<tr><td class="cg-again" style="text-align:left">a</td><td style="text-align:center">b</td></tr>',
        '<tr><td class="cg-again">a</td><td>b</td></tr>',
    ),
    "a cell not as its column": (
        '<tr><td style="text-align:right">a</td><td style="text-align:center">b</td></tr>',
        '<tr><td style="text-align:right">a</td><td>b</td></tr>',
    ),
    "over all columns": ('<tr><td colspan="3" style="text-align:left">a</td></tr>', '<tr><td colspan="3" style="text-align:left">a</td></tr>'),
}  # fmt: skip


def table(rows: str, names: str = "") -> str:
    return f'<table id="t" class="gt_table{names}">\n<thead>{HEADS}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>'


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
