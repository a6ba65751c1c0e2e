"""The executed notebooks as a build hands them out: of a long output a browser gets the first page.

A browser takes half a minute over ten thousand rows, and a notebook is opened to be read. What documents are made of stays
whole: ``text/markdown``, which Quarto renders in Word and PDF, and every file in ``outputs/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgbm1_report.emit import anchor
from cgbm1_report.notebook.normalise import lines_of, write_notebook
from cgbm1_report.notebook.receipts import PLACE, Witness
from cgbm1_report.system.manifest import FIRST_PAGE, RESULTS
from cgbm1_report.system.workers import Workers, gather

#: Long outputs whose first pages are put into notebooks in the time another process takes to begin.
_WORTH = 10


def shorten_notebooks(work: Path, notebooks: Iterable[Path], outputs: Sequence[str], witness: Witness, workers: int) -> None:
    """Hand out notebooks that open at once: of long outputs the first page, now that the documents are made."""
    long = [number for number in outputs if (work / RESULTS / f"{number}{FIRST_PAGE}").is_file()]
    pages = {anchor(number): witness.read(f"{RESULTS}/{number}{FIRST_PAGE}").decode("utf-8") for number in long}
    # The largest first: one holds most of the listings.
    files = sorted((work / "notebooks" / name for name in notebooks), key=lambda path: -path.stat().st_size) if pages else []
    with Workers(min(workers, 1 + len(long) // _WORTH)) as hands:
        gather([hands.call(shorten_notebook, path, pages) for path in files], "shortening the notebooks")


def shorten_notebook(path: Path, pages: Mapping[str, str]) -> None:
    """Put first pages in the place of the HTML of long outputs.

    Parameters
    ----------
    pages
        The HTML of the first page of each long output, by the name it is linked by.
    """
    notebook: dict[str, Any] = json.loads(path.read_bytes())
    shown = [one for cell in notebook["cells"] for one in cell.get("outputs", ())]
    for display in shown:
        mark = display.get("metadata", {}).get(PLACE, {})
        if mark.get("is") == "output" and mark.get("name") in pages:
            display["data"]["text/html"] = lines_of(pages[mark["name"]])
    write_notebook(path, notebook)
