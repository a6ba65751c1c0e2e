"""CDISC Dataset-JSON 1.1: one object with ``columns`` and ``rows``, or NDJSON with one row per line.

Source: CDISC Dataset-JSON Specification v1.1 (2024).
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.errors import DataError, Problem, ReportError, number_of
from cgbm1_report.read.content import check_size
from cgbm1_report.read.letters import check_encoding, find_surrogates, note_labels
from cgbm1_report.read.raw import RawTable, check_names, parse_dates, parse_numbers, tidy_text

_NUMBERS = frozenset({"integer", "float", "double"})
_TEXTS = frozenset({"string", "URI", "date", "datetime", "time"})
#: Halves of characters: lone surrogates of JSON, and bytes of the file that are not UTF-8.
_HALVES = re.compile("[\ud800-\udfff]")
_LARGEST = int(sys.float_info.max)
KINDS = _NUMBERS | _TEXTS | {"decimal"}


def _broken(file: Path, message: str, place: str = "", closed: str = "") -> DataError:
    return DataError(message, file=file, place=place, rule="Dataset-JSON 1.1", remedy="deliver the file again", closed=closed)


def _read_text(data: bytes, file: Path) -> str:
    """The text; bytes that are not UTF-8 become halves of characters, which `_text_values` names with their record."""
    if not data.strip():
        raise DataError("is empty", file=file, remedy="deliver the file again")
    check_encoding(data, file)
    return data.decode("utf-8-sig", "surrogateescape")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose keys stand once: of two, JSON keeps the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError(f"key {next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)!r} stands twice")
    return made


def _parse(text: str, file: Path, line: int | None = None) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        message = str(error).encode("utf-8", "replace").decode("utf-8")
        raise _broken(file, f"is not JSON: {message}", f"line {line}" if line else "", "is not JSON") from error


def _columns(head: Any, file: Path) -> list[dict[str, Any]]:
    columns = head.get("columns") if isinstance(head, dict) else None
    if not isinstance(columns, list) or not columns:
        raise _broken(file, "has no columns")
    for column in columns:
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            raise _broken(file, "has a column without a name")
        if str(column.get("dataType")) not in KINDS:
            raise _broken(file, f"has data type {str(column.get('dataType'))[:40]!r}", f"column {column['name'][:40]!r}")
    check_names([column["name"] for column in columns], file)
    return columns


def _check_rows(rows: Any, width: int, head: dict[str, Any], file: Path) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise _broken(file, "has no rows")
    wrong = [number for number, row in enumerate(rows, 1) if not isinstance(row, list) or len(row) != width]
    if wrong:
        closed = f"has rows without {number_of(width, 'value')}"
        raise _broken(file, f"{number_of(len(wrong), 'row')} without {number_of(width, 'value')}", f"row {wrong[0]}", closed)
    announced = head.get("records")
    if isinstance(announced, int) and announced != len(rows):
        raise _broken(
            file,
            f"announces {number_of(announced, 'row')} and holds {len(rows)}",
            closed="holds another number of rows than it announces",
        )
    return rows


def _of_kind(values: list[Any], wrong: list[bool], name: str, file: Path, what: str) -> None:
    if any(wrong):
        place, closed = f"column {name}, record {wrong.index(True) + 1}", f"column {name} has a value that is {what}"
        raise _broken(file, f"has a value that is {what} ({number_of(sum(wrong), 'such value')})", place, closed)


def _text_values(values: list[Any], name: str, file: Path) -> pd.Series:
    _of_kind(values, [not isinstance(value, str | None) for value in values], name, file, "not text")
    problem = find_surrogates(name, values, file)
    if problem:
        raise DataError.of([problem])
    return pd.Series(values, dtype="str", name=name)


def _number_values(values: list[Any], name: str, file: Path) -> pd.Series:
    """Numbers; an empty text is missing, as CDISC's own files write it beside null."""
    told = [None if value == "" else value for value in values]
    wrong = [isinstance(value, bool) or not isinstance(value, int | float | None) for value in told]
    _of_kind(told, wrong, name, file, "no number")
    # A number of JSON may have any size: what no double holds is infinite, and refused as such.
    sized = [float("inf") if isinstance(value, int) and abs(value) > _LARGEST else value for value in told]
    return pd.Series(sized, dtype="float64", name=name)


def _column_values(column: dict[str, Any], values: list[Any], file: Path) -> pd.Series:
    name, kind, target = column["name"], column["dataType"], column.get("targetDataType")
    if kind in _NUMBERS:
        return _number_values(values, name, file)
    text = _text_values(values, name, file)
    if kind == "decimal":
        return parse_numbers(tidy_text(text), str(file))
    # A date with a numeric target is an ADaM date; without one it is ISO 8601 text, maybe partial.
    return parse_dates(tidy_text(text), str(file)) if kind in ("date", "datetime") and target == "integer" else text


def _label(value: Any) -> tuple[str, bool]:
    """A label, and whether letters were replaced."""
    told = str(value or "")
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", told)
    return text, text != told


def _table(head: dict[str, Any], rows: Any, file: Path) -> RawTable:
    columns = _columns(head, file)
    records = _check_rows(rows, len(columns), head, file)
    check_size(len(records), len(columns), file)
    by_column = list(zip(*records, strict=True)) if records else [()] * len(columns)
    series: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for column, values in zip(columns, by_column, strict=True):
        try:
            series[column["name"]] = _column_values(column, list(values), file)
        except ReportError as error:
            problems += error.problems
    if problems:
        raise DataError.of(problems)
    labels = {c["name"]: _label(c.get("label")) for c in columns}
    title, replaced = _label(head.get("label"))
    wrong = [name for name, (_, lost) in labels.items() if lost] + ([""] if replaced else [])
    return RawTable(
        pd.DataFrame(series, index=pd.RangeIndex(len(records))),
        labels={name: text for name, (text, _) in labels.items()},
        label=title,
        formats={c["name"].upper(): str(c.get("displayFormat") or "") for c in columns if c["dataType"] in _NUMBERS},
        name=str(head.get("name") or ""),
        notes=note_labels(wrong, file),
    )


def read_dataset_json(data: bytes, file: Path) -> RawTable:
    """Read a Dataset-JSON file.

    Raises
    ------
    ReportError
        Broken JSON, no columns, an unknown data type, a row of another width, or fewer rows than
        announced.
    """
    head = _parse(_read_text(data, file), file)
    return _table(head, head.get("rows") if isinstance(head, dict) else None, file)


def read_dataset_ndjson(data: bytes, file: Path) -> RawTable:
    """Read a Dataset-JSON file in its NDJSON form: metadata in the first line, then one row per line."""
    # Not splitlines(): text in JSON may hold U+2028 and other separators as they are.
    lines = _read_text(data, file).strip().split("\n")
    head = _parse(lines[0], file, 1)
    rows = [_parse(line, file, number) for number, line in enumerate(lines[1:], 2) if line.strip()]
    return _table(head, rows, file)
