"""16.2.1 to 16.2.5 by subject, on small drawn data: what stands in each row, what a blind page withholds, what is derived for it."""

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.derive.populations import derive_undosed
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount import recount
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()

#: Phase 2: A on placebo, B randomised to Low and given Medium, C randomised and never dosed; D and E failed screening, F waits.
ADSL = """
USUBJID | PHASE | SCRNFL | RANDFL | SAFFL | FASFL | PPROTFL | TRT01P  | TRT01A  | RFICDT     | RANDDT     | TRTSDT     | EOSSTT       | EOSDT      | DCSREAS        | AGE | SEX | PPSEXCL   | SAFEXCL
A       | 2     | Y      | Y      | Y     | Y     | Y       | Placebo | Placebo | 2025-06-01 | 2025-06-03 | 2025-06-04 | COMPLETED    | 2025-12-02 | .              | 40  | F   | .         | .
B       | 2     | Y      | Y      | Y     | Y     | N       | Low     | Medium  | 2025-06-01 | 2025-06-03 | 2025-06-04 | DISCONTINUED | 2025-07-01 | DEATH          | 50  | M   | DEVIATION | .
C       | 2     | Y      | Y      | N     | Y     | N       | Low     | .       | 2025-06-01 | 2025-06-03 | .          | DISCONTINUED | 2025-06-05 | DEATH          | 60  | M   | NOT DOSED | NOT DOSED
D       | 2     | Y      | N      | N     | N     | N       | .       | .       | 2025-06-02 | .          | .          | DISCONTINUED | 2025-06-03 | SCREEN FAILURE | 61  | M   | .         | .
E       | 2     | Y      | N      | N     | N     | N       | .       | .       | 2025-06-02 | .          | .          | DISCONTINUED | 2025-06-03 | WITHDRAWAL BY SUBJECT | 62  | F   | .         | .
F       | 2     | Y      | N      | N     | N     | N       | .       | .       | 2025-06-02 | .          | .          | ONGOING      | .          | .              | 63  | F   | .         | .
"""
ADIE = """
USUBJID | IESEQ | IETESTCD | IETEST       | IECAT     | ADT
D       | 1     | P2E03    | Bleeding     | EXCLUSION | 2025-06-03
D       | 2     | P2I02    | Age >= 18 years | INCLUSION | 2025-06-03
B       | 1     | P2E03    | Bleeding     | EXCLUSION | 2025-06-03    # let in all the same: no screen failure
"""


def listing(number, pooled=False, **data):
    return make(find(number, TRIAL), TRIAL, {"ADSL": draw(ADSL), **data}, stamp_of(TRIAL), pooled=pooled)


def cells(table, *columns):
    return [tuple(row.cells[name] for name in ("SUBJECT", *columns)) for row in table.rows]


def test_screen_failures_are_listed_with_each_criterion_and_without_one_by_their_reason():
    table = listing("L16.2.1.2.2", ADIE=draw(ADIE))
    assert cells(table, "DEMOGRAPHY", "DCSREAS", "IECAT", "IETEST") == [
        ("D", "61/M", "Screen failure", "Exclusion criterion met", "Bleeding"),
        ("D", "61/M", "Screen failure", "Inclusion criterion not met", "Age ≥ 18 years"),
        ("E", "62/F", "Withdrawal by subject", "", ""),
    ]
    assert "GROUP" not in [column.key for column in table.columns], "who failed screening has no arm"


def test_screen_failures_are_listed_by_their_reason_where_no_criteria_were_collected():
    table = listing("L16.2.1.2.2")
    assert cells(table, "DEMOGRAPHY", "DCSREAS") == [("D", "61/M", "Screen failure"), ("E", "62/F", "Withdrawal by subject")]
    assert [column.key for column in table.columns] == ["SUBJECT", "RFICDT", "DEMOGRAPHY", "EOSDT", "DCSREAS"]
    assert any("not told by criterion" in note for note in table.footnotes)


@pytest.mark.parametrize(("data", "rows"), [({"ADIE": ADIE}, 3), ({}, 2)], ids=["with criteria", "without"])
def test_second_count_lists_the_same_screen_failures_with_and_without_criteria(data, rows, tmp_path):
    frames = {name: draw(text) for name, text in data.items()}
    table = listing("L16.2.1.2.2", **frames)
    for name, frame in {"ADSL": draw(ADSL), **frames}.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    facts = [tell_facts(table.number, find("L16.2.1.2.2", TRIAL), TRIAL)]
    counted = recount(tmp_path, table.ard, facts)
    assert (len(table.rows), [str(one) for one in counted.differences], counted.unasked) == (rows, [], {table.number: {}})
    # One who is left out of the page is told.
    assert recount(tmp_path, table.ard[table.ard["row"] != table.ard["row"].iloc[-1]], facts).differences


