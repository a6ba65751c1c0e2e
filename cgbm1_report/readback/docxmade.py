"""What a Word document is made of: elements and fields that show the report's texts, and nothing that hides one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from cgbm1_report.readback.docxbody import Body, Content
from cgbm1_report.readback.docxhiding import W, is_bright, local
from cgbm1_report.readback.pictures import check_pictures, digest_of
from cgbm1_report.readback.printed import Finding, Printed, limited
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import Said, Told

MADE = "a document is made of what shows the report's texts, and hides none"
_EDGE = re.compile(r"word/(?:header|footer)\w*\.xml")
_MAIN = (
    "b bCs body bookmarkEnd bookmarkStart bottom br cantSplit color docPartGallery docPartObj docPartUnique document"
    " drawing fldChar footerReference footnoteReference gridCol gridSpan headerReference hyperlink i iCs ilvl ind"
    " instrText jc keepNext left numId numPr p pPr pStyle pageBreakBefore pgMar pgSz pict r rPr rStyle right sdt"
    " sdtContent sdtPr sectPr spacing strike t tab tbl tblCaption tblCellMar tblGrid tblHeader tblLayout tblLook tblPr"
    " tblStyle tblW tc tcBorders tcPr tcW titlePg top tr trPr type vAlign vMerge vanish vertAlign"
)
_ASIDE = " continuationSeparator footnote footnoteRef footnotes separator"
_EDGES = "hdr ftr tabs b fldChar instrText p pPr pStyle r rPr spacing t tab"
_DRAWN = (
    "avLst blip blipFill cNvPicPr cNvPr docPr effectExtent ext extent fillRect graphic graphicData headEnd inline ln noFill nvPicPr"
    " off pic picLocks prstGeom spPr stretch tailEnd xfrm rect"
)
#: What may be drawn is a picture and, of an author's words, a rule; each of a schema that is not Word's main one.
_PICTURES = frozenset(_DRAWN.split())
_PARTS: Mapping[str, frozenset[str]] = {
    "word/document.xml": frozenset(_MAIN.split()),
    "word/footnotes.xml": frozenset((_MAIN + _ASIDE).split()),
    "word/comments.xml": frozenset({"comments"}),
    "docProps/custom.xml": frozenset(),
}
_FILES = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(app|core|custom)\.xml|word/(_rels/\w+\.xml\.rels|comments\.xml|document\.xml"
    r"|fontTable\.xml|footnotes\.xml|numbering\.xml|settings\.xml|styles\.xml|webSettings\.xml|theme/\w+\.xml|media/\w+\.\w+"
    r"|(?:header|footer)\w+\.xml)"
)
_FIELDS = re.compile(r'TOC \\o "1-3" \\f \\h \\z \\u|TOC \\h \\z \\c "\w+"|PAGEREF \w+ \\h|SEQ \w+ \\c \\h|TC ".*" \\l [1-9]', re.S)
#: Properties by which the file tells of itself what nobody prints.
_QUIET = ("subject", "description", "category", "contentStatus", "keywords")
#: Half points below which nobody reads.
_SMALL = 12


def check_made(
    name: str, package: zipfile.ZipFile, body: Body, outputs: Mapping[str, Printed], stamp: Said, told: Told | None
) -> list[Finding]:
    """Findings about parts, elements, fields and styles that ours have not, or that hide a text, and about pictures."""
    found = [f"has <{tag}>" for tag in _strange(body.made, "word/document.xml")] + [f"has {what}" for what in body.strange]
    found += [f"hides {text!r}" for text in body.hidden]
    found += [f"holds the field {text.strip()!r}" for text in body.fields if text.strip() and not _FIELDS.fullmatch(text.strip())]
    for part in package.namelist():
        if not (_FILES.fullmatch(part) or (stamp.free and part.startswith("word/"))):
            found.append(f"holds {part}")
        elif part in _PARTS and part != "word/document.xml":
            found += [f"has <{tag}> in {part}" for tag in _strange(_tags(package, part), part)]
        elif _EDGE.fullmatch(part) and not stamp.free:
            found += [f"has <{tag}> in {part}" for tag in _strange(_tags(package, part), "")]
    found += [] if stamp.free else _hiding_styles(package, body)
    found += _quiet_properties(package, stamp)
    entries = sum(text.split()[:1] == ["TC"] for text in body.fields)
    found += ["has an entry for contents that is no caption's"] if entries != body.entries else []
    said = [Finding(name, text, MADE, place="made of") for text in dict.fromkeys(found)]
    return limited(said) + _check_pictures(name, package, body, outputs, told)


def _tags(package: zipfile.ZipFile, part: str) -> set[str]:
    root = ElementTree.fromstring(package.read(part))  # noqa: S314
    return {node.tag for node in root.iter() if part != "docProps/custom.xml" or node is not root}


def _strange(tags: set[str], part: str) -> list[str]:
    """Elements that a part of ours never has."""
    known = _PARTS.get(part, frozenset(_EDGES.split()))
    drawn = _PICTURES if part in ("word/document.xml", "word/footnotes.xml") else frozenset()
    return sorted(local(tag) for tag in tags if local(tag) not in (known if tag.startswith(W) else drawn))


def _hiding_styles(package: zipfile.ZipFile, body: Body) -> list[str]:
    """Styles that are used and keep their text from being seen; one may be as small as nothing that holds no text."""
    found = []
    empty = {style for style in body.styles if not any(text for used, text, _ in body.headings if used == style)}
    for style in ElementTree.fromstring(package.read("word/styles.xml")).iter(f"{W}style"):  # noqa: S314
        identity = style.get(f"{W}styleId", "")
        if identity not in body.styles:
            continue
        hides = any(local(node.tag) in ("vanish", "specVanish", "webHidden") for node in style.iter())
        hides |= any(is_bright(node.get(f"{W}val", "")) for node in style.iter(f"{W}color"))
        sizes = [int(node.get(f"{W}val", "0")) for node in style.iterfind(f"{W}rPr/{W}sz")]
        if hides or (sizes and min(sizes) < _SMALL and identity not in empty):
            found.append(f"has the style {identity!r}, which hides its text")
    return found


def _quiet_properties(package: zipfile.ZipFile, stamp: Said) -> list[str]:
    """What the file says of itself that the report does not."""
    core = ElementTree.fromstring(package.read("docProps/core.xml"))  # noqa: S314
    said = {local(node.tag): (node.text or "").strip() for node in core}
    found = [f"says {text!r} as its {what}" for what, text in said.items() if what in _QUIET and text and not stamp.free]
    sponsor = stamp.texts.get("sponsor", "")
    if sponsor and fold(said.get("creator", "")) != fold(sponsor):
        found.append(f"says it is by {said.get('creator', '')!r}, not {sponsor!r}")
    return found


def _check_pictures(
    name: str, package: zipfile.ZipFile, body: Body, outputs: Mapping[str, Printed], told: Told | None
) -> list[Finding]:
    """Findings about pictures: of each output the one its notebook displays, among the words those of the words."""
    links = ElementTree.fromstring(package.read("word/_rels/document.xml.rels"))  # noqa: S314
    parts = {link.get("Id", ""): f"word/{link.get('Target', '')}" for link in links}
    held = set(package.namelist())

    def drawn(marks: Sequence[str]) -> list[str]:
        return [digest_of(package.read(parts[mark])) if parts.get(mark) in held else mark for mark in marks]

    findings = check_pictures(name, drawn(body.drawn), told.story.pictures if told else (), place="words")
    for anchor, printed in outputs.items():
        one = body.contents.get(anchor, Content())
        wanted = [printed.still] if printed.still else []
        findings += check_pictures(name, drawn(one.drawn), wanted, output=printed.number, place="figure")
    return findings
