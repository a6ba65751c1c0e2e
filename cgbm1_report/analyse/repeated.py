"""Linear models of repeated measures: the covariance of a subject's visits has a structure, fitted by restricted likelihood.

There is no kept Python library for it: those that fit mixed models have random effects and independent errors, none an
unstructured covariance of errors with Satterthwaite's degrees of freedom. Own code, held against SAS PROC MIXED.
References: Jennrich and Schluchter, Biometrics 1986;42:805-820; Fai and Cornelius, J Stat Comput Simul 1996;54:363-378, on
the degrees of freedom; Kenward and Roger, Biometrics 1997;53:983-997.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from cgbm1_report.analyse.covariances import Structure, build_structure, fill_matrix, spread_elements
from cgbm1_report.analyse.likelihood import NoMaximumError, Records, Slopes, State, arrange_records, differentiate, solve_model
from cgbm1_report.analyse.linear import NO_EFFECT, Basis, Effect, make_effect

Adjustment = Literal["satterthwaite", "kenward-roger"]

_STEPS, _HALVINGS = 100, 40
#: A Newton step that would lower minus twice the log-likelihood by no more than this is the last one: it is taken, as
#: degrees of freedom are less exact than the likelihood.
_REACHED = 1e-12
#: So much of the variance in every direction is left after a step: a likelihood that was brought to its edge finds no way back.
_SHRUNK = 0.1
#: The smallest eigenvalue of a correlation matrix, and the smallest share of the residual variance, that are above 0.
_SINGULAR, _NO_VARIANCE = 1e-7, 1e-8


class _Chain(NamedTuple):
    """The elements at some parameters, all groups one below the other, with first and second derivatives by group."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray


@dataclass(frozen=True)
class RepeatedFit:
    """A fitted model of repeated measures.

    ``covariance`` holds the matrix of the visits, one per group. ``minus2loglik`` has the constants of SAS PROC MIXED.
    """

    covariance: np.ndarray
    minus2loglik: float
    basis: Basis
    coefficients: np.ndarray
    root: np.ndarray
    sensitivity: np.ndarray
    uncertainty: np.ndarray
    widening: np.ndarray | None

    def estimate(self, function: np.ndarray) -> Effect:
        """A linear function of the coefficients with Satterthwaite's degrees of freedom.

        Where the fit was asked for Kenward and Roger's adjustment the standard error is theirs; for a single function
        their degrees of freedom are Satterthwaite's, and their factor is 1.
        """
        own = self.basis.translate(function)
        if own is None:
            return NO_EFFECT
        turned = self.root.T @ own
        variance = float(turned @ turned)
        slope = np.einsum("kab,a,b->k", self.sensitivity, turned, turned)
        df = 2 * variance**2 / float(slope @ self.uncertainty @ slope)
        if self.widening is not None:
            variance += float(turned @ self.widening @ turned)
        return make_effect(float(own @ self.coefficients), float(np.sqrt(variance)), df)


