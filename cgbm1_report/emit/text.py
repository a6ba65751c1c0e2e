"""Table and Figure as plain text in a fixed pitch, for terminals and for snapshots."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from textwrap import wrap

from cgbm1_report.emit.align import split_number
from cgbm1_report.emit.escape import clean
from cgbm1_report.emit.layout import (
    abbreviation_line,
    begins,
    cell_texts,
    empty_text,
    heading,
    link_line,
    parts,
    said_once,
    stamp_line,
    subheadings,
)
from cgbm1_report.emit.pages import say_once
from cgbm1_report.rows import read_key, tell_key
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Figure, Output, Table

#: A cell is wrapped at so many columns; the stub may be wider.
_CELL_WIDTH, _STUB_WIDTH, _GAP = 28, 56, 2
#: Words of a cell longer than so many columns are broken where there is little room.
_LONG_WORD = 20
#: Sentences in less than so many columns are not read.
_PROSE_WIDTH = 24
#: Where a table is wider than the room it is told in pieces: so many rows, their first columns, their next ones, then further rows.
_PIECE_ROWS = 30


def emit_text(output: Output, room: int | None = None) -> str:
    """One output as text: title, population, column heads, rows, footnotes, source, and on the last line what every page says.

    Columns line up in a terminal that shows Chinese, Japanese and Korean characters two columns
    wide. A figure prints its title, what it shows in words, and the numbers behind it.

    Parameters
    ----------
    room
        Columns the reader has. What is wider is wrapped; a table is told in pieces that fit, each with its first column.
    """
    body = _figure_lines(output) if isinstance(output, Figure) else _table_lines(output, room)
    source = clean(f"Source: {output.source}") if output.source else ""
    foot = [*(clean(note) for note in output.footnotes), abbreviation_line(output), source, link_line(output), stamp_line(output)]
    head, told = [heading(output), *subheadings(output), ""], [line for line in foot if line]
    if room:
        head, told = _wrapped(head, room), _wrapped(told, room)
        body = _wrapped(body, room) if isinstance(output, Figure) else body
    return "\n".join(line.rstrip() for text in (*head, *body, *told) for line in (text.split("\n") if text else [""])) + "\n"


def _wrapped(lines: Sequence[str], room: int) -> list[str]:
    """Lines no wider than the room; what goes on in the next line steps back."""
    found: list[str] = []
    for line in (one for text in lines for one in text.split("\n")):
        first, *more = _wrap(line, room) if display_width(line) > room else [line]
        rest = _wrap(" ".join(more), room - 2) if more else []
        found += [first, *(f"  {one}" for one in rest)]
    return found


def display_width(text: str) -> int:
    """Columns a text takes in a terminal: wide characters two, combining and format ones none."""
    if text.isascii():
        return len(text)
    width = 0
    for char in text:
        if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn"):
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def _lines_of(text: str, width: int, indent: int = 0) -> list[str]:
    """A cell's lines, none wider than ``width`` columns; a long word is broken."""
    if display_width(text) + indent <= width and "\n" not in text:
        return [" " * indent + text]
    found = []
    for line in text.split("\n"):
        lead = " " * (len(line) - len(line.lstrip()))
        found += [lead + piece for piece in _wrap(line.lstrip(), width - indent - len(lead))] or [""]
    return [" " * indent + line for line in found]


def _wrap(text: str, width: int) -> list[str]:
    if display_width(text) == len(text):
        return wrap(text, max(width, 8), break_on_hyphens=False)
    lines, line = [], ""
    # Chinese has no spaces: lines break between any two wide characters, else at spaces.
    for word in _units(text):
        if line and display_width(line + word) > width:
            lines.append(line.strip())
            line = ""
        line += word
        while display_width(line) > width and len(line) > 1:
            cut = max(1, next((at for at in range(len(line), 0, -1) if display_width(line[:at]) <= width), 1))
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.strip()] if line.strip() else lines


