"""14.2.20 Anti-HLA antibodies: who is positive at each visit, and who became so."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.outputs.laboratory import BASELINE, name_visits
from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, compare_rows, count_rows, head_row, join_rows, with_exact_interval
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.table import out_of_percent
from cgbm1_report.tabulate.view import View

#: The registered outcome the table answers: an antibody of either class.
_NUMBER, OUTCOME = "T14.2.20", "HLAAB"
_METHODS: tuple[Method, ...] = ("rate", "shift", "difference")
POSITIVE, NEGATIVE = "POSITIVE", "NEGATIVE"
_WORDS = {NEGATIVE: "negative", POSITIVE: "positive"}
_VARIABLES = ("PARAMCD", "AVALC", "BASEC", "SHIFT1", "ABLFL", "ANL01FL", "AVISITN")


def _antibodies(trial: Trial) -> tuple[str, ...]:
    """The parameters of antibodies, the outcome's own first."""
    dataset = trial.parameter(OUTCOME).dataset
    return (OUTCOME, *(code for code, one in trial.parameters.items() if one.dataset == dataset and code != OUTCOME))


def _at_visits(trial: Trial, phase: int) -> Mapping[Part, Meaning]:
    """A visit is told by the record that stands for it; of the shift, which leads to the worst of all, every record counts."""
    days = trial.asked(_NUMBER, phase, OUTCOME).days()
    visits = [BASELINE, *(str(one.avisit) for one in trial.phases[phase].visits if one.analysed_day in days and not one.baseline)]
    return {("AVISIT", visit): ({"AVISIT": Is("=", visit), "ANL01FL": Is("=", "Y")},) for visit in visits}


def _shares(view: View, key: Key, label: str, records: pd.DataFrame, *, variable: str, level: str, compare: bool) -> Rows:
    """Subjects with a level, of those with any, with what the outcome asks for."""
    asked = view.asked(_NUMBER, OUTCOME).methods or frozenset(_METHODS)
    known = records[records[variable].notna()]
    of = count_population(known, view.column_keys)
    selection = Selection((*key, (variable, level)), label, known[known[variable] == level])
    rows = count_rows(view, [selection], show=out_of_percent, denominators=of, indent=1)
    rows = with_exact_interval(rows) if "rate" in asked else rows
    return compare_rows(rows, view, difference=compare and "difference" in asked, fisher=False)


def _shift_rows(view: View, records: pd.DataFrame) -> list[Rows]:
    """The worst result after the first dose, by that at baseline, where the outcome asks for it."""
    parts, shifting = list[Rows](), records[records["SHIFT1"].notna()]
    for was, word in _WORDS.items() if "shift" in (view.asked(_NUMBER, OUTCOME).methods or _METHODS) else ():
        own: Key = (("PARAMCD", OUTCOME), ("BASEC", was))
        worst = view.say("worst result after the first dose", "result by SHIFT1")
        parts.append(head_row(own, f"{word.capitalize()} at baseline, {worst}"))
        own_records = shifting[shifting["BASEC"] == was]
        for now, other in _WORDS.items():
            new = was == NEGATIVE and now == POSITIVE
            label = f"{other.capitalize()}{' (new positive)' if new else ''}"
            parts.append(_shares(view, own, label, own_records, variable="SHIFT1", level=f"{was} to {now}", compare=new))
    return parts


@output(
    _NUMBER, "Anti-HLA Antibody Positivity", population="SAF", source=("ADIS",), footnotes=("F6", "F7", "F11", "F12"),
    comparisons=("F7",), where=lambda trial: {"PARAMCD": _antibodies(trial)}, variables={"ADIS": ("USUBJID", *_VARIABLES)},
    needs={f"parameter {OUTCOME}": lambda trial: OUTCOME in trial.parameters}, methods=_METHODS, meanings=_at_visits,
    shares=("AVALC", "SHIFT1"), listings=("L16.2.6.7",),
)  # fmt: skip
def antibody_positivity(view: View) -> Summary:
    """Positive subjects of those with a result, at baseline and each registry day; the worst result later, by baseline."""
    view.records("ADIS", *_VARIABLES)
    of_code = {code: view.coded("ADIS", code) for code in _antibodies(view.trial)}
    visits = {0: BASELINE, **name_visits(view, view.asked(_NUMBER, OUTCOME).days())}
    parts = []
    for day, visit in visits.items():
        parts.append(head_row((("AVISIT", visit),), visit))
        for code, records in of_code.items():
            here = records[(records["ANL01FL"] == "Y") & (records["AVISITN"] == day)]
            key, label = (("PARAMCD", code), ("AVISIT", visit)), view.parameter(code).name
            parts.append(_shares(view, key, label, here, variable="AVALC", level=POSITIVE, compare=day > 0))
    parts += _shift_rows(view, of_code[OUTCOME])
    notes = ("M: subjects with a result that can be told.",)
    return Summary(*join_rows(parts), "Positive for antibodies, n/M (%)", stub_width=4.0, footnotes=notes)
