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

    def say(self, dataset: str, records: pd.DataFrame, phrases: Sequence[Phrase]) -> Said:
        """The phrases of each record, one behind the other; one that names a variable the records do not have is not said."""
        texts = pd.Series("", index=records.index, dtype="str")
        facts = [pd.DataFrame(columns=["AT", "VARIABLE", "LEVEL", "STAT", "SAID", "FORMAT"])]
        for phrase in phrases:
            tokens = _tokens(phrase.text)
            if not {name for _, name, _ in tokens if name} | {phrase.when} - {""} <= set(records):
                continue
            own = records[_is_said(records, phrase)]
            told = pd.Series("", index=own.index, dtype="str")
            for before, name, how in tokens:
                told = told + before
                if name:
                    fact = self._tell(dataset, own, name, how)
                    told = told + fact["SAID"]
                    facts.append(fact)
            if phrase.among and not any(name for _, name, _ in tokens):
                facts.append(_fact(own, phrase.when, level=own[phrase.when], said=pd.Series(phrase.text, own.index, dtype="str")))
            texts = texts + told.reindex(texts.index, fill_value="")
        return Said(texts, pd.concat([one for one in facts if len(one)] or facts, ignore_index=True))

    def _tell(self, dataset: str, records: pd.DataFrame, name: str, how: str) -> pd.DataFrame:
        values = records[name]
        if pd.api.types.is_numeric_dtype(values):
            said = _numbers(values, self._decimals(records, how))
            return _fact(records, name, stat=values.astype("float64"), said=said.fillna(self.words.missing))
        if pd.api.types.is_datetime64_any_dtype(values):
            level = values.dt.strftime("%Y-%m-%d").astype("str")
            return _fact(records, name, level=level, said=level.fillna(self.words.missing))
        level = values.astype("str")
        return _fact(records, name, level=level, said=self._words(dataset, name, level, how).fillna(self.words.missing))

    def _words(self, dataset: str, name: str, values: pd.Series, how: str) -> pd.Series:
        """Texts as they are said: of a collected date its day, coded ones in words, all others as they are."""
        if name.endswith("DTC"):
            return values.str[:10]
        told = self.words.words.get(name, {})
        if not told and how != _IN_WORDS and schema_values(dataset, name) is None:
            return values
        found = {text: told.get(text) or self._lower(text) for text in values.dropna().unique()}
        return values.map(found).astype("str")

    def _lower(self, text: str) -> str:
        return " ".join(word if word in self.abbreviations else word.lower() for word in text.split(" "))

    def _decimals(self, records: pd.DataFrame, how: str) -> pd.Series:
        if how == _OF_PARAMETER:
            return records["PARAMCD"].map(dict(self.decimals)).astype("float64")
        return pd.Series(float(how) if how else np.nan, index=records.index)


def _tokens(text: str) -> list[tuple[str, str, str]]:
    """The words before each value, its variable, and how it is said; after the last one only words."""
    found = []
    while "{" in text:
        before, _, rest = text.partition("{")
        token, _, text = rest.partition("}")
        name, _, how = token.partition(":")
        found.append((before, name, how))
    return [*found, *([(text, "", "")] if text else [])]


def _is_said(records: pd.DataFrame, phrase: Phrase) -> pd.Series:
    if not phrase.when:
        return pd.Series(True, index=records.index)
    values = records[phrase.when]
    return values.isin(phrase.among) if phrase.among else values.notna()


def _numbers(values: pd.Series, decimals: pd.Series) -> pd.Series:
    """Numbers with their decimals; without any as they are, to twelve digits."""
    said = [
        None if value != value else f"{value:.12g}" if places != places else round_half_up(value, int(places))
        for value, places in zip(values, decimals, strict=True)
    ]
    return pd.Series(said, index=values.index, dtype="str")


def _fact(
    records: pd.DataFrame, name: str, *, said: pd.Series, level: pd.Series | None = None, stat: pd.Series | None = None
) -> pd.DataFrame:
    decimals = said.str.partition(".")[2].str.len() if stat is not None and len(said) else pd.Series(0, said.index)
    formats = decimals.map(lambda count: "x." + "x" * int(count) if count else "x").astype("str")
    return pd.DataFrame(
        {
            "AT": records.index, "VARIABLE": name, "LEVEL": None if level is None else level.astype("object"),
            "STAT": np.nan if stat is None else stat, "SAID": said, "FORMAT": None if stat is None else formats.where(stat.notna()),
        },
        index=records.index,
    )  # fmt: skip


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
