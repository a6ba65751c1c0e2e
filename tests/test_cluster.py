"""Builds on a cluster: a real one of two processes on this machine, of which one is killed while it works."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cgbm1_report.build.portfolio import build_portfolio, read_plan
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import ArgumentError, DataError, ToolError
from cgbm1_report.system import cluster as module
from cgbm1_report.system.cluster import current_cluster, parse_address, sent_to
from cgbm1_report.system.workers import Workers, gather
from tests.called_there import add_a_line, end_at_once, fail, sleep_and_write, where_am_i
from tests.small_cut import write_cut, write_trial

pytest.importorskip("distributed")

#: Seconds to wait for a process of the cluster, and for a worker to be at work.
PATIENCE = 60.0


@dataclass
class LocalCluster:
    """A scheduler and its workers, each a process of its own."""

    address: str
    scheduler: subprocess.Popen
    folder: Path
    workers: list[subprocess.Popen] = field(default_factory=list)

    def start_worker(self, **environment: str) -> subprocess.Popen:
        """One more worker; it is there when the cluster knows it."""
        command = ["distributed.cli.dask_worker", self.address.replace("dask", "tcp"), "--nthreads", "1", "--no-nanny"]
        more = ("--no-dashboard", "--local-directory", str(self.folder), "--memory-limit", "0", "--host", "127.0.0.1")
        said = (self.folder / f"worker{len(self.workers)}.log").open("w")
        env = {**os.environ, **environment}
        self.workers.append(subprocess.Popen([sys.executable, "-m", *command, *more], stderr=said, stdout=said, env=env))
        return self.workers[-1]

    def count(self) -> int:
        from distributed import Client

        with contextlib.closing(Client(self.address.replace("dask", "tcp"), set_as_default=False)) as client:
            return len(client.nthreads())

    def wait_for(self, count: int) -> None:
        ends = time.monotonic() + PATIENCE
        while self.count() != count:
            assert time.monotonic() < ends, [path.read_text()[-2000:] for path in self.folder.glob("*.log")]
            time.sleep(0.1)


@contextlib.contextmanager
def start_cluster(folder: Path) -> Iterator[LocalCluster]:
    log = folder / "scheduler.log"
    command = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter"]
    with log.open("w") as said:
        scheduler = subprocess.Popen([sys.executable, "-m", *command], stderr=said, stdout=said)
    started = LocalCluster("", scheduler, folder)
    try:
        ends = time.monotonic() + PATIENCE
        while not (found := re.search(r"Scheduler at: +tcp://(127\.0\.0\.1:\d+)", log.read_text())):
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.1)
        started.address = f"dask://{found[1]}"
        yield started
    finally:
        for process in (*started.workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster that always has two workers."""
    with start_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def two(running: LocalCluster) -> LocalCluster:
    for worker in running.workers[:]:
        if worker.poll() is not None:
            running.workers.remove(worker)
    while len(running.workers) < 2:
        running.start_worker()
    running.wait_for(2)
    return running


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    return write_cut(tmp_path / "cut")


# ---- what is built


