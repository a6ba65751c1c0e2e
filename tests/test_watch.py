"""A watch of a folder of cuts: what it builds, when, in which order, and what it says of the rest."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cgbm1_report.assets import asset
from cgbm1_report.errors import GATE, ArgumentError, BusyError, PlanError, Problem, ReportError, WritingError
from cgbm1_report.read.intake import CHANGED_RULE
from cgbm1_report.read.seal import hash_files, seal_cut
from cgbm1_report.system.processes import EndedError
from cgbm1_report.system.whole import workroom
from cgbm1_report.watch import board as boards
from cgbm1_report.watch import look
from cgbm1_report.watch.asked import Asked, check_asked
from cgbm1_report.watch.builder import Outcome, run_verb
from cgbm1_report.watch.changes import sum_up_changes
from cgbm1_report.watch.events import Event, Notifier, print_events, split_command, sum_up_problems, tell_first
from cgbm1_report.watch.events import notify as notify_command
from cgbm1_report.watch.hands import Hands
from cgbm1_report.watch.night import Watch, watch_cuts
from cgbm1_report.watch.record import name_content, read_record
from cgbm1_report.watch.retention import remove_build
from tests.watched import DONE, FULL, WRONG, Bench, Clock, deliver, ends_with
from tests.watched_build import write_build


@pytest.mark.parametrize("half", [b"", b"x" * 31], ids=["empty", "half"])
def test_key_that_a_killed_watch_left_half_is_made_anew(half, tmp_path):
    """With an empty key the name of a blind cut's content would prove a guess of who got what."""
    files = {"sdtm/dm.csv": {"sha256": "0" * 64, "bytes": 1}}
    (tmp_path / ".watch.key").write_bytes(half)
    named = name_content(tmp_path, files)
    key = (tmp_path / ".watch.key").read_bytes()
    assert (len(key), (tmp_path / ".watch.key").stat().st_mode & 0o777) == (32, 0o600)
    assert name_content(tmp_path, files) == named
    assert named != hmac.new(half, hash_files(files).encode("ascii"), "sha256").hexdigest()


#: Longer than a cut without a seal has to rest.
LATER = 3600


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "cuts").mkdir()
    return Bench(tmp_path, Clock(time.time() + LATER))


# ---- what is built


def test_each_cut_is_built_once_in_the_order_of_cut_offs_and_names(bench):
    deliver(bench.cuts, "b", "2025-03-01", 3)
    deliver(bench.cuts, "c", "2025-01-01", 1)
    deliver(bench.cuts, "2025-02-01", "", 2)  # states no cut-off: its name stands for it
    assert bench.watch() == 0
    assert bench.built == ["c", "2025-02-01", "b"]
    assert bench.watch() == 0
    assert bench.built == ["c", "2025-02-01", "b"]
    assert bench.told() == [*(f"{kind} {name}" for name in bench.built for kind in ("building", "done")), "ended", "ended"]
    assert [event.percent for event in bench.events[:6]] == [0, 33, 33, 67, 67, 100]


def test_share_of_what_is_done_never_runs_backwards(bench):
    """Of three cuts the first is refused as soon as it is seen; a fourth comes while the second is built."""
    seal_cut(deliver(bench.cuts, "a", "2025-01-01", 1))
    (bench.cuts / "a" / "more.txt").write_text("x")
    deliver(bench.cuts, "b", "2025-02-01", 2)
    deliver(bench.cuts, "c", "2025-03-01", 3)

    def come(cut: Path, out: Path) -> None:
        deliver(bench.cuts, "d", "2025-04-01", 4)
        write_build(cut, out)

    bench.plan["b"] = [lambda cut, out: come(cut, out) or DONE]
    assert bench.watch() == 1
    told = [(f"{event.kind} {event.cut}".strip(), event.percent) for event in bench.events]
    # One of three; two of three; two of four hold it up; three of four, all.
    assert told == [
        ("refused a", 33), ("building b", 33), ("done b", 67), ("building c", 67), ("done c", 75), ("building d", 75),
        ("done d", 100), ("ended", 100),
    ]  # fmt: skip


def test_cut_that_comes_when_all_was_done_is_counted_anew(bench):
    bench.clock.at = time.time() + LATER
    deliver(bench.cuts, "a")

    def end() -> None:
        raise KeyboardInterrupt

    bench.clock.meanwhile = [lambda: deliver(bench.cuts, "b", subjects=2), end]
    with pytest.raises(KeyboardInterrupt):
        bench.watch(once=False, every=1000)
    told = [(f"{event.kind} {event.cut}".strip(), event.percent) for event in bench.events]
    assert told[:5] == [("building a", 0), ("done a", 100), ("waiting", 100), ("building b", 0), ("done b", 100)]


def test_folders_that_are_hidden_linked_or_no_folder_are_no_cuts(bench, tmp_path):
    deliver(bench.cuts, "one")
    deliver(bench.cuts, ".arriving")
    (bench.cuts / "latest").symlink_to(bench.cuts / "one")
    (bench.cuts / "note.txt").write_text("x")
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}


def test_cut_without_a_seal_is_built_when_its_files_have_rested(bench):
    bench.clock.at = time.time()
    deliver(bench.cuts, "one")
    assert bench.watch() == 0
    assert (bench.built, bench.states()) == ([], {"one": "waiting"})
    assert "has no seal: it is complete when its files have rested for 600 s" in bench.page
    bench.clock.at += 599
    bench.watch()
    assert bench.built == []
    bench.clock.at += 2
    bench.watch()
    assert bench.built == ["one"]


def test_file_that_arrives_with_an_old_time_begins_the_rest_anew(bench):
    """A copy that keeps the times of the files (cp -p, rsync -t) is seen to be new by when it was written here."""
    bench.clock.at = time.time() + 300
    cut = deliver(bench.cuts, "one")
    for file in cut.rglob("*.*"):
        os.utime(file, (0, 0))
    bench.watch()
    assert bench.built == []
    bench.clock.at += 301
    bench.watch()
    assert bench.built == ["one"]


def test_cut_whose_files_are_of_the_future_rests_by_when_it_was_first_seen(bench):
    cut = deliver(bench.cuts, "one")
    os.utime(cut / "sdtm" / "dm.csv", (bench.clock.at + 9e6, bench.clock.at + 9e6))
    bench.watch()
    assert bench.built == []
    bench.clock.at += 600
    bench.watch()
    assert bench.built == ["one"]


def test_sealed_cut_is_built_at_once(bench):
    bench.clock.at = time.time()
    seal_cut(deliver(bench.cuts, "one"))
    assert bench.watch() == 0
    assert bench.built == ["one"]


def test_sealed_cut_whose_files_still_arrive_waits_and_is_refused_only_when_it_has_rested(bench):
    bench.clock.at = time.time()
    whole = deliver(bench.root, "whole", "2025-01-01")
    seal_cut(whole)
    cut = bench.cuts / "one"
    cut.mkdir()
    shutil.copy(whole / "seal.json", cut)
    assert bench.watch() == 0
    assert bench.states() == {"one": "waiting"}
    shutil.copytree(whole, cut, dirs_exist_ok=True)
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}
    (cut / "sdtm" / "dm.csv").unlink()
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 1
    assert bench.states() == {"one": "refused"}


@pytest.mark.parametrize("length", ["other", "same"])
def test_cut_that_differs_from_its_seal_is_refused_once_and_built_when_it_is_right(bench, length):
    cut = deliver(bench.cuts, "one")
    seal_cut(cut)
    text = (cut / "sdtm" / "dm.csv").read_text()
    (cut / "sdtm" / "dm.csv").write_text(text.replace("S0", "S1" if length == "same" else "S10"))
    assert bench.watch() == 1
    assert bench.watch() == 1, "it was told, and nothing was mended"
    assert bench.told() == ["refused one", "ended", "ended"]
    assert "the cut is not as it was sealed: 1 file differs (sdtm/dm.csv)" in bench.page
    (cut / "sdtm" / "dm.csv").write_text(text)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}
    assert "the cut is not as it was sealed" not in bench.page


def test_cut_that_differs_in_length_here_and_in_letters_there_is_told_of_both_as_seal_tells_it(bench):
    cut = deliver(bench.cuts, "one", "2025-01-01")
    seal_cut(cut)
    (cut / "sdtm" / "dm.csv").write_text("another length")
    (cut / "cut.json").write_text((cut / "cut.json").read_text().replace("2025", "2024"))
    assert bench.watch() == 1
    told = "the cut is not as it was sealed: 2 files differ (cut.json, sdtm/dm.csv)"
    assert told in bench.page
    with pytest.raises(ReportError, match=re.escape(told)):
        seal_cut(cut)


def test_cut_that_still_arrives_is_hashed_once_for_what_has_arrived(bench, monkeypatch):
    """Its files differ in length and letters: both are told, and the same files are not read again with each look."""
    bench.clock.at = time.time()
    cut = deliver(bench.cuts, "one", "2025-01-01")
    seal_cut(cut)
    (cut / "sdtm" / "dm.csv").write_text("another length")
    (cut / "cut.json").write_text((cut / "cut.json").read_text().replace("2025", "2024"))
    measured: list[Path] = []
    measure = look.measure_files
    monkeypatch.setattr(look, "measure_files", lambda folder: measured.append(folder) or measure(folder))
    assert [bench.watch(), bench.watch()] == [0, 0]
    assert "2 files differ (cut.json, sdtm/dm.csv)" in bench.page
    assert measured == [bench.cuts / "one"]


