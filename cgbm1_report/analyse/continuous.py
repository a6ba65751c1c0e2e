"""Summaries of measured values: as SAS PROC UNIVARIATE and R with quantile type 2 print them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import expand_total, make_numbers

TOTAL = "Total"


def quantile_type2(values: np.ndarray, probability: float) -> float:
    """Quantile of a sample, averaging at discontinuities (SAS PCTLDEF=5, R ``type = 2``).

    With n·p a whole number the mean of two neighbours, else the next value. Missing for an empty
    sample. Reference: Hyndman and Fan, The American Statistician 1996;50:361-365.
    """
    ordered = np.sort(values)
    count = len(ordered)
    if count == 0:
        return float("nan")
    # n·p is whole or not on the decimal value: 10 x 0.3 is 3, whatever binary makes of it.
    position = round(count * probability, 9)
    lower = int(np.floor(position))
    if position > lower:
        return float(ordered[min(lower, count - 1)])
    return float((ordered[max(lower - 1, 0)] + ordered[min(lower, count - 1)]) / 2)


def summarise(values: np.ndarray, *, confidence: bool = False) -> dict[str, float]:
    """n, mean, SD, median, quartiles, minimum and maximum of the non-missing values.

    Parameters
    ----------
    confidence
        Also ``lo`` and ``hi``: the two-sided 95% t interval of the mean, missing for n < 2.

    Returns
    -------
    dict
        SD is missing for n < 2, all but n for n = 0.
    """
    known = np.asarray(values, dtype="float64")
    known = known[~np.isnan(known)]
    count = len(known)
    spread = float(np.std(known, ddof=1)) if count > 1 else float("nan")
    mean = float(np.mean(known)) if count else float("nan")
    stats = {
        "n": float(count),
        "mean": mean,
        "sd": spread,
        "median": quantile_type2(known, 0.5),
        "q1": quantile_type2(known, 0.25),
        "q3": quantile_type2(known, 0.75),
        "min": float(known.min()) if count else float("nan"),
        "max": float(known.max()) if count else float("nan"),
    }
    if confidence:
        stats |= _t_interval(count, mean, spread)
    return stats


def _t_interval(count: int, mean: float, spread: float) -> dict[str, float]:
    if count < 2:
        return {"lo": float("nan"), "hi": float("nan")}
    from scipy.stats import t

    half = float(t.ppf(0.975, count - 1)) * spread / np.sqrt(count)
    return {"lo": mean - half, "hi": mean + half}


def summarise_geometric(values: np.ndarray) -> dict[str, float]:
    """Geometric mean and geometric CV% (100·sqrt(exp(s²) - 1)) of positive values."""
    known = np.asarray(values, dtype="float64")
    logs = np.log(known[known > 0])
    if not len(logs):
        return {"n": 0.0, "geomean": float("nan"), "geocv": float("nan")}
    variance = float(np.var(logs, ddof=1)) if len(logs) > 1 else float("nan")
    return {
        "n": float(len(logs)),
        "geomean": float(np.exp(logs.mean())),
        "geocv": float(100 * np.sqrt(np.expm1(variance))),
    }


def analyse_continuous(
    records: pd.DataFrame,
    variable: str,
    row: str,
    columns: Sequence[str],
    *,
    confidence: bool = False,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Summary of one variable per column; see `analyse_continuous_rows`."""
    return analyse_continuous_rows(records.assign(ROW=row), variable, [row], columns, confidence=confidence, total=total)


def analyse_continuous_rows(
    records: pd.DataFrame,
    variable: str,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    confidence: bool = False,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Summary of one variable per row (the records' ROW: a visit, a parameter) and column.

    One record per subject and row is expected. Every row has every column: where there is no value,
    n = 0 and missing statistics, so that it prints and does not vanish.

    Returns
    -------
    DataFrame
        The statistics of `summarise`; ``n`` with the subjects behind it.
    """
    known = records.loc[records[variable].notna(), ["ROW", "COLUMN", "USUBJID", variable]]
    stacked = expand_total(known, columns, total)
    values = stacked[variable].to_numpy(dtype="float64")
    subjects = stacked["USUBJID"].to_numpy(dtype=object)
    places = stacked.groupby(["ROW", "COLUMN"]).indices
    parts = []
    for row in rows:
        for column in columns:
            place = places.get((row, column), np.empty(0, dtype=int))
            stats = summarise(values[place], confidence=confidence)
            behind = sorted(set(subjects[place]))
            parts += [(row, column, stat, value, behind if stat == "n" else None) for stat, value in stats.items()]
    return make_numbers(parts)
