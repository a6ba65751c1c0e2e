"""Covariance structures of repeated measures, as SAS PROC MIXED names and parametrises them.

Every variance and covariance of every structure here is a product of powers of a few parameters, so a structure is a
table of powers: a row per element of the covariance matrix, a column per parameter. Values and derivatives follow from
the table. References: SAS/STAT 15.1 User's Guide, The MIXED Procedure, REPEATED statement, TYPE=; Jennrich and
Schluchter, Biometrics 1986;42:805-820.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

#: The structures by their names in SAS, as a footnote calls them.
STRUCTURES: Final = {
    "UN": "unstructured",
    "TOEPH": "heterogeneous Toeplitz",
    "TOEP": "Toeplitz",
    "ARH(1)": "heterogeneous first-order autoregressive",
    "AR(1)": "first-order autoregressive",
    "ANTE(1)": "first-order ante-dependence",
    "CSH": "heterogeneous compound symmetry",
    "CS": "compound symmetry",
}


class Elements(NamedTuple):
    """The elements of a covariance matrix at some parameters, with their first and second derivatives."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray


@dataclass(frozen=True)
class Structure:
    """A covariance structure of so many visits.

    ``powers`` has a row per element on and below the diagonal, row by row (``numpy.tril_indices``), and a column per
    parameter. ``variances`` tells the parameters that are a variance and so above 0.
    """

    visits: int
    powers: np.ndarray

    @property
    def diagonal(self) -> np.ndarray:
        """Which elements are variances."""
        row, column = np.tril_indices(self.visits)
        return np.asarray(row == column)

    @property
    def variances(self) -> np.ndarray:
        """Which parameters are variances: those that a variance of a visit is made of."""
        return np.asarray((self.powers[self.diagonal] != 0).any(axis=0))

    @property
    def is_linear(self) -> bool:
        """Whether each element is one parameter."""
        return bool(np.isin(self.powers, (0, 1)).all() and (self.powers.sum(axis=1) == 1).all())

    def start(self, variances: np.ndarray) -> np.ndarray:
        """Parameters of visits with these variances and no correlation."""
        own = self.powers[self.diagonal]
        return np.asarray((own.T @ variances) / np.maximum(own.sum(axis=0), 1.0))

    def expand(self, parameters: np.ndarray) -> Elements:
        """The elements of the covariance matrix and their derivatives by the parameters."""
        count = len(parameters)
        if self.is_linear:
            return Elements(self.powers @ parameters, self.powers, np.zeros((len(self.powers), count, count)))
        one = np.eye(count)
        first = self.powers
        lowered = np.where(first[:, :, None] == 0, 0.0, self.powers[:, None, :] - one)
        second = first[:, :, None] * (self.powers[:, None, :] - one)
        twice = np.where(second[..., None] == 0, 0.0, self.powers[:, None, None, :] - one[:, None] - one[None, :])
        return Elements(
            np.prod(parameters**self.powers, axis=-1),
            first * np.prod(parameters**lowered, axis=-1),
            second * np.prod(parameters**twice, axis=-1),
        )


def build_structure(name: str, visits: int) -> Structure:
    """The structure of this name (`STRUCTURES`) of so many visits, in their order.

    Parameters are those of SAS, so that first and second derivatives by them are its: elements of the matrix themselves
    where it is linear (UN, TOEP, CS), else variances and correlations. Those no element is made of (all correlations of one
    visit) are left out.
    """
    row, column = np.tril_indices(visits)
    lag = row - column
    linear = {"UN": np.arange(len(lag)), "TOEP": lag, "CS": np.minimum(lag, 1)}
    if name in linear:
        return Structure(visits, np.eye(linear[name].max() + 1)[linear[name]])
    steps = np.arange(visits - 1)
    correlations = {
        "AR(1)": lag[:, None],
        "ARH(1)": lag[:, None],
        "CSH": np.minimum(lag, 1)[:, None],
        "TOEPH": (lag[:, None] == steps + 1),
        "ANTE(1)": (column[:, None] <= steps) & (steps < row[:, None]),
    }
    visit = np.eye(visits)
    own = np.ones((len(lag), 1)) if name == "AR(1)" else (visit[row] + visit[column]) / 2
    powers = np.hstack([own, correlations[name]]).astype("float64")
    return Structure(visits, powers[:, powers.any(axis=0)])


def fill_matrix(elements: np.ndarray, visits: int) -> np.ndarray:
    """The symmetric matrix, or matrices, of elements on and below the diagonal."""
    row, column = np.tril_indices(visits)
    matrix = np.zeros((*elements.shape[:-1], visits, visits))
    matrix[..., row, column] = elements
    matrix[..., column, row] = elements
    return matrix


def spread_elements(visits: int) -> np.ndarray:
    """The derivative of the matrix, written as one vector, by its elements: a row per cell, a column per element."""
    row, column = np.tril_indices(visits)
    spread = np.zeros((visits * visits, len(row)))
    place = np.arange(len(row))
    spread[row * visits + column, place] = 1.0
    spread[column * visits + row, place] = 1.0
    return spread
