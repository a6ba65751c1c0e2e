"""Parquet, by pyarrow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cgbm1_report.errors import DataError, Problem, ReportError
from cgbm1_report.read.content import GIB, check_size
from cgbm1_report.read.letters import decode_label, find_undecodable, note_labels
from cgbm1_report.read.raw import RawTable, check_names

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

#: Bytes of text a dataset holds at most: one long text said of a million records takes a few bytes in the file.
_MOST_TEXT: Final = 4 * GIB
#: Names pandas gives an index that has none: no variable of anybody's.
_INDEX: Final = "__index_level_"


def read_parquet(data: bytes, file: Path) -> RawTable:
    """Read a parquet file; labels come from field metadata ``label`` or from pandas attrs.

    Raises
    ------
    ReportError
        The file is empty, truncated, damaged, larger than any dataset, names a variable twice, or has a
        column that is neither text, number nor date, or text that is not UTF-8.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not data:
        raise DataError("is empty", file=file, remedy="deliver the file again")
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as source:
            _check(source, file)
            table = source.read()
            table.validate(full=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(file, error) from error
    nameless = [name for name in table.column_names if name.startswith(_INDEX)]
    kept = table.drop_columns(nameless)
    frame = _to_pandas(kept, file)
    labels, label, notes = _labels(kept, file)
    if nameless:
        said = "holds a row index without a name, which is left out"
        notes = (*notes, Problem(said, file=str(file), rule="variable names", remedy="write the file without the index"))
    return RawTable(frame, labels=labels, label=label, notes=notes)


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(
        f"cannot be read: {error}",
        closed="cannot be read",
        file=file,
        rule="parquet",
        remedy="deliver the file again; it is truncated or damaged",
    )


def _check(source: pq.ParquetFile, file: Path) -> None:
    """Names and sizes, before anything is read."""
    check_names(source.schema_arrow.names, file)
    about = source.metadata
    check_size(about.num_rows, about.num_columns, file)
    groups = [about.row_group(at) for at in range(about.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > _MOST_TEXT:
        raise DataError(
            f"unpacks to more than {_MOST_TEXT:,} bytes", file=file, rule="size of a dataset", remedy="deliver it in parts"
        )


def _to_pandas(table: pa.Table, file: Path) -> pd.DataFrame:
    """Each column as pandas holds it best: text as ``str``, dates as dates, decimals as numbers. All problems at once."""
    columns: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for column in table.schema:
        try:
            columns[column.name] = _column(column.name, table[column.name], file)
        except ReportError as error:
            problems += error.problems
    if problems:
        raise DataError.of(problems)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _column(name: str, values: pa.ChunkedArray, file: Path) -> pd.Series:
    import pyarrow as pa

    is_of, kind = pa.types, values.type
    try:
        if is_of.is_dictionary(kind):
            values, kind = values.cast(kind.value_type), kind.value_type
        if is_of.is_null(kind):
            values = values.cast(pa.large_string())
        elif is_of.is_decimal(kind) or is_of.is_integer(kind) or is_of.is_floating(kind):
            values = values.cast(pa.float64())
        elif is_of.is_date(kind):
            values = values.cast(pa.timestamp("s"))
        elif _is_text(kind):
            values = _text(name, values, file)
        elif not (is_of.is_boolean(kind) or is_of.is_timestamp(kind)):
            raise DataError(f"{name} is of type {kind}", file=file, rule="types", remedy="deliver text, numbers or dates")
        held: pd.Series = values.to_pandas()
        return held
    except (pa.ArrowException, ValueError) as error:
        # Such as an integer no double holds; its text may show a value of the data.
        raise DataError(
            f"{name} of type {kind} holds a value that is no text, number or date here ({type(error).__name__})",
            file=file,
            rule="types",
            remedy="deliver long numbers as text",
        ) from error


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    is_of = pa.types
    return bool(
        is_of.is_string(kind) or is_of.is_large_string(kind) or is_of.is_string_view(kind)
        or is_of.is_binary(kind) or is_of.is_large_binary(kind) or is_of.is_binary_view(kind) or is_of.is_fixed_size_binary(kind)
    )  # fmt: skip


def _text(name: str, values: pa.ChunkedArray, file: Path) -> pa.ChunkedArray:
    """Text of which every byte is UTF-8: what a file calls text is not proved when it is read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    raw = values.cast(pa.large_binary())
    size = pc.sum(pc.binary_length(raw)).as_py() or 0
    if size > _MOST_TEXT:
        said, closed = f"{name} holds {size:,} bytes of text", f"{name} holds more text than any dataset"
        raise DataError(said, file=file, rule="size of a dataset", remedy="shorten it", closed=closed)
    try:
        return raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        problem = find_undecodable(name, (one or b"" for one in raw.to_pylist()), file)
        if problem is None:
            raise
        raise DataError.of([problem]) from None


def _labels(table: pa.Table, file: Path) -> tuple[dict[str, str], str, tuple[Problem, ...]]:
    """Labels by variable, the dataset's own, and what is said of those that are not UTF-8."""
    metadata = table.schema.metadata or {}
    attrs = _pandas_attrs(metadata)
    told = attrs.get("labels") if isinstance(attrs.get("labels"), dict) else {}
    own = {column.name: decode_label((column.metadata or {}).get(b"label") or b"") for column in table.schema}
    title, replaced = decode_label(metadata.get(b"label") or b"")
    wrong = [name for name, (_, wrong) in own.items() if wrong] + ([""] if replaced else [])
    labels = {name: text or str((told or {}).get(name, "")) for name, (text, _) in own.items()}
    return labels, title or str(attrs.get("label", "")), note_labels(wrong, file)


def _pandas_attrs(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        attrs = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
    except (ValueError, RecursionError):
        return {}
    return attrs if isinstance(attrs, dict) else {}
