"""What is compared: the data of a cut, or the data and the results of a build."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from cgbm1_report.compare.results import NAMED, SAID, read_results
from cgbm1_report.errors import ArgumentError, ProofError, number_of
from cgbm1_report.notebook.datasets import Datasets
from cgbm1_report.protocol.packages import FINDINGS, UNSEEN, packages
from cgbm1_report.system.manifest import RESTORE, other_version, read_manifest, sha256_of
from cgbm1_report.tabulate.part import WHOLE, Part
from cgbm1_report.tabulate.stamped import read_stamp
from cgbm1_report.tabulate.table import Stamp

_RESULTS = "ard.parquet"
#: What the gate counted of the data, and what it took out of them, is no data.
NO_DATA = frozenset({FINDINGS, UNSEEN})
#: So many outputs are named that one of the two was not asked to have; JSON names all.
_NAMED = 20

#: What a reader calls facts of a build and what they say, where their own names are those of options.
_CALLED: Final = {
    "phase": "phases in the report",
    "dose group": "dose groups with a document of their own",
    "data": "what is analysed",
}
_SAID: Final[Mapping[str, Mapping[str, str]]] = {"dose group": {"all": "none"}}


@dataclass(frozen=True, repr=False)
class Side:
    """A cut or a build as it is compared.

    ``pooled`` are the phases of which nobody may know who got what; ``facts`` what else two of them may differ in without
    their data doing so: the protocol, the phase built, the package; ``part`` which outputs a build was asked to have.
    """

    name: str
    kind: Literal["cut", "build"]
    data: Mapping[str, pd.DataFrame]
    stamp: Stamp
    pooled: frozenset[int]
    results: pd.DataFrame | None = None
    outputs: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    part: Part = WHOLE
    #: What the gate counted of the data, and the libraries that a build was made with, by name.
    findings: pd.DataFrame = field(default_factory=pd.DataFrame)
    libraries: Mapping[str, str] = field(default_factory=dict)
    #: Where the files of a build lie, and their SHA-256 where it is closed.
    folder: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    #: The files of a cut that lie beside its datasets and go into the report, by name, with their SHA-256.
    beside: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.kind.capitalize()} {self.name}: {number_of(len(self.data), 'dataset')}, data cut-off {self.stamp.cutoff}>"


def read_build(folder: Path) -> Side:
    """A finished build, each of its files as the build wrote it.

    Raises
    ------
    ReportError
        The folder is no build, or a file of it was changed.
    """
    manifest = read_manifest(folder)
    digests = manifest.get("files", {})
    results = folder / _RESULTS
    if not results.is_file() or sha256_of(results) != digests.get(_RESULTS):
        raise ProofError("was changed since the build wrote it", file=results, rule="files of the manifest", remedy=RESTORE)
    frames = Datasets(folder, digests)
    told = read_results(results)
    if lost := [name for name in (*NAMED, *SAID) if name not in told]:
        raise other_version(manifest, results, f"it has no {', '.join(lost)}")
    return Side(
        folder.name or str(folder),
        "build",
        {name: frames[name] for name in frames if name not in NO_DATA},
        read_stamp(manifest, folder),
        closed_phases(manifest["report"]["pooled_phases"], manifest["parameters"].get("package") or ""),
        told,
        tuple(manifest["outputs"]),
        tell_facts(manifest),
        Part.of(manifest),
        frames[FINDINGS] if FINDINGS in frames else pd.DataFrame(),
        {"Python": str(manifest.get("python", "")), **manifest.get("packages", {})},
        folder,
        digests,
    )


def closed_phases(pooled: Collection[int], package: str) -> frozenset[int]:
    """The phases whose treatment a build does not tell; a package that pools all subjects tells none."""
    told = packages().get(package)
    return frozenset(pooled) | {-1} if told and told.pooled else frozenset(pooled)


def tell_facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What the manifest of a build says of it besides its data."""
    asked, report = manifest["parameters"], manifest["report"]
    return {
        "protocol": report["stamp"]["protocol"],
        "trial.yaml": str(manifest.get("trial", {}).get("sha256", ""))[:12],
        "program": f"{manifest['code']} ({code[:12]})" if (code := str(manifest.get("code_sha256", ""))) else str(manifest["code"]),
        "phase": str(asked.get("phase") or "all"),
        "dose group": str(asked.get("dose_group") or "each"),
        "package": " ".join(filter(None, (asked.get("package"), asked.get("review")))) or "none",
        "data": "supplied ADaM" if asked.get("use_adam") else "derived ADaM",
    }


def refuse_sides(old: Side, new: Side, *, unblind: bool) -> None:
    """Refuse to compare what is not alike, or what would tell treatment.

    Raises
    ------
    ArgumentError
        One is a cut and the other a build, or they are builds of other packages; or one is blind where the other is open and
        nobody said that this may be told.
    """
    if old.kind != new.kind:
        told = f"{old.name} is a {old.kind} and {new.name} a {new.kind}"
        raise ArgumentError(told, rule="compare A B", remedy="name two cuts, or two builds")
    if old.part.package != new.part.package:
        # Subjects whom a package leaves out would be told as gone from the study.
        told = " and ".join(
            f"{one.name} is {f'package {one.part.package}' if one.part.package else 'the report'}" for one in (old, new)
        )
        remedy = "compare two builds of the report, two of one package, or the cuts that they were built of"
        raise ArgumentError(f"{told}, which are of other subjects", rule="compare A B", remedy=remedy)
    if old.pooled != new.pooled and not unblind:
        blind = old.name if old.pooled - new.pooled else new.name
        told = f"{blind} is blinded where the other is not: what differs between them tells treatment"
        remedy = "compare two that are blinded alike; if you may know who got what, add --unblind, in Python unblind=True"
        raise ArgumentError(told, rule="blinding", remedy=remedy)


def find_unasked(old: Side, new: Side) -> dict[str, tuple[str, ...]]:
    """Outputs of each side that the other lacks because it was not asked for them, by who lacks them: ``old``, ``new``."""
    pairs = (("old", old, new), ("new", new, old))
    return {
        which: tuple(number for number in other.outputs if number not in {*side.outputs} and not side.part.has(number))
        for which, side, other in pairs
    }


def tell_unlike(old: Side, new: Side, unasked: Mapping[str, tuple[str, ...]]) -> list[str]:
    """In what the two differ besides their data, a line each; outputs of which one side was not asked for are not compared."""
    lines = [
        f"{_CALLED.get(name, name)}: {_word(name, old.facts[name])}, now {_word(name, new.facts[name])}"
        for name in old.facts
        if name in new.facts and old.facts[name] != new.facts[name]
    ]
    lines += [
        f"{name}: {old.libraries[name]}, now {new.libraries[name]}"
        for name in old.libraries
        if name in new.libraries and old.libraries[name] != new.libraries[name]
    ]
    if old.pooled != new.pooled:
        lines.append("blinding: one is blinded where the other is not")
    sides = {"old": (old, new), "new": (new, old)}
    return lines + [_tell_unasked(*sides[which], numbers) for which, numbers in unasked.items() if numbers]


def _word(name: str, value: str) -> str:
    """What a fact of a build says, as a reader calls it."""
    return _SAID.get(name, {}).get(value, value)


def _tell_unasked(side: Side, other: Side, numbers: tuple[str, ...]) -> str:
    count, named = len(numbers), ", ".join(numbers[:_NAMED])
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    outputs = f"{count:,} output{'s' * (count != 1)} of {other.name}"
    return f"{side.name} is a part, and not asked to have {outputs}, which are neither new nor gone: {named}{more}"
