"""ADVS: vital signs by visit and around each infusion."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_days
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.onset import read_infusions
from cgbm1_report.derive.results import start_records, take_results
from cgbm1_report.derive.windows import derive_bds, finish_bds, flag_efficacy, flag_selected
from cgbm1_report.distinct import map_numbers, map_text
from cgbm1_report.protocol.trial import Trial

#: The planned time point before an infusion.
_BEFORE = "PRE-DOSE"
#: Planned time points around an infusion, in order.
_POINTS = {_BEFORE: 1.0, "END": 2.0, "+1H": 3.0, "+4H": 4.0}
#: What the time points mean where a measurement has no time: only the first is before the infusion.
_BEFORE_OR_AFTER = {point: _BEFORE if point == _BEFORE else "POST-DOSE" for point in _POINTS}


def derive_advs(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADVS, one row per subject, parameter and measurement, as collected.

    ATPT is missing for a measurement that was not planned around an infusion. Each visit has one
    analysis record per time point (ANL01FL). One record stands for the visit (ANL03FL): the baseline, else
    the nearest to the target day of those that no infusion has touched; of these is also the one that an
    outcome is analysed by (ANL02FL). Each infusion has one record per time point (ANL04FL). Measurements
    that were not done, hold no number, or are of a test trial.yaml declares for no ADVS parameter are left out.

    Parameters
    ----------
    sdtm
        VS and EX; an absent domain gives no rows, and no infusion.
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
    frame = frame.assign(ATPT=frame["VSTPT"], INFNUM=derive_infusion_around(frame, read_infusions(sdtm)))
    flags = {"ANL02FL": _flag_efficacy(frame, trial), "ANL03FL": _flag_visit(frame), "ANL04FL": _flag_around_infusion(frame)}
    return finish_bds(frame.assign(**flags), "ADVS")


def derive_infusion_around(records: pd.DataFrame, infusions: pd.DataFrame) -> pd.Series:
    """INFNUM: the infusion that a measurement at a planned time point was taken around.

    It is the infusion of the day. A time point after an infusion may lie past midnight, and one before it
    on the evening before; no two infusions are so near that a day would be between them. Missing where no
    infusion was given then, and where no time point was planned.

    Parameters
    ----------
    records
        ``USUBJID, ADT, ATPTN``, unique index.
    infusions
        ``USUBJID, INFNUM, DATE``.
    """
    planned = records.loc[records["ATPTN"].notna(), ["USUBJID", "ADT", "ATPTN"]]
    pairs = planned.reset_index(names="record").merge(infusions, on="USUBJID")
    gap = derive_days(pairs["ADT"], pairs["DATE"])
    pairs["GAP"] = gap.mask(pairs["ATPTN"] == _POINTS[_BEFORE], -gap)
    near = pairs[pairs["GAP"].isin([0.0, 1.0])].sort_values(["record", "GAP", "INFNUM"]).drop_duplicates("record")
    return look_up(pd.Series(records.index, index=records.index), near.set_index("record")["INFNUM"]).astype("float64")


def _is_untouched(frame: pd.DataFrame) -> pd.Series:
    """What stands for a visit was measured apart from an infusion, or before it: not what the infusion did."""
    return frame["ATPTN"].isna() | (frame["ATPTN"] == _POINTS[_BEFORE])


def _flag_efficacy(frame: pd.DataFrame, trial: Trial) -> pd.Series:
    """ANL02FL of an outcome: one record of a visit, whatever was planned around an infusion on that day."""
    untouched = frame[_is_untouched(frame)].drop(columns="ATPTN")
    return flag_efficacy(untouched, trial).reindex(frame.index).astype("str")


def _flag_visit(frame: pd.DataFrame) -> pd.Series:
    """ANL03FL: the baseline, else of what no infusion touched the nearest to the target day."""
    chosen = flag_selected(frame.drop(columns="ATPTN"), _is_untouched(frame) & frame["POST"])
    return chosen.mask(frame["ABLFL"] == "Y", "Y")


def _flag_around_infusion(frame: pd.DataFrame) -> pd.Series:
    """ANL04FL: of several measurements at one time point of an infusion the last."""
    known = frame["INFNUM"].notna()
    last = ~frame[["SERIES", "INFNUM", "ATPTN"]].where(known).duplicated(keep="last")
    return flag(known & last)
