"""A file that does not say what the results say is found, and the finding says where.

One small build is damaged in one way after another: a check that cannot fail proves nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd
import pikepdf
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, RectangleObject, TextStringObject
from typer.testing import CliRunner

from cgbm1_report import readback
from cgbm1_report.build import make, recounted
from cgbm1_report.build.audit import audit_build
from cgbm1_report.build.log import read_log
from cgbm1_report.build.printing import prove
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.cli import app
from cgbm1_report.errors import ProofError, ReportError
from cgbm1_report.outputs.catalogue import csr_order
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.readback import Finding, raise_on_findings, verify_build
from cgbm1_report.readback.opened import Opened
from cgbm1_report.readback.pdftext import PageReader
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.rtf import RtfError, read_rtf
from cgbm1_report.system.manifest import read_manifest, sha256_of
from cgbm1_report.system.workers import Workers
from cgbm1_report.tabulate.files import file_stem

TABLE, LISTING, FIGURE = "T14.1.4.2", "L16.2.7.1.1", "F14.2.1.2"
#: A table of the records in the listing: they lead to each other.
LED = "T14.3.1.1.1"
MADE = (TABLE, LISTING, FIGURE, LED)
#: What the files of the table are named by.
FILE = "t-14-1-4-2"
#: What the cells below say: the 30 of the low dose are 42.87 years old in the mean, SD 9.853, quartiles 35 and 49 (pandas on dm.xpt).
MEAN = '[["AGE",null],["statistic","Mean (SD)"]]'
TITLE = "Table 14.1.4.2 Demographic and Baseline Characteristics"


@pytest.fixture(scope="module")
def built(final_cut, read_once, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("readback") / "build"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "read_data", read_once)
        return build_report(Request(cut=final_cut, out=out, only=MADE, engine="embedded"))


@cache
def _read(check: str, content: bytes, held_against: str) -> list[object]:
    """Where what is found in a file of this content is kept, by what it was held against."""
    return []


def _ordered(given: object) -> object:
    """What a file is held against, in one order."""
    if isinstance(given, Mapping):
        return list(given.items())
    return sorted(given) if isinstance(given, frozenset) else given


_OPENED = readback.check_opened


def _open_once(folder: Path, outputs: Sequence[str]) -> Opened:
    """What is opened of files that are as they were is opened once."""
    parts = [*(folder / "interactive").rglob("*"), *(folder / "adam").glob("*"), *(folder / "outputs").glob("*.json")]
    files = sorted(path for path in [*parts, folder / "ard.parquet"] if path.is_file())
    kept = _read("check_opened", b"", repr([(path.relative_to(folder).as_posix(), sha256_of(path)) for path in files]))
    if not kept:
        kept.append(_OPENED(folder, outputs))
    found = kept[0]
    assert isinstance(found, Opened)
    return found


@pytest.fixture(autouse=True)
def _file_that_is_as_it_was_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds here differ in a file or two; reading all the others again takes longer than all else."""

    def once(name: str) -> Callable[..., object]:
        check = getattr(readback.parts, name)

        def checked(path: Path, *given: object, **named: object) -> object:
            held = repr(([*map(_ordered, given)], sorted((key, _ordered(value)) for key, value in named.items())))
            kept = _read(name, path.read_bytes(), held)
            if not kept:
                kept.append(check(path, *given, **named))
            return kept[0]

        return checked

    for name in ("check_pdf", "check_docx", "check_page", "check_report", "check_rtf"):
        monkeypatch.setattr(readback.parts, name, once(name))
    monkeypatch.setattr(readback, "check_opened", _open_once)


@pytest.fixture
def build(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "build"))


def verified(build: Path, file: str = "") -> list[Finding]:
    """The findings, without the one that says that the file was changed."""
    found = verify_build(build, read_manifest(build)).findings
    return [finding for finding in found if finding.file == file or not file if "changed since" not in finding.message]


def told(findings: list[Finding], *, output: str, place: str, message: str) -> bool:
    return any(f.output == output and place in f.place and message in f.message for f in findings)


def rewrite(path: Path, change: Callable[[str], str], encoding: str = "utf-8") -> None:
    before = path.read_bytes().decode(encoding)
    after = change(before)
    assert after != before, "the damage did nothing"
    path.write_bytes(after.encode(encoding))


