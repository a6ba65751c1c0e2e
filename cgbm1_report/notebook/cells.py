"""Runs the cells of one notebook in this process, or in a Jupyter kernel of its own.

A process runs one notebook and ends: nothing of one notebook is seen in the next.
"""

from __future__ import annotations

import builtins
import getpass
import re
import signal
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from IPython.core.error import StdinNotImplementedError
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError

import cgbm1_report.notebook.stock  # noqa: F401 - registers the engine
from cgbm1_report.errors import KINDS, PlanError, ReportError
from cgbm1_report.notebook.bounds import TOO_LARGE, clip_error
from cgbm1_report.notebook.receipts import read_receipts
from cgbm1_report.notebook.shell import NotebookShell, Stream, new_output, new_shell

#: Lines of a traceback that a problem quotes.
TRACEBACK_LINES = 12

_ANSI = re.compile(r"\x1b\[[0-9;]*m")

#: A notebook whose cells take long is saved in between at most this often, in seconds.
_SAVE_EVERY = 5.0

OnCell = Callable[[int, int, str], None]


class OutOfTimeError(BaseException):
    """The notebook's time is over. A BaseException: no ``except Exception`` of a cell may swallow it."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def expire(_signal: int, _frame: types.FrameType | None) -> None:
        raise OutOfTimeError(f"the notebook took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def _nobody_to_ask() -> Iterator[None]:
    """Refuse questions as a kernel does: nobody would answer."""

    def refuse(name: str) -> Callable[..., str]:
        def ask(*_arguments: Any, **_options: Any) -> str:
            raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

        return ask

    asking, secret = builtins.input, getpass.getpass
    builtins.input, getpass.getpass = refuse("raw_input"), refuse("getpass")
    try:
        yield
    finally:
        builtins.input, getpass.getpass = asking, secret


class PreloadedEngine(Engine):  # type: ignore[misc]
    """Papermill engine that runs the cells in this process, which was forked for this notebook only."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        seconds: float,
        on_cell: OnCell,
        **_: Any,
    ) -> None:
        """Run cell after cell up to the first that fails; the outputs are in ``nb_man.nb``."""
        shell = new_shell()
        out, err = Stream(shell.outputs, "stdout"), Stream(shell.outputs, "stderr")
        path, nb_man.output_path = nb_man.output_path, None
        try:
            with redirect_stdout(out), redirect_stderr(err), _nobody_to_ask(), _time_limit(seconds):
                for index, cell in enumerate(nb_man.nb.cells):
                    _save_now_and_then(nb_man, path)
                    on_cell(index, len(nb_man.nb.cells), cell.source)
                    if not cls._run_cell(shell, nb_man, index, cell):
                        break
        except BaseException:
            # It is saved as far as it came; one that runs to its end is saved by papermill afterwards, once.
            nb_man.output_path = path
            raise
        finally:
            shell.atexit_operations()  # type: ignore[no-untyped-call]

    @staticmethod
    def _run_cell(shell: NotebookShell, nb_man: NotebookExecutionManager, index: int, cell: NotebookNode) -> bool:
        nb_man.cell_start(cell, index)
        try:
            if cell.cell_type != "code" or not cell.source.strip():
                return True
            shell.outputs.start(cell)
            cell.execution_count = shell.execution_count
            result: Any = shell.run_cell(  # type: ignore[no-untyped-call]
                cell.source, store_history=True, silent=False, cell_id=cell.get("id")
            )
            if shell.exit_asked:
                shell.outputs.add(new_output("error", ename="SystemExit", evalue="", traceback=[]))
            told = any(output.output_type == "error" for output in cell.outputs)
            if result.success and not told:
                return True
            raised = result.error_before_exec or result.error_in_exec
            if raised and not told:
                # An unknown magic is only printed.
                shell.outputs.add(new_output("error", ename=type(raised).__name__, **clip_error(str(raised), [])))
            nb_man.cell_exception(cell, cell_index=index)
            return False
        finally:
            shell.outputs.finish()
            nb_man.cell_complete(cell, cell_index=index)


