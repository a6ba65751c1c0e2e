"""What of the data stands behind a cell that moved: the changed records of its datasets, by what its row says they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgbm1_report.compare.records import Difference, tell_values
from cgbm1_report.rows import read_key

#: So many records are named behind one cell.
MOST = 20


class Behind:
    """The changed records of all datasets, asked by rows and subjects."""

    def __init__(self, differences: Sequence[Difference], old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> None:
        self._kinds = {one.dataset: _records(one, old, new) for one in differences if len(one.records)}
        self._whether: dict[tuple[str, str, str], np.ndarray | None] = {}

    def find(self, row: str, subjects: tuple[str, ...], sources: Sequence[str]) -> list[str]:
        """The records in words, with their dataset and what happened to them.

        Of a row of a dataset's variables those whose values are the row's, before or now; where subjects came or went,
        theirs. Where the datasets have none, what changed of these subjects themselves.
        """
        named = [name for name in sources if name in self._kinds]
        found = [text for name in named for text in self._of(name, row, subjects)]
        if not found and subjects:
            found = [text for name in ("ADSL", "DM") if name in self._kinds for text in self._of(name, "[]", subjects)]
        return found[:MOST]

    def _of(self, name: str, row: str, subjects: tuple[str, ...]) -> list[str]:
        records, _ = self._kinds[name]
        chosen = np.ones(len(records), dtype=bool)
        for variable, level in read_key(row):
            told = self._has(name, variable, level) if level is not None else None
            if told is not None:
                chosen &= told
        if subjects:
            chosen &= records["subject"].isin(subjects).to_numpy()
        return records.loc[chosen, "told"].drop_duplicates().head(MOST).tolist()

    def _has(self, name: str, variable: str, level: str) -> np.ndarray | None:
        """Which records have a level of a variable, before or now; None where no record of the dataset has it."""
        asked = (name, variable, level)
        if asked not in self._whether:
            values = self._kinds[name][1].get(variable)
            told = None if values is None else (values[0] == level) | (values[1] == level)
            self._whether[asked] = told if told is not None and told.any() else None
        return self._whether[asked]


def _records(
    one: Difference, old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Changed records in words, and the values of their variables, before and now."""
    records = one.records.reset_index(drop=True)
    gone = (records["status"] == "gone").to_numpy()
    change = records["variable"] + " " + records["old"].where(records["old"] != "", "missing") + " → "
    change += records["new"].where(records["new"] != "", "missing")
    what = change.where(records["status"] == "changed", records["status"])
    about = (records["subject"] + " " + records["record"]).str.strip()
    told = records.assign(told=one.dataset + " " + about + ": " + what)
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
    return told, values
