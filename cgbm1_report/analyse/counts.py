"""How many subjects, out of how many: the counts behind most tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import COLUMNS, expand_total, join_numbers, make_numbers

TOTAL = "Total"
_SEPARATOR = " | "


def count_population(subjects: pd.DataFrame, columns: Sequence[str], *, total: str = TOTAL) -> dict[str, int]:
    """Subjects in each column: the N of the heading and the denominator of percentages.

    Parameters
    ----------
    subjects
        One row per subject with USUBJID and COLUMN.
    """
    counts = expand_total(subjects, columns, total).groupby("COLUMN")["USUBJID"].nunique()
    return {column: int(counts.get(column, 0)) for column in columns}


def analyse_counts(
    records: pd.DataFrame,
    by: Sequence[str],
    columns: Sequence[str],
    denominators: Mapping[str, int],
    *,
    keys: Sequence[str] | None = None,
    prefix: str = "",
    total: str = TOTAL,
) -> pd.DataFrame:
    """Subjects with at least one record, per group and column, with percentage and events.

    Parameters
    ----------
    records
        One row per event with USUBJID, COLUMN and the variables of ``by``. A subject with many
        events of one group counts once.
    by
        Variables whose values, outermost first, are the row labels. Empty: one row, ``prefix``.
        Records with a missing value in any of them are left out.
    denominators
        N of each column, from ADSL, never from the records.
    keys
        Rows to print even without a subject. Without them only rows with a subject in some column
        are given; every row given has every column, zeros included.

    Returns
    -------
    DataFrame
        ``n`` (with its subjects), ``p`` (percent of the denominator, missing where that is 0),
        ``events`` and ``N`` per row and column.
    """
    stacked = expand_total(records, columns, total)
    stacked = stacked.dropna(subset=list(by)) if len(by) else stacked
    labels = _row_labels(stacked, by, prefix)
    events = pd.DataFrame({"row": labels, "column": stacked["COLUMN"].to_numpy(), "USUBJID": stacked["USUBJID"].to_numpy()})
    # As Python's own texts: to make lists of Arrow's takes longer than all the counting.
    once = events.drop_duplicates().sort_values("USUBJID").astype({"USUBJID": object})
    subjects = once.groupby(["row", "column"], sort=False)["USUBJID"].agg(list)
    grouped = events.groupby(["row", "column"], sort=False).size().to_frame("events").assign(subjects=subjects, n=subjects.map(len))
    rows = list(keys) if keys is not None else list(dict.fromkeys(labels))
    full = grouped.reindex(pd.MultiIndex.from_product([rows, list(columns)], names=["row", "column"])).reset_index()
    full["n"] = full["n"].fillna(0)
    full["events"] = full["events"].fillna(0)
    full["N"] = full["column"].map(denominators).astype("float64")
    full["p"] = 100 * full["n"] / full["N"].where(full["N"] > 0)
    full["subjects"] = [ids if isinstance(ids, list) else [] for ids in full["subjects"]]
    return _lengthen(full)


def _row_labels(records: pd.DataFrame, by: Sequence[str], prefix: str) -> np.ndarray:
    parts = [records[name].astype("str") for name in by]
    if not parts:
        return np.full(len(records), prefix, dtype=object)
    label = parts[0]
    for part in parts[1:]:
        label = label + _SEPARATOR + part
    return (prefix + _SEPARATOR + label if prefix else label).to_numpy(dtype=object)


def _lengthen(full: pd.DataFrame) -> pd.DataFrame:
    parts = [
        full.assign(stat=stat, value=full[stat].astype("float64"), subjects=full["subjects"] if stat == "n" else None)[COLUMNS]
        for stat in ("n", "p", "events", "N")
    ]
    return pd.concat(parts, ignore_index=True) if len(full) else make_numbers([])


def analyse_categories(
    subjects: pd.DataFrame,
    variable: str,
    label: str,
    categories: Sequence[str],
    columns: Sequence[str],
    *,
    missing: str = "Missing",
    total: str = TOTAL,
) -> pd.DataFrame:
    """Distribution of one subject-level variable: every category, zeros included.

    The denominator is the column's population. A value outside ``categories`` would silently leave
    the table, so it is an error. A ``Missing`` row is given only if a value is missing.

    Returns
    -------
    DataFrame
        Rows ``label | category`` with ``n``, ``p``, ``N``, and a row ``label`` with ``n``: subjects
        with a value.
    """
    values = subjects[variable]
    foreign = sorted(set(values.dropna()) - set(categories))
    if foreign:
        raise ValueError(f"{variable} has values outside its codelist: {', '.join(foreign)}")
    shown = subjects.assign(**{variable: values.fillna(missing)})
    rows = [*categories, missing] if values.isna().any() else list(categories)
    denominators = count_population(subjects, columns, total=total)
    keys = [label + _SEPARATOR + row for row in rows]
    inner = analyse_counts(shown, [variable], columns, denominators, keys=keys, prefix=label, total=total)
    known = subjects[values.notna()]
    return join_numbers([analyse_counts(known, [], columns, denominators, keys=[label], prefix=label, total=total), inner])
