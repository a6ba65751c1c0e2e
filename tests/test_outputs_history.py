"""14.1 What subjects had, deviated from and were given, on small drawn data: every number counted by hand."""

import pandas as pd
import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import find, make
from tests.drawn import draw, our_trial, read_cells, stamp_of

TRIAL = our_trial()

ADSL = """
USUBJID | PHASE | SCRNFL | SAFFL | FASFL | PPROTFL | TRT01P | TRT01A
1-01    | 1     | Y      | Y     | Y     | Y       | Low    | Low
1-02    | 1     | Y      | Y     | Y     | N       | Low    | Low
1-03    | 1     | Y      | Y     | Y     | Y       | Low    | Low
1-04    | 1     | Y      | Y     | Y     | Y       | Medium | Medium
1-09    | 1     | Y      | N     | N     | N       | .      | .        # screen failure: never counts
"""


def output(number, **data):
    return make(find(number, TRIAL), TRIAL, {"ADSL": draw(ADSL), **data}, stamp_of(TRIAL))


def test_history_counts_a_subject_once_per_class_and_term_and_names_what_is_not_coded():
    history = draw("""
    USUBJID | MHSEQ | MHTERM      | MHBODSYS | MHDECOD
    1-01    | 1     | hepatitis b | Liver    | Hepatitis B
    1-01    | 2     | hep. B      | LIVER    | HEPATITIS B   # the same condition again, spelt otherwise
    1-02    | 1     | hepatitis b | Liver    | Hepatitis B
    1-02    | 2     | gout        | Joints   | Gout
    1-03    | 1     | a rare one  | .        | .             # uncoded: a row of its own, never left out
    1-04    | 1     | cirrhosis   | Liver    | Cirrhosis
    1-09    | 1     | hepatitis b | Liver    | Hepatitis B
    """)
    table = output("T14.1.6.1", ADMH=history)
    assert [(row.label, list(row.cells.values())) for row in table.rows] == [
        ("Subjects with at least one condition", ["3 (100.0)", "1 (100.0)", "-", "4 (100.0)"]),
        ("Liver", ["2 (66.7)", "1 (100.0)", "-", "3 (75.0)"]),
        ("Hepatitis B", ["2 (66.7)", "0", "-", "2 (50.0)"]),
        ("Cirrhosis", ["0", "1 (100.0)", "-", "1 (25.0)"]),
        ("Joints", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        ("Gout", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        ("Uncoded", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        ("Uncoded", ["1 (33.3)", "0", "-", "1 (25.0)"]),
    ]


PROCEDURES = """
USUBJID | PRSEQ | PRDECOD                   | PREFL | ONTRTFL
1-01    | 1     | ARTIFICIAL LIVER SUPPORT  | Y     | .        # before the first infusion: not concomitant
1-01    | 2     | ARTIFICIAL LIVER SUPPORT  | .     | Y        # two sessions of one subject
1-01    | 3     | ARTIFICIAL LIVER SUPPORT  | .     | Y
1-02    | 1     | ARTIFICIAL LIVER SUPPORT  | Y     | Y        # of unknown day: either may be
1-04    | 1     | LIVER TRANSPLANTATION     | .     | Y
1-04    | 2     | PARACENTESIS              | .     | Y
"""


def test_procedures_on_treatment_count_subjects_and_every_session():
    table = output("T14.1.8.1", ADPR=draw(PROCEDURES))
    cells = {row.label: list(row.cells.values()) for row in table.rows}
    assert cells == {
        "Subjects with at least one concomitant procedure": ["2 (66.7) [3]", "1 (100.0) [2]", "-", "3 (75.0) [5]"],
        "Liver transplantation": ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"],
        "Artificial liver support": ["2 (66.7) [3]", "0", "-", "2 (50.0) [3]"],
        "Renal replacement therapy": ["0", "0", "-", "0"],
        "Mechanical ventilation": ["0", "0", "-", "0"],
        "Paracentesis": ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"],
    }


def test_procedure_outside_its_codelist_stops_the_table():
    with pytest.raises(
        ReportError, match=r"ADPR: 1-01: PRDECOD is 'LITHOTRIPSY' in 6 records, which is none of LIVER TRANSPLANTATION"
    ):
        output("T14.1.8.1", ADPR=draw(PROCEDURES).assign(PRDECOD="LITHOTRIPSY"))


DEVIATIONS = """
USUBJID | DVSEQ | DVDECOD      | DVIMPFL | DVPPSFL
1-01    | 1     | VISIT WINDOW | .       | .          # minor: not in this table
1-02    | 1     | ELIGIBILITY  | Y       | Y
1-02    | 2     | DOSING       | Y       | .
1-02    | 3     | DOSING       | Y       | Y          # excluded once, for two reasons
1-04    | 1     | OTHER        | Y       | .
1-09    | 1     | ELIGIBILITY  | Y       | .          # never in the full analysis set
"""


def test_important_deviations_are_counted_by_kind_and_by_what_they_exclude_from():
    table = output("T14.1.3.1", ADDV=draw(DEVIATIONS))
    assert read_cells(table, "Subjects with at least one important protocol deviation") == [
        "1 (33.3) [3]", "1 (100.0) [1]", "-", "2 (50.0) [4]",
    ]  # fmt: skip
    kinds = {row.label: list(row.cells.values()) for row in table.rows if row.indent}
    assert kinds["Eligibility"] == ["1 (33.3) [1]", "0", "-", "1 (25.0) [1]"]
    assert kinds["Dosing"] == ["1 (33.3) [2]", "0", "-", "1 (25.0) [2]"]
    assert kinds["Other"] == ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"]
    # The codelist is printed whole, what says little last.
    assert list(kinds) == [
        "Eligibility", "Dosing", "Visit window", "Prohibited medication", "Procedure missed", "Unblinding", "Other",
    ]  # fmt: skip
    assert read_cells(table, "Leading to exclusion from the Per-Protocol Set") == ["1 (33.3) [2]", "0", "-", "1 (25.0) [2]"]


def test_cut_without_a_deviation_prints_zeros():
    table = output("T14.1.3.1", ADDV=draw(DEVIATIONS).iloc[:0].astype("str"))
    assert {cell for row in table.rows for cell in row.cells.values()} == {"0", "-"}


#: The variables of the disease that no case below is about are drawn missing.
DISEASE = """
USUBJID | ETIOL       | ACLFGRBL | MELDBL | MELDGR1 | OFREGBL | BILIBL | HEBL | ALSBLFL
1-01    | HEPATITIS B | 0        | 20.4   | <25     | 1       | 200.0  | Y    | Y
1-02    | ALCOHOL     | 2        | 25.0   | >=25    | 2       | 310.5  | Y    | N
1-03    | HEPATITIS B | .        | .      | .       | 0       | 250.0  | N    | N       # no score: Missing, never in a group
1-04    | OTHER       | 2        | 30.2   | >=25    | 3       | .      | N    | N
1-09    | OTHER       | 3        | 39.0   | >=25    | 3       | 500.0  | Y    | Y
"""


def test_disease_at_baseline_is_told_by_groups_scores_values_and_complications():
    adsl = draw(ADSL).merge(draw(DISEASE), on="USUBJID")
    listed = [line.variable for line in TRIAL.baseline_disease] + [one.baseline_flag for one in TRIAL.complications]
    numbers = {line.variable for line in TRIAL.baseline_disease if line.of or line.variable == "HEGRBL"}
    for name in listed:
        if name not in adsl:
            adsl[name] = pd.Series(dtype="float64" if name in numbers else "str")
    table = output("T14.1.5.1", ADSL=adsl)
    assert read_cells(table, "Aetiology of the chronic liver disease, n (%) | Hepatitis B") == ["2 (66.7)", "0", "-", "2 (50.0)"]
    assert read_cells(table, "ACLF grade (EASL-CLIF), n (%) | No ACLF") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    assert read_cells(table, "ACLF grade (EASL-CLIF), n (%) | 2") == ["1 (33.3)", "1 (100.0)", "-", "2 (50.0)"]
    assert read_cells(table, "ACLF grade (EASL-CLIF), n (%) | Missing") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    # 20.4 and 25.0: mean 22.7, SD 4.6/sqrt(2) = 3.253; with 30.2: mean 25.2, SD sqrt((4.8^2 + 0.2^2 + 5.0^2)/2) = 4.903
    assert read_cells(table, "MELD | Mean (SD)") == ["22.7 (3.25)", "30.2 (-)", "-", "25.2 (4.90)"]
    assert read_cells(table, "MELD group, n (%) | ≥25") == ["1 (33.3)", "1 (100.0)", "-", "2 (50.0)"]
    assert read_cells(table, "Number of Organ Failures (registry rule) | Median") == ["1.0", "3.0", "-", "1.5"]
    assert read_cells(table, "Total Bilirubin (µmol/L) | Min, Max") == ["200.0, 310.5", "-", "-", "200.0, 310.5"]
    present = "Complications present at baseline, n (%)"
    assert read_cells(table, f"{present} | Hepatic encephalopathy") == ["2 (66.7)", "0", "-", "2 (50.0)"]
    assert read_cells(table, f"{present} | Infection") == ["0", "0", "-", "0"]


MEDICATIONS = """
USUBJID | CMSEQ | CMDECOD   | ATC1CD | ATC1      | ATC2CD | ATC2       | CMSCAT         | PREFL | CONFL
1-01    | 1     | ENTECAVIR | J      | Infection | J05    | Antivirals | .              | Y     | Y      # begun before, went on: both
1-01    | 2     | Entecavir | J      | Infection | J05    | Antivirals | .              | .     | Y      # the same again
1-02    | 1     | ENTECAVIR | J      | Infection | J05    | Antivirals | .              | Y     | .      # ended before the first dose
1-02    | 2     | ALBUMIN   | B      | Blood     | B05    | .          | PLASMA/ALBUMIN | .     | Y      # nobody names the class
1-03    | 1     | A HERB    | .      | .         | .      | .          | OTHER          | .     | Y      # no class: named so
1-04    | 1     | ASPIRIN   | B      | Blood     | B01    | Thinners   | .              | .     | Y
1-09    | 1     | ASPIRIN   | B      | Blood     | B01    | Thinners   | .              | .     | .      # never dosed
"""


def test_medications_are_counted_once_before_and_once_since_the_first_dose_by_class_and_name():
    table = output("T14.1.7.1", ADCM=draw(MEDICATIONS))
    assert [(row.indent, row.label, list(row.cells.values())) for row in table.rows[:16]] == [
        (0, "Subjects with at least one prior medication", ["2 (66.7)", "0", "-", "2 (50.0)"]),
        (1, "Infection", ["2 (66.7)", "0", "-", "2 (50.0)"]),
        (2, "Antivirals", ["2 (66.7)", "0", "-", "2 (50.0)"]),
        (3, "ENTECAVIR", ["2 (66.7)", "0", "-", "2 (50.0)"]),
        (0, "Subjects with at least one concomitant medication", ["3 (100.0)", "1 (100.0)", "-", "4 (100.0)"]),
        (1, "Blood", ["1 (33.3)", "1 (100.0)", "-", "2 (50.0)"]),
        (2, "B05", ["1 (33.3)", "0", "-", "1 (25.0)"]),  # as printed: B05 before Thinners
        (3, "ALBUMIN", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (2, "Thinners", ["0", "1 (100.0)", "-", "1 (25.0)"]),
        (3, "ASPIRIN", ["0", "1 (100.0)", "-", "1 (25.0)"]),
        (1, "Infection", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (2, "Antivirals", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (3, "ENTECAVIR", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (1, "Uncoded", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (2, "Uncoded", ["1 (33.3)", "0", "-", "1 (25.0)"]),
        (3, "A HERB", ["1 (33.3)", "0", "-", "1 (25.0)"]),
    ]
    assert read_cells(table, "Subjects with conventional treatment") == ["2 (66.7)", "0", "-", "2 (50.0)"]
    assert read_cells(table, "Subjects with conventional treatment | Plasma/albumin") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    assert read_cells(table, "Subjects with conventional treatment | Vasopressor") == ["0", "0", "-", "0"]
    assert table.rows[-1].label == "Other"
