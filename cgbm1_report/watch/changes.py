"""What changed from one build to the next: in numbers for the status page, and as a page of its own beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cgbm1_report.system.whole import workroom
from cgbm1_report.watch.asked import Asked
from cgbm1_report.watch.builder import run_verb


@dataclass(frozen=True)
class Changes:
    """How much changed, by what it is; or why two builds are not compared. ``page`` says whether the whole is written."""

    counts: dict[str, int] = field(default_factory=dict)
    why: str = ""
    page: bool = False


#: Compares an earlier build with a later one, and writes all of it into a file.
Compare = Callable[[Path, Path, Path], Changes]


def make_compare(asked: Asked) -> Compare:
    """What compares builds, in a process of its own as builds are made."""

    def compare(before: Path, after: Path, page: Path) -> Changes:
        with workroom(page) as root:
            made = root / "made.html"
            done = run_verb([str(before), str(after), str(made), "--json"], asked.longest, "cgbm1_report.watch.compared")
            if done.code:
                return Changes(why=str(done.error["problems"][0].get("message", "")))
            os.replace(made, page)
        return Changes(sum_up_changes(done.told["counts"]), page=True)

    return compare


def sum_up_changes(counts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, int]:
    """Of all that a comparison counts what changed in the outputs."""
    told = counts.get("Outputs", {})
    parts = {"outputs": "Outputs", "cells": "Cells", "rows": "Rows", "columns": "Columns"}
    found = {name: sum(map(int, told.get(part, {}).values())) for name, part in parts.items()}
    crossed = sum(map(int, told.get("Probabilities that crossed a limit", {}).values()))
    return found | ({"probabilities that crossed a limit": crossed} if crossed else {})