def repack(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change the text parts of a package."""
    with zipfile.ZipFile(path) as package:
        raw = {name: package.read(name) for name in package.namelist()}
    parts = {name: content.decode("utf-8") for name, content in raw.items() if not name.endswith(".png")}
    before = dict(parts)
    change(parts)
    assert parts != before, "the damage did nothing"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in {**raw, **parts}.items():
            package.writestr(name, content)


def in_document(change: Callable[[str], str]) -> Callable[[dict[str, str]], None]:
    def apply(parts: dict[str, str]) -> None:
        parts["word/document.xml"] = change(parts["word/document.xml"])

    return apply


# ---- the whole build


def test_heading_moved_or_renamed_is_found_in_every_format(build):
    rewrite(build / "report.html", lambda text: re.sub(r"(<h1[^>]*>)14\.2 Efficacy Data<", r"\g<1>14.9 Efficacy<", text))
    repack(build / "report.docx", in_document(lambda text: text.replace("14.2 Efficacy Data</w:t>", "14.9 Efficacy</w:t>")))
    with pikepdf.open(build / "report.pdf", allow_overwriting_input=True) as pdf:
        with pdf.open_outline() as outline:
            outline.root[0], outline.root[1] = outline.root[1], outline.root[0]
        pdf.save(build / "report.pdf")
    rule = "one tree: section of ICH E3, phase, output; no section twice, no output outside its own"
    found = [finding for finding in verified(build) if finding.rule == rule]
    said = {file: " ".join(one.message for one in found if one.file == f"report.{file}") for file in ("html", "docx", "pdf")}
    assert "'14.9 Efficacy' of the first level, which is no section" in said["html"]
    assert "'14.9 Efficacy' of the first level, which is no section" in said["docx"]
    assert "has section '14.1 Demographic Data' after 14.2" in said["pdf"]


def test_a_sound_build_has_no_findings_and_its_counts_stand_in_the_log(built):
    done = verify_build(built, read_manifest(built))
    assert done.findings == ()
    assert (done.outputs, done.files) == (4, 4 * 6 + 3)
    assert done.pages == sum(len(PdfReader(path).pages) for path in (built / "report.pdf", *(built / "outputs").glob("*.pdf")))
    rows = [json.loads((built / "outputs" / f"{file_stem(number)}.json").read_text()) for number in (TABLE, LISTING, LED)]
    cells = sum(len(one["rows"]) * (len(one["columns"]) + (one["stub"] is not None)) for one in rows)
    assert done.cells == cells > 500
    assert {"what": "proved", **done.counts} in read_log(built)


def test_verify_prints_findings_and_exits_with_one(build):
    runner = CliRunner()
    sound = runner.invoke(app, ["verify", str(build)])
    assert sound.exit_code == 0
    assert sound.stdout.strip().endswith("0 findings")
    rewrite(build / "outputs" / f"{FILE}.csv", lambda text: text.replace("42.9 (9.85)", "42.9 (9.86)"))
    damaged = runner.invoke(app, ["verify", str(build), "--json"])
    assert damaged.exit_code == 1
    found = json.loads(damaged.stdout)["findings"]
    assert [(one["file"], one["output"]) for one in found] == [(f"outputs/{FILE}.csv", ""), (f"outputs/{FILE}.csv", TABLE)]
    spoken = runner.invoke(app, ["verify", str(build)]).stdout
    place = re.escape(f"outputs/{FILE}.csv: {TABLE}, row 3 (AGE, statistic Mean (SD)): column 'Low")
    assert re.search(place + r"[^']*\(N=30\)' prints '42\.9 \(9\.86\)'", spoken), spoken


def test_verify_of_a_folder_that_is_no_build_is_an_error(tmp_path):
    with pytest.raises(ReportError, match="is not a build"):
        read_manifest(tmp_path)


def test_a_writer_that_prints_one_other_digit_stops_the_build(build):
    """The last step of a build, on a build that is about to appear: one message that names the file and the cell."""
    rewrite(build / "outputs" / f"{FILE}.rtf", lambda text: text.replace("42.9 (9.85)", "42.9 (9.86)"), "ascii")
    engine = {"name": "embedded", "notes": ""}
    with pytest.raises(ProofError, match=r"t-14-1-4-2\.rtf.*prints '42\.9 \(9\.86\)', the results say '42\.9 \(9\.85\)'"):
        prove(build, Request(cut=build), MADE, engine, read_manifest(build)["documents"], lambda *_: None)


def test_all_findings_are_one_error():
    findings = [Finding("report.pdf", "lacks the title", "rule", TABLE, "page 3"), Finding("a.csv", "is missing", "rule")]
    with pytest.raises(ProofError) as caught:
        raise_on_findings(findings)
    assert [str(problem).partition(" [rule")[0] for problem in caught.value.problems] == [
        f"report.pdf: {TABLE}, page 3: lacks the title",
        "a.csv: is missing",
    ]


# ---- manifest, results, index


def test_file_edited_without_its_manifest_is_found(build):
    (build / "adam" / "adsl.parquet").write_bytes(b"PAR1")
    (build / "findings.csv").unlink()
    (build / "notes.txt").write_text("left behind")
    found = {(f.file, f.message) for f in verified(build)} | {
        (f.file, f.message) for f in verify_build(build, read_manifest(build)).findings
    }
    assert ("adam/adsl.parquet", "was changed since the build") in found
    assert ("findings.csv", "is missing") in found
    assert ("notes.txt", "is not a file of the build") in found
    assert ("index.html", "leads to 'findings.csv', which is not in the build") not in found
    # Where the manifest names it no more, the page that leads to it is what tells of it.
    manifest = read_manifest(build)
    del manifest["files"]["findings.csv"]
    found = {(f.file, f.message) for f in verify_build(build, manifest).findings}
    assert ("index.html", "leads to 'findings.csv', which is not in the build") in found


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"null", b"[" * 100_000, b"\xff\xfe", None], ids=["nothing", "list", "null", "deep", "bytes", "folder"]
)
@pytest.mark.parametrize("name", [f"outputs/{FILE}.json", "notebooks/01_subjects_phase1.ipynb", "index.html", "ard.parquet"])
def test_file_that_is_something_else_is_a_finding_and_stops_nothing(name, content, build):
    (build / name).unlink()
    if content is None:
        (build / name).mkdir()
    else:
        (build / name).write_bytes(content)
    files = {finding.file for finding in verify_build(build, read_manifest(build)).findings}
    assert name in files
    assert f"outputs/{FILE}.html" not in files


@pytest.mark.parametrize(
    "name", [f"outputs/{FILE}.pdf", f"outputs/{FILE}.csv", "report.docx", "findings.html", "index.html", "ard.parquet"]
)
def test_file_that_is_gone_is_told_once(name, build):
    (build / name).unlink()
    assert [(one.file, one.message) for one in verify_build(build, read_manifest(build)).findings] == [(name, "is missing")]


#: Outputs whose JSON goes | of which nothing is read, as the finding names them | outputs and printed files that are read.
GONE = {
    "one": ((TABLE,), f"1 output ({TABLE})", (3, 18)),
    "all": (MADE, f"4 outputs ({', '.join(sorted(MADE))})", (0, 0)),
}


@pytest.mark.parametrize("case", GONE)
def test_json_that_is_gone_is_told_once_and_once_which_files_are_not_read_for_it(case, build):
    """Six kinds of file for each of the three outputs that are left; what the report prints of the fourth is not told as wrong."""
    gone, named, read = GONE[case]
    for number in gone:
        (build / "outputs" / f"{file_stem(number)}.json").unlink()
    done = verify_build(build, read_manifest(build))
    files = {f"outputs/{file_stem(number)}.json" for number in gone}
    assert {(one.file, one.message) for one in done.findings if one.file in files} == {(name, "is missing") for name in files}
    (unread,) = [one for one in done.findings if one.file not in files]
    assert (unread.file, unread.rule) == ("report.html, report.docx, report.pdf", "every output has every file")
    assert unread.message.startswith(f"not read, nor the own files of {named}: ")
    assert (done.outputs, done.files) == read


def test_build_is_held_against_its_cut(build, final_cut, tmp_path):
    inputs = read_manifest(build)["inputs"]
    assert verify_build(build, read_manifest(build), hash_cut(final_cut)).findings == ()
    assert inputs == hash_cut(final_cut)
    other = Path(shutil.copytree(final_cut, tmp_path / "cut"))
    (other / "sdtm" / "ae.xpt").unlink()
    (other / "src_decisions.csv").write_text((other / "src_decisions.csv").read_text().replace("CONTINUE", "STOP"))
    (other / "sdtm" / "qs.csv").write_text("STUDYID,USUBJID\nX,1\n")
    found = verify_build(build, read_manifest(build), hash_cut(other)).findings
    assert [(f.file, f.message) for f in found] == [
        ("sdtm/ae.xpt", "is missing in the cut"),
        ("src_decisions.csv", "was changed since the build read it"),
        ("sdtm/qs.csv", "was not read by the build"),
    ]


def test_build_that_is_held_against_a_cut_of_another_day_is_told_both_days_first(build, final_cut, tmp_path):
    other = Path(shutil.copytree(final_cut, tmp_path / "cut"))
    written = (other / "cut.json").read_bytes()
    about = json.loads(written)
    day = read_manifest(build)["report"]["stamp"]["cutoff"]
    assert about["cutoff"] == day
    (other / "cut.json").write_text(json.dumps(about | {"cutoff": "2031-02-03"}))
    (first, *_) = audit_build(build, cut=other).problems
    assert first.message == f"the build is of data cut-off {day}, and the data cut-off of this cut is 2031-02-03"
    assert (first.file, first.rule) == (str(other), "the cut is what the build was made of")
    # Of another cut of the same day its files are told, and no day.
    (other / "cut.json").write_bytes(written)
    (other / "src_decisions.csv").write_text((other / "src_decisions.csv").read_text().replace("CONTINUE", "STOP"))
    assert [one.message for one in audit_build(build, cut=other).problems] == ["was changed since the build read it"]


def test_json_of_an_output_that_cannot_be_read_is_found(build):
    (build / "outputs" / f"{FILE}.json").write_text("{")
    assert told(verified(build, f"outputs/{FILE}.json"), output=TABLE, place="", message="cannot be read")


def test_manifest_of_a_build_that_is_not_finished_is_an_error(build):
    manifest = read_manifest(build)
    del manifest["files"]
    with pytest.raises(ReportError, match="lacks files"):
        verify_build(build, manifest)


def test_output_file_that_is_gone_is_found(build):
    """Also where the manifest does not name it."""
    (build / "outputs" / f"{FILE}.rtf").unlink()
    manifest = read_manifest(build)
    del manifest["files"][f"outputs/{FILE}.rtf"]
    assert told([*verify_build(build, manifest).findings], output=TABLE, place="", message="is not there")


def change_results(build: Path, column: str, value: object, stat: str = "mean") -> None:
    ard = pd.read_parquet(build / "ard.parquet")
    at = ard.index[(ard["output"] == TABLE) & (ard["row"] == MEAN) & (ard["stat_name"] == stat)][0]
    ard.loc[at, column] = value
    ard.to_parquet(build / "ard.parquet", index=False)


def test_value_that_is_not_its_text_is_found(build):
    change_results(build, "stat", 46.66)
    found = verified(build, "ard.parquet")
    assert told(found, output=TABLE, place="row AGE, statistic Mean (SD), column Placebo, mean", message="the value is 46.66")


def test_text_of_the_results_that_the_cell_does_not_print_is_found(build):
    change_results(build, "stat_fmt", "46.7")
    found = verified(build, f"outputs/{FILE}.json")
    assert told(found, output=TABLE, place="row AGE, statistic Mean (SD), column Placebo", message="the results say 10.79 46.7")


def test_result_without_a_printed_cell_is_found(build):
    change_results(build, "row", MEAN.replace("Mean (SD)", "Mode"))
    found = verified(build, f"outputs/{FILE}.json")
    assert told(found, output=TABLE, place="Mode", message="does not print this result")


# ---- Word


def swap(text: str, one: str, other: str) -> str:
    """Two texts that stand once each change places."""
    assert text.count(one) >= 1 <= text.count(other)
    return text.replace(one, "\0", 1).replace(other, one, 1).replace("\0", other, 1)


@pytest.mark.parametrize(
    ("damage", "place", "message"),
    [
        (lambda text: text.replace("42.9 (9.85)", "43.0 (9.85)", 1), "row 3 (AGE, statistic Mean (SD))", "prints '43.0 (9.85)'"),
        (lambda text: swap(text, "42.9 (9.85)", "35.0, 49.0"), "row 5 (AGE, statistic Q1, Q3)", "prints '42.9 (9.85)'"),
        (lambda text: re.sub(r"<w:tr>(?:(?!</w:tr>).)*?>Median<.*?</w:tr>", "", text, count=1), "rows", "holds 37 rows"),
        (lambda text: text.replace("Weight (kg)", "Weight (lb)", 1), "row", "prints 'Weight (lb)'"),
        (lambda text: text.replace("(N=30)", "(N=31)", 1), "part 1 of 1", "lacks the column heads"),
        (lambda text: text.replace('w:name="T14_1_4_2"', 'w:name="T14_1_4_3"', 1), "bookmarks", "has 0 bookmarks"),
        (lambda text: text.replace("Percentages", "Shares", 1), "notes", "lacks 'Percentages"),
    ],
    ids=["digit", "numbers swapped", "row gone", "label", "N of a column", "bookmark", "footnote"],
)
def test_damaged_word_table_is_found(build, damage, place, message):
    def of_table(text: str) -> str:
        at = text.index('w:name="T14_1_4_2"')
        start = text.rindex("<w:tbl>", 0, at)
        end = text.index("</w:tbl>", at)
        return text[:start] + damage(text[start:end]) + text[end:]

    files = ("report.docx", f"outputs/{FILE}.docx")
    for file in files:
        repack(build / file, in_document(of_table))
    found = verified(build)
    for file in files:
        assert told([f for f in found if f.file == file], output=TABLE, place=place, message=message)


def test_head_row_that_no_longer_repeats_is_found(build):
    def unmark(text: str) -> str:
        at = text.index('w:name="T14_1_4_2"')
        mark = text.index("<w:tblHeader/>", at)
        return text[:mark] + text[mark + len("<w:tblHeader/>") :]

    repack(build / "report.docx", in_document(unmark))
    assert told(verified(build, "report.docx"), output=TABLE, place="part 1", message="does not repeat on every page")


def test_word_document_that_leads_outside_is_found(build):
    def link(parts: dict[str, str]) -> None:
        added = '<Relationship Id="x1" Type="t" Target="https://example.org/x" TargetMode="External"/></Relationships>'
        parts["word/_rels/document.xml.rels"] = parts["word/_rels/document.xml.rels"].replace("</Relationships>", added)

    repack(build / "report.docx", link)
    found = verified(build, "report.docx")
    assert told(found, output="", place="word/_rels/document.xml.rels", message="refers to https://example.org/x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("</w:body>", "<w:p><w:r><w:instrText>INCLUDETEXT x</w:instrText></w:r></w:p></w:body>"),
            "INCLUDETEXT",
        ),
        (lambda text: text.replace('<w:pStyle w:val="TableText"/>', '<w:pStyle w:val="Nowhere"/>', 1), "uses the style 'Nowhere'"),
        (lambda text: re.sub(r'(<wp:docPr [^>]*)descr="[^"]+"', r'\1descr=""', text), "nothing said of 1 picture"),
        (lambda text: text.replace("</w:tbl>", "", 1), "cannot be read as DOCX"),
    ],
    ids=["field", "style", "alternative text", "broken XML"],
)
def test_word_document_that_is_not_as_it_should_be_is_found(build, change, message):
    repack(build / "report.docx", in_document(change))
    assert any(message in finding.message for finding in verified(build, "report.docx"))


def test_embedded_object_is_found(build):
    repack(build / "report.docx", lambda parts: parts.update({"word/embeddings/x.bin": "x"}))
    assert told(verified(build, "report.docx"), output="", place="word/embeddings/x.bin", message="holds")


# ---- RTF


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("42.9 (9.85)", "42.9 (9.86)"), "prints '42.9 (9.86)', the results say '42.9 (9.85)'"),
        (lambda text: text.replace("\\trhdr", ""), "the column heads do not repeat"),
        (lambda text: text.replace("{\\header", '{\\header{\\field{\\*\\fldinst HYPERLINK "x"}}'), "holds the field 'HYPERLINK"),
        (lambda text: text.replace("{\\footer", "{\\object{\\*\\objdata 00}}{\\footer"), "holds \\object"),
        (lambda text: text.rstrip()[:-1], "groups do not balance"),
        (lambda text: text.replace(f"\\fs20 {TITLE}", "\\fs20 "), f"lacks '{TITLE}'"),
        (lambda text: text.replace(f"\\tcl2 {TITLE}", "\\tcl2 "), "leaves out a text, should print 'Table 14.1.4.2"),
        (lambda text: re.sub(r"\\trowd[^\n]*\n[^\n]*Median[^\n]*\\row\n", "", text, count=1), "holds 37 rows, the results 38"),
    ],
    ids=["digit", "heads", "field", "object", "brace", "title", "contents entry", "row gone"],
)
def test_damaged_rtf_is_found(build, damage, message):
    rewrite(build / "outputs" / f"{FILE}.rtf", damage, "ascii")
    found = verified(build, f"outputs/{FILE}.rtf")
    assert any(f.output == TABLE and message in f.message for f in found), found


def first_of_page(text: str, cell: str) -> str:
    """The listing's RTF with another first cell in the first row of its second page, which goes on with a subject."""
    at = text.index("\\row", text.index("\\trhdr", text.index("\\pagebb")))
    head, tail = text[:at], text[at:]
    return head + re.sub(r"\S+-\d{3}\\cell", cell.replace("\\", r"\\"), tail, count=1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: first_of_page(text, "\\cell"), "prints '', the results say"),
        (
            lambda text: re.sub(r"(\\row\n.*?\n)(\\pard[^\n]*?) \\cell", r"\1\2 X\\cell", text, count=1, flags=re.S),
            "says again whose it is",
        ),
    ],
    ids=["not said at the top", "said again"],
)
def test_listing_whose_rows_do_not_say_whose_they_are_is_found(build, damage, message):
    file = f"outputs/{file_stem(LISTING)}.rtf"
    rewrite(build / file, damage, "ascii")
    found = verified(build, file)
    assert any(f.output == LISTING and message in f.message for f in found), found


