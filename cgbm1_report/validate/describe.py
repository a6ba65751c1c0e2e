"""What schemas/ and trial.yaml say about each dataset, as plain records that both forms are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.schema import Standard, read_schema, schema_datasets
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.schemas import trial_terms

#: Date and time of a definition to which neither the environment nor the protocol gives a date.
UNDATED = "1980-01-01T00:00:00+00:00"
#: Longest text of a transport file, where no codelist says less.
_LONGEST_TEXT = 200
_NUMBER_BYTES = 8
#: DM variables that are recorded in DM but told by several domains in ADSL.
_DERIVED_IN_ADSL = frozenset({"DTHFL"})
#: Variables copied under another name.
_RENAMED = {
    "TRTP": "ADSL.TRT01P",
    "TRTPN": "ADSL.TRT01PN",
    "TRTA": "ADSL.TRT01A",
    "TRTAN": "ADSL.TRT01AN",
    "AREL": "AE.AEREL",
    "ATPT": "VS.VSTPT",
}
_FIRST_LINE = re.compile(r"# [^:]+: (?P<structure>.+?)\.?$")


@dataclass(frozen=True)
class CodeList:
    """Permitted values with their meaning (empty where the value speaks for itself), or a dictionary that holds them.

    ``external`` names the dictionary and its version; such a list has no items of its own.
    """

    oid: str
    name: str
    kind: str
    items: tuple[tuple[str, str], ...]
    external: tuple[str, str] | None = None


@dataclass(frozen=True)
class Value:
    """One parameter of an analysis dataset: its value's label, decimals and derivation."""

    paramcd: str
    label: str
    digits: int
    derivation: str


@dataclass(frozen=True)
class Method:
    """How derived variables are made: one text for all that are made the same way."""

    key: str
    text: str


