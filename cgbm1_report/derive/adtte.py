"""ADTTE: time from the anchor date to death, transplant, the first related event, the first complication.

Every parameter ends in one of four ways: the event (CNSR 0), something that keeps it from being seen
(4 transplant, 5 death), the end of follow-up alive (1), an earlier loss (2) or the data cut-off (3).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_ady, derive_days, earliest, latest
from cgbm1_report.derive.domains import add_subject_variables
from cgbm1_report.derive.labels import BDS_SUBJECT
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.protocol.trial import Trial

_ALIVE, _LOST, _CUTOFF, _TRANSPLANTED, _DIED = 1.0, 2.0, 3.0, 4.0, 5.0


@dataclass(frozen=True)
class _End:
    """One way a parameter can end: when, with which CNSR, described how, found where.

    ``date`` and ``seq`` are indexed like the subjects; an event has ``cnsr`` 0.
    """

    date: pd.Series
    cnsr: float
    text: pd.Series | str
    domain: str
    variable: pd.Series | str
    seq: pd.Series | float = float("nan")


def derive_adtte(adsl: pd.DataFrame, adae: pd.DataFrame, adce: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """One record per subject with an anchor date and parameter.

    ``LTFS`` death or transplant; ``OS`` death; ``OSLTC`` death, a transplant censors; ``TTLT``
    transplant, death before it competes; ``TTAE1`` first related treatment-emergent event and
    ``TTCOMP`` first counted complication, death before it competes. AVAL is in elapsed days from
    STARTDT = ANCHDT (0 on that day; the switch ``tte_plus_one`` adds one), at most the days of
    follow-up: what happens later leaves a subject alive at the end. A parameter trial.yaml does not
    declare has no records.

    Two ends on one date: the one named first above, so a transplant on the day of death is a
    transplant, and a complication on the day of death is a complication.
    """
    subjects = adsl[adsl["ANCHDT"].notna()].sort_values("USUBJID").reset_index(drop=True)
    last = trial.study.followup_days
    censored = derive_censoring(subjects, trial)
    death = _End(subjects["DTHDT"], 0.0, "DEATH", "ADSL", "DTHDT")
    transplant = _End(subjects["LTDT"], 0.0, "LIVER TRANSPLANT", "ADSL", "LTDT")
    removed = _End(subjects["LTDT"], _TRANSPLANTED, "LIVER TRANSPLANT", "ADSL", "LTDT")
    unseen = _End(subjects["DTHDT"], _DIED, "DEATH BEFORE TRANSPLANT", "ADSL", "DTHDT")
    died = _End(subjects["DTHDT"], _DIED, "DEATH", "ADSL", "DTHDT")
    ends = {
        "LTFS": (transplant, death),
        "OS": (death,),
        "OSLTC": (removed, death),
        "TTLT": (transplant, unseen),
        "TTAE1": (_first_related_event(adae, subjects), died),
        "TTCOMP": (_first_complication(adce, subjects), died),
    }
    declared = {paramcd: which for paramcd, which in ends.items() if paramcd in trial.parameters}
    parts = [
        _derive_parameter(subjects, paramcd, _spell(which, trial.parameter(paramcd).events), censored, last)
        for paramcd, which in declared.items()
    ]
    parts = parts or [_derive_parameter(subjects.iloc[:0], "LTFS", (), censored.iloc[:0], last)]
    records = add_parameter(pd.concat(parts, ignore_index=True), trial)
    records = add_subject_variables(records, adsl, BDS_SUBJECT)
    days = derive_days(records["ADT"], records["STARTDT"])
    records = records.assign(AVAL=days + int(trial.switches.tte_plus_one), ADY=derive_ady(records["ADT"], records["TRTSDT"]))
    records = records.sort_values(["USUBJID", "PARAMN"]).reset_index(drop=True)
    return records.assign(ASEQ=records.groupby("USUBJID").cumcount() + 1.0)


def _spell(ends: tuple[_End, ...], events: Collection[str]) -> tuple[_End, ...]:
    """The ends of a parameter, its events in the letters that trial.yaml gives them."""
    spelt = {event.upper(): event for event in events}
    return tuple(replace(end, text=spelt.get(str(end.text), end.text)) if end.cnsr == 0 else end for end in ends)


def completion_opens(trial: Trial) -> dict[float, float]:
    """Elapsed day, by phase, from which a last contact of a completer counts as the end of follow-up.

    The first day of the protocol window of the last visit; the last day of follow-up without one.
    """
    opens = {}
    for number, phase in trial.phases.items():
        windows = [visit.protocol_window for visit in phase.visits if visit.protocol_window and visit.avisitn]
        last = max(windows, key=lambda window: window[1], default=(trial.study.followup_days, 0))
        opens[float(number)] = float(min(last[0], trial.study.followup_days))
    return opens


def derive_censoring(subjects: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """CNSR, CNSDTDSC, ADT of a subject without event: alive at the end, completed, lost, or cut off.

    1: contact on the last day of follow-up or later (ADT is that day), or completed with the last
    contact inside the window of the last visit. 2: discontinued, or completed with an earlier last
    contact. 3: ongoing at the data cut-off. In 2 and 3 ADT is the date last known alive. A transplant
    is a contact.
    """
    follow_up = trial.study.followup_days
    start = subjects["ANCHDT"]
    contact = latest(subjects["LSTALVDT"], subjects["LTDT"], start)
    day = derive_days(contact, start)
    reached = day >= follow_up
    completed = ~reached & subjects["EOSSTT"].eq("COMPLETED") & (day >= subjects["PHASE"].map(completion_opens(trial)))
    ongoing = ~reached & subjects["EOSSTT"].eq("ONGOING")
    lost = subjects["DCSREAS"].eq("LOST TO FOLLOW-UP")
    text = pd.Series("WITHDRAWN", index=subjects.index, dtype="str").mask(lost, "LOST TO FOLLOW-UP")
    text = text.mask(completed, trial.ends_of_follow_up["completed"]).mask(ongoing, "DATA CUT-OFF")
    cnsr = pd.Series(_LOST, index=subjects.index).mask(completed | reached, _ALIVE).mask(ongoing, _CUTOFF)
    end = (start + pd.Timedelta(days=follow_up)).astype(DATE)
    source = pd.Series("ANCHDT", index=subjects.index, dtype="str")
    source = source.mask(contact.eq(subjects["LSTALVDT"]), "LSTALVDT").mask(contact.eq(subjects["LTDT"]), "LTDT")
    return pd.DataFrame(
        {
            "ADT": contact.mask(reached, end),
            "CNSR": cnsr,
            "CNSDTDSC": text.mask(reached, trial.ends_of_follow_up["alive"]),
            "SRCVAR": source,
        }
    )


def _derive_parameter(
    subjects: pd.DataFrame, paramcd: str, ends: tuple[_End, ...], censored: pd.DataFrame, follow_up: int
) -> pd.DataFrame:
    """The first of the ends within follow-up, else the censoring."""
    missing = pd.Series(index=subjects.index, dtype="str")
    record = pd.DataFrame(
        {
            "USUBJID": subjects["USUBJID"],
            "PARAMCD": pd.Series(paramcd, index=subjects.index, dtype="str"),
            "STARTDT": subjects["ANCHDT"],
            "ADT": censored["ADT"],
            "CNSR": censored["CNSR"],
            "EVNTDESC": missing,
            "CNSDTDSC": censored["CNSDTDSC"],
            "SRCDOM": missing.fillna("ADSL"),
            "SRCVAR": censored["SRCVAR"],
            "SRCSEQ": pd.Series(index=subjects.index, dtype="float64"),
        }
    )
    seen = [end.date.where(derive_days(end.date, subjects["ANCHDT"]).between(0, follow_up)) for end in ends]
    first = earliest(*seen) if seen else record["ADT"]
    # Backwards, so that of two ends on one date the one named first is written last.
    for end, date in reversed(list(zip(ends, seen, strict=True))):
        here = date.notna() & (date == first)
        described, blank = ("EVNTDESC", "CNSDTDSC") if end.cnsr == 0 else ("CNSDTDSC", "EVNTDESC")
        values = {
            "ADT": date,
            "CNSR": end.cnsr,
            described: end.text,
            "SRCDOM": end.domain,
            "SRCVAR": end.variable,
            "SRCSEQ": end.seq,
        }
        record = record.assign(**{name: record[name].mask(here, value) for name, value in values.items()})
        record[blank] = record[blank].mask(here)
    return record


def _first_related_event(adae: pd.DataFrame, subjects: pd.DataFrame) -> _End:
    related = adae[adae["TRTEMFL"].eq("Y") & adae["RELGR1"].eq("RELATED")]
    return _first_of(related, subjects, "AESEQ", "RELATED TEAE", "ADAE")


def _first_complication(adce: pd.DataFrame, subjects: pd.DataFrame) -> _End:
    return _first_of(adce[adce["COMPFL"].eq("Y")], subjects, "CESEQ", "COMPLICATION", "ADCE")


def _first_of(records: pd.DataFrame, subjects: pd.DataFrame, sequence: str, text: str, domain: str) -> _End:
    first = records.sort_values(["USUBJID", "ASTDT", sequence]).drop_duplicates("USUBJID").set_index("USUBJID")
    dates, numbers = (look_up(subjects["USUBJID"], first[name]) for name in ("ASTDT", sequence))
    return _End(dates.astype(DATE), 0.0, text, domain, "ASTDT", numbers.astype("float64"))
