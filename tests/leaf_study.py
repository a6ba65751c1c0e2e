"""The small study with more to act on: what a leaf of trial.yaml can change that six healthy records cannot show.

A subject randomised and never dosed; one on placebo who was once given the product; a sample with bilirubin
at exactly 12 mg/dL, creatinine above the cap of MELD, potassium below its limit and ALT above an abnormal
baseline; a dialysis; events without a date and after the emergent period; a drug with a code and no class;
visits whose organs stand right at the limits of their scores; a cohort of six.
"""

from __future__ import annotations

import pandas as pd

from cgbm1_report.protocol.trial import Trial
from tests.small_study import DEAD, MEDIUM, PLACEBO, SENTINEL, draw, small_study

NEVER_DOSED = "NCT06740149-01-104"
NAMES = {"N": NEVER_DOSED, "M": MEDIUM, "P": PLACEBO, "D": DEAD}
NAMES |= {number: f"NCT06740149-01-{number}" for number in ("003", "004", "005", "006", "011", "012")}

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
M       | 30    | ALT      | CHEMISTRY   | 60      | U/L      | 60       | 60       | U/L      | 5        | 40       | LOCAL | 1        | SCREENING      | 2025-05-26T08:00
M       | 31    | ALT      | CHEMISTRY   | 80      | U/L      | 80       | 80       | U/L      | 5        | 40       | LOCAL | 1        | SCREENING      | 2025-06-05T08:00
M       | 22    | ALT      | CHEMISTRY   | 280     | U/L      | 280      | 280      | U/L      | 5        | 40       | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 23    | BILI     | CHEMISTRY   | 205.2   | umol/L   | 205.2    | 205.2    | umol/L   | 3        | 20       | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 24    | CREAT    | CHEMISTRY   | 400     | umol/L   | 400      | 400      | umol/L   | 50       | 110      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 25    | INR      | COAGULATION | 2.1     | ratio    | 2.1      | 2.1      | ratio    | 0.8      | 1.2      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 26    | K        | CHEMISTRY   | 3.2     | mmol/L   | 3.2      | 3.2      | mmol/L   | 3.5      | 5.1      | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
M       | 27    | PO2      | CHEMISTRY   | 9       | kPa      | 9        | 9        | kPa      | .        | .        | LOCAL | 28       | DAY 28         | 2025-07-08T08:00
003     | 22    | SODIUM   | CHEMISTRY   | 130     | mmol/L   | 130      | 130      | mmol/L   | .        | .        | LOCAL | 7.01     | UNSCHEDULED 7.01 | 2025-05-11T08:00
004     | 22    | CREAT    | CHEMISTRY   | 100     | umol/L   | 100      | 100      | umol/L   | .        | .        | LOCAL | 7.01     | UNSCHEDULED 7.01 | 2025-05-10T08:00
004     | 23    | CREAT    | CHEMISTRY   | 130     | umol/L   | 130      | 130      | umol/L   | .        | .        | LOCAL | 7.02     | UNSCHEDULED 7.02 | 2025-05-11T08:00
006     | 22    | CREAT    | CHEMISTRY   | 20      | umol/L   | 20       | 20       | umol/L   | .        | .        | LOCAL | 1        | SCREENING | 2025-04-27T08:00
006     | 23    | CREAT    | CHEMISTRY   | 31      | umol/L   | 31       | 31       | umol/L   | .        | .        | LOCAL | 7.01     | UNSCHEDULED 7.01 | 2025-05-20T08:00
003     | 21    | PTA      | COAGULATION | 40.5    | %        | 40.5     | 40.5     | %        | .        | .        | LOCAL | 1        | SCREENING      | 2025-04-15T08:00
005     | 21    | BILI     | CHEMISTRY   | 140     | umol/L   | 140      | 140      | umol/L   | 3        | 20       | LOCAL | 1        | SCREENING      | 2025-04-27T08:00
005     | 22    | BILI     | CHEMISTRY   | 160     | umol/L   | 160      | 160      | umol/L   | 3        | 20       | LOCAL | 1        | SCREENING      | 2025-04-28T08:00
006     | 21    | HCG      | PREGNANCY TEST | NEGATIVE | .     | NEGATIVE | .        | .        | .        | .        | LOCAL | 1        | SCREENING      | 2025-04-27T08:00
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
M       | 23    | dialysis | RENAL REPLACEMENT THERAPY | 2025-12-05 | 2025-12-05
""",
    "XL": """
