"""The lines of narratives: items of templates/narratives.yaml, each filled from the records of its subject or near its event."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.protocol.narratives import Item, Narratives, NarrativeWords, Phrase, Told
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.chosen import choose, chosen_variables
from cgbm1_report.tabulate.narrated import Speaker, join_facts
from cgbm1_report.tabulate.view import View

#: Whose a line is: the subject's, or one of the events'. ``OF`` is the number of the event.
WHOSE = ["USUBJID", "OF"]
#: What records are told apart and chosen by, whatever is said of them.
_ALWAYS = ("USUBJID", "AESEQ", "PARAMCD", "AVAL", "ABLFL")
#: What stands for the number of an event: in lines on the subject, and of a death that is no event.
OF_SUBJECT, OF_DEATH = -1.0, float("inf")


class Book:
    """The lines of all narratives, and the facts they say (`tabulate.narrated`): of a fact ``AT`` is its line.

    ``events`` are those that are narrated, with the day of their ``ONSET``.
    """

    def __init__(self, view: View, rule: Narratives, words: NarrativeWords, events: pd.DataFrame) -> None:
        self.view, self.rule, self.words = view, rule, words
        self.events = events
        self._taken: dict[str, pd.DataFrame] = {}
        self.subjects = events[["USUBJID"]].drop_duplicates().assign(OF=OF_SUBJECT)
        decimals = {code: parameter.dp for code, parameter in view.trial.parameters.items()}
        self.speaker = Speaker(words, view.trial.abbreviations, decimals)
        #: What records say, and what is said besides them; of a fact ``AT`` is the place in the first, or in the second.
        self._said: list[pd.DataFrame] = []
        self._facts: list[pd.DataFrame] = []
        self._lines: list[pd.DataFrame] = []
        self._line_facts: list[pd.DataFrame] = []
        self._none: list[tuple[int, Item, pd.DataFrame]] = []

    def add(self, lines: pd.DataFrame, facts: pd.DataFrame | None = None) -> None:
        """Lines, numbered from 0, below those that are there; ``AT`` of a fact is its line among them."""
        start = sum(map(len, self._lines))
        self._lines.append(lines)
        if facts is not None and len(facts):
            self._line_facts.append(facts.assign(AT=facts["AT"] + start))

    def say(self, place: int, item: Item, *, of_events: bool) -> None:
        """An item of every subject, or of every event: what its records say, or that there is none."""
        for told in item.records:
            records = self._records(told, of_events=of_events)
            start = sum(map(len, self._said))
            said, facts = self._say_records(item, told, records.set_axis(range(start, start + len(records))))
            self._said.append(said.assign(PLACE=float(place), ITEM=self._heads(item, said["BY"]), APART=item.apart))
            self._facts.append(facts)
        if item.none:
            self._none.append((place, item, self.events[WHOSE] if of_events else self.subjects))

    def whole(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """All lines, and all facts: what records say of one item, and of one parameter, is one line, unless it stands apart."""
        line = [*WHOSE, "PLACE", "RANK"]
        said = pd.concat(self._said) if self._said else pd.DataFrame(columns=[*line, "DATE", "TEXT", "OWN", "APART"])
        said = said[said["TEXT"] != ""].sort_values([*line, "DATE"], kind="stable", na_position="last")
        starts = (said[line] != said[line].shift()).any(axis="columns") | said["APART"].astype("bool")
        at = pd.Series(starts.cumsum() - 1, index=said.index)
        lines = said.loc[starts].drop(columns=["OWN", "APART"])
        lines = lines.assign(TEXT=[*said["TEXT"].groupby(at.to_numpy()).agg("; ".join)] if len(said) else "")
        facts = join_facts(self._facts)
        facts = facts[facts["AT"].isin(said.index)]
        facts = facts.assign(KEY=facts["AT"].map(said["OWN"]), AT=facts["AT"].map(at)) if len(facts) else facts
        for place, item, whose in self._none:
            told = pd.MultiIndex.from_frame(said.loc[said["PLACE"] == place, WHOSE])
            self.add(whose[~pd.MultiIndex.from_frame(whose).isin(told)].assign(PLACE=place, ITEM=item.item, TEXT=item.none))
        others = [one.assign(AT=one["AT"] + len(lines)) for one in self._line_facts]
        every = [*([facts.astype({"AT": "int64"})] if len(facts) else []), *others]
        return pd.concat([lines, *self._lines], ignore_index=True), join_facts(every)

    def _say_records(self, item: Item, told: Told, records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What each record says, whose it is and where it stands; and the facts."""
        line = [*WHOSE, *([item.by] if item.by else [])]
        if told.date and any(one.anew for one in told.say):
            records = records.sort_values([*line, told.date], kind="stable")
        said = self.speaker.say(told.dataset, records, told.say, line)
        day = self.speaker.say(told.dataset, records, [Phrase(text=f"{{{told.day}}}", when=told.day)] if told.day else [])
        facts = join_facts([said.facts.assign(COLUMN="TEXT"), day.facts.assign(COLUMN="DAY")])
        order = {code: float(at) for at, code in enumerate(self.rule.laboratory)}
        by = records[item.by].tolist() if item.by else [""] * len(records)
        date = records[told.date] if told.date in records else pd.Series(pd.NaT, index=records.index)
        own = records[[*WHOSE, "OWN"]].assign(
            TEXT=[text.lstrip(" ,;") for text in said.texts], DAY=day.texts, BY=pd.Series(by, index=records.index, dtype="str"),
            RANK=[order.get(code, 0.0) for code in by], DATE=date.astype("datetime64[s]"),
        )  # fmt: skip
        return own, facts

    def _records(self, told: Told, *, of_events: bool) -> pd.DataFrame:
        """The records an item says, each with the event it is said of, and what names it."""
        if told.dataset != "ADSL" and told.dataset not in self.view.adam:
            return pd.DataFrame(columns=[*WHOSE, "OWN"])
        records = self._dataset(told.dataset)
        if not set(chosen_variables(told.where)) <= set(records):
            return pd.DataFrame(columns=[*WHOSE, "OWN"])
        records = choose(records, told.where) if told.where else records
        records = records[[name for name in records if name in _ALWAYS or name in told.variables]]
        records = records.assign(OWN=pd.Series(record_keys(records, "USUBJID", *told.key), index=records.index, dtype="object"))
        if not of_events:
            return records.assign(OF=OF_SUBJECT)
        named = self.events[[*WHOSE, "ONSET"]]
        if told.own:
            return records.assign(OF=records["AESEQ"]).merge(named, on=WHOSE)
        if told.near:
            records = records[records["PARAMCD"].isin(self.rule.laboratory) & records["AVAL"].notna()]
        return self._near(told, records.merge(named, on="USUBJID"))

    def _dataset(self, name: str) -> pd.DataFrame:
        """The records of who has a narrative, with what items say and ask of them, taken once for all items."""
        if name not in self._taken:
            every = [told for item in (*self.words.subject, *self.words.event) for told in item.records if told.dataset == name]
            asked = dict.fromkeys(one for told in every for one in told.asked)
            records = self.view.subjects if name == "ADSL" else self.view.records(name, *asked)
            named = {*_ALWAYS, *asked, *(one for told in every for one in told.variables)}
            own = records["USUBJID"].isin(self.subjects["USUBJID"])
            self._taken[name] = records.loc[own, [one for one in records if one in named]]
        return self._taken[name]

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
