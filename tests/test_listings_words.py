"""16.2.2.2 and 16.2.8.4: eligibility as recorded and as recomputed, and results that are words; decisions among dose-limiting events."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.derive.adie import derive_adie
from cgbm1_report.derive.adieck import derive_adieck
from cgbm1_report.derive.adlbq import derive_adlbq
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount.reviewed_listings import _tells_apart
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()

#: A was randomised and given the first infusion on 10 June, B failed screening, C had no data before that.
ADSL = """
USUBJID | STUDYID     | SITEID$ | PHASE | TRT01P  | TRT01PN | TRT01A  | TRT01AN | AGE | SEX | SCRNFL | RANDFL | SAFFL | FASFL | PPROTFL | DLTEVFL$ | TRTSDT     | TRTSDTM             | TRTEDT     | ANCHDT     | DTHDT | EOSDT      | EOSSTT
A       | NCT06740149 | 01      | 2     | Placebo | 0       | Placebo | 0       | 40  | F   | Y      | Y      | Y     | Y     | Y       | .        | 2025-06-10 | 2025-06-10T10:00 | 2025-06-10 | 2025-06-10 | .     | .          | ONGOING
B       | NCT06740149 | 01      | 2     | .       | .       | .       | .       | 50  | M   | Y      | N      | N     | N     | N       | .        | .          | . | .          | .          | .     | 2025-06-07 | DISCONTINUED
C       | NCT06740149 | 01      | 2     | .       | .       | .       | .       | 60  | M   | Y      | N      | N     | N     | N       | .        | .          | . | .          | .          | .     | 2025-06-07 | DISCONTINUED
"""
DM = """
USUBJID | ARMCD  | ACTARMCD | SCRPHASE | SEX | AGE | RFICDTC
A       | P2PLAC | P2PLAC   | 2        | F   | 40  | 2025-06-01
B       | .      | .        | 2        | M   | 50  | 2025-06-01
C       | .      | .        | 2        | M   | 60  | 2025-06-01
"""
DS = """
USUBJID | DSDECOD        | DSCAT              | DSSCAT              | DSSTDTC
A       | RANDOMIZED     | PROTOCOL MILESTONE | .                   | 2025-06-09
B       | SCREEN FAILURE | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-06-07
C       | SCREEN FAILURE | DISPOSITION EVENT  | STUDY PARTICIPATION | 2025-06-07
"""
#: Bilirubin asked for: 171, or a rise of 17.1 a day. A: 100 to 150 in five days, 10 a day. B: 120 alone; what came later counts not.
LB = """
USUBJID | LBSEQ | LBTESTCD | LBTEST             | LBCAT               | LBORRES  | LBORRESU | LBSTRESC | LBSTRESN | LBSTRESU | LBNRIND | VISITNUM | VISIT     | LBDTC
A       | 1     | BILI     | Bilirubin          | LIVER FUNCTION TEST | 100      | umol/L   | 100      | 100      | umol/L   | HIGH    | 1        | SCREENING | 2025-06-03
A       | 2     | BILI     | Bilirubin          | LIVER FUNCTION TEST | 150      | umol/L   | 150      | 150      | umol/L   | HIGH    | 2        | DAY 0     | 2025-06-08
A       | 3     | HCG      | Choriogonadotropin | PREGNANCY TEST      | NEGATIVE | .        | NEGATIVE | .        | .        | .       | 1        | SCREENING | 2025-06-03
A       | 4     | PROT     | Protein            | URINALYSIS          | 2+       | .        | 2+       | .        | .        | HIGH    | 1        | SCREENING | 2025-06-03
A       | 5     | PH       | pH                 | URINALYSIS          | .        | .        | .        | .        | .        | .       | 1        | SCREENING | 2025-06-03 # nothing was found
B       | 1     | BILI     | Bilirubin          | LIVER FUNCTION TEST | 120      | umol/L   | 120      | 120      | umol/L   | HIGH    | 1        | SCREENING | 2025-06-03
B       | 2     | BILI     | Bilirubin          | LIVER FUNCTION TEST | 300      | umol/L   | 300      | 300      | umol/L   | HIGH    | 9        | LATER     | 2025-06-20
"""
MB = """
USUBJID | MBSEQ | MBTESTCD | MBTEST | MBORRES  | MBSTRESC | MBSTRESN | VISITNUM | VISIT     | MBDTC
A       | 1     | HBSAG    | HBsAg  | Pos      | POSITIVE | .        | 1        | SCREENING | 2025-06
A       | 2     | HBVVLD   | HBV    | 1000     | 1000     | 1000     | 1        | SCREENING | 2025-06-03 # a parameter of ADLB
"""
IS = """
USUBJID | ISSEQ | ISTESTCD | ISTEST        | ISSCAT   | ISSTRESC | ISSTRESN | VISITNUM | VISIT     | ISDTC
B       | 1     | HIV12AB  | HIV antibody  | HIV      | POSITIVE | .        | 1        | SCREENING | 2025-06-03
A       | 1     | HIV12AB  | HIV antibody  | HIV      | NEGATIVE | .        | 1        | SCREENING | 2025-06-03
A       | 2     | HLA1MFI  | Anti-HLA MFI  | ANTI-HLA | .        | 900      | 1        | SCREENING | 2025-06-03 # stands with the antibodies
"""
EX = """
USUBJID | EXSEQ | EXTRT   | EXDOSE | EXSTDTC          | EXENDTC
A       | 1     | PLACEBO | 0      | 2025-06-10T10:00 | 2025-06-10T11:00
"""
#: What the form says: B rightly, C of whom nothing was measured, A wrongly (40 years).
IE = """
USUBJID | IESEQ | IETESTCD | IECAT     | IEORRES | IEDTC
A       | 1     | P2I02    | INCLUSION | N       | 2025-06
B       | 1     | P2I03B   | INCLUSION | N       | 2025-06-07
B       | 2     | P2E17    | EXCLUSION | Y       | 2025-06-07
C       | 1     | P2I05    | INCLUSION | N       | 2025-06-07
"""
SDTM = {name: draw(text) for name, text in {"DM": DM, "DS": DS, "LB": LB, "MB": MB, "IS": IS, "EX": EX, "IE": IE}.items()}
CHECKED = TRIAL.model_copy(
    update={
        "ie_criteria": {
            2: tuple(one for one in TRIAL.ie_criteria[2] if one.ietestcd in ("P2I02", "P2I03B", "P2I05", "P2E10", "P2E17"))
        }
    }
)


def rows(found: pd.DataFrame, names: list[str]) -> list[list[object]]:
    values = found[names].astype("object")
    return values.where(values.notna(), "").to_numpy().tolist()


def checked() -> pd.DataFrame:
    adsl = draw(ADSL)
    return derive_adieck(SDTM, adsl, derive_adie(SDTM, adsl, CHECKED), CHECKED, None)


def test_criterion_stands_as_recorded_beside_what_the_data_tell_of_it_and_the_value() -> None:
    found = checked()
    told = ["USUBJID", "ASEQ", "IETESTCD", "IENMFL", "IERCFL", "IERCVAL", "IEAGRFL"]
    assert rows(found, told) == [
        ["A", 1, "P2I02", "Y", "N", "Age 40", "N"],  # recorded, and the data say otherwise
        ["A", 2, "P2I03B", "N", "Y", "Total Bilirubin 150; daily rise 10", "N"],  # not recorded: 150 is less than 171, 10 than 17.1
        ["B", 1, "P2I03B", "Y", "Y", "Total Bilirubin 120", "Y"],  # of the screening, not of what came after it
        ["B", 2, "P2E17", "Y", "", "", ""],  # only the form can tell
        ["C", 1, "P2I05", "Y", "", "", ""],  # nothing was measured
    ]
    # B has a positive antibody, and no form says so: of a screen failure only what is recorded is recomputed.
    assert found.loc[found["IETESTCD"] == "P2E10"].empty


def test_listing_says_violated_or_not_in_words_and_the_date_as_collected() -> None:
    data = {"ADSL": draw(ADSL), "ADIECK": checked()}
    table = make(find("L16.2.2.2.2", TRIAL), TRIAL, data, stamp_of(TRIAL))
    assert [tuple(row.cells[name] for name in ("SUBJECT", "IETESTCD", "DATE", "IENMFL", "IERCFL")) for row in table.rows] == [
        ("A", "P2I02", "2025-06", "Violated", "Not violated"),
        ("A", "P2I03B", "", "Not recorded", "Violated"),
        ("B", "P2I03B", "2025-06-07", "Violated", "Violated"),
        ("B", "P2E17", "2025-06-07", "Violated", "Not checked"),
        ("C", "P2I05", "2025-06-07", "Violated", "Not checked"),
    ]
    assert table.rows[1].cells["IETEST"] == "Total bilirubin ≥ 171 µmol/L or mean daily rise ≥ 17.1 µmol/L"


def test_results_in_words_are_those_that_no_other_dataset_has() -> None:
    found = derive_adlbq(SDTM, draw(ADSL), TRIAL)
    told = ["USUBJID", "ASEQ", "PARCAT1", "PARAM", "ORRES", "AVALC", "SRCDOM", "SRCSEQ", "ADY"]
    assert rows(found, told) == [
        ["A", 1, "PREGNANCY TEST", "Choriogonadotropin", "NEGATIVE", "NEGATIVE", "LB", 3, -7],
        ["A", 2, "SEROLOGY", "HBsAg", "Pos", "POSITIVE", "MB", 1, ""],  # of unknown day
        ["A", 3, "SEROLOGY", "HIV antibody", "", "NEGATIVE", "IS", 1, -7],
        ["A", 4, "URINALYSIS", "Protein", "2+", "2+", "LB", 4, -7],
        ["B", 1, "SEROLOGY", "HIV antibody", "", "POSITIVE", "IS", 1, ""],
    ]


def test_listing_of_words_prints_what_was_collected_and_else_the_standard_word() -> None:
    data = {"ADSL": draw(ADSL), "ADLBQ": derive_adlbq(SDTM, draw(ADSL), TRIAL)}
    table = make(find("L16.2.8.4.2", TRIAL), TRIAL, data, stamp_of(TRIAL))
    told = ("PARAM", "DATE", "RESULT", "ANRIND")
    assert [tuple(row.cells[name] for name in told) for row in table.rows] == [
        ("Choriogonadotropin", "2025-06-03 (-7)", "NEGATIVE", ""),
        ("HBsAg", "", "Pos", ""),
        ("HIV antibody", "2025-06-03 (-7)", "NEGATIVE", ""),
        ("Protein", "2025-06-03 (-7)", "2+", "High"),
    ], "B was never dosed"


def test_column_that_prints_two_levels_alike_tells_neither_apart() -> None:
    words = {"0": "Event", "1": "Censored", "2": "Censored"}
    assert _tells_apart(words, ("0",))
    assert _tells_apart(words, ("1", "2"))
    assert not _tells_apart(words, ("1",))
