"""Outputs on small drawn data: every number counted by hand."""

import math
import re

import pandas as pd
import pytest

from cgbm1_report.derive.dates import derive_ady
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.outputs.catalogue import catalogue, find, make
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.required import require_variable
from tests.drawn import draw, find_row, our_trial, read_cells, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

ADSL = """
USUBJID | PHASE | SCRNFL | SAFFL | FASFL | PPROTFL | DLTEVFL | TRT01P  | TRT01A  | AGE | AGEGR1 | SEX | RACE  | HEIGHTBL | WEIGHTBL | BMIBL
1-01    | 1     | Y      | Y     | Y     | Y       | Y       | Low     | Low     | 40  | <45    | M   | ASIAN | 170      | 60.0     | 20.8
1-02    | 1     | Y      | Y     | Y     | Y       | Y       | Low     | Low     | 50  | 45-<60 | F   | ASIAN | 160      | 55.5     | 21.7
1-03    | 1     | Y      | Y     | Y     | N       | N       | Low     | Low     | 61  | >=60   | M   | ASIAN | .        | 70.0     | .
1-04    | 1     | Y      | Y     | Y     | Y       | Y       | Medium  | Medium  | 45  | 45-<60 | M   | OTHER | 180      | 80.0     | 24.7
1-09    | 1     | Y      | N     | N     | N       | N       | .       | .       | 30  | <45    | M   | ASIAN | .        | .        | .      # screen failure
"""

ADAE = """
USUBJID | AESEQ | TRTEMFL | AEBODSYS | AEDECOD | ATOXGR$ | RELGR1      | AESER | AEACN          | AEOUT | AESDTH | AESIFL | DLTFL | ENDSTFL
1-01    | 1     | Y       | Blood    | Anaemia | 2       | RELATED     | N     | NOT APPLICABLE | .     | .      | .      | . | .
1-01    | 2     | Y       | Blood    | Anaemia | 3       | NOT RELATED | N     | NOT APPLICABLE | .     | .      | .      | . | .           # second event of the same term: one subject
1-01    | 3     | .       | Eye      | Ache    | 1       | RELATED     | N     | NOT APPLICABLE | .     | .      | .      | . | .           # before treatment: never counts
1-02    | 1     | Y       | Blood    | Bruise  | 1       | NOT RELATED | Y     | DRUG WITHDRAWN | .     | .      | Y      | . | .
1-04    | 1     | Y       | Skin     | Rash    | 5       | RELATED     | Y     | NOT APPLICABLE | FATAL | Y      | .      | Y | Y
1-04    | 2     | Y       | Blood    | Anaemia | .       | RELATED     | N     | NOT APPLICABLE | .     | .      | .      | . | .           # grade missing
"""


def adam(**extra):
    return {"ADSL": draw(ADSL), "ADAE": draw(ADAE), **extra}


def output(number, data=None, **options):
    return make(find(number, TRIAL), TRIAL, data or adam(), STAMP, **options)


row = read_cells


def test_column_headings_count_the_population_from_adsl_and_keep_an_unopened_level():
    table = output("T14.3.1.2.1")
    assert [(c.key, c.N) for c in table.columns] == [("Low", 3), ("Medium", 1), ("High", 0), ("Total", 4)]


def test_subject_with_two_events_of_a_term_counts_once_and_early_events_never():
    table = output("T14.3.1.2.1")
    assert row(table, "Subjects with at least one TEAE") == ["2 (66.7) [3]", "1 (100.0) [2]", "-", "3 (75.0) [5]"]
    assert row(table, "Blood | Anaemia") == ["1 (33.3) [2]", "1 (100.0) [1]", "-", "2 (50.0) [3]"]
    assert row(table, "Blood") == ["2 (66.7) [3]", "1 (100.0) [1]", "-", "3 (75.0) [4]"]
    assert not any("Eye" in r.label for r in table.rows)


def test_spellings_of_one_term_are_one_row_and_a_subject_with_both_counts_once():
    # Anaemia of 1-01 in two spellings, Blood too. The most frequent one is printed.
    events = adam()["ADAE"]
    events.loc[1, "AEDECOD"] = "ANAEMIA"
    events.loc[3, "AEBODSYS"] = "BLOOD"
    table = output("T14.3.1.2.1", adam() | {"ADAE": events})
    assert [r.key for r in table.rows] == [r.key for r in output("T14.3.1.2.1").rows]
    assert row(table, "Blood | Anaemia") == ["1 (33.3) [2]", "1 (100.0) [1]", "-", "2 (50.0) [3]"]
    assert row(table, "Blood") == ["2 (66.7) [3]", "1 (100.0) [1]", "-", "3 (75.0) [4]"]


def test_classes_and_terms_stand_by_falling_total_then_a_to_z():
    blood, skin = ("AEBODSYS", "Blood"), ("AEBODSYS", "Skin")
    assert [r.key for r in output("T14.3.1.2.1").rows] == [
        (("TRTEMFL", "Y"),), (blood,), (blood, ("AEDECOD", "Anaemia")), (blood, ("AEDECOD", "Bruise")), (skin,),
        (skin, ("AEDECOD", "Rash")),
    ]  # fmt: skip


def test_results_hold_unrounded_values_and_the_subjects_behind_each_count():
    ard = output("T14.3.1.2.1").ard
    cell = ard[(ard["variable_level"] == "Anaemia") & (ard["column"] == "Total")].set_index("stat_name")
    assert set(cell["row"]) == {'[["AEBODSYS","Blood"],["AEDECOD","Anaemia"]]'}
    assert cell.loc["n", "stat"] == 2
    assert cell.loc["n", "subjects"] == ["1-01", "1-04"]
    assert cell.loc["p", ["stat", "fmt_fun", "stat_fmt"]].tolist() == [0.5, "x.x%", "50.0"]
    low = ard[(ard["variable_level"] == "Bruise") & (ard["column"] == "Low")].set_index("stat_name")
    assert low.loc["p", "stat"] == pytest.approx(1 / 3, abs=1e-14)


