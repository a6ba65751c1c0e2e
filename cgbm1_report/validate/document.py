"""What the gate asks, as a table made from the code: docs/rules.md.

``python -m cgbm1_report.validate.document > docs/rules.md`` writes it again.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import Any

from cgbm1_report.protocol.schema import read_schema, schema_datasets
from cgbm1_report.validate.rules import Rule, load_rules
from cgbm1_report.validate.texts import RULE_TEXTS

_HEAD = """\
# The rules of the gate

Made from the code by `python -m cgbm1_report.validate.document > docs/rules.md`; a test holds the two together.

Severity E closes the gate, W is a question, I is told. A check may give one of its findings another severity.
Stage S looks at the SDTM of a cut, stage D at what is derived from it, stage A at ADaM that a cut supplies, beside what
the SDTM gives; of another study's ADaM, which cannot be derived here, only those marked "any" or "other" ("other": of that
alone). Each check is asked alone: one that itself fails is a finding (E, "could not be asked"; I where a missing
dataset or variable is the reason).
"""
_SCHEMAS = """\
## What schemas/ ask of each dataset

Variables that must be there (V02, E), their kinds (V02, E) and keys (V03, E) in every dataset; a dataset that schemas/sdtm
describes and a cut does not hold (V02, E) unless it is of trial design; and the checks below.
"""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _asks(entry: Rule[Any]) -> str:
    """What a check asks, by its docstring."""
    return inspect.getdoc(entry.check) or ""


def _stage(entry: Rule[Any]) -> str:
    """The stage of a check, and whose ADaM it is asked of where that is not this trial's alone."""
    return entry.stage if entry.studies == "own" else f"{entry.stage} {entry.studies}"


def _registered() -> list[str]:
    source, supplied = load_rules()
    registered: list[Rule[Any]] = [*source.values(), *supplied.values()]
    entries = sorted(registered, key=lambda entry: (entry.id, "SDA".index(entry.stage), entry.check.__name__))
    lines = []
    for code, (title, text) in RULE_TEXTS.items():
        lines += [f"## {code} {title}", "", _cell(text[:1].upper() + text[1:]) + ".", ""]
        own = [entry for entry in entries if entry.id == code]
        if own:
            lines += [
                _row(["Check", "Stage", "Severity", "What holds", "What it asks", "What mends it"]),
                "|---|---|---|---|---|---|",
            ]
            lines += [
                _row([f"`{entry.check.__name__}`", _stage(entry), entry.severity, entry.title, _asks(entry), entry.remedy])
                for entry in own
            ]
            lines.append("")
    return lines


def _schema_checks() -> list[str]:
    """Rule, stage, severity and datasets of every kind of check that schemas/ ask for."""
    from cgbm1_report.validate.checks import FRAME_CHECKS, iso8601
    from cgbm1_report.validate.schemas import CHECK_RULES, DATASET_RULES

    asks = {name: inspect.getdoc(check) or "" for name, check in FRAME_CHECKS.items()}
    asks |= {
        "isin": "The value is one of the codelist, or of the trial's own list (``in_trial``).",
        "in_range": "The number lies within its limits.",
        "str_matches": "The text has its form.",
        "iso8601": inspect.getdoc(iso8601) or "",
        "nullable": "A value is there.",
        "filled": "The column has a value somewhere.",
        "rows": "The dataset has records once so many subjects are screened or dosed.",
    }
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for stage, standard in (("S", "sdtm"), ("A", "adam")):
        for dataset in schema_datasets(standard):  # type: ignore[arg-type]
            schema = read_schema(dataset)
            columns = schema["columns"].values()
            kinds = {(name, "V02", "E") for column in columns for name in asks if name in column and name != "nullable"}
            kinds |= {("isin", "V02", "E") for column in columns if "in_trial" in column}
            kinds |= {("nullable", "V02", "E") for column in columns if not column.get("nullable", False)}
            kinds |= {(name, "V02", "E, W") for name in ("filled", "rows") if name in schema}
            for check in schema.get("checks") or ():
                name = check["options"]["check_name"]
                code = DATASET_RULES.get((dataset, name), CHECK_RULES.get(name, "V02"))
                kinds.add((name, code, "W" if check["options"].get("raise_warning") else "E"))
            for name, code, severity in kinds:
                found.setdefault((code, stage, name, severity), []).append(dataset)
    lines = [_row(["Rule", "Stage", "Severity", "Check", "What it asks", "Datasets"]), "|---|---|---|---|---|---|"]
    lines += [
        _row([code, stage, severity, f"`{name}`", asks[name], " ".join(datasets)])
        for (code, stage, name, severity), datasets in sorted(found.items())
    ]
    return lines


def emit_rules() -> str:
    """docs/rules.md: every check with id, stage, severity, what holds, what it asks and what mends it."""
    return "\n".join([_HEAD, *_registered(), _SCHEMAS, *_schema_checks()]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(emit_rules())
