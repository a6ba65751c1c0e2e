"""Units and conversions of a trial.yaml: a limit is held against values in its own unit, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cgbm1_report.protocol.agree import Contradiction, twice

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: Tests that scores are made of and that are no parameter: oxygen tension.
_GASES = frozenset({"PO2"})
#: Measures of organs that are no laboratory parameter; none has a unit to choose.
_BEDSIDE = frozenset({"HE", "MAP", "PF", "SF"})
#: Values of these have no unit: a ratio to a normal plasma.
_WITHOUT_UNIT = frozenset({None, "ratio", "1"})


def _conversions(trial: Trial) -> Iterator[Contradiction]:
    for at, one in enumerate(trial.conversions):
        if one.param not in trial.parameters and one.param not in _GASES:
            yield (
                f"conversions.{at}.param",
                f"{one.param} is no parameter",
                "declare it under parameters, or take the conversion out",
            )
    for param in twice(one.param for one in trial.conversions):
        yield "conversions", f"{param} has several conversions", "leave one: the way back follows from it"


def _limits(trial: Trial) -> Iterator[tuple[str, str, str | None]]:
    """Every measure a limit is held against, with its place and the unit of the limit."""
    if trial.clif_c_of:
        for at, organ in enumerate(trial.clif_c_of.organs):
            for number, one in enumerate(organ.inputs):
                yield f"clif_c_of.organs.{at}.inputs.{number}.unit", one.measure, one.unit
    failures = trial.eligibility.organ_failures if trial.eligibility else None
    for at, failing in enumerate(failures.organs if failures else ()):
        for number, limit in enumerate(failing.limits):
            yield f"eligibility.organ_failures.organs.{at}.limits.{number}.unit", limit.measure, limit.unit


def _signs(trial: Trial) -> Iterator[Contradiction]:
    """The laboratory sign of a complication is one of a laboratory parameter."""
    for at, one in enumerate(trial.complications):
        if one.sign and getattr(trial.parameters.get(one.sign.paramcd), "dataset", None) != "ADLB":
            place = f"complications.{at}.sign.paramcd"
            yield place, f"{one.sign.paramcd} is no laboratory parameter", "declare it under parameters, or take the sign out"


def _units(trial: Trial) -> Iterator[Contradiction]:
    """The unit of a limit is that of the parameter, or one it is converted to."""
    asked = [*_limits(trial)]
    meld: Any = trial.parameters["MELD"].meld if "MELD" in trial.parameters else None
    asked += [("parameters.MELD.meld.unit", paramcd, meld.unit) for paramcd in ("CREAT", "BILI")] if meld else []
    for place, measure, unit in asked:
        if measure in _BEDSIDE:
            if unit is not None:
                yield place, f"{measure} is scored as collected, not in {unit}", "leave the unit out"
            continue
        if measure not in trial.parameters:
            yield place, f"{measure} is no parameter", f"declare {measure} under parameters"
            continue
        yield from _reachable(trial, place, measure, unit)


def _reachable(trial: Trial, place: str, paramcd: str, unit: str | None) -> Iterator[Contradiction]:
    standard = trial.parameters[paramcd].si_unit
    if unit is None:
        if standard not in _WITHOUT_UNIT:
            yield place, f"the limits of {paramcd} name no unit, its values are in {standard}", "write the unit of the limits"
    elif unit != standard and (paramcd, standard, unit) not in {
        (one.param, one.from_unit, one.to_unit) for one in trial.conversions
    }:
        yield (
            place,
            f"{paramcd} is in {standard}, and no conversion makes {unit} of it",
            "correct the unit, or declare the conversion",
        )


def _entry(trial: Trial) -> Iterator[Contradiction]:
    """Limits of entry are held against results as they are collected."""
    limits = trial.eligibility
    held = [
        ("eligibility.bilirubin.unit", "BILI", limits.bilirubin.unit if limits and limits.bilirubin else None),
        (
            "eligibility.decompensation.pta_unit",
            "PTA",
            limits.decompensation.pta_unit if limits and limits.decompensation else None,
        ),
    ]
    for place, paramcd, unit in held:
        declared = trial.parameters.get(paramcd)
        if unit is not None and declared is None:
            yield place, f"{paramcd} is no parameter", f"declare {paramcd} under parameters"
        elif unit is not None and declared is not None and declared.si_unit != unit:
            yield place, f"{paramcd} is in {declared.si_unit}, its limit in {unit}", "write the limit in the unit of the parameter"


UNIT_CHECKS = (_conversions, _units, _entry, _signs)
