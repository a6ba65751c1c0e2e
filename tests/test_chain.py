"""The chain of manifests beside builds: what it says of a build, and what no longer holds when somebody had a hand in it."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cgbm1_report.build.audit import Audit
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError
from cgbm1_report.readback import Finding, ReadBack
from cgbm1_report.readback.files import WHOLE
from cgbm1_report.system.chain import check_chain, extend_chain, require_chain
from tests.test_target import make_build

Rewrite = Callable[[list[str]], list[str]]


def lines_of(folder: Path) -> list[str]:
    return (folder / "chain.jsonl").read_text(encoding="utf-8").splitlines()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    """Three builds, one after the other: in October, in November, and October's once more with another page."""
    for name, page in (("october", "first"), ("november", "first"), ("october", "second")):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        extend_chain(make_build(tmp_path / name, {"report.html": page}), begin=True)
    return tmp_path


def test_each_line_names_a_build_by_its_manifest_and_the_line_before_it_by_its_hash(builds: Path) -> None:
    lines = lines_of(builds)
    told = [json.loads(line) for line in lines]
    assert [one["build"] for one in told] == ["october", "november", "october"]
    assert [one["cutoff"] for one in told] == ["2026-10-01"] * 3
    assert [one["before"] for one in told] == [None, sha256(lines[0]), sha256(lines[1])]
    assert told[2]["manifest"] == sha256((builds / "october" / "manifest.json").read_text())
    assert told[0]["manifest"] != told[2]["manifest"]
    assert check_chain(builds / "october") == (f"line 3 of 3 of its chain, which ends with SHA-256 {sha256(lines[2])}", [])
    assert check_chain(builds / "november") == (f"line 2 of 3 of its chain, which ends with SHA-256 {sha256(lines[2])}", [])


def test_what_is_equal_to_what_lies_there_adds_no_line(builds: Path) -> None:
    before = lines_of(builds)
    extend_chain(builds / "october")
    extend_chain(builds / "november", begin=True)
    assert lines_of(builds) == before


def test_a_chain_begins_where_it_is_asked_for_and_then_grows_by_itself(tmp_path: Path) -> None:
    one = make_build(tmp_path / "one")
    extend_chain(one)
    assert check_chain(one) == ("no chain of manifests lies beside the build", [])
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    extend_chain(one, begin=True)
    extend_chain(make_build(tmp_path / "two"))
    assert [json.loads(line)["build"] for line in lines_of(tmp_path)] == ["one", "two"]


@pytest.mark.parametrize(
    ("rewrite", "said"),
    [
        pytest.param(lambda lines: lines[1:], ["line 1: does not name the line before it"], id="the first is gone"),
        pytest.param(lambda lines: [lines[0], lines[2]], ["line 2: does not name the line before it"], id="one is gone"),
        pytest.param(lambda lines: [lines[1], lines[0], lines[2]], ["line 1: does", "line 2: does", "line 3: does"], id="order"),
        pytest.param(lambda lines: [lines[0].replace("10-01", "10-02"), *lines[1:]], ["line 2: does not name"], id="a date"),
        pytest.param(lambda lines: [lines[0], "{}", *lines[1:]], ["line 2: is no line", "line 3: does not name"], id="one too many"),
        pytest.param(lambda lines: [lines[0], "[" * 9999, lines[2]], ["line 2: is no line", "line 3: does not"], id="hostile"),
        pytest.param(lambda lines: [line.replace("\"before\": null", "\"before\": 7") for line in lines], ["line 1: is no", "line 2"], id="kind"),
        pytest.param(lambda lines: lines[:2], ["is not in the chain"], id="the last is gone"),
        # No line stands behind the last one: what it says is held against its build.
        pytest.param(lambda lines: [*lines[:2], lines[2].replace("10-01", "10-02")], ["line 3: says another cut-off"], id="last date"),
        pytest.param(lambda lines: [*lines[:2], lines[2].replace("october", "may")], ["line 3: names the manifest of"], id="last name"),
        pytest.param(lambda lines: [*lines[:2], lines[2].replace("\"2026-10-01\"", "7")], ["line 3: is no line", "is not in"], id="no date"),
        pytest.param(lambda lines: [*lines[:2], lines[2] + " "], ["line 3: is no line", "is not in"], id="a blank"),
        pytest.param(lambda lines: [*lines[:2], lines[2] + "\r"], ["line 3: is no line", "is not in"], id="another end"),
        pytest.param(lambda lines: [*lines[:2], "{\"cutoff\": \"2020\", " + lines[2][1:]], ["line 3: is no", "is not in"], id="twice"),
        pytest.param(lambda lines: [*lines[:2], lines[2].replace("october", "\\ud800")], ["line 3: is no", "is not in"], id="half"),
    ],
)  # fmt: skip
def test_a_chain_that_somebody_had_a_hand_in_does_not_hold(builds: Path, rewrite: Rewrite, said: list[str]) -> None:
    (builds / "chain.jsonl").write_text("".join(line + "\n" for line in rewrite(lines_of(builds))))
    told, problems = check_chain(builds / "october")
    unlike = ("is not in the chain", "line 3: says another", "line 3: names the manifest")
    held = "holds, and the build is not that of its line" if said[0].startswith(unlike) else "does not hold"
    assert told == f"the chain of manifests beside the build {held}"
    assert len(problems) == len(said)
    for problem, part in zip(problems, said, strict=True):
        assert part in str(problem)
        assert problem.remedy


