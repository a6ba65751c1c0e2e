"""Whether a cut and a protocol are a pair: another study's protocol says wrongly who is blind, and what every value may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.derived import tell_underivable

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial
    from cgbm1_report.read.cut import Cut

_REMEDY = "name the protocol of the cut's study with --trial, or a cut of this study; where both are right: correct study.studyid"


def refuse_other_study(cut: Cut, trial: Trial) -> None:
    """Refuse a cut whose subjects are all of one other study than the protocol; where some are, the findings name them.

    Raises
    ------
    PlanError
        STUDYID of all records of DM, or without SDTM of ADSL, is one and not that of trial.yaml.
    """
    if tell_underivable(trial):
        # Another study's ADaM is not asked for its number: sponsors give it one that no protocol has.
        return
    name, frame = ("DM", cut.sdtm.get("DM")) if cut.sdtm else ("ADSL", cut.adam.get("ADSL"))
    if frame is None or "STUDYID" not in frame:
        return
    studies = frame["STUDYID"].unique().tolist()
    own = trial.study.studyid
    if len(studies) == 1 and isinstance(studies[0], str) and studies[0] != own:
        raise PlanError(
            f"the cut is of study {studies[0]}, trial.yaml of study {own}",
            file=cut.folder.absolute(),
            rule="cut and protocol are of one study",
            place=f"STUDYID of {name}",
            remedy=_REMEDY,
            closed="the cut is of another study than trial.yaml",
        )
