"""ADLBHY: peaks of liver tests and the two screens, against cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adlbhy import derive_adlbhy
from tests.drawn import our_trial
from tests.oracle import assert_close, read_oracle
from tests.sdtm_cases import shown
from tests.test_adlb import adlb
from tests.test_windows import subjects

TRIAL = our_trial()
E19 = read_oracle("e19")
ULN = {"ALT": 50.0, "AST": 40.0, "BILI": 23.0, "ALP": 125.0}


def taken(test: str, rel: int, value: float, **more: object) -> dict:
    return {"test": test, "rel": rel, "value": value, "uln": ULN[test], **more}


def hy(*rows: dict, adsl: pd.DataFrame | None = None) -> pd.DataFrame:
    """ADLBHY of a laboratory, indexed by parameter."""
    subject = subjects() if adsl is None else adsl
    return derive_adlbhy(adlb(*rows, adsl=subject), subject, TRIAL).set_index("PARAMCD")


def answer(found: pd.DataFrame, paramcd: str) -> object:
    return shown(found["AVALC"].get(paramcd))


def of_case(case: dict[str, Any]) -> pd.DataFrame:
    rows = [taken(test, -1, value) for test, value in case.get("b", {}).items()]
    rows += [taken(test, r["day"], r["aval"]) for test in ("ALT", "BILI", "ALP") for r in case[test.lower()]]
    assert all(case["uln"][test] == ULN[test] for test in case["uln"])
    return hy(*rows)


@pytest.mark.parametrize("case", E19["hys"], ids=lambda case: case["case"])
def test_screens_equal_the_worked_cases(case: dict[str, Any]) -> None:
    found = of_case(case)
    assert answer(found, "HYSLAW") == case["hyslaw"]
    assert answer(found, "HYSBASE") == case.get("hysbase"), "without a baseline nothing can be told"


def test_the_screen_is_dated_with_the_bilirubin_that_completed_it() -> None:
    found = of_case(E19["hys"][0])
    assert (shown(found.loc["HYSLAW", "ADT"]), found.loc["HYSLAW", "ADY"]) == ("2025-03-30", 21)
    assert shown(of_case(E19["hys"][1]).loc["HYSLAW", "ADT"]) is None


@pytest.mark.parametrize("case", E19["b_mean"], ids=lambda case: str(case["b_mean"]))
def test_level_before_treatment_equals_the_worked_cases(case: dict[str, Any]) -> None:
    before = [taken("ALT", r["rel"], r["aval"], visit="DAY 0 PRE-DOSE" if r["rel"] == 0 else "SCREENING") for r in case["pre_dose"]]
    found = hy(*before, taken("ALT", 14, 2 * case["b_mean"]))
    assert_close(found.loc["MALTB", "B_MEAN"], case["b_mean"])
    assert_close(found.loc["MALTB", "AVAL"], 2.0)
    assert_close(found.loc["MALTULN", "AVAL"], 2 * case["b_mean"] / 50)


def test_level_before_treatment_looks_back_fourteen_days_and_not_past_the_infusion() -> None:
    # Day -15 is too old for the mean; 300 at 11:00 of day 0 is after the infusion of 10:00.
    rows = [taken("ALT", -15, 500), taken("ALT", -14, 100), taken("ALT", -2, 200)]
    rows += [taken("ALT", 0, 300, dtc="2025-03-10T11:00", visit="DAY 0 POST-DOSE")]
    assert hy(*rows).loc["MALTB", "B_MEAN"] == 150
    # One value within the days: BASE, the last value before the infusion.
    assert hy(rows[0], rows[2], rows[3]).loc["MALTB", "B_MEAN"] == 200
    # None within the days: BASE is older and still used.
    assert hy(rows[0], rows[3]).loc["MALTB", "B_MEAN"] == 500


def test_peaks_are_the_highest_multiples_after_the_first_dose_and_the_first_day_they_were_reached() -> None:
    found = hy(
        taken("ALT", -1, 900),  # higher, but before the infusion
        taken("ALT", 7, 150),
        taken("ALT", 14, 300),
        taken("ALT", 21, 300),
        taken("ALT", 28, 310, uln=100.0),  # a higher value, a lower multiple: the limit of its own laboratory
        taken("AST", 7, 80),
        taken("BILI", 7, 46, uln=math.nan),  # no limit, no multiple
    )
    assert (found.loc["MALTULN", "AVAL"], shown(found.loc["MALTULN", "ADT"])) == (6.0, "2025-03-24")
    assert found.loc["MALTB", "AVAL"] == pytest.approx(310 / 900)
    assert found.loc["MASTULN", "AVAL"] == 2.0
    assert not {"MASTB", "MBILULN", "MBILB", "MALPULN", "HYSLAW", "HYSBASE", "HYSNADIR"} & set(found.index)


SCREENS = {
    # ULN: ALT 50, AST 40, BILI 23, ALP 125. Days after the first dose; by hand.
    "exactly 3 x ULN rises, bilirubin above 2 x": ([("ALT", 5, 150), ("BILI", 5, 46.1)], "Y"),
    "just under 3 x ULN": ([("ALT", 5, 149.9), ("BILI", 5, 60)], "N"),
    "bilirubin of exactly 2 x ULN is not above it": ([("ALT", 5, 150), ("BILI", 5, 46)], "N"),
    "AST alone is enough": ([("AST", 5, 120), ("BILI", 9, 60)], "Y"),
    "30 days later still counts": ([("ALT", 5, 150), ("BILI", 35, 60)], "Y"),
    "bilirubin first, transaminase later": ([("BILI", 5, 60), ("ALT", 6, 150)], "N"),
    "a later rise of ALT meets the bilirubin": ([("ALT", 5, 150), ("ALT", 40, 150), ("BILI", 45, 60)], "Y"),
    "cholestasis on the day of ALT": ([("ALT", 5, 150), ("ALP", 5, 250), ("BILI", 9, 60)], "N"),
    "cholestasis on the day of bilirubin": ([("ALT", 5, 150), ("ALP", 9, 250), ("BILI", 9, 60)], "N"),
    "cholestasis before ALT": ([("ALT", 5, 150), ("ALP", 4, 250), ("BILI", 9, 60)], "Y"),
    "cholestasis after bilirubin": ([("ALT", 5, 150), ("ALP", 10, 250), ("BILI", 9, 60)], "Y"),
    "ALP just under 2 x": ([("ALT", 5, 150), ("ALP", 7, 249.9), ("BILI", 9, 60)], "Y"),
    "second ALT rise after the cholestasis": ([("ALT", 5, 150), ("ALP", 6, 250), ("ALT", 7, 150), ("BILI", 9, 60)], "Y"),
    "only transaminases after treatment": ([("ALT", 5, 150)], None),
}


@pytest.mark.parametrize("case", SCREENS)
def test_classic_screen_on_drawn_courses(case: str) -> None:
    course, expected = SCREENS[case]
    assert answer(hy(*(taken(*one) for one in course)), "HYSLAW") == expected


def test_decimal_limits_are_compared_as_decimals() -> None:
    """3 x 1.1 is 3.3; in binary arithmetic 3.3 / 1.1 is less than 3 and 3 x 1.1 more than 3.3."""
    found = hy(taken("ALT", 5, 3.3, uln=1.1), taken("BILI", 5, 60))
    assert found.loc["MALTULN", "AVAL"] == 3.0
    assert answer(found, "HYSLAW") == "Y"


@pytest.mark.parametrize(
    ("alt", "bili", "after", "expected"),
    [
        (100, 300, (300, 601), "Y"),  # 3 x and just above 2 x the level before
        (100, 300, (299, 601), "N"),
        (100, 300, (300, 600), "N"),
        (40, 300, (300, 601), "N"),  # ALT was normal before treatment
        (100, 20, (300, 601), "N"),  # bilirubin was normal before treatment
    ],
)
def test_screen_against_the_level_before_treatment(alt: float, bili: float, after: tuple, expected: str) -> None:
    rows = [taken("ALT", -1, alt), taken("BILI", -1, bili), taken("ALT", 7, after[0]), taken("BILI", 14, after[1])]
    # Alkaline phosphatase plays no part here.
    assert answer(hy(*rows, taken("ALP", 10, 900)), "HYSBASE") == expected


def course(test: str, before: float, *after: float) -> list[dict]:
    """A level before treatment and the values of days 7, 14, 21 and so on."""
    return [taken(test, -1, before), *(taken(test, 7 * week, value) for week, value in enumerate(after, start=1))]


def test_new_lower_level_is_the_lowest_mean_of_two_values_in_a_row_before_the_record() -> None:
    # B 400. Means of two in a row: 200 (days 7, 14), 120 (14, 21), 115 (21, 28), 145 (28, 35): 115 on day 42.
    found = hy(*course("ALT", 400, 300, 100, 140, 90, 200, 720))
    assert shown(found.loc["MALTNB", "ADT"]) == "2025-04-21"
    assert found.loc["MALTNB", "AVAL"] == pytest.approx(720 / 115, abs=1e-11)
    assert found.loc[["MALTNB", "MALTB", "MALTULN"], "NADIRB"].tolist() == [115, 115, 115]
    assert (found.loc["MALTB", "AVAL"], found.loc["MALTB", "B_MEAN"]) == (1.8, 400)


@pytest.mark.parametrize(
    ("values", "level", "times"),
    [
        ((300, 100), None, None),  # the mean of days 7 and 14 holds from the next record on
        ((300, 100, 100), 200, 0.5),
        ((100, 500, 90), 300, 0.3),  # one low value is no level: (100 + 500) / 2
        ((450, 350, 1200), None, None),  # 400 is not lower than 400
        ((450, 349, 799), 399.5, 2.0),
        ((500, 600, 700), None, None),  # never improved
        ((100, 100, 900, 900, 400), 100, 9.0),  # the level does not rise again; the peak is of day 21
    ],
)  # fmt: skip
def test_there_is_no_new_level_until_values_have_improved(values: tuple, level: float | None, times: float | None) -> None:
    found = hy(*course("ALT", 400, *values))
    assert ("MALTNB" in found.index) == (level is not None)
    if level is not None:
        assert (found.loc["MALTNB", "NADIRB"], found.loc["MALTNB", "AVAL"]) == (level, times)


@pytest.mark.parametrize(
    ("alt", "bili", "expected"),
    [
        # ULN: ALT 50, bilirubin 23. ALT improved from 400 to 100, bilirubin from 300 to 60.
        ((100, 100, 300), (60, 60, 121), "Y"),  # 3 x and more than 2 x the new levels
        ((100, 100, 299), (60, 60, 121), "N"),
        ((100, 100, 300), (60, 60, 120), "N"),
        ((500, 500, 1200), (60, 60, 121), "Y"),  # ALT never improved: 3 x the level before
        ((500, 500, 1199), (60, 60, 121), "N"),
        ((100, 100, 300), (400, 400, 601), "Y"),  # bilirubin never did: more than 2 x 300
        ((20, 20, 149), (60, 60, 121), "N"),  # a normal ALT: 3 x ULN is 150
        ((20, 20, 150), (60, 60, 121), "Y"),
        ((100, 100, 300), (10, 10, 46), "N"),  # a normal bilirubin: more than 2 x 23
        ((100, 100, 300), (10, 10, 46.1), "Y"),
    ],
)
def test_screen_against_the_new_lower_level(alt: tuple, bili: tuple, expected: str) -> None:
    found = hy(*course("ALT", 400, *alt), *course("BILI", 300, *bili))
    assert answer(found, "HYSNADIR") == expected
    if expected == "Y" and (alt, bili) == ((100, 100, 300), (60, 60, 121)):
        assert answer(found, "HYSBASE") == "N", "neither has come near its old level"


def test_rises_are_in_the_unit_of_the_test_above_the_level_before_treatment_and_the_new_lower_one() -> None:
    # B 400, and 115 on day 42 as above: 720 is 320 above the one, 605 above the other.
    found = hy(*course("ALT", 400, 300, 100, 140, 90, 200, 720))
    assert found.loc[["MALTRB", "MALTRNB"], "AVAL"].tolist() == [320, 605]
    assert found.loc[["MALTRB", "MALTRNB"], "ADY"].tolist() == [43, 43]
    # Never improved: 450 at most, and no new level to rise above.
    found = hy(*course("AST", 400, 450, 430))
    assert found.loc["MASTRB", "AVAL"] == 50
    assert "MASTRNB" not in found.index
    # Fell from the first value on: the highest is still below the level.
    assert hy(*course("ALP", 400, 300, 200)).loc["MALPRB", "AVAL"] == -100


def test_highest_rise_and_highest_multiple_may_be_of_two_results() -> None:
    # New level 200 (300, 100) on day 21: 350 is 150 above it, 1.75 times. 60 (60, 60) on day 42: 190 is 130 above, 3.17 times.
    found = hy(*course("ALT", 400, 300, 100, 350, 60, 60, 190))
    assert found.loc["MALTRNB", ["AVAL", "NADIRB", "ADY"]].tolist() == [150, 200, 22]
    assert found.loc["MALTNB", ["AVAL", "NADIRB", "ADY"]].tolist() == [pytest.approx(190 / 60), 60, 43]


def test_rise_of_decimals_is_a_decimal() -> None:
    """134.2 is 34.2 above 100; in binary arithmetic it is less."""
    assert 134.2 - 100.0 < 34.2
    found = hy(taken("BILI", -1, 100.0), taken("BILI", 7, 134.2))
    assert found.loc["MBILRB", "AVAL"] == 34.2


STANDING = {
    # ULN: ALT 50, AST 40, BILI 23, ALP 125. Days after the first dose; by hand.
    "AST is the higher peak, bilirubin 30 days after it": (
        [("ALT", 7, 150), ("AST", 14, 160), ("BILI", 44, 46.1)], "EDISHULN", "ENZYME AND BILIRUBIN", "Y",
    ),
    "31 days after it": ([("ALT", 20, 150), ("AST", 14, 160), ("BILI", 45, 46.1)], "EDISHULN", "ENZYME AND BILIRUBIN", "N"),
    "bilirubin peaks before": ([("ALT", 20, 150), ("BILI", 19, 60)], "EDISHULN", "ENZYME AND BILIRUBIN", "N"),
    "on the same day": ([("ALT", 20, 150), ("BILI", 20, 60)], "EDISHULN", "ENZYME AND BILIRUBIN", "Y"),
    "of equal multiples the earlier day counts": ([("ALT", 7, 150), ("AST", 3, 120), ("BILI", 34, 60)], "EDISHULN", "ENZYME AND BILIRUBIN", "N"),
    "bilirubin of exactly 2 x ULN has not risen": ([("ALT", 7, 150), ("BILI", 9, 46)], "EDISHULN", "ENZYME ONLY", "Y"),
    "just under 3 x ULN": ([("ALT", 7, 149.9), ("BILI", 9, 60)], "EDISHULN", "BILIRUBIN ONLY", "Y"),
    "neither": ([("AST", 7, 119), ("BILI", 9, 46)], "EDISHULN", "NEITHER", "Y"),
    "no bilirubin, nowhere to stand": ([("ALT", 7, 500), ("ALP", 7, 500)], "EDISHULN", None, None),
    "cholestasis": ([("ALP", 7, 250), ("BILI", 9, 46.1), ("ALT", 7, 20)], "CHOLULN", "ENZYME AND BILIRUBIN", "Y"),
    "ALP just under 2 x": ([("ALP", 7, 249.9), ("BILI", 9, 46.1)], "CHOLULN", "BILIRUBIN ONLY", "Y"),
    "three times its own level": (
        [("ALT", -1, 100), ("BILI", -1, 300), ("ALT", 7, 300), ("BILI", 9, 601)], "EDISHB", "ENZYME AND BILIRUBIN", "Y",
    ),
    "twice its own bilirubin is not above it": ([("ALT", -1, 100), ("BILI", -1, 300), ("ALT", 7, 300), ("BILI", 9, 600)], "EDISHB", "ENZYME ONLY", "Y"),
    "three times the level it improved to": (
        [("ALT", -1, 400), ("ALT", 3, 100), ("ALT", 5, 100), ("ALT", 7, 300), ("BILI", -1, 300), ("BILI", 3, 60), ("BILI", 5, 60), ("BILI", 9, 120)],
        "EDISHNB", "ENZYME ONLY", "Y",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STANDING)
def test_where_a_subject_stands_by_the_peaks_and_whether_bilirubin_followed_in_time(case: str) -> None:
    course, paramcd, stands, follows = STANDING[case]
    found = hy(*(taken(*one) for one in course))
    assert answer(found, paramcd) == stands
    if stands:
        assert shown(found.loc[paramcd, "CRIT1FL"]) == follows
        assert (found.loc[paramcd, "SRCSEQ"], found.loc[paramcd, "ADT"]) == tuple(
            found.loc["MBILULN" if paramcd.endswith("ULN") else "MBILB" if paramcd == "EDISHB" else "MBILNB", ["SRCSEQ", "ADT"]]
        )


def test_without_rules_nothing_is_told_of_liver_injury() -> None:
    bare = TRIAL.model_copy(update={"liver_injury": None})
    made = adlb(taken("ALT", 5, 150), taken("BILI", 5, 60))
    found = derive_adlbhy(made, subjects(), bare)
    assert not len(found)
    assert {"PARAMCD", "AVAL", "AVALC", "CRIT1FL", "SRCSEQ"} <= set(found.columns)


def test_a_level_that_was_normal_before_treatment_completes_no_screen_against_a_new_one() -> None:
    assert answer(hy(*course("ALT", 40, 20, 20, 300), *course("BILI", 300, 60, 60, 121)), "HYSNADIR") == "N"


def test_results_after_a_transplant_and_of_unscheduled_visits_count() -> None:
    adsl = subjects(LTDT="2025-03-12")
    assert answer(hy(taken("ALT", 5, 150, visit="UNSCHEDULED 5.01"), taken("BILI", 5, 60), adsl=adsl), "HYSLAW") == "Y"


def test_a_subject_never_dosed_has_no_record() -> None:
    never = subjects(TRTSDT=None, TRTSDTM=None, RANDDT="2025-03-10")
    assert not len(hy(taken("ALT", 5, 150), taken("BILI", 5, 60), adsl=never))


def test_no_laboratory_gives_an_empty_dataset_with_its_variables() -> None:
    nothing = adlb(taken("ALT", 5, 150)).iloc[:0]
    found = derive_adlbhy(nothing, subjects(), TRIAL)
    assert not len(found)
    assert {"PARAMCD", "AVAL", "AVALC", "ADT", "B_MEAN"} <= set(found.columns)


COURSES = st.lists(st.tuples(st.sampled_from(list(ULN)), st.integers(-5, 60), st.integers(1, 8)), min_size=1, max_size=8)


def screen_by_pairs(rows: list[tuple[str, int, int]]) -> str | None:
    """Hy's law word by word: any pair of a transaminase and a bilirubin, with no alkaline phosphatase between."""
    after = [(test, day, times) for test, day, times in rows if day > 0]
    enzymes = [one for one in after if one[0] in ("ALT", "AST")]
    bilirubins = [one for one in after if one[0] == "BILI"]
    if not enzymes or not bilirubins:
        return None
    pairs = [(d, e) for _, d, x in enzymes for _, e, y in bilirubins if x >= 3 and y > 2 and 0 <= e - d <= 30]
    return "Y" if any(not any(t == "ALP" and z >= 2 and d <= f <= e for t, f, z in after) for d, e in pairs) else "N"


