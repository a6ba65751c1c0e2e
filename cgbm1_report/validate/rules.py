"""The register of cross-dataset rules: each a small function with an id and a severity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

import pandas as pd

from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.source import Source

Check = Callable[[Source], Iterable[pd.DataFrame]]


@dataclass(frozen=True)
class Rule:
    """One check: its id and severity (a finding may carry its own), what holds, what mends it."""

    id: str
    severity: str
    title: str
    remedy: str
    check: Check


#: Modules that register rules, in the order they run.
RULE_MODULES = ("subjects", "dates", "visits", "events", "dosing", "escalation", "laboratory", "eligibility")

RULES: dict[str, Rule] = {}


def rule(code: str, severity: str, title: str, remedy: str) -> Callable[[Check], Check]:
    """Register a check under its name; two checks of one name are refused."""

    def register(check: Check) -> Check:
        name = check.__name__
        if name in RULES:
            raise KeyError(f"a check {name} exists already")
        RULES[name] = Rule(code, severity, title, remedy, check)
        return check

    return register


def run_rule(entry: Rule, source: Source) -> pd.DataFrame:
    """All findings of one rule."""
    parts = [part for part in entry.check(source) if len(part)]
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
