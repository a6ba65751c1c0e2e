"""14.2.6, 14.2.10 to 14.2.16 and 14.3.4.1: values and their change from baseline by visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.registry import Outcome
from cgbm1_report.protocol.sections import Parameter
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is
from cgbm1_report.tabulate.by_visit import Measure, Visited, summarise_by_visit
from cgbm1_report.tabulate.declare import Declaration, Summary, family, output
from cgbm1_report.tabulate.layout import decimals_of_extremes
from cgbm1_report.tabulate.view import View

BASELINE = "Baseline"
_Pattern = tuple[str, tuple[str, ...], tuple[str, ...]]
#: Decimals a percent change is recorded with.
PERCENT_DP = 1


def measures_of(parameter: Parameter, records: pd.DataFrame, *, percent: bool = False, confidence: bool = False) -> list[Measure]:
    """A parameter's value and its change, with or without the interval of its mean and the percent change.

    Its extremes have the same decimals at every visit.
    """
    asked = [("AVAL", "Value", parameter.dp, parameter.dp_individual)]
    asked += [("CHG", "Change from baseline", parameter.dp, parameter.dp_individual)]
    asked += [("PCHG", "Percent change", PERCENT_DP, None)] if percent else []
    return [
        Measure(name, told, dp, decimals_of_extremes(records[name], dp) if own is None else own, confidence and name == "CHG")
        for name, told, dp, own in asked
    ]


def change_by_visit(view: View, paramcd: str, dataset: str) -> Summary:
    """Baseline, then per registry day the value, its change, and what else the outcome asks for (percent change, interval).

    Baseline: all subjects of the population with a baseline. Each day: the record analysed for
    efficacy (ANL02FL), so values after transplantation and days that are not the parameter's own
    are left out.
    """
    parameter = view.parameter(paramcd)
    records = view.records(dataset, "PARAMCD", "AVAL", "ABLFL", "ANL02FL", "CHG", "PCHG", "AVISITN")
    records = records[records["PARAMCD"] == paramcd]
    asked = view.trial.methods(view.phase, paramcd)
    measures = measures_of(parameter, records, percent="percent_change" in asked, confidence="change_interval" in asked)
    days = {visit.avisitn: str(visit.avisit) for visit in view.visits(view.trial.registry_days(view.phase, paramcd))}
    baseline = records[records["ABLFL"] == "Y"].assign(AVISIT=BASELINE)
    analysed = records[records["ANL02FL"] == "Y"]
    analysed = analysed.assign(AVISIT=analysed["AVISITN"].map(days).astype("str"))
    visits = {BASELINE: measures[:1], **dict.fromkeys(days.values(), measures)}
    visited = Visited((("PARAMCD", paramcd),), pd.concat([baseline, analysed]), visits)
    table = summarise_by_visit(view, [visited], parameter.heading)
    return replace(table, footnotes=tell_favourable(view, paramcd))


def tell_favourable(view: View, paramcd: str) -> tuple[str, ...]:
    """Which way a change is favourable, where the outcome says it."""
    ways = {one.favourable for one in view.trial.outcomes if one.phase == view.phase and one.paramcd == paramcd}
    return tuple(f"A{'n' * (way == 'increase')} {way} is favourable." for way in sorted(ways & {"decrease", "increase"}))


def _body(paramcd: str, dataset: str) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return change_by_visit(view, paramcd, dataset)

    return body


_NOTES = ("F11", "F12", "F13")
#: Datasets whose outcomes are summarised by visit here: title pattern, footnotes, listings.
_BY_VISIT = dict.fromkeys(
    (("ADLB", "LIVER"), ("ADLB", "COAGULATION")), ("{}: Value and Change from Baseline by Visit", _NOTES, ("L16.2.6.4",))
)
_SCORES: dict[str, _Pattern] = {"MELD": ("{} Score and Change from Baseline by Visit", (*_NOTES, "F16"), ())}


def _pattern(outcome: Outcome, trial: Trial) -> _Pattern | None:
    if outcome.paramcd in _SCORES:
        return _SCORES[outcome.paramcd]
    parameter = trial.parameters.get(outcome.paramcd)
    if parameter is None or trial.is_computed(outcome.paramcd):
        return None
    return _BY_VISIT.get((outcome.dataset, parameter.category or ""))


@family("Values and changes of the outcomes by visit", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def change_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per score or laboratory outcome of the registry, under the number the outcome names."""
    made: dict[str, tuple[Outcome, set[int]]] = {}
    for outcome in trial.outcomes:
        answers = [answer.number for answer in outcome.outputs if "change" in answer.methods]
        if outcome.baseline_needed and _pattern(outcome, trial) and answers:
            number = answers[0].rpartition(".")[0]
            made.setdefault(number, (outcome, set()))[1].add(outcome.phase)
    for number, (outcome, phases) in made.items():
        pattern, footnotes, listings = _pattern(outcome, trial) or ("", (), ())
        parameter = trial.parameter(outcome.paramcd)
        yield Declaration(
            number, pattern.format(parameter.name), "FAS", (outcome.dataset,), footnotes,
            _body(outcome.paramcd, outcome.dataset), tuple(sorted(phases)),
            where={"PARAMCD": outcome.paramcd, "ANL02FL": "Y"},
            variables={outcome.dataset: ("USUBJID", "PARAMCD", "AVAL", "ABLFL", "ANL02FL", "CHG", "PCHG", "AVISITN")},
            methods=("summary", "change", "change_interval", "percent_change"), listings=listings,
            meanings={("AVISIT", BASELINE): ({"ABLFL": Is("=", "Y")},)},
        )  # fmt: skip


