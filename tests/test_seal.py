"""The seal of a cut: what it is of, and that nothing reads a cut that differs from it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from cgbm1_report.errors import DataError, PlanError, ReportError
from cgbm1_report.read import seal as seals
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.read.seal import hash_files, measure_files, seal_cut
from tests.drawn import our_trial
from tests.test_target import make_build

DM = pd.DataFrame({"STUDYID": ["NCT06740149"], "DOMAIN": ["DM"], "USUBJID": ["S1"], "ARMCD": ["P1LOW"]})


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    folder = tmp_path / "cut"
    (folder / "sdtm").mkdir(parents=True)
    pyreadstat.write_xport(DM, folder / "sdtm" / "dm.xpt", file_format_version=5)
    (folder / "sdtm" / "ae.csv").write_text("STUDYID,DOMAIN,USUBJID,AESEQ\nNCT06740149,AE,S1,1\n")
    (folder / "cut.json").write_text('{"cutoff": "2025-06-30"}')
    (folder / "define.xml").write_text("<define/>")  # nobody reads it; it is sealed all the same
    return folder


def said_of(folder: Path, do: Callable[[Path], object]) -> str:
    with pytest.raises(ReportError) as caught:
        do(folder)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_seal_holds_size_and_checksum_of_every_file_in_the_order_of_their_paths(cut):
    done = seal_cut(cut)
    told = json.loads((cut / "seal.json").read_text())
    assert list(told["files"]) == ["cut.json", "define.xml", "sdtm/ae.csv", "sdtm/dm.xpt"]
    for name, about in told["files"].items():
        content = (cut / name).read_bytes()
        assert about == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert (done.files, done.bytes, done.before) == (
        4,
        sum(path.stat().st_size for path in cut.rglob("*.*")) - (cut / "seal.json").stat().st_size,
        False,
    )
    assert not [name for name in os.listdir(cut) if name.startswith(".")]


def test_seal_of_the_same_files_is_the_same_in_every_byte_and_names_no_time_or_place(cut, tmp_path):
    seal_cut(cut)
    other = shutil.copytree(cut, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("seal.json"))
    seal_cut(other)
    assert (cut / "seal.json").read_bytes() == (other / "seal.json").read_bytes()


def test_sealed_cut_is_read_and_its_seal_is_an_input_of_what_is_made_of_it(cut):
    before = read_cut(cut, our_trial())
    seal_cut(cut)
    after = read_cut(cut, our_trial())
    assert after.files == before.files | {"seal.json": hashlib.sha256((cut / "seal.json").read_bytes()).hexdigest()}
    assert after.unread == before.unread == ("define.xml",)
    assert list(after.sdtm) == list(before.sdtm) == ["AE", "DM"]


def test_cut_whose_datasets_lie_in_its_folder_has_no_dataset_seal(cut):
    for file in list((cut / "sdtm").iterdir()):
        file.rename(cut / file.name)
    (cut / "sdtm").rmdir()
    seal_cut(cut)
    assert list(read_cut(cut, our_trial()).sdtm) == ["AE", "DM"]


def test_list_of_checksums_made_before_the_seal_does_not_ask_for_it(cut):
    listed = {name: told["sha256"] for name, told in measure_files(cut).items()}
    (cut / "SHA256SUMS").write_text("".join(f"{value}  {name}\n" for name, value in listed.items()))
    seal_cut(cut)
    assert {"SHA256SUMS", "seal.json"} <= set(read_cut(cut, our_trial()).files)


def test_sealing_a_sealed_cut_that_is_the_same_says_so_and_writes_nothing(cut):
    seal_cut(cut)
    written = (cut / "seal.json").stat()
    done = seal_cut(cut)
    assert done.before
    assert "is sealed already and is as it was sealed: 4 files" in done.tell()
    assert (cut / "seal.json").stat().st_ino == written.st_ino


#: What became of a sealed cut; what is said of it, of the one line between brackets.
CHANGES = {
    "a flipped bit": (lambda cut: flip(cut / "sdtm" / "dm.xpt"), "1 file differs (sdtm/dm.xpt)"),
    "a value of the same length": (lambda cut: edit(cut / "sdtm" / "ae.csv", "S1,1", "S1,2"), "1 file differs (sdtm/ae.csv)"),
    "a file nobody reads": (lambda cut: (cut / "define.xml").write_text("<other/>"), "1 file differs (define.xml)"),
    "a file gone": (lambda cut: (cut / "sdtm" / "ae.csv").unlink(), "1 file is missing (sdtm/ae.csv)"),
    "a file more": (lambda cut: (cut / "narratives.csv").write_text("USUBJID\n"), "1 file is more than was sealed (narratives.csv)"),
    "a hidden file more": (lambda cut: (cut / "sdtm" / ".notes").write_text("x"), "1 file is more than was sealed (sdtm/.notes)"),
    "a file renamed": (
        lambda cut: (cut / "sdtm" / "ae.csv").rename(cut / "sdtm" / "cm.csv"),
        "1 file is missing (sdtm/ae.csv); 1 file is more than was sealed (sdtm/cm.csv)",
    ),
    "files of every kind": (
        lambda cut: [(cut / f"note{at}.txt").write_text("x") for at in range(7)] + [(cut / "cut.json").unlink(), flip(cut / "sdtm" / "dm.xpt")],
        "1 file differs (sdtm/dm.xpt); 1 file is missing (cut.json); 7 files are more than were sealed (note0.txt, note1.txt, note2.txt, note3.txt, note4.txt and 2 more)",
    ),
}  # fmt: skip


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-90] ^= 1
    file.write_bytes(bytes(content))


def edit(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("case", CHANGES)
def test_sealed_cut_that_differs_is_refused_by_all_that_read_it_in_one_message(case, cut):
    change, words = CHANGES[case]
    seal_cut(cut)
    change(cut)
    for read in (lambda folder: hash_cut(folder, our_trial()), seal_cut):
        with pytest.raises(DataError) as caught:
            read(cut)
        (said,) = [str(problem) for problem in caught.value.problems if problem.rule == "seal of the cut"]
        # The names of the files, of each kind five: a machine reads them as the place.
        place = ", ".join(re.findall(r"\((.*?)(?: and \d+ more)?\)", words))
        assert said.startswith(f"{cut / 'seal.json'}: {place}: the cut is not as it was sealed: {words} [rule: seal of the cut]")
        assert said.endswith("cgbm1-report seal CUT --again")


def test_sealed_cut_that_differs_is_sealed_again_where_that_is_asked_for(cut):
    seal_cut(cut)
    edit(cut / "sdtm" / "ae.csv", "S1,1", "S1,2")
    assert not seal_cut(cut, again=True).before
    assert seal_cut(cut).before


def test_unblinding_record_that_comes_in_after_the_seal_opens_nothing(cut):
    seal_cut(cut)
    (cut / "unblinding.csv").write_text("PHASE,UNBLDTC\n2,2026-01-01\n")
    with pytest.raises(DataError, match=r"1 file is more than was sealed \(unblinding.csv\)"):
        read_cut(cut, our_trial())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"files": {"cut.json": {"bytes": 1, "sha256": "' + "0" * 64 + '"}}}',  # of another program
        '{"seal": "cgbm1-report seal 1", "files": {}}',
        '{"seal": "cgbm1-report seal 1", "files": {"cut.json": "' + "0" * 64 + '"}}',
        '{"seal": "cgbm1-report seal 1", "files": {"cut.json": {"bytes": true, "sha256": "' + "0" * 64 + '"}}}',
        '{"seal": "cgbm1-report seal 1", "files": {"cut.json": {"bytes": 1, "sha256": "' + "0" * 63 + '"}}}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_what_is_no_seal_of_ours_seals_nothing_and_is_refused(content, cut):
    (cut / "seal.json").write_text(content, errors="surrogateescape")
    for do in (seal_cut, lambda folder: read_cut(folder, our_trial())):
        assert "seal.json: is no seal of a cut, or a damaged one" in said_of(cut, do)
    assert seal_cut(cut, again=True).files == 4


def test_folder_that_is_no_cut_gets_no_seal(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("Dear")
    build = make_build(tmp_path / "build")
    assert "holds no dataset" in said_of(tmp_path / "home", seal_cut)
    for read in (seal_cut, read_cut, hash_cut):
        with pytest.raises(PlanError, match="is a build, not a cut") as caught:
            read(build)
        assert caught.value.problems[0].remedy == "name the folder of the data it was made of"
    assert "does not exist" in said_of(tmp_path / "nowhere", seal_cut)
    assert not list(tmp_path.rglob("seal.json"))


def test_broken_seal_is_told_before_what_may_follow_from_it(cut):
    """A line that came into a file after the sealing was told first, as a fault of whoever delivered it."""
    seal_cut(cut)
    with (cut / "sdtm" / "ae.csv").open("a") as file:
        file.write("x\n")
    for read in (read_cut, hash_cut):
        with pytest.raises(DataError) as caught:
            read(cut)
        first, *others = caught.value.problems
        assert first.message.startswith("the cut is not as it was sealed: 1 file differs (sdtm/ae.csv)")
        assert first.message.endswith("; what is told besides may follow from it") == bool(others) == (read is read_cut)


def test_what_is_no_file_of_the_cut_is_not_sealed(cut, tmp_path):
    (tmp_path / "secret.csv").write_text("x")
    (cut / "sdtm" / "cm.csv").symlink_to(tmp_path / "secret.csv")
    (cut / "inner").symlink_to(cut / "sdtm")
    os.mkfifo(cut / "sdtm" / "pipe")
    with pytest.raises(DataError) as caught:
        seal_cut(cut)
    assert [(Path(problem.file).name, problem.message) for problem in caught.value.problems] == [
        ("inner", "is no file"),
        ("cm.csv", "is a link that leads out of the cut folder"),
        ("pipe", "is no file"),
    ]
    assert not (cut / "seal.json").exists()


@pytest.mark.runs(*(["setpriv"] if os.geteuid() == 0 else []))
def test_cut_that_is_read_only_says_who_may_seal_it(cut):
    """No other folder can be chosen: the seal lies in the cut."""
    cut.chmod(0o555)
    # Root writes anywhere, but for a root without that power.
    as_user = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_user, sys.executable, "-m", "cgbm1_report.cli", "seal", str(cut)], capture_output=True, text=True, check=False
    )
    cut.chmod(0o755)
    assert done.returncode == 74
    assert "cannot be written: Permission denied [rule: seal of the cut] Remedy: have it sealed by who may write" in done.stderr


def test_seal_that_cannot_be_written_leaves_the_one_that_was_there(cut, monkeypatch):
    seal_cut(cut)
    before = (cut / "seal.json").read_bytes()
    edit(cut / "sdtm" / "ae.csv", "S1,1", "S1,2")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(seals, "write_whole", full)
    assert "cannot be written: No space left on device" in said_of(cut, lambda folder: seal_cut(folder, again=True))
    assert (cut / "seal.json").read_bytes() == before


def test_hash_of_a_cut_is_of_its_files_and_not_of_its_name_or_seal(cut, tmp_path):
    one = hash_files(measure_files(cut))
    other = shutil.copytree(cut, tmp_path / "other name")
    seal_cut(other)
    assert hash_files(measure_files(other)) == one
    edit(other / "sdtm" / "ae.csv", "S1,1", "S1,2")
    assert hash_files(measure_files(other)) != one
    (cut / "define.xml").rename(cut / "define2.xml")
    assert hash_files(measure_files(cut)) != one


def test_command_says_what_it_sealed_and_ends_with_the_code_of_wrong_data_where_a_cut_differs(cut, carry_out):
    code, printed, _ = carry_out("seal", cut)
    size = sum(path.stat().st_size for path in cut.rglob("*.*") if path.name != "seal.json")
    assert (code, printed) == (0, f"{cut / 'seal.json'}: sealed: 4 files, {size:,} bytes\n")
    code, printed, _ = carry_out("seal", cut, "--json")
    assert (code, json.loads(printed)["files"], json.loads(printed)["before"]) == (0, 4, True)
    edit(cut / "sdtm" / "ae.csv", "S1,1", "S1,2")
    for words in (["seal", cut], ["validate", cut], ["build", cut, "--out", cut.parent / "build"], ["show", "T14.1.1.1", cut]):
        code, _, said = carry_out(*words)
        assert code == 1
        assert said.count("error:") == 1
        assert "the cut is not as it was sealed: 1 file differs (sdtm/ae.csv)" in said
    assert not (cut.parent / "build").exists()
    assert carry_out("seal", cut, "--again")[0] == 0


def test_plan_error_tells_a_build_from_a_cut(tmp_path):
    with pytest.raises(PlanError):
        seal_cut(make_build(tmp_path / "build"))
