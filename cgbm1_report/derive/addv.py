"""ADDV: one row per protocol deviation."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_ady, parse_dtc
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.occurrences import finish_occurrences, take_occurrences

_TEXT = ("DVTERM", "DVDECOD", "DVCAT", "DVSTDTC", "DVPPSFL")


def derive_addv(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame) -> pd.DataFrame:
    """All protocol deviations, with those that are important and those that exclude from the per-protocol set.

    Parameters
    ----------
    sdtm
        DV with DVPPSFL of its supplemental qualifiers; an absent domain gives no rows.
    adsl
        One row per subject.

    Returns
    -------
    DataFrame
        Sorted by subject, date and sequence number. A date without its day has
        neither ADT nor ADY; the collected text stays in DVSTDTC.
    """
    dv = take_occurrences(sdtm, adsl, "DV", _TEXT)
    dv = dv.assign(ADT=parse_dtc(dv["DVSTDTC"])["date"])
    dv = dv.assign(
        ADY=derive_ady(dv["ADT"], dv["TRTSDT"]),
        DVIMPFL=flag(dv["DVCAT"].eq("IMPORTANT")),
        DVPPSFL=flag(dv["DVPPSFL"].eq("Y")),
    )
    return finish_occurrences(dv, adsl, "ADDV")
