"""What the derivation makes, whatever a trial.yaml calls it: parameters that stand together, their units, answers and events.

A parameter of these codes is computed by the code of that name in `derive`, so that the file cannot give it
another unit or other words: minutes stay minutes, whatever they were headed with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cgbm1_report.errors import Problem
from cgbm1_report.protocol.agree import Contradiction, twice
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.schema import read_schema

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: Parameters that one function makes together: a trial declares all of them or none.
TOGETHER: Mapping[str, tuple[str, ...]] = {
    "exposure": ("DOSE", "CELLS", "DURMIN", "INFCOMP", "ADJFL", "NINF", "CUMDOSE", "DOSECOMP"),
    "dose-limiting toxicity": ("DLT28", "DLT180", "FUP28"),
    "organ failure": ("HEGRADE", *SUBSCORES, "CLIFCOF", "OFCOUNT", "OFREG"),
}
#: Units the derivation computes in.
MADE_IN: Mapping[str, str | None] = {
    "DOSE": "10^6 cells/kg", "CUMDOSE": "10^6 cells/kg", "CELLS": "10^6", "NINF": None,
    "DURMIN": "min", "INFCOMP": "%", "DOSECOMP": "%",
    **dict.fromkeys(("LTFS", "OS", "OSLTC", "TTLT", "TTAE1", "TTCOMP"), "days"),
    **dict.fromkeys(("MALTULN", "MASTULN", "MBILULN", "MALPULN"), "xULN"),
    **dict.fromkeys(("MALTB", "MASTB", "MBILB", "MALPB"), "xB"),
    **dict.fromkeys(("MALTNB", "MASTNB", "MBILNB", "MALPNB"), "xNB"),
    **dict.fromkeys(("MELD", "MELDUNOS", *TOGETHER["organ failure"]), None),
}  # fmt: skip
#: Rises of liver tests: in the unit of the test, whatever it is.
RISE_OF: Mapping[str, str] = {
    f"M{test[:3]}R{level}": test for test in ("ALT", "AST", "BILI", "ALP") for level in ("B", "NB")
}  # fmt: skip
#: Parameters that ask for the rules of liver injury.
_INJURY = ("HYSLAW", "HYSBASE", "HYSNADIR", "EDISHULN", "EDISHB", "EDISHNB", "CHOLULN", *RISE_OF)
_YES_NO = frozenset({"Y", "N"})
#: Answers the derivation gives.
ANSWERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("ADJFL", *TOGETHER["dose-limiting toxicity"], "HYSLAW", "HYSBASE", "HYSNADIR"), _YES_NO),
    **dict.fromkeys(
        ("EDISHULN", "EDISHB", "EDISHNB", "CHOLULN"),
        frozenset({"ENZYME AND BILIRUBIN", "ENZYME ONLY", "BILIRUBIN ONLY", "NEITHER"}),
    ),
    **dict.fromkeys(("HLAAB", "HLA1AB", "HLA2AB"), frozenset({"POSITIVE", "NEGATIVE", "INDETERMINATE"})),
}
#: What ends a time to an event, as EVNTDESC says it.
EVENTS: Mapping[str, frozenset[str]] = {
    "LTFS": frozenset({"DEATH", "LIVER TRANSPLANT"}),
    "OS": frozenset({"DEATH"}),
    "OSLTC": frozenset({"DEATH"}),
    "TTLT": frozenset({"LIVER TRANSPLANT"}),
    "TTAE1": frozenset({"RELATED TEAE"}),
    "TTCOMP": frozenset({"COMPLICATION"}),
}
#: What rules the event of a time out, as CNSR says it: the death before it.
COMPETING: Mapping[str, frozenset[str]] = dict.fromkeys(("TTLT", "TTAE1", "TTCOMP"), frozenset({"5"}))
#: Fields of a parameter that one parameter alone has a use for.
_OF_ONE = {"quality": "LSM", "compliant": "INFCOMP", "meld": "MELD", "range": "MELDUNOS"}
#: Variables of ADSL that hold groups.
GROUPS = ("AGEGR1", "MELDGR1")
#: Flags of ADSL that the derivation makes.
FLAGS = ("SCRNFL", "RANDFL", "SAFFL", "FASFL", "PPROTFL", "DLTEVFL")


def _together(trial: Trial) -> Iterator[Contradiction]:
    for what, codes in TOGETHER.items():
        lacking = [code for code in codes if code not in trial.parameters]
        if lacking and len(lacking) < len(codes):
            told = f"{', '.join(lacking)} of {what} is no parameter, and the others of it are"
            yield "parameters", told, "declare all of them: one rule makes them together"


def _made(trial: Trial) -> Iterator[Contradiction]:
    """Units, answers and events are those the derivation makes."""
    for code, one in trial.parameters.items():
        place = f"parameters.{code}"
        if code in MADE_IN and one.si_unit != MADE_IN[code]:
            told = f"{code} is derived in {MADE_IN[code] or 'no unit'}, not in {one.si_unit or 'none'}"
            yield f"{place}.si_unit", told, f"write {MADE_IN[code] or 'no si_unit'}"
        if code in ANSWERS and one.codelist is not None and frozenset(one.codelist) != ANSWERS[code]:
            told = f"{code} is derived as {', '.join(sorted(ANSWERS[code]))}, not as {', '.join(one.codelist)}"
            yield f"{place}.codelist", told, "write these answers"
        # A study that supplies its times says in its data what ended them, in letters of its own, and may leave the words out.
        if code in EVENTS and one.events and frozenset(event.upper() for event in one.events) != EVENTS[code]:
            told = f"{code} ends by {', '.join(sorted(EVENTS[code]))}, not by {', '.join(one.events)}"
            yield f"{place}.events", told, "give each of these its words"
        if code in RISE_OF and RISE_OF[code] in trial.parameters and one.si_unit != trial.parameters[RISE_OF[code]].si_unit:
            unit = trial.parameters[RISE_OF[code]].si_unit
            yield (
                f"{place}.si_unit",
                f"{code} is a rise of {RISE_OF[code]}, which is in {unit}, not in {one.si_unit}",
                f"write {unit}",
            )
        ruled_out = COMPETING.get(code, frozenset())
        if one.competing and frozenset(one.competing) != ruled_out:
            told = f"the event of {code} is ruled out where CNSR is {', '.join(sorted(ruled_out)) or 'nothing'}"
            yield f"{place}.competing", f"{told}, not {', '.join(one.competing)}", "give each of these its words"
        yield from _has_no_use(trial, code)


def _has_no_use(trial: Trial, code: str) -> Iterator[Contradiction]:
    """A field that nothing reads of this parameter, and a pair of limits in the wrong order."""
    one, place = trial.parameters[code], f"parameters.{code}"
    for field, owner in _OF_ONE.items():
        if getattr(one, field) is not None and code != owner:
            yield f"{place}.{field}", f"{field} says nothing of {code}", f"take it out: it is of {owner}"
    if one.events and one.dataset != "ADTTE":
        yield f"{place}.events", f"{code} is no time to an event", "take its events out"
    if one.codelist and one.si_unit:
        yield f"{place}.codelist", f"{code} has a unit, so that its values are numbers", "take the codelist or the unit out"
    for field in ("compliant", "range"):
        low, high = getattr(one, field) or (0, 0)
        if low > high:
            yield (
                f"{place}.{field}",
                f"{field} of {code}, {low:g} to {high:g}, ends before it begins",
                "write the lower limit first",
            )


def _sections(trial: Trial) -> Iterator[Contradiction]:
    """A section has what it decides about."""
    flags = {population.flag: population.phases for population in trial.populations}
    if trial.dose_escalation:
        if "DLTEVFL" not in flags:
            yield "populations", "no population has the flag DLTEVFL: the escalation has no subjects", "declare it, with its phases"
        if "DLT28" not in trial.parameters:
            yield "parameters", "the escalation is declared, and none of its parameters is", "declare DLT28, DLT180, FUP28"
    elif "DLT28" in trial.parameters:
        yield (
            "parameters.DLT28",
            "DLT28 is of the dose escalation, which is not declared",
            "declare dose_escalation, or take it out",
        )
    if trial.clif_c_of and "CLIFCOF" not in trial.parameters:
        yield "clif_c_of", "organ failure is scored, and no parameter holds the score", "declare CLIFCOF and its organs"
    for number, phase in trial.phases.items():
        if phase.blinded and number not in flags.get("RANDFL", ()):
            told = f"phase {number} is blinded, and no population of it has the flag RANDFL: nobody would be randomised"
            yield "populations", told, "declare the randomised set of the phase"
    bands = [one.measure for organ in trial.clif_c_of.organs for one in organ.inputs] if trial.clif_c_of else []
    if "PF" in bands and not any(one.param == "PO2" for one in trial.conversions):
        yield "conversions", "PF is scored, and oxygen tension (PO2) has no conversion", "declare it, from kPa to mmHg"


def _injury(trial: Trial) -> Iterator[Contradiction]:
    """What is told of liver injury has its rules, and these are about laboratory tests."""
    rules = trial.liver_injury
    told = [code for code in _INJURY if code in trial.parameters]
    if rules is None and told:
        said = f"{told[0]} is derived, and nothing says what of a liver test is a rise"
        yield f"parameters.{told[0]}", said, "declare liver_injury, or take the parameter out"
    elif rules is not None and not told:
        yield "liver_injury", "no parameter is derived by these rules", "declare HYSLAW, or take the section out"
    for code in rules.rises if rules else ():
        if code not in RISE_OF.values():
            yield (
                "liver_injury.rises",
                f"{code} is no test whose rise is derived",
                f"use {', '.join(dict.fromkeys(RISE_OF.values()))}",
            )
        elif code not in trial.parameters:
            yield "liver_injury.rises", f"{code} is no parameter", "declare it, or take its rises out"
    boxes = rules.box_plots if rules else ()
    for code in boxes:
        if code not in trial.parameters or trial.parameters[code].dataset != "ADLB":
            yield "liver_injury.box_plots", f"{code} is no laboratory parameter", "name one of ADLB, or take it out"
    for code in twice(boxes):
        yield "liver_injury.box_plots", f"{code} stands twice", "leave one"


def _subgroups(trial: Trial) -> Iterator[Contradiction]:
    """A subgroup is a line of the tables at baseline: of categories as they are, of a number parted at one."""
    lines = {one.variable: one for _, one in trial.characteristics()}
    for at, one in enumerate(trial.subgroups):
        place, line = f"subgroups.{at}", lines.get(one.variable)
        if line is None:
            told = f"{one.variable} is no line of demographics or baseline_disease, which would give its words"
            yield f"{place}.variable", told, "declare the line, or take the subgroup out"
        elif one.at is None and line.categories is None:
            yield (
                f"{place}.at",
                f"{one.variable} is a number, and nothing parts it",
                "write the first value of the upper group, or median",
            )
        elif one.at is not None and line.categories and not all(code.isdecimal() for code in line.categories):
            yield f"{place}.at", f"{one.variable} has categories that are no numbers", "leave at out"
    for variable in twice(one.variable for one in trial.subgroups):
        yield "subgroups", f"{variable} stands twice", "leave one"


def _groups(trial: Trial) -> Iterator[Contradiction]:
    """Groups are of a number of ADSL, and the demographic table names each of them."""
    columns = read_schema("ADSL")["columns"]
    for name, group in trial.groups.items():
        place = f"groups.{name}"
        if name not in GROUPS:
            yield place, f"{name} is no variable that groups are derived in", f"use one of {', '.join(GROUPS)}"
        if columns.get(group.of, {}).get("dtype") != "float64":
            yield f"{place}.of", f"{group.of} is no number of ADSL", "name a variable of schemas/adam/adsl.yaml"
    for place, one in trial.characteristics():
        if one.variable in trial.groups and set(one.categories or ()) != set(trial.groups[one.variable].labels):
            told = f"{one.variable} is grouped {', '.join(trial.groups[one.variable].labels)}, "
            told += f"and printed as {', '.join(one.categories or ())}"
            yield f"{place}.categories", told, "give each group its words"


DERIVED_CHECKS = (_together, _made, _sections, _injury, _groups, _subgroups)


def tell_underivable(trial: Trial, file: str = "trial.yaml") -> list[Problem]:
    """What the analysis datasets cannot be derived without and the trial does not declare, all at once.

    Only a trial whose data are SDTM is asked: one that supplies its ADaM has no use for it.
    """
    asked = [
        ("parameters.MELD.meld", "MELD" in trial.parameters and trial.parameters["MELD"].meld is not None, "how MELD is computed"),
        ("parameters.MELDUNOS.range", trial.parameters.get("MELDUNOS", None) is None or bool(trial.parameters["MELDUNOS"].range),
         "the range that MELDUNOS is reported in"),
        ("clif_c_of", trial.clif_c_of is not None, "how organ failure is scored"),
        ("parameters", all(code in trial.parameters for code in TOGETHER["exposure"]), "the parameters of exposure"),
        ("parameters.INFCOMP.compliant", "INFCOMP" in trial.parameters and trial.parameters["INFCOMP"].compliant is not None,
         "the limits of the compliance of an infusion"),
        ("parameters.LSM.quality", "LSM" not in trial.parameters or trial.parameters["LSM"].quality is not None,
         "which elastographies are valid"),
        ("parameters", "HEGRADE" in trial.parameters, "the grade of encephalopathy"),
    ]  # fmt: skip
    found = [
        Problem(f"does not declare {what}, which ADaM is derived with", file, "what is derived is declared", place, "declare it")
        for place, declared, what in asked
        if not declared
    ]
    for number, phase in trial.phases.items():
        for at, visit in enumerate(phase.visits):
            if visit.baseline and visit.analysed_as:
                told = f"visit {visit.visit} is analysed_as AVISITN {visit.analysed_as.avisitn}, and the baseline is derived as 0"
                place = f"phases.{number}.visits.{at}.analysed_as"
                found.append(Problem(told, file, "what is derived is declared", place, "take it out: it is of supplied ADaM"))
    for at, population in enumerate(trial.populations):
        if population.flag not in FLAGS:
            told = f"flag {population.flag} of population {population.code} is none that is derived"
            remedy = f"use one of {', '.join(FLAGS)}"
            found.append(Problem(told, file, "what is derived is declared", f"populations.{at}.flag", remedy))
    return found
