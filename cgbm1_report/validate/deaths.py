"""Rules about death and transplantation: every source says so, and says the same day. Survival hangs on both.

The derivation takes the date of death from DM (DTHDTC) and the date of transplantation from PR; what
another domain says otherwise is an error, whichever of the two is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.collected.procedures import TRANSPLANTATION
from cgbm1_report.iso8601 import LENGTHS
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, record_findings, subject_findings

#: How a death is told by each domain that dates it, for messages.
TOLD = {"DM": "DTHDTC", "DS": "DS DEATH", "AE": "the end of the fatal event"}


def fatal_events(source: Source) -> pd.Series:
    """Records of AE that say in one way or another that the subject died of the event."""
    table = source.table("AE", "AEOUT", "AESDTH", "AETOXGR")
    result: pd.Series = (table["AEOUT"] == "FATAL") | (table["AESDTH"] == "Y") | (table["AETOXGR"] == "5")
    return result


def _seen_dead(source: Source) -> pd.Series:
    """Records of SS that found the subject dead."""
    table = source.table("SS", "SSTESTCD", "SSSTRESC")
    result: pd.Series = (table["SSTESTCD"] == "SURVSTAT") & (table["SSSTRESC"] == "DEAD")
    return result


@rule("V12", "E", "death is recorded alike everywhere", "make DTHFL, DTHDTC, the DS record, the contact and the cause agree")
def deaths_agree(source: Source) -> Iterator[pd.DataFrame]:
    """DTHFL, DTHDTC, DS DEATH, a contact DEAD, and a fatal event or DD; only the last missing is a warning.

    A contact that found the subject dead asks for all others; a death needs no such contact.
    """
    table = source.subjects
    ended, cause = source.table("DS", "DSDECOD"), source.column("DD", "USUBJID")
    subjects = {
        "DTHDTC": source.column("DM", "USUBJID")[source.column("DM", "DTHDTC").notna()],
        "DS DEATH": ended.loc[ended["DSDECOD"] == "DEATH", "USUBJID"],
    }
    signs = pd.DataFrame({name: table.index.isin(those) for name, those in subjects.items()}, index=table.index)
    signs.insert(0, "DTHFL", table["DTHFL"] == "Y")
    told: dict[str, list[str]] = {
        "fatal event or DD": [*source.column("AE", "USUBJID")[fatal_events(source)], *cause],
        "SS DEAD": [*source.column("SS", "USUBJID")[_seen_dead(source)]],
    }
    others = pd.DataFrame({name: table.index.isin(those) for name, those in told.items()}, index=table.index)
    every, none = signs.all(axis="columns"), ~signs.any(axis="columns") & ~others.any(axis="columns")
    words = pd.Series("the subject's death is not recorded alike:", index=table.index, dtype="str")
    for position, (name, said) in enumerate({**signs, **others}.items()):
        words = words + ("," if position else "") + f" {name} " + said.map({True: "yes", False: "no"}).astype("str")
    wrong = ~every & ~none
    yield subject_findings(table.index[wrong].to_series(), "DTHFL", words, value=table["DTHFL"])
    bare = every & ~others["fatal event or DD"]
    yield subject_findings(table.index[bare].to_series(), "DTHFL", "dead without a fatal event or a DD record", severity="W")


def _dated(source: Source, dataset: str, variable: str, rows: pd.Series) -> pd.DataFrame:
    """Records that date something: ROW in their dataset, subject, text, first and last day, precision."""
    moments = source.moments(dataset, variable)
    table = pd.DataFrame(
        {
            "ROW": range(len(rows)),
            "USUBJID": source.column(dataset, "USUBJID"),
            "TEXT": source.column(dataset, variable),
            "FIRST": moments["first"].dt.normalize(),
            "LAST": moments["last"].dt.normalize(),
            "LENGTH": moments["length"],
        }
    )
    return table[rows & table["LENGTH"].notna() & table["USUBJID"].notna()]


def _pairs(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Records of the right beside those of the left of one subject; APART where no day can be both."""
    pairs = right.merge(left, on="USUBJID", suffixes=("", "_OTHER"))
    return pairs.assign(APART=(pairs["FIRST"] > pairs["LAST_OTHER"]) | (pairs["LAST"] < pairs["FIRST_OTHER"]))


def _at_rows(source: Source, dataset: str, variable: str, found: pd.DataFrame, message: pd.Series, severity: str) -> pd.DataFrame:
    """Findings at the records ROW of a dataset, one each."""
    first = found.assign(_message=message).drop_duplicates("ROW").set_index("ROW")["_message"]
    frame = source.sdtm[dataset]
    wrong = pd.Series(frame.index.isin(first.index), index=frame.index)
    return record_findings(frame, dataset, wrong, variable, first.reindex(frame.index), severity=severity)


def _deaths(source: Source) -> dict[str, tuple[str, pd.DataFrame]]:
    """Variable and dates of death of each domain that dates it, what is analysed first."""
    sources = {
        "DM": ("DTHDTC", source.column("DM", "DTHDTC").notna()),
        "DS": ("DSSTDTC", source.column("DS", "DSDECOD") == "DEATH"),
        "AE": ("AEENDTC", fatal_events(source)),
    }
    return {name: (variable, _dated(source, name, variable, rows)) for name, (variable, rows) in sources.items() if len(rows)}


