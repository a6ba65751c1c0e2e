"""SAS files: SAS7BDAT by pyreadstat, in chunks to keep memory low; of transport (XPT) it describes the variables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.cutfiles.raw import RawTable, sas_date_kind
from cgbm1_report.cutfiles.xpt import XptLayout, check_rows, read_layout, read_rows
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


def _read_xpt_rows(file: Path, data: bytes, layout: XptLayout) -> tuple[pd.DataFrame, Any]:
    """Rows by their layout, ten times faster than value by value; names, labels and formats by pyreadstat."""
    import pyreadstat

    _, meta = pyreadstat.read_xport(str(file), metadataonly=True, disable_datetime_conversion=True)
    return read_rows(data, layout, meta.column_names), meta


def _read(read: Callable[[], tuple[pd.DataFrame, Any]], file: Path) -> tuple[pd.DataFrame, Any]:
    import pyreadstat

    try:
        return read()
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError) as error:
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
    frame, meta = _read(lambda: _read_xpt_rows(file, data, layout), file)
    if not least <= len(frame) <= most:
        raise ReportError(
            f"has room for {most} rows but {len(frame)} were read",
            file=file,
            rule="SAS transport layout",
            remedy="deliver the file again",
        )
    return _raw(frame, meta)


def read_sas7bdat(file: Path) -> RawTable:
    """Read a SAS7BDAT file; a row count other than the announced one is an error."""
    if not file.stat().st_size:
        raise ReportError("is empty", file=file, remedy="deliver the file again")
    frame, meta = _read(lambda: _read_sas7bdat_chunks(file), file)
    announced = _read_announced(file)
    if announced is not None and announced != len(frame):
        raise ReportError(
            f"announces {announced} rows and holds {len(frame)}", file=file, rule="row count", remedy="deliver it again"
        )
    return _raw(frame, meta)


def _read_announced(file: Path) -> int | None:
    import pyreadstat

    _, meta = pyreadstat.read_sas7bdat(str(file), metadataonly=True)
    return None if meta.number_rows is None else int(meta.number_rows)
