"""What is printed outside the cells is proved like cells: one small build, one change planted after the other.

A change leaves the file readable; the gate finds it by what the file says, not by its checksum.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pikepdf
import pytest
from pypdf import PdfReader

from cgbm1_report.assets import asset
from cgbm1_report.build import make as build
from cgbm1_report.build.documents import notebooks_of
from cgbm1_report.build.report import Request, build_report
from cgbm1_report.errors import ReportError
from cgbm1_report.notebook.run import NotebookJob
from cgbm1_report.notebook.session import open_report
from cgbm1_report.outputs.catalogue import catalogue, refuse_own
from cgbm1_report.readback import Finding, html
from cgbm1_report.readback.docx import anchors, check_docx
from cgbm1_report.readback.files import check_index
from cgbm1_report.readback.html import check_outside, check_page, check_report
from cgbm1_report.readback.htmlpage import read_page
from cgbm1_report.readback.parts import read_outputs
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.pdftext import PageReader
from cgbm1_report.readback.pictures import read_displayed
from cgbm1_report.readback.printed import Printed
from cgbm1_report.readback.quoted import check_quoted
from cgbm1_report.readback.rtf import check_rtf
from cgbm1_report.readback.story import read_leaves
from cgbm1_report.readback.told import Said, Told, compare_told, read_told
from cgbm1_report.render import ReportAbout, render_report
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.tabulate.files import file_stem
from tests.drawn import our_trial
from tests.test_render import notebook as write_notebook

TABLE, FIGURE = "T14.1.4.2", "F14.2.1.2"
MARK = "Draft, synthetic data, blinded"
TITLE = "Table 14.1.4.2 Demographic and Baseline Characteristics"
#: Numbers of the words: of the lead of phase 2.
RATIO = "randomised 1:1:1"


@pytest.fixture(scope="module")
def built(young_cut, read_once, tmp_path_factory) -> Path:
    """Two outputs, and the two notebooks that show them."""
    folder = tmp_path_factory.mktemp("around")
    names = ["01_subjects.ipynb", "02_efficacy.ipynb"]
    for name in names:
        shutil.copyfile(asset("notebooks") / name, folder / name)
    asked = f"notebooks: {json.dumps(names)}\noutputs: [{TABLE}, {FIGURE}]\n"
    (folder / "trial.yaml").write_text(asked + asset("trial.yaml").read_text("utf-8"), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "read_data", read_once)
        return build_report(Request(cut=young_cut, out=folder / "build", trial=folder / "trial.yaml", phase=2, engine="embedded"))


@pytest.fixture(scope="module")
def outputs(built) -> dict[str, Printed]:
    return read_outputs(built, [TABLE, FIGURE], read_displayed(built))[0]


@pytest.fixture(scope="module")
def said(built) -> Said:
    return Said(read_manifest(built)["report"]["stamp"])


@pytest.fixture(scope="module")
def told(built, outputs, said) -> Told:
    return read_told(built, read_manifest(built)["documents"]["report"], said, dict(anchors(outputs)))


@pytest.fixture
def read(built, outputs, said, told, tmp_path) -> Callable[[Path], list[Finding]]:
    """Reads a changed file of the build in its place."""

    def check(path: Path) -> list[Finding]:
        whole, kind = path.stem == "report", path.suffix
        one = outputs if whole else {number: kept for number, kept in outputs.items() if file_stem(number) == path.stem}
        named = dict(anchors(one))
        if kind == ".pdf":
            return check_pdf(path, one, said, "", name=path.name, told=told if whole else None)[0]
        if kind == ".docx":
            return check_docx(path, path.name, named, stamp=said, told=told if whole else None)
        if kind == ".rtf":
            return check_rtf(path, path.name, next(iter(one.values())), said)
        if whole:
            return check_report(path, path.name, named, {}, told, ours=True, stamp=said, links=frozenset())
        return check_page(path, path.name, named, stamp=said, links=frozenset())

    return check


def changed(built: Path, name: str, tmp_path: Path, before: str, after: str, part: str = "word/document.xml") -> Path:
    """A copy of a file in which one text is another: as it stands in HTML, RTF, a part of a package, or a page that is drawn."""
    path = tmp_path / Path(name).name
    shutil.copyfile(built / name, path)
    if path.suffix == ".docx":
        with zipfile.ZipFile(built / name) as package:
            parts = {inner: package.read(inner) for inner in package.namelist()}
        assert before in parts[part].decode()
        parts[part] = parts[part].decode().replace(before, after).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
            for inner, content in parts.items():
                package.writestr(inner, content)
        return path
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")
    return path


#: Of each document: the file, the text that stands there, what is planted, where the finding says it is, what it says.
TEXTS = [
    ("prose number, HTML", "report.html", RATIO, "randomised 1:1:2", "words", "1:1:2,"),
    ("prose number, Word", "report.docx", RATIO, "randomised 1:1:2", "words", "1:1:2,"),
    ("words added, HTML", "report.html", "</main>", "<p>All well.</p></main>", "words", "prints 'All well.'"),
    ("words glued, Word", "report.docx", "4 weekly infusions", "4weekly infusions", "words", "prints '4weekly'"),
    ("mark on the page, HTML", "report.html", f"<strong>{MARK}</strong>", "<strong></strong>", "edges", f"lacks '{MARK}'"),
    ("mark on the title page, HTML", "report.html", f'"title-mark">{MARK}', '"title-mark">Final', "title page", "prints 'Final'"),
    ("mark on the title page, Word", "report.docx", MARK, "Final", "title page", "prints 'Final'"),
    ("protocol, HTML", "report.html", "<span>Protocol NCT06740149<", "<span>Protocol NCT06740148<", "edges", "NCT06740148"),
    ("title, HTML", "report.html", f">{TITLE}</h3>", f">{TITLE} 2</h3>", "title", "is titled"),
    ("title of the page, HTML", "report.html", "<title>Safety", "<title>Safely", "title of the page", "Safely"),
    ("contents line, HTML", "report.html", ">14.2 Efficacy Data</a>", ">14.3 Efficacy Data</a>", "contents", "14.3"),
    ("contents lead elsewhere, HTML", "report.html", 'href="#section-4">', 'href="#section-1">', "contents", "'14.1 Demographic Data'"),
    ("section heading, HTML", "report.html", ">14.2 Efficacy Data</h1>", ">14.3 Efficacy Data</h1>", "words", "prints '14.3'"),
    ("heading of the phase, Word", "report.docx", ">Phase 2</w:t></w:r><w:bookmarkEnd", ">Phase 1</w:t></w:r><w:bookmarkEnd", "words",
     "prints '1'"),
    ("bookmark of an output, Word", "report.docx", 'w:name="out_T14_1_4_2"', 'w:name="out_T14_1_4_9"', "bookmarks", "has 0 bookmarks"),
    ("alternative text, HTML", "report.html", "3 events; 81.8%", "4 events; 81.8%", "alternative text", "prints '4'"),
    ("alternative text, Word", "report.docx", "3 events; 81.8%", "4 events; 81.8%", "alternative text", "prints '4'"),
    ("note added, Word", "report.docx", "denominator is shown.", "denominator is shown. N = 9.", "notes", "N=9."),
    ("note, HTML", "report.html", "first quartile; Q3", "second quartile; Q3", "notes", "prints 'second'"),
    ("abbreviation, HTML", "report.html", "<dd>first quartile<", "<dd>third quartile<", "title page", "prints 'third'"),
    ("address outside, HTML", "report.html", "</main>", '<img srcset="//example.org/a.png 2x"></main>', "addresses", "example.org"),
    ("address in a style, HTML", "report.html", "</main>", '<i style="background:u\\72l(//a.org/x)"></i></main>', "addresses", "a.org"),
    ("address that refreshes, HTML", "report.html", "<head>", '<head><meta http-equiv="refresh" content="0;url=//a.org">', "addresses",
     "refresh"),
    ("alternative text, RTF", "outputs/f-14-2-1-2.rtf", "3 events; 81.8%", "4 events; 81.8%", "alternative text", "prints '4'"),
    ("mark, RTF", "outputs/t-14-1-4-2.rtf", "{\\b Draft,", "{\\b Final,", "header and footer", f"lacks '{MARK}'"),
    ("cut-off, RTF", "outputs/t-14-1-4-2.rtf", "Data cut-off: 2026-01-15", "Data cut-off: 2026-01-16", "header and footer", "2026-01-16"),
    ("property, RTF", "outputs/t-14-1-4-2.rtf", "{\\title Table 14.1.4.2", "{\\title Table 14.1.4.3", "properties", "14.1.4.3"),
    ("mark, HTML of one output", "outputs/t-14-1-4-2.html", f"| {MARK} |", "| Final |", "notes", "prints 'Final'"),
    ("words added, HTML of one output", "outputs/t-14-1-4-2.html", "</main>", "<p>N = 9</p></main>", "words", "prints 'N = 9'"),
]  # fmt: skip

#: What says a text where no reader of texts looks, or hides one that is there: the file, what stands there, what is planted, what is said.
PAGE, DRAWN, RICH = "outputs/t-14-1-4-2.html", "outputs/f-14-2-1-2.html", "outputs/t-14-1-4-2.rtf"
MADE = [
    # A text that a reader sees or hears, in an attribute, a style, a field of a form, a picture.
    ("title", PAGE, "<h1 ", '<h1 title="N = 9" ', "has <h1 title>"),
    ("label", PAGE, "<main>", '<main aria-label="N = 9">', "has <main aria-label>"),
    ("data", PAGE, "<tbody ", '<tbody data-n="9" ', "has <tbody data-n>"),
    ("comment", PAGE, "<main>", "<main><!--><p>N = 9</p><!-- -->", "has a comment"),
    ("content of a style", PAGE, "</head>", '<style>h2::before { content: "9 " }</style></head>', "has the style 'h2::before{content:"),
    ("rule in our own style", PAGE, "overflow-wrap: anywhere;", "overflow-wrap: anywhere; color: #fff;", "has the style '"),
    ("field", PAGE, "<main>", '<main><input value="9">', "has <input value>"),
    ("template", PAGE, "<main>", "<main><template>9</template>", "has <template>"),
    ("drawing", PAGE, "<main>", "<main><svg><text>9</text></svg>", "has a drawing outside of the outputs"),
    ("picture", PAGE, "<main>", '<main><img src="data:image/svg+xml,<svg/>">', "draws 1 picture that no notebook displays"),
    ("other picture", DRAWN, "src=\"data:image/png;base64,iVBORw0KGgo", "src=\"data:image/png;base64,iVBORw0KGga", "lacks 1 picture that"),
    ("number in a drawing", DRAWN, "stroke-linejoin", "stroke-lineJoin", "draws 1 picture that no notebook displays"),
    ("words for a still picture", DRAWN, 'alt="', 'alt="No ', "prints 'No'"),
    # A text that is there and cannot be seen, or is read the other way round.
    ("hidden row", PAGE, "<tr><th", '<tr hidden><th', "has <tr hidden>"),
    ("style of a cell", PAGE, '<td style="text-align:center"', '<td style="display:none"', "has the style 'display:none'"),
    ("cell out of the page", PAGE, "text-indent:-1.15rem", "text-indent:-999rem", "has the style 'text-align:left;font-weight"),
    ("class of a cell", PAGE, '<td style="text-align:center"', '<td class="cg-again" style="text-align:center"', "hides a cell that no row"),
    ("class that moves words off", PAGE, "<h1 ", '<h1 class="skip" ', "has <h1> of class 'skip'"),
    ("turned round", PAGE, "<tbody ", '<tbody dir="rtl" ', "has <tbody dir>"),
    ("rule of a column", "report.html", "td:nth-child(2) { text-align: center", "td:nth-child(2) { text-align: right", "has the style '"),
    ("rule of all columns", "report.html", "td:nth-child(2) { text-align", "td:nth-child(n) { text-align", "has the style '"),
    ("rule of another column", "report.html", ".cg-2c td:nth-child(2)", ".cg-2c td:nth-child(1)", "has the style '"),
    ("folded words", "report.html", '<div class="narrative">', '<details><div class="narrative">', "has <details> that hides"),
    # RTF: hidden text, boxes, comments, fields, what a font makes of letters.
    ("hidden, RTF", RICH, "Male\\cell", "{\\v Male}\\cell", "hides 'Male'"),
    ("too small, RTF", RICH, "Male\\cell", "{\\fs2 Male}\\cell", "hides 'Male'"),
    ("text box, RTF", RICH, "{\\footer", "{\\shp{\\*\\shpinst{\\shptxt N = 9}}}{\\footer", "has \\shp"),
    ("comment, RTF", RICH, "{\\footer", "{\\*\\annotation N = 9}{\\footer", "has \\annotation"),
    ("result of a field, RTF", RICH, "{\\fldrslt 1}}\\par", "{\\fldrslt N = 9}}\\par", "prints 'N = 9' as a page number"),
    ("font of signs, RTF", RICH, "fcharset0 Arial;", "fcharset2 Symbol;", "has the fonts 'Symbol;SimSun;'"),
    ("white, RTF", RICH, "Male\\cell", "{\\cf8 Male}\\cell", "has \\cf"),
    ("picture, RTF", RICH, "{\\footer", "{\\pict\\pngblip 89504e47}{\\footer", "draws 1 picture that no notebook displays"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "before", "after", "place", "message"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS]
)
def test_text_outside_the_cells_that_was_changed_is_found(built, read, tmp_path, name, before, after, place, message):
    found = read(changed(built, name, tmp_path, before, after))
    assert any(place in one.place and message in one.message for one in found), found


#: The same in a part of a Word file of one output.
IN_WORD = [
    ("text box", "<w:body>", '<w:body><w:p><w:r><w:pict><v:textbox><w:txbxContent><w:p/></w:txbxContent></v:textbox></w:pict></w:r></w:p>',
     "has <txbxContent>"),
    ("words as a picture", "<w:body>", '<w:body><w:p><w:r><w:pict><v:textpath string="N = 9"/></w:pict></w:r></w:p>', "has <textpath>"),
    ("sign of a font", "<w:body>", '<w:body><w:p><w:r><w:sym w:font="Symbol" w:char="F039"/></w:r></w:p>', "has <sym>"),
    ("formula", "<w:body>", "<w:body><w:p><m:oMath><m:r><m:t>9</m:t></m:r></m:oMath></w:p>", "has <oMath>"),
    ("other file", "<w:body>", '<w:body><w:altChunk r:id="rIdP1"/>', "has <altChunk>"),
    ("hidden", "<w:r><w:t xml:space=\"preserve\">Table", "<w:r><w:rPr><w:vanish/></w:rPr><w:t xml:space=\"preserve\">Table", "hides 'Table 14.1.4.2'"),
    ("white", "<w:body>", '<w:body><w:p><w:r><w:rPr><w:color w:val="FEFEFE"/></w:rPr></w:r></w:p>', "has <color> val=FEFEFE"),
    ("small", "<w:body>", '<w:body><w:p><w:r><w:rPr><w:sz w:val="2"/></w:rPr></w:r></w:p>', "has <sz>"),
    ("flat line", "<w:body>", '<w:body><w:p><w:pPr><w:spacing w:line="20" w:lineRule="exact"/></w:pPr></w:p>', "has <spacing> line=20"),
    ("off the page", "<w:body>", '<w:body><w:p><w:pPr><w:ind w:left="-9999"/></w:pPr></w:p>', "has <ind> left=-9999"),
    ("tip of a link", "<w:body>", '<w:body><w:p><w:hyperlink w:anchor="T14_1_4_2" w:tooltip="N = 9"/></w:p>', "has <hyperlink>"),
    ("entry for contents", ' TC "Table 14.1.4.2', ' TC "Table 14.1.4.3', "has an entry for contents 'Table 14.1.4.3"),
    ("sum", "<w:body>", "<w:body><w:p><w:r><w:instrText> = 4 + 5 </w:instrText></w:r></w:p>", "holds the field '= 4 + 5'"),
    ("name of a table", '<w:tblCaption w:val="Table 14.1.4.2', '<w:tblCaption w:val="Table 14.1.4.3', "is called 'Table 14.1.4.3"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "message"), [case[1:] for case in IN_WORD], ids=[case[0] for case in IN_WORD])
def test_text_of_a_word_file_that_nobody_reads_or_nobody_sees_is_found(built, read, tmp_path, before, after, message):
    after = after.replace("<w:p>", '<w:p xmlns:m="urn:m" xmlns:v="urn:v">', 1)
    found = read(changed(built, "outputs/t-14-1-4-2.docx", tmp_path, before, after))
    assert any(message in one.message for one in found), found


@pytest.mark.parametrize(
    ("part", "before", "after", "message"),
    [
        ("docProps/core.xml", "<cp:keywords></cp:keywords>", "<cp:keywords>N = 9</cp:keywords>", "says 'N = 9' as its keywords"),
        ("word/header1.xml", "</w:p>", '<w:r><w:sym w:font="Symbol" w:char="F039"/></w:r></w:p>', "has <sym> in word/header1.xml"),
        (
            "word/styles.xml",
            '<w:style w:customStyle="1" w:styleId="TableText" w:type="paragraph">',
            '<w:style w:styleId="TableText"><w:rPr><w:vanish/></w:rPr>',
            "the style 'TableText', which hides",
        ),
        ("word/document.xml", "PAGEREF T14_1_4_2", "PAGEREF F14_2_1_2", "a line that leads to 'T14_1_4_2' and says the page of"),
    ],
)
def test_part_of_a_word_file_that_says_what_nobody_reads_is_found(built, read, tmp_path, part, before, after, message):
    found = read(changed(built, "report.docx", tmp_path, before, after, part))
    assert any(message in one.message for one in found), found


@pytest.mark.parametrize(("name", "before", "after", "message"), [case[1:] for case in MADE], ids=[case[0] for case in MADE])
def test_text_that_no_reader_of_texts_sees_or_that_nobody_sees_is_found(built, read, tmp_path, name, before, after, message):
    found = read(changed(built, name, tmp_path, before, after))
    assert any(message in one.message for one in found), found


@pytest.mark.parametrize(
    ("part", "before", "after", "message"),
    [
        ("word/header1.xml", MARK, "", f"lacks '{MARK}'"),
        ("word/header1.xml", "Draft,", "Final. Draft,", "prints 'Final.'"),
        ("word/headerPortrait.xml", "NCT06740149", "NCT06740148", "lacks 'Protocol NCT06740149'"),
        ("word/footer1.xml", "2026-01-15", "2026-01-16", "lacks 'Data cut-off: 2026-01-15'"),
        ("docProps/core.xml", "Safety and", "Safely and", "is titled 'Safely and"),
    ],
)
def test_header_footer_or_properties_of_a_word_file_that_were_changed_are_found(
    built, read, tmp_path, part, before, after, message
):
    found = read(changed(built, "report.docx", tmp_path, before, after, part))
    assert any(message in one.message for one in found), found


def test_line_of_the_contents_of_a_word_file_that_was_changed_is_found(built, read, tmp_path):
    """The first of the two is the line, the second the heading, which stays."""
    with zipfile.ZipFile(built / "report.docx") as package:
        text = package.read("word/document.xml").decode()
    line = re.search(r'<w:hyperlink w:anchor="[^"]*"[^>]*><w:r>.*?14\.2 Efficacy Data</w:t>', text)[0]
    found = read(changed(built, "report.docx", tmp_path, line, line.replace("14.2 Efficacy", "14.3 Efficacy")))
    assert {one.place for one in found} == {"contents"}
    assert any("prints '14.3'" in one.message for one in found)


def drawing(reader: PdfReader, at: int, text: str) -> bytes:
    """The code that draws the first text of a page that is this one, or else holds it."""
    runs = PageReader(reader).runs(at)
    codes = re.findall(rb"\[?\(?.*?T[jJ]\s+ET", reader.pages[at].get_contents().get_data(), re.S)
    assert len(runs) == len(codes)
    found = [code for run, code in zip(runs, codes, strict=True) if run.strip() == text]
    return (found or [code for run, code in zip(runs, codes, strict=True) if text in run])[0]


def redrawn(built: Path, name: str, tmp_path: Path, at: int, text: str, other: tuple[int, str] | None = None) -> Path:
    """A PDF in which the first text of a page that holds this one is gone, or is drawn as another page draws its own."""
    reader = PdfReader(built / name)
    code = drawing(reader, at, text)
    gone = re.sub(rb"\([^()]*\)|<[^<>]*>(?=[^<>]*T[jJ])", b"()", code)
    drawn = gone if other is None else drawing(reader, *other)
    data = reader.pages[at].get_contents().get_data().replace(code, drawn, 1)
    path = tmp_path / Path(name).name
    with pikepdf.open(built / name) as pdf:
        pdf.pages[at].Contents = pdf.make_stream(data)
        pdf.save(path, linearize=True)
    return path


def page_with(built: Path, text: str, name: str = "report.pdf", after: int = 1) -> int:
    reader = PdfReader(built / name)
    texts = PageReader(reader)
    return next(at for at in range(after, len(reader.pages)) if any(text in run for run in texts.runs(at)))


@pytest.mark.parametrize(
    ("text", "after", "place", "message"),
    [
        ("randomised 1:1:1", 2, "words", "should print 'Multicentre,"),
        (MARK, 2, "page", f"lacks '{MARK}'"),
        ("Data cut-off", 2, "page", "lacks 'Data cut-off: 2026-01-15'"),
        ("14.2 Efficacy Data", 1, "contents", "should print '14.2 Efficacy Data'"),
        ("Efficacy Data", 2, "words", "should print '14.2 Efficacy Data'"),
        ("Clinical study report", 0, "title page", "should print 'Clinical study report,"),
        ("List of tables", 1, "contents", "should print 'List of tables'"),
    ],
)
def test_text_of_a_pdf_outside_the_cells_that_is_gone_is_found(built, read, tmp_path, text, after, place, message):
    found = read(redrawn(built, "report.pdf", tmp_path, page_with(built, text, after=after), text))
    assert any(place in one.place and message in one.message for one in found), found


def test_page_number_of_a_page_without_an_output_that_is_another_is_found(built, read, tmp_path):
    """The contents: no output's page, and all the same it says which page it is."""
    total = len(PdfReader(built / "report.pdf").pages)
    said = [f"Page {number} of {total}" for number in (2, 3)]
    found = read(redrawn(built, "report.pdf", tmp_path, 1, said[0], (2, said[1])))
    assert [(one.place, one.message) for one in found] == [("page 2", f"says page 3 of {total}; it is 2 of {total}")]
    found = read(redrawn(built, "report.pdf", tmp_path, 1, said[0]))
    assert [(one.place, one.message) for one in found] == [("page 2", "has no page number")]


