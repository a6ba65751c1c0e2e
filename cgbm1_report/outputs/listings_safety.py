"""16.2.7 Listings of events of special interest, related ones and dose-limiting ones with what was decided on them; of deaths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import pandas as pd

from cgbm1_report.outputs.adverse_events import RELATED, RELATEDNESS, SPECIAL, Kind
from cgbm1_report.outputs.dlt import escalating_phases, read_decisions
from cgbm1_report.outputs.listings import EVENTS, declares_transplants
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.chosen import Chosen, choose, chosen_variables
from cgbm1_report.tabulate.declare import Declaration, Listing, Needs, family, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.records import DateItem, Item, Listed, list_records
from cgbm1_report.tabulate.view import View

_NEEDED = ("AETERM", "AEDECOD", "AEBODSYS", "AESEQ")
_BY_KEY = {item.key: item for item in EVENTS}
#: Which events are of special interest, and how long after an infusion they began.
_SPECIAL = (
    Item("CATEGORY", "Category", "AESICAT", width=1.5, align="left"),
    Item("INFUSION", "Infusion\n(number)", "INFNUM", 0.8, optional=True),
    Item("HOURS", "After it\n(hours)", "HRSINF", 0.8, "right", dp=1, optional=True),
)


class _Kind(NamedTuple):
    """A listing of the events that are chosen, with what is listed of them beside what is of all."""

    number: str
    title: str
    kind: Kind
    footnotes: tuple[str, ...]
    own: tuple[Item, ...]
    needs: Needs


_KINDS = (
    _Kind(
        "L16.2.7.3", "Adverse Events of Special Interest", SPECIAL, ("F5", "F21", "F22"), _SPECIAL,
        {"aesi": lambda trial: bool(trial.aesi)},
    ),
    _Kind("L16.2.7.4", "Related Adverse Events", RELATED, ("F4", "F5", "F21", "F22"), (), RELATEDNESS),
)  # fmt: skip


def _say_categories(own: tuple[Item, ...], trial: Trial) -> tuple[Item, ...]:
    """Columns of a listing of events, the categories in words; an event of several has the words of each."""
    words = {one.code: one.label for one in trial.aesi}
    several = {";".join(codes): ", ".join(words[code] for code in codes) for n in range(1, 5) for codes in combinations(words, n)}
    told = tuple(replace(item, words=several) if item.source == "AESICAT" else item for item in own)
    return (*EVENTS[:2], *told, *EVENTS[2:])


@family("Listings of adverse events of one kind")
def event_listings(trial: Trial) -> Iterator[Declaration]:
    """The events of each kind, before, on and after treatment, with the columns of the listing of all."""

    def body_of(kind: Kind) -> Callable[[View], Listing]:
        return lambda view: list_records(view, choose(view.records("ADAE", *_NEEDED, *kind.variables), kind.chosen))

    for number, title, kind, footnotes, own, needs in _KINDS:
        yield Declaration(
            number, title, "SAF", ("ADAE",), footnotes, body_of(kind), where=kind.chosen, total=False, needs=needs,
            given={"F5": ("ADAE", "ATOXGR")},
            listed=Listed(_say_categories(own, trial), sort=("ASTDT", "AESEQ"), key=("AESEQ",)),
            variables={
                "ADAE": ("USUBJID", *_NEEDED, "TRTEMFL", "ASTDT", "AEENDTC|AENDT", *kind.variables, *(("AESICAT",) if own else ())),
                "ADSL": ("AGE", "SEX"),
            },
        )  # fmt: skip


#: An event that was taken for dose-limiting, by whom, and below the events of a dose group what was decided on it.
_LIMITING = (
    *EVENTS[:2],
    _BY_KEY["START"],
    _BY_KEY["GRADE"],
    _BY_KEY["SERIOUS"],
    replace(_BY_KEY["RELATION"], missing=""),
    Item("INVESTIGATOR", "DLT by\ninvestigator", "AEDLT", 1.0, optional=True),
    Item("CONFIRMED", "DLT by\nSRC", "AEDLTSRC", 0.9, optional=True),
    Item("COUNTED", "Counted", "DLTFL", 0.8),
    _BY_KEY["OUTCOME"],
)
_DECIDED = (
    Item("REVIEW", "SRC review", width=0.9, align="left", sentence=True, optional=True),
    Item("REVDTC", "Date of\nreview", width=1.0, align="left", optional=True),
    Item("DECISION", "SRC decision", width=1.1, align="left", sentence=True, optional=True),
)
_LIMITED = Listed(
    (*_LIMITING, *_DECIDED), ("ASTDT", "AESEQ", "REVDTC"), ("AESEQ", "REVIEW", "REVDTC"),
    also=(Listed(_DECIDED, ("", "", "REVDTC"), ("", "REVIEW", "REVDTC"), dataset="SRC_DECISIONS", groups="COHORT"),),
)  # fmt: skip
#: Events that the committee or the investigator took for dose-limiting, or that the committee has yet to judge.
_DOUBTED: Chosen = {"DLTFL|AEDLT|AEDLTSRC": ("Y", "Y", "PENDING")}


def limiting_listing(view: View) -> Listing:
    """Events taken for dose-limiting, and the decisions of the safety review committee on each dose group."""
    events = choose(view.records("ADAE", *_NEEDED, *chosen_variables(_DOUBTED)), _DOUBTED)
    # What was decided on a dose group tells nothing where nobody is seen in one.
    decisions = pd.DataFrame(columns=["COLUMN"], dtype="str") if view.pooled else read_decisions(view)
    note = derived("Counted", "the event is a dose-limiting toxicity in the tables, which the SRC decides", "DLTFL")
    return list_records(view, events, footnotes=(note,) if len(events) + len(decisions) else (), also=(decisions,))


@family("Listing of dose-limiting toxicities")
def limiting_listings(trial: Trial) -> Iterator[Declaration]:
    """The listing of the escalation: for the phases whose subjects can be evaluated for it."""
    yield Declaration(
        "L16.2.7.2", "Dose-Limiting Toxicities and SRC Decisions", "SAF", ("ADAE",), ("F5", "F21", "F22"), limiting_listing,
        escalating_phases(trial), where=_DOUBTED, total=False, given={"F5": ("ADAE", "ATOXGR")}, methods=("listing",),
        listed=_LIMITED,
        variables={
            "ADAE": ("USUBJID", *_NEEDED, *chosen_variables(_DOUBTED), "ASTDT", "ATOXGR"),
            "ADSL": ("AGE", "SEX"),
        },
        needs={"dose_escalation": lambda trial: trial.dose_escalation is not None},
    )  # fmt: skip


def _deaths(trial: Trial, _: int) -> Listed:
    """What stood before a death and its cause; the transplantation where that is an event of the trial's."""
    transplanted = DateItem("TRANSPLANT", "Liver transplantation\n(study day)", ("", "LTDT", "LTADY"), width=1.3)
    items = (
        EVENTS[0],
        DateItem("FIRST", "First dose", ("", "TRTSDT", ""), width=1.0),
        DateItem("LAST", "Last dose", ("", "TRTEDT", ""), width=1.0),
        *((transplanted,) if declares_transplants(trial) else ()),
        DateItem("DEATH", "Death\n(study day)", ("DTHDTC", "DTHDT", "DTHADY"), width=1.2),
        Item("GROUP1", "Group of causes", "DTHCGR1", 1.7, "left", sentence=True, missing="Not recorded"),
        Item("CAUSE", "Cause as recorded", "DTHCAUS", 2.4, "left", missing="Not recorded"),
    )
    return Listed(items, sort=("DTHDT",), key=("DTHDT",))


_DEAD: Chosen = {"DTHFL": "Y"}


@output(
    "L16.2.7.5", "Deaths", population="SAF", source=("ADSL",), footnotes=("F22",), total=False, where=_DEAD,
    listed=_deaths,
    variables={"ADSL": ("AGE", "SEX", "DTHFL", "DTHDT", "DTHADY", "TRTSDT", "TRTEDT", "DTHCGR1", "DTHCAUS")},
)  # fmt: skip
def death_listing(view: View) -> Listing:
    """Every death of the data cut, with what stood before it and its cause."""
    return list_records(view, choose(view.subjects_with("DTHFL", "DTHDT", "DTHCGR1"), _DEAD))
