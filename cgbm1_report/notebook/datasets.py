"""The analysis datasets of a build, as a notebook gets them: copies, of what the build wrote."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pandas as pd

from cgbm1_report.errors import PlanError, find_near
from cgbm1_report.system.manifest import MANIFEST, SEAL, sha256_of


class NoDatasetError(PlanError, KeyError):
    """A dataset that a build does not have: a KeyError too, as of any mapping."""

    __str__ = Exception.__str__


class Datasets(Mapping[str, pd.DataFrame]):
    """ADaM datasets of a build, each read from its parquet file when first asked for.

    ``digests`` are the SHA-256 of the build's files: what was changed since is refused. Every frame
    handed out is a copy (on write) of what was read.

    Raises
    ------
    ReportError
        The build has no such dataset (the nearest names are told), or its file was changed.
    """

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        self._files = {file.stem.upper(): file for file in sorted((folder / "adam").glob("*.parquet"))}
        self._digests = digests
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            # The bytes that are hashed are those that are read.
            if name not in self:
                raise self._unknown(name)
            file = self._files[name if name in self._files else name.upper()]
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest() != self._digests.get(f"adam/{file.name}"):
                raise changed_since(file)
            self._read[name] = pd.read_parquet(BytesIO(content))
        return self._read[name].copy(deep=False)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._files or name.upper() in self._files)

    def _unknown(self, name: object) -> NoDatasetError:
        close = find_near(str(name), self._files, 3, 0.5)
        remedy = f"did you mean {', '.join(close)}?" if close else f"it has {', '.join(self._files)}"
        return NoDatasetError(f"{name!r} is no dataset of this build", rule="report.data", remedy=remedy)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def changed_since(file: Path) -> PlanError:
    """What is said of a file of a build that is not as the build wrote it."""
    return PlanError(
        "was changed since the build wrote it",
        file=file,
        rule="outputs are made from the data of the build",
        remedy="build again; a notebook changes copies, in memory",
    )


def refuse_changed(place: Path, digests: Mapping[str, str], *, building: bool) -> None:
    """Refuse a protocol that is not the build's, and a manifest that is not the one this process was told of."""
    seal = os.environ.get(SEAL)
    if building and seal and sha256_of(place / MANIFEST) != seal:
        raise changed_since(place / MANIFEST)
    if sha256_of(place / "trial.yaml") != digests.get("trial.yaml"):
        raise changed_since(place / "trial.yaml")
