"""SAS files: SAS7BDAT by pyreadstat, in chunks to keep memory low; transport (XPT) by its layout."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.errors import DataError, number_of
from cgbm1_report.read.content import check_size, read_content
from cgbm1_report.read.letters import note_labels
from cgbm1_report.read.raw import RawTable, check_names
from cgbm1_report.read.xpt import check_rows, describe_variables, read_layout, read_rows

#: Rows turned into Python strings at once; more costs memory, fewer time.
CHUNK = 200_000


def read_xpt(data: bytes, file: Path) -> RawTable:
    """Read a SAS transport file, version 5 or 8: rows by their layout, ten times faster than value by value.

    Raises
    ------
    ReportError
        The file is truncated, damaged, empty, or holds more than one dataset; a variable stands twice;
        text is not UTF-8.
    """
    layout = read_layout(data, file)
    least, _ = check_rows(data, layout, file)
    described = describe_variables(data, file)
    check_names(described.names, file)
    return RawTable(
        read_rows(data, layout, described.names, file, least),
        labels={name: label for name, label in zip(described.names, described.labels, strict=True) if label},
        label=described.label,
        formats={name.upper(): form for name, form in zip(described.names, described.formats, strict=True) if form},
        name=described.name,
        notes=note_labels(described.replaced, file),
    )


def read_sas7bdat(data: bytes, file: Path) -> RawTable:
    """Read a SAS7BDAT file; a row count other than the announced one is an error.

    The library reads the file by its path: that it is still the ``data`` that were hashed is proved afterwards.
    """
    if not data:
        raise DataError("is empty", file=file, remedy="deliver the file again")
    frame, meta = _read_chunks(file)
    if read_content(file) != data:
        raise DataError("changed while it was read", file=file, rule="cut folder", remedy="read the cut when its copying is done")
    if meta.number_rows is not None and meta.number_rows != len(frame):
        raise DataError(
            f"announces {number_of(meta.number_rows, 'row')} and holds {len(frame)}",
            closed="holds another number of rows than it announces",
            file=file,
            rule="row count",
            remedy="deliver it again",
        )
    return RawTable(
        frame,
        labels={name: label for name, label in meta.column_names_to_labels.items() if label},
        label=meta.file_label or "",
        formats={name.upper(): form for name, form in meta.original_variable_types.items() if form},
        name=meta.table_name or "",
    )


def _read_chunks(file: Path) -> tuple[pd.DataFrame, Any]:
    meta = _ask_pyreadstat(file, metadataonly=True)[1]
    check_names(meta.column_names, file)
    check_size(meta.number_rows or 0, len(meta.column_names), file)
    frames: list[pd.DataFrame] = []
    while True:
        frame, _ = _ask_pyreadstat(file, row_offset=CHUNK * len(frames), row_limit=CHUNK)
        frames.append(frame.astype({name: "str" for name in frame.columns if frame[name].dtype == object}))
        if len(frame) < CHUNK:
            break
    return (pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]), meta


def _ask_pyreadstat(file: Path, **which: Any) -> tuple[pd.DataFrame, Any]:
    import pyreadstat

    try:
        with warnings.catch_warnings():
            # A variable that stands twice is renamed, and a warning says so.
            warnings.simplefilter("error", UserWarning)
            read: tuple[pd.DataFrame, Any] = pyreadstat.read_sas7bdat(str(file), disable_datetime_conversion=True, **which)
    except UserWarning as warning:
        raise DataError(
            f"has a variable that stands twice: {warning}",
            file=file,
            rule="variable names",
            remedy="use CDISC variable names, each once",
        ) from warning
    except Exception as error:
        # Its own errors, and whatever a damaged file makes of them; a file that cannot be opened is told elsewhere.
        raise DataError(
            f"cannot be read: {error}",
            closed="cannot be read",
            file=file,
            rule="SAS format",
            remedy="deliver the file again, text in UTF-8",
        ) from error
    return read
