"""The whole run: from a data cut to a build, whole or absent."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cgbm1_report import __version__
from cgbm1_report.assets import asset
from cgbm1_report.catalogue import Entry, catalogue, find
from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.notebooks import NotebookJob, normalise_notebook, run_notebooks
from cgbm1_report.session import MANIFEST, RESULTS
from cgbm1_report.table import Stamp
from cgbm1_report.trial import Trial, read_trial
from cgbm1_report.view import ALL_GROUPS

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.cut import Cut

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, str], None]
FORMATS = ("html", "docx", "pdf")
_PACKAGES = (
    "great-tables",
    "matplotlib",
    "numpy",
    "pandas",
    "pandera",
    "papermill",
    "pyarrow",
    "pypandoc-binary",
    "scipy",
    "typst",
)


@dataclass(frozen=True)
class Request:
    """What to build: everything, or one phase, one dose group, some outputs, some formats."""

    cut: Path
    out: Path | None = None
    trial: Path | None = None
    phase: int | None = None
    dose_group: str | None = None
    only: tuple[str, ...] | None = None
    formats: tuple[str, ...] = FORMATS
    engine: Literal["auto", "quarto", "embedded"] = "auto"
    notebook_engine: Literal["preloaded", "stock"] = "preloaded"
    jobs: int = 2
    use_adam: bool = False

    @property
    def target(self) -> Path:
        return (self.out or Path("build") / self.cut.resolve().name).absolute()


@dataclass(frozen=True)
class Data:
    """A cut made ready: its ADaM, what is blinded, what the gate found."""

    cut: Cut
    adam: dict[str, pd.DataFrame]
    pooled: frozenset[int]
    findings: pd.DataFrame


def _quiet(step: str, detail: str) -> None:
    logger.info("%s: %s", step, detail)


def find_trial(request: Request) -> Path:
    """The protocol file: the one asked for, the cut's own (a scaled cut has one), or the package's."""
    if request.trial:
        return request.trial
    own = request.cut / "trial.yaml"
    return own if own.is_file() else asset("trial.yaml")


def pooled_phases(trial: Trial, cut: Cut) -> frozenset[int]:
    """Phases that are blinded and that the cut's unblinding record does not unblind."""
    if trial.switches.unblinded:
        return frozenset()
    opened: set[int] = set()
    if cut.unblinding is not None and "PHASE" in cut.unblinding:
        opened = {int(float(phase)) for phase in cut.unblinding["PHASE"].dropna()}
    return frozenset(number for number, phase in trial.phases.items() if phase.blinded and number not in opened)


def _derive(cut: Cut, trial: Trial, pooled: frozenset[int]) -> dict[str, pd.DataFrame]:
    """ADaM of the cut's SDTM, blinded where the trial still is."""
    from cgbm1_report.derive import blind_sdtm, derive_adam

    return derive_adam(blind_sdtm(cut.sdtm, trial, set(pooled)), trial, cut.cutoff, cut.src_decisions)


def _validate_supplied(cut: Cut, trial: Trial, pooled: frozenset[int], derived: dict[str, pd.DataFrame] | None) -> pd.DataFrame:
    """Findings about the ADaM a cut supplies, compared as blind as it will be analysed.

    ADaM that nobody can blind is compared as it is; `read_data` refuses to analyse it.
    """
    from cgbm1_report import validate
    from cgbm1_report.derive import blind_adam

    adam = blind_adam(cut.adam, trial, set(pooled)) if {"USUBJID", "PHASE"} <= set(cut.adam.get("ADSL", ())) else cut.adam
    return validate.validate_adam(adam, trial, derived=derived, sdtm=cut.sdtm or None, blinded=pooled)


