"""Kaplan-Meier, log-rank, Cox against R 4.2.2, survival 3.5-3."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report.analyse import event_times as s
from tests.oracle import assert_close, read_oracle

E3 = read_oracle("e03")
E4 = read_oracle("e04")


def arrays(rows):
    return np.array([r["aval"] for r in rows], float), np.array([r["event"] for r in rows], bool)


@pytest.mark.parametrize("case", E3["expected"], ids=lambda c: f"day {c['day']}")
def test_kaplan_meier_estimate_equals_r_with_log_log_limits(case):
    """survfit(Surv(aval, event) ~ 1, conf.type = "log-log"); summary(fit, times = c(28, 90, 180))"""
    found = s.free_at(s.kaplan_meier(*arrays(E3["input"])), case["day"])
    assert found.at_risk == case["nrisk"]
    for name, key in (("free", "s"), ("se", "se"), ("lo", "lo"), ("hi", "hi")):
        assert_close(getattr(found, name), case[key], what=name)


@pytest.mark.parametrize("case", E3["quantiles"], ids=lambda c: f"p {c['p']}")
def test_quantiles_and_their_limits_equal_r(case):
    """quantile(survfit(...), c(.25, .5, .75))"""
    found = s.time_quantile(s.kaplan_meier(*arrays(E3["input"])), case["p"])
    for value, key in zip(found, ("q", "lo", "hi"), strict=True):
        assert_close(value, case[key], what=key)


@pytest.mark.parametrize("case", E3["small"])
def test_limits_are_not_estimable_where_survival_is_one_or_zero(case):
    found = s.free_at(s.kaplan_meier(*arrays(case["input"])), case["day"])
    assert_close(found.free, case["s"])
    assert_close(found.lo, case["lo"])
    assert_close(found.hi, case["hi"])


def test_quantiles_equal_r_on_many_small_samples():
    """tests/oracles/r_survival.R makes the file: 60 random samples, median and quartiles with limits."""
    for case in read_oracle("r_survival"):
        curve = s.kaplan_meier(np.array(case["time"], float), np.array(case["event"], bool))
        for p, q, lo, hi in zip((0.25, 0.5, 0.75), case["q"], case["lo"], case["hi"], strict=True):
            found = s.time_quantile(curve, p)
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
    found = s.free_difference(s.free_at(curves["MED"], 90), s.free_at(curves["PBO"], 90))
    for name, key in (("difference", "est"), ("se", "se"), ("lo", "lo"), ("hi", "hi"), ("p", "p")):
        assert_close(getattr(found, name), E4["difference_day90"][key], what=name)


def test_median_of_each_arm_equals_r_and_is_missing_where_not_reached():
    placebo = s.time_quantile(s.kaplan_meier(*arrays(E4["input"]["PBO"])), 0.5)
    assert placebo == (35, 4, 90)
    assert np.isnan(s.time_quantile(s.kaplan_meier(*arrays(E4["input"]["MED"])), 0.5)[0])


def test_holm_adjusts_as_r_does():
    assert s.holm(E4["holm"]["input"]) == pytest.approx(E4["holm"]["expected"], abs=1e-12)


def test_hazard_ratio_is_not_estimable_without_an_event_in_either_arm():
    time, event = np.array([5.0, 9, 20, 30]), np.array([True, True, False, False])
    assert np.isnan(s.cox_hazard_ratio(time, event, np.array([False, False, True, True])).hr)


def times_of(text):
    """Times as R prints them: 12 an event, 12+ censored."""
    words = text.split()
    return np.array([float(word.rstrip("+")) for word in words]), np.array([not word.endswith("+") for word in words])


def pair(reference, treated):
    (time_0, event_0), (time_1, event_1) = times_of(reference), times_of(treated)
    arm = np.r_[np.zeros(len(time_0), bool), np.ones(len(time_1), bool)]
    return np.r_[time_0, time_1], np.r_[event_0, event_1], arm


def assert_like_r(found, expected, what):
    """Equal to R's number to one part in a million; missing where R has none."""
    if expected is None:
        assert np.isnan(found), f"{what}: expected missing, found {found}"
    else:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12), what


