"""The embedded engine: pandoc and typst out of Python packages, nothing of the system."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.render import RenderResult, ReportAbout, seconds_left
from cgbm1_report.render.parts import Section
from cgbm1_report.render.tree import read_report

if TYPE_CHECKING:
    from cgbm1_report.render.join import Typeset


def render_embedded(
    notebooks: list[Path], scratch: Path, about: ReportAbout, formats: list[str], timeout: float, reference: bytes | None,
    made: Mapping[str, Typeset],
) -> RenderResult:  # fmt: skip
    """Render executed notebooks into ``scratch``; see :func:`cgbm1_report.render.render_report`."""
    ends = time.monotonic() + timeout
    sections = read_report(notebooks, printed=bool({"docx", "pdf"} & set(formats)))
    files: dict[str, Path] = {}
    notes: tuple[str, ...] = ()
    for kind in formats:
        files[kind] = scratch / f"report.{kind}"
        content, said = _write(kind, sections, about, scratch, seconds_left(ends), reference, made)
        files[kind].write_bytes(content)
        notes += said
    return RenderResult(files, "embedded", version(), notes)


def _write(
    kind: str, sections: list[Section], about: ReportAbout, scratch: Path, timeout: float, reference: bytes | None,
    made: Mapping[str, Typeset],
) -> tuple[bytes, tuple[str, ...]]:  # fmt: skip
    if kind == "html":
        from cgbm1_report.render.html import write_html

        return write_html(sections, about).encode("utf-8"), ()
    if kind == "docx":
        from cgbm1_report.emit.docx import fill_reference
        from cgbm1_report.render.docx import write_docx

        return write_docx(sections, about, fill_reference(about.stamp, about.title, reference), timeout), ()
    from cgbm1_report.render.pdf import write_pdf

    folder = scratch / "typst"
    folder.mkdir()
    return write_pdf(sections, about, folder, timeout, made=made)


@cache
def version() -> str:
    """Versions of what renders: pandoc and typst."""
    from importlib.metadata import version as installed

    from cgbm1_report.render.pandoc import pandoc_record

    return f"pandoc {pandoc_record()['version']}, typst {installed('typst')}"
