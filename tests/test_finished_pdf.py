"""The last step of a PDF: what it says of its tags."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary

from cgbm1_report.render.finish import finish_pdf


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Marked": True, "Suspects": False}, {"/Marked": True}),
        ({"Marked": True, "Suspects": True}, {"/Marked": True, "/Suspects": True}),
        ({"Marked": True}, {"/Marked": True}),
    ],
)
def test_finished_pdf_says_of_suspect_tags_only_that_there_are_some(before, after, tmp_path: Path):
    file = tmp_path / "one.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.MarkInfo = Dictionary(**before)
        pdf.save(file)
    finish_pdf(file)
    with pikepdf.open(file) as pdf:
        assert dict(pdf.Root.MarkInfo.items()) == after
