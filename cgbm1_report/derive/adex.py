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
#: What was collected of an infusion and stands beside each of its records.
_COLLECTED_NUMBERS = ("EXTOTCEL", "EXPLCEL", "EXPLVOL", "EXACVOL", "EXWT")
_COLLECTED_TEXTS = ("EXLOT", "EXADJ", "EXSTDTC", "EXENDTC")
_PER_SUBJECT = ("NINF", "CUMDOSE", "DOSECOMP")
_COMPLIANCES = ("INFCOMP", "DOSECOMP")
#: SDTM variable each value comes from, for the trace; a compliance of volumes comes from another (`_trace`).
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
    (minutes), INFCOMP (% of the planned cells or volume, as the phase has it in ``compliance_of``),
    ADJFL (AVALC Y or N); beside each what was collected: lot, weight, cells and volumes, times, adjustment. Per subject
    (EXSEQ missing): NINF, CUMDOSE (10^6 cells/kg), DOSECOMP (%).
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
    infusions = _read_infusions(sdtm, adsl, trial)
    records = pd.concat([_melt_infusions(infusions, adsl, trial), _melt_subjects(summary, adsl, trial)], ignore_index=True)
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
    infusions = _read_infusions(sdtm, adsl, trial)
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


def _goes_by_volume(subjects: pd.Series, adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """Whether the phase of a record's subject tells compliance of volumes."""
    phases = [float(number) for number, phase in trial.phases.items() if phase.compliance_of == "volume"]
    return look_up(subjects, adsl.set_index("USUBJID")["PHASE"]).isin(phases)


def _read_infusions(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """EX with dose, duration, compliance and number of each infusion."""
    ex = take_domain(sdtm, "EX", ("EXTPT", *_COLLECTED_TEXTS), ("EXSEQ", *_COLLECTED_NUMBERS))
    start, end = parse_dtc(ex["EXSTDTC"]), parse_dtc(ex["EXENDTC"])
    ex = ex.assign(ADT=start["date"], ADTM=start["datetime"])
    of_cells = 100 * ex["EXTOTCEL"] / ex["EXPLCEL"].where(ex["EXPLCEL"] > 0)
    of_volume = 100 * ex["EXACVOL"] / ex["EXPLVOL"].where(ex["EXPLVOL"] > 0)
    # Never the one for want of the other: the compliance of a subject would change its meaning with the blind.
    ex["INFCOMP"] = of_volume.where(_goes_by_volume(ex["USUBJID"], adsl, trial), of_cells)
    ex["DOSE"] = ex["EXTOTCEL"] / ex["EXWT"].where(ex["EXWT"] > 0)
    ex["CELLS"] = ex["EXTOTCEL"]
    ex["DURMIN"] = (end["datetime"] - start["datetime"]).dt.total_seconds() / 60
    ex["ADJFL"] = yes_no(ex["EXADJ"].notna())
    return number_infusions(ex)


def _trace(records: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """SRCVAR of each record."""
    by_volume = records["PARAMCD"].isin(_COMPLIANCES) & _goes_by_volume(records["USUBJID"], adsl, trial)
    return map_text(records["PARAMCD"], _SOURCE).mask(by_volume, "EXACVOL")


def _melt_infusions(infusions: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    told = ["USUBJID", "ADT", "ADTM", "EXSEQ", "INFNUM", *_COLLECTED_TEXTS, *_COLLECTED_NUMBERS]
    keys = infusions[told].assign(SRCSEQ=infusions["EXSEQ"])
    values = [keys.assign(PARAMCD=name, AVAL=infusions[name]) for name in _PER_INFUSION]
    adjusted = keys.assign(PARAMCD="ADJFL", AVALC=infusions["ADJFL"])
    long = pd.concat([*[value[value["AVAL"].notna()] for value in values], adjusted], ignore_index=True)
    long["PARAMCD"] = long["PARAMCD"].astype("str")
    return long.assign(SRCDOM="EX", SRCVAR=_trace(long, adsl, trial))


def _melt_subjects(summary: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Records of dosed subjects, dated with their last infusion."""
    last = adsl.set_index("USUBJID")["TRTEDT"].reindex(summary.index)
    dosed = summary[summary["NINF"] > 0]
    long = dosed.reset_index().melt("USUBJID", list(_PER_SUBJECT), "PARAMCD", "AVAL")
    long = long[long["AVAL"].notna()].assign(SRCDOM="EX", EXSEQ=np.nan, INFNUM=np.nan)
    long["PARAMCD"] = long["PARAMCD"].astype("str")
    long["SRCVAR"] = _trace(long, adsl, trial)
    return long.assign(ADT=look_up(long["USUBJID"], last).astype(DATE))


def _derive_dosecomp(infusions: pd.DataFrame, adsl: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.Series:
    planned = plan_infusions(adsl, trial, cutoff)
    given = infusions.groupby(["USUBJID", "INFNUM"], as_index=False)["INFCOMP"].mean(skipna=False)
    both = planned.loc[planned["DUE"], ["USUBJID", "INFNUM"]].merge(given, on=["USUBJID", "INFNUM"], how="outer", indicator=True)
    compliance = both["INFCOMP"].mask(both["_merge"] == "left_only", 0.0)
    by_subject = compliance.groupby(both["USUBJID"]).agg(["sum", "count", "size"])
    return (by_subject["sum"] / by_subject["size"]).where(by_subject["count"] == by_subject["size"])
