"""The demonstration: a synthetic cut and its report, on a machine that has nothing else."""

from __future__ import annotations

from pathlib import Path

from cgbm1_report.build.gate import OnProgress
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.simulate import holds_cut, simulate_cut


def build_demo(out: Path, seed: int, on_progress: OnProgress) -> Path:
    """Simulate ``out/cut``, unless it is there, and build its report, whose folder is returned.

    Raises
    ------
    ReportError
        The folder holds another cut, or the report cannot be built.
    """
    cut, trial = out / "cut", read_trial()
    on_progress("simulate", str(cut))
    if not (cut / "cut.json").is_file():
        simulate_cut(cut, trial=trial, seed=seed)
    elif not holds_cut(cut, trial=trial, seed=seed):
        remedy = "choose another folder with --out, or build this cut with cgbm1-report build"
        raise PlanError(f"holds another cut than that of seed {seed}", file=cut, rule="demo", remedy=remedy)
    else:
        on_progress("simulate", f"{cut} holds the cut of seed {seed} already: it is used as it is")
    return build_report(Request(cut=cut, out=out / "report"), on_progress)
