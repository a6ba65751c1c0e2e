"""What every paged format asks of a table: its columns of text, its heading rows, its widths, its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Literal

from cgbm1_report.emit.align import align_decimals, text_width
from cgbm1_report.emit.escape import anchor, clean, clean_all
from cgbm1_report.emit.widths import Fitted, fit_widths, label_widths
from cgbm1_report.errors import PlanError
from cgbm1_report.tabulate.called import tell_abbreviations, tell_links, tell_source
from cgbm1_report.tabulate.table import EMPTY_TABLE, Figure, Output, Table

Align = Literal["left", "center", "right"]

#: Points of the text of a table, and of a listing, whose many columns hold words and dates.
TABLE_PT, LISTING_PT = 9.0, 8.0
#: Points of a cell that are not text: the padding left and right.
CELL_PADDING_PT = 6.0

#: LibreOffice's time on one table grows with the square of its rows.
PART_ROWS = 250
#: A block of a summary table up to so many rows is not broken over two pages.
BLOCK_ROWS = 10

#: A page holds about 40 lines below usual heads; more lines than these are not held together.
TALL_LINES = 25

#: Points that a line takes: of a cell, of a title, of the lines below it, of a note; and what is between them.
_LINE_PT, _TITLE_PT, _SUBTITLE_PT, _NOTE_PT, _GAPS_PT = 10.6, 12.5, 11.0, 9.8, 36.0
_NOTE_SIZE_PT, _TITLE_SIZE_PT = 8.5, 10.0
#: Points between paragraphs of words, and around a picture.
_PARAGRAPH_PT, _PICTURE_PT = 1.5, 10.0
#: Tables of so few columns are as wide as they need, but at least this share of the sheet: a title stands above.
_FEW_COLUMNS, _LEAST_SHARE = 1, 0.5
#: Air beside the widest text of such a column, in em.
_AIR_EM = 4.0
#: More lines of notes are printed once, below the last row or the picture, and go over the page; fewer stand on every page.
_MOST_BELOW_ROWS, _MOST_BELOW_PICTURE = 20, 6
#: What stands on every page may take so much of it.
_MOST_OF_PAGE = 0.75


@dataclass(frozen=True)
class Grid:
    """A table as clean strings, column by column, the stub first where there is one.

    ``shares`` are the columns' shares of the page and add up to ``width``, which is 1 but for tables that need less.
    ``spanners`` is one list of ``(text, columns)`` over all columns, empty where no column has a spanner; a blank
    text spans columns without one. ``texts[column][row]`` are the cells, numbers already lined up. ``keep``
    marks the rows that stay on one page with the next; ``width_em`` is the width of each column's text in
    em of the table's font, whose ``size`` is in points. ``spaced`` marks the rows with a thin space above, where a
    block begins; ``bold`` those whose label heads the deeper rows below. ``once`` marks the columns whose value is said
    where it ``begins``, which marks the rows, and at the top of each page.
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
    size: float
    spaced: tuple[bool, ...]
    bold: tuple[bool, ...]
    once: tuple[bool, ...]
    begins: tuple[bool, ...]

    @property
    def width(self) -> float:
        """Share of the page the table takes."""
        return min(1.0, sum(self.shares))


def _declared_em(widths: Sequence[float], text_points: float, size: float) -> tuple[float, ...]:
    return tuple((width / sum(widths) * text_points - CELL_PADDING_PT) / size for width in widths)


def _fit(
    table: Table,
    points: float,
    widths: Sequence[float],
    heads: Sequence[str],
    texts: Sequence[Sequence[str]],
    numbers: Sequence[bool],
) -> tuple[float, tuple[float, ...]]:
    """Size of the text in points, and the widths of the columns' text in em.

    Numbers broken over two lines are read wrong: where the sheet is too narrow for them, and that mends it, a table is
    set as small as a listing.
    """
    indents = [row.indent for row in table.rows] if table.stub_label is not None else None
    deepest = None if indents is None else max(indents, default=0)
    labels = label_widths(texts[0], indents, _block_heads(table)) if indents else ()

    def fit(size: float) -> Fitted:
        return fit_widths(_declared_em(widths, points, size), heads, texts, numbers, deepest, labels)

    size = TABLE_PT if table.kind == "table" else LISTING_PT
    fitted = fit(size)
    smaller = fit(LISTING_PT) if size > LISTING_PT and not fitted.numbers else None
    return (LISTING_PT, smaller.widths) if smaller and smaller.numbers else (size, fitted.widths)


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
    points = _needed_points(table, heads, texts) if stub and len(table.columns) <= _FEW_COLUMNS else table.stamp.sheet.text_points
    size, width_em = _fit(table, points, widths, heads, texts, [align != "left" for align in aligns])
    columns = zip(texts, aligns, width_em, strict=True)
    starts = set(table.blocks)
    once = said_once(table)
    return Grid(
        heads=tuple(heads),
        aligns=tuple(aligns),
        shares=tuple((width * size + CELL_PADDING_PT) / table.stamp.sheet.text_points for width in width_em),
        spanners=_spanner_groups(spanners),
        texts=tuple(align_decimals(column, align, limit) for column, align, limit in columns),
        indents=tuple(row.indent for row in table.rows),
        keep=_kept_rows(table),
        stub=stub,
        width_em=width_em,
        size=size,
        spaced=tuple(at > 0 and at in starts for at in range(len(table.rows))),
        bold=_block_heads(table),
        once=once,
        begins=begins(texts, once),
    )


