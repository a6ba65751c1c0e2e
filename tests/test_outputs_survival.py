"""Survival outputs on small drawn data: every number counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.table import Figure, Output, Table
from tests.drawn import draw, our_trial, read_cells, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

# An interim cut: placebo was followed to day 60, low to day 100, medium has lost everybody by day 40.
INTERIM = """
USUBJID | ARM     | AVAL | CNSR | EVNTDESC         | CNSDTDSC
2-01    | Placebo | 10   | 0    | DEATH            | .
2-02    | Placebo | 60   | 3    | .                | DATA CUT-OFF
2-03    | Placebo | 60   | 3    | .                | DATA CUT-OFF
2-04    | Placebo | 60   | 3    | .                | DATA CUT-OFF
2-11    | Low     | 100  | 3    | .                | DATA CUT-OFF
2-12    | Low     | 95   | 3    | .                | DATA CUT-OFF
2-21    | Medium  | 20   | 0    | LIVER TRANSPLANT | .
2-22    | Medium  | 40   | 0    | DEATH            | .
"""


def study(text: str = INTERIM) -> dict[str, pd.DataFrame]:
    times = draw(text).assign(PARAMCD="LTFS")
    adsl = times[["USUBJID"]].assign(PHASE=2.0, FASFL="Y", SAFFL="Y", TRT01P=times["ARM"], TRT01A=times["ARM"])
    return {"ADSL": adsl, "ADTTE": times.drop(columns="ARM")}


def output(number: str, data: dict[str, pd.DataFrame], **options: object) -> Output:
    return make(find(number, TRIAL, scope="dose group"), TRIAL, data, STAMP, **options)  # type: ignore[arg-type]


def table(data: dict[str, pd.DataFrame], **options: object) -> Table:
    made = output("T14.2.1.2", data, **options)
    assert isinstance(made, Table)
    return made


row = read_cells


@pytest.mark.parametrize(
    ("day", "estimates", "limits", "at_risk"),
    [
        # Total at day 28: 8 at risk, 1 of 8 by day 10, 1 of 7 by day 20: 6/8
        (28, ["75.0", "100.0", "50.0", "75.0"], ["12.8, 96.1", "NE", "0.6, 91.0", "31.5, 93.1"], ["3", "2", "1", "6"]),
        # Placebo was followed to day 60; all of medium have had the event by day 40, so 0 holds ever after
        (90, ["NE", "100.0", "0.0", "62.5"], ["NE", "NE", "NE", "22.9, 86.1"], ["0", "2", "0", "2"]),
        (180, ["NE", "NE", "0.0", "NE"], ["NE", "NE", "NE", "NE"], ["0", "0", "0", "0"]),
    ],
)
def test_landmark_after_the_last_follow_up_of_a_column_prints_ne_and_nobody_at_risk(day, estimates, limits, at_risk):
    made = table(study())
    assert row(made, f"KM estimate at day {day}, %") == estimates
    assert row(made, f"KM estimate at day {day}, % | 95% CI") == limits
    assert row(made, f"KM estimate at day {day}, % | Number at risk") == at_risk


def test_results_of_a_landmark_nobody_reached_hold_no_number():
    ard = table(study()).ard
    chosen = (ard["variable_level"] == "180") & (ard["column"] == "Placebo") & (ard["context"] == "survival_survfit")
    cell = ard[chosen].set_index("stat_name")
    assert cell.loc[["estimate", "std.error", "conf.low", "conf.high"], "stat"].isna().all()
    assert cell.loc["n.risk", "stat"] == 0


@pytest.mark.parametrize(
    ("day", "differences", "limits", "p"),
    [
        (28, ["25.0", "-25.0"], ["NE", "-100.0, 56.3"], ["NE", "0.5465"]),  # low: nobody had an event, no variance
        (90, ["NE", "NE"], ["NE", "NE"], ["NE", "NE"]),  # placebo was not followed so long
    ],
)
def test_difference_has_an_interval_only_where_both_arms_have_variance(day, differences, limits, p):
    """Day 28, medium against placebo: variances 1/8 and 3/64, -25 +- 1.959964 sqrt(11/64) = (-106.3, 56.3), clipped."""
    made = table(study())
    outer = f"KM estimate at day {day}, %"
    assert row(made, f"{outer} | Difference vs Placebo (percentage points)") == differences
    assert row(made, f"{outer} | 95% CI of the difference") == limits
    assert row(made, f"{outer} | p") == p
    chosen = (made.ard["context"] == "survival_survfit_diff") & (made.ard["variable_level"] == str(day))
    of_interval = made.ard[chosen & made.ard["stat_name"].isin(["conf.low", "conf.high"])]
    assert len(of_interval) == 4
    assert of_interval["stat"].dropna().between(-1, 1).all(), "unrounded too"


def test_comparison_cut_at_a_day_nobody_was_followed_to_says_so():
    notes = " ".join(table(study()).footnotes)
    # Low was followed to day 100, so day 90 was reached in both pairs with events; day 180 in none.
    assert "Cut at day 180: nobody in Low, Medium or Placebo was followed so long; all their follow-up is used." in notes
    assert "Cut at day 90: nobody in Medium or Placebo was followed so long" in notes
    full = study(INTERIM.replace("60   | 3", "180  | 1").replace("| 100  | 3", "| 180  | 1"))
    assert "followed so long" not in " ".join(table(full).footnotes)


def test_unbalanced_arms_have_a_hazard_ratio_and_arms_that_never_overlap_have_none():
    lines = [f"2-{i:02d} | Placebo | {t} | {c} | {e} | {r}" for i, (t, c, e, r) in enumerate(
        [(d, 0, "DEATH", ".") for d in (10, 20, 30)] + [(90, 3, ".", "DATA CUT-OFF")] * 2)]  # fmt: skip
    lines += ["2-40 | Low | 40 | 0 | DEATH | ."] + [f"2-{i} | Low | 90 | 3 | . | DATA CUT-OFF" for i in range(41, 70)]
    lines += ["2-80 | Medium | 100 | 0 | DEATH | ."]  # the only event of medium comes when no placebo is at risk
    made = table(study("USUBJID | ARM | AVAL | CNSR | EVNTDESC | CNSDTDSC\n" + "\n".join(lines)))
    # R 4.2.2 coxph: 0.0357 (0.0036, 0.3525), p 0.004333
    assert row(made, "HR vs Placebo, cut at day 90") == ["0.04", "NE"]
    assert row(made, "HR vs Placebo, cut at day 90 | 95% CI") == ["0.00, 0.35", "NE"]
    assert row(made, "HR vs Placebo, cut at day 90 | p") == ["0.0043", "NE"]
    assert row(made, "HR vs Placebo, cut at day 180") == ["0.04", "NE"]


def test_picture_in_words_says_how_long_each_curve_was_followed():
    figure = output("F14.2.1.2", study())
    assert isinstance(figure, Figure)
    # the last day and the number at risk on it stand once, whatever days come after it
    assert "75.0% free of the event at day 60 (3 at risk), the last of follow-up; not estimable at day 90 and 180;" in figure.alt
    assert "100.0% free of the event at day 90 (2 at risk); 100.0% free of the event at day 100 (1 at risk), the last" in figure.alt
    assert figure.alt.count("the last of follow-up") == 2
    assert "0.0% free of the event at day 180 (0 at risk)" in figure.alt


def test_a_column_without_a_subject_has_no_curve_and_is_called_so():
    figure = output("F14.2.1.2", study(INTERIM.replace("Medium ", "Low    ")))
    assert isinstance(figure, Figure)
    assert "Medium: no subject" in figure.alt


def test_days_are_counted_from_the_first_dose_whether_or_not_times_count_that_day():
    """tte_plus_one: every AVAL is one more, so is the median; what is told of day 28, 90 and 180 stays."""
    plain, data = table(study()), study()
    data["ADTTE"] = data["ADTTE"].assign(AVAL=data["ADTTE"]["AVAL"] + 1)
    trial = TRIAL.model_copy(update={"switches": TRIAL.switches.model_copy(update={"tte_plus_one": True})})
    plus = make(find("T14.2.1.2", trial), trial, data, STAMP)
    assert isinstance(plus, Table)
    median = ("Median, days", "Median, days | 95% CI")
    assert [row(plain, key)[2] for key in median] == ["30.0", "20.0, NE"]  # at 0.5 from day 20 to 40: the middle, as R
    assert [row(plus, key)[2] for key in median] == ["31.0", "21.0, NE"]
    of_median = [("PARAMCD", "LTFS"), ("prob", "0.5")]
    others = [one for one in plus.rows if list(one.key[:2]) != of_median]
    assert others == [one for one in plain.rows if list(one.key[:2]) != of_median]
    assert len(plus.rows) - len(others) == len(median)
    # The median of 31 stands beside days that the first dose begins at 0: the page says which is which.
    told = (
        "Estimates, tests and ratios at day N: N days after the start. The median counts the day of the start as 1: "
        "an event on day N has the time N + 1."
    )
    assert [note for note in plus.footnotes if note not in plain.footnotes] == [told]
    assert set(plain.footnotes) < set(plus.footnotes)


def test_pooled_column_follows_the_same_rule():
    made = table(study(), pooled=True)
    assert row(made, "KM estimate at day 180, %") == ["NE"]
    assert row(made, "KM estimate at day 90, % | Number at risk") == ["2"]
    with pytest.raises(LookupError):
        row(made, "Log-rank p, cut at day 90")


@pytest.mark.parametrize(
    ("dosed", "randomised", "note", "axis"),
    [
        (["2025-03-01"] * 8, ["2025-02-28"] * 8, "", ""),
        # The last was randomised and never dosed: that day is its day 0.
        (
            [*["2025-03-01"] * 7, None],
            ["2025-02-28"] * 8,
            "; in subjects never dosed from randomisation",
            " (never dosed: after randomisation)",
        ),
        # Who was neither dosed nor randomised has no day.
        ([*["2025-03-01"] * 7, None], [*["2025-02-28"] * 7, None], "", ""),
    ],
)
def test_days_are_said_to_be_counted_from_what_they_are_counted_from(dosed, randomised, note, axis):
    data = study()
    first, randomisation = (pd.Series(pd.to_datetime(dates)) for dates in (dosed, randomised))
    data["ADSL"] = data["ADSL"].assign(TRTSDT=first, RANDDT=randomisation, ANCHDT=first.fillna(randomisation))
    assert f"Days are counted from the first dose, which is day 0{note}." in table(data).footnotes
    drawn = output("F14.2.1.2", data)
    assert isinstance(drawn, Figure)
    assert f">Days after the first dose{axis}<" in drawn.svg
