"""14.3.1 Adverse events."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.distinct import unite_spellings
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Needs, Summary, output
from cgbm1_report.tabulate.layout import interval_line, with_intervals
from cgbm1_report.tabulate.table import Line, count_percent_events, row_key
from cgbm1_report.tabulate.view import View

EMERGENT = "TRTEMFL = Y"
NO_TERM = "Uncoded"
#: What every table of events reads.
_TERMS = ("USUBJID", "TRTEMFL", "AEBODSYS", "AEDECOD")
RELATEDNESS: Needs = {"relatedness": lambda trial: trial.relatedness is not None}
TERMS = ("AEBODSYS", "AEDECOD")


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


def order_terms(numbers: pd.DataFrame, column: str) -> list[str]:
    """Row keys by number of subjects in the deciding column, the most frequent first, then A to Z.

    A preferred term keeps its place under its system organ class.
    """
    chosen = numbers[(numbers["stat"] == "n") & (numbers["column"] == column)]
    counts: dict[str, float] = dict(zip(chosen["row"], chosen["value"], strict=True))
    parents = {key: key.rpartition(" | ")[0] for key in counts}

    def place(key: str) -> tuple[object, ...]:
        parent = parents[key]
        own = (-counts[key], key)
        return (-counts[parent], parent, 1, *own) if parent else (*own, 0)

    return sorted(counts, key=place)


def soc_pt_table(view: View, events: pd.DataFrame, any_label: str, *, interval: bool = False) -> Summary:
    """Any event, with ``interval`` and its exact interval, then system organ classes with their preferred terms.

    Every cell but the interval is ``n (%) [events]``; rows without a subject are not printed.
    """
    columns, denominators = view.column_keys, view.population_counts
    overall = analyse_counts(events, [], columns, denominators, keys=[any_label], prefix=any_label)
    by_soc = analyse_counts(events, ["AEBODSYS"], columns, denominators)
    by_pt = analyse_counts(events, ["AEBODSYS", "AEDECOD"], columns, denominators)
    terms = join_numbers([by_soc, by_pt])
    lines = [Line(any_label, any_label, count_percent_events, block=True)]
    if interval:
        overall = with_intervals(overall)
        lines.append(interval_line(any_label, indent=1))
    classes = set(by_soc["row"])
    for key in order_terms(terms, view.deciding_column):
        is_class = key in classes
        lines.append(
            Line(key, key if is_class else key.rpartition(" | ")[2], count_percent_events, 0 if is_class else 1, block=is_class)
        )
    return Summary(join_numbers([overall, terms]), lines, "System Organ Class\n  Preferred Term, n (%) [events]", stub_width=4.2)


def _of_overview(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    kinds = ("ATOXGR", "RELGR1", "AESER", "AEACN", "AEOUT", "AESDTH", "AESIFL", "ENDSTFL")
    toxic = ("DLTFL",) if trial.dose_escalation and trial.phases[phase].reference is None else ()
    return {"ADAE": (*_TERMS, *kinds, *toxic)}


def _overview_rows(view: View) -> list[tuple[str, pd.Series]]:
    escalation = bool(view.trial.dose_escalation) and view.trial.phases[view.phase].reference is None
    chosen_by = ("ATOXGR", "RELGR1", "AESER", "AEACN", "AEOUT", "AESDTH", "AESIFL", "ENDSTFL", *(["DLTFL"] if escalation else []))
    events = read_emergent(view, *chosen_by)
    grade = pd.to_numeric(events["ATOXGR"], errors="coerce")
    related = events["RELGR1"] == "RELATED"
    serious = events["AESER"] == "Y"
    rows = [
        ("Any TEAE", pd.Series(True, index=events.index)),
        ("Related TEAE", related),
        ("TEAE of grade 3 or higher", grade >= 3),
        ("Related TEAE of grade 3 or higher", related & (grade >= 3)),
        ("Serious TEAE", serious),
        ("Related serious TEAE", related & serious),
        ("TEAE leading to discontinuation of study treatment", events["AEACN"] == "DRUG WITHDRAWN"),
        ("TEAE leading to discontinuation of the study", events["ENDSTFL"] == "Y"),
        ("TEAE of special interest", events["AESIFL"] == "Y"),
    ]
    if escalation:
        rows.append(("Dose-limiting toxicity", events["DLTFL"] == "Y"))
    rows.append(("TEAE with fatal outcome", (events["AEOUT"] == "FATAL") | (events["AESDTH"] == "Y")))
    return rows


@output(
    "T14.3.1.1", "Overall Summary of TEAEs", population="SAF", source=("ADAE",), footnotes=("F1", "F2", "F4", "F5"), where=EMERGENT,
    needs=RELATEDNESS, variables=_of_overview,
)  # fmt: skip
def teae_overview(view: View) -> Summary:
    """One line per kind of event: subjects, percent, events."""
    events = read_emergent(view)
    rows = _overview_rows(view)
    chosen = [events[kept.fillna(False)].assign(ROW=label) for label, kept in rows]
    keys = [label for label, _ in rows]
    numbers = analyse_counts(pd.concat(chosen), ["ROW"], view.column_keys, view.population_counts, keys=keys)
    lines = [Line(key, key, count_percent_events) for key in keys]
    note = (
        "Leading to discontinuation of the study: fatal, or treatment was withdrawn for it in a subject who left the study "
        "for an adverse event."
    )
    return Summary(numbers, lines, "Subjects with at least one, n (%) [events]", stub_width=4.2, footnotes=(note,))


@output(
    "T14.3.1.2", "TEAEs by System Organ Class and Preferred Term", population="SAF", source=("ADAE",),
    footnotes=("F2", "F3", "F21"), where=EMERGENT, variables={"ADAE": _TERMS},
)  # fmt: skip
def teae_by_soc_pt(view: View) -> Summary:
    """Treatment-emergent events by SOC and PT: subjects, percent, events."""
    return soc_pt_table(view, read_emergent(view, only=True), "Subjects with at least one TEAE")


@output(
    "T14.3.1.4", "Related TEAEs by System Organ Class and Preferred Term", population="SAF", source=("ADAE",),
    footnotes=("F2", "F3", "F4", "F6", "F21"), where=f"{EMERGENT}, RELGR1 = RELATED", needs=RELATEDNESS,
    variables={"ADAE": (*_TERMS, "RELGR1")},
)  # fmt: skip
def related_teae_by_soc_pt(view: View) -> Summary:
    """The registry's related adverse events: any with its exact interval, then SOC and PT."""
    events = read_emergent(view, "RELGR1")
    events = events[events["RELGR1"] == "RELATED"]
    label = "Subjects with at least one related TEAE"
    return soc_pt_table(view, events, label, interval=True)


def event_key(usubjid: Iterable[object], sequence: Iterable[float]) -> list[str]:
    """Keys of event records: subject and sequence number."""
    return [row_key(str(who), f"{which:g}") for who, which in zip(usubjid, sequence, strict=True)]