def fit_repeated(
    matrix: np.ndarray,
    response: np.ndarray,
    subject: np.ndarray,
    visit: np.ndarray,
    structure: str,
    *,
    group: np.ndarray | None = None,
    restricted: bool = True,
    adjustment: Adjustment = "satterthwaite",
) -> RepeatedFit:
    """Fit a linear model whose errors at a subject's visits are correlated (SAS PROC MIXED with REPEATED, R ``mmrm``).

    Newton's method with exact derivatives from uncorrelated visits on, Fisher scoring where the likelihood is not
    concave, steps halved until the likelihood rises and the covariance is positive definite. The degrees of freedom come
    from the observed information, as in SAS. The order of the records does not matter.

    Parameters
    ----------
    visit
        The number of the record's visit from 0 on; each visit must have a record.
    structure
        A name of `STRUCTURES`.
    group
        A number from 0 on: each group has a covariance of its own.
    restricted
        False: maximum likelihood.

    Raises
    ------
    NoMaximumError
        No fit can be trusted: no residual degrees of freedom or no residual, covariances no subject tells of, no
        convergence, or a covariance matrix that is not positive definite.
    ValueError
        A subject has two records of a visit.
    """
    order = np.lexsort((visit, subject))
    chosen = np.zeros(len(response), dtype=int) if group is None else group
    records = arrange_records(*(np.asarray(part)[order] for part in (matrix, response, subject, visit, chosen)))
    shape = build_structure(structure, records.seen.shape[1])
    _refuse_untold(records, shape)
    state, slopes, chain, curvature = _maximise(records, shape, restricted=restricted)
    covariance = fill_matrix(chain.value.reshape(records.groups, -1), shape.visits)
    _refuse_singular(covariance, float(records.variances.mean()))
    uncertainty = 2 * np.linalg.inv(curvature)
    rank = records.basis.rank
    sensitivity = (chain.first.T @ slopes.information).reshape(-1, rank, rank)
    widening = _widen(records, state, slopes, chain, uncertainty) if adjustment == "kenward-roger" else None
    return RepeatedFit(
        covariance, state.value, records.basis, state.coefficients, state.root, sensitivity, uncertainty, widening
    )  # fmt: skip


def _refuse_untold(records: Records, shape: Structure) -> None:
    """Each parameter needs a subject with records of two visits (or one, of a variance) that it is the covariance of."""
    row, column = np.tril_indices(shape.visits)
    for group in range(records.groups):
        own = records.seen[records.group == group]
        together = (own[:, row] & own[:, column]).any(axis=0)
        if not (shape.powers[together] != 0).any(axis=0).all():
            raise NoMaximumError("no subject has records of both visits of a covariance")


def _refuse_singular(covariance: np.ndarray, residual: float) -> None:
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    root = np.sqrt(variance)
    correlation = covariance / (root[:, :, None] * root[:, None, :])
    if variance.min() < _NO_VARIANCE * residual or np.linalg.eigvalsh(correlation).min() < _SINGULAR:
        raise NoMaximumError("the covariance matrix is not positive definite")


def _expand(shape: Structure, parameters: np.ndarray) -> _Chain:
    from scipy.linalg import block_diag

    parts = [shape.expand(own) for own in parameters]
    return _Chain(
        np.concatenate([part.value for part in parts]),
        block_diag(*(part.first for part in parts)),
        np.stack([part.second for part in parts]),
    )


def _maximise(records: Records, shape: Structure, *, restricted: bool) -> tuple[State, Slopes, _Chain, np.ndarray]:
    """The model at the maximum, with its derivatives by the elements and by the parameters there.

    Where the way from uncorrelated visits is too long, it is begun anew where a trust region comes to.
    """
    start = np.tile(shape.start(records.variances), (records.groups, 1))
    try:
        return _climb(records, shape, start, restricted=restricted)
    except NoMaximumError:
        nearer = _approach(records, shape, restricted=restricted)
        if nearer is None:
            raise
        return _climb(records, shape, nearer, restricted=restricted)


def _climb(
    records: Records, shape: Structure, parameters: np.ndarray, *, restricted: bool
) -> tuple[State, Slopes, _Chain, np.ndarray]:
    """Newton's method from these parameters on, Fisher scoring where the likelihood is not concave."""
    chain = _expand(shape, parameters)
    state = solve_model(records, chain.value, restricted=restricted)
    last = False
    for _ in range(_STEPS):
        if state is None:
            break
        slopes = differentiate(records, state, restricted=restricted)
        gradient, curvature = _by_parameters(records, slopes, chain)
        step = _newton(curvature, gradient)
        reached = step is not None and bool(-gradient @ step < _REACHED)
        if reached and last:
            return state, slopes, chain, curvature
        if step is None:
            step = _newton(chain.first.T @ slopes.expected @ chain.first, gradient)
        if step is None:
            raise NoMaximumError("the data do not tell the covariance matrix")
        found = _walk(records, shape, parameters, step.reshape(parameters.shape), state, restricted=restricted)
        if found is None:
            if reached:
                return state, slopes, chain, curvature
            break
        (parameters, chain, state), last = found, reached
    raise NoMaximumError("the likelihood did not converge")


