"""Summaries of measured values: as SAS PROC UNIVARIATE and R with quantile type 2 print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import GEOMETRIC, SUMMARY, Record, list_statistics, make_numbers, number_columns
from cgbm1_report.distinct import find_places
from cgbm1_report.rows import Key

TOTAL = "Total"


def summarise(values: np.ndarray, *, confidence: bool = False, error: bool = False) -> dict[str, float]:
    """N, mean, SD, median, quartiles, minimum and maximum of the non-missing values.

    Parameters
    ----------
    confidence
        Also ``conf.low`` and ``conf.high``: the two-sided 95% t interval of the mean, missing for N < 2.
    error
        Also ``std.error``, that of the mean: SD over the root of N, missing for N < 2.

    Returns
    -------
    dict
        SD is missing for N < 2, all but N for N = 0. Median and quartiles are those of SAS (`take_quantile`).
    """
    known = np.asarray(values, dtype="float64")
    known = known[~np.isnan(known)]
    count = len(known)
    spread = float(np.std(known, ddof=1)) if count > 1 else float("nan")
    mean = float(np.mean(known)) if count else float("nan")
    ordered = np.sort(known)
    stats = {
        "N": float(count),
        "mean": mean,
        "sd": spread,
        "median": take_quantile(ordered, 0.5),
        "p25": take_quantile(ordered, 0.25),
        "p75": take_quantile(ordered, 0.75),
        "min": float(ordered[0]) if count else float("nan"),
        "max": float(ordered[-1]) if count else float("nan"),
    }
    if confidence:
        stats |= _t_interval(count, mean, spread)
    if error:
        stats["std.error"] = spread / np.sqrt(count) if count else float("nan")
    return stats


def take_quantile(ordered: np.ndarray, share: float) -> float:
    """A quantile of sorted values, missing where there is none.

    It averages at discontinuities (SAS QNTLDEF=5, R ``type = 2``, numpy ``averaged_inverted_cdf``, whose result is the same
    and takes ten times as long): with n·p a whole number the mean of two neighbours, else the next value. Hyndman and
    Fan, The American Statistician 1996;50:361-365.
    """
    if not len(ordered):
        return float("nan")
    place = len(ordered) * share - 1
    below = int(np.floor(place))
    high = float(ordered[below + 1])
    return high if place != below or below < 0 else high - (high - float(ordered[below])) * 0.5


def summarise_geometric(values: np.ndarray) -> dict[str, float]:
    """N, geometric mean with its 95% t interval, and geometric coefficient of variation of the non-missing values.

    Of ratios to baseline it is the geometric mean ratio. The mean is exp(mean of logarithms), the coefficient
    sqrt(exp(variance of logarithms) - 1), a share as all proportions: 0.5 prints as 50%. Reference: Kirkwood, Biometrics
    1979;35:908-909.

    Returns
    -------
    dict
        Coefficient and interval are missing for N < 2, the interval also without variance, all but N for N = 0 and where
        a value is not above 0: it has no logarithm, and without it the mean would be that of others.
    """
    known = np.asarray(values, dtype="float64")
    known = known[~np.isnan(known)]
    nan = float("nan")
    if not len(known) or known.min() <= 0:
        return {"N": float(len(known)), "geom_mean": nan, "geom_cv": nan, "conf.low": nan, "conf.high": nan}
    logs = summarise(np.log(known), confidence=True)
    # Equal values differ in nothing, but their logarithms' mean may miss them by a rounding.
    spread = logs["sd"] if len(known) < 2 or np.ptp(known) > 0 else 0.0
    limits = {name: float(np.exp(logs[name])) if spread > 0 else nan for name in ("conf.low", "conf.high")}
    return {
        "N": logs["N"],
        "geom_mean": float(np.exp(logs["mean"])),
        "geom_cv": float(np.sqrt(np.expm1(spread**2))),
        **limits,
    }


def _t_interval(count: int, mean: float, spread: float) -> dict[str, float]:
    if count < 2:
        return {"conf.low": float("nan"), "conf.high": float("nan")}
    from scipy.stats import t

    half = float(t.ppf(0.975, count - 1)) * spread / np.sqrt(count)
    return {"conf.low": mean - half, "conf.high": mean + half}


def analyse_continuous(
    records: pd.DataFrame,
    variable: str,
    columns: Sequence[str],
    *,
    by: Sequence[str] = (),
    levels: Sequence[tuple[str, ...]] = ((),),
    prefix: Key = (),
    confidence: bool = False,
    error: bool = False,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Summary of one variable per row and column.

    One record per subject and row is expected. Every row has every column: where there is no value,
    N = 0 and missing statistics, so that it prints and does not vanish.

    Parameters
    ----------
    by
        Variables whose values make the rows (a visit, a parameter), outermost first.
    levels
        The values of ``by`` that have a row, in their order. Records of other values are in none.
    prefix
        What all rows are about, before the values of ``by``.

    Returns
    -------
    DataFrame
        The statistics of `summarise`; ``N`` with the subjects behind it. The last part of each key is the variable.
    """
    stats = partial(summarise, confidence=confidence, error=error)
    return _analyse(records, variable, columns, by, levels, prefix, total, SUMMARY, stats)


def analyse_geometric(
    records: pd.DataFrame,
    variable: str,
    columns: Sequence[str],
    *,
    by: Sequence[str] = (),
    levels: Sequence[tuple[str, ...]] = ((),),
    prefix: Key = (),
    total: str = TOTAL,
) -> pd.DataFrame:
    """Geometric summary of one variable per row and column: as `analyse_continuous`, with `summarise_geometric`."""
    return _analyse(records, variable, columns, by, levels, prefix, total, GEOMETRIC, summarise_geometric)


def _analyse(
    records: pd.DataFrame,
    variable: str,
    columns: Sequence[str],
    by: Sequence[str],
    levels: Sequence[tuple[str, ...]],
    prefix: Key,
    total: str,
    context: str,
    summarised: Callable[[np.ndarray], dict[str, float]],
) -> pd.DataFrame:
    known = records.loc[records[variable].notna(), [*by, "COLUMN", "USUBJID", variable]]
    column, at = number_columns(known["COLUMN"], list(columns), total)
    values = known[variable].to_numpy(dtype="float64")[at]
    subjects = known["USUBJID"].to_numpy(dtype=object)[at]
    rows = list(dict.fromkeys(levels))
    cells = np.where((place := _number_levels(known, by, rows)[at]) < 0, -1, place * len(columns) + column)
    order = np.argsort(cells, kind="stable")
    # Where the records of each cell begin, behind those of no row.
    bounds = np.searchsorted(cells[order], np.arange(len(rows) * len(columns) + 1))
    parts: list[Record] = []
    for level in levels:
        row, first = (*prefix, *zip(by, level, strict=True), (variable, None)), rows.index(level) * len(columns)
        for cell, name in enumerate(columns, start=first):
            own = order[bounds[cell] : bounds[cell + 1]]
            parts += list_statistics(row, name, context, summarised(values[own]), sorted(set(subjects[own])), behind="N")
    return make_numbers(parts)


def _number_levels(records: pd.DataFrame, by: Sequence[str], levels: list[tuple[str, ...]]) -> np.ndarray:
    """The row of each record: the place of its levels, -1 where they have no row."""
    if not by or not levels:
        return np.full(len(records), 0 if levels else -1)
    if len(by) == 1:
        return find_places(records[by[0]], [level for (level,) in levels])
    return pd.MultiIndex.from_tuples(levels).get_indexer(pd.MultiIndex.from_frame(records[list(by)]))
