"""Where a build is put: what is somebody's work is never replaced, and a target is there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.assets import asset
from cgbm1_report.build import look as look_module
from cgbm1_report.build import make as maker
from cgbm1_report.build import target
from cgbm1_report.build.failed import keep_failed
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.target import check_replaceable, refuse_place, refuse_within
from cgbm1_report.errors import BusyError, PlanError, Problem, ReportError, WritingError, join_errors
from cgbm1_report.system import whole
from cgbm1_report.system.endings import explain
from cgbm1_report.system.listed import write_files
from cgbm1_report.system.manifest import sha256_of, sha256_of_each
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import find_place, put_in_place, whole_folder, workroom, write_whole
from tests.drawn import our_trial

FILES = {"report.html": "<p>old</p>", "outputs/T14.1.1.json": "{}", "trial.yaml": "study: {}\n"}
STAMP = {"protocol": "X", "mark": "Draft", "cutoff": "2026-10-01", "program": "p", "produced": "", "paper": "a4"}


def manifest_of(files: dict[str, str]) -> dict:
    report = {"building": False, "pooled_phases": [], "stamp": STAMP, "only": None, "formats": ["html"]}
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    engine = {"name": "embedded", "version": "1", "notes": ""}
    return {"report": report, "parameters": {}, "code": "0.1.0", "engine": engine, "inputs": {}, "outputs": {}, "files": hashes}


def make_build(folder: Path, files: dict[str, str] = FILES) -> Path:
    """A folder that is a build as far as replacing it goes."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "manifest.json").write_text(json.dumps(manifest_of(files)))
    return folder


