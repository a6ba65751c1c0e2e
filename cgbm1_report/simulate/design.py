"""The synthetic disease course in numbers: invented, plausible, and nobody's data.

Not the protocol: arms, doses, days, windows and terms come from ``Trial``. Arms are named here by
their rank only: 0 is the reference, then ascending dose; ranks beyond the last take the last.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

DEFAULT_SEED = 6740149
FIRST_CONSENT = date(2025, 1, 6)

# --- accrual -------------------------------------------------------------------------------------


class Cohort(NamedTuple):
    """What happens in a dose cohort: subjects dosed, and the place in it of a DLT or an early death."""

    dosed: int
    dlt: int | None = None
    lost: int | None = None


#: Dose cohorts by ascending dose; the last one stands for all further ones.
COHORTS = (Cohort(3), Cohort(6, dlt=2), Cohort(4, lost=3))
LOST_DAY = 11
DLT_HOURS = 3
REVIEW_LAG = (3, 7)
LAST_DECISION = "CONTINUE"
SCREEN_FAILURES_ESCALATION = 5
SCREEN_FAILURES_RANDOMISED = 35
SITES = 3
RANDOMISED_PER_WEEK = 3.0
WAIT_AFTER_LAST_REVIEW = 14
NEVER_DOSED_WITHDRAWS = 35

# --- patients ------------------------------------------------------------------------------------

AGE = (46.0, 10.0, 18.0, 70.0)
MALE_SHARE = 0.85
ETIOLOGY_ESCALATION = {"HEPATITIS B": 0.75, "ALCOHOL": 0.15, "AUTOIMMUNE": 0.05, "DRUG": 0.05}
ETIOLOGY_RANDOMISED = {"HEPATITIS B": 1.0}
CIRRHOSIS_SHARE = 0.55
PRECIPITANT = {"HBV FLARE": 0.55, "UNKNOWN": 0.20, "INFECTION": 0.12, "ALCOHOL": 0.08, "DRUG": 0.05}
HE_SHARES = (0.68, 0.15, 0.12, 0.05)
VASOPRESSOR_SHARE = 0.02
BLOOD_GAS_SHARE = 0.12
#: Complications at baseline that are drawn; hepatic encephalopathy follows from its grade.
PREVALENT = {"INFECT": 0.25, "REFASC": 0.04, "HYPONAT": 0.12, "AKI": 0.05}
ASCITES_SHARE = 0.45
BILI = (310.0, 0.35, 171.0, 650.0)
INR = (1.95, 0.28, 1.5, 2.9)
CREAT = (72.0, 18.0, 35.0, 170.0)
BILI_INR_BASE_CORRELATION = 0.3
BILI_INR_CORRELATION = 0.6
MELD_LIMIT = 30.0
ORGAN_FAILURE_LIMIT = 3
#: mg/dL limits of the registry's organ failure rule, in umol/L
REGISTRY_FAILURE = {"BILI": 205.2, "CREAT": 176.8, "INR": 2.5, "HE": 3.0}
TBIL_LIMIT = 171.0

# --- survival ------------------------------------------------------------------------------------

HAZARD_STARTS = (0.0, 28.0, 90.0)
HAZARDS = ((0.008874, 0.004778, 0.001002), (0.007088, 0.003747, 0.000706), (0.005804, 0.003132, 0.000654))
MELD_CENTRE = 25.2
MELD_LOG_HAZARD = 0.11
FRAILTY_SD = 0.25
#: Share of events that is a transplantation, up to each elapsed day: 15 % in all, half of them by day 18
TRANSPLANT_SHARE = ((4.0, 0.0), (25.0, 0.30), (60.0, 0.125), (180.0, 0.027))
POST_TRANSPLANT_HAZARD = 0.0004
LOST_SHARE = 0.04
WITHDRAWN_SHARE = 0.02
CAUSES = {
    "MULTIPLE ORGAN FAILURE": 0.45,
    "INFECTION/SEPSIS": 0.25,
    "HEMORRHAGE": 0.12,
    "HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA": 0.08,
    "OTHER": 0.10,
}
CAUSE_TERMS = {
    "MULTIPLE ORGAN FAILURE": ("Multiple organ dysfunction syndrome",),
    "INFECTION/SEPSIS": ("Sepsis", "Septic shock"),
    "HEMORRHAGE": ("Upper gastrointestinal haemorrhage",),
    "HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA": ("Hepatic encephalopathy", "Brain oedema"),
    "OTHER": ("Hepatic failure",),
}

# --- visits --------------------------------------------------------------------------------------

VISIT_MISSED = 0.04
VISIT_OUTSIDE = 0.06
UNSCHEDULED_PER_WEEK = 0.08
TREATMENT_STOPPED_SHARE = 0.03
INFUSION_INTERRUPTED = 0.01
#: Elapsed day of the prohibited therapy
PROHIBITED_DAY = 10
#: Subjects with a deviation other than of a visit, and with an important one
DEVIATION_SHARE = 0.12
IMPORTANT_SHARE = 0.04
ML_PER_KG = 1.0

# --- deliberate defects --------------------------------------------------------------------------

#: Elapsed day of the sentinel on which the second subject of its cohort is dosed too early
DEFECT_SENTINEL_DAY = 20
#: MELD of a subject who should not have been enrolled
DEFECT_MELD = 31.2
#: A visit that takes place too late, when it does, and the visit that lacks a result
DEFECT_LATE_VISIT, DEFECT_LATE_DAY, DEFECT_MISSING_VISIT = 28, 40, 60
#: An analysis visit and the number of another one it is given
DEFECT_VISIT, DEFECT_OTHER_VISIT = 28, 21
