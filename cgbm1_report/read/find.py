"""Which files of a folder are datasets of the cut, and under which name."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cgbm1_report.errors import DataError, PlanError, Problem, ReportError
from cgbm1_report.protocol.schema import Standard, standard_of
from cgbm1_report.read.checksums import MANIFEST
from cgbm1_report.system.manifest import MANIFEST as OF_A_BUILD
from cgbm1_report.system.manifest import is_build

#: A dataset is named by its file: by a name of this form, or by one that trial.yaml gives it.
DATASET_NAME = re.compile(r"[a-z][a-z0-9]{1,7}")
EXTENSIONS = frozenset({".xpt", ".sas7bdat", ".parquet", ".csv", ".json", ".ndjson"})
#: What a cut's files were when it was sealed; see :mod:`cgbm1_report.read.seal`.
SEAL = "seal.json"
#: What a cut says of itself.
ABOUT = "cut.json"
#: What is said of a build where a cut is looked for.
NO_CUT = "is a build, not a cut"
#: Its folders of data, in any case of letters, and the standard of what they hold.
_FOLDERS: dict[str, Standard] = {"sdtm": "sdtm", "adam": "adam"}
#: Files of a cut that are no dataset.
COMPANIONS = frozenset({ABOUT, "defects_manifest.json", SEAL})
#: Files that hold data by their name but are of no format that is read, or packed.
_DATA = EXTENSIONS | {".gz", ".zip", ".7z", ".tar", ".bz2", ".xz", ".zst", ".xlsx", ".xls", ".sav", ".dta", ".rds", ".rda", ".tsv"}
#: Entries of a cut folder that are looked at; a folder of more is no cut.
MOST_ENTRIES = 100_000


@dataclass(frozen=True)
class DatasetFile:
    """One file and the dataset it holds (upper-case, after the trial's own naming).

    Of a dataset that the trial has in parts each file is a dataset of its own, which is ``part_of`` ours.
    """

    path: Path
    relative: str
    dataset: str
    standard: Standard
    part_of: str = ""

    @property
    def extension(self) -> str:
        return self.path.suffix.lower()


def list_folder(folder: Path) -> list[Path]:
    """Entries of a folder by name; a folder that is missing or may not be read is an error."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    except FileNotFoundError:
        raise PlanError("does not exist", file=folder, rule="cut folder", remedy="check the path of the cut") from None
    except NotADirectoryError:
        raise PlanError(
            "is not a folder", file=folder, rule="cut folder", remedy="name the folder that holds sdtm/ or adam/"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", file=folder, rule="cut folder", remedy="check its permissions"
        ) from error


def find_signs(folder: Path) -> list[str]:
    """What in a folder makes it that of a cut, by how it looks: SDTM, or what says of itself what cut it is; of a build nothing.

    Folders of data come first. What is written nowhere, and what may be opened as a build, is told by this alone.
    """
    # A build has analysis data, too, beside its manifest.
    own = {"sdtm"} if (folder / OF_A_BUILD).exists() else set(_FOLDERS)
    data = [name for name in _name_folders(folder) if name.lower() in own and _holds_data(folder / name)]
    return data + [name for name in (ABOUT, SEAL) if (folder / name).is_file()]


def has_data(signs: Collection[str]) -> bool:
    """Whether a folder of data is among the signs of a cut; of a file alone it may be that it came there by mistake."""
    return any(name.lower() in _FOLDERS for name in signs)


def refuse_build(folder: Path, rule: str = "cut folder") -> None:
    """Refuse a build where a cut is asked for: nothing in it is to be renamed or removed, as of a cut that cannot be read.

    Raises
    ------
    PlanError
        The folder is a build of ours.
    """
    if is_build(folder):
        remedy = "name the folder of the data it was made of"
        raise PlanError(NO_CUT, file=folder, rule=rule, remedy=remedy, closed=NO_CUT)


def _name_folders(folder: Path) -> list[str]:
    """Entries of a folder that hold data by their name, however its letters are written, SDTM first."""
    try:
        with os.scandir(folder) as entries:
            return sorted((one.name for one in entries if one.name.lower() in _FOLDERS), key=str.lower, reverse=True)
    except OSError:
        return []


def _holds_data(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(Path(one.name).suffix.lower() in EXTENSIONS for one in entries)
    except OSError:
        return False


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a link that leads out of the cut folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            "is a link that leads out of the cut folder", file=path, rule="cut folder", remedy="deliver the file itself, not a link"
        )


def list_files(root: Path) -> list[str]:
    """Every file below a folder, as paths in it; links to folders are not followed and stand as they are.

    Raises
    ------
    ReportError
        There are more than `MOST_ENTRIES`.
    """
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        entries = [*files, *(name for name in folders if (here / name).is_symlink())]
        found += [(here / name).relative_to(root).as_posix() for name in entries]
        if len(found) > MOST_ENTRIES:
            raise DataError(
                f"holds more than {MOST_ENTRIES:,} files", file=root, rule="cut folder", remedy="name the folder of one cut"
            )
    return sorted(found)


def looks_like_data(path: str) -> bool:
    """Whether a file nobody reads may hold data, by its name: such as one in another folder, or packed."""
    name = Path(path)
    return name.suffix.lower() in _DATA and not name.name.startswith(".")


def _folders(folder: Path) -> list[tuple[Path, Standard | None]]:
    """Folders that hold datasets: sdtm/ and adam/ in any case of letters, or else the cut folder itself."""
    named = [(path, _FOLDERS[path.name.lower()]) for path in list_folder(folder) if path.name.lower() in _FOLDERS]
    return [*named] or [(folder, None)]


def _candidates(folder: Path, root: Path, companions: frozenset[str]) -> Iterator[Path]:
    for path in list_folder(folder):
        passed = (folder == root and path.name in companions) or path.name.lower() == MANIFEST
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and not passed and not path.is_dir():
            yield path


def _name_problem(path: Path) -> Problem:
    return Problem(
        f"file name {path.name[:80]!r} is no dataset name",
        file=str(path.parent),
        rule="dataset names: a letter, then 1 to 7 letters or digits; of ADaM what trial.yaml names (datasets)",
        remedy="rename the file to its dataset, name it in trial.yaml, or remove it",
    )


def find_datasets(
    root: Path, datasets: Mapping[str, tuple[str, ...]], companions: frozenset[str]
) -> tuple[list[DatasetFile], list[Problem]]:
    """Dataset files of a cut, and what is wrong with the folder.

    ``datasets`` maps our name to the study's file stem, or to those of its parts. Files that are no data
    (define.xml, README) are passed over.
    """
    ours = {stem.lower(): name.upper() for name, stems in datasets.items() for stem in stems}
    parts = {stem.lower() for stems in datasets.values() if len(stems) > 1 for stem in stems}
    found: list[DatasetFile] = []
    problems: list[Problem] = []
    for folder, standard in _folders(root):
        try:
            check_inside(folder, root)
            paths = list(_candidates(folder, root, companions | COMPANIONS))
        except ReportError as error:
            problems += error.problems
            continue
        for path in paths:
            stem = path.stem.lower()
            if stem not in ours and not DATASET_NAME.fullmatch(stem):
                problems.append(_name_problem(path))
                continue
            ours_name = ours.get(stem, stem.upper())
            name, whole = (stem.upper(), ours_name) if stem in parts else (ours_name, "")
            relative = path.relative_to(root).as_posix()
            found.append(DatasetFile(path, relative, name, standard or standard_of(ours_name), whole))
    return found, problems + _twice(found)


def _twice(found: list[DatasetFile]) -> list[Problem]:
    by_name: dict[tuple[str, str], list[str]] = {}
    for file in found:
        by_name.setdefault((file.standard, file.dataset), []).append(file.relative)
    return [
        Problem(
            f"{name} is delivered more than once: {', '.join(files)}",
            file=files[0],
            rule="one file per dataset",
            remedy="keep the file that holds the data of this cut",
        )
        for (_, name), files in by_name.items()
        if len(files) > 1
    ]
