"""Outputs that are wider than the text of the page they stand on: made for a landscape page, pasted into an upright one.

The columns of a table are sized by the rule of the page it was made for (:mod:`cgbm1_report.emit.widths`): words, numbers and
dates stay whole, in smaller type where they must. What was made for the old widths is made for the new ones: numbers
are lined up, and a date goes onto the next line whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from cgbm1_report.emit.align import FIGURE, HAIR, PUNCTUATION, SIXTH, align_decimals
from cgbm1_report.emit.escape import escape_xml
from cgbm1_report.emit.layout import CELL_PADDING_PT, Align
from cgbm1_report.emit.pages import HANG_EM, INDENT_EM, hold_text
from cgbm1_report.emit.seal import is_edited, seal_again, text_of
from cgbm1_report.emit.widths import BROKEN, FIGURES, WORDS, Fitted, check_widths, count_lines, part_words, share_widths
from cgbm1_report.paper import TWIPS_PER_POINT

_TABLE = re.compile(rb"<w:tbl>.*?<w:tblPr>(.*?)</w:tblPr>.*?<w:tblGrid>(.*?)</w:tblGrid>", re.S)
_COLUMN = re.compile(rb"<w:gridCol\b[^>]*/>")
_ROW, _CELL = re.compile(rb"<w:tr\b.*?</w:tr>", re.S), re.compile(rb"<w:tc>.*?</w:tc>", re.S)
_CELL_WIDTH, _SPAN = re.compile(rb"<w:tcW\b[^>]*/>"), re.compile(rb'<w:gridSpan\b[^>]*w:val="(\d+)"')
_HEAD = re.compile(rb"<w:tblHeader ?/>")
#: The style of a cell of ours: table or listing, and where its text stands.
_STYLE = re.compile(rb'<w:pStyle w:val="((?:Table|Listing)(Text|Center|Right))"')
_HANGING = re.compile(rb'<w:ind w:left="(\d+)" w:hanging="(\d+)"')
_LINES = re.compile(rb"<w:t(?: [^>]*)?>[^<]*</w:t>(?:<w:br ?/><w:t(?: [^>]*)?>[^<]*</w:t>)*")
_RUN = re.compile(rb"(<w:r(?: [^>]*)?>)(<w:rPr>.*?</w:rPr>|<w:rPr ?/>)?", re.S)
_SIZE = re.compile(rb'<w:sz(?:Cs)? w:val="(\d+)" ?/>')
_EXTENT = re.compile(rb'<(wp:extent|a:ext) cx="(\d+)" cy="(\d+)"')
_SECTION = re.compile(rb"<w:sectPr\b.*?</w:sectPr>|<w:sectPr\b[^>]*/>", re.S)
_EMU_PER_TWIP, _WHOLE = 635, 5000
#: So much over the margin is none: cells and their borders stand a little outside; programs round columns by so much.
_TOLERANCE, _ROUNDED = 144, 30
#: Columns of the same share of their table, however programs round it.
_SAME_SHARE = 0.005
#: What Word takes where a section does not say it: Letter, an inch at each side.
_PAGE, _SIDE, _BETWEEN = 12240, 1440, 720
#: Type that a table is set in where its words do not fit in that of its style, in points: smaller is not read.
_SMALLER = (8.5, 8.0, 7.5, 7.0)
#: Twips of a level of indent of a row's label.
_LEVEL_TWIPS = 160
_ALIGNS: dict[bytes, Align] = {b"Text": "left", b"Center": "center", b"Right": "right"}
#: A row of more lines is hard to read across.
_MANY_LINES = 6
_TURN = "better copy it anew from the report onto a landscape section"
_PADDING = FIGURE + PUNCTUATION + SIXTH + HAIR


@dataclass(frozen=True)
class Plan:
    """How the table of an output is set: its columns in twips, in a text so many twips wide, and the size of its type in points.

    ``smaller`` says whether that is less than its style's. ``whole`` is what is not broken over two lines (see
    :mod:`cgbm1_report.emit.widths`). ``texts`` are, for each column, the texts that print otherwise than in the table as it was.
    """

    columns: tuple[int, ...]
    room: int
    points: float
    smaller: bool
    whole: int
    texts: tuple[Mapping[str, str], ...]
    numbers: bool = True
    #: Lines of the cell that has the most.
    lines: int = 1

    @property
    def poor(self) -> bool:
        """Whether a reader is better served by a page that lies."""
        return self.whole <= FIGURES or self.lines > _MANY_LINES

    @property
    def told(self) -> str:
        """What a reader should know of it, in words; empty where there is nothing."""
        size = f", in type of {self.points:g} points" if self.smaller else ""
        what = {FIGURES: "words", BROKEN: "words and numbers"}.get(self.whole, "")
        size += f"; it has more columns than that holds, {what} are still broken inside cells" if what else ""
        many = f"; rows have up to {self.lines} lines" if self.lines > _MANY_LINES else ""
        return f"{size}{many}: {_TURN}" if self.poor else size


@dataclass(frozen=True)
class _Cells:
    """What the rows of a table say that have a cell in each column: heads and texts of each column, and how they stand."""

    heads: list[str]
    texts: list[list[str]]
    aligns: list[Align]
    style: str
    stub: int | None
    #: How wide their font is beside Arial, in whose em widths are told.
    wide: float

    def fit(self, rule: Callable[..., Fitted], columns: Sequence[int], points: float) -> Fitted:
        """What a rule for widths says of columns so many twips wide."""
        numbers = [align != "left" for align in self.aligns]
        return rule(_em(columns, points * self.wide), self.heads, self.texts, numbers, self.stub)


def _em(columns: Sequence[int], points: float) -> list[float]:
    return [max(width / TWIPS_PER_POINT - CELL_PADDING_PT, 1.0) / points for width in columns]


def _said(content: bytes, tag: str, name: str, otherwise: int) -> int:
    """A number that an element says; what else is taken where it says none."""
    element = re.search(rf"<w:{tag}\b[^>]*>".encode(), content)
    found = re.search(rf'\bw:{name}="(\d+)'.encode(), element[0]) if element else None
    return int(found[1]) if found else otherwise


def text_twips(content: bytes, at: int) -> int:
    """Width of the text, or of a column of it, in the section of a document's main part in which ``at`` lies."""
    found = _SECTION.search(content, at)
    section = found[0] if found else b""
    sides = sum(_said(section, "pgMar", side, _SIDE) for side in ("left", "right")) + _said(section, "pgMar", "gutter", 0)
    wide = max(_said(section, "pgSz", "w", _PAGE) - sides, _SIDE)
    columns = max(_said(section, "cols", "num", 1), 1)
    return (wide - (columns - 1) * _said(section, "cols", "space", _BETWEEN)) // columns


