"""The seal of a cut: the size and SHA-256 of every file in it, so that a cut is seen to be complete and as it was delivered.

A cut that has one is what its seal says or is not read: a file that differs, is missing or came in later refuses it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cgbm1_report.errors import DataError, Problem, ReportError, RoomError, WritingError, number_of
from cgbm1_report.read.find import SEAL, check_inside, find_datasets, list_files, list_folder, refuse_build
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import write_whole

RULE: Final = "seal of the cut"
#: What the first key of a seal says: whose it is, and of which form.
_FORM: Final = "cgbm1-report seal 1"
_AGAIN: Final = "deliver the cut as it was sealed; where it is right as it is now: cgbm1-report seal CUT --again"
_MISSING: Final = "deliver what is missing; only where it was left out on purpose: cgbm1-report seal CUT --again"
_ELSEWHERE: Final = "have it sealed by who may write into the cut, before it is made read-only; or seal a copy, and deliver that"
#: So many files of a kind are named in the one message.
_NAMED: Final = 5
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Sealed:
    """What `seal_cut` did: the seal, whether it was there already and holds, and how much it is of."""

    seal: Path
    files: int
    bytes: int
    #: Whether a seal of just these files was there.
    before: bool

    def tell(self) -> str:
        """In one line."""
        size = f"{number_of(self.files, 'file')}, {number_of(self.bytes, 'byte')}"
        return f"{self.seal}: {'the cut is sealed already and is as it was sealed' if self.before else 'sealed'}: {size}"


def seal_cut(folder: Path, *, again: bool = False) -> Sealed:
    """Write the seal of a cut, or say that it has one that holds.

    Parameters
    ----------
    again
        Whether a seal that is there and does not hold is made anew.

    Raises
    ------
    ReportError
        The folder is no cut, or one of its files is none; the cut differs from the seal it has; the seal cannot be written.
    """
    _refuse_other_folders(folder)
    files = measure_files(folder)
    place = folder / SEAL
    if os.path.lexists(place) and not again:
        problems = hold_against_seal(place, files)
        if problems:
            raise DataError.of(problems)
        return _sealed(place, files, before=True)
    content = json.dumps({"seal": _FORM, "files": files}, ensure_ascii=True, indent=1, sort_keys=True) + "\n"
    try:
        write_whole(place, content.encode("ascii"))
    except OSError as error:
        raise tell_unwritten(error, place, rule=RULE, remedy=_ELSEWHERE) from error
    except WritingError as error:
        # The folder that is told of is the cut: no other can be chosen.
        told = [one if one.rule == RoomError.rule else replace(one, rule=RULE, remedy=_ELSEWHERE) for one in error.problems]
        raise type(error).of(told) from error
    return _sealed(place, files, before=False)


def _sealed(place: Path, files: Mapping[str, Mapping[str, Any]], *, before: bool) -> Sealed:
    return Sealed(place, len(files), sum(told["bytes"] for told in files.values()), before)


def _refuse_other_folders(folder: Path) -> None:
    """A seal is put into a cut alone: never into a build, which would hold a file that it did not make, nor elsewhere."""
    list_folder(folder)
    refuse_build(folder, RULE)
    found, problems = find_datasets(folder, {}, frozenset())
    if not found and not problems:
        raise DataError("holds no dataset", file=folder, rule="cut folder", remedy="name the folder that holds sdtm/ or adam/")


def measure_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file of a cut but its seal, by path, in the order of the paths.

    Raises
    ------
    ReportError
        Every entry that is no file of the cut's own, or cannot be read.
    """
    files: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for name in list_files(folder):
        if name == SEAL:
            continue
        path = folder / name
        try:
            check_inside(path, folder)
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                # A pipe would be waited for for ever; a link to a folder would be sealed by its name alone.
                raise DataError("is no file", file=path, rule="cut folder", remedy="deliver plain files")
            files[name] = {"bytes": about.st_size, "sha256": sha256_of(path)}
        except ReportError as error:
            problems += error.problems
        except OSError as error:
            told = f"cannot be read: {error.strerror or error}"
            problems.append(Problem(told, str(path), "cut folder", remedy="check the file and its permissions"))
    if problems:
        raise DataError.of(problems)
    return files


