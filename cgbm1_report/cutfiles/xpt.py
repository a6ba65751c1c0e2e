"""SAS transport files, versions 5 and 8: whole or refused.

A reader that meets the end of a truncated file gives the rows it has and says nothing. The header
cards tell how long the file must be: 80-byte cards, 140 bytes per variable, whole rows, blank
padding, and in version 8 the number of rows.
Source: SAS Institute, Record layout of a SAS version 5 / version 8 data set in SAS transport format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from cgbm1_report.errors import ReportError

CARD = 80
NAMESTR = 140
_HEADER = b"HEADER RECORD*******"


@dataclass(frozen=True)
class XptLayout:
    """Where the rows start, how long one is, how many the file announces (None in version 5)."""

    data_start: int
    row_bytes: int
    announced: int | None


def _damaged(file: Path, message: str) -> ReportError:
    return ReportError(message, file=file, rule="SAS transport layout", remedy="deliver the file again; it is truncated or damaged")


def _find_card(data: bytes, start: int, names: tuple[bytes, ...]) -> int:
    """Offset of the next header card with one of these names; -1 where there is none."""
    position = data.find(_HEADER, start)
    while position >= 0:
        if position % CARD == 0 and data[position + 20 : position + 28].rstrip() in names:
            return position
        position = data.find(_HEADER, position + 1)
    return -1


def _row_bytes(data: bytes, start: int, variables: int) -> int:
    return sum(struct.unpack_from(">h", data, start + NAMESTR * number + 4)[0] for number in range(variables))


def read_layout(data: bytes, file: Path) -> XptLayout:
    """Layout of the first data set of a transport file.

    Raises
    ------
    ReportError
        The file is empty, is no transport file, or ends inside its headers.
    """
    if not data:
        raise ReportError("is empty", file=file, remedy="deliver the file again")
    if not data.startswith(_HEADER):
        raise ReportError("is not a SAS transport file", file=file, remedy="deliver a version 5 or 8 transport file")
    names_card = _find_card(data, 0, (b"NAMESTR", b"NAMSTV8"))
    rows_card = _find_card(data, names_card, (b"OBS", b"OBSV8")) if names_card >= 0 else -1
    if names_card < 0 or rows_card < 0:
        raise _damaged(file, "ends inside its header records")
    try:
        variables = int(data[names_card + 52 : names_card + 58])
        row_bytes = _row_bytes(data, names_card + CARD, variables)
    except (ValueError, struct.error):
        raise _damaged(file, "has header records that cannot be read") from None
    count = data[rows_card + 48 : rows_card + 68].split()
    version8 = data[rows_card + 20 : rows_card + 28].rstrip() == b"OBSV8"
    announced = int(count[0]) if version8 and count and count[0].isdigit() else None
    return XptLayout(rows_card + CARD, row_bytes, announced)


def check_xpt(file: Path) -> tuple[int, int]:
    """Least and largest number of rows the file can hold, after proving that none is missing at its end.

    The two differ where a row is shorter than a card: blank padding then looks like blank rows.

    Raises
    ------
    ReportError
        The file does not end on an 80-byte card, the last row is cut, the rows are fewer than
        announced, or a second data set follows (one file, one dataset).
    """
    data = file.read_bytes()
    layout = read_layout(data, file)
    if len(data) % CARD:
        raise _damaged(file, f"has {len(data)} bytes, which is no multiple of {CARD}")
    if _find_card(data, layout.data_start, (b"MEMBER", b"MEMBV8")) >= 0:
        raise ReportError(
            "holds more than one dataset", file=file, rule="one file, one dataset", remedy="write one file per dataset"
        )
    if not layout.row_bytes:
        return 0, 0
    rows, rest = divmod(len(data) - layout.data_start, layout.row_bytes)
    if layout.announced is not None and rows < layout.announced:
        raise _damaged(file, f"announces {layout.announced} rows and holds {rows}")
    if rest >= CARD or data[len(data) - rest :].strip(b" "):
        raise _damaged(file, f"ends inside row {rows + 1}")
    return (rows if layout.announced is None else layout.announced) - (CARD - 1) // layout.row_bytes, rows
