"""Word documents in a sponsor's own template: its styles, header and footer win, and nothing else of it comes along."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pypandoc
import pytest

from cgbm1_report import emit
from cgbm1_report.emit.docx import own_parts
from cgbm1_report.emit.edges import fit_edge, join_fields, join_tokens, told_otherwise
from cgbm1_report.emit.reference import add_styles, read_reference
from cgbm1_report.errors import ReportError
from cgbm1_report.paper import PAPERS
from cgbm1_report.render import ReportAbout, quarto, render_report
from cgbm1_report.render.parts import read_sections
from tests.emit_cases import MARK, STAMP, figure, listing, summary_table
from tests.test_render import notebook, output

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PNG = figure().png
#: As Word leaves a token that was typed, corrected and spell-checked.
TORN = (
    '<w:r><w:t>Study {{pro</w:t></w:r><w:proofErr w:type="spellEnd"/><w:r><w:rPr><w:b/></w:rPr><w:t>tocol}} of Sponsor</w:t></w:r>'
)
PAGE = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PA</w:instrText></w:r><w:r><w:instrText>GE </w:instrText></w:r>'
PAGE += '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'


def parts_of(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        names = [name for name in package.namelist() if name.endswith((".xml", ".rels"))]
        texts = {name: package.read(name).decode("utf-8") for name in names}
    for text in texts.values():
        ElementTree.fromstring(text)  # noqa: S314
    return texts


def style_of(styles: str, ident: str) -> str:
    found = re.findall(rf'<w:style\b[^>]*w:styleId="{ident}".*?</w:style>', styles, re.S)
    assert len(found) == 1, ident
    return found[0]


def save(path: Path, parts: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def sponsor_parts() -> dict[str, str]:
    """A template as a sponsor has it: portrait Letter, Georgia, headings that number themselves, a logo, torn tokens."""
    parts = {name: content.decode("utf-8") for name, content in own_parts().items()}
    styles = parts["word/styles.xml"].replace('"Arial"', '"Georgia"')
    for ident in ("OutputTable", "OutputBreak", "TableText", "TableRight", "TableCenter"):
        styles = styles.replace(style_of(styles, ident), "")
    for ident in ("Heading2", "Caption"):
        own = style_of(styles, ident)
        numbered = own.replace("<w:pPr>", '<w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="7"/></w:numPr>', 1)
        styles = styles.replace(own, re.sub(r'w:sz w:val="\d+"', 'w:sz w:val="32"', numbered))
    stops = '<w:tabs><w:tab w:val="center" w:pos="4680"/><w:tab w:val="right" w:pos="9360"/></w:tabs>'
    for ident in ("Header", "Footer"):
        own = style_of(styles, ident)
        styles = styles.replace(own, re.sub(r"<w:tabs>.*?</w:tabs>", stops, own))
    parts["word/styles.xml"] = styles
    head = f'<w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>{TORN}<w:r><w:tab/></w:r><w:r><w:tab/></w:r>{PAGE}</w:p>'
    blip = '<a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" r:embed="rId9"/>'
    parts["word/header1.xml"] = f"<w:hdr {NAMES}>{head}<w:p><w:r><w:drawing>{blip}</w:drawing></w:r></w:p></w:hdr>"
    relation = f'<Relationship Id="rId9" Type="{RELATIONS}/image" Target="media/logo.png"/>'
    parts["word/_rels/header1.xml.rels"] = (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relation}</Relationships>'
    )
    size = '<w:pgSz w:w="12240" w:h="15840"/><w:pgMar w:top="1440" w:right="1440" w:bottom="1440" w:left="1440"/>'
    edge = '<w:headerReference w:type="default" r:id="rIdH1"/>'
    text = "<w:p><w:r><w:t>Confidential words of the template</w:t></w:r></w:p>"
    parts["word/document.xml"] = f"<w:document {NAMES}><w:body>{text}<w:sectPr>{edge}{size}</w:sectPr></w:body></w:document>"
    return parts


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return save(tmp_path / "sponsor.docx", {**sponsor_parts(), "word/media/logo.png": PNG})


@pytest.fixture
def plain_template(tmp_path: Path) -> Path:
    """Pandoc's reference document, which many sponsors start from; it knows none of our styles and links to example.com."""
    arguments = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    path = tmp_path / "pandoc.docx"
    path.write_bytes(subprocess.run(arguments, capture_output=True, check=True).stdout)
    return path


