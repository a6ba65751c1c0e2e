"""What notebooks may not change, and the receipts that prove it.

Everything a report is counted from is hashed before the first notebook. What `show` writes is hashed as it is
written; that receipt travels with what is displayed, through the kernel and papermill and over a pipe to the
process that builds, so no notebook's files hold it. What differs after the last notebook stops the build.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cgbm1_report.errors import PlanError, Problem

#: The key of the display's metadata that holds receipts.
KEY = "cgbm1_report"
#: The key of the display's metadata that says which headings it stands under, from the outermost, and what it is:
#: ``{"place": [...], "is": "output" | "heading" | "lead" | "nothing"}``. A report is ordered by it. An output also says the
#: ``name`` it is linked by and those of its ``links``: a document links what it holds.
PLACE = "cgbm1_report_place"
#: The key of the display's metadata that holds what its words quote of outputs: of each
#: ``output, row, column, stat, text`` (`values.find_value`).
QUOTED = "cgbm1_report_quoted"
#: Folders in which a notebook shows outputs; only files in them have receipts.
SHOWN = ("outputs/", "results/")
#: The folder in which notebooks run and may leave files of their own.
FREE = "notebooks/"
_LINK = "a link"


@dataclass(frozen=True)
class Executed:
    """What a notebook's own process told when it was done: the SHA-256 of its executed copy, and of what it showed."""

    digest: str = ""
    receipts: Mapping[str, str] = field(default_factory=dict)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits; a link has none, whatever it leads to."""
    if path.is_symlink():
        return _LINK
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_receipts(folder: Path, files: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Metadata of a display: the SHA-256 of files just written, by their path in the build's folder."""
    return {KEY: {file.relative_to(folder).as_posix(): digest_of(file) for file in files}}


def read_receipts(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """All receipts of an executed notebook; of a file that was shown again, the last."""
    found: dict[str, str] = {}
    for cell in cells:
        for output in cell.get("outputs", ()):
            told = output.get("metadata", {}).get(KEY, {})
            found |= {name: digest for name, digest in told.items() if name.startswith(SHOWN)}
    return found


def take_stock(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder by its path there; links are not followed."""
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    found = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        found += [Path(root, name) for name in (*links, *names)]
    return sorted(found)


class Witness:
    """Sees what became of a build's folder while its notebooks ran."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = take_stock(folder)
        self._owner: dict[str, str] = {}
        self._told: list[Problem] = []
        self._running: set[str] = set()
        self._signs = {name: self._sign(name) for name in self._known}
        self._suspects: dict[str, Sequence[str]] = {}

    def start(self, notebook: str) -> None:
        """A notebook begins."""
        self._running.add(notebook)

    def end(self, notebook: str, executed: Executed) -> None:
        """A notebook is over: what changed by now, it or one that runs beside it has changed."""
        there = {path.relative_to(self._folder).as_posix() for path in _files(self._folder)}
        changed = {name for name in there | self._signs.keys() if self._sign(name) != self._signs.get(name)}
        for name in changed - self._suspects.keys():
            self._suspects[name] = sorted(self._running)
        self._running.discard(notebook)
        for name, digest in executed.receipts.items():
            if self._known.setdefault(name, digest) != digest:
                said = f"is another output in {notebook} than in {self._owner.get(name, 'the build')}"
                self._told.append(_problem(name, said, (notebook,)))
            self._owner.setdefault(name, notebook)
        if executed.digest:
            name = f"{FREE}{notebook}"
            self._known[name], self._owner[name] = executed.digest, notebook
        for name in self._known.keys() & there:
            if self._owner.get(name) == notebook:
                # Until now its own notebook wrote it.
                self._suspects.pop(name, None)
                self._signs[name] = self._sign(name)

    def _sign(self, name: str) -> tuple[int, ...]:
        try:
            about = (self._folder / name).lstat()
        except OSError:
            return ()
        return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns

    def refuse_changes(self) -> None:
        """Stop the build where a notebook changed, removed or added what it may not.

        Raises
        ------
        ReportError
            With every such file and, where it can be told, the notebook.
        """
        found = take_stock(self._folder)
        problems = list(self._told)
        for name in sorted(self._known.keys() | found.keys()):
            if name not in found:
                problems.append(self._problem(name, "was removed"))
            elif name not in self._known:
                if not name.startswith(FREE):
                    problems.append(self._problem(name, "was added"))
            elif found[name] != self._known[name]:
                problems.append(self._problem(name, "was changed"))
        if problems:
            raise PlanError.of(problems)

    def changes_of(self, *prefixes: str) -> list[Problem]:
        """Problems of files whose paths begin so and that are not as they were before the notebooks, or as they showed them."""
        return [
            self._problem(name, "was changed")
            for name, digest in sorted(self._known.items())
            if name.startswith(prefixes) and not ((self._folder / name).is_file() and digest_of(self._folder / name) == digest)
        ]

    def refuse_change_of(self, *prefixes: str) -> None:
        """The same as `refuse_changes`, later on, for files whose paths begin so and must still be as they were.

        Raises
        ------
        ReportError
            As for `refuse_changes`.
        """
        problems = self.changes_of(*prefixes)
        if problems:
            raise PlanError.of(problems)

    def read(self, name: str) -> bytes:
        """The content of a file that a notebook showed, which is what its receipt says.

        Raises
        ------
        ReportError
            It is not.
        """
        content = (self._folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != self._known.get(name):
            raise PlanError.of([self._problem(name, "was changed")])
        return content

    def _problem(self, name: str, said: str) -> Problem:
        owner = self._owner.get(name)
        return _problem(name, said, self._suspects.get(name) or ((owner,) if owner else ()))


def _problem(name: str, said: str, notebooks: Sequence[str]) -> Problem:
    return Problem(
        f"{said} while the notebooks ran",
        file=name,
        rule="a notebook shows outputs and changes nothing that is counted or printed",
        place=" or ".join(notebooks),
        remedy="take out of the notebook what writes there; only report.show() writes outputs",
    )
