r"""Reads RTF files back: control words and groups to rows, fields and text.

Only what our files use is understood; a table is what stands between `\trowd` and `\row`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cgbm1_report.readback.docx import FIELDS, HEADS, NOTES, OUTSIDE, PICTURES, ROWS, SECTIONS
from cgbm1_report.readback.pictures import check_pictures, digest_of
from cgbm1_report.readback.printed import Finding, Printed, compare_rows, limited, missing_texts, plain, squeezed
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import ALTERNATIVES, EDGES, FRONT, Said, compare_told, left_over

_OPENS = "the file can be read"
MADE = "a file is made of what shows the report's texts, and hides none"
_TOKEN = re.compile(r"\\([a-z]+)(-?\d+)? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}]+)", re.S)
_UNICODE = re.compile(r"(\\\\)|((?:\\u-?\d+\?)+)")
_BREAKS = frozenset({"par", "line", "tab"})
_QUIET = frozenset({"stylesheet", "info", "picprop"})
#: Groups whose texts are read apart: the names of fonts, what a field printed last, a picture in digits.
_APART = frozenset({"fonttbl", "fldrslt", "pict"})
#: The control words of our files. Another one may hide a text, print one out of a place that nobody reads, or take in a file.
_SPELT = (
    "rtf ansi ansicpg uc deff deflang fonttbl f fswiss fnil fcharset stylesheet info title paperw paperh margl margr margt"
    " margb headery footery landscape sectd lndscpsxn pgwsxn pghsxn header footer pard plain par line tab tqc tqr tx sl"
    " slmult fs b v tc tcl field fldinst fldrslt qc ql qr sb sa li fi keepn pagebb intbl trowd trgaph trleft trkeep"
    " trkeepfollow trhdr clbrdrt clbrdrb clbrdrl clvertalb brdrb brdrs brdrw brsp cellx cell row pict picprop sp sn sv pngblip picw"
    " pich picwgoal pichgoal u"
)
_WORDS = frozenset(_SPELT.split())
_FONTS = "Arial;SimSun;"
#: Half points below which a text cannot be read, and what a line is high that nobody sees (`\\sl`, in twips).
_SMALLEST, _FLAT = 8, range(-99, 0)
_PLAIN = (24, 0, False)
#: Groups of the document's properties whose texts are read.
_PROPERTIES = frozenset({"title", "subject", "author", "keywords", "comment", "doccomm", "company", "manager", "operator"})
_ALIEN = frozenset({"object", "objdata", "objemb", "objlink", "objocx", "template", "htmltag", "nextfile"})
_FIELD_NAMES = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES"})


@dataclass
class _Group:
    """Where text of a group goes."""

    kind: str


@dataclass
class Document:
    """What an RTF file holds: rows with their marks, text by place, fields and foreign objects."""

    rows: list[tuple[list[str], bool]] = field(default_factory=list)
    header: str = ""
    footer: str = ""
    title: str = ""
    properties: str = ""
    outside: str = ""
    contents: str = ""
    fields: list[str] = field(default_factory=list)
    alien: list[str] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    strange: dict[str, None] = field(default_factory=dict)
    hidden: str = ""
    apart: dict[str, list[str]] = field(default_factory=dict)

    @property
    def pictures(self) -> list[str]:
        """The pictures, each by its bytes."""
        return [digest_of(bytes.fromhex(digits)) for digits in self.apart.get("pict", ())]


class RtfError(ValueError):
    """Not RTF as it is written."""


def _characters(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    units = [int(unit) & 0xFFFF for unit in re.findall(r"\\u(-?\d+)\?", match[2])]
    text = b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "replace")
    return re.sub(r"[\\{}]", "\ufffd", text)


def read_rtf(content: bytes) -> Document:
    """Read an RTF file.

    Raises
    ------
    RtfError
        It is no RTF, or its groups do not balance.
    """
    text = _UNICODE.sub(_characters, content.decode("ascii", "replace"))
    if not text.startswith("{\\rtf1"):
        raise RtfError("it does not begin as RTF")
    return _Reader().read(text)


class _Reader:
    """Walks over the tokens of a file."""

    def __init__(self) -> None:
        self.found = Document()
        self.groups: list[str] = ["body"]
        #: Size, height of the line and whether it is hidden, of the text of each group.
        self.looks: list[tuple[int, int, bool]] = [_PLAIN]
        self.pieces: list[str] = []
        self.cells: list[str] = []
        self.in_row = self.header_row = False
        self.opened = False

    def read(self, text: str) -> Document:
        at = 0
        for match in _TOKEN.finditer(text):
            if match.start() != at:
                raise RtfError(f"it holds {text[at : at + 20]!r}")
            at = match.end()
            word, value, code, symbol, brace, words = match.groups()
            if words is not None:
                self._put(words.replace("\n", "").replace("\r", ""))
            elif word is not None:
                self._word(word, int(value) if value else None)
            elif brace is not None:
                self._brace(brace)
            elif symbol is not None:
                self._symbol(symbol)
            elif code is not None:
                self._put(bytes.fromhex(code).decode("cp1252", "replace"))
        if at != len(text) or len(self.groups) != 1:
            raise RtfError("its groups do not balance")
        self._flush()
        return self.found

    def _brace(self, brace: str) -> None:
        if brace == "{":
            self._flush()
            self.groups.append(self.groups[-1])
            self.looks.append(self.looks[-1])
            self.opened = True
            return
        if len(self.groups) == 1:
            raise RtfError("its groups do not balance")
        self._flush()
        self.groups.pop()
        self.looks.pop()
        self.opened = False

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.groups[-1] = "quiet"
        elif symbol in "\\{}":
            self._put(symbol)
        elif symbol in "~_-":
            self._put(" " if symbol == "~" else "-" if symbol == "_" else "")

    def _look(self, word: str, value: int | None) -> None:
        size, line, hidden = self.looks[-1]
        if word == "fs":
            size = value or 0
        elif word == "sl":
            line = value or 0
        elif word == "v":
            hidden = value != 0
        elif word == "pard":
            line = 0
        elif word == "plain":
            size, hidden = _PLAIN[0], False
        self.looks[-1] = (size, line, hidden)

    def _word(self, word: str, value: int | None) -> None:
        place = self.groups[-1]
        if word not in _WORDS:
            self.found.strange[word] = None
        self._look(word, value)
        if word in _ALIEN:
            self.found.alien.append(word)
        if word == "fldinst":
            self.groups[-1] = "field"
        elif word == "tc":
            self.groups[-1] = "contents"
        elif word in ("header", "headerl", "headerr", "headerf"):
            self.groups[-1] = "header"
        elif word in ("footer", "footerl", "footerr", "footerf"):
            self.groups[-1] = "footer"
        elif word in _QUIET:
            self.groups[-1] = "quiet"
        elif word in _APART:
            self.groups[-1] = word
            self.found.apart.setdefault(word, []).append("")
        elif word in _PROPERTIES and place == "quiet":
            self.groups[-1] = "title" if word == "title" else "about"
        elif word == "sv":
            self.groups[-1] = "property"
        elif place == "body":
            self._layout(word)
        elif word in _BREAKS:
            self._put(" ")

    def _layout(self, word: str) -> None:
        if word == "trowd":
            self._flush()
            self.in_row, self.header_row, self.cells = True, False, []
        elif word == "trhdr":
            self.header_row = True
        elif word == "cell":
            self.cells.append(plain("".join(self.pieces)))
            self.pieces = []
        elif word == "row":
            self.found.rows.append((self.cells, self.header_row))
            self.in_row, self.cells, self.pieces = False, [], []
        elif word in _BREAKS:
            self._put(" ")

    def _put(self, text: str) -> None:
        if text and self.groups[-1] != "quiet":
            self.pieces.append(text)
            size, line, hidden = self.looks[-1]
            if self.groups[-1] in ("body", "header", "footer") and (hidden or size < _SMALLEST or line in _FLAT):
                self.found.hidden += text.strip()

    def _flush(self) -> None:
        """Give the text collected to the place of the group that ends or is interrupted."""
        place = self.groups[-1]
        if place == "body" and self.in_row:
            return
        text, self.pieces = "".join(self.pieces), []
        if place in _APART:
            self.found.apart[place][-1] += text
        elif place == "field" and text.strip():
            self.found.fields.append(text.strip())
        elif place == "header":
            self.found.header += text
        elif place == "contents":
            self.found.contents += text
        elif place == "property":
            self.found.described += [plain(text)] if text.strip() else []
        elif place == "footer":
            self.found.footer += text
        elif place == "title":
            self.found.title += text
        elif place == "about":
            self.found.properties += text
        elif place == "body":
            self.found.outside += text


def check_rtf(path: Path, name: str, printed: Printed, stamp: Said) -> list[Finding]:
    """Findings about the RTF file of one output."""
    try:
        document = read_rtf(path.read_bytes())
    except (RtfError, OSError) as error:
        return [Finding(name, f"cannot be read as RTF: {error}", _OPENS, printed.number)]
    number = printed.number
    findings = [Finding(name, f"holds \\{word}", OUTSIDE, number, "body") for word in document.alien]
    findings += [
        Finding(name, f"holds the field {text!r}", FIELDS, number, "fields")
        for text in document.fields
        if text.split()[0].upper() not in _FIELD_NAMES
    ]
    title = (printed.title, *printed.lines)
    findings += missing_texts(name, number, "page header", title, squeezed(document.header + document.outside), HEADS)
    findings += compare_told(name, [printed.title], [document.contents], SECTIONS, place="contents entry", output=number)
    findings += compare_told(name, [printed.title], [document.title], FRONT, place="properties", output=number)
    findings += _check_edges(name, printed, document, stamp) + _check_made(name, number, document)
    findings += check_pictures(name, document.pictures, [printed.still] if printed.still else [], output=number)
    if printed.is_figure:
        if len(document.pictures) != 1 or not document.described:
            findings.append(Finding(name, "has no picture with a text that says what it shows", PICTURES, number, "figure"))
        findings += compare_told(name, [printed.alt], document.described, ALTERNATIVES, place="alternative text", output=number)
        told = ""
    else:
        said, rows, tops, told = _read_rows(name, printed, document.rows)
        filled, unsaid = _fill(name, printed, rows, tops)
        findings += [*said, *unsaid, *compare_rows(name, printed, filled, ROWS)]
    below = squeezed(told + document.outside)
    findings += missing_texts(name, number, "notes", printed.feet(stamp.program), below, NOTES)
    more = left_over(below, [*title, *printed.feet(stamp.program)])
    return limited([*findings, Finding(name, f"prints {more!r}", NOTES, number, "notes")] if more else findings)


def _check_made(name: str, number: str, document: Document) -> list[Finding]:
    """Findings about what our files are not made of: what may hide a text, or print one that nobody reads."""
    findings = [Finding(name, f"has \\{word}", MADE, number, "body") for word in document.strange]
    if document.hidden:
        findings.append(Finding(name, f"hides {document.hidden[:200]!r}", MADE, number, "body"))
    findings += [
        Finding(name, f"prints {text!r} as a page number", FIELDS, number, "fields")
        for text in document.apart.get("fldrslt", ())
        if not text.strip().isdigit()
    ]
    fonts = squeezed("".join(document.apart.get("fonttbl", ())))
    return findings + ([Finding(name, f"has the fonts {fonts!r}", MADE, number, "fonts")] if fonts != _FONTS else [])


def _check_edges(name: str, printed: Printed, document: Document, stamp: Said) -> list[Finding]:
    """Findings where header and footer are not what every page says, above the output's title."""
    edges = squeezed(document.header + document.footer)
    findings = missing_texts(name, printed.number, "header and footer", stamp.edges, squeezed(fold(edges)), EDGES)
    more = left_over(edges + squeezed(document.properties), [*stamp.edges, printed.title, *printed.lines, "Page", "of"])
    return [*findings, Finding(name, f"prints {more!r}", EDGES, printed.number, "header and footer")] if more else findings


