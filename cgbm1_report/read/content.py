"""The bytes of a file of the cut: read once, and no more of them than a dataset can have."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Final

from cgbm1_report.errors import DataError, number_of

GIB: Final = 1 << 30
#: Bytes of a file that are read. As JSON or CSV a dataset takes ten times its size in memory and more.
MOST_BYTES: Final = {".json": GIB, ".ndjson": GIB, ".csv": 2 * GIB, ".parquet": 2 * GIB}
#: Of a transport file, as SAS itself would write some ten million laboratory records.
_MOST: Final = 4 * GIB
#: Values of a dataset: ten million records of fifty variables.
MOST_VALUES: Final = 500_000_000


def read_content(file: Path) -> bytes:
    """The bytes of a file.

    Raises
    ------
    ReportError
        It is no plain file (a pipe would be waited for for ever), or larger than any dataset.
    OSError
        It cannot be read.
    """
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise DataError("is no file", file=file, rule="cut folder", remedy="deliver a plain file")
    most = MOST_BYTES.get(file.suffix.lower(), _MOST)
    if about.st_size > most:
        raise DataError(
            f"has more than {most:,} bytes",
            file=file,
            rule="size of a dataset",
            remedy="deliver it as a transport file, or in parts",
        )
    return file.read_bytes()


def hash_content(data: bytes) -> str:
    """SHA-256 of the bytes that are read, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def check_size(rows: int, columns: int, file: Path) -> None:
    """Refuse a file that says it holds more values than any dataset, before they fill the memory.

    Raises
    ------
    ReportError
        It holds more than `MOST_VALUES`.
    """
    if rows * columns > MOST_VALUES:
        raise DataError(
            f"announces {number_of(rows, 'row')} of {number_of(columns, 'variable')}, more than {MOST_VALUES:,} values",
            closed=f"announces more than {MOST_VALUES:,} values",
            file=file,
            rule="size of a dataset",
            remedy="deliver it in parts, or correct the file",
        )
