"""14.2.1 Liver transplant-free survival: table and curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import expand_total, join_numbers, make_numbers
from cgbm1_report.analyse.survival import (
    Curve,
    cox_hazard_ratio,
    cut_follow_up,
    holm,
    kaplan_meier,
    log_rank,
    survival_at,
    survival_difference,
    survival_quantile,
)
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.trial import TOTAL
from cgbm1_report.tabulate.declare import Drawing, Summary, output
from cgbm1_report.tabulate.draw import draw_kaplan_meier
from cgbm1_report.tabulate.layout import interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, count, count_percent, numbers, p_value, round_half_up
from cgbm1_report.tabulate.view import View, refuse_unexpected

PARAMCD = "LTFS"
Numbers = list[tuple[str, str, str, float, list[str] | None]]


def read_times(view: View, paramcd: str = PARAMCD) -> pd.DataFrame:
    """Times of one time-to-event parameter with COLUMN, EVENT (CNSR = 0) and ELAPSED, the days since the start.

    Day N is N days after the start, whether AVAL counts the day of the start (``tte_plus_one``) or not.

    Raises
    ------
    ReportError
        A time is missing or negative, or a subject has two: either would bend the curve. A record is described
        as an event and censored.
    """
    records = view.records("ADTTE", "PARAMCD", "AVAL", "CNSR")
    records = records[records["PARAMCD"] == paramcd]
    records = records.assign(ELAPSED=records["AVAL"] - _day_one(view))
    event = records["CNSR"] == 0
    described = records["EVNTDESC"].notna() if "EVNTDESC" in records else event
    checks = {
        f"AVAL is missing or less than {_day_one(view)}": ~(records["ELAPSED"] >= 0),
        "the subject has two records": records.duplicated("USUBJID"),
        "EVNTDESC names an event that CNSR censors": described & ~event,
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


def _day_one(view: View) -> int:
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


def _words_of(descriptions: pd.Series) -> dict[str, str]:
    """Descriptions with the words that print them; two spellings of one description are one row."""
    return {text: text.capitalize() for text in sorted(descriptions.dropna().unique())}


def _primary_day(view: View) -> int | None:
    """The day the primary comparison is cut at; none in a phase without a primary survival outcome."""
    for outcome in view.trial.outcomes:
        if outcome.phase == view.phase and outcome.paramcd == PARAMCD and outcome.type == "primary":
            return max(outcome.nominal_days)
    return None


class _SurvivalTable:
    """Builds the table part by part; each part adds its numbers and its lines."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.times = read_times(view)
        for variable in ("EVNTDESC", "CNSDTDSC"):
            view.require("ADTTE", self.times, variable)
        self.curves = curves_by_column(self.times, view)
        self.parts: list[pd.DataFrame] = []
        self.lines: list[Line] = []
        self.notes: list[str] = []

    def add_counts(self) -> None:
        """Subjects, events by kind, censorings by reason."""
        self._count("Subjects", self.times, count)
        self._count("Events, n (%)", self.times[self.times["EVENT"]], count_percent)
        self._count_kinds(self.times[self.times["EVENT"]], "EVNTDESC", self._event_words(), "Events, n (%)")
        censored = self.times[~self.times["EVENT"]]
        self._count("Censored, n (%)", censored, count_percent)
        self._count_kinds(censored, "CNSDTDSC", _words_of(censored["CNSDTDSC"]), "Censored, n (%)")

    def _event_words(self) -> dict[str, str]:
        """What EVNTDESC may say and how it is printed: as trial.yaml has it, else what there is."""
        declared = self.view.parameter(PARAMCD).events
        return declared or _words_of(self.times.loc[self.times["EVENT"], "EVNTDESC"])

    def _count_kinds(self, records: pd.DataFrame, variable: str, words: dict[str, str], under: str) -> None:
        """One row per kind: together they are all the records, so a kind that is not expected is refused."""
        refuse_unexpected("ADTTE", records, variable, words)
        for text in dict.fromkeys(words.values()):
            self._count(text, records[records[variable].map(words) == text], count_percent, under=under)

    def _count(self, label: str, records: pd.DataFrame, show: Callable, under: str = "") -> None:
        key = f"{under} | {label}" if under else label
        self.parts.append(analyse_counts(records, [], self.view.column_keys, self.view.population_counts, keys=[key], prefix=key))
        self.lines.append(Line(key, label, show, 1 if under else 0))

    def add_estimates(self, day: int) -> None:
        """KM estimate of a day with its interval and, against the reference, the difference."""
        row = f"KM estimate at day {day}, %"
        found = {column: survival_at(curve, day) for column, curve in self.curves.items()}
        records: Numbers = []
        for column, estimate in found.items():
            stats = {"survival": estimate.survival, "se": estimate.se, "lo": estimate.lo, "hi": estimate.hi}
            records += [(row, column, stat, 100 * value, None) for stat, value in stats.items()]
            records.append((row, column, "at_risk", float(estimate.at_risk), None))
        self.lines.append(Line(row, row, numbers(("survival",), 1, missing=NOT_ESTIMABLE), block=True))
        self.lines.append(interval_line(row, indent=1, missing=NOT_ESTIMABLE))
        # An estimate is worth as much as the number of subjects it rests on; 0 tells why there is none.
        self.lines.append(Line(row, "Number at risk", numbers(("at_risk",), 0), 1, key=f"{row} | Number at risk"))
        reference = self.view.reference
        if reference:
            name = f"Difference vs {reference} (percentage points)"
            inner = f"{row} | {name}"
            for column in self.view.compared:
                difference = survival_difference(found[column], found[reference])
                stats = {"difference": difference.difference, "se": difference.se, "lo": difference.lo, "hi": difference.hi}
                records += [(inner, column, stat, 100 * value, None) for stat, value in stats.items()]
                records.append((inner, column, "pvalue", difference.p, None))
            columns = self.view.compared
            self.lines += [
                Line(inner, name, numbers(("difference",), 1, missing=NOT_ESTIMABLE), 1, columns=columns),
                interval_line(inner, "95% CI of the difference", indent=1, missing=NOT_ESTIMABLE, columns=columns),
                Line(inner, "p", p_value, 1, key=f"{inner} | p", columns=columns),
            ]
        self.parts.append(make_numbers(records))

    def add_median(self) -> None:
        """Median survival with its interval."""
        row = "Median, days"
        records: Numbers = []
        for column, curve in self.curves.items():
            for stat, value in zip(("median", "lo", "hi"), survival_quantile(curve, 0.5), strict=True):
                records.append((row, column, stat, value + _day_one(self.view), None))
        self.parts.append(make_numbers(records))
        self.lines.append(Line(row, row, numbers(("median",), 0, missing=NOT_ESTIMABLE), block=True))
        self.lines.append(interval_line(row, dp=0, indent=1, missing=NOT_ESTIMABLE))

    def add_comparisons(self, day: int, name: str, *, adjusted: bool) -> None:
        """Log-rank test and Cox model of every column against the reference, follow-up cut at a day."""
        view, reference = self.view, self.view.reference
        test_row, ratio_row = f"Log-rank p, cut at day {day}", f"HR vs {reference}, {name} day {day}"
        records: Numbers = []
        p_values, short = [], []
        for column in view.compared:
            pair = self.times[self.times["COLUMN"].isin([column, reference])]
            time, event = cut_follow_up(pair["ELAPSED"].to_numpy(), pair["EVENT"].to_numpy(), day)
            treated = (pair["COLUMN"] == column).to_numpy()
            if len(time) and time.max() < day and not event.all():
                short.append(column)
            test, ratio = log_rank(time, event, treated), cox_hazard_ratio(time, event, treated)
            p_values.append(test.p)
            records += [(test_row, column, "pvalue", test.p, None), (test_row, column, "chi2", test.chi2, None)]
            stats = {"hr": ratio.hr, "lo": ratio.lo, "hi": ratio.hi, "pvalue": ratio.p}
            records += [(ratio_row, column, stat, value, None) for stat, value in stats.items()]
        corrected = holm(p_values)
        records += [(test_row, column, "p_holm", p, None) for column, p in zip(view.compared, corrected, strict=True)]
        self.parts.append(make_numbers(records))
        self.lines += [
            Line(test_row, test_row, p_value, columns=view.compared, block=True),
            Line(ratio_row, ratio_row, numbers(("hr",), 2, missing=NOT_ESTIMABLE), columns=view.compared),
            interval_line(ratio_row, dp=2, indent=1, missing=NOT_ESTIMABLE, columns=view.compared),
            Line(ratio_row, "p", p_value, 1, key=f"{ratio_row} | p", columns=view.compared),
        ]
        if short:
            # The test is right with shorter follow-up, but its name says a day that nobody has lived to.
            whom = f"{', '.join(short)} or {reference}"
            self.notes.append(f"Cut at day {day}: nobody in {whom} was followed so long; all their follow-up is used.")
        if adjusted:
            texts = [f"{c} {p_value({'pvalue': p}).text}" for c, p in zip(view.compared, corrected, strict=True)]
            self.notes.append(f"Holm-adjusted log-rank p, cut at day {day}: {'; '.join(texts)}.")


