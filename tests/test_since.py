"""A build since an earlier one: bars at the rows that changed, in every format, notes with what they said, and a list."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from cgbm1_report.build.compared import compare_places
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.cli import app
from cgbm1_report.compare.files import say_comparison
from cgbm1_report.compare.pages import make_tables
from cgbm1_report.emit import emit_html, emit_printed, emit_rtf, emit_typst
from cgbm1_report.emit.docx import emit_docx
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.notebook.since import SINCE, mark_changes, write_moved
from cgbm1_report.readback import verify_build
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.part import Part
from cgbm1_report.tabulate.table import Column, Row, Table
from tests.compared_study import NEW_NUMBER, collected
from tests.emit_cases import listing, summary_table
from tests.small_study import DEAD, MEDIUM, SECOND
from tests.test_bad_input import write_cut
from tests.test_compare import OPENED

ONLY = ("T14.1.4", "F14.2.1.2", "T14.3.1.1", "T14.3.1.2.2", "L16.2.7.1", "L16.2.8.2.2")
BEFORE = "A bar marks rows that changed since the build of the data cut-off 2025-12-31."
#: The notes of outputs with planted changes, and how many rows have a bar; all others have neither.
MARKED = {
    "T14.3.1.1.2": (f"{BEFORE} Before: Any TEAE: Low 1 (100.0) [1], Total 2 (66.7) [2].", 1),
    "T14.3.1.2.2": (
        f"{BEFORE} Before: Subjects with at least one TEAE: Low 1 (100.0) [1], Total 2 (66.7) [2]; "
        "as coded: Low 1 (100.0) [1], Total 2 (66.7) [2]. New: as coded, Nausea.", 3,
    ),
    "L16.2.7.1.2": (f"{BEFORE} New: USUBJID {DEAD}, AESEQ 1.", 1),
    "L16.2.8.2.2": (f"{BEFORE} Before: USUBJID {MEDIUM}, ADT 2025-06-22, VISITNUM 14.01, sample 1: Sodium 126 2.", 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def builds(tmp_path_factory) -> dict[str, Path]:
    """Builds of the study before and after an event, a corrected value and another number of a subject, the later since the earlier."""
    folder = tmp_path_factory.mktemp("since")
    cuts = {
        "before": write_cut(folder / "cuts" / "before", dict(collected("nothing")), OPENED),
        "after": write_cut(folder / "cuts" / "after", dict(collected("event", "sodium", "number")), OPENED),
    }
    old = build_report(Request(cuts["before"], folder / "before", only=ONLY, formats=("html",)))
    new = build_report(Request(cuts["after"], folder / "after", only=ONLY, since=old))
    return {"before": old, "after": new, "cut": cuts["after"], "earlier cut": cuts["before"]}


def stem(number: str) -> str:
    return re.sub(r"\.", "-", f"{number[0].lower()}-{number[1:]}")


def test_notes_say_what_the_rows_said_before_and_other_outputs_have_none(builds):
    """A subject's other number moves nothing: of S2 the listing of phase 1 has the event, under its new number."""
    told = {}
    for number in json.loads((builds["after"] / "manifest.json").read_text())["outputs"]:
        said = json.loads((builds["after"] / "outputs" / f"{stem(number)}.json").read_text())
        notes = [note for note in said["footnotes"] if "since the build" in note or "than the build" in note]
        told |= {number: notes[0]} if notes else {}
    assert told == {number: note for number, (note, _) in MARKED.items()}
    assert NEW_NUMBER in (builds["after"] / "outputs" / "l-16-2-7-1-1.json").read_text()


@pytest.mark.parametrize("number", [*MARKED, "T14.1.4.1", "L16.2.7.1.1"])
def test_rows_that_changed_have_a_bar_in_every_format(builds, number):
    bars, file = MARKED.get(number, ("", 0))[1], builds["after"] / "outputs" / stem(number)
    assert file.with_suffix(".html").read_text().count("border-left:3px solid") == bars
    assert ZipFile(file.with_suffix(".docx")).read("word/document.xml").count(b'<w:left w:val="single" w:sz="24"') == bars
    assert file.with_suffix(".rtf").read_bytes().count(b"\\clbrdrl") == bars
    page = "".join(one.extract_text() for one in PdfReader(file.with_suffix(".pdf")).pages)
    assert ("A bar marks rows" in page) == bool(bars)