def _save_now_and_then(nb_man: NotebookExecutionManager, path: str | None) -> None:
    if (nb_man.now() - nb_man.last_save_time).total_seconds() > _SAVE_EVERY:
        nb_man.output_path = path
        nb_man.save()
        nb_man.output_path = None


papermill_engines.register("preloaded", PreloadedEngine)


# One notebook ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A cell of a notebook: its number from 0, how many there are (0: not known), its source."""

    index: int = -1
    count: int = 0
    source: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not run to its end, and whose it is to mend."""

    place: Place
    message: str
    remedy: str
    kind: type[ReportError] = PlanError
    #: What of the message a log may tell: what a cell raised may hold a value of the data.
    closed: str = "failed"


def execute(
    source: str,
    target: str,
    parameters: Mapping[str, object],
    *,
    folder: str,
    engine: str,
    timeout: float,
    on_cell: OnCell,
) -> Failure | dict[str, str]:
    """Run one notebook with papermill and write its executed copy.

    ``source`` and ``target`` are paths with their braces doubled, as papermill takes them; the cells
    run in ``folder``.

    Returns
    -------
    Failure or dict
        Why not every cell ran; else the receipts of what the notebook showed (see `receipts`).
    """
    last = Place()

    def follow(index: int, count: int, text: str) -> None:
        nonlocal last
        last = Place(index, count, text)
        on_cell(index, count, text)

    too_late = f"took longer than {timeout:g} s", "give the notebook more time, or mend the cell that does not end"
    try:
        notebook = papermill.execute_notebook(
            source,
            target,
            parameters={name: str(value) if isinstance(value, Path) else value for name, value in parameters.items()},
            engine_name=engine,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=folder,
            autosave_cell_every=0,
            seconds=timeout,
            on_cell=follow,
        )
    except PapermillExecutionError as error:
        place = Place(error.cell_index, 0, error.source)
        if error.ename == OutOfTimeError.__name__:
            return Failure(place, *too_late, closed=too_late[0])
        if error.ename == TOO_LARGE:
            return Failure(place, error.evalue, "show less, or a smaller picture; report.show() has no bound")
        if error.ename == "SystemExit":
            return _ended_by(place, error.evalue)
        # An error of ours says itself what mends it, and the cell that shows an output may be the package's own.
        of_ours = error.ename in KINDS and "Remedy: " in error.evalue
        remedy = "mend what the message says; the cell only shows it" if of_ours else "mend the cell"
        if error.ename == "ModuleNotFoundError":
            remedy = "install the module: what lies beside a notebook is not imported, for it does not come along with the report"
        # An output that cannot be made of these data is no fault of the notebook that shows it.
        return Failure(place, _what_was_raised(error), remedy, KINDS.get(error.ename, PlanError))
    except (CellTimeoutError, OutOfTimeError):
        return Failure(last, *too_late, closed=too_late[0])
    except DeadKernelError:
        return Failure(last, "the notebook's process died", "mend what the cell calls; run it in Jupyter to see it")
    return _not_run(notebook) or read_receipts(notebook.cells)


def _ended_by(place: Place, said: str) -> Failure:
    how = f" (exit: {said})" if said else ""
    return Failure(place, f"ends the notebook{how}: what is below would be missing", "take the exit out of the notebook")


def _what_was_raised(error: PapermillExecutionError) -> str:
    """The exception and the end of its traceback; an error of ours has none to tell."""
    lines = _ANSI.sub("", "\n".join(error.traceback)).strip().splitlines()
    told = f"{error.ename}: {error.evalue}"
    return told if lines and lines[0].startswith(f"{error.ename}: ") else "\n".join([told, *lines[-TRACEBACK_LINES:]])


def _not_run(notebook: NotebookNode) -> Failure | None:
    """Refuse a notebook that stopped early without an error papermill would raise, as after ``sys.exit(0)``."""
    for index, cell in enumerate(notebook.cells):
        place = Place(index, len(notebook.cells), cell.source)
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                return _ended_by(place, output.evalue)
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            return Failure(place, "was not run: a cell before it ended the notebook", "take the exit out of the notebook")
    return None
