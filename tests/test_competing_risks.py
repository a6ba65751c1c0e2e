"""Cumulative incidence with competing risks against R 4.2.2, cmprsk 2.2-11; the table that prints it, counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.analyse.competing_risks import Incidence, cumulative_incidence, incidence_at
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount.survival import _End, _ended
from cgbm1_report.tabulate.table import Figure, Output, Table
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.oracle import assert_close, read_oracle

TRIAL = our_trial()
TEN, *DRAWN = read_oracle("r_competing")


def curve(case, way: int) -> Incidence:
    state = np.array(case["state"], dtype="float64")
    return cumulative_incidence(np.array(case["time"]), np.where(state > 0, state, np.nan), way)


@pytest.mark.parametrize("case", [TEN, *DRAWN], ids=lambda case: f"{len(case['time'])} subjects")
@pytest.mark.parametrize(("way", "name"), [(1, "first"), (2, "second")])
def test_estimate_and_variance_equal_cmprsk_with_ties_of_both_kinds(case, way, name):
    """fit <- cuminc(time, state); timepoints(fit, sort(unique(time)))"""
    found = curve(case, way)
    assert found.time.tolist() == case["days"]
    for own, theirs in ((found.share, case[name]), (found.variance, case[f"var_{name}"])):
        for day, mine, right in zip(case["days"], own, theirs, strict=True):
            assert_close(float(mine), right, what=f"day {day}")


def test_estimate_equals_survfit_of_several_states():
    """survfit(Surv(t, factor(state)) ~ 1): 0.2000 and 0.1000 on day 28, 0.3167 and 0.2167 on day 90."""
    at = {(way, day): incidence_at(curve(TEN, way), day).share for way in (1, 2) for day in (28, 90)}
    assert at == pytest.approx({(1, 28): 0.2, (2, 28): 0.1, (1, 90): 0.3166666667, (2, 90): 0.2166666667})


def test_limits_are_on_the_scale_of_log_minus_log():
    """Of the ten on day 28 by hand: 0.2, variance 0.0179012346, so 0.2 ** exp(-+ 1.959964 * 0.1337955 / (0.2 * log 0.2))."""
    found = incidence_at(curve(TEN, 1), 28)
    assert found.se == pytest.approx(math.sqrt(0.0179012345679012))
    spread = math.exp(1.959963984540054 * 0.1337954953 / (0.2 * 1.6094379124))
    assert (found.lo, found.hi) == pytest.approx((0.2**spread, 0.2 ** (1 / spread)))
    assert found.at_risk == 7


@pytest.mark.parametrize(
    ("day", "share", "at_risk"),
    [
        (5, 0.0, 10),  # before anything: no variance, no interval
        (90, 0.3166666667, 3),
        (91, None, 0),  # nobody was followed so long, and some are left
    ],
)
def test_day_nobody_has_reached_has_no_incidence(day, share, at_risk):
    found = incidence_at(curve(TEN, 1), day)
    assert found.at_risk == at_risk
    assert math.isnan(found.share) if share is None else found.share == pytest.approx(share)
    assert math.isnan(found.lo) == (day != 90)


def test_incidence_stands_once_nobody_is_left():
    """Of two one ends in each way: after the last nothing can change, though nobody was followed longer."""
    found = incidence_at(cumulative_incidence(np.array([3.0, 8.0]), np.array([1.0, 2.0]), 1), 180)
    assert (found.share, found.at_risk) == (0.5, 0)
    assert math.isnan(incidence_at(cumulative_incidence(np.empty(0), np.empty(0), 1), 28).share)


@pytest.mark.parametrize("count", [2, 6, 11, 25])
def test_where_everybody_ended_in_one_way_there_is_no_interval(count):
    """The sum of the steps of 6, 11 or 25 subjects is not 1 but a rounding away from it, as R prints NA for 1."""
    times = np.arange(1.0, count + 1)
    found = incidence_at(cumulative_incidence(times, np.ones(count), 1), count)
    assert found.share == pytest.approx(1)
    assert math.isnan(found.lo)
    assert math.isnan(found.hi)
    # As who counts again has the curve: before, own ended, others, at risk, still free after, share.
    share, curve = 0.0, []
    for at, time in enumerate(times):
        before = (count - at) / count
        share += before / (count - at)
        curve.append(
            _End(time=time, own=1, other=0, at_risk=count - at, before=before, after=(count - at - 1) / count, share=share)
        )
    again = _ended(curve, count)
    assert math.isnan(again["conf.low"])
    assert math.isnan(again["conf.high"])


# The ten of the oracle in one arm; in the other somebody who died after a transplant, and one who was lost.
TIMES = """
USUBJID | ARM     | TTLT | CNSR | OS  | DEAD
2-01    | Placebo | 10   | 0    | 180 | .
2-02    | Placebo | 20   | 5    | 20  | Y
2-03    | Placebo | 20   | 0    | 120 | Y
2-04    | Placebo | 30   | 2    | 30  | .
2-05    | Placebo | 40   | 5    | 40  | Y
2-06    | Placebo | 50   | 0    | 180 | .
2-07    | Placebo | 60   | 3    | 60  | .
2-08    | Placebo | 90   | 3    | 90  | .
2-09    | Placebo | 90   | 3    | 90  | .
2-10    | Placebo | 90   | 3    | 90  | .
2-11    | Low     | 15   | 0    | 25  | Y
2-12    | Low     | 60   | 2    | 60  | .
"""


def output(number: str) -> Output:
    drawn = draw(TIMES)
    adsl = drawn[["USUBJID"]].assign(PHASE=2.0, FASFL="Y", TRT01P=drawn["ARM"])
    first = drawn[["USUBJID", "CNSR"]].assign(PARAMCD="TTLT", AVAL=drawn["TTLT"])
    dead = drawn["DEAD"].eq("Y")
    alive = drawn[["USUBJID"]].assign(PARAMCD="OS", AVAL=drawn["OS"], CNSR=np.where(dead, 0.0, 3.0))
    return make(find(number, TRIAL), TRIAL, {"ADSL": adsl, "ADTTE": pd.concat([first, alive])}, stamp_of(TRIAL))


def table() -> Table:
    made = output("T14.2.4.2")
    assert isinstance(made, Table)
    return made


def test_table_prints_who_died_and_what_came_first():
    made = table()
    assert read_cells(made, "Death, n (%)") == ["3 (30.0)", "1 (50.0)", "-", "4 (33.3)"]
    assert read_cells(made, "Liver transplantation, n (%)") == ["3 (30.0)", "1 (50.0)", "-", "4 (33.3)"]
    # Two died after a transplant: they died, and were transplanted first.
    assert read_cells(made, "Death without liver transplantation, n (%)") == ["2 (20.0)", "0", "-", "2 (16.7)"]


@pytest.mark.parametrize(
    ("line", "placebo", "low"),
    [
        # OS of placebo: 9/10 on day 20, and 7/8 of it on day 40; low was followed to day 60
        ("Death, n (%) | Overall Survival: KM estimate at day 90, %", "78.8", "NE"),
        ("Liver transplantation, n (%) | Cumulative incidence at day 28, %", "20.0", "50.0"),
        ("Liver transplantation, n (%) | Cumulative incidence at day 90, %", "31.7", "NE"),
        ("Liver transplantation, n (%) | Cumulative incidence at day 90, % | 95% CI", "6.1, 62.3", "NE"),
        ("Liver transplantation, n (%) | Cumulative incidence at day 90, % | Number at risk", "3", "0"),
        ("Death without liver transplantation, n (%) | Cumulative incidence at day 28, %", "10.0", "0.0"),
        ("Death without liver transplantation, n (%) | Cumulative incidence at day 28, % | 95% CI", "0.4, 37.6", "NE"),
        ("Death without liver transplantation, n (%) | Cumulative incidence at day 90, %", "21.7", "NE"),
        ("Death without liver transplantation, n (%) | Cumulative incidence at day 180, %", "NE", "NE"),
    ],
)
def test_table_prints_incidences_with_their_intervals_where_somebody_was_followed_so_long(line, placebo, low):
    """The limits by hand from cmprsk's variances: on day 90 0.0271425240, so exp(-exp(log(-log F) +- 1.96 se / (F log F)))."""
    assert read_cells(table(), line)[:2] == [placebo, low]


def test_figure_shows_the_estimates_of_each_day_and_says_those_of_the_registry():
    made = output("F14.2.5.2")
    assert isinstance(made, Figure)
    placebo = made.ard[(made.ard["column"] == "Placebo") & (made.ard["stat_name"] == "estimate")]
    shown = {
        (end, day): stat for end, day, stat in zip(placebo["group3_level"], placebo["variable_level"], placebo["stat"], strict=True)
    }
    # On day 50 the third transplant, of six at risk, when 0.9 * 8/9 * 7/8 of all were free.
    assert shown["0", "50"] == pytest.approx(0.2 + 0.7 / 6)
    assert shown["5", "40"] == pytest.approx(0.1 + 0.7 / 6)
    assert (
        "by day 90 death without liver transplantation 21.7%, liver transplantation 31.7% (3 at risk); not estimable at day 180"
        in made.alt
    )
    assert "Medium: no subject" in made.alt
    assert any(note.startswith("A dashed line ends a panel") for note in made.footnotes)
