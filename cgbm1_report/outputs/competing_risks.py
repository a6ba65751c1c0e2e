"""14.2.4 Overall survival, and which came first: liver transplantation or death without it; 14.2.5 its figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cgbm1_report.analyse.competing_risks import Incidence, incidence_at
from cgbm1_report.analyse.numbers import CUMULATIVE_INCIDENCE, Record, list_statistics, make_numbers
from cgbm1_report.outputs.survival import PARAMCD, axis_days
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows
from cgbm1_report.tabulate.declare import Declaration, Drawing, Needs, Summary, family, output
from cgbm1_report.tabulate.draw_stacked import Stack, draw_stacked
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.times import curves_by_column, estimate_rows, incidence_rows, incidences_by_column, read_times
from cgbm1_report.tabulate.view import View

SURVIVAL, TRANSPLANT = "OS", "TTLT"
#: A time to a transplantation, and what rules it out.
_COMPETE: Needs = {
    f"parameter {TRANSPLANT} with what competes": lambda trial: (
        TRANSPLANT in trial.parameters and bool(trial.parameters[TRANSPLANT].competing)
    ),
}


def name_ends(view: View) -> dict[str, str]:
    """The ways in which the time to a transplantation ends for good, by CNSR, with their words: the event first."""
    parameter = view.parameter(TRANSPLANT)
    return {"0": " or ".join(parameter.events.values()), **parameter.competing}


def _survival_rows(view: View, days: tuple[int, ...]) -> list[Rows]:
    """Deaths, and the estimate of overall survival at the registry's days."""
    times, parameter = read_times(view, SURVIVAL), view.parameter(SURVIVAL)
    of: Key = (("PARAMCD", SURVIVAL),)
    died = Selection((*of, ("CNSR", "0")), f"{' or '.join(parameter.events.values())}, n (%)", times[times["EVENT"]])
    curves = curves_by_column(times, view)
    rows = [estimate_rows(view, of, curves, day, indent=1, label=parameter.name) for day in days]
    return [count_rows(view, [died], block=True), *rows]


def _incidence_rows(view: View, days: tuple[int, ...]) -> list[Rows]:
    """Whom each end came first, and its cumulative incidence at the registry's days."""
    times, ends, parts = read_times(view, TRANSPLANT), name_ends(view), []
    for way, label in ends.items():
        of: Key = (("PARAMCD", TRANSPLANT), ("CNSR", way))
        parts.append(count_rows(view, [Selection(of, f"{label}, n (%)", times[times["CNSR"] == float(way)])], block=True))
        curves = incidences_by_column(times, view, way, ends)
        parts += [incidence_rows(of, curves, day, indent=1) for day in days]
    return parts


@output(
    "T14.2.4", "Overall Survival and Cumulative Incidence of Liver Transplantation and Death", population={1: "SAF", 2: "FAS"},
    source=("ADTTE",), footnotes=("F8", "F8d", "F11b"), where={"PARAMCD": (SURVIVAL, TRANSPLANT)},
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
    needs={f"parameter {SURVIVAL}": lambda trial: SURVIVAL in trial.parameters, **_COMPETE}, listings=("L16.2.6.1",),
)  # fmt: skip
def survival_and_incidence(view: View) -> Summary:
    """Deaths with overall survival; transplantations and deaths without one, each with its cumulative incidence."""
    days = view.trial.registry_days(view.phase, PARAMCD)
    return Summary(*join_rows([*_survival_rows(view, days), *_incidence_rows(view, days)]), "Survival", stub_width=3.6)


def incidence_plot(view: View) -> Drawing:
    """A panel per column: the share transplanted first upon the share that died without it, day by day."""
    times, ends = read_times(view, TRANSPLANT), name_ends(view)
    # What nobody comes back from lies lowest.
    ways = dict(reversed(ends.items()))
    curves = {way: incidences_by_column(times, view, way, ends) for way in ways}
    own = {column: [curves[way][column] for way in ways] for column in view.column_keys}
    headings = {column.key: column.heading for column in view.columns}
    panels = {
        headings[column]: Stack(one[0].time, [curve.share for curve in one], _known_until(one[0])) for column, one in own.items()
    }
    named = view.trial.registry_days(view.phase, PARAMCD)
    days = axis_days(view, named)
    svg = draw_stacked(
        panels, list(ways.values()), "Neither", days, ylabel="Cumulative incidence (%)",
        xlabel=view.times_axis, visits=view.visit_days,
    )  # fmt: skip
    records: list[Record] = []
    for column, drawn in own.items():
        for way, curve in zip(ways, drawn, strict=True):
            of: Key = (("PARAMCD", TRANSPLANT), ("CNSR", way))
            for time, share in zip(curve.time, curve.share, strict=True):
                records += list_statistics(
                    (*of, ("time", f"{time:g}")), column, CUMULATIVE_INCIDENCE, {"estimate": float(share)}
                )  # fmt: skip
    told = "; ".join(f"{column}: {_in_words(dict(zip(ways.values(), one, strict=True)), named)}" for column, one in own.items())
    alt = f"Stacked cumulative incidence of {' and of '.join(word.lower() for word in ends.values())}. {told}."
    drawn_to = [stack.end for stack in panels.values() if len(stack.time)]
    without = [
        code for code, shown in {"F8e": bool(drawn_to), "F8f": min(drawn_to, default=np.inf) < days[-1]}.items() if not shown
    ]
    return Drawing(make_numbers(records), svg, alt, height_in=4.2, without=without)


def _known_until(curve: Incidence) -> float:
    """The last day of which a curve says something: for ever once nobody is left."""
    if not len(curve.time):
        return 0.0
    return float(curve.time[-1]) if curve.free[-1] > 0 else np.inf


def _in_words(curves: Mapping[str, Incidence], days: Sequence[int]) -> str:
    """What a panel says: on each day the share of each end and the number at risk."""
    first = next(iter(curves.values()))
    if not len(first.time):
        return "no subject"
    told = []
    for day in days:
        shares = {label: incidence_at(curve, day) for label, curve in curves.items()}
        if any(np.isnan(one.share) for one in shares.values()):
            told.append(f"not estimable at day {day}")
            continue
        said = ", ".join(f"{label.lower()} {round_half_up(100 * one.share, 1)}%" for label, one in shares.items())
        told.append(f"by day {day} {said} ({next(iter(shares.values())).at_risk} at risk)")
    return "; ".join(told)


@family("Figures of what came first, by arm", needs=_COMPETE)
def incidence_figures(trial: Trial) -> Iterator[Declaration]:
    """One figure where arms are compared."""
    compared = tuple(number for number, phase in trial.phases.items() if phase.reference)
    if compared:
        yield Declaration(
            "F14.2.5", "Cumulative Incidence of Liver Transplantation and Death", "FAS", ("ADTTE",),
            ("F8e", "F8f", "F11b"), incidence_plot, compared, where={"PARAMCD": TRANSPLANT}, total=False,
            variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
            needs=_COMPETE, listings=("L16.2.6.1",),
        )  # fmt: skip
