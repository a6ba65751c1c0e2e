"""Table and Figure as plain text in a fixed pitch, for terminals and for snapshots."""

from __future__ import annotations

import unicodedata
from textwrap import wrap

from cgbm1_report.emit.align import split_number
from cgbm1_report.emit.escape import clean
from cgbm1_report.emit.layout import (
    abbreviation_line,
    begins,
    cell_texts,
    empty_text,
    heading,
    link_line,
    said_once,
    say_once,
    subheadings,
)
from cgbm1_report.rows import read_key, tell_key
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Figure, Output, Table

#: A cell is wrapped at so many columns; the stub may be wider.
_CELL_WIDTH, _STUB_WIDTH, _GAP = 28, 56, 2


def emit_text(output: Output) -> str:
    """One output as text: title, population, column heads, rows, footnotes and source.

    Columns line up in a terminal that shows Chinese, Japanese and Korean characters two columns
    wide. A figure prints its title, what it shows in words, and the numbers behind it.
    """
    body = _figure_lines(output) if isinstance(output, Figure) else _table_lines(output)
    source = clean(f"Source: {output.source}") if output.source else ""
    foot = [*(clean(note) for note in output.footnotes), abbreviation_line(output), source, link_line(output)]
    lines = [heading(output), *subheadings(output), "", *body, *(line for line in foot if line)]
    return "\n".join(line.rstrip() for text in lines for line in (text.split("\n") if text else [""])) + "\n"


def display_width(text: str) -> int:
    """Columns a text takes in a terminal: wide characters two, combining and format ones none."""
    if text.isascii():
        return len(text)
    width = 0
    for char in text:
        if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn"):
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def _lines_of(text: str, width: int, indent: int = 0) -> list[str]:
    """A cell's lines, none wider than ``width`` columns; a long word is broken."""
    if display_width(text) + indent <= width and "\n" not in text:
        return [" " * indent + text]
    found = []
    for line in text.split("\n"):
        lead = " " * (len(line) - len(line.lstrip()))
        found += [lead + piece for piece in _wrap(line.lstrip(), width - indent - len(lead))] or [""]
    return [" " * indent + line for line in found]


def _wrap(text: str, width: int) -> list[str]:
    if display_width(text) == len(text):
        return wrap(text, max(width, 8), break_on_hyphens=False)
    lines, line = [], ""
    # Chinese has no spaces: lines break between any two wide characters, else at spaces.
    for word in _units(text):
        if line and display_width(line + word) > width:
            lines.append(line.strip())
            line = ""
        line += word
        while display_width(line) > width and len(line) > 1:
            cut = max(1, next((at for at in range(len(line), 0, -1) if display_width(line[:at]) <= width), 1))
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.strip()] if line.strip() else lines


def _units(text: str) -> list[str]:
    """Pieces a line may be broken between."""
    units, piece = [], ""
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            units += [piece, char] if piece else [char]
            piece = ""
        else:
            piece += char
            if char == " ":
                units.append(piece)
                piece = ""
    return [*units, piece] if piece else units


def _pad(text: str, width: int, align: str) -> str:
    room = max(width - display_width(text), 0)
    left = 0 if align == "left" else room if align == "right" else room // 2
    return " " * left + text + " " * (room - left)


def _line_up(texts: list[str], align: str) -> list[str]:
    """Numbers of a column padded with spaces until their units digits stand under each other."""
    halves = {text: half for text in set(texts) if align != "left" and (half := split_number(text))}
    if not halves:
        return texts
    before = max(len(left) for left, _ in halves.values())
    after = max(len(right) for _, right in halves.values())
    lined = {text: left.rjust(before) + right.ljust(after) for text, (left, right) in halves.items()}
    return [lined.get(text, text) for text in texts]


def _table_lines(table: Table) -> list[str]:
    stub = table.stub_label is not None
    heads = [clean(table.stub_label or "")] * stub + [clean(column.heading) for column in table.columns]
    aligns = ["left"] * stub + [column.align for column in table.columns]
    caps = [_STUB_WIDTH] * stub + [_CELL_WIDTH] * len(table.columns)
    cells, once = cell_texts(table), said_once(table)
    cells = [list(texts) for texts in say_once(cells, once, begins(cells, once), 0, len(table.rows))]
    split: list[list[list[str]]] = []
    for at, (texts, cap) in enumerate(zip(cells, caps, strict=True)):
        indents = [2 * row.indent for row in table.rows] if stub and at == 0 else [0] * len(texts)
        lined = zip(_line_up(texts, aligns[at]), indents, strict=True)
        split.append([_lines_of(text, cap, indent) for text, indent in lined])
    head_lines = [_lines_of(head, cap) for head, cap in zip(heads, caps, strict=True)]
    widths = [
        max([display_width(line) for lines in (head, *column) for line in lines], default=0)
        for head, column in zip(head_lines, split, strict=True)
    ]
    over = _spanner_lines(table, widths, stub)
    total = sum(widths) + _GAP * (len(widths) - 1)
    rule = "-" * total
    body = [line for row in zip(*split, strict=True) for line in _print_row(list(row), widths, aligns)]
    return [
        rule,
        *over,
        *_print_row(_bottom(head_lines), widths, aligns),
        rule,
        *(body or [_pad(empty_text(), total, "center")]),
        rule,
    ]


def _bottom(cells: list[list[str]]) -> list[list[str]]:
    """Heads stand on the rule: shorter ones get blank lines above."""
    height = max((len(lines) for lines in cells), default=0)
    return [[""] * (height - len(lines)) + lines for lines in cells]


def _print_row(cells: list[list[str]], widths: list[int], aligns: list[str]) -> list[str]:
    height = max((len(lines) for lines in cells), default=1)
    filled = [lines + [""] * (height - len(lines)) for lines in cells]
    return [
        (" " * _GAP).join(_pad(lines[at], width, align) for lines, width, align in zip(filled, widths, aligns, strict=True))
        for at in range(height)
    ]


def _spanner_lines(table: Table, widths: list[int], stub: bool) -> list[str]:
    """Spanner headings and their rules; a column is widened where its spanner is wider."""
    groups: list[tuple[str, list[int]]] = []
    for at, column in enumerate(table.columns, int(stub)):
        text = clean(column.spanner or "").replace("\n", " ")
        if groups and groups[-1][0] == text:
            groups[-1][1].append(at)
        else:
            groups.append((text, [at]))
    if not any(text for text, _ in groups):
        return []
    if stub:
        groups.insert(0, ("", [0]))
    tops, rules = [], []
    for text, columns in groups:
        room = sum(widths[at] for at in columns) + _GAP * (len(columns) - 1)
        widths[columns[-1]] += max(display_width(text) - room, 0)
        room = max(room, display_width(text))
        tops.append(_pad(text, room, "center"))
        rules.append(("-" if text else " ") * room)
    return [(" " * _GAP).join(tops), (" " * _GAP).join(rules)]


def _figure_lines(figure: Figure) -> list[str]:
    lines = [clean(figure.alt), ""]
    for row, column, name, value in zip(*(figure.ard[name] for name in ("row", "column", "stat_name", "stat")), strict=True):
        told = " | ".join(clean(part) for part in (tell_key(read_key(row)), column, name) if part)
        lines.append(f"{told}: {NOT_ESTIMABLE if value != value else format(value, '.6g')}")
    return [*lines, ""] if len(lines) > 2 else lines
