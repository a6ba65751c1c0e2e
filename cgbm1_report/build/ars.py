"""The results of a build as CDISC's Analysis Results Standard: `ars.json`."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from cgbm1_report.build.results import read_results
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.memory import give_back
from cgbm1_report.tabulate.files import file_stem, split_group

#: What of an output's files is a printed form of it.
_FORMS = ("html", "docx", "pdf", "rtf")


def write_ars(work: Path, outputs: Sequence[str], trial: Trial, formats: Collection[str]) -> None:
    """Write `ars.json`: the reporting event of the outputs, of their results in ard.parquet and their printed titles and notes.

    Every output has a file in each of the ``formats``, or will have: the reading back asks for it.
    """
    from cgbm1_report.define.ars import Reported, emit_ars
    from cgbm1_report.outputs.catalogue import catalogue

    entries = catalogue(trial, scope="every")
    reported = {}
    for number in outputs:
        base, group = split_group(number)
        stem = f"outputs/{file_stem(number)}"
        told = json.loads((work / f"{stem}.json").read_text(encoding="utf-8"))
        files = tuple(f"{stem}.{form}" for form in _FORMS if form in formats)
        reported[number] = Reported(entries[base], group or None, told["title"], tuple(told["footnotes"]), files)
    (work / "ars.json").write_text(emit_ars(read_results(work), reported, trial), encoding="utf-8")
    # The process prints next, and needs the room.
    give_back()
