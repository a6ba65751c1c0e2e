"""ISO 8601 dates as the data hold them: complete, partial or wrong. The one place that reads them.

Forms: YYYY, YYYY-MM, YYYY-MM-DD, YYYY-MM-DDThh, YYYY-MM-DDThh:mm and YYYY-MM-DDThh:mm:ss, which may have
a decimal fraction (the second is kept). A partial date stands for every moment it can mean: from
``first`` to ``last``. Two dates compare at the precision both have: one is before the other only if its
last moment is before the other's first.

Times are local. SDTM allows further forms of ISO 8601 (SDTMIG 3.4, 4.4): a UTC offset, a missing part
before a known one (``2025---10``), intervals. No such date is guessed at: it is refused by the name of
its form (`name_unread`), because a time of another zone, taken for a local one, moves a dose or an event
to the other side of its neighbour.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

#: Resolution of every date. Seconds reach from year 1 to 9999; nanoseconds would not.
DATE: Final = "datetime64[s]"

#: Length of the text at each precision.
LENGTHS: Final = {"year": 4, "month": 7, "day": 10, "hour": 13, "minute": 16, "second": 19}

#: Unit of the first moment after the last one a text of each length can mean.
_UNITS: Final = {4: "Y", 7: "M", 10: "D", 13: "h", 16: "m", 19: "s"}
#: Where digits and separators stand, and the one place too many that tells a longer text.
_DIGITS: Final = {"year": (0, 4), "month": (5, 7), "day": (8, 10), "hour": (11, 13), "minute": (14, 16), "second": (17, 19)}
_SEPARATORS: Final = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_WIDTH: Final = 20

#: A fraction of a second, in either of the two decimal signs of ISO 8601.
_FRACTION: Final = re.compile(r"(.{19})[.,][0-9]+")
#: Forms that are dates or times and are not read, the first that fits: what to call them, what to write.
_UNREAD: Final = (
    (
        re.compile(r"(P|[0-9]{4}).*/(P|[0-9]{4}).*"),
        "is an ISO 8601 interval, which is not read: give start and end a variable each",
    ),
    (re.compile(r"[+-]?P.+"), "is an ISO 8601 duration, not a date"),
    (
        re.compile(r"[0-9-]+T[0-9:.,-]*([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)"),
        "has a UTC offset; times are compared as local ones: write the local time without it",
    ),
    (
        re.compile(
            r"(?=.*(--|T-|:-)|-)([0-9]{4}|-)-([0-9]{2}|-)(-([0-9]{2}|-)?)?(T([0-9]{2}|-)(:([0-9]{2}|-)(:([0-9]{2}|-))?)?)?|---[0-9]{2}"
        ),
        "leaves out a part before one it has, a form of ISO 8601 that is not read: write it up to the gap",
    ),
    (re.compile(r"[0-9-]+T24:?(00:?){0,2}([.,]0+)?"), "has the hour 24: write 00 of the next day"),
    (re.compile(r"[0-9-]+T[0-9]{2}:?[0-9]{2}:?60([.,][0-9]+)?"), "has a leap second: write second 59"),
    (re.compile(r"[0-9]{6}|[0-9]{8}(T[0-9]{2,6})?"), "is in the basic format of ISO 8601: write it with - and :"),
    (re.compile(r"[0-9]{4}-?W[0-9]{2}(-?[0-9])?"), "is a week date of ISO 8601: write year, month and day"),
    (re.compile(r"[0-9]{4}-[0-9]{3}"), "is an ordinal date of ISO 8601: write year, month and day"),
    (re.compile(r"T?[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"), "is a time without its date"),
    (re.compile(r"[0-9-]{10}[ t][0-9].*"), "has no T between date and time"),
)
NO_DATE: Final = "is no ISO 8601 date of the calendar"


def parse_moments(text: pd.Series) -> pd.DataFrame:
    """First and last moment each text can mean, and its length as precision.

    Returns
    -------
    DataFrame
        ``first``, ``last`` (``datetime64[s]``) and ``length`` (4, 7, 10, 13, 16, 19), same index. All
        missing where the text is missing, of another form, or no date of the calendar (2025-02-30).
    """
    codes, parsed = _parse_distinct(text)
    return pd.DataFrame({name: array[codes] for name, array in parsed.items()}, index=text.index)


def _parse_distinct(text: pd.Series) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The distinct texts parsed, and which of them each value is; a missing one is the last, -1, an empty text."""
    # A column of a million dates has far fewer distinct ones.
    codes, values = pd.factorize(text.astype("str"), use_na_sentinel=True)
    return codes, _parse_values([*values.astype("object"), ""])


