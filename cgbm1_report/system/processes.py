"""The processes a run starts end with it, however it ends: at its end, by a signal, or killed.

Every program is started by :mod:`cgbm1_report.system.guard` in a process group of its own, and the guard ends the
group as soon as this process is gone.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, cast

from cgbm1_report.system.importing import deaf_environment
from cgbm1_report.system.temporary import outer_temporary_folder
from cgbm1_report.system.whole import workroom

#: Signals that end a run as cleanly as an error does. Windows has no SIGHUP.
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
#: A socket's path has room for 107 bytes (103 on some systems), and 54 of them are names of ours and of Python's.
_LONGEST = 49
_running: set[subprocess.Popen[bytes]] = set()
_received: list[int] = []
_undisturbed: list[bool] = []


class EndedError(BaseException):
    """A signal ends the run. A BaseException: no ``except Exception`` on the way may swallow it."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"ended by {signal.Signals(number).name}")


def end_on_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `EndedError` in the main thread, unless they are ignored (nohup)."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _receive)


def _receive(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    # What follows is tidying up: a second signal must not leave half of it.
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    for process in list(_running):
        _end_group(process)
    if not _undisturbed:
        raise EndedError(number)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let a signal end the run only after a few steps that belong together: a process is started, and noted down."""
    _undisturbed.append(True)
    try:
        yield
    finally:
        _undisturbed.pop()
    raise_if_ended()


def ending() -> EndedError | None:
    """What ends the run, where a signal does."""
    return EndedError(_received[0]) if _received else None


def raise_if_ended() -> None:
    """Raise `EndedError` once more where the first was lost: in a destructor, or in code that catches everything."""
    if (error := ending()) is not None:
        raise error


# Programs ----------------------------------------------------------------------------------------


class StalledError(subprocess.TimeoutExpired):
    """A program told of no step for too long."""


@dataclass(frozen=True)
class Ear:
    """Hears each line of a program's log as it comes, and says whether it was a step; ``patience`` seconds without one end it."""

    hear: Callable[[bytes], bool]
    patience: float = math.inf


def run_program(
    command: Sequence[str],
    *,
    given: bytes = b"",
    timeout: float,
    folder: Path | None = None,
    environment: Mapping[str, str],
    ear: Ear | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end and return its exit code and what it printed.

    Parameters
    ----------
    ear
        Hears the lines of its standard error as they come; what is ``given`` is not given then.

    Raises
    ------
    OSError
        It cannot be started.
    subprocess.TimeoutExpired
        It took too long and was ended, with all it started; a `StalledError` where it told of no step.
    """
    return _run([sys.executable, "-I", "-S"], ["run", *command], given, timeout, folder, dict(environment), ear)


def run_python(file: Path, *, given: bytes, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """Run a Python file in a process of its own, as `run_program` does; nothing beside it is imported by chance."""
    environment = {**os.environ, **deaf_environment()}
    return _run([sys.executable, "-P"], ["python", str(file)], given, timeout, None, environment)


def _run(
    start: list[str],
    rest: list[str],
    given: bytes,
    timeout: float,
    folder: Path | None,
    environment: dict[str, str],
    ear: Ear | None = None,
) -> subprocess.CompletedProcess[bytes]:
    raise_if_ended()
    theirs, ours = os.pipe()
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(
            [*start, str(Path(__file__).with_name("guard.py")), str(theirs), *rest],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=folder,
            env=environment,
            start_new_session=True,
            pass_fds=(theirs,),
        ) as process:
            _running.add(process)
            try:
                raise_if_ended()
                out, err = process.communicate(given, timeout) if ear is None else _listen(process, timeout, ear)
            except BaseException:
                _end_group(process)
                raise
            finally:
                _running.discard(process)
    finally:
        os.close(theirs)
        # Only this process has this end: it is closed when the process ends, whatever ends it.
        os.close(ours)
    return subprocess.CompletedProcess(rest, process.returncode, out, err)


def _listen(process: subprocess.Popen[bytes], timeout: float, ear: Ear) -> tuple[bytes, bytes]:
    """What a program prints to its end, as `communicate` gives it; each line of its log is heard when it comes."""
    stdin, stdout, stderr = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", (process.stdin, process.stdout, process.stderr))
    stdin.close()
    out, err = bytearray(), bytearray()
    printed, rest = {stdout.fileno(): out, stderr.fileno(): err}, b""
    begun = last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for handle in printed:
            selector.register(handle, selectors.EVENT_READ)
        while selector.get_map():
            left = min(begun + timeout, last + ear.patience) - time.monotonic()
            if left <= 0:
                kind = subprocess.TimeoutExpired if begun + timeout <= last + ear.patience else StalledError
                raise kind(process.args, timeout, bytes(out), bytes(err))
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 1 << 16)
                printed[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == stderr.fileno():
                    *lines, rest = (rest + chunk).split(b"\n")
                    steps = [ear.hear(line) for line in lines]
                    last = time.monotonic() if any(steps) else last
    process.wait(max(begun + timeout - time.monotonic(), 0))
    return bytes(out), bytes(err)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    # Not yet waited for, so that its number is nobody else's.
    if process.returncode is None:
        end_group(process.pid)
        with suppress(ProcessLookupError):
            process.kill()


def end_group(leader: int) -> None:
    """End a process group by the number of its leader, which must not have been waited for yet."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


#: What ends a process by these signals, as far as can be said: nobody is told who sent one.
_SENDERS = {
    signal.SIGKILL: ": the system does this where memory runs out, or somebody ended it",
    signal.SIGTERM: ": somebody ended it, or the service or scheduler that it runs under",
}


def tell_end(code: int | None) -> str:
    """How a process ended that should not have, by its exit code; of a signal which, and what usually sends it.

    Parameters
    ----------
    code
        Of a signal its number, negative or above 128 as shells have it; None where it is not known.
    """
    number = 0 if code is None else -code if code < 0 else code - 128
    if number not in set(signal.Signals):
        return "died" if code is None else f"died (exit code {code})"
    name = (signal.strsignal(number) or signal.Signals(number).name).lower()
    return f"was ended by signal {number} ({name}){_SENDERS.get(signal.Signals(number), '')}"


def find_who(code: int | None) -> str:
    """What mends that a process was ended by a signal that people and services send; nothing else."""
    sent = code is not None and {-code, code - 128} & set(_SENDERS)
    return "find out who ended it" if sent else ""


# Sockets -----------------------------------------------------------------------------------------


@contextmanager
def short_temporary_path() -> Iterator[None]:
    """Temporary files go to a room of this process in the system's folder: the path of a socket must be short."""
    before = tempfile.tempdir
    tempfile.tempdir = str(_own_room(os.getpid()))
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder of this user alone, where sockets have paths that are short enough; it is gone afterwards."""
    with short_temporary_path():
        made = tempfile.TemporaryDirectory(prefix="s")
    with made as folder:
        yield Path(folder)


@cache
def _own_room(_process: int) -> Path:
    from multiprocessing.util import Finalize

    stack = ExitStack()
    folders = [folder for folder in (outer_temporary_folder(), "/tmp") if len(os.fsencode(folder)) < _LONGEST]  # noqa: S108
    root = stack.enter_context(workroom(Path(folders[0] if folders else outer_temporary_folder(), "run"), alone=False))
    # After multiprocessing has removed its own folder in it, which it does at -100.
    Finalize(None, stack.close, exitpriority=-200)
    return root
