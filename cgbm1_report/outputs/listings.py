"""16.2 Listings by subject: which records, and what is said of them as data (`cgbm1_report.listed`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import pandas as pd

from cgbm1_report.protocol.sections import Parameter
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.chosen import Chosen, choose, chosen_variables
from cgbm1_report.tabulate.declare import Listing, Needs, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.records import DateItem, Item, Listed, list_records
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

_START, _END = "Start\n(study day)", "End\n(study day)"

EVENTS = (
    Item("DEMOGRAPHY", "Age (years)/\nSex", ("AGE", "SEX"), width=0.75, join="/", dp=0, once=True),
    Item("TERM", "System organ class / Preferred term / Reported term", ("AEBODSYS", "AEDECOD", "AETERM"), 3.1, "left", join=" / "),
    DateItem("START", _START, ("AESTDTC", "ASTDT", "ASTDY"), width=1.1),
    DateItem("END", _END, ("AEENDTC", "AENDT", "AENDY"), width=1.1),
    Item("EMERGENT", "TE", "TRTEMFL", width=0.4, missing="N"),
    Item("GRADE", {"ATOXGR": "Grade", "AESEV": "Severity"}, ("ATOXGR", "AESEV"), width=0.8, sentence=True),
    Item("SERIOUS", "SAE", "AESER", width=0.5),
    Item("RELATION", "Relation", ("AREL", "AEREL"), 1.1, "left", sentence=True, missing="Missing"),
    Item("ACTION", "Action", "AEACN", 1.2, "left", sentence=True, optional=True),
    Item("OUTCOME", "Outcome", "AEOUT", 1.7, "left", sentence=True),
)


@output(
    "L16.2.7.1", "Adverse Events", population="SAF", source=("ADAE",), footnotes=("F5", "F21", "F22"), total=False,
    given={"F5": ("ADAE", "ATOXGR")}, listed=Listed(EVENTS, sort=("ASTDT", "AESEQ"), key=("AESEQ",)),
    variables={
        "ADAE": ("USUBJID", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ", "TRTEMFL", "ASTDT", "AEENDTC|AENDT"), "ADSL": ("AGE", "SEX"),
    },
)  # fmt: skip
def adverse_event_listing(view: View) -> Listing:
    """Every event, before, on and after treatment: term as reported and coded, dates, grade, relation."""
    return list_records(view, view.records("ADAE", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ"))


def _complications(trial: Trial, _: int) -> Listed:
    return Listed(
        (
            Item("COMPTERM", "Complication", width=2.4, align="left", words=trial.complication_labels),
            DateItem("START", _START, ("CESTDTC", "ASTDT", "ASTDY"), width=1.3),
            DateItem("END", _END, ("CEENDTC", "AENDT", "AENDY"), width=1.1),
            Item("GRADE", "Grade", "CEGRADE", width=0.7),
            Item("CEPREBL", "Present at\nbaseline", width=0.9),
            Item("CEWORSE", "Worsened", width=0.9),
            Item("COUNTED", "Counted", "COMPFL", width=0.9, missing="N"),
        ),
        sort=("ASTDT", "CESEQ"),
        key=("CESEQ",),
    )


@output(
    "L16.2.6.9", "Complications", population="SAF", source=("ADCE",), footnotes=("F22", "F23"), total=False,
    where={"CEOCCUR": "Y"}, listed=_complications,
    variables={"ADCE": ("USUBJID", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR", "ASTDT")},
    needs={"complications": lambda trial: bool(trial.complications)},
)  # fmt: skip
def complication_listing(view: View) -> Listing:
    """Every complication that occurred, at baseline and after, with whether it counts."""
    events = view.records("ADCE", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR")
    notes = ("Pre-specified complications that did not occur are not listed.",)
    return list_records(view, events[events["CEOCCUR"] == "Y"], footnotes=notes)


def _liver_parameters(trial: Trial, phase: int) -> dict[str, Parameter]:
    """Liver tests, and outcomes of the registry in this phase, that come straight from the laboratory."""
    wanted = {o.paramcd for o in trial.outcomes if o.phase == phase and o.dataset == "ADLB" and o.baseline_needed}
    groups = ("COAGULATION",)
    return {
        code: parameter
        for code, parameter in trial.parameters.items()
        if parameter.category == "LIVER" or (code in wanted and parameter.category in groups)
        if not trial.is_computed(code)
    }


#: How a value out of its normal range is marked, and what the marks mean.
OUTSIDE = {"ANRIND": {"LOW": "L", "HIGH": "H"}}
OUTSIDE_NOTE = "L below, H above the normal range of the sample."
AFTER_NOTE = derived(
    "After LT", "on or after the day of a liver transplantation; tables of change leave these values out", "POSTLTFL"
)
#: Notes on a page, each with what is printed of a result that it explains, as a pattern.
Notes = Mapping[str, str]
OUTSIDE_SIGN = r" [LH](?: |$)"
#: What results of one sample have in common: all that is printed of it. What has no date or visit is a sample too.
OF_SAMPLE = ("ADT", "ADY", "VISITNUM", "VISIT")
_AFTER = "POSTLTFL"


def result_items(trial: Trial, codes: Iterable[str], marks: Mapping[str, Mapping[str, str]]) -> Iterator[Item]:
    """A column for each parameter: its value with its marks, its unit in the head."""
    for code, one in ((code, trial.parameter(code)) for code in codes):
        head = f"{one.name}\n({one.unit})" if one.unit else one.name
        yield Item(code, head, "AVAL", align="right", dp=one.dp, marks=marks, of={"PARAMCD": code})


def declares_transplants(trial: Trial) -> bool:
    """Whether a transplantation is an event of the trial's."""
    return any(event.upper() == "LIVER TRANSPLANT" for one in trial.parameters.values() for event in one.events)


