"""What the files of a build are named by: one name for one output, safe on every system."""

from __future__ import annotations

import re

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import find_shared_stems

#: What a file may be named by on every system.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


def refuse_arm_codes(trial: Trial) -> None:
    """Refuse dose groups whose ARMCD cannot name their files, or not apart from another's."""
    named = [arm.armcd for arm in trial.arms]
    folded = [name.casefold() for name in named]
    problems = [
        Problem(f"armcd {name!r} cannot name files", "trial.yaml", "arms", remedy="use letters, digits, _ . and -")
        for name in named
        if not _FILE_NAME.fullmatch(name)
    ]
    problems += [
        Problem(f"armcd {name!r} differs from another by case alone", "trial.yaml", "arms", remedy="give each its own letters")
        for name, key in zip(named, folded, strict=True)
        if folded.count(key) > 1
    ]
    if problems:
        raise PlanError.of(problems)


def refuse_shared_files(trial: Trial) -> None:
    """Refuse outputs of the report and of dose groups whose files would have one name (T14.2.1-1 of arm 1 and T14.2.1.1)."""
    numbers = []
    for number, entry in catalogue(trial, scope="dose group").items():
        numbers += [number, *(f"{number}-{arm.armcd}" for arm in trial.arms if arm.phase == entry.phase)]
    problems = [
        Problem(
            f"the files of {' and '.join(shared)} would all be named {stem}",
            "trial.yaml",
            "file names of outputs",
            remedy="give the arm another armcd, or the outcome another number",
        )
        for stem, shared in find_shared_stems(numbers).items()
    ]
    if problems:
        raise PlanError.of(problems)
