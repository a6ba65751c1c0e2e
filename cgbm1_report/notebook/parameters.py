"""What notebooks may be asked: the parameters that each declares in its cell tagged so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cgbm1_report.errors import PlanError, Problem, ReportError
from cgbm1_report.system.workers import Workers, gather

_RULE = "reading the parameters of notebooks"


def literal(path: Path) -> str:
    """Path as papermill takes it: it fills in braces, which a folder's name may hold."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def check_parameters(asked: Sequence[tuple[Path, Mapping[str, object]]], workers: int) -> None:
    """Refuse parameters that a notebook does not have, and notebooks that cannot be read.

    Raises
    ------
    ReportError
        All of them.
    """
    problems: list[Problem] = []
    sources = dict.fromkeys(source for source, _ in asked)
    # What reads notebooks takes half a second to load, and is loaded already where other processes come from.
    with Workers(min(workers, len(sources))) as hands:
        known = dict(zip(sources, gather([hands.call(_ask_parameters, source) for source in sources], _RULE), strict=True))
    for source, parameters in asked:
        told = known[source]
        if isinstance(told, ReportError):
            problems += [one for one in told.problems if one not in problems]
        else:
            problems += _unknown(source, parameters, told)
    if problems:
        raise PlanError.of(problems)


def _ask_parameters(notebook: Path) -> list[str] | ReportError:
    try:
        return _parameters_of(notebook)
    except ReportError as error:
        return error


def _parameters_of(notebook: Path) -> list[str]:
    import papermill

    try:
        return list(papermill.inspect_notebook(literal(notebook)))
    except Exception as error:  # papermill lets through whatever reading raised
        raise PlanError(
            f"cannot be read as a notebook: {type(error).__name__}: {error}",
            file=notebook,
            rule="a Jupyter notebook with a Python kernel",
            remedy="open it in Jupyter, choose the Python 3 kernel and save it",
        ) from error


def _unknown(source: Path, parameters: Mapping[str, object], known: list[str]) -> list[Problem]:
    names = ", ".join(known) if known else "none: no cell has the tag parameters"
    return [
        Problem(
            f"parameter {name!r} is not one of the notebook's parameters",
            file=str(source),
            rule="every parameter stands in the cell tagged parameters",
            remedy=f"use one of the known ones ({names})",
        )
        for name in parameters
        if name not in known
    ]
