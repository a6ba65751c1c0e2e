"""ADSL: one row per subject who signed consent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.collected.scores import derive_aclf_grade
from cgbm1_report.derive import disposition, history, populations, treatment
from cgbm1_report.derive.dates import derive_ady, derive_days, parse_dtc
from cgbm1_report.derive.domains import flag, take_domain
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.schema import schema_labels
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

_DM_TEXT = (
    *("STUDYID", "SUBJID", "SITEID", "RFICDTC", "DTHDTC", "DTHFL", "AGEU", "SEX", "RACE", "ETHNIC", "COUNTRY"),
    *("ARM", "ARMCD", "ACTARM", "ACTARMCD", "ARMNRS", "RANDNO"),
)
_COPIED = (
    *("STUDYID", "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ETHNIC", "COUNTRY"),
    *("ARM", "ARMCD", "ACTARM", "ACTARMCD", "ARMNRS"),
)
#: Baseline laboratory values: ADSL variable and parameter.
_BASELINES = {
    "BILIBL": "BILI",
    "INRBL": "INR",
    "CREATBL": "CREAT",
    "ALTBL": "ALT",
    "ASTBL": "AST",
    "ALBBL": "ALB",
    "SODBL": "SODIUM",
    "PLTBL": "PLAT",
    "HBVDNABL": "HBVDNA",
    "ICGRBL": "ICGR15",
}
_BODY_SIZE = {"HEIGHTBL": "HEIGHT", "WEIGHTBL": "WEIGHT"}
_SCORES = {"MELDBL": "MELD", "CLIFBL": "CLIFCOF", "HEGRBL": "HEGRADE", "OFREGBL": "OFREG", "LSMBL": "LSM"}
#: Where ADEFF keeps creatinine (mg/dL) and West-Haven grade of a CLIF-C OF total.
_CREATININE_AND_HE = ("COMP2", "COMP3")


def derive_subjects(sdtm: Sdtm, trial: Trial, cutoff: date | None) -> pd.DataFrame:
    """ADSL as far as it follows from SDTM alone: who, which treatment, which dates, which history.

    Variables that need other analysis datasets (exposure, per-protocol and DLT sets, baselines) are
    there, still missing; `add_exposure`, `add_populations` and `add_baselines` fill them.

    Raises
    ------
    ReportError
        A planned arm or a dose is not declared in trial.yaml, a subject has no phase.
    """
    dm = take_domain(sdtm, "DM", _DM_TEXT, ("AGE", "SCRPHASE")).sort_values("USUBJID").set_index("USUBJID")
    adsl = dm[list(_COPIED)].assign(PHASE=treatment.derive_phase(dm, trial), RFICDT=parse_dtc(dm["RFICDTC"])["date"])
    adsl = adsl.join(
        [
            history.derive_group(dm, "AGEGR1", trial),
            treatment.derive_trt01p(dm, trial),
            treatment.derive_trt01a(sdtm, adsl["PHASE"], trial),
            treatment.derive_trtsdt(sdtm, dm.index),
        ]
    )
    adsl = adsl.assign(
        ENRLDT=disposition.derive_enrldt(sdtm, dm.index),
        RANDDT=disposition.derive_randdt(sdtm, adsl["PHASE"], treatment.phases_of(trial, "RANDFL")),
        RANDNO=treatment.derive_randno(dm, adsl["PHASE"], trial),
    )
    adsl["ANCHDT"] = adsl["TRTSDT"].fillna(adsl["RANDDT"])
    adsl = adsl.join(treatment.derive_cohort(adsl, trial))
    adsl = _add_outcome_dates(adsl, sdtm, dm, trial, cutoff)
    adsl = _add_history(adsl, sdtm, trial)
    adsl = _add_first_populations(adsl, sdtm, trial)
    lacking = {name: _missing(name, adsl.index) for name in schema_labels("ADSL") if name not in (*adsl.columns, "USUBJID")}
    return adsl.assign(**lacking).reset_index()


def _missing(variable: str, index: pd.Index) -> pd.Series:
    """A missing variable of its right kind."""
    numeric = {"NINF", "CUMDOSE", "DOSECOMP", "BMIBL", "ACLFGRBL", *_BODY_SIZE, *_BASELINES, *_SCORES}
    return pd.Series(np.nan, index=index, dtype="float64" if variable in numeric else "str")


def _add_outcome_dates(adsl: pd.DataFrame, sdtm: Sdtm, dm: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.DataFrame:
    # Consent is the first contact: where nothing else is recorded the subject was alive then.
    lstalv0 = disposition.derive_lstalv0(sdtm, dm.index, cutoff).fillna(adsl["RFICDT"])
    death = disposition.derive_dthdt(dm, lstalv0)
    dosed = treatment.is_dosed(sdtm, dm.index)
    ltdt = disposition.derive_ltdt(sdtm, adsl["ANCHDT"])
    adsl = adsl.join(
        [
            death,
            disposition.derive_dthcaus(sdtm, dm.index, trial),
            disposition.derive_eosstt(sdtm, dm, death["DTHDT"]),
            disposition.derive_eotstt(sdtm, dosed, death["DTHDT"]),
        ]
    )
    lstalvdt = death["DTHDT"].fillna(lstalv0)
    adsl = adsl.assign(LSTALV0=lstalv0, LSTALVDT=lstalvdt)
    return adsl.assign(
        DTHADY=derive_ady(adsl["DTHDT"], adsl["TRTSDT"]),
        LTFL=flag(ltdt.notna()),
        LTDT=ltdt,
        LTADY=derive_ady(ltdt, adsl["TRTSDT"]),
        EOTADY=derive_ady(adsl["EOTDT"], adsl["TRTSDT"]),
        EOSADY=derive_ady(adsl["EOSDT"], adsl["TRTSDT"]),
        CMPLDAY=populations.derive_cmplday(adsl, trial),
        EFFDAY=lambda made: populations.derive_effday(made, trial, cutoff),
        FUPDAYS=(derive_days(lstalvdt, adsl["ANCHDT"]) + 1).where(dosed),
    )


def _add_history(adsl: pd.DataFrame, sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    adsl = adsl.assign(
        ETIOL=history.derive_etiol(sdtm, adsl.index),
        CIRRFL=history.derive_cirrfl(sdtm, adsl.index),
        PRECIP=history.derive_precip(sdtm, adsl.index),
        ALSBLFL=history.derive_alsblfl(sdtm, adsl, trial),
        PREGFL=history.derive_pregfl(sdtm, adsl, trial),
    )
    return adsl.join(history.derive_complications_at_baseline(sdtm, adsl["ANCHDT"].notna(), trial))


def _add_first_populations(adsl: pd.DataFrame, sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    adsl = adsl.assign(
        SCRNFL=populations.derive_scrnfl(adsl),
        RANDFL=populations.derive_randfl(adsl, disposition.is_randomised(sdtm, adsl.index), trial),
        SAFFL=populations.derive_saffl(treatment.is_dosed(sdtm, adsl.index)),
    )
    return adsl.assign(FASFL=populations.derive_fasfl(adsl, trial))


def add_exposure(adsl: pd.DataFrame, summary: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Write NINF, CUMDOSE and DOSECOMP of the exposure summary, indexed by USUBJID, into ADSL, and DCOMPGR1.

    A subject never dosed has no infusion (NINF 0) and neither dose nor compliance.
    """
    taken = summary[["NINF", "CUMDOSE", "DOSECOMP"]].reindex(adsl["USUBJID"]).set_axis(adsl.index)
    dosed = adsl["SAFFL"].eq("Y")
    dosecomp = taken["DOSECOMP"].where(dosed).astype("float64")
    return adsl.assign(
        NINF=taken["NINF"].where(dosed, 0.0).astype("float64"),
        CUMDOSE=taken["CUMDOSE"].where(dosed).astype("float64"),
        DOSECOMP=dosecomp,
        DCOMPGR1=populations.derive_dcompgr1(dosecomp, trial),
    )


