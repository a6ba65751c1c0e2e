"""Tables by visit that hold models below what was observed: the numbers of R in the cells, ratios where models are of logarithms."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import catalogue, left_out, make
from cgbm1_report.tabulate.table import Table
from tests.drawn import our_trial, stamp_of
from tests.oracle import assert_close, read_oracle

TRIAL = our_trial()
ARMS = {"PBO": "Placebo", "LOW": "Low", "MED": "Medium"}
DAYS = (28, 60, 90)
_TEXTS = ("USUBJID", "PARAMCD", "ABLFL", "ANL02FL", "LSMQFL", "LLOQFL")


def adam(rows: pd.DataFrame, paramcd: str, dataset: str) -> dict[str, pd.DataFrame]:
    """Analysis data of USUBJID, TRT01P, AVISITN, BASE and AVAL: a record for each, and the baseline of each subject."""
    subjects = rows.drop_duplicates("USUBJID")
    adsl = pd.DataFrame({"USUBJID": subjects["USUBJID"], "PHASE": 2.0, "FASFL": "Y", "TRT01P": subjects["TRT01P"]})
    before = subjects.assign(AVAL=subjects["BASE"], AVISITN=0, ABLFL="Y")
    after = rows.assign(ANL02FL="Y", CHG=rows["AVAL"] - rows["BASE"], R2BASE=rows["AVAL"] / rows["BASE"])
    records = pd.concat([before, after], ignore_index=True).drop(columns="TRT01P")
    records = records.assign(PARAMCD=paramcd, PCHG=np.nan, LSMQFL=None, LLOQFL=None, AVISITN=records["AVISITN"].astype("float64"))
    return {"ADSL": adsl.astype(dict.fromkeys(("USUBJID", "FASFL", "TRT01P"), "str")), dataset: records.astype(dict.fromkeys(_TEXTS, "str"))}  # fmt: skip


def of_r() -> pd.DataFrame:
    """The concentrations that R fitted (tests/oracles/r_ratios.R)."""
    return pd.DataFrame(read_oracle("r_ratios")["data"], columns=["USUBJID", "TRT01P", "AVISITN", "BASE", "AVAL"])


def of_e15(*, logarithms: bool) -> pd.DataFrame:
    """The drawn changes that R and a second program fitted; as ``logarithms`` a tenth of them is that of the ratio to baseline."""
    rows = pd.DataFrame(read_oracle("e15")["data"], columns=["USUBJID", "ARM", "BASE", "AVISITN", "CHG"])
    rows = rows.assign(TRT01P=rows["ARM"].map(ARMS)).drop(columns="ARM")
    if logarithms:
        rows = rows.assign(BASE=10 ** (rows["BASE"] / 10), AVAL=10 ** ((rows["BASE"] + rows["CHG"]) / 10))
    else:
        rows = rows.assign(AVAL=rows["BASE"] + rows["CHG"])
    return rows.drop(columns="CHG")


@cache
def made(number: str, which: str = "r", *, pooled: bool = False) -> Table:
    paramcd, dataset = ("LSM", "ADEFF") if number == "T14.2.18.2" else ("IL6", "ADLB")
    rows = of_r() if which == "r" else of_e15(logarithms=which == "logarithms")
    table = make(catalogue(TRIAL)[number], TRIAL, adam(rows, paramcd, dataset), stamp_of(TRIAL), pooled=pooled)
    assert isinstance(table, Table)
    return table


def below(table: Table, visit: str, head: str) -> dict[str, dict[str, str]]:
    """The rows below a head of a visit, by their labels."""
    found: dict[str, dict[str, str]] = {}
    at_visit, at_head = "", ""
    for row in table.rows:
        at_visit, at_head = (row.label, "") if row.indent == 0 else (at_visit, row.label if row.indent == 1 else at_head)
        if row.indent == 2 and (at_visit, at_head) == (visit, f"{visit}, {head}"):
            found[row.label] = dict(row.cells)
    return found


def results(table: Table, model: str, day: int, column: str, context: str) -> dict[str, float]:
    ard = table.ard[(table.ard["context"] == context) & (table.ard["column"] == column)]
    own = ard[ard["row"].str.contains(f'"Day {day}"') & ard["row"].str.contains(f'"{model}"')]
    return dict(zip(own["stat_name"], own["stat"], strict=True)) if own["stat_name"].is_unique else {}


def test_a_concentration_is_compared_by_geometric_means_and_ratios_as_in_r() -> None:
    """fit <- lm(change ~ arm + lb, subset(d, day == 28)); 10^predict(fit, at the mean of lb), 10^confint(fit)"""
    found = below(made("T14.2.21.2"), "Day 28", "ratio to baseline, ANCOVA")
    assert list(found) == ["n", "Geometric LS mean", "95% CI of mean", "Ratio vs Placebo", "95% CI of the ratio", "p"]
    assert found["Geometric LS mean"] == {"Placebo": "1.03", "Low": "0.69", "Medium": "0.45"}  # 1.027843, 0.686176, 0.453075
    assert found["95% CI of mean"]["Medium"] == "0.27, 0.77"  # 0.267705, 0.766803
    assert found["Ratio vs Placebo"] == {"Low": "0.67", "Medium": "0.44"}  # 0.667588, 0.440802
    assert found["95% CI of the ratio"]["Medium"] == "0.22, 0.90"  # 0.215081, 0.903410
    assert found["p"] == {"Low": "0.2554", "Medium": "0.0273"}  # 0.255414, 0.027304


@pytest.mark.parametrize("day", DAYS)
def test_numbers_of_the_models_on_logarithms_are_those_of_r(day: int) -> None:
    """MMRM: gls(change ~ 0 + visit:arm + visit:lb, corSymm(form = ~ time | subject), varIdent(form = ~ 1 | visit), method = "REML")"""
    table, told = made("T14.2.21.2"), read_oracle("r_ratios")
    ancova, mmrm = told["ancova"][str(day)], told["mmrm"][str(day)]
    for arm, numbers in ancova["means"].items():
        mean = results(table, "ANCOVA", day, arm, "emmeans_emmeans")
        for name, expected in zip(("estimate", "conf.low", "conf.high"), numbers, strict=True):
            assert_close(mean[name], expected, 1e-8, f"{arm} {name}")
        assert_close(results(table, "MMRM", day, arm, "emmeans_emmeans")["estimate"], mmrm["means"][arm], 1e-6, arm)
    for arm, numbers in ancova["ratios"].items():
        ratio = results(table, "ANCOVA", day, arm, "emmeans_contrast")
        for name, expected in zip(("estimate", "conf.low", "conf.high", "p.value"), numbers, strict=True):
            assert_close(ratio[name], expected, 1e-8, f"{arm} {name}")
        assert_close(results(table, "MMRM", day, arm, "emmeans_contrast")["estimate"], mmrm["ratios"][arm], 1e-6, arm)


def test_limits_of_a_ratio_are_those_of_the_difference_of_logarithms_and_its_p_is_the_same() -> None:
    """E.15, R gls: Medium at day 28 -2.141222 (-4.616743, 0.334300), p 0.086272; here a tenth of it is the logarithm."""
    found = below(made("T14.2.21.2", "logarithms"), "Day 28", "ratio to baseline, MMRM")
    assert found["Ratio vs Placebo"]["Medium"] == "0.61"  # 10^-0.2141222 = 0.610770
    assert found["95% CI of the ratio"]["Medium"] == "0.35, 1.08"  # 10^-0.4616743 = 0.345403, 10^0.0334300 = 1.080019
    assert found["p"]["Medium"] == "0.0863"
    assert found["Geometric LS mean"] == {
        "Placebo": "0.74",
        "Low": "0.61",
        "Medium": "0.45",
    }  # 10^-0.1284237, -0.2130852, -0.3425458


def test_models_of_a_change_stand_below_what_was_observed_and_leave_the_total_blank() -> None:
    """E.15 again: at day 60 Low -2.444848 (-4.951621, 0.061926), 0.055331; values have one decimal, differences two."""
    table = made("T14.2.18.2", "changes")
    heads = [row.label for row in table.rows if row.indent == 1]
    parts = ["value", "change from baseline", "change from baseline, ANCOVA", "change from baseline, MMRM"]
    assert heads == ["Baseline, value", *(f"Day {day}, {part}" for day in (28, 60, 90, 180) for part in parts)]
    found = below(table, "Day 60", "change from baseline, MMRM")
    assert found["LS mean (SE)"]["Medium"].startswith("-4.38 (")
    assert found["Difference vs Placebo"] == {"Low": "-2.44", "Medium": "-3.05"}
    assert found["95% CI of the difference"]["Low"] == "-4.95, 0.06"
    assert found["p"] == {"Low": "0.0553", "Medium": "0.0203"}
    assert set(below(table, "Day 60", "change from baseline")["n"]) == {"Placebo", "Low", "Medium", "Total"}
    assert "LS means of the ANCOVA are at the mean baseline of the records of the visit, those of the MMRM at that of the records of all visits." in table.footnotes  # fmt: skip


def test_nothing_is_compared_and_nothing_modelled_while_treatment_is_hidden() -> None:
    table = made("T14.2.21.2", pooled=True)
    assert not any("LS mean" in text or "ANCOVA" in text for text in (*table.footnotes, *(c.label for c in table.columns)))
    assert set(table.ard["context"]) == {"summary", "tabulate", "geometric"}


def test_models_stand_in_the_output_that_is_asked_for_them_alone() -> None:
    table = make(catalogue(TRIAL)["T14.2.10.2"], TRIAL, adam(of_e15(logarithms=False), "ALT", "ADLB"), stamp_of(TRIAL))
    assert isinstance(table, Table)
    assert not any("ANCOVA" in row.label for row in table.rows)
    unmade = " ".join(f"{number} {reason}" for number, reason in left_out(TRIAL).items())
    assert "ANCOVA" not in unmade
    assert "models on the logarithm" not in unmade


def test_record_without_a_logarithm_is_in_no_model_and_the_page_says_so() -> None:
    rows = of_r()
    rows.loc[rows.index[:2], "AVAL"] = 0.0
    table = make(catalogue(TRIAL)["T14.2.21.2"], TRIAL, adam(rows, "IL6", "ADLB"), stamp_of(TRIAL))
    note = "IL-6: not in the models: 2 records, as a value or baseline that is not above 0 has no logarithm."
    assert note in table.footnotes
    assert not any("no logarithm" in one for one in made("T14.2.21.2").footnotes)


def test_laboratory_outcomes_stand_in_the_order_of_the_parameters() -> None:
    data: dict[str, Any] = adam(of_e15(logarithms=False), "ALT", "ADLB")
    table = make(catalogue(TRIAL)["T14.2.17.2"], TRIAL, data, stamp_of(TRIAL))
    assert isinstance(table, Table)
    named = [row.label.partition(" (")[0] for row in table.rows if row.indent == 0]
    assert named == ["ALT", "AST", "Albumin", "ALP", "GGT", "Total Bilirubin", "INR"]
