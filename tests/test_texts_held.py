"""How pandas holds the texts of a cut is chosen by its size, and changes nothing of what is read, found and derived."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.gate import find_trial, read_data, validate_everything
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.texts import choose_storage, hold_as_arrow, hold_texts


@pytest.mark.parametrize(
    ("files", "storage"),
    [
        # some kilobytes: Python's own texts
        ({"dm.xpt": 4_000, "lb.xpt": 900_000}, "python"),
        # forty megabytes in all, one file alone less
        ({"dm.xpt": 20_000_000, "lb.xpt": 20_000_000}, "pyarrow"),
        # parquet is packed: four megabytes of it are as many records
        ({"lb.parquet": 4_000_000}, "pyarrow"),
        ({"lb.PARQUET": 3_999_999}, "python"),
        # no dataset at all
        ({}, "python"),
    ],
)
def test_a_cut_is_held_by_arrow_from_forty_megabytes_on(files: dict[str, int], storage: str, tmp_path: Path) -> None:
    for name, size in files.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    assert choose_storage([*(tmp_path / name for name in files), tmp_path / "gone.xpt"]) == storage


def test_a_frame_that_is_handed_on_has_its_labels_dates_and_missing_texts_as_they_were() -> None:
    with hold_texts("python"):
        frame = pd.DataFrame({"A": ["x", None], "N": [1.0, 2.0], "D": pd.to_datetime(["2026-01-01", None]).astype("datetime64[s]")})
    frame["A"] = frame["A"].astype("str")
    frame.attrs["labels"] = {"A": "A letter"}
    held = hold_as_arrow(frame)
    assert [getattr(kind, "storage", "") for kind in held.dtypes] == ["pyarrow", "", ""]
    assert held.attrs == {"labels": {"A": "A letter"}}
    assert held["A"].isna().tolist() == [False, True]
    assert held["D"].dtype == "datetime64[s]"
    assert hold_as_arrow(held) is held


def test_what_a_caller_set_of_pandas_is_as_it_was_after_a_cut_is_read(young_cut: Path) -> None:
    trial = read_trial(find_trial(young_cut))
    before = pd.get_option("mode.string_storage")
    read_data(young_cut, trial)
    assert pd.get_option("mode.string_storage") == before


def _as(storage: str, _files: object) -> str:
    return storage


def test_a_cut_has_the_same_findings_and_analysis_data_however_its_texts_are_held(
    young_cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, made = read_trial(find_trial(young_cut)), {}
    for storage in ("python", "pyarrow"):
        with monkeypatch.context() as patch:
            patch.setattr("cgbm1_report.read.cut.choose_storage", partial(_as, storage))
            cut = read_cut(young_cut, trial)
            assert {kind.storage for frame in cut.sdtm.values() for kind in frame.dtypes if kind == "str"} == {storage}
            made[storage] = read_data(young_cut, trial), validate_everything(cut, trial)
    plain, arrow = made["python"], made["pyarrow"]
    assert plain[0].findings.to_csv() == arrow[0].findings.to_csv()
    assert plain[1].to_csv() == arrow[1].to_csv()
    assert len(plain[0].adam["ADLB"]) > 100
    for name, frame in arrow[0].adam.items():
        # Kinds too: what a build writes of them is the same in every byte.
        pd.testing.assert_frame_equal(plain[0].adam[name], frame, obj=name)
        assert plain[0].adam[name].to_parquet() == frame.to_parquet()
