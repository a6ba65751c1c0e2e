"""Looks at a folder of cuts: which are there, which are complete, and what each holds."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.read.find import SEAL, list_files
from cgbm1_report.read.seal import hold_against_seal, measure_files, read_seal
from cgbm1_report.system.chain import CHAIN
from cgbm1_report.watch.record import CHANGES, FINDINGS, PAGE, STATUS, Entry

#: A name a folder of a build may have everywhere, and a line of a log can show.
_NAME = re.compile(r"[^\W_](?:[\w .+@=-]{0,118}[\w+@=-])?")
_TAKEN = frozenset({STATUS, PAGE, FINDINGS, CHANGES, CHAIN})
#: Names the content of a cut by its files, as `measure_files` gives them: equal names for equal contents.
Naming = Callable[[Mapping[str, Mapping[str, Any]]], str]
#: A cut.json that tells a cut-off is small.
_MOST = 1_000_000
#: Why a cut waits that differs from its seal; behind it stands in what.
INCOMPLETE = "is not complete yet, or not as its seal says"


@dataclass(frozen=True)
class Seen:
    """A cut as it lies there: size of each file, one hash of paths, sizes and times, and when the last change was."""

    folder: Path
    files: dict[str, int]
    signature: str
    newest: float


def list_cuts(folder: Path) -> list[str]:
    """Names of the folders in a folder: each is a cut. Hidden ones and links are none.

    Raises
    ------
    OSError
        The folder cannot be read.
    """
    with os.scandir(folder) as entries:
        return sorted(one.name for one in entries if one.is_dir(follow_symlinks=False) and not one.name.startswith("."))


def refuse_name(folder: Path) -> list[Problem]:
    """What is wrong with a cut's name: its build has the same."""
    # A name may hold what would begin a line of its own.
    file = str(folder) if str(folder).isprintable() else ascii(str(folder))[1:-1]
    told = ""
    if folder.name.casefold() in _TAKEN:
        told = "a file of the watch has this name"
    elif not _NAME.fullmatch(folder.name):
        told = (
            "cannot name a build: a letter or digit, then letters, digits, blanks and . + - _ @ =, no blank or point at its "
            "end, 120 characters at most"
        )
    return [Problem(told, file, "names of cuts", remedy="rename the folder", closed=told)] if told else []


def look_at_cut(folder: Path) -> Seen | None:
    """A cut as it is now; None where a file goes away meanwhile: it is being delivered.

    Raises
    ------
    ReportError
        It holds more files than a cut can.
    """
    names = list_files(folder)
    try:
        stats = {name: os.lstat(folder / name) for name in names}
        places = [os.lstat(place) for place in {folder, *(parent for name in names for parent in _between(folder, name))}]
    except OSError:
        return None
    told = [[name, about.st_size, about.st_mtime_ns] for name, about in stats.items()]
    signature = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    # Who copies with the times of the files sets the one; what was written now shows in the other.
    newest = max(max(about.st_mtime, about.st_ctime) for about in [*stats.values(), *places])
    return Seen(folder, {name: about.st_size for name, about in stats.items()}, signature, newest)


def _between(folder: Path, name: str) -> Iterator[Path]:
    place = (folder / name).parent
    while place != folder:
        yield place
        place = place.parent


def settle_cut(entry: Entry, seen: Seen, now: float, rested: float, name: Naming) -> list[Problem]:
    """Take down what a cut holds once it is complete; what keeps it from ever being read as it is.

    It is complete when it is as its seal says, or when it has no seal and lay unchanged for ``rested`` seconds. A sealed
    one that differs from its seal may still be arriving: that is wrong only when it has rested. ``name`` names its content.
    """
    changed = min(entry.seen, seen.newest) if seen.newest <= now else entry.seen
    quiet = now - changed >= rested
    entry.sealed = SEAL in seen.files
    if entry.state == "waiting" and not entry.build:
        # Of one that has a build its cut-off stands until the new files are complete.
        entry.cutoff = read_cutoff(seen.folder)
    if not seen.files:
        entry.why = "holds no file yet"
        return []
    if not entry.sealed and not quiet:
        entry.why = f"has no seal: it is complete when its files have rested for {rested:g} s"
        return []
    try:
        if entry.why.startswith(INCOMPLETE) and not quiet and _is_short(seen):
            # It was told of just these files, and by their sizes alone it is not complete: nothing is hashed again.
            return []
        files = measure_files(seen.folder)
        problems = hold_against_seal(seen.folder / SEAL, files) if entry.sealed else []
        content = "" if problems else name(files)
    except ReportError as error:
        problems = list(error.problems)
    except OSError as error:
        problems = [Problem(f"cannot be read: {error.strerror}", str(error.filename or seen.folder), "cut folder")]
    if problems and not quiet:
        entry.why = f"{INCOMPLETE}: {problems[0].closed or problems[0].message}"
        return []
    after = look_at_cut(seen.folder)
    if after is None or after.signature != seen.signature:
        entry.why = "changed while it was read"
        return []
    entry.settled = True
    if not problems:
        _take(entry, content, read_cutoff(seen.folder))
    return problems


def _take(entry: Entry, content: str, cutoff: str) -> None:
    """Note what a complete cut holds; one that holds what was built before stays as it is."""
    entry.cutoff = cutoff
    if content == entry.content and entry.state in ("done", "failed", "repeated", "removed"):
        entry.why = ""
        return
    # Other files have a turn of their own.
    entry.started = entry.started if content == entry.content else ""
    entry.content, entry.state, entry.why = content, "waiting", ""
    entry.attempts, entry.not_before, entry.same_as, entry.error, entry.exit_code = 0, 0.0, "", {}, 0


def _is_short(seen: Seen) -> bool:
    """Whether paths or sizes alone say that a cut is not as it was sealed."""
    seal = seen.folder / SEAL
    listed = {name: told["bytes"] for name, told in read_seal(seal.read_bytes(), seal).items()}
    return listed != {name: size for name, size in seen.files.items() if name != SEAL}


def read_cutoff(folder: Path) -> str:
    """The day that cut.json names; nothing where it names none. What is wrong with it the build says."""
    from cgbm1_report.read.find import ABOUT
    from cgbm1_report.read.folder import ISO_DAY

    path = folder / ABOUT
    try:
        if path.stat().st_size > _MOST:
            return ""
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return ""
    day = told.get("cutoff") if isinstance(told, dict) else None
    return day[:10] if isinstance(day, str) and ISO_DAY.fullmatch(day) else ""