def test_whole_report_has_the_bars_of_its_outputs(builds):
    bars = sum(count for _, count in MARKED.values())
    assert (builds["after"] / "report.html").read_text().count("border-left:3px solid") == bars
    assert ZipFile(builds["after"] / "report.docx").read("word/document.xml").count(b'<w:left w:val="single" w:sz="24"') == bars


def test_list_of_changes_is_what_compare_says_of_the_two(builds):
    told = json.loads((builds["after"] / "changes.json").read_text())
    found = json.loads(json.dumps(say_comparison(compare_places(builds["before"], builds["after"]))))
    assert told == found
    assert told["renamed"] == {SECOND: NEW_NUMBER}
    assert {one["output"] for one in (*told["cells"], *told["rows"])} == set(MARKED)
    files = [f"changes.{form}" for form in ("docx", "html", "json", "xlsx")]
    assert [path.name for path in sorted(builds["after"].glob("changes.*"))] == files
    index = (builds["after"] / "index.html").read_text()
    assert all(f'href="{name}"' in index for name in files)


#: How a reader finds on its page what the list tells: output, row, column; before and now of the statistic that was drawn last.
NAMED = f"""
T14.3.1.1.2 | Any TEAE | Low | 1 | 2
T14.3.1.1.2 | Any TEAE | Total | 2 | 3
T14.3.1.2.2 | Subjects with at least one TEAE | Low | 1 | 2
T14.3.1.2.2 | Subjects with at least one TEAE | Total | 2 | 3
T14.3.1.2.2 | as coded | Low | 1 | 2
T14.3.1.2.2 | as coded | Total | 2 | 3
L16.2.8.2.2 | USUBJID {MEDIUM}, ADT 2025-06-22, VISITNUM 14.01, sample 1 | Sodium (mmol/L) | 126 2 | 129 2
"""


def test_list_of_changes_names_rows_and_columns_as_pages_have_them(builds):
    tables = {one.title: [row.cells for row in one.rows] for one in make_tables(compare_places(builds["before"], builds["after"]))}
    cells = {(one["output"], one["row"], one["column"]): (one["old"], one["new"]) for one in tables["Cells that changed"]}
    assert [" | ".join((*place, *said)) for place, said in cells.items()] == NAMED.strip().splitlines()
    parts = {one["output"]: (one["name"], one["text"]) for one in tables["Outputs, rows and columns that appeared or vanished"]}
    assert parts["T14.3.1.2.2"] == ("as coded, Nausea", "Placebo: 0; Low: 1, 100.0, 1; Medium: 0; Total: 1, 33.3, 1")
    assert "Age (years)/ Sex: " in parts["L16.2.7.1.2"][1]


#: What the front of the report says of it: at its end, in the order of the CSR.
FRONT = [
    ["Subjects", "With another number: 1 changed"],
    ["Records", "ADAE: 1 new, 1 changed; ADAE, only numbered otherwise: 1 changed; ADLB: 1 changed"],
    ["T14.3.1.1.2", "2 cells changed"],
    ["T14.3.1.2.2", "4 cells changed, 1 row new"],
    ["L16.2.7.1.2", "1 row new"],
    ["L16.2.8.2.2", "1 cell changed"],
]


def test_report_lists_in_its_front_what_changed(builds):
    """The reading back held all three documents against it."""
    about = json.loads((builds["after"] / "manifest.json").read_text())["documents"]["report"]
    compared = "From before (data cut-off 2025-12-31) to after (data cut-off 2025-12-31)"
    assert about["changes"] == [["Whole list", "changes.html"], ["Compared", compared], *FRONT]
    page = (builds["after"] / "report.html").read_text()
    assert '<details class="abbreviations" open><summary>Changes since an earlier build</summary>' in page
    assert "<dt>L16.2.8.2.2</dt><dd>1 cell changed</dd>" in page
    body = ZipFile(builds["after"] / "report.docx").read("word/document.xml").decode()
    assert body.count("Changes since an earlier build") == 1
    assert any("Changes since an earlier build" in one.extract_text() for one in PdfReader(builds["after"] / "report.pdf").pages)
    assert "changes" not in json.loads((builds["before"] / "manifest.json").read_text())["documents"]["report"]


