"""Listings anew, in SQL: which records of the analysis data a listing has, in which order, and what is said of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cgbm1_report.listed import SAMPLE, Item, Listed, Ranked
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
    dataset = listed.dataset or facts.sources[0]
    terms = Terms(database.columns.get(dataset, {}), database.columns["ADSL"], facts.abbreviations)
    unasked = {item.key: f"no dataset has {' or '.join(item.read)}" for item in listed.items if not terms.has_any(item)}
    if not terms.records:
        return Anew((), (), {}, {item.key: f"{dataset} is not in the build" for item in listed.items})
    shown = [item for item in listed.items if item.key not in unasked]
    records, values = _choose_records(database, facts, listed, dataset, terms)
    if listed.sample:
        records = _join_samples(records, listed, terms, shown)
    key = ("USUBJID", *listed.key)
    columns = [("SUBJECT", terms.raw("USUBJID")), ("GROUP", "r.head")]
    columns += [(item.key, f"r.{quote(f'own {item.key}')}" if item.of else say_cell(item, terms)) for item in shown]
    told = [
        *(terms.key(name, _NUMBER) for name in key),
        _rank(facts, listed, terms),
        *(f"COALESCE({text}, '')" for _, text in columns),
    ]
    answer = database.ask(
        f"{records} SELECT {', '.join(told)} FROM records r ORDER BY {len(key) + 1}, r.{quote(_FILE)}", values
    )  # fmt: skip
    keys = number_repeats([tuple(zip(key, row, strict=False)) for row in answer])
    cells = {name: [row[len(key) + 1 + at] for row in answer] for at, (name, _) in enumerate(columns)}
    return Anew(keys, [row[len(key)] for row in answer], cells, unasked)


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
    known = [(at, places[key]) for at, key in enumerate(rows) if key in places]
    differences = [
        *_tell_rows("is not listed", [key for key in anew.keys if key not in set(rows)]),
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


def _rank(facts: Facts, listed: Listed, terms: Terms) -> str:
    """The place of a record: by dose column, subject, then as declared."""
    heads = f"list_position([{', '.join(map(literal, facts.columns))}], r.head)"
    order = [heads, terms.raw("USUBJID"), *(_order(one, terms) for one in listed.sort)]
    return f"dense_rank() OVER (ORDER BY {', '.join(f'{one} NULLS LAST' for one in order)})"


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
    told = [f"s.{quote(facts.population)} = 'Y'", asked]
    told += [] if facts.phase is None else [f"s.PHASE = {facts.phase:d}"]
    told += [] if facts.arm is None else [f"s.{quote(facts.treatment)} = {literal(facts.arm)}"]
    told += ["d.DTYPE IS NULL"] if "DTYPE" in terms.records else []
    pooled = None in facts.columns.values() or facts.treatment not in terms.subjects
    head = "NULL" if pooled else f"s.{quote(facts.treatment)}"
    names = {name for item in listed.items for name in item.read}
    names |= {one.variable if isinstance(one, Ranked) else one for one in listed.sort}
    names |= {"USUBJID", *listed.key, *listed.sample, *listed.repeats}
    kept = [f"{term} AS {quote(name)}" for name, term in terms.found(names)]
    text = (
        f"WITH chosen AS MATERIALIZED (SELECT d.rowid AS {quote(_FILE)}, {head} AS head, {', '.join(kept)} FROM {quote(dataset)} d "
        f"JOIN ADSL s ON s.USUBJID = d.USUBJID WHERE {' AND '.join(told)})"
    )
    return (text if listed.sample else f"{text}, records AS (FROM chosen)"), values


def _join_samples(chosen: str, listed: Listed, terms: Terms, items: Iterable[Item]) -> str:
    """The table ``records`` where a row is a sample: its results by item, of several of one item each in a row."""
    common = [terms.raw(name) for name in ("USUBJID", *listed.sample)]
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
