"""14.3.1 Adverse events."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import HIERARCHICAL, join_numbers
from cgbm1_report.distinct import unite_spellings
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows, with_exact_interval
from cgbm1_report.tabulate.declare import Needs, Summary, output
from cgbm1_report.tabulate.table import Line, count_percent_events
from cgbm1_report.tabulate.view import View

EMERGENT = {"TRTEMFL": "Y"}
NO_TERM = "Uncoded"
#: What every table of events reads.
_TERMS = ("USUBJID", "TRTEMFL", "AEBODSYS", "AEDECOD")
RELATEDNESS: Needs = {"relatedness": lambda trial: trial.relatedness is not None}
TERMS = ("AEBODSYS", "AEDECOD")
ANY: Key = (("TRTEMFL", "Y"),)
#: The listing that holds every event.
LISTINGS = ("L16.2.7.1",)
RELATED: Key = (*ANY, ("RELGR1", "RELATED"))


def read_emergent(view: View, *variables: str, only: bool = False) -> pd.DataFrame:
    """Treatment-emergent events of the population; an uncoded term is named so, never dropped.

    ``variables`` are what events are chosen by: they must be there, with no value outside their codelists.
    ``only`` gives no other variable than these and the terms. Spellings of one term are one term: that
    which most events of all subjects have.
    """
    events = view.records("ADAE", "TRTEMFL", *TERMS, *variables, only=only)
    events = events[events["TRTEMFL"] == "Y"]
    spelt = {term: unite_spellings(view.dataset("ADAE")[term]) for term in TERMS}
    return events.assign(**{term: events[term].replace(spelt[term]).fillna(NO_TERM) for term in TERMS})


def order_terms(numbers: pd.DataFrame, column: str) -> list[Key]:
    """Row keys by number of subjects in the deciding column, the most frequent first, then A to Z.

    A preferred term keeps its place under its system organ class.
    """
    chosen = numbers[(numbers["stat_name"] == "n") & (numbers["column"] == column)]
    counts: dict[Key, float] = dict(zip(chosen["row"], chosen["stat"], strict=True))

    def place(key: Key) -> list[tuple[float, Key]]:
        return [(-counts[key[:depth]], key[:depth]) for depth in range(1, len(key) + 1)]

    return sorted(counts, key=place)


def term_rows(view: View, events: pd.DataFrame) -> Rows:
    """System organ classes with their preferred terms, the most frequent first; without a subject no row."""
    columns, denominators = view.column_keys, view.population_counts
    counted = join_numbers(analyse_counts(events, by, columns, denominators, context=HIERARCHICAL) for by in (TERMS[:1], TERMS))
    return Rows(
        counted,
        [
            Line(key, key[-1][1] or "", count_percent_events, len(key) - 1, block=len(key) == 1)
            for key in order_terms(counted, view.deciding_column)
        ],
    )


def soc_pt_table(view: View, events: pd.DataFrame, any_key: Key, any_label: str, *, interval: bool = False) -> Summary:
    """Any event, with ``interval`` and its exact interval, then system organ classes with their preferred terms.

    Every cell but the interval is ``n (%) [events]``; rows without a subject are not printed.
    """
    overall = count_rows(view, [Selection(any_key, any_label, events)], show=count_percent_events, block=True)
    parts = [with_exact_interval(overall) if interval else overall, term_rows(view, events)]
    return Summary(*join_rows(parts), "System Organ Class\n  Preferred Term, n (%) [events]", stub_width=4.2)


def _of_overview(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    kinds = ("ATOXGR", "RELGR1", "AESER", "AEACN", "AEOUT", "AESDTH", "AESIFL", "ENDSTFL")
    toxic = ("DLTFL",) if trial.dose_escalation and trial.phases[phase].reference is None else ()
    return {"ADAE": (*_TERMS, *kinds, *toxic)}


def _overview_rows(view: View) -> list[Selection]:
    escalation = bool(view.trial.dose_escalation) and view.trial.phases[view.phase].reference is None
    chosen_by = ("ATOXGR", "RELGR1", "AESER", "AEACN", "AEOUT", "AESDTH", "AESIFL", "ENDSTFL", *(["DLTFL"] if escalation else []))
    events = read_emergent(view, *chosen_by)
    severe = pd.to_numeric(events["ATOXGR"], errors="coerce") >= 3
    related = events["RELGR1"] == "RELATED"
    serious = events["AESER"] == "Y"
    fatal = (events["AEOUT"] == "FATAL") | (events["AESDTH"] == "Y")
    rows: list[tuple[Key, str, pd.Series]] = [
        (ANY, "Any TEAE", events["TRTEMFL"] == "Y"),
        (RELATED, "Related TEAE", related),
        ((*ANY, ("ATOXGR", ">=3")), "TEAE of grade 3 or higher", severe),
        ((*RELATED, ("ATOXGR", ">=3")), "Related TEAE of grade 3 or higher", related & severe),
        ((*ANY, ("AESER", "Y")), "Serious TEAE", serious),
        ((*RELATED, ("AESER", "Y")), "Related serious TEAE", related & serious),
        (
            (*ANY, ("AEACN", "DRUG WITHDRAWN")),
            "TEAE leading to discontinuation of study treatment",
            events["AEACN"] == "DRUG WITHDRAWN",
        ),
        ((*ANY, ("ENDSTFL", "Y")), "TEAE leading to discontinuation of the study", events["ENDSTFL"] == "Y"),
        ((*ANY, ("AESIFL", "Y")), "TEAE of special interest", events["AESIFL"] == "Y"),
        *([((*ANY, ("DLTFL", "Y")), "Dose-limiting toxicity", events["DLTFL"] == "Y")] if escalation else []),
        ((*ANY, ("AEOUT", "FATAL")), "TEAE with fatal outcome", fatal),
    ]
    return [Selection(key, label, events[kept.fillna(False)]) for key, label, kept in rows]


@output(
    "T14.3.1.1", "Overall Summary of TEAEs", population="SAF", source=("ADAE",), footnotes=("F1", "F2", "F4", "F5"), where=EMERGENT,
    needs=RELATEDNESS, variables=_of_overview, listings=LISTINGS,
)  # fmt: skip
def teae_overview(view: View) -> Summary:
    """One line per kind of event: subjects, percent, events."""
    rows = count_rows(view, _overview_rows(view), show=count_percent_events)
    note = (
        "Leading to discontinuation of the study: fatal, or treatment was withdrawn for it in a subject who left the study "
        "for an adverse event."
    )
    return Summary(*rows, "Subjects with at least one, n (%) [events]", stub_width=4.2, footnotes=(note,))


@output(
    "T14.3.1.2", "TEAEs by System Organ Class and Preferred Term", population="SAF", source=("ADAE",),
    footnotes=("F2", "F3", "F21"), where=EMERGENT, variables={"ADAE": _TERMS}, listings=LISTINGS,
)  # fmt: skip
def teae_by_soc_pt(view: View) -> Summary:
    """Treatment-emergent events by SOC and PT: subjects, percent, events."""
    return soc_pt_table(view, read_emergent(view, only=True), ANY, "Subjects with at least one TEAE")


@output(
    "T14.3.1.4", "Related TEAEs by System Organ Class and Preferred Term", population="SAF", source=("ADAE",),
    footnotes=("F2", "F3", "F4", "F6", "F21"), where=EMERGENT | {"RELGR1": "RELATED"}, needs=RELATEDNESS,
    variables={"ADAE": (*_TERMS, "RELGR1")}, methods=("events_by_term",), listings=LISTINGS,
)  # fmt: skip
def related_teae_by_soc_pt(view: View) -> Summary:
    """The registry's related adverse events: any with its exact interval, then SOC and PT."""
    events = read_emergent(view, "RELGR1")
    events = events[events["RELGR1"] == "RELATED"]
    label = "Subjects with at least one related TEAE"
    return soc_pt_table(view, events, RELATED, label, interval=True)
