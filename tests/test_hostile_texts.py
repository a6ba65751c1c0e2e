"""Forty hostile texts in every place that holds text, in every format, alone and in the whole report.

Each document is held against the same one with calm text of the same shape: whatever a text adds that
is not text would be one more tag, field, relation or control word.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pandas as pd
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.build.findings import write_findings
from cgbm1_report.build.findings.page import emit_findings_html
from cgbm1_report.build.findings.words import spreadsheet_safe
from cgbm1_report.emit.seal import SEAL
from cgbm1_report.errors import ReportError
from cgbm1_report.readback.pdfpages import OutputPages, make_page
from cgbm1_report.readback.pdftext import PageReader
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.told import Said
from cgbm1_report.render import ReportAbout, SingleOutput, render_outputs, render_report
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.table import Column, Figure, Output, Row, Table
from cgbm1_report.validate.findings import COLUMNS
from tests.drawn import stamp_saying
from tests.emit_cases import figure, summary_table
from tests.emit_readers import HtmlReader, W, docx_body, docx_parts, read_rtf, squeezed, xml_text
from tests.hostile_texts import HOSTILE, PRINTABLE, Hostile

every = pytest.mark.parametrize("text", HOSTILE, ids=[text.name for text in HOSTILE])


def calm(text: str) -> str:
    """Text of the same shape that nobody could take for anything."""
    return re.sub(r"\S", "x", text)


def everywhere(number: str, raw: str, listing: bool = False) -> Table:
    """A text in every place of a table that holds text."""
    columns = (
        Column("c", raw, 3, 1.0, "center", raw),
        Column("d", raw, None, 1.0, "left", raw),
        Column("e", "e", None, 1.0, "right"),
    )
    rows = (Row((("row", "first"),), raw, 0, {}, head=True), Row((("row", raw),), raw, 1, {"c": raw, "d": raw, "e": raw}))
    return summary_table(
        number=number, title=raw, population=raw, subtitle=raw, stub_label=None if listing else raw, columns=columns, rows=rows,
        footnotes=(raw, raw), source=raw, stamp=stamp_saying(raw), blocks=(), kind="listing" if listing else "table",
    )  # fmt: skip


def drawn(number: str, raw: str) -> Figure:
    """A text in every place of a figure that holds text."""
    # A frame holds no lone surrogate.
    told = raw.encode("utf-8", "replace").decode("utf-8")
    ard = figure().ard.assign(row=write_key(((told, told),)), column=told, stat_fmt=told)
    stamp = stamp_saying(raw)
    return figure(
        number=number, title=raw, population=raw, subtitle=raw, alt=raw, footnotes=(raw, raw), source=raw, stamp=stamp, ard=ard
    )


def places(raw: str) -> list[Output]:
    return [everywhere("T14.1.1", raw), everywhere("L16.2.1", raw, listing=True), drawn("F14.1.1", raw)]


def shape_of_html(text: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """Tags and attributes in their order; a width in em depends on the words, a name and a picture's text are read aloud."""
    free = {"style", "aria-label", "alt"}
    return [
        (tag, sorted((name, "" if name in free else value) for name, value in found.items()))
        for tag, found in HtmlReader(text).tags
    ]


def shape_of_docx(content: bytes) -> dict[str, object]:
    """Of each part its tags and attributes in their order, without those that hold words.

    Where lines end and how wide columns are depends on the words, so a run's texts, the plain line feeds between
    them and widths are left out; so is the seal, a digest of the words.
    """

    def told(key: str, value: str) -> str:
        return "" if key in words or (key == f"{W}name" and value.startswith(SEAL)) else value

    words = {"descr", "name", f"{W}val", f"{W}w"}
    lines = {(f"{W}t", ()), (f"{W}t", ("{http://www.w3.org/XML/1998/namespace}space",)), (f"{W}br", ())}
    found: dict[str, object] = {}
    for name, part in docx_parts(content).items():
        if name.endswith((".xml", ".rels")):
            nodes = ElementTree.fromstring(part).iter()  # noqa: S314
            found[name] = [
                (node.tag, sorted((key, told(key, value)) for key, value in node.attrib.items()))
                for node in nodes
                if (node.tag, tuple(node.attrib)) not in lines
            ]
        else:
            found[name] = len(part)
    return found


