"""14.3.3 Narratives of deaths, serious and other significant events: sentences filled from the records, every value a fact."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.outputs.adverse_events import GRAVE, LISTINGS
from cgbm1_report.outputs.narrative_lines import OF_DEATH, OF_SUBJECT, WHOSE, Book
from cgbm1_report.outputs.narrative_texts import POPULATION
from cgbm1_report.protocol.narratives import Narratives, read_narrative_words
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import REASON, REASON_OF_SUBJECTS, Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.chosen import Chosen, choose, chosen_variables, find_alternatives
from cgbm1_report.tabulate.declare import DOSE_GROUP, Listing, output
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.narrated import join_facts
from cgbm1_report.tabulate.records import PARTIAL, group_column
from cgbm1_report.tabulate.table import Column
from cgbm1_report.tabulate.view import View

_REASON, _WRITTEN = "Narrative for", "Physician’s text"
_MARKS = "H above, L below the normal range, which stands in brackets where it is not that of the result before."
_EVENT = ("USUBJID", "AESEQ")
#: The listings that hold what narratives tell besides adverse events: history, medication, procedures, infusions, results of
#: laboratories, and those of events of special interest and deaths.
_RECORDS = (
    "L16.2.4.3", "L16.2.4.4", "L16.2.4.5", "L16.2.5.1", "L16.2.6.4", "L16.2.7.3", "L16.2.7.5",
    "L16.2.8.1", "L16.2.8.2", "L16.2.8.3",
)  # fmt: skip


def _ways(chosen: Chosen) -> Meaning:
    """A choice as ways of which one is enough, as a second count asks it."""
    ways: list[dict[str, Is]] = [{}]
    for names, values in chosen.items():
        told = [(name, value) for name, several in find_alternatives(names, values) for value in several]
        ways = [{**way, name: Is("=", value)} for way in ways for name, value in told]
    return tuple(ways)


def _meanings(trial: Trial, _: int) -> Mapping[Part, Meaning]:
    """What the reasons mean: of events, and of subjects without such an event."""
    reasons = _rule(trial).reasons
    events: dict[Part, Meaning] = {(REASON, one.label): _ways(one.events) for one in reasons}
    return events | {(REASON_OF_SUBJECTS, one.label): _ways(one.subjects) for one in reasons if one.subjects}


def _rule(trial: Trial) -> Narratives:
    if trial.narratives is None:
        raise ValueError("trial.yaml declares no narratives")  # `needs` asks before
    return trial.narratives


def _variables(trial: Trial, _: int) -> Mapping[str, tuple[str, ...]]:
    events, subjects = (
        sorted({name for one in _rule(trial).reasons for name in chosen_variables(getattr(one, of))})
        for of in ("events", "subjects")
    )
    return {
        "ADAE": (*_EVENT, "AETERM", "AEDECOD", "ASTDT", *events),
        "ADSL": ("AGE", "SEX", "DTHDT", *subjects),
        "ADLB": ("USUBJID", "PARAMCD", "AVAL", "ADT", "ADY", "ASEQ"),
    }


def find_narrated(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The events that have a narrative, and the reasons of each; of a subject without an event for a reason its death."""
    asked = _variables(view.trial, view.phase)
    events = view.records("ADAE", *asked["ADAE"])[["USUBJID", "COLUMN", *dict.fromkeys(asked["ADAE"][1:])]]
    subjects = view.subjects[["USUBJID", "COLUMN", *dict.fromkeys(asked["ADSL"])]].assign(
        OF=OF_DEATH, ONSET=view.subjects["DTHDT"], AESEQ=float("nan"), AEDECOD=None
    )
    found = []
    for place, reason in enumerate(_rule(view.trial).reasons):
        own = choose(events, reason.events).assign(OF=lambda own: own["AESEQ"], ONSET=lambda own: own["ASTDT"])
        without = subjects[~subjects["USUBJID"].isin(own["USUBJID"])]
        others = choose(without, reason.subjects) if reason.subjects else without.iloc[:0]
        parts = [own, others.assign(AETERM=reason.label)]
        named = [part[[*WHOSE, "COLUMN", "AESEQ", "AEDECOD", "AETERM", "ONSET"]] for part in parts if len(part)]
        found += [part.assign(REASON=reason.label, PLACE=place) for part in named]
    blank = events.iloc[:0].assign(OF=0.0, ONSET=pd.Timestamp(0), REASON="", PLACE=0)
    reasons = pd.concat(found, ignore_index=True) if found else blank
    reasons = reasons.sort_values([*WHOSE, "PLACE"], kind="stable").reset_index(drop=True)
    return reasons.drop_duplicates(WHOSE).reset_index(drop=True), reasons


