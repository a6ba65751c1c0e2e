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

from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.read.letters import decode_label, find_undecodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CARD = 80
NAMESTR = 140
_HEADER = b"HEADER RECORD*******"
#: Cards before the descriptions of the variables, and before the labels that are longer than these hold.
_NAMES, _LABELS = (b"NAMESTR", b"NAMSTV8"), (b"LABELV8", b"LABELV9")
#: A variable description says 1 for a number, 2 for text; a number has 2 to 8 bytes.
_NUMERIC, _DOUBLE, _KINDS = 1, 8, (1, 2)
#: Rows cut into their fields at once.
_AT_A_TIME = 2_000
#: Said of a file while nobody may know how many records a dataset has.
_OTHER_ROWS = "holds rows that are not whole, or not as many as it announces"
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
    """Of each variable its name, its label and its format, as ``DATE9``; and the label and the name of the data set.

    ``replaced`` names the variables whose label is not UTF-8, an empty name the data set.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    formats: tuple[str, ...]
    label: str
    name: str = ""
    replaced: tuple[str, ...] = ()


def _damaged(file: Path, message: str, closed: str = "") -> DataError:
    remedy = "deliver the file again; it is truncated or damaged"
    return DataError(message, file=file, rule="SAS transport layout", remedy=remedy, closed=closed)


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
    # The place a description names is the one in SAS's own file; in transport files values follow each other.
    described = [struct.unpack_from(">hhh", data, start + NAMESTR * number) for number in range(variables)]
    if any(kind not in _KINDS for kind, _, _ in described):
        raise ValueError("a kind that no variable has")
    fields = tuple((kind == _NUMERIC, width) for kind, _, width in described)
    if any(width < 1 or (number and width > _DOUBLE) for number, width in fields):
        raise ValueError("a length that no variable has")
    return fields


def read_layout(data: bytes, file: Path) -> XptLayout:
    """Layout of the first data set of a transport file.

    Raises
    ------
    ReportError
        The file is empty, is no transport file, ends inside its headers, or its headers do not agree.
    """
    if not data:
        raise DataError("is empty", file=file, remedy="deliver the file again")
    if not data.startswith(_HEADER):
        raise DataError("is not a SAS transport file", file=file, remedy="deliver a version 5 or 8 transport file")
    names_card = _find_card(data, 0, _NAMES)
    rows_card = _find_card(data, names_card, (b"OBS", b"OBSV8")) if names_card >= 0 else -1
    if names_card < 0 or rows_card < 0:
        raise _damaged(file, "ends inside its header records")
    try:
        variables = _read_count(data[names_card + 52 : names_card + 58])
        fields = _read_fields(data, names_card + CARD, variables)
    except (ValueError, struct.error):
        raise _damaged(file, "has header records that cannot be read") from None
    if _end_of_names(names_card, variables) != _find_card(data, names_card + CARD, (b"OBS", b"OBSV8", *_LABELS)):
        raise _damaged(file, f"announces {number_of(variables, 'variable')} and describes another number")
    count = data[rows_card + 48 : rows_card + 68].split()
    version8 = data[rows_card + 20 : rows_card + 28].rstrip() == b"OBSV8"
    announced = int(count[0]) if version8 and count and count[0].isdigit() else None
    return XptLayout(rows_card + CARD, announced, fields)


def _read_count(digits: bytes) -> int:
    count = int(digits)
    if count < 1:
        raise ValueError("no variables")
    return count


def _end_of_names(card: int, variables: int) -> int:
    """Where the card behind the descriptions of the variables begins."""
    return card + CARD + -(-NAMESTR * variables // CARD) * CARD


def describe_variables(data: bytes, file: Path) -> XptVariables:
    """Names, labels and formats of the first data set.

    Parameters
    ----------
    data
        The file, of which `read_layout` made sense.

    Raises
    ------
    ReportError
        The labels behind the descriptions cannot be read, or a name is not ASCII.
    """
    card = _find_card(data, 0, _NAMES)
    version8 = data[card + 20 : card + 28].rstrip() == b"NAMSTV8"
    count, start = int(data[card + 52 : card + 58]), card + CARD
    described = [data[start + NAMESTR * at : start + NAMESTR * (at + 1)] for at in range(count)]
    # Version 8 says the name of up to 32 characters behind the position, and repeats its beginning where version 5 has it.
    names = [_text(one[88:120] if version8 else one[8:16]) or _text(one[8:16]) for one in described]
    labels = {at: _text(one[16:56]) for at, one in enumerate(described)}
    formats = {at: _format(one) for at, one in enumerate(described)}
    try:
        long_labels, long_formats = _read_long(data, _end_of_names(card, count), count) if version8 else ({}, {})
        member = _find_card(data, 0, (b"DSCRPTR", b"DSCPTV8"))
        # Behind the card of the member: one with its name, one with its label.
        label = _text(data[member + 2 * CARD + 32 : member + 2 * CARD + 72]) if 0 <= member < card else b""
        plain = [name.decode("ascii") for name in names]
    except (struct.error, UnicodeDecodeError, ValueError):
        raise _damaged(file, "has names or labels that cannot be read") from None
    decoded = [decode_label(one) for one in (labels | long_labels).values()]
    title, title_replaced = decode_label(label)
    replaced = [name for name, (_, wrong) in zip(plain, decoded, strict=True) if wrong]
    return XptVariables(
        tuple(plain),
        tuple(text for text, _ in decoded),
        tuple(form.decode("ascii", "replace") for form in (formats | long_formats).values()),
        title,
        # In the first of the two cards, behind SAS and its blanks.
        _text(data[member + CARD + 8 : member + CARD + (40 if version8 else 16)]).decode("ascii", "replace") if member >= 0 else "",
        tuple([*replaced, ""] if title_replaced else replaced),
    )


def _read_long(data: bytes, card: int, variables: int) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Labels of more than 40 bytes, and formats of more than 8, by the place of their variable."""
    kind = data[card + 20 : card + 28].rstrip()
    if kind not in _LABELS:
        return {}, {}
    entries, position, labels, formats = int(data[card + 48 : card + 58].split()[0]), card + CARD, {}, {}
    for _ in range(entries):
        parts = 5 if kind == b"LABELV9" else 3
        number, *lengths = struct.unpack_from(f">{parts}H", data, position)
        position += 2 * parts
        pieces = []
        for length in lengths:
            pieces.append(data[position : position + length])
            position += length
        if not 1 <= number <= variables:
            raise ValueError("a label of no variable")
        labels[number - 1] = _text(pieces[-1])
        if parts == 5 and pieces[1]:
            formats[number - 1] = _text(pieces[1])
    return labels, formats


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0].rstrip(b" ")


