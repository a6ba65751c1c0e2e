"""Analyses of covariance anew: normal equations of sums within treatments and levels of factors, which SQL takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import Key

if TYPE_CHECKING:
    import numpy as np

#: A share of a sum of squares that rounding leaves.
_NOTHING = 1e-9
#: Kinds of columns of a design besides levels, which have the number of their factor: treatments, the dose, the covariate.
_ARM, _DOSE, _SLOPE = "arm", "dose", "slope"


class Group(NamedTuple):
    """Records of a treatment with these levels of the factors: how many, their means, sums of squares and products.

    ``dose`` is the mean of their doses; without one, and without a covariate, it is 0.
    """

    head: str
    levels: tuple[str, ...]
    n: int
    mean: float
    base: float
    dose: float
    sxx: float
    syy: float
    sxy: float


def read_groups(
    database: Database, view: View, rows: Mapping[int, Key], y: str, x: str, factors: Sequence[str] = (), dose: str = ""
) -> dict[int, list[Group]]:
    """The groups of each row's model, those with a record; ``y`` is explained by ``x`` (empty: by nothing), as SQL tells them.

    A record without a factor or without its dose is in no model.
    """
    found: dict[int, list[Group]] = {row: [] for row in rows}
    x, z = x or "CAST(0 AS DOUBLE)", f"CAST(r.{quote(dose)} AS DOUBLE)" if dose else "CAST(0 AS DOUBLE)"
    levels = [f"CAST(r.{quote(name)} AS VARCHAR)" for name in factors]
    known = " AND ".join(f"{term} IS NOT NULL" for term in (y, x, *levels))
    for asked, values in database.match(view, rows):
        answer = database.ask(
            f"SELECT h.row, r.head, [{', '.join(levels)}]::VARCHAR[], count(*), avg({y}), avg({x}), avg({z}), "
            f"regr_sxx({y}, {x}), regr_syy({y}, {x}), regr_sxy({y}, {x}) "
            f"{asked} WHERE {known} GROUP BY ALL ORDER BY ALL",
            values,
        )
        for row, head, own, *sums in answer:
            found[row].append(Group(head, tuple(own), *sums))
    return found


class Fitted(NamedTuple):
    """A fit: what its coefficients are of, their covariance, the residual degrees of freedom.

    ``middle`` is the mean response, which was taken off, ``shares`` how much of each column a mean takes besides its treatment.
    """

    columns: list[tuple[str, ...]]
    coefficients: np.ndarray
    covariance: np.ndarray
    df: int
    middle: float
    shares: np.ndarray

    @property
    def heads(self) -> list[str]:
        """The treatments that are in it."""
        return [column[1] for column in self.columns if column[0] == _ARM and len(column) > 1]

    def tell(self, own: str, other: str = "") -> dict[str, float]:
        """The mean of a treatment at the mean covariate, over the levels; or its difference from another, with its t test."""
        import numpy as np

        asked = np.zeros(len(self.columns)) if other else self.shares.copy()
        asked[self.columns.index((_ARM, own))] += 1
        if other:
            asked[self.columns.index((_ARM, other))] -= 1
        return self._tell(asked, 0.0 if other else self.middle)

    def slope(self) -> dict[str, float]:
        """The dose's coefficient with its t test."""
        import numpy as np

        return self._tell(np.array([float(one == (_DOSE,)) for one in self.columns]), 0.0)

    def _tell(self, asked: np.ndarray, middle: float) -> dict[str, float]:
        from scipy.special import stdtr, stdtrit

        estimate, error = float(asked @ self.coefficients), math.sqrt(asked @ self.covariance @ asked)
        half = float(stdtrit(self.df, 0.975)) * error
        told = {"estimate": estimate + middle, "std.error": error, "df": self.df}
        told |= {"conf.low": estimate + middle - half, "conf.high": estimate + middle + half}
        return {**told, "p.value": 2 * float(stdtr(self.df, -abs(estimate / error)))}


def fit_groups(groups: Sequence[Group], weights: str = "equal", *, dosed: bool = False, based: bool = True) -> Fitted | None:
    """Least squares by normal equations; none where these say nothing: no freedom, no residual, no spread of the covariate.

    Parameters
    ----------
    dosed
        The dose as a number stands for the treatments; groups tell its spread.
    based
        There is a covariate.
    """
    import numpy as np

    n = sum(one.n for one in groups)
    if not n:
        return None
    base, middle = (math.fsum(one.n * value for one, value in zip(groups, own, strict=True)) / n for own in (
        [one.base for one in groups], [one.mean for one in groups],
    ))  # fmt: skip
    factors = [sorted({one.levels[at] for one in groups}) for at in range(len(groups[0].levels))]
    columns: list[tuple[str, ...]] = [(_DOSE,), (_ARM,)] if dosed else [(_ARM, head) for head in {one.head: 0 for one in groups}]
    columns += [(str(at), level) for at, levels in enumerate(factors) for level in levels[1:]]
    columns += [(_SLOPE,)] if based else []
    counts = np.array([one.n for one in groups], dtype="float64")
    design = np.array([[_value(column, one, base) for column in columns] for one in groups])
    response = np.array([one.mean - middle for one in groups])
    normal, right = design.T @ (counts[:, None] * design), design.T @ (counts * response)
    within = math.fsum(one.syy for one in groups)
    if based:
        normal[-1, -1] += math.fsum(one.sxx for one in groups)
        right[-1] += math.fsum(one.sxy for one in groups)
    df = n - len(columns)
    if df <= 0 or not _is_told(normal, n * base**2 + normal[-1, -1] if based else 0.0):
        return None
    inverse = np.linalg.inv(normal)
    coefficients = inverse @ right
    residual = within + float(counts @ response**2) - float(coefficients @ right)
    if residual <= _NOTHING * max(1.0, within):
        return None
    shares = counts @ design / n if weights == "observed" else np.array([_equally(column, factors) for column in columns])
    shares *= [column[0].isdigit() for column in columns]
    return Fitted(columns, coefficients, residual / df * inverse, df, middle, shares)


def _value(column: tuple[str, ...], one: Group, base: float) -> float:
    """What a group has in a column of the design; of a covariate its mean, measured from that of all records."""
    if column[0] == _SLOPE:
        return one.base - base
    if column[0] == _DOSE:
        return one.dose
    if column[0] == _ARM:
        return float(column[1:] in ((), (one.head,)))
    return float(one.levels[int(column[0])] == column[1])


def _equally(column: tuple[str, ...], factors: Sequence[Sequence[str]]) -> float:
    return 1 / len(factors[int(column[0])]) if column[0].isdigit() else 0.0


def _is_told(normal: np.ndarray, squares: float) -> bool:
    """Whether no column is a combination of others: of the covariate, last, more is left than rounding leaves of its squares."""
    import numpy as np

    scale = 1 / np.sqrt(np.maximum(np.diagonal(normal), 1e-300))
    lower = np.linalg.eigvalsh(normal * scale[:, None] * scale).min()
    if not squares:
        return bool(lower > _NOTHING)
    others = normal[:-1, :-1]
    lengths = 1 / np.sqrt(np.diagonal(others))
    if np.linalg.eigvalsh(others * lengths[:, None] * lengths).min() <= _NOTHING:
        return False
    left = normal[-1, -1] - normal[-1, :-1] @ np.linalg.solve(others, normal[:-1, -1])
    return bool(left > _NOTHING * max(1.0, squares))
