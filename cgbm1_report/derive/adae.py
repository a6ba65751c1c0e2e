"""ADAE: one row per adverse event."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_days
from cgbm1_report.derive.domains import add_subject_variables, flag
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT
from cgbm1_report.derive.occurrences import take_occurrences
from cgbm1_report.derive.onset import (
    derive_aendt,
    derive_astdt,
    derive_infusion_before,
    derive_relative_days,
    is_after_first_infusion,
    read_infusions,
)
from cgbm1_report.derive.terms import derive_aesicat
from cgbm1_report.derive.treatment import phases_of
from cgbm1_report.distinct import unite_spellings
from cgbm1_report.protocol.sections import Teae
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

_TEXT = (
    *("AETERM", "AELLT", "AEDECOD", "AEHLT", "AEHLGT", "AEBODSYS", "AESOC", "AESTDTC", "AEENDTC", "AEENRTPT"),
    *("AESER", "AEREL", "AEACN", "AEOUT", "AESDTH", "AESLIFE", "AESHOSP", "AESDISAB", "AESCONG", "AESMIE"),
    *("AEBEFINF", "AEDLT", "AEDLTSRC", "AEINFREA"),
)


def derive_adae(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """All adverse events, before, during and after the treatment-emergent period.

    The population flags of a record are those ADSL has at this moment.

    Parameters
    ----------
    sdtm
        AE and EX.
    adsl
        Subjects with their dates and populations.

    Returns
    -------
    DataFrame
        Sorted by subject and onset; the collected texts (AESTDTC, AEENDTC, …) stay beside the analysis
        dates, because listings show what was collected.
    """
    ae = take_occurrences(sdtm, adsl, "AE", _TEXT, ("AETOXGR",))
    before = ae["AEBEFINF"].eq("Y")
    ae = ae.join(derive_astdt(ae["AESTDTC"], ae["AEENDTC"], ae["TRTSDT"], before, trial))
    ae = ae.join(derive_aendt(ae["AEENDTC"], ae["ASTDT"], ae["DTHDT"], ae["EOSDT"]))
    ae = _sort(ae)
    before = ae["AEBEFINF"].eq("Y")
    ae = ae.join([derive_relative_days(ae), derive_adurn(ae), derive_trtemfl(ae, before, trial)])
    ae = ae.join([derive_atoxgr(ae["AETOXGR"]), derive_relgr1(ae["AEREL"], trial)])
    near = derive_infusion_before(ae, read_infusions(sdtm), before)
    ae = ae.join(near[["LDOSEDTM", "INFNUM", "HRSINF"]])
    ae["DLTFL"] = derive_dltfl(ae, trial)
    ae["ENDSTFL"] = derive_endstfl(ae, adsl)
    hours = pd.DataFrame({"hours": near["HRSINF"], "same_date": near["SAMEDATE"]})
    ae["AESICAT"] = derive_aesicat(ae, hours, trial)
    ae["AESIFL"] = flag(ae["AESICAT"].notna())
    ae = ae.join([derive_aperiod(ae, trial), derive_occurrence_flags(ae)])
    ae = add_subject_variables(ae, adsl, OCCURRENCE_SUBJECT)
    return ae.drop(columns=["AETOXGR", "AEREL", "TRTSDTM", "DTHDT", "EOSDT"])


def _sort(ae: pd.DataFrame) -> pd.DataFrame:
    """By subject and onset (a missing time is 00:00, a missing date last), then sequence number; with ASEQ."""
    order = ae.assign(moment=ae["ASTDTM"].fillna(ae["ASTDT"])).sort_values(
        ["USUBJID", "moment", "AESEQ", "AETERM"], na_position="last", kind="stable"
    )
    ae = ae.loc[order.index].reset_index(drop=True)
    return ae.assign(ASEQ=ae.groupby("USUBJID").cumcount() + 1.0)


def derive_adurn(ae: pd.DataFrame) -> pd.DataFrame:
    """ADURN, ADURU: days from start to end, both counted; missing where a month was imputed."""
    guessed = ae["ASTDTF"].isin(["M", "Y"]) | ae["AENDTF"].isin(["M", "Y"])
    days = (derive_days(ae["AENDT"], ae["ASTDT"]) + 1).where(~guessed)
    return pd.DataFrame({"ADURN": days, "ADURU": pd.Series("DAYS", index=ae.index, dtype="str").where(days.notna())})


def derive_trtemfl(ae: pd.DataFrame, before: pd.Series, trial: Trial) -> pd.DataFrame:
    """TRTEMFL, PREFL, FUPFL: treatment-emergent, before treatment, after its observation; never two of them.

    All are missing for a subject never dosed. An event of unknown onset that ended before the first
    dose, or that the form says began before it, is before treatment. What else is not known of an onset
    the trial decides (``teae``).
    """
    dosed = ae["TRTSDT"].notna()
    after = is_after_first_infusion(ae, before) & dosed & ~_is_taken_for_earlier(ae, trial)
    last = trial.teae_end_day
    late = after & (derive_days(ae["ASTDT"], ae["TRTSDT"]) > (np.inf if last is None else last))
    return pd.DataFrame({"TRTEMFL": flag(after & ~late), "PREFL": flag(dosed & ~after), "FUPFL": flag(late)})


def _is_taken_for_earlier(ae: pd.DataFrame, trial: Trial) -> pd.Series:
    """Events the trial takes for earlier than the first infusion because their time, or all of their date, is not known."""
    rule, missing = trial.teae or Teae(end_day=None), ae["ASTDTF"].eq("Y")
    untimed = ae["ASTDT"].eq(ae["TRTSDT"]) & ae["ASTDTM"].isna() & ~missing
    return (missing & (rule.missing_onset == "before")) | (untimed & (rule.untimed_onset == "before"))


def derive_atoxgr(grade: pd.Series) -> pd.DataFrame:
    """ATOXGR, ATOXGRN: CTCAE grade 1 to 5 as text and number; missing where it is none of these."""
    number = grade.where(grade.isin([1, 2, 3, 4, 5])).astype("float64")
    return pd.DataFrame({"ATOXGR": number.map({n: f"{n:g}" for n in (1.0, 2.0, 3.0, 4.0, 5.0)}).astype("str"), "ATOXGRN": number})


def derive_relgr1(causality: pd.Series, trial: Trial) -> pd.DataFrame:
    """AREL, RELGR1: causality as given, and RELATED or NOT RELATED.

    What a missing causality means the trial says (``relatedness.missing``); a text outside the codelist is
    related (worst case). Missing where the trial declares no causality scale.
    """
    scale = trial.relatedness
    if scale is None:
        return pd.DataFrame({"AREL": causality, "RELGR1": pd.Series(index=causality.index, dtype="str")})
    unrelated = causality.isin(set(scale.codelist) - set(scale.related))
    if scale.missing == "not_related":
        unrelated |= causality.isna()
    related = pd.Series("RELATED", index=causality.index, dtype="str")
    return pd.DataFrame({"AREL": causality, "RELGR1": related.mask(unrelated, "NOT RELATED")})


def derive_dltfl(ae: pd.DataFrame, trial: Trial) -> pd.Series:
    """DLTFL: dose-limiting toxicity, in phases with dose escalation.

    What the safety review committee says decides; until it has said something, the investigator.
    Never derived from grade or causality.
    """
    undecided = ae["AEDLTSRC"].isna() | ae["AEDLTSRC"].eq("PENDING")
    toxic = ae["AEDLTSRC"].eq("Y") | (undecided & ae["AEDLT"].eq("Y"))
    return flag(toxic & ae["PHASE"].isin(phases_of(trial, "DLTEVFL")))


def derive_endstfl(ae: pd.DataFrame, adsl: pd.DataFrame) -> pd.Series:
    """ENDSTFL: the event ended the study for its subject.

    It was fatal, or treatment was withdrawn for it and its subject left the study for an adverse event: the
    form asks what was done with the treatment, and of leaving the study only the reason, not the event.
    """
    left = look_up(ae["USUBJID"], adsl.set_index("USUBJID")["DCSREAS"]).eq("ADVERSE EVENT")
    return flag(ae["AEOUT"].eq("FATAL") | (left & ae["AEACN"].eq("DRUG WITHDRAWN")))


def derive_aperiod(ae: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """APERIOD, APERIODC: period of onset of a treatment-emergent event (Day 0-28, Day 29-90, …).

    Periods end on the days the registry names for survival; an event later than the last has none.
    """
    day = derive_days(ae["ASTDT"], ae["TRTSDT"]).where(ae["TRTEMFL"].eq("Y"))
    number = pd.Series(np.nan, index=ae.index, dtype="float64")
    for period, (low, high) in enumerate(trial.event_periods.values(), start=1):
        number = number.mask(day.between(low, high), float(period))
    names = {float(period): name for period, name in enumerate(trial.event_periods, start=1)}
    return pd.DataFrame({"APERIOD": number, "APERIODC": number.map(names).astype("str")})


def derive_occurrence_flags(ae: pd.DataFrame) -> pd.DataFrame:
    """AOCCFL, AOCCSFL, AOCCPFL and AOCCIFL, AOCCSIFL, AOCCPIFL.

    First treatment-emergent event of a subject, of a subject within a system organ class, of a
    subject within a preferred term; and the first of the highest grade in each. A missing grade is
    the lowest. Spellings of one term are one term. ``ae`` is in order of onset.
    """
    emergent = ae[ae["TRTEMFL"].eq("Y")]
    emergent = emergent.assign(**{term: emergent[term].replace(unite_spellings(ae[term])) for term in ("AESOC", "AEDECOD")})
    worst = emergent.assign(rank=-emergent["ATOXGRN"].fillna(0)).sort_values("rank", kind="stable")
    levels = {"": ["USUBJID"], "S": ["USUBJID", "AESOC"], "P": ["USUBJID", "AESOC", "AEDECOD"]}
    flags = {}
    for suffix, keys in levels.items():
        flags[f"AOCC{suffix}FL"] = emergent.index[~emergent.duplicated(keys)]
    for suffix, keys in levels.items():
        flags[f"AOCC{suffix}IFL"] = worst.index[~worst.duplicated(keys)]
    return pd.DataFrame(
        {name: flag(pd.Series(ae.index.isin(rows), index=ae.index)) for name, rows in flags.items()}, index=ae.index
    )