def test_page_of_an_output_that_says_the_number_within_the_output_alone_is_found(built, read, tmp_path):
    """ "Page 1 of 1" of a figure is true behind its name; without it, it says that the file has one page."""
    at = page_with(built, "Figure 14.2.1.2: page 1 of 1")
    found = read(redrawn(built, "report.pdf", tmp_path, at, "Figure 14.2.1.2: page"))
    assert [one.message for one in found] == ["does not say which page of Figure 14.2.1.2 it is"]
    found = read(redrawn(built, "report.pdf", tmp_path, at, f"Page {at + 1} of", (at, "Figure 14.2.1.2: page")))
    assert [one.message for one in found] == ["has no page number"]


def test_contents_that_name_or_lead_to_another_page_are_found(built, read, tmp_path):
    at = page_with(built, "Figure 14.2.1.2: page 1 of 1")
    found = read(redrawn(built, "report.pdf", tmp_path, 1, str(at + 1), (1, "3")))
    said = f"prints '3', should print '{at + 1}'"
    assert any(one.place == "contents" and one.message.startswith(said) for one in found), found

    def lead_elsewhere(pdf: pikepdf.Pdf) -> None:
        link = pdf.pages[1].Annots[-1]
        link.Dest = pikepdf.Array([pdf.pages[2].obj, pikepdf.Name.XYZ, 0, 500, 0])
        # Its words go with it: only the line that is printed says where it should lead.
        link.Contents = pikepdf.String("Page 3")

    title = "Figure 14.2.1.2 "
    found = read(edited(built, "report.pdf", tmp_path, lead_elsewhere))
    assert [(one.place, title in one.message) for one in found] == [("contents", True)]
    assert found[0].message.endswith(f"that leads to page 3; it is on page {at + 1}")


