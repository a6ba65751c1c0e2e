"""14.3.1 and 14.3.2 Adverse events: the kinds of them, the overview, and each kind by system organ class and preferred term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Selection, compare_rows, count_rows, join_rows, with_exact_interval
from cgbm1_report.tabulate.chosen import Chosen, choose, chosen_variables
from cgbm1_report.tabulate.declare import Declaration, Needs, Summary, family, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.table import count_percent, count_percent_events
from cgbm1_report.tabulate.terms import name_terms, term_rows
from cgbm1_report.tabulate.view import View

EMERGENT = {"TRTEMFL": "Y"}
#: What every table of events reads.
BY_TERM = ("USUBJID", "TRTEMFL", "AEBODSYS", "AEDECOD")
RELATEDNESS: Needs = {"relatedness": lambda trial: trial.relatedness is not None}
#: What a kind of events asks of a trial, by the variable it is told by.
_NEEDED: dict[str, Needs] = {"RELGR1": RELATEDNESS, "AESIFL": {"aesi": lambda trial: bool(trial.aesi)}}
#: The footnote on related events explains a variable that a trial without a causality scale does not have.
RELATION = {"F4": ("ADAE", "RELGR1")}
TERMS = ("AEBODSYS", "AEDECOD")
_TESTED = (
    "Fisher exact p: subjects with and without such an event, two-sided, vs {reference}, not adjusted for the number of tests."
)
ANY: Key = (("TRTEMFL", "Y"),)
#: The listing that holds every event, and that of deaths, serious events and those that ended treatment or study.
LISTINGS = ("L16.2.7.1",)
OF_SPECIAL, OF_RELATED = (*LISTINGS, "L16.2.7.3"), (*LISTINGS, "L16.2.7.4")
GRAVE = ("L14.3.2.1",)


class Kind(NamedTuple):
    """A kind of treatment-emergent events: the part of a row's key that names it, one of them in words, what else chooses it."""

    part: Key
    words: str
    chosen: Chosen

    @property
    def key(self) -> Key:
        return (*ANY, *self.part)

    @property
    def label(self) -> str:
        return f"{self.words[0].upper()}{self.words[1:]}" if self.part else f"Any {self.words}"

    @property
    def variables(self) -> tuple[str, ...]:
        return chosen_variables(self.chosen)

    @property
    def needs(self) -> Needs:
        return {what: asked for name in self.variables for what, asked in _NEEDED.get(name, {}).items()}


def _coded(variable: str, value: str, words: str) -> Kind:
    """Events whose variable has one value."""
    return Kind(((variable, value),), words, {variable: value})


def _both(one: Kind, other: Kind, words: str) -> Kind:
    """Events that are of two kinds."""
    return Kind((*one.part, *other.part), words, {**one.chosen, **other.chosen})


EVERY = Kind((), "TEAE", {})
RELATED = _coded("RELGR1", "RELATED", "related TEAE")
SEVERE = Kind((("ATOXGR", ">=3"),), "TEAE of grade 3 or higher", {"ATOXGR": ("3", "4", "5")})
SERIOUS = _coded("AESER", "Y", "serious TEAE")
RELATED_SERIOUS = _both(RELATED, SERIOUS, "related serious TEAE")
WITHDRAWN = _coded("AEACN", "DRUG WITHDRAWN", "TEAE leading to discontinuation of study treatment")
SPECIAL = _coded("AESIFL", "Y", "TEAE of special interest")
FATAL = Kind((("AEOUT", "FATAL"),), "TEAE with fatal outcome", {"AEOUT|AESDTH": ("FATAL", "Y")})
LEFT = _coded("ENDSTFL", "Y", "TEAE leading to discontinuation of the study")
#: What an event that ends the study is.
_LEAVING = derived(
    "Leading to discontinuation of the study",
    "fatal, or treatment was withdrawn for it in a subject who left the study for an adverse event", *LEFT.variables,
)  # fmt: skip
#: A study may not have graded its events, or not have asked what was done or which of them ended the study: rows left out then.
_MAY_LACK = frozenset((*SEVERE.variables, *WITHDRAWN.variables, *LEFT.variables))
TOXIC = _coded("DLTFL", "Y", "dose-limiting toxicity")
#: What the part of a key means that says less than what is chosen.
MEANINGS: dict[Part, Meaning] = {("AEOUT", "FATAL"): ({"AEOUT": Is("=", "FATAL")}, {"AESDTH": Is("=", "Y")})}
#: The rows of the overview; those on dose-limiting toxicities are of an escalation.
OVERVIEW = (
    EVERY, RELATED, SEVERE, _both(RELATED, SEVERE, "related TEAE of grade 3 or higher"), SERIOUS, RELATED_SERIOUS, WITHDRAWN,
    LEFT, SPECIAL, TOXIC, FATAL,
)  # fmt: skip


