"""14.2.6, 14.2.10 to 14.2.16, 14.2.18, 14.2.19, 14.2.21 to 14.2.23 and 14.3.4.1: values and their change from baseline by visit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.outputs.change_models import MODELS, model_changes, refuse_twice, tell_models, variables_of_models
from cgbm1_report.protocol.derived import TOGETHER
from cgbm1_report.protocol.outcomes import efficacy_flag
from cgbm1_report.protocol.registry import BY_VISIT, OF_VALUES, Asked, Method, Outcome
from cgbm1_report.protocol.sections import Parameter
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is
from cgbm1_report.tabulate.adjusted import summarise_with_models
from cgbm1_report.tabulate.by_visit import Counted, Geometric, Measure, Measured, Visited, summarise_by_visit
from cgbm1_report.tabulate.declare import Declaration, Summary, family, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.layout import decimals_of_extremes
from cgbm1_report.tabulate.view import View

BASELINE = "Baseline"
_Pattern = tuple[str, tuple[str, ...]]
#: Decimals a percent change is recorded with, and those of a ratio.
PERCENT_DP, RATIO_DP = 1, 2
_RATIO = "Ratio to baseline"


def measures_of(
    parameter: Parameter, records: pd.DataFrame, *, change: bool = True, percent: bool = False, confidence: bool = False
) -> list[Measure]:
    """A parameter's value and its change, with or without the interval of its mean and the percent change.

    Its extremes have the same decimals at every visit.
    """
    asked = [("AVAL", "Value", parameter.dp, parameter.dp_individual)]
    asked += [("CHG", "Change from baseline", parameter.dp, parameter.dp_individual)] if change else []
    asked += [("PCHG", "Percent change", PERCENT_DP, None)] if percent else []
    return [
        Measure(
            name, told, "CHG" if name == "PCHG" else "", dp, decimals_of_extremes(records[name], dp) if own is None else own,
            confidence and name == "CHG",
        )
        for name, told, dp, own in asked
    ]  # fmt: skip


def _asked_measures(parameter: Parameter, records: pd.DataFrame, asked: Asked) -> tuple[list[Measured], list[Measured]]:
    """What the outcome asks for at baseline, and at each visit: of values below their limit and of poor quality the number, too."""
    value, *changes = measures_of(
        parameter, records, change=asked.baseline_needed, percent="percent_change" in asked.methods,
        confidence="change_interval" in asked.methods,
    )  # fmt: skip
    at_baseline: list[Measured] = [value]
    if parameter.quality:
        at_baseline.append(Counted("LSMQFL", value.name, level="N", label="n not valid"))
    if "geometric" not in asked.methods:
        return at_baseline, [*at_baseline, *changes]
    at_baseline += [
        Counted("LLOQFL", value.name, label="n below LLOQ"),
        Geometric("AVAL", value.name, dp=parameter.dp),
    ]
    return at_baseline, [*at_baseline, *changes, Geometric("R2BASE", _RATIO, dp=RATIO_DP, ratio=True)]


def _variables(trial: Trial, paramcd: str, asked: Asked) -> tuple[str, ...]:
    """Variables that values and changes of a parameter cannot be told without."""
    found = ["PARAMCD", "AVAL", efficacy_flag(trial, paramcd), "AVISITN"]
    found += ["ABLFL", "CHG", "PCHG"] if asked.baseline_needed else []
    found += ["LSMQFL"] if trial.parameter(paramcd).quality else []
    found += ["LLOQFL", "R2BASE"] if "geometric" in asked.methods else []
    return tuple(found)


def _needed(outcome: Outcome, number: str, trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    """Variables that the table of an outcome cannot be made without; those of models where it is asked for them."""
    of_models = variables_of_models(trial, f"{number}.{phase}")
    asked = trial.asked(number, phase, outcome.paramcd)
    own = ("USUBJID", *_variables(trial, outcome.paramcd, asked), *of_models.get(outcome.dataset, ()))
    return {**of_models, outcome.dataset: tuple(dict.fromkeys(own))}


def change_by_visit(view: View, paramcd: str, dataset: str, number: str) -> Summary:
    """The table of one outcome: `visit_changes`, and which way is favourable.

    Where the outcome asks the table for models and treatments are compared, they stand below what was observed.
    """
    asked = view.asked(number, paramcd)
    parameter, changes = view.parameter(paramcd), visit_changes(view, paramcd, dataset, asked)
    full = f"{number}.{view.phase}"
    if view.compared and paramcd in view.trial.models_of(full):
        modelled = model_changes(view, paramcd, full, name_visits(view, asked.days(*MODELS)))
        table = summarise_with_models(view, changes, modelled, parameter.heading)
    else:
        table = summarise_by_visit(view, [changes], parameter.heading)
    told = [*_tell_quality(parameter), *tell_favourable(asked), *tell_percent(view, asked)]
    return replace(table, footnotes=[*told, *table.footnotes])


def tell_percent(view: View, asked: Asked) -> Iterator[str]:
    """What a percent change is told of, where it is not the baseline as a reader takes it to be."""
    if "percent_change" in asked.methods and asked.baseline_needed and view.trial.conventions.percent_change_of == "ABS(BASE)":
        yield "Percent change: 100 × change / absolute value of the baseline"


def visit_changes(view: View, paramcd: str, dataset: str, asked: Asked) -> Visited:
    """Baseline, then per day of the outcome the value, its change, and what else it asks for (percent change, interval).

    Baseline: all subjects of the population with a baseline. Each day: the record analysed for
    efficacy, so values after transplantation and days that are not the parameter's own
    are left out.
    """
    parameter = view.parameter(paramcd)
    records = view.records(dataset, *_variables(view.trial, paramcd, asked), only=True)
    records = records[records["PARAMCD"] == paramcd]
    flag = efficacy_flag(view.trial, paramcd)
    refuse_twice(records[records[flag] == "Y"], dataset, flag)
    at_baseline, measures = _asked_measures(parameter, records, asked)
    days = name_visits(view, asked.days())
    # Without a baseline there is the value alone, and no visit before the others.
    visits = {**({BASELINE: at_baseline} if asked.baseline_needed else {}), **dict.fromkeys(days.values(), measures)}
    return Visited((("PARAMCD", paramcd),), records_by_visit(records, days, flag, dataset), visits)


def registry_visits(view: View, paramcd: str) -> dict[int, str]:
    """The registry's days of a parameter, over all its outcomes, with the names of their visits."""
    return name_visits(view, view.trial.registry_days(view.phase, paramcd))