def test_related_events_print_the_exact_interval_of_any():
    table = output("T14.3.1.4.1")
    # binom.test(1, 3): 0.84 to 90.57; binom.test(2, 4): 6.76 to 93.24
    assert row(table, "Subjects with at least one related TEAE | 95% CI") == ["0.8, 90.6", "2.5, 100.0", "-", "6.8, 93.2"]
    # the row above counts what every row of the table counts: subjects, per cent, events
    assert row(table, "Subjects with at least one related TEAE") == ["1 (33.3) [1]", "1 (100.0) [2]", "-", "2 (50.0) [3]"]


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("TEAE of grade 3 or higher", ["1 (33.3) [1]", "1 (100.0) [1]", "-", "2 (50.0) [2]"]),
        ("Related TEAE of grade 3 or higher", ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"]),
        ("Serious TEAE", ["1 (33.3) [1]", "1 (100.0) [1]", "-", "2 (50.0) [2]"]),
        ("TEAE leading to discontinuation of study treatment", ["1 (33.3) [1]", "0", "-", "1 (25.0) [1]"]),
        ("TEAE leading to discontinuation of the study", ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"]),
        ("TEAE with fatal outcome", ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"]),
        ("Dose-limiting toxicity", ["0", "1 (100.0) [1]", "-", "1 (25.0) [1]"]),
    ],
)  # fmt: skip
def test_overview_counts_each_kind_of_event(key, cells):
    assert row(output("T14.3.1.1.1"), key) == cells


def test_demographics_print_every_category_and_summary():
    table = output("T14.1.4.1")
    assert row(table, "Sex, n (%) | Male") == ["2 (66.7)", "1 (100.0)", "-", "3 (75.0)"]
    assert row(table, "Sex, n (%) | Unknown") == ["0", "0", "-", "0"]
    # 40, 50, 61: mean 50.333, SD 10.504; 40, 50, 61, 45: mean 49, SD 8.981
    assert row(table, "Age (years) | Mean (SD)") == ["50.3 (10.50)", "45.0 (-)", "-", "49.0 (8.98)"]
    assert row(table, "Age (years) | Q1, Q3") == ["40.0, 61.0", "45.0, 45.0", "-", "42.5, 55.5"]
    assert row(table, "Height (cm) | n") == ["2", "1", "0", "3"]


def test_category_outside_the_protocol_stops_the_table():
    data = adam()
    data["ADSL"] = data["ADSL"].assign(SEX=["X", "F", "M", "M", "M"])
    with pytest.raises(ReportError, match=r"ADSL: 1-01: SEX is 'X', which is none of M, F, U"):
        output("T14.1.4.1", data)


def test_unknown_arm_in_the_data_stops_the_table_and_names_the_subject():
    data = adam()
    data["ADSL"]["TRT01A"] = data["ADSL"]["TRT01A"].replace("Medium", "Mega")
    with pytest.raises(ReportError, match=r"1-04: TRT01A 'Mega' .* is no arm of phase 1") as caught:
        output("T14.3.1.2.1", data)
    assert "declare the arm in trial.yaml" in str(caught.value)


def test_missing_dataset_and_variable_are_named():
    with pytest.raises(ReportError, match="ADAE is not in the cut"):
        output("T14.3.1.2.1", {"ADSL": draw(ADSL)})
    data = adam()
    data["ADAE"] = data["ADAE"].drop(columns="TRTEMFL")
    with pytest.raises(ReportError, match="has no TRTEMFL"):
        output("T14.3.1.2.1", data)


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("TRTEMF", "supply TRTEMF in ADAE; it has TRTEMFL, if that was meant"),  # A letter left out.
        ("ATOXGRR", "supply ATOXGRR in ADAE; it has ATOXGR, if that was meant"),  # A letter twice.
        ("HEIGHT", "supply HEIGHT in ADAE"),  # Nothing like it.
    ],
)
def test_a_variable_that_is_not_there_is_told_with_the_one_that_comes_nearest(asked, remedy):
    frame = pd.DataFrame(columns=["USUBJID", "TRTEMFL", "ATOXGR", "AETERM"])
    with pytest.raises(ReportError) as caught:
        require_variable("ADAE", frame, asked, {"ADAE": frame})
    assert caught.value.problems[0].remedy == remedy


def test_no_event_at_all_is_still_an_output():
    data = adam()
    data["ADAE"] = data["ADAE"].iloc[:0]
    table = output("T14.3.1.2.1", data)
    assert row(table, "Subjects with at least one TEAE") == ["0", "0", "-", "0"]
    assert len(table.rows) == 1
    assert table.footnotes


def test_one_dose_group_shows_the_column_of_that_group_only():
    whole, group = output("T14.3.1.2.1"), output("T14.3.1.2.1", dose_group="P1LOW")
    assert group.number == "T14.3.1.2.1-P1LOW"
    assert [(c.key, c.N) for c in group.columns] == [("Low", 3)]
    assert row(group, "Blood | Anaemia") == [row(whole, "Blood | Anaemia")[0]]


def test_pooled_view_has_one_column_and_no_treatment():
    table = output("T14.3.1.2.1", pooled=True)
    assert [(c.key, c.N) for c in table.columns] == [("All subjects", 4)]
    assert row(table, "Blood | Anaemia") == ["2 (50.0) [3]"]
    assert "blinded" in table.subtitle


ADTTE = """
USUBJID | PARAMCD | AVAL | CNSR | EVNTDESC         | CNSDTDSC
2-01    | LTFS    | 28   | 0    | DEATH            | .
2-02    | LTFS    | 180  | 1    | .                | ALIVE AT DAY 180
2-03    | LTFS    | 50   | 0    | LIVER TRANSPLANT | .
2-04    | LTFS    | 20   | 2    | .                | WITHDRAWN
2-05    | LTFS    | 180  | 1    | .                | ALIVE AT DAY 180
"""


def phase_two():
    names = ["2-01", "2-02", "2-03", "2-04", "2-05"]
    arms = ["Placebo", "Placebo", "Low", "Low", "Medium"]
    adsl = pd.DataFrame({"USUBJID": names, "PHASE": 2.0, "FASFL": "Y", "SAFFL": "Y", "TRT01P": arms, "TRT01A": arms})
    return {"ADSL": adsl, "ADTTE": draw(ADTTE)}


