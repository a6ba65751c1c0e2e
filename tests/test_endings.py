"""However a command ends: nothing lost, nothing left behind, no process left, one message."""

from __future__ import annotations

import hashlib
import os
import pickle
import select
import shutil
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from cgbm1_report.assets import asset
from cgbm1_report.build import gate
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.cli import app
from cgbm1_report.errors import ArgumentError, BusyError, DataError, PlanError, ProofError, ToolError, WritingError, join_errors
from cgbm1_report.simulate import simulate_cut
from cgbm1_report.system import whole
from cgbm1_report.system.endings import _carry_out, explain
from cgbm1_report.system.processes import EndedError, run_program, run_python
from tests.drawn import our_trial

COMMAND = [sys.executable, "-m", "cgbm1_report.cli"]
MARK = "CGBM1_TEST_MARK"
#: Every moment at which a build says what it does, and the first, before it has said anything.
MOMENTS = ("start", "read", "validate", "derive", "notebook  01_subjects_phase1: started", "notebook  01_subjects_phase1: done",
           "notebook  01_subjects_phase2: started", "notebook  01_subjects_phase2: done", "render", "read back")  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
#: All thirty with CGBM1_ALL_MOMENTS=1; else the moments at which most can be left behind.
SOME = [
    (signal.SIGKILL, "render"),
    (signal.SIGTERM, MOMENTS[4]),
    (signal.SIGINT, "start"),
    (signal.SIGINT, MOMENTS[5]),
    (signal.SIGHUP, "validate"),
]
TRIED = [(number, moment) for number in SIGNALS for moment in MOMENTS] if os.environ.get("CGBM1_ALL_MOMENTS") else SOME


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def arguments(study: Path, out: Path, status: str) -> list[str]:
    only = ["--only", "T14.1.4.1", "--only", "T14.1.4.2", "--dose-group", "all", "--formats", "html,pdf"]
    return [
        *COMMAND,
        "build",
        str(study / "cut"),
        "--trial",
        str(study / "trial.yaml"),
        "--out",
        str(out),
        "--status",
        status,
        *only,
    ]


@pytest.fixture(scope="module")
def study(first_day, tmp_path_factory) -> Path:
    """The smallest cut, a protocol of one notebook, and the build before, which is another, and after."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(first_day / "cut", folder / "cut")
    text = asset("trial.yaml").read_text(encoding="utf-8")
    (folder / "trial.yaml").write_text(text + "\nnotebooks: [01_subjects.ipynb]\n", encoding="utf-8")
    shutil.copyfile(asset("notebooks", "01_subjects.ipynb"), folder / "01_subjects.ipynb")
    before = {"only": ("T14.1.4.1",), "phase": 1, "dose_group": "all", "formats": ("html",)}
    build_report(Request(cut=folder / "cut", trial=folder / "trial.yaml", out=folder / "old", **before))
    done = subprocess.run(arguments(folder, folder / "new", "draft"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [moment for moment in MOMENTS[1:] if moment not in done.stderr] == []
    assert digest(folder / "old") != digest(folder / "new")
    return folder


def ours(token: str) -> Iterator[int]:
    """Processes that descend from a command, wherever they have gone to."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)
        except OSError:
            continue


def wait_for(process: int, seconds: float) -> bool:
    """Whether a process that is not a child ends in time."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system cannot wait for a process that is no child")
@pytest.mark.parametrize(("number", "moment"), TRIED, ids=[f"{number.name} at {moment}" for number, moment in TRIED])
def test_build_that_is_ended_is_whole_and_leaves_nothing(number, moment, study, tmp_path, tmp_path_factory):
    target, temporary, token = tmp_path / "out" / "build", tmp_path_factory.mktemp("t"), uuid.uuid4().hex
    shutil.copytree(study / "old", target)
    process = subprocess.Popen(
        arguments(study, target, "draft"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, MARK: token, "TMPDIR": str(temporary)},
        # A shell's background job ignores SIGINT, what nohup starts SIGHUP, and so would what these start.
        preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGHUP, signal.SIG_DFL)),
    )
    with process:
        said = [""]
        while moment != "start" and moment not in said[-1]:
            said.append(process.stderr.readline())
            assert said[-1], said
        process.send_signal(number)
        rest = process.stderr.read().splitlines()
    assert [one for one in ours(token) if not wait_for(one, 20)] == []
    assert digest(target) in (digest(study / "old"), digest(study / "new"))
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
        whole.sweep(target)
        whole.sweep(temporary / "run")
    elif moment != "start":
        assert process.returncode == 128 + number
        assert [line for line in rest if line.startswith("error: ")] == [
            f"error: ended by {number.name}; what was there before stays as it was"
        ]
        assert "Traceback" not in "\n".join(rest)
    assert [path.name for path in target.parent.iterdir()] == ["build"]
    assert list(temporary.iterdir()) == []


def test_signal_that_is_ignored_stays_ignored():
    """As under nohup."""
    code = "import signal; from cgbm1_report.system.processes import end_on_signals; end_on_signals(); print(signal.getsignal(signal.SIGHUP))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.stdout.strip() == str(signal.SIG_IGN)


def test_signal_between_steps_that_belong_together_ends_the_run_after_them():
    code = """
