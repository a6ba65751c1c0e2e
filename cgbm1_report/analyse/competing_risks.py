"""Times that end in one of several ways: the cumulative incidence of each, the others competing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cgbm1_report.analyse.event_times import NAN
from cgbm1_report.analyse.proportions import Z95


@dataclass(frozen=True)
class Incidence:
    """The cumulative incidence of one way to end: at each time who was at risk, the share that ended so and its variance.

    ``free`` is the share that has not ended in any way.
    """

    time: np.ndarray
    at_risk: np.ndarray
    share: np.ndarray
    variance: np.ndarray
    free: np.ndarray


class Share(NamedTuple):
    """Share that ended in one way by a day with its 95% interval, on the scale 0 to 1; missing is not estimable."""

    share: float
    se: float
    lo: float
    hi: float
    at_risk: int


def cumulative_incidence(time: np.ndarray, ended: np.ndarray, way: float) -> Incidence:
    """Aalen and Johansen's estimate of one way to end, with Aalen's variance (R ``cmprsk::cuminc``).

    Parameters
    ----------
    time
        Elapsed days, non-negative.
    ended
        In which way each time ended; missing where it was censored. At a tie ends come before censorings.
    way
        The way the incidence is of; all others compete with it.

    References: Aalen and Johansen, Scand J Stat 1978;5:141-150; Aalen, Ann Stat 1978;6:534-545. Of ends of one kind on one
    day the hypergeometric variance, as in Gray's ``cuminc``. One minus a Kaplan-Meier estimate that censors the other ways
    would overstate the share.
    """
    time, ended = np.asarray(time, dtype="float64"), np.asarray(ended, dtype="float64")
    points = np.unique(time)
    here = time[:, None] == points
    at_risk = (time[:, None] >= points).sum(axis=0).astype("float64")
    own = (here & (ended == way)[:, None]).sum(axis=0).astype("float64")
    other = (here & (~np.isnan(ended) & (ended != way))[:, None]).sum(axis=0).astype("float64")
    with np.errstate(invalid="ignore"):
        free = np.cumprod((at_risk - own - other) / at_risk)
    before = np.r_[1.0, free[:-1]] if len(points) else free
    share = np.cumsum(before * own / at_risk)
    return Incidence(points, at_risk, share, _aalen_variance(at_risk, own, other, before, free, share), free)


def _aalen_variance(
    at_risk: np.ndarray, own: np.ndarray, other: np.ndarray, before: np.ndarray, free: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """At each time the sum over the times until then, by running sums: the share gained since is all that changes."""
    left = np.divide(1.0, free, out=np.zeros_like(free), where=free > 0)
    scale = before**2 / at_risk**2

    def spread(count: np.ndarray) -> np.ndarray:
        """The variance of the number that end at a time."""
        return np.asarray(count * (1 - (count - 1).clip(min=0) / (at_risk - 1).clip(min=1)))

    # Once nobody is left, the others who ended last change nothing any more.
    by_own, by_other = scale * spread(own), np.where(free > 0, scale * spread(other), 0.0)
    gained = share * left
    none = np.cumsum((1 + gained) ** 2 * by_own + gained**2 * by_other)
    once = np.cumsum(left * ((1 + gained) * by_own + gained * by_other))
    twice = np.cumsum(left**2 * (by_own + by_other))
    return np.asarray((none - 2 * share * once + share**2 * twice).clip(min=0))


def incidence_at(curve: Incidence, day: float) -> Share:
    """The share at a day with its standard error and the interval by log(-log).

    At risk counts subjects whose time is at or after the day. All is missing, and nobody at risk, with no subject and on
    a day after the last time observed, unless nobody is left who could still end. Without variance, where the share is 0
    or 1, the limits are missing.
    """
    if not len(curve.time) or (day > curve.time[-1] and curve.free[-1] > 0):
        return Share(NAN, NAN, NAN, NAN, 0)
    past = int(np.searchsorted(curve.time, day, side="right"))
    share, variance = (float(curve.share[past - 1]), float(curve.variance[past - 1])) if past else (0.0, 0.0)
    still = curve.time >= day
    at_risk = int(curve.at_risk[still][0]) if still.any() else 0
    error = float(np.sqrt(variance))
    # A sum of steps that is 1 may come out a rounding short of it, and then has no logarithm to speak of.
    if not 1e-9 < share < 1 - 1e-9 or error <= 0:
        return Share(share, error, NAN, NAN, at_risk)
    spread = np.exp(Z95 * error / (share * abs(np.log(share))))
    return Share(share, error, float(share**spread), float(share ** (1 / spread)), at_risk)
