"""Data that many tests share, made once per process."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from cgbm1_report.protocol.trial import read_trial
from tests.programs import is_allowed, skip_without_programs, tell_skips

os.environ.pop("SOURCE_DATE_EPOCH", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What may be skipped, and whether pages are written."""
    parser.addoption("--skips-allowed", metavar="NAMES", help="fail on any skip but for want of these programs, by comma")
    parser.addoption("--write-snapshots", action="store_true", help="write the pages of tests/snapshots; the run fails")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of tests that run other programs."""
    config.addinivalue_line("markers", "runs(*names): runs these programs of tests/programs.py; skipped where one is missing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No test runs without its programs."""
    skip_without_programs(item)


def _allowed(config: pytest.Config) -> list[str] | None:
    told = config.getoption("--skips-allowed")
    return None if told is None else [name for name in told.split(",") if name]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in the last lines of a run what tests counted, and every skip."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "counted":
                terminalreporter.write_line(str(value))
    for line in tell_skips(terminalreporter.stats.get("skipped", []), _allowed(config)):
        terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip that is not allowed fails the run."""
    reporter, allowed = session.config.pluginmanager.get_plugin("terminalreporter"), _allowed(session.config)
    if reporter is None or allowed is None or hasattr(session.config, "workerinput"):
        return
    if any(not is_allowed(report, allowed) for report in reporter.stats.get("skipped", [])) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def final_cut(tmp_path_factory) -> Path:
    """The default synthetic cut: everybody followed, phase 2 unblinded."""
    from cgbm1_report.simulate import simulate_cut

    return simulate_cut(tmp_path_factory.mktemp("cuts") / "final", trial=read_trial())


@pytest.fixture(scope="session")
def interim_cut(tmp_path_factory) -> Path:
    """A cut in the middle of phase 2: still blinded."""
    from cgbm1_report.simulate import simulate_cut

    return simulate_cut(tmp_path_factory.mktemp("cuts") / "interim", trial=read_trial(), cutoff=date(2026, 9, 1))


@pytest.fixture(scope="session")
def pilot_cut(tmp_path_factory) -> Path:
    """The public CDISC pilot study's ADaM as XPT."""
    from tests.pilot.cut import write_pilot_cut

    return write_pilot_cut(tmp_path_factory.mktemp("pilot"))
