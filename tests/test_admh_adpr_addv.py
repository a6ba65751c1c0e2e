"""ADMH, ADPR, ADDV and ADIE: history, procedures, deviations and criteria, with what began before the first infusion."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.addv import derive_addv
from cgbm1_report.derive.adie import derive_adie
from cgbm1_report.derive.admh import derive_admh
from cgbm1_report.derive.adpr import derive_adpr
from cgbm1_report.derive.adsl import derive_subjects
from cgbm1_report.derive.history import derive_cirrfl
from tests.drawn import our_trial
from tests.sdtm_cases import infusions, shown, subjects, table

TRIAL = our_trial()
EX = infusions("USUBJID  EXSTDTC           EXDOSE\nA        2025-03-10T10:00  1")
#: A has the first infusion on 2025-03-10 at 10:00; N is never dosed.
ADSL = derive_subjects({"DM": subjects("USUBJID  ARMCD\nA  P1LOW\nN  P1LOW"), "EX": EX}, TRIAL, None)


def numbered(text: str, seq: str, **usual: object) -> pd.DataFrame:
    drawn = table(text)
    drawn = drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})
    return drawn.assign(**{seq: drawn.groupby("USUBJID").cumcount() + 1.0})


def rows(found: pd.DataFrame, *names: str) -> list[list[object]]:
    return [[shown(value) for value in row] for row in found[list(names)].to_numpy(dtype=object)]


def test_history_of_unknown_day_starts_on_its_first_day() -> None:
    mh = numbered(
        """
        USUBJID  MHSTDTC     MHENDTC  MHENRTPT
        A        2012        -        ONGOING   # 1 January
        A        2025-03     -        BEFORE    # the month of the first dose: day 01, never the dose date
        A        -           -        ONGOING   # unknown: stays missing, last in order
        A        2010-05-25  2011     -         # an end without a statement is not ongoing
        """,
        "MHSEQ",
        MHTERM="condition",
    )
    found = derive_admh({"MH": mh}, ADSL)
    assert rows(found, "MHSEQ", "ASTDT", "ASTDTF", "MHONGFL") == [
        [4.0, "2010-05-25", None, None],
        [1.0, "2012-01-01", "M", "Y"],
        [2.0, "2025-03-01", "D", None],
        [3.0, None, None, "Y"],
    ]


PROCEDURES = numbered(
    """
    USUBJID  PRSTDTC           PRENDTC     # first infusion 2025-03-10T10:00
    A        2025-03-09        2025-03-09  # the day before
    A        2025-03-10        -           # the day itself without a time: after
    A        2025-03-10T09:59  -           # a minute before the infusion
    A        2025-03-10T10:00  -           # with the infusion
    A        2025-03           -           # neither can be excluded
    A        2025-03           2025-03-05  # over before the first dose
    A        2025-04           -           # after it whatever the day
    A        2025-02           -           # before it whatever the day
    A        -                 -           # nothing known
    N        2025-03-09        -           # never dosed
    """,
    "PRSEQ",
    PRDECOD="RENAL REPLACEMENT THERAPY",
)


def test_procedures_began_before_or_after_the_first_infusion() -> None:
    found = derive_adpr({"PR": PROCEDURES}, ADSL).sort_values(["USUBJID", "PRSEQ"])
    assert rows(found, "PREFL", "ONTRTFL") == [
        *(["Y", None], [None, "Y"], ["Y", None], [None, "Y"], ["Y", "Y"]),
        *(["Y", None], [None, "Y"], ["Y", None], ["Y", "Y"], [None, None]),
    ]
    assert rows(found.iloc[4:7], "ASTDT", "ASTDY", "AENDT") == [
        ["2025-03-01", -9.0, None],
        ["2025-03-01", -9.0, "2025-03-05"],
        ["2025-04-01", 23.0, None],
    ]


def test_a_complete_start_of_a_dosed_subject_is_before_or_after_and_never_both() -> None:
    found = derive_adpr({"PR": PROCEDURES}, ADSL)
    complete = found[(found["PRSTDTC"].str.len() >= 10) & found["TRTSDT"].notna()]
    assert (complete["PREFL"].notna() ^ complete["ONTRTFL"].notna()).all()


def test_deviations_are_important_by_category_and_exclude_by_their_own_flag() -> None:
    dv = numbered(
        """
        USUBJID  DVCAT      DVPPSFL  DVSTDTC     DVDECOD
        A        MINOR      -        2025-03-17  VISIT WINDOW
        A        IMPORTANT  Y        2025-03-10  DOSING
        A        IMPORTANT  -        2025-03-09  ELIGIBILITY    # important, yet the efficacy stands
        N        IMPORTANT  N        2025-03-09  ELIGIBILITY    # never dosed: no relative day
        N        MINOR      -        2025-03     OTHER          # the day is not known: listed as collected
        """,
        "DVSEQ",
        DVTERM="deviation",
    )
    found = derive_addv({"DV": dv}, ADSL)
    assert rows(found, "DVDECOD", "DVSTDTC", "ADT", "ADY", "DVIMPFL", "DVPPSFL") == [
        ["ELIGIBILITY", "2025-03-09", "2025-03-09", -1.0, "Y", None],
        ["DOSING", "2025-03-10", "2025-03-10", 1.0, "Y", "Y"],
        ["VISIT WINDOW", "2025-03-17", "2025-03-17", 8.0, None, None],
        ["ELIGIBILITY", "2025-03-09", "2025-03-09", None, "Y", None],
        ["OTHER", "2025-03", None, None, None, None],
    ]


def test_each_criterion_not_met_stands_under_its_own_words() -> None:
    ie = numbered(
        """
        USUBJID  IETESTCD  IECAT      IEORRES  IEDTC       IETEST
        N        P1I05     INCLUSION  N        2025-03-08  as_the_form_says   # the protocol has the words
        N        P1I02     INCLUSION  N        2025-03     -                  # a second one of this subject; day not known
        A        X99       EXCLUSION  Y        2025-03-09  as_the_form_says   # not the protocol's: as collected; dosed on 03-10
        A        X98       EXCLUSION  Y        -           -
        """,
        "IESEQ",
    )
    found = derive_adie({"IE": ie}, ADSL, TRIAL)
    assert rows(found, "USUBJID", "IETESTCD", "IETEST", "ADT", "ADY") == [
        ["A", "X99", "as_the_form_says", "2025-03-09", -1.0],
        ["A", "X98", "X98", None, None],
        ["N", "P1I05", "MELD score under 30", "2025-03-08", None],
        ["N", "P1I02", "Age >= 18 years", None, None],
    ]


def test_what_was_asked_for_and_did_not_occur_is_no_record() -> None:
    mh = numbered("USUBJID  MHTERM       MHOCCUR\nA  Cirrhosis  N\nA  Hypertension  Y\nA  Gout  -", "MHSEQ")
    assert derive_admh({"MH": mh}, ADSL)["MHTERM"].tolist() == ["Hypertension", "Gout"]
    assert derive_cirrfl({"MH": mh}, pd.Index(["A"])).tolist() == ["N"]
    pr = numbered("USUBJID  PRDECOD        PROCCUR  PRSTDTC\nA  LIVER_TRANSPLANTATION  N  2025-03-20", "PRSEQ")
    assert derive_adpr({"PR": pr}, ADSL).empty


@pytest.mark.parametrize("derive", [derive_admh, derive_adpr, derive_addv, derive_adie])
def test_an_absent_domain_gives_an_empty_dataset_with_its_variables(derive) -> None:
    found = derive({}, ADSL) if derive is not derive_adie else derive({}, ADSL, TRIAL)
    assert not len(found)
    assert {"USUBJID", "PHASE", "TRTA", "SAFFL"} <= set(found.columns)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(len(PROCEDURES))))
def test_the_order_of_procedures_decides_nothing(order: list[int]) -> None:
    pd.testing.assert_frame_equal(derive_adpr({"PR": PROCEDURES}, ADSL), derive_adpr({"PR": PROCEDURES.iloc[order]}, ADSL))
