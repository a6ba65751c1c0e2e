"""A build looked at from outside: its files and numbers read back, its chain of manifests, its signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.build.gate import look_at
from cgbm1_report.build.seen import digest_seen
from cgbm1_report.build.stamp import NOT_STATED
from cgbm1_report.errors import Problem, ReportError, number_of
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.readback import ReadBack, verify_build
from cgbm1_report.readback.files import INPUTS, OTHER_CUT, WHOLE
from cgbm1_report.system.chain import check_chain
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.signature import check_signature
from cgbm1_report.tabulate.stamped import read_stamp


@dataclass(frozen=True)
class Audit:
    """What was read back, and what chain and signature say: of each a line, and what is wrong."""

    done: ReadBack
    chain: tuple[str, list[Problem]]
    signature: tuple[str, list[Problem]]
    #: How many files were held against the manifest.
    held: int = 0
    #: What is wrong with the cut as a whole.
    cut: tuple[Problem, ...] = ()

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong: who made the build first, and of which cut, then what is in it."""
        return [*self.signature[1], *self.chain[1], *self.cut, *(finding.problem for finding in self.done.findings)]

    @property
    def lines(self) -> Iterator[str]:
        """What a person reads below the problems."""
        yield f"signature: {self.signature[0]}"
        yield f"chain: {self.chain[0]}"
        yield f"manifest: {number_of(self.held, 'file')} compared with the checksums: {self._tell_whole()}"
        yield self.done.tell(len(self.problems))

    def _tell_whole(self) -> str:
        """Whether the files are those that the build left."""
        wrong = sum(one.rule == WHOLE for one in self.done.findings)
        told = f"{wrong} of these, or beside them, {'is' if wrong == 1 else 'are'} not"
        return f"{told if wrong else 'all are'} as the build left them"

    def to_json(self) -> dict[str, Any]:
        """What a machine reads; problems of chain and signature are findings beside those of the files."""
        around = [
            {"file": one.file, "message": one.message, "rule": one.rule, "output": "", "place": one.place, "remedy": one.remedy}
            for one in (*self.signature[1], *self.chain[1], *self.cut)
        ]
        inside = [{**asdict(one), "remedy": one.problem.remedy} for one in self.done.findings]
        told = {**asdict(self.done), "findings": [*around, *inside]}
        return {**told, "held": self.held, "signature": self.signature[0], "chain": self.chain[0]}


def _hash_inputs(cut: Path, trial: Trial, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Of a cut what the manifest names of one: its files, or while a phase is blind what may be seen of them."""
    if not manifest.get("blind"):
        return hash_cut(cut, trial)
    # Also where the cut opens a phase by now: it is held against what was seen then.
    return digest_seen(look_at(read_cut(cut, trial), trial, manifest["report"]["pooled_phases"]))


def audit_build(folder: Path, *, cut: Path | None = None, key: Path | None = None, workers: int = 1) -> Audit:
    """Hold a build against its manifest, its results, its chain and its signature, and against a ``cut`` where one is named.

    Parameters
    ----------
    key
        The public key of who should have signed it.

    Raises
    ------
    ReportError
        The folder is no finished build, or the key or the cut cannot be read.
    """
    manifest = read_manifest(folder)
    # First: it is done in no time, and a key that cannot be read ends the run.
    signature = check_signature(folder, manifest, key)
    # The build's own protocol says which files of a cut are read.
    trial = read_trial(folder / "trial.yaml") if cut else None
    inputs = _hash_inputs(cut, trial, manifest) if cut and trial else None
    done = verify_build(folder, manifest, inputs, workers=workers)
    other = any(one.rule == INPUTS for one in done.findings)
    told = _tell_cutoffs(cut, trial, folder, manifest) if cut and trial and other else ()
    return Audit(done, check_chain(folder), signature, len(manifest["files"]), told)


def _tell_cutoffs(cut: Path, trial: Trial, folder: Path, manifest: Mapping[str, Any]) -> tuple[Problem, ...]:
    """That a cut is of another day than the build: its files differ one and all then, and none of them says why."""
    try:
        day = read_cut(cut, trial).cutoff
    except ReportError:
        # What cannot be read is told file by file.
        return ()
    built, there = read_stamp(manifest, folder).cutoff, day.isoformat() if day else NOT_STATED
    told = f"the build is of data cut-off {built}, and the data cut-off of this cut is {there}"
    return (Problem(told, str(cut), INPUTS, remedy=OTHER_CUT),) if built != there else ()
