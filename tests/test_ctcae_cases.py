"""CTCAE grades, versions 5 and 6, against 1,685 values that others graded.

Origin of ``oracles/ctcae_cases.csv``: pharmaverse/admiral at commit 6eb5125, tests/testthat/test-derive_var_atoxgr.R
(Apache-2.0; ``source_line`` is the row of its table), values in SI and in US units. The criteria are NCI's.
"""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.derive.ctcae import derive_ctcae, read_scales
from tests.oracle import FOLDER

CASES = pd.read_csv(FOLDER / "ctcae_cases.csv", dtype="str", keep_default_na=False)

#: Where we differ, and why. Nothing else may.
ASSUMED = {
    # NCI's text of version 5 starts grade 1 at 2.0 x an abnormal baseline; the origin only above it
    "365": "GGT of 2.0 x baseline is grade 1",
    # INR 1.2 without a baseline: we grade by the absolute limits, and the term says that the baseline is missing
    "440": "an anticoagulant without a baseline is graded by the absolute limits",
    "454": "an anticoagulant without a baseline is graded by the absolute limits",
}


def _numbers(name: str) -> pd.Series:
    return pd.to_numeric(CASES[name].replace("", None))


def _records() -> pd.DataFrame:
    value, change = _numbers("value"), _numbers("pct_change")
    symptoms = CASES["assumption"] == "symptoms"
    return pd.DataFrame(
        {
            "PARAMCD": CASES["test"].replace("GLUC_FASTING", "GLUC"),
            "AVAL": value,
            "AVALU": CASES["unit"].replace("", None),
            "ANRLO": _numbers("lln"),
            "ANRHI": _numbers("uln"),
            # fibrinogen states its percent change: the baseline is the value it changed from
            "BASE": _numbers("baseline").fillna(value / (1 + change / 100)),
            "BNRIND": CASES["baseline_flag"].replace("", None),
            "POST": True,
            "FASTING": CASES["test"] == "GLUC_FASTING",
            "HYPONAT": symptoms,
            "HYPOKAL": symptoms,
            "SYMPTOMS": symptoms,
        }
    )


def _grade(version: int) -> pd.Series:
    """The grade of each case in its direction: with and without an anticoagulant, the higher one, as the origin does."""
    both = [derive_ctcae(_records().assign(ANTICOAG=told), version=version) for told in (False, True)]
    return pd.concat([found["ATOXGRL"].where(CASES["direction"] == "L", found["ATOXGRH"]) for found in both], axis=1).max(axis=1)


@pytest.mark.parametrize(("version", "cases"), [(5, 896), (6, 789)])
def test_every_case_has_the_grade_others_gave_it(version, cases):
    mine = CASES["version"] == str(version)
    assert mine.sum() == cases
    found, expected = _grade(version)[mine], _numbers("grade")[mine]
    differs = ~((found == expected) | (found.isna() & expected.isna()))
    named = CASES["case"][mine].isin(ASSUMED)
    assert differs.sum() == named.sum()
    assert sorted(CASES["case"][mine][differs]) == sorted(CASES["case"][mine][named])


def test_the_differences_are_what_they_are_named_for():
    found = pd.concat([_grade(version)[CASES["version"] == str(version)] for version in (5, 6)])
    told = {case: found[CASES.index[CASES["case"] == case][0]] for case in ASSUMED}
    assert told == {"365": 1.0, "440": 0.0, "454": 0.0}


@pytest.mark.parametrize(("version", "cases"), [(5, 51), (6, 47)])
def test_a_value_without_a_unit_or_in_a_foreign_one_is_not_graded(version, cases):
    mine = (CASES["version"] == str(version)) & (CASES["kind"] == "unit other")
    assert mine.sum() == cases
    assert _grade(version)[mine].isna().all()


def test_every_graded_case_names_its_term():
    # hyperglycaemia of a fasting sample has its own name in the origin and the same criteria
    other = {"Hyperglycemia (Fasting)": "Hyperglycemia"}
    for version in (5, 6):
        terms = {
            (CASES["direction"][i], CASES["test"][i].removesuffix("_FASTING"), CASES["term"][i])
            for i in CASES.index[CASES["version"] == str(version)]
        }
        for direction, test, term in terms:
            assert read_scales(version)[direction][test].term == other.get(term, term)


@pytest.mark.parametrize(
    ("version", "test", "direction"), [(6, "LYM", "L"), (6, "CK", "H"), (5, "GLUC", "H"), (5, "ALB", "H"), (6, "CREAT", "L")]
)
def test_what_a_version_does_not_grade_by_value_has_no_scale(version, test, direction):
    assert test not in read_scales(version)[direction]
