"""How a command ends: whatever ends it is one message on standard error and an exit code, never a traceback."""

from __future__ import annotations

import errno
import io
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from cgbm1_report.errors import Problem, ReportError, WritingError
from cgbm1_report.system.clock import read_epoch
from cgbm1_report.system.collector import collect_rarely
from cgbm1_report.system.importing import leave_current_folder_out, leave_grammar_out
from cgbm1_report.system.processes import EndedError, end_on_signals, ending
from cgbm1_report.system.terminal import close_output, fold, hear_warnings, say_exit, say_json

#: Exit codes of sysexits.h, beside those of `cgbm1_report.errors`: a fault of the program's own (EX_SOFTWARE), and no
#: memory (EX_OSERR).
UNEXPECTED = 70
NO_MEMORY = 71
#: Exit codes of several runs, the gravest first: what would end each of them stands before what ends one.
GRAVEST = (UNEXPECTED, 76, 78, 2, 69, NO_MEMORY, 74, 75, 1, 0)
DEBUG, JSON = "--debug", "--json"
#: The option that names the protocol file.
TRIAL = "--trial"
#: Verbs whose answers are lines of JSON; the last says how they ended, also where their command line was refused.
IN_LINES: set[str] = set()


def run_command(command: Callable[[], object]) -> NoReturn:
    """Run a command and leave the process.

    ``--debug``, before or after the verb, shows the traceback as well; where ``--json`` asks for an answer that a machine
    reads, that answer is the error: its class, exit code and problems. Exit codes: 0 done; 1 problems in the data,
    or findings; 2 a wrong command line; 78, 69, 76, 75 a bad plan, a missing tool, a failed proof, another run at work
    (`cgbm1_report.errors`); 74 and 71 the machine has no room on disk or in memory; 70 a fault of the program's own; 128 and
    the number of the signal that ended it (130, 143, 129).
    """
    leave_current_folder_out()
    leave_grammar_out()
    debug = _take_debug()
    hear_warnings()
    if debug:
        logging.getLogger("cgbm1_report").setLevel(logging.DEBUG)
    else:
        # What goes wrong while things are let go, or in a thread whose work nobody waits for, has no reader.
        sys.unraisablehook = lambda _: None
        threading.excepthook = lambda _: None
    for stream in (sys.stdout, sys.stderr):
        # The encoding of a terminal or file may lack what an output prints: then it shows a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    end_on_signals()
    collect_rarely()
    raise SystemExit(_flushed(_carry_out(command, debug)))


def _take_debug() -> bool:
    """Take ``--debug`` out of the command line; whether it stood there."""
    given = sys.argv[1:]
    own = given[: given.index("--")] if "--" in given else given
    sys.argv[1:] = [argument for argument in own if argument != DEBUG] + given[len(own) :]
    return DEBUG in own


def _asks_for_json() -> bool:
    given = sys.argv[1:]
    return JSON in (given[: given.index("--")] if "--" in given else given)


def _find_protocol() -> Path | None:
    """The protocol file that the command line names; None where it is the package's own."""
    given = sys.argv[1:]
    own = given[: given.index("--")] if "--" in given else given
    named = [after for word, after in pairwise(own) if word == TRIAL]
    named += [word.removeprefix(f"{TRIAL}=") for word in own if word.startswith(f"{TRIAL}=")]
    return Path(named[-1]) if named else None


def _answers_in_lines() -> bool:
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "") in IN_LINES


def _carry_out(command: Callable[[], object], debug: bool) -> int:
    """Run the command and return its exit code."""
    try:
        read_epoch()
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException as caught:
        if debug:
            traceback.print_exc()
        # What goes wrong while an ended run tidies up (a program killed in its midst still wrote a file) follows from
        # the signal, and would be told in its place.
        error = ending() or caught
        problems, code = explain(error, _find_protocol())
        with suppress(OSError):
            for problem in problems:
                print(fold(f"error: {problem}", sys.stderr), file=sys.stderr)  # noqa: T201
            if _asks_for_json():
                kind = WritingError if isinstance(error, OSError) else type(error)
                found = dict(error.findings) if isinstance(error, ReportError) else {}
                named = [asdict(problem) for problem in problems]
                told = {"class": kind.__name__, "exit_code": code, "findings": found, "problems": named}
                if _answers_in_lines():
                    say_exit(code, error=told)
                else:
                    say_json({"error": told})
        return code
    return 0


def _flushed(code: int) -> int:
    """Write out what was printed; who closed the pipe early (``list | head``) has seen enough."""
    try:
        sys.stdout.flush()
    except OSError as error:
        close_output()
        if error.errno != errno.EPIPE:
            with suppress(OSError):
                print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
            return code or WritingError.exit_code
    return code


def explain(error: BaseException, protocol: Path | None = None) -> tuple[list[Problem], int]:
    """What a run that ended by an exception says, and its exit code.

    ``protocol`` is the protocol file of the run where that is not the package's own: it is named as it is called there.
    """
    if isinstance(error, ReportError):
        return [problem.naming(protocol) for problem in error.problems], error.exit_code
    if isinstance(error, EndedError | KeyboardInterrupt):
        number = error.number if isinstance(error, EndedError) else signal.SIGINT
        return [Problem(f"{EndedError(number)}; what was there before stays as it was")], 128 + number
    if isinstance(error, MemoryError):
        return [Problem("there is not enough memory", remedy="free some, or build fewer outputs at a time (--only)")], NO_MEMORY
    if isinstance(error, OSError) and error.strerror:
        remedy = "check the path, its permissions and the space left"
        return [Problem(error.strerror, file=str(error.filename or ""), remedy=remedy)], WritingError.exit_code
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" (at {Path(frame.filename).name}:{frame.lineno})" for frame in last)
    told = " ".join(str(error).split())[:500]
    remedy = f"run the command again with {DEBUG}, and report what it prints"
    return [Problem(f"unexpected {type(error).__name__}: {told}{where}", remedy=remedy)], UNEXPECTED
