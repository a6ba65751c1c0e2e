"""Linear models: what of a design can be estimated, least squares, and a linear function of coefficients with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

NAN = float("nan")
#: Shares of the largest singular value below which columns are a combination of others, and of a function that must lie in them.
_DEPENDENT, _OUTSIDE = 1e-9, 1e-7
#: Share of the sum of squares that is rounding: a fit that leaves less leaves nothing.
NOTHING_LEFT = 1e-22


class Effect(NamedTuple):
    """An adjusted mean or a difference of two: estimate, standard error, degrees of freedom, 95% t interval, two-sided p.

    Missing is not estimable. An estimate without a variance has no interval and no p.
    """

    estimate: float
    se: float
    df: float
    lo: float
    hi: float
    p: float


NO_EFFECT = Effect(NAN, NAN, NAN, NAN, NAN, NAN)


class Fit(Protocol):
    """A fitted model, which estimates linear functions of its coefficients."""

    def estimate(self, function: np.ndarray) -> Effect:
        """A linear function of the coefficients of the design: missing where the data do not tell it."""
        ...


def make_effect(estimate: float, se: float, df: float) -> Effect:
    """The t interval and test of an estimate; without a variance or degrees of freedom the estimate alone."""
    if not (se > 0 and df > 0):
        return Effect(estimate, NAN, NAN, NAN, NAN, NAN)
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, 0.975)) * se
    return Effect(estimate, se, df, estimate - half, estimate + half, float(2 * stdtr(df, -abs(estimate / se))))


@dataclass(frozen=True)
class Basis:
    """The columns of a design as orthonormal ones, of which none is a combination of others.

    ``columns`` has a column per independent one; ``directions`` and ``scale`` lead from the coefficients of the design
    to theirs. ``log_volume`` is the logarithm of what det(X'X) is for the design where it has full rank.
    """

    columns: np.ndarray
    singular: np.ndarray
    directions: np.ndarray
    scale: np.ndarray

    @property
    def rank(self) -> int:
        return len(self.singular)

    @property
    def log_volume(self) -> float:
        return float(2 * (np.log(self.singular).sum() + np.log(self.scale).sum()))

    def translate(self, function: np.ndarray) -> np.ndarray | None:
        """A linear function of the design's coefficients as one of the basis; none where the data do not tell it.

        A function is estimable where it is a combination of records' rows. Reference: Searle, Linear Models, 1971, section 5.4.
        """
        scaled = function / self.scale
        along = self.directions @ scaled
        if np.linalg.norm(scaled - self.directions.T @ along) > _OUTSIDE * np.linalg.norm(scaled):
            return None
        return np.asarray(along / self.singular)


def find_basis(matrix: np.ndarray) -> Basis:
    """Independent columns by singular values, columns brought to one length first: units decide nothing."""
    length = np.linalg.norm(matrix, axis=0)
    scale = np.where(length > 0, length, 1.0)
    columns, singular, directions = np.linalg.svd(matrix / scale, full_matrices=False)
    kept = singular > _DEPENDENT * singular.max(initial=0.0)
    return Basis(columns[:, kept], singular[kept], directions[kept], scale)


@dataclass(frozen=True)
class LeastSquares:
    """Ordinary least squares with independent errors of one variance."""

    basis: Basis
    coefficients: np.ndarray
    df: int
    variance: float

    def estimate(self, function: np.ndarray) -> Effect:
        """A linear function of the coefficients, with the residual degrees of freedom."""
        own = self.basis.translate(function)
        if own is None:
            return NO_EFFECT
        return make_effect(float(own @ self.coefficients), float(np.sqrt(self.variance * (own @ own))), self.df)


def fit_least_squares(matrix: np.ndarray, response: np.ndarray) -> LeastSquares:
    """Least squares (R ``lm``, SAS PROC GLM).

    The variance is missing without residual degrees of freedom, and where the model leaves no residual.
    """
    basis = find_basis(matrix)
    coefficients = basis.columns.T @ response
    residual = response - basis.columns @ coefficients
    df, left = len(response) - basis.rank, float(residual @ residual)
    told = df > 0 and left > NOTHING_LEFT * float(response @ response)
    return LeastSquares(basis, coefficients, df, left / df if told else NAN)