def results(drawn: list[tuple[str, int, int]]) -> pd.DataFrame:
    """As much of ADLB as the screens read, in multiples of the limits."""
    frame = pd.DataFrame(drawn, columns=["PARAMCD", "REL", "TIMES"]).assign(USUBJID="S-1", TRTSDT=subjects()["TRTSDT"].iloc[0])
    limit = frame["PARAMCD"].map(ULN).astype("float64")
    frame = frame.assign(AVAL=frame["TIMES"] * limit, ANRHI=limit, ASEQ=range(1, len(frame) + 1), ABLFL=None)
    frame["ADT"] = (frame["TRTSDT"] + pd.to_timedelta(frame["REL"], unit="D")).astype("datetime64[s]")
    frame["ONTRTFL"] = frame["REL"].gt(0).map({True: "Y", False: None})
    return frame.astype({"PARAMCD": "str", "USUBJID": "str", "ONTRTFL": "str", "ABLFL": "str"})


@settings(max_examples=12, deadline=None)
@given(COURSES, st.randoms(use_true_random=False))
def test_the_screen_is_that_of_all_pairs_whatever_the_order_of_results(drawn: list[tuple], random) -> None:
    adlb = results(drawn)
    found = derive_adlbhy(adlb, subjects(), TRIAL)
    assert answer(found.set_index("PARAMCD"), "HYSLAW") == screen_by_pairs(drawn)
    mixed = list(range(len(adlb)))
    random.shuffle(mixed)
    pd.testing.assert_frame_equal(found, derive_adlbhy(adlb.iloc[mixed], subjects(), TRIAL))


def test_a_screen_leads_to_the_bilirubin_that_completed_it_or_to_the_highest_transaminase() -> None:
    """ASEQ counts ALT, AST, ALP, BILI in the order of trial.yaml and time."""
    rows = [taken("ALT", 14, 160), taken("ALT", 21, 140), taken("BILI", 20, 60), taken("BILI", 27, 80)]
    found = hy(*rows)
    assert found.loc["HYSLAW", ["AVALC", "SRCDOM", "SRCVAR", "SRCSEQ"]].tolist() == ["Y", "ADLB", "AVAL", 3.0]
    open_one = hy(taken("ALT", 14, 100), taken("ALT", 21, 140), taken("BILI", 20, 60))
    assert open_one.loc["HYSLAW", ["AVALC", "SRCSEQ"]].tolist() == ["N", 2.0]
