"""Runs notebooks with papermill: several at a time, each alone in a process of its own.

The engine ``preloaded`` forks that process from one that has loaded the libraries and computed
nothing; ``stock`` starts a Jupyter kernel, as ``jupyter nbconvert`` would. Both give equal outputs.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from pathlib import Path
from typing import Any, Literal

from cgbm1_report.errors import PlanError, Problem, ReportError, RoomError, ToolError, join_errors
from cgbm1_report.notebook.begin import PRELOAD, begin
from cgbm1_report.notebook.normalise import normalise_notebook
from cgbm1_report.notebook.parameters import check_parameters, literal
from cgbm1_report.notebook.receipts import Executed, digest_of
from cgbm1_report.notebook.source import own_number
from cgbm1_report.system.cluster import current_cluster
from cgbm1_report.system.collector import collect_rarely
from cgbm1_report.system.importing import deaf_to_current_folder, leave_current_folder_out, leave_grammar_out, matplotlib_settings
from cgbm1_report.system.processes import end_group, find_who, short_folder, short_temporary_path, tell_end, undisturbed
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.workers import end_with_parent, fresh_context, hidden_main

logger = logging.getLogger(__name__)

Engine = Literal["preloaded", "stock"]

#: Seconds a notebook gets to stop by itself after its time is over, before its process is ended.
GRACE = 5.0

#: Seconds in which a process has to be there with its libraries; a notebook's own time begins then.
_LOADING = 120.0

#: What a notebook's process and its kernel print themselves, and how many lines of it a problem quotes.
_WORDS, _LAST_WORDS = "words.txt", 12
#: How the message of an output that cannot be made goes on from its number and title: with the reason.
_REFUSAL = " cannot be made: "
#: A cell's number from 0, how many cells there are, its source: no cell yet.
_NOWHERE = (-1, 0, "")


@dataclass(frozen=True)
class NotebookJob:
    """One notebook to run: where it is, where its executed copy goes, and its parameters.

    The cells run in the folder of ``target``, so that paths among the parameters may be relative
    to it and the executed notebook names no machine.
    """

    source: Path
    target: Path
    parameters: dict[str, object] = field(default_factory=dict)
    #: Whose words it may print: cells that are tagged with another study are left out. Without it all stay.
    study: str = ""
    #: How much there is to do, beside other notebooks: the most begins first, so that no core waits for it at the end.
    weight: int = 0


def part_of(job: NotebookJob) -> str:
    """What a notebook of ours is run for: a package by its name, a dose group by its code, or all of a phase."""
    return str(job.parameters.get("package") or job.parameters["dose_group"])


OnProgress = Callable[[NotebookJob, str], None]
OnDone = Callable[[NotebookJob, Executed], None]


def run_notebooks(
    jobs: Sequence[NotebookJob],
    *,
    engine: Engine = "preloaded",
    workers: int = 2,
    timeout: float = 1800,
    on_progress: OnProgress | None = None,
    on_done: OnDone | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run every notebook and write its executed copy to ``job.target``, as `normalise_notebook` leaves it.

    Parameters
    ----------
    jobs
        What to run, ``workers`` at a time: those of more ``weight`` first, else in this order.
    engine
        ``preloaded`` (fast) or ``stock`` (a Jupyter kernel per notebook, for qualification and for
        systems that cannot fork).
    timeout
        Seconds one notebook may take.
    on_progress
        Called with the job and ``started``, ``cell 3 of 10``, ``done`` or ``failed``.
    on_done
        Called with the job and what its process told of what it wrote, as soon as a notebook is over.
    environment
        Variables the notebooks' processes get.

    Raises
    ------
    ReportError
        A parameter that a notebook does not have (found before any notebook runs), a cell that
        fails, a process that dies, a notebook that takes too long: one problem per notebook, after
        all have run. What was executed of a failing notebook is kept in ``job.target``.
    """
    check_parameters([(job.source, job.parameters) for job in jobs], workers)
    if engine == "preloaded" and "forkserver" not in multiprocessing.get_all_start_methods():
        logger.warning("this system cannot fork processes: the notebooks run in Jupyter kernels (engine stock), which is slower")
        engine = "stock"
    for job in jobs:
        _make_folder(job.target.parent)
    how = _How(engine, timeout, on_progress or _say_nothing, on_done or _say_nothing, dict(environment or {}))
    cluster = current_cluster()
    if cluster is None:
        errors = _supervise(jobs, how, max(1, workers))
    else:
        from cgbm1_report.notebook.sent import send_notebooks

        errors = send_notebooks(jobs, cluster, engine, timeout, how.on_progress, how.on_done, how.environment)
    if errors:
        raise join_errors(tell_once(errors))


