"""What sentences say, asked again: each value of its record, in SQL, and of which events there are narratives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import REASON, REASON_OF_SUBJECTS, Key

if TYPE_CHECKING:
    import pandas as pd

#: Where, and what is not the same.
Wrong = list[tuple[str, str]]
#: A fact: the record it is of, its variable, and its value, a text or a number.
_Fact = tuple[Key, str, str | None, float | None]
#: A subject, and the number of its event where it is one.
_Event = tuple[str, float | None]
_GROUPS = tuple((f"group{at}", f"group{at}_level") for at in range(1, 7))
#: So many records are asked for at once.
_AT_ONCE = 500
#: A date as its text begins.
_DAY = len("2025-01-31")


def is_told(facts: Facts) -> bool:
    """Whether the cells of an output are sentences whose values are results of their own."""
    return any(name == REASON for name, _ in facts.meanings)


def tell_facts_anew(database: Database, facts: Facts, results: pd.DataFrame) -> tuple[int, Wrong]:
    """How many facts were asked of the data again, and those that are not so.

    Parameters
    ----------
    results
        All results of the output. A fact is a result whose variable is not its column: its groups are the record.
    """
    told = results[results["variable"] != results["column"]]
    every = list(_read(told))
    reasons = {(key, level) for key, name, level, _ in every if name == REASON}
    values = [one for one in dict.fromkeys(every) if one[1] != REASON]
    wrong = [*_tell_reasons(database, facts, reasons)]
    for asked in _together(database, facts, values):
        wrong += _ask(database, facts, asked)
    return len(every), wrong


def _read(told: pd.DataFrame) -> Iterator[_Fact]:
    """The facts of results; a missing value is None, and NaN as a number."""
    names = [name for pair in _GROUPS for name in pair]
    columns = [told[name].astype("object").where(told[name].notna(), None) for name in (*names, "variable", "variable_level")]
    for *groups, variable, level, stat in zip(*columns, told["stat"], strict=True):
        pairs = zip(groups[::2], groups[1::2], strict=True)
        # NaN is equal to nothing, not to itself: what is no number is told by None.
        yield (
            tuple((str(name), value) for name, value in pairs if name is not None),
            variable,
            level,
            None if stat != stat else stat,
        )


def _together(database: Database, facts: Facts, values: Sequence[_Fact]) -> Iterator[tuple[str, str, list[_Fact]]]:
    """Facts of one variable of one dataset, at most so many at once."""
    found: dict[tuple[str, str], list[_Fact]] = {}
    for one in values:
        dataset = database.holder(facts, (*(name for name, _ in one[0]), one[1]), dict(one[0]).get("PARAMCD"))
        found.setdefault((dataset, one[1]), []).append(one)
    for (dataset, variable), every in found.items():
        for start in range(0, len(every), _AT_ONCE):
            yield dataset, variable, every[start : start + _AT_ONCE]


def _ask(database: Database, facts: Facts, asked: tuple[str, str, list[_Fact]]) -> Wrong:
    dataset, variable, every = asked
    if not dataset:
        return [(_tell(key, variable), "no dataset has such a record") for key, *_ in every]
    names = dict.fromkeys(name for key, *_ in every for name, _ in key)
    view = database.view(facts, dataset, (*names, variable))
    found: dict[int, list[tuple[Any, ...]]] = {}
    for text, given in database.match(view, {at: key for at, (key, *_) in enumerate(every)}):
        name = f"r.{quote(variable)}"
        question = f"SELECT h.row, CAST({name} AS VARCHAR), TRY_CAST({name} AS DOUBLE) {text}"
        for row, *answer in database.ask(question, given):
            found.setdefault(row, []).append(tuple(answer))
    is_date = database.is_date(dataset, variable)
    wrong = []
    for at, (key, _, level, stat) in enumerate(every):
        answers = found.get(at, [])
        if len(answers) != 1:
            wrong.append((_tell(key, variable), f"one record is told, {len(answers)} are there"))
            continue
        text, number = answers[0]
        said = str(text)[:_DAY] if is_date and text is not None else text
        if (stat is not None and not _equal(stat, number)) or (stat is None and level != said):
            wrong.append((_tell(key, variable), f"first told as {stat if stat is not None else level!r}, then as {said!r}"))
    return wrong


def _equal(first: float, second: float | None) -> bool:
    return second is not None and abs(first - second) <= 1e-9 * max(1.0, abs(first))


def _tell_reasons(database: Database, facts: Facts, told: set[tuple[Key, str | None]]) -> Wrong:
    """Narratives that are told for a reason the data do not have, and reasons without a narrative."""
    wrong: Wrong = []
    for (name, label), meaning in facts.meanings.items():
        if name != REASON:
            continue
        first = {_event(key) for key, level in told if level == label}
        events = database.view(facts, database.holder(facts, ("USUBJID", "AESEQ")), ("AESEQ",), meaning=meaning)
        numbered = database.ask(f"SELECT USUBJID, AESEQ FROM ({events.text})", events.values)
        then: set[_Event] = {(str(who), float(number)) for who, number in numbered}
        others = facts.meanings.get((REASON_OF_SUBJECTS, label))
        if others is not None:
            subjects, known = database.view(facts, "ADSL", (), meaning=others), {who for who, _ in then}
            found = {str(who) for (who,) in database.ask(f"SELECT USUBJID FROM ({subjects.text})", subjects.values)}
            deaths: set[_Event] = {(who, None) for who in found - known}
            then |= deaths
        for who, number in sorted(first ^ then, key=str):
            place = f"{who}, {f'AESEQ {number:g}' if number is not None else 'without an event'}, {label}"
            wrong.append((place, "has a narrative for no such reason" if (who, number) in first else "has no narrative"))
    return wrong


def _event(key: Key) -> _Event:
    """The subject, and the number of the event where it is one."""
    parts = dict(key)
    number = parts.get("AESEQ")
    return str(parts.get("USUBJID")), float(number) if number else None


def _tell(key: Key, variable: str) -> str:
    return ", ".join([*(f"{name} {level}" for name, level in key), variable])
