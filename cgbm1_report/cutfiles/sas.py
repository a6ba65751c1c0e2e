"""SAS files: SAS7BDAT by pyreadstat, in chunks to keep memory low; transport (XPT) by its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.cutfiles.raw import RawTable, sas_date_kind
from cgbm1_report.cutfiles.xpt import XptLayout, check_rows, describe_variables, read_layout, read_rows
from cgbm1_report.errors import ReportError

#: Rows turned into Python strings at once; more costs memory, fewer time.
CHUNK = 200_000


def _read_sas7bdat_chunks(file: Path) -> tuple[pd.DataFrame, Any]:
    import pyreadstat

    frames: list[pd.DataFrame] = []
    while True:
        frame, meta = pyreadstat.read_sas7bdat(
            str(file), disable_datetime_conversion=True, row_offset=CHUNK * len(frames), row_limit=CHUNK
        )
        frames.append(frame.astype({name: "str" for name in frame.columns if frame[name].dtype == object}))
        if len(frame) < CHUNK:
            break
    return (pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]), meta


def _raw(frame: pd.DataFrame, meta: Any) -> RawTable:
    kinds = {name: sas_date_kind(fmt) for name, fmt in meta.original_variable_types.items()}
    return RawTable(
        frame,
        labels={name: label for name, label in meta.column_names_to_labels.items() if label},
        label=meta.file_label or "",
        numeric_dates={name.upper(): kind for name, kind in kinds.items() if kind},
    )


def _raw_xpt(file: Path, data: bytes, layout: XptLayout) -> RawTable:
    """Rows by their layout, ten times faster than value by value; version 8 is described by pyreadstat."""
    described = describe_variables(data)
    if described is None:
        import pyreadstat

        _, meta = pyreadstat.read_xport(str(file), metadataonly=True, disable_datetime_conversion=True)
        return _raw(read_rows(data, layout, meta.column_names), meta)
    kinds = {name: sas_date_kind(form) for name, form in zip(described.names, described.formats, strict=True)}
    return RawTable(
        read_rows(data, layout, list(described.names)),
        labels={name: label for name, label in zip(described.names, described.labels, strict=True) if label},
        label=described.label,
        numeric_dates={name.upper(): kind for name, kind in kinds.items() if kind},
    )


def _read(read: Callable[[], RawTable], file: Path) -> RawTable:
    try:
        return read()
    except Exception as error:
        if not isinstance(error, ValueError) and type(error).__module__.partition(".")[0] != "pyreadstat":
            raise
        raise ReportError(
            f"cannot be read: {error}", file=file, rule="SAS format", remedy="deliver the file again, text in UTF-8"
        ) from error


def read_xpt(file: Path) -> RawTable:
    """Read a SAS transport file, version 5 or 8.

    Raises
    ------
    ReportError
        The file is truncated, damaged, empty, or holds more than one dataset.
    """
    data = file.read_bytes()
    layout = read_layout(data, file)
    least, most = check_rows(data, layout, file)
    raw = _read(lambda: _raw_xpt(file, data, layout), file)
    if not least <= len(raw.frame) <= most:
        raise ReportError(
            f"has room for {most} rows but {len(raw.frame)} were read",
            file=file,
            rule="SAS transport layout",
            remedy="deliver the file again",
        )
    return raw


def read_sas7bdat(file: Path) -> RawTable:
    """Read a SAS7BDAT file; a row count other than the announced one is an error."""
    if not file.stat().st_size:
        raise ReportError("is empty", file=file, remedy="deliver the file again")
    raw = _read(lambda: _raw(*_read_sas7bdat_chunks(file)), file)
    announced = _read_announced(file)
    if announced is not None and announced != len(raw.frame):
        raise ReportError(
            f"announces {announced} rows and holds {len(raw.frame)}", file=file, rule="row count", remedy="deliver it again"
        )
    return raw


def _read_announced(file: Path) -> int | None:
    import pyreadstat

    _, meta = pyreadstat.read_sas7bdat(str(file), metadataonly=True)
    return None if meta.number_rows is None else int(meta.number_rows)