@rule("V12", "E", "death has one date", "correct the date that is wrong; survival is counted to DTHDTC of DM")
def deaths_have_one_date(source: Source) -> Iterator[pd.DataFrame]:
    """DTHDTC, the date of DS DEATH and the end of fatal events, each pair, by calendar day at the precision both have.

    A day that another source knows and DTHDTC does not is a question.
    """
    dated, apart = _deaths(source), pd.DataFrame(columns=["USUBJID"])
    for one, other in combinations(dated, 2):
        variable, dates = dated[other]
        pairs = _pairs(dated[one][1], dates)
        # Who is at odds with DTHDTC has been named; the other two are compared where both agree with it.
        wrong = pairs[pairs["APART"] & ((one == "DM") | ~pairs["USUBJID"].isin(apart["USUBJID"]))]
        message = f"{TOLD[other]} is dated " + wrong["TEXT"] + f", {TOLD[one]} " + wrong["TEXT_OTHER"]
        yield _at_rows(source, other, variable, wrong, message, "E")
        apart = pd.concat([apart, wrong[["USUBJID"]]])
        if one == "DM":
            vague = pairs[~pairs["APART"] & (pairs["LENGTH_OTHER"] < LENGTHS["day"]) & (pairs["LENGTH"] >= LENGTHS["day"])]
            message = f"{TOLD[other]} is dated " + vague["TEXT"] + ", DTHDTC only " + vague["TEXT_OTHER"]
            yield _at_rows(source, other, variable, vague, message, "W")


@rule("V12", "E", "nobody was found dead before the death", "correct the date of the contact or of the death")
def deaths_are_told_afterwards(source: Source) -> Iterator[pd.DataFrame]:
    """Contacts DEAD and details of the death (DD) dated before DTHDTC: both are collected on that day or later."""
    told = {"SS": ("SSDTC", _seen_dead(source)), "DD": ("DDDTC", source.column("DD", "USUBJID").notna())}
    for dataset, (variable, rows) in told.items():
        if dataset in source.sdtm:
            pairs = _pairs(
                _dated(source, "DM", "DTHDTC", source.column("DM", "DTHDTC").notna()), _dated(source, dataset, variable, rows)
            )
            early = pairs[pairs["LAST"] < pairs["FIRST_OTHER"]]
            message = "dated " + early["TEXT"] + ", the death (DTHDTC) " + early["TEXT_OTHER"]
            yield _at_rows(source, dataset, variable, early, message, "E")


def transplants(source: Source) -> pd.DataFrame:
    """Transplantations that took place: ROW in PR, subject, text, first and last day."""
    done = (source.column("PR", "PRDECOD") == TRANSPLANTATION) & (source.column("PR", "PROCCUR") != "N")
    return _dated(source, "PR", "PRSTDTC", done)


@rule("V27", "E", "contacts and procedures agree about transplantation", "correct LTSTAT, or the procedure in PR")
def transplants_agree(source: Source) -> Iterator[pd.DataFrame]:
    """LTSTAT Y without a transplantation in PR by then; LTSTAT N after one since entry. Survival takes PR."""
    if "SS" not in source.sdtm:
        return
    test, status = source.column("SS", "SSTESTCD"), source.column("SS", "SSSTRESC")
    done = transplants(source)
    earliest = done.groupby("USUBJID")["FIRST"].min()
    told = _dated(source, "SS", "SSDTC", (test == "LTSTAT") & (status == "Y"))
    lost = told[~(look_up(told["USUBJID"], earliest) <= told["LAST"])]
    message = "LTSTAT is Y on " + lost["TEXT"] + ", PR has no liver transplantation by then"
    yield _at_rows(source, "SS", "SSSTRESC", lost, message, "E")
    denied = _dated(source, "SS", "SSDTC", (test == "LTSTAT") & (status == "N"))
    entry = source.subjects["TRTSDT"].fillna(source.subjects["RAND_FIRST"].dt.normalize())
    since = (
        done[done["FIRST"] >= look_up(done["USUBJID"], entry)].sort_values("LAST").drop_duplicates("USUBJID").set_index("USUBJID")
    )
    before = look_up(denied["USUBJID"], since["LAST"]) < denied["FIRST"]
    message = (
        "LTSTAT is N on " + denied["TEXT"] + ", PR has a liver transplantation on " + look_up(denied["USUBJID"], since["TEXT"])
    )
    yield _at_rows(source, "SS", "SSSTRESC", denied[before], message[before], "E")


#: Where else a transplantation may be told: dataset, variables, and the variable that says it did not happen.
_MENTIONED = {"AE": ("AETERM", "AEDECOD"), "CE": ("CETERM",), "DS": ("DSTERM",)}


@rule("V27", "W", "a transplantation told elsewhere is in PR", "record the procedure in PR; survival takes it from there")
def transplants_are_procedures(source: Source) -> Iterator[pd.DataFrame]:
    """Events, complications and dispositions that name a liver transplant of a subject without one in PR."""
    done = transplants(source)["USUBJID"]
    for dataset, variables in _MENTIONED.items():
        for variable in variables if dataset in source.sdtm else ():
            said = source.column(dataset, variable).str.contains(r"\bliver transplant(?:ation)?\b", case=False).fillna(False)
            said &= (source.column(dataset, f"{dataset}OCCUR") != "N") & ~source.column(dataset, "USUBJID").isin(done)
            message = source.column(dataset, variable) + ": PR has no liver transplantation of the subject"
            yield record_findings(source.sdtm[dataset], dataset, said, variable, message)