def test_survival_table_counts_events_and_estimates_by_day():
    table = output("T14.2.1.2", phase_two())
    assert row(table, "Events, n (%)") == ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"]
    assert row(table, "Events, n (%) | Liver transplantation") == ["0", "1 (50.0)", "0", "1 (20.0)"]
    # Placebo: an event on day 28 counts at day 28. Total: 3 of 4 at risk survive day 28: 0.75, then 2/3 of that at day 50.
    day_28 = row(table, "KM estimate at day 28, %")
    assert [day_28[0], day_28[2], day_28[3]] == ["50.0", "100.0", "75.0"]
    assert row(table, "KM estimate at day 28, % | 95% CI")[2] == "NE"
    assert row(table, "KM estimate at day 90, %")[3] == "50.0"
    # One event in each arm of the pair cannot be compared where an arm has none.
    assert row(table, "HR vs Placebo, cut at day 90")[1] == "NE"
    assert row(table, "HR vs Placebo, cut at day 90 | 95% CI")[1] == "NE"


def test_footnotes_on_comparisons_are_left_out_where_nothing_is_compared():
    two = output("T14.2.1.2", phase_two())
    assert any("Cox model" in note for note in two.footnotes)
    one = phase_two()
    one["ADSL"] = one["ADSL"].assign(PHASE=1.0, TRT01A="Low")
    assert not any("Cox" in note or "Log-rank" in note for note in output("T14.2.1.1", one).footnotes)
    assert not any("Cox" in note or "Log-rank" in note for note in output("T14.2.1.2", phase_two(), pooled=True).footnotes)


MIXED_UP = """
USUBJID | PHASE | SAFFL | FASFL | TRT01P  | TRT01A
2-01    | 2     | Y     | Y     | Placebo | Placebo
2-02    | 2     | Y     | Y     | Low     | Medium     # mixed up
2-03    | 2     | Y     | Y     | Low     | Low
2-04    | 2     | Y     | Y     | Medium  | Placebo    # two of one kind, after Low in the order of the columns
2-05    | 2     | Y     | Y     | Medium  | Placebo
2-06    | 2     | N     | Y     | Low     | .          # never dosed: received nothing else
2-07    | 2     | N     | N     | .       | .          # failed screening: planned for no arm
"""


def test_a_page_by_actual_treatment_says_who_was_randomised_to_another() -> None:
    adsl = draw(MIXED_UP)
    empty = {"ADSL": adsl, "ADAE": draw(ADAE).iloc[:0], "ADTTE": draw(ADTTE).iloc[:0]}
    said = ["One subject randomised to Low received Medium.", "Two subjects randomised to Medium received Placebo."]
    said += ["One subject randomised to Low was not treated."]  # 3 planned, 1 treated: both sentences are needed
    actual = output("T14.3.1.2.2", empty)
    assert [column.N for column in actual.columns] == [3, 1, 1, 5]
    assert [note for note in actual.footnotes if re.search(r"^(One|Two) subject", note)] == said
    by_highest = "Who was given several dose levels is counted by the highest of them."  # how TRT01A is derived
    assert by_highest in actual.footnotes
    planned = output("T14.2.1.2", empty)
    assert by_highest not in planned.footnotes
    assert [column.N for column in planned.columns] == [1, 3, 2, 6]
    assert not [note for note in planned.footnotes if "subject randomised to" in note]
    blind = output("T14.3.1.2.2", empty, pooled=True)
    assert not [note for note in blind.footnotes if "subject randomised to" in note], "it would tell who had what"
    open_phase = empty | {"ADSL": adsl.assign(PHASE=1.0).replace("Placebo", "High")}  # nobody is randomised there
    assert "One subject assigned to Low received Medium." in output("T14.3.1.2.1", open_phase).footnotes
    for group, about in (("P1MED", ["Low received Medium", "Medium received High"]), ("P1LOW", ["Low received Medium"])):
        notes = output("T14.3.1.2.1", open_phase, dose_group=group).footnotes
        assert [note.partition(" to ")[2].rstrip(".") for note in notes if " received " in note] == about
        assert ("One subject assigned to Low was not treated." in notes) == (group == "P1LOW")


@pytest.mark.parametrize(("number", "label"), [("T14.1.1.2", "Screened Subjects"), ("T14.3.1.2.2", "Safety Analysis Set")])
def test_a_page_without_a_subject_says_so_in_words_that_fit_any_population(number: str, label: str) -> None:
    adam = phase_two()
    flags = {"SCRNFL": "N", "SAFFL": "N", "EOSSTT": "ONGOING", "EOTSTT": "ONGOING", "LTFL": None, "DCSREAS": None, "DCTREAS": None}
    adam |= {"ADSL": adam["ADSL"].assign(**flags, RANDDT=pd.NaT, NINF=0.0, CMPLDAY=0.0).astype({"LTFL": "str"})}
    assert f"{label}: no subject in this phase." in output(number, adam | {"ADAE": draw(ADAE).iloc[:0]}).footnotes


def test_a_dose_group_without_a_subject_does_not_speak_of_the_phase() -> None:
    adam = {"ADSL": draw(MIXED_UP).assign(PHASE=1.0, TRT01P="Low", TRT01A="Low"), "ADAE": draw(ADAE).iloc[:0]}
    notes = output("T14.3.1.2.1", adam, dose_group="P1MED").footnotes
    assert "Safety Analysis Set: no subject in this dose group." in notes


def test_comparisons_stand_under_the_compared_columns_only():
    table = output("T14.2.1.2", phase_two())
    cells = find_row(table, "Log-rank p, cut at day 90").cells
    assert list(cells) == ["Low", "Medium"]
    assert any("Holm" in note for note in table.footnotes)


