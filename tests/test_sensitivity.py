"""Sensitivity analyses of survival: every number counted by hand, comparisons by R 4.2.2."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, our_trial, read_cells, stamp_of

TRIAL = our_trial()

#: LTFS and OSLTC share their times: a transplant is an event of the one and censors the other.
STUDY = """
USUBJID | ARM     | AVAL | CNSR | SAFFL | PPROTFL
2-01    | Placebo | 10   | 0    | Y     | Y
2-02    | Placebo | 20   | 4    | Y     | Y          # transplanted
2-03    | Placebo | 90   | 0    | Y     | Y          # on the day itself: an event by day 90
2-04    | Placebo | 180  | 1    | Y     | Y
2-05    | Placebo | 0    | 2    | N     | N          # never dosed
2-11    | Low     | 91   | 0    | Y     | Y          # after the day: free of the event at day 90
2-12    | Low     | 90   | 3    | Y     | Y          # followed to the day
2-13    | Low     | 89   | 3    | Y     | Y          # not followed to the day: missing
2-14    | Low     | 50   | 0    | Y     | N
"""


def table(*, plus: bool = False, **options: object) -> Table:
    drawn = draw(STUDY)
    drawn = drawn.assign(AVAL=drawn["AVAL"] + plus)
    trial = TRIAL.model_copy(update={"switches": TRIAL.switches.model_copy(update={"tte_plus_one": plus})})
    adsl = drawn.drop(columns=["AVAL", "CNSR", "ARM"]).assign(PHASE=2.0, FASFL="Y", TRT01P=drawn["ARM"])
    times = drawn[["USUBJID", "AVAL", "CNSR"]]
    first = times.assign(PARAMCD="LTFS", CNSR=times["CNSR"].replace(4.0, 0.0))
    adtte = pd.concat([first, times.assign(PARAMCD="OSLTC")], ignore_index=True)
    made = make(find("T14.2.2.2", trial), trial, {"ADSL": adsl, "ADTTE": adtte}, stamp_of(trial), **options)
    assert isinstance(made, Table)
    return made


PPS, DOSED, CENSORED = (
    "Per-Protocol Set",
    "Dosed subjects only (modified intention to treat)",
    "Overall Survival, Transplant Censored",
)


@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize(
    ("line", "cells"),
    [
        (f"{PPS} | Subjects, n", ["4", "3", "0", "7"]),
        (f"{PPS} | Events by day 90, n", ["3", "0", "0", "3"]),
        # Together: 6/7 on day 10, 5/6 on day 20, and of the four on day 90 3/4
        (f"{PPS} | KM estimate at day 90, %", ["25.0", "100.0", "NE", "53.6"]),
        (f"{PPS} | KM estimate at day 90, % | Number at risk", ["2", "2", "0", "4"]),
        (f"{PPS} | HR vs Placebo, cut at day 90", ["NE", "NE"]),  # without an event in an arm
        (f"{DOSED} | Subjects, n", ["4", "4", "0", "8"]),
        (f"{DOSED} | KM estimate at day 90, %", ["25.0", "75.0", "NE", "46.9"]),  # 7/8, 6/7, 5/6, 3/4
        # R: coxph(Surv(c(10,20,90,90,90,90,89,50), c(1,1,1,0,0,0,0,1)) ~ rep(0:1, each = 4))
        (f"{DOSED} | HR vs Placebo, cut at day 90", ["0.26", "NE"]),
        (f"{DOSED} | HR vs Placebo, cut at day 90 | 95% CI", ["0.03, 2.50", "NE"]),
        (f"{DOSED} | HR vs Placebo, cut at day 90 | p", ["0.2415", "NE"]),
        (f"{CENSORED} | Subjects, n", ["5", "4", "0", "9"]),
        (f"{CENSORED} | Events by day 90, n", ["2", "1", "0", "3"]),
        # 3/4 on day 10 of four (who was never dosed is censored on day 0), then 1/2 of two on day 90
        (f"{CENSORED} | KM estimate at day 90, %", ["37.5", "75.0", "NE", "54.7"]),  # together 7/8, 5/6, 3/4
    ],
)
def test_other_subjects_and_other_events_are_compared_at_the_primary_day(line, cells, plus):
    """Whether or not times count the day of the first dose."""
    assert read_cells(table(plus=plus), line) == cells


STATUS = "Free of the event at day 90"


@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("Missing counted as event, n (%)", ["1 (20.0)", "2 (50.0)", "-", "3 (33.3)"]),
        ("Missing counted as event, n (%) | Difference vs Placebo (percentage points)", ["30.0", "NE"]),
        # R: fisher.test(matrix(c(2, 2, 1, 4), 2))
        ("Missing counted as event, n (%) | Fisher exact p", ["0.5238", "NE"]),
        ("Missing left out, n/M (%)", ["1/4 (25.0)", "2/3 (66.7)", "-", "3/7 (42.9)"]),
        ("Missing left out, n/M (%) | Difference vs Placebo (percentage points)", ["41.7", "NE"]),
        # R: fisher.test(matrix(c(2, 1, 1, 3), 2))
        ("Missing left out, n/M (%) | Fisher exact p", ["0.4857", "NE"]),
        ("Missing: censored before day 90, n", ["1", "1", "0", "2"]),
    ],
)
def test_status_at_the_day_is_told_in_two_ways(line, cells, plus):
    assert read_cells(table(plus=plus), f"{STATUS} | {line}") == cells