def read_seal(data: bytes, file: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of each file by its path, as a seal has them.

    Raises
    ------
    ReportError
        It is no seal of ours, or a damaged one.
    """
    try:
        content = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError):
        content = None
    files = content.get("files") if isinstance(content, dict) and content.get("seal") == _FORM else None
    if not isinstance(files, dict) or not files or not all(_is_told(told) for told in files.values()):
        remedy = "deliver the seal again; where the cut is right as it is: cgbm1-report seal CUT --again"
        raise DataError("is no seal of a cut, or a damaged one", file=file, rule=RULE, remedy=remedy)
    return files


def _is_told(told: object) -> bool:
    if not isinstance(told, dict) or set(told) != {"bytes", "sha256"}:
        return False
    size, value = told["bytes"], told["sha256"]
    return type(size) is int and isinstance(value, str) and bool(_SHA256.fullmatch(value))


def hold_against_seal(place: Path, files: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What a cut's files differ in from its seal, in one problem.

    Parameters
    ----------
    files
        As `measure_files` gives them.
    """
    try:
        listed = read_seal(place.read_bytes(), place)
    except OSError as error:
        return [Problem(f"cannot be read: {error.strerror}", str(place), RULE, remedy="check its permissions")]
    except ReportError as error:
        return list(error.problems)
    return compare_with_seal(
        {name: told["sha256"] for name, told in listed.items()}, {name: told["sha256"] for name, told in files.items()}, place
    )


def check_seal(data: bytes, file: Path, read: Mapping[str, str], present: Collection[str]) -> list[Problem]:
    """What a cut that was read differs in from its seal.

    Parameters
    ----------
    data, file
        The seal, which lies in the cut's folder.
    read
        SHA-256 of the very bytes that were read, by path; what nobody reads is hashed here.
    present
        Every file of the cut, by path.
    """
    try:
        listed = {name: told["sha256"] for name, told in read_seal(data, file).items()}
    except ReportError as error:
        return list(error.problems)
    folder = file.parent
    found = {name: read.get(name) or _hash(folder / name, folder) for name in present if name != SEAL}
    return compare_with_seal(listed, found, file)


def _hash(path: Path, folder: Path) -> str:
    """SHA-256 of a file nobody reads; nothing of what is no file of the cut, and so none that was sealed."""
    try:
        check_inside(path, folder)
        about = path.stat()
        return sha256_of(path) if stat.S_ISREG(about.st_mode) else ""
    except (OSError, ReportError):
        return ""


def compare_with_seal(listed: Mapping[str, str], found: Mapping[str, str], seal: Path) -> list[Problem]:
    """The one message of a cut that is not what its seal says; none where it is."""
    kinds = {
        "differs": sorted(name for name in listed.keys() & found.keys() if listed[name] != found[name]),
        "is missing": sorted(listed.keys() - found.keys()),
        "is more than was sealed": sorted(found.keys() - listed.keys()),
    }
    told = [_count(names, kind) for kind, names in kinds.items() if names]
    if not told:
        return []
    message = f"the cut is not as it was sealed: {'; '.join(told)}"
    # Names of files are no values of the data: a log may tell them.
    place = ", ".join(_show(name) for names in kinds.values() for name in names[:_NAMED])
    return [Problem(message, str(seal), RULE, place, _MISSING if kinds["is missing"] else _AGAIN, closed=message)]


def _count(names: list[str], kind: str) -> str:
    many = {"differs": "differ", "is missing": "are missing", "is more than was sealed": "are more than were sealed"}
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    shown = ", ".join(map(_show, names[:_NAMED]))
    return f"{number_of(len(names), 'file')} {many[kind] if len(names) > 1 else kind} ({shown}{more})"


def _show(name: str) -> str:
    """A path on one line, however it is written."""
    return repr(name[:120])[1:-1]


def hash_files(files: Mapping[str, Mapping[str, Any]]) -> str:
    """One SHA-256 of all files of a cut: equal for two cuts whose files have the same paths and contents."""
    told = json.dumps({name: files[name]["sha256"] for name in sorted(files)}, ensure_ascii=True)
    return hashlib.sha256(told.encode("ascii")).hexdigest()