def test_status_names_marked_builds_and_why_a_cut_is_gone(bench):
    bench.clock.at = time.time()
    cut = deliver(bench.cuts, "one")
    assert bench.watch(since_last=True) == 0
    assert json.loads((bench.out / "status.json").read_text())["options"][-1] == "--since-last"
    shutil.rmtree(cut)
    assert bench.watch() == 0
    (told,) = json.loads((bench.out / "status.json").read_text())["cuts"]
    assert (told["state"], told["why"]) == ("gone", "its folder is no longer there, and no build was made of it as it was")


def test_repeated_cut_is_told_and_not_built_again(bench):
    seal_cut(deliver(bench.cuts, "a", "2025-01-01"))
    deliver(bench.cuts, "b", "2025-01-01")
    assert bench.watch() == 0
    assert (bench.built, bench.states()) == (["a"], {"a": "done", "b": "repeated"})
    assert "has the same files as a: not built again" in bench.page


#: Two cuts with the same files, b the later by its name: which have a seal, which was begun and killed on an earlier night,
#: and which are built. One with a seal is what was delivered; of its copy without one nobody looks for the report.
TWINS = [
    ("", "", ["a"]),
    ("ab", "", ["a"]),
    ("a", "", ["a"]),
    ("b", "", ["b"]),
    ("", "b", ["b"]),
    ("ab", "b", ["b"]),
    ("b", "b", ["b"]),
    # What was begun does not stand before what was delivered.
    ("b", "a", ["b"]),
]


@pytest.mark.parametrize(("sealed", "begun", "built"), TWINS)
def test_of_cuts_with_the_same_files_the_sealed_one_is_built_then_the_one_that_was_begun(bench, sealed, begun, built):
    def kill(cut: Path, out: Path) -> None:
        raise SystemExit(137)

    for name in begun:
        deliver(bench.cuts, name)
        bench.plan[name] = [kill]
        with pytest.raises(SystemExit):
            bench.watch()
    bench.built.clear()
    for name in "ab":
        cut = deliver(bench.cuts, name)
        if name in sealed:
            seal_cut(cut)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert bench.built == built
    assert sorted(bench.states().values()) == ["done", "repeated"]


def test_sealed_cut_is_built_though_its_copy_without_a_seal_was_built_before(bench):
    """Its report is looked for under its name; nothing is lost by one more."""
    deliver(bench.cuts, "a")
    assert bench.watch() == 0
    seal_cut(deliver(bench.cuts, "b"))
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert (bench.built, bench.states()) == (["a", "b"], {"a": "done", "b": "done"})


def test_repeated_cut_that_is_sealed_afterwards_is_built(bench):
    deliver(bench.cuts, "a")
    cut = deliver(bench.cuts, "b")
    bench.watch()
    assert bench.states() == {"a": "done", "b": "repeated"}
    seal_cut(cut)
    bench.clock.at = time.time() + LATER
    bench.watch()
    assert (bench.built, bench.states()) == (["a", "b"], {"a": "done", "b": "done"})


def test_watch_rests_while_the_cut_that_stands_for_its_copy_is_tried_again_later(bench):
    seal_cut(deliver(bench.cuts, "b"))
    deliver(bench.cuts, "a")
    bench.plan["b"] = [FULL]
    assert bench.watch() == 0
    assert (bench.built, bench.clock.waits) == (["b", "b"], [60.0])
    assert bench.states() == {"a": "repeated", "b": "done"}


def test_cut_that_is_renamed_after_its_data_were_wrong_is_tried_under_its_new_name(bench):
    bench.plan["a"] = [WRONG]
    deliver(bench.cuts, "a")
    bench.watch()
    (bench.cuts / "a").rename(bench.cuts / "b")
    bench.watch()
    assert bench.built == ["a", "b"]
    assert "its folder is no longer there" in bench.page


def test_cut_that_changes_is_built_again_and_one_that_is_only_touched_is_not(bench):
    cut = deliver(bench.cuts, "one")
    bench.watch()
    os.utime(cut / "sdtm" / "dm.csv", (1, 1))
    seal_cut(cut)
    bench.clock.at += LATER
    bench.watch()
    assert bench.built == ["one"]
    (cut / "seal.json").unlink()
    deliver(bench.cuts, "one", subjects=2)
    bench.clock.at = time.time()
    bench.watch()
    assert bench.states() == {"one": "done"}, "what is there is there until the new files have rested"
    bench.clock.at += LATER
    bench.watch()
    assert bench.built == ["one", "one"]


def test_cut_that_is_replaced_after_its_build_read_it_is_built_again(bench):
    def replace_it(cut: Path, out: Path) -> Outcome:
        write_build(cut, out)
        deliver(bench.cuts, cut.name, subjects=5)
        return DONE

    deliver(bench.cuts, "one")
    bench.plan["one"] = [replace_it]
    assert bench.watch(rested=0) == 0
    assert bench.told() == ["building one", "done one", "building one", "done one", "ended"]
    read = json.loads((bench.out / "one" / "manifest.json").read_text())["inputs"]["sdtm/dm.csv"]
    assert read == hashlib.sha256((bench.cuts / "one" / "sdtm" / "dm.csv").read_bytes()).hexdigest()


def test_build_of_files_that_came_before_it_read_them_is_that_of_the_new_files(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [lambda cut, _out: deliver(bench.cuts, cut.name, subjects=5)]
    assert bench.watch(rested=0) == 0
    assert bench.built == ["one"]
    assert bench.told() == ["building one", "changed one", "done one", "ended"]


def test_cut_that_is_changed_while_it_is_read_and_put_right_is_built(bench):
    """A file is written over while the build reads it, which stops that; then it is what it was, as a delivery that is repaired."""
    changed = Problem("was changed, or replaced, while the cut was read", "one/sdtm/dm.csv", CHANGED_RULE, remedy="run again")
    seal_cut(deliver(bench.cuts, "one"))
    bench.plan["one"] = [ends_with(1, "DataError", changed)]
    assert bench.watch() == 0
    assert bench.told()[:2] == ["building one", "changed one"]
    bench.watch()
    assert bench.states() == {"one": "done"}
    assert "was interrupted" not in bench.page


@pytest.mark.parametrize(
    "name", ["status.html", "Findings", "changes", "chain.jsonl", "a<b>", "_x", "x" * 130, "line\nbreak", "half\udcffname", "end."]
)
def test_name_that_no_build_can_have_is_refused(bench, name):
    deliver(bench.cuts, name)
    assert bench.watch() == 1
    assert bench.states() == {name: "refused"}
    assert bench.built == []
    assert "rename the folder" in bench.page
    assert "<b>" not in bench.page
    assert all("\n" not in event.as_line() for event in bench.events)


def test_folder_that_holds_nothing_waits(bench):
    (bench.cuts / "empty").mkdir()
    assert bench.watch() == 0
    assert bench.states() == {"empty": "waiting"}
    assert "holds no file yet" in bench.page


def test_build_among_the_cuts_is_told_once_and_left_alone_until_it_is_moved_out(bench, tmp_path):
    """It failed with a remedy to rename the files of a finished build; before that it waited for a seal."""
    deliver(bench.cuts, "one")
    write_build(bench.cuts / "one", bench.cuts / "zz")
    # What another version wrote is a build as well; a cut may hold a manifest of somebody's.
    (bench.cuts / "old").mkdir()
    (bench.cuts / "old" / "manifest.json").write_text('{"code": "0.0.1", "report": {}}')
    deliver(bench.cuts, "two", subjects=2)
    (bench.cuts / "two" / "manifest.json").write_text('{"report": {}}')
    assert (bench.watch(), bench.watch()) == (0, 0)
    assert bench.states() == {"old": "ignored", "one": "done", "two": "done", "zz": "ignored"}
    assert [event.words for event in bench.events if event.cut in ("old", "zz")] == [
        f"is a build, not a cut: move it out of {bench.cuts}"
    ] * 2
    assert "it is no cut" in bench.page
    (bench.cuts / "zz").rename(tmp_path / "zz")
    deliver(bench.cuts, "zz", subjects=3)
    (bench.cuts / "old").rename(tmp_path / "old")
    assert bench.watch() == 0
    assert bench.states() == {"one": "done", "two": "done", "zz": "done"}


# ---- what is taken away

#: How a cut stood when its folder was taken away, and how it stands afterwards; its code counts no longer.
TAKEN_AWAY = [
    ([], "done"),
    ([WRONG], "failed"),
    ([replace(FULL, code=78)], "failed"),
]


@pytest.mark.parametrize(("plan", "state"), TAKEN_AWAY)
def test_cut_that_is_taken_away_stays_what_it_was_and_counts_no_longer(bench, plan, state):
    cut = deliver(bench.cuts, "one")
    bench.plan["one"] = list(plan)
    bench.watch()
    shutil.rmtree(cut)
    assert bench.watch() == 0
    assert bench.watch(formats=("html",)) == 0, "what it was built by changed: there is nothing to try"
    assert bench.states() == {"one": state}
    assert "its folder is no longer there" in bench.page
    assert "tried again" not in bench.page


def test_cut_that_is_taken_away_before_it_was_built_is_told_as_gone_and_built_when_it_is_back(bench):
    bench.clock.at = time.time()
    cut = deliver(bench.cuts, "one")
    bench.watch()
    cut.rename(bench.root / "away")
    assert bench.watch() == 0
    assert (bench.states(), bench.told()[-2:]) == ({"one": "gone"}, ["gone one", "ended"])
    assert bench.watch() == 0
    assert bench.told()[-2:] == ["ended", "ended"], "once"
    (bench.root / "away").rename(cut)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}


