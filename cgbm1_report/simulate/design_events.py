"""The synthetic adverse events and complications: terms, incidences by rank of arm, words and dates.

Invented and plausible, like all of ``design``.
"""

from __future__ import annotations

from typing import NamedTuple


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
            # Only as a cause of death: those who die of it are infected, too.
            ("Septic shock", 0.0),
        ),
        (0.40, 0.35, 0.31),
    ),
    Kind((("Pyrexia", 1.0),), (0.153, 0.161, 0.178)),
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
GRADES = (0.37, 0.325, 0.23, 0.075)
RELATED_INFUSION = 0.85
RELATED_OTHER = (0.018, 0.044, 0.052)
CAUSALITY_MISSING = 0.004
SERIOUS_BY_GRADE = (0.0, 0.0, 0.03, 0.30)
#: Share of these that is serious, by rank: fewer die in the dosed arms, and more of them live to another serious event.
SERIOUS_BY_RANK = (0.6, 1.25, 1.2)
PRE_TREATMENT_EVENT = 0.06
START_PARTIAL, END_PARTIAL, CE_PARTIAL, CM_PARTIAL = 0.04, 0.05, 0.02, 0.10
MH_PARTIAL = (0.25, 0.15)
EVENT_TIMELESS = 0.15
TUMOUR_TERM = "Hepatocellular carcinoma"
STOPPING_TERM = "Chest discomfort"
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