def fields_of(content: bytes) -> list[str]:
    """What each field of the document orders, its quoted argument left out."""
    codes = [node.text or "" for node in docx_body(content).iter(f"{W}instrText")]
    return [re.sub(r'^ TC "[^"\\]*" ', " TC ", code) for code in codes]


@every
def test_html_says_it_and_has_no_other_tag(text: Hostile) -> None:
    for ours, other in zip(places(text.raw), places(calm(text.printed)), strict=True):
        made = emit.emit_html(ours)
        assert shape_of_html(made) == shape_of_html(emit.emit_html(other))
        assert squeezed(HtmlReader(made).text).count(squeezed(text.printed)) >= 8
        assert "{{" not in made.replace("</style>", "", 1).split("</style>")[-1]
        cells = [cell for line in HtmlReader(made).cells for cell in line]
        assert isinstance(ours, Figure) or cells.count(text.printed) >= 3, "cells keep every blank and line"


@every
def test_word_document_says_it_and_has_no_other_element_field_or_relation(text: Hostile) -> None:
    for ours, other in zip(places(text.raw), places(calm(text.printed)), strict=True):
        made, quiet = emit.emit_docx(ours), emit.emit_docx(other)
        assert shape_of_docx(made) == shape_of_docx(quiet)
        assert fields_of(made) == fields_of(quiet)
        assert [code.split()[0] for code in fields_of(made)] == ["TC", "SEQ"]
        body = docx_body(made)
        assert squeezed(xml_text(body)).count(squeezed(text.printed)) >= 6
        cells = [xml_text(cell).removeprefix("\n") for cell in body.iter(f"{W}tc")]
        assert isinstance(ours, Figure) or cells.count(text.printed) >= 3
        pictures = [node.get("descr") for node in body.iter() if node.get("descr") is not None]
        assert all(told == text.printed.replace("\n", " ") for told in pictures)


@every
def test_rtf_says_it_and_has_no_other_control_word(text: Hostile) -> None:
    for ours, other in zip(places(text.raw), places(calm(text.printed)), strict=True):
        made, quiet = emit.emit_rtf(ours), emit.emit_rtf(other)
        said, words = read_rtf(made)
        assert words - {"u"} == read_rtf(quiet)[1] - {"u"}
        assert ("u" in words) >= (not text.printed.isascii())
        assert made.count(b"\\fldinst") - made.count(b"\\\\fldinst") == 2, "page and pages"
        assert squeezed(said).count(squeezed(text.printed)) >= 8
        # A reader of the file, not of the text, meets no command of ours that a text brought.
        assert commands(made) == commands(quiet)


def commands(content: bytes) -> list[bytes]:
    """Every control word and brace in its order; escaped ones, characters by number and line ends are text.

    How wide a cell is depends on the words.
    """
    text = re.sub(rb"\\[\\{}]|\\u-?\d+\?|\\line |(?<=\\cellx)\d+", b"", content)
    return re.findall(rb"\\\*|\\'|\\[a-z]+-?\d*|[{}]", text)


@every
def test_data_files_say_it_and_a_spreadsheet_runs_nothing(text: Hostile) -> None:
    table, _, picture = places(text.raw)
    found = json.loads(emit.emit_json(table).encode("utf-8"))
    assert [*found["rows"][1]["cells"].values(), found["rows"][0]["label"], found["title"]] == [text.printed] * 5
    printed = json.loads(emit.emit_printed(table))
    assert {printed["stub"], printed["columns"][1]["spanner"], printed["subtitle"]} == {text.printed}
    assert json.loads(emit.emit_json(picture))["alt"] == text.printed
    kept = text.printed.lstrip(" "), f"'{text.printed}"
    for output, least in ((table, 4), (picture, 0)):
        lines = list(csv.reader(io.StringIO(emit.emit_csv(output).encode("utf-8").decode("utf-8"), newline="")))
        assert {len(line) for line in lines} == {len(lines[0])}
        cells = [cell for line in lines[1:] for cell in line]
        assert sum(cell.lstrip(" ") in kept for cell in cells) >= least
        assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]


