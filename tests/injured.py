"""Hurts a build at one of its writes: kills it, fills the disk, limits its files, or takes what lets root write everywhere.

As a program (``python -m tests.injured CUT TRIAL``) it reads and derives the cut once, and then builds as often as it is asked on its
standard input, each time in a process of its own, which does what the command does. Every process of such a build counts what it
writes in the folder of the target (a hook of Python sees each file opened to be written, moved, removed, each folder made), and
at the number that is asked for it does what it is told to. The product knows nothing of this.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

#: What the processes of a build hear: what is done at which write of which folder, and where writes are counted.
HEARD = "CGBM1_TEST_INJURY"
#: Bytes of a line of the list of writes: its number is where it ends.
LINE = 240
_WRITES = {"open": 0, "os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.mkdir": 0, "ctypes.dlsym": 1}
_FULL = {"open", "os.mkdir"}


def _place(event: str, given: tuple[object, ...]) -> str:
    """What an event writes to; empty where it writes nothing."""
    if event == "open":
        written = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return os.fspath(given[0]) if written and isinstance(given[0], str | os.PathLike) else ""
    if event in ("os.remove", "os.rmdir") and isinstance(given[1], int) and given[1] >= 0:
        return f"{os.readlink(f'/proc/self/fd/{given[1]}')}/{given[0]}"
    place = given[_WRITES[event]]
    return place if isinstance(place, str) else ""


def injure(told: dict[str, object]) -> None:
    """Count the writes of this process and of those forked from it, and do at one of them what is told."""
    folder, number, fault, main = str(told["folder"]), int(told["at"]), str(told["fault"]), int(told["main"])
    listed = os.open(str(told["list"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    limited = False

    once: dict[str, Callable[[], None]] = {"kill": lambda: os.killpg(main, signal.SIGKILL)}

    def hear(event: str, given: tuple[object, ...]) -> None:
        nonlocal limited
        # The list is a file too, and would be too long for the limit.
        if event not in _WRITES or limited:
            return
        place = _place(event, given)
        if not (place.startswith(folder) or place == "renameat2"):
            return
        line = f"{'main' if os.getpid() == main else 'other'} {event} {place.removeprefix(folder)}"
        os.write(listed, line.encode()[: LINE - 1].ljust(LINE - 1) + b"\n")
        now = os.lseek(listed, 0, os.SEEK_CUR) // LINE
        if fault in once and now == number:
            once[fault]()
        elif fault == "size" and now >= number > 0:
            limited = True
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(told["bytes"]), resource.RLIM_INFINITY))
        elif fault == "disk" and now >= number > 0 and event in _FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)

    sys.addaudithook(hear)


def _build(asked: dict[str, object]) -> None:
    """One build as the command makes it; never returns."""
    from cgbm1_report.cli import app
    from cgbm1_report.system.endings import run_command
    from cgbm1_report.system.usage import call_app

    os.setsid()
    if asked["fault"] == "rights":
        _give_up_capabilities()
    os.environ["TMPDIR"] = str(asked["temporary"])
    for handle, name in ((0, os.devnull), (1, "stdout"), (2, "stderr")):
        path = Path(str(asked["temporary"]), f"../{name}") if handle else name
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), handle)
    injure({**asked, "main": os.getpid()})
    words = [str(word) for word in asked["words"]]
    sys.argv = ["cgbm1-report", *words]
    run_command(lambda: call_app(app, "cgbm1-report", words))


def _give_up_capabilities() -> None:
    """What root may do beside others goes (capset(2), version 3): then rights hold for it too."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")


def serve(cut: Path, trial_file: Path) -> None:
    """Build as often as a line asks for it, and answer with how the build's process ended."""
    from cgbm1_report.build import make, report
    from cgbm1_report.build.gate import read_data
    from cgbm1_report.notebook import begin, run
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.system import workers

    data = read_data(cut, read_trial(trial_file))
    make.read_data = lambda *_, **__: data
    # Processes are forked from the build itself: what they would load (2 s) is loaded here once, and the hook goes with them.
    importlib.import_module(begin.PRELOAD)
    context = multiprocessing.get_context("fork")
    run.fresh_context = workers.fresh_context = lambda: context
    report.load_libraries = lambda: None
    _answer("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _build(json.loads(line))
        _answer(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def _answer(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(*map(Path, sys.argv[1:]))
