"""The parts of a Word file: read whole, their pictures and styles exchanged, packed so that the same parts give the same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from html import unescape
from pathlib import Path

from cgbm1_report.emit.docx import own_parts
from cgbm1_report.emit.layout import TABLE_PT
from cgbm1_report.errors import PlanError
from cgbm1_report.render.refresh.markup import plain_markup
from cgbm1_report.system.containers import ContainerError, read_container

DOCUMENT, COMMENTS = "word/document.xml", "word/comments.xml"
_RELATIONS, _STYLES, _TYPES = "word/_rels/document.xml.rels", "word/styles.xml", "[Content_Types].xml"
_IMAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
#: Relation under which the Word file of a single figure holds its picture.
_OWN_PICTURE = "rIdP1"
_STYLE = re.compile(r'<w:style\b[^>]*w:type="(\w+)"[^>]*>.*?</w:style>', re.S)
_STYLE_ID, _STYLE_NAME = re.compile(r'w:styleId="([^"]+)"'), re.compile(r'<w:name w:val="([^"]+)"')
_ALT = re.compile(rb'<wp:docPr\b[^>]* descr="([^"]*)"')
_SIZE, _BASED = re.compile(r'<w:sz w:val="(\d+)"'), re.compile(r'<w:basedOn w:val="([^"]+)"')
_DEFAULTS = re.compile(r"<w:rPrDefault>.*?</w:rPrDefault>", re.S)
_REFERRED = re.compile(r'<w:(?:basedOn|next|link) w:val="([^"]+)"')
_REFERS = re.compile(r'((?:<w:(?:basedOn|next|link) w:val|w:styleId)=")([^"]+)(")')
_NAMED = re.compile(r'(<w:(?:pStyle|tblStyle|rStyle) w:val=")([^"]+)(")')
#: Prefixes that an output uses and that a document without a picture need not declare.
_PREFIXES = (
    (b"wp", b"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"),
    (b"r", b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
)


def read_package(path: Path) -> dict[str, bytes]:
    """The parts of a Word document.

    Raises
    ------
    ReportError
        It is not there, is damaged, or is no Word document.
    """
    try:
        parts = read_container(path)
    except FileNotFoundError:
        raise PlanError("is not there", file=path, remedy="name a Word document") from None
    except ContainerError as error:
        raise PlanError(f"is no Word document: {error}", file=path, remedy="name a .docx file") from None
    parts = _named_as_usual(parts)
    missing = [name for name in (DOCUMENT, _RELATIONS, _STYLES, _TYPES) if name not in parts]
    if missing:
        raise PlanError(f"is no Word document: it lacks {', '.join(missing)}", file=path, remedy="name a .docx file")
    for name in (DOCUMENT, COMMENTS, _RELATIONS, _STYLES, _TYPES):
        if name in parts:
            _check_text(path, name, parts[name])
            parts[name] = plain_markup(parts[name], apart=name == DOCUMENT)
    return parts


def _named_as_usual(parts: dict[str, bytes]) -> dict[str, bytes]:
    """The parts under the names that Word on a desk gives them: Word in a browser calls them document2.xml, styles2.xml."""
    for owner, kind, usual in (
        ("_rels/.rels", "officeDocument", DOCUMENT),
        (_RELATIONS, "styles", _STYLES),
        (_RELATIONS, "comments", COMMENTS),
    ):
        wanted = re.compile(rb'<Relationship\b(?=[^>]*Type="[^"]*/%s")[^>]*Target="(/?(?:word/)?)([\w.-]+\.xml)"' % kind.encode())
        told = wanted.search(parts.get(owner, b""))
        own = f"word/{told[2].decode()}" if told else usual
        if told is None or own == usual or own not in parts or usual in parts:
            continue
        target, new = told[1] + told[2], told[1] + usual.removeprefix("word/").encode()
        parts = {_renamed(name, own, usual): content for name, content in parts.items()}
        parts[owner] = parts[owner].replace(b'Target="' + target + b'"', b'Target="' + new + b'"')
        parts[_TYPES] = parts[_TYPES].replace(f'PartName="/{own}"'.encode(), f'PartName="/{usual}"'.encode())
    return parts


def _renamed(name: str, own: str, usual: str) -> str:
    """A part's name, or that of its relations, where the part is called otherwise."""
    relations = [f"word/_rels/{one.removeprefix('word/')}.rels" for one in (own, usual)]
    return {own: usual, relations[0]: relations[1]}.get(name, name)