def picture(folder: Path) -> dict[str, object]:
    """Everything below a folder: kinds, rights, contents."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder",
            stat.S_IMODE(path.lstat().st_mode),
        )
        for path in sorted(folder.rglob("*"))
    }


def build_nowhere(out: Path, **more) -> None:
    """A build of a cut that is not there: whatever is said about the target is said before anything is read."""
    build_report(Request(cut=out.parent / "no-cut", out=out, **more))


# ---- what may be replaced


def edit_manifest(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def damage(build: Path) -> None:
        path = build / "manifest.json"
        loaded = json.loads(path.read_text())
        change(loaded)
        path.write_text(json.dumps(loaded))

    return damage


def write(name: str, text: str = "my words") -> Callable[[Path], object]:
    def damage(build: Path) -> None:
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(text)

    return damage


#: What became of an earlier build; what must be said about it.
SOMEBODYS_WORK = {
    "a draft saved in it":             (write("draft.docx"), "draft.docx: is a file that the build did not make"),
    "a hidden file":                   (write(".notes"), ".notes: is a file"),
    "a repository begun in it":        (write(".git/HEAD"), ".git: is a folder that the build did not make"),
    "an empty folder":                 (lambda b: (b / "chapters").mkdir(), "chapters: is a folder"),
    "an empty folder among outputs":   (lambda b: (b / "outputs" / "mine").mkdir(), "outputs/mine: is a folder"),
    "a link to a file":                (lambda b: (b / "link").symlink_to("report.html"), "link: is a file"),
    "a link to a folder":              (lambda b: (b / "link").symlink_to("outputs"), "link: is a file"),
    "a link in a listed file's place": (lambda b: ((b / "report.html").rename(b.parent / "r"), (b / "report.html").symlink_to(b.parent / "r")), "report.html: is a file"),
    "a pipe":                          (lambda b: os.mkfifo(b / "pipe"), "pipe: is a file"),
    "a report the writer edited":      (write("report.html"), "report.html: was changed since the build"),
    "a protocol the writer edited":    (write("trial.yaml"), "trial.yaml: was changed since the build"),
    "no manifest":                     (lambda b: (b / "manifest.json").unlink(), "it has no manifest"),
    "the manifest a link":             (lambda b: ((b / "manifest.json").rename(b.parent / "m"), (b / "manifest.json").symlink_to(b.parent / "m")), "manifest.json: is a file"),
    "an empty manifest":               (write("manifest.json", ""), "cannot be read"),
    "a manifest cut off":              (write("manifest.json", '{"report": {'), "cannot be read"),
    "another program's manifest":      (write("manifest.json", '{"name": "my-app", "icons": []}'), "report is missing"),
    "a manifest that is a list":       (write("manifest.json", "[]"), "is no JSON object"),
    "half a character in it":          (edit_manifest(lambda m: m.update(code="\ud800")), "cannot be read"),
    "a manifest a thousand deep":      (write("manifest.json", "[" * 100_000), "cannot be read"),
    "no list of files":                (edit_manifest(lambda m: m.pop("files")), "files is missing"),
    "files as a list":                 (edit_manifest(lambda m: m.update(files=[])), "files is of the wrong kind"),
    "a hash that is none":             (edit_manifest(lambda m: m["files"].update({"report.html": "x"})), "no path with its SHA-256"),
    "a path that leads out":           (edit_manifest(lambda m: m["files"].update({"../x": "0" * 64})), "no path with its SHA-256"),
    "a build that was never finished": (edit_manifest(lambda m: m["report"].update(building=True)), "never finished"),
    "truth for a number":              (edit_manifest(lambda m: m["report"].update(pooled_phases=[None])), "does not belong there"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOMEBODYS_WORK)
def test_target_that_holds_somebodys_work_is_refused_and_not_touched(case, tmp_path):
    damage, words = SOMEBODYS_WORK[case]
    build = make_build(tmp_path / "build")
    damage(build)
    before = picture(tmp_path)
    with pytest.raises(ReportError) as caught:
        build_nowhere(build)
    assert words in str(caught.value)
    assert "choose another folder with --out" in str(caught.value)
    assert "no-cut" not in str(caught.value)
    assert picture(tmp_path) == before


def test_all_files_in_the_way_are_told_at_once_the_first_twenty_by_name(tmp_path):
    build = make_build(tmp_path / "build")
    for number in range(23):
        (build / f"chapter{number:02}.docx").write_text("words")
    with pytest.raises(ReportError) as caught:
        check_replaceable(build, build)
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 21
    assert "chapter00.docx" in said[0]
    assert "chapter19.docx" in said[19]
    assert "3 more such files" in said[20]


@pytest.mark.parametrize("case", ["as it was made", "one file deleted"])
def test_build_that_nobody_worked_in_may_be_replaced(case, tmp_path):
    build = make_build(tmp_path / "build")
    if case == "one file deleted":
        (build / "report.html").unlink()
    before = sorted(path.name for path in build.rglob("*"))
    check_replaceable(build, build)  # raises nothing
    assert sorted(path.name for path in build.rglob("*")) == before


def test_empty_folder_and_file_are_no_builds(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("words")
    for name, words in (("empty", "it has no manifest"), ("file", "is not a folder")):
        with pytest.raises(ReportError, match=words):
            build_nowhere(tmp_path / name)


# ---- what is never a target


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("cut", "is the cut"),
        ("cut/", "is the cut"),
        ("link-to-cut", "is the cut"),
        ("elsewhere/../cut", "is the cut"),
        (".", "the cut"),
        ("cut/build", "lies in the cut"),
        ("cut/sdtm/new/build", "lies in the cut"),
        ("study", "holds the protocol file"),
        ("look", "holds the Word template"),
    ],
)
def test_what_is_read_is_never_a_target(out, words, tmp_path, monkeypatch):
    for name in ("cut/sdtm", "elsewhere", "study", "look"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link-to-cut").symlink_to("cut")
    (tmp_path / "study" / "trial.yaml").write_text("x")
    (tmp_path / "look" / "look.docx").write_text("x")
    # Even where the folder looks like a build that may be replaced.
    for name in ("cut", "study", "look", "."):
        make_build(tmp_path / name)
    before = picture(tmp_path)
    read = {"the protocol file": tmp_path / "study" / "trial.yaml", "the Word template": tmp_path / "look" / "look.docx"}
    with pytest.raises(ReportError, match=words):
        refuse_place(find_place(tmp_path / out), folders={"the cut": tmp_path / "cut"}, files=read)
    assert picture(tmp_path) == before


def test_folder_one_stands_in_and_home_and_root_are_never_a_target(tmp_path, monkeypatch):
    home = make_build(tmp_path / "home")
    (home / "here").mkdir()
    monkeypatch.setenv("HOME", str(home))
    for folder, words in ((home, "is or holds your home folder"), (Path("/"), "is or holds the current folder")):
        with pytest.raises(ReportError, match=words):
            build_nowhere(folder)
    monkeypatch.chdir(home / "here")
    with pytest.raises(ReportError, match="is or holds the current folder"):
        build_nowhere(home)


def test_mount_point_is_refused_before_the_work(tmp_path, monkeypatch):
    """Also one mounted from the same disk, which looks like any folder; its name has a blank, which the list escapes."""
    build = make_build(tmp_path / "my build")
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(target, "_MOUNTS", mounts)
    for point in (build, build / "outputs"):
        escaped = str(point).replace(" ", "\\040")
        mounts.write_text(f"36 35 98:0 /x {escaped} rw,noatime master:1 - ext4 /dev/root rw\n")
        with pytest.raises(ReportError, match="is a mount point, or holds one"):
            build_nowhere(build)
    mounts.write_text("36 35 98:0 / / rw - ext4 /dev/root rw\n")
    with pytest.raises(ReportError, match="no-cut"):
        build_nowhere(build)


def test_template_that_is_saved_while_it_is_read_stops_the_build(tmp_path, monkeypatch):
    """What is recorded is what was read."""
    look = tmp_path / "look.docx"
    look.write_bytes(b"as it was read")
    monkeypatch.setattr(emit, "read_reference", lambda path: path.write_bytes(b"as it was saved") and b"")
    with pytest.raises(ReportError, match="was changed while it was read"):
        look_module.read_template(look)


def test_protocol_that_is_saved_while_it_is_read_stops_the_build(tmp_path):
    """The copy in the build and its hash agree, but not with what decided."""
    saved = tmp_path / "trial.yaml"
    shutil.copyfile(asset("trial.yaml"), saved)
    used = {"sha256": hashlib.sha256(saved.read_bytes()).hexdigest()}
    trial = our_trial()
    maker._refuse_other_trial(tmp_path, trial, used, saved)
    with pytest.raises(ReportError, match="was changed while it was read"):
        maker._refuse_other_trial(tmp_path, trial.model_copy(update={"notebooks": ()}), used, saved)


# ---- links


def make(folder: Path, check=check_replaceable, text: str = "new") -> None:
    with whole_folder(find_place(folder), check) as work:
        (work / "report.html").write_text(text)


@pytest.mark.parametrize("case", ["to a build", "to nothing yet"])
def test_link_stays_a_link_and_the_build_is_made_behind_it(case, tmp_path):
    behind = tmp_path / "2026-10-01"
    if case == "to a build":
        make_build(behind)
    (tmp_path / "latest").symlink_to("2026-10-01")
    make(tmp_path / "latest")
    assert os.readlink(tmp_path / "latest") == "2026-10-01"
    assert [path.name for path in behind.iterdir()] == ["report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-10-01", "latest"]


def test_link_that_leads_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ReportError, match="nowhere but to itself"):
        find_place(tmp_path / "a")


# ---- the move


@pytest.fixture(params=["one step", "two steps"])
def rename(request, monkeypatch):
    """With the rename that swaps two names, and on systems that have none."""
    if request.param == "two steps":
        monkeypatch.setattr(whole, "_renameat2", lambda: None)
    return request.param


def test_file_saved_during_the_work_stops_the_move(rename, tmp_path):
    build = make_build(tmp_path / "build")
    with pytest.raises(ReportError, match=r"draft\.docx"), whole_folder(build, check_replaceable) as work:  # noqa: PT012
        (work / "report.html").write_text("new")
        (build / "draft.docx").write_text("my words")
    assert (build / "draft.docx").read_text() == "my words"
    assert (build / "report.html").read_text() == FILES["report.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


def test_file_saved_at_the_moment_of_the_move_is_not_lost(rename, tmp_path):
    build = make_build(tmp_path / "build")
    before = picture(build)
    asked = []

    def check(folder: Path, name: Path) -> None:
        asked.append(folder)
        if len(asked) == 3:
            (folder / "draft.docx").write_text("my words")
        check_replaceable(folder, name)

    with pytest.raises(ReportError, match=r"build/draft\.docx"):
        make(build, check)
    assert (build / "draft.docx").read_text() == "my words"
    (build / "draft.docx").unlink()
    assert picture(build) == before
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_build_is_as_wide_as_the_umask_says_and_private_while_it_is_made(mask, tmp_path):
    before = os.umask(mask)
    try:
        with whole_folder(tmp_path / "build", check_replaceable) as work:
            (work / "inner").mkdir()
            (work / "inner" / "file").write_text("x")
            assert stat.S_IMODE(work.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    rights = {name: right for name, (_, right) in picture(tmp_path).items()}
    assert rights == {"build": 0o777 & ~mask, "build/inner": 0o777 & ~mask, "build/inner/file": 0o666 & ~mask}


def test_every_file_is_on_the_disk_before_it_is_seen(tmp_path, monkeypatch):
    seen: list[str] = []
    real_fsync, real_rename = os.fsync, whole._rename_at
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append(os.readlink(f"/proc/self/fd/{handle}")), real_fsync(handle))[1])
    monkeypatch.setattr(whole, "_rename_at", lambda *given: (seen.append("rename"), real_rename(*given))[1])
    with whole_folder(tmp_path / "build", check_replaceable) as work:
        (work / "inner").mkdir()
        (work / "inner" / "file").write_text("x")
        made = str(work)
    before = seen[: seen.index("rename")]
    assert sorted(before) == [made, f"{made}/inner", f"{made}/inner/file"]
    assert seen[-1] == str(tmp_path)


# ---- what a killed run leaves


def run_killed(action: Callable[[], object]) -> None:
    """Carry out an action that kills its own process, in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_during_the_work(build: Path) -> None:
    with whole_folder(build, check_replaceable) as work:
        (work / "report.html").write_text("half")
        die()


