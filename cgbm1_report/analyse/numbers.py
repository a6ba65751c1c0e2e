"""The long frame of results that every analysis gives: what its rows, contexts and statistics are called.

The vocabulary is that of R's ``cards`` and ``cardx``. A proportion is a number from 0 to 1, wherever it stands: what is
printed as a percentage is said by the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cgbm1_report.distinct import find_places
from cgbm1_report.rows import Key

#: ``row, column, context, stat_name, stat, subjects`` of one result.
Record = tuple[Key, str, str, str, float, list[str] | None]

COLUMNS = ["row", "column", "context", "stat_name", "stat", "subjects"]

#: Contexts: the kind of analysis a statistic comes from. Two analyses of one row may name their statistics alike.
TABULATE, HIERARCHICAL, MISSING, SUMMARY = "tabulate", "hierarchical", "missing", "summary"
#: A summary on the scale of logarithms, taken back.
GEOMETRIC = "geometric"
PROPORTION_CI, PROPORTION_DIFFERENCE, FISHER = "proportion_ci", "proportion_difference", "stats_fisher_test"
SURVFIT, SURVFIT_DIFFERENCE, SURVDIFF, REGRESSION = (
    "survival_survfit", "survival_survfit_diff", "survival_survdiff", "regression",
)  # fmt: skip
CUMULATIVE_INCIDENCE = "tidycmprsk_cuminc"
#: What a likelihood-ratio test of two models says.
ANOVA = "stats_anova"
RATE, RATE_RATIO = "incidence_rate", "incidence_rate_ratio"
#: Adjusted means of a model, and their differences from the reference.
EMMEANS, EMMEANS_CONTRAST = "emmeans_emmeans", "emmeans_contrast"
#: The test of a term of a model.
TERM = "car_anova"
#: A value as it was collected or derived, as a figure shows it; a cell that is words.
VALUE, TEXT = "value", "text"

#: Every statistic with its label, those of ``cards`` and ``cardx`` by their labels there.
STAT_LABELS = {
    "n": "n", "N": "N", "p": "%", "n_events": "Number of Events", "N_nonmiss": "N Non-missing",
    "mean": "Mean", "sd": "SD", "median": "Median", "p25": "Q1", "p75": "Q3", "min": "Min", "max": "Max",
    "estimate": "Estimate", "std.error": "Standard Error", "conf.low": "CI Lower Bound", "conf.high": "CI Upper Bound",
    "statistic": "Statistic", "p.value": "p-value", "adj.p.value": "Adjusted p-value", "n.risk": "Number of Subjects at Risk",
    "geom_mean": "Geometric Mean", "geom_cv": "Geometric CV", "df": "Degrees of Freedom", "tot_person_time": "Person-Years at Risk",
    "sum": "Sum", "value": "Value", "day": "Day", "text": "Text",
}  # fmt: skip


#: How pandas holds texts.
_TEXTS = pd.StringDtype("pyarrow", na_value=np.nan)

#: No results at all.
_NOTHING = pd.DataFrame([], columns=COLUMNS).astype({"stat": "float64", "row": "object"})


def make_numbers(records: Iterable[Record]) -> pd.DataFrame:
    """Results frame from ``(row, column, context, stat_name, stat, subjects)`` tuples."""
    told = list(records)
    if not told:
        return _NOTHING.copy(deep=False)
    row, column, context, name, stat, subjects = zip(*told, strict=True)
    return pd.DataFrame(
        {
            "row": hold_keys(row),
            **{what: hold_texts(texts) for what, texts in zip(COLUMNS[1:4], (column, context, name), strict=True)},
            "stat": np.array(stat, dtype="float64"),
            "subjects": pd.Series(subjects, dtype=object),
        },
        copy=False,
    )


def list_statistics(
    row: Key, column: str, context: str, stats: dict[str, float], subjects: list[str] | None = None, *, behind: str = ""
) -> list[Record]:
    """One record per statistic of a cell; ``subjects`` stand with the count named ``behind``."""
    return [(row, column, context, name, value, subjects if name == behind else None) for name, value in stats.items()]


def join_numbers(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One frame of many; no parts at all give an empty frame of the right kind."""
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else make_numbers([])


def take_counts(numbers: pd.DataFrame) -> dict[Key, dict[str, tuple[int, int]]]:
    """``n`` and ``N`` of every counted row by column, in the order of the rows."""
    counts: dict[Key, dict[str, dict[str, int]]] = {}
    chosen = numbers[numbers["stat_name"].isin(["n", "N"]) & numbers["context"].isin([TABULATE, HIERARCHICAL])]
    for row, column, name, value in zip(*(chosen[one] for one in ("row", "column", "stat_name", "stat")), strict=True):
        counts.setdefault(row, {}).setdefault(column, {})[name] = int(value)
    return {row: {column: (found["n"], found["N"]) for column, found in cells.items()} for row, cells in counts.items()}


def hold_keys(keys: Sequence[Key]) -> np.ndarray:
    """Keys as an array of objects; numpy would make a table of their parts."""
    return np.fromiter(keys, dtype=object, count=len(keys))


def hold_texts(texts: Iterable[str | None]) -> Any:
    """Texts as pandas holds them, missing ones too; Arrow makes an array of a list in a tenth of pandas' time."""
    return pd.arrays.ArrowStringArray(pa.array(list(texts), type=pa.large_string(), from_pandas=True), dtype=_TEXTS)  # type: ignore[call-arg]  # stubs lag behind


def unpack_texts(texts: pd.Series) -> list[Any]:
    """The texts of a column as a list; to go through the column itself takes fifty times as long."""
    return texts.to_numpy(dtype=object).tolist()


def expand_total(records: pd.DataFrame, columns: Sequence[str], total: str) -> pd.DataFrame:
    """Repeat the records under the total column, where the table has one.

    Records of subjects without a column (screen failures) count in the total only.
    """
    own = records[records["COLUMN"].isin([column for column in columns if column != total])]
    if total not in columns:
        return own
    return pd.concat([own, records.assign(COLUMN=total)], ignore_index=True)


def number_columns(names: pd.Series, columns: list[str], total: str) -> tuple[np.ndarray, np.ndarray]:
    """Column and place of each record, and once more under the total column, where the table has one.

    Records of subjects without a column (screen failures) count in the total only.
    """
    codes = find_places(names, columns)
    last = columns.index(total) if total in columns else -1
    own = np.flatnonzero((codes >= 0) & (codes != last))
    if last < 0:
        return codes[own], own
    return np.concatenate([codes[own], np.full(len(codes), last)]), np.concatenate([own, np.arange(len(codes))])
