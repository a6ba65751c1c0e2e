"""Models of repeated measures against SAS PROC MIXED, number by number.

The numbers are those of openpharma/mmrm (Apache-2.0), which ran PROC MIXED on its data of 200 subjects: ``oracles/sas_mixed.json``
says where each stands, ``oracles/fev1.csv`` holds the 537 records with a value. A number of SAS is met within half a unit of
its last digit and 2e-5 of itself, or within 0.3 % of its standard error: PROC MIXED stops a little before the maximum.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.analyse.covariances import STRUCTURES, build_structure
from cgbm1_report.analyse.likelihood import NoMaximumError
from cgbm1_report.analyse.linear import Effect
from cgbm1_report.analyse.repeated import RepeatedFit, fit_repeated
from tests.oracle import FOLDER, read_oracle

SAS = read_oracle("sas_mixed")
FEV1 = pd.read_csv(FOLDER / "fev1.csv")


def columns_of(model: dict[str, Any]) -> list[tuple[frozenset[str], dict[str, str]]]:
    """The coefficients of a model, each by its effect and levels; levels of reference have none."""
    found: list[tuple[frozenset[str], dict[str, str]]] = [(frozenset({"Intercept"}), {})]
    for effect in model["fixed"]:
        names = effect.split("*")
        levels = [[(name, one) for one in sorted(set(FEV1[name])) if one != model["reference_levels"][name]] for name in names]
        found += [(frozenset(names), dict(combined)) for combined in product(*levels)]
    return found


def indicate(levels: dict[str, str]) -> np.ndarray:
    return np.prod([np.ones(len(FEV1)), *((FEV1[name] == level).to_numpy(float) for name, level in levels.items())], axis=0)


def fit(model: dict[str, Any], visits: list[str], **asked: Any) -> RepeatedFit:
    matrix = np.column_stack([indicate(levels) for _, levels in columns_of(model)])
    group = (FEV1["ARMCD"] == "TRT").to_numpy(int) if model.get("covariance_by_group") else None
    return fit_repeated(
        matrix, FEV1["FEV1"].to_numpy(), FEV1["USUBJID"].to_numpy("U"), FEV1["AVISIT"].map(visits.index).to_numpy(),
        model["covariance_type"], group=group, restricted=model["method"] == "REML", **asked,
    )  # fmt: skip


def meets(found: float, printed: float, spread: float = 0.0) -> bool:
    """Whether it is the number SAS prints, given its standard error."""
    text = repr(float(printed))
    stored = 0.5 if float(printed).is_integer() else 0.5 * 10.0 ** -len(text.partition(".")[2])
    return abs(found - printed) <= max(stored + 2e-5 * abs(printed), 0.003 * spread)


def missed(effect: Effect, printed: dict[str, Any]) -> list[str]:
    """What of a line of SAS is another number here. A df that is printed whole and ends in about .5 may be either."""
    found = {"estimate": effect.estimate, "se": effect.se, "lower": effect.lo, "upper": effect.hi}
    wrong = [name for name, value in found.items() if name in printed and not meets(value, printed[name], effect.se)]
    if abs(effect.df - printed["df"]) > 0.53:
        wrong.append("df")
    p = printed["p"]
    if not (effect.p < 1e-4 if p == "<.0001" else abs(effect.p - float(p)) <= 0.00005 + 0.003 * effect.p):
        wrong.append("p")
    return [f"{printed['effect']} {printed['levels']}: {name}" for name in wrong]


def shape(name: str) -> tuple[str, int]:
    """A covariance parameter of SAS, as what it is: ``TOEPH(2)`` and ``TOEP(3)`` are both of a lag of 2."""
    kind, _, place = name.rstrip(")").partition("(")
    return kind, int(place or 0) - (kind == "TOEP") if "," not in place else 0


def covariance_of(found: RepeatedFit, told: dict[str, Any]) -> float:
    matrix = found.covariance[1 if told.get("group") == "TRT" else 0]
    kind, lag = shape(told["name"])
    root = np.sqrt(np.diagonal(matrix))
    correlation = matrix / np.outer(root, root)
    if kind == "UN":
        row, column = (int(one) - 1 for one in told["name"][3:-1].split(","))
        return float(matrix[row, column])
    if kind == "Var":
        return float(matrix[lag - 1, lag - 1])
    if kind == "Rho":
        return float(correlation[lag - 1, lag])
    if kind == "TOEPH":
        return float(correlation[0, lag])
    if kind in ("AR", "ARH", "CSH"):
        return float(correlation[0, 1])
    if kind in ("TOEP", "CS"):
        return float(matrix[0, lag if kind == "TOEP" else 1])
    # The residual of compound symmetry is what the variance has beyond the covariance; else it is the variance.
    return float(matrix[0, 0])


@pytest.mark.parametrize("case", SAS["fits"], ids=lambda case: case["id"])
def test_likelihood_covariance_and_coefficients_are_those_of_sas(case: dict[str, Any]) -> None:
    found = fit(case["model"], case["visits"])
    # SAS never comes lower than the minimum.
    assert -1e-7 < case["minus2loglik"] - found.minus2loglik < 2e-5
    wrong = []
    for told in case["covariance"]:
        value = covariance_of(found, told)
        if told["name"] == "Residual" and case["model"]["covariance_type"] == "CS":
            value -= float(found.covariance[0][0, 1])
        # A Wald interval is twice 1.96 standard errors wide; of a variance somewhat more.
        if told["name"] != "Variance" or case["model"]["covariance_type"] != "CS":
            wrong += [] if meets(value, told["estimate"], (told["upper"] - told["lower"]) / 3.92) else [told["name"]]
    coefficients = columns_of(case["model"])
    for told in case["fixed_effects"]:
        place = coefficients.index((frozenset(told["effect"].split("*")), told["levels"]))
        wrong += missed(found.estimate(np.eye(len(coefficients))[place]), told)
    assert wrong == []


def mean_of(levels: dict[str, str], model: dict[str, Any]) -> np.ndarray:
    """A least-squares mean as a function of the coefficients: factors it does not name count equally."""
    shares = []
    for _, own in columns_of(model):
        free = [1 / FEV1[name].nunique() for name in own if name not in levels]
        shares.append(math.prod(free) * all(levels.get(name, level) == level for name, level in own.items()))
    return np.array(shares)


@pytest.mark.parametrize("case", [case for case in SAS["fits"] if "lsmeans" in case], ids=lambda case: case["id"])
def test_least_squares_means_and_all_their_differences_are_those_of_sas(case: dict[str, Any]) -> None:
    found = fit(case["model"], case["visits"])
    wrong = [one for told in case["lsmeans"] for one in missed(found.estimate(mean_of(told["levels"], case["model"])), told)]
    for told in case["lsmean_differences"]:
        apart = mean_of(told["levels"], case["model"]) - mean_of(told["minus"], case["model"])
        wrong += missed(found.estimate(apart), told)
    assert wrong == []
    assert (len(case["lsmeans"]), len(case["lsmean_differences"])) == (8, 28)


@pytest.mark.parametrize("told", SAS["kenward_roger"], ids=lambda told: told["covariance_type"])
def test_kenward_rogers_standard_error_and_degrees_of_freedom_are_those_of_sas(told: dict[str, Any]) -> None:
    """MODEL FEV1 = ARMCD / DDFM=KR"""
    model = {"fixed": ["ARMCD"], "reference_levels": {"ARMCD": "PBO"}, "covariance_type": told["covariance_type"], "method": "REML"}
    found = fit(model, ["VIS1", "VIS2", "VIS3", "VIS4"], adjustment="kenward-roger").estimate(np.array([0.0, 1.0]))
    assert found.estimate == pytest.approx(told["estimate"], abs=5e-6)
    assert found.se == pytest.approx(told["se"], rel=2e-4)
    assert found.df == pytest.approx(told["df"], rel=4e-4)
    # For one function the adjustment is one of the standard error alone.
    plain = fit(model, ["VIS1", "VIS2", "VIS3", "VIS4"]).estimate(np.array([0.0, 1.0]))
    assert plain.df == found.df
    assert abs(found.se / plain.se - 1) > 5e-4


def test_every_structure_of_sas_is_compared() -> None:
    assert {case["model"]["covariance_type"] for case in SAS["fits"]} == set(STRUCTURES)
    assert {told["covariance_type"] for told in SAS["kenward_roger"]} == set(STRUCTURES)


@pytest.mark.parametrize("name", STRUCTURES)
def test_derivatives_of_a_structure_are_those_of_its_elements(name: str) -> None:
    """Central differences of the elements and of their first derivatives, at correlations of both signs and of 0."""
    structure = build_structure(name, 4)
    at = np.where(
        structure.variances, np.linspace(1.5, 3.0, len(structure.variances)), np.linspace(-0.3, 0.3, len(structure.variances))
    )
    at[-1] = 0.0 if not structure.variances[-1] else at[-1]
    step = 1e-5
    for place, one in enumerate(np.eye(len(at)) * step):
        above, below = structure.expand(at + one), structure.expand(at - one)
        np.testing.assert_allclose((above.value - below.value) / (2 * step), structure.expand(at).first[:, place], atol=1e-8)
        np.testing.assert_allclose((above.first - below.first) / (2 * step), structure.expand(at).second[:, :, place], atol=1e-8)


@pytest.mark.parametrize("name", STRUCTURES)
def test_one_visit_is_the_same_in_every_structure(name: str) -> None:
    first = FEV1[FEV1["AVISIT"] == "VIS1"]
    matrix = np.column_stack([np.ones(len(first)), first["ARMCD"] == "TRT"]).astype(float)
    found = fit_repeated(matrix, first["FEV1"].to_numpy(), first["USUBJID"].to_numpy("U"), np.zeros(len(first), int), name)
    # R: summary(lm(FEV1 ~ ARMCD, subset(fev, AVISIT == "VIS1")))$coefficients[2, ]
    effect = found.estimate(np.array([0.0, 1.0]))
    assert effect.estimate == pytest.approx(VIS1["estimate"], abs=1e-8)
    assert effect.se == pytest.approx(VIS1["se"], abs=1e-8)
    assert effect.df == pytest.approx(len(first) - 2, abs=1e-6)


VIS1 = read_oracle("r_models")["first_visit"]


def rows(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A subject per line: its values by visit, ``.`` where it has none."""
    cells = [line.split() for line in text.strip().splitlines()]
    placed = [(who, visit, float(cell)) for who, line in enumerate(cells) for visit, cell in enumerate(line) if cell != "."]
    subject, visit, values = (np.array(one) for one in zip(*placed, strict=True))
    return np.ones((len(values), 1)) * (visit[:, None] == np.arange(visit.max() + 1)), values, subject, visit