def _derive_if_possible(
    cut: Cut, trial: Trial, pooled: frozenset[int]
) -> tuple[dict[str, pd.DataFrame] | None, list[pd.DataFrame]]:
    """The ADaM of SDTM that may be wrong; where it cannot be derived, the finding that says why."""
    from cgbm1_report.validate.schemas import frame_finding

    try:
        return _derive(cut, trial, pooled), []
    except ReportError as error:
        reason = "; ".join(str(problem) for problem in error.problems)
    except Exception as error:
        # SDTM with errors can break a derivation anywhere; what the rules found must still be told.
        logger.debug("derivation failed", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
    message = f"nothing can be derived from this SDTM, so the supplied ADaM is not compared with it: {reason}"
    return None, [frame_finding("SDTM", "", message)]


def validate_everything(cut: Cut, trial: Trial) -> pd.DataFrame:
    """Check all a cut holds: its SDTM, and its ADaM against the ADaM derived from that SDTM.

    ADaM that is derived here is not checked against itself. Wrong SDTM does not keep the ADaM from
    being checked: what can be derived is compared, and what cannot is a finding.

    Returns
    -------
    DataFrame
        The findings of both in one table (see `validate.validate_sdtm`).
    """
    from cgbm1_report import validate
    from cgbm1_report.validate.findings import collect_findings

    pooled = pooled_phases(trial, cut)
    parts = [validate.validate_sdtm(cut, trial)] if cut.sdtm else []
    if cut.adam:
        derived, problems = _derive_if_possible(cut, trial, pooled) if cut.sdtm else (None, [])
        parts += [*problems, _validate_supplied(cut, trial, pooled, derived)]
    return collect_findings(parts)


def _mask(findings: pd.DataFrame, pooled: frozenset[int], adam: dict[str, pd.DataFrame]) -> pd.DataFrame:
    from cgbm1_report import validate

    return validate.mask_findings(findings, pooled, adam) if pooled else findings


def read_data(request: Request, trial: Trial, on_progress: OnProgress = _quiet) -> Data:
    """Read the cut, pass it through the gate, derive the ADaM.

    Supplied ADaM passes the gate whether it is analysed (``use_adam``, or no SDTM) or not.

    Raises
    ------
    ReportError
        The cut cannot be read, or the gate found errors.
    """
    from cgbm1_report import validate
    from cgbm1_report.cut import read_cut
    from cgbm1_report.derive import blind_adam
    from cgbm1_report.validate.findings import collect_findings

    on_progress("read", str(request.cut))
    cut = read_cut(request.cut, trial)
    pooled = pooled_phases(trial, cut)
    parts, derived = [], None
    if cut.sdtm:
        on_progress("validate", f"{sum(map(len, cut.sdtm.values()))} SDTM records")
        parts.append(validate.validate_sdtm(cut.sdtm, trial, cutoff=cut.cutoff, src_decisions=cut.src_decisions))
        validate.raise_on_errors(_mask(parts[0], pooled, cut.adam))
        on_progress("derive", "ADaM")
        derived = _derive(cut, trial, pooled)
    if cut.adam:
        on_progress("validate", f"{sum(map(len, cut.adam.values()))} ADaM records")
        parts.append(_validate_supplied(cut, trial, pooled, derived))
    findings = collect_findings(parts)
    validate.raise_on_errors(_mask(findings, pooled, derived or cut.adam))
    supplied = derived is None or bool(request.use_adam and cut.adam)
    adam = blind_adam(cut.adam, trial, set(pooled)) if supplied else dict(derived or {})
    if cut.src_decisions is not None:
        adam["SRC_DECISIONS"] = cut.src_decisions
    return Data(cut, adam, pooled, _mask(findings, pooled, adam))


def make_stamp(trial: Trial, cut: Cut) -> Stamp:
    """What every page says. The run time is printed only where SOURCE_DATE_EPOCH fixes it.

    A clock time on the pages would make two builds of one cut differ; build.log holds it.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    produced = datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d %H:%M UTC") if epoch else ""
    return Stamp(
        protocol=trial.study.studyid,
        mark="Synthetic data" if cut.synthetic else "Confidential",
        cutoff=cut.cutoff.isoformat() if cut.cutoff else "not stated",
        program=f"cgbm1-report {__version__}",
        produced=produced,
    )


def plan_notebooks(request: Request, trial: Trial, trial_file: Path, pooled: frozenset[int]) -> list[NotebookJob]:
    """The notebooks to run, in CSR order: each for every phase, then one per dose group.

    Blinded phases have no dose-group notebooks.
    """
    if trial.notebooks is None:
        sources = [path for path in sorted(asset("notebooks").glob("*.ipynb")) if path.stem != "explore"]
    else:
        sources = [trial_file.resolve().parent / name for name in trial.notebooks]
    missing = [path for path in sources if not path.is_file()]
    if missing:
        raise ReportError.of(
            Problem("is not there", str(path), "notebooks", remedy="correct trial.yaml: notebooks") for path in missing
        )
    phases = [request.phase] if request.phase else list(trial.phase_numbers)
    if request.dose_group not in (None, ALL_GROUPS) and trial.arm(str(request.dose_group)).phase in pooled:
        raise ReportError(
            f"dose group {request.dose_group} is in a blinded phase", rule="unblinding record", remedy="build without --dose-group"
        )
    groups = [arm for arm in trial.arms if arm.phase in phases and arm.phase not in pooled]
    jobs = []
    for source in sources:
        if source.stem.startswith("dose_group"):
            wanted = (
                [arm for arm in groups if request.dose_group in (None, arm.armcd)]
                if request.only is None or request.dose_group
                else []
            )
            jobs += [(source, arm.phase, arm.armcd) for arm in wanted]
        elif request.dose_group in (None, ALL_GROUPS):
            jobs += [(source, phase, ALL_GROUPS) for phase in phases]
    return [
        NotebookJob(
            source,
            Path(f"{source.stem}_{f'phase{phase}' if group == ALL_GROUPS else group}.ipynb"),
            {"folder": "..", "phase": phase, "dose_group": group},
        )
        for source, phase, group in jobs
    ]


def _check_request(request: Request, trial: Trial) -> None:
    problems = []
    if request.phase is not None and request.phase not in trial.phases:
        problems.append(
            Problem(f"phase {request.phase} is not declared", rule="phases", remedy=f"use one of {trial.phase_numbers}")
        )
    if request.dose_group not in (None, ALL_GROUPS):
        trial.arm(str(request.dose_group))
    problems += [
        Problem(f"format {name!r} is unknown", rule="formats", remedy="use html, docx, pdf, rtf")
        for name in request.formats
        if name not in (*FORMATS, "rtf")
    ]
    for number in request.only or ():
        find(number, trial)
    if problems:
        raise ReportError.of(problems)


@contextmanager
def _workspace(target: Path) -> Iterator[Path]:
    """A folder beside the target that becomes the target when all went well, and is gone otherwise."""
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ReportError(
            f"cannot be written: {error.strerror}",
            file=target.parent,
            rule="output folder",
            remedy="choose a folder you may write to",
        ) from error
    try:
        work.chmod(0o755)
        yield work
        _move_into_place(work, target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _move_into_place(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    if not (target / MANIFEST).is_file():
        raise ReportError("exists and is not a build", file=target, rule="output folder", remedy="choose another folder with --out")
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    target.rename(old)
    try:
        work.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def build_report(request: Request, on_progress: OnProgress = _quiet) -> Path:
    """Build the report of a cut and return its folder.

    The folder appears as the last act; when anything fails it does not appear, and an earlier build
    in its place stays as it was.

    Raises
    ------
    ReportError
        With every problem found, at whichever step.
    """
    started = datetime.now(UTC)
    trial_file = find_trial(request)
    trial = read_trial(trial_file)
    _check_request(request, trial)
    if request.target.exists() and not (request.target / MANIFEST).is_file():
        raise ReportError(
            "exists and is not a build", file=request.target, rule="output folder", remedy="choose another folder with --out"
        )
    with _workspace(request.target) as work:
        data = read_data(request, trial, on_progress)
        jobs = plan_notebooks(request, trial, trial_file, data.pooled)
        manifest = _open_manifest(request, trial, data)
        _write_inputs(work, trial_file, data, manifest)
        _run(work, jobs, request, on_progress)
        outputs = _collect_results(work, request, trial, jobs)
        engine = _render(work, jobs, request, trial, data, on_progress)
        _close_manifest(work, manifest, outputs, engine, trial_file, data.cut)
        _write_log(work, started, engine, outputs)
    on_progress("done", str(request.target))
    return request.target


def _open_manifest(request: Request, trial: Trial, data: Data) -> dict[str, object]:
    return {
        "report": {
            "building": True,
            "pooled_phases": sorted(data.pooled),
            "stamp": asdict(make_stamp(trial, data.cut)),
            "only": request.only,
            "formats": request.formats,
        },
        "parameters": {
            "phase": request.phase,
            "dose_group": request.dose_group,
            "use_adam": request.use_adam,
            "notebook_engine": request.notebook_engine,
        },
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _write_inputs(work: Path, trial_file: Path, data: Data, manifest: dict[str, object]) -> None:
    from cgbm1_report import validate

    (work / "adam").mkdir()
    for name, frame in data.adam.items():
        frame.to_parquet(work / "adam" / f"{name.lower()}.parquet", index=False)
    shutil.copyfile(trial_file, work / "trial.yaml")
    validate.write_findings(data.findings, work)
    _write_json(work / MANIFEST, manifest)


def _run(work: Path, jobs: Sequence[NotebookJob], request: Request, on_progress: OnProgress) -> None:
    folder = work / "notebooks"
    placed = [NotebookJob(job.source, folder / job.target, job.parameters) for job in jobs]
    run_notebooks(
        placed,
        engine=request.notebook_engine,
        workers=request.jobs,
        on_progress=lambda job, event: on_progress("notebook", f"{job.target.stem}: {event}"),
    )
    for job in placed:
        normalise_notebook(job.target)


def _expected(request: Request, trial: Trial, jobs: Sequence[NotebookJob]) -> set[str]:
    phases = {job.parameters["phase"] for job in jobs if job.parameters["dose_group"] == ALL_GROUPS}
    entries: dict[str, Entry] = catalogue(trial)
    wanted = set(request.only) if request.only is not None else set(entries)
    return {number for number in wanted if entries[number].phase in phases}


def _collect_results(work: Path, request: Request, trial: Trial, jobs: Sequence[NotebookJob]) -> list[str]:
    """Join the results of all outputs into ard.parquet; a declared output nobody shows is an error."""
    import pandas as pd

    from cgbm1_report.table import empty_ard

    files = {file.stem: file for file in (work / RESULTS).glob("*.parquet")}
    absent = sorted(_expected(request, trial, jobs) - set(files))
    if absent:
        raise ReportError.of(
            Problem(
                f"output {number} is declared, but no notebook shows it", rule="every output is shown", remedy="add its show() line"
            )
            for number in absent
        )
    made = [number for number in catalogue(trial, scope="dose group") for number in _with_groups(number, files)]
    frames = [pd.read_parquet(files[number]) for number in made]
    ard = pd.concat([empty_ard(), *frames], ignore_index=True) if frames else empty_ard()
    ard.to_parquet(work / "ard.parquet", index=False)
    shutil.rmtree(work / RESULTS, ignore_errors=True)
    return made


def _with_groups(number: str, files: dict[str, Path]) -> list[str]:
    return [stem for stem in sorted(files) if stem == number or stem.startswith(f"{number}-")]


def _render(
    work: Path, jobs: Sequence[NotebookJob], request: Request, trial: Trial, data: Data, on_progress: OnProgress
) -> dict[str, str]:
    from cgbm1_report.render import ReportAbout, render_report

    stamp = make_stamp(trial, data.cut)
    about = ReportAbout(
        title=trial.study.title,
        subtitle="Clinical study report, appendix: tables, listings and figures",
        protocol=trial.study.studyid,
        sponsor=trial.study.sponsor,
        product=trial.study.product,
        phase_label=trial.study.phase_label,
        mark=stamp.mark,
        cutoff=stamp.cutoff,
        produced=stamp.produced,
        program=stamp.program,
    )
    wanted = [name for name in request.formats if name in FORMATS]
    on_progress("render", ", ".join(wanted))
    notebooks = [work / "notebooks" / job.target for job in jobs]
    shown = [path for path in notebooks if _shows_output(path)]
    done = render_report(shown, work, about=about, formats=wanted, engine=request.engine)
    return {"name": done.engine, "version": done.version, "notes": "; ".join(done.notes)}


def _shows_output(notebook: Path) -> bool:
    """Whether a notebook displayed an output; with ``only`` some are left with their narrative alone."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return any("text/html" in shown.get("data", {}) for cell in cells for shown in cell.get("outputs", []))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _close_manifest(
    work: Path, manifest: dict[str, object], outputs: Sequence[str], engine: dict[str, str], trial_file: Path, cut: Cut
) -> None:
    _write_index(work, outputs)
    report = manifest["report"]
    assert isinstance(report, dict)  # noqa: S101 - made above
    report["building"] = False
    manifest |= {
        "code": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "engine": engine,
        "trial": {"sha256": _sha256(trial_file)},
        "inputs": dict(sorted(cut.files.items())),
        "outputs": dict.fromkeys(outputs, "made"),
        "files": {
            str(path.relative_to(work)): _sha256(path)
            for path in sorted(work.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        },
    }
    _write_json(work / MANIFEST, manifest)


def _write_index(work: Path, outputs: Sequence[str]) -> None:
    from cgbm1_report.render import emit_index

    links = {number: [f"outputs/{number}.{suffix}" for suffix in ("html", "docx", "rtf", "csv")] for number in outputs}
    whole = [path.name for path in sorted(work.glob("report.*"))] + [path.name for path in sorted(work.glob("findings.*"))]
    (work / "index.html").write_text(emit_index(whole, links), encoding="utf-8")


def _write_log(work: Path, started: datetime, engine: dict[str, str], outputs: Sequence[str]) -> None:
    ended = datetime.now(UTC)
    lines = [
        f"started  {started.isoformat(timespec='seconds')}",
        f"ended    {ended.isoformat(timespec='seconds')}",
        f"took     {(ended - started).total_seconds():.1f} s",
        f"engine   {engine['name']} {engine['version']}",
        f"outputs  {len(outputs)}",
        *([f"notes    {engine['notes']}"] if engine["notes"] else []),
    ]
    (work / "build.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