def kill_at(name: str, call: int, *, steps: int = 1) -> Callable[[Path], None]:
    """Kill in the place of the n-th call of a function of the module."""

    def action(build: Path) -> None:
        if steps == 2:
            whole._renameat2 = lambda: None
        owner = Path if name == "rename" else whole
        real, calls = getattr(owner, name), []

        def counted(*given):
            calls.append(given)
            return die() if len(calls) == call else real(*given)

        setattr(owner, name, counted)
        make(build)

    return action


#: Where the run is killed, and whether the new build is there when the next one starts.
MOMENTS = {
    "before the room has a lock": (kill_at("_flock", 2), "old"),
    "during the work":            (kill_during_the_work, "old"),
    "while it is flushed":        (kill_at("_fsync", 1), "old"),
    "before the swap":            (kill_at("_rename_at", 1), "old"),
    "after the swap":             (kill_at("_remove", 1), "new"),
    "before the first rename":    (kill_at("rename", 1, steps=2), "old"),
    "between the two renames":    (kill_at("rename", 2, steps=2), "old"),
    "after the second rename":    (kill_at("_remove", 1, steps=2), "new"),
}  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_run_leaves_a_whole_build_and_what_the_next_start_sweeps(moment, tmp_path):
    action, expected = MOMENTS[moment]
    build = make_build(tmp_path / "build")
    old = picture(build)
    run_killed(lambda: action(build))
    left = [path for path in tmp_path.iterdir() if path.name != "build"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in left)
    whole.sweep(build)
    assert [path.name for path in tmp_path.iterdir()] == ["build"]
    assert picture(build) == old if expected == "old" else [path.name for path in build.iterdir()] == ["report.html"]


