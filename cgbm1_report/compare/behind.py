"""What of the data stands behind a cell that changed: the changed records of its datasets, by what its row says they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cgbm1_report.compare.match import SUBJECT
from cgbm1_report.compare.reads import Reads
from cgbm1_report.compare.records import Difference, tell_briefly, tell_values
from cgbm1_report.compare.subjects import SUBJECT_LEVEL
from cgbm1_report.errors import number_of
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

    def entered_or_left(self, asked: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        """Which changes made a record one of those that have these values, or none of them any more; whole records among them."""
        moved = np.asarray(self.variables == "", dtype=bool)
        for variable in (one for one in asked if one in self.values):
            was, now = (pd.Series(side).isin(asked[variable]).to_numpy() for side in self.values[variable])
            moved |= (was != now) & (self.variables == variable)
        return moved

    def _kept(self, asked: tuple[str, frozenset[str]], find: Callable[[], pd.Series]) -> np.ndarray:
        if asked not in self._among:
            self._among[asked] = find().to_numpy()
        return self._among[asked]


#: The parts of a row's key.
_Asked = Sequence[tuple[str, str | None]]


class Behind:
    """The changed records of all datasets, asked by rows and subjects."""

    def __init__(self, differences: Sequence[Difference], old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> None:
        self._kinds = {one.dataset: _records(one, old, new) for one in differences if len(one.records)}
        self._variables = {name: {str(one) for side in (old, new) for one in side.get(name, ())} for name in {*old, *new}}

    def find(
        self,
        row: str,
        subjects: tuple[str, ...],
        sources: Sequence[str],
        reads: Reads = EVERYTHING,
        column: str = "",
        *,
        counted_alike: bool = False,
    ) -> list[str]:
        """The changes in words, with their dataset; how many more there are stands last.

        Of a row of a dataset's variables those of records whose values are the row's, before or now; where subjects came or
        went, or the row is a subject's, theirs. Else those of the treatment group of the column, and of the variables that the
        output reads; where there are none, as behind a model, which takes in all groups, those of its population. Where the
        datasets have none, what changed of the subjects themselves. Behind a count of the same subjects as before
        (``counted_alike``) stands first who came to those whom it is out of, or left them.
        """
        key = [(variable, level) for variable, level in read_key(row)]
        subjects = subjects or tuple(level for variable, level in key if variable == SUBJECT and level is not None)
        asked = self._ask_subjects if subjects else self._ask_out_of if counted_alike else self._ask_records
        told = next((one for one in asked(key, subjects, sources, reads, column) if any(map(len, one))), [])
        named = [text for own_told in told for text in own_told[:MOST]][:MOST]
        more = sum(map(len, told)) - len(named)
        return [*named, f"and {number_of(more, 'more change')}"] if more else named

    def _ask_subjects(
        self, key: _Asked, subjects: tuple[str, ...], sources: Sequence[str], reads: Reads, column: str
    ) -> Iterator[list[np.ndarray]]:
        """Of these subjects: of the row, of the variables that are read first; else of themselves."""
        for narrow in (True, False):
            yield [self._of(name, key, subjects, None, reads, narrow=narrow) for name in sources if name in self._kinds]
        yield [self._of(name, [], subjects, None, EVERYTHING) for name in SUBJECT_LEVEL if name in self._kinds]

    def _ask_out_of(
        self, key: _Asked, subjects: tuple[str, ...], sources: Sequence[str], reads: Reads, column: str
    ) -> Iterator[list[np.ndarray]]:
        """Of those whom a count is out of: who has any level of its last part, where that is a share; or who is in the column."""
        if (last := max((at for at, (variable, _) in enumerate(key) if variable in reads.shares), default=0)) > 0:
            people = reads.columns.get(column, reads.subjects)
            yield [self._of(name, key[:last], (), people, reads, narrow=True) for name in sources if name in self._kinds]
        yield self._of_members(reads.columns.get(column, reads.subjects), reads)
        yield from self._ask_records(key, subjects, sources, reads, column)

    def _ask_records(
        self, key: _Asked, subjects: tuple[str, ...], sources: Sequence[str], reads: Reads, column: str
    ) -> Iterator[list[np.ndarray]]:
        """Of records: of the column's subjects, then of all, and which of them had another group or population.

        Then who came and went, and what else of them is read.
        """
        group = reads.columns.get(column, reads.subjects)
        about = self._about(key, sources)
        for people, narrow in ((group, True), (reads.subjects, True), (reads.subjects, False)):
            told = [self._of(name, key, (), people, reads, narrow=narrow) for name in about if name in self._kinds]
            # All records of a subject who changed groups moved with it, though none of them says another thing.
            moved = [] if {*about} & {*self._levels()} else self._of_members(people, reads, whole=False)
            yield [*told, *moved]
        for people in (group, reads.subjects):
            yield self._of_members(people, reads)
            yield [self._of(name, key, (), people, reads, narrow=True) for name in self._levels()]

    def _about(self, key: _Asked, sources: Sequence[str]) -> Sequence[str]:
        """The datasets whose variable a row is about: its output's; the subjects' own where they alone have it."""
        named = {variable for variable, level in key if level is None}
        if any(named & self._variables.get(name, set()) for name in sources):
            return sources
        return [name for name in SUBJECT_LEVEL if named & self._variables.get(name, set())][:1] or sources

    def _levels(self) -> list[str]:
        """The subjects' own dataset, where something of it changed."""
        return [name for name in SUBJECT_LEVEL if name in self._kinds][:1]

    def _of_members(self, people: frozenset[str] | None, reads: Reads, *, whole: bool = True) -> list[np.ndarray]:
        """Which subjects came to these people or left them: as new or gone (``whole``), or by what says who is of them."""
        told = []
        for name in self._levels():
            kind = self._kinds[name]
            chosen = kind.of_variables(frozenset({*([""] if whole else []), *reads.members}))
            told.append(kind.told[chosen if people is None else chosen & kind.among(people)])
        return told

    def _of(
        self,
        name: str,
        key: _Asked,
        subjects: tuple[str, ...],
        people: frozenset[str] | None,
        reads: Reads,
        *,
        narrow: bool = False,
    ) -> np.ndarray:
        kind = self._kinds[name]
        chosen = np.ones(len(kind.told), dtype=bool)
        for told in (kind.has(variable, level) for variable, level in key if level is not None and variable != SUBJECT):
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
        # First what changes which records are the row's: of all others a count would be as it was.
        levels = {variable: (level,) for variable, level in key if level is not None and variable != SUBJECT}
        first = kind.entered_or_left({**reads.chosen, **levels})
        return np.concatenate([kind.told[chosen & first], kind.told[chosen & ~first]])


