"""Who did not enter the study: who failed screening, and who is still in it."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.errors import DataError, number_of
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.tabulate.view import View, refuse_unexpected

#: How the study ended for a subject, and who is in screening by it.
_STATUS, _WAITING = "EOSSTT", "ONGOING"
#: What says that screening failed where there is no end of the study: SDTMIG 3.4 has a reason, data before it an arm of that name.
_FAILED = {
    "ARMNRS": ("SCREEN FAILURE",),
    **dict.fromkeys(("ARM", "ACTARM", "TRT01P", "TRT01A"), ("SCREEN FAILURE",)),
    **dict.fromkeys(("ARMCD", "ACTARMCD"), ("SCRNFAIL",)),
}


def part_outside(view: View, subjects: pd.DataFrame, entered: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Those who did not enter: who failed screening, and who is in it.

    EOSSTT is of who entered; of the others supplied data may have none, if something else says that they failed.

    Raises
    ------
    ReportError
        EOSSTT is none of its values, or missing of who entered, or of who did not and nothing tells why.
    """
    view.require("ADSL", subjects, _STATUS)
    known, _ = schema_values("ADSL", _STATUS) or ((), False)
    outside = subjects[~subjects["USUBJID"].isin(entered["USUBJID"])]
    refuse_unexpected("ADSL", entered, _STATUS, known)
    refuse_unexpected("ADSL", outside, _STATUS, known, optional=True)
    untold = outside[outside[_STATUS].isna() & ~_has_failed(outside)]
    if len(untold):
        raise DataError(
            f"{_STATUS} is missing of {number_of(len(untold), 'subject')} who did not enter,"
            " and nothing says that screening failed",
            file="ADSL",
            rule="every subject is accounted for",
            place=str(untold["USUBJID"].iloc[0]),
            remedy=f"fill {_STATUS}, or DCSREAS, or ARMNRS (SCREEN FAILURE)",
        )
    waiting = outside[_STATUS] == _WAITING
    return outside[~waiting], outside[waiting]


def _has_failed(outside: pd.DataFrame) -> pd.Series:
    failed = outside["DCSREAS"].notna() if "DCSREAS" in outside else pd.Series(False, index=outside.index)
    for variable, words in _FAILED.items():
        if variable in outside:
            failed |= outside[variable].astype("str").str.upper().isin(words)
    return failed
