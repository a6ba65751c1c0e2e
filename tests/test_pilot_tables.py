"""Our declared outputs of the CDISC pilot study are its public tables: every cell is equal, or has a reason that the data show.

Expected numbers are the public tables 14-1.01 to 14-7.04 (``oracles/pilot``, origin in its README).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.read.cut import read_cut
from cgbm1_report.recount import recount
from cgbm1_report.recount.reviewer import review
from cgbm1_report.tabulate.table import Output
from cgbm1_report.validate import validate_adam
from tests.drawn import stamp_of
from tests.pilot.tables import (
    PUBLISHED,
    Cell,
    compare_tables,
    explain,
    make_outputs,
    read_numbers,
    read_protocol,
    says_the_same,
    write_cut,
    write_markdown,
)

#: Public table: its cells, those we print no number of, those that are equal.
COUNTS = {
    "14-1.01": (40, 0, 40),
    "14-1.02": (107, 27, 60),
    "14-2.01": (298, 20, 266),
    "14-3.01": (70, 0, 70),
    "14-3.02": (34, 0, 34),
    "14-3.03": (70, 0, 70),
    "14-3.04": (34, 0, 34),
    "14-3.05": (70, 0, 70),
    "14-3.06": (34, 0, 34),
    "14-3.07": (70, 0, 70),
    "14-3.10": (135, 18, 117),
    "14-3.10-locf": (117, 18, 99),
    "14-3.11": (21, 0, 21),
    "14-4.01": (72, 36, 36),
    "km": (33, 6, 27),
    "14-5.01": (2354, 0, 2354),
    "14-5.02": (38, 0, 38),
    "14-6.01": (4770, 0, 4758),
    "14-6.02": (524, 29, 489),
    "14-6.04": (4597, 1203, 3389),
    "14-6.05": (557, 383, 174),
    "14-6.06": (50, 10, 34),
    "14-7.01": (486, 0, 485),
    "14-7.02": (324, 0, 322),
    "14-7.03": (90, 0, 90),
}


@pytest.fixture(scope="module")
def adam(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return read_cut(write_cut(tmp_path_factory.mktemp("public") / "cut"), read_protocol()).adam


@pytest.fixture(scope="module")
def made(adam: dict[str, pd.DataFrame]) -> dict[str, Output]:
    return make_outputs(adam)


@pytest.fixture(scope="module")
def cells(made: dict[str, Output]) -> list[Cell]:
    return compare_tables(made)


def test_cells_of_the_public_tables_are_equal(cells: list[Cell]) -> None:
    found = {}
    for table in COUNTS:
        own = [cell for cell in cells if cell.table == table]
        found[table] = (len(own), sum(cell.ours is None for cell in own), sum(cell.is_equal for cell in own))
    assert found == COUNTS


def test_each_cell_that_is_not_equal_has_its_reason_in_the_data(cells: list[Cell], adam: dict[str, pd.DataFrame]) -> None:
    assert [cell for cell in cells if not cell.is_equal and not explain(cell, adam)] == []


def test_the_page_on_the_pilot_tells_the_comparison_as_it_is(cells: list[Cell], adam: dict[str, pd.DataFrame]) -> None:
    assert write_markdown(cells, adam) in (Path(__file__).parents[1] / "docs" / "pilot.md").read_text("utf-8")


def test_time_to_the_first_dermatologic_event_is_as_in_r(made: dict[str, Output]) -> None:
    """R 4.2.2, survival: ``survfit(Surv(AVAL, 1 - CNSR) ~ TRTA, adtte, conf.type = "log-log")``, its summary and quantile."""
    ours = read_numbers(made["T14.2.30.1"].ard)
    oracle = pd.read_csv(PUBLISHED / "km_r.csv")
    assert len(oracle) == 30
    for record in oracle.to_dict("records"):
        row, statistic = record.pop("row"), record.pop("statistic")
        for column, value in record.items():
            assert ours[row, statistic, column] == pytest.approx(value, abs=1e-9, nan_ok=True), (row, statistic, column)


def test_second_count_of_the_pilot_gives_every_number(
    adam: dict[str, pd.DataFrame], made: dict[str, Output], tmp_path: Path
) -> None:
    """What another study's trial.yaml says is asked of its own data in SQL: Fisher's tests, positions, lines of its own ADSL."""
    for name, frame in adam.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    trial = read_protocol()
    entries = catalogue(trial)
    ard, facts = pd.concat([one.ard for one in made.values()]), [tell_facts(number, entries[number], trial) for number in made]
    counted = recount(tmp_path, ard, facts)
    assert [str(problem) for problem in (*counted.differences, *review(ard, facts))] == []
    assert not any(counted.unasked.values())
    assert sum(counted.compared.values()) > 10_000


def test_a_study_with_outcomes_and_adam_of_its_own_passes_the_gate(adam: dict[str, pd.DataFrame]) -> None:
    """It is held against what outputs read, not against what is derived here: nothing of the public ADaM is an error."""
    trial = read_protocol()
    assert trial.outcomes
    findings = validate_adam(adam, trial)
    assert findings[findings["severity"] == "E"].to_dict("records") == []
    wrong = adam["ADSL"].assign(EFFFL="yes")
    assert set(validate_adam({**adam, "ADSL": wrong}, trial).query("severity == 'E'")["variable"]) == {"EFFFL"}


def test_vital_signs_need_no_order_of_their_positions_and_no_positions(adam: dict[str, pd.DataFrame]) -> None:
    """Public numbers of table 14-7.01 and 14-7.03: pulse lying down at baseline, weight at week 24."""
    trial = read_protocol()
    entry = catalogue(trial)["T14.3.5.1.1"]
    few = adam["ADVS"][adam["ADVS"]["PARAMCD"].isin(["PULSE", "WEIGHT"]) & adam["ADVS"]["AVISITN"].isin([0, 24])]

    def made(advs: pd.DataFrame) -> Mapping[tuple[str, ...], float]:
        return read_numbers(make(entry, trial, {**adam, "ADVS": advs}, stamp_of(trial)).ard)

    lying = "PARAMCD=PULSE|ATPT=AFTER LYING DOWN FOR 5 MINUTES|AVISIT=Baseline|AVAL"
    assert made(few.drop(columns="ATPTN"))[lying, "mean", "Placebo"] == pytest.approx(70.4, abs=0.05)
    weight = few[few["PARAMCD"] == "WEIGHT"].drop(columns=["ATPT", "ATPTN"])
    assert made(weight)["PARAMCD=WEIGHT|AVISIT=Week 24|AVAL", "mean", "Placebo"] == pytest.approx(63.2, abs=0.05)
    with pytest.raises(ReportError, match=r"ADVS: .*one record per subject, parameter and visit"):
        made(few.drop(columns=["ATPT", "ATPTN"]))


@pytest.mark.parametrize(
    "wrong",
    [
        Cell("14-2.01", "RACE=WHITE", "n", "Placebo", "76", 78.0),  # 75 are white and not Hispanic
        Cell("14-2.01", "AGE", "mean", "Placebo", "75.2", 75.26),  # no tie
        Cell("14-6.01", "PARAMCD=BILI|AVISIT=Week 2|AVAL", "N", "Xanomeline Low Dose", "80", 78.0),  # one without a value, not two
        Cell("14-6.05", "PARAMCD=ALT|BNRIND=HIGH|highest ANRIND=NORMAL", "n", "Placebo", "1", None),
        Cell("14-5.01", "TRTEMFL=Y", "n", "Placebo", "65", 64.0),
        Cell(
            "14-6.04", "PARAMCD=MONO|AVISIT=Week 6|BNRIND=NORMAL|ANRIND=NORMAL", "N", "Placebo", "70", 72.0
        ),  # one is low, not two
        Cell("14-6.06", "PARAMCD=HYLAW|BASE=0|highest AVAL=0", "n", "Placebo", "78", 83.0),  # 79
        Cell("14-6.06", "PARAMCD=TRANSHY|BASE=0|highest AVAL=1", "n", "Placebo", "4", 3.0),
        Cell("14-6.04", "PARAMCD=ALT|AVISIT=Week 2|BNRIND=HIGH|ANRIND=HIGH", "n", "Placebo", "2", None),
        Cell(
            "14-3.01", "PARAMCD=ACTOT|AVISIT=Week 24|model=ANCOVA|contrast=Placebo", "p.value", "Xanomeline Low Dose", "0.569", 0.56
        ),
        Cell("14-3.10", "PARAMCD=ACTOT|AVISIT=Week 24|CHG", "mean", "Placebo", "2.1", None),
        Cell("14-5.01", "TRTEMFL=Y", "p.value", "Placebo", "0.007", None),
    ],
)
def test_a_wrong_number_has_no_reason(wrong: Cell, adam: dict[str, pd.DataFrame]) -> None:
    assert not wrong.is_equal
    assert explain(wrong, adam) == ""


@pytest.mark.parametrize(
    ("published", "ours", "same"),
    [
        ("0.5", 0.45, True), ("0.4", 0.45, False), ("-0.1", -0.05, True), ("12", 12.4, True), ("12", 12.5, False),
        ("<.0001", 0.00009, True), ("<.0001", 0.0001, False), (">.99", 1.0, True), (">.99", 0.98, False), ("0.000", 0.0004, True),
    ],
)  # fmt: skip
def test_a_number_is_what_is_printed_when_it_is_rounded_half_away_from_zero(published: str, ours: float, same: bool) -> None:
    assert says_the_same(published, ours) is same
