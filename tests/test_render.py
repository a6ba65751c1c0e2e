"""Executed notebooks become whole, true and harmless reports."""

import base64
import re
import zipfile
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import nbformat
import pikepdf
import pytest
from pypdf import PdfReader

from cgbm1_report.emit import mime_bundle
from cgbm1_report.errors import ReportError
from cgbm1_report.render import ReportAbout, emit_index, pdf, render_report
from cgbm1_report.render.html import title_of
from cgbm1_report.render.parts import cut_raw_blocks, read_sections
from tests.emit_cases import listing, summary_table
from tests.emit_readers import disordered, docx_body, docx_parts, squeezed, xml_text

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOSTILE = '{{< include /etc/passwd >}} <script>alert(1)</script> #eval("1") ```{=openxml} \\input{/etc/passwd}'
ABOUT = ReportAbout(
    title="A Trial of <b>Something</b> & More",
    subtitle="Appendices 14 and 16.2",
    protocol="ABC-301",
    sponsor="Sponsor #eval Ltd",
    product="Product",
    phase_label="Phase 1",
    mark="Confidential",
    cutoff="2026-10-01",
    produced="2026-10-02T08:00:00",
    program="program 1.0",
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def output(number: str, title: str, rows: int = 3, cell: str = "12 (34.5)", blocks: int = 1) -> dict:
    """An output made by hand, with the same parts as a declared one."""
    xml = cell.replace("&", "&amp;").replace("<", "&lt;").replace("{{", "&#123;&#123;")
    name = f"Table {number} {title}"
    line = f'<w:tr><w:tc><w:p><w:pPr><w:pStyle w:val="TableText"/></w:pPr><w:r><w:t xml:space="preserve">{xml}</w:t></w:r></w:p></w:tc></w:tr>'
    mark = re.sub(r"\D", "", number)
    entry = f'<w:r><w:instrText xml:space="preserve"> TC "{name}" \\l 2 </w:instrText></w:r><w:bookmarkStart w:id="{mark}" w:name="T{mark}"/>'
    said = f'{entry}<w:r><w:t>{name}</w:t></w:r><w:r><w:instrText> SEQ Table \\c \\h </w:instrText></w:r><w:bookmarkEnd w:id="{mark}"/>'
    head = f'<w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:p><w:pPr><w:pStyle w:val="Caption"/></w:pPr>{said}</w:p></w:tc></w:tr>'
    table = '<w:tbl><w:tblPr><w:tblStyle w:val="OutputTable"/><w:tblW w:w="14570" w:type="dxa"/></w:tblPr><w:tblGrid><w:gridCol w:w="14570"/></w:tblGrid>'
    docx = f'<w:p><w:pPr><w:pStyle w:val="OutputBreak"/></w:pPr></w:p>{table}{head}{line * rows}</w:tbl><w:p/>'
    heading = f'#output-heading({quoted(number)}, {quoted(name)}, "Table")\n'
    rows_typst = f"{quoted(cell)},\n" * rows
    body = f"#table(columns: 1fr, table.header(repeat: true, {quoted(name)}),\n{rows_typst})\nSource: X"
    end = f"#output-end({quoted(number)})"
    typst = [
        "#pagebreak(weak: true)\n" + (heading if at == 0 else "") + body + (end if at == blocks - 1 else "") for at in range(blocks)
    ]
    fence = "````"
    markdown = "\n\n".join(
        f"{fence}{{={kind}}}\n{text}\n{fence}" for kind, text in [("openxml", docx), *(("typst", t) for t in typst)]
    )
    html = xml.replace("&#123;", "{")
    return {"text/html": f"<section><h2>{name}</h2><p>{html}</p></section>", "text/markdown": markdown, "text/plain": name}


def notebook(path: Path, *cells: str | dict, error: bool = False) -> Path:
    made = []
    for cell in cells:
        if isinstance(cell, str):
            made.append(nbformat.v4.new_markdown_cell(cell))
            continue
        outputs = [
            nbformat.v4.new_output("stream", name="stdout", text="PRINTED"),
            nbformat.v4.new_output("stream", name="stderr", text="WARNED"),
            nbformat.v4.new_output("display_data", data=cell),
        ]
        outputs += [nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])] if error else []
        made.append(nbformat.v4.new_code_cell("SECRET_CODE()", outputs=outputs, execution_count=1))
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


