"""Where a build is put: what may be replaced there, and what is never a target."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cgbm1_report.errors import PlanError, Problem, ReportError, number_of
from cgbm1_report.read.find import find_signs, has_data
from cgbm1_report.system.manifest import MANIFEST, SIGNATURE, is_build, read_manifest, sha256_of_each

_RULE = "output folder"
_ELSEWHERE = "choose another folder with --out"
#: So many files in the way are named.
_NAMED = 20
#: Where Linux lists what is mounted; also folders mounted from the same disk, which os.path.ismount does not see.
_MOUNTS = Path("/proc/self/mountinfo")


def refuse_place(place: Path, *, folders: Mapping[str, Path], files: Mapping[str, Path | None]) -> None:
    """Refuse a target that would take what the run reads, or the ground it stands on.

    Parameters
    ----------
    folders
        Folders that are read, by what they are: the target must not hold one, nor lie in it.
    files
        Files that are read, by what they are: the target must not hold one.

    Raises
    ------
    ReportError
        With every reason; nothing has been touched.
    """
    reasons = [f"is {what} {path}, holds it or lies in it" for what, path in folders.items() if _holds(place, path)]
    reasons = [*reasons, *(f"lies in {what} {path}" for what, path in folders.items() if _holds(path, place) and not reasons)]
    reasons += [f"holds {what} {path}" for what, path in files.items() if path is not None and _holds(place, path)]
    ground = {"the current folder": Path.cwd(), "your home folder": Path.home()}
    reasons += [f"is or holds {what}" for what, path in ground.items() if _holds(place, path)]
    mount = next((point for point in _mount_points() if point == place or place in point.parents), None)
    if mount is not None or os.path.ismount(place):
        reasons.append("is a mount point, or holds one: nothing can take its place in one step")
    if reasons:
        raise PlanError.of(Problem(reason, str(place), _RULE, remedy=_ELSEWHERE) for reason in reasons)
    refuse_within(place, replaces=True)


def refuse_inside(place: Path, folders: Mapping[str, Path]) -> None:
    """Refuse to write into a folder that is read, by what it is.

    Raises
    ------
    ReportError
        With every reason; nothing has been touched.
    """
    problems = [
        Problem(f"is {what} {path} or lies in it, which is only read", str(place), _RULE, remedy=_ELSEWHERE)
        for what, path in folders.items()
        if _holds(path, place)
    ]
    if problems:
        raise PlanError.of(problems)
    refuse_within(place)


def refuse_within(place: Path, *, replaces: bool = False) -> None:
    """Refuse to write into a cut or a build, whichever it is: the one is as it was delivered, the other as it was made.

    ``replaces`` says that a build may be replaced as a whole.

    Raises
    ------
    ReportError
        The place is one, or lies in one.
    """
    for folder in (place, *place.parents):
        signs = find_signs(folder)
        held = " and ".join(signs)
        what = f"a data cut (it holds {held})" if signs else "a build" if is_build(folder) else ""
        if what and not (replaces and folder == place and not signs):
            told = f"is {what}" if folder == place else f"lies in {folder}, which is {what}"
            # A file may have come there by mistake; what holds data is a cut.
            stray = "" if not signs or has_data(signs) else f"; where {folder} is no cut, take {held} out of it"
            raise PlanError(f"{told}: nothing is written into it", file=place, rule=_RULE, remedy=f"{_ELSEWHERE}{stray}")


def _holds(folder: Path, path: Path) -> bool:
    """Whether a path is a folder or lies in it, whatever links and mounts lead there."""
    real = Path(os.path.realpath(path))
    if real == folder or folder in real.parents:
        return True
    try:
        one = folder.stat()
    except OSError:
        return False
    return any(_is(one, step) for step in (real, *real.parents))


def _is(one: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(one, path.stat())
    except OSError:
        return False


def _mount_points() -> list[Path]:
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    points = [line.split(" ")[4] for line in lines if line.count(" ") > 4]
    return [Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)) for point in points]


def check_replaceable(folder: Path, target: Path) -> None:
    """Refuse to replace anything but a build that is as it was made.

    Its manifest is ours, every file and folder in it is listed there, and no listed file was changed: what
    is not listed, or was changed, is somebody's work; so is a signature of which the manifest knows nothing.

    Parameters
    ----------
    folder
        Where it lies.
    target
        What it is called.

    Raises
    ------
    ReportError
        It is no build, or it holds more than a build: each file, the first of them by name.
    """
    found = find_strange(folder, target)
    problems = [
        Problem(f"{what}: it is not replaced", str(target / name), _RULE, remedy=f"move it out of the build, or {_ELSEWHERE}")
        for name, what in found[:_NAMED]
    ]
    if len(found) > _NAMED:
        problems.append(Problem(number_of(len(found) - _NAMED, "more such file"), str(target), _RULE))
    if problems:
        raise PlanError.of(problems)


def find_strange(folder: Path, target: Path) -> list[tuple[str, str]]:
    """What lies in a build, called ``target``, that is not as the build made it: its path in the build, and what it is.

    Raises
    ------
    ReportError
        It is no finished build, or write-protected.
    """
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise PlanError("exists and is not a folder", file=target, rule=_RULE, remedy=_ELSEWHERE)
    try:
        manifest = read_manifest(folder)
    except ReportError as error:
        why = "; ".join(problem.message for problem in error.problems)
        raise PlanError(f"exists and is not a build ({why})", file=target, rule=_RULE, remedy=_ELSEWHERE) from error
    if manifest["report"]["building"]:
        raise PlanError("exists and is not a build: it was never finished", file=target, rule=_RULE, remedy=_ELSEWHERE)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PlanError("is write-protected", file=target, rule=_RULE, remedy=_ELSEWHERE)
    ours = {MANIFEST, *([SIGNATURE] if "signed_by" in manifest else [])}
    return list(_strange(folder, manifest["files"], ours))


def _parents_of(name: str) -> Iterator[str]:
    """The folders that a file of a build lies in, by their paths in the build."""
    at = name.find("/")
    while at >= 0:
        yield name[:at]
        at = name.find("/", at + 1)


def _strange(folder: Path, files: Mapping[str, Any], ours: Collection[str]) -> Iterable[tuple[str, str]]:
    """What lies in a build and is not as the build made it: its path, and what it is."""

    def stop(error: OSError) -> None:
        raise error

    folders = {parent for name in files for parent in _parents_of(name)}
    found: dict[str, str] = {}
    for place, inner, names in os.walk(folder, onerror=stop):
        inner.sort()
        below = "" if place == str(folder) else f"{Path(place).relative_to(folder).as_posix()}/"
        for name in sorted([*inner, *names]):
            relative = f"{below}{name}"
            mode = os.lstat(os.path.join(place, name)).st_mode
            if relative in ours and stat.S_ISREG(mode):
                continue
            if stat.S_ISDIR(mode):
                found |= {relative: "is a folder that the build did not make"} if relative not in folders else {}
            else:
                listed = relative in files and stat.S_ISREG(mode)
                found[relative] = "" if listed else "is a file that the build did not make"
    listed_ones = [name for name, what in found.items() if not what]
    told = sha256_of_each(folder, listed_ones)
    changed = {name: "was changed since the build" for name, own in told.items() if own != files[name]}
    return [(name, what) for name, what in (found | changed).items() if what]
