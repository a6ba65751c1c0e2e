"""What is kept of a build that fails: the notebooks that failed, as far as they ran, in a folder beside its place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cgbm1_report.errors import ReportError
from cgbm1_report.system.listed import refuse_files, remove_files, write_files

_LISTING = "failed.sha256"


def _place(target: Path) -> Path:
    return target.with_name(f"{target.name}-failed")


def keep_failed(target: Path, notebooks: Sequence[Path], error: ReportError) -> ReportError:
    """Keep the executed copies of notebooks that failed, and say where: the error, each of its problems with its notebook.

    They show what the build would have: only their owner may read them. Where the place holds what this program did not
    leave there, nothing is kept.

    Parameters
    ----------
    notebooks
        One for each problem of the error, in their order; a notebook whose process died may have left none.
    """
    folder = _place(target)
    found = {path.name: path.read_bytes() for path in notebooks if path.is_file()}
    if not found or len(notebooks) != len(error.problems) or (folder.exists() and not (folder / _LISTING).is_file()):
        return error
    try:
        refuse_files(folder, found, _LISTING)
        folder.mkdir(mode=0o700, exist_ok=True)
        write_files(folder, found, _LISTING)
    except (ReportError, OSError):
        # Why the build failed is what has to be told; of what could not be kept whole, as on a full disk, nothing stays.
        remove_files(folder, _LISTING)
        with suppress(OSError):
            folder.rmdir()
        return error
    kept = [f"; what ran of it is kept in {folder / path.name}" if path.name in found else "" for path in notebooks]
    told = zip(error.problems, kept, strict=True)
    return type(error).of([replace(problem, remedy=f"{problem.remedy}{where}") for problem, where in told])


def forget_failed(target: Path) -> None:
    """Remove what an earlier build of the same place left of its notebooks, if nobody changed it since."""
    remove_files(_place(target), _LISTING)
