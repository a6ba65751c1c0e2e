"""The records behind a number: those that the second count asked for it, by where they stand in the files of a build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.counts import ask_counted, ask_summarised
from cgbm1_report.recount.database import Database, View
from cgbm1_report.recount.grouped import Group, group_rows, is_share
from cgbm1_report.rows import UNNAMED, Key, Shift

_SUBJECTS = "ADSL"
#: The statistic that counts who is observed at a time, without the event before it.
AT_RISK = "n.risk"
_TIMES = ("PARAMCD", "AVAL", "CNSR")


@dataclass(frozen=True)
class Behind:
    """What a number is counted or computed of.

    Parameters
    ----------
    dataset
        Whose records they are.
    records
        Where they stand in its file, from 0, in their order.
    of
        Where the subjects that are counted of stand in the file of ADSL; nothing where no variable tells them.
    variable
        What is summarised of the records; empty where they, or their subjects, are counted.
    """

    dataset: str
    records: tuple[int, ...]
    of: tuple[int, ...] = ()
    variable: str = ""


#: By the key of a row and its column.
Found = dict[tuple[Key, str], Behind]


def find_behind(asked: Asked, context: str) -> Found | None:
    """The records behind the counts or summaries of some rows; none of a context that is neither.

    Asked of a database that counted the rows before, it finds most of the answers there.
    """
    return _FOUND[context](asked) if context in _FOUND else None


def find_at_risk(asked: Asked) -> Found:
    """The times to an event of those who are at risk at the day of a row: whose time is not over before it.

    How a time ended tells nobody's risk, so that a row's CNSR, the way that its incidence is of, chooses no record.
    """
    found: Found = {}
    for row in asked.rows:
        parts = tuple(part for part in row if part[0] not in ("time", "CNSR"))
        day, dataset = dict(row).get("time"), asked.database.holder(asked.facts, (*_TIMES, *(name for name, _ in parts)))
        if day is None or not dataset:
            continue
        view = asked.database.view(asked.facts, dataset, (*_TIMES, *(name for name, _ in parts)))
        ((text, values),) = asked.database.match(view, {0: parts})
        times = f"SELECT r.head, r.record, r.AVAL - ? AS elapsed {text}"
        answer = asked.database.ask(
            f"SELECT head, record FROM ({times}) WHERE elapsed >= ? ORDER BY record", [asked.facts.day_one, *values, float(day)]
        )
        for head in asked.facts.columns:
            found[row, head] = Behind(dataset, tuple(record for own, record in answer if own == head))
    return found


def _find_counted(asked: Asked) -> Found:
    found = dict(_each(asked))
    wholes = {row: (*row[:-1], (row[-1][0], None)) for row in asked.rows if is_share(row, asked.facts)}
    if not wholes:
        return found
    # Shares are counted of those who have any value.
    every = dict(_each(replace(asked, rows=list(dict.fromkeys(wholes.values())))))
    for (row, head), one in found.items():
        if (whole := every.get((wholes.get(row, ()), head))) is not None:
            found[row, head] = replace(one, of=_subjects_of(asked.database, whole))
    return found


def _each(asked: Asked) -> Iterator[tuple[tuple[Key, str], Behind]]:
    for group in _of_subjects(asked):
        people = {} if group.of == () else asked.database.people(asked.facts, group.of)
        dataset = _SUBJECTS if group.shift else group.dataset
        places = _by_shift(asked, group, group.shift) if group.shift else _by_row(asked, group)
        for at, row in group.whole.items():
            for head in asked.facts.columns:
                yield (row, head), Behind(dataset, places.get((at, head), ()), people.get(head, ()))


def _of_subjects(asked: Asked) -> Iterator[Group]:
    """The rows that are of somebody: records without a subject stand in every column, and nobody's are opened."""
    return (group for group in group_rows(asked) if "USUBJID" in asked.database.columns[group.dataset])


def _by_row(asked: Asked, group: Group) -> dict[tuple[int, str], tuple[int, ...]]:
    highest = asked.facts.highest
    variables = [highest.get(name, name) for row in group.rows.values() for name, _ in row]
    view = asked.database.view(asked.facts, group.dataset, variables, of=group.of, meaning=group.meaning)
    if group.highest:
        return _by_highest(asked.database, view, group.rows, group.highest)
    return {(row, head): tuple(records) for row, head, _, records in ask_counted(asked.database, view, group.rows)}


