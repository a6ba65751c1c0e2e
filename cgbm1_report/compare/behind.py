"""What of the data stands behind a cell that changed: the changed records of its datasets, by what its row says they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cgbm1_report.compare.reads import Reads
from cgbm1_report.compare.records import Difference, tell_values
from cgbm1_report.compare.subjects import SUBJECT_LEVEL
from cgbm1_report.rows import read_key

#: So many changes are named behind one cell; how many there are besides is said.
MOST = 5
#: Of an output of which nothing is known.
EVERYTHING = Reads()
#: How ADaM names flags.
_FLAG = "FL"


@dataclass
class _Kind:
    """The changes of one dataset: each in words, whose, and the values of its record's variables, before and now."""

    told: np.ndarray
    subjects: np.ndarray
    variables: np.ndarray
    values: Mapping[str, tuple[np.ndarray, np.ndarray]]
    #: Which changes are of a record with a level of a variable, or of a subject: asked once.
    _asked: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    _among: dict[tuple[str, frozenset[str]], np.ndarray] = field(default_factory=dict)

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

    def among(self, subjects: frozenset[str]) -> np.ndarray:
        """Which changes are of one of these subjects."""
        return self._kept(("", subjects), lambda: pd.Series(self.subjects).isin(subjects))

    def of_variables(self, variables: frozenset[str]) -> np.ndarray:
        """Which changes are of one of these variables."""
        return self._kept((" ", variables), lambda: pd.Series(self.variables).isin(variables))

    def chosen(self, variable: str, values: tuple[str, ...]) -> np.ndarray:
        """Of which changes the record has one of these values, before or now."""
        was, now = self.values[variable]
        return self._kept((variable, frozenset(values)), lambda: pd.Series(was).isin(values) | pd.Series(now).isin(values))

    def _kept(self, asked: tuple[str, frozenset[str]], find: Callable[[], pd.Series]) -> np.ndarray:
        if asked not in self._among:
            self._among[asked] = find().to_numpy()
        return self._among[asked]


class Behind:
    """The changed records of all datasets, asked by rows and subjects."""

    def __init__(self, differences: Sequence[Difference], old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> None:
        self._kinds = {one.dataset: _records(one, old, new) for one in differences if len(one.records)}

    def find(
        self, row: str, subjects: tuple[str, ...], sources: Sequence[str], reads: Reads = EVERYTHING, column: str = ""
    ) -> list[str]:
        """The changes in words, with their dataset; how many more there are stands last.

        Of a row of a dataset's variables those of records whose values are the row's, before or now; where subjects came or
        went, theirs. Else those of the treatment group of the column, and of the variables that the output reads; where there
        are none, as behind a model, which takes in all groups, those of its population. Where the datasets have none, what
        changed of these subjects themselves.
        """
        key = [(variable, level) for variable, level in read_key(row)]
        told: list[np.ndarray] = []
        for people, narrow in ((reads.columns.get(column, reads.subjects), True), (reads.subjects, True), (reads.subjects, False)):
            own = None if subjects else people
            told = [self._of(name, key, subjects, own, reads, narrow=narrow) for name in sources if name in self._kinds]
            if any(map(len, told)):
                break
        if subjects and not any(map(len, told)):
            told = [self._of(name, [], subjects, None, EVERYTHING) for name in SUBJECT_LEVEL if name in self._kinds]
        named = [text for own_told in told for text in own_told[:MOST]][:MOST]
        more = sum(map(len, told)) - len(named)
        return [*named, f"and {more:,} more changes"] if more else named

    def _of(
        self,
        name: str,
        key: Sequence[tuple[str, str | None]],
        subjects: tuple[str, ...],
        people: frozenset[str] | None,
        reads: Reads,
        *,
        narrow: bool = False,
    ) -> np.ndarray:
        kind = self._kinds[name]
        chosen = np.ones(len(kind.told), dtype=bool)
        for told in (kind.has(variable, level) for variable, level in key if level is not None):
            if told is not None:
                chosen &= told
        if subjects:
            chosen &= np.logical_or.reduce([kind.of(subject) for subject in subjects])
        elif people is not None:
            chosen &= kind.among(people)
        for variable, values in reads.chosen.items() if narrow else ():
            if variable in kind.values:
                chosen &= kind.chosen(variable, values)
        if narrow and (read := _variables(name, key, kind, reads)):
            # A record that is new or gone is told whole.
            chosen &= kind.of_variables(read)
        return kind.told[chosen]


def _variables(name: str, key: Sequence[tuple[str, str | None]], kind: _Kind, reads: Reads) -> frozenset[str]:
    """The variables of a dataset that may have changed a row; nothing where any may."""
    parts = {variable for variable, level in key if level is not None}
    about = {variable for variable, level in key if level is None and variable in kind.values}
    read = about or set(reads.variables.get(name, ()))
    # A row about a variable is counted of who is in the population, which flags tell.
    flags = {variable for variable in reads.variables.get(name, ()) if about and variable.endswith(_FLAG)}
    return frozenset({"", *read, *parts, *flags, *reads.chosen} if read else ())


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
    about_whom, variables = (records[name].to_numpy(dtype=object) for name in ("subject", "variable"))
    return _Kind(told.to_numpy(dtype=object), about_whom, variables, values)
