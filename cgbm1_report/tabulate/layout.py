"""Line patterns that many tables share."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.rows import Key
from cgbm1_report.tabulate.derivation import Derived
from cgbm1_report.tabulate.table import NO_VALUE, Line, Printed, Show, count_of, mean_sd, numbers

#: The scale of what happened to a subject; visits and windows count days after the first dose instead.
STUDY_DAY = Derived(
    "Study day: the day of the first dose is study day 1, the day before it study day −1.",
    "Study day: as the supplied data count it.",
)
LIMITS = ("conf.low", "conf.high")


def decimals_of_extremes(values: pd.Series, dp: int) -> int:
    """Decimals that minimum and maximum print with: those of the median where a value has more than ``dp``, else ``dp``.

    A minimum of 0.98 rounded to 1.0 above a lower quartile of 0.98 contradicts it. Missing values say nothing; what a
    difference leaves behind the ninth decimal is none of the value's.
    """
    known = values.dropna().to_numpy(dtype="float64")
    finer = bool((abs(known.round(dp) - known) > 1e-9 * (1 + abs(known))).any())
    return dp + 1 if finer else dp


def continuous_lines(
    row: Key, label: str, dp: int, *, dp_extreme: int | None = None, indent: int = 0, confidence: bool = False, head: bool = True
) -> list[Line]:
    """n, Mean (SD), [95% CI of the mean,] Median, Q1, Q3, Min, Max under a heading.

    ``dp`` are the decimals of the raw value: one more for mean, median and quartiles, two more for
    the SD, none more for the extremes (or ``dp_extreme``, see `decimals_of_extremes`).
    """
    inner = indent + 1 if head else indent
    lines = [Line(row, label, None, indent, block=indent == 0)] if head else []
    shows = continuous_shows(dp, dp_extreme=dp_extreme, confidence=confidence)
    return lines + [Line(row, name, show, inner, statistic=name) for name, show in shows]


def continuous_shows(dp: int, *, dp_extreme: int | None = None, confidence: bool = False) -> list[tuple[str, Show]]:
    """The statistics of a measured value by name, and how each prints: as `continuous_lines` has them."""
    return [
        ("n", count_of("N")),
        ("Mean (SD)", mean_sd(dp)),
        *([("95% CI of mean", numbers(LIMITS, dp + 1))] if confidence else []),
        ("Median", numbers(("median",), dp + 1)),
        ("Q1, Q3", numbers(("p25", "p75"), dp + 1)),
        ("Min, Max", numbers(("min", "max"), dp if dp_extreme is None else dp_extreme)),
    ]


def geometric_mean_cv(dp: int) -> Show:
    """``geometric mean (CV %)``: one decimal more than the raw value has, and one of the coefficient of variation."""
    mean, spread = numbers(("geom_mean",), dp + 1), numbers(("geom_cv",), 1, percent=True)

    def show(stats: Mapping[str, float]) -> Printed:
        first, second = mean(stats), spread(stats)
        text = first.text if first.text == NO_VALUE else f"{first.text} ({second.text})"
        return Printed(text, {**first.parts, **second.parts}, {**first.formats, **second.formats})

    return show


def interval_line(
    row: Key, name: str = "95% CI", *, context: str = "", dp: int = 1, percent: bool = False, indent: int = 0,
    missing: str = NO_VALUE, columns: tuple[str, ...] | None = None,
) -> Line:  # fmt: skip
    """The limits of the estimate above it, in a row of their own: brackets keep one meaning in a table."""
    show = numbers(LIMITS, dp, missing=missing, percent=percent)
    return Line(row, name, show, indent, statistic=name, context=context, columns=columns)
