"""Rules about dates: in order, none after death, none after the cut-off, none from nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.iso8601 import name_unread
from cgbm1_report.protocol.schema import has_schema, read_schema
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, record_findings, subject_findings

#: Domains whose dates may be older than the study, and the variable of DM that may; all other dates may not.
OLD_DOMAINS = ("MH", "CM", "PR")
OLD_VARIABLE = "BRTHDTC"
EARLIEST_YEAR = 1900
#: Days by which a consent may come before what follows it: more is another year, mistyped.
CONSENT_DAYS = 365

#: Milestones in the order they must come: name, first and last moment.
MILESTONES = (
    ("consent (RFICDTC)", "RFIC_FIRST", "RFIC_LAST"),
    ("enrolment", "ENRL_FIRST", "ENRL_LAST"),
    ("randomisation", "RAND_FIRST", "RAND_LAST"),
    ("first infusion", "TRTSDTM", "TRTSDTM"),
    ("last infusion", "TRTEDT_FIRST", "TRTEDT_FIRST"),
    ("end of study", "EOS_FIRST", "EOS_LAST"),
)
#: Enrolment and randomisation may come in either order.
_UNORDERED = {("enrolment", "randomisation")}


def _day(moments: pd.Series) -> pd.Series:
    result: pd.Series = moments.dt.strftime("%Y-%m-%d")
    return result


@rule("V02", "E", "dates are ISO 8601", "correct the date")
def unlisted_dates_are_iso8601(source: Source) -> Iterator[pd.DataFrame]:
    """Dates of variables schemas/ does not list; those it lists it checks itself."""
    for name, frame in source.sdtm.items():
        listed = read_schema(name)["columns"] if has_schema(name) else {}
        for variable in [one for one in source.date_variables(name) if "iso8601" not in listed.get(one, {})]:
            text = source.column(name, variable)
            wrong = text.notna() & source.moments(name, variable)["length"].isna()
            yield record_findings(frame, name, wrong, variable, text + " " + name_unread(text.where(wrong)))


@rule("V04", "E", "consent, enrolment, infusions and end of study come in order", "correct the date that is wrong")
def milestones_are_in_order(source: Source) -> Iterator[pd.DataFrame]:
    """Each milestone against every later one, by calendar day, at the precision both have."""
    table = source.subjects
    for position, (earlier, first, _) in enumerate(MILESTONES):
        for later, later_first, last in MILESTONES[position + 1 :]:
            if (earlier, later) in _UNORDERED:
                continue
            wrong = table[last].dt.normalize() < table[first].dt.normalize()
            if not wrong.any():
                continue
            rows = table[wrong]
            message = f"{later} " + _day(rows[later_first]) + f" is before {earlier} " + _day(rows[first])
            yield subject_findings(rows.index.to_series(), "RFICDTC" if position == 0 else "DSSTDTC", message)
    dead = table["DTH_LAST"].dt.normalize() < table["TRTSDT"]
    rows = table[dead]
    yield subject_findings(rows.index.to_series(), "DTHDTC", "death is before the first infusion " + _day(rows["TRTSDT"]))


def _listed_periods(dataset: str) -> set[tuple[str, str]]:
    """Starts and ends that the schema of a dataset holds against each other itself."""
    checks = read_schema(dataset).get("checks") or () if has_schema(dataset) else ()
    return {(check["start"], check["end"]) for check in checks if "start" in check}


@rule("V04", "E", "no end comes before its start", "correct the start or the end")
def unlisted_periods_end_after_they_start(source: Source) -> Iterator[pd.DataFrame]:
    """--STDTC against --ENDTC where schemas/ does not: of DM, and of datasets and variables it does not list."""
    for name, frame in source.sdtm.items():
        for start in [one for one in source.date_variables(name) if one.endswith("STDTC")]:
            end = start.removesuffix("STDTC") + "ENDTC"
            if end in frame and (start, end) not in _listed_periods(name):
                wrong = source.moments(name, end)["last"] < source.moments(name, start)["first"]
                message = source.column(name, end) + f" is before {start} " + source.column(name, start)
                yield record_findings(frame, name, wrong, end, message)


def _may_follow_death(source: Source, dataset: str, variable: str) -> pd.Series:
    """Records that are about the death and may be dated after it."""
    subject = source.column(dataset, "USUBJID")
    none = pd.Series(False, index=subject.index)
    if dataset == "DD" or (dataset, variable) == ("DM", "DTHDTC"):
        return ~none
    if dataset == "DS":
        return source.column("DS", "DSDECOD") == "DEATH"
    if dataset == "SS":
        return source.column("SS", "SSSTRESC") == "DEAD"
    if dataset == "PR":
        return source.column("PR", "PRTRT").str.contains("autopsy", case=False).fillna(False).astype(bool)
    return none


@rule("V05", "E", "nothing happens after death", "correct the date, or the date of death")
def nothing_after_death(source: Source) -> Iterator[pd.DataFrame]:
    """Dates after DTHDTC, by calendar day, at the precision both have."""
    if source.subjects["DTH_LAST"].isna().all():
        return
    for name, frame in source.sdtm.items():
        limit = source.of_subject(name, "DTH_LAST")
        for variable in source.date_variables(name):
            late = source.moments(name, variable)["first"].dt.normalize() > limit.dt.normalize()
            wrong = late & ~_may_follow_death(source, name, variable)
            if wrong.any():
                message = source.column(name, variable) + " is after the death of " + _day(limit)
                yield record_findings(frame, name, wrong, variable, message)


@rule("V32", "E", "nothing is dated after the data cut-off", "correct the date, or take the record out of the cut")
def nothing_after_cutoff(source: Source) -> Iterator[pd.DataFrame]:
    """Dates whose every reading lies after the cut-off."""
    if source.cutoff is None:
        yield subject_findings(
            pd.Series([None], dtype="str"), "", "no data cut-off is known, so dates after it cannot be found", severity="W"
        )
        return
    end = pd.Timestamp(source.cutoff) + pd.Timedelta(days=1)
    for name, frame in source.sdtm.items():
        for variable in source.date_variables(name):
            wrong = source.moments(name, variable)["first"] >= end
            if wrong.any():
                message = source.column(name, variable) + f" is after the cut-off {source.cutoff.isoformat()}"
                yield record_findings(frame, name, wrong, variable, message)


def _early_consents(source: Source) -> pd.Series:
    """Whether each subject's consent is a year or more before the subject's enrolment, first infusion or end."""
    table = source.subjects
    follows = table[["RAND_FIRST", "ENRL_FIRST", "TRTSDTM", "EOS_FIRST"]].min(axis="columns")
    early: pd.Series = table["RFIC_LAST"] < follows - pd.Timedelta(days=CONSENT_DAYS)
    return early


def _earliest_year(dataset: str, variable: str, study: int | None) -> int | None:
    """First year a date may have; in a dataset nobody reports from, whose meaning is unknown, as in history."""
    old = dataset in OLD_DOMAINS or (dataset, variable) == ("DM", OLD_VARIABLE) or not has_schema(dataset)
    return EARLIEST_YEAR if old else study


@rule("V32", "E", "nothing is dated before the study", "correct the year")
def nothing_before_study(source: Source) -> Iterator[pd.DataFrame]:
    """Dates before the year ahead of the first consent; birth, history, medications and procedures before 1900.

    A consent a year or more before what follows it is itself in a wrong year, and is not the first.
    """
    early = _early_consents(source)
    consent = source.subjects["RFIC_FIRST"]
    message = "the consent of " + _day(consent) + f" is more than {CONSENT_DAYS} days before what follows it"
    yield subject_findings(early.index[early].to_series(), "RFICDTC", message, value=_day(consent))
    first = consent[~early].min()
    study = None if pd.isna(first) else int(first.year) - 1
    for name, frame in source.sdtm.items():
        for variable in source.date_variables(name):
            year = _earliest_year(name, variable, study)
            wrong = source.moments(name, variable)["last"].dt.year < (year or EARLIEST_YEAR)
            if (name, variable) == ("DM", "RFICDTC"):
                wrong &= ~source.of_subject("DM", "RFIC_FIRST").isin(consent[early])
            if wrong.any():
                yield record_findings(frame, name, wrong, variable, source.column(name, variable) + f" is before {year}")


#: Dates that are imputed where they are partial (B.6).
IMPUTED = {
    "AE": ("AESTDTC", "AEENDTC"),
    "CE": ("CESTDTC", "CEENDTC"),
    "CM": ("CMSTDTC", "CMENDTC"),
    "MH": ("MHSTDTC",),
    "PR": ("PRSTDTC", "PRENDTC"),
    "DM": ("DTHDTC",),
}


def _list_partial(source: Source, name: str, variable: str, what_follows: str) -> pd.DataFrame:
    """A finding of each date of a variable whose day is not known."""
    length = source.moments(name, variable)["length"]
    known = length.map({4: "the year", 7: "the month"}).astype("str")
    message = "of " + source.column(name, variable) + " only " + known + f" is known; {what_follows}"
    return record_findings(source.sdtm[name], name, known.notna(), variable, message)


@rule("V30", "I", "records with an imputed date are listed", "none; ask the site for the day if it is known")
def imputed_records_are_listed(source: Source) -> Iterator[pd.DataFrame]:
    """Records whose partial date is completed in the derivation."""
    for name, variables in IMPUTED.items():
        for variable in variables if name in source.sdtm else ():
            yield _list_partial(source, name, variable, "the rest is imputed")


@rule("V30", "I", "other partial dates are listed", "none; ask the site for the day if it is known")
def other_partial_dates_are_listed(source: Source) -> Iterator[pd.DataFrame]:
    """Partial dates that stay as they were collected."""
    for name in source.sdtm:
        for variable in [one for one in source.date_variables(name) if one not in IMPUTED.get(name, ())]:
            yield _list_partial(source, name, variable, "it is not imputed")