@output(
    "T14.2.1", "Liver Transplant-Free Survival", population={1: "SAF", 2: "FAS"}, source=("ADTTE",),
    footnotes=("F8", "F9", "F10", "F11"), comparisons=("F9", "F10"), where="PARAMCD = LTFS",
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR", "EVNTDESC", "CNSDTDSC")},
    needs={f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters},
)  # fmt: skip
def survival_table(view: View) -> Summary:
    """Events, censoring, survival at the registry's days, median; comparisons where there is a reference."""
    table = _SurvivalTable(view)
    table.add_counts()
    for day in view.trial.registry_days(view.phase, PARAMCD):
        table.add_estimates(day)
    table.add_median()
    primary = _primary_day(view)
    if view.reference and primary is not None:
        table.add_comparisons(primary, "cut at", adjusted=True)
        table.add_comparisons(view.trial.study.followup_days, "to", adjusted=False)
    return Summary(join_numbers(table.parts), table.lines, "Survival", stub_width=3.6, footnotes=table.notes)


def _risk_days(view: View) -> list[int]:
    """Days of the risk table: the registry's days and every 30 days between them and the end."""
    end = view.trial.study.followup_days
    named = view.trial.registry_days(view.phase, PARAMCD)
    grid = [day for day in range(60, end + 1, 30) if day > min(named, default=0)]
    return sorted({0, *named, *grid})


