"""14.2.6, 14.2.10 to 14.2.16 and 14.3.4.1: values and their change from baseline by visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.errors import DataError
from cgbm1_report.protocol.sections import Outcome, Parameter
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.declare import Declaration, Summary, family, output
from cgbm1_report.tabulate.layout import continuous_lines, decimals_of_extremes
from cgbm1_report.tabulate.table import Line
from cgbm1_report.tabulate.view import View, refuse_unexpected

BASELINE = "Baseline"
VALUE, CHANGE, PERCENT = "Value", "Change from baseline", "Percent change from baseline"
#: How a visit's measure is headed: a page may begin there, and the visit stand on the page before.
_AT = {VALUE: "Value at {}", CHANGE: "Change from baseline to {}", PERCENT: "Percent change from baseline to {}"}
#: Decimals a percent change is recorded with.
PERCENT_DP = 1


@dataclass(frozen=True)
class _Measure:
    """What is summarised at a visit: variable, its name in the table, decimals."""

    variable: str
    name: str
    dp: int
    dp_extreme: int | None = None
    confidence: bool = False


def _measures(parameter: Parameter, records: pd.DataFrame, *, percent: bool, confidence: bool = True) -> list[_Measure]:
    """The measures of a parameter; its extremes have the same decimals at every visit."""
    asked = [("AVAL", VALUE, parameter.dp, parameter.dp_individual), ("CHG", CHANGE, parameter.dp, parameter.dp_individual)]
    asked += [("PCHG", PERCENT, PERCENT_DP, None)] if percent else []
    return [
        _Measure(name, told, dp, decimals_of_extremes(records[name], dp) if own is None else own, confidence and name == "CHG")
        for name, told, dp, own in asked
    ]


def _summarise_visits(
    records: pd.DataFrame, visits: Sequence[str], measures: Sequence[_Measure], view: View, prefix: Key
) -> list[pd.DataFrame]:
    """Numbers of every measure at every visit; the records' AVISIT names their visit's row."""
    levels = [(visit,) for visit in visits]
    return [
        analyse_continuous(
            records, measure.variable, view.column_keys, by=["AVISIT"], levels=levels, prefix=prefix, confidence=measure.confidence
        )
        for measure in measures
    ]


def _measure_head(measure: _Measure, visit: str, parameter: str) -> str:
    told = _AT[measure.name].format(visit)
    return f"{parameter}: {told[0].lower()}{told[1:]}" if parameter else told


def _visit_lines(prefix: Key, visit: str, measures: Sequence[_Measure], indent: int, parameter: str = "") -> list[Line]:
    """A visit's lines; ``parameter`` names what is measured where a table has several."""
    head = (*prefix, ("AVISIT", visit))
    lines = [Line(head, visit, indent=indent, block=True)]
    for measure in measures:
        lines += continuous_lines(
            (*head, (measure.variable, None)), _measure_head(measure, visit, parameter), measure.dp,
            dp_extreme=measure.dp_extreme, indent=indent + 1, confidence=measure.confidence,
        )  # fmt: skip
    return lines


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
    measures = _measures(parameter, records, percent="percent_change" in asked, confidence="change_interval" in asked)
    visits = {visit.avisitn: str(visit.avisit) for visit in view.visits(view.trial.registry_days(view.phase, paramcd))}
    baseline = records[records["ABLFL"] == "Y"].assign(AVISIT=BASELINE)
    analysed = records[records["ANL02FL"] == "Y"]
    analysed = analysed.assign(AVISIT=analysed["AVISITN"].map(visits).astype("str"))
    prefix = (("PARAMCD", paramcd),)
    numbers = [
        *_summarise_visits(baseline, [BASELINE], measures[:1], view, prefix),
        *_summarise_visits(analysed, list(visits.values()), measures, view, prefix),
    ]
    lines = _visit_lines(prefix, BASELINE, measures[:1], 0)
    for label in visits.values():
        lines += _visit_lines(prefix, label, measures, 0)
    return Summary(join_numbers(numbers), lines, parameter.heading, footnotes=_favourable(view, paramcd))


