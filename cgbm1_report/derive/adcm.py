"""ADCM: one row per prior or concomitant medication and period."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.atc import LEVELS, derive_atc
from cgbm1_report.derive.dates import earliest, impute_end, impute_start, parse_dtc
from cgbm1_report.derive.domains import add_subject_variables, flag, take_domain
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT, add_labels
from cgbm1_report.derive.onset import add_subject_dates, derive_relative_days
from cgbm1_report.trial import Trial

_ATC = tuple(f"ATC{level}{suffix}" for level in LEVELS for suffix in ("", "CD"))
_TEXT = ("CMTRT", "CMDECOD", "CMCLAS", "CMCLASCD", "CMSCAT", "CMSTDTC", "CMENDTC", "CMENRTPT", *_ATC)


def derive_adcm(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """All medications, with what was taken before and what alongside the study treatment.

    A start of unknown day is the first day it can mean, never the first dose date; an end of unknown
    day the last one, not after death or end of study. The collected texts stay beside the dates.

    Parameters
    ----------
    sdtm
        CM; an absent domain gives no rows.
    adsl
        One row per subject.
    trial
        Length of the follow-up, names of medication classes.

    Returns
    -------
    DataFrame
        Sorted by subject, start (a missing one last) and sequence number; ``attrs["labels"]``.
    """
    cm = add_subject_dates(take_domain(sdtm, "CM", _TEXT, ("CMSEQ",)), adsl)
    start = impute_start(cm["CMSTDTC"], cm["CMENDTC"], cm["TRTSDT"], at_treatment=False)
    cm = cm.assign(ASTDT=start["date"], ASTDTF=start["flag"])
    end = impute_end(cm["CMENDTC"], earliest(cm["DTHDT"], cm["EOSDT"]), cm["ASTDT"])
    names = trial.synthetic_dictionary.atc if trial.synthetic_dictionary else {}
    cm = cm.assign(AENDT=end["date"], AENDTF=end["flag"], **derive_atc(cm, names))
    cm = cm.join([derive_relative_days(cm), derive_prior_concomitant(cm, trial)])
    cm = cm.sort_values(["USUBJID", "ASTDT", "CMSEQ", "CMTRT", "CMSTDTC"], kind="stable", ignore_index=True)
    cm = add_subject_variables(cm, adsl, OCCURRENCE_SUBJECT)
    return add_labels(cm.drop(columns=["CMCLAS", "TRTSDTM", "DTHDT", "EOSDT"]), "ADCM")


def derive_prior_concomitant(cm: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """PREFL and CONFL: taken before, and taken on or after, the date of the first dose; both may be Y.

    Where dates are partial or missing, a flag is Y unless what is known excludes it: prior unless the
    start lies on or after the first dose date for certain; concomitant unless the end lies before it
    for certain, or the start after the follow-up. Missing for a subject never dosed.

    Parameters
    ----------
    cm
        ``CMSTDTC, CMENDTC, CMENRTPT, TRTSDT``.
    """
    start, end = parse_dtc(cm["CMSTDTC"]), parse_dtc(cm["CMENDTC"])
    treatment = cm["TRTSDT"]
    follow_up = treatment + pd.Timedelta(days=trial.study.followup_days)
    ended_before = (end["last"] < treatment) & cm["CMENRTPT"].ne("ONGOING")
    prior = ~(start["first"] >= treatment)
    concomitant = ~ended_before & ~(start["first"] > follow_up)
    dosed = treatment.notna()
    return pd.DataFrame({"PREFL": flag(prior & dosed), "CONFL": flag(concomitant & dosed)})