@dataclass(frozen=True)
class Variable:
    """One variable: ``origin`` is a Define-XML origin type, ``source`` what it was copied from, ``method`` how it is made."""

    name: str
    label: str
    kind: str
    length: int | None
    display: str
    mandatory: bool
    key: int | None
    codelist: CodeList | None
    origin: str
    source: str
    comment: str
    method: Method | None = None
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One dataset with its grain, keys and variables."""

    name: str
    label: str
    standard: Standard
    structure: str
    structural_class: str
    file: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]


def describe_datasets(trial: Trial) -> tuple[Dataset, ...]:
    """Every dataset of schemas/, SDTM first, by name.

    Equal codelists of several variables are one codelist, named after the variable that has it first.
    """
    lists: dict[tuple[str, tuple[tuple[str, str], ...]], CodeList] = {}
    standards: tuple[Standard, ...] = ("sdtm", "adam")
    return tuple(_describe_dataset(name, one, trial, lists) for one in standards for name in schema_datasets(one))


def _describe_dataset(name: str, standard: Standard, trial: Trial, lists: dict[Any, CodeList]) -> Dataset:
    schema = read_schema(name)
    keys = tuple(schema.get("unique") or ())
    variables = [_describe_variable(name, variable, standard, keys, trial, lists) for variable in schema["columns"]]
    return Dataset(
        name=name,
        label=str(schema.get("title", name)),
        standard=standard,
        structure=_read_structure(name, standard, keys),
        structural_class=_find_class(name, standard, schema["columns"]),
        file="src_decisions.csv" if name == "SRC_DECISIONS" else f"{standard}/{name.lower()}.xpt",
        keys=keys,
        variables=tuple(variables),
    )


def _read_structure(name: str, standard: Standard, keys: tuple[str, ...]) -> str:
    """Grain of a dataset as the first line of its schema tells it, else by its keys."""
    with asset("schemas", standard, f"{name.lower()}.yaml").open(encoding="utf-8") as stream:
        told = _FIRST_LINE.match(stream.readline().rstrip("\n"))
    text = told["structure"] if told else f"one row per {', '.join(keys)}"
    return text[:1].upper() + text[1:]


def _find_class(name: str, standard: Standard, columns: Mapping[str, Any]) -> str:
    """CDISC class of a dataset by what its records hold; empty for a dataset of none."""
    if standard == "adam":
        if name == "ADSL":
            return "SUBJECT LEVEL ANALYSIS DATASET"
        return "BASIC DATA STRUCTURE" if "PARAMCD" in columns else "OCCURRENCE DATA STRUCTURE"
    if "USUBJID" not in columns:
        return "TRIAL DESIGN" if len(name) == 2 and name.startswith("T") else ""
    if name in ("DM", "SV", "SE", "CO"):
        return "SPECIAL PURPOSE"
    by_variable = {"TESTCD": "FINDINGS", "TRT": "INTERVENTIONS", "TERM": "EVENTS"}
    return next((text for ending, text in by_variable.items() if f"{name}{ending}" in columns), "")


def _describe_variable(
    dataset: str, name: str, standard: Standard, keys: tuple[str, ...], trial: Trial, lists: dict[Any, CodeList]
) -> Variable:
    column = read_schema(dataset)["columns"][name]
    codelist = _find_codelist(dataset, name, column, trial, lists)
    kind, length, display = _find_type(name, column, codelist)
    origin, source = _find_origin(dataset, name, standard)
    described = str(column.get("description", ""))
    supplemental = f"Supplemental qualifier: a record of {described}, merged onto its parent when the cut is read."
    return Variable(
        name=name,
        label=str(column["title"]),
        kind=kind,
        length=length,
        display=display,
        mandatory=not column.get("nullable", False) and bool(column.get("required", True)),
        key=keys.index(name) + 1 if name in keys else None,
        codelist=codelist,
        origin=origin,
        source=source,
        comment=supplemental if described.startswith("SUPP") else described,
        method=find_method(dataset, name, trial) if origin == "Derived" else None,
        values=_describe_values(dataset, trial) if name == "AVAL" else (),
    )


def _find_type(name: str, column: Mapping[str, Any], codelist: CodeList | None) -> tuple[str, int | None, str]:
    """ODM data type, length and display format of a variable."""
    if column["dtype"] == "datetime64[s]":
        return "integer", _NUMBER_BYTES, "DATETIME20." if name.endswith("TM") else "DATE9."
    if column["dtype"] == "float64":
        whole = name.endswith(("SEQ", "CD")) or (codelist is not None and codelist.kind == "integer")
        return "integer" if whole else "float", _NUMBER_BYTES, ""
    if "iso8601" in column:
        # A date may lack its day or its time: ISO 8601 text cut short on the right.
        return "partialDatetime", None, "ISO 8601"
    return "text", max((len(value) for value, _ in codelist.items), default=1) if codelist else _LONGEST_TEXT, ""


def _meanings(what: str, trial: Trial) -> dict[Any, str]:
    """What the values of a list of the trial mean."""
    meanings: dict[str, dict[Any, str]] = {
        "arms": {arm.armcd: arm.arm for arm in trial.arms},
        "phases": {float(number): phase.label for number, phase in trial.phases.items()},
        "column_numbers": {float(arm.trt01pn): arm.column for arm in trial.arms},
        "complication_codes": {one.code: one.term for one in trial.complications},
        "criteria": {one.ietestcd: one.ietest for criteria in trial.ie_criteria.values() for one in criteria},
        "parameters": {code: parameter.param for code, parameter in trial.parameters.items()},
    }
    return meanings.get(what.partition(" ")[0], {})


#: Terms of an external dictionary: its name in Define-XML, and the field of the study that says its version.
_CODED = {
    "AEDECOD": ("MedDRA", "meddra_version"),
    "MHDECOD": ("MedDRA", "meddra_version"),
    "CMDECOD": ("WHODRUG", "whodrug_version"),
}


def _find_codelist(dataset: str, name: str, column: Mapping[str, Any], trial: Trial, lists: dict[Any, CodeList]) -> CodeList | None:
    """Codelist of a variable: of its ``isin`` check, or the trial's own list."""
    if name in _CODED and (version := getattr(trial.study, _CODED[name][1])):
        dictionary = _CODED[name][0]
        return CodeList(f"CL.{dictionary.upper()}", dictionary, "text", (), (dictionary, version))
    what = str(column.get("in_trial", ""))
    values = trial_terms(trial, what) if what else list(column.get("isin", ()))
    if not values:
        return None
    meanings = _meanings(what, trial)
    number = column["dtype"] == "float64"
    kind = "text" if not number else "integer" if all(float(value).is_integer() for value in values) else "float"
    items = tuple((f"{value:.15g}" if number else str(value), meanings.get(value, "")) for value in values)
    label = f"{what.replace('_', ' ')} of the trial" if what else str(column["title"])
    return lists.setdefault((kind, items), CodeList(f"CL.{dataset}.{name}", label[:1].upper() + label[1:], kind, items))


