"""What becomes of a build that is hurt at one of its writes: the earlier one is whole, one message says why, nothing stays behind.

Each case is a build of two outputs in four formats over an earlier one, signed, with its chain (`tests.injured`). Elsewhere: a lost
worker and a cluster's (test_workers.py, test_cluster.py), a notebook that does not end (test_notebooks.py), two builds of one target
(test_target.py), a cut that is replaced while it is read (test_cut_lies.py), caches (test_kept.py, test_store.py), an interrupted
watch (test_watch.py, test_watch_nights.py).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cgbm1_report.system.chain import CHAIN, require_chain
from cgbm1_report.system.signature import write_keys
from cgbm1_report.system.whole import sweep
from tests.injured import LINE
from tests.small_cut import write_cut, write_trial
from tests.test_report import digest

PATIENCE = 30.0
#: So many moments, spread over the writes of a build from its first to its last.
KILLS, FULL = 10, 5


class Bench:
    """A folder with an earlier build, in which builds are begun that are hurt."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "builds"
        (folder / "work" / "temporary").mkdir(parents=True)
        self.place.mkdir()
        self.cut, self.trial = write_cut(folder / "cut"), write_trial(folder / "study", "01_subjects.ipynb")
        write_keys(folder / "key")
        command = [sys.executable, "-m", "tests.injured", str(self.cut), str(self.trial)]
        self.served = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._hear() == "ready"

    def _hear(self) -> str:
        assert self.served.stdout
        return self.served.stdout.readline().strip()

    def build(self, *more: str, fault: str = "none", at: int = 0, name: str = "build", size: int = 0) -> int:
        """How a build ended that was hurt at its write of this number."""
        (self.folder / "list").unlink(missing_ok=True)
        words = ["build", str(self.cut), "--trial", str(self.trial), "--out", str(self.place / name), "--phase", "1", "--jobs", "1"]
        words += ["--only", "T14.1.4.1", "--only", "T14.1.1.1", "--sign", str(self.folder / "key"), "--chain", *more]
        told = {"folder": f"{self.place}/", "list": str(self.folder / "list"), "temporary": str(self.folder / "work" / "temporary")}
        assert self.served.stdin
        self.served.stdin.write(json.dumps({**told, "words": words, "fault": fault, "at": at, "bytes": size}) + "\n")
        self.served.stdin.flush()
        return int(self._hear())

    @property
    def writes(self) -> int:
        """How many writes the last build had."""
        return (self.folder / "list").stat().st_size // LINE

    @property
    def said(self) -> str:
        """What the last build said on standard error, without its progress."""
        lines = (self.folder / "work" / "stderr").read_text().splitlines()
        return "\n".join(line for line in lines if "Z  " not in line)

    def left(self) -> list[str]:
        """What lies beside the builds and their chain."""
        return sorted({path.name for path in self.place.iterdir()} - {"build", "whole", CHAIN})

    def swept(self) -> list[str]:
        """What is left after the next run has begun; what dies with a killed run may hold its lock for a moment."""
        ends = time.monotonic() + PATIENCE
        while True:
            sweep(self.place / "build")
            if not (left := self.left()) or time.monotonic() > ends:
                return left
            time.sleep(0.05)

    def running(self) -> list[str]:
        """Processes of the last build that are still there after a while."""
        ends = time.monotonic() + PATIENCE
        while (found := list(self._processes())) and time.monotonic() < ends:
            psutil.wait_procs(found, timeout=0.2)
        return [str(one) for one in found]

    def _processes(self) -> Iterator[psutil.Process]:
        for one in psutil.process_iter():
            try:
                # Those it forked have the command line of what they were forked from, those it started its temporary folder.
                forked = one.pid != self.served.pid and str(self.cut) in one.cmdline()
                started = one.environ().get("TMPDIR", "").startswith(str(self.folder / "work"))
                if (forked or started) and one.status() != psutil.STATUS_ZOMBIE:
                    yield one
            except psutil.Error:
                continue


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("faults"))
    yield made
    assert made.served.stdin
    made.served.stdin.close()
    made.served.wait(PATIENCE)


