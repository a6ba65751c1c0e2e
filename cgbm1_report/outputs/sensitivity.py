"""14.2.2 Whether survival depends on how it is analysed: other subjects, other events, yes or no at a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.outputs.survival import PARAMCD, primary_day
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, compare_rows, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Declaration, Needs, Summary, family
from cgbm1_report.tabulate.table import count, out_of_percent
from cgbm1_report.tabulate.times import compared_rows, read_times
from cgbm1_report.tabulate.view import View

_CENSORED, _PER_PROTOCOL, _DOSED = "OSLTC", "PPS", "SAF"
_FREE, _MODIFIED = "free of the event", "Dosed subjects only (modified intention to treat)"
_NEEDS: Needs = {
    f"outcome of {PARAMCD} with nominal_days": lambda trial: any(primary_day(trial, number) is not None for number in trial.phases),
    **{f"parameter {code}": lambda trial, code=code: code in trial.parameters for code in (PARAMCD, _CENSORED)},  # type: ignore[misc]
    **{
        f"population {code}": lambda trial, code=code: any(one.code == code for one in trial.populations)  # type: ignore[misc]
        for code in (_PER_PROTOCOL, _DOSED)
    },
}


def _parts(day: int) -> tuple[Part, Part, Part]:
    """Free at a day of all subjects; the same of those whose status is known; not known."""
    return ("free of the event at day", str(day)), (f"status at day {day}", _FREE), ("censored before day", str(day))


def tell_status(trial: Trial, phase: int) -> Mapping[Part, Meaning]:
    """Who is free of the event at the day, whose status is known, and whose is not: by time and censoring."""
    day = primary_day(trial, phase)
    if day is None:
        return {}
    at = day + int(trial.switches.tte_plus_one)
    free, known_free, unknown = _parts(day)
    later: Meaning = ({"AVAL": Is(">", at)}, {"AVAL": Is(">=", at), "CNSR": Is(">", 0)})
    known: Meaning = ({"AVAL": Is(">=", at)}, {"CNSR": Is("=", 0)})
    return {
        free: later, known_free: later, (known_free[0], None): known, unknown: ({"AVAL": Is("<", at), "CNSR": Is(">", 0)},),
    }  # fmt: skip


def _status_rows(view: View, times: pd.DataFrame, day: int) -> list[Rows]:
    """Subjects free of the event at the day: of all, as if who is not known had it, and of those who are known."""
    of: Key = (("PARAMCD", PARAMCD),)
    reached = times["ELAPSED"].ge(day) & ~times["EVENT"] | times["ELAPSED"].gt(day)
    known = times["EVENT"] | times["ELAPSED"].ge(day)
    free, known_free, unknown = ((*of, part) for part in _parts(day))
    of_known = count_population(times[known], view.column_keys)
    return [
        head_row((*of, (known_free[-1][0], None)), f"Free of the event at day {day}"),
        compare_rows(
            count_rows(view, [Selection(free, "Missing counted as event, n (%)", times[reached])], indent=1), view
        ),
        compare_rows(
            count_rows(
                view, [Selection(known_free, "Missing left out, n/M (%)", times[reached])], show=out_of_percent,
                denominators=of_known, indent=1,
            ),
            view,
        ),
        count_rows(view, [Selection(unknown, f"Missing: censored before day {day}, n", times[~known])], show=count, indent=1),
    ]  # fmt: skip


def sensitivity_table(view: View) -> Summary:
    """The primary comparison in other subjects and with transplantation censored; then the event by the day as yes or no."""
    day = primary_day(view.trial, view.phase) or 0
    flags = {code: view.trial.population(code).flag for code in (_PER_PROTOCOL, _DOSED)}
    subjects = view.subjects_with(*flags.values())
    times, parts = read_times(view, PARAMCD), []
    labels = {
        _PER_PROTOCOL: view.trial.population(_PER_PROTOCOL).label,
        _DOSED: "Dosed subjects only (modified intention to treat)",
    }
    for code, flag in flags.items():
        own = times[times["USUBJID"].isin(subjects.loc[subjects[flag] == "Y", "USUBJID"])]
        parts += compared_rows(view, own, (("PARAMCD", PARAMCD), (flag, "Y")), labels[code], day, estimate=True)
    censored = read_times(view, _CENSORED)
    parts += compared_rows(view, censored, (("PARAMCD", _CENSORED),), view.parameter(_CENSORED).name, day, estimate=True)
    return Summary(*join_rows([*parts, *_status_rows(view, times, day)]), "Analysis", stub_width=3.8)


@family("Sensitivity of survival", needs=_NEEDS)
def sensitivity_tables(trial: Trial) -> Iterator[Declaration]:
    """One table where a primary outcome is compared between arms."""
    compared = tuple(number for number, phase in trial.phases.items() if phase.reference and primary_day(trial, number) is not None)
    if compared:
        flags = [one.flag for one in trial.populations if one.code in (_PER_PROTOCOL, _DOSED)]
        yield Declaration(
            "T14.2.2", "Sensitivity Analyses of Liver Transplant-Free Survival", "FAS", ("ADTTE", "ADSL"),
            ("F7", "F8", "F10", "F8g", "F11b"), sensitivity_table, compared, where={"PARAMCD": (PARAMCD, _CENSORED)},
            comparisons=("F7", "F10"), needs=_NEEDS, meanings=tell_status, listings=("L16.2.6.1",),
            shares=tuple(_parts(primary_day(trial, number) or 0)[1][0] for number in compared),
            variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR"), "ADSL": tuple(flags)},
        )  # fmt: skip
