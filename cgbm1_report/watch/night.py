"""The watch itself: looks, builds what is complete, cut after cut, and writes down what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from cgbm1_report.errors import GATE, BusyError, DataError, ReportError, ToolError, number_of
from cgbm1_report.read.intake import CHANGED_RULE
from cgbm1_report.read.seal import measure_files
from cgbm1_report.system.chain import extend_chain
from cgbm1_report.system.listed import remove_files
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.whole import find_whole, sweep, workroom
from cgbm1_report.watch.arrivals import Arrivals
from cgbm1_report.watch.asked import Asked, check_asked, tell_apart
from cgbm1_report.watch.board import Board, Times, is_ready, read_mark
from cgbm1_report.watch.builder import Outcome, read_findings
from cgbm1_report.watch.changes import Changes
from cgbm1_report.watch.earlier import find_earlier, is_of_other_files
from cgbm1_report.watch.ended import tell_end
from cgbm1_report.watch.events import Hear, name_cuts, name_findings, tell_first
from cgbm1_report.watch.hands import Hands, make_hands
from cgbm1_report.watch.record import CHANGES, FINDINGS, PAGE, Entry, count_states, read_record, refuse_other_folder, tell_written
from cgbm1_report.watch.retention import find_surplus, remove_build

logger = logging.getLogger(__name__)

#: A name that no cut has: it keeps a second watch of the same builds away, and a killed one is swept by the next.
_LOCK: Final = ".watch"
#: Seconds before a build that failed by a passing fault is tried again; twice as many each time.
BACK_OFF: Final = 60.0


class Watch:
    """Watches one folder of cuts; see `watch_cuts`."""

    def __init__(self, asked: Asked, hear: Hear, hands: Hands | None, times: Times) -> None:
        self.asked, self.times = asked, times
        # Whoever is told of a cut, or of a file in it, need not stand where the watch was begun.
        self.folder, self.out = find_whole(asked.folder), find_whole(asked.out)
        options = [*asked.words, *(["--since-last"] if asked.since_last else [])]
        self.board = Board(self.folder, self.out, hear, times, options)
        self.hands = hands or make_hands(asked, self.board.tell_step)
        self.told_apart = ""
        #: What it has said that it waits for, by cut; the watch's own under no name.
        self.waits: dict[str, str] = {}
        self.arrivals = Arrivals(asked, self.board)

    # What it does -----------------------------------------------------------------------------------

    def run(self) -> int:
        """Build what there is to build; the gravest exit code of the cuts that stand failed or refused then."""
        self.told_apart = tell_apart(self.asked)
        refuse_other_folder(self.out, self.folder)
        self.board.entries = read_record(self.out)
        self.board.is_read = True
        self._resume()
        self.board.write(running=True)
        if self.board.unwritten:
            raise self.board.unwritten
        while True:
            self._hear_plan()
            self.arrivals.look()
            entry = self.arrivals.find_next()
            if entry is not None:
                self._build(entry)
                continue
            self._make_room()
            self._tell_waiting()
            pending = [one.not_before for one in self.arrivals.list_turns()]
            if not pending:
                self.board.rest()
            if self.asked.once and not pending:
                break
            self.board.write(running=True)
            soonest = min(pending, default=float("inf")) - self.times.now()
            self.times.wait(max(0.0, soonest if self.asked.once else min(self.asked.every, soonest)))
        self.board.write(running=False)
        if self.board.unwritten:
            raise self.board.unwritten
        return self.board.worst

    def _tell_waiting(self) -> None:
        """Say once what is waited for: a watch without a word cannot be told from one that hangs."""
        waiting = {one.name: one for one in self.board.entries.values() if one.there and one.state == "waiting" and one.why}
        reasons = {name: one.why for name, one in waiting.items() if not is_ready(one)}
        # Each file that arrives changes what is lacking: the log says once that something is, the status what.
        kinds = {name: why.partition(":")[0] for name, why in reasons.items()}
        for name, why in reasons.items():
            if self.waits.get(name) != kinds[name]:
                self.board.tell("waiting", waiting[name], why)
        if (
            not self.asked.once
            and not reasons
            and not any(is_ready(one) for one in self.board.entries.values())
            and "" not in self.waits
        ):
            kinds[""] = f"for the next cut in {self.folder}: looks again every {self.asked.every:g} s"
            self.board.tell("waiting", None, kinds[""])
        self.waits |= kinds

    def stop(self, code: int = 0, error: BaseException | None = None) -> None:
        """Write down that the watch has ended, and by what."""
        words, facts = tell_end(error, self.asked.trial, begun=self.board.is_looked_at, code=code)
        if self.board.is_read:
            # A status that could not be read is not written over.
            self.board.write(running=False)
        broken = count_states(self.board.broken)
        # What stood so on an earlier night no other line of this one tells.
        named = {state: name_cuts(one.name for one in self.board.broken if one.state == state) for state in broken}
        stand = "".join(f"; {count} {state}: {named[state]}" for state, count in broken.items())
        stand += f"; see {self.out / PAGE}" if broken else ""
        counts = count_states(self.board.entries.values())
        self.board.tell("ended", None, f"{words}{stand}", **facts, counts=counts)

    def _resume(self) -> None:
        """Take up what an earlier watch left: a build that was killed, and failures whose causes may be gone."""
        for entry in self.board.entries.values():
            if entry.state == "building":
                entry.wait_again("its build was interrupted: it is made again")
                self.board.tell("resumed", entry, entry.why)
            elif entry.state == "failed" and entry.exit_code != DataError.exit_code:  # what it was may have been mended
                self._try_anew(entry)
            elif entry.state == "done" and not self._is_there(entry.build):
                entry.state, entry.why = "removed", "its build was taken away"
                self.board.forget(entry)
                self.board.tell("removed", entry, entry.why)
            elif entry.state == "removed" and self._is_there(entry.name):
                self._take_back(entry)
            elif entry.state == "refused":
                # Rights may have been given since, which no time of a file tells.
                entry.settled = False

    def _take_back(self, entry: Entry) -> None:
        """A build that was taken away is back; without its cut nothing can be asked of it but that it is there."""
        entry.wait_again("its build is back: it is looked at")
        if not self._is_cut(entry):
            entry.state, entry.why = "done", "its build is back"
            self.board.forget(entry)

    def _is_cut(self, entry: Entry) -> bool:
        return (self.folder / entry.name).is_dir()

    def _is_there(self, build: str) -> bool:
        return (self.out / build / "manifest.json").is_file()

    def _hear_plan(self) -> None:
        """Try what failed anew when what it was built by changed: trial.yaml, the options or this program."""
        with suppress(OSError, ReportError):
            # A protocol file that is away is the build's to tell.
            self.told_apart = tell_apart(self.asked)
        for entry in self.board.entries.values():
            if entry.state == "failed" and entry.asked != self.told_apart:
                self._try_anew(entry)

    def _try_anew(self, entry: Entry) -> None:
        """Of one that was taken away there is nothing to try: it stays failed, and counts no longer."""
        if self._is_cut(entry):
            entry.wait_again("failed before: tried again")
            entry.attempts = 0

    # Building ---------------------------------------------------------------------------------------

    def _build(self, entry: Entry) -> None:
        cut, target = self.folder / entry.name, self.out / entry.name
        try:
            files = measure_files(cut)
            entry.settled = self.arrivals.name(files) == entry.content
        except (ReportError, OSError):
            entry.settled = False
        if not entry.settled:
            return
        if find_earlier(target, files, self.asked):
            self._take_earlier(entry, files)
            return
        if entry.attempts > self.asked.retries:
            told = f"its build was interrupted {number_of(entry.attempts, 'time')}"
            self._fail(entry, Outcome.of(ToolError(told, remedy="build it by hand, and see what ends it", closed=told)))
            return
        before = self._last_build()
        entry.state, entry.why, entry.attempts = "building", "", entry.attempts + 1
        # What is tried again keeps its turn: by that `--keep` tells which builds stay.
        entry.started = entry.started or self.board.clock()
        # Of a build that begins nobody knows how long it takes; that before it took its own time.
        entry.seconds, entry.finished = 0.0, ""
        self.board.write(running=True)
        self.board.tell("building", entry, f"attempt {entry.attempts}" if entry.attempts > 1 else "begins")
        begun = self.times.now()
        try:
            outcome = self._make(entry, before if self.asked.since_last else None)
        except BaseException:
            # Whoever ends the watch ends no cut: it is built the next time.
            entry.attempts -= 1
            entry.wait_again("its build was ended with the watch: it is made again")
            with suppress(OSError, ReportError):
                sweep(target)
            raise
        sweep(target)
        entry.seconds, entry.finished = round(self.times.now() - begun, 1), self.board.clock()
        self._finish(entry, outcome, files, entry.seconds)

    def _make(self, entry: Entry, before: Entry | None) -> Outcome:
        """Have the build made, marked since the one before where that can be; what keeps it from being marked keeps no build."""
        cut, target = self.folder / entry.name, self.out / entry.name
        if before is None:
            return self.hands.build(cut, target, None)
        outcome = self.hands.build(cut, target, self.out / before.build)
        unmarked = [told for told in outcome.error.get("problems", ()) if told.get("rule") == "--since"]
        if not unmarked:
            return outcome
        entry.why = f"not marked since {before.name}: {unmarked[0].get('message', '')}"
        return self.hands.build(cut, target, None)

    def _take_earlier(self, entry: Entry, files: dict[str, dict[str, Any]]) -> None:
        """Take a build that is there for what it is; the run that made it may have ended before it was in the chain."""
        try:
            extend_chain(self.out / entry.name, begin=self.asked.chain)
        except ReportError as error:
            self._fail(entry, Outcome.of(error))
            return
        self._finish(entry, Outcome(0, {}, {}), files, 0.0)

    def _finish(self, entry: Entry, outcome: Outcome, files: dict[str, dict[str, Any]], seconds: float) -> None:
        changed = any(told.get("rule") == CHANGED_RULE for told in outcome.error.get("problems", ()))
        if changed or (outcome.code and not self._is_cut(entry)):
            self._look_again(entry)
            return
        if outcome.code:
            self._fail(entry, outcome)
            return
        target = self.out / entry.name
        try:
            manifest = read_manifest(target)
        except ReportError as error:
            # It was there, and somebody was quicker.
            self._fail(entry, Outcome.of(error))
            return
        if is_of_other_files(manifest, files, self.folder / entry.name):
            self._look_again(entry)
            return
        before = self._last_build()
        entry.state, entry.build = "done", entry.name
        entry.why = entry.why if seconds else "its build was there already"
        entry.finished = entry.finished if seconds else self.board.clock()
        entry.outputs, entry.mark = len(manifest["outputs"]), read_mark(manifest)
        entry.findings = outcome.findings or read_findings(target)
        entry.exit_code, entry.error, entry.not_before, entry.findings_written = 0, {}, 0.0, False
        self._compare(entry, before)
        self._forget_findings(entry)
        self.board.handled += 1
        found = ", ".join(name_findings(entry.findings))
        words = (
            f"{entry.outputs} output{'s' * (entry.outputs != 1)} in {seconds:.1f} s" if seconds else "its build was there already"
        )
        self.board.tell("done", entry, f"{words}; findings: {found}")
        self.board.write(running=True)

    def _look_again(self, entry: Entry) -> None:
        """A cut of which a file was changed, or another put in its place, while it was built; it may be as it was before by now."""
        # It was not interrupted: what ends builds is counted, and not this.
        entry.attempts = max(entry.attempts - 1, 0)
        entry.wait_again("its files were changed while it was built: it is looked at again")
        self.board.tell("changed", entry, entry.why)
        entry.settled = False
        self.board.write(running=True)

    def _compare(self, entry: Entry, before: Entry | None) -> None:
        """Note what changed since the build that was finished before."""
        page = self.out / CHANGES / f"{entry.name}.html"
        entry.before, entry.changes, entry.compared = before.name if before else "", {}, False
        try:
            page.unlink(missing_ok=True)
            changes = self.hands.compare(self.out / before.build, self.out / entry.build, page) if before else Changes()
        except (OSError, ReportError) as error:
            # The build is there: that nothing can be written beside it is no fault of its.
            changes = Changes(why=error.problems[0].message if isinstance(error, ReportError) else str(error.strerror))
        entry.changes, entry.compared = changes.counts, changes.page
        if changes.why:
            entry.why = "; ".join(filter(None, [entry.why, f"not compared with {entry.before}: {changes.why}"]))

    def _forget_findings(self, entry: Entry) -> None:
        """Remove what was found in the data of a cut while they were wrong."""
        from cgbm1_report.build.findings import LISTING

        folder = self.out / FINDINGS / entry.name
        if folder.is_dir():
            remove_files(folder, LISTING)

    def _last_build(self) -> Entry | None:
        """The cut whose build was finished last and is there."""
        there = [one for one in self.board.entries.values() if one.state == "done" and (self.out / one.build).is_dir()]
        return max(there, key=lambda one: (one.finished, one.order), default=None)

    def _fail(self, entry: Entry, outcome: Outcome) -> None:
        entry.error, entry.exit_code, entry.asked = dict(outcome.error), outcome.code, self.told_apart
        self.board.forget(entry)
        kind, problems = str(entry.error.get("class", "")), entry.error.get("problems", ())
        if outcome.may_pass and entry.attempts <= self.asked.retries:
            rest = BACK_OFF * 2 ** (entry.attempts - 1)
            entry.wait_again(f"failed by a fault that may pass: tried again after {rest:g} s")
            entry.not_before = self.times.now() + rest
            self.board.tell("retry", entry, f"{entry.why}: exit code {outcome.code}, {tell_first(kind, problems)}")
        else:
            entry.state = "failed"
            entry.why = "the build that is there was made before" if entry.build and self._is_there(entry.build) else ""
            self.board.handled += 1
            listed = self._write_findings(entry)
            told = tell_first(kind, self.board.find_problems(entry))
            self.board.tell("failed", entry, f"exit code {outcome.code}, {told}{'; all of them: ' * bool(listed)}{listed}")
        self.board.write(running=True)

    def _write_findings(self, entry: Entry) -> str:
        """Lay all findings beside the builds of a cut whose data are wrong: who mends them needs more than the first.

        Returns
        -------
        str
            The page that lists them; nothing where there is none.
        """
        if entry.exit_code != DataError.exit_code:
            return ""
        folder = self.out / FINDINGS / entry.name
        counts = self.hands.check(self.folder / entry.name, folder)
        entry.findings, entry.findings_written = counts, bool(counts)
        if not counts:
            return ""
        page = str(folder / "findings.html")
        of_gate = [told for told in entry.error.get("problems", ()) if told.get("rule") == GATE]
        # A build says how they are listed: here they are.
        for told in of_gate[:1]:
            told["remedy"] = f"correct the data; {page} lists every finding"
        for told in of_gate[1:]:
            told["remedy"] = f"the rest is in {folder / 'findings.csv'} and {folder / 'findings.json'}"
        return page

    def _make_room(self) -> None:
        """Remove builds beyond those that are kept."""
        for entry in find_surplus(self.board.entries.values(), self.out, self.asked.keep):
            why = remove_build(self.out / entry.build)
            if not why:
                (self.out / CHANGES / f"{entry.name}.html").unlink(missing_ok=True)
                entry.compared = False
                self.board.forget(entry)
                entry.state, entry.why = "removed", f"its build made room: --keep {self.asked.keep} keeps what was begun last"
                self.board.tell("removed", entry, entry.why)
            elif entry.why != f"its build is not removed: {why}":
                entry.why = f"its build is not removed: {why}"
                self.board.tell("kept", entry, "its build is not as it was made: it is not removed")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep a second watch of the same builds away as long as this one is at work."""
    with ExitStack() as stack:
        try:
            stack.enter_context(workroom(out / _LOCK))
        except BusyError as error:
            remedy = "nothing is wrong: try later, the one that is at work takes what came; or end that process"
            told = f"another watch has these builds: the folder {error.problems[0].message}"
            if written := tell_written(out):
                # One that hangs is known by it, on the second night at the latest.
                told += f"; it wrote its status last at {written}"
            raise BusyError(told, file=out, rule="one watch at a time", remedy=remedy) from None
        yield


def watch_cuts(asked: Asked, hear: Hear, *, hands: Hands | None = None, times: Times | None = None) -> int:
    """Build each complete cut of a folder once, until nothing is left to do or, without ``once``, for ever.

    Parameters
    ----------
    hear
        Told of each event.
    hands
        What builds, checks and compares; by default processes of this program.

    Returns
    -------
    int
        The gravest exit code of the cuts that are there and stand failed or refused at its end.

    Raises
    ------
    ReportError
        The watch cannot begin: a wrong folder, a wrong option, another watch of the same builds, a damaged status.
    """
    check_asked(asked)
    watch = Watch(asked, hear, hands, times or Times())
    with _alone(watch.out):
        try:
            code = watch.run()
        except BaseException as error:
            watch.stop(error=error)
            raise
        watch.stop(code)
    return code
