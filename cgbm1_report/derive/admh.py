"""ADMH: one row per condition of the medical history."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.occurrences import finish_occurrences, take_periods

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
        Sorted by subject, start (a missing one last) and sequence number.
    """
    mh = take_periods(sdtm, adsl, "MH", _TEXT)
    mh = mh.assign(MHONGFL=flag(mh["MHENRTPT"].eq("ONGOING")))
    return finish_occurrences(mh, adsl, "ADMH", drop=["AENDT", "AENDTF"])
