"""The embedded engine: pandoc and typst out of Python packages, nothing of the system."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.render import RenderResult, ReportAbout, seconds_left
from cgbm1_report.render.parts import Section
from cgbm1_report.render.tree import read_report
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.store import open_kept

if TYPE_CHECKING:
    from cgbm1_report.render.join import Typeset

#: What is kept of a document: its bytes, and what a reader of the log should know.
_CONTENT, _NOTES = "content", "notes.json"


def render_embedded(
    notebooks: list[Path], scratch: Path, about: ReportAbout, formats: list[str], timeout: float, reference: bytes | None,
    made: Mapping[str, Typeset], program: str,
) -> RenderResult:  # fmt: skip
    """Render executed notebooks into ``scratch``; see :func:`cgbm1_report.render.render_report`."""
    ends = time.monotonic() + timeout
    kept = open_kept("documents", program)
    told = {kind: {"kind": kind, **_tell(notebooks, about, reference, made)} for kind in formats} if kept.store else {}
    found = {kind: taken for kind, one in told.items() if (taken := kept.find(one))}
    lacking = set(formats) - set(found)
    sections = read_report(notebooks, printed=bool({"docx", "pdf"} & lacking)) if lacking else []
    files: dict[str, Path] = {}
    notes: tuple[str, ...] = ()
    for kind in formats:
        files[kind] = scratch / f"report.{kind}"
        if kind in found:
            content, said = found[kind][_CONTENT], tuple(json.loads(found[kind][_NOTES]))
        else:
            content, said = _write(kind, sections, about, scratch, seconds_left(ends), reference, made, program)
            kept.keep(told.get(kind, {}), {_CONTENT: content, _NOTES: json.dumps(said).encode()})
        files[kind].write_bytes(content)
        notes += said
    return RenderResult(files, "embedded", version(), notes)


def _tell(notebooks: list[Path], about: ReportAbout, reference: bytes | None, made: Mapping[str, Typeset]) -> dict[str, object]:
    """All that documents follow from but the program: what the notebooks are, what stands at the edges, whose pages are there.

    The pages themselves follow from what the notebooks show.
    """
    look = hashlib.sha256(reference).hexdigest() if reference is not None else None
    return {
        "notebooks": [[path.name, sha256_of(path)] for path in notebooks],
        "about": about.as_data(),
        "look": look,
        "made": list(made),
    }


def _write(
    kind: str, sections: list[Section], about: ReportAbout, scratch: Path, timeout: float, reference: bytes | None,
    made: Mapping[str, Typeset], program: str,
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
    return write_pdf(sections, about, folder, timeout, made=made, program=program)


@cache
def version() -> str:
    """Versions of what renders: pandoc and typst."""
    from importlib.metadata import version as installed

    from cgbm1_report.render.pandoc import pandoc_record

    return f"pandoc {pandoc_record()['version']}, typst {installed('typst')}"
