"""A line of the table: what we took, what it may take, what a peer took beside it; and how it is told."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Cost

START, END = "<!-- results: written by python -m benchmarks --write -->", "<!-- end of results -->"
HEADS = ("work", "wall", "CPU", "memory", "bar", "met", "peer", "peer's wall", "peer's CPU", "peer's memory", "CPU ratio")
#: Packages whose versions change the numbers.
PACKAGES = ("cgbm1-report", "pandas", "typst", "pypandoc-binary", "pikepdf", "papermill", "great-tables", "rtflite")


@dataclass(frozen=True)
class Bar:
    """What work may take: wall seconds, gigabytes, and how many times less CPU than its peer (None: no bar)."""

    seconds: float | None = None
    memory: float | None = None
    times_less: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.seconds:g} s"] if self.seconds is not None else []
        parts += [f"{self.memory:g} GB"] if self.memory is not None else []
        parts += [f"{self.times_less:g} x less CPU"] if self.times_less is not None else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Peer:
    """A peer and what it took, or why there is no number."""

    name: str
    cost: Cost | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Line:
    """One piece of work. Without a bar nothing is judged; a bar against a peer that did not run is not met."""

    work: str
    cost: Cost
    bar: Bar = Bar()
    peer: Peer | None = None

    @property
    def ratio(self) -> float | None:
        """How many times our CPU seconds the peer took."""
        if self.peer is None or self.peer.cost is None:
            return None
        return self.peer.cost.cpu / max(self.cost.cpu, 1e-9)

    @property
    def is_met(self) -> bool:
        bar, ratio = self.bar, self.ratio
        return (
            (bar.seconds is None or self.cost.wall <= bar.seconds)
            and (bar.memory is None or self.cost.memory <= bar.memory)
            and (bar.times_less is None or (ratio is not None and ratio >= bar.times_less))
        )

    def cells(self) -> tuple[str, ...]:
        met = ("met" if self.is_met else "NOT MET") if str(self.bar) else ""
        return (self.work, *_costs(self.cost), str(self.bar), met, *self._peer_cells())

    def _peer_cells(self) -> tuple[str, ...]:
        if self.peer is None:
            return ("", "", "", "", "")
        if self.peer.cost is None:
            return (f"{self.peer.name}: {self.peer.why_not}", "", "", "", "")
        return (self.peer.name, *_costs(self.peer.cost), f"{self.ratio:.1f}")


def _costs(cost: Cost) -> tuple[str, str, str]:
    """Of what a browser does only the seconds are known."""
    cpu, memory = ("" if math.isnan(value) else f"{value:.2f} {unit}" for value, unit in ((cost.cpu, "s"), (cost.memory, "GB")))
    return f"{cost.wall:.2f} s", cpu, memory


def say(line: Line) -> str:
    """A line for a terminal."""
    work, wall, cpu, memory, bar, met, peer, *_, ratio = line.cells()
    told = f"{work:62}{wall:>10}{cpu:>10} CPU{memory:>10}  {f'{met} ({bar})' if bar else '':30}"
    return (told + (f"  {peer}" + (f": {ratio} x our CPU" if ratio else "") if peer else "")).rstrip()


def about_machine() -> str:
    """Cores, memory, system and versions; nothing that names the machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {system}; " + ", ".join(_version(name) for name in PACKAGES) + "."


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


def markdown(lines: Sequence[Line]) -> str:
    rows = [HEADS, tuple("---" for _ in HEADS), *(line.cells() for line in lines)]
    return about_machine() + "\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def write_results(file: Path, lines: Sequence[Line]) -> None:
    """Put the table between the marks of a Markdown file; everything else stays."""
    text = file.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise SystemExit(f"{file.name} has no place for results: {START} … {END}")
    place = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.S)
    made = f"{START}\n{markdown(lines)}{END}"
    file.write_text(place.sub(lambda _: made, text), encoding="utf-8")
