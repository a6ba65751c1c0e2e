"""Times to an event anew, from numbers at risk in SQL: product-limit estimates, differences, log-rank tests, Cox models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key

#: What the data say of a row's column.
Stats = dict[tuple[Key, str], Mapping[str, float]]
_NAN = float("nan")
_Z = 1.959963984540054
#: A level that is met exactly, in the presence of rounding.
_NEAR = 1e-12

_CURVES = """
WITH points AS (
    SELECT head, AVAL - ? AS time, count(*) FILTER (CNSR = 0) AS d, count(*) AS leave FROM records WHERE PARAMCD = ? GROUP BY ALL),
risk AS (SELECT *, sum(leave) OVER (PARTITION BY head ORDER BY time DESC ROWS UNBOUNDED PRECEDING) AS n FROM points)
SELECT head, time, n, d, product(1.0 - d / n) OVER w AS free,
    sum(CASE WHEN d < n THEN d / (CAST(n AS DOUBLE) * (n - d)) ELSE 0 END) OVER w AS variance
FROM risk WINDOW w AS (PARTITION BY head ORDER BY time ROWS UNBOUNDED PRECEDING) ORDER BY head, time
"""
#: At each time: those at risk, those who ended in one way, in any way, and the share without an end before and after it.
_ENDS = """
WITH points AS (
    SELECT head, AVAL - ? AS time, count(*) FILTER (CNSR = ?) AS own, count(*) FILTER (list_contains(?, CNSR)) AS d,
        count(*) AS leave FROM records WHERE PARAMCD = ? GROUP BY ALL),
risk AS (SELECT *, sum(leave) OVER (PARTITION BY head ORDER BY time DESC ROWS UNBOUNDED PRECEDING) AS n FROM points),
free AS (SELECT *, product(1.0 - d / n) OVER (PARTITION BY head ORDER BY time ROWS UNBOUNDED PRECEDING) AS after FROM risk),
step AS (SELECT *, coalesce(lag(after) OVER (PARTITION BY head ORDER BY time), 1.0) AS before FROM free)
SELECT head, time, n, own, d - own, before, after,
    sum(before * own / n) OVER (PARTITION BY head ORDER BY time ROWS UNBOUNDED PRECEDING) FROM step ORDER BY head, time
"""
#: At each time of an event of two arms: those at risk and those with the event, of both and of the first.
_RISK_SETS = """
WITH cut AS (
    SELECT head = ? AS own, least(AVAL - ?, ?) AS time, CNSR = 0 AND AVAL - ? <= ? AS happened
    FROM records WHERE PARAMCD = ? AND head IN (?, ?)),
events AS (SELECT time, count(*) AS d, count(*) FILTER (own) AS d1 FROM cut WHERE happened GROUP BY time)
SELECT (SELECT count(*) FROM cut WHERE cut.time >= events.time) AS n,
    (SELECT count(*) FROM cut WHERE cut.time >= events.time AND own) AS n1, d, d1 FROM events
