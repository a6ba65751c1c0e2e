"""What the pages of a build need to open a number: the records behind it, the data, and what a search finds.

All of it lies in the folder ``interactive`` beside the report, as scripts that a page opened from disk may load. A page shows what
is there and computes nothing but the counts and summaries it says are equal; which records belong to a number the second count
says (`recount.behind`). Data are those of the build: what is blind in ``adam/`` is blind here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgbm1_report.analyse.numbers import STAT_LABELS
from cgbm1_report.build.interactive.numbers import tell_cells
from cgbm1_report.build.interactive.packed import SUBJECT, SUBJECTS, pack_dataset, write_script
from cgbm1_report.build.interactive.profile import write_profile
from cgbm1_report.build.interactive.terms import tell_terms
from cgbm1_report.build.recounted import share_results, tell_facts_of
from cgbm1_report.build.results import read_results
from cgbm1_report.emit.escape import anchor
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount.behind import find_behind
from cgbm1_report.rows import as_key, tell_key
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import Stamp

#: The column of a listing that says whose record it is.
_WHOSE = "SUBJECT"


def begin_interactive(
    build: Path, outputs: Sequence[str], trial: Trial, pooled: Collection[int], stamp: Stamp, hands: Workers
) -> Callable[[], int]:
    """Begin to write the folder; the call that is returned waits for its end, and says how many numbers can be opened."""
    counts = read_results(build)["output"].value_counts(sort=False)
    sizes = {number: int(counts.get(number, 0)) for number in outputs}
    parts = [hands.call(write_outputs, build, part, trial, pooled) for part in share_results(sizes)]
    data = hands.call(write_datasets, build)

    def end() -> int:
        told = {number: one for part in gather(parts, "writing what numbers are made of") for number, one in part.items()}
        datasets = gather([data], "writing the data that pages open")[0]
        write_profile(build, stamp)
        _write_contents(build, {number: told[number] for number in outputs}, datasets)
        return sum(one["numbers"] for one in told.values())

    return end


def write_outputs(build: Path, numbers: Sequence[str], trial: Trial, pooled: Collection[int]) -> dict[str, dict[str, Any]]:
    """Write what can be opened of some outputs; what the contents say of each."""
    ard = read_results(build, numbers)
    found = find_behind(build / "adam", ard, tell_facts_of(numbers, trial, pooled))
    results = dict(list(ard.groupby("output", sort=False)))
    told = {}
    for number in numbers:
        content = json.loads((build / "outputs" / f"{file_stem(number)}.json").read_bytes())
        own = tell_cells(content, results.get(number, ard.iloc[:0]), found.get(number, {}))
        own |= _tell_listed(content) if content["kind"] == "listing" else {}
        own |= {"values": _tell_values(content)} if content["kind"] == "figure" else {}
        write_script(build / INTERACTIVE / "outputs" / f"{file_stem(number)}.js", f"outputs/{file_stem(number)}", own)
        told[number] = {
            "stem": file_stem(number),
            "label": output_label(number),
            "title": content["title"],
            "kind": content["kind"],
            "numbers": len(own["cells"]),
            "terms": tell_terms(content),
        }
    return told


def _tell_listed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Of a listing the subject of each row, and the column that names it."""
    columns = [column["key"] for column in content["columns"]]
    if _WHOSE not in columns:
        return {}
    whose = [dict(map(tuple, row["key"])).get(SUBJECT) for row in content["rows"]]
    return {"whose": whose, "column": columns.index(_WHOSE)}


def _tell_values(content: Mapping[str, Any]) -> list[list[Any]]:
    """What a figure shows, as a reader finds it: the row in words, the column, the statistic, and its value."""
    return [
        [tell_key(as_key(one["row"])), one["column"], one["stat_name"], one["stat_fmt"] or one["stat"]]
        for one in content["results"]
    ]


def write_datasets(build: Path) -> dict[str, dict[str, Any]]:
    """Write every dataset that has subjects; what the contents say of each."""
    import pandas as pd

    subjects = pd.read_parquet(build / "adam" / f"{SUBJECTS.lower()}.parquet")
    told = {}
    for path in sorted((build / "adam").glob("*.parquet")):
        frame = pd.read_parquet(path)
        if SUBJECT in frame:
            name = path.stem.upper()
            packed = pack_dataset(name, frame, subjects)
            write_script(build / INTERACTIVE / "data" / f"{path.stem}.js", f"data/{name}", packed)
            told[name] = {"rows": len(frame), "label": frame.attrs.get("label", "")}
    return told


def _write_contents(build: Path, told: Mapping[str, dict[str, Any]], datasets: Mapping[str, dict[str, Any]]) -> None:
    """What a page loads first: the outputs by the names they have in it; and what it loads when something is searched for."""
    terms: dict[str, list[list[Any]]] = {}
    for number, one in told.items():
        for term, row in one.pop("terms").items():
            terms.setdefault(term, []).append([anchor(number), row])
    outputs = {anchor(number): one for number, one in told.items()}
    write_script(
        build / INTERACTIVE / "contents.js", "contents", {"outputs": outputs, "datasets": datasets, "statistics": STAT_LABELS}
    )
    write_script(build / INTERACTIVE / "terms.js", "terms", dict(sorted(terms.items())))
