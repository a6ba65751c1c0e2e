"""How statistics become the text of a cell; every expected text is by hand, from the formats of the shells."""

from __future__ import annotations

import math

import pytest

from cgbm1_report.tabulate import table
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import Printed

NAN = math.nan

#    format                            statistics                                        printed
CELLS = [
    # counts with percentages
    (table.count_percent, {"n": 12, "p": 0.4}, "12 (40.0)"),
    (table.count_percent, {"n": 1, "p": 1 / 30}, "1 (3.3)"),
    (table.count_percent, {"n": 0, "p": 0.0}, "0"),
    (table.count_percent, {"n": 0, "p": NAN}, "-"),
    (table.count_percent_events, {"n": 12, "p": 0.4, "n_events": 31}, "12 (40.0) [31]"),
    (table.count_percent_events, {"n": 0, "p": 0.0, "n_events": 0}, "0"),
    # an interval stands behind a count of none too: 0 of 30 has an upper limit of 11.6 %
    (table.out_of, {"n": 0, "N": 3}, "0/3"),
    (table.out_of, {"n": 0, "N": 0}, "-"),
    # a single value has no standard deviation
    (table.mean_sd(1), {"mean": 12.05, "sd": 7.430948795}, "12.05 (7.431)"),
    (table.mean_sd(0), {"mean": 4.0, "sd": NAN}, "4.0 (-)"),
    (table.mean_sd(0), {"mean": NAN, "sd": NAN}, "-"),
    # a median that is not reached has a lower limit worth reading; without any limit it is bare
    (table.numbers(("median", "conf.low", "conf.high"), 0, "{median} ({conf.low}, {conf.high})", "NE"), {"median": 90, "conf.low": 5, "conf.high": NAN}, "90 (5, NE)"),
    (table.numbers(("median", "conf.low", "conf.high"), 0, "{median} ({conf.low}, {conf.high})", "NE"), {"median": NAN, "conf.low": 48, "conf.high": NAN}, "NE (48, NE)"),
    (table.numbers(("median", "conf.low", "conf.high"), 0, "{median} ({conf.low}, {conf.high})", "NE"), {"median": NAN, "conf.low": NAN, "conf.high": NAN}, "NE"),
    (table.numbers(("p25", "p75"), 1), {"p25": 7.7, "p75": 14.2}, "7.7, 14.2"),
    (table.numbers(("p25", "p75"), 1), {"p25": NAN, "p75": NAN}, "-"),
    (table.p_value, {"p.value": 0.00009999}, "<0.0001"),
    (table.p_value, {"p.value": 0.0001}, "0.0001"),
    (table.p_value, {"p.value": 0.99995}, ">0.9999"),
    (table.p_value, {"p.value": 0.04995}, "0.0500"),
    (table.p_value, {"p.value": NAN}, "NE"),
]  # fmt: skip


@pytest.mark.parametrize(("show", "stats", "text"), CELLS)
def test_cell_prints_its_format(show, stats, text):
    assert show(stats).text == text


@pytest.mark.parametrize(("show", "stats", "text"), CELLS)
def test_every_part_of_a_cell_stands_in_its_text(show, stats, text):
    found: Printed = show(stats)
    assert all(part in text for part in found.parts.values() if text != "-")


@pytest.mark.parametrize(
    ("number", "label"),
    [("T14.1.1.2", "Table 14.1.1.2"), ("F14.2.1.2", "Figure 14.2.1.2"), ("L16.2.7.1.1", "Listing 16.2.7.1.1"), ("Total", "Total")],
)
def test_output_is_named_in_words(number, label):
    assert output_label(number) == label
