r"""One output as a whole RTF document, written as text: A4 landscape, titled on every page.

The title stands in the page header, because LibreOffice does not repeat the heading rows of RTF
tables (nor of the RTF it writes itself). So every page is a table of its own that begins with the column
heads, as statistical programs write RTF; they are `\trhdr` rows, which Word repeats should a page hold
less there. A hidden TC field lists the title in Word's tables of contents. Page numbers are fields. Every
character from data is escaped, so no text becomes a control word or a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cgbm1_report.emit.escape import clean, escape_rtf, map_texts
from cgbm1_report.emit.layout import Grid, empty_text, heading, make_grid, notes, subheadings
from cgbm1_report.emit.marks import put_bars
from cgbm1_report.emit.openxml import Look, column_twips, look_of
from cgbm1_report.emit.pages import hold_numbers, page_parts, say_once
from cgbm1_report.emit.pictures import picture_inches
from cgbm1_report.paper import BOTTOM, EDGE, SIDE, TOP
from cgbm1_report.tabulate.table import Figure, Output, Table

_ALIGN = {"left": "\\ql", "center": "\\qc", "right": "\\qr"}
_INDENT_TWIPS, _HANG_TWIPS = 160, 240
# Half points: a figure's text 9 pt, title 10 pt, lines below it 9 pt, notes 8.5 pt, the edges of the page 8 pt.
_TEXT, _TITLE, _SUBTITLE, _NOTE, _EDGE = "\\f0\\fs18", "\\f0\\b\\fs20", "\\f0\\fs18", "\\f0\\fs17", "\\f0\\fs16"
#: Twips above a row's text: of any, and where a block begins; the distance of the rule from the last row.
_ABOVE, _BLOCK, _LAST = 20, 110, 70
#: Where the first cell ends, and the bar at the edge of a row that changed.
_BAR = "\\cellx", "\\clbrdrl\\brdrs\\brdrw60"
# The same for whoever breaks pages: sizes in points; twips above and below the text of a row, of a head.
_POINTS, _BETWEEN = (10.0, 9.0, 8.5), (40.0, 95.0)


def emit_rtf(output: Output) -> bytes:
    """One output as an RTF document of its own, in ASCII. The same output gives the same bytes."""
    body = _figure(output) if isinstance(output, Figure) else _table(output)
    return "".join([_start(output), *body, "}\n"]).encode("ascii")


def _start(output: Output) -> str:
    title = escape_rtf(heading(output))
    return (
        "{\\rtf1\\ansi\\ansicpg1252\\uc1\\deff0\\deflang1033"
        "{\\fonttbl{\\f0\\fswiss\\fcharset0 Arial;}{\\f1\\fnil\\fcharset134 SimSun;}}\n"
        f"{{\\stylesheet{{{_TEXT} Normal;}}}}\n{{\\info{{\\title {title}}}}}\n"
        f"{_page(output)}\n{_edges(output)}"
        f"\\pard\\plain\\sl-20\\slmult0\\f0\\fs2{{\\v {{\\tc\\tcl2 {title}}}}}\\par\n"
    )


def _page(output: Output) -> str:
    sheet = output.stamp.sheet
    return (
        f"\\paperw{sheet.long}\\paperh{sheet.short}\\margl{SIDE}\\margr{SIDE}\\margt{TOP}\\margb{BOTTOM}"
        f"\\headery{EDGE}\\footery{EDGE}\\landscape\\sectd\\lndscpsxn\\pgwsxn{sheet.long}\\pghsxn{sheet.short}"
    )


def _edges(output: Output) -> str:
    """Header and footer: the stamp, page x of y, and the title with the lines below it."""
    stamp = output.stamp

    def told(text: str) -> str:
        return escape_rtf(clean(text).replace("\n", " "))

    wide = stamp.sheet.text_twips
    stops = f"\\pard\\plain\\tqc\\tx{wide // 2}\\tqr\\tx{wide}{_EDGE} "
    page = "Page {\\field{\\*\\fldinst PAGE}{\\fldrslt 1}} of {\\field{\\*\\fldinst NUMPAGES}{\\fldrslt 1}}"
    return (
        f"{{\\header{stops}Protocol {told(stamp.protocol)}\\tab{{\\b {told(stamp.mark)}}}\\tab {page}\\par\n{_title(output)}}}\n"
        f"{{\\footer{stops}Program: {told(stamp.program)}\\tab {told(stamp.produced_note)}"
        f"\\tab Data cut-off: {told(stamp.cutoff)}\\par}}\n"
    )


def _title(output: Output) -> str:
    lines = [f"\\pard\\plain\\qc\\sb200\\sa40{_TITLE} {escape_rtf(heading(output))}\\par\n"]
    lines += [f"\\pard\\plain\\qc\\sa40{_SUBTITLE} {escape_rtf(text)}\\par\n" for text in subheadings(output)]
    return "".join(lines)


def _row_start(edges: list[int], borders: list[str], left: int, *, header: bool = False, keep: bool = False) -> str:
    """Definition of a row: right edges of its cells in twips and the borders of each; where its left edge is."""
    cells = "".join(f"{border}\\cellx{edge}" for edge, border in zip(edges, borders, strict=True))
    repeat = ("\\trkeepfollow" if keep else "") + ("\\trhdr" if header else "")
    return f"\\trowd\\trgaph58\\trleft{left}\\trkeep{repeat}{cells}\n"


def _rule(side: str, width: int) -> str:
    return f"\\clbrdr{side}\\brdrs\\brdrw{width}"


def _text(grid: Grid) -> str:
    return f"\\f0\\fs{round(2 * grid.size)}"


def _edges_of(widths: list[int], left: int) -> list[int]:
    edges, at = [], left
    for width in widths:
        at += width
        edges.append(at)
    return edges


def _table(table: Table) -> Iterator[str]:
    grid = make_grid(table)
    grid = replace(grid, texts=hold_numbers(grid))
    widths = column_twips(grid, table.stamp.sheet.text_twips)
    # A table narrower than the sheet stands in its middle.
    left = (table.stamp.sheet.text_twips - sum(widths)) // 2
    edges = _edges_of(widths, left)
    for start, end in page_parts(table, grid, _BETWEEN, _POINTS):
        if start:
            yield "\\pard\\plain\\pagebb\\sl-20\\slmult0\\f0\\fs2\\par\n"
        yield _header_rows(grid, edges, left)
        last = end == len(table.rows)
        yield from put_bars(table, _body_rows(grid, edges, left, start, end, last=last), *_BAR, start)
        if last:
            yield _notes_row(table, edges[-1], left)
    yield "\\pard\\plain\\f0\\fs2\\par\n"


def _header_rows(grid: Grid, edges: list[int], left: int) -> str:
    rows, top = "", "\\clvertalb" + _rule("t", 20)
    if grid.spanners:
        at, ends, cells, borders = 0, [], [], []
        for text, span in grid.spanners:
            at += span
            ends.append(edges[at - 1])
            # The rule is the paragraph's, not the cell's: two neighbours keep a gap.
            rule = "\\brdrb\\brdrs\\brdrw10\\brsp20" if text else ""
            cells.append(f"\\pard\\plain\\intbl\\keepn\\qc{rule}\\sb30\\sa30{_text(grid)}\\b {escape_rtf(text)}\\cell")
            borders.append(top)
        rows = _row_start(ends, borders, left, header=True) + "".join(cells) + "\\row\n"
        top = "\\clvertalb"
    heads = (
        f"\\pard\\plain\\intbl\\keepn{_ALIGN[align]}\\sb30\\sa30{_text(grid)}\\b {escape_rtf(head)}\\cell"
        for head, align in zip(grid.heads, grid.aligns, strict=True)
    )
    return rows + _row_start(edges, [top + _rule("b", 15)] * len(edges), left, header=True) + "".join(heads) + "\\row\n"


def _row_template(grid: Grid, edges: list[int], left: int, look: Look) -> str:
    """A body row with one %s per cell; a paragraph's properties stand until they change."""
    kept = "\\keepn" if look.keep else ""
    above, below = _BLOCK if look.spaced else _ABOVE, _LAST if look.last else _ABOVE
    text = (
        _row_start(edges, [""] * len(edges), left, keep=look.keep)
        + f"\\pard\\plain\\intbl{kept}\\sb{above}\\sa{below}{_text(grid)}"
    )
    # A label that wraps goes on deeper than it began, so that it does not look like two rows.
    shift = f"\\li{_INDENT_TWIPS * look.indent + _HANG_TWIPS}\\fi-{_HANG_TWIPS}" if grid.stub else ""
    before = ""
    for at, align in enumerate(grid.aligns):
        reset = "\\li0\\fi0" if shift and at == 1 else ""
        text += (
            (shift if at == 0 else reset)
            + (_ALIGN[align] if align != before else "")
            + ("\\b %s\\b0\\cell" if at == 0 and look.bold else " %s\\cell")
        )
        before = align
    return text + "\\row\n"