def test_cut_that_is_taken_away_while_it_is_built_is_gone_and_no_fault(bench):
    def take_away(cut: Path, _out: Path) -> Outcome:
        shutil.rmtree(cut)
        return ends_with(78, "PlanError", Problem("is no folder", str(cut)))

    deliver(bench.cuts, "one")
    bench.plan["one"] = [take_away]
    assert bench.watch() == 0
    assert (bench.states(), bench.checked) == ({"one": "gone"}, [])
    (entry,) = read_record(bench.out).values()
    assert (entry.exit_code, entry.error) == (0, {})


def test_build_that_is_back_without_its_cut_is_known(bench, tmp_path):
    cut = deliver(bench.cuts, "one")
    bench.watch()
    (bench.out / "one").rename(tmp_path / "away")
    shutil.rmtree(cut)
    bench.watch()
    assert bench.states() == {"one": "removed"}
    (tmp_path / "away").rename(bench.out / "one")
    bench.watch()
    assert bench.states() == {"one": "done"}


# ---- what fails


def test_cut_whose_data_are_wrong_stops_no_other_and_is_not_tried_again(bench):
    for at, name in enumerate("abc"):
        deliver(bench.cuts, name, f"2025-0{at + 1}-01", at + 1)
    bench.plan["b"] = [WRONG]
    assert bench.watch() == 1
    assert (bench.built, bench.checked) == (["a", "b", "c"], ["b"])
    assert bench.states() == {"a": "done", "b": "failed", "c": "done"}
    assert bench.watch() == 1
    assert bench.built == ["a", "b", "c"]
    assert bench.clock.waits == []


def test_page_says_of_a_cut_that_failed_when_the_build_that_is_there_is_an_earlier_one(bench):
    deliver(bench.cuts, "one")
    bench.watch()
    assert "was made before" not in bench.page
    deliver(bench.cuts, "one", subjects=2)
    bench.plan["one"] = [WRONG]
    bench.clock.at = time.time() + LATER
    bench.watch()
    assert bench.states() == {"one": "failed"}
    assert "the build that is there was made before" in bench.page


def test_cut_is_tried_again_when_its_data_or_what_it_is_built_by_changed(bench, tmp_path):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG, WRONG]
    bench.watch()
    bench.watch(formats=("html",))
    assert bench.built == ["one"] * 2
    deliver(bench.cuts, "one", subjects=2)
    bench.clock.at = time.time() + LATER
    assert bench.watch(formats=("html",)) == 0
    assert bench.built == ["one"] * 3
    assert "All findings of this cut" not in bench.page


#: How a build ended, how often it is tried, and the watch's own code.
TRIES = [(75, 3, 75), (74, 3, 74), (71, 3, 71), (69, 3, 69), (1, 1, 1), (2, 1, 2), (70, 1, 70), (76, 1, 76), (78, 1, 78)]


@pytest.mark.parametrize(("code", "tries", "worst"), TRIES)
def test_only_faults_that_may_pass_are_tried_again_with_longer_and_longer_rests(bench, code, tries, worst):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [replace(FULL, code=code)] * 9
    assert bench.watch() == worst
    assert len(bench.built) == tries
    assert bench.clock.waits == [60.0, 120.0][: tries - 1]


def test_log_says_at_once_what_kept_a_cut_from_being_built_that_is_tried_again(bench):
    deliver(bench.cuts, "one")
    full = Problem("No space left on device: 12 of 01-063", "builds", "room on the disk", "row 3", "make room")
    bench.plan["one"] = [ends_with(74, "WritingError", full)]
    assert bench.watch() == 0
    (retry,) = [event.words for event in bench.events if event.kind == "retry"]
    assert "tried again after 60 s: exit code 74, 1 problem (WritingError), the first in builds, rule: room on the disk" in retry
    assert retry.endswith("Remedy: make room")
    assert "01-063" not in retry


def test_others_are_built_while_one_rests_before_it_is_tried_again(bench):
    deliver(bench.cuts, "a", "2025-01-01", 1)
    deliver(bench.cuts, "b", "2025-02-01", 2)
    bench.plan["a"] = [FULL]
    assert bench.watch() == 0
    assert bench.built == ["a", "b", "a"]
    assert bench.clock.waits == [60.0 - 12.5]


def test_fault_that_did_not_pass_is_tried_again_by_the_next_watch(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [FULL]
    assert bench.watch(retries=0) == 74
    assert bench.watch(retries=0) == 0
    assert bench.built == ["one", "one"]


def test_what_is_no_fault_of_the_cut_is_tried_again_by_the_next_watch(bench):
    """As a build that somebody saved a file into and then moved away, as its message says: nothing of the cut changes by that."""
    deliver(bench.cuts, "one")
    bench.plan["one"] = [replace(FULL, code=78)]
    assert bench.watch() == 78
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}


def test_build_that_was_taken_away_is_told_and_is_known_when_it_is_back(bench, tmp_path):
    deliver(bench.cuts, "one")
    bench.watch()
    (bench.out / "one").rename(tmp_path / "away")
    assert bench.watch() == 0
    assert bench.states() == {"one": "removed"}
    assert "its build was taken away" in bench.page
    assert 'href="one/' not in bench.page
    (tmp_path / "away").rename(bench.out / "one")
    bench.watch()
    assert (bench.built, bench.states()) == (["one"], {"one": "done"})


#: Codes of a night, and the gravest: that of all builds before that of one.
NIGHTS = [([1, 78], 78), ([78, 70], 70), ([1, 0, 0], 1), ([0, 0], 0), ([74, 1], 74), ([76, 78], 76)]


@pytest.mark.parametrize(("codes", "worst"), NIGHTS)
def test_code_of_a_night_is_the_gravest_of_its_cuts(bench, codes, worst):
    for at, code in enumerate(codes):
        deliver(bench.cuts, f"cut{at}", subjects=at + 1)
        bench.plan[f"cut{at}"] = [replace(FULL, code=code)] if code else []
    assert bench.watch(retries=0) == worst


def test_code_of_a_night_is_that_of_the_folder_also_where_nothing_happened_in_it(bench):
    """A scheduler that sees 0 takes it that each cut has its report."""
    for at, (name, outcome) in enumerate({"a": [], "b": [WRONG], "c": [replace(FULL, code=2)]}.items(), 1):
        deliver(bench.cuts, name, subjects=at)
        bench.plan[name] = list(outcome)
    assert bench.watch() == 2
    bench.plan["c"] = [replace(FULL, code=2)]
    assert bench.watch() == 2, "c was tried again"
    assert json.loads((bench.out / "status.json").read_text())["exit_code"] == 2
    assert bench.events[-1].words == f"exit code 2; 2 failed: b, c; see {bench.out}/status.html"
    shutil.rmtree(bench.cuts / "c")
    assert bench.watch() == 1, "what is taken out of the folder waits for no report"
    deliver(bench.cuts, "b", subjects=9)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert bench.events[-1].words == "exit code 0"


def test_build_that_made_room_is_no_failure(bench):
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b", subjects=2)
    assert bench.watch(keep=1) == 0
    assert bench.states() == {"a": "removed", "b": "done"}
    removed, done = read_record(bench.out).values()
    assert (removed.outputs, removed.findings, removed.mark) == (0, {}, "")
    assert done.outputs > 0


def test_cut_that_is_refused_and_taken_away_is_gone_on_the_whole_page_and_that_is_said_once(bench):
    cut = deliver(bench.cuts, "one")
    seal_cut(cut)
    (cut / "sdtm" / "dm.csv").write_text("changed")
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 1
    assert "What is wrong" in bench.page
    shutil.rmtree(cut)
    assert bench.watch() == 0
    assert '<td class="state gone">gone</td>' in bench.page
    assert "state refused" not in bench.page
    assert "What is wrong" not in bench.page
    assert bench.page.count("its folder is no longer there") == 1


def test_folder_that_looks_like_a_cut_by_one_file_alone_is_told_with_that_file(bench):
    (bench.root / "seal.json").write_text("{}")
    with pytest.raises(PlanError) as caught:
        check_asked(Asked(bench.cuts, bench.out))
    told = str(caught.value)
    assert f"lies in {bench.root}, which is itself a cut: it holds seal.json" in told
    assert f"Remedy: where {bench.root} is no cut, take seal.json out of it; else name the folder above" in told


def test_repeated_cut_is_built_when_the_cut_that_stood_for_it_is_gone_or_has_other_files(bench):
    bench.plan["a"] = [WRONG]
    bench.plan["b"] = [WRONG]
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b")
    assert bench.watch() == 1
    assert bench.states() == {"a": "failed", "b": "repeated"}
    deliver(bench.cuts, "a", subjects=2)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 1, "b has no report"
    assert bench.states() == {"a": "done", "b": "failed"}
    shutil.rmtree(bench.cuts / "b")
    deliver(bench.cuts, "c", subjects=2)
    bench.clock.at = time.time() + LATER
    assert bench.watch() == 0
    assert bench.states() == {"a": "done", "b": "failed", "c": "repeated"}


