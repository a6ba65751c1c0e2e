"""Whether a treatment acts alike in all groups of subjects: the likelihood-ratio test of an interaction in Cox models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgbm1_report.analyse.event_times import NAN

#: Steps of Newton's; each gains a factor of e or more where the likelihood runs to a limit.
_STEPS, _STILL = 100, 1e-13


class LikelihoodRatio(NamedTuple):
    """Twice the gain in log-likelihood with its degrees of freedom and p; missing is not estimable."""

    statistic: float
    df: float
    p: float


def compare_effects(time: np.ndarray, event: np.ndarray, treated: np.ndarray, group: np.ndarray) -> LikelihoodRatio:
    """Cox models of treatment and group with and without their interaction, Efron's ties (R ``anova(coxph(), coxph())``).

    Parameters
    ----------
    time, event, treated
        Of each subject of two arms; follow-up already cut.
    group
        The number of each subject's group.

    A group tells of the interaction if both arms are at risk in it at some event, and one of its subjects has one; each but
    one gives a degree of freedom, and without two of them nothing is estimable. The likelihood has its limit also where a
    hazard ratio runs to 0 or to infinity, because an arm of a group has no event: as in R, the test stands.
    """
    time, event, treated = np.asarray(time, "float64"), np.asarray(event, bool), np.asarray(treated, bool)
    cell = 2 * np.asarray(group, "int64") + treated
    at_risk, events = _weigh_risk_sets(time, event, cell)
    seen, had = at_risk.any(axis=0), events > 0
    both = seen.reshape(-1, 2).all(axis=1) & had.reshape(-1, 2).any(axis=1)
    df = int(both.sum()) - 1
    if df < 1:
        return LikelihoodRatio(NAN, NAN, NAN)
    from scipy.stats import chi2

    groups, arms = np.arange(len(events)) // 2, np.arange(len(events)) % 2
    # What has no event has no hazard in the limit: a cell of its own in the one model, a whole group or arm in the other.
    grid = had.reshape(-1, 2)
    alike = np.asarray(grid.any(axis=1))[groups] & np.asarray(grid.any(axis=0))[arms]
    additive = np.column_stack([groups[:, None] == np.unique(groups), arms == 1]).astype("float64")
    full = _climb(at_risk[:, had], events[had], np.eye(int(had.sum())))
    reduced = _climb(at_risk[:, alike], events[alike], additive[alike])
    statistic = max(0.0, 2 * (full - reduced))
    return LikelihoodRatio(statistic, float(df), float(chi2.sf(statistic, df)))


def _weigh_risk_sets(time: np.ndarray, event: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By cell of group and arm: those at risk at each event, less the share of a tie that came before it; events in all."""
    count = 2 * (int(cell.max(initial=-1)) // 2 + 1)
    own = (cell[:, None] == np.arange(count)).astype("float64")
    points = np.unique(time[event])
    at_risk = (time >= points[:, None]) @ own
    events = ((time == points[:, None]) & event) @ own
    tied = events.sum(axis=1).astype("int64")
    place = np.repeat(np.arange(len(points)), tied)
    before = (np.arange(len(place)) - np.repeat(np.cumsum(tied) - tied, tied)) / tied[place]
    return at_risk[place] - before[:, None] * events[place], events.sum(axis=0)


def _climb(at_risk: np.ndarray, events: np.ndarray, design: np.ndarray) -> float:
    """The highest log-likelihood: Newton's steps, halved until they gain."""

    def value(beta: np.ndarray) -> float:
        return float(events @ (design @ beta) - np.log(at_risk @ np.exp(design @ beta)).sum())

    beta = np.zeros(design.shape[1])
    best = value(beta)
    for _ in range(_STEPS):
        share = at_risk * np.exp(design @ beta)
        share /= share.sum(axis=1, keepdims=True)
        mean = share @ design
        slope = events @ design - mean.sum(axis=0)
        bend = design.T @ (share.sum(axis=0)[:, None] * design) - mean.T @ mean
        step = np.linalg.pinv(bend, hermitian=True) @ slope
        for _ in range(_STEPS):
            reached = value(beta + step)
            if reached >= best or not np.abs(step).max(initial=0.0) > _STILL:
                break
            step = step / 2
        gain = reached - best
        if gain > 0:
            beta, best = beta + step, reached
        if gain <= _STILL * max(1.0, abs(best)):
            break
    return best