USUBJID | XLSEQ | XLTESTCD | XLSTRESN | XLSTRESU | VISITNUM | VISIT  | XLDTC       # elastography at the limits of a valid one
M       | 21    | LSM      | 20       | kPa      | 28       | DAY 28 | 2025-07-08
M       | 22    | LSMNVAL  | 10       | .        | 28       | DAY 28 | 2025-07-08
M       | 23    | LSMIQRM  | 12       | %        | 28       | DAY 28 | 2025-07-08
M       | 24    | LSM      | 22       | kPa      | 60       | DAY 60 | 2025-08-09
M       | 25    | LSMNVAL  | 12       | .        | 60       | DAY 60 | 2025-08-09
M       | 26    | LSMIQRM  | 31       | %        | 60       | DAY 60 | 2025-08-09
""",
    "AE": """
USUBJID | AESEQ | AEDECOD  | AESOC                       | AESTDTC    | AEENDTC | AETOXGR | AESER | AEREL       | AEOUT
P       | 21    | Nausea   | Gastrointestinal disorders  | .          | .       | 2       | N     | .           | NOT RECOVERED/NOT RESOLVED
M       | 22    | Vomiting | Gastrointestinal disorders  | 2025-12-08 | .       | 1       | N     | NOT RELATED | NOT RECOVERED/NOT RESOLVED
011     | 21    | Pyrexia  | General disorders           | 2025-06-21 | .       | 3       | N     | RELATED     | NOT RECOVERED/NOT RESOLVED
012     | 21    | Pyrexia  | General disorders           | 2025-08-02 | .       | 3       | N     | RELATED     | NOT RECOVERED/NOT RESOLVED
003     | 22    | Hyponatraemia | Metabolism and nutrition | 2025-05-02 | 2025-05-02 | 1    | N     | NOT RELATED | RECOVERED/RESOLVED
M       | 24    | Chills   | General disorders           | 2025-06-11T10:30 | . | 1       | N     | NOT RELATED | NOT RECOVERED/NOT RESOLVED
M       | 23    | Rash     | Skin and subcutaneous       | 2025-07-08 | .       | 1       | N     | RELATED     | NOT RECOVERED/NOT RESOLVED
""",
    "CE": """
USUBJID | CESEQ | CETERM              | CECAT             | CEPRESP | CEOCCUR | CESTDTC    | CEENDTC | CEPREBL  # beside results at the limit of its sign
003     | 21    | Hyponatremia        | ACLF COMPLICATION | Y       | Y       | 2025-05-10 | .       | N        # the event is eight days before
004     | 21    | Acute kidney injury | ACLF COMPLICATION | Y       | Y       | 2025-05-10 | .       | N        # a rise by 30
006     | 21    | Acute kidney injury | ACLF COMPLICATION | Y       | Y       | 2025-05-20 | .       | N        # half as much again as baseline
""",
    "CM": """
