"""Functions that tests have called on a cluster: found there by the name of this module, which is quick to load."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def end_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def where_am_i() -> int:
    return os.getppid()


def fail(kind: type[Exception]) -> None:
    raise kind("of three subjects one is missing")


def sleep_and_write(seconds: float, file: Path) -> None:
    file.with_suffix(".begun").touch()
    time.sleep(seconds)
    file.touch()


def add_a_line(file: Path) -> int:
    with file.open("a") as written:
        written.write("once\n")
    return os.getppid()


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
