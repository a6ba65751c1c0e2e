"""Values of one table brought to the records of another."""

from __future__ import annotations

import pandas as pd


def look_up(keys: pd.Series, values: pd.Series) -> pd.Series:
    """The value of each key; missing for an unknown one. ``values`` has unique keys as its index.

    Unlike ``Series.map`` it keeps the type of the values where there are no keys at all.
    """
    return values.reindex(pd.Index(keys)).set_axis(keys.index)
