"""All outputs of a trial in CSR order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.errors import ReportError
from cgbm1_report.outputs import declarations
from cgbm1_report.outputs.declare import Declaration, make_output
from cgbm1_report.table import Output, Stamp
from cgbm1_report.trial import Trial
from cgbm1_report.view import ALL_GROUPS, View


@dataclass(frozen=True)
class Entry:
    """One output of one phase: what ``list`` prints and ``show`` makes."""

    number: str
    phase: int
    declared: Declaration

    @property
    def title(self) -> str:
        return self.declared.title

    @property
    def population(self) -> str:
        return self.declared.population_code(self.phase)

    @property
    def source(self) -> tuple[str, ...]:
        return self.declared.source


def csr_order(number: str) -> tuple[object, ...]:
    """Sorts numbers as a CSR does: by section, then tables, figures, listings.

    Section 14 keeps 14.1, 14.2, 14.3 together, each with its tables before its figures.
    """
    digits = tuple(int(part) for part in re.findall(r"\d+", number))
    kind = "TFLNA".find(number[:1])
    return (digits[:2], kind, digits[2:], number)


def catalogue(trial: Trial, *, scope: str = "phase") -> dict[str, Entry]:
    """Every output of the trial by its full number, in CSR order.

    ``trial.outputs`` limits it; a number there that nothing declares is an error.
    """
    found = {
        f"{declared.number}.{phase}": Entry(f"{declared.number}.{phase}", phase, declared)
        for declared in declarations(trial)
        for phase in trial.phase_numbers
        if declared.in_phase(phase, trial) and (declared.scope == "phase" or scope == "dose group")
    }
    if trial.outputs is not None:
        unknown = [number for number in trial.outputs if number not in found]
        if unknown:
            raise ReportError(
                f"{', '.join(unknown)} is not declared", file="trial.yaml", rule="outputs", remedy=_nearest(unknown[0], list(found))
            )
        found = {number: entry for number, entry in found.items() if number in trial.outputs}
    return dict(sorted(found.items(), key=lambda item: csr_order(item[0])))


def _nearest(number: str, known: list[str]) -> str:
    close = difflib.get_close_matches(number, known, n=3, cutoff=0.6)
    return f"did you mean {', '.join(close)}?" if close else "cgbm1-report list names every output"


def find(number: str, trial: Trial, *, scope: str = "phase") -> Entry:
    """The output with this full number.

    Raises
    ------
    ReportError
        Nothing is declared under the number; the nearest numbers are named.
    """
    entries = catalogue(trial, scope=scope)
    if number not in entries:
        raise ReportError(
            f"output {number!r} is unknown", rule="output numbers", place="catalogue", remedy=_nearest(number, list(entries))
        )
    return entries[number]


def make(
    entry: Entry,
    trial: Trial,
    adam: Mapping[str, pd.DataFrame],
    stamp: Stamp,
    *,
    dose_group: str = ALL_GROUPS,
    pooled: bool = False,
) -> Output:
    """Make one output from ADaM data.

    Raises
    ------
    ReportError
        A dataset or variable it needs is missing, or the data hold an unknown treatment; the output
        is named.
    """
    view = View(trial, adam, entry.phase, trial.population(entry.population), stamp, dose_group, pooled, entry.declared.total)
    number = entry.number if dose_group == ALL_GROUPS else f"{entry.number}-{dose_group}"
    try:
        return make_output(entry.declared, number, view)
    except ReportError as error:
        raise ReportError(f"{number} ({entry.title}) cannot be made: {error}") from error
    except (KeyError, ValueError) as error:
        raise ReportError(
            f"{number} ({entry.title}) cannot be made: {error}", rule="outputs", remedy="check the datasets it is made from"
        ) from error