def test_rtf_reader_tells_text_from_commands():
    r"""``\\u8199?`` is a backslash and words; ``\u-3913?\u-8704?`` is half of two surrogate pairs at most."""
    found = read_rtf(rb"{\rtf1\ansi {\fonttbl{\f0 Arial;}}\trowd\cellx9 a\\u8199? \{x\} \u8805?3 \u-10179?\u-8704?\cell\row}")
    assert found.rows == [(["a\\u8199? {x} ≥3 😀"], False)]
    with pytest.raises(RtfError):
        read_rtf(rb"{\rtf1 }}")


# ---- HTML, CSV


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("42.9 (9.85)", "42.9 (9.86)", 1), "prints '42.9 (9.86)', the results say '42.9 (9.85)'"),
        (lambda text: text.replace('id="T14_1_4_2"', 'id="T14_1_4_9"', 1), "has 0 sections with the id 'T14_1_4_2'"),
        (lambda text: re.sub(rf">{re.escape(TITLE)}(</h[123]>)", r">\1", text, count=1), "is titled ''"),
        (lambda text: re.sub(r"Placebo\n\(N=30\)</th>", "Placebo\n(N=29)</th>", text, count=1), "has the column heads"),
        (lambda text: re.sub(r"<tr>\s*<th[^>]*>Median<.*?(?=<tr|</tbody>)", "", text, count=1, flags=re.S), "holds 37 rows"),
    ],
    ids=["digit", "id", "title", "N of a column", "row gone"],
)
def test_damaged_html_table_is_found(build, damage, message):
    def of_output(text: str) -> str:
        at = text.index('<section class="cg-output tex2jax_ignore mathjax_ignore" id="T14_1_4_2"')
        return text[:at] + damage(text[at:])

    files = ("report.html", f"outputs/{FILE}.html")
    for file in files:
        rewrite(build / file, of_output)
    found = verified(build)
    for file in files:
        assert any((f.file, f.output) == (file, TABLE) and message in f.message for f in found), found


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("<script>alert(1)</script>", "runs 'alert(1)'"),
        ('<p onclick="x()">a</p>', "runs 'onclick=x()'"),
        ('<img src="https://example.org/a.png">', "loads 'https://example.org/a.png'"),
        ('<a href="https://example.org/">a</a>', "leads to 'https://example.org/'"),
        ("<style>@import 'x.css';</style>", "loads"),
        ("<iframe></iframe>", "holds <iframe>"),
        ('<p style="background:url(http://example.org)">a</p>', "loads"),
    ],
    ids=["script", "handler", "image", "link", "import", "frame", "style"],
)
def test_page_that_loads_runs_or_leads_elsewhere_is_found(build, added, message):
    for file in ("report.html", f"outputs/{file_stem(FIGURE)}.html"):
        rewrite(build / file, lambda text: text.replace("</main>", f"{added}</main>"))
    found = verified(build)
    for file in ("report.html", f"outputs/{file_stem(FIGURE)}.html"):
        assert any(finding.file == file and message in finding.message for finding in found)