def add_populations(adsl: pd.DataFrame, adex: pd.DataFrame, addlt: pd.DataFrame, sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    """Write the populations that need exposure and toxicity, PPROTFL and DLTEVFL, and why subjects are outside each: --EXCL."""
    per_protocol = populations.derive_pprotfl(adsl, adex, sdtm, trial)
    evaluable = populations.derive_dltevfl(adsl, addlt, trial)
    return adsl.assign(**per_protocol, **evaluable, **populations.derive_undosed(adsl))


def add_baselines(adsl: pd.DataFrame, advs: pd.DataFrame, adlb: pd.DataFrame, adeff: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Write the baseline body size (BMIBL in kg/m2, unrounded), laboratory values and scores into ADSL, in SI units."""
    sources = ((advs, _BODY_SIZE), (adlb, _BASELINES), (adeff, _SCORES))
    values = {name: value for bds, names in sources for name, value in _at_baseline(bds, adsl, names).items()}
    adsl = adsl.assign(**values)
    metres = adsl["HEIGHTBL"].where(adsl["HEIGHTBL"] > 0) / 100
    return adsl.assign(
        BMIBL=adsl["WEIGHTBL"] / metres**2,
        MELDGR1=history.derive_group(adsl, "MELDGR1", trial)["MELDGR1"],
        ACLFGRBL=derive_aclfgrbl(adsl, adeff, trial),
    )


def _at_baseline(bds: pd.DataFrame, adsl: pd.DataFrame, names: Mapping[str, str]) -> dict[str, pd.Series]:
    """Values of the baseline records of parameters, by subject, under their names in ADSL; missing without one."""
    records = bds.loc[bds["ABLFL"] == "Y", ["USUBJID", "PARAMCD", "AVAL"]]
    parts = {name: records[records["PARAMCD"] == paramcd].set_index("USUBJID") for name, paramcd in names.items()}
    return {name: look_up(adsl["USUBJID"], part["AVAL"]).astype("float64") for name, part in parts.items()}


def derive_aclfgrbl(adsl: pd.DataFrame, adeff: pd.DataFrame, trial: Trial) -> pd.Series:
    """ACLFGRBL: EASL-CLIF grade from the baseline CLIF-C OF; missing without it.

    Organ sub-scores, creatinine (mg/dL) and encephalopathy grade are those of the visit whose total is
    the baseline, not the latest of each.
    """
    total = adeff[(adeff["PARAMCD"] == "CLIFCOF") & (adeff["ABLFL"] == "Y")].set_index("USUBJID")
    organs = adeff[adeff["PARAMCD"].isin(SUBSCORES)]
    organs = organs[organs["VISITNUM"] == look_up(organs["USUBJID"], total["VISITNUM"])]
    wide = organs.drop_duplicates(["USUBJID", "PARAMCD"]).pivot(index="USUBJID", columns="PARAMCD", values="AVAL")
    wide = wide.reindex(index=total.index, columns=list(SUBSCORES)).astype("float64")
    creatinine, he = _CREATININE_AND_HE
    grades = pd.Series(derive_aclf_grade(wide, total[creatinine], total[he], trial), index=total.index)
    return look_up(adsl["USUBJID"], grades).astype("float64")