@pytest.mark.parametrize(
    ("drawn", "structure", "reason"),
    [
        # Nobody was seen at both visits: their covariance is anybody's guess.
        ("1 .\n2 .\n4 .\n. 3\n. 5\n. 8", "UN", "no subject has records of both visits"),
        ("1 .\n2 .\n4 .\n. 3\n. 5\n. 8", "CS", "no subject has records of both visits"),
        # The second visit is twice the first: a correlation of 1.
        ("1 2\n2 4\n4 8\n3 6\n7 14", "UN", "do not tell|not positive definite|did not converge"),
        # Everybody the same at a visit: a variance of 0.
        ("1 3\n2 3\n4 3\n7 3", "UN", "do not tell|not positive definite|did not converge"),
        ("1 3\n1 3\n1 3", "CS", "leaves no residual"),
        ("1 3", "CS", "no more records than coefficients"),
        # Three subjects cannot tell the covariances of three visits.
        ("1 3 2\n2 1 5\n4 2 2", "UN", "do not tell|not positive definite|did not converge"),
    ],
)  # fmt: skip
def test_fit_that_cannot_be_trusted_is_none_and_says_why(drawn: str, structure: str, reason: str) -> None:
    with pytest.raises(NoMaximumError, match=reason):
        fit_repeated(*rows(drawn), structure)