@pytest.fixture(scope="module")
def whole(bench: Bench) -> tuple[dict[str, str], int]:
    """The files of a build that nothing happened to, and how many writes it had."""
    assert bench.build(name="whole") == 0, bench.said
    return digest(bench.place / "whole"), bench.writes


@pytest.fixture
def earlier(bench: Bench, whole: tuple[dict[str, str], int]) -> Callable[[], dict[str, str]]:
    """Puts an earlier build, of another sheet, in its place; its files."""
    if not (bench.folder / "letter").exists():
        assert bench.build("--paper", "letter") == 0, bench.said
        shutil.move(bench.place / "build", bench.folder / "letter")

    def put() -> dict[str, str]:
        shutil.rmtree(bench.place / "build", ignore_errors=True)
        shutil.copytree(bench.folder / "letter", bench.place / "build")
        return digest(bench.place / "build")

    return put


def spread(count: int, writes: int) -> list[int]:
    """So many numbers from 1 to the last write."""
    return [1 + round(at * (writes - 1) / (count - 1)) for at in range(count)]


@pytest.mark.long
def test_build_that_is_killed_between_any_two_writes_leaves_the_earlier_or_the_new_one_whole_and_the_next_run_tidies_up(
    bench, whole, earlier
):
    new, old = whole[0], earlier()
    assert bench.build() == 0, bench.said
    # More than those of the first build of a place: the earlier one is removed.
    writes = bench.writes
    assert writes > whole[1]
    earlier()
    found = []
    for at in spread(KILLS, writes):
        assert bench.build(fault="kill", at=at) == -9, f"write {at}: {bench.said}"
        assert bench.running() == [], f"write {at}"
        require_chain(bench.place)
        now = digest(bench.place / "build")
        assert now in (old, new), f"write {at}"
        found.append("earlier" if now == old else "new")
        assert bench.swept() == [], f"write {at}"
        assert digest(bench.place / "build") == now, f"write {at}"
        if now == new:
            old = earlier()
    # Only after the move into its place, among the last writes.
    assert found[:7] == ["earlier"] * 7, found
    assert found[-1] == "new", (found, writes)
    assert bench.build() == 0, bench.said
    assert digest(bench.place / "build") == new
    assert bench.left() == []


def require_told(bench: Bench, said: str, *, begun: bool = True) -> None:
    """One line that names what was being built, what is missing in the system's words, and how much was written."""
    (line,) = bench.said.splitlines()
    # Where not even a folder for the work can be made, it is that of the builds, and nothing was written.
    place, written = (bench.place / "build", r", after \d+\.\d MB of it were written") if begun else (bench.place, "")
    told = rf"error: {re.escape(str(place))}: cannot be written: {said}{written} \[rule: room on the disk\] Remedy: make room on the disk .+"
    assert re.fullmatch(told, line), line


def test_full_disk_is_one_message_and_leaves_the_earlier_build_and_nothing_else(bench, whole, earlier):
    old = earlier()
    # The last writes are the move into its place, and what follows it: the chain says that the build is there.
    for at in spread(FULL, whole[1] * 2 // 3):
        assert bench.build(fault="disk", at=at) == 74, f"write {at}: {bench.said}"
        require_told(bench, "No space left on device", begun=at > 1)
        assert (digest(bench.place / "build"), bench.left(), bench.running()) == (old, [], []), f"write {at}"


@pytest.mark.parametrize("size", [2_000, 20_000, 200_000], ids=["of two kilobytes", "of twenty", "of two hundred"])
def test_limit_of_file_sizes_is_one_message_and_leaves_the_earlier_build_and_nothing_else(bench, earlier, size):
    old = earlier()
    assert bench.build(fault="size", at=1, size=size) == 74, bench.said
    require_told(bench, "File too large")
    assert (digest(bench.place / "build"), bench.left(), bench.running()) == (old, [], [])


def test_target_that_may_not_be_written_to_is_one_message(bench, earlier):
    old = earlier()
    bench.place.chmod(0o555)
    try:
        assert bench.build(fault="rights") == 74, bench.said
    finally:
        bench.place.chmod(0o755)
    assert "cannot be written: Permission denied" in bench.said
    assert (digest(bench.place / "build"), bench.left(), bench.running()) == (old, [], [])
