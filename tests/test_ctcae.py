"""CTCAE grades against the NCI text, worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.ctcae import NO_BASELINE, combine_grades, derive_ctcae, read_scales
from tests.oracle import read_oracle

ORACLE = read_oracle("e07")
LOW, HIGH = read_scales(5)["L"], read_scales(5)["H"]


def _grade(paramcd: str, value: float, *, uln=None, lln=None, base=None, version=5, baseline_rule: bool = True, **flags):
    record = {
        "PARAMCD": paramcd,
        "AVAL": math.nan if value is None else float(value),
        "ANRLO": math.nan if lln is None else float(lln),
        "ANRHI": math.nan if uln is None else float(uln),
        "BASE": math.nan if base is None else float(base),
        "POST": True,
        "ANTICOAG": False,
        "HYPONAT": False,
        "HYPOKAL": False,
        **flags,
    }
    return derive_ctcae(pd.DataFrame([record]), version=version, baseline_rule=baseline_rule).loc[0]


CASES = [(name, params["uln"], params["lln"], case) for name, params in ORACLE["params"].items() for case in params["cases"]]


@pytest.mark.parametrize(
    ("name", "uln", "lln", "case"), CASES, ids=[f"{n}-{c['value']}-B{c['baseline']}-{c.get('ae_grade')}" for n, _, _, c in CASES]
)
def test_grade_equals_hand_calculation(name, uln, lln, case):
    told = {"HYPOKAL": (case.get("ae_grade") or 0) >= 2}
    found = _grade(name, case["value"], uln=uln, lln=lln, base=case["baseline"], **told)
    assert found["ATOXGRL" if name in ("ALB", "SODIUM", "K") else "ATOXGRH"] == case["grade"]


@pytest.mark.parametrize(
    ("paramcd", "limits", "flags", "expected"),
    [
        # Sodium 125 to <130: grade 2, with symptoms grade 3; the other grades do not move
        ("SODIUM", {"lln": 137}, {"HYPONAT": True}, [(136, 1), (130, 1), (129, 3), (125, 3), (124, 3), (119, 4)]),
        # Sodium high, NCI text
        ("SODIUM", {"uln": 147}, {}, [(147, 0), (148, 1), (150, 1), (151, 2), (155, 2), (156, 3), (160, 3), (161, 4)]),
        ("K", {"uln": 5.3}, {}, [(5.3, 0), (5.4, 1), (5.5, 1), (5.6, 2), (6.0, 2), (6.1, 3), (7.0, 3), (7.1, 4)]),
        # GGT with an abnormal baseline: the lower end of grade 1 is inclusive
        ("GGT", {"uln": 60, "base": 100}, {}, [(199, 0), (200, 1), (250, 1), (251, 2), (500, 2), (501, 3), (2001, 4)]),
        ("AST", {"uln": 40, "base": 100}, {}, [(149, 0), (150, 1), (300, 1), (301, 2), (500, 2), (501, 3), (2001, 4)]),
        ("PLAT", {"lln": 125}, {}, [(125, 0), (124, 1), (75, 1), (74, 2), (50, 2), (49, 3), (25, 3), (24, 4)]),
        ("WBC", {"lln": 3.5}, {}, [(3.5, 0), (3.4, 1), (3.0, 1), (2.9, 2), (2.0, 2), (1.9, 3), (1.0, 3), (0.9, 4)]),
        ("NEUT", {"lln": 1.8}, {}, [(1.79, 1), (1.5, 1), (1.49, 2), (1.0, 2), (0.99, 3), (0.5, 3), (0.49, 4)]),
        ("LYM", {"lln": 1.1}, {}, [(1.09, 1), (0.8, 1), (0.79, 2), (0.5, 2), (0.49, 3), (0.2, 3), (0.19, 4)]),
        ("HGB", {"lln": 130}, {}, [(129, 1), (100, 1), (99, 2), (80, 2), (79, 3)]),
        # INR on an anticoagulant: multiples of baseline 2.0 instead of absolute limits
        ("INR", {"base": 2.0}, {"ANTICOAG": True}, [(2.0, 0), (2.01, 1), (3.0, 1), (3.01, 2), (5.0, 2), (5.01, 3)]),
    ],
)
def test_grades_follow_the_nci_text(paramcd, limits, flags, expected):
    direction = "ATOXGRH" if "uln" in limits or paramcd in ("INR",) else "ATOXGRL"
    assert [(value, _grade(paramcd, value, **limits, **flags)[direction]) for value, _ in expected] == expected


def test_a_multiple_is_taken_on_decimals():
    # 1.5 x 1.4 = 2.1 (binary 2.0999999999999996): INR 2.1 is not above it
    assert _grade("INR", 2.1, base=1.4, ANTICOAG=True)["ATOXGRH"] == 1
    # 3 x 0.1 in steps: ULN 33.3, 3 x ULN = 99.9
    assert _grade("ALT", 99.9, uln=33.3)["ATOXGRH"] == 1


def test_without_the_baseline_rule_hepatic_tests_are_graded_by_the_normal_limit():
    # F.8: an improving subject, bilirubin 150 of baseline 300, is 6.5 x ULN: grade 3 by ULN, 0 by baseline
    assert _grade("BILI", 150, uln=23, base=300)["ATOXGRH"] == 0
    assert _grade("BILI", 150, uln=23, base=300, baseline_rule=False)["ATOXGRH"] == 3


def test_baseline_record_is_graded_by_the_normal_limit():
    # E.7: baseline bilirubin 300 is 13.0 x ULN
    assert _grade("BILI", 300, uln=23, base=300, POST=False)["ATOXGRH"] == ORACLE["shift"]["base_grade_uln_rule"]


def test_missing_baseline_counts_as_normal_and_is_noted():
    found = _grade("BILI", 310, uln=23)
    assert found["ATOXGRH"] == 4
    assert NO_BASELINE in found["ATOXDSCH"]
    assert NO_BASELINE not in _grade("BILI", 310, uln=23, base=300)["ATOXDSCH"]
    assert NO_BASELINE not in _grade("BILI", 310, uln=23, POST=False)["ATOXDSCH"]


def test_anticoagulant_without_baseline_uses_the_absolute_limits_and_is_noted():
    found = _grade("INR", 2.6, ANTICOAG=True)
    assert found["ATOXGRH"] == 3
    assert NO_BASELINE in found["ATOXDSCH"]


@pytest.mark.parametrize(
    ("paramcd", "value", "grade"),
    [
        ("PLAT", 60, 2),  # below 75 whatever the laboratory's limit
        ("PLAT", 80, None),  # grade 1 or 0: the limit decides, and it is missing
        ("INR", 2.6, 3),
        ("INR", 1.1, 0),
        ("ALT", 900, None),  # every grade needs the limit
        ("SODIUM", 128, 2),
    ],
)
def test_a_grade_that_needs_no_limit_is_given_without_one(paramcd, value, grade):
    found = _grade(paramcd, value)["ATOXGRL" if paramcd in LOW else "ATOXGRH"]
    assert math.isnan(found) if grade is None else found == grade


def test_creatinine_grade_by_baseline_needs_no_limit():
    # 4 x baseline is grade 3 though the upper limit of normal is missing; 1.2 x baseline stays untold
    assert _grade("CREAT", 240, base=60)["ATOXGRH"] == 3
    assert math.isnan(_grade("CREAT", 72, base=60)["ATOXGRH"])


def test_a_missing_value_has_no_grade():
    assert math.isnan(_grade("PLAT", None, lln=125)["ATOXGRL"])


def test_a_test_without_criteria_has_no_grade():
    found = _grade("CRP", 300, uln=5)
    assert found[["ATOXGRL", "ATOXGRH", "ATOXDSCL", "ATOXDSCH"]].isna().all()


@pytest.mark.parametrize(
    ("paramcd", "low", "high", "expected"),
    [
        ("SODIUM", 0, 2, 2),
        ("SODIUM", 1, 0, 1),
        ("SODIUM", 0, math.nan, None),  # high side unknown: 0 would be a guess
        ("SODIUM", 3, math.nan, 3),
        ("ALB", 0, math.nan, 0),  # CTCAE grades albumin only downwards
        ("ALT", math.nan, 1, 1),
        ("CRP", math.nan, math.nan, None),
    ],
)
def test_the_worse_direction_wins(paramcd, low, high, expected):
    found = combine_grades(pd.Series([float(low)]), pd.Series([float(high)]), pd.Series([paramcd]))[0]
    assert math.isnan(found) if expected is None else found == expected


@pytest.mark.parametrize(
    ("paramcd", "limits", "expected"),
    [
        # Platelets: grade 4 below 10, not 25
        ("PLAT", {"lln": 125}, [(125, 0), (124, 1), (74, 2), (49, 3), (24, 3), (10, 3), (9, 4)]),
        ("NEUT", {"lln": 1.8}, [(1.79, 0), (1.5, 0), (1.49, 1), (0.99, 2), (0.49, 3), (0.09, 4)]),
        # ALT with baseline 100 above ULN 50: grade 3 above 2 x baseline, 4 above 4 x
        ("ALT", {"uln": 50, "base": 100}, [(99, 0), (100, 1), (150, 1), (151, 2), (200, 2), (201, 3), (400, 3), (401, 4)]),
        # ALP: grade 1 above the limit and above baseline, no other grade
        ("ALP", {"uln": 125, "base": 200}, [(126, 0), (200, 0), (201, 1), (9999, 1)]),
        ("ALP", {"uln": 125, "base": 100}, [(125, 0), (126, 1)]),
        # Creatinine 181 from 60 is 3 x baseline: only a baseline below the lower limit is compared with
        ("CREAT", {"uln": 104, "lln": 45, "base": 60}, [(91, 0), (105, 1), (157, 2), (313, 3), (625, 4)]),
        ("CREAT", {"uln": 104, "lln": 45, "base": 40}, [(60, 0), (61, 2), (121, 3), (160, 3), (625, 4)]),
    ],
)
def test_version_6_has_grades_of_its_own(paramcd, limits, expected):
    direction = "ATOXGRH" if "uln" in limits else "ATOXGRL"
    assert [(value, _grade(paramcd, value, version=6, **limits)[direction]) for value, _ in expected] == expected


@pytest.mark.parametrize(("fasting", "expected"), [(True, [0, 1, 2, 3, 4]), (False, [0, 0, 0, 3, 4])])
def test_version_6_grades_high_glucose_the_milder_grades_only_of_fasting_samples(fasting, expected):
    values = (6.1, 6.2, 9.0, 14.0, 28.0)  # ULN 6.1
    assert [_grade("GLUC", value, version=6, uln=6.1, lln=3.9, FASTING=fasting)["ATOXGRH"] for value in values] == expected
    assert math.isnan(_grade("GLUC", 28.0, version=5, uln=6.1, lln=3.9)["ATOXGRH"])


def test_before_treatment_version_6_grades_alkaline_phosphatase_by_the_normal_limit():
    assert _grade("ALP", 150, version=6, uln=125, base=200, POST=False)["ATOXGRH"] == 1
    assert _grade("ALP", 150, version=6, uln=125, base=200, baseline_rule=False)["ATOXGRH"] == 1


def test_the_indicator_of_the_baseline_tells_whether_it_was_abnormal():
    # bilirubin 40 of baseline 25: normal by its own laboratory's limit (26), above today's (23)
    assert _grade("BILI", 40, uln=23, base=25, BNRIND="NORMAL")["ATOXGRH"] == 2  # 1.7 x ULN
    assert _grade("BILI", 30, uln=23, base=25, BNRIND="HIGH")["ATOXGRH"] == 1  # 1.2 x baseline
    assert _grade("BILI", 36, uln=40, base=25, BNRIND="HIGH")["ATOXGRH"] == 1  # 1.44 x baseline, below today's ULN


@settings(deadline=None, derandomize=True)
@given(
    version=st.sampled_from([5, 6]),
    paramcd=st.sampled_from(sorted(HIGH)),
    value=st.decimals(min_value=1, max_value=5000, places=1),
    more=st.decimals(min_value=0, max_value=500, places=1),
    base=st.decimals(min_value=1, max_value=500, places=1),
)
def test_a_higher_value_never_has_a_lower_high_grade(version, paramcd, value, more, base):
    if paramcd not in read_scales(version)["H"]:
        return
    low = _grade(paramcd, float(value), version=version, uln=50, base=float(base))["ATOXGRH"]
    assert _grade(paramcd, float(value + more), version=version, uln=50, base=float(base))["ATOXGRH"] >= low


@settings(deadline=None, derandomize=True)
@given(
    paramcd=st.sampled_from(sorted(LOW)),
    value=st.decimals(min_value=0, max_value=200, places=2),
    less=st.decimals(min_value=0, max_value=50, places=2),
)
def test_a_lower_value_never_has_a_lower_low_grade(paramcd, value, less):
    lln = {"SODIUM": 137, "K": 3.5}.get(paramcd, 140)
    high = _grade(paramcd, float(value), lln=lln)["ATOXGRL"]
    assert _grade(paramcd, float(value - less), lln=lln)["ATOXGRL"] >= high