def is_wide(output: bytes, room: int) -> bool:
    """Whether a table or a picture of an output would be cut off at the edge of a text so many twips wide."""
    tables = any(_table_twips(properties, grid, room) > room + _TOLERANCE for properties, grid in _TABLE.findall(output))
    return tables or any(int(wide) > (room + _TOLERANCE) * _EMU_PER_TWIP for _, wide, _ in _EXTENT.findall(output))


def is_squeezed(there: bytes, made: bytes, room: int, size_of: Callable[[str], float], wide: float = 1.0) -> Plan | None:
    """How an output would be set best that stands in a text narrower than it was made for, where that breaks its cells; else None.

    ``there`` is it in the document and ``made`` in its build. A table of a landscape page says its widths in per cent: no page cuts
    it off, and its width does not tell that an upright one breaks its words and numbers. Columns that are the writer's, or
    were fitted, are told only where others break less.
    """
    table, grid = _TABLE.search(made), _TABLE.search(there)
    own, here = (_columns(one[2]) if one else [] for one in (table, grid))
    if grid is None or sum(own) <= room + _TOLERANCE or len(own) < 2 or len(here) != len(own) or not sum(here):
        return None
    cells = _read_cells(made, len(own), wide)
    if cells is None:
        return None
    points = type_of(there, len(own)) or size_of(cells.style)
    # Programs write the columns anew, as wide as they print them.
    as_made = all(abs(a / sum(own) - b / sum(here)) <= _SAME_SHARE for a, b in zip(own, here, strict=True))
    columns = _shared(here, _table_twips(grid[1], grid[2], room))
    held = cells.fit(check_widths, columns if as_made else [width + _ROUNDED for width in columns], points)
    plan = None if held.numbers and held.whole == WORDS else plan_fit(made, room, size_of, wide)
    better = plan is not None and (plan.whole, plan.numbers) > (held.whole, held.numbers)
    return plan if as_made or better else None


