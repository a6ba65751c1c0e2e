"""What the reviewer looks at: the numbers and the texts of all outputs, and how a rule tells what it doubts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key, read_key

CELL = ["output", "row", "column", "context"]
#: What the rules look at.
_STATISTICS = (
    "n", "N", "p", "n_events", "N_nonmiss", "mean", "sd", "median", "p25", "p75", "min", "max",
    "estimate", "conf.low", "conf.high", "p.value", "n.risk",
)  # fmt: skip


class Doubt(NamedTuple):
    """A rule that numbers break: output, row and column, and what they say."""

    output: str
    row: Key
    column: str
    said: str


class Cells:
    """The numbers of all outputs: a row per cell and context, its statistics beside each other."""

    def __init__(self, ard: pd.DataFrame, facts: Sequence[Facts]) -> None:
        known = ard["output"].isin([one.number for one in facts])
        numbers = ard[(ard["context"] != "text") & known]
        #: What records say, where a listing or a table prints them.
        self.texts = ard[(ard["context"] == "text") & known]
        keys = {text: tuple(part for part in read_key(text) if part[0] != "statistic") for text in numbers["row"].unique()}
        self.keys: list[Key] = list(dict.fromkeys(keys.values()))
        self._places = {key: place for place, key in enumerate(self.keys)}
        # Rows by their number: a key is a tuple, which pandas takes for several values.
        numbers = numbers.assign(row=[self._places[keys[text]] for text in numbers["row"]])
        #: Statistics that have no value.
        self.unknown = numbers.loc[numbers["stat"].isna(), [*CELL, "stat_name"]]
        once = numbers.drop_duplicates([*CELL, "stat_name"])
        wide = once.pivot(index=CELL, columns="stat_name", values="stat").reset_index() if len(once) else once[CELL]
        # A build of a few outputs has few statistics: what none of them has is missing.
        self.frame = wide.reindex(columns=[*CELL, *_STATISTICS])
        self.facts = {one.number: one for one in facts}

    @cached_property
    def _texts(self) -> dict[str, pd.DataFrame]:
        return {str(number): own for number, own in self.texts.groupby("output", sort=False)}

    def texts_of(self, number: str) -> pd.DataFrame:
        """The texts of an output."""
        return self._texts.get(number, self.texts.iloc[:0])

    def rows_of(self, found: pd.DataFrame) -> list[Key]:
        """The key of each record's row."""
        return [self.keys[place] for place in found["row"]]

    def keep(self, found: pd.DataFrame, wanted: Callable[[Key], bool]) -> pd.DataFrame:
        """The records whose row is wanted."""
        return found[pd.Series([wanted(row) for row in self.rows_of(found)], index=found.index, dtype="bool")]

    def place(self, key: Key) -> int:
        """The number of a row; a number of none where there is no such row."""
        return self._places.get(key, -1)

    def doubt(self, found: pd.DataFrame, say: Callable[[pd.Series], str]) -> Iterator[Doubt]:
        """A doubt for each of these records."""
        for _, one in found.iterrows():
            yield Doubt(str(one["output"]), self.keys[one["row"]], str(one["column"]), say(one))

    def of(self, contexts: Sequence[str], *needed: str) -> pd.DataFrame:
        """Cells of these contexts that have these statistics."""
        found = self.frame[self.frame["context"].isin(contexts)] if contexts else self.frame
        return found[found[list(needed)].notna().all(axis="columns")]