def test_build_that_says_it_is_done_and_is_not_there_has_failed(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [Outcome(0, {"findings": {}}, {})]
    assert bench.watch() == 78
    assert "is not a build: it does not exist" in bench.page


# ---- crashes


def interrupt(*_: object) -> None:
    raise EndedError(15)


def test_signal_ends_the_watch_and_the_cut_is_built_by_the_next(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [interrupt]
    with pytest.raises(EndedError):
        bench.watch()
    assert bench.states() == {"one": "waiting"}
    assert "has ended" in bench.page
    assert bench.events[-1].facts["exit_code"] == 143
    assert bench.watch() == 0
    assert bench.states() == {"one": "done"}


def test_build_that_was_finished_before_a_crash_could_be_written_down_is_known_again(bench):
    """Also where status.json was lost: the manifest says of which files it was made, and how."""
    cut = deliver(bench.cuts, "one")
    write_build(cut, bench.out / "one")
    other = deliver(bench.cuts, "two", subjects=2)
    write_build(other, bench.out / "two")
    deliver(bench.cuts, "two", subjects=3)
    assert bench.watch() == 0
    assert bench.built == ["two"], "its files were others"
    assert bench.states() == {"one": "done", "two": "done"}
    assert "its build was there already" in bench.page


def test_build_of_other_formats_is_not_the_one_that_is_asked_for(bench):
    write_build(deliver(bench.cuts, "one"), bench.out / "one")
    bench.watch(formats=("html",))
    assert bench.built == ["one"]


@pytest.mark.parametrize("digest", ["0" * 64, "", None], ids=["other files", "a program that was replaced", "before it was told"])
def test_build_by_other_code_of_the_same_version_is_not_the_one_that_is_asked_for(bench, digest):
    write_build(deliver(bench.cuts, "one"), bench.out / "one")
    manifest = json.loads((bench.out / "one" / "manifest.json").read_text())
    manifest["code_sha256"] = digest
    (bench.out / "one" / "manifest.json").write_text(json.dumps(manifest))
    assert bench.watch() == 0
    assert bench.built == ["one"]


def test_cut_that_could_not_be_built_is_tried_again_by_a_program_with_other_files(bench, monkeypatch):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG, WRONG]
    bench.watch()
    bench.watch()
    assert bench.built == ["one"]
    monkeypatch.setattr("cgbm1_report.watch.asked.hash_code", lambda: "0" * 64)
    bench.watch()
    assert bench.built == ["one"] * 2


def test_build_that_ends_every_watch_is_given_up(bench):
    """A build that takes the machine down would be begun for ever."""
    deliver(bench.cuts, "one")
    bench.watch()
    record = json.loads((bench.out / "status.json").read_text())
    for attempts, tried in ((1, True), (3, False)):
        record["cuts"][0].update(state="building", attempts=attempts)
        (bench.out / "status.json").write_text(json.dumps(record))
        shutil.rmtree(bench.out / "one", ignore_errors=True)
        bench.built.clear()
        code = bench.watch()
        assert (bool(bench.built), code) == (tried, 0 if tried else 69)
    assert "its build was interrupted 3 times" in bench.page


def test_status_that_is_not_as_a_watch_wrote_it_is_refused(bench):
    deliver(bench.cuts, "one")
    bench.watch()
    good = json.loads((bench.out / "status.json").read_text())
    wrong = [
        "",
        "[]",
        json.dumps({"cuts": []}),
        json.dumps(good | {"cuts": [good["cuts"][0] | {"state": "lost"}]}),
        json.dumps(good | {"cuts": [good["cuts"][0] | {"attempts": "1"}]}),
        json.dumps(good | {"cuts": [{"name": "one"}]}),
    ]
    for content in wrong:
        (bench.out / "status.json").write_text(content)
        with pytest.raises(PlanError, match="is not as a watch wrote it"):
            bench.watch()
        assert (bench.out / "status.json").read_text() == content


def test_second_watch_of_the_same_builds_is_refused(bench):
    deliver(bench.cuts, "one")
    said = []

    def second(*_: object) -> None:
        with pytest.raises(BusyError) as caught:
            bench.watch()
        said.append(str(caught.value))
        written.append(json.loads((bench.out / "status.json").read_text())["written"])

    written: list[str] = []
    bench.plan["one"] = [second]
    assert bench.watch() == 0
    told = f"{bench.out}: another watch has these builds: the folder is being written by another run (process {os.getpid()})"
    # A watch that hangs is known by it.
    told += f"; it wrote its status last at {written[0]}"
    assert said == [
        f"{told} [rule: one watch at a time] Remedy: nothing is wrong: try later, the one that is at work takes what came; "
        "or end that process"
    ]
    assert BusyError.exit_code == 75
    assert sorted(os.listdir(bench.out)) == [".watch.key", "one", "status.html", "status.json"]


def test_status_that_cannot_be_written_ends_no_watch_and_is_its_code_at_the_end(bench, monkeypatch):
    deliver(bench.cuts, "one")
    write, full = boards.write_whole, []

    def maybe(place: Path, content: bytes) -> None:
        if full:
            raise OSError(28, "No space left on device")
        write(place, content)

    monkeypatch.setattr(boards, "write_whole", maybe)
    bench.plan["one"] = [lambda *_: full.append(1)]
    with pytest.raises(WritingError, match="No space left on device"):
        bench.watch()
    assert bench.told() == ["building one", "done one", "ended"]
    assert bench.events[-1].facts["exit_code"] == 74
    full.clear()
    assert bench.watch() == 0
    assert (bench.built, bench.states()) == (["one"], {"one": "done"})


# ---- a watch that goes on


def test_watch_that_goes_on_looks_again_and_takes_what_came_meanwhile(bench):
    deliver(bench.cuts, "a")
    bench.clock.meanwhile = [lambda: deliver(bench.cuts, "b", subjects=2), lambda: None, interrupt]
    with pytest.raises(EndedError):
        bench.watch(once=False, every=1000, rested=600)
    assert bench.built == ["a", "b"]
    assert bench.clock.waits == [1000, 1000, 1000]


def test_watch_says_once_what_each_cut_waits_for_and_then_that_it_waits_for_the_next(bench):
    """A watch without a word cannot be told from one that hangs."""
    bench.clock.at = time.time()
    deliver(bench.cuts, "a")
    (bench.cuts / "b").mkdir()
    bench.clock.meanwhile = [lambda: None, lambda: None, lambda: deliver(bench.cuts, "b", subjects=2), lambda: None, interrupt]
    with pytest.raises(EndedError):
        bench.watch(once=False, every=400, rested=600)
    assert [(event.cut, event.words) for event in bench.events if event.kind == "waiting"] == [
        ("a", "has no seal: it is complete when its files have rested for 600 s"),
        ("b", "holds no file yet"),
        ("", f"for the next cut in {bench.cuts}: looks again every 400 s"),
    ]
    assert bench.built == ["a", "b"]


def test_watch_of_one_night_says_what_it_leaves_waiting(bench):
    (bench.cuts / "empty").mkdir()
    assert bench.watch() == 0
    assert bench.told() == ["waiting empty", "ended"]
    assert bench.events[0].words == "holds no file yet"


def test_watch_of_supplied_adam_builds_with_it_and_its_status_says_so(bench):
    deliver(bench.cuts, "one")
    bench.watch(use_adam=True)
    assert json.loads((bench.out / "status.json").read_text())["options"][-1] == "--use-adam"
    assert "--use-adam" in bench.page
    assert "--use-adam" in Asked(bench.cuts, bench.out, use_adam=True).words
    assert Asked(bench.cuts, bench.out, use_adam=True).request.use_adam


def test_watch_that_goes_on_bears_a_folder_that_is_away_for_a_while(bench, caplog):
    deliver(bench.cuts, "a")
    away = bench.root / "away"
    bench.clock.meanwhile = [lambda: bench.cuts.rename(away), lambda: away.rename(bench.cuts), interrupt]
    with pytest.raises(EndedError):
        bench.watch(once=False)
    assert bench.states() == {"a": "done"}
    assert "no longer there" not in bench.page
    assert f"{bench.cuts} cannot be read" in caplog.text


def test_watch_that_goes_on_tries_anew_what_failed_when_the_protocol_file_is_corrected(bench):
    protocol = bench.root / "trial.yaml"
    protocol.write_bytes(asset("trial.yaml").read_bytes())
    deliver(bench.cuts, "one")
    bench.plan["one"] = [replace(WRONG, code=78)]
    correct = lambda: protocol.write_text(protocol.read_text() + "\n# corrected\n")  # noqa: E731
    bench.clock.meanwhile = [lambda: None, correct, protocol.unlink, interrupt]
    with pytest.raises(EndedError):
        bench.watch(once=False, trial=protocol)
    assert bench.built == ["one", "one"]
    assert bench.states() == {"one": "done"}


def test_chain_that_is_broken_is_the_failure_of_the_cut(bench):
    write_build(deliver(bench.cuts, "one"), bench.out / "one")
    (bench.out / "chain.jsonl").write_text("{}\n")
    assert bench.watch() == 78
    assert bench.states() == {"one": "failed"}
    assert "is no line of a chain" in bench.page


# ---- which builds stay


def test_newest_builds_stay_and_older_ones_make_room(bench):
    for at in range(4):
        deliver(bench.cuts, f"cut{at}", subjects=at + 1)
    bench.watch(keep=2)
    assert bench.states() == {"cut0": "removed", "cut1": "removed", "cut2": "done", "cut3": "done"}
    assert sorted(os.listdir(bench.out)) == [".watch.key", "changes", "cut2", "cut3", "status.html", "status.json"]
    assert sorted(os.listdir(bench.out / "changes")) == ["cut2.html", "cut3.html"]
    bench.watch(keep=2)
    assert bench.built == ["cut0", "cut1", "cut2", "cut3"], "what was removed is not built again"
    assert "its build made room: --keep 2 keeps what was begun last" in bench.page


#: The tries of the first of three cuts that end by a lost process, before one is made | how often it is tried a night | nights.
TRIED_AGAIN = {"in the same night": (1, 2, 1), "by the next watch": (1, 0, 2), "by the third": (2, 0, 3)}


@pytest.mark.parametrize("case", TRIED_AGAIN)
def test_build_that_is_tried_again_keeps_its_turn_and_takes_no_room_of_a_later_cut(case, bench):
    lost, retries, nights = TRIED_AGAIN[case]
    for at, name in enumerate("abc"):
        deliver(bench.cuts, name, f"2025-0{at + 1}-01", at + 1)
    bench.plan["a"] = [replace(FULL, code=69)] * lost
    for _ in range(nights):
        bench.watch(keep=2, retries=retries)
    assert bench.built[-1] == "a"
    assert bench.states() == {"a": "removed", "b": "done", "c": "done"}
    # Delivered again with other files it has a turn of its own.
    deliver(bench.cuts, "a", "2025-01-01", 9)
    bench.clock.at += LATER
    bench.watch(keep=2)
    assert bench.states() == {"a": "done", "b": "removed", "c": "done"}


#: What happened to a build | why it is not removed, in the words of the status page.
KEPT = {
    "a file saved in it": (lambda build: (build / "draft.docx").write_text("my words"), "draft.docx is a file that the build did not make"),
    "two": (
        lambda build: [(build / name).write_text("x") for name in ("a.txt", "b.txt")],
        "a.txt is a file that the build did not make, and 1 more are not as the build made them",
    ),
    "many": (
        lambda build: [(build / f"{at:02d}.txt").write_text("x") for at in range(30)],
        "00.txt is a file that the build did not make, and 29 more are not as the build made them",
    ),
    "a file changed": (lambda build: (build / "index.html").write_text("x"), "index.html was changed since the build"),
    "its manifest gone": (lambda build: (build / "manifest.json").unlink(), "it exists and is not a build (is not a build: it has no manifest)"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_build_that_is_not_removed_says_why_in_a_sentence(case, tmp_path):
    hurt, told = KEPT[case]
    deliver(tmp_path, "cut")
    build = tmp_path / "builds" / "a"
    write_build(tmp_path / "cut", build)
    hurt(build)
    assert remove_build(build) == told
    assert build.is_dir()


def test_build_in_which_somebody_saved_a_file_is_not_removed(bench):
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b", subjects=2)
    bench.plan["b"] = [lambda *_: (bench.out / "a" / "draft.docx").write_text("my words")]
    assert bench.watch(keep=1) == 0
    assert bench.states() == {"a": "done", "b": "done"}
    assert (bench.out / "a" / "draft.docx").read_text() == "my words"
    assert "is a file that the build did not make" in bench.page
    bench.watch(keep=1)
    assert bench.told().count("kept a") == 1


def test_last_good_build_stays_whatever_failed_after_it(bench):
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b", subjects=2)
    bench.plan["b"] = [WRONG]
    bench.watch(keep=1)
    assert (bench.out / "a" / "index.html").is_file()


# ---- what is said


def test_build_before_is_named_to_the_next_where_changes_are_to_be_marked(bench):
    for at in range(3):
        deliver(bench.cuts, f"cut{at}", subjects=at + 1)
    bench.plan["cut1"] = [WRONG]
    bench.watch(since_last=True)
    assert bench.since == ["", "cut0", "cut0"]
    assert read_record(bench.out)["cut2"].before == "cut0"


def test_build_that_cannot_be_marked_since_the_one_before_is_made_without_marks(bench):
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b", subjects=2)
    bench.plan["b"] = [ends_with(2, "ArgumentError", Problem("a is blinded where the other is not", rule="--since"))]
    assert bench.watch(since_last=True) == 0
    assert list(zip(bench.built, bench.since, strict=True)) == [("a", ""), ("b", "a"), ("b", "")]
    assert "not marked since a: a is blinded where the other is not" in bench.page


def test_each_build_is_compared_with_the_one_before_and_the_page_says_what_moved(bench):
    for at in range(3):
        deliver(bench.cuts, f"cut{at}", subjects=at + 1)
    bench.unlike.add("cut2")
    bench.watch()
    assert bench.compared == ["cut0 cut1", "cut1 cut2"]
    assert '<a href="changes/cut1.html">1 output, 4 cells, 0 rows, 0 columns</a> since cut0' in bench.page
    assert "not compared with cut1: one is blinded and the other is not" in bench.page
    (done,) = [event for event in bench.events if (event.kind, event.cut) == ("done", "cut1")]
    assert done.facts["changes"] == {"outputs": 1, "cells": 4, "rows": 0, "columns": 0}


def test_changes_are_summed_up_as_a_comparison_counts_them():
    counts = {
        "Subjects": {"Subjects": {"new": 1}},
        "Outputs": {
            "Outputs": {"new": 1, "changed": 2},
            "Rows": {"new": 3, "gone": 1},
            "Columns": {},
            "Cells": {"changed": 41},
            "Probabilities that crossed a limit": {"changed": 1},
        },
    }
    told = {"outputs": 3, "cells": 41, "rows": 4, "columns": 0, "probabilities that crossed a limit": 1}
    assert sum_up_changes(counts) == told
    assert sum_up_changes({}) == {"outputs": 0, "cells": 0, "rows": 0, "columns": 0}


def test_page_says_of_each_cut_what_came_of_it_and_its_text_is_never_markup(bench):
    deliver(bench.cuts, "2025-01", "2025-01-01", 1)
    deliver(bench.cuts, "2025-02", "2025-02-01", 2)
    bench.plan["2025-02"] = [WRONG]
    bench.watch()
    page = bench.page
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", page)]
    assert [re.sub(r"\|+", "|", row).strip("|") for row in rows] == [
        "|".join(["2025-02", "2025-02-01", "failed", when(bench, "2025-02"), "12.5 s", "1", "2", "0", "1 error in the data; nothing is built"]),
        "|".join(["2025-01", "2025-01-01", "done", when(bench, "2025-01"), "12.5 s", "2", "0", "2", "3", "2025-01", "Draft, confidential, Phase 2 blinded"]),
    ]  # fmt: skip
    assert "DM: NCT06740149-01-001: SEX is &lt;b&gt;X&lt;/b&gt; [rule: V02]" in page
    assert '<a href="findings/2025-02/findings.html">All findings of this cut</a>' in page
    assert '<a href="2025-01/index.html">2025-01</a>' in page
    assert "<title>Data cuts: 1 failed, 1 done</title>" in page
    assert '<p class="title-mark">Draft, confidential, Phase 2 blinded</p>' in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!\d|findings)", page)


def when(bench: Bench, name: str) -> str:
    return read_record(bench.out)[name].finished.replace("T", " ").replace("Z", "")


def test_no_event_holds_a_value_of_the_data(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG]
    bench.watch()
    said = "\n".join([event.as_line() + event.as_json() for event in bench.events])
    assert "NCT06740149-01-001" not in said
    assert "<b>" not in said
    (failed,) = [json.loads(event.as_json()) for event in bench.events if event.kind == "failed"]
    assert failed["error"] == {
        "class": "DataError",
        "problems": [
            {"file": "DM", "rule": "V02", "count": 1, "remedy": ""},
        ],
    }
    assert failed["status"] == str(bench.out / "status.html")
    # What heads the errors is none of them, and where all of them are listed is told.
    assert failed["words"] == (
        f"exit code 1, 1 problem (DataError), the first in DM, rule: V02; "
        f"all of them: {bench.out}/findings/one/findings.html; see {bench.out}/status.html"
    )
    assert (failed["cut"], failed["state"], failed["exit_code"], failed["seconds"]) == ("one", "failed", 1, 12.5)


def test_whoever_is_told_of_a_cut_gets_whole_paths_wherever_the_watch_was_begun(bench, monkeypatch):
    monkeypatch.chdir(bench.root)
    deliver(bench.cuts, "one")
    seen = []

    def see(cut, out):
        seen.extend([cut, out])

    bench.plan["one"] = [see]
    told = Asked(Path("cuts"), Path("builds"), once=True, rested=600)
    hands = Hands(bench.build, bench.check, bench.compare)
    assert watch_cuts(told, bench.events.append, hands=hands, times=bench.clock.times) == 0
    assert seen == [bench.cuts / "one", bench.out / "one"]
    (done,) = [json.loads(event.as_json()) for event in bench.events if event.kind == "done"]
    assert done["build"] == str(bench.out / "one")


def test_folder_that_is_waited_at_is_told_by_its_whole_path(bench, monkeypatch):
    monkeypatch.chdir(bench.root)
    bench.cuts.mkdir(exist_ok=True)
    watch = Watch(
        Asked(Path("cuts"), Path("builds")), bench.events.append, Hands(bench.build, bench.check, bench.compare), bench.clock.times
    )
    watch._tell_waiting()
    assert [event.words for event in bench.events] == [
        f"for the next cut in {bench.cuts}: looks again every {watch.asked.every:g} s"
    ]


def test_build_that_begins_has_no_seconds_of_the_one_before(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG]
    bench.watch()
    deliver(bench.cuts, "one", subjects=2)
    bench.watch()
    begun = [json.loads(event.as_json()) for event in bench.events if event.kind == "building"]
    assert [one["seconds"] for one in begun] == [0.0, 0.0]
    assert read_record(bench.out)["one"].seconds == 12.5


def test_page_says_of_a_cut_that_states_no_cut_off_that_it_states_none(bench):
    deliver(bench.cuts, "one", "2025-03-01")
    deliver(bench.cuts, "two")
    bench.watch()
    days = dict(re.findall(r'<th scope="row">(\w+)</th><td class="day">(.*?)</td>', bench.page))
    assert days == {"one": "2025-03-01", "two": "not stated"}


def test_log_names_the_cause_where_it_holds_no_value_of_the_data(bench):
    """What the watch itself did or saw: a build that was killed or took too long. A message of a build may hold a value."""
    lost = run_verb(["-c", "import time; time.sleep(60)"], 0.5, "timeit")
    assert lost.error["problems"][0]["message"] == "took longer than 0.5 s and was ended"
    deliver(bench.cuts, "one")
    bench.plan["one"] = [lost]
    bench.watch(retries=0)
    (failed,) = [event for event in bench.events if event.kind == "failed"]
    told = "1 problem (ToolError), the first rule: --longest: took longer than 0.5 s and was ended. Remedy: give it more time with"
    assert told in failed.words
    assert failed.facts["error"]["problems"][0]["closed"] == "took longer than 0.5 s and was ended"


def test_build_that_takes_too_long_says_at_what_it_was_and_is_not_tried_again_by_this_watch(bench, tmp_path, monkeypatch):
    """Of two notebooks one was done; the cut after it is built, and the next watch tries once more."""
    program = tmp_path / "program"
    lines = [
        "2026-01-15T02:03:04Z   23.0 s  notebook  01_subjects_phase1: started",
        "2026-01-15T02:03:04Z   23.1 s  notebook  02_efficacy_phase1: started",
        "2026-01-15T02:03:05Z   23.7 s  notebook  02_efficacy_phase1: done after 0.7 s",
    ]
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}' >&2\n" for line in lines) + "exec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr("cgbm1_report.watch.builder.sys", SimpleNamespace(executable=str(program)))
    late = run_verb(["build"], 2, about=str(bench.cuts / "one"))
    deliver(bench.cuts, "one")
    deliver(bench.cuts, "two", subjects=2)
    bench.plan["one"] = [late, late]
    for times in (1, 2):
        assert bench.watch() == 69
        assert bench.built.count("one") == times
    assert (bench.built, bench.clock.waits) == (["one", "two", "one"], [])
    (failed, _) = [event for event in bench.events if event.kind == "failed"]
    assert (
        f"in {bench.cuts}/one, rule: --longest: took longer than 2 s and was ended; it was at: notebook 01_subjects_phase1. "
        "Remedy: give it more time with --longest"
    ) in failed.words


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("", ""),
        ("a warning\n2026-01-15T02:03:04Z    7.2 s  validate  2,539 SDTM records\n", "; it was at: validate 2,539 SDTM records"),
        ("2026-01-15T02:03:04Z   25.7 s  render    html; 1 outputs\nhalf a li", "; it was at: render html; 1 outputs"),
    ],
)
def test_last_line_of_its_log_tells_what_a_build_was_at(said, at, tmp_path, monkeypatch):
    program = tmp_path / "program"
    (tmp_path / "said").write_text(said)
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/said >&2\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr("cgbm1_report.watch.builder.sys", SimpleNamespace(executable=str(program)))
    assert run_verb(["build"], 1).error["problems"][0]["message"] == f"took longer than 1 s and was ended{at}"