def test_sponsor_styles_win_and_ours_fill_the_gaps(template):
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(template)))
    styles = parts["word/styles.xml"]
    assert 'w:ascii="Georgia"' in styles
    assert 'w:ascii="Arial"' not in styles
    assert '<w:sz w:val="32"/>' in style_of(styles, "Heading2")
    assert style_of(styles, "TableText") == style_of(own_parts()["word/styles.xml"].decode(), "TableText")
    used = set(re.findall(r'<w:(?:pStyle|tblStyle) w:val="([^"]+)"', parts["word/document.xml"]))
    assert used <= set(re.findall(r'w:styleId="([^"]+)"', styles))
    assert "Confidential words" not in "".join(parts.values())


def test_output_is_not_numbered_a_second_time_by_the_template(template):
    body = parts_of(emit.emit_docx(summary_table(), read_reference(template)))["word/document.xml"]
    assert '<w:pStyle w:val="Caption"/><w:keepNext/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="0"/></w:numPr>' in body


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_page_is_the_builds_and_the_edges_are_stretched_to_it(template, paper):
    made = emit.emit_docx(summary_table(stamp=replace(STAMP, paper=paper)), read_reference(template))
    parts, sheet = parts_of(made), PAPERS[paper]
    assert f'<w:pgSz w:w="{sheet.long}" w:h="{sheet.short}" w:orient="landscape"' in parts["word/document.xml"]
    # Of 6.5 inches the right stop was at the end of the text; so it is on the wide page.
    ends = [int(at) for at in re.findall(r'<w:tab w:val="right" w:pos="(\d+)"/>', parts["word/header1.xml"])]
    assert len(ends) == 2, "the template's line and ours below it"
    assert all(abs(end - sheet.text_twips) <= 1 for end in ends)
    assert '<w:tab w:val="clear" w:pos="9360"/>' in parts["word/header1.xml"]


def test_sponsor_header_is_filled_and_our_footer_stands_where_it_has_none(template):
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(template)))
    header = "".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", parts["word/header1.xml"]))
    assert header.startswith("Study XY-101 of Sponsor")
    assert re.findall(r"<w:instrText>([^<]*)</w:instrText>", parts["word/header1.xml"]) == [" PAGE ", ""]
    assert header.endswith(f"Sponsor1{MARK}"), "the template says the protocol and the page in its own way, not the mark"
    assert "Protocol XY-101" not in header
    assert "Data cut-off: 2026-10-01" in parts["word/footer1.xml"]
    assert 'Target="media/header1.png"' in parts["word/_rels/header1.xml.rels"]


SAID = ("Protocol XY-101", MARK, "Page ", " NUMPAGES ", "Program: ", "Data cut-off: 2026-10-01")
LOGO = '<w:p><w:pPr><w:pStyle w:val="{}"/></w:pPr><w:r><w:t>ACME Pharma</w:t></w:r></w:p>'
HIDDEN = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{{mark}} {{cutoff}}</w:t></w:r></w:p>"


def edged(path: Path, header: str, footer: str = "") -> Path:
    """A small template: a header, and a footer where it has one."""
    parts = {name: content.decode("utf-8") for name, content in own_parts().items()}
    parts["word/header1.xml"] = f"<w:hdr {NAMES}>{header}</w:hdr>"
    parts["word/footer1.xml"] = f"<w:ftr {NAMES}>{footer or '<w:p/>'}</w:ftr>"
    return save(path, parts)


