"""The report as a Word document: pandoc writes the narrative, the outputs go in as they are.

Only Word knows on which pages its lines fall. So the contents and the lists are written in full, with links and a
``PAGEREF`` field a line that is empty at first: a number taken from the PDF would be wrong in Word, where lines
break elsewhere. The document orders Word to update its fields on opening (``w:updateFields``); Word asks its reader
first, and on yes prints the pages. Nothing keeps it from asking: a field marked ``w:dirty`` is asked about alike, and
may come out as page 1 throughout because it is computed before the pages are laid out. Who says no, or reads in
another program, finds a line below the contents that says how; it stands inside the field and goes with the update.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

from cgbm1_report.assets import asset
from cgbm1_report.emit.captions import LABELS, UNNUMBERED, at_level
from cgbm1_report.emit.docx import PROPERTIES, properties, settings
from cgbm1_report.emit.edges import fit_edge
from cgbm1_report.emit.openxml import lead
from cgbm1_report.emit.room import lost_points, shrink_pictures
from cgbm1_report.errors import PlanError, ProofError
from cgbm1_report.paper import BOTTOM, EDGE, SIDE, TOP, Paper, find_paper
from cgbm1_report.render import CHANGES, ReportAbout
from cgbm1_report.render.pandoc import Blocks, document, new_token, run_pandoc
from cgbm1_report.render.parts import Narrative, Section, Shown

_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEADING = re.compile(r'<w:p>\s*<w:pPr>\s*<w:pStyle w:val="(?:Heading([123])|Caption)"\s*/>(.*?)</w:p>', re.S)
#: What marks a caption of ours: the level of its entry in the contents, and its kind.
_MARKED, _KIND = re.compile(r'<w:instrText [^>]*> TC ".*?" \\l (\d) </w:instrText>'), re.compile(r"> SEQ (\w+) ")
_TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>|<w:(br|tab)\s*/>")
_BOOKMARK = re.compile(r'<w:bookmarkStart [^>]*w:name="([^"]+)"')
_SECTION = re.compile(r"<w:sectPr\b.*?</w:sectPr>", re.S)

#: Where an output is put in (`new_token` and its place).
_SLOT = re.compile(r"<w:p><w:r><w:t>slot\w+-\d+</w:t></w:r></w:p>")
#: A picture whose second alternative text is the file that pandoc was given: a screen reader reads it letter by letter.
_UNREAD = re.compile(
    r'(<wp:docPr\b[^>]* descr="([^"]*)"[^>]*>(?:(?!<wp:docPr|<pic:cNvPr).)*<pic:cNvPr\b[^>]* descr=")data:[^"]*', re.S
)
_BREAK = '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/>'
_CONTENTS = r'TOC \o "1-3" \f \h \z \u'
_LISTS = {"table": "List of tables", "figure": "List of figures", "listing": "List of listings"}
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"
#: Far above the identifiers that outputs and pandoc give their bookmarks.
_FIRST_BOOKMARK = 0x40000000


@dataclass(frozen=True)
class _Entry:
    """A line of the contents; of an output also the kind, by which a list has it."""

    level: int
    bookmark: str
    text: str
    kind: str = ""


def write_docx(sections: Sequence[Section], about: ReportAbout, reference: bytes, timeout: float) -> bytes:
    """Make the document; the same notebooks and ``about`` give the same bytes.

    ``reference`` is the reference document with the report's stamp in its header and footer.
    """
    blocks, outputs = _blocks(sections)
    with tempfile.TemporaryDirectory(prefix="docx-") as scratch:
        style, made = Path(scratch, "reference.docx"), Path(scratch, "report.docx")
        style.write_bytes(reference)
        arguments = ["-f", "json", "-t", "docx", f"--reference-doc={style}", "-o", str(made)]
        run_pandoc(arguments, given=document(blocks), timeout=timeout, folder=Path(scratch))
        return finish_docx(made.read_bytes(), about, outputs)


def _blocks(sections: Sequence[Section]) -> tuple[Blocks, dict[str, str]]:
    """Narrative with a slot for each raw block, and what belongs in the slots: pandoc need not read it."""
    token = new_token([text for section in sections for part in section.parts for text in _raw(part)])
    blocks: Blocks = []
    outputs: dict[str, str] = {}
    for section in sections:
        before: Narrative | Shown | None = None
        for part in section.parts:
            if isinstance(part, Narrative):
                blocks += [*_new_page(part, before, bool(blocks)), *part.blocks]
            else:
                blocks += _shown(part, token, outputs)
            before = part
    return blocks, outputs


def _new_page(part: Narrative, before: Narrative | Shown | None, started: bool) -> Blocks:
    """Words after an output start a page, as every output does; a heading of the first level does so itself."""
    heading = bool(part.blocks) and part.blocks[0]["t"] == "Header" and part.blocks[0]["c"][0] == 1
    if not started or heading or isinstance(before, Narrative):
        return []
    return [{"t": "RawBlock", "c": ["openxml", '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/></w:pPr></w:p>']}]


def _slot(name: str) -> str:
    return f"<w:p><w:r><w:t>{name}</w:t></w:r></w:p>"


def _shown(part: Shown, token: str, outputs: dict[str, str]) -> Blocks:
    blocks: Blocks = []
    told: set[str] = set()
    for kind, content in part.printed:
        if kind == "words":
            blocks.append({"t": "Div", "c": [["", [], [["custom-style", "Output Picture"]]], without_last_break(content)]})
        elif kind == "openxml":
            slot = _slot(f"{token}-{len(outputs)}")
            outputs[slot] = placed(content, part, first=kind not in told)
            blocks.append({"t": "RawBlock", "c": ["openxml", slot]})
        told.add(kind)
    return blocks


def placed(content: str, part: Shown, *, first: bool) -> str:
    """A raw block of an output with the links that lead somewhere.

    In the first one the title says at which level it stands; no page begins where words lead to it.
    """
    content = lead(content, part.leads)
    if not first:
        return content
    content = at_level(content, part.level)
    if not part.new_page and content.startswith(_BREAK):
        content = f'{_BREAK}<w:pageBreakBefore w:val="0"/>{content.removeprefix(_BREAK)}'
    return content


def without_last_break(blocks: Blocks) -> Blocks:
    """Blocks without the line break that keeps pandoc from making a captioned figure of a picture."""
    made = []
    for block in blocks:
        inlines = block.get("c")
        if block["t"] == "Para" and inlines and inlines[-1]["t"] == "LineBreak":
            block = {"t": "Para", "c": inlines[:-1]}
        made.append(block)
    return made


def _raw(part: Narrative | Shown) -> list[str]:
    return [] if isinstance(part, Narrative) else part.raw("openxml")


def finish_docx(made: bytes, about: ReportAbout, outputs: Mapping[str, str] | None = None) -> bytes:
    """Add to pandoc's or Quarto's document what they cannot: title page, filled contents, fixed dates."""
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = _UNREAD.sub(r"\1\2", parts["word/document.xml"].decode("utf-8"))
    paper = find_paper(about.paper)
    text = shrink_pictures(text, lost_points(parts, paper.text_points))
    entries: list[_Entry] = []
    # Piece by piece: as one text, and with it once more after each step, a long report takes a gigabyte.
    pieces = [_HEADING.sub(lambda found: _bookmarked(found, entries), piece).encode() for piece in _fill(text, outputs or {})]
    front = _title_page(about, paper) + _contents(entries) + _abbreviations(about, paper) + _front_section(text, paper)
    before, body, after = pieces[0].partition(b"<w:body>")
    parts["word/document.xml"] = b"".join([before, body, front.encode(), after, *pieces[1:]])
    del pieces
    _portrait_edges(parts, paper)
    parts["word/styles.xml"] = _portrait_contents(parts["word/styles.xml"].decode("utf-8"), paper).encode("utf-8")
    # What pandoc writes of these is its own, whatever the reference document says.
    parts[PROPERTIES], parts["word/settings.xml"] = properties(about.stamp, about.title), settings()
    return _pack(parts)


def _fill(text: str, outputs: Mapping[str, str]) -> Iterator[str]:
    """The document in pieces, every output in its slot; it is gone through once, not once for each output."""
    left, end = dict(outputs), 0
    for found in _SLOT.finditer(text) if outputs else ():
        if found[0] not in outputs:
            continue
        if found[0] not in left:
            break
        yield from (text[end : found.start()], left.pop(found[0]))
        end = found.end()
    if left or any(slot in outputs for slot in _SLOT.findall(text, end)):
        raise ProofError("pandoc lost an output", rule="rendering to DOCX", remedy="report this to the maintainers")
    yield text[end:]


def _pack(parts: Mapping[str, bytes]) -> bytes:
    first = ["[Content_Types].xml", "_rels/.rels"]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name in [*first, *sorted(set(parts) - set(first))]:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr, info.create_system = 0o600 << 16, 3
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            package.writestr(info, parts[name], compresslevel=1 if len(parts[name]) > 1_000_000 else 6)
    return target.getvalue()


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text)).replace("\n", " ")


def _bookmarked(found: re.Match[str], entries: list[_Entry]) -> str:
    """Give a heading a bookmark, where it has none, and a new page, where it starts a section."""
    if not found[1]:
        return _captioned(found, entries)
    level, inside = int(found[1]), found[2]
    text = _read(inside)
    if not text:
        return found[0]
    named = _BOOKMARK.search(inside)
    name = named[1] if named else f"_Toc{len(entries) + 1:06d}"
    fresh = "<w:pageBreakBefore/>" if level == 1 and any(entry.level == 1 for entry in entries) else ""
    entries.append(_Entry(level, name, text))
    # Of a heading's properties pandoc writes the style only; others stand before </w:pPr>.
    properties, _, runs = inside.partition("</w:pPr>")
    if text[0].isdigit() and UNNUMBERED not in properties:
        # It says its number itself: a template that numbers its headings must not add another.
        fresh += UNNUMBERED
    if not named:
        ident = _FIRST_BOOKMARK + len(entries)
        runs = f'<w:bookmarkStart w:id="{ident}" w:name="{name}"/>{runs}<w:bookmarkEnd w:id="{ident}"/>'
    return f'<w:p><w:pPr><w:pStyle w:val="Heading{level}"/>{fresh}{properties}</w:pPr>{runs}</w:p>'


def _read(inside: str) -> str:
    """The text of a paragraph, on one line."""
    return " ".join("".join(unescape(text) if not gap else " " for text, gap in _TEXT.findall(inside)).split())


def _captioned(found: re.Match[str], entries: list[_Entry]) -> str:
    """Enter a caption of ours into the contents; one that pandoc wrote is none of an output."""
    inside = found[2]
    marked, named, kind = _MARKED.search(inside), _BOOKMARK.search(inside), _KIND.search(inside)
    if marked and named:
        entries.append(_Entry(int(marked[1]), named[1], _read(inside), kind[1] if kind else ""))
    return found[0]


def _paragraph(style: str, text: str, properties: str = "", bold: bool = False) -> str:
    run = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return (
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>'
        f'<w:r>{run}<w:t xml:space="preserve">{_xml(text)}</w:t></w:r></w:p>'
    )


def _title_page(about: ReportAbout, paper: Paper) -> str:
    pieces = [_paragraph("Subtitle", about.mark, bold=True)] if about.mark else []
    pieces.append(_paragraph("Title", about.title))
    pieces += [_paragraph("Subtitle", about.subtitle)] if about.subtitle else []
    pieces.append(_paragraph("BodyText", "", '<w:spacing w:before="600"/>'))
    pieces += [_facts(about, paper)] if about.facts else []
    return "".join(pieces)


def _facts(about: ReportAbout, paper: Paper) -> str:
    """The title page's table and the paragraph Word wants after it."""
    return _two_columns(about.facts, paper)


