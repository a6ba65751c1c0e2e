"""Survival numbers that SAS and R users published: PSIAIMS/CAMIS (Apache-2.0), the WHAS500 data and 10 subjects.

``oracles/camis_survival.json`` says where each number stands in that repository; every one was recomputed in R 4.2.2
(survival 3.5-3). ``oracles/whas500.csv`` is its ``data/whas500.sas7bdat``.
"""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from cgbm1_report.analyse import event_times as s
from tests.oracle import FOLDER, assert_close, read_oracle

PUBLISHED = read_oracle("camis_survival")
WHAS500 = PUBLISHED["whas500"]
PAST = PUBLISHED["landmark_past_last_time"]["cases"]
GROUPS = ("AFB=1", "AFB=0")

#: Published numbers of methods no output uses, so the program has none of them: named here, not passed over.
NOT_MADE = {
    "tests": {"wilcoxon", "likelihood_ratio_exponential", "log_rank_stratified_by_GENDER"},
    "models": {("breslow", None), ("breslow", "GENDER"), ("efron", "GENDER")},
    "limits": {"ci_log"},
}


def subjects(time: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, events and who has AFB = 0 (the arm compared with AFB = 1)."""
    with (FOLDER / "whas500.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = np.array([float(row[time]) for row in rows])
    return times, np.array([row["FSTAT"] == "1" for row in rows]), np.array([row["AFB"] == "0" for row in rows])


def curve_of(group: str) -> s.Curve:
    time, event, other = subjects("LENFOLY")
    own = other if group == "AFB=0" else ~other
    return s.kaplan_meier(time[own], event[own])


@pytest.mark.parametrize("group", GROUPS)
def test_events_and_censorings_are_as_published(group: str) -> None:
    curve = curve_of(group)
    assert (curve.events.sum(), curve.censored.sum()) == (WHAS500["events"][group], WHAS500["censored"][group])


@pytest.mark.parametrize("case", WHAS500["landmarks_LENFOLY"], ids=lambda case: f"{case['group']} year {case['year']}")
def test_survival_at_a_landmark_is_as_published(case: dict[str, Any]) -> None:
    found = s.free_at(curve_of(case["group"]), case["year"])
    assert found.at_risk == case["number_at_risk_r_before"]
    assert_close(found.free, case["survival"], what="survival")
    assert_close(found.se, case["se"], what="se")
    again = case["recomputed"]
    for name, value in (("free", again["survival"]), ("se", again["se"])):
        assert_close(getattr(found, name), value, what=name)
    for published in (case["ci_log_log"], again["ci_log_log"]):
        assert_close(found.lo, published[0], what="lo")
        assert_close(found.hi, published[1], what="hi")


@pytest.mark.parametrize("group", GROUPS)
def test_quartiles_and_their_log_log_limits_are_as_published(group: str) -> None:
    published = WHAS500["quartiles_LENFOLY"]
    places = zip(published["percentiles"], published["estimate"][group], published["ci_log_log"][group], strict=True)
    for percent, estimate, limits in places:
        found = s.time_quantile(curve_of(group), percent / 100)
        for value, expected in zip(found, (estimate, *limits), strict=True):
            assert_close(value, expected, what=f"{percent} %")


def test_log_rank_is_as_published() -> None:
    published = WHAS500["tests_LENFOLY"]
    found = s.log_rank(*subjects("LENFOLY"))
    assert_close(found.chi2, published["log_rank"]["chisq"])
    assert_close(found.chi2, published["log_rank"]["recomputed_chisq"])
    assert_close(found.p, published["log_rank"]["p"])
    for place, group in enumerate(GROUPS):
        counted = published["log_rank_observed_expected"][group]
        assert found.observed[place] == counted["observed"]
        assert_close(found.expected[place], counted["expected"])


MADE = [model for model in WHAS500["cox"]["models"] if (model["ties"], model["strata"]) not in NOT_MADE["models"]]


@pytest.mark.parametrize("model", MADE, ids=lambda model: str(model["time"]))
def test_cox_model_with_efron_ties_is_as_published(model: dict[str, Any]) -> None:
    found = s.cox_hazard_ratio(*subjects(model["time"]))
    for name, key in (("hr", "hr"), ("lo", "lower"), ("hi", "upper"), ("p", "p")):
        assert_close(getattr(found, name), model["recomputed"][key], what=name)
        if key in model:
            assert_close(getattr(found, name), model[key], what=name)


@pytest.mark.parametrize(
    ("case", "landmark"), [(case, mark) for case in PAST for mark in case["landmarks"]],
    ids=lambda value: str(value.get("id", value.get("time"))),
)  # fmt: skip
def test_nothing_is_estimated_past_the_last_time_unless_nobody_is_left(case: dict[str, Any], landmark: dict[str, Any]) -> None:
    """As SAS, and as R without ``extend``; the limits to eight digits where they were recomputed."""
    found = s.free_at(s.kaplan_meier(np.array(case["time"]), np.array(case["event"])), landmark["time"])
    for published in (landmark["sas"], case.get("recomputed", {}).get(str(landmark["time"]), landmark["sas"])):
        for name, value in zip(("free", "lo", "hi"), published, strict=True):
            assert_close(getattr(found, name), value, what=name)
    assert found.at_risk == sum(time >= landmark["time"] for time in case["time"])


@pytest.mark.parametrize("case", PAST, ids=lambda case: str(case["id"]))
def test_quartiles_of_the_ten_subjects_are_those_of_r(case: dict[str, Any]) -> None:
    """Where the curve is 0.5 to its end SAS gives no median, R (and the report) the middle of that interval."""
    for percent, printed in case["quartiles"]["r"].items():
        expected = case["quartiles"].get("r_3.5-3_here", {}).get(percent, printed)
        found = s.time_quantile(s.kaplan_meier(np.array(case["time"]), np.array(case["event"])), int(percent) / 100)
        for value, one in zip(found, expected, strict=True):
            assert_close(value, one, what=f"{percent} %")


def test_what_was_published_and_is_not_made_is_named() -> None:
    """A number added to the file is compared or named above, never passed over."""
    assert set(WHAS500["tests_LENFOLY"]) - NOT_MADE["tests"] == {"log_rank", "log_rank_observed_expected"}
    assert {(m["ties"], m["strata"]) for m in WHAS500["cox"]["models"]} - NOT_MADE["models"] == {("efron", None)}
    limits = {name for name in WHAS500["quartiles_LENFOLY"] if name.startswith("ci_")}
    assert limits - NOT_MADE["limits"] == {"ci_log_log"}
    assert {mark["time"] for case in PAST for mark in case["landmarks"]} == {80, 100, 120}
