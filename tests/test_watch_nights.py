"""Nights of a watch in processes of their own: a week of them, killed in the middle, and one that builds in earnest."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.read.seal import seal_cut
from cgbm1_report.watch.record import read_record
from tests.watched import deliver

#: Seconds that any step may take on a machine that does much else.
PATIENCE = 240


class Night:
    """A watch in a process of its own, with stand-in builds in further ones; what it says is read line by line."""

    def __init__(self, root: Path) -> None:
        self.cuts, self.out, self.control = root / "cuts", root / "builds", root / "control"
        self.cuts.mkdir()
        self.control.mkdir()

    def begin(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.watched", str(self.cuts), str(self.out), str(self.control)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])

    def pass_by(self) -> tuple[int, list[str]]:
        """A night that nobody disturbs: its exit code, and what happened."""
        with self.begin() as process:
            printed, _ = process.communicate(timeout=PATIENCE)
        told = [json.loads(line) for line in printed.splitlines()]
        return process.returncode, [f"{one['event']} {one['cut']}".strip() for one in told]

    @contextmanager
    def held_in(self, cut: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """A watch in the middle of the build of a cut, and the number of the process that builds."""
        pipe = self.control / cut
        os.mkfifo(pipe)
        with self.begin() as process:
            with pipe.open() as words:
                building = int(words.read())
            pipe.unlink()
            yield process, building


def wait_until_gone(process: int) -> bool:
    """Whether a process that is nobody's child here ends, without looking at the clock again and again."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)


