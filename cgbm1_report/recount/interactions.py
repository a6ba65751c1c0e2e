"""Whether a treatment acts alike in all groups, anew: the likelihoods of two Cox models, climbed by another way than Newton's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgbm1_report.recount.facts import Facts
from cgbm1_report.recount.survival import Stats
from cgbm1_report.rows import Key

_NAN = float("nan")
#: So many rounds at most, and the gain below which the top is reached.
_ROUNDS, _STILL = 20_000, 1e-14


def interact_anew(records: Sequence[tuple[Any, ...]], facts: Facts, row: Key, heads: Iterable[str]) -> Stats:
    """The test of each column against the reference, follow-up cut at the day of the row: column, time, event, group of records.

    Each hazard is set in turn to its events over what the others leave for it to expect (Hunter, Ann Stat 2004;32:384-406),
    until the likelihood stands. A hazard without an event is 0 at once.
    """
    day = float(row[-1][1] or 0)
    found: Stats = {}
    for head in heads:
        pair = [
            (min(time - facts.day_one, day), happened and time - facts.day_one <= day, own == head, group)
            for own, time, happened, group in records
            if own in (head, facts.compared_with)
        ]
        found[row, head] = _test(pair)
    return found


def _test(pair: Sequence[tuple[float, bool, bool, Any]]) -> dict[str, float]:
    names = sorted({group for *_, group in pair}, key=str)
    sets, events = [], np.zeros((len(names), 2))
    for point in sorted({time for time, happened, *_ in pair if happened}):
        here, tied = np.zeros_like(events), np.zeros_like(events)
        for time, happened, own, group in pair:
            here[names.index(group), int(own)] += time >= point
            tied[names.index(group), int(own)] += happened and time == point
        count = int(tied.sum())
        sets += [here - before / count * tied for before in range(count)]
        events += tied
    if not sets:
        return {"statistic": _NAN, "df": _NAN, "p.value": _NAN}
    weights = np.array(sets)
    telling = [weights[:, at].any(axis=0).all() and events[at].any() for at in range(len(names))]
    freedom = sum(map(int, telling)) - 1
    if freedom < 1:
        return {"statistic": _NAN, "df": _NAN, "p.value": _NAN}
    gain = max(0.0, 2 * (_top(weights, events, alike=False) - _top(weights, events, alike=True)))
    return {"statistic": gain, "df": freedom, "p.value": _tail(gain, freedom)}


def _top(weights: np.ndarray, events: np.ndarray, *, alike: bool) -> float:
    """The highest log-likelihood: a hazard for each arm of each group, or one of the group times one of the arm."""
    group, arm, cell = np.ones(len(events)), np.ones(2), np.ones_like(events)
    last = -math.inf
    for _ in range(_ROUNDS):
        if alike:
            for own, axis in ((group, 1), (arm, 0)):
                hazards = np.outer(group, arm)
                share = (weights * hazards / _whole(weights, hazards)).sum(axis=0).sum(axis=axis)
                own *= np.divide(events.sum(axis=axis), share, out=np.zeros_like(share), where=share > 0)
            hazards = np.outer(group, arm)
        else:
            share = (weights * cell / _whole(weights, cell)).sum(axis=0)
            cell = hazards = cell * np.divide(events, share, out=np.zeros_like(share), where=share > 0)
        had = events > 0
        value = float((events[had] * np.log(hazards[had])).sum() - np.log(_whole(weights, hazards)).sum())
        if abs(value - last) < _STILL * max(1.0, abs(value)):
            break
        last = value
    return value


def _whole(weights: np.ndarray, hazards: np.ndarray) -> np.ndarray:
    return np.asarray((weights * hazards).sum(axis=(1, 2), keepdims=True))


def _tail(statistic: float, freedom: int) -> float:
    """The share of chi-squared beyond a statistic, by its recurrence over the degrees of freedom."""
    half = statistic / 2
    tail, start = (math.erfc(math.sqrt(half)), 1) if freedom % 2 else (math.exp(-half), 2)
    for even in range(start, freedom, 2):
        tail += math.exp(even / 2 * math.log(half) - half - math.lgamma(even / 2 + 1)) if half > 0 else 0.0
    return tail
