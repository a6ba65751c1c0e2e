"""Parts of one run in processes of their own, which end with it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cgbm1_report.errors import ToolError
from cgbm1_report.system.cluster import current_cluster
from cgbm1_report.system.collector import collect_rarely
from cgbm1_report.system.guard import end_with
from cgbm1_report.system.handed import carry_out, pack_call, pass_on
from cgbm1_report.system.importing import deaf_to_current_folder, leave_current_folder_out, leave_grammar_out
from cgbm1_report.system.processes import end_group, find_who, short_folder, short_temporary_path, tell_end, undisturbed

T = TypeVar("T")
#: Of calls that were sent: the processes of their pool, and what waits until those have ended.
_Children = tuple[Mapping[int, Any], Callable[[], None]]
_sent: WeakKeyDictionary[Future[Any], _Children] = WeakKeyDictionary()
_FORKED = "forkserver"


def count_cores() -> int:
    """How many processes this one may keep busy."""
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own else os.cpu_count() or 1


@contextmanager
def hidden_main() -> Iterator[None]:
    """Hide the caller's script, which multiprocessing would otherwise import again in every child."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def end_with_parent() -> None:
    """Lead a process group of its own, and end it when the process that wants it is gone."""
    os.setsid()
    parent = multiprocessing.parent_process()
    if parent is not None and isinstance(parent.sentinel, int):
        end_with(parent.sentinel)


def fresh_context() -> Any:
    """How processes are started that inherit no thread and no lock of this one: forked from a clean one, where the system can."""
    return multiprocessing.get_context(_FORKED if _can_fork() else "spawn")


def _can_fork() -> bool:
    return _FORKED in multiprocessing.get_all_start_methods()


def load_ahead(module: str) -> None:
    """Begin the process that all others are forked from, and let it import a module while this one does something else."""
    if _can_fork():
        from multiprocessing import forkserver

        forkserver.set_forkserver_preload([module])
        with undisturbed(), hidden_main(), short_temporary_path(), deaf_to_current_folder():
            forkserver.ensure_running()


class Workers:
    """Calls functions in at most ``count`` processes; one alone calls them here, when they are asked for.

    What they are given and give back travels between processes. Whatever ends the block ends the processes. Where the run
    sends its parts to a cluster, that calls them, and it ends with the run.
    """

    def __init__(self, count: int) -> None:
        self._cluster = current_cluster() if count > 1 else None
        self._pool = _open_pool(count) if count > 1 and self._cluster is None else None
        # The pool forgets them when it is shut down.
        self._children: Mapping[int, Any] = {} if self._pool is None else self._pool._processes
        self._before = {child.pid for child in multiprocessing.active_children()}
        self._stack = ExitStack()
        self._folder = None if self._pool is None else str(self._stack.enter_context(short_folder()))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            # What is not begun never is, and nobody waits for what has.
            for child in multiprocessing.active_children():
                if child.pid is not None and child.pid not in self._before:
                    end_group(child.pid)
                    child.kill()
        with self._stack:
            self._pool.shutdown(cancel_futures=True)

    def call(self, function: Callable[..., T], *arguments: object, **named: object) -> Future[T]:
        """Have a function of a module called with these arguments."""
        if self._cluster is not None:
            return self._cluster.call(function, *arguments, **named)
        if self._pool is None or self._folder is None:
            return _called(function, *arguments, **named)
        answered: Future[T] = Future()
        with undisturbed(), hidden_main(), short_temporary_path(), deaf_to_current_folder():
            try:
                sent = self._pool.submit(carry_out, pack_call(function, arguments, named, self._folder), self._folder)
            except BrokenProcessPool as error:
                # One has died already: told when the calls are gathered.
                sent = _failed(error)
        _sent[answered] = self._children, self._pool.shutdown
        sent.add_done_callback(partial(pass_on, answered=answered))
        return answered


def _open_pool(count: int) -> ProcessPoolExecutor | None:
    """Processes to call in; none where the system has no semaphores for them, as some containers have not."""
    try:
        own = dict(os.environ), tempfile.gettempdir()
        return ProcessPoolExecutor(count, mp_context=fresh_context(), initializer=_begin, initargs=own)
    except (NotImplementedError, OSError):
        return None


def _begin(environment: Mapping[str, str], temporary: str) -> None:
    """Hear what the run hears, not what was so when its first process began."""
    end_with_parent()
    collect_rarely()
    os.environ.clear()
    os.environ.update(environment, TMPDIR=temporary)
    tempfile.tempdir = None
    leave_current_folder_out()
    leave_grammar_out()


def _failed(error: Exception) -> Future[Any]:
    done: Future[Any] = Future()
    done.set_exception(error)
    return done


def _called(function: Callable[..., T], *arguments: object, **named: object) -> Future[T]:
    done: Future[T] = Future()
    try:
        done.set_result(function(*arguments, **named))
    except Exception as error:
        return _failed(error)
    return done


def gather(futures: Sequence[Future[T]], what: str) -> list[T]:
    """What the calls gave, in their order; the first that failed raises what it raised.

    Raises
    ------
    ReportError
        The process of one died: it was ended by a signal, as where memory runs out, or it ended itself.
    """
    try:
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        code = _find_end(futures)
        told = f"a process that worked for it {tell_end(code)}"
        remedy = "; ".join(filter(None, ["run again with --jobs 1, or give the machine more memory", find_who(code)]))
        raise ToolError(told, rule=what, remedy=remedy) from error


def _find_end(futures: Sequence[Future[Any]]) -> int | None:
    """The exit code of the process that died first: the pool ends all others, by SIGTERM."""
    children, wait = next((_sent[one] for one in futures if one in _sent), ({}, lambda: None))
    wait()
    codes = [code for code in (child.exitcode for child in children.values()) if code]
    return next((code for code in codes if code != -signal.SIGTERM), next(iter(codes), None))
