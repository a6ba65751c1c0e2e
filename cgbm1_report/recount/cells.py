"""What a cell of a listing says of its record, as SQL: texts, numbers rounded on decimals, dates with their study days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from itertools import pairwise

from cgbm1_report.listed import ONGOING, SAMPLE, DateItem, FirstItem, Item, JoinedItem, RangeItem, ReasonItem, TimeItem
from cgbm1_report.recount.conditions import quote

#: A float is meant as its shortest decimal of twelve digits: 2.675 is no 2.67499999999999982.
_DECIMAL = "TRY_CAST(printf('%.12g', {}) AS DECIMAL(38, 18))"
_PLAIN = "printf('%.15g', {})"
_NOT_A_NUMBER = "NE"


def literal(text: str) -> str:
    """A text of a declaration as a text and nothing else."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Terms:
    """The variables of records and of their subjects, as a table ``r`` of chosen records has them."""

    records: Mapping[str, str]
    subjects: Mapping[str, str]
    abbreviations: Collection[str] = ()

    def has_any(self, item: Item) -> bool:
        """Whether there is any variable that a column may print."""
        return any(self.known(item.read if isinstance(item, ReasonItem) else item.named))

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of these variables that there are."""
        return [name for name in names if name in self.records or name in self.subjects]

    def found(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each variable with the term that finds it; the subject's has a name of its own where the record has it too."""
        for name in sorted(self.known(names)):
            yield name, f"{'d' if name in self.records else 's'}.{quote(name)}"
            if name in self.records and name in self.subjects:
                yield f"of subject {name}", f"s.{quote(name)}"

    def raw(self, name: str, *, once: bool = False) -> str:
        """The value of a variable."""
        both = name in self.records and name in self.subjects
        return f"r.{quote(f'of subject {name}' if once and both else name)}"

    def kind(self, name: str, *, once: bool = False) -> str:
        """What its values are."""
        first, second = (self.subjects, self.records) if once else (self.records, self.subjects)
        return first[name] if name in first else second[name]

    def is_date(self, name: str) -> bool:
        """Whether a variable holds dates."""
        return self.kind(name).startswith(("DATE", "TIMESTAMP"))

    def key(self, name: str, number: str) -> str:
        """A variable as a part of a row's key has it; ``number`` is the name of which result of a sample it is."""
        if name == SAMPLE:
            return f"CAST(r.{quote(number)} AS VARCHAR)"
        return _say_plain(self.raw(name), self.kind(name), "%Y-%m-%d")


def _say_plain(value: str, kind: str, form: str) -> str:
    if kind.startswith(("DATE", "TIMESTAMP")):
        return f"strftime({value}, {literal(form)})"
    return value if kind == "VARCHAR" else _PLAIN.format(f"CAST({value} AS DOUBLE)")


def _say_number(item: Item, name: str, value: str, terms: Terms) -> str:
    """A number with its decimals, halves away from zero."""
    if item.dp is None:
        return _PLAIN.format(value)
    if not isinstance(item.dp, Mapping):
        return _round(value, item.dp)
    if name in item.dp:
        return _round(value, item.dp[name])
    ways: dict[int, list[str]] = {}
    for code, dp in item.dp.items():
        ways.setdefault(dp, []).append(literal(code))
    told = " ".join(f"WHEN {terms.raw('PARAMCD')} IN ({', '.join(codes)}) THEN {_round(value, dp)}" for dp, codes in ways.items())
    return f"CASE {told} ELSE {_PLAIN.format(value)} END" if told else _PLAIN.format(value)


def _round(value: str, dp: int) -> str:
    rounded = f"CAST(CAST({_DECIMAL.format(value)} AS DECIMAL(38, {dp:d})) AS VARCHAR)"
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN isfinite({value}) THEN {rounded} ELSE {literal(_NOT_A_NUMBER)} END"


def _say_sentence(text: str, abbreviations: Collection[str]) -> str:
    """A coded text in small letters behind the first, abbreviations as they are."""
    known = f"[{', '.join(map(literal, sorted(abbreviations)))}]::VARCHAR[]"
    small = f"list_transform(string_split({text}, ' '), lambda w: CASE WHEN list_contains({known}, w) THEN w ELSE lower(w) END)"
    said = f"array_to_string({small}, ' ')"
    return f"upper(substring({said}, 1, 1)) || substring({said}, 2)"


def _say_value(item: Item, name: str, terms: Terms) -> str:
    """A variable as a column prints it: by its kind, then as a sentence or in the words of its code."""
    value, kind = terms.raw(name, once=item.once), terms.kind(name, once=item.once)
    if kind == "VARCHAR" or kind.startswith(("DATE", "TIMESTAMP")):
        text = _say_plain(value, kind, "%Y-%m-%d %H:%M" if item.time else "%Y-%m-%d")
    else:
        text = _say_number(item, name, _leave_void(item, f"CAST({value} AS DOUBLE)", terms), terms)
    said = _say_sentence(text, terms.abbreviations) if item.sentence else text
    if not item.words:
        return said
    ways = " ".join(f"WHEN {literal(str(code))} THEN {literal(words)}" for code, words in item.words.items())
    return f"CASE {text} {ways} ELSE {said} END"


