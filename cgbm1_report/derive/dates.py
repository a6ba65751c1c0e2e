"""Partial dates completed, and days counted from the first dose.

Rules: an onset of unknown day is put on the first dose date wherever it may have happened after it,
so that a harm is never lost from the treatment-emergent events; an end of unknown day is put as late
as possible. What was imputed is flagged with the highest level imputed: D (day), M (month and day),
Y (all), as ADaM's ``--DTF`` does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.distinct import map_text
from cgbm1_report.iso8601 import DATE, parse_dtc

__all__ = ["DATE", "derive_ady", "derive_days", "earliest", "impute_death", "impute_end", "impute_start", "latest", "parse_dtc"]

_DAY = np.timedelta64(1, "D")


def derive_days(date: pd.Series, origin: pd.Series) -> pd.Series:
    """Elapsed days from ``origin`` to ``date`` (0 on the origin itself); missing where either is.

    With ``origin`` = ANCHDT this is REL, the day count of the protocol.
    """
    elapsed = date - origin
    return pd.Series(np.floor(elapsed.to_numpy() / _DAY), index=elapsed.index)


def derive_ady(date: pd.Series, trtsdt: pd.Series) -> pd.Series:
    """Analysis relative day: 1 on the day of the first dose, -1 the day before, never 0.

    Missing where the date is missing or the subject was never dosed.
    """
    days = derive_days(date, trtsdt)
    return days.where(days < 0, days + 1)


def impute_start(
    start: pd.Series,
    end: pd.Series,
    trtsdt: pd.Series,
    before: pd.Series | None = None,
    *,
    at_treatment: bool = True,
    month: bool = True,
) -> pd.DataFrame:
    """Complete the start date of an event or a medication.

    A start of unknown day or month that may fall on the first dose date is put there, unless the
    record ended before that date or the case report form says it began before the first infusion;
    otherwise it is put on the first day it can mean. A start that is missing altogether is the
    first dose date under the same conditions, else it stays missing. An imputed start is never
    later than a complete end.

    Parameters
    ----------
    start, end
        ISO 8601 text; a partial end counts as its latest possible day.
    trtsdt
        Date of the first dose, missing when never dosed.
    before
        True where the form says "started before the first infusion". It is believed only where the
        partial date can lie at or before the first dose date.
    at_treatment
        False for medications and history, which are never moved to the first dose date.
    month
        False leaves a start of unknown month missing where its year ended before the first dose (or
        there was none). One that may lie after the first dose is completed all the same: an event
        that counts needs a date.

    Returns
    -------
    DataFrame
        ``date`` and ``flag`` (``D``, ``M``, ``Y`` or missing), same index.
    """
    begin, finish = parse_dtc(start), parse_dtc(end)
    told_before = pd.Series(False, index=start.index) if before is None else before
    absent = begin["precision"].isna()
    partial = begin["precision"].isin(["Y", "M"])
    possible = absent | (partial & (begin["first"] <= trtsdt) & (trtsdt <= begin["last"]))
    moved = possible & trtsdt.notna() & ~(finish["last"] < trtsdt) & ~told_before & at_treatment
    date = begin["first"].mask(moved, trtsdt)
    flag = map_text(begin["precision"], {"M": "D", "Y": "M"}).mask(absent & moved, "Y")
    date = date.mask(flag.notna() & (date > finish["date"]), finish["date"])
    left_open = begin["precision"].eq("Y") & ~(begin["last"] >= trtsdt) & (not month)
    return pd.DataFrame({"date": date.mask(left_open), "flag": flag.mask(left_open)})


def impute_end(end: pd.Series, limit: pd.Series, start: pd.Series) -> pd.DataFrame:
    """Complete the end date of a record with the last day it can mean.

    Parameters
    ----------
    end
        ISO 8601 text; missing means ongoing and stays missing.
    limit
        Date the subject died or left the study: an imputed end is not later.
    start
        Analysis start date: an imputed end is not earlier, as far as the partial date allows.

    Returns
    -------
    DataFrame
        ``date`` and ``flag`` (``D``, ``M`` or missing), same index.
    """
    finish = parse_dtc(end)
    flag = map_text(finish["precision"], {"M": "D", "Y": "M"})
    limited = finish["last"].mask(finish["last"] > limit, limit)
    started = start.mask(start > finish["last"], finish["last"])
    imputed = limited.mask(limited < started, started)
    return pd.DataFrame({"date": finish["date"].mask(flag.notna(), imputed), "flag": flag})


def impute_death(death: pd.Series, last_alive: pd.Series) -> pd.DataFrame:
    """Complete a date of death: the day after the subject was last known alive.

    The imputed date stays inside the month (or, with the month missing too, the year) that is
    recorded.

    Parameters
    ----------
    death
        ISO 8601 text of the date of death.
    last_alive
        Last date known alive, the death itself left aside (LSTALV0).

    Returns
    -------
    DataFrame
        ``date`` and ``flag`` (``D``, ``M`` or missing), same index.
    """
    found = parse_dtc(death)
    flag = map_text(found["precision"], {"M": "D", "Y": "M"})
    following = (last_alive + pd.Timedelta(days=1)).astype(DATE)
    date = found["first"].mask(following > found["first"], following)
    date = date.mask(date > found["last"], found["last"])
    return pd.DataFrame({"date": found["date"].mask(flag.notna(), date), "flag": flag})


def earliest(*dates: pd.Series) -> pd.Series:
    """The earliest of several dates, missing ones left aside."""
    return pd.concat(dates, axis=1).min(axis=1).astype(DATE)


def latest(*dates: pd.Series) -> pd.Series:
    """The latest of several dates, missing ones left aside."""
    return pd.concat(dates, axis=1).max(axis=1).astype(DATE)
