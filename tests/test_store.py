"""What a store keeps is found by its key alone, whole, as it was written, and by nobody but its owner."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cgbm1_report.system import program, store
from cgbm1_report.system.store import Store, key_of, open_store

FILES = {"t.csv": b"a,b\n1,2\n", "empty": b"", "t.parquet": bytes(range(256))}
KEY = key_of({"output": "T14.1.1", "data": {"ADSL": "0" * 64}})
OTHER = key_of({"output": "T14.1.2", "data": {"ADSL": "0" * 64}})


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CGBM1_REPORT_STORE")
    opened = open_store("outputs")
    assert opened is not None
    return opened


def test_what_was_kept_is_found_by_all_that_it_follows_from(kept, tmp_path):
    assert kept.find(KEY) is None
    kept.keep(KEY, FILES)
    assert kept.find(KEY) == FILES
    assert list(kept.find(KEY)) == list(FILES), "in the order in which they were kept"
    assert kept.find(OTHER) is None
    assert kept.folder == tmp_path / "cgbm1-report" / "outputs"
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((kept.folder / KEY).stat().st_mode) == 0o600


def test_key_is_that_of_plain_values_in_any_order():
    assert key_of({"a": 1, "b": [None, "x"]}) == key_of({"b": [None, "x"], "a": 1})
    # printf '{"a": 1}' | sha256sum
    assert key_of({"a": 1}) == "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"
    for wrong in ({"a": float("nan")}, {"a": b"bytes"}, {"a": {1, 2}}):
        with pytest.raises((ValueError, TypeError)):
            key_of(wrong)


#: What is done to the entry                  that is then not found
HARMS: dict[str, Callable[[Path], object]] = {
    "a bit of a file": lambda place: flip(place, -1),
    "a bit of the head": lambda place: flip(place, 80),
    "a bit of the sum": lambda place: flip(place, 3),
    "its end is gone": lambda place: os.truncate(place, place.stat().st_size - 1),
    "it is empty": lambda place: os.truncate(place, 0),
    "more at its end": lambda place: place.open("ab").write(b"x"),
    "no entry at all": lambda place: place.write_bytes(b"\n\n"),
    "a folder": lambda place: (place.unlink(), place.mkdir()),
}


def flip(place: Path, at: int) -> None:
    content = bytearray(place.read_bytes())
    content[at] ^= 1
    place.write_bytes(content)


@pytest.mark.parametrize("harm", HARMS)
def test_entry_that_is_not_as_it_was_written_is_not_found_and_is_written_over(harm, kept):
    kept.keep(KEY, FILES)
    HARMS[harm](kept.folder / KEY)
    assert kept.find(KEY) is None
    kept.keep(KEY, FILES)
    assert kept.find(KEY) == (None if harm == "a folder" else FILES)


def test_entry_under_the_name_of_another_is_not_found_though_its_sums_are_right(kept):
    kept.keep(OTHER, FILES)
    (kept.folder / OTHER).rename(kept.folder / KEY)
    assert kept.find(KEY) is None


@pytest.mark.parametrize("key", ["../x", "", "T14.1.1", KEY.upper()])
def test_what_is_no_key_finds_and_keeps_nothing(key, kept):
    with pytest.raises(ValueError, match="is no key of a store"):
        kept.find(key)
    with pytest.raises(ValueError, match="is no key of a store"):
        kept.keep(key, FILES)


def test_entry_that_cannot_be_written_whole_is_none_and_stops_nobody(kept, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.os, "replace", full)
    kept.keep(KEY, FILES)
    assert list(kept.folder.iterdir()) == []


def test_what_was_not_used_for_longest_makes_room(kept):
    keys = [key_of({"at": at}) for at in range(4)]
    for age, key in enumerate(keys):
        kept.keep(key, {"f": b"x" * 1000})
        os.utime(kept.folder / key, (1_000_000_000 + age, 1_000_000_000 + age))
    kept.find(keys[0])
    (kept.folder / "notes.txt").write_text("nobody's")
    (kept.folder / ".begun-old").write_bytes(b"x" * 5000)
    os.utime(kept.folder / ".begun-old", (1, 1))
    (kept.folder / ".begun-now").write_bytes(b"x" * 5000)
    opened = open_store("outputs", room=2 * (kept.folder / keys[0]).stat().st_size)
    assert opened is not None
    assert [key in {path.name for path in kept.folder.iterdir()} for key in keys] == [True, False, False, True]
    assert sorted(path.name for path in kept.folder.iterdir() if len(path.name) < 64) == [".begun-now", "notes.txt"]


def test_there_is_no_store_where_others_may_look_nobody_wants_one_or_the_program_was_replaced(kept, tmp_path, monkeypatch):
    kept.folder.chmod(0o750)
    assert open_store("outputs") is None
    kept.folder.chmod(0o700)
    assert open_store("outputs") == kept
    monkeypatch.setenv("CGBM1_REPORT_STORE", "none")
    assert open_store("outputs") is None
    monkeypatch.delenv("CGBM1_REPORT_STORE")
    updated = tmp_path / "counts.py"
    updated.write_text("# came with an update while this process ran\n")
    monkeypatch.setattr(program, "program_files", lambda: [("analyse/counts.py", updated)])
    monkeypatch.setattr(program, "BEGAN", time.time() - 60)
    assert open_store("outputs") is None
    # Nor does a manifest name the files that came with the update: they are not what made the build.
    assert program.hash_code() == ""
    monkeypatch.setattr(program, "BEGAN", time.time() + 60)
    assert open_store("outputs") == kept
    assert len(program.hash_code()) == 64
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert open_store("outputs") is None
