"""Rates by time at risk anew: days of the subjects in SQL, limits by the quantiles of chi-squared, ratios on the logarithm."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.counts import Answers
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import AtRisk, Key

_NAN = float("nan")
_YEAR, _PER, _Z = 365.25, 100, 1.959963984540054


def rate_anew(database: Database, events: View, subjects: View, rows: Mapping[int, Key], observed: AtRisk) -> Answers:
    """First events of each row by the years at risk of all subjects of a column, who are at risk up to theirs."""
    begin, end, onset = (quote(name) for name in (observed.begin, observed.end, observed.onset))
    days = f"date_diff('day', t.{begin}, t.{end})"
    days = days if observed.longest is None else f"least({days}, {observed.longest:d})"
    database.keep("observed", f"SELECT t.*, greatest({days}, 0) + 1 AS days FROM ({subjects.text}) t", subjects.values)
    answers: Answers = {}
    for asked, values in database.match(events, rows):
        question = (
            f"WITH first AS (SELECT h.row, r.head, r.USUBJID, min(date_diff('day', o.{begin}, r.{onset})) + 1 AS day {asked} "
            "JOIN observed o ON o.USUBJID = r.USUBJID AND o.head = r.head GROUP BY ALL) "
            "SELECT f.row, f.head, count(*), sum(f.day - o.days) FROM first f JOIN observed o USING (USUBJID, head) GROUP BY ALL"
        )
        for row, head, count, less in database.ask(question, values):
            answers[row, head] = {"events": count, "less": less}
    whole = dict(database.ask("SELECT head, sum(days) FROM observed GROUP BY head"))
    return {
        (row, head): _rate(int(told.get("events", 0)), float(whole.get(head, 0) + told.get("less", 0)))
        for row in rows
        for head in subjects.subjects
        for told in (answers.get((row, head), {}),)
    }


def _rate(events: int, days: float) -> dict[str, float]:
    """The rate of a hundred years with Garwood's limits."""
    years = days / _YEAR
    told = {"events": float(events), "tot_person_time": years, **dict.fromkeys(("estimate", "conf.low", "conf.high"), _NAN)}
    if years > 0:
        from scipy.special import chdtri

        low = float(chdtri(2 * events, 0.975)) / 2 if events else 0.0
        high = float(chdtri(2 * events + 2, 0.025)) / 2
        told |= {"estimate": events * _PER / years, "conf.low": low * _PER / years, "conf.high": high * _PER / years}
    return told


def compare_rates_anew(own: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """The ratio of two rates and its log-normal limits; missing without an event on either side."""
    if not (own["events"] and other["events"]):
        return dict.fromkeys(("estimate", "conf.low", "conf.high"), _NAN)
    ratio = math.log(own["estimate"] / other["estimate"])
    half = _Z * math.hypot(own["events"] ** -0.5, other["events"] ** -0.5)
    return {"estimate": math.exp(ratio), "conf.low": math.exp(ratio - half), "conf.high": math.exp(ratio + half)}
