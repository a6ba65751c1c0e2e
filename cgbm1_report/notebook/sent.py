"""Notebooks run on the machines of a cluster, each in a process of its own there, as they are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed

from cgbm1_report.errors import ReportError
from cgbm1_report.notebook.receipts import Executed
from cgbm1_report.notebook.run import Engine, NotebookJob, OnDone, OnProgress, run_notebooks
from cgbm1_report.system.cluster import Cluster


def send_notebooks(
    jobs: Sequence[NotebookJob],
    cluster: Cluster,
    engine: Engine,
    timeout: float,
    on_progress: OnProgress,
    on_done: OnDone,
    environment: Mapping[str, str],
) -> list[ReportError]:
    """Have every notebook run, those of more weight first; of each that failed its error, in the order of the jobs."""
    order = sorted(range(len(jobs)), key=lambda at: -jobs[at].weight)
    sent = {cluster.call(run_one, jobs[at], engine, timeout, dict(environment)): at for at in order}
    for at in order:
        on_progress(jobs[at], "started")
    found: dict[int, ReportError] = {}
    for answered in as_completed(sent):
        at, executed = sent[answered], Executed()
        try:
            executed = answered.result()
        except ReportError as error:
            found[at] = error
        on_done(jobs[at], executed)
        on_progress(jobs[at], "failed" if at in found else "done")
    return [found[at] for at in sorted(found)]


def run_one(job: NotebookJob, engine: Engine, timeout: float, environment: Mapping[str, str]) -> Executed:
    """Run one notebook on a machine of a cluster, and return what its process told of what it wrote.

    Raises
    ------
    ReportError
        As `run_notebooks`.
    """
    told: list[Executed] = []
    run_notebooks(
        [job],
        engine=engine,
        workers=1,
        timeout=timeout,
        on_done=lambda _, executed: told.append(executed),
        environment=environment,
    )
    return told[0]
