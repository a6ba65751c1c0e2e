"""What this program is, in one number: whatever it makes follows from that, and from what it is given."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from cgbm1_report.assets import BEGAN, asset


def hash_program() -> str:
    """The SHA-256 of every file of this program, of Python and of the names of all that is installed."""
    return _sha256_of({"files": _hash_files(), "stands on": stands_on()})


def hash_code() -> str:
    """The SHA-256 of every file of this program alone: two that have the same version need not be one.

    Empty where it was replaced since this process began: what such a process makes, no files tell any more.
    """
    return "" if was_replaced() else _sha256_of(_hash_files())


def _hash_files() -> dict[str, str]:
    return dict(_hash_each(tuple((name, path, _sign(path)) for name, path in program_files())))


def _sign(path: Path) -> tuple[int, ...]:
    about = path.stat()
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@lru_cache(maxsize=1)
def _hash_each(files: tuple[tuple[str, Path, tuple[int, ...]], ...]) -> tuple[tuple[str, str], ...]:
    """The SHA-256 of each file: a build asks four times, and they are read once as long as none was written."""
    return tuple((name, _sha256(path)) for name, path, _ in files)


def _sha256_of(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def was_replaced() -> bool:
    """Whether a file of the program was changed since this process began to load it, as by an update while it runs.

    What such a process makes does not follow from what is installed now.
    """
    return any(path.stat().st_ctime > BEGAN for _, path in program_files())


def program_files() -> Iterator[tuple[str, Path]]:
    """Every file of this program that decides what is made, by its name."""
    code = Path(__file__).parents[1]
    yield from ((path.relative_to(code).as_posix(), path) for path in sorted(code.rglob("*.py")))
    for name in ("schemas", "templates", "notebooks"):
        folder = asset(name)
        yield from ((f"{name}/{path.relative_to(folder).as_posix()}", path) for path in sorted(folder.rglob("*")) if path.is_file())


def stands_on() -> list[str]:
    """Python, and every installed package with its version, as its folder is named: to read what each says takes longer."""
    folders = [Path(folder) for folder in sys.path if folder]
    found = {place.name for folder in folders if folder.is_dir() for place in folder.glob("*.dist-info")}
    return [platform.python_implementation(), platform.python_version(), *sorted(found)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