def test_link_that_the_author_of_a_notebook_wrote_is_allowed(build):
    """Of the words that every phase has, both notebooks say where they lead."""
    for path in (build / "notebooks").glob("01_*.ipynb"):
        rewrite(path, lambda text: text.replace("This section accounts", "[This section](https://example.org/study) accounts"))
    link = '<a href="https://example.org/study">This section</a> accounts'
    rewrite(build / "report.html", lambda text: text.replace("This section accounts", link))
    assert verified(build, "report.html") == []


def test_script_that_the_page_does_not_allow_is_found(build):
    rewrite(build / "report.html", lambda text: re.sub(r"'sha256-[^']+'", "'unsafe-inline'", text))
    assert told(verified(build, "report.html"), output="", place="Content-Security-Policy", message="by its hash")


def test_csv_with_two_lines_exchanged_is_found(build):
    def exchange(text: str) -> str:
        lines = text.split("\r\n")
        lines[3], lines[5] = lines[5], lines[3]
        return "\r\n".join(lines)

    rewrite(build / "outputs" / f"{file_stem(LISTING)}.csv", exchange)
    found = verified(build, f"outputs/{file_stem(LISTING)}.csv")
    assert {finding.place.partition(" (")[0] for finding in found} == {"row 3", "row 5"}


