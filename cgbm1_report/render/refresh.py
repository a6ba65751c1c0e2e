"""Puts the outputs of a build into a writer's own Word document, in the place of those of an earlier cut.

Every output stands in a bookmark (see :mod:`cgbm1_report.emit.openxml`), which Word keeps when a writer
copies the output or edits around it. What is in the bookmark is replaced; every other byte of the
document's text, and every other part of the file, stays as it was.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.reference import add_styles
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.system.containers import ContainerError, read_container
from cgbm1_report.system.whole import write_whole
from cgbm1_report.tabulate.files import file_stem

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_DOCUMENT, _RELATIONS, _STYLES, _TYPES = (
    "word/document.xml",
    "word/_rels/document.xml.rels",
    "word/styles.xml",
    "[Content_Types].xml",
)
_IMAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
#: Relation under which the Word file of a single figure holds its picture.
_OWN_PICTURE = "rIdP1"
_BODY_DEPTH = 2
_OURS = "out_"


@dataclass
class _Place:
    """Where a bookmark lies: the blocks of the body it begins and ends in, its marks, and the text beside them."""

    name: str
    start_block: int
    start_mark: int
    text_before: bool
    level: bool
    end_block: int = -1
    end_mark: int = -1
    text_in_end: bool = False
    text_after: bool = False


@dataclass
class _Scan:
    """One pass over document.xml: where the blocks of the body begin, and where the bookmarks of outputs lie."""

    blocks: list[int] = field(default_factory=list)
    places: dict[str, _Place] = field(default_factory=dict)
    _open: dict[str, _Place] = field(default_factory=dict)
    _closed_here: list[_Place] = field(default_factory=list)
    _depth: int = 0
    _text: bool = False

    def read(self, content: bytes) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.Parse(content, True)

    def _refuse(self, *_: object) -> None:
        # No Word document declares entities; one that does wants memory.
        raise expat.ExpatError("it declares a document type")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        at = self._parser.CurrentByteIndex
        if self._depth == _BODY_DEPTH:
            self.blocks.append(at)
            self._text, self._closed_here = False, []
        ident = attributes.get(f"{_WORD}id", "")
        # A mark belongs to the body or to one of its paragraphs, not to a cell or a content control.
        level = self._depth in (_BODY_DEPTH, _BODY_DEPTH + 1)
        if tag == f"{_WORD}bookmarkStart" and attributes.get(f"{_WORD}name", "").startswith(_OURS):
            place = _Place(attributes[f"{_WORD}name"], len(self.blocks) - 1, at, self._text, level)
            self.places[place.name] = self._open[ident] = place
        elif tag == f"{_WORD}bookmarkEnd" and ident in self._open:
            place = self._open.pop(ident)
            place.end_block, place.end_mark, place.text_in_end = len(self.blocks) - 1, at, self._text
            place.level = place.level and level
            self._closed_here.append(place)
        self._depth += 1

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag == f"{_WORD}body":
            self.blocks.append(self._parser.CurrentByteIndex)

    def _characters(self, text: str) -> None:
        if text.strip():
            self._text = True
            for place in self._closed_here:
                place.text_after = True


@dataclass(frozen=True)
class Refreshed:
    """Numbers of the outputs that were replaced, of those among them that changed, and of those the build lacks."""

    replaced: tuple[str, ...]
    changed: tuple[str, ...]
    absent: tuple[str, ...]


def find_documents(folder: Path, numbers: Iterable[str]) -> dict[str, Path]:
    """The Word files of a build's outputs by number.

    Raises
    ------
    ReportError
        The build has none.
    """
    files = {number: folder / "outputs" / f"{file_stem(number)}.docx" for number in numbers}
    found = {number: path for number, path in files.items() if path.is_file()}
    if not found:
        remedy = "name a build made with the format docx"
        raise PlanError("holds no outputs in DOCX", file=folder / "outputs", remedy=remedy)
    return found


def refresh_docx(document: Path, outputs: Mapping[str, Path], target: Path) -> Refreshed:
    """Replace every bookmarked output of a Word document by that of a build.

    Parameters
    ----------
    document
        The writer's document. It is only read, unless it is the target.
    outputs
        The Word files of a build's outputs by number (see `find_documents`); each may take its place in the document.
    target
        Where the new document goes; it appears whole or not at all.

    Raises
    ------
    ReportError
        The document cannot be read, holds no output, or a bookmark does not span whole paragraphs; the target is
        another file that is there; somebody saved the document meanwhile.
    """
    read, parts = _state(document), _read_package(document)
    ours = {region_name(number): number for number in outputs}
    scan = _Scan()
    try:
        scan.read(parts[_DOCUMENT])
    except expat.ExpatError as error:
        raise PlanError(f"is damaged: {error}", file=document, remedy="save it again in Word") from None
    places = sorted((place for name, place in scan.places.items() if name in ours), key=lambda place: place.start_mark)
    _check(document, places)
    changed, text = [], parts[_DOCUMENT]
    for place in reversed(places):
        old = _region(scan, place)
        new = _new_region(parts, outputs[ours[place.name]], place.name, text[old])
        if _words(new) != _words(text[old]):
            changed.append(ours[place.name])
        # Where Word has moved the end into the writer's next paragraph, only the mark is taken out of it.
        rest = (
            text[old.stop : place.end_mark] + _after_mark(text, place.end_mark) if place.end_mark >= old.stop else text[old.stop :]
        )
        text = text[: old.start] + new + rest
    parts[_DOCUMENT] = text
    _add_styles(parts)
    new = _pack(parts)
    # A job that runs again finds what it made.
    if not (target.is_file() and target.read_bytes() == new):
        _refuse_target(document, target)
        _write(new, target, lambda: _refuse_saved(document, read))
    absent = tuple(sorted(name.removeprefix(_OURS) for name in scan.places if name not in ours))
    return Refreshed(tuple(ours[place.name] for place in places), tuple(reversed(changed)), absent)


def _state(document: Path) -> tuple[int, int] | None:
    """What tells whether somebody saved a document meanwhile."""
    try:
        told = document.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _refuse_saved(document: Path, read: tuple[int, int] | None) -> None:
    if _state(document) != read:
        raise PlanError("was saved while it was read", file=document, remedy="close it in Word and run the command again")


def _check(document: Path, places: Sequence[_Place]) -> None:
    if not places:
        raise PlanError(
            "holds no output of this build",
            file=document,
            rule="bookmarks of outputs",
            remedy="copy outputs whole, from the line above the title to the notes, so that their bookmark comes along",
        )
    problems = []
    for place in places:
        fault = ""
        if place.end_mark < 0:
            fault = "has no end"
        elif not place.level:
            fault = "begins or ends inside a table or a content control"
        elif place.text_before or (place.text_in_end and place.text_after):
            fault = "begins or ends inside a paragraph that has other text"
        if fault:
            remedy = "copy the output anew from the report, in paragraphs of its own"
            problems.append(Problem(f"bookmark {place.name} {fault}", str(document), "bookmarks of outputs", remedy=remedy))
    crossed = [second.name for first, second in pairwise(places) if second.start_mark < first.end_mark]
    problems += [
        Problem(f"bookmark {name} begins inside another output", str(document), "bookmarks of outputs") for name in crossed
    ]
    if problems:
        raise PlanError.of(problems)


def _region(scan: _Scan, place: _Place) -> slice:
    """Bytes of the blocks that are the output."""
    foreign = place.text_after and not place.text_in_end
    return slice(scan.blocks[place.start_block], scan.blocks[place.end_block + (not foreign)])


def _after_mark(text: bytes, mark: int) -> bytes:
    """What follows a bookmark's end."""
    end = text.index(b">", mark) + 1
    closing = b"</w:bookmarkEnd>"
    return text[end:].removeprefix(closing) if text[end - 2 : end] != b"/>" else text[end:]


