"""The build that changes are told since, as it is named: asked for before anything is read, without what compares builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.system.manifest import MANIFEST, read_manifest, sha256_of
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.part import Part

RULE = "--since"


@dataclass(frozen=True)
class Earlier:
    """The build that changes are told since; ``manifest`` is the SHA-256 of its manifest, ``files`` those of its outputs' texts."""

    folder: Path
    cutoff: str
    manifest: str
    files: Mapping[str, str]
    part: Part

    @property
    def told(self) -> str:
        """In words, for a note."""
        return f"the build of the data cut-off {self.cutoff}"

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest."""
        return {"build": self.folder.name, "cutoff": self.cutoff, "manifest": self.manifest}


def read_earlier(folder: Path | None) -> Earlier | None:
    """What an earlier build is, before anything else is read.

    Raises
    ------
    ReportError
        The folder is no finished build, or a file of it was changed.
    """
    if folder is None:
        return None
    place = folder.resolve()
    manifest, digest = read_manifest(place), sha256_of(place / MANIFEST)
    if manifest["report"]["building"]:
        raise ArgumentError("was never finished", file=folder, rule=RULE, remedy="name a finished build")
    known = manifest["files"]
    names = [f"outputs/{file_stem(number)}.json" for number in manifest["outputs"]]
    wrong = [name for name in names if not (place / name).is_file() or sha256_of(place / name) != known.get(name)]
    if wrong:
        told = f"{wrong[0]} was changed since the build wrote it"
        raise PlanError(told, file=folder, rule=RULE, remedy="name a build that is as it was made")
    return Earlier(place, manifest["report"]["stamp"]["cutoff"], digest, {name: known[name] for name in names}, Part.of(manifest))