def test_run_that_lives_is_not_swept_and_has_the_target_for_itself(tmp_path):
    with whole_folder(tmp_path / "build", check_replaceable) as work:
        (work / "file").write_text("x")
        with pytest.raises(BusyError, match=f"written by another run \\(process {os.getpid()}\\)"):
            make(tmp_path / "build")
        make(tmp_path / "other")
        assert (work / "file").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "other"]


#: What an open, a write or a copy meets (error, the file it names, where it was to go to), and what is told: of what, in which kind.
FULL = """
ENOSPC  -            -           build      WritingError   what writes into an open file knows no path
EDQUOT  -            -           build      WritingError   the quota of a user
EFBIG   made/x.csv   -           build      WritingError   a file of the work, which is gone when it is told
ENOSPC  a-font.ttf   made/x.ttf  build      WritingError   a copy names first what it reads, which is not on the full disk
ENOSPC  other.csv    -           other.csv  OSError        another file than those of the work
ENOMEM  -            -           -          OSError        no fault of a disk
"""


@pytest.mark.parametrize("line", FULL.strip().splitlines())
def test_room_that_is_missing_is_told_of_what_was_being_made(line, tmp_path):
    name, first, second, named, kind, *_ = line.split()
    number = getattr(errno, name)
    with pytest.raises((OSError, WritingError)) as caught, whole_folder(tmp_path / "build", check_replaceable) as work:  # noqa: PT012
        (work / "page.pdf").write_bytes(b"x" * 250_000)
        own, onto = [None if word == "-" else word.replace("made/", f"{work}/") for word in (first, second)]
        raise OSError(number, os.strerror(number), own, None, onto) if own else OSError(number, os.strerror(number))
    (problem,), code = explain(caught.value)
    assert type(caught.value).__name__ == kind
    assert problem.file == {"-": "", "build": str(tmp_path / "build")}.get(named, named)
    if kind == "WritingError":
        assert (code, problem.rule) == (74, "room on the disk")
        assert problem.message == f"cannot be written: {os.strerror(number)}, after 0.3 MB of it were written"
    else:
        assert problem.message == os.strerror(number)


