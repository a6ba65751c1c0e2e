"""SAS transport files, versions 5 and 8: whole or refused, their rows read column by column.

A reader that meets the end of a truncated file gives the rows it has and says nothing. The header
cards tell how long the file must be: 80-byte cards, 140 bytes per variable, whole rows, blank
padding, and in version 8 the number of rows.
Source: SAS Institute, Record layout of a SAS version 5 / version 8 data set in SAS transport format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cgbm1_report.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd

CARD = 80
NAMESTR = 140
_HEADER = b"HEADER RECORD*******"
#: A variable description says 1 for a number, 2 for text; a number has 2 to 8 bytes.
_NUMERIC, _DOUBLE = 1, 8
#: Rows cut into their fields at once.
_AT_A_TIME = 2_000
#: A missing number is ``.``, ``_`` or a letter, and zeros.
_MISSING = np.frombuffer(b"._ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype="uint8").astype("uint64")


@dataclass(frozen=True)
class XptLayout:
    """Where the rows start, how many the file announces (None in version 5), what one holds.

    ``fields``: of each variable whether it is a number, and its bytes.
    """

    data_start: int
    announced: int | None
    fields: tuple[tuple[bool, int], ...]

    @property
    def row_bytes(self) -> int:
        return sum(width for _, width in self.fields)


@dataclass(frozen=True)
class XptVariables:
    """Of each variable its name, its label and its format, as ``DATE9``; and the label of the data set."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    formats: tuple[str, ...]
    label: str


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


def _read_fields(data: bytes, start: int, variables: int) -> tuple[tuple[bool, int], ...]:
    """Kind and length of each variable, from its description."""
    described = (struct.unpack_from(">hhh", data, start + NAMESTR * number) for number in range(variables))
    fields = tuple((kind == _NUMERIC, width) for kind, _, width in described)
    if any(width < 1 or (number and width > _DOUBLE) for number, width in fields):
        raise ValueError("a length that no variable has")
    return fields


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
        fields = _read_fields(data, names_card + CARD, variables)
    except (ValueError, struct.error):
        raise _damaged(file, "has header records that cannot be read") from None
    count = data[rows_card + 48 : rows_card + 68].split()
    version8 = data[rows_card + 20 : rows_card + 28].rstrip() == b"OBSV8"
    announced = int(count[0]) if version8 and count and count[0].isdigit() else None
    return XptLayout(rows_card + CARD, announced, fields)


def describe_variables(data: bytes) -> XptVariables | None:
    """Names, labels and formats of the first data set of a version 5 file; None for version 8, whose names may be longer.

    Parameters
    ----------
    data
        The file, of which `read_layout` made sense.

    Raises
    ------
    UnicodeDecodeError
        A name or a label is not UTF-8.
    """
    card = _find_card(data, 0, (b"NAMESTR", b"NAMSTV8"))
    member = _find_card(data, 0, (b"DSCRPTR", b"DSCPTV8"))
    if data[card + 20 : card + 28].rstrip() != b"NAMESTR" or not 0 <= member < card:
        return None
    count, start = int(data[card + 52 : card + 58]), card + CARD
    described = [data[start + NAMESTR * at : start + NAMESTR * (at + 1)] for at in range(count)]
    return XptVariables(
        tuple(_text(one[8:16]) for one in described),
        tuple(_text(one[16:56]) for one in described),
        tuple(_format(one) for one in described),
        # Behind the card of the member: one with its name, one with its label.
        _text(data[member + 2 * CARD + 32 : member + 2 * CARD + 72]),
    )


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8").rstrip(" ")


def _format(described: bytes) -> str:
    width, decimals = struct.unpack_from(">hh", described, 64)
    name = _text(described[56:64])
    return f"{name}{width or ''}{f'.{decimals}' if decimals else ''}"


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
    return check_rows(data, read_layout(data, file), file)


def check_rows(data: bytes, layout: XptLayout, file: Path) -> tuple[int, int]:
    """`check_xpt` of a file that has been read already."""
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


def read_rows(data: bytes, layout: XptLayout, names: list[str]) -> pd.DataFrame:
    """All rows of the first data set; blank rows at its end are padding.

    Parameters
    ----------
    data
        The whole file, proved whole by `check_rows`.
    layout
        Its layout.
    names
        The variables, in the order of the file.

    Returns
    -------
    DataFrame
        Numbers ``float64``, text ``str`` without trailing blanks, empty text where there is none.

    Raises
    ------
    ValueError
        A text is not UTF-8, or the names are not as many as the variables.
    """
    import pyarrow as pa

    width = max(layout.row_bytes, 1)
    count = (len(data) - layout.data_start) // width
    table = np.frombuffer(data, "uint8", count * width, layout.data_start).reshape(count, width)
    fields = _cut_fields(table[: _count_filled(table)], [size for _, size in layout.fields])
    columns = {
        name: pa.array(_read_numbers(field)) if number else _read_text(field)
        for name, (number, _), field in zip(names, layout.fields, fields, strict=True)
    }
    frame: pd.DataFrame = pa.table(columns).to_pandas(split_blocks=True)
    return frame


def _cut_fields(table: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    """The bytes of each field by itself; some rows at a time, which the processor holds while it cuts them."""
    fields = [np.empty((len(table), size), "uint8") for size in sizes]
    ends = np.cumsum(sizes)
    for first in range(0, len(table), _AT_A_TIME):
        rows = table[first : first + _AT_A_TIME]
        for field, size, end in zip(fields, sizes, ends, strict=True):
            field[first : first + _AT_A_TIME] = rows[:, end - size : end]
    return fields


def _count_filled(table: np.ndarray) -> int:
    """Rows up to the last one that is not all blank."""
    rows = len(table)
    while rows and (table[rows - 1] == ord(" ")).all():
        rows -= 1
    return rows


def _read_numbers(field: np.ndarray) -> np.ndarray:
    """IBM floating point, cut to any length: sign, 7 bits of exponent to the base 16, 56 bits of fraction."""
    whole = np.zeros((len(field), _DOUBLE), dtype="uint8")
    whole[:, : field.shape[1]] = field
    bits = whole.view(">u8").ravel().astype("uint64")
    first, fraction = bits >> np.uint64(56), bits & np.uint64((1 << 56) - 1)
    exponent = (first & np.uint64(0x7F)).astype("int64")
    size = np.ldexp(fraction.astype("float64"), 4 * (exponent - 64) - 56)
    # The largest number of all is what writers put for one that is larger still.
    size[(first & np.uint64(0x7F) == 0x7F) & (fraction == (1 << 56) - 1)] = np.inf
    number = np.where(first >= 0x80, -size, size)
    return np.where((fraction == 0) & np.isin(first, _MISSING), np.nan, number)


def _read_text(field: np.ndarray) -> Any:
    """UTF-8 up to its trailing blanks or its first NUL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if (field == 0).any():
        field = np.where(np.logical_or.accumulate(field == 0, axis=1), np.uint8(ord(" ")), field)
    rows, width = field.shape
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), rows, [None, pa.py_buffer(field)])
    return pc.utf8_rtrim(fixed.cast(pa.large_binary()).cast(pa.large_string()), characters=" ")
