"""Eligibility recomputed from the data: which criteria they contradict, of the subjects that were enrolled.

Only what data can tell (trial.yaml, ``ie_criteria.check``); the rest is the form's word.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cgbm1_report.collected import scores
from cgbm1_report.collected.look_up import look_up
from cgbm1_report.collected.procedures import TRANSPLANTATION
from cgbm1_report.collected.screening import Screening, meld_at_entry
from cgbm1_report.protocol.eligibility import Check

#: Domains of study procedures: none of them may come before consent.
PROCEDURE_DOMAINS = ("SV", "EX", "LB", "MB", "IS", "RS", "VS", "RE", "XL")
_BLED = "(?:haemorrhage|hemorrhage|bleed)"
_GI_BLEEDING = rf"gastrointestinal {_BLED}|varic(?:eal|es).*{_BLED}|ulcer.*{_BLED}|ha?ematemesis|mela?ena"
_ALLERGY = r"allerg|hypersensitiv|anaphyla"
_EXCLUDING_ALLERGY = r"dmso|dimethyl sul|albumin|severe|anaphyla|shock"


def _consent(data: Screening) -> pd.Series:
    """No consent, or a study procedure or infusion on a day before it."""
    source, consent = data.source, data.subjects["RFIC_LAST"]
    late: pd.Series = consent.isna() | (data.subjects["TRTSDT"] < consent.dt.normalize())
    for domain in PROCEDURE_DOMAINS:
        variable = f"{domain}STDTC" if domain in ("SV", "EX") else f"{domain}DTC"
        early = source.moments(domain, variable)["last"] < source.of_subject(domain, "RFIC_FIRST").dt.normalize()
        late |= data.yes(source.column(domain, "USUBJID")[early])
    return late


def _in_unit(data: Screening, unit: str, values: pd.Series, paramcd: str) -> pd.Series:
    """Results in the unit a limit is told in."""
    return pd.Series(scores.value_in(unit, values, paramcd, data.source.trial), index=values.index)


def bilirubin_at_entry(data: Screening) -> pd.DataFrame:
    """LAST bilirubin of each subject in the unit of its limit, its mean daily RISE since the last value far enough before."""
    rule = data.limits.bilirubin
    if rule is None:
        return pd.DataFrame({"LAST": float("nan"), "RISE": float("nan")}, index=data.subjects.index)
    table = data.results("LB", "BILI").dropna(subset=["VALUE"])
    table = table.assign(DAY=table["FIRST"].dt.normalize(), VALUE=_in_unit(data, rule.unit, table["VALUE"], "BILI"))
    table = table[["USUBJID", "DAY", "VALUE"]]
    last = table.groupby("USUBJID").last()
    apart = look_up(table["USUBJID"], last["DAY"]) - table["DAY"] >= pd.Timedelta(days=rule.apart_days)
    before = table[apart].groupby("USUBJID").last()
    days = (last["DAY"] - before["DAY"].reindex(last.index)).dt.days
    rise = (last["VALUE"] - before["VALUE"].reindex(last.index)) / days
    return pd.DataFrame({"LAST": last["VALUE"], "RISE": rise}).reindex(data.subjects.index)


def _bilirubin(data: Screening) -> pd.Series:
    """Last bilirubin too low, and no daily rise since the last value far enough before it."""
    rule, table = data.limits.bilirubin, bilirubin_at_entry(data)
    return data.nobody if rule is None else (table["LAST"] < rule.at_least) & ~(table["RISE"] >= rule.daily_rise)


def _allergy(data: Screening) -> pd.Series:
    """Allergy to a component of the product, or a severe one, in medical history."""
    return data.history_of(_ALLERGY, _EXCLUDING_ALLERGY)


def _gi_bleeding(data: Screening) -> pd.Series:
    """Gastrointestinal bleeding in medical history, or haemorrhage among the complications, going on at screening."""
    source = data.source
    codes = {key.lower(): c.code for c in source.trial.complications for key in (c.code, c.term)}
    bled = (source.column("CE", "CETERM").str.lower().map(codes) == "HEMORR") & (source.column("CE", "CEOCCUR") == "Y")
    bled &= (source.column("CE", "CEPREBL") == "Y") & data.at_screening("CE")
    return data.present("MH", _GI_BLEEDING, "MHTERM", "MHDECOD") | data.yes(source.column("CE", "USUBJID")[bled])


def _septic_shock(data: Screening) -> pd.Series:
    return data.present("MH", "septic shock", "MHTERM", "MHDECOD") | data.present("AE", "septic shock", "AETERM", "AEDECOD")


def _malignancy(data: Screening) -> pd.Series:
    return data.history("neoplasms benign, malignant", "neoplasms malignant", "malignant neoplasm")


def _decompensation(data: Screening) -> pd.Series:
    """No bleeding tendency, no encephalopathy and no hepatorenal syndrome."""
    rule = data.limits.decompensation
    if rule is None:
        return data.nobody
    source = data.source
    table = source.table("CE", "CETERM", "CEOCCUR", "CEPREBL")
    codes = {key.lower(): c.code for c in source.trial.complications for key in (c.code, c.term)}
    present = (
        (table["CEOCCUR"] == "Y") & (table["CEPREBL"] == "Y") & table["CETERM"].str.lower().map(codes).isin(["HE", "HRS", "HEMORR"])
    )
    activity = _in_unit(data, rule.pta_unit, data.last("LB", "PTA"), "PTA")
    clotting = (data.last("LB", "INR") >= rule.inr_at_least) | (activity <= rule.pta_at_most)
    brain = data.last("RS", "HEGRADE") >= rule.encephalopathy_at_least
    told = data.history("haemorrhage", "hemorrhage", "bleeding", "encephalopathy", "hepatorenal")
    return ~(clotting | brain | told | data.yes(table.loc[present, "USUBJID"]))


def _pregnancy_test(data: Screening) -> pd.Series:
    """Women without a negative test in the days before the first infusion, unless sterile or post-menopausal."""
    rule, source = data.limits.pregnancy_test, data.source
    if rule is None:
        return data.nobody
    table = source.table("LB", "LBTESTCD", "LBSTRESC").assign(DAY=source.days_from_first_dose("LB", "LBDTC"))
    negative = (table["LBTESTCD"] == "HCG") & (table["LBSTRESC"] == "NEGATIVE") & table["DAY"].between(-rule.days, 0)
    excused = data.history("menopaus", "hysterectomy", "steril", "ovariectomy", "oophorectomy", "tubal ligation")
    woman = (data.subjects["SEX"] == "F") & data.subjects["TRTSDT"].notna()
    return woman & ~excused & ~data.yes(table.loc[negative, "USUBJID"])


def _pregnancy(data: Screening) -> pd.Series:
    table = data.results("LB", "HCG")
    return data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"])


def count_failing(data: Screening) -> pd.Series:
    """How many organs of each subject fail, by the last values before the first infusion."""
    return data.once(_count_failing, data)


def _count_failing(data: Screening) -> pd.Series:
    fraction = data.last("RE", "FIO2")
    inputs = scores.OrganInputs(
        bili=data.last("LB", "BILI"),
        creat=data.last("LB", "CREAT"),
        he=data.last("RS", "HEGRADE"),
        inr=data.last("LB", "INR"),
        map=data.last("VS", "MAP"),
        pf=data.last("RE", "PFRATIO").fillna(data.last("LB", "PO2") / fraction),
        sf=data.last("VS", "OXYSAT") / fraction,
        rrt=data.present("PR", "renal replacement", "PRDECOD"),
        vasopressor=data.taking("CMSCAT", "VASOPRESSOR"),
        # Whether ventilation only protects the airway is not asked here: either way respiration counts as failing.
        ventilated=data.present("PR", "mechanical ventilation", "PRDECOD"),
        airway=data.nobody,
    )
    return pd.Series(scores.count_failures(inputs, data.source.trial), index=data.subjects.index, dtype="float64")


def _organ_failures(data: Screening) -> pd.Series:
    """As many failing organs as the criterion names."""
    rule = data.limits.organ_failures
    return data.nobody if rule is None else count_failing(data) >= rule.count


def _hepatitis_b(data: Screening) -> pd.Series:
    table = data.results("MB", "HBSAG")
    return ~(data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"]) | data.history("hepatitis b"))


def _artificial_liver(data: Screening) -> pd.Series:
    table = data.procedures("ARTIFICIAL LIVER SUPPORT")
    rule = data.limits.artificial_liver
    return data.nobody if rule is None else data.yes(table.loc[table["DAY"] >= -rule.days, "USUBJID"])


def _liver_disease(data: Screening) -> pd.Series:
    table = data.source.table("MH", "MHCAT")
    return ~data.yes(table.loc[table["MHCAT"] == "CHRONIC LIVER DISEASE", "USUBJID"])


def _immunodeficiency(data: Screening) -> pd.Series:
    table = data.results("IS", "HIV12AB")
    return data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"]) | data.history("immunodeficiency", r"\bhiv\b")


def _thrombosis(data: Screening) -> pd.Series:
    table = data.source.table("MH", "MHDECOD", "MHENRTPT")
    clot = (table["MHDECOD"].str.lower() == "deep vein thrombosis") & (table["MHENRTPT"] == "ONGOING")
    rule = data.limits.thrombosis
    if rule is None:
        return data.nobody
    return data.yes(table.loc[clot, "USUBJID"]) | data.history("pulmonary embolism", since_months=rule.months)


def _infarction(data: Screening) -> pd.Series:
    rule = data.limits.infarction
    return data.nobody if rule is None else data.history("myocardial infarction", since_months=rule.months)


def _meld(data: Screening) -> pd.Series:
    rule = data.limits.meld
    return data.nobody if rule is None else meld_at_entry(data) >= rule.below


def _stem_cells(data: Screening) -> pd.Series:
    table = data.source.table("CM", "CMTRT", "CMDECOD")
    text = (table["CMTRT"].fillna("") + " " + table["CMDECOD"].fillna("")).str.lower()
    before = data.source.moments("CM", "CMSTDTC")["first"] < data.source.of_subject("CM", "TRTSDT")
    treated = data.yes(table.loc[text.str.contains("stem cell") & before, "USUBJID"])
    done = data.source.table("PR", "PRTRT", "PRDECOD", "PRINDC").fillna("")
    words = (done["PRTRT"] + " " + done["PRDECOD"] + " " + done["PRINDC"]).str.lower().str.contains("stem cell")
    procedure = words & (data.source.moments("PR", "PRSTDTC")["first"] < data.source.of_subject("PR", "TRTSDT"))
    return treated | data.yes(done.loc[procedure, "USUBJID"]) | data.history("stem cell") | _took_part_before(data)


def _took_part_before(data: Screening) -> pd.Series:
    """Subjects who name a dosed subject of another phase as their own earlier participation."""
    source = data.source
    prior, table = source.column("DM", "PRIORID"), source.subjects
    other = look_up(prior, table["PHASE"]) != source.of_subject("DM", "PHASE")
    dosed = look_up(prior, table["NINF"]) > 0
    return data.yes(source.column("DM", "USUBJID")[other & dosed])


def _encephalopathy(data: Screening) -> pd.Series:
    rule, table = data.limits.encephalopathy, data.results("RS", "HEGRADE")
    if rule is None:
        return data.nobody
    return data.yes(table.loc[(table["VALUE"] == rule.grade) & table["VISITNUM"].isin(data.pre_dose_visits), "USUBJID"])


def _adult(data: Screening) -> pd.Series:
    """Age at consent under that of an adult, as recorded or, where it is not, by the date of birth."""
    rule = data.limits.adult
    if rule is None:
        return data.nobody
    born = data.source.moments("DM", "BRTHDTC")["last"].set_axis(data.source.column("DM", "USUBJID"))
    born = born[~born.index.duplicated()].reindex(data.subjects.index)
    young = born + pd.DateOffset(years=rule.years) > data.subjects["RFIC_LAST"]
    return (data.subjects["AGE"] < rule.years) | (data.subjects["AGE"].isna() & young)


CHECKS: dict[Check, Callable[[Screening], pd.Series]] = {
    "consent": _consent,
    "adult": _adult,
    "liver_disease": _liver_disease,
    "bilirubin": _bilirubin,
    "decompensation": _decompensation,
    "hepatitis_b": _hepatitis_b,
    "meld": _meld,
    "pregnancy_test": _pregnancy_test,
    "allergy": _allergy,
    "septic_shock": _septic_shock,
    "gi_bleeding": _gi_bleeding,
    "encephalopathy": _encephalopathy,
    "organ_failures": _organ_failures,
    "pregnancy": _pregnancy,
    "malignancy": _malignancy,
    "artificial_liver": _artificial_liver,
    "immunodeficiency": _immunodeficiency,
    "transplant": lambda data: data.yes(data.procedures(TRANSPLANTATION)["USUBJID"]) | data.history("liver transplant"),
    "thrombosis": _thrombosis,
    "pulmonary_hypertension": lambda data: data.history("pulmonary hypertension", "pulmonary arterial hypertension"),
    "infarction": _infarction,
    "stem_cells": _stem_cells,
}


def recompute_criteria(data: Screening) -> dict[str, pd.Series]:
    """Whether the data contradict each criterion that they can tell, by its code: true or false of each subject of its phase."""
    trial = data.source.trial
    wanted = {criterion.check for criteria in trial.ie_criteria.values() for criterion in criteria}
    results = {name: check(data).fillna(False).astype(bool) for name, check in CHECKS.items() if name in wanted}
    return {
        criterion.ietestcd: results[criterion.check][data.subjects["PHASE"] == phase]
        for phase, criteria in trial.ie_criteria.items()
        for criterion in criteria
        if criterion.check in results
    }
