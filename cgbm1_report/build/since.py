"""A build since an earlier one: what changed is marked on its pages, and listed beside them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.assets import __version__
from cgbm1_report.build.earlier import RULE, Earlier
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
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.part import Part
from cgbm1_report.tabulate.table import Stamp

if TYPE_CHECKING:
    from cgbm1_report.build.gate import Data

#: Where the list of changes goes, in each form.
_NAME = "changes"
_FORMS: tuple[Form, ...] = ("html", "docx", "xlsx", "json")


def _read_side(earlier: Earlier) -> Side:
    """Its data and results, as they were when the run began.

    Raises
    ------
    PlanError
        It was made anew, or changed, meanwhile.
    """
    if sha256_of(earlier.folder / MANIFEST) != earlier.manifest:
        raise PlanError("was changed while it was read", file=earlier.folder, rule=RULE, remedy="build again")
    return read_build(earlier.folder)


def write_earlier(work: Path, earlier: Earlier, data: Data, stamp: Stamp, package: str) -> None:
    """Leave for the notebooks what the earlier build said.

    Raises
    ------
    ReportError
        They are of other packages; one is blinded and the other is not, so that the marks would tell treatment; the earlier build
        was changed meanwhile.
    """
    side = _read_side(earlier)
    now = replace(_side("this build", data.adam, stamp, closed_phases(data.pooled, package)), part=Part(package=package))
    try:
        refuse_sides(side, now, unblind=False)
    except ArgumentError as error:
        told, remedy = error.problems[0].message, "leave --since out, or name a build of its kind that is blinded alike"
        raise ArgumentError(told, rule=RULE, remedy=remedy) from error
    folder = work / SINCE
    folder.mkdir(parents=True)
    for name, digest in earlier.files.items():
        copy = Path(shutil.copyfile(earlier.folder / name, folder / Path(name).name))
        if sha256_of(copy) != digest:
            raise PlanError("was changed while it was read", file=earlier.folder / name, rule=RULE, remedy="build again")
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
    old = _read_side(earlier)
    adam = {file.stem.upper(): pd.read_parquet(file) for file in sorted((work / "adam").glob("*.parquet"))}
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
