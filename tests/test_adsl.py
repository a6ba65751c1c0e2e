"""ADSL and the whole derivation: treatment, dates, history, populations, blinding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.derive import blind_adam, blind_sdtm, derive_adam
from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.addlt import derive_addlt
from cgbm1_report.derive.adex import derive_adex, derive_exposure_summary
from cgbm1_report.derive.adsl import add_exposure, add_populations, derive_aclfgrbl, derive_subjects
from cgbm1_report.derive.disposition import derive_dthcaus
from cgbm1_report.derive.domains import check_required
from cgbm1_report.derive.history import derive_group
from cgbm1_report.derive.populations import derive_dcompgr1
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.sdtm_cases import changed, complications, disposition, events, infusions, shown, subjects, table

TRIAL = our_trial()


def derive(dm: pd.DataFrame, trial: Trial = TRIAL, cutoff: str | None = None, **domains: pd.DataFrame) -> pd.DataFrame:
    """ADSL as far as it follows from SDTM alone, indexed by subject."""
    day = None if cutoff is None else pd.Timestamp(cutoff).date()
    sdtm = {"DM": dm, **domains}
    check_required(sdtm)
    return derive_subjects(sdtm, trial, day).set_index("USUBJID")


def derive_sets(dm: pd.DataFrame, trial: Trial = TRIAL, **domains: pd.DataFrame) -> pd.DataFrame:
    """The same with exposure and the populations that need it."""
    sdtm = {"DM": dm, **domains}
    adsl = derive_subjects(sdtm, trial, None)
    exposure = derive_exposure_summary(sdtm, adsl, trial, None)
    adsl = add_exposure(adsl, exposure, trial)
    addlt = derive_addlt(derive_adae(sdtm, adsl, trial), adsl, trial)
    return add_populations(adsl, derive_adex(sdtm, adsl, exposure, trial), addlt, sdtm, trial).set_index("USUBJID")


def values(adsl: pd.DataFrame, variable: str) -> list[Any]:
    return [shown(value) for value in adsl[variable]]


ARMS = subjects(
    """
    USUBJID  ARMCD   SCRPHASE
    A        P1HIGH  1
    B        P2PBO   2
    C        P2LOW   2
    D        P2MED   2
    E        -       2          # screen failure
    F        P2PBO   2
    """
)
DOSES = infusions(
    """
    USUBJID  EXSTDTC           EXDOSE
    A        2025-03-10T10:00  4
    B        2025-03-10T10:00  0
    C        2025-03-10T10:00  2       # the medium dose once, then the planned low one
    C        2025-03-17T10:00  1
    D        2025-03-10T10:00  0       # only ever placebo
    D        2025-03-17T10:00  0
    F        2025-03-10T10:00  0       # one dose not known: not surely placebo
    F        2025-03-17T10:00  -
    """
)


def test_planned_treatment_is_the_arm_and_actual_treatment_the_highest_dose_given() -> None:
    found = derive(ARMS, EX=DOSES)
    assert values(found, "PHASE") == [1, 2, 2, 2, 2, 2]
    assert values(found, "TRT01P") == ["High", "Placebo", "Low", "Medium", None, "Placebo"]
    assert values(found, "TRT01PN") == [3, 0, 1, 2, None, 0]
    assert values(found, "TRT01PDO") == [4, 0, 1, 2, None, 0]
    assert values(found, "TRT01A") == ["High", "Placebo", "Medium", "Placebo", None, None]
    assert values(found, "TRT01AN") == [3, 0, 2, 0, None, None]
    assert values(found, "COHORT") == ["HIGH", None, None, None, None, None]


def test_unknown_arms_doses_and_phases_are_refused_together_and_named() -> None:
    dm = ARMS.assign(ARMCD=["P1XX", "P2YY", *ARMS["ARMCD"][2:]], SCRPHASE=[1, 2, 2, 2, np.nan, 2])
    with pytest.raises(ReportError) as caught:
        derive(dm, EX=DOSES)
    assert [(p.place, p.file) for p in caught.value.problems] == [("A", "DM"), ("B", "DM"), ("E", "DM")]
    with pytest.raises(ReportError, match="dose 3 was given"):
        derive(ARMS, EX=DOSES.assign(EXDOSE=3.0))


def test_a_cut_without_dm_or_with_a_subject_twice_is_refused() -> None:
    with pytest.raises(ReportError, match="DM"):
        derive_adam({"AE": events("USUBJID  AESTDTC\nA  2025-03-12")}, TRIAL, None)
    with pytest.raises(ReportError, match="A has more than one record"):
        derive(pd.concat([ARMS, ARMS.iloc[:1]]))


def test_treatment_dates_are_the_first_start_and_the_last_end() -> None:
    dm = subjects("USUBJID  ARMCD\nA  P2LOW\nB  P2LOW\nC  P2LOW")
    ex = infusions(
        """
        USUBJID  EXSTDTC           EXENDTC           EXDOSE
        A        2025-03-17T09:00  2025-03-17T10:05  1
        A        2025-03-10T10:00  2025-03-10T11:00  1
        B        2025-03-10        2025-03-10        1        # no times
        B        2025-03-18T09:00  -                 1        # the end is not recorded
        """
    )
    found = derive(dm, EX=ex)
    assert values(found, "TRTSDT") == ["2025-03-10", "2025-03-10", None]
    assert values(found, "TRTSDTM") == ["2025-03-10T10:00", None, None]
    assert values(found, "TRTEDT") == ["2025-03-17", "2025-03-18", None]
    assert values(found, "TRTEDTM") == ["2025-03-17T10:05", None, None]
    assert values(found, "TRTDURD") == [8, 9, None]
    assert values(derive_sets(dm, EX=ex), "NINF") == [2, 2, 0]


def test_cohort_order_follows_the_first_infusion_and_the_first_is_the_sentinel() -> None:
    dm = subjects("USUBJID  ARMCD\nA  P1LOW\nB  P1LOW\nC  P1MED\nD  P1LOW\nE  P2LOW")
    ex = infusions(
        """
        USUBJID  EXSTDTC           EXDOSE
        A        2025-04-10T10:00  1
        B        2025-03-10T10:00  1
        C        2025-06-01T10:00  2
        E        2025-06-01T10:00  1
        """
    )
    found = derive(dm, EX=ex)
    assert values(found, "COHORT") == ["LOW", "LOW", "MEDIUM", "LOW", None]
    assert values(found, "COHORTSQ") == [2, 1, 1, None, None]  # D was never dosed
    assert values(found, "SENTFL") == [None, "Y", "Y", None, None]


CONTACTS: dict[str, pd.DataFrame] = {
    "SV": table("USUBJID  SVSTDTC  SVENDTC\nA  2025-03-11  2025-03-12"),
    "AE": events("USUBJID  AESTDTC  AEENDTC\nA  2025-03-13  2025-12-31\nA  2025-05  -"),
    "CE": complications("USUBJID  CETERM  CESTDTC  CEOCCUR\nA  Infection  2025-03-14  Y\nA  Infection  2025-12-01  N"),
    "SS": table(
        """
        USUBJID  SSTESTCD  SSSTRESC  SSDTC
        A        SURVSTAT  ALIVE     2025-03-15
        A        SURVSTAT  UNKNOWN   2025-12-02
        A        SURVSTAT  DEAD      2025-12-03
        A        LTSTAT    N         2025-12-04
        """
    ),
    "DS": disposition("USUBJID  DSDECOD  DSSTDTC\nA  ENROLLED  2025-03-16\nA  DEATH  2025-12-05"),
    "DD": table("USUBJID  DDTESTCD  DDSTRESC  DDDTC\nA  PRCDTH  Sepsis  2025-12-06"),
    "CM": table("USUBJID  CMSTDTC\nA  2025-12-07"),
    "PR": table("USUBJID  PRSEQ  PRDECOD  PRSTDTC\nA  1  PARACENTESIS  2025-12-08"),
    "XL": table("USUBJID  XLTESTCD  XLDTC  XLSTAT\nA  LSM  2025-12-09  NOT DONE\nA  LSM  2025-03-10T08:00  -"),
}
#: The contact each domain alone proves; those that prove none give none.
PROVEN = {"SV": "2025-03-12", "AE": "2025-03-13", "CE": "2025-03-14", "SS": "2025-03-15", "DS": "2025-03-16", "XL": "2025-03-10"}


def test_last_known_alive_takes_complete_dates_of_contacts_and_nothing_else() -> None:
    """One subject per domain, named like it, who has records of that domain only."""
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(f"{domain}  P2LOW" for domain in CONTACTS))
    found = derive(dm, **{domain: frame.assign(USUBJID=domain) for domain, frame in CONTACTS.items()})
    proven = found[found["LSTALV0"] > found["RFICDT"]]
    assert dict(zip(proven.index, values(proven, "LSTALV0"), strict=True)) == PROVEN


def test_contacts_after_the_data_cutoff_prove_nothing() -> None:
    dm = subjects("USUBJID  ARMCD\nA  P2LOW")
    assert values(derive(dm, cutoff="2025-03-14", **CONTACTS), "LSTALV0") == ["2025-03-14"]
    assert values(derive(dm, cutoff="2025-03-15", **CONTACTS), "LSTALV0") == ["2025-03-15"]


def test_a_partial_death_is_completed_from_the_last_contact_everywhere() -> None:
    """The disposition of the same death carries the same partial date."""
    dm = subjects("USUBJID  ARMCD  DTHDTC  DTHFL\nA  P2LOW  2025-05  Y")
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1")
    ss = table("USUBJID  SSTESTCD  SSSTRESC  SSDTC\nA  SURVSTAT  ALIVE  2025-05-12")
    ds = disposition("USUBJID  DSDECOD  DSSTDTC  DSSCAT\nA  DEATH  2025-05  STUDY PARTICIPATION")
    found = derive(dm, EX=ex, SS=ss, DS=ds).iloc[0]
    assert [shown(found[name]) for name in ("DTHDT", "DTHDTF", "DTHADY", "DTHFL")] == ["2025-05-13", "D", 65, "Y"]
    assert [shown(found[name]) for name in ("LSTALV0", "LSTALVDT", "EOSDT")] == ["2025-05-12", "2025-05-13", "2025-05-13"]
    assert [found["EOSSTT"], found["DCSREAS"], found["FUPDAYS"]] == ["DISCONTINUED", "DEATH", 65]


CAUSES = {
    "MULTIPLE ORGAN FAILURE": "MULTIPLE ORGAN FAILURE",
    "Multi-organ failure": "MULTIPLE ORGAN FAILURE",
    "Septic shock": "INFECTION/SEPSIS",
    "Cerebral haemorrhage": "HEMORRHAGE",
    "Variceal bleeding": "HEMORRHAGE",
    "Brain oedema": "HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA",
    "Hepatic encephalopathy": "HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA",
    "Pulmonary oedema": "OTHER",
    "Car accident": "OTHER",
}


def test_cause_of_death_is_grouped_by_what_it_names() -> None:
    ids = [f"S{number:02}" for number in range(len(CAUSES))]
    dd = pd.DataFrame({"USUBJID": ids, "DDTESTCD": "PRCDTH", "DDSTRESC": list(CAUSES)})
    found = derive(subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  P2LOW" for s in [*ids, "S99"])), DD=dd)
    assert values(found, "DTHCAUS") == [*CAUSES, None]
    assert values(found, "DTHCGR1") == [*CAUSES.values(), None]


def test_a_trial_that_declares_no_groups_has_the_causes_of_death_themselves() -> None:
    dd = pd.DataFrame({"USUBJID": ["A", "B"], "DDTESTCD": "PRCDTH", "DDSTRESC": ["Car  accident", None]})
    own = TRIAL.model_copy(update={"causes_of_death": ()})
    found = derive_dthcaus({"DD": dd}, pd.Index(["A", "B", "C"]), own)
    assert values(found, "DTHCAUS") == ["Car  accident", None, None]
    assert values(found, "DTHCGR1") == ["CAR ACCIDENT", None, None]


def test_transplant_counts_from_the_anchor_date_on() -> None:
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  P2LOW" for s in "ABCDE"))
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\n" + "\n".join(f"{s}  2025-03-10T10:00  1" for s in "ABCD"))
    ds = disposition("USUBJID  DSDECOD  DSSTDTC\nE  RANDOMIZED  2025-03-08")
    pr = table(
        """
        USUBJID  PRDECOD                PRSTDTC
        A        LIVER TRANSPLANTATION  2025-05-01
        A        LIVER TRANSPLANTATION  2025-04-01   # the first one
        A        LIVER TRANSPLANTATION  2025-03-01   # before the first dose: excluded from the trial, not an event
        B        LIVER TRANSPLANTATION  2025-03-09
        C        PARACENTESIS           2025-05-01
        D        LIVER TRANSPLANTATION  2025-03      # of the month of the first dose: on it at the earliest
        E        LIVER TRANSPLANTATION  2025-03-08   # never dosed: on the day of randomisation
        """
    ).assign(PRSEQ=1.0)
    found = derive(dm, EX=ex, DS=ds, PR=pr)
    assert values(found, "LTDT") == ["2025-04-01", None, None, "2025-03-10", "2025-03-08"]
    assert values(found, "LTFL") == ["Y", None, None, "Y", "Y"]
    assert values(found, "LTADY") == [23, None, None, 1, None]
    assert values(found, "ANCHDT")[4] == "2025-03-08"


def test_end_of_study_and_of_treatment() -> None:
    dm = subjects("USUBJID  ARMCD  SCRPHASE\nA  P2LOW  2\nB  P2LOW  2\nC  P2LOW  2\nD  -  2\nE  -  2").assign(
        ARMNRS=pd.Series([None, None, None, None, "SCREEN FAILURE"], dtype="str")
    )
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1\nB  2025-03-10T10:00  1")
    ds = disposition(
        """
        USUBJID  DSDECOD            DSSTDTC     DSSCAT
        A        COMPLETED          2025-03-31  STUDY TREATMENT
        A        COMPLETED          2025-09-08  STUDY PARTICIPATION
        B        ADVERSE EVENT      2025-03-20  STUDY TREATMENT
        B        LOST TO FOLLOW-UP  2025-05-20  STUDY PARTICIPATION
        D        SCREEN FAILURE     2025-03-05  STUDY PARTICIPATION
        """
    )
    found = derive(dm, EX=ex, DS=ds)
    assert values(found, "EOSSTT") == ["COMPLETED", "DISCONTINUED", "ONGOING", "DISCONTINUED", "DISCONTINUED"]
    assert values(found, "DCSREAS") == [None, "LOST TO FOLLOW-UP", None, "SCREEN FAILURE", "SCREEN FAILURE"]
    assert values(found, "EOSDT") == ["2025-09-08", "2025-05-20", None, "2025-03-05", None]
    assert values(found, "EOTSTT") == ["COMPLETED", "DISCONTINUED", None, None, None]
    assert values(found, "EOTDT") == ["2025-03-31", "2025-03-20", None, None, None]
    assert values(found, "DCTREAS") == [None, "ADVERSE EVENT", None, None, None]


def test_the_last_planned_day_completed_is_told_by_death_withdrawal_and_the_window_of_the_last_contact() -> None:
    # First dose 2025-03-10. Phase 2 counts days 28 (window opens on 25), 90 (83) and 180 (166).
    cases = table(
        """
        USUBJID  LAST        DEATH       LEFT        CMPLDAY
        A        2025-09-08  -           -           180
        B        2025-08-22  -           -           90     # last seen on day 165, the window opens on 166
        C        2025-08-23  -           -           180    # on day 166
        D        2025-04-04  -           -           28     # on day 25
        E        2025-04-03  -           -           -      # on day 24
        F        2025-04-06  2025-04-07  -           -      # died on day 28 itself
        G        2025-04-07  2025-04-08  -           28     # on day 29
        H        2025-05-01  -           2025-04-06  -      # left on day 27, heard of later
        I        2025-05-01  -           2025-04-07  28     # on day 28
        """
    )
    names = cases["USUBJID"]
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(names + "  P2LOW"))
    dm = dm.assign(DTHDTC=cases["DEATH"], DTHFL=cases["DEATH"].notna().map({True: "Y", False: None}).astype("str"))
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\n" + "\n".join(names + "  2025-03-10T10:00  1"))
    left = cases[cases["LEFT"].notna()]
    ds = disposition(
        "USUBJID  DSDECOD  DSSTDTC  DSSCAT\n"
        + "\n".join(left["USUBJID"] + "  WITHDRAWAL BY SUBJECT  " + left["LEFT"] + "  STUDY PARTICIPATION")
    )
    sv = pd.DataFrame({"USUBJID": names, "SVSTDTC": cases["LAST"], "SVENDTC": cases["LAST"]}).astype("str")
    found = derive(dm, EX=ex, DS=ds, SV=sv)
    assert values(found, "CMPLDAY") == [None if pd.isna(day) else float(day) for day in cases["CMPLDAY"]]


def test_who_has_no_anchor_date_completed_no_day() -> None:
    sv = table("USUBJID  SVSTDTC  SVENDTC\nA  2025-09-08  2025-09-08")
    assert values(derive(subjects("USUBJID  ARMCD  SCRPHASE\nA  -  2"), SV=sv), "CMPLDAY") == [None]


def test_both_limits_of_compliance_belong_to_the_group_within() -> None:
    percent = pd.Series([89.9, 90.0, 110.0, 110.1, np.nan, 89.9999999999])
    assert [shown(group) for group in derive_dcompgr1(percent, TRIAL)] == ["<90%", "90-110%", "90-110%", ">110%", None, "90-110%"]
    wide = TRIAL.model_copy(
        update={
            "parameters": TRIAL.parameters | {"INFCOMP": TRIAL.parameter("INFCOMP").model_copy(update={"compliant": (80, 120)})}
        }
    )
    assert [shown(group) for group in derive_dcompgr1(percent, wide)][:4] == ["80-120%"] * 4


def test_age_groups_include_their_lower_end() -> None:
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  P2LOW" for s in "ABCDE")).assign(AGE=[18.0, 44.0, 45.0, 60.0, np.nan])
    found = derive(dm)
    assert values(found, "AGEGR1") == ["<45", "<45", "45-<60", ">=60", None]
    assert values(found, "AGEGR1N") == [1, 1, 2, 3, None]


def test_liver_disease_cirrhosis_and_precipitant_from_history() -> None:
    mh = table(
        """
        USUBJID  MHTERM                       MHDECOD                       MHCAT
        A        chronic HBV                  Chronic hepatitis B           CHRONIC LIVER DISEASE
        A        cirrhosis                    Hepatic cirrhosis             CHRONIC LIVER DISEASE
        A        flare                        HBV FLARE                     ACLF PRECIPITANT
        B        hepatitis B                  Hepatitis B                   CHRONIC LIVER DISEASE
        B        drinking                     Alcoholic liver disease       CHRONIC LIVER DISEASE
        B        pneumonia                    Pneumonia                     ACLF PRECIPITANT
        C        alcoholic cirrhosis          Cirrhosis alcoholic           CHRONIC LIVER DISEASE
        C        unknown                      -                             ACLF PRECIPITANT
        D        non-cirrhotic portal htn     Non-cirrhotic portal hypert.  GENERAL
        D        Wilson                       Hepato-lenticular disease     CHRONIC LIVER DISEASE
        D        surgery                      Surgery                       ACLF PRECIPITANT
        E        liver cirrhosis              Hepatic cirrhosis             CHRONIC LIVER DISEASE
        G        DILI                         Drug-induced liver injury     CHRONIC LIVER DISEASE
        H        AIH                          Autoimmune hepatitis          CHRONIC LIVER DISEASE
        """
    )
    found = derive(subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  P1LOW" for s in "ABCDEFGH")), MH=mh)
    assert values(found, "ETIOL") == [
        "HEPATITIS B", "HEPATITIS B + ALCOHOL", "ALCOHOL", "OTHER", None, None, "DRUG", "AUTOIMMUNE",
    ]  # fmt: skip
    assert values(found, "CIRRFL") == ["Y", "N", "Y", "N", "Y", None, "N", "N"]
    assert values(found, "PRECIP") == ["HBV FLARE", "INFECTION", "UNKNOWN", "OTHER", None, None, None, None]


def test_complications_liver_support_and_pregnancy_test_before_the_first_dose() -> None:
    dm = subjects("USUBJID  ARMCD  SEX\nA  P2LOW  F\nB  P2LOW  F\nC  P2LOW  M\nD  P2LOW  F\nE  P2LOW  F")
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\n" + "\n".join(f"{s}  2025-03-20T10:00  1" for s in "ABCD"))
    ce = complications(
        "USUBJID  CETERM  CEOCCUR  CEPREBL  CESTDTC\nA  Infection  Y  Y  -\nB  Infection  N  N  -\nC  Infection  Y  N  2025-03-25"
    )
    pr = table(
        """
        USUBJID  PRDECOD                   PRSTDTC
        A        ARTIFICIAL LIVER SUPPORT  2025-03-06   # 14 days before
        B        ARTIFICIAL LIVER SUPPORT  2025-03-05
        C        ARTIFICIAL LIVER SUPPORT  2025-03-20   # the day of the first dose
        D        PARACENTESIS              2025-03-15
        """
    ).assign(PRSEQ=1.0)
    lb = table(
        """
        USUBJID  LBTESTCD  LBSTRESC  LBDTC
        A        HCG       NEGATIVE  2025-03-13   # 7 days before
        B        HCG       NEGATIVE  2025-03-12
        C        HCG       NEGATIVE  2025-03-19   # a man
        D        HCG       NEGATIVE  2025-03-19
        D        HCG       POSITIVE  2025-03-20
        """
    ).assign(LBSEQ=1.0, VISITNUM=1.0, VISIT="SCREENING")
    found = derive(dm, EX=ex, CE=ce, PR=pr, LB=lb)
    assert values(found, "INFBL") == ["Y", "N", "N", "N", None]
    assert values(found, "ALSBLFL") == ["Y", "N", "N", "N", None]
    assert values(found, "PREGFL") == ["Y", "N", None, "N", None]


def test_liver_support_that_went_on_into_the_screening_period_counts() -> None:
    dm = subjects("USUBJID  ARMCD\nA  P2LOW\nB  P2LOW")
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1\nB  2025-03-10T10:00  1")
    pr = table(
        """
        USUBJID  PRSEQ  PRDECOD                   PRSTDTC     PRENDTC
        A        1      ARTIFICIAL LIVER SUPPORT  2025-02-20  2025-02-24   # to elapsed day -14
        B        1      ARTIFICIAL LIVER SUPPORT  2025-02-20  2025-02-23   # to -15
        """
    )
    assert values(derive(dm, EX=ex, PR=pr), "ALSBLFL") == ["Y", "N"]


def test_body_size_is_the_last_before_the_first_infusion_and_bmi_is_not_rounded() -> None:
    vs = table(
        """
        USUBJID  VSTESTCD  VSSTRESN  VSDTC             VSTPT     VISIT             VISITNUM
        A        HEIGHT    170       2025-03-01        -         SCREENING         1
        A        WEIGHT    70.5      2025-03-01        -         SCREENING         1
        A        WEIGHT    68.0      2025-03-10T09:00  -         DAY 0 PRE-DOSE    2
        A        WEIGHT    90.0      2025-03-10T12:00  -         DAY 0 POST-DOSE   2.5
        B        WEIGHT    80.0      2025-03-01        -         SCREENING         1
        B        WEIGHT    81.0      2025-03-10        +1H       BASELINE          2     # after the infusion by its time point
        C        WEIGHT    60.0      2025-03-11        -         DAY 1             3     # nothing before the infusion
        """
    )
    vs = vs.assign(VSSEQ=range(1, 8), VSSTRESN=vs["VSSTRESN"].astype("float64"))
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1\nB  2025-03-10T10:00  1\nC  2025-03-10T10:00  1")
    dm = subjects("USUBJID  ARMCD\nA  P2LOW\nB  P2LOW\nC  P2LOW")
    found = derive_adam({"DM": dm, "EX": ex, "VS": vs}, TRIAL, None)["ADSL"]
    assert values(found, "HEIGHTBL") == [170, None, None]
    assert values(found, "WEIGHTBL") == [68, 80, None]
    assert found["BMIBL"][0] == pytest.approx(68 / 1.7**2, rel=1e-12)
    assert found["BMIBL"][1:].isna().all()


def test_meld_group_and_aclf_grade_at_baseline() -> None:
    """Grades by hand: liver failure alone is 0 without and 1 with encephalopathy; kidney failure alone is 1."""
    subjects = pd.DataFrame({"MELDBL": [24.999, 25.0, np.nan]})
    assert [shown(v) for v in derive_group(subjects, "MELDGR1", TRIAL)["MELDGR1"]] == ["<25", ">=25", None]
    organs = ("CLIFLIV", "CLIFKID", "CLIFBRA", "CLIFCOA", "CLIFCIR", "CLIFRES")
    cases = {"A": ((3, 1, 1, 1, 1, 1), 0.8, 0), "B": ((3, 1, 2, 1, 1, 1), 0.8, 1), "C": ((1, 2, 1, 1, 1, 1), 2.1, 0)}
    rows = []
    for subject, (scores, creatinine, grade) in cases.items():
        rows += [{"USUBJID": subject, "PARAMCD": n, "AVAL": s, "VISITNUM": 1.0} for n, s in zip(organs, scores, strict=True)]
        rows.append(
            {
                "USUBJID": subject,
                "PARAMCD": "CLIFCOF",
                "AVAL": sum(scores),
                "VISITNUM": 1.0,
                "ABLFL": "Y",
                "COMP2": creatinine,
                "COMP3": grade,
            }
        )
    # A later visit without a total must not lend its organs to the baseline total.
    rows.append({"USUBJID": "A", "PARAMCD": "CLIFBRA", "AVAL": 3, "VISITNUM": 2.0, "ABLFL": "Y"})
    found = derive_aclfgrbl(pd.DataFrame({"USUBJID": ["A", "B", "C", "D"]}), pd.DataFrame(rows), TRIAL)
    assert [shown(v) for v in found] == [0, 1, 1, None]


POPULATIONS = subjects(
    """
    USUBJID  ARMCD  SCRPHASE
    A        P1LOW  1
    B        P1LOW  1          # never dosed
    C        P2LOW  2
    D        P2PBO  2          # randomised, never dosed
    E        -      2          # screen failure
    F        -      1          # screen failure
    """
)
POPULATIONS["RFICDTC"] = ["2025-03-01"] * 4 + [None, "2025-03-01"]
RANDOMISED = disposition("USUBJID  DSDECOD  DSSTDTC\nC  RANDOMIZED  2025-03-09\nD  RANDOMIZED  2025-03-09")


def test_screened_randomised_safety_and_full_analysis_sets() -> None:
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1\nC  2025-03-10T10:00  1")
    found = derive_sets(POPULATIONS, EX=ex, DS=RANDOMISED)
    assert values(found, "SCRNFL") == ["Y", "Y", "Y", "Y", "N", "Y"]
    assert values(found, "RANDFL") == [None, None, "Y", "Y", "N", None]
    assert values(found, "SAFFL") == ["Y", "N", "Y", "N", "N", "N"]
    assert values(found, "FASFL") == ["Y", "N", "Y", "Y", "N", "N"]
    strict = derive(POPULATIONS, changed(fas_requires_dose=True), EX=ex, DS=RANDOMISED)
    assert values(strict, "FASFL") == ["Y", "N", "Y", "N", "N", "N"]
    assert values(found, "PPROTFL") == ["N", "N", "N", "N", "N", "N"]
    assert values(found, "PPSEXCL")[3] == "NOT DOSED"
    assert values(found, "PPSEXCL")[1] is None  # outside the full set anyway


def test_a_badly_recorded_randomisation_takes_nobody_out_of_the_full_analysis_set() -> None:
    dm = subjects("USUBJID  ARMCD  SCRPHASE\nA  P2LOW  2\nB  P2LOW  2\nC  P2LOW  2\nD  -  2\nE  -  2")
    ds = disposition("USUBJID  DSDECOD  DSSTDTC\nB  RANDOMIZED  2025-03\nD  RANDOMIZED  2025-03-09")
    ex = infusions("USUBJID  EXSTDTC  EXDOSE\nA  2025-03-10T10:00  1")
    found = derive_sets(dm, EX=ex, DS=ds)
    assert values(found, "RANDFL") == ["Y", "Y", "Y", "Y", "N"]  # D: blinded, the arm is not to be seen
    assert values(found, "FASFL") == ["Y", "Y", "Y", "Y", "N"]
    assert values(found, "RANDDT") == [None, None, None, "2025-03-09", None]


def test_without_any_contact_a_subject_was_alive_at_consent() -> None:
    found = derive(subjects("USUBJID  ARMCD  SCRPHASE\nA  -  2"))
    assert values(found, "LSTALV0") == values(found, "LSTALVDT") == ["2025-03-01"]


def per_protocol(cases: str, **domains: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """PPROTFL, PPSEXCL and DOSECOMP, by subject.

    ``cases`` draws a subject in a line: arm, date of death, and for each planned infusion what was given of
    100 mL (and, in the same share, of the planned cells), ``-`` where it was missed. First dose 2025-03-10.
    """
    drawn = table(cases)
    long = drawn.melt(["USUBJID", "ARMCD", "DTHDTC"], [name for name in drawn if name.startswith("I")], "INFUSION", "GIVEN").dropna(
        subset="GIVEN"
    )
    number, share = long["INFUSION"].str[1:].astype(float), long["GIVEN"].astype(float)
    dose = long["ARMCD"].map({arm.armcd: arm.dose_per_infusion_e6_cells_per_kg for arm in TRIAL.arms})
    start = (pd.Timestamp("2025-03-10") + pd.to_timedelta(7 * (number - 1), unit="D")).dt.strftime("%Y-%m-%dT10:00")
    ex = pd.DataFrame({"USUBJID": long["USUBJID"], "EXSEQ": number, "EXSTDTC": start, "EXENDTC": start, "EXDOSE": dose})
    ex = ex.assign(EXTPT="INFUSION " + long["INFUSION"].str[1:], EXPLCEL=60 * dose, EXTOTCEL=60 * dose * share / 100)
    ex = ex.assign(EXWT=60.0, EXPLVOL=100.0, EXACVOL=share)
    ends = "{0}  RANDOMIZED  2025-03-09  -\n{0}  OTHER  2025-04-01  STUDY TREATMENT\n{0}  OTHER  2025-09-08  STUDY PARTICIPATION"
    ds = disposition("USUBJID  DSDECOD  DSSTDTC  DSSCAT\n" + "\n".join(map(ends.format, drawn["USUBJID"])))
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(drawn["USUBJID"] + "  " + drawn["ARMCD"]))
    dm = dm.assign(DTHDTC=drawn["DTHDTC"], DTHFL=drawn["DTHDTC"].notna().map({True: "Y", False: None}).astype("str"))
    found = derive_sets(dm, **{"EX": ex, "DS": ds, **domains})
    return {str(row.Index): (row.PPROTFL, shown(row.PPSEXCL), round(row.DOSECOMP, 9)) for row in found.itertuples()}


PER_PROTOCOL = """
    USUBJID  ARMCD  DTHDTC      I1     I2     I3    I4
    A        P2PBO  -           100    100    100   100    # worked: 100 %
    B        P2PBO  -           100    100    100   -      # worked: 75 %, still three of four
    C        P2PBO  -           100    -      100   -
    D        P2PBO  -           100    89.9   100   50
    E        P2PBO  -           90     110    100   50     # both limits are inside
    F        P2MED  -           100    110.1  100   89.9
    G        P2PBO  2025-03-20  100    100    -     -      # died after the infusions planned for days 0 and 7
    H        P2PBO  2025-03-20  100    -      -     -      # ... and had missed one of them
    I        P2PBO  2025-03-17  100    -      -     -      # a death on day 7 forestalls the second infusion
    J        P2PBO  2025-03-17  50     -      -     -
    K        P1MED  -           95.04  -      -     -      # worked: 118.8 of 125.0 million cells
    L        P1MED  -           89.99  -      -     -
