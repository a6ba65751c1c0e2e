"""An output reads what it is noted to have read: whatever else stands in the data, it is the same."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pandas as pd
import pytest

from cgbm1_report.emit import emit_printed
from cgbm1_report.notebook.digests import digest_columns
from cgbm1_report.outputs.catalogue import Entry, make
from cgbm1_report.system.reads import SHAPE, tell_read
from cgbm1_report.tabulate.noted import note_frame
from cgbm1_report.tabulate.shared import Shared
from tests.drawn import our_trial, stamp_of
from tests.test_snapshots import _entries, derive_whole

TRIAL = our_trial()
FRAME = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": ["x", "y", "z"], "C": [4.0, 5.0, 6.0]})

#: What is done to a frame, and which variables that is noted to have read.
WAYS: dict[str, tuple[Callable[[pd.DataFrame], object], str]] = {
    "a variable": (lambda f: f["A"], "A"),
    "two": (lambda f: f[["A", "B"]], "AB"),
    "as an attribute": (lambda f: f.A, "A"),
    "names": (lambda f: ("A" in f, list(f), f.columns, f.dtypes, f.shape, len(f), f.empty, f.index, f.size), ""),
    "labels": (lambda f: f.attrs, ""),
    "records": (lambda f: f[FRAME["A"] > 1], ""),
    "records by their place": (lambda f: f.iloc[:2], ""),
    "a variable of some": (lambda f: f.loc[FRAME["A"] > 1, "B"], "B"),
    "a variable of records that were chosen": (lambda f: f[f["A"] > 1].reset_index(drop=True)["B"], "AB"),
    "a column of its own": (lambda f: f.assign(D=1, E=lambda g: g["C"])["D"], "C"),
    "a variable written over": (lambda f: f.assign(A=0)["A"], ""),
    "another name": (lambda f: f.rename(columns={"A": "Z"})["Z"], "A"),
    "without one": (lambda f: f.drop(columns=["A"]).sort_values("B"), "B"),
    "without missing ones": (lambda f: f.dropna(subset=["C"]).drop_duplicates(["B"]), "BC"),
    "a copy": (lambda f: f.copy()["C"], "C"),
    # Whatever is not known to read less.
    "groups": (lambda f: f.groupby("A"), "ABC"),
    "a join": (lambda f: FRAME.merge(f, on="A"), "ABC"),
    "one below the other": (lambda f: pd.concat([f, f]), "ABC"),
    "another frame": (lambda f: pd.DataFrame(f), "ABC"),
    "values": (lambda f: f.to_numpy(), "ABC"),
    "each record": (lambda f: list(f.itertuples()), "ABC"),
    "a record": (lambda f: f.iloc[0], "ABC"),
    "a cell": (lambda f: f.loc[0, "A"], "A"),
    "compared": (lambda f: f == 1, "ABC"),
    "printed": (repr, "ABC"),
    "an index made of it": (lambda f: pd.MultiIndex.from_frame(f), "ABC"),
    "places written to": (lambda f: f.loc.__setitem__((0, "A"), 9.0), "ABC"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_is_noted_and_is_what_the_frame_has(way: str) -> None:
    read: set[str] = set()
    act, wanted = WAYS[way]
    noted = note_frame(FRAME, {name: name for name in FRAME}, read.update)
    told, plain = act(noted), act(FRAME.copy())
    assert read == set(wanted)
    if isinstance(plain, pd.DataFrame):
        pd.testing.assert_frame_equal(pd.DataFrame(told), plain)
    elif isinstance(plain, pd.Series):
        pd.testing.assert_series_equal(told, plain)
    assert FRAME["A"].tolist() == [1.0, 2.0, 3.0]


def _scramble(frame: pd.DataFrame, kept: set[str]) -> pd.DataFrame:
    """The frame with every other variable in another order, and none of its values where it was."""
    others = [name for name in frame if name not in kept]
    turned = pd.RangeIndex(len(frame))[::-1]
    return frame.assign(**{name: frame[name].shift(1).iloc[turned].array for name in others})


def _one_of_each() -> list[Entry]:
    """An output of each body that makes some; of a family one."""
    made_by = {(one.declared.body.__module__, one.declared.body.__qualname__): one for one in _entries().values()}
    return [entry for entry in made_by.values() if entry.declared.scope == "phase"]


@pytest.mark.long
def test_an_output_is_the_same_whatever_stands_in_variables_it_did_not_read() -> None:
    adam, _ = derive_whole("full")
    noted = Shared(adam, noted=True)
    spared = 0
    with mock.patch("cgbm1_report.outputs.methods.tell_versions", return_value={"cgbm1-report": "1.2.3"}):
        for entry in _one_of_each():
            noted.begin()
            made = make(entry, TRIAL, noted, stamp_of(TRIAL))
            read = noted.asked
            other = {name: _scramble(frame, read.get(name, set())) for name, frame in adam.items()}
            again = make(entry, TRIAL, other, stamp_of(TRIAL))
            assert emit_printed(again) == emit_printed(made), entry.number
            pd.testing.assert_frame_equal(again.ard, made.ard)
            spared += sum(len(set(adam[name]) - variables) for name, variables in read.items() if name in adam)
    assert spared > 4_000


def test_digests_tell_every_value_its_kind_and_its_place() -> None:
    plain = pd.DataFrame({"A": ["", None, "ab"], "N": [0.0, None, 1.0], "D": pd.to_datetime(["2025-01-01", None, "2025-01-02"])})
    told = digest_columns(plain.astype({"A": "str"}))
    others = {
        "texts that run together otherwise": plain.assign(A=["", "a", "b"]),
        "missing and empty": plain.assign(A=[None, "", "ab"]),
        "a number that is missing": plain.assign(N=[None, 0.0, 1.0]),
        "zero of another sign": plain.assign(N=[-0.0, None, 1.0]),
        "a day": plain.assign(D=pd.to_datetime(["2025-01-01", "2025-01-02", None])),
    }
    for what, frame in others.items():
        found = digest_columns(frame.astype({"A": "str"}))
        assert [name for name in told if found[name] != told[name]] == [
            next(n for n in plain if not frame[n].equals(plain[n]) or (n == "N" and what.startswith("zero")))
        ], what
    assert digest_columns(plain.astype({"A": "str"}).iloc[[0, 1, 2]]) == told
    assert digest_columns(plain.astype({"A": "str"}).iloc[:2])[SHAPE] != told[SHAPE]
    assert digest_columns(plain.astype({"A": "str"}).rename(columns={"A": "B"}))["B"] == told["A"]


def test_what_was_read_is_told_with_what_is_not_there() -> None:
    digests = {"ADSL": {SHAPE: "s", "AGE": "a", "SEX": "x"}}
    told = tell_read({"ADSL": {"AGE", "RACE"}, "ADXX": {"AGE"}}, digests)
    assert told == {"ADSL": {SHAPE: "s", "AGE": "a", "RACE": None}, "ADXX": None}