def said_once(table: Table) -> tuple[bool, ...]:
    """Which columns say their value once, the stub first where there is one."""
    return (*([False] if table.stub_label is not None else []), *(column.once for column in table.columns))


def begins(texts: Sequence[Sequence[str]], once: Sequence[bool]) -> tuple[bool, ...]:
    """The rows that differ from the one above in what is said once; all, where nothing is."""
    told = [column for column, own in zip(texts, once, strict=True) if own]
    rows = list(zip(*(told or texts), strict=True))
    return tuple(not told or not at or row != rows[at - 1] for at, row in enumerate(rows))


def _needed_points(table: Table, heads: Sequence[str], texts: Sequence[Sequence[str]]) -> float:
    """Width that a table of few columns needs for its labels and cells on one line each, at most the sheet's."""
    sheet = table.stamp.sheet.text_points
    label = max((text_width(row.label) + row.indent for row in table.rows), default=0.0)
    cells = [max((text_width(line) for text in column for line in text.split("\n")), default=0.0) for column in texts[1:]]
    titles = [1.1 * max(map(text_width, head.split("\n"))) for head in heads]
    needed = [max(need, title) for need, title in zip([1.1 * label, *cells], titles, strict=True)]
    total = sum((need + _AIR_EM) * TABLE_PT + CELL_PADDING_PT for need in needed)
    # The columns keep their declared shares: what one of them needs, all are widened for.
    shares = [table.stub_width, *(column.width for column in table.columns)]
    widest = max((need + _AIR_EM) * TABLE_PT / share for need, share in zip(needed, shares, strict=True)) * sum(shares)
    return min(sheet, max(total, widest, _LEAST_SHARE * sheet))


def _block_heads(table: Table) -> tuple[bool, ...]:
    """Rows of a summary table that head a block: without cells, or where a block begins, deeper rows below."""
    if table.kind != "table":
        return (False,) * len(table.rows)
    starts, indents = set(table.blocks), [row.indent for row in table.rows]
    deeper = [below > own for own, below in zip(indents, [*indents, -1][1:], strict=True)]
    return tuple(row.head or (at in starts and deeper[at]) for at, row in enumerate(table.rows))


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
    """Lines under the output: its footnotes, the abbreviations it uses, its source and the program, what it is linked with."""
    return [*own_notes(output), *([link_line(output)] if output.links else [])]


def own_notes(output: Output) -> list[str]:
    """The lines under the output that lead nowhere."""
    return [text for text in (*(clean(note) for note in output.footnotes), abbreviation_line(output), source_line(output)) if text]


def linked(output: Output) -> list[tuple[str, str]]:
    """What the last line under an output is made of: texts, and the anchors of those that lead to an output.

    The outputs of a kind stand together, ``Tables: 14.1.1, 14.1.2; Figure: 14.2.1``. In the document of a dose group
    the number lead to is the group's own; what is printed is the number of the output.
    """
    return [(clean(text) if number else text, anchor(number) if number else "") for text, number in tell_links(output)]


def link_line(output: Output) -> str:
    """The outputs an output is linked with, as text."""
    return "".join(text for text, _ in linked(output))


def abbreviation_line(output: Output) -> str:
    """The abbreviations an output uses with their words, or nothing."""
    return clean(tell_abbreviations(output))


def source_line(output: Output) -> str:
    """Data and program an output comes from."""
    return clean(tell_source(output))


def stamp_line(output: Output) -> str:
    """What stands on every page besides the output, on one line for formats without pages."""
    return clean(output.stamp.line)


def row_lines(grid: Grid, row: int) -> int:
    """Lines a row takes, estimated from above: text wraps at spaces and leaves some of a line blank."""
    return max(
        sum(1 + int(1.15 * text_width(line) / max(width, 1.0)) for line in texts[row].split("\n"))
        for texts, width in zip(grid.texts, grid.width_em, strict=True)
    )


