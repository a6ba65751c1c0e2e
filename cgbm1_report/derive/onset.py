"""When an event began, and whether that was after the first infusion: one rule for adverse and clinical events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from cgbm1_report.collected.infusions import number_infusions
from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_ady, derive_days, earliest, impute_end, impute_start, parse_dtc
from cgbm1_report.derive.domains import add_subject_variables, take_domain
from cgbm1_report.protocol.trial import Trial

#: Dates of the subject that derivations of occurrences look at.
SUBJECT_DATES: Final = ("PHASE", "TRTSDT", "TRTSDTM", "ANCHDT", "DTHDT", "EOSDT")


def derive_astdt(start: pd.Series, end: pd.Series, trtsdt: pd.Series, before: pd.Series, trial: Trial) -> pd.DataFrame:
    """ASTDT, ASTDTM, ASTDTF, ASTTMF: analysis start of an event.

    ``before`` is True where the form says that the event began before the first infusion; a start
    that is missing altogether then stays missing. A time is never imputed, so ASTTMF is missing. The
    switch ``impute_start_month`` says whether a year alone is completed where it lies wholly before
    the first dose.
    """
    imputed = impute_start(start, end, trtsdt, before, month=trial.switches.impute_start_month)
    return pd.DataFrame(
        {
            "ASTDT": imputed["date"],
            "ASTDTM": parse_dtc(start)["datetime"],
            "ASTDTF": imputed["flag"],
            "ASTTMF": pd.Series(index=start.index, dtype="str"),
        }
    )


def derive_aendt(end: pd.Series, astdt: pd.Series, dthdt: pd.Series, eosdt: pd.Series) -> pd.DataFrame:
    """AENDT, AENDTF: analysis end of an event, not after death or end of study where it is imputed."""
    imputed = impute_end(end, earliest(dthdt, eosdt), astdt)
    return pd.DataFrame({"AENDT": imputed["date"], "AENDTF": imputed["flag"]})


def derive_relative_days(records: pd.DataFrame) -> pd.DataFrame:
    """ASTDY and, where there is an AENDT, AENDY: days from the first dose, never 0."""
    days = {"ASTDY": derive_ady(records["ASTDT"], records["TRTSDT"])}
    if "AENDT" in records:
        days["AENDY"] = derive_ady(records["AENDT"], records["TRTSDT"])
    return pd.DataFrame(days)


def is_after_first_infusion(records: pd.DataFrame, before: pd.Series) -> pd.Series:
    """True where an event began at or after the start of the first infusion.

    On the day of the first infusion the times decide, compared to the minute, which is the precision
    of both forms. Where one of them is missing, and where the day was imputed, the event counts unless
    the form says it began before (``before``). A form that says so of a month that lies wholly after
    the first dose is not believed. False for a subject never dosed.

    Parameters
    ----------
    records
        ``ASTDT, ASTDTM, ASTDTF, TRTSDT, TRTSDTM``.
    before
        True where the form says "started before the first infusion".
    """
    day = derive_days(records["ASTDT"], records["TRTSDT"])
    moment, infusion = records["ASTDTM"].dt.floor("min"), records["TRTSDTM"].dt.floor("min")
    timed = moment.notna() & infusion.notna()
    on_the_day = (moment >= infusion).where(timed, ~before)
    after: pd.Series = (day > 0) | ((day == 0) & on_the_day)
    return after


def read_infusions(sdtm: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Start of every infusion whose day is known: USUBJID, INFNUM, DATE, MOMENT (missing without a time)."""
    ex = take_domain(sdtm, "EX", ("EXSTDTC", "EXTPT"), ("EXSEQ",))
    start = parse_dtc(ex["EXSTDTC"])
    numbered = number_infusions(ex.assign(ADT=start["date"], ADTM=start["datetime"])).rename(
        columns={"ADT": "DATE", "ADTM": "MOMENT"}
    )
    return numbered.loc[numbered["DATE"].notna(), ["USUBJID", "INFNUM", "DATE", "MOMENT"]]


def derive_infusion_before(events: pd.DataFrame, infusions: pd.DataFrame, before: pd.Series) -> pd.DataFrame:
    """LDOSEDTM, INFNUM, HRSINF of each event, and whether it began on the date of an infusion without a time.

    The infusion is the last one that started at or before the onset. An onset without time on the
    date of an infusion is taken to follow it, unless the form says it began before the first one.
    Nothing is said about an event whose day of onset is not known.

    Parameters
    ----------
    events
        ``USUBJID, ASTDT, ASTDTM, ASTDTF``, unique index.
    infusions
        ``USUBJID, INFNUM, DATE, MOMENT`` (start, missing without time).

    Returns
    -------
    DataFrame
        ``LDOSEDTM``, ``INFNUM``, ``HRSINF`` (hours, missing without a time of onset) and the boolean
        ``SAMEDATE``; one row per event.
    """
    known = events["ASTDT"].notna() & events["ASTDTF"].isna()
    pairs = events.loc[known, ["USUBJID", "ASTDT", "ASTDTM"]].reset_index(names="event").merge(infusions, on="USUBJID")
    pairs["before"] = look_up(pairs["event"], before)
    onset, started = pairs["ASTDTM"].dt.floor("min"), pairs["MOMENT"].dt.floor("min")
    timed = onset.notna() & started.notna()
    same_date = (pairs["ASTDT"] == pairs["DATE"]) & ~pairs["before"]
    preceding = (started <= onset).where(timed, (pairs["DATE"] < pairs["ASTDT"]) | same_date)
    pairs["SAMEDATE"] = same_date & ~timed
    last = pairs[preceding].sort_values(["DATE", "MOMENT", "INFNUM"]).drop_duplicates("event", keep="last").set_index("event")
    hours = (last["ASTDTM"] - last["MOMENT"]).dt.total_seconds() / 3600
    found = pd.DataFrame({"LDOSEDTM": last["MOMENT"], "INFNUM": last["INFNUM"], "HRSINF": hours.clip(lower=0)})
    found = found.reindex(events.index).astype({"LDOSEDTM": DATE, "INFNUM": "float64", "HRSINF": "float64"})
    met = pairs.loc[pairs["SAMEDATE"], "event"]
    return found.assign(SAMEDATE=events.index.isin(met))


def add_subject_dates(records: pd.DataFrame, adsl: pd.DataFrame) -> pd.DataFrame:
    """Write the dates of the subject onto every record."""
    return add_subject_variables(records, adsl, SUBJECT_DATES)
