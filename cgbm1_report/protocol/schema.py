"""What schemas/ says about each dataset: labels, types, keys and checks, read strictly.

A schema is pandera YAML. Pandera drops a key it does not know without a word, and with it the
check that was meant; therefore every key is held against the ones that exist before anything else
happens. Nothing here imports pandera.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem, find_near
from cgbm1_report.protocol.yamlfile import UniqueKeys

Standard = Literal["sdtm", "adam"]
Kind = Literal["text", "number", "date"]

TYPES: dict[str, Kind] = {"str": "text", "float64": "number", "datetime64[s]": "date"}

TOP_KEYS = frozenset({"schema_type", "name", "title", "unique", "rows", "filled", "blind", "columns", "checks"})
#: ``rows``: a dataset has records once so many subjects were screened or dosed.
ROWS_KEYS = frozenset({"screened", "dosed"})
#: ``filled``: a column that has a value in one record at least, or in one of those named.
FILLED_KEYS = frozenset({"column", "where", "among", "severity"})
#: ``blind``: variables, and parameters, that are seen of a phase while it is blind; without it none is.
BLIND_KEYS = frozenset({"keep", "parameters"})
COLUMN_KEYS = frozenset({"title", "description", "dtype", "nullable", "required"})
OPTION_KEYS = frozenset({"check_name", "raise_warning"})

#: Checks of one column and the keys of their value (None: the value itself).
COLUMN_CHECKS: dict[str, frozenset[str] | None] = {
    "isin": None,
    "in_range": frozenset({"min_value", "max_value"}),
    "str_matches": None,
    "iso8601": None,
    "in_trial": None,
}

#: Checks over several columns: keys that must be there, keys that may be there.
FRAME_CHECKS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "present_when": (frozenset({"column"}), frozenset({"filled", "empty", "where", "among"})),
    "absent_when": (frozenset({"column"}), frozenset({"filled", "empty", "where", "among"})),
    "only_where": (frozenset({"column", "where", "among"}), frozenset()),
    "allowed_where": (frozenset({"column", "where", "among", "allowed"}), frozenset()),
    "answered": (frozenset({"column", "where"}), frozenset()),
    "ends_on_or_after": (frozenset({"start", "end"}), frozenset()),
    "plausible": (frozenset({"test", "result", "ranges"}), frozenset()),
}


def _unknown(found: Iterable[Any], known: Iterable[str], file: Path, place: str) -> list[Problem]:
    names = sorted(known)
    wrong = [str(key) for key in found if key not in names]
    return [
        Problem(
            f"key {key!r} is unknown",
            file=str(file),
            rule="schema keys",
            place=place,
            remedy=f"did you mean {(find_near(key, names, 1, 0.0) or names)[0]!r}? Known: {', '.join(names)}",
        )
        for key in wrong
    ]


def _column_problems(name: str, column: Any, file: Path) -> list[Problem]:
    place = f"columns.{name}"
    if not isinstance(column, dict):
        return [Problem("is not a mapping", file=str(file), place=place, remedy="write title, dtype and checks")]
    problems = _unknown(column, COLUMN_KEYS | COLUMN_CHECKS.keys(), file, place)
    problems += [
        Problem(f"key {key!r} is missing", file=str(file), place=place, remedy="add it")
        for key in ("title", "dtype")
        if key not in column
    ]
    if column.get("dtype", "str") not in TYPES:
        problems.append(
            Problem(f"dtype {column['dtype']!r} is unknown", file=str(file), place=place, remedy=f"use one of {', '.join(TYPES)}")
        )
    for check, keys in COLUMN_CHECKS.items():
        if keys and check in column:
            problems += _unknown(column[check], keys, file, f"{place}.{check}")
    return problems


def _frame_check_problems(position: int, check: Any, file: Path) -> list[Problem]:
    place = f"checks[{position}]"
    options = check.get("options") if isinstance(check, dict) else None
    if not isinstance(options, dict) or "check_name" not in options:
        return [Problem("names no check", file=str(file), place=place, remedy="write options: {check_name: ...}")]
    problems = _unknown(options, OPTION_KEYS, file, f"{place}.options")
    name = str(options["check_name"])
    if name not in FRAME_CHECKS:
        return problems + _unknown([name], FRAME_CHECKS, file, place)
    needed, optional = FRAME_CHECKS[name]
    problems += _unknown(check.keys() - {"options"}, needed | optional, file, place)
    missing = sorted(needed - check.keys())
    return problems + [
        Problem(
            f"{name} needs {key!r}", file=str(file), place=place, remedy=f"keys of {name}: {', '.join(sorted(needed | optional))}"
        )
        for key in missing
    ]


def _presence_problems(content: dict[str, Any], file: Path) -> list[Problem]:
    """What is wrong with ``rows`` and ``filled``."""
    rows, filled = content.get("rows", {"screened": 0}), content.get("filled", [])
    remedy = "write rows: {dosed: 1} and filled: [{column: NAME, where: NAME, among: [...], severity: W}]"
    if not isinstance(rows, dict) or not isinstance(filled, list) or not all(isinstance(one, dict) for one in filled):
        return [Problem("rows or filled has another form", file=str(file), rule="schema keys", remedy=remedy)]
    problems = _unknown(rows, ROWS_KEYS, file, "rows")
    if len(rows) != 1 or not all(isinstance(least, int) for least in rows.values()):
        problems.append(Problem("rows is not one number of subjects", file=str(file), rule="schema keys", remedy=remedy))
    for position, one in enumerate(filled):
        problems += _unknown(one, FILLED_KEYS, file, f"filled[{position}]")
        if "column" not in one or ("where" in one) != ("among" in one) or one.get("severity", "W") not in ("E", "W"):
            problems.append(Problem("is not whole", file=str(file), place=f"filled[{position}]", rule="schema keys", remedy=remedy))
    return problems


def _blind_problems(content: dict[str, Any], file: Path) -> list[Problem]:
    """What is wrong with ``blind``."""
    blind = content.get("blind", {"keep": []})
    lists: list[Any] = [blind.get("keep"), blind.get("parameters", [])] if isinstance(blind, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in lists):
        remedy = "write blind: {keep: [NAME, ...], parameters: [CODE, ...]}"
        return [Problem("blind has another form", file=str(file), rule="schema keys", remedy=remedy)]
    problems = _unknown(blind, BLIND_KEYS, file, "blind")
    twice = sorted({name for one in lists for name in one if one.count(name) > 1})
    return problems + [Problem(f"{name} stands twice", file=str(file), place="blind", remedy="keep one") for name in twice]


def _reference_problems(content: dict[str, Any], file: Path) -> list[Problem]:
    """Columns that keys and checks name but the schema does not have."""
    columns = content["columns"]
    named = [("unique", key) for key in content.get("unique", ())]
    if standard_of(file.stem) == "adam":
        # SDTM has more permissible variables and qualifiers than a schema names.
        named += [("blind.keep", name) for name in content.get("blind", {}).get("keep", ())]
    for position, one in enumerate(content.get("filled", ())):
        named += [(f"filled[{position}]", one[role]) for role in ("column", "where") if role in one]
    for position, check in enumerate(content.get("checks", ())):
        roles = ("column", "filled", "empty", "where", "start", "end", "test", "result")
        named += [(f"checks[{position}]", check[role]) for role in roles if role in check]
    return [problem for place, name in named if name not in columns for problem in _unknown([name], columns, file, place)]


def _content_problems(content: Any, file: Path) -> list[Problem]:
    if not isinstance(content, dict) or not isinstance(content.get("columns"), dict):
        return [Problem("has no columns", file=str(file), rule="schema", remedy="write a mapping of columns")]
    problems = _unknown(content, TOP_KEYS, file, "")
    for name, column in content["columns"].items():
        problems += _column_problems(str(name), column, file)
    for position, check in enumerate(content.get("checks") or ()):
        problems += _frame_check_problems(position, check, file)
    problems += _presence_problems(content, file) + _blind_problems(content, file)
    return problems or _reference_problems(content, file)


def read_schema_file(file: Path) -> dict[str, Any]:
    """Read one schema file as plain data.

    Raises
    ------
    ReportError
        The file cannot be read, is not YAML, or holds a key, type or check that does not exist or
        names a column it does not declare. All problems at once, with the nearest known key.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror}", file=file, remedy="install the package again") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"is not YAML: {error}", file=file, remedy="correct the syntax at the place named") from error
    problems = _content_problems(content, file)
    if problems:
        raise PlanError.of(problems)
    result: dict[str, Any] = content
    return result


