"""What `build` would refuse of a protocol and the data of a cut, told before anything is built: of `list` and of `validate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.outputs.catalogue import Entry, catalogue, require_declared
from cgbm1_report.protocol.schema import schema_datasets
from cgbm1_report.protocol.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.read.cut import Cut


def find_lacking(entries: Iterable[Entry], trial: Trial, adam: Mapping[str, pd.DataFrame] | None) -> list[Problem]:
    """What outputs lack of trial.yaml, and of the data where there are some."""
    try:
        require_declared(entries, trial, adam)
    except ReportError as error:
        return list(error.problems)
    return []


def tell_refused(cut: Cut, trial: Trial) -> list[Problem]:
    """What keeps the outputs of a protocol from being built of a cut: besides the findings about the data themselves.

    Of SDTM all datasets are derived, and only what trial.yaml lacks is asked; of supplied ADaM also datasets and variables.

    Returns
    -------
    list
        Each with the outputs that need it; nothing where all of them can be made.
    """
    from cgbm1_report.build.gate import look_at
    from cgbm1_report.protocol.derived import tell_underivable

    underivable: Sequence[Problem] = tell_underivable(trial) if cut.sdtm else ()
    try:
        entries = list(catalogue(trial).values())
    except ReportError as error:
        return [*underivable, *error.problems]
    supplied = None
    if cut.adam and not cut.sdtm:
        known = schema_datasets("adam")
        supplied = {name: frame for name, frame in look_at(cut, trial).adam.items() if name in known}
    return [*underivable, *find_lacking(entries, trial, supplied)]


def tell_unmet(cut: Cut, trial: Trial) -> list[str]:
    """What trial.yaml declares and no record of the supplied ADaM has: arms by their name and code, visits by their number.

    A name that was written wrongly leaves a column or a visit empty, and nothing else says so. An arm that nobody is in yet is told
    too: who reads it knows whether that is so. Of a blind phase no arm is told: nobody is seen in one.
    """
    from cgbm1_report.build.gate import look_at

    sight = look_at(cut, trial)
    adam = sight.adam if cut.adam else {}
    arms = {at: arm for at, arm in enumerate(trial.arms) if arm.phase not in sight.pooled}
    told = []
    for variable in ("ARM", "ARMCD"):
        names = {at: getattr(arm, variable.lower()) for at, arm in arms.items()}
        there = set(adam["ADSL"][variable].dropna()) if variable in adam.get("ADSL", ()) else set()
        told += [
            f"trial.yaml: arms.{at}.{variable.lower()}: no subject of ADSL has {variable} {name!r}"
            for at, name in names.items()
            if there and name not in there
        ]
    numbered = {name: frame for name, frame in adam.items() if "AVISITN" in frame}
    met = {float(one) for frame in numbered.values() for one in frame["AVISITN"].dropna().unique()}
    for number, phase in trial.phases.items() if met else ():
        lost = [
            f"{visit.visit} ({visit.avisitn})" for visit in phase.visits if visit.avisitn is not None and visit.avisitn not in met
        ]
        if lost:
            told.append(
                f"trial.yaml: phases.{number}.visits: no record of {', '.join(sorted(numbered))} has AVISITN of {', '.join(lost)}"
            )
    return told