def read_emergent(view: View, *variables: str, only: bool = False) -> pd.DataFrame:
    """Treatment-emergent events of the population; an uncoded term is named so, never dropped.

    ``variables`` are what events are chosen by: they must be there, with no value outside their codelists.
    ``only`` gives no other variable than these and the terms. Spellings of one term are one term: that
    which most events of all subjects have.
    """
    events = view.records("ADAE", "TRTEMFL", *TERMS, *variables, only=only)
    events = events[events["TRTEMFL"] == "Y"]
    return name_terms(events, view.dataset("ADAE"), TERMS)


def choose_kinds(view: View, kinds: Sequence[Kind], *variables: str) -> list[pd.DataFrame]:
    """The treatment-emergent events of each kind, with these further variables; read once for all of them."""
    events = read_emergent(view, *dict.fromkeys((*variables, *(name for kind in kinds for name in kind.variables))), only=True)
    return [choose(events, kind.chosen) for kind in kinds]


def declared_kinds(trial: Trial, kinds: Sequence[Kind]) -> list[Kind]:
    """The kinds that a trial can tell."""
    return [kind for kind in kinds if all(is_declared(trial) for is_declared in kind.needs.values())]


def select_kinds(view: View, kinds: Sequence[Kind], *variables: str, prefix: Key = ()) -> list[Selection]:
    """A row per kind of what `choose_kinds` reads; rows of a trial without a causality scale tell no relation."""
    declared = declared_kinds(view.trial, kinds)
    chosen = choose_kinds(view, declared, *variables)
    return [Selection((*prefix, *kind.key), kind.label, own) for kind, own in zip(declared, chosen, strict=True)]


class ByTerm(NamedTuple):
    """A table of one kind of events by system organ class and preferred term.

    A cell is the number of subjects and per cent, with ``events`` and the number of events; with ``interval`` the exact
    interval of any event stands below it.
    """

    number: str
    title: str
    kind: Kind
    footnotes: tuple[str, ...]
    events: bool = False
    interval: bool = False
    methods: tuple[Method, ...] = ()
    listings: tuple[str, ...] = LISTINGS


TABLES = (
    ByTerm("T14.3.1.2", "TEAEs", EVERY, ("F2", "F3", "F21"), events=True),
    ByTerm(
        "T14.3.1.4", "Related TEAEs", RELATED, ("F2", "F3", "F4", "F6", "F21"), events=True, interval=True,
        methods=("events_by_term",), listings=OF_RELATED,
    ),
    ByTerm("T14.3.1.6", "TEAEs of Grade 3 or Higher", SEVERE, ("F2", "F3", "F5", "F21")),
    ByTerm("T14.3.2.1", "Serious TEAEs", SERIOUS, ("F2", "F3", "F21"), events=True, listings=GRAVE),
    ByTerm("T14.3.2.2", "Related Serious TEAEs", RELATED_SERIOUS, ("F2", "F3", "F4", "F21"), listings=GRAVE),
    ByTerm("T14.3.2.4", "TEAEs Leading to Discontinuation of Study Treatment", WITHDRAWN, ("F2", "F3", "F21"), listings=GRAVE),
    ByTerm("T14.3.2.5", "TEAEs with Fatal Outcome", FATAL, ("F2", "F3", "F21"), listings=GRAVE),
)  # fmt: skip


