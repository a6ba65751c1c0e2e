"""The last step of every PDF: it can be read while it arrives, and opens with its bookmarks."""

from __future__ import annotations

from pathlib import Path


def finish_pdf(path: Path) -> None:
    """Write a PDF anew, linearised (ISO 32000-1 annex F), with its bookmarks shown when it is opened.

    Nothing else changes; the same file gives the same bytes.
    """
    import pikepdf
    from pikepdf import Name

    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        if Name.Outlines in pdf.Root:
            pdf.Root.PageMode = Name.UseOutlines
        pdf.save(
            path,
            linearize=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            deterministic_id=True,
            fix_metadata_version=False,
        )