def test_difference_to_placebo_on_complications_is_the_score_interval():
    names = [f"2-{i:02d}" for i in range(60)]
    arms = ["Placebo"] * 30 + ["Low"] * 30
    adsl = pd.DataFrame({"USUBJID": names, "PHASE": 2.0, "FASFL": "Y", "SAFFL": "Y", "TRT01P": arms, "TRT01A": arms})
    affected = names[:15] + names[30:39]  # 15 of 30 on placebo, 9 of 30 on low
    adce = pd.DataFrame({"USUBJID": affected, "COMPTERM": "Infection", "COMPFL": "Y", "COMP28FL": pd.NA, "COMP90FL": pd.NA})
    table = output("T14.2.5.2", {"ADSL": adsl, "ADCE": adce})
    key = "Within 180 days after the first dose | Infection"
    assert row(table, key)[:2] == ["15 (50.0)", "9 (30.0)"]
    assert row(table, f"{key} | 95% CI")[:2] == ["31.3, 68.7", "14.7, 49.4"]
    # R and brute force: -42.7056, 4.9946; Fisher 0.1871871
    assert row(table, f"{key} | Difference vs Placebo (percentage points)")[0] == "-20.0"
    assert row(table, f"{key} | 95% CI of the difference")[0] == "-42.7, 5.0"
    assert row(table, f"{key} | Fisher exact p")[0] == "0.1872"


def test_every_result_printed_stands_in_the_results_with_its_text():
    table = output("T14.3.1.2.1")
    printed = {
        (write_key(r.key), column, part)
        for r in table.rows
        for column, text in r.cells.items()
        for part in text.replace("(", "").replace(")", "").replace("[", "").replace("]", "").split()
    }
    known = {
        (r, c, t)
        for r, c, t in zip(table.ard["row"], table.ard["column"], table.ard["stat_fmt"], strict=True)
        if isinstance(t, str)
    }
    assert printed <= known


def at_visit(table, visit, column, measure=""):
    """The cells of a treatment at a visit."""
    (found,) = [
        r.cells
        for r in table.rows
        if r.column == column
        and r.key[-1] == ("AVISIT", visit)
        and [name for name, _ in r.measure] == ([measure] if measure else [])
    ]
    return found


def test_change_table_reads_the_flagged_records_and_prints_decimals_of_the_parameter():
    adlb = draw("""
    USUBJID | PARAMCD | AVAL | CHG  | PCHG  | AVISITN | ABLFL | ANL02FL
    1-01    | ALT     | 200  | .    | .     | 0       | Y     | .
    1-02    | ALT     | 100  | .    | .     | 0       | Y     | .
    1-01    | ALT     | 150  | -50  | -25.0 | 28      | .     | Y
    1-02    | ALT     | 101  | 1    | 1.0   | 28      | .     | Y
    1-02    | ALT     | 999  | 899  | 899.0 | 28      | .     | .         # after transplantation: not analysed
    1-01    | ALT     | 90   | -110 | -55.0 | 60      | .     | Y         # no registry day of ALT in phase 1
    """)
    table = output("T14.2.10.1", adam(ADLB=adlb))
    assert at_visit(table, "Baseline", "Low")["AVAL Mean (SD)"] == "150.0 (70.71)"
    change = at_visit(table, "Day 28", "Low")
    assert change["CHG Mean (SD)"] == "-24.5 (36.06)"
    # t.test(c(-50, 1)): -348.5 to 299.5
    assert change["CHG 95% CI of mean"] == "-348.5, 299.5"
    assert change["CHG Min, Max"] == "-50, 1"
    # The percent change stands below the change, in its columns.
    percent = at_visit(table, "Day 28", "Low", measure="PCHG")
    assert percent["CHG Mean (SD)"] == "-12.00 (18.385)"
    assert not [name for name in percent if name.startswith("AVAL") or "CI" in name]
    assert not any("Day 60" in r.label for r in table.rows)


def test_derived_records_are_no_visits():
    """A maximum, a value carried forward and an average of the three are no fourth value of a visit, whatever their flags say."""
    adlb = draw("""
    USUBJID | PARAMCD | AVAL | CHG  | PCHG  | AVISITN | ABLFL | ANL02FL | DTYPE
    1-01    | ALT     | 200  | .    | .     | 0       | Y     | .       | .
    1-02    | ALT     | 100  | .    | .     | 0       | Y     | .       | .
    1-01    | ALT     | 150  | -50  | -25.0 | 28      | .     | Y       | .
    1-02    | ALT     | 101  | 1    | 1.0   | 28      | .     | Y       | .
    1-03    | ALT     | 777  | 7    | 7.0   | 28      | .     | Y       | LOCF
    1-01    | ALT     | 900  | 700  | 350.0 | 28      | .     | Y       | MAXIMUM
    1-02    | ALT     | 500  | .    | .     | 0       | Y     | .       | AVERAGE
    """)
    table = output("T14.2.10.1", adam(ADLB=adlb))
    assert at_visit(table, "Baseline", "Low")["AVAL Mean (SD)"] == "150.0 (70.71)"
    change = at_visit(table, "Day 28", "Low")
    assert (change["CHG n"], change["CHG Mean (SD)"], change["CHG Min, Max"]) == ("2", "-24.5 (36.06)", "-50, 1")


def test_dlt_table_uses_the_evaluable_subjects_as_denominator_and_prints_the_recorded_decision():
    addlt = draw("""
    USUBJID | PARAMCD | AVALC
    1-01    | DLT28   | N
    1-02    | DLT28   | Y
    1-02    | DLT180  | Y
    1-03    | DLT28   | N         # not evaluable
    """)
    decisions = draw("""
    COHORT | REVIEW | REVDTC$    | DECISION
    LOW    | COHORT | 2025-03-01 | ENROL 3
    LOW    | COHORT | 2025-05-01 | ESCALATE
    """)
    events = draw(ADAE).assign(ASTDY=3.0, ASTDT=pd.Timestamp("2025-01-01"))
    table = output("T14.3.1.12.1", adam(ADDLT=addlt, ADAE=events, SRC_DECISIONS=decisions))
    assert row(table, "DLT-evaluable subjects, n") == ["2", "1", "0", "3"]
    # binom.test(1, 2): 1.26 to 98.74
    early, late = "DLT within 28 days after the first dose, n/DLT-evaluable", "DLT within 180 days after the first dose, n (%)"
    assert row(table, early)[0] == "1/2"
    assert row(table, f"{early} | 95% CI") == ["1.3, 98.7", "0.0, 97.5", "-", "0.8, 90.6"]
    assert row(table, late)[0] == "1 (33.3)"
    assert row(table, f"{late} | 95% CI")[0] == "0.8, 90.6"
    assert row(table, "SRC decision (date) | Cohort review") == ["Enrol 3 (2025-03-01); Escalate (2025-05-01)"]
    assert row(table, "DLT events | 1-04") == ["Rash, grade 5, study day 3"]


