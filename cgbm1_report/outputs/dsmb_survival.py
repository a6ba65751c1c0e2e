"""DSMB-8: the pooled curve of transplant-free survival with the events seen and planned."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cgbm1_report.outputs.survival import PARAMCD, draw_survival
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Selection, count_rows
from cgbm1_report.tabulate.declare import Drawing, output
from cgbm1_report.tabulate.times import read_times
from cgbm1_report.tabulate.view import View

_EVENTS: Key = (("PARAMCD", PARAMCD), ("CNSR", "0"))


@output(
    "DSMB-8", "Liver Transplant-Free Survival, Pooled, with Events Seen and Planned", population="FAS", source=("ADTTE",),
    footnotes=("F8b", "F8c"), where={"PARAMCD": PARAMCD}, total=False, scope="dsmb",
    variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR")},
    needs={f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters},
)  # fmt: skip
def pooled_survival(view: View) -> Drawing:
    """One curve of all subjects; how many of the events that were planned for have been seen."""
    drawn = draw_survival(view)
    times = read_times(view, PARAMCD)
    events = times[times["EVENT"]]
    seen = count_rows(view, [Selection(_EVENTS, "Events", events)])
    planned = view.trial.phases[view.phase].planned_events
    told = f"of {planned} planned" if planned is not None else "the protocol states no planned number"
    note = f"Events of transplant-free survival: {len(events)}{' ' if planned is not None else '; '}{told}."
    return replace(drawn, numbers=pd.concat([drawn.numbers, seen.numbers], ignore_index=True), footnotes=(note, *drawn.footnotes))
