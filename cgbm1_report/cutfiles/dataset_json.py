"""CDISC Dataset-JSON 1.1: one object with ``columns`` and ``rows``, or NDJSON with one row per line.

Source: CDISC Dataset-JSON Specification v1.1 (2024).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.cutfiles.raw import RawTable, parse_dates, parse_numbers, sas_date_kind
from cgbm1_report.errors import ReportError

_NUMBERS = frozenset({"integer", "float", "double"})
_TEXTS = frozenset({"string", "URI", "date", "datetime", "time"})
KINDS = _NUMBERS | _TEXTS | {"decimal"}


def _broken(file: Path, message: str, place: str = "") -> ReportError:
    return ReportError(message, file=file, place=place, rule="Dataset-JSON 1.1", remedy="deliver the file again")


def _read_text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _broken(file, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise ReportError("is empty", file=file, remedy="deliver the file again")
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parse(text: str, file: Path, line: int | None = None) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _broken(file, f"is not JSON: {error}", f"line {line}" if line else "") from error


def _columns(head: Any, file: Path) -> list[dict[str, Any]]:
    columns = head.get("columns") if isinstance(head, dict) else None
    if not isinstance(columns, list) or not columns:
        raise _broken(file, "has no columns")
    for column in columns:
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            raise _broken(file, "has a column without a name")
        if column.get("dataType") not in KINDS:
            raise _broken(file, f"has data type {column.get('dataType')!r}", f"column {column['name']}")
    names = [column["name"] for column in columns]
    if len(set(names)) < len(names):
        raise _broken(file, "has two columns of one name")
    return columns


def _check_rows(rows: Any, width: int, head: dict[str, Any], file: Path) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise _broken(file, "has no rows")
    wrong = [number for number, row in enumerate(rows, 1) if not isinstance(row, list) or len(row) != width]
    if wrong:
        raise _broken(file, f"{len(wrong)} rows do not have {width} values", f"row {wrong[0]}")
    announced = head.get("records")
    if isinstance(announced, int) and announced != len(rows):
        raise _broken(file, f"announces {announced} rows and holds {len(rows)}")
    return rows


def _text_values(values: list[Any], name: str, file: Path) -> pd.Series:
    if any(not isinstance(value, str | None) for value in values):
        raise _broken(file, "has a value that is not text", f"column {name}")
    return pd.Series(values, dtype="str", name=name)


def _number_values(values: list[Any], name: str, file: Path) -> pd.Series:
    if any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in values):
        raise _broken(file, "has a value that is no number", f"column {name}")
    return pd.Series(values, dtype="float64", name=name)


def _column_values(column: dict[str, Any], values: list[Any], file: Path) -> pd.Series:
    name, kind, target = column["name"], column["dataType"], column.get("targetDataType")
    if kind in _NUMBERS:
        return _number_values(values, name, file)
    text = _text_values(values, name, file)
    if kind == "decimal":
        return parse_numbers(text, str(file))
    # A date with a numeric target is an ADaM date; without one it is ISO 8601 text, maybe partial.
    return parse_dates(text, str(file)) if kind in ("date", "datetime") and target == "integer" else text


def _table(head: dict[str, Any], rows: Any, file: Path) -> RawTable:
    columns = _columns(head, file)
    records = _check_rows(rows, len(columns), head, file)
    by_column = list(zip(*records, strict=True)) if records else [()] * len(columns)
    series = {c["name"]: _column_values(c, list(values), file) for c, values in zip(columns, by_column, strict=True)}
    kinds = {c["name"].upper(): sas_date_kind(c.get("displayFormat")) for c in columns if c["dataType"] in _NUMBERS}
    return RawTable(
        pd.DataFrame(series),
        labels={c["name"]: str(c.get("label") or "") for c in columns},
        label=str(head.get("label") or ""),
        numeric_dates={name: kind for name, kind in kinds.items() if kind},
    )


def read_dataset_json(file: Path) -> RawTable:
    """Read a Dataset-JSON file.

    Raises
    ------
    ReportError
        Broken JSON, no columns, an unknown data type, a row of another width, or fewer rows than
        announced.
    """
    head = _parse(_read_text(file), file)
    return _table(head, head.get("rows") if isinstance(head, dict) else None, file)


def read_dataset_ndjson(file: Path) -> RawTable:
    """Read a Dataset-JSON file in its NDJSON form: metadata in the first line, then one row per line."""
    # Not splitlines(): text in JSON may hold U+2028 and other separators as they are.
    lines = _read_text(file).strip().split("\n")
    head = _parse(lines[0], file, 1)
    rows = [_parse(line, file, number) for number, line in enumerate(lines[1:], 2) if line.strip()]
    return _table(head, rows, file)
