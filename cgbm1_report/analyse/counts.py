"""How many subjects, out of how many: the counts behind most tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import MISSING, TABULATE, hold_keys, hold_texts, join_numbers, make_numbers, number_columns
from cgbm1_report.rows import MISSING_LEVEL, Key

TOTAL = "Total"


def count_population(subjects: pd.DataFrame, columns: Sequence[str], *, total: str = TOTAL) -> dict[str, int]:
    """Subjects in each column: the N of the heading and the denominator of percentages.

    Parameters
    ----------
    subjects
        One row per subject with USUBJID and COLUMN.
    """
    who, _ = pd.factorize(subjects["USUBJID"])
    column, at = number_columns(subjects["COLUMN"], list(columns), total)
    who, size = who[at], max(len(subjects), 1)
    once = np.unique(column[who >= 0] * size + who[who >= 0])
    counts = np.bincount(once // size, minlength=len(columns))
    return dict(zip(columns, counts.tolist(), strict=True))


def analyse_counts(
    records: pd.DataFrame,
    by: Sequence[str],
    columns: Sequence[str],
    denominators: Mapping[str, int],
    *,
    keys: Sequence[Key] | None = None,
    prefix: Key = (),
    context: str = TABULATE,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Subjects with at least one record, per group and column, with proportion and events.

    Parameters
    ----------
    records
        One row per event with USUBJID, COLUMN and the variables of ``by``. A subject with many
        events of one group counts once.
    by
        Variables whose values make the rows, outermost first. Records with a missing value in any of
        them are left out. Empty: one row, ``prefix``.
    denominators
        N of each column, from ADSL, never from the records.
    keys
        Rows to print even without a subject. Without them only rows with a subject in some column
        are given; every row given has every column, zeros included.
    prefix
        What all rows are about, before the values of ``by``.

    Returns
    -------
    DataFrame
        ``n`` (with its subjects), ``N``, ``p`` (of the denominator, from 0 to 1, missing where that is 0)
        and ``n_events`` per row and column.

    Raises
    ------
    ValueError
        Records belong to a row that ``keys`` does not name: they would be counted nowhere.
    """
    named = records[list(dict.fromkeys(("USUBJID", "COLUMN", *by)))].dropna(subset=list(by))
    row, found = _number_rows(named, by, prefix)
    return _count(row, found, keys, named, columns, denominators, context, total)


def analyse_shares(
    records: pd.DataFrame, by: Sequence[str], columns: Sequence[str], *, keys: Sequence[Key], prefix: Key = (), total: str = TOTAL
) -> pd.DataFrame:
    """`analyse_counts`, of the subjects of the column who have any level of the last variable, the others being equal.

    Parameters
    ----------
    records
        Records without a level of the last variable are of nobody counted.
    """
    named = records.dropna(subset=list(by))
    nobody = dict.fromkeys(columns, 0)
    counted = analyse_counts(named, by, columns, nobody, keys=keys, prefix=prefix, total=total)
    outer = list(dict.fromkeys(key[:-1] for key in keys))
    wholes = analyse_counts(named, by[:-1], columns, nobody, keys=outer, prefix=prefix, total=total)
    wholes = wholes[wholes["stat_name"] == "n"]
    of = dict(zip(zip(wholes["row"], wholes["column"], strict=True), wholes["stat"], strict=True))
    counts = counted[counted["stat_name"] == "n"]
    n = dict(zip(zip(counts["row"], counts["column"], strict=True), counts["stat"], strict=True))
    cells = list(zip(counted["row"], counted["column"], counted["stat_name"], counted["stat"], strict=True))
    told = [
        of[row[:-1], column] if name == "N" else n[row, column] / (of[row[:-1], column] or np.nan) if name == "p" else value
        for row, column, name, value in cells
    ]
    return counted.assign(stat=told)


def take_highest(records: pd.DataFrame, by: Sequence[str], rank: pd.Series) -> pd.DataFrame:
    """Of each subject's records of one group the first of the highest rank: in which level of a scale the subject counts.

    Parameters
    ----------
    records
        One row per event with USUBJID and the variables of ``by``.
    rank
        The rank of each record; a missing one is lower than any.
    """
    order = rank.fillna(-np.inf).sort_values(ascending=False, kind="stable").index
    falling = records.loc[order]
    return falling[~falling.duplicated(["USUBJID", *by])]


