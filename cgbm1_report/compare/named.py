"""What a reader calls a row and a column of an output that changed: the labels and heads its own file prints.

Results are matched by variables and levels; who reads the list of changes has the pages beside it, and looks for their words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cgbm1_report.compare.results import Moves
from cgbm1_report.compare.sides import Side
from cgbm1_report.emit import read_printed
from cgbm1_report.errors import ProofError
from cgbm1_report.readback.printed import STATISTIC, statistic_address
from cgbm1_report.rows import Part, read_key, tell_key, write_key
from cgbm1_report.system.manifest import RESTORE, sha256_of
from cgbm1_report.tabulate.called import name_rows, name_spanner, tell_head
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Figure, Table

#: The variable whose levels trial.yaml has words for.
_PARAMETER = "PARAMCD"


@dataclass(frozen=True)
class Words:
    """What rows, by their key as results have it, and columns of one output are called; and parameters, by their code."""

    rows: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def row(self, row: str) -> str:
        """The words of a row; of one that no page prints, as a point of a figure, its variables with their levels."""
        return self.rows.get(row) or tell_key(map(self._part, read_key(row)))

    def _part(self, part: Part) -> tuple[str | None, ...]:
        name, level = part
        word = self.parameters.get(level or "") if name == _PARAMETER else None
        return part if word is None else (word,)

    def column(self, column: str) -> str:
        """The words of a column."""
        return self.columns.get(column) or column


def read_words(moves: Moves, old: Side, new: Side, parameters: Mapping[str, str]) -> dict[str, Words]:
    """The words of each output of which something changed: those of the newer build, and of the older what that alone has.

    Raises
    ------
    ProofError
        The file of an output was changed since its build wrote it.
    """
    touched = [frame["output"].tolist() for frame in (moves.cells, moves.rows, moves.columns)]
    found = {}
    for number in dict.fromkeys(number for numbers in touched for number in numbers):
        before, now = read_output(old, number), read_output(new, number)
        found[number] = Words({**before.rows, **now.rows}, {**before.columns, **now.columns}, parameters)
    return found


def read_output(side: Side, number: str) -> Words:
    name = f"outputs/{file_stem(number)}.json"
    file = None if side.folder is None else side.folder / name
    if file is None or not file.is_file():
        return Words()
    _refuse_changed(file, side.files.get(name, ""))
    output = read_printed(file.read_text(encoding="utf-8"), side.stamp)
    return Words() if isinstance(output, Figure) else _name(output)


def _refuse_changed(file: Path, digest: str) -> None:
    if digest and sha256_of(file) != digest:
        raise ProofError("was changed since the build wrote it", file=file, rule="files of the manifest", remedy=RESTORE)


def _name(table: Table) -> Words:
    heads = {one.key: " ".join(filter(None, (name_spanner(one), tell_head(one)))) for one in table.columns}
    rows: dict[str, str] = {}
    for row, names in zip(table.rows, name_rows(table), strict=True):
        if not row.column:
            rows[write_key(row.key)] = ", ".join(names)
            continue
        # A row of one treatment group below what it is about: its group is the column of the results.
        about = names[:-1] if len(names) > 1 and names[-1].startswith(row.column) else names
        for column in table.columns:
            if column.statistic:
                place = statistic_address(row.key, row.places.get(column.key), row.measure or column.measure, column.statistic)
                rows[write_key(place)] = ", ".join((*about, heads[column.key]))
    return Words(_with_places(_told_apart(rows)), _told_apart(heads))


def _with_places(rows: Mapping[str, str]) -> dict[str, str]:
    """Also numbers that are no column of statistics of their own, as who is counted: by that column, where it is the only one."""
    statistics = {row: read_key(row) for row in rows}
    places = {row: write_key(key[:-1]) for row, key in statistics.items() if key and key[-1][0] == STATISTIC}
    alone = Counter(places.values())
    return {**{place: rows[row] for row, place in places.items() if alone[place] == 1}, **rows}


def _told_apart(words: Mapping[str, str]) -> dict[str, str]:
    """Without words that stand for several: those are told as results have them."""
    counts = Counter(words.values())
    return {code: text for code, text in words.items() if text and counts[text] == 1}


def name_all(frame: pd.DataFrame, words: Mapping[str, Words], what: str) -> list[str]:
    """The words of all rows (``row``) or columns (``column``) of a frame of moves."""
    places = pd.MultiIndex.from_frame(frame[["output", what]])
    told = {place: _word(words.get(place[0], Words()), what, place[1]) for place in _distinct(places)}
    return [told[place] for place in places]


def _distinct(places: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return dict.fromkeys(places)


def _word(words: Words, what: str, code: str) -> str:
    return words.row(code) if what == "row" else words.column(code)
