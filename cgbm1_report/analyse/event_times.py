"""Time to event: product-limit estimates, log-rank test, Cox model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cgbm1_report.analyse.proportions import Z95

NAN = float("nan")


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve: at each event or censoring time who was at risk and what followed.

    ``variance`` is Greenwood's sum (of log S), so Var(S) = S² · variance.
    """

    time: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    free: np.ndarray
    variance: np.ndarray


class Estimate(NamedTuple):
    """Share without the event at a day with its 95% interval, on the scale 0 to 1; missing is not estimable."""

    free: float
    se: float
    lo: float
    hi: float
    at_risk: int


def kaplan_meier(time: np.ndarray, event: np.ndarray) -> Curve:
    """Product-limit estimate (R ``survfit``).

    Parameters
    ----------
    time
        Elapsed days, non-negative.
    event
        True for an event, False for censoring. At a tie events come before censorings.
    """
    time = np.asarray(time, dtype="float64")
    event = np.asarray(event, dtype=bool)
    points = np.unique(time)
    events = np.array([(event & (time == point)).sum() for point in points], dtype="float64")
    censored = np.array([(~event & (time == point)).sum() for point in points], dtype="float64")
    at_risk = np.array([(time >= point).sum() for point in points], dtype="float64")
    free = np.cumprod(1 - events / at_risk) if len(points) else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = events / (at_risk * (at_risk - events))
    variance = np.cumsum(np.where(events > 0, steps, 0.0)) if len(points) else np.empty(0)
    return Curve(points, at_risk, events, censored, free, variance)


def log_log_limits(free: float, variance: float) -> tuple[float, float]:
    """95% limits of S by log(-log S); not estimable where S is 0 or 1.

    Reference: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed.
    """
    if not 0 < free < 1:
        return NAN, NAN
    spread = Z95 * np.sqrt(variance) / abs(np.log(free))
    return float(free ** np.exp(spread)), float(free ** np.exp(-spread))


def is_reached(curve: Curve, day: float) -> bool:
    """Whether a curve says anything about a day: somebody was observed so long, or nobody is left without the event.

    After the last time observed the estimate is undefined unless it has come to 0: carried forward it would
    print shares of days nobody has reached. SAS PROC LIFETEST gives none either, nor does R's
    ``summary(survfit(...), times =)`` without ``extend``.
    """
    return bool(len(curve.time)) and bool(day <= curve.time[-1] or curve.free[-1] <= 0)


def free_at(curve: Curve, day: float) -> Estimate:
    """S(day) with Greenwood's standard error and the log(-log) interval.

    At risk counts subjects whose time is at or after the day. All is missing, and nobody at risk, with no subject
    and on a day that the curve has not reached (`is_reached`). Without variance, where S is 1 or 0, the limits
    are missing.
    """
    if not is_reached(curve, day):
        return Estimate(NAN, NAN, NAN, NAN, 0)
    past = int(np.searchsorted(curve.time, day, side="right"))
    free = float(curve.free[past - 1]) if past else 1.0
    variance = float(curve.variance[past - 1]) if past else 0.0
    still = curve.time >= day
    at_risk = int(curve.at_risk[still][0]) if still.any() else 0
    lo, hi = log_log_limits(free, variance)
    # Greenwood's sum is infinite once S reaches 0: its standard error is 0 there, by convention.
    se = 0.0 if free == 0 else free * float(np.sqrt(variance))
    return Estimate(free, se, lo, hi, at_risk)


def time_quantile(curve: Curve, probability: float) -> tuple[float, float, float]:
    """Time by which ``probability`` of the subjects had the event, with its 95% interval.

    Brookmeyer and Crowley (Biometrics 1982;38:29-41) on the log(-log) limits; where a curve equals
    1-p over an interval, the interval's midpoint (R ``quantile.survfit``). Missing: not reached.
    """
    limits = [log_log_limits(s, v) for s, v in zip(curve.free, curve.variance, strict=True)]
    # Before the first event and once S is 0 the limits follow S itself, as in R.
    low = np.array([lo if not np.isnan(lo) else s for (lo, _), s in zip(limits, curve.free, strict=True)])
    high = np.array([hi if not np.isnan(hi) else s for (_, hi), s in zip(limits, curve.free, strict=True)])
    # R leaves the limits missing where S is 0, so they never cross there.
    zero = curve.free <= 0
    low, high = np.where(zero, NAN, low), np.where(zero, NAN, high)
    return (
        _first_crossing(curve.time, curve.free, 1 - probability),
        _first_crossing(curve.time, low, 1 - probability),
        _first_crossing(curve.time, high, 1 - probability),
    )


def _first_crossing(time: np.ndarray, level: np.ndarray, target: float) -> float:
    with np.errstate(invalid="ignore"):
        below = level <= target + 1e-12
    if not below.any():
        return NAN
    first = int(np.argmax(below))
    if abs(level[first] - target) < 1e-12:
        with np.errstate(invalid="ignore"):
            after = np.flatnonzero(level < target - 1e-12)
        # An interval that no later event ends runs to the last time observed.
        end = after[0] if len(after) else len(time) - 1
        return float((time[first] + time[end]) / 2)
    return float(time[first])


def cut_follow_up(time: np.ndarray, event: np.ndarray, day: float) -> tuple[np.ndarray, np.ndarray]:
    """End follow-up at ``day``: an event on that day counts, a later one does not."""
    time = np.asarray(time, dtype="float64")
    return np.minimum(time, day), np.asarray(event, dtype=bool) & (time <= day)


class LogRank(NamedTuple):
    """Observed and expected events of both arms, chi-squared with one degree of freedom, p."""

    observed: tuple[float, float]
    expected: tuple[float, float]
    chi2: float
    p: float


