"""ADDV: one row per protocol deviation."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_ady, parse_dtc
from cgbm1_report.derive.domains import add_subject_variables, flag, take_domain
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT, add_labels
from cgbm1_report.derive.onset import add_subject_dates


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
        Sorted by subject, date and sequence number; ``attrs["labels"]``. A date without its day has
        neither ADT nor ADY.
    """
    dv = take_domain(sdtm, "DV", ("DVTERM", "DVDECOD", "DVCAT", "DVSTDTC", "DVPPSFL"), ("DVSEQ",))
    dv = add_subject_dates(dv, adsl)
    dv = dv.assign(ADT=parse_dtc(dv["DVSTDTC"])["date"])
    dv = dv.assign(
        ADY=derive_ady(dv["ADT"], dv["TRTSDT"]),
        DVIMPFL=flag(dv["DVCAT"].eq("IMPORTANT")),
        DVPPSFL=flag(dv["DVPPSFL"].eq("Y")),
    )
    dv = dv.sort_values(["USUBJID", "ADT", "DVSEQ", "DVTERM"], kind="stable", ignore_index=True)
    dv = add_subject_variables(dv, adsl, OCCURRENCE_SUBJECT)
    return add_labels(dv.drop(columns=["DVSTDTC", "TRTSDTM", "DTHDT", "EOSDT"]), "ADDV")
