"""Time to event: product-limit estimates, log-rank test, Cox model."""

from __future__ import annotations

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
    survival: np.ndarray
    variance: np.ndarray


class Estimate(NamedTuple):
    """Survival at a day with its 95% interval, on the scale 0 to 1; missing limits are not estimable."""

    survival: float
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
    survival = np.cumprod(1 - events / at_risk) if len(points) else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = events / (at_risk * (at_risk - events))
    variance = np.cumsum(np.where(events > 0, steps, 0.0)) if len(points) else np.empty(0)
    return Curve(points, at_risk, events, censored, survival, variance)


def log_log_limits(survival: float, variance: float) -> tuple[float, float]:
    """95% limits of S by log(-log S); not estimable where S is 0 or 1.

    Reference: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed.
    """
    if not 0 < survival < 1:
        return NAN, NAN
    spread = Z95 * np.sqrt(variance) / abs(np.log(survival))
    return float(survival ** np.exp(spread)), float(survival ** np.exp(-spread))


def survival_at(curve: Curve, day: float) -> Estimate:
    """S(day) with Greenwood's standard error and the log(-log) interval.

    At risk counts subjects whose time is at or after the day. With no subject all is missing.
    """
    if not len(curve.time):
        return Estimate(NAN, NAN, NAN, NAN, 0)
    past = int(np.searchsorted(curve.time, day, side="right"))
    survival = float(curve.survival[past - 1]) if past else 1.0
    variance = float(curve.variance[past - 1]) if past else 0.0
    still = curve.time >= day
    at_risk = int(curve.at_risk[still][0]) if still.any() else 0
    lo, hi = log_log_limits(survival, variance)
    # Greenwood's sum is infinite once S reaches 0: its standard error is 0 there, by convention.
    se = 0.0 if survival == 0 else survival * float(np.sqrt(variance))
    return Estimate(survival, se, lo, hi, at_risk)


def survival_quantile(curve: Curve, probability: float) -> tuple[float, float, float]:
    """Time by which ``probability`` of the subjects had the event, with its 95% interval.

    Brookmeyer and Crowley (Biometrics 1982;38:29-41) on the log(-log) limits; where a curve equals
    1-p over an interval, the interval's midpoint (R ``quantile.survfit``). Missing: not reached.
    """
    limits = [log_log_limits(s, v) for s, v in zip(curve.survival, curve.variance, strict=True)]
    # Before the first event and once S is 0 the limits follow S itself, as in R.
    low = np.array([lo if not np.isnan(lo) else s for (lo, _), s in zip(limits, curve.survival, strict=True)])
    high = np.array([hi if not np.isnan(hi) else s for (_, hi), s in zip(limits, curve.survival, strict=True)])
    # R leaves the limits missing where S is 0, so they never cross there.
    zero = curve.survival <= 0
    low, high = np.where(zero, NAN, low), np.where(zero, NAN, high)
    return (
        _first_crossing(curve.time, curve.survival, 1 - probability),
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
    """Cox model with treatment alone on two arms, Efron's ties (R ``coxph``).

    Not estimable if either arm has no event or no subject. Reference: Efron, JASA 1977;72:557-565.
    """
    time, event, treated = np.asarray(time, "float64"), np.asarray(event, bool), np.asarray(treated, bool)
    if not (event & treated).any() or not (event & ~treated).any():
        return HazardRatio(NAN, NAN, NAN, NAN)
    from scipy.stats import norm
    from statsmodels.duration.hazard_regression import PHReg

    # A follow-up of 0 days (death on the day of the first dose) is at risk at its own event time;
    # only the order of times matters to the model, so all move by one day.
    model = PHReg(time + 1, treated.astype("float64")[:, None], status=event.astype("float64"), ties="efron")
    fitted = model.fit(method="newton", tol=1e-12, maxiter=100, disp=0)
    beta, se = float(fitted.params[0]), float(fitted.bse[0])
    if not np.isfinite(beta) or not np.isfinite(se) or se > 1e3:
        return HazardRatio(NAN, NAN, NAN, NAN)
    return HazardRatio(
        float(np.exp(beta)),
        float(np.exp(beta - Z95 * se)),
        float(np.exp(beta + Z95 * se)),
        float(2 * norm.sf(abs(beta / se))),
    )


class Difference(NamedTuple):
    """Difference of two survival estimates with its normal 95% interval and p."""

    difference: float
    se: float
    lo: float
    hi: float
    p: float


def survival_difference(treated: Estimate, reference: Estimate) -> Difference:
    """S(treated) - S(reference) at one day, variances by Greenwood; missing if there is no spread."""
    difference = treated.survival - reference.survival
    se = float(np.sqrt(treated.se**2 + reference.se**2))
    if not np.isfinite(se) or se <= 0:
        return Difference(difference, NAN, NAN, NAN, NAN)
    from scipy.stats import norm

    return Difference(difference, se, difference - Z95 * se, difference + Z95 * se, float(2 * norm.sf(abs(difference / se))))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment (R ``p.adjust(method = "holm")``); missing values stay missing."""
    known = sorted((p, index) for index, p in enumerate(p_values) if not np.isnan(p))
    adjusted = [NAN] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[index] = running
    return adjusted