def _lines(texts: Sequence[str], points: float, size: float) -> int:
    """Lines that texts of a size take in a width, estimated from above."""
    return sum(1 + int(1.15 * text_width(line) * size / max(points, 1.0)) for text in texts for line in text.split("\n"))


def _title_points(output: Output, narrow: float = 0.0) -> float:
    wide = narrow or output.stamp.sheet.text_points
    # In a PDF the links stand above the title: what repeats on every page may hold none.
    leads = 1 + _lines([link_line(output)], output.stamp.sheet.text_points, _NOTE_SIZE_PT) if output.links else 0
    title = _TITLE_PT * _lines([heading(output)], wide, 1.1 * _TITLE_SIZE_PT)
    return _NOTE_PT * leads + title + _SUBTITLE_PT * _lines(subheadings(output), wide, 9.0)


def _head_points(table: Table, grid: Grid) -> float:
    """Height of what stands above the rows on every page."""
    wide, bold = table.stamp.sheet.text_points, 1.1 * grid.size
    narrow = grid.width * wide
    heads = max((_lines([head], width * grid.size, bold) for head, width in zip(grid.heads, grid.width_em, strict=True)), default=0)
    columns = [0, *accumulate(span for _, span in grid.spanners)]
    spanned = [sum(grid.shares[start:end]) * wide for start, end in pairwise(columns)]
    spanners = max((_lines([text], points, bold) for (text, _), points in zip(grid.spanners, spanned, strict=True)), default=0)
    return _title_points(table, narrow) + _LINE_PT * (heads + spanners) + _GAPS_PT


def _note_points(output: Output, grid: Grid | None = None) -> float:
    return _NOTE_PT * _lines(notes(output), output.stamp.sheet.text_points * (grid.width if grid else 1.0), _NOTE_SIZE_PT)


def points_left(figure: Figure) -> float:
    """Height that the title and notes of a figure leave on their page, in points."""
    words = _title_points(figure) + (0.0 if notes_go_on(figure) else _note_points(figure))
    return max(0.0, figure.stamp.sheet.text_height_points - words)


def points_above_notes(figure: Figure) -> float:
    """Height that the title and all notes of a figure leave where they are paragraphs around it, in points."""
    words = _title_points(figure) + _note_points(figure) + _PARAGRAPH_PT * (len(subheadings(figure)) + len(notes(figure)))
    return figure.stamp.sheet.text_height_points - words - _PICTURE_PT


def refuse_tall_heads(output: Output, grid: Grid | None = None) -> None:
    """Refuse an output whose title and column heads leave no room on a page: what does not fit it would be cut off.

    Raises
    ------
    ReportError
        Naming the output.
    """
    page = output.stamp.sheet.text_height_points
    taken = _head_points(output, grid) if isinstance(output, Table) and grid else _title_points(output)
    if taken > _MOST_OF_PAGE * page:
        raise PlanError(
            f"its title and column heads take about {taken:.0f} of the {page:.0f} points a page has",
            file=output.number,
            rule="what stands on every page leaves room for what is below",
            remedy="shorten the title or the column heads, or show fewer columns",
        )


def notes_go_on(output: Output, grid: Grid | None = None) -> bool:
    """Whether the notes are too long to stand on every page."""
    taken = _note_points(output, grid)
    if not isinstance(output, Table) or grid is None:
        return taken > _MOST_BELOW_PICTURE * _NOTE_PT
    page = output.stamp.sheet.text_height_points
    return taken > _MOST_BELOW_ROWS * _NOTE_PT or taken + _head_points(output, grid) > _MOST_OF_PAGE * page


def most_lines(table: Table, grid: Grid) -> int:
    """Lines that rows may have and still be held together, which must fit the page with all that stands on every page."""
    taken = _head_points(table, grid) + (0 if notes_go_on(table, grid) else _note_points(table, grid))
    return max(2, min(TALL_LINES, int(0.85 * (table.stamp.sheet.text_height_points - taken) / _LINE_PT)))


def is_tall(grid: Grid, row: int, most: int = TALL_LINES) -> bool:
    """Whether a row may be higher than a page and so must be allowed to break.

    A row that may not break and does not fit is cut off at the page's end without an error.
    """
    # No character is wider than an em: only what may take as many lines is measured.
    cells = zip(grid.texts, grid.width_em, strict=True)
    long = any(len(texts[row]) > min(100.0, most * width / 1.2) or texts[row].count("\n") >= most for texts, width in cells)
    return long and row_lines(grid, row) > most


def empty_text() -> str:
    """What a table without rows prints."""
    return EMPTY_TABLE
