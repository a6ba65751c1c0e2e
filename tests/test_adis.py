"""ADIS: anti-HLA antibodies of class I, class II and both together."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adis import derive_adis
from cgbm1_report.errors import ReportError
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.sdtm_cases import shown, table
from tests.test_windows import subjects

TRIAL = our_trial()
TESTS = {"I": "HLA1AB", "II": "HLA2AB"}


def antibodies(text: str) -> pd.DataFrame:
    """IS of S-1, first infusion 2025-03-10T10:00: one line per sample, a column per class."""
    drawn = table(text)
    long = drawn.melt([n for n in drawn if n not in TESTS], list(TESTS), "CLASS", "ISSTRESC")
    long = long.assign(ISTESTCD=long["CLASS"].map(TESTS), USUBJID="S-1", ISSTAT=None)
    return long.drop(columns="CLASS").assign(ISSEQ=[float(number) for number in range(1, len(long) + 1)])


def results(found: pd.DataFrame, paramcd: str, *names: str) -> list[list[object]]:
    rows = found.loc[found["PARAMCD"] == paramcd, list(names)]
    return [[shown(value) for value in row] for row in rows.to_numpy(dtype=object)]


@pytest.mark.parametrize("case", read_oracle("e19")["hla"], ids=str)
def test_both_classes_together_equal_the_worked_cases(case: dict) -> None:
    one, two = case["class1"] or "-", case["class2"] or "-"
    found = derive_adis(
        {"IS": antibodies(f"ISDTC  VISIT  VISITNUM  I  II\n2025-04-07  DAY 28  28  {one}  {two}")}, subjects(), TRIAL
    )
    expected = [[case["hlaab"]]] if case["hlaab"] else []
    assert results(found, "HLAAB", "AVALC") == expected


def test_one_positive_class_decides_and_an_undetermined_one_leaves_it_open() -> None:
    found = derive_adis(
        {
            "IS": antibodies(
                """
                ISDTC       VISIT    VISITNUM  I              II
                2025-03-17  DAY 7    7         NEGATIVE       NEGATIVE
                2025-03-24  DAY 14   14        POSITIVE       INDETERMINATE   # positive whatever the other is
                2025-03-31  DAY 21   21        NEGATIVE       INDETERMINATE   # cannot be told: no record
                2025-04-07  DAY 28   28        INDETERMINATE  INDETERMINATE
                2025-05-09  DAY 60   60        negative       Negative        # the same word
                """
            )
        },
        subjects(),
        TRIAL,
    )
    assert results(found, "HLAAB", "VISITNUM", "AVALC") == [[7.0, "NEGATIVE"], [14.0, "POSITIVE"], [60.0, "NEGATIVE"]]
    assert results(found, "HLA1AB", "AVALC")[3] == ["INDETERMINATE"], "stays for the listing"


COURSE = antibodies(
    """
    ISDTC             VISIT           VISITNUM  I              II
    2025-03-05T08:00  SCREENING       1         NEGATIVE       POSITIVE
    2025-03-10T08:00  DAY 0 PRE-DOSE  2         INDETERMINATE  NEGATIVE     # class I: the baseline is the screening value
    2025-04-07T08:00  DAY 28          28        POSITIVE       NEGATIVE
    2025-04-09T08:00  DAY 28          28        INDETERMINATE  -            # nearer to nothing: counts as missing
    2025-05-09T08:00  DAY 60          60        NEGATIVE       NEGATIVE
    """
)


def test_an_undetermined_result_is_no_baseline_no_visit_record_and_no_worst() -> None:
    found = derive_adis({"IS": COURSE}, subjects(), TRIAL)
    assert results(found, "HLA1AB", "AVALC", "ABLFL", "BASEC", "ANL01FL") == [
        ["NEGATIVE", "Y", "NEGATIVE", "Y"],
        ["INDETERMINATE", None, "NEGATIVE", None],
        ["POSITIVE", None, "NEGATIVE", "Y"],
        ["INDETERMINATE", None, "NEGATIVE", None],
        ["NEGATIVE", None, "NEGATIVE", "Y"],
    ]


def test_shift_leads_to_the_worst_result_and_a_new_positive_is_emergent() -> None:
    found = derive_adis({"IS": COURSE}, subjects(), TRIAL)
    shift = "NEGATIVE to POSITIVE"
    assert results(found, "HLA1AB", "SHIFT1", "TEPOSFL") == [[None, None], [None, None], [shift, "Y"], [shift, None], [shift, None]]
    assert results(found, "HLA2AB", "SHIFT1", "TEPOSFL") == [[None, None]] * 2 + [["NEGATIVE to NEGATIVE", None]] * 2
    # Together: screening POSITIVE is the baseline, because the pre-dose sample tells nothing.
    assert results(found, "HLAAB", "AVALC", "BASEC", "SHIFT1", "TEPOSFL") == [
        ["POSITIVE", "POSITIVE", None, None],
        ["POSITIVE", "POSITIVE", "POSITIVE to POSITIVE", None],
        ["NEGATIVE", "POSITIVE", "POSITIVE to POSITIVE", None],
    ]


def test_a_positive_without_a_baseline_is_not_emergent_and_has_no_shift() -> None:
    alone = antibodies("ISDTC  VISIT  VISITNUM  I  II\n2025-04-07  DAY 28  28  POSITIVE  POSITIVE")
    found = derive_adis({"IS": alone}, subjects(), TRIAL)
    assert len(found) == 3
    assert found[["SHIFT1", "TEPOSFL", "BASEC"]].isna().all(axis=None)


def test_classes_of_different_days_are_not_one_sample() -> None:
    apart = antibodies("ISDTC  VISIT  VISITNUM  I  II\n2025-04-07  DAY 28  28  NEGATIVE  -\n2025-04-08  DAY 28  28  -  NEGATIVE")
    assert results(derive_adis({"IS": apart}, subjects(), TRIAL), "HLAAB", "AVALC") == []


def test_other_tests_not_done_and_absent_domains_have_no_record() -> None:
    other = COURSE.assign(ISTESTCD="HLA1MFI")
    assert not len(derive_adis({"IS": other}, subjects(), TRIAL))
    assert not len(derive_adis({"IS": COURSE.assign(ISSTAT="NOT DONE")}, subjects(), TRIAL))
    assert "TEPOSFL" in derive_adis({}, subjects(), TRIAL)


def test_a_result_of_nobody_is_refused() -> None:
    with pytest.raises(ReportError, match="S-9"):
        derive_adis({"IS": COURSE.assign(USUBJID="S-9")}, subjects(), TRIAL)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(len(COURSE))))
def test_the_order_of_results_decides_nothing(order: list[int]) -> None:
    expected = derive_adis({"IS": COURSE}, subjects(), TRIAL)
    pd.testing.assert_frame_equal(expected, derive_adis({"IS": COURSE.iloc[order]}, subjects(), TRIAL))


@pytest.mark.parametrize(
    ("one", "two", "sequence"), [("NEGATIVE", "POSITIVE", 2.0), ("POSITIVE", "POSITIVE", 1.0), ("NEGATIVE", "NEGATIVE", 1.0)]
)
def test_both_classes_together_lead_to_the_class_that_decided(one: str, two: str, sequence: float) -> None:
    sample = antibodies(f"ISDTC  VISIT  VISITNUM  I  II\n2025-04-07  DAY 28  28  {one}  {two}")
    assert results(derive_adis({"IS": sample}, subjects(), TRIAL), "HLAAB", "SRCDOM", "SRCVAR", "SRCSEQ") == [
        ["IS", "ISSTRESC", sequence]
    ]
