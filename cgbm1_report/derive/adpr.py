"""ADPR: one row per procedure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import parse_dtc
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.occurrences import finish_occurrences, take_periods
from cgbm1_report.derive.onset import derive_relative_days

_TEXT = ("PRTRT", "PRDECOD", "PRINDC", "PRSTDTC", "PRENDTC")


def derive_adpr(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame) -> pd.DataFrame:
    """All procedures, with what began before and what after the first infusion.

    Dates are completed as those of medications: a start of unknown day is the first day it can mean,
    an end of unknown day the last one, not after death or end of study.

    Parameters
    ----------
    sdtm
        PR; an absent domain gives no rows.
    adsl
        One row per subject.

    Returns
    -------
    DataFrame
        Sorted by subject, start (a missing one last) and sequence number.
    """
    pr = take_periods(sdtm, adsl, "PR", _TEXT)
    pr = pr.join([derive_relative_days(pr)[["ASTDY", "AENDY"]], derive_before_after(pr)])
    return finish_occurrences(pr, adsl, "ADPR")


def derive_before_after(pr: pd.DataFrame) -> pd.DataFrame:
    """PREFL and ONTRTFL: began before, and began at or after, the start of the first infusion.

    A complete start is one of the two: on the day of the first infusion the times decide, compared to
    the minute, and without a time it counts as after. A partial or missing start is both where neither
    can be excluded, so that no procedure is lost from either. Missing for a subject never dosed.

    Parameters
    ----------
    pr
        ``PRSTDTC, PRENDTC, TRTSDT, TRTSDTM``.
    """
    start, end = parse_dtc(pr["PRSTDTC"]), parse_dtc(pr["PRENDTC"])
    treatment, dosed = pr["TRTSDT"], pr["TRTSDT"].notna()
    earlier_time = start["datetime"].dt.floor("min") < pr["TRTSDTM"].dt.floor("min")
    surely_after = (start["first"] >= treatment) & ~earlier_time
    surely_before = (start["last"] < treatment) | (end["last"] < treatment) | earlier_time
    return pd.DataFrame({"PREFL": flag(~surely_after & dosed), "ONTRTFL": flag(~surely_before & dosed)})