@pytest.mark.parametrize(
    ("onset", "day"),
    [
        ("2025-01-05", "1"),  # the day of the first dose
        ("2025-01-04", "-1"),  # the day before it: there is no day 0
        ("2025-02-02", "29"),  # 28 days after the first dose
    ],
)
def test_one_event_has_the_same_day_on_every_page_it_appears_on(onset, day):
    start = pd.Series(pd.to_datetime([onset])).astype("datetime64[s]")
    dose = pd.Series(pd.to_datetime(["2025-01-05"])).astype("datetime64[s]")
    event = draw(ADAE).iloc[[4]].reset_index(drop=True)
    event = event.assign(ASTDT=start, ASTDY=derive_ady(start, dose), AETERM="rash", AENDT=start, DLTFL="Y")
    complication = pd.DataFrame(
        {
            "USUBJID": ["1-04"], "CESEQ": 1.0, "COMPTERM": "Infection", "CEOCCUR": "Y", "COMPFL": "Y", "CEPREBL": "N",
            "ASTDT": start, "ASTDY": derive_ady(start, dose),
        }
    )  # fmt: skip
    data = adam(ADAE=event, ADCE=complication, ADDLT=draw("USUBJID | PARAMCD | AVALC\n1-04 | DLT28 | Y"))
    toxicity = row(output("T14.3.1.12.1", data), "DLT events | 1-04")
    listed = [output(number, data) for number in ("L16.2.7.1.1", "L16.2.6.9.1")]
    assert toxicity == [f"Rash, grade 5, study day {day}"]
    assert [table.rows[0].cells["START"] for table in listed] == [f"{onset} ({day})"] * 2
    heads = [column.label for table in listed for column in table.columns if column.key in ("START", "END")]
    assert all("study day" in head for head in heads)


def test_days_after_the_first_dose_are_explained_only_where_they_are_printed():
    data = adam(
        ADDLT=draw("USUBJID | PARAMCD | AVALC\n1-04 | DLT28 | Y"),
        ADAE=draw(ADAE).assign(ASTDY=3.0, ASTDT=pd.Timestamp("2025-03-05"), AENDT=pd.NaT, AETERM="t"),
    )
    explained = "Days are counted from the first dose, which is day 0."
    for number in ("T14.3.1.12.1", "L16.2.7.1.1"):
        made = output(number, data)
        assert STUDY_DAY in made.footnotes
        assert explained not in made.footnotes
    nobody = output("T14.3.1.12.1", {**data, "ADAE": data["ADAE"].assign(DLTFL=pd.NA)})
    assert STUDY_DAY not in nobody.footnotes  # windows alone: no study day stands there


def test_dlt_table_prints_the_computed_recommendation_beside_the_decision():
    states = draw("""
    COHORT | REVIEW       | REVDT      | STATE | RECOM  | MTD
    LOW    | SENTINEL     | 2025-02-15 | R4    | ENROL 2 | .
    LOW    | COHORT       | 2025-03-01 | R6    | ENROL 3 | .
    LOW    | COHORT       | 2025-05-01 | R7    | STOP    | BELOW LOWEST
    LOW    | DATA CUT-OFF | 2025-06-01 | R7    | STOP    | BELOW LOWEST
    MEDIUM | SENTINEL     | 2025-04-01 | R0    | WAIT    | .
    """).assign(REVDT=lambda frame: pd.to_datetime(frame["REVDT"]))
    addlt = draw("USUBJID | PARAMCD | AVALC\n1-01 | DLT28 | N")
    events = draw(ADAE).assign(ASTDY=3.0, ASTDT=pd.Timestamp("2025-01-01"))
    table = output("T14.3.1.12.1", adam(ADDLT=addlt, ADAE=events, SRC_STATES=states))
    label = "Recommendation of the escalation rules"
    assert row(table, f"{label} | Sentinel review") == ["Enrol 2", "Wait"]
    assert row(table, f"{label} | Cohort review") == ["Enrol 3; Stop, MTD below lowest"]
    assert row(table, f"{label} | Data cut-off") == ["Stop, MTD below lowest"]


DISPOSITION = """
USUBJID | PHASE | SCRNFL | SAFFL | TRT01P | NINF | ENRLDT     | RANDDT | ANCHDT     | DTHDT      | EOSDT      | LSTALV0    | EOSSTT       | DCSREAS              | EOTSTT    | DCTREAS | LTFL | CMPLDAY
1-01    | 1     | Y      | Y     | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | .          | 2025-07-05 | 2025-07-05 | COMPLETED    | .                    | COMPLETED | .       | Y | 180
1-02    | 1     | Y      | Y     | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | 2025-01-29 | 2025-01-29 | 2025-01-28 | DISCONTINUED | DEATH                | COMPLETED | .       | . | .           # died on day 28 itself
1-03    | 1     | Y      | Y     | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | .          | 2025-03-01 | 2025-03-01 | DISCONTINUED | WITHDRAWAL BY SUBJECT | COMPLETED | .      | . | 28          # left on day 59
1-04    | 1     | Y      | Y     | Medium | 1    | 2025-01-01 | .      | 2025-01-01 | .          | .          | 2025-01-25 | ONGOING      | .                    | COMPLETED | .       | . | .           # last seen on day 24, window opens on 25
1-08    | 1     | Y      | N     | .      | 0    | .          | .      | .          | .          | 2025-01-02 | 2025-01-02 | DISCONTINUED | SCREEN FAILURE       | .         | .       | . | .
1-09    | 1     | Y      | N     | .      | 0    | .          | .      | .          | .          | .          | 2025-01-02 | ONGOING      | .                    | .         | .       | . | .           # still in screening
"""


