"""16.2 Listings by subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import DOSE_GROUP, Listing, output
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.table import Column, round_half_up
from cgbm1_report.tabulate.view import View

MISSING = ""
IMPUTED = "D, M or Y after a study day: day, month or year of the date were imputed."


def _texts(values: pd.Series, dp: int = 0) -> pd.Series:
    """Numbers as text with their decimals; missing stays missing."""
    return values.map(lambda value: round_half_up(value, dp), na_action="ignore").astype("str")


def collected_date(records: pd.DataFrame, collected: str, derived: str, day: str) -> pd.Series:
    """Date as collected (partial dates stay partial) with its study day in brackets.

    Without the collected text the analysis date stands for it. The study day of an imputed date
    carries its imputation flag (D, M, Y), so that nobody takes it for a collected day.
    """
    text = records[collected].str[:10] if collected in records else records[derived].dt.strftime("%Y-%m-%d")
    if day not in records:
        return text
    days = records[day].map("{:.0f}".format, na_action="ignore").astype("str")
    if f"{derived}F" in records:
        days = (days + " " + records[f"{derived}F"].fillna("")).str.rstrip()
    return (text + " (" + days + ")").where(days.notna() & text.notna(), text)


def sort_listing(records: pd.DataFrame, view: View, *variables: str) -> pd.DataFrame:
    """By dose column in its order, subject, then the variables given."""
    order = pd.Categorical(records["COLUMN"], categories=list(view.column_keys), ordered=True)
    return records.assign(_ORDER=order).sort_values(["_ORDER", "USUBJID", *variables], kind="stable").drop(columns="_ORDER")


def subject_blocks(records: pd.DataFrame) -> list[int]:
    """Rows that start a subject."""
    starts = records["USUBJID"].ne(records["USUBJID"].shift())
    return [int(place) for place in starts.to_numpy().nonzero()[0]]


def _who(view: View) -> list[Column]:
    """Subject and, unless treatment is blinded, its group."""
    group = [] if view.pooled else [Column(DOSE_GROUP, "Dose group", width=1.0, align="left")]
    return [Column("SUBJECT", "Subject", width=1.9, align="left"), *group]


def _listing(view: View, records: pd.DataFrame, columns: Sequence[Column], keys: Sequence[Key]) -> Listing:
    shown = records.assign(SUBJECT=records["USUBJID"], **{DOSE_GROUP: records["COLUMN"]})
    names = {column.key for column in columns}
    for name in names - set(shown.columns):
        shown[name] = pd.Series(pd.NA, index=shown.index, dtype="str")
    # The subject stands on every row: a page may start anywhere, and a reader may copy one row.
    return Listing(shown, columns, keys, subject_blocks(shown))


@output(
    "L16.2.7.1", "Adverse Events", population="SAF", source=("ADAE",), footnotes=("F5", "F21", "F22"), total=False,
    given={"F5": ("ADAE", "ATOXGR")},
    variables={
        "ADAE": ("USUBJID", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ", "TRTEMFL", "ASTDT", "AEENDTC|AENDT"), "ADSL": ("AGE", "SEX"),
    },
)  # fmt: skip
def adverse_event_listing(view: View) -> Listing:
    """Every event, before, on and after treatment: term as reported and coded, dates, grade, relation."""
    events = view.records("ADAE", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ")
    events = sort_listing(events, view, "ASTDT", "AESEQ")
    subjects = view.subjects.set_index("USUBJID")
    age_sex = events["USUBJID"].map(_texts(subjects["AGE"]) + "/" + subjects["SEX"].astype("str"))
    grade = "ATOXGR" if "ATOXGR" in events else "AESEV"
    relation = "AREL" if "AREL" in events else "AEREL"
    events = events.assign(
        DEMOGRAPHY=age_sex,
        TERM=events["AEBODSYS"].fillna(MISSING)
        + " / "
        + events["AEDECOD"].fillna(MISSING)
        + " / "
        + events["AETERM"].fillna(MISSING),
        START=collected_date(events, "AESTDTC", "ASTDT", "ASTDY"),
        END=_end_of_event(events),
        GRADE=events[grade].str.capitalize() if grade in events else MISSING,
        SERIOUS=events.get("AESER", MISSING),
        RELATION=events[relation].str.capitalize().fillna("Missing") if relation in events else MISSING,
        OUTCOME=events["AEOUT"].str.capitalize() if "AEOUT" in events else MISSING,
        ACTION=events["AEACN"].str.capitalize() if "AEACN" in events else MISSING,
        EMERGENT=events["TRTEMFL"].fillna("N"),
    )
    columns = [
        *_who(view),
        Column("DEMOGRAPHY", "Age/\nSex", width=0.6),
        Column("TERM", "System organ class / Preferred term / Reported term", width=3.1, align="left"),
        Column("START", "Start\n(study day)", width=1.1, align="left"),
        Column("END", "End\n(study day)", width=1.1, align="left"),
        Column("EMERGENT", "TE", width=0.4),
        Column("GRADE", "Grade" if grade == "ATOXGR" else "Severity", width=0.8),
        Column("SERIOUS", "SAE", width=0.5),
        Column("RELATION", "Relation", width=1.1, align="left"),
        *([Column("ACTION", "Action", width=1.2, align="left")] if "AEACN" in events else []),
        Column("OUTCOME", "Outcome", width=1.7, align="left"),
    ]
    return replace(_listing(view, events, columns, record_keys(events, "USUBJID", "AESEQ")), footnotes=(STUDY_DAY, IMPUTED))


def _end_of_event(events: pd.DataFrame) -> pd.Series:
    end = collected_date(events, "AEENDTC", "AENDT", "AENDY")
    ongoing = events["AEENRTPT"] == "ONGOING" if "AEENRTPT" in events else pd.Series(False, index=events.index)
    return end.mask(end.isna() & ongoing, "Ongoing")


@output(
    "L16.2.6.9", "Complications", population="SAF", source=("ADCE",), footnotes=("F22", "F23"), total=False,
    variables={"ADCE": ("USUBJID", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR", "ASTDT")},
    needs={"complications": lambda trial: bool(trial.complications)},
)  # fmt: skip
def complication_listing(view: View) -> Listing:
    """Every complication that occurred, at baseline and after, with whether it counts."""
    events = view.records("ADCE", "COMPTERM", "CESEQ", "COMPFL", "CEOCCUR")
    events = events[events["CEOCCUR"] == "Y"]
    events = sort_listing(events, view, "ASTDT", "CESEQ")
    events = events.assign(
        START=collected_date(events, "CESTDTC", "ASTDT", "ASTDY"),
        END=collected_date(events, "CEENDTC", "AENDT", "AENDY") if {"CEENDTC", "AENDT"} & set(events) else MISSING,
        COUNTED=events["COMPFL"].fillna("N"),
        GRADE=events.get("CEGRADE", MISSING),
    )
    columns = [
        *_who(view),
        Column("COMPTERM", "Complication", width=2.4, align="left"),
        Column("START", "Start\n(study day)", width=1.3, align="left"),
        Column("END", "End\n(study day)", width=1.1, align="left"),
        Column("GRADE", "Grade", width=0.7),
        Column("CEPREBL", "Present at\nbaseline", width=0.9),
        Column("CEWORSE", "Worsened", width=0.9),
        Column("COUNTED", "Counted", width=0.9),
    ]
    note = "Pre-specified complications that did not occur are not listed."
    return replace(_listing(view, events, columns, record_keys(events, "USUBJID", "CESEQ")), footnotes=(note, STUDY_DAY, IMPUTED))


def _liver_parameters(view: View) -> list[str]:
    """Laboratory outcomes of the registry in this phase that come straight from the laboratory."""
    wanted = {o.paramcd for o in view.trial.outcomes if o.phase == view.phase and o.dataset == "ADLB" and o.baseline_needed}
    groups = ("LIVER", "COAGULATION")
    return [
        code
        for code, parameter in view.trial.parameters.items()
        if code in wanted and parameter.category in groups and not view.trial.is_computed(code)
    ]


@output(
    "L16.2.6.4", "Liver Laboratory Outcomes", population="FAS", source=("ADLB",), total=False,
    variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ADT", "ADY", "VISIT", "VISITNUM", "ANRIND", "POSTLTFL")},
    needs={"laboratory outcomes": lambda trial: any(outcome.dataset == "ADLB" for outcome in trial.outcomes)},
)  # fmt: skip
def liver_laboratory_listing(view: View) -> Listing:
    """One row per subject and sample, one column per parameter; # marks values out of range.

    Samples of one visit and day with several results of a parameter take one row each.
    """
    codes = _liver_parameters(view)
    records = view.records("ADLB", "PARAMCD", "AVAL", "ADT", "VISIT", "ANRIND")
    records = records[records["PARAMCD"].isin(codes) & records["AVAL"].notna()]
    decimals = records["PARAMCD"].map({code: view.parameter(code).dp for code in codes})
    texts = [round_half_up(value, int(dp)) for value, dp in zip(records["AVAL"], decimals, strict=True)]
    flag = records["ANRIND"].map({"LOW": "L", "HIGH": "H"}).astype("str").fillna("")
    records = records.assign(TEXT=(pd.Series(texts, index=records.index, dtype="str") + " " + flag).str.rstrip())
    repeat = records.groupby(["USUBJID", "ADT", "VISITNUM", "PARAMCD"]).cumcount()
    index = ["USUBJID", "COLUMN", "ADT", "ADY", "VISITNUM", "VISIT", "POSTLTFL", "REPEAT"]
    filled = records.assign(
        REPEAT=repeat, POSTLTFL=records["POSTLTFL"].fillna(MISSING), VISIT=records["VISIT"].fillna(MISSING),
        ADY=records["ADY"].fillna(float("inf")), VISITNUM=records["VISITNUM"].fillna(-1.0),
    )  # fmt: skip
    wide = filled.pivot(index=index, columns="PARAMCD", values="TEXT").reset_index()
    wide = sort_listing(wide, view, "ADT", "VISITNUM", "REPEAT")
    known = wide["ADY"] != float("inf")
    wide = wide.assign(
        DATE=wide["ADT"].dt.strftime("%Y-%m-%d")
        + wide["ADY"].where(known).map(" ({:.0f})".format, na_action="ignore").astype("str").fillna("")
    )
    columns = [
        *_who(view),
        Column("VISIT", "Visit", width=1.75, align="left"),
        Column("DATE", "Date (study day)", width=1.5, align="left"),
        *(Column(code, _unit_heading(view, code), width=1.0, align="right") for code in codes),
        Column("POSTLTFL", "After\nLT", width=0.5),
    ]
    keys = record_keys(wide.assign(sample=wide["REPEAT"] + 1), "USUBJID", "ADT", "VISITNUM", "sample")
    notes = (
        "L below, H above the normal range of the sample.",
        "After LT: on or after the day of a liver transplantation; tables of change leave these values out.",
    )
    return replace(_listing(view, wide, columns, keys), footnotes=(*notes, STUDY_DAY))


def _unit_heading(view: View, code: str) -> str:
    parameter = view.parameter(code)
    return f"{parameter.name}\n({parameter.unit})"
