"""ADVS: vital signs by visit and around each infusion."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.results import start_records, take_results
from cgbm1_report.derive.windows import derive_bds, finish_bds
from cgbm1_report.distinct import map_numbers, map_text
from cgbm1_report.protocol.trial import Trial

#: Planned time points around an infusion, in order.
_POINTS = {"PRE-DOSE": 1.0, "END": 2.0, "+1H": 3.0, "+4H": 4.0}
#: What the time points mean where a measurement has no time: only the first is before the infusion.
_BEFORE_OR_AFTER = {point: "PRE-DOSE" if point == "PRE-DOSE" else "POST-DOSE" for point in _POINTS}


def derive_advs(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADVS, one row per subject, parameter and measurement, as collected.

    ATPT is missing for a measurement that was not planned around an infusion. Each visit has one
    analysis record per time point. Measurements that were not done, hold no number, or are of a
    test trial.yaml declares for no ADVS parameter are left out.

    Parameters
    ----------
    sdtm
        VS; an absent domain gives no rows.
    adsl
        One row per subject.
    trial
        Parameters, visits, windows.

    Returns
    -------
    DataFrame
        Sorted by subject, parameter and time.

    Raises
    ------
    ReportError
        A measurement belongs to no subject of ADSL, or states another unit than the declared one.
    """
    vs = take_results(sdtm, "VS", "ADVS", trial, ("VSSTRESU", "VSTPT"), ("VSSTRESN",))
    vs = vs[vs["VSSTRESN"].notna()]
    records = start_records(vs, "VS", "VSSTRESN").assign(
        AVAL=vs["VSSTRESN"],
        VSTPT=vs["VSTPT"],
        ATPT=map_text(vs["VSTPT"], _BEFORE_OR_AFTER),
        ATPTN=map_numbers(vs["VSTPT"], _POINTS),
    )
    frame = derive_bds(records, adsl, trial)
    return finish_bds(frame.assign(ATPT=frame["VSTPT"]), "ADVS")
