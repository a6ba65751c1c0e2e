"""A study of six subjects, drawn as tables, that passes the gate: what the rules are tried on.

Dates are chosen so that every rule has something to look at. ``.`` is missing.
"""

from __future__ import annotations

from datetime import date

import pandas as pd

from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.addlt import derive_addlt
from cgbm1_report.derive.adex import derive_exposure_summary
from cgbm1_report.derive.adsl import add_exposure, derive_subjects
from cgbm1_report.derive.escalation import derive_escalation
from cgbm1_report.derive.populations import derive_dltevfl
from cgbm1_report.protocol.schema import schema_types
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.source import Escalated
from tests.drawn import our_trial

CUTOFF = date(2025, 12, 31)

SENTINEL, SECOND, MEDIUM, PLACEBO, DEAD, FAILED = (
    f"NCT06740149-01-{number}" for number in ("001", "002", "101", "102", "103", "201")
)
_SHORT = {"S1": SENTINEL, "S2": SECOND, "M": MEDIUM, "P": PLACEBO, "D": DEAD, "F": FAILED}

# S1 and S2: phase 1, low dose. M, P, D: phase 2, D dies on elapsed day 10. F: screen failure.
TABLES = {
    "DM": """
USUBJID | SUBJID | SITEID | RFICDTC    | RFSTDTC          | RFXSTDTC         | RFXENDTC         | DTHDTC     | DTHFL | AGE | SEX | ARMCD | ACTARMCD | ARMNRS         | SCRPHASE | RANDNO | BRTHDTC
S1      | 001    | 01     | 2025-02-03 | 2025-02-10T10:00 | 2025-02-10T10:00 | 2025-02-10T11:00 | .          | .     | 45  | M   | P1LOW | P1LOW    | .              | 1        | .      | 1980-01-02
S2      | 002    | 01     | 2025-03-10 | 2025-03-15T09:00 | 2025-03-15T09:00 | 2025-03-15T10:00 | .          | .     | 50  | M   | P1LOW | P1LOW    | .              | 1        | .      | 1975-01-02
M       | 101    | 01     | 2025-06-02 | 2025-06-10T10:00 | 2025-06-10T10:00 | 2025-07-01T11:00 | .          | .     | 30  | F   | P2MED | P2MED    | .              | 2        | R001   | 1995-01-02
P       | 102    | 01     | 2025-06-03 | 2025-06-11T10:00 | 2025-06-11T10:00 | 2025-07-02T11:00 | .          | .     | 55  | M   | P2PBO | P2PBO    | .              | 2        | R002   | 1970-01-02
D       | 103    | 01     | 2025-06-04 | 2025-06-12T10:00 | 2025-06-12T10:00 | 2025-06-19T11:00 | 2025-06-22 | Y     | 60  | M   | P2LOW | P2LOW    | .              | 2        | R003   | 1965-01-02
F       | 201    | 01     | 2025-06-05 | .                | .                | .                | .          | .     | 40  | M   | .     | .        | SCREEN FAILURE | 2        | .      | 1985-01-02
""",
    "DS": """
USUBJID | DSSEQ | DSDECOD                   | DSCAT              | DSSCAT              | DSSTDTC
S1      | 1     | INFORMED CONSENT OBTAINED | PROTOCOL MILESTONE | .                   | 2025-02-03
S1      | 2     | ENROLLED                  | PROTOCOL MILESTONE | .                   | 2025-02-08
S1      | 3     | COMPLETED                 | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-08-12
S2      | 1     | ENROLLED                  | PROTOCOL MILESTONE | .                   | 2025-03-14
S2      | 2     | COMPLETED                 | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-09-15
M       | 1     | RANDOMIZED                | PROTOCOL MILESTONE | .                   | 2025-06-09
M       | 2     | COMPLETED                 | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-12-10
P       | 1     | RANDOMIZED                | PROTOCOL MILESTONE | .                   | 2025-06-10
P       | 2     | COMPLETED                 | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-12-11
D       | 1     | RANDOMIZED                | PROTOCOL MILESTONE | .                   | 2025-06-11
D       | 2     | DEATH                     | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-06-22
F       | 1     | SCREEN FAILURE            | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-06-08
""",
    "EX": """
USUBJID | EXSEQ | EXTRT   | EXDOSE | EXSTDTC          | EXENDTC          | EXTPT      | EXTOTCEL | EXPLCEL
S1      | 1     | CG-BM1  | 1      | 2025-02-10T10:00 | 2025-02-10T11:00 | INFUSION 1 | 60       | 60
S2      | 1     | CG-BM1  | 1      | 2025-03-15T09:00 | 2025-03-15T10:00 | INFUSION 1 | 60       | 60
M       | 1     | CG-BM1  | 2      | 2025-06-10T10:00 | 2025-06-10T11:00 | INFUSION 1 | 120      | 120
M       | 2     | CG-BM1  | 2      | 2025-06-17T10:00 | 2025-06-17T11:00 | INFUSION 2 | 120      | 120
M       | 3     | CG-BM1  | 2      | 2025-06-24T10:00 | 2025-06-24T11:00 | INFUSION 3 | 120      | 120
M       | 4     | CG-BM1  | 2      | 2025-07-01T10:00 | 2025-07-01T11:00 | INFUSION 4 | 120      | 120
P       | 1     | PLACEBO | 0      | 2025-06-11T10:00 | 2025-06-11T11:00 | INFUSION 1 | 0        | 0
P       | 2     | PLACEBO | 0      | 2025-06-18T10:00 | 2025-06-18T11:00 | INFUSION 2 | 0        | 0
P       | 3     | PLACEBO | 0      | 2025-06-25T10:00 | 2025-06-25T11:00 | INFUSION 3 | 0        | 0
P       | 4     | PLACEBO | 0      | 2025-07-02T10:00 | 2025-07-02T11:00 | INFUSION 4 | 0        | 0
D       | 1     | CG-BM1  | 1      | 2025-06-12T10:00 | 2025-06-12T11:00 | INFUSION 1 | 60       | 60
D       | 2     | CG-BM1  | 1      | 2025-06-19T10:00 | 2025-06-19T11:00 | INFUSION 2 | 60       | 60
""",
    "AE": """
USUBJID | AESEQ | AEDECOD              | AESOC                       | AESTDTC    | AEENDTC    | AETOXGR | AESER | AESDTH | AESHOSP | AEREL            | AEOUT              | AEDLT | AEDLTSRC
S2      | 1     | Pyrexia              | General disorders           | 2025-03-15 | 2025-03-16 | 3       | Y     | .      | Y       | PROBABLY RELATED | RECOVERED/RESOLVED | Y     | Y
M       | 1     | Hyponatraemia        | Metabolism and nutrition    | 2025-06-20 | 2025-06-27 | 2       | N     | .      | .       | NOT RELATED      | RECOVERED/RESOLVED | .     | .
D       | 1     | Sepsis               | Infections and infestations | 2025-06-20 | 2025-06-22 | 5       | Y     | Y      | .       | NOT RELATED      | FATAL              | .     | .
""",
    "CE": """
USUBJID | CESEQ | CETERM       | CECAT             | CEPRESP | CEOCCUR | CESTDTC    | CEENDTC    | CEPREBL
M       | 1     | Hyponatremia | ACLF COMPLICATION | Y       | Y       | 2025-06-21 | 2025-06-27 | N
M       | 2     | Infection    | ACLF COMPLICATION | Y       | N       | .          | .          | N
D       | 1     | Infection    | ACLF COMPLICATION | Y       | Y       | 2025-06-20 | .          | N
""",
    "LB": """
USUBJID | LBSEQ | LBTESTCD | LBCAT          | LBORRES  | LBORRESU | LBSTRESC | LBSTRESN | LBSTRESU | LBNAM | VISITNUM | VISIT             | LBDTC
S1      | 1     | BILI     | CHEMISTRY      | 300      | umol/L   | 300      | 300      | umol/L   | LOCAL | 1        | SCREENING         | 2025-02-05T08:00
S1      | 2     | INR      | COAGULATION    | 1.8      | ratio    | 1.8      | 1.8      | ratio    | LOCAL | 1        | SCREENING         | 2025-02-05T08:00
S1      | 3     | CREAT    | CHEMISTRY      | 80       | umol/L   | 80       | 80       | umol/L   | LOCAL | 1        | SCREENING         | 2025-02-05T08:00
S2      | 1     | BILI     | CHEMISTRY      | 300      | umol/L   | 300      | 300      | umol/L   | LOCAL | 1        | SCREENING         | 2025-03-11T08:00
S2      | 2     | INR      | COAGULATION    | 1.8      | ratio    | 1.8      | 1.8      | ratio    | LOCAL | 1        | SCREENING         | 2025-03-11T08:00
M       | 1     | BILI     | CHEMISTRY      | 17.5     | mg/dL    | 299.3    | 299.3    | umol/L   | LOCAL | 2        | DAY 0 PRE-DOSE    | 2025-06-09T08:00
M       | 2     | INR      | COAGULATION    | 1.8      | ratio    | 1.8      | 1.8      | ratio    | LOCAL | 2        | DAY 0 PRE-DOSE    | 2025-06-09T08:00
M       | 3     | CREAT    | CHEMISTRY      | 80       | umol/L   | 80       | 80       | umol/L   | LOCAL | 2        | DAY 0 PRE-DOSE    | 2025-06-09T08:00
M       | 4     | HCG      | PREGNANCY TEST | NEGATIVE | .        | NEGATIVE | .        | .        | LOCAL | 1        | SCREENING         | 2025-06-08T08:00
M       | 5     | SODIUM   | CHEMISTRY      | 126      | mmol/L   | 126      | 126      | mmol/L   | LOCAL | 14.01    | UNSCHEDULED 14.01 | 2025-06-22T08:00
P       | 1     | BILI     | CHEMISTRY      | 300      | umol/L   | 300      | 300      | umol/L   | LOCAL | 1        | SCREENING         | 2025-06-05T08:00
P       | 2     | INR      | COAGULATION    | 1.8      | ratio    | 1.8      | 1.8      | ratio    | LOCAL | 1        | SCREENING         | 2025-06-05T08:00
D       | 1     | BILI     | CHEMISTRY      | 300      | umol/L   | 300      | 300      | umol/L   | LOCAL | 1        | SCREENING         | 2025-06-06T08:00
D       | 2     | INR      | COAGULATION    | 1.8      | ratio    | 1.8      | 1.8      | ratio    | LOCAL | 1        | SCREENING         | 2025-06-06T08:00
D       | 3     | ICGR15   | LIVER FUNCTION TEST | 45  | %        | 45       | 45       | %        | LOCAL | 1        | SCREENING         | 2025-06-06T08:00
""",
    "MB": """
USUBJID | MBSEQ | MBTESTCD | MBSTRESC | VISITNUM | VISIT     | MBDTC
M       | 1     | HBSAG    | POSITIVE | 1        | SCREENING | 2025-06-05
P       | 1     | HBSAG    | POSITIVE | 1        | SCREENING | 2025-06-05
D       | 1     | HBSAG    | POSITIVE | 1        | SCREENING | 2025-06-06
""",
    "MH": """
USUBJID | MHSEQ | MHTERM              | MHDECOD             | MHCAT                 | MHSTDTC
S1      | 1     | chronic hepatitis B | Chronic hepatitis B | CHRONIC LIVER DISEASE | 2010
S2      | 1     | chronic hepatitis B | Chronic hepatitis B | CHRONIC LIVER DISEASE | 2011-05
M       | 1     | chronic hepatitis B | Chronic hepatitis B | CHRONIC LIVER DISEASE | 2012
P       | 1     | chronic hepatitis B | Chronic hepatitis B | CHRONIC LIVER DISEASE | 2012
D       | 1     | chronic hepatitis B | Chronic hepatitis B | CHRONIC LIVER DISEASE | 2012
""",
    "SV": """
USUBJID | VISITNUM | VISIT     | SVSTDTC    | SVENDTC
S1      | 1        | SCREENING | 2025-02-05 | 2025-02-05
M       | 1        | SCREENING | 2025-06-05 | 2025-06-05
M       | 14       | DAY 14    | 2025-06-24 | 2025-06-24
""",
    "SS": """
USUBJID | SSSEQ | SSTESTCD | SSSTRESC | VISITNUM | VISIT   | SSDTC
S1      | 1     | SURVSTAT | ALIVE    | 180      | DAY 180 | 2025-08-12
D       | 1     | SURVSTAT | DEAD     | 28       | DAY 28  | 2025-07-10
""",
    "RS": """
USUBJID | RSSEQ | RSTESTCD | RSCAT      | RSSTRESN | VISITNUM | VISIT     | RSDTC
S1      | 1     | HEGRADE  | WEST-HAVEN | 0        | 1        | SCREENING | 2025-02-05
""",
    "VS": """
USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSSTRESU | VISITNUM | VISIT     | VSDTC
S1      | 1     | TEMP     | 36.8     | C        | 1        | SCREENING | 2025-02-05
""",
    "DD": """
USUBJID | DDSEQ | DDTESTCD | DDSTRESC | DDDTC
D       | 1     | PRCDTH   | SEPSIS   | 2025-06-25
""",
    "DV": """
USUBJID | DVSEQ | DVTERM       | DVDECOD      | DVCAT | DVSTDTC
S1      | 1     | visit late   | VISIT WINDOW | MINOR | 2025-04-20
""",
    "CM": """
USUBJID | CMSEQ | CMTRT    | CMDECOD  | CMSTDTC | CMENDTC
M       | 1     | entecavir | ENTECAVIR | 2012-03 | .
""",
}

