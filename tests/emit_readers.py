"""Readers of what was emitted, written apart from the code that emits."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser
from xml.etree import ElementTree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
PADDING = re.compile("[\u2006\u2007\u2008\u200a\u200b]")


def squeezed(text: str) -> str:
    """Text without any white space, padding or soft breaks: what a reader reads."""
    return re.sub(r"\s+", "", PADDING.sub("", text))


def docx_parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        return {name: package.read(name) for name in package.namelist()}


def docx_body(content: bytes) -> ElementTree.Element:
    parts = docx_parts(content)
    for name, part in parts.items():
        if name.endswith((".xml", ".rels")):
            ElementTree.fromstring(part)  # noqa: S314
    return ElementTree.fromstring(parts["word/document.xml"]).find(f"{W}body")  # type: ignore[return-value]  # noqa: S314


#: Order of what stands in properties, as ISO/IEC 29500-1 (wml.xsd) has it; Word calls a file that breaks it damaged.
ORDERS = {
    "numPr": "ilvl numId",
    "pPr": "pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers pBdr shd tabs"
    " suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE autoSpaceDN bidi adjustRightInd snapToGrid"
    " spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection textAlignment textboxTightWrap outlineLvl"
    " divId cnfStyle rPr sectPr pPrChange",
    "rPr": "rStyle rFonts b bCs i iCs caps smallCaps strike outline shadow vanish webHidden color spacing w kern position sz szCs"
    " highlight u effect bdr shd vertAlign rtl cs lang",
    "tblPr": "tblStyle tblpPr tblOverlap bidiVisual tblStyleRowBandSize tblStyleColBandSize tblW jc tblCellSpacing tblInd tblBorders"
    " shd tblLayout tblCellMar tblLook tblCaption tblDescription tblPrChange",
    "tcPr": "cnfStyle tcW gridSpan hMerge vMerge tcBorders shd noWrap tcMar textDirection tcFitText vAlign hideMark headers cellIns"
    " cellDel cellMerge tcPrChange",
    "sectPr": "headerReference footerReference footnotePr endnotePr type pgSz pgMar paperSrc pgBorders lnNumType pgNumType cols"
    " formProt vAlign noEndnote titlePg textDirection bidi rtlGutter docGrid printerSettings sectPrChange",
    "style": "name aliases basedOn next link autoRedefine hidden uiPriority semiHidden unhideWhenUsed qFormat locked personal"
    " personalCompose personalReply rsid pPr rPr tblPr trPr tcPr tblStylePr",
    "settings": "zoom embedSystemFonts proofState stylePaneFormatFilter doNotTrackMoves defaultTabStop drawingGridHorizontalSpacing"
    " drawingGridVerticalSpacing displayHorizontalDrawingGridEvery displayVerticalDrawingGridEvery characterSpacingControl"
    " savePreviewPicture updateFields footnotePr compat rsids mathPr themeFontLang clrSchemeMapping decimalSymbol listSeparator",
    "tbl": "bookmarkStart bookmarkEnd tblPr tblGrid tr",
    "tc": "tcPr p",
}


def disordered(part: bytes) -> list[str]:
    """Properties of a part of a Word document whose children are unknown or out of the schema's order."""
    found = []
    for node in ElementTree.fromstring(part).iter():  # noqa: S314
        name = node.tag.rpartition("}")[2]
        if name not in ORDERS or not node.tag.startswith(W):
            continue
        children, order = [child.tag.rpartition("}")[2] for child in node], ORDERS[name].split()
        places = [order.index(child) if child in order else -1 for child in children]
        found += [f"{name}: {' '.join(children)}"] if places != sorted(places) or -1 in places else []
    return found


def xml_text(element: ElementTree.Element) -> str:
    """Text of a WordprocessingML element that is seen; line breaks as line feeds, paragraphs too."""
    pieces = []
    hidden = {node for run in element.iter(f"{W}r") if run.find(f"{W}rPr/{W}vanish") is not None for node in run}
    for node in element.iter():
        if node in hidden:
            continue
        if node.tag == f"{W}t":
            pieces.append(node.text or "")
        elif node.tag in (f"{W}br", f"{W}p"):
            pieces.append("\n")
    return "".join(pieces)


class HtmlReader(HTMLParser):
    """Checks that tags balance; collects tags, attributes, cells and text."""

    VOID = frozenset({"col", "meta", "br", "img"})
    #: What ends an element without an end tag: the next one, or the end of what holds it. Outputs' own pages say every end.
    ENDED_BY: Mapping[str, frozenset[str]] = {}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.end_by(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def end_by(self, sign: str) -> None:
        while self.open and sign in self.ENDED_BY.get(self.open[-1], ()):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.end_by(f"/{tag}")
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data

    def count(self, tag: str, **attributes: str) -> int:
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.tags)


RTF_TOKEN = re.compile(r"\\([a-z]+)(-?\d+)? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}]+)")
RTF_BREAKS = {"cell": "\t", "row": "\n", "par": "\n", "line": "\n", "tab": "\t"}


def read_rtf(content: bytes) -> tuple[str, set[str]]:
    """Plain text and control words of an RTF file; fails where groups do not balance."""
    text, words, pieces, depth, skipped, skip = content.decode("ascii"), set(), [], 0, 0, 0
    at = 0

    def put(piece: str) -> None:
        if not skipped:
            pieces.append(piece)

    while at < len(text):
        match = RTF_TOKEN.match(text, at)
        assert match, f"not RTF: {text[at : at + 20]!r}"
        at = match.end()
        word, number, _, symbol, brace, plain = match.groups()
        if brace == "{":
            depth += 1
            if skipped or re.match(r"\\(fonttbl|stylesheet|info|pict|v |\*)", text[at:]):
                skipped += 1
        elif brace:
            depth -= 1
            assert depth >= 0
            skipped = max(skipped - 1, 0)
        elif word:
            words.add(word)
            if word == "u":
                put(chr(int(number) & 0xFFFF))
                skip = 1
            elif word in RTF_BREAKS:
                put(RTF_BREAKS[word])
        elif symbol:
            put(symbol)
            if symbol == "*":
                words.add("*")
        elif plain:
            plain = plain[skip:] if skip else plain
            skip = 0
            put(plain.replace("\n", "").replace("\r", ""))
    assert depth == 0
    joined = "".join(pieces)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), words
