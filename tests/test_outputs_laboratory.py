"""Shift tables and high grades of the laboratory, counted by hand on six subjects, and a second time in SQL."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount import recount
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, find_row, our_trial, read_cells, stamp_of

TRIAL = our_trial()
ADSL = """
USUBJID | PHASE | SAFFL | TRT01P$ | TRT01A$ | TRTSDT     | SEX | PREGFL
P1      | 2     | Y     | Placebo | Placebo | 2025-01-01 | F   | Y
P2      | 2     | Y     | Placebo | Placebo | 2025-01-01 | M   | .
L1      | 2     | Y     | Low     | Low     | 2025-01-01 | F   | N
L2      | 2     | Y     | Low     | Low     | 2025-01-01 | M   | .
M1      | 2     | Y     | Medium  | Medium  | 2025-01-01 | F   | Y
N1      | 2     | N     | Medium  | .       | .          | F   | .     # never treated
O1      | 1     | Y     | Low     | Low     | 2025-01-01 | F   | Y     # of the other phase
"""
# An abnormal bilirubin is graded by multiples of the baseline, ATOXGR2 says the grade by the limits alone.
ADLB = """
USUBJID | PARAMCD | ASEQ | AVAL | BASE | ANRLO | ANRHI | ADT        | ADY | VISIT    | ABLFL | ONTRTFL | BTOXGRL$ | BTOXGRH$ | ATOXGRL$ | ATOXGRH$ | ATOXGR$ | ATOXGR2$ | BNRIND | ANRIND | ATOXDSCL | ATOXDSCH
P1      | BILI    | 1    | 300  | 300  | .     | 23    | 2024-12-30 | -2  | SCREEN   | Y     | .       | .        | 4        | .        | 4        | 4       | 4        | HIGH   | HIGH   | .        | Blood bilirubin increased
P1      | BILI    | 2    | 200  | 300  | .     | 23    | 2025-01-08 | 8   | DAY 7    | .     | Y       | .        | 4        | .        | 0        | 0       | 3        | HIGH   | HIGH   | .        | .
P1      | BILI    | 3    | 950  | 300  | .     | 23    | 2025-01-15 | 15  | DAY 14   | .     | Y       | .        | 4        | .        | 3        | 3       | 4        | HIGH   | HIGH   | .        | Blood bilirubin increased
P2      | BILI    | 1    | 310  | 310  | .     | 23    | 2024-12-30 | -2  | SCREEN   | Y     | .       | .        | 4        | .        | 4        | 4       | 4        | HIGH   | HIGH   | .        | .       # no result after the dose
L1      | BILI    | 1    | 60   | 60   | .     | 23    | 2024-12-30 | -2  | SCREEN   | Y     | .       | .        | 2        | .        | 2        | 2       | 2        | HIGH   | HIGH   | .        | .
L1      | BILI    | 2    | 20   | 60   | .     | 23    | 2025-01-08 | 8   | DAY 7    | .     | Y       | .        | 2        | .        | 0        | 0       | 0        | HIGH   | NORMAL | .        | .
L2      | BILI    | 1    | 90   | .    | .     | 23    | 2025-01-08 | 8   | DAY 7    | .     | Y       | .        | .        | .        | 3        | 3       | 3        | .      | HIGH   | .        | Blood bilirubin increased   # no baseline
P1      | K       | 4    | 3.2  | 3.2  | 3.5   | 5.3   | 2024-12-30 | -2  | SCREEN   | Y     | .       | 1        | 0        | 1        | 0        | 1       | 1        | LOW    | LOW    | Hypokalemia | .
P1      | K       | 5    | 7.1  | 3.2  | 3.5   | 5.3   | 2025-01-08 | 8   | DAY 7    | .     | Y       | 1        | 0        | 0        | 4        | 4       | 4        | LOW    | HIGH   | .        | Hyperkalemia                # from low to high
P1      | K       | 6    | 2.8  | 3.2  | 3.5   | 5.3   | 2025-01-15 | 15  | DAY 14   | .     | Y       | 1        | 0        | 3        | 0        | 3       | 3        | LOW    | LOW    | Hypokalemia | .
M1      | K       | 1    | 4.0  | 4.0  | 3.5   | 5.3   | 2024-12-30 | -2  | SCREEN   | Y     | .       | 0        | 0        | 0        | 0        | 0       | 0        | NORMAL | NORMAL | .        | .
M1      | K       | 2    | 4.1  | 4.0  | 3.5   | 5.3   | 2025-01-08 | 8   | DAY 7    | .     | Y       | 0        | 0        | 0        | 0        | 0       | 0        | NORMAL | NORMAL | .        | .
N1      | K       | 1    | 7.2  | 4.0  | 3.5   | 5.3   | 2025-01-08 | .   | DAY 7    | .     | .       | 0        | 0        | 0        | 4        | 4       | 4        | NORMAL | HIGH   | .        | Hyperkalemia
O1      | K       | 1    | 7.2  | 4.0  | 3.5   | 5.3   | 2025-01-08 | 8   | DAY 7    | .     | Y       | 0        | 0        | 0        | 4        | 4       | 4        | NORMAL | HIGH   | .        | Hyperkalemia
"""
#: P1 rises above normal alone, L1 above the level it improved to alone, L2 not quite twice normal in bilirubin; M1 has no values.
ADLBHY = """
USUBJID | PARAMCD  | AVAL | AVALC                | CRIT1FL
P1      | MALTULN  | 10   | .                    | .
P1      | MASTULN  | 2.99 | .                    | .
P1      | MBILULN  | 2.01 | .                    | .
P1      | MALPULN  | 1.9  | .                    | .
P1      | MALTB    | 1.2  | .                    | .
P1      | MALTRB   | 300  | .                    | .
P1      | MBILRB   | 34.1 | .                    | .
P1      | EDISHULN | .    | ENZYME AND BILIRUBIN | Y
P1      | CHOLULN  | .    | BILIRUBIN ONLY       | Y
P1      | HYSLAW   | .    | Y                    | .
P1      | HYSBASE  | .    | N                    | .
P2      | MALTULN  | 1    | .                    | .
P2      | MASTULN  | 3    | .                    | .      # AST alone, no bilirubin: stands nowhere
P2      | MALTRB   | -20  | .                    | .      # never came up to its level
L1      | MALTULN  | 2.5  | .                    | .
L1      | MALTNB   | 5.5  | .                    | .
L1      | MALTRNB  | 100  | .                    | .
L1      | EDISHULN | .    | NEITHER              | N
L1      | HYSLAW   | .    | N                    | .
L1      | HYSNADIR | .    | Y                    | .
L2      | MBILULN  | 2    | .                    | .      # not above 2
L2      | MALPULN  | 2    | .                    | .
L2      | EDISHULN | .    | ENZYME AND BILIRUBIN | N
O1      | MALTULN  | 30   | .                    | .      # of the other phase
"""
#: P1 becomes positive twice, L1 was positive before, M1 has no sample after the first infusion.
ADIS = """
USUBJID | PARAMCD | ONTRTFL | TEPOSFL | AVALC
P1      | HLAAB   | .       | .       | NEGATIVE
P1      | HLAAB   | Y       | Y       | POSITIVE
P1      | HLAAB   | Y       | Y       | POSITIVE
L1      | HLAAB   | .       | .       | POSITIVE
L1      | HLAAB   | Y       | .       | POSITIVE
M1      | HLAAB   | .       | .       | NEGATIVE
"""
ADAM = {"ADSL": draw(ADSL), "ADLB": draw(ADLB), "ADLBHY": draw(ADLBHY), "ADIS": draw(ADIS)}
BILI, K = "Total Bilirubin (µmol/L)", "Potassium (mmol/L)"


def table(number: str) -> Table:
    made = make(find(number, TRIAL), TRIAL, ADAM, stamp_of(TRIAL))
    assert isinstance(made, Table)
    return made


#: Worst grade 0, 1, 2, 3, 4, missing.
GRADES = {
    f"{BILI}, high | Total Bilirubin high, Grade 4 | Placebo (N=2)": [
        "0",
        "0",
        "0",
        "1 (50.0)",
        "0",
        "1 (50.0)",
    ],  # P1, and P2 without a result after
    f"{BILI}, high | Total Bilirubin high, Grade 2 | Low (N=2)": ["1 (50.0)", "0", "0", "0", "0", "0"],  # L1
    f"{BILI}, high | Total Bilirubin high, Missing | Low (N=2)": ["0", "0", "0", "1 (50.0)", "0", "0"],  # L2 without a baseline
    f"{BILI}, high | Total Bilirubin high, Missing | Total (N=5)": [
        "0",
        "0",
        "0",
        "1 (20.0)",
        "0",
        "1 (20.0)",
    ],  # L2, and M1 without any result
    f"{BILI}, high, graded by the limits of normal alone | Total Bilirubin by limits alone, Grade 4 | Total (N=5)": [
        "0",
        "0",
        "0",
        "0",
        "1 (20.0)",
        "1 (20.0)",
    ],
    f"{K}, low | Potassium low, Grade 1 | Placebo (N=2)": ["0", "0", "0", "1 (50.0)", "0", "0"],  # P1: 3.2, then 2.8
    f"{K}, high | Potassium high, Grade 0 | Placebo (N=2)": ["0", "0", "0", "0", "1 (50.0)", "0"],  # P1: 3.2, then 7.1
    f"{K}, high | Potassium high, Grade 0 | Total (N=5)": ["1 (20.0)", "0", "0", "0", "1 (20.0)", "0"],
}
#: Lowest: low, normal, high, missing; highest: the same.
RANGES = {
    f"{K} | Potassium, Low | Placebo (N=2)": ["1 (50.0)", "0", "0", "0", "0", "0", "1 (50.0)", "0"],
    f"{K} | Potassium, Normal | Medium (N=1)": ["0", "1 (100.0)", "0", "0", "0", "1 (100.0)", "0", "0"],
    f"{K} | Potassium, Missing | Total (N=5)": ["0", "0", "0", "3 (60.0)", "0", "0", "0", "3 (60.0)"],
    f"{BILI} | Total Bilirubin, High | Total (N=5)": [
        "0",
        "1 (20.0)",
        "1 (20.0)",
        "1 (20.0)",
        "0",
        "1 (20.0)",
        "1 (20.0)",
        "1 (20.0)",
    ],
}
#: Placebo, low, medium, total.
SEVERE = {
    "Any laboratory result of grade 3 or higher": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
    f"{BILI}, high": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
    f"{BILI}, high | Worst grade 3": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
    f"{K}, low | Worst grade 3": ["1 (50.0)", "0", "0", "1 (20.0)"],
    f"{K}, high | Worst grade 3": ["0", "0", "0", "0"],
    f"{K}, high | Worst grade 4": ["1 (50.0)", "0", "0", "1 (20.0)"],
}


#: Placebo, low, medium, total.
INJURY = {
    # Of whom a highest multiple is known: both on placebo, L1 of two.
    "Highest multiple of ULN | Max ALT / ULN, evaluable": ["2", "1", "0", "3"],
    "Highest multiple of ULN | Max ALT / ULN, evaluable | ≥10": ["1/2 (50.0)", "0/1", "-", "1/3 (33.3)"],
    "Highest multiple of ULN | Max AST / ULN, evaluable | ≥3": ["1/2 (50.0)", "-", "-", "1/2 (50.0)"],
    "Highest multiple of ULN | Max Bilirubin / ULN, evaluable | >2": ["1/1 (100.0)", "0/1", "-", "1/2 (50.0)"],
    "Highest multiple of ULN | Max ALP / ULN, evaluable | ≥2": ["0/1", "1/1 (100.0)", "-", "1/2 (50.0)"],
    "Highest multiple of ULN | ALT or AST, evaluable": ["2", "1", "0", "3"],
    "Highest multiple of ULN | ALT or AST, evaluable | ≥3": ["2/2 (100.0)", "0/1", "-", "2/3 (66.7)"],
    "Highest multiple of ULN | ALT or AST, evaluable | ≥5": ["1/2 (50.0)", "0/1", "-", "1/3 (33.3)"],
    "Highest multiple of the level before treatment, in subjects who had one | ALT or AST, evaluable | ≥3": [
        "0/1",
        "-",
        "-",
        "0/1",
    ],
    "Highest multiple of the new lower baseline, in subjects who had one | ALT or AST, evaluable | ≥5": [
        "-",
        "1/1 (100.0)",
        "-",
        "1/1 (100.0)",
    ],
    "Max Rise of ALT above Baseline (U/L), evaluable | ≥100": ["1/2 (50.0)", "-", "-", "1/2 (50.0)"],
    "Max Rise of ALT above Baseline (U/L), evaluable | ≥300": ["1/2 (50.0)", "-", "-", "1/2 (50.0)"],
    "Max Rise of ALT above Baseline (U/L), evaluable | ≥500": ["0/2", "-", "-", "0/2"],
    "Max Rise of Bilirubin above Baseline (µmol/L), evaluable | ≥34.2": ["0/1", "-", "-", "0/1"],
    "Max Rise of ALT above New Lower Baseline (U/L), evaluable | ≥100": ["-", "1/1 (100.0)", "-", "1/1 (100.0)"],
    "ALT or AST and Bilirubin in Multiples of ULN, evaluable": ["1", "2", "0", "3"],
    "ALT or AST and Bilirubin in Multiples of ULN, evaluable | Hy's law range": ["1/1 (100.0)", "1/2 (50.0)", "-", "2/3 (66.7)"],
    # Of those in the range.
    "Hy's law range | Bilirubin peak within 30 days": ["1/1 (100.0)", "0/1", "-", "1/2 (50.0)"],
    "ALT or AST and Bilirubin in Multiples of ULN, evaluable | Neither": ["0/1", "1/2 (50.0)", "-", "1/3 (33.3)"],
    "ALP and Bilirubin in Multiples of ULN, evaluable | Hyperbilirubinaemia": ["1/1 (100.0)", "-", "-", "1/1 (100.0)"],
    "Potential Hy's Law, evaluable": ["1", "1", "0", "2"],
    "Potential Hy's Law, evaluable | Criteria met": ["1/1 (100.0)", "0/1", "-", "1/2 (50.0)"],
    "Hy's Law Adjusted to the New Lower Baseline, evaluable | Criteria met": ["-", "1/1 (100.0)", "-", "1/1 (100.0)"],
}
FINDINGS = {
    "Women": ["1", "1", "1", "3"],
    "Women | Negative test in time before the first infusion": ["1", "0", "1", "2"],
    "Women | No negative test in time, or a positive one": ["0", "1", "0", "1"],
    "Anti-HLA antibody (class I or II) | With a sample after the start of the first infusion": ["1", "1", "0", "2"],
    "Anti-HLA antibody (class I or II) | Positive after a negative baseline": ["1", "0", "0", "1"],
}
COUNTED = [
    ("T14.3.4.2.2", GRADES), ("T14.3.4.3.2", RANGES), ("T14.3.4.5.2", SEVERE), ("T14.3.4.4.2", INJURY), ("T14.3.5.2.2", FINDINGS),
]  # fmt: skip


@pytest.mark.parametrize(("number", "cells"), COUNTED)
def test_subjects_stand_where_they_were_counted_by_hand(number: str, cells: dict[str, list[str]]) -> None:
    made = table(number)
    assert {row: read_cells(made, row) for row in cells} == cells


def test_denominators_that_differ_are_explained_in_one_note_and_by_the_heads_of_their_rows() -> None:
    made = table("T14.3.4.4.2")
    (note,) = [one for one in made.footnotes if "Evaluable" in one]
    assert made.footnotes.index(note) == 0
    assert "Of a new lower baseline these are only those who had improved to it before the result." in note
    assert [row.label for row in made.rows if not row.indent] == [
        "Highest multiple of ULN",
        "Highest multiple of the level before treatment, in subjects who had one",
        "Highest multiple of the new lower baseline, in subjects who had one",
        "Highest rise above the level before treatment, in subjects who had one",
        "Highest rise above the new lower baseline, in subjects who had one",
        "Ranges of the highest multiples, in subjects with both tests",
        "Screens for liver injury, in subjects with both tests",
    ]


def test_cells_of_a_test_and_group_add_up_to_the_population() -> None:
    for number, halves in (("T14.3.4.2.2", 1), ("T14.3.4.3.2", 2)):
        counts = table(number).ard.query("stat_name == 'n' and column == 'Total'")
        series = counts["row"].str.extract(r'^\[\["PARAMCD","(\w+)"\],\["([^"]+)"')
        assert set(counts["stat"].groupby([series[0], series[1]]).sum()) == {5.0 * halves}


def test_a_baseline_that_nobody_has_has_no_row() -> None:
    with pytest.raises(LookupError):
        find_row(table("T14.3.4.2.2"), f"{K}, high | Potassium high, Grade 1 | Total (N=5)")


def test_listing_has_what_the_table_counts_with_range_and_baseline() -> None:
    made = table("L14.3.4.1.2")
    told = [[row.cells[name] for name in ("SUBJECT", "TEST", "DATE", "VALUE", "RANGE", "BEFORE", "GRADE")] for row in made.rows]
    assert told == [
        ["P1", BILI, "2025-01-15 (15)", "950.0", "<=23.0", "300.0", "3"],
        ["P1", K, "2025-01-08 (8)", "7.1", "3.5 to 5.3", "3.2", "4"],
        ["P1", K, "2025-01-15 (15)", "2.8", "3.5 to 5.3", "3.2", "3"],
        ["L2", BILI, "2025-01-08 (8)", "90.0", "<=23.0", "", "3"],
    ]
    assert made.rows[1].cells["TERM"] == "Hyperkalemia"


@pytest.mark.parametrize("number", [number for number, _ in COUNTED])
def test_second_count_gives_the_same_and_finds_a_subject_in_the_wrong_cell(number: str, tmp_path: Path) -> None:
    for name, frame in ADAM.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    facts = [tell_facts(number, find(number, TRIAL), TRIAL)]
    ard = table(number).ard
    counted = recount(tmp_path, ard, facts)
    assert ([str(one) for one in counted.differences], counted.unasked) == ([], {number: {}})
    # One more in a cell that somebody stands in.
    wrong = ard["stat_name"].eq("n") & ard["stat"].eq(1) & ard["column"].eq("Total")
    planted = ard.assign(stat=ard["stat"].mask(wrong, 2))
    assert len(recount(tmp_path, planted, facts).differences) == wrong.sum() > 1


def test_subject_without_a_result_is_missing_in_the_second_count_too(tmp_path: Path) -> None:
    for name, frame in ADAM.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    number = "T14.3.4.2.2"
    key = (("PARAMCD", "BILI"), ("BTOXGRH", "Missing"), ("worst grade", "Missing"))
    told = pd.DataFrame([[number, write_key(key), "Medium", "tabulate", "n", 0.0]])
    told.columns = pd.Index(["output", "row", "column", "context", "stat_name", "stat"])
    (found,) = recount(tmp_path, told, [tell_facts(number, find(number, TRIAL), TRIAL)]).differences
    assert "first computed as 0, then as 1" in str(found)
