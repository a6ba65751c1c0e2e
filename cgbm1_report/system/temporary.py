"""Where temporary files go: while something is made, to the room of that work, so that nothing of it is left elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_outside: list[str] = []


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Temporary files of this process and of its children go to a folder meanwhile."""
    before, told = tempfile.tempdir, os.environ.get("TMPDIR")
    _outside.append(tempfile.gettempdir())
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        _outside.pop()
        tempfile.tempdir = before
        if told is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = told


def outer_temporary_folder() -> str:
    """The system's folder for temporary files, also while those of a work go to its room."""
    return _outside[0] if _outside else tempfile.gettempdir()
