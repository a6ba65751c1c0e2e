"""Rules about codes and what they stand for: supplied datasets, and trial.yaml, call one visit, treatment or parameter alike.

Records are chosen by a number here and named there: a number that stands for two visits prints the values of one under the
name of the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.sections import Visit
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.presence import whole_finding
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import as_text, number_text
from cgbm1_report.validate.supplied import Supplied

_NUMBER, _NAME = "AVISITN", "AVISIT"
#: Codes and their decodes, one to one in a dataset (ADaMIG 1.3, 3.1.5): the number sorts, the text heads what is counted.
PAIRS = {
    "TRT01PN": "TRT01P",
    "TRT01AN": "TRT01A",
    "TRTPN": "TRTP",
    "TRTAN": "TRTA",
    "APERIOD": "APERIODC",
    "AGEGR1N": "AGEGR1",
    "ATOXGRN": "ATOXGR",
}
#: Of these trial.yaml declares both, as the number and the column of an arm.
_OF_ARMS = ("TRT01PN", "TRT01AN")
#: What stands in brackets at the end of a name, brackets within it included: ``Erythrocytes (10^12/L)``.
_IN_BRACKETS = r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*$"
#: So many names are listed in one message.
_SHOWN = 5


@dataclass(frozen=True)
class _Pair:
    """A number and a name that records of a dataset have together, the phase of their subjects, and how many have them."""

    number: float | None
    name: str | None
    phase: int | None
    records: int

    @property
    def counted(self) -> str:
        return f"{self.records} record{'' if self.records == 1 else 's'}"


def _pairs_of(given: Supplied, dataset: str) -> list[_Pair]:
    """What numbers and names of visits stand together; a record without either is at no visit."""
    phase = given.of_subject(dataset, given.subjects["PHASE"])
    table = pd.DataFrame({_NUMBER: given.column(dataset, _NUMBER), _NAME: given.column(dataset, _NAME), "PHASE": phase})
    counted = table.dropna(how="all", subset=[_NUMBER, _NAME]).value_counts(dropna=False, sort=False).reset_index(name="N")
    columns = (counted[name].astype("object").where(counted[name].notna(), None) for name in (_NUMBER, _NAME, "PHASE"))
    found = [_Pair(number, name, phase, int(n)) for number, name, phase, n in zip(*columns, counted["N"], strict=True)]
    return sorted(found, key=lambda one: (one.number is None, one.number or 0, one.name or ""))


def _visits_of(trial: Trial, phase: float | None) -> list[Visit]:
    """Visits that trial.yaml gives a number and a name: of the phase, or of any where records do not say theirs."""
    phases = [trial.phases[int(phase)]] if phase in trial.phases and phase is not None else list(trial.phases.values())
    return [visit for one in phases for visit in one.visits if visit.avisitn is not None and visit.avisit is not None]


def _say(number: float | None) -> str:
    return "no AVISITN" if number is None else f"AVISITN {number:g}"


def _unlike_trial(dataset: str, pair: _Pair, trial: Trial) -> Iterator[pd.DataFrame]:
    """A pair of which trial.yaml gives the number another name, or the name another number.

    Of the baseline visit outputs read the flag, and neither number nor name: there it is a question.
    """
    visits = _visits_of(trial, pair.phase)
    named = [one for one in visits if pair.name is not None and fold_text(str(one.avisit)) == fold_text(pair.name)]
    numbered = [one for one in visits if one.avisitn == pair.number]
    if {id(one) for one in named} & {id(one) for one in numbered} or (pair.name is None and numbered):
        return
    for visit in numbered:
        told = f"{_say(pair.number)} is '{pair.name}' in {pair.counted}, and trial.yaml calls {visit.avisitn} '{visit.avisit}'"
        yield whole_finding(dataset, _NAME, told, "W" if visit.baseline else None)
    for visit in named:
        told = f"'{pair.name}' has {_say(pair.number)} in {pair.counted}, and trial.yaml gives '{visit.avisit}' {visit.avisitn}"
        yield whole_finding(dataset, _NUMBER, told, "W" if visit.baseline else None)


def _list_few(texts: Iterable[str]) -> str:
    told = list(dict.fromkeys(texts))
    return ", ".join(told[:_SHOWN]) + (f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")


@adam_rule(
    "V10",
    "E",
    "a visit has the number and the name that trial.yaml gives it",
    "correct AVISIT or AVISITN, so that all datasets number visits alike, or analysed_as of the visit in trial.yaml",
    studies="other",
)
def analysis_visits_are_those_declared(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVISITN and AVISIT of each dataset against the visits of trial.yaml: outputs read the number and print the name.

    Also AVISIT without AVISITN: tables by visit leave such records out (W).
    """
    for dataset in given.with_variables("USUBJID", _NUMBER, _NAME):
        pairs = _pairs_of(given, dataset)
        for pair in pairs:
            yield from _unlike_trial(dataset, pair, given.trial)
        alone = [one for one in pairs if one.number is None]
        if alone:
            records = number_of(sum(one.records for one in alone), "record")
            told = f"is missing in {records} of {_list_few(str(one.name) for one in alone)}"
            yield whole_finding(dataset, _NUMBER, told + ": outputs by visit leave them out", "W")