# ---- PDF


def pages_of(build: Path, title: str) -> list[int]:
    return [at for at, page in enumerate(PdfReader(build / "report.pdf").pages) if title in " ".join(page.extract_text().split())][
        1:
    ]


def edit_pdf(build: Path, change: Callable[[PdfWriter], None]) -> None:
    writer = PdfWriter(clone_from=build / "report.pdf")
    change(writer)
    writer.write(build / "report.pdf")


def edit_page(build: Path, at: int, change: Callable[[bytes], bytes]) -> None:
    """Change what a page draws."""

    def apply(writer: PdfWriter) -> None:
        page = writer.pages[at]
        stream = DecodedStreamObject()
        before = page.get_contents().get_data()
        stream.set_data(change(before))
        assert stream.get_data() != before, "the damage did nothing"
        page[NameObject("/Contents")] = writer._add_object(stream)

    edit_pdf(build, apply)


def shown(build: Path, at: int) -> list[tuple[str, bytes]]:
    """The runs of a page with what draws each, from the font on."""
    runs = PageReader(PdfReader(build / "report.pdf")).runs(at)
    data = PdfReader(build / "report.pdf").pages[at].get_contents().get_data()
    return list(zip(runs, re.findall(rb"/f\d [\d.]+ Tf.*?T[jJ]\s+ET", data, re.S), strict=True))


