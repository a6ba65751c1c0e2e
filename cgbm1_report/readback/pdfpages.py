"""Holds the pages of one output in a PDF against what the output should print.

Pages are anchored on the title and the column heads, not on where they stand; below the heads the
runs must be the rows, cell by cell. What else a page holds is accounted for: header, footer, page number, notes, and above
the title of a first page the words that lead to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cgbm1_report.errors import number_of
from cgbm1_report.readback.pdftext import NOT_DEFINED, UNREADABLE
from cgbm1_report.readback.printed import LINKS, Finding, Printed, limited, squeezed
from cgbm1_report.readback.told import Said
from cgbm1_report.tabulate.named import output_label

ROWS = "every page prints the rows of the results"
HEADS = "every page carries title and column heads"
NOTES = "footnotes and source are printed"
NUMBERS = "a page prints nothing but its output and the edges of the page"
GLYPHS = "every character is printed and can be read back"

_PAGE_OF = re.compile(r"page\d+of\d+", re.I)
_CONTINUED = "(continued)"
#: Two characters with one glyph have one code, and read back as one of them.
_SAME_GLYPH = str.maketrans({"µ": "μ", "Ω": "Ω", "‑": "-", "\u00ad": "-", "―": "—"})
# Hebrew and Arabic are printed from right to left, each run as it is seen, brackets turned round.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_TURNED = str.maketrans("([{<«‹", ")]}>»›")
#: How far a reader looks for the row that a page goes on with after one that differs.
_NEAR = 40


@dataclass(frozen=True)
class Page:
    """One page: its place in the file counted from 1, and its runs, blanks left out."""

    number: int
    runs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.runs)

    def run_at(self, offset: int) -> int:
        """The run in which a place of the text lies."""
        seen = 0
        for at, run in enumerate(self.runs):
            if offset < seen + len(run):
                return at
            seen += len(run)
        return len(self.runs)


@lru_cache(maxsize=1 << 15)
def folded(text: str) -> str:
    """A text as a page is compared: no blanks, characters with one glyph as one."""
    return squeezed(text).translate(_SAME_GLYPH)


def without_edges(runs: Sequence[str], edges: Iterable[str]) -> list[str]:
    """Runs but those of header and footer, each of which may be several runs, and page numbers."""
    wanted = [text for text in map(folded, edges) if text]
    kept: list[str] = []
    at = 0
    while at < len(runs):
        end = next((end for text in wanted if (end := _end_of(runs, at, text)) is not None), None)
        if end is None and not re.fullmatch(rf"(?:\w+[\w.-]*:)?{_PAGE_OF.pattern}", folded(runs[at]), re.I):
            kept.append(runs[at])
        at = at + 1 if end is None else end
    return kept


def _end_of(runs: Sequence[str], at: int, text: str) -> int | None:
    """The run behind a text that begins with a run and ends with one."""
    length = 0
    while length < len(text):
        run = folded(runs[at]) if at < len(runs) else ""
        if not run or not text.startswith(run, length):
            return None
        length += len(run)
        at += 1
    return at


def _same_seen(text: str, seen: str) -> bool:
    """Whether what is seen has the characters of a text that is partly written from right to left."""
    return sorted(text.translate(_TURNED)) == sorted(seen.translate(_TURNED))


def make_page(number: int, runs: Sequence[str]) -> Page:
    """A page of the runs that were read."""
    return Page(number, tuple(text for text in map(folded, runs) if text))


@dataclass
class OutputPages:
    """Reads the pages of one output, one after the other.

    Where words may lead to it (``led``), ``before`` is how many runs of its first page stand above its title; where they do
    not, ``leading`` is what stands there.
    """

    file: str
    printed: Printed
    stamp: Said
    led: bool = False
    leading: str = ""
    before: int | None = None
    findings: list[Finding] = field(default_factory=list)
    row: int = 0
    rest: list[str] | None = None
    seen: str = ""
    #: The page on which each row begins, counted from 0.
    begun: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wide = self.printed
        self.title = folded(wide.title)
        self.heads = folded("".join((*wide.spanners, *wide.heads)))
        self.rows = [[folded(text) for text in row if text] for row in wide.words]
        once = wide.once
        self.said_once = [[folded(row[at]) for at in sorted(once) if row[at]] if once else [] for row in wide.words]
        later = [[folded(text) for at, text in enumerate(row) if text and at not in once] for row in wide.words]
        #: Rows as they stand below the first of a page.
        self.later = [full if wide.begins(at) else rest for at, (full, rest) in enumerate(zip(self.rows, later, strict=True))]
        edges = (*self.stamp.edges, f"{output_label(wide.number)}:")
        self.edges = sorted({folded(text) for text in edges} - {""}, key=len, reverse=True)
        self.lines = [folded(text) for text in wide.lines]
        #: The notes in their order: a page may have a part of them.
        self.feet = folded("".join(wide.feet(self.stamp.program)))

    def say(self, page: Page, message: str, rule: str, place: str = "") -> None:
        where = f"page {page.number}" + (f", {place}" if place else "")
        self.findings.append(Finding(self.file, message, rule, self.printed.number, where))

    @property
    def done(self) -> bool:
        """Whether all rows have been read."""
        return self.printed.is_figure or self.row >= len(self.rows)

    def read(self, page: Page) -> bool:
        """Read one page; False where it is no page of the output any more."""
        text = page.text
        at = text.find(self.title)
        if at < 0 and self.done and (not self.heads or self.heads not in text):
            return False
        self._characters(page, text)
        self.seen += text
        first = self.before is None
        self.before = page.run_at(max(at, 0)) if first else self.before
        if at < 0:
            self.say(page, f"lacks the title {self.printed.title!r}", HEADS)
        body = self._below_heads(page, text, max(at, 0))
        if not (first and self.led):
            self._account(page, page.runs[: page.run_at(max(at, 0))], leading=folded(self.leading) if first else "")
        if self.printed.is_figure:
            return True
        # A row that goes on from the page before has begun there.
        next_one = self.row + (self.rest is not None)
        end = self._read_rows(page, body)
        self.begun |= dict.fromkeys(range(next_one, self.row + (self.rest is not None)), page.number - 1)
        self._account(page, page.runs[end:], self.feet)
        return True

    def _below_heads(self, page: Page, text: str, title: int) -> int:
        """The first run below the column heads."""
        if self.printed.is_figure:
            return len(page.runs)
        at = text.find(self.heads, title)
        for line in self.printed.lines:
            if folded(line) not in text[title : at if at >= 0 else len(text)]:
                self.say(page, f"lacks {line!r} below the title", HEADS)
        if at < 0:
            self.say(page, f"lacks the column heads {' | '.join(self.printed.heads)}", HEADS)
            return self._first_row(page)
        between = text[title:at].removeprefix(self.title).removeprefix(_CONTINUED)
        for line in self.lines:
            between = between.replace(line, "", 1)
        if between and title >= 0:
            self.say(page, f"prints {between!r} between title and column heads", HEADS)
        return page.run_at(at + len(self.heads))

    def _first_row(self, page: Page) -> int:
        """Where the next row begins on a page whose heads cannot be found."""
        for at in range(len(page.runs)):
            if self.row < len(self.rows) and self._take(page.runs, at, self.rows[self.row]) is not None:
                return at
        return len(page.runs)

    def _read_rows(self, page: Page, start: int) -> int:
        """Read rows from a run on; the run behind the last of them."""
        at = start
        while self.row < len(self.rows):
            wanted = self._wanted(first=at == start)
            end = self._take(page.runs, at, wanted)
            if end is not None:
                self.rest, at = None, end
                self.row += 1
                continue
            split = self._take_part(page.runs, at, wanted)
            if split is not None:
                self.rest, at = split
                return at
            found = self._resume(page.runs, at)
            if found is None:
                return at
            rows, runs = found
            printed = " | ".join(page.runs[at : at + runs])
            self._differs(page, rows, printed)
            self.row, self.rest, at = self.row + rows, None, at + runs
        return at

    def _wanted(self, *, first: bool) -> list[str]:
        """What the next row should print: all of it where it is the first of its page, or begins a block."""
        if self.rest is not None:
            return [*self.said_once[self.row], *self.rest]
        return self.rows[self.row] if first else self.later[self.row]

    def _differs(self, page: Page, rows: int, found: str) -> None:
        wanted = " / ".join(" | ".join(cell for cell in row if cell) for row in self.printed.rows[self.row : self.row + rows])
        said = f"prints {found!r}" if found else "leaves out a row"
        expected = f"the results say {wanted!r}" if wanted else "the results have no such row"
        self.say(page, f"{said}, {expected}", ROWS, self.printed.place(min(self.row, len(self.rows) - 1)))

    @staticmethod
    def _take(runs: Sequence[str], at: int, cells: Sequence[str]) -> int | None:
        """The run behind a row that stands at ``at``, each cell beginning and ending with a run."""
        for cell in cells:
            length, start, turned = 0, at, _RIGHT_TO_LEFT.search(cell)
            while length < len(cell):
                if at >= len(runs) or not (turned or cell.startswith(runs[at], length)):
                    return None
                length += len(runs[at])
                at += 1
            if turned and not _same_seen(cell, "".join(runs[start:at])):
                return None
        return at

    def _take_part(self, runs: Sequence[str], at: int, cells: Sequence[str]) -> tuple[list[str], int] | None:
        """A row that goes over the page: what is left of each cell, and the run behind it."""
        left, start = [], at
        for cell in cells:
            length = 0
            while at < len(runs) and length < len(cell) and cell.startswith(runs[at], length):
                length += len(runs[at])
                at += 1
            left.append(cell[length:])
        # A row is broken at the page's end only: below it stand notes and footer, no row.
        if at == start or not any(left) or self._resume(runs, at, self.row + 1) is not None:
            return None
        return [cell for cell in left if cell], at

    def _resume(self, runs: Sequence[str], at: int, row: int | None = None) -> tuple[int, int] | None:
        """How many rows and runs further on the page agrees with the results again."""
        first = self.row if row is None else row
        for rows in range(4):
            if first + rows >= len(self.rows):
                # The last row of all differs: it is as long as it should be, or the page ends with it.
                cells = len(self.later[-1]) if rows else 0
                return (rows, cells) if rows and row is None and at + cells <= len(runs) and self._looks_like(runs, at) else None
            for skipped in range(0 if rows else 1, _NEAR):
                if at + skipped < len(runs) and self._take(runs, at + skipped, self.later[first + rows]) is not None:
                    return rows, skipped
        return None

    def _looks_like(self, runs: Sequence[str], at: int) -> bool:
        """Whether something stands where the last row should, and it is not the notes."""
        return at < len(runs) and runs[at] not in self.feet and not any(told.startswith(runs[at]) for told in self.edges)

    def _characters(self, page: Page, text: str) -> None:
        for mark, said in ((NOT_DEFINED, "a character without a glyph"), (UNREADABLE, "a character that cannot be read back")):
            if mark in text:
                at = page.run_at(text.index(mark))
                self.say(page, f"prints {said} in {page.runs[at].replace(mark, '?')!r}", GLYPHS)

    def _account(self, page: Page, runs: Sequence[str], feet: str = "", leading: str = "") -> None:
        """Everything that is not a row stands at the page's edges, or is a part of the notes, or leads to other outputs."""
        # A page number is a run of its own.
        text = _PAGE_OF.sub("", "".join(_PAGE_OF.sub("\n", run) for run in runs))
        if leading not in text:
            self.say(page, f"lacks {self.leading!r} above its title", LINKS)
        text = text.replace(leading, "\n", 1) if leading else text
        for edge in self.edges:
            text = text.replace(edge, "\n")
        pieces = [left for left in text.split("\n") if left]
        strange = [left for left in pieces if left not in feet]
        # What is a part of the notes, and stands where the notes do not say it, is none of them.
        if not strange and "".join(pieces) not in feet:
            strange = pieces[-1:]
        for left in strange:
            self.say(page, f"prints {left!r}, which is no result", NUMBERS)

    def close(self, last: Page) -> list[Finding]:
        """What is left to say when the pages are over."""
        if not self.done:
            rows = len(self.rows) - self.row
            what = f"not printed: {rows} of {number_of(len(self.rows), 'row')}"
            self.say(last, what, ROWS, f"from {self.printed.place(self.row)} on")
        for note in (*self.printed.notes, self.printed.source):
            if folded(note) not in self.seen:
                self.say(last, f"lacks {note!r}", NOTES)
        return limited(self.findings)
