"""16.2 Listings by subject: which records, and their columns as data (`tabulate.records`)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.records import DateItem, Item, list_records
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

_START, _END = "Start\n(study day)", "End\n(study day)"

EVENTS = (
    Item("DEMOGRAPHY", "Age (years)/\nSex", ("AGE", "SEX"), width=0.75, join="/", once=True),
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
    given={"F5": ("ADAE", "ATOXGR")},
    variables={
        "ADAE": ("USUBJID", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ", "TRTEMFL", "ASTDT", "AEENDTC|AENDT"), "ADSL": ("AGE", "SEX"),
    },
)  # fmt: skip
def adverse_event_listing(view: View) -> Listing:
    """Every event, before, on and after treatment: term as reported and coded, dates, grade, relation."""
    events = view.records("ADAE", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ").drop(columns=["AGE", "SEX"], errors="ignore")
    events = events.merge(view.subjects[["USUBJID", "AGE", "SEX"]], on="USUBJID", how="left", validate="many_to_one")
    events["AGE"] = events["AGE"].map(lambda age: round_half_up(age, 0), na_action="ignore").astype("str")
    return list_records(view, events, EVENTS, sort=("ASTDT", "AESEQ"), key=("AESEQ",))


COMPLICATIONS = (
    Item("COMPTERM", "Complication", width=2.4, align="left"),
    DateItem("START", _START, ("CESTDTC", "ASTDT", "ASTDY"), width=1.3),
    DateItem("END", _END, ("CEENDTC", "AENDT", "AENDY"), width=1.1),
    Item("GRADE", "Grade", "CEGRADE", width=0.7),
    Item("CEPREBL", "Present at\nbaseline", width=0.9),
    Item("CEWORSE", "Worsened", width=0.9),
    Item("COUNTED", "Counted", "COMPFL", width=0.9, missing="N"),
)


@output(
    "L16.2.6.9", "Complications", population="SAF", source=("ADCE",), footnotes=("F22", "F23"), total=False,
    where={"CEOCCUR": "Y"},
    variables={"ADCE": ("USUBJID", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR", "ASTDT")},
    needs={"complications": lambda trial: bool(trial.complications)},
)  # fmt: skip
def complication_listing(view: View) -> Listing:
    """Every complication that occurred, at baseline and after, with whether it counts."""
    events = view.records("ADCE", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR")
    events = events[events["CEOCCUR"] == "Y"].replace({"COMPTERM": view.trial.complication_labels})
    notes = ("Pre-specified complications that did not occur are not listed.",)
    return list_records(view, events, COMPLICATIONS, sort=("ASTDT", "CESEQ"), key=("CESEQ",), footnotes=notes)


def _liver_parameters(view: View) -> list[str]:
    """Laboratory outcomes of the registry in this phase that come straight from the laboratory."""
    wanted = {o.paramcd for o in view.trial.outcomes if o.phase == view.phase and o.dataset == "ADLB" and o.baseline_needed}
    groups = ("LIVER", "COAGULATION")
    return [
        code
        for code, parameter in view.trial.parameters.items()
        if code in wanted and parameter.category in groups and not view.trial.is_computed(code)
    ]


def _one_row_a_sample(view: View, records: pd.DataFrame, codes: Sequence[str], flag: pd.Series) -> pd.DataFrame:
    """Samples with a column per parameter, its value as printed, with the ``flag`` of its range."""
    decimals = records["PARAMCD"].map({code: view.parameter(code).dp for code in codes})
    texts = [round_half_up(value, int(dp)) for value, dp in zip(records["AVAL"], decimals, strict=True)]
    records = records.assign(TEXT=(pd.Series(texts, index=records.index, dtype="str") + " " + flag).str.rstrip())
    # A sample is known by all that is printed of it; what has no date or visit is a sample too.
    sample = ["USUBJID", "COLUMN", "ADT", "ADY", "VISITNUM", "VISIT", "POSTLTFL"]
    records = records.assign(POSTLTFL=records["POSTLTFL"].fillna(""), VISIT=records["VISIT"].fillna(""))
    records = records.assign(REPEAT=records.groupby([*sample, "PARAMCD"], dropna=False).cumcount())
    wide = records.set_index([*sample, "REPEAT", "PARAMCD"])["TEXT"].unstack("PARAMCD").reset_index()
    return wide.assign(DAY=wide["ADT"].dt.strftime("%Y-%m-%d"), sample=wide["REPEAT"] + 1)


@output(
    "L16.2.6.4", "Liver Laboratory Outcomes", population="FAS", source=("ADLB",), total=False,
    variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ADT", "ADY", "VISIT", "VISITNUM", "ANRIND", "POSTLTFL")},
    needs={"laboratory outcomes": lambda trial: any(outcome.dataset == "ADLB" for outcome in trial.outcomes)},
)  # fmt: skip
def liver_laboratory_listing(view: View) -> Listing:
    """One row per subject and sample, of several results of a parameter one each; L and H mark values out of range."""
    codes = _liver_parameters(view)
    records = view.records("ADLB", "PARAMCD", "AVAL", "ADT", "VISIT", "ANRIND")
    records = records[records["PARAMCD"].isin(codes) & records["AVAL"].notna()]
    flag = records["ANRIND"].map({"LOW": "L", "HIGH": "H"}).astype("str").fillna("")
    wide = _one_row_a_sample(view, records, codes, flag)
    items = [
        Item("VISIT", "Visit", width=1.75, align="left"),
        DateItem("DATE", "Date (study day)", ("DAY", "ADT", "ADY"), width=1.5),
        *(Item(code, _unit_heading(view, code), align="right") for code in codes),
        Item("POSTLTFL", "After\nLT", width=0.5),
    ]
    notes = {
        "L below, H above the normal range of the sample.": flag.isin(["L", "H"]).any(),
        "After LT: on or after the day of a liver transplantation; tables of change leave these values out.": len(records) > 0,
    }
    told = [note for note, shown in notes.items() if shown]
    key = ("ADT", "VISITNUM", "sample")
    return list_records(view, wide, items, sort=("ADT", "VISITNUM", "REPEAT"), key=key, footnotes=told)


def _unit_heading(view: View, code: str) -> str:
    parameter = view.parameter(code)
    return f"{parameter.name}\n({parameter.unit})" if parameter.unit else parameter.name
