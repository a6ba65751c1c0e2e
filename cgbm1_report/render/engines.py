"""Which engine renders here: Quarto where one is on PATH that works, else the embedded one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cgbm1_report.errors import Problem, ToolError
from cgbm1_report.render.pandoc import pandoc_record

EngineChoice = Literal["auto", "quarto", "embedded"]

#: The first that makes PDF/A and PDF/UA (``pdf-standard``).
OLDEST_QUARTO = (1, 9)
#: Seconds that a look at Quarto may take. Started cold from a network drive it needs several.
_LOOK = 120
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)*\S*")


@dataclass(frozen=True)
class Engine:
    """What renders: its name, where it is and its version where it is Quarto, and why it was taken where that is not plain."""

    name: Literal["quarto", "embedded"]
    path: str = ""
    version: str = ""
    why: str = ""

    def __str__(self) -> str:
        told = f"Quarto {self.version} at {self.path}" if self.name == "quarto" else "the embedded engine"
        return f"{told} ({self.why})" if self.why else told


@dataclass(frozen=True)
class QuartoHere:
    """The Quarto that is on PATH: its version as it says it, and what keeps it from being used, if anything does."""

    path: str
    version: str
    fault: str


def choose_engine(choice: EngineChoice) -> Engine:
    """The engine by this choice; ``auto`` takes Quarto only where it makes an archive's document of one cell.

    Raises
    ------
    ToolError
        Quarto is asked for by name and is not there, too old, or does not work. A build asks before its work.
    """
    if choice == "embedded":
        return Engine("embedded")
    found = examine_quarto()
    if found is not None and not found.fault:
        return Engine("quarto", found.path, found.version)
    if choice == "auto":
        return Engine("embedded", why=f"Quarto at {found.path} {found.fault}" if found else "")
    raise ToolError(
        found.fault if found else "Quarto is not on PATH",
        file=found.path if found else "",
        rule="engine quarto",
        remedy="install it (pip install 'cgbm1-report[quarto]'), or use the engine embedded, which needs nothing else",
    )


#: What the formats are made with, by the names they are imported and installed by. Pandoc is needed whatever is asked for.
_MADE_WITH = {"pdf": {"typst": "typst", "pikepdf": "pikepdf", "pypdf": "pypdf"}}


def require_programs(formats: Collection[str]) -> None:
    """Refuse to begin where a program is missing that the formats are made with at the end.

    Raises
    ------
    ToolError
        With every one that is missing, and how to get it.
    """
    problems = [
        Problem(
            f"{package} is not installed", rule=f"format {form}", remedy=f"pip install {package}, or leave {form} out of --formats"
        )
        for form, packages in _MADE_WITH.items()
        if form in formats
        for module, package in packages.items()
        if find_spec(module) is None
    ]
    try:
        pandoc_record()
    except ToolError as error:
        problems += error.problems
    if problems:
        raise ToolError.of(problems)


def examine_quarto() -> QuartoHere | None:
    """The Quarto on PATH, looked at once per process; None where there is none."""
    path = shutil.which("quarto")
    return _examine(path) if path else None


@cache
def _examine(path: str) -> QuartoHere:
    from cgbm1_report.render.quarto import first_error, run_quarto

    with tempfile.TemporaryDirectory(prefix="quarto-") as folder:
        try:
            said = run_quarto(path, ["--version"], Path(folder), _LOOK).decode("utf-8", "replace").strip()
            numbers = _VERSION.fullmatch(said)
            if numbers is None:
                return QuartoHere(path, "", f"does not say its version, but {said[:60]!r}")
            if (int(numbers[1]), int(numbers[2])) < OLDEST_QUARTO:
                oldest = ".".join(map(str, OLDEST_QUARTO))
                return QuartoHere(path, said, f"is {said}; {oldest} is needed")
            Path(folder, "cell.ipynb").write_text(json.dumps(_ONE_CELL), encoding="utf-8")
            Path(folder, "_quarto.yml").write_text("project:\n  type: default\n", encoding="utf-8")
            Path(folder, "cell.yml").write_text(json.dumps(_ARCHIVED), encoding="utf-8")
            asked = ["--to", "typst", "--output", "cell.pdf", "--no-execute", "--metadata-file", "cell.yml"]
            run_quarto(path, ["render", "cell.ipynb", *asked], Path(folder), _LOOK)
            made = Path(folder, "cell.pdf")
            if not made.is_file() or not made.read_bytes().startswith(b"%PDF-"):
                return QuartoHere(path, said, "makes no PDF of a notebook of one cell")
        except subprocess.CalledProcessError as error:
            return QuartoHere(path, "", f"does not work: {first_error(error)}")
        except subprocess.TimeoutExpired:
            return QuartoHere(path, "", f"does not answer within {_LOOK} s")
        except OSError as error:
            return QuartoHere(path, "", f"cannot be run: {error.strerror}")
    return QuartoHere(path, said, "")


#: An older typst, which QUARTO_TYPST may name, knows no PDF/A-2a.
_ARCHIVED = {"title": "One cell", "format": {"typst": {"pdf-standard": ["a-2a"]}}}
#: What is rendered to see that Quarto works.
_ONE_CELL = {
    "cells": [{"cell_type": "markdown", "id": "one", "metadata": {}, "source": ["One cell.\n"]}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