def _body_rows(grid: Grid, edges: list[int], left: int, start: int, end: int, *, last: bool) -> Iterator[str]:
    if start == end:
        yield (
            _row_start(edges[-1:], [""], left, keep=True)
            + f"\\pard\\plain\\intbl\\keepn\\qc\\sb60\\sa60{_text(grid)} {empty_text()}\\cell\\row\n"
        )
    said = say_once(grid.texts, grid.once, grid.begins, start, end)
    escaped = [map_texts(texts, escape_rtf) for texts in said]
    templates: dict[Look, str] = {}
    for at, cells in enumerate(zip(*escaped, strict=True), start):
        look = look_of(grid, at, start, end, last=last)
        template = templates.get(look)
        if template is None:
            template = templates[look] = _row_template(grid, edges, left, look)
        yield template % cells


def _notes_row(table: Table, edge: int, left: int) -> str:
    lines = "\\par\n".join(f"\\pard\\plain\\intbl\\ql\\sb20{_NOTE} {escape_rtf(text)}" for text in notes(table))
    return _row_start([edge], [_rule("t", 20)], left) + (lines or "\\pard\\plain\\intbl") + "\\cell\\row\n"


def _figure(figure: Figure) -> Iterator[str]:
    width, height = (round(1440 * inches) for inches in picture_inches(figure))
    # The alternative text is a picture property, which Word reads aloud.
    alt = escape_rtf(clean(figure.alt).replace("\n", " "))
    described = f"{{\\*\\picprop{{\\sp{{\\sn wzDescription}}{{\\sv {alt}}}}}}}"
    pixels = int.from_bytes(figure.png[16:20], "big"), int.from_bytes(figure.png[20:24], "big")
    yield (
        f"\\pard\\plain\\qc\\keepn\\sb80\\sa80 {{\\pict{described}\\pngblip\\picw{pixels[0]}\\pich{pixels[1]}"
        f"\\picwgoal{width}\\pichgoal{height}\n{figure.png.hex()}}}\\par\n"
    )
    yield "".join(f"\\pard\\plain\\ql\\sb20{_NOTE} {escape_rtf(text)}\\par\n" for text in notes(figure))
