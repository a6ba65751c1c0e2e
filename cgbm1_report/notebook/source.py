"""A notebook as its author wrote it: what it will show, told before it runs; and which of its cells one of the executed copy is."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.outputs.catalogue import Entry, catalogue
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.numbers import match_number
from cgbm1_report.tabulate.view import ALL_GROUPS

_SHOWS = ("show", "show_section")


def read_source(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook file; none where it cannot be read, which whoever runs it says."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [{**cell, "source": "".join(cell["source"])} for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def own_number(notebook: Path, index: int, parameters: Mapping[str, object]) -> int:
    """The number, from 1, by which the author finds a cell of the executed copy.

    Papermill puts a cell with the parameters below the one tagged so, above all where none is, or in the place of one that
    an earlier run left.
    """
    tags = [cell.get("metadata", {}).get("tags", ()) for cell in read_source(notebook)]
    if not parameters or any("injected-parameters" in own for own in tags):
        return index + 1
    put = next((at + 1 for at, own in enumerate(tags) if "parameters" in own), 0)
    return index + 1 - (index >= put)


@dataclass(frozen=True)
class _Call:
    """A line of a notebook that shows an output or a section, whatever the parameters are."""

    cell: int
    name: str
    number: str


def _calls(notebook: Path) -> Iterator[_Call]:
    for at, cell in enumerate(read_source(notebook), start=1):
        try:
            lines = ast.parse(cell["source"]).body if cell.get("cell_type") == "code" else []
        except (SyntaxError, ValueError):  # a magic, or what fails when it runs
            continue
        for line in lines:
            call = line.value if isinstance(line, ast.Expr) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _SHOWS and call.args:
                number = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
                if isinstance(number, str):
                    yield _Call(at, call.func.attr, number)


def refuse_shown_twice(notebooks: Sequence[tuple[Path, int, str]], trial: Trial, only: Collection[str] | None = None) -> None:
    """Refuse notebooks that show one output twice in a document, before any of them runs.

    Only what a line shows under no condition is seen; the rest is told when it happens.

    Parameters
    ----------
    notebooks
        Each with the phase and the dose group it is run for, in their order.
    only
        The outputs that are made; all, where it is not said.

    Raises
    ------
    ReportError
        Every such line, with the cell that shows the output before it.
    """
    known = {scope: catalogue(trial, scope=scope) for scope in ("phase", "dose group")}
    seen: dict[tuple[int, str], dict[str, str]] = {}
    problems: dict[tuple[str, int], Problem] = {}
    for notebook, phase, group in notebooks:
        entries = known["phase" if group == ALL_GROUPS else "dose group"]
        own = {number: entry for number, entry in entries.items() if entry.phase == phase and (only is None or number in only)}
        shown = seen.setdefault((phase, group), {})
        here: set[str] = set()
        for call in _calls(notebook):
            numbers = [number for number in _numbers(call, own) if call.name == "show" or number not in here]
            twice = {number: shown[number] for number in numbers if number in shown}
            if call.name == "show_section" and call.number in here:
                twice = {f"section {call.number}": notebook.name}
            if twice:
                # Phases share their notebooks: what is wrong in one line is told once.
                problems.setdefault((str(notebook), call.cell), _tell_twice(notebook, call, twice))
            shown |= {number: f"{notebook.name}, cell {call.cell}" for number in numbers if number not in shown}
            here |= {*numbers, *([call.number] if call.name == "show_section" else [])}
    if problems:
        raise PlanError.of(problems.values())


def _numbers(call: _Call, entries: Mapping[str, Entry]) -> list[str]:
    """The outputs a line shows where none of them was shown before."""
    if call.name == "show_section":
        return [number for number, entry in entries.items() if entry.section.number == call.number]
    return match_number(call.number, entries)


def _tell_twice(notebook: Path, call: _Call, twice: Mapping[str, str]) -> Problem:
    return Problem(
        "; ".join(f"{number} is shown twice: first by {place}" for number, place in twice.items()),
        file=str(notebook),
        rule="every output is shown once",
        place=f'cell {call.cell} ({call.name}("{call.number}"))',
        remedy="take one of the lines out; show_section() shows what was not shown above it in its notebook",
    )