USUBJID | CMSEQ | CMTRT          | CMDECOD        | CMCLASCD | CMSCAT      | CMSTDTC    | CMENDTC
M       | 21    | omeprazole     | OMEPRAZOLE     | A02BC    | .           | 2025-06-20 | .
004     | 21    | norepinephrine | NOREPINEPHRINE | C01CA    | VASOPRESSOR | 2025-04-19 | 2025-04-21
D       | 22    | aspirin        | ACETYLSALICYLIC ACID | B01AC | .        | 2025-06-05 | 2025-06-12   # eight days before a narrated event
D       | 23    | warfarin       | WARFARIN       | B01AA    | .           | 2025-06-05 | 2025-06-13   # seven days before it
""",
}


#: Visits with all that CLIF-C OF is made of, each at a limit: umol/L, umol/L, ratio, grade, mmHg, mmHg, %, fraction, mmHg.
ORGANS = """
USUBJID | VISITNUM | VISIT          | DAY        | BILI   | CREAT  | INR | HEGRADE | SYSBP | DIABP | OXYSAT | FIO2 | PO2  # what decides
P       | 2        | DAY 0 PRE-DOSE | 2025-06-10 | 222.3  | 141.44 | 1.5 | 0       | 120   | 80    | 98     | 0.21 | .    # liver fails, creatinine 1.6 mg/dL: grade 1
D       | 2        | DAY 0 PRE-DOSE | 2025-06-11 | 222.3  | 80     | 1.5 | 1       | 120   | 80    | 98     | 0.21 | .    # liver fails, encephalopathy 1: grade 1
M       | 60       | DAY 60         | 2025-08-09 | 213.75 | 80     | 1.5 | 0       | 91    | 60    | 100    | 0.28 | .    # 12.5 mg/dL, MAP 70.3, SpO2/FiO2 357.1
M       | 90       | DAY 90         | 2025-09-08 | 100    | 80     | 1.5 | 0       | 120   | 80    | 98     | 0.21 | .    # encephalopathy graded two days later
M       | 180      | DAY 180        | 2025-12-07 | 100    | 80     | 1.5 | 0       | 120   | 80    | 98     | 0.21 | .    # dialysis two days before
P       | 60       | DAY 60         | 2025-08-10 | 100    | 80     | 1.5 | 0       | 120   | 80    | 94     | 0.4  | 70   # oxygen 61 minutes after the gas
P       | 90       | DAY 90         | 2025-09-09 | 100    | 80     | 1.5 | 0       | 120   | 80    | 94     | 0.4  | 16.2 # PaO2/FiO2 40.5
P       | 180      | DAY 180        | 2025-12-08 | 100    | 80     | 1.5 | 0       | 120   | 80    | 98     | 0.21 | .    # INR two days later
003     | 1        | SCREENING      | 2025-04-15 | 222.3  | 200    | 1.4 | 0       | 120   | 80    | 90     | 0.42 | .    # two organs fail, SpO2/FiO2 214.3
004     | 1        | SCREENING      | 2025-04-20 | 222.3  | 200    | 1.4 | 1       | 120   | 80    | 98     | 0.21 | .    # two organs fail, and a vasopressor; nothing but encephalopathy 1 makes it decompensated
"""
#: Where and when each is recorded: domain, unit, time.
MEASURES = {
    "BILI": ("LB", "umol/L", "T08:00"),
    "CREAT": ("LB", "umol/L", "T08:00"),
    "INR": ("LB", "ratio", "T08:00"),
    "PO2": ("LB", "mmHg", "T08:00"),
    "HEGRADE": ("RS", None, ""),
    "SYSBP": ("VS", "mmHg", "T08:00"),
    "DIABP": ("VS", "mmHg", "T08:00"),
    "OXYSAT": ("VS", "%", "T09:01"),
    "FIO2": ("RE", None, "T09:01"),
}
#: Time of a measure that is recorded at another one, by subject and visit.
OTHERWISE = {
    ("HEGRADE", MEDIUM, 90): "2025-09-10",
    ("INR", PLACEBO, 180): "2025-12-10T08:00",
    ("FIO2", PLACEBO, 90): "2025-09-09T08:00",
}


def draw_organs() -> dict[str, pd.DataFrame]:
    """The records of `ORGANS` by domain."""
    lines = [[cell.strip() for cell in line.split("#")[0].split("|")] for line in ORGANS.strip().splitlines()]
    visits = pd.DataFrame(lines[1:], columns=lines[0]).replace(".", None)
    visits = visits.assign(VISITNUM=visits["VISITNUM"].astype("float64"), USUBJID=visits["USUBJID"].replace(NAMES))
    records: dict[str, list[dict[str, object]]] = {}
    for number, visit in enumerate(visits.to_dict("records")):
        for place, (name, (domain, unit, time)) in enumerate(MEASURES.items()):
            if pd.isna(visit[name]):
                continue
            when = OTHERWISE.get((name, visit["USUBJID"], visit["VISITNUM"]), f"{visit['DAY']}{time}")
            result = {"TESTCD": name, "STRESN": float(visit[name]), "STRESC": visit[name], "STRESU": unit, "DTC": when}
            identity = {name: visit[name] for name in ("USUBJID", "VISITNUM", "VISIT")} | {
                f"{domain}SEQ": 50.0 + 10 * number + place
            }
            records.setdefault(domain, []).append({**identity, **{f"{domain}{end}": value for end, value in result.items()}})
    made = {}
    for domain, rows in records.items():
        frame = draw("USUBJID", domain).reindex(range(len(rows)))
        for name in rows[0]:
            if name in frame:
                frame[name] = pd.Series([row[name] for row in rows]).astype(frame[name].dtype)
        made[domain] = frame.assign(LBCAT="CHEMISTRY") if domain == "LB" else frame
    made["RS"]["RSCAT"] = "WEST-HAVEN"
    return made


#: More subjects of the escalation: number, arm, sex, day of the first dose. Six of the low dose with those of the small study.
COHORTS = """
003 | P1LOW | M | 2025-04-20
004 | P1LOW | M | 2025-04-25
005 | P1LOW | M | 2025-05-01
006 | P1LOW | F | 2025-05-05
011 | P1MED | M | 2025-06-20  # both have a toxicity
012 | P1MED | M | 2025-08-01
"""


def draw_cohorts() -> dict[str, str]:
    """DM, DS and EX of `COHORTS`, drawn."""
    dm = ["USUBJID | SUBJID | SITEID | RFICDTC | RFSTDTC | RFXSTDTC | RFXENDTC | AGE | SEX | ARMCD | ACTARMCD | SCRPHASE | BRTHDTC"]
    ds = ["USUBJID | DSSEQ | DSDECOD | DSCAT | DSSCAT | DSSTDTC"]
    ex = ["USUBJID | EXSEQ | EXTRT | EXDOSE | EXSTDTC | EXENDTC | EXTPT | EXTOTCEL | EXPLCEL"]
    for line in COHORTS.strip().splitlines():
        who, arm, sex, day = (cell.strip() for cell in line.split("#")[0].split("|"))
        dm.append(f"{who} | {who} | 01 | {day} | {day} | {day}T09:00 | {day}T10:00 | 50 | {sex} | {arm} | {arm} | 1 | 1975-01-02")
        ds.append(f"{who} | 1 | ENROLLED | PROTOCOL MILESTONE | . | {day}")
        ds.append(f"{who} | 2 | COMPLETED | DISPOSITION EVENT | STUDY PARTICIPATION | 2025-12-10")
        ex.append(f"{who} | 1 | CG-BM1 | {1 if arm == 'P1LOW' else 2} | {day}T09:00 | {day}T10:00 | INFUSION 1 | 60 | 60")
    return {"DM": "\n".join(dm), "DS": "\n".join(ds), "EX": "\n".join(ex)}


def leaf_study(trial: Trial | None = None) -> dict[str, pd.DataFrame]:
    """The SDTM of the small study and the records above."""
    sdtm = small_study(trial)
    drawn = [(name, draw(text, name)) for name, text in (*MORE.items(), *draw_cohorts().items())]
    for name, more in (*drawn, *draw_organs().items()):
        more["USUBJID"] = more["USUBJID"].replace(NAMES)
        sdtm[name] = pd.concat([sdtm[name], more], ignore_index=True)
        sdtm[name] = sdtm[name].astype({column: "str" for column in sdtm[name] if sdtm[name][column].dtype == object})
    if trial:
        texts = {arm.armcd: arm.arm for arm in trial.arms}
        sdtm["DM"]["ARM"] = sdtm["DM"]["ARMCD"].map(texts).astype("str")
    mistaken = (sdtm["EX"]["USUBJID"] == PLACEBO) & (sdtm["EX"]["EXTPT"] == "INFUSION 2")
    sdtm["EX"]["EXDOSE"] = sdtm["EX"]["EXDOSE"].mask(mistaken, 1.0)
    sdtm["EX"]["EXTRT"] = sdtm["EX"]["EXTRT"].mask(mistaken, "CG-BM1")
    toxic = sdtm["AE"]["USUBJID"].isin([NAMES["011"], NAMES["012"]])
    sdtm["AE"] = sdtm["AE"].assign(**{flag: sdtm["AE"][flag].mask(toxic, "Y") for flag in ("AEDLT", "AEDLTSRC")})
    boxed = sdtm["AE"]["USUBJID"].eq(MEDIUM) & sdtm["AE"]["AEDECOD"].eq("Hyponatraemia")
    sdtm["AE"] = sdtm["AE"].assign(AEINFREA=pd.Series(None, index=boxed.index, dtype="str").mask(boxed, "Y"))
    # Nine tenths of the planned cells and a little more, without a toxicity.
    sentinel = sdtm["EX"]["USUBJID"] == SENTINEL
    sdtm["EX"]["EXTOTCEL"] = sdtm["EX"]["EXTOTCEL"].mask(sentinel, 54.3)
    return sdtm
