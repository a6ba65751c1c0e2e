"""Work that has a bar: whole processes from transport files on, reading and imports included.

Seconds are wall seconds and so only fair on a machine with nothing else to do; CPU seconds stand
beside them and tell a slow program from a busy machine. Memory is the largest resident size of the process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.work import RESULTS

ROOT = Path(__file__).resolve().parent.parent
#: Size of the randomised phase at which the simulator writes more than a million laboratory results.
SCALE = 47
_GB = 1024.0**3


@dataclass(frozen=True)
class Bar:
    """What a piece of work may take: wall seconds, gigabytes (None: no bar)."""

    name: str
    work: str
    scale: int
    seconds: float
    memory: float | None
    runs: int


BARS = (
    Bar("demo cut, transport files to ADaM", "demo", 1, 3.0, None, 5),
    Bar(f"validate a cut of {RESULTS:,} laboratory results", "validate", SCALE, 20.0, 2.0, 1),
    Bar(f"derive ADLB from {RESULTS:,} laboratory results", "derive", SCALE, 30.0, 4.0, 1),
)


@dataclass(frozen=True)
class Cost:
    """What one run of a process took: wall and CPU seconds, gigabytes."""

    wall: float
    cpu: float
    memory: float


def run(*arguments: object) -> Cost:
    """One run of Python in a fresh process, by the kernel's account of it; a failing one stops the benchmark."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, arguments)], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed")
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / _GB)


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def is_met(bar: Bar, cost: Cost) -> bool:
    return cost.wall <= bar.seconds and (bar.memory is None or cost.memory <= bar.memory)


def simulate(folder: Path, scale: int) -> Path:
    """A clean synthetic cut in transport files; made once for all the work on it."""
    cut = folder / f"cut-{scale}"
    if not cut.exists():
        run("-m", "cgbm1_report.cli", "simulate", cut, "--scale", scale)
    return cut


def bench_bars(folder: Path) -> bool:
    """Print one line per bar; True if all are met."""
    print(f"{'':52}{'wall':>9}{'bar':>8}{'cpu':>9}{'memory':>10}{'bar':>8}")
    met = True
    for bar in BARS:
        cut = simulate(folder, bar.scale)
        cost = median([run("-m", "benchmarks.work", bar.work, cut) for _ in range(bar.runs)])
        limit = f"{bar.memory:5.1f} GB" if bar.memory is not None else ""
        verdict = "met" if is_met(bar, cost) else "NOT MET"
        times = f"{cost.wall:7.2f} s{bar.seconds:6.0f} s{cost.cpu:7.2f} s{cost.memory:7.2f} GB"
        print(f"{bar.name:52}{times}{limit:>8}  {verdict}", flush=True)
        met &= is_met(bar, cost)
    return met
