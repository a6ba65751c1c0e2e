"""A message names the protocol file as it is called in the run, by whatever name --trial gave it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem, name_protocol
from cgbm1_report.system.endings import explain
from cgbm1_report.validate import name_protocol_in

OTHER = Path("study/protocol-v3.yaml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("declare the arm in trial.yaml", "declare the arm in protocol-v3.yaml"),
        ("trial.yaml: switches", "protocol-v3.yaml: switches"),
        ("the sections of trial.yaml agree (schemas/, trial.yaml)", "the sections of protocol-v3.yaml agree (schemas/, protocol-v3.yaml)"),
        ("trial.yaml's abbreviations", "protocol-v3.yaml's abbreviations"),
        ("cuts/one/trial.yaml is not used", "cuts/one/trial.yaml is not used"),  # a file that is called so
        ("my-trial.yaml, trial.yaml of the package", "my-trial.yaml, trial.yaml of the package"),
    ],
)  # fmt: skip
def test_text_names_the_file_of_the_run_and_leaves_other_files(text: str, named: str) -> None:
    assert name_protocol(text, OTHER) == named
    assert name_protocol(text, None) == text


def test_path_of_the_file_in_a_text_stays_as_it_is() -> None:
    text = "`validate CUT --trial '/a/our trial.yaml'`, as trial.yaml says"
    assert name_protocol(text, Path("/a/our trial.yaml")) == "`validate CUT --trial '/a/our trial.yaml'`, as our trial.yaml says"


def test_error_names_the_file_by_its_path_where_it_lies_in_it() -> None:
    error = PlanError(
        "trial.yaml declares no narratives", file="trial.yaml", rule="arms", place="arms", remedy="correct trial.yaml"
    )
    problems, code = explain(error, OTHER)
    told = "study/protocol-v3.yaml: arms: protocol-v3.yaml declares no narratives [rule: arms] Remedy: correct protocol-v3.yaml"
    assert ([str(one) for one in problems], code) == ([told], 78)
    assert explain(error)[0] == [Problem("trial.yaml declares no narratives", "trial.yaml", "arms", "arms", "correct trial.yaml")]


@pytest.mark.parametrize("written", [("--trial", "{}"), ("--trial={}",)], ids=["two words", "one word"])
def test_command_names_the_file_that_it_was_given(written, carry_out, tmp_path) -> None:
    text = asset("trial.yaml").read_text(encoding="utf-8")
    file = tmp_path / "protocol-v3.yaml"
    file.write_text(text.replace("\nnot_in_report:\n", '\nnot_in_report:\n  "14.1": elsewhere\n'), encoding="utf-8")
    code, printed, said = carry_out("list", "--e3", "--json", *(word.format(file) for word in written))
    assert code == 78
    assert f"error: {file}: not_in_report.14.1: section 14.1 is said not to be in the report" in said
    assert json.loads(printed)["error"]["problems"][0]["file"] == str(file)


def test_findings_name_the_file_and_lack_what_they_lacked() -> None:
    found = pd.DataFrame(
        {"message": ["is no arm of trial.yaml", None], "remedy": ["declare the arm in trial.yaml", "ask the site"]}
    )
    named = name_protocol_in(found, OTHER)
    assert named["message"].tolist()[0] == "is no arm of protocol-v3.yaml"
    assert named["message"].isna().tolist() == [False, True]
    assert named["remedy"].tolist() == ["declare the arm in protocol-v3.yaml", "ask the site"]
    assert name_protocol_in(found, None) is found
