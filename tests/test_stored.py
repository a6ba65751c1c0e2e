"""What a build holds is shown from the build itself, in the room a terminal has."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import openpyxl
import pytest

from cgbm1_report import emit
from cgbm1_report.build.request import Request
from cgbm1_report.build.stored import show_stored
from cgbm1_report.build.workbook import write_workbook
from cgbm1_report.emit.text import display_width
from cgbm1_report.emit.xlsx import emit_xlsx
from cgbm1_report.errors import PlanError, ProofError
from cgbm1_report.system.manifest import says_built
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Output
from tests.emit_cases import STAMP, change_table, figure, listing, summary_table

OUTPUTS = {
    "T14.3.1.2.1": summary_table(),
    "T14.3.1.2.2": change_table(),
    "L16.2.7.1.1": listing(),
    "F14.2.1.1": figure(),
    "T14.3.1.2.1-P1LOW": summary_table(title="One dose group"),
}


def write_build(folder: Path, formats: tuple[str, ...] = ("html",)) -> Path:
    """A finished build as far as its outputs and its manifest go."""
    (folder / "outputs").mkdir(parents=True)
    files: dict[str, str] = {}
    for number, output in OUTPUTS.items():
        made = replace(output, number=number)
        texts = {"json": emit.emit_printed(made), "csv": emit.emit_csv(made), "html": emit.emit_html_page(made)}
        for form in ("json", "csv", *formats):
            name = f"outputs/{file_stem(number)}.{form}"
            (folder / name).write_bytes(texts[form].encode())
            files[name] = hashlib.sha256(texts[form].encode()).hexdigest()
    report = {"building": False, "pooled_phases": [], "stamp": asdict(STAMP), "only": None, "formats": list(formats)}
    about = {"report": report, "parameters": {}, "code": "", "engine": {"name": "embedded"}, "inputs": {}}
    told = {**about, "outputs": dict.fromkeys(OUTPUTS, "made"), "files": files}
    (folder / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("stored") / "build")


@pytest.mark.parametrize("number", ["T14.3.1.2.1", "L16.2.7.1.1", "F14.2.1.1"])
def test_a_stored_output_says_what_was_emitted(number, build):
    made: Output = replace(OUTPUTS[number], number=number)
    assert show_stored(number, build) == emit.emit_text(made).rstrip("\n")
    assert show_stored(number, build, "json") == emit.emit_json(made).rstrip("\n")
    assert show_stored(number, build, "csv") == emit.emit_csv(made).replace("\r\n", "\n").rstrip("\n")
    assert show_stored(number, build, "html") == emit.emit_html_page(made).rstrip("\n")


def test_a_number_names_outputs_in_either_case_with_or_without_the_phase(build):
    assert show_stored("l16.2.7.1", build) == show_stored("L16.2.7.1.1", build)
    both = show_stored("T14.3.1.2", build)
    assert both == f"{show_stored('T14.3.1.2.1', build)}\n\n{show_stored('T14.3.1.2.2', build)}"
    assert show_stored("T14.3.1.2", build, phase=2) == show_stored("T14.3.1.2.2", build)
    assert "One dose group" in show_stored("T14.3.1.2.1", build, group="P1LOW")
    for number, form, group, told in (
        ("T14.3.1.2", "csv", "", r"T14\.3\.1\.2 is T14\.3\.1\.2\.1 and T14\.3\.1\.2\.2 in this build, and csv holds one output"),
        ("T14.3.1.3.1", "text", "", r"T14\.3\.1\.3\.1 is no output of this build.*it holds T14\.3\.1\.2\.1"),
        # An output of a package is none of a report's build: what shows it is said, not what the build holds.
        ("DSMB-9a", "text", "", "DSMB-9a is of package dsmb, and none of this build .*cgbm1-report show DSMB-9a CUT shows it"),
        ("F14.2.1.1", "text", "P1LOW", r"F14\.2\.1\.1 is no output of this build for dose group P1LOW.*it holds T14\.3\.1\.2\.1"),
    ):
        with pytest.raises(PlanError, match=told):
            show_stored(number, build, form, group=group)


def test_a_file_that_is_not_as_the_build_wrote_it_is_not_shown(tmp_path):
    build = write_build(tmp_path / "build", formats=())
    with pytest.raises(PlanError, match=r"holds no html of this output.*build with --formats html"):
        show_stored("F14.2.1.1", build, "html")
    file = build / "outputs" / "t-14-3-1-2-1.json"
    file.write_text(file.read_text().replace("12 (40.0)", "13 (43.3)"))
    with pytest.raises(ProofError, match=r"t-14-3-1-2-1\.json: was changed since the build wrote it"):
        show_stored("T14.3.1.2.1", build)
    file.unlink()
    with pytest.raises(ProofError, match=r"t-14-3-1-2-1\.json: cannot be read"):
        show_stored("T14.3.1.2.1", build)
    (build / "sdtm").mkdir()
    assert not says_built(build), "a cut that holds somebody's manifest.json is a cut"


@pytest.mark.parametrize("number", ["T14.3.1.2.1", "L16.2.7.1.1", "F14.2.1.1"])
def test_a_stored_output_is_a_workbook_with_the_same_bytes_as_that_of_the_output(number, build, tmp_path):
    place = tmp_path / "one.xlsx"
    assert write_workbook(Request(build, only=(number,)), "xlsx", place) == place
    assert place.read_bytes() == emit_xlsx(replace(OUTPUTS[number], number=number))
    # A number of the table is a number in the workbook.
    cells = [cell.value for row in openpyxl.load_workbook(place).active.iter_rows() for cell in row]
    assert any(isinstance(value, (int, float)) for value in cells) or number.startswith("L")


def test_a_workbook_takes_no_file_s_place_and_holds_one_output(build, tmp_path):
    place = tmp_path / "mine.xlsx"
    place.write_text("mine")
    with pytest.raises(PlanError, match=r"mine\.xlsx: exists: it is not overwritten"):
        write_workbook(Request(build, only=("T14.3.1.2.1",)), "xlsx", place)
    assert place.read_text() == "mine"
    with pytest.raises(PlanError, match="xlsx holds one output"):
        write_workbook(Request(build, only=("T14.3.1.2",)), "xlsx", tmp_path / "two.xlsx")
    assert sorted(tmp_path.iterdir()) == [place]


def test_the_command_shows_a_build_without_loading_what_reads_and_counts_data(build):
    """No file of the cut is read, nothing derived: a second is too long for a look at one output."""
    ask = (
        f"import sys; sys.argv = ['cgbm1-report', 'show', 'l16.2.7.1', {str(build)!r}]\n"
        "from cgbm1_report import cli\ntry:\n    cli.main()\nfinally:\n"
        "    print(sorted({'pandas', 'numpy', 'yaml', 'cgbm1_report.derive', 'cgbm1_report.read'} & set(sys.modules)))"
    )
    environment = {"COLUMNS": "60", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert lines[0] == "Listing 16.2.7.1.1 Adverse Events"
    assert max(map(display_width, lines)) <= 60


# In a terminal's room --------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [40, 60, 80, 200])
@pytest.mark.parametrize("number", list(OUTPUTS))
def test_no_line_is_wider_than_the_room_and_nothing_is_lost(number, room):
    output = OUTPUTS[number]
    text = emit.emit_text(output, room)
    assert max(map(display_width, text.splitlines())) <= room
    said = "".join(text.split())
    for word in re.findall(r"[A-Za-z0-9.]+", emit.emit_text(output)):
        assert word in said


def test_what_fits_the_room_is_printed_as_without_one():
    for output in OUTPUTS.values():
        assert emit.emit_text(output, 200) == emit.emit_text(output)


def test_a_table_wider_than_the_room_is_told_in_pieces_each_with_its_labels():
    lines = emit.emit_text(change_table(), 44).splitlines()
    pieces = "\n".join(lines[4:-6]).split("\n\n")
    told = (("Placebo (N=30)", "192.9 (61.67)  -51.4 (39.75)"), ("Low (N=31)", "10.0 (5.01)  0.7 (1.20)"))
    for piece, (arm, cells) in zip(pieces, told, strict=True):
        assert arm in piece
        (row,) = [line for line in piece.splitlines() if cells.split()[0] in line]
        assert row.split() == ["Mean", "(SD)", *cells.split()], "no number is broken"
        assert piece.splitlines().count(piece.splitlines()[0]) == 3, "a rule above, below the heads and at the end"