def _abbreviations(about: ReportAbout, paper: Paper) -> str:
    """The abbreviations of all outputs with their words, and what changed since an earlier build, behind the contents."""
    lists = (("Abbreviations", about.abbreviations), (CHANGES, about.changes))
    return "".join(_paragraph("TOCHeading", head) + _two_columns(lines, paper) for head, lines in lists if lines)


def _two_columns(lines: Sequence[tuple[str, str]], paper: Paper) -> str:
    total = paper.portrait_twips
    first = round(0.3 * total)
    widths = (first, total - first)
    rows = ""
    for fact in lines:
        rows += "<w:tr>"
        for width, text, bold in zip(widths, fact, (True, False), strict=True):
            rows += f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{_paragraph("BodyText", text, bold=bold)}</w:tc>'
        rows += "</w:tr>"
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    style = f'<w:tblStyle w:val="OutputTable"/><w:tblW w:w="{total}" w:type="dxa"/><w:tblLayout w:type="fixed"/>'
    return f"<w:tbl><w:tblPr>{style}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>" + _paragraph("BodyText", "")


def _field(code: str, result: str) -> str:
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {code} </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{result}'
    )


def _lines(entries: Sequence[_Entry], field: str, hint: str = "") -> str:
    """A field Word can update, filled in advance with a linked line per entry; its last paragraph ends it.

    A ``hint`` below the lines goes when Word updates them.
    """
    lines = []
    end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    for at, entry in enumerate(entries):
        opening = _field(field, "") if at == 0 else ""
        closing = end if at == len(entries) - 1 and not hint else ""
        style = f"TOC{entry.level}" if field == _CONTENTS else "TableofFigures"
        lines.append(
            f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{opening}'
            f'<w:hyperlink w:anchor="{escape(entry.bookmark)}" w:history="1">'
            f'<w:r><w:t xml:space="preserve">{_xml(entry.text)}</w:t></w:r>{_page_of(entry)}</w:hyperlink>{closing}</w:p>'
        )
    if entries and hint:
        words = f"<w:r><w:rPr><w:i/></w:rPr><w:t>{_xml(hint)}</w:t></w:r>"
        lines.append(f'<w:p><w:pPr><w:pStyle w:val="BodyText"/></w:pPr>{words}{end}</w:p>')
    return "".join(lines)