"""


class _Step(NamedTuple):
    time: float
    at_risk: int
    events: int
    free: float
    variance: float

    @property
    def limits(self) -> tuple[float, float]:
        """By log(-log), as long as some are with and some without the event."""
        if not 0 < self.free < 1:
            return _NAN, _NAN
        spread = math.exp(_Z * math.sqrt(self.variance) / abs(math.log(self.free)))
        return self.free**spread, self.free ** (1 / spread)


def read_curves(database: Database, facts: Facts, paramcd: str) -> dict[str, list[_Step]]:
    """The curve of each column, step by step, from the table ``records``."""
    curves: dict[str, list[_Step]] = {head: [] for head in facts.columns}
    for head, *values in database.ask(_CURVES, [facts.day_one, paramcd]):
        curves[head].append(_Step(*values))
    return curves


def survive_anew(curves: Mapping[str, Sequence[_Step]], facts: Facts, rows: Iterable[Key]) -> Stats:
    """Estimates at the days of rows, and the times at which shares of subjects had the event."""
    found: Stats = {}
    for row in rows:
        name, level = row[-1]
        for head, curve in curves.items():
            if name == "time":
                found[row, head] = _at(curve, float(level or 0))
            elif name == "prob":
                found[row, head] = _quantile(curve, 1 - float(level or 0), facts.day_one)
    return found


def _at(curve: Sequence[_Step], day: float) -> dict[str, float]:
    """The estimate of a day that somebody has reached, or that nobody can reach any more."""
    if not curve or (day > curve[-1].time and curve[-1].free > 0):
        return {**dict.fromkeys(("estimate", "std.error", "conf.low", "conf.high"), _NAN), "n.risk": 0}
    before = [step for step in curve if step.time <= day]
    last = before[-1] if before else _Step(0, curve[0].at_risk, 0, 1.0, 0.0)
    low, high = last.limits
    error = last.free * math.sqrt(last.variance)
    still = next((step.at_risk for step in curve if step.time >= day), 0)
    return {"estimate": last.free, "std.error": error, "conf.low": low, "conf.high": high, "n.risk": still}


class _End(NamedTuple):
    time: float
    at_risk: int
    own: int
    other: int
    before: float
    after: float
    share: float


def end_anew(database: Database, facts: Facts, paramcd: str, rows: Iterable[Key]) -> Stats:
    """Cumulative incidences at the days of rows, each of a way to end: the ways that rows ask for compete with each other."""
    found: Stats = {}
    asked = list(rows)
    ways = sorted({str(row[-2][1]) for row in asked})
    for way in ways:
        curves: dict[str, list[_End]] = {head: [] for head in facts.columns}
        for head, *values in database.ask(_ENDS, [facts.day_one, float(way), [float(one) for one in ways], paramcd]):
            curves[head].append(_End(*values))
        own = [row for row in asked if row[-2][1] == way]
        found |= {(row, head): _ended(curve, float(row[-1][1] or 0)) for row in own for head, curve in curves.items()}
    return found


def _ended(curve: Sequence[_End], day: float) -> dict[str, float]:
    """The share that ended in a way by a day; Aalen's variance adds what every earlier day leaves open of it."""
    if not curve or (day > curve[-1].time and curve[-1].after > _NEAR):
        return {**dict.fromkeys(("estimate", "std.error", "conf.low", "conf.high"), _NAN), "n.risk": 0}
    before = [step for step in curve if step.time <= day]
    share = before[-1].share if before else 0.0
    variance = 0.0
    for step in before:
        ahead = (share - step.share) / step.after if step.after > _NEAR else 0.0
        for count, weight in ((step.own, 1 - ahead), (step.other, ahead)):
            tied = 1 - (count - 1) / (step.at_risk - 1) if count > 1 else 1.0
            variance += (step.before * weight / step.at_risk) ** 2 * count * tied
    error = math.sqrt(variance)
    low = high = _NAN
    if _NEAR < share < 1 - _NEAR and error > 0:
        centre, width = math.log(-math.log(share)), _Z * error / (share * -math.log(share))
        low, high = math.exp(-math.exp(centre + width)), math.exp(-math.exp(centre - width))
    still = next((step.at_risk for step in curve if step.time >= day), 0)
    return {"estimate": share, "std.error": error, "conf.low": low, "conf.high": high, "n.risk": still}


def _quantile(curve: Sequence[_Step], target: float, day_one: int) -> dict[str, float]:
    """When a curve and its limits come down to a share; along a level that is the share, the middle."""

    def limit(step: _Step, side: int) -> float:
        if step.free <= 0:
            return _NAN
        return step.free if step.free >= 1 else step.limits[side]

    levels = {
        "estimate": [step.free for step in curve],
        "conf.low": [limit(step, 0) for step in curve],
        "conf.high": [limit(step, 1) for step in curve],
    }
    return {name: _crossing(curve, own, target) + day_one for name, own in levels.items()}


def _crossing(curve: Sequence[_Step], levels: Sequence[float], target: float) -> float:
    places = [at for at, level in enumerate(levels) if level <= target + _NEAR]
    if not places:
        return _NAN
    start = end = places[0]
    if abs(levels[start] - target) < _NEAR:
        end = next((at for at, level in enumerate(levels) if level < target - _NEAR), len(curve) - 1)
    return (curve[start].time + curve[end].time) / 2