import os, signal
from cgbm1_report.system.processes import EndedError, end_on_signals, undisturbed
end_on_signals()
try:
    with undisturbed():
        os.kill(os.getpid(), signal.SIGTERM)
        print("noted down")
    print("went on")
except EndedError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("noted down\nended by SIGTERM\n", "")


@pytest.mark.parametrize(
    "then",
    [
        "raise OSError(39, 'Directory not empty', '/a/folder')  # a child wrote into the folder that was removed",
        "raise PlanError('typst failed')  # a program that the signal ended was taken for one that failed",
        "raise SystemError('lost')",
    ],
)
def test_what_goes_wrong_while_an_ended_run_tidies_up_is_told_as_its_ending(then):
    code = f"""
import os, signal
from cgbm1_report.errors import PlanError
from cgbm1_report.system.endings import run_command
def command():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        {then}
run_command(command)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    told = "error: ended by SIGTERM; what was there before stays as it was\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", told)


# ---- programs


def test_program_gives_its_words_and_its_exit_code():
    code = "import sys; print(sys.stdin.read() + '!'); print('said', file=sys.stderr); sys.exit(3)"
    done = run_program([sys.executable, "-c", code], given=b"words", timeout=60, environment={})
    assert (done.returncode, done.stdout, done.stderr) == (3, b"words!\n", b"said\n")
    killed = run_program([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], timeout=60, environment={})
    assert killed.returncode == 137
    absent = run_program(["/nowhere/program"], timeout=60, environment={})
    assert (absent.returncode, absent.stderr) == (126, b"/nowhere/program: No such file or directory\n")


def test_python_file_imports_nothing_that_lies_beside_it(tmp_path):
    (tmp_path / "html.py").write_text("raise SystemExit('imported')")
    (tmp_path / "run.py").write_text("import html, sys; print(html.escape('<'), __name__); sys.exit(4)")
    done = run_python(tmp_path / "run.py", given=b"", timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"&lt; __main__\n", b"")


#: A program that starts another in the background and tells both numbers before it waits.
BUSY = "import os, subprocess, sys, time; p = subprocess.Popen(['sleep', '600']); open(sys.argv[1], 'w').write(f'{os.getpid()} {p.pid}'); print('up', flush=True); time.sleep(600)"


def test_program_out_of_time_is_ended_with_all_it_started(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        run_program([sys.executable, "-c", BUSY, str(tmp_path / "numbers")], timeout=5, environment=dict(os.environ))
    assert [one for one in (tmp_path / "numbers").read_text().split() if not wait_for(int(one), 20)] == []


def test_program_ends_with_all_it_started_when_its_run_is_killed(tmp_path):
    fifo = tmp_path / "numbers"
    os.mkfifo(fifo)
    code = f"import os, sys; from cgbm1_report.system.processes import run_program; run_program([sys.executable, '-c', {BUSY!r}, {str(fifo)!r}], timeout=600, environment=dict(os.environ))"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        numbers = fifo.read_text().split()
        process.kill()
    assert len(numbers) == 2
    assert [one for one in numbers if not wait_for(int(one), 20)] == []


# ---- messages


#: What ended the run, the exit code, and what is said.
ENDS = {
    "bad data":             (DataError("is wrong", file="a.csv", remedy="mend it"), 1, "a.csv: is wrong Remedy: mend it"),
    "a bad plan":           (PlanError("is wrong", file="a.yaml", remedy="mend it"), 78, "a.yaml: is wrong Remedy: mend it"),
    "a bad argument":       (ArgumentError("is unknown", remedy="name one"), 2, "is unknown Remedy: name one"),
    "a plan and its line":  (join_errors([PlanError("a"), ArgumentError("b")]), 78, "a\nb"),
    "a missing tool":       (ToolError("is not on PATH", remedy="install it"), 69, "is not on PATH Remedy: install it"),
    "a failed proof":       (ProofError("prints 4", file="a.pdf", remedy="report it"), 76, "a.pdf: prints 4 Remedy: report it"),
    "no place to write":    (WritingError("cannot be written", file="out"), 74, "out: cannot be written"),
    "another run":          (BusyError("is being written", file="out", remedy="try later"), 75, "out: is being written Remedy: try later"),
    "many of one kind":     (join_errors([PlanError("a"), PlanError("b")]), 78, "a\nb"),
    "many of many kinds":   (join_errors([PlanError("a"), DataError("b")]), 1, "a\nb"),
    "one out of a process": (pickle.loads(pickle.dumps(ToolError("is slow", rule="r", place="p"))), 69, "p: is slow [rule: r]"),  # noqa: S301 - our own
    "a signal":             (EndedError(signal.SIGTERM), 143, "ended by SIGTERM; what was there before stays as it was"),
    "a hang-up":            (EndedError(signal.SIGHUP), 129, "ended by SIGHUP; what was there before stays as it was"),
    "Ctrl-C":               (KeyboardInterrupt(), 130, "ended by SIGINT; what was there before stays as it was"),
    "a full disk":          (OSError(28, "No space left on device", "/data/x"), 74, "/data/x: No space left on device Remedy: check the path, its permissions and the space left"),
    "no memory":            (MemoryError(), 71, "there is not enough memory Remedy: free some, or build fewer outputs at a time (--only)"),
    "a fault of our own":   (KeyError("TRTSDT"), 70, "unexpected KeyError: 'TRTSDT' Remedy: run the command again with --debug, and report what it prints"),
    "one of many lines":    (ValueError("a\n  b"), 70, "unexpected ValueError: a b Remedy: run the command again with --debug, and report what it prints"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_whatever_ends_a_run_is_a_line_a_problem_and_a_code(case):
    error, code, words = ENDS[case]
    problems, found = explain(error)
    assert ("\n".join(map(str, problems)), found) == (words, code)


def test_fault_of_the_program_shows_its_traceback_with_debug_alone(tmp_path):
    """A fault is made by a package that cannot do what it should."""
    (tmp_path / "cgbm1_fault.py").write_text(
        "import cgbm1_report.outputs.catalogue as c\ndef f(*_): raise KeyError('TRTSDT')\nc.catalogue = f\n"
    )
    code = "import sys, cgbm1_fault; from cgbm1_report.cli import main; sys.argv[0] = 'cgbm1-report'; main()"
    for given, traces in ((["list"], 0), (["list", "--debug"], 1), (["--debug", "list"], 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, *given], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}
        )
        assert done.returncode == 70
        assert done.stderr.count("Traceback") == traces
        assert "error: unexpected KeyError: 'TRTSDT' (at cgbm1_fault.py:2)" in done.stderr


@pytest.mark.parametrize("epoch", ["abc", "-1", "1.5", "1e9", "253402300800", "99999999999999999999", "²", " 1"])
def test_time_that_is_none_is_one_message_before_the_work(epoch, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    code = _carry_out(lambda: app(["build", str(tmp_path / "no-cut"), "--out", str(tmp_path / "out")]), debug=False)
    said = capsys.readouterr().err
    assert code == 78
    assert len(said.splitlines()) == 1
    assert "SOURCE_DATE_EPOCH is" in said
    assert list(tmp_path.iterdir()) == []
    carried = []
    assert _carry_out(lambda: carried.append("another command"), debug=False) == 78
    assert carried == []


@pytest.mark.parametrize("epoch", ["", "0", "1767225600", "253402300799"])
def test_time_that_is_one_is_taken(epoch, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    done = []
    assert _carry_out(lambda: done.append("carried out"), debug=False) == 0
    assert done == ["carried out"]


def test_what_the_encoding_lacks_prints_as_a_question_mark():
    done = subprocess.run([*COMMAND, "list"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?" in done.stdout


def test_reader_that_has_seen_enough_and_a_full_disk_are_no_traceback():
    with subprocess.Popen([*COMMAND, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 74
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr


# ---- wrong arguments of every command


def wrong_things(folder: Path) -> dict[str, str]:
    """What may stand where a path should: each kind of wrong thing, by its name."""
    for name, content in {
        "file": b"words",
        "empty": b"",
        "bytes": b"\xff\xfe\x00\xd8",
        "json": b'{"a": "\\ud800"}',
        "bomb": b"[" * 100_000,
    }.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "manifest.json").write_text('{"name": "another program"}')
    (folder / "surrogate").mkdir()
    (folder / "surrogate" / "manifest.json").write_text('{"report": "\\ud800"}')
    (folder / "loop").symlink_to("loop")
    (folder / "pipe").symlink_to("/dev/null")
    return {
        name: str(folder / name)
        for name in ("file", "empty", "bytes", "json", "bomb", "folder", "other", "surrogate", "loop", "pipe", "absent")
    }


#: A command line, THING in the place that is tried; CUT and NEW are sound.
PLACES = [
    "build THING --out NEW", "build CUT --trial THING --out NEW", "build CUT --reference-doc THING --out NEW", "show T14.1.1.1 THING",
    "show T14.1.1.1 CUT --trial THING", "validate THING", "validate CUT --trial THING", "validate CUT --since THING", "verify THING",
    "verify THING CUT", "refresh THING --from THING", "list --trial THING", "define NEW --trial THING", "simulate NEW --trial THING",
]  # fmt: skip
#: Where something is written: a folder may be there, anything else may not be touched.
WRITES = ["build CUT --out THING", "define THING", "simulate THING", "demo --out THING", "validate CUT --out THING"]


def tried(line: str, thing: str, folder: Path, capsys) -> str:
    """What a command says on standard error, run in this process; it must end with a code of its own."""
    words = [{"THING": thing, "CUT": str(folder / "cut"), "NEW": str(folder / "new")}.get(word, word) for word in line.split()]
    code = _carry_out(lambda: app(words), debug=False)
    said = capsys.readouterr().err
    assert code in (0, 1, 2, 74, 76, 78), (words, code, said)
    assert "Traceback" not in said
    assert code == 0 or said, words
    return said


@pytest.fixture(scope="module")
def first_day(tmp_path_factory) -> Path:
    """A folder with the smallest cut there is: one subject has consented."""
    folder = tmp_path_factory.mktemp("first")
    simulate_cut(folder / "cut", trial=our_trial(), cutoff=date(2025, 1, 6))
    return folder


@pytest.mark.parametrize("line", PLACES)
def test_wrong_thing_for_a_path_is_one_message(line, first_day, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(first_day / "cut", tmp_path / "cut")
    things = wrong_things(tmp_path)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    if "--since" in line:
        # Each is found wrong after the newer cut was validated, which takes seconds: that is done once.
        things = {name: things[name] for name in ("file", "absent")}
        validate, found = gate.validate_everything, {}

        def validate_once(read, trial):
            if read.folder not in found:
                found[read.folder] = validate(read, trial)
            return found[read.folder]

        monkeypatch.setattr(gate, "validate_everything", validate_once)
    for thing in (*things.values(), ""):
        tried(line, thing, tmp_path, capsys)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("line", WRITES)
def test_nothing_that_is_there_is_overwritten(line, first_day, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(first_day / "cut", tmp_path / "cut")
    things = wrong_things(tmp_path)
    del things["absent"], things["folder"]
    if not line.startswith(("build", "simulate")):
        del things["other"], things["surrogate"]
    before = {path: (path.lstat().st_mtime_ns, stat.S_IFMT(path.lstat().st_mode)) for path in tmp_path.rglob("*")}
    if line.startswith("demo"):
        # A demo simulates its cut before it is refused.
        things = {name: things[name] for name in ("file", "loop")}
    for thing in things.values():
        assert "error: " in tried(line, thing, tmp_path, capsys)
    assert {path: (path.lstat().st_mtime_ns, stat.S_IFMT(path.lstat().st_mode)) for path in tmp_path.rglob("*")} == before


def test_real_cut_in_a_demos_place_is_not_reported_as_the_demo(first_day, tmp_path, capsys):
    shutil.copytree(first_day / "cut", tmp_path / "demo" / "cut")
    said = tried("demo --out THING", str(tmp_path / "demo"), tmp_path, capsys)
    assert "holds another cut than that of seed 6740149" in said
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["cut"]
