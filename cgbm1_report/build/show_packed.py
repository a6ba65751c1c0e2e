"""One output of a package at once, as the package would hold it: ``show SRC-1 CUT``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cgbm1_report.build.gate import read_data
from cgbm1_report.build.kept import Ready, read_ready
from cgbm1_report.build.packed import closed_phases, take_adam, take_package
from cgbm1_report.build.request import Request, settle_request
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.packages import Package, packages
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.numbers import match_number, split_numbers
from cgbm1_report.tabulate.reviews import settle_review
from cgbm1_report.tabulate.table import Output


def find_packed(request: Request, trial: Trial) -> Package | None:
    """The package that every number is of which is asked for; none where one is the report's, or nobody's."""
    every = catalogue(trial, scope="every")
    named = [every[one].declared.scope for number in split_numbers(request.only or ()) for one in match_number(number, every)]
    scopes = set(named)
    return packages().get(next(iter(scopes))) if len(scopes) == 1 else None


def make_packed(request: Request, package: Package, trial: Trial, file: Path, keep: bool) -> list[Output]:
    """Outputs of a package. One for a review is that of the highest dose group begun, unless another is asked for.

    Raises
    ------
    ReportError
        As `show.show_output`; or the package has no such dose group or review.
    """
    data = _read(request, package, trial, file, keep)
    group, review = (None if request.dose_group == ALL_GROUPS else request.dose_group), request.review
    if package.reviewed:
        latest = find_latest(data.adam, trial, package)
        group = group or latest[0]
        review = review or (latest[1] if group.casefold() == latest[0].casefold() else _reviews(trial)[-1])
    asked = settle_request(replace(request, package=package.name, dose_group=group, review=review), trial)
    reviewed = settle_review(package, asked.dose_group, asked.review, trial)
    adam = data.adam if package.pooled else take_adam(data.adam, package, trial, asked.dose_group)
    stamp, entries = make_stamp(trial, data, pooled=data.pooled, supplied=data.supplied), catalogue(trial, scope=package.name)
    return [
        make(entries[number], trial, adam, stamp, pooled=entries[number].phase in data.pooled, review=reviewed)
        for number in asked.only or ()
    ]


def _read(request: Request, package: Package, trial: Trial, file: Path, keep: bool) -> Ready:
    """What is kept of the cut; where the package may not see what was unblinded since, it is read anew without it."""
    closed = closed_phases(package, trial)
    if not closed:
        return read_ready(request.cut, trial, file, use_adam=request.use_adam, keep=keep)
    read = read_data(request.cut, trial, use_adam=request.use_adam, closed=closed, protocol=request.trial)
    data = take_package(read, package, trial)
    return Ready(data.adam, data.pooled, data.cut.cutoff, data.cut.synthetic, data.supplied)


def _reviews(trial: Trial) -> list[str]:
    return [name.lower() for name in trial.dose_escalation.reviews] if trial.dose_escalation else [""]


def find_latest(adam: Mapping[str, pd.DataFrame], trial: Trial, package: Package) -> tuple[str, str]:
    """The highest dose group that somebody was dosed in, and its review: the first while there are only its sentinels."""
    arms = trial.arms_of(package.phase_in(trial) or 0)
    told = adam.get("SRC_SUBJECTS")
    cohorts = told["COHORT"].value_counts() if told is not None else pd.Series(dtype="int64")
    begun = [arm for arm in arms if arm.column.upper() in cohorts] or list(arms[:1])
    sentinels = trial.dose_escalation.sentinel if trial.dose_escalation else 0
    alone = cohorts.get(begun[-1].column.upper(), 0) <= sentinels
    return begun[-1].armcd, _reviews(trial)[0 if alone else -1]
