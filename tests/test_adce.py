"""ADCE: which complications count, and through which day."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adce import derive_adce
from cgbm1_report.derive.adsl import derive_subjects
from cgbm1_report.errors import ReportError
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.sdtm_cases import complications, infusions, shown, subjects

TRIAL = our_trial()
DM = subjects("USUBJID  ARMCD\nS1  P1LOW\nS2  P2PBO")
EX = infusions("USUBJID  EXSTDTC  EXDOSE\nS1  2025-03-10T10:00  1")


ADSL = derive_subjects({"DM": DM, "EX": EX}, TRIAL, None)


def derive(ce: pd.DataFrame) -> pd.DataFrame:
    return derive_adce({"DM": DM, "EX": EX, "CE": ce}, ADSL, TRIAL)


def column(adce: pd.DataFrame, variable: str) -> list[Any]:
    return [shown(value) for value in adce.sort_values(["USUBJID", "CESEQ"])[variable]]


WORKED = """
    USUBJID  CETERM                  CESTDTC     CEOCCUR  CEPREBL  CEWORSE
    S1       Hepatic encephalopathy  -           Y        Y        N        # grade 1 at baseline
    S1       Hepatic encephalopathy  2025-03-22  Y        Y        Y        # grade 3 on elapsed day 12
    S1       Infection               -           N        N        -
    S1       Infection               2025-09-07  Y        N        -        # elapsed day 181
    S1       Infection               2025-09-06  Y        N        -        # elapsed day 180
