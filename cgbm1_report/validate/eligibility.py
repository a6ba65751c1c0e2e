"""Rule V23: eligibility recomputed from the data, against IE and DV.

Only what data can tell (trial.yaml, ``ie_criteria.check``); the rest is the form's word. A finding
is a question to the site, not a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import pandas as pd

from cgbm1_report.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, look_up, number_text, subject_findings

ADULT = 18
BILIRUBIN_LEAST, BILIRUBIN_RISE = 171.0, 17.1
MELD_LIMIT, MELD_QUERY = 30.0, 29.5
INR_BLEEDING, PTA_BLEEDING = 1.5, 40.0
#: Registry exclusion 5, which is not the CLIF-C OF score (A-16): umol/L, umol/L, ratio.
BILIRUBIN_FAILURE, CREATININE_FAILURE, INR_FAILURE = 205.2, 176.8, 2.5
PF_FAILURE, SF_FAILURE = 200.0, 214.0
MAX_FAILURES = 2
PREGNANCY_TEST_DAYS = ARTIFICIAL_LIVER_DAYS = 7
EMBOLISM_MONTHS, INFARCTION_MONTHS = 3, 6


class Screening:
    """Pre-dose data of the subjects that were enrolled, one row per subject."""

    def __init__(self, source: Source) -> None:
        self.source = source
        table = source.subjects
        self.subjects = table[table["ARMCD"].notna()]
        entry = table["RAND_LAST"].fillna(table["ENRL_LAST"])
        self.entry = entry.fillna(table["TRTSDTM"]).reindex(self.subjects.index)
        self.anchor = table["TRTSDTM"].fillna(table["RAND_LAST"])
        visits = [visit for phase in source.trial.phases.values() for visit in phase.visits if visit.visitnum is not None]
        before = [v.visitnum for v in visits if v.avisitn == 0 or (v.protocol_window and v.protocol_window[1] < 0)]
        self.pre_dose_visits = before
        self._results: dict[str, pd.DataFrame] = {}

    def yes(self, subjects: pd.Series | pd.Index) -> pd.Series:
        """Whether each enrolled subject is among those given."""
        return pd.Series(self.subjects.index.isin(list(subjects)), index=self.subjects.index)

    def _pre_dose(self, domain: str) -> pd.DataFrame:
        """All results of a findings domain taken before the first infusion."""
        source = self.source
        table = source.table(domain, f"{domain}TESTCD", f"{domain}STRESC", f"{domain}STRESN", "VISITNUM")
        table = table.set_axis(["USUBJID", "TEST", "TEXT", "VALUE", "VISITNUM"], axis="columns")
        table[["FIRST", "LAST"]] = source.moments(domain, f"{domain}DTC")[["first", "last"]]
        anchor = source.per_record(domain, self.anchor)
        on_day = table["FIRST"].dt.normalize() <= anchor.dt.normalize()
        taken: pd.DataFrame = table[(table["LAST"] <= anchor) | (on_day & table["VISITNUM"].isin(self.pre_dose_visits))]
        return taken

    def results(self, domain: str, test: str) -> pd.DataFrame:
        """Results of a test taken before the first infusion, oldest first.

        A date without a time on the day of the infusion counts where the visit is a pre-dose one.
        """
        if domain not in self._results:
            self._results[domain] = self._pre_dose(domain)
        table = self._results[domain]
        return table[table["TEST"] == test].sort_values(["USUBJID", "FIRST"], kind="stable")

    def last(self, domain: str, test: str) -> pd.Series:
        """Last numeric pre-dose result per enrolled subject."""
        table = self.results(domain, test).dropna(subset=["VALUE"])
        return table.groupby("USUBJID")["VALUE"].last().reindex(self.subjects.index)

    @cached_property
    def _history_text(self) -> pd.Series:
        """What each record of medical history says, in lower case."""
        term, decoded, system = (
            self.source.column("MH", name).fillna("").str.lower() for name in ("MHTERM", "MHDECOD", "MHBODSYS")
        )
        text: pd.Series = term + " " + decoded + " " + system
        return text

    def history(self, *words: str, since_months: int | None = None) -> pd.Series:
        """Whether medical history names one of the words, optionally begun in the months before consent."""
        source = self.source
        found = self._history_text.str.contains("|".join(words))
        if since_months is not None:
            consent = source.of_subject("MH", "RFIC_FIRST")
            found &= source.moments("MH", "MHSTDTC")["last"] >= consent - pd.DateOffset(months=since_months)
        return self.yes(source.column("MH", "USUBJID")[found])

    def procedures(self, name: str) -> pd.DataFrame:
        """Procedures of a name begun before the first infusion: subject and elapsed day."""
        source = self.source
        table = source.table("PR", "PRDECOD").assign(DAY=source.days_from_first_dose("PR", "PRSTDTC"))
        before = source.moments("PR", "PRSTDTC")["last"] < source.per_record("PR", self.anchor).dt.normalize()
        result: pd.DataFrame = table[(table["PRDECOD"] == name) & before]
        return result

    def taking(self, variable: str, value: str) -> pd.Series:
        """Whether a medication of this kind was begun before the first infusion."""
        source = self.source
        begun = source.moments("CM", "CMSTDTC")["first"] <= source.of_subject("CM", "TRTSDTM")
        return self.yes(source.column("CM", "USUBJID")[begun & (source.column("CM", variable) == value)])


def meld_at_entry(screening: Screening) -> pd.Series:
    """Unrounded MELD of the last visit with all components before enrolment or randomisation.

    Registry formula with the bounds of UNOS; mg/dL. The dialysis rule is left to the derivation.
    """
    trial = screening.source.trial
    parts = []
    for test, divisor in (("CREAT", _divisor(trial, "CREAT")), ("BILI", _divisor(trial, "BILI")), ("INR", 1.0)):
        table = screening.results("LB", test).dropna(subset=["VALUE"])
        table = table[table["FIRST"] <= look_up(table["USUBJID"], screening.entry)]
        parts.append((table.groupby(["USUBJID", "VISITNUM"])["VALUE"].last() / divisor).rename(test))
    visits = pd.concat(parts, axis="columns").dropna().clip(lower=1.0)
    score = (
        10 * (0.957 * np.log(visits["CREAT"].clip(upper=4.0)) + 0.378 * np.log(visits["BILI"]) + 1.12 * np.log(visits["INR"]))
        + 6.43
    )
    result: pd.Series = score.sort_index().groupby("USUBJID").last().reindex(screening.subjects.index).astype("float64")
    return result


def _divisor(trial: Trial, param: str) -> float:
    """What turns the standard unit into mg/dL."""
    found = [c.divide for c in trial.conversions if c.param == param and c.to_unit == "mg/dL" and c.divide]
    return found[0] if found else 1.0


def _bilirubin(data: Screening) -> pd.Series:
    table = data.results("LB", "BILI").dropna(subset=["VALUE"])
    days = table.groupby("USUBJID")["FIRST"].diff().dt.total_seconds() / 86400
    rise = (table.groupby("USUBJID")["VALUE"].diff() / days).where(days >= 1)
    rising = rise.groupby(table["USUBJID"]).last().reindex(data.subjects.index) >= BILIRUBIN_RISE
    last = data.last("LB", "BILI")
    result: pd.Series = last.notna() & (last < BILIRUBIN_LEAST) & ~rising
    return result


def _decompensation(data: Screening) -> pd.Series:
    """No bleeding tendency, no encephalopathy and no hepatorenal syndrome."""
    source = data.source
    table = source.table("CE", "CETERM", "CEOCCUR", "CEPREBL")
    codes = {key.lower(): c.code for c in source.trial.complications for key in (c.code, c.term)}
    present = (
        (table["CEOCCUR"] == "Y") & (table["CEPREBL"] == "Y") & table["CETERM"].str.lower().map(codes).isin(["HE", "HRS", "HEMORR"])
    )
    clotting = (data.last("LB", "INR") >= INR_BLEEDING) | (data.last("LB", "PTA") <= PTA_BLEEDING)
    brain = data.last("RS", "HEGRADE") >= 1
    told = data.history("haemorrhage", "hemorrhage", "bleeding", "encephalopathy", "hepatorenal")
    return ~(clotting | brain | told | data.yes(table.loc[present, "USUBJID"]))


def _pregnancy_test(data: Screening) -> pd.Series:
    """Women without a negative test in the week before the first infusion, unless sterile or post-menopausal."""
    source = data.source
    table = source.table("LB", "LBTESTCD", "LBSTRESC").assign(DAY=source.days_from_first_dose("LB", "LBDTC"))
    negative = (table["LBTESTCD"] == "HCG") & (table["LBSTRESC"] == "NEGATIVE") & table["DAY"].between(-PREGNANCY_TEST_DAYS, 0)
    excused = data.history("menopaus", "hysterectomy", "steril", "ovariectomy", "oophorectomy", "tubal ligation")
    woman = (data.subjects["SEX"] == "F") & data.subjects["TRTSDT"].notna()
    return woman & ~excused & ~data.yes(table.loc[negative, "USUBJID"])


def _pregnancy(data: Screening) -> pd.Series:
    table = data.results("LB", "HCG")
    return data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"])


def _organ_failures(data: Screening) -> pd.Series:
    oxygen = data.last("VS", "OXYSAT") / data.last("RE", "FIO2")
    ratio = data.last("RE", "PFRATIO")
    lungs = (
        (ratio <= PF_FAILURE)
        | (ratio.isna() & (oxygen <= SF_FAILURE))
        | data.yes(data.procedures("MECHANICAL VENTILATION")["USUBJID"])
    )
    failures = [
        data.last("LB", "BILI") >= BILIRUBIN_FAILURE,
        data.last("LB", "CREAT") >= CREATININE_FAILURE,
        data.last("LB", "INR") >= INR_FAILURE,
        data.last("RS", "HEGRADE") >= 3,
        data.taking("CMSCAT", "VASOPRESSOR"),
        lungs,
    ]
    return pd.concat([failure.astype("float64") for failure in failures], axis="columns").sum(axis="columns") > MAX_FAILURES


def _hepatitis_b(data: Screening) -> pd.Series:
    table = data.results("MB", "HBSAG")
    return ~(data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"]) | data.history("hepatitis b"))


def _artificial_liver(data: Screening) -> pd.Series:
    table = data.procedures("ARTIFICIAL LIVER SUPPORT")
    return data.yes(table.loc[table["DAY"] >= -ARTIFICIAL_LIVER_DAYS, "USUBJID"])


def _liver_disease(data: Screening) -> pd.Series:
    table = data.source.table("MH", "MHCAT")
    return ~data.yes(table.loc[table["MHCAT"] == "CHRONIC LIVER DISEASE", "USUBJID"])


def _immunodeficiency(data: Screening) -> pd.Series:
    table = data.results("IS", "HIV12AB")
    return data.yes(table.loc[table["TEXT"] == "POSITIVE", "USUBJID"]) | data.history("immunodeficiency", r"\bhiv\b")


def _thrombosis(data: Screening) -> pd.Series:
    table = data.source.table("MH", "MHDECOD", "MHENRTPT")
    clot = (table["MHDECOD"].str.lower() == "deep vein thrombosis") & (table["MHENRTPT"] == "ONGOING")
    return data.yes(table.loc[clot, "USUBJID"]) | data.history("pulmonary embolism", since_months=EMBOLISM_MONTHS)


def _stem_cells(data: Screening) -> pd.Series:
    table = data.source.table("CM", "CMTRT", "CMDECOD")
    text = (table["CMTRT"].fillna("") + " " + table["CMDECOD"].fillna("")).str.lower()
    before = data.source.moments("CM", "CMSTDTC")["last"] < data.source.of_subject("CM", "TRTSDT")
    return data.yes(table.loc[text.str.contains("stem cell") & before, "USUBJID"]) | data.history("stem cell")


CHECKS: dict[str, Callable[[Screening], pd.Series]] = {
    "adult": lambda data: data.subjects["AGE"] < ADULT,
    "liver_disease": _liver_disease,
    "bilirubin": _bilirubin,
    "decompensation": _decompensation,
    "hepatitis_b": _hepatitis_b,
    "meld": lambda data: meld_at_entry(data) >= MELD_LIMIT,
    "pregnancy_test": _pregnancy_test,
    "septic_shock": lambda data: data.history("septic shock"),
    "gi_bleeding": lambda data: data.history("gastrointestinal haemorrhage", "variceal haemorrhage", since_months=1),
    "encephalopathy_4": lambda data: data.last("RS", "HEGRADE") == 4,
    "organ_failures": _organ_failures,
    "pregnancy": _pregnancy,
    "malignancy": lambda data: data.history("neoplasms benign, malignant"),
    "artificial_liver": _artificial_liver,
    "immunodeficiency": _immunodeficiency,
    "transplant": lambda data: data.yes(data.procedures("LIVER TRANSPLANTATION")["USUBJID"]) | data.history("liver transplant"),
    "thrombosis": _thrombosis,
    "pulmonary_hypertension": lambda data: data.history("pulmonary hypertension", "pulmonary arterial hypertension"),
    "infarction": lambda data: data.history("myocardial infarction", since_months=INFARCTION_MONTHS),
    "stem_cells": _stem_cells,
}


@rule(
    "V23", "W", "enrolled subjects meet the criteria", "ask the site; record the criterion in IE or an ELIGIBILITY deviation in DV"
)
def criteria_are_met(source: Source) -> Iterator[pd.DataFrame]:
    """Criteria the data contradict, where neither IE nor DV says so."""
    data = Screening(source)
    recorded = pd.MultiIndex.from_frame(source.table("IE", "IETESTCD"))
    deviations = source.table("DV", "DVDECOD")
    excused = data.yes(deviations.loc[deviations["DVDECOD"] == "ELIGIBILITY", "USUBJID"])
    wanted = {criterion.check for criteria in source.trial.ie_criteria.values() for criterion in criteria}
    results = {name: check(data).fillna(False).astype(bool) for name, check in CHECKS.items() if name in wanted}
    for phase, criteria in source.trial.ie_criteria.items():
        own = (data.subjects["PHASE"] == phase) & ~excused
        for criterion in criteria:
            if criterion.check not in results:
                continue
            violated = results[criterion.check] & own
            if not violated.any():
                continue
            subjects = violated.index[violated].to_series()
            told = pd.MultiIndex.from_arrays([subjects, [criterion.ietestcd] * len(subjects)]).isin(recorded)
            message = f"the data contradict {criterion.ietestcd} ({criterion.ietest}); neither IE nor DV says so"
            yield subject_findings(subjects[~told], "IETESTCD", message, dataset="IE", value=criterion.ietestcd)


@rule("V23", "W", "a MELD just under the limit is confirmed", "confirm the samples the MELD was computed from")
def borderline_meld_is_confirmed(source: Source) -> Iterator[pd.DataFrame]:
    """MELD from 29.5 to under 30 at entry (A-20)."""
    if not any(c.check == "meld" for criteria in source.trial.ie_criteria.values() for c in criteria):
        return
    meld = meld_at_entry(Screening(source))
    close = meld[(meld >= MELD_QUERY) & (meld < MELD_LIMIT)]
    message = "MELD " + number_text(close.round(2)) + f" before enrolment, limit {MELD_LIMIT:g}"
    yield subject_findings(close.index.to_series(), "LBSTRESN", message, dataset="LB", value=close.round(2))