def test_room_that_many_met_is_told_once_and_what_else_went_wrong_beside_it(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    found = [tell_unwritten(full, Path("a.ipynb")), tell_unwritten(full, Path("b.ipynb")), PlanError("is wrong", file="c.ipynb")]
    with pytest.raises(ReportError) as caught, whole_folder(tmp_path / "build", check_replaceable):
        raise join_errors(found)
    told = [(problem.file, problem.message) for problem in caught.value.problems]
    assert told == [
        (str(tmp_path / "build"), "cannot be written: No space left on device, after 0.0 MB of it were written"),
        ("c.ipynb", "is wrong"),
    ]


@pytest.mark.parametrize("before", ["", "an earlier notebook"])
def test_notebook_that_cannot_be_kept_whole_leaves_no_folder(before, tmp_path, monkeypatch):
    """The disk takes the list and half of the files."""
    notebooks = [tmp_path / "a.ipynb", tmp_path / "b.ipynb"]
    for path in notebooks:
        path.write_text("{}")
    if before:
        write_files(tmp_path / "build-failed", {"a.ipynb": before.encode()}, "failed.sha256")
    written = []

    def write(place):
        written.append(place)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(whole, "_fsync", write)
    error = PlanError.of([Problem("a"), Problem("b")])
    assert keep_failed(tmp_path / "build", notebooks, error) is error
    assert not (tmp_path / "build-failed").exists()


#: Folders that look like a room and are none of ours: what lies in them.
NOT_OURS = {
    "a folder with words": {"chapter.txt": "words"},
    "another program's lock": {"lock": "12345", "made/x": "x"},
    "a lock that says another program": {"lock": '{"program": "other", "target": "build"}'},
    "a lock that leads elsewhere": {"lock": '{"program": "cgbm1-report", "target": "../build"}', "old/x": "x"},
    "an empty lock beside words": {"lock": "", "chapter.txt": "words"},
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_what_is_not_ours_is_not_swept(case, tmp_path):
    room = tmp_path / ".build.cgbm1-abcdefgh"
    for name, text in NOT_OURS[case].items():
        (room / name).parent.mkdir(parents=True, exist_ok=True)
        (room / name).write_text(text)
    (tmp_path / ".build.old-123").mkdir()
    (tmp_path / ".link.cgbm1-abcdefgh").symlink_to(room)
    before = picture(tmp_path)
    whole.sweep(tmp_path / "build")
    assert picture(tmp_path) == before


def test_failing_work_leaves_nothing_not_even_the_folders_above(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "a" / "b" / "build", check_replaceable) as work:  # noqa: PT012
        locked = work / "locked"
        locked.mkdir()
        (locked / "file").write_text("x")
        locked.chmod(0o500)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_the_work_and_its_children_go_with_it(tmp_path):
    import tempfile

    before = tempfile.gettempdir()
    with whole_folder(tmp_path / "build", check_replaceable) as work:
        inside = Path(tempfile.mkdtemp())
        assert inside.is_relative_to(work.parent)
        assert os.environ["TMPDIR"] == str(inside.parent)
    assert tempfile.gettempdir() == before
    assert not inside.exists()


# ---- single files


def test_file_keeps_its_rights_and_a_link_stays_a_link(tmp_path):
    (tmp_path / "csr.docx").write_bytes(b"old")
    (tmp_path / "csr.docx").chmod(0o640)
    (tmp_path / "link.docx").symlink_to("csr.docx")
    write_whole(tmp_path / "link.docx", b"new")
    assert picture(tmp_path) == {"csr.docx": (b"new", 0o640), "link.docx": ("csr.docx", picture(tmp_path)["link.docx"][1])}


def test_new_file_has_the_rights_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new.docx", b"new")
    finally:
        os.umask(before)
    assert picture(tmp_path) == {"new.docx": (b"new", 0o640)}


def test_room_is_gone_however_the_work_ends(tmp_path):
    with pytest.raises(KeyboardInterrupt), workroom(tmp_path / "x"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_target_made_meanwhile_by_somebody_else_is_not_overwritten(rename, tmp_path):
    with pytest.raises(ReportError, match="no manifest"), whole_folder(tmp_path / "build", check_replaceable) as work:  # noqa: PT012
        (work / "report.html").write_text("new")
        (tmp_path / "build").mkdir()
        (tmp_path / "build" / "mine").write_text("words")
    assert (tmp_path / "build" / "mine").read_text() == "words"


def test_move_that_fails_leaves_the_old_build(rename, tmp_path, monkeypatch):
    build = make_build(tmp_path / "build")
    (tmp_path / "room").mkdir()
    with pytest.raises(OSError, match="No such file"):
        put_in_place(tmp_path / "absent", build, tmp_path / "room" / "old", check_replaceable)
    assert (build / "report.html").read_text() == FILES["report.html"]


# ---- files a command writes beside others


def test_files_of_a_command_are_overwritten_only_where_it_wrote_them(tmp_path):
    """The listing is as sha256sum writes it; SHA-256 of "a" by coreutils."""
    out = tmp_path / "new" / "out"
    write_files(out, {"a.txt": b"a"}, "a.sha256")
    assert (out / "a.sha256").read_text() == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.txt\n"
    (out / "mine.txt").write_text("my words")
    write_files(out, {"a.txt": b"b"}, "a.sha256")
    assert {path.name: path.read_text()[:1] for path in out.iterdir()} == {"a.txt": "b", "a.sha256": "3", "mine.txt": "m"}


#: What somebody did to the folder; the file that is named.
OTHERS_FILES = {
    "annotated one of ours":      (lambda out: (out / "a.txt").write_text("a, and a note"), "a.txt"),
    "put a link in its place":    (lambda out: ((out / "a.txt").rename(out / "b"), (out / "a.txt").symlink_to("b")), "a.txt"),
    "removed the listing":        (lambda out: (out / "a.sha256").unlink(), "a.txt"),
    "wrote a listing of his own": (lambda out: (out / "a.sha256").write_text("my notes"), "a.sha256"),
    "made a folder of that name": (lambda out: ((out / "a.txt").unlink(), (out / "a.txt").mkdir()), "a.txt"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS_FILES)
def test_file_somebody_worked_on_is_named_and_not_overwritten(case, tmp_path):
    damage, name = OTHERS_FILES[case]
    write_files(tmp_path, {"a.txt": b"a"}, "a.sha256")
    damage(tmp_path)
    before = picture(tmp_path)
    with pytest.raises(ReportError, match=rf"{name}: exists, and is not as this command left it"):
        write_files(tmp_path, {"a.txt": b"b"}, "a.sha256")
    assert picture(tmp_path) == before


def test_writing_of_files_that_was_killed_is_taken_up_again(tmp_path):
    write_files(tmp_path, {"a.txt": b"a", "b.txt": b"a"}, "x.sha256")

    def killed() -> None:
        real, calls = os.replace, []
        os.replace = lambda *given: die() if calls.append(1) or len(calls) == 3 else real(*given)
        write_files(tmp_path, {"a.txt": b"b", "b.txt": b"b"}, "x.sha256")

    run_killed(killed)
    assert ((tmp_path / "a.txt").read_text(), (tmp_path / "b.txt").read_text()) == ("b", "a")
    write_files(tmp_path, {"a.txt": b"c", "b.txt": b"c"}, "x.sha256")
    assert sorted(path.read_text()[:1] for path in tmp_path.glob("?.txt")) == ["c", "c"]


def test_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "file").write_text("words")
    with pytest.raises(ReportError, match="exists and is not a folder"):
        write_files(tmp_path / "file", {"a.txt": b"a"}, "a.sha256")
    assert (tmp_path / "file").read_text() == "words"


def test_files_are_hashed_alike_one_by_one_and_many_at_once(tmp_path):
    contents = {"b.txt": b"", "a/deep/c.bin": b"x" * ((1 << 20) + 1), "a/d \u00e4.txt": b"abc", "e": b"y" * (1 << 20)}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    told = sha256_of_each(tmp_path, contents)
    # FIPS 180-2, appendix B.1, and the hash of nothing.
    assert told["a/d \u00e4.txt"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert told["b.txt"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert list(told) == list(contents)
    assert told == {name: sha256_of(tmp_path / name) for name in contents}
    with pytest.raises(FileNotFoundError):
        sha256_of_each(tmp_path, ["b.txt", "gone"])


#: What each verb that writes a file or a folder of its own is asked; ``there`` is in a cut or in a build.
WRITTEN = {
    "a workbook": ["show", "T14.1.1.2", "cut", "--format", "xlsx", "--out", "there/new.xlsx"],
    "a notebook": ["explore", "cut", "--write-only", "--out", "there/new.ipynb"],
    "a record": ["qualify", "iq", "--out", "there/new"],
    "a document, in another's place": ["refresh", "there/report.docx", "--from", "made"],
    "a document, beside another": ["refresh", "csr.docx", "--from", "made", "--out", "there/new.docx"],
}


@pytest.mark.parametrize("kind", ["a data cut", "a build"])
@pytest.mark.parametrize("asked", WRITTEN.values(), ids=WRITTEN)
def test_no_verb_writes_a_file_of_its_own_into_a_cut_or_a_build(asked, kind, tmp_path, monkeypatch, carry_out):
    (tmp_path / "cut" / "sdtm").mkdir(parents=True)
    (tmp_path / "cut" / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\n")
    make_build(tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    folder = "cut" if kind == "a data cut" else "made"
    for place in (tmp_path / "csr.docx", tmp_path / folder / "report.docx"):
        place.write_bytes(b"a writer's")
    before = picture(tmp_path)
    code, printed, said = carry_out(*(word.replace("there", folder) for word in asked))
    assert (code, printed) == (78, "")
    named = "a data cut (it holds sdtm)" if kind == "a data cut" else kind
    assert f"which is {named}: nothing is written into it" in said
    assert picture(tmp_path) == before


def test_no_workbook_of_an_output_is_written_into_a_cut(tmp_path):
    from cgbm1_report.explore.sheets import open_output
    from tests.test_stored import OUTPUTS

    (tmp_path / "cut" / "sdtm").mkdir(parents=True)
    (tmp_path / "cut" / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\n")
    with pytest.raises(PlanError, match=r"which is a data cut \(it holds sdtm\): nothing is written into it"):
        open_output(next(iter(OUTPUTS.values()))).to_excel(tmp_path / "cut" / "new.xlsx")
    assert not (tmp_path / "cut" / "new.xlsx").exists()


def test_folder_that_looks_like_a_cut_says_by_what_and_a_file_may_be_a_stray_one(tmp_path):
    for name in ("sealed/seal.json", "upper/SDTM/dm.xpt", "upper/cut.json", "both/adam/adsl.csv", "both/sdtm/dm.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    said = {}
    for name in ("sealed", "upper", "both"):
        with pytest.raises(PlanError) as error:
            refuse_within(tmp_path / name / "new")
        said[name] = str(error.value)
    assert f"lies in {tmp_path}/sealed, which is a data cut (it holds seal.json): nothing" in said["sealed"]
    assert said["sealed"].endswith(f"where {tmp_path}/sealed is no cut, take seal.json out of it")
    assert "(it holds SDTM and cut.json)" in said["upper"]
    assert "(it holds sdtm and adam)" in said["both"]
    assert said["both"].endswith("choose another folder with --out")
