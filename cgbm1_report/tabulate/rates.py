"""Rows of rates by time at risk: subjects with an event, person-years, rate with its interval, ratio to the reference."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.analyse.numbers import RATE, RATE_RATIO, join_numbers
from cgbm1_report.analyse.rates import analyse_rates
from cgbm1_report.tabulate.builders import EXACT, Rows, Selection, count_rows
from cgbm1_report.tabulate.layout import interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, count, numbers
from cgbm1_report.tabulate.view import View


def rate_rows(view: View, selections: Sequence[Selection], observed: pd.DataFrame, rate: str) -> Rows:
    """Per selection its subjects, and below them what `analyse_rates` tells; ``rate`` names the rate."""
    counted = count_rows(view, selections, show=count, block=True)
    told = analyse_rates([(one.key, one.records) for one in selections], observed, view.column_keys, view.compared, view.reference)
    lines = [below for line in counted.lines for below in (line, *_lines_below(line, view, rate))]
    return Rows(join_numbers([counted.numbers, told]), lines)


def _lines_below(line: Line, view: View, rate: str) -> list[Line]:
    def said(name: str, stat: str, dp: int, context: str, columns: tuple[str, ...] | None = None) -> Line:
        show = numbers((stat,), dp, missing=NOT_ESTIMABLE)
        return Line(line.row, name, show, 1, statistic=name, context=context, columns=columns)

    found = [
        said("Person-years at risk", "tot_person_time", 2, RATE),
        said(rate, "estimate", 1, RATE),
        interval_line(line.row, EXACT, context=RATE, indent=1, missing=NOT_ESTIMABLE),
    ]
    if not view.compared:
        return found
    return [
        *found,
        said(f"Rate ratio vs {view.reference}", "estimate", 2, RATE_RATIO, view.compared),
        interval_line(
            line.row, "95% CI of the ratio", context=RATE_RATIO, dp=2, indent=1, missing=NOT_ESTIMABLE, columns=view.compared
        ),
    ]
