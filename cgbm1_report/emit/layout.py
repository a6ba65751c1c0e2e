"""What every paged format asks of a table: its columns of text, its heading rows, its widths, its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from cgbm1_report.emit.align import align_decimals, text_width
from cgbm1_report.emit.escape import clean, clean_all
from cgbm1_report.emit.widths import fit_widths
from cgbm1_report.table import EMPTY_TABLE, Output, Table

Align = Literal["left", "center", "right"]

FONT_SIZE_PT = 8.0
#: Points of a cell that are not text: the padding left and right.
CELL_PADDING_PT = 6.0

#: LibreOffice's time on one table grows with the square of its rows.
PART_ROWS = 250

#: A block of a summary table up to so many rows is not broken over two pages.
BLOCK_ROWS = 8

#: A page holds about 40 lines below its heads; more lines than these are not held together.
TALL_LINES = 25


@dataclass(frozen=True)
class Grid:
    """A table as clean strings, column by column, the stub first where there is one.

    ``shares`` are the columns' shares of the page and add up to 1. ``spanners`` is one list of
    ``(text, columns)`` over all columns, empty where no column has a spanner; a blank text spans
    columns without one. ``texts[column][row]`` are the cells, numbers already lined up. ``keep``
    marks the rows that stay on one page with the next; ``width_em`` is the width of each column's text in
    em of the table's font.
    """

    heads: tuple[str, ...]
    aligns: tuple[Align, ...]
    shares: tuple[float, ...]
    spanners: tuple[tuple[str, int], ...]
    texts: tuple[list[str], ...]
    indents: tuple[int, ...]
    keep: tuple[bool, ...]
    stub: bool
    width_em: tuple[float, ...]


def _declared_em(widths: Sequence[float], text_points: float) -> tuple[float, ...]:
    return tuple((width / sum(widths) * text_points - CELL_PADDING_PT) / FONT_SIZE_PT for width in widths)


def make_grid(table: Table) -> Grid:
    """A table as clean strings, ready for any paged format."""
    stub = table.stub_label is not None
    heads = [clean(column.heading) for column in table.columns]
    aligns: list[Align] = [column.align for column in table.columns]
    widths = [column.width for column in table.columns]
    spanners = [column.spanner for column in table.columns]
    if stub:
        heads, aligns = [clean(table.stub_label or ""), *heads], ["left", *aligns]
        widths, spanners = [table.stub_width, *widths], [None, *spanners]
    texts = cell_texts(table)
    width_em = _declared_em(widths, table.stamp.sheet.text_points)
    deepest = max((row.indent for row in table.rows), default=0) if stub else None
    width_em = fit_widths(width_em, heads, texts, [align != "left" for align in aligns], deepest)
    columns = zip(texts, aligns, width_em, strict=True)
    return Grid(
        heads=tuple(heads),
        aligns=tuple(aligns),
        shares=tuple((width * FONT_SIZE_PT + CELL_PADDING_PT) / table.stamp.sheet.text_points for width in width_em),
        spanners=_spanner_groups(spanners),
        texts=tuple(align_decimals(column, align, limit) for column, align, limit in columns),
        indents=tuple(row.indent for row in table.rows),
        keep=_kept_rows(table),
        stub=stub,
        width_em=width_em,
    )


def _kept_rows(table: Table) -> tuple[bool, ...]:
    """Whether a row stays on one page with the next: headings, and the rows of a small block.

    A block is also a row with the deeper rows below it. Of a larger one neither the first row nor the last
    stands alone.
    """
    kept = [row.head for row in table.rows]
    if table.kind == "table":
        bounds = [*sorted(set(table.blocks)), len(kept)]
        for start, end in [*pairwise(bounds), *_groups([row.indent for row in table.rows])]:
            if end - start <= BLOCK_ROWS:
                kept[start : end - 1] = [True] * (end - start - 1)
            elif table.rows[end - 1].indent > table.rows[start].indent:
                kept[start] = kept[end - 2] = True
    return tuple(kept)


def _groups(indents: Sequence[int]) -> list[tuple[int, int]]:
    """Half-open ranges of a row and the deeper rows below it, where there are any."""
    found: list[tuple[int, int]] = []
    open_rows: list[int] = []
    for at, indent in enumerate([*indents, -1]):
        while open_rows and indents[open_rows[-1]] >= indent:
            start = open_rows.pop()
            if at - start > 1:
                found.append((start, at))
        open_rows.append(at)
    return found


def cell_texts(table: Table) -> list[list[str]]:
    """Clean text of every cell, column by column, the stub first where there is one."""
    columns = [[row.label for row in table.rows]] if table.stub_label is not None else []
    cells = [row.cells for row in table.rows]
    columns += [[cell.get(column.key, "") for cell in cells] for column in table.columns]
    return [clean_all(column) for column in columns]


def _spanner_groups(spanners: list[str | None]) -> tuple[tuple[str, int], ...]:
    if not any(spanners):
        return ()
    return tuple((clean(text or ""), len(list(group))) for text, group in groupby(spanners))


def parts(table: Table, limit: int = PART_ROWS) -> list[tuple[int, int]]:
    """Where a long table is broken: half-open ranges of rows of at most ``limit`` rows.

    A part ends where a block of the table ends; a block longer than ``limit`` is broken inside,
    but never between a heading row and the row it heads.
    """
    total, found, start = len(table.rows), [], 0
    # A heading may be a block of its own, over smaller ones.
    starts = sorted(block for block in set(table.blocks) if not block or not table.rows[block - 1].head)
    while total - start > limit:
        end = max((b for b in starts if start < b <= start + limit), default=0)
        if not end:
            end = start + limit
            while end > start + 1 and table.rows[end - 1].head:
                end -= 1
        found.append((start, end))
        start = end
    return [*found, (start, total)]


def keeps_end(row: int, end: int, *, last: bool) -> bool:
    """Whether a row stays with the next because a part ends there.

    No page holds one lonely row, and none holds the notes alone.
    """
    return row >= end - 4 and (last or row < end - 1)


def heading(output: Output) -> str:
    """Number and title on one line, as in the table of contents."""
    return clean(f"{output.label} {output.title}").replace("\n", " ")


def subheadings(output: Output) -> list[str]:
    """Lines under the title: subtitle and population, those that are given."""
    return [clean(text) for text in (output.subtitle, output.population) if text]


def notes(output: Output) -> list[str]:
    """Lines under the output: its footnotes, then its source and the program."""
    return [text for text in (*(clean(note) for note in output.footnotes), source_line(output)) if text]


def source_line(output: Output) -> str:
    """Data and program an output comes from."""
    told = [f"Source: {output.source}"] if output.source else []
    told += [f"Program: {output.stamp.program}"] if output.stamp.program else []
    return clean("; ".join(told))


def stamp_line(output: Output) -> str:
    """What stands on every page besides the output, on one line for formats without pages."""
    stamp = output.stamp
    told = (f"Protocol {stamp.protocol}", stamp.mark, f"Data cut-off: {stamp.cutoff}", stamp.produced_note)
    return clean(" | ".join(text for text in told if text))


def row_lines(grid: Grid, row: int) -> int:
    """Lines a row takes, estimated from above: text wraps at spaces and leaves some of a line blank."""
    return max(
        sum(1 + int(1.15 * text_width(line) / max(width, 1.0)) for line in texts[row].split("\n"))
        for texts, width in zip(grid.texts, grid.width_em, strict=True)
    )


def is_tall(grid: Grid, row: int) -> bool:
    """Whether a row may be higher than a page and so must be allowed to break.

    A row that may not break and does not fit is cut off at the page's end without an error.
    """
    return any(len(texts[row]) > 100 for texts in grid.texts) and row_lines(grid, row) > TALL_LINES


def empty_text() -> str:
    """What a table without rows prints."""
    return EMPTY_TABLE
