"""Which notebooks a build runs: the report's or the sponsor's, for each phase and each dose group, or that of a package."""

from __future__ import annotations

from pathlib import Path

from cgbm1_report.assets import asset
from cgbm1_report.build.names import refuse_arm_codes, refuse_shared_files
from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.notebook.run import NotebookJob
from cgbm1_report.protocol.packages import find_package, packages
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import ALL_GROUPS


def plan_notebooks(request: Request, trial: Trial, trial_file: Path, pooled: frozenset[int]) -> list[NotebookJob]:
    """The notebooks to run, in CSR order: each for every phase, then one per dose group.

    Blinded phases have no dose-group notebooks.
    """
    if request.package:
        return [_plan_package(request, trial)]
    if trial.notebooks is None:
        beside = {"explore", *packages()}
        sources = [path for path in sorted(asset("notebooks").glob("*.ipynb")) if path.stem not in beside]
    else:
        sources = [trial_file.resolve().parent / name for name in trial.notebooks]
    missing = [path for path in sources if not path.is_file()]
    if missing:
        raise PlanError.of(
            Problem("is not there", str(path), "notebooks", remedy="correct trial.yaml: notebooks") for path in missing
        )
    refuse_arm_codes(trial)
    refuse_shared_files(trial)
    phases = [request.phase] if request.phase else list(trial.phase_numbers)
    if request.dose_group not in (None, ALL_GROUPS) and trial.arm(str(request.dose_group)).phase in pooled:
        raise PlanError(
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
            study=trial.study.studyid,
        )
        for source, phase, group in jobs
    ]


def _plan_package(request: Request, trial: Trial) -> NotebookJob:
    """The notebook of a package, with the review that it is made for."""
    package = find_package(request.package)
    asked = {"package": package.name, "dose_group": request.dose_group or ALL_GROUPS, "review": request.review}
    return NotebookJob(
        asset("notebooks", f"{package.name}.ipynb"),
        Path(f"{package.name}.ipynb"),
        {"folder": "..", "phase": package.phase_in(trial), **asked},
    )
