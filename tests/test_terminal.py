"""What a command tells while it works, to a log, a machine and a shell that completes words."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest

from cgbm1_report.cli import app
from cgbm1_report.system import terminal
from cgbm1_report.system.complete import complete_from
from cgbm1_report.system.store import STORE
from cgbm1_report.system.terminal import fold
from cgbm1_report.tabulate.numbers import match_number, nearest_numbers, split_numbers

NUMBERS = ["T14.1.1.1", "T14.1.1.2", "T14.2.1.1", "F14.2.1.1", "L16.2.7.1.1", "L16.2.7.1.2"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("T14.1.1.1", ["T14.1.1.1"]),
        ("t14.1.1.1", ["T14.1.1.1"]),
        (" T 14.1.1.1 ", ["T14.1.1.1"]),
        ("Table 14.1.1.1", ["T14.1.1.1"]),
        ("t-14-1-1-1", ["T14.1.1.1"]),  # the name of its file
        ("listing 16.2.7.1", ["L16.2.7.1.1", "L16.2.7.1.2"]),  # without the phase
        ("T14.1.1", ["T14.1.1.1", "T14.1.1.2"]),
        ("T14.2.1", ["T14.2.1.1"]),
        ("14.2.1.1", []),  # a table and a figure
        ("T14.1", []),  # a section
        ("tab 14.1.1.1", []),
        ("T14.1.1.1.1", []),
        ("T²", []),
        ("", []),
    ],
)
def test_number_is_found_as_people_write_it(given, found):
    assert match_number(given, NUMBERS) == found


def test_full_number_is_one_output_even_where_it_is_another_ones_without_the_phase():
    assert match_number("t14.1.1", ["T14.1.1", "T14.1.1.1"]) == ["T14.1.1"]


def test_numbers_that_come_nearest_have_the_same_digits_or_begin_so():
    assert nearest_numbers("14.2.1.1", NUMBERS) == ["T14.2.1.1", "F14.2.1.1"]
    assert nearest_numbers("T14.1", NUMBERS) == ["T14.1.1.1", "T14.1.1.2"]
    assert nearest_numbers("words", NUMBERS) == []


def test_list_of_numbers_is_split_at_commas_and_before_letters():
    assert split_numbers(["T14.1.1.1,F14.2.1.1", " t 14.1.1.2  Table 14.2.1.1;", "T14.1.1.1"]) == (
        "T14.1.1.1",
        "F14.2.1.1",
        "t 14.1.1.2",
        "Table 14.2.1.1",
    )


def test_line_of_a_log_says_when_how_long_and_what(capsys, monkeypatch):
    monkeypatch.setattr(terminal.time, "monotonic", iter([100.0, 100.5, 102.0, 165.25]).__next__)
    monkeypatch.setattr(terminal.time, "gmtime", lambda: (2026, 10, 1, 6, 30, 0, 3, 274, 0))
    tell = terminal.log_lines()
    tell("read", "cut")
    tell("notebook", "01_subjects_phase1: started")
    tell("notebook", "01_subjects_phase1: cell 1 of 9")
    tell("notebook", "01_subjects_phase1: done")
    assert capsys.readouterr().err.splitlines() == [
        "2026-10-01T06:30:00Z    0.5 s  read      cut",
        "2026-10-01T06:30:00Z    2.0 s  notebook  01_subjects_phase1: started",
        "2026-10-01T06:30:00Z   65.2 s  notebook  01_subjects_phase1: done after 63.2 s",
    ]


def test_warning_is_told_to_a_log_with_the_time_and_to_a_machine_with_the_error(tmp_path):
    (tmp_path / "trial.yaml").write_text("")
    done = command("validate", str(tmp_path), "--json")
    assert done.returncode == 1
    said = f"{tmp_path}/trial.yaml is not used: name it with --trial"
    assert re.match(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING {re.escape(said)}\n", done.stderr)
    told = json.loads(done.stdout)
    assert told["warnings"] == [said]
    assert told["error"]["exit_code"] == 1


def command(*words: str, **environment: str) -> subprocess.CompletedProcess:
    start = "import sys; sys.argv[0] = 'cgbm1-report'; from cgbm1_report.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", start, *words], capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )


def test_numbers_are_completed_from_what_is_kept_until_trial_or_package_change(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(STORE)
    trial, package = tmp_path / "trial.yaml", tmp_path / "package"
    trial.write_text("a")
    package.mkdir()
    asked = []

    def ask():
        asked.append(1)
        return NUMBERS

    for given, found in {
        "T14.1": ["T14.1.1.1", "T14.1.1.2"],
        "f": ["f14.2.1.1"],
        "T14.1.1.1,L": ["T14.1.1.1,L16.2.7.1.1", "T14.1.1.1,L16.2.7.1.2"],
        "X": [],
    }.items():
        assert complete_from(given, trial, package, ask) == found
    assert len(asked) == 1
    trial.write_text("b")
    assert complete_from("F", trial, package, ask) == ["F14.2.1.1"]
    (package / "outputs.py").write_text("")
    assert complete_from("F", trial, package, ask) == ["F14.2.1.1"]
    assert len(asked) == 3
    (numbers,) = (tmp_path / "cache" / "cgbm1-report").iterdir()
    assert len(list(numbers.iterdir())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert complete_from("F", trial, package, ask) == ["F14.2.1.1"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    monkeypatch.setenv(STORE, "none")
    assert complete_from("F", trial, package, ask) == ["F14.2.1.1"]
    assert not (tmp_path / "none").exists()


#: What stands on a command line, and some of what its last word may become.
COMPLETED = {
    "cgbm1-report ": {"build", "show", "list", "doctor", "validate"},
    "cgbm1-report build --notebook-": {"--notebook-engine", "--notebook-timeout"},
    "cgbm1-report build CUT --engine ": {"auto", "quarto", "embedded"},
    "cgbm1-report build CUT --paper l": {"letter"},
}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("line", COMPLETED)
def test_shell_completes_commands_options_and_values(line, shell, capsys, monkeypatch):
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_CGBM1_REPORT_COMPLETE", f"complete_{shell}")
    with pytest.raises(SystemExit):
        app(prog_name="cgbm1-report")
    assert COMPLETED[line] <= set(re.findall(r"[a-z-]+", capsys.readouterr().out))


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_line_on_a_terminal_is_broken_between_words_and_in_a_file_it_is_one(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    line = "error: /data/cut-2026-10-01/sdtm/dm.xpt: holds AGE twice Remedy: deliver it once"
    assert fold(line, io.StringIO()) == line
    assert fold(line, Screen()).split("\n") == [
        "error: /data/cut-2026-10-01/sdtm/dm.xpt:",
        "  holds AGE twice Remedy: deliver it",
        "  once",
    ]
    assert fold("T14.1.1.1        SCR  Subject Disposition", Screen(), 22) == "T14.1.1.1        SCR  Subject Disposition"
