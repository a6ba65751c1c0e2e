"""Holds what sentences of notebooks quote of results against the results, and the sentences against what they quote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.notebook.receipts import QUOTED
from cgbm1_report.readback.printed import Finding, Printed, plain, squeezed
from cgbm1_report.readback.story import fold, read_leaves
from cgbm1_report.rows import read_key, tell_key

QUOTES = "what a sentence quotes is what the output prints, and stands in the sentence"


def check_quoted(folder: Path, outputs: Mapping[str, Printed], ard: pd.DataFrame) -> list[Finding]:
    """Findings where a quoted text is not what its output prints, or no words of its notebook say it.

    What is quoted of an output that the build does not hold is held against the words alone.
    """
    findings = []
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        name = f"notebooks/{path.name}"
        try:
            quoted, words = _read(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            findings.append(Finding(name, f"cannot be read as a notebook: {type(error).__name__} {error}", QUOTES))
            continue
        said = squeezed("".join(item.text for text in read_leaves(tuple(words)) for item in text)) if quoted else ""
        for one in quoted:
            text, number = str(one["text"]), str(one["output"])
            place = f"row {tell_key(read_key(one['row']))}, column {one['column']}" + (f", {one['stat']}" if one["stat"] else "")
            if squeezed(fold(text)) not in said:
                findings.append(Finding(name, f"quotes {text!r}, which none of its words says", QUOTES, number, place))
            if number in outputs and text not in _printed(one, outputs[number], ard):
                findings.append(Finding(name, f"quotes {text!r}, which is not printed there", QUOTES, number, place))
    return findings


def _read(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """What a notebook quotes, and its words."""
    quoted: list[dict[str, Any]] = []
    words: list[str] = []
    for cell in json.loads(path.read_bytes())["cells"]:
        words += ["".join(cell["source"])] if cell["cell_type"] == "markdown" else []
        for shown in cell.get("outputs", ()):
            quoted += shown.get("metadata", {}).get(QUOTED, [])
            data = shown.get("data", {})
            words += ["".join(data["text/markdown"])] if "text/markdown" in data and "text/html" not in data else []
    return quoted, words


def _printed(one: Mapping[str, Any], output: Printed, ard: pd.DataFrame) -> Iterator[str]:
    """What stands in the place that is quoted: of a statistic in the results, else in the cell."""
    if one["stat"] or output.is_figure:
        found = ard[(ard["output"] == output.number) & (ard["row"] == one["row"]) & (ard["column"] == one["column"])]
        found = found[found["stat_name"] == one["stat"]] if one["stat"] else found
        yield from (plain(str(text)) for text in found["stat_fmt"].dropna())
        return
    key = read_key(one["row"])
    stub = len(output.heads) - len(output.columns)
    for row, texts in zip(output.keys, output.rows, strict=False):
        if row == key and one["column"] in output.columns:
            yield texts[stub + output.columns.index(one["column"])]
