"""14.1.9 How much of the study treatment the subjects received."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.counts import analyse_categories, analyse_counts
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.layout import category_lines, continuous_lines
from cgbm1_report.tabulate.table import Line, count_percent
from cgbm1_report.tabulate.view import View


def _measured(view: View, paramcd: str, label: str) -> tuple[pd.DataFrame, list[Line]]:
    records = view.records("ADEX", "PARAMCD", "AVAL")
    parameter = view.parameter(paramcd)
    row = f"{label} ({parameter.unit})" if parameter.unit else label
    numbers = analyse_continuous(records[records["PARAMCD"] == paramcd], "AVAL", row, view.column_keys)
    return numbers, continuous_lines(row, row, parameter.dp)


@output(
    "T14.1.9", "Exposure and Compliance", population="SAF", source=("ADEX", "ADSL"), footnotes=("F1",),
    variables={"ADEX": ("USUBJID", "PARAMCD", "AVAL", "AVALC"), "ADSL": ("NINF", "DCOMPGR1")},
)  # fmt: skip
def exposure(view: View) -> Summary:
    """Infusions, dose, duration, interruptions and compliance. Doses are not shown while blinded."""
    planned = len(view.trial.phases[view.phase].infusions)
    received = view.subjects["NINF"].map("{:.0f}".format, na_action="ignore")
    highest = max(planned, int(view.subjects["NINF"].max()) if len(view.subjects) else planned)
    rows = [str(number) for number in range(1, highest + 1)]
    label = "Infusions received"
    counted = analyse_categories(view.subjects.assign(NINF=received), "NINF", label, rows, view.column_keys)
    numbers, lines = [counted], category_lines(label, counted)
    shown = [("DOSE", "Dose per infusion"), ("CUMDOSE", "Cumulative dose"), ("DURMIN", "Infusion duration")]
    for paramcd, name in shown:
        if view.pooled and paramcd != "DURMIN":
            continue
        measured, layout = _measured(view, paramcd, name)
        numbers.append(measured)
        lines += layout
    adjusted = view.coded("ADEX", "ADJFL")
    adjusted = adjusted[adjusted["AVALC"] == "Y"]
    key = "Subjects with an interrupted or reduced infusion"
    numbers.append(analyse_counts(adjusted, [], view.column_keys, view.population_counts, keys=[key], prefix=key))
    lines.append(Line(key, key, count_percent, block=True))
    parts, layout = _compliance(view)
    return Summary(join_numbers([*numbers, *parts]), lines + layout, "Exposure", footnotes=(_infusion_note(view),))


def _compliance(view: View) -> tuple[list[pd.DataFrame], list[Line]]:
    measured, lines = _measured(view, "DOSECOMP", "Overall dose compliance")
    groups = list(view.parameter("INFCOMP").compliance_groups)
    counted = analyse_categories(view.subjects, "DCOMPGR1", "Overall dose compliance group", groups, view.column_keys)
    return [measured, counted], lines + category_lines("Overall dose compliance group", counted)


def _infusion_note(view: View) -> str:
    return "Dose and duration are summarised over infusions (n is the number of infusions), all else over subjects."