@pytest.fixture
def notebooks(tmp_path: Path) -> list[Path]:
    return [
        notebook(
            tmp_path / "one.ipynb",
            f"# 14.1 Subjects\n\nWords {HOSTILE} [link](javascript:alert(1)) ![p](/etc/passwd)",
            output("14.1.1", "Disposition", cell=HOSTILE),
            "More words after an output.",
        ),
        notebook(
            tmp_path / "two.ipynb", "# 14.3 Safety\n\nWords.[^1]\n\n[^1]: A footnote.", output("14.3.1", "Adverse events", rows=60)
        ),
    ]


@pytest.fixture
def rendered(notebooks: list[Path], tmp_path: Path) -> Path:
    render_report(notebooks, tmp_path / "out", about=ABOUT, engine="embedded")
    return tmp_path / "out"


def document(folder: Path, part: str = "word/document.xml") -> str:
    with zipfile.ZipFile(folder / "report.docx") as package:
        return package.read(part).decode("utf-8")


TITLES = ["14.1 Subjects", "Table 14.1.1 Disposition", "14.3 Safety", "Table 14.3.1 Adverse events"]


def test_report_is_made_in_three_formats_and_nothing_else_is_left(rendered):
    assert sorted(path.name for path in rendered.iterdir()) == ["report.docx", "report.html", "report.pdf"]


def test_two_renderings_are_equal_byte_by_byte(notebooks, rendered, tmp_path):
    render_report(notebooks, tmp_path / "again", about=ABOUT, engine="embedded")
    for kind in ("html", "docx", "pdf"):
        assert (rendered / f"report.{kind}").read_bytes() == (tmp_path / "again" / f"report.{kind}").read_bytes()


def test_html_contents_lead_to_every_section_and_output(rendered):
    html = (rendered / "report.html").read_text("utf-8")
    nav = html[html.index("<nav") : html.index("</nav>")]
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', nav)
    assert [text for _, text in links] == TITLES
    assert all(f'id="{anchor}"' in html for anchor, _ in links)
    assert nav.count("<details") == nav.count("</details>") == 2


def test_html_needs_nothing_from_outside_and_runs_only_our_script(rendered):
    html = (rendered / "report.html").read_text("utf-8")
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert html.count("<script") == 1
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", html)
    assert '<html lang="en"' in html
    assert all(part in html for part in ("<main", "<nav", 'class="skip"', "@media print"))


def test_every_format_says_protocol_state_program_and_times_at_its_edges(rendered):
    said = ["Protocol ABC-301", "Confidential", "Data cut-off: 2026-10-01", "Program: program 1.0", "Produced: 2026-10-02T08:00:00"]
    html = (rendered / "report.html").read_text("utf-8")
    page = PdfReader(rendered / "report.pdf").pages[1].extract_text()
    with zipfile.ZipFile(rendered / "report.docx") as package:
        edges = [name for name in package.namelist() if re.search(r"(header|footer)\d*\.xml$", name)]
        word = "\n".join(xml_text(ElementTree.fromstring(package.read(name))) for name in edges)  # noqa: S314 - our own
    for text in said:
        assert f">{text}<" in html
        assert text in page
        assert text in word


def test_hostile_words_and_cells_stay_text_in_html(rendered):
    html = (rendered / "report.html").read_text("utf-8")
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") + html.count("&lt;script>alert(1)&lt;/script>") == 2
    assert "javascript:" not in html
    assert "root:x:" not in html
    assert "A Trial of &lt;b&gt;Something&lt;/b&gt; &amp; More" in html


def test_code_and_printed_text_are_shown_nowhere(rendered):
    pdf_text = "".join(page.extract_text() for page in PdfReader(rendered / "report.pdf").pages)
    for text in ((rendered / "report.html").read_text("utf-8"), document(rendered), pdf_text):
        assert not any(word in text for word in ("SECRET_CODE", "PRINTED", "WARNED"))


def pages_of(path: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(path).pages]