def name_visits(view: View, days: tuple[int, ...]) -> dict[int, str]:
    """These days with the names of their visits."""
    return {int(visit.avisitn or 0): str(visit.avisit) for visit in view.visits(days)}


def records_by_visit(records: pd.DataFrame, days: Mapping[int, str], flag: str, dataset: str) -> pd.DataFrame:
    """The baseline records and those that are analysed, as a flag tells them, with the AVISIT they count in.

    Raises
    ------
    ReportError
        A subject has two baseline records of a parameter, as of two positions: both would count at baseline.
    """
    analysed = records[records[flag] == "Y"]
    analysed = analysed.assign(AVISIT=analysed["AVISITN"].map(days).astype("str"))
    baseline = records[records["ABLFL"] == "Y"].assign(AVISIT=BASELINE) if "ABLFL" in records else records[:0]
    _refuse_two_baselines(baseline, dataset)
    return pd.concat([baseline, analysed])


def _refuse_two_baselines(baseline: pd.DataFrame, dataset: str) -> None:
    twice = baseline[baseline["AVAL"].notna()].duplicated(["USUBJID", "PARAMCD"])
    if twice.any():
        first = baseline.loc[twice[twice].index[0]]
        raise DataError(
            "the subject has two baseline records",
            file=dataset,
            rule="one record per subject and parameter has ABLFL = Y",
            place=f"{first['USUBJID']} {first['PARAMCD']}",
            remedy="make what is measured in several positions or at several times (ATPT, BASETYPE) parameters of their own, or "
            "leave ABLFL to the record that changes are told from",
        )


def _tell_quality(parameter: Parameter) -> list[str]:
    """Which measurements are not valid; they are among the values."""
    rule = parameter.quality
    if rule is None:
        return []
    least, most = rule.shots_at_least, rule.iqr_percent_at_most
    why = f"fewer than {least} valid shots, or an interquartile range above {most:g}% of the median; values are kept"
    return [derived("Not valid", why, "LSMQFL")]


def tell_favourable(asked: Asked) -> tuple[str, ...]:
    """Which way a change is favourable, where the outcome says it."""
    ways = sorted(asked.favourable & {"decrease", "increase"})
    return tuple(f"A{'n' * (way == 'increase')} {way} is favourable." for way in ways)


def _body(paramcd: str, dataset: str, number: str) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return change_by_visit(view, paramcd, dataset, number)

    return body


