"""One output as a whole Word document, and the reference document with a report's stamp in it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC
from functools import lru_cache
from itertools import chain, islice

from cgbm1_report.assets import asset
from cgbm1_report.emit.edges import fill_tokens, fit_edge, put_beside
from cgbm1_report.emit.escape import clean, escape_attribute
from cgbm1_report.emit.layout import heading
from cgbm1_report.emit.openxml import figure_foot, figure_head, openxml_pieces, picture_paragraph, running_notes
from cgbm1_report.emit.room import lost_points, shrink_pictures
from cgbm1_report.paper import PAPERS, Paper
from cgbm1_report.tabulate.table import Figure, Output, Stamp, Table

_EPOCH = (1980, 1, 1, 0, 0, 0)
#: What a document says it was made at where neither the run time is fixed nor the cut is dated.
UNDATED = "1980-01-01T00:00:00Z"
PROPERTIES, _FOOTER = "docProps/core.xml", "word/footer1.xml"
_STAMPED = ("word/header1.xml", _FOOTER, PROPERTIES)
_DOCUMENT, _RELATIONS, _PICTURE = "word/document.xml", "word/_rels/document.xml.rels", "word/media/image1.png"
_PAGE = re.compile(rb'<w:pgSz w:w="\d+" w:h="\d+"')
_BATCH = 2000
#: Table markup repeats itself: a higher level costs time and saves little.
_LEVEL = 3
_NAMESPACES = (
    ' xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
)


@lru_cache(maxsize=1)
def _own() -> tuple[tuple[str, bytes], ...]:
    return _parts(asset("templates", "reference.docx").read_bytes())


@lru_cache(maxsize=2)
def _parts(content: bytes) -> tuple[tuple[str, bytes], ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return tuple((name, package.read(name)) for name in package.namelist())


def own_parts() -> dict[str, bytes]:
    """The parts of templates/reference.docx in their order."""
    return dict(_own())


def _values(stamp: Stamp, title: str) -> dict[str, str]:
    """What stands for each token of the reference document, as XML."""
    tokens = {
        "protocol": stamp.protocol,
        "mark": stamp.mark,
        "program": stamp.program,
        "produced": stamp.produced_note,
        "cutoff": stamp.cutoff,
        "title": title,
        "sponsor": stamp.sponsor,
        "dated": stamp.dated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if stamp.dated else UNDATED,
    }
    return {token: escape_attribute(clean(text)) for token, text in tokens.items()}


def properties(stamp: Stamp, title: str) -> bytes:
    """What a document says of itself: title, author, language, and when it was made."""
    return fill_tokens(own_parts()[PROPERTIES].decode("utf-8"), _values(stamp, title)).encode("utf-8")


def settings() -> bytes:
    """Settings of a document that holds contents: Word is to print their page numbers when it opens it.

    It asks its reader before it does, and no document can keep it from asking.
    """
    return own_parts()["word/settings.xml"].replace(b"<w:footnotePr>", b'<w:updateFields w:val="true"/><w:footnotePr>', 1)


def _stamped(stamp: Stamp, title: str, reference: bytes | None) -> dict[str, bytes]:
    """The parts with the stamp in header, footer and properties."""
    values = _values(stamp, title)
    parts = own_parts() if reference is None else dict(_parts(reference))
    page = f'<w:pgSz w:w="{stamp.sheet.long}" w:h="{stamp.sheet.short}"'.encode()
    parts[_DOCUMENT] = _PAGE.sub(page, parts[_DOCUMENT])
    filled = _sized(parts, stamp.sheet) if reference is None else _fitted(parts, stamp.sheet)
    for name in _STAMPED:
        filled[name] = fill_tokens(filled[name].decode("utf-8"), values).encode("utf-8")
    return filled


def _fitted(parts: dict[str, bytes], paper: Paper) -> dict[str, bytes]:
    """The parts of a sponsor's template, header and footer as wide as the sheet's text."""
    wide, styles = PAPERS["a4"].text_twips, parts["word/styles.xml"].decode("utf-8")
    if paper.text_twips != wide:
        for name in ("word/header1.xml", "word/footer1.xml"):
            parts[name] = fit_edge(parts[name].decode("utf-8"), styles, wide, paper.text_twips).encode("utf-8")
    return parts


def _sized(parts: dict[str, bytes], paper: Paper) -> dict[str, bytes]:
    """The parts of our own with the tab stops of header and footer of another sheet."""
    for kind, pos in (("center", paper.text_twips // 2), ("right", paper.text_twips)):
        stop = f'<w:tab w:val="{kind}" w:pos="{pos}"/>'.encode()
        parts["word/styles.xml"] = re.sub(rf'<w:tab w:val="{kind}" w:pos="\d+"/>'.encode(), stop, parts["word/styles.xml"])
    return parts


def pack(parts: dict[str, bytes], body: Iterable[str] = ()) -> bytes:
    """A zip that is the same for the same parts: fixed dates, order and rights.

    ``body`` takes the place of the reference document's empty paragraph.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as package:
        for name, content in parts.items():
            if name == _DOCUMENT and body:
                _write_document(package, content.decode("utf-8"), body)
                continue
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr, info.create_system = 0o600 << 16, 3
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            package.writestr(info, content)
    return target.getvalue()