def test_list_in_the_front_that_says_another_thing_is_found(builds, tmp_path):
    copy = shutil.copytree(builds["after"], tmp_path / "copy")
    page = copy / "report.html"
    page.write_text(page.read_text().replace("<dd>1 cell changed</dd>", "<dd>2 cells changed</dd>"))
    manifest = json.loads((copy / "manifest.json").read_text())
    told = [finding for finding in verify_build(copy, manifest).findings if finding.rule != "files of the manifest"]
    assert any("2 cells" in finding.message for finding in told)


def test_refresh_lists_what_changed_of_the_outputs_that_the_document_holds(builds, tmp_path):
    """A document of two outputs, one of them changed: the list names no other."""
    old = build_report(Request(builds["earlier cut"], tmp_path / "old", only=("T14.1.4.1", "L16.2.8.2.2"), formats=("docx",)))
    document = tmp_path / "csr.docx"
    shutil.copyfile(old / "report.docx", document)
    asked = ["refresh", str(document), "--from", str(builds["after"]), "--since"]
    done = CliRunner().invoke(app, [*asked, str(builds["before"]), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    place = tmp_path / "csr-changes-since-2025-12-31.docx"
    assert (told["changed"], told["changes"]) == (["L16.2.8.2.2"], str(place))
    body = ZipFile(place).read("word/document.xml").decode()
    assert "126 2" in body
    assert "T14.3.1.1.2" not in body
    # Of the data no more than their numbers: of two outputs they would fill the list.
    assert "compare lists the records one by one." in body
    assert "Cells that changed" in body
    assert ">Dataset<" not in body
    # Again it is the same list; of a folder that is no build nothing is refreshed.
    assert CliRunner().invoke(app, [*asked, str(builds["before"])]).exit_code == 0
    before = document.read_bytes()
    done = CliRunner().invoke(app, [*asked, str(tmp_path)])
    assert "is no build" in str(done.exception)
    assert document.read_bytes() == before


def test_manifest_says_since_which_build(builds):
    about = json.loads((builds["after"] / "manifest.json").read_text())
    since = about["parameters"]["since"]
    assert (since["build"], since["cutoff"]) == ("before", "2025-12-31")
    assert re.fullmatch("[0-9a-f]{64}", since["manifest"])
    assert not any(name.startswith("results/") for name in about["files"])


@pytest.mark.long  # Of builds that are since none: test_chain.py.
def test_two_builds_since_the_same_are_equal_in_every_file(builds, tmp_path):
    """In one format: the others are made of the same outputs, and that they are the same twice is asked of every build."""
    again = build_report(Request(builds["cut"], tmp_path / "after", only=ONLY, since=builds["before"], formats=("html",)))
    names = {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    named_by_format = {Path(name) for name in ("manifest.json", "build.log", "index.html", "ars.json")}
    assert len(names - named_by_format) > 60
    moved = {name for name in names - named_by_format if (again / name).read_bytes() != (builds["after"] / name).read_bytes()}
    assert moved == set()


def test_blind_build_is_marked_since_no_open_one(builds, tmp_path):
    cut = write_cut(tmp_path / "cut", dict(collected("nothing")))
    with pytest.raises(ArgumentError, match=r"this build is blinded where the other is not.*Remedy: leave --since out"):
        build_report(Request(cut, tmp_path / "out", only=("T14.1.4",), since=builds["before"], formats=("html",)))
    assert not (tmp_path / "out").exists()


def test_changed_earlier_build_is_refused_before_anything_is_read(builds, tmp_path):
    copy = shutil.copytree(builds["before"], tmp_path / "copy")
    file = copy / "outputs" / "t-14-1-4-1.json"
    file.write_text(file.read_text().replace("Age", "age"))
    with pytest.raises(PlanError, match=r"outputs/t-14-1-4-1\.json was changed since the build wrote it"):
        build_report(Request(tmp_path / "no cut", tmp_path / "out", since=copy))


# ---- what is a change


def table(*rows: tuple[Key, str, dict[str, str]], N: int = 5) -> Table:
    made = summary_table()
    told = tuple(Row(key, label, cells=cells) for key, label, cells in rows)
    return replace(made, rows=told, columns=(Column("Low", "Low\ndose", N),), footnotes=(), blocks=(), marks=())


AGE, SEX = (("AGE", None),), (("SEX", "M"),)
#: Rows before | rows now | N before | the note; nothing where nothing changed.
CASES = {
    "nothing": ([(AGE, "Age", {"Low": "30"})], [(AGE, "Age", {"Low": "30"})], 5, ""),
    "a value": ([(AGE, "Age", {"Low": "30"})], [(AGE, "Age", {"Low": "31"})], 5, "Before: Age: Low 30."),
    "a value where none was": ([(AGE, "Age", {})], [(AGE, "Age", {"Low": "31"})], 5, "Before: Age: Low blank."),
    "a row": ([(AGE, "Age", {"Low": "30"})], [(AGE, "Age", {"Low": "30"}), (SEX, "Men", {"Low": "2"})], 5, "New: Men."),
    "no row": ([(AGE, "Age", {"Low": "30"}), (SEX, "Men", {"Low": "2"})], [(AGE, "Age", {"Low": "30"})], 5, "Gone: Men."),
    "the head": ([(AGE, "Age", {"Low": "30"})], [(AGE, "Age", {"Low": "30"})], 4, "Low had N=4."),
    "the order": (
        [(AGE, "Age", {"Low": "30"}), (SEX, "Men", {"Low": "2"})], [(SEX, "Men", {"Low": "2"}), (AGE, "Age", {"Low": "30"})], 5, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_changed_is_told_and_nothing_else(case, tmp_path):
    from cgbm1_report.emit import emit_printed

    before, now, N, note = CASES[case]
    folder = tmp_path / SINCE
    folder.mkdir(parents=True)
    (folder / f"{stem(summary_table().number)}.json").write_text(emit_printed(table(*before, N=N)))
    write_moved(folder, "the build before", {}, [])
    marked = mark_changes(table(*now), tmp_path, ("ADSL",))
    assert marked.footnotes == ((f"A bar marks rows that changed since the build before. {note}",) if note else ())
    told = {"a value": [True], "a value where none was": [True], "a row": [False, True], "no row": [False], "the head": [False]}
    assert [row.changed for row in marked.rows] == told.get(case, [False] * len(now))


def test_output_without_an_earlier_one_says_so_and_many_rows_are_counted(tmp_path):
    from cgbm1_report.emit import emit_printed

    folder = tmp_path / SINCE
    folder.mkdir(parents=True)
    write_moved(folder, "the build before", {}, [])
    assert mark_changes(table(), tmp_path, ()).footnotes == ("New since the build before.",)
    (folder / f"{stem(summary_table().number)}.json").write_text(emit_printed(table()))
    many = table(*(((("AGE", str(at)),), f"Row {at}", {"Low": "1"}) for at in range(10)))
    names = "; ".join(f"Row {at}" for at in range(8))
    assert mark_changes(many, tmp_path, ()).footnotes == (
        f"A bar marks rows that changed since the build before. New: {names}; and 2 more, which the list of changes has.",
    )


def test_output_that_the_earlier_build_was_not_asked_for_is_not_called_new(tmp_path):
    (tmp_path / SINCE).mkdir(parents=True)
    write_moved(tmp_path / SINCE, "the build before", {}, [], part=Part(only=("T14.9.9.1",)))
    assert mark_changes(table(), tmp_path, ()).footnotes == ("No part of the build before: not compared with it.",)


def test_list_of_a_build_since_says_what_differs_besides_the_data(builds, tmp_path):
    """As compare does: the earlier one has both phases and nine outputs, the later one output of phase 1."""
    part = build_report(
        Request(builds["cut"], tmp_path / "part", only=("T14.1.4",), phase=1, formats=("html",), since=builds["before"])
    )
    told = json.loads((part / "changes.json").read_text())
    assert told["unlike"][0] == "phases in the report: all, now 1"
    (line,) = told["unlike"][1:]
    assert line.startswith("part is a part, and not asked to have 8 outputs of before, which are neither new nor gone: T14.1.4.2,")
    assert told == json.loads(json.dumps(say_comparison(compare_places(builds["before"], part))))
    assert told["outputs"] == []
    assert "What differs besides the data: phases in the report: all, now 1." in (part / "changes.html").read_text()
    about = json.loads((part / "manifest.json").read_text())["documents"]["report"]["changes"]
    assert about[2:4] == [["What differs besides the data", one] for one in told["unlike"]]


def note_of(before: Table, now: Table, folder: Path) -> str:
    """What the note says behind its first sentence."""
    from cgbm1_report.emit import emit_printed

    (folder / SINCE).mkdir(parents=True)
    (folder / SINCE / f"{stem(before.number)}.json").write_text(emit_printed(before))
    write_moved(folder / SINCE, "the build before", {}, [])
    (note,) = mark_changes(now, folder, ()).footnotes
    return note.removeprefix("A bar marks rows that changed since the build before. ")


def by_visit(label: str, *cells: dict[str, str]) -> Table:
    """Values and changes by visit: a parameter, below it its visits, below each a treatment group with its statistics."""
    parameter, rows = (("PARAMCD", "ALT"),), []
    rows.append(Row(parameter, "ALT (U/L)", head=True))
    for visit, own in zip(("Baseline", "Day 3"), cells, strict=True):
        key = (*parameter, ("AVISIT", visit))
        rows += [Row(key, f"ALT, {visit}", 1, head=True), Row(key, label, 2, own, column="Low")]
    columns = (Column("a", "n", spanner="Value"), Column("b", "Median", spanner="Value"), Column("c", "n", spanner="Change"))
    return replace(summary_table(), rows=tuple(rows), columns=columns, footnotes=(), blocks=(), marks=())


def test_note_names_parameter_visit_group_and_what_the_column_is_of(tmp_path):
    before = by_visit("Low (N=3)", {"a": "3", "b": "30"}, {"a": "3", "b": "31", "c": "3"})
    now = by_visit("Low (N=4)", {"a": "4", "b": "30"}, {"a": "4", "b": "32", "c": "4"})
    assert note_of(before, now, tmp_path) == (
        "Before: ALT, Baseline, Low (N=3): Value n 3; ALT, Day 3, Low (N=3): Value n 3, Median 31, Change n 3."
    )


def test_note_of_many_or_long_texts_is_no_longer_than_some_lines(tmp_path):
    def rows(text: str, count: int = 6) -> Table:
        return table(*(((("AGE", str(at)),), f"{'A term of some length, ' * 6}{at}", {"Low": text}) for at in range(count)))

    # A label is 6 x 23 letters and its number: with "Low 1" behind it 146, of which 480 hold three.
    note = note_of(rows("1"), rows("2"), tmp_path / "many")
    assert note.count("Low 1") == 3
    assert note.endswith("; and 3 more, which the list of changes has.")
    long = note_of(table((AGE, "Age", {"Low": "word " * 100})), table((AGE, "Age", {"Low": "2"})), tmp_path / "long")
    # Eighty letters are sixteen words of four and their blanks, the last of which falls.
    assert long == f"Before: Age: Low {'word ' * 15}word…."


def test_a_record_that_is_gone_is_said_to_be_also_where_another_has_its_number_now(tmp_path):
    """The second of three events of a subject was withdrawn, and the third is the second now: its row says what it said."""
    before = listing(6)
    rows = list(before.rows)
    subject = rows[0].key[0]
    now = replace(before, rows=(rows[0], replace(rows[2], key=(subject, ("AESEQ", "1"))), *rows[3:]))
    (tmp_path / SINCE).mkdir(parents=True)
    (tmp_path / SINCE / f"{stem(before.number)}.json").write_text(emit_printed(before))
    write_moved(tmp_path / SINCE, "the build before", {}, [("ADAE", subject[1], "AESEQ", "2", "1")])
    marked = mark_changes(now, tmp_path, ("ADAE",))
    assert [row.changed for row in marked.rows] == [False] * 5
    assert marked.footnotes[-1] == (f"A bar marks rows that changed since the build before. Gone: USUBJID {subject[1]}, AESEQ 1.")


def test_bar_changes_nothing_but_the_edge_of_its_row():
    for made in (summary_table(), listing(6)):
        marked = replace(made, rows=tuple(replace(row, changed=at == 1) for at, row in enumerate(made.rows)))
        assert emit_html(marked).replace("border-left:3px solid;", "") == emit_html(made)
        assert emit_rtf(marked).replace(b"\\clbrdrl\\brdrs\\brdrw60", b"") == emit_rtf(made)
        assert emit_typst(marked) != emit_typst(made)
        body = ZipFile(BytesIO(emit_docx(marked))).read("word/document.xml").decode()
        assert body.count('<w:left w:val="single" w:sz="24"') == 1