def log_rank(time: np.ndarray, event: np.ndarray, treated: np.ndarray) -> LogRank:
    """Unweighted log-rank test of two arms (R ``survdiff``).

    Missing if nobody had an event or an arm is empty. Reference: Peto and Peto, JRSS A 1972;135.
    """
    time, event, treated = np.asarray(time, "float64"), np.asarray(event, bool), np.asarray(treated, bool)
    points = np.unique(time[event])
    at_risk = np.array([(time >= point).sum() for point in points], dtype="float64")
    at_risk_1 = np.array([((time >= point) & treated).sum() for point in points], dtype="float64")
    events = np.array([((time == point) & event).sum() for point in points], dtype="float64")
    expected_1 = float((events * at_risk_1 / at_risk).sum()) if len(points) else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = events * (at_risk_1 / at_risk) * (1 - at_risk_1 / at_risk) * (at_risk - events) / (at_risk - 1)
    variance = float(np.where(at_risk > 1, parts, 0.0).sum())
    observed = (float((event & ~treated).sum()), float((event & treated).sum()))
    expected = (float(events.sum()) - expected_1, expected_1)
    if variance <= 0:
        return LogRank(observed, expected, NAN, NAN)
    from scipy.stats import chi2

    statistic = (observed[1] - expected_1) ** 2 / variance
    return LogRank(observed, expected, statistic, float(chi2.sf(statistic, 1)))


class HazardRatio(NamedTuple):
    """Hazard ratio treated against reference with Wald 95% interval and p; missing is not estimable."""

    hr: float
    lo: float
    hi: float
    p: float


def cox_hazard_ratio(time: np.ndarray, event: np.ndarray, treated: np.ndarray) -> HazardRatio:
    """Cox model with treatment alone on two arms, Efron's ties, Wald interval and test (R ``coxph``).

    Not estimable under a monotone likelihood: without an event in one arm while somebody of the other is at
    risk, the hazard ratio runs to 0 or to infinity; no event in an arm, no subject in it, and arms whose times
    do not overlap are of that kind. Every other fit has one maximum, and it is found. References: Efron, JASA
    1977;72:557-565; Albert and Anderson, Biometrika 1984;71:1-10, on separation.
    """
    time, event, treated = np.asarray(time, "float64"), np.asarray(event, bool), np.asarray(treated, bool)
    points = np.unique(time[event])
    at_risk = [np.array([((time >= point) & arm).sum() for point in points]) for arm in (~treated, treated)]
    events = [np.array([((time == point) & event & arm).sum() for point in points]) for arm in (~treated, treated)]
    # The likelihood falls to both sides only if each arm has an event that could as well have been one of the other's.
    if not (events[0] * at_risk[1]).any() or not (events[1] * at_risk[0]).any():
        return HazardRatio(NAN, NAN, NAN, NAN)
    from scipy.special import expit
    from scipy.stats import norm

    log_odds, certain = _efron_log_odds(at_risk, events)
    beta = _solve_decreasing(lambda beta: float(events[1].sum() - certain - expit(beta + log_odds).sum()))
    share = expit(beta + log_odds)
    se = float(1 / np.sqrt((share * (1 - share)).sum()))
    return HazardRatio(
        float(np.exp(beta)),
        float(np.exp(beta - Z95 * se)),
        float(np.exp(beta + Z95 * se)),
        float(2 * norm.sf(abs(beta / se))),
    )


def _efron_log_odds(at_risk: list[np.ndarray], events: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """The terms of Efron's likelihood of two arms.

    At each event the treated are expected to have it with odds exp(beta) times their number to the others', of
    whom those with a tied event count the less the more of the tie came before. Returned are the logarithms of
    the odds at beta 0, and how many events found only treated subjects at risk: those say nothing of beta.
    """
    tied = events[0] + events[1]
    place = np.repeat(np.arange(len(tied)), tied)
    before = np.arange(len(place)) - np.repeat(np.cumsum(tied) - tied, tied)
    others, treated = (number[place] - before / tied[place] * own[place] for number, own in zip(at_risk, events, strict=True))
    both = (others > 0) & (treated > 0)
    return np.log(treated[both]) - np.log(others[both]), int((others <= 0).sum())


def _solve_decreasing(function: Callable[[float], float]) -> float:
    """Where a strictly decreasing function is 0: bracketed first, so that no start and no step can miss it."""
    from scipy.optimize import brentq

    edge = 1.0
    while function(-edge) < 0 or function(edge) > 0:
        edge *= 2
    return float(brentq(function, -edge, edge, xtol=1e-13, maxiter=500))


class Difference(NamedTuple):
    """Difference of two shares without the event with its normal 95% interval and p."""

    difference: float
    se: float
    lo: float
    hi: float
    p: float


def free_difference(treated: Estimate, reference: Estimate) -> Difference:
    """S(treated) - S(reference) at one day, variances by Greenwood, limits not beyond -1 and 1.

    Where either estimate has no variance (S is 1 or 0) interval and test are missing: they would come from the
    other arm alone. Where either is not estimable all is.
    """
    difference = treated.free - reference.free
    if not (0 < treated.free < 1 and 0 < reference.free < 1):
        return Difference(difference, NAN, NAN, NAN, NAN)
    from scipy.stats import norm

    se = float(np.sqrt(treated.se**2 + reference.se**2))
    lo, hi = max(-1.0, difference - Z95 * se), min(1.0, difference + Z95 * se)
    return Difference(difference, se, lo, hi, float(2 * norm.sf(abs(difference / se))))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment (R ``p.adjust(method = "holm")``); missing values stay missing."""
    known = sorted((p, index) for index, p in enumerate(p_values) if not np.isnan(p))
    adjusted = [NAN] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[index] = running
    return adjusted