@pytest.mark.long
def test_a_build_whose_worker_is_killed_equals_the_local_one_in_every_byte(
    two: LocalCluster, cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cgbm1_report import readback
    from cgbm1_report.build import documents, printing

    def ask(name: str, executor: str = "") -> Request:
        own = {"dose_group": "all", "engine": "embedded", "only": ("T14.1.4", "L16.2.7.1")}
        return Request(cut=cut, out=tmp_path / name, trial=trial, executor=executor, **own)

    trial = write_trial(tmp_path / "study", "01_subjects.ipynb", "05_listings.ipynb")
    local = build_report(ask("local"))
    # So small a study would be worth no second process.
    for place in (readback, documents, printing):
        monkeypatch.setattr(place, "_WORTH", 1)
    called: list[str] = []
    call = module.Cluster.call

    def note(self: module.Cluster, function: Callable, *arguments: object, **named: object) -> Future:
        called.append(getattr(function, "__name__", type(function).__name__))
        return call(self, function, *arguments, **named)

    monkeypatch.setattr(module.Cluster, "call", note)
    killed: list[int] = []

    def kill_one(what: str, told: str) -> None:
        """While the first notebooks run: a worker that has a process of its own at work."""
        if what != "notebook" or killed:
            return
        ends = time.monotonic() + PATIENCE
        while not killed and time.monotonic() < ends:
            for worker in two.workers:
                if psutil.Process(worker.pid).children(recursive=True):
                    killed.append(worker.pid)
                    worker.kill()
                    return

    there = build_report(ask("there", two.address), kill_one)
    assert killed
    assert two.count() == 1
    assert {
        "run_one",
        "recount_some",
        "review_outputs",
        "join_results",
        "write_ars",
        "_render_singles",
        "partial",
        "check_whole",
        "check_outputs",
    } <= set(called), set(called)
    files = [{path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (local, there)]
    assert files[0].keys() == files[1].keys()
    assert [name for name, content in files[0].items() if content != files[1][name]] == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "no workroom is left"


def test_what_a_notebook_says_there_is_said_here(two: LocalCluster, cut: Path, tmp_path: Path) -> None:
    from tests.test_notebooks import write_notebook

    trial = write_trial(tmp_path / "study")
    write_notebook(tmp_path / "study" / "wrong.ipynb", "1 / 0", parameters="folder = '..'\nphase = 1\ndose_group = 'all'")
    trial.write_text(trial.read_text().replace("notebooks: []", "notebooks: [wrong.ipynb]"))
    asked = Request(cut, tmp_path / "b", trial=trial, only=("T14.1.4",), phase=1)
    told = []
    for executor in ("", two.address):
        with pytest.raises(Exception, match="ZeroDivisionError") as error:
            build_report(Request(**{**vars(asked), "executor": executor}))
        told.append(re.sub(r"\d{6,}", "", str(error.value)))
    assert told[0] == told[1]
    assert not (tmp_path / "b").exists()


@pytest.mark.long
def test_a_portfolio_is_built_there_as_it_is_here(two: LocalCluster, cut: Path, tmp_path: Path) -> None:
    write_trial(tmp_path / "study", "01_subjects.ipynb")
    each = "{trial: study/trial.yaml, only: [T14.1.4], phase: 1, dose_group: all, formats: [html]}"
    (tmp_path / "portfolio.yaml").write_text(f"out: here\neach: {each}\nbuilds: [{{name: one, cut: {cut.name}}}]\n")
    built = build_portfolio(read_plan(tmp_path / "portfolio.yaml"))
    there = build_portfolio(read_plan(tmp_path / "portfolio.yaml", tmp_path / "there"), executor=two.address)
    assert built == there
    assert [one.exit_code for one in built] == [0]
    files = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "here", tmp_path / "there")
    ]
    assert files[0] == files[1]
    assert Path("one/report.html") in files[0]


# ---- what is called


def test_calls_run_in_processes_of_the_workers_and_give_or_raise_what_they_do(two: LocalCluster, tmp_path: Path) -> None:
    assert current_cluster() is None
    with sent_to(two.address, tmp_path) as sent, Workers(2) as hands:
        assert sent is current_cluster() is not None
        assert sent.threads == 2
        parents = gather([hands.call(where_am_i) for _ in range(6)], "where")
        assert set(parents) <= {worker.pid for worker in two.workers}
        with pytest.raises(DataError, match="of three subjects one is missing"):
            gather([hands.call(fail, DataError)], "failing")
        with pytest.raises(KeyError, match="of three subjects one is missing"):
            gather([hands.call(fail, KeyError)], "failing")
        with pytest.raises(
            ToolError,
            match=r"the cluster did not carry it out: RuntimeError: its process was ended by signal 9 \(killed\): .*Remedy",
        ):
            gather([hands.call(end_at_once)], "ended")
    assert current_cluster() is None


def test_what_was_done_is_not_done_again_when_the_worker_dies_that_did_it(two: LocalCluster, tmp_path: Path) -> None:
    files = [tmp_path / f"{at}.txt" for at in range(6)]
    with sent_to(two.address, tmp_path), Workers(2) as hands:
        futures = [hands.call(add_a_line, file) for file in files]
        where = gather(futures, "writing")
        lost = next(worker for worker in two.workers if worker.pid in where)
        lost.kill()
        lost.wait()
        two.wait_for(1)
        # The other one has had the time to do it all again.
        gather([hands.call(where_am_i) for _ in range(len(files) + 1)], "where")
    assert [file.read_text() for file in files] == ["once\n"] * len(files)


