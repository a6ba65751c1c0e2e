"""The results as CDISC's Analysis Results Standard (ARS 1.0) has them: one reporting event, from the results frame.

Every number of the frame is a result of an analysis: who was analysed (the analysis set), of which records (the data
subset), by what (the groupings), how (the method, an operation per statistic), with its raw value and its text. Words
(decisions, listings) are no results. Model: https://www.cdisc.org/standards/foundational/analysis-results-standard.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from cgbm1_report.analyse.numbers import STAT_LABELS, TEXT
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.schema import has_schema, schema_types
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import read_key

#: Name and description of the method behind each context of the results.
METHODS = {
    "tabulate": ("Counts", "Different subjects with such a record, out of the column's, and their records"),
    "hierarchical": ("Counts by hierarchy", "Different subjects with such a record, by the levels of a dictionary"),
    "missing": ("Subjects with a value", "Different subjects whose value is known"),
    "summary": ("Descriptive statistics", "Of the known values; quartiles as SAS PCTLDEF=5"),
    "geometric": (
        "Geometric statistics",
        "Mean and coefficient of variation of the known values by their logarithms; t interval, 95%",
    ),
    "proportion_ci": ("Exact interval of a proportion", "Clopper and Pearson, 95%"),
    "proportion_difference": ("Difference of proportions from the reference", "Miettinen and Nurminen's score interval, 95%"),
    "stats_fisher_test": ("Fisher's exact test against the reference", "Two-sided"),
    "survival_survfit": ("Product-limit estimates", "Kaplan-Meier; Greenwood's variance, limits by log(-log), 95%"),
    "survival_survfit_diff": ("Difference of product-limit estimates from the reference", "Normal interval, 95%"),
    "tidycmprsk_cuminc": (
        "Cumulative incidence with competing risks",
        "Aalen and Johansen; Aalen's variance, limits by log(-log), 95%",
    ),
    "survival_survdiff": ("Log-rank test against the reference", "Two-sided"),
    "regression": ("Proportional hazards model against the reference", "Cox, ties by Efron; Wald interval, 95%"),
    "stats_anova": ("Likelihood-ratio test of an interaction", "Cox models with and without it, ties by Efron"),
    "incidence_rate": ("Incidence rate", "First events per 100 person-years at risk; exact Poisson interval, 95%"),
    "incidence_rate_ratio": ("Ratio of incidence rates to the reference", "Log-normal interval, 95%"),
    "emmeans_emmeans": ("Adjusted means", "Least-squares means of treatments in a model of the change; t interval, 95%"),
    "car_anova": ("Test of the slope of the dose", "Two-sided t test of the dose as a number in place of the treatments"),
    "emmeans_contrast": ("Difference of adjusted means from the reference", "Two-sided t test and interval, 95%"),
    "value": ("Values as they are", "As collected or derived"),
}

_GROUPS = 6
_SUBJECTS = "ADSL"
#: What answers no registered outcome: a term of ours, as the standard allows.
_DESCRIPTIVE = "TERM.DESCRIPTIVE"
#: How files are named in the standard.
_FILES = {"pdf": {"controlledTerm": "pdf"}, "rtf": {"controlledTerm": "rtf"},
          "docx": {"sponsorTermId": "TERM.DOCX"}, "html": {"sponsorTermId": "TERM.HTML"}}  # fmt: skip
_EXTENSIONS = [
    {"id": "EXT.PURPOSE", "enumeration": "AnalysisPurposeEnum",
     "sponsorTerms": [{"id": _DESCRIPTIVE, "submissionValue": "DESCRIPTIVE"}]},
    {"id": "EXT.FILE", "enumeration": "OutputFileTypeEnum",
     "sponsorTerms": [{"id": "TERM.DOCX", "submissionValue": "docx"}, {"id": "TERM.HTML", "submissionValue": "html"}]},
]  # fmt: skip
_PURPOSES = {"primary": "PRIMARY OUTCOME MEASURE", "secondary": "SECONDARY OUTCOME MEASURE", "other": "EXPLORATORY OUTCOME MEASURE"}


class Reported(NamedTuple):
    """An output as the report has it: the entry it is made of, its dose group if it is of one, its title, notes and files."""

    entry: Entry
    dose_group: str | None
    title: str
    footnotes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class _Shape(NamedTuple):
    """What the numbers of one analysis have in common.

    ``column`` is the variable its columns are levels of, or nothing; ``outer`` and ``last`` the variables of its rows;
    ``by_level`` whether its rows are levels of the last; ``subset`` the variables and levels that choose its records.
    """

    context: str
    column: str | None
    outer: tuple[str, ...]
    last: str
    by_level: bool
    subset: tuple[tuple[str, str], ...]


@dataclass
class _Event:
    """The parts of the reporting event that analyses share, each once, in the order in which they are first met."""

    trial: Trial
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    subsets: dict[str, dict[str, Any]] = field(default_factory=dict)
    groupings: dict[str, dict[str, Any]] = field(default_factory=dict)
    operations: dict[str, dict[str, str]] = field(default_factory=dict)


class Described(NamedTuple):
    """What one output adds to a reporting event: its analyses as JSON, parted by commas, with their names by their ids.

    The others are what it shares with other outputs, by id, and the operations of each method.
    """

    analyses: str
    named: dict[str, str]
    sets: dict[str, dict[str, Any]]
    subsets: dict[str, dict[str, Any]]
    groupings: dict[str, dict[str, Any]]
    operations: dict[str, dict[str, str]]


def describe_output(number: str, made: Reported, ard: pd.DataFrame | None, trial: Trial) -> Described:
    """What an output adds, of its own results (`describe_results`)."""
    event = _Event(trial)
    numbers = None if ard is None else ard[ard["context"] != TEXT]
    found = _analyses(event, number, made, numbers) if numbers is not None and len(numbers) else []
    named = {one["id"]: one["name"] for one in found}
    return Described(",".join(map(_dump, found)), named, event.sets, event.subsets, event.groupings, event.operations)


def join_described(described: Mapping[str, Described], outputs: Mapping[str, Reported], trial: Trial, blind: str = "") -> str:
    """The reporting event of outputs, as JSON (`describe_results`), with what is ``blind``: what several share stands once."""
    event = _Event(trial)
    for one in described.values():
        for held, added in ((event.sets, one.sets), (event.subsets, one.subsets), (event.groupings, one.groupings)):
            held |= {name: part for name, part in added.items() if name not in held}
        for context, names in one.operations.items():
            known = event.operations.setdefault(context, {})
            known |= {name: operation for name, operation in names.items() if name not in known}
    told = {
        "id": _dump(trial.study.studyid),
        "name": _dump(trial.study.title),
        "description": _dump(blind),
        "mainListOfContents": _dump({"name": "Outputs", "contentsList": {"listItems": _contents(outputs, described)}}),
        "analysisSets": _dump(_in_order(event.sets)),
        "analysisGroupings": _dump(list(event.groupings.values())),
        "dataSubsets": _dump(_in_order(event.subsets)),
        "methods": _dump([_method(context, names) for context, names in event.operations.items()]),
        "analyses": f"[{','.join(one.analyses for one in described.values() if one.analyses)}]",
        "outputs": _dump([_output(number, made) for number, made in outputs.items()]),
        "terminologyExtensions": _dump(_EXTENSIONS),
    }
    return "{" + ",".join(f'"{name}":{part}' for name, part in told.items() if part not in ("[]", "{}", '""')) + "}\n"


def _dump(part: object) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def describe_results(ard: pd.DataFrame, outputs: Mapping[str, Reported], trial: Trial) -> dict[str, Any]:
    """The reporting event: analysis sets, groupings, data subsets, methods, analyses with results, outputs with displays.

    Parameters
    ----------
    ard
        The results of all outputs (`docs/contracts.md`).
    outputs
        The outputs by number, in the order of the report.
    """
    return dict(json.loads(emit_ars(ard, outputs, trial)))


def emit_ars(ard: pd.DataFrame, outputs: Mapping[str, Reported], trial: Trial) -> str:
    """`describe_results` as JSON; the same results give the same bytes."""
    by_output = dict(list(ard.groupby("output", sort=False)))
    described = {number: describe_output(number, made, by_output.get(number), trial) for number, made in outputs.items()}
    return join_described(described, outputs, trial)


# Analyses ----------------------------------------------------------------------------------------


def _analyses(event: _Event, number: str, made: Reported, ard: pd.DataFrame) -> list[dict[str, Any]]:
    """The analyses of one output, each with its results, in the order of the page."""
    shared = {**_why(event.trial, made.entry.number), "analysisSetId": _analysis_set(event, made)}
    shapes: dict[_Shape, list[dict[str, Any]]] = {}
    for shape, result in _results(event, made, ard):
        shapes.setdefault(shape, []).append(result)
    return [
        {"id": f"{number}.{place:03d}", **_analysis(event, number, made, shape), **shared, "results": results}
        for place, (shape, results) in enumerate(shapes.items(), start=1)
    ]


def _analysis(event: _Event, number: str, made: Reported, shape: _Shape) -> dict[str, Any]:
    name = ", ".join([number, shape.last, *(level for _, level in shape.subset), METHODS.get(shape.context, (shape.context,))[0]])
    factors = [(name, True) for name in ([shape.column] if shape.column else [])]
    factors += [(variable, True) for variable in shape.outer] + ([(shape.last, True)] if shape.by_level else [])
    told: dict[str, Any] = {"name": name, "methodId": _method_id(shape.context), "variable": shape.last}
    dataset = _dataset_of(shape.last, made.entry.source)
    if dataset:
        told["dataset"] = dataset
    if factors:
        told["orderedGroupings"] = [
            {"order": order, "groupingId": _grouping(event, variable, made.entry.source), "resultsByGroup": by_group}
            for order, (variable, by_group) in enumerate(factors, start=1)
        ]
    if shape.subset:
        told["dataSubsetId"] = _data_subset(event, shape.subset, made.entry.source)
    return told


def _results(event: _Event, made: Reported, ard: pd.DataFrame) -> Iterable[tuple[_Shape, dict[str, Any]]]:
    """Each number with the shape of its analysis; a number that is neither known nor printed says nothing."""
    source = made.entry.source
    missing: Any = None
    texts = {name: ard[name].to_numpy(dtype=object, na_value=missing) for name in ard if name not in ("stat", "subjects")}
    pairs = zip(*(zip(texts[f"group{i}"], texts[f"group{i}_level"], strict=True) for i in range(1, _GROUPS + 1)), strict=True)
    named = (texts[name] for name in ("row", "variable", "variable_level", "context", "stat_name", "stat_fmt"))
    # Several statistics stand in one place.
    places: dict[tuple[Any, ...], tuple[_Shape, list[dict[str, str]]]] = {}
    for groups, row, last, level, context, statistic, text, value in zip(pairs, *named, ard["stat"], strict=True):
        if text is None and math.isnan(value):
            continue
        at = (groups, row, last, level, context)
        operation = _operation(event, context, statistic)
        if at not in places:
            shape, levels = _place(*at)
            places[at] = shape, [_group(event, name, chosen, source) for name, chosen in levels]
        shape, told = places[at]
        result: dict[str, Any] = {"operationId": operation}
        if told:
            result["resultGroups"] = told
        if not math.isnan(value):
            result["rawValue"] = str(int(value)) if float(value).is_integer() else repr(float(value))
        if text is not None:
            result["formattedValue"] = text
        yield shape, result


def _place(
    groups: Sequence[tuple[str | None, str | None]], row: str, last: str, level: str | None, context: str
) -> tuple[_Shape, list[tuple[str, str | None]]]:
    """The shape of the analysis that has a number, and the variables with the levels that tell the number's place in it."""
    filled = [(name, chosen) for name, chosen in groups if name is not None]
    # Before the outer parts of the row stands what the column stands for.
    column = filled[0] if len(filled) > _outer_parts(row) else None
    outer = filled[1:] if column else filled
    subset = tuple((name, chosen) for name, chosen in [*outer, (last, level)] if chosen is not None and _chooses(name, chosen))
    kept = [part for part in outer if part not in subset]
    by_level = level is not None and (last, level) not in subset
    shape = _Shape(context, column and column[0], tuple(name for name, _ in kept), last, by_level, subset)
    return shape, [*([column] if column else []), *kept, *([(last, level)] if by_level else [])]


