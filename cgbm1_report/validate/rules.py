"""The register of cross-dataset rules: each a small function with an id, a severity and a stage.

Stage S looks at SDTM (`Source`), stage D at what is derived from it, stage A at ADaM a cut supplies (`Supplied`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, Literal, TypeVar

import pandas as pd

from cgbm1_report.validate.asking import Asker
from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.source import Source
from cgbm1_report.validate.supplied import Supplied

Data = TypeVar("Data")
Check = Callable[[Data], Iterable[pd.DataFrame]]


#: What of a blind phase a rule reads: what may be seen; all, to say something about a dataset as a
#: whole; or treatment, and then its findings are withheld. What is derived is derived of what may be seen.
Reads = Literal["seen", "whole", "treatment", "derived"]
#: Whose ADaM a rule is asked of: that of a trial it can be derived for here, another study's, whose variables are its own,
#: or any, because the standard itself asks for it.
Studies = Literal["own", "other", "any"]


@dataclass(frozen=True)
class Rule(Generic[Data]):
    """One check: its id and severity, what holds, what mends it (a finding may carry its own of both), what it reads."""

    id: str
    severity: str
    title: str
    remedy: str
    check: Check[Data]
    stage: Literal["S", "A", "D"] = "S"
    reads: Reads = "seen"
    studies: Studies = "own"


#: Modules that register rules, in the order they run.
RULE_MODULES = (
    *("subjects", "dates", "visits", "events", "deaths", "dosing", "escalation"),
    *("laboratory", "units", "eligibility", "procedures", "presence", "terms"),
)
ADAM_RULE_MODULES = (
    "adam",
    "recompute",
    "scores",
    "survival",
    "presence",
    "terms",
    "another",
    "event_times",
    "seriousness",
    "decodes",
)

RULES: dict[str, Rule[Source]] = {}
ADAM_RULES: dict[str, Rule[Supplied]] = {}


def _register(register: dict[str, Rule[Data]], entry: Rule[Data]) -> Check[Data]:
    name = entry.check.__name__
    if name in register:
        raise KeyError(f"a check {name} exists already")
    register[name] = entry
    return entry.check


def rule(code: str, severity: str, title: str, remedy: str, *, reads: Reads = "seen") -> Callable[[Check[Source]], Check[Source]]:
    """Register a check of SDTM under its name; two checks of one name are refused."""
    return lambda check: _register(RULES, Rule(code, severity, title, remedy, check, "D" if reads == "derived" else "S", reads))


def adam_rule(
    code: str, severity: str, title: str, remedy: str, *, studies: Studies = "own"
) -> Callable[[Check[Supplied]], Check[Supplied]]:
    """Register a check of supplied ADaM under its name; two checks of one name are refused."""
    return lambda check: _register(ADAM_RULES, Rule(code, severity, title, remedy, check, "A", studies=studies))


def load_rules() -> tuple[dict[str, Rule[Source]], dict[str, Rule[Supplied]]]:
    """Both registers, whole: every module that registers rules is loaded."""
    for module in dict.fromkeys(RULE_MODULES + ADAM_RULE_MODULES):
        import_module(f"cgbm1_report.validate.{module}")
    return RULES, ADAM_RULES


def _findings_of(entry: Rule[Data], data: Data) -> Iterator[pd.DataFrame]:
    for part in entry.check(data):
        if len(part):
            severity = part["severity"].astype("str").fillna(entry.severity)
            own = part["remedy"].fillna(entry.remedy) if "remedy" in part else entry.remedy
            yield part.assign(severity=severity, rule=entry.id, remedy=own)


def run_rule(entry: Rule[Data], data: Data, asker: Asker | None = None) -> pd.DataFrame:
    """All findings of one rule; that it could not be asked is one of them."""
    dataset = "ADaM" if entry.stage == "A" else "SDTM"
    parts = (asker or Asker()).ask(entry.id, entry.title, dataset, lambda: _findings_of(entry, data))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def run_rules(source: Source, asker: Asker | None, *reads: Reads) -> pd.DataFrame:
    """All findings of the registered rules that read one of ``reads``; each asked alone."""
    return collect_findings(run_rule(entry, source, asker) for entry in load_rules()[0].values() if entry.reads in reads)


def run_adam_rules(given: Supplied, asker: Asker | None = None) -> pd.DataFrame:
    """All findings of the registered rules about supplied ADaM of this kind of study, each asked alone."""
    asked = {"any", "other" if given.another else "own"}
    return collect_findings(run_rule(entry, given, asker) for entry in load_rules()[1].values() if entry.studies in asked)
