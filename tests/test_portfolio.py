"""A portfolio: checked as a whole first, then every build for itself; a page, a JSON file and the gravest exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from cgbm1_report.build.portfolio import build_portfolio, read_plan
from cgbm1_report.build.portfolio.page import write_page
from cgbm1_report.build.portfolio.run import Built, worst
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.system.calls import calling_here
from tests.called_there import end_at_once, where_am_i
from tests.small_cut import write_cut, write_trial

CarryOut = Callable[..., tuple[int, str, str]]

FILE = """
out: builds
chain: true
each: {trial: study/trial.yaml, only: [T14.1.4], phase: 1, dose_group: all, formats: [html]}
builds:
  - {name: october, cut: cuts/october}
  - {name: broken, cut: cuts/broken}
  - {name: november, cut: cuts/november, formats: [rtf]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cuts, of which one has a subject without a number, and a portfolio of them. Built once."""
    folder = tmp_path_factory.mktemp("portfolio")
    write_trial(folder / "study", "01_subjects.ipynb")
    for name in ("october", "broken", "november"):
        write_cut(folder / "cuts" / name)
    subjects = folder / "cuts" / "broken" / "sdtm" / "dm.parquet"
    frame = pd.read_parquet(subjects)
    frame.loc[0, "USUBJID"] = "NOBODY"
    frame.to_parquet(subjects, index=False)
    (folder / "portfolio.yaml").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def built(place: Path) -> list[Built]:
    return build_portfolio(read_plan(place / "portfolio.yaml"))


def test_one_that_fails_stops_no_other_and_the_gravest_code_is_told(place: Path, built: list[Built]) -> None:
    assert [(one.name, one.exit_code) for one in built] == [("october", 0), ("broken", 1), ("november", 0)]
    assert worst(built) == 1
    assert any("NOBODY" in str(problem) or "DM" in str(problem) for problem in built[1].problems)
    out = place / "builds"
    assert sorted(path.name for path in out.iterdir()) == [
        "chain.jsonl", "november", "october", "portfolio.html", "portfolio.json", "portfolio.sha256"
    ]  # fmt: skip
    assert {path.suffix for path in (out / "november" / "outputs").iterdir()} == {".rtf", ".csv", ".json"}
    assert {path.suffix for path in (out / "october" / "outputs").iterdir()} == {".html", ".csv", ".json"}
    lines = [json.loads(line)["build"] for line in (out / "chain.jsonl").read_text().splitlines()]
    assert sorted(lines) == ["november", "october"]


def test_page_and_json_tell_how_each_ended(place: Path, built: list[Built]) -> None:
    told = json.loads((place / "builds" / "portfolio.json").read_text())
    assert (told["portfolio"], told["exit_code"]) == ("portfolio.yaml", 1)
    assert [(one["name"], one["state"], one["exit_code"]) for one in told["builds"]] == [
        ("october", "done", 0),
        ("broken", "failed", 1),
        ("november", "done", 0),
    ]
    october, broken, _ = told["builds"]
    assert (october["outputs"], october["cutoff"], october["protocol"], october["problems"]) == (1, "2025-12-31", "NCT06740149", [])
    assert set(october["findings"]) <= {"E", "W", "I"}
    assert [Problem(**one) for one in broken["problems"]] == list(built[1].problems) != []
    page = (place / "builds" / "portfolio.html").read_text()
    assert "portfolio.yaml: 3 builds, 2 done, 1 failed; exit code 1." in page
    assert '<a href="october/index.html">october</a>' in page
    assert '<th scope="row">broken</th>' in page
    assert re.search(r"<h3>broken, exit code 1</h3>\s*<ul><li>", page)
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_a_second_run_gives_the_same_and_what_was_changed_is_not_replaced(
    place: Path, built: list[Built], carry_out: CarryOut
) -> None:
    before = {path.relative_to(place): path.read_bytes() for path in (place / "builds").rglob("*") if path.is_file()}
    code, printed, said = carry_out("portfolio", place / "portfolio.yaml", "--json", "--jobs", 1)
    assert code == 1
    assert json.loads(printed)["builds"][1]["state"] == "failed"
    ended = [Problem(**one) for one in json.loads(printed)["builds"][1]["problems"]]
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [f"error: broken: {one}" for one in ended]
    assert "october: done (1 of 3)" in said
    assert "broken: failed, exit code 1 (2 of 3)" in said
    assert {path.relative_to(place): path.read_bytes() for path in (place / "builds").rglob("*") if path.is_file()} == before
    (place / "builds" / "portfolio.html").write_text("a note of mine")
    with pytest.raises(PlanError, match="exists, and is not as this command left it: it is not overwritten"):
        build_portfolio(read_plan(place / "portfolio.yaml"))
    (place / "builds" / "portfolio.html").write_bytes(before[Path("builds/portfolio.html")])


#: What is wrong with a portfolio, and what is said of it.
WRONG = [
    ("", "portfolio.yaml: holds no builds"),
    ("out: b\nbuilds: []", "builds: Tuple should have at least 1 item"),
    ("builds: [{name: a, cut: cuts/october}]", "out: is not given"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, fromats: [html]}]", "builds: a, fromats: is no key that stands here"),
    (
        "out: b\nbuilds: [{name: ../a, cut: cuts/october}]",
        "builds: number 1, name: '../a' is no name of a build's folder: letters, digits",
    ),
    ("out: b\nbuilds: [{name: .a, cut: cuts/october}]", "builds: number 1, name: '.a' is no name of a build's folder"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october}, {name: A, cut: cuts/october}]", "builds: a is the name of 2 builds"),
    ("out: b\nbuilds: [{name: a, cut: cuts/none}]", "cuts/none: builds: a: is no folder"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, trial: none.yaml}]", "none.yaml"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, only: [T99]}]", "builds: a: output 'T99' is unknown"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, formats: [odt]}]", "builds: a: format 'odt' is unknown"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, phase: 7}]", "builds: a: phase 7 is not declared"),
    ("out: b\nbuilds: [{name: a, cut: cuts/october, package: dsmbb}]", "builds: a: "),
    ("out: cuts\nbuilds: [{name: october, cut: cuts/october}]", "builds: october: is the cut of october"),
    ("out: cuts\nbuilds: [{name: a, cut: cuts/october}, {name: october, cut: cuts/november}]", "is the cut of a"),
    ("out: b\nsign: none.pem\nbuilds: [{name: a, cut: cuts/october}]", "none.pem: builds: a: is not there"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_with_a_portfolio_is_said_before_anything_is_built(text: str, said: str, place: Path) -> None:
    (place / "wrong").mkdir(exist_ok=True)
    file = place / "wrong" / "portfolio.yaml"
    file.write_text(text)
    for name in ("cuts", "study"):
        if not (place / "wrong" / name).exists():
            (place / "wrong" / name).symlink_to(place / name)
    with pytest.raises(PlanError) as error:
        read_plan(file)
    assert said in str(error.value)
    assert not (place / "wrong" / "b").exists()


def test_all_that_is_wrong_is_told_at_once(place: Path) -> None:
    file = place / "many.yaml"
    file.write_text(
        "out: b\nbuilds: [{name: a, cut: none}, {name: b, cut: cuts/october, only: [T98, T99]}, {name: B, cut: cuts/october}]"
    )
    with pytest.raises(PlanError) as error:
        read_plan(file)
    places = [problem.place for problem in error.value.problems]
    assert places == ["builds", "builds: a", "builds: b", "builds: b"]


def test_key_that_is_not_known_is_told_with_those_that_may_stand_there_and_the_builds_are_asked_all_the_same(place: Path) -> None:
    file = place / "keys.yaml"
    file.write_text(
        "out: b\nfromats: [html]\neach: {papr: a4}\n"
        "builds: [{name: a, cut: none}, {name: b, cut: none2, fromats: [html]}, {name: c, cut: none3, phase: x}, {cut: none4}]"
    )
    with pytest.raises(PlanError) as error:
        read_plan(file)
    told = {(problem.place or problem.file): problem for problem in error.value.problems}
    assert {problem.rule for problem in error.value.problems} == {"portfolio", "a data cut"}
    assert told["fromats"].remedy == "here may stand out, chain, sign, each, builds"
    assert told["each.papr"].remedy.startswith("did you mean paper? here may stand trial, phase, dose_group, only, formats,")
    assert told["builds: b, fromats"].remedy.startswith("did you mean formats? here may stand ")
    assert {"builds: c, phase", "builds: number 4, name", "builds: a", "builds: b", "builds: c"} <= told.keys()


def test_one_build_is_no_builds() -> None:
    one = {"name": "a", "state": "done", "exit_code": 0, "cut": "c", "stands": False, "problems": []}
    assert "p.yaml: 1 build, 1 done; exit code 0." in write_page({"portfolio": "p.yaml", "exit_code": 0, "builds": [one]})


def test_hostile_names_and_words_are_text_on_the_page() -> None:
    problem = {"message": "<script>alert(1)</script>", "file": "a&b", "rule": "", "place": "", "remedy": ""}
    one = {"name": "a", "state": "failed", "exit_code": 70, "cut": "c", "stands": True, "problems": [problem], "mark": "<b>"}
    page = write_page({"portfolio": "<i>.yaml", "exit_code": 70, "builds": [one]})
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<i>" not in page
    assert "failed; an earlier build stands" in page


@pytest.mark.parametrize(
    ("codes", "told"), [((0, 0), 0), ((1, 0), 1), ((1, 74), 74), ((78, 71), 78), ((70, 1, 78), 70), ((0, 143), 143)]
)
def test_the_gravest_code_ends_the_command(codes: tuple[int, ...], told: int) -> None:
    assert worst([Built(str(at), code) for at, code in enumerate(codes)]) == told


def test_a_build_whose_process_is_killed_is_one_that_failed() -> None:
    with calling_here(2) as calls:
        lost, sound = calls.call(end_at_once), calls.call(where_am_i)
        assert sound.result() == os.getpid()
        error = lost.exception()
    assert re.search(
        r"a process of its own did not carry it out: RuntimeError: its process was ended by signal 9 \(killed\): the system does this where memory runs out, or somebody ended it",
        str(error),
    )


def test_a_portfolio_that_is_ended_leaves_nothing_behind(place: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "cgbm1_report.cli",
        "portfolio",
        place / "portfolio.yaml",
        "--out",
        tmp_path / "ended",
        "--quiet",
    ]
    started = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 120
    while not list((tmp_path / "ended").glob(".october.cgbm1-*/made")):
        assert time.monotonic() < ends
        assert started.poll() is None
        time.sleep(0.05)
    below = psutil.Process(started.pid).children(recursive=True)
    started.terminate()
    _, said = started.communicate(timeout=60)
    assert started.returncode == 143
    assert said == "error: ended by SIGTERM; what was there before stays as it was\n"
    assert list(tmp_path.glob("ended/*")) == list(tmp_path.glob("ended/.*")) == []
    psutil.wait_procs(below, timeout=30)
    assert [one for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_paths_begin_in_the_folder_of_the_file_wherever_it_is_read_from(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link.yaml").symlink_to(place / "portfolio.yaml")
    monkeypatch.chdir(tmp_path)
    for file in (Path(os.path.relpath(place / "portfolio.yaml")), Path("link.yaml")):
        plan = read_plan(file)
        assert plan.out == place / "builds"
        assert [study.request.cut for study in plan.studies] == [place / "cuts" / study.name for study in plan.studies]
        assert {study.request.trial for study in plan.studies} == {place / "study" / "trial.yaml"}
        # What the command line names begins where it is called, also for who builds elsewhere.
        assert {study.request.out.parent for study in read_plan(file, Path("mine")).studies} == {tmp_path / "mine"}
    (tmp_path / "lost.yaml").write_text("out: x\nbuilds:\n  - {name: a, cut: a}\n  - {name: b, cut: c, trial: t.yaml}\n")
    (tmp_path / "c").mkdir()
    with pytest.raises(PlanError) as error:
        read_plan(Path("lost.yaml"))
    assert [(one.file, one.message) for one in error.value.problems] == [
        (f"{tmp_path}/a", "is no folder"),
        (f"{tmp_path}/t.yaml", "is not there"),
    ]
    assert all(one.remedy.endswith(f"; paths in lost.yaml begin in {tmp_path}") for one in error.value.problems)


def test_a_portfolio_may_be_built_elsewhere(place: Path, tmp_path: Path) -> None:
    plan = read_plan(place / "portfolio.yaml", tmp_path / "elsewhere")
    assert {study.request.target.parent for study in plan.studies} == {tmp_path / "elsewhere"}
    assert [study.request.cut for study in plan.studies] == [place / "cuts" / name for name in ("october", "broken", "november")]
    assert plan.studies[2].request.formats == ("rtf",)
    shutil.rmtree(tmp_path)