def tell_once(errors: Sequence[ReportError]) -> list[ReportError]:
    """Errors of notebooks, an output's refusal once: what several documents show is refused in each of them for the same reason.

    Its place names the other outputs it keeps from being made, and the notebooks they stand in.
    """
    found: dict[tuple[type[ReportError], str, str], list[Problem]] = {}
    for error in errors:
        for one in error.problems:
            _, is_refusal, reason = one.message.partition(_REFUSAL)
            told = (type(error), reason, one.remedy) if is_refusal else (type(error), one.message, f"{one.file} {one.place}")
            found.setdefault(told, []).append(one)
    told_once = []
    for (kind, *_), (first, *others) in found.items():
        places = [f"{_refused_output(one)} in {Path(one.file).name}, {one.place.partition(' (')[0]}" for one in others]
        told_once.append(kind.of([replace(first, place="; also ".join([first.place, *places]))]))
    return told_once


def _refused_output(problem: Problem) -> str:
    """The number of the output that cannot be made, as its refusal says it first."""
    return problem.message.partition(": ")[2].partition(" (")[0]


def _say_nothing(_job: NotebookJob, _event: object) -> None:
    return


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise tell_unwritten(error, folder, "cannot be made") from error


# The parent: starts, watches and ends one process per notebook -----------------------------------


@dataclass(frozen=True)
class _How:
    """How all notebooks are run, and who hears of it."""

    engine: Engine
    timeout: float
    on_progress: OnProgress
    on_done: OnDone
    environment: dict[str, str]


@dataclass
class _Run:
    """A notebook under way."""

    job: NotebookJob
    order: int
    process: Any
    pipe: connection.Connection
    ends: float
    home: Path
    engine: Engine
    at: tuple[int, int, str] = _NOWHERE
    result: ReportError | Executed = field(default_factory=Executed)
    answered: bool = False

    @property
    def over(self) -> bool:
        return self.answered or not self.process.is_alive()


def _supervise(jobs: Sequence[NotebookJob], how: _How, workers: int) -> list[ReportError]:
    found: list[tuple[int, ReportError]] = []
    waiting = deque(sorted(enumerate(jobs), key=lambda numbered: -numbered[1].weight))
    running: list[_Run] = []
    with tempfile.TemporaryDirectory(prefix="notebooks-") as scratch, short_folder() as sockets:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    with undisturbed():
                        running.append(_start(*waiting.popleft(), how, Path(scratch), sockets))
                    how.on_progress(running[-1].job, "started")
                _listen(running, how)
                for run in [run for run in running if run.over or time.monotonic() > run.ends]:
                    with undisturbed():
                        running.remove(run)
                        result = _finish(run, how.timeout)
                    if isinstance(result, ReportError):
                        found.append((run.order, result))
                        how.on_done(run.job, Executed())
                    else:
                        how.on_done(run.job, result)
                    how.on_progress(run.job, "failed" if isinstance(result, ReportError) else "done")
        finally:
            for run in running:
                _end(run)
    return [error for _, error in sorted(found, key=lambda item: item[0])]


def _start(order: int, job: NotebookJob, how: _How, scratch: Path, sockets: Path) -> _Run:
    context = fresh_context()
    # Where the process that they are forked from has begun already, it has loaded this (`load_libraries`), or each does.
    context.set_forkserver_preload([PRELOAD])
    ours, theirs = context.Pipe(duplex=False)
    home = scratch / str(order)
    home.mkdir()
    runtime = sockets / str(order)
    runtime.mkdir()
    environment = {**how.environment, "JUPYTER_RUNTIME_DIR": str(runtime)}
    sent = pickle.dumps((_run_job, (job, how.engine, how.timeout, home, environment)))
    process = context.Process(target=begin, args=(sent, theirs), daemon=False)
    with hidden_main(), short_temporary_path(), deaf_to_current_folder():
        process.start()
    theirs.close()
    return _Run(job, order, process, ours, time.monotonic() + _LOADING, home, how.engine)


def _listen(running: list[_Run], how: _How) -> None:
    """Wait until a child says something, ends, or has no time left; take down what was said."""
    patience = max(0.0, min(run.ends for run in running) - time.monotonic())
    connection.wait([end for run in running for end in (run.pipe, run.process.sentinel)], timeout=patience)
    for run in running:
        with contextlib.suppress(EOFError, OSError):
            while not run.answered and run.pipe.poll():
                kind, content = run.pipe.recv()
                if kind == "loaded":
                    run.ends = time.monotonic() + how.timeout + GRACE
                elif kind == "cell":
                    run.at = content
                    how.on_progress(run.job, f"cell {content[0] + 1} of {content[1]}")
                else:
                    run.answered, run.result = True, content


