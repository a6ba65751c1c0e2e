"""Change by treatment, adjusted for baseline: analysis of covariance at a visit and repeated measures over all visits.

Both give least-squares means of the treatments and their differences from the reference, as R ``emmeans`` and SAS LSMEANS:
of a treatment with every covariate at its mean over the records of the model. Where the response is a logarithm,
`as_ratios` takes them back to geometric means and ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from cgbm1_report.analyse.likelihood import NoMaximumError
from cgbm1_report.analyse.linear import NAN, NO_EFFECT, Effect, Fit, fit_least_squares
from cgbm1_report.analyse.repeated import Adjustment, fit_repeated

#: Structures in the order they are tried: the next one only where the likelihood of the one before has no maximum.
FALLBACK: Final = ("UN", "TOEPH", "CS")
#: A treatment's mean over all visits, each counting the same.
OVERALL: Final = "overall"
#: A treatment at a visit.
Cell = tuple[str, object]


@dataclass(frozen=True)
class Terms:
    """What a model explains and by what.

    Treatments stand in ``arm``; records of other treatments are in no model. Each covariate has a slope, in a model over
    visits one per visit. Factors are added to the treatments without interaction; a mean is over their levels, which count
    ``equal`` (R ``emmeans``, SAS LSMEANS) or as often as records have them (``observed``, SAS LSMEANS / OM). ``dose`` is a
    variable whose slope is asked for in a model without treatments; ``pairwise`` asks for the differences of all treatments.
    """

    response: str
    arms: tuple[str, ...]
    reference: str
    covariates: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    weights: Literal["equal", "observed"] = "equal"
    arm: str = "COLUMN"
    dose: str | None = None
    pairwise: bool = False

    @property
    def compared(self) -> tuple[str, ...]:
        """All treatments but the reference."""
        return tuple(arm for arm in self.arms if arm != self.reference)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Two treatments of which none is the reference, the later one first, where they are to be compared."""
        return tuple((arm, other) for other, arm in combinations(self.compared, 2)) if self.pairwise else ()


@dataclass(frozen=True)
class Adjusted:
    """Least-squares means and their differences from the reference, by treatment and visit.

    Every treatment has an entry at every visit, and at `OVERALL` of a model over visits; what cannot be estimated is
    missing. ``subjects`` are those of the model in each cell, ``fit`` the model itself. ``structure`` is the covariance
    structure that was fitted, empty where none could be, and ``failed`` says of the structures before it why not.
    ``pairs`` are differences of treatments other than the reference, ``slopes`` those of the dose by visit.
    """

    means: Mapping[Cell, Effect]
    differences: Mapping[Cell, Effect]
    subjects: Mapping[Cell, tuple[str, ...]]
    fit: Fit | None
    structure: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str, object], Effect] = field(default_factory=dict)
    slopes: Mapping[object, Effect] = field(default_factory=dict)


def fit_ancova(records: pd.DataFrame, terms: Terms) -> Adjusted:
    """Analysis of covariance: response by treatment, factors and covariates, ordinary least squares.

    One record per subject. Records that lack the response, a covariate or a factor are not in the model. The visit of the
    means is the empty text. The interval and test have the residual degrees of freedom; without any, or without residual
    variance, the estimates stand alone. A covariate that is the same for everybody adjusts for nothing.
    Computed as R ``emmeans(lm(CHG ~ TRTP + BASE), "TRTP")``, SAS PROC GLM with LSMEANS.

    Raises
    ------
    ValueError
        A subject has two records.
    """
    used = _complete(records, terms, [])
    design = _make_design(used.assign(**{_ONLY: ""}), terms, _ONLY, [""])
    adjusted = _adjust(fit_least_squares(design.matrix, used[terms.response].to_numpy(dtype="float64")), design, terms)
    return replace(adjusted, slopes={"": _fit_slope(records, terms)}) if terms.dose else adjusted


def _fit_slope(records: pd.DataFrame, terms: Terms) -> Effect:
    """The slope of the dose in place of the treatments, covariates and factors as they are; the t test is that of type III."""
    named = records[records[terms.arm].isin(terms.arms)].assign(**{terms.arm: ""})
    own = replace(terms, arms=("",), reference="", covariates=(str(terms.dose), *terms.covariates), dose=None)
    used = _complete(named, own, [])
    design = _make_design(used.assign(**{_ONLY: ""}), own, _ONLY, [""])
    function = np.zeros(design.matrix.shape[1])
    function[len(design.cells)] = 1.0
    return fit_least_squares(design.matrix, used[terms.response].to_numpy(dtype="float64")).estimate(function)


