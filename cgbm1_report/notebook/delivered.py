"""The executed notebooks as a build hands them out: of a long output a browser gets the first page.

A browser takes half a minute over ten thousand rows, and a notebook is opened to be read. What documents are made of stays
whole: ``text/markdown``, which Quarto renders in Word and PDF, and every file in ``outputs/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cgbm1_report.notebook.normalise import lines_of, write_notebook
from cgbm1_report.notebook.receipts import PLACE


def shorten_notebook(path: Path, pages: Mapping[str, str]) -> None:
    """Put first pages in the place of the HTML of long outputs.

    Parameters
    ----------
    pages
        The HTML of the first page of each long output, by the name it is linked by.
    """
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    shown = [one for cell in notebook["cells"] for one in cell.get("outputs", ())]
    for display in shown:
        mark = display.get("metadata", {}).get(PLACE, {})
        if mark.get("is") == "output" and mark.get("name") in pages:
            display["data"]["text/html"] = lines_of(pages[mark["name"]])
    write_notebook(path, notebook)
