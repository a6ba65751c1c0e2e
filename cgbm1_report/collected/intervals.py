"""Treatments and events as intervals of days: what overlaps the day of a measurement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.iso8601 import DATE, parse_dtc

#: Stand-ins for "began before anything recorded" and "still going on".
_EVER = pd.Timestamp("1000-01-01").as_unit("s")
_STILL = pd.Timestamp("9999-12-31").as_unit("s")


def read_intervals(frame: pd.DataFrame, start: str, end: str, *, open_end: bool) -> pd.DataFrame:
    """Turn records into intervals of days.

    Parameters
    ----------
    frame
        SDTM records with USUBJID.
    start, end
        Names of their ISO 8601 variables. A partial start counts from the first, a partial end to
        the last day it can mean; a missing start is before anything else.
    open_end
        True: a record without an end goes on (medications, events). False: it was one day, the
        start, and a record without a complete start date says nothing (procedures).

    Returns
    -------
    DataFrame
        ``USUBJID``, ``START``, ``END`` in the index of ``frame``.
    """
    begin = parse_dtc(frame[start])
    finish = parse_dtc(frame[end])["last"] if end in frame else pd.Series(pd.NaT, index=frame.index, dtype=DATE)
    if open_end:
        first, last = begin["first"].fillna(_EVER), finish.fillna(_STILL)
    else:
        first, last = begin["date"], finish.fillna(begin["date"])
    found = pd.DataFrame({"USUBJID": frame["USUBJID"], "START": first, "END": last})
    return found[found["START"].notna() & (found["START"] <= found["END"])]


def _pair(records: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """Every record with every interval of its subject and what else it tells; ``ROW`` is the position of the record."""
    keys = pd.DataFrame({"USUBJID": records["USUBJID"].to_numpy(), "ADT": records["ADT"].to_numpy()})
    keys["ROW"] = np.arange(len(keys))
    here = keys[keys["USUBJID"].isin(intervals["USUBJID"])]
    return here.merge(intervals, on="USUBJID")


def flag_overlap(records: pd.DataFrame, intervals: pd.DataFrame, *, days_before: int = 0) -> pd.Series:
    """Flag the records on whose days [ADT - days_before, ADT] an interval of the subject lies.

    Parameters
    ----------
    records
        USUBJID and ADT.
    intervals
        As :func:`read_intervals` gives them.
    """
    pairs = _pair(records, intervals)
    touches = (pairs["START"] <= pairs["ADT"]) & (pairs["END"] >= pairs["ADT"] - pd.Timedelta(days=days_before))
    found = np.zeros(len(records), dtype=bool)
    found[pairs.loc[touches, "ROW"].to_numpy()] = True
    return pd.Series(found, index=records.index)


def find_overlap(records: pd.DataFrame, intervals: pd.DataFrame, variable: str) -> pd.Series:
    """Lowest value of a variable among the intervals of the subject that cover the day of each record; NaN without one.

    Parameters
    ----------
    records
        USUBJID and ADT.
    intervals
        As :func:`read_intervals` gives them, with the numeric variable (a sequence number).
    """
    pairs = _pair(records, intervals)
    covering = pairs[(pairs["START"] <= pairs["ADT"]) & (pairs["END"] >= pairs["ADT"])]
    found = np.full(len(records), np.nan)
    lowest = covering.groupby("ROW")[variable].min()
    found[lowest.index.to_numpy(dtype="int64")] = lowest.to_numpy(dtype="float64")
    return pd.Series(found, index=records.index)


def count_days(records: pd.DataFrame, intervals: pd.DataFrame, *, first_day: int, last_day: int) -> pd.Series:
    """Count the distinct days of [ADT + first_day, ADT + last_day] that an interval of the subject covers.

    Two sessions on one day are one day; the days need not follow each other.
    """
    pairs = _pair(records, intervals)
    found = np.zeros(len(records), dtype="int64")
    for offset in range(first_day, last_day + 1):
        day = pairs["ADT"] + pd.Timedelta(days=offset)
        covered = pairs.loc[(pairs["START"] <= day) & (pairs["END"] >= day), "ROW"].unique()
        found[covered] += 1
    return pd.Series(found, index=records.index)
