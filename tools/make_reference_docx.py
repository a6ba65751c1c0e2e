"""Makes templates/reference.docx: how every Word document of a report looks.

It starts from pandoc's own reference document, so that no style pandoc names is missing, and puts
our page, header, footer, fonts and styles over it. Run it after a change of the look:

    python tools/make_reference_docx.py

The same pandoc gives the same bytes. Tokens such as ``{{protocol}}`` in the header and the footer
are filled by ``cgbm1_report.emit.docx.fill_reference``.
"""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from pathlib import Path

import pypandoc

TARGET = Path(__file__).resolve().parent.parent / "templates" / "reference.docx"
EPOCH = (1980, 1, 1, 0, 0, 0)

# Arial, not Liberation Sans: Word has the first, and everything that lacks it (LibreOffice, this
# package's PDF) has the second with the same widths, so that lines break alike.
FONT = "Arial"
FONT_CJK = "SimSun"
INK, MUTED = "000000", "595959"

LANGUAGE = "en-US"
_SETTING = '<w:compatSetting w:name="{}" w:uri="http://schemas.microsoft.com/office/word" w:val="{}"/>'
_OF_WORD = (
    "overrideTableStyleFontSizeAndJustification",
    "enableOpenTypeFeatures",
    "doNotFlipMirrorIndents",
    "differentiateMultirowTableHeaders",
)
COMPATIBILITY = "".join(
    _SETTING.format(name, value) for name, value in [("compatibilityMode", 15), *((name, 1) for name in _OF_WORD)]
)
COMPATIBILITY = f"<w:compat>{COMPATIBILITY}</w:compat>"

# A4 landscape in twentieths of a point. 2 cm left and right; the text is 257 mm wide.
PAGE_W, PAGE_H, SIDE, TOP, BOTTOM, EDGE = 16838, 11906, 1134, 1304, 1134, 624
TEXT_W = PAGE_W - 2 * SIDE

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def style(
    ident: str,
    name: str,
    *,
    based: str = "Normal",
    follow: str = "",
    size: float = 0,
    bold: bool | None = None,
    italic: bool = False,
    color: str = "",
    before: float | None = None,
    after: float | None = None,
    line: float = 0,
    single: bool = False,
    jc: str = "",
    paragraph: str = "",
    level: int | None = None,
    ui: str = "",
) -> str:
    """One paragraph style; sizes and spacings in points.

    ``single`` says of lines, indents and alignment what a sponsor's Normal may say otherwise.
    """
    spacing = "".join(
        f' w:{key}="{round(20 * value)}"' for key, value in (("before", before), ("after", after)) if value is not None
    )
    spacing += f' w:line="{round(20 * line)}" w:lineRule="exact"' if line else ""
    spacing += ' w:line="240" w:lineRule="auto"' if single else ""
    properties = paragraph
    properties += f"<w:spacing{spacing}/>" if spacing else ""
    properties += '<w:ind w:left="0" w:right="0" w:firstLine="0"/>' if single else ""
    jc = jc or ("left" if single else "")
    properties += f'<w:jc w:val="{jc}"/>' if jc else ""
    properties += f'<w:outlineLvl w:val="{level}"/>' if level is not None else ""
    run = "" if bold is None else ("<w:b/><w:bCs/>" if bold else '<w:b w:val="0"/><w:bCs w:val="0"/>')
    run += "<w:i/><w:iCs/>" if italic else ""
    run += f'<w:color w:val="{color}"/>' if color else ""
    run += f'<w:sz w:val="{round(2 * size)}"/><w:szCs w:val="{round(2 * size)}"/>' if size else ""
    custom = "" if ident in BUILT_IN else ' w:customStyle="1"'
    return (
        f'<w:style w:type="paragraph"{custom} w:styleId="{ident}"><w:name w:val="{name}"/>'
        + (f'<w:basedOn w:val="{based}"/>' if based else "")
        + (f'<w:next w:val="{follow}"/>' if follow else "")
        + ui
        + "<w:qFormat/>"
        + (f"<w:pPr>{properties}</w:pPr>" if properties else "")
        + (f"<w:rPr>{run}</w:rPr>" if run else "")
        + "</w:style>"
    )


