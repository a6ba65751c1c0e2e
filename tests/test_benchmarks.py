"""The benchmarks' arithmetic and data, on tiny work; nothing here is about speed."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import peers
from benchmarks.__main__ import parse
from benchmarks.data import EVENTS, multiply, read_output, texts_of, write_multiple
from benchmarks.groups import GROUPS, Compared, Setting, check_same
from benchmarks.lines import END, START, Bar, Line, Peer, markdown, say, write_results
from benchmarks.measure import Cost, NotDoneError, median, run

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts through /proc")

# A process that holds 40 MB itself and starts one that holds 80 MB at the same time.
FAMILY = """
import subprocess, sys
mine = bytearray(b"x" * 40_000_000)
child = "import time; held = bytearray(b'x' * 80_000_000); time.sleep(0.4)"
subprocess.run([sys.executable, "-S", "-c", child], check=True)
"""
# A process that leaves behind one that computes until it has used 0.3 s of CPU.
ORPHAN = """
import subprocess, sys
child = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.Popen([sys.executable, "-S", "-c", child], start_new_session=True)
"""
PART = """
import time
from benchmarks.measure import timed
held = bytearray(b"x" * 30_000_000)
with timed():
    pass
while time.process_time() < 0.5: pass
"""


@LINUX
def test_memory_counts_a_process_and_its_child():
    # 40 + 80 million bytes are 0.112 GB; two interpreters need less than 0.1 GB more.
    assert 0.112 <= run("-S", "-c", FAMILY).memory < 0.25


@LINUX
def test_cpu_of_what_a_process_leaves_behind_is_counted():
    assert run("-S", "-c", ORPHAN).cpu >= 0.3


def test_a_process_may_tell_the_time_of_a_part_but_not_its_memory():
    cost = run("-c", PART)
    assert cost.wall < 0.1
    assert cost.cpu < 0.1
    assert cost.memory > 0.028


def test_a_process_that_fails_stops_with_its_own_words():
    with pytest.raises(NotDoneError, match=r"exit code 3\n.*no such cut"):
        run("-S", "-c", "import sys; sys.stderr.write('no such cut'); sys.exit(3)")


@LINUX
def test_a_process_whose_time_is_over_is_ended_with_its_children(tmp_path: Path):
    late = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(late)!r}).touch()"
    with pytest.raises(NotDoneError, match=r"not done in 0\.3 s"):
        run("-S", "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])", timeout=0.3)
    assert not late.exists()


def test_a_process_leaves_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run("-S", "-c", "import tempfile; tempfile.mkdtemp()")
    assert list(tmp_path.iterdir()) == []


def test_median_is_taken_of_each_figure_by_itself():
    assert median([Cost(1, 9, 2), Cost(3, 7, 1), Cost(2, 8, 3)]) == Cost(2, 8, 2)


@pytest.mark.parametrize(
    ("cost", "bar", "met"),
    [
        (Cost(2.0, 1.0, 1.5), Bar(2.0, 1.5), True),  # what is just reached is met
        (Cost(2.1, 1.0, 1.0), Bar(2.0, 1.5), False),
        (Cost(1.0, 1.0, 1.6), Bar(2.0, 1.5), False),
        (Cost(1.0, 9.0, 9.9), Bar(2.0), True),  # no bar for memory
        (Cost(9.0, 9.0, 9.0), Bar(), True),
    ],
)
def test_a_bar_is_met_by_seconds_and_memory(cost: Cost, bar: Bar, met: bool):
    assert Line("work", cost, bar).is_met is met


@pytest.mark.parametrize(("peer_cpu", "met"), [(10.0, True), (9.9, False)])
def test_ratio_is_peer_over_ours_in_cpu_seconds(peer_cpu: float, met: bool):
    line = Line("work", Cost(9.0, 2.0, 0.1), Bar(times_less=5.0), Peer("peer", Cost(1.0, peer_cpu, 0.2)))
    assert line.ratio == pytest.approx(peer_cpu / 2)
    assert line.is_met is met


def test_a_bar_against_a_peer_that_is_absent_is_not_met_and_says_why():
    line = Line("work", Cost(1, 1, 1), Bar(times_less=5.0), Peer("rtflite", why_not="absent (rtflite not installed)"))
    assert line.ratio is None
    assert not line.is_met
    assert "rtflite: absent (rtflite not installed)" in say(line)
    assert "NOT MET" in say(line)


def test_work_without_a_bar_is_not_judged():
    assert Line("work", Cost(1, 1, 1)).cells()[5] == ""


def test_a_peer_that_is_not_installed_is_told_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(peers.NEEDS, "rtflite", ("no_such_library",))
    told = Compared(Setting(tmp_path), "rtflite", "rtflite").at(1)
    assert told == Peer("rtflite", why_not="absent (no_such_library not installed)")


def test_a_peer_that_would_take_too_long_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(peers.NEEDS, "rtflite", ())
    compared = Compared(Setting(tmp_path), "rtflite", "rtflite")
    compared.before = (1, 6.5)
    # 6.5 s for 1,191 rows are 65 s for 11,910, and a minute is what a peer gets.
    assert compared.at(10) == Peer("rtflite", why_not="not run (about 65 s by its time at 1,191 rows)")


def test_results_are_written_between_their_marks_only(tmp_path: Path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{START}\nold | table\n{END}\nafter\n", encoding="utf-8")
    line = Line("to RTF", Cost(1.234, 0.5, 0.25), Bar(2.0), Peer("rtflite", Cost(4.0, 3.0, 0.2)))
    write_results(page, [line])
    write_results(page, [line])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old | table" not in text
    row = "| to RTF | 1.23 s | 0.50 s | 0.25 GB | 2 s | met | rtflite | 4.00 s | 3.00 s | 0.20 GB | 6.0 |"
    assert text.count(row) == 1


def test_a_page_without_marks_is_left_alone(tmp_path: Path):
    page = tmp_path / "README.md"
    page.write_text("no place\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place for results"):
        write_results(page, [])
    assert page.read_text(encoding="utf-8") == "no place\n"


def test_the_table_tells_cores_and_versions_but_no_machine():
    import getpass
    import platform

    told = markdown([])
    assert "cores" in told
    assert "pandas" in told
    assert platform.node() not in told
    assert f"/{getpass.getuser()}" not in told
    assert str(Path.home()) not in told


def test_builds_that_differ_in_one_byte_or_one_file_are_refused(tmp_path: Path):
    for name in ("first", "second"):
        (tmp_path / name / "outputs").mkdir(parents=True)
        (tmp_path / name / "outputs" / "T1.csv").write_text("5 (10.0)", encoding="utf-8")
    assert check_same(tmp_path / "first", tmp_path / "second") == 1
    (tmp_path / "second" / "outputs" / "T1.csv").write_text("6 (10.0)", encoding="utf-8")
    with pytest.raises(NotDoneError, match="differ in 1 file:"):
        check_same(tmp_path / "first", tmp_path / "second")
    (tmp_path / "second" / "more.csv").touch()
    with pytest.raises(NotDoneError, match="differ in their files"):
        check_same(tmp_path / "first", tmp_path / "second")


def test_unknown_names_and_a_partial_table_are_refused():
    assert parse(["pdf", "--quick"]).names == ["pdf"]
    for wrong in (["pdfs"], ["--write", "--quick"], ["--write", *list(GROUPS)[:1]]):
        with pytest.raises(SystemExit):
            parse(wrong)


# Data


def test_a_multiple_has_new_subjects_and_the_same_records():
    frame = pd.DataFrame({"USUBJID": ["01", "02"], "SUBJID": ["1", "2"], "AESEQ": [1, 2]})
    made = multiply(frame, 3)
    assert made["USUBJID"].tolist() == ["01", "02", "01-01", "02-01", "01-02", "02-02"]
    assert made["AESEQ"].tolist() == [1, 2] * 3


@pytest.mark.parametrize("times", [1, 2])
def test_listing_of_a_multiple_has_its_rows_and_twelve_columns(tmp_path: Path, times: int):
    table = read_output(write_multiple(tmp_path, times))
    assert EVENTS == 1191
    assert (len(table.rows), len(table.columns)) == (1191 * times, 12)
    assert texts_of(table).shape == (1191 * times, 12)
    assert texts_of(table)["Subject"].nunique() == 225 * times
