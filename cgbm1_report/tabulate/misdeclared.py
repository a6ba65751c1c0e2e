"""What declarations of outputs may not say: the number of another, a dataset or a population that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from cgbm1_report.assets import asset
from cgbm1_report.errors import Problem
from cgbm1_report.protocol.packages import FINDINGS, UNBLINDING
from cgbm1_report.protocol.schema import schema_datasets
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.yamlfile import read_yaml

if TYPE_CHECKING:
    from cgbm1_report.tabulate.declare import Declaration


def _file_of(declared: Declaration) -> str:
    """Where an output is declared: a file of the package, or a function of a notebook."""
    if declared.body.__module__.partition(".")[0] != __name__.partition(".")[0]:
        return f"function {getattr(declared.body, '__name__', '')} of the notebook"
    return f"outputs/{declared.body.__module__.rpartition('.')[2]}.py"


def find_shared(found: Sequence[Declaration], trial: Trial) -> Iterator[Problem]:
    """Numbers that several declarations have: with the outcomes of trial.yaml that name one, else with the files they stand in."""
    asked: dict[str, list[str]] = {}
    for at, outcome in enumerate(trial.outcomes):
        for place, number in enumerate(outcome.tlf):
            asked.setdefault(number.rpartition(".")[0], []).append(f"outcomes.{at}.outputs.{place}.number")
    files: dict[str, list[str]] = {}
    for declared in found:
        files.setdefault(declared.number, []).append(_file_of(declared))
    for number, own in files.items():
        if len(own) > 1 and number in asked:
            yield Problem(
                f"output {number} is declared twice: an outcome names it for a table of its own, and another output has it",
                file="trial.yaml",
                rule="one output per number",
                place=", ".join(asked[number]),
                remedy="write a number that cgbm1-report list does not have, of the same section of ICH E3, as T14.2.90.1",
            )
        elif len(own) > 1:
            yield Problem(
                f"output {number} is declared {'twice' if len(own) == 2 else f'{len(own)} times'}",
                file=" and ".join(dict.fromkeys(own)),
                rule="one output per number",
                remedy="give one of them another number",
            )


@cache
def _delivered() -> frozenset[str]:
    """Populations of the protocol that comes with the package: read once, and not checked as a whole, which takes its time."""
    return frozenset(population["code"] for population in read_yaml(asset("trial.yaml"))["populations"])


def find_unknown(found: Sequence[Declaration], trial: Trial) -> Iterator[Problem]:
    """Datasets that schemas/ does not describe, and populations that no protocol declares."""
    described = schema_datasets("adam")
    known = {population.code for population in trial.populations}
    asked = {code for declared in found for code in declared.population_codes}
    # What the delivered protocol has, another study may lack: its outputs are left out. What none has is a slip.
    delivered = known if asked <= known else known | _delivered()
    for declared in found:
        for name in declared.source:
            if name not in described and name not in (FINDINGS, UNBLINDING):
                yield Problem(
                    f"output {declared.number} is made from {name}, which no file of schemas/adam describes",
                    file=_file_of(declared), rule="datasets of an output", remedy=f"use one of {', '.join(described)}",
                )  # fmt: skip
        for code in declared.population_codes:
            if code not in delivered:
                yield Problem(
                    f"output {declared.number} is of population {code}, which trial.yaml does not declare",
                    file=_file_of(declared), rule="populations of an output", remedy=f"use one of {', '.join(sorted(delivered))}",
                )  # fmt: skip
