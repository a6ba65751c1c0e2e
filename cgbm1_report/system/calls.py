"""Calls carried out in processes of their own, one after the other or at once, here or on another machine.

What a call is of is written into a file, and so is what it gave: only the path of its folder travels. A process of a call ends with
the process that started it, and when the file ``ended`` says that the run is over.
"""

from __future__ import annotations

import itertools
import os
import pickle
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cgbm1_report.errors import ToolError
from cgbm1_report.system.called import ENDED
from cgbm1_report.system.handed import give
from cgbm1_report.system.processes import run_python, tell_end

T = TypeVar("T")

#: What of this process's environment can change a byte; a passphrase is never written down.
_HEARD = re.compile(r"SOURCE_DATE_EPOCH|TZ|LANG|LC_[A-Z]+")
#: A call may take as long as a build may.
_LONGEST = 24 * 3600.0
#: Seconds for what runs to end when the run does.
_ENDING = 5.0


class Calls:
    """Calls functions of modules through a ``pool``, whose threads or workers each start a process for it.

    Parameters
    ----------
    pool
        What carries out `carry_out`.
    folder
        Where it is told what to call: everybody who does must see it under this path. Temporary files go beside it.
    who
        What is said to have failed where a call gives nothing, and what mends it.
    """

    def __init__(self, pool: Executor, folder: Path, who: tuple[str, str]) -> None:
        self._pool, self._folder, self._who = pool, folder, who
        self._numbers = itertools.count()
        self._sent: set[Future[Any]] = set()
        self._told = {name: value for name, value in os.environ.items() if _HEARD.fullmatch(name)}

    def call(self, function: Callable[..., T], *arguments: object, **named: object) -> Future[T]:
        """Have a function of a module called with these arguments."""
        place = self._folder / str(next(self._numbers))
        place.mkdir()
        content = pickle.dumps((function, arguments, named))
        (place / "asked").write_bytes(pickle.dumps((self._told, str(self._folder.parent), content)))
        answered: Future[T] = Future()
        sent = self._pool.submit(carry_out, str(place))
        self._sent.add(sent)
        sent.add_done_callback(lambda done: self._pass_on(done, place, answered))
        sent.add_done_callback(self._sent.discard)
        return answered

    def _pass_on(self, done: Future[Any], place: Path, answered: Future[Any]) -> None:
        """Give what a call gave, or raised, to who waits for it."""
        try:
            done.result()
            answer = (place / "answer").read_bytes()
        except BaseException as error:  # whatever it is, somebody waits
            who, remedy = self._who
            told = f"{who} did not carry it out: {type(error).__name__}: {' '.join(str(error).split())[:500]}"
            answered.set_exception(ToolError(told, rule="one process a call", remedy=remedy))
            return
        give(answer, answered)

    def end(self) -> None:
        """End what still runs: every process of a call looks for this file."""
        (self._folder / ENDED).touch()
        wait(list(self._sent), timeout=_ENDING)
        self._pool.shutdown(wait=False)


@contextmanager
def calling_here(count: int) -> Iterator[Calls]:
    """Carry calls out on this machine, ``count`` at a time; whatever ends the block ends them."""
    remedy = (
        "give the machine more memory, or let fewer run at a time; if it was not short of memory, find out who ended the process"
    )
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        calls = Calls(ThreadPoolExecutor(count), Path(folder), ("a process of its own", remedy))
        try:
            yield calls
        finally:
            calls.end()


def carry_out(place: str) -> None:
    """Carry out the call that is written in a folder, once, in a process of its own.

    Raises
    ------
    RuntimeError
        The process gave no answer.
    """
    folder = Path(place)
    if (folder / "answer").is_file():
        # A cluster has what it lost with a worker made again, also what was long done: its files are others' by now.
        return
    if not folder.is_dir() or (folder.parent / ENDED).exists():
        raise RuntimeError("the run that asked for it is over")
    script = Path(__file__).with_name("called.py")
    done = run_python(script, given=place.encode(), timeout=_LONGEST)
    if not (folder / "answer").is_file():
        words = " ".join(done.stderr.decode("utf-8", "replace").split())[-1000:]
        raise RuntimeError(f"its process {tell_end(done.returncode)}{f': {words}' if words else ''}")
