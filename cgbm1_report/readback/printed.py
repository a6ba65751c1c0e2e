"""What a build should print: every text of every output, from the JSON written beside the other formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from cgbm1_report.errors import Problem, number_of
from cgbm1_report.rows import Key, as_key, tell_key
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import EMPTY_TABLE

#: A damaged file can differ in every cell; a reader wants to know where it begins.
MOST_FINDINGS = 12
#: The last part of the key of a cell in a column of statistics.
STATISTIC = "statistic"
LINKS = "outputs lead to those they are linked with, and every link leads somewhere"

# Spaces of a known width that line numbers up, and the mark of a soft break: layout, not text.
_PADDING = re.compile("[\u2006\u2007\u2008\u200a\u200b]")
_SPACE = re.compile(r"\s+")
#: Texts that stand in many cells and on many pages are told apart once.
_TEXTS = 1 << 15


@lru_cache(maxsize=_TEXTS)
def plain(text: str) -> str:
    """A text as it reads: without padding, runs of white space as one blank."""
    return " ".join(_PADDING.sub("", text).split())


@lru_cache(maxsize=_TEXTS)
def squeezed(text: str) -> str:
    """A text without any white space: lines may be broken anywhere between words."""
    return _SPACE.sub("", _PADDING.sub("", text))


@dataclass(frozen=True)
class Finding:
    """One place where a file does not say what the results say.

    ``output`` is empty where the finding is about a whole file; ``place`` says where in the output
    or file (page, row, column); ``remedy`` what mends it.
    """

    file: str
    message: str
    rule: str
    output: str = ""
    place: str = ""
    remedy: str = "build again; if it stays, report it to the maintainers"

    @property
    def problem(self) -> Problem:
        """The finding as every other problem is told."""
        place = ", ".join(part for part in (self.output, self.place) if part)
        return Problem(self.message, self.file, self.rule, place, self.remedy)


@dataclass(frozen=True)
class Printed:
    """One output as it should be printed; all texts plain.

    ``rows`` are the texts of each line, the stub first where there is one; an output without rows
    has the one line that says so. ``notes`` are the footnotes, the abbreviations, the program and the outputs it is linked
    with, whose numbers are ``links``; ``under`` the headings above it. ``once`` are the columns whose value a page says where
    it differs from the row above in any of them, and in its first row. ``alt`` stands for a
    picture; ``abbreviations`` are those of its notes, ``columns`` the keys of the columns behind the stub, ``drawing`` and
    ``still`` what tells the pictures that its notebook displays from all others. ``marks`` are rows that bookmarks lead to, with
    their names.
    """

    number: str
    kind: str
    title: str
    lines: tuple[str, ...]
    spanners: tuple[str, ...]
    heads: tuple[str, ...]
    keys: tuple[Key, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    source: str
    cells: Mapping[tuple[Key, str], str]
    under: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    once: frozenset[int] = frozenset()
    alt: str = ""
    columns: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    program: str = ""
    abbreviations: Mapping[str, str] = field(default_factory=dict)
    drawing: str = ""
    still: str = ""
    marks: tuple[tuple[int, str], ...] = ()

    @property
    def pictures(self) -> tuple[str, ...]:
        """What an HTML page draws of it."""
        return tuple(one for one in (self.drawing, self.still) if one)

    @property
    def is_figure(self) -> bool:
        """Whether it is a picture, whose numbers are not printed as text."""
        return self.kind == "figure"

    @property
    def is_empty(self) -> bool:
        """Whether it has no rows and says so."""
        return not self.is_figure and not self.keys

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The rows without white space: what a page must hold."""
        return tuple(tuple(squeezed(text) for text in row) for row in self.rows)

    def feet(self, program: str) -> tuple[str, ...]:
        """The lines under it as they are printed, one after the other; ``program`` is what its build says where it says none."""
        told = "; ".join(f"{short}, {words}" for short, words in self.abbreviations.items())
        program = self.program or program
        source = "; ".join([f"Source: {self.source}"] * bool(self.source) + [f"Program: {program}"] * bool(program))
        linked = self.notes[-1:] if self.links else ()
        return tuple(text for text in (*self.footnotes, f"Abbreviations: {told}." * bool(told), source, *linked) if text)

    def running(self, program: str) -> tuple[str, ...]:
        """Those of `feet` that may stand on every page: what leads to other outputs stands once."""
        feet = self.feet(program)
        return feet[:-1] if self.links else feet

    def named_rows(self, anchor: str) -> list[tuple[int, str, str]]:
        """The rows that bookmarks lead to: each with what it is linked by, and its name."""
        return [(row, f"{anchor}_row_{order}"[:40], text) for order, (row, text) in enumerate(self.marks, start=1)]

    def begins(self, row: int) -> bool:
        """Whether a row says what is said once, wherever it stands on a page."""
        own = self.rows[row]
        return not row or not self.once or any(own[at] != self.rows[row - 1][at] for at in self.once)

    def place(self, row: int) -> str:
        """A row as a reader finds it: its number and its key."""
        return f"row {row + 1} ({plain(tell_key(self.keys[row]))})" if row < len(self.keys) else f"row {row + 1}"