TWO_ARMS = read_oracle("r_two_arms")


def test_cox_and_log_rank_equal_r_on_600_drawn_comparisons():
    """coxph(..., ties = "efron") and survdiff; R warns of an infinite coefficient where the report prints NE."""
    assert len(TWO_ARMS) == 600
    assert sum(case["cox"][0] is not None for case in TWO_ARMS) > 400
    for case in TWO_ARMS:
        arms = [arm["times"] for arm in case["arms"]]
        ratio, test = s.cox_hazard_ratio(*pair(*arms)), s.log_rank(*pair(*arms))
        for name, expected in zip(ratio._fields, case["cox"], strict=True):
            assert_like_r(getattr(ratio, name), expected, f"{name} of {arms}")
        assert_like_r(test.chi2, case["logrank"][0], f"chi-squared of {arms}")
        assert_like_r(test.p, case["logrank"][1], f"log-rank p of {arms}")


def test_landmarks_and_quartiles_of_each_arm_equal_r_on_the_same_data():
    """summary(survfit(...), times = c(90, 180)) without extend, quantile(survfit(...), c(.25, .5))"""
    landmarks = [mark for case in TWO_ARMS for arm in case["arms"] for mark in arm["landmarks"]]
    assert sum(mark[0] is None for mark in landmarks) > 1000, "days nobody reached"
    assert sum(mark[0] == 0 and mark[3] == 0 for mark in landmarks) > 100, "curves that came to 0 before"
    for arm in (arm for case in TWO_ARMS for arm in case["arms"]):
        curve = s.kaplan_meier(*times_of(arm["times"]))
        for day, expected in zip((90, 180), arm["landmarks"], strict=True):
            found = s.free_at(curve, day)
            for value, one in zip((found.free, found.lo, found.hi, found.at_risk), expected, strict=True):
                assert_like_r(value, one, f"day {day} of {arm['times']}")
        for p, expected in zip((0.25, 0.5), arm["quantiles"], strict=True):
            for value, one in zip(s.time_quantile(curve, p), expected, strict=True):
                assert_like_r(value, one, f"quantile {p} of {arm['times']}")


@pytest.mark.parametrize(
    ("reference", "treated", "hr", "lo", "hi", "p"),
    [
        # R 4.2.2 coxph: a fit that Newton's first step overshoots, so that the matrix becomes singular
        ("10 20 30 90+ 90+", "40" + " 90+" * 29, 0.0357272813, 0.00362145786, 0.352465409, 0.00433287128),
        # one event each, one subject of the treated left
        ("26" + " 90+" * 29, "37 90+", 14.7478812, 0.922370976, 235.805338, 0.0570632130),
        # one tie, by hand: information 1/4 at either of the two events, so exp(+-1.959964 sqrt 2)
        ("5 9+", "5 9+", 1.0, 0.0625488362, 15.9875077, 1.0),
    ],
    ids=["overshoot", "one event each", "one tie"],
)
def test_hazard_ratio_that_exists_is_found(reference, treated, hr, lo, hi, p):
    found = s.cox_hazard_ratio(*pair(reference, treated))
    for name, expected in (("hr", hr), ("lo", lo), ("hi", hi), ("p", p)):
        assert getattr(found, name) == pytest.approx(expected, rel=1e-6), name


@pytest.mark.parametrize(
    ("reference", "treated"),
    [
        ("5 9 20+", "20+ 30+"),  # no event among the treated
        ("20+ 30+", "5 9 20+"),  # none in the reference
        ("5 9 20+", ""),  # nobody treated
        ("5+ 9+", "5+ 9+"),  # no event at all
        ("5 9 10+", "10+ 30 40"),  # events in both arms, but those of the treated come when no reference is at risk
        ("30 40 50+", "5 6 7 8"),  # all treated have died when the first of the reference dies
        ("30 40", "5 6 29+"),  # as before, the last treated one withdrawn
    ],
    ids=["none treated", "none reference", "nobody", "no event", "late", "separated", "withdrawn"],
)
def test_hazard_ratio_is_not_estimable_under_a_monotone_likelihood(reference, treated):
    """R: "Loglik converged before variable 1; coefficient may be infinite"."""
    assert all(np.isnan(s.cox_hazard_ratio(*pair(reference, treated))))


