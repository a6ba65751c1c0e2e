"""ISO 8601 dates as the data hold them: complete, partial or wrong.

Forms: YYYY, YYYY-MM, YYYY-MM-DD, YYYY-MM-DDThh:mm and YYYY-MM-DDThh:mm:ss. A partial date stands
for every moment it can mean: from ``first`` to ``last``. Two dates compare at the precision both
have: one is before the other only if its last moment is before the other's first.
"""

from __future__ import annotations

import pandas as pd

PATTERN = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?)?)?"

#: Length of the text at each precision.
LENGTHS = {"year": 4, "month": 7, "day": 10, "minute": 16, "second": 19}

_DAY = pd.Timedelta(days=1)
_SECOND = pd.Timedelta(seconds=1)


def _parse_unique(text: pd.Series) -> pd.DataFrame:
    valid = text.str.fullmatch(PATTERN).fillna(False).astype(bool) & ~text.str.endswith("\n").fillna(False).astype(bool)
    length = text.str.len().where(valid)
    padded = text.where(valid)
    padded = padded.where(length != LENGTHS["year"], text + "-01-01").where(length != LENGTHS["month"], text + "-01")
    day = pd.to_datetime(padded.str[:10], format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")
    clock = pd.to_timedelta(text.str[11:13].where(length > 10).astype("float64"), unit="h")
    clock += pd.to_timedelta(text.str[14:16].where(length > 10).astype("float64"), unit="m")
    seconds = pd.to_timedelta(text.str[17:19].where(length > 16).astype("float64").fillna(0), unit="s")
    moment = (day + (clock + seconds)).astype("datetime64[s]")
    first = moment.where(length > 10, day)
    last = (day + _DAY - _SECOND).astype("datetime64[s]")
    last = last.where(length != LENGTHS["month"], day + pd.offsets.MonthEnd(0) + _DAY - _SECOND)
    last = last.where(length != LENGTHS["year"], day + pd.offsets.YearEnd(0) + _DAY - _SECOND)
    last = last.where(length != LENGTHS["minute"], moment + pd.Timedelta(seconds=59)).where(length != LENGTHS["second"], moment)
    return pd.DataFrame({"first": first, "last": last.astype("datetime64[s]"), "length": length.where(day.notna())})


def parse_moments(text: pd.Series) -> pd.DataFrame:
    """First and last moment each text can mean, and its length as precision.

    Returns
    -------
    DataFrame
        ``first``, ``last`` (``datetime64[s]``) and ``length`` (4, 7, 10, 16, 19), same index. All
        missing where the text is missing, of another form, or no date of the calendar (2025-02-30).
    """
    # A column of a million dates has far fewer distinct ones.
    codes, values = pd.factorize(text.astype("str"), use_na_sentinel=True)
    parsed = _parse_unique(pd.Series(values, dtype="str")).reindex(codes)
    return parsed.set_axis(text.index)


def is_iso8601(text: pd.Series, form: str = "partial") -> pd.Series:
    """Whether each value is a date of the calendar, at least as precise as ``form``.

    ``form``: ``partial`` (a year is enough), ``date`` (the day is known) or ``minute``.
    """
    needed = {"partial": LENGTHS["year"], "date": LENGTHS["day"], "minute": LENGTHS["minute"]}[form]
    return parse_moments(text)["length"] >= needed
