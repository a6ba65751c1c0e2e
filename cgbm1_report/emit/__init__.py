"""Writes one output, a Table or a Figure, in one format.

Every function is pure: the same output gives the same text or bytes. Text from data is never
markup, in no format; no function knows what an output means.
"""

from __future__ import annotations

from cgbm1_report.emit.bundle import mime_bundle, take_page
from cgbm1_report.emit.data import emit_csv, emit_json, emit_printed, read_printed
from cgbm1_report.emit.docx import emit_docx, fill_reference
from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.html import emit_html, emit_html_page
from cgbm1_report.emit.layout import heading
from cgbm1_report.emit.openxml import emit_openxml
from cgbm1_report.emit.reference import read_reference
from cgbm1_report.emit.rtf import emit_rtf
from cgbm1_report.emit.text import emit_text
from cgbm1_report.emit.typst import emit_typst, emit_typst_parts

__all__ = [
    "anchor",
    "emit_csv",
    "emit_docx",
    "emit_html",
    "emit_html_page",
    "emit_json",
    "emit_openxml",
    "emit_printed",
    "emit_rtf",
    "emit_text",
    "emit_typst",
    "emit_typst_parts",
    "fill_reference",
    "heading",
    "mime_bundle",
    "read_printed",
    "read_reference",
    "take_page",
]