def test_disposition_accounts_for_every_subject_once():
    table = output("T14.1.1.1", {"ADSL": draw(DISPOSITION), "ADIE": draw(ADIE).iloc[:0]})
    # Six signed, four were enrolled: the head of each column is the number of those its percentages are of.
    assert [(column.key, column.N) for column in table.columns] == [("Low", 3), ("Medium", 1), ("High", 0), ("Total", 4)]
    assert row(table, "Of subjects screened, n (%) | Screened") == ["6 (100.0)"]
    assert row(table, "Screen failure") == ["1 (16.7)"]
    assert row(table, "Screen failure | Criterion not recorded") == ["1 (16.7)"]
    assert row(table, "In screening at data cut-off") == ["1 (16.7)"]
    assert row(table, "Of subjects enrolled, n (%) | Enrolled") == ["3 (100.0)", "1 (100.0)", "-", "4 (100.0)"]
    assert row(table, "Completed day 28") == ["2 (66.7)", "0", "-", "2 (50.0)"]
    assert row(table, "Completed day 90") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    assert row(table, "Discontinued study | Death") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    assert row(table, "Ongoing at data cut-off") == ["0", "1 (100.0)", "-", "1 (25.0)"]
    assert row(table, "Liver transplantation") == ["1 (33.3)", "0", "-", "1 (25.0)"]
    assert "N: subjects enrolled." in table.footnotes


FAILURES = """
USUBJID | PHASE | SCRNFL | SAFFL | RANDFL | TRT01P | NINF | RANDDT     | CMPLDAY | EOSSTT       | DCSREAS               | EOTSTT  | DCTREAS | LTFL
2-01    | 2     | Y      | Y     | Y      | Low    | 1    | 2025-01-01 | 28      | DISCONTINUED | OTHER                 | ONGOING | .       | .     # left; nobody recorded the end of treatment
2-02    | 2     | Y      | Y     | Y      | Low    | 1    | .          | 28      | DISCONTINUED | DEATH                 | ONGOING | .       | .     # the date of randomisation is not known
2-03    | 2     | Y      | Y     | Y      | Low    | 1    | 2025-01-01 | 28      | DISCONTINUED | OTHER                 | ONGOING | .       | .
2-04    | 2     | Y      | N     | N      | .      | 0    | .          | .       | DISCONTINUED | SCREEN FAILURE        | .       | .       | .     # two criteria
2-05    | 2     | Y      | N     | N      | .      | 0    | .          | .       | DISCONTINUED | SCREEN FAILURE        | .       | .       | .     # two, one of them the same
2-06    | 2     | Y      | N     | N      | .      | 0    | .          | .       | DISCONTINUED | WITHDRAWAL BY SUBJECT | .       | .       | .     # no criterion
2-07    | 2     | Y      | N     | N      | .      | 0    | .          | .       | DISCONTINUED | SCREEN FAILURE        | .       | .       | .     # no criterion, no reason
"""
ADIE = """
USUBJID | IETESTCD | IECAT     | IETEST
2-04    | P2E03    | EXCLUSION | HIV antibody positive
2-04    | P2I05    | INCLUSION | MELD score under 30
2-05    | P2I05    | INCLUSION | MELD score under 30
2-05    | P2I03B   | INCLUSION | TBIL >= 171 umol/L
2-01    | P2I02    | INCLUSION | Age >= 18 years          # let in all the same: no screen failure
"""


def test_screen_failures_are_told_by_the_criteria_each_of_them_failed():
    data = {"ADSL": draw(FAILURES), "ADIE": draw(ADIE)}
    table = output("T14.1.1.2", data)
    path, by_category = "Screen failure", "Screen failure | Inclusion criterion not met"
    assert row(table, path) == ["4 (57.1)"]
    assert row(table, by_category) == ["2 (28.6)"]
    assert row(table, f"{by_category} | MELD score under 30") == ["2 (28.6)"]
    assert row(table, f"{by_category} | TBIL ≥ 171 µmol/L") == ["1 (14.3)"]
    assert row(table, f"{path} | Exclusion criterion met | HIV antibody positive") == ["1 (14.3)"]
    assert row(table, f"{path} | Withdrawal by subject") == ["1 (14.3)"]
    assert row(table, f"{path} | Criterion not recorded") == ["1 (14.3)"]
    labels = [one.label for one in table.rows]
    assert labels.count("Screen failure") == 1
    assert "Age >= 18 years" not in labels
    assert labels.index("Withdrawal by subject") < labels.index("Criterion not recorded"), "what says little is last"
    assert "A subject who fails several criteria is counted under each of them." in table.footnotes
    # Randomised is who was given an arm, however badly its date is recorded.
    assert row(table, "Randomised") == ["-", "3 (100.0)", "-", "3 (100.0)"]
    assert row(table, "End of treatment not recorded") == ["-", "3 (100.0)", "-", "3 (100.0)"]
    assert labels.index("Death") < labels.index("Other"), "Other is last, though more frequent"
    blind = output("T14.1.1.2", data, pooled=True)
    assert row(blind, "Screen failure | Inclusion criterion not met | MELD score under 30") == ["2 (28.6)"]
    assert [column.N for column in blind.columns] == [3]


def test_screen_failures_of_data_without_criteria_are_told_by_their_reason_and_the_page_says_why():
    adsl = draw(FAILURES)
    adsl.loc[adsl["USUBJID"] == "2-07", "DCSREAS"] = None
    table = output("T14.1.1.2", {"ADSL": adsl})
    labels = [one.label for one in table.rows]
    at = labels.index("Screen failure")
    # By hand: 2-04 and 2-05 are told by the row above, 2-06 withdrew, of 2-07 nothing is recorded.
    assert labels[at + 1 : at + 3] == ["Withdrawal by subject", "Reason missing"]
    assert row(table, "Screen failure") == ["4 (57.1)"]
    assert row(table, "Screen failure | Withdrawal by subject") == ["1 (14.3)"]
    assert row(table, "Screen failure | Reason missing") == ["1 (14.3)"]
    assert "Criterion not recorded" not in labels
    assert any(note.startswith("Screen failures are not told by criterion") for note in table.footnotes)


