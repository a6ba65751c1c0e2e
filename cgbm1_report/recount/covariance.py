"""Analyses of covariance anew, in closed form from sums of squares within treatments, which SQL takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import Key

_NAN = float("nan")


class Arm(NamedTuple):
    """Records of a treatment that have change and baseline: how many, their means, sums of squares and products."""

    n: int
    mean: float
    base: float
    sxx: float
    syy: float
    sxy: float


def read_arms(database: Database, view: View, rows: Mapping[int, Key], y: str, x: str) -> dict[int, dict[str, Arm]]:
    """The arms of each row's model, those with a record; ``y`` is explained by ``x``, of a record ``r`` as SQL tells them."""
    found: dict[int, dict[str, Arm]] = {row: {} for row in rows}
    for asked, values in database.match(view, rows):
        answer = database.ask(
            f"SELECT h.row, r.head, count(*), avg({y}), avg({x}), regr_sxx({y}, {x}), regr_syy({y}, {x}), regr_sxy({y}, {x}) "
            f"{asked} WHERE {y} IS NOT NULL AND {x} IS NOT NULL GROUP BY h.row, r.head",
            values,
        )
        for row, head, *sums in answer:
            found[row][head] = Arm(*sums)
    return found


class _Model(NamedTuple):
    slope: float
    variance: float
    df: int
    base: float
    sxx: float


def _fit(arms: Iterable[Arm]) -> _Model | None:
    """One slope for all arms; none where a closed form says nothing: no spread of the baseline, no residual freedom."""
    own = list(arms)
    n = sum(arm.n for arm in own)
    sxx, sxy, syy = (math.fsum(values) for values in zip(*((arm.sxx, arm.sxy, arm.syy) for arm in own), strict=True))
    df = n - len(own) - 1
    # Within arms that are single records, or of one baseline, sums of squares are what rounding leaves.
    if df <= 0 or sxx <= 1e-9 * max(1.0, math.fsum(arm.n * arm.base**2 for arm in own)):
        return None
    slope = sxy / sxx
    residual = syy - slope * sxy
    if residual <= 1e-9 * max(1.0, syy):
        return None
    return _Model(slope, residual / df, df, math.fsum(arm.n * arm.base for arm in own) / n, sxx)


def adjust_anew(arms: Mapping[str, Arm], heads: Iterable[str]) -> dict[str, dict[str, float]]:
    """Least-squares means at the mean baseline of all records, of the arms that have some."""
    model = _fit(arms.values()) if arms else None
    found: dict[str, dict[str, float]] = {head: {"n": arms[head].n if head in arms else 0} for head in heads}
    if model is None:
        return found
    for head, arm in arms.items():
        away = arm.base - model.base
        error = math.sqrt(model.variance * (1 / arm.n + away**2 / model.sxx))
        found[head] |= _told(arm.mean - model.slope * away, error, model.df)
    return found


def compare_anew(arms: Mapping[str, Arm], reference: str) -> dict[str, dict[str, float]]:
    """Differences of least-squares means from the reference, with their t test."""
    model = _fit(arms.values()) if arms else None
    found: dict[str, dict[str, float]] = {}
    other = arms.get(reference)
    if model is None or other is None:
        return found
    for head, arm in arms.items():
        away = arm.base - other.base
        error = math.sqrt(model.variance * (1 / arm.n + 1 / other.n + away**2 / model.sxx))
        apart = arm.mean - other.mean - model.slope * away
        found[head] = {**_told(apart, error, model.df), "p.value": _two_sided(apart / error, model.df)}
    return found


def _told(estimate: float, error: float, df: int) -> dict[str, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(df, 0.975)) * error
    return {"estimate": estimate, "std.error": error, "df": df, "conf.low": estimate - half, "conf.high": estimate + half}


def _two_sided(t: float, df: int) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(df, -abs(t)))