def _write_document(package: zipfile.ZipFile, shell: str, body: Iterable[str]) -> None:
    """Write the body batch by batch. A part opened by its name is dated 1980 and takes the package's level."""
    section = shell[shell.index("<w:sectPr>") : shell.index("</w:body>")]
    with package.open(_DOCUMENT, "w") as part:
        part.write(f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:document{_NAMESPACES}><w:body>'.encode())
        pieces = iter(body)
        while batch := "".join(islice(pieces, _BATCH)):
            part.write(batch.encode("utf-8"))
        part.write(f"{section}</w:body></w:document>".encode())
    package.getinfo(_DOCUMENT).create_system = 3


def fill_reference(stamp: Stamp, title: str, reference: bytes | None = None) -> bytes:
    """``templates/reference.docx`` with a report's stamp in header, footer and properties.

    Give it to pandoc or Quarto as ``reference-doc``: its page, header, footer and styles become
    the document's. The same stamp and title give the same bytes. ``reference`` is a sponsor's template
    in its place, as `read_reference` gives it.
    """
    return pack(_stamped(stamp, title, reference))


def emit_docx(output: Output, reference: bytes | None = None) -> bytes:
    """One output as a Word document of its own: landscape, stamped, titled on every page.

    A figure is embedded as PNG with its alternative text. Notes of a table of several pages stand in the footer too:
    Word repeats rows above the others only. The same output gives the same bytes.
    ``reference`` is a sponsor's template, as `read_reference` gives it: where its header and footer take more room than
    ours, a picture is that much smaller.
    """
    parts = _stamped(output.stamp, heading(output), reference)
    if not isinstance(output, Figure):
        parts[_FOOTER] = put_beside(parts[_FOOTER].decode("utf-8"), running_notes(output)).encode("utf-8")
        return pack(parts, openxml_pieces(output))
    relation = (
        '<Relationship Id="rIdP1" Target="media/image1.png"'
        ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/></Relationships>'
    )
    parts[_RELATIONS] = parts[_RELATIONS].replace(b"</Relationships>", relation.encode())
    parts[_PICTURE] = output.png
    lost = lost_points(parts, output.stamp.sheet.text_points) if reference else 0.0
    picture = shrink_pictures(picture_paragraph(output, "rIdP1"), lost)
    return pack(parts, [figure_head(output), picture, figure_foot(output)])


def emit_docx_of(tables: Sequence[Table], title: str) -> bytes:
    """Several tables as one Word document, each on pages of its own, with the stamp of the first."""
    return pack(_stamped(tables[0].stamp, title, None), chain.from_iterable(map(openxml_pieces, tables)))
