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
TRANSPLANT_SHARE = ((4.0, 0.0), (25.0, 0.34), (60.0, 0.14), (180.0, 0.03))
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
INFUSION_INTERRUPTED = 0.03
#: Deviations other than of visits and infusions, and how many of these are important
DEVIATION_SHARE = 0.10
IMPORTANT_SHARE = 0.15
ML_PER_KG = 1.0

# --- laboratory ----------------------------------------------------------------------------------


class Lab(NamedTuple):
    """A laboratory test: where it starts, where survivors end, how fast, and how it scatters.

    ``start`` is median and log-SD; ``half_life`` None means no drift. ``limits`` are the normal
    range, or (male, female) ranges; ``local`` is the unit a local laboratory reports in and what
    one of it is in the standard unit, with its decimals.
    """

    category: str
    start: tuple[float, float]
    floor: float
    half_life: float | None
    cv: float
    limits: tuple[tuple[float | None, float | None], tuple[float | None, float | None]]
    local: tuple[str, float, int] | None = None
    bounds: tuple[float, float] = (0.0, 1e6)


def _both(low: float | None, high: float | None) -> tuple[tuple[float | None, float | None], tuple[float | None, float | None]]:
    return ((low, high), (low, high))


_C, _H, _G, _Y = "CHEMISTRY", "HEMATOLOGY", "COAGULATION", "CYTOKINE"
#: By PARAMCD of trial.yaml; BILI, INR and CREAT start from the patient's own values.
LABS = {
    "ALT": Lab(_C, (180.0, 0.9), 35.0, 12.0, 0.18, _both(3, 35), None, (5, 5000)),
    "AST": Lab(_C, (118.0, 0.8), 40.0, 14.0, 0.18, _both(15, 40), None, (8, 5000)),
    "ALB": Lab(_C, (32.0, 0.125), 45.0, None, 0.04, _both(40, 55), None, (15, 50)),
    "ALP": Lab(_C, (135.0, 0.28), 110.0, 60.0, 0.10, _both(45, 125), None, (30, 700)),
    "GGT": Lab(_C, (80.0, 0.5), 55.0, 45.0, 0.10, _both(10, 60), None, (8, 900)),
    "BILI": Lab(_C, (310.0, 0.35), 25.0, 21.0, 0.08, _both(4, 23), ("mg/dL", 17.1, 2), (5, 1000)),
    "INR": Lab(_G, (1.95, 0.14), 1.25, 30.0, 0.06, _both(0.8, 1.2), None, (0.9, 9)),
    "CREAT": Lab(_C, (72.0, 0.25), 72.0, None, 0.09, ((57, 104), (41, 81)), ("mg/dL", 88.4, 2), (25, 900)),
    "SODIUM": Lab(_C, (136.0, 0.028), 138.5, 30.0, 0.012, _both(137, 147), None, (115, 152)),
    "PTA": Lab(_G, (38.0, 0.18), 75.0, 35.0, 0.06, _both(70, 130), None, (10, 130)),
    "BILDIR": Lab(_C, (205.0, 0.35), 12.0, 21.0, 0.08, _both(0, 8), None, (2, 800)),
    "PT": Lab(_G, (22.5, 0.12), 14.5, 30.0, 0.06, _both(11, 14.5), None, (10, 90)),
    "K": Lab(_C, (3.9, 0.09), 4.0, 30.0, 0.05, _both(3.5, 5.3), None, (2.2, 6.4)),
    "UREAN": Lab(_C, (5.2, 0.3), 5.2, None, 0.12, _both(2.8, 7.6), None, (1, 45)),
    "GLUC": Lab(_C, (5.3, 0.2), 5.3, None, 0.10, _both(3.9, 6.1), None, (2.4, 18)),
    "CRP": Lab(_C, (14.0, 0.7), 5.0, 20.0, 0.30, _both(0, 8), None, (0.3, 250)),
    "PCT": Lab(_C, (0.6, 0.6), 0.2, 20.0, 0.30, _both(0, 0.5), None, (0.02, 60)),
    "AFP": Lab(_C, (95.0, 0.9), 12.0, 40.0, 0.15, _both(0, 7), None, (1, 3000)),
    "WBC": Lab(_H, (6.7, 0.36), 5.2, 30.0, 0.14, _both(3.5, 9.5), None, (0.8, 35)),
    "NEUT": Lab(_H, (4.6, 0.40), 3.2, 30.0, 0.16, _both(1.8, 6.3), None, (0.3, 30)),
    "LYM": Lab(_H, (1.2, 0.35), 1.3, 40.0, 0.14, _both(1.1, 3.2), None, (0.15, 5)),
    "HGB": Lab(_H, (118.0, 0.15), 118.0, None, 0.04, ((130, 175), (115, 150)), None, (55, 175)),
    "PLAT": Lab(_H, (96.0, 0.42), 110.0, 60.0, 0.10, _both(125, 350), None, (12, 450)),
    "AMMONIA": Lab(_C, (62.0, 0.35), 35.0, 20.0, 0.18, _both(11, 35), None, (8, 300)),
    "LACT": Lab("BLOOD GAS", (1.9, 0.3), 1.5, 30.0, 0.15, _both(0.5, 2.2), None, (0.4, 15)),
    "ICGR15": Lab("LIVER FUNCTION TEST", (45.0, 0.27), 10.0, None, 0.06, _both(0, 10), None, (4, 95)),
    "IL6": Lab(_Y, (24.0, 1.0), 5.0, 10.0, 0.35, _both(None, 7), None, (0, 5000)),
    "TNFA": Lab(_Y, (12.0, 0.6), 7.0, 25.0, 0.35, _both(None, 8.1), None, (0, 900)),
    "HGF": Lab(_Y, (2400.0, 0.5), 900.0, 30.0, 0.35, _both(None, None), None, (150, 20000)),
}
HALF_LIFE_BY_RANK = {"BILI": (24.0, 21.0, 19.0), "BILDIR": (24.0, 21.0, 19.0)}
FLAT_DAYS = 3
#: Growth per day in subjects with an event within the days named, until the event.
WORSENING_WITHIN = 90
WORSENING = {"BILI": 1.012, "BILDIR": 1.012, "INR": 1.006, "PT": 1.006, "PTA": 0.994}
#: After transplantation these fall to their floor with this half-life (days).
GRAFT_HALF_LIFE = 4.0
GRAFT_TESTS = ("BILI", "BILDIR", "INR", "PT", "PTA", "ALT", "AST", "AMMONIA")
#: Straight drift per day of survivors
SLOPE = {"ALB": 0.04, "ICGR15": -0.12, "LSM": -0.05}
ALBUMIN_RISE = (3.0, 5)
CELLS_IL6 = 0.8
LLOQ = {"IL6": (1.5, 0.06), "TNFA": (0.5, 0.10)}
MISSING = {"ICGR15": 0.12, "IL6": 0.08, "TNFA": 0.08, "HGF": 0.08, "LSM": 0.10, "HLA": 0.06, "RESPIRATION": 0.04}
LAB_MISSING = 0.03
POST_DOSE_TESTS = ("ALT", "AST", "BILI", "CREAT", "K", "WBC")
UNSCHEDULED_TESTS = ("ALT", "AST", "ALB", "BILI", "INR", "CREAT", "SODIUM", "K", "WBC", "HGB", "PLAT")
LOCAL_TWIN_SHARE = 0.02
TIMELESS_SHARE, TIMELESS_LOCAL_SHARE = 0.05, 0.25
PO2_KPA = 7.50062
MAP = (84.0, 9.0)
LSM = (24.0, 11.0, 5.0, 75.0)
HBV_LOG10 = (5.2, 1.4, 2.0, 8.5)
HLA_POSITIVE = 0.08
HLA_NEW = (0.03, 0.12, 0.12)
HLA_INDETERMINATE = 0.01

