"""Table and Figure as HTML fragments that stand on their own in a report and in Jupyter.

Summary tables are made by great_tables. It takes 2 to 3 ms a row, so listings and very long
tables are written directly, with the same markup and classes: ``templates/report.css``, which
every fragment carries, gives both the same look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

from cgbm1_report.assets import asset
from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.escape import anchor, clean, escape_html, map_texts
from cgbm1_report.emit.layout import Grid, empty_text, heading, make_grid, notes, stamp_line, subheadings
from cgbm1_report.tabulate.table import Figure, Output, Table

#: great_tables makes summary tables up to so many rows.
GREAT_TABLES_ROWS = 400
_DEEPEST_INDENT = 4
_CELL_PADDING_EM = 0.9


def emit_html(output: Output) -> str:
    """One output as an HTML fragment: real table semantics, no text from data as markup.

    The same output gives the same text. Text is never read as HTML, markdown or TeX.
    """
    name = anchor(output.number)
    if isinstance(output, Figure):
        body = _figure(output)
    elif output.kind == "table" and 0 < len(output.rows) <= GREAT_TABLES_ROWS:
        body = _great_table(output)
    else:
        body = _direct_table(output)
    # The ignore classes keep MathJax, in Jupyter and in reports, from typesetting "$5 to $6".
    return (
        f'<section class="cg-output tex2jax_ignore mathjax_ignore" id="{name}" aria-labelledby="{name}-title">\n'
        f'<style>\n{_style()}</style>\n<h2 id="{name}-title">{escape_html(heading(output))}</h2>\n{body}</section>\n'
    )


def emit_html_page(output: Output, fragment: str | None = None) -> str:
    """One output as an HTML file of its own: needs nothing else, runs nothing, loads nothing.

    ``fragment`` is what `emit_html` gave for it, where the caller already has it.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape_html(heading(output))}</title>\n<style>\n{_page_style(output)}</style>\n</head>\n"
        f"<body>\n<main>\n{fragment or emit_html(output)}</main>\n</body>\n</html>\n"
    )


def _page_style(output: Output) -> str:
    """Room around the output on a screen; on paper its sheet, which has margins of its own and needs no new page."""
    first = "body { margin: 0 } .cg-output { break-before: auto !important; margin: 0 !important }"
    return f"body {{ margin: 1.5rem }}\n{output.stamp.sheet.css}\n@media print {{ {first} }}\n"


@lru_cache(maxsize=1)
def _style() -> str:
    """The look, without comments."""
    text = asset("templates", "report.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL)


def _note_lines(output: Output) -> str:
    told = [*notes(output), stamp_line(output)]
    return "".join(f"<p>{escape_html(text)}</p>" for text in told)


def _named(table: Table, grid: Grid) -> str:
    """Attributes of the table: its name, and the width below which it is scrolled, not squeezed.

    Narrower than that a word of a column head would be broken.
    """
    needed = max(
        (1.1 * max(map(text_width, head.split()), default=0.0) + _CELL_PADDING_EM) / share
        for head, share in zip(grid.heads, grid.shares, strict=True)
    )
    narrow = grid.width < 0.999
    width = f"width:{100 * grid.width:.0f}%;margin:0 auto" if narrow else f"min-width:{min(max(needed, 50.0), 140.0):.1f}em"
    return f'aria-labelledby="{anchor(table.number)}-title" style="{width}"'


def _caption(table: Table, grid: Grid) -> str:
    """Caption and widths, which great_tables has no place for; the heading above names the table."""
    widths = "".join(f'<col style="width:{100 * share:.2f}%">' for share in grid.shares)
    lines = escape_html("\n".join(subheadings(table)))
    return (f"<caption>{lines}</caption>\n" if lines else "") + f"<colgroup>{widths}</colgroup>\n"


def _foot(table: Table, columns: int) -> str:
    return f'<tfoot><tr><td colspan="{columns}">{_note_lines(table)}</td></tr></tfoot>\n'


def _stub_class(grid: Grid, row: int) -> str:
    indent = min(grid.indents[row], _DEEPEST_INDENT)
    look = (
        (" cg-head" if grid.keep[row] else "") + (" cg-block" if grid.spaced[row] else "") + (" cg-bold" if grid.bold[row] else "")
    )
    return (f" cg-indent-{indent}" if indent and grid.stub else "") + look


#: No clean text has it.
_APART = "\x1f"


def _no_units(text: str) -> str:
    """A head of great_tables, which would print ``{{m^2}}`` as a unit: no two braces stand together."""
    return re.sub(r"\{(?=\{)", f"{{{_APART}", text)


def _great_table(table: Table) -> str:
    import pandas as pd
    from great_tables import GT

    grid = make_grid(table)
    names = [f"c{at}" for at in range(len(grid.heads))]
    frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in zip(names, grid.texts, strict=True)})
    made = GT(frame, rowname_col=names[0] if grid.stub else None, id=anchor(table.number), auto_align=False)
    made = made.cols_label({name: _no_units(text) for name, text in zip(names, grid.heads, strict=True)})
    for align in ("left", "center", "right"):
        made = made.cols_align(align, [name for name, own in zip(names, grid.aligns, strict=True) if own == align and name != "c0"])
    at = 0
    for number, (text, span) in enumerate(grid.spanners):
        if text:
            made = made.tab_spanner(_no_units(text), names[at : at + span], id=f"s{number}", gather=False)
        at += span
    if grid.stub and grid.heads[0]:
        made = made.tab_stubhead(_no_units(grid.heads[0]))
    return _mend(made.as_raw_html(), table, grid)