def test_log_has_the_steps_of_a_build_and_one_that_tells_none_for_too_long_is_ended(bench, tmp_path, monkeypatch, capsys):
    """What physicians wrote of an event may name a subject: of such a step the name alone is told."""
    program = tmp_path / "program"
    begun = "2026-01-15T02:03:04Z    7.2 s  "
    lines = [
        "a warning",
        f"{begun}validate  2,539 SDTM records",
        f"{begun}narratives of S1: outdated",
        f"{begun}notebook  01: started",
    ]
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}' >&2\n" for line in lines) + "exec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr("cgbm1_report.watch.builder.sys", SimpleNamespace(executable=str(program)))
    monkeypatch.setattr("cgbm1_report.watch.builder._BEYOND", 1)
    deliver(bench.cuts, "one")
    asked = Asked(bench.cuts, bench.out, once=True, rested=0, longest=60, notebook_timeout=1, stalled=0.5)
    assert watch_cuts(asked, print_events(as_json=True, quiet=False), times=bench.clock.times) == 69
    printed, logged = capsys.readouterr()
    assert [json.loads(line)["event"] for line in printed.splitlines()] == ["building", "failed", "ended"]
    steps = [line.partition("%  step ")[2].strip() for line in logged.splitlines() if "%  step " in line]
    assert steps == ["one: validate 2,539 SDTM records", "one: narratives", "one: notebook 01: started"]
    (entry,) = read_record(bench.out).values()
    (problem,) = entry.error["problems"]
    assert (problem["rule"], entry.attempts) == ("--stalled", 1)
    assert problem["closed"] == "told of no step for 2 s and was ended; it was at: notebook 01"