def _new_region(parts: dict[str, bytes], output: Path, name: str, old: bytes) -> bytes:
    """The blocks of a build's output, its picture and the writer's section break taken along."""
    own = _read_package(output)
    body = own[_DOCUMENT]
    new = body[body.index(b"<w:body>") + len(b"<w:body>") : body.rindex(b"<w:sectPr")]
    _drop_pictures(parts, old)
    if _OWN_PICTURE.encode() in new:
        new = new.replace(f'r:embed="{_OWN_PICTURE}"'.encode(), f'r:embed="{name}"'.encode())
        _add_picture(parts, name, own["word/media/image1.png"])
    breaks = re.findall(rb"<w:sectPr\b.*?</w:sectPr>|<w:sectPr\b[^>]*/>", old, re.S)
    if len(breaks) > 1:
        raise PlanError(
            f"bookmark {name} holds {len(breaks)} section breaks", rule="bookmarks of outputs", remedy="move them out of it"
        )
    if breaks:
        at = new.rindex(b"</w:pPr>")
        new = new[:at] + breaks[0] + new[at:]
    return new


def _words(text: bytes) -> list[bytes]:
    """The text of a piece of a document, paragraph by paragraph, however Word has cut it into runs."""
    paragraphs = text.split(b"</w:p>")
    return [words for part in paragraphs if (words := b"".join(re.findall(rb"<w:t(?: [^>]*)?>([^<]*)</w:t>", part)).strip())]