def test_hazard_ratio_does_not_depend_on_which_arm_is_the_reference():
    forth, back = s.cox_hazard_ratio(*pair("1 2 9+", "2 5 7+ 8")), s.cox_hazard_ratio(*pair("2 5 7+ 8", "1 2 9+"))
    assert forth.hr == pytest.approx(1 / back.hr)
    assert forth.lo == pytest.approx(1 / back.hi)
    assert forth.p == pytest.approx(back.p)


@pytest.mark.parametrize(
    ("times", "day", "survival", "at_risk"),
    [
        ("10 57+ 60+", 60, 2 / 3, 1),  # the last time observed itself is reached, censored or not
        ("10 57+ 60+", 61, None, 0),
        ("10 57+ 60", 60, 0, 1),
        ("10 57+ 60", 61, 0, 0),  # nobody is left without the event: 0 from then on
        ("10 20 20", 180, 0, 0),
        ("60+ 60+", 180, None, 0),  # no event, and yet nothing is known of day 180
        ("0+", 28, None, 0),  # one subject, seen on the day of the first dose only
        ("0+", 0, 1, 1),
        ("5", 28, 0, 0),
        ("", 28, None, 0),
    ],
)
def test_survival_of_a_day_nobody_reached_is_not_estimable(times, day, survival, at_risk):
    found = s.free_at(s.kaplan_meier(*times_of(times)), day)
    assert_close(found.free, survival)
    assert found.at_risk == at_risk
    if survival is None:
        assert np.isnan(found.lo)
        assert np.isnan(found.hi)
        assert np.isnan(found.se)


@pytest.mark.parametrize(
    ("treated", "reference", "difference"),
    [
        ("90+ 90+ 90+ 90+", "10 20 30 90+", 0.75),  # S = 1: no variance
        ("10 20 30", "10 20 30 90+", -0.25),  # S = 0: none either
        ("90+", "10", 1.0),  # one subject each
        ("90+ 90+", "95+", 0.0),
        ("60+ 60+", "10 90+", None),  # the treated were not followed to day 90
        ("10 90+", "10 60+", None),
    ],
)
def test_difference_without_variance_in_an_arm_has_no_interval_and_no_p(treated, reference, difference):
    marks = [s.free_at(s.kaplan_meier(*times_of(text)), 90) for text in (treated, reference)]
    found = s.free_difference(*marks)
    assert_close(found.difference, difference)
    assert all(np.isnan(value) for value in (found.lo, found.hi, found.p, found.se))


def test_limits_of_a_difference_stay_between_minus_and_plus_one():
    """Greenwood by hand: S = 3/4 and 1/4 of 4, each variance 3/64; 0.5 +- 1.96 sqrt(6/64) = (-0.1001, 1.1001)."""
    marks = [s.free_at(s.kaplan_meier(*times_of(text)), 90) for text in ("10 90+ 90+ 90+", "10 20 30 90+")]
    found = s.free_difference(*marks)
    assert (found.difference, found.hi) == (0.5, 1.0)
    assert found.lo == pytest.approx(0.5 - 1.959964 * np.sqrt(6 / 64), abs=1e-6)
    assert found.p == pytest.approx(0.1024704, abs=1e-6)
    mirrored = s.free_difference(*reversed(marks))
    assert (mirrored.difference, mirrored.lo) == (-0.5, -1.0)


def test_nobody_at_all_gives_missing_and_no_error():
    empty = s.kaplan_meier(np.empty(0), np.empty(0, bool))
    assert np.isnan(s.free_at(empty, 90).free)
    assert np.isnan(s.log_rank(np.empty(0), np.empty(0, bool), np.empty(0, bool)).p)


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), min_size=1, max_size=40))
def test_survival_never_rises_and_stays_between_zero_and_one(rows):
    curve = s.kaplan_meier(np.array([t for t, _ in rows], float), np.array([e for _, e in rows], bool))
    assert (np.diff(curve.free) <= 1e-12).all()
    assert ((curve.free >= -1e-12) & (curve.free <= 1 + 1e-12)).all()
