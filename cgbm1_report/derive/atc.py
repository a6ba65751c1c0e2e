"""The levels of the Anatomical Therapeutic Chemical (ATC) classification in a medication's class code.

Names of the first two levels as in the ATC index of the WHO Collaborating Centre for Drug Statistics
Methodology; names of the levels below are taken from the coded data, which hold those they need.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

#: Length of the code at each level: A, A05, A05B, A05BA.
LEVELS: Final = {1: 1, 2: 3, 3: 4, 4: 5}

#: A code of any level, down to the substance (A05BA02). MULTIPLE and other words are none.
_CODE = r"[A-Z](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?"

NAMES: Final = {
    "A": "Alimentary tract and metabolism",
    "A01": "Stomatological preparations",
    "A02": "Drugs for acid related disorders",
    "A03": "Drugs for functional gastrointestinal disorders",
    "A04": "Antiemetics and antinauseants",
    "A05": "Bile and liver therapy",
    "A06": "Drugs for constipation",
    "A07": "Antidiarrheals, intestinal antiinflammatory/antiinfective agents",
    "A08": "Antiobesity preparations, excl. diet products",
    "A09": "Digestives, incl. enzymes",
    "A10": "Drugs used in diabetes",
    "A11": "Vitamins",
    "A12": "Mineral supplements",
    "A13": "Tonics",
    "A14": "Anabolic agents for systemic use",
    "A15": "Appetite stimulants",
    "A16": "Other alimentary tract and metabolism products",
    "B": "Blood and blood forming organs",
    "B01": "Antithrombotic agents",
    "B02": "Antihemorrhagics",
    "B03": "Antianemic preparations",
    "B05": "Blood substitutes and perfusion solutions",
    "B06": "Other hematological agents",
    "C": "Cardiovascular system",
    "C01": "Cardiac therapy",
    "C02": "Antihypertensives",
    "C03": "Diuretics",
    "C04": "Peripheral vasodilators",
    "C05": "Vasoprotectives",
    "C07": "Beta blocking agents",
    "C08": "Calcium channel blockers",
    "C09": "Agents acting on the renin-angiotensin system",
    "C10": "Lipid modifying agents",
    "D": "Dermatologicals",
    "D01": "Antifungals for dermatological use",
    "D02": "Emollients and protectives",
    "D03": "Preparations for treatment of wounds and ulcers",
    "D04": "Antipruritics, incl. antihistamines, anesthetics, etc.",
    "D05": "Antipsoriatics",
    "D06": "Antibiotics and chemotherapeutics for dermatological use",
    "D07": "Corticosteroids, dermatological preparations",
    "D08": "Antiseptics and disinfectants",
    "D09": "Medicated dressings",
    "D10": "Anti-acne preparations",
    "D11": "Other dermatological preparations",
    "G": "Genito urinary system and sex hormones",
    "G01": "Gynecological antiinfectives and antiseptics",
    "G02": "Other gynecologicals",
    "G03": "Sex hormones and modulators of the genital system",
    "G04": "Urologicals",
    "H": "Systemic hormonal preparations, excl. sex hormones and insulins",
    "H01": "Pituitary and hypothalamic hormones and analogues",
    "H02": "Corticosteroids for systemic use",
    "H03": "Thyroid therapy",
    "H04": "Pancreatic hormones",
    "H05": "Calcium homeostasis",
    "J": "Antiinfectives for systemic use",
    "J01": "Antibacterials for systemic use",
    "J02": "Antimycotics for systemic use",
    "J04": "Antimycobacterials",
    "J05": "Antivirals for systemic use",
    "J06": "Immune sera and immunoglobulins",
    "J07": "Vaccines",
    "L": "Antineoplastic and immunomodulating agents",
    "L01": "Antineoplastic agents",
    "L02": "Endocrine therapy",
    "L03": "Immunostimulants",
    "L04": "Immunosuppressants",
    "M": "Musculo-skeletal system",
    "M01": "Antiinflammatory and antirheumatic products",
    "M02": "Topical products for joint and muscular pain",
    "M03": "Muscle relaxants",
    "M04": "Antigout preparations",
    "M05": "Drugs for treatment of bone diseases",
    "M09": "Other drugs for disorders of the musculo-skeletal system",
    "N": "Nervous system",
    "N01": "Anesthetics",
    "N02": "Analgesics",
    "N03": "Antiepileptics",
    "N04": "Anti-parkinson drugs",
    "N05": "Psycholeptics",
    "N06": "Psychoanaleptics",
    "N07": "Other nervous system drugs",
    "P": "Antiparasitic products, insecticides and repellents",
    "P01": "Antiprotozoals",
    "P02": "Anthelmintics",
    "P03": "Ectoparasiticides, incl. scabicides, insecticides and repellents",
    "R": "Respiratory system",
    "R01": "Nasal preparations",
    "R02": "Throat preparations",
    "R03": "Drugs for obstructive airway diseases",
    "R05": "Cough and cold preparations",
    "R06": "Antihistamines for systemic use",
    "R07": "Other respiratory system products",
    "S": "Sensory organs",
    "S01": "Ophthalmologicals",
    "S02": "Otologicals",
    "S03": "Ophthalmological and otological preparations",
    "V": "Various",
    "V01": "Allergens",
    "V03": "All other therapeutic products",
    "V04": "Diagnostic agents",
    "V06": "General nutrients",
    "V07": "All other non-therapeutic products",
    "V08": "Contrast media",
    "V09": "Diagnostic radiopharmaceuticals",
    "V10": "Therapeutic radiopharmaceuticals",
    "V20": "Surgical dressings",
}


def derive_atc(medications: pd.DataFrame) -> pd.DataFrame:
    """ATC1, ATC1CD … ATC4, ATC4CD: the classes a medication belongs to, as far down as its code reaches.

    What the coded data say themselves (ATC1 … ATC4CD as supplemental qualifiers) stands. Else codes
    are cut from CMCLASCD, and a name is CMCLAS where the code is of that very level, or the index
    name of the first two levels.

    Parameters
    ----------
    medications
        ``CMCLAS, CMCLASCD`` and ``ATC1, ATC1CD`` … ``ATC4, ATC4CD``, missing where not collected.

    Returns
    -------
    DataFrame
        The eight variables, same index. Code and name are missing below the level the code reaches
        and for what is no ATC code; a name also where nobody gives one.
    """
    code = medications["CMCLASCD"].str.strip().str.upper()
    code = code.where(code.str.fullmatch(_CODE).fillna(False).astype(bool))
    length = code.str.len().astype("float64")
    found = {}
    for level, places in LEVELS.items():
        cut = medications[f"ATC{level}CD"].fillna(code.str[:places].where(length >= places))
        own = medications["CMCLAS"].where((length == places) & (cut == code))
        found[f"ATC{level}"] = medications[f"ATC{level}"].fillna(own).fillna(cut.map(NAMES).astype("str"))
        found[f"ATC{level}CD"] = cut
    return pd.DataFrame(found, index=medications.index).astype("str").replace("nan", np.nan)
