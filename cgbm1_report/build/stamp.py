"""What every page of a report says of it: the study, its state, the cut-off, the program."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from cgbm1_report.assets import __version__
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.clock import read_epoch
from cgbm1_report.tabulate.table import Stamp

if TYPE_CHECKING:
    from cgbm1_report.build.kept import Ready
    from cgbm1_report.read.cut import Cut

#: The cut-off of data that tell none.
NOT_STATED = "not stated"


def make_stamp(
    trial: Trial,
    cut: Cut | Ready,
    *,
    status: Literal["draft", "final"] = "draft",
    paper: str = "a4",
    pooled: Collection[int] = (),
    supplied: bool = False,
) -> Stamp:
    """What every page says. The run time is printed only where SOURCE_DATE_EPOCH fixes it.

    A clock time on the pages would make two builds of one cut differ. ``pooled`` are the phases that are blinded:
    every page says so. ``supplied`` says that the analysis data came with the cut.
    """
    epoch = read_epoch()
    produced = epoch.strftime("%Y-%m-%d %H:%M UTC") if epoch else ""
    blind = _tell_blind(trial, pooled)
    about = [status.capitalize(), "synthetic data" if cut.synthetic else "confidential", blind]
    return Stamp(
        protocol=trial.study.studyid,
        mark=", ".join(filter(None, about)),
        cutoff=cut.cutoff.isoformat() if cut.cutoff else NOT_STATED,
        program=f"cgbm1-report {__version__}",
        produced=produced,
        paper=paper,
        synthetic=cut.synthetic,
        sponsor=trial.study.sponsor,
        blind=blind,
        status=status,
        supplied=supplied,
    )


def _tell_blind(trial: Trial, pooled: Collection[int]) -> str:
    """That the data are blinded, and of which phases where others are open; nothing where none are."""
    if not pooled:
        return ""
    named = " and ".join(trial.phases[phase].label for phase in sorted(pooled))
    return "blinded" if set(pooled) == set(trial.phases) else f"{named} blinded"
