"""Where the outputs of a build lie in a writer's Word document.

Word and LibreOffice keep an output's bookmark, each in a way of its own. Word puts its end where the writer's next
paragraph begins. LibreOffice writes a bookmark over several paragraphs anew in its first and in its last
paragraph, some of them without an end; saving that again, it gives those of the last paragraph a name of their own. Where all
stand in two paragraphs, and the output with nothing else between them, they are read as what they were; every other twin or
loose end is refused, for half an output would stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.seal import is_edited
from cgbm1_report.errors import Problem
from cgbm1_report.tabulate.named import output_label

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing "
RULE = "bookmarks of outputs"
_BODY_DEPTH = 2
_OURS = "out_"
#: What LibreOffice appends to the name of a bookmark that it reads a second time.
_AGAIN = re.compile(r"_Copy_\d+\Z")
#: The name that an output of a plain number is linked by: T14_3_1_2_1.
_PLAIN = re.compile(r"[A-Z]\d+(_\d+)+")
#: What a reader sees of a paragraph, besides its text.
_SEEN = frozenset(f"{_W}{tag}" for tag in ("drawing", "pict", "object", "footnoteReference", "endnoteReference", "sym"))
_HEARD = (
    _SEEN | {f"{_W}{tag}" for tag in ("t", "r", "vanish", "bookmarkStart", "bookmarkEnd", "tbl", "tblCaption")} | {f"{_WP}docPr"}
)
_WORDS = 60
_ANEW = "copy the output anew from the report, in paragraphs of its own; LibreOffice cuts bookmarks to pieces each time it saves"


@dataclass
class Block:
    """A child of the body: where it begins, what it is, its first words, and whether a reader sees any of it."""

    start: int
    kind: str
    words: str = ""
    seen: bool = False


@dataclass
class Mark:
    """Where a bookmark begins or ends: in which block, at which byte, and what of that block stands around it."""

    at: int
    block: int
    level: bool
    before: bool
    after: bool = False


@dataclass
class Bookmark:
    """A bookmark by name; one that Word or another program left without an end has none."""

    name: str
    start: Mark
    end: Mark | None = None


@dataclass
class Shown:
    """A table or picture with what names it: the caption property, else its first words; the name of the drawing."""

    at: int
    block: int
    level: bool
    kind: str
    caption: str = ""
    words: str = ""
    nested: bool = False
    _closed: bool = False

    def is_of(self, label: str) -> bool:
        """Whether it is the output that is called ``label``: ``Table 14.1.1``, with its title or alone."""
        return any(text == label or text.startswith(f"{label} ") for text in (self.caption, self.words.strip()))


@dataclass
class Scan:
    """One pass over document.xml: its blocks, its bookmarks, its tables and pictures."""

    blocks: list[Block] = field(default_factory=list)
    bookmarks: list[Bookmark] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    prefix: bool = False
    _open: dict[str, Bookmark] = field(default_factory=dict)
    _here: list[Mark] = field(default_factory=list)
    _tables: list[Shown] = field(default_factory=list)
    _depth: int = 0
    _text: bool = False
    _hidden: bool = False

    def read(self, content: bytes) -> None:
        """Read the main part.

        Raises
        ------
        ExpatError
            It is no well-formed XML, or declares a document type.
        """
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartNamespaceDeclHandler = self._declared
        self._parser.Parse(content, True)

    def _refuse(self, *_: object) -> None:
        # No Word document declares entities; one that does wants memory.
        raise expat.ExpatError("it declares a document type")

    def _declared(self, prefix: str | None, name: str) -> None:
        self.prefix = self.prefix or (prefix == "w" and f"{name} " == _W)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth == _BODY_DEPTH:
            self.blocks.append(Block(self._parser.CurrentByteIndex, tag.removeprefix(_W)))
            self._here = []
        self._depth += 1
        if tag in _HEARD:
            self._hear(tag, attributes)

    def _hear(self, tag: str, attributes: dict[str, str]) -> None:
        at = self._parser.CurrentByteIndex
        if tag == f"{_W}t":
            self._text = not self._hidden
        elif tag == f"{_W}r":
            self._hidden = False
        elif tag == f"{_W}vanish":
            self._hidden = True
        elif tag in (f"{_W}bookmarkStart", f"{_W}bookmarkEnd"):
            self._mark(tag, attributes, at)
        elif tag == f"{_W}tbl":
            level, nested = self._depth == _BODY_DEPTH + 1, bool(self._tables)
            self._tables.append(Shown(at, len(self.blocks) - 1, level, "table", nested=nested))
            self.shown.append(self._tables[-1])
        elif tag == f"{_W}tblCaption" and self._tables:
            self._tables[-1].caption = " ".join(attributes.get(f"{_W}val", "").split())
        elif tag == f"{_WP}docPr":
            self.shown.append(Shown(at, len(self.blocks) - 1, not self._tables, "picture", attributes.get("name", "")))
        elif tag in _SEEN:
            self._saw("")

    def _mark(self, tag: str, attributes: dict[str, str], at: int) -> None:
        # A mark belongs to the body or to one of its paragraphs, not to a cell or a content control.
        level = self._depth in (_BODY_DEPTH + 1, _BODY_DEPTH + 2)
        seen = bool(self.blocks) and self.blocks[-1].seen
        mark = Mark(at, len(self.blocks) - 1, level, seen)
        self._here.append(mark)
        ident = attributes.get(f"{_W}id", "")
        if tag == f"{_W}bookmarkStart":
            self._open[ident] = Bookmark(attributes.get(f"{_W}name", ""), mark)
            self.bookmarks.append(self._open[ident])
        elif ident in self._open:
            self._open.pop(ident).end = mark

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag == f"{_W}t":
            self._text = False
        elif tag == f"{_W}tbl":
            self._tables.pop()
        elif tag == f"{_W}p" and self._tables and self._tables[-1].words.strip():
            self._tables[-1]._closed = True
        elif tag == f"{_W}body":
            self.blocks.append(Block(self._parser.CurrentByteIndex, "end"))

    def _characters(self, text: str) -> None:
        if self._text and self.blocks:
            if self._tables and not self._tables[-1]._closed:
                self._tables[-1].words = f"{self._tables[-1].words}{text}"
            if text.strip():
                self._saw(text)

    def _saw(self, text: str) -> None:
        block = self.blocks[-1]
        block.seen = True
        if len(block.words) < _WORDS:
            block.words = f"{block.words}{text}"[:_WORDS]
        for mark in self._here:
            mark.after = True

    def where(self, block: int) -> str:
        """A place a writer finds: behind which words, else the number of the paragraph or table."""
        before = next((one.words.strip() for one in reversed(self.blocks[: max(block, 0)]) if one.words.strip()), "")
        return f"behind {before!r}" if before else f"paragraph {block + 1}"


@dataclass(frozen=True)
class Place:
    """The blocks that are an output, and the byte where the writer's next paragraph holds the end of its bookmark.

    ``marked`` says whether the bookmark is there; a copy that Word made in the same document has none. ``twins`` are the
    marks as LibreOffice writes them.
    """

    number: str
    blocks: range
    start: int
    stop: int
    marked: bool = True
    twins: bool = False
    foreign_end: int = -1


@dataclass
class Found:
    """What the document holds of a build: places, numbers it holds and the build lacks, what keeps it from being refreshed."""

    places: list[Place] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: Copies that cannot be told from the writer's own text around them.
    stray: list[Problem] = field(default_factory=list)
    #: How many tables lie in no bookmark of an output and are no copy of one: the writer's own, and what lost its bookmark.
    unmarked: int = 0


def own_name(name: str) -> str:
    """The name that a bookmark of ours had before LibreOffice read it a second time."""
    return _AGAIN.sub("", name)


def find_places(scan: Scan, text: bytes, numbers: Sequence[str], file: str) -> Found:
    """The outputs of a build that a document holds, in its order; and every twin, loose end and stray copy.

    ``text`` is what the scan has read.
    """
    found = Found()
    ours = {region_name(number): number for number in numbers}
    named: dict[str, list[Bookmark]] = {}
    for bookmark in scan.bookmarks:
        if bookmark.name.startswith(_OURS):
            named.setdefault(own_name(bookmark.name), []).append(bookmark)
    for name, bookmarks in named.items():
        if name not in ours:
            found.absent.append(_say_number(name.removeprefix(_OURS)))
            continue
        place, fault = _place(scan, text, ours[name], bookmarks)
        if place is None:
            where = scan.where(bookmarks[0].start.block)
            found.problems.append(Problem(f"bookmark {name} {fault}", file, RULE, where, _ANEW))
        else:
            found.places.append(place)
    found.places.sort(key=lambda place: place.start)
    _check_crossed(scan, found, file)
    if not found.problems:
        _find_copies(scan, found, numbers, file)
        found.unmarked = _count_unmarked(scan, found.places, [mark for marks in named.values() for mark in marks])
    return found


def _count_unmarked(scan: Scan, places: Sequence[Place], marks: Sequence[Bookmark]) -> int:
    """Tables in no place, and in no bookmark of an output that the build lacks."""
    kept = [(place.start, place.stop) for place in places] + [(mark.start.at, mark.end.at) for mark in marks if mark.end]
    tables = (one for one in scan.shown if one.kind == "table" and not one.nested)
    return sum(not any(start <= one.at < stop for start, stop in kept) for one in tables)


def _say_number(name: str) -> str:
    """The number of an output that the build lacks, by the name it is linked by; the name where it is of no plain number."""
    return name.replace("_", ".") if _PLAIN.fullmatch(name) else name


def _place(scan: Scan, text: bytes, number: str, bookmarks: Sequence[Bookmark]) -> tuple[Place | None, str]:
    """Where an output lies by its bookmarks, or what is wrong with them."""
    loose = sum(bookmark.end is None for bookmark in bookmarks)
    marks = [mark for bookmark in bookmarks for mark in (bookmark.start, bookmark.end) if mark is not None]
    marks.sort(key=lambda mark: mark.at)
    first, last, twins = marks[0], marks[-1], len(bookmarks) > 1
    said = f"stands {len(bookmarks)} times, {loose} of them without an end" if twins else "has no end"
    if (loose and not twins) or (twins and not loose) or (twins and len({mark.block for mark in marks}) != 2):
        return None, said
    if not (first.level and last.level):
        return None, "begins or ends inside a table or a content control"
    if first.before or (last.before and last.after):
        return None, "begins or ends inside a paragraph that has other text"
    foreign = last.after and not last.before
    blocks = range(first.block, last.block + (not foreign))
    start, stop = scan.blocks[blocks.start].start, scan.blocks[blocks.stop].start
    place = Place(number, blocks, start, stop, twins=twins, foreign_end=last.at if foreign else -1)
    if not _holds(scan, place) and not loose and len(bookmarks) == 1:
        whole = _from_title(scan, text, number, last)
        return whole, "" if whole else f"does not hold {output_label(number)}"
    if not _holds(scan, place):
        return None, said if twins else f"does not hold {output_label(number)}"
    if twins and (foreign or not _holds_alone(scan, text, place)):
        return None, said
    return place, ""


def _from_title(scan: Scan, text: bytes, number: str, last: Mark) -> Place | None:
    """An output from its title to its last paragraph, where LibreOffice left its bookmark on that alone; text as it was printed."""
    titles = [one.start.block for one in scan.bookmarks if one.name == anchor(number)]
    if len(titles) != 1 or titles[0] > last.block:
        return None
    above = titles[0] - 1
    first = above if above >= 0 and scan.blocks[above].kind == "p" and not scan.blocks[above].seen else titles[0]
    start, stop = scan.blocks[first].start, scan.blocks[last.block + 1].start
    return Place(number, range(first, last.block + 1), start, stop, twins=True) if is_edited(text[start:stop]) is False else None


def _holds_alone(scan: Scan, text: bytes, place: Place) -> bool:
    """Whether an output and nothing else stands between two marks: its text as it was printed, or its tables."""
    if is_edited(text[place.start : place.stop]) is False:
        return True
    label = output_label(place.number)
    tables = {one.block: one for one in scan.shown if one.level and one.kind == "table"}
    seen = [at for at in place.blocks if scan.blocks[at].seen]
    return all(at in tables and tables[at].is_of(label) for at in seen)


def _holds(scan: Scan, place: Place) -> bool:
    """Whether an output stands in its bookmark: its title's own bookmark, its table or its picture."""
    name, label = anchor(place.number), output_label(place.number)
    titles = any(one.name == name and place.start <= one.start.at < place.stop for one in scan.bookmarks)
    return titles or any(one.is_of(label) and place.start <= one.at < place.stop for one in scan.shown)


