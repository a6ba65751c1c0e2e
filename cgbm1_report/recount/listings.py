"""Listings anew, in SQL: which records of the analysis data a listing has, in which order, and what is said of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cgbm1_report.listed import SAMPLE, WITHHELD, WITHHELD_KEY, Item, Listed, Ranked
from cgbm1_report.recount.cells import Terms, literal, say_cell
from cgbm1_report.recount.conditions import choose, declare, quote
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key, number_repeats, tell_key

#: Names of ours in a question: no variable has a blank.
_FILE, _PLACE, _ITEM, _TEXT, _NUMBER = "file place", "place", "own item", "own text", "own number"


class Anew(NamedTuple):
    """The records that a listing must have.

    ``keys`` stand in their order, ``places`` are equal where the order leaves it open; ``cells`` are the texts of each column that
    can be asked, ``unasked`` the columns that cannot, with the reason.
    """

    keys: Sequence[Key]
    places: Sequence[int]
    cells: Mapping[str, Sequence[str]]
    unasked: Mapping[str, str]


def list_anew(database: Database, facts: Facts, listed: Listed) -> Anew:
    """Ask the data for the records of a listing, by what its declaration says."""
    pooled = None in facts.columns.values()
    if listed.withheld and pooled:
        return Anew((WITHHELD_KEY,), (0,), {WITHHELD: (listed.withheld[1],)}, {})
    # Of a dataset that the build does not have nothing is listed.
    parts = [part for part in listed.parts if _dataset(facts, part) in database.columns]
    if not parts:
        return Anew((), (), {}, {item.key: f"{_dataset(facts, listed)} is not in the build" for item in listed.items})
    known = [_tell_terms(database, facts, part) for part in parts]
    asked_of = {item.key for part, terms in zip(parts, known, strict=True) for item in part.items if terms.has_any(item)}
    unasked = {item.key: f"no dataset has {' or '.join(item.read)}" for item in listed.items if item.key not in asked_of}
    columns = ["SUBJECT", "GROUP", *(item.key for item in listed.items if item.key not in unasked)]
    asked, values = [], list[object]()
    for at, (part, terms) in enumerate(zip(parts, known, strict=True)):
        text, given = _ask_part(database, facts, part, terms, columns)
        asked.append(f"SELECT *, {at} AS part FROM ({text})")
        values += given
    key = ("USUBJID", *listed.key)
    heads = f"list_position([{', '.join(map(literal, facts.columns))}], r.head)"
    order = [heads, "r.k0", *(f"r.o{at}" for at in range(len(listed.sort)))]
    place = f"dense_rank() OVER (ORDER BY {', '.join(f'{one} NULLS LAST' for one in order)}) AS place"
    told = [*(f"r.k{at}" for at in range(len(key))), place, *(f"COALESCE(r.c{at}, '')" for at in range(len(columns)))]
    answer = database.ask(
        f"SELECT {', '.join(told)} FROM ({' UNION ALL BY NAME '.join(asked)}) r ORDER BY place, r.part, r.{quote(_FILE)}", values
    )
    keys = number_repeats([tuple(zip(key, row, strict=False)) for row in answer])
    cells = {name: [row[len(key) + 1 + at] for row in answer] for at, name in enumerate(columns)}
    return Anew(keys, [row[len(key)] for row in answer], cells, unasked)


def _dataset(facts: Facts, part: Listed) -> str:
    return part.dataset or facts.sources[0]


def _tell_terms(database: Database, facts: Facts, part: Listed) -> Terms:
    return Terms(database.columns[_dataset(facts, part)], {} if part.groups else database.columns["ADSL"], facts.abbreviations)


def _ask_part(database: Database, facts: Facts, part: Listed, terms: Terms, columns: Sequence[str]) -> tuple[str, list[object]]:
    """The records of one dataset: their keys, what they are ordered by, and the texts of the columns."""
    items = {item.key: item for item in part.items if terms.has_any(item)}
    records, values = _choose_records(database, facts, part, _dataset(facts, part), terms)
    if part.sample:
        records = _join_samples(records, part, terms, items.values())
    keys = [terms.key(name, _NUMBER) if _is_told(name, terms) else "NULL" for name in ("USUBJID", *part.key)]
    orders = [_order(one, terms) if isinstance(one, Ranked) or _is_told(one, terms) else "NULL" for one in part.sort]
    cells = []
    for name in columns:
        if name == "SUBJECT" or (name == "GROUP" and name not in items):
            cells.append(keys[0] if name == "SUBJECT" else "r.head")
        elif name not in items:
            cells.append("NULL")
        else:
            cells.append(f"r.{quote(f'own {name}')}" if items[name].of else say_cell(items[name], terms))
    told = [f"{one} AS {letter}{at}" for letter, some in (("k", keys), ("o", orders), ("c", cells)) for at, one in enumerate(some)]
    return f"{records} SELECT {', '.join(told)}, r.head, r.{quote(_FILE)} FROM records r", values


def _is_told(name: str, terms: Terms) -> bool:
    """Whether a dataset has what records are ordered or told by: of several in one listing not each has all of it."""
    return name == SAMPLE or bool(terms.known([name]))


class Compared(NamedTuple):
    """How many cells were asked again, how many were not by the reason, and in what both tellings differ: what and where."""

    cells: int
    unasked: Counter[str]
    differences: list[tuple[str, str]]


def compare_listing(printed: Mapping[str, Sequence[str]], rows: Sequence[Key], anew: Anew, optional: Collection[str]) -> Compared:
    """Hold a listing as it is printed against the records it must have.

    Parameters
    ----------
    printed
        The texts of each column, a row each.
    rows
        The keys of the rows, in their order.
    optional
        Columns that a listing may be printed without.
    """
    places = {key: at for at, key in enumerate(anew.keys)}
    listed = set(rows)
    known = [(at, places[key]) for at, key in enumerate(rows) if key in places]
    differences = [
        *_tell_rows("is not listed", [key for key in anew.keys if key not in listed]),
        *_tell_rows("is listed, and the data have none", [key for key in rows if key not in places]),
        *_tell_order(rows, known, anew.places),
        *(("is not printed", f"column {name}") for name in anew.cells if name not in printed and name not in optional and rows),
    ]
    cells, unasked = 0, Counter[str]()
    for name, texts in printed.items():
        if name not in anew.cells:
            if any(texts):
                unasked[f"words, {anew.unasked.get(name, 'the column is not declared')}"] += len(texts)
            continue
        own = anew.cells[name]
        cells += len(known)
        wrong = [(at, place) for at, place in known if texts[at] != own[place]]
        if wrong:
            at, place = wrong[0]
            more = f", and {len(wrong) - 1} more in this column" if wrong[1:] else ""
            differences.append(
                (f"first printed as {texts[at]!r}, then as {own[place]!r}{more}", f"row {tell_key(rows[at])}, column {name}")
            )
    return Compared(cells, unasked, differences)


def _tell_rows(what: str, keys: Sequence[Key]) -> list[tuple[str, str]]:
    more = f", and so are {len(keys) - 1} more" if keys[1:] else ""
    return [(f"a record {what}{more}", f"row {tell_key(keys[0])}")] if keys else []


def _tell_order(rows: Sequence[Key], known: Sequence[tuple[int, int]], places: Sequence[int]) -> list[tuple[str, str]]:
    """Rows that stand behind one that comes after them."""
    early = [at for (_, before), (at, own) in pairwise(known) if places[own] < places[before]]
    return [(f"stands behind a record that comes after it ({len(early)} such)", f"row {tell_key(rows[early[0]])}")] if early else []


def _order(one: str | Ranked, terms: Terms) -> str:
    if isinstance(one, Ranked):
        return f"list_position([{', '.join(map(literal, one.levels))}], {terms.raw(one.variable)})"
    return f"r.{quote(_NUMBER)}" if one == SAMPLE else terms.raw(one)


def _choose_records(database: Database, facts: Facts, listed: Listed, dataset: str, terms: Terms) -> tuple[str, list[object]]:
    """The table ``records``: those of the dataset that are listed, with what is asked of them and their subject."""
    if listed.chosen is not None:
        asked, values = choose(listed.chosen, database.columns, dataset)
    else:
        asked, values = declare(facts.where, terms.records)
    names = {name for item in listed.items for name in item.read}
    names |= {one.variable if isinstance(one, Ranked) else one for one in listed.sort}
    names |= {"USUBJID", *listed.key, *listed.sample, *listed.repeats}
    kept = [f"{term} AS {quote(name)}" for name, term in terms.found(names)]
    if listed.groups:
        return _choose_groups(facts, listed, dataset, kept), []
    told = [f"s.{quote(facts.population)} = 'Y'", asked]
    told += [] if facts.phase is None else [f"s.PHASE = {facts.phase:d}"]
    told += [] if facts.arm is None else [f"s.{quote(facts.treatment)} = {literal(facts.arm)}"]
    told += ["d.DTYPE IS NULL"] if "DTYPE" in terms.records else []
    pooled = None in facts.columns.values() or facts.treatment not in terms.subjects
    head = "NULL" if pooled else f"s.{quote(facts.treatment)}"
    text = (
        f"WITH chosen AS MATERIALIZED (SELECT d.rowid AS {quote(_FILE)}, {head} AS head, {', '.join(kept)} FROM {quote(dataset)} d "
        f"JOIN ADSL s ON s.USUBJID = d.USUBJID WHERE {' AND '.join(told)})"
    )
    return (text if listed.sample else f"{text}, records AS (FROM chosen)"), values


def _choose_groups(facts: Facts, listed: Listed, dataset: str, kept: Sequence[str]) -> str:
    """The table ``records`` of what is said of dose groups: of those that have a column."""
    name = f"upper(trim(d.{quote(listed.groups)}))"
    ways = " ".join(f"WHEN {literal(head.upper())} THEN {literal(head)}" for head, treatment in facts.columns.items() if treatment)
    head = f"CASE {name} {ways} END" if ways else "CAST(NULL AS VARCHAR)"
    told = f"SELECT d.rowid AS {quote(_FILE)}, {head} AS head, {', '.join(kept)} FROM {quote(dataset)} d"
    return f"WITH records AS (SELECT * FROM ({told}) WHERE head IS NOT NULL)"


def _join_samples(chosen: str, listed: Listed, terms: Terms, items: Iterable[Item]) -> str:
    """The table ``records`` where a row is a sample: its results by item, of several of one item each in a row."""
    common = [terms.raw(name) for name in ("USUBJID", *listed.common) if name in listed.sample or terms.known([name])]
    results = [item for item in items if item.of]
    kept = ", ".join(
        dict.fromkeys(["r.head", f"r.{quote(_FILE)}", *common, *(terms.raw(name) for name in terms.known(listed.repeats))])
    )
    each = " UNION ALL ".join(
        f"SELECT {kept}, {literal(item.key)} AS {quote(_ITEM)}, {say_cell(item, terms)} AS {quote(_TEXT)} FROM chosen r "
        f"WHERE {' AND '.join(_equals(item.of, terms))}"
        for item in results
    )
    repeats = [*(f"{terms.raw(name)} NULLS LAST" for name in terms.known(listed.repeats)), f"r.{quote(_FILE)}"]
    counted = f"row_number() OVER (PARTITION BY {', '.join(common)}, r.{quote(_ITEM)} ORDER BY {', '.join(repeats)})"
    own = ", ".join(
        f"max(r.{quote(_TEXT)}) FILTER (r.{quote(_ITEM)} = {literal(item.key)}) AS {quote(f'own {item.key}')}" for item in results
    )
    return (
        f"{chosen}, results AS ({each}), numbered AS (SELECT r.*, {counted} AS {quote(_NUMBER)} FROM results r "
        f"WHERE r.{quote(_TEXT)} IS NOT NULL), records AS (SELECT r.head, min(r.{quote(_FILE)}) AS {quote(_FILE)}, "
        f"{', '.join(common)}, r.{quote(_NUMBER)}, {own} FROM numbered r GROUP BY ALL)"
    )


def _equals(of: Mapping[str, str], terms: Terms) -> Iterator[str]:
    for name, value in of.items():
        yield f"{terms.raw(name)} = {literal(value)}"