_NOTES = ("F11", "F12", "F13")
_TITLE, _OF_VALUES = "{}: Value and Change from Baseline by Visit", "{}: Value by Visit"
#: Of what limits of quantitation and logarithms are explained.
_LIMITED = "F18"
#: The note on values after a transplantation: of data that tell which these are.
_AFTER_TRANSPLANT, _AFTER = "F13", "POSTLTFL"
#: Of scores one that has a name of its own; those that stand together have a table elsewhere.
_SCORES: dict[str, _Pattern] = {"MELD": ("{} Score and Change from Baseline by Visit", (*_NOTES, "F16"))}
#: Parameters that have a listing of their own, and the listings of results of a category and of a dataset.
_LISTED = {"MELD": "L16.2.6.2", "CLIFCOF": "L16.2.6.3", "LSM": "L16.2.6.5", "ICGR15": "L16.2.6.6"}
_OF_CATEGORY = {
    "LIVER": "L16.2.6.4", "COAGULATION": "L16.2.6.4", "CYTOKINE": "L16.2.6.8", "HEMATOLOGY": "L16.2.8.1",
    "CHEMISTRY": "L16.2.8.2", "OTHER": "L16.2.8.2",
}  # fmt: skip
_OF_DATASET = {"ADIS": "L16.2.6.7", "ADVS": "L16.2.8.7"}
#: Every listing of laboratory results.
OF_LABORATORY = ("L16.2.6.4", "L16.2.6.6", "L16.2.6.8", "L16.2.8.1", "L16.2.8.2", "L16.2.8.3")
_ELSEWHERE = frozenset(TOGETHER["organ failure"])


def explain_left_out(dataset: str) -> dict[str, tuple[str, str]]:
    """Which footnote says what is left out after a transplantation, and the variable that must be there for it."""
    return {_AFTER_TRANSPLANT: (dataset, _AFTER)}


def listings_of(trial: Trial, codes: Iterable[str], dataset: str) -> tuple[str, ...]:
    """The listings of efficacy that hold results of these parameters."""
    found = set()
    for code in codes:
        # What is computed of a concentration is not among the results as collected.
        collected = dataset == "ADLB" and code in trial.parameters and not trial.is_computed(code)
        of_category = _OF_CATEGORY.get(trial.parameters[code].category or "") if collected else None
        found.add(_LISTED.get(code) or of_category or _OF_DATASET.get(dataset, ""))
    return tuple(sorted(found - {""}))


def _pattern(outcome: Outcome, trial: Trial) -> _Pattern | None:
    if outcome.paramcd in _SCORES:
        return _SCORES[outcome.paramcd]
    parameter = trial.parameters.get(outcome.paramcd)
    # Answers in words are counted, not summarised.
    if parameter is None or parameter.codelist or outcome.dataset not in BY_VISIT or outcome.paramcd in _ELSEWHERE:
        return None
    is_limited = parameter.category == "CYTOKINE" or "geometric" in outcome.methods
    return _TITLE if outcome.baseline_needed else _OF_VALUES, (*_NOTES, *((_LIMITED,) if is_limited else ()))