"""


def test_per_protocol_set_asks_for_all_but_one_of_the_infusions_that_could_be_given() -> None:
    def few(needed: int) -> str:
        return f"{f'FEWER THAN {needed} INFUSIONS' if needed > 1 else 'NO INFUSION'} WITH COMPLIANCE 90-110%"

    assert per_protocol(PER_PROTOCOL) == {
        "A": ("Y", None, 100),
        "B": ("Y", None, 75),
        "C": ("N", few(3), 50),
        "D": ("N", few(3), 84.975),
        "E": ("Y", None, 87.5),
        "F": ("N", few(3), 100),
        "G": ("Y", None, 100),
        "H": ("N", few(2), 50),
        "I": ("Y", None, 100),
        "J": ("N", few(1), 50),
        "K": ("Y", None, 95.04),
        "L": ("N", few(1), 89.99),
    }


def test_per_protocol_set_excuses_infusions_after_a_transplant() -> None:
    transplant = table("USUBJID  PRSEQ  PRDECOD  PRSTDTC\nA  1  LIVER TRANSPLANTATION  2025-03-20")
    assert per_protocol("USUBJID  ARMCD  DTHDTC  I1  I2\nA  P2PBO  -  100  100", PR=transplant)["A"][:2] == ("Y", None)


def test_per_protocol_set_leaves_out_excluding_deviations_and_treatment_still_going_on() -> None:
    both = "USUBJID  ARMCD  DTHDTC  I1  I2  I3  I4\nA  P2PBO  -  100  100  100  100\nB  P2PBO  -  100  100  -  -"
    dv = table("USUBJID  DVDECOD  DVCAT  DVPPSFL\nA  PROHIBITED MEDICATION  IMPORTANT  Y\nB  OTHER  IMPORTANT  -")
    going_on = disposition("USUBJID  DSDECOD  DSSTDTC\nA  RANDOMIZED  2025-03-09\nB  RANDOMIZED  2025-03-09")
    found = per_protocol(both, DV=dv, DS=going_on)
    assert found["A"][:2] == ("N", "IMPORTANT DEVIATION AFFECTING EFFICACY")
    assert found["B"][:2] == ("N", "TREATMENT NOT COMPLETE AT DATA CUT-OFF")


# --- the whole derivation ---------------------------------------------------------------------------

ARM_CODES = ["P1LOW", "P1MED", "P2PBO", "P2LOW", "P2MED", "P2PBO", "P2LOW", "P2MED"]


def small_trial(arms: list[str] = ARM_CODES, days_seen: int = 200) -> dict[str, pd.DataFrame]:
    """SDTM of eight subjects, as collected ``days_seen`` days after the first dose."""
    ids = [f"S{i}" for i in range(len(arms))]
    phases = [float(TRIAL.arm(arm).phase) for arm in ARM_CODES]
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  {a}" for s, a in zip(ids, arms, strict=True)))
    dm = dm.assign(SCRPHASE=phases, RANDNO=[None, None, *(f"R{i}" for i in range(6))], ARM=[TRIAL.arm(a).arm for a in arms])
    first = pd.Timestamp("2025-03-10")
    last = first + pd.Timedelta(days=days_seen)
    rows = [
        (subject, float(one.infusion), first + pd.Timedelta(days=one.target_day), TRIAL.arm(arm).dose_per_infusion_e6_cells_per_kg)
        for subject, arm, phase in zip(ids, arms, phases, strict=True)
        for one in TRIAL.phases[int(phase)].infusions
    ]
    ex = pd.DataFrame(rows, columns=["USUBJID", "EXSEQ", "WHEN", "EXDOSE"])
    ex = ex.assign(EXSTDTC=ex["WHEN"].dt.strftime("%Y-%m-%dT10:00"), EXENDTC=ex["WHEN"].dt.strftime("%Y-%m-%dT11:00"))
    ex = ex.assign(EXPLCEL=60 * ex["EXDOSE"], EXTOTCEL=60 * ex["EXDOSE"], EXWT=60.0, EXPLVOL=100.0, EXACVOL=100.0)
    ex = ex.assign(EXTRT=ex["EXDOSE"].gt(0).map({True: "CG-BM1", False: "PLACEBO"}), EXLOT="L" + ex["EXDOSE"].astype("str"))
    ae = events(
        """
        USUBJID  AESTDTC     AEDECOD  AEREL             AEDLT  AEDLTSRC
        S0       2025-03-12  Pyrexia  RELATED           Y      Y
        S1       2025-05     Sepsis   NOT RELATED       -      -
        S2       2025-03-10  Chills   -                 -      -
        S3       2025-06-20  Ascites  POSSIBLY RELATED  -      -
        S4       2025-04-04  Sepsis   NOT RELATED       -      -
        """
    )
    ce = complications("USUBJID  CETERM  CESTDTC\nS2  Infection  2025-03-20\nS5  AKI  2025-07-01")
    pr = table("USUBJID  PRSEQ  PRDECOD  PRSTDTC\nS6  1  LIVER TRANSPLANTATION  2025-04-20")
    ss = pd.DataFrame({"USUBJID": ids, "SSTESTCD": "SURVSTAT", "SSSTRESC": "ALIVE", "SSDTC": f"{last:%Y-%m-%d}"})
    ds = disposition("USUBJID  DSDECOD  DSSTDTC\n" + "\n".join(f"{s}  RANDOMIZED  2025-03-09" for s in ids[2:]))
    dead = pd.Timestamp("2025-06-01") <= last
    dm = dm.assign(DTHFL=pd.Series(["Y" if dead and s == "S7" else None for s in ids], dtype="str"))
    dm = dm.assign(DTHDTC=pd.Series(["2025-06-01" if dead and s == "S7" else None for s in ids], dtype="str"))
    ss = ss.assign(SSDTC=ss["SSDTC"].where(dm["DTHDTC"].isna(), "2025-05-31"))

    def seen(frame: pd.DataFrame, dtc: str) -> pd.DataFrame:
        return frame[frame[dtc].str[:7] + "-01" <= f"{last:%Y-%m-%d}"] if len(frame) else frame

    lb = pd.DataFrame({"USUBJID": ids, "LBTESTCD": "ALT", "LBSTRESN": 100.0, "LBSTRESU": "U/L", "LBDTC": "2025-03-10T08:00"})
    lb = lb.assign(LBSEQ=1.0, VISITNUM=2.0, VISIT="DAY 0 PRE-DOSE", LBSTNRHI=50.0, LBSTNRLO=3.0, LBNAM="LOCAL")
    frames = {"DM": dm, "EX": ex.drop(columns="WHEN"), "AE": ae, "CE": ce, "PR": pr, "SS": ss, "DS": ds, "LB": lb}
    collected = {"EX": "EXSTDTC", "AE": "AESTDTC", "CE": "CESTDTC", "PR": "PRSTDTC"}
    return {name: seen(frame, collected[name]) if name in collected else frame for name, frame in frames.items()}


def unlike(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> list[str]:
    """Datasets that one has and the other has not, or not with the same variables, types and values; none if they are equal."""
    return [
        name
        for name in dict.fromkeys([*one, *other])
        if name not in one
        or name not in other
        or not one[name].equals(other[name])
        or list(one[name].dtypes) != list(other[name].dtypes)
    ]


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    return derive_adam(small_trial(), TRIAL, None)


@pytest.fixture(scope="module")
def blind() -> dict[str, pd.DataFrame]:
    return derive_adam(blind_sdtm(small_trial(), TRIAL, {2}), TRIAL, None)


def test_every_dataset_carries_labels_and_the_final_population_flags(whole: dict[str, pd.DataFrame]) -> None:
    adam = whole
    assert {"ADSL", "ADAE", "ADCE", "ADTTE", "ADDLT", "ADEX", "ADLB", "ADEFF"} <= set(adam)
    flags = adam["ADSL"].set_index("USUBJID")[["PPROTFL", "DLTEVFL"]]
    for name, frame in adam.items():
        assert list(frame.attrs["labels"]) == list(frame.columns), name
        # a transport file holds 40 bytes of a label
        assert all(0 < len(label.encode()) <= 40 for label in frame.attrs["labels"].values()), name
        for flag in set(flags.columns) & set(frame.columns):
            expected = frame["USUBJID"].map(flags[flag])
            assert (frame[flag].fillna("") == expected.fillna("")).all(), (name, flag)
    labels = {"ADAE": "TRTEMFL", "ADLB": "ATOXGR", "ADEX": "INFNUM"}
    assert [adam[name].attrs["labels"][variable] for name, variable in labels.items()] == [
        "Treatment Emergent Analysis Flag",
        "Analysis Toxicity Grade",
        "Infusion Number",
    ]
    assert adam["ADSL"]["ALTBL"].tolist() == [100.0] * 8
    assert [shown(v) for v in adam["ADSL"]["DLTEVFL"]] == ["Y", "Y"] + [None] * 6


@pytest.mark.parametrize("seed", [1])
def test_the_order_of_records_decides_nothing(whole: dict[str, pd.DataFrame], seed: int) -> None:
    mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in small_trial().items()}
    assert unlike(whole, derive_adam(mixed, TRIAL, None)) == []


@pytest.mark.parametrize("turn", [4])
def test_blinded_analysis_data_do_not_depend_on_who_got_what(
    whole: dict[str, pd.DataFrame], blind: dict[str, pd.DataFrame], turn: int
) -> None:
    phase2 = ARM_CODES[2:]
    permuted = ARM_CODES[:2] + phase2[turn:] + phase2[:turn]
    assert permuted != ARM_CODES
    assert unlike(blind, derive_adam(blind_sdtm(small_trial(permuted), TRIAL, {2}), TRIAL, None)) == []
    assert unlike(blind, whole) != []


def test_blinding_hides_treatment_of_its_phase_and_nothing_else(
    whole: dict[str, pd.DataFrame], blind: dict[str, pd.DataFrame]
) -> None:
    open_data, blinded = whole, blind
    adsl = blinded["ADSL"].set_index("USUBJID")
    assert values(adsl, "PHASE") == [1, 1, 2, 2, 2, 2, 2, 2]
    hidden = ["TRT01P", "TRT01PN", "TRT01A", "TRT01AN", "TRT01PDO", "CUMDOSE", "ARMCD", "ARM", "RANDNO"]
    assert adsl.loc[adsl["PHASE"] == 2, hidden].isna().all(axis=None)
    assert values(adsl, "TRT01P")[:2] == ["Low", "Medium"]
    assert values(adsl, "COHORT") == ["LOW", "MEDIUM", *[None] * 6]
    kept = ["FASFL", "SAFFL", "PPROTFL", "NINF", "DOSECOMP", "RANDDT", "TRTSDT", "LTDT", "DTHDT", "EOSSTT"]
    pd.testing.assert_frame_equal(adsl[kept], open_data["ADSL"].set_index("USUBJID")[kept])
    for name in ("ADAE", "ADTTE", "ADCE"):
        assert blinded[name].loc[blinded[name]["PHASE"] == 2, ["TRTP", "TRTA"]].isna().all(axis=None)
        same_columns = [c for c in blinded[name] if not str(c).startswith("TRT") or c in ("TRTEMFL", "TRTSDT")]
        pd.testing.assert_frame_equal(blinded[name][same_columns], open_data[name][same_columns])


def test_blinding_leaves_the_given_frames_alone_and_fills_the_phase() -> None:
    sdtm = small_trial()
    before = {name: frame.copy() for name, frame in sdtm.items()}
    without_phase = {**sdtm, "DM": sdtm["DM"].drop(columns="SCRPHASE")}
    blinded = blind_sdtm(without_phase, TRIAL, {2})
    assert blinded["DM"]["SCRPHASE"].tolist()[2:] == [2.0] * 6
    assert (
        blinded["EX"]
        .loc[blinded["EX"]["USUBJID"] == "S3", ["EXTRT", "EXDOSE", "EXLOT", "EXTOTCEL", "EXPLCEL"]]
        .isna()
        .all(axis=None)
    )
    assert blinded["EX"].loc[blinded["EX"]["USUBJID"] == "S0", "EXDOSE"].tolist() == [1.0]
    assert unlike(sdtm, before) == []
    assert unlike(blind_sdtm(sdtm, TRIAL, set()), sdtm) == []


def test_supplied_analysis_data_are_blinded_too(whole: dict[str, pd.DataFrame]) -> None:
    adam = whole
    blinded = blind_adam(adam, TRIAL, {2})
    text = blinded["ADSL"].loc[blinded["ADSL"]["PHASE"] == 2].to_csv() + blinded["ADAE"].loc[blinded["ADAE"]["PHASE"] == 2].to_csv()
    assert not any(word in text for word in ("Placebo", "P2LOW", "P2MED", "P2PBO", ",R1,"))
    exposure = blinded["ADEX"]
    hidden, told = (exposure[exposure["PHASE"] == phase] for phase in (2, 1))
    assert set(hidden["PARAMCD"]) == {"ADJFL", "DURMIN", "NINF"}
    assert hidden[["SRCVAR", "SRCSEQ", "TRTP", "TRTA"]].isna().all(axis=None)
    assert {"DOSE", "CELLS", "CUMDOSE"} <= set(told.loc[told["AVAL"].notna(), "PARAMCD"])
    assert blinded["ADSL"].loc[blinded["ADSL"]["PHASE"] == 1, "TRT01P"].tolist() == ["Low", "Medium"]
    # Without ADSL nobody can tell whose phase is open: all are hidden.
    assert blind_adam({"ADAE": adam["ADAE"]}, TRIAL, {2})["ADAE"]["TRTA"].isna().all()


def test_a_later_cut_never_loses_a_dated_record() -> None:
    first = pd.Timestamp("2025-03-10")
    cuts = [derive_adam(small_trial(days_seen=day), TRIAL, (first + pd.Timedelta(days=day)).date()) for day in (30, 75, 200)]
    assert [lost(one, two) for one, two in pairwise(cuts)] == [[], []]
    # The other way round the later cut has what the earlier one lacks.
    assert lost(cuts[2], cuts[0]) != []


def lost(one: dict[str, pd.DataFrame], two: dict[str, pd.DataFrame]) -> list[str]:
    """What the earlier cut ``one`` has and ``two`` has not: records, events, and time under observation."""
    found = []
    for name, keys in {
        "ADAE": ["USUBJID", "AESEQ", "ASTDT"],
        "ADCE": ["USUBJID", "CESEQ", "ASTDT"],
        "ADTTE": ["USUBJID", "PARAMCD"],
    }.items():
        if not one[name][keys].merge(two[name][keys], how="left", indicator=True).query("_merge == 'left_only'").empty:
            found.append(f"records of {name}")
    seen = ["USUBJID", "PARAMCD", "ADT", "AVAL", "EVNTDESC"]
    happened = one["ADTTE"].loc[one["ADTTE"]["CNSR"] == 0, seen]
    if len(happened.merge(two["ADTTE"].loc[two["ADTTE"]["CNSR"] == 0, seen])) != len(happened):
        found.append("events of ADTTE")
    both = one["ADTTE"].merge(two["ADTTE"], on=["USUBJID", "PARAMCD"])
    if not (both["ADT_x"] <= both["ADT_y"]).all():
        found.append("time of ADTTE")
    if not (one["ADSL"]["LSTALV0"] <= two["ADSL"]["LSTALV0"]).all():
        found.append("ADSL.LSTALV0")
    return found
