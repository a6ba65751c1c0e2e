"""A table for an analyst's own hands: the same texts as a great_tables object."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd
from great_tables import GT, html, loc, style

from cgbm1_report.tabulate.called import tell_abbreviations, tell_links, tell_source

if TYPE_CHECKING:
    from cgbm1_report.tabulate.table import Table

_STUB = "label"
_INDENT_PX = 16


def make_gt(table: Table) -> GT:
    """The table as great_tables has it: title, phase and population, stub, spanners, column heads, cells, notes and what
    stands on every page.

    Texts are those that are printed, rounded and final; none is read as HTML, Markdown or a unit. A table without rows
    has none here either.

    Returns
    -------
    GT
        To be changed with great_tables' own methods (``tab_style``, ``tab_options`` …).
    """
    # Places name the columns: a column's key may be any text, also that of the stub.
    keys = {f"c{at}": column for at, column in enumerate(table.columns)}
    cells = {name: [_as_html(row.cells.get(column.key, "")) for row in table.rows] for name, column in keys.items()}
    if table.stub_label is not None:
        cells = {_STUB: [_as_html(row.label) for row in table.rows], **cells}
    frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in cells.items()})
    made = GT(frame, rowname_col=_STUB if _STUB in cells else None, auto_align=False)
    # What is escaped already is not escaped again.
    made = made.fmt_passthrough(columns=list(cells), escape=False)
    made = made.cols_label({name: html(_as_html(column.heading)) for name, column in keys.items()})
    for align in ("left", "center", "right"):
        made = made.cols_align(align, [name for name, column in keys.items() if column.align == align])
    for words in dict.fromkeys(column.spanner for column in table.columns if column.spanner):
        spanned = [name for name, column in keys.items() if column.spanner == words]
        made = made.tab_spanner(html(_as_html(words)), spanned, id=f"spanner {spanned[0]}", gather=False)
    if table.stub_label:
        made = made.tab_stubhead(html(_as_html(table.stub_label)))
    for indent in sorted({row.indent for row in table.rows if row.indent} if _STUB in cells else ()):
        rows = [at for at, row in enumerate(table.rows) if row.indent == indent]
        made = made.tab_style(style.css(f"padding-left: {indent * _INDENT_PX}px"), loc.stub(rows=rows))
    # Of which phase it is, whether it is blinded, a draft or synthetic goes with it wherever it is taken.
    below = "\n".join(text for text in (table.subtitle, table.population) if text)
    made = made.tab_header(html(_as_html(f"{table.label} {table.title}")), html(_as_html(below)))
    links = "".join(text for text, _ in tell_links(table))
    for note in filter(None, (*table.footnotes, tell_abbreviations(table), tell_source(table), links, table.stamp.line)):
        made = made.tab_source_note(html(_as_html(note)))
    return made


def _as_html(text: str) -> str:
    # Two braces would begin a unit.
    return escape(text).replace("{", "&#123;").replace("\n", "<br>")