@lru_cache(maxsize=2)
def schema_datasets(standard: Standard) -> tuple[str, ...]:
    """Upper-case names of the datasets ``schemas/<standard>`` describes."""
    return tuple(sorted(file.stem.upper() for file in asset("schemas", standard).glob("*.yaml")))


def standard_of(dataset: str) -> Standard:
    """ADaM for AD* that has an ADaM schema or no SDTM one, else SDTM."""
    name = dataset.upper()
    return "adam" if name.startswith("AD") and name not in schema_datasets("sdtm") else "sdtm"


def has_schema(dataset: str) -> bool:
    """Whether schemas/ describes this dataset."""
    return dataset.upper() in schema_datasets(standard_of(dataset))


@lru_cache(maxsize=64)
def read_schema(dataset: str) -> MappingProxyType[str, Any]:
    """Read the schema of a dataset (``"AE"``, ``"ADSL"``; case does not matter) as plain data.

    Raises
    ------
    ReportError
        There is no schema of that name, or the file is wrong (see `read_schema_file`).
    """
    if not has_schema(dataset):
        known = schema_datasets(standard_of(dataset))
        raise PlanError(f"dataset {dataset!r} has no schema", file="schemas", remedy=f"use one of {', '.join(known)}")
    return MappingProxyType(read_schema_file(asset("schemas", standard_of(dataset), f"{dataset.lower()}.yaml")))


