"""16.2.4 Who the subjects were and what they came with, by subject: demographics, disease, history, medications, procedures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from cgbm1_report.outputs.disposition import of_disease, unexplained
from cgbm1_report.outputs.history import SINCE_INFUSION
from cgbm1_report.protocol.baseline import Characteristic
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import NO_TERM
from cgbm1_report.tabulate.declare import Declaration, Listing, family, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.records import DateItem, Item, Listed, ReasonItem, list_records
from cgbm1_report.tabulate.table import NO_VALUE
from cgbm1_report.tabulate.view import View

_BASELINE = {1: "SAF", 2: "FAS"}


class Occurrences(NamedTuple):
    """A listing of all records of a dataset of one kind: conditions, medications, procedures."""

    number: str
    title: str
    dataset: str
    items: tuple[Item, ...]
    footnotes: tuple[str, ...]
    required: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def sequence(self) -> str:
        """The number of a record within its subject."""
        return f"{self.dataset.removeprefix('AD')}SEQ"


def _period(domain: str, days: bool = True) -> tuple[Item, Item]:
    """When something began and ended, as collected; of a history of years no study day is told."""
    start, end = ("ASTDY", "AENDY") if days else ("", "")
    ended, head = ("AENDT", "\n(study day)") if days else ("", "")
    return (
        DateItem("START", f"Start{head}", (f"{domain}STDTC", "ASTDT", start), width=1.3),
        DateItem("END", f"End{head}", (f"{domain}ENDTC", ended, end), width=1.3),
    )


LISTINGS = (
    Occurrences(
        "L16.2.4.3", "Medical History", "ADMH",
        (
            Item("MHCAT", "Category", width=1.4, align="left", sentence=True),
            Item("TERM", "System organ class / Preferred term / Reported term", ("MHBODSYS", "MHDECOD", "MHTERM"), 4.0, "left",
                 missing=NO_TERM, join=" / "),
            *_period("MH", days=False),
        ),
        ("F21", "F22"), ("MHTERM", "MHBODSYS", "MHDECOD"),
    ),
    Occurrences(
        "L16.2.4.4", "Prior and Concomitant Medications", "ADCM",
        (
            Item("CMTRT", "Medication as reported", width=2.0, align="left"),
            Item("CMDECOD", "Standardised name", width=2.2, align="left"),
            Item("CMCLASCD", "ATC code", width=0.8, missing=NO_TERM),
            Item("CMSCAT", "Conventional treatment", width=1.6, align="left", sentence=True, optional=True),
            *_period("CM"),
            Item("PREFL", "Prior", width=0.6),
            Item("CONFL", "Concomitant", width=1.0),
        ),
        ("F22", "F25"), ("CMTRT", "CMDECOD", "PREFL", "CONFL"),
    ),
    Occurrences(
        "L16.2.4.5", "Procedures", "ADPR",
        (
            Item("PRDECOD", "Procedure", width=2.2, align="left", sentence=True),
            Item("PRTRT", "Procedure as reported", width=2.2, align="left", optional=True),
            Item("PRINDC", "Indication", width=1.8, align="left", optional=True),
            *_period("PR"),
            Item("PREFL", "Before\ntreatment", width=0.9),
            Item("ONTRTFL", "On\ntreatment", width=0.9),
        ),
        ("F22",), ("PRDECOD", "ONTRTFL"),
        (derived("On treatment", SINCE_INFUSION, "ONTRTFL"),),
    ),
)  # fmt: skip


@family("Listings of history, medications and procedures")
def occurrence_listings(trial: Trial) -> Iterator[Declaration]:
    """One listing of each dataset: every record, before and on treatment."""

    def body_of(listing: Occurrences) -> Callable[[View], Listing]:
        return lambda view: list_occurrences(view, listing)

    for one in LISTINGS:
        yield Declaration(
            one.number, one.title, "SAF", (one.dataset,), one.footnotes, body_of(one), total=False,
            variables={one.dataset: ("USUBJID", one.sequence, "ASTDT", *one.required)},
            listed=Listed(one.items, sort=("ASTDT", one.sequence), key=(one.sequence,)),
        )  # fmt: skip


def list_occurrences(view: View, listing: Occurrences) -> Listing:
    """All records of the subjects, by start and number."""
    records = view.records(listing.dataset, listing.sequence, *listing.required)
    notes = listing.notes if len(records) else ()
    return list_records(view, records, footnotes=notes, dataset=listing.dataset)


#: What a letter takes of a page, and the widest value that stands on one line whatever it takes.
_LETTER, _ON_ONE_LINE = 0.11, 1.3


def _width(text: str, least: float) -> float:
    """What the longest word of a head takes of a page, so that none is broken."""
    return max(least, _LETTER * max(len(word) for word in text.split()))


def _as_item(trial: Trial, line: Characteristic) -> Item:
    """What trial.yaml declares of subjects in a line of a table, as a column of a listing: the values that are counted there."""
    if line.of is not None:
        parameter = trial.parameter(line.of)
        head = f"{parameter.name} ({parameter.unit})" if parameter.unit else parameter.name
        return Item(line.variable, head, width=_width(head, 1.0), dp=parameter.dp)
    label, words = line.label or "", line.categories or {}
    width = max([_width(label, 0.6), *(_width(text, min(_LETTER * len(text), _ON_ONE_LINE)) for text in words.values())])
    return Item(line.variable, label, width=width, dp=line.dp, words=line.categories)


def _lines(trial: Trial, lines: Sequence[Characteristic]) -> list[Characteristic]:
    """Those that are no group of a number, which stands beside it."""
    return [line for line in lines if line.variable not in trial.groups]


def _demographics(trial: Trial, _: int) -> Listed:
    consent = DateItem("RFICDT", "Informed consent", ("", "RFICDT", ""), width=1.2)
    return Listed((consent, *(_as_item(trial, line) for line in _lines(trial, trial.demographics))))


@output(
    "L16.2.4.1", "Demographics", population=_BASELINE, source=("ADSL",), footnotes=(), total=False, listed=_demographics,
    needs={"demographics": lambda trial: bool(trial.demographics)},
    variables=lambda trial, phase: {"ADSL": tuple(item.variable for item in trial.demographics)},
)  # fmt: skip
def demographic_listing(view: View) -> Listing:
    """Age, sex, race, height, weight of each subject: what trial.yaml lists, in its order."""
    return list_records(view, view.subjects, dataset="ADSL")


#: How many measured values stand in one column: with fewer a page has no room for whole words.
_TOGETHER = 3


def _measured(trial: Trial, lines: Sequence[Characteristic]) -> Iterator[Item]:
    """Measured values several in a column, one over the other in its head: a page holds all of them side by side."""
    measured = [_as_item(trial, line) for line in lines if line.categories is None]
    for at in range(0, len(measured), _TOGETHER):
        several = measured[at : at + _TOGETHER]
        names = tuple(item.key for item in several)
        decimals = {item.key: item.dp for item in several if isinstance(item.dp, int)}
        head = " /\n".join(str(item.label) for item in several)
        yield Item("_".join(names), head, names, _width(head, 1.3), dp=decimals, missing=NO_VALUE, join="/")


def _disease(trial: Trial, _: int) -> Listed:
    lines = _lines(trial, trial.baseline_disease)
    coded = (_as_item(trial, line) for line in lines if line.categories is not None)
    present = {trial.complication_labels[one.term]: {one.baseline_flag: "Y"} for one in trial.complications}
    complications = ReasonItem("COMPLICATIONS", "Complications present", width=1.8, align="left", join="; ", reasons=present)
    return Listed((*coded, *_measured(trial, lines), *([complications] if present else ())))


@output(
    "L16.2.4.2", "Baseline Disease Characteristics", population=_BASELINE, source=("ADSL",), footnotes=("F12", "F16", "F17"),
    total=False, needs={"baseline_disease": lambda trial: bool(trial.baseline_disease)}, variables=of_disease, listed=_disease,
)  # fmt: skip
def disease_listing(view: View) -> Listing:
    """The disease of each subject: what trial.yaml lists, in its order, then the complications that were present."""
    return replace(list_records(view, view.subjects), without=unexplained(view.trial.baseline_disease))
