"""A build since an earlier one: what changed is marked on its pages, and listed beside them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.assets import __version__
from cgbm1_report.compare import compare_sides
from cgbm1_report.compare.files import Form, write_comparison
from cgbm1_report.compare.pages import tell_changes
from cgbm1_report.compare.records import compare_datasets, keys_of
from cgbm1_report.compare.results import read_results
from cgbm1_report.compare.sides import NO_DATA, Side, closed_phases, read_build, refuse_sides, tell_facts
from cgbm1_report.compare.subjects import find_renamed, rename_subjects
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.notebook.since import SINCE, write_moved
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.manifest import MANIFEST, read_manifest, sha256_of
from cgbm1_report.system.program import hash_code
from cgbm1_report.tabulate.files import file_stem, split_group
from cgbm1_report.tabulate.part import Part
from cgbm1_report.tabulate.table import Stamp

if TYPE_CHECKING:
    from cgbm1_report.build.gate import Data

_RULE = "--since"
#: Where the list of changes goes, in each form.
_NAME = "changes"
_FORMS: tuple[Form, ...] = ("html", "docx", "xlsx", "json")


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

    def read(self) -> Side:
        """Its data and results, as they were when the run began.

        Raises
        ------
        PlanError
            It was made anew, or changed, meanwhile.
        """
        if sha256_of(self.folder / MANIFEST) != self.manifest:
            raise PlanError("was changed while it was read", file=self.folder, rule=_RULE, remedy="build again")
        return read_build(self.folder)


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
        raise ArgumentError("was never finished", file=folder, rule=_RULE, remedy="name a finished build")
    known = manifest["files"]
    names = [f"outputs/{file_stem(number)}.json" for number in manifest["outputs"]]
    wrong = [name for name in names if not (place / name).is_file() or sha256_of(place / name) != known.get(name)]
    if wrong:
        told = f"{wrong[0]} was changed since the build wrote it"
        raise PlanError(told, file=folder, rule=_RULE, remedy="name a build that is as it was made")
    return Earlier(place, manifest["report"]["stamp"]["cutoff"], digest, {name: known[name] for name in names}, Part.of(manifest))


def write_earlier(work: Path, earlier: Earlier | None, data: Data, stamp: Stamp, package: str) -> None:
    """Leave for the notebooks what the earlier build said.

    Raises
    ------
    ReportError
        One is blinded and the other is not: the marks would tell treatment; or the earlier build was changed meanwhile.
    """
    if earlier is None:
        return
    side, now = earlier.read(), _side("this build", data.adam, stamp, closed_phases(data.pooled, package))
    try:
        refuse_sides(side, now, unblind=False)
    except ArgumentError as error:
        told, remedy = error.problems[0].message, "leave --since out, or name a build that is blinded alike"
        raise ArgumentError(told, rule=_RULE, remedy=remedy) from error
    folder = work / SINCE
    folder.mkdir(parents=True)
    for name, digest in earlier.files.items():
        copy = Path(shutil.copyfile(earlier.folder / name, folder / Path(name).name))
        if sha256_of(copy) != digest:
            raise PlanError("was changed while it was read", file=earlier.folder / name, rule=_RULE, remedy="build again")
    renamed = find_renamed(side.data, now.data)
    before = rename_subjects(side.data, renamed, now.data)
    found = compare_datasets(before, now.data, keys_of(before, now.data))
    numbers = [one.renumbered.assign(dataset=one.dataset)[["dataset", "subject", "variable", "old", "new"]] for one in found]
    lines = pd.concat(numbers).to_numpy().tolist() if numbers else []
    write_moved(folder, earlier.told, renamed, lines, part=earlier.part)


def write_changes(
    work: Path, earlier: Earlier | None, name: str, stamp: Stamp, trial: Trial, outputs: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Write the list of changes beside the report, in every form; what of it each document says, by dose group."""
    if earlier is None:
        return {}
    old, adam = earlier.read(), {file.stem.upper(): pd.read_parquet(file) for file in sorted((work / "adam").glob("*.parquet"))}
    # As it will stand when it is closed: which program and protocol made it.
    made_by = {"code": __version__, "code_sha256": hash_code(), "trial": {"sha256": sha256_of(work / "trial.yaml")}}
    manifest = {**read_manifest(work), **made_by}
    side = replace(
        _side(name, adam, stamp, old.pooled, read_results(work / "ard.parquet"), tuple(outputs)),
        facts=tell_facts(manifest), part=Part.of(manifest), folder=work,
    )  # fmt: skip
    found = compare_sides(old, side, trial)
    for form in _FORMS:
        (work / f"{_NAME}.{form}").write_bytes(write_comparison(found, form))
    groups = {split_group(number)[1] for number in outputs}
    return {group: [("Whole list", f"{_NAME}.html"), *tell_changes(found, group)] for group in groups}


def _side(
    name: str, adam: Mapping[str, pd.DataFrame], stamp: Stamp, pooled: frozenset[int],
    results: pd.DataFrame | None = None, outputs: tuple[str, ...] = (),
) -> Side:  # fmt: skip
    frames = {one: frame for one, frame in adam.items() if one not in NO_DATA}
    return Side(name, "build", frames, stamp, pooled, results, outputs)