def test_how_treatment_ended_is_told_of_a_trial_that_declares_no_infusions_where_the_data_say_it():
    phases = {number: phase.model_copy(update={"infusions": ()}) for number, phase in TRIAL.phases.items()}
    trial = TRIAL.model_copy(update={"phases": phases})
    told = draw(FAILURES)
    told.loc[told["USUBJID"] == "2-03", ["EOTSTT", "DCTREAS"]] = ["DISCONTINUED", "ADVERSE EVENT"]
    number = "T14.1.1.2"
    table = make(catalogue(trial)[number], trial, {"ADSL": told}, STAMP)
    assert row(table, "Completed treatment") == ["-", "0", "-", "0"]
    assert row(table, "Discontinued treatment") == ["-", "1 (33.3)", "-", "1 (33.3)"]
    assert row(table, "Discontinued treatment | Adverse event") == ["-", "1 (33.3)", "-", "1 (33.3)"]
    assert row(table, "End of treatment not recorded") == ["-", "2 (66.7)", "-", "2 (66.7)"]
    assert "Received at least 1 infusion" not in [one.label for one in table.rows]
    unexplained = make(catalogue(trial)[number], trial, {"ADSL": told.drop(columns="DCTREAS")}, STAMP)
    assert row(unexplained, "Discontinued treatment") == ["-", "1 (33.3)", "-", "1 (33.3)"]
    for silent in (told.assign(EOTSTT=None), told.drop(columns=["EOTSTT", "DCTREAS"])):
        labels = [one.label for one in make(catalogue(trial)[number], trial, {"ADSL": silent}, STAMP).rows]
        assert "Completed treatment" not in labels, "of what nobody knows no row says 0"


def test_document_of_a_dose_group_tells_only_what_was_decided_on_it():
    reviews = """
COHORT | REVIEW   | REVDTC     | DECISION
LOW    | SENTINEL | 2025-04-10 | CONTINUE
LOW    | COHORT   | 2025-06-01 | ESCALATE
MEDIUM | SENTINEL | 2025-07-10 | HOLD
"""
    flags = """
USUBJID | PARAMCD | AVALC$
1-01    | DLT28   | N
1-01    | DLT180  | N
"""
    events = draw(ADAE).assign(ASTDY=3.0, ASTDT=pd.Timestamp("2025-01-01"))
    data = adam(ADDLT=draw(flags), ADAE=events, SRC_DECISIONS=draw(reviews))
    table = output("T14.3.1.12.1", data, dose_group="P1MED")
    assert [(line.label, line.cells) for line in table.rows if "review" in line.label] == [
        ("Sentinel review", {"Medium": "Hold (2025-07-10)"}),
    ]


def test_a_dose_group_has_no_rows_on_screening():
    table = output("T14.1.1.1", {"ADSL": draw(DISPOSITION)}, dose_group="P1LOW")
    assert [one.label for one in table.rows][:2] == ["Of subjects enrolled, n (%)", "Enrolled"]


POPULATIONS = """
USUBJID | PHASE | SCRNFL | SAFFL | FASFL | PPROTFL | RANDFL | TRT01P  | RANDDT     | PPSEXCL
2-01    | 2     | Y      | Y     | Y     | Y       | Y      | Placebo | 2025-01-01 | .
2-02    | 2     | Y      | Y     | Y     | N       | Y      | Low     | 2025-01-01 | DOSE COMPLIANCE
2-03    | 2     | Y      | N     | Y     | N       | Y      | Low     | 2025-01-01 | NOT DOSED
2-04    | 2     | Y      | N     | N     | N       | N      | .       | .          | .
"""


def test_analysis_sets_are_counted_among_those_who_were_randomised():
    table = output("T14.1.2.2", {"ADSL": draw(POPULATIONS)})
    assert [column.N for column in table.columns] == [1, 2, 0, 3]
    assert row(table, "Of subjects screened, n (%) | Screened Subjects") == ["4 (100.0)"]
    assert row(table, "Randomised Set") == ["1 (100.0)", "2 (100.0)", "-", "3 (100.0)"]
    assert row(table, "Safety Analysis Set") == ["1 (100.0)", "1 (50.0)", "-", "2 (66.7)"]
    assert row(table, "Per-Protocol Set") == ["1 (100.0)", "0", "-", "1 (33.3)"]
    assert row(table, "Excluded from Per-Protocol Set") == ["0", "2 (100.0)", "-", "2 (66.7)"]
    assert row(table, "Excluded from Per-Protocol Set | Not dosed") == ["0", "1 (50.0)", "-", "1 (33.3)"]


ADEX = """
USUBJID | PARAMCD  | AVAL  | AVALC$
2-01    | DOSE     | 0     | .
2-01    | DURMIN   | 60    | .
2-01    | ADJFL    | .     | N
2-01    | CUMDOSE  | 0     | .
2-01    | DOSECOMP | 100   | .
2-02    | DOSE     | 0.96  | .     # 0.96 of 1.0: one decimal more than the parameter has
2-02    | DOSE     | 1     | .
2-02    | DURMIN   | 40    | .
2-02    | DURMIN   | 50    | .
2-02    | ADJFL    | .     | Y
2-02    | ADJFL    | .     | N
2-02    | CUMDOSE  | 1.96  | .
2-02    | DOSECOMP | 49    | .     # two of four infusions that were due
2-03    | DOSE     | 1     | .
2-03    | DURMIN   | 60    | .
2-03    | ADJFL    | .     | Y
2-03    | CUMDOSE  | 1     | .
2-03    | DOSECOMP | 100   | .
"""
EXPOSED = """
USUBJID | PHASE | SAFFL | TRT01P  | TRT01A  | NINF | DCOMPGR1
2-01    | 2     | Y     | Placebo | Placebo | 1    | 90-110%
2-02    | 2     | Y     | Low     | Low     | 2    | <90%
2-03    | 2     | Y     | Low     | Low     | 1    | 90-110%
"""


