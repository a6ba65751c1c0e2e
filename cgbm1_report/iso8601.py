"""ISO 8601 dates as the data hold them: complete, partial or wrong.

Forms: YYYY, YYYY-MM, YYYY-MM-DD, YYYY-MM-DDThh:mm and YYYY-MM-DDThh:mm:ss. A partial date stands
for every moment it can mean: from ``first`` to ``last``. Two dates compare at the precision both
have: one is before the other only if its last moment is before the other's first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

PATTERN = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?)?)?"

#: Length of the text at each precision.
LENGTHS = {"year": 4, "month": 7, "day": 10, "minute": 16, "second": 19}

#: What a shorter text is filled up with: the first moment it can mean.
_FIRST = "0001-01-01T00:00:00"
#: Unit of the first moment after the last one a text of each length can mean.
_UNITS = {4: "Y", 7: "M", 10: "D", 16: "m", 19: "s"}


def _parse_unique(text: pd.Series) -> pd.DataFrame:
    length = text.str.len().astype("float64").where(text.str.fullmatch(PATTERN).fillna(False).astype(bool)).to_numpy()
    rest = pd.Series(length).map({known: _FIRST[known:] for known in _UNITS}).astype("str")
    first = pd.to_datetime(text + rest, format="%Y-%m-%dT%H:%M:%S", errors="coerce").to_numpy("datetime64[s]")
    last = first.copy()
    for known, unit in _UNITS.items():
        rows = length == known
        following = (first[rows].astype(f"datetime64[{unit}]") + 1).astype("datetime64[s]")
        last[rows] = following - np.timedelta64(1, "s")
    return pd.DataFrame({"first": first, "last": last, "length": np.where(np.isnat(first), np.nan, length)})


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
    parsed = _parse_unique(pd.Series(values, dtype="str"))
    return parsed.reindex(codes).set_axis(text.index)


def is_iso8601(text: pd.Series, form: str = "partial") -> pd.Series:
    """Whether each value is a date of the calendar, at least as precise as ``form``.

    ``form``: ``partial`` (a year is enough), ``date`` (the day is known) or ``minute``.
    """
    needed = {"partial": LENGTHS["year"], "date": LENGTHS["day"], "minute": LENGTHS["minute"]}[form]
    return parse_moments(text)["length"] >= needed
