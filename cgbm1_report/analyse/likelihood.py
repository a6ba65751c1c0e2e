"""The likelihood of a linear model whose errors at a subject's visits are correlated, with its first and second derivatives.

With V the covariance of the records, X the design, Phi = (X' V^-1 X)^-1 and Q = V^-1 - V^-1 X Phi X' V^-1, minus twice
the restricted log-likelihood is log|V| + log|X' V^-1 X| + y' Q y + (n - p) log 2 pi. All derivatives are those by the
elements of a subject's covariance matrix; a structure (`covariances`) leads from its parameters to the elements.
References: Harville, JASA 1977;72:320-338; Lindstrom and Bates, JASA 1988;83:1014-1022.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgbm1_report.analyse.covariances import fill_matrix, spread_elements
from cgbm1_report.analyse.linear import NOTHING_LEFT, Basis, find_basis


class NoMaximumError(ValueError):
    """The likelihood has no maximum at a positive definite covariance, or none was found; the message says which."""


class Records(NamedTuple):
    """The records of a model: an array per subject, with 0 at visits without a record.

    Subjects with the same visits and of the same group share a pattern; ``members`` has a row per pattern that tells who.
    """

    basis: Basis
    design: np.ndarray
    response: np.ndarray
    pattern: np.ndarray
    seen: np.ndarray
    group: np.ndarray
    members: np.ndarray
    groups: int
    records: int
    variances: np.ndarray


class State(NamedTuple):
    """The model at one covariance: inverse per pattern, coefficients and residuals, minus twice the log-likelihood.

    ``root`` times its transpose is the covariance of the coefficients.
    """

    value: float
    inverse: np.ndarray
    weighted: np.ndarray
    root: np.ndarray
    coefficients: np.ndarray
    residual: np.ndarray


class Slopes(NamedTuple):
    """Derivatives of minus twice the log-likelihood by the elements.

    ``information`` holds those of X' V^-1 X, with their sign turned and rotated by ``root``.
    """

    gradient: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    information: np.ndarray


def arrange_records(matrix: np.ndarray, response: np.ndarray, subject: np.ndarray, visit: np.ndarray, group: np.ndarray) -> Records:
    """Records in the order of their subjects and visits as arrays of subjects."""
    basis = find_basis(matrix)
    if len(response) <= basis.rank:
        raise NoMaximumError("no more records than coefficients")
    residual = response - basis.columns @ (basis.columns.T @ response)
    if residual @ residual <= NOTHING_LEFT * (response @ response):
        raise NoMaximumError("the model leaves no residual")
    names, row = np.unique(subject, return_inverse=True)
    visits = int(visit.max()) + 1
    counted = np.bincount(row * visits + visit, minlength=len(names) * visits).reshape(len(names), visits)
    if (counted > 1).any():
        raise ValueError(f"{names[(counted > 1).any(axis=1)][0]} has two records of a visit")
    seen = counted > 0
    design, values = np.zeros((*seen.shape, basis.rank)), np.zeros(seen.shape)
    design[row, visit], values[row, visit] = basis.columns, response
    own_group = np.zeros(len(names), dtype=int)
    own_group[row] = group
    kinds, pattern = np.unique(np.column_stack([own_group, seen]), axis=0, return_inverse=True)
    spread = np.bincount(visit, residual**2, visits) / np.bincount(visit, minlength=visits) * len(response)
    # A visit whose residuals are all 0 starts with a tenth of the others' variance: from 0 no step leads away.
    variances = np.maximum(spread, 0.1 * (residual @ residual)) / (len(response) - basis.rank)
    members = (np.arange(len(kinds))[:, None] == pattern.ravel()).astype("float64")
    return Records(
        basis, design, values, pattern.ravel(), kinds[:, 1:].astype(bool), kinds[:, 0], members, int(group.max()) + 1,
        len(response), variances,
    )  # fmt: skip


def solve_model(records: Records, elements: np.ndarray, *, restricted: bool) -> State | None:
    """Generalised least squares at a covariance; none where it is not positive definite."""
    visits = records.seen.shape[1]
    covariance = fill_matrix(elements.reshape(records.groups, -1), visits)
    both = records.seen[:, :, None] & records.seen[:, None, :]
    try:
        np.linalg.cholesky(covariance)
        lower = np.linalg.cholesky(np.where(both, covariance[records.group], np.eye(visits)))
        inverse = np.linalg.inv(lower)
        inverse = np.where(both, np.swapaxes(inverse, 1, 2) @ inverse, 0.0)
        weighted = inverse[records.pattern] @ records.design
        flat = records.design.reshape(-1, records.basis.rank)
        information = np.linalg.cholesky(flat.T @ weighted.reshape(flat.shape))
    except np.linalg.LinAlgError:
        return None
    root = np.linalg.inv(information).T
    coefficients = root @ (root.T @ (weighted.reshape(flat.shape).T @ records.response.ravel()))
    away = records.response - records.design @ coefficients
    residual = (inverse[records.pattern] @ away[..., None])[..., 0]
    volume = 2 * records.members.sum(axis=1) @ np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    value = volume + float((away * residual).sum()) + records.records * np.log(2 * np.pi)
    if restricted:
        lost = 2 * np.log(np.diagonal(information)).sum() + records.basis.log_volume
        value += lost - records.basis.rank * np.log(2 * np.pi)
    return State(float(value), inverse, weighted, root, coefficients, residual) if np.isfinite(value) else None


def differentiate(records: Records, state: State, *, restricted: bool) -> Slopes:
    """First and second derivatives by the elements; what all subjects of a pattern share is computed once."""
    from scipy.linalg import block_diag

    visits, rank = records.seen.shape[1], records.basis.rank
    spread, inverse, number = spread_elements(visits), state.inverse, records.members.sum(axis=1)[:, None, None]
    turned = state.weighted @ state.root
    fitted, squared = (
        (records.members @ (one @ np.swapaxes(one, 1, 2)).reshape(len(one), -1)).reshape(inverse.shape)
        for one in (turned, state.residual[..., None])
    )  # fmt: skip
    fitted = fitted if restricted else np.zeros_like(fitted)
    groups = [records.group == group for group in range(records.groups)]
    slope = number * inverse - fitted - squared
    gradient = np.concatenate([slope[own].sum(axis=0).ravel() @ spread for own in groups])
    known = 2 * fitted - number * inverse
    observed, expected = (
        block_diag(*(_pair(inverse[own], middle[own], spread) for own in groups)) for middle in (known + 2 * squared, -known)
    )
    information, rotated = [], []
    for own in groups:
        whose = own[records.pattern]
        part, away = turned[whose], state.residual[whose]
        cross = np.tensordot(part, part, axes=(0, 0)).transpose(0, 2, 1, 3).reshape(visits * visits, -1)
        information.append(spread.T @ cross)
        rotated.append(spread.T @ np.einsum("nia,nj->ija", part, away).reshape(visits * visits, rank))
    lost, score = np.concatenate(information), np.concatenate(rotated)
    between = lost @ lost.T if restricted else 0.0
    return Slopes(gradient, observed - between - 2 * score @ score.T, expected + between, lost)


def _pair(inverse: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The sum over patterns of tr(D_k V^-1 D_l M), D being the derivatives of the covariance by its elements."""
    visits = inverse.shape[1]
    product = inverse.reshape(len(inverse), -1).T @ middle.reshape(len(middle), -1)
    # The product has the cells (j, k) of V^-1 and (l, i) of M: D_ij and D_kl stand around them.
    around = product.reshape((visits,) * 4).transpose(3, 0, 1, 2).reshape(visits * visits, -1)
    return np.asarray(spread.T @ around @ spread)