BUILT_IN = {"Title", "Subtitle", "Author", "Date", "BodyText", "TOCHeading", "Header", "Footer", "Caption", "TableofFigures"} | {
    f"{kind}{n}" for kind in ("Heading", "TOC") for n in range(1, 10)
}

KEEP = "<w:keepNext/><w:keepLines/>"
STOPS = f'<w:tabs><w:tab w:val="center" w:pos="{TEXT_W // 2}"/><w:tab w:val="right" w:pos="{TEXT_W}"/></w:tabs>'


def toc(level: int) -> str:
    """A line of the table of contents, or of a list of captions (0): dots up to the page number at the right edge."""
    indent = 280 * max(level - 1, 0)
    stops = f'<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="{TEXT_W}"/></w:tabs>'
    return style(
        f"TOC{level}" if level else "TableofFigures",
        f"toc {level}" if level else "table of figures",
        follow="Normal",
        size=9,
        bold=level == 1,
        before=4 if level == 1 else 0,
        after=2,
        paragraph=stops,
        ui='<w:uiPriority w:val="39"/>',
    ).replace("</w:pPr>", f'<w:ind w:left="{indent}" w:right="567"/></w:pPr>', 1)


def styles() -> dict[str, str]:
    """Every paragraph style of ours, by its id."""
    made = [
        style(
            "Title", "Title", follow="Subtitle", size=20, bold=True, color=INK, before=120, after=12, jc="center", paragraph=KEEP
        ),
        style("Subtitle", "Subtitle", follow="BodyText", size=13, color=INK, before=0, after=8, jc="center", paragraph=KEEP),
        style("Author", "Author", follow="BodyText", size=11, before=0, after=6, jc="center"),
        style("Date", "Date", follow="BodyText", size=11, before=0, after=6, jc="center"),
        style(
            "Heading1", "heading 1", follow="BodyText", size=14, bold=True, color=INK, before=12, after=8, paragraph=KEEP, level=0
        ),
        style(
            "Heading2", "heading 2", follow="BodyText", size=10, bold=True, color=INK, before=0, after=2, paragraph=KEEP, level=1
        ),
        style(
            "Heading3", "heading 3", follow="BodyText", size=10, bold=True, color=INK, before=0, after=4, paragraph=KEEP, level=2
        ),
        style("BodyText", "Body Text", size=10, before=0, after=6),
        style("TOCHeading", "TOC Heading", follow="BodyText", size=14, bold=True, color=INK, before=12, after=8, paragraph=KEEP),
        *(toc(level) for level in (1, 2, 3)),
        toc(0),
        style("Header", "header", size=8, before=0, after=0, paragraph=STOPS),
        style("Footer", "footer", size=8, before=0, after=0, paragraph=STOPS),
        # An output's title, and what Word lists as one.
        style(
            "Caption",
            "caption",
            follow="BodyText",
            single=True,
            size=10,
            bold=True,
            color=INK,
            before=0,
            after=2,
            jc="center",
            paragraph=KEEP,
            ui='<w:uiPriority w:val="35"/>',
        ),
        style("OutputTitle", "Output Title", single=True, size=10, bold=True, before=0, after=2, jc="center", paragraph=KEEP),
        style("OutputSubtitle", "Output Subtitle", single=True, size=9, before=0, after=2, jc="center", paragraph=KEEP),
        # One point high: parts two tables and starts a page without a visible line of its own.
        style("OutputBreak", "Output Break", size=1, before=0, after=0, line=1, paragraph="<w:pageBreakBefore/>"),
        style("OutputPicture", "Output Picture", single=True, before=4, after=4, jc="center", paragraph="<w:keepNext/>"),
        style("TableHead", "Table Head", single=True, size=9, bold=True, before=1.5, after=1.5, paragraph=KEEP),
        style("TableText", "Table Text", single=True, size=9, before=1.5, after=1),
        style("TableCenter", "Table Center", based="TableText", jc="center"),
        style("TableRight", "Table Right", based="TableText", jc="right"),
        style("ListingHead", "Listing Head", single=True, size=8, bold=True, before=1.5, after=1.5, paragraph=KEEP),
        style("ListingText", "Listing Text", single=True, size=8, before=1.5, after=1),
        style("ListingCenter", "Listing Center", based="ListingText", jc="center"),
        style("ListingRight", "Listing Right", based="ListingText", jc="right"),
        style("Footnote", "Output Footnote", single=True, size=8.5, before=1, after=0),
    ]
    found = {}
    for text in made:
        match = re.search(r'w:styleId="([^"]+)"', text)
        assert match  # noqa: S101
        found[match[1]] = text
    # The rule under a spanner is the paragraph's, not the cell's: two neighbours keep a gap.
    rule = '<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="auto"/></w:pBdr>'
    for kind in ("Table", "Listing"):
        found[f"{kind}Spanner"] = style(f"{kind}Spanner", f"{kind} Spanner", based=f"{kind}Head", jc="center", paragraph=rule)
    return found


