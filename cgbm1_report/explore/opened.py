"""Opens a study: of a finished build, or of a data cut that nothing was built of."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from cgbm1_report.build.gate import find_trial
from cgbm1_report.build.kept import read_ready
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.explore.frames import Frames
from cgbm1_report.explore.progress import follow_steps
from cgbm1_report.explore.study import Study
from cgbm1_report.notebook.asked import display_as_printed, read_phase
from cgbm1_report.notebook.given import checked
from cgbm1_report.notebook.session import Report
from cgbm1_report.outputs.catalogue import catalogue, require_group_of, scope_of
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.system.manifest import read_manifest, says_built
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.shared import Shared


def as_study(report: Report) -> Study:
    """A report of a build, to be explored."""
    return Study(**{one.name: getattr(report, one.name) for one in fields(report)})


@checked("phase", called="cg.open_cut")
def open_cut(
    cut: str | Path,
    phase: int | str = 1,
    dose_group: str = ALL_GROUPS,
    *,
    trial: str | Path | None = None,
    use_adam: bool = False,
) -> Study:
    """Open a data cut, of which nothing need be built: it is checked and derived as a build does, and kept for the next time.

    ``study = cg.open_cut("cuts/2026-03", phase=2)``

    Parameters
    ----------
    phase
        Whose outputs are made; without it phase 1. Datasets are of all phases.
    dose_group
        ``all``, or the one whose outputs are made, by its code.
    trial
        The protocol file; without it the package's. One that lies in the cut is named, and not used.
    use_adam
        Take the analysis data that the cut brings.

    Raises
    ------
    ReportError
        The folder is no cut or cannot be read, the gate finds errors, or there is no such phase or dose group; a build is opened
        with `open_report`.
    """
    place = Path(cut).resolve()
    if says_built(place) and "outputs" in read_manifest(place):
        raise ArgumentError("is a build", file=place, rule="cg.open_cut", remedy=f'open it with cg.open_report("{cut}")')
    file = find_trial(place, Path(trial) if trial else None)
    protocol = read_trial(file)
    with follow_steps(f"derived: {place.name}") as on_progress:
        ready = read_ready(place, protocol, file, use_adam=use_adam, on_progress=on_progress)
    number = read_phase(phase, protocol)
    require_group_of(dose_group, number, protocol)
    pooled = number in ready.pooled
    if pooled and dose_group != ALL_GROUPS:
        told = f"phase {number} is blinded: it has no dose groups yet"
        raise PlanError(told, rule="unblinding record", remedy="leave out dose_group")
    frames = Frames(ready.adam)
    display_as_printed()
    return Study(
        folder=place,
        trial=protocol.model_copy(deep=True),
        phase=number,
        dose_group=dose_group,
        data=frames,
        stamp=make_stamp(protocol, ready, pooled=ready.pooled, supplied=ready.supplied),
        pooled=pooled,
        building=False,
        only=None,
        formats=(),
        package="",
        review=None,
        _entries=catalogue(protocol, scope=scope_of(dose_group, "")),
        _trial=protocol,
        _counted=Shared(frames),
        source=place,
        use_adam=use_adam,
        _protocol=file,
    )
