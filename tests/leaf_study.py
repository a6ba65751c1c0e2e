"""The small study with more to act on: what a leaf of trial.yaml can change that six healthy records cannot show.

A subject randomised and never dosed; one on placebo who was once given the product; a sample with bilirubin
at exactly 12 mg/dL, creatinine above the cap of MELD, potassium below its limit and ALT above an abnormal
baseline; a dialysis; events without a date and after the emergent period; a drug with a code and no class.
"""

from __future__ import annotations

import pandas as pd

from cgbm1_report.protocol.trial import Trial
from tests.small_study import DEAD, MEDIUM, PLACEBO, draw, small_study

NEVER_DOSED = "NCT06740149-01-104"

# M: phase 2, medium dose, first dose 2025-06-10. D: phase 2, low dose, first dose 2025-06-12. P: placebo, 2025-06-11.
MORE = {
    "DM": """
USUBJID | SUBJID | SITEID | RFICDTC    | AGE | SEX | ARMCD | ACTARMCD | SCRPHASE | RANDNO | BRTHDTC
N       | 104    | 01     | 2025-06-05 | 50  | M   | P2MED | .        | 2        | R004   | 1975-01-02
""",
    "DS": """
USUBJID | DSSEQ | DSDECOD           | DSCAT              | DSSCAT              | DSSTDTC
N       | 1     | RANDOMIZED        | PROTOCOL MILESTONE | .                   | 2025-06-12
N       | 2     | LOST TO FOLLOW-UP | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-09-12
""",
    "LB": """
USUBJID | LBSEQ | LBTESTCD | LBCAT       | LBORRES | LBORRESU | LBSTRESC | LBSTRESN | LBSTRESU | LBSTNRLO | LBSTNRHI | LBNAM | VISITNUM | VISIT          | LBDTC
M       | 21    | ALT      | CHEMISTRY   | 100     | U/L      | 100      | 100      | U/L      | 5        | 40       | LOCAL | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
M       | 22    | ALT      | CHEMISTRY   | 280     | U/L      | 280      | 280      | U/L      | 5        | 40       | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 23    | BILI     | CHEMISTRY   | 205.2   | umol/L   | 205.2    | 205.2    | umol/L   | 3        | 20       | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 24    | CREAT    | CHEMISTRY   | 400     | umol/L   | 400      | 400      | umol/L   | 50       | 110      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 25    | INR      | COAGULATION | 2.1     | ratio    | 2.1      | 2.1      | ratio    | 0.8      | 1.2      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 26    | K        | CHEMISTRY   | 3.2     | mmol/L   | 3.2      | 3.2      | mmol/L   | 3.5      | 5.1      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 27    | PO2      | CHEMISTRY   | 9       | kPa      | 9        | 9        | kPa      | .        | .        | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
D       | 21    | BILI     | CHEMISTRY   | 100     | umol/L   | 100      | 100      | umol/L   | 3        | 20       | LOCAL | 7        | DAY 7          | 2025-06-19T08:00
D       | 22    | CREAT    | CHEMISTRY   | 80      | umol/L   | 80       | 80       | umol/L   | 50       | 110      | LOCAL | 7        | DAY 7          | 2025-06-19T08:00
D       | 23    | INR      | COAGULATION | 1.5     | ratio    | 1.5      | 1.5      | ratio    | 0.8      | 1.2      | LOCAL | 7        | DAY 7          | 2025-06-19T08:00
""",
    "RS": """
USUBJID | RSSEQ | RSTESTCD | RSCAT      | RSSTRESN | VISITNUM | VISIT  | RSDTC
M       | 21    | HEGRADE  | WEST-HAVEN | 2        | 28       | DAY 28 | 2025-07-08
""",
    "VS": """
USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSSTRESU | VISITNUM | VISIT  | VSDTC
M       | 21    | SYSBP    | 90       | mmHg     | 28       | DAY 28 | 2025-07-08T08:00
M       | 22    | DIABP    | 50       | mmHg     | 28       | DAY 28 | 2025-07-08T08:00
M       | 23    | OXYSAT   | 94       | %        | 28       | DAY 28 | 2025-07-08T08:00
""",
    "RE": """
USUBJID | RESEQ | RETESTCD | RESTRESN | RESTRESU | VISITNUM | VISIT  | REDTC
M       | 21    | FIO2     | 0.4      | .        | 28       | DAY 28 | 2025-07-08T08:00
""",
    "PR": """
USUBJID | PRSEQ | PRTRT    | PRDECOD                   | PRSTDTC    | PRENDTC
D       | 21    | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-16 | 2025-06-16
D       | 22    | dialysis | RENAL REPLACEMENT THERAPY | 2025-06-18 | 2025-06-18
""",
    "AE": """
USUBJID | AESEQ | AEDECOD  | AESOC                       | AESTDTC    | AEENDTC | AETOXGR | AESER | AEREL       | AEOUT
P       | 21    | Nausea   | Gastrointestinal disorders  | .          | .       | 2       | N     | .           | NOT RECOVERED/NOT RESOLVED
M       | 22    | Vomiting | Gastrointestinal disorders  | 2025-12-08 | .       | 1       | N     | NOT RELATED | NOT RECOVERED/NOT RESOLVED
M       | 23    | Rash     | Skin and subcutaneous       | 2025-07-08 | .       | 1       | N     | RELATED     | NOT RECOVERED/NOT RESOLVED
""",
    "CM": """
USUBJID | CMSEQ | CMTRT    | CMDECOD  | CMCLASCD | CMSTDTC    | CMENDTC
M       | 21    | omeprazole | OMEPRAZOLE | A02BC | 2025-06-20 | .
""",
}


def leaf_study(trial: Trial | None = None) -> dict[str, pd.DataFrame]:
    """The SDTM of the small study and the records above."""
    sdtm = small_study(trial)
    short = {"N": NEVER_DOSED, "M": MEDIUM, "P": PLACEBO, "D": DEAD}
    for name, text in MORE.items():
        more = draw(text, name)
        more["USUBJID"] = more["USUBJID"].replace(short)
        sdtm[name] = pd.concat([sdtm[name], more], ignore_index=True)
        sdtm[name] = sdtm[name].astype({column: "str" for column in sdtm[name] if sdtm[name][column].dtype == object})
    if trial:
        texts = {arm.armcd: arm.arm for arm in trial.arms}
        sdtm["DM"]["ARM"] = sdtm["DM"]["ARMCD"].map(texts).astype("str")
    mistaken = (sdtm["EX"]["USUBJID"] == PLACEBO) & (sdtm["EX"]["EXTPT"] == "INFUSION 2")
    sdtm["EX"]["EXDOSE"] = sdtm["EX"]["EXDOSE"].mask(mistaken, 1.0)
    sdtm["EX"]["EXTRT"] = sdtm["EX"]["EXTRT"].mask(mistaken, "CG-BM1")
    return sdtm
