"""The examples of docs/operations: each is read by the rules of who runs it, and its command is carried out."""

from __future__ import annotations

import configparser
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from cgbm1_report.system.endings import GRAVEST
from cgbm1_report.watch.events import TOLD
from cgbm1_report.watch.record import STATES
from tests.watched import deliver

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = DOCS / "operations"
PROGRAM, PLACE = "/opt/cgbm1-report/bin/cgbm1-report", "/srv/nct06740149"
#: Minute, hour, day of month, month, day of week: what cron and Airflow take.
CRON = re.compile(r"([0-5]?\d) ([01]?\d|2[0-3]) \* \* \*")


@pytest.fixture
def machine(tmp_path: Path) -> SimpleNamespace:
    """The program under its name, and a folder of cuts with one that is refused at once: a file of the watch has its name."""
    program = tmp_path / "bin" / "cgbm1-report"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cgbm1_report.cli "$@"\n')
    program.chmod(0o755)
    deliver(tmp_path / "data" / "cuts", "status.json")
    (tmp_path / "work").mkdir()
    return SimpleNamespace(program=program, place=tmp_path / "data", work=tmp_path / "work")


def run_example(command: str, machine: SimpleNamespace, **more: str) -> subprocess.CompletedProcess[str]:
    """A command line of an example as its scheduler runs it, on this machine; it must do what the example says it does."""
    here = command.replace(PROGRAM, str(machine.program)).replace(PLACE, str(machine.place))
    assert PROGRAM not in here
    done = subprocess.run(
        ["/bin/sh", "-ec", here],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=machine.work,
        env={"PATH": f"{machine.program.parent}:/usr/bin:/bin", **more},
    )
    assert done.returncode == 1, done.stderr
    assert "a file of the watch has this name" in (machine.place / "builds" / "status.html").read_text()
    assert sorted(path.name for path in (machine.place / "builds").iterdir()) == ["status.html", "status.json"]
    return done


def test_line_of_cron_runs_and_says_what_failed_and_nothing_else(machine):
    lines = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if not line.startswith("#")]
    (timed,) = [line for line in lines if "=" not in line.split()[0]]
    found = CRON.match(timed)
    assert found is not None
    command = timed[found.end() :].strip()
    assert "%" not in command, "which cron takes for the end of a line"
    done = run_example(command, machine)
    # What is wrong and what mends it, and why the code is not 0.
    assert (done.stdout, done.stderr.count("\n")) == ("", 2)
    assert "refused   status.json: 1 problem" in done.stderr
    assert "ended     exit code 1; 1 refused: status.json; see " in done.stderr


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[assignment]
    parsed.read_string((EXAMPLES / name).read_text())
    return parsed


def test_units_of_systemd_are_whole_and_the_service_runs(machine):
    service, timer = unit("cgbm1-report.service"), unit("cgbm1-report.timer")
    assert timer["Timer"]["Unit"] == "cgbm1-report.service"
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", timer["Timer"]["OnCalendar"])
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["SuccessExitStatus"].split() == ["143", "75"]
    command = service["Service"]["ExecStart"]
    words = shlex.split(command)
    assert (service["Service"]["ReadOnlyPaths"], service["Service"]["ReadWritePaths"]) == (words[2], words[4])
    done = run_example(command, machine)
    assert re.search(r"Z +\d+\.\d s 100 %  ended     exit code 1; 1 refused: status\.json; see \S+status\.html\n$", done.stderr)


def test_dag_of_airflow_is_loaded_and_its_command_runs(machine, monkeypatch):
    """Airflow itself is no dependency of ours: what stands in for it takes down what the file declares."""
    declared: dict[str, dict[str, object]] = {}

    class Dag:
        def __init__(self, **told: object) -> None:
            declared["dag"] = told

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    modules = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.standard.operators.bash": {"BashOperator": lambda **told: declared.update(task=told)},
    }
    for name, holds in modules.items():
        parts = name.split(".")
        for at in range(1, len(parts) + 1):
            monkeypatch.setitem(sys.modules, ".".join(parts[:at]), ModuleType(".".join(parts[:at])))
        for what, value in holds.items():
            setattr(sys.modules[name], what, value)
    runpy.run_path(str(EXAMPLES / "airflow_dag.py"))
    assert CRON.fullmatch(str(declared["dag"]["schedule"]))
    assert (declared["dag"]["catchup"], declared["dag"]["max_active_runs"], declared["task"]["retries"]) == (False, 1, 0)
    assert declared["task"]["skip_on_exit_code"] == 75
    done = run_example(str(declared["task"]["bash_command"]), machine)
    assert '"event": "exit", "exit_code": 1' in done.stdout.splitlines()[-1]


def test_schedule_of_github_is_read_and_its_steps_run(machine):
    workflow = yaml.safe_load((EXAMPLES / "github-schedule.yml").read_text())
    # YAML 1.1 takes the word "on" for true.
    assert CRON.fullmatch(workflow[True]["schedule"][0]["cron"])
    (job,) = workflow["jobs"].values()
    build, say = (step["run"] for step in job["steps"])
    places = {name: value.replace(PLACE, str(machine.place)) for name, value in job["env"].items()}
    summary = machine.work / "summary.md"
    (machine.place / "cuts" / "arriving").mkdir()
    run_example(build, machine, **places)
    done = subprocess.run(
        ["/bin/sh", "-ec", say], cwd=machine.work, env={"PATH": "/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(summary)}
    )
    assert done.returncode == 0
    assert '"event": "refused", "cut": "status.json"' in summary.read_text()
    # What somebody reads in the morning: what came of each cut, as a command is told it, and how the night ended.
    told = [json.loads(line)["event"] for line in summary.read_text().splitlines() if line.startswith("{")]
    night = [json.loads(line)["event"] for line in (machine.work / "night.jsonl").read_text().splitlines()]
    assert "waiting" in night
    assert told == [event for event in night if event in TOLD | {"exit"}]
    assert "upload" not in (EXAMPLES / "github-schedule.yml").read_text().replace("nothing is uploaded", "")


def test_every_example_is_tried_here_and_told_in_the_page():
    told = (DOCS / "operations.md").read_text()
    tried = {"crontab", "cgbm1-report.service", "cgbm1-report.timer", "airflow_dag.py", "github-schedule.yml"}
    assert {path.name for path in EXAMPLES.iterdir() if path.name != "__pycache__"} == tried
    assert set(re.findall(r"\(operations/([^)]+)\)", told)) == tried


def test_page_tells_every_state_and_the_order_of_codes_as_they_are():
    told = (DOCS / "operations.md").read_text()
    states = set(re.findall(r"(?m)^\| (\w+)[^|]*\|", told)) - {"state", "field"}
    assert states == set(STATES)
    order = re.search(r"in this order ([\d,\s]+)\.", told)
    assert order is not None
    assert [int(code) for code in order[1].split(",")] == [code for code in GRAVEST if code]


def test_options_that_the_page_names_are_those_of_the_command(carry_out):
    printed = " ".join(carry_out("watch", "--help")[1].split())
    told = set(re.findall(r"--[a-z][a-z-]+", (DOCS / "operations.md").read_text())) - {"--again", "--force"}
    assert {option for option in told if option not in printed} == set()