def tabulate_terms(view: View, table: ByTerm) -> Summary:
    """Any event of a kind, then system organ classes with their preferred terms; rows without a subject are not printed."""
    kind = table.kind
    (events,) = choose_kinds(view, [kind])
    show, said = (count_percent_events, "n (%) [events]") if table.events else (count_percent, "n (%)")
    overall = count_rows(view, [Selection(kind.key, f"Subjects with at least one {kind.words}", events)], show=show, block=True)
    rows = join_rows([with_exact_interval(overall) if table.interval else overall, term_rows(view, events, TERMS, show)])
    notes: tuple[str, ...] = ()
    if view.trial.event_tables.fisher and view.compared:
        rows = compare_rows(rows, view, difference=False)
        notes = (_TESTED.format(reference=view.reference),)
    return Summary(*rows, f"System Organ Class\n  Preferred Term, {said}", stub_width=4.2, footnotes=notes)


@family("Adverse events by system organ class and preferred term")
def tables_by_term(trial: Trial) -> Iterator[Declaration]:
    """A table of each kind of events; the registry's related adverse events are one of them."""

    def body_of(table: ByTerm) -> Callable[[View], Summary]:
        return lambda view: tabulate_terms(view, table)

    for table in TABLES:
        yield Declaration(
            table.number, f"{table.title} by System Organ Class and Preferred Term", "SAF", ("ADAE",), table.footnotes,
            body_of(table), where={**EMERGENT, **table.kind.chosen}, needs=table.kind.needs,
            variables={"ADAE": (*BY_TERM, *table.kind.variables)}, methods=table.methods, listings=table.listings,
            meanings=MEANINGS,
        )  # fmt: skip


def _kinds_of_overview(trial: Trial, phase: int) -> list[Kind]:
    escalates = bool(trial.dose_escalation) and trial.phases[phase].reference is None
    return [kind for kind in declared_kinds(trial, OVERVIEW) if escalates or kind is not TOXIC]


def _of_overview(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    read = (name for kind in _kinds_of_overview(trial, phase) for name in kind.variables)
    return {"ADAE": tuple(dict.fromkeys((*BY_TERM, *(name for name in read if name not in _MAY_LACK))))}


def _tell_lacking(kinds: Sequence[Kind]) -> tuple[str, ...]:
    """The note that names the rows of which a study recorded nothing: a row of zeros would say that there were none."""
    told = "; ".join(f"{kind.label} ({', '.join(dict.fromkeys(kind.variables))})" for kind in kinds)
    return (f"Not in the supplied data, and not told: {told}.",) if kinds else ()


@output(
    "T14.3.1.1", "Overall Summary of TEAEs", population="SAF", source=("ADAE",), footnotes=("F1", "F2", "F4", "F5"), where=EMERGENT,
    needs=RELATEDNESS, variables=_of_overview, listings=LISTINGS, meanings=MEANINGS, given={"F5": ("ADAE", "ATOXGR")},
)  # fmt: skip
def teae_overview(view: View) -> Summary:
    """One line per kind of event: subjects, percent, events."""
    kinds, there = _kinds_of_overview(view.trial, view.phase), view.dataset("ADAE").columns
    absent = {name for name in _MAY_LACK if name not in there} | view.unrecorded("ADAE", *_MAY_LACK)
    lacking = [kind for kind in kinds if absent.intersection(kind.variables)]
    told = [kind for kind in kinds if kind not in lacking]
    rows = count_rows(view, select_kinds(view, told), show=count_percent_events)
    notes = (*((_LEAVING,) if LEFT in told else ()), *_tell_lacking(lacking))
    without = ("F5",) if SEVERE in lacking else ()
    return Summary(*rows, "Subjects with at least one, n (%) [events]", stub_width=4.2, footnotes=notes, without=without)