def edited(built: Path, name: str, tmp_path: Path, change: Callable[[pikepdf.Pdf], None]) -> Path:
    path = tmp_path / Path(name).name
    with pikepdf.open(built / name) as pdf:
        change(pdf)
        pdf.save(path, linearize=True)
    return path


def other_bookmark(pdf: pikepdf.Pdf) -> None:
    with pdf.open_outline() as outline:
        outline.root[0].children[0].title = "Phase 1"


def other_title(pdf: pikepdf.Pdf) -> None:
    pdf.docinfo["/Title"] = "Safely"


def other_alternative(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure" and "/Alt" in one:
            one["/Alt"] = pikepdf.String(str(one["/Alt"]).replace("3 events", "4 events"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("report.pdf", other_bookmark, "prints '1'"),
        ("report.pdf", other_title, "is titled 'Safely'"),
        ("report.pdf", other_alternative, "4 events"),
        ("outputs/f-14-2-1-2.pdf", other_alternative, "4 events"),
    ],
)
def test_bookmark_title_or_alternative_text_of_a_pdf_that_was_changed_is_found(built, read, tmp_path, name, change, message):
    found = read(edited(built, name, tmp_path, change))
    assert any(message in one.message for one in found), found


def painted(pdf: pikepdf.Pdf, at: int, content: bytes, *, first: bool = False) -> None:
    """Decoration on a page, which no tag has to know: over what is there, or under it."""
    pdf.pages[at].contents_add(b"/Artifact BMC q " + content + b" Q EMC", prepend=first)


def in_the_notes(pdf: pikepdf.Pdf) -> None:
    """A text of the page once more: every piece of it is one that the notes have."""
    content = pdf.pages[0].Contents.read_bytes()
    runs = re.findall(rb"q\s(?:(?!\sq\s).)*?BT.*?ET\s+Q", content, re.S)
    painted(pdf, 0, runs[-4])


def set_key(where: Callable[[pikepdf.Pdf], object], key: str, value: object) -> Callable[[pikepdf.Pdf], None]:
    return lambda pdf: where(pdf).__setitem__(key, value)  # type: ignore[attr-defined]


def pictured(pdf: pikepdf.Pdf) -> None:
    drawn = pikepdf.Stream(pdf, b"\x00", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1, Height=1,
                           BitsPerComponent=8, ColorSpace=pikepdf.Name.DeviceGray)  # fmt: skip
    name = pdf.pages[0].add_resource(pdf.make_indirect(drawn), pikepdf.Name.XObject)
    painted(pdf, 0, f"9 0 0 9 90 90 cm {name} Do".encode())


def annotated(pdf: pikepdf.Pdf) -> None:
    rect = [9, 9, 99, 99]
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=rect, Contents="N = 9", F=4)
    pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(note)])