@cache
def _outer_parts(row: str) -> int:
    """How many parts of a row's key stand before its last one; a part that says which statistic is printed is none."""
    return sum(name != "statistic" for name, _ in read_key(row)) - 1


def _chooses(variable: str, level: str) -> bool:
    """Whether a level chooses records, as a parameter or a flag does; all others make groups of them."""
    return variable == "PARAMCD" or (variable.endswith("FL") and level == "Y")


# What analyses share -----------------------------------------------------------------------------


def _condition(dataset: str | None, variable: str, value: str) -> dict[str, Any]:
    where = {"variable": variable, "comparator": "EQ", "value": [value]}
    return {"dataset": dataset, **where} if dataset else where


def _choice(conditions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A condition, or several that hold together."""
    if len(conditions) == 1:
        return {"condition": conditions[0]}
    clauses = [{"level": 2, "order": order, "condition": condition} for order, condition in enumerate(conditions, start=1)]
    return {"compoundExpression": {"logicalOperator": "AND", "whereClauses": clauses}}


def _in_order(parts: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**part, "level": 1, "order": order} for order, part in enumerate(parts.values(), start=1)]


def _analysis_set(event: _Event, made: Reported) -> str:
    """The population of the output, in its phase and dose group."""
    trial, phase = event.trial, made.entry.phase
    population = trial.population(made.entry.population)
    conditions, words = [_condition(_SUBJECTS, population.flag, "Y")], [population.label]
    if len(trial.phases) > 1:
        conditions.append(_condition(_SUBJECTS, "PHASE", str(phase)))
        words.append(trial.phases[phase].label)
    if made.dose_group is not None:
        column = trial.arm(made.dose_group).column
        conditions.append(_condition(_SUBJECTS, population.treatment, column))
        words.append(column)
    name = ".".join(["SET", population.code, str(phase), *([made.dose_group] if made.dose_group else [])])
    event.sets.setdefault(name, {"id": name, "name": ", ".join(words), **_choice(conditions)})
    return name


def _data_subset(event: _Event, subset: Sequence[tuple[str, str]], source: tuple[str, ...]) -> str:
    told = [(_dataset_of(variable, source), variable, level) for variable, level in subset]
    name = "&".join(f"{dataset or ''}.{variable}={level}" for dataset, variable, level in told)
    words = ", ".join(f"{variable} = {level}" for _, variable, level in told)
    event.subsets.setdefault(name, {"id": name, "name": words, **_choice([_condition(*one) for one in told])})
    return name


def _grouping(event: _Event, variable: str, source: tuple[str, ...]) -> str:
    dataset = _dataset_of(variable, source)
    name = f"BY.{dataset}.{variable}" if dataset else f"BY.{variable}"
    about = {"groupingDataset": dataset, "groupingVariable": variable} if dataset else {}
    event.groupings.setdefault(name, {"id": name, "name": variable, "dataDriven": True, **about})
    return name


def _group(event: _Event, variable: str, level: str | None, source: tuple[str, ...]) -> dict[str, str]:
    told = {"groupingId": _grouping(event, variable, source)}
    return told if level is None else {**told, "groupValue": level}


def _method_id(context: str) -> str:
    return f"METHOD.{context}"


def _operation(event: _Event, context: str, statistic: str) -> str:
    return event.operations.setdefault(context, {}).setdefault(statistic, f"{_method_id(context)}.{statistic}")


def _method(context: str, operations: Mapping[str, str]) -> dict[str, Any]:
    name, description = METHODS.get(context, (context, context))
    return {
        "id": _method_id(context),
        "name": name,
        "description": description,
        "operations": [
            {"id": operation, "name": statistic, "label": STAT_LABELS.get(statistic, statistic), "order": order}
            for order, (statistic, operation) in enumerate(operations.items(), start=1)
        ],
    }


def _why(trial: Trial, number: str) -> dict[str, Any]:
    """Reason and purpose: those of the registered outcomes the output answers, the primary ones first."""
    kinds = {outcome.type for outcome in trial.outcomes if number in outcome.tlf}
    for kind, term in _PURPOSES.items():
        if kind in kinds:
            return {"reason": {"controlledTerm": "SPECIFIED IN PROTOCOL"}, "purpose": {"controlledTerm": term}}
    return {"reason": {"controlledTerm": "SPECIFIED IN SAP"}, "purpose": {"sponsorTermId": _DESCRIPTIVE}}


@cache
def _dataset_of(variable: str, source: tuple[str, ...]) -> str | None:
    """The dataset a variable is of: the first of the output's own that has it, else the subjects'; none for other names."""
    if not variable.isupper():
        return None
    for dataset in (*source, _SUBJECTS):
        if has_schema(dataset) and variable in schema_types(dataset):
            return dataset
    return source[0] if source else _SUBJECTS


# Outputs -----------------------------------------------------------------------------------------


def _output(number: str, made: Reported) -> dict[str, Any]:
    sections = [
        _section(number, "Title", [made.title]),
        *([_section(number, "Footnote", made.footnotes)] if made.footnotes else []),
    ]
    display = {"id": f"{number}.display", "name": number, "displayTitle": made.title, "displaySections": sections}
    files = [
        {"name": file.rpartition("/")[2], "location": file, "fileType": _FILES[file.rpartition(".")[2]]} for file in made.files
    ]
    told: dict[str, Any] = {"id": number, "name": made.title, "displays": [{"order": 1, "display": display}]}
    return {**told, "fileSpecifications": files} if files else told


def _section(number: str, kind: str, texts: Sequence[str]) -> dict[str, Any]:
    return {
        "sectionType": kind,
        "orderedSubSections": [
            {"order": order, "subSection": {"id": f"{number}.{kind.lower()}.{order}", "text": text}}
            for order, text in enumerate(texts, start=1)
        ],
    }


def _contents(outputs: Mapping[str, Reported], described: Mapping[str, Described]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for order, (number, made) in enumerate(outputs.items(), start=1):
        below = [
            {"name": name, "level": 2, "order": place, "analysisId": analysis}
            for place, (analysis, name) in enumerate(described[number].named.items(), start=1)
        ]
        item = {"name": made.title, "level": 1, "order": order, "outputId": number}
        items.append({**item, "sublist": {"listItems": below}} if below else item)
    return items
