"""Which planned visits were due: the one rule that attendance and its checks go by."""

from __future__ import annotations

from datetime import date

import pandas as pd


def is_due(visits: pd.DataFrame, cutoff: date | None) -> pd.Series:
    """Whether a subject could come to a planned visit until its window had closed: who did not has missed it.

    Parameters
    ----------
    visits
        ANCHDT, the day that windows count from; OPENS and CLOSES, the first and the last day of the window, counted from it;
        LEFT, the date of the death or withdrawal, whichever was first; DONE, the date of the completion of the study.
    cutoff
        Data cut-off; none: all windows have closed.

    Returns
    -------
    Series
        False of who died or withdrew by the last day of the window, of who had completed the study before it opened, and
        of a window that had not closed before the day of the data cut-off: until then the visit can still take place.
    """
    opens, closes = (visits["ANCHDT"] + pd.to_timedelta(visits[name], unit="D") for name in ("OPENS", "CLOSES"))
    due = visits["ANCHDT"].notna() & ~(visits["LEFT"] <= closes) & ~(visits["DONE"] < opens)
    return due if cutoff is None else due & (closes < pd.Timestamp(cutoff))
