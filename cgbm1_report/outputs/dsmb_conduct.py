"""DSMB-9 and DSMB-10: how complete the data are, and what happened to the blinding."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.outputs.attendance import planned_visits
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, codelist_words, count_rows, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.table import count, count_percent_events, out_of_percent
from cgbm1_report.tabulate.view import View

#: Who is still in the study may yet come, or has come and waits to be entered.
_STAYS = ("EOSSTT", "ONGOING")
_MISSED = ("ATTEND", "MISSED")
_OVERDUE: Key = (_STAYS, _MISSED)
_NOTES = (
    "Expected: alive and in the study when the window of the visit opened, and the visit not still to come at the data cut-off; "
    "or seen. Percentages are of these.",
    "Overdue: missed by a subject who is in the study at the data cut-off, n/N of the expected who are.",
)


@output(
    "DSMB-9a", "Missed and Overdue Visits", population="SAF", source=("ADSV",), footnotes=("F11",), shares=("ATTEND",),
    scope="dsmb", total=False, variables={"ADSL": ("EOSSTT",), "ADSV": ("USUBJID", "AVISIT", "EXPFL", "ATTEND")},
    needs={"visits with a window": lambda trial: any(planned_visits(trial, phase) for phase in trial.phases)},
)  # fmt: skip
def overdue_visits(view: View) -> Summary:
    """Any visit missed and any overdue; of each planned visit the subjects expected, who came, who did not, and who is overdue."""
    stays = view.subjects_with("EOSSTT").set_index("USUBJID")["EOSSTT"]
    visits = view.records("ADSV", "AVISIT", "EXPFL", "ATTEND")
    visits = visits[visits["EXPFL"] == "Y"].assign(EOSSTT=lambda one: one["USUBJID"].map(stays))
    parts = [*_any_visit(view, visits)]
    for one in planned_visits(view.trial, view.phase):
        parts += _attendance(view, visits[visits["AVISIT"] == one.avisit], str(one.avisit))
    return Summary(*join_rows(parts), "Visit, n (%) [visits]", footnotes=_NOTES)


def _any_visit(view: View, visits: pd.DataFrame) -> Iterator[Rows]:
    """Subjects with a visit missed, and with one overdue, and how many visits these are."""
    base = count_population(visits, view.column_keys)
    missed = Selection((_MISSED,), "Subjects with a visit missed", choose(visits, dict([_MISSED])))
    yield count_rows(view, [missed], show=count_percent_events, denominators=base, block=True)
    own = choose(visits, dict([_STAYS]))
    overdue = Selection(_OVERDUE, "Subjects in the study with a visit overdue", choose(own, dict([_MISSED])))
    yield count_rows(view, [overdue], show=count_percent_events, denominators=count_population(own, view.column_keys))


def _attendance(view: View, visits: pd.DataFrame, visit: str) -> Iterator[Rows]:
    """The subjects expected at a visit, below them how many were there and when, and whose visit is overdue."""
    key: Key = (("AVISIT", visit),)
    yield count_rows(view, [Selection((*key, ("EXPFL", "Y")), f"{visit}: expected, n", visits)], show=count, block=True)
    rows = [
        Selection((*key, ("ATTEND", level)), words, visits[visits["ATTEND"] == level])
        for level, words in codelist_words("ADSV", "ATTEND").items()
    ]
    yield count_rows(view, rows, denominators=count_population(visits, view.column_keys), indent=1)
    own = choose(visits, dict([_STAYS]))
    overdue = Selection((*key, *_OVERDUE), "Overdue, n/N (%)", choose(own, dict([_MISSED])))
    base = count_population(own, view.column_keys)
    yield count_rows(view, [overdue], show=out_of_percent, denominators=base, indent=2)