def test_plain_numbers_are_no_formulas() -> None:
    texts = ("-51.4 (39.75)", "-0.7", "-12", "-", "-1.2 (-3.4, 0.9)", "- (0.0)")
    columns = (Column("c", "Change"),)
    table = summary_table(columns=columns, rows=tuple(Row((("row", text),), text, 0, {"c": text}) for text in texts), blocks=())
    lines = list(csv.reader(io.StringIO(emit.emit_csv(table), newline="")))[1:]
    assert lines == [[text, text] for text in texts]


@pytest.mark.parametrize(
    "text", ["-1+1", "-1-cmd|x", "-A1", "-1 (=x)", "-1 (2)+A1", "-1 (2)(3)", "-(1)", "\uff1d1+1", "\u3000=1+1", "\u200b=1"]
)
def test_what_only_looks_like_a_number_is_guarded(text: str) -> None:
    table = summary_table(columns=(Column("c", "c"),), rows=(Row((("row", "a"),), "a", 0, {"c": text}),), blocks=())
    line = list(csv.reader(io.StringIO(emit.emit_csv(table), newline="")))[1]
    assert line == ["a", f"'{text}"]


# Lone surrogates cannot be in a frame, so no finding can quote one.
QUOTED = [text.raw for text in HOSTILE if text.raw.isascii() or text.raw.encode("utf-8", "ignore").decode("utf-8") == text.raw]


def told(raw: str) -> str:
    """What findings print of a text: what is not printable is U+FFFD, but blanks stay."""
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cn", "Zl", "Zp") else char for char in raw)


def findings_of(texts: list[str]) -> pd.DataFrame:
    """A finding for each text, which stands in every variable that can hold one."""
    wide = {name: pd.Series(texts, dtype="str") for name in COLUMNS}
    severity = pd.Series([("E", "W", "I")[at % 3] for at in range(len(texts))], dtype="str")
    return pd.DataFrame(wide).assign(severity=severity)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("findings")
    write_findings(findings_of(QUOTED), folder)
    return folder


class FindingsReader(HtmlReader):
    """Reads the page of findings, whose search box has no end tag."""

    VOID = HtmlReader.VOID | {"input"}


def test_page_of_findings_says_it_and_has_no_other_tag(findings: Path) -> None:
    made = FindingsReader((findings / "findings.html").read_text("utf-8").split(">", 1)[1])
    quiet = FindingsReader(emit_findings_html(findings_of([f"{at:03}" for at in range(len(QUOTED))])).split(">", 1)[1])
    assert sorted(tag for tag, _ in made.tags) == sorted(tag for tag, _ in quiet.tags)
    assert {name for _, found in made.tags for name in found} == {name for _, found in quiet.tags for name in found}
    cells = [cell for line in made.cells for cell in line]
    # Subject, visit, dataset, record, variable, value, message, file; once more where datasets are counted.
    assert {cells.count(told(raw)) for raw in QUOTED} == {9}
    assert sum(tag == "script" for tag, _ in made.tags) == 1


def test_findings_as_data_say_it_and_a_spreadsheet_runs_nothing(findings: Path) -> None:
    kept = json.loads((findings / "findings.json").read_text("utf-8"))["findings"]
    assert [line["value"] for line in kept] == QUOTED
    content = (findings / "findings.csv").read_text("utf-8")
    assert not [char for char in content if unicodedata.category(char) == "Cc" and char != "\n"]
    lines = list(csv.reader(io.StringIO(content)))[1:]
    assert [line[8].removeprefix("'") for line in lines] == [told(raw).removeprefix("'") for raw in QUOTED]
    book = load_workbook(findings / "findings.xlsx")
    sheet = book["Findings"]
    assert [escape_of_workbooks(row[8].value) for row in sheet.iter_rows(min_row=2)] == [line[8] for line in lines]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    assert not [cell for line in lines for cell in line if cell.lstrip().startswith(("=", "+", "-", "@", "\t"))]
    with zipfile.ZipFile(findings / "findings.xlsx") as package:
        parts = {name: package.read(name).decode("utf-8") for name in package.namelist()}
    assert not any("<f>" in part or "<f " in part or "External" in part for part in parts.values())
    assert not any("<hyperlink" in part for part in parts.values())


