"""Makes what is asked for, whole or not at all: reads, runs the notebooks, prints, reads back, closes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.build.asked import Asked
from cgbm1_report.build.documents import Showing
from cgbm1_report.build.earlier import Earlier
from cgbm1_report.build.failed import forget_failed, keep_failed
from cgbm1_report.build.gate import Data, OnProgress, read_data, unused_trials
from cgbm1_report.build.heard import warn_texts
from cgbm1_report.build.log import write_log
from cgbm1_report.build.look import write_template
from cgbm1_report.build.manifest import close_manifest, open_manifest, write_index
from cgbm1_report.build.packed import Named, closed_phases, name_inputs, take_package
from cgbm1_report.build.plan import plan_notebooks
from cgbm1_report.build.printing import print_results, prove
from cgbm1_report.build.recipe import remember_recipe
from cgbm1_report.build.request import Request
from cgbm1_report.build.results import find_results, tell_taken
from cgbm1_report.build.sbom import write_sbom
from cgbm1_report.build.sections import ask_complete, is_part
from cgbm1_report.build.shown import refuse_slips, refuse_unshown
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.build.target import check_replaceable
from cgbm1_report.build.unfinished import warn_unfinished
from cgbm1_report.errors import PlanError, ReportError, number_of
from cgbm1_report.notebook.delivered import shorten_notebooks
from cgbm1_report.notebook.digests import digest_columns
from cgbm1_report.notebook.receipts import Witness
from cgbm1_report.notebook.run import NotebookJob, part_of, run_notebooks
from cgbm1_report.notebook.taken import tell_notebooks
from cgbm1_report.outputs.catalogue import Entry, catalogue, left_out, scope_of
from cgbm1_report.outputs.lacking import require_declared
from cgbm1_report.protocol.packages import find_package
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.protocol.wording import group_noun
from cgbm1_report.render.engines import require_programs
from cgbm1_report.system.cluster import sent_to
from cgbm1_report.system.manifest import RESULTS, SEAL, sha256_of
from cgbm1_report.system.memory import give_back
from cgbm1_report.system.program import hash_program, was_replaced
from cgbm1_report.system.whole import whole_folder
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import ALL_GROUPS, split_group
from cgbm1_report.tabulate.table import Stamp

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.readback import ReadBack
    from cgbm1_report.recount import Recounted

#: Subjects whose data are written in the time another process takes to begin.
_MANY = 100


def make_build(asked: Asked, on_progress: OnProgress, on_taken: Callable[[Mapping[str, str]], None]) -> None:
    """Make what is asked for in its place; see `build_report`.

    Raises
    ------
    ReportError
        With every problem found, at whichever step; nothing is made, and what stood there stands there.
    """
    require_programs(asked.request.formats)
    lacking = ask_complete(asked.request, asked.trial)
    for told in lacking:
        on_progress("lacking", told)
    target = asked.request.target
    with whole_folder(target, check_replaceable) as work, sent_to(asked.request.executor, work) as cluster:
        request = replace(asked.request, jobs=cluster.threads) if cluster else asked.request
        write_template(work, asked.template)
        ready = _make_ready(work, replace(asked, request=request), on_progress)
        give_back()
        _refuse_other_trial(work, asked.trial, asked.used, asked.trial_file)
        witness = _run(work, ready.jobs, request, ready.seal, on_progress)
        asked.recipe.refuse_other_notebooks(asked.trial_file.resolve().parent)
        outputs = _find_shown(work, request, asked.trial, ready.jobs)
        if taken := tell_taken(work):
            on_progress("taken", f"{len(taken)} of {number_of(len(outputs), 'output')}: what they are made of has not changed")
            on_taken(taken)
        jobs, stamp, program = ready.jobs, ready.stamp, _may_take(request)
        showing = Showing(
            work, jobs, outputs, request, asked.trial, stamp, ready.pooled, asked.template, witness, asked.engine, program
        )
        again, engine, documents = print_results(showing, asked.earlier, on_progress)
        proved = _deliver(showing, again, engine, documents, lacking, on_progress)
        _tell_log(showing, asked, ready, engine, proved, again, lacking)
        write_sbom(work)
        close_manifest(
            work,
            outputs,
            engine=engine,
            quarto=asked.engine.path,
            documents=documents,
            trial=asked.used,
            inputs=ready.inputs.files,
            seen=ready.inputs.seen,
            look=asked.look,
            recipe="" if ready.pooled else asked.recipe.of(ready.read),
            signer=asked.signer,
        )
    if ready.pooled:
        remember_recipe(target, asked.recipe.of(ready.read))


@dataclass(frozen=True)
class _Ready:
    """What is known of a cut that is checked, derived and written: its notebooks, where they are blind, what stands on every page.

    The data themselves are in the folder of the work, and in this process no more: half of what a build needs of memory.
    """

    jobs: list[NotebookJob]
    pooled: frozenset[int]
    stamp: Stamp
    #: What is named of the cut, and the files that were read of it.
    inputs: Named
    read: Mapping[str, str]
    seal: str
    #: What it is of and is not finished, where it is called final.
    unfinished: Sequence[str]
    #: What of physicians' texts is missing, printed nowhere, or of an event that changed.
    texts: Sequence[str]


def _stamp(request: Request, trial: Trial, data: Data) -> Stamp:
    shown = [phase for phase in trial.phases if request.phase in (None, phase)]
    if request.package:
        shown = [phase for phase in trial.phases if phase == find_package(request.package).phase_in(trial)]
    blind = [phase for phase in shown if phase in data.pooled]
    told = set(trial.phases) if blind == shown else blind
    return make_stamp(trial, data.cut, status=request.status, paper=request.paper, pooled=told, supplied=data.supplied)


def _deliver(
    showing: Showing,
    again: Recounted,
    engine: Mapping[str, str],
    documents: Mapping[str, Mapping[str, object]],
    lacking: Sequence[str],
    on_progress: OnProgress,
) -> ReadBack:
    """Put what is handed out into its last form, lead to it, and read all of it back."""
    work, trial, outputs = showing.work, showing.trial, showing.outputs
    shorten_notebooks(work, [job.target for job in showing.jobs], outputs, showing.witness, showing.request.jobs)
    shutil.rmtree(work / RESULTS, ignore_errors=True)
    _drop_empty_folders(work)
    groups = {arm.armcd: f"{trial.phases[arm.phase].label}, {arm.heading}" for arm in trial.arms}
    nouns: dict[str, dict[str, str]] = {}
    for arm in trial.arms:
        nouns.setdefault(group_noun(trial, arm.phase), {})[arm.armcd] = groups[arm.armcd]
    entries = catalogue(trial, scope=scope_of(ALL_GROUPS, showing.request.package))
    titles = {}
    for number in outputs:
        own, group = split_group(number)
        if own in entries:
            titles[number] = f"{entries[own].title}, {groups.get(group) or trial.phases[entries[own].phase].label}"
    write_index(work, outputs, nouns, showing.stamp, titles, again.by_output, lacking)
    proved = prove(work, showing.request, outputs, engine, documents, on_progress, showing.program)
    showing.witness.refuse_change_of("adam/", "outputs/", "trial.yaml", "findings.")
    return proved


def _tell_log(
    showing: Showing,
    asked: Asked,
    ready: _Ready,
    engine: Mapping[str, str],
    proved: ReadBack,
    again: Recounted,
    lacking: Sequence[str],
) -> None:
    """Write build.log: what was made, counted again and read back, and what is not there."""
    request = showing.request
    unused, missing = unused_trials(request.cut, asked.trial_file), {} if request.package else left_out(asked.trial)
    write_log(
        showing.work, engine, showing.outputs, proved, again, asked.used, unused, missing,
        lacking=lacking, part=is_part(request), blind=showing.stamp.blind, unfinished=ready.unfinished,
        texts=ready.texts,
    )  # fmt: skip


def _make_ready(work: Path, asked: Asked, on_progress: OnProgress) -> _Ready:
    """Read the data, plan the notebooks, and write what they read."""
    request, trial, trial_file, earlier = asked.request, asked.trial, asked.trial_file, asked.earlier
    data = _read(request, trial, on_progress)
    jobs = plan_notebooks(request, trial, trial_file, data.pooled)
    refuse_slips(jobs, trial, request.only)
    entries = catalogue(trial, scope=scope_of(ALL_GROUPS, request.package))
    expected = sorted(_expected(request, entries, jobs))
    require_declared([entries[number] for number in expected], trial, data.adam)
    unfinished, texts = warn_unfinished(request, trial, data, expected), warn_texts(request, trial, data, expected)
    stamp = _stamp(request, trial, data)
    if earlier is not None:
        from cgbm1_report.build.since import write_earlier

        write_earlier(work, earlier, data, stamp, request.package)
    seal = _write_inputs(work, trial_file, trial, request, data, earlier)
    weighed = [replace(job, weight=_weigh(job, data.adam["ADSL"])) for job in jobs]
    return _Ready(weighed, data.pooled, stamp, name_inputs(data, request.package), data.cut.files, seal, unfinished, texts)


def _read(request: Request, trial: Trial, on_progress: OnProgress) -> Data:
    """The data of the cut, or what of them a package may be made of."""
    package = find_package(request.package) if request.package else None
    closed = closed_phases(package, trial)
    data = read_data(
        request.cut, trial, use_adam=request.use_adam, closed=closed, on_progress=on_progress, workers=request.jobs,
        protocol=request.trial,
    )  # fmt: skip
    return take_package(data, package, trial, request.dose_group) if package else data


def _drop_empty_folders(work: Path) -> None:
    """The manifest lists files: a folder that holds none would be nobody's."""
    for place, _, _ in os.walk(work, topdown=False):
        with suppress(OSError):
            Path(place).rmdir()