def fit_ancova_by_visit(records: pd.DataFrame, terms: Terms, visit: str, visits: Sequence[object]) -> Adjusted:
    """An analysis of covariance at each visit, of the records of that visit alone (`fit_ancova`)."""
    made = {one: fit_ancova(records[records[visit] == one], terms) for one in visits}

    def gather(cells_of: Callable[[Adjusted], Mapping[Cell, Any]]) -> dict[Cell, Any]:
        return {(arm, one): value for one, fitted in made.items() for (arm, _), value in cells_of(fitted).items()}

    return Adjusted(
        gather(lambda one: one.means), gather(lambda one: one.differences), gather(lambda one: one.subjects), None,
        pairs={(arm, other, one): value for one, fitted in made.items() for (arm, other, _), value in fitted.pairs.items()},
        slopes={one: value for one, fitted in made.items() for value in fitted.slopes.values()},
    )  # fmt: skip


def fit_mmrm(
    records: pd.DataFrame,
    terms: Terms,
    visit: str,
    visits: Sequence[object],
    *,
    structures: Sequence[str] = FALLBACK,
    adjustment: Adjustment = "satterthwaite",
) -> Adjusted:
    """Mixed model for repeated measures: treatment by visit, covariates by visit, correlated visits of a subject.

    One record per subject and visit; all records that have a response count, of whatever other visits the subject has
    any. Visits without a record are not in the model and have no means. Restricted likelihood, Satterthwaite's degrees
    of freedom. The structures are tried in their order; a fit that did not converge or whose covariance is not positive
    definite is never used, and where no structure has one all means are missing.
    Computed as SAS PROC MIXED with REPEATED / TYPE=UN and DDFM=SATTERTHWAITE; reference: Mallinckrodt et al., Drug
    Information Journal 2008;42:303-319.

    Parameters
    ----------
    visit
        The variable that names a record's visit.
    visits
        The visits in their order in time. Records of other visits are not in the model.

    Raises
    ------
    ValueError
        A subject has two records of a visit.
    """
    used = _complete(records[records[visit].isin(list(visits))], terms, [visit])
    seen = [one for one in visits if (used[visit] == one).any()]
    design = _make_design(used, terms, visit, seen)
    response = used[terms.response].to_numpy(dtype="float64")
    place = used[visit].map({one: number for number, one in enumerate(seen)}).to_numpy(dtype=int)
    subject = used["USUBJID"].to_numpy(dtype="U")
    failed: dict[str, str] = {}
    for structure in structures if len(seen) else ():
        try:
            fit = fit_repeated(design.matrix, response, subject, place, structure, adjustment=adjustment)
        except NoMaximumError as error:
            failed[structure] = str(error)
        else:
            return replace(_adjust(fit, design, terms, visits), structure=structure, failed=failed)
    return replace(_adjust(None, design, terms, visits), failed=failed)


def as_ratios(adjusted: Adjusted, base: float = 10.0) -> Adjusted:
    """Means and differences of a logarithm as geometric means and ratios to the reference, with their limits.

    A difference of logarithms of this base is the logarithm of a ratio; p and degrees of freedom are the same, and the
    standard error, which is one of logarithms, is left out.
    """

    def back(effects: Mapping[Any, Effect]) -> dict[Any, Effect]:
        return {
            cell: one._replace(estimate=raised(one.estimate), se=NAN, lo=raised(one.lo), hi=raised(one.hi))
            for cell, one in effects.items()
        }

    def raised(power: float) -> float:
        # A limit beyond what a number can be says as much as none.
        with np.errstate(over="ignore"):
            value = float(np.float_power(base, power))
        return value if np.isfinite(value) else NAN

    return replace(adjusted, means=back(adjusted.means), differences=back(adjusted.differences), pairs=back(adjusted.pairs))


#: A visit variable for a model that has none.
_ONLY: Final = "only visit"