def escape_of_workbooks(text: str) -> str:
    """openpyxl reads ``_x005F_x0041_`` as it stands; a spreadsheet reads ``_x0041_``."""
    return text.replace("_x005F_", "_")


def test_negative_numbers_stay_numbers_in_findings() -> None:
    assert [spreadsheet_safe(text) for text in ("-5", "-5.25", "-", "-5+1", " =1", "\uff1d1", "a=1")] == [
        "-5", "-5.25", "-", "'-5+1", "' =1", "'\uff1d1", "a=1",
    ]  # fmt: skip


def bundled(path: Path, *outputs: Output, words: str = "") -> Path:
    """An executed notebook that shows the outputs."""
    cells = [nbformat.v4.new_markdown_cell(words)] if words else []
    for output in outputs:
        shown = nbformat.v4.new_output("display_data", data=emit.mime_bundle(output))
        cells.append(nbformat.v4.new_code_cell("show()", outputs=[shown], execution_count=1))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


#: Characters and line ends of a text that would fill a page as title, subtitle and column head, which is refused.
TALL, MANY_LINES = 500, 6


def is_tall(raw: str) -> bool:
    return len(raw) > TALL or raw.count("\n") >= MANY_LINES


def below_title(output: Output) -> Output:
    """The output with its text in cells, notes and alternative text only."""
    short = replace(output, title="Title", population="", subtitle="")
    if not isinstance(short, Table):
        return short
    columns = tuple(replace(column, label="c", spanner=None) for column in short.columns)
    return replace(short, columns=columns, stub_label=short.stub_label and "c")


def report_of(folder: Path, texts: list[str], formats: tuple[str, ...] = ("html", "docx", "pdf"), words: str = "") -> Path:
    """The whole report of a table and a figure for each text, and of all texts in one listing, below some words."""
    outputs: list[Output] = []
    for at, raw in enumerate(texts, start=1):
        made = (everywhere(f"T14.1.{at}", raw), drawn(f"F14.1.{at}", raw))
        outputs += [below_title(output) if is_tall(raw) else output for output in made]
    columns = (Column("NO", "No.", None, 0.5, "left"), Column("AETERM", "Verbatim term", None, 3.0, "left"))
    rows = tuple(Row((("row", str(at)),), "", 0, {"NO": f"q{at}q", "AETERM": raw}) for at, raw in enumerate(texts))
    outputs.append(
        summary_table(number="L16.2.7", columns=columns, rows=rows, kind="listing", stub_label=None, blocks=(), subtitle="")
    )
    folder.mkdir(parents=True, exist_ok=True)
    made = bundled(folder / "14.ipynb", *outputs, words=f"# 14 Outputs\n\n{words}")
    first, second, third = (texts[at] for at in (0, 4, 24))
    about = ReportAbout(title=first, subtitle=second, protocol=third, sponsor=first, mark=second, cutoff=third, program=first)
    render_report([made], folder / "out", about=about, formats=formats, engine="embedded")
    return folder / "out"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(tmp_path_factory.mktemp("hostile"), [text.raw for text in PRINTABLE])


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(tmp_path_factory.mktemp("calm"), [calm(text.printed) for text in PRINTABLE], ("html", "docx"))


SCRIPTS = next(text for text in HOSTILE if text.name == "scripts that are printed")


def lost(text: str, least: int) -> list[str]:
    """Names of texts that are not there so many times, or eight times where they do not stand in titles."""
    found = squeezed(text)
    wanted = {one: min(least, 8) if is_tall(one.raw) else least for one in PRINTABLE}
    return [one.name for one, times in wanted.items() if found.count(squeezed(one.printed)) < times]


def test_whole_html_says_it_and_has_no_other_tag(report: Path, quiet: Path) -> None:
    made, other = ((folder / "report.html").read_text("utf-8").split(">", 1)[1] for folder in (report, quiet))
    assert ReportReader(made).tag_names == ReportReader(other).tag_names
    assert not lost(ReportReader(made).text, 20)
    assert not re.search(r"""<[^>]*\s(?:src|href)=["'](?!#|data:image/)""", re.sub(r"<script>.*?</script>", "", made, flags=re.S))


