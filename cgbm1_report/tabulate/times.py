"""Rows of times to an event: estimates by day, cumulative incidences, with the numbers at risk they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from cgbm1_report.analyse.competing_risks import Incidence, cumulative_incidence, incidence_at
from cgbm1_report.analyse.event_times import Curve, cox_hazard_ratio, cut_follow_up, free_at, free_difference, kaplan_meier
from cgbm1_report.analyse.numbers import (
    CUMULATIVE_INCIDENCE,
    REGRESSION,
    SURVFIT,
    SURVFIT_DIFFERENCE,
    Record,
    expand_total,
    list_statistics,
    make_numbers,
)  # fmt: skip
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.trial import TOTAL
from cgbm1_report.rows import Key, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, difference_lines, head_row
from cgbm1_report.tabulate.layout import interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, Show, count, count_of, numbers, p_value
from cgbm1_report.tabulate.view import View

_SHARE: Show = numbers(("estimate",), 1, missing=NOT_ESTIMABLE, percent=True)


def read_times(view: View, paramcd: str) -> pd.DataFrame:
    """Times of one time-to-event parameter with COLUMN, EVENT (CNSR = 0) and ELAPSED, the days since the start.

    Day N is N days after the start, whether AVAL counts the day of the start (``tte_plus_one``) or not.

    Raises
    ------
    ReportError
        A time is missing or negative, or a subject has two: either would bend the curve. A record is described
        as an event and censored.
    """
    records = view.records("ADTTE", "PARAMCD", "AVAL", "CNSR", only=True, also=("EVNTDESC", "CNSDTDSC"))
    records = records[records["PARAMCD"] == paramcd]
    records = records.assign(ELAPSED=records["AVAL"] - day_one(view))
    event = records["CNSR"] == 0
    # EVNTDESC tells the event or why it was censored (ADaM BDS for time to event): what describes events describes no censoring.
    told = records["EVNTDESC"] if "EVNTDESC" in records else pd.Series(None, index=records.index, dtype="str")
    declared = set(view.parameter(paramcd).events)
    described = told.isin({*told[event].dropna(), *declared})
    # Of two kinds of records with one text the fewer are thought to be wrong, but where trial.yaml says what an event is.
    share = event.groupby(told).transform("mean")
    lone = described & (share < 0.5) & ~told.isin(declared)
    checks = {
        f"AVAL is missing or less than {day_one(view)}": ~(records["ELAPSED"] >= 0),
        "the subject has two records": records.duplicated("USUBJID"),
        "EVNTDESC names an event that CNSR censors": described & ~event & ~lone,
        "EVNTDESC is what censored records say, and CNSR is 0": lone & event,
    }
    problems = [
        Problem(
            f"{paramcd}: {said}",
            file="ADTTE",
            rule="one time per subject and parameter, an event where CNSR is 0",
            place=str(records.loc[wrong, "USUBJID"].iloc[0]),
            remedy="correct CNSR, AVAL and EVNTDESC of the record",
        )
        for said, wrong in checks.items()
        if wrong.any()
    ]
    if problems:
        raise DataError.of(problems)
    return records.assign(EVENT=event)


def day_one(view: View) -> int:
    """AVAL of an event on the day of the start."""
    return int(view.trial.switches.tte_plus_one)


def curves_by_column(times: pd.DataFrame, view: View) -> dict[str, Curve]:
    """Kaplan-Meier curve of every column."""
    stacked = expand_total(times, view.column_keys, TOTAL)
    made = {}
    for column in view.column_keys:
        own = stacked[stacked["COLUMN"] == column]
        made[column] = kaplan_meier(own["ELAPSED"].to_numpy(dtype="float64"), own["EVENT"].to_numpy(dtype=bool))
    return made


def estimate_rows(
    view: View, of: Key, curves: Mapping[str, Curve], day: int, *, differ: bool = False, indent: int = 0, label: str = ""
) -> Rows:
    """KM estimate of a day with its interval and, where asked for, the difference to the reference; ``label`` says of what."""
    row = (*of, ("time", str(day)))
    found = {column: free_at(curve, day) for column, curve in curves.items()}
    records: list[Record] = []
    for column, one in found.items():
        limits = {"estimate": one.free, "std.error": one.se, "conf.low": one.lo, "conf.high": one.hi}
        records += list_statistics(row, column, SURVFIT, {**limits, "n.risk": float(one.at_risk)})
    lines = _lines_of_day(row, f"{label}{': ' * bool(label)}KM estimate at day {day}, %", SURVFIT, indent)
    compared = view.compared if differ else ()
    for column in compared:
        apart = free_difference(found[column], found[str(view.reference)])
        limits = {"estimate": apart.difference, "std.error": apart.se, "conf.low": apart.lo, "conf.high": apart.hi}
        records += list_statistics(row, column, SURVFIT_DIFFERENCE, {**limits, "p.value": apart.p})
    if compared:
        lines += difference_lines(row, view, SURVFIT_DIFFERENCE, indent=indent + 1)
        lines.append(Line(row, "p", p_value, indent + 1, statistic="p", context=SURVFIT_DIFFERENCE, columns=compared))
    return Rows(make_numbers(records), lines)


def _lines_of_day(row: Key, label: str, context: str, indent: int) -> list[Line]:
    return [
        Line(row, label, _SHARE, indent, context=context, block=indent == 0),
        interval_line(row, context=context, indent=indent + 1, percent=True, missing=NOT_ESTIMABLE),
        # An estimate is worth as much as the number of subjects it rests on; 0 tells why there is none.
        Line(row, "Number at risk", count_of("n.risk"), indent + 1, statistic="Number at risk", context=context),
    ]


def incidences_by_column(times: pd.DataFrame, view: View, way: str, competing: Iterable[str]) -> dict[str, Incidence]:
    """Cumulative incidence in every column of times that ended in one way: by CNSR, which is 0 for the event."""
    ends = [float(way), *map(float, competing)]
    stacked = expand_total(times, view.column_keys, TOTAL)
    made = {}
    for column in view.column_keys:
        own = stacked[stacked["COLUMN"] == column]
        ended = own["CNSR"].where(own["CNSR"].isin(ends)).to_numpy(dtype="float64")
        made[column] = cumulative_incidence(own["ELAPSED"].to_numpy(dtype="float64"), ended, float(way))
    return made


def incidence_rows(of: Key, curves: Mapping[str, Incidence], day: int, *, indent: int = 0) -> Rows:
    """Cumulative incidence by a day with its interval."""
    row = (*of, ("time", str(day)))
    records: list[Record] = []
    for column, curve in curves.items():
        one = incidence_at(curve, day)
        limits = {"estimate": one.share, "std.error": one.se, "conf.low": one.lo, "conf.high": one.hi}
        records += list_statistics(row, column, CUMULATIVE_INCIDENCE, {**limits, "n.risk": float(one.at_risk)})
    label = f"Cumulative incidence at day {day}, %"
    return Rows(make_numbers(records), _lines_of_day(row, label, CUMULATIVE_INCIDENCE, indent))


def list_hazard_ratios(view: View, times: pd.DataFrame, row: Key, day: int) -> list[Record]:
    """Cox model of every compared column against the reference, follow-up cut at a day."""
    records: list[Record] = []
    for column in view.compared:
        pair = times[times["COLUMN"].isin([column, view.reference])]
        time, event = cut_follow_up(pair["ELAPSED"].to_numpy(), pair["EVENT"].to_numpy(), day)
        ratio = cox_hazard_ratio(time, event, (pair["COLUMN"] == column).to_numpy())
        stats = {"estimate": ratio.hr, "conf.low": ratio.lo, "conf.high": ratio.hi, "p.value": ratio.p}
        records += list_statistics(row, column, REGRESSION, stats)
    return records


def hazard_ratio_lines(view: View, row: Key, day: int, *, indent: int = 0, block: bool = False, test: bool = True) -> list[Line]:
    """Hazard ratio, its interval and, unless it is one of many, its p under the compared columns."""
    context, columns, show = REGRESSION, view.compared, numbers(("estimate",), 2, missing=NOT_ESTIMABLE)
    label = f"HR vs {view.reference}, cut at day {day}"
    lines = [
        Line(row, label, show, indent, statistic="HR", context=context, columns=columns, block=block),
        interval_line(row, context=context, dp=2, indent=indent + 1, missing=NOT_ESTIMABLE, columns=columns),
        Line(row, "p", p_value, indent + 1, statistic="p", context=context, columns=columns),
    ]
    return (lines if test else lines[:-1]) if view.compared else []


def hazard_ratio_rows(view: View, times: pd.DataFrame, of: Key, day: int, *, indent: int = 0, test: bool = False) -> Rows:
    """The hazard ratio of every compared column, with its interval."""
    row = (*of, ("follow-up cut at day", str(day)))
    return Rows(
        make_numbers(list_hazard_ratios(view, times, row, day)), hazard_ratio_lines(view, row, day, indent=indent, test=test)
    )


def compared_rows(
    view: View, times: pd.DataFrame, of: Key, label: str, day: int, *, estimate: bool = False, indent: int = 0
) -> list[Rows]:
    """Of some subjects how many there are and how many had the event by a day, and the hazard ratio cut at it.

    With ``estimate`` also the estimate of the day, and the test of the hazard ratio.
    """
    happened = times[times["EVENT"] & (times["ELAPSED"] <= day)]
    until: Part = ("AVAL", f"<={day + day_one(view)}")
    had = Selection((*of, until, ("CNSR", "0")), f"Events by day {day}, n", happened)
    subjects = count_rows(view, [Selection(of, "Subjects, n", times)], show=count, indent=indent + 1)
    curves = curves_by_column(times, view) if estimate else {}
    return [
        head_row(of, label, indent=indent),
        subjects._replace(lines=[replace(line, statistic="Subjects") for line in subjects.lines]),
        count_rows(view, [had], show=count, indent=indent + 1),
        *([estimate_rows(view, of, curves, day, indent=indent + 1)] if estimate else []),
        hazard_ratio_rows(view, times, of, day, indent=indent + 1, test=estimate),
    ]
