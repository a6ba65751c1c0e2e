"""What a watch tells while it works: a line of a log or of JSON for each event, and a command that is told of it.

No event holds a value of the data: of an error its class, its exit code, and how many problems break which rule in which
file. The words of the problems stand on the status page, in the folder of builds.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cgbm1_report.errors import GATE, ArgumentError
from cgbm1_report.system.importing import deaf_environment
from cgbm1_report.system.processes import run_program
from cgbm1_report.system.terminal import clock, say

logger = logging.getLogger(__name__)

#: So many cuts are named in a line.
_NAMED: Final = 10
#: Seconds that the command may take that is told of events.
PATIENCE: Final = 60.0
#: Seconds that a command which hung is told nothing: each cut of a night would wait for it else.
PAUSE: Final = 3600.0
#: What happened; in capitals what a reader of a quiet log sees too.
GRAVE: Final = frozenset({"failed", "refused", "kept"})
#: What a build is at, for who reads the log: a line of JSON tells only what has come of something.
STEP: Final = "step"
#: Events that somebody is told of by the command.
TOLD: Final = frozenset({"done", "failed", "refused", "repeated", "ignored", "gone", "removed", "kept", "ended"})


@dataclass(frozen=True)
class Event:
    """One thing that happened: to a cut, or to the watch itself where ``cut`` is empty.

    ``since`` are seconds since the watch began, ``percent`` is how much of what there was to build is done. ``facts`` are
    what a job needs besides, ``words`` the same for a reader.
    """

    kind: str
    cut: str
    words: str
    since: float
    percent: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """One line of JSON."""
        told = {"time": clock(), "event": self.kind, "cut": self.cut, "words": self.words}
        return json.dumps({**told, "since": round(self.since, 1), "percent": self.percent, **self.facts}, ensure_ascii=True)

    def as_line(self) -> str:
        """One line of a log."""
        # A name that is refused may hold what would begin a line of its own.
        name = self.cut if self.cut.isprintable() else ascii(self.cut)
        cut = f"{name}: " if name else ""
        return f"{clock()} {self.since:8.1f} s {self.percent:3d} %  {self.kind:9} {cut}{self.words}"


Hear = Callable[[Event], None]


def sum_up_problems(problems: Sequence[Mapping[str, str]]) -> list[dict[str, object]]:
    """How many problems break which rule in which file, and of the first of them what mends it and the message without a value.

    No place in the file and no message, which may hold values of the data; and not what heads errors in the data, which is none.
    ``closed`` is there where a problem has such a message.
    """
    problems = [told for told in problems if told.get("rule") != GATE] or problems
    kinds = [(str(told.get("file", "")), str(told.get("rule", ""))) for told in problems]
    first = dict(zip(kinds[::-1], problems[::-1], strict=True))
    closed = {of: {"closed": str(told["closed"])} if told.get("closed") else {} for of, told in first.items()}
    return [
        {"file": of[0], "rule": of[1], "count": count, "remedy": str(first[of].get("remedy", "")), **closed[of]}
        for of, count in Counter(kinds).items()
    ]


def tell_first(kind: str, problems: Sequence[Mapping[str, str]]) -> str:
    """How many problems there are, and of the first file, rule, cause (where it holds no value) and remedy, on one line.

    See `sum_up_problems`.
    """
    summed = sum_up_problems(problems)
    number = sum(int(str(told["count"])) for told in summed)
    count = f"{number} problem{'s' * (number != 1)} ({kind})"
    first = summed[:1]
    named = [f"{name} {first[0][key]}" for name, key in (("in", "file"), ("rule:", "rule")) if first and first[0][key]]
    told = f"{count}, the first {', '.join(named)}" if named else count
    told += f": {first[0]['closed']}" if first and first[0].get("closed") else ""
    told += f". Remedy: {first[0]['remedy']}" if first and first[0]["remedy"] else ""
    return told if told.isprintable() else ascii(told)[1:-1]


def name_cuts(names: Iterable[str]) -> str:
    """Some cuts by their names, on one line."""
    # A name that is refused may hold what would begin a line of its own.
    told = [name if name.isprintable() else ascii(name) for name in names]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{', '.join(told[:_NAMED])}{more}"


def name_findings(counts: Mapping[str, int]) -> list[str]:
    """How many findings there are of each severity, in words."""
    words = {"E": "error", "W": "warning", "I": "note"}
    return [f"{count} {words.get(name, name)}{'s' * (count != 1)}" for name, count in counts.items()]


def print_events(*, as_json: bool, quiet: bool) -> Hear:
    """What prints events: lines of JSON on standard output, lines of a log on standard error, of a quiet one the grave alone."""

    def hear(event: Event) -> None:
        # A log nobody reads any more ends no watch.
        with suppress(OSError):
            if as_json and event.kind != STEP:
                say(event.as_json())
                sys.stdout.flush()
            # A code without a word would send its reader searching.
            if not quiet or event.kind in GRAVE or (event.kind == "ended" and event.facts.get("exit_code")):
                print(event.as_line(), file=sys.stderr, flush=True)  # noqa: T201

    return hear


def split_command(command: str) -> list[str]:
    """The words of a command as a shell splits them; no shell runs it.

    Raises
    ------
    ArgumentError
        A quotation is not closed, or the first word is no program that can be run: the first night would tell nobody.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        told = f"--notify {command!r} is no command: {error}"
        raise ArgumentError(told, remedy="close the quotation, or name a script") from None
    if not words:
        raise ArgumentError("--notify names no command", remedy="name a program, or leave the option out")
    if shutil.which(words[0]) is None:
        there = Path(words[0]).is_file()
        told = f"--notify {words[0]} cannot be run: {'it is not executable' if there else 'there is no such program'}"
        remedy = "make it executable: chmod +x" if there else "name a program by its whole path"
        raise ArgumentError(told, remedy=remedy)
    return words


class Notifier:
    """Tells a command of events; one that hung is told nothing more for an hour, and a night waits for it once."""

    def __init__(self, command: Sequence[str], status: Path) -> None:
        self.command, self.status = command, status
        self._deaf_until = 0.0

    def tell(self, event: Event) -> None:
        """Tell of one event, or say that it is not told."""
        if time.monotonic() < self._deaf_until:
            logger.warning("--notify: %s hung, and is not told: %s", self.command[0], " ".join([event.kind, event.cut]).strip())
        elif not notify(self.command, event, self.status):
            self._deaf_until = time.monotonic() + PAUSE


def notify(command: Sequence[str], event: Event, status: Path) -> bool:
    """Tell a command of an event, as JSON on its standard input. That it fails is told, and changes nothing.

    Returns
    -------
    bool
        Whether it came to an end by itself.
    """
    # A watch that could not begin may have no page: whoever is told looks for what is named.
    page = {"status": str(status)} if status.is_file() else {}
    given = (json.dumps({**json.loads(event.as_json()), **page}) + "\n").encode()
    try:
        done = run_program(command, given=given, timeout=PATIENCE, environment={**os.environ, **deaf_environment()})
    except subprocess.TimeoutExpired:
        told = "--notify: %s took longer than %g s and was ended; it is told nothing more for %g minutes"
        logger.warning(told, command[0], PATIENCE, PAUSE / 60)
        return False
    except OSError as error:
        logger.warning("--notify: %s cannot be started: %s", command[0], error.strerror)
        return True
    if done.returncode:
        logger.warning("--notify: %s ended with code %d", command[0], done.returncode)
    return True
