"""What --json holds: the tables of docs/operations.md name the fields that are written, all of them and no other."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from cgbm1_report.assets import asset
from cgbm1_report.build.audit import Audit
from cgbm1_report.build.portfolio import Built
from cgbm1_report.compare import compare_sides
from cgbm1_report.compare.files import say_comparison
from cgbm1_report.errors import Problem
from cgbm1_report.readback import Finding, ReadBack
from cgbm1_report.render.refresh.told import Refreshed
from tests.compared_study import TRIAL, built, cut
from tests.watched import WRONG, Bench, Clock, deliver
from tests.watched_build import write_build

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")


def documented(heading: str) -> set[str]:
    """The fields that the table below a heading names."""
    part = re.split(r"^###? ", PAGE.split(f"\n### {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    return {name for line in re.findall(r"^\| (`[^|]+) \|", part, flags=re.M) for name in re.findall(r"`(\w+)`", line)}


def test_error_and_its_problems(tmp_path, carry_out):
    _, printed, _ = carry_out("verify", tmp_path, "--json")
    told = json.loads(printed)
    assert set(told) == {"error", "warnings"}
    assert set(told["error"]) == documented("An error")
    assert set(told["error"]["problems"][0]) == documented("A problem")


def test_build(tmp_path, carry_out, monkeypatch):
    """What the verb prints of a build that is there; the stand-in has a manifest as a build has, as far as this reads it."""
    out = tmp_path / "build"
    write_build(deliver(tmp_path, "cut"), out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["parameters"]["dose_group"] = None
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "findings.json").write_text(json.dumps({"counts": {"E": 0, "W": 0, "I": 0}}))
    (out / "trial.yaml").write_bytes(asset("trial.yaml").read_bytes())
    monkeypatch.setattr("cgbm1_report.build.report.build_report", lambda *_: out)
    code, printed, said = carry_out("build", tmp_path / "cut", "--json", "--quiet")
    assert code == 0, said
    assert set(json.loads(printed)) == documented("build")


def test_verify_and_its_findings(tmp_path, carry_out, monkeypatch):
    done = ReadBack(1, 2, 3, 4, (Finding("a.csv", "differs", "reading back"),))
    wrong = Problem("is no line of a chain", "chain.jsonl", "the chain of manifests", remedy="put it back")
    monkeypatch.setattr("cgbm1_report.build.audit.audit_build", lambda *_, **__: Audit(done, ("broken", [wrong]), ("none", [])))
    code, printed, _ = carry_out("verify", tmp_path, "--json")
    told = json.loads(printed)
    assert (code, set(told)) == (1, documented("verify"))
    assert [set(one) for one in told["findings"]] == [documented("A finding of verify")] * 2


def test_validate_and_its_findings(tmp_path, carry_out):
    _, printed, _ = carry_out("validate", deliver(tmp_path, "cut"), "--json")
    told = json.loads(printed)
    assert set(told) == documented("validate")
    assert set(told["findings"][0]) == documented("A finding of validate")


def test_seal(tmp_path, carry_out):
    _, printed, _ = carry_out("seal", deliver(tmp_path, "cut"), "--json")
    assert set(json.loads(printed)) == documented("seal")


def test_list_its_outputs_and_its_sections(carry_out):
    told, few, sections = (json.loads(carry_out("list", *words, "--json")[1]) for words in ((), ("survival",), ("--e3",)))
    assert set(told) == documented("list")
    assert set(few) == documented("list") - {"refused"}
    assert {name for one in told["outputs"] for name in one} == documented("An output of list")
    assert set(sections) == documented("list --e3")
    assert {"state", "outputs", "reason"} <= set(sections["sections"][0])


def test_portfolio_and_its_builds(tmp_path, carry_out, monkeypatch):
    plan = tmp_path / "portfolio.yaml"
    deliver(tmp_path, "one")
    plan.write_text("out: builds\nbuilds:\n- {name: one, cut: one}\n- {name: two, cut: one}\n")
    about = {"protocol": "p", "mark": "m", "cutoff": "c", "outputs": 1, "findings": {"E": 0}}
    assert set(about) == {*documented("A build of portfolio")} - {"name", "state", "exit_code", "cut", "stands", "problems"}
    ended = [Built("one", 0, about), Built("two", 1, problems=[Problem("is wrong")])]
    monkeypatch.setattr("cgbm1_report.build.portfolio.build_portfolio", lambda *_, **__: ended)
    code, printed, said = carry_out("portfolio", plan, "--json", "--quiet")
    told = json.loads(printed)
    assert (code, set(told)) == (1, documented("portfolio")), said
    done, failed = told["builds"]
    assert set(done) == documented("A build of portfolio")
    assert set(failed) == documented("A build of portfolio") - set(about)
    assert set(failed["problems"][0]) == documented("A problem")


def test_refresh(tmp_path, carry_out, monkeypatch):
    """What the verb prints of a document; the stand-in replaces nothing and says what is said of it."""
    write_build(deliver(tmp_path, "cut"), tmp_path / "build")
    monkeypatch.setattr("cgbm1_report.render.refresh.find_documents", lambda *_: {})
    monkeypatch.setattr("cgbm1_report.render.refresh.refresh_docx", lambda *_, **__: Refreshed(("T14.1.4.1",), (), ()))
    code, printed, said = carry_out("refresh", tmp_path / "CSR.docx", "--from", tmp_path / "build", "--json")
    assert (code, set(json.loads(printed))) == (0, documented("refresh")), said


def test_compare_of_builds_and_of_cuts(tmp_path):
    of_builds = set(say_comparison(compare_sides(built(tmp_path, "nothing"), built(tmp_path, "nothing"), TRIAL)))
    of_cuts = set(say_comparison(compare_sides(cut("nothing"), cut("nothing"), TRIAL)))
    assert of_builds == documented("compare")
    assert of_builds - of_cuts == {"crossed", "cells", "rows", "columns", "outputs", "unrounded"}


def test_watch_and_its_last_line(tmp_path, carry_out):
    bench = Bench(tmp_path, Clock(time.time() + 3600))
    bench.plan["b"] = [WRONG]
    for name, subjects in (("a", 1), ("b", 2), ("c", 1)):
        deliver(bench.cuts, name, subjects=subjects)
    bench.watch()
    assert [one.kind for one in bench.events] == ["building", "done", "building", "failed", "repeated", "ended"]
    assert {name for event in bench.events for name in json.loads(event.as_json())} == documented("watch")
    status = json.loads((bench.out / "status.json").read_text())
    assert set(status) == documented("status.json")
    assert [set(one) for one in status["cuts"]] == [documented("A cut in status.json")] * 3
    _, printed, _ = carry_out("watch", tmp_path / "nowhere", "--out", tmp_path / "out", "--json")
    assert set(json.loads(printed)) == documented("The last line of watch")
