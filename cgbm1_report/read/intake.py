"""Takes the files of a cut in: each is read once, and held against the checksums and the seal that lie in the cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from cgbm1_report.errors import DataError, Problem, ReportError
from cgbm1_report.read.checksums import MANIFEST, check_sums, is_sums, read_manifest, read_sums
from cgbm1_report.read.content import hash_content, read_content
from cgbm1_report.read.find import SEAL, check_inside
from cgbm1_report.read.seal import check_seal

#: The rule of a cut of which a file was changed while it was read.
CHANGED_RULE = "one cut"
_FOLLOWS = "what is told besides may follow from it"


def put_first(differs: Sequence[Problem], others: Sequence[Problem]) -> list[Problem]:
    """What a cut ``differs`` in from its seal and its checksums, then what else is wrong with it.

    A line that somebody added after the cut was sealed is met by whoever reads the file, and is no fault of who delivered it.
    """
    first = [
        replace(one, message=f"{one.message}; {_FOLLOWS}", closed=f"{one.closed}; {_FOLLOWS}") if others and one.closed else one
        for one in differs[:1]
    ]
    return [*first, *differs[1:], *others]


class Intake:
    """Takes the bytes of each file once: what is hashed is what is read, whatever happens to the file meanwhile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, str] = {}
        self._states: dict[Path, tuple[int, ...]] = {}

    def take(self, path: Path) -> bytes:
        """The bytes of a file of the cut, its hash noted; a file that cannot be read or lies outside is an error."""
        check_inside(path, self.root)
        try:
            self._states[path] = _state(path)
            data = read_content(path)
        except OSError as error:
            raise DataError.of([_unreadable(path, error)]) from error
        self.hashes[path.relative_to(self.root).as_posix()] = hash_content(data)
        return data

    def check(self, present: list[str]) -> list[Problem]:
        """Hold what was read against the lists of checksums that lie in the cut; what differs."""
        problems: list[Problem] = []
        for path in [self.root / name for name in present if is_sums(self.root / name) or Path(name).name.lower() == MANIFEST]:
            try:
                data = self.take(path)
                listed = read_sums(data, path) if is_sums(path) else read_manifest(data, path)
                if listed is None:
                    # JSON of some other meaning: named as a file nobody reads.
                    del self.hashes[path.relative_to(self.root).as_posix()]
                    continue
                problems += check_sums(listed, path, self._below(path.parent), frozenset(present), self.root)
            except ReportError as error:
                problems += error.problems
        return [*self._check_seal(present), *problems]

    def check_same(self, told: Collection[str]) -> list[Problem]:
        """Refuse a cut of which a file was changed, or another put in its place, since it was read: half of it may be another's.

        Of files that something is ``told`` of already, that is enough.
        """
        moved = [path for path, state in self._states.items() if _state(path) != state]
        # Rights or a further name change the state of a file, and nothing of what it says.
        names = [path.relative_to(self.root).as_posix() for path in moved]
        other = [name for name, path in zip(names, moved, strict=True) if _hash(path) != self.hashes.get(name, _hash(path))]
        said, remedy = "was changed, or replaced, while the cut was read", "run again when the cut is complete"
        return [Problem(said, file, CHANGED_RULE, remedy=remedy) for name in other if (file := str(self.root / name)) not in told]

    def _check_seal(self, present: list[str]) -> list[Problem]:
        """Hold all that lies in the cut against the seal it has; what differs."""
        if SEAL not in present:
            return []
        seal = self.root / SEAL
        try:
            return check_seal(self.take(seal), seal, self.hashes, present)
        except ReportError as error:
            return list(error.problems)

    def _below(self, folder: Path) -> dict[str, str]:
        """Hashes of what was read below a folder, by path in it."""
        start = "" if folder == self.root else f"{folder.relative_to(self.root).as_posix()}/"
        return {path.removeprefix(start): value for path, value in self.hashes.items() if path.startswith(start)}


def _state(path: Path) -> tuple[int, ...]:
    """What tells that a file is another, or was written to; empty where it is not there."""
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _hash(path: Path) -> str:
    """The hash of what a file says now; none where that cannot be read."""
    try:
        return hash_content(read_content(path))
    except (OSError, ReportError):
        return ""


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(
        f"cannot be read: {error.strerror or error}", file=str(path), rule="cut folder", remedy="check the file and its permissions"
    )
