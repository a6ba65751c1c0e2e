"""What others do with the same texts, in a process of its own: `python -m benchmarks.peers WORK TEXTS TARGET`.

A peer is given the finished texts of the output (`benchmarks.data.texts_of`), so it neither reads a cut
nor counts anything. Only the documented, plain use of each is measured.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd

from benchmarks.measure import timed

#: What a piece of work needs, by the name Python imports it under, and how a reader knows it.
NEEDS = {
    "rtflite": ("rtflite",),
    "gt-html": ("great_tables",),
    "gt-docx": ("great_tables", "pypandoc"),
    "gt-pdf": ("great_tables", "pypandoc", "typst"),
    "stock": ("papermill", "pypandoc", "typst"),
}
TITLE = "Listing 16.2.7.1.1 Adverse Events"


def absent(work: str) -> list[str]:
    """What a peer's work needs and this environment does not have."""
    return [name for name in NEEDS[work] if importlib.util.find_spec(name) is None]


def write_rtflite(texts: pd.DataFrame, target: Path) -> None:
    import polars as pl
    import rtflite as rtf

    frame = pl.from_pandas(texts)
    with timed():
        document = rtf.RTFDocument(
            df=frame,
            rtf_page=rtf.RTFPage(orientation="landscape"),
            rtf_page_header=rtf.RTFPageHeader(),
            rtf_title=rtf.RTFTitle(text=[TITLE]),
            rtf_column_header=rtf.RTFColumnHeader(text=list(frame.columns)),
            rtf_body=rtf.RTFBody(),
        )
        document.write_rtf(str(target))


def gt_html(texts: pd.DataFrame) -> str:
    from great_tables import GT

    return str(GT(texts, id="listing").tab_header(title=TITLE).as_raw_html())


def write_gt_html(texts: pd.DataFrame, target: Path) -> None:
    import great_tables  # noqa: F401 - imported before the clock starts

    with timed():
        target.write_text(gt_html(texts), encoding="utf-8")


def write_gt_docx(texts: pd.DataFrame, target: Path) -> None:
    import great_tables  # noqa: F401

    with timed():
        convert(gt_html(texts), "docx", target)


def write_gt_pdf(texts: pd.DataFrame, target: Path) -> None:
    """Not timed by itself: its line is about whole processes."""
    typeset(gt_html(texts), target)


def convert(html: str, to: str, target: Path) -> None:
    """HTML tables by pandoc, as a notebook's HTML outputs are converted where nothing else is offered."""
    import pypandoc

    pypandoc.convert_text(html, to, format="html", outputfile=str(target), extra_args=["--standalone"])


def typeset(html: str, target: Path) -> None:
    """HTML tables to PDF: typst's source by pandoc, then typst."""
    import typst

    source = target.with_suffix(".typ")
    convert(html, "typst", source)
    # The default page is portrait; twelve columns need the wide side.
    source.write_text("#set page(flipped: true)\n" + source.read_text(encoding="utf-8"), encoding="utf-8")
    typst.compile(str(source), output=str(target))


WORK = {"rtflite": write_rtflite, "gt-html": write_gt_html, "gt-docx": write_gt_docx, "gt-pdf": write_gt_pdf}

if __name__ == "__main__":
    WORK[sys.argv[1]](pd.read_parquet(sys.argv[2]), Path(sys.argv[3]))