def link_of_another(pdf: pikepdf.Pdf) -> None:
    pdf.pages[1].Annots[0].Contents = pikepdf.String("Section, page 99")


def pale(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0]
    page.Contents = pdf.make_stream(page.Contents.read_bytes().replace(b"0 scn", b"1 scn", 9))


def invisible(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0]
    page.Contents = pdf.make_stream(page.Contents.read_bytes().replace(b"0 Tr", b"3 Tr", 9))


def described(pdf: pikepdf.Pdf) -> None:
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as told:
        told["dc:description"] = "N = 9"


SINGLE = "outputs/t-14-1-4-2.pdf"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (SINGLE, in_the_notes, "which is no result"),
        (SINGLE, lambda pdf: painted(pdf, 0, b"1 g 0 0 500 500 re f"), "lays something over the page or cuts a part out (f)"),
        (SINGLE, lambda pdf: painted(pdf, 0, b"0 0 5 5 re W n", first=True), "cuts a part out (W)"),
        (SINGLE, pictured, "lays something over the page or cuts a part out (a picture)"),
        (SINGLE, pale, "has a text that is pale as paper"),
        (SINGLE, invisible, "has a text that is not painted"),
        (SINGLE, annotated, "has an annotation /FreeText"),
        (SINGLE, set_key(lambda pdf: pdf.pages[0].obj, "/CropBox", [0, 0, 99, 99]), "has /CropBox"),
        (SINGLE, set_key(lambda pdf: pdf.Root, "/PageLabels", pikepdf.Dictionary(Nums=[])), "has /PageLabels"),
        (SINGLE, set_key(lambda pdf: pdf.docinfo, "/Subject", "N = 9"), "says 'N = 9' as its Subject"),
        (SINGLE, described, "says 'N = 9' as its dc:description"),
        ("report.pdf", link_of_another, "has a link whose words are 'Section, page 99', which leads elsewhere"),
    ],
    ids=["in the notes", "covered", "cut out", "picture", "pale", "invisible", "annotation", "crop box", "labels", "subject",
         "metadata", "words of a link"],
)  # fmt: skip
def test_text_of_a_pdf_that_nobody_reads_or_nobody_sees_is_found(built, read, tmp_path, name, change, message):
    found = read(edited(built, name, tmp_path, change))
    assert any(message in one.message for one in found), found