def _finish(run: _Run, timeout: float) -> ReportError | Executed:
    """End the run's process; what it reported, or what became of it where it reported nothing."""
    if run.answered:
        run.process.join(GRACE)
    late, code, words = run.process.is_alive(), run.process.exitcode, _last_words(run.home)
    _end(run)
    if run.answered:
        return run.result
    if late:
        message, remedy = f"took longer than {timeout:g} s and was ended", "give it more time, or mend the cell that does not end"
        return _problem(run.job, run.at, message, remedy, closed=message)
    closed = f"the notebook's process {tell_end(code)}"
    kind: type[ReportError] = PlanError
    remedies = ["mend what the cell calls; run it in Jupyter to see it"]
    if code == -signal.SIGKILL:
        # No cell does that by mistake: it is how a system takes back memory, and no fault of the notebook's.
        remedies, kind = ["give the machine more memory, or build with --jobs 1"], ToolError
    remedy = "; ".join(filter(None, [*remedies, find_who(code)]))
    return _problem(run.job, run.at, f"{closed}{words}", remedy, kind, closed)


def _end(run: _Run) -> None:
    if run.process.is_alive() and run.engine == "stock":
        # It ends its kernel, which leads a group of its own.
        run.process.terminate()
        run.process.join(GRACE)
    if run.process.is_alive():
        end_group(run.process.pid)
        run.process.kill()
        run.process.join()
    run.pipe.close()
    run.process.close()


def _last_words(home: Path) -> str:
    try:
        lines = (home / _WORDS).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return ": " + "\n".join(lines[-_LAST_WORDS:]) if lines else ""


def _problem(
    job: NotebookJob,
    at: tuple[int, int, str],
    message: str,
    remedy: str,
    kind: type[ReportError] = PlanError,
    closed: str = "failed",
) -> ReportError:
    """An error of a notebook with its cell; ``closed`` is what of its message a log may tell."""
    index, _, source = at
    first = next((line for line in source.splitlines() if line.strip()), "")
    number = own_number(job.source, index, job.parameters)
    cell = f"cell {number}" if index >= 0 else "before its first cell"
    place = f"{cell} ({first.strip()})" if first and index >= 0 else cell
    rule = RoomError.rule if kind is RoomError else "every cell of a notebook runs"
    return kind(message, file=job.source, rule=rule, place=place, remedy=remedy, closed=f"{cell}: {closed}")


# The child ---------------------------------------------------------------------------------------


def _run_job(
    job: NotebookJob, engine: Engine, timeout: float, home: Path, environment: dict[str, str], pipe: connection.Connection
) -> None:
    """Run one notebook in this process and send its problem, or what it wrote, as the last message."""

    def say(index: int, count: int, source: str) -> None:
        pipe.send(("cell", (index, count, source[:2000])))

    try:
        end_with_parent()
        collect_rarely()
        leave_current_folder_out()
        leave_grammar_out()
        _keep_to_itself(home)
        os.environ.update(environment)
        from cgbm1_report.notebook import cells

        done = cells.execute(
            literal(job.source),
            literal(job.target),
            job.parameters,
            folder=str(job.target.parent.resolve()),
            engine=engine,
            timeout=timeout,
            on_cell=say,
        )
        result: ReportError | Executed
        if isinstance(done, cells.Failure):
            place = (done.place.index, done.place.count, done.place.source)
            result = _problem(job, place, done.message, done.remedy, done.kind, done.closed)
        else:
            normalise_notebook(job.target, job.study)
            result = Executed(digest_of(job.target), done)
    except ReportError as error:
        result = error
    except OSError as error:
        # What a cell meets is told with its cell: this is the executed notebook itself, as on a full disk.
        result = tell_unwritten(error, Path(job.target.name))
    except BaseException as error:  # whatever it is, the parent has to hear of it
        message = f"{type(error).__name__}: {error}{_last_words(home)}"
        result = _problem(job, _NOWHERE, message, "see the exception")
    # Where nobody listens any more the run has ended, and this process ends with it.
    with contextlib.suppress(OSError):
        pipe.send(("result", result))
        pipe.close()
    if os.getpgrp() == os.getpid():
        # What the cells started in the background ends with them.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def _keep_to_itself(home: Path) -> None:
    """Give the process its own folders for IPython and for temporary files, and what C code prints its own file."""
    (home / "tmp").mkdir()
    os.environ.update(IPYTHONDIR=str(home / "ipython"), TMPDIR=str(home / "tmp"))
    os.environ.update(matplotlib_settings())
    tempfile.tempdir = None
    sys.stdout.flush()
    sys.stderr.flush()
    words = os.open(home / _WORDS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(words, 1)
    os.dup2(words, 2)
    os.close(words)