def read_printed(path: Path) -> Printed:
    """Read what an output prints from its JSON."""
    content: dict[str, Any] = json.loads(path.read_bytes())
    columns = content.get("columns", [])
    stub = content.get("stub")
    rows = content.get("rows", [])
    texts = [(*([row["label"]] if stub is not None else []), *(row["cells"].get(c["key"], "") for c in columns)) for row in rows]
    keys = tuple(as_key(row["key"]) for row in rows)
    heads = [column["label"] if column["N"] is None else f"{column['label']} (N={column['N']})" for column in columns]
    if not rows and content["kind"] != "figure":
        texts = [(EMPTY_TABLE,)]
    return Printed(
        number=content["number"],
        kind=content["kind"],
        title=plain(f"{output_label(content['number'])} {content['title']}"),
        lines=tuple(plain(text) for text in (content["subtitle"], content["population"]) if text),
        spanners=_spanners(columns, stub is not None),
        heads=tuple(plain(head) for head in ([stub, *heads] if stub is not None else heads)),
        keys=keys,
        rows=tuple(tuple(plain(text) for text in row) for row in texts),
        notes=tuple(
            plain(note)
            for note in (*content["footnotes"], *_abbreviations(content), *_programs(content), *_linked(content))
            if note
        ),
        source=plain(content["source"]),
        cells={
            address_of(key, row, column): row["cells"][column["key"]]
            for key, row in zip(keys, rows, strict=True)
            for column in columns
            if column["key"] in row["cells"]
        },
        under=tuple(plain(text) for text in content.get("place", ())),
        links=tuple(content["links"]),
        once=frozenset(at for at, column in enumerate(columns, int(stub is not None)) if column["once"]) if rows else frozenset(),
        columns=tuple(str(column["key"]) for column in columns),
        alt=plain(content.get("alt", "")),
        footnotes=tuple(map(plain, content["footnotes"])),
        program=plain(content["program"]),
        abbreviations={plain(short): plain(words) for short, words in content["abbreviations"].items()},
        marks=tuple((int(row), plain(text)) for row, text in content.get("marks", ())),
    )


def address_of(key: Key, row: Mapping[str, Any], column: Mapping[str, Any]) -> tuple[Key, str]:
    """Where the results have a cell: under its row's key and its column; of a column of statistics, under the row's
    treatment and a key that measure and statistic complete.
    """
    if not row.get("column"):
        return key, column["key"]
    own = row.get("places", {}).get(column["key"])
    measure = as_key(row["measure"] or column["measure"])
    return statistic_address(key, as_key(own) if own else None, measure, column["statistic"]), row["column"]


