"""Operational qualification: the tests of the program, run here; each file of them is a check, its first line what it asks."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from cgbm1_report.errors import PlanError, ToolError
from cgbm1_report.qualify.record import Check, Record, make_record, tell_moment

_RULE = "operational qualification"
#: What pytest ends with where it ran tests, passed or not.
_RAN = (0, 1)


def qualify_operation(checkout: Path, chosen: Sequence[str] = ()) -> Record:
    """Run the tests of a checkout, or the files that are named.

    Raises
    ------
    ReportError
        The folder holds no tests; they cannot be run, as where what tests need is not installed.
    """
    if not (checkout / "tests" / "conftest.py").is_file():
        raise PlanError("holds no tests", file=checkout, rule=_RULE, remedy="name a checkout of the program's source")
    begun = tell_moment()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        asked = [f"tests/{name}" for name in chosen] or ["tests"]
        command = [sys.executable, "-m", "pytest", "-n", "auto", f"--junitxml={report}", *asked]
        # What a shell or a run around this one says to its own pytest must not choose, change or skip tests of a record.
        around = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(command, check=False, cwd=checkout, capture_output=True, text=True, env=around)
        if done.returncode not in _RAN or not report.is_file():
            last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["no word"]
            raise ToolError(f"tests did not run: {last[0]}", file=checkout, rule=_RULE, remedy="make env, as the README says")
        checks = read_tests(report, checkout)
    return make_record("oq", "Operational qualification", checks, begun)


def read_tests(report: Path, checkout: Path) -> list[Check]:
    """Of each file of tests how many passed; every test that did not is named, and why a skipped one was."""
    counts: dict[str, Counter[str]] = {}
    told: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  # what pytest wrote a moment ago
        name = case.get("classname", "").split(".")[1:2] or [case.get("name", "")]
        kind = next((kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed")
        counts.setdefault(name[0], Counter())[kind] += 1
        if kind != "passed":
            why = (found.get("message") or "").splitlines()[:1] if (found := case.find(kind)) is not None else []
            told.setdefault(name[0], []).append(f"{case.get('name')}: {kind}{', ' + why[0][:160] if why else ''}")
    return [_check_file(name, own, told.get(name, []), checkout) for name, own in sorted(counts.items())]


def _check_file(name: str, own: Counter[str], told: Sequence[str], checkout: Path) -> Check:
    file = checkout / "tests" / f"{name}.py"
    asked = (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").splitlines()[:1] if file.is_file() else []
    failed = own["failure"] + own["error"]
    observed = f"{own['passed']} passed, {failed} failed, {own['skipped']} not tried"
    return Check(
        f"{name}: {asked[0] if asked else ''}",
        "all pass",
        "; ".join([observed, *told[:5]]),
        False if failed else True if own["passed"] else None,
    )
