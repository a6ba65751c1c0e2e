"""Eligibility criteria in words: a text takes in the limits of its check, so that it cannot say another number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cgbm1_report.protocol.agree import Contradiction
from cgbm1_report.protocol.eligibility import Eligibility
from cgbm1_report.protocol.sections import Criterion
from cgbm1_report.protocol.wording import fill, tokens_in

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial


def fill_criteria(criteria: Mapping[int, tuple[Criterion, ...]], limits: Eligibility | None) -> dict[int, tuple[Criterion, ...]]:
    """The criteria of each phase with their texts filled; one that names what nobody declares stays as it is written."""
    declared = limits or Eligibility()

    def filled(one: Criterion) -> Criterion:
        words = declared.words(one.check)
        return one.model_copy(update={"ietest": fill(one.ietest, words)}) if set(tokens_in(one.ietest)) <= words.keys() else one

    return {phase: tuple(filled(one) for one in ones) for phase, ones in criteria.items()}


def _limits(trial: Trial) -> Iterator[Contradiction]:
    """A check has its limits, a token is one of them, and limits have a criterion that is checked by them."""
    declared = trial.eligibility or Eligibility()
    for phase, ones in trial.ie_criteria.items():
        for at, one in enumerate(ones):
            place = f"ie_criteria.{phase}.{at}"
            if one.check in Eligibility.model_fields and getattr(declared, one.check or "") is None:
                told = f"criterion {one.ietestcd} is checked by {one.check}, which has no limits under eligibility"
                yield f"{place}.check", told, f"declare eligibility.{one.check}, or take the check out"
                continue
            for token in tokens_in(one.ietest):
                if token not in declared.words(one.check):
                    told = f"criterion {one.ietestcd} names {{{token}}}, which is no limit of its check"
                    yield f"{place}.ietest", told, f"use one of {', '.join(declared.words(one.check)) or 'none'}"
    asked = {one.check for ones in trial.ie_criteria.values() for one in ones}
    # Organ failures are counted in ADEFF too, whether or not a criterion asks for them.
    for name in Eligibility.model_fields if trial.ie_criteria else ():
        if getattr(declared, name) is not None and name not in asked and name != "organ_failures":
            told = f"eligibility.{name} has limits, and no criterion is checked by them"
            yield f"eligibility.{name}", told, "give a criterion this check, or take the limits out"


CRITERIA_CHECKS = (_limits,)
