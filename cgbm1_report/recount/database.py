"""The analysis data as a database: tables of the build's parquet files, and how records of them are chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cgbm1_report.distinct import fold_text
from cgbm1_report.recount.conditions import choose, declare, quote
from cgbm1_report.recount.facts import Facts
from cgbm1_report.recount.heard import Heard, Names
from cgbm1_report.rows import UNNAMED, Key, Meaning, Part

#: Quantiles as SAS prints them: where n·p is a whole number the mean of two neighbours, else the next value.
_MACRO = """
CREATE MACRO quantile_sas(l, p) AS CASE
    WHEN len(l) = 0 THEN NULL
    WHEN abs(len(l) * p - round(len(l) * p)) < 1e-9
    THEN (l[CAST(round(len(l) * p) AS INT)] + l[CAST(round(len(l) * p) AS INT) + 1]) / 2
    ELSE l[CAST(ceil(len(l) * p) AS INT)] END
"""
#: ``>=3`` of a grade, ``<=2025-06-15`` of a date: a level that is no value of the data, but a bound.
_BOUND = re.compile(r"(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?|\d{4}-\d\d-\d\d)")
#: So many texts are told at once.
_AT_ONCE = 1000
_EQUAL, _KNOWN, _ABSENT = "=", "known", "missing"
#: Asks nothing from outside: no extension is fetched, and once the files are read no file is opened.
_SAFE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": 1,
}  # fmt: skip


Found = TypeVar("Found")


class View(NamedTuple):
    """Records of a dataset as a question with its values, and the subjects of each column that they are counted of."""

    dataset: str
    text: str
    values: tuple[object, ...]
    subjects: Mapping[str, int]


def _values(rows: Sequence[tuple[object, ...]], names: Sequence[str]) -> tuple[str, list[object]]:
    """Rows as a table ``h`` in a question, and its values."""
    marks = ", ".join(f"({', '.join('?' * len(names))})" for _ in rows)
    return f"(VALUES {marks}) h({', '.join(names)})", [value for row in rows for value in row]


class Database:
    """The datasets of a build, read from its files alone."""

    def __init__(self, folder: Path, names: Collection[str]) -> None:
        import duckdb

        self._connection = duckdb.connect(":memory:", config=_SAFE)
        self.columns: dict[str, dict[str, str]] = {}
        for name in sorted(names):
            path = folder / f"{name.lower()}.parquet"
            if path.is_file():
                self._connection.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM read_parquet(?)", [str(path)])
                told = self._connection.execute(f"DESCRIBE {quote(name)}").fetchall()
                self.columns[name] = {str(one[0]): str(one[1]) for one in told}
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute(_MACRO)
        self._connection.execute("CREATE TABLE spelt (raw VARCHAR PRIMARY KEY, folded VARCHAR)")
        self._heard = Heard(self.columns)
        self._spelt: dict[tuple[str, str], frozenset[str]] = {}
        self._populations: dict[str, tuple[str, Mapping[str, int], Names]] = {}
        self._found: dict[object, Any] = {}
        self._answers: dict[object, list[tuple[Any, ...]]] = {}
        #: How often tables were made anew, by name.
        self._made: dict[str, int] = {}

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, question: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """The rows that answer a question; ``values`` stand for its question marks.

        The same question has the same answer until a table that it names is made anew: intervals, differences and tests of
        counts ask for the counts again.
        """
        given = list(values)
        self._heard.hear(question)
        key = (question, repr(given), tuple(number for name, number in self._made.items() if name in question))
        if key not in self._answers:
            self._answers[key] = self._connection.execute(question, given).fetchall()
        return self._answers[key]

    def once(self, key: object, find: Callable[[], Found]) -> Found:
        """What was found by this key before, else what is found now."""
        if key not in self._found:
            with self.hearing() as heard:
                self._found[key] = find(), heard
        found, asked = self._found[key]
        self._heard.hear_again(asked)
        answer: Found = found
        return answer

    @contextmanager
    def hearing(self) -> Iterator[Names]:
        """The variables of each dataset that are asked for meanwhile, whether they were asked for before or not."""
        with self._heard.alone() as heard:
            yield heard

    def holder(self, facts: Facts, variables: Iterable[str], parameter: str | None = None) -> str:
        """The dataset that has all of these variables: ADSL, where a row is of subjects alone, else the first of the output's.

        Of several that could hold a ``parameter`` it is the one that has records of it. An empty name where none has.
        """
        wanted, subject = set(variables), self.columns["ADSL"].keys()
        found = [name for name in ("ADSL", *facts.sources) if wanted <= self.columns.get(name, {}).keys()]
        # What the records do not have is their subjects'.
        found = found or [name for name in facts.sources if name in self.columns and wanted <= self.columns[name].keys() | subject]
        if parameter is not None and len(found) > 1:
            found = [name for name in found if fold_text(parameter) in self._spellings(name, "PARAMCD")] or found
        return found[0] if found else ""

    def view(
        self, facts: Facts, dataset: str, variables: Iterable[str], *, of: Meaning | None = None, meaning: Meaning | None = None
    ) -> View:
        """What of a dataset is of the subjects of an output's population, each record with the ``head`` of its column.

        They have these ``variables``, and as ``record`` where they stand in the file. A column that holds everybody repeats
        them. ``of`` tells the subjects that are counted of; ``meaning`` stands for what the declaration chooses records by. Days
        are counted from the ``day_zero`` of a record.
        """
        own = self.columns[dataset]
        if "USUBJID" not in own:
            return self._view_of_nobody(facts, dataset, variables)
        subjects, counted = self._subjects(facts, of)
        asked, values = choose(meaning, self.columns, dataset) if meaning else declare(facts.where, own)
        derived = f" OR d.DTYPE IN ({', '.join('?' * len(facts.dtypes))})" if facts.dtypes else ""
        observed = f"(d.DTYPE IS NULL{derived}) AND" if "DTYPE" in own else ""
        values = [*(facts.dtypes if "DTYPE" in own else ()), *values]
        kept = ", ".join(f"{'d' if name in own else 's'}.{quote(name)}" for name in dict.fromkeys(("USUBJID", *variables)))
        zero = f"s.{quote(facts.day_zero)}" if facts.day_zero in self.columns["ADSL"] else "NULL"
        joined = f"{quote(dataset)} d JOIN {subjects} s ON s.USUBJID = d.USUBJID"
        text = f"SELECT {kept}, s.head, {zero} AS day_zero, d.rowid AS record FROM {joined} WHERE {observed} {asked}"
        return View(dataset, text, tuple(values), counted)

    def _view_of_nobody(self, facts: Facts, dataset: str, variables: Iterable[str]) -> View:
        """The records of a dataset without subjects: they stand in every column."""
        heads, names = _values([(head,) for head in facts.columns], ("head",))
        kept = ", ".join(f"d.{quote(name)}" for name in dict.fromkeys(variables))
        nobody = "NULL AS USUBJID, NULL AS day_zero, d.rowid AS record"
        text = f"SELECT {kept}, h.head, {nobody} FROM {quote(dataset)} d CROSS JOIN {heads}"
        return View(dataset, text, tuple(names), dict.fromkeys(facts.columns, 0))

    def hold(self, view: View, key: Key = ()) -> None:
        """Make the table ``records`` of a view, of those that a row's key chooses, for questions that ask it more than once."""
        ((text, values),) = self.match(view, {0: key})
        self.keep("records", f"SELECT r.* {text}", values)

    def keep(self, name: str, question: str, values: Iterable[object] = ()) -> None:
        """Make a table of what answers a question."""
        self._made[name] = self._made.get(name, 0) + 1
        self._heard.hear(question)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS {question}", list(values))

    def tell_groups(self, view: View, key: Key, part: Part) -> list[tuple[Any, ...]]:
        """Of each record of a row the column, the time, whether it is an event, and its group.

        The group is the value of the part's variable, or whether it keeps the part's bound.
        """
        self.hold(view, key)
        how, value = self._read(view.dataset, *part)
        name = quote(part[0])
        group = name if how == _KNOWN else f"TRY_CAST({name} AS DOUBLE) {how} TRY_CAST(? AS DOUBLE)"
        return self.ask(f"SELECT head, AVAL, CNSR = 0, {group} FROM records", [] if how == _KNOWN else [value])

    def _subjects(self, facts: Facts, of: Meaning | None) -> tuple[str, Mapping[str, int]]:
        """The table of a population's subjects, once for each column they stand in, and how many stand in each."""
        chosen: dict[str, object] = {facts.population: "Y"}
        if facts.phase is not None:
            chosen["PHASE"] = facts.phase
        if facts.arm is not None:
            chosen[facts.treatment] = facts.arm
        key = repr((chosen, facts.treatment, sorted(facts.columns.items(), key=str), of))
        if key not in self._populations:
            subject, table = self.columns["ADSL"], f"subjects{len(self._populations)}"
            treated = f"s.{quote(facts.treatment)}" if facts.treatment in subject else "NULL"
            told = " AND ".join(f"s.{quote(variable)} = ?" for variable in chosen)
            counted, values = choose(of or ({},), self.columns)
            heads, names = _values(list(facts.columns.items()), ("head", "treatment"))
            with self.hearing() as heard:
                self.keep(
                    table,
                    f"SELECT s.*, h.head FROM ADSL s JOIN {heads} "
                    f"ON h.treatment IS NULL OR h.treatment = {treated} WHERE {told} AND {counted}",
                    [*names, *chosen.values(), *values],
                )
                found = dict(self.ask(f"SELECT head, count(DISTINCT USUBJID) FROM {table} GROUP BY head"))
            self._populations[key] = table, {head: int(found.get(head, 0)) for head in facts.columns}, heard
        table, counts, heard = self._populations[key]
        self._heard.hear_again(heard)
        return table, counts

    def people(self, facts: Facts, of: Meaning | None) -> dict[str, tuple[int, ...]]:
        """By column, where those who are counted of stand in the file of ADSL."""
        table, _ = self._subjects(facts, of)
        told = f"SELECT p.head, list(a.rowid ORDER BY a.rowid) FROM {table} p JOIN ADSL a ON a.USUBJID = p.USUBJID GROUP BY p.head"
        return {head: tuple(places) for head, places in self.ask(told)}

    def match(self, view: View, rows: Mapping[int, Key]) -> list[tuple[str, list[object]]]:
        """What gives the records ``r`` of each row, its number as ``a.row``, with its values; rows of one kind share one.

        A part of a key is a variable that has a value, is not missing, is missing, or keeps a bound.
        """
        groups: dict[tuple[tuple[str, str], ...], dict[int, list[str | None]]] = {}
        for number, row in rows.items():
            parts = [self._read(view.dataset, variable, level) for variable, level in row]
            kind = tuple((variable, how) for (variable, _), (how, _) in zip(row, parts, strict=True))
            groups.setdefault(kind, {})[number] = [value for _, value in parts]
        return [self._join(view, kind, levels) for kind, levels in groups.items()]

    def _read(self, dataset: str, variable: str, level: str | None) -> tuple[str, str | None]:
        """How a part of a key chooses records, and the value it is compared with."""
        if level is None:
            return _KNOWN, None
        known = self._spellings(dataset, variable)
        occurs = fold_text(level) in known
        bound = _BOUND.fullmatch(level)
        if bound and not occurs:
            return bound[1], bound[2]
        if level in UNNAMED and not occurs:
            return _ABSENT, None
        return _EQUAL, fold_text(level) if self._is_text(dataset, variable) else level

    def is_date(self, dataset: str, variable: str) -> bool:
        """Whether a variable holds dates."""
        return self.columns[self._home(dataset, variable)][variable].startswith(("DATE", "TIMESTAMP"))

    def _is_text(self, dataset: str, variable: str) -> bool:
        return self.columns[self._home(dataset, variable)][variable] == "VARCHAR"

    def _home(self, dataset: str, variable: str) -> str:
        """Whose variable it is: the records' or their subjects'."""
        return dataset if variable in self.columns[dataset] else "ADSL"

    def _spellings(self, dataset: str, variable: str) -> frozenset[str]:
        """The distinct texts of a variable; what differs in letter case, blanks or width is one text."""
        self._heard.hear(f"{self._home(dataset, variable)} {variable}")
        if (dataset, variable) not in self._spelt:
            found: list[str] = []
            if self._is_text(dataset, variable):
                name = quote(variable)
                home = quote(self._home(dataset, variable))
                found = [text for (text,) in self.ask(f"SELECT DISTINCT {name} FROM {home} WHERE {name} IS NOT NULL")]
                self._learn(found)
            self._spelt[dataset, variable] = frozenset(map(fold_text, found))
        return self._spelt[dataset, variable]

    def _join(
        self, view: View, kind: Sequence[tuple[str, str]], levels: Mapping[int, Sequence[str | None]]
    ) -> tuple[str, list[object]]:
        """The records of rows of one kind, joined with the rows."""
        asked, values = _values([(number, *own) for number, own in levels.items()], ("row", *(f"l{at}" for at in range(len(kind)))))
        joins, matches = [], []
        for place, (variable, how) in enumerate(kind):
            name = f"r.{quote(variable)}"
            if how in (_KNOWN, _ABSENT):
                matches.append(f"{name} IS {'NOT ' * (how == _KNOWN)}NULL")
            elif self.is_date(view.dataset, variable):
                matches.append(f"CAST({name} AS DATE) {how} TRY_CAST(h.l{place} AS DATE)")
            elif how == _EQUAL and self._is_text(view.dataset, variable):
                joins.append(f"JOIN spelt s{place} ON s{place}.raw = {name}")
                matches.append(f"s{place}.folded = h.l{place}")
            else:
                matches.append(f"TRY_CAST({name} AS DOUBLE) {how} TRY_CAST(h.l{place} AS DOUBLE)")
        text = f"FROM ({view.text}) r {' '.join(joins)} JOIN {asked} ON {' AND '.join(matches) or 'true'}"
        return text, [*view.values, *values]

    def _learn(self, texts: Sequence[str]) -> None:
        """Remember how texts are spelt, each once."""
        for start in range(0, len(texts), _AT_ONCE):
            asked, values = _values([(text, fold_text(text)) for text in texts[start : start + _AT_ONCE]], ("raw", "folded"))
            self._connection.execute(f"INSERT OR IGNORE INTO spelt SELECT * FROM {asked}", values)
