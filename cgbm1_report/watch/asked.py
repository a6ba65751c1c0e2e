"""What a watch is asked for: the folder of cuts, the folder of builds, how long cuts rest, and how each is built."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cgbm1_report.assets import asset
from cgbm1_report.build.request import FORMATS, Request, settle_request
from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.find import find_signs, has_data
from cgbm1_report.system.manifest import is_build, sha256_of
from cgbm1_report.system.program import hash_code
from cgbm1_report.system.signature import require_signer
from cgbm1_report.system.whole import find_place, find_whole

_DELIVERED: Final = "name the folder that cuts are delivered to"


@dataclass(frozen=True)
class Asked:
    """A watch of ``folder``, whose cuts are built into ``out``.

    ``once`` ends when nothing is left to do; ``every`` are the seconds between two looks, ``rested`` those that a cut
    without a seal must have lain unchanged, ``longest`` those that one build may take, ``stalled`` those it may tell of no
    step. ``keep`` builds stay; None keeps all. ``retries`` is how often a build that failed by a passing fault is tried
    again. The rest is what `build` is told.
    """

    folder: Path
    out: Path
    once: bool = False
    every: float = 60
    rested: float = 600
    longest: float = 21_600
    stalled: float = 3600
    keep: int | None = None
    retries: int = 2
    since_last: bool = False
    trial: Path | None = None
    phase: int | None = None
    only: tuple[str, ...] | None = None
    formats: tuple[str, ...] = FORMATS
    notebook_timeout: float = 1800
    jobs: int = 2
    use_adam: bool = False
    paper: str = "a4"
    chain: bool = False
    sign: Path | None = None
    executor: str = ""

    @property
    def protocol(self) -> Path:
        """The protocol file that builds are made by."""
        return self.trial or asset("trial.yaml")

    @property
    def request(self) -> Request:
        """What each build is asked for, but for its cut and its place."""
        return Request(
            cut=self.folder, trial=self.trial, phase=self.phase, only=self.only, formats=self.formats,
            notebook_timeout=self.notebook_timeout, jobs=self.jobs, use_adam=self.use_adam, paper=self.paper,
            chain=self.chain, sign=self.sign, executor=self.executor,
        )  # fmt: skip

    @property
    def words(self) -> list[str]:
        """The same as words of a command line."""
        told = ["--formats", ",".join(self.formats), "--jobs", str(self.jobs), "--paper", self.paper]
        told += ["--notebook-timeout", f"{self.notebook_timeout:g}"]
        told += [] if self.trial is None else ["--trial", str(self.trial.absolute())]
        told += [] if self.phase is None else ["--phase", str(self.phase)]
        told += ["--use-adam"] if self.use_adam else []
        told += ["--chain"] if self.chain else []
        told += [] if self.sign is None else ["--sign", str(self.sign.absolute())]
        told += ["--executor", self.executor] if self.executor else []
        return told + [word for number in self.only or () for word in ("--only", number)]


def check_asked(asked: Asked) -> None:
    """Refuse what no cut could be built with, before any is looked at.

    Raises
    ------
    ReportError
        A folder is, or lies in, a cut or a build; the folders hold each other; the protocol file, a format, a number, a phase, a
        sheet or the key is not there.
    """
    cuts, builds = Path(os.path.realpath(asked.folder)), find_place(asked.out)
    if not cuts.is_dir():
        raise PlanError(
            "is no folder", file=find_whole(asked.folder), rule="folder of cuts", remedy=_DELIVERED, closed="is no folder"
        )
    for folder in (cuts, *cuts.parents):
        signs = find_signs(folder)
        what = "cut" if signs else "build" if is_build(folder) else ""
        if what:
            held = f": it holds {' and '.join(signs)}" if signs else ""
            told = f"is itself a {what}{held}" if folder == cuts else f"lies in {folder}, which is itself a {what}{held}"
            file = find_whole(asked.folder)
            raise PlanError(told, file=file, rule="folder of cuts", remedy=_tell_remedy(folder, signs), closed=told)
    for inner, outer in ((builds, cuts), (cuts, builds)):
        if inner == outer or outer in inner.parents:
            told = f"lies in {outer}: builds would be taken for cuts, or cuts for builds" if inner != outer else "is both folders"
            remedy = "name two folders beside each other"
            raise PlanError(told, file=inner, rule="folders of cuts and of builds", remedy=remedy, closed=told)
    refuse_within(builds)
    if asked.sign is not None:
        require_signer(asked.sign.absolute())
    settle_request(asked.request, read_trial(asked.protocol.absolute()))


def _tell_remedy(folder: Path, signs: list[str]) -> str:
    """What mends that cuts are looked for in a cut or a build; a folder without data may look like a cut by a stray file alone."""
    if not signs:
        return _DELIVERED
    above = f"name the folder above: {folder.parent}"
    if has_data(signs):
        return above
    return f"where {folder} is no cut, take {' and '.join(signs)} out of it; else {above}"


def tell_apart(asked: Asked) -> str:
    """A hash of what decides how a build ends besides its cut: the options, the protocol file, the files of this program."""
    told: dict[str, Any] = {
        "words": asked.words,
        "trial": sha256_of(asked.protocol),
        "code": hash_code(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
