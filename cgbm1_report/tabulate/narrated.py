"""Sentences filled from records: each value that is said is a fact, with the record it was taken from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cgbm1_report.analyse.numbers import STAT_LABELS, TEXT
from cgbm1_report.protocol.narratives import NarrativeWords, Phrase
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.rows import Key, write_key
from cgbm1_report.tabulate.results import ARD_COLUMNS, GROUPS
from cgbm1_report.tabulate.table import round_half_up

#: How a value is said: decimals are those of its parameter; a text that no schema codes is said in words too.
_OF_PARAMETER, _IN_WORDS = "parameter", "words"
FACT_COLUMNS = ("AT", "COLUMN", "KEY", "VARIABLE", "LEVEL", "STAT", "SAID", "FORMAT")


class Said(NamedTuple):
    """What is said of each record, and every value that is said.

    A fact has the place ``AT`` of its record, ``VARIABLE``, its value (``LEVEL`` of a text or a date, ``STAT`` of a number; both
    missing where there is none), as it is ``SAID`` and with which ``FORMAT``.
    """

    texts: pd.Series
    facts: pd.DataFrame


class Speaker(NamedTuple):
    """How values are said: words of coded values, of what is missing, abbreviations, decimals of parameters."""

    words: NarrativeWords
    abbreviations: Mapping[str, str]
    decimals: Mapping[str, int]

    def say(self, dataset: str, records: pd.DataFrame, phrases: Sequence[Phrase], line: Sequence[str] = ()) -> Said:
        """The phrases of each record, one behind the other; one that names a variable the records do not have is not said.

        Records that agree in the variables of ``line`` are said in one line, in their order.
        """
        texts = [""] * len(records)
        facts: dict[str, list[Any]] = {name: [] for name in ("AT", "VARIABLE", "LEVEL", "STAT", "SAID", "FORMAT")}
        index = records.index.tolist()
        told: dict[tuple[str, str], _Values] = {}
        for phrase in phrases if len(records) else ():
            if not set(phrase.variables) <= set(records):
                continue
            own = np.flatnonzero(_is_said(records, phrase, line)).tolist()
            for before, name, how in _tokens(phrase.text):
                if name and (name, how) not in told:
                    told[name, how] = self._tell(dataset, records, name, how)
                said = told[name, how].said if name else [""] * len(texts)
                for at in own:
                    texts[at] += before + said[at]
                if name:
                    told[name, how].add_to(facts, name, own, index)
            if phrase.among and not any(name for _, name, _ in _tokens(phrase.text)):
                levels = records[phrase.when].astype("object").tolist()
                _Values([phrase.text] * len(texts), level=levels).add_to(facts, phrase.when, own, index)
        return Said(pd.Series(texts, index=records.index, dtype="str"), pd.DataFrame(facts))

    def _tell(self, dataset: str, records: pd.DataFrame, name: str, how: str) -> _Values:
        """How a variable is said of each record."""
        values, missing = records[name], self.words.missing
        if pd.api.types.is_numeric_dtype(values):
            numbers = values.astype("float64").tolist()
            said = _numbers(numbers, self._decimals(records, how))
            return _Values([missing if text is None else text for text in said], stat=numbers, format=[*map(_format, said)])
        if pd.api.types.is_datetime64_any_dtype(values):
            level = _as_texts(values.dt.strftime("%Y-%m-%d"))
            return _Values([text or missing for text in level], level=level)
        level = _as_texts(values)
        found = {text: self._word(dataset, name, text, how) for text in dict.fromkeys(level) if text is not None}
        return _Values([missing if text is None else found[text] for text in level], level=level)

    def _word(self, dataset: str, name: str, text: str, how: str) -> str:
        """A text as it is said: of a collected date its day, a coded one in words, any other as it is."""
        if name.endswith("DTC"):
            return text[:10]
        told = self.words.words.get(name, {})
        if not told and how != _IN_WORDS and schema_values(dataset, name) is None:
            return text
        return told.get(text) or " ".join(word if word in self.abbreviations else word.lower() for word in text.split(" "))

    def _decimals(self, records: pd.DataFrame, how: str) -> list[int | None]:
        if how == _OF_PARAMETER:
            return [self.decimals.get(code) for code in records["PARAMCD"]]
        return [int(how) if how else None] * len(records)


class _Values(NamedTuple):
    """How a variable is said of each record, with what it is there: a text or a date, or a number and its format."""

    said: Sequence[str]
    level: Sequence[str | None] | None = None
    stat: Sequence[float] | None = None
    format: Sequence[str | None] | None = None

    def add_to(self, facts: dict[str, list[Any]], name: str, own: Sequence[int], index: Sequence[int]) -> None:
        """A fact of each of these records."""
        facts["AT"] += [index[at] for at in own]
        facts["VARIABLE"] += [name] * len(own)
        facts["LEVEL"] += [None if self.level is None else self.level[at] for at in own]
        facts["STAT"] += [np.nan if self.stat is None else self.stat[at] for at in own]
        facts["SAID"] += [self.said[at] for at in own]
        facts["FORMAT"] += [None if self.format is None else self.format[at] for at in own]


def _as_texts(values: pd.Series) -> list[str | None]:
    return [None if text != text or text is None else str(text) for text in values.astype("object")]


def _format(said: str | None) -> str | None:
    """How a number was printed: with how many decimals."""
    if said is None:
        return None
    decimals = len(said.partition(".")[2])
    return f"x.{'x' * decimals}" if decimals else "x"


def _tokens(text: str) -> list[tuple[str, str, str]]:
    """The words before each value, its variable, and how it is said; after the last one only words."""
    found = []
    while "{" in text:
        before, _, rest = text.partition("{")
        token, _, text = rest.partition("}")
        name, _, how = token.partition(":")
        found.append((before, name, how))
    return [*found, *([(text, "", "")] if text else [])]


def _is_said(records: pd.DataFrame, phrase: Phrase, line: Sequence[str]) -> pd.Series:
    said = pd.Series(True, index=records.index)
    if phrase.when:
        values = records[phrase.when]
        said = values.isin(phrase.among) if phrase.among else values.notna() if phrase.above is None else values > phrase.above
    if not phrase.anew or not len(records):
        return said
    names = list(phrase.variables)
    told, before = records[names], records.groupby(list(line), sort=False, dropna=False)[names].shift()
    # The first of a line has nothing before it: missing there and here are no repetition.
    first = ~records.duplicated(list(line))
    return said & (first | ((told != before) & ~(told.isna() & before.isna())).any(axis="columns"))


def _numbers(values: Sequence[float], decimals: Sequence[int | None]) -> list[str | None]:
    """Numbers with their decimals; without any as they are, to twelve digits."""
    return [
        None if value != value else f"{value:.12g}" if places is None else round_half_up(value, places)
        for value, places in zip(values, decimals, strict=True)
    ]


def tell_facts(number: str, listed: pd.DataFrame, keys: Sequence[Key], facts: pd.DataFrame) -> pd.DataFrame:
    """The results of a listing whose cells say facts: each is a result of its own, with its record as groups.

    Parameters
    ----------
    listed
        The results of all cells as texts (`results.list_texts`); those of cells that say facts go.
    facts
        ``AT`` is the row of the listing and ``COLUMN`` the column that says it, ``KEY`` the record, the others as in `Said`.
    """
    rows = [write_key(key) for key in keys]
    told = pd.MultiIndex.from_arrays([[rows[at] for at in facts["AT"]], facts["COLUMN"]])
    kept = listed[~pd.MultiIndex.from_arrays([listed["row"], listed["column"]]).isin(told)]
    made = pd.DataFrame({name: pd.Series([None] * len(facts), dtype="object") for name in ARD_COLUMNS})
    made = made.assign(
        output=number, row=[rows[at] for at in facts["AT"]], column=facts["COLUMN"].to_numpy(), context=TEXT, stat_name=TEXT,
        stat_label=STAT_LABELS[TEXT], variable=facts["VARIABLE"].to_numpy(), variable_level=facts["LEVEL"].to_numpy(),
        stat=facts["STAT"].to_numpy(dtype="float64"), stat_fmt=facts["SAID"].to_numpy(), fmt_fun=facts["FORMAT"].to_numpy(),
        **_groups(facts["KEY"].tolist()),
    )  # fmt: skip
    kinds = {name: "float64" if name == "stat" else "object" if name == "subjects" else "str" for name in ARD_COLUMNS}
    return pd.concat([kept, made.astype(kinds)], ignore_index=True)


def _groups(keys: Sequence[Key]) -> dict[str, list[Any]]:
    """The parts of each record's key as groups."""
    return {
        f"group{at + 1}{what}": [key[at][side] if at < len(key) else None for key in keys]
        for at in range(GROUPS)
        for side, what in ((0, ""), (1, "_level"))
    }


def join_facts(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Facts below facts."""
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(FACT_COLUMNS))