#: Datasets that copy of a domain they are not named by.
_COPIED = {"ADIECK": "IE"}


def _find_origin(dataset: str, name: str, standard: Standard) -> tuple[str, str]:
    """Origin type, and for a copied variable where it comes from.

    The schemas of SDTM do not say how a value was collected.
    """
    if standard == "sdtm":
        return "Not Available", ""
    if name in _RENAMED:
        return "Predecessor", _RENAMED[name]
    parents = ["DM"] if dataset == "ADSL" else ["ADSL", _COPIED.get(dataset, dataset.removeprefix("AD"))]
    for parent in parents:
        known = _has_parent(parent) and name in read_schema(parent)["columns"]
        if known and not (parent == "DM" and name in _DERIVED_IN_ADSL):
            return "Predecessor", f"{parent}.{name}"
    return ("Assigned" if name in ("PARAMCD", "PARAM", "PARAMN", "PARCAT1") else "Derived"), ""


@lru_cache(maxsize=1)
def _read_methods() -> Mapping[str, str]:
    return read_derivations(asset("schemas", "derivations.yaml"))


def read_derivations(file: Path) -> dict[str, str]:
    """How derived variables are made, by VARIABLE or DATASET.VARIABLE.

    Raises
    ------
    ReportError
        A key names no variable of an analysis dataset, or its text is no text.
    """
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    columns = {name: set(read_schema(name)["columns"]) for name in schema_datasets("adam")}
    known = {f"{name}.{variable}" for name, variables in columns.items() for variable in variables} | set().union(*columns.values())
    wrong = [str(key) for key, text in told.items() if key not in known or not isinstance(text, str)]
    if wrong:
        raise PlanError.of(
            Problem(
                "is no variable of an analysis dataset with a text",
                file=file.name,
                place=key,
                remedy="correct the name or quote the text",
            )
            for key in wrong
        )
    return dict(told)


def find_method(dataset: str, name: str, trial: Trial) -> Method | None:
    methods = _read_methods()
    key = next((key for key in (f"{dataset}.{name}", name) if key in methods), None)
    if key is None:
        return None
    # Codes joined in one value have no codelist; what they mean stands with how they are made.
    codes = "; ".join(f"{one.code}: {one.label}" for one in trial.aesi) if name == "AESICAT" else ""
    text = methods[key].replace("{percent_change_of}", trial.conventions.percent_change_of)
    return Method(key, f"{text} {codes}.") if codes else Method(key, text)


def _has_parent(name: str) -> bool:
    return name == "ADSL" or name in schema_datasets("sdtm")


def _describe_values(dataset: str, trial: Trial) -> tuple[Value, ...]:
    """Parameters of an analysis dataset, by their order in trial.yaml."""
    return tuple(
        Value(code, parameter.param, parameter.dp, say_derivation(parameter, trial))
        for code, parameter in trial.parameters.items()
        if parameter.dataset == dataset
    )


def say_derivation(parameter: Any, trial: Trial) -> str:
    """How a parameter is made, in the values trial.yaml makes it with."""
    if parameter.meld is not None:
        return f"{parameter.meld.tell(bounded=trial.switches.meld_bounds != 'none')}."
    if parameter.range is not None:
        return f"Rounded half up to a whole number, limited to {parameter.range[0]:g} to {parameter.range[1]:g}."
    return ""
