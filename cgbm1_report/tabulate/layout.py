"""Line patterns that many tables share."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.analyse.numbers import join_numbers, make_numbers
from cgbm1_report.analyse.proportions import clopper_pearson
from cgbm1_report.tabulate.table import NO_VALUE, Line, count, count_percent, mean_sd, numbers

#: The scale of what happened to a subject; visits and windows count days after the first dose instead.
STUDY_DAY = "Study day: the day of the first dose is study day 1, the day before it study day −1."


def continuous_lines(
    row: str, label: str, dp: int, *, dp_extreme: int | None = None, indent: int = 0, confidence: bool = False, head: bool = True
) -> list[Line]:
    """n, Mean (SD), [95% CI of the mean,] Median, Q1, Q3, Min, Max under a heading.

    ``dp`` are the decimals of the raw value: one more for mean, median and quartiles, two more for
    the SD, none more for the extremes (or ``dp_extreme``).
    """
    inner = indent + 1 if head else indent
    statistics = [
        ("n", count),
        ("Mean (SD)", mean_sd(dp)),
        *([("95% CI of mean", numbers(("lo", "hi"), dp + 1))] if confidence else []),
        ("Median", numbers(("median",), dp + 1)),
        ("Q1, Q3", numbers(("q1", "q3"), dp + 1)),
        ("Min, Max", numbers(("min", "max"), dp if dp_extreme is None else dp_extreme)),
    ]
    lines = [Line(row, label, None, indent, block=indent == 0)] if head else []
    return lines + [Line(row, name, show, inner, key=f"{row} | {name}") for name, show in statistics]


def interval_line(
    row: str, name: str = "95% CI", *, stats: tuple[str, str] = ("lo", "hi"), dp: int = 1, indent: int = 0,
    missing: str = NO_VALUE, columns: tuple[str, ...] | None = None,
) -> Line:  # fmt: skip
    """The limits of the estimate above it, in a row of their own: brackets keep one meaning in a table."""
    return Line(row, name, numbers(stats, dp, missing=missing), indent, key=f"{row} | {name}", columns=columns)


def with_intervals(counted: pd.DataFrame, rows: Sequence[str] | None = None) -> pd.DataFrame:
    """Add the exact 95% interval (Clopper-Pearson) to the counted percentages, of all rows or of those named."""
    chosen = counted if rows is None else counted[counted["row"].isin(rows)]
    wide = chosen[chosen["stat"].isin(["n", "N"])].pivot(index=["row", "column"], columns="stat", values="value")
    limits = [
        (row, column, stat, limit, None)
        for (row, column), n, total in zip(wide.index, wide["n"], wide["N"], strict=True)
        for stat, limit in zip(("lo", "hi"), clopper_pearson(int(n), int(total)), strict=True)
    ]
    return join_numbers([counted, make_numbers(limits)])


def category_lines(label: str, category_numbers: pd.DataFrame, *, indent: int = 0) -> list[Line]:
    """A heading, the number of subjects with a value, and one line per category."""
    rows = [row for row in dict.fromkeys(category_numbers["row"]) if row != label]
    lines = [
        Line(label, f"{label}, n (%)", None, indent, key=label, block=indent == 0),
        Line(label, "n", count, indent + 1, key=f"{label} | n"),
    ]
    return lines + [Line(row, row.removeprefix(f"{label} | "), count_percent, indent + 1) for row in rows]
