"""What the registered outcomes say of visits, parameters and each other, and what no output makes of them yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.agree import Contradiction, twice
from cgbm1_report.protocol.e3 import section_of
from cgbm1_report.protocol.registry import (
    AT_DAYS,
    BY_VISIT,
    COMPARISONS,
    FROM_BASELINE,
    METHOD_WORDS,
    OF_CURVES,
    OF_MODELS,
    OF_RESPONSES,
    OF_TIMES,
    OF_VALUES,
    Model,
)
from cgbm1_report.protocol.schema import read_schema, schema_datasets

if TYPE_CHECKING:
    from cgbm1_report.protocol.registry import Answer, Method, Outcome
    from cgbm1_report.protocol.trial import Trial

#: A number of an output with the digit of its phase.
_NUMBER = re.compile(r"[TFLA]\d+(\.\d+)+")


def _identity(trial: Trial) -> Iterator[Contradiction]:
    for code in twice(outcome.id for outcome in trial.outcomes):
        yield "outcomes", f"outcome {code} stands twice", "give each an id of its own"
    for kind, order in twice((outcome.type, outcome.registry_order) for outcome in trial.outcomes):
        yield "outcomes", f"two {kind} outcomes are number {order} of the registry", "write the registry's order"
    known = {assumption.id for assumption in trial.documentation.assumptions}
    for at, outcome in enumerate(trial.outcomes):
        if outcome.phase not in trial.phases:
            yield f"outcomes.{at}.phase", f"outcome {outcome.id} is in phase {outcome.phase}, which is not declared", "declare it"
        for code in outcome.assumptions:
            if code not in known:
                told = f"outcome {outcome.id} rests on {code}, which is no documented assumption"
                yield f"outcomes.{at}.assumptions", told, "document it under documentation.assumptions"


def _has_parameters(dataset: str) -> bool:
    return "PARAMCD" in read_schema(dataset)["columns"]


def _parameters(trial: Trial) -> Iterator[Contradiction]:
    """An outcome is a declared parameter of its dataset; of a dataset of events it is any name."""
    known = schema_datasets("adam")
    for at, outcome in enumerate(trial.outcomes):
        place, declared = f"outcomes.{at}", trial.parameters.get(outcome.paramcd)
        if outcome.dataset not in known:
            told = f"outcome {outcome.id} is in dataset {outcome.dataset}, which is none of the analysis datasets"
            yield f"{place}.dataset", told, f"use one of {', '.join(known)}"
        elif declared is None and _has_parameters(outcome.dataset):
            told = f"outcome {outcome.id} is {outcome.paramcd}, which is no parameter of {outcome.dataset}"
            yield f"{place}.paramcd", told, "declare it under parameters, or correct the code"
        elif declared is not None and declared.dataset != outcome.dataset:
            told = f"outcome {outcome.id} is in {outcome.dataset}, its parameter {outcome.paramcd} in {declared.dataset}"
            yield f"{place}.dataset", told, f"write {declared.dataset}"


def _is_time(dataset: str) -> bool:
    """Whether a dataset holds times to events."""
    return dataset in schema_datasets("adam") and "CNSR" in read_schema(dataset)["columns"]


def _has_visits(dataset: str) -> bool:
    """Whether records of a dataset are analysed by day: visits, and times to an event."""
    return bool({"AVISITN", "EVNTDESC"} & set(read_schema(dataset)["columns"]))


def _days(trial: Trial) -> Iterator[Contradiction]:
    """A day of the registry is a visit with an analysis window, within follow-up: elsewhere nothing is analysed on it.

    A time to an event is known on every day; only where the phase has analysis visits is its day one of them.
    """
    known = schema_datasets("adam")
    for at, outcome in enumerate(trial.outcomes):
        if outcome.phase not in trial.phases:
            continue
        place, visits = f"outcomes.{at}.nominal_days", trial.phases[outcome.phase].visits
        analysed = {visit.analysed_day for visit in visits if not visit.baseline and visit.analysed_day is not None}
        known_daily = not any(visit.analysis_window for visit in visits) and _is_time(outcome.dataset)
        strange = [f"{day}" for day in outcome.nominal_days if day not in analysed and not known_daily]
        if strange:
            told = f"outcome {outcome.id} names day {', '.join(strange)}, which is no analysis visit of phase {outcome.phase}"
            yield place, told, f"use days of {', '.join(str(day) for day in sorted(analysed))}, or declare the visit"
        late = [f"{day}" for day in outcome.nominal_days if day > trial.study.followup_days]
        if late:
            told = f"outcome {outcome.id} names day {', '.join(late)}, after follow-up ends on day {trial.study.followup_days}"
            yield place, told, "name days of follow-up, or lengthen study.followup_days"
        if (
            outcome.dataset in known
            and not _has_visits(outcome.dataset)
            and set(outcome.nominal_days) - {trial.study.followup_days}
        ):
            told = (
                f"outcome {outcome.id} names day {', '.join(map(str, outcome.nominal_days))}, and events are counted to the end of "
            )
            yield place, f"{told}follow-up, day {trial.study.followup_days}", "name that day, or none"
        for day in twice(outcome.nominal_days):
            yield place, f"outcome {outcome.id} names day {day} twice", "name it once"
        if outcome.baseline_needed and not any(visit.baseline for visit in visits):
            told = f"outcome {outcome.id} needs a baseline, which no visit of phase {outcome.phase} carries"
            yield f"outcomes.{at}.baseline_needed", told, "mark the visit with baseline: true"


def _methods(trial: Trial) -> Iterator[Contradiction]:
    """A method has what it speaks of: a reference, days, a baseline."""
    for at, outcome in enumerate(trial.outcomes):
        place = f"outcomes.{at}.outputs"
        phase = trial.phases.get(outcome.phase)
        wants = [
            ("compares", COMPARISONS, phase is not None and phase.reference is None, f"phase {outcome.phase} has no reference"),
            ("is of days", AT_DAYS, not outcome.nominal_days, "it names no day"),
            ("is of a change", FROM_BASELINE, not outcome.baseline_needed, "it needs no baseline"),
        ]
        for what, methods, lacks, why in wants:
            named = sorted(outcome.methods & methods) if lacks else []
            if named:
                yield place, f"outcome {outcome.id} has {', '.join(named)}, which {what}, but {why}", "leave the method out"


def _answers(trial: Trial) -> Iterator[Contradiction]:
    """What an output is to be of is said alike by all outcomes it answers; facts of models stand with models."""
    first: dict[str, tuple[str, Answer]] = {}
    for at, outcome in enumerate(trial.outcomes):
        for number, answer in enumerate(outcome.outputs):
            place, whose = f"outcomes.{at}.outputs.{number}", f"{answer.number} of outcome {outcome.id}"
            if answer.population and not trial.has_population(answer.population, outcome.phase):
                told = f"{whose} is of {answer.population}, which is no analysis set of phase {outcome.phase}"
                yield f"{place}.population", told, "declare it under populations, or leave it out"
            if answer.model != Model() and not OF_MODELS & set(answer.methods):
                yield f"{place}.model", f"{whose} says what a model is of and names none", "name ancova or mmrm, or take it out"
            if answer.model.dose and "ancova" not in answer.methods:
                told = f"{whose} tests the slope of {answer.model.dose}, and has no analysis of covariance"
                yield f"{place}.model.dose", told, "name ancova, or take the dose out"
            if answer.model.weights != "equal" and not answer.model.factors:
                yield f"{place}.model.weights", f"{whose} weighs levels of no factor", "name the factors, or take the weights out"
            of_parameter = trial.models_of(answer.number).get(outcome.paramcd)
            if of_parameter and OF_MODELS & set(answer.methods) and of_parameter[1].model != answer.model:
                told = f"models of {whose} are of something else than for outcome {of_parameter[0].id}"
                yield f"{place}.model", told, "write the same model"
            other, known = first.setdefault(answer.number, (outcome.id, answer))
            if (known.population, known.dtypes) != (answer.population, answer.dtypes):
                told = f"{answer.number} is of other subjects or records for outcome {outcome.id} than for {other}"
                yield place, told, "write the same population and dtypes"


def has_responses(dataset: str) -> bool:
    """Whether a dataset holds results of parameters, of which subjects may respond: no times to events."""
    return dataset in schema_datasets("adam") and _has_parameters(dataset) and not _is_time(dataset)


def _responses(trial: Trial) -> Iterator[Contradiction]:
    """A response is of results, told by outputs that tell nothing else, of one response each."""
    first: dict[str, Outcome] = {}
    for at, outcome in enumerate(trial.outcomes):
        if outcome.response is None:
            continue
        place, whose = f"outcomes.{at}.response", f"outcome {outcome.id}"
        rates = [answer for answer in outcome.outputs if set(answer.methods) & set(OF_RESPONSES)]
        if not has_responses(outcome.dataset):
            told = f"{whose} declares a response, and {outcome.dataset} holds no results of parameters"
            yield place, told, "take the response out, or name the dataset that holds the results"
        if not rates:
            yield place, f"{whose} declares a response that none of its outputs tells", "name rate as a method of an output"
        codelist = trial.parameters[outcome.paramcd].codelist if outcome.paramcd in trial.parameters else None
        strange = [one for one in outcome.response.where.get("AVALC", ()) if codelist and one not in codelist]
        if strange:
            told = f"{whose} responds by AVALC {', '.join(strange)}, which its parameter {outcome.paramcd} does not have"
            yield place, told, f"use values of {', '.join(codelist or ())}"
        for answer in rates:
            if besides := [METHOD_WORDS[one] for one in answer.methods if one not in OF_RESPONSES]:
                told = f"{answer.number} is asked who responds, and for {', '.join(besides)}"
                yield f"outcomes.{at}.outputs", told, "give each an output of its own"
            other = first.setdefault(answer.number.rpartition(".")[0], outcome)
            if (other.phase == outcome.phase and other is not outcome) or (other.paramcd, other.response) != (
                outcome.paramcd,
                outcome.response,
            ):
                told = f"{answer.number} tells the response of outcome {other.id}, and of {outcome.id} another one"
                yield f"outcomes.{at}.outputs", told, "give each response an output of its own"


#: What an output of several parameters needs of trial.yaml: `efficacy_flags` of them are one.
SHARED_FLAG = "visit_flag that its outcomes share"


def efficacy_flags(trial: Trial, codes: Collection[str]) -> tuple[str, ...]:
    """The flags of the records that outcomes of these parameters are analysed by, each once."""
    own = {one.paramcd: one.visit_flag for one in trial.outcomes if one.visit_flag}
    return tuple(dict.fromkeys(own.get(code, trial.conventions.efficacy_flag) for code in codes))


def efficacy_flag(trial: Trial, paramcd: str) -> str:
    """The flag of the one record per subject and visit that outcomes of a parameter are analysed by."""
    return efficacy_flags(trial, (paramcd,))[0]


def _flags(trial: Trial) -> Iterator[Contradiction]:
    """Outcomes of a parameter, and those of an output, are analysed by the same records."""
    first: dict[str, Outcome] = {}
    for at, outcome in enumerate(trial.outcomes):
        for what in (outcome.paramcd, *outcome.tlf):
            other = first.setdefault(what, outcome)
            flags = [one.visit_flag or trial.conventions.efficacy_flag for one in (other, outcome)]
            if len(set(flags)) > 1:
                told = f"outcomes {other.id} and {outcome.id} of {what} are analysed by {' and by '.join(flags)}"
                yield f"outcomes.{at}.visit_flag", told, "write the same visit_flag"


def _has_section(number: str) -> bool:
    try:
        return bool(section_of(number))
    except PlanError:
        return False


def _numbers(trial: Trial) -> Iterator[Contradiction]:
    """A number is of the outcome's phase, named once by it, and answers first one parameter."""
    first: dict[str, Outcome] = {}
    for at, outcome in enumerate(trial.outcomes):
        place = f"outcomes.{at}.outputs"
        for number in outcome.tlf:
            if not _NUMBER.fullmatch(number) or not number.endswith(f".{outcome.phase}"):
                told = f"outcome {outcome.id} names {number}, which is no number of an output of phase {outcome.phase}"
                yield place, told, f"write it as T14.2.1.{outcome.phase}: kind, section, place, phase"
            elif not _has_section(number.rpartition(".")[0]):
                yield (
                    place,
                    f"{number}, which outcome {outcome.id} names, stands in no section of ICH E3",
                    "number it by its section",
                )
        for answer in outcome.outputs:
            if not answer.methods:
                yield place, f"outcome {outcome.id} asks nothing of {answer.number}", "name the methods it is to show"
        for number in twice(outcome.tlf):
            yield place, f"outcome {outcome.id} names {number} twice", "name it once, with all its methods"
        if outcome.tlf:
            other = first.setdefault(outcome.tlf[0].rpartition(".")[0], outcome)
            if other.paramcd != outcome.paramcd:
                told = f"outcomes {other.id} and {outcome.id} of different parameters are answered by the same {outcome.tlf[0]}"
                yield place, told, "give each parameter an output of its own"


