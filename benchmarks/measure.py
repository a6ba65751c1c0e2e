"""What a piece of work costs: wall and CPU seconds and memory of a fresh process and all it starts."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Where a process writes the cost of the part of it that is asked about.
TIMED = "BENCHMARK_COST"
TIMEOUT = 900.0
_GB = 1024.0**3


@dataclass(frozen=True)
class Cost:
    """What one run took: wall and CPU seconds, gigabytes."""

    wall: float
    cpu: float
    memory: float


class NotDoneError(Exception):
    """A process failed, or its time was over."""


def run(*arguments: object, timeout: float = TIMEOUT) -> Cost:
    """One run of Python in a fresh process.

    CPU and memory are those of the process and everything it starts. Where the process says what a
    part of it took (`timed`), the seconds are those of the part; the memory is always the whole's.

    Raises
    ------
    NotDoneError
        The process failed, in its own words, or took longer than ``timeout``.
    """
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        part = Path(scratch, "cost.json")
        done = subprocess.run(
            [sys.executable, "-S", str(Path(__file__).with_name("launch.py"))],
            input=json.dumps({"command": command, "folder": str(ROOT), "timeout": timeout}),
            capture_output=True,
            text=True,
            check=True,
            # What the process forgets to take away is taken away with the folder.
            env={**os.environ, TIMED: str(part), "TMPDIR": scratch},
        )
        told = json.loads(done.stdout)
        name = " ".join(map(str, arguments[:3]))
        if told["code"] is None:
            raise NotDoneError(f"{name}: not done in {timeout:g} s")
        if told["code"]:
            raise NotDoneError(f"{name}: exit code {told['code']}\n{told['words']}")
        cost = Cost(told["wall"], told["cpu"], told["memory"] / _GB)
        return replace(cost, **json.loads(part.read_text())) if part.exists() else cost


def runs(times: int, *arguments: object) -> Cost:
    """The median of several runs."""
    return median([run(*arguments) for _ in range(times)])


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


@contextmanager
def timed() -> Iterator[None]:
    """Time what stands under it, children that ended included, and tell who measures the process."""
    before, start = _cpu(), time.perf_counter()
    yield
    cost = {"wall": time.perf_counter() - start, "cpu": _cpu() - before}
    if TIMED in os.environ:
        Path(os.environ[TIMED]).write_text(json.dumps(cost), encoding="utf-8")


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
