"""Which tests are skipped for want of a program, and what a run says at its end: hooks that all tests share.

A module of its own, for it loads nothing of the product: a run of tests about skips begins with it alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.programs import is_allowed, skip_without_programs, tell_skips


def pytest_addoption(parser: pytest.Parser) -> None:
    """What may be skipped, and whether pages are written."""
    parser.addoption("--skips-allowed", metavar="NAMES", help="fail on any skip but for want of these programs, by comma")
    parser.addoption("--write-snapshots", action="store_true", help="write the pages of tests/snapshots; the run fails")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of tests that run other programs, and of those that take long."""
    config.addinivalue_line("markers", "runs(*names): runs these programs of tests/programs.py; skipped where one is missing")
    config.addinivalue_line("markers", "long: a minute of a process for what shorter tests ask in parts; make test-long")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No test runs without its programs."""
    skip_without_programs(item)


def _allowed(config: pytest.Config) -> list[str] | None:
    told = config.getoption("--skips-allowed")
    return None if told is None else [name for name in told.split(",") if name]


def _tallied(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """How many cases of one kind came out how: what tests recorded as ``tallied``, with all the ways they can come out."""
    reports = [report for status in ("passed", "failed", "xfailed", "xpassed") for report in reporter.stats.get(status, [])]
    told = [value for report in reports for name, value in report.user_properties if name == "tallied"]
    for what in dict.fromkeys(what for what, _, _ in told):
        counts = Counter(outcome for name, outcome, _ in told if name == what)
        outcomes = next(outcomes for name, _, outcomes in told if name == what)
        yield f"{what}: {counts.total()} asked, " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in the last lines of a run what tests counted, and every skip."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "counted":
                terminalreporter.write_line(str(value))
    for line in _tallied(terminalreporter):
        terminalreporter.write_line(line)
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