@output(
    "F14.2.1", "Kaplan-Meier Plot of Liver Transplant-Free Survival with Number at Risk", population={1: "SAF", 2: "FAS"},
    source=("ADTTE",), footnotes=("F8b", "F11"), where="PARAMCD = LTFS", total=False,
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
    needs={f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters},
)  # fmt: skip
def survival_plot(view: View) -> Drawing:
    """One step curve per column, a tick per censoring, the number at risk below."""
    curves = curves_by_column(read_times(view), view)
    days = _risk_days(view)
    risk = {column: [survival_at(curve, day).at_risk for day in days] for column, curve in curves.items()}
    svg, png = draw_kaplan_meier(curves, risk, days, ylabel="Transplant-free survival (%)", xlabel="Days since first dose")
    records: Numbers = []
    for column, curve in curves.items():
        for time, level in zip(curve.time, curve.survival, strict=True):
            records.append((f"Survival | day {time:g}", column, "survival", 100 * float(level), None))
        records += [(f"At risk | day {day}", column, "n", float(n), None) for day, n in zip(days, risk[column], strict=True)]
    alt = "; ".join(f"{column}: {_in_words(curve, days[-1])}" for column, curve in curves.items())
    return Drawing(make_numbers(records), svg, png, f"Kaplan-Meier curves of transplant-free survival. {alt}.")


def _in_words(curve: Curve, day: int) -> str:
    estimate = survival_at(curve, day)
    if not len(curve.time):
        return "no subject"
    if np.isnan(estimate.survival):
        last = float(curve.time[-1])
        known = round_half_up(100 * survival_at(curve, last).survival, 1)
        return f"{known}% free of the event at day {last:g}, the last of follow-up; not estimable at day {day}"
    return f"{round_half_up(100 * estimate.survival, 1)}% free of the event at day {day}"