def _check_crossed(scan: Scan, found: Found, file: str) -> None:
    for place in found.places:
        inside = (
            one
            for one in scan.bookmarks
            if one.name.startswith(_OURS)
            and own_name(one.name) != region_name(place.number)
            and place.start <= one.start.at < place.stop
        )
        for one in inside:
            where = scan.where(one.start.block)
            found.problems.append(Problem(f"bookmark {one.name} begins inside another output", file, RULE, where, _ANEW))


def _find_copies(scan: Scan, found: Found, numbers: Sequence[str], file: str) -> None:
    """Tables and pictures of the build's outputs outside every bookmark: Word gives a copy in one document none."""
    labels = {number: output_label(number) for number in numbers}
    taken = list(found.places)
    for number, shown in _outside(scan, labels, taken):
        if any(place.start <= shown.at < place.stop for place in found.places):
            continue
        blocks = _copy(scan, shown, labels[number])
        if blocks is None:
            message = f"{labels[number]} stands outside its bookmark"
            remedy = "take this copy out, or copy the output anew from the report, in paragraphs of its own"
            found.stray.append(Problem(message, file, RULE, scan.where(shown.block), remedy))
        else:
            start, stop = scan.blocks[blocks.start].start, scan.blocks[blocks.stop].start
            found.places.append(Place(number, blocks, start, stop, marked=False))
    found.places.sort(key=lambda place: place.start)


