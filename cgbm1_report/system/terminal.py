"""What a command tells while it works and at its end: on a terminal, into a log, to a program that reads."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from shutil import get_terminal_size
from textwrap import wrap
from typing import TextIO

from cgbm1_report.system.processes import raise_if_ended

Tell = Callable[[str, str], None]
#: What was warned of in this run, for who reads JSON.
_warned: list[str] = []


def say(text: str, end: str = "\n") -> None:
    """Print a result. Who closed the pipe early (``list | head``) has seen enough, and changes nothing of how the command ends."""
    try:
        sys.stdout.write(text + end)
    except OSError as error:
        if error.errno != errno.EPIPE:
            error.filename = error.filename or "standard output"
            raise
        close_output()


def fold(text: str, stream: TextIO, indent: int = 2) -> str:
    """A line as a stream takes it: on a terminal broken between words, further lines stepped back; elsewhere as it is."""
    if not stream.isatty():
        return text
    room = max(get_terminal_size().columns, 2 * indent + 20)
    step = " " * indent
    lines = (wrap(line, room, subsequent_indent=step, break_long_words=False, break_on_hyphens=False) for line in text.split("\n"))
    return "\n".join("\n".join(own) for own in lines)


def say_json(content: dict[str, object]) -> None:
    """Print a result for a machine, with what was warned of on the way."""
    say(json.dumps({**content, "warnings": warnings_told()}, ensure_ascii=False, indent=1, default=str))


def say_exit(code: int, **told: object) -> None:
    """Print the last line of a verb that answers in lines of JSON: how it ended."""
    say(json.dumps({"event": "exit", "exit_code": code, **told, "warnings": warnings_told()}, ensure_ascii=True, default=str))


def close_output() -> None:
    """Send what is still printed nowhere, so that nothing is left to be written at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# While it works -----------------------------------------------------------------------------------


@contextmanager
def progress(quiet: bool) -> Iterator[Tell]:
    """A moving line on a terminal, lines with time and duration in a log, nothing when quiet."""
    if quiet:
        yield lambda _step, _detail: raise_if_ended()
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("starting") as status:

            def update(step: str, detail: str) -> None:
                raise_if_ended()
                status.update(f"{step}: {detail}".replace("[", "\\["))

            yield update
    else:
        yield log_lines()


def log_lines() -> Tell:
    """Lines for a log: when, how many seconds since the run began, the step, what is done; of a notebook's end how long it took."""
    begun = time.monotonic()
    started: dict[str, float] = {}

    def tell(step: str, detail: str) -> None:
        raise_if_ended()
        what, _, event = detail.rpartition(": ")
        # In a log a line per cell would bury the rest.
        if event.startswith("cell "):
            return
        now = time.monotonic()
        if event == "started":
            started[what] = now
        took = f" after {now - started.pop(what):.1f} s" if event in ("done", "failed") and what in started else ""
        # A log nobody reads any more ends no run.
        with suppress(OSError):
            print(f"{clock()} {now - begun:6.1f} s  {step:9} {detail}{took}", file=sys.stderr)  # noqa: T201

    return tell


def clock() -> str:
    """The time as logs have it: ISO 8601, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# Warnings -----------------------------------------------------------------------------------------


class _Warnings(logging.StreamHandler):  # type: ignore[type-arg]
    """Prints what the package logs, with the time where it is a log that reads it, and keeps the warnings."""

    def format(self, record: logging.LogRecord) -> str:
        told = super().format(record)
        if record.levelno >= logging.WARNING:
            _warned.append(record.getMessage())
        return told if sys.stderr.isatty() else f"{clock()} {told}"


def hear_warnings() -> None:
    """Print what is logged from now on to standard error."""
    handler = _Warnings(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def warnings_told() -> list[str]:
    """What was warned of in this run so far."""
    return list(dict.fromkeys(_warned))
