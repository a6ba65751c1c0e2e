"""A protocol that comes with the data decides nothing: it is named, and not used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.build.gate import find_trial, unused_trials
from cgbm1_report.build.log import read_log
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.system.manifest import sha256_of
from tests.drawn import plain_protocol, write_plain
from tests.test_cli import run
from tests.test_notebooks import write_notebook

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def hostile(young_cut, tmp_path_factory) -> Path:
    """A blind cut with a protocol of its own that opens the blind and runs a notebook."""
    cut = tmp_path_factory.mktemp("hostile") / "cut"
    shutil.copytree(young_cut, cut)
    protocol = plain_protocol()
    protocol["switches"]["unblinded"] = True
    protocol["notebooks"] = ["n.ipynb"]
    (cut / "trial.yaml").write_text(write_plain(protocol), "utf-8")
    write_notebook(cut / "n.ipynb", f"open({str(cut / 'executed')!r}, 'w')")
    return cut


def test_protocol_in_a_cut_is_neither_taken_nor_passed_over_in_silence(hostile, caplog):
    assert find_trial(hostile) == asset("trial.yaml")
    assert f"{hostile / 'trial.yaml'} is not used: name it with --trial" in caplog.text


@pytest.mark.parametrize(("name", "told"), [("trial.yaml", True), ("Trial.YAML", True), ("trial.yml", True), ("trial.txt", False)])
def test_protocol_is_seen_under_every_name_that_looks_like_one(name, told, tmp_path):
    (tmp_path / name).write_text("")
    assert unused_trials(tmp_path, asset("trial.yaml")) == ((name,) if told else ())
    assert unused_trials(tmp_path, tmp_path / name) == ()
    assert unused_trials(tmp_path / "absent", asset("trial.yaml")) == ()


@pytest.mark.usefixtures("derived_once")
def test_show_stays_blind_and_says_what_it_does_not_use(hostile, young_cut, carry_out, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with_it, (code, printed, _) = run("show", "T14.1.1.2", hostile), carry_out("show", "T14.1.1.2", young_cut)
    assert "trial.yaml is not used: name it with --trial" in with_it.stderr
    assert (with_it.returncode, with_it.stdout) == (code, printed)


@pytest.mark.usefixtures("derived_once")
def test_validate_finds_the_same_in_the_data_and_says_what_it_does_not_use(hostile, young_cut, carry_out, caplog):
    (code, of_hostile, _), (other_code, of_young, _) = [carry_out("validate", cut, "--json") for cut in (hostile, young_cut)]
    assert (code, other_code) == (0, 0), of_young[-2000:]
    assert caplog.text.count("trial.yaml is not used: name it with --trial") == 1
    # Files that nobody reads are findings about the cut, not about its data.
    found = [[one for one in json.loads(printed)["findings"] if one["dataset"] != "CUT"] for printed in (of_hostile, of_young)]
    assert [{**one, "file": Path(one["file"]).name} for one in found[0]] == [
        {**one, "file": Path(one["file"]).name} for one in found[1]
    ]
    assert found[0]


@pytest.mark.usefixtures("derived_once")
def test_build_runs_nothing_from_the_cut_and_its_log_says_which_protocol_it_used(hostile, tmp_path):
    only = {"only": ("T14.1.1.2",), "phase": 2, "formats": ("html",)}
    built = build_report(Request(cut=hostile, out=tmp_path / "build", **only))
    assert not (hostile / "executed").exists()
    assert not (built / "notebooks" / "n_phase2.ipynb").exists()
    assert set(pd.read_parquet(built / "ard.parquet")["column"]) == {"All subjects"}
    log, digest = read_log(built), sha256_of(asset("trial.yaml"))
    assert {"what": "trial", "file": "trial.yaml of the package", "sha256": digest} in log
    assert [fact["file"] for fact in log if fact["what"] == "trial not used"] == ["trial.yaml"]
    assert json.loads((built / "manifest.json").read_text())["trial"] == {"file": "trial.yaml of the package", "sha256": digest}


def test_notebooks_outside_the_folder_of_their_protocol_are_refused_all_at_once(tmp_path):
    study = tmp_path / "study"
    (study / "below").mkdir(parents=True)
    write_notebook(tmp_path / "outside.ipynb", "1")
    (study / "link.ipynb").symlink_to(tmp_path / "outside.ipynb")
    (study / "out").symlink_to(tmp_path)
    wrong = {
        "../a.ipynb": "leads out of the folder of trial.yaml",
        "below/../../b.ipynb": "leads out of the folder of trial.yaml",
        "..\\c.ipynb": "leads out of the folder of trial.yaml",
        str(tmp_path / "d.ipynb"): "is not a path below trial.yaml",
        "C:\\e.ipynb": "is not a path below trial.yaml",
        "link.ipynb": "is a link out of the folder of trial.yaml",
        "out/outside.ipynb": "is a link out of the folder of trial.yaml",
        "script.py": "is no notebook: its name does not end with .ipynb",
        "below/LINK.ipynb": "has the name of another one, and both would be one executed notebook",
    }
    protocol = plain_protocol()
    file = study / "trial.yaml"
    file.write_text(write_plain({**protocol, "notebooks": ["good.ipynb", "below/fine.ipynb", *wrong]}), "utf-8")
    with pytest.raises(ReportError) as error:
        read_trial(file)
    assert sorted(problem.message for problem in error.value.problems) == sorted(f"{name!r} {said}" for name, said in wrong.items())


def test_notebooks_beside_and_below_their_protocol_are_taken(tmp_path):
    protocol = plain_protocol()
    (tmp_path / "trial.yaml").write_text(write_plain({**protocol, "notebooks": ["a.ipynb", "sub/b.ipynb"]}), "utf-8")
    assert read_trial(tmp_path / "trial.yaml").notebooks == ("a.ipynb", "sub/b.ipynb")
