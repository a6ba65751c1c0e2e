"""Holds what is printed against the results: the CSV files, and every number with the value behind it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

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
#: The columns of the results that are read.
READ = ("output", "row", "column", "context", "stat_name", "stat", "fmt_fun", "stat_fmt")
_GUARDED = re.compile(r"'[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")

#: The context of results that are words.
_WORDS = "text"


#: What tells whether a result is printed as it is.
_SAID = ["stat", "fmt_fun", "stat_fmt"]
#: What a CSV file begins with, so that a spreadsheet reads it as UTF-8.
_MARK = "\ufeff"


def check_csv(path: Path, name: str, printed: Printed, blind: str = "") -> list[Finding]:
    """Findings about the CSV file of one table or listing, whose last head says what is ``blind``."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = list(csv.reader(io.StringIO(text.removeprefix(_MARK), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return [Finding(name, f"cannot be read as CSV: {error}", _OPENS, printed.number)]
    if not lines:
        return [Finding(name, "is empty", _OPENS, printed.number)]
    heads = [plain(head) for head in lines[0]]
    wanted = [*printed.heads, *filter(None, [blind])]
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
        [_unguarded(plain(text), row[column] if column < len(row) else "") for column, text in enumerate(_open(line, blind))]
        for line, row in zip(lines[1:], [*expected, *[()] * len(lines)], strict=False)
    ]
    if printed.is_empty and not rows:
        return findings
    return limited([*findings, *compare_rows(name, printed, rows, ROWS)])


def _open(line: list[str], blind: str) -> list[str]:
    """The cells of a line without the empty one under what is blind."""
    return line[:-1] if blind and line and not line[-1] else line


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
    slips = _find_slips(shown)
    cells: dict[str, dict[tuple[Key, str], list[str]]] = {}
    texts = zip(*(shown[name].to_numpy(dtype=object) for name in ("output", "row", "column", "stat_fmt")), strict=True)
    for number, row, column, text in texts:
        cells.setdefault(number, {}).setdefault((keys[row], column), []).append(text)
    for number, printed in outputs.items():
        findings += limited([_tell_slip(one, keys) for _, one in slips[slips["output"] == number].iterrows()])
        if not printed.is_figure:
            findings += limited(_cells(printed, cells.get(number, {})))
    return findings


def _find_slips(shown: pd.DataFrame) -> pd.DataFrame:
    """The results whose text is a number and not their value, rounded."""
    told = shown[~((shown["context"] == _WORDS) & shown["stat"].isna())]
    # Counts say the same value in many cells: it is rounded once.
    once = told[_SAID].drop_duplicates()
    said = zip(*(once[name].to_numpy(dtype=object) for name in _SAID), strict=True)
    wrong = [bool(_PLAIN_NUMBER.fullmatch(text)) and _round(value, form) != text for value, form, text in said]
    return told.merge(once[wrong]) if any(wrong) else told.iloc[:0]


def _tell_slip(one: pd.Series, keys: Mapping[str, Key]) -> Finding:
    place = f"row {tell_key(keys[one['row']])}, column {one['column']}, {one['stat_name']}"
    said = f"prints {one['stat_fmt']!r}, the value is {one['stat']!r}"
    return Finding("ard.parquet", said, ROUNDED, str(one["output"]), place)


def _round(value: float, form: object) -> str:
    decimals, percent = _read_format(form)
    return round_half_up(100 * value if percent else value, decimals)


def _read_format(text: object) -> tuple[int, bool]:
    """Decimals of a format, and whether it prints a percentage; a text without a format has no decimals."""
    told = text if isinstance(text, str) else "x"
    return len(told.rstrip("%").partition(".")[2]), told.endswith("%")


def _cells(printed: Printed, told: dict[tuple[Key, str], list[str]]) -> list[Finding]:
    """Findings where a cell's numbers are not those of the texts that its results have."""
    findings = []
    for (row, column), text in printed.cells.items():
        said = told.pop((row, column), [])
        # Most cells are one result, as it is.
        if said == [text]:
            continue
        have, want = sorted(_NUMBER.findall(text)), sorted(number for one in said for number in _NUMBER.findall(one))
        if have != want:
            place = f"row {tell_key(row)}, column {column}"
            message = f"prints {text!r}, the results say {' '.join(want) or 'nothing'}"
            findings.append(Finding(f"outputs/{file_stem(printed.number)}.json", message, CELLS, printed.number, place))
    for row, column in told:
        place = f"row {tell_key(row)}, column {column}"
        findings.append(
            Finding(f"outputs/{file_stem(printed.number)}.json", "does not print this result", CELLS, printed.number, place)
        )
    return findings
