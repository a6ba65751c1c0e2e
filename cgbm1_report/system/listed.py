"""Files a command writes into a folder that may hold others: it overwrites its own, and nobody else's.

Beside them it leaves a listing of their SHA-256, in the form of ``sha256sum``: by it the next run knows them again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import write_together


def refuse_files(folder: Path, names: Iterable[str], listing: str) -> None:
    """Refuse to overwrite files that `write_files` did not write there, or that were changed since.

    Raises
    ------
    ReportError
        With every such file.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise PlanError("exists and is not a folder", file=folder, rule="output folder", remedy="name a folder")
    written = _read_listing(folder / listing)
    problems = [
        Problem(
            "exists, and is not as this command left it: it is not overwritten",
            str(folder / name),
            rule="output folder",
            remedy="move it, or name another folder",
        )
        for name in (listing, *names)
        if os.path.lexists(folder / name) and (name not in written or _sha256(folder / name) not in written[name])
    ]
    if problems:
        raise PlanError.of(problems)


def write_files(folder: Path, contents: Mapping[str, bytes], listing: str) -> None:
    """Write files into a folder, all of them or none, and a listing of their SHA-256 in the form of ``sha256sum``.

    By the listing the next run knows that they are ours to overwrite (`refuse_files`).

    Raises
    ------
    ReportError
        Files of these names are there that are not ours; the folder cannot be written.
    """
    refuse_files(folder, contents, listing)
    before = _read_listing(folder / listing)
    after = {name: {hashlib.sha256(content).hexdigest()} for name, content in contents.items()}
    # A run that is killed in between leaves some files of each: for the next one all of them are ours.
    both = {name: before.get(name, set()) | told for name, told in after.items()}
    try:
        write_together(folder, [(listing, _listing(both)), *contents.items(), (listing, _listing(after))])
    except OSError as error:
        raise tell_unwritten(error, folder, remedy="name another folder") from error


def remove_files(folder: Path, listing: str) -> None:
    """Remove the files that `write_files` left in a folder, and the folder where nothing else is in it.

    What was changed since stays, and so does what cannot be removed.
    """
    written = _read_listing(folder / listing)
    with suppress(OSError):
        for name in [name for name, told in written.items() if _sha256(folder / name) in told]:
            (folder / name).unlink()
        if written:
            folder.rmdir()


def _listing(hashes: Mapping[str, set[str]]) -> bytes:
    return "".join(f"{told}  {name}\n" for name, every in hashes.items() for told in sorted(every)).encode()


def _read_listing(path: Path) -> dict[str, set[str]]:
    """Hashes of the files a listing names, and of itself; nothing where it is none of ours."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    found = [re.fullmatch(r"([0-9a-f]{64})  ([^/\0]+)", line) for line in content.decode("utf-8", "replace").splitlines()]
    told: dict[str, set[str]] = {}
    for line in found:
        if line is None:
            return {}
        told.setdefault(line[2], set()).add(line[1])
    return told | {path.name: {hashlib.sha256(content).hexdigest()}}


def _sha256(path: Path) -> str:
    """SHA-256 of a file; of a link, a folder or what cannot be read none."""
    try:
        return "" if path.is_symlink() or not path.is_file() else hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
