"""One pass over a writer's Word document: its paragraphs and tables, its bookmarks, and what of them is an output."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from cgbm1_report.errors import Problem

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing "
RULE = "bookmarks of outputs"
_BODY_DEPTH = 2
#: What a reader sees of a paragraph, besides its text.
_SEEN = frozenset(f"{_W}{tag}" for tag in ("drawing", "pict", "object", "footnoteReference", "endnoteReference", "sym"))
_HEARD = (
    _SEEN | {f"{_W}{tag}" for tag in ("t", "r", "vanish", "bookmarkStart", "bookmarkEnd", "tbl", "tblCaption")} | {f"{_WP}docPr"}
)
_WORDS = 60


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

    ``marked`` says whether the bookmark is there: what was copied from its title on has none, nor has a copy that Word made in
    the same document, which stands there ``again``. ``twins`` are the marks as LibreOffice writes them.
    """

    number: str
    blocks: range
    start: int
    stop: int
    marked: bool = True
    again: bool = False
    twins: bool = False
    foreign_end: int = -1


@dataclass
class Found:
    """What the document holds of a build: places, numbers it holds and the build lacks, what keeps it from being refreshed."""

    places: list[Place] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: Outputs whose bookmarks do not hold them whole and alone: they stay as they are where the others are replaced all the same.
    unsure: list[Problem] = field(default_factory=list)
    #: Copies that cannot be told from the writer's own text around them.
    stray: list[Problem] = field(default_factory=list)
    #: Pictures below the title of an output whose marks are gone: an old one, or the writer's own.
    untold: list[Problem] = field(default_factory=list)
    #: Where outputs lie that the build lacks.
    kept: list[tuple[int, int]] = field(default_factory=list)
    #: How many tables and pictures are in no output that is known: the writer's own, and what lost its mark.
    unmarked: int = 0
    pictures: int = 0
