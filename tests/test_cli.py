"""The command line: what it prints, and how it fails."""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.build.report import Request, build_report
from cgbm1_report.errors import KINDS, PlanError
from cgbm1_report.system.endings import NO_MEMORY, UNEXPECTED
from tests.test_report import PILOT

pytestmark = pytest.mark.usefixtures("own_cache")


def run(*arguments, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "COLUMNS": "200", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "cgbm1_report.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        **options,
    )


def test_show_prints_the_contract_as_json(final_cut):
    done = run("show", "T14.3.1.2.1", final_cut, "--format", "json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert set(shown) == {"number", "title", "population", "columns", "rows", "footnotes", "abbreviations", "source", "program"}
    assert shown["number"] == "T14.3.1.2.1"
    assert [set(column) for column in shown["columns"]] == [{"key", "label", "N"}] * 4
    assert [column["key"] for column in shown["columns"]] == ["Low", "Medium", "High", "Total"]
    assert [column["N"] for column in shown["columns"]] == [3, 6, 4, 13]
    first = shown["rows"][0]
    assert set(first) == {"key", "label", "indent", "cells"}
    assert set(first["cells"]) == {"Low", "Medium", "High", "Total"}


@pytest.mark.parametrize("form", ["text", "html", "csv"])
def test_show_prints_every_format(young_cut, form):
    done = run("show", "T14.1.4.1", young_cut, "--format", form)
    assert done.returncode == 0, done.stderr
    assert "Age (years)" in done.stdout


def test_show_works_on_another_studys_adam(pilot_cut):
    done = run("show", "T14.3.1.2.1", pilot_cut, "--trial", PILOT)
    assert done.returncode == 0, done.stderr
    assert "65 (75.6)" in done.stdout


def test_list_answers_every_registry_outcome():
    done = run("list", "--json")
    listed = json.loads(done.stdout)
    assert len(listed["outcomes"]) == 37
    assert all(outcome["outputs"] for outcome in listed["outcomes"])
    by_number = {row["number"]: row for row in listed["outputs"]}
    assert by_number["T14.2.1.2"]["outcomes"] == ["P2-PRI-03", "P2-SEC-19"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        # the plan: what the run was told
        (["show", "T1.1", "CUT"], 78, "did you mean"),
        (["simulate", "OUT", "--cutoff", "soon"], 78, "YYYY-MM-DD"),
        (["simulate", "OUT", "--cutoff", "2026-02-30"], 78, "YYYY-MM-DD"),
        (["simulate", "OUT", "--cutoff", "2025-01-05"], 78, "nobody has consented by 2025-01-05"),
        (["simulate", "OUT", "--seed", "-1"], 78, "seed -1 is below zero"),
        (["list", "--trial", "/nonexistent/trial.yaml"], 78, "cannot be read"),
        (["verify", "/nonexistent/build"], 78, "is not a build: it does not exist"),
        # the data
        (["show", "T14.1.1.1", "/nonexistent/cut"], 1, "/nonexistent/cut"),
        (["build", "/nonexistent/cut"], 1, "/nonexistent/cut"),
        (["validate", "/nonexistent/cut"], 1, "/nonexistent/cut"),
        # the place
        (["define", "/dev/null/define"], 74, "cannot be written"),
    ],
)
def test_error_is_one_message_without_a_traceback_and_a_code_that_tells_whose_it_is(arguments, code, words, final_cut, tmp_path):
    places = {"CUT": final_cut, "OUT": tmp_path / "out"}
    done = run(*[places.get(argument, argument) for argument in arguments], cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_request_is_refused_with_all_that_is_wrong_in_it_before_the_cut_is_read(tmp_path):
    asked = Request(tmp_path / "no cut", only=("T99", "T14.1.1.2"), phase=1, dose_group="P2LOW", formats=("odt",), paper="a5")
    with pytest.raises(PlanError) as refused:
        build_report(asked)
    assert [problem.message for problem in refused.value.problems] == [
        "paper 'a5' is unknown",
        "dose group P2LOW is not in phase 1",
        "format 'odt' is unknown",
        "output 'T99' is unknown",
    ]
    with pytest.raises(PlanError, match=r"T14\.1\.1\.2 is of phase 2, and phase 1 is built"):
        build_report(Request(tmp_path / "no cut", only=("T14.1.1.2",), phase=1))


def test_error_is_told_to_a_machine_with_its_class_and_exit_code():
    done = run("verify", "/nonexistent/build", "--json")
    assert done.returncode == 78
    told = json.loads(done.stdout)["error"]
    assert [told["class"], told["exit_code"]] == ["PlanError", 78]
    assert [(one["file"], one["message"]) for one in told["problems"]] == [
        ("/nonexistent/build", "is not a build: it does not exist")
    ]


@pytest.mark.parametrize("scale", ["0", "-1", "0.1", "many"])
def test_a_scale_that_is_no_whole_number_from_1_is_refused(scale, tmp_path):
    done = run("simulate", tmp_path / "out", "--scale", scale)
    assert done.returncode == 2
    assert "--scale" in done.stderr
    assert not list(tmp_path.iterdir())


def test_missing_program_has_a_code_of_its_own(final_cut, tmp_path):
    """Asked for by name, Quarto must be there; PATH has none."""
    (tmp_path / "bin").mkdir()
    done = run("build", final_cut, "--out", tmp_path / "out", "--engine", "quarto", env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 69
    assert "Quarto is not on PATH" in done.stderr
    assert not (tmp_path / "out").exists()


def test_failed_proof_has_a_code_of_its_own(tmp_path):
    (tmp_path / "manifest.json").write_text('{"files": ')
    done = run("verify", tmp_path)
    assert done.returncode == 76
    assert "its manifest cannot be read" in done.stderr


def test_help_and_readme_tell_every_exit_code():
    told = " ".join(run("--help").stdout.split())
    readme = asset("README.md").read_text(encoding="utf-8")
    for code in {0, 1, 2, UNEXPECTED, NO_MEMORY, *(kind.exit_code for kind in KINDS.values())}:
        assert re.search(rf"\b{code} [a-z]", told), code
        assert re.search(rf"(?m)^\| {code} \|", readme), code
    assert [name for name in KINDS if f"`{name}`" not in readme] == []


def test_simulate_refuses_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    done = run("simulate", tmp_path)
    assert done.returncode == 78
    assert "not an empty folder" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_simulate_writes_what_its_options_ask_for(tmp_path):
    """The first day of the trial as parquet with its ADaM: one subject has consented, nobody is dosed, phase 2 is blind."""
    out = tmp_path / "cut"
    done = run("simulate", out, "--seed", "3", "--cutoff", "2025-01-06", "--scale", "2", "--parquet", "--adam")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(out)]
    assert f"use it with --trial {out / 'trial.yaml'}" in done.stderr
    description = json.loads((out / "cut.json").read_text())
    assert {name: description[name] for name in ("cutoff", "seed", "scale")} == {"cutoff": "2025-01-06", "seed": 3, "scale": 2}
    assert {file.name for file in out.iterdir()} == {"adam", "cut.json", "sdtm", "src_decisions.csv", "trial.yaml"}
    assert {file.suffix for folder in ("sdtm", "adam") for file in (out / folder).iterdir()} == {".parquet"}
    subjects = pd.read_parquet(out / "sdtm" / "dm.parquet")
    assert subjects["RFICDTC"].tolist() == ["2025-01-06"]
    assert subjects["RFXSTDTC"].isna().all()


def test_unknown_option_is_refused():
    assert run("build", "x", "--colour").returncode == 2


def test_validate_exits_zero_on_the_clean_cut_and_one_on_a_broken_one(young_cut, tmp_path):
    clean = run("validate", young_cut, "--json", "--out", tmp_path / "findings")
    assert clean.returncode == 0, clean.stdout[-2000:]
    assert {path.name for path in (tmp_path / "findings").iterdir()} == {
        f"findings.{form}" for form in ("html", "csv", "json", "xlsx", "sha256")
    }
    import shutil

    import pyreadstat

    broken = tmp_path / "cut"
    shutil.copytree(young_cut, broken)
    file = broken / "sdtm" / "ae.xpt"
    frame, meta = pyreadstat.read_xport(str(file))
    frame = pd.concat([frame, frame.iloc[[0]]], ignore_index=True)  # the same key twice
    pyreadstat.write_xport(frame, str(file), file_format_version=5, table_name="AE", column_labels=meta.column_labels)
    refused = run("validate", broken, "--since", young_cut)
    assert refused.returncode == 1
    assert [line[:9] for line in refused.stdout.splitlines() if line.startswith("new E")] == ["new E V03"] * 2
    assert refused.stdout.splitlines()[-1].startswith("since the earlier cut: 2 new, ")
    stopped = run("show", "T14.3.1.2.1", broken)
    assert stopped.returncode == 1
    assert "V03" in stopped.stderr


def test_start_up_loads_nothing_heavy():
    code = "import sys, cgbm1_report.cli; print([m for m in ('pandas', 'pandera', 'matplotlib', 'great_tables', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_output_is_shown_without_loading_what_it_does_not_need(pilot_cut):
    """Drawing, models, schema engines, other formats' readers and the notebooks' libraries load longer than the table takes."""
    unneeded = (
        "pandera",
        "matplotlib",
        "great_tables",
        "scipy",
        "pyreadstat",
        "papermill",
        "IPython",
        "pikepdf",
        "rich",
    )
    code = f"""
import sys
from cgbm1_report.cli import app
app({["show", "T14.3.1.2.1", str(pilot_cut), "--trial", str(PILOT)]!r}, standalone_mode=False)
print([name for name in {unneeded!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert "Table 14.3.1.2.1" in done.stdout