DECISIONS = """
COHORT | REVIEW   | REVDTC     | DECISION
LOW    | SENTINEL | 2025-03-12 | CONTINUE
"""

#: What a variable is where the drawing leaves it out and the schema wants a value.
DEFAULTS: dict[str, object] = {
    "STUDYID": "NCT06740149",
    "AGEU": "YEARS",
    "RACE": "ASIAN",
    "COUNTRY": "CHN",
    "DSTERM": "as recorded",
    "EXDOSU": "10^6 cells/kg",
    "EXPLVOL": 100.0,
    "EXACVOL": 100.0,
    "EXWT": 60.0,
    "AETERM": "as reported",
    "AEBODSYS": "as coded",
    "AEACN": "DOSE NOT CHANGED",
    "CEPREBL": "N",
}


def draw(text: str, dataset: str) -> pd.DataFrame:
    """A frame from a drawn table, every variable of its kind, variables left out filled or missing; ``#`` starts a comment."""
    lines = [line.partition("#")[0].split("|") for line in text.strip().splitlines()]
    header, *rows = [[cell.strip() for cell in line] for line in lines]
    frame = pd.DataFrame([[None if cell == "." else cell for cell in row] for row in rows], columns=header, dtype="str")
    if "USUBJID" in frame:
        frame["USUBJID"] = frame["USUBJID"].replace(_SHORT)
    for name, kind in schema_types(dataset).items():
        if name not in frame:
            frame[name] = pd.Series([DEFAULTS.get(name)] * len(frame), dtype="object")
        frame[name] = frame[name].astype("float64" if kind == "number" else "str")
    return frame


