"""The last step of every PDF: it can be read while it arrives, and opens with its bookmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: What templates/output.typ lets a link to an output point to that other pages hold, in front of its name.
OUTPUT_LINK = "https://output.invalid/"


def finish_pdf(path: Path, target: Path | None = None, leads: Mapping[str, Sequence[str]] | None = None) -> None:
    """Write a PDF anew, linearised (ISO 32000-1 annex F), with its bookmarks shown when it is opened, and
    without the entry that no tag is suspect, which is so by default.

    Nothing else changes; the same file gives the same bytes.

    Parameters
    ----------
    target
        Where it goes; by default it takes the place of what it is made of.
    leads
        Of a file of one output: of each output that it is linked with, by the name that leads to it, the file beside it and
        what a reader is told.
    """
    import pikepdf
    from pikepdf import Dictionary, Name

    with pikepdf.open(path, allow_overwriting_input=target is None) as pdf:
        if Name.Outlines in pdf.Root:
            pdf.Root.PageMode = Name.UseOutlines
        marked = pdf.Root.get(Name.MarkInfo, Dictionary())
        # False is what the key is by default (ISO 32000-1, 14.7.1), and poppler complains where it is said.
        if Name.Suspects in marked and not marked[Name.Suspects]:
            del marked[Name.Suspects]
        if leads:
            _lead_to_files(pdf, leads)
        pdf.save(
            target or path,
            linearize=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            deterministic_id=True,
            fix_metadata_version=False,
        )


def _lead_to_files(pdf: Any, leads: Mapping[str, Sequence[str]]) -> None:
    """Let links to other outputs open their files, which lie beside this one (ISO 32000-1, 12.6.4.3)."""
    from pikepdf import Array, Dictionary, Name, String

    for page in pdf.pages:
        for link in page.obj.get(Name.Annots, Array()):
            target = str(link.get(Name.A, Dictionary()).get(Name.URI, ""))
            if target.startswith(OUTPUT_LINK):
                file, words = leads[target.removeprefix(OUTPUT_LINK)]
                link.A = Dictionary(S=Name.GoToR, F=String(file), D=Array([0, Name.Fit]))
                # Read aloud and shown by the pointer; typst wrote the address that stood for the file.
                link.Contents = String(words)