def differ_anew(curves: Mapping[str, Sequence[_Step]], facts: Facts, rows: Iterable[Key]) -> Stats:
    """Differences of the estimates of a day to those of the reference, with their normal test."""
    found: Stats = {}
    for row in rows:
        days = {head: _at(curve, float(row[-1][1] or 0)) for head, curve in curves.items()}
        other = days[str(facts.compared_with)]
        for head, own in days.items():
            apart = own["estimate"] - other["estimate"]
            stats = {"estimate": apart, **dict.fromkeys(("std.error", "conf.low", "conf.high", "p.value"), _NAN)}
            if 0 < own["estimate"] < 1 and 0 < other["estimate"] < 1:
                error = math.hypot(own["std.error"], other["std.error"])
                stats |= {"std.error": error, "conf.low": max(apart - _Z * error, -1), "conf.high": min(apart + _Z * error, 1)}
                stats["p.value"] = math.erfc(abs(apart) / error / math.sqrt(2))
            found[row, head] = stats
    return found


def compare_times_anew(
    database: Database,
    facts: Facts,
    paramcd: str,
    rows: Iterable[Key],
    first: Mapping[tuple[Key, str], Mapping[str, float]],
    *,
    cox: bool,
) -> Stats:
    """Log-rank tests, or Cox models, of each column against the reference, follow-up cut at the day of the row.

    A Cox model is not fitted again: its hazard ratio is the root of the score of Efron's likelihood, so one step of
    Newton's from the ratio that is told (``first``) stays where it is, and the information there gives interval and test.
    """
    found: Stats = {}
    for row in rows:
        day, other = float(row[-1][1] or 0), str(facts.compared_with)
        for head in facts.columns:
            if (row, head) not in first:
                continue
            start = facts.day_one
            sets = database.ask(_RISK_SETS, [head, start, day, start, day, paramcd, head, other])
            found[row, head] = _efron_step(sets, first[row, head]["estimate"]) if cox else _log_rank(sets)
        if not cox:
            found |= _adjusted({key: found[key] for key in found if key[0] == row})
    return found


def _log_rank(sets: Sequence[tuple[int, int, int, int]]) -> dict[str, float]:
    apart = sum(d1 - d * n1 / n for n, n1, d, d1 in sets)
    variance = sum(d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1) for n, n1, d, _ in sets if n > 1)
    if variance <= 0:
        return {"statistic": _NAN, "p.value": _NAN}
    return {"statistic": apart**2 / variance, "p.value": math.erfc(abs(apart) / math.sqrt(2 * variance))}


def _adjusted(tests: Stats) -> Stats:
    """The tests with Holm's p: each the largest of those that are as small or smaller, times how many are not smaller."""
    known = [stats["p.value"] for stats in tests.values() if not math.isnan(stats["p.value"])]
    found: Stats = {}
    for place, stats in tests.items():
        below = sorted(known)[: sum(p <= stats["p.value"] for p in known)]
        adjusted = max((min(1.0, (len(known) - rank) * p) for rank, p in enumerate(below)), default=_NAN)
        found[place] = {**stats, "adj.p.value": adjusted}
    return found


def _efron_step(sets: Sequence[tuple[int, int, int, int]], ratio: float) -> dict[str, float]:
    """The next estimate from a hazard ratio, its interval and test; nothing where no ratio is the best."""
    nothing = dict.fromkeys(("estimate", "conf.low", "conf.high", "p.value"), _NAN)
    if not any(d1 and n1 < n for n, n1, _, d1 in sets) or not any(d > d1 and n1 for _, n1, d, d1 in sets):
        return nothing
    if math.isnan(ratio):
        return {**nothing, "estimate": math.inf}
    score = information = 0.0
    for n, n1, d, d1 in sets:
        for before in range(d):
            treated = (n1 - before / d * d1) * ratio
            share = treated / (treated + (n - n1) - before / d * (d - d1))
            score, information = score - share, information + share * (1 - share)
        score += d1
    beta, error = math.log(ratio) + score / information, 1 / math.sqrt(information)
    limits = {"conf.low": math.exp(beta - _Z * error), "conf.high": math.exp(beta + _Z * error)}
    return {"estimate": math.exp(beta), **limits, "p.value": math.erfc(abs(beta) / error / math.sqrt(2))}