@pytest.mark.parametrize("name", ["index.html", "findings.html"])
def test_address_outside_or_mark_of_a_page_beside_the_report_is_found(built, said, tmp_path, name):
    shutil.copyfile(built / name, tmp_path / name)
    check = (lambda: check_index(tmp_path, said)) if name == "index.html" else (lambda: check_outside(tmp_path, name))
    text = (built / name).read_text("utf-8")
    (tmp_path / name).write_text(text.replace("</body>", '<img src="https://example.org/a.png"></body>'), "utf-8")
    assert any("loads 'https://example.org/a.png'" in one.message for one in check())
    if name == "index.html":
        (tmp_path / name).write_text(text.replace(MARK, "Final"), "utf-8")
        assert any(one.message == f"lacks '{MARK}'" for one in check())


def test_a_sound_build_says_what_it_should_around_its_cells(built, read):
    names = ["report.html", "report.docx", "report.pdf", *(f"outputs/{stem}.{kind}" for stem in ("t-14-1-4-2", "f-14-2-1-2")
             for kind in ("html", "docx", "rtf", "pdf"))]  # fmt: skip
    assert [one for name in names for one in read(built / name)] == []


@pytest.mark.parametrize(
    ("wanted", "found", "wraps", "says"),
    [
        # What stands apart may not touch: what Quarto made of two paragraphs.
        (["Subjects dosed: 13", "2 subjects withdrew."], ["Subjects dosed: 132 subjects withdrew."], False, "prints '132'"),
        (["Subjects dosed: 13", "2 subjects withdrew."], ["Subjects dosed: 13", "2 subjects", "withdrew."], True, ""),
        (["Subjects dosed: 13"], ["Subjects dosed: 1 3"], False, "prints '1 3'"),
        # A line may end anywhere, within a line nothing may.
        (["Acute-on-Chronic"], ["Acute-", "on-Chronic"], True, ""),
        (["Acute-on-Chronic"], ["Acute- on-Chronic"], True, "prints 'Acute- on-Chronic'"),
        # Each format has quotation marks of its own.
        (["“Low” isn’t 3"], ['"Low" isn\'t 3'], False, ""),
        (["Low 3", "Low 3"], ["Low 3"], False, "should print 'Low 3'"),
    ],
)
def test_texts_are_compared_by_their_letters_and_by_what_stands_apart(wanted, found, wraps, says):
    told = compare_told("x", wanted, found, "rule", place="words", wraps=wraps)
    assert [says in one.message for one in told] == ([True] if says else [])


