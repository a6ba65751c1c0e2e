r"""Table and Figure as WordprocessingML: body fragments for pandoc's raw blocks and for our own DOCX.

Every page carries the title because it stands in the first row of the table, which repeats. That
paragraph is a caption as Word makes them: in the style Caption, with a SEQ field of its kind behind
the number, and a bookmark around it. So Word's own lists of tables, figures and listings have it
(``TOC \c "Table"``), and so does its dialogue of cross-references; headings belong to sections, and a
table of contents made of headings does not fill with outputs. One that is to have them asks for
entries marked by fields (``\f``): each title has such a TC field, at the level where it stands.

Footnotes and source are the table's last row, not paragraphs below it: should they not fit, the
page they move to is titled too, and whoever copies the table has them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from cgbm1_report.emit.captions import UNNUMBERED, entry_field, sequence_field
from cgbm1_report.emit.escape import anchor, clean, escape_attribute, escape_xml, map_texts
from cgbm1_report.emit.layout import (
    TABLE_PT,
    Grid,
    empty_text,
    heading,
    keeps_end,
    linked,
    make_grid,
    notes_go_on,
    own_notes,
    parts,
    subheadings,
)
from cgbm1_report.emit.marks import marks, put_bars
from cgbm1_report.emit.pages import hold_numbers, page_parts
from cgbm1_report.emit.pictures import picture_inches
from cgbm1_report.emit.seal import SEAL, seal, text_of
from cgbm1_report.tabulate.table import Figure, Output, Table

_INDENT_TWIPS, _HANG_TWIPS = 160, 240
#: Thin space above a block; the distance of the rule from the last row.
_BLOCK_TWIPS, _LAST_TWIPS = 110, 70
_REGION, _SEALED, _ROW = 0x10000000, 0x20000000, 0x30000000
#: Rows of one line that no page holds. For whoever breaks pages: sizes of title, lines below it and notes in points;
#: twips above and below the text of a row, of a head.
_MOST_ROWS, _TEXT_POINTS, _BETWEEN_TWIPS = 60, (10.0, 9.0, 8.5), (50.0, 60.0)
#: All of a width in Word's fiftieths of a per cent; and the text of a narrow portrait page (A4 with 3.2 cm at its sides).
_WHOLE, _NARROW_TWIPS = 5000, 8300
_STYLES = {"left": "Text", "center": "Center", "right": "Right"}
#: The end of what the first cell is, and the bar at the edge of a row that changed.
_BAR = "</w:tcPr>", '<w:tcBorders><w:left w:val="single" w:sz="24" w:space="0" w:color="auto"/></w:tcBorders>'
_RULE = '<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="auto"/>'


class Look(NamedTuple):
    """What rows differ in, besides their texts."""

    keep: bool
    indent: int
    spaced: bool
    bold: bool
    last: bool
    again: bool


def _style(grid: Grid, part: str) -> str:
    """The style of a part of a table, or of a listing."""
    return f"{'Table' if grid.size >= TABLE_PT else 'Listing'}{part}"


def look_of(grid: Grid, row: int, start: int, end: int, *, last: bool) -> Look:
    """The look of a row of the part from ``start`` to ``end``, which may be the ``last`` of its table."""
    keep = grid.keep[row] or keeps_end(row, end, last=last)
    again = row > start and not grid.begins[row]
    return Look(keep, grid.indents[row], grid.spaced[row] and row > start, grid.bold[row], row == end - 1, again)


def emit_openxml(output: Output) -> str:
    """One output as the body of a Word document: paragraphs and tables, no section.

    Starts on a new page. Names only styles of ``templates/reference.docx``. A figure comes without
    its picture, which needs a part of its own: see ``mime_bundle`` and ``emit_docx``. Its links lead to bookmarks that
    the document may lack: see `lead`.
    """
    return "".join(openxml_pieces(output, leading=True))


def openxml_pieces(output: Output, *, leading: bool = False) -> Iterator[str]:
    """:func:`emit_openxml` piece by piece, so that a long listing need not be one string.

    A file of one output has nothing to lead to: there its links are text.
    """
    if isinstance(output, Figure):
        yield figure_head(output)
        yield figure_foot(output, leading=leading)
    else:
        yield from _table(output, leading)


def paragraph(style: str, text: str, properties: str = "", around: tuple[str, str] = ("", "")) -> str:
    """One paragraph of clean text in a style of the reference document."""
    return (
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>{around[0]}'
        f'<w:r><w:t xml:space="preserve">{escape_xml(text)}</w:t></w:r>{around[1]}</w:p>'
    )


def title_paragraphs(output: Output, *, continued: bool = False) -> str:
    """The title, a bookmarked caption the first time, and the lines below it."""
    first = paragraph("OutputTitle", f"{heading(output)} (continued)") if continued else _caption(output)
    return first + "".join(paragraph("OutputSubtitle", text) for text in subheadings(output))


def _caption(output: Output) -> str:
    """The title as Word's own captions are made: label and number, the field of the sequence, then the words."""
    mark, title, end = _identity(output.number), heading(output), len(output.label)
    # The number is the output's own: a template that numbers its captions must not add another.
    # Said here too: in a writer's document the style is the writer's own.
    properties = f'<w:pStyle w:val="Caption"/><w:keepNext/>{UNNUMBERED}<w:jc w:val="center"/>'
    return (
        f'<w:p><w:pPr>{properties}</w:pPr>{entry_field(title)}<w:bookmarkStart w:id="{mark}" w:name="{anchor(output.number)}"/>'
        f'<w:bookmarkStart w:id="{_SEALED + mark}" w:name="{SEAL}"/>{_run(title[:end])}{sequence_field(output)}{_run(title[end:])}'
        f'<w:bookmarkEnd w:id="{_SEALED + mark}"/><w:bookmarkEnd w:id="{mark}"/></w:p>'
    )


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape_xml(text)}</w:t></w:r>'


