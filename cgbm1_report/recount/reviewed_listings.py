"""What tables and the listings of their records say together: as many subjects and records are listed as are counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cgbm1_report.errors import number_of
from cgbm1_report.listed import Item, Listed
from cgbm1_report.recount.doubts import Cells, Doubt
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import UNNAMED, Key

_COUNTS = ("tabulate", "hierarchical")
_DOSE_GROUP, _SUBJECT = "GROUP", "SUBJECT"
#: Variables with the texts of which one is enough.
Chosen = dict[str, tuple[str, ...]]


class _Page(NamedTuple):
    """The rows of a listing as they are printed: texts by column."""

    listed: Listed
    texts: Mapping[str, Sequence[str]]
    abbreviations: frozenset[str]

    def find(self, asked: Mapping[str, tuple[str, ...]]) -> list[int] | None:
        """The rows that say these values; nothing where a column that would say one is missing or says several things."""
        kept = range(len(next(iter(self.texts.values()), ())))
        for variable, levels in asked.items():
            item = next((one for one in self.listed.items if _says(one, variable)), None)
            if item is None or (item.key not in self.texts and kept):
                return None
            if item.words and not _tells_apart(item.words, levels):
                return None
            wanted = {self._print(item, level) for level in levels}
            kept = [at for at in kept if self.texts[item.key][at] in wanted]  # type: ignore[assignment]
        return list(kept)

    def _print(self, item: Item, level: str) -> str:
        if item.words and level in item.words:
            return item.words[level]
        if not item.sentence:
            return level
        said = " ".join(word if word in self.abbreviations else word.lower() for word in level.split(" "))
        return said[:1].upper() + said[1:]


def _says(item: Item, variable: str) -> bool:
    """Whether a column says the value of a variable and nothing else."""
    return type(item) is Item and not (item.join or item.marks or item.of or item.once) and item.named[0] == variable


def _tells_apart(words: Mapping[str, str], levels: Sequence[str]) -> bool:
    """Whether no other level has the words of one of these: every way of being censored is printed as the same."""
    told = {words[level] for level in levels if level in words}
    return all(level in levels for level, said in words.items() if said in told)


def listing_shows_what_its_tables_count(cells: Cells) -> Iterator[Doubt]:
    """A listing that a table leads to has as many subjects and records of a row as the table counts.

    Asked where the listing is of the records and the population of the table, holds all of the row's, and has columns that say what
    chooses them. Rows that mean more than their variables say are asked of the data alone.
    """
    pages: dict[str, _Page] = {}
    counted = cells.of(_COUNTS, "n")
    for number, own in counted.groupby("output", sort=False):
        facts = cells.facts[str(number)]
        for name in facts.listings:
            other = cells.facts.get(name)
            if other is None or other.listed is None or not _is_of_the_same(facts, other, other.listed):
                continue
            if name not in pages:
                pages[name] = _read_page(cells, other, other.listed)
            # The columns of a row ask for the same records.
            listed = {key: _find_listed(facts, other, pages[name], key) for key in dict.fromkeys(cells.rows_of(own))}
            counts = zip(cells.rows_of(own), *(own[one].tolist() for one in ("column", "n", "n_events")), strict=True)
            for key, column, count, told in counts:
                found = listed[key]
                if found is None:
                    continue
                rows = _in_column(pages[name], found, facts.columns.get(column))
                subjects = len({pages[name].texts[_SUBJECT][at] for at in rows})
                events = told if told == told else len(rows)
                if (subjects, len(rows)) != (count, events):
                    told_counts = f"{number_of(int(count), 'subject')} with {number_of(int(events), 'record')}"
                    said = f"counts {told_counts}, and {name} lists {subjects} with {len(rows)}"
                    yield Doubt(str(number), key, column, said)


def _find_listed(facts: Facts, listing: Facts, page: _Page, key: Key) -> list[int] | None:
    """The rows of a listing that a row of a table counts, in all its columns; nothing where the listing cannot say."""
    asked = _choose(facts, key)
    rest = None if asked is None else _leave(asked, listing)
    return None if rest is None else page.find(rest)


def _is_of_the_same(facts: Facts, listing: Facts, listed: Listed) -> bool:
    """Whether a listing is of the records and subjects that a table counts, a row each."""
    return (
        not listed.sample
        and listed.chosen is None
        and (listed.dataset or listing.sources[0]) == facts.sources[0]
        and (listing.population, listing.treatment, listing.arm) == (facts.population, facts.treatment, facts.arm)
    )


def _read_page(cells: Cells, listing: Facts, listed: Listed) -> _Page:
    own = cells.texts_of(listing.number)
    texts = {str(name): part["stat_fmt"].fillna("").tolist() for name, part in own.groupby("column", sort=False)}
    return _Page(listed, texts, frozenset(listing.abbreviations))


def _choose(facts: Facts, key: Key) -> Chosen | None:
    """What chooses the records of a row: what its table is chosen by and its key, if that is all of it."""
    names, more = facts.highest.keys() | facts.shifts.keys(), facts.meanings.keys() | facts.counted_of.keys()
    if any(part[0] in names or part in more or not part[0].isupper() or part[1] in (None, *UNNAMED) for part in key):
        return None
    asked = {name: (value,) if isinstance(value, str) else value for name, value in facts.where.items()}
    for name, level in key:
        if level is None or (name in asked and level not in asked[name]) or level[:1] in "<>":
            return None
        asked[name] = (level,)
    return asked


def _leave(asked: Chosen, listing: Facts) -> Chosen | None:
    """What of it the listing's columns must say: nothing where the listing is chosen by more than the row is."""
    for name, value in listing.where.items():
        given = (value,) if isinstance(value, str) else value
        if not set(asked.get(name, ())) or not set(asked[name]) <= set(given):
            return None
    fixed = {name for name, value in listing.where.items() if asked[name] == ((value,) if isinstance(value, str) else value)}
    return {name: levels for name, levels in asked.items() if name not in fixed and "|" not in name}


def _in_column(page: _Page, rows: Sequence[int], treatment: str | None) -> list[int]:
    """The rows of a dose column; of a column that holds everybody all of them."""
    if treatment is None:
        return list(rows)
    return [at for at in rows if page.texts[_DOSE_GROUP][at] == treatment]
