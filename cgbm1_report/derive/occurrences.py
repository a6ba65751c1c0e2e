"""What every occurrence dataset begins and ends with: its domain with the subject's dates, its period, its shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cgbm1_report.derive.dates import impute_start
from cgbm1_report.derive.domains import add_subject_variables, take_domain
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT
from cgbm1_report.derive.onset import SUBJECT_DATES, add_subject_dates, derive_aendt


def take_occurrences(
    sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, domain: str, text: Iterable[str], numbers: Iterable[str] = ()
) -> pd.DataFrame:
    """The named variables of a domain with its --SEQ and the dates of the subject; no rows where the domain is absent.

    A record whose --OCCUR is N tells of what did not happen and is left out.
    """
    told = take_domain(sdtm, domain, (*text, f"{domain}OCCUR"), (f"{domain}SEQ", *numbers))
    happened = told[told[f"{domain}OCCUR"].ne("N")].drop(columns=f"{domain}OCCUR").reset_index(drop=True)
    return add_subject_dates(happened, adsl)


def take_periods(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, domain: str, text: Iterable[str]) -> pd.DataFrame:
    """`take_occurrences` of what is no event, with `derive_period`."""
    records = take_occurrences(sdtm, adsl, domain, text)
    return records.join(derive_period(records, domain))


def derive_period(records: pd.DataFrame, domain: str) -> pd.DataFrame:
    """ASTDT, ASTDTF, AENDT, AENDTF of what is no event: medications, history, procedures.

    A start of unknown day is the first day it can mean, never the first dose date; an end of unknown
    day the last one, not after death or end of study.
    """
    begin, end = records[f"{domain}STDTC"], records[f"{domain}ENDTC"]
    start = impute_start(begin, end, records["TRTSDT"], at_treatment=False)
    finish = derive_aendt(end, start["date"], records["DTHDT"], records["EOSDT"])
    return pd.DataFrame({"ASTDT": start["date"], "ASTDTF": start["flag"]}).join(finish)


def finish_occurrences(records: pd.DataFrame, adsl: pd.DataFrame, dataset: str, drop: Iterable[str] = ()) -> pd.DataFrame:
    """Sort by subject, date and sequence number, and write the subject variables.

    A missing date is last. Records without a sequence number are ordered by their texts, so that the
    order they came in decides nothing. ``drop`` leaves out variables that were only needed on the way.
    """
    sequence = f"{dataset.removeprefix('AD')}SEQ"
    day = "ASTDT" if "ASTDT" in records else "ADT"
    texts = [name for name in map(str, records.columns) if records[name].dtype == "str" and name != "USUBJID"]
    keys = ["USUBJID", day, sequence]
    undecided = texts if records.duplicated(keys).any() else []
    ordered = records.sort_values([*keys, *undecided], kind="stable", ignore_index=True)
    unwanted = [name for name in (*SUBJECT_DATES, *drop) if name not in OCCURRENCE_SUBJECT]
    return add_subject_variables(ordered.drop(columns=unwanted), adsl, OCCURRENCE_SUBJECT)