def _identity(number: str) -> int:
    """Number of the bookmark of an output's title; those of the whole output and of its text are above it."""
    return zlib.crc32(number.encode("utf-8", "replace")) & 0x0FFFFFFF


def region_start(output: Output) -> str:
    """Begins the bookmark around the whole output, by which a later cut's takes its place."""
    mark = _REGION + _identity(output.number)
    return f'<w:bookmarkStart w:id="{mark}" w:name="{region_name(output.number)}"/>'


def region_end(output: Output) -> str:
    """Ends the bookmark around the whole output."""
    return f'<w:bookmarkEnd w:id="{_REGION + _identity(output.number)}"/>'


def region_name(number: str) -> str:
    """Name of the bookmark around the whole output."""
    return anchor(f"out_{number}")


def page_break(inside: str = "") -> str:
    """An invisible paragraph that starts a new page and keeps two tables apart."""
    return f'<w:p><w:pPr><w:pStyle w:val="OutputBreak"/></w:pPr>{inside}</w:p>'


def _borders(*sides: str, size: int = 8) -> str:
    return f"<w:tcBorders>{''.join(_RULE.format(side=side, size=size) for side in sides)}</w:tcBorders>"


class _Widths(NamedTuple):
    """The columns of a table in twips.

    One that a portrait page of a writer's could not hold says its width, and that of its cells, in per cent: pasted
    there it becomes narrower, where columns beyond the margin would be cut off. Others keep the width they need.
    """

    columns: tuple[int, ...]
    #: Width of the text of the page that it was made for.
    page: int

    @property
    def total(self) -> int:
        return sum(self.columns)

    @property
    def table(self) -> str:
        """Of the whole table."""
        return self._told("tblW", self.total, round(_WHOLE * self.total / self.page))

    def cell(self, start: int = 0, end: int | None = None) -> str:
        """Of a cell over these columns, or over all."""
        begins, ends = sum(self.columns[:start]), sum(self.columns[:end])
        return self._told("tcW", ends - begins, round(_WHOLE * ends / self.total) - round(_WHOLE * begins / self.total))

    def _told(self, tag: str, twips: int, share: int) -> str:
        return f'<w:{tag} w:w="{share}" w:type="pct"/>' if self.total > _NARROW_TWIPS else f'<w:{tag} w:w="{twips}" w:type="dxa"/>'


def _cell(width: str, content: str, *, span: int = 1, properties: str = "") -> str:
    spanned = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    return f"<w:tc><w:tcPr>{width}{spanned}{properties}</w:tcPr>{content}</w:tc>"


def _row(cells: Iterable[str], *, header: bool = False) -> str:
    repeat = "<w:tblHeader/>" if header else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeat}</w:trPr>{''.join(cells)}</w:tr>"


def column_twips(grid: Grid, total: int) -> list[int]:
    """Column widths that add up to the width of the table."""
    widths = [round(share * total) for share in grid.shares]
    widths[0] += round(total * grid.width) - sum(widths)
    return widths


def _table(table: Table, leading: bool) -> Iterator[str]:
    grid = make_grid(table)
    grid = replace(grid, texts=hold_numbers(grid))
    wide = table.stamp.sheet.text_twips
    widths = _Widths(tuple(column_twips(grid, wide)), wide)
    bounds = parts(table)
    heads = [_header_rows(table, grid, widths, continued=start > 0) for start, _ in bounds]
    below = _notes_row(table, widths, leading)
    begin = _table_start(table, widths)
    heads[0] = _sealed(table, heads[0], _texts(grid, bounds, heads, below), begin)
    for (start, end), head in zip(bounds, heads, strict=True):
        last = end == len(table.rows)
        yield page_break("" if start else region_start(table)) + begin + head
        yield from put_bars(table, _marked(table, start, _body_rows(grid, widths, start, end, last=last)), *_BAR, start)
        yield (below if last else "") + "</w:tbl>"
    # A table must be followed by a paragraph, or Word joins it with the next one.
    yield f'<w:p><w:pPr><w:pStyle w:val="Footnote"/></w:pPr>{region_end(table)}</w:p>'