# --- adverse events ------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of adverse event: its terms, who gets it by rank of arm, and what else it moves.

    ``infusion`` events follow an infusion within a day. ``lab`` names the test the event shows in
    and the factor (or the highest value) while it lasts.
    """

    terms: tuple[tuple[str, float], ...]
    incidence: tuple[float, float, float]
    infusion: bool = False
    lab: tuple[str, float] | None = None


KINDS = (
    Kind(
        (
            ("Pneumonia", 0.33),
            ("Peritonitis bacterial", 0.30),
            ("Urinary tract infection", 0.13),
            ("Upper respiratory tract infection", 0.13),
            ("Fungal infection", 0.06),
            ("Sepsis", 0.05),
        ),
        (0.40, 0.35, 0.31),
    ),
    Kind((("Pyrexia", 1.0),), (0.15, 0.15, 0.16)),
    Kind((("Pyrexia", 1.0),), (0.02, 0.07, 0.10), infusion=True),
    Kind((("Chills", 1.0),), (0.02, 0.05, 0.07), infusion=True),
    Kind((("Rash", 0.5), ("Urticaria", 0.25), ("Hypersensitivity", 0.25)), (0.01, 0.03, 0.04), infusion=True),
    Kind((("Infusion related reaction", 1.0),), (0.01, 0.02, 0.03), infusion=True),
    Kind((("Hypokalaemia", 1.0),), (0.25, 0.25, 0.25), lab=("K", 3.2)),
    Kind((("Hyponatraemia", 1.0),), (0.15, 0.15, 0.15), lab=("SODIUM", 127.0)),
    Kind((("Ascites", 1.0),), (0.28, 0.28, 0.28)),
    Kind((("Hepatic encephalopathy", 1.0),), (0.18, 0.18, 0.18)),
    Kind((("Acute kidney injury", 1.0),), (0.15, 0.13, 0.12), lab=("CREAT", 2.2)),
    Kind((("Upper gastrointestinal haemorrhage", 1.0),), (0.09, 0.09, 0.09)),
    Kind((("Anaemia", 1.0),), (0.18, 0.18, 0.18), lab=("HGB", 0.78)),
    Kind((("Platelet count decreased", 1.0),), (0.14, 0.14, 0.14), lab=("PLAT", 0.6)),
    Kind((("Alanine aminotransferase increased", 1.0),), (0.06, 0.06, 0.06), lab=("ALT", 2.5)),
    Kind((("Nausea", 1.0),), (0.12, 0.12, 0.12)),
    Kind((("Headache", 1.0),), (0.08, 0.08, 0.08)),
    Kind((("Deep vein thrombosis", 1.0),), (0.01, 0.01, 0.02)),
    Kind((("Fatigue", 1.0),), (0.10, 0.10, 0.10)),
    Kind((("Oedema peripheral", 1.0),), (0.09, 0.08, 0.08)),
    Kind((("Vomiting", 0.5), ("Diarrhoea", 0.5)), (0.14, 0.14, 0.14)),
    Kind((("Abdominal distension", 1.0),), (0.10, 0.10, 0.10)),
    Kind((("Hypoalbuminaemia", 0.8), ("Hypoglycaemia", 0.2)), (0.12, 0.12, 0.12)),
    Kind((("Coagulopathy", 0.6), ("International normalised ratio increased", 0.4)), (0.07, 0.06, 0.06)),
    Kind((("Pruritus", 1.0),), (0.08, 0.08, 0.08)),
    Kind((("Dyspnoea", 0.5), ("Epistaxis", 0.5)), (0.06, 0.06, 0.06)),
    Kind((("Hypotension", 0.7), ("Chest discomfort", 0.3)), (0.04, 0.04, 0.05)),
    Kind((("Brain oedema", 1.0),), (0.02, 0.015, 0.015)),
    Kind((("Hepatorenal syndrome", 1.0),), (0.04, 0.03, 0.03), lab=("CREAT", 2.2)),
    Kind((("Hepatopulmonary syndrome", 1.0),), (0.01, 0.01, 0.01)),
    Kind((("Portal vein thrombosis", 1.0),), (0.01, 0.01, 0.01)),
)
ONSET = (12.0, 1.0)
DURATION = (7.0, 0.7)
SECOND_EPISODE = 0.12
GRADES = (0.38, 0.36, 0.20, 0.06)
RELATED_INFUSION = 0.85
RELATED_OTHER = (0.02, 0.045, 0.055)
CAUSALITY_MISSING = 0.004
SERIOUS_BY_GRADE = (0.0, 0.0, 0.03, 0.30)
PRE_TREATMENT_EVENT = 0.06
START_PARTIAL, END_PARTIAL, CE_PARTIAL, CM_PARTIAL = 0.04, 0.05, 0.02, 0.10
MH_PARTIAL = (0.25, 0.15)
EVENT_TIMELESS = 0.15
TUMOUR_TERM = "Hepatocellular carcinoma"
DLT_TERM = "Infusion related reaction"
#: Which adverse events are recorded as which complication
COMPLICATION_TERMS = {
    "CEREDEMA": ("Brain oedema",),
    "HE": ("Hepatic encephalopathy",),
    "INFECT": (
        "Pneumonia",
        "Peritonitis bacterial",
        "Urinary tract infection",
        "Upper respiratory tract infection",
        "Fungal infection",
        "Sepsis",
        "Septic shock",
    ),
    "HYPONAT": ("Hyponatraemia",),
    "REFASC": ("Ascites",),
    "AKI": ("Acute kidney injury",),
    "HRS": ("Hepatorenal syndrome",),
    "HEMORR": ("Upper gastrointestinal haemorrhage", "Epistaxis"),
    "HPS": ("Hepatopulmonary syndrome",),
}
REFRACTORY_SHARE = 0.15
WORSENED_SHARE = 0.6
#: What investigators write. The first stands for the term itself.
VERBATIM = {
    "Pneumonia": ("pneumonia", "Lung infection, right lower lobe", "肺部感染 (pulmonary infection)"),
    "Peritonitis bacterial": ("Spontaneous bacterial peritonitis", "SBP (ascites PMN ≥250/µL)", "peritonitis, bacterial"),
    "Urinary tract infection": ("UTI", "Urinary tract infection"),
    "Pyrexia": ("fever", "Fever ≥38.5 °C", "Pyrexia (Tmax 38.9 °C)", "发热 (fever)"),
    "Chills": ("chills", "Shivering"),
    "Infusion related reaction": ("Infusion reaction", "Infusion-related reaction"),
    "Hypokalaemia": ("low potassium", "Hypokalemia <3.5 mmol/L", "hypokalaemia"),
    "Hyponatraemia": ("Hyponatremia", "low serum sodium (<130 mmol/L)"),
    "Ascites": ("ascites", "worsening of ascites", "腹水 (ascites), increased"),
    "Hepatic encephalopathy": ("Hepatic encephalopathy", "HE, West-Haven grade ≥1", "hepatic encephalopathy & confusion"),
    "Acute kidney injury": ("AKI", "Acute kidney injury (creatinine ↑)"),
    "Upper gastrointestinal haemorrhage": ("Upper GI bleeding", "Haematemesis; upper GI haemorrhage"),
    "Anaemia": ("anemia", "Anaemia (Hb <90 g/L)"),
    "Platelet count decreased": ("Thrombocytopenia", "PLT <50×10^9/L"),
    "Alanine aminotransferase increased": ("ALT increased", "ALT elevation >5×ULN"),
    "Nausea": ("nausea", "Nausea after breakfast"),
    "Multiple organ dysfunction syndrome": ("Multiple organ failure", "MODS"),
    "Oedema peripheral": ("leg edema", "Oedema of both lower limbs"),
    "Deep vein thrombosis": ("DVT, left leg", "Deep vein thrombosis (right leg)"),
}

# --- medication and history ----------------------------------------------------------------------


class Drug(NamedTuple):
    """A drug: name as written, standard name, ATC level 4 code and class, use, and share of subjects."""

    trt: str
    decod: str
    atc: str
    atc_class: str
    use: str
    share: float
    days: tuple[int, int]


DRUGS = (
    Drug("Magnesium isoglycyrrhizinate inj.", "GLYCYRRHIZIC ACID", "A05BA", "Liver therapy", "HEPATOPROTECTION", 0.85, (-6, 45)),
    Drug("Ademetionine 1 g qd", "ADEMETIONINE", "A16AA", "Amino acids and derivatives", "HEPATOPROTECTION", 0.60, (-4, 40)),
    Drug("Vit K1", "PHYTOMENADIONE", "B02BA", "Vitamin K", "COAGULATION FACTOR", 0.40, (-3, 14)),
    Drug("Prothrombin complex", "PROTHROMBIN COMPLEX", "B02BD", "Blood coagulation factors", "COAGULATION FACTOR", 0.15, (-2, 10)),
    Drug(
        "Fresh frozen plasma", "PLASMA", "B05AA", "Blood substitutes and plasma protein fractions", "PLASMA/ALBUMIN", 0.55, (-5, 20)
    ),
    Drug("Lactulose oral sol.", "LACTULOSE", "A06AD", "Osmotically acting laxatives", "COMPLICATION TREATMENT", 0.50, (-3, 30)),
    Drug("Spironolactone", "SPIRONOLACTONE", "C03DA", "Aldosterone antagonists", "COMPLICATION TREATMENT", 0.45, (-5, 60)),
    Drug("Furosemide 20 mg", "FUROSEMIDE", "C03CA", "Sulfonamides, plain", "COMPLICATION TREATMENT", 0.40, (-5, 50)),
    Drug(
        "Cefoperazone/sulbactam",
        "CEFOPERAZONE",
        "J01DD",
        "Third-generation cephalosporins",
        "COMPLICATION TREATMENT",
        0.35,
        (-4, 12),
    ),
    Drug("Meropenem", "MEROPENEM", "J01DH", "Carbapenems", "COMPLICATION TREATMENT", 0.15, (4, 10)),
    Drug("Amino acid inj. (15AA)", "AMINO ACIDS", "B05BA", "Solutions for parenteral nutrition", "NUTRITION", 0.45, (-3, 21)),
    Drug("Omeprazole", "OMEPRAZOLE", "A02BC", "Proton pump inhibitors", "OTHER", 0.40, (-6, 40)),
    Drug("Compound vitamin B", "VITAMIN B COMPLEX", "A11EA", "Vitamin B-complex, plain", "OTHER", 0.20, (-20, 12)),
)
ANTIVIRALS = (
    Drug(
        "Entecavir 0.5 mg qn",
        "ENTECAVIR",
        "J05AF",
        "Nucleoside reverse transcriptase inhibitors",
        "ANTIVIRAL/ETIOLOGIC",
        0.5,
        (-8, 999),
    ),
    Drug(
        "TAF 25 mg qd",
        "TENOFOVIR ALAFENAMIDE",
        "J05AF",
        "Nucleoside reverse transcriptase inhibitors",
        "ANTIVIRAL/ETIOLOGIC",
        0.5,
        (-8, 999),
    ),
)
ALBUMIN = Drug(
    "Human albumin 10 g", "ALBUMIN", "B05AA", "Blood substitutes and plasma protein fractions", "PLASMA/ALBUMIN", 0.75, (-4, 5)
)
VASOPRESSOR = Drug(
    "Norepinephrine inj.", "NOREPINEPHRINE", "C01CA", "Adrenergic and dopaminergic agents", "VASOPRESSOR", 1.0, (-1, 3)
)
ANTICOAGULANT = Drug("Enoxaparin 4000 IU", "ENOXAPARIN", "B01AB", "Heparin group", "ANTICOAGULANT", 1.0, (0, 30))
#: General history: what is written, term, body system, share
HISTORY = (
    ("Hypertension", "Hypertension", "Vascular disorders", 0.15),
    ("Type 2 diabetes", "Type 2 diabetes mellitus", "Metabolism and nutrition disorders", 0.12),
    ("Chronic gastritis", "Chronic gastritis", "Gastrointestinal disorders", 0.15),
    ("Gallstones", "Cholelithiasis", "Hepatobiliary disorders", 0.12),
    ("Fatty liver", "Hepatic steatosis", "Hepatobiliary disorders", 0.12),
    ("Appendectomy", "Appendicectomy", "Surgical and medical procedures", 0.06),
)
LIVER_DISEASE = {
    "HEPATITIS B": ("Chronic hepatitis B", "Chronic hepatitis B", "Infections and infestations"),
    "ALCOHOL": ("Alcoholic liver disease", "Alcoholic liver disease", "Hepatobiliary disorders"),
    "AUTOIMMUNE": ("Autoimmune hepatitis", "Autoimmune hepatitis", "Hepatobiliary disorders"),
    "DRUG": ("Drug-induced liver injury", "Drug-induced liver injury", "Hepatobiliary disorders"),
}
PRECIPITANT_TERMS = {
    "HBV FLARE": ("Hepatitis B flare", "Hepatitis B reactivation", "Infections and infestations"),
    "UNKNOWN": ("Precipitant unknown", "Unknown precipitant", "Hepatobiliary disorders"),
    "INFECTION": ("Bacterial infection", "Bacterial infection", "Infections and infestations"),
    "ALCOHOL": ("Recent heavy drinking", "Alcohol use", "Social circumstances"),
    "DRUG": ("Hepatotoxic herbal medicine", "Drug-induced liver injury", "Hepatobiliary disorders"),
}
LIVER_SUPPORT_BEFORE = 0.12
PARACENTESIS_SHARE = 0.3
DIALYSIS_SHARE = 0.2
VENTILATION_SHARE = 0.12

# --- deliberate defects --------------------------------------------------------------------------

#: Elapsed day of the sentinel on which the second subject of its cohort is dosed too early
DEFECT_SENTINEL_DAY = 20
#: MELD of a subject who should not have been enrolled
DEFECT_MELD = 31.2
#: A visit that takes place too late, when it does, and the visit that lacks a result
DEFECT_LATE_VISIT, DEFECT_LATE_DAY, DEFECT_MISSING_VISIT = 28, 40, 60
#: An analysis visit and the number of another one it is given
DEFECT_VISIT, DEFECT_OTHER_VISIT = 28, 21
