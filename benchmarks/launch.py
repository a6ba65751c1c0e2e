"""Runs one command and tells what it and everything it started took; JSON in, JSON out.

A process of its own, because it adopts what the command leaves behind (on Linux): a process that
outlives the one that started it would otherwise be missing from the CPU seconds, and left running.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

#: Seconds between two looks at the memory, and those that orphans get to end by themselves.
LOOK, GRACE = 0.05, 15.0
_ADOPT = 36  # PR_SET_CHILD_SUBREAPER
_PROC = Path("/proc")


def adopt_orphans() -> None:
    """Become the parent of processes whose own has ended; where the system cannot, they are not counted."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)


def descendants(ancestor: int) -> list[int]:
    """Processes below one, by the kernel's list; empty where there is none to read."""
    parents: dict[int, int] = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything, blanks and brackets too.
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    found, above = [], {ancestor}
    while above:
        above = {process for process, parent in parents.items() if parent in above}
        found += sorted(above)
    return found


def resident(processes: list[int]) -> int:
    """Bytes in memory of all these processes; what two of them share counts twice."""
    pages = 0
    for process in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages += int((_PROC / str(process) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Memory(threading.Thread):
    """Looks at the memory of everything below this process until told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.over = 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(LOOK):
            self.peak = max(self.peak, resident(descendants(os.getpid())))


def end_all() -> None:
    for process in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)


def launch(command: list[str], folder: str, timeout: float) -> dict[str, object]:
    """Run a command to its end, and wait for what it left; ``code`` is None where its time was over."""
    adopt_orphans()
    memory = Memory()
    late = threading.Event()
    words = tempfile.TemporaryFile()  # noqa: SIM115 - read after the command
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words)
    memory.start()
    timer = threading.Timer(timeout, lambda: (late.set(), end_all()))
    timer.daemon = True
    timer.start()
    cpu, largest, code, wall = 0.0, 0, 0, 0.0
    while True:
        try:
            ended, status, used = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += used.ru_utime + used.ru_stime
        largest = max(largest, used.ru_maxrss)
        if ended == process.pid:
            wall, code = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
            timer.cancel()
            timer = threading.Timer(GRACE, end_all)
            timer.daemon = True
            timer.start()
    timer.cancel()
    process.returncode = code
    memory.over.set()
    memory.join()
    # Linux counts in kilobytes, macOS in bytes. A process shorter than a look has only this.
    largest *= 1 if sys.platform == "darwin" else 1024
    words.seek(0)
    said = words.read()[-2000:].decode("utf-8", "replace")
    words.close()
    told = {"wall": wall, "cpu": cpu, "memory": max(memory.peak, largest), "words": said}
    return {**told, "code": None if late.is_set() else code}


if __name__ == "__main__":
    json.dump(launch(**json.load(sys.stdin)), sys.stdout)
