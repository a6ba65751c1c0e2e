"""ADVS: vital signs before and after an infusion; and the whole default cut against its schemas."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive import blind_adam, blind_sdtm, derive_adam
from cgbm1_report.derive.advs import derive_advs
from cgbm1_report.errors import ReportError
from cgbm1_report.read.cut import read_cut
from cgbm1_report.validate import validate_adam
from tests.drawn import our_trial
from tests.sdtm_cases import shown, table
from tests.test_windows import subjects

TRIAL = our_trial()


def vitals(text: str) -> pd.DataFrame:
    drawn = table(text)
    usual = {"USUBJID": "S-1", "VSTESTCD": "HR", "VISIT": "DAY 7", "VISITNUM": 7.0, "VSTPT": None, "VSSTAT": None}
    drawn = drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})
    return drawn.assign(VSSEQ=[float(number) for number in range(1, len(drawn) + 1)])


#: First infusion of S-1: 2025-03-10T10:00. A second one is given a week later.
AROUND = vitals(
    """
    VSSTRESN  VSTPT     VSDTC             VISIT            VISITNUM
    80        -         2025-03-08        SCREENING        1
    82        PRE-DOSE  2025-03-10T09:30  DAY 0 PRE-DOSE   2
    95        END       2025-03-10T11:00  DAY 0 POST-DOSE  2.5
    90        +1H       2025-03-10T12:00  DAY 0 POST-DOSE  2.5
    88        +4H       2025-03-10T15:00  DAY 0 POST-DOSE  2.5
    84        PRE-DOSE  2025-03-17T09:00  DAY 7            7
    99        END       2025-03-17T11:00  DAY 7            7
    91        +1H       2025-03-17T12:00  DAY 7            7
    86        +4H       2025-03-17T15:00  DAY 7            7
    """
)


def test_each_time_point_around_an_infusion_has_its_own_record_of_the_visit() -> None:
    """The pre-dose value of the second infusion is no baseline; changes by hand from the baseline 82."""
    found = derive_advs({"VS": AROUND}, subjects(), TRIAL)
    shown_rows = [[shown(v) for v in row] for row in found[["ATPT", "ATPTN", "ABLFL", "CHG", "AVISITN"]].to_numpy(dtype=object)]
    assert shown_rows == [
        [None, None, None, None, None],
        ["PRE-DOSE", 1.0, "Y", None, 0.0],
        ["END", 2.0, None, 13.0, None],  # no analysis window on day 0: known by its time point alone
        ["+1H", 3.0, None, 8.0, None],
        ["+4H", 4.0, None, 6.0, None],
        ["PRE-DOSE", 1.0, None, 2.0, 7.0],
        ["END", 2.0, None, 17.0, 7.0],
        ["+1H", 3.0, None, 9.0, 7.0],
        ["+4H", 4.0, None, 4.0, 7.0],
    ]
    assert found.loc[found["AVISITN"] == 7, "ANL01FL"].tolist() == ["Y"] * 4


def test_a_time_point_tells_before_from_after_where_the_time_is_missing() -> None:
    found = derive_advs(
        {
            "VS": vitals(
                """
                VSSTRESN  VSTPT     VSDTC       VISIT           VISITNUM
                82        PRE-DOSE  2025-03-10  DAY 0 PRE-DOSE  2
                95        END       2025-03-10  DAY 0 PRE-DOSE  2     # entered on the wrong page: still after the infusion
                """
            )
        },
        subjects(),
        TRIAL,
    )
    assert [shown(v) for v in found.sort_values("ATPTN")["ABLFL"]] == ["Y", None]
    assert [shown(v) for v in found.sort_values("ATPTN")["ONTRTFL"]] == [None, "Y"]


def test_what_is_not_measured_or_not_a_vital_sign_has_no_record() -> None:
    vs = vitals(
        """
        VSTESTCD  VSSTRESN  VSSTAT    VSDTC
        HR        -         NOT DONE  2025-03-17
        HR        -         -         2025-03-17
        FRMSIZE   2         -         2025-03-17   # a test no parameter stands for
        TEMP      36.5      -         2025-03-17
        """
    )
    assert derive_advs({"VS": vs}, subjects(), TRIAL)["PARAMCD"].tolist() == ["TEMP"]
    assert not len(derive_advs({}, subjects(), TRIAL))


def test_a_measurement_of_nobody_is_refused() -> None:
    with pytest.raises(ReportError, match="S-9"):
        derive_advs({"VS": AROUND.assign(USUBJID="S-9")}, subjects(), TRIAL)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(len(AROUND))))
def test_the_order_of_measurements_decides_nothing(order: list[int]) -> None:
    expected = derive_advs({"VS": AROUND}, subjects(), TRIAL)
    pd.testing.assert_frame_equal(expected, derive_advs({"VS": AROUND.iloc[order]}, subjects(), TRIAL))


def test_all_datasets_of_the_default_cut_pass_their_schemas_open_and_blind(final_cut) -> None:
    cut = read_cut(final_cut)
    adam = derive_adam(cut.sdtm, TRIAL, cut.cutoff)
    assert len(adam) == 19
    assert not len(validate_adam(adam, TRIAL))
    assert {"HLAAB", "HLA1AB", "HLA2AB"} == set(adam["ADIS"]["PARAMCD"])
    blind = derive_adam(blind_sdtm(cut.sdtm, TRIAL, {2}), TRIAL, cut.cutoff)
    for name in ("ADCM", "ADMH", "ADPR", "ADDV", "ADSV", "ADVS", "ADIS", "ADLBHY"):
        treatment = ["TRTP", "TRTPN", "TRTA", "TRTAN"]
        assert blind[name].loc[blind[name]["PHASE"] == 2, treatment].isna().all(axis=None), name
        pd.testing.assert_frame_equal(blind[name].drop(columns=treatment), adam[name].drop(columns=treatment), obj=name)


def test_the_dose_form_is_hidden_with_the_dose() -> None:
    """A suspension of cells and a clear placebo differ by their form."""
    dm = table("USUBJID  ARMCD  SCRPHASE\nA        P2LOW  2")
    ex = table("USUBJID  EXSEQ  EXDOSFRM\nA        1      SUSPENSION")
    assert blind_sdtm({"DM": dm, "EX": ex}, TRIAL, {2})["EX"]["EXDOSFRM"].isna().all()
    adam = {"ADSL": pd.DataFrame({"USUBJID": ["A"], "PHASE": [2.0]}), "ADEX": ex.assign(PARAMCD="NINF")}
    assert blind_adam(adam, TRIAL, {2})["ADEX"]["EXDOSFRM"].isna().all()


def test_an_outcome_of_a_vital_sign_is_analysed_by_one_record_of_a_visit_that_no_infusion_has_touched() -> None:
    """Heart rate as an outcome on day 7, the day of the second infusion: what stands before it is the visit's, 84 after 82."""
    asked = TRIAL.outcomes[3].model_copy(update={"phase": 1, "paramcd": "HR", "dataset": "ADVS", "nominal_days": (7,)})
    found = derive_advs({"VS": AROUND}, subjects(), TRIAL.model_copy(update={"outcomes": (asked,)}))
    analysed = found[found["ANL02FL"] == "Y"]
    assert analysed[["ATPT", "AVAL", "CHG", "AVISITN"]].to_numpy().tolist() == [["PRE-DOSE", 84.0, 2.0, 7.0]]
    assert derive_advs({"VS": AROUND}, subjects(), TRIAL)["ANL02FL"].isna().all(), "without an outcome none is"
