"""The first cuts of a study: few subjects, nobody randomised, no event, no transplant. Every output is there."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from cgbm1_report.build import make as maker
from cgbm1_report.build.gate import Data, read_data
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.simulate import simulate_cut
from cgbm1_report.tabulate.table import Table
from tests.drawn import our_trial


@pytest.fixture(scope="module")
def first_cut(tmp_path_factory) -> Path:
    """Three weeks after the first subject signed: the sentinel of the first dose group is dosed, no dose group is complete."""
    return simulate_cut(tmp_path_factory.mktemp("first") / "cut", trial=our_trial(), cutoff=date(2025, 2, 1), seed=77)


@pytest.fixture(scope="module")
def data(first_cut: Path) -> Data:
    return read_data(first_cut, our_trial())


def test_every_output_of_the_first_cut_is_made(data: Data) -> None:
    trial = our_trial()
    stamp = make_stamp(trial, data.cut)
    assert len(data.adam["ADSL"]) < 10
    for entry in catalogue(trial).values():
        made = make(entry, trial, data.adam, stamp, pooled=entry.phase in data.pooled)
        assert made.number == entry.number
        assert not isinstance(made, Table) or made.columns


def test_every_output_of_a_dose_group_nobody_has_entered_yet_is_made(data: Data) -> None:
    trial = our_trial()
    stamp = make_stamp(trial, data.cut)
    entered = set(data.adam["ADSL"]["ARMCD"].dropna())
    groups = [(phase, arm.armcd) for phase in trial.phases if phase not in data.pooled for arm in trial.arms_of(phase)]
    assert any(armcd not in entered for _, armcd in groups)
    for phase, armcd in groups:
        for entry in catalogue(trial, scope="dose group").values():
            if entry.phase == phase and entry.declared.scope == "dose group":
                made = make(entry, trial, data.adam, stamp, dose_group=armcd)
                assert made.number.startswith(entry.number)


def test_a_rate_of_nobody_is_a_dash_and_the_build_stands(
    first_cut: Path, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "read_data", lambda *_, **__: data)
    out = build_report(Request(cut=first_cut, out=tmp_path / "build", only=("T14.3.1.12.1",), phase=1, formats=("html",)))
    with (out / "outputs" / "t-14-3-1-12-1.csv").open(encoding="utf-8", newline="") as file:
        rates = [cells for label, *cells in csv.reader(file) if label.startswith("DLT within 28 days")]
    assert rates == [["-", "-", "-", "-"]]