def test_cut_that_differs_from_its_seal_says_which_files_and_is_told_once_while_they_arrive(bench):
    bench.clock.at = time.time()
    cut = deliver(bench.cuts, "one")
    for name in ("ae", "lb"):
        (cut / "sdtm" / f"{name}.csv").write_text("STUDYID\n")
    seal_cut(cut)
    (cut / "sdtm" / "ae.csv").unlink()
    (cut / "sdtm" / "lb.csv").unlink()
    pages: list[str] = []

    def arrive() -> None:
        (cut / "sdtm" / "ae.csv").write_text("STUDYID\n")

    def end() -> None:
        pages.append(bench.page)
        raise KeyboardInterrupt

    bench.clock.meanwhile = [arrive, end]
    with pytest.raises(KeyboardInterrupt):
        bench.watch(once=False, every=10)
    (waiting,) = [event for event in bench.events if event.kind == "waiting"]
    assert waiting.words == (
        "is not complete yet, or not as its seal says: the cut is not as it was sealed: 2 files are missing (sdtm/ae.csv, sdtm/lb.csv)"
    )
    assert "1 file is missing (sdtm/lb.csv)" in pages[0]


def test_status_says_which_process_on_which_machine_was_at_work_and_a_killed_one_leaves_that(bench):
    """What a watch writes while it builds is what one that is killed leaves; the next one writes that it has ended."""
    deliver(bench.cuts, "one")
    during: list[tuple[dict, str]] = []

    def look(cut: Path, out: Path) -> None:
        during.append((json.loads((bench.out / "status.json").read_text()), bench.page))
        write_build(cut, out)

    bench.plan["one"] = [lambda cut, out: look(cut, out) or DONE]
    bench.watch()
    ((status, page),) = during
    assert (status["running"], status["process"], status["machine"]) == (True, os.getpid(), platform.node())
    assert f"was at work when this was written, as process {os.getpid()} on {platform.node()}" in page
    (bench.out / "status.json").write_text(json.dumps(status))
    bench.watch()
    told = json.loads((bench.out / "status.json").read_text())
    assert (told["running"], told["process"], told["machine"]) == (False, 0, "")


def test_cut_that_failed_and_was_taken_away_counts_as_gone(bench):
    cut = deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG]
    bench.watch()
    shutil.rmtree(cut)
    bench.watch()
    told = json.loads((bench.out / "status.json").read_text())
    assert (told["counts"], told["exit_code"]) == ({"gone": 1}, 0)
    assert bench.events[-1].facts["counts"] == {"gone": 1}


def test_files_that_differ_from_the_seal_are_the_place_of_the_problem(bench):
    cut = deliver(bench.cuts, "one")
    seal_cut(cut)
    (cut / "note.txt").write_text("x")
    bench.watch()
    (entry,) = read_record(bench.out).values()
    assert entry.error["problems"][0]["place"] == "note.txt"
    (refused,) = [event for event in bench.events if event.kind == "refused"]
    assert "1 file is more than was sealed (note.txt)" in refused.facts["error"]["problems"][0]["closed"]


def test_cut_that_waits_has_the_cutoff_that_it_states(bench):
    bench.clock.at = time.time()
    deliver(bench.cuts, "one", "2025-03-01")
    bench.watch()
    assert [(one.state, one.cutoff) for one in read_record(bench.out).values()] == [("waiting", "2025-03-01")]


