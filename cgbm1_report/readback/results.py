"""Holds what is printed against the results: the CSV files, and every number with the value behind it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cgbm1_report.readback.printed import Finding, Printed, compare_rows, limited, plain
from cgbm1_report.rows import Key, read_key, tell_key
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import round_half_up

_OPENS = "the file can be read"
ROWS = "every line holds the cells of the results"
CELLS = "a cell prints the texts of its results and nothing else"
ROUNDED = "a text is its value, rounded"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_GUARDED = re.compile(r"'[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")

#: The context of results that are words.
_WORDS = "text"


class Result(NamedTuple):
    """A printed result of ard.parquet."""

    row: Key
    column: str
    context: str
    name: str
    value: float
    format: object
    text: str


#: What a CSV file begins with, so that a spreadsheet reads it as UTF-8.
_MARK = "\ufeff"


def check_csv(path: Path, name: str, printed: Printed) -> list[Finding]:
    """Findings about the CSV file of one table or listing."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = list(csv.reader(io.StringIO(text.removeprefix(_MARK), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return [Finding(name, f"cannot be read as CSV: {error}", _OPENS, printed.number)]
    if not lines:
        return [Finding(name, "is empty", _OPENS, printed.number)]
    heads = [plain(head) for head in lines[0]]
    wanted = list(printed.heads)
    findings = []
    if not text.startswith(_MARK):
        findings.append(
            Finding(name, "lacks the mark that it is UTF-8, without which a spreadsheet misreads it", _OPENS, printed.number)
        )
    if len(heads) != len(wanted) or any(not have.endswith(want) for have, want in zip(heads, wanted, strict=True)):
        findings.append(
            Finding(name, f"has the heads {' | '.join(heads)}, not {' | '.join(wanted)}", ROWS, printed.number, "line 1")
        )
    expected = [] if printed.is_empty else printed.rows
    # A cell a spreadsheet would take for a formula has an apostrophe in front.
    rows = [
        [_unguarded(plain(text), row[column] if column < len(row) else "") for column, text in enumerate(line)]
        for line, row in zip(lines[1:], [*expected, *[()] * len(lines)], strict=False)
    ]
    if printed.is_empty and not rows:
        return findings
    return limited([*findings, *compare_rows(name, printed, rows, ROWS)])


def _unguarded(text: str, expected: str) -> str:
    return text[1:].lstrip() if text != expected and _GUARDED.match(text) else text


def check_results(ard: pd.DataFrame, outputs: Mapping[str, Printed]) -> list[Finding]:
    """Findings where printed cells and the results of ard.parquet differ, in either direction.

    A cell's numbers must be those of the texts its results have; a text that is a number must be the
    result's value (100 times a proportion that is printed as a percentage), rounded half away from zero to the
    decimals of its format. Only words have no value.
    """
    findings = [
        Finding("ard.parquet", "holds results of an output that is not there", CELLS, str(number))
        for number in sorted(set(ard["output"]) - set(outputs))
    ]
    shown = ard[ard["stat_fmt"].notna()]
    keys = {text: read_key(text) for text in shown["row"].unique()}
    by_output: dict[str, list[Result]] = {}
    names = ("column", "context", "stat_name", "stat", "fmt_fun", "stat_fmt")
    for number, row, *record in zip(*(shown[name] for name in ("output", "row", *names)), strict=True):
        by_output.setdefault(number, []).append(Result(keys[row], *record))
    for number, printed in outputs.items():
        records = by_output.get(number, [])
        findings += limited(_rounded(number, records))
        if not printed.is_figure:
            findings += limited(_cells(printed, records))
    return findings


def _rounded(number: str, records: Iterable[Result]) -> list[Finding]:
    findings = []
    for one in records:
        found = _PLAIN_NUMBER.fullmatch(one.text)
        if found is None or (one.context == _WORDS and one.value != one.value):
            continue
        decimals, percent = _read_format(one.format)
        said = round_half_up(100 * one.value if percent else one.value, decimals)
        if said != one.text:
            place = f"row {tell_key(one.row)}, column {one.column}, {one.name}"
            findings.append(Finding("ard.parquet", f"prints {one.text!r}, the value is {one.value!r}", ROUNDED, number, place))
    return findings


def _read_format(text: object) -> tuple[int, bool]:
    """Decimals of a format, and whether it prints a percentage; a text without a format has no decimals."""
    told = text if isinstance(text, str) else "x"
    return len(told.rstrip("%").partition(".")[2]), told.endswith("%")


def _cells(printed: Printed, records: Iterable[Result]) -> list[Finding]:
    """Findings where a cell's numbers are not those of its results."""
    told: dict[tuple[Key, str], Counter[str]] = {}
    for one in records:
        told.setdefault((one.row, one.column), Counter()).update(_NUMBER.findall(one.text))
    findings = []
    for (row, column), text in printed.cells.items():
        have = Counter(_NUMBER.findall(text))
        want = told.pop((row, column), Counter())
        if have != want:
            said = f"prints {text!r}, the results say {' '.join(sorted(want.elements())) or 'nothing'}"
            place = f"row {tell_key(row)}, column {column}"
            findings.append(Finding(f"outputs/{file_stem(printed.number)}.json", said, CELLS, printed.number, place))
    for row, column in told:
        place = f"row {tell_key(row)}, column {column}"
        findings.append(
            Finding(f"outputs/{file_stem(printed.number)}.json", "does not print this result", CELLS, printed.number, place)
        )
    return findings