# ---- what a sentence quotes


@pytest.fixture(scope="module")
def report(built):
    return open_report(built, 2)


def test_contents_lead_to_outputs_by_their_numbers_so_that_a_link_holds_in_the_next_cut(built):
    html = (built / "report.html").read_text("utf-8")
    led_to = re.findall(r'<a href="#([TFLN]\d\w*)">(?:Table|Figure|Listing|Narratives?) ([\d.a-z]+) ', html[: html.index("</nav>")])
    assert [anchor for anchor, _ in led_to] == [f"{anchor[0]}{number.replace('.', '_')}" for anchor, number in led_to]
    assert len(led_to) == len(json.loads((built / "manifest.json").read_text("utf-8"))["outputs"]) > 1
    assert all(html.count(f' id="{anchor}"') == 1 for anchor, _ in led_to)


@pytest.mark.parametrize(
    ("number", "row", "column", "stat", "text"),
    [
        # As the page of the young cut prints them: 25 subjects, 46.6 (10.97) years, 21 (84.0) men (pandas on dm.xpt says the same).
        ("T14.1.4.2", {"AGE": None, "statistic": "Mean (SD)"}, "All subjects", None, "46.6 (10.97)"),
        ("T14.1.4", {"AGE": None, "statistic": "Mean (SD)"}, None, "sd", "10.97"),
        ("T14.1.4.2", {"SEX": "M"}, None, None, "21 (84.0)"),
        ("T14.1.4.2", {"SEX": "M"}, None, "p", "84.0"),
    ],
)
def test_value_is_the_text_that_the_table_prints(report, number, row, column, stat, text):
    assert report.value(number, row=row, column=column, stat=stat) == text