@dataclass(frozen=True)
class _Design:
    """The columns of a model: one per treatment and visit, then covariates by visit, then factors.

    ``cells`` has the column of each treatment at each visit, ``rest`` what a mean takes of the other columns. Covariates
    are measured from their means, so that a mean takes none of them.
    """

    matrix: np.ndarray
    cells: Mapping[Cell, int]
    rest: np.ndarray
    subjects: Mapping[Cell, tuple[str, ...]]
    visits: Sequence[object]

    def mean(self, cells: Sequence[Cell]) -> np.ndarray:
        """The mean of these cells as a function of the coefficients."""
        function = self.rest.copy()
        for cell in cells:
            function[self.cells[cell]] += 1 / len(cells)
        return function


def _complete(records: pd.DataFrame, terms: Terms, by: list[str]) -> pd.DataFrame:
    """The records of a model, in an order of their own: those of its treatments that lack nothing."""
    needed = [terms.response, *terms.covariates, *terms.factors]
    used = records[records[terms.arm].isin(terms.arms) & records[needed].notna().all(axis=1)]
    twice = used.duplicated(["USUBJID", *by])
    if twice.any():
        raise ValueError(f"{used.loc[twice, 'USUBJID'].iloc[0]} has two records{' of a visit' if by else ''}")
    return used.sort_values(["USUBJID", *by], kind="stable")


def _tell_apart(values: pd.Series, levels: Sequence[object]) -> np.ndarray:
    """A column of 0 and 1 per level."""
    columns = [(values == level).to_numpy(dtype="float64") for level in levels]
    return np.stack(columns, axis=1) if columns else np.zeros((len(values), 0))


def _make_design(used: pd.DataFrame, terms: Terms, visit: str, visits: Sequence[object]) -> _Design:
    of, at = _tell_apart(used[terms.arm], terms.arms), _tell_apart(used[visit], visits)
    cells: list[Cell] = [(arm, one) for arm in terms.arms for one in visits]
    parts, rest = [(of[:, :, None] * at[:, None, :]).reshape(len(used), len(cells))], [np.zeros(len(cells))]
    for covariate in terms.covariates:
        values = used[covariate].to_numpy(dtype="float64")
        # The mean of equal values may miss them by a rounding, which would look like a slope.
        from_mean = values - values.mean() if len(values) and np.ptp(values) > 0 else np.zeros(len(values))
        parts.append(from_mean[:, None] * at)
        rest.append(np.zeros(len(visits)))
    for factor in terms.factors:
        levels = sorted(used[factor].unique())
        parts.append(_tell_apart(used[factor], levels[1:]))
        rest.append(np.full(len(levels[1:]), 1 / max(1, len(levels))) if terms.weights == "equal" else parts[-1].mean(axis=0))
    who = used["USUBJID"].to_numpy(dtype="U")
    subjects = {cell: tuple(sorted(set(who[parts[0][:, number] > 0]))) for number, cell in enumerate(cells)}
    return _Design(np.hstack(parts), {cell: number for number, cell in enumerate(cells)}, np.concatenate(rest), subjects, visits)


def _adjust(fit: Fit | None, design: _Design, terms: Terms, visits: Sequence[object] | None = None) -> Adjusted:
    """Means and differences of all cells; missing without a fit, and where a visit has no record."""

    def estimate(arm: str, own: Sequence[object], reference: str = "") -> Effect:
        if fit is None or not set(own) <= set(design.visits) or not own:
            return NO_EFFECT
        function = design.mean([(arm, one) for one in own])
        return fit.estimate(function - design.mean([(reference, one) for one in own]) if reference else function)

    asked: dict[object, Sequence[object]] = {one: [one] for one in (design.visits if visits is None else visits)}
    if visits is not None:
        asked[OVERALL] = list(visits)
    means = {(arm, key): estimate(arm, own) for arm in terms.arms for key, own in asked.items()}
    differences = {
        (arm, key): estimate(arm, own, terms.reference) if terms.reference in terms.arms else NO_EFFECT
        for arm in terms.compared
        for key, own in asked.items()
    }
    pairs = {(arm, other, key): estimate(arm, own, other) for arm, other in terms.pairs for key, own in asked.items()}
    subjects = {cell: design.subjects.get(cell, ()) for cell in means if cell[1] != OVERALL}
    return Adjusted(means, differences, subjects, fit, pairs=pairs)
