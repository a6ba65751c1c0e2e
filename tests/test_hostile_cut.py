"""A cut full of hostile verbatims and terms is built whole, read back, and says every one of them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from pypdf import PdfReader

from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.tabulate.files import file_stem
from tests.emit_readers import HtmlReader, docx_body, docx_parts, read_rtf, squeezed, xml_text
from tests.hostile_texts import HOSTILE
from tests.test_hostile_texts import QUOTED

TABLE, LISTING = "T14.3.1.2.1", "L16.2.7.1.1"
#: What a frame and the fonts can hold.
TYPED = [text for text in HOSTILE if text.raw in QUOTED and not text.lacks]


def plant(folder: Path, dataset: str, *variables: str) -> None:
    """Hostile texts in the order of the records, as Parquet, which holds more than XPT does."""
    file = folder / "sdtm" / f"{dataset}.xpt"
    table, _ = pyreadstat.read_xport(str(file))
    raws = [TYPED[at % len(TYPED)].raw for at in range(len(table))]
    table.assign(**{name: pd.Series(raws, index=table.index) for name in variables}).to_parquet(
        file.with_suffix(".parquet"), index=False
    )
    file.unlink()


@pytest.fixture(scope="module")
def build(final_cut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cut = tmp_path_factory.mktemp("hostile") / "cut"
    shutil.copytree(final_cut, cut)
    plant(cut, "ae", "AETERM", "AEDECOD", "AEBODSYS")
    for dataset, name in (("cm", "CMTRT"), ("mh", "MHTERM"), ("dv", "DVTERM"), ("ds", "DSTERM")):
        plant(cut, dataset, name)
    # The build holds every file against the results before it hands them on.
    return build_report(Request(cut=cut, out=cut.parent / "build", only=(TABLE, LISTING), phase=1, engine="embedded"))


def lost(text: str, names: set[str]) -> list[str]:
    said = squeezed(text)
    return [one.name for one in TYPED if one.name in names and squeezed(one.printed) not in said]


def reported(build: Path) -> set[str]:
    """Names of the texts that subjects of the phase have."""
    cells = json.loads((build / "outputs" / f"{file_stem(LISTING)}.json").read_text("utf-8"))["rows"]
    said = squeezed(json.dumps([list(row["cells"].values()) for row in cells], ensure_ascii=False))
    return {one.name for one in TYPED if squeezed(json.dumps(one.printed, ensure_ascii=False)[1:-1]) in said}


@pytest.mark.parametrize("number", [TABLE, LISTING])
def test_every_verbatim_of_the_cut_is_said_in_every_format(build: Path, number: str) -> None:
    names, stem = reported(build), build / "outputs" / file_stem(number)
    assert len(names) >= 35
    page = HtmlReader(stem.with_name(f"{stem.name}.html").read_text("utf-8").split(">", 1)[1])
    assert not lost(page.text, names)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not lost(xml_text(docx_body(stem.with_name(f"{stem.name}.docx").read_bytes())), names)
    assert not lost(read_rtf(stem.with_name(f"{stem.name}.rtf").read_bytes())[0], names)
    pages = PdfReader(stem.with_name(f"{stem.name}.pdf")).pages
    # This reader puts what stands beside Hebrew elsewhere, and the longest text goes over a page; the
    # build's own check, which reads run by run, has found both.
    said = "".join(page.extract_text(extraction_mode="plain") for page in pages).replace("\u2019", "'")
    assert "root:x:" not in said
    assert set(lost(said, names)) <= {"scripts that are printed", "long words and texts"}


def test_whole_report_of_the_cut_leads_nowhere_outside(build: Path) -> None:
    parts = docx_parts((build / "report.docx").read_bytes())
    assert not [name for name, part in parts.items() if name.endswith(".rels") and b"External" in part]
    codes = re.findall(r"<w:instrText[^>]*> (\w+)", parts["word/document.xml"].decode("utf-8"))
    assert set(codes) <= {"TOC", "TC", "SEQ", "PAGEREF", "PAGE", "NUMPAGES"}
    notes = [
        name for page in PdfReader(build / "report.pdf").pages for note in page.get("/Annots", ()) for name in note.get_object()
    ]
    assert "/A" not in notes


def test_controls_in_the_cut_are_found_by_the_gate(build: Path) -> None:
    found = json.loads((build / "findings.json").read_text("utf-8"))["findings"]
    told = [line for line in found if "control character" in line["message"]]
    assert {line["dataset"] for line in told} >= {"AE", "CM", "MH"}
