"""Data that many tests share, made once per run, and what a run says at its end."""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import sys
from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cgbm1_report.notebook.begin import load_libraries
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system import memory
from cgbm1_report.system.importing import leave_grammar_out
from tests.drawn import our_trial
from tests.skips import pytest_addoption as pytest_addoption
from tests.skips import pytest_configure as pytest_configure
from tests.skips import pytest_runtest_setup as pytest_runtest_setup
from tests.skips import pytest_sessionfinish as pytest_sessionfinish
from tests.skips import pytest_terminal_summary as pytest_terminal_summary

leave_grammar_out()
# A process of tests holds thousands of cases and what they share: to look through all of it five times a build is an eighth of
# a run. Processes that builds start do it as ever (tests/test_memory.py).
memory.give_back.__code__ = (lambda: None).__code__
os.environ.pop("SOURCE_DATE_EPOCH", None)
# What a test plants in the program, no store knows of.
os.environ["CGBM1_REPORT_STORE"] = "none"


def pytest_sessionstart(session: pytest.Session) -> None:
    """What notebooks stand on is loaded once in each process of a run, beside its looking for tests: not once per notebook.

    A program that builds begins with that; here whatever a test starts first would begin the process that all are forked from.
    """
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        load_libraries()


#: Files dealt case by case after all others, so that no process ends alone with a long file: their cases share what is
#: made once per run.
DEALT_SINGLY = frozenset({"test_trial_leaves"})
#: Files that go to the process that has another one, whose outputs they look at too: they are made once.
DEALT_WITH = dict.fromkeys(("test_noted", "test_shells", "test_words"), "test_snapshots")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes one has all cases of a file, and makes what they share; files with many cases come first."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return nodeid if (name := Path(file).stem) in DEALT_SINGLY else DEALT_WITH.get(name, name)

        def _reschedule(self, node: Any) -> None:
            # A process that takes a lost one's place is given no test before it has told which it knows: when it has, it is asked
            # for anew. Another one that was lost meanwhile ended the whole run by an internal error.
            if node in self.registered_collections:
                super()._reschedule(node)

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Thousands of cases are objects that stay: not looked through for garbage while they are made, and never after.

    After them it is looked for seldom: with the usual thresholds every twentieth second of a run is spent on it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder that all processes of this run of the suite share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if hasattr(pytestconfig, "workerinput") else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def _make_once(shared: Path, name: str, make: Callable[[Path], object]) -> Path:
    """What is made at a path that all processes of a run look at, by whoever comes first."""
    made = shared / name / "cut"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(made)
    return made


@pytest.fixture(scope="session")
def final_cut(shared_folder: Path) -> Path:
    """The default synthetic cut: everybody followed, phase 2 unblinded. Nobody writes into it."""
    from cgbm1_report.simulate import simulate_cut

    return _make_once(shared_folder, "final", lambda made: simulate_cut(made, trial=our_trial()))


@pytest.fixture(scope="session")
def final_data(read_once: Callable[..., Any], final_cut: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """SDTM and ADaM of the final cut. Nobody changes them."""
    data = read_once(final_cut, our_trial())
    return data.cut.sdtm, {name: frame for name, frame in data.adam.items() if name.startswith("AD")}


@pytest.fixture(scope="session")
def young_cut(shared_folder: Path) -> Path:
    """A cut when phase 2, still blinded, has begun: where a command is asked and not the data. Nobody writes into it."""
    from cgbm1_report.simulate import simulate_cut

    return _make_once(shared_folder, "young", lambda made: simulate_cut(made, trial=our_trial(), cutoff=date(2026, 1, 15)))


@pytest.fixture(scope="session")
def read_once(shared_folder: Path) -> Callable[..., Any]:
    """In the place of `read_data`: gives what that read, checked and derived of a cut that files share, once per run.

    Where a test asks what is made of the data; that they are read, checked and derived anew is asked of other cuts.
    """

    def make(folder: Path, path: Path) -> None:
        from cgbm1_report.build.gate import read_data

        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(read_data(folder, our_trial())))

    def read(folder: Path, trial: Trial, *, use_adam: bool = False, closed: Collection[int] = (), **_: Any) -> Any:
        # What is shown, and by which notebooks, is no business of the data.
        own = trial.model_copy(update={name: getattr(our_trial(), name) for name in ("notebooks", "outputs")})
        assert (folder.parents[1], own, use_adam, len(closed)) == (shared_folder, our_trial(), False, 0)
        name = f"{folder.parent.name}-read"
        return pickle.loads(_make_once(shared_folder, name, partial(make, folder)).read_bytes())  # noqa: S301 - written above

    return read


