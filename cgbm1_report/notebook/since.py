"""What of an output changed since an earlier build: a bar at the edge of its rows, and a note with what they said before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from cgbm1_report.rows import Key, number_pattern
from cgbm1_report.system.manifest import RESULTS
from cgbm1_report.tabulate.called import name_column, name_rows, name_spanner
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.part import WHOLE, Part
from cgbm1_report.tabulate.table import Column, Figure, Output, Row, Table

#: In the folder of results: what outputs said in the earlier build, and its numbers of subjects and records.
SINCE, MOVED = f"{RESULTS}/since", "moved.json"
#: So many rows of a kind are told in a note, in so many letters: about three lines below a table. The list of changes has all.
_MOST, _MOST_LETTERS = 8, 480
#: So many letters of a cell are told: a narrative is none for a note.
_CELL_LETTERS = 80
_NAMED = ("column", "context", "stat_name")


@dataclass(frozen=True)
class Moved:
    """The earlier build in words, present numbers of its subjects, and of its records: by dataset, subject, variable, number."""

    told: str
    renamed: Mapping[str, str]
    renumbered: Mapping[tuple[str, str, str, str], str]
    part: Part = WHOLE

    @cached_property
    def given(self) -> frozenset[tuple[str, str, str, str]]:
        """The numbers that other records have now: dataset, subject, variable, number."""
        return frozenset((*one[:3], number) for one, number in self.renumbered.items())


def write_moved(
    folder: Path, told: str, renamed: Mapping[str, str], renumbered: Iterable[Sequence[str]], *, part: Part = WHOLE
) -> None:
    """Leave for the notebooks of a build what the earlier one is called, and where its numbers went.

    ``renumbered`` are of records ``dataset, subject, variable, old, new``; ``part`` is what that build was asked for.
    """
    content: dict[str, Any] = {
        "told": told,
        "renamed": dict(renamed),
        "renumbered": [list(one) for one in renumbered],
    }
    content["part"] = asdict(part)
    (folder / MOVED).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


@lru_cache(maxsize=1)
def _read_moved(file: Path) -> Moved:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    numbers = {(dataset, subject, variable, old): new for dataset, subject, variable, old, new in found["renumbered"]}
    part = found["part"]
    asked = Part(**{**part, "only": None if part["only"] is None else tuple(part["only"])})
    return Moved(found["told"], found["renamed"], numbers, asked)


def mark_changes(made: Output, folder: Path, sources: Sequence[str]) -> Output:
    """The output with its changes marked, where the build is made since an earlier one."""
    place = folder / SINCE
    if not (place / MOVED).is_file():
        return made
    from cgbm1_report.emit import read_printed

    moved, file = _read_moved(place / MOVED), place / f"{file_stem(made.number)}.json"
    if not file.is_file():
        note = f"New since {moved.told}." if moved.part.has(made.number) else f"No part of {moved.told}: not compared with it."
        return _with_note(made, note)
    before = read_printed(file.read_text(encoding="utf-8"), made.stamp)
    if isinstance(made, Figure) or isinstance(before, Figure):
        return _mark_figure(made, before, moved)
    return _mark_table(made, before, moved, sources)


def _with_note(made: Output, note: str) -> Output:
    return replace(made, footnotes=(*made.footnotes, note))


def _mark_figure(made: Output, before: Output, moved: Moved) -> Output:
    shown = [_results(one.ard, moved) if isinstance(one, Figure) else None for one in (made, before)]
    note = f"Shows other numbers than {moved.told}: the list of changes has them."
    return made if shown[0] == shown[1] else _with_note(made, note)


def _results(ard: Any, moved: Moved) -> set[tuple[str, ...]]:
    """What a figure shows, its numbers as short as they are told apart."""
    rows = [_present(row, moved) for row in ard["row"]]
    stats = [f"{stat:.12g}" for stat in ard["stat"]]
    return set(zip(rows, *(map(str, ard[name]) for name in _NAMED), stats, strict=True))


def _present(text: str, moved: Moved) -> str:
    """A text with the present numbers of subjects."""
    for old, now in moved.renamed.items():
        if old in text:
            text = number_pattern(old).sub(now.replace("\\", r"\\"), text)
    return text


# Tables -------------------------------------------------------------------------------------------

_Identity = tuple[Key, str, Key]


def _mark_table(made: Table, before: Table, moved: Moved, sources: Sequence[str]) -> Table:
    named_before, names = [_present(name, moved) for name in _called(before)], _called(made)
    old = {_identity(row, moved, sources): (row, name) for row, name in zip(before.rows, named_before, strict=True)}
    rows, changed, new = [], [], []
    for row, name in zip(made.rows, names, strict=True):
        was, called = old.pop((row.key, row.column, row.measure), (None, ""))
        texts = _texts_before(row, was, made, moved) if was is not None else {}
        rows.append(replace(row, changed=was is None or bool(texts)))
        if was is None:
            new.append(name)
        elif texts:
            # By its label of then, whose N its numbers were of.
            changed.append(f"{name if made.stub_label is None else called}: {_tell_cells(made.columns, texts)}")
    told = [
        _told("Before: ", changed), _told("New: ", new),
        _told("Gone: ", [name for _, name in old.values()]), *_tell_heads(made, before),
    ]  # fmt: skip
    said = " ".join(filter(None, told))
    if not said:
        return made
    return replace(made, rows=tuple(rows), footnotes=(*made.footnotes, f"A bar marks rows that changed since {moved.told}. {said}"))


def _identity(row: Row, moved: Moved, sources: Sequence[str]) -> _Identity:
    """By what a row of the earlier build is found now: under present numbers."""
    key = tuple((variable, _present(level, moved) if level is not None else None) for variable, level in row.key)
    subject = next((level for variable, level in key if variable == "USUBJID"), "") or ""
    if moved.renumbered and subject:
        lost = any(_is_lost(variable, level, subject, moved, sources) for variable, level in key)
        key = tuple((variable, _numbered(variable, level, subject, moved, sources)) for variable, level in key)
        # Of a record that is gone, whose number another has now: no row of this build is its.
        key = (*key, ("record", "gone")) if lost else key
    return key, row.column, row.measure


def _is_lost(variable: str, level: str | None, subject: str, moved: Moved, sources: Sequence[str]) -> bool:
    """Whether a number that is no other now is another record's now: its own record is gone."""
    asked = [(dataset, subject, variable, level or "") for dataset in sources]
    return any(one in moved.given for one in asked) and not any(one in moved.renumbered for one in asked)