def test_builds_of_another_folder_of_cuts_are_refused_as_long_as_that_is_there(bench):
    deliver(bench.cuts, "one")
    bench.watch()
    other = bench.root / "other"
    deliver(other, "one", subjects=2)
    asked = Asked(other, bench.out, once=True, rested=600)
    hands = Hands(bench.build, bench.check, bench.compare)
    with pytest.raises(PlanError, match=r"holds the builds of the cuts in .+/cuts, and this watch is of .+/other"):
        watch_cuts(asked, bench.events.append, hands=hands, times=bench.clock.times)
    assert bench.built == ["one"]
    # Who is told of the end alone is told why.
    ended = bench.events[-1]
    assert (ended.kind, ended.percent, ended.facts["error"]["class"]) == ("ended", 0, "PlanError")
    assert "exit code 78: the watch did not begin: 1 problem (PlanError)" in ended.words
    assert f"holds the builds of the cuts in {bench.cuts}, and this watch is of {other}. Remedy: name another --out" in ended.words
    # The folder was moved: its cuts are known by what they hold.
    shutil.rmtree(other)
    bench.cuts.rename(other)
    assert watch_cuts(asked, bench.events.append, hands=hands, times=bench.clock.times) == 0
    assert bench.built == ["one"]


def test_name_that_is_refused_says_that_blanks_may_stand_in_it_and_names_the_folder(bench):
    folder = deliver(bench.cuts, "a b.")
    bench.watch()
    (entry,) = read_record(bench.out).values()
    (problem,) = entry.error["problems"]
    assert (problem["file"], "digits, blanks and . + - _ @ =" in problem["message"]) == (str(folder), True)


def test_problems_are_summed_up_by_file_and_rule():
    told = [
        {"file": "DM", "rule": "V02", "message": "a", "remedy": "correct it"},
        {"file": "DM", "rule": "V02", "message": "b", "remedy": "ask for it"},
        {"file": "AE", "rule": "V02"},
    ]
    assert sum_up_problems(told) == [
        {"file": "DM", "rule": "V02", "count": 2, "remedy": "correct it"},
        {"file": "AE", "rule": "V02", "count": 1, "remedy": ""},
    ]
    assert tell_first("DataError", told) == "3 problems (DataError), the first in DM, rule: V02. Remedy: correct it"
    assert tell_first("ToolError", [{"message": "a"}]) == "1 problem (ToolError)"
    assert tell_first("ToolError", []) == "0 problems (ToolError)"
    assert tell_first("DataError", [{"file": "a\nb"}]) == r"1 problem (DataError), the first in a\nb"


EVENT = Event("done", "one", "2 outputs in 12.5 s", 71.25, 43, {"exit_code": 0})