def sample_of(trial: Trial, *own: str) -> tuple[str, ...]:
    """What a sample is known by; whether it is after a transplantation, where one is an end of the trial's."""
    return (*OF_SAMPLE, *((_AFTER,) if declares_transplants(trial) else ()), *own)


def list_samples(results: Iterable[Item], sample: tuple[str, ...], *own: Item) -> Listed:
    """A row for each sample: visit and date, what is its ``own`` beside, results, whether it is after a transplantation."""
    order = ("ADT", "VISITNUM", *(name for name in sample if name == "ATPTN"), "sample")
    visit = (
        Item("VISIT", "Visit", width=1.75, align="left", sentence=True),
        DateItem("DATE", "Date (study day)", ("", "ADT", "ADY"), width=1.6),
    )
    after = (Item(_AFTER, "After\nLT", width=0.5),) if _AFTER in sample else ()
    return Listed((*visit, *own, *results, *after), sort=order, key=order, sample=sample, repeats=("ASEQ",))


def _liver_samples(trial: Trial, phase: int) -> Listed:
    return list_samples(result_items(trial, _liver_parameters(trial, phase), MARKS), sample_of(trial))


def codes_of(trial: Trial, *categories: str) -> tuple[str, ...]:
    """Laboratory parameters of these categories that the laboratory reports in numbers, in the order of the protocol."""
    return tuple(
        code for code, one in trial.parameters.items()
        if one.dataset == "ADLB" and one.category in categories and not trial.is_computed(code)
    )  # fmt: skip


def declares(codes: tuple[str, ...], of: str = "") -> Needs:
    """That a trial declares these parameters; ``of`` says by which of their keys it has none."""
    name = f"parameter {codes[0]}" if len(codes) == 1 else f"complete set of parameters {', '.join(codes)}"
    return {name if codes else f"parameters with {of}": lambda trial: bool(codes) and set(codes) <= trial.parameters.keys()}


#: Which of the results that are chosen are listed.
Keep = Callable[[pd.DataFrame], pd.DataFrame]


