"""Which record of an earlier dataset is which of a later one: told by what a record is about, not by its number.

SAS PROC COMPARE with ID, ``diffdf`` and ``arsenal::comparedf`` ask for variables that tell a record. In SDTM and ADaM these
hold a sequence number, which a delivery is free to give anew: one record more at the top would change every record below.
So records are paired in four steps, each of what the steps before it left:

1. records that are equal in every variable both sides have, sequence numbers aside, as often as they stand on both sides;
2. by the key of the schema without its sequence numbers, where what is left of it tells every record of both sides;
3. by the subject and what the record is about (topic and timing: test, term, treatment, parameter, visit, dates), where
   that stands once on each side;
4. by nearness, within a subject and a test or parameter: of all pairs the nearest first, each record in one pair, where
   at least half of the variables agree. A variable counts by how much it differs within subjects: one that is the same
   in all records of a subject tells none of them from another.

Where a block of step 4 is too large to try every pair, its records are paired by their key with the sequence number.
What is left is new, or gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Numbers that a delivery is free to give anew.
SEQUENCE = re.compile(r"(?:[A-Z]{2}|A|SRC)SEQ")
SUBJECT = "USUBJID"
#: Topic and timing of a record, by the names of SDTM and ADaM.
_ABOUT = re.compile(
    r"PARAMCD|AVISITN|VISITNUM|ATPTN|DTYPE|A(?:ST)?DTM?"
    r"|[A-Z]{2}(?:TESTCD|TERM|TRT|DECOD|CAT|SCAT|SPEC|LOC|TPTNUM|TPT|STDTC|DTC)"
)
#: Within a subject, records of another test are never the same record.
_BLOCK = re.compile(r"PARAMCD|[A-Z]{2}TESTCD")
#: Pairs that are tried one by one, in all and in one block; how much of two records must agree.
_MOST_PAIRS, _MOST_OF_BLOCK, _LEAST = 4_000_000, 40_000, 0.5


@dataclass(frozen=True)
class Coded:
    """Two frames as whole numbers, variable by variable: equal numbers are equal values, and missing is equal to missing."""

    names: tuple[str, ...]
    old: np.ndarray
    new: np.ndarray

    def take(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Both sides as one number a record, of these variables alone."""
        places = [self.names.index(name) for name in names]
        return _mix(self.old[:, places]), _mix(self.new[:, places])


@dataclass(frozen=True)
class Paired:
    """Positions of the records: of those that are in both frames the pairs, and those that only the old or the new one has."""

    old: np.ndarray
    new: np.ndarray
    gone: np.ndarray
    added: np.ndarray


def is_sequence(name: str) -> bool:
    """Whether a variable numbers records."""
    return bool(SEQUENCE.fullmatch(name))


def is_about(name: str) -> bool:
    """Whether a variable says what a record is about, or when."""
    return bool(_ABOUT.fullmatch(name))


def code_values(old: pd.DataFrame, new: pd.DataFrame, names: Sequence[str]) -> Coded:
    """The variables of both frames, coded."""
    left = np.empty((len(old), len(names)), dtype="int64")
    right = np.empty((len(new), len(names)), dtype="int64")
    for at, name in enumerate(names):
        codes = pd.factorize(_joined(old[name], new[name]))[0]
        left[:, at], right[:, at] = codes[: len(old)], codes[len(old) :]
    return Coded(tuple(names), left, right)


def _joined(old: pd.Series, new: pd.Series) -> pd.Series:
    if old.dtype != new.dtype:
        kinds = (old.dtype.kind in "fiu", new.dtype.kind in "fiu")
        old, new = (one.astype("float64") if all(kinds) else one.astype("str") for one in (old, new))
    return pd.concat([old, new], ignore_index=True)


def _mix(codes: np.ndarray) -> np.ndarray:
    """One number for each row of codes. Should two rows that differ share one, they are told as changed."""
    factors = np.random.default_rng(20261127).integers(1, 2**63, size=max(codes.shape[1], 1), dtype="uint64") | np.uint64(1)
    mixed = np.zeros(len(codes), dtype="uint64")
    for at in range(codes.shape[1]):
        mixed += (codes[:, at] + 2).astype("uint64") * factors[at]
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed


def pair_records(coded: Coded, old: pd.DataFrame, new: pd.DataFrame, key: Sequence[str]) -> Paired:
    """Pair the records of two frames; the steps are told above.

    Parameters
    ----------
    coded
        The variables that both have, without sequence numbers.
    key
        What tells a record by its schema, sequence numbers among it.
    """
    found = _Pairs(len(old), len(new))
    found.add(*coded.take(coded.names), once=False)
    plain = [name for name in key if not is_sequence(name)]
    if plain and set(plain) <= set(coded.names):
        told = coded.take(plain)
        if all(len(np.unique(side)) == len(side) for side in told):
            found.add(*told, once=True)
    about = [name for name in coded.names if name == SUBJECT or is_about(name)]
    if len(about) > 1:
        found.add(*coded.take(about), once=True)
    if SUBJECT in coded.names and found.are_left():
        _add_nearest(found, coded)
        numbered = [name for name in key if name in old and name in new]
        if len(numbered) > len(plain) and found.are_left():
            found.add(*code_values(old, new, numbered).take(numbered), once=True, only=found.large)
    return found.tell()


