"""ADMH: one row per condition of the medical history."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import impute_start
from cgbm1_report.derive.domains import add_subject_variables, flag, take_domain
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT, add_labels
from cgbm1_report.derive.onset import add_subject_dates

_TEXT = ("MHTERM", "MHDECOD", "MHBODSYS", "MHCAT", "MHSTDTC", "MHENDTC", "MHENRTPT")


def derive_admh(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame) -> pd.DataFrame:
    """All conditions, with their start and whether they were still there at screening.

    A start of unknown day or month is the first day it can mean, never the first dose date.

    Parameters
    ----------
    sdtm
        MH; an absent domain gives no rows.
    adsl
        One row per subject.

    Returns
    -------
    DataFrame
        Sorted by subject, start (a missing one last) and sequence number; ``attrs["labels"]``.
    """
    mh = add_subject_dates(take_domain(sdtm, "MH", _TEXT, ("MHSEQ",)), adsl)
    start = impute_start(mh["MHSTDTC"], mh["MHENDTC"], mh["TRTSDT"], at_treatment=False)
    mh = mh.assign(ASTDT=start["date"], MHONGFL=flag(mh["MHENRTPT"].eq("ONGOING")))
    mh = mh.sort_values(["USUBJID", "ASTDT", "MHSEQ", "MHTERM", "MHSTDTC"], kind="stable", ignore_index=True)
    mh = add_subject_variables(mh, adsl, OCCURRENCE_SUBJECT)
    return add_labels(mh.drop(columns=["TRTSDTM", "DTHDT", "EOSDT"]), "ADMH")
