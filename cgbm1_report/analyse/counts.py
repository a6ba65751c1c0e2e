"""How many subjects, out of how many: the counts behind most tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import expand_total, join_numbers, make_numbers

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

    Raises
    ------
    ValueError
        Records belong to a row that ``keys`` does not name: they would be counted nowhere.
    """
    named = records[list(dict.fromkeys(("USUBJID", "COLUMN", *by)))].dropna(subset=list(by))
    row, labels = _number_rows(named, by, prefix)
    who, subjects = _number_subjects(named["USUBJID"])
    column, at = _number_columns(named["COLUMN"], list(columns), total)
    row, who = row[at], who[at]
    found = [labels[code] for code in pd.unique(row)]
    rows = list(keys) if keys is not None else found
    lost = sorted(set(found) - set(rows))
    if lost:
        raise ValueError(f"records of a row that is not printed: {', '.join(lost)}")
    events, ids = _count_cells(row * len(columns) + column, who, subjects, len(labels) * len(columns))
    # A row that is asked for and has no record counts in a place of its own, behind all others.
    place = pd.Index(labels, dtype=object).get_indexer(pd.Index(rows, dtype=object))
    cells = (np.where(place < 0, len(labels), place)[:, None] * len(columns) + np.arange(len(columns))).ravel()
    full = pd.DataFrame({"row": [row for row in rows for _ in columns], "column": list(columns) * len(rows)}, dtype="str")
    full["events"] = np.append(events, np.zeros(len(columns)))[cells]
    full["subjects"] = pd.Series([ids.get(cell, []) for cell in cells.tolist()], dtype=object)
    full["n"] = full["subjects"].map(len).astype("float64")
    full["N"] = full["column"].map(denominators).astype("float64")
    full["p"] = 100 * full["n"] / full["N"].where(full["N"] > 0)
    return _lengthen(full)


def _number_rows(records: pd.DataFrame, by: Sequence[str], prefix: str) -> tuple[np.ndarray, list[str]]:
    """A number for the row of each record, and the labels of the rows. Numbers count faster than texts."""
    codes = np.zeros(len(records), dtype="int64")
    for name in by:
        own, values = pd.factorize(records[name])
        codes = codes * len(values) + own
    codes, kinds = pd.factorize(codes)
    first = np.zeros(len(kinds), dtype="int64")
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    # Two kinds of records may have one label.
    again, labels = pd.factorize(_row_labels(records.iloc[first], by, prefix))
    return again[codes], list(labels)


def _number_subjects(names: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A number for the subject of each record, and the subjects from A to Z."""
    codes, known = pd.factorize(names, use_na_sentinel=False)
    # As Python's own texts: to make lists of Arrow's takes longer than all the counting.
    texts = known.to_numpy(dtype=object)
    order = pd.Series(known).argsort().to_numpy() if len(known) else np.empty(0, dtype="int64")
    rank = np.empty(len(known), dtype="int64")
    rank[order] = np.arange(len(known))
    return rank[codes], texts[order]


def _number_columns(names: pd.Series, columns: list[str], total: str) -> tuple[np.ndarray, np.ndarray]:
    """Column and place of each record, and once more under the total column, where the table has one.

    Records of subjects without a column (screen failures) count in the total only.
    """
    codes = pd.Index(columns).get_indexer(pd.Index(names))
    last = columns.index(total) if total in columns else -1
    own = np.flatnonzero((codes >= 0) & (codes != last))
    if last < 0:
        return codes[own], own
    return np.concatenate([codes[own], np.full(len(codes), last)]), np.concatenate([own, np.arange(len(codes))])


def _count_cells(cells: np.ndarray, who: np.ndarray, subjects: np.ndarray, count: int) -> tuple[np.ndarray, dict[int, list[str]]]:
    """Events of each cell, and the subjects of those that have some, from A to Z."""
    events = np.bincount(cells, minlength=count).astype("float64")
    once = np.unique(cells * max(len(subjects), 1) + who)
    filled, starts = np.unique(once // max(len(subjects), 1), return_index=True)
    lists = np.split(subjects[once % max(len(subjects), 1)], starts[1:])
    return events, {cell: ids.tolist() for cell, ids in zip(filled.tolist(), lists, strict=bool(len(filled)))}


def _row_labels(records: pd.DataFrame, by: Sequence[str], prefix: str) -> np.ndarray:
    parts = [records[name].astype("str") for name in by]
    if not parts:
        return np.full(len(records), prefix, dtype=object)
    label = parts[0]
    for part in parts[1:]:
        label = label + _SEPARATOR + part
    return (prefix + _SEPARATOR + label if prefix else label).to_numpy(dtype=object)


def _lengthen(full: pd.DataFrame) -> pd.DataFrame:
    """One record per statistic; the subjects stand with the count they are behind."""
    if not len(full):
        return make_numbers([])
    stats = ("n", "p", "events", "N")
    nobody = [None] * (len(full) * (len(stats) - 1))
    return pd.DataFrame(
        {
            "row": pd.concat([full["row"]] * len(stats), ignore_index=True),
            "column": pd.concat([full["column"]] * len(stats), ignore_index=True),
            "stat": pd.Series(np.repeat(np.array(stats, dtype=object), len(full)), dtype="str"),
            "value": np.concatenate([full[stat].to_numpy(dtype="float64") for stat in stats]),
            "subjects": pd.Series([*full["subjects"], *nobody], dtype=object),
        }
    )


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
