"""Builds a portfolio: each build in a process of its own, and one that fails stops none of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cgbm1_report.build.gate import OnProgress, report_quietly
from cgbm1_report.build.portfolio.page import write_page
from cgbm1_report.build.portfolio.plan import Plan, Study
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import Problem
from cgbm1_report.system.calls import Calls, calling_here
from cgbm1_report.system.cluster import sent_to
from cgbm1_report.system.endings import GRAVEST, explain
from cgbm1_report.system.listed import refuse_files, write_files
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.whole import find_place, sweep, workroom

PAGE, TOLD, LISTING = "portfolio.html", "portfolio.json", "portfolio.sha256"


@dataclass(frozen=True)
class Built:
    """How a build of the portfolio ended: its exit code, what it says of itself where it was made, and what ended it."""

    name: str
    exit_code: int
    about: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def build_portfolio(plan: Plan, *, jobs: int = 2, executor: str = "", on_progress: OnProgress = report_quietly) -> list[Built]:
    """Build all that a portfolio names, and write a page and a JSON file that tell how each of it ended.

    Parameters
    ----------
    jobs
        How many builds are made at a time, each by one process.
    executor
        The cluster that whole builds are sent to, ``dask://host:port``.

    Returns
    -------
    list
        How each ended, in the order of the portfolio.

    Raises
    ------
    ReportError
        Its folder is, or lies in, a cut or a build;
        the summary cannot be written; another run builds this portfolio, or there is no such cluster.
    """
    refuse_within(find_place(plan.out))
    refuse_files(plan.out, (PAGE, TOLD), LISTING)
    found: dict[str, Built] = {}
    try:
        with workroom(plan.out / PAGE) as room, _hands(executor, jobs, plan.out, room) as hands:
            sent = {hands.call(build_one, study.request): study for study in plan.studies}
            for done in as_completed(sent):
                name = sent[done].name
                found[name] = _tell(sent[done], done.exception(), done)
                ended = "done" if found[name].exit_code == 0 else f"failed, exit code {found[name].exit_code}"
                on_progress("build", f"{name}: {ended} ({len(found)} of {len(sent)})")
    finally:
        # What builds left whose processes were killed.
        sweep(plan.out / PAGE)
    built = [found[study.name] for study in plan.studies]
    told = summarise(plan, built)
    content = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    write_files(plan.out, {PAGE: write_page(told).encode(), TOLD: content.encode()}, LISTING)
    return built


@contextmanager
def _hands(executor: str, jobs: int, out: Path, room: Path) -> Iterator[Calls]:
    if not executor:
        with calling_here(jobs) as calls:
            yield calls
        return
    with sent_to(executor, out, room / "scratch") as cluster:
        assert cluster is not None  # noqa: S101 - there is an address
        yield cluster


def build_one(request: Request) -> dict[str, Any]:
    """Make one build, and return what a summary says of it."""
    folder = build_report(request)
    manifest = read_manifest(folder)
    stamp = manifest["report"]["stamp"]
    counts = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["counts"]
    said = {name: stamp.get(name, "") for name in ("protocol", "mark", "cutoff")}
    return {**said, "outputs": len(manifest["outputs"]), "findings": counts}


def _tell(study: Study, error: BaseException | None, done: Any) -> Built:
    if error is None:
        return Built(study.name, 0, done.result())
    problems, code = explain(error, study.request.trial)
    return Built(study.name, code, problems=problems)


def worst(built: Sequence[Built]) -> int:
    """The gravest of the exit codes; one that nobody knows is that of a signal, which would end all of them."""
    return min((one.exit_code for one in built), key=lambda code: GRAVEST.index(code) if code in GRAVEST else -1)


def summarise(plan: Plan, built: Sequence[Built]) -> dict[str, Any]:
    """What page and JSON tell. No clock time: two runs of equal cuts give equal files."""
    return {
        "portfolio": plan.file.name,
        "exit_code": worst(built),
        "builds": [_summarise_one(study, one) for study, one in zip(plan.studies, built, strict=True)],
    }


def _summarise_one(study: Study, one: Built) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": "failed" if one.exit_code else "done",
        "exit_code": one.exit_code,
        "cut": study.request.cut.name,
        # What an earlier run built stays where it was.
        "stands": (study.request.target / "index.html").is_file(),
        **one.about,
        "problems": [asdict(problem) for problem in one.problems],
    }
