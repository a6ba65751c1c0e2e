"""The long frame of results that every analysis gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

COLUMNS = ["row", "column", "stat", "value", "subjects"]


def make_numbers(records: Iterable[tuple[str, str, str, float, list[str] | None]]) -> pd.DataFrame:
    """Results frame from ``(row, column, stat, value, subjects)`` tuples."""
    return pd.DataFrame(list(records), columns=COLUMNS).astype({"value": "float64"})


def join_numbers(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One frame of many; no parts at all give an empty frame of the right kind."""
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else make_numbers([])


def expand_total(records: pd.DataFrame, columns: Sequence[str], total: str) -> pd.DataFrame:
    """Repeat the records under the total column, where the table has one.

    Records of subjects without a column (screen failures) count in the total only.
    """
    own = records[records["COLUMN"].isin([column for column in columns if column != total])]
    if total not in columns:
        return own
    return pd.concat([own, records.assign(COLUMN=total)], ignore_index=True)
