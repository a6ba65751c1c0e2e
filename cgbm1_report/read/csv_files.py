"""CSV, by pyarrow: commas, quotes as RFC 4180 has them, UTF-8. What only looks like it is refused by name.

A file whose columns are known may have semicolons between its values, as spreadsheets of many countries save it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.read.letters import check_encoding, find_surrogates
from cgbm1_report.read.raw import MOST_VARIABLES, VARIABLE_NAME, RawTable, check_names

#: Rows of the wrong width that are named one by one.
NAMED_ROWS = 20
#: What other programs put between values, and what to call it.
_SEPARATORS: Final = {";": ";", "\t": "a tab", "|": "|", " ": "a blank"}
_MARK: Final = b"\xef\xbb\xbf"
_SAVE: Final = "save it in the spreadsheet as CSV UTF-8, which keeps all letters"
_CALLED: Final = {",": "a comma", ";": "a semicolon"}
_QUOTE, _FEED, _RETURN = (ord(letter) for letter in '"\n\r')


def read_csv(data: bytes, file: Path, columns: Collection[str] = ()) -> RawTable:
    """Read a CSV file, every value as text: ``007`` stays ``007``.

    Parameters
    ----------
    columns
        What the file has to have, where that is known: a first line that has them all by semicolons, and no comma, says that
        the file has semicolons between its values.

    Raises
    ------
    ReportError
        The file is empty, not UTF-8, has another separator, a quote that does not end, a header that
        stands twice, or rows of another width than the header (all named).
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    check_encoding(data, file)
    separator = _choose_separator(data, columns)
    header = _read_header(data, file, separator, columns)
    _check_quotes(data, file, separator)
    _check_letters(data, header, file, separator, own=bool(columns))
    wrong: list[Problem] = []

    def note(row: Any) -> str:
        wrong.append(
            Problem(
                f"has {number_of(row.actual_columns, 'value')}, {row.expected_columns} expected",
                file=str(file),
                place=f"line {row.number}",
                rule="width of the header",
                remedy=f"quote values that hold {_CALLED[separator]}, a quote or a line break",
                closed="has rows of another width than its header",
            )
        )
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.large_string() for name in header},
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file) from error
    if wrong:
        said = number_of(len(wrong) - NAMED_ROWS, "more such row")
        more = [replace(wrong[0], message=said, place="")] if len(wrong) > NAMED_ROWS else []
        raise DataError.of([*wrong[:NAMED_ROWS], *more])
    _check_second_header(table, header, file)
    return RawTable(table.to_pandas().astype("str"), by_schema=True)


def _unreadable(file: Path) -> DataError:
    # What the library says may show a row of the data.
    return DataError("cannot be read as CSV", file=file, rule="CSV", remedy="save it as CSV again: commas, quotes, UTF-8")