def _marked(table: Table, start: int, rows: Iterable[str]) -> Iterator[str]:
    """Rows of which those that have a name stand in a bookmark of Word's; the first is the row ``start``."""
    named = {at: (order, name) for order, (at, (name, _)) in enumerate(marks(table).items(), start=1)}
    for at, row in enumerate(rows, start):
        if at not in named:
            yield row
            continue
        order, name = named[at]
        mark = _ROW + (_identity(table.number) + order) % _REGION
        begun = row.replace("</w:pPr>", f'</w:pPr><w:bookmarkStart w:id="{mark}" w:name="{name}"/>', 1)
        yield begun.replace("</w:p>", f'<w:bookmarkEnd w:id="{mark}"/></w:p>', 1)


def _texts(grid: Grid, bounds: Iterable[tuple[int, int]], heads: Iterable[str], below: str) -> Iterator[str]:
    """All text of a table as its document has it."""
    for (start, end), head in zip(bounds, heads, strict=True):
        yield text_of(head.encode("utf-8"))
        yield empty_text() if start == end else ""
        yield from map("".join, zip(*(texts[start:end] for texts in grid.texts), strict=True))
    yield text_of(below.encode("utf-8"))


def _sealed(output: Output, head: str, texts: Iterable[str], begin: str = "") -> str:
    """The beginning of an output whose title says what its texts and widths are, of which cut, and whether it is a draft."""
    name = seal(texts, begin, output.stamp.cutoff, output.stamp.status)
    return head.replace(f'w:name="{SEAL}"', f'w:name="{name}"', 1)


def _table_start(table: Table, widths: _Widths) -> str:
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths.columns)
    middle = '<w:jc w:val="center"/>' if widths.total < widths.page else ""
    return (
        f'<w:tbl><w:tblPr><w:tblStyle w:val="OutputTable"/>{widths.table}{middle}'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="58" w:type="dxa"/><w:right w:w="58" w:type="dxa"/></w:tblCellMar>'
        f'<w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" w:noHBand="1" w:noVBand="1"/>'
        f'<w:tblCaption w:val="{escape_attribute(heading(table))}"/></w:tblPr><w:tblGrid>{columns}</w:tblGrid>'
    )


def _header_rows(table: Table, grid: Grid, widths: _Widths, *, continued: bool) -> str:
    title = _cell(
        widths.cell(), title_paragraphs(table, continued=continued), span=len(widths.columns), properties=_borders("bottom")
    )
    rows = [_row([title], header=True)]
    if grid.spanners:
        cells, at = [], 0
        for text, span in grid.spanners:
            content = paragraph(_style(grid, "Spanner" if text else "Head"), text)
            cells.append(_cell(widths.cell(at, at + span), content, span=span, properties='<w:vAlign w:val="bottom"/>'))
            at += span
        rows.append(_row(cells, header=True))
    below = _borders("bottom", size=6) + '<w:vAlign w:val="bottom"/>'
    heads = (
        _cell(widths.cell(at, at + 1), paragraph(_style(grid, "Head"), text, f'<w:jc w:val="{align}"/>'), properties=below)
        for at, (text, align) in enumerate(zip(grid.heads, grid.aligns, strict=True))
    )
    return "".join([*rows, _row(heads, header=True)])


def _row_template(grid: Grid, widths: _Widths, look: Look) -> str:
    """A body row with one %s per cell."""
    kept = "<w:keepNext/>" if look.keep else ""
    air = (f' w:before="{_BLOCK_TWIPS}"' if look.spaced else "") + (f' w:after="{_LAST_TWIPS}"' if look.last else "")
    kept += f"<w:spacing{air}/>" if air else ""
    cells = []
    for at, align in enumerate(grid.aligns):
        # A label that wraps goes on deeper than it began, so that it does not look like two rows.
        hanging = f'<w:ind w:left="{_INDENT_TWIPS * look.indent + _HANG_TWIPS}" w:hanging="{_HANG_TWIPS}"/>'
        shift = hanging if at == 0 and grid.stub else ""
        properties = f'<w:pPr><w:pStyle w:val="{_style(grid, _STYLES[align])}"/>{kept}{shift}</w:pPr>'
        heavy = "<w:rPr><w:b/></w:rPr>" if at == 0 and look.bold else ""
        # Word alone knows where its pages begin: what was said above stands in every row, and steps back.
        heavy = '<w:rPr><w:color w:val="808080"/></w:rPr>' if look.again and grid.once[at] else heavy
        cells.append(_cell(widths.cell(at, at + 1), f'<w:p>{properties}<w:r>{heavy}<w:t xml:space="preserve">%s</w:t></w:r></w:p>'))
    return _row(cells)