def _counts(code: pd.Series, decode: pd.Series, *keys: pd.Series) -> pd.DataFrame:
    """How often each code and decode stand together, with CODE, DECODE, RECORDS and KEY, the text of ``keys``."""
    table = pd.DataFrame({"CODE": as_text(code), "DECODE": as_text(decode), "KEY": keys[0] if keys else ""})
    return table.dropna().value_counts(sort=False).reset_index(name="RECORDS").sort_values(["KEY", "CODE", "DECODE"])


def _several(counts: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Of what stands for several: one row each, SAID with all it stands for, and how many records say so."""
    counts = counts.assign(SAID="'" + counts[other] + "' (records: " + number_text(counts["RECORDS"].astype("float64")) + ")")
    several = counts[counts[["KEY", one]].duplicated(keep=False)]
    return several.groupby(["KEY", one], sort=True)["SAID"].agg(" and ".join).reset_index().rename(columns={one: "ONE"})


def _ambiguous(dataset: str, counts: pd.DataFrame, code: str, decode: str, severity: str | None = None) -> Iterator[pd.DataFrame]:
    """A finding for each code of several decodes and each decode of several codes."""
    for variable, one, other in ((code, "CODE", "DECODE"), (decode, "DECODE", "CODE")):
        found = _several(counts, one, other)
        partner = decode if variable == code else code
        for key, text, said in zip(found["KEY"], found["ONE"], found["SAID"], strict=True):
            where = f"{key}: " if key else ""
            yield whole_finding(dataset, partner, f"{where}{variable} '{text}' has the {partner} {said}", severity)


@adam_rule(
    "V10",
    "E",
    "AVISIT and AVISITN are one to one",
    "give every record of a visit the same AVISIT and the same AVISITN, and every other visit others",
    studies="other",
)
def analysis_visits_are_one_to_one(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVISIT against AVISITN within each parameter of a dataset (ADaMIG 1.3, 3.3.3); between datasets it is a question (W).

    Where trial.yaml declares the visit, another dataset's number of it is an error of the rule about declared visits.
    """
    everywhere = []
    for dataset in given.with_variables(_NUMBER, _NAME):
        number, name = given.column(dataset, _NUMBER), given.column(dataset, _NAME)
        parameters = (given.column(dataset, "PARAMCD"),) if given.has(dataset, "PARAMCD") else ()
        yield from _ambiguous(dataset, _counts(number, name, *parameters), _NUMBER, _NAME)
        everywhere.append(_counts(number, name).drop_duplicates(["CODE", "DECODE"]).assign(DATASET=dataset))
    yield from _between(everywhere, _NUMBER, _NAME)


def _between(everywhere: list[pd.DataFrame], code: str, decode: str, severity: str = "W") -> Iterator[pd.DataFrame]:
    """Codes that two datasets give unlike decodes: one finding each, at the later of the datasets, with all that is said."""
    table = pd.concat(everywhere) if len(everywhere) > 1 else pd.DataFrame()
    for variable, one, other in ((code, "CODE", "DECODE"), (decode, "DECODE", "CODE")) if len(table) else ():
        table = table.assign(FOLDED=table[other].map(fold_text))
        several = table.groupby(one)["FOLDED"].transform("nunique") > 1
        apart = several & (table.groupby(one)["DATASET"].transform("nunique") > 1)
        own = table[apart]
        told = own.assign(SAID=own["DATASET"] + " '" + own[other] + "' (records: " + own["RECORDS"].astype("str") + ")")
        partner = decode if variable == code else code
        for text, own in told.groupby(one):
            message = f"{variable} '{text}' is not the same {partner} everywhere: {', '.join(own['SAID'])}"
            yield whole_finding(str(own["DATASET"].iloc[-1]), partner, message, severity)


@adam_rule(
    "V02",
    "E",
    "a code and its decode are one to one",
    "correct the code or the decode, in every dataset alike",
    studies="other",
)
def codes_have_one_decode(given: Supplied) -> Iterator[pd.DataFrame]:
    """Numbers of treatments, periods, age groups and grades against their texts, within a dataset.

    Between datasets (PARAM, too), and of treatments against the arms of trial.yaml, it is a question (W): the text is read.
    """
    for code, decode in {**PAIRS, "PARAMCD": "PARAM"}.items():
        everywhere = []
        for dataset in given.with_variables(code, decode):
            counts = _counts(given.column(dataset, code), given.column(dataset, decode))
            # Two PARAM of one PARAMCD have a rule of their own.
            yield from _ambiguous(dataset, counts, code, decode) if code in PAIRS else ()
            yield from _unlike_arms(given, counts, code, decode) if code in _OF_ARMS else ()
            everywhere.append(counts.assign(DATASET=dataset))
        yield from _between(everywhere, code, decode)


def _unlike_arms(given: Supplied, counts: pd.DataFrame, code: str, decode: str) -> Iterator[pd.DataFrame]:
    numbers = {arm.column: f"{arm.trt01pn:g}" for arm in given.trial.arms}
    declared = counts["DECODE"].map(numbers)
    for _, own in counts[declared.notna() & (declared != counts["CODE"])].groupby("DECODE"):
        text, number, count = own["DECODE"].iloc[0], own["CODE"].iloc[0], own["RECORDS"].sum()
        told = f"{decode} '{text}' has the {code} {number} (records: {count}), and trial.yaml gives it trt01pn {numbers[text]}"
        yield whole_finding("ADSL", code, told, "W")


#: Units that have two names, or another number of a name with the same size, as they are compared.
_SAME_UNITS = {
    "gi/l": "10^9/l",
    "10^3/ul": "10^9/l",
    "10^3/mm3": "10^9/l",
    "k/ul": "10^9/l",
    "ti/l": "10^12/l",
    "10^6/ul": "10^12/l",
    "m/ul": "10^12/l",
    "iu/l": "u/l",
    "bpm": "beats/min",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "year": "years",
}
#: A power of ten as it is typed: ``10^9``, ``x10E9``, ``10*9``, ``10**9``, ``10⁹``.
_POWER = re.compile(r"^[x\u00d7]?10(?:\^|\*\*?|e\+?)?(?=\d{1,2}/)")
_UNTOLD = "fill AVALU in every record with AVAL, or in none where PARAM tells the unit"
#: Words of a unit that is written out. Another word is a method or a kind: ``Creatinine Clearance (Cockcroft-Gault)``.
_UNIT_WORDS = re.compile(
    r"days?|weeks?|months?|years?|hours?|minutes?|seconds?|percent|fraction|ratio|score|points?|beats|breaths", re.I
)


def _unit_text(unit: str) -> str:
    folded = fold_text(unicodedata.normalize("NFKC", unit)).replace(" ", "").replace("\N{GREEK SMALL LETTER MU}", "u")
    folded = folded.replace("mcmol", "umol").replace("mcg", "ug").replace("\N{DEGREE SIGN}", "").removeprefix("deg")
    powered = _POWER.sub("10^", folded)
    return _SAME_UNITS.get(powered, powered)


def _unit_key(unit: pd.Series) -> pd.Series:
    """Units as they are compared: without letter case and blanks, micro and powers as they are typed, of two names one."""
    keys: pd.Series = unit.astype("str").map(_unit_text, na_action="ignore").astype("str")
    return keys


def _is_unit(text: str) -> bool:
    """Whether brackets hold a unit: a quotient, or no longer word than those units are written out with."""
    return "/" in text or not re.search(r"[^\W\d_]{5,}", _UNIT_WORDS.sub("", text))


def _partly_without_unit(dataset: str, code: pd.Series, unit: pd.Series) -> Iterator[pd.DataFrame]:
    """Parameters of which some values have a unit and some none: nobody can tell which unit these are in.

    A record without a value needs no unit.
    """
    there = unit[code.index].notna().groupby(code).agg(["sum", "size"])
    there = there[(there["sum"] > 0) & (there["sum"] < there["size"])]
    for paramcd, filled, size in zip(there.index, there["sum"], there["size"], strict=True):
        told = f"{paramcd} has no unit in {size - filled} of {number_of(size, 'record')} with AVAL, and one in the others"
        yield whole_finding(dataset, "AVALU", told, "W").assign(remedy=_UNTOLD)


@adam_rule(
    "V21",
    "E",
    "values stand in the unit that trial.yaml heads them with",
    "convert the values, or write si_unit of the parameter in trial.yaml as the data do; AVALU tells a unit that PARAM does not",
    studies="other",
)
def values_have_the_declared_unit(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVALU of each parameter against si_unit of trial.yaml, which pages print; of PARAM, what brackets at its end say.

    Of PARAM it is an error where nothing else tells the unit, AVALU: in no such record of the parameter the declared one, or in
    some of them another one, which a summary would take for it. Else, and where the brackets hold no unit but a method, it is a
    question (W). So is AVALU that some records with AVAL lack. Two units of a parameter without si_unit are an error.
    """
    for dataset in given.with_variables("PARAMCD"):
        declared = {code: one.si_unit for code, one in given.trial.parameters.items() if one.dataset == dataset and one.si_unit}
        code = given.column(dataset, "PARAMCD")
        expected = code.map(declared).astype("str")
        said = {
            "AVALU": given.column(dataset, "AVALU"),
            "PARAM": given.column(dataset, "PARAM").str.extract(_IN_BRACKETS, expand=False),
        }
        valued = given.column(dataset, "AVAL").notna() if given.has(dataset, "AVAL") else pd.Series(True, index=code.index)
        yield from _partly_without_unit(dataset, code[expected.notna() & valued], said["AVALU"])
        for variable, unit in said.items():
            wrong = expected.notna() & unit.notna() & (_unit_key(unit) != _unit_key(expected))
            counted = pd.DataFrame({"CODE": code, "UNIT": unit})[wrong].value_counts(sort=False).reset_index(name="N")
            counted = counted.sort_values(["CODE", "UNIT"])
            for paramcd, text, count in zip(counted["CODE"], counted["UNIT"], counted["N"], strict=True):
                told = f"{paramcd} is in '{text}' in {number_of(count, 'record')}, and trial.yaml prints {declared[str(paramcd)]}"
                # A unit that some records have in AVALU says nothing of those that have none there.
                own = (code == paramcd) & said["AVALU"].isna()
                pooled = (own & (unit == text)).any() and ("/" in str(text) or not unit[own & ~wrong].dropna().empty)
                alone = bool(own.any()) and (bool(wrong[own].all()) or bool(pooled)) and _is_unit(str(text))
                yield whole_finding(dataset, variable, told, None if variable == "AVALU" or alone else "W")
        yield from _in_several_units(dataset, code[expected.isna() & valued], said)


def _in_several_units(dataset: str, code: pd.Series, said: Mapping[str, pd.Series]) -> Iterator[pd.DataFrame]:
    """Parameters for which trial.yaml names no unit and whose values the data tell in two: a summary would have both in one number.

    A unit is what AVALU says; where it says nothing, brackets at the end of PARAM with a quotient in them.
    """
    brackets = said["PARAM"].where(said["PARAM"].str.contains("/", regex=False, na=False))
    unit = said["AVALU"].fillna(brackets)[code.index]
    told = pd.DataFrame({"CODE": code, "UNIT": unit, "KEY": _unit_key(unit)}).dropna()
    several = told.groupby("CODE")["KEY"].transform("nunique") > 1
    for paramcd, own in told[several].groupby("CODE"):
        counted = own["UNIT"].value_counts().sort_index()
        units = " and ".join(f"'{text}' in {number_of(int(count), 'record')}" for text, count in counted.items())
        found = whole_finding(dataset, "AVALU", f"{paramcd} has values in {units}, and no output keeps them apart")
        yield found.assign(remedy="convert the values to one unit, and name it as si_unit of the parameter in trial.yaml")
