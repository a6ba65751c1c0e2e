"""One output as the MIME bundle of a notebook cell, which every renderer takes its own part of.

``text/html`` serves Jupyter and HTML reports, ``image/png`` of a figure who shows no HTML. ``text/markdown`` holds raw
blocks for Word and for typst; pandoc and Quarto drop the one that is not meant for the target.

A picture needs a part of the Word package that a raw block cannot bring, so between two raw blocks
stands a markdown image with the PNG in its address, which pandoc embeds. Typst has its own,
vectors with an alternative text: there the image is inside a typst comment, opened and closed by
raw blocks (the closing one is a line comment for who reads it alone). That needs no filter and no
conditional block, so pandoc and Quarto both take it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Literal

from cgbm1_report.emit.escape import clean, escape_markdown, fence
from cgbm1_report.emit.html import emit_html
from cgbm1_report.emit.layout import parts
from cgbm1_report.emit.openxml import emit_openxml, figure_foot, figure_head
from cgbm1_report.emit.pictures import picture_inches
from cgbm1_report.emit.text import emit_text
from cgbm1_report.emit.typst import emit_typst, emit_typst_parts
from cgbm1_report.errors import PlanError
from cgbm1_report.tabulate.table import Figure, Output, Table

#: A typst block holds at most so many rows: typst needs about 150 KB for each, and a renderer may
#: compile the blocks one by one.
VOLUME_ROWS = 1500
PLAIN_ROWS = 200
#: A page of an output on a screen: a browser takes half a minute over ten thousand rows.
PAGE_ROWS = 200


def take_page(output: Output, page: int | Literal["all"], number: str, whole: str = "") -> Output:
    """A page of a long table, which says in its subtitle what it is and in a note how ``number`` shows the others.

    A page ends where a block ends, if one does within its rows. ``all`` is the whole output; a figure has one page. ``whole``
    is where the reader finds all rows, if a file beside the page holds them.

    Raises
    ------
    ReportError
        It has no such page.
    """
    if page == "all" or (isinstance(output, Figure) and page == 1):
        return output
    ranges = [(0, 0)] if isinstance(output, Figure) else parts(output, PAGE_ROWS)
    if not isinstance(page, int) or not 0 < page <= len(ranges):
        raise PlanError(
            f"{output.number} has no page {page}",
            rule="pages of an output",
            remedy=f"name one of 1 to {len(ranges)}, or all",
        )
    if isinstance(output, Figure) or len(ranges) == 1:
        return output
    (start, end), rows = ranges[page - 1], len(output.rows)
    said = f"rows {start + 1:,} to {end:,} of {rows:,} (page {page} of {len(ranges)})"
    ways = [f"{whole} holds all rows"] if whole else []
    ways += [f'show("{number}", page={page + 1}) shows the next page'] if page < len(ranges) else []
    ways += [] if whole else [f'show("{number}", page="all") all rows']
    note = f"Only {said} are shown: {', '.join(ways)}."
    return replace(
        output,
        rows=output.rows[start:end],
        blocks=tuple(block - start for block in output.blocks if start <= block < end),
        marks=tuple((at - start, text) for at, text in output.marks if start <= at < end),
        subtitle=", ".join(text for text in (output.subtitle, said) if text),
        footnotes=(note, *output.footnotes),
    )


def mime_bundle(output: Output) -> dict[str, str]:
    """One output as ``text/html``, ``text/markdown`` and ``text/plain``; a figure also as ``image/png``."""
    if isinstance(output, Figure):
        shown = {"text/markdown": _figure(output), "image/png": b64encode(output.png).decode("ascii")}
    else:
        shown = {"text/markdown": _table(output)}
    return {"text/html": emit_html(output), **shown, "text/plain": _plain(output)}


def _plain(output: Output) -> str:
    """The start of the output: a notebook shows HTML, and nobody reads a long listing as text."""
    rows = 0 if isinstance(output, Figure) else len(output.rows)
    if isinstance(output, Figure) or rows <= PLAIN_ROWS:
        return emit_text(output)
    return emit_text(replace(output, rows=output.rows[:PLAIN_ROWS])) + f"The first {PLAIN_ROWS} of {rows} rows.\n"


def _table(table: Table) -> str:
    parts = emit_typst_parts(table, VOLUME_ROWS)
    return _raw("openxml", emit_openxml(table)) + "".join(_raw("typst", part) for part in parts)


def _raw(target: str, content: str) -> str:
    """A raw block in a fence the content cannot close."""
    marks = fence(content)
    return f"{marks}{{={target}}}\n{content.rstrip()}\n{marks}\n\n"


def _figure(figure: Figure) -> str:
    width, height = picture_inches(figure)
    address = f"data:image/png;base64,{b64encode(figure.png).decode('ascii')}"
    # The backslash keeps pandoc from making a captioned figure of an image that stands alone.
    alt = clean(figure.alt).replace("*/", "* /").replace("/*", "/ *")
    image = f"![{escape_markdown(alt)}]({address}){{width={width:.3f}in height={height:.3f}in}}\\\n\n"
    return (
        _raw("openxml", figure_head(figure))
        + _raw("typst", emit_typst(figure) + "/*")
        + image
        + _raw("typst", "// */")
        + _raw("openxml", figure_foot(figure, leading=True))
    )