def test_disposition_lists_everybody_in_the_order_of_the_planned_groups_and_those_without_one_last():
    table = listing("L16.2.1.1.2")
    assert cells(table, "GROUP", "EOSSTT", "DCSREAS") == [
        ("A", "Placebo", "Completed", ""),
        ("B", "Low", "Discontinued", "Death"),
        ("C", "Low", "Discontinued", "Death"),
        ("D", "", "Discontinued", "Screen failure"),
        ("E", "", "Discontinued", "Withdrawal by subject"),
        ("F", "", "Ongoing", ""),
    ]


def test_who_is_outside_a_set_is_listed_with_all_sets_and_their_reasons_and_no_screen_failure_is():
    table = listing("L16.2.3.1.2")
    assert cells(table, "SETS", "SAFEXCL", "PPSEXCL") == [
        ("B", "Per-Protocol Set", "", "Deviation"),
        ("C", "Safety Analysis Set; Per-Protocol Set", "Not dosed", "Not dosed"),
    ]


def test_assignment_tells_planned_and_actual_and_while_blind_only_that_there_was_one():
    numbered = draw(ADSL).assign(RANDNO="R1")
    opened = listing("L16.2.1.3.2", ADSL=numbered)
    assert cells(opened, "RANDNO", "GROUP", "TRT01A") == [
        ("A", "R1", "Placebo", "Placebo"), ("B", "R1", "Low", "Medium"), ("C", "R1", "Low", ""),
    ]  # fmt: skip
    blind = listing("L16.2.1.3.2", pooled=True, ADSL=numbered)
    assert [column.key for column in blind.columns] == ["SUBJECT", "RANDDT", "TRTSDT"]
    assert [row.cells["SUBJECT"] for row in blind.rows] == ["A", "B", "C"]
    assert "Withheld while treatment is blinded: Randomisation number; Planned; Actual." in blind.footnotes


ADEX = """
USUBJID | PARAMCD | AVAL | AVALC | EXSEQ | INFNUM | ADT        | ADY | EXSTDTC$         | EXENDTC$         | EXLOT$ | EXWT | EXPLCEL | EXTOTCEL | EXPLVOL | EXACVOL | EXADJ$
A       | ADJFL   | .    | N     | 1     | 1      | 2025-06-04 | 1   | 2025-06-04T10:05 | 2025-06-04T11:00 | L1     | 60.5 | 0       | 0        | 100     | 95      | .
A       | DURMIN  | 55   | .     | 1     | 1      | 2025-06-04 | 1   | 2025-06-04T10:05 | 2025-06-04T11:00 | L1     | 60.5 | 0       | 0        | 100     | 95      | .
A       | INFCOMP | 95   | .     | 1     | 1      | 2025-06-04 | 1   | 2025-06-04T10:05 | 2025-06-04T11:00 | L1     | 60.5 | 0       | 0        | 100     | 95      | .
A       | DOSE    | 0    | .     | 1     | 1      | 2025-06-04 | 1   | 2025-06-04T10:05 | 2025-06-04T11:00 | L1     | 60.5 | 0       | 0        | 100     | 95      | .         # placebo: no cells, no dose
B       | ADJFL   | .    | Y     | 1     | 1      | 2025-06-04 | 1   | 2025-06-04       | .                | L2     | 70   | .       | 63       | 100     | 90      | STOPPED   # neither its time nor its plan is known
B       | ADJFL   | .    | N     | 2     | 2      | 2025-06-11 | 8   | 2025-06-11       | .                | L2     | 70   | 70      | 0        | 100     | 100     | .         # was to receive cells, and received none
B       | DOSE    | 0    | .     | 2     | 2      | 2025-06-11 | 8   | 2025-06-11       | .                | L2     | 70   | 70      | 0        | 100     | 100     | .
B       | NINF    | 1    | .     | .     | .      | 2025-06-04 | 1   | .                | .                | .      | .    | .       | .        | .       | .       | .         # the subject's, no infusion
"""


