"""Models of repeated measures are fitted a second time: the second fit has the numbers of R, and sees every other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.recount import Facts, Recounted, recount
from cgbm1_report.rows import Explained, Key, write_key
from tests.drawn import draw
from tests.oracle import read_oracle
from tests.test_outputs_ratios import ARMS, adam, of_e15, of_r

FACTS = Facts(
    "T14.2.18.2", 2, ("ADEFF", "ADSL"), "FASFL", "TRT01P", {"Placebo": "Placebo", "Low": "Low", "Medium": "Medium", "Total": None},
    where={"ANL02FL": "Y"}, compared_with="Placebo",
)  # fmt: skip
#: Row, column, context, statistic, number.
Told = list[tuple[Key, str, str, str, float]]


def of_r_and_another() -> Told:
    """E.15: gls(chg ~ trt * vis + base * vis, corSymm(form = ~ 1 | id), varIdent(form = ~ 1 | vis)), freedom by Satterthwaite."""
    found: Told = []
    for day in read_oracle("e15")["days"]:
        row: Key = (("PARAMCD", "LSM"), ("AVISIT", f"Day {day['day']}"), ("model", "MMRM"))
        found += [((*row, ("CHG", None)), ARMS[arm], "emmeans_emmeans", "estimate", mean) for arm, mean in day["lsmeans"].items()]
        for arm, apart in day["difference"].items():
            names = {"estimate": "est", "std.error": "se", "df": "df", "conf.low": "lo", "conf.high": "hi", "p.value": "p"}
            found += [
                ((*row, ("contrast", "Placebo")), ARMS[arm], "emmeans_contrast", name, apart[short])
                for name, short in names.items()
            ]
    return found


def ratios_of_r() -> Told:
    """tests/oracles/r_ratios.R: the same gls of logarithms, taken back."""
    found: Told = []
    for day, told in read_oracle("r_ratios")["mmrm"].items():
        row: Key = (("PARAMCD", "IL6"), ("AVISIT", f"Day {day}"), ("model", "MMRM"))
        found += [((*row, ("R2BASE", None)), arm, "emmeans_emmeans", "estimate", mean) for arm, mean in told["means"].items()]
        found += [
            ((*row, ("ratio", "Placebo")), arm, "emmeans_contrast", "estimate", ratio) for arm, ratio in told["ratios"].items()
        ]
    for day, told in read_oracle("r_ratios")["ancova"].items():
        row = (("PARAMCD", "IL6"), ("AVISIT", f"Day {day}"), ("model", "ANCOVA"))
        names = ("estimate", "conf.low", "conf.high", "p.value")
        for arm, ratio in told["ratios"].items():
            found += [
                ((*row, ("ratio", "Placebo")), arm, "emmeans_contrast", name, value)
                for name, value in zip(names, ratio, strict=True)
            ]
    return found


def counted(told: Told, facts: Facts, rows: pd.DataFrame, paramcd: str, folder: Path) -> Recounted:
    for name, frame in adam(rows, paramcd, facts.sources[0]).items():
        visit = {"AVISIT": "Day " + frame["AVISITN"].map("{:g}".format)} if "AVISITN" in frame else {}
        frame.assign(**visit).to_parquet(folder / f"{name.lower()}.parquet", index=False)
    results = pd.DataFrame(told, columns=["row", "column", "context", "stat_name", "stat"])
    return recount(folder, results.assign(row=results["row"].map(write_key), output=facts.number), [facts])


def far(found: Recounted, least: float) -> list[str]:
    """Numbers whose second value is further from the told one than the digits that were told."""
    return [
        str(problem)
        for problem in found.differences
        if abs(_told(problem.message, 0) - _told(problem.message, 1)) > least * max(1, abs(_told(problem.message, 1)))
    ]


def _told(message: str, at: int) -> float:
    return float(message.split(" as ")[at + 1].split(",")[0])


def test_second_fit_has_the_estimates_errors_and_degrees_of_freedom_of_r(tmp_path: Path) -> None:
    """What is told has six decimals, degrees of freedom two."""
    told = of_r_and_another()
    found = counted(told, FACTS, of_e15(logarithms=False), "LSM", tmp_path)
    assert (found.compared, found.unasked) == ({FACTS.number: len(told)}, {FACTS.number: {}})
    assert far(found, 3e-4) == []
    exact = [one for one in told if one[3] != "df"]
    assert far(counted(exact, FACTS, of_e15(logarithms=False), "LSM", tmp_path), 1.5e-6) == []


@pytest.mark.parametrize("name", ["estimate", "std.error", "df", "conf.low", "conf.high", "p.value"])
def test_second_fit_sees_a_wrong_number_of_a_model(name: str, tmp_path: Path) -> None:
    told = [one for one in of_r_and_another() if one[3] == name]
    wrong = [(*one[:4], one[4] + 0.01) for one in told]
    assert len(far(counted(wrong, FACTS, of_e15(logarithms=False), "LSM", tmp_path), 3e-4)) == len(told)


def test_second_fit_of_logarithms_has_the_ratios_of_r(tmp_path: Path) -> None:
    facts, told = replace(FACTS, sources=("ADLB", "ADSL")), ratios_of_r()
    found = counted(told, facts, of_r(), "IL6", tmp_path)
    assert found.compared == {facts.number: len(told)}
    assert far(found, 1e-6) == []
    wrong = [(*one[:4], one[4] + 0.01) for one in told]
    assert len(far(counted(wrong, facts, of_r(), "IL6", tmp_path), 1e-3)) == len(told)


def test_kenward_and_rogers_standard_error_is_asked_where_the_trial_asks_for_it(tmp_path: Path) -> None:
    """It is wider than the plain one of R, the degrees of freedom and estimates are those of Satterthwaite."""
    facts, told = replace(FACTS, freedom="kenward-roger"), of_r_and_another()
    found = counted(told, facts, of_e15(logarithms=False), "LSM", tmp_path)
    assert (found.compared, found.unasked) == ({facts.number: len(told)}, {facts.number: {}})
    same = [one for one in told if one[3] in ("estimate", "df")]
    assert far(counted(same, facts, of_e15(logarithms=False), "LSM", tmp_path), 3e-4) == []
    errors = [one for one in told if one[3] == "std.error"]
    wider = [one.message for one in counted(errors, facts, of_e15(logarithms=False), "LSM", tmp_path).differences]
    # Of day 28, which nobody lacks, it is the plain one.
    assert len(wider) == len(errors) - 2
    assert all(_told(one, 1) > _told(one, 0) for one in wider)


def test_fit_without_a_sure_maximum_says_nothing(tmp_path: Path) -> None:
    """Four subjects tell nothing of six covariances."""
    rows = of_e15(logarithms=False)
    few = rows[rows["USUBJID"].isin(["S01", "S02", "S09", "S17"])]
    told = [one for one in of_r_and_another() if one[3] == "estimate"]
    found = counted(told, FACTS, few, "LSM", tmp_path)
    assert found.differences == []
    assert all("no sure maximum" in reason for reason in found.unasked[FACTS.number])


#: R 4.2.2: lm(y ~ arm + site + x), adjusted means and differences as linear functions of its coefficients, levels of the site
#: weighed alike and as records have them; p of dose in lm(y ~ dose + site + x). One subject has no site.
SITES = """
USUBJID | PHASE | FASFL | TRT01P$ | SITEGR1 | TRT01PN
S01     | 2     | Y     | Placebo | A       | 0
S02     | 2     | Y     | Placebo | A       | 0
S03     | 2     | Y     | Placebo | B       | 0
S04     | 2     | Y     | Placebo | B       | 0
S05     | 2     | Y     | Low     | A       | 1
S06     | 2     | Y     | Low     | B       | 1
S07     | 2     | Y     | Low     | B       | 1
S08     | 2     | Y     | Low     | A       | 1
S09     | 2     | Y     | Medium  | A       | 3
S10     | 2     | Y     | Medium  | A       | 3
S11     | 2     | Y     | Medium  | A       | 3
S12     | 2     | Y     | Medium  | B       | 3
S13     | 2     | Y     | Medium  | .       | 3
"""
CHANGES = """
USUBJID | PARAMCD | AVISIT | BASE | CHG | ANL02FL | DTYPE
S01     | LSM     | Week 8 | 10   | 1   | Y       | .
S02     | LSM     | Week 8 | 20   | 2   | Y       | .
S03     | LSM     | Week 8 | 30   | 4   | Y       | LOCF
S04     | LSM     | Week 8 | 24   | 3   | Y       | .
S05     | LSM     | Week 8 | 15   | 0   | Y       | .
S06     | LSM     | Week 8 | 25   | 1   | Y       | .
S07     | LSM     | Week 8 | 40   | 5   | Y       | .
S08     | LSM     | Week 8 | 33   | 2   | Y       | LOCF
S09     | LSM     | Week 8 | 12   | -1  | Y       | .
S10     | LSM     | Week 8 | 28   | 0   | Y       | .
S11     | LSM     | Week 8 | 22   | 3   | Y       | .
S12     | LSM     | Week 8 | 19   | 1   | Y       | .
S12     | LSM     | Week 8 | 19   | 9   | Y       | AVERAGE   # a kind that does not stand at visits
S13     | LSM     | Week 8 | 19   | 9   | Y       | .
"""
MEANS = {"equal": (2.80938482263134, 0.602415040683758), "observed": (2.76389285762883, 0.611296885617215)}


def of_sites(weights: str) -> tuple[Facts, Told]:
    """What the trial says of the model, and what R does."""
    row: Key = (("PARAMCD", "LSM"), ("AVISIT", "Week 8"), ("model", "ANCOVA"))
    explained = Explained("CHG", "BASE", ("SITEGR1",), weights, "TRT01PN")
    columns = {arm: arm for arm in ("Placebo", "Low", "Medium")}
    facts = replace(FACTS, columns=columns, dtypes=("LOCF",), models={"LSM": explained})
    apart = {"estimate": 0.0288198554925094, "std.error": 0.912450764121930, "df": 7, "p.value": 0.975684627623733}
    mean = dict(zip(("estimate", "std.error"), MEANS[weights], strict=True))
    told: Told = [((*row, ("CHG", None)), "Placebo", "emmeans_emmeans", name, value) for name, value in mean.items()]
    told += [((*row, ("contrast", "Low")), "Medium", "emmeans_contrast", name, value) for name, value in apart.items()]
    return facts, [*told, ((*row, ("slope", "TRT01PN")), "Medium", "car_anova", "p.value", 0.171335741587602)]


@pytest.mark.parametrize("weights", ["equal", "observed"])
def test_analysis_of_covariance_with_sites_and_a_slope_of_the_dose_has_the_numbers_of_r(weights: str, tmp_path: Path) -> None:
    draw(SITES).to_parquet(tmp_path / "adsl.parquet", index=False)
    draw(CHANGES).to_parquet(tmp_path / "adeff.parquet", index=False)
    facts, told = of_sites(weights)

    def counted_again(told: Told) -> Recounted:
        results = pd.DataFrame(told, columns=["row", "column", "context", "stat_name", "stat"])
        return recount(tmp_path, results.assign(row=results["row"].map(write_key), output=facts.number), [facts])

    found = counted_again(told)
    assert ([str(one) for one in found.differences], found.compared) == ([], {facts.number: len(told)})
    wrong = [(*one[:4], one[4] * 1.000001 + 1e-6) for one in told]
    assert len(counted_again(wrong).differences) == len(told)
