"""Nothing is skipped in silence: every skip is said in the last lines, and fails a run that does not allow it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import conftest

#: A folder of tests that share the hooks of this suite. No machine has the program that is asked for last.
CONFTEST = """
from tests import programs
from tests.skips import pytest_addoption, pytest_configure, pytest_runtest_setup, pytest_sessionfinish, pytest_terminal_summary

programs.PROGRAMS["absent"] = ("a program nobody has", ("no-such-program-anywhere",), "absent-bin")
"""
TESTS = {
    "runs": "def test_it_runs(): assert True",
    "asks": "import pytest\n@pytest.mark.runs('absent')\ndef test_that_asks_for_a_program(): assert False, 'must not run'",
    "skips": "import pytest\ndef test_that_skips_itself(): pytest.skip('not today')",
    "module": "import pytest\npytest.skip('the whole module', allow_module_level=True)",
}


def run(folder: Path, names: str, *arguments: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text(CONFTEST)
    for name in names.split():
        (folder / f"test_{name}.py").write_text(TESTS[name])
    root = Path(__file__).parents[1]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "xdist",
        "--rootdir",
        str(folder),
        str(folder),
        *arguments,
    ]
    # A full check allows its skips by this variable.
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"} | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=root, env=own, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("names", "allowed", "code", "workers"),
    [
        ("runs", "", 0, "0"),  # nothing is skipped
        ("runs asks", None, 0, "0"),  # who did not ask for strictness is only told
        ("runs asks", "absent", 0, "1"),  # the one program that may be missing
        ("runs asks", "", 1, "0"),
        ("runs asks", "quarto", 1, "0"),  # another one may be missing
        ("runs skips", "absent", 1, "0"),  # no program is the reason
        ("runs module", "absent", 1, "1"),  # skipped before its tests were known
    ],
)
def test_skips_fail_a_run_but_those_for_want_of_an_allowed_program(tmp_path, names, allowed, code, workers):
    asked = [] if allowed is None else [f"--skips-allowed={allowed}"]
    found, told = run(tmp_path, names, "-n", workers, *asked)
    assert found == code, told
    assert ("FAILED: 1 skips" in told) == bool(code)


def test_last_lines_say_every_skip_its_reason_and_how_to_get_what_is_missing(tmp_path):
    _, told = run(tmp_path, "runs asks skips module")
    last = told.splitlines()[-6:]
    assert [line for line in last if line.startswith("skipped")] == [
        "skipped  test_module.py: the whole module",
        "skipped  test_asks.py::test_that_asks_for_a_program: absent not on PATH",
        "skipped  test_skips.py::test_that_skips_itself: not today",
    ]
    assert "not tried for want of absent (a program nobody has): 1 test; apt-get install absent-bin" in last


def test_process_that_takes_a_lost_ones_place_is_given_tests_when_it_has_told_which_it_knows(monkeypatch):
    from xdist.scheduler import loadscope

    class Process:
        shutting_down, gateway = False, SimpleNamespace(id="")

        def __init__(self):
            self.given = []

        def send_runtest_some(self, places):
            self.given.append(places)

        def shutdown(self):
            self.shutting_down = True

    monkeypatch.setattr(loadscope, "parse_tx_spec_config", lambda _config: ["popen"] * 2)
    config = SimpleNamespace(getoption=lambda _name: "load", option=SimpleNamespace(loadscopereorder=True))
    dealt = conftest.pytest_xdist_make_scheduler(config, None)
    known = [f"tests/test_{name}.py::test_it" for name in "abcdefgh"]
    first, second, third = (Process() for _ in range(3))
    for process in (first, second):
        dealt.add_node(process)
    for process in (first, second):
        dealt.add_node_collection(process, known)
    dealt.schedule()
    dealt.remove_node(first)
    dealt.add_node(third)
    dealt.remove_node(second)
    assert third.given == []
    dealt.add_node_collection(third, known)
    dealt.schedule()
    assert third.given