def _visit_records(view: View) -> pd.DataFrame:
    """The one record per subject, parameter and analysis visit; two would count a subject twice."""
    flag = view.trial.conventions.visit_flag
    records = view.records("ADLB", "PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *([flag] if flag else []))
    records = records[records["AVISITN"].notna()]
    records = records[records[flag] == "Y"] if flag else records
    _refuse_visits_without_one_name(records)
    twice = records.duplicated(["USUBJID", "PARAMCD", "AVISITN"])
    if twice.any():
        first = records[twice].iloc[0]
        raise DataError(
            f"{int(twice.sum())} record(s) too many",
            file="ADLB",
            rule="one record per subject, parameter and visit",
            place=f"{first['USUBJID']} {first['PARAMCD']} {first['AVISIT']}",
            remedy=f"flag one of them with {flag}" if flag else "name the flag in trial.yaml: conventions.visit_flag",
        )
    return records


def _refuse_visits_without_one_name(records: pd.DataFrame) -> None:
    """Rows stand by AVISIT: a name of two visits would count a subject twice in one row, one of two names stand in two rows."""
    visits = records.drop_duplicates(["AVISITN", "AVISIT"]).sort_values(["AVISITN", "AVISIT"])
    wrong = visits["AVISIT"].isna() | visits.duplicated("AVISITN", keep=False) | visits.duplicated("AVISIT", keep=False)
    if wrong.any():
        raise DataError.of(
            Problem(
                f"AVISITN {number:g} has {'no AVISIT' if pd.isna(name) else f'the AVISIT {str(name)[:80]!r}'}",
                file="ADLB",
                rule="a visit has one name and one number",
                place=str(who),
                remedy="give every record of the visit the same AVISIT, and every other visit another one",
            )
            for who, number, name in visits.loc[wrong, ["USUBJID", "AVISITN", "AVISIT"]].itertuples(index=False, name=None)
        )


def _of_visits(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    flag = trial.conventions.visit_flag
    return {"ADLB": ("USUBJID", "PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *((flag,) if flag else ()))}


@output(
    "T14.3.4.1", "Laboratory Values and Change from Baseline by Visit", population="SAF", source=("ADLB",),
    footnotes=("F11", "F12"), variables=_of_visits,
    where=lambda trial: {trial.conventions.visit_flag: "Y"} if trial.conventions.visit_flag else {},
)  # fmt: skip
def laboratory_by_visit(view: View) -> Summary:
    """Every laboratory parameter at every analysis visit, safety visits included."""
    records = _visit_records(view)
    present = set(records["PARAMCD"].dropna())
    wanted = [code for code, parameter in view.trial.parameters.items() if parameter.dataset == "ADLB" and code in present]
    return summarise_by_visit(view, [_visited(view, records[records["PARAMCD"] == code], code) for code in wanted], "Parameter")


def _visited(view: View, records: pd.DataFrame, paramcd: str) -> Visited:
    """A parameter with its visits; where no record changes (the baseline visit) there is no change to summarise."""
    parameter = view.parameter(paramcd)
    measures = measures_of(parameter, records)
    changing = set(records.loc[records["CHG"].notna(), "AVISIT"])
    order = records[["AVISITN", "AVISIT"]].drop_duplicates().sort_values("AVISITN")["AVISIT"]
    visits = {visit: measures if visit in changing else measures[:1] for visit in order}
    return Visited((("PARAMCD", paramcd),), records, visits, parameter.heading, parameter.name)