def _check_text(path: Path, name: str, content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise PlanError("is not written in UTF-8", file=path, place=name, remedy="save it again in Word") from None


def pack(parts: Mapping[str, bytes]) -> bytes:
    """The document as a file; the same parts give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            package.writestr(info, content)
    return target.getvalue()


def read_output(path: Path) -> tuple[bytes, bytes]:
    """The blocks of a build's output, and its picture; empty where it has none."""
    own = read_package(path)
    body = own[DOCUMENT]
    blocks = body[body.index(b"<w:body>") + len(b"<w:body>") : body.rindex(b"<w:sectPr")]
    return blocks, own["word/media/image1.png"] if _OWN_PICTURE.encode() in blocks else b""


def exchange_picture(parts: dict[str, bytes], old: bytes, new: bytes, name: str, png: bytes) -> bytes:
    """A new output with its picture in the document, under the output's name; that of the old one goes."""
    _drop_pictures(parts, old)
    if not png:
        return new
    parts[f"word/media/{name}.png"] = png
    relation = f'<Relationship Id="{name}" Type="{_IMAGE}" Target="media/{name}.png"/>'.encode()
    parts[_RELATIONS] = parts[_RELATIONS].replace(b"</Relationships>", relation + b"</Relationships>")
    if not re.search(rb'Extension="png"', parts[_TYPES], re.I):
        parts[_TYPES] = parts[_TYPES].replace(b"<Override", b'<Default Extension="png" ContentType="image/png"/><Override', 1)
    root = parts[DOCUMENT][: parts[DOCUMENT].index(b"<w:body")]
    lacking = b"".join(b' xmlns:%s="%s"' % (prefix, name) for prefix, name in _PREFIXES if b'xmlns:%s="' % prefix not in root)
    new = new.replace(b"<wp:inline ", b"<wp:inline" + lacking + b" ")
    return new.replace(f'r:embed="{_OWN_PICTURE}"'.encode(), f'r:embed="{name}"'.encode())


def _drop_pictures(parts: dict[str, bytes], old: bytes) -> None:
    """Take out the pictures that only this output shows."""
    for ident in set(re.findall(rb'r:embed="([^"]+)"', old)):
        if parts[DOCUMENT].count(b'r:embed="' + ident + b'"') > old.count(b'r:embed="' + ident + b'"'):
            continue
        for relation in re.findall(rb"<Relationship [^>]*/>", parts[_RELATIONS]):
            if b'Id="' + ident + b'"' not in relation:
                continue
            parts[_RELATIONS] = parts[_RELATIONS].replace(relation, b"")
            target = re.search(rb'Target="/?(?:word/)?([^"]+)"', relation)
            others = [content for name, content in parts.items() if name.endswith(".rels")]
            if target and not any(target[1] in content for content in others):
                parts.pop(f"word/{target[1].decode()}", None)
                override = rb'<Override [^>]*PartName="/word/%s"[^>]*/>' % re.escape(target[1])
                parts[_TYPES] = re.sub(override, b"", parts[_TYPES])


def same_picture(parts: Mapping[str, bytes], old: bytes, new: bytes, png: bytes) -> bool:
    """Whether a document's output shows the picture of the new one and says the same of it, or neither has any."""
    if _alternatives(old) != _alternatives(new):
        return False
    shown = set()
    for ident in re.findall(rb'r:embed="([^"]+)"', old):
        for relation in re.findall(rb"<Relationship [^>]*/>", parts[_RELATIONS]):
            target = re.search(rb'Target="/?(?:word/)?([^"]+)"', relation)
            if b'Id="' + ident + b'"' in relation and target:
                shown.add(parts.get(f"word/{target[1].decode()}", b""))
    return shown == ({png} if png else set())


def _alternatives(content: bytes) -> list[str]:
    """What is said of each picture, as it is read: programs write an apostrophe as a character, a name or a number."""
    return [" ".join(unescape(said.decode("utf-8")).split()) for said in _ALT.findall(content)]


def name_styles(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Which style of the document each of ours is, by its name: identities differ.

    Word in another language and LibreOffice give a style an identity of their own, and may give ours to another one.
    A style that the document lacks has ours, or one that is free.
    """
    theirs = _style_names(parts[_STYLES])
    exact = {key: ident for ident, key in theirs.items()}
    folded = {(kind, name.casefold()): ident for (kind, name), ident in exact.items()}
    named = {}
    for ident, (kind, name) in _style_names(own_parts()[_STYLES]).items():
        free = ident
        while free in theirs:
            free += "Own"
        named[ident] = exact.get((kind, name)) or folded.get((kind, name.casefold())) or free
    return named


def style_points(parts: Mapping[str, bytes], named: Mapping[str, str], style: str) -> float:
    """The size of type, in points, of one of our styles in a document."""
    for ident, styles in ((named.get(style, style), parts[_STYLES]), (style, own_parts()[_STYLES])):
        texts = {name[1]: found[0] for found in _STYLE.finditer(styles.decode("utf-8")) if (name := _STYLE_ID.search(found[0]))}
        seen: set[str] = set()
        while ident in texts and ident not in seen:
            seen.add(ident)
            said, base = _SIZE.search(texts[ident]), _BASED.search(texts[ident])
            if said:
                return int(said[1]) / 2
            ident = base[1] if base else ""
        default = _DEFAULTS.search(styles.decode("utf-8"))
        said = _SIZE.search(default[0]) if default and seen else None
        if said:
            return int(said[1]) / 2
    return TABLE_PT


def foreign_styles(parts: Mapping[str, bytes], named: Mapping[str, str]) -> frozenset[str]:
    """Identities of the document's styles that are none of ours."""
    return frozenset(set(_style_names(parts[_STYLES])) - set(named.values()))


def rename_styles(new: bytes, named: Mapping[str, str]) -> bytes:
    """A new output that names the document's styles."""
    if all(ident == theirs for ident, theirs in named.items()):
        return new
    return _NAMED.sub(lambda found: found[1] + named.get(found[2], found[2]) + found[3], new.decode("utf-8")).encode("utf-8")


def _style_names(styles: bytes) -> dict[str, tuple[str, str]]:
    """Kind and name of each style by its identity."""
    found = {}
    for style in _STYLE.finditer(styles.decode("utf-8")):
        ident, name = _STYLE_ID.search(style[0]), _STYLE_NAME.search(style[0])
        if ident and name:
            found[ident[1]] = (style[1], name[1])
    return found


def complete_styles(parts: dict[str, bytes], named: Mapping[str, str]) -> None:
    """Give the document the styles its new outputs name and it lacks, as templates/reference.docx has them.

    What an added style is based on or followed by comes with it. None of the document's own is changed.
    """
    styles = parts[_STYLES].decode("utf-8")
    known = set(_STYLE_ID.findall(styles))
    texts = {_STYLE_ID.findall(style[0])[0]: style[0] for style in _STYLE.finditer(own_parts()[_STYLES].decode("utf-8"))}
    said = {found[2] for found in _NAMED.finditer(parts[DOCUMENT].decode("utf-8"))}
    wanted = {ident for ident in texts if named[ident] in said}
    added: dict[str, str] = {}
    while todo := {ident for ident in wanted if named[ident] not in known} - set(added):
        added |= {ident: texts[ident] for ident in todo}
        wanted |= {base for ident in todo for base in _REFERRED.findall(texts[ident]) if base in texts}
    if added:
        # The document has defaults of its own.
        text = re.sub(r'\s+w:default="1"', "", "".join(added[ident] for ident in texts if ident in added))
        text = _REFERS.sub(lambda found: found[1] + named.get(found[2], found[2]) + found[3], text)
        parts[_STYLES] = styles.replace("</w:styles>", f"{text}</w:styles>").encode("utf-8")