def parse_dtc(text: pd.Series) -> pd.DataFrame:
    """What a ``--DTC`` variable says, in days.

    Parameters
    ----------
    text
        SDTM ``--DTC`` values; NaN is missing.

    Returns
    -------
    DataFrame
        One row per value, same index. ``date``: the calendar date, missing unless the day is known.
        ``datetime``: date and time, missing unless the minute is known: of an hour alone nobody knows
        which side of a dose it lies on. ``precision``: ``Y``, ``M``, ``D`` or ``T``, the last part
        known that counts. ``first``, ``last``: earliest and latest day the value can mean.
        A text of another form, or one that is no date of the calendar (2025-02-30), is missing in
        all five; the validator reports it.
    """
    codes, moments = _parse_distinct(text)
    length, first, missing = moments["length"], moments["first"], np.datetime64("NaT")
    days = {name: moments[name].astype("M8[D]").astype(DATE) for name in ("first", "last")}
    date = np.where(length >= LENGTHS["day"], days["first"], missing)
    moment = np.where(length >= LENGTHS["minute"], first, missing)
    known = np.array(["Y", "M", "D", "D", "T", "T", None], dtype="object")[np.searchsorted(list(_UNITS), length)]
    precision = pd.array(known, dtype="str").take(codes % len(known))
    found = {"date": date[codes], "datetime": moment[codes], "precision": precision}
    return pd.DataFrame({**found, **{name: array[codes] for name, array in days.items()}}, index=text.index)


def is_iso8601(text: pd.Series, form: str = "partial") -> pd.Series:
    """Whether each value is a date of the calendar, at least as precise as ``form``.

    ``form``: ``partial`` (a year is enough), ``date`` (the day is known) or ``minute``.
    """
    needed = {"partial": LENGTHS["year"], "date": LENGTHS["day"], "minute": LENGTHS["minute"]}[form]
    return parse_moments(text)["length"] >= needed


def _parse_values(values: list[str]) -> dict[str, np.ndarray]:
    """Each column of `parse_moments` for distinct texts, by arithmetic on their characters.

    A pattern and a date parser do the same ten times slower, which counts on a million results.
    """
    values = [_leave_fraction(value) if len(value) > LENGTHS["second"] else value for value in values]
    length = np.fromiter(map(len, values), dtype="int64", count=len(values))
    characters = np.array(values, dtype=f"U{_WIDTH}").view(np.int32).reshape(len(values), _WIDTH)
    formed = _is_formed(characters, length)
    # A part that is not there is its first value: January, the 1st, midnight.
    known = {name: formed & (length > start) for name, (start, _) in _DIGITS.items()}
    part = {name: np.where(known[name], _number(characters, *place), 0) for name, place in _DIGITS.items()}
    year = (part["year"] - 1970).astype("M8[Y]")
    months = year.astype("M8[M]") + np.where(known["month"], part["month"] - 1, 0)
    day = months.astype("M8[D]") + np.where(known["day"], part["day"] - 1, 0)
    clock = (part["hour"] < 24) & (part["minute"] < 60) & (part["second"] < 60)
    # 30 February falls into March, month 13 into the next year: neither is a date.
    real = formed & clock & (months.astype("M8[Y]") == year) & (day.astype("M8[M]") == months)
    first = day.astype(DATE) + (part["hour"] * 3600 + part["minute"] * 60 + part["second"])
    last = first.copy()
    for size, unit in _UNITS.items():
        rows = real & (length == size)
        last[rows] = (first[rows].astype(f"M8[{unit}]") + 1).astype(DATE) - np.timedelta64(1, "s")
    missing = np.datetime64("NaT")
    return {
        "first": np.where(real, first, missing).astype(DATE),
        "last": np.where(real, last, missing).astype(DATE),
        "length": np.where(real, length, np.nan),
    }


def _leave_fraction(value: str) -> str:
    found = _FRACTION.fullmatch(value)
    return found[1] if found else value


def name_unread(text: pd.Series) -> pd.Series:
    """Why each text that `parse_moments` does not read is not read, by the name of its form.

    Returns
    -------
    Series of str
        Such as "has a UTC offset; …", same index; `NO_DATE` for what is no date at all.
    """
    codes, values = pd.factorize(text.astype("str"))
    told = pd.array([*(_name_form(str(value)) for value in values), None], dtype="str")
    return pd.Series(told.take(codes), index=text.index)


def _name_form(value: str) -> str:
    return next((name for form, name in _UNREAD if form.fullmatch(value)), NO_DATE)


def _is_formed(characters: np.ndarray, length: np.ndarray) -> np.ndarray:
    """True where a text has one of the lengths, digits and separators in their places."""
    digit = (characters >= ord("0")) & (characters <= ord("9"))
    formed: np.ndarray = np.isin(length, list(_UNITS))
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