def test_a_step_that_the_trust_region_cannot_find_is_a_fit_that_did_not_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    """scipy 1.17 ends such a search by an UnboundLocalError: the next structure is tried, as after any other."""

    def lost(*_: object, **__: object) -> None:
        raise UnboundLocalError("cannot access local variable 'p'")

    monkeypatch.setattr("scipy.optimize.minimize", lost)
    with pytest.raises(NoMaximumError, match=r"do not tell|not positive definite|did not converge"):
        fit_repeated(*rows("1 3 2\n2 1 5\n4 2 2"), "UN")


def test_two_records_of_a_visit_are_refused() -> None:
    with pytest.raises(ValueError, match="B has two records of a visit"):
        fit_repeated(np.ones((4, 1)), np.array([1.0, 2, 3, 4]), np.array(["A", "A", "B", "B"]), np.array([0, 1, 1, 1]), "CS")


def test_units_decide_nothing() -> None:
    """Milligrams or kilograms, 10^9 copies or one: estimates follow, degrees of freedom and p stay."""
    matrix, values, subject, visit = rows("3 5 4\n2 . 3\n6 7 9\n4 6 5\n8 7 .\n5 8 9\n1 4 2\n7 9 9\n4 3 6\n6 8 5")
    covariate = np.array([0.5, 3, 1, 2, 4, 2.5, 1.5, 3.5, 0.7, 2.2])[subject.astype(int)][:, None]
    small = fit_repeated(np.hstack([matrix, covariate]), values, subject, visit, "UN").estimate(np.array([0.0, 0, 0, 1]))
    large = fit_repeated(np.hstack([matrix, covariate * 1e9]), values * 1e-6, subject, visit, "UN").estimate(
        np.array([0.0, 0, 0, 1])
    )
    assert large.estimate == pytest.approx(small.estimate * 1e-15, rel=1e-6)
    assert (large.df, large.p) == pytest.approx((small.df, small.p), rel=1e-6)