TABLE_STYLE = (
    '<w:style w:type="table" w:customStyle="1" w:styleId="OutputTable"><w:name w:val="Output Table"/><w:basedOn w:val="Table"/>'
    '<w:tblPr><w:tblCellMar><w:top w:w="0" w:type="dxa"/><w:left w:w="58" w:type="dxa"/><w:bottom w:w="0" w:type="dxa"/>'
    '<w:right w:w="58" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
)


def mend_styles(text: str) -> str:
    """Pandoc's styles.xml with our fonts and styles in place of the ones of the same id."""
    fonts = f'<w:rFonts w:ascii="{FONT}" w:hAnsi="{FONT}" w:eastAsia="{FONT_CJK}" w:cs="{FONT}"/>'
    text = re.sub(r"<w:rFonts [^>]*[tT]heme[^>]*/>", fonts, text)
    text = re.sub(r'(<w:rPrDefault>.*?<w:sz w:val=")24(".*?<w:szCs w:val=")24', r"\g<1>20\g<2>20", text, count=1, flags=re.S)
    text = re.sub(r'<w:spacing w:after="200" />', '<w:spacing w:before="0" w:after="0"/>', text, count=1)
    for ident, own in styles().items():
        pattern = re.compile(rf'<w:style [^>]*w:styleId="{ident}"[^>]*>.*?</w:style>', re.S)
        text = pattern.sub(own, text) if pattern.search(text) else text.replace("</w:styles>", own + "</w:styles>")
    # Pandoc's table style is based on one that is not there.
    text = text.replace('<w:basedOn w:val="TableNormal" />', "")
    return text.replace("</w:styles>", TABLE_STYLE + "</w:styles>")


def field(code: str) -> str:
    """A field with a first guess that stands until a reader's program computes it."""
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {code} </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def run(text: str) -> str:
    """Plain text."""
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def header_part() -> str:
    """Protocol, what the document is, and page x of y."""
    tab = "<w:r><w:tab/></w:r>"
    page = run("Page ") + field("PAGE") + run(" of ") + field("NUMPAGES")
    body = run("Protocol {{protocol}}") + tab + f"<w:r><w:rPr><w:b/></w:rPr><w:t>{{{{mark}}}}</w:t></w:r>{tab}" + page
    return f'{HEAD}<w:hdr {W} {R}><w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>{body}</w:p></w:hdr>'


