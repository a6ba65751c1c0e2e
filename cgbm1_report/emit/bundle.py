"""One output as the MIME bundle of a notebook cell, which every renderer takes its own part of.

``text/html`` serves Jupyter and HTML reports. ``text/markdown`` holds raw blocks for Word and for
typst; pandoc and Quarto drop the one that is not meant for the target.

A picture needs a part of the Word package that a raw block cannot bring, so between two raw blocks
stands a markdown image with the PNG in its address, which pandoc embeds. Typst has its own,
vectors with an alternative text: there the image is inside a typst comment, opened and closed by
raw blocks. That needs no filter and no conditional block, so pandoc and Quarto both take it.
"""

from __future__ import annotations

from base64 import b64encode

from cgbm1_report.emit.escape import clean, escape_markdown, fence
from cgbm1_report.emit.html import emit_html
from cgbm1_report.emit.openxml import emit_openxml, figure_foot, figure_head, picture_inches
from cgbm1_report.emit.text import emit_text
from cgbm1_report.emit.typst import emit_typst
from cgbm1_report.table import Figure, Output


def mime_bundle(output: Output) -> dict[str, str]:
    """One output as ``text/html``, ``text/markdown`` and ``text/plain``."""
    markdown = _figure(output) if isinstance(output, Figure) else _raw("openxml", emit_openxml(output)) + _raw("typst", emit_typst(output))
    return {"text/html": emit_html(output), "text/markdown": markdown, "text/plain": emit_text(output)}


def _raw(target: str, content: str) -> str:
    """A raw block in a fence the content cannot close."""
    marks = fence(content)
    return f"{marks}{{={target}}}\n{content.rstrip()}\n{marks}\n\n"


def _figure(figure: Figure) -> str:
    width, height = picture_inches(figure)
    address = f"data:image/png;base64,{b64encode(figure.png).decode('ascii')}"
    # The backslash keeps pandoc from making a captioned figure of an image that stands alone.
    image = f"![{escape_markdown(clean(figure.alt))}]({address}){{width={width:.3f}in height={height:.3f}in}}\\\n\n"
    return (
        _raw("openxml", figure_head(figure))
        + _raw("typst", emit_typst(figure) + "/*")
        + image
        + _raw("typst", "*/")
        + _raw("openxml", figure_foot(figure))
    )
