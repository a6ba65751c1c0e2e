"""The results of a build as CDISC's Analysis Results Standard: `ars.json`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.build.results import read_results
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.manifest import RESULTS, read_manifest, sha256_of
from cgbm1_report.system.memory import give_back
from cgbm1_report.system.store import open_kept
from cgbm1_report.tabulate.files import file_stem, split_group

if TYPE_CHECKING:
    from cgbm1_report.define.ars import Described, Reported

#: What of an output's files is a printed form of it.
_FORMS = ("html", "docx", "pdf", "rtf")
#: What is kept of an output: all that its results are in the standard.
_DESCRIBED = "described.json"


def write_ars(work: Path, outputs: Sequence[str], trial: Trial, formats: Collection[str], program: str = "") -> None:
    """Write `ars.json`: the reporting event of the outputs, of their results in ard.parquet and their printed titles and notes.

    Every output has a file in each of the ``formats``, or will have: the reading back asks for it. Where ``program`` has a
    number, what it described of the same results before is taken.
    """
    from cgbm1_report.define.ars import Reported, join_described
    from cgbm1_report.outputs.catalogue import catalogue

    entries = catalogue(trial, scope="every")
    reported = {}
    for number in outputs:
        base, group = split_group(number)
        stem = f"outputs/{file_stem(number)}"
        told = json.loads((work / f"{stem}.json").read_text(encoding="utf-8"))
        files = tuple(f"{stem}.{form}" for form in _FORMS if form in formats)
        reported[number] = Reported(entries[base], group or None, told["title"], tuple(told["footnotes"]), files)
    described = _describe(work, reported, trial, program)
    blind = read_manifest(work)["report"]["stamp"]["blind"]
    (work / "ars.json").write_text(join_described(described, reported, trial, blind), encoding="utf-8")
    # The process prints next, and needs the room.
    give_back()


def _describe(work: Path, reported: Mapping[str, Reported], trial: Trial, program: str) -> dict[str, Described]:
    """What each output adds to the reporting event, in their order."""
    from cgbm1_report.define.ars import Described, describe_output

    kept, protocol = open_kept("ars", program), sha256_of(work / "trial.yaml")
    results = {number: work / RESULTS / f"{number}.parquet" for number in reported}
    told = {
        number: {"number": number, "results": sha256_of(file), "trial": protocol} for number, file in results.items() if kept.store
    }
    found = {number: taken[_DESCRIBED] for number, one in told.items() if (taken := kept.find(one))}
    described = {number: Described(**json.loads(content)) for number, content in found.items()}
    missing = [number for number in reported if number not in described]
    ard = read_results(work, missing) if missing else None
    by_output = dict(list(ard.groupby("output", sort=False))) if ard is not None else {}
    for number in missing:
        described[number] = describe_output(number, reported[number], by_output.get(number), trial)
        if kept.store:
            kept.keep(told[number], {_DESCRIBED: json.dumps(described[number]._asdict()).encode()})
    return {number: described[number] for number in reported}
