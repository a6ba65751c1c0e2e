"""Eligibility criteria in words: a text takes in the limits of its check, so that it cannot say another number."""

from __future__ import annotations

from collections.abc import Mapping

from cgbm1_report.protocol.clinical import Eligibility
from cgbm1_report.protocol.sections import Criterion
from cgbm1_report.protocol.wording import fill, tokens_in


def fill_criteria(criteria: Mapping[int, tuple[Criterion, ...]], limits: Eligibility | None) -> dict[int, tuple[Criterion, ...]]:
    """The criteria of each phase with their texts filled.

    Raises
    ------
    ValueError
        A criterion has a check that needs limits nobody declares, or a token its check has no limit for; a limit
        is declared for a check that no criterion has.
    """
    declared, wrong = limits or Eligibility(), []
    for criterion in (one for phase in criteria.values() for one in phase):
        needed = criterion.check in Eligibility.model_fields
        if needed and getattr(declared, criterion.check or "") is None:
            wrong.append(f"criterion {criterion.ietestcd} is checked by {criterion.check}, which has no limits under eligibility")
            continue
        strange = [token for token in tokens_in(criterion.ietest) if token not in declared.words(criterion.check)]
        wrong += [f"criterion {criterion.ietestcd} names {{{token}}}, which is no limit of its check" for token in strange]
    asked = {one.check for phase in criteria.values() for one in phase}
    given = [name for name in Eligibility.model_fields if getattr(declared, name) is not None]
    # Organ failures are counted in ADEFF too, whether or not a criterion asks for them.
    idle = [name for name in given if name not in asked and name != "organ_failures"] if criteria else []
    wrong += [f"eligibility.{name} has limits, and no criterion is checked by them" for name in idle]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {
        phase: tuple(one.model_copy(update={"ietest": fill(one.ietest, declared.words(one.check))}) for one in ones)
        for phase, ones in criteria.items()
    }
