"""One measurement per visit: the way components of a score are brought together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.derive.dates import derive_days
from cgbm1_report.derive.domains import add_subject_variables
from cgbm1_report.derive.windows import derive_avisitn
from cgbm1_report.protocol.trial import Trial

#: What a visit of a subject is known by; KEY is VISITNUM rounded, so that 7.01 is 7.01 in every domain.
KEYS = ["USUBJID", "KEY"]
#: Where a measurement leads to.
SOURCE = ["SRCDOM", "SRCVAR", "SRCSEQ"]


def visit_key(visitnum: pd.Series) -> pd.Series:
    """VISITNUM as whole hundredths of hundredths: 28.01 of two domains may differ in its last bit."""
    return (visitnum * 1e4).round()


def measure_distance(records: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """Days between a measurement and the target of its analysis window.

    0 before treatment, where the latest measurement counts; infinite after it outside every window, as
    on the day of the first infusion.

    Parameters
    ----------
    records
        ``USUBJID, ADT, ADTM``.
    adsl
        One row per subject.
    trial
        Windows.
    """
    dated = add_subject_variables(records[["USUBJID", "ADT", "ADTM"]], adsl, ("ANCHDT", "PHASE", "TRTSDTM"))
    rel = derive_days(dated["ADT"], dated["ANCHDT"])
    windows = derive_avisitn(rel, dated["PHASE"], trial)
    late = dated["ADTM"] > dated["TRTSDTM"]
    distance = (rel - windows["AWTARGET"]).abs().fillna(np.inf)
    return distance.mask(rel.isna() | (rel < 0) | ((rel == 0) & ~late), 0.0)


def pick_record(records: pd.DataFrame, value: str, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Take the value of each visit that would stand for it: nearest its target day, then the latest.

    A missing time is 00:00; of one time the larger sequence number counts.

    Parameters
    ----------
    records
        ``USUBJID, VISITNUM, ADT, ADTM``, the value, and ``SRCDOM, SRCVAR, SRCSEQ``.
    value
        Name of the value.
    adsl
        One row per subject.
    trial
        Windows.

    Returns
    -------
    DataFrame
        One row per subject and visit: ``USUBJID, KEY``, the value, ``ADT, ADTM, SRCDOM, SRCVAR, SRCSEQ``.
    """
    known = records[records[value].notna() & records["ADT"].notna() & records["VISITNUM"].notna()]
    known = known.assign(
        KEY=visit_key(known["VISITNUM"]), MOMENT=known["ADTM"].fillna(known["ADT"]), NEAR=-measure_distance(known, adsl, trial)
    )
    ordered = known.sort_values(["NEAR", "MOMENT", "SRCSEQ", value])
    return ordered.drop_duplicates(KEYS, keep="last")[[*KEYS, value, "ADT", "ADTM", *SOURCE]]