@pytest.mark.parametrize(
    ("header", "footer"),
    [
        (LOGO.format("Header"), ""),  # a company's name, and nothing below
        (LOGO.format("Header"), LOGO.format("Footer")),  # its name above and below
        (LOGO.format("Header") + HIDDEN, LOGO.format("Footer") + HIDDEN),  # what is hidden is not said
    ],
)
def test_what_a_template_does_not_say_stands_below_its_header_and_above_its_footer(tmp_path, header, footer):
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(edged(tmp_path / "acme.docx", header, footer))))
    edges = [parts[f"word/{kind}1.xml"] for kind in ("header", "footer")]
    assert all(what in "".join(edges) for what in SAID)
    assert edges[0].index("ACME Pharma") < edges[0].index(MARK)
    if footer:
        assert edges[1].index("Data cut-off: 2026-10-01") < edges[1].index("ACME Pharma")


def test_what_a_template_says_is_not_said_twice(tmp_path):
    """The mark stands in its footer, the cut-off in its header: where a template says something is its own matter."""
    header = LOGO.format("Header") + "<w:p><w:r><w:t>{{cutoff}}</w:t></w:r></w:p>"
    footer = "<w:p><w:r><w:t>{{mark}}, {{protocol}}, {{program}}, {{produced}}, </w:t></w:r>" + "".join(
        f'<w:fldSimple w:instr=" {name} "/>' for name in ("PAGE", "NUMPAGES")
    )
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(edged(tmp_path / "own.docx", header, footer + "</w:p>"))))
    both = parts["word/header1.xml"] + parts["word/footer1.xml"]
    assert both.count(MARK) == both.count("2026-10-01") == 1
    assert "Protocol" not in both
    assert "Page " not in both


SIMPLE = '<w:fldSimple w:instr=" page \\* MERGEFORMAT "><w:r><w:t>1</w:t></w:r></w:fldSimple>'


@pytest.mark.parametrize("field", [PAGE, SIMPLE], ids=["complex", "simple"])
@pytest.mark.parametrize("edge", ["header", "footer"])
def test_template_that_numbers_its_pages_has_no_second_number(tmp_path, edge, field):
    line = f"<w:p><w:r><w:t>Seite </w:t></w:r>{field}</w:p>"
    both = {kind: LOGO.format(kind.capitalize()) + (line if kind == edge else "") for kind in ("header", "footer")}
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(edged(tmp_path / "own.docx", **both))))
    said = parts["word/header1.xml"] + parts["word/footer1.xml"]
    assert len(re.findall(r"\bPAGE\b", said, re.IGNORECASE)) == 1
    assert "NUMPAGES" not in said
    assert all(said.count(what) == 1 for what in ("Protocol XY-101", MARK, "Data cut-off: 2026-10-01"))


@pytest.mark.parametrize("field", [PAGE, SIMPLE], ids=["complex", "simple"])
def test_header_of_the_first_page_that_differs_by_its_page_number_is_no_other(field):
    """Word saves what a field showed: 1 on the first page, 2 on the next."""
    first = f"<w:hdr {NAMES}><w:p><w:r><w:t>Page </w:t></w:r>{field}<w:r><w:t> of ACME</w:t></w:r></w:p></w:hdr>"
    second = first.replace("<w:t>1<", "<w:t>2<")
    assert told_otherwise(first) == told_otherwise(second) == (("Page  of ACME", 0), {"PAGE"})
    assert told_otherwise(first) != told_otherwise(second.replace("ACME", "Acme"))
    assert told_otherwise(first) != told_otherwise(first.replace(field, ""))