def drawn(build: Path, at: int, text: str) -> bytes:
    return next(code for run, code in shown(build, at) if re.sub("[\u2006-\u200b]", "", run) == text)


def test_numbers_of_two_rows_exchanged_on_a_page_are_found(build):
    at = pages_of(build, TITLE)[0]
    one, other = drawn(build, at, "42.9 (9.85)"), drawn(build, at, "35.0, 49.0")
    edit_page(build, at, lambda data: data.replace(one, b"\1", 1).replace(other, one, 1).replace(b"\1", other, 1))
    found = verified(build, "report.pdf")
    assert told(found, output=TABLE, place=f"page {at + 1}, row 3 (AGE, statistic Mean (SD))", message="35.0,49.0")
    assert told(found, output=TABLE, place=f"page {at + 1}, row 5 (AGE, statistic Q1, Q3)", message="42.9(9.85)")


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (lambda data, code: data.replace(code, b"/f0 8 Tf ()Tj ET"), "row 3", "prints"),
        (lambda data, code: data + b"\nq BT " + code + b" Q", "page", "prints '42.9(9.85)', which is no result"),
        (lambda data, code: re.sub(rb"/f\d 10 Tf.*?ET", b"ET", data, flags=re.S), "page", f"lacks the title '{TITLE}'"),
        (lambda data, code: data.replace(code, re.sub(rb"\(", rb"(\\000\\000", code, count=1)), "page", "without a glyph in '?"),
        (lambda data, code: data.replace(code, re.sub(rb"\(", rb"(\\377\\376", code, count=1)), "page", "cannot be read back"),
    ],
    ids=["number gone", "number twice", "title", "no glyph", "no character"],
)
def test_damaged_page_is_found(build, change, place, message):
    at = pages_of(build, TITLE)[0]
    code = drawn(build, at, "42.9 (9.85)")
    edit_page(build, at, lambda data: change(data, code))
    found = verified(build, "report.pdf")
    assert told(found, output=TABLE, place=place, message=message), found
    assert all(f"page {at + 1}" in finding.place for finding in found if finding.output == TABLE)


def test_column_heads_missing_on_the_second_page_of_a_listing_are_found(build):
    at = pages_of(build, "Listing 16.2.7.1.1")[1]
    code = drawn(build, at, "Subject")
    edit_page(build, at, lambda data: data.replace(code, b"/f0 8 Tf ()Tj ET", 1))
    # What changes the page here does not linearise the file, which the gate says too.
    found = [finding for finding in verified(build, "report.pdf") if finding.message != "is not linearised"]
    assert [(f.output, f.place) for f in found] == [(LISTING, f"page {at + 1}")]
    assert "lacks the column heads Subject |" in found[0].message


