"""ADEX: what each infusion gave, and how much of the planned treatment each subject received."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from cgbm1_report.collected.infusions import number_infusions
from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_ady, parse_dtc
from cgbm1_report.derive.domains import take_domain, yes_no
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.derive.treatment import plan_infusions
from cgbm1_report.derive.windows import add_subject, finish_bds
from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

_PER_INFUSION = ("DOSE", "CELLS", "DURMIN", "INFCOMP")
_PER_SUBJECT = ("NINF", "CUMDOSE", "DOSECOMP")
#: SDTM variable each value comes from, for the trace.
_SOURCE = {
    "DOSE": "EXTOTCEL",
    "CELLS": "EXTOTCEL",
    "DURMIN": "EXENDTC",
    "INFCOMP": "EXTOTCEL",
    "ADJFL": "EXADJ",
    "NINF": "EXSEQ",
    "CUMDOSE": "EXTOTCEL",
    "DOSECOMP": "EXTOTCEL",
}


def derive_adex(sdtm: Sdtm, adsl: pd.DataFrame, summary: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADEX, one row per subject, parameter and infusion, and per subject and summary parameter.

    Per infusion (EXSEQ and INFNUM filled): DOSE given (10^6 cells/kg), CELLS given (10^6), DURMIN
    (minutes), INFCOMP (% of the planned cells, of the planned volume where no cells were planned),
    ADJFL (AVALC Y or N). Per subject (EXSEQ missing): NINF, CUMDOSE (10^6 cells/kg), DOSECOMP (%).
    A value that cannot be told, as cells in a blinded phase, has no row.

    Parameters
    ----------
    sdtm
        EX with its supplemental qualifiers.
    adsl
        One row per subject, with the last date of treatment.
    summary
        As `derive_exposure_summary` gives it.
    trial
        Parameters.
    """
    infusions = _read_infusions(sdtm)
    records = pd.concat([_melt_infusions(infusions), _melt_subjects(summary, adsl)], ignore_index=True)
    frame = add_subject(add_parameter(records, trial), adsl)
    frame["ADY"] = derive_ady(frame["ADT"], frame["TRTSDT"])
    frame = frame.sort_values(["USUBJID", "EXSEQ", "ADT", "PARAMN"], kind="stable", ignore_index=True)
    frame["ASEQ"] = (frame.groupby("USUBJID").cumcount() + 1).astype("float64")
    return finish_bds(frame, "ADEX")


def derive_exposure_summary(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.DataFrame:
    """How much of the planned treatment each subject received.

    DOSECOMP is the mean compliance over the planned infusions that were due, a missed one counting 0.
    Which infusions were due is told by `plan_infusions`; one that was given counts whenever that was.

    Returns
    -------
    DataFrame
        One row per subject of ADSL, indexed by USUBJID: ``NINF`` (0 if never dosed), ``CUMDOSE``
        (10^6 cells/kg; missing if never dosed, or where cells or weight of an infusion are missing),
        ``DOSECOMP`` (%; missing if never dosed, or where the compliance of an infusion is).
    """
    infusions = _read_infusions(sdtm)
    subjects = pd.Index(adsl["USUBJID"], name="USUBJID")
    by_subject = infusions.groupby("USUBJID")
    dose = by_subject["DOSE"].agg(["sum", "count", "size"])
    return pd.DataFrame(
        {
            "NINF": by_subject.size().reindex(subjects, fill_value=0).astype("float64"),
            "CUMDOSE": dose["sum"].where(dose["count"] == dose["size"]).reindex(subjects),
            "DOSECOMP": _derive_dosecomp(infusions, adsl, trial, cutoff).reindex(subjects),
        },
        index=subjects,
    )


def _read_infusions(sdtm: Sdtm) -> pd.DataFrame:
    """EX with dose, duration, compliance and number of each infusion."""
    numbers = ("EXSEQ", "EXTOTCEL", "EXPLCEL", "EXPLVOL", "EXACVOL", "EXWT")
    ex = take_domain(sdtm, "EX", ("EXTPT", "EXADJ", "EXSTDTC", "EXENDTC"), numbers)
    start, end = parse_dtc(ex["EXSTDTC"]), parse_dtc(ex["EXENDTC"])
    ex = ex.assign(ADT=start["date"], ADTM=start["datetime"])
    # Placebo holds no cells: what was given of its volume tells the compliance.
    of_cells = 100 * ex["EXTOTCEL"] / ex["EXPLCEL"]
    of_volume = 100 * ex["EXACVOL"] / ex["EXPLVOL"].where(ex["EXPLVOL"] > 0)
    ex["BYVOLUME"] = ~(ex["EXPLCEL"] > 0)
    ex["INFCOMP"] = of_volume.where(ex["BYVOLUME"], of_cells)
    ex["DOSE"] = ex["EXTOTCEL"] / ex["EXWT"].where(ex["EXWT"] > 0)
    ex["CELLS"] = ex["EXTOTCEL"]
    ex["DURMIN"] = (end["datetime"] - start["datetime"]).dt.total_seconds() / 60
    ex["ADJFL"] = yes_no(ex["EXADJ"].notna())
    return number_infusions(ex)


def _melt_infusions(infusions: pd.DataFrame) -> pd.DataFrame:
    keys = infusions[["USUBJID", "ADT", "ADTM", "EXSEQ", "INFNUM", "BYVOLUME"]].assign(SRCSEQ=infusions["EXSEQ"])
    values = [keys.assign(PARAMCD=name, AVAL=infusions[name]) for name in _PER_INFUSION]
    adjusted = keys.assign(PARAMCD="ADJFL", AVALC=infusions["ADJFL"])
    long = pd.concat([*[value[value["AVAL"].notna()] for value in values], adjusted], ignore_index=True)
    long["PARAMCD"] = long["PARAMCD"].astype("str")
    source = map_text(long["PARAMCD"], _SOURCE)
    by_volume = long["PARAMCD"].eq("INFCOMP") & long.pop("BYVOLUME").astype(bool)
    return long.assign(SRCDOM="EX", SRCVAR=source.mask(by_volume, "EXACVOL"))


def _melt_subjects(summary: pd.DataFrame, adsl: pd.DataFrame) -> pd.DataFrame:
    """Records of dosed subjects, dated with their last infusion."""
    last = adsl.set_index("USUBJID")["TRTEDT"].reindex(summary.index)
    dosed = summary[summary["NINF"] > 0]
    long = dosed.reset_index().melt("USUBJID", list(_PER_SUBJECT), "PARAMCD", "AVAL")
    long = long[long["AVAL"].notna()].assign(SRCDOM="EX", EXSEQ=np.nan, INFNUM=np.nan)
    long["PARAMCD"] = long["PARAMCD"].astype("str")
    long["SRCVAR"] = map_text(long["PARAMCD"], _SOURCE)
    return long.assign(ADT=look_up(long["USUBJID"], last).astype(DATE))


def _derive_dosecomp(infusions: pd.DataFrame, adsl: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.Series:
    planned = plan_infusions(adsl, trial, cutoff)
    given = infusions.groupby(["USUBJID", "INFNUM"], as_index=False)["INFCOMP"].mean(skipna=False)
    both = planned.loc[planned["DUE"], ["USUBJID", "INFNUM"]].merge(given, on=["USUBJID", "INFNUM"], how="outer", indicator=True)
    compliance = both["INFCOMP"].mask(both["_merge"] == "left_only", 0.0)
    by_subject = compliance.groupby(both["USUBJID"]).agg(["sum", "count", "size"])
    return (by_subject["sum"] / by_subject["size"]).where(by_subject["count"] == by_subject["size"])
