"""Codes of a trial.yaml: names of variables, arms and files are such names, and each name means one thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cgbm1_report.protocol.agree import Contradiction, twice
from cgbm1_report.protocol.eligibility import Eligibility
from cgbm1_report.protocol.schema import read_schema, schema_datasets
from cgbm1_report.protocol.sections import POOLED, TOTAL

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: A variable or a test code of CDISC: eight upper-case letters and digits at most, which SAS transport files hold.
_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
_NAME_WORDS = "write it as a name of CDISC: at most 8 upper-case letters and digits"
#: ARMCD names a dose group's files too. Twenty characters are what the SDTM implementation guide allows.
_ARMCD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,19}")
#: What the data say of subjects without an arm, and the command of all dose groups.
_NO_ARMS = frozenset({"ALL", "SCRNFAIL", "NOTASSGN", "NOTTRT", "UNPLAN"})
#: Codes of events of interest are joined by semicolons in AESICAT.
_CATEGORY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_STEM = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: How ADaM begins the names of treatments, arms, their sequences and doses (ADaMIG 1.3, 3.2.4).
_OF_TREATMENT = re.compile(r"(?:TRT|ARM|ACTARM|TSEQ|DOSE|TRCMP)")


def _names(trial: Trial) -> Iterator[Contradiction]:
    names = [(f"parameters.{code}", f"parameter {code}", code) for code in trial.parameters]
    names += [
        (f"parameters.{code}.testcd", f"test {one.testcd} of {code}", one.testcd)
        for code, one in trial.parameters.items()
        if one.testcd is not None
    ]
    names += [(f"populations.{at}.flag", f"flag {one.flag}", one.flag) for at, one in enumerate(trial.populations)]
    names += [
        (f"complications.{at}.baseline_flag", one.baseline_flag, one.baseline_flag) for at, one in enumerate(trial.complications)
    ]
    names += [(f"complications.{at}.code", f"complication {one.code}", one.code) for at, one in enumerate(trial.complications)]
    names += [(f"{place}.variable", one.variable, one.variable) for place, one in trial.characteristics()]
    names += [
        (f"ie_criteria.{phase}.{at}.ietestcd", f"criterion {one.ietestcd}", one.ietestcd)
        for phase, ones in trial.ie_criteria.items()
        for at, one in enumerate(ones)
    ]
    names += [(f"seen_blind.{dataset}", f"{name} of {dataset}", name) for dataset, own in trial.seen_blind.items() for name in own]
    for place, whose, name in names:
        if not _NAME.fullmatch(name):
            yield place, f"{whose} is no name of a variable or a code", _NAME_WORDS
    for at, aesi in enumerate(trial.aesi):
        if not _CATEGORY.fullmatch(aesi.code):
            yield f"aesi.{at}.code", f"category {aesi.code} is no code", "write letters, digits and underscores"
    known = [one.code for one in trial.aesi]
    for code in trial.event_tables.rates_of_aesi:
        if code not in known:
            told = f"{code} is no category of special interest"
            yield "event_tables.rates_of_aesi", told, f"use one of {', '.join(known)}" if known else "leave it out"


def _arms(trial: Trial) -> Iterator[Contradiction]:
    for at, arm in enumerate(trial.arms):
        if not _ARMCD.fullmatch(arm.armcd):
            yield f"arms.{at}.armcd", f"arm code {arm.armcd!r} is no name of a file", "write at most 20 letters, digits, - and _"
        elif arm.armcd.upper() in _NO_ARMS:
            yield f"arms.{at}.armcd", f"arm code {arm.armcd} means that there is no arm", "give the arm a code of its own"
        if arm.column not in (TOTAL, POOLED) and arm.column.lower() in (TOTAL.lower(), POOLED.lower()):
            yield f"arms.{at}.column", f"column {arm.column} is that of all subjects", "name the column by its arm"
    # Names of files differ by more than the case of their letters.
    codes = [arm.armcd for arm in trial.arms]
    for code in twice(code.lower() for code in codes):
        alike = [one for one in codes if one.lower() == code]
        if len(set(alike)) > 1:
            yield "arms", f"arm codes {' and '.join(alike)} differ by the case of letters alone", "give each a code of its own"


def _once(trial: Trial) -> Iterator[Contradiction]:
    """What stands in a list stands in it once: a second one would be counted or printed twice, or never be found."""
    lists: list[tuple[str, str, Iterable[str]]] = [
        ("aesi", "category", [one.code for one in trial.aesi]),
        ("aesi", "category", [one.label for one in trial.aesi]),
        ("event_tables.rates_of_aesi", "category", trial.event_tables.rates_of_aesi),
        ("complications", "complication", [key for one in trial.complications for key in {one.code.lower(), one.term.lower()}]),
        ("complications", "baseline flag", [one.baseline_flag for one in trial.complications]),
        ("causes_of_death", "group", trial.death_groups),
        ("phases", "the label", [one.label for one in trial.phases.values()]),
        ("demographics", "the label", [one.label for one in trial.demographics if one.label]),
        ("baseline_disease", "the label", [one.label for one in trial.baseline_disease if one.label]),
        ("exposure", "the label", [one.label for one in trial.exposure if one.label]),
        ("baseline_disease", "the parameter", [one.of for one in trial.baseline_disease if one.of]),
        ("outputs", "output", trial.outputs or ()),
        ("notebooks", "notebook", trial.notebooks or ()),
        ("datasets", "file", [stem.lower() for stems in trial.dataset_files.values() for stem in stems]),
    ]
    lists += [(f"aesi.{at}.terms", "term", [term.lower() for term in one.terms]) for at, one in enumerate(trial.aesi)]
    lists += [
        (f"complications.{at}.ae_terms", "term", [term.lower() for term in one.ae_terms])
        for at, one in enumerate(trial.complications)
    ]
    lists += [(f"ie_criteria.{phase}", "criterion", [one.ietestcd for one in ones]) for phase, ones in trial.ie_criteria.items()]
    lists += [
        (f"ie_criteria.{phase}", "the check", [one.check for one in ones if one.check]) for phase, ones in trial.ie_criteria.items()
    ]
    lists += [
        (f"arms.{number}", f"the label of phase {number}", [arm.column_label for arm in trial.arms if arm.phase == number])
        for number in trial.phases
    ]
    lists += [(f"parameters.{code}.codelist", "value", one.codelist or ()) for code, one in trial.parameters.items()]
    lists += [(f"parameters.{code}.events", "words", one.events.values()) for code, one in trial.parameters.items()]
    lists += [
        (f"parameters.{code}.competing", "words", [*one.events.values(), *one.competing.values()])
        for code, one in trial.parameters.items()
        if one.competing
    ]
    for dataset in {one.dataset for one in trial.parameters.values()}:
        ours = [one for one in trial.parameters.values() if one.dataset == dataset]
        lists += [("parameters", f"the {word} of {dataset}", names) for word, names in (
            ("label", [one.label for one in ours]), ("name", [one.name for one in ours]),
        )]  # fmt: skip
    lists += [
        (f"outcomes.{at}.outputs.{place}.methods", "method", list(answer.methods))
        for at, outcome in enumerate(trial.outcomes)
        for place, answer in enumerate(outcome.outputs)
    ]
    if trial.relatedness:
        lists += [("relatedness.codelist", "answer", trial.relatedness.codelist)]
        lists += [("relatedness.related", "answer", trial.relatedness.related)]
    if trial.unblinding:
        lists += [("unblinding.columns", "column", trial.unblinding.columns)]
        lists += [(f"unblinding.reasons.{scope}", "reason", reasons) for scope, reasons in trial.unblinding.reasons.items()]
    if trial.synthetic_dictionary:
        terms = [term for terms in trial.synthetic_dictionary.terms.values() for term in terms]
        lists += [("synthetic_dictionary.terms", "term", terms)]
    for place, what, values in lists:
        for value in twice(values):
            yield place, f"{what} {value} stands twice", "name it once"


def _criteria(trial: Trial) -> Iterator[Contradiction]:
    """Criteria are of a phase, and what limits they have is told from where it decides."""
    for phase, ones in trial.ie_criteria.items():
        if phase not in trial.phases:
            yield f"ie_criteria.{phase}", f"phase {phase} is not declared", f"use {', '.join(map(str, trial.phases))}"
        for at, one in enumerate(ones):
            limits = trial.eligibility.words(one.check) if trial.eligibility and one.check in Eligibility.model_fields else {}
            written = trial.written_criteria.get(phase, {}).get(one.ietestcd, "")
            if limits and re.search(r"\d", re.sub(r"\{[^{}]*\}", "", written)):
                told = f"criterion {one.ietestcd} says a number, {written!r}, beside the limits of its check"
                tokens = ", ".join(f"{{{name}}}" for name in limits)
                yield f"ie_criteria.{phase}.{at}.ietest", told, f"name it by its token: {tokens}"


def _files(trial: Trial) -> Iterator[Contradiction]:
    known = schema_datasets("adam")
    for name, stems in trial.dataset_files.items():
        if name.upper() not in known or name != name.lower():
            yield f"datasets.{name}", f"{name} is none of the analysis datasets", f"use one of {', '.join(known).lower()}"
            continue
        if not stems:
            yield f"datasets.{name}", "no file is named", "name the file, or the files of its parts"
        for stem in stems:
            if not _STEM.fullmatch(stem):
                yield (
                    f"datasets.{name}",
                    f"{stem!r} is no name of a file",
                    "write the name without folder and ending, in lower case: letters, digits, _ and -",
                )
            elif stem != name and stem.upper() in known:
                yield f"datasets.{name}", f"{stem} is another analysis dataset", "name the file of this one"


def _subject_variables(trial: Trial) -> Iterator[Contradiction]:
    """A line of a table of subjects at baseline is a variable of ADSL; a text has categories, those of a number are numbers."""
    columns = read_schema("ADSL")["columns"]
    for place, one in trial.characteristics():
        kind = columns.get(one.variable, {}).get("dtype")
        if one.own and kind is not None:
            yield f"{place}.own", f"{one.variable} is a variable of schemas/adam/adsl.yaml", "take own out"
        elif one.own:
            pass
        elif kind is None:
            told = f"{one.variable} is no variable of ADSL"
            yield f"{place}.variable", told, "name a variable of schemas/adam/adsl.yaml, or say that it is the study's (own: true)"
        elif kind == "str" and one.categories is None:
            yield place, f"{one.variable} is a text", "give a text its categories, and a number its decimals"
        elif kind != "str" and not all(code.isdecimal() for code in one.categories or ()):
            yield place, f"{one.variable} is a number", "give a number its decimals, or categories that are whole numbers"
        if one.of is not None and one.of not in trial.parameters:
            yield f"{place}.of", f"{one.of} is no parameter", "name one that stands under parameters"


def _seen_blind(trial: Trial) -> Iterator[Contradiction]:
    """What schemas/ describe they say of, whether it is seen; of datasets that nobody describes no record is."""
    known = schema_datasets("adam")
    for dataset, names in trial.seen_blind.items():
        if dataset not in known:
            yield f"seen_blind.{dataset}", f"{dataset} is none of the analysis datasets", f"use one of {', '.join(known)}"
            continue
        for name in [one for one in names if one in read_schema(dataset)["columns"]]:
            told = f"whether {name} is seen of a blind phase, schemas/adam/{dataset.lower()}.yaml says"
            yield f"seen_blind.{dataset}", told, "name variables of the study's own alone"
        for name in filter(_OF_TREATMENT.match, names):
            yield f"seen_blind.{dataset}", f"{name} is a treatment by its name", "take it out: it is seen when the phase is opened"


CODE_CHECKS = (_names, _arms, _once, _criteria, _files, _subject_variables, _seen_blind)