def _mend(made: str, table: Table, grid: Grid) -> str:
    """Our caption, widths, indents and notes in the table great_tables made.

    All text in it is escaped, so a ``<`` is always great_tables' own.
    """
    text = made[made.index("<table") : made.index("</table>")].replace(_APART, "").replace("{{", "&#123;&#123;")
    text = text.replace('data-quarto-disable-processing="false"', 'data-quarto-disable-processing="true"', 1)
    before, head, after = _number_heads(text, anchor(table.number)).partition("<thead>")
    before = before.replace("<table ", f"<table {_named(table, grid)} ", 1)
    rows = count()
    after = re.sub(r'(<tr>\s*<t[hd][^>]*? class="gt_row [^"]*)', lambda found: found[1] + _stub_class(grid, next(rows)), after)
    return f"{before}{_caption(table, grid)}{head}{after}{_foot(table, len(grid.heads))}</table>\n"


_HEAD_NAME = re.compile(r'<th [^>]*\bid="([^"]*)"')
_NAMES = re.compile(r'(<t[hd] [^>]*?\b(?:id|headers)=")([^"]*)(")')


def _number_heads(text: str, name: str) -> str:
    """Heads named by their place: great_tables names stub head and spanners by their words."""
    own = _HEAD_NAME.findall(text[: text.index("</thead>")])
    numbered = {old: f"{name}-h{at}" for at, old in enumerate(own) if not re.fullmatch(rf"{name}-c\d+", old)}

    def renamed(found: re.Match[str]) -> str:
        return found[1] + " ".join(numbered.get(one, one) for one in found[2].split(" ")) + found[3]

    return _NAMES.sub(renamed, text)


def _direct_table(table: Table) -> str:
    grid = make_grid(table)
    named = f'{_named(table, grid)} class="gt_table" data-quarto-disable-processing="true"'
    start = f"<table {named}>\n{_caption(table, grid)}"
    return "".join([start, _head(grid), "<tbody>\n", *_body_rows(grid), "</tbody>\n", _foot(table, len(grid.heads)), "</table>\n"])


def _head(grid: Grid) -> str:
    rows = ""
    if grid.spanners:
        cells = (
            f'<th scope="colgroup" colspan="{span}"><span class="gt_column_spanner">{escape_html(text)}</span></th>'
            if text
            else f'<td colspan="{span}"></td>'
            for text, span in grid.spanners
        )
        rows = f'<tr class="gt_col_headings gt_spanner_row">{"".join(cells)}</tr>\n'
    heads = (
        f'<th scope="col" class="gt_{align}">{escape_html(text)}</th>' for text, align in zip(grid.heads, grid.aligns, strict=True)
    )
    return f'<thead>\n{rows}<tr class="gt_col_headings">{"".join(heads)}</tr>\n</thead>\n'


def _body_rows(grid: Grid) -> Iterator[str]:
    if not grid.indents:
        yield f'<tr><td class="gt_empty" colspan="{len(grid.heads)}">{empty_text()}</td></tr>\n'
    escaped = [map_texts(texts, escape_html) for texts in grid.texts]
    classes = {"left": "", "center": ' class="gt_center"', "right": ' class="gt_right"'}
    ends = "".join(f"<td{classes[align]}>%s</td>" for align in grid.aligns[1:]) + "</tr>\n"
    first = f"<tr><td{classes[grid.aligns[0]]}>%s</td>{ends}"
    for at, cells in enumerate(zip(*escaped, strict=True)):
        template = f'<tr><th scope="row" class="gt_stub{_stub_class(grid, at)}">%s</th>{ends}' if grid.stub else first
        yield template % cells


_NAMED = re.compile(r'\s(?:role|aria-label|aria-labelledby)="[^"]*"')


def _figure(figure: Figure) -> str:
    """The SVG inline, without prologue, named for those who cannot see it."""
    svg = figure.svg[figure.svg.index("<svg") :].strip()
    tag, _, rest = svg.partition(">")
    named = f'<svg role="img" aria-label="{escape_html(clean(figure.alt))}"' + _NAMED.sub("", tag[len("<svg") :])
    lines = escape_html("\n".join(subheadings(figure)))
    return (
        f'<figure style="margin:0">\n<div class="cg-lines">{lines}</div>\n{named}>{rest}\n'
        f'<figcaption class="cg-notes">{_note_lines(figure)}</figcaption>\n</figure>\n'
    )
