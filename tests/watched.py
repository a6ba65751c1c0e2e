"""Cuts that are delivered, a stand-in for the process that builds, and a clock that is set: what a watch is tried on.

As a program (``python -m tests.watched DIR BUILDS CONTROL``) it watches DIR once, with builds in processes of their own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cgbm1_report.errors import Problem
from cgbm1_report.watch.asked import Asked
from cgbm1_report.watch.board import Times
from cgbm1_report.watch.builder import Outcome
from cgbm1_report.watch.changes import Changes
from cgbm1_report.watch.events import Event
from cgbm1_report.watch.hands import Hands
from cgbm1_report.watch.night import watch_cuts
from cgbm1_report.watch.record import read_record
from tests.watched_build import write_build


def deliver(cuts: Path, name: str, cutoff: str = "", subjects: int = 1) -> Path:
    """A cut of so many subjects; more of them are a larger one."""
    folder = cuts / name
    (folder / "sdtm").mkdir(parents=True, exist_ok=True)
    rows = "".join(f"NCT06740149,DM,S{number}\n" for number in range(subjects))
    (folder / "sdtm" / "dm.csv").write_text(f"STUDYID,DOMAIN,USUBJID\n{rows}")
    if cutoff:
        (folder / "cut.json").write_text(json.dumps({"cutoff": cutoff}))
    return folder


def ends_with(code: int, kind: str, *problems: Problem) -> Outcome:
    """A build that ended by an error."""
    return Outcome(code, {}, {"class": kind, "problems": [asdict(problem) for problem in problems]})


DONE = Outcome(0, {"findings": {"E": 0, "W": 2, "I": 3}}, {})
FULL = ends_with(74, "WritingError", Problem("cannot be written: No space left on device"))
WRONG = ends_with(
    1,
    "DataError",
    Problem("1 error in the data; nothing is built", rule="severity E closes the gate"),
    Problem("SEX is <b>X</b>", "DM", "V02", "NCT06740149-01-001"),
)


@dataclass
class Clock:
    """A clock that stands until it is set or waited for."""

    at: float
    waits: list[float] = field(default_factory=list)
    #: Called in the place of each wait, once: what happens meanwhile.
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()

    @property
    def times(self) -> Times:
        return Times(lambda: self.at, self.wait)


@dataclass
class Bench:
    """A folder of cuts, a folder of builds, a clock, and what a stand-in build does with each cut."""

    root: Path
    clock: Clock
    #: How the builds of a cut end, one after the other; afterwards, and without, they are made.
    plan: dict[str, list[Outcome | Callable[[Path, Path], object]]] = field(default_factory=dict)
    built: list[str] = field(default_factory=list)
    since: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    #: Cuts whose builds cannot be compared with the one before.
    unlike: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    @property
    def cuts(self) -> Path:
        return self.root / "cuts"

    @property
    def out(self) -> Path:
        return self.root / "builds"

    def build(self, cut: Path, out: Path, since: Path | None) -> Outcome:
        self.built.append(cut.name)
        self.since.append(since.name if since else "")
        self.clock.at += 12.5
        step = self.plan[cut.name].pop(0) if self.plan.get(cut.name) else None
        if isinstance(step, Outcome):
            return step
        done = step(cut, out) if step else None
        if isinstance(done, Outcome):
            return done
        write_build(cut, out)
        return DONE

    def check(self, cut: Path, folder: Path) -> dict[str, int]:
        self.checked.append(cut.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "findings.html").write_text("<p>findings</p>")
        return {"E": 1, "W": 2, "I": 0}

    def compare(self, before: Path, after: Path, page: Path) -> Changes:
        self.compared.append(f"{before.name} {after.name}")
        if after.name in self.unlike:
            return Changes(why="one is blinded and the other is not")
        page.parent.mkdir(exist_ok=True)
        page.write_text("<p>changes</p>")
        return Changes({"outputs": 1, "cells": 4, "rows": 0, "columns": 0}, page=True)

    def watch(self, **asked: Any) -> int:
        """A night: what is there is handled, and the watch ends."""
        told = Asked(self.cuts, self.out, **({"once": True, "rested": 600} | asked))
        return watch_cuts(told, self.events.append, hands=Hands(self.build, self.check, self.compare), times=self.clock.times)

    def states(self) -> dict[str, str]:
        return {name: entry.state for name, entry in read_record(self.out).items()}

    def told(self) -> list[str]:
        return [f"{event.kind} {event.cut}".strip() for event in self.events]

    @property
    def page(self) -> str:
        return (self.out / "status.html").read_text()


def _main(folder: Path, out: Path, control: Path) -> int:
    from cgbm1_report.system.processes import run_program

    def build(cut: Path, target: Path, _since: Path | None) -> Outcome:
        words = [sys.executable, "-m", "tests.watched_build", str(cut), str(target), str(control)]
        done = run_program(words, timeout=120, environment=dict(os.environ))
        return Outcome(0, {"findings": {"E": 0, "W": 0, "I": 0}}, {}) if done.returncode == 0 else FULL

    def hear(event: Event) -> None:
        sys.stdout.write(event.as_json() + "\n")
        sys.stdout.flush()

    # Findings and changes are those of builds in earnest.
    hands = Hands(build, lambda *_: {}, lambda *_: Changes())
    return watch_cuts(Asked(folder, out, once=True, rested=0), hear, hands=hands)


if __name__ == "__main__":
    from cgbm1_report.system.processes import end_on_signals

    end_on_signals()
    sys.exit(_main(*map(Path, sys.argv[1:])))