def test_exposure_counts_infusions_doses_and_compliance():
    data = {"ADSL": draw(EXPOSED), "ADEX": draw(ADEX)}
    table = output("T14.1.9.2", data)
    assert row(table, "Infusions received, n (%) | 1") == ["1 (100.0)", "1 (50.0)", "-", "2 (66.7)"]
    assert row(table, "Infusions received, n (%) | 2") == ["0", "1 (50.0)", "-", "1 (33.3)"]
    # Three infusions of Low: 0.96, 1, 1: mean 0.9867, SD 0.0231. Placebo has no dose, and no total is taken over both.
    dose = "Dose per infusion (10⁶ cells/kg)"
    assert row(table, f"{dose} | n") == ["-", "3", "0"]
    assert row(table, f"{dose} | Mean (SD)") == ["-", "0.99 (0.023)", "-"]
    # The minimum has the decimals of the quartile: 1.0 would stand above 0.96.
    assert row(table, f"{dose} | Q1, Q3") == ["-", "0.96, 1.00", "-"]
    assert row(table, f"{dose} | Min, Max") == ["-", "0.96, 1.00", "-"]
    assert row(table, "Cumulative dose (10⁶ cells/kg) | Median") == ["-", "1.48", "-"]
    # 60; 40, 50, 60: mean 50, SD 10; all four: 52.5, SD 9.574
    assert row(table, "Infusion duration (min) | Mean (SD)") == ["60.0 (-)", "50.0 (10.00)", "-", "52.5 (9.57)"]
    assert row(table, "Infusion duration (min) | Min, Max") == ["60, 60", "40, 60", "-", "40, 60"]
    assert row(table, "Subjects with an interrupted or reduced infusion, n (%)") == ["0", "2 (100.0)", "-", "2 (66.7)"]
    compliance = "Overall dose compliance of infusions due (%)"
    assert row(table, f"{compliance} | Mean (SD)") == ["100.00 (-)", "74.50 (36.062)", "-", "83.00 (29.445)"]
    assert row(table, "Overall dose compliance group, n (%) | <90%") == ["0", "1 (50.0)", "-", "1 (33.3)"]
    assert "Placebo holds no cells: its doses are -." in table.footnotes
    blind = output("T14.1.9.2", data, pooled=True)
    assert not [note for note in blind.footnotes if "Placebo" in note]
    paths = [f"{compliance} | {name}" for name in ("n", "Mean (SD)", "Median", "Q1, Q3", "Min, Max")]
    assert [row(blind, path)[0] for path in paths] == [row(table, path)[-1] for path in paths]
    assert not [one.label for one in blind.rows if "cells/kg" in one.label]
    told = [note for note in table.footnotes if "compliance" in note.lower()]
    assert "planned infusions that were due" in told[0]
    assert "volume given in per cent of the volume planned" in told[1]
    assert told == [note for note in blind.footnotes if "compliance" in note.lower()]
    assert "Duration is summarised over infusions (n is the number of infusions), all else over subjects." in blind.footnotes


def test_unknown_number_names_the_nearest():
    with pytest.raises(ReportError, match=r"T14\.3\.1\.2\.9.*did you mean .*T14\.3\.1\.2\.1"):
        find("T14.3.1.2.9", TRIAL)


def test_number_without_its_phase_names_those_of_every_phase():
    with pytest.raises(ReportError, match=r"T14\.1\.1 is made for phases 1 and 2.*name one of T14\.1\.1\.1, T14\.1\.1\.2"):
        find("T14.1.1", TRIAL)


def test_output_of_one_dose_group_asks_for_the_group():
    with pytest.raises(PlanError, match=r"F14\.2\.4\.1 is made of one dose group.*--dose-group"):
        find("F14.2.4.1", TRIAL)


def test_dose_group_of_another_phase_is_refused_though_its_column_has_the_same_name():
    assert TRIAL.arm("P2LOW").column == TRIAL.arm("P1LOW").column
    with pytest.raises(PlanError, match=r"dose group P2LOW is not in phase 1.*use one of P1LOW, P1MED, P1HIGH"):
        make(find("T14.3.1.2.1", TRIAL), TRIAL, adam(), STAMP, dose_group="P2LOW")


def test_catalogue_stands_in_csr_order_and_numbers_are_unique():
    numbers = list(catalogue(TRIAL))
    assert len(numbers) == len(set(numbers))
    assert numbers.index("T14.2.6.1") < numbers.index("T14.2.10.1") < numbers.index("F14.2.1.1") < numbers.index("T14.3.1.1.1")
    assert numbers[-1].startswith("L16")


def test_results_have_no_infinite_value():
    for number in ("T14.3.1.2.1", "T14.1.4.1"):
        assert not output(number).ard["stat"].map(math.isinf).any()


def test_brackets_mean_one_thing_in_a_table():
    adsl = pd.DataFrame({"USUBJID": ["2-01", "2-02"], "PHASE": 2.0, "FASFL": "Y", "SAFFL": "Y", "TRT01P": ["Placebo", "Low"]})
    adsl = adsl.assign(TRT01A=adsl["TRT01P"])
    adce = pd.DataFrame({"USUBJID": ["2-01"], "COMPTERM": "Infection", "COMPFL": "Y", "COMP28FL": "Y", "COMP90FL": "Y"})
    tables = [
        output("T14.2.5.2", {"ADSL": adsl, "ADCE": adce}), output("T14.3.1.1.1"), output("T14.3.1.2.1"), output("T14.3.1.4.1"),
    ]  # fmt: skip
    for table in tables:
        cells = [text for one in table.rows for text in one.cells.values()]
        assert table.stub_label is not None
        assert "n (%)" in table.stub_label
        assert ("[events]" in table.stub_label) == any("[" in text for text in cells)
        # an interval has a comma; no bracket holds one
        assert not [text for text in cells if re.search(r"[(\[][^)\]]*,", text)]