def test_log_has_a_line_an_event_and_a_quiet_one_only_what_is_grave(capsys):
    print_events(as_json=False, quiet=False)(EVENT)
    said = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ     71\.2 s  43 %  done      one: 2 outputs in 12\.5 s\n", said)
    quiet = print_events(as_json=True, quiet=True)
    quiet(EVENT)
    quiet(replace(EVENT, kind="failed"))
    printed, said = capsys.readouterr()
    assert said.count("\n") == 1
    assert [json.loads(line)["event"] for line in printed.splitlines()] == ["done", "failed"]
    for code in (0, 1):
        quiet(replace(EVENT, kind="ended", facts={"exit_code": code}))
        assert capsys.readouterr().err.count("\n") == code, "a code that is not 0 is not without a word"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "ended with code 3"),
        ("sleep 100", "took longer than 1 s and was ended"),
        (None, "ended with code 126"),
    ],
)
def test_command_that_fails_is_told_and_ends_nothing(script, words, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("cgbm1_report.watch.events.PATIENCE", 1.0)
    command = ["/bin/sh", "-c", script] if script else [str(tmp_path / "nowhere")]
    notify_command(command, EVENT, tmp_path / "status.html")
    assert words in caplog.text


def test_command_that_hangs_is_waited_for_once_in_a_night_and_the_log_says_what_it_is_not_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("cgbm1_report.watch.events.PATIENCE", 1.0)
    notifier = Notifier(["/bin/sh", "-c", f"echo x >> {tmp_path}/begun; exec sleep 100"], tmp_path / "status.html")
    for event in (EVENT, EVENT, Event("ended", "", "exit code 0", 1.0, 100)):
        notifier.tell(event)
    assert (tmp_path / "begun").read_text() == "x\n"
    told = [line for line in caplog.messages if "--notify" in line]
    assert [line.partition("/bin/sh ")[2] for line in told] == [
        "took longer than 1 s and was ended; it is told nothing more for 60 minutes",
        "hung, and is not told: done one",
        "hung, and is not told: ended",
    ]
    # An hour later it may be well again.
    later = time.monotonic() + 3700
    monkeypatch.setattr("cgbm1_report.watch.events.time.monotonic", lambda: later)
    notifier.command = ["/bin/sh", "-c", f"echo y >> {tmp_path}/begun"]
    notifier.tell(EVENT)
    assert (tmp_path / "begun").read_text() == "x\ny\n"


def test_command_gets_the_event_as_json_and_no_shell_reads_its_words(tmp_path):
    command = split_command(f"tee '{tmp_path}/told $(touch x)'")
    page = tmp_path / "status.html"
    page.touch()
    notify_command(command, EVENT, page)
    told = json.loads((tmp_path / "told $(touch x)").read_text())
    assert (told["event"], told["cut"], told["exit_code"], told["status"]) == ("done", "one", 0, str(page))


@pytest.mark.parametrize(
    ("command", "words", "remedy"),
    [
        ("nobody-has-this --to me", "--notify nobody-has-this cannot be run: there is no such program", "whole path"),
        ("{root}/nowhere", "/nowhere cannot be run: there is no such program", "whole path"),
        ("{root}/script", "/script cannot be run: it is not executable", "chmod +x"),
        ("tee 'x", "is no command: No closing quotation", "close the quotation"),
        (" ", "--notify names no command", "leave the option out"),
    ],
)
def test_command_that_cannot_be_run_is_refused_before_anything_begins(command, words, remedy, tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(ArgumentError) as caught:
        split_command(command.format(root=tmp_path))
    assert words in str(caught.value)
    assert remedy in str(caught.value)
    (tmp_path / "script").chmod(0o755)
    assert split_command(f"{tmp_path}/script a") == [f"{tmp_path}/script", "a"]


# ---- what a process says that builds

#: What a process prints and how it ends; its code for the watch, the class of what ended it, and what is said of it.
PROCESSES = [
    ('echo \'{"findings": {"E": 0}}\'', 0, None, ""),
    ('echo \'{"error": {"class": "DataError", "problems": [{"message": "SEX"}]}}\'; exit 1', 1, "DataError", "SEX"),
    ("echo half; exit 0", 70, "Exception", "it said nothing that can be read (exit code 0)"),
    ("echo '[]'; echo broken >&2; exit 3", 3, "Exception", "it said nothing that can be read (exit code 3): broken"),
    ("kill -9 $$", 69, "ToolError", "its process was ended from outside (SIGKILL)"),
    ("kill -15 $$", 69, "ToolError", "its process was ended from outside (SIGTERM)"),
    ("exec sleep 100", 69, "ToolError", "took longer than 2 s and was ended"),
]


@pytest.mark.parametrize(("script", "code", "kind", "words"), PROCESSES)
def test_however_a_process_ends_it_is_one_of_the_codes(script, code, kind, words, tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("cgbm1_report.watch.builder.sys", SimpleNamespace(executable=str(program)))
    done = run_verb(["build"], 2 if "sleep" in script else 60)
    assert (done.code, done.error.get("class")) == (code, kind)
    assert words in "".join(one["message"] for one in done.error.get("problems", []))


def test_process_that_cannot_be_started_is_a_fault_that_may_pass(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("cgbm1_report.watch.builder.run_program", full)
    done = run_verb(["build"], 60)
    assert (done.code, done.error["problems"][0]["message"]) == (69, "no process could be started for it: Cannot allocate memory")


def test_comparison_that_cannot_be_written_leaves_the_build_done(bench):
    deliver(bench.cuts, "a")
    deliver(bench.cuts, "b", subjects=2)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    bench.compare = full  # type: ignore[method-assign]
    assert bench.watch() == 0
    assert bench.states() == {"a": "done", "b": "done"}
    assert "not compared with a: No space left on device" in bench.page


def test_build_that_was_finished_before_a_kill_is_put_into_its_chain(bench):
    """The build of the stand-in adds no line, as one that is killed before it does."""
    write_build(deliver(bench.cuts, "one"), bench.out / "one")
    assert bench.watch(chain=True) == 0
    (line,) = (bench.out / "chain.jsonl").read_text().splitlines()
    manifest = hashlib.sha256((bench.out / "one" / "manifest.json").read_bytes()).hexdigest()
    assert (json.loads(line)["build"], json.loads(line)["manifest"]) == ("one", manifest)


def test_command_is_told_of_a_watch_that_could_not_begin(tmp_path, carry_out):
    """A folder of cuts that is not mounted, or another watch that hangs, would be heard of by nobody, night after night."""
    told = tmp_path / "told.json"
    out = tmp_path / "builds"
    words = ["--out", out, "--once", "--quiet", "--notify", f"tee -a {told}"]
    code, _, _ = carry_out("watch", tmp_path / "cuts", *words)
    assert code == 78
    deliver(tmp_path / "cuts", "one")
    with workroom(out / ".watch"):
        (out / "status.html").touch()
        code, _, said = carry_out("watch", tmp_path / "cuts", *words)
    assert (code, said.count("another watch has these builds")) == (75, 1)
    first, second = (json.loads(line) for line in told.read_text().splitlines())
    assert (first["event"], first["exit_code"], first["error"]["class"]) == ("ended", 78, "PlanError")
    assert first["error"]["problems"][0]["file"] == str(tmp_path / "cuts")
    assert "status" not in first, "the page was never made"
    assert (second["event"], second["exit_code"], second["error"]["class"]) == ("ended", 75, "BusyError")
    assert second["words"].startswith("exit code 75: the watch did not begin: another watch has these builds")
    assert second["status"] == str(out / "status.html")


def test_refused_cut_keeps_the_cut_off_that_it_states(bench):
    cut = deliver(bench.cuts, "one", "2025-03-04")
    seal_cut(cut)
    (cut / "sdtm" / "dm.csv").write_text("changed")
    assert bench.watch() == 1
    assert read_record(bench.out)["one"].cutoff == "2025-03-04"
    assert '<td class="day">2025-03-04</td><td class="state refused">' in bench.page


def test_refusal_that_stands_is_named_on_the_last_line_of_every_night(bench):
    seal_cut(deliver(bench.cuts, "one"))
    (bench.cuts / "one" / "more.txt").write_text("x")
    for _ in range(2):
        assert bench.watch() == 1
        assert bench.events[-1].words == f"exit code 1; 1 refused: one; see {bench.out}/status.html"
    assert [event.kind for event in bench.events] == ["refused", "ended", "ended"]


def test_errors_beyond_those_named_are_counted_and_their_list_is_where_the_remedy_says(bench):
    """A build names the first twenty, below a line that counts them: 25 here, as the list beside the builds has them."""
    many = [Problem("is wrong", "/cuts/one/sdtm/dm.csv", "V02", remedy="correct it")] * 20
    head = Problem("25 errors in the data; nothing is built", rule=GATE, remedy="`cgbm1-report validate CUT --out DIR` lists all")
    deliver(bench.cuts, "one")
    rest = Problem(
        "20 of 25 errors are named here", rule=GATE, remedy="the rest is what `cgbm1-report validate CUT --out DIR` lists"
    )
    bench.plan["one"] = [ends_with(1, "DataError", head, *many, rest)]
    check = bench.check

    def list_all(cut: Path, folder: Path) -> dict[str, int]:
        found = {"severity": "E", "rule": "V02", "dataset": "DM", "file": "sdtm/dm.csv", "remedy": "correct it"}
        counts = check(cut, folder) | {"E": 25}
        listed = [found] * 22 + [{**found, "rule": "V04"}] * 3 + [{**found, "severity": "W"}] * 2
        (folder / "findings.json").write_text(json.dumps({"counts": counts, "findings": listed}))
        return counts

    bench.check = list_all
    assert bench.watch() == 1
    (failed,) = [event for event in bench.events if event.kind == "failed"]
    page = bench.out / "findings" / "one" / "findings.html"
    told = f"25 problems (DataError), the first in {bench.cuts}/one/sdtm/dm.csv, rule: V02. Remedy: correct it"
    assert failed.words == f"exit code 1, {told}; all of them: {page}; see {bench.out}/status.html"
    assert [(one["rule"], one["count"]) for one in failed.facts["error"]["problems"]] == [("V02", 22), ("V04", 3)]
    assert f"Remedy: correct the data; {page} lists every finding" in bench.page
    beside = page.with_suffix("")
    assert f"20 of 25 errors are named here [rule: {GATE}] Remedy: the rest is in {beside}.csv and {beside}.json" in bench.page
    assert "validate CUT" not in bench.page


def list_an_error(bench):
    """Let the check of a cut write the list of its findings, an error of DM."""
    check = bench.check

    def list_all(cut: Path, folder: Path) -> dict[str, int]:
        counts = check(cut, folder)
        found = {"severity": "E", "rule": "V02", "dataset": "DM", "file": "sdtm/dm.csv", "remedy": "correct it"}
        (folder / "findings.json").write_text(json.dumps({"counts": counts, "findings": [found]}))
        return counts

    bench.check = list_all


def test_list_of_an_earlier_night_is_not_told_for_what_ended_this_build(bench):
    """Wrong data on the first night, a lost process on the second, by other options."""
    deliver(bench.cuts, "one")
    list_an_error(bench)
    bench.plan["one"] = [WRONG, ends_with(69, "ToolError", Problem("its process was ended", closed="its process was ended"))]
    assert bench.watch() == 1
    assert bench.watch(jobs=1, retries=0) == 69
    failed = [event for event in bench.events if event.kind == "failed"]
    assert "1 problem (ToolError): its process was ended" in failed[1].words
    assert [one["rule"] for one in failed[1].facts["error"]["problems"]] == [""]
    assert "All findings of this cut" not in bench.page


def test_findings_of_a_cut_are_those_of_its_build_that_is_there_or_of_the_data_that_ended_it_and_never_older(bench):
    """Wrong data; then a lost process; then other files, that arrive and are no cut that can be read."""
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG, replace(FULL, code=69)]

    def counted() -> dict[str, int]:
        return read_record(bench.out)["one"].findings

    assert (bench.watch(), counted()) == (1, {"E": 1, "W": 2, "I": 0})
    assert (bench.watch(jobs=1, retries=0), counted()) == (69, {})
    assert (bench.watch(), counted()) == (0, {"E": 0, "W": 2, "I": 3})
    # As a build in earnest lists them.
    (bench.out / "one" / "findings.json").write_text(json.dumps({"counts": {"E": 0, "W": 2, "I": 3}}))
    deliver(bench.cuts, "one", subjects=2)
    bench.clock.at += LATER
    bench.plan["one"] = [WRONG, replace(FULL, code=69)]
    assert (bench.watch(), counted()) == (1, {"E": 1, "W": 2, "I": 0})
    assert (bench.watch(jobs=1, retries=0), counted()) == (69, {"E": 0, "W": 2, "I": 3})
    (failed,) = [event for event in bench.events if event.kind == "failed"][-1:]
    assert failed.facts["findings"] == {"E": 0, "W": 2, "I": 3}


def test_cut_that_is_refused_tells_no_error_of_the_files_it_had(bench):
    deliver(bench.cuts, "one")
    bench.plan["one"] = [WRONG]
    list_an_error(bench)
    assert bench.watch() == 1
    seal_cut(bench.cuts / "one")
    deliver(bench.cuts, "one", subjects=2)
    bench.clock.at += LATER
    assert bench.watch() == 1
    (refused,) = [event for event in bench.events if event.kind == "refused"]
    assert [one["rule"] for one in refused.facts["error"]["problems"]] == ["seal of the cut"]
    assert read_record(bench.out)["one"].findings == {}
    assert "All findings of this cut" not in bench.page


# ---- what is asked for


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"out": "cuts/builds"}, PlanError, "builds would be taken for cuts"),
        ({"out": "cuts"}, PlanError, "is both folders"),
        ({"out": "."}, PlanError, "lies in"),
        ({"out": "delivered"}, PlanError, "is a data cut (it holds sdtm): nothing is written into it"),
        ({"out": "delivered/builds"}, PlanError, "delivered, which is a data cut (it holds sdtm): nothing is written into it"),
        ({"out": "made"}, PlanError, "is a build: nothing is written into it"),
        ({"out": "made/builds/new"}, PlanError, "made, which is a build: nothing is written into it"),
        ({"folder": "nowhere"}, PlanError, "is no folder"),
        ({"folder": "delivered"}, PlanError, "is itself a cut: it holds sdtm [rule: folder of cuts] Remedy: name the folder above"),
        ({"folder": "delivered/sdtm"}, PlanError, "delivered, which is itself a cut"),
        (
            {"folder": "made"},
            PlanError,
            "is itself a build [rule: folder of cuts] Remedy: name the folder that cuts are delivered to",
        ),
        ({"folder": "made/outputs"}, PlanError, "made, which is itself a build"),
        ({"formats": ("doc",)}, ArgumentError, "format 'doc' is unknown"),
        ({"only": ("T1.1",)}, ArgumentError, "output 'T1.1' is unknown"),
        ({"phase": 3}, ArgumentError, "phase 3 is not declared"),
        ({"sign": "nowhere.pem"}, PlanError, "cannot be read: No such file or directory"),
        ({"sign": "cuts"}, PlanError, "cannot be read: Is a directory"),
        ({"sign": "note.txt"}, PlanError, "is no private key in PEM"),
    ],
)
def test_what_no_cut_could_be_built_with_is_refused_before_any_is_looked_at(change, kind, words, bench):
    places = {name: bench.root / value for name, value in change.items() if name in ("out", "folder", "sign")}
    (bench.root / "note.txt").write_text("sesame")
    write_build(deliver(bench.root, "delivered"), bench.root / "made")
    (bench.root / "made" / "outputs").mkdir()
    with pytest.raises(ReportError) as caught:
        check_asked(Asked(**({"folder": bench.cuts, "out": bench.out} | change | places)))
    assert isinstance(caught.value, kind)
    assert words in str(caught.value)


def test_words_for_a_build_are_those_of_the_command():
    asked = Asked(
        Path("a"), Path("b"), trial=Path("/t.yaml"), phase=2, only=("T14.1.1", "T14.2.1"), formats=("html",), jobs=1, chain=True,
        notebook_timeout=90, use_adam=True, sign=Path("/key.pem"), executor="dask://one:8786",
    )  # fmt: skip
    told = (
        "--formats html --jobs 1 --paper a4 --notebook-timeout 90 --trial /t.yaml --phase 2 --use-adam --chain --sign /key.pem"
        " --executor dask://one:8786"
    )
    told += " --only T14.1.1 --only T14.2.1"
    assert " ".join(asked.words) == told