def _supplied(view: View) -> pd.DataFrame:
    """What physicians wrote, as it is supplied beside the data."""
    return view.adam.get("NARRATIVES", pd.DataFrame(columns=["USUBJID", "AESEQ", "TEXT"]))


def _note_lost(view: View) -> tuple[str, ...]:
    """Notes on texts of these subjects that belong to no event any more, and on those of subjects who are gone themselves."""
    texts = _supplied(view)
    if "NOTE" not in texts:
        return ()
    own = texts["USUBJID"].isin(view.subjects["USUBJID"]) | ~texts["USUBJID"].isin(view.adam["ADSL"]["USUBJID"])
    return tuple(texts.loc[own & texts["NOTE"].notna(), "NOTE"])


def _written(view: View, events: pd.DataFrame, unwritten: str) -> pd.DataFrame:
    """What physicians wrote of each event, a line a paragraph; where there is nothing, what stands instead, or a place for it."""
    texts = _supplied(view)
    texts = texts.assign(TEXT=texts["TEXT"].fillna(texts["INSTEAD"])) if "INSTEAD" in texts else texts
    texts = texts.loc[texts["TEXT"].notna(), ["USUBJID", "AESEQ", "TEXT"]]
    texts = texts.assign(OF=texts["AESEQ"].astype("float64").fillna(OF_DEATH)).drop(columns=["AESEQ"])
    lines = events[WHOSE].merge(texts, on=WHOSE, how="left", validate="one_to_one")
    lines = lines.assign(TEXT=lines["TEXT"].fillna(unwritten).astype("str").str.split(r"\s*\n\s*", regex=True))
    lines = lines.explode("TEXT", ignore_index=True)
    return lines[lines["TEXT"] != ""].astype({"TEXT": "str"})


def _tell_reasons(book: Book, reasons: pd.DataFrame) -> None:
    """Why each event has a narrative: every reason that holds."""
    lines = reasons.groupby(WHOSE, sort=False)["REASON"].agg("; ".join).rename("TEXT").reset_index()
    facts = _facts(reasons, "TEXT", REASON, reasons["REASON"], _EVENT)
    facts["AT"] = reasons.groupby(WHOSE, sort=False).ngroup().to_numpy()
    book.add(lines.assign(PLACE=-1, ITEM=_REASON), facts)


def _facts(records: pd.DataFrame, column: str, variable: str, values: pd.Series, key: tuple[str, ...]) -> pd.DataFrame:
    """Texts of one column as facts, each of its record."""
    # A death that is no event is told of its subject.
    keys = [tuple(part for part in one if part[1] is not None) for one in record_keys(records, *key)]
    told = {"LEVEL": values.to_numpy(), "SAID": values.to_numpy(), "STAT": float("nan"), "FORMAT": None}
    return pd.DataFrame({"AT": records.index, "COLUMN": column, "KEY": keys, "VARIABLE": variable, **told})


def _bind(view: View, book: Book) -> Listing:
    """The lines in order: by the number of the subject, what is told of the subject, then event by event."""
    lines, facts = book.whole()
    events = book.events.sort_values(["USUBJID", "ONSET", "OF"], kind="stable", na_position="last")
    events = events.assign(AT=events.groupby("USUBJID").cumcount())
    lines = lines.reset_index().merge(events[[*WHOSE, "AT", "AESEQ", "AEDECOD", "AETERM"]], on=WHOSE, how="left")
    lines = lines.merge(view.subjects[["USUBJID", "COLUMN"]], on="USUBJID", how="left", validate="many_to_one")
    lines = lines.assign(
        AT=lines["AT"].fillna(-1.0), RANK=lines["RANK"].fillna(0.0), DAY=lines["DAY"].fillna(""), BY=lines["BY"].fillna("")
    )
    # Whoever looks for a subject knows its number, and not its treatment.
    lines = lines.sort_values(["USUBJID", "AT", "PLACE", "RANK", "index"], kind="stable").reset_index(drop=True)
    places = pd.Series(lines.index, index=lines["index"])
    events_lines = lines[(lines["OF"] != OF_SUBJECT) & (lines["OF"] != OF_DEATH)]
    coded = events_lines[events_lines["AEDECOD"].notna()]
    heads = [
        _facts(coded, "EVENT", "AEDECOD", coded["AEDECOD"], _EVENT),
        _facts(events_lines.drop(coded.index), "EVENT", "AETERM", events_lines.drop(coded.index)["AETERM"], _EVENT),
        *([] if view.pooled else [_facts(lines, DOSE_GROUP, view.treatment, lines["COLUMN"], ("USUBJID",))]),
    ]
    facts = join_facts([facts.assign(AT=facts["AT"].map(places)) if len(facts) else facts, *heads])
    return _print(view, lines, facts)


