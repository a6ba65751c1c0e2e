"""14.1.9 How much of the study treatment the subjects received."""

from __future__ import annotations

from cgbm1_report.tabulate.builders import Rows, Selection, category_rows, count_rows, join_rows, measure_rows
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.view import View


def _measured(view: View, paramcd: str, label: str) -> Rows:
    records = view.records("ADEX", "PARAMCD", "AVAL")
    parameter = view.parameter(paramcd)
    told = f"{label} ({parameter.unit})" if parameter.unit else label
    own = records[records["PARAMCD"] == paramcd]
    return measure_rows(view, own, "AVAL", told, parameter.dp, prefix=(("PARAMCD", paramcd),))


@output(
    "T14.1.9", "Exposure and Compliance", population="SAF", source=("ADEX", "ADSL"), footnotes=("F1",),
    variables={"ADEX": ("USUBJID", "PARAMCD", "AVAL", "AVALC"), "ADSL": ("NINF", "DCOMPGR1")},
)  # fmt: skip
def exposure(view: View) -> Summary:
    """Infusions, dose, duration, interruptions and compliance. Doses are not shown while blinded."""
    planned = len(view.trial.phases[view.phase].infusions)
    received = view.subjects["NINF"].map("{:.0f}".format, na_action="ignore")
    highest = max(planned, int(view.subjects["NINF"].max()) if len(view.subjects) else planned)
    levels = [str(number) for number in range(1, highest + 1)]
    shown = [("DOSE", "Dose per infusion"), ("CUMDOSE", "Cumulative dose"), ("DURMIN", "Infusion duration")]
    adjusted = view.coded("ADEX", "ADJFL")
    adjusted = adjusted[adjusted["AVALC"] == "Y"]
    key = (("PARAMCD", "ADJFL"), ("AVALC", "Y"))
    groups = list(view.parameter("INFCOMP").compliance_groups)
    parts = [
        category_rows(view, view.subjects.assign(NINF=received), "NINF", "Infusions received", levels),
        *(_measured(view, paramcd, name) for paramcd, name in shown if not view.pooled or paramcd == "DURMIN"),
        count_rows(view, [Selection(key, "Subjects with an interrupted or reduced infusion", adjusted)], block=True),
        _measured(view, "DOSECOMP", "Overall dose compliance"),
        category_rows(view, view.subjects, "DCOMPGR1", "Overall dose compliance group", groups),
    ]
    return Summary(*join_rows(parts), "Exposure", footnotes=(_infusion_note(view),))


def _infusion_note(view: View) -> str:
    return "Dose and duration are summarised over infusions (n is the number of infusions), all else over subjects."