def schema_labels(dataset: str) -> dict[str, str]:
    """Label of each variable of a dataset, in the order of its schema; empty without a schema."""
    if not has_schema(dataset):
        return {}
    return {name: column["title"] for name, column in read_schema(dataset)["columns"].items()}


def schema_types(dataset: str) -> dict[str, Kind]:
    """Kind of each variable: ``text``, ``number`` or ``date``; empty without a schema."""
    if not has_schema(dataset):
        return {}
    return {name: TYPES[column["dtype"]] for name, column in read_schema(dataset)["columns"].items()}


@lru_cache(maxsize=64)
def seen_blind(dataset: str) -> frozenset[str]:
    """Variables of a dataset that are seen of a phase while it is blind; none without a schema."""
    return frozenset(read_schema(dataset).get("blind", {}).get("keep", ())) if has_schema(dataset) else frozenset()


def parameters_seen_blind(dataset: str) -> frozenset[str] | None:
    """Parameters whose records are seen of a phase while it is blind; None where all are."""
    codes = read_schema(dataset).get("blind", {}).get("parameters") if has_schema(dataset) else None
    return None if codes is None else frozenset(codes)


def is_quotable(dataset: str, variable: str) -> bool:
    """Whether an error may quote a value of the variable before anybody knows whose it is and which phase is blind."""
    return variable in seen_blind(dataset) and parameters_seen_blind(dataset) is None


@lru_cache(maxsize=2)
def _shared_types(standard: Standard) -> MappingProxyType[str, Kind]:
    """Kind of each variable of a standard that is of one kind in all datasets that have it."""
    kinds: dict[str, set[Kind]] = {}
    for dataset in schema_datasets(standard):
        for name, kind in schema_types(dataset).items():
            kinds.setdefault(name, set()).add(kind)
    return MappingProxyType({name: next(iter(found)) for name, found in kinds.items() if len(found) == 1})


@lru_cache(maxsize=4096)
def variable_kind(dataset: str, variable: str) -> Kind:
    """Kind of a variable: of its schema, else of other datasets that have it (VISITNUM), else text."""
    own = schema_types(dataset).get(variable)
    return own or _shared_types(standard_of(dataset)).get(variable, "text")


def schema_title(dataset: str) -> str:
    """Label of the dataset; empty without a schema."""
    return str(read_schema(dataset).get("title", "")) if has_schema(dataset) else ""


def supplemental_variables(dataset: str) -> list[str]:
    """Variables of a domain that come from its SUPP-- dataset and must be there after reading."""
    if not has_schema(dataset):
        return []
    columns = read_schema(dataset)["columns"].items()
    return [
        name for name, column in columns if str(column.get("description", "")).startswith("SUPP") and column.get("required", True)
    ]


def schema_values(dataset: str, variable: str) -> tuple[tuple[Any, ...], bool] | None:
    """The values a variable may have, and whether it may be missing; None where its schema lists none."""
    column = read_schema(dataset)["columns"].get(variable, {}) if has_schema(dataset) else {}
    return (tuple(column["isin"]), bool(column.get("nullable"))) if "isin" in column else None
