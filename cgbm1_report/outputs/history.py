"""14.1 What the subjects had and were given beside the study treatment: history, medications, procedures; deviations."""

from __future__ import annotations

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Selection, codelist_words, count_levels, count_rows, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.table import count_percent, count_percent_events
from cgbm1_report.tabulate.terms import name_terms, term_rows
from cgbm1_report.tabulate.view import View

_CONDITION = ("MHBODSYS", "MHDECOD")
_DEVIATION, _EXCLUDING = {"DVIMPFL": "Y"}, {"DVPPSFL": "Y"}
_PROCEDURE = {"ONTRTFL": "Y"}


@output(
    "T14.1.6", "Medical History by System Organ Class and Preferred Term", population="SAF", source=("ADMH",),
    footnotes=("F1", "F3", "F21"), variables={"ADMH": ("USUBJID", "MHTERM", *_CONDITION)},
)  # fmt: skip
def medical_history(view: View) -> Summary:
    """Any condition, then system organ classes with their preferred terms; rows without a subject are not printed."""
    conditions = name_terms(view.records("ADMH", "MHTERM", *_CONDITION, only=True), view.dataset("ADMH"), _CONDITION)
    overall = Selection((("MHTERM", None),), "Subjects with at least one condition", conditions)
    parts = [count_rows(view, [overall], block=True), term_rows(view, conditions, _CONDITION, count_percent)]
    return Summary(*join_rows(parts), "System Organ Class\n  Preferred Term, n (%)", stub_width=4.2)


@output(
    "T14.1.8", "Concomitant Procedures", population="SAF", source=("ADPR",), footnotes=("F1",), where=_PROCEDURE,
    variables={"ADPR": ("USUBJID", "PRDECOD", "ONTRTFL")},
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
        "Concomitant: begun at or after the start of the first infusion; an incomplete date counts unless it excludes that.",
        "Events: procedures; each session of one that is repeated counts.",
    )
    return Summary(*join_rows(parts), "Procedure, n (%) [events]", stub_width=4.2, footnotes=notes)


def _excluded_from(trial: Trial) -> str:
    """The analysis set that deviations exclude from, in words; nothing where the trial has none."""
    return next((population.label for population in trial.populations if population.flag == "PPROTFL"), "")


@output(
    "T14.1.3", "Important Protocol Deviations", population="FAS", source=("ADDV",), footnotes=("F1",), where=_DEVIATION,
    variables={"ADDV": ("USUBJID", "DVDECOD", "DVIMPFL", "DVPPSFL")},
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