def _table_twips(properties: bytes, grid: bytes, room: int) -> int:
    # Of its own element alone: what the table is called, which stands beside it, may say per cent too.
    width = re.search(rb"<w:tblW\b[^>]*>", properties)
    said = width[0] if width else b""
    told = _said(said, "tblW", "w", 0)
    if b'w:type="pct"' in said:
        # Some programs write 100%, others the fiftieths of it.
        return told * room // (100 if b"%" in said else _WHOLE)
    return told if b'w:type="dxa"' in said else sum(_columns(grid))


def _columns(grid: bytes) -> list[int]:
    return [_said(column, "gridCol", "w", 0) for column in _COLUMN.findall(grid)]


def plan_fit(output: bytes, room: int, size_of: Callable[[str], float], wide: float = 1.0) -> Plan | None:
    """How an output of a build is best set in a text so many twips wide; None where it fits as it is made, or is no table.

    ``size_of`` tells the type of a style of ours in the document, in points; ``wide`` is how wide its font is beside Arial.
    """
    table = _TABLE.search(output)
    own = _columns(table[2]) if table else []
    if sum(own) <= room + _TOLERANCE:
        return None
    columns = _shared(own, room)
    cells = _read_cells(output, len(own), wide)
    if len(own) < 2 or cells is None:
        return Plan(columns, room, 0.0, False, WORDS, ({},) * len(own))
    full = size_of(cells.style)
    sizes = [full, *(size for size in _SMALLER if size < full)]
    tried = [(size, cells.fit(share_widths, columns, size)) for size in sizes]
    # Where words are broken in any case, fewer are in the smallest type.
    points, best = max(tried, key=lambda one: (one[1].whole, one[1].numbers, one[0] if one[1].whole > FIGURES else -one[0]))
    columns = _shared([width * points * wide + CELL_PADDING_PT for width in best.widths], room)
    lines = max(count_lines(best.widths, cells.texts))
    return Plan(columns, room, points, points < full, best.whole, _lay_texts(cells, columns, points), best.numbers, lines)


def as_made(output: bytes, room: int) -> Plan | None:
    """A build's output with the columns it was made with, which fit; None where it is no table."""
    table = _TABLE.search(output)
    own = tuple(_columns(table[2])) if table else ()
    return Plan(own, room, 0.0, False, WORDS, ({},) * len(own)) if own else None


def lay_again(
    output: bytes, room: int, size_of: Callable[[str], float], points: float = 0.0, *, kept: bool, wide: float = 1.0
) -> tuple[bytes, bool]:
    """An output of a build as it stands in a document, and whether words, numbers or dates are broken inside its cells.

    Where a writer's columns or type were ``kept``, what was made for the old widths is made for his. ``points`` is
    the size of its type where that is not its style's.
    """
    table = _TABLE.search(output)
    own = _columns(table[2]) if table else []
    cells = _read_cells(output, len(own), wide) if table and sum(own) else None
    if table is None or cells is None:
        return output, False
    columns = _shared(own, min(_table_twips(table[1], table[2], room), sum(own)))
    points = points or size_of(cells.style)
    # As it was made it breaks what its build breaks too, and that is no matter of the page it stands on.
    narrower = kept or sum(columns) < sum(own) - _TOLERANCE
    broken = narrower and cells.fit(check_widths, columns, points).whole <= FIGURES
    if not kept:
        return output, broken
    texts = _lay_texts(cells, columns, points)

    def laid(row: re.Match[bytes]) -> bytes:
        found = _CELL.findall(row[0])
        if len(found) != len(own) or _SPAN.search(row[0]) or _HEAD.search(row[0]):
            return row[0]
        made = iter([_with_text(cell, text) for cell, text in zip(found, texts, strict=True)])
        return _CELL.sub(lambda _: next(made), row[0])

    return seal_again(_ROW.sub(laid, output)), broken