def _by_highest(database: Database, view: View, rows: Mapping[int, Key], variable: str) -> dict[tuple[int, str], tuple[int, ...]]:
    """Of subjects whose highest value is the last part's level the records that have it; of others those without, or any."""
    wholes: dict[Key, int] = {}
    for row in rows.values():
        wholes.setdefault(row[:-1], len(wholes))
    value = f"TRY_CAST(r.{quote(variable)} AS DOUBLE)"
    told: dict[tuple[int, str], dict[float | None, list[int]]] = {}
    for asked, values in database.match(view, {number: whole for whole, number in wholes.items()}):
        top = f"max({value}) OVER (PARTITION BY h.row, r.head, r.USUBJID) AS top"
        highest = f"SELECT h.row, r.head, r.record, {value} AS own, {top} {asked}"
        answer = database.ask(f"SELECT row, head, record, top FROM ({highest}) WHERE own IS NOT DISTINCT FROM top", values)
        for row, head, record, top in answer:
            told.setdefault((row, head), {}).setdefault(top, []).append(record)
    found: dict[tuple[int, str], tuple[int, ...]] = {}
    for number, row in rows.items():
        level = row[-1][1]
        for (whole, head), tops in told.items():
            if whole != wholes[row[:-1]]:
                continue
            if level is None:
                chosen = [record for top, records in tops.items() if top is not None for record in records]
            else:
                chosen = tops.get(None if level in UNNAMED else float(level), [])
            found[number, head] = tuple(sorted(chosen))
    return found


def _by_shift(asked: Asked, group: Group, shift: Shift) -> dict[tuple[int, str], tuple[int, ...]]:
    """The subjects of each pair of baseline and worst level: every subject of a column stands in one row of a series."""
    database = asked.database
    variables = [name for row in group.rows.values() for name, _ in row[:-2]]
    every = database.view(asked.facts, group.dataset, [*variables, shift.baseline], meaning=group.meaning)
    after = database.view(asked.facts, group.dataset, [*variables, shift.variable])
    series: dict[Key, int] = {}
    for row in group.rows.values():
        series.setdefault(row[:-2], len(series))
    numbered = {number: key for key, number in series.items()}
    stands: dict[tuple[int, str, str], list[str | int | None]] = {}
    names = f"max(r.{quote(shift.baseline)})", f"max(list_position(?, r.{quote(shift.variable)}))"
    for place, (view, name, given) in enumerate(zip((every, after), names, ((), (list(shift.levels),)), strict=True)):
        for text, values in database.match(view, numbered):
            told = f"SELECT h.row, r.head, r.USUBJID, {name} {text} GROUP BY ALL"
            for at, head, subject, value in database.ask(told, [*given, *values]):
                stands.setdefault((at, head, subject), [None, None])[place] = value
    names_of = dict(enumerate(who for (who,) in database.ask(f"SELECT USUBJID FROM {_SUBJECTS} ORDER BY rowid")))
    ranks = {level: at for at, level in enumerate(shift.levels, 1)}
    found: dict[tuple[int, str], tuple[int, ...]] = {}
    for head, people in database.people(asked.facts, group.of).items():
        for number, row in group.rows.items():
            at, (base, worst) = series[row[:-2]], (None if level in UNNAMED else level for _, level in row[-2:])
            wanted = (base, ranks[worst] if worst else 0)
            own = ((place, stands.get((at, head, names_of[place]), (None, None))) for place in people)
            found[number, head] = tuple(place for place, (was, now) in own if (was, int(now or 0)) == wanted)
    return found


def _subjects_of(database: Database, one: Behind) -> tuple[int, ...]:
    """Where the subjects of records stand in the file of ADSL."""
    if one.dataset == _SUBJECTS:
        return one.records
    places = database.once(("places of subjects", one.dataset), lambda: _join_subjects(database, one.dataset))
    return tuple(sorted({place for record in one.records if (place := places[record]) is not None}))


def _join_subjects(database: Database, dataset: str) -> list[int | None]:
    told = f"SELECT a.rowid FROM {quote(dataset)} d LEFT JOIN {_SUBJECTS} a ON a.USUBJID = d.USUBJID ORDER BY d.rowid"
    return [place for (place,) in database.ask(told)]


def _find_summarised(asked: Asked) -> Found:
    found: Found = {}
    for group in _of_subjects(asked):
        people = asked.database.people(asked.facts, group.of)
        by_variable: dict[str, dict[int, Key]] = {}
        for number, row in group.rows.items():
            by_variable.setdefault(row[-1][0], {})[number] = row[:-1]
        variables = [name for row in group.rows.values() for name, _ in row]
        view = asked.database.view(asked.facts, group.dataset, variables, of=group.of, meaning=group.meaning)
        for variable, own in by_variable.items():
            answer = ask_summarised(asked.database, view, own, variable)
            places = {(row, head): tuple(records) for row, head, *_, records in answer}
            for at in own:
                for head in asked.facts.columns:
                    records = places.get((at, head), ())
                    found[group.whole[at], head] = Behind(group.dataset, records, people.get(head, ()), variable)
    return found


#: What finds the records of each context of the results.
_FOUND: Mapping[str, Callable[[Asked], Found]] = {
    "tabulate": _find_counted,
    "hierarchical": _find_counted,
    "missing": _find_counted,
    "proportion_ci": _find_counted,
    "summary": _find_summarised,
    "geometric": _find_summarised,
}