def analyse_selections(
    selections: Sequence[tuple[Key, pd.DataFrame]],
    columns: Sequence[str],
    denominators: Mapping[str, int],
    *,
    context: str = TABULATE,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Subjects with at least one record of each selection: `analyse_counts` for rows that are chosen, not grouped.

    One record may be in many selections. A selection without a record is a row of zeros.
    """
    keys = [key for key, _ in selections]
    chosen = [records for _, records in selections]
    if not chosen:
        return make_numbers([])
    row = np.repeat(np.arange(len(keys)), [len(records) for records in chosen])
    # Two columns by themselves: to choose both of every frame first takes longer than to count.
    who = {name: pd.concat([records[name] for records in chosen], ignore_index=True) for name in ("USUBJID", "COLUMN")}
    return _count(row, keys, keys, who, columns, denominators, context, total)


def _count(
    row: np.ndarray,
    found: list[Key],
    keys: Sequence[Key] | None,
    records: pd.DataFrame | Mapping[str, pd.Series],
    columns: Sequence[str],
    denominators: Mapping[str, int],
    context: str,
    total: str,
) -> pd.DataFrame:
    """Count the records of the rows that were found; print those that were asked for, else those with a subject."""
    who, subjects = _number_subjects(records["USUBJID"])
    column, at = number_columns(records["COLUMN"], list(columns), total)
    row, who = row[at], who[at]
    filled = [found[code] for code in pd.unique(row)]
    rows = filled if keys is None else list(keys)
    lost = sorted(", ".join(str(level) for _, level in key) for key in set(filled) - set(rows))
    if lost:
        raise ValueError(f"records of a row that is not printed: {'; '.join(lost)}")
    events, ids = _count_cells(row * len(columns) + column, who, subjects, len(found) * len(columns))
    # A row that is asked for and has no record counts in a place of its own, behind all others.
    places = {key: place for place, key in enumerate(found)}
    place = np.array([places.get(key, len(found)) for key in rows], dtype="int64")
    cells = (place[:, None] * len(columns) + np.arange(len(columns))).ravel()
    counted = [ids.get(cell, []) for cell in cells.tolist()]
    n = np.array([len(subjects) for subjects in counted], dtype="float64")
    whole = np.tile(np.array([denominators.get(name, np.nan) for name in columns], dtype="float64"), len(rows))
    share = n / np.where(whole > 0, whole, np.nan)
    stats = {"n": n, "N": whole, "p": share, "n_events": np.append(events, np.zeros(len(columns)))[cells]}
    return _lengthen(rows, columns, context, stats, counted)


def _number_rows(records: pd.DataFrame, by: Sequence[str], prefix: Key) -> tuple[np.ndarray, list[Key]]:
    """A number for the row of each record, and the keys of the rows. Numbers count faster than texts."""
    codes = np.zeros(len(records), dtype="int64")
    for name in by:
        own, values = pd.factorize(records[name])
        codes = codes * len(values) + own
    codes, kinds = pd.factorize(codes)
    first = np.zeros(len(kinds), dtype="int64")
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    # Two kinds of records may have one key: a number and its text.
    texts = [records[name].iloc[first].astype("str").tolist() for name in by]
    keys = [(*prefix, *zip(by, levels, strict=True)) for levels in zip(*texts, strict=True)] if by else [prefix] * len(kinds)
    places: dict[Key, int] = {}
    again = np.array([places.setdefault(key, len(places)) for key in keys], dtype="int64")
    return again[codes], list(places)


def _number_subjects(names: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A number for the subject of each record, and the subjects from A to Z."""
    codes, known = pd.factorize(names, use_na_sentinel=False)
    # As Python's own texts: to make lists of Arrow's takes longer than all the counting.
    texts = known.to_numpy(dtype=object)
    order = pd.Series(known).argsort().to_numpy() if len(known) else np.empty(0, dtype="int64")
    rank = np.empty(len(known), dtype="int64")
    rank[order] = np.arange(len(known))
    return rank[codes], texts[order]


def _count_cells(cells: np.ndarray, who: np.ndarray, subjects: np.ndarray, count: int) -> tuple[np.ndarray, dict[int, list[str]]]:
    """Events of each cell, and the subjects of those that have some, from A to Z."""
    events = np.bincount(cells, minlength=count).astype("float64")
    once = np.unique(cells * max(len(subjects), 1) + who)
    filled, starts = np.unique(once // max(len(subjects), 1), return_index=True)
    lists = np.split(subjects[once % max(len(subjects), 1)], starts[1:])
    return events, {cell: ids.tolist() for cell, ids in zip(filled.tolist(), lists, strict=bool(len(filled)))}


def _lengthen(
    rows: Sequence[Key], columns: Sequence[str], context: str, stats: Mapping[str, np.ndarray], subjects: list[list[str]]
) -> pd.DataFrame:
    """One record per statistic of each row and column; the subjects stand with the count they are behind, the first."""
    size = len(subjects)
    if not size:
        return make_numbers([])
    keys = [row for row in rows for _ in columns]
    names, told = hold_texts(columns), hold_texts([context, *stats])
    return pd.DataFrame(
        {
            "row": hold_keys(keys * len(stats)),
            "column": names.take(np.tile(np.arange(len(columns)), len(rows) * len(stats))),
            "context": told.take(np.zeros(size * len(stats), dtype="int64")),
            "stat_name": told.take(np.repeat(np.arange(1, len(stats) + 1), size)),
            "stat": np.concatenate(list(stats.values())),
            "subjects": pd.Series([*subjects, *[None] * (size * (len(stats) - 1))], dtype=object),
        },
        copy=False,
    )


def analyse_categories(
    subjects: pd.DataFrame,
    variable: str,
    categories: Sequence[str],
    columns: Sequence[str],
    *,
    prefix: Key = (),
    missing: str = MISSING_LEVEL,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Distribution of one subject-level variable: every category, zeros included.

    The denominator is the column's population. A value outside ``categories`` would silently leave
    the table, so it is an error. A row of missing values is given only if a value is missing.

    Returns
    -------
    DataFrame
        A row of the variable itself with ``N_nonmiss``: subjects with a value; and a row per category with
        ``n``, ``N``, ``p``.
    """
    values = subjects[variable]
    foreign = sorted(set(values.dropna()) - set(categories))
    if foreign:
        raise ValueError(f"{variable} has values outside its codelist: {', '.join(foreign)}")
    shown = subjects.assign(**{variable: values.fillna(missing)})
    levels = list(dict.fromkeys([*categories, missing] if values.isna().any() else categories))
    denominators = count_population(subjects, columns, total=total)
    keys = [(*prefix, (variable, level)) for level in levels]
    inner = analyse_counts(shown, [variable], columns, denominators, keys=keys, prefix=prefix, total=total)
    whole = (*prefix, (variable, None))
    known = analyse_counts(
        subjects[values.notna()], [], columns, denominators, keys=[whole], prefix=whole, context=MISSING, total=total
    )
    known = known[known["stat_name"] == "n"].assign(stat_name="N_nonmiss")
    return join_numbers([known, inner])