def _by_parameters(records: Records, slopes: Slopes, chain: _Chain) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives of minus twice the log-likelihood by the parameters."""
    from scipy.linalg import block_diag

    bend = np.einsum("gs,gskl->gkl", slopes.gradient.reshape(records.groups, -1), chain.second)
    return chain.first.T @ slopes.gradient, chain.first.T @ slopes.observed @ chain.first + block_diag(*bend)


def _approach(records: Records, shape: Structure, *, restricted: bool) -> np.ndarray | None:
    """Parameters near the maximum by scipy's trust region, along coordinates that leave no variance below 0.

    An unstructured matrix goes by its Cholesky factor with the logarithm of the diagonal, so that it stays positive
    definite; other structures by the logarithm of variances.
    """
    from scipy.optimize import minimize

    is_free = len(shape.powers) == shape.powers.shape[1] and shape.is_linear
    coordinates = partial(_factor if is_free else _scale, shape, records.variances)
    size = shape.powers.shape[1]

    def parameters_of(point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        parts = [coordinates(own) for own in point.reshape(records.groups, size)]
        return np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts]), np.stack([part[2] for part in parts])

    def value(point: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            parameters = parameters_of(point)[0]
            if not np.isfinite(parameters).all():
                return np.inf
            found = solve_model(records, _expand(shape, parameters).value, restricted=restricted)
        return np.inf if found is None else found.value

    def slopes_at(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from scipy.linalg import block_diag

        parameters, first, second = parameters_of(point)
        chain = _expand(shape, parameters)
        state = solve_model(records, chain.value, restricted=restricted)
        if state is None:
            raise np.linalg.LinAlgError
        gradient, curvature = _by_parameters(records, differentiate(records, state, restricted=restricted), chain)
        bend = np.einsum("gp,gpkl->gkl", gradient.reshape(records.groups, size), second)
        turn = block_diag(*first)
        return turn.T @ gradient, turn.T @ curvature @ turn + block_diag(*bend)

    try:
        found = minimize(
            value, np.zeros(records.groups * size), jac=lambda point: slopes_at(point)[0], hess=lambda point: slopes_at(point)[1],
            method="trust-exact", options={"gtol": 1e-5, "maxiter": _STEPS},
        )  # fmt: skip
    except (np.linalg.LinAlgError, UnboundLocalError):
        # scipy's trust region gives up a step that it cannot find by an UnboundLocalError (1.17: IterativeSubproblem.solve).
        return None
    return parameters_of(found.x)[0]


def _scale(shape: Structure, variances: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters whose variances are the exponential of their coordinate, with first and second derivatives."""
    start, own = shape.start(variances), shape.variances
    parameters = np.where(own, start * np.exp(np.where(own, point, 0.0)), point * (variances.mean() if shape.is_linear else 1.0))
    first = np.diag(np.where(own, parameters, variances.mean() if shape.is_linear else 1.0))
    second = np.zeros((len(point),) * 3)
    place = np.flatnonzero(own)
    second[place, place, place] = parameters[place]
    return parameters, first, second


