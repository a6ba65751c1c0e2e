"""Rates by time at risk: numbers of R 4.2.2, the call beside each."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cgbm1_report.analyse.rates import analyse_rates, incidence_rate, rate_ratio

NAN = float("nan")


@pytest.mark.parametrize(
    ("events", "days", "expected"),
    [
        # poisson.test(4, 1083 / 36525)
        (4, 1083, (134.9030470914, 36.7565399554, 345.4053798422)),
        # poisson.test(0, 1083 / 36525)
        (0, 1083, (0.0, 0.0, 124.4102696782)),
        # poisson.test(1, 200 / 36525)
        (1, 200, (182.625, 4.623664683, 1017.521374270)),
        # poisson.test(2, 191 / 36525)
        (2, 191, (382.4607330, 46.3177691, 1381.5796705)),
        (0, 0, (NAN, NAN, NAN)),
    ],
)
def test_rate_and_exact_interval_are_those_of_r(events: int, days: float, expected: tuple[float, ...]) -> None:
    assert tuple(incidence_rate(events, days)) == pytest.approx(expected, rel=1e-8, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # rr <- (4/1083)/(6/913); exp(log(rr) + c(-1, 1) * qnorm(.975) * sqrt(1/4 + 1/6)), as epitools::rateratio.wald
        ((4, 1083, 6, 913), (0.5620190828, 0.1585998705, 1.991587058)),
        ((0, 1083, 6, 913), (NAN, NAN, NAN)),
        ((4, 1083, 0, 913), (NAN, NAN, NAN)),
        ((4, 1083, 6, 0), (NAN, NAN, NAN)),
    ],
)
def test_ratio_of_rates_has_the_log_normal_interval(counts: tuple[int, float, int, float], expected: tuple[float, ...]) -> None:
    assert tuple(rate_ratio(*counts)) == pytest.approx(expected, rel=1e-8, nan_ok=True)


def test_time_at_risk_ends_with_the_first_event_of_a_subject() -> None:
    observed = pd.DataFrame({"USUBJID": ["a", "b", "c"], "COLUMN": ["Low", "Low", "High"], "TIME": [181.0, 100.0, 50.0]})
    events = pd.DataFrame({"USUBJID": ["a", "a", "c"], "TIME": [30.0, 10.0, 60.0]})  # that of c begins after its last contact
    key = (("TRTEMFL", "Y"),)
    found = analyse_rates([(key, events)], observed, ["Low", "High", "Total"], ["High"], "Low")
    years = found[found["stat_name"] == "tot_person_time"].set_index("column")["stat"]
    assert {name: value * 365.25 for name, value in years.items()} == pytest.approx({"Low": 110, "High": 60, "Total": 170})
    (ratio,) = found.loc[(found["context"] == "incidence_rate_ratio") & (found["stat_name"] == "estimate"), "stat"]
    assert ratio == pytest.approx((1 / 60) / (1 / 110))
    assert math.isnan(analyse_rates([(key, events)], observed.iloc[:0], ["Low"])["stat"].iloc[1])
