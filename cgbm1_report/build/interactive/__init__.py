"""What the pages of a build need to open a number: the records behind it, the data, and what a search finds.

All of it lies in the folder ``interactive`` beside the report, as scripts that a page opened from disk may load. A page shows what
is there and computes nothing but the counts and summaries it says are equal; which records belong to a number the second count
says (`recount.behind`). Data are those of the build: what is blind in ``adam/`` is blind here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cgbm1_report.analyse.numbers import STAT_LABELS
from cgbm1_report.build.interactive.outputs import ABOUT, SCRIPT
from cgbm1_report.build.interactive.packed import SUBJECT, SUBJECTS, pack_dataset, write_script
from cgbm1_report.build.interactive.profile import write_profile
from cgbm1_report.emit.escape import anchor
from cgbm1_report.protocol.schema import schema_title
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Stamp


class Interactive:
    """The folder of a build, on its way: the data are written while numbers are counted, what outputs open to as it is found."""

    def __init__(self, build: Path, outputs: Sequence[str], stamp: Stamp, words: Mapping[str, str], hands: Workers) -> None:
        self._build, self._outputs, self._stamp, self._words = build, outputs, stamp, words
        self._data = hands.call(write_datasets, build)

    def take(self, files: Mapping[str, Mapping[str, bytes]]) -> None:
        """Write what each output opens to (`outputs.tell_outputs`), the contents, and the page of a subject."""
        folder = self._build / INTERACTIVE / "outputs"
        folder.mkdir(parents=True, exist_ok=True)
        told = {}
        for number in self._outputs:
            (folder / f"{file_stem(number)}.js").write_bytes(files[number][SCRIPT])
            told[number] = json.loads(files[number][ABOUT])
        datasets = gather([self._data], "writing the data that pages open")[0]
        write_profile(self._build, self._stamp, self._words)
        _write_contents(self._build, told, datasets)


def write_datasets(build: Path) -> dict[str, dict[str, Any]]:
    """Write every dataset that has subjects; what the contents say of each."""
    from pyarrow.parquet import read_schema, read_table

    subjects = read_table(build / "adam" / f"{SUBJECTS.lower()}.parquet")
    told = {}
    for path in sorted((build / "adam").glob("*.parquet")):
        if SUBJECT in read_schema(path).names:
            name, table = path.stem.upper(), read_table(path)
            packed = pack_dataset(name, table, subjects)
            write_script(build / INTERACTIVE / "data" / f"{path.stem}.js", f"data/{name}", packed)
            told[name] = {"rows": table.num_rows, "label": schema_title(name)}
    return told


def _write_contents(build: Path, told: Mapping[str, dict[str, Any]], datasets: Mapping[str, dict[str, Any]]) -> None:
    """What a page loads first: the outputs by the names they have in it; and what it loads when something is searched for."""
    terms: dict[str, list[list[Any]]] = {}
    for number, one in told.items():
        for term, row in one.pop("terms").items():
            terms.setdefault(term, []).append([anchor(number), row])
    contents = {"outputs": {anchor(number): one for number, one in told.items()}, "datasets": datasets, "statistics": STAT_LABELS}
    write_script(build / INTERACTIVE / "contents.js", "contents", contents)
    write_script(build / INTERACTIVE / "terms.js", "terms", dict(sorted(terms.items())))
