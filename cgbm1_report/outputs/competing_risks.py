"""14.2.4 Overall survival, and which came first: liver transplantation or death without it."""

from __future__ import annotations

from cgbm1_report.outputs.survival import PARAMCD
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.times import curves_by_column, estimate_rows, incidence_rows, incidences_by_column, read_times
from cgbm1_report.tabulate.view import View

SURVIVAL, TRANSPLANT = "OS", "TTLT"


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
    source=("ADTTE",), footnotes=("F8", "F8d", "F11"), where={"PARAMCD": (SURVIVAL, TRANSPLANT)},
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
    needs={
        f"parameters {SURVIVAL} and {TRANSPLANT} with what competes": lambda trial: (
            SURVIVAL in trial.parameters and TRANSPLANT in trial.parameters and bool(trial.parameters[TRANSPLANT].competing)
        ),
    },
)  # fmt: skip
def survival_and_incidence(view: View) -> Summary:
    """Deaths with overall survival; transplantations and deaths without one, each with its cumulative incidence."""
    days = view.trial.registry_days(view.phase, PARAMCD)
    return Summary(*join_rows([*_survival_rows(view, days), *_incidence_rows(view, days)]), "Survival", stub_width=3.6)