def assert_pages_are_numbered(path: Path) -> None:
    pages = pages_of(path)
    for number, text in enumerate(pages[1:], start=2):
        assert re.findall(r"Page \d+ of \d+", text) == [f"Page {number} of {len(pages)}"]
        assert "Protocol ABC-301" in text
        assert "Data cut-off: 2026-10-01" in text


def assert_contents_are_true(path: Path) -> None:
    """Each line of the contents names the page its title is on, and each bookmark leads there."""
    reader = PdfReader(path)
    pages = pages_of(path)
    listed = re.findall(r"^(.+?)(?: ?\.)+ ?(\d+)$", pages[1], re.M)
    assert [title for title, _ in listed[: len(TITLES)]] == TITLES
    assert [title for title, _ in listed[len(TITLES) :]] == [title for title in TITLES if title.startswith("Table")], (
        "list of tables"
    )
    for title, number in listed:
        assert title in pages[int(number) - 1]
    tops = [item.title for item in reader.outline if not isinstance(item, list)]
    assert tops == [title for title in TITLES if "Table" not in title]
    flat = []
    for item in reader.outline:
        flat += item if isinstance(item, list) else [item]
    assert [(item.title, str(reader.get_destination_page_number(item) + 1)) for item in flat] == listed[: len(TITLES)]


def test_pdf_pages_are_numbered_over_the_whole_document_and_contents_are_true(rendered):
    assert_pages_are_numbered(rendered / "report.pdf")
    assert_contents_are_true(rendered / "report.pdf")


def test_pdf_is_tagged_landscape_and_says_what_it_is(rendered):
    reader = PdfReader(rendered / "report.pdf")
    assert reader.metadata is not None
    assert reader.metadata.title == ABOUT.title
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert "pdfaid" in reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode("utf-8")
    wide = [page.mediabox.width > page.mediabox.height for page in reader.pages]
    assert wide == [False, False] + [True] * (len(wide) - 2)
    first = reader.pages[0].extract_text()
    assert all(text in first for text in (ABOUT.title, ABOUT.mark, "ABC-301", "Sponsor #eval Ltd", "2026-10-01"))


def test_hostile_words_and_cells_stay_text_in_pdf_and_docx(rendered):
    # Once in the words, once in each of the three rows.
    word = ElementTree.fromstring(document(rendered))  # noqa: S314 - our own
    for text in (" ".join(pages_of(rendered / "report.pdf")), "".join(word.itertext())):
        flat = re.sub(r"\s+", "", text)
        assert flat.count(re.sub(r"\s+", "", "{{< include /etc/passwd >}}")) == 4
        assert flat.count("<script>alert(1)</script>") == 4
        assert "root:x:" not in flat


def test_output_starts_a_page_and_words_after_it_do_too(rendered):
    pages = pages_of(rendered / "report.pdf")
    at = next(number for number, text in enumerate(pages) if "Table 14.1.1" in text and number > 1)
    assert "Words" not in pages[at]
    assert "More words after an output." in pages[at + 1]
    assert "14.3 Safety" in pages[at + 2]