@pytest.mark.parametrize(
    ("number", "row", "column", "stat", "said"),
    [
        (
            "T14.1.4.2",
            {"SEX": "X"},
            None,
            None,
            r"T14\.1\.4\.2 has no row of SEX = X .*it has: SEX, statistic n; SEX M; SEX F",
        ),
        ("T14.1.4.2", {"SEX": "M"}, "Low", None, "has no column 'Low' .*it has: All subjects"),
        ("T14.1.4.2", {"SEX": "M"}, None, "median", "prints no statistic 'median' in the row SEX M .*it has: n; p"),
        ("T14.1.4.2", {"AGE": None}, None, None, r"prints no value in .Age \(years\).: it is a heading"),
        ("T14.1.4.2", {"SEX": "M"}, None, "hazard", "prints no statistic 'hazard'"),
        ("T14.1.4.9", {}, None, None, r"T14\.1\.4\.9"),
    ],
)
def test_value_that_is_not_there_is_one_line_that_says_what_is(report, number, row, column, stat, said):
    with pytest.raises(ReportError, match=said) as caught:
        report.value(number, row=row, column=column, stat=stat)
    assert len(caught.value.problems) == 1


def test_sentence_says_what_it_quotes_and_what_is_quoted_is_held_against_the_results(built, outputs, report, tmp_path, monkeypatch):
    shown: list[tuple[dict, dict]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata=None, **_: shown.append((data, metadata)))
    building = replace(report, building=True, _quoted=[])
    building.value(TABLE, row={"SEX": "F"}, stat="p")  # asked for, and not said
    men = building.value(TABLE, row={"SEX": "M"}, stat="n")
    building.write(f"Of all subjects {men} were men.")
    assert [data["text/markdown"] for data, _ in shown] == ["Of all subjects 21 were men."]
    ard = pd.read_parquet(built / "ard.parquet")

    def held(data: dict, metadata: dict) -> list[str]:
        cell = {"cell_type": "code", "source": [], "outputs": [{"output_type": "display_data", "data": data, "metadata": metadata}]}
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        (tmp_path / "notebooks" / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
        return [one.message for one in check_quoted(tmp_path, outputs, ard)]

    data, metadata = shown[0]
    assert held(data, metadata) == []
    assert held({"text/markdown": "Of all subjects 22 were men."}, metadata) == ["quotes '21', which none of its words says"]
    other = json.loads(json.dumps(metadata).replace('"text": "21"', '"text": "22"'))
    assert held({"text/markdown": "Of all subjects 22 were men."}, other) == ["quotes '22', which is not printed there"]


# ---- what a notebook shows that is no output of the catalogue


def test_output_that_a_notebook_declares_is_refused_in_a_build_by_one_line():
    entry = next(iter(catalogue(our_trial()).values()))
    refuse_own([entry])
    own = replace(entry, number="T14.9.9.1", declared=replace(entry.declared, body=lambda view: None))
    with pytest.raises(ReportError, match=r"output T14\.9\.9\.1 is declared outside the package") as caught:
        refuse_own([entry, own])
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"text/html": "<table><tr><td>9</td></tr></table>", "text/markdown": "9"}, "cell 1: displays a table or picture"),
        ({"text/markdown": "```{=typst}\n9\n```"}, "cell 1: displays a table or picture"),
        ({"text/markdown": "nine words", "text/plain": "x"}, ""),
    ],
)
def test_table_that_a_notebook_displays_by_itself_is_refused(tmp_path, data, said):
    cell = {"cell_type": "code", "source": [], "outputs": [{"output_type": "display_data", "data": data, "metadata": {}}]}
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
    jobs = [NotebookJob(Path("own.ipynb"), Path("a.ipynb"), {"dose_group": "all"})]
    if not said:
        assert notebooks_of(tmp_path, jobs) == {}
        return
    with pytest.raises(ReportError, match=said):
        notebooks_of(tmp_path, jobs)


