"""The synthetic medication, procedures and medical history: names, codes, shares of subjects, days.

Invented and plausible, like all of ``design``.
"""

from __future__ import annotations

from typing import NamedTuple


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
VENTILATION_SHARE = 0.12
