"""What ICH E3 expects and the report holds: told by `list --e3` and build.log, and decisive for a final report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cgbm1_report import cli
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.sections import ask_complete, find_lacking, find_sections
from cgbm1_report.errors import PlanError
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.render import emit_index
from tests.test_trial_whole import outcome, read


def states(trial: Trial, phase: int | None = None) -> dict[str, str]:
    return {held.section.number: held.state for held in find_sections(trial, phase)}


def only_first_tables(data: Any) -> None:
    """The trial with one output, and no outcomes that ask for others."""
    data["outputs"], data["outcomes"] = ["T14.1.1.2"], []


def test_every_section_of_e3_is_there_elsewhere_missing_or_not_asked_for() -> None:
    told = states(read(only_first_tables))
    assert (told["14.1"], told["16.1.1"], told["16.2.8"], told["16.1.8"]) == ("there", "elsewhere", "missing", "not asked")


def test_reason_of_trial_yaml_makes_an_expected_section_not_missing() -> None:
    def change(data: Any) -> None:
        only_first_tables(data)
        data["not_in_report"]["16.2.8"] = "no laboratory data are collected"

    held = next(one for one in find_sections(read(change)) if one.section.number == "16.2.8")
    assert (held.state, held.reason) == ("elsewhere", "no laboratory data are collected")
    assert "16.2.8" not in " ".join(problem.message for problem in find_lacking(read(change)))


def test_final_report_that_lacks_sections_and_answers_is_refused_with_all_of_them_before_a_file_is_read(tmp_path: Path) -> None:
    def change(data: Any) -> None:
        data["outputs"] = ["T14.1.1.2", "A16.1.9.2"]

    trial = read(change)
    (tmp_path / "trial.yaml").write_text(json.dumps(trial.as_written()), encoding="utf-8")
    asked = Request(tmp_path / "no cut", trial=tmp_path / "trial.yaml", out=tmp_path / "out", status="final", formats=("html",))
    with pytest.raises(PlanError) as error:
        build_report(asked)
    said = [problem.message for problem in error.value.problems]
    assert "section 16.2.7 Adverse Event Listings is missing: no output stands there" in said
    assert "section 14.2 Efficacy Data is missing: no output stands there" in said
    assert any("registered outcomes are not answered: T14.2.1.2" in one for one in said)
    assert not any("16.1.9" in one or "16.1.1 " in one for one in said)
    assert {problem.remedy for problem in error.value.problems} == {
        "declare its outputs, or say under not_in_report why the report does not hold it",
        "declare the output with these methods, or correct what the outcome asks for",
    }


def test_draft_says_what_it_lacks_and_a_part_is_asked_for_nothing() -> None:
    trial = read(only_first_tables)
    assert "section 16.2.8 Individual Laboratory Measurements is missing: no output stands there" in ask_complete(
        Request(Path("cut")), trial
    )
    assert ask_complete(Request(Path("cut"), only=("T14.1.1.2",), status="final"), trial) == []
    assert ask_complete(Request(Path("cut"), dose_group="P1LOW", status="final"), trial) == []


def test_final_report_of_one_phase_is_asked_for_what_that_phase_has() -> None:
    """Randomisation codes are of the phase that is randomised: the open one does not lack them."""

    def change(data: Any) -> None:
        # Every outcome but one is answered by nothing; that one is of phase 2.
        data["outcomes"] = [one for one in data["outcomes"] if one["id"] == "P2-SEC-22"]
        outcome(data, "P2-SEC-22")["outputs"] = []

    trial = read(change)
    held = next(one for one in find_sections(trial, 1) if one.section.number == "16.1.7")
    assert (held.state, held.reason) == ("elsewhere", "of Phase 2 only")
    unanswered = "registered outcomes are not answered: P2-SEC-22, it names no output"
    assert unanswered in [problem.message for problem in find_lacking(trial, 2)]
    assert unanswered not in [problem.message for problem in find_lacking(trial, 1)]


def test_section_with_outputs_that_is_said_to_be_elsewhere_is_refused() -> None:
    def change(data: Any) -> None:
        data["not_in_report"]["14.1"] = "nobody was enrolled"

    with pytest.raises(PlanError, match=r"not_in_report\.14\.1: section 14\.1 is said not to be in the report, and T14\.1\.1\.1"):
        find_sections(read(change))


def test_unknown_section_and_one_without_a_reason_are_refused() -> None:
    def change(data: Any) -> None:
        data["not_in_report"] |= {"16.1.13": "filed", "16.1.8": " "}

    with pytest.raises(PlanError) as error:
        read(change)
    assert [(problem.place, problem.message) for problem in error.value.problems] == [
        ("not_in_report.16.1.13", "is no section of ICH E3"), ("not_in_report.16.1.8", "is an empty text"),
    ]  # fmt: skip


def test_list_e3_prints_a_line_per_section_and_the_same_for_a_machine() -> None:
    text = CliRunner().invoke(cli.app, ["list", "--e3"]).stdout
    found = json.loads(CliRunner().invoke(cli.app, ["list", "--e3", "--json"]).stdout)
    numbers = [one["number"] for one in found["sections"]]
    assert len(numbers) == 27
    assert [line.split()[0] for line in text.splitlines() if line[:2] in ("14", "16")] == numbers
    assert "16.1.1   elsewhere  Protocol and Protocol Amendments  [filed with the trial master file by the sponsor]" in text
    there = next(one for one in found["sections"] if one["number"] == "14.2")
    assert there["outputs"] == [
        number for number, entry in catalogue(read(lambda data: None)).items() if entry.section.number == "14.2"
    ]


def test_index_of_a_draft_names_what_a_final_report_would_lack() -> None:
    page = emit_index([], {}, lacking=["section 14.3.3 <Narratives> is missing"])
    assert "<h2>What a final report would lack</h2>" in page
    assert "section 14.3.3 &lt;Narratives&gt; is missing" in page
    assert "would lack" not in emit_index([], {})
