"""ISO 8601 dates, complete and partial: reading them, imputing them, counting days from the first dose.

Rules: an onset of unknown day is put on the first dose date wherever it may have happened after it,
so that a harm is never lost from the treatment-emergent events; an end of unknown day is put as late
as possible. What was imputed is flagged with the highest level imputed: D (day), M (month and day),
Y (all), as ADaM's ``--DTF`` does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

#: Resolution of every analysis date. Seconds reach from year 1 to 9999; nanoseconds would not.
DATE: Final = "datetime64[s]"

#: Lengths of the five forms, and the last part each of them knows; what has none of the forms knows none.
_LENGTHS = (4, 7, 10, 16, 19)
_PRECISIONS = np.array(["Y", "M", "D", "T", "T", None], dtype="object")
#: Where digits and separators stand, and the one place too many that tells a longer text.
_DIGITS = {"year": (0, 4), "month": (5, 7), "day": (8, 10), "hour": (11, 13), "minute": (14, 16), "second": (17, 19)}
_SEPARATORS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_WIDTH = 20


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
    codes, values = pd.factorize(text.astype("str"), use_na_sentinel=True)
    # The sentinel -1 of a missing text takes the last row, which parses an empty one.
    parsed = _parse_values([*values.astype("object"), ""])
    frame = pd.DataFrame({name: array[codes] for name, array in parsed.items()}, index=text.index)
    return frame.astype({"precision": "str"})


def _parse_values(values: list[str]) -> dict[str, np.ndarray]:
    """Each column of `parse_dtc` for distinct texts, by arithmetic on their characters.

    A pattern and a date parser do the same ten times slower, which counts on a million results.
    """
    length = np.fromiter(map(len, values), dtype="int64", count=len(values))
    characters = np.array(values, dtype=f"U{_WIDTH}").view(np.int32).reshape(len(values), _WIDTH)
    formed = _is_formed(characters, length)
    # A part that is not there is its first value: January, the 1st, midnight.
    known = {name: formed & (length > start) for name, (start, _) in _DIGITS.items()}
    part = {name: np.where(known[name], _number(characters, *place), 0) for name, place in _DIGITS.items()}
    year = (part["year"] - 1970).astype("M8[Y]")
    months = year.astype("M8[M]") + np.where(known["month"], part["month"] - 1, 0)
    first = months.astype("M8[D]") + np.where(known["day"], part["day"] - 1, 0)
    clock = (part["hour"] < 24) & (part["minute"] < 60) & (part["second"] < 60)
    # 30 February falls into March, month 13 into the next year: neither is a date.
    real = formed & clock & (months.astype("M8[Y]") == year) & (first.astype("M8[M]") == months)
    last = np.where(known["month"], (months + 1).astype("M8[D]"), (year + 1).astype("M8[D]")) - 1
    last = np.where(known["day"], first, last)
    moment = first.astype(DATE) + (part["hour"] * 3600 + part["minute"] * 60 + part["second"])
    missing = np.datetime64("NaT")
    return {
        "date": np.where(real & known["day"], first, missing).astype(DATE),
        "datetime": np.where(real & known["minute"], moment, missing).astype(DATE),
        "precision": _PRECISIONS[np.where(real, np.searchsorted(_LENGTHS, length), len(_LENGTHS))],
        "first": np.where(real, first, missing).astype(DATE),
        "last": np.where(real, last, missing).astype(DATE),
    }


def _is_formed(characters: np.ndarray, length: np.ndarray) -> np.ndarray:
    """True where a text has one of the lengths, digits and separators in their places."""
    digit = (characters >= ord("0")) & (characters <= ord("9"))
    formed: np.ndarray = np.isin(length, _LENGTHS)
    for start, end in _DIGITS.values():
        formed &= digit[:, start:end].all(axis=1) | (length <= start)
    for place, separator in _SEPARATORS.items():
        formed &= (characters[:, place] == ord(separator)) | (length <= place)
    return formed


def _number(characters: np.ndarray, start: int, end: int) -> np.ndarray:
    number = np.zeros(len(characters), dtype="int64")
    for place in range(start, end):
        number = 10 * number + (characters[:, place] - ord("0"))
    return number


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
    flag = begin["precision"].map({"M": "D", "Y": "M"}).astype("str").mask(absent & moved, "Y")
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