def _write_inputs(work: Path, trial_file: Path, trial: Trial, request: Request, data: Data, earlier: Earlier | None = None) -> str:
    """Write what notebooks read: ADaM, protocol, findings, manifest, whose SHA-256 it returns."""
    from cgbm1_report.build.findings import write_findings
    from cgbm1_report.validate import name_protocol_in

    (work / "adam").mkdir()
    found = name_protocol_in(data.findings, request.trial)
    with Workers(min(request.jobs, 2) if len(data.adam["ADSL"]) > _MANY else 1) as hands:
        said = hands.call(write_findings, found, work)
        for name, frame in data.adam.items():
            frame.to_parquet(work / "adam" / f"{name.lower()}.parquet", index=False)
        gather([said], "writing the findings")
    shutil.copyfile(trial_file, work / "trial.yaml")
    shown = {"only": request.only, "formats": request.formats}
    wanted: dict[str, object] = {"phase": request.phase, "dose_group": request.dose_group, "use_adam": request.use_adam}
    if request.package:
        wanted |= {"package": request.package, "review": request.review}
    if earlier is not None:
        wanted |= {"since": earlier.record}
    return open_manifest(
        work,
        build=request.target.name,
        report={"pooled_phases": sorted(data.pooled), "stamp": asdict(_stamp(request, trial, data)), **shown},
        parameters={**wanted, "notebook_engine": request.notebook_engine},
        variables={name: digest_columns(frame) for name, frame in data.adam.items()},
    )