def _units(text: str) -> list[str]:
    """Pieces a line may be broken between."""
    units, piece = [], ""
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            units += [piece, char] if piece else [char]
            piece = ""
        else:
            piece += char
            if char == " ":
                units.append(piece)
                piece = ""
    return [*units, piece] if piece else units


def _pad(text: str, width: int, align: str) -> str:
    room = max(width - display_width(text), 0)
    left = 0 if align == "left" else room if align == "right" else room // 2
    return " " * left + text + " " * (room - left)


def _line_up(texts: list[str], align: str) -> list[str]:
    """Numbers of a column padded with spaces until their units digits stand under each other."""
    halves = {text: half for text in set(texts) if align != "left" and (half := split_number(text))}
    if not halves:
        return texts
    before = max(len(left) for left, _ in halves.values())
    after = max(len(right) for _, right in halves.values())
    lined = {text: left.rjust(before) + right.ljust(after) for text, (left, right) in halves.items()}
    return [lined.get(text, text) for text in texts]


@dataclass(frozen=True)
class _Texts:
    """A column as text: its head, its cells, numbers lined up, and the columns of the terminal it may take."""

    head: str
    align: str
    spanner: str
    texts: Sequence[str]
    indents: Sequence[int]
    cap: int

    @cached_property
    def natural(self) -> int:
        """The width it takes up to its cap."""
        return max([display_width(line) for lines in (self.head_lines, *self.cells) for line in lines], default=0)

    @cached_property
    def is_prose(self) -> bool:
        """Whether it says sentences, which go over several lines even where it has all the width it may take."""
        return self.align == "left" and any(len(lines) > 1 for lines in self.cells)

    @property
    def label(self) -> str:
        """Its head on one line, with what spans it."""
        return " ".join(f"{self.spanner} {self.head}".split())

    @cached_property
    def least(self) -> int:
        """The width below which numbers, or words that are not long, would be broken."""
        told = [self.head, *self.texts] if self.align == "left" else [self.head]
        words = max((display_width(word) for text in set(told) for word in text.split()), default=1)
        cells = 1 if self.align == "left" else max(map(display_width, self.texts), default=1)
        return min(self.natural, max(min(words, _LONG_WORD) + max(self.indents, default=0), cells))

    @cached_property
    def head_lines(self) -> list[str]:
        return _lines_of(self.head, self.cap)

    @cached_property
    def cells(self) -> list[list[str]]:
        return [_lines_of(text, self.cap, indent) for text, indent in zip(self.texts, self.indents, strict=True)]

    def narrowed(self, cap: int) -> _Texts:
        return replace(self, cap=cap)

    def cut(self, start: int, end: int) -> _Texts:
        return replace(self, texts=self.texts[start:end], indents=self.indents[start:end])


def _columns(table: Table) -> list[_Texts]:
    stub = table.stub_label is not None
    heads = [clean(table.stub_label or "")] * stub + [clean(column.heading) for column in table.columns]
    aligns = ["left"] * stub + [column.align for column in table.columns]
    spanners = [""] * stub + [clean(column.spanner or "").replace("\n", " ") for column in table.columns]
    caps = [_STUB_WIDTH] * stub + [_CELL_WIDTH] * len(table.columns)
    texts = [_line_up(list(column), align) for column, align in zip(cell_texts(table), aligns, strict=True)]
    deep, flat = [2 * row.indent for row in table.rows], [0] * len(table.rows)
    indents = [deep] * stub + [flat] * len(table.columns)
    return [_Texts(*told) for told in zip(heads, aligns, spanners, texts, indents, caps, strict=True)]