def list_results(
    view: View, dataset: str, chosen: Chosen, variables: tuple[str, ...], notes: Notes, keep: Keep | None = None
) -> Listing:
    """Results of samples, with the notes that explain a value there is."""
    names = dict.fromkeys((*chosen_variables(chosen), "ADT", "VISIT", *variables))
    records = choose(view.records(dataset, *names), chosen)
    records = keep(records) if keep else records
    after = (AFTER_NOTE,) if len(records) and _AFTER in sample_of(view.trial) else ()
    made = list_records(view, records, footnotes=after)
    results = [item.key for item in (view.listed.items if view.listed else ()) if item.of]
    told = (note for note, sign in notes.items() if any(made.records[name].str.contains(sign).any() for name in results))
    return replace(made, footnotes=(*told, *made.footnotes))


MARKS = {**OUTSIDE, "ATOXGR": {grade: grade for grade in "1234"}}
_GRADE_NOTE = "A number from 1 to 4 behind a value: its CTCAE grade, where it has one."
_NOTES: Notes = {OUTSIDE_NOTE: OUTSIDE_SIGN, _GRADE_NOTE: " [1-4]$"}


def _tell_ranges(view: View, codes: tuple[str, ...]) -> tuple[str, ...]:
    """The normal ranges of the results that are listed, of several of a parameter each."""
    limits = [name for name in ("ANRLO", "ANRHI") if name in view.dataset("ADLB")]
    records = view.records("ADLB", "PARAMCD", *limits, only=True).reindex(columns=["PARAMCD", "ANRLO", "ANRHI"])
    records = records.dropna(subset=["ANRLO", "ANRHI"], how="all")
    told = []
    for code, one in ((code, view.parameter(code)) for code in codes):
        own = records.loc[records["PARAMCD"] == code, ["ANRLO", "ANRHI"]].drop_duplicates().sort_values(["ANRLO", "ANRHI"])
        ranges = [_tell_range(low, high, one.dp) for low, high in own.itertuples(index=False)]
        told += [f"{one.name} {' or '.join(ranges)}"] if ranges else []
    return (f"Normal ranges, in the units above: {'; '.join(told)}.",) if told else ()


def _tell_range(low: float, high: float, dp: int) -> str:
    if pd.isna(low) or pd.isna(high):
        return f"≤{round_half_up(high, dp)}" if pd.isna(low) else f"≥{round_half_up(low, dp)}"
    return f"{round_half_up(low, dp)}–{round_half_up(high, dp)}"


def list_laboratory(view: View, codes: tuple[str, ...], *notes: str, keep: Keep | None = None) -> Listing:
    """Results of these parameters with their normal ranges, and what marks them explained."""
    made = list_results(view, "ADLB", {"PARAMCD": codes}, ("AVAL", "ANRIND"), _NOTES, keep)
    if not len(made.records):
        return made
    ungraded = () if _GRADE_NOTE in made.footnotes else ("F5", "F19")
    return replace(made, footnotes=(*_tell_ranges(view, codes), *made.footnotes, *notes), without=(*made.without, *ungraded))


@output(
    "L16.2.6.4", "Liver Laboratory Outcomes", population="FAS", source=("ADLB",), total=False, listed=_liver_samples,
    footnotes=("F5", "F19"), given={"F5": ("ADLB", "ATOXGR"), "F19": ("ADLB", "ATOXGR")},
    variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ADT", "ADY", "VISIT", "VISITNUM", "ANRIND", "POSTLTFL")},
    needs={"outcomes with dataset: ADLB": lambda trial: any(outcome.dataset == "ADLB" for outcome in trial.outcomes)},
)  # fmt: skip
def liver_laboratory_listing(view: View) -> Listing:
    """One row per subject and sample, of several results of a parameter one each, marked with range and grade."""
    return list_laboratory(view, tuple(_liver_parameters(view.trial, view.phase)))
