"""A study report as a writer has it in Word: upright, styles of its own, words around outputs, what writers leave in and beside them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cgbm1_report.emit.docx import fill_reference
from tests.emit_cases import STAMP

DOCUMENT, STYLES, COMMENTS = "word/document.xml", "word/styles.xml", "word/comments.xml"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_WHO = 'w:author="R. Writer" w:date="2026-11-02T09:00:00Z"'
UPRIGHT = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1304" w:right="1134" w:bottom="1134" w:left="1134" w:header="624" w:footer="624" w:gutter="0"/></w:sectPr>'
)


def body_of(content: bytes) -> str:
    text = part(content, DOCUMENT).decode("utf-8")
    return text[text.index("<w:body>") + 8 : text.rindex("<w:sectPr")]


def part(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.read(name)


def own_words(words: str, inside: str = "") -> str:
    """A paragraph in the writer's own style."""
    run = f'<w:r><w:t xml:space="preserve">{words}</w:t></w:r>' if words else ""
    return f'<w:p><w:pPr><w:pStyle w:val="CsrText"/></w:pPr>{run}{inside}</w:p>'


def reference(name: str, shown: str) -> str:
    """A cross-reference as Word makes it: a field that shows the text of a bookmark."""
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> REF {name} \\h </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>{shown}</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def commented(words: str, ident: int = 1) -> str:
    """Words with a comment on them."""
    return (
        f'<w:commentRangeStart w:id="{ident}"/><w:r><w:t xml:space="preserve">{words}</w:t></w:r><w:commentRangeEnd w:id="{ident}"/>'
        f'<w:r><w:commentReference w:id="{ident}"/></w:r>'
    )


def changed(old: str, new: str) -> str:
    """A tracked change."""
    return (
        f'<w:del w:id="901" {_WHO}><w:r><w:delText xml:space="preserve">{old}</w:delText></w:r></w:del>'
        f'<w:ins w:id="902" {_WHO}><w:r><w:t xml:space="preserve">{new}</w:t></w:r></w:ins>'
    )


def referred(xml: str, name: str, ident: int, *, label: bool) -> str:
    """An output whose title Word has bookmarked for a cross-reference: the label alone, or all of it."""
    start, end = f'<w:bookmarkStart w:id="{ident}" w:name="{name}"/>', f'<w:bookmarkEnd w:id="{ident}"/>'
    first = re.search(r'<w:r><w:t xml:space="preserve">(Table|Listing|Figure) [^<]*</w:t></w:r>', xml)
    assert first
    stop = first.end() if label else xml.index("</w:p>", first.end())
    return xml[: first.start()] + start + xml[first.start() : stop] + end + xml[stop:]


def write_csr(path: Path, body: str, parts: Mapping[str, bytes] | None = None, comment: str = "Is this the final cut?") -> Path:
    """Write a document with this body, its page upright, with a style of the writer's and one comment to refer to."""
    with zipfile.ZipFile(io.BytesIO(fill_reference(STAMP, "A writer's report"))) as package:
        found = {name: package.read(name) for name in package.namelist()}
    shell = found[DOCUMENT].decode("utf-8")
    drawing = ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    shell = shell.replace("<w:document", f"<w:document{drawing}", 1).replace("<w:p/>", body, 1)
    at = shell.rindex("<w:sectPr")
    found[DOCUMENT] = (shell[:at] + UPRIGHT + shell[shell.index("</w:body>") :]).encode("utf-8")
    style = (
        '<w:style w:type="paragraph" w:customStyle="1" w:styleId="CsrText"><w:name w:val="CSR Text"/><w:basedOn w:val="Normal"/>'
        '<w:pPr><w:spacing w:before="120" w:after="120"/></w:pPr><w:rPr><w:color w:val="1F3864"/></w:rPr></w:style>'
    )
    found[STYLES] = found[STYLES].replace(b"</w:styles>", f"{style}</w:styles>".encode())
    told = f"<w:p><w:r><w:t>{comment}</w:t></w:r></w:p>"
    found[COMMENTS] = f'<w:comments {_W}><w:comment w:id="1" {_WHO} w:initials="RW">{told}</w:comment></w:comments>'.encode()
    found |= parts or {}
    relations = found["word/_rels/document.xml.rels"]
    if b"comments.xml" not in relations:
        kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments"
        added = b'<Relationship Id="rIdC1" Type="%s" Target="comments.xml"/></Relationships>' % kind
        found["word/_rels/document.xml.rels"] = relations.replace(b"</Relationships>", added)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in found.items():
            package.writestr(name, content)
    return path
