"""14.2.8 CLIF-C OF: the score and its change by visit, and how the sub-scores of the organs are distributed."""

from __future__ import annotations

from dataclasses import replace

from cgbm1_report.outputs.laboratory import (
    BASELINE,
    explain_left_out,
    name_visits,
    records_by_visit,
    tell_favourable,
    visit_changes,
)
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.outcomes import efficacy_flag
from cgbm1_report.rows import Is
from cgbm1_report.tabulate.by_visit import Distributed, Visited, summarise_by_visit
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.view import View

TOTAL_SCORE = "CLIFCOF"
#: No failure, impairment, failure.
_SPREAD = Distributed("AVAL", "Sub-score, n (%)", levels=(1, 2, 3))
_VARIABLES = ("PARAMCD", "AVAL", "ABLFL", "CHG", "PCHG", "AVISITN")

_LEFT_OUT = explain_left_out("ADEFF")


@output(
    "T14.2.8", "CLIF-C OF Score and Change from Baseline, Sub-scores by Visit", population="FAS", source=("ADEFF",),
    footnotes=("F11", "F12", "F13", "F17"), methods=("summary", "change", "change_interval"),
    where=lambda trial: {"PARAMCD": (TOTAL_SCORE, *SUBSCORES), efficacy_flag(trial, TOTAL_SCORE): "Y"},
    variables=lambda trial, phase: {"ADEFF": ("USUBJID", *_VARIABLES, efficacy_flag(trial, TOTAL_SCORE))},
    needs={f"parameter {TOTAL_SCORE}": lambda trial: TOTAL_SCORE in trial.parameters},
    meanings={("AVISIT", BASELINE): ({"ABLFL": Is("=", "Y")},)}, shares=("AVAL",), listings=("L16.2.6.3",), given=_LEFT_OUT,
)  # fmt: skip
def organ_scores(view: View) -> Summary:
    """The score and its change, then of each organ how many subjects have which sub-score, of those who have one."""
    flag = efficacy_flag(view.trial, TOTAL_SCORE)
    records = view.records("ADEFF", *_VARIABLES, flag, only=True)
    days = name_visits(view, (asked := view.asked("T14.2.8", TOTAL_SCORE)).days())
    total = visit_changes(view, TOTAL_SCORE, "ADEFF", asked)
    parts = [replace(total, heading=view.parameter(TOTAL_SCORE).heading, name=view.parameter(TOTAL_SCORE).name)]
    for code in SUBSCORES:
        own = records_by_visit(records[records["PARAMCD"] == code], days, flag, "ADEFF")
        visits = dict.fromkeys((BASELINE, *days.values()), (_SPREAD,))
        name = view.parameter(code).name
        parts.append(Visited((("PARAMCD", code),), own, visits, name, name))
    table = summarise_by_visit(view, parts, "Score")
    return replace(
        table,
        footnotes=("Percentages of sub-scores: of subjects with the sub-score at the visit.", *tell_favourable(asked)),
    )