class ReportReader(HtmlReader):
    """Reads the whole report, whose search box has no end tag, nor have the cells and rows of its tables."""

    VOID = HtmlReader.VOID | {"input"}
    CELL = frozenset({"td", "th", "tr", "/tbody"})
    ENDED_BY = {"td": CELL, "th": CELL, "tr": frozenset({"tr", "/tbody"})}  # noqa: RUF012

    @property
    def tag_names(self) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(found)) for tag, found in self.tags]


def test_whole_word_document_says_it_and_has_no_other_element_field_or_relation(report: Path, quiet: Path) -> None:
    made, other = ((folder / "report.docx").read_bytes() for folder in (report, quiet))
    ours, theirs = shape_of_docx(made), shape_of_docx(other)
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert fields_of(made) == fields_of(other)
    assert not lost(xml_text(docx_body(made)), 13)
    relations = [node for name, part in docx_parts(made).items() if name.endswith(".rels") for node in ElementTree.fromstring(part)]  # noqa: S314
    assert not [node.attrib for node in relations if node.get("TargetMode") == "External"]


def test_whole_pdf_says_it_and_leads_nowhere_outside(report: Path) -> None:
    reader = PdfReader(report / "report.pdf")
    said = "".join(page.extract_text() for page in reader.pages).replace("\u2019", "'")
    # The reader of PDFs puts what stands beside Hebrew elsewhere, so its words are looked for one by one.
    words = unicodedata.normalize("NFC", squeezed(said))
    assert lost(said, 10) in ([], ["scripts that are printed"])
    assert not [word for word in SCRIPTS.printed.split() if words.count(unicodedata.normalize("NFC", word)) < 10]
    assert "root:x:" not in said
    names = [name for page in reader.pages for note in page.get("/Annots", ()) for name in note.get_object()]
    assert not {"/A", "/AA"} & set(names)
    root = reader.trailer["/Root"]
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root)
    assert not {"/JavaScript", "/EmbeddedFiles"} & set(root.get("/Names", {}))


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.lacks], ids=lambda text: text.name)
def test_character_no_font_has_is_named_and_no_half_report_is_left(text: Hostile, tmp_path: Path) -> None:
    made = bundled(tmp_path / "14.ipynb", everywhere("T14.1.1", text.raw))
    with pytest.raises(ReportError) as error:
        render_report([made], tmp_path / "out", about=ReportAbout(title="x"), engine="embedded")
    assert all(f"U+{ord(char):04X}" in str(error.value) for char in text.lacks)
    assert "14.ipynb, cell 1" in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []
    single = SingleOutput("T14.1.1", "x", emit.mime_bundle(everywhere("T14.1.1", text.raw))["text/markdown"])
    with pytest.raises(ReportError, match=r"output T14\.1\.1"):
        render_outputs([single], tmp_path / "single", about=ReportAbout(title="x"))
    assert list((tmp_path / "single").iterdir()) == []


def test_words_from_right_to_left_are_read_back_from_a_pdf(tmp_path: Path) -> None:
    table = summary_table(
        number="L16.2.7", columns=(Column("AETERM", "Verbatim term", None, 3.0, "left"),), kind="listing", stub_label=None, blocks=(),
        rows=tuple(Row((("row", str(at)),), "", 0, {"AETERM": text}) for at, text in enumerate(("שלום (3 חמ) حمى", "fever 12", "حمى 2 mg"))),
    )  # fmt: skip
    single = SingleOutput("L16.2.7", "x", emit.mime_bundle(table)["text/markdown"])
    render_outputs([single], tmp_path, about=ReportAbout(title="x"))
    runs = PageReader(PdfReader(tmp_path / "l-16-2-7.pdf")).runs(0)
    for text, wrong in ((emit.emit_printed(table), False), (emit.emit_printed(table).replace("حمى 2 mg", "حمى 3 mg"), True)):
        (tmp_path / "printed.json").write_text(text, encoding="utf-8")
        pages = OutputPages("x.pdf", read_printed(tmp_path / "printed.json"), Said({}))
        assert pages.read(make_page(1, runs))
        assert any("results" in one.message for one in pages.findings) == wrong
