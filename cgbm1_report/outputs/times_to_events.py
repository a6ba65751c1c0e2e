"""Times to the events that outcomes of a study name, but for transplant-free survival, which has a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from cgbm1_report.outputs.survival import (
    EXPLAINED,
    PARAMCD,
    adjustment_words,
    compare_times,
    draw_curves,
    landmark_rows,
    median_rows,
    tell_untimed,
    unexplained,
)
from cgbm1_report.protocol.registry import OF_CURVES, OF_TIMES, Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Selection, count_rows, join_rows
from cgbm1_report.tabulate.declare import Declaration, Drawing, Summary, family
from cgbm1_report.tabulate.table import count
from cgbm1_report.tabulate.times import curves_by_column, read_times
from cgbm1_report.tabulate.view import View

_VARIABLES = {"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")}


def tabulate_times(view: View, paramcd: str, number: str) -> Summary:
    """Events and censorings, estimates at the outcome's days with the numbers at risk, the median, comparisons as asked for."""
    times, of = read_times(view, paramcd), (("PARAMCD", paramcd),)
    asked = view.asked(number, paramcd)
    curves = curves_by_column(times, view)
    ends: list[tuple[Key, str]] = [((*of, ("CNSR", "0")), "Events, n (%)"), ((*of, ("CNSR", ">0")), "Censored, n (%)")]
    parts = [count_rows(view, [Selection(of, "Subjects", times)], show=count)]
    parts += [
        count_rows(view, [Selection(key, label, times[times["EVENT"] == has_event])], block=True)
        for (key, label), has_event in zip(ends, (True, False), strict=True)
    ]
    parts += landmark_rows(view, of, curves, asked)
    notes: list[str] = []
    if "median" in asked.methods:
        middle, notes = median_rows(view, curves, paramcd)
        parts.append(middle)
    compared, told = compare_times(view, times, paramcd, asked)
    return Summary(
        *join_rows([*parts, *compared]), view.parameter(paramcd).name, stub_width=3.6,
        footnotes=[*tell_untimed(view, times), *notes, *told], without=unexplained(asked), words=adjustment_words(view, asked),
    )  # fmt: skip


def _numbers(trial: Trial, methods: Collection[Method], *, figures: bool) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Tables or figures that outcomes of times to an event ask for one of these methods: by number PARAMCD and phases."""
    made: dict[str, tuple[str, set[int]]] = {}
    for outcome in trial.outcomes:
        if outcome.dataset == "ADTTE" and outcome.paramcd != PARAMCD:
            for number in (answer.number for answer in outcome.outputs if set(answer.methods) & set(methods)):
                if number.startswith("F") == figures:
                    made.setdefault(number.rpartition(".")[0], (outcome.paramcd, set()))[1].add(outcome.phase)
    return {number: (paramcd, tuple(sorted(phases))) for number, (paramcd, phases) in made.items()}


@family("Times to the events of outcomes", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def event_time_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per time to an event that an outcome names, under the number the outcome names."""

    def body_of(paramcd: str, number: str) -> Callable[[View], Summary]:
        return lambda view: tabulate_times(view, paramcd, number)

    for number, (paramcd, phases) in _numbers(trial, OF_TIMES, figures=False).items():
        asked = {method for phase in phases for method in trial.asked(number, phase, paramcd).methods}
        compared = tuple(code for method, code in EXPLAINED.items() if method in asked)
        yield Declaration(
            number, trial.parameter(paramcd).name, {1: "SAF", 2: "FAS"}, ("ADTTE",), ("F8", *compared),
            body_of(paramcd, number), phases, where={"PARAMCD": paramcd}, comparisons=compared, methods=OF_TIMES,
            variables=_VARIABLES,
        )  # fmt: skip


@family("Curves of the times to the events of outcomes", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def event_time_figures(trial: Trial) -> Iterator[Declaration]:
    """The curves of each time to an event that an outcome asks for under the number of a figure."""

    def body_of(paramcd: str, number: str, name: str) -> Callable[[View], Drawing]:
        return lambda view: draw_curves(view, paramcd, number, name, "Free of the event (%)")

    for number, (paramcd, phases) in _numbers(trial, OF_CURVES, figures=True).items():
        name = trial.parameter(paramcd).name
        yield Declaration(
            number, f"Kaplan–Meier Plot of {name} with Number at Risk", {1: "SAF", 2: "FAS"}, ("ADTTE",), ("F8b", "F8c"),
            body_of(paramcd, number, name), phases, where={"PARAMCD": paramcd}, total=False, methods=OF_CURVES,
            variables=_VARIABLES,
        )  # fmt: skip