def _page_of(entry: _Entry) -> str:
    """The page of an entry, at the end of its line: the field is empty until Word, which lays the pages out, fills it in."""
    field = _field(rf"PAGEREF {entry.bookmark} \h", "")
    return f'<w:r><w:tab/></w:r>{field}<w:r><w:fldChar w:fldCharType="end"/></w:r>'


def _hint() -> str:
    """What the line below the contents tells Word's user; reading back knows it from the same file."""
    return asset("templates", "contents_hint.txt").read_text(encoding="utf-8").strip()


def _contents(entries: Sequence[_Entry]) -> str:
    """The table of contents, then the lists of tables, figures and listings that the document has."""
    heading = _paragraph("TOCHeading", "Contents", "<w:pageBreakBefore/>")
    made = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/><w:docPartUnique/></w:docPartObj></w:sdtPr>'
        f"<w:sdtContent>{heading}{_lines(entries, _CONTENTS, _hint())}</w:sdtContent></w:sdt>"
    )
    for kind, title in _LISTS.items():
        listed = [entry for entry in entries if entry.kind == LABELS[kind]]
        if listed:
            made += _paragraph("TOCHeading", title) + _lines(listed, rf'TOC \h \z \c "{LABELS[kind]}"')
    return made


def _front_section(text: str, paper: Paper) -> str:
    """End of the portrait section; its title page has no header and footer."""
    last = _SECTION.findall(text)
    if not last:
        raise PlanError(
            "the document has no page set-up", rule="templates/reference.docx", remedy="make the reference document again"
        )
    return (
        '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/><w:pageBreakBefore w:val="0"/><w:sectPr>'
        '<w:headerReference w:type="default" r:id="rIdPortraitH"/><w:footerReference w:type="default" r:id="rIdPortraitF"/>'
        f'<w:type w:val="nextPage"/><w:pgSz w:w="{paper.short}" w:h="{paper.long}"/>'
        f'<w:pgMar w:top="{TOP}" w:right="{SIDE}" w:bottom="{BOTTOM}" w:left="{SIDE}"'
        f' w:header="{EDGE}" w:footer="{EDGE}" w:gutter="0"/>'
        "<w:titlePg/></w:sectPr></w:pPr></w:p>"
    )