def _leave_void(item: Item, value: str, terms: Terms) -> str:
    """A number, or none where it is 0 and a variable says that there was nothing to measure."""
    for name in terms.known(item.void):
        levels = ", ".join(map(literal, item.void[name]))
        value = f"CASE WHEN {terms.raw(name)} IN ({levels}) THEN NULLIF({value}, 0) ELSE {value} END"
    return value


@singledispatch
def say_cell(item: Item, terms: Terms) -> str:
    """The text of a column of each record, null where it is blank."""
    told = terms.known(item.named)
    if item.join:
        parts = [f"COALESCE({_say_value(item, name, terms)}, {literal(item.missing)})" for name in told]
        none = " AND ".join(f"{terms.raw(name, once=item.once)} IS NULL" for name in told)
        return f"CASE WHEN {none} THEN NULL ELSE {f' || {literal(item.join)} || '.join(parts)} END"
    text = _say_value(item, told[0], terms)
    for name in terms.known(item.marks):
        ways = " ".join(f"WHEN {literal(value)} THEN {literal(f' {mark}')}" for value, mark in item.marks[name].items() if mark)
        text = f"{text} || COALESCE(CASE {_say_plain(terms.raw(name), terms.kind(name), '%Y-%m-%d')} {ways} END, '')"
    return f"COALESCE({text}, {literal(item.missing)})" if item.missing else text


@say_cell.register
def _(item: DateItem, terms: Terms) -> str:
    collected, derived, day = item.named
    once = item.once
    if terms.known([collected]):
        text = f"substring(CAST({terms.raw(collected, once=once)} AS VARCHAR), 1, 10)"
    else:
        text = f"strftime({terms.raw(derived, once=once)}, '%Y-%m-%d')"
    said = text
    if terms.known([day]):
        flag = f"COALESCE(CAST({terms.raw(item.imputed, once=once)} AS VARCHAR), '')" if terms.known([item.imputed]) else "''"
        number = terms.raw(day, once=once)
        brackets = f"' (' || printf('%.0f', CAST({number} AS DOUBLE)) || {flag} || ')'"
        said = f"CASE WHEN {number} IS NULL THEN {text} ELSE {text} || {brackets} END"
    if not terms.known([item.relative]):
        return said
    return f"CASE WHEN {text} IS NULL AND {terms.raw(item.relative)} = 'ONGOING' THEN {literal(ONGOING)} ELSE {said} END"


@say_cell.register
def _(item: TimeItem, terms: Terms) -> str:
    (name,) = terms.known(item.named)
    return f"NULLIF(substring(CAST({terms.raw(name, once=item.once)} AS VARCHAR), 12, 5), '')"


@say_cell.register
def _(item: RangeItem, terms: Terms) -> str:
    low, high = (_say_value(item, name, terms) if terms.known([name]) else "NULL" for name in item.named)
    return f"COALESCE({low} || ' to ' || {high}, '>=' || {low}, '<=' || {high})"


@say_cell.register
def _(item: FirstItem, terms: Terms) -> str:
    ways = []
    for name in terms.known(item.named):
        own = _say_value(item, name, terms)
        pair = item.same.get(name)
        ways.append(f"CASE WHEN {terms.raw(pair[0])} = {terms.raw(pair[1])} THEN {own} END" if pair else own)
    return f"COALESCE({', '.join([*ways, literal(item.missing) if item.missing else 'NULL'])})"


@say_cell.register
def _(item: JoinedItem, terms: Terms) -> str:
    texts = [f"({say_cell(part, terms)})" for part in item.parts if terms.has_any(part)]
    kept = [
        f"CASE WHEN lower(trim({own})) IS DISTINCT FROM lower(trim({before})) THEN {own} END" for before, own in pairwise(texts)
    ]
    others = f"NULLIF(concat_ws({literal(item.join)}, {', '.join(kept)}), '')" if kept else "NULL"
    missing = literal(item.missing) if item.missing else "NULL"
    return f"concat_ws({literal(item.join)}, {texts[0]}, COALESCE({others}, {missing}))"


@say_cell.register
def _(item: ReasonItem, terms: Terms) -> str:
    said = [literal("")]
    for reason, chosen in item.reasons.items():
        names = [name for several in chosen for name in several.split("|")]
        if len(terms.known(names)) == len(names):
            told = " AND ".join(f"({' OR '.join(_ways(several, values, terms))})" for several, values in chosen.items())
            said.append(f"CASE WHEN {told or 'true'} THEN {literal(item.join + reason)} ELSE '' END")
    return f"NULLIF(substring({' || '.join(said)}, {len(item.join) + 1:d}), '')"


def _ways(several: str, values: str | tuple[str, ...], terms: Terms) -> Iterator[str]:
    """Of several variables one is enough, each with its value; a variable alone may have one of several values."""
    names, given = several.split("|"), (values,) if isinstance(values, str) else values
    pairs = zip(names, given, strict=True) if len(names) > 1 else ((names[0], value) for value in given)
    yield from (f"COALESCE({terms.raw(name)} = {literal(value)}, false)" for name, value in pairs)
