"""What was derived of a cut is kept by content: the same cut is not derived again, any other is, and nobody else may look."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.build import kept
from cgbm1_report.build.gate import Data
from cgbm1_report.errors import DataError
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.cut import Cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.system.store import STORE
from tests.drawn import our_trial


@pytest.fixture(scope="module")
def trial() -> Trial:
    return our_trial()


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trial: Trial) -> tuple[Path, list[bool], Callable[..., kept.Ready]]:
    """A cut of one file, what was derived so far (whether supplied ADaM was asked for), and a look at the cut."""
    cut, file = tmp_path / "cut", tmp_path / "trial.yaml"
    (cut / "sdtm").mkdir(parents=True)
    (cut / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,1\n")
    shutil.copyfile(asset("trial.yaml"), file)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(STORE)
    derived: list[bool] = []

    def derive(folder: Path, _trial: Trial, *, use_adam: bool, on_progress: object, protocol: Path | None) -> Data:
        derived.append(use_adam)
        adsl = pd.DataFrame({"USUBJID": ["1", "2"], "AGE": [40.0, float("nan")], "TRTSDT": pd.to_datetime(["2025-01-02", None])})
        adsl.attrs["labels"] = {"AGE": "Age"}
        told = Cut(folder, {}, {}, None, None, date(2026, 1, 15), True, {}, hash_cut(folder, _trial))
        return Data(told, {"ADSL": adsl}, frozenset({2}), pd.DataFrame())

    monkeypatch.setattr(kept, "read_data", derive)
    return cut, derived, lambda **options: kept.read_ready(cut, trial, file, **options)


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "cgbm1-report" / "cuts").iterdir())


def test_what_was_read_of_another_cut_that_stood_there_for_a_moment_is_not_kept(looks, tmp_path, monkeypatch):
    """The cut is as it was before, and after: the one between is nobody's, and the next look shows the cut that is there."""
    _, derived, look = looks
    read = kept.read_data

    def read_other(*given: object, **named: object) -> Data:
        data = read(*given, **named)
        return replace(data, cut=replace(data.cut, files=dict.fromkeys(data.cut.files, "0" * 64)))

    monkeypatch.setattr(kept, "read_data", read_other)
    look()
    assert not (tmp_path / "cache" / "cgbm1-report" / "cuts").is_dir() or entries(tmp_path) == []
    monkeypatch.setattr(kept, "read_data", read)
    look()
    look()
    assert derived == [False, False]


def test_who_wants_no_cache_has_nothing_in_it_and_every_look_derives(looks, tmp_path, monkeypatch):
    _, derived, look = looks
    monkeypatch.setenv(STORE, "none")
    first, second = look(), look()
    assert derived == [False, False]
    pd.testing.assert_frame_equal(second.adam["ADSL"], first.adam["ADSL"])
    assert not (tmp_path / "cache").exists()


def test_a_second_look_derives_nothing_and_says_the_same(looks, tmp_path):
    _, derived, look = looks
    first, second = look(), look()
    assert derived == [False]
    assert list(second.adam) == ["ADSL"]
    pd.testing.assert_frame_equal(second.adam["ADSL"], first.adam["ADSL"])
    assert second.adam["ADSL"].attrs == {"labels": {"AGE": "Age"}}
    told = (frozenset({2}), date(2026, 1, 15), True)
    assert (first.pooled, first.cutoff, first.synthetic) == (second.pooled, second.cutoff, second.synthetic) == told
    (entry,) = entries(tmp_path)
    assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700, "treatment may be in it: nobody else's to see"


@pytest.mark.parametrize(
    "change",
    [
        lambda cut, patch: (cut / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,2\n"),
        lambda cut, patch: (cut / "unblinding.csv").write_text("USUBJID,ARMCD\n1,P2LOW\n"),
        lambda cut, patch: (cut / "cut.json").write_text('{"cutoff": "2026-02-01"}'),
        lambda cut, patch: (cut.parent / "trial.yaml").open("a").write("# another protocol\n"),
        lambda cut, patch: patch.setattr(kept, "_code", lambda: [("derive/adsl.py", cut / "sdtm" / "dm.csv")]),
        lambda cut, patch: patch.setattr(kept, "_versions", lambda: ["pandas 99"]),
    ],
    ids=["record", "unblinding", "cut-off", "protocol", "program", "library"],
)
def test_whatever_decides_what_is_derived_has_an_entry_of_its_own(change, looks, tmp_path, monkeypatch):
    cut, derived, look = looks
    look()
    look(use_adam=True)
    change(cut, monkeypatch)
    look()
    assert derived == [False, True, False]
    assert len(entries(tmp_path)) == 3


@pytest.mark.parametrize("harm", ["changed", "removed", "added", "about"])
def test_an_entry_that_is_not_as_it_was_written_is_not_used(harm, looks, tmp_path):
    _, derived, look = looks
    look()
    (entry,) = entries(tmp_path)
    file = entry / "adam" / "adsl.parquet"
    if harm == "changed":
        pd.read_parquet(file).assign(AGE=99.0).to_parquet(file)
    elif harm == "removed":
        file.unlink()
    elif harm == "added":
        shutil.copyfile(file, entry / "adam" / "adae.parquet")
    else:
        about = entry / "kept.json"
        about.write_text(about.read_text().replace('"pooled": [2]', '"pooled": []'))
    assert look().pooled == frozenset({2})
    assert look().adam["ADSL"]["AGE"].tolist()[0] == 40
    assert derived == [False, False], "derived once more, and kept again"


def test_nothing_is_kept_where_others_may_look_or_nobody_asked(looks, tmp_path):
    cut, derived, look = looks
    look(keep=False)
    (cut / "sdtm").rename(cut / "adam")
    look()
    assert not (tmp_path / "cache").exists(), "of a cut without SDTM nothing is derived"
    (cut / "adam").rename(cut / "sdtm")
    look()
    (entry,) = entries(tmp_path)
    entry.parent.chmod(0o750)
    look()
    look()
    assert derived == [False] * 5
    assert entries(tmp_path) == [entry]


def test_what_the_gate_refuses_is_refused_every_time(looks, tmp_path, monkeypatch):
    _, _, look = looks

    def refuse(*_arguments: object, **_options: object) -> Data:
        raise DataError("AGE stands twice", file="dm.csv")

    monkeypatch.setattr(kept, "read_data", refuse)
    for _ in range(2):
        with pytest.raises(DataError, match="AGE stands twice"):
            look()
    assert entries(tmp_path) == []


def test_the_oldest_entry_makes_room(looks, tmp_path):
    cut, _, look = looks
    for at in range(kept.MOST + 1):
        (cut / "sdtm" / "dm.csv").write_text(f"STUDYID,DOMAIN,USUBJID\nX,DM,{at}\n")
        look()
        for age, entry in enumerate(sorted(entries(tmp_path), key=lambda path: path.stat().st_mtime, reverse=True)):
            os.utime(entry, (1_000_000_000 - age, 1_000_000_000 - age))
    assert len(entries(tmp_path)) == kept.MOST