def _table_lines(table: Table, room: int | None) -> list[str]:
    columns, once = _columns(table), said_once(table)
    starts = begins([column.texts for column in columns], once)

    def piece(chosen: Sequence[tuple[int, int]], start: int, end: int) -> list[str]:
        said = say_once([columns[at].texts for at, _ in chosen], [once[at] for at, _ in chosen], starts, start, end)
        shown = [columns[at].cut(start, end).narrowed(cap) for at, cap in chosen]
        return _piece_lines([replace(column, texts=texts) for column, texts in zip(shown, said, strict=True)], room)

    panels = _panels(columns, room) if room else []
    if room and any(once) and _is_narrow(columns, panels) and (told := _told_below(columns, once, starts, room)):
        return told
    if len(panels) < 2:
        caps = panels[0] if panels else [(at, column.cap) for at, column in enumerate(columns)]
        return piece(caps, 0, len(table.rows))
    ranges = parts(table, _PIECE_ROWS)
    lines = [["", *piece(panel, start, end)] for start, end in ranges for panel in panels]
    return [line for told in lines for line in told][1:]


def _is_narrow(columns: Sequence[_Texts], panels: Sequence[Sequence[tuple[int, int]]]) -> bool:
    """Whether a table is told in pieces, or sentences of it go over more lines than anybody reads."""
    return len(panels) > 1 or any(columns[at].is_prose and cap < _PROSE_WIDTH for at, cap in panels[0])


def _told_below(columns: Sequence[_Texts], once: Sequence[bool], starts: Sequence[bool], room: int) -> list[str]:
    """A listing in a narrow room: what is said once heads its rows, and sentences that have no room stand below, by their heads.

    Nothing where the other columns do not fit side by side even so: then they are told in pieces.
    """
    lead = [column for column, own in zip(columns, once, strict=True) if own]
    beside, below = [column for column, own in zip(columns, once, strict=True) if not own], list[_Texts]()
    while (fitting := _fit(beside, room)) is None or _is_narrow(beside, [list(enumerate(fitting))]):
        prose = [column for column in beside if column.is_prose]
        if not prose or len(beside) == 1:
            return []
        beside.remove(prose[-1])
        below.insert(0, prose[-1])
    shown = [column.narrowed(cap) for column, cap in zip(beside, _widened(beside, fitting, room), strict=True)]
    widths, aligns = [column.natural for column in shown], [column.align for column in shown]
    rule = "-" * (room if below else sum(widths) + _GAP * (len(widths) - 1))
    lines = [rule, *_spanner_lines([one.spanner for one in shown], widths, room)]
    lines += [*_print_row(_bottom([one.head_lines for one in shown]), widths, aligns), rule]
    # What stood left of the row is told above it.
    above = [column for column in below if columns.index(column) < columns.index(beside[0])]
    for at, row in enumerate(zip(*(column.cells for column in shown), strict=True)):
        if starts[at]:
            said = "; ".join(f"{column.label}: {column.texts[at]}" for column in lead if column.texts[at])
            lines += ["", *_wrapped([said], room)] if at else _wrapped([said], room)
        lines += _labelled(above, at, room)
        lines += _print_row(list(row), widths, aligns)
        lines += [f"  {line}" for line in _labelled([column for column in below if column not in above], at, room - 2)]
    return [*lines, rule]


def _labelled(columns: Sequence[_Texts], at: int, room: int) -> list[str]:
    """Cells of a row as lines with their heads; empty ones say nothing."""
    return _wrapped([f"{column.label}: {column.texts[at]}" for column in columns if column.texts[at]], room)


def _widened(columns: Sequence[_Texts], caps: Sequence[int], room: int) -> list[int]:
    """Widths of columns, the widest sentences with what the others leave of the room."""
    prose = [at for at, column in enumerate(columns) if column.is_prose]
    if not prose:
        return list(caps)
    widest = max(prose, key=lambda at: max(map(display_width, columns[at].texts), default=0))
    left = room - _GAP * (len(columns) - 1) - sum(columns[at].narrowed(cap).natural for at, cap in enumerate(caps) if at != widest)
    return [max(cap, left) if at == widest else cap for at, cap in enumerate(caps)]


