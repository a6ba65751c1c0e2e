"""Deliberate defects: what a validator must catch, planted one subject each and written down.

A defect of stage S spoils the SDTM. One of stage A spoils the supplied ADaM, which is otherwise derived
from the SDTM as it was before anything was planted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.streams import stream
from cgbm1_report.validate.source import key_text

MANIFEST = "defects_manifest.json"
_MODULES = ("defects_sdtm", "defects_adam")


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.copy(deep=False)
    plain.attrs = {}
    return plain


class Scene:
    """The data being spoilt: SDTM with SUPP-- merged on and ADaM, by upper-case name; the frames given stay as they are."""

    def __init__(
        self, sdtm: Mapping[str, pd.DataFrame], adam: Mapping[str, pd.DataFrame], trial: Trial, cutoff: date | None
    ) -> None:
        given = {**sdtm, **adam}
        self.attributes = {name: frame.attrs for name, frame in given.items()}
        # Labels are put aside: pandas would copy them with every step.
        self.frames = {name: _bare(frame) for name, frame in given.items()}
        self.trial, self.parts = trial, find_parts(trial)
        self.cutoff = pd.Timestamp(cutoff) if cutoff else pd.Timestamp.max
        self.spoilt: set[str] = set()

    def __getitem__(self, dataset: str) -> pd.DataFrame:
        return self.frames[dataset]

    def labelled(self, dataset: str) -> pd.DataFrame:
        """The dataset as it is now, with its labels."""
        frame = self.frames[dataset].copy()
        frame.attrs = self.attributes[dataset]
        return frame

    def of(self, dataset: str, subject: str) -> pd.DataFrame:
        """Records of a subject."""
        frame = self.frames[dataset]
        return frame[frame["USUBJID"] == subject]

    def subjects(self, dataset: str, wanted: pd.Series) -> set[str]:
        """Subjects with a record that is wanted."""
        return set(self.frames[dataset].loc[wanted.fillna(False).astype(bool), "USUBJID"])

    def first(self, dataset: str, subject: str, wanted: pd.Series) -> Hashable:
        """Index of the subject's first record that is wanted."""
        frame = self.frames[dataset]
        index: Hashable = frame.index[(frame["USUBJID"] == subject) & wanted.fillna(False).astype(bool)][0]
        return index

    def value(self, dataset: str, record: Hashable, variable: str) -> Any:
        """One value of one record."""
        return self.frames[dataset].at[cast(int, record), variable]

    def write(self, dataset: str, rows: Hashable | pd.Index, **values: Any) -> None:
        """Overwrite variables of records."""
        frame = self.frames[dataset].copy()
        for variable, value in values.items():
            if variable not in frame:
                frame[variable] = pd.Series(np.nan, index=frame.index).astype("str")
            frame.loc[rows, variable] = value
        self._keep(dataset, frame)

    def write_first(self, dataset: str, subject: str, wanted: pd.Series, **values: Any) -> tuple[str, Hashable]:
        """Overwrite variables of the subject's first record that is wanted; the dataset and the record, as a defect tells them."""
        record = self.first(dataset, subject, wanted)
        self.write(dataset, record, **values)
        return dataset, record

    def add(self, dataset: str, record: Hashable, **values: Any) -> Hashable:
        """Append a copy of a record with other values; gives its index."""
        frame = self.frames[dataset]
        self._keep(dataset, pd.concat([frame, frame.loc[[record]]], ignore_index=True))
        last: Hashable = self.frames[dataset].index[-1]
        self.write(dataset, last, **values)
        return last

    def drop(self, dataset: str, rows: pd.Index) -> None:
        """Take records out."""
        self._keep(dataset, self.frames[dataset].drop(index=rows))

    def _keep(self, dataset: str, frame: pd.DataFrame) -> None:
        self.frames[dataset] = frame
        self.spoilt.add(dataset)


#: Gives the subjects a defect can be planted in; spoils the data of one and gives the place (dataset, record).
Among = Callable[[Scene], Iterable[str]]
Plant = Callable[[Scene, str], tuple[str, Hashable]]


@dataclass(frozen=True)
class Defect:
    """A deliberate defect: its id, its stage, the rules that must find it, and how it gets into the data."""

    id: str
    stage: Literal["S", "A"]
    rule: str
    title: str
    among: Among
    plant: Plant


DEFECTS: dict[str, Defect] = {}


def defect(code: str, stage: Literal["S", "A"], rule: str, among: Among) -> Callable[[Plant], Plant]:
    """Register a defect under its id; an id that stands twice is refused."""

    def register(plant: Plant) -> Plant:
        if code in DEFECTS:
            raise KeyError(f"defect {code} exists already")
        DEFECTS[code] = Defect(code, stage, rule, (plant.__doc__ or "").strip().partition("\n")[0], among, plant)
        return plant

    return register


def read_catalogue() -> list[Defect]:
    """Every defect, by id."""
    for module in _MODULES:
        import_module(f"cgbm1_report.simulate.{module}")
    return [DEFECTS[code] for code in sorted(DEFECTS)]


def choose_subjects(scene: Scene, catalogue: list[Defect], seed: int) -> dict[str, str]:
    """One subject for each defect, different ones, by the seed.

    A largest matching of defects and subjects: if a choice without a clash exists, it is found.

    Raises
    ------
    ReportError
        A defect finds nobody, as in a cut so early that nobody has died. All of them at once.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    subjects = np.sort(np.asarray(scene["DM"]["USUBJID"].unique(), dtype=object))
    subjects = stream(seed, "defects").permutation(subjects)
    fits = np.array([np.isin(subjects, sorted(entry.among(scene))) for entry in catalogue])
    place = maximum_bipartite_matching(csr_array(fits.astype(np.int8)), perm_type="column")
    if (place < 0).any():
        raise PlanError.of(
            Problem(
                f"no subject is left for defect {entry.id}: {entry.title}",
                rule="--defects",
                remedy="choose another seed, or a later cut-off",
            )
            for entry, position in zip(catalogue, place, strict=True)
            if position < 0
        )
    return {entry.id: str(subjects[position]) for entry, position in zip(catalogue, place, strict=True)}


def plant_defects(scene: Scene, seed: int) -> list[dict[str, str]]:
    """Plant the whole catalogue.

    Returns
    -------
    list of dict
        The manifest: id, stage, dataset, USUBJID, key (as a finding would name the record), rule, and what
        was changed.

    Raises
    ------
    ReportError
        A defect finds no subject (see `choose_subjects`).
    """
    catalogue = read_catalogue()
    chosen = choose_subjects(scene, catalogue, seed)
    manifest = []
    for entry in catalogue:
        dataset, record = entry.plant(scene, chosen[entry.id])
        row = scene[dataset].loc[[record]]
        place = {"dataset": dataset, "USUBJID": str(row["USUBJID"].iloc[0]), "key": str(key_text(row, dataset).iloc[0])}
        manifest.append({"id": entry.id, "stage": entry.stage, **place, "rule": entry.rule, "change": entry.title})
    return manifest


def write_manifest(manifest: list[dict[str, str]], folder: Path) -> None:
    """Write ``defects_manifest.json`` beside the data."""
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