@pytest.fixture
def shared_cuts_are_read(read_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds of a cut that files share, and looks at it, begin with what was derived of it."""
    from cgbm1_report.build import kept, make

    for module in (kept, make):
        monkeypatch.setattr(module, "read_data", read_once)


@pytest.fixture
def derived_once(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is derived of SDTM and found in it is made once per run of the same SDTM, wherever it lies and whatever lies beside it.

    Where a test asks what is made of it, of several cuts with the same data.
    """
    from cgbm1_report.build import gate

    def once(made_by: Callable[[Any], Any], sight: Any) -> Any:
        def make(path: Path) -> None:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(pickle.dumps(made_by(sight)))

        name = f"{made_by.__name__}-{_digest(sight)}"
        return pickle.loads(_make_once(shared_folder, name, make).read_bytes())  # noqa: S301 - written above

    for name in ("_derive", "_validate_sdtm"):
        monkeypatch.setattr(gate, name, partial(once, getattr(gate, name)))


def _digest(sight: Any) -> str:
    """All that derivations and rules are given: data as collected and as seen, decisions, cut-off, and the protocol."""
    cut = sight.cut
    frames = {**cut.sdtm, **{f"{name} seen": frame for name, frame in sight.sdtm.items()}, "decisions": cut.src_decisions}
    told = [
        (name, frame if frame is None else (list(frame.dtypes.items()), frame.attrs, frame.to_csv()))
        for name, frame in frames.items()
    ]
    asked = (
        told,
        cut.cutoff,
        sorted(sight.pooled),
        sorted(sight.subjects),
        sight.trial.model_dump_json(exclude={"notebooks", "outputs"}),
    )
    return sha256(repr(asked).encode()).hexdigest()


@pytest.fixture
def carry_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """A command line carried out in this process as the command does in one of its own: exit code, what it printed, what it said."""
    from cgbm1_report.cli import app
    from cgbm1_report.system.endings import _carry_out
    from cgbm1_report.system.usage import call_app

    def carried(*arguments: object) -> tuple[int, str, str]:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["cgbm1-report", *words])
        code = _carry_out(lambda: call_app(app, "cgbm1-report", words), debug=False)
        return (code, *capsys.readouterr())

    return carried


@pytest.fixture(scope="session")
def young_phase_cut(shared_folder: Path) -> Path:
    """A cut of the first weeks of phase 2: eight subjects dosed, each arm with two at least. Nobody writes into it."""
    from cgbm1_report.simulate import simulate_cut

    def make(made: Path) -> None:
        simulate_cut(made, trial=our_trial(), cutoff=date(2025, 12, 1), format="parquet")

    return _make_once(shared_folder, "young-phase", make)


@pytest.fixture(scope="session")
def interim_cut(shared_folder: Path) -> Path:
    """A cut in the middle of phase 2: still blinded. Nobody writes into it."""
    from cgbm1_report.simulate import simulate_cut

    return _make_once(shared_folder, "interim", lambda made: simulate_cut(made, trial=our_trial(), cutoff=date(2026, 9, 1)))


@pytest.fixture(scope="session")
def pilot_cut(shared_folder: Path) -> Path:
    """The public CDISC pilot study's ADaM as XPT. Nobody writes into it."""
    from tests.pilot.cut import write_pilot_cut

    return _make_once(shared_folder, "pilot", write_pilot_cut)


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep between two looks at a cut, they keep for the tests of one file; and nothing that a program made of it."""
    from cgbm1_report.build import kept

    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "own_folder", lambda _kind: folder)
        yield
