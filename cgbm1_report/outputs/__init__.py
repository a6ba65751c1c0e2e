"""The declared outputs, one file per subject of the report; they are found by looking into this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Declaration, forget
from cgbm1_report.tabulate.declare import declarations as _declarations

__all__ = ["declarations", "find_outputs"]


@cache
def find_outputs() -> tuple[str, ...]:
    """Import every file of the folder, so that what it declares is known; their names.

    Raises
    ------
    ReportError
        With every file that cannot be imported, and why.
    """
    found, problems = [], []
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        try:
            importlib.import_module(f"{__name__}.{module.name}")
        except Exception as error:  # whatever a file does when it is imported, it is named
            told = f"cannot be imported: {type(error).__name__}: {error}"
            remedy = "mend the file, or move what is no output elsewhere"
            problems.append(Problem(told, file=f"outputs/{module.name}.py", rule="outputs are found by looking", remedy=remedy))
            forget(f"{__name__}.{module.name}")
        found.append(module.name)
    if problems:
        raise PlanError.of(problems)
    return tuple(found)


def declarations(trial: Trial) -> list[Declaration]:
    """Everything that the files of this folder declare, the families made for this trial.

    Raises
    ------
    ReportError
        A file cannot be imported; two declarations share a number, or one names a dataset or population that is not there.
    """
    find_outputs()
    return _declarations(trial)
