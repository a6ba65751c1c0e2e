"""Rules about adverse events and complications."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, record_findings

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

CRITERIA = ("AESDTH", "AESLIFE", "AESHOSP", "AESDISAB", "AESCONG", "AESMIE")
COMPLICATION = "ACLF COMPLICATION"


@rule("V13", "E", "a serious event meets a criterion", "correct AESER or its criteria")
def serious_events_meet_a_criterion(source: Source) -> Iterator[pd.DataFrame]:
    """AESER=Y exactly where one of the six criteria is Y (ICH E2A)."""
    table = source.table("AE", "AESER", *CRITERIA)
    criterion = (table[list(CRITERIA)] == "Y").any(axis="columns")
    serious = table["AESER"] == "Y"
    frame = source.sdtm.get("AE")
    if frame is not None:
        yield record_findings(frame, "AE", serious & ~criterion, "AESER", "serious, but no criterion is Y")
        yield record_findings(frame, "AE", ~serious & criterion, "AESER", "a seriousness criterion is Y, but AESER is not")


@rule("V13", "E", "grade 5, outcome FATAL and AESDTH go together", "make AETOXGR, AEOUT and AESDTH agree")
def fatal_events_agree(source: Source) -> Iterator[pd.DataFrame]:
    """The three ways to say that an event was fatal."""
    table = source.table("AE", "AETOXGR", "AEOUT", "AESDTH")
    signs = pd.DataFrame({"grade": table["AETOXGR"] == "5", "out": table["AEOUT"] == "FATAL", "death": table["AESDTH"] == "Y"})
    wrong = signs.any(axis="columns") & ~signs.all(axis="columns")
    if wrong.any():
        shown = table.fillna("missing")
        message = "grade " + shown["AETOXGR"] + ", outcome " + shown["AEOUT"] + ", AESDTH " + shown["AESDTH"]
        yield record_findings(source.sdtm["AE"], "AE", wrong, "AEOUT", message)


@rule("V20", "W", "a DLT is related, grade 3 or more, and in the window", "check the DLT with the SRC")
def dlts_look_like_dlts(source: Source) -> Iterator[pd.DataFrame]:
    """Events flagged DLT that are unrelated, of low grade, or outside the reporting window (A-08)."""
    table = source.table("AE", "AEDLT", "AEDLTSRC", "AEREL", "AETOXGR")
    frame, trial = source.sdtm.get("AE"), source.trial
    flagged = (table["AEDLT"] == "Y") | (table["AEDLTSRC"] == "Y")
    if frame is None or not flagged.any() or not trial.relatedness:
        return
    unrelated = table["AEREL"].notna() & ~table["AEREL"].isin(trial.relatedness.related)
    yield record_findings(frame, "AE", flagged & unrelated, "AEREL", "a DLT that is " + table["AEREL"])
    low = pd.to_numeric(table["AETOXGR"], errors="coerce") < 3
    yield record_findings(frame, "AE", flagged & low, "AETOXGR", "a DLT of grade " + table["AETOXGR"])
    day = source.days_from_first_dose("AE", "AESTDTC")
    end = trial.teae.end_day if trial.teae and trial.teae.end_day is not None else trial.study.followup_days
    outside = (day < 0) | (day > end)
    yield record_findings(frame, "AE", flagged & outside, "AESTDTC", "a DLT on elapsed day " + number_text(day))


@rule("V26", "W", "events end with the subject, and resolved events end", "enter AEENDTC, or correct the outcome")
def events_end(source: Source) -> Iterator[pd.DataFrame]:
    """Events going on after death; resolved events without an end."""
    frame = source.sdtm.get("AE")
    if frame is None:
        return
    table = source.table("AE", "AEENDTC", "AEENRTPT", "AEOUT")
    dead = source.of_subject("AE", "DTH_FIRST").notna() | (source.of_subject("AE", "DTHFL") == "Y")
    ongoing = table["AEENDTC"].isna() | (table["AEENRTPT"] == "ONGOING")
    yield record_findings(frame, "AE", dead & ongoing, "AEENDTC", "the event goes on after the subject's death")
    resolved = table["AEOUT"].isin(["RECOVERED/RESOLVED", "RECOVERED/RESOLVED WITH SEQUELAE"])
    yield record_findings(
        frame, "AE", ~dead & resolved & table["AEENDTC"].isna(), "AEENDTC", "missing although the outcome is " + table["AEOUT"]
    )


def _complications(source: Source) -> pd.DataFrame:
    """Complications that occurred after the first infusion, with their code and dates."""
    table = source.table("CE", "CETERM", "CECAT", "CEOCCUR", "CEPREBL", "CEWORSE", "CEBEFINF")
    names = {key.lower(): c.code for c in source.trial.complications for key in (c.code, c.term)}
    table["CODE"] = table["CETERM"].str.lower().map(names)
    table[["FIRST", "LAST"]] = source.moments("CE", "CESTDTC")[["first", "last"]]
    started = source.of_subject("CE", "TRTSDT") <= table["LAST"]
    new = (table["CEPREBL"] != "Y") | (table["CEWORSE"] == "Y")
    return table[(table["CECAT"] == COMPLICATION) & (table["CEOCCUR"] == "Y") & new & (table["CEBEFINF"] != "Y") & started]


def _near(left: pd.DataFrame, right: pd.DataFrame, days: int) -> pd.DataFrame:
    """Pairs of records of one subject whose dates may lie within ``days`` of each other."""
    pairs = left.reset_index(names="ROW").merge(right, on="USUBJID", suffixes=("", "_OTHER"))
    gap = pd.Timedelta(days=days)
    return pairs[(pairs["FIRST_OTHER"] <= pairs["LAST"] + gap) & (pairs["LAST_OTHER"] >= pairs["FIRST"] - gap)]


@rule("V25", "W", "a complication is also an adverse event", "report the adverse event, or correct the complication")
def complications_are_events(source: Source) -> Iterator[pd.DataFrame]:
    """Complications without an adverse event of such a term near them, as the trial counts days."""
    complications = _complications(source)
    events = source.table("AE", "AEDECOD", "AESOC")
    events[["FIRST", "LAST"]] = source.moments("AE", "AESTDTC")[["first", "last"]]
    events["TEXT"] = events["AEDECOD"].fillna("").str.lower() + " " + events["AESOC"].fillna("").str.lower()
    pairs = _near(complications, events, source.trial.complication_near_days)
    found = [
        pairs.loc[(pairs["CODE"] == c.code) & pairs["TEXT"].str.contains("|".join(map(re.escape, c.ae_terms))), "ROW"]
        for c in source.trial.complications
        if c.ae_terms
    ]
    matched = pd.concat(found) if found else pd.Series(dtype="int64")
    expected = complications["CODE"].isin([c.code for c in source.trial.complications if c.ae_terms])
    lonely = complications[expected & ~complications.index.isin(matched)]
    if len(lonely):
        frame = source.sdtm["CE"]
        wrong = pd.Series(frame.index.isin(lonely.index), index=frame.index)
        yield record_findings(
            frame,
            "CE",
            wrong,
            "CETERM",
            source.column("CE", "CETERM") + f" without an adverse event within {source.trial.complication_near_days} days",
        )


def _results(source: Source, test: str) -> pd.DataFrame:
    table = source.table("LB", "LBTESTCD", "LBSTRESN")
    table[["FIRST", "LAST"]] = source.moments("LB", "LBDTC")[["first", "last"]]
    return table[(table["LBTESTCD"] == test) & table["LBSTRESN"].notna()]


@rule("V25", "W", "the laboratory shows the complication", "check the complication against the results")
def laboratory_shows_complications(source: Source) -> Iterator[pd.DataFrame]:
    """A complication without its laboratory sign near its start: a result below the limit, or a rise, as the trial says."""
    complications = _complications(source)
    if "CE" not in source.sdtm:
        return
    for complication in source.trial.complications:
        sign, found = complication.sign, complications[complications["CODE"] == complication.code]
        if sign and sign.below is not None:
            yield from _not_low(source, found, sign.paramcd, sign.below)
        elif sign and sign.rise is not None and sign.times_baseline is not None:
            yield from _not_risen(source, found, sign.paramcd, sign.rise, sign.times_baseline)


def _not_low(source: Source, complications: pd.DataFrame, paramcd: str, limit: float) -> Iterator[pd.DataFrame]:
    """Complications without a low result near them, or without one on their first day where that day has results."""
    frame, days = source.sdtm["CE"], source.trial.complication_near_days
    near = _near(complications, _results(source, paramcd), days)
    lowest = near.groupby("ROW")["LBSTRESN"].min().reindex(frame.index)
    test, unit = _named(source.trial, paramcd)
    said = f"lowest {test} within {days} days is " + number_text(lowest) + f" {unit}"
    yield record_findings(frame, "CE", lowest >= limit, "CETERM", said)
    # A complication known to the month has no first day whose results could speak.
    first_day = near["FIRST"].dt.normalize()
    same_day = near[(near["FIRST_OTHER"].dt.normalize() == first_day) & (near["LAST"].dt.normalize() == first_day)]
    here = same_day.groupby("ROW")["LBSTRESN"].min().reindex(frame.index)
    told = f"{test} on its first day is " + number_text(here) + f" {unit}"
    yield record_findings(frame, "CE", (here >= limit) & (lowest < limit), "CETERM", told)


def _not_risen(
    source: Source, complications: pd.DataFrame, paramcd: str, enough: float, times_baseline: float
) -> Iterator[pd.DataFrame]:
    """Complications without a rise near them, neither from the lowest result there nor over the last before the first dose."""
    frame, days = source.sdtm["CE"], source.trial.complication_near_days
    results = _results(source, paramcd)
    before = results[results["FIRST"] <= look_up(results["USUBJID"], source.subjects["TRTSDTM"])]
    base = before.sort_values("FIRST").groupby("USUBJID")["LBSTRESN"].last()
    near = _near(complications, results, days).groupby("ROW")["LBSTRESN"].agg(["min", "max"]).reindex(frame.index)
    rise = near["max"] - near["min"] >= enough
    rise |= near["max"] >= times_baseline * look_up(source.column("CE", "USUBJID"), base)
    test, unit = _named(source.trial, paramcd)
    message = f"highest {test} within {days} days is " + number_text(near["max"]) + f" {unit}: no rise"
    yield record_findings(frame, "CE", near["max"].notna() & ~rise, "CETERM", message)


def _named(trial: Trial, paramcd: str) -> tuple[str, str]:
    """Name of the test and unit of its results."""
    parameter = trial.parameters[paramcd]
    return parameter.label, parameter.si_unit or ""
