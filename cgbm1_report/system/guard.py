"""Runs a command, or a Python file, and ends it with all it started when the process that asked for it is gone.

Started by :mod:`cgbm1_report.system.processes` as a script of its own, the leader of its process group: it must
import nothing of the package. The first argument is the handle of a pipe that nobody writes to: it ends with the
process that could.
"""

from __future__ import annotations

import fcntl
import os
import runpy
import select
import signal
import subprocess
import sys
import threading


def end_with(handle: int) -> None:
    """End the process group of this process, which leads it, when a pipe ends that only the parent can write to."""
    signals = getattr(fcntl, "F_SETSIG", None)
    if signals is None:
        threading.Thread(target=_watch, args=(handle,), daemon=True).start()
        return
    # Linux sends the signal itself: no thread, which whoever forks later would not have.
    fcntl.fcntl(handle, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(handle, signals, signal.SIGKILL)
    fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([handle], [], [], 0)[0]:
        os.killpg(0, signal.SIGKILL)


def _watch(handle: int) -> None:
    select.select([handle], [], [])
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Carry out ``guard.py HANDLE python FILE`` in this process, or ``guard.py HANDLE run COMMAND …`` in another."""
    end_with(int(sys.argv[1]))
    if sys.argv[2] == "python":
        runpy.run_path(sys.argv[3], run_name="__main__")
        return 0
    try:
        code = subprocess.call(sys.argv[3:])
    except OSError as error:
        print(f"{sys.argv[3]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - its only way to tell
        return 126
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
