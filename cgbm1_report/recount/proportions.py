"""Intervals and tests of proportions anew, by what defines them, from counts that were counted anew."""

from __future__ import annotations

import math
from collections.abc import Mapping

#: Two-sided 95%: the square of the normal point.
_CHI = 3.8414588206941254
_TAIL = 0.025
_NAN = float("nan")


def interval_anew(told: Mapping[str, float], n: int, total: int) -> dict[str, float]:
    """Clopper and Pearson's limits: those told, if each leaves 2.5% of the binomial beyond the count, else none.

    A limit is 0 or 1 where the count is none or all.
    """
    if not total:
        return {"conf.low": _NAN, "conf.high": _NAN}
    low, high = told["conf.low"], told["conf.high"]
    if n:
        low = low if 0 < low < 1 and abs(_at_least(n, total, low) - _TAIL) < 1e-9 else _NAN
    if n < total:
        high = high if 0 < high < 1 and abs(1 - _at_least(n + 1, total, high) - _TAIL) < 1e-9 else _NAN
    return {"conf.low": low if n else 0.0, "conf.high": high if n < total else 1.0}


def _at_least(n: int, total: int, share: float) -> float:
    """The probability of as many events or more."""
    return math.fsum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(n, total + 1))


def difference_anew(told: Mapping[str, float], own: tuple[int, int], other: tuple[int, int]) -> dict[str, float]:
    """The difference of two proportions; Miettinen and Nurminen's limits as told, if the score there is chi-squared's 95% point."""
    if not own[1] or not other[1]:
        return {"estimate": _NAN, "conf.low": _NAN, "conf.high": _NAN}
    apart = own[0] / own[1] - other[0] / other[1]
    limits = {}
    for name, edge in (("conf.low", -1.0), ("conf.high", 1.0)):
        limit = told[name]
        if abs(limit - edge) < 1e-9:
            holds = _score(own, other, edge * (1 - 1e-9)) <= _CHI * (1 + 1e-6)
        else:
            holds = -1 < limit < 1 and (limit - apart) * edge >= 0 and abs(_score(own, other, limit) / _CHI - 1) < 1e-6
        limits[name] = limit if holds else _NAN
    return {"estimate": apart, **limits}


def _score(own: tuple[int, int], other: tuple[int, int], apart: float) -> float:
    """The score statistic of a difference, the proportions being the most likely that differ so."""
    (x1, n1), (x2, n2) = own, other
    low, high = max(0.0, -apart), min(1.0, 1.0 - apart)

    def slope(share: float) -> float:
        """How the likelihood changes with the second proportion."""
        first, told = share + apart, 0.0
        for x, n, p in ((x1, n1, first), (x2, n2, share)):
            told += (x / p if p > 0 else math.inf) if x else 0.0
            told -= ((n - x) / (1 - p) if p < 1 else math.inf) if n > x else 0.0
        return told

    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    second = (low + high) / 2
    first, total = second + apart, n1 + n2
    variance = (first * (1 - first) / n1 + second * (1 - second) / n2) * total / (total - 1)
    return (x1 / n1 - x2 / n2 - apart) ** 2 / variance if variance > 0 else math.inf


def fisher_anew(own: tuple[int, int], other: tuple[int, int]) -> dict[str, float]:
    """Fisher's exact p: the share, in whole numbers, of all tables with these margins that are no more likely than this one."""
    (x1, n1), (x2, n2) = own, other
    if not n1 or not n2:
        return {"p.value": _NAN}
    events = x1 + x2
    ways = [math.comb(n1, k) * math.comb(n2, events - k) for k in range(max(0, events - n2), min(n1, events) + 1)]
    this = math.comb(n1, x1) * math.comb(n2, x2)
    return {"p.value": sum(way for way in ways if way <= this) / sum(ways)}