def _add_picture(parts: dict[str, bytes], name: str, png: bytes) -> None:
    parts[f"word/media/{name}.png"] = png
    relation = f'<Relationship Id="{name}" Type="{_IMAGE}" Target="media/{name}.png"/>'.encode()
    parts[_RELATIONS] = parts[_RELATIONS].replace(b"</Relationships>", relation + b"</Relationships>")
    if b'Extension="png"' not in parts[_TYPES]:
        parts[_TYPES] = parts[_TYPES].replace(b"<Override", b'<Default Extension="png" ContentType="image/png"/><Override', 1)


def _drop_pictures(parts: dict[str, bytes], old: bytes) -> None:
    """Take out the pictures that only this output shows."""
    for ident in set(re.findall(rb'r:embed="([^"]+)"', old)):
        if parts[_DOCUMENT].count(b'r:embed="' + ident + b'"') > old.count(b'r:embed="' + ident + b'"'):
            continue
        for relation in re.findall(rb"<Relationship [^>]*/>", parts[_RELATIONS]):
            if b'Id="' + ident + b'"' not in relation:
                continue
            parts[_RELATIONS] = parts[_RELATIONS].replace(relation, b"")
            target = re.search(rb'Target="/?(?:word/)?([^"]+)"', relation)
            others = [content for name, content in parts.items() if name.endswith(".rels")]
            if target and not any(target[1] in content for content in others):
                parts.pop(f"word/{target[1].decode()}", None)


def _add_styles(parts: dict[str, bytes]) -> None:
    """Give the document the styles its new outputs name and it lacks, as templates/reference.docx has them."""
    named = set(re.findall(r'<w:(?:pStyle|tblStyle|rStyle) w:val="([^"]+)"', parts[_DOCUMENT].decode("utf-8")))
    parts[_STYLES] = add_styles(parts[_STYLES].decode("utf-8"), named).encode("utf-8")


def _read_package(path: Path) -> dict[str, bytes]:
    try:
        parts = read_container(path)
    except FileNotFoundError:
        raise PlanError("is not there", file=path, remedy="name a Word document") from None
    except ContainerError as error:
        raise PlanError(f"is no Word document: {error}", file=path, remedy="name a .docx file") from None
    missing = [name for name in (_DOCUMENT, _RELATIONS, _STYLES, _TYPES) if name not in parts]
    if missing:
        raise PlanError(f"is no Word document: it lacks {', '.join(missing)}", file=path, remedy="name a .docx file")
    return parts


def _pack(parts: Mapping[str, bytes]) -> bytes:
    """The document as a file; the same parts give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            package.writestr(info, content)
    return target.getvalue()


def _refuse_target(document: Path, target: Path) -> None:
    """A writer's own document may be replaced by itself refreshed; another file that is there may not."""
    if target.is_dir():
        raise PlanError("is a folder", file=target, rule="--out", remedy="name the file of the new document")
    if os.path.lexists(target) and not (target.exists() and os.path.samefile(document, target)):
        remedy = "name a file that is not there yet, or the document itself"
        raise PlanError("exists, and is not the document that is refreshed", file=target, rule="--out", remedy=remedy)


def _write(content: bytes, target: Path, unchanged: Callable[[], None]) -> None:
    try:
        write_whole(target, content, unchanged)
    except OSError as error:
        raise PlanError(
            f"cannot be written: {error.strerror or error}",
            file=target,
            remedy="close it in Word, or choose another file with --out",
        ) from error