def test_picture_has_the_room_that_a_high_header_leaves_it(tmp_path):
    """Of our styles 11 lines of 8 points take 105.6 points; with the 31.2 above them, 71.6 more than the margin of 65.2.

    A picture loses as many, and is as much less wide.
    """
    header = '<w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr><w:r><w:t>ACME Pharma</w:t></w:r></w:p>'

    def size(lines: int) -> tuple[float, float]:
        reference = read_reference(edged(tmp_path / "acme.docx", header * lines))
        text = parts_of(emit.emit_docx(figure(), reference))["word/document.xml"]
        (wide, high), same = re.findall(r'<(?:wp:extent|a:ext) cx="(\d+)" cy="(\d+)"', text)
        assert same == (wide, high)
        return int(wide) / 12700, int(high) / 12700

    # Below what the template says stands the line of what it does not say.
    whole, less = size(1), size(10)
    assert whole[1] - less[1] == pytest.approx(71.6, abs=0.01)
    assert less[0] / less[1] == pytest.approx(whole[0] / whole[1])
    assert size(19)[1] == pytest.approx(whole[1] - 158.0, abs=0.01)
    with pytest.raises(ReportError, match="has a header and footer that take about 254 of the 473 points which a page has"):
        size(29)


def test_report_of_an_earlier_cut_as_a_template_is_not_said_beside_the_new_one(tmp_path):
    """Its header and footer are ours, filled: with them every page would say two cut-offs."""
    old = tmp_path / "report.docx"
    old.write_bytes(emit.emit_docx(summary_table(stamp=replace(STAMP, cutoff="2025-01-01"))))
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(old)))
    both = parts["word/header1.xml"] + parts["word/footer1.xml"]
    assert "2025-01-01" not in both
    assert [both.count(what) for what in SAID] == [1] * len(SAID)


def test_header_of_a_sponsor_that_begins_and_ends_as_ours_stays_where_its_footer_is_another(tmp_path):
    header = "<w:p><w:r><w:t>Protocol XY-101, ACME Pharma, confidential, Page 1 of 1</w:t></w:r></w:p>"
    parts = parts_of(emit.emit_docx(summary_table(), read_reference(edged(tmp_path / "acme.docx", header, LOGO.format("Footer")))))
    assert "ACME Pharma, confidential" in parts["word/header1.xml"]
    assert "ACME Pharma" in parts["word/footer1.xml"]


