"""A notebook as its author wrote it: what it will show, told before it runs; and which of its cells one of the executed copy is."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgbm1_report.errors import PlanError, Problem, ReportError
from cgbm1_report.outputs.catalogue import Entry, catalogue, find_every, scope_of
from cgbm1_report.protocol.packages import find_section, packages
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.numbers import match_number

#: What a report is asked with the number of an output, and with that of a section.
_OF_OUTPUT, _OF_SECTION = ("show", "output", "value"), ("show_section", "section")
#: Statements that run whatever the parameters are.
_PLAIN = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)
#: What is in these runs at times, or later.
_AT_TIMES = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


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
    """What a line of a notebook asks for by a number, whatever the parameters are: ``alone`` where it does nothing else.

    ``report`` says that it is a report which the notebook opens that is asked.
    """

    cell: int
    name: str
    number: str
    alone: bool
    report: bool

    @property
    def place(self) -> str:
        return f'cell {self.cell} ({self.name}("{self.number}"))'


@dataclass(frozen=True)
class _Source:
    """What is read of a notebook before it runs: what it asks for, and the outputs it declares itself."""

    calls: tuple[_Call, ...]
    declared: tuple[str, ...]


def _read(notebook: Path) -> _Source:
    parsed = list(_parsed(notebook))
    every = [node for _, tree in parsed for node in ast.walk(tree)]
    reports = {name for node in every for name in _reports(node)}
    declared = {
        text
        for node in every
        if isinstance(node, ast.FunctionDef)
        for one in node.decorator_list
        if isinstance(one, ast.Call) and _name_of(one.func) == "output" and (text := _number(one))
    }
    calls = [call for cell, tree in parsed for line in tree.body for call in _calls(cell, line, reports)]
    return _Source(tuple(calls), tuple(sorted(declared)))


def _parsed(notebook: Path) -> Iterator[tuple[int, ast.Module]]:
    for at, cell in enumerate(read_source(notebook), start=1):
        if cell.get("cell_type") == "code":
            try:
                yield at, ast.parse(cell["source"])
            except (SyntaxError, ValueError):  # a magic, or what fails when it runs
                continue


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _opens(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and _name_of(node.func) == "open_report"


def _reports(node: ast.AST) -> Iterator[str]:
    """The names that a statement gives to a report it opens."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and _opens(node.value):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _number(call: ast.Call) -> str | None:
    """The number that a call names in its text; none where it is made elsewhere."""
    named = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "number")]
    value = named[0].value if named and isinstance(named[0], ast.Constant) else None
    return value if isinstance(value, str) else None


def _calls(cell: int, line: ast.stmt, reports: Collection[str]) -> Iterator[_Call]:
    for call in _run(line) if isinstance(line, _PLAIN) else ():
        asked, number = call.func, _number(call)
        if isinstance(asked, ast.Attribute) and asked.attr in (*_OF_OUTPUT, *_OF_SECTION) and number is not None:
            report = _opens(asked.value) or _name_of(asked.value) in reports
            yield _Call(cell, asked.attr, number, isinstance(line, ast.Expr) and line.value is call, report)


def _run(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that run where a statement does."""
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _AT_TIMES):
            yield from _run(child)


def refuse_unknown(notebooks: Sequence[tuple[Path, int, str]], trial: Trial) -> None:
    """Refuse notebooks that ask for the number of no output, or of no section, before any of them runs.

    Seen is what is asked of a report that the notebook opens, under no condition and with the number written out; the rest is
    told when it happens. An output that a notebook declares itself is refused by its own reason.

    Parameters
    ----------
    notebooks
        Each with the phase and the dose group, or the package, it is run for.

    Raises
    ------
    ReportError
        Every such line, with the numbers that come nearest.
    """
    known = _known(notebooks, trial)
    problems: dict[tuple[str, _Call], Problem] = {}
    asked: set[tuple[Path, str]] = set()
    for notebook, _, group in notebooks:
        scope = _scope(group)
        # Phases share their notebooks: what is wrong in one line is told once.
        if (notebook, scope) in asked:
            continue
        asked.add((notebook, scope))
        source = _read(notebook)
        own = [f"{number}.{phase}" for number in source.declared for phase in trial.phase_numbers]
        for call in source.calls:
            if not call.report or match_number(call.number, own):
                continue
            try:
                if call.name in _OF_SECTION:
                    find_section(call.number)
                else:
                    find_every(call.number, trial, scope=scope, known=known[scope])
            except ReportError as error:
                told = replace(error.problems[0], file=str(notebook), place=call.place)
                problems.setdefault((str(notebook), call), told)
    if problems:
        raise PlanError.of(problems.values())


def refuse_shown_twice(notebooks: Sequence[tuple[Path, int, str]], trial: Trial, only: Collection[str] | None = None) -> None:
    """Refuse notebooks that show one output twice in a document, before any of them runs.

    Only what a line shows under no condition is seen; the rest is told when it happens.

    Parameters
    ----------
    notebooks
        Each with the phase and the dose group, or the package, it is run for, in their order.
    only
        The outputs that are made; all, where it is not said.

    Raises
    ------
    ReportError
        Every such line, with the cell that shows the output before it.
    """
    known = _known(notebooks, trial)
    seen: dict[tuple[int, str], dict[str, str]] = {}
    problems: dict[tuple[str, int], Problem] = {}
    for notebook, phase, group in notebooks:
        entries = known[_scope(group)]
        own = {number: entry for number, entry in entries.items() if entry.phase == phase and (only is None or number in only)}
        shown = seen.setdefault((phase, group), {})
        here: set[str] = set()
        for call in _read(notebook).calls:
            if not call.alone or call.name not in ("show", "show_section"):
                continue
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


def _scope(part: str) -> str:
    """What a notebook may show: of the package, the dose group or the report that it is run for."""
    return scope_of(ALL_GROUPS, part) if part in packages() else scope_of(part)


def _known(notebooks: Sequence[tuple[Path, int, str]], trial: Trial) -> dict[str, dict[str, Entry]]:
    return {scope: catalogue(trial, scope=scope) for scope in dict.fromkeys(_scope(part) for _, _, part in notebooks)}


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
        place=call.place,
        remedy="take one of the lines out; show_section() shows what was not shown above it in its notebook",
    )