def footer_part() -> str:
    """What made the document, when, and of which data."""
    tab = "<w:r><w:tab/></w:r>"
    body = run("Program: {{program}}") + tab + run("{{produced}}") + tab + run("Data cut-off: {{cutoff}}")
    return f'{HEAD}<w:ftr {W} {R}><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>{body}</w:p></w:ftr>'


def section() -> str:
    """A4 landscape with our header and footer."""
    return (
        '<w:sectPr><w:headerReference w:type="default" r:id="rIdH1"/><w:footerReference w:type="default" r:id="rIdF1"/>'
        f'<w:pgSz w:w="{PAGE_W}" w:h="{PAGE_H}" w:orient="landscape"/>'
        f'<w:pgMar w:top="{TOP}" w:right="{SIDE}" w:bottom="{BOTTOM}" w:left="{SIDE}"'
        f' w:header="{EDGE}" w:footer="{EDGE}" w:gutter="0"/>'
        "</w:sectPr>"
    )


def mend_parts(parts: dict[str, str]) -> dict[str, str]:
    """The package's parts with our look."""
    parts["word/styles.xml"] = mend_styles(parts["word/styles.xml"])
    parts["word/header1.xml"], parts["word/footer1.xml"] = header_part(), footer_part()
    parts["word/document.xml"] = f"{HEAD}<w:document {W} {R}><w:body><w:p/>{section()}</w:body></w:document>"
    relations = parts["word/_rels/document.xml.rels"]
    relations = re.sub(r'<Relationship [^>]*Target="http://example.com"[^>]*/>', "", relations)
    added = "".join(
        f'<Relationship Type="{RELATIONS}/{kind}" Id="{ident}" Target="{kind}1.xml"/>'
        for kind, ident in (("header", "rIdH1"), ("footer", "rIdF1"))
    )
    parts["word/_rels/document.xml.rels"] = relations.replace("</Relationships>", added + "</Relationships>")
    # Pandoc's footnotes refer to an example address, which nothing uses.
    empty = re.sub(r"<Relationship .*?/>", "", parts["word/_rels/footnotes.xml.rels"])
    parts["word/_rels/footnotes.xml.rels"] = empty
    added = "".join(f'<Override PartName="/word/{kind}1.xml" ContentType="{MAIN}.{kind}+xml"/>' for kind in ("header", "footer"))
    added = f'<Default Extension="png" ContentType="image/png"/>{added}'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", added + "</Types>")
    core = (
        parts["docProps/core.xml"]
        .replace("<dc:title>Title<", "<dc:title>{{title}}<")
        .replace(
            "<dc:creator>Author</dc:creator>", f"<dc:creator>{{{{sponsor}}}}</dc:creator><dc:language>{LANGUAGE}</dc:language>"
        )
    )
    parts["docProps/core.xml"] = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "{{dated}}", core)
    # Without a mode Word opens a document as one of Word 2007; 15 is that of Word 2013 and all later ones.
    parts["word/settings.xml"] = parts["word/settings.xml"].replace("<w:rsids>", f"{COMPATIBILITY}<w:rsids>")
    parts["docProps/app.xml"] = re.sub(
        r"<(Words|Lines|Characters|CharactersWithSpaces|Paragraphs|Pages|TotalTime|Template|Application|AppVersion)>.*?</\1>\s*",
        "",
        parts["docProps/app.xml"],
    )
    return parts


def main() -> None:
    """Write templates/reference.docx."""
    pandoc = pypandoc.get_pandoc_path()
    default = subprocess.run([pandoc, "--print-default-data-file", "reference.docx"], capture_output=True, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(default)) as package:
        parts = mend_parts({name: package.read(name).decode("utf-8") for name in package.namelist()})
    first = ["[Content_Types].xml", "_rels/.rels"]
    with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED) as package:
        for name in [*first, *sorted(set(parts) - set(first))]:
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            package.writestr(info, parts[name])


if __name__ == "__main__":
    main()