def _panels(columns: list[_Texts], room: int) -> list[list[tuple[int, int]]]:
    """Which columns stand side by side, each with its width; the first column stands in every panel."""
    panels: list[list[int]] = [[0]]
    for at in range(1, len(columns)):
        if len(panels[-1]) > 1 and not _fit([columns[one] for one in (*panels[-1], at)], room):
            panels.append([0])
        panels[-1].append(at)
    found = []
    for chosen in panels:
        own = [columns[at] for at in chosen]
        # One column that does not fit beside the first: both are broken.
        found.append(list(zip(chosen, _fit(own, room) or [room // len(own) - _GAP] * len(own), strict=True)))
    return found


def _fit(columns: Sequence[_Texts], room: int) -> list[int] | None:
    """What columns may take where they fit side by side; None where they do not."""
    if sum(column.natural for column in columns) + _GAP * (len(columns) - 1) <= room:
        return [column.cap for column in columns]
    free = room - _GAP * (len(columns) - 1) - sum(column.least for column in columns)
    if free < 0:
        return None
    wanted = [column.natural - column.least for column in columns]
    share = free / sum(wanted)
    return [column.least + int(want * share) for column, want in zip(columns, wanted, strict=True)]


def _piece_lines(columns: Sequence[_Texts], room: int | None) -> list[str]:
    aligns = [column.align for column in columns]
    widths = [column.natural for column in columns]
    over = _spanner_lines([column.spanner for column in columns], widths, room)
    total = sum(widths) + _GAP * (len(widths) - 1)
    rule = "-" * total
    body = [
        line for row in zip(*(column.cells for column in columns), strict=True) for line in _print_row(list(row), widths, aligns)
    ]
    heads = _bottom([column.head_lines for column in columns])
    return [rule, *over, *_print_row(heads, widths, aligns), rule, *(body or [_pad(empty_text(), total, "center")]), rule]


def _bottom(cells: list[list[str]]) -> list[list[str]]:
    """Heads stand on the rule: shorter ones get blank lines above."""
    height = max((len(lines) for lines in cells), default=0)
    return [[""] * (height - len(lines)) + lines for lines in cells]


def _print_row(cells: list[list[str]], widths: list[int], aligns: list[str]) -> list[str]:
    height = max((len(lines) for lines in cells), default=1)
    filled = [lines + [""] * (height - len(lines)) for lines in cells]
    return [
        (" " * _GAP).join(_pad(lines[at], width, align) for lines, width, align in zip(filled, widths, aligns, strict=True))
        for at in range(height)
    ]


def _spanner_lines(spanners: Sequence[str], widths: list[int], room: int | None) -> list[str]:
    """Spanner headings and their rules: where one is wider a column is widened or, in a room, the spanner broken."""
    if not any(spanners):
        return []
    groups = [(text, [at for at, _ in own]) for text, own in groupby(enumerate(spanners), lambda told: told[1])]
    tops, rules = [], []
    for text, columns in groups:
        wide = sum(widths[at] for at in columns) + _GAP * (len(columns) - 1)
        if room is None:
            widths[columns[-1]] += max(display_width(text) - wide, 0)
            wide = max(wide, display_width(text))
        tops.append((_lines_of(text, wide), wide))
        rules.append(("-" if text else " ") * wide)
    lines = _bottom([lines for lines, _ in tops])
    return [*_print_row(lines, [wide for _, wide in tops], ["center"] * len(tops)), (" " * _GAP).join(rules)]


def _figure_lines(figure: Figure) -> list[str]:
    lines = [clean(figure.alt), ""]
    for row, column, name, value in zip(*(figure.ard[name] for name in ("row", "column", "stat_name", "stat")), strict=True):
        told = " | ".join(clean(part) for part in (tell_key(read_key(row)), column, name) if part)
        lines.append(f"{told}: {NOT_ESTIMABLE if value != value else format(value, '.6g')}")
    return [*lines, ""] if len(lines) > 2 else lines
