"""Intervals and tests for proportions."""

from __future__ import annotations

import math
from typing import NamedTuple

#: Two-sided 95% point of the standard normal, and of chi-squared with one degree of freedom.
Z95 = 1.959963984540054
CHI95 = Z95 * Z95


class Interval(NamedTuple):
    """Lower and upper limit; missing where it cannot be estimated."""

    lo: float
    hi: float


NOT_ESTIMABLE = Interval(float("nan"), float("nan"))


def clopper_pearson(x: int, n: int) -> Interval:
    """Exact 95% interval of a proportion, from 0 to 1 (R ``binom.test``).

    Missing for n = 0. Reference: Clopper and Pearson, Biometrika 1934;26:404-413.
    """
    if n == 0:
        return NOT_ESTIMABLE
    from scipy.special import betaincinv

    lower = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, 0.025))
    upper = 1.0 if x == n else float(betaincinv(x + 1, n - x, 0.975))
    return Interval(lower, upper)


def miettinen_nurminen(x1: int, n1: int, x2: int, n2: int) -> Interval:
    """95% score interval of the difference x1/n1 - x2/n2, from -1 to 1, with the factor N/(N-1).

    The limits are where the score statistic under the constrained maximum-likelihood estimate
    reaches chi-squared 0.95. Missing if a group is empty. Reference: Miettinen and Nurminen,
    Statistics in Medicine 1985;4:213-226. ``statsmodels`` 0.15 gives other, wrong limits.
    """
    if n1 == 0 or n2 == 0:
        return NOT_ESTIMABLE
    observed = x1 / n1 - x2 / n2

    def excess(delta: float) -> float:
        return _score(x1, n1, x2, n2, delta) - CHI95

    return Interval(_root(excess, observed, -1.0), _root(excess, observed, 1.0))


def _constrained(x1: int, n1: int, x2: int, n2: int, delta: float) -> tuple[float, float]:
    """Maximum-likelihood estimates of both proportions given their difference (closed form)."""
    total = n1 + n2
    c3 = total
    c2 = (n1 + 2 * n2) * delta - total - (x1 + x2)
    c1 = (n2 * delta - total - 2 * x2) * delta + (x1 + x2)
    c0 = x2 * delta * (1 - delta)
    v = (c2 / (3 * c3)) ** 3 - c1 * c2 / (6 * c3**2) + c0 / (2 * c3)
    u = math.copysign(math.sqrt(max(0.0, (c2 / (3 * c3)) ** 2 - c1 / (3 * c3))), v)
    cosine = min(1.0, max(-1.0, v / u**3)) if u else 0.0
    angle = (math.pi + math.acos(cosine)) / 3
    second = min(1.0, max(0.0, 2 * u * math.cos(angle) - c2 / (3 * c3)))
    return min(1.0, max(0.0, second + delta)), second


def _score(x1: int, n1: int, x2: int, n2: int, delta: float) -> float:
    first, second = _constrained(x1, n1, x2, n2, delta)
    total = n1 + n2
    variance = (first * (1 - first) / n1 + second * (1 - second) / n2) * total / (total - 1)
    distance = (x1 / n1 - x2 / n2 - delta) ** 2
    if variance <= 1e-300:
        return 0.0 if distance < 1e-24 else math.inf
    return distance / variance


def _root(excess, inside: float, edge: float) -> float:  # type: ignore[no-untyped-def]
    """Bisect between a difference inside the interval and the edge of what is possible."""
    if excess(edge) <= 0:
        return edge
    near, far = inside, edge
    for _ in range(200):
        middle = (near + far) / 2
        if middle in (near, far):
            break
        near, far = (middle, far) if excess(middle) <= 0 else (near, middle)
    return (near + far) / 2


def fisher_exact(x1: int, n1: int, x2: int, n2: int) -> float:
    """Two-sided Fisher exact p-value (R ``fisher.test``); missing if a group is empty."""
    if n1 == 0 or n2 == 0:
        return float("nan")
    from scipy.stats import fisher_exact as exact

    return float(exact([[x1, n1 - x1], [x2, n2 - x2]]).pvalue)
