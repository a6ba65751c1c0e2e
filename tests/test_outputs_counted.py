"""Listings and the laboratory by visit on small drawn data: every cell by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.errors import DataError
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.builders import coded_order
from cgbm1_report.tabulate.layout import decimals_of_extremes
from cgbm1_report.tabulate.records import Item, print_item
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

#: First doses on 2025-01-01. Groups stand in the order of the columns, not of the subjects.
ADSL = """
USUBJID | PHASE | SAFFL | FASFL | TRT01P | TRT01A | AGE | SEX
1-01    | 1     | Y     | Y     | Medium | Medium | 40  | F
1-02    | 1     | Y     | Y     | Low    | Low    | 50  | M
1-03    | 1     | N     | N     | .      | .      | 60  | M     # screen failure: in no listing of the safety set
"""


def table(number: str, **options: object) -> Table:
    made = make(find(number, TRIAL), TRIAL, options.pop("data"), STAMP, **options)  # type: ignore[arg-type]
    assert isinstance(made, Table)
    return made


def listed(made: Table, *columns: str) -> list[list[str]]:
    return [[row.cells[column] for column in columns] for row in made.rows]


def test_adverse_events_are_listed_by_group_subject_and_day_with_what_was_collected() -> None:
    adae = draw("""
    USUBJID | AESEQ | AEBODSYS | AEDECOD | AETERM      | ASTDT      | AENDT      | AESTDTC    | AEENDTC    | ASTDTF | ASTDY | AENDY | TRTEMFL | ATOXGR$ | AESER | AREL            | AEACN            | AEOUT     | AEENRTPT
    1-01    | 1     | Blood    | Anaemia | low blood   | 2025-01-05 | 2025-01-09 | 2025-01-05 | 2025-01-09 | .      | 5     | 9     | Y       | 2       | N     | NOT RELATED     | DOSE NOT CHANGED | RECOVERED | .
    1-01    | 2     | Skin     | Rash    | red skin    | 2024-12-30 | .          | 2024-12-30 | .          | .      | -2    | .     | .       | 1       | N     | NOT RELATED     | NOT APPLICABLE   | .         | ONGOING
    1-02    | 1     | Skin     | Rash    | rash        | 2025-02-01 | 2025-02-28 | 2025-02    | 2025-02    | D      | 32    | 59    | Y       | 3       | Y     | PROBABLY RELATED | DRUG WITHDRAWN  | FATAL     | .
    1-03    | 1     | Skin     | Rash    | not treated | 2025-01-02 | .          | 2025-01-02 | .          | .      | .     | .     | .       | 1       | N     | NOT RELATED     | NOT APPLICABLE   | .         | .
    """)
    made = table("L16.2.7.1.1", data={"ADSL": draw(ADSL), "ADAE": adae})
    assert listed(made, "SUBJECT", "DEMOGRAPHY", "TERM", "START", "END", "EMERGENT", "GRADE", "SERIOUS", "RELATION") == [
        ["1-02", "50/M", "Skin / Rash / rash", "2025-02 (32D)", "2025-02 (59)", "Y", "3", "Y", "Probably related"],
        ["1-01", "40/F", "Skin / Rash / red skin", "2024-12-30 (-2)", "Ongoing", "N", "1", "N", "Not related"],
        ["1-01", "40/F", "Blood / Anaemia / low blood", "2025-01-05 (5)", "2025-01-09 (9)", "Y", "2", "N", "Not related"],
    ]  # fmt: skip
    assert listed(made, "ACTION", "OUTCOME") == [
        ["Drug withdrawn", "Fatal"], ["Not applicable", ""], ["Dose not changed", "Recovered"],
    ]  # fmt: skip
    assert made.blocks == (0, 1)


def test_complications_that_occurred_are_listed_with_both_study_days() -> None:
    adce = draw("""
    USUBJID | CESEQ | COMPTERM  | CEOCCUR | CEPREBL | CEWORSE | ASTDT      | ASTDY | AENDT      | AENDY | CESTDTC    | CEENDTC    | CEENRTPT | COMPFL | CEGRADE$
    1-01    | 1     | Infection | Y       | N       | .       | 2025-01-10 | 10    | 2025-01-20 | 20    | 2025-01-10 | 2025-01-20 | .        | Y      | .
    1-01    | 2     | Infection | N       | N       | .       | .          | .     | .          | .     | .          | .          | .        | .      | .
    1-02    | 1     | Hepatic encephalopathy | Y | Y | Y      | 2025-01-13 | 13    | .          | .     | 2025-01-13 | .          | ONGOING  | Y      | 3     # said as of an adverse event
    1-02    | 2     | Hepatic encephalopathy | Y | Y | N      | .          | .     | .          | .     | .          | .          | .        | .      | 1
    """)
    made = table("L16.2.6.9.1", data={"ADSL": draw(ADSL), "ADCE": adce})
    assert listed(made, "SUBJECT", "COMPTERM", "START", "END", "GRADE", "CEPREBL", "CEWORSE", "COUNTED") == [
        ["1-02", "Hepatic encephalopathy", "2025-01-13 (13)", "Ongoing", "3", "Y", "Y", "Y"],
        ["1-02", "Hepatic encephalopathy", "", "", "1", "Y", "N", "N"],
        ["1-01", "Infection", "2025-01-10 (10)", "2025-01-20 (20)", "", "N", "", "Y"],
    ]


def test_coded_text_is_a_sentence_that_leaves_abbreviations_as_they_are() -> None:
    records = pd.DataFrame({"MHCAT": pd.Series(["ACLF PRECIPITANT", "GENERAL", None], dtype="str")})
    said = print_item(Item("CATEGORY", "Category", "MHCAT", sentence=True), records, {"ACLF": "acute-on-chronic liver failure"})
    assert said.fillna("").tolist() == ["ACLF precipitant", "General", ""]


ADLB = """
USUBJID | PARAMCD | AVAL  | CHG | ADT        | ADY | AVISITN | AVISIT   | VISIT     | VISITNUM | ANRIND | POSTLTFL | ABLFL | ANL01FL
1-01    | ALT     | 200   | .   | 2024-12-30 | -2  | 0       | Baseline | SCREENING | 1        | HIGH   | .        | Y     | Y
1-01    | BILI    | 299.3 | .   | 2024-12-30 | -2  | 0       | Baseline | SCREENING | 1        | HIGH   | .        | Y     | Y
1-02    | ALT     | 30    | .   | 2024-12-31 | -1  | 0       | Baseline | SCREENING | 1        | NORMAL | .        | Y     | Y
1-01    | ALT     | 150   | -50 | 2025-01-29 | 29  | 28      | Day 28   | DAY 28    | 28       | HIGH   | .        | .     | Y
1-02    | ALT     | 40.5  | 10.5 | 2025-01-28 | 28 | 28      | Day 28   | DAY 28    | 28       | HIGH   | Y        | .     | Y
1-02    | ALT     | 90    | 60  | 2025-01-30 | 30  | 28      | Day 28   | UNSCHED   | 28.01    | HIGH   | Y        | .     | .     # another value stands for the visit
"""


def test_liver_tests_of_a_sample_stand_in_one_row() -> None:
    made = table("L16.2.6.4.1", data={"ADSL": draw(ADSL), "ADLB": draw(ADLB)})
    # Decimals of the parameter: 40.5 U/L prints 41; H above the normal range.
    assert listed(made, "SUBJECT", "VISIT", "DATE", "ALT", "BILI", "POSTLTFL") == [
        ["1-02", "Screening", "2024-12-31 (-1)", "30", "", ""],
        ["1-02", "Day 28", "2025-01-28 (28)", "41 H", "", "Y"],
        ["1-02", "Unsched", "2025-01-30 (30)", "90 H", "", "Y"],
        ["1-01", "Screening", "2024-12-30 (-2)", "200 H", "299.3 H", ""],
        ["1-01", "Day 28", "2025-01-29 (29)", "150 H", "", ""],
    ]


LABORATORY = """
USUBJID | PARAMCD | AVAL | ADT        | ADY | VISIT     | VISITNUM | ANRIND | ATOXGR$ | ANRLO | ANRHI | POSTLTFL | ASEQ
1-01    | HGB     | 99.5 | 2024-12-30 | -2  | SCREENING | 1        | LOW    | 2       | 115   | 150   | .        | 1
1-01    | HGB     | 101  | 2024-12-30 | -2  | SCREENING | 1        | LOW    | 1       | 115   | 150   | .        | 2   # the same sample twice
1-01    | PLAT    | 130  | 2024-12-30 | -2  | SCREENING | 1        | NORMAL | 0       | 125   | 350   | .        | 3
1-02    | HGB     | 140  | 2025-01-28 | 28  | DAY 28    | 28       | NORMAL | .       | 130   | 175   | Y        | 1
"""


def test_a_sample_lists_each_result_with_its_range_and_grade_and_says_the_normal_ranges() -> None:
    made = table("L16.2.8.1.1", data={"ADSL": draw(ADSL), "ADLB": draw(LABORATORY)})
    # 99.5 g/L prints 100 without decimals; grade 0 is no mark; of two results of a sample each has a row.
    assert sorted(listed(made, "SUBJECT", "VISIT", "HGB", "PLAT", "POSTLTFL")) == [
        ["1-01", "Screening", "100 L 2", "130", ""],
        ["1-01", "Screening", "101 L 1", "", ""],
        ["1-02", "Day 28", "140", "", "Y"],
    ]
    assert "Normal ranges, in the units above: Haemoglobin 115–150 or 130–175; Platelets 125–350." in made.footnotes


@pytest.mark.parametrize("unknown", [["ADT", "ADY"], ["VISITNUM"], ["ADT", "ADY", "VISITNUM", "VISIT"]])
def test_every_result_without_a_date_or_a_visit_is_listed_in_a_row_of_its_own_key(unknown: list[str]) -> None:
    known = draw(ADLB)
    drawn = known.assign(**{name: known[name].where([False] * len(known)) for name in unknown})
    # The first result, ALT 200 of 1-01, stands twice in the data.
    made = table("L16.2.6.4.1", data={"ADSL": draw(ADSL), "ADLB": pd.concat([drawn, drawn.iloc[[0]]], ignore_index=True)})
    assert sorted(row.cells["ALT"] for row in made.rows) == ["150 H", "200 H", "200 H", "30", "41 H", "90 H"]
    assert sum(row.cells["BILI"] == "299.3 H" for row in made.rows) == 1
    assert len({row.key for row in made.rows}) == len(made.rows)


def test_records_that_share_a_key_are_told_apart() -> None:
    adce = draw("""
    USUBJID | CESEQ | COMPTERM  | CEOCCUR | CEPREBL | CEWORSE | ASTDT      | ASTDY | AENDT | AENDY | CESTDTC    | COMPFL | CEGRADE$
    1-01    | 1     | Infection | Y       | N       | .       | 2025-01-10 | 10    | .     | .     | 2025-01-10 | Y      | 1
    1-01    | 1     | Infection | Y       | N       | .       | 2025-01-11 | 11    | .     | .     | 2025-01-11 | Y      | 2    # the same CESEQ again
    """)
    made = table("L16.2.6.9.1", data={"ADSL": draw(ADSL), "ADCE": adce})
    record = (("USUBJID", "1-01"), ("CESEQ", "1"))
    assert [(row.key, row.cells["GRADE"]) for row in made.rows] == [(record, "1"), ((*record, ("record", "2")), "2")]
    assert not made.ard.duplicated(["output", "row", "column", "stat_name"]).any()


@pytest.mark.parametrize(
    ("record", "variable", "value", "told"),
    [
        # 90 of 1-02 at a visit 29 of the same name: 1-02 would count twice in the row Day 28.
        (5, "AVISITN", 29, ["AVISITN 28 has the AVISIT 'Day 28'", "AVISITN 29 has the AVISIT 'Day 28'"]),
        (4, "AVISIT", "DAY 28", ["AVISITN 28 has the AVISIT 'DAY 28'", "AVISITN 28 has the AVISIT 'Day 28'"]),
        (4, "AVISIT", None, ["AVISITN 28 has no AVISIT", "AVISITN 28 has the AVISIT 'Day 28'"]),
    ],
)
def test_visit_of_two_names_and_name_of_two_visits_are_refused(record: int, variable: str, value: object, told: list[str]) -> None:
    adlb = draw(ADLB).assign(ANL01FL="Y").iloc[[0, 1, 2, 3, 4, 5]]
    adlb = adlb if variable == "AVISITN" else adlb.iloc[:5]
    adlb.loc[record, variable] = value
    with pytest.raises(DataError) as refused:
        table("T14.3.4.1.1", data={"ADSL": draw(ADSL), "ADLB": adlb})
    assert [text for text in told if text not in str(refused.value)] == []
    assert "a visit has one name and one number" in str(refused.value)


def test_laboratory_by_visit_summarises_the_record_that_stands_for_each_visit() -> None:
    made = table("T14.3.4.1.1", data={"ADSL": draw(ADSL), "ADLB": draw(ADLB)})
    numbers = made.ard.set_index(["column", "stat_name"])
    alt = numbers[numbers["row"].str.contains('"ALT"') & numbers["row"].str.contains('"Day 28"')]
    value, change = (alt[alt["row"].str.contains(f'"{name}"')]["stat"] for name in ("AVAL", "CHG"))
    # After transplantation counts, this is safety: 40.5 of Low, 150 of Medium; the unscheduled 90 is no visit's.
    assert value[("Low", "mean")] == 40.5
    assert value[("Total", "mean")] == 95.25
    assert value[("Total", "N")] == 2
    assert change[("Total", "mean")] == -19.75
    # 40.5 has a decimal that ALT has not: the minimum has as many as the median.
    printed = made.ard[(made.ard["stat_name"] == "min") & (made.ard["column"] == "Low")]["stat_fmt"].tolist()
    assert "40.5" in printed
    assert "41" not in printed


@pytest.mark.parametrize(
    ("values", "dp", "decimals"),
    [
        ([1.0, 2.0, None], 0, 0),
        ([1.0, 2.4], 0, 1),
        ([0.96, 1.0], 1, 2),
        ([0.1 + 0.2, 1.1], 1, 1),  # 0.30000000000000004 is 0.3
        ([299.3 - 300.0], 1, 1),  # so is -0.6999999999999886 a change of -0.7
        ([1e6 + 0.05], 1, 2),
        ([], 1, 1),
        ([None], 2, 2),
    ],
)
def test_extremes_have_the_decimals_of_the_median_where_a_value_has_more_than_its_parameter(values, dp, decimals) -> None:
    assert decimals_of_extremes(pd.Series(values, dtype="float64"), dp) == decimals


def test_categories_keep_their_coded_order_and_what_says_little_is_last() -> None:
    reasons = pd.Series(["OTHER", "OTHER", "OTHER", "ADVERSE EVENT", "DEATH", "NOT SAID", "NEW REASON", "NEW REASON"])
    expected = ["DEATH", "ADVERSE EVENT", "NEW REASON", "OTHER", "NOT SAID"]
    assert coded_order("ADSL", "DCSREAS", reasons, ("NOT SAID",)) == expected
    assert coded_order("ADSL", "PPSEXCL", pd.Series(["B", "A", "B", "C"])) == ["B", "A", "C"], "free: the most frequent first"


ADTTE = """
USUBJID | PARAMCD | AVAL | CNSR | EVNTDESC | CNSDTDSC
1-01    | LTFS    | 30   | 3    | .        | DATA CUT-OFF
1-02    | LTFS    | 180  | 1    | .        | ALIVE AT DAY 180
1-04    | LTFS    | 20   | 2    | .        | WITHDRAWN
1-05    | LTFS    | 25   | 2    | .        | LOST TO FOLLOW-UP
"""


def test_reasons_of_censoring_stand_in_the_order_of_their_codes() -> None:
    adsl = draw(ADSL).iloc[[0, 0, 0, 0]].assign(USUBJID=["1-01", "1-02", "1-04", "1-05"])
    made = table("T14.2.1.1", data={"ADSL": adsl, "ADTTE": draw(ADTTE)})
    labels = [row.label for row in made.rows]
    start = labels.index("Censored, n (%)") + 1
    assert labels[start : start + 4] == ["Alive at day 180", "Lost to follow-up", "Withdrawn", "Data cut-off"]


def test_spellings_of_a_reason_of_censoring_are_one_row_whose_level_is_the_text_of_the_data() -> None:
    adsl = draw(ADSL).iloc[[0, 0, 0, 0]].assign(USUBJID=["1-01", "1-02", "1-04", "1-05"])
    adtte = draw(ADTTE)
    adtte.loc[3, "CNSDTDSC"] = " Withdrawn"
    made = table("T14.2.1.1", data={"ADSL": adsl, "ADTTE": adtte})
    ((key, cells),) = [(row.key, row.cells) for row in made.rows if row.label == "Withdrawn"]
    assert key[-1] == ("CNSDTDSC", " Withdrawn"), "of one code the first in sort order"
    assert cells["Total"] == "2 (50.0)"