def test_subject_that_a_page_does_not_say_again_is_found(build):
    for at in pages_of(build, "Listing 16.2.7.1.1")[1:]:
        runs = [run for run, _ in shown(build, at)]
        first = runs.index("Outcome") + 1
        if runs[first] in [run for run, _ in shown(build, at - 1)]:
            break
    code = drawn(build, at, runs[first])
    edit_page(build, at, lambda data: data.replace(code, b"/f0 8 Tf ()Tj ET", 1))
    found = [finding for finding in verified(build, "report.pdf") if finding.message != "is not linearised"]
    assert [(f.output, f.rule) for f in found] == [(LISTING, "every page prints the rows of the results")]
    assert found[0].place.startswith(f"page {at + 1}, ")


def test_wrong_page_number_is_found(build):
    at, total = pages_of(build, TITLE)[0], len(PdfReader(build / "report.pdf").pages)
    mine = drawn(build, at, f"Page {at + 1} of {total}")
    other = drawn(build, at + 1, f"Page {at + 2} of {total}")
    edit_page(build, at, lambda data: data.replace(mine, other))
    found = verified(build, "report.pdf")
    assert told(found, output=TABLE, place=f"page {at + 1}", message=f"says page {at + 2} of {total}; it is {at + 1} of {total}")


def test_output_cut_out_of_the_pdf_is_found(build):
    gone = pages_of(build, TITLE)
    writer = PdfWriter()
    reader = PdfReader(build / "report.pdf")
    writer.append(reader, pages=[at for at in range(len(reader.pages)) if at not in gone])
    writer.write(build / "report.pdf")
    found = verified(build, "report.pdf")
    assert told(found, output=TABLE, place="bookmarks", message=f"has 0 bookmarks '{TITLE}'")
    assert any("says page" in finding.message for finding in found)


def test_last_page_of_a_listing_missing_is_found(build):
    gone = pages_of(build, "Listing 16.2.7.1.1")[-1]
    edit_pdf(build, lambda writer: writer.remove_page(gone))
    assert told(verified(build, "report.pdf"), output=LISTING, place="from row", message="not printed: ")


def no_font(writer: PdfWriter) -> None:
    font = next(iter(writer.pages[3]["/Resources"]["/Font"].values())).get_object()
    del font["/DescendantFonts"][0].get_object()["/FontDescriptor"]["/FontFile2"]


def no_tags(writer: PdfWriter) -> None:
    del writer.root_object["/StructTreeRoot"]


def no_language(writer: PdfWriter) -> None:
    del writer.root_object["/Lang"]


def with_script(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")})
    writer.root_object[NameObject("/OpenAction")] = action


def launching(writer: PdfWriter) -> None:
    writer.add_uri(3, "https://example.org", RectangleObject((0, 0, 9, 9)))
    action = writer.pages[3]["/Annots"][-1].get_object()["/A"]
    action[NameObject("/S")] = NameObject("/Launch")


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (
            lambda writer: writer.add_uri(3, "https://example.org/x", RectangleObject((0, 0, 9, 9))),
            "page 4",
            "action /URI https://example.org/x",
        ),
        (launching, "page 4", "an action /Launch"),
        (with_script, "the document", "an action on opening"),
        (lambda writer: writer.add_attachment("x.txt", b"x"), "the document", "embedded files"),
        (no_font, "page 1", "is not in the file"),
        (no_tags, "the document", "is not tagged"),
        (no_language, "the document", "says its language is 'none'"),
    ],
    ids=["link", "launch", "script", "attachment", "font", "tags", "language"],
)
def test_pdf_that_is_not_whole_or_not_harmless_is_found(build, change, place, message):
    edit_pdf(build, change)
    found = verified(build, "report.pdf")
    assert told(found, output="", place=place, message=message), found


def other_aim(writer: PdfWriter) -> None:
    """The first link above the table leads to the table itself."""
    page = next(at for at, page in enumerate(writer.pages) if at > 2 and "/Annots" in page)
    note = writer.pages[page]["/Annots"][0].get_object()
    note[NameObject("/Dest")] = ArrayObject([writer.pages[page].indirect_reference, NameObject("/Fit")])


def no_aim(writer: PdfWriter) -> None:
    page = next(page for at, page in enumerate(writer.pages) if at > 2 and "/Annots" in page)
    page["/Annots"][0].get_object()[NameObject("/Dest")] = TextStringObject("nowhere")


def no_link(writer: PdfWriter) -> None:
    del next(page for at, page in enumerate(writer.pages) if at > 2 and "/Annots" in page)["/Annots"]


@pytest.mark.parametrize(
    ("change", "output", "message"),
    [
        (other_aim, LED, "the outputs it is linked with are on page"),
        (no_link, LED, "leads to page none"),
        (no_aim, "", "has a link that leads to no page"),
    ],
)
def test_link_of_a_page_that_is_gone_or_leads_elsewhere_is_found(build, change, output, message):
    edit_pdf(build, change)
    assert told(verified(build, "report.pdf"), output=output, place="" if output else "page", message=message)


def test_link_between_outputs_that_is_gone_or_leads_elsewhere_is_found_in_word_and_html(build):
    rewrite(
        build / "report.html", lambda text: text.replace('class="cg-to" href="#T14_3_1_1_1"', 'class="cg-to" href="#T14_1_4_2"')
    )
    listing = '<w:hyperlink w:anchor="T14_3_1_1_1" w:history="1"><w:r><w:rPr><w:color'
    repack(build / "report.docx", in_document(lambda text: text.replace(listing, listing.replace("T14_3_1_1_1", "nowhere"))))
    found = verified(build)
    said = [(finding.file, finding.output, finding.message) for finding in found if finding.place in ("links", "body")]
    assert said == [
        ("report.html", LISTING, "leads to T14_1_4_2, not to T14_3_1_1_1"),
        ("report.docx", "", "has a link to 'nowhere', which it does not hold"),
        ("report.docx", LISTING, "leads to nothing, not to T14_3_1_1_1"),
    ]