def _factor(shape: Structure, variances: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The elements of the matrix by its Cholesky factor, in units of the standard deviations it starts from."""
    row, column = np.tril_indices(shape.visits)
    unit, on = np.sqrt(variances)[row], row == column
    cells = unit * np.where(on, np.exp(np.where(on, point, 0.0)), point)
    factor = np.zeros((shape.visits, shape.visits))
    factor[row, column] = cells
    slope = np.zeros((len(point), shape.visits, shape.visits))
    slope[np.arange(len(point)), row, column] = np.where(on, cells, unit)
    first = slope @ factor.T
    second = np.einsum("kia,lja->klij", slope, slope)
    place = np.flatnonzero(on)
    second[place, place] += first[place]
    first, second = first + np.swapaxes(first, 1, 2), second + np.swapaxes(second, 2, 3)
    elements = (factor @ factor.T)[row, column]
    return elements, first[:, row, column].T, np.moveaxis(second[:, :, row, column], 2, 0)


def _newton(curvature: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
    """The step to the lowest point of the quadratic, or none where it has no lowest point."""
    diagonal = np.diagonal(curvature)
    if not (diagonal > 0).all():
        return None
    scale = 1 / np.sqrt(diagonal)
    try:
        lower = np.linalg.cholesky(curvature * scale[:, None] * scale)
    except np.linalg.LinAlgError:
        return None
    if np.diagonal(lower).min() < 1e-7:
        return None
    from scipy.linalg import cho_solve

    return np.asarray(-scale * cho_solve((lower, True), scale * gradient))


def _walk(
    records: Records, shape: Structure, parameters: np.ndarray, step: np.ndarray, state: State, *, restricted: bool
) -> tuple[np.ndarray, _Chain, State] | None:
    """The first of the step, its half, its quarter and so on that is better and keeps away from a singular covariance."""
    before = fill_matrix(_expand(shape, parameters).value.reshape(records.groups, -1), shape.visits)
    for halving in range(_HALVINGS):
        tried = parameters + step / 2**halving
        if (tried[:, shape.variances] > 0).all():
            chain = _expand(shape, tried)
            after = fill_matrix(chain.value.reshape(records.groups, -1), shape.visits)
            if _shrinks(before, after) < _SHRUNK:
                continue
            found = solve_model(records, chain.value, restricted=restricted)
            # The likelihood is known to about twelve digits: a step within them is no step back.
            if found is not None and found.value <= state.value + 1e-12 * abs(state.value):
                return tried, chain, found
    return None


def _shrinks(before: np.ndarray, after: np.ndarray) -> float:
    """The share that is left of the variance in the direction that loses most; below 0 is not positive definite."""
    root = np.linalg.inv(np.linalg.cholesky(before))
    return float(np.linalg.eigvalsh(root @ after @ np.swapaxes(root, 1, 2)).min())


def _widen(records: Records, state: State, slopes: Slopes, chain: _Chain, uncertainty: np.ndarray) -> np.ndarray:
    """What Kenward and Roger add to the covariance of the coefficients, rotated by ``root``: twice their Lambda.

    The covariance of the parameters is that of the observed information, and second derivatives are those by the
    parameters of SAS, as there.
    """
    visits, rank = records.seen.shape[1], records.basis.rank
    spread = spread_elements(visits)
    turned = state.weighted @ state.root
    elements = chain.first @ uncertainty @ chain.first.T
    size = spread.shape[1]
    total = np.zeros((rank, rank))
    for group in range(records.groups):
        own = slice(group * size, (group + 1) * size)
        inner = (spread @ elements[own, own] @ spread.T).reshape((visits,) * 4)
        middle = np.einsum("ijkl,pjk->pil", inner, state.inverse[records.group == group])
        whose = (records.group == group)[records.pattern]
        place = np.cumsum(records.group == group) - 1
        part = turned[whose]
        total += np.einsum("nia,nij,njb->ab", part, middle[place[records.pattern[whose]]], part, optimize=True)
    rotated = slopes.information.reshape(-1, rank, rank)
    total -= np.einsum("st,sab,tbc->ac", elements, rotated, rotated, optimize=True)
    parameters = chain.second.shape[-1]
    blocks = uncertainty.reshape(records.groups, parameters, records.groups, parameters)
    bend = np.concatenate([
        np.einsum("skl,kl->s", chain.second[group], blocks[group, :, group]) for group in range(records.groups)
    ])  # fmt: skip
    total -= np.einsum("s,sab->ab", bend, rotated) / 4
    return 2 * total
