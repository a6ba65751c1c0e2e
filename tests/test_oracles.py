"""Foreign numbers: each file says where it is from, and a test asks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "oracles"
LISTED = (FOLDER / "README.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and path.name != "README.md")


@pytest.mark.parametrize("name", FILES)
def test_file_of_foreign_numbers_is_listed_with_its_origin_and_asked_by_the_test_named(name: str) -> None:
    lines = [line for line in LISTED.splitlines() if f"`{name}`" in line]
    assert len(lines) == 1, "listed once"
    files, origin, what, asked = (cell.strip() for cell in lines[0].strip("|").split("|"))
    assert f"`{name}`" in files
    assert origin
    assert what
    tests = re.findall(r"`(test_\w+\.py)`", asked)
    told = {test: (FOLDER.parent / test).read_text(encoding="utf-8") for test in tests}
    stem = name.removesuffix(".R").split(".")[0]
    assert any(re.search(rf"[\"'/]{stem}\b", text) for text in told.values()), f"none of {tests} reads it"


#: Calls of R 4.2.2 for data of our own, beyond what public references give: package, call, and the script that prints its numbers.
CALLS = [
    ("survival", 'survfit(Surv(time, event) ~ 1, own, conf.type = "log-log")', "r_two_arms.R"),
    ("survival", "quantile(fit, c(.25, .5, .75))", "r_survival.R"),
    ("survival", "survdiff(Surv(time, event) ~ arm, data)", "r_two_arms.R"),
    ("survival", 'coxph(Surv(time, event) ~ arm, data, ties = "efron"', "r_two_arms.R"),
    ("cmprsk", "cuminc(time, state)", "r_competing.R"),
    ("cmprsk", "timepoints(fit, days)", "r_competing.R"),
    ("emmeans", "emmeans(fit, 'arm', weights = 'equal')", "r_models.R"),
    ("emmeans", "emmeans(fit, 'arm', weights = 'proportional')", "r_models.R"),
    ("emmeans", "contrast(e, 'trt.vs.ctrl', adjust = 'none')", "r_models.R"),
    ("emmeans", "emmeans(lm(change ~ arm + lb", "r_models.R"),
    ("nlme", "model(corSymm(form = ~ time | subject), each)", "r_models.R"),
    ("nlme", "model(corCompSymm(form = ~ time | subject), each)", "r_models.R"),
    ("nlme", "model(corAR1(form = ~ time | subject), each)", "r_models.R"),
    ("nlme", "model(corCompSymm(form = ~ time | subject), NULL)", "r_models.R"),
    ("nlme", "gls(CHG ~ arm * vis + BASE * vis, data = steep", "r_models.R"),
    ("nlme", "gls(change ~ 0 + visit:arm + visit:lb, d", "r_ratios.R"),
    ("stats", 'p.adjust(x, "holm")', "r_models.R"),
]


@pytest.mark.parametrize(("package", "call", "script"), CALLS, ids=[f"{one[0]} {place}" for place, one in enumerate(CALLS)])
def test_call_of_r_stands_in_the_script_beside_its_numbers(package: str, call: str, script: str) -> None:
    text = (FOLDER / script).read_text(encoding="utf-8")
    assert call in text
    assert package == "stats" or f"library({package})" in text
    assert (FOLDER / script).with_suffix(".json").is_file()


def test_a_dozen_calls_of_four_packages_of_r_are_held_against() -> None:
    assert len({call for _, call, _ in CALLS}) >= 12
    assert {"survival", "nlme", "emmeans", "cmprsk"} <= {package for package, _, _ in CALLS}