class _Pairs:
    """The pairs so far, and who is free still."""

    def __init__(self, old: int, new: int) -> None:
        self.free = np.ones(old, dtype=bool), np.ones(new, dtype=bool)
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []
        #: Old and new records whose blocks were too large to try every pair.
        self.large = np.zeros(old, dtype=bool), np.zeros(new, dtype=bool)

    def are_left(self) -> bool:
        return bool(self.free[0].any() and self.free[1].any())

    def put(self, old: np.ndarray, new: np.ndarray) -> None:
        self.pairs.append((old, new))
        self.free[0][old], self.free[1][new] = False, False

    def add(self, old: np.ndarray, new: np.ndarray, *, once: bool, only: tuple[np.ndarray, np.ndarray] | None = None) -> None:
        """Pair free records of equal numbers: ``once`` only where each side has one, else the first with the first and so on."""
        sides = []
        for told, free, chosen in zip((old, new), self.free, only or self.free, strict=True):
            at = np.flatnonzero(free & chosen)
            sides.append(pd.DataFrame({"told": told[at], "at": at}))
        for side in sides:
            side["nth"] = side.groupby("told", sort=False).cumcount()
        if once:
            sides = [side[~side["told"].duplicated(keep=False)] for side in sides]
        both = sides[0].merge(sides[1], on=["told", "nth"])
        self.put(both["at_x"].to_numpy(), both["at_y"].to_numpy())

    def tell(self) -> Paired:
        old, new = (np.concatenate([pair[side] for pair in self.pairs]).astype("int64") for side in (0, 1))
        order = np.argsort(new, kind="stable")
        return Paired(old[order], new[order], np.flatnonzero(self.free[0]), np.flatnonzero(self.free[1]))


def _add_nearest(found: _Pairs, coded: Coded) -> None:
    """Pair what is left by nearness within subjects."""
    blocks = coded.take([name for name in coded.names if name == SUBJECT or _BLOCK.fullmatch(name)])
    sides = [
        pd.DataFrame({"block": block[free], "at": np.flatnonzero(free)}) for block, free in zip(blocks, found.free, strict=True)
    ]
    sizes = pd.concat([side.groupby("block").size() for side in sides], axis=1).dropna().prod(axis=1).sort_values()
    tried = sizes.index[(sizes <= _MOST_OF_BLOCK) & (sizes.cumsum() <= _MOST_PAIRS)]
    for side, large in zip(sides, found.large, strict=True):
        large[side.loc[~side["block"].isin(tried), "at"]] = True
    pairs = sides[0][sides[0]["block"].isin(tried)].merge(sides[1], on="block")
    if pairs.empty:
        return
    left, right = pairs["at_x"].to_numpy(), pairs["at_y"].to_numpy()
    pairs["near"] = _nearness(coded, left, right)
    pairs["far"] = np.abs(left - right)
    pairs = pairs[pairs["near"] >= _LEAST].sort_values(["near", "far"], ascending=[False, True], kind="stable")
    while len(pairs):
        first = pairs[~pairs["at_x"].duplicated() & ~pairs["at_y"].duplicated()]
        found.put(first["at_x"].to_numpy(), first["at_y"].to_numpy())
        pairs = pairs[found.free[0][pairs["at_x"]] & found.free[1][pairs["at_y"]]]


def _nearness(coded: Coded, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How much of two records agrees, from 0 to 1; what both lack says nothing."""
    weights = _weights(coded)
    same, asked = np.zeros(len(left)), np.zeros(len(left))
    for at, weight in enumerate(weights):
        if weight > 0:
            old, new = coded.old[left, at], coded.new[right, at]
            told = (old >= 0) | (new >= 0)
            same += weight * (told & (old == new))
            asked += weight * told
    return np.divide(same, asked, out=np.zeros(len(left)), where=asked > 0)


def _weights(coded: Coded) -> np.ndarray:
    """How much each variable differs within subjects: 0 where it is the subject's, 1 where no two records share a value."""
    codes = coded.old if len(coded.old) >= len(coded.new) else coded.new
    subject = codes[:, coded.names.index(SUBJECT)]
    subjects = len(np.unique(subject))
    spare = len(codes) - subjects
    if spare <= 0:
        return np.array([float(name != SUBJECT) for name in coded.names])
    pairs = (len(np.unique(_mix(np.column_stack([subject, codes[:, at]])))) for at in range(len(coded.names)))
    return np.array([(count - subjects) / spare for count in pairs])
