"""The command line: what it prints, and how it fails."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from typer.main import get_command

from cgbm1_report.assets import __version__, asset
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request, settle_request
from cgbm1_report.cli import app
from cgbm1_report.errors import KINDS, ArgumentError, PlanError, ToolError
from cgbm1_report.render import engines
from cgbm1_report.system.endings import NO_MEMORY, UNEXPECTED
from tests.drawn import our_trial
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


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_show_prints_the_contract_as_json(young_cut, carry_out):
    code, printed, said = carry_out("show", "T14.3.1.2.1", young_cut, "--format", "json")
    assert code == 0, said
    shown = json.loads(printed)
    assert set(shown) == {"number", "title", "population", "columns", "rows", "footnotes", "abbreviations", "source", "program"}
    assert shown["number"] == "T14.3.1.2.1"
    assert [set(column) for column in shown["columns"]] == [{"key", "label", "N"}] * 4
    assert [column["key"] for column in shown["columns"]] == ["Low", "Medium", "High", "Total"]
    assert [column["N"] for column in shown["columns"]] == [3, 6, 4, 13]
    first = shown["rows"][0]
    assert set(first) == {"key", "label", "indent", "cells"}
    assert set(first["cells"]) == {"Low", "Medium", "High", "Total"}


@pytest.mark.usefixtures("shared_cuts_are_read")
@pytest.mark.parametrize(
    ("number", "form", "tables"), [("t14.1.4", "text", ["1", "2"]), ("T14.1.4.1", "html", ["1"]), ("T14.1.4.1", "csv", [])]
)
def test_show_prints_every_format(young_cut, number, form, tables, carry_out):
    """A number without its phase is as text the output of each phase, one below the other."""
    code, printed, said = carry_out("show", number, young_cut, "--format", form)
    assert code == 0, said
    assert "Age (years)" in printed
    assert list(dict.fromkeys(re.findall(r"Table 14\.1\.4\.(\d)", printed))) == tables


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_an_output_of_a_cut_is_shown_as_a_workbook(young_cut, tmp_path, carry_out):
    place = tmp_path / "age.xlsx"
    code, printed, said = carry_out("show", "T14.1.4.1", young_cut, "--format", "xlsx", "--out", place)
    assert (code, printed) == (0, f"{place}\n"), said
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(place).active.iter_rows()]
    assert rows[0][0] == "Table 14.1.4.1 Demographic and Baseline Characteristics"
    assert ["n", 3, 6, 4, 13] in rows, "numbers are numbers"


def test_list_answers_every_registry_outcome(carry_out):
    _, printed, _ = carry_out("list", "--json")
    listed = json.loads(printed)
    assert len(listed["outcomes"]) == 37
    assert all(outcome["outputs"] for outcome in listed["outcomes"])
    by_number = {row["number"]: row for row in listed["outputs"]}
    assert by_number["T14.2.1.2"]["outcomes"] == ["P2-PRI-03", "P2-SEC-19"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        # the command line
        (["show", "T14.1.1.7", "CUT"], 2, "did you mean"),
        (["simulate", "OUT", "--cutoff", "soon"], 2, "YYYY-MM-DD"),
        (["simulate", "OUT", "--cutoff", "2026-02-30"], 2, "YYYY-MM-DD"),
        (["simulate", "OUT", "--seed", "-1"], 2, "--seed -1 is too small"),
        # the plan: what the run was told
        (["simulate", "OUT", "--cutoff", "2025-01-05"], 78, "nobody has consented by 2025-01-05"),
        (["list", "--trial", "/nonexistent/trial.yaml"], 78, "cannot be read"),
        (["verify", "/nonexistent/build"], 78, "is not a build: it does not exist"),
        (["show", "T14.1.1.1", "/nonexistent/cut"], 78, "/nonexistent/cut: does not exist"),
        (["build", "/nonexistent/cut"], 78, "/nonexistent/cut: does not exist"),
        (["validate", "/nonexistent/cut"], 78, "/nonexistent/cut: does not exist"),
        (["validate", "/dev/null"], 78, "/dev/null: is not a folder"),
        # the data
        (["validate", "EMPTY"], 1, "holds no dataset"),
        # the place
        (["define", "/dev/null/define"], 74, "cannot be written"),
    ],
)
def test_error_is_one_message_without_a_traceback_and_a_code_that_tells_whose_it_is(
    arguments, code, words, young_cut, tmp_path, carry_out, monkeypatch
):
    here, empty = tmp_path / "here", tmp_path / "empty"
    here.mkdir()
    empty.mkdir()
    places = {"CUT": young_cut, "OUT": here / "out", "EMPTY": empty}
    monkeypatch.chdir(here)
    found, _, said = carry_out(*[places.get(argument, argument) for argument in arguments])
    assert found == code
    assert words in said
    assert "Traceback" not in said
    assert not list(here.iterdir())


#: A wrong command line, and what of it is said: one message, with the name that comes nearest.
SLIPS = {
    "bild CUT":                            ["there is no command bild", "did you mean build?"],
    "build CUT --engin quarto":            ["there is no option --engin", "did you mean --engine?"],
    "build CUT --colour":                  ["there is no option --colour", "build --help tells what there is"],
    "build CUT --engine quatro":           ["--engine quatro is unknown", "did you mean quarto?"],
    "build CUT --paper A5":                ["--paper A5 is unknown", "it is one of a4, letter"],
    "build CUT --formats htm":             ["format 'htm' is unknown", "did you mean html?"],
    "build CUT --formats html,doc":        ["format 'doc' is unknown", "did you mean docx?"],
    "build CUT --only T14.1.1.9":          ["output 'T14.1.1.9' is unknown", "did you mean T14.1.1.1, T14.1.1.2"],
    "build CUT --only 14.2.1.1":           ["output '14.2.1.1' is unknown", "did you mean T14.2.1.1, F14.2.1.1?"],
    "build CUT --only T14.3.1":            ["output 'T14.3.1' is unknown", "did you mean T14.3.1.1.1"],
    "build CUT --only ,":                  ["no output is named", "leave it out"],
    "build CUT --phase 3":                 ["phase 3 is not declared", "use 1 or 2"],
    "build CUT --phase two":               ["--phase two is no whole number", "write it in digits"],
    "show T14.1.1.1 CUT --phase 1.5":      ["--phase 1.5 is no whole number", "write it in digits"],
    "build CUT --jobs x":                  ["--jobs x is no whole number", "write it in digits"],
    "build CUT --jobs 0":                  ["--jobs 0 is too small", "it is at least 1"],
    "build CUT --notebook-timeout soon":   ["--notebook-timeout soon is no number", "write it in digits"],
    "build CUT --notebook-timeout nan":    ["--notebook-timeout nan is no number", "write it in digits"],
    "build CUT --out":                     ["--out stands without its value", "build --help"],
    "build CUT --quiet=3":                 ["--quiet takes no value", "build --help"],
    "simulate CUT --seed -1":              ["--seed -1 is too small", "it is at least 0"],
    "refresh CUT":                         ["--from BUILD is missing", "refresh --help"],
    "build CUT --dose-group p1lo":         ["dose group 'p1lo' is not declared", "did you mean P1LOW?"],
    "build CUT --notebook-timeout 0":      ["--notebook-timeout 0 is too small", "it is at least 1"],
    "build CUT --only T14.2.1.1 --phase 2": ["T14.2.1.1 is of phase 1, and phase 2 is built", "leave out --phase"],
    "build":                               ["CUT is missing", "build --help"],
    "build CUT CUT":                       ["there is more than the command takes: /nonexistent", "build --help"],
    "show T14.1.1.1 CUT --format txt":     ["--format txt is unknown", "did you mean text?"],
    "show T14.1.1.1 CUT --format xlsx":    ["a workbook goes into a file", "name it with --out FILE.xlsx"],
    "show T14.1.1.1 CUT --out t.txt":      ["text is printed, and goes into no file", "add --format xlsx"],
    "show T14.1.1 CUT --format csv":       ["T14.1.1 is made for phases 1 and 2, and csv holds one", "name T14.1.1.1 or T14.1.1.2"],
}  # fmt: skip


@pytest.mark.parametrize("line", SLIPS)
def test_slip_of_the_pen_is_one_message_that_names_what_was_meant(line, carry_out):
    """Told before the cut is looked for: there is none."""
    code, _, said = carry_out(*line.replace("CUT", "/nonexistent").split())
    assert code == 2
    assert len(said.splitlines()) == 1
    assert [words for words in SLIPS[line] if words not in said] == []


def test_wrong_command_line_is_told_to_a_machine():
    done = run("list", "--jsn", "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert (told["error"]["class"], told["error"]["exit_code"], told["warnings"]) == ("ArgumentError", 2, [])


def test_request_is_taken_as_people_write_it():
    """Several numbers by comma, space and repetition, in either case, without the phase; formats, sheet and group in either case."""
    trial = our_trial()

    def settled(**asked):
        return settle_request(Request(Path("cut"), **asked), trial)

    asked = settled(only=("t14.1.1.1, Table 14.2.1", " F 14.2.1.2 t-14-1-1-1"), formats=("HTML, rtf", "html"), paper="A4")
    assert asked.only == ("T14.1.1.1", "T14.2.1.1", "T14.2.1.2", "F14.2.1.2")
    assert (asked.formats, asked.paper) == (("html", "rtf"), "a4")
    assert settled(only=("T14.2.1",), phase=2).only == ("T14.2.1.2",)
    assert settled(only=("T14.2.1",), dose_group="p1med").dose_group == "P1MED"
    assert settled(only=("T14.2.1",), dose_group="p1med").only == ("T14.2.1.1",)
    assert settled(paper="Letter").only is None


def test_version_is_one_line():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"cgbm1-report {__version__}\n")


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
def test_a_scale_that_is_no_whole_number_from_1_is_refused(scale, tmp_path, carry_out):
    code, _, said = carry_out("simulate", tmp_path / "out", "--scale", scale)
    assert code == 2
    assert "--scale" in said
    assert not list(tmp_path.iterdir())


def test_missing_program_has_a_code_of_its_own(tmp_path):
    """Asked for by name, Quarto must be there, which is told before the cut is looked for; PATH has none."""
    (tmp_path / "bin").mkdir()
    done = run("build", tmp_path / "cut", "--out", tmp_path / "out", "--engine", "quarto", env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 69
    assert "Quarto is not on PATH" in done.stderr
    assert not (tmp_path / "out").exists()


def test_programs_that_are_missing_are_all_told_before_the_cut_is_read(monkeypatch):
    def absent(*_):
        raise ToolError("pandoc is not there")

    monkeypatch.setattr(engines, "find_spec", lambda name: None if name in ("typst", "pikepdf") else name)
    monkeypatch.setattr(engines, "pandoc_record", absent)
    with pytest.raises(ToolError) as refused:
        build_report(Request(Path("/nonexistent"), formats=("html", "pdf")))
    told = ["typst is not installed", "pikepdf is not installed", "pandoc is not there"]
    assert [problem.message for problem in refused.value.problems] == told
    with pytest.raises(ToolError, match=r"^pandoc is not there$"):
        build_report(Request(Path("/nonexistent"), formats=("html",)))


def test_failed_proof_has_a_code_of_its_own(tmp_path, carry_out):
    (tmp_path / "manifest.json").write_text('{"files": ')
    code, _, said = carry_out("verify", tmp_path)
    assert code == 76
    assert "its manifest cannot be read" in said


def test_help_and_readme_tell_every_exit_code(carry_out):
    told = " ".join(carry_out("--help")[1].split())
    readme = asset("README.md").read_text(encoding="utf-8")
    for code in {0, 1, ArgumentError.exit_code, UNEXPECTED, NO_MEMORY, *(kind.exit_code for kind in KINDS.values())}:
        assert re.search(rf"\b{code} [a-z]", told), code
        assert re.search(rf"(?m)^\| {code} \|", readme), code
    assert [name for name in KINDS if f"`{name}`" not in readme] == []


def test_readme_names_the_commands_that_have_json():
    """All of them and no other: a job that asks one for it is told so before it is written."""
    verbs = get_command(app).commands
    have = sorted(name for name, one in verbs.items() if any("--json" in option.opts for option in one.params))
    sentence = re.search(r"(?m)^(.*) have `--json`; `show` has", asset("README.md").read_text(encoding="utf-8"))
    assert re.findall(r"`([a-z]+)`", sentence[1]) == have
    assert "show" not in have


def test_simulate_refuses_a_folder_that_holds_something(tmp_path, carry_out):
    (tmp_path / "mine.txt").write_text("keep me")
    code, _, said = carry_out("simulate", tmp_path)
    assert code == 78
    assert "not an empty folder" in said
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_simulate_writes_what_its_options_ask_for(tmp_path, carry_out):
    """The first day of the trial as parquet with its ADaM: one subject has consented, nobody is dosed, phase 2 is blind."""
    out = tmp_path / "cut"
    code, printed, said = carry_out("simulate", out, "--seed", "3", "--cutoff", "2025-01-06", "--scale", "2", "--parquet", "--adam")
    assert code == 0, said
    assert printed.split() == [str(out)]
    assert f"use it with --trial {out / 'trial.yaml'}" in said
    description = json.loads((out / "cut.json").read_text())
    assert {name: description[name] for name in ("cutoff", "seed", "scale")} == {"cutoff": "2025-01-06", "seed": 3, "scale": 2}
    assert {file.name for file in out.iterdir()} == {"adam", "cut.json", "sdtm", "src_decisions.csv", "trial.yaml"}
    assert {file.suffix for folder in ("sdtm", "adam") for file in (out / folder).iterdir()} == {".parquet"}
    subjects = pd.read_parquet(out / "sdtm" / "dm.parquet")
    assert subjects["RFICDTC"].tolist() == ["2025-01-06"]
    assert subjects["RFXSTDTC"].isna().all()


def test_validate_exits_one_on_a_broken_cut_and_tells_what_is_new_in_it(young_cut, tmp_path, carry_out):
    """On a clean cut it exits zero: tests/test_delivered_protocol.py."""
    broken = tmp_path / "cut"
    shutil.copytree(young_cut, broken)
    file = broken / "sdtm" / "ae.xpt"
    frame, meta = pyreadstat.read_xport(str(file))
    whole = frame["AESTDTC"].str.len().ge(10) & frame["AEENDTC"].str.len().ge(10)  # a date in part would be told, too
    frame = pd.concat([frame, frame[whole].head(1)], ignore_index=True)  # the same key twice
    pyreadstat.write_xport(frame, str(file), file_format_version=5, table_name="AE", column_labels=meta.column_labels)
    code, printed, _ = carry_out("validate", broken, "--since", young_cut, "--out", tmp_path / "findings")
    assert code == 1
    assert [line[:9] for line in printed.splitlines() if line.startswith("new E")] == ["new E V03"] * 2
    assert printed.splitlines()[-1].startswith("since the earlier cut: 2 new, ")
    assert {path.name for path in (tmp_path / "findings").iterdir()} == {
        f"findings.{form}" for form in ("html", "csv", "json", "xlsx", "sha256")
    }


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
    assert "65 (75.6)" in done.stdout, "another study's adam/, by its own trial.yaml"


@pytest.mark.parametrize(
    ("words", "kinds", "number"),
    [
        (["figure"], {"F"}, "F14.2.1.2"),
        (["Listings", "phase 1"], {"L"}, "L16.2.7.1.1"),
        (["SOC"], {"T"}, "T14.3.1.2.2"),  # titled System Organ Class
    ],
)
def test_list_finds_kinds_phases_and_abbreviations(carry_out, words, kinds, number):
    found = [one["number"] for one in json.loads(carry_out("list", *words, "--json")[1])["outputs"]]
    assert number in found
    assert {one[0] for one in found} == kinds
    if "phase 1" in words:
        assert {one[-1] for one in found} == {"1"}


def test_list_names_the_outputs_that_have_all_words_below_what_they_have_in_common(carry_out):
    _, printed, _ = carry_out("list", "ADVERSE", "adae", "--json")
    found = json.loads(printed)
    assert found["outputs"]
    assert all("ADAE" in one["datasets"] for one in found["outputs"])
    assert {outcome for one in found["outputs"] for outcome in one["outcomes"]} == {one["id"] for one in found["outcomes"]}
    _, printed, _ = carry_out("list", "adae", "--by", "section")
    heads = [line for line in printed.splitlines() if re.match(r"\d+(\.\d+)+ ", line)]
    assert len(heads) == len(set(heads)) > 1
    code, _, said = carry_out("list", "nothing-of-the-kind")
    assert code == 2
    assert "no output has nothing-of-the-kind" in said
    assert "near are liver; name fewer words" in carry_out("list", "livr")[2]
    # Of several words only those are near that stand for one which no output has.
    assert "near 'survivl' are survival; name fewer words" in carry_out("list", "liver", "survivl")[2]
    said = carry_out("list", "T14.2.1.1", "L16.2.7.1.1")[2]
    assert "each of these words has outputs, and none has all; name fewer words" in said
    assert "near" not in said
    assert "\n1 output; no outcome of the registry is answered by it.\n" in carry_out("list", "T14.3.1.2.1")[1]
    for words in (["adae", "--e3"], ["--by", "section", "--e3"], ["--by", "section", "--json"]):
        assert carry_out("list", *words)[0] == 2