def test_a_manifest_that_was_made_anew_and_an_earlier_build_put_back_are_seen(builds: Path) -> None:
    again = builds / "october"
    shutil.copytree(again, builds / "kept")
    assert check_chain(builds / "kept")[0].startswith("line 3 of 3"), "a copy of another name is the build that it was"
    (again / "manifest.json").write_text((again / "manifest.json").read_text().replace("0.1.0", "0.1.1"))
    ((problem),) = check_chain(again)[1]
    assert "is not in the chain: it was made before the chain began or elsewhere, changed" in str(problem)
    shutil.rmtree(again)
    make_build(again, {"report.html": "first"})
    ((problem),) = check_chain(again)[1]
    assert "is that of line 1; a later one was put here, which line 3 names" in str(problem)


def test_builds_that_are_older_than_the_chain_are_named_when_it_begins_and_added_when_they_are_built_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = make_build(tmp_path / "september", {"report.html": "older"})
    assert not check_chain(older)[1]
    extend_chain(make_build(tmp_path / "october"), begin=True)
    extend_chain(make_build(tmp_path / "november"))
    assert [record.getMessage() for record in caplog.records] == [
        "chain.jsonl begins with october: not in it are september; built again in its place each is added"
    ]
    told, ((problem),) = check_chain(older)
    assert told == "the chain of manifests beside the build holds, and the build is not that of its line"
    assert "made before the chain began" in problem.message
    assert "build it again in its place, which adds it" in problem.remedy
    extend_chain(older)
    assert check_chain(older)[1] == []


def test_nothing_is_built_beside_a_chain_that_is_broken(builds: Path, tmp_path: Path) -> None:
    (builds / "chain.jsonl").write_text("".join(line + "\n" for line in lines_of(builds)[1:]))
    for act in (lambda: require_chain(builds), lambda: extend_chain(builds / "october")):
        with pytest.raises(PlanError, match=r"chain\.jsonl: line 1: does not name the line before it.*Remedy: put back"):
            act()
    with pytest.raises(PlanError, match=r"chain\.jsonl: line 1"):
        build_report(Request(cut=tmp_path / "no such cut", out=builds / "next"))


def test_what_a_killed_run_left_of_a_line_is_gone_with_the_next_one(builds: Path) -> None:
    with (builds / "chain.jsonl").open("a") as file:
        file.write('{"before": "12')
    assert check_chain(builds / "october")[0].startswith("line 3 of 3")
    extend_chain(make_build(builds / "december", {"report.html": "third"}))
    assert [json.loads(line)["build"] for line in lines_of(builds)] == ["october", "november", "october", "december"]
    assert check_chain(builds / "december")[1] == []


def test_builds_that_end_at_once_all_find_their_place(tmp_path: Path) -> None:
    made = [make_build(tmp_path / f"b{at}", {"report.html": str(at)}) for at in range(12)]
    threads = [threading.Thread(target=extend_chain, args=(one,), kwargs={"begin": True}) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines_of(tmp_path)) == 12
    assert [check_chain(one)[1] for one in made] == [[]] * 12


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_builds_of_one_cut_are_equal_and_the_chain_beside_them_knows_each(
    young_phase_cut: Path, tmp_path: Path, carry_out: Callable[..., tuple[int, str, str]]
) -> None:
    def build(name: str, *more: str) -> Path:
        asked = ("--only", "T14.1.4.1", "--formats", "html", "--dose-group", "all", "--phase", "1", "--quiet")
        code, printed, said = carry_out("build", young_phase_cut, "--out", tmp_path / name, *asked, *more)
        assert code == 0, said
        return Path(printed.strip())

    one = build("one", "--chain")
    assert build("one") == one
    assert len(lines_of(tmp_path)) == 1, "a build over itself is the build that lies there"
    two = build("two")
    files = [{path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (one, two)]
    assert files[0] == files[1]
    assert [json.loads(line)["build"] for line in lines_of(tmp_path)] == ["one", "two"]
    code, printed, _ = carry_out("verify", two)
    assert code == 0
    assert "chain: line 2 of 2 of its chain" in printed
    assert "signature: not signed" in printed
    (tmp_path / "chain.jsonl").write_text(lines_of(tmp_path)[1] + "\n")
    code, printed, _ = carry_out("verify", two, "--json")
    assert code == 1
    (finding,) = json.loads(printed)["findings"]
    assert (finding["rule"], finding["place"]) == ("the chain of manifests", "line 1")
    assert finding["remedy"] == "put back the file as it was"
    _, printed, _ = carry_out("verify", two)
    assert printed.splitlines()[-1].endswith(", 1 finding")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([], "manifest: 9 files compared with the checksums: all are as the build left them"),
        (["a.csv"], "manifest: 9 files compared with the checksums: 1 of these, or beside them, is not as the build left them"),
        (
            ["a.csv", "b.csv"],
            "manifest: 9 files compared with the checksums: 2 of these, or beside them, are not as the build left them",
        ),
    ],
)
def test_verify_says_of_how_many_files_it_is_not_so(wrong: list[str], words: str) -> None:
    """What is found inside a file says nothing of its checksum."""
    inside = Finding("c.csv", "differs", "reading back")
    found = (*(Finding(name, "was changed since the build", WHOLE) for name in wrong), inside)
    assert words in list(Audit(ReadBack(1, 2, 3, 4, found), ("", []), ("", []), 9).lines)