def test_infusion_is_a_row_whatever_is_not_known_of_it():
    table = listing("L16.2.5.1.2", ADEX=draw(ADEX))
    told = ("INFNUM", "DATE", "START", "END", "DURMIN", "EXLOT", "CELLS", "VOLUME", "DOSE", "INFCOMP", "EXADJ")
    assert cells(table, *told) == [
        ("A", "1", "2025-06-04 (1)", "10:05", "11:00", "55", "L1", "- / -", "100.0 / 95.0", "-", "95.0", ""),
        ("B", "1", "2025-06-04 (1)", "", "", "", "L2", "- / 63.0", "100.0 / 90.0", "", "", "Stopped"),
        ("B", "2", "2025-06-11 (8)", "", "", "", "L2", "70.0 / 0.0", "100.0 / 100.0", "0.0", "", ""),
    ]
    assert "Placebo holds no cells: its doses are -." in table.footnotes


def test_nothing_of_an_infusion_that_may_tell_the_arm_stands_on_a_blind_page():
    table = listing("L16.2.5.1.2", pooled=True, ADEX=draw(ADEX))
    assert [column.key for column in table.columns] == ["SUBJECT", "INFNUM", "DATE", "START", "END", "DURMIN", "EXWT"]
    assert [note for note in table.footnotes if note.startswith("Withheld")] == [
        "Withheld while treatment is blinded: Lot; Cells planned / given (10⁶); Volume planned / given (mL); "
        "Dose given (10⁶ cells/kg); Compliance (%); Adjustment."
    ]


def test_demographics_and_disease_list_what_the_tables_count_in_their_words():
    lines = {"demographics": TRIAL.demographics[:3], "baseline_disease": TRIAL.baseline_disease[:5]}
    trial = TRIAL.model_copy(update=lines)
    assert [line.variable for line in trial.demographics] == ["AGE", "AGEGR1", "SEX"]
    assert [line.variable for line in trial.baseline_disease] == ["ETIOL", "CIRRFL", "PRECIP", "ACLFGRBL", "MELDBL"]
    flags = {one.baseline_flag: "N" for one in TRIAL.complications} | {"HEBL": "Y", "INFBL": "Y"}
    own = {"AGEGR1": "<45", "ETIOL": "HEPATITIS B", "CIRRFL": "Y", "PRECIP": "HBV FLARE", "ACLFGRBL": 0.0, "MELDBL": 24.5}
    adsl = draw(ADSL).assign(**own, **flags)
    who = make(find("L16.2.4.1.2", trial), trial, {"ADSL": adsl}, stamp_of(trial))
    assert cells(who, "AGE", "SEX")[0] == ("A", "40", "Female")
    disease = make(find("L16.2.4.2.2", trial), trial, {"ADSL": adsl}, stamp_of(trial))
    assert cells(disease, "ETIOL", "CIRRFL", "PRECIP", "ACLFGRBL", "MELDBL", "COMPLICATIONS")[0] == (
        "A", "Hepatitis B", "Yes", "HBV flare", "No ACLF", "25", "Hepatic encephalopathy; Infection",
    )  # fmt: skip


def test_measured_values_of_a_column_are_one_word_so_that_no_line_breaks_within_them():
    measured = ("MELDBL", "CLIFBL", "OFREGBL")
    lines = [line for line in TRIAL.baseline_disease if line.variable in measured]
    trial = TRIAL.model_copy(update={"baseline_disease": lines, "complications": []})
    adsl = draw(ADSL).assign(MELDBL=24.5, CLIFBL=9.0, OFREGBL=float("nan"))
    disease = make(find("L16.2.4.2.2", trial), trial, {"ADSL": adsl}, stamp_of(trial))
    assert cells(disease, "_".join(measured))[0] == ("A", "25/9/-")


def test_reason_of_the_safety_and_the_full_set_is_told_of_who_entered_and_was_not_dosed():
    adsl = draw("""
    USUBJID | ENRLDT     | RANDDT     | RANDFL | SAFFL | FASFL | SAF       | FAS
    in      | .          | 2025-06-03 | Y      | Y     | Y     | .         | .
    undosed | .          | 2025-06-03 | Y      | N     | Y     | NOT DOSED | .           # randomised: in the full set
    early   | 2025-02-01 | .          | .      | N     | N     | NOT DOSED | NOT DOSED   # enrolled in a phase that is not randomised
    failed  | .          | .          | N      | N     | N     | .         | .
    """)
    found = derive_undosed(adsl)
    pd.testing.assert_series_equal(found["SAFEXCL"], adsl["SAF"], check_names=False, check_dtype=False)
    pd.testing.assert_series_equal(found["FASEXCL"], adsl["FAS"], check_names=False, check_dtype=False)
