"""ADIS: anti-HLA antibodies, each class and both together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.results import start_records, take_results
from cgbm1_report.derive.visits import visit_key
from cgbm1_report.derive.windows import derive_bds, finish_bds
from cgbm1_report.protocol.trial import Trial

_POSITIVE, _NEGATIVE = "POSITIVE", "NEGATIVE"
_CLASSES, _TOGETHER = ("HLA1AB", "HLA2AB"), "HLAAB"


def derive_adis(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADIS, one row per subject, parameter and sample.

    HLAAB of a sample (one subject, visit and day) is POSITIVE if class I or II is, NEGATIVE if both
    are; else nothing can be told and there is no record. An INDETERMINATE result is kept for the
    listing but counts as missing: it is no baseline, no visit's record and no worst value. SHIFT1
    leads from the baseline to the worst result after the first dose; TEPOSFL marks each positive
    result after a negative baseline.

    Parameters
    ----------
    sdtm
        IS; an absent domain gives no rows. Fluorescence intensities and HIV antibody are no parameters
        of ADIS.
    adsl
        One row per subject.
    trial
        Parameters, visits, windows.

    Returns
    -------
    DataFrame
        Results in AVALC, no AVAL; sorted by subject, parameter and time.

    Raises
    ------
    ReportError
        A result belongs to no subject of ADSL.
    """
    classes = _read_classes(sdtm, trial)
    together = _combine_classes(classes) if _TOGETHER in trial.parameters else classes.iloc[:0]
    records = pd.concat([classes, together], ignore_index=True)
    usable = records["RESULT"].where(records["RESULT"].isin([_POSITIVE, _NEGATIVE]))
    frame = derive_bds(records.assign(AVAL=np.nan, AVALC=usable), adsl, trial)
    frame["SHIFT1"] = _derive_shift1(frame)
    frame["TEPOSFL"] = flag(frame["POST"] & frame["AVALC"].eq(_POSITIVE) & frame["BASEC"].eq(_NEGATIVE))
    return finish_bds(frame.assign(AVALC=frame["RESULT"]), "ADIS")


def _read_classes(sdtm: Mapping[str, pd.DataFrame], trial: Trial) -> pd.DataFrame:
    """Results of the two classes; a result not done has no record."""
    found = take_results(sdtm, "IS", "ADIS", trial, ("ISSTRESC",))
    found = found[found["PARAMCD"].isin(_CLASSES) & found["ISSTRESC"].notna()]
    return start_records(found, "IS", "ISSTRESC").assign(RESULT=found["ISSTRESC"].str.strip().str.upper())


def _combine_classes(classes: pd.DataFrame) -> pd.DataFrame:
    """HLAAB of each sample whose result can be told; it has the time of the later of its timed results.

    It leads to the first positive result of the sample, or to the first one of a negative sample.
    """
    ordered = classes.assign(KEY=visit_key(classes["VISITNUM"])).sort_values(["ADTM", "SRCSEQ"])
    ordered = ordered.assign(
        ANY=ordered["RESULT"].eq(_POSITIVE),
        **{name: ordered["PARAMCD"].eq(name) & ordered["RESULT"].eq(_NEGATIVE) for name in _CLASSES},
    )
    sample = ordered.groupby(["USUBJID", "KEY", "ADT"], dropna=False, sort=True)
    seen = sample[["ANY", *_CLASSES]].any()
    negative = seen[list(_CLASSES)].all(axis=1) & ~seen["ANY"]
    result = pd.Series(_POSITIVE, index=seen.index, dtype="str").mask(negative, _NEGATIVE).where(seen["ANY"] | negative)
    first = sample[["VISIT", "VISITNUM", "SRCDOM", "SRCVAR"]].first()
    deciding = ordered[ordered["RESULT"].isin([_POSITIVE, _NEGATIVE])].sort_values("ANY", ascending=False, kind="stable")
    source = deciding.groupby(["USUBJID", "KEY", "ADT"], dropna=False)["SRCSEQ"].first()
    made = first.assign(RESULT=result, ADTM=sample["ADTM"].max(), SRCSEQ=source, PARAMCD=_TOGETHER).reset_index()
    return made.loc[made["RESULT"].notna(), classes.columns]


def _derive_shift1(frame: pd.DataFrame) -> pd.Series:
    """Baseline to worst result, on every record after the first dose; missing without either."""
    keys = [frame["USUBJID"], frame["PARAMCD"]]
    after = frame["AVALC"].where(frame["POST"])
    positive = after.eq(_POSITIVE).groupby(keys, sort=False).transform("any")
    known = after.notna().groupby(keys, sort=False).transform("any")
    worst = pd.Series(_NEGATIVE, index=frame.index, dtype="str").mask(positive, _POSITIVE).where(known)
    return (frame["BASEC"] + " to " + worst).where(frame["POST"])