def keep_type(old: bytes, new: bytes) -> tuple[bytes, float]:
    """A new output in the size of type that all cells of the old one had besides their style, and that size; else 0."""
    before, after = _TABLE.search(old), _TABLE.search(new)
    points = type_of(old, len(_columns(before[2]))) if before and after else 0.0
    if after is None or not points:
        return new, 0.0
    count = len(_columns(after[2]))

    def sized(found: re.Match[bytes]) -> bytes:
        span = _SPAN.search(found[0])
        return found[0] if span and int(span[1]) == count else set_type(found[0], points)

    return _CELL.sub(sized, new), points


def _shared(widths: Sequence[float], total: int) -> tuple[int, ...]:
    """These widths in proportion, in whole twips that add up to a total."""
    edges = [round(edge * total / sum(widths)) for edge in accumulate(widths, initial=0)]
    return tuple(end - start for start, end in pairwise(edges))


def _read_cells(output: bytes, count: int, wide: float) -> _Cells | None:
    """The cells of a build's output, each text of a column once; None where no row has one in each column."""
    heads: list[str] = [""] * count
    columns: list[dict[bytes, None]] = [{} for _ in range(count)]
    for is_head, cells in _full_rows(output, count):
        if is_head:
            heads = [f"{head} {_text(cell)}".strip() for head, cell in zip(heads, cells, strict=True)]
        else:
            for column, cell in zip(columns, cells, strict=True):
                column[cell] = None
    styles = [_STYLE.search(next(iter(column))) for column in columns if column]
    if len(styles) != count or not all(styles):
        return None
    levels = [found for cell in columns[0] if (found := _HANGING.search(cell))]
    deepest = max(((int(found[1]) - int(found[2])) // _LEVEL_TWIPS for found in levels), default=0)
    aligns = [_ALIGNS[style[2]] for style in styles if style]
    texts = [
        list(dict.fromkeys(_plain(_text(cell), align) for cell in column)) for column, align in zip(columns, aligns, strict=True)
    ]
    return _Cells(heads, texts, aligns, styles[0][1].decode() if styles[0] else "", deepest if levels else None, wide)


def _full_rows(output: bytes, count: int) -> Iterator[tuple[bool, list[bytes]]]:
    """Rows with a cell in each column: whether they are heads, and their cells."""
    for row in _ROW.findall(output):
        cells = _CELL.findall(row)
        if len(cells) == count and not _SPAN.search(row):
            yield bool(_HEAD.search(row)), cells


def _text(cell: bytes) -> str:
    return text_of(re.sub(rb"<w:br ?/>", b"<w:t>\n</w:t>", cell))


def _plain(text: str, align: Align) -> str:
    """A text as it was before it was lined up and held together for the width it was made for."""
    text = text.replace(" \n", " ")
    return text if align == "left" else text.strip(_PADDING)


def _lay_texts(cells: _Cells, columns: Sequence[int], points: float) -> tuple[dict[str, str], ...]:
    """The texts of each column as they are printed in a width."""
    made = []
    for at, (texts, align, width) in enumerate(zip(cells.texts, cells.aligns, _em(columns, points * cells.wide), strict=True)):
        deep = INDENT_EM * cells.stub if at == 0 and cells.stub is not None else 0.0
        hang = HANG_EM if at == 0 and cells.stub is not None else 0.0
        laid = (
            part_words(hold_text(text, width - deep, width - deep - hang), width - deep - hang)
            for text in align_decimals(texts, align, width)
        )
        made.append(dict(zip(texts, laid, strict=True)))
    return tuple(made)


def is_fitted(output: bytes, plan: Plan) -> bool:
    """Whether an output of a document is set as planned already."""
    for found in _TABLE.finditer(output):
        own = _columns(found[2])
        if len(own) != len(plan.columns) or any(abs(a - b) > _ROUNDED for a, b in zip(own, plan.columns, strict=True)):
            return False
        if abs(_table_twips(found[1], found[2], plan.room) - plan.room) > _ROUNDED:
            return False
    return not plan.smaller or type_of(output, len(plan.columns)) == plan.points


def type_of(output: bytes, count: int) -> float:
    """Size in points that all cells of an output's rows say besides their styles; 0 where they say none, or several."""
    sizes = set()
    for is_head, cells in _full_rows(output, count):
        if not is_head:
            runs = [properties for cell in cells for _, properties in _RUN.findall(cell)]
            sizes |= {found[1] if (found := _SIZE.search(properties)) else b"0" for properties in runs}
        if len(sizes) > 1:
            break
    return int(sizes.pop()) / 2 if len(sizes) == 1 else 0.0


def fit_to(output: bytes, room: int, plan: Plan | None = None) -> bytes:
    """An output whose tables are set as planned, and none of whose pictures is wider than so many twips.

    A table says its width and its cells' in per cent, so that it fits the next page it is pasted into too.
    """
    pieces, last = [], 0
    for found in _TABLE.finditer(output) if plan else ():
        if plan and len(_columns(found[2])) == len(plan.columns):
            end = output.index(b"</w:tbl>", found.end())
            pieces += [output[last : found.start()], _fitted(output[found.start() : end], found[1], found[2], plan)]
            last = end
    made = b"".join([*pieces, output[last:]])
    if pieces and is_edited(output) is False:
        made = seal_again(made)

    def shrunk(found: re.Match[bytes]) -> bytes:
        wide, high = int(found[2]), int(found[3])
        most = min(wide, room * _EMU_PER_TWIP)
        return b'<%s cx="%d" cy="%d"' % (found[1], most, round(high * most / wide))

    return _EXTENT.sub(shrunk, made)


def _fitted(table: bytes, properties: bytes, grid: bytes, plan: Plan) -> bytes:
    columns = b"".join(b'<w:gridCol w:w="%d"/>' % width for width in plan.columns)
    width = b'<w:tblW w:w="%d" w:type="pct"/>' % round(_WHOLE * sum(plan.columns) / plan.room)
    made = re.sub(rb"<w:tblW\b[^>]*/>", width, properties)
    start = table.index(b"</w:tblGrid>")
    head = table[:start].replace(properties, made).replace(grid, columns)
    shares = [round(_WHOLE * edge / sum(plan.columns)) for edge in accumulate(plan.columns, initial=0)]
    return head + _ROW.sub(lambda row: _fitted_row(row[0], plan, shares), table[start:])


def _fitted_row(row: bytes, plan: Plan, shares: Sequence[int]) -> bytes:
    cells, count = _CELL.findall(row), len(plan.columns)
    full, is_head, at = len(cells) == count and not _SPAN.search(row), bool(_HEAD.search(row)), 0

    def fitted(found: re.Match[bytes]) -> bytes:
        nonlocal at
        span, cell = _SPAN.search(found[0]), found[0]
        start, at = at, min(at + int(span[1] if span else 1), count)
        cell = _CELL_WIDTH.sub(b'<w:tcW w:w="%d" w:type="pct"/>' % (shares[at] - shares[start]), cell, count=1)
        if full and not is_head:
            cell = _with_text(cell, plan.texts[start])
        # Title and notes, which span all columns, break where they like.
        return set_type(cell, plan.points) if plan.smaller and at - start < count else cell

    return _CELL.sub(fitted, row)


def _with_text(cell: bytes, texts: Mapping[str, str]) -> bytes:
    """A cell whose text is printed as a new width wants it."""
    old, lines = _text(cell), _LINES.findall(cell)
    new = texts.get(_plain(old, "left"), texts.get(_plain(old, "center"), old))
    if new == old or len(lines) != 1:
        return cell
    return cell.replace(lines[0], b'<w:t xml:space="preserve">%s</w:t>' % escape_xml(new).encode("utf-8"))


def set_type(content: bytes, points: float) -> bytes:
    """Runs in type of this size."""
    size = b'<w:sz w:val="%d"/><w:szCs w:val="%d"/>' % (round(2 * points), round(2 * points))

    def sized(found: re.Match[bytes]) -> bytes:
        inside = _SIZE.sub(b"", (found[2] or b"").removeprefix(b"<w:rPr>").removesuffix(b"</w:rPr>"))
        inside = b"" if inside.startswith(b"<w:rPr") else inside
        before, mark, change = inside.partition(b"<w:rPrChange")
        return found[1] + b"<w:rPr>" + before + size + mark + change + b"</w:rPr>"

    return _RUN.sub(sized, content)
