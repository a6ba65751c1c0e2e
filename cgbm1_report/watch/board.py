"""The board of a watch: what is known of each cut, told to who hears it and written where it is read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.errors import WritingError
from cgbm1_report.system.endings import GRAVEST
from cgbm1_report.system.whole import write_whole
from cgbm1_report.watch.events import GRAVE, Event, Hear, sum_up_problems
from cgbm1_report.watch.page import write_page
from cgbm1_report.watch.record import PAGE, PROGRAM, Entry, write_record

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Times:
    """The clock of a watch: seconds since 1970, and how it waits."""

    now: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep


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
        self.handled = 0
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
        waiting = sum(is_ready(one) or one.state == "building" for one in self.entries.values())
        percent = round(100 * self.handled / (self.handled + waiting)) if self.handled + waiting else 100
        if entry is not None:
            error = entry.error and {"class": entry.error["class"], "problems": sum_up_problems(entry.error["problems"])}
            about = {"state": entry.state, "exit_code": entry.exit_code, "error": error}
            if kind in GRAVE:
                facts, words = {"status": str(self.out / PAGE), **facts}, f"{words}; see {self.out / PAGE}"
            made = {"build": str(self.out / entry.build), "outputs": entry.outputs, "findings": entry.findings}
            facts = {**about, **(made if entry.build else {}), "changes": entry.changes, "seconds": entry.seconds, **facts}
        name = entry.name if entry else ""
        self.hear(Event(kind, name, words, self.times.now() - self.begun, percent, facts))

    def write(self, *, running: bool) -> None:
        """Write the status; where that fails it is told once, and what is known is written the next time."""
        about = {
            "program": PROGRAM,
            "folder": str(self.folder.absolute()),
            "options": self.options,
            "written": self.clock(),
            "running": running,
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
