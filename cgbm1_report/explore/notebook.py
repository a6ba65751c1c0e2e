"""The notebook for analysts, written for a build or a cut."""

from __future__ import annotations

import json
from pathlib import Path

from cgbm1_report.assets import asset
from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.system.file_names import require_ending
from cgbm1_report.system.manifest import says_built
from cgbm1_report.system.whole import write_whole

_RULE = "explore"
#: The line of the package's notebook that opens a build, and the one that opens a cut.
_OPENS, _OPENS_CUT = "cg.open_report(folder, phase, dose_group)", "cg.open_cut(folder, phase, dose_group)"


def write_notebook(place: Path, out: Path | None, phase: int) -> Path:
    """Write ``explore.ipynb`` for a build or a cut into this folder, or as ``out``; where it went. Nothing is overwritten.

    Raises
    ------
    ReportError
        The folder is not there, a file of this name is or would lie in a cut or a build, or there is no such phase.
    """
    if not place.is_dir():
        raise PlanError("is no folder", file=place, rule=_RULE, remedy="name a build or a data cut")
    target = (out or Path(f"explore-{place.resolve().name}.ipynb")).resolve()
    require_ending(target, ".ipynb", _RULE)
    refuse_within(target)
    trial = read_trial(place / "trial.yaml" if says_built(place) else None)
    if phase not in trial.phases:
        remedy = f"name one of {', '.join(map(str, trial.phase_numbers))}"
        raise ArgumentError(f"phase {phase} is not declared in trial.yaml", rule=_RULE, remedy=remedy)
    notebook = json.loads(asset("notebooks", "explore.ipynb").read_text(encoding="utf-8"))
    told = f'folder = {json.dumps(str(place.resolve()))}\nphase = {phase}\ndose_group = "all"'
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    codes[0]["source"] = told
    if not says_built(place):
        codes[1]["source"] = "".join(codes[1]["source"]).replace(_OPENS, _OPENS_CUT)

    def refuse() -> None:
        if target.exists():
            raise PlanError("exists: it is not overwritten", file=target, rule=_RULE, remedy="name another with --out FILE.ipynb")

    write_whole(target, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode(), refuse)
    return target
