"""What of the data stands behind a cell that moved: the changed records of its datasets, by what its row says they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cgbm1_report.compare.records import Difference, tell_values
from cgbm1_report.compare.subjects import SUBJECT_LEVEL
from cgbm1_report.rows import read_key

#: So many changes are named behind one cell; how many there are besides is said.
MOST = 5


@dataclass
class _Kind:
    """The changes of one dataset: each in words, whose, and the values of its record's variables, before and now."""

    told: np.ndarray
    subjects: np.ndarray
    values: Mapping[str, tuple[np.ndarray, np.ndarray]]
    #: Which changes are of a record with a level of a variable, or of a subject: asked once.
    _asked: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def has(self, variable: str, level: str) -> np.ndarray | None:
        """Of which changes the record has the level, before or now; None where no record of the dataset has it."""
        if variable not in self.values:
            return None
        if (variable, level) not in self._asked:
            was, now = self.values[variable]
            self._asked[variable, level] = (was == level) | (now == level)
        found = self._asked[variable, level]
        return found if found.any() else None

    def of(self, subject: str) -> np.ndarray:
        """Which changes are of a subject."""
        if ("", subject) not in self._asked:
            self._asked["", subject] = self.subjects == subject
        return self._asked["", subject]


class Behind:
    """The changed records of all datasets, asked by rows and subjects."""

    def __init__(self, differences: Sequence[Difference], old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> None:
        self._kinds = {one.dataset: _records(one, old, new) for one in differences if len(one.records)}

    def find(self, row: str, subjects: tuple[str, ...], sources: Sequence[str]) -> list[str]:
        """The changes in words, with their dataset; how many more there are stands last.

        Of a row of a dataset's variables those of records whose values are the row's, before or now; where subjects came or
        went, theirs. Where the datasets have none, what changed of these subjects themselves.
        """
        key = [(variable, level) for variable, level in read_key(row) if level is not None]
        found = [self._of(self._kinds[name], key, subjects) for name in sources if name in self._kinds]
        if subjects and not any(map(len, found)):
            found = [self._of(self._kinds[name], [], subjects) for name in SUBJECT_LEVEL if name in self._kinds]
        named = [text for told in found for text in told[:MOST]][:MOST]
        more = sum(map(len, found)) - len(named)
        return [*named, f"and {more:,} more changes"] if more else named

    def _of(self, kind: _Kind, key: Sequence[tuple[str, str]], subjects: tuple[str, ...]) -> np.ndarray:
        chosen = np.ones(len(kind.told), dtype=bool)
        for told in (kind.has(variable, level) for variable, level in key):
            if told is not None:
                chosen &= told
        if subjects:
            chosen &= np.logical_or.reduce([kind.of(subject) for subject in subjects])
        return kind.told[chosen]


def _records(one: Difference, old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> _Kind:
    """Changes in words, and the values of all variables of their records, before and now."""
    records = one.records.reset_index(drop=True)
    gone = (records["status"] == "gone").to_numpy()
    change = records["variable"] + " " + records["old"].where(records["old"] != "", "missing") + " → "
    change += records["new"].where(records["new"] != "", "missing")
    what = change.where(records["status"] == "changed", records["status"])
    about = (records["subject"] + " " + records["record"]).str.strip()
    told = one.dataset + " " + about + ": " + what
    places = records["at"].to_numpy()
    frame, before = (side.get(one.dataset, pd.DataFrame()).reset_index(drop=True) for side in (new, old))
    values = {}
    for name in {str(name) for name in (*frame, *before)}:
        now = np.full(len(records), "", dtype=object)
        for side, here in ((frame, ~gone), (before, gone)):
            if name in side:
                now[here] = tell_values(side[name].iloc[places[here]])
        was = now.copy()
        changed = (records["variable"] == name).to_numpy()
        was[changed] = records.loc[changed, "old"]
        values[name] = was, now
    return _Kind(told.to_numpy(dtype=object), records["subject"].to_numpy(dtype=object), values)
