"""A case each rule of the gate must see, and the one beside it that it must not: every registered check has both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from cgbm1_report.protocol.registry import Response
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.source import Escalated
from tests import test_validate_adam as adam
from tests.drawn import our_trial
from tests.small_study import CUTOFF, DEAD, FAILED, MEDIUM, PLACEBO, SECOND, SENTINEL, draw
from tests.test_validate import BASE, Sdtm, also, edit, without

TRIAL = our_trial()
Edit = Callable[[Sdtm], None]


@dataclass(frozen=True)
class Case:
    """The small study changed, and what the rule is told beside it."""

    edits: tuple[Edit, ...] = ()
    trial: Trial = TRIAL
    cutoff: date | None = CUTOFF
    decided: pd.DataFrame | None = None
    states: Escalated | None = None

    def sdtm(self) -> Sdtm:
        changed = dict(BASE)
        for one in self.edits:
            one(changed)
        return changed


@dataclass(frozen=True)
class Pair:
    """What a check sees and what it does not; ``looks`` is a variable it reads in the second, where that is not the variable of its finding."""

    fires: Case
    silent: Case
    looks: tuple[str, str] | None = None


def pair(fires: list[Edit], silent: list[Edit], looks: tuple[str, str] | None = None) -> Pair:
    return Pair(Case(tuple(fires)), Case(tuple(silent)), looks)


def put(dataset: str, frame: pd.DataFrame) -> Edit:
    """Another dataset, or this one otherwise."""
    return lambda sdtm: sdtm.__setitem__(dataset, frame)


def keep(dataset: str, rows: Callable[[pd.DataFrame], pd.Series]) -> Edit:
    """Leave out all other records."""
    return lambda sdtm: sdtm.__setitem__(dataset, sdtm[dataset][rows(sdtm[dataset])].reset_index(drop=True))


def ecg(visit: str) -> pd.DataFrame:
    """A dataset nobody reports from, with visits as text and as numbers (as a transport file has them)."""
    return pd.DataFrame({"USUBJID": [MEDIUM] * 2, "EGSEQ": [1.0, 2.0], "EGTESTCD": "QTCF", "VISITNUM": [1.0, 14.0], "VISIT": ["SCREENING", visit],
                         "EGDTC": ["2025-06-05", "2025-06-24"]})  # fmt: skip


def reviewed(text: str) -> pd.DataFrame:
    return draw("COHORT | REVIEW | REVDTC | DECISION\n" + text, "SRC_DECISIONS")


def states(agree: str) -> Escalated:
    told = {
        "COHORT": "LOW",
        "REVIEW": "COHORT",
        "REVDT": pd.Timestamp("2025-04-20"),
        "DECISION": "ESCALATE",
        "RECOM": "wait",
        "STATE": "W0",
    }
    return Escalated(pd.DataFrame(), pd.DataFrame(), pd.DataFrame([told | {"AGREE": agree}]))


def subjects(arm: str, count: int) -> list[Edit]:
    """More subjects of a phase 1 arm, dosed one a day from 11 April 2025."""
    doses = "\n".join(f"X{n} | 1 | 2025-04-{n + 11}T09:00 | 2025-04-{n + 11}T10:00 | 60 | 60" for n in range(count))
    people = "\n".join(f"X{n} | {arm} | {arm} | 1" for n in range(count))
    return [also("EX", "USUBJID | EXSEQ | EXSTDTC | EXENDTC | EXTOTCEL | EXPLCEL\n" + doses),
            also("DM", "USUBJID | ARMCD | ACTARMCD | SCRPHASE\n" + people)]  # fmt: skip


AE = "USUBJID | AESEQ | AEDECOD | AEPTCD | AEBODSYS | AESOC | AESTDTC"
LLT = "USUBJID | AESEQ | AELLT | AEDECOD | AESTDTC"
DS = "USUBJID | DSSEQ | DSDECOD | DSCAT | DSSCAT | DSSTDTC"
DV = "USUBJID | DVSEQ | DVTERM | DVDECOD | DVCAT | DVSTDTC"
LB = "USUBJID | LBSEQ | LBTESTCD | LBORRES | LBORRESU | LBSTRESN | LBSTRESU | VISITNUM | VISIT | LBDTC"
PR = "USUBJID | PRSEQ | PRTRT | PRDECOD | PRSTDTC"
SS = "USUBJID | SSSEQ | SSTESTCD | SSSTRESC | VISITNUM | VISIT | SSDTC"
SV = "USUBJID | VISITNUM | VISIT | SVSTDTC"
VS = "USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSSTRESU | VSTPT | VISITNUM | VISIT | VSDTC"
PLANNED = TRIAL.model_copy(update={"arms": tuple(arm.model_copy(update={"planned_n": (2, 2)}) for arm in TRIAL.arms)})
TEN = "\n".join(f"M | {n + 20} | TEMP | {{}} | C | . | 14 | DAY 14 | 2025-06-24T{n + 10}:00" for n in range(10))
DAY_28 = also("SV", f"{SV}\nM | 28 | DAY 28 | 2025-07-08")

#: Check of the SDTM: what it must see; what it must not see.
SDTM: dict[str, Pair] = {
    # V01, V02: who and what is there
    "subjects_are_known": pair([edit("AE", MEDIUM, 1, USUBJID="nobody")], [edit("AE", MEDIUM, 1, USUBJID=PLACEBO)]),
    "unlisted_dates_are_iso8601": pair([edit("LB", DEAD, 1, LBENDTC="2025-02-30")], [edit("LB", DEAD, 1, LBENDTC="2025-02-28")]),
    "visits_are_one_to_one": pair([put("EG", ecg("DAY 15"))], [put("EG", ecg("DAY 14"))]),
    "datasets_have_records": pair(
        [keep("LB", lambda frame: frame["USUBJID"] == "x")],
        [put(name, draw(f"USUBJID | {name}SEQ\nM | 1", name)) for name in ("IS", "RE", "XL")], ("LB", "LBTESTCD")),
    "columns_have_values": pair(
        [also("VS", f"{VS}\n{TEN}".format(*["."] * 10)), edit("VS", SENTINEL, 1, VSSTRESN=None)],
        [also("VS", f"{VS}\n{TEN}".format(*range(10))), put("LB", BASE["LB"].assign(LBSTNRLO=1.0, LBSTNRHI=2.0, LBNRIND="LOW")),
         put("EX", BASE["EX"].assign(EXLOT="A", EXROUTE="INTRAVENOUS", EXDOSFRM="INJECTION"))], ("VS", "VSSTRESN")),
    "datasets_are_known": pair([put("EG", ecg("DAY 14"))], [put("VS", BASE["VS"])], ("VS", "VSSTRESN")),
    "text_is_readable": pair([edit("AE", MEDIUM, 1, AETERM="FiÃ¨vre")], [edit("AE", MEDIUM, 1, AETERM="Fièvre, 发热")]),
    "texts_are_no_missing_values": pair([edit("AE", MEDIUM, 1, AETERM="NULL")], [edit("AE", MEDIUM, 1, AETERM="Null")]),
    "terms_have_one_spelling": pair(
        [also("AE", f"{AE}\nP | 1 | HYPONATRAEMIA | . | . | . | 2025-06-20")], [also("AE", f"{AE}\nP | 1 | Hyponatremia | . | . | . | 2025-06-20")]),
    "codes_have_one_term": pair(
        [edit("AE", MEDIUM, 1, AEPTCD=10021036.0), also("AE", f"{AE}\nP | 1 | Sodium low | 10021036 | . | . | 2025-06-20")],
        [edit("AE", MEDIUM, 1, AEPTCD=10021036.0), also("AE", f"{AE}\nP | 1 | hyponatraemia | 10021036 | . | . | 2025-06-20")]),
    "terms_stand_in_one_class": pair(
        [also("AE", f"{AE}\nP | 1 | Hyponatraemia | . | as coded | Investigations | 2025-06-20")],
        [also("AE", f"{AE}\nP | 1 | Hyponatraemia | . | as coded | Metabolism and nutrition | 2025-06-20")]),
    # A term without a preferred one is not coded yet; a preferred term has several lowest level terms.
    "lowest_terms_have_one_term": pair(
        [edit("AE", MEDIUM, 1, AELLT="Sodium low"), also("AE", f"{LLT}\nP | 1 | SODIUM LOW | Hypernatraemia | 2025-06-20")],
        [edit("AE", MEDIUM, 1, AELLT="Sodium low"), also("AE", f"{LLT}\nP | 1 | Sodium low | . | 2025-06-20\nP | 2 | Low sodium | Hyponatraemia | 2025-06-20")]),
    # V03
    "results_stand_once": pair(
        [put("XL", draw(f"USUBJID | XLSEQ | XLTESTCD | XLSTRESN | VISITNUM | XLDTC\n{'M | 1 | LSM | 20 | 28 | 2025-07-08'}\nM | 2 | LSM | 20 | 28 | 2025-07-08", "XL"))],
        [put("XL", draw("USUBJID | XLSEQ | XLTESTCD | XLSTRESN | VISITNUM | XLDTC\nM | 1 | LSM | 20 | 28 | 2025-07-08\nM | 2 | LSM | 21 | 28 | 2025-07-08", "XL"))]),
    "screening_numbers_stand_once": pair(
        [edit("DM", PLACEBO, None, SUBJID="101")], [edit("DM", PLACEBO, None, SUBJID="101", SITEID="02")]),
    "ends_stand_once": pair(
        [also("DS", f"{DS}\nM | 9 | WITHDRAWAL BY SUBJECT | DISPOSITION EVENT | STUDY PARTICIPATION | 2025-12-10")],
        [also("DS", f"{DS}\nM | 9 | COMPLETED | DISPOSITION EVENT | STUDY TREATMENT | 2025-07-01")]),
    # V04
    "milestones_are_in_order": pair([edit("DM", MEDIUM, None, RFICDTC="2025-06-11")], [edit("DM", MEDIUM, None, RFICDTC="2025-06-09")]),
    "unlisted_periods_end_after_they_start": pair(
        [edit("DM", MEDIUM, None, RFSTDTC="2025-06-10", RFENDTC="2025-06-09")], [edit("DM", MEDIUM, None, RFSTDTC="2025-06-10", RFENDTC="2025-06")]),
    "randomisation_is_recorded": pair([edit("DS", MEDIUM, 1, DSSTDTC="2025-06")], [edit("DS", MEDIUM, 1, DSSTDTC="2025-06-08")]),
    # V05
    "nothing_after_death": pair([put("EG", ecg("DAY 14").assign(USUBJID=DEAD))], [put("EG", ecg("DAY 14").assign(USUBJID=DEAD, EGDTC="2025-06-22"))]),
    # V06
    "arms_are_explained": pair([edit("DM", FAILED, None, ARMNRS=None)], [edit("DM", FAILED, None, ARMNRS="NOT ASSIGNED")]),
    "arm_texts_agree": pair([edit("DM", MEDIUM, None, ARM="another arm")], [edit("DM", FAILED, None, ARM="of no arm code")]),
    "doses_fit_products": pair([edit("EX", PLACEBO, 1, EXDOSE=1.0)], [edit("EX", PLACEBO, 1, EXDOSE=-0.0)]),
    "actual_arm_fits_exposure": pair(
        [edit("EX", MEDIUM, 1, EXDOSE=4.0)], [edit("EX", MEDIUM, 1, EXDOSE=1.0)], ("DM", "ACTARMCD")),
    "mistreatment_is_a_deviation": pair(
        [edit("DM", DEAD, None, ARMCD="P2MED")],
        [edit("DM", DEAD, None, ARMCD="P2MED"), also("DV", f"{DV}\nD | 1 | wrong dose | DOSING | IMPORTANT | 2025-06-12")]),
    # V12
    "deaths_agree": pair(
        [also("SS", f"{SS}\nP | 1 | SURVSTAT | DEAD | 28 | DAY 28 | 2025-07-10")], [also("SS", f"{SS}\nP | 1 | SURVSTAT | ALIVE | 28 | DAY 28 | 2025-07-10")]),
    "deaths_have_one_date": pair([edit("DS", DEAD, 2, DSSTDTC="2025-06-21")], [edit("DM", DEAD, None, DTHDTC="2025-06-22T03:10")]),
    "deaths_are_told_afterwards": pair([edit("SS", DEAD, 1, SSDTC="2025-06-21")], [edit("SS", DEAD, 1, SSDTC="2025-06-22")]),
    # V13
    "serious_events_meet_a_criterion": pair([edit("AE", SECOND, 1, AESHOSP=None)], [edit("AE", SECOND, 1, AESHOSP=None, AESMIE="Y")]),
    "fatal_events_agree": pair([edit("AE", DEAD, 1, AETOXGR="4")], [edit("AE", MEDIUM, 1, AETOXGR="4")]),
    # V14
    "excluding_deviations_are_important": pair([edit("DV", SENTINEL, 1, DVPPSFL="Y")], [edit("DV", SENTINEL, 1, DVPPSFL="Y", DVCAT="IMPORTANT")]),
    # V17
    "nobody_takes_part_twice": pair([edit("DM", MEDIUM, None, PRIORID="01-001")], [edit("DM", MEDIUM, None, PRIORID=FAILED)]),
    "nobody_looks_alike": pair([edit("DM", PLACEBO, None, BRTHDTC="1980-01-02")], [edit("DM", PLACEBO, None, BRTHDTC="1980-01-03")]),
    # V18
    "infusions_are_as_planned": pair([edit("EX", MEDIUM, 2, EXTPT="INFUSION 1")], [without("EX", MEDIUM, 4)]),
    "reference_dates_are_infusions": pair([edit("DM", MEDIUM, None, RFSTDTC="2025-06-11")], [edit("DM", MEDIUM, None, RFSTDTC="2025-06-10")]),
    "infusions_keep_their_interval": pair([edit("EX", MEDIUM, 2, EXSTDTC="2025-06-13T23:59")], [edit("EX", MEDIUM, 2, EXSTDTC="2025-06-14T00:01")]),
    "infusions_are_in_window": pair([edit("EX", MEDIUM, 4, EXSTDTC="2025-07-04T10:00")], [edit("EX", MEDIUM, 4, EXSTDTC="2025-07-03T10:00")]),
    "missed_infusions_are_deviations": pair(
        [without("EX", MEDIUM, 3)], [without("EX", MEDIUM, 3), also("DV", f"{DV}\nM | 1 | missed | DOSING | MINOR | 2025-06-24")]),
    # V19: the sentinel was dosed on 10 February 2025, the second subject on 15 March
    "sentinel_comes_first": Pair(
        Case(decided=reviewed("LOW | SENTINEL | 2025-03-12 | HOLD")), Case(decided=reviewed("LOW | SENTINEL | 2025-03-12 | CONTINUE"))),
    "levels_open_by_decision": Pair(
        Case((edit("DM", SECOND, None, ARMCD="P1MED"),), decided=reviewed("LOW | COHORT | 2025-03-16 | ESCALATE")),
        Case((edit("DM", SECOND, None, ARMCD="P1MED"),), decided=reviewed("LOW | COHORT | 2025-03-15 | ESCALATE"))),
    "cohorts_are_not_too_large": pair(subjects("P1LOW", 5), subjects("P1LOW", 4)),
    "decisions_follow_the_rules": Pair(Case(states=states("N")), Case(states=states("Y")), ("SRC_DECISIONS", "DECISION")),
    # V20
    "dlts_look_like_dlts": pair([edit("AE", SECOND, 1, AEREL="NOT RELATED")], [edit("AE", SECOND, 1, AEREL="POSSIBLY RELATED")]),
    # V21
    "results_have_standard_units": pair([edit("LB", MEDIUM, 3, LBSTRESU="mg/dL")], [edit("LB", MEDIUM, 2, LBSTRESU=None)]),
    "units_are_not_slipped": pair([edit("LB", MEDIUM, 3, LBORRES="1.2", LBSTRESN=1.2)], [edit("LB", MEDIUM, 3, LBORRES="12", LBSTRESN=12.0)]),
    # 0.9 mg/dL x 88.4 = 79.56 umol/L
    "results_are_converted_right": pair(
        [edit("LB", MEDIUM, 3, LBORRES="0.9", LBORRESU="mg/dL", LBSTRESN=80.0)], [edit("LB", MEDIUM, 3, LBORRES="0.9", LBORRESU="mg/dL", LBSTRESN=79.6)]),
    # the upper limit 1.2 mg/dL x 17.1 = 20.52 umol/L
    "limits_are_converted_right": pair(
        [edit("LB", MEDIUM, 1, LBORNRHI="1.2", LBSTNRHI=1.2)], [edit("LB", MEDIUM, 1, LBORNRHI="1.2", LBSTNRHI=21.0)]),
    "other_results_have_standard_units": pair([edit("VS", SENTINEL, 1, VSSTRESU="F")], [edit("VS", SENTINEL, 1, VSSTRESU="C")]),
    "results_are_not_lost": pair([edit("LB", MEDIUM, 3, LBSTRESN=None)], [edit("LB", MEDIUM, 3, LBORRES="<2.0", LBSTRESN=None)]),
    # V23
    "criteria_are_met": pair([edit("DM", MEDIUM, None, AGE=17.0)], [edit("DM", MEDIUM, None, AGE=18.0)], ("DM", "AGE")),
    # by hand: creatinine 165/88.4, bilirubin 299.3/17.1, INR 1.8: 29.81; with creatinine 160: 29.52; with 155: 29.21
    "borderline_meld_is_confirmed": pair([edit("LB", MEDIUM, 3, LBSTRESN=165.0)], [edit("LB", MEDIUM, 3, LBSTRESN=155.0)]),
    # V24
    "visits_are_in_window": pair([edit("SV", MEDIUM, 14, SVSTDTC="2025-06-27")], [edit("SV", MEDIUM, 14, SVSTDTC="2025-06-26")]),
    # On the cut-off of elapsed day 17 of M, day 14 (to day 16) was due; nobody else of phase 2 was dosed.
    "planned_visits_take_place": Pair(
        Case((keep("EX", lambda frame: frame["USUBJID"] == MEDIUM), without("SV", MEDIUM, 14)), cutoff=date(2025, 6, 27)),
        Case((keep("EX", lambda frame: frame["USUBJID"] == MEDIUM), also("SV", f"{SV}\nM | 7 | DAY 7 | 2025-06-17")), cutoff=date(2025, 6, 27))),
    "scheduled_results_are_there": pair([DAY_28], [edit("SV", MEDIUM, 14, SVSTDTC="2025-06-25")], ("SV", "VISIT")),
    "results_are_in_window": pair(
        [edit("LB", MEDIUM, 4, LBDTC="2025-05-01")], [keep("LB", lambda frame: frame["VISIT"] == "SCREENING"), edit("LB", MEDIUM, 4, LBDTC="2025-06-05")]),
    # V25
    "complications_are_events": pair([edit("AE", MEDIUM, 1, AESTDTC="2025-06-13")], [edit("AE", MEDIUM, 1, AESTDTC="2025-06-14")]),
    "laboratory_shows_complications": pair([edit("LB", MEDIUM, 5, LBSTRESN=130.0)], [edit("LB", MEDIUM, 5, LBSTRESN=129.0)]),
    # V26
    "events_end": pair([edit("AE", DEAD, 1, AEENDTC=None)], [edit("AE", MEDIUM, 1, AEENDTC=None, AEOUT="UNKNOWN")]),
    # V27
    "decisive_procedures_are_dated": pair(
        [also("PR", f"{PR}\nM | 1 | x | LIVER TRANSPLANTATION | 2025-08")], [also("PR", f"{PR}\nM | 1 | x | LIVER TRANSPLANTATION | 2025-08-01")]),
    "transplants_agree": pair(
        [also("SS", f"{SS}\nP | 1 | LTSTAT | Y | 28 | DAY 28 | 2025-07-10"), also("PR", f"{PR}\nP | 1 | x | LIVER TRANSPLANTATION | 2025-07-11")],
        [also("SS", f"{SS}\nP | 1 | LTSTAT | Y | 28 | DAY 28 | 2025-07-10"), also("PR", f"{PR}\nP | 1 | x | LIVER TRANSPLANTATION | 2025-07-10")]),
    "transplants_are_procedures": pair(
        [edit("AE", MEDIUM, 1, AETERM="liver transplantation")],
        [edit("AE", MEDIUM, 1, AETERM="liver transplantation"), also("PR", f"{PR}\nM | 1 | x | LIVER TRANSPLANTATION | 2025-06-20")]),
    # V28
    "screen_failures_are_not_dosed": pair([edit("DS", PLACEBO, 2, DSDECOD="SCREEN FAILURE")], [edit("DS", PLACEBO, 2, DSDECOD="OTHER")]),
    # V29
    "randomisation_numbers_are_sound": pair([edit("DM", PLACEBO, None, RANDNO="R001")], [edit("DM", PLACEBO, None, RANDNO="R009")]),
    "arm_sizes_are_planned": Pair(Case(), Case(trial=PLANNED)),
    # V30
    "imputed_records_are_listed": pair(
        [also("PR", f"{PR}\nM | 1 | x | PARACENTESIS | 2025-08")],
        [put("CM", draw("USUBJID | CMSEQ | CMSTDTC\nM | 1 | 2012-03-01", "CM")), put("MH", BASE["MH"].assign(MHSTDTC="2010-01-02"))], ("CM", "CMSTDTC")),
    "other_partial_dates_are_listed": pair([put("EG", ecg("DAY 14").assign(EGDTC="2025"))], [put("EG", ecg("DAY 14").assign(EGDTC="2025-07-10"))]),
    # V32
    "nothing_after_cutoff": pair([put("EG", ecg("DAY 14").assign(EGDTC="2026-01"))], [put("EG", ecg("DAY 14").assign(EGDTC="2025"))]),
    "nothing_before_study": pair([edit("DM", MEDIUM, None, RFICDTC="2005-06-02")], [edit("DM", MEDIUM, None, RFICDTC="2024-12-02")]),
}  # fmt: skip


@dataclass(frozen=True)
class AnalysisCase:
    """ADaM derived from the study, changed, and whether it is held against its SDTM."""

    change: Callable[[], adam.Frames] = field(default=lambda: dict(adam.derived()))
    recompute: bool = True
    sdtm: Callable[[], adam.Frames] = adam.study
    trial: Trial = TRIAL


def cell(dataset: str, place: dict[str, object], **values: object) -> AnalysisCase:
    return AnalysisCase(lambda: adam.altered(dataset, place, **values))


def alone(dataset: str, place: dict[str, object], **values: object) -> AnalysisCase:
    """Without the SDTM."""
    return AnalysisCase(lambda: adam.altered(dataset, place, **values), recompute=False)


def responding(value: str) -> AnalysisCase:
    """Without the SDTM; an outcome of phase 2 whose subjects respond by the name of a visit, as good as any other text."""
    one = next(outcome for outcome in TRIAL.outcomes if outcome.phase == 2 and outcome.paramcd == "MELD")
    own = one.model_copy(update={"response": Response(label="Response", where={"AVISIT": (value,)}, without_result="left_out")})
    outcomes = tuple(own if outcome is one else outcome for outcome in TRIAL.outcomes)
    return AnalysisCase(recompute=False, trial=TRIAL.model_copy(update={"outcomes": outcomes}))


def frame(dataset: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> AnalysisCase:
    return AnalysisCase(lambda: {**adam.derived(), dataset: change(adam.derived()[dataset]).reset_index(drop=True)})


def _transplanted() -> adam.Frames:
    return {**adam.study(), "PR": draw(f"{PR}\nM | 1 | x | LIVER TRANSPLANTATION | 2025-08-01", "PR")}


def _site_meld(value: float) -> Callable[[], adam.Frames]:
    def change() -> adam.Frames:
        rs = adam.study()["RS"]
        return {**adam.study(), "RS": rs.assign(RSSTRESN=rs["RSSTRESN"].mask(rs["RSTESTCD"] == "MELDSITE", value))}

    return change


M, D, F = {"USUBJID": MEDIUM}, {"USUBJID": DEAD}, {"USUBJID": FAILED}
INR = {"USUBJID": MEDIUM, "PARAMCD": "INR", "SRCSEQ": 12.0}


def _with_serum() -> adam.Frames:
    return {**adam.derived(), "ADPC": adam.derived()["ADLB"]}


#: Check of supplied ADaM: what it must see; what it must not see; a variable it reads there, where its finding is about none.
ADAM: dict[str, tuple[AnalysisCase, AnalysisCase] | tuple[AnalysisCase, AnalysisCase, tuple[str, str]]] = {
    "analysis_datasets_are_read": (AnalysisCase(_with_serum), AnalysisCase(), ("ADLB", "PARAMCD")),
    "records_carry_their_subject": (cell("ADAE", adam.EVENT, AGE=41.0), cell("ADAE", adam.EVENT, AETERM="low sodium")),
    "subjects_are_all_there": (frame("ADSL", lambda adsl: adsl[adsl["USUBJID"] != FAILED]), cell("ADSL", F, AGE=41.0)),
    "analysis_columns_have_values": (
        frame("ADLB", lambda adlb: pd.concat([adlb.assign(AVAL=np.nan)] * 2)), cell("ADLB", adam.DAY_60, AVAL=np.nan)),
    "analysis_text_is_readable": (cell("ADAE", adam.EVENT, AETERM="FiÃ¨vre"), cell("ADAE", adam.EVENT, AETERM="Fièvre")),
    "analysis_texts_are_no_missing_values": (cell("ADAE", adam.EVENT, AETERM="NULL"), cell("ADAE", adam.EVENT, AETERM="Null")),
    "analysis_terms_have_one_spelling": (
        frame("ADAE", lambda adae: pd.concat([adae, adae.assign(AEDECOD=adae["AEDECOD"].str.upper())])), frame("ADAE", lambda adae: pd.concat([adae, adae]))),
    "analysis_lowest_terms_have_one_term": (
        frame("ADAE", lambda adae: adae.assign(AELLT="Sodium low")), frame("ADAE", lambda adae: adae.assign(AELLT="low " + adae["AEDECOD"]))),
    "analysis_terms_stand_in_one_class": (
        frame("ADAE", lambda adae: pd.concat([adae, adae.assign(AEBODSYS="Investigations")])), frame("ADAE", lambda adae: pd.concat([adae, adae]))),
    "parameters_have_one_name": (cell("ADLB", adam.DAY_28, PARAM="Bilirubin (mg/dL)"), cell("ADLB", adam.DAY_28, PARCAT1="OTHER")),
    "visits_keep_their_numbers": (cell("ADLB", adam.DAY_60, VISITNUM=28.0), cell("ADLB", adam.AGAIN, VISIT="UNSCHEDULED 28.01")),
    "analysis_results_stand_once": (
        frame("ADLB", lambda adlb: pd.concat([adlb, adlb.iloc[[6]]])), frame("ADLB", lambda adlb: pd.concat([adlb, adlb.iloc[[6]].assign(AVAL=1.0)]))),
    "records_are_traceable": (cell("ADAE", adam.EVENT, AESEQ=99.0), cell("ADAE", adam.EVENT, ASEQ=99.0)),
    "values_are_their_sources": (cell("ADLB", adam.DAY_28, AVAL=251.0), cell("ADLB", adam.DAY_28, AVAL=250.0 * (1 + 1e-12))),
    "planned_treatment_fits_arm": (cell("ADSL", M, TRT01P="Low"), cell("ADSL", M, ARM="another wording")),
    "actual_treatment_fits_exposure": (cell("ADSL", M, TRT01A="Low"), cell("ADSL", M, ACTARM="another wording")),
    "records_carry_treatment": (cell("ADAE", adam.EVENT, TRTA="Low"), cell("ADAE", adam.EVENT, AETERM="low sodium")),
    "swapped_treatment_is_a_deviation": (
        cell("ADSL", M, TRT01A="Low"),
        AnalysisCase(lambda: adam.altered("ADSL", M, TRT01A="Low"),
                     sdtm=lambda: {**adam.study(), "DV": draw(f"{DV}\nM | 1 | wrong dose | DOSING | IMPORTANT | 2025-06-12", "DV")})),
    "emergence_is_recomputed": (cell("ADAE", adam.EVENT, TRTEMFL=None), cell("ADAE", adam.EVENT, TRTEMFL="Y")),
    # M was dosed on 10 June 2025 at 10:00.
    "emergence_fits_the_onset": (
        alone("ADAE", adam.EVENT, ASTDT=adam.DAY("2025-06-09")), alone("ADAE", adam.EVENT, ASTDT=adam.DAY("2025-06-10"))),
    "baselines_stand_once": (cell("ADLB", adam.DAY_28, ABLFL="Y"), cell("ADLB", adam.DAY_28, ANL01FL="Y")),
    # Of all subjects, and of one: another has the flag.
    "parameters_have_their_baseline": (
        frame("ADLB", lambda adlb: adlb.assign(ABLFL=adlb["ABLFL"].mask(adlb["PARAMCD"] == "BILI"))),
        frame("ADLB", lambda adlb: adlb.assign(ABLFL=adlb["ABLFL"].mask((adlb["PARAMCD"] == "BILI") & (adlb["USUBJID"] == MEDIUM))))),
    # What the flag leaves out of another visit is no baseline.
    "baselines_stand_at_their_visit": (alone("ADLB", adam.BASELINE, ANL01FL=None), alone("ADLB", adam.DAY_28, ANL01FL=None)),
    "baselines_precede_treatment": (cell("ADLB", adam.DAY_28, ABLFL="Y"), cell("ADLB", adam.BASELINE, ABLFL="Y")),
    "baselines_are_recomputed": (cell("ADLB", adam.BASELINE, ABLFL=None), cell("ADLB", adam.BASELINE, ABLFL="Y")),
    "baselines_are_repeated": (cell("ADLB", adam.DAY_28, BASE=17.5), cell("ADLB", adam.DAY_28, BASE=299.3 * (1 + 1e-12))),
    "changes_are_recomputed": (cell("ADLB", adam.DAY_28, CHG=49.3), cell("ADLB", adam.DAY_28, CHG=-49.3 * (1 + 1e-9))),
    "changes_are_after_baseline": (cell("ADLB", adam.BASELINE, CHG=0.0), cell("ADLB", adam.DAY_28, CHG=-49.3)),
    "analysis_visits_keep_their_numbers": (cell("ADLB", adam.DAY_28, AVISITN=21.0), cell("ADLB", adam.DAY_28, AVISITN=28.0)),
    "analysis_records_stand_once": (cell("ADLB", adam.AGAIN, ANL01FL="Y"), cell("ADLB", adam.DAY_28, ANL01FL="Y")),
    "windows_are_recomputed": (cell("ADLB", adam.DAY_60, AVISITN=90.0, AVISIT="Day 90"), cell("ADLB", adam.DAY_60, AVISITN=60.0, AVISIT="Day 60")),
    "time_is_counted_from_the_start": (cell("ADTTE", adam.LTFS, AVAL=11.0), cell("ADTTE", adam.LTFS, AVAL=10.0)),
    "survival_ends_with_the_event": (cell("ADTTE", D | {"PARAMCD": "OSLTC"}, CNSR=1.0), cell("ADTTE", M | {"PARAMCD": "OSLTC"}, CNSR=1.0)),
    "times_are_recomputed": (cell("ADTTE", adam.LTFS, EVNTDESC="LIVER TRANSPLANT"), cell("ADTTE", adam.LTFS, EVNTDESC="DEATH")),
    "subjects_have_their_treatment": (cell("ADSL", M, TRT01A=None), cell("ADSL", M, TRT01AN=None)),
    "safety_set_has_a_first_dose": (cell("ADSL", M, TRTSDT=pd.NaT), cell("ADSL", M, TRTSDTM=pd.NaT)),
    "nothing_ends_before_the_first_dose": (
        cell("ADSL", M, LSTALVDT=adam.DAY("2025-06-09")), cell("ADSL", M, LSTALVDT=adam.DAY("2025-06-10"))),
    "categories_are_declared": (cell("ADSL", M, AGEGR1=">64"), cell("ADSL", M, AGEGR1=None)),
    "emergence_follows_treatment": (
        cell("ADAE", adam.EVENT, ASTDT=adam.DAY("2025-01-01")), cell("ADAE", adam.EVENT, ASTDT=adam.DAY("2025-01-01"), ASTDTF="D")),
    "times_are_counted_alike": (cell("ADTTE", adam.LTFS, AVAL=12.0), cell("ADTTE", adam.LTFS, AVAL=10.0)),
    "times_are_whole": (cell("ADTTE", adam.LTFS, AVAL=-4.0), cell("ADTTE", adam.LTFS, AVAL=0.0)),
    # Of the others of the parameter the start is there.
    "times_have_their_dates": (cell("ADTTE", adam.LTFS, STARTDT=pd.NaT), cell("ADTTE", adam.LTFS, STARTDT=adam.DAY("2025-06-11"))),
    # D's death is the event of the parameter.
    "censoring_fits_its_description": (
        cell("ADTTE", M | {"PARAMCD": "LTFS"}, EVNTDESC="DEATH"), cell("ADTTE", M | {"PARAMCD": "LTFS"}, EVNTDESC="LAST CONTACT"),
        ("ADTTE", "EVNTDESC")),
    "subjects_have_their_times": (
        frame("ADTTE", lambda times: times[(times["USUBJID"] != MEDIUM) | (times["PARAMCD"] != "LTFS")]),
        frame("ADTTE", lambda times: times[times["PARAMCD"] != "LTFS"])),
    # D died on 22 June 2025.
    "times_end_with_the_death": (
        cell("ADTTE", adam.LTFS, ADT=adam.DAY("2025-06-23")), cell("ADTTE", adam.LTFS, ADT=adam.DAY("2025-06-22"))),
    "criteria_make_events_serious": (
        alone("ADAE", adam.EVENT, AESER="N", AESHOSP="Y"), alone("ADAE", adam.EVENT, AESER="Y", AESHOSP="Y")),
    "deaths_without_a_fatal_event": (
        alone("ADAE", D | {"AESEQ": 1.0}, AEOUT=None, AESDTH=None, ATOXGR="4"),
        alone("ADAE", D | {"AESEQ": 1.0}, AEOUT=None, AESDTH="Y", ATOXGR="4"), ("ADSL", "DTHFL")),
    # M was dosed on 10 June 2025.
    "baselines_are_before_the_first_dose": (
        cell("ADLB", adam.BASELINE, ADT=adam.DAY("2025-06-11")), cell("ADLB", adam.BASELINE, ADT=adam.DAY("2025-06-10"))),
    # M alone has a value on day 28; of day 0 no outcome is told.
    "records_of_outcomes_are_analysed": (
        cell("ADEFF", M | {"PARAMCD": "MELD", "AVISITN": 28.0}, ANL02FL=None),
        cell("ADEFF", M | {"PARAMCD": "MELD", "AVISITN": 0.0}, ANL02FL=None)),
    "responses_are_values_of_the_data": (responding("day 28"), responding("Day 28")),
    "flags_are_recorded": (
        frame("ADSL", lambda adsl: adsl.assign(DTHFL=None).drop(columns="DTHDT")), AnalysisCase(lambda: {"ADSL": adam.altered("ADSL", M, DTHFL="N")["ADSL"]})),
    "deaths_have_a_day": (cell("ADSL", D, DTHDT=pd.NaT), cell("ADSL", D, DTHDTF="D")),
    "deaths_are_flagged": (cell("ADSL", D, DTHFL=None), cell("ADSL", D, DTHDTF="D")),
    "deaths_are_alike": (
        alone("ADAE", D | {"AESEQ": 1.0}, AENDT=adam.DAY("2025-06-21")), alone("ADAE", D | {"AESEQ": 1.0}, AENDT=adam.DAY("2025-06-21"), AENDTF="D")),
    "treated_subjects_are_the_safety_set": (cell("ADSL", F, SAFFL="Y"), cell("ADSL", F, SAFFL="N")),
    "populations_are_recomputed": (cell("ADSL", M, PPROTFL="N"), cell("ADSL", M, PPSEXCL="none")),
    "records_carry_populations": (cell("ADAE", adam.EVENT, SAFFL="N"), cell("ADAE", adam.EVENT, SAFFL="Y")),
    "organ_scores_are_possible": (cell("ADEFF", adam.BRAIN, AVAL=0.0), cell("ADEFF", adam.BRAIN, AVAL=3.0)),
    "organ_scores_add_up": (cell("ADEFF", adam.TOTAL, AVAL=10.0), cell("ADEFF", adam.TOTAL, COMP5=81.0)),
    # Both the sub-score and the total one too high: they add up, but are not what the components give.
    "organ_scores_are_recomputed": (
        frame("ADEFF", lambda scores: scores.assign(AVAL=scores["AVAL"] + ((scores["USUBJID"] == MEDIUM) & scores["PARAMCD"].isin(["CLIFCOF", "CLIFBRA"])))),
        cell("ADEFF", adam.BRAIN, COMP5=81.0)),
    "meld_is_recomputed": (cell("ADEFF", adam.MELD, AVAL=23.832962 + 3e-6), cell("ADEFF", adam.MELD, COMP1=0.9)),
    "meld_fits_its_components": (alone("ADEFF", adam.MELD, AVAL=24.0), alone("ADEFF", adam.MELD, COMP1=0.9)),
    "meld_fits_the_site": (AnalysisCase(sdtm=_site_meld(24.9)), AnalysisCase(sdtm=_site_meld(24.8))),
    "transplants_are_flagged": (
        AnalysisCase(sdtm=_transplanted), AnalysisCase(lambda: adam.altered("ADSL", M, LTFL="Y"), sdtm=_transplanted)),
    "renal_replacement_is_used": (cell("ADEFF", adam.MELD, COMP4=4.0), cell("ADEFF", adam.MELD, COMP4=1.0 + 1e-12)),
    "screen_failures_are_not_analysed": (cell("ADSL", F, FASFL="Y"), cell("ADSL", F, SCRNFL="Y")),
    # M has two records of bilirubin on day 28, under AVISITN 28.
    "analysis_visits_are_those_declared": (cell("ADLB", adam.DAY_28, AVISITN=21.0), cell("ADLB", adam.DAY_28, AVISIT="DAY 28")),
    "analysis_visits_are_one_to_one": (cell("ADLB", adam.DAY_28, AVISIT="Week 4"), cell("ADLB", adam.DAY_28, AVISIT="Day 28")),
    "values_have_the_declared_unit": (
        cell("ADLB", adam.DAY_28, PARAM="Bilirubin (mg/dL)"), cell("ADLB", adam.DAY_28, PARAM="Bilirubin (µmol/L)")),
    # 3 is the number of the high dose.
    "codes_have_one_decode": (cell("ADSL", M, TRT01PN=3.0), cell("ADSL", M, TRT01P=None)),
    "range_indicators_fit": (cell("ADLB", adam.DAY_28, ANRIND="NORMAL"), cell("ADLB", adam.DAY_28, ANRIND="HIGH")),
    "grades_are_recomputed": (cell("ADLB", INR, SHIFT1="2 to 4"), cell("ADLB", INR, AVISIT="Day 28")),
}  # fmt: skip
