"""Rates by time at risk: events by person-years, with exact intervals, and their ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pandas as pd

from cgbm1_report.analyse.numbers import RATE, RATE_RATIO, Record, expand_total, list_statistics, make_numbers
from cgbm1_report.analyse.proportions import Z95
from cgbm1_report.rows import Key

NAN = float("nan")
TOTAL = "Total"
#: Days of a year, and the person-years that a rate is of.
YEAR: Final = 365.25
PER: Final = 100


class Rate(NamedTuple):
    """Events per 100 person-years, or the ratio of two such rates, with its 95% limits; missing is not estimable."""

    estimate: float
    lo: float
    hi: float


def incidence_rate(events: int, days: float) -> Rate:
    """Rate per 100 person-years with the exact interval of a Poisson count (R ``poisson.test(events, days / 36525)``).

    ``events`` are subjects with an event, ``days`` those of all subjects at risk. The limits are quantiles of gamma
    distributions, half those of chi-squared with twice the degrees of freedom; the lower one is 0 without an event.
    Missing without time at risk. Reference: Garwood, Biometrika 1936;28:437-442.
    """
    if days <= 0:
        return Rate(NAN, NAN, NAN)
    from scipy.special import gammaincinv

    per = PER * YEAR / days
    lower = float(gammaincinv(events, 0.025)) if events else 0.0
    return Rate(events * per, lower * per, float(gammaincinv(events + 1, 0.975)) * per)


def rate_ratio(events_1: int, days_1: float, events_0: int, days_0: float) -> Rate:
    """Ratio of two rates with the log-normal interval, exp(log ratio ± 1.96 √(1/a + 1/b)) (R ``epitools::rateratio.wald``).

    Missing without an event or without time at risk on either side. Reference: Rothman, Greenland and Lash, Modern
    Epidemiology, 3rd ed., chapter 14.
    """
    if not (events_1 and events_0 and days_1 > 0 and days_0 > 0):
        return Rate(NAN, NAN, NAN)
    ratio = (events_1 / days_1) / (events_0 / days_0)
    spread = math.exp(Z95 * math.sqrt(1 / events_1 + 1 / events_0))
    return Rate(ratio, ratio / spread, ratio * spread)


def analyse_rates(
    selections: Sequence[tuple[Key, pd.DataFrame]],
    observed: pd.DataFrame,
    columns: Sequence[str],
    compared: Sequence[str] = (),
    reference: str | None = None,
    *,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Rate of the first event of each selection, and its ratio to the reference column.

    Parameters
    ----------
    selections
        Rows with their events: USUBJID and ``TIME``, the days from the start to the event, both counted.
    observed
        One row per subject: USUBJID, COLUMN and ``TIME``, the days observed if no event comes.
    compared
        The columns whose rate is compared with that of ``reference``.

    Returns
    -------
    DataFrame
        ``tot_person_time`` (years), ``estimate``, ``conf.low`` and ``conf.high`` (per 100 years) per row and column; the
        same of the ratio per compared column. Limits are missing where they cannot be estimated.
    """
    records: list[Record] = []
    for key, events in selections:
        first = events.groupby("USUBJID")["TIME"].min()
        own = first.reindex(observed["USUBJID"]).set_axis(observed.index)
        at_risk = observed[["USUBJID", "COLUMN"]].assign(TIME=own.fillna(observed["TIME"]), EVENT=own.notna())
        sums = expand_total(at_risk, columns, total).groupby("COLUMN")[["TIME", "EVENT"]].sum()
        found = {column: (int(sums["EVENT"].get(column, 0)), float(sums["TIME"].get(column, 0))) for column in columns}
        records += _list_rates(key, found, compared, reference)
    return make_numbers(records)


def _list_rates(key: Key, found: Mapping[str, tuple[int, float]], compared: Sequence[str], reference: str | None) -> list[Record]:
    records: list[Record] = []
    for column, (events, days) in found.items():
        rate = incidence_rate(events, days)
        stats = {"tot_person_time": days / YEAR, "estimate": rate.estimate, "conf.low": rate.lo, "conf.high": rate.hi}
        records += list_statistics(key, column, RATE, stats)
    for column in compared if reference is not None else ():
        ratio = rate_ratio(*found[column], *found[str(reference)])
        records += list_statistics(
            key, column, RATE_RATIO, {"estimate": ratio.estimate, "conf.low": ratio.lo, "conf.high": ratio.hi}
        )
    return records
