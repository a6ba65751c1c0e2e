"""Days, windows, baselines and the record of a visit, against tables worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.dates import parse_dtc
from cgbm1_report.derive.windows import derive_avisitn, derive_bds, finish_bds, pre_dose_visits
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.conventions import Conventions
from cgbm1_report.protocol.schema import schema_labels
from tests.drawn import our_trial
from tests.oracle import read_oracle

TRIAL = our_trial()
TIES, WINDOWS = read_oracle("e09"), read_oracle("e10")
VISITNUM = {"SCREENING": 1.0, "DAY 0 PRE-DOSE": 2.0, "UNSCHEDULED 2.01": 2.01}


def subjects(**changed: object) -> pd.DataFrame:
    """One phase 1 subject, first infusion 2025-03-10T10:00."""
    row = {
        "STUDYID": "NCT06740149",
        "USUBJID": "S-1",
        "SITEID": "01",
        "PHASE": 1.0,
        "TRT01P": "Low",
        "TRT01PN": 1.0,
        "TRT01A": "Low",
        "TRT01AN": 1.0,
        "TRTSDT": "2025-03-10",
        "TRTSDTM": "2025-03-10T10:00:00",
        "ANCHDT": "2025-03-10",
        "RANDDT": None,
        "LTDT": None,
        **changed,
    }
    frame = pd.DataFrame([row])
    dates = ["TRTSDT", "TRTSDTM", "ANCHDT", "RANDDT", "LTDT"]
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in dates})


def records(*rows: dict) -> pd.DataFrame:
    """Bilirubin results of the subject: dtc, aval, and if it matters visit, lbnam, lbtpt, seq."""
    frame = pd.DataFrame(
        {
            "USUBJID": [row.get("usubjid", "S-1") for row in rows],
            "PARAMCD": [row.get("paramcd", "BILI") for row in rows],
            "AVAL": pd.Series([row.get("aval", math.nan) for row in rows], dtype="float64"),
            "VISIT": [row.get("visit", "DAY 28") for row in rows],
            "VISITNUM": [row.get("visitnum", VISITNUM.get(row.get("visit", ""), 28.0)) for row in rows],
            "LBNAM": pd.Series([row.get("lbnam", "LOCAL") for row in rows], dtype="str"),
            "ATPT": pd.Series([row.get("lbtpt") for row in rows], dtype="str"),
            "SRCDOM": "LB",
            "SRCVAR": "LBSTRESN",
            "SRCSEQ": [float(row.get("seq", number)) for number, row in enumerate(rows, start=1)],
        }
    )
    dates = parse_dtc(pd.Series([row["dtc"] for row in rows], dtype="str"))
    return frame.assign(ADT=dates["date"], ADTM=dates["datetime"])


def on_day(rel: int, **more: object) -> dict:
    day = pd.Timestamp("2025-03-10") + pd.Timedelta(days=rel)
    return {"dtc": f"{day:%Y-%m-%d}", "aval": 100.0, **more}


def tie(name: str) -> dict:
    found = TIES["records"][name]
    return {
        "dtc": found["lbdtc"],
        "aval": math.nan if found["aval"] is None else float(found["aval"]),
        "visit": found["visit"],
        "lbnam": found["lbnam"],
        "lbtpt": found["lbtpt"],
    }


@pytest.mark.parametrize("case", TIES["cases"], ids=["-".join(c["records"]) for c in TIES["cases"]])
@pytest.mark.parametrize("backwards", [False, True])
def test_baseline_is_the_record_worked_out_by_hand(case, backwards):
    names = list(reversed(case["records"])) if backwards else case["records"]
    found = derive_bds(records(*map(tie, names)), subjects(), TRIAL)
    baseline = found[found["ABLFL"] == "Y"]
    expected = TIES["records"][case["ablfl_record"]]
    assert baseline["AVAL"].tolist() == [case["base"]] == [expected["aval"]]
    assert (found["BASE"] == case["base"]).all()
    assert baseline[["AVISIT", "AVISITN", "ANL01FL"]].to_numpy().tolist() == [["Baseline", 0.0, "Y"]]


@pytest.mark.parametrize("case", TIES["change"], ids=lambda c: f"base{c['base']}")
def test_change_equals_hand_calculation(case):
    rows = records({"dtc": "2025-03-10T08:00", "aval": case["base"]}, on_day(28, aval=case["aval"]))
    found = derive_bds(rows, subjects(), TRIAL).loc[1]
    assert found["CHG"] == case["chg"]
    assert math.isnan(found["PCHG"]) if case["pchg"] is None else found["PCHG"] == case["pchg"]


# Excess over a normal value: -2 at baseline, 1 at day 28. By hand: the change is 3, 150 per cent of 2.
@pytest.mark.parametrize(("of", "expected"), [("BASE", -150.0), ("ABS(BASE)", 150.0)])
def test_a_percent_change_from_below_0_has_the_sign_that_trial_yaml_asks_for(of, expected):
    trial = TRIAL.model_copy(update={"conventions": Conventions(percent_change_of=of)})
    rows = records({"dtc": "2025-03-10T08:00", "aval": -2.0}, on_day(28, aval=1.0))
    found = derive_bds(rows, subjects(), trial).loc[1]
    assert (found["CHG"], found["PCHG"]) == (3.0, expected)


def test_never_dosed_subject_has_its_baseline_at_randomisation():
    # E.9: randomised 2025-03-08; 2025-03-05 300, 2025-03-08 315 (baseline), 2025-03-09 320
    case = TIES["never_dosed"]
    never = subjects(TRTSDT=None, TRTSDTM=None, TRT01A=None, ANCHDT=case["randdt"], RANDDT=case["randdt"], PHASE=2.0)
    rows = records(*({"dtc": r["adt"], "aval": r["aval"]} for r in case["records"]))
    found = derive_bds(rows, never, TRIAL)
    assert found["BASE"].unique().tolist() == [case["base"]]
    assert found["ADY"].isna().all()
    assert found["ONTRTFL"].isna().all()
    assert found["CHG"].tolist()[2:] == [5.0]  # 320 - 315, the day after randomisation


def test_screen_failure_has_neither_baseline_nor_visit():
    failed = subjects(TRTSDT=None, TRTSDTM=None, ANCHDT=None)
    found = derive_bds(records(on_day(-3), on_day(28)), failed, TRIAL)
    assert found[["ABLFL", "BASE", "AVISIT", "CHG", "ANL01FL", "ADY"]].isna().all(axis=None)


@pytest.mark.parametrize("case", WINDOWS["days"], ids=lambda c: f"rel{c['rel']}")
def test_registry_day_n_is_analysis_day_n_plus_one(case):
    found = derive_bds(records({"dtc": case["adt"], "aval": 1.0}), subjects(), TRIAL).loc[0]
    assert (found["REL"], found["ADY"]) == (case["rel"], case["ady"])


@pytest.mark.parametrize(("phase", "name"), [(1, "phase1"), (2, "phase2")])
def test_windows_equal_the_protocol_table(phase, name):
    cases = WINDOWS[name]
    rel = pd.Series([float(case["rel"]) for case in cases])
    found = derive_avisitn(rel, pd.Series(float(phase), index=rel.index), TRIAL)["AVISITN"]
    expected = pd.Series([case["avisitn"] for case in cases], dtype="float64")
    pd.testing.assert_series_equal(found, expected, check_names=False)


@pytest.mark.parametrize("case", WINDOWS["selection"], ids=lambda c: "-".join(map(str, c["rel"])))
def test_record_nearest_the_target_stands_for_the_visit_and_the_later_one_wins_a_tie(case):
    found = derive_bds(records(*(on_day(rel) for rel in case["rel"])), subjects(), TRIAL)
    assert (found["AVISITN"] == case["avisitn"]).all()
    assert found.loc[found["ANL01FL"] == "Y", "REL"].tolist() == [case["selected"]]


def test_mapped_day_outside_the_registry_is_listed_not_analysed():
    case = WINDOWS["not_registry_day"]
    rows = records(on_day(-1), on_day(case["rel"], paramcd=case["param"]))
    found = derive_bds(rows, subjects(PHASE=float(case["phase"])), TRIAL).loc[1]
    assert (found["AVISITN"], found["ANL01FL"]) == (case["avisitn"], case["anl01fl"])
    assert pd.isna(found["ANL02FL"])


def test_window_variables_describe_the_window():
    found = derive_bds(records(on_day(40)), subjects(), TRIAL).loc[0]
    assert found[["AWTARGET", "AWTDIFF", "AWLO", "AWHI", "AWU"]].tolist() == [
        28,
        12,
        25,
        44,
        "DAYS",
    ]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        # same distance from day 28 in every pair
        ({"dtc": "2025-04-07T09:00"}, {"dtc": "2025-04-07T08:00"}),  # later time
        ({"dtc": "2025-04-07T00:01"}, {"dtc": "2025-04-07"}),  # a missing time is 00:00
        ({"dtc": "2025-04-07T08:00", "lbnam": "CENTRAL"}, {"dtc": "2025-04-07T08:00", "lbnam": "LOCAL", "seq": 99}),
        ({"dtc": "2025-04-07T08:00", "lbnam": "CENTRAL"}, {"dtc": "2025-04-07T08:00", "lbnam": "LOCAL", "visitnum": 28.01}),
        ({"dtc": "2025-04-07T08:00", "visitnum": 28.01, "seq": 1}, {"dtc": "2025-04-07T08:00", "visitnum": 28.0, "seq": 2}),
        ({"dtc": "2025-04-07T08:00", "seq": 2}, {"dtc": "2025-04-07T08:00", "seq": 1}),
        ({"dtc": "2025-04-07T08:00"}, {"dtc": "2025-04-07T09:00", "aval": math.nan}),  # no value never wins
    ],
)
def test_ties_inside_a_visit_are_broken_in_the_order_of_the_protocol(winner, loser):
    rows = [{"aval": 1.0, **winner}, {"aval": 2.0, **loser}]
    for pair in (rows, rows[::-1]):
        found = derive_bds(records(*pair), subjects(), TRIAL)
        assert found.loc[found["ANL01FL"] == "Y", "AVAL"].tolist() == [1.0]


def test_day_of_first_infusion_is_split_by_time():
    #  time    10:00 = first infusion
    #  09:59   before        10:01  after, no visit, listed only; change is given
    rows = records({"dtc": "2025-03-10T09:59", "aval": 10.0}, {"dtc": "2025-03-10T10:01", "aval": 12.0})
    found = derive_bds(rows, subjects(), TRIAL)
    assert found["ABLFL"].tolist()[0] == "Y"
    after = found.loc[1]
    assert after["ONTRTFL"] == "Y"
    assert after["CHG"] == 2.0
    assert pd.isna(after["AVISIT"])


def test_post_dose_sample_without_time_is_never_a_baseline():
    # filed under the pre-dose visit, but its planned time point says otherwise
    rows = records(
        {"dtc": "2025-03-09", "aval": 10.0},
        {"dtc": "2025-03-10", "aval": 12.0, "visit": "DAY 0 PRE-DOSE", "lbtpt": "POST-DOSE"},
    )
    assert derive_bds(rows, subjects(), TRIAL)["BASE"].unique().tolist() == [10.0]


def test_infusion_without_time_leaves_the_day_to_the_planned_time_point():
    rows = records(
        {"dtc": "2025-03-10T08:00", "aval": 10.0, "visit": "DAY 0 PRE-DOSE"},
        {"dtc": "2025-03-10T23:00", "aval": 12.0, "visit": "UNSCHEDULED 2.01"},
    )
    assert derive_bds(rows, subjects(TRTSDTM=None), TRIAL)["BASE"].unique().tolist() == [10.0]


def test_screening_value_older_than_the_screening_window_is_used_and_flagged():
    found = derive_bds(records(on_day(-15, visit="SCREENING")), subjects(), TRIAL).loc[0]
    assert (found["ABLFL"], found["CRIT3"], found["CRIT3FL"]) == ("Y", "Baseline older than 14 days", "Y")
    found = derive_bds(records(on_day(-14, visit="SCREENING")), subjects(), TRIAL).loc[0]
    assert pd.isna(found["CRIT3FL"])


def test_transplanted_subject_is_selected_again_among_earlier_records():
    # transplant REL 28; day 28 window 25..44: REL 27 before it, REL 28 on it, both nearest in turn
    rows = records(on_day(-1), on_day(26, aval=80.0), on_day(28, aval=20.0))
    found = derive_bds(rows, subjects(LTDT="2025-04-07"), TRIAL)
    assert found["POSTLTFL"].isna().tolist() == [True, True, False]
    assert found.loc[found["ANL01FL"] == "Y", "AVAL"].tolist()[1:] == [20.0]
    assert found.loc[found["ANL02FL"] == "Y", "AVAL"].tolist() == [80.0]


def test_without_a_baseline_there_is_no_efficacy_record():
    found = derive_bds(records(on_day(28)), subjects(), TRIAL).loc[0]
    assert found["ANL01FL"] == "Y"
    assert pd.isna(found["ANL02FL"])
    assert math.isnan(found["CHG"])


def test_a_record_without_a_complete_date_is_kept_and_never_selected():
    found = derive_bds(records({"dtc": "2025-04", "aval": 5.0}), subjects(), TRIAL).loc[0]
    assert pd.isna(found[["ADT", "AVISIT", "ANL01FL", "ABLFL", "CHG"]]).all()


def test_time_points_around_an_infusion_each_have_their_record():
    rows = records(on_day(7, aval=80.0), on_day(7, aval=90.0)).assign(PARAMCD="MAP", ATPTN=[1.0, 2.0])
    assert derive_bds(rows, subjects(), TRIAL)["ANL01FL"].tolist() == ["Y", "Y"]


def test_pre_dose_visits_come_from_the_protocol():
    assert pre_dose_visits(TRIAL) == {"SCREENING", "DAY 0 PRE-DOSE"}


def test_records_of_an_unknown_subject_stop_the_derivation():
    with pytest.raises(ReportError, match="ADSL lacks 1 subject of the records: S-2"):
        derive_bds(records(on_day(1, usubjid="S-2")), subjects(), TRIAL)


def test_records_of_an_unknown_parameter_stop_the_derivation():
    with pytest.raises(ReportError, match="BILLI"):
        derive_bds(records(on_day(1, paramcd="BILLI")), subjects(), TRIAL)


def test_no_records_give_no_records():
    found = derive_bds(records(on_day(1)).iloc[:0], subjects(), TRIAL)
    assert len(found) == 0
    assert "ANL02FL" in found


def test_columns_come_in_declared_order():
    done = finish_bds(derive_bds(records(on_day(28)), subjects(), TRIAL), "ADLB")
    assert list(done.columns[:2]) == ["STUDYID", "USUBJID"]
    assert "REL" not in done
    assert list(done.columns) == [name for name in schema_labels("ADLB") if name in done]
    assert str(done["ADT"].dtype) == str(done["ADTM"].dtype) == "datetime64[s]"


drawn = st.lists(
    st.fixed_dictionaries(
        {
            "rel": st.integers(-16, 215),
            "time": st.sampled_from(["", "T08:00", "T10:00", "T10:01"]),
            "aval": st.sampled_from([math.nan, 1.0, 2.0, 3.5]),
            "paramcd": st.sampled_from(["BILI", "ALT"]),
            "lbnam": st.sampled_from(["LOCAL", "CENTRAL"]),
            "visit": st.sampled_from(["SCREENING", "DAY 0 PRE-DOSE", "DAY 28"]),
            "seq": st.integers(1, 4),
        }
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(rows=drawn, seed=st.integers(0, 100), lt=st.one_of(st.none(), st.integers(0, 120)))
def test_derived_records_keep_their_invariants_whatever_the_order(rows, seed, lt):
    built = [{**row, "dtc": on_day(row["rel"])["dtc"] + row["time"]} for row in rows]
    ltdt = None if lt is None else f"{pd.Timestamp('2025-03-10') + pd.Timedelta(days=lt):%Y-%m-%d}"
    collected, subject = records(*built), subjects(LTDT=ltdt)
    found = derive_bds(collected, subject, TRIAL)
    shuffled = collected.iloc[np.random.default_rng(seed).permutation(len(collected))]
    pd.testing.assert_frame_equal(derive_bds(shuffled, subject, TRIAL), found)
    keys = ["USUBJID", "PARAMCD"]
    assert not found[found["ABLFL"] == "Y"].duplicated(keys).any()
    assert not found[found["ANL01FL"] == "Y"].duplicated([*keys, "AVISITN"]).any()
    assert not found[found["ANL02FL"] == "Y"].duplicated([*keys, "AVISITN"]).any()
    changed = found[found["CHG"].notna()]
    assert (changed["CHG"] == changed["AVAL"] - changed["BASE"]).all()
    assert not changed["PRE"].any()
    assert found.loc[found["ANL02FL"] == "Y", "POSTLTFL"].isna().all()
    assert (found.groupby(keys)["BASE"].nunique() <= 1).all()
    assert not found["ASEQ"].duplicated().any()