def _print(view: View, lines: pd.DataFrame, facts: pd.DataFrame) -> Listing:
    named = lines["AEDECOD"].fillna(lines["AETERM"]).fillna("Subject").astype("str")
    text = lines["TEXT"].str[:1].str.upper() + lines["TEXT"].str[1:]
    again = lines[[*WHOSE, "ITEM"]].eq(lines[[*WHOSE, "ITEM"]].shift()).all(axis="columns")
    printed = pd.DataFrame(
        {"SUBJECT": lines["USUBJID"], DOSE_GROUP: lines["COLUMN"], "EVENT": named, "ITEM": lines["ITEM"].mask(again, ""),
         "DAY": lines["DAY"], "TEXT": text}
    )  # fmt: skip
    columns = [
        Column("SUBJECT", "Subject", width=1.5, align="left", once=True),
        *([] if view.pooled else [group_column(view, 0.8)]),
        Column("EVENT", "Narrative of", width=1.5, align="left", once=True),
        Column("ITEM", "Item", width=2.3, align="left"),
        Column("DAY", "Study\nday", width=0.6),
        Column("TEXT", "What is recorded", width=6.0, align="left"),
    ]
    starts = lines[WHOSE].ne(lines[WHOSE].shift()).any(axis="columns").to_numpy().nonzero()[0].tolist()
    said = facts["SAID"].astype("str")
    partial = facts["VARIABLE"].astype("str").str.endswith("DTC") & said.str.fullmatch(r"\d{4}(-\d\d)?")
    notes = (*([STUDY_DAY] if len(lines) else []), *([_MARKS] if (facts["VARIABLE"] == "ANRIND").any() else []), *_note_lost(view))
    without = () if partial.any() else (PARTIAL,)
    return Listing(printed, columns, _keys(lines), starts, notes, without, facts, marks=_mark_subjects(lines, named))


def _mark_subjects(lines: pd.DataFrame, named: pd.Series) -> list[tuple[int, str]]:
    """Where each subject begins, once, with the events that are told of it."""
    events = named[lines["OF"] != OF_SUBJECT].groupby(lines["USUBJID"]).agg(lambda own: "; ".join(dict.fromkeys(own)))
    starts = (~lines["USUBJID"].duplicated()).to_numpy().nonzero()[0].tolist()
    return [(at, f"{who}: {events[who]}") for at, who in zip(starts, lines["USUBJID"].iloc[starts], strict=True)]


def _keys(lines: pd.DataFrame) -> list[Key]:
    """What each line is: of a subject, or of an event, an item; of a parameter."""
    asked = lines.rename(columns={"ITEM": "item", "BY": "PARAMCD"}).assign(PARAMCD=lines["BY"].where(lines["BY"] != ""))
    keys = record_keys(asked, "USUBJID", "AESEQ", "PARAMCD", "item")
    return [tuple(part for part in key if part[1] is not None) for key in keys]


@output(
    "N14.3.3", "Narratives of Deaths, Serious and Other Significant Adverse Events", population=POPULATION,
    source=("ADAE", "ADSL", "ADMH", "ADEX", "ADLB", "ADCM", "ADPR"), footnotes=("F5", "F5c", "F21", "F22"), total=False,
    given={"F5": ("ADAE", "ATOXGR"), "F5c": ("ADLB", "ATOXGR")}, variables=_variables,
    listings=(*GRAVE, *LISTINGS, *_RECORDS), meanings=_meanings,
    needs={"narratives": lambda trial: trial.narratives is not None},
)  # fmt: skip
def narratives(view: View) -> Listing:
    """Of each subject with such an event: who it was, what was given and happened; then each event with all that is near it."""
    words = read_narrative_words()
    events, reasons = find_narrated(view)
    book = Book(view, _rule(view.trial), words, events)
    for place, item in enumerate(words.subject):
        book.say(place, item, of_events=False)
    _tell_reasons(book, reasons)
    for place, item in enumerate(words.event):
        book.say(place, item, of_events=True)
    book.add(_written(view, events, words.unwritten).assign(PLACE=len(words.event), ITEM=_WRITTEN))
    return _bind(view, book)
