"""The board of a watch: what is known of each cut, told to who hears it and written where it is read."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.errors import ReportError, WritingError
from cgbm1_report.system.endings import GRAVEST
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.whole import write_whole
from cgbm1_report.watch.builder import read_errors, read_findings
from cgbm1_report.watch.events import GRAVE, STEP, Event, Hear, sum_up_problems
from cgbm1_report.watch.page import write_page
from cgbm1_report.watch.record import FINDINGS, PAGE, PROGRAM, Entry, write_record

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Times:
    """The clock of a watch: seconds since 1970, and how it waits."""

    now: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep


def read_mark(manifest: Mapping[str, Any]) -> str:
    """What every page of a build says it is."""
    return str(manifest.get("report", {}).get("stamp", {}).get("mark", ""))


def is_ready(entry: Entry) -> bool:
    """Whether a cut is complete and its turn can come."""
    return entry.there and entry.settled and entry.state == "waiting"


class Board:
    """What is known of each cut of ``folder``, whose builds lie in ``out`` and are made with ``options``."""

    def __init__(self, folder: Path, out: Path, hear: Hear, times: Times, options: Sequence[str] = ()) -> None:
        self.folder, self.out, self.hear, self.times, self.options = folder, out, hear, times, list(options)
        self.entries: dict[str, Entry] = {}
        self.begun = times.now()
        #: Whether what an earlier watch knew is among them.
        self.is_read = False
        #: Whether the cuts were looked at: before that nobody knows how many there are to build.
        self.is_looked_at = False
        self.handled = 0
        self._percent = 0
        self.unwritten: WritingError | None = None

    @property
    def broken(self) -> list[Entry]:
        """Cuts that are there and stand failed or refused, whichever night that was: of these there is no report."""
        return [one for one in self.entries.values() if one.there and one.state in ("failed", "refused")]

    @property
    def worst(self) -> int:
        """The gravest code of the cuts that are broken, which is the watch's own."""
        codes = {entry.exit_code for entry in self.broken}
        return min(codes & set(GRAVEST), key=GRAVEST.index, default=max(codes, default=0))

    def clock(self) -> str:
        """The time as the status has it: ISO 8601, in UTC."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.times.now()))

    def tell(self, kind: str, entry: Entry | None, words: str, **facts: Any) -> None:
        """Tell of an event, with what is known of its cut."""
        percent = self._measure() if self.is_looked_at else 0
        if entry is not None:
            error = entry.error and {"class": entry.error["class"], "problems": sum_up_problems(self.find_problems(entry))}
            about = {"state": entry.state, "exit_code": entry.exit_code, "error": error}
            if kind in GRAVE:
                facts, words = {"status": str(self.out / PAGE), **facts}, f"{words}; see {self.out / PAGE}"
            made = {"build": str(self.out / entry.build), "outputs": entry.outputs, "findings": entry.findings}
            facts = {**about, **(made if entry.build else {}), "changes": entry.changes, "seconds": entry.seconds, **facts}
        name = entry.name if entry else ""
        self.hear(Event(kind, name, words, self.times.now() - self.begun, percent, facts))

    def tell_step(self, words: str) -> None:
        """Tell what the build that is being made is at."""
        for entry in self.entries.values():
            if entry.state == "building":
                self.tell(STEP, entry, words)

    def _measure(self) -> int:
        """How much of what there is to build is handled, in per cent: a cut that comes meanwhile takes nothing back of it."""
        waiting = sum(is_ready(one) or one.state == "building" for one in self.entries.values())
        if not waiting:
            return 100
        self._percent = max(self._percent, min(round(100 * self.handled / (self.handled + waiting)), 99))
        return self._percent

    def rest(self) -> None:
        """Nothing is left to do: what comes from now on is counted anew."""
        self.handled = self._percent = 0

    def forget(self, entry: Entry) -> None:
        """Let go of what was found in other files, or on an earlier night: what counts is the build that is there, if one is."""
        build = self.out / entry.build
        try:
            manifest = read_manifest(build) if entry.build else {}
        except ReportError:
            manifest = {}
        entry.findings = read_findings(build) if entry.build else {}
        entry.outputs, entry.mark = len(manifest.get("outputs", ())), read_mark(manifest)
        entry.findings_written = False

    def find_problems(self, entry: Entry) -> Sequence[Mapping[str, str]]:
        """All that is wrong with a cut: its errors as the list beside the builds has them; a build names the first of them only."""
        listed = read_errors(self.out / FINDINGS / entry.name, self.folder / entry.name) if entry.findings_written else []
        return listed or entry.error.get("problems", ())

    def write(self, *, running: bool) -> None:
        """Write the status; where that fails it is told once, and what is known is written the next time."""
        about = {
            "program": PROGRAM,
            "folder": str(self.folder),
            "options": self.options,
            "written": self.clock(),
            "running": running,
            # A watch that is killed writes nothing more: who reads that it runs looks whether this process does.
            "process": os.getpid() if running else 0,
            "machine": platform.node() if running else "",
            "exit_code": self.worst,
        }
        try:
            write_record(self.out, self.entries.values(), about)
            write_whole(self.out / PAGE, write_page(self.entries.values(), about).encode("utf-8", "replace"))
        except OSError as error:
            self._note_unwritten(str(error.strerror))
        except WritingError as error:
            self._note_unwritten(error.problems[0].message)
        else:
            self.unwritten = None

    def _note_unwritten(self, told: str) -> None:
        if self.unwritten is None:
            logger.warning("the status in %s cannot be written: %s", self.out, told)
        remedy = "check the folder, its permissions and the space left"
        self.unwritten = WritingError(f"cannot be written: {told}", file=self.out, rule="status of the cuts", remedy=remedy)
