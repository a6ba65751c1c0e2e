"""Names of files that somebody asks for: what is written into one is what its ending says."""

from __future__ import annotations

from pathlib import Path

from cgbm1_report.errors import ArgumentError


def require_ending(file: Path, ending: str, rule: str) -> None:
    """Refuse, before anything is written, a file whose name ends as another kind of file.

    Raises
    ------
    ReportError
        The name ends otherwise; the one to take is told.
    """
    if file.suffix.lower() != ending:
        told = f"a file *{ending} is written, whatever its name is"
        raise ArgumentError(told, file=file, rule=rule, remedy=f"name it {file.with_suffix(ending).name if file.name else ending}")
