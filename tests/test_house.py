"""Rules of the house that no linter knows: the program handles columns, never one record after another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cgbm1_report"

#: Steps of the way that work on records. What prints texts (outputs, emit, define, pages) may go through rows.
STEPS = ("iso8601.py", "read", "validate", "derive", "analyse", "build/gate.py")
#: Loops over a handful of rows, each for its reason: findings, rules and problems, never data.
FEW = {
    "read/supp.py": "the first twenty problems of a kind",
    "validate/findings.py": "findings",
    "validate/laboratory.py": "declared conversions",
}


def sources() -> list[Path]:
    paths = [PACKAGE / step for step in STEPS]
    return sorted(file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]))


def find_row_loops(code: str) -> list[str]:
    """Calls that go through a frame record by record, each with its line."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name in {"iterrows", "itertuples"} or (name == "apply" and _goes_by_row(node)):
            found.append(f"line {node.lineno}: {name}")
    return found


def _goes_by_row(call: ast.Call) -> bool:
    axes = [keyword.value for keyword in call.keywords if keyword.arg == "axis"] + call.args[1:2]
    return any(isinstance(axis, ast.Constant) and axis.value in (1, "columns") for axis in axes)


@pytest.mark.parametrize(
    ("code", "loops"),
    [
        ("for i, row in frame.iterrows(): pass", ["line 1: iterrows"]),
        ("x = [r for r in frame.itertuples()]", ["line 1: itertuples"]),
        ("frame.apply(f, axis=1)", ["line 1: apply"]),
        ("frame.apply(f, 'columns')", ["line 1: apply"]),
        ("frame.apply(f)", []),
        ("frame.min(axis=1)", []),
    ],
)
def test_loop_over_records_is_seen(code: str, loops: list[str]) -> None:
    assert find_row_loops(code) == loops


def test_every_step_that_works_on_records_is_read() -> None:
    assert {step for step in STEPS if not (PACKAGE / step).exists()} == set()


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(PACKAGE))) for file in sources()])
def test_no_step_goes_through_records_one_by_one(file: Path) -> None:
    if file.relative_to(PACKAGE).as_posix() not in FEW:
        assert find_row_loops(file.read_text(encoding="utf-8")) == []


def find_errors_of_no_kind(code: str) -> list[str]:
    """Places that make a ReportError itself: a job could not tell whose it is to mend."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named = [call.value if isinstance(call, ast.Attribute) and call.attr == "of" else call for call in calls]
    return [f"line {name.lineno}" for name in named if isinstance(name, ast.Name) and name.id == "ReportError"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise ReportError('x', file=f)", ["line 1"]),
        ("def f():\n    return ReportError.of(problems)", ["line 2"]),
        ("raise DataError('x')", []),
        ("raise PlanError.of(problems)", []),
        ("try: f()\nexcept ReportError as error: raise type(error)('x')", []),
    ],
)
def test_error_of_no_kind_is_seen(code: str, found: list[str]) -> None:
    assert find_errors_of_no_kind(code) == found


def test_every_error_says_whose_it_is_to_mend() -> None:
    """`DataError`, `PlanError`, `ToolError`, `ProofError` or `WritingError` (errors.py), never the base."""
    found = {
        file.relative_to(PACKAGE).as_posix(): find_errors_of_no_kind(file.read_text(encoding="utf-8"))
        for file in PACKAGE.rglob("*.py")
    }
    assert {name: places for name, places in found.items() if places} == {}
