"""What `build` would refuse of a protocol and the data of a cut, told before anything is built: of `list` and of `validate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.outputs.catalogue import Entry, catalogue, make
from cgbm1_report.outputs.lacking import require_declared
from cgbm1_report.protocol.packages import UNSEEN
from cgbm1_report.protocol.schema import parameters_seen_blind, schema_datasets
from cgbm1_report.protocol.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.read.cut import Cut
    from cgbm1_report.tabulate.table import Stamp


def find_lacking(entries: Iterable[Entry], trial: Trial, adam: Mapping[str, pd.DataFrame] | None) -> list[Problem]:
    """What outputs lack of trial.yaml, and of the data where there are some."""
    try:
        require_declared(entries, trial, adam)
    except ReportError as error:
        return list(error.problems)
    return []


def tell_refused(cut: Cut, trial: Trial) -> list[Problem]:
    """What keeps the outputs of a protocol from being built of a cut: besides the findings about the data themselves.

    Of SDTM all datasets are derived, and only what trial.yaml lacks is asked; of supplied ADaM also datasets, variables and values.

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
        known = {*schema_datasets("adam"), UNSEEN}
        supplied = {name: frame for name, frame in look_at(cut, trial).supplied.items() if name in known}
    lacking = find_lacking(entries, trial, supplied)
    return [*underivable, *lacking, *(_find_unmakeable(cut, trial, entries) if supplied is not None else ())]


def _find_unmakeable(cut: Cut, trial: Trial, entries: Iterable[Entry]) -> list[Problem]:
    """Values of supplied ADaM that outputs refuse: each of them is made, also where the gate found errors in the data.

    Then an output that the errors keep from being asked is named. Of a blind phase no value is told, and no place: one arm alone
    may have such records.
    """
    from cgbm1_report.build.gate import look_at, pass_gate
    from cgbm1_report.build.stamp import make_stamp
    from cgbm1_report.read.texts import hold_texts

    asked: dict[Problem, list[str]] = {}
    unasked: list[str] = []
    with hold_texts(cut.storage):
        sight = look_at(cut, trial)
        adam, has_errors = sight.supplied, False
        try:
            adam = pass_gate(sight, use_adam=True).adam
        except ReportError:
            # The findings tell what is wrong.
            has_errors = True
        stamp = make_stamp(trial, cut, pooled=sight.pooled, supplied=True)
        for entry in entries:
            pooled = entry.phase in sight.pooled
            refusals = _refusals_of(entry, trial, adam, stamp, pooled=pooled, has_errors=has_errors)
            if refusals is None:
                unasked.append(entry.number)
                continue
            for one in refusals:
                told = Problem("holds values that an output does not take", one.file, one.rule, "", one.remedy)
                asked.setdefault(told if pooled else one, []).append(entry.number)
    found = [replace(one, message=f"{one.message}; {', '.join(numbers)} cannot be made") for one, numbers in asked.items()]
    return [*found, *_say_unasked(unasked)]


def _say_unasked(numbers: Sequence[str]) -> Iterator[Problem]:
    if numbers:
        yield Problem(
            f"{', '.join(numbers)} could not be asked: an error of the data stands in the way",
            "adam",
            "every output is made before anything is built",
            "",
            "mend the errors, and validate again",
        )


def _refusals_of(
    entry: Entry, trial: Trial, adam: Mapping[str, pd.DataFrame], stamp: Stamp, *, pooled: bool, has_errors: bool
) -> tuple[Problem, ...] | None:
    """What keeps an output from being made of values, beside what is not there; None where errors keep it from being asked."""
    if find_lacking([entry], trial, adam):
        return ()
    try:
        make(entry, trial, adam, stamp, pooled=pooled)
    except ReportError as error:
        # Its cause has the problems one by one; it says them with the output in a text.
        if isinstance(error.__cause__, ReportError):
            return error.__cause__.problems
        return None if has_errors and error.__cause__ else error.problems
    except Exception:
        # Data with errors can break an output anywhere; of data without any it is a fault of the program.
        if not has_errors:
            raise
        return None
    return ()


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
    told += _tell_unmeasured(adam, trial, pooled=bool(sight.pooled))
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


def _tell_unmeasured(adam: Mapping[str, pd.DataFrame], trial: Trial, *, pooled: bool) -> Iterator[str]:
    """Parameters that no record of their dataset has, and visits that an outcome is about and no record of its parameter has.

    Of another dataset such a visit may have records: the table of the outcome is empty there all the same.
    """
    there = {name: set(frame["PARAMCD"].dropna()) for name, frame in adam.items() if "PARAMCD" in frame}
    for code, one in trial.parameters.items():
        # What blinding takes out is not missing.
        seen = parameters_seen_blind(one.dataset) if pooled and one.dataset in there else None
        if one.dataset in there and code not in there[one.dataset] and (seen is None or code in seen):
            yield f"trial.yaml: parameters.{code}: no record of {one.dataset} has PARAMCD '{code}'"
    for at, outcome in enumerate(trial.outcomes):
        frame = adam.get(outcome.dataset)
        if frame is None or "AVISITN" not in frame or outcome.paramcd not in there.get(outcome.dataset, ()):
            continue
        met = set(frame.loc[frame["PARAMCD"] == outcome.paramcd, "AVISITN"].dropna())
        visits = {visit.analysed_day: visit for visit in trial.phases[outcome.phase].visits}
        for visit in (visits[day] for day in outcome.nominal_days if day in visits):
            if visit.avisitn not in met:
                yield (
                    f"trial.yaml: outcomes.{at}.nominal_days: no record of {outcome.dataset} with PARAMCD {outcome.paramcd} has "
                    f"AVISITN {visit.avisitn} ({visit.avisit})"
                )