OUTCOME_CHECKS: tuple[Callable[[Trial], Iterator[Contradiction]], ...] = (
    _identity, _parameters, _days, _methods, _answers, _numbers, _responses, _flags,
)  # fmt: skip


def find_unmade(trial: Trial, made: Mapping[str, Collection[Method]]) -> dict[str, dict[Method, list[str]]]:
    """Per output that answers an outcome: the methods it does not show, each with the outcomes that ask for it.

    Parameters
    ----------
    made
        The outputs that are made, by full number, with the methods each can show.
    """
    lacking: dict[str, dict[Method, list[str]]] = {}
    for outcome in trial.outcomes:
        for answer in outcome.outputs:
            for method in answer.methods:
                if method not in made.get(answer.number, ()):
                    lacking.setdefault(answer.number, {}).setdefault(method, []).append(outcome.id)
    return lacking


def tell_methods(dataset: str) -> str:
    """What outputs with a number of the trial's own show of outcomes of a dataset, as trial.yaml names it; nothing of none."""
    told = [", ".join(methods) for methods in methods_of(dataset).values()]
    return f"{' or '.join(told)}{' (of who responds, as response of the outcome says)' * has_responses(dataset)}"


def methods_of(dataset: str) -> dict[str, tuple[Method, ...]]:
    """The methods of outputs with a number of the trial's own, of outcomes of a dataset, by what they tell."""
    kinds = {
        "values at visits": (OF_VALUES, dataset in BY_VISIT),
        "who responds": (OF_RESPONSES, has_responses(dataset)),
        "times to an event": (OF_TIMES, _is_time(dataset)),
        "times to an event, in figures (F14.2.30)": (OF_CURVES, _is_time(dataset)),
    }
    return {what: methods for what, (methods, is_of) in kinds.items() if is_of}


def tell_unmade(trial: Trial, made: Mapping[str, Collection[Method]]) -> dict[str, str]:
    """What outcomes ask for and no output makes, in words, by the number of its output."""
    told = {outcome.id: "it names no output" for outcome in trial.outcomes if not outcome.outputs}
    for number, methods in find_unmade(trial, made).items():
        reasons = "; ".join(f"{METHOD_WORDS[method]} ({', '.join(ids)})" for method, ids in methods.items())
        told[number if number not in made else f"in {number}"] = reasons
    return told
