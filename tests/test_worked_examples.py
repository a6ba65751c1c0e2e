"""Worked examples of R and of hand arithmetic on the whole way from analysis data to the results of an output.

What the pages print of rates by time at risk is in test_outputs_events.py, of repeated measures in test_outputs_models.py.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cgbm1_report.derive.adce import counted_days
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.rows import Key, write_key
from tests.drawn import our_trial, stamp_of
from tests.oracle import assert_close, is_close, read_oracle

TRIAL = our_trial()
ARMS = {"PBO": "Placebo", "LOW": "Low", "MED": "Medium"}


def _subjects(arms: dict[str, int], phase: int) -> pd.DataFrame:
    """So many subjects of each arm, who are in every population and got what was planned."""
    arm = pd.Series([name for name, count in arms.items() for _ in range(count)], dtype="str")
    names = [f"S{number:02d}" for number in range(len(arm))]
    flags = dict.fromkeys(("SAFFL", "FASFL", "PPROTFL"), "Y")
    frame = pd.DataFrame({"USUBJID": names, "PHASE": float(phase), "TRT01P": arm, "TRT01A": arm, **flags})
    return frame.astype(dict.fromkeys(("USUBJID", *flags), "str"))


def _results(number: str, adam: dict[str, pd.DataFrame]) -> dict[tuple[str, str, str, str], float]:
    """The unrounded results of an output by row, column, context and statistic; a row without the name of its line."""
    ard = make(catalogue(TRIAL)[number], TRIAL, adam, stamp_of(TRIAL)).ard
    rows = ard["row"].str.replace(r',\["statistic","[^"]*"\]', "", regex=True)
    return dict(zip(zip(rows, ard["column"], ard["context"], ard["stat_name"], strict=True), ard["stat"], strict=True))


def _unequal(
    found: dict[Any, float], row: Key, column: str, context: str, expected: dict[str, float | None], tolerance: float
) -> list[str]:
    """What of a cell is not as expected, by statistic."""
    held = {name: (found[write_key(row), column, context, name], value) for name, value in expected.items()}
    return [f"{name}: {own}, not {value}" for name, (own, value) in held.items() if not is_close(own, value, tolerance)]


def _times(drawn: dict[str, list[dict[str, int]]], phase: int) -> dict[str, pd.DataFrame]:
    """Times of arms as ADTTE: an event is a death, whoever was censored before the end is lost."""
    adsl = _subjects({ARMS[arm]: len(own) for arm, own in drawn.items()}, phase)
    told = pd.DataFrame([one for own in drawn.values() for one in own])
    happened = told["event"].eq(1)
    adtte = pd.DataFrame(
        {
            "USUBJID": adsl["USUBJID"],
            "PARAMCD": "LTFS",
            "AVAL": told["aval"].astype("float64"),
            "CNSR": (~happened).astype("float64"),
            "EVNTDESC": pd.Series("DEATH", index=told.index, dtype="str").where(happened),
            "CNSDTDSC": pd.Series("ALIVE AT DAY 180", index=told.index, dtype="str").mask(happened),
        }
    )
    return {"ADSL": adsl, "ADTTE": adtte.astype({"PARAMCD": "str"})}


OF_TIMES = ("PARAMCD", "LTFS")


def test_landmarks_and_quartile_of_ten_subjects_are_those_of_r() -> None:
    """survfit(Surv(aval, event) ~ 1, conf.type = "log-log"); the table prints the median."""
    told = read_oracle("e03")
    found = _results("T14.2.1.1", _times({"LOW": told["input"]}, 1))
    for one in told["expected"]:
        expected = {"estimate": one["s"], "std.error": one["se"], "conf.low": one["lo"], "conf.high": one["hi"]}
        row = (OF_TIMES, ("time", str(one["day"])))
        assert _unequal(found, row, "Low", "survival_survfit", {**expected, "n.risk": one["nrisk"]}, 1e-8) == []
    median = next(one for one in told["quantiles"] if one["p"] == 0.5)
    expected = {"estimate": median["q"], "conf.low": median["lo"], "conf.high": median["hi"]}
    assert _unequal(found, (OF_TIMES, ("prob", "0.5")), "Low", "survival_survfit", expected, 0) == []


def test_two_arms_are_compared_as_r_compares_them() -> None:
    """survdiff and coxph(ties = "efron") of the two arms, follow-up cut at day 90 and not cut (180 is its end)."""
    told = read_oracle("e04")
    found = _results("T14.2.1.2", _times(told["input"], 2))
    for part, day in (("cut90_primary", "90"), ("full_supportive", "180")):
        own = told[part]
        row = (OF_TIMES, ("follow-up cut at day", day))
        test, model = own["logrank"], own["cox"]
        assert _unequal(found, row, "Medium", "survival_survdiff", {"statistic": test["chisq"], "p.value": test["p"]}, 1e-8) == []
        expected = {"estimate": model["hr"], "conf.low": model["lo"], "conf.high": model["hi"], "p.value": model["p"]}
        assert _unequal(found, row, "Medium", "regression", expected, 1e-7) == []
    for arm, days in told["km"].items():
        for one in days:
            expected = {"estimate": one["s"], "conf.low": one["lo"], "conf.high": one["hi"]}
            assert _unequal(found, (OF_TIMES, ("time", str(one["day"]))), ARMS[arm], "survival_survfit", expected, 1e-8) == []
    apart = told["difference_day90"]
    expected = {"estimate": apart["est"], "conf.low": apart["lo"], "conf.high": apart["hi"], "p.value": apart["p"]}
    assert _unequal(found, (OF_TIMES, ("time", "90")), "Medium", "survival_survfit_diff", expected, 1e-8) == []


def _complicated(counts: list[tuple[int, int]], size: int) -> dict[str, pd.DataFrame]:
    """Of two arms of a size so many with each complication: the medium dose, placebo."""
    adsl = _subjects({"Placebo": size, "Medium": size}, 2)
    placebo, medium = adsl["USUBJID"].iloc[:size], adsl["USUBJID"].iloc[size:]
    terms = [one.term for one in TRIAL.complications]
    records = [
        (subject, term)
        for term, (treated, others) in zip(terms, counts, strict=False)
        for subject in [*medium.iloc[:treated], *placebo.iloc[:others]]
    ]
    flags = dict.fromkeys(("COMPFL", *counted_days(TRIAL)), "Y")
    adce = pd.DataFrame(records, columns=["USUBJID", "COMPTERM"]).assign(**flags).astype("str")
    return {"ADSL": adsl, "ADCE": adce}


def test_proportions_of_thirty_have_the_limits_differences_and_p_of_r() -> None:
    """binom.test, fisher.test, and the score interval of Miettinen and Nurminen in closed form, R 4.2.2."""
    of_two = [one for one in read_oracle("e06")["cases"] if (one["n1"], one["n2"]) == (30, 30)]
    assert len(of_two) == 5
    found = _results("T14.2.5.2", _complicated([(one["x1"], one["x2"]) for one in of_two], 30))
    exact = {one["x"]: one for one in read_oracle("e05")["cases"] if one["n"] == 30}
    held = set()
    horizon = next(iter(counted_days(TRIAL)))
    for term, one in zip((own.term for own in TRIAL.complications), of_two, strict=False):
        row = ((horizon, "Y"), ("COMPTERM", term))
        limits = {"estimate": one["est"] / 100, "conf.low": one["lo"] / 100, "conf.high": one["hi"] / 100}
        assert _unequal(found, row, "Medium", "proportion_difference", limits, 1e-8) == []
        if one["fisher_p"] is not None:
            assert _unequal(found, row, "Medium", "stats_fisher_test", {"p.value": one["fisher_p"]}, 1e-8) == []
        for column, events in (("Medium", one["x1"]), ("Placebo", one["x2"])):
            if events in exact:
                held.add(events)
                own = {"conf.low": exact[events]["lo"] / 100, "conf.high": exact[events]["hi"] / 100}
                assert _unequal(found, row, column, "proportion_ci", own, 1e-8) == []
    assert held == set(exact) == {0, 9, 15}


def test_limits_of_few_subjects_are_those_of_r() -> None:
    """binom.test of 3, 6 and 1 subjects: a complication for each number of the low dose, the others as far as they go."""
    exact = {(one["x"], one["n"]): one for one in read_oracle("e05")["cases"] if one["n"] < 30}
    sizes = {"Low": 3, "Medium": 6, "High": 1}
    assert {n for _, n in exact} == set(sizes.values())
    adsl, horizon = _subjects(sizes, 1), next(iter(counted_days(TRIAL)))
    terms = [one.term for one in TRIAL.complications]
    # The k-th complication happens to the first k subjects of each arm.
    drawn = [(who, terms[k]) for arm in sizes for k in range(1, 4) for who in adsl.loc[adsl["TRT01A"] == arm, "USUBJID"].iloc[:k]]
    adce = pd.DataFrame(drawn, columns=["USUBJID", "COMPTERM"]).assign(**dict.fromkeys(("COMPFL", *counted_days(TRIAL)), "Y"))
    found = _results("T14.2.5.1", {"ADSL": adsl, "ADCE": adce.astype("str")})
    held = set()
    for k in range(4):
        for arm, n in sizes.items():
            if (k, n) in exact:
                held.add((k, n))
                own = {"conf.low": exact[k, n]["lo"] / 100, "conf.high": exact[k, n]["hi"] / 100}
                assert _unequal(found, ((horizon, "Y"), ("COMPTERM", terms[k])), arm, "proportion_ci", own, 1e-8) == []
    assert held == set(exact)


def test_rates_by_time_at_risk_are_those_of_r() -> None:
    """poisson.test(4, 1083 / 36525), (6, 913 / 36525), (0, 1083 / 36525); ratio with log-normal limits; none of no event."""
    times = [(10, 1), (45, 1), (181, 0), (181, 0), (181, 0), (90, 0), (28, 1), (181, 0), (181, 0), (5, 1)]
    drawn = {
        "Placebo": [*[(30, 1)] * 5, (39, 1), *[(181, 0)] * 4],  # 6 in 913 days
        "Low": times,
        "Medium": [(days, 0) for days, _ in times],  # the same 1,083 days without an event
    }
    adsl = _subjects({arm: len(own) for arm, own in drawn.items()}, 2)
    told = pd.DataFrame([one for own in drawn.values() for one in own], columns=["DAYS", "EVENT"])
    last = pd.Timestamp("2025-01-01") + pd.to_timedelta(told["DAYS"] - 1, unit="D")
    adsl = adsl.assign(TRTSDT=pd.Timestamp("2025-01-01"), LSTALVDT=last)
    said = {"TRTEMFL": "Y", "AEBODSYS": "Class", "AEDECOD": "Term", "ATOXGR": "1", "RELGR1": "NOT RELATED", "AESER": "N"}
    adae = adsl.loc[told["EVENT"].eq(1), ["USUBJID"]].assign(ASTDT=last, **said, AESIFL="N", AESICAT="INFECTION")
    found = _results("T14.3.1.9.2", {"ADSL": adsl, "ADAE": adae.astype(dict.fromkeys((*said, "AESIFL", "AESICAT"), "str"))})
    row: Key = (("TRTEMFL", "Y"),)
    for arm, days, estimate, low, high in (
        ("Low", 1083, 134.9030470914, 36.7565399554, 345.4053798422),
        ("Placebo", 913, 240.0328587076, 88.0878287062, 522.4504804737),
        ("Medium", 1083, 0.0, 0.0, 124.4102696782),
    ):
        expected = {"tot_person_time": days / 365.25, "estimate": estimate, "conf.low": low, "conf.high": high}
        assert _unequal(found, row, arm, "incidence_rate", expected, 1e-7) == []
    ratio = {"estimate": 0.5620190828, "conf.low": 0.1585998705, "conf.high": 1.9915870580}
    assert _unequal(found, row, "Low", "incidence_rate_ratio", ratio, 1e-7) == []
    assert _unequal(found, row, "Medium", "incidence_rate_ratio", dict.fromkeys(ratio), 1e-7) == []


def test_repeated_measures_are_those_of_r() -> None:
    """gls(corSymm, varIdent, REML) and emmeans; degrees of freedom by Satterthwaite from a second program."""
    told = read_oracle("e15")
    rows = pd.DataFrame(told["data"], columns=["NAME", "ARM", "BASE", "AVISITN", "CHG"])
    subjects = rows.drop_duplicates("NAME")
    counts = subjects.groupby("ARM", sort=False).size()
    adsl = _subjects({ARMS[arm]: int(count) for arm, count in counts.items()}, 2)
    named = dict(zip(subjects["NAME"], adsl["USUBJID"], strict=True))
    assert (subjects["ARM"].map(ARMS).to_numpy() == adsl["TRT01P"].to_numpy()).all(), "subjects come arm by arm"
    texts = {"USUBJID": rows["NAME"].map(named), "PARAMCD": "MELD", "ANL02FL": "Y"}
    adeff = rows[["BASE", "AVISITN", "CHG"]].astype("float64").assign(**texts).astype(dict.fromkeys(texts, "str"))
    found = _results("T14.2.7.2", {"ADSL": adsl, "ADEFF": adeff})
    for day in told["days"]:
        place: Key = (("PARAMCD", "MELD"), ("AVISIT", f"Day {day['day']}"), ("model", "MMRM"))
        for arm, mean in day["lsmeans"].items():
            assert _unequal(found, (*place, ("CHG", None)), ARMS[arm], "emmeans_emmeans", {"estimate": mean}, 1e-4) == []
        for arm, own in day["difference"].items():
            row, named_as = (*place, ("contrast", "Placebo")), {"estimate": "est", "std.error": "se"}
            named_as |= {"conf.low": "lo", "conf.high": "hi", "p.value": "p"}
            expected = {name: own[short] for name, short in named_as.items()}
            assert _unequal(found, row, ARMS[arm], "emmeans_contrast", expected, 1e-4) == []
            assert abs(found[write_key(row), ARMS[arm], "emmeans_contrast", "df"] - own["df"]) < 0.05


def _values(values: list[float], *, paramcd: str = "ALT", phase: int = 1, change: bool = False) -> dict[str, pd.DataFrame]:
    """Values, or changes, of one arm at one visit."""
    adsl = _subjects({"Low": len(values)}, phase)
    told = pd.Series(values, dtype="float64")
    adlb = pd.DataFrame({"USUBJID": adsl["USUBJID"], "PARAMCD": paramcd, "AVISITN": 28.0, "AVISIT": "Day 28", "ANL02FL": "Y"})
    adlb = adlb.astype(dict.fromkeys(("PARAMCD", "AVISIT", "ANL02FL"), "str"))
    missing = pd.Series(float("nan"), index=told.index)
    own = {"AVAL": missing + 1 if change else told, "CHG": told if change else missing, "PCHG": missing, "BASE": missing}
    return {"ADSL": adsl, "ADLB": adlb.assign(ABLFL=pd.Series(index=told.index, dtype="str"), **own)}


@pytest.mark.parametrize("case", read_oracle("e13")["cases"], ids=lambda case: str(case["values"]))
def test_values_are_summarised_as_r_does_with_quantiles_of_type_2(case: dict[str, Any]) -> None:
    names = {"N": "n", "mean": "mean", "sd": "sd", "median": "median", "p25": "q1", "p75": "q3", "min": "min", "max": "max"}
    found = _results("T14.2.10.1", _values(case["values"]))
    expected = {name: case[own] for name, own in names.items() if own in case}
    assert len(expected) >= 3
    assert _unequal(found, (("PARAMCD", "ALT"), ("AVISIT", "Day 28"), ("AVAL", None)), "Low", "summary", expected, 1e-8) == []


def test_change_has_the_interval_of_t_test_in_r() -> None:
    told = read_oracle("e13")["change"]
    found = _results("T14.2.10.2", _values(told["values"], phase=2, change=True))
    expected = {"mean": told["mean"], "sd": told["sd"], "conf.low": told["lo"], "conf.high": told["hi"]}
    assert _unequal(found, (("PARAMCD", "ALT"), ("AVISIT", "Day 28"), ("CHG", None)), "Low", "summary", expected, 1e-8) == []


def test_change_of_three_arms_is_adjusted_as_r_does() -> None:
    """emmeans(lm(chg ~ trt + base), "trt"), contrasts with placebo, unadjusted."""
    told = read_oracle("e14")
    drawn = [(arm, *pair) for arm, own in told["data"].items() for pair in own]
    records = pd.DataFrame(drawn, columns=["ARM", "BASE", "CHG"])
    adsl = _subjects({ARMS[arm]: int(count) for arm, count in records.groupby("ARM", sort=False).size().items()}, 2)
    adeff = records.drop(columns="ARM").assign(
        USUBJID=adsl["USUBJID"], PARAMCD="MELD", ANL02FL="Y", AVISITN=28.0,
    ).astype({"PARAMCD": "str", "ANL02FL": "str"})  # fmt: skip
    found = _results("T14.2.7.2", {"ADSL": adsl, "ADEFF": adeff})
    place: Key = (("PARAMCD", "MELD"), ("AVISIT", "Day 28"), ("model", "ANCOVA"))
    for arm, own in told["lsmeans"].items():
        expected = {"estimate": own["est"], "std.error": own["se"]}
        assert _unequal(found, (*place, ("CHG", None)), ARMS[arm], "emmeans_emmeans", expected, 1e-8) == []
    for arm, own in told["difference"].items():
        expected = {
            "estimate": own["est"],
            "std.error": own["se"],
            "conf.low": own["lo"],
            "conf.high": own["hi"],
            "p.value": own["p"],
        }
        assert _unequal(found, (*place, ("contrast", "Placebo")), ARMS[arm], "emmeans_contrast", expected, 1e-8) == []


def test_geometric_mean_and_coefficient_of_variation_are_those_of_r() -> None:
    """exp(mean(log(x))), sqrt(exp(var(log(x))) - 1); values below the limit of quantification are none of these."""
    told = read_oracle("e13")["geometric"]
    adam = _values(told["values"], paramcd="IL6")
    nobody = pd.Series(index=adam["ADLB"].index, dtype="str")
    adam["ADLB"] = adam["ADLB"].assign(LLOQFL=nobody, R2BASE=float("nan"))
    found = _results("T14.2.21.1", adam)
    expected = {"geom_mean": told["mean"], "geom_cv": told["cv_pct"] / 100}
    assert _unequal(found, (("PARAMCD", "IL6"), ("AVISIT", "Day 28"), ("AVAL", None)), "Low", "geometric", expected, 1e-8) == []


def test_transplantation_and_death_compete_as_in_r() -> None:
    """survfit of several states: the incidences of both and the share free of both are 1 together."""
    told = read_oracle("e17")
    drawn = [{"aval": one["aval"], "event": int(one["event"] is not None)} for one in told["input"]]
    adam = _times({"LOW": drawn}, 1)
    ends = pd.Series([one["event"] for one in told["input"]], dtype="str")
    competes = float(next(iter(TRIAL.parameters["TTLT"].competing)))
    own = adam["ADTTE"].drop(columns=["EVNTDESC", "CNSDTDSC"])
    adam["ADTTE"] = pd.concat(
        [
            adam["ADTTE"],
            own.assign(PARAMCD="TTLT", CNSR=ends.map({"LT": 0.0, "DEATH": competes}).fillna(1.0)),
            own.assign(PARAMCD="OS", CNSR=ends.map({"DEATH": 0.0}).fillna(1.0)),
        ],
        ignore_index=True,
    ).astype({"PARAMCD": "str"})
    found, free = _results("T14.2.4.1", adam), _results("T14.2.1.1", adam)
    for one in told["expected"]:
        at = ("time", str(one["day"]))
        for code, share in (("0", one["lt"]), (f"{competes:g}", one["death"])):
            row: Key = (("PARAMCD", "TTLT"), ("CNSR", code), at)
            assert _unequal(found, row, "Low", "tidycmprsk_cuminc", {"estimate": share}, 1e-8) == []
        neither = free[write_key((OF_TIMES, at)), "Low", "survival_survfit", "estimate"]
        assert_close(one["lt"] + one["death"] + neither, 1.0, 1e-8, f"day {one['day']}")
