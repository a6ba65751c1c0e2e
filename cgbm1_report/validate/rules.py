"""The register of cross-dataset rules: each a small function with an id, a severity and a stage.

Stage S looks at SDTM (`Source`), stage A at ADaM a cut supplies (`Supplied`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, Literal, TypeVar

import pandas as pd

from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.source import Source
from cgbm1_report.validate.supplied import Supplied

Data = TypeVar("Data")
Check = Callable[[Data], Iterable[pd.DataFrame]]


@dataclass(frozen=True)
class Rule(Generic[Data]):
    """One check: its id and severity (a finding may carry its own), what holds, what mends it."""

    id: str
    severity: str
    title: str
    remedy: str
    check: Check[Data]
    stage: Literal["S", "A"] = "S"


#: Modules that register rules, in the order they run.
RULE_MODULES = (
    *("subjects", "dates", "visits", "events", "dosing", "escalation"),
    *("laboratory", "units", "eligibility", "procedures", "presence"),
)
ADAM_RULE_MODULES = ("adam", "recompute", "scores", "survival", "presence")

RULES: dict[str, Rule[Source]] = {}
ADAM_RULES: dict[str, Rule[Supplied]] = {}


def _register(register: dict[str, Rule[Data]], entry: Rule[Data]) -> Check[Data]:
    name = entry.check.__name__
    if name in register:
        raise KeyError(f"a check {name} exists already")
    register[name] = entry
    return entry.check


def rule(code: str, severity: str, title: str, remedy: str) -> Callable[[Check[Source]], Check[Source]]:
    """Register a check of SDTM under its name; two checks of one name are refused."""
    return lambda check: _register(RULES, Rule(code, severity, title, remedy, check))


def adam_rule(code: str, severity: str, title: str, remedy: str) -> Callable[[Check[Supplied]], Check[Supplied]]:
    """Register a check of supplied ADaM under its name; two checks of one name are refused."""
    return lambda check: _register(ADAM_RULES, Rule(code, severity, title, remedy, check, "A"))


def run_rule(entry: Rule[Data], data: Data) -> pd.DataFrame:
    """All findings of one rule."""
    parts = [part for part in entry.check(data) if len(part)]
    if not parts:
        return pd.DataFrame()
    found = pd.concat(
        [part.assign(severity=part["severity"].astype("str").fillna(entry.severity)) for part in parts], ignore_index=True
    )
    return found.assign(rule=entry.id, remedy=entry.remedy)


def run_rules(source: Source) -> pd.DataFrame:
    """All findings of all registered rules."""
    for module in RULE_MODULES:
        import_module(f"cgbm1_report.validate.{module}")
    return collect_findings(run_rule(entry, source) for entry in RULES.values())


def run_adam_rules(given: Supplied) -> pd.DataFrame:
    """All findings of all registered rules about supplied ADaM."""
    for module in ADAM_RULE_MODULES:
        import_module(f"cgbm1_report.validate.{module}")
    return collect_findings(run_rule(entry, given) for entry in ADAM_RULES.values())
