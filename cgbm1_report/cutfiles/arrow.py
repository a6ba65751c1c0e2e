"""Parquet and CSV, by pyarrow."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.cutfiles.raw import RawTable
from cgbm1_report.errors import Problem, ReportError

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of the wrong width that are named one by one.
NAMED_ROWS = 20


def _field_label(column: pa.Field) -> str:
    metadata = column.metadata or {}
    return (metadata.get(b"label") or b"").decode("utf-8", "replace")


def _pandas_attrs(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        attrs = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
    except ValueError:
        return {}
    return attrs if isinstance(attrs, dict) else {}


def _to_pandas(table: pa.Table, file: Path) -> pd.DataFrame:
    """Each column as pandas holds it best: text as ``str``, dates as dates, decimals as numbers."""
    import pyarrow as pa

    columns: dict[str, pd.Series] = {}
    for column in table.schema:
        values, kind = table[column.name], column.type
        if pa.types.is_dictionary(kind):
            values, kind = values.cast(kind.value_type), kind.value_type
        if pa.types.is_nested(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
            raise ReportError(f"{column.name} is of type {kind}", file=file, rule="types", remedy="deliver text, numbers or dates")
        if pa.types.is_decimal(kind) or pa.types.is_integer(kind):
            values = values.cast(pa.float64())
        elif pa.types.is_date(kind):
            values = values.cast(pa.timestamp("s"))
        elif pa.types.is_null(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            values = values.cast(pa.string())
        columns[column.name] = values.to_pandas()
    return pd.DataFrame(columns)


def read_parquet(file: Path) -> RawTable:
    """Read a parquet file; labels come from field metadata ``label`` or from pandas attrs.

    Raises
    ------
    ReportError
        The file is empty, truncated, damaged, or has a column that is neither text, number nor date.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.stat().st_size:
        raise ReportError("is empty", file=file, remedy="deliver the file again")
    try:
        with pq.ParquetFile(file) as source:
            table = source.read()
        metadata = table.schema.metadata or {}
        names = table.column_names
        if len(set(names)) < len(names):
            raise ReportError("has two columns of one name", file=file, rule="variable names", remedy="name each column once")
        frame = _to_pandas(table, file)
    except (pa.ArrowException, OSError) as error:
        raise ReportError(
            f"cannot be read: {error}", file=file, rule="parquet", remedy="deliver the file again; it is truncated or damaged"
        ) from error
    attrs = _pandas_attrs(metadata)
    from_attrs = attrs.get("labels") if isinstance(attrs.get("labels"), dict) else {}
    labels = {column.name: _field_label(column) or str((from_attrs or {}).get(column.name, "")) for column in table.schema}
    label = (metadata.get(b"label") or b"").decode("utf-8", "replace") or str(attrs.get("label", ""))
    return RawTable(frame, labels=labels, label=label)


def _csv_header(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
    except UnicodeDecodeError as error:
        raise ReportError(
            f"is not UTF-8: {error.reason} at byte {error.start}", file=file, remedy="save the file as UTF-8"
        ) from error
    except csv.Error as error:
        raise ReportError(f"has a header that cannot be read: {error}", file=file, remedy="correct the first line") from error
    if not any(name.strip() for name in header):
        raise ReportError("is empty", file=file, remedy="deliver the file again, with a header line")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ReportError(f"has columns {twice!r} twice", file=file, rule="variable names", remedy="name each column once")
    return header


def read_csv(file: Path) -> RawTable:
    """Read a CSV file, every value as text: ``007`` stays ``007``.

    Raises
    ------
    ReportError
        The file is empty, not UTF-8, or has rows of another width than the header (all named).
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _csv_header(file)
    wrong: list[Problem] = []

    def note(row: Any) -> str:
        wrong.append(
            Problem(
                f"has {row.actual_columns} values, {row.expected_columns} expected",
                file=str(file),
                place=f"line {row.number}",
                rule="width of the header",
                remedy="quote values that hold a comma, a quote or a line break",
            )
        )
        return "skip"

    try:
        table = arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in header},
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        hint = "save the file as UTF-8" if "UTF8" in str(error) else "correct the line named"
        raise ReportError(f"cannot be read: {error}", file=file, rule="CSV", remedy=hint) from error
    if wrong:
        more = [Problem(f"{len(wrong) - NAMED_ROWS} more such rows", file=str(file))] if len(wrong) > NAMED_ROWS else []
        raise ReportError.of([*wrong[:NAMED_ROWS], *more])
    return RawTable(table.to_pandas().astype("str"), by_schema=True)
