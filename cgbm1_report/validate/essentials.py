"""What the code relies on in any study's ADaM: kinds, keys, flags, the terms outputs count by, arms."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.schema import has_schema, read_schema, schema_types
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.remedies import REMEDY
from cgbm1_report.validate.schemas import (
    CHECK_RULES,
    DATASET_RULES,
    frame_finding,
    key_findings,
    trial_terms,
    type_findings,
)
from cgbm1_report.validate.source import as_text, number_text, record_findings

#: Variables outputs select records by, whose terms are the schema's: another word is counted nowhere.
SELECTED = {
    "ADSL": ("EOSSTT", "EOTSTT"),
    "ADAE": ("AESER", "AESDTH", "AEOUT", "AEACN", "RELGR1"),
    "ADCE": ("CEOCCUR",),
    "ADTTE": ("CNSR",),
}
#: Amounts of which nobody can have less than nothing.
AMOUNTS = ("HEIGHTBL", "WEIGHTBL", "BMIBL", "NINF", "CUMDOSE", "TRTDURD", "ADURN")
#: Starts and the ends that are not before them, in any dataset; and the check that asks it of a dataset known whole.
PERIODS = (("ASTDT", "AENDT"), ("TRTSDT", "TRTEDT"), ("STARTDT", "ADT"))
_PERIOD = "ends_on_or_after"
#: Variables that name a treatment: of a subject, and of records.
_TREATMENTS = {"ADSL": ("TRT01P", "TRT01A"), "records": ("TRTP", "TRTA")}
#: What an age is told in where its range is that of the schema.
YEARS = "YEARS"


def _flags(frame: pd.DataFrame, name: str, trial: Trial) -> list[str]:
    """Flags of the schema, and those of the trial's own populations and analyses."""
    known = set(schema_types(name)) | {population.flag for population in trial.populations}
    return [str(variable) for variable in frame.columns if str(variable).endswith("FL") and variable in known]


def _reported(frame: pd.DataFrame, name: str, trial: Trial) -> pd.Series:
    """Records outputs are made of: those of the trial's parameters, where the dataset has parameters."""
    if "PARAMCD" not in frame or "PARAMCD" not in schema_types(name):
        return pd.Series(True, index=frame.index)
    return frame["PARAMCD"].isin(trial_terms(trial, f"parameters {name}"))


def _visits(frame: pd.DataFrame, name: str) -> tuple[str, ...]:
    """Visits are a part of the key where the other study has records of visits in a dataset that has none here."""
    return ("AVISITN",) if "AVISITN" in frame and "AVISITN" not in schema_types(name) else ()


def _unknown_terms(frame: pd.DataFrame, name: str, trial: Trial) -> Iterator[pd.DataFrame]:
    """Values outside the terms that outputs look for."""
    reported = _reported(frame, name, trial)
    for variable in [one for one in SELECTED.get(name, ()) if one in frame]:
        column = read_schema(name)["columns"][variable]
        terms = list(column.get("isin") or trial_terms(trial, column["in_trial"]))
        # A flag that is Y or missing here may be Y or N elsewhere.
        terms += ["N"] if terms == ["Y"] else []
        # A list of the trial that is empty limits nothing.
        wrong = reported & bool(terms) & frame[variable].notna() & ~frame[variable].isin(terms)
        message = (
            as_text(frame[variable])
            + " is none of "
            + ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in terms)
        )
        yield record_findings(frame, name, wrong, variable, message, severity="E")


def _unknown_events(frame: pd.DataFrame, name: str, trial: Trial) -> Iterator[pd.DataFrame]:
    """Events (CNSR = 0) that trial.yaml does not name for their parameter; what EVNTDESC says of a censoring is the study's own."""
    if name != "ADTTE" or not {"PARAMCD", "EVNTDESC"} <= set(frame):
        return
    told = frame["EVNTDESC"]
    counted = told.notna() & (frame["CNSR"].eq(0) if "CNSR" in frame else True)
    for code, one in trial.parameters.items():
        wrong = counted & (frame["PARAMCD"] == code) & bool(one.events) & ~told.isin(list(one.events))
        message = f"{code}: " + as_text(told) + " is none of " + ", ".join(one.events)
        found = record_findings(frame, name, wrong, "EVNTDESC", message, severity="E")
        yield found.assign(remedy=f"spell the event as trial.yaml does, or name it there: parameters.{code}.events")


def take_reported(frames: dict[str, pd.DataFrame], trial: Trial) -> dict[str, pd.DataFrame]:
    """Of each dataset with a schema the records outputs are made of: what else another study analyses is its own."""
    return {name: frame[_reported(frame, name, trial)].reset_index(drop=True) for name, frame in frames.items() if has_schema(name)}