def _variables(name: str, key: _Asked, kind: _Kind, reads: Reads) -> frozenset[str]:
    """The variables of a dataset that may have changed a row; nothing where any may."""
    parts = {variable for variable, level in key if level is not None}
    about = {variable for variable, level in key if level is None and variable in kind.values}
    read = about or set(reads.variables.get(name, ()))
    # A row about a variable is counted of who is in the population and in which group, which flags and `members` tell.
    flags = {variable for variable in reads.variables.get(name, ()) if about and variable.endswith(_FLAG)}
    return frozenset({"", *read, *parts, *flags, *reads.members, *reads.chosen} if read else ())


def _records(one: Difference, old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> _Kind:
    """Changes in words, and the values of all variables of their records, before and now."""
    records = one.records.reset_index(drop=True)
    gone = (records["status"] == "gone").to_numpy()
    frame, before = (side.get(one.dataset, pd.DataFrame()).reset_index(drop=True) for side in (new, old))
    brief = tell_briefly(records, before, frame)
    change = records["variable"] + " " + brief["old"].where(brief["old"] != "", "missing") + " → "
    change += brief["new"].where(brief["new"] != "", "missing")
    what = change.where(records["status"] == "changed", records["status"])
    about = (records["subject"] + " " + records["record"]).str.strip()
    told = one.dataset + " " + about + ": " + what
    places = records["at"].to_numpy()
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
