"""Figures of means over time, of adverse events, of subjects' courses and of their flow: what is drawn, counted by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.tabulate.abbreviations import drawn_words
from cgbm1_report.tabulate.table import Figure
from tests.drawn import draw, stamp_of
from tests.test_outputs import ADSL

TRIAL = read_trial()
pytestmark = pytest.mark.usefixtures("no_raster")

MELD = """
USUBJID | AVAL | CHG | AVISITN | AVISIT   | ABLFL | ANL02FL
1-01    | 24   | .   | 0       | Baseline | Y     | .
1-02    | 26   | .   | 0       | Baseline | Y     | .
1-03    | 22   | .   | 0       | Baseline | Y     | .
1-04    | 30   | .   | 0       | Baseline | Y     | .
1-01    | 20   | -4  | 28      | Day 28   | .     | Y
1-02    | 25   | -1  | 28      | Day 28   | .     | Y
1-03    | 40   | 18  | 28      | Day 28   | .     | .    # after a transplantation: of no efficacy
1-04    | 27   | -3  | 28      | Day 28   | .     | Y
"""


def draw_figure(number: str, **data: pd.DataFrame) -> Figure:
    made = make(find(number, TRIAL), TRIAL, {"ADSL": draw(ADSL).assign(EOSSTT="COMPLETED"), **data}, stamp_of(TRIAL))
    assert isinstance(made, Figure)
    return made


def numbers(made: Figure) -> dict[tuple[str, str, str], float]:
    """What is drawn: of each row, by its levels, of each column each statistic."""
    rows = made.ard["row"].map(lambda text: " | ".join(level or name for name, level in json.loads(text)))
    return dict(zip(zip(rows, made.ard["column"], made.ard["stat_name"], strict=True), made.ard["stat"], strict=True))


def change_figure(meld: str = MELD) -> Figure:
    records = draw(meld).assign(PARAMCD="MELD")
    return draw_figure("F14.2.3.1", ADEFF=records, ADLB=records.iloc[:0])


def test_mean_change_has_its_standard_error_and_its_number_and_leaves_out_what_is_no_efficacy():
    found = numbers(change_figure())
    # Low, day 28: -4 and -1; mean -2.5, SD 3/√2, SE 3/√2/√2.
    assert found["MELD | Day 28 | CHG", "Low", "mean"] == pytest.approx(-2.5)
    assert found["MELD | Day 28 | CHG", "Low", "std.error"] == pytest.approx(1.5)
    assert found["MELD | Day 28 | CHG", "Low", "N"] == 2
    assert found["MELD | Baseline | AVAL", "Low", "N"] == 3
    # One value has no spread, and nobody no mean.
    assert found["MELD | Day 28 | CHG", "Medium", "mean"] == -3
    assert pd.isna(found["MELD | Day 28 | CHG", "Medium", "std.error"])
    assert pd.isna(found["MELD | Day 28 | CHG", "High", "mean"])
    assert found["MELD | Day 28 | CHG", "High", "N"] == 0


def test_share_still_followed_is_of_all_subjects_of_the_arm():
    found = numbers(change_figure())
    assert [found["MELD | Day 28", "Low", name] for name in ("n", "N")] == [2, 3]
    assert found["MELD | Day 28", "Low", "p"] == pytest.approx(2 / 3)
    assert found["MELD | Day 90", "Low", "n"] == 0


def test_words_of_the_mean_changes_say_each_mean_with_its_error_and_number():
    said = change_figure().alt
    assert "MELD: Low: day 28 −2.5 (1.50; 2); Medium: day 28 −3.0 (not estimable; 1); High: no value." in said
    assert "Low: day 0 100.0% (3), day 3 0.0% (0), day 7 0.0% (0), day 14 0.0% (0), day 28 66.7% (2)" in said


def test_every_line_of_the_mean_changes_is_named_at_its_end_and_numbered_under_the_axis():
    texts = drawn_words(change_figure().svg)
    # In the key with its dose; beside the numbers of six panels; at its end where it has a value: MELD and who is followed.
    assert texts.count("Low") == 6 + 2
    assert texts.count("High") == 6, "nobody has no line to be named"
    assert "Low 1.0×10⁶ cells/kg (N=3)" in texts
    assert texts.count("No value") == 4


def test_subjects_still_followed_in_an_early_cut_are_said_to_be_among_all():
    records = draw(MELD).assign(PARAMCD="MELD")
    adsl = draw(ADSL).assign(EOSSTT="ONGOING")
    made = make(find("F14.2.3.1", TRIAL), TRIAL, {"ADSL": adsl, "ADEFF": records, "ADLB": records.iloc[:0]}, stamp_of(TRIAL))
    assert "Subjects whose follow-up goes on are among N on days they have not reached." in made.footnotes
    assert not any("goes on" in note for note in change_figure().footnotes)
