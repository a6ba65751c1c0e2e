"""14.2.1 Liver transplant-free survival: table and curve."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cgbm1_report.analyse.event_times import (
    Curve,
    cut_follow_up,
    free_at,
    holm,
    log_rank,
    time_quantile,
)
from cgbm1_report.analyse.numbers import (
    SURVDIFF,
    SURVFIT,
    Record,
    list_statistics,
    make_numbers,
)  # fmt: skip
from cgbm1_report.distinct import clean_text
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.registry import OF_TIMES, Asked, Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import UNADJUSTED
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_levels, count_rows, join_rows
from cgbm1_report.tabulate.declare import Drawing, Summary, output
from cgbm1_report.tabulate.draw import choose_days, draw_kaplan_meier, has_no_room
from cgbm1_report.tabulate.layout import interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, count, numbers, p_value, round_half_up
from cgbm1_report.tabulate.times import curves_by_column, day_one, estimate_rows, hazard_ratio_lines, list_hazard_ratios, read_times
from cgbm1_report.tabulate.view import View, refuse_unexpected

PARAMCD = "LTFS"
#: A time that counts its first day stands beside days that are counted after it: what a page prints of both, it says.
_COUNTED = (
    "Estimates, tests and ratios at day N: N days after the start. The median counts the day of the start as 1: "
    "an event on day N has the time N + 1."
)
_OF_PARAMETER: Key = (("PARAMCD", PARAMCD),)
#: Footnotes on how arms are compared, by the method that asks for them.
EXPLAINED: dict[Method, str] = {"log_rank": "F9", "hazard_ratio": "F10"}


def _words_of(records: pd.DataFrame, variable: str) -> dict[str, str]:
    """Descriptions with the words that print them, the same for all spellings of one.

    In the order of the censoring codes, which lead from the end of follow-up to the data cut-off; of one code from A to Z.
    """
    codes = records.groupby(variable)["CNSR"].min()
    return {text: clean_text(text).capitalize() for text in sorted(map(str, codes.index), key=lambda text: (codes[text], text))}


def primary_day(trial: Trial, phase: int) -> int | None:
    """The day at which the first of the outcomes cuts its comparison; none where no outcome has days."""
    outcomes = [one for one in trial.outcomes if (one.phase, one.paramcd) == (phase, PARAMCD) and one.nominal_days]
    return next((max(one.nominal_days) for one in sorted(outcomes, key=lambda one: one.type != "primary")), None)


@dataclass(frozen=True)
class _Comparison:
    """A comparison with the reference: the day follow-up is cut at, whether it is the primary one, how it is made."""

    day: int
    primary: bool
    methods: frozenset[Method]


def _comparisons(view: View, asked: Asked) -> list[_Comparison]:
    """What outcomes compare, each cut at its last day; nothing without a reference."""
    made: dict[int, _Comparison] = {}
    for outcome, own in asked.of if view.reference else ():
        methods = own & {"log_rank", "hazard_ratio"}
        if methods and outcome.nominal_days:
            day = max(outcome.nominal_days)
            earlier = made.get(day, _Comparison(day, outcome.type == "primary", frozenset()))
            made[day] = replace(earlier, methods=earlier.methods | methods)
    return list(made.values())


def _count_rows(view: View, times: pd.DataFrame) -> Rows:
    """Subjects, events by kind, censorings by reason: together the kinds are all the records, so another kind is refused."""
    events, censored = times[times["EVENT"]], times[~times["EVENT"]]
    # What EVNTDESC may say and how it is printed: as trial.yaml has it, else what there is.
    kinds = view.parameter(PARAMCD).events or _words_of(events, "EVNTDESC")
    parts = [count_rows(view, [Selection(_OF_PARAMETER, "Subjects", times)], show=count)]
    for level, label, own, variable, words in (
        ("0", "Events, n (%)", events, "EVNTDESC", kinds),
        (">0", "Censored, n (%)", censored, "CNSDTDSC", _words_of(censored, "CNSDTDSC")),
    ):
        refuse_unexpected("ADTTE", own, variable, words)
        key = (*_OF_PARAMETER, ("CNSR", level))
        parts.append(count_rows(view, [Selection(key, label, own)]))
        if words:
            # Values that the same words print are one row, by the first of them.
            first = {text: value for value, text in reversed(words.items())}
            counted = own.assign(**{variable: own[variable].map({value: first[text] for value, text in words.items()})})
            levels = {first[text]: text for text in dict.fromkeys(words.values())}
            parts.append(count_levels(view, counted, {variable: levels}, prefix=key, indent=1))
    return join_rows(parts)


def median_rows(view: View, curves: Mapping[str, Curve], paramcd: str) -> tuple[Rows, list[str]]:
    """Median time of a parameter with its interval, and what is to be noted of it.

    A median is AVAL as it was recorded, so that it can be found again in the data; days of the other rows are days after the start.
    """
    row = (("PARAMCD", paramcd), ("prob", "0.5"))
    records: list[Record] = []
    for column, curve in curves.items():
        median, low, high = (value + day_one(view) for value in time_quantile(curve, 0.5))
        records += list_statistics(row, column, SURVFIT, {"estimate": median, "conf.low": low, "conf.high": high})
    # Along a level of one half the median is the middle of two times: it has one decimal more than they.
    dp = view.parameter(paramcd).dp + 1
    show = numbers(("estimate",), dp, missing=NOT_ESTIMABLE)
    lines = [Line(row, "Median, days", show, block=True), interval_line(row, dp=dp, indent=1, missing=NOT_ESTIMABLE)]
    return Rows(make_numbers(records), lines), [_COUNTED] if day_one(view) else []


def tell_untimed(view: View, times: pd.DataFrame) -> list[str]:
    """A note where subjects of the population have no time, as of a response that they did not have: percentages count them."""
    timed, all_of_them = times["USUBJID"].nunique(), view.subjects["USUBJID"].nunique()
    told = f"Percentages are of all subjects of the column (N), of whom {timed} of {all_of_them} have this time."
    return [told] if timed < all_of_them else []


def _test_lines(view: View, row: Key, day: int, *, adjusted: bool) -> list[Line]:
    """The p of the log-rank test: where the trial adjusts, the adjusted one first and the nominal one below it."""
    columns = view.compared
    if not adjusted:
        return [Line(row, f"Log-rank p, cut at day {day}", p_value, context=SURVDIFF, columns=columns, block=True)]
    show = partial(p_value, name="adj.p.value")
    return [
        Line(row, f"Log-rank p, Holm-adjusted, cut at day {day}", show, context=SURVDIFF, columns=columns, block=True),
        Line(row, "Nominal p", p_value, 1, statistic="nominal p", context=SURVDIFF, columns=columns),
    ]


def landmark_rows(view: View, of: Key, curves: Mapping[str, Curve], asked: Asked) -> list[Rows]:
    """The estimate at each day that outcomes ask for, with its difference from the reference where they ask for that."""
    differ = asked.days("landmark_difference")
    return [estimate_rows(view, of, curves, day, differ=day in differ) for day in asked.days("landmark")]


def unexplained(asked: Asked) -> list[str]:
    """Footnotes on comparisons that nobody asks for."""
    return [code for method, code in EXPLAINED.items() if method not in asked.methods]


def adjustment_words(view: View, asked: Asked) -> dict[str, str]:
    """What the note on the tests says of their adjustment: on a page without the primary test nothing is adjusted."""
    primary = any(one.primary and "log_rank" in one.methods for one in _comparisons(view, asked))
    return {} if primary else {"multiplicity": UNADJUSTED}


def compare_times(view: View, times: pd.DataFrame, paramcd: str, asked: Asked) -> tuple[list[Rows], list[str]]:
    """What outcomes of a time to an event compare with the reference, and what is to be noted of it."""
    made = [_comparison_rows(view, times, comparison, (("PARAMCD", paramcd),)) for comparison in _comparisons(view, asked)]
    return [rows for rows, _ in made], [note for _, notes in made for note in notes]


def _comparison_rows(view: View, times: pd.DataFrame, comparison: _Comparison, of: Key) -> tuple[Rows, list[str]]:
    """Log-rank test and Cox model of every column against the reference, follow-up cut at a day; what is to be noted."""
    reference, columns, day = view.reference, view.compared, comparison.day
    row = (*of, ("follow-up cut at day", str(day)))
    records: list[Record] = []
    p_values, short = [], []
    for column in columns:
        pair = times[times["COLUMN"].isin([column, reference])]
        time, event = cut_follow_up(pair["ELAPSED"].to_numpy(), pair["EVENT"].to_numpy(), day)
        treated = (pair["COLUMN"] == column).to_numpy()
        if len(time) and time.max() < day and not event.all():
            short.append(column)
        test = log_rank(time, event, treated)
        p_values.append(test.p)
        records += list_statistics(row, column, SURVDIFF, {"p.value": test.p, "statistic": test.chi2})
    corrected = holm(p_values)
    for column, p in zip(columns, corrected, strict=True):
        records += list_statistics(row, column, SURVDIFF, {"adj.p.value": p})
    adjusts = view.trial.switches.multiplicity == "holm"
    lines, tested = [], "log_rank" in comparison.methods
    if tested:
        lines += _test_lines(view, row, day, adjusted=comparison.primary and adjusts)
    if "hazard_ratio" in comparison.methods:
        records += list_hazard_ratios(view, times, row, day)
        lines += hazard_ratio_lines(view, row, day, block=not tested)
    notes = []
    if short:
        # The test is right with shorter follow-up, but its name says a day that nobody has lived to.
        whom = f"{', '.join(short)} or {reference}"
        notes.append(f"Cut at day {day}: nobody in {whom} was followed so long; all their follow-up is used.")
    if comparison.primary and tested and not adjusts:
        texts = [f"{c} {p_value({'p.value': p}).text}" for c, p in zip(columns, corrected, strict=True)]
        notes.append(f"Holm-adjusted log-rank p, cut at day {day}: {'; '.join(texts)}.")
    return Rows(make_numbers(records), lines), notes


@output(
    "T14.2.1", "Liver Transplant-Free Survival", population={1: "SAF", 2: "FAS"}, source=("ADTTE",),
    footnotes=("F8", "F9", "F10", "F11b"), comparisons=("F9", "F10"), where={"PARAMCD": PARAMCD},
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR", "EVNTDESC", "CNSDTDSC")},
    needs={f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters},
    methods=OF_TIMES, listings=("L16.2.6.1",),
)  # fmt: skip
def survival_table(view: View) -> Summary:
    """Events, censoring, survival at the registry's days, median; comparisons where there is a reference."""
    times = read_times(view, PARAMCD)
    for variable in ("EVNTDESC", "CNSDTDSC"):
        view.require("ADTTE", times, variable)
    curves, asked = curves_by_column(times, view), view.asked("T14.2.1", PARAMCD)
    parts = [_count_rows(view, times), *landmark_rows(view, _OF_PARAMETER, curves, asked)]
    notes: list[str] = []
    if not asked.of or "median" in asked.methods:
        rows, notes = median_rows(view, curves, PARAMCD)
        parts.append(rows)
    compared, told = compare_times(view, times, PARAMCD, asked)
    return Summary(
        *join_rows([*parts, *compared]), "Survival", stub_width=3.6, footnotes=[*tell_untimed(view, times), *notes, *told],
        without=unexplained(asked), words=adjustment_words(view, asked),
    )  # fmt: skip