EVEN = "<w:evenAndOddHeaders/>"
WORDS = "<w:p><w:r><w:t>Sponsor Ltd, cover</w:t></w:r></w:p>"
SAME = "<w:p><w:r><w:t>Company Confidential</w:t></w:r></w:p>"
#    header of other pages    section          settings  refused
OTHERS = {
    "first page":         ("first", WORDS, "<w:titlePg/>", "", True),
    "first, a token":     ("first", WORDS.replace("cover", "{{nope}}"), "<w:titlePg/>", "", True),
    "even pages":         ("even", WORDS, "", EVEN, True),
    "first, switched off": ("first", WORDS, '<w:titlePg w:val="0"/>', "", False),
    "even, not set":      ("even", WORDS, "", "", False),
    "first, blank":       ("first", "<w:p/>", "<w:titlePg/>", "", False),
    "even, the same":     ("even", SAME, "", EVEN, False),
    "first, the number":  ("first", SAME.replace("</w:p>", f"{PAGE}</w:p>"), "<w:titlePg/>", "", True),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_header_of_first_or_even_pages_that_would_be_lost_is_refused(tmp_path, case):
    kind, words, section, setting, refused = OTHERS[case]
    parts = {name: content.decode("utf-8") for name, content in own_parts().items()}
    parts["word/header1.xml"] = f"<w:hdr {NAMES}>{SAME}</w:hdr>"
    parts["word/header7.xml"] = f"<w:hdr {NAMES}>{words}</w:hdr>"
    relation = f'<Relationship Id="rId7" Type="{RELATIONS}/header" Target="header7.xml"/></Relationships>'
    parts["word/_rels/document.xml.rels"] = parts["word/_rels/document.xml.rels"].replace("</Relationships>", relation)
    shell = parts["word/document.xml"].replace("<w:sectPr>", f'<w:sectPr><w:headerReference w:type="{kind}" r:id="rId7"/>')
    parts["word/document.xml"] = shell.replace("</w:sectPr>", f"{section}</w:sectPr>")
    parts["word/settings.xml"] = parts["word/settings.xml"].replace("<w:drawingGrid", f"{setting}<w:drawingGrid", 1)
    template = save(tmp_path / "sponsor.docx", parts)
    if refused:
        with pytest.raises(
            ReportError, match=rf"word/header7\.xml: has a header or footer of its own for {kind} pages.*take out"
        ) as told:
            read_reference(template)
        # What it holds and may not is said with it, and not when it is taken out.
        assert ("holds the token {{nope}}" in str(told.value)) is ("nope" in words)
        return
    made = parts_of(emit.emit_docx(summary_table(), read_reference(template)))
    assert "Company Confidential" in made["word/header1.xml"]
    assert MARK in made["word/header1.xml"]
    assert "cover" not in "".join(made.values())


def test_template_without_any_of_our_styles_gets_them_and_keeps_its_own(plain_template):
    parts = parts_of(emit.emit_docx(figure(), read_reference(plain_template)))
    styles = parts["word/styles.xml"]
    known = re.findall(r'w:styleId="([^"]+)"', styles)
    assert len(known) == len(set(known))
    assert {"OutputTable", "TableText", "OutputPicture", "Footnote", "TOC1"} <= set(known)
    assert "0F4761" in style_of(styles, "Heading1")
    assert "example.com" not in "".join(parts.values())
    assert len(re.findall(r'<w:style w:type="table"[^>]*w:default="1"', styles)) == 1
    assert "XY-101" in parts["word/header1.xml"]


def test_styles_of_word_in_another_language_are_known_by_their_names(tmp_path):
    parts = sponsor_parts()
    for part in ("word/styles.xml", "word/header1.xml"):
        for ours, theirs in (("Heading2", "berschrift2"), ("Header", "Kopfzeile"), ("Normal", "Standard")):
            parts[part] = (
                parts[part].replace(f'"{ours}"', f'"{theirs}"').replace(f'w:name w:val="{theirs}"', f'w:name w:val="{ours}"')
            )
    parts["word/styles.xml"] = parts["word/styles.xml"].replace('w:name w:val="Standard"', 'w:name w:val="Normal"')
    made = parts_of(
        emit.emit_docx(listing(3), read_reference(save(tmp_path / "deutsch.docx", {**parts, "word/media/logo.png": PNG})))
    )
    styles = made["word/styles.xml"]
    assert '<w:sz w:val="32"/>' in style_of(styles, "Heading2")
    assert "berschrift2" not in styles
    assert '<w:pStyle w:val="Header"/>' in made["word/header1.xml"]


def changed(name: str, change: Callable[[str], str]) -> Callable[[dict], dict]:
    return lambda parts: {**parts, name: change(parts[name])}


def linked(kind: str) -> Callable[[dict], dict]:
    relation = (
        f'<Relationship Id="x" Type="{RELATIONS}/{kind}" Target="https://evil.example/x" TargetMode="External"/></Relationships>'
    )
    part = "word/_rels/header1.xml.rels" if kind == "hyperlink" else "word/_rels/document.xml.rels"
    return changed(part, lambda text: text.replace("</Relationships>", relation))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda parts: {**parts, "word/vbaProject.bin": b"x"}, "holds macros"),
        (
            changed("[Content_Types].xml", lambda text: text.replace("document.main+xml", "document.macroEnabled.main+xml")),
            "holds macros",
        ),
        (linked("attachedTemplate"), r"refers to https://evil\.example/x outside \(attachedTemplate\)"),
        (linked("image"), r"outside \(image\)"),
        (linked("hyperlink"), r"outside \(hyperlink\)"),
        (changed("word/styles.xml", lambda text: text[:500]), "is damaged"),
        (changed("word/document.xml", lambda text: '<!DOCTYPE x [<!ENTITY a "a">]>' + text), "declares a document type"),
        (lambda parts: {name: text for name, text in parts.items() if name != "word/styles.xml"}, "is no Word document"),
        (
            changed("word/header1.xml", lambda text: text.replace("{{pro", "{pro").replace("tocol}}", "tocol}")),
            r"holds the token \{protocol\}.*use \{\{protocol",
        ),
        (changed("word/header1.xml", lambda text: text.replace("tocol}}", "ject}}")), r"holds the token \{\{project\}\}"),
        (changed("word/header1.xml", lambda text: text.replace(" PA", " INCLUDETEXT x PA")), "holds a field INCLUDETEXT"),
        (changed("word/_rels/header1.xml.rels", lambda text: text.replace("logo.png", "logo.bin")), "which is no picture"),
        (
            changed("word/styles.xml", lambda text: text.replace('"paragraph" w:styleId="Title"', '"character" w:styleId="Title"')),
            "'Title'",
        ),
    ],
)
def test_template_that_must_not_be_used_is_refused(tmp_path, damage, message):
    path = save(tmp_path / "bad.docx", damage({**sponsor_parts(), "word/media/logo.png": PNG}))
    with pytest.raises(ReportError, match=message) as refused:
        read_reference(path)
    assert "bad.docx" in str(refused.value)


