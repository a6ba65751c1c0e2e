"""What Word and LibreOffice leave to the writer: where a cell's lines break at numbers, and RTF's pages.

Both break a line behind any hyphen, so a cell that does not fit its column printed ``(-`` and ``9)``, or a
date in two halves. And LibreOffice does not repeat the heading rows of an RTF table, so a page must begin
with rows that head it: RTF is broken into pages here, as high as the rows are in Arial or a font as wide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.escape import clean
from cgbm1_report.emit.layout import Grid, heading, notes, subheadings
from cgbm1_report.paper import BOTTOM, EDGE, TOP, TWIPS_PER_POINT
from cgbm1_report.tabulate.table import Table

_Made = TypeVar("_Made")

#: Indent of a row's label per level, and how much deeper its second line begins, in em.
INDENT_EM, HANG_EM = 1.0, 1.5
#: Height of one line in em; a font that has Chinese needs more.
_LINE, _TALL_LINE = 1.15, 1.5
#: A line is taken for full when so little of it is left: programs round widths.
_TOLERANCE_EM = 0.1
#: Bold letters are wider by up to so much.
_BOLD = 1.12
#: Left free on a page, in twips: a row and a half.
_SLACK = 330
#: Thin space above a block, in twips.
_BLOCK = 90.0
#: Rows that stay with the notes: no page holds the notes alone.
_WITH_NOTES = 4
_SPLIT = re.compile(r"-(?=\d)")
#: Where a line may end: behind a blank, and behind the hyphen of a word; but what closes something, and a slash,
#: begins no line (Unicode's rule LB13).
_BLANK = re.compile(r" (?![/!)\]},;:.])")
_PIECES = re.compile(r"(?<= )(?![/!)\]},;:.])|(?<=-)(?=[^\W\d])")
_TALL = re.compile("[\u0590-\u1dff\u2e80-\ud7ff\uf900-\ufdff\ufe30-\uffef\U00010000-\U0010ffff]")


def hold_numbers(grid: Grid) -> tuple[list[str], ...]:
    """The texts of every column, with a line feed where otherwise a number or a date would be broken at its hyphen.

    The blank before the line feed stays: the text is the same but for white space.
    """
    return tuple(_per_text(grid, at, hold_text) for at in range(len(grid.texts)))


def _per_text(grid: Grid, at: int, change: Callable[[str, float, float], _Made]) -> list[_Made]:
    """``change`` of each text of a column and the widths of its first and its later lines, once per different text."""
    texts, width = grid.texts[at], grid.width_em[at]
    if at or not grid.stub:
        made = {text: change(text, width, width) for text in set(texts)}
        return [made[text] for text in texts]
    keys = list(zip(texts, grid.indents, strict=True))
    told = {
        (text, indent): change(text, width - INDENT_EM * indent, width - INDENT_EM * indent - HANG_EM) for text, indent in set(keys)
    }
    return [told[key] for key in keys]


def hold_text(text: str, first: float, later: float) -> str:
    """A text with a line feed where otherwise a number or a date would be broken at its hyphen; widths are in em."""
    if "-" not in text or not _SPLIT.search(text) or text_width(text) <= first - _TOLERANCE_EM:
        return text
    lines, room = [], first
    for line in text.split("\n"):
        made, at = "", 0.0
        for word in _PIECES.split(line):
            wide = text_width(word.rstrip(" "))
            if at and at + wide > room - _TOLERANCE_EM:
                made += "\n" if _SPLIT.search(word) else ""
                at, room = 0.0, later
            made, at = made + word, at + text_width(word)
        lines.append(made)
        room = later
    return "\n".join(lines)


def count_lines(text: str, first: float, later: float) -> int:
    """Lines a text takes in a column, its first line and its later ones so many em wide; rather one too many."""
    if len(text) <= first - _TOLERANCE_EM and "\n" not in text:
        return 1
    total, room = 0, first
    for line in text.split("\n"):
        total, at = total + 1, 0.0
        for word in _BLANK.split(line):
            wide = text_width(word)
            if at and at + 0.278 + wide > room - _TOLERANCE_EM:
                total, at, room = total + 1, 0.0, later
            if wide > room - _TOLERANCE_EM:
                more = math.ceil(wide / max(room - _TOLERANCE_EM, 1.0)) - 1
                total, wide, room = total + more, wide / (more + 1), later
            at += wide + (0.278 if at else 0.0)
        room = later
    return total


def _cell_height(points: float, between: float, text: str, first: float, later: float) -> float:
    line = _TALL_LINE if not text.isascii() and _TALL.search(text) else _LINE
    return count_lines(text, first, later) * line * points * TWIPS_PER_POINT + between


def say_once(
    texts: Sequence[Sequence[str]], once: Sequence[bool], begins: Sequence[bool], start: int, end: int
) -> list[Sequence[str]]:
    """The texts of a page's rows, column by column, blank where a value is not said again."""
    seen = [at == start or begins[at] for at in range(start, end)]
    return [
        [text if told else "" for text, told in zip(column[start:end], seen, strict=True)] if own else column[start:end]
        for column, own in zip(texts, once, strict=True)
    ]


