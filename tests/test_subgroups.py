"""Survival by subgroup: the test of interaction against R 4.2.2, survival 3.5-3; the table counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.analyse.interactions import compare_effects
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import read_key
from cgbm1_report.tabulate.table import Figure, Output, Table
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.oracle import read_oracle

TRIAL = our_trial()
DRAWN = read_oracle("r_interactions")


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: f"{len(case['time'])} subjects, {case['df']} df")
def test_interaction_equals_the_likelihood_ratio_of_r(case):
    """anova(coxph(Surv(time, event) ~ treated + factor(group)), coxph(Surv(time, event) ~ treated * factor(group)))

    Where an arm of a group has no event, R stops climbing after 20 steps, up to 0.00015 below the limit.
    """
    found = compare_effects(*(np.array(case[name]) for name in ("time", "event", "treated", "group")))
    if not case["df"]:  # of the groups but one none has both arms at risk
        assert math.isnan(found.p)
        return
    assert found.df == case["df"]
    assert found.statistic == pytest.approx(case["chisq"], abs=2e-4)


def test_nothing_is_tested_without_two_groups_that_tell():
    nobody = np.empty(0)
    assert math.isnan(compare_effects(nobody, nobody.astype(bool), nobody.astype(bool), nobody.astype(int)).p)
    one = [np.array([3.0, 5.0, 8.0]), np.array([True, True, False]), np.array([True, False, True]), np.zeros(3, dtype=int)]
    assert math.isnan(compare_effects(*one).p)


STUDY = """
USUBJID | ARM     | AVAL | CNSR | SEX | HEGRBL | HBVDNABL
2-01    | Placebo | 10   | 0    | M   | 0      | 3
2-02    | Placebo | 20   | 0    | M   | 2      | 4
2-03    | Placebo | 180  | 1    | F   | 0      | 5
2-04    | Placebo | 30   | 0    | F   | 1      | .
2-11    | Low     | 15   | 0    | M   | 0      | 6
2-12    | Low     | 60   | 3    | M   | 0      | 7
2-13    | Low     | 50   | 0    | F   | 3      | 1
2-14    | Low     | 190  | 0    | F   | 0      | 2
"""
GROUPS = ("SEX", "HEGRBL", "HBVDNABL")


def output(number: str, drawn: pd.DataFrame, trial: Trial = TRIAL, **options: object) -> Output:
    few = trial.model_copy(update={"subgroups": tuple(one for one in trial.subgroups if one.variable in GROUPS)})
    adsl = drawn.drop(columns=["AVAL", "CNSR", "ARM"]).assign(PHASE=2.0, FASFL="Y", TRT01P=drawn["ARM"])
    adtte = drawn[["USUBJID", "AVAL", "CNSR"]].assign(PARAMCD="LTFS")
    return make(find(number, few), few, {"ADSL": adsl, "ADTTE": adtte}, stamp_of(few), **options)  # type: ignore[arg-type]


def table(drawn: pd.DataFrame, **options: object) -> Table:
    made = output("T14.2.3.2", drawn, **options)
    assert isinstance(made, Table)
    return made


@pytest.mark.parametrize(
    ("group", "subjects", "events"),
    [
        ("All subjects", ["4", "4", "0"], ["3", "2", "0"]),  # what happened on day 190 is after the cut
        ("Sex | Male", ["2", "2", "0"], ["2", "1", "0"]),
        ("Sex | Female", ["2", "2", "0"], ["1", "1", "0"]),
        ("Hepatic encephalopathy grade (West Haven) | 0", ["2", "3", "0"], ["1", "1", "0"]),
        ("Hepatic encephalopathy grade (West Haven) | 1–4", ["2", "1", "0"], ["2", "1", "0"]),
        # Of 1 to 7 the median is 4, which is of the lower group.
        ("HBV DNA (log₁₀ IU/mL) | ≤ median (4.000)", ["2", "2", "0"], ["2", "1", "0"]),
        ("HBV DNA (log₁₀ IU/mL) | > median (4.000)", ["1", "2", "0"], ["0", "1", "0"]),
    ],
)
def test_subjects_and_events_of_each_group_are_counted(group, subjects, events):
    made = table(draw(STUDY))
    assert read_cells(made, f"{group} | Subjects, n") == subjects
    assert read_cells(made, f"{group} | Events by day 180, n") == events


def test_who_has_no_value_is_told_and_in_no_group():
    assert read_cells(table(draw(STUDY)), "HBV DNA (log₁₀ IU/mL) | Missing: subjects, n") == ["1", "0", "0"]


def test_hazard_ratio_of_a_group_and_the_interaction_equal_r_on_the_way_to_the_page():
    """Of the second case: coxph(Surv(time, event) ~ treated, subset = group == 1), and the test above."""
    case = DRAWN[1]
    drawn = pd.DataFrame(
        {
            "USUBJID": [f"2-{at:02d}" for at in range(len(case["time"]))],
            "ARM": np.where(np.array(case["treated"]) == 1, "Low", "Placebo"),
            "AVAL": np.array(case["time"], dtype="float64"),
            "CNSR": np.where(np.array(case["event"]) == 1, 0.0, 3.0),
            "SEX": np.where(np.array(case["group"]) == 1, "M", "F"),
            "HEGRBL": 0.0,
            "HBVDNABL": np.nan,
        }
    )
    made = table(drawn)
    assert read_cells(made, "Sex | Male | HR vs Placebo, cut at day 180") == ["0.86", "NE"]
    assert read_cells(made, "Sex | Male | HR vs Placebo, cut at day 180 | 95% CI") == ["0.30, 2.49", "NE"]
    assert read_cells(made, "Sex | Female | HR vs Placebo, cut at day 180") == ["0.35", "NE"]
    # pchisq(1.4859337044, 1, lower.tail = FALSE)
    assert read_cells(made, "Sex | Interaction p") == ["0.2228", "NE"]
    # All have one grade, and nobody a value: nothing to compare.
    assert read_cells(made, "Hepatic encephalopathy grade (West Haven) | Interaction p") == ["NE", "NE"]
    assert read_cells(made, "HBV DNA (log₁₀ IU/mL) | ≤ median | Subjects, n") == ["0", "0", "0"]


def test_blinded_table_counts_and_compares_nothing():
    made = table(draw(STUDY), pooled=True)
    assert read_cells(made, "Sex | Male | Events by day 180, n") == ["3"]
    assert "HR" not in " ".join(row.label for row in made.rows)
    assert not any("Interaction" in note or "HR" in note for note in made.footnotes)


def test_forest_shows_the_numbers_of_the_table():
    table_made, made = table(draw(STUDY)), output("F14.2.2.2", draw(STUDY))
    assert isinstance(made, Figure)
    printed, drawn = (_values(one.ard) for one in (table_made, made))
    assert len(drawn) > 40
    assert {place: printed[place] for place in drawn} == drawn


def _values(ard: pd.DataFrame) -> dict[tuple[object, ...], str]:
    """Counts, ratios and limits as text, by row, column and statistic."""
    numbers = ard[ard["stat_name"].isin(["n", "estimate", "conf.low", "conf.high"])]
    rows = [tuple(part for part in read_key(text) if part[0] != "statistic") for text in numbers["row"]]
    return dict(zip(zip(rows, numbers["column"], numbers["stat_name"], strict=True), numbers["stat"].map(str), strict=True))


def test_forest_says_in_words_what_it_shows():
    # R: coxph(Surv(c(10, 20, 180, 30, 15, 60, 50, 180), c(1, 1, 0, 1, 1, 0, 1, 0)) ~ rep(0:1, each = 4))
    made = output("F14.2.2.2", draw(STUDY))
    assert isinstance(made, Figure)
    assert (
        "All subjects: Placebo 3/4, Low 2/4, Medium 0/0, Low vs Placebo 0.46 (0.07, 2.86), Medium vs Placebo NE; Sex: " in made.alt
    )
    assert "Sex Female: Placebo 1/2, Low 1/2, Medium 0/0" in made.alt
    assert "Missing" not in made.alt
    blind = output("F14.2.2.2", draw(STUDY), pooled=True)
    assert isinstance(blind, Figure)
    assert "All subjects 5/8" in blind.alt
    assert " vs " not in blind.alt