def test_what_runs_there_ends_when_the_run_does(two: LocalCluster, tmp_path: Path) -> None:
    began = time.monotonic()

    def interrupted() -> None:
        with sent_to(two.address, tmp_path), Workers(2) as hands:
            for at in range(4):
                hands.call(sleep_and_write, 30, tmp_path / f"late{at}")
            while not list(tmp_path.glob("*.begun")):
                time.sleep(0.05)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 25
    ends = time.monotonic() + PATIENCE
    while any(psutil.Process(worker.pid).children() for worker in two.workers):
        assert time.monotonic() < ends
        time.sleep(0.1)
    assert [path.name for path in tmp_path.glob("late?")] == []


def test_a_cluster_that_could_not_do_it_is_refused_with_what_to_mend(
    two: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(built: Path = tmp_path) -> str:
        with pytest.raises(ToolError) as error, sent_to(two.address, built):
            pass
        assert len(error.value.problems) == 2, "each worker is told"
        return str(error.value)

    told = refused(tmp_path / "not there")
    assert f"may not write into {tmp_path / 'not there'}" in told
    assert "Remedy: build into a folder that this machine and all workers have under one path" in told
    monkeypatch.setattr(module, "tell_versions", lambda: {"cgbm1-report": "0.0.1", "pandas": "3.0.0"})
    told = refused()
    assert told.count("cgbm1-report 0.1.0 (here 0.0.1), pandas 3.") == 2
    assert "Remedy: install the same cgbm1-report from the same requirements.lock on all machines" in told


def test_another_folder_under_the_same_path_is_seen(tmp_path: Path) -> None:
    """As where each machine has a disk of its own: the worker saw another file, or what it answered is nowhere."""
    own = module._about_us()
    (tmp_path / "written").write_text("12")
    (tmp_path / "answered-1").write_text("34")
    module._SEEN, before = 0.0, module._SEEN
    try:
        for name in ("answered-1", "answered-2"):
            (problem,) = module._judge("tcp://10.0.0.1:1", (name, own), own, tmp_path)
            assert "writes into another" in str(problem)
        (problem,) = module._judge("tcp://10.0.0.1:1", ("does not see /scratch", {}), own, tmp_path)
        assert "worker tcp://10.0.0.1:1 does not see /scratch" in str(problem)
        (problem,) = module._judge("tcp://10.0.0.1:1", ModuleNotFoundError("No module named 'cgbm1_report'"), own, tmp_path)
        assert "cannot run cgbm1-report: ModuleNotFoundError" in str(problem)
        assert module._answer(str(tmp_path / "nowhere"), str(tmp_path)) == (f"does not see {tmp_path / 'nowhere'}", {})
    finally:
        module._SEEN = before


def test_a_cluster_that_is_not_there_or_has_no_workers_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carry_out: Callable[..., tuple[int, str, str]], cut: Path
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 2.0)
    code, _, said = carry_out("build", cut, "--out", tmp_path / "b", "--executor", "dask://127.0.0.1:1")
    assert code == 69
    assert "error: no cluster answers at tcp://127.0.0.1:1" in said
    assert "Remedy: start its scheduler (dask scheduler), or leave --executor out" in " ".join(said.split())
    with (
        start_cluster(tmp_path) as empty,
        pytest.raises(ToolError, match="the cluster has no workers"),
        sent_to(empty.address, tmp_path),
    ):
        pass
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "b"))) == []


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://h:1", "dask://h", "dask://h:1/x", "dask://h:1\n--x", "dask://"])
def test_what_is_no_address_is_refused(address: str, carry_out: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="is no address of a cluster"):
        parse_address(address)
    code, printed, _ = carry_out("build", tmp_path, "--executor", address, "--json")
    assert code == 2
    assert "is no address of a cluster" in json.loads(printed)["error"]["problems"][0]["message"]


def test_addresses_are_those_of_dask() -> None:
    assert parse_address("dask://node7.site:8786") == "tcp://node7.site:8786"
    assert parse_address(" dask://[::1]:8786") == "tcp://[::1]:8786"
