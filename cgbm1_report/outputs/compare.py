"""Comparisons of counts with the reference column, and the lines that print them."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.analyse.numbers import make_numbers
from cgbm1_report.analyse.proportions import fisher_exact, miettinen_nurminen
from cgbm1_report.tabulate.layout import interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, numbers, p_value
from cgbm1_report.tabulate.view import View


def compare_counts(counted: pd.DataFrame, view: View) -> pd.DataFrame:
    """Difference of percentages to the reference with its score interval, and Fisher's p, per row.

    ``counted`` holds ``n`` and ``N`` per row and column. Without a reference column: nothing.
    """
    if view.reference is None:
        return make_numbers([])
    wide = counted[counted["stat"].isin(["n", "N"])].pivot(index=["row", "column"], columns="stat", values="value")
    records = []
    for row in dict.fromkeys(counted["row"]):
        n_0, total_0 = (int(wide.loc[(row, view.reference), stat]) for stat in ("n", "N"))
        for column in view.compared:
            n_1, total_1 = (int(wide.loc[(row, column), stat]) for stat in ("n", "N"))
            known = total_0 > 0 and total_1 > 0
            limits = miettinen_nurminen(n_1, total_1, n_0, total_0)
            stats = {
                "difference": 100 * (n_1 / total_1 - n_0 / total_0) if known else float("nan"),
                "difference_lo": limits.lo,
                "difference_hi": limits.hi,
                "pvalue": fisher_exact(n_1, total_1, n_0, total_0),
            }
            records += [(row, column, stat, value, None) for stat, value in stats.items()]
    return make_numbers(records)


def comparison_lines(row: str, view: View, indent: int) -> list[Line]:
    """The lines under a count: difference, its interval, Fisher's p."""
    if view.reference is None:
        return []
    name = f"Difference vs {view.reference} (percentage points)"
    limits = ("difference_lo", "difference_hi")
    return [
        Line(
            row,
            name,
            numbers(("difference",), 1, missing=NOT_ESTIMABLE),
            indent,
            key=f"{row} | {name}",
            columns=view.compared,
        ),
        interval_line(
            row,
            "95% CI of the difference",
            stats=limits,
            indent=indent,
            missing=NOT_ESTIMABLE,
            columns=view.compared,
        ),
        Line(row, "Fisher exact p", p_value, indent, key=f"{row} | Fisher exact p", columns=view.compared),
    ]
