"""What a page opens of an output: its numbers with their records, of a listing whose rows they are, of a figure its values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.build.interactive.numbers import tell_cells
from cgbm1_report.build.interactive.packed import SUBJECT, say_script
from cgbm1_report.build.interactive.terms import tell_terms
from cgbm1_report.recount.behind import Found
from cgbm1_report.rows import as_key, tell_key
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.named import output_label

if TYPE_CHECKING:
    import pandas as pd

#: What is kept of each output: the script that a page loads, and what the contents say of it.
SCRIPT, ABOUT = "opened.js", "opened.json"
#: The column of a listing that says whose record it is.
_WHOSE = "SUBJECT"


def tell_outputs(
    build: Path, numbers: Sequence[str], ard: pd.DataFrame, found: Mapping[str, Mapping[str, Found]]
) -> dict[str, dict[str, bytes]]:
    """The files of outputs, by their names; ``ard`` are their results, ``found`` the records behind them by output and context."""
    results = dict(list(ard.groupby("output", sort=False)))
    told = {}
    for number in numbers:
        stem = file_stem(number)
        content = json.loads((build / "outputs" / f"{stem}.json").read_bytes())
        own = tell_cells(content, results.get(number, ard.iloc[:0]), found.get(number, {}))
        own |= _tell_listed(content) if content["kind"] == "listing" else {}
        own |= {"values": _tell_values(content)} if content["kind"] == "figure" else {}
        about = {
            "stem": stem,
            "label": output_label(number),
            "title": content["title"],
            "kind": content["kind"],
            "numbers": len(own["cells"]),
            "terms": tell_terms(content),
        }
        told[number] = {SCRIPT: say_script(f"outputs/{stem}", own), ABOUT: json.dumps(about).encode()}
    return told


def _tell_listed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Of a listing the subject of each row, and the column that names it."""
    columns = [column["key"] for column in content["columns"]]
    if _WHOSE not in columns:
        return {}
    whose = [dict(map(tuple, row["key"])).get(SUBJECT) for row in content["rows"]]
    return {"whose": whose, "column": columns.index(_WHOSE)}


def _tell_values(content: Mapping[str, Any]) -> list[list[Any]]:
    """What a figure shows, as a reader finds it: the row in words, the column, the statistic, its value, and whose it is."""
    told = []
    for one in content["results"]:
        key = as_key(one["row"])
        value = one["stat_fmt"] or one["stat"]
        told.append([tell_key(key), one["column"], one["stat_name"], value, dict(key).get(SUBJECT)])
    return told
