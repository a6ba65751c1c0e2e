"""Kaplan-Meier, log-rank, Cox against R 4.2.2, survival 3.5-3."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report.analyse import survival as s
from tests.oracle import assert_close, read_oracle

E3 = read_oracle("e03")
E4 = read_oracle("e04")


def arrays(rows):
    return np.array([r["aval"] for r in rows], float), np.array([r["event"] for r in rows], bool)


@pytest.mark.parametrize("case", E3["expected"], ids=lambda c: f"day {c['day']}")
def test_kaplan_meier_estimate_equals_r_with_log_log_limits(case):
    """survfit(Surv(aval, event) ~ 1, conf.type = "log-log"); summary(fit, times = c(28, 90, 180))"""
    found = s.survival_at(s.kaplan_meier(*arrays(E3["input"])), case["day"])
    assert found.at_risk == case["nrisk"]
    for name, key in (("survival", "s"), ("se", "se"), ("lo", "lo"), ("hi", "hi")):
        assert_close(getattr(found, name), case[key], what=name)


@pytest.mark.parametrize("case", E3["quantiles"], ids=lambda c: f"p {c['p']}")
def test_quantiles_and_their_limits_equal_r(case):
    """quantile(survfit(...), c(.25, .5, .75))"""
    found = s.survival_quantile(s.kaplan_meier(*arrays(E3["input"])), case["p"])
    for value, key in zip(found, ("q", "lo", "hi"), strict=True):
        assert_close(value, case[key], what=key)


@pytest.mark.parametrize("case", E3["small"])
def test_limits_are_not_estimable_where_survival_is_one_or_zero(case):
    found = s.survival_at(s.kaplan_meier(*arrays(case["input"])), case["day"])
    assert_close(found.survival, case["s"])
    assert_close(found.lo, case["lo"])
    assert_close(found.hi, case["hi"])


def test_quantiles_equal_r_on_many_small_samples():
    """tests/oracles/r_survival.R makes the file: 60 random samples, median and quartiles with limits."""
    for case in read_oracle("r_survival"):
        curve = s.kaplan_meier(np.array(case["time"], float), np.array(case["event"], bool))
        for p, q, lo, hi in zip((0.25, 0.5, 0.75), case["q"], case["lo"], case["hi"], strict=True):
            found = s.survival_quantile(curve, p)
            assert_close(found[0], q, what=f"q{p} of {case}")
            assert_close(found[1], lo, what=f"lo{p} of {case}")
            assert_close(found[2], hi, what=f"hi{p} of {case}")


def two_arms():
    time_0, event_0 = arrays(E4["input"]["PBO"])
    time_1, event_1 = arrays(E4["input"]["MED"])
    treated = np.r_[np.zeros(len(time_0), bool), np.ones(len(time_1), bool)]
    return np.r_[time_0, time_1], np.r_[event_0, event_1], treated


@pytest.mark.parametrize(("block", "day"), [("cut90_primary", 90), ("full_supportive", 1000)])
def test_log_rank_and_efron_cox_equal_r(block, day):
    """survdiff(Surv(aval, event) ~ arm); coxph(Surv(aval, event) ~ arm, ties = "efron")"""
    time, event, treated = two_arms()
    time, event = s.cut_follow_up(time, event, day)
    expected = E4[block]
    test = s.log_rank(time, event, treated)
    assert test.observed == (expected["observed"]["PBO"], expected["observed"]["MED"])
    assert_close(test.expected[0], expected["expected"]["PBO"])
    assert_close(test.expected[1], expected["expected"]["MED"])
    assert_close(test.chi2, expected["logrank"]["chisq"])
    assert_close(test.p, expected["logrank"]["p"])
    ratio = s.cox_hazard_ratio(time, event, treated)
    for name in ("hr", "lo", "hi", "p"):
        assert_close(getattr(ratio, name), expected["cox"][name], 1e-6, name)


def test_difference_of_two_curves_at_a_day_equals_r():
    curves = {arm: s.kaplan_meier(*arrays(rows)) for arm, rows in E4["input"].items()}
    found = s.survival_difference(s.survival_at(curves["MED"], 90), s.survival_at(curves["PBO"], 90))
    for name, key in (("difference", "est"), ("se", "se"), ("lo", "lo"), ("hi", "hi"), ("p", "p")):
        assert_close(getattr(found, name), E4["difference_day90"][key], what=name)


def test_median_of_each_arm_equals_r_and_is_missing_where_not_reached():
    placebo = s.survival_quantile(s.kaplan_meier(*arrays(E4["input"]["PBO"])), 0.5)
    assert placebo == (35, 4, 90)
    assert np.isnan(s.survival_quantile(s.kaplan_meier(*arrays(E4["input"]["MED"])), 0.5)[0])


def test_holm_adjusts_as_r_does():
    assert s.holm(E4["holm"]["input"]) == pytest.approx(E4["holm"]["expected"], abs=1e-12)


def test_hazard_ratio_is_not_estimable_without_an_event_in_either_arm():
    time, event = np.array([5.0, 9, 20, 30]), np.array([True, True, False, False])
    assert np.isnan(s.cox_hazard_ratio(time, event, np.array([False, False, True, True])).hr)


def test_nobody_at_all_gives_missing_and_no_error():
    empty = s.kaplan_meier(np.empty(0), np.empty(0, bool))
    assert np.isnan(s.survival_at(empty, 90).survival)
    assert np.isnan(s.log_rank(np.empty(0), np.empty(0, bool), np.empty(0, bool)).p)


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), min_size=1, max_size=40))
def test_survival_never_rises_and_stays_between_zero_and_one(rows):
    curve = s.kaplan_meier(np.array([t for t, _ in rows], float), np.array([e for _, e in rows], bool))
    assert (np.diff(curve.survival) <= 1e-12).all()
    assert ((curve.survival >= -1e-12) & (curve.survival <= 1 + 1e-12)).all()