@family("Values and changes of the outcomes by visit", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def change_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per score or laboratory outcome of the registry, under the number the outcome names."""
    made: dict[str, tuple[Outcome, set[int]]] = {}
    for outcome in trial.outcomes:
        told: Method = "change" if outcome.baseline_needed else "summary"
        for answer in outcome.outputs if _pattern(outcome, trial) else ():
            if told in answer.methods:
                made.setdefault(answer.number.rpartition(".")[0], (outcome, set()))[1].add(outcome.phase)
    for number, (outcome, phases) in made.items():
        pattern, footnotes = _pattern(outcome, trial) or ("", ())
        parameter = trial.parameter(outcome.paramcd)
        compared, _ = tell_models(trial, number, phases)
        yield Declaration(
            number, pattern.format(parameter.name), "FAS", (outcome.dataset,), (*footnotes, *compared),
            _body(outcome.paramcd, outcome.dataset, number), tuple(sorted(phases)),
            where={"PARAMCD": outcome.paramcd, efficacy_flag(trial, outcome.paramcd): "Y"}, comparisons=compared,
            variables=partial(_needed, outcome, number), methods=OF_VALUES,
            listings=listings_of(trial, (outcome.paramcd,), outcome.dataset),
            meanings={("AVISIT", BASELINE): ({"ABLFL": Is("=", "Y")},)}, given=explain_left_out(outcome.dataset),
        )  # fmt: skip


def visit_records(
    view: View, dataset: str, flag: str | None, apart: tuple[str, ...] = (), also: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The one record per subject, parameter and analysis visit, as a flag tells it; two would count a subject twice.

    ``apart`` are what tells several records of a visit apart, ``also`` what else is asked of them, where the data have it.
    """
    asked = ("PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *([flag] if flag else []))
    records = view.records(dataset, *asked, only=True, also=(*apart, *also))
    records = records[records["AVISITN"].notna()]
    records = records[records[flag] == "Y"] if flag else records
    _refuse_visits_without_one_name(records, dataset)
    twice = records.duplicated(["USUBJID", "PARAMCD", "AVISITN", *(one for one in apart if one in records)])
    if twice.any():
        first = records[twice].iloc[0]
        raise DataError(
            f"{number_of(int(twice.sum()), 'record')} too many",
            file=dataset,
            rule="one record per subject, parameter and visit",
            place=f"{first['USUBJID']} {first['PARAMCD']} {first['AVISIT']}",
            remedy=f"flag one of them with {flag}" if flag else "name the flag in trial.yaml: conventions.visit_flag",
        )
    return records


def _refuse_visits_without_one_name(records: pd.DataFrame, dataset: str) -> None:
    """Rows stand by AVISIT: a name of two visits would count a subject twice in one row, one of two names stand in two rows."""
    visits = records.drop_duplicates(["AVISITN", "AVISIT"]).sort_values(["AVISITN", "AVISIT"])
    wrong = visits["AVISIT"].isna() | visits.duplicated("AVISITN", keep=False) | visits.duplicated("AVISIT", keep=False)
    if wrong.any():
        raise DataError.of(
            Problem(
                f"AVISITN {number:g} has {'no AVISIT' if pd.isna(name) else f'the AVISIT {str(name)[:80]!r}'}",
                file=dataset,
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
    footnotes=("F11", "F12"), variables=_of_visits, listings=OF_LABORATORY,
    where=lambda trial: {trial.conventions.visit_flag: "Y"} if trial.conventions.visit_flag else {},
)  # fmt: skip
def laboratory_by_visit(view: View) -> Summary:
    """Every laboratory parameter at every analysis visit, safety visits included."""
    records = visit_records(view, "ADLB", view.trial.conventions.visit_flag)
    present = set(records["PARAMCD"].dropna())
    wanted = [code for code, parameter in view.trial.parameters.items() if parameter.dataset == "ADLB" and code in present]
    made = summarise_by_visit(view, [visited(view, records[records["PARAMCD"] == code], code) for code in wanted], "Parameter")
    return replace(made, footnotes=[*made.footnotes, *tell_unflagged(view, "ADLB", view.trial.conventions.visit_flag)])


def tell_unflagged(view: View, dataset: str, flag: str | None, codes: Collection[str] | None = None) -> tuple[str, ...]:
    """The notes on baseline records that stand at no visit shown: here the record of a baseline has its flag and visit always."""
    if "ABLFL" not in view.dataset(dataset):
        return ()
    records = view.records(dataset, "PARAMCD", "AVAL", "AVISIT", "AVISITN", "ABLFL", *([flag] if flag else []), only=True)
    asked = [code for code, one in view.trial.parameters.items() if one.dataset == dataset] if codes is None else codes
    baseline = records[(records["ABLFL"] == "Y") & records["PARAMCD"].isin(asked) & records["AVAL"].notna()]
    unflagged = baseline[flag] != "Y" if flag else pd.Series(False, index=baseline.index)
    unnumbered = baseline["AVISITN"].isna() & ~unflagged
    told = {f"which {flag} does not flag for analysis": unflagged.sum(), "which have no AVISITN": unnumbered.sum()}
    lost = [f"Not shown: {lost} of {len(baseline)} baseline records (ABLFL = Y), {why}." for why, lost in told.items() if lost]
    return (*lost, *_tell_scattered(baseline[~unflagged & baseline["AVISITN"].notna()]))


#: So many visits are named at which baselines stand.
_NAMED_VISITS = 4


def _tell_scattered(baseline: pd.DataFrame) -> tuple[str, ...]:
    """A note where baselines stand at several visits, as one that was repeated before the first dose: no row has them all."""
    counted = baseline.groupby(["AVISITN", "AVISIT"]).size().reset_index(name="N").sort_values("N", ascending=False, kind="stable")
    if len(counted) < 2:
        return ()
    named = [f"{visit} ({records})" for visit, records in zip(counted["AVISIT"], counted["N"].head(_NAMED_VISITS), strict=False)]
    more = [f"{len(counted) - _NAMED_VISITS} more"] if len(counted) > _NAMED_VISITS else []
    return (f"Baseline records (ABLFL = Y) stand at several visits: {', '.join([*named, *more])}.",)


def visited(view: View, records: pd.DataFrame, paramcd: str) -> Visited:
    """A parameter with its visits; where no record changes (the baseline visit) there is no change to summarise."""
    parameter = view.parameter(paramcd)
    measures = measures_of(parameter, records)
    changing = set(records.loc[records["CHG"].notna(), "AVISIT"])
    order = records[["AVISITN", "AVISIT"]].drop_duplicates().sort_values("AVISITN")["AVISIT"]
    visits = {visit: measures if visit in changing else measures[:1] for visit in order}
    return Visited((("PARAMCD", paramcd),), records, visits, parameter.heading, parameter.name)
