"""Table and Figure as HTML fragments that stand on their own in a report and in Jupyter.

Tables are written directly, with the classes of great_tables: ``templates/report.css``, which every fragment carries,
gives them their look. A notebook that nobody has said to trust loses that style sheet and every SVG, but keeps classes and
plain inline styles (JupyterLab's sanitizer); and a notebook's own styles align every cell to the right. So what a reader
needs to read a table stands in the elements themselves: alignment, indentation, rules; and a figure has its PNG, which the
style sheet hides, beside the SVG, which it shows.

great_tables itself (`Table.as_gt`) takes 2 ms a row, 65 times as long, and has no place for what a report needs: a caption,
column widths in percent, rows with classes, heads named by their place, notes in the foot.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from cgbm1_report.assets import asset
from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.escape import anchor, clean, escape_html, map_texts
from cgbm1_report.emit.layout import Grid, empty_text, heading, linked, make_grid, own_notes, stamp_line, subheadings
from cgbm1_report.emit.marks import marks, put_bars
from cgbm1_report.tabulate.table import Figure, Output, Table

_DEEPEST_INDENT = 4
#: Indentation of a row's label, and of its second line, in rem; and of each level.
_STUB_REM, _HANGING_REM, _LEVEL_REM = 1.5, 1.15, 1.1
_ALIGNED = {align: f' style="text-align:{align}"' for align in ("left", "center", "right")}
#: Rules around the rows: above the heads and below the last row, and below the heads and the spanners.
_THICK, _THIN = "2px solid", "1px solid"
_CELL_PADDING_EM = 0.9
#: A table of more rows is laid out in parts of so many: a browser takes seconds for all rows of a long listing.
LONG, PART = 400, 100
#: Where the first cell says how it is aligned, and the bar at the edge of a row that changed.
_BAR = "text-align:", "border-left:3px solid;"


def emit_html(output: Output) -> str:
    """One output as an HTML fragment: real table semantics, no text from data as markup.

    The same output gives the same text. Text is never read as HTML, markdown or TeX.
    """
    name = anchor(output.number)
    if isinstance(output, Figure):
        body = _figure(output)
    else:
        body = _table(output)
    # The ignore classes keep MathJax, in Jupyter and in reports, from typesetting "$5 to $6".
    return (
        f'<section class="cg-output tex2jax_ignore mathjax_ignore" id="{name}" aria-labelledby="{name}-title">\n'
        f'<style>\n{_style()}</style>\n<h2 id="{name}-title">{escape_html(heading(output))}</h2>\n{body}</section>\n'
    )


def emit_html_page(output: Output, fragment: str | None = None) -> str:
    """One output as an HTML file of its own: needs nothing else, runs nothing, loads nothing.

    ``fragment`` is what `emit_html` gave for it, where the caller already has it. Its title is the page's.
    """
    titled = re.sub(r"<h2( id=[^>]*>.*?</)h2>", r"<h1\1h1>", fragment or emit_html(output), count=1, flags=re.S)
    # What is wider than a screen is scrolled by keys too.
    titled = titled.replace('-title">', '-title" tabindex="0">', 1)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape_html(heading(output))}</title>\n<style>\n{_page_style(output)}</style>\n</head>\n"
        f"<body>\n<main>\n{titled}</main>\n</body>\n</html>\n"
    )


def _page_style(output: Output) -> str:
    """Room around the output on a screen; on paper its sheet, which has margins of its own and needs no new page."""
    first = "body { margin: 0 } .cg-output { break-before: auto !important; margin: 0 !important }"
    return f"body {{ margin: 1.5rem }}\n{output.stamp.sheet.css}\n@media print {{ {first} }}\n"


@lru_cache(maxsize=1)
def _style() -> str:
    """The look, without comments, stronger than what a notebook says of any table.

    JupyterLab's rules for the rows of a table count two classes and two elements: each of ours counts three classes.
    """
    text = asset("templates", "report.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL).replace(".cg-output", 3 * ".cg-output")


def _note_lines(output: Output) -> str:
    told = [escape_html(text) for text in own_notes(output)]
    told += ["".join(_piece(*piece) for piece in linked(output))] if output.links else []
    return "".join(f"<p>{text}</p>" for text in [*told, escape_html(stamp_line(output))])


def _piece(text: str, name: str) -> str:
    """A piece of the line of links: one that leads to an output is a link only in a page that holds it (`lead`)."""
    return f'<span class="cg-to" data-to="{name}">{escape_html(text)}</span>' if name else escape_html(text)


_TO = re.compile(r'<span class="cg-to" data-to="(\w+)">([^<]*)</span>')


def lead(html: str, names: Collection[str]) -> str:
    """A fragment whose links to the outputs of these anchors lead there; the others stay text."""

    def put(found: re.Match[str]) -> str:
        return f'<a class="cg-to" href="#{found[1]}">{found[2]}</a>' if found[1] in names else found[0]

    return _TO.sub(put, html) if names else html


def _named(table: Table, grid: Grid, long: bool) -> str:
    """Attributes of the table: its name, and the width below which it is scrolled, not squeezed; of a long one its columns."""
    narrow = grid.width < 0.999
    needed = min(_needed_em(grid) if narrow else max(_needed_em(grid), 50.0), 140.0)
    width = (f"width:{100 * grid.width:.0f}%;margin:0 auto;" if narrow else "") + f"min-width:{needed:.1f}em"
    columns = f";--cg-columns:{' '.join(f'{100 * share:.2f}%' for share in grid.shares)}" if long else ""
    return f'aria-labelledby="{anchor(table.number)}-title" style="{width}{columns}"'


def _needed_em(grid: Grid) -> float:
    """Width of a table in which no word of a column head is broken, and no number that paper does not break."""
    needed = [1.1 * max(map(text_width, head.split()), default=0.0) for head in grid.heads]
    for at, (texts, align, most) in enumerate(zip(grid.texts, grid.aligns, grid.width_em, strict=True)):
        if align != "left":
            widest = max((text_width(line) for text in set(texts) for line in text.split("\n")), default=0.0)
            needed[at] = max(needed[at], min(widest, most))
    return grid.width * max((need + _CELL_PADDING_EM) / share for need, share in zip(needed, grid.shares, strict=True))


def _caption(table: Table, grid: Grid) -> str:
    """Caption and widths; the heading above names the table."""
    widths = "".join(f'<col style="width:{100 * share:.2f}%">' for share in grid.shares)
    lines = escape_html("\n".join(subheadings(table)))
    return (f'<caption style="white-space:pre-line">{lines}</caption>\n' if lines else "") + f"<colgroup>{widths}</colgroup>\n"


def _foot(table: Table, columns: int) -> str:
    return f'<tfoot><tr><td colspan="{columns}"{_ALIGNED["left"]}>{_note_lines(table)}</td></tr></tfoot>\n'


def _stub_class(grid: Grid, row: int) -> str:
    indent = min(grid.indents[row], _DEEPEST_INDENT)
    look = (
        (" cg-head" if grid.keep[row] else "") + (" cg-block" if grid.spaced[row] else "") + (" cg-bold" if grid.bold[row] else "")
    )
    return (f" cg-indent-{indent}" if indent and grid.stub else "") + look


def _stub_style(grid: Grid, row: int) -> str:
    """Where a label begins; its further lines are a little deeper, and those of a head of a block are bold."""
    left = _STUB_REM + _LEVEL_REM * min(grid.indents[row], _DEEPEST_INDENT)
    weight = "bold" if grid.bold[row] else "normal"
    return f"text-align:left;font-weight:{weight};padding-left:{left:.1f}rem;text-indent:-{_HANGING_REM}rem"


def _table(table: Table) -> str:
    grid = make_grid(table)
    long = len(grid.indents) > LONG
    named = f'{_named(table, grid, long)} class="gt_table{" cg-long" * long}" data-quarto-disable-processing="true"'
    start = f"{_index(table)}<table {named}>\n{_caption(table, grid)}"
    rows = list(put_bars(table, _marked(table, _body_rows(grid)), *_BAR))
    return "".join([start, _head(grid), *_bodies(rows, long), _foot(table, len(grid.heads)), "</table>\n"])


def _bodies(rows: list[str], long: bool) -> Iterator[str]:
    """The rows of a table, of a long one in parts: a browser lays out those that are in sight (``report.css``)."""
    starts = range(0, len(rows), PART) if long else (0,)
    for start in starts:
        last = start == starts[-1]
        end = f' style="border-bottom:{_THICK}"' if last else ""
        yield from (f"<tbody{end}>\n", *(rows[start : start + PART] if long else rows), "</tbody>\n")


def _index(table: Table) -> str:
    """Links to the rows that have a name."""
    lines = "".join(f'<li><a href="#{name}">{escape_html(text)}</a></li>\n' for name, text in marks(table).values())
    return f'<ul class="cg-marks">\n{lines}</ul>\n' if lines else ""


def _marked(table: Table, rows: Iterable[str]) -> Iterator[str]:
    named = marks(table)
    for at, row in enumerate(rows):
        yield row.replace("<tr>", f'<tr id="{named[at][0]}">', 1) if at in named else row


def _over(span: int) -> str:
    """How many columns a head is over where rows are laid out as grids."""
    return f";grid-column:span {span}" if span > 1 else ""


def _head(grid: Grid) -> str:
    top = f"border-top:{_THICK}"
    rows = ""
    if grid.spanners:
        cells = (
            f'<th scope="colgroup" colspan="{span}" style="text-align:center;{top}{_over(span)}">'
            f'<span class="gt_column_spanner" style="display:block;border-bottom:{_THIN}">{escape_html(text)}</span></th>'
            if text
            else f'<td colspan="{span}" style="{top}{_over(span)}"></td>'
            for text, span in grid.spanners
        )
        rows = f'<tr class="gt_col_headings gt_spanner_row">{"".join(cells)}</tr>\n'
    over = "" if grid.spanners else f";{top}"
    heads = (
        f'<th scope="col" style="text-align:{align};white-space:pre-line;border-bottom:{_THIN}{over}">{escape_html(text)}</th>'
        for text, align in zip(grid.heads, grid.aligns, strict=True)
    )
    return f'<thead>\n{rows}<tr class="gt_col_headings">{"".join(heads)}</tr>\n</thead>\n'


def _body_rows(grid: Grid) -> Iterator[str]:
    if not grid.indents:
        yield f'<tr><td class="gt_empty" colspan="{len(grid.heads)}"{_ALIGNED["center"]}>{empty_text()}</td></tr>\n'
    escaped = [map_texts(texts, escape_html) for texts in grid.texts]
    ends = "".join(f"<td{_ALIGNED[align]}>%s</td>" for align in grid.aligns[1:]) + "</tr>\n"
    first = f"<tr><td{_ALIGNED[grid.aligns[0]]}>%s</td>{ends}"
    # A page on a screen has no top: what was said above is there and not seen, and is seen again on paper.
    looks = [(' class="cg-again"' if once else "") + _ALIGNED[align] for align, once in zip(grid.aligns, grid.once, strict=True)]
    again = "<tr>" + "".join(f"<td{look}>%s</td>" for look in looks) + "</tr>\n"
    for at, cells in enumerate(zip(*escaped, strict=True)):
        stub = f'<tr><th scope="row" class="gt_stub{_stub_class(grid, at)}" style="{_stub_style(grid, at)}">%s</th>{ends}'
        template = stub if grid.stub else first
        yield (template if grid.begins[at] else again) % cells


_NAMED = re.compile(r'\s(?:role|aria-label|aria-labelledby)="[^"]*"')


def _figure(figure: Figure) -> str:
    """The SVG inline, without prologue, named for those who cannot see it; and its PNG for who is shown no SVG.

    Without the style sheet the words of an SVG that was taken out would stay: they are hidden with it.
    """
    svg = figure.svg[figure.svg.index("<svg") :].strip()
    tag, _, rest = svg.partition(">")
    named = f'<svg role="img" aria-label="{escape_html(clean(figure.alt))}"' + _NAMED.sub("", tag[len("<svg") :])
    lines = escape_html("\n".join(subheadings(figure)))
    address = f"data:image/png;base64,{b64encode(figure.png).decode('ascii')}"
    still = f'<img class="cg-still" alt="{escape_html(clean(figure.alt))}" src="{address}" style="max-width:100%">'
    return (
        f'<figure style="margin:0">\n<div class="cg-lines" style="text-align:center;white-space:pre-line">{lines}</div>\n'
        f'<div class="cg-drawn" style="display:none">{named}>{rest}</div>\n{still}\n'
        f'<figcaption class="cg-notes">{_note_lines(figure)}</figcaption>\n</figure>\n'
    )