def _check_letters(data: bytes, header: list[str], file: Path, separator: str, *, own: bool) -> None:
    """Refuse bytes that are not UTF-8, before the library meets them: it would say so once per row and go on."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(data)], "int64"))
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(data)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        found = _find_letters(data, header, file, separator)
        # What people write in a spreadsheet is saved there, and exported by nobody.
        raise DataError.of([replace(one, remedy=_SAVE) for one in found] if own else found) from None


def _first_line(data: bytes, separator: str) -> list[str]:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape", newline="")
    return next(csv.reader(text, delimiter=separator), [])


def _choose_separator(data: bytes, columns: Collection[str]) -> str:
    """What stands between the values, by the first line alone: a semicolon, where it has all ``columns`` by it and no comma."""
    try:
        names = _first_line(data, ";") if columns else []
    except csv.Error:
        names = []
    whole = set(columns) <= {name.strip().upper() for name in names} and not any("," in name for name in names)
    return ";" if columns and whole else ","


def _read_header(data: bytes, file: Path, separator: str, columns: Collection[str]) -> list[str]:
    """Names of the first line, each once."""
    try:
        header = _first_line(data, separator)
    except csv.Error as error:
        raise DataError(f"has a header that cannot be read: {error}", file=file, remedy="correct the first line") from error
    if not any(name.strip() for name in header):
        raise DataError("is empty", file=file, remedy="deliver the file again, with a header line")
    lost = find_surrogates("the header", header[:MOST_VARIABLES], file)
    if lost:
        raise DataError("has a header that is not UTF-8", file=file, place="line 1", rule="text in UTF-8", remedy=lost.remedy)
    _check_separator(header, file, columns)
    check_names(header, file)
    return header


def _check_separator(header: list[str], file: Path, columns: Collection[str]) -> None:
    """A header that is one word of names joined by something else; of semicolons, which may be, what it lacks of ``columns``."""
    first = header[0]
    if first.lower().startswith("sep=") or (len(header) == 1 and not VARIABLE_NAME.fullmatch(first.upper())):
        sign = first[4:5] if first.lower().startswith("sep=") else max(_SEPARATORS, key=first.count)
        if sign == ";" and columns and first[:4].lower() != "sep=":
            told = {name.strip().strip('"').upper() for name in first.split(";")}
            lacking = ", ".join(name for name in columns if name not in told) or "a comma or a semicolon alone between its names"
            remedy = f"its columns are {', '.join(columns)}"
            raise DataError(f"has no {lacking}", file=file, place="line 1", rule="CSV", remedy=remedy)
        if sign in _SEPARATORS and sign in first and sign != ",":
            raise DataError(
                f"the separator is {_SEPARATORS[sign]}, not a comma",
                file=file,
                place="line 1",
                rule="CSV",
                remedy="save the file with commas between the values and points in the numbers",
            )


def _check_quotes(data: bytes, file: Path, separator: str) -> None:
    """Refuse a quote that opens or closes inside a value: what stands between it and the next would be one value.

    Quotes take turns: the first opens, the second closes, a doubled one inside a value closes and opens
    again. So an opening one stands behind a separator, a line end or the quote before it, and a closing one
    before a separator, a line end or the quote after it.
    """
    if data.find(b'"') < 0:
        return
    content = np.frombuffer(data, "uint8")
    if data.startswith(_MARK):
        content = content[len(_MARK) :]
    quotes = np.flatnonzero(content == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    ends = (ord(separator), _FEED, _RETURN, _QUOTE)
    opens = (opening == 0) | np.isin(content[opening - 1], ends)
    # A quote that stands before an opening one belongs to the value only right behind its closing.
    closes = (closing == len(content) - 1) | np.isin(content[np.minimum(closing + 1, len(content) - 1)], ends)
    wrong = ~opens
    wrong[: len(closes)] |= ~closes
    wrong[len(closes) :] = True
    if wrong.any():
        line = int(np.count_nonzero(content[: opening[int(wrong.argmax())]] == _FEED)) + 1
        raise DataError(
            "has a quote that is not closed where its value ends",
            file=file,
            place=f"line {line}",
            rule="quotes of CSV",
            remedy='put the whole value in quotes, and write a quote inside it twice: "a ""b"" c"',
        )


def _find_letters(data: bytes, header: list[str], file: Path, separator: str) -> list[Problem]:
    """Variables and records that are not UTF-8; only asked where there are some."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline=""), delimiter=separator)
    next(rows, None)
    try:
        records = [row for row in rows if row]
    except csv.Error:
        return list(_unreadable(file).problems)
    columns = ([row[at] if at < len(row) else None for row in records] for at in range(len(header)))
    found = [find_surrogates(name, values, file) for name, values in zip(header, columns, strict=True)]
    return [problem for problem in found if problem] or list(_unreadable(file).problems)


def _check_second_header(table: Any, header: list[str], file: Path) -> None:
    """Refuse the header in the middle: of two files put one behind the other it would be a record."""
    import pyarrow.compute as pc

    same = None
    for name in header:
        found = pc.equal(table[name], name)
        same = found if same is None else pc.and_kleene(same, found)
        if not pc.any(same).as_py():
            return
    records = pc.indices_nonzero(same).to_pylist() if len(table) else []
    if records:
        raise DataError(
            "repeats its header", file=file, place=f"record {records[0] + 1}", rule="CSV", remedy="take the second header out"
        )