def _format(described: bytes) -> bytes:
    width, decimals = struct.unpack_from(">hh", described, 64)
    return _text(described[56:64]) + (b"%d" % width if width else b"") + (b".%d" % decimals if decimals else b"")


def check_rows(data: bytes, layout: XptLayout, file: Path) -> tuple[int, int]:
    """Least and largest number of rows the file can hold, after proving that none is missing at its end.

    The two differ where a row is shorter than a card: blank padding then looks like blank rows.

    Raises
    ------
    DataError
        The file does not end on an 80-byte card, the last row is cut, the rows are fewer than
        announced, or a second data set follows (one file, one dataset).
    """
    if len(data) % CARD:
        raise _damaged(file, f"has {number_of(len(data), 'byte')}, which is no multiple of {CARD}", _OTHER_ROWS)
    if _find_card(data, layout.data_start, (b"MEMBER", b"MEMBV8")) >= 0:
        raise DataError("holds more than one dataset", file=file, rule="one file, one dataset", remedy="write one file per dataset")
    size = len(data) - layout.data_start
    rows = size // layout.row_bytes if layout.announced is None else layout.announced
    rest = size - rows * layout.row_bytes
    if rest < 0:
        raise _damaged(file, f"announces {number_of(rows, 'row')} and holds {size // layout.row_bytes}", _OTHER_ROWS)
    if rest >= CARD or data[len(data) - rest :].strip(b" "):
        told = f"ends inside row {rows + 1}" if layout.announced is None else f"announces {number_of(rows, 'row')} and holds more"
        raise _damaged(file, told, _OTHER_ROWS)
    # Blank padding fills the last card at most; what is blank before it is a record of blanks.
    least = max(0, -(-(size - CARD + 1) // layout.row_bytes)) if layout.announced is None else rows
    return least, rows


def read_rows(data: bytes, layout: XptLayout, names: Sequence[str], file: Path, least: int = 0) -> pd.DataFrame:
    """All rows of the first data set; blank rows at its end are padding, but for those `check_rows` counts.

    Parameters
    ----------
    data
        The whole file, proved whole by `check_rows`.
    layout
        Its layout.
    names
        The variables, in the order of the file; each once.
    file
        Named in errors.
    least
        Rows the file has at least, blank ones too.

    Returns
    -------
    DataFrame
        Numbers ``float64``, text ``str`` without trailing blanks, empty text where there is none.

    Raises
    ------
    ReportError
        Text that is not UTF-8: each variable with its first record.
    """
    import pyarrow as pa

    width = max(layout.row_bytes, 1)
    count = (len(data) - layout.data_start) // width
    table = np.frombuffer(data, "uint8", count * width, layout.data_start).reshape(count, width)
    rows = max(_count_filled(table), least) if layout.announced is None else layout.announced
    fields = _cut_fields(table[:rows], [size for _, size in layout.fields])
    columns: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, (number, _), field in zip(names, layout.fields, fields, strict=True):
        try:
            columns[name] = pa.array(_read_numbers(field)) if number else _read_text(field)
        except pa.ArrowInvalid:
            problems += filter(None, [find_undecodable(name, (bytes(one) for one in field), file)])
    if problems:
        raise DataError.of(problems)
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
