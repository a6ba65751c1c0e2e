"""ISO 8601 dates, complete and partial: reading them, imputing them, counting days from the first dose.

Rules: an onset of unknown day is put on the first dose date wherever it may have happened after it,
so that a harm is never lost from the treatment-emergent events; an end of unknown day is put as late
as possible. What was imputed is flagged with the highest level imputed: D (day), M (month and day),
Y (all), as ADaM's ``--DTF`` does.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

#: Resolution of every analysis date. Seconds reach from year 1 to 9999; nanoseconds would not.
DATE: Final = "datetime64[s]"

_FORM = r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?)?)?"
#: Lengths of the five forms; a text of another length (a trailing line feed, say) is none of them.
_LENGTHS = (4, 7, 10, 16, 19)
#: Where each part stands in the text.
_PARTS = {"year": (0, 4), "month": (5, 7), "day": (8, 10), "hour": (11, 13), "minute": (14, 16), "second": (17, 19)}
_COLUMNS = ("date", "datetime", "precision", "first", "last")


def parse_dtc(text: pd.Series) -> pd.DataFrame:
    """Read ISO 8601 text of the forms YYYY, YYYY-MM, YYYY-MM-DD and YYYY-MM-DDThh:mm[:ss].

    Parameters
    ----------
    text
        SDTM ``--DTC`` values; NaN is missing.

    Returns
    -------
    DataFrame
        One row per value, same index. ``date``: the calendar date, missing unless the day is known.
        ``datetime``: date and time, missing without a time. ``precision``: ``Y``, ``M``, ``D`` or
        ``T``, the last part known. ``first``, ``last``: earliest and latest day the value can mean.
        A text of another form, or one that is no date of the calendar (2025-02-30), is missing in
        all five; the validator reports it.
    """
    codes, values = pd.factorize(text, use_na_sentinel=True)
    parsed = _parse_values(pd.Series(values, dtype="str"))
    found = parsed.reindex(codes)  # the sentinel -1 finds no row: missing
    found.index = text.index
    return found


def _parse_values(values: pd.Series) -> pd.DataFrame:
    # Fixed places are cut several times faster than a pattern captures them, on a million dates.
    formed = values.where(values.str.fullmatch(_FORM) & values.str.len().isin(_LENGTHS))
    parts = pd.DataFrame({name: formed.str.slice(*place) for name, place in _PARTS.items()})
    parts = parts.where(parts != "")
    first = _to_date(parts["year"] + "-" + parts["month"].fillna("01") + "-" + parts["day"].fillna("01"))
    moment = first + _clock(parts)
    # An hour 25 makes the whole value no date: half a value must not pass for a whole one.
    first = first.where(parts["hour"].isna() | moment.notna())
    precision = pd.Series("T", index=values.index, dtype="str")
    precision = precision.mask(parts["hour"].isna(), "D").mask(parts["day"].isna(), "M").mask(parts["month"].isna(), "Y")
    last = first.mask(precision == "M", first + pd.offsets.MonthEnd(0)).mask(precision == "Y", first + pd.offsets.YearEnd(0))
    frame = pd.DataFrame(
        {
            "date": first.where(precision.isin(["D", "T"])),
            "datetime": moment,
            "precision": precision.where(first.notna()),
            "first": first,
            "last": last,
        }
    )
    return frame[list(_COLUMNS)]


def _to_date(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce").astype(DATE)


def _clock(parts: pd.DataFrame) -> pd.Series:
    """Time since midnight; missing where it is not recorded or is no time of day."""
    hour, minute = parts["hour"].astype("float64"), parts["minute"].astype("float64")
    second = parts["second"].astype("float64").fillna(0)
    seconds = (hour * 3600 + minute * 60 + second).where((hour < 24) & (minute < 60) & (second < 60))
    return pd.to_timedelta(seconds, unit="s").astype("timedelta64[s]")


def derive_days(date: pd.Series, origin: pd.Series) -> pd.Series:
    """Elapsed days from ``origin`` to ``date`` (0 on the origin itself); missing where either is.

    With ``origin`` = ANCHDT this is REL, the day count of the protocol.
    """
    return (date - origin).dt.days.astype("float64")


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
    flag = begin["precision"].map({"M": "D", "Y": "M"}).astype("str").mask(absent & moved, "Y")
    return pd.DataFrame({"date": date.mask(flag.notna() & (date > finish["date"]), finish["date"]), "flag": flag})


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
    flag = finish["precision"].map({"M": "D", "Y": "M"}).astype("str")
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
    flag = found["precision"].map({"M": "D", "Y": "M"}).astype("str")
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
