"""14.3.5.1: vital signs by visit, and before and after each infusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from cgbm1_report.outputs.laboratory import BASELINE, measures_of, tell_unflagged, visit_records, visited
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Meaning, Part
from cgbm1_report.tabulate.by_visit import Visited, summarise_by_visit
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.view import View

#: The flags of the record of a visit, and of that of a time point of an infusion.
_VISIT, _AROUND = "ANL03FL", "ANL04FL"
_VALUES = ("PARAMCD", "AVAL", "CHG")
#: The time points around an infusion, in their order, with the words that print them.
_WORDS = {"PRE-DOSE": "before", "END": "end", "+1H": "+1 h", "+4H": "+4 h"}
#: A vital sign, its infusion and the time point stand in one line.
_STUB = 3.0
_NOTES = (
    derived("By visit", "of the measurements apart from an infusion or before it, the one nearest to the day of the visit", _VISIT),
    derived(
        "Around an infusion",
        "the last measurement at each planned time point; its change is from the value before the first infusion", _AROUND, "CHG",
    ),
)  # fmt: skip


def _meant(trial: Trial, phase: int) -> Mapping[Part, Meaning]:
    """Of a visit and of a time point one record counts, each told by a flag of its own."""
    visits = [BASELINE, *(str(one.avisit) for one in trial.analysis_visits(phase))]
    points, _ = schema_values("ADVS", "ATPT") or ((), True)
    told = {("AVISIT", one): _VISIT for one in visits} | {("ATPT", one): _AROUND for one in points}
    return {part: ({part[0]: Is("=", part[1]), flag: Is("=", "Y")},) for part, flag in told.items()}


def _codes(trial: Trial) -> list[str]:
    return [code for code, own in trial.parameters.items() if own.dataset == "ADVS"]


@family("Vital signs")
def vital_signs_tables(trial: Trial) -> Iterator[Declaration]:
    """By visit and around infusions; in a study that gives none by visit, and there at each planned time point."""
    needs = {"parameters with dataset: ADVS": lambda trial: bool(_codes(trial))}
    if any(phase.infusions for phase in trial.phases.values()):
        yield Declaration(
            "T14.3.5.1", "Vital Signs by Visit and Around Infusion", "SAF", ("ADVS",), ("F11", "F12"), vital_signs, needs=needs,
            variables={"ADVS": ("USUBJID", *_VALUES, "AVISIT", "AVISITN", "INFNUM", "ATPT", "ATPTN", _VISIT, _AROUND)},
            where={f"{_VISIT}|{_AROUND}": ("Y", "Y")}, meanings=_meant, listings=("L16.2.8.7",),
        )  # fmt: skip
        return
    flag = trial.conventions.visit_flag
    yield Declaration(
        "T14.3.5.1", "Vital Signs by Visit", "SAF", ("ADVS",), ("F11", "F12"), vital_signs_by_visit, needs=needs,
        variables={"ADVS": ("USUBJID", *_VALUES, "AVISIT", "AVISITN", *((flag,) if flag else ()))},
        where={flag: "Y"} if flag else {},
    )  # fmt: skip


def vital_signs_by_visit(view: View) -> Summary:
    """Of each vital sign the value and its change from baseline at every visit, positions and other time points apart."""
    records = visit_records(view, "ADVS", view.trial.conventions.visit_flag, ("ATPT",), ("ATPTN",))
    records = records if "ATPT" in records else records.assign(ATPT=pd.Series(None, index=records.index, dtype="str"))
    ordered = records.sort_values([name for name in ("ATPTN", "ATPT") if name in records], kind="stable")
    parts = []
    for code in _codes(view.trial):
        own = ordered[ordered["PARAMCD"] == code]
        parts += [visited(view, own[own["ATPT"].isna()], code)] if own["ATPT"].isna().any() else []
        parts += [_at_point(view, one, code, str(point)) for point, one in own.groupby("ATPT", sort=False)]
    made = summarise_by_visit(view, parts, "Vital sign")
    return replace(made, footnotes=[*made.footnotes, *tell_unflagged(view, "ADVS", view.trial.conventions.visit_flag)])


def _at_point(view: View, records: pd.DataFrame, paramcd: str, point: str) -> Visited:
    """One vital sign at one planned time point of the visits."""
    own, told = visited(view, records, paramcd), point.lower()
    return replace(own, key=(*own.key, ("ATPT", point)), heading=f"{own.heading}, {told}", name=f"{own.name}, {told}")


def vital_signs(view: View) -> Summary:
    """Of each vital sign the value and its change from baseline at every visit, then at each time point of every infusion."""
    at_visit = visit_records(view, "ADVS", _VISIT)
    around = view.records("ADVS", *_VALUES, "INFNUM", "ATPT", _AROUND, only=True)
    around = around[around[_AROUND] == "Y"]
    parts = []
    for code in _codes(view.trial):
        own = at_visit[at_visit["PARAMCD"] == code]
        parts += [visited(view, own, code)] if len(own) else []
        near = around[around["PARAMCD"] == code]
        parts += [_around(view, near[near["INFNUM"] == number], code, number) for number in sorted(near["INFNUM"].unique())]
    return replace(summarise_by_visit(view, parts, "Vital sign"), stub_width=_STUB, footnotes=_NOTES if parts else ())


def _around(view: View, records: pd.DataFrame, paramcd: str, number: float) -> Visited:
    """One vital sign around one infusion; before the first there is no change yet."""
    parameter = view.parameter(paramcd)
    measures = measures_of(parameter, records)
    points = [point for point in _WORDS if (records["ATPT"] == point).any()]
    changing = set(records.loc[records["CHG"].notna(), "ATPT"])
    return Visited(
        (("PARAMCD", paramcd), ("INFNUM", f"{number:g}")), records,
        {point: measures if point in changing else measures[:1] for point in points},
        f"{parameter.heading}, infusion {number:g}", f"{parameter.name}, infusion {number:g}", "ATPT", _WORDS,
    )  # fmt: skip
