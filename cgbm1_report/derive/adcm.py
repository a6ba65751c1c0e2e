"""ADCM: one row per prior or concomitant medication and period."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.atc import LEVELS, derive_atc
from cgbm1_report.derive.dates import parse_dtc
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.occurrences import finish_occurrences, take_periods
from cgbm1_report.derive.onset import derive_relative_days
from cgbm1_report.protocol.trial import Trial

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
        Sorted by subject, start (a missing one last) and sequence number.
    """
    cm = take_periods(sdtm, adsl, "CM", _TEXT)
    names = trial.synthetic_dictionary.atc if trial.synthetic_dictionary else {}
    cm = cm.assign(**derive_atc(cm, names)).join([derive_relative_days(cm), derive_prior_concomitant(cm, trial)])
    return finish_occurrences(cm, adsl, "ADCM", drop=["CMCLAS"])


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
