"""14.1.10: how long subjects were followed, and which of the planned visits they came to."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.protocol.sections import Visit
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.builders import Rows, Selection, codelist_words, count_rows, join_rows, measure_rows
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.derivation import Derived, derived
from cgbm1_report.tabulate.table import count
from cgbm1_report.tabulate.view import View

_FOLLOWED = derived("Follow-up", "from the first dose to the last day known alive or the death, both days counted", "FUPDAYS")
#: Of whom a visit is expected, and who missed it: as `collected.visits.is_due` has it.
EXPECTED = derived(
    "Expected",
    "seen; or missed: not seen, though the last day of the window of the visit was before the data cut-off, and the subject "
    "had neither died nor withdrawn by that day, nor completed the study before the window opened",
    "EXPFL", further="Percentages are of these.",
)  # fmt: skip


def planned_visits(trial: Trial, phase: int) -> list[Visit]:
    """The visits of a phase that the protocol has a window for."""
    return [one for one in trial.analysis_visits(phase) if one.protocol_window]


@output(
    "T14.1.10", "Visit Attendance and Follow-up", population="SAF", source=("ADSV",), footnotes=("F11",), shares=("ATTEND",),
    variables={"ADSL": ("FUPDAYS",), "ADSV": ("USUBJID", "AVISIT", "EXPFL", "ATTEND")},
    needs={"visits with protocol_window": lambda trial: any(planned_visits(trial, phase) for phase in trial.phases)},
)  # fmt: skip
def visit_attendance(view: View) -> Summary:
    """Days of follow-up; of each planned visit the subjects expected, and how many of them came in its window, or at all."""
    parts = [measure_rows(view, view.subjects_with("FUPDAYS"), "FUPDAYS", "Follow-up (days)", 0)]
    visits = view.records("ADSV", "AVISIT", "EXPFL", "ATTEND")
    visits = visits[visits["EXPFL"] == "Y"]
    planned = planned_visits(view.trial, view.phase)
    parts += [rows for one in planned for rows in _attendance(view, visits[visits["AVISIT"] == one.avisit], str(one.avisit))]
    windows = "; ".join(f"{one.avisit}, {low}–{high}" for one in planned for low, high in [one.protocol_window or (0, 0)])
    held = Derived(
        f"Windows (days after the first dose): {windows}.", "In the window or not: as the supplied data say it (ATTEND)."
    )
    return Summary(*join_rows(parts), "Visit, n (%)", footnotes=(_FOLLOWED, EXPECTED, held))


def _attendance(view: View, visits: pd.DataFrame, visit: str) -> Iterator[Rows]:
    """The subjects expected at a visit, and below them how many were there and when."""
    expected = Selection((("AVISIT", visit), ("EXPFL", "Y")), f"{visit}: expected, n", visits)
    yield count_rows(view, [expected], show=count, block=True)
    rows = [
        Selection((("AVISIT", visit), ("ATTEND", level)), words, visits[visits["ATTEND"] == level])
        for level, words in codelist_words("ADSV", "ATTEND").items()
    ]
    yield count_rows(view, rows, denominators=count_population(visits, view.column_keys), indent=1)
