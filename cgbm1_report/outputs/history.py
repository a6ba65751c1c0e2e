"""14.1 What the subjects had and were given beside the study treatment: history, medications, procedures; deviations."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key, Part
from cgbm1_report.tabulate.builders import Selection, codelist_words, count_levels, count_rows, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.derivation import Derived, derived
from cgbm1_report.tabulate.table import count_percent, count_percent_events
from cgbm1_report.tabulate.terms import Words, name_terms, print_level, term_rows
from cgbm1_report.tabulate.view import View

_CONDITION = ("MHBODSYS", "MHDECOD")
_DEVIATION, _EXCLUDING = {"DVIMPFL": "Y"}, {"DVPPSFL": "Y"}
_PROCEDURE = {"ONTRTFL": "Y"}
#: The levels of the classification that are printed, each with the variable that names its codes.
_CLASSES = {"ATC1CD": "ATC1", "ATC2CD": "ATC2"}
_DRUG = (*_CLASSES, "CMDECOD")
#: When a medication was taken: the flag, and what a row of those who took any says.
_TIMES = {"PREFL": "Subjects with at least one prior medication", "CONFL": "Subjects with at least one concomitant medication"}
_TAKEN = (
    "Prior: taken before the date of the first dose. Concomitant: taken on that date or after it, and begun "
    "no later than {days} days after it. A medication may be both; an incomplete date counts unless it excludes that."
)
_AS_SUPPLIED = f"Prior, concomitant: as the supplied data say it ({', '.join(_TIMES)})."
_ONCE = "A subject is counted once per class and name. Conventional treatment: concomitant medications by their class on the form."
#: When a procedure is concomitant, and a record on treatment.
SINCE_INFUSION = "begun at or after the start of the first infusion; an incomplete date counts unless it excludes that"


@output(
    "T14.1.6", "Medical History by System Organ Class and Preferred Term", population="SAF", source=("ADMH",),
    footnotes=("F1", "F3", "F21"), variables={"ADMH": ("USUBJID", "MHTERM", *_CONDITION)}, listings=("L16.2.4.3",),
)  # fmt: skip
def medical_history(view: View) -> Summary:
    """Any condition, then system organ classes with their preferred terms; rows without a subject are not printed."""
    conditions = name_terms(view.records("ADMH", "MHTERM", *_CONDITION, only=True), view.dataset("ADMH"), _CONDITION)
    overall = Selection((("MHTERM", None),), "Subjects with at least one condition", conditions)
    parts = [count_rows(view, [overall], block=True), term_rows(view, conditions, _CONDITION, count_percent)]
    return Summary(*join_rows(parts), "System Organ Class\n  Preferred Term, n (%)", stub_width=4.2)


@output(
    "T14.1.8", "Concomitant Procedures", population="SAF", source=("ADPR",), footnotes=("F1",), where=_PROCEDURE,
    variables={"ADPR": ("USUBJID", "PRDECOD", "ONTRTFL")}, listings=("L16.2.4.5",),
)  # fmt: skip
def concomitant_procedures(view: View) -> Summary:
    """Procedures begun on study treatment or after it, each kind with its number; every session is one of them."""
    procedures = choose(view.records("ADPR", "PRDECOD", "ONTRTFL"), _PROCEDURE)
    key: Key = (("ONTRTFL", "Y"),)
    overall = Selection(key, "Subjects with at least one concomitant procedure", procedures)
    kinds = {"PRDECOD": codelist_words("ADPR", "PRDECOD")}
    parts = [
        count_rows(view, [overall], show=count_percent_events, block=True),
        count_levels(view, procedures, kinds, prefix=key, show=count_percent_events, indent=1),
    ]
    notes = (
        derived("Concomitant", SINCE_INFUSION, "ONTRTFL"),
        "Events: procedures; each session of one that is repeated counts.",
    )
    return Summary(*join_rows(parts), "Procedure, n (%) [events]", stub_width=4.2, footnotes=notes)


def _class_words(medications: pd.DataFrame) -> Words:
    """What prints a row: of a class the name that most of its medications have, its code where it has none."""
    names: dict[Part, str] = {}
    for code, name in _CLASSES.items():
        told = medications[[code, name]].dropna().value_counts().sort_index(ascending=False).sort_values(kind="stable")
        names |= {(code, str(own)): str(text) for own, text in told.index}
    return lambda key: names.get(key[-1], print_level(key))


@output(
    "T14.1.7", "Prior and Concomitant Medications by ATC Class and Name", population="SAF", source=("ADCM",),
    footnotes=("F1", "F25"), variables={"ADCM": ("USUBJID", *_DRUG, *_CLASSES.values(), "CMSCAT", *_TIMES)},
    listings=("L16.2.4.4",),
)  # fmt: skip
def medications(view: View) -> Summary:
    """What was taken before the first dose and since, by class and name, and the conventional treatment of the disease."""
    everybody = view.dataset("ADCM")
    taken, words = name_terms(view.records("ADCM", *_DRUG, "CMSCAT", *_TIMES), everybody, _DRUG), _class_words(everybody)
    parts = []
    for time, label in _TIMES.items():
        key: Key = ((time, "Y"),)
        own = choose(taken, {time: "Y"})
        parts.append(count_rows(view, [Selection(key, label, own)], block=True))
        parts.append(term_rows(view, own, _DRUG, count_percent, prefix=key, words=words))
    given: Key = (("CONFL", "Y"),)
    conventional = choose(taken, {"CONFL": "Y"}).dropna(subset="CMSCAT")
    overall = Selection((*given, ("CMSCAT", None)), "Subjects with conventional treatment", conventional)
    parts.append(count_rows(view, [overall], block=True))
    parts.append(count_levels(view, conventional, {"CMSCAT": codelist_words("ADCM", "CMSCAT")}, prefix=given, indent=1))
    notes = (Derived(_TAKEN.format(days=view.trial.study.followup_days), _AS_SUPPLIED), _ONCE)
    return Summary(*join_rows(parts), "ATC Class 1\n  ATC Class 2\n    Name, n (%)", stub_width=4.2, footnotes=notes)


def _excluded_from(trial: Trial) -> str:
    """The analysis set that deviations exclude from, in words; nothing where the trial has none."""
    return next((population.label for population in trial.populations if population.flag == "PPROTFL"), "")


@output(
    "T14.1.3", "Important Protocol Deviations", population="FAS", source=("ADDV",), footnotes=("F1",), where=_DEVIATION,
    variables={"ADDV": ("USUBJID", "DVDECOD", "DVIMPFL", "DVPPSFL")}, listings=("L16.2.2.1",),
)  # fmt: skip
def important_deviations(view: View) -> Summary:
    """Any important deviation, its kinds, and those that exclude a subject from the per-protocol analysis."""
    deviations = choose(view.records("ADDV", "DVDECOD", "DVIMPFL", "DVPPSFL"), _DEVIATION)
    key: Key = (("DVIMPFL", "Y"),)
    overall = Selection(key, "Subjects with at least one important protocol deviation", deviations)
    kinds = {"DVDECOD": codelist_words("ADDV", "DVDECOD")}
    parts = [
        count_rows(view, [overall], show=count_percent_events, block=True),
        count_levels(view, deviations, kinds, prefix=key, show=count_percent_events, indent=1),
    ]
    if excluded_from := _excluded_from(view.trial):
        excluding = Selection(
            (*key, ("DVPPSFL", "Y")), f"Leading to exclusion from the {excluded_from}", choose(deviations, _EXCLUDING)
        )
        parts.append(count_rows(view, [excluding], show=count_percent_events, block=True))
    return Summary(*join_rows(parts), "Deviation, n (%) [events]", stub_width=4.2)
