"""Reading, validating and deriving that has a bar: from transport files on, in whole processes but for the first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run
from benchmarks.work import RESULTS

#: Size of the randomised phase at which the simulator writes more than a million laboratory results.
SCALE = 47


@dataclass(frozen=True)
class Task:
    """A piece of `benchmarks.work` at one size, and what it may take: wall seconds, gigabytes (None: no bar)."""

    name: str
    work: str
    scale: int
    seconds: float | None
    memory: float | None
    runs: int


TASKS = (
    Task("demo cut, transport files to ADaM, modules loaded", "way", 1, 3.0, None, 5),
    Task("demo cut, transport files to ADaM, whole process", "demo", 1, None, None, 5),
    Task("section 14, all outputs, computed and tabulated, modules loaded", "tabulate", 1, 20.0, None, 3),
    Task(f"validate a cut of {RESULTS:,} laboratory results", "validate", SCALE, 20.0, 2.0, 1),
    Task(f"derive ADLB from {RESULTS:,} laboratory results", "derive", SCALE, 30.0, 4.0, 1),
)


def simulate(folder: Path, scale: int) -> Path:
    """A clean synthetic cut in transport files; made once for all the work on it."""
    cut = folder / f"cut-{scale}"
    if not cut.exists():
        run("-m", "cgbm1_report.cli", "simulate", cut, "--scale", scale)
    return cut