def _impossible_amounts(frame: pd.DataFrame, name: str, unread: set[str]) -> Iterator[pd.DataFrame]:
    """Amounts below 0, and ages in years outside the range of the schema."""
    for variable in [one for one in AMOUNTS if one in frame and one not in unread]:
        if pd.api.types.is_numeric_dtype(frame[variable]):
            message = number_text(frame[variable].astype("float64")) + " is below 0"
            yield record_findings(frame, name, frame[variable] < 0, variable, message, severity="E")
    limits = read_schema(name)["columns"].get("AGE", {}).get("in_range")
    if limits and "AGE" in frame and "AGE" not in unread:
        low, high = limits["min_value"], limits["max_value"]
        years = frame["AGEU"].fillna(YEARS).eq(YEARS) if "AGEU" in frame else pd.Series(True, index=frame.index)
        wrong = frame["AGE"].notna() & years & ~frame["AGE"].between(low, high)
        yield record_findings(frame, name, wrong, "AGE", f"is outside {low:g} to {high:g}", severity="E")


def _reversed_periods(frame: pd.DataFrame, name: str) -> Iterator[pd.DataFrame]:
    """Ends before their starts, whichever of them the dataset has here."""
    for start, end in PERIODS:
        dated = [one for one in (start, end) if one in frame and pd.api.types.is_datetime64_any_dtype(frame[one])]
        if len(dated) == 2:
            wrong = frame[end] < frame[start]
            message = as_text(frame[end]) + f" is before {start} " + as_text(frame[start])
            found = record_findings(frame, name, wrong, end, message, severity="E")
            rule = DATASET_RULES.get((name, _PERIOD), CHECK_RULES[_PERIOD])
            yield found.assign(rule=rule, remedy="correct the start or the end")


def _unknown_arms(frame: pd.DataFrame, trial: Trial) -> Iterator[pd.DataFrame]:
    """Treatments that no column stands for, each once: all records of a subject have it."""
    columns = trial_terms(trial, "columns")
    for variable in _TREATMENTS["ADSL"]:
        counted = frame[variable].value_counts() if variable in frame else pd.Series(dtype="int64")
        for treatment, count in counted[~counted.index.isin(columns)].items():
            message = f"'{treatment}' of {number_of(count, 'subject')} is the column of no arm of trial.yaml ({', '.join(columns)})"
            message += ": it is left empty where there was no treatment, of screen failures too"
            remedy = f"leave {variable} empty where there was no treatment, or name it as the column of an arm in trial.yaml"
            yield frame_finding("ADSL", variable, message).assign(value=str(treatment), remedy=remedy)


def _unknown_arms_of_records(frame: pd.DataFrame, name: str, trial: Trial) -> Iterator[pd.DataFrame]:
    """The same of treatments that records carry: what outputs read stands in ADSL, and this is to be corrected with it."""
    columns = trial_terms(trial, "columns")
    for variable in _TREATMENTS["records"]:
        counted = frame[variable].value_counts() if variable in frame else pd.Series(dtype="int64")
        for treatment, count in counted[~counted.index.isin(columns)].items():
            message = f"'{treatment}' of {number_of(count, 'record')} is the column of no arm of trial.yaml ({', '.join(columns)})"
            remedy = f"correct {variable} together with ADSL, or name it as the column of an arm in trial.yaml"
            yield frame_finding(name, variable, message, severity="W").assign(value=str(treatment), remedy=remedy)


def check_essentials(frame: pd.DataFrame, name: str, trial: Trial) -> Iterator[pd.DataFrame]:
    """Another study's dataset: kinds, keys, flags, terms, arms, amounts and periods of the variables it has."""
    found, unread = type_findings(frame, name)
    yield from found
    yield from key_findings(frame, name, *_visits(frame, name))
    reported = frame[_reported(frame, name, trial)]
    yield from _reversed_periods(reported, name)
    for flag in _flags(frame, name, trial):
        wrong = frame[flag].notna() & ~frame[flag].isin(["Y", "N"])
        yield record_findings(frame, name, wrong, flag, "a flag is Y, N or missing", severity="E").assign(
            rule="V02", remedy="correct the flag to Y or N, or leave it empty"
        )
    for part in (*_unknown_terms(frame, name, trial), *_impossible_amounts(frame, name, unread)):
        yield part.assign(rule="V02", remedy=REMEDY)
    yield from (part.assign(rule="V02") for part in _unknown_events(frame, name, trial))
    yield from _unknown_arms(frame, trial) if name == "ADSL" else _unknown_arms_of_records(reported, name, trial)