def _portrait_edges(parts: dict[str, bytes], paper: Paper) -> None:
    """Header and footer of the portrait pages: those of the others, made for a narrower page."""
    styles = parts["word/styles.xml"].decode("utf-8")
    relations, types = "", ""
    for kind, mark in (("header", "rIdPortraitH"), ("footer", "rIdPortraitF")):
        edge = parts[f"word/{kind}1.xml"].decode("utf-8")
        parts[f"word/{kind}Portrait.xml"] = fit_edge(edge, styles, paper.text_twips, paper.portrait_twips).encode("utf-8")
        pictures = parts.get(f"word/_rels/{kind}1.xml.rels")
        if pictures is not None:
            parts[f"word/_rels/{kind}Portrait.xml.rels"] = pictures
        relations += f'<Relationship Id="{mark}" Type="{_RELATIONS}/{kind}" Target="{kind}Portrait.xml"/>'
        types += f'<Override PartName="/word/{kind}Portrait.xml" ContentType="{_MAIN}.{kind}+xml"/>'
    for name, end, added in (
        ("word/_rels/document.xml.rels", "</Relationships>", relations),
        ("[Content_Types].xml", "</Types>", types),
    ):
        parts[name] = parts[name].decode("utf-8").replace(end, added + end).encode("utf-8")


def _portrait_contents(styles: str, paper: Paper) -> str:
    """Let the table of contents' lines end where a portrait page's text does."""

    def moved(found: re.Match[str]) -> str:
        return re.sub(r'w:pos="\d+"', f'w:pos="{paper.portrait_twips}"', found[0])

    def ended(found: re.Match[str]) -> str:
        return re.sub(r'<w:tab\b[^>]*w:val="right"[^>]*/>', moved, found[0])

    return re.sub(r'<w:style\b[^>]*w:styleId="(?:TOC[123]|TableofFigures)".*?</w:style>', ended, styles, flags=re.S)