def test_file_of_one_output_says_what_it_is_linked_with_and_in_pdf_leads_to_their_files(built):
    stem = file_stem(LISTING)
    page = (built / "outputs" / f"{stem}.html").read_text()
    with zipfile.ZipFile(built / "outputs" / f"{stem}.docx") as package:
        word = package.read("word/document.xml").decode()
    notes = [note.get_object() for one in PdfReader(built / "outputs" / f"{stem}.pdf").pages for note in one.get("/Annots", ())]
    assert (page.count("<a "), word.count("<w:hyperlink")) == (0, 0)
    assert {note["/A"]["/S"] for note in notes} == {"/GoToR"}
    aims = [note["/A"]["/F"] for note in notes]
    assert "t-14-3-1-1-1.pdf" in aims
    assert all((built / "outputs" / aim).is_file() for aim in aims)
    # All tables of the phase that count these events, from the first to the last; more of them may join between.
    line = r"Tables: 14\.3\.1\.1\.1, 14\.3\.1\.2\.1, (14\.3\.1\.\d+\.1, )*14\.3\.1\.4\.1, (14\.3\.1\.\d+\.1, )*14\.3\.1\.12\.1"
    found = [re.search(line, re.sub(r"<[^>]+>", "", text)) for text in (page, word)]
    assert None not in found
    assert found[0].group() == found[1].group()


def test_file_that_is_no_pdf_is_found(build):
    (build / "report.pdf").write_bytes(b"%PDF-1.7 nothing")
    assert any("cannot be read as PDF" in finding.message for finding in verified(build, "report.pdf"))


def test_what_an_output_should_print_is_read_from_its_json(built):
    printed = read_printed(built / "outputs" / f"{FILE}.json")
    assert printed.title == TITLE
    assert printed.heads[1] == "Placebo (N=30)"
    assert all(len(row) == len(printed.heads) for row in printed.rows)
    assert read_printed(built / "outputs" / f"{file_stem(FIGURE)}.json").rows == ()


def test_note_changed_in_the_footer_of_a_single_word_file_is_found(build):
    """Notes of a table of several pages stand in the footer too: all of them as the results say them."""
    name = f"outputs/{file_stem(LISTING)}.docx"
    note = json.loads((build / "outputs" / f"{file_stem(LISTING)}.json").read_text())["footnotes"][0]

    def change(parts: dict[str, str]) -> None:
        assert parts["word/footer1.xml"].count(note) == 1
        parts["word/footer1.xml"] = parts["word/footer1.xml"].replace(note, note.replace("CTCAE v5", "CTCAE v4"))

    repack(build / name, change)
    found = [finding.message for finding in verified(build, name) if finding.place == "header and footer"]
    assert any(f"lacks {note!r}" == message for message in found), found


def test_several_processes_find_what_one_does_in_the_same_order(build, monkeypatch):
    for place, old, new in [
        ("outputs/t-14-1-4-2.html", "35.0", "36.0"),
        ("report.html", "Low", "Lot"),
        ("outputs/l-16-2-7-1-1.rtf", "Mild", "Wild"),
    ]:
        path = build / place
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    (build / "report.pdf").unlink()
    alone = verify_build(build, read_manifest(build))
    monkeypatch.setattr(readback, "_WORTH", 1)
    assert verify_build(build, read_manifest(build), workers=2) == alone
    assert {"report.html", "report.pdf", "outputs/t-14-1-4-2.html"} <= {finding.file for finding in alone.findings}


def test_several_processes_count_again_what_one_does(built, monkeypatch):
    trial = read_trial(built / "trial.yaml")
    with Workers(1) as hands:
        alone = recounted.recount_outputs(built, MADE, trial, (), hands)
    monkeypatch.setattr(recounted, "_PART", 1)
    with Workers(2) as hands:
        assert recounted.recount_outputs(built, MADE, trial, (), hands) == alone
    assert list(alone.compared) == sorted(set(MADE) & set(alone.compared), key=csr_order) != []
    assert {"what": "counted again", **alone.counts} in read_log(built)


def test_what_was_changed_after_the_build_is_put_back_and_not_made_anew(build):
    """Made anew, nobody would learn who had a hand in a finished build."""
    before = verify_build(build, read_manifest(build)).findings
    (build / "outputs" / f"{FILE}.csv").write_bytes((build / "outputs" / f"{FILE}.csv").read_bytes().replace(b"N", b"M", 1))
    (build / "notes.txt").write_text("left behind")
    found = {one.message.split(",")[0]: one.remedy for one in verify_build(build, read_manifest(build)).findings}
    assert before == ()
    assert found["was changed since the build"].startswith("find out who changed it and why, and put the file of the build back")
    assert found["is not a file of the build"] == "ask who put it there, and keep it elsewhere"
    assert {remedy for said, remedy in found.items() if said.startswith("has the heads")} <= {
        "put the files back that are not as the build left them, and verify again"
    }
    assert not any(remedy.startswith("build again") for remedy in found.values())