def axis_days(view: View, named: Collection[int]) -> list[int]:
    """Days of the axis and of the risk table: those that are named, the end, and visits as far as numbers leave room."""
    return choose_days(view.visit_days, {0, view.trial.study.followup_days, *named})


@output(
    "F14.2.1", "Kaplan–Meier Plot of Liver Transplant-Free Survival with Number at Risk", population={1: "SAF", 2: "FAS"},
    source=("ADTTE",), footnotes=("F8b", "F8c"), where={"PARAMCD": PARAMCD}, total=False,
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
    needs={f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters}, methods=("curve",), listings=("L16.2.6.1",),
)  # fmt: skip
def survival_plot(view: View) -> Drawing:
    """One step curve per column, a tick per censoring, the number at risk below."""
    return draw_survival(view)


def draw_survival(view: View) -> Drawing:
    """The curves of transplant-free survival."""
    return draw_curves(view, PARAMCD, "F14.2.1", "transplant-free survival", "Transplant-free survival (%)")


def draw_curves(view: View, paramcd: str, number: str, of: str, ylabel: str) -> Drawing:
    """The curves with their ticks and risk table, the numbers they show, and what they say in words: of what, and on the axis."""
    times, last = read_times(view, paramcd), view.trial.study.followup_days
    curves, parameter = curves_by_column(times, view), (("PARAMCD", paramcd),)
    named = view.asked(number, paramcd).days()
    # Two numbers that print on each other tell nothing: of the end and a day that is named beside it the named one stands.
    crowded = last not in named and any(has_no_room(day, last, last) for day in named)
    days = [day for day in axis_days(view, named) if not (crowded and day == last)]
    risk = {column: [free_at(curve, day).at_risk for day in days] for column, curve in curves.items()}
    headings = {column.key: column.label.replace("\n", " ") for column in view.columns}
    svg = draw_kaplan_meier(
        curves,
        risk,
        days,
        ylabel=ylabel,
        xlabel=view.times_axis,
        headings=headings,
        visits=view.visit_days,
        end=last,
    )
    records: list[Record] = []
    for column, curve in curves.items():
        for time, level in zip(curve.time, curve.free, strict=True):
            records += list_statistics((*parameter, ("time", f"{time:g}")), column, SURVFIT, {"estimate": float(level)})
        for day, at_risk in zip(days, risk[column], strict=True):
            records += list_statistics((*parameter, ("time", str(day))), column, SURVFIT, {"n.risk": float(at_risk)})
    told = {*named, days[-1]}
    alt = "; ".join(f"{column}: {_in_words(curve, sorted(told))}" for column, curve in curves.items())
    drawn = {
        "F8b": any(len(curve.time) for curve in curves.values()),
        "F8c": any(curve.censored.any() for curve in curves.values()),
    }
    said = f"Kaplan–Meier curves of {of}. {alt}."
    without = [code for code, shown in drawn.items() if not shown]
    return Drawing(make_numbers(records), svg, said, footnotes=_tell_undrawn(view, times, last), without=without)