def row_heights(grid: Grid, points: float, between: float) -> list[float]:
    """Height of every row in twips, ``between`` of it above and below its text."""

    def height(text: str, first: float, later: float) -> float:
        return _cell_height(points, between, text, first, later)

    heights = [max(cells) for cells in zip(*(_per_text(grid, at, height) for at in range(len(grid.texts))), strict=True)]
    return [high + (_BLOCK if spaced else 0.0) for high, spaced in zip(heights, grid.spaced, strict=True)]


def _stacked(texts: Sequence[str], wide_points: float, points: float, between: float, *, bold: bool = False) -> float:
    """Height of paragraphs that stand under each other, in twips."""
    width = wide_points / points / (_BOLD if bold else 1.0)
    return sum(_cell_height(points, between, text, width, width) for text in texts)


def page_parts(table: Table, grid: Grid, between: tuple[float, float], points: tuple[float, float, float]) -> list[tuple[int, int]]:
    """Where RTF begins a page: half-open ranges of rows, each with its heads a page or less.

    Parameters
    ----------
    between
        Twips above and below a row's text, and a head's.
    points
        Sizes of title, lines below it, and notes.
    """
    (title, subtitle, note), text = points, grid.size
    sheet = table.stamp.sheet
    wide = grid.width * sheet.text_points
    above = _stacked([heading(table)], sheet.text_points, title, 240, bold=True)
    above += _stacked(subheadings(table), sheet.text_points, subtitle, 40) + _LINE * text * TWIPS_PER_POINT
    heads = max(
        _cell_height(text, between[1], head, width / _BOLD, width / _BOLD)
        for head, width in zip(grid.heads, grid.width_em, strict=True)
    )
    if grid.spanners:
        heads += max(_stacked([clean(words)], wide / 2, text, between[1]) for words, _ in grid.spanners)
    room = sheet.short - BOTTOM - max(TOP, EDGE + above) - heads - _SLACK
    foot = _stacked(notes(table), wide, note, 20)
    return fill_pages(row_heights(grid, text, between[0]), grid.keep, room, foot)


def fill_pages(heights: Sequence[float], keep: Sequence[bool], room: float, foot: float) -> list[tuple[int, int]]:
    """Rows filled into pages: ``keep`` marks those that stay with the next; the foot stands under the last ones.

    Rows held together that no page can hold are broken where the page is full.
    """
    # Notes so long that they leave no room for these rows stand with the last one.
    held = _WITH_NOTES if sum(heights[-_WITH_NOTES:]) + foot <= room else 1
    found: list[tuple[int, int]] = []
    total, start = len(heights), 0
    while True:
        end, used = start, 0.0
        while end < total and (used + heights[end] <= room or end == start):
            used += heights[end]
            end += 1
        if end == total and (used + foot <= room or total - start < 2):
            return [*found, (start, total)]
        full = min(end, total - 1)
        end = full
        while end > start and (keep[end - 1] or end > total - held):
            end -= 1
        end = end if end > start else full
        found.append((start, end))
        start = end