"""


def test_worked_complications_count_as_by_hand() -> None:
    """A worsening counts, what was there does not, nor what did not occur, nor what came after day 180."""
    found = derive(complications(WORKED))
    assert column(found, "COMPFL") == [None, "Y", None, None, "Y"]
    assert column(found, "ASTDY") == [None, 13, None, 182, 181]
    assert column(found, "COMPCD") == ["HE", "HE", "INFECT", "INFECT", "INFECT"]
    assert column(found, "COMPTERM")[0] == "Hepatic encephalopathy"


def test_a_complication_ends_on_the_last_day_its_date_can_mean() -> None:
    found = derive(
        complications(
            """
            USUBJID  CETERM     CESTDTC     CEENDTC     CEOCCUR  CEPREBL
            S1       Infection  2025-03-12  2025-03-19  Y        N         # dosed on 03-10: study day 10
            S1       Infection  2025-03-25  2025-03     Y        N         # the last of March: study day 22
            S1       Infection  2025-04-02  -           Y        N         # no end
            S1       Infection  -           2025-04-09  N        N         # did not occur
            """
        )
    )
    assert column(found, "AENDT") == ["2025-03-19", "2025-03-31", None, None]
    assert column(found, "AENDTF") == [None, "D", None, None]
    assert column(found, "AENDY") == [10, 22, None, None]


def test_every_case_worked_in_the_fixtures_counts_as_there() -> None:
    cases = read_oracle("e19")["complication"]
    assert len(cases) == 4
    days = pd.to_timedelta(pd.Series([case["rel"] for case in cases], dtype="float64"), unit="D")
    dates = (pd.Timestamp("2025-03-10") + days).dt.strftime("%Y-%m-%d").astype("str")
    ce = complications("USUBJID\n" + "S1\n" * len(cases)).assign(
        CETERM=[case["term"] for case in cases],
        CESTDTC=dates,
        **{name: pd.Series([case[name.lower()] for case in cases], dtype="str") for name in ("CEOCCUR", "CEPREBL", "CEWORSE")},
    )
    assert column(derive(ce), "COMPFL") == [case["compfl"] for case in cases]


def test_counted_through_the_registry_days_for_survival() -> None:
    ce = complications(
        """
        USUBJID  CETERM     CESTDTC
        S1       Infection  2025-03-10T09:59   # a minute before the infusion
        S1       Infection  2025-03-10T10:00
        S1       Infection  2025-04-07         # elapsed day 28
        S1       Infection  2025-04-08
        S1       Infection  2025-06-08         # 90
        S1       Infection  2025-06-09
    """
    )
    found = derive(ce)
    assert column(found, "COMP28FL") == [None, "Y", "Y", None, None, None]
    assert column(found, "COMP90FL") == [None, "Y", "Y", "Y", "Y", None]
    assert column(found, "COMPFL") == [None, "Y", "Y", "Y", "Y", "Y"]


def test_partial_dates_follow_the_rule_of_adverse_events() -> None:
    ce = complications(
        """
        USUBJID  CETERM     CESTDTC     CEBEFINF  CEPREBL  CEWORSE
        S1       Infection  2025-03     -         N        -        # may be after the infusion: counts
        S1       Infection  2025-03     Y         N        -
        S1       Infection  -           -         N        -        # no date: worst case
        S1       Infection  2025-03-10  -         N        -        # the day, no time
        S1       Infection  2025-03-10  Y         N        -
        S1       Infection  2025-03     -         Y        N        # present at baseline
        S1       Infection  2025-03     -         Y        Y        # worsened at an unknown day of the month
    """
    )
    found = derive(ce)
    assert column(found, "ASTDT") == [
        "2025-03-10", "2025-03-01", "2025-03-10", "2025-03-10", "2025-03-10", "2025-03-01", "2025-03-10",
    ]  # fmt: skip
    assert column(found, "ASTDTF") == ["D", "D", "Y", None, None, "D", "D"]
    assert column(found, "COMPFL") == ["Y", None, "Y", "Y", None, None, "Y"]


def test_nothing_counts_for_a_subject_never_dosed() -> None:
    found = derive(complications("USUBJID  CETERM  CESTDTC\nS2  Infection  2025-03-20"))
    assert found[["COMPFL", "COMP28FL", "COMP90FL", "ASTDY"]].isna().all(axis=None)
    assert shown(found["ASTDT"].iloc[0]) == "2025-03-20"


def test_terms_are_found_by_code_and_in_any_letter_case_and_unknown_ones_refused() -> None:
    ce = complications(
        "USUBJID  CETERM  CESTDTC\nS1  hepatorenal  SYNDROME\nS1  AKI  2025-03-20".replace(
            "hepatorenal  SYNDROME", "HRS  2025-03-20"
        )
    )
    assert column(derive(ce), "COMPCD") == ["HRS", "AKI"]
    ce["CETERM"] = [" HEPATORENAL   syndrome ", "<script>"]
    with pytest.raises(ReportError, match="<script>") as caught:
        derive(ce)
    assert caught.value.problems[0].file == "CE"
    other = complications("USUBJID  CETERM  CESTDTC\nS1  Something else  2025-03-20").assign(CECAT="OTHER FORM")
    assert len(derive(other)) == 0


def test_no_complications_give_an_empty_dataset_of_the_same_shape() -> None:
    some = derive(complications(WORKED))
    sdtm = {"DM": DM, "EX": EX}
    none = derive_adce(sdtm, derive_subjects(sdtm, TRIAL, None), TRIAL)
    assert len(none) == 0
    assert list(none.columns) == list(some.columns)
    assert none.dtypes.astype(str).equals(some.dtypes.astype(str))


episode = st.tuples(
    st.sampled_from(["Infection", "Hepatic encephalopathy"]),
    st.one_of(st.none(), st.integers(-20, 220)),
    st.sampled_from(["Y", "N"]),
    st.sampled_from(["Y", "N"]),
    st.sampled_from(["Y", "N", None]),
)


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(episode, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_order_decides_nothing_and_a_shorter_period_counts_no_more(rows: list[Any], order: Any) -> None:
    drawn = pd.DataFrame(rows, columns=["CETERM", "DAY", "CEOCCUR", "CEPREBL", "CEWORSE"])
    dates = (pd.Timestamp("2025-03-10") + pd.to_timedelta(drawn["DAY"], unit="D")).dt.strftime("%Y-%m-%d")
    ce = complications("USUBJID\n" + "S1\n" * len(drawn)).assign(CESTDTC=dates.astype("str"))
    ce = ce.assign(**{name: drawn[name].astype("str") for name in ("CETERM", "CEOCCUR", "CEPREBL", "CEWORSE")})
    shuffled = list(ce.index)
    order.shuffle(shuffled)
    found = derive(ce)
    pd.testing.assert_frame_equal(found, derive(ce.loc[shuffled]))
    flags = found[["COMP28FL", "COMP90FL", "COMPFL"]].eq("Y")
    assert (flags["COMP28FL"] <= flags["COMP90FL"]).all()
    assert (flags["COMP90FL"] <= flags["COMPFL"]).all()
    assert not (flags["COMPFL"] & found["CEOCCUR"].eq("N")).any()
