"""What arrives in a folder of cuts: which of them are complete, which cannot be read as they are, and which is next."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.read.find import NO_CUT
from cgbm1_report.system.manifest import is_build
from cgbm1_report.watch.asked import Asked
from cgbm1_report.watch.board import Board, is_ready
from cgbm1_report.watch.events import tell_first
from cgbm1_report.watch.look import list_cuts, look_at_cut, read_cutoff, refuse_name, settle_cut
from cgbm1_report.watch.record import Entry, name_content, sort_entries

logger = logging.getLogger(__name__)


def _stands_for(other: Entry, entry: Entry) -> bool:
    """Whether the build of one cut is the report of another with the same files.

    One with a seal is what was delivered, and its report is looked for under its name: one without, a copy of it, does not stand
    for it.
    """
    return other.sealed or not entry.sealed


def _precede(entry: Entry) -> tuple[bool, bool, tuple[str, str]]:
    """Of cuts with the same files one with a seal goes before those without, and one that was begun before those that were not."""
    return not entry.sealed, not entry.started, entry.order


class Arrivals:
    """The cuts of a watch as they lie in their folder; what is seen of them stands on its board."""

    def __init__(self, asked: Asked, board: Board) -> None:
        self.asked, self.board, self.now = asked, board, board.times.now
        self.name = partial(name_content, board.out)
        #: What was seen in a look, by cut: its event and words. How much there is to do is known when all are looked at.
        self.seen: dict[str, tuple[str, str]] = {}

    def look(self) -> None:
        """See which cuts are there, and which of them are complete now."""
        try:
            names = list_cuts(self.board.folder)
        except OSError as error:
            # A folder that another machine lends may be away for a while: nothing is gone for that.
            logger.warning("%s cannot be read: %s", self.board.folder, error.strerror)
            if self.asked.once:
                raise
            return
        self._see(names)
        for name in names:
            if name not in self.board.entries:
                self.board.entries[name] = Entry(name, seen=self.now())
            self._look_at(self.board.entries[name])
        for entry in list(self.board.entries.values()):
            if entry.state == "ignored" and not entry.there:
                # It was moved out as it should be: there is no cut to ask after.
                del self.board.entries[entry.name]
            if entry.state == "repeated" and (why := self._stands_alone(entry)):
                entry.wait_again(why)
        self._tell_seen()

    def _tell_seen(self) -> None:
        self.board.is_looked_at = True
        for name, (kind, words) in self.seen.items():
            self.board.tell(kind, self.board.entries[name], words)
            self.board.write(running=True)
        self.seen.clear()

    def _see(self, names: Collection[str]) -> None:
        """Note which cuts are there; of one that is not, and has no build yet, nothing else would say what became of it."""
        for entry in self.board.entries.values():
            entry.there = entry.name in names
            if entry.there and entry.state == "gone":
                entry.settled = False
                entry.wait_again("its folder is back: it is looked at")
            elif not entry.there and entry.state == "waiting":
                why = "its folder is no longer there, and no build was made of it as it was"
                entry.state, entry.why, entry.exit_code, entry.error = "gone", why, 0, {}
                entry.finished, entry.attempts, entry.not_before = self.board.clock(), 0, 0.0
                self.board.forget(entry)
                self.seen[entry.name] = ("gone", why)

    def _look_at(self, entry: Entry) -> None:
        if is_build(self.board.folder / entry.name):
            self._ignore(entry)
            return
        if entry.state == "ignored":
            self.board.entries[entry.name] = entry = Entry(entry.name, seen=self.now())
        problems = refuse_name(self.board.folder / entry.name)
        if problems:
            self._refuse(entry, problems)
            return
        try:
            seen = look_at_cut(self.board.folder / entry.name)
        except ReportError as error:
            self._refuse(entry, list(error.problems))
            return
        if seen is None:
            return
        if seen.signature != entry.signature:
            # What was said of the files as they were is not said of these.
            entry.why = "its files changed since" if entry.content else ""
            entry.signature, entry.seen, entry.settled = seen.signature, self.now(), False
        if entry.settled:
            return
        before = entry.content
        problems = settle_cut(entry, seen, self.now(), self.asked.rested, self.name)
        if entry.content != before:
            self.board.forget(entry)
        if problems:
            self._refuse(entry, problems)

    def _ignore(self, entry: Entry) -> None:
        """Leave a build alone that lies among the cuts: nothing in it is wrong, and it is told once."""
        if entry.state != "ignored":
            why = f"{NO_CUT}: move it out of {self.board.folder}"
            self.board.entries[entry.name] = Entry(entry.name, "ignored", why, finished=self.board.clock())
            self.seen[entry.name] = ("ignored", why)

    def _refuse(self, entry: Entry, problems: list[Problem]) -> None:
        # What it says of itself tells whoever delivered it which one it is; it is not built by it.
        entry.cutoff = read_cutoff(self.board.folder / entry.name)
        error: dict[str, Any] = {"class": "DataError", "problems": [asdict(problem) for problem in problems]}
        if (entry.state, entry.error) == ("refused", error):
            return
        entry.state, entry.why, entry.error, entry.exit_code, entry.content = "refused", "", error, 1, ""
        entry.finished = self.board.clock()
        self.board.forget(entry)
        self.board.handled += 1
        self.seen[entry.name] = ("refused", tell_first(error["class"], error["problems"]))

    def find_next(self) -> Entry | None:
        """The next cut to build; those whose files another has are told as repeated on the way."""
        turns = {entry.name for entry in self.list_turns()}
        for entry in sort_entries(filter(is_ready, self.board.entries.values())):
            other = self._find_same(entry)
            if other is not None:
                self._repeat(entry, other)
            elif entry.name in turns and entry.not_before <= self.now():
                return entry
        return None

    def list_turns(self) -> list[Entry]:
        """The cuts whose turn can come, in order; of several with the same files that one which stands for the others."""
        first: dict[str, Entry] = {}
        for entry in sorted(filter(is_ready, self.board.entries.values()), key=_precede):
            first.setdefault(entry.content, entry)
        return sort_entries(first.values())

    def _find_same(self, entry: Entry) -> Entry | None:
        """Another cut with the same files that was built, or cannot be, and can stand for this one."""
        for other in sort_entries(self.board.entries.values()):
            known = other.state in ("done", "removed") or (other.state == "failed" and other.there)
            if other is not entry and known and other.settled and other.content == entry.content and _stands_for(other, entry):
                return other
        return None

    def _stands_alone(self, entry: Entry) -> str:
        """Why the cut whose files this one has no longer stands for it: nothing else would say that it has no report."""
        other = self.board.entries.get(entry.same_as)
        if other is None or other.state in ("refused", "gone") or (other.state == "failed" and not other.there):
            return f"{entry.same_as} has no build, or is gone"
        if other.settled and other.content != entry.content:
            return f"{entry.same_as} has other files now"
        return "" if _stands_for(other, entry) else f"it has a seal, and {entry.same_as}, whose files it has, has none"

    def _repeat(self, entry: Entry, other: Entry) -> None:
        entry.state, entry.same_as, entry.finished = "repeated", other.name, self.board.clock()
        entry.why = f"has the same files as {other.name}: not built again"
        self.board.handled += 1
        self.board.tell("repeated", entry, entry.why, same_as=other.name)
        self.board.write(running=True)
