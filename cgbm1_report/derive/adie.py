"""ADIE: one row per subject and eligibility criterion that was not met."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_ady, parse_dtc
from cgbm1_report.derive.occurrences import finish_occurrences, take_occurrences
from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial

_TEXT = ("IETESTCD", "IETEST", "IECAT", "IEORRES", "IEDTC")


def derive_adie(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """All criteria not met, with their words: why a subject failed screening, or was let in all the same.

    Parameters
    ----------
    sdtm
        IE; an absent domain gives no rows.
    adsl
        One row per subject.
    trial
        Criteria with their words. A code it does not declare keeps the words collected with it, else stands for itself.

    Returns
    -------
    DataFrame
        Sorted by subject, date and sequence number. A date without its day has neither
        ADT nor ADY.
    """
    ie = take_occurrences(sdtm, adsl, "IE", _TEXT)
    words = {one.ietestcd: one.ietest for criteria in trial.ie_criteria.values() for one in criteria}
    ie = ie.assign(
        ADT=parse_dtc(ie["IEDTC"])["date"],
        IETEST=map_text(ie["IETESTCD"], words).fillna(ie["IETEST"]).fillna(ie["IETESTCD"]),
    )
    return finish_occurrences(ie.assign(ADY=derive_ady(ie["ADT"], ie["TRTSDT"])), adsl, "ADIE")
