"""What a reader of the synthetic cut would believe: blood counts add up, courses lead to their ends, offices close at weekends.

Each is a property of every trial, asked of the default seed and two others, never of a number that one seed happens to give.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.simulate.course import live_through
from cgbm1_report.simulate.design import DEFAULT_SEED
from cgbm1_report.simulate.workdays import draw_day, draw_offset, move_to_working, next_working
from tests.drawn import our_trial

ORGAN_FAILURE = ("MULTIPLE ORGAN FAILURE", "OTHER")  # the event of the others is hepatic failure


@pytest.fixture(scope="module", params=[DEFAULT_SEED, 20260314, 7])
def course(request) -> SimpleNamespace:
    """Everything that happens in a trial; ``blood``: a row per sample, a column per test, and the elapsed day."""
    people, tables, reviews = live_through(our_trial(), request.param, 1)
    results = tables["LB"][tables["LB"]["LBSTRESN"].notna()].reset_index(drop=True)
    results["day"] = (results["start"].dt.normalize() - people["anchor"].reindex(results["pid"]).to_numpy()).dt.days
    blood = results.pivot_table(index=["pid", "day", "VISITNUM", "LBNAM"], columns="LBTESTCD", values="LBSTRESN").reset_index()
    # MELD = 10 (0.957 ln Cr + 0.378 ln Bili + 1.12 ln INR) + 6.43 in mg/dL, inputs at least 1, creatinine at most 4
    creatinine, bilirubin = (blood["CREAT"] / 88.4).clip(1, 4), (blood["BILI"] / 17.1).clip(lower=1)
    blood["MELD"] = 10 * (0.957 * np.log(creatinine) + 0.378 * np.log(bilirubin) + 1.12 * np.log(blood["INR"].clip(lower=1))) + 6.43
    return SimpleNamespace(people=people, tables=tables, reviews=reviews, blood=blood)


# --- one sample ----------------------------------------------------------------------------------


def test_parts_of_a_count_never_exceed_it(course):
    """Neutrophils and lymphocytes of the white cells, direct of total bilirubin, as reported."""
    white = course.blood.dropna(subset=["WBC", "NEUT", "LYM"])
    assert len(white) > 500
    others = white["WBC"] - white["NEUT"] - white["LYM"]
    assert (others > 0).all()
    assert (others / white["WBC"]).max() < 0.3  # monocytes, eosinophils, basophils
    direct = course.blood.dropna(subset=["BILI", "BILDIR"])
    assert (direct["BILDIR"] < direct["BILI"]).all()


def test_creatinine_and_urea_move_together(course):
    """Within subjects as well as between them; those of one sample."""
    both = np.log(course.blood.dropna(subset=["CREAT", "UREAN"]).set_index("pid")[["CREAT", "UREAN"]])
    own = both.groupby("pid").transform("mean")
    assert (both - own).corr().iloc[0, 1] > 0.7
    assert own.corr().iloc[0, 1] > 0.5


def test_clotting_is_told_the_same_way_by_its_three_numbers(course):
    """INR and prothrombin time rise together, the activity falls as they do."""
    clotting = np.log(course.blood[["INR", "PT", "PTA"]].dropna())
    assert clotting.corr().loc["INR", "PT"] > 0.9
    assert clotting.corr().loc["INR", "PTA"] < -0.9


# --- the way to the end --------------------------------------------------------------------------


def last_weeks(course: SimpleNamespace, test: str, end: pd.Series, days: float) -> pd.DataFrame:
    """Results of a test after the first infusion and before the end of each subject, of so many days, in order."""
    found = course.blood.dropna(subset=[test])
    found = found.assign(end=found["pid"].map(end)).sort_values(["pid", "day"])
    return found[(found["day"] > 0) & (found["day"] < found["end"]) & (found["day"] >= found["end"] - days)]


@pytest.mark.parametrize(("test", "sign"), [("CREAT", 1), ("ALB", -1)])
def test_kidneys_and_liver_fail_until_the_end_in_who_dies_of_organ_failure(course, test, sign):
    """Creatinine ends above where it was at day 0, albumin below, and both go that way through the last three weeks."""
    people = course.people
    dying = people[people["cause"].isin(ORGAN_FAILURE) & people["death_day"].notna()]
    assert len(dying) > 8
    start = course.blood[course.blood["day"] <= 0].groupby("pid")[test].mean()
    seen = last_weeks(course, test, dying["death_day"], 21)
    final = seen.groupby("pid")[test].last()
    assert len(final) >= len(dying) - 2  # who dies on the first days may have no sample after the infusion
    assert (sign * (final / start[final.index] - 1) > 0.05).all()
    long = seen.groupby("pid").filter(lambda own: own["day"].nunique() > 2)
    slope = long.groupby("pid").apply(lambda own: np.polyfit(own["day"], own[test], 1)[0], include_groups=False)
    assert (sign * slope > 0).all()


@pytest.mark.parametrize(("cause", "test", "sign"), [("HEMORRHAGE", "HGB", -1), ("INFECTION/SEPSIS", "WBC", 1)])
def test_blood_tells_what_somebody_dies_of(course, cause, test, sign):
    """Haemoglobin falls in who bleeds to death, white cells rise in who dies of sepsis: by a fifth in half of them."""
    dying = course.people[course.people["cause"].eq(cause) & course.people["death_day"].notna()]
    start = course.blood[course.blood["day"] <= 0].groupby("pid")[test].mean()
    final = last_weeks(course, test, dying["death_day"], 7).groupby("pid")[test].last()
    assert len(final) >= 1
    assert sign * (final / start[final.index]).median() > sign * (1 + sign * 0.2)


def test_nobody_dies_or_is_transplanted_out_of_a_recovery(course):
    """
    The last bilirubin and MELD before a death or a transplantation are those of liver failure; where the event
    comes after day 90 they are above the lowest of the subject's course, so that it has worsened beforehand.
    A death after a transplantation is an end of its own.
    """
    people = course.people
    again = people.loc[people["transplant_day"].notna(), "death_day"].dropna()
    for end in (people["event_day"].dropna(), again[again > people["transplant_day"].reindex(again.index) + 1]):
        seen = last_weeks(course, "MELD", end, 400)
        final = seen.groupby("pid")[["MELD", "BILI", "day", "end"]].last()
        assert (final["BILI"] > 171).all()
        assert (final["MELD"] > 20).all()
        late = final[final["end"] > 90]
        assert (late["end"] - late["day"] <= 3).all()
        assert (late["MELD"] - seen.groupby("pid")["MELD"].min()[late.index] > 5).all()
    assert (people["event_day"] > 90).any()


# --- working days --------------------------------------------------------------------------------


def test_what_is_planned_falls_on_working_days_and_what_befalls_on_any(course):
    people, tables = course.people, course.tables
    visits = tables["SV"]
    planned = visits["VISITNUM"] % 1 == 0
    fixed = {
        "planned visits": visits.loc[planned, "date"],
        "missed visits": tables["LB"].loc[tables["LB"]["LBREASND"].eq("VISIT MISSED"), "date"],
        "infusions": tables["EX"]["start"],
        "consents": people["consent"],
        "enrolment": people["enrol"].dropna(),
        "screen failures": people["failed_on"].dropna(),
        "reviews": course.reviews["REVDTC"],
        "last contacts": people.loc[people["completed"] | people["drop_day"].notna(), "end_date"],
    }
    for name, dates in fixed.items():
        assert len(dates) > 0, name
        assert (dates.dt.day_of_week < 5).all(), name
    for name, dates in {
        "unscheduled": visits.loc[~planned, "date"],
        "deaths": people.loc[people["death_day"].notna(), "end_date"],
    }.items():
        share = (dates.dt.day_of_week >= 5).mean()
        assert 0.05 < share < 0.55, name


def test_visits_moved_to_working_days_keep_their_windows(course):
    """Every planned visit that took place lies in its window of the protocol, or a deviation says that it does not."""
    trial, people, visits = our_trial(), course.people, course.tables["SV"]
    told = course.tables["DV"][course.tables["DV"]["DVDECOD"] == "VISIT WINDOW"]
    told = set(zip(told["pid"], told["DVTERM"], strict=True))
    day = (visits["date"] - people["anchor"].reindex(visits["pid"]).to_numpy()).dt.days
    for number, phase in trial.phases.items():
        here = people["phase"].reindex(visits["pid"]).to_numpy() == number
        treated = people["arm"].reindex(visits["pid"]).to_numpy() >= 0
        for visit in phase.visits:
            rows = here & treated & (visits["VISIT"] == visit.visit)
            if visit.protocol_window is None or not rows.any():
                continue
            outside = rows & ~day.between(*visit.protocol_window)
            assert {(pid, f"Visit {visit.visit} outside its window") for pid in visits.loc[outside, "pid"]} <= told
            assert outside.sum() <= 0.25 * rows.sum() + 1


def test_offsets_lead_to_working_days_only():
    """
    From             days that are possible     gives
    Friday 2 Jan     1, 2, 3 (Sat, Sun, Mon)    3
    Friday 2 Jan     1, 2    (Sat, Sun)         none
    Friday 2 Jan     0, 3    not before 1       3
    no date          0, 1                       none
    Monday 5 Jan     none at all                none
    """
    rng, friday = np.random.default_rng(1), pd.Series(pd.to_datetime(["2026-01-02"]))
    assert draw_offset(rng, friday, (1, 2, 3)).tolist() == [3]
    assert np.isnan(draw_offset(rng, friday, (1, 2))).all()
    assert draw_offset(rng, friday, (0, 3), earliest=np.array([1.0])).tolist() == [3]
    assert np.isnan(draw_offset(rng, pd.Series([pd.NaT], dtype="datetime64[s]"), (0, 1))).all()
    assert np.isnan(draw_offset(rng, friday, ())).all()


def test_offsets_are_drawn_by_their_weights():
    """Monday to Wednesday with weights 3 : 1 : 0 in 4,000 draws: three quarters, a quarter, none (standard error 0.007)."""
    mondays = pd.Series(np.full(4000, np.datetime64("2026-01-05")))
    with np.errstate(divide="ignore"):
        drawn = draw_offset(np.random.default_rng(5), mondays, (0, 1, 2), (3.0, 1.0, 0.0))
    assert abs((drawn == 0).mean() - 0.75) < 0.03
    assert not (drawn == 2).any()


def test_days_move_to_the_monday_after_or_to_the_friday_before_the_end():
    """Thursday 1 January 2026 and the two days after it; the last one that is allowed is day 3 or day 2."""
    thursday = pd.Series(pd.to_datetime(["2026-01-01"] * 4))
    days = np.array([1.0, 2.0, 3.0, 4.0])  # Friday, Saturday, Sunday, Monday
    assert move_to_working(thursday, days, 10).tolist() == [1, 4, 4, 4]
    assert move_to_working(thursday, days[:3].repeat([1, 1, 2]), 3).tolist() == [1, 1, 1, 1]
    assert (
        next_working(pd.Series(pd.to_datetime(["2026-01-03", "2026-01-04", None]))).tolist()[:2] == [pd.Timestamp("2026-01-05")] * 2
    )
    assert draw_day(np.random.default_rng(1), np.datetime64("2026-01-02"), 1, 2) == np.datetime64("2026-01-05")
