"""Descriptives, intervals and rounding against R 4.2.2 and decimal arithmetic."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report.analyse import proportions as p
from cgbm1_report.analyse.continuous import summarise, summarise_geometric
from cgbm1_report.tabulate.table import count_percent, round_half_up
from tests.oracle import assert_close, read_oracle

E13 = read_oracle("e13")


@pytest.mark.parametrize("case", read_oracle("e05")["cases"], ids=lambda c: f"{c['x']} of {c['n']}")
def test_clopper_pearson_equals_r(case):
    """binom.test(x, n)$conf.int"""
    found = p.clopper_pearson(case["x"], case["n"])
    assert_close(100 * found.lo, case["lo"])
    assert_close(100 * found.hi, case["hi"])
    assert round_half_up(100 * case["x"] / case["n"], 1) == case["pct_text"]


@pytest.mark.parametrize("case", read_oracle("e06")["cases"], ids=lambda c: f"{c['x1']}/{c['n1']}-{c['x2']}/{c['n2']}")
def test_miettinen_nurminen_and_fisher_equal_r(case):
    counts = case["x1"], case["n1"], case["x2"], case["n2"]
    found = p.miettinen_nurminen(*counts)
    assert_close(100 * found.lo, case["lo"])
    assert_close(100 * found.hi, case["hi"])
    if case["fisher_p"] is not None:
        assert_close(p.fisher_exact(*counts), case["fisher_p"])


def test_intervals_without_subjects_are_missing():
    assert math.isnan(p.clopper_pearson(0, 0).lo)
    assert math.isnan(p.miettinen_nurminen(0, 0, 1, 3).hi)
    assert math.isnan(p.fisher_exact(0, 0, 1, 3))


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_score_interval_holds_the_observed_difference_and_mirrors(n1, n2, data):
    x1, x2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    found, mirror = p.miettinen_nurminen(x1, n1, x2, n2), p.miettinen_nurminen(x2, n2, x1, n1)
    difference = x1 / n1 - x2 / n2
    assert -1 <= found.lo <= found.hi <= 1
    assert found.lo - 1e-8 <= difference <= found.hi + 1e-8
    assert found.lo == pytest.approx(-mirror.hi, abs=1e-7)


@pytest.mark.parametrize("case", read_oracle("e12")["cases"], ids=lambda c: f"{c['n']} of {c['N']}")
def test_percentages_round_half_up_on_the_decimal_value(case):
    share = case["n"] / case["N"] if case["N"] else float("nan")
    printed = count_percent({"n": case["n"], "p": share, "N": case["N"]}).text
    expected = case["text"] if case["text"] in ("0", "-") else f"{case['n']} ({case['text']})"
    assert printed == expected


@pytest.mark.parametrize("case", E13["cases"], ids=lambda c: str(c["values"]))
def test_descriptives_equal_r_with_quantile_type_two(case):
    found = summarise(np.array(case["values"], float))
    for name, told in {"N": "n", "p25": "q1", "p75": "q3"}.items() | {(one, one) for one in ("mean", "sd", "median", "min", "max")}:
        if told in case:
            assert_close(found[name], case[told], what=name)


def test_quartiles_are_those_of_numpy_by_the_rule_of_sas_to_the_last_bit():
    """numpy.quantile(values, share, method="averaged_inverted_cdf"), of 1 to 40 values with ties and of several sizes."""
    random = np.random.default_rng(14)
    for count in [*range(1, 41)] * 5:
        values = np.round(random.normal(50, 30, count), int(random.integers(0, 4))) * random.choice([1e-3, 0.1, 1, 1e6])
        found = summarise(values)
        expected = np.quantile(values, (0.25, 0.5, 0.75), method="averaged_inverted_cdf")
        assert [found[name] for name in ("p25", "median", "p75")] == expected.tolist(), values


def test_interval_of_a_mean_change_equals_r():
    """t.test(c(-3.0, -2.2, -5.1, -0.7, -4.4))"""
    found = summarise(np.array(E13["change"]["values"]), confidence=True)
    for name, told in {"mean": "mean", "sd": "sd", "conf.low": "lo", "conf.high": "hi"}.items():
        assert_close(found[name], E13["change"][told], what=name)


def test_one_value_has_no_spread_and_no_value_has_nothing():
    assert math.isnan(summarise(np.array([4.0]))["sd"])
    assert math.isnan(summarise(np.array([4.0]), confidence=True)["conf.low"])
    empty = summarise(np.array([np.nan]))
    assert empty["N"] == 0
    assert math.isnan(empty["mean"])


@pytest.mark.parametrize("case", read_oracle("r_models")["geometric"], ids=lambda case: str(case["values"]))
def test_geometric_statistics_equal_r(case):
    """exp(mean(log(x))), 100 * sqrt(exp(var(log(x))) - 1), exp(t.test(log(x))$conf.int)"""
    found = summarise_geometric(np.array([*case["values"], np.nan]))
    assert found["N"] == len(case["values"])
    assert_close(found["geom_mean"], case["mean"])
    assert_close(100 * found["geom_cv"], case["cv"])
    assert_close(found["conf.low"], case["lo"])
    assert_close(found["conf.high"], case["hi"])


def test_geometric_mean_of_a_drawn_sample_equals_r():
    found, told = summarise_geometric(np.array(E13["geometric"]["values"])), E13["geometric"]
    assert_close(found["geom_mean"], told["mean"])
    assert_close(100 * found["geom_cv"], told["cv_pct"])


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, 0.0, 3.0], [2.0, -1.0]])
def test_value_without_a_logarithm_leaves_no_geometric_mean(values):
    found = summarise_geometric(np.array(values))
    assert found.pop("N") == np.sum(~np.isnan(values))
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("values", "p25", "median", "p75"),
    [
        # PROC UNIVARIATE QNTLDEF=5, by its definition: with n·p = j + g the mean of the j-th and the next value where g is 0,
        # else the next value.
        ([7], 7, 7, 7),
        ([1, 2], 1, 1.5, 2),  # n·p = 0.5, 1, 1.5
        ([1, 2, 4], 1, 2, 4),
        ([1, 2, 4, 8], 1.5, 3, 6),  # n·p = 1, 2, 3: all three are means
        ([3, 3, 3, 9], 3, 3, 6),  # ties
        ([5, 5, 5, 5, 5], 5, 5, 5),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 0.25, 0.45, 0.65),
    ],
)
def test_quartiles_are_those_of_sas(values, p25, median, p75):
    found = summarise(np.array(values, float))
    assert [found["p25"], found["median"], found["p75"]] == pytest.approx([p25, median, p75], abs=1e-12)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_quantiles_lie_between_the_extremes_in_order(values):
    sample = np.array(values, float)
    quartiles = [summarise(sample)[name] for name in ("p25", "median", "p75")]
    assert sample.min() <= quartiles[0] <= quartiles[1] <= quartiles[2] <= sample.max()


@pytest.mark.parametrize(
    ("value", "dp", "text"),
    [
        (6.25, 1, "6.3"),  # binary round gives 6.2
        (2.675, 2, "2.68"),  # the float is 2.67499999999999982
        (-2.5, 0, "-3"),  # away from zero
        (-0.04, 1, "0.0"),  # no minus in front of zero
        (205.2 / 17.1, 1, "12.0"),
        (1e6 + 0.5, 0, "1000001"),
        (0.0, 2, "0.00"),
    ],
)
def test_numbers_round_half_away_from_zero(value, dp, text):
    assert round_half_up(value, dp) == text
