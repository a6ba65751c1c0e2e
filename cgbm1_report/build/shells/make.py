"""Mock shells of outputs: each made by its own declaration, of the study in which everything happens once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd

from cgbm1_report.outputs.catalogue import Entry, catalogue, make
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.simulate.shell_study import draw_study
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.table import Output, Stamp
from cgbm1_report.tabulate.view import Review


def make_shells(trial: Trial, entries: Sequence[Entry], stamp: Stamp) -> list[Output]:
    """The shells of these outputs, in their order; of one made of a dose group or of a review, that of the first.

    Raises
    ------
    ReportError
        One cannot be made.
    """
    adam = _leave_unexplained(draw_study(trial, _ask_variables(entries, trial)), entries, trial)
    shared = Shared(adam)
    return [_make_shell(entry, trial, adam, shared, stamp) for entry in entries]


def _make_shell(entry: Entry, trial: Trial, adam: Mapping[str, pd.DataFrame], shared: Shared, stamp: Stamp) -> Output:
    scope = entry.declared.scope
    first = next(arm.armcd for arm in trial.arms_of(entry.phase))
    package = packages().get(scope)
    review = None
    if package and package.reviewed and trial.dose_escalation:
        review = Review(first, next(iter(trial.dose_escalation.reviews)))
    # What a package chooses of the data is shared with nobody: it shows some columns alone.
    return make(
        entry, trial, adam if package else shared, stamp, dose_group=first if scope == "dose group" else ALL_GROUPS,
        pooled=bool(package and package.pooled), review=review, masked=True,
    )  # fmt: skip


def _ask_variables(entries: Iterable[Entry], trial: Trial) -> dict[str, dict[str, None]]:
    """The variables that outputs ask for, by analysis dataset; of two of which one is enough the first."""
    asked: dict[str, dict[str, None]] = {}
    for entry in entries:
        for name in entry.source:
            asked.setdefault(name, {})
        for name, variables in entry.declared.variables_in(entry.phase, trial).items():
            asked.setdefault(name, {}).update(dict.fromkeys(variable.partition("|")[0] for variable in variables))
    # What is no analysis dataset is the committee's that reviews doses.
    return {name: variables for name, variables in asked.items() if name.startswith("AD")}


def _leave_unexplained(adam: Mapping[str, pd.DataFrame], entries: Iterable[Entry], trial: Trial) -> dict[str, pd.DataFrame]:
    """The study without variables that only a footnote explains which the trial does not have: its data have none of them."""
    given = {told for entry in entries for code, told in entry.declared.given.items() if code not in trial.footnotes}
    return {name: frame.drop(columns=[own for of, own in given if of == name], errors="ignore") for name, frame in adam.items()}


@lru_cache(maxsize=1)
def _read(file: Path) -> tuple[Trial, dict[str, Entry]]:
    trial = read_trial(file)
    return trial, catalogue(trial, scope="every")


def make_some(file: Path, numbers: Sequence[str], stamp: Stamp) -> list[Output]:
    """The shells of some outputs by their full numbers, in a process that has read nothing yet."""
    trial, every = _read(file)
    return make_shells(trial, [every[number] for number in numbers], stamp)