def rows_of(page: str) -> dict[str, str]:
    """The state of each cut as the page has it, in its order."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>.*?<td class="state \w+">(\w+)</td>', page)
    return dict(rows)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes as Linux can")
def test_week_of_nights_with_a_broken_a_repeated_and_a_wrongly_sealed_cut_and_two_kills(tmp_path):
    """Seven cuts that grow. Each night says what it did; the status page at the end says it all."""
    night = Night(tmp_path)
    # Monday: sealed, and built.
    seal_cut(deliver(night.cuts, "2025-03-03", "2025-03-03", 1))
    assert night.pass_by() == (0, ["building 2025-03-03", "done 2025-03-03", "ended"])

    # Tuesday: what builds is killed; the watch tries again, and the machine's fault passes.
    deliver(night.cuts, "2025-03-04", "2025-03-04", 2)
    with night.held_in("2025-03-04") as (watch, building):
        half = [name for name in os.listdir(night.out) if name.startswith(".2025-03-04.cgbm1-")]
        os.kill(watch.pid, signal.SIGKILL)
        watch.wait(PATIENCE)
        assert wait_until_gone(building), "what builds ends with the watch"
    assert len(half) == 1
    assert read_record(night.out)["2025-03-04"].state == "building"
    assert not (night.out / "2025-03-04").exists()
    # The same night, started again: nothing half-made is left, and the cut is built.
    assert night.pass_by() == (0, ["resumed 2025-03-04", "building 2025-03-04", "done 2025-03-04", "ended"])
    # The key by which it knows cuts again stays, and nothing else.
    assert {name for name in os.listdir(night.out) if name.startswith(".")} <= {".watch.key"}

    # Wednesday: a cut that was changed after it was sealed.
    wednesday = deliver(night.cuts, "2025-03-05", "2025-03-05", 3)
    seal_cut(wednesday)
    (wednesday / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\n")
    assert night.pass_by() == (1, ["refused 2025-03-05", "ended"])

    # Thursday: the cut of Tuesday once more, under another name.
    shutil.copytree(night.cuts / "2025-03-04", night.cuts / "2025-03-06")
    # The cut of Wednesday stands refused, and the code says so until it is mended.
    assert night.pass_by() == (1, ["repeated 2025-03-06", "ended"])

    # Friday: the watch is told to end in the middle of a build, and is killed in the next one.
    deliver(night.cuts, "2025-03-07", "2025-03-07", 4)
    with night.held_in("2025-03-07") as (watch, building):
        watch.send_signal(signal.SIGTERM)
        printed, _ = watch.communicate(timeout=PATIENCE)
        assert wait_until_gone(building)
    assert json.loads(printed.splitlines()[-1])["exit_code"] == 143
    assert read_record(night.out)["2025-03-07"].state == "waiting"
    # The key by which it knows cuts again stays, and nothing else.
    assert {name for name in os.listdir(night.out) if name.startswith(".")} <= {".watch.key"}
    with night.held_in("2025-03-07") as (watch, building):
        # Meanwhile a second watch is kept away, and changes nothing.
        with night.begin() as second:
            assert second.wait(PATIENCE) != 0
        watch.kill()
        watch.wait(PATIENCE)
        assert wait_until_gone(building)

    # Saturday: two cuts, that of Friday first.
    deliver(night.cuts, "2025-03-08", "2025-03-08", 5)
    assert night.pass_by()[1] == [
        *("resumed 2025-03-07", "building 2025-03-07", "done 2025-03-07", "building 2025-03-08", "done 2025-03-08", "ended")
    ]

    # Sunday: a cut that no build can be named after.
    deliver(night.cuts, "status.json", "2025-03-09", 6)
    assert night.pass_by() == (1, ["refused status.json", "ended"])

    page = (night.out / "status.html").read_text()
    assert rows_of(page) == {
        "status.json": "refused",
        "2025-03-08": "done",
        "2025-03-07": "done",
        "2025-03-06": "repeated",
        "2025-03-05": "refused",
        "2025-03-04": "done",
        "2025-03-03": "done",
    }
    for words in ("the cut is not as it was sealed", "has the same files as 2025-03-04", "a file of the watch has this name"):
        assert words in page
    assert night.pass_by() == (1, ["ended"]), "nothing is left to do, and two cuts have no report"
    shutil.rmtree(wednesday)
    shutil.rmtree(night.cuts / "status.json")
    assert night.pass_by() == (0, ["ended"])


@pytest.mark.long
def test_night_builds_in_earnest_and_lays_the_findings_of_a_broken_cut_beside(tmp_path, carry_out):
    """One output, one format: what the process of a build says is what the status says."""
    from cgbm1_report.simulate import simulate_cut
    from tests.drawn import our_trial

    cuts, out = tmp_path / "cuts", tmp_path / "builds"
    simulate_cut(cuts / "early", trial=our_trial(), cutoff=date(2025, 2, 20), format="parquet")
    simulate_cut(cuts / "good", trial=our_trial(), cutoff=date(2025, 4, 1), format="parquet")
    shutil.copytree(cuts / "good", cuts / "wrong")
    subjects = pd.read_parquet(cuts / "wrong" / "sdtm" / "dm.parquet")
    subjects.loc[0, "SEX"] = "X"
    subjects.to_parquet(cuts / "wrong" / "sdtm" / "dm.parquet")
    words = ["--once", "--rested", 0, "--only", "T14.1.1.1", "--formats", "html", "--jobs", 1, "--since-last", "--json"]
    code, printed, said = carry_out("watch", cuts, "--out", out, *words)
    told = [json.loads(line) for line in printed.splitlines()]
    assert [f"{one['event']} {one.get('cut', '')}".strip() for one in told] == [
        *("building early", "done early", "building good", "done good", "building wrong", "failed wrong", "ended", "exit")
    ], said
    assert (code, told[-1]["exit_code"]) == (1, 1)
    assert (told[3]["outputs"], told[3]["build"]) == (1, str(out / "good"))
    assert sorted(told[3]["findings"]) == ["E", "I", "W"]
    # More subjects were screened meanwhile: the one table that is built says so.
    assert told[3]["changes"]["outputs"] == 1
    assert told[3]["changes"]["cells"] > 0
    assert "14.1.1.1" in (out / "changes" / "good.html").read_text()
    file = str(cuts / "wrong" / "sdtm" / "dm.parquet")
    assert told[5]["error"]["problems"][0].items() >= {"file": file, "rule": "V02", "count": 1}.items()
    page = (out / "status.html").read_text()
    assert rows_of(page) == {"wrong": "failed", "good": "done", "early": "done"}
    assert "SEX: X is not in the codelist" in page
    found = json.loads((out / "findings" / "wrong" / "findings.json").read_text())["counts"]
    assert read_record(out)["wrong"].findings == found
    assert found["E"] == 1
    assert (out / "good" / "report.html").is_file()
    # The second build is marked since the first one.
    assert not list((out / "early").glob("changes.*"))
    assert (out / "good" / "changes.html").is_file()
    assert not (out / "wrong").exists()


def test_command_line_that_no_cut_could_be_built_with_is_one_line_of_json(tmp_path, carry_out):
    (tmp_path / "cuts").mkdir()
    code, printed, said = carry_out(
        "watch", tmp_path / "cuts", "--out", tmp_path / "builds", "--once", "--formats", "doc", "--json"
    )
    told = json.loads(printed)
    assert (code, told["event"], told["error"]["class"], printed.count("\n")) == (2, "exit", "ArgumentError", 1)
    assert "did you mean docx?" in said
    assert not (tmp_path / "builds").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "0"], "--keep 0 is too small"),
        (["--kep", "1"], "there is no option --kep"),
        (["--notify", "nobody-has-this"], "--notify nobody-has-this cannot be run"),
        (["--every"], "--every stands without its value"),
    ],
)
def test_option_that_is_refused_is_the_last_line_of_json(words, said, tmp_path, carry_out):
    code, printed, _ = carry_out("watch", tmp_path, "--out", tmp_path / "builds", "--json", *words)
    (line,) = printed.splitlines()
    told = json.loads(line)
    assert (code, told["event"], told["exit_code"], told["error"]["class"]) == (2, "exit", 2, "ArgumentError")
    assert (told["error"]["exit_code"], told["warnings"]) == (2, [])
    assert said in told["error"]["problems"][0]["message"]


def test_command_says_what_it_is_told_of_a_cut_and_ends_with_its_code(tmp_path, carry_out):
    cut = deliver(tmp_path / "cuts", "one")
    seal_cut(cut)
    (cut / "note.txt").write_text("x")
    told = tmp_path / "told.json"
    words = ["--once", "--rested", "0", "--notify", f"tee -a {told}", "--quiet"]
    code, printed, said = carry_out("watch", tmp_path / "cuts", "--out", tmp_path / "builds", *words)
    assert (code, printed) == (1, "")
    page = re.escape(str(tmp_path / "builds" / "status.html"))
    first = rf"1 problem \(DataError\), the first in {re.escape(str(cut / 'seal.json'))}, rule: .+\. Remedy: .+; see {page}"
    head = r"\S+ +\d+\.\d s 100 %  "
    assert re.fullmatch(rf"{head}refused   one: {first}\n{head}ended     exit code 1; 1 refused: one; see {page}\n", said)
    heard = [json.loads(line) for line in told.read_text().splitlines()]
    assert [one["event"] for one in heard] == ["refused", "ended"]
    assert heard[0]["status"] == str(tmp_path / "builds" / "status.html")
    assert "seal CUT --again" in heard[0]["error"]["problems"][0]["remedy"]