@pytest.mark.parametrize(("name", "content"), [("a.doc", b"\xd0\xcf"), ("a.docx", b"no zip"), ("a.docx", b""), ("b.dotm", b"PK")])
def test_file_that_is_no_docx_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReportError, match="is no"):
        read_reference(tmp_path / name)
    with pytest.raises(ReportError, match="is not there"):
        read_reference(tmp_path / "absent.docx")


def test_truncated_template_is_refused(template):
    template.write_bytes(template.read_bytes()[:-200])
    with pytest.raises(ReportError, match="damaged"):
        read_reference(template)


def test_report_has_the_sponsors_look_in_both_orientations(template, tmp_path):
    about = ReportAbout("A Trial", protocol="XY-101", mark="Confidential", paper="letter")
    cells = ("# 14.1 Subjects\n\nWords.", output("Table 14.1.1", "Subjects"))
    book = notebook(tmp_path / "one.ipynb", *cells)
    done = render_report(
        [book], tmp_path / "out", about=about, formats=["docx"], engine="embedded", reference=read_reference(template)
    )
    parts = parts_of(done.files["docx"].read_bytes())
    assert 'w:ascii="Georgia"' in parts["word/styles.xml"]
    pages = [size.attrib for size in ElementTree.fromstring(parts["word/document.xml"]).iter(f"{W}pgSz")]  # noqa: S314
    assert [(page[f"{W}w"], page[f"{W}h"]) for page in pages] == [("12240", "15840"), ("15840", "12240")]
    for name, width in (("header1", PAPERS["letter"].text_twips), ("headerPortrait", PAPERS["letter"].portrait_twips)):
        assert "XY-101 of Sponsor" in "".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", parts[f"word/{name}.xml"]))
        ends = re.findall(r'<w:tab w:val="right" w:pos="(\d+)"/>', parts[f"word/{name}.xml"])
        assert len(ends) == 2
        assert all(abs(int(end) - width) <= 1 for end in ends)
        assert "media/header1.png" in parts[f"word/_rels/{name}.xml.rels"]
    with zipfile.ZipFile(done.files["docx"]) as package:
        assert package.read("word/media/header1.png") == PNG
    assert re.search(r'Extension="png"|/word/media/header1\.png" ContentType="image/png"', parts["[Content_Types].xml"])
    heading = re.search(r'<w:pStyle w:val="Heading1"/>.*?14\.1 Subjects', parts["word/document.xml"], re.S)
    assert heading
    assert '<w:numId w:val="0"/>' in heading[0]


