"""Working days: what is planned falls on Monday to Friday; what befalls a patient, on any day.

Weekends alone are off: the protocol names no calendar of holidays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgbm1_report.simulate.streams import Flags, Floats


def is_working(dates: pd.Series) -> Flags:
    """Whether each date is a Monday to Friday; a missing one is not."""
    return np.asarray(np.is_busday(dates.to_numpy().astype("datetime64[D]")))


def next_working(dates: pd.Series) -> pd.Series:
    """Each date, or the Monday after its weekend. Missing stays missing."""
    return dates + pd.to_timedelta(_to_monday(dates), unit="D")


def draw_offset(
    rng: np.random.Generator,
    start: pd.Series,
    offsets: Sequence[int],
    weights: Sequence[float] | None = None,
    earliest: Floats | None = None,
) -> Floats:
    """For each date one of the offsets (days) that leads to a working day, with the weights given, not below ``earliest``.

    NaN where none does: all of them fall on a weekend, or the date is missing.
    """
    if not len(offsets):
        return np.full(len(start), np.nan)
    days = start.to_numpy().astype("datetime64[D]")[:, None] + np.asarray(offsets, dtype="timedelta64[D]")
    possible = np.is_busday(days)
    if earliest is not None:
        possible &= np.asarray(offsets) >= earliest[:, None]
    # The largest of logarithms of weights with Gumbel noise is a draw by weight.
    chances = np.log(np.ones(len(offsets)) if weights is None else np.asarray(weights)) + rng.gumbel(size=days.shape)
    best = np.where(possible, chances, -np.inf).argmax(axis=1)
    return np.where(possible.any(axis=1), np.asarray(offsets, dtype=float)[best], np.nan)


def draw_day(rng: np.random.Generator, start: np.datetime64, low: int, high: int) -> np.datetime64:
    """A working day ``low`` to ``high`` days after one date; the Monday after them where they are a weekend."""
    first = pd.Series([start], dtype="datetime64[s]")
    offset = draw_offset(rng, first, range(low, high + 1))[0]
    later = first + pd.to_timedelta(high if np.isnan(offset) else offset, unit="D")
    return np.datetime64(next_working(later).iloc[0].to_datetime64(), "D")


def move_to_working(start: pd.Series, day: Floats, last: float) -> Floats:
    """Elapsed days moved on to the Monday after a weekend, or back to the Friday before where ``last`` comes first."""
    date = start + pd.to_timedelta(day, unit="D")
    on = day + _to_monday(date)
    return np.where(on <= last, on, on - 3)


def _to_monday(dates: pd.Series) -> Floats:
    """Days from each date to the working day at or after it: 2 of a Saturday, 1 of a Sunday."""
    return np.asarray((7 - dates.dt.day_of_week).where(dates.dt.day_of_week >= 5, 0).fillna(0), dtype=float)