def _body_rows(grid: Grid, widths: _Widths, start: int, end: int, *, last: bool) -> Iterator[str]:
    if start == end:
        content = paragraph(_style(grid, "Center"), empty_text(), "<w:keepNext/>")
        yield _row([_cell(widths.cell(), content, span=len(widths.columns))])
    escaped = [map_texts(texts[start:end], escape_xml) for texts in grid.texts]
    templates: dict[Look, str] = {}
    for at, cells in enumerate(zip(*escaped, strict=True), start):
        look = look_of(grid, at, start, end, last=last)
        template = templates.get(look)
        if template is None:
            template = templates[look] = _row_template(grid, widths, look)
        yield template % cells


def _notes_row(table: Table, widths: _Widths, leading: bool) -> str:
    content = _notes(table, leading)
    return _row([_cell(widths.cell(), content, span=len(widths.columns), properties=_borders("top"))])


def figure_head(figure: Figure) -> str:
    """What stands over a picture."""
    head = page_break(region_start(figure)) + title_paragraphs(figure)
    return _sealed(figure, head, (text_of(piece.encode("utf-8")) for piece in (head, _notes(figure, False))))


def _notes(output: Output, leading: bool) -> str:
    """The paragraphs below an output, at least an empty one; the last one says what it is linked with."""
    lines = [paragraph("Footnote", text) for text in own_notes(output)]
    if output.links:
        pieces = "".join(link_piece(text, name if leading else "") for text, name in linked(output))
        lines.append(f'<w:p><w:pPr><w:pStyle w:val="Footnote"/></w:pPr>{pieces}</w:p>')
    return "".join(lines) or paragraph("Footnote", "")


def running_notes(table: Table) -> str:
    """The notes for the footer of a file of one table, where it takes more than a page; nothing if they are too long for each.

    They stay below the last row too, where whoever copies the table takes them along: so its last page has them twice.
    """
    long = len(table.rows) > _MOST_ROWS
    grid = make_grid(replace(table, rows=table.rows[:_MOST_ROWS], blocks=()) if long else table)
    several = long or len(page_parts(table, grid, _BETWEEN_TWIPS, _TEXT_POINTS)) > 1
    if not several or notes_go_on(table, grid):
        return ""
    *lines, last = own_notes(table) or [""]
    return "".join(paragraph("Footnote", text) for text in lines) + paragraph("Footnote", last, '<w:spacing w:after="80"/>')


def link_piece(text: str, name: str) -> str:
    """A piece of the line that says what an output is linked with; it leads to the output of an anchor, if given."""
    if not name:
        return f'<w:r><w:t xml:space="preserve">{escape_xml(text)}</w:t></w:r>'
    return f'{_TO_START.format(name)}{_TO_LOOK}<w:t xml:space="preserve">{escape_xml(text)}</w:t></w:r></w:hyperlink>'


_TO_START, _TO_LOOK = '<w:hyperlink w:anchor="{}" w:history="1">', '<w:r><w:rPr><w:color w:val="1F4E79"/></w:rPr>'
_TO = re.compile(f'<w:hyperlink w:anchor="(\\w+)" w:history="1">{re.escape(_TO_LOOK)}(.*?)</w:hyperlink>')


def lead(content: str, names: Collection[str]) -> str:
    """A fragment of a document whose links to the outputs of these anchors stay; the others become text."""
    return _TO.sub(lambda found: found[0] if found[1] in names else f"<w:r>{found[2]}", content)


def figure_foot(figure: Figure, *, leading: bool = False) -> str:
    """What stands under a picture."""
    return _notes(figure, leading).removesuffix("</w:p>") + region_end(figure) + "</w:p>"


def picture_paragraph(figure: Figure, relation: str) -> str:
    """The picture as an inline drawing of the part behind ``relation``, with its alternative text."""
    width, height = (round(914400 * inches) for inches in picture_inches(figure))
    alt = escape_attribute(clean(figure.alt))
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    return (
        '<w:p><w:pPr><w:pStyle w:val="OutputPicture"/></w:pPr><w:r><w:drawing>'
        f'<wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/>'
        f'<wp:docPr id="{_identity(figure.number)}" name="{escape_attribute(clean(figure.label))}" descr="{alt}"/>'
        f'<a:graphic xmlns:a="{drawing}/main"><a:graphicData uri="{drawing}/picture"><pic:pic xmlns:pic="{drawing}/picture">'
        f'<pic:nvPicPr><pic:cNvPr id="1" name="picture" descr="{alt}"/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline>'
        "</w:drawing></w:r></w:p>"
    )