def test_quarto_gets_the_sponsors_template(template, tmp_path):
    book = notebook(tmp_path / "one.ipynb", output("Table 14.1.1", "Subjects"))
    about = ReportAbout("A Trial", protocol="XY-101")
    quarto.write_project(tmp_path / "project", read_sections([book]), about, ["docx"], read_reference(template))
    assert 'w:ascii="Georgia"' in parts_of((tmp_path / "project" / "reference.docx").read_bytes())["word/styles.xml"]


def test_same_template_gives_the_same_bytes(template):
    assert read_reference(template) == read_reference(template)


def test_identity_of_ours_that_a_template_gives_to_another_style_is_exchanged(tmp_path):
    """As LibreOffice saves our styles: "Footnote" is its footnote text, and our note has another identity."""
    parts = {name: content.decode("utf-8") for name, content in own_parts().items()}
    styles = re.sub(r'"Footnote"(?!/>)', '"OutputFootnote"', parts["word/styles.xml"].replace("000000", "C00000"))
    styles = styles.replace('w:styleId="FootnoteText"', 'w:styleId="Footnote"')
    note = style_of(styles, "OutputFootnote")
    parts["word/styles.xml"] = styles.replace(note, note.replace("<w:rPr>", '<w:rPr><w:color w:val="C00000"/>'))
    made = parts_of(emit.emit_docx(summary_table(), read_reference(save(tmp_path / "sponsor.docx", parts))))["word/styles.xml"]
    assert '<w:name w:val="Output Footnote"/>' in style_of(made, "Footnote")
    assert "C00000" in style_of(made, "Footnote")
    assert re.search(r'<w:name w:val="[Ff]ootnote [Tt]ext" ?/>', style_of(made, "FootnoteText"))
    names = [name.casefold() for name in re.findall(r'<w:name w:val="([^"]+)"', made)]
    assert len(set(names)) == len(names)


def test_styles_of_ours_refer_to_styles_that_are_there():
    """Word takes a style whose base is missing as based on none; other programs complain."""
    styles = own_parts()["word/styles.xml"].decode()
    known = set(re.findall(r'w:styleId="([^"]+)"', styles))
    assert set(re.findall(r'<w:(?:basedOn|next|link) w:val="([^"]+)"', styles)) <= known


def test_added_style_brings_what_it_is_based_on():
    styles = add_styles("<w:styles></w:styles>", {"TableRight"})
    assert re.findall(r'w:styleId="([^"]+)"', styles) == ["Normal", "TableText", "TableRight"]


def test_token_torn_into_runs_is_one_and_unknown_ones_are_named():
    edge = f"<w:p>{TORN}</w:p><w:p><w:r><w:t>{{{{ mark }}}} &amp; {{{{x}}}}</w:t></w:r></w:p>"
    joined, unknown = join_tokens(edge)
    assert re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", joined) == ["Study {{protocol}}", " of Sponsor", "{{mark}} &amp; {{x}}"]
    assert unknown == ["{{x}}"]


def test_field_torn_into_runs_is_one_and_foreign_ones_are_named():
    joined, foreign = join_fields(PAGE + '<w:fldSimple w:instr=" DDEAUTO c:\\x "/>')
    assert re.findall(r"<w:instrText>([^<]*)</w:instrText>", joined) == [" PAGE ", ""]
    assert foreign == ["DDEAUTO"]


def test_table_in_a_header_grows_with_the_page():
    edge = '<w:tbl><w:tblPr><w:tblW w:w="9000" w:type="dxa"/></w:tblPr><w:tblGrid><w:gridCol w:w="4500"/></w:tblGrid></w:tbl>'
    assert re.findall(r'w:w="(\d+)"', fit_edge(edge, "", 9000, 12000)) == ["12000", "6000"]
    full = '<w:tblW w:w="5000" w:type="pct"/>'
    assert fit_edge(full, "", 9000, 12000) == full