def _fill(name: str, printed: Printed, rows: Sequence[list[str]], tops: Collection[int]) -> tuple[list[list[str]], list[Finding]]:
    """The rows as a reader takes them, what is said once filled in from above; findings where it is not said, or again.

    Each page is a table of its own below its heads: ``tops`` are the rows that pages begin with.
    """
    filled: list[list[str]] = []
    findings = []
    for at, row in enumerate(rows):
        own = list(row)
        if printed.once and len(own) == len(printed.heads):
            blank = not any(own[place] for place in printed.once)
            due = at in tops or at >= len(printed.rows) or printed.begins(at)
            if blank == due:
                said = "does not say again whose it is" if due else "says again whose it is"
                findings.append(Finding(name, said, ROWS, printed.number, printed.place(at)))
            if blank and filled:
                own = [filled[-1][place] if place in printed.once else text for place, text in enumerate(own)]
        filled.append(own)
    return filled, limited(findings)


def _read_rows(
    name: str, printed: Printed, found: Sequence[tuple[list[str], bool]]
) -> tuple[list[Finding], list[list[str]], set[int], str]:
    """Findings about the heads, the rows below them, which of these pages begin with, and the notes."""
    heads, spanners = list(printed.heads), [text for text in printed.spanners if text]
    rows: list[list[str]] = []
    findings: list[Finding] = []
    tops: set[int] = set()
    told, headed = "", False
    for cells, marked in found:
        if cells == heads and (marked or not headed):
            headed = True
            tops.add(len(rows))
            if not marked:
                findings.append(Finding(name, "the column heads do not repeat on every page", HEADS, printed.number, "heads"))
        elif printed.spanners and [text for text in cells if text] == spanners and (marked or not headed):
            if not marked:
                findings.append(Finding(name, "the spanning heads do not repeat on every page", HEADS, printed.number, "heads"))
        elif marked:
            findings.append(Finding(name, f"the row {' | '.join(cells)} repeats on every page", HEADS, printed.number, "heads"))
        elif len(cells) == 1 and (cells != list(printed.rows[0]) or not printed.is_empty) and _is_note(cells[0], printed):
            told += cells[0]
        else:
            rows.append(cells)
    if not headed:
        findings.append(Finding(name, f"lacks the column heads {' | '.join(heads)}", HEADS, printed.number, "heads"))
    return findings, rows, tops, told


def _is_note(text: str, printed: Printed) -> bool:
    found = squeezed(text)
    return not found or any(squeezed(note) in found for note in (*printed.notes, printed.source) if note)