def _outside(scan: Scan, labels: Mapping[str, str], places: Sequence[Place]) -> Iterator[tuple[str, Shown]]:
    by_label = {label: number for number, label in labels.items()}
    titled = {place.number: _titles(scan, place) for place in places}
    for shown in scan.shown:
        if any(place.start <= shown.at < place.stop for place in places):
            continue
        for text in (shown.caption, shown.words.strip()):
            # A label is two words, ``Table 14.1.1``; or the number alone, of what is none of the three kinds.
            words = text.split(" ")
            number = by_label.get(" ".join(words[:2])) or by_label.get(words[0])
            # A writer's own table may begin with an output's label; a copy begins with its title.
            if number and (shown.caption or number not in titled or text in titled[number]):
                yield number, shown
                break


def _titles(scan: Scan, place: Place) -> set[str]:
    """What the tables of an output begin with."""
    return {one.words.strip() for one in scan.shown if place.start <= one.at < place.stop}


def _copy(scan: Scan, shown: Shown, label: str) -> range | None:
    """The blocks of a copied table, all its parts; None where its bounds are not sure."""
    if not shown.level or shown.kind != "table" or not shown.caption:
        return None
    tables = {one.block: one for one in scan.shown if one.level and one.kind == "table"}
    last = shown.block
    while True:
        after = last + 1
        while scan.blocks[after].kind == "p" and not scan.blocks[after].seen:
            after += 1
        if after in tables and tables[after].is_of(label):
            last = after
        else:
            return range(shown.block, last + 1)