def statistic_address(key: Key, own: Key | None, measure: Key, statistic: str) -> Key:
    """The key of a cell in a column of statistics: its row's with the measure, or an ``own`` one, and the statistic."""
    return (*(own or (*key, *measure)), (STATISTIC, statistic))


def _abbreviations(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Each abbreviation as the notes say it."""
    return tuple(f"{short}, {words}" for short, words in content["abbreviations"].items())


def _linked(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The outputs it is linked with as the last line says them, kind by kind; those of a dose group by the number of all."""
    told: dict[str, list[str]] = {}
    for number in content["links"]:
        word, _, digits = output_label(split_group(number)[0]).partition(" ")
        told.setdefault(word, []).append(digits)
    kinds = [f"{word}{'s' if len(numbers) > 1 else ''}: {', '.join(numbers)}" for word, numbers in told.items()]
    return ("; ".join(kinds),) if kinds else ()


def _programs(content: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"Program: {content['program']}",) if content["program"] else ()


def _spanners(columns: Sequence[Mapping[str, Any]], stub: bool) -> tuple[str, ...]:
    """Headings over neighbouring columns, blank where there is none; nothing where no column has one."""
    if not any(column["spanner"] for column in columns):
        return ()
    texts = ([""] if stub else []) + [column["spanner"] for column in columns]
    return tuple(plain(text) for text, _ in groupby(texts))


def compare_rows(file: str, printed: Printed, found: Sequence[Sequence[str]], rule: str) -> list[Finding]:
    """Findings where the rows of a file are not the rows of the results, cell by cell and in order.

    ``found`` are plain texts.
    """
    expected = printed.rows
    if len(found) == len(expected) and all(tuple(a) == b for a, b in zip(found, expected, strict=True)):
        return []
    findings = []
    if len(found) != len(expected):
        said = f"holds {number_of(len(found), 'row')}, the results {len(expected)}"
        findings.append(Finding(file, said, rule, printed.number, "rows"))
    for at, (want, have) in enumerate(zip(expected, found, strict=False)):
        if tuple(have) != want:
            findings.append(Finding(file, _difference(printed, want, have), rule, printed.number, printed.place(at)))
    return limited(findings)


def check_leads(file: str, printed: Printed, outputs: Mapping[str, Printed], found: Sequence[str]) -> list[Finding]:
    """Findings where an output does not lead to the outputs it is linked with that the document holds, each once.

    ``outputs`` and ``found`` are named by anchor.
    """
    names = {one.number: anchor for anchor, one in outputs.items()}
    wanted = [names[number] for number in printed.links if number in names]
    if sorted(found) == sorted(wanted):
        return []
    said = f"leads to {', '.join(found) or 'nothing'}, not to {', '.join(wanted) or 'nothing'}"
    return [Finding(file, said, LINKS, printed.number, "links")]


def _difference(printed: Printed, want: Sequence[str], have: Sequence[str]) -> str:
    if len(want) != len(have):
        return f"has {number_of(len(have), 'cell')} ({' | '.join(have)}), the results {len(want)} ({' | '.join(want)})"
    at = next(at for at, (a, b) in enumerate(zip(want, have, strict=True)) if a != b)
    head = printed.heads[at] if at < len(printed.heads) else ""
    return f"column {head!r} prints {have[at]!r}, the results say {want[at]!r}"


def limited(findings: list[Finding]) -> list[Finding]:
    """The first findings of an output in a file, and how many more there are."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    last = findings[MOST_FINDINGS - 1]
    more = Finding(last.file, f"and {len(findings) - MOST_FINDINGS + 1} more of this kind", last.rule, last.output, "further on")
    return [*findings[: MOST_FINDINGS - 1], more]


def missing_texts(file: str, output: str, place: str, wanted: Iterable[str], text: str, rule: str) -> list[Finding]:
    """Findings for texts that a squeezed text does not hold."""
    return [Finding(file, f"lacks {want!r}", rule, output, place) for want in wanted if squeezed(want) not in text]
