"""16.1.7 Randomisation scheme and codes: who got which number, and which arm it stands for, once the phase is open."""

from __future__ import annotations

from collections.abc import Iterator

from cgbm1_report.outputs.disposition import entry_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Declaration, Listing, family
from cgbm1_report.tabulate.records import DateItem, Item, JoinedItem, Listed, list_records
from cgbm1_report.tabulate.view import View

#: The analysis set of whoever was randomised: a phase that declares none has no scheme.
RANDOMISED = "RAND"
_WITHHELD = "Withheld until the phase is unblinded: numbers, dates, planned and actual arms"
#: The arm that was given; of a subject who was never dosed why there is none.
_GIVEN = (Item("GIVEN", "", ("ACTARM", "TRT01A")), Item("REASON", "", "ARMNRS", sentence=True))

CODES = (
    Item("RANDNO", "Randomisation\nnumber", width=1.2),
    DateItem("RANDDT", "Randomised", ("RANDDTC", "RANDDT", "RANDDY"), width=1.1),
    Item("STRATAR", "Stratum", width=1.4, align="left", optional=True),
    Item("SITEID", "Site", width=0.6, optional=True),
    Item("ARM", "Planned arm", ("ARM", "TRT01P"), width=2.4, align="left"),
    JoinedItem("ACTUAL", "Actual arm", width=2.4, align="left", join="; ", parts=_GIVEN),
)


def randomisation_codes(view: View) -> Listing:
    """Every subject randomised: number, date, planned and actual arm; nothing of anybody while the phase is blind."""
    subjects = view.subjects_with("RANDNO", "RANDDT")
    phase = view.trial.phases[view.phase]
    notes = (f"{phase.label}: {phase.design}.", *_planned(view))
    return list_records(view, subjects, footnotes=notes)


def _planned(view: View) -> Iterator[str]:
    """How many subjects each arm was planned to have."""
    planned = [
        f"{arm.column} {' to '.join(dict.fromkeys(map(str, arm.planned_n)))}"
        for arm in view.trial.arms_of(view.phase)
        if arm.planned_n
    ]
    if planned:
        yield f"Subjects planned: {', '.join(planned)}."


@family("Randomisation scheme and codes")
def randomisation_listing(trial: Trial) -> Iterator[Declaration]:
    """The listing of the phases that are randomised."""
    randomised = tuple(phase for phase in trial.phases if entry_of(trial, phase) == "randomised")
    if randomised:
        yield Declaration(
            "A16.1.7", "Randomisation Scheme and Codes", RANDOMISED, ("ADSL",), (), randomisation_codes, randomised, total=False,
            listed=Listed(CODES, withheld=("Scheme and codes", _WITHHELD)),
            variables=lambda trial, phase: {"ADSL": ("RANDDT",)},
        )  # fmt: skip
