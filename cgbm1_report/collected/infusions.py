"""The number of an infusion, as the form names it."""

from __future__ import annotations

import pandas as pd


def read_infusion_number(extpt: pd.Series) -> pd.Series:
    """The number that EXTPT ends with (INFUSION 3), blanks behind it left aside; missing without one."""
    return pd.to_numeric(extpt.str.extract(r"([0-9]+)\s*$", expand=False), errors="coerce").astype("float64")


def number_infusions(ex: pd.DataFrame) -> pd.DataFrame:
    """Infusions in the order of their starts, with INFNUM.

    INFNUM is the number in EXTPT, so that a missed infusion leaves its number free; without one it is the
    order of the starts. An infusion whose day is not known comes last.

    Parameters
    ----------
    ex
        USUBJID, EXTPT, EXSEQ, ADT and ADTM (start, missing without a time).
    """
    ordered = ex.sort_values(["USUBJID", "ADT", "ADTM", "EXSEQ"], na_position="last")
    place = ordered.groupby("USUBJID").cumcount() + 1.0
    return ordered.assign(INFNUM=read_infusion_number(ordered["EXTPT"]).fillna(place).astype("float64"))