LISTS = """# 14.3 Safety

10. Ten subjects.
11. Eleven.
    a. Once.

        1. Deeper.

- Without a number.

iv) Roman.

#. Open.

    #. Open, deeper: Word would have a letter.
"""


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> tuple[Path, Told]:
    """A report of words with lists, and what it should tell."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "notebooks").mkdir()
    shown = write_notebook(folder / "notebooks" / "one.ipynb", LISTS)
    about = ReportAbout("A Trial")
    render_report([shown], folder, about=about, engine="embedded")
    return folder, read_told(folder, {"title": "A Trial", "notebooks": ["one.ipynb"]}, Said({}), {})


def test_numbers_of_lists_are_those_of_the_author(listed):
    assert listed[1].story.points == ["10.", "11.", "a.", "1.", "iv)", "1.", "1."]


def test_number_of_a_list_in_html_that_was_changed_is_found(listed, tmp_path):
    folder, told = listed

    def check(path: Path) -> list[str]:
        found = check_report(path, path.name, {}, {}, told, ours=True, stamp=Said({}), links=frozenset())
        return [one.message for one in found if one.place == "numbers of lists"]

    assert check(folder / "report.html") == []
    for before, after, message in [
        ('<ol start="10"', '<ol start="9"', "prints '9', should print nothing there"),
        ('type="a"', 'type="A"', "prints 'A', should print 'a', after '10 11'"),
        ('<ol start="4"', '<ol start="5"', "prints 'v', should print 'iv', after '11 a 1'"),
    ]:
        assert check(changed(folder, "report.html", tmp_path, before, after))[0] == message


def test_number_of_a_list_in_a_word_file_that_was_changed_is_found(listed, tmp_path):
    """Word prints them by the list's definition: its start, its form, what stands around; and by which list a paragraph is in."""
    folder, told = listed

    def check(path: Path) -> list[str]:
        found = check_docx(path, path.name, {}, stamp=Said({}), told=told)
        return [one.message for one in found if one.place == "numbers of lists"]

    assert check(folder / "report.docx") == []
    numbering = "word/numbering.xml"
    for part, before, after, message in [
        (numbering, '<w:startOverride w:val="10"', '<w:startOverride w:val="9"', "prints '9.', should print nothing there"),
        (numbering, '"lowerLetter"', '"decimal"', "prints '1.', should print 'a.', after '10. 11.'"),
        (numbering, '<w:lvlText w:val="%1)"', '<w:lvlText w:val="%1."', "prints 'iv.', should print 'iv)', after '11. a. 1.'"),
        (
            "word/document.xml",
            '<w:numId w:val="1005"',
            '<w:numId w:val="1001"',
            "prints '12.', should print 'iv)', after '11. a. 1.'",
        ),
    ]:
        assert check(changed(folder, "report.docx", tmp_path, before, after, part))[0] == message


def test_number_of_a_list_in_a_pdf_that_was_changed_is_found(listed, tmp_path):
    folder, told = listed

    def check(path: Path) -> list[str]:
        found = check_pdf(path, {}, Said({}), "", name=path.name, told=told)[0]
        return [one.message for one in found if one.place == "words"]

    assert check(folder / "report.pdf") == []
    other = redrawn(folder, "report.pdf", tmp_path, 2, "10.", (2, "11."))
    assert check(other) == ["prints '11.', should print '10.', after '14.3 Safety'"]
    # A list in a list that goes on with the numbers of the outer one, as typst does where nothing says its own.
    other = redrawn(folder, "report.pdf", tmp_path, 2, "1.", (2, "10."))
    assert check(other) == ["prints '10.', should print '1.', after 'Eleven. a. Once.'"]


def test_words_of_an_author_are_read_as_they_are_printed():
    """Marks are no words; a table's caption stands before it, a footnote aside, a picture says nothing here."""
    text = (
        "### A “heading”\n\nDosed: **13**\n\n2 withdrew[^1] -- see the [registry](https://example.org/9).\n\n1. one 1.5\n2. two\n\n"
        "| a | b |\n|---|--:|\n| x | 12 |\n\n: Caption 3\n\n    code 8\n\nH~2~O <b>raw</b> \\* 5 < 6 ![7](x.png)\n\n[^1]: Note 4."
    )
    assert [(item.level, item.text, item.caption) for item in read_leaves((text,))[0]] == [
        (3, 'A "heading"', False),
        *((0, said, False) for said in ("Dosed: 13", "2 withdrew – see the registry.", "one 1.5", "two")),
        (0, "Caption 3", True),
        *((0, said, False) for said in ("a", "b", "x", "12", "code 8", "H2O <b>raw</b> * 5 < 6 7")),
    ]


def test_page_of_another_engine_says_the_words_the_title_and_the_mark(built, outputs, said, told, tmp_path):
    """It heads its page and its contents in its own way: title and mark stand in a line with other facts."""
    tags = [(f"h{item.level}" if item.level else "p", f"i{at}", item.text) for at, item in enumerate(told.story.items)]
    words = "".join(f'<{tag} id="{name}">{text}</{tag}>' for tag, name, text in tags)
    lines = "".join(f'<a href="#{name}">{text}</a>' for tag, name, text in tags if tag != "p")
    head = f"<header><h1>{told.title}</h1><p>{MARK} | by whom</p></header><nav>{lines}</nav>"
    page = f"<html><head><title>{told.title}</title></head><body>{head}<main>{words}</main></body></html>"

    def check(text: str) -> list[str]:
        (tmp_path / "report.html").write_text(text)
        found = check_report(
            tmp_path / "report.html", "report.html", dict(anchors(outputs)), {}, told, ours=False, stamp=said, links=frozenset()
        )
        return [one.message for one in found if "sections with the id" not in one.message and one.place != "links"]

    assert check(page) == []
    assert any("1:1:2" in one for one in check(page.replace(RATIO, "randomised 1:1:2")))
    assert check(page.replace(MARK, "Final")) == [f"lacks '{MARK}'"]
    assert any("prints '14.9'" in one for one in check(page.replace(">14.2 Efficacy Data</a>", ">14.9 Efficacy Data</a>")))
    assert check(page.replace("</main>", "<script src='//a.org/x.js'></script></main>")) == ["loads '//a.org/x.js'"]


def test_what_an_outputs_own_page_holds_is_not_read_again_in_the_report(built, outputs, said, told, monkeypatch):
    read: list[str] = []
    monkeypatch.setattr(html, "read_page", lambda text, names: read.append(text) or read_page(text, names))
    pages = {anchor: (built / "outputs" / f"{file_stem(one.number)}.html").read_text("utf-8") for anchor, one in anchors(outputs)}
    path = built / "report.html"
    found = check_report(path, path.name, dict(anchors(outputs)), pages, told, ours=True, stamp=said, links=frozenset())
    assert found == []
    assert len(pages) == 2
    assert [name for name in ("<table", "<svg", "<tbody") if name in read[0]] == []
