"""16.2 Listings by subject: which records, and what is said of them as data (`cgbm1_report.listed`)."""

from __future__ import annotations

from cgbm1_report.protocol.sections import Parameter
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.records import DateItem, Item, Listed, list_records
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
    """Laboratory outcomes of the registry in this phase that come straight from the laboratory."""
    wanted = {o.paramcd for o in trial.outcomes if o.phase == phase and o.dataset == "ADLB" and o.baseline_needed}
    groups = ("LIVER", "COAGULATION")
    return {
        code: parameter
        for code, parameter in trial.parameters.items()
        if code in wanted and parameter.category in groups and not trial.is_computed(code)
    }


#: How a value out of its normal range is marked.
_OUTSIDE = {"ANRIND": {"LOW": "L", "HIGH": "H"}}


def _liver_samples(trial: Trial, phase: int) -> Listed:
    """A row for each sample, known by all that is printed of it; what has no date or visit is a sample too."""
    results = (
        Item(
            code, f"{one.name}\n({one.unit})" if one.unit else one.name, "AVAL", align="right", dp=one.dp, marks=_OUTSIDE,
            of={"PARAMCD": code},
        )
        for code, one in _liver_parameters(trial, phase).items()
    )  # fmt: skip
    return Listed(
        (
            Item("VISIT", "Visit", width=1.75, align="left"),
            DateItem("DATE", "Date (study day)", ("", "ADT", "ADY"), width=1.5),
            *results,
            Item("POSTLTFL", "After\nLT", width=0.5),
        ),
        sort=("ADT", "VISITNUM", "sample"),
        key=("ADT", "VISITNUM", "sample"),
        sample=("ADT", "ADY", "VISITNUM", "VISIT", "POSTLTFL"),
        repeats=("ASEQ",),
    )


@output(
    "L16.2.6.4", "Liver Laboratory Outcomes", population="FAS", source=("ADLB",), total=False, listed=_liver_samples,
    variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ADT", "ADY", "VISIT", "VISITNUM", "ANRIND", "POSTLTFL")},
    needs={"laboratory outcomes": lambda trial: any(outcome.dataset == "ADLB" for outcome in trial.outcomes)},
)  # fmt: skip
def liver_laboratory_listing(view: View) -> Listing:
    """One row per subject and sample, of several results of a parameter one each; L and H mark values out of range."""
    records = view.records("ADLB", "PARAMCD", "AVAL", "ADT", "VISIT", "ANRIND")
    records = records[records["PARAMCD"].isin(_liver_parameters(view.trial, view.phase)) & records["AVAL"].notna()]
    notes = {
        "L below, H above the normal range of the sample.": records["ANRIND"].isin(["LOW", "HIGH"]).any(),
        "After LT: on or after the day of a liver transplantation; tables of change leave these values out.": len(records) > 0,
    }
    return list_records(view, records, footnotes=[note for note, shown in notes.items() if shown])