def small_study(trial: Trial | None = None) -> dict[str, pd.DataFrame]:
    """The SDTM of the study; domains nothing is drawn for are there and empty."""
    protocol = trial or our_trial()
    empty = "USUBJID"
    sdtm = {name: draw(TABLES.get(name, empty), name) for name in (*TABLES, "IE", "IS", "RE", "XL", "PR")}
    texts = {arm.armcd: arm.arm for arm in protocol.arms}
    sdtm["DM"] = sdtm["DM"].assign(
        ARM=sdtm["DM"]["ARMCD"].map(texts).astype("str"), ACTARM=sdtm["DM"]["ACTARMCD"].map(texts).astype("str")
    )
    return sdtm


def decisions() -> pd.DataFrame:
    """The review of the sentinel."""
    return draw(DECISIONS, "SRC_DECISIONS")


def escalated(
    sdtm: dict[str, pd.DataFrame], src: pd.DataFrame | None, trial: Trial | None = None, cutoff: date | None = CUTOFF
) -> Escalated:
    """What is derived of the dose escalation in a study, as the rules about it are asked of."""
    protocol = trial or our_trial()
    adsl = derive_subjects(sdtm, protocol, cutoff)
    adsl = add_exposure(adsl, derive_exposure_summary(sdtm, adsl, protocol, cutoff), protocol)
    addlt = derive_addlt(derive_adae(sdtm, adsl, protocol), adsl, protocol)
    adsl = adsl.assign(**derive_dltevfl(adsl, addlt, protocol))
    return Escalated(adsl, addlt, derive_escalation(adsl, addlt, src, protocol, cutoff))