def _refuse_other_trial(work: Path, trial: Trial, used: Mapping[str, str], trial_file: Path) -> None:
    """Stop where the copy that notebooks read is not the protocol that was read, or not the one that is recorded."""
    if sha256_of(work / "trial.yaml") != used["sha256"] or read_trial(work / "trial.yaml") != trial:
        raise PlanError("was changed while it was read", file=trial_file, rule="one protocol per build", remedy="build again")


def _weigh(job: NotebookJob, subjects: pd.DataFrame) -> int:
    """How much a notebook has to do: the subjects of its phase."""
    return int((subjects["PHASE"] == job.parameters["phase"]).sum()) if "PHASE" in subjects else 0


def _run(work: Path, jobs: Sequence[NotebookJob], request: Request, seal: str, on_progress: OnProgress) -> Witness:
    """Run the notebooks; who saw that they changed nothing but what they show."""
    folder = work / "notebooks"
    placed = [replace(job, target=folder / job.target) for job in jobs]
    forget_failed(request.target)
    witness = Witness(work)
    failed: set[Path] = set()

    def follow(job: NotebookJob, event: str) -> None:
        if event == "started":
            witness.start(job.target.name)
        elif event == "failed":
            failed.add(job.target)
        on_progress("notebook", f"{job.target.stem}: {event}")

    try:
        run_notebooks(
            placed,
            engine=request.notebook_engine,
            workers=request.jobs,
            timeout=request.notebook_timeout,
            on_progress=follow,
            on_done=lambda job, executed: witness.end(job.target.name, executed),
            environment={
                SEAL: seal,
                **tell_notebooks(_may_take(request)),
            },
        )
    except ReportError as error:
        # Who changed the data is not always who fails by it.
        changed = witness.changes_of("adam/", "trial.yaml", "manifest.json")
        if changed:
            raise PlanError.of([*changed, *error.problems]) from error
        told = keep_failed(request.target, [job.target for job in placed if job.target in failed], error)
        raise told from error
    witness.refuse_changes()
    return witness


def _may_take(request: Request) -> str:
    """The number of the program whose outputs notebooks may take and keep; none where all is to be made, or made elsewhere."""
    return "" if request.anew or request.executor or was_replaced() else hash_program()


def _expected(request: Request, entries: Mapping[str, Entry], jobs: Sequence[NotebookJob]) -> set[str]:
    phases = {job.parameters["phase"] for job in jobs if part_of(job) in (ALL_GROUPS, request.package)}
    wanted = set(request.only) if request.only is not None else set(entries)
    return {number for number in wanted if number in entries and entries[number].phase in phases}


def _find_shown(work: Path, request: Request, trial: Trial, jobs: Sequence[NotebookJob]) -> list[str]:
    """The outputs that notebooks showed; a declared output nobody shows is an error."""
    entries = catalogue(trial, scope=scope_of(ALL_GROUPS, request.package))
    shown = find_results(work, trial)
    refuse_unshown(entries, _expected(request, entries, jobs), set(shown))
    return shown