def _numbered(variable: str, level: str | None, subject: str, moved: Moved, sources: Sequence[str]) -> str | None:
    asked = ((dataset, subject, variable, level or "") for dataset in sources)
    return next((moved.renumbered[one] for one in asked if one in moved.renumbered), level)


def _texts_before(row: Row, was: Row, made: Table, moved: Moved) -> dict[str, str]:
    """Of each cell that says another thing now, what it said."""
    told = {key: _present(text, moved) for key, text in was.cells.items()}
    return {one.key: told.get(one.key, "") for one in made.columns if told.get(one.key, "") != _plain(row.cells.get(one.key, ""))}


def _plain(text: str) -> str:
    """A text as the file of an output has it."""
    from cgbm1_report.emit.escape import clean

    return clean(text)


def _called(table: Table) -> list[str]:
    return [", ".join(names) for names in name_rows(table)]


def _tell_cells(columns: Iterable[Column], texts: Mapping[str, str]) -> str:
    """What cells said, by the heads of their columns; a head over several of them once."""
    told, over = [], ""
    for column in columns:
        if column.key not in texts:
            continue
        text = texts[column.key] or "blank"
        short = f"{text[:_CELL_LETTERS].rstrip()}…" if len(text) > _CELL_LETTERS else text
        spanner = name_spanner(column)
        told.append(" ".join(filter(None, [spanner if spanner != over else "", name_column(column), short])))
        over = spanner
    return ", ".join(told)


def _told(kind: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    room, most = _MOST_LETTERS, 0
    while most < min(len(names), _MOST) and (not most or len(names[most]) <= room):
        room -= len(names[most])
        most += 1
    more = f"; and {len(names) - most} more, which the list of changes has" if len(names) > most else ""
    return f"{kind}{'; '.join(names[:most])}{more}."


def _tell_heads(made: Table, before: Table) -> list[str]:
    """Columns with another N, and those that are new or gone."""
    old, now = ({column.key: column for column in one.columns} for one in (before, made))
    told = [
        f"{name_column(column)} had N={old[key].N}."
        for key, column in now.items()
        if key in old and old[key].N not in (None, column.N)
    ]
    told += [f"Column {name_column(column)} is new." for key, column in now.items() if key not in old]
    return told + [f"Column {name_column(column)} is gone." for key, column in old.items() if key not in now]
