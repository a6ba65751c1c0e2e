"""Procedures that decide what is analysed: which they are, and the days they cover."""

from __future__ import annotations

from typing import Final

import pandas as pd

from cgbm1_report.collected.intervals import count_days, read_intervals
from cgbm1_report.protocol.clinical import MeldDialysis

TRANSPLANTATION: Final = "LIVER TRANSPLANTATION"
RENAL_REPLACEMENT: Final = "RENAL REPLACEMENT THERAPY"
VENTILATION: Final = "MECHANICAL VENTILATION"


def read_procedure_days(pr: pd.DataFrame, decod: str) -> pd.DataFrame:
    """The days that procedures of one kind cover: one day unless an end is recorded or they go on.

    A procedure that does not go on and has no complete start date says nothing; one that goes on counts from
    the first day its start can mean.

    Parameters
    ----------
    pr
        PR with USUBJID, PRDECOD, PRSTDTC, PRENDTC and PRENRTPT, unique index.
    decod
        PRDECOD of the kind.

    Returns
    -------
    DataFrame
        ``USUBJID``, ``START``, ``END``, as `read_intervals` gives them, in the index of ``pr``.
    """
    done = pr[pr["PRDECOD"] == decod]
    going_on = done["PRENDTC"].isna() & (done["PRENRTPT"] == "ONGOING")
    ended = read_intervals(done[~going_on], "PRSTDTC", "PRENDTC", open_end=False)
    return pd.concat([ended, read_intervals(done[going_on], "PRSTDTC", "PRENDTC", open_end=True)])


def is_dialysed(records: pd.DataFrame, days: pd.DataFrame, rule: MeldDialysis) -> pd.Series:
    """Whether renal replacement covers as many distinct days before each record as MELD asks for.

    The day of the record itself does not count: the sample may have been drawn before the session.

    Parameters
    ----------
    records
        USUBJID and ADT, the day of the creatinine.
    days
        As `read_procedure_days` gives them of renal replacement.
    """
    return count_days(records, days, first_day=-rule.within_days, last_day=-1) >= rule.days
