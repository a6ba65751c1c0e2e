"""Table and Figure as typst: calls of the functions in ``templates/output.typ``.

All text is a typst string literal, never markup or code. The caller brings the functions into
scope (an import, or the file's text in front) and sets the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.escape import anchor, clean, escape_typst, map_texts
from cgbm1_report.emit.layout import (
    Grid,
    empty_text,
    heading,
    is_tall,
    keeps_end,
    linked,
    make_grid,
    most_lines,
    notes,
    notes_go_on,
    parts,
    points_left,
    refuse_tall_heads,
    row_lines,
    subheadings,
)
from cgbm1_report.emit.marks import barred, marks
from cgbm1_report.emit.pages import count_lines
from cgbm1_report.emit.pictures import largest_inches, picture_inches
from cgbm1_report.tabulate.table import Figure, Output, Table

#: Marks where a word may be broken; see ``soft`` in output.typ.
_SOFT = "\u200b"
_JOINT = re.compile(r"(?<=[-/_.,;:|+)\]}&=])")


def emit_typst(output: Output) -> str:
    """One output as a typst fragment that starts on a new page.

    The title, the column heads, the footnotes and the source are on every page; the title is in
    the outline, the bookmarks and the tags once. A figure is embedded as SVG, as vectors.
    """
    if isinstance(output, Figure):
        return _figure(output)
    return emit_typst_parts(output, max(len(output.rows), 1))[0]


def emit_typst_parts(table: Table, limit: int) -> list[str]:
    """A long table as fragments of at most ``limit`` rows, broken where its blocks end.

    Only the first carries the heading for outline and bookmarks; each starts on a new page.
    Columns and numbers line up over all of them: typst needs about 150 KB a row, so a long
    listing is compiled in volumes, which are joined.
    """
    grid = make_grid(table)
    refuse_tall_heads(table, grid)
    texts = [map_texts(_breakable(column, width), escape_typst) for column, width in zip(grid.texts, grid.width_em, strict=True)]
    return [_table(table, grid, texts, start, end) for start, end in parts(table, limit)]


def _text(text: str) -> str:
    return f'"{escape_typst(text)}"'


def _array(items: list[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _breakable(texts: list[str], width: float) -> list[str]:
    """Texts whose words fit their column: longer words get U+200B, first behind punctuation.

    Typst prints a word that does not fit over its neighbours.
    """

    def break_word(match: re.Match[str]) -> str:
        if text_width(match[0]) <= width:
            return match[0]
        pieces = _JOINT.split(match[0])
        return _SOFT.join(piece if text_width(piece) <= width else _SOFT.join(piece) for piece in pieces)

    # No character is wider than an em, so a word of fewer fits.
    least = max(int(width), 1)
    long = re.compile(rf"[^\s{_SOFT}]{{{least},}}")
    mended = {text: long.sub(break_word, text) for text in set(texts) if len(text) >= least}
    return [mended.get(text, text) for text in texts]


def _keeps(grid: Grid, start: int, end: int, most: int) -> list[int]:
    """For each row: how many rows below must share its page; -1 where a row above already says so."""
    found = [0] * (end - start)
    if not any(grid.keep[start:end]):
        return found
    at = start
    while at < end:
        below, lines = at, row_lines(grid, at)
        while below < end - 1 and (grid.keep[below] or keeps_end(below, end, last=False)):
            lines += row_lines(grid, below + 1)
            # Rows held together that do not fit a page are cut off at its end without an error.
            if lines > most:
                break
            below += 1
        found[at - start] = below - at
        found[at - start + 1 : below - start + 1] = [-1] * (below - at)
        at = below + 1
    return found


def _needs_room(grid: Grid, start: int, end: int) -> list[bool]:
    """The rows that may be lower than what their block says once, which their own cells do not make them.

    What is said once goes on beside the rows below: only the first row of a block, which may be the last of its page, and the
    last, which may be the first of one, must hold it alone.
    """

    def most(text: str, width: float) -> int:
        return count_lines(text, width, width)

    def least(text: str, width: float) -> int:
        # So many at least, also in letters that are narrower than they are taken for.
        return sum(max(1, math.ceil(0.95 * text_width(line) / width)) for line in text.split("\n"))

    def tallest(count: Callable[[str, float], int], once: bool) -> list[int]:
        columns = []
        for at, own in enumerate(grid.once):
            if own == once:
                texts = grid.texts[at][start:end]
                lines = {text: count(text, grid.width_em[at]) for text in set(texts)}
                columns.append([lines[text] for text in texts])
        return [max(row) for row in zip(*columns, strict=True)] or [1] * (end - start)

    begins = (*grid.begins[start:end], True)
    edge = [at == 0 or begins[at] or begins[at + 1] for at in range(end - start)]
    high = zip(tallest(most, True), tallest(least, False), edge, strict=True)
    return [said > own and alone for said, own, alone in high]


def _rows(grid: Grid, texts: list[list[str]], start: int, end: int, most: int, table: Table) -> str:
    keeps, lines = _keeps(grid, start, end, most), []
    named, bars = marks(table), barred(table)
    # What heads a block repeats on each page: a space above would repeat with it.
    once, spaced = any(grid.once), (*grid.spaced, False)
    room = _needs_room(grid, start, end) if once else []
    for at, (cells, keep) in enumerate(zip(zip(*(column[start:end] for column in texts), strict=True), keeps, strict=True), start):
        long = 2 if is_tall(grid, at, most) else int(any(_SOFT in cell for cell in cells))
        look = (
            2 * grid.bold[at]
            + (4 * grid.begins[at] + 8 * spaced[at + 1] + 16 * room[at - start] if once else spaced[at])
            + 32 * (at in bars)
        )
        mark = f", {_text(named[at][1])}" if at in named else ""
        lines.append(f'({grid.indents[at]}, {keep}, {long}, {look}, "' + '", "'.join(cells) + f'"{mark}),\n')
    return "".join(lines)


def _table(table: Table, grid: Grid, texts: list[list[str]], start: int, end: int) -> str:
    # Heads are bold: a tenth wider.
    heads = [_breakable([head], width / 1.1)[0] for head, width in zip(grid.heads, grid.width_em, strict=True)]
    spanners = [f"({span}, {_text(text)})" for text, span in grid.spanners]
    return (
        f"#output-table(name: {_text(anchor(table.number))}, title: {_text(heading(table))},"
        f" lines: {_array([_text(line) for line in subheadings(table)])},\n"
        f"heads: {_array([_text(head) for head in heads])}, aligns: {_array([_text(align) for align in grid.aligns])},"
        f" shares: {_array([f'{share:.6f}' for share in grid.shares])},\n"
        f"width: {grid.width:.6f}, size: {grid.size}pt, spanners: {_array(spanners)},\n"
        f"stub: {str(grid.stub).lower()},{_once(grid)} guarded: {str(any(grid.keep[start:end])).lower()},"
        f" empty: {_text(empty_text())}, kind: {_text(table.label.partition(' ')[0])},"
        f" first: {str(start == 0).lower()}, last: {str(end == len(table.rows)).lower()},\n"
        f"notes: {_array([_text(note) for note in notes(table)])},{_go_on(notes_go_on(table, grid))}{_links(table)}\n"
        f"rows: (\n{_rows(grid, texts, start, end, most_lines(table, grid), table)}))\n"
    )


def _once(grid: Grid) -> str:
    places = [str(at) for at, once in enumerate(grid.once) if once]
    return f" once: {_array(places)}," if places else ""


def _links(output: Output) -> str:
    pieces = [f"({_text(text)}, {_text(name)})" for text, name in linked(output)]
    return f" links: {_array(pieces)}," if pieces else ""


def _go_on(far: bool) -> str:
    return " notes-go-on: true," if far else ""


def _figure(figure: Figure) -> str:
    refuse_tall_heads(figure)
    # Notes that are paragraphs stay on the page of the picture where it can be so small.
    width, height = picture_inches(figure) if notes_go_on(figure) else largest_inches(figure)
    # A title of many lines makes the picture smaller: what stands on a page that is full is cut off.
    scale = min(1.0, points_left(figure) / (72 * height))
    width, height = width * scale, height * scale
    return (
        f"#output-figure(name: {_text(anchor(figure.number))}, title: {_text(heading(figure))},"
        f" lines: {_array([_text(line) for line in subheadings(figure)])},\n"
        f"kind: {_text(figure.label.partition(' ')[0])}, alt: {_text(clean(figure.alt))},"
        f" width: {width:.3f}in, height: {height:.3f}in,\n"
        f"notes: {_array([_text(note) for note in notes(figure)])},{_go_on(notes_go_on(figure))}{_links(figure)}\n"
        f"svg: {_text(figure.svg)})\n"
    )