def _tell_undrawn(view: View, times: pd.DataFrame, last: int) -> list[str]:
    """Notes on who has no curve, and on what lies behind the end of the axis."""
    timed, everybody, longer = times["USUBJID"].nunique(), view.subjects["USUBJID"].nunique(), int((times["ELAPSED"] > last).sum())
    notes = {
        f"{timed} of {everybody} subjects have this time; the others are not drawn.": timed < everybody,
        f"Times of {number_of(longer, 'subject')} that end after day {last} are drawn to this day.": longer > 0,
    }
    return [note for note, is_told in notes.items() if is_told]


def _in_words(curve: Curve, days: Sequence[int]) -> str:
    """What a curve says: subjects, events, and on each day the share free of the event and the number at risk."""
    if not len(curve.time):
        return "no subject"
    subjects, events = int(curve.at_risk[0]), int(curve.events.sum())
    counted = f"{subjects} subject{'s' * (subjects != 1)}, {events} event{'s' * (events != 1)}"
    beyond = [str(day) for day in days if np.isnan(free_at(curve, day).free)]
    told = [_day_in_words(curve, day) for day in days if str(day) not in beyond]
    if beyond:
        told += [f"{_day_in_words(curve, curve.time[-1])}, the last of follow-up", f"not estimable at day {' and '.join(beyond)}"]
    return "; ".join([counted, *told])


def _day_in_words(curve: Curve, day: float) -> str:
    estimate = free_at(curve, day)
    return f"{round_half_up(100 * estimate.free, 1)}% free of the event at day {day:g} ({estimate.at_risk} at risk)"
