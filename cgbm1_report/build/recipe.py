"""What a build is made by, in one number: the build in its place is kept where nothing of that has changed.

The recipe is the SHA-256 of everything that a build's bytes follow from: every file of the cut and the names of those that are
not read, the protocol, this program with its schemas, templates, fonts and notebooks, the notebooks and the template of the
sponsor, the versions it all stands on, what was asked for, and the date that was given from outside. A build says its own in its
manifest. Where the one asked for has the same, and the build in its place is as it was made, making it again would give the same
bytes: it is kept.

While a phase is blind the files of the cut hold treatment, and by such a number a guess of who got what could be proved. A blind
build says none: its number lies in the user's cache, with the SHA-256 of the manifest of what was made by it. Who has no cache of
his own makes the build again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cgbm1_report.build.request import Request
from cgbm1_report.build.target import check_replaceable
from cgbm1_report.errors import PlanError, Problem, ReportError
from cgbm1_report.protocol.packages import find_package
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.find import list_files
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.render.engines import Engine
from cgbm1_report.system.manifest import MANIFEST, read_manifest, sha256_of
from cgbm1_report.system.program import hash_program
from cgbm1_report.system.store import key_of, own_folder
from cgbm1_report.system.whole import write_whole

#: What is asked for and changes no byte: where things lie, how many processes there are and how long one may take; who signs.
_BESIDE = {"cut", "out", "trial", "jobs", "notebook_timeout", "reference_doc", "chain", "sign", "anew", "since", "executor"}
#: The environment that a build hears.
_HEARD = ("SOURCE_DATE_EPOCH",)
#: Blind builds whose numbers are noted; the oldest make room.
_MOST = 1000


@dataclass(frozen=True)
class Recipe:
    """The number, and what it says of the files of the cut and of the sponsor's own notebooks."""

    number: str
    cut: Mapping[str, str]
    notebooks: Mapping[str, str] = field(default_factory=dict)

    def of(self, cut: Mapping[str, str]) -> str:
        """The number, where these are the files that were read: one may have been changed since it was written."""
        return self.number if self.number and dict(cut) == dict(self.cut) else ""

    def refuse_other_notebooks(self, folder: Path) -> None:
        """Stop where a notebook beside the protocol is not the one that the number says: it may have run either way.

        Raises
        ------
        PlanError
            Names each that was changed, or is gone.
        """
        moved = [name for name, known in self.notebooks.items() if _hash(folder / name) != known]
        if moved:
            said, rule = "was changed while the build was made", "one notebook per build"
            raise PlanError.of(Problem(said, str(folder / name), rule, remedy="build again") for name in moved)


def write_recipe(
    request: Request, trial: Trial, used: Mapping[str, str], trial_file: Path, engine: Engine, look: str | None
) -> Recipe:
    """The recipe of a build that is asked for.

    Empty for a package that must not tell treatment: its manifest holds no number that could prove a guess of it; and of a cut
    that cannot be read, which is said where it is read.
    """
    if request.package and find_package(request.package).pooled:
        return Recipe("", {})
    own = {name: _hash(trial_file.resolve().parent / name) for name in trial.notebooks or ()}
    try:
        cut, beside = hash_cut(request.cut, trial), sorted(list_files(request.cut))
    except ReportError:
        return Recipe("", {}, own)
    told = {
        "cut": cut,
        "beside": beside,
        "trial": dict(used),
        "notebooks": own,
        "program": hash_program(),
        "engine": [engine.name, engine.version, engine.path],
        "look": look,
        # By its manifest: it says what was changed since.
        "since": sha256_of(request.since / MANIFEST) if request.since else None,
        "asked": {field.name: _plain(getattr(request, field.name)) for field in fields(request) if field.name not in _BESIDE},
        "heard": {name: os.environ.get(name) for name in _HEARD},
    }
    return Recipe(key_of(told), cut, own)


def _hash(path: Path) -> str:
    """The SHA-256 of a file; empty where there is none, which is said where it is read."""
    return sha256_of(path) if path.is_file() else ""


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def remember_recipe(target: Path, number: str) -> None:
    """Note for this user by what a blind build was made; that it cannot be noted is nobody's fault who wanted a build."""
    place = own_folder("recipes")
    if not number or place is None:
        return
    with suppress(ReportError, OSError):
        write_whole(place / number, sha256_of(target / MANIFEST).encode("ascii"))
        noted = sorted((path for path in place.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime)
        for old in noted[:-_MOST]:
            old.unlink(missing_ok=True)


def _is_remembered(target: Path, number: str) -> bool:
    """Whether the build in its place is what this user made by the number."""
    place = own_folder("recipes")
    return place is not None and (place / number).read_text(encoding="ascii") == sha256_of(target / MANIFEST)


def is_made(target: Path, recipe: Recipe, request: Request) -> bool:
    """Whether the build that is asked for lies in its place as it was made; one that is to be signed is made."""
    if not recipe.number or request.anew or request.sign or not (target / MANIFEST).is_file():
        return False
    try:
        manifest = read_manifest(target)
        # One that somebody signed says more than the one that is asked for.
        if (
            not (manifest["recipe"] == recipe.number if "recipe" in manifest else _is_remembered(target, recipe.number))
            or "signed_by" in manifest
            or not all((target / name).is_file() for name in manifest["files"])
        ):
            return False
        check_replaceable(target, target)
    except (ReportError, OSError):
        # What is wrong with it is said where it would be replaced.
        return False
    return True
