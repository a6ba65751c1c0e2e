"""Variants of each class of defect: other subjects, phases, variables and domains, and the case beside each that is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.small_study import DEAD, FAILED, MEDIUM, PLACEBO, SECOND, SENTINEL
from tests.test_validate import BASE, Sdtm, also, changed, edit, find, said_of_the_base, without

Edits = list[Callable[[Sdtm], None]]

PR = "USUBJID | PRSEQ | PRTRT | PRDECOD | PRSTDTC | PRENDTC"
MH = "USUBJID | MHSEQ | MHTERM | MHDECOD | MHCAT | MHSTDTC | MHENDTC | MHENRTPT"
LB = "USUBJID | LBSEQ | LBTESTCD | LBORRES | LBORRESU | LBSTRESN | LBSTRESU | VISITNUM | VISIT | LBDTC"
RS = "USUBJID | RSSEQ | RSTESTCD | RSSTRESN | VISITNUM | RSDTC"
VS = "USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSTPT | VISITNUM | VISIT | VSDTC"
CE = "USUBJID | CESEQ | CETERM | CECAT | CEOCCUR | CEPREBL | CESTDTC | CEENDTC"

# What is changed, the rule, the dataset, the subject and the variable it must be found at.
FOUND: dict[str, tuple[str, Edits, str, str | None, str]] = {
    "V01 vital sign of nobody": ("V01", [edit("VS", SENTINEL, 1, USUBJID="NCT06740149-09-999")], "VS", "NCT06740149-09-999", "USUBJID"),
    "V01 record without a subject": ("V01", [edit("EX", PLACEBO, 1, USUBJID=None)], "EX", None, "USUBJID"),
    "V02 month 13 in medical history": ("V02", [edit("MH", SENTINEL, 1, MHSTDTC="2010-13")], "MH", SENTINEL, "MHSTDTC"),
    "V02 date of the day first": ("V02", [edit("LB", DEAD, 1, LBDTC="06/06/2025")], "LB", DEAD, "LBDTC"),
    "V02 date of a variable no schema lists": ("V02", [edit("LB", DEAD, 1, LBENDTC="2025-02-30")], "LB", DEAD, "LBENDTC"),
    "V02 unknown sex": ("V02", [edit("DM", PLACEBO, None, SEX="X")], "DM", PLACEBO, "SEX"),
    "V03 vital sign twice": (
        "V03",
        [also("VS", f"{VS}\nM | 1 | TEMP | 37 | . | 1 | SCREENING | 2025-06-05T08:00\nM | 2 | TEMP | 37 | . | 1 | SCREENING | 2025-06-05T08:00")],
        "VS", MEDIUM, "VSSTRESN",
    ),
    "V04 medication ends before it starts": ("V04", [edit("CM", MEDIUM, 1, CMSTDTC="2025-06-05", CMENDTC="2025-06-04")], "CM", MEDIUM, "CMENDTC"),
    "V04 infusion ends before it starts": ("V04", [edit("EX", SENTINEL, 1, EXENDTC="2025-02-10T09:59")], "EX", SENTINEL, "EXENDTC"),
    "V04 enrolled before consent in phase 1": ("V04", [edit("DS", SENTINEL, 2, DSSTDTC="2025-02-02")], "DM", SENTINEL, "RFICDTC"),
    "V05 infusion after death": ("V05", [edit("DM", DEAD, None, DTHDTC="2025-06-18")], "EX", DEAD, "EXSTDTC"),
    "V05 event ends after death": ("V05", [edit("AE", DEAD, 1, AEENDTC="2025-06-23")], "AE", DEAD, "AEENDTC"),
    "V06 phase 1 dose in a phase 1 arm of another level": ("V06", [edit("EX", SENTINEL, 1, EXDOSE=2.0)], "DM", SENTINEL, "ACTARMCD"),
    "V06 product of dose 0": ("V06", [edit("EX", DEAD, 1, EXDOSE=0.0)], "EX", DEAD, "EXDOSE"),
    "V12 death in the disposition only": ("V12", [edit("DS", PLACEBO, 2, DSDECOD="DEATH")], "DM", PLACEBO, "DTHFL"),
    "V12 cause of death of a living subject": (
        "V12", [also("DD", "USUBJID | DDSEQ | DDTESTCD | DDSTRESC | DDDTC\nP | 1 | PRCDTH | SEPSIS | 2025-07-01")], "DM", PLACEBO, "DTHFL"),
    "V13 fatal event of grade 4": ("V13", [edit("AE", DEAD, 1, AETOXGR="4")], "AE", DEAD, "AEOUT"),
    "V13 AESDTH of an event that went by": ("V13", [edit("AE", MEDIUM, 1, AESDTH="Y", AESER="Y")], "AE", MEDIUM, "AEOUT"),
    "V17 earlier participation of a screened phase 1 subject": (
        "V17", [edit("DM", PLACEBO, None, PRIORID=SECOND)], "DM", PLACEBO, "PRIORID"),
    "V18 infusions on one day": (
        "V18", [edit("EX", PLACEBO, 3, EXSTDTC="2025-06-18T15:00", EXENDTC="2025-06-18T16:00")], "EX", PLACEBO, "EXSTDTC"),
    "V18 five infusions": (
        "V18",
        [also("EX", "USUBJID | EXSEQ | EXTRT | EXDOSE | EXSTDTC | EXENDTC | EXTPT\nM | 5 | CG-BM1 | 2 | 2025-07-08T10:00 | 2025-07-08T11:00 | INFUSION 4")],
        "EX", MEDIUM, "EXSEQ",
    ),
    # 1.2 mg/dL under the unit umol/L, original and standard alike: the number gives it away (x 88.4 = 106)
    "V21 creatinine of 1.2 in umol/L throughout": (
        "V21", [edit("LB", MEDIUM, 3, LBORRES="1.2", LBORRESU="umol/L", LBSTRESN=1.2)], "LB", MEDIUM, "LBSTRESU"),
    "V21 bilirubin in mg/dL under umol/L": (
        "V21", [edit("LB", PLACEBO, 1, LBORRES="17.5", LBORRESU="mg/dL", LBSTRESN=17.5)], "LB", PLACEBO, "LBSTRESN"),
    "V22 INR of 16": ("V22", [edit("LB", MEDIUM, 2, LBORRES="16", LBSTRESN=16.0)], "LB", MEDIUM, "LBSTRESN"),
    "V22 ICG-R15 below 0": ("V22", [edit("LB", DEAD, 3, LBORRES="-1", LBSTRESN=-1.0)], "LB", DEAD, "LBSTRESN"),
    "V24 phase 1 visit outside its window": (
        "V24", [also("SV", "USUBJID | VISITNUM | VISIT | SVSTDTC\nS2 | 28 | DAY 28 | 2025-04-24")], "SV", SECOND, "SVSTDTC"),
    # Elapsed day 40 in the record alone; SV knows nothing of it.
    "V24 result of a visit dated outside its window": (
        "V24", [also("LB", f"{LB}\nM | 9 | ALT | 90 | U/L | 90 | U/L | 28 | DAY 28 | 2025-07-20")], "LB", MEDIUM, "LBDTC"),
    "V24 stiffness not measured and not NOT DONE": (
        "V24", [also("SV", "USUBJID | VISITNUM | VISIT | SVSTDTC\nM | 60 | DAY 60 | 2025-08-09"),
                also("XL", "USUBJID | XLSEQ | XLTESTCD | XLSTRESN | VISITNUM | VISIT | XLDTC\nP | 1 | LSM | 20 | 1 | SCREENING | 2025-06-05")],
        "XL", MEDIUM, "XLSTAT"),
    "V25 hyponatremia on a day with sodium 138, lower days later": (
        "V25", [edit("LB", MEDIUM, 5, LBSTRESN=138.0, LBDTC="2025-06-21T08:00"),
                also("LB", f"{LB}\nM | 6 | SODIUM | 126 | mmol/L | 126 | mmol/L | 14.02 | UNSCHEDULED 14.02 | 2025-06-25")], "CE", MEDIUM, "CETERM"),
    "V25 event eight days from the complication": ("V25", [edit("AE", MEDIUM, 1, AESTDTC="2025-06-13")], "CE", MEDIUM, "CETERM"),
    "V26 ongoing after a death of which only the flag is known": (
        "V26", [edit("DM", DEAD, None, DTHDTC=None), edit("AE", DEAD, 1, AEENDTC=None)], "AE", DEAD, "AEENDTC"),
    "V26 resolved with sequelae, no end": (
        "V26", [edit("AE", SECOND, 1, AEENDTC=None, AEOUT="RECOVERED/RESOLVED WITH SEQUELAE")], "AE", SECOND, "AEENDTC"),
    "V28 screen failure by disposition, dosed": ("V28", [edit("DS", PLACEBO, 2, DSDECOD="SCREEN FAILURE")], "EX", PLACEBO, "EXTRT"),
    "V30 event with the month only": ("V30", [edit("AE", MEDIUM, 1, AESTDTC="2025-06")], "AE", MEDIUM, "AESTDTC"),
    "V32 medication after the cut-off": ("V32", [edit("CM", MEDIUM, 1, CMENDTC="2026-01")], "CM", MEDIUM, "CMENDTC"),
    "V32 born before 1900": ("V32", [edit("DM", MEDIUM, None, BRTHDTC="1895")], "DM", MEDIUM, "BRTHDTC"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_variant_is_found(case: str) -> None:
    rule, edits, dataset, subject, variable = FOUND[case]
    before = said_of_the_base(rule)
    found = find(changed(*edits), rule)
    new = found[~found["message"].isin(before)]
    hit = new[(new["dataset"] == dataset) & (new["variable"] == variable)]
    hit = hit[hit["usubjid"].isna() if subject is None else hit["usubjid"] == subject]
    assert len(hit), new.to_string()


# Right data of the same kind: the rule says nothing it does not say of the unchanged study.
RIGHT: dict[str, tuple[str, Edits]] = {
    "V03 two temperatures of one time at two time points": (
        "V03",
        [also("VS", f"{VS}\nM | 1 | TEMP | 37 | PRE-DOSE | 1 | SCREENING | 2025-06-05T08:00\nM | 2 | TEMP | 37 | END | 1 | SCREENING | 2025-06-05T08:00")],
    ),
    "V04 medication that ends in the month it starts": ("V04", [edit("CM", MEDIUM, 1, CMSTDTC="2025-06-05", CMENDTC="2025-06")]),
    "V05 autopsy after death": ("V05", [also("PR", f"{PR}\nD | 1 | Autopsy | . | 2025-06-24 | .")]),
    "V05 cause of death told later": (
        "V05", [also("DD", "USUBJID | DDSEQ | DDTESTCD | DDSTRESC | DDDTC\nD | 9 | PRCDTH | SEPSIS | 2025-06-30")]),
    "V25 hyponatremia known to the month, sodium 138 on its first day": (
        "V25", [edit("CE", MEDIUM, 1, CESTDTC="2025-07", CEENDTC="2025-07-10"), edit("AE", MEDIUM, 1, AESTDTC="2025-07-03", AEENDTC="2025-07-10"),
                also("LB", f"{LB}\nM | 6 | SODIUM | 138 | mmol/L | 138 | mmol/L | 21.01 | UNSCHEDULED 21.01 | 2025-07-01"),
                also("LB", f"{LB}\nM | 7 | SODIUM | 126 | mmol/L | 126 | mmol/L | 21.02 | UNSCHEDULED 21.02 | 2025-07-03")]),
    "V18 no infusion after a transplant": (
        "V18", [without("EX", MEDIUM, 4), edit("DM", MEDIUM, None, RFXENDTC="2025-06-24"),
                also("PR", f"{PR}\nM | 1 | transplant | LIVER TRANSPLANTATION | 2025-06-28 | .")]),
    "V21 implausible creatinine that no unit explains": (
        "V21", [edit("LB", MEDIUM, 3, LBORRES="0.05", LBORRESU="umol/L", LBSTRESN=0.05)]),
    "V21 creatinine of 30 umol/L": ("V21", [edit("LB", MEDIUM, 3, LBORRES="30", LBORRESU="umol/L", LBSTRESN=30.0)]),
    "V24 result on the day SV has for the late visit": (
        "V24", [edit("SV", MEDIUM, 14, SVSTDTC="2025-06-27"),
                also("LB", f"{LB}\nM | 9 | ALT | 90 | U/L | 90 | U/L | 14 | DAY 14 | 2025-06-26")]),
    "V25 hyponatremia with a low sodium on its day": ("V25", [edit("LB", MEDIUM, 5, LBSTRESN=129.9, LBDTC="2025-06-21T08:00")]),
    "V26 not resolved, no end": ("V26", [edit("AE", MEDIUM, 1, AEENDTC=None, AEOUT="NOT RECOVERED/NOT RESOLVED")]),
    "V32 born in 1900": ("V32", [edit("DM", MEDIUM, None, BRTHDTC="1900")]),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_right_data_beside_it_are_not(case: str) -> None:
    rule, edits = RIGHT[case]
    found = find(changed(*edits), rule)
    if rule == "V24" and "late visit" in case:
        found = found[found["dataset"] != "SV"]
    new = found[~found["message"].isin(said_of_the_base(rule))]
    assert new.empty, new.to_string()


# Eligibility (A.5): the criterion that the data contradict, or None where they do not.
CRITERIA: dict[str, tuple[Edits, str | None]] = {
    "consent after the first sample": ([edit("DM", MEDIUM, None, RFICDTC="2025-06-06")], "P2I01"),
    "consent on the day of the first visit": ([edit("DM", MEDIUM, None, RFICDTC="2025-06-05")], None),
    "no consent": ([edit("DM", MEDIUM, None, RFICDTC=None)], "P2I01"),
    # 150 after 130 the day before: +20 a day; a third value on the same day does not hide the rise.
    "bilirubin 150, rising 20 a day, twice on the last day": (
        [edit("LB", PLACEBO, 1, LBSTRESN=130.0, LBDTC="2025-06-08T08:00"),
         also("LB", f"{LB}\nP | 8 | BILI | 148 | umol/L | 148 | umol/L | 2 | DAY 0 PRE-DOSE | 2025-06-09T08:00"
                    "\nP | 9 | BILI | 150 | umol/L | 150 | umol/L | 2 | DAY 0 PRE-DOSE | 2025-06-09T20:00")], None),
    # 150 after 133: +17.0 a day
    "bilirubin 150, rising 17.0 a day": (
        [edit("LB", PLACEBO, 1, LBSTRESN=133.0, LBDTC="2025-06-08T08:00"),
         also("LB", f"{LB}\nP | 9 | BILI | 150 | umol/L | 150 | umol/L | 2 | DAY 0 PRE-DOSE | 2025-06-09T08:00")], "P2I03B"),
    # creatinine 80 umol/L; dialysed on two days of the week before: creatinine 4, MELD by hand
    # 10*(0.957*ln 4 + 0.378*ln(299.3/17.1) + 1.12*ln 1.8) + 6.43 = 37.10
    "dialysed on two days before": ([also("PR", f"{PR}\nM | 1 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-07 | 2025-06-08")], "P2I05"),
    "dialysed in two procedures": (
        [also("PR", f"{PR}\nM | 1 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-02 | .\nM | 2 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-08 | .")], "P2I05"),
    "dialysed on one day, recorded twice": (
        [also("PR", f"{PR}\nM | 1 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-07 | .\nM | 2 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-07 | .")], None),
    "dialysed on the day of the sample and eight days before": (
        [also("PR", f"{PR}\nM | 1 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-09 | .\nM | 2 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-01 | .")], None),
    # A session that goes on counts from the first day its start can mean, as in ADEFF: 2025-06-01.
    "dialysis going on since a month": (
        [also("PR", "USUBJID | PRSEQ | PRTRT | PRDECOD | PRSTDTC | PRENDTC | PRENRTPT\nM | 1 | dialysis | RENAL REPLACEMENT THERAPY | 2025-06 | . | ONGOING")], "P2I05"),
    # The last sample decides: an unscheduled visit of a lower number, taken later, is not the last by its number.
    "components more than a day apart": ([edit("LB", MEDIUM, 3, LBSTRESN=200.0, LBDTC="2025-06-07T08:00")], None),
    "allergy to DMSO": ([also("MH", f"{MH}\nM | 9 | Allergy to DMSO | Drug hypersensitivity | GENERAL | 2010 | . | .")], "P2E01"),
    "hay fever": ([also("MH", f"{MH}\nM | 9 | hay fever | Seasonal allergy | GENERAL | 2010 | . | .")], None),
    "septic shock going on": ([also("MH", f"{MH}\nM | 9 | septic shock | Septic shock | GENERAL | 2025-06-01 | . | ONGOING")], "P2E02"),
    "septic shock long ago": ([also("MH", f"{MH}\nM | 9 | septic shock | Septic shock | GENERAL | 2015 | 2015 | .")], None),
    "septic shock as an event before the infusion": (
        [edit("AE", MEDIUM, 1, AEDECOD="Septic shock", AESTDTC="2025-06-07", AEENDTC=None)], "P2E02"),
    "septic shock after the infusion": ([edit("AE", MEDIUM, 1, AEDECOD="Septic shock")], None),
    "variceal bleeding going on": (
        [also("MH", f"{MH}\nM | 9 | bleeding | Oesophageal varices haemorrhage | GENERAL | 2025-06-01 | . | ONGOING")], "P2E03"),
    "variceal bleeding of last year": (
        [also("MH", f"{MH}\nM | 9 | bleeding | Oesophageal varices haemorrhage | GENERAL | 2024 | 2024 | .")], None),
    "haemorrhage among the complications at screening": (
        [also("CE", f"{CE}\nM | 9 | Hemorrhage | ACLF COMPLICATION | Y | Y | 2025-06-01 | .")], "P2E03"),
    "encephalopathy of grade 4 at screening, 2 later": (
        [also("RS", f"{RS}\nM | 8 | HEGRADE | 4 | 1 | 2025-06-05\nM | 9 | HEGRADE | 2 | 2 | 2025-06-09")], "P2E04"),
    "artificial liver eight days before": ([also("PR", f"{PR}\nM | 1 | MARS | ARTIFICIAL LIVER SUPPORT | 2025-06-02 | 2025-06-02")], None),
    "artificial liver the day before": ([also("PR", f"{PR}\nM | 1 | MARS | ARTIFICIAL LIVER SUPPORT | 2025-06-09 | 2025-06-09")], "P2E09"),
    "pregnancy test on the day of the infusion": ([edit("LB", MEDIUM, 4, LBDTC="2025-06-10")], None),
    "pregnancy test seven days before": ([edit("LB", MEDIUM, 4, LBDTC="2025-06-03")], None),
    "deep vein thrombosis going on": ([also("MH", f"{MH}\nM | 9 | DVT | Deep vein thrombosis | GENERAL | 2025-01 | . | ONGOING")], "P2E12"),
    "pulmonary hypertension": ([also("MH", f"{MH}\nM | 9 | PH | Pulmonary hypertension | GENERAL | 2020 | . | .")], "P2E13"),
    "infarction seven months before": ([also("MH", f"{MH}\nM | 9 | MI | Myocardial infarction | GENERAL | 2024-10-30 | . | .")], None),
    "took part in phase 1": ([edit("DM", MEDIUM, None, PRIORID=SENTINEL)], "P2E15"),
    "screened only before": ([edit("DM", MEDIUM, None, PRIORID=FAILED)], None),
    "age missing, born seventeen years before": ([edit("DM", MEDIUM, None, AGE=None, BRTHDTC="2008-01-02")], "P2I02"),
    "transplanted after the infusion": ([also("PR", f"{PR}\nM | 1 | transplant | LIVER TRANSPLANTATION | 2025-08-01 | .")], None),
}  # fmt: skip


@pytest.mark.parametrize("case", CRITERIA)
def test_criterion_is_recomputed(case: str) -> None:
    edits, code = CRITERIA[case]
    found = find(changed(*edits), "V23")
    assert set(found.loc[found["variable"] == "IETESTCD", "value"]) == ({code} if code else set()), found.to_string()


def test_study_that_the_variants_are_made_of_raises_no_question_of_eligibility() -> None:
    assert find(BASE, "V23").empty