def test_long_report_in_volumes_has_true_numbers_contents_and_bookmarks(notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "VOLUME_ROWS", 50)
    notebook(tmp_path / "two.ipynb", "# 14.3 Safety\n\nWords.", output("14.3.1", "Adverse events", rows=45, blocks=3))
    done = render_report(notebooks, tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")
    assert "volumes" in done.notes[0]
    path = tmp_path / "out" / "report.pdf"
    assert_pages_are_numbered(path)
    assert_contents_are_true(path)
    links = [note.get_object() for note in PdfReader(path).pages[1]["/Annots"]]
    assert len(links) >= len(TITLES)
    assert all("/Dest" in link and "/A" not in link for link in links)
    assert_pages_say_their_place_in_the_output(path, "Table 14.3.1")
    assert_tags_are_whole(path)
    before = path.read_bytes()
    render_report(notebooks, tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")
    assert path.read_bytes() == before


def test_report_of_very_many_cells_is_joined_without_tags_and_says_so(notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "VOLUME_ROWS", 50)
    monkeypatch.setattr(pdf, "TAGGED_CELLS", -1)
    notebook(tmp_path / "two.ipynb", "# 14.3 Safety\n\nWords.", output("14.3.1", "Adverse events", rows=45, blocks=3))
    done = render_report(notebooks, tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")
    assert "PDF/A-2b" in done.notes[0]
    assert "not tagged" in done.notes[0]
    path = tmp_path / "out" / "report.pdf"
    assert "/StructTreeRoot" not in PdfReader(path).trailer["/Root"]
    assert_pages_are_numbered(path)
    assert_pages_say_their_place_in_the_output(path, "Table 14.3.1")


def assert_pages_say_their_place_in_the_output(path: Path, label: str) -> None:
    """The output is the last of the document: its pages run from the one its bookmark leads to up to the end."""
    said = re.findall(rf"{re.escape(label)}: page (\d+) of (\d+)", " ".join("\n".join(pages_of(path)).split()))
    reader = PdfReader(path)
    (start,) = [
        reader.get_destination_page_number(item)
        for level in reader.outline
        if isinstance(level, list)
        for item in level
        if str(item.title).startswith(label)
    ]
    total = len(reader.pages) - start
    assert total > 3
    assert said == [(str(at), str(total)) for at in range(1, total + 1)]


def assert_tags_are_whole(path: Path, expected: Sequence[str] = TITLES) -> None:
    """Every page's content leads into one tree of tags, every header a cell names is there, and pages are their own."""
    with pikepdf.open(path) as made:
        root = made.Root.StructTreeRoot
        parents = dict(pikepdf.NumberTree(root.ParentTree).items())
        assert len({int(page.obj.StructParents) for page in made.pages}) == len(made.pages)
        for page in made.pages:
            elements = [element for element in parents[int(page.obj.StructParents)] if "/Pg" in element]
            assert elements
            for element in elements:
                # What goes over a page's end names the other page in its own list.
                kids = [kid.Pg.objgen for kid in element.K if isinstance(kid, pikepdf.Dictionary) and "/Pg" in kid]
                assert page.obj.objgen in [element.Pg.objgen, *kids]
            for link in page.obj.get("/Annots", []):
                assert int(link.StructParent) in parents
        cells = [item for item in made.objects if isinstance(item, pikepdf.Dictionary) and item.get("/S") in ("/TH", "/TD")]
        names = [bytes(cell.ID) for cell in cells if "/ID" in cell]
        assert len(names) == len(set(names))
        assert {bytes(name) for cell in cells for a in cell.get("/A", []) for name in a.get("/Headers", [])} <= set(names)
        document = root.K[0]
        titles = [str(element.T) for element in document.K if element.S in ("/H1", "/H2")]
        assert titles == list(expected)
        assert all(element.P.objgen == document.objgen for element in document.K)
        said = made.Root.Metadata.read_bytes().decode()
        assert "<pdfaid:part>2</pdfaid:part>" in said
        assert "<pdfuaid:part>1</pdfuaid:part>" in said
        assert f"<xmpTPg:NPages>{len(made.pages)}</xmpTPg:NPages>" in said


def test_character_without_a_glyph_is_an_error_that_names_the_output(tmp_path):
    bad = notebook(tmp_path / "bad.ipynb", "# 1", output("14.9.9", "Rare", cell="x \U00010a80 y"))
    with pytest.raises(ReportError, match=r"bad\.ipynb, cell 2: the fonts lack .*U\+10A80"):
        render_report([bad], tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")
    assert list((tmp_path / "out").iterdir()) == []


def test_typst_that_does_not_compile_names_the_output(tmp_path):
    broken = output("14.9.9", "Broken")
    broken["text/markdown"] = "```{=typst}\n#no-such-function()\n```"
    bad = notebook(tmp_path / "bad.ipynb", "# 1", broken)
    with pytest.raises(ReportError, match=r"bad\.ipynb, cell 2: cannot be typeset: unknown variable: no-such-function"):
        render_report([bad], tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")


def test_headings_out_of_order_give_a_pdf_and_a_note(tmp_path):
    path = notebook(tmp_path / "odd.ipynb", "### Third level first\n\nWords.")
    done = render_report([path], tmp_path / "out", about=ABOUT, formats=["pdf"], engine="embedded")
    assert "not PDF/UA-1" in done.notes[0]


def test_docx_has_landscape_and_portrait_sections_fields_and_valid_xml(rendered):
    with zipfile.ZipFile(rendered / "report.docx") as package:
        for name in package.namelist():
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(package.read(name))  # noqa: S314 - our own
        assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        edges = [package.read(name).decode() for name in package.namelist() if re.match(r"word/header\w*\.xml", name)]
    assert len(edges) == 2
    assert all(" PAGE " in edge and " NUMPAGES " in edge and "ABC-301" in edge for edge in edges)
    sections = re.findall(r"<w:sectPr.*?</w:sectPr>", document(rendered), re.S)
    assert ["landscape" in section for section in sections] == [False, True]
    assert "titlePg" in sections[0]


def test_docx_relations_of_its_edges_exist(rendered):
    used = set(re.findall(r'<w:(?:header|footer)Reference [^>]*r:id="([^"]+)"', document(rendered)))
    known = set(re.findall(r'Id="([^"]+)"', document(rendered, "word/_rels/document.xml.rels")))
    assert len(used) == 4
    assert used <= known


def test_docx_says_whose_it_is_and_opens_in_words_own_mode(rendered):
    """Pandoc writes properties and settings of its own, without an author and of Word 2007."""
    core, settings = (document(rendered, part) for part in ("docProps/core.xml", "word/settings.xml"))
    said = re.findall(r"<(dc:title|dc:creator|dcterms:created)[^>]*>([^<]*)<", core)
    assert said == [
        ("dc:title", escape(ABOUT.title)),
        ("dc:creator", ABOUT.sponsor),
        ("dcterms:created", "2026-10-02T08:00:00Z"),
    ]
    assert 'w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"' in settings
    parts = docx_parts((rendered / "report.docx").read_bytes())
    assert {
        part for part, text in parts.items() if part.startswith("word/") and part.endswith(".xml") and disordered(text)
    } == set()


def test_docx_contents_are_filled_with_links_to_existing_bookmarks(rendered):
    text = document(rendered)
    contents = text[text.index("<w:sdtContent>") : text.index("</w:sdtContent>")]
    links = re.findall(r'<w:hyperlink w:anchor="([^"]+)".*?<w:t xml:space="preserve">([^<]+)</w:t>', contents)
    assert [title for _, title in links] == TITLES
    assert all(f'w:name="{anchor}"' in text for anchor, _ in links)
    pages = re.findall(r"<w:tab/></w:r>.*?> PAGEREF (\S+) \\h <", contents)
    assert pages == [anchor for anchor, _ in links], "each line ends with the page of what it leads to"
    assert contents.count('w:fldCharType="begin"') == contents.count('w:fldCharType="end"') == 1 + len(links)
    assert contents.index("answer Yes") < contents.rindex('w:fldCharType="end"'), "the hint goes when Word updates the contents"
    assert '<w:updateFields w:val="true"/>' in document(rendered, "word/settings.xml")
    idents = re.findall(r'<w:bookmarkStart w:id="(\d+)"', text)
    assert len(idents) == len(set(idents))


def test_docx_keeps_a_picture_between_raw_blocks_and_pdf_does_not_print_it_twice(tmp_path):
    # One black pixel; the PDF's own picture stands in a typst block, the one for Word in a comment of typst.
    pixel = base64.b64encode(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef9240000000a49444154789c6360000000020001"
            "48afa4710000000049454e44ae426082"
        )
    ).decode()
    markdown = (
        '```{=openxml}\n<w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Figure 1</w:t></w:r></w:p>\n```\n\n'
        f'```{{=typst}}\n#output-heading("f1", "Figure 1", "Figure") Drawn #output-end("f1")/*\n```\n\n![A \\* dot](data:image/png;base64,{pixel}){{width=2.000in}}\\\n\n'
        "```{=typst}\n*/\n```\n"
    )
    path = notebook(tmp_path / "one.ipynb", "# Figures", {"text/html": "<h2>Figure 1</h2>", "text/markdown": markdown})
    render_report([path], tmp_path / "out", about=ABOUT, engine="embedded")
    with zipfile.ZipFile(tmp_path / "out" / "report.docx") as package:
        assert any(name.startswith("word/media/") for name in package.namelist())
    text = document(tmp_path / "out")
    # Pandoc says the picture's own file, in letters, where a screen reader looks first.
    assert re.findall(r'<(wp:docPr|pic:cNvPr)\b[^>]* descr="([^"]*)"', text) == [("wp:docPr", "A * dot"), ("pic:cNvPr", "A * dot")]
    assert 'cx="1828800"' in text
    assert "Drawn" in "".join(pages_of(tmp_path / "out" / "report.pdf"))


def test_output_that_cannot_be_printed_is_refused_with_its_place(tmp_path):
    html_only = notebook(tmp_path / "frame.ipynb", "# 1", {"text/html": "<table></table>", "text/plain": "frame"})
    picture = notebook(tmp_path / "picture.ipynb", {"image/png": "aGk=", "text/plain": "figure"})
    with pytest.raises(ReportError) as error:
        render_report([html_only, picture], tmp_path / "out", about=ABOUT, engine="embedded")
    assert [problem.place for problem in error.value.problems] == ["cell 2", "cell 1"]
    render_report([html_only], tmp_path / "out", about=ABOUT, formats=["html"], engine="embedded")


def test_failed_notebook_is_not_rendered(tmp_path):
    path = notebook(tmp_path / "failed.ipynb", output("1", "x"), error=True)
    with pytest.raises(ReportError, match=r"failed\.ipynb: cell 1: failed: KeyError"):
        render_report([path], tmp_path / "out", about=ABOUT, engine="embedded")


def test_unknown_format_and_missing_notebook_are_named_together(tmp_path):
    with pytest.raises(ReportError) as error:
        render_report([tmp_path / "none.ipynb"], tmp_path / "out", about=ABOUT, formats=["html", "odt"])
    assert "'odt'" in str(error.value)
    assert "none.ipynb" in str(error.value)


def test_folder_that_cannot_be_written_is_a_clear_error(notebooks, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"file/out: cannot be written"):
        render_report(notebooks, tmp_path / "file" / "out", about=ABOUT, formats=["html"], engine="embedded")


@pytest.mark.parametrize("kind", ["html", "docx", "pdf"])
def test_no_time_left_is_an_error_before_anything_is_started(notebooks, tmp_path, kind):
    with pytest.raises(ReportError, match="the time for rendering is over"):
        render_report(notebooks, tmp_path / "out", about=ABOUT, formats=[kind], engine="embedded", timeout=0.0)
    assert list((tmp_path / "out").iterdir()) == []


def test_typst_that_does_not_end_is_ended(notebooks, tmp_path):
    endless = output("14.9.9", "Endless")
    endless["text/markdown"] = "```{=typst}\n#for a in range(100000) { for b in range(100000) { let c = a * b } }\n```"
    path = notebook(tmp_path / "endless.ipynb", "# 1", endless)
    with pytest.raises(ReportError, match=r"typst took longer than|the time for rendering is over"):
        pdf.write_pdf(read_sections([path]), ABOUT, tmp_path, timeout=1.0)


def test_raw_blocks_are_cut_at_fences_their_content_cannot_close():
    text = "a\n\n````{=typst}\n```\nx\n```\n````\n\nb\n```{=latex}\ny\n```\n``` {=openxml}\nz\n```"
    assert cut_raw_blocks(text) == [
        ("words", "a\n"),
        ("typst", "```\nx\n```"),
        ("words", "\nb\n```{=latex}\ny\n```"),
        ("openxml", "z"),
    ]


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<style>h2{}</style><table><caption><h2>Table 1 A &lt;b&gt;</h2><p>Safety Set</p></caption></table>", "Table 1 A <b>"),
        ("<table><caption>Table 2<br>B</caption></table>", "Table 2 B"),
        ("<p>none</p>", ""),
    ],
)
def test_title_of_an_output_is_its_heading_or_its_caption(html, title):
    assert title_of(html) == title


def test_index_links_to_every_file_and_takes_names_as_text():
    page = emit_index(["report <1>.html"], {"T14.1.1": ["outputs/T14.1.1.html", "outputs/T14.1.1.docx"]})
    assert '<a href="report%20%3C1%3E.html">report &lt;1&gt;.html</a>' in page
    assert "Table 14.1.1" in page
    assert '<a href="outputs/T14.1.1.docx">DOCX</a>' in page


def test_index_names_groups_as_their_phase_does():
    groups = {"dose group": {"Phase 1, Low": ["groups/LOW.pdf"]}, "treatment group": {"Phase 2, Sham": ["groups/SHAM.pdf"]}}
    page = emit_index([], {}, groups)
    assert page.index("<h2>Dose groups</h2>") < page.index("Phase 1, Low") < page.index("<h2>Treatment groups</h2>")
    assert page.index('<th scope="col">Treatment group</th>') < page.index("Phase 2, Sham")


def test_index_says_what_it_is_of_and_each_output_by_its_title():
    links = {"T14.1.1": ["outputs/T14.1.1.html"], "F14.2.1": ["outputs/F14.2.1.html"]}
    page = emit_index(
        [], links, titles={"T14.1.1": "Subjects <all>"}, name="NCT1, data cut-off 2026-01-01", counted={"T14.1.1": "4 of 4"}
    )
    heads = '<th scope="col">Output</th><th scope="col">Title</th><th scope="col">Files</th><th scope="col">Numbers, '
    assert heads in page
    assert '<th scope="row">Table 14.1.1</th><td>Subjects &lt;all&gt;</td><td><a href=' in page
    assert '<th scope="row">Figure 14.2.1</th><td></td><td><a href=' in page
    assert "<h1>NCT1, data cut-off 2026-01-01</h1>" in page
    assert "<title>NCT1, data cut-off 2026-01-01</title>" in page


def printed_numbers(folder: Path) -> dict[str, list[str]]:
    """Every cell with a figure that a report's tables print, in order: of its HTML and of its DOCX."""
    page = (folder / "report.html").read_text("utf-8")
    cells = [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<td\b[^>]*>(.*?)(?=</?t[dhr]\b|</tbody)", page, re.S)]
    body = docx_body((folder / "report.docx").read_bytes())
    told = {"html": cells, "docx": [xml_text(cell) for cell in body.iter(f"{W}tc")]}
    return {name: [squeezed(text) for text in texts if re.search(r"\d", text)] for name, texts in told.items()}


@pytest.fixture
def declared(tmp_path: Path) -> list[Path]:
    """A notebook with a table and a listing as the package emits them."""
    return [notebook(tmp_path / "declared.ipynb", "# 14.3 Safety", mime_bundle(summary_table()), mime_bundle(listing()))]


def test_numbers_of_a_report_are_read_out_of_its_tables(declared, tmp_path):
    render_report(declared, tmp_path / "out", about=ABOUT, formats=("html", "docx"), engine="embedded")
    numbers = printed_numbers(tmp_path / "out")
    for texts in numbers.values():
        assert len(texts) >= 10
        printed = {squeezed(text) for row in summary_table().rows for text in row.cells.values() if re.search(r"\d", text)}
        assert len(printed) > 5
        assert printed <= set(texts)


def test_paragraphs_of_neighbouring_narrative_stay_apart_in_pdf(tmp_path):
    path = notebook(
        tmp_path / "words.ipynb", {"text/markdown": "# 1 Section\n\nThe last words of one cell."}, "The first words of the next."
    )
    done = render_report([path], tmp_path / "out", about=ABOUT, formats=("pdf",), engine="embedded")
    text = PdfReader(done.files["pdf"]).pages[-1].extract_text()
    assert "one cell. The first" not in " ".join(text.split(" "))
    assert "one cell.\n" in text


def test_every_part_of_an_output_says_at_which_level_its_heading_stands():
    """The last part ends the output: at another level, a heading behind it in the same volume would be moved up."""
    parts = SimpleNamespace(raw=lambda _: ["#first", "#last"], printed=[], level=3, new_page=False, leads=())
    assert [("level: 3" in text, text.splitlines()[-1]) for text in pdf._typst_of(parts)] == [(True, "#first"), (True, "#last")]
