"""Which files of a folder are the cut's, and the SHA-256 of each: what is known of a cut before anything of it is read as data.

Nothing here loads pandas: whoever asks whether anything has changed waits for no more than the hashing.
"""

from __future__ import annotations

import re
from pathlib import Path

from cgbm1_report.errors import DataError, Problem, ReportError
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import declared
from cgbm1_report.read.find import ABOUT, DatasetFile, find_datasets, list_files, list_folder, refuse_build
from cgbm1_report.read.intake import Intake, put_first

SRC_DECISIONS = "src_decisions.csv"
#: What physicians write of events (:mod:`.narratives`).
NARRATIVES = "narratives.csv"
#: Keys of cut.json that mean something here; another key that looks like one of them is a slip.
ABOUT_KEYS = ("cutoff", "synthetic")

#: A day, alone or with the time of a TS record.
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


def companion_names(trial: Trial | None) -> tuple[str, ...]:
    return (ABOUT, SRC_DECISIONS, NARRATIVES, declared(trial).file)


def companion_paths(folder: Path, trial: Trial | None) -> dict[str, Path]:
    """The files beside the datasets that this cut has, by the name they go by; letters may be of either case.

    Raises
    ------
    ReportError
        Two files differ in the case of their letters alone.
    """
    by_name: dict[str, list[Path]] = {}
    for path in list_folder(folder):
        if not path.is_dir():
            by_name.setdefault(path.name.lower(), []).append(path)
    found = {name: by_name[name.lower()] for name in companion_names(trial) if name.lower() in by_name}
    problems = [
        Problem(f"{name} stands twice: {', '.join(path.name for path in paths)}", str(folder), "cut folder", remedy="keep one")
        for name, paths in found.items()
        if len(paths) > 1
    ]
    if problems:
        raise DataError.of(problems)
    return {name: paths[0] for name, paths in found.items()}


def near_companions(unread: list[str], trial: Trial | None) -> list[Problem]:
    """Files nobody reads that look like one of those beside the datasets: ``unblinding.xlsx``."""
    stems = {name.partition(".")[0].lower(): name for name in companion_names(trial)}
    near = {path: stems.get(re.split(r"[^a-z_]", path.lower())[0]) for path in unread if "/" not in path}
    said = "is not read: what it may hold is read from"
    return [
        Problem(f"{path[:120]!r} {said} {name}", file=name, rule="cut folder", remedy=f"write {name}, or remove the file")
        for path, name in near.items()
        if name
    ]


def find_files(folder: Path, trial: Trial | None) -> tuple[list[DatasetFile], list[Problem]]:
    names = {name.lower() for name in companion_names(trial)}
    companions = frozenset(path.name for path in list_folder(folder) if path.name.lower() in names)
    refuse_build(folder)
    found, problems = find_datasets(folder, trial.dataset_files if trial else {}, companions)
    if not found and not problems:
        problems = [
            Problem(
                "holds no dataset",
                file=str(folder),
                rule="cut folder",
                remedy="put the data in sdtm/ or adam/, as .xpt, .parquet, .csv …",
            )
        ]
    return found, problems


def hash_cut(folder: Path | str, trial: Trial | None = None) -> dict[str, str]:
    """SHA-256 of every file of a cut that is read, by its path in the folder; makes no frames.

    Raises
    ------
    ReportError
        The folder or one of its files cannot be used (see `read_cut`).
    """
    root = Path(folder)
    found, problems = find_files(root, trial)
    intake = Intake(root)
    for path in [*(file.path for file in found), *companion_paths(root, trial).values()]:
        try:
            intake.take(path)
        except ReportError as error:
            problems += error.problems
    problems = put_first(intake.check(list_files(root)), problems)
    problems += intake.check_same({problem.file for problem in problems})
    if problems:
        raise DataError.of(problems)
    return dict(sorted(intake.hashes.items()))
