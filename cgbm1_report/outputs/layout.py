"""Line patterns that many tables share."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.table import Line, count, count_percent, mean_sd, numbers


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


def category_lines(label: str, category_numbers: pd.DataFrame, *, indent: int = 0) -> list[Line]:
    """A heading, the number of subjects with a value, and one line per category."""
    rows = [row for row in dict.fromkeys(category_numbers["row"]) if row != label]
    lines = [
        Line(label, label, None, indent, key=label, block=indent == 0),
        Line(label, "n", count, indent + 1, key=f"{label} | n"),
    ]
    return lines + [Line(row, row.removeprefix(f"{label} | "), count_percent, indent + 1) for row in rows]