def _favourable(view: View, paramcd: str) -> tuple[str, ...]:
    """Which way a change is favourable, where the outcome says it."""
    ways = {one.favourable for one in view.trial.outcomes if one.phase == view.phase and one.paramcd == paramcd}
    return tuple(f"A{'n' * (way == 'increase')} {way} is favourable." for way in sorted(ways & {"decrease", "increase"}))


def _body(paramcd: str, dataset: str) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return change_by_visit(view, paramcd, dataset)

    return body


#: Datasets whose outcomes are summarised by visit here: title pattern, footnotes.
_BY_VISIT = {
    ("ADLB", "LIVER"): ("{}: Value and Change from Baseline by Visit", ("F11", "F12", "F13")),
    ("ADLB", "COAGULATION"): ("{}: Value and Change from Baseline by Visit", ("F11", "F12", "F13")),
}
_SCORES = {"MELD": ("{} Score and Change from Baseline by Visit", ("F11", "F12", "F13", "F16"))}


def _pattern(outcome: Outcome, trial: Trial) -> tuple[str, tuple[str, ...]] | None:
    if outcome.paramcd in _SCORES:
        return _SCORES[outcome.paramcd]
    parameter = trial.parameters.get(outcome.paramcd)
    if parameter is None or parameter.formula:
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
        pattern, footnotes = _pattern(outcome, trial) or ("", ())
        parameter = trial.parameter(outcome.paramcd)
        yield Declaration(
            number, pattern.format(parameter.name), "FAS", (outcome.dataset,), footnotes,
            _body(outcome.paramcd, outcome.dataset), tuple(sorted(phases)),
            where=f"PARAMCD = {outcome.paramcd}, ANL02FL = Y",
            variables={outcome.dataset: ("USUBJID", "PARAMCD", "AVAL", "ABLFL", "ANL02FL", "CHG", "PCHG", "AVISITN")},
            methods=("summary", "change", "change_interval", "percent_change"),
        )  # fmt: skip


def _visit_records(view: View) -> pd.DataFrame:
    """The one record per subject, parameter and analysis visit; two would count a subject twice."""
    flag = view.trial.conventions.visit_flag
    records = view.records("ADLB", "PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *([flag] if flag else []))
    records = records[records["AVISITN"].notna()]
    records = records[records[flag] == "Y"] if flag else records
    # A record of a visit without a name has no row to stand in.
    refuse_unexpected("ADLB", records, "AVISIT", records["AVISIT"].dropna().unique())
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


def _of_visits(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    flag = trial.conventions.visit_flag
    return {"ADLB": ("USUBJID", "PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *((flag,) if flag else ()))}


@output(
    "T14.3.4.1", "Laboratory Values and Change from Baseline by Visit", population="SAF", source=("ADLB",),
    footnotes=("F11", "F12"), variables=_of_visits,
)  # fmt: skip
def laboratory_by_visit(view: View) -> Summary:
    """Every laboratory parameter at every analysis visit, safety visits included."""
    records = _visit_records(view)
    wanted = [code for code, parameter in view.trial.parameters.items() if parameter.dataset == "ADLB"]
    present = set(records["PARAMCD"].dropna())
    numbers, lines = [], []
    for paramcd in [code for code in wanted if code in present]:
        parameter = view.parameter(paramcd)
        own = records[records["PARAMCD"] == paramcd]
        prefix = (("PARAMCD", paramcd),)
        measures = _measures(parameter, own, percent=False, confidence=False)
        changing = set(own.loc[own["CHG"].notna(), "AVISITN"])
        visits = own[["AVISITN", "AVISIT"]].drop_duplicates().sort_values("AVISITN")
        lines.append(Line(prefix, parameter.heading, block=True))
        # Where no record changes (the baseline visit) an empty change would only take up paper.
        for place, label in zip(visits["AVISITN"], visits["AVISIT"], strict=True):
            lines += _visit_lines(prefix, str(label), measures if place in changing else measures[:1], 1, parameter.heading)
        later = list(visits.loc[visits["AVISITN"].isin(changing), "AVISIT"])
        numbers += _summarise_visits(own, list(visits["AVISIT"]), measures[:1], view, prefix)
        numbers += _summarise_visits(own, later, measures[1:], view, prefix)
    return Summary(join_numbers(numbers), lines, "Parameter\n  Visit")
