"""The lines of narratives: items of templates/narratives.yaml, each filled from the records of its subject or near its event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cgbm1_report.protocol.narratives import Item, Narratives, NarrativeWords, Phrase, Told
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.chosen import choose, chosen_variables
from cgbm1_report.tabulate.narrated import Speaker, join_facts
from cgbm1_report.tabulate.view import View

#: Whose a line is: the subject's, or one of the events'. ``OF`` is the number of the event.
WHOSE = ["USUBJID", "OF"]
#: What stands for the number of an event: in lines on the subject, and of a death that is no event.
OF_SUBJECT, OF_DEATH = -1.0, float("inf")


class Book:
    """The lines of all narratives, and the facts they say (`tabulate.narrated`): of a fact ``AT`` is its line.

    ``events`` are those that are narrated, with the day of their ``ONSET``.
    """

    def __init__(self, view: View, rule: Narratives, words: NarrativeWords, events: pd.DataFrame) -> None:
        self.view, self.rule = view, rule
        self.events = events
        self.subjects = events[["USUBJID"]].drop_duplicates().assign(OF=OF_SUBJECT)
        decimals = {code: parameter.dp for code, parameter in view.trial.parameters.items()}
        self.speaker = Speaker(words, view.trial.abbreviations, decimals)
        self._lines: list[pd.DataFrame] = []
        self._facts: list[pd.DataFrame] = []

    def add(self, lines: pd.DataFrame, facts: pd.DataFrame | None = None) -> None:
        """Lines, numbered from 0, below those that are there; ``AT`` of a fact is its line among them."""
        start = sum(map(len, self._lines))
        self._lines.append(lines.set_axis(range(start, start + len(lines))))
        if facts is not None and len(facts):
            self._facts.append(facts.assign(AT=facts["AT"] + start))

    def whole(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """All lines, and all facts."""
        return pd.concat(self._lines), join_facts(self._facts)

    def say(self, place: int, item: Item, *, of_events: bool) -> None:
        """An item of every subject, or of every event: what its records say, or that there is none."""
        whose = self.events[WHOSE] if of_events else self.subjects
        parts: list[pd.DataFrame] = []
        facts: list[pd.DataFrame] = []
        for told in item.records:
            records = self._records(told, of_events=of_events)
            records = records.set_axis(range(sum(map(len, parts)), sum(map(len, parts)) + len(records)))
            own, said = self._say_records(item, told, records)
            parts.append(own)
            facts.append(said)
        said = pd.concat(parts, ignore_index=True)
        said = said[said["TEXT"] != ""].sort_values([*WHOSE, "RANK", "DATE"], kind="stable", na_position="last")
        line = np.arange(len(said)) if item.apart else said.groupby([*WHOSE, "RANK"], sort=False).ngroup().to_numpy()
        said = said.assign(LINE=line, PLACE=place, ITEM=self._heads(item, said["BY"]))
        texts = said.groupby("LINE")["TEXT"].agg("; ".join)
        lines = said.drop_duplicates("LINE").drop(columns=["OWN", "LINE"])
        every = join_facts(facts)
        every = every[every["AT"].isin(said.index)]
        every = (
            every.assign(KEY=every["AT"].map(said["OWN"]), AT=every["AT"].map(said["LINE"]).astype("int64"))
            if len(every)
            else every
        )
        self.add(lines.assign(TEXT=texts.to_numpy() if len(texts) else ""), every)
        if item.none:
            lacking = whose[~pd.MultiIndex.from_frame(whose).isin(pd.MultiIndex.from_frame(said[WHOSE]))]
            self.add(lacking.assign(PLACE=place, ITEM=item.item, TEXT=item.none))

    def _say_records(self, item: Item, told: Told, records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What each record says, whose it is and where it stands; and the facts."""
        said = self.speaker.say(told.dataset, records, told.say)
        day = self.speaker.say(told.dataset, records, [Phrase(text=f"{{{told.day}}}", when=told.day)] if told.day else [])
        facts = join_facts([said.facts.assign(COLUMN="TEXT"), day.facts.assign(COLUMN="DAY")])
        order = {code: float(at) for at, code in enumerate(self.rule.laboratory)}
        by = records[item.by] if item.by else pd.Series("", index=records.index, dtype="str")
        date: Any = records.get(told.date, pd.NaT)
        own = records[[*WHOSE, "OWN"]].assign(
            TEXT=said.texts.str.lstrip(" ,;"), DAY=day.texts, BY=by, RANK=by.map(order).astype("float64").fillna(0.0), DATE=date
        )
        return own.assign(DATE=pd.to_datetime(own["DATE"])), facts

    def _records(self, told: Told, *, of_events: bool) -> pd.DataFrame:
        """The records an item says, each with the event it is said of, and what names it."""
        if told.dataset != "ADSL" and told.dataset not in self.view.adam:
            return pd.DataFrame(columns=[*WHOSE, "OWN"])
        # What records are named by and found near an event by must be there: else none would be told, as if there were none.
        asked = (*told.key, *(told.during or ()), *([told.date] if told.near else []))
        records = self.view.subjects if told.dataset == "ADSL" else self.view.records(told.dataset, *asked)
        if not set(chosen_variables(told.where)) <= set(records):
            return pd.DataFrame(columns=[*WHOSE, "OWN"])
        records = records[records["USUBJID"].isin(self.subjects["USUBJID"])]
        records = choose(records, told.where) if told.where else records
        records = records.assign(OWN=pd.Series(record_keys(records, "USUBJID", *told.key), index=records.index, dtype="object"))
        if not of_events:
            return records.assign(OF=OF_SUBJECT)
        named = self.events[[*WHOSE, "ONSET"]]
        if told.own:
            return records.assign(OF=records["AESEQ"]).merge(named, on=WHOSE)
        if told.near:
            records = records[records["PARAMCD"].isin(self.rule.laboratory) & records["AVAL"].notna()]
        return self._near(told, records.merge(named, on="USUBJID"))

    def _near(self, told: Told, records: pd.DataFrame) -> pd.DataFrame:
        """Records near the onset of their event, or going on then: an end that has not come or is not known is no end."""
        begin, end = told.during or (told.date, told.date)
        before, after = ((records[name] - records["ONSET"]).dt.days for name in (begin, end))
        near = (before <= self.rule.days) & ((after >= -self.rule.days) | (records[end].isna() & bool(told.during)))
        # What values near an event are held against is told with them.
        baseline = records["ABLFL"] == "Y" if "ABLFL" in records else pd.Series(False, index=records.index)
        return records[near | baseline]

    def _heads(self, item: Item, by: pd.Series) -> pd.Series:
        if not item.by:
            return pd.Series(item.item, index=by.index, dtype="str")
        return by.map({code: f"{item.item}: {self.view.parameter(code).heading}" for code in by.unique()}).astype("str")
