"""What every reader gives, and how it becomes a frame of the project.

Text is ``str`` with NaN for missing (empty and blank text is missing, trailing blanks mean nothing,
as in SAS), numbers are ``float64``, ADaM dates are ``datetime64[s]``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.iso8601 import LENGTHS, name_unread, parse_moments
from cgbm1_report.protocol.schema import is_quotable, schema_labels, schema_title, schema_types
from cgbm1_report.read.labels import Labels
from cgbm1_report.read.sasdates import YEARS, find_no_dates, find_no_years, is_plain, read_sas_dates, sas_date_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Names of variables SAS transport can hold; anything else never becomes a column.
VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,31}")
#: A number as text.
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")

#: Characters of a name in SAS transport version 5, to which programs cut longer ones.
_SHORT = 8
#: More variables than any dataset has; a file that says so is none.
MOST_VARIABLES = 10_000


@dataclass(frozen=True)
class RawTable:
    """A table as its format holds it.

    ``formats`` are the SAS formats of the variables that have one, by upper-case name: they tell which
    numbers are dates. ``by_schema`` marks a format that only knows text (CSV): its columns become
    numbers and dates where the schema says so. ``name`` is what the file calls its dataset, empty where its
    format does not say. ``notes`` is what the reader mended and must be said.
    """

    frame: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    by_schema: bool = False
    name: str = ""
    notes: tuple[Problem, ...] = ()


def quote(name: object, value: object, quoted: bool) -> str:
    """A variable, and its value if it may be ``quoted``: nobody knows yet which phase is blind.

    The one place where reading tells a value of the data; one that may tell treatment is never shown.
    """
    shown = f"{value:.15g}" if isinstance(value, float) else str(value)
    return f"{name} {shown[:40]!r}{'…' if len(shown) > 40 else ''}" if quoted else str(name)


def check_names(names: Iterable[str], file: Path | str) -> None:
    """Refuse names no variable has and names that are or become one: by case, or cut to 8 characters.

    A frame holds one column per name, so of two variables of one name the last would stand in silence.

    Raises
    ------
    ReportError
        Every such name.
    """
    given = list(names)
    upper = [name.upper() for name in given]
    # A name that is ASCII in capitals only, such as ſEX, is not what its file says.
    bad = [
        name[:80] for name, capital in zip(given, upper, strict=True) if not (name.isascii() and VARIABLE_NAME.fullmatch(capital))
    ]
    problems = [_name_problem(f"variable names {bad[:5]!r} are not allowed", file)] if bad else []
    if len(given) > MOST_VARIABLES:
        problems.append(_name_problem(f"has {number_of(len(given), 'variable')}", file))
    for why, key in (("stand twice", upper), ("are the same in their first 8 characters", [name[:_SHORT] for name in upper])):
        twice = {one for one, count in Counter(key).items() if count > 1}
        shown = sorted({name for name, one in zip(given, key, strict=True) if one in twice})
        if twice:
            problems.append(_name_problem(f"variables {shown[:5]!r} {why}", file))
            break
    if problems:
        raise DataError.of(problems)


def _name_problem(message: str, file: Path | str) -> Problem:
    return Problem(message, file=str(file), rule="variable names", remedy="use CDISC variable names, each once")


def tidy_text(values: pd.Series) -> pd.Series:
    """Text without trailing blanks; empty text is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Hundreds of short columns: three steps of Arrow's own cost a third of the same by Series.
    told = values if values.dtype == "str" else values.astype("str")
    text = pc.utf8_rtrim_whitespace(pa.array(told.array, type=pa.large_string(), from_pandas=True))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)
    return pd.Series(text, index=values.index, dtype="str", name=values.name)


def parse_numbers(values: pd.Series, file: str, quoted: bool = False) -> pd.Series:
    """Text as ``float64``; anything that is no number is an error that names its row, and the value if it may be ``quoted``."""
    values = values.astype("str")
    # to_numeric also reads 0x1F and True: what is no decimal number is told first.
    plain = values.str.fullmatch(NUMBER.pattern).fillna(False).astype(bool)
    numbers = pd.to_numeric(values.where(plain).str.strip(), errors="coerce").astype("float64")
    wrong = values.notna() & ~np.isfinite(numbers)
    if wrong.any():
        raise _unreadable(values, wrong, file, "is no number", quoted, _number_remedy(values[wrong]))
    return numbers


def _number_remedy(texts: pd.Series) -> str:
    """What mends numbers as other programs write them; the same in whatever order they stand."""
    missing = texts.str.strip().str.upper().isin(["NA", "NAN", "<NA>", "NULL", "NONE", "."])
    pointed = texts.str.fullmatch(r"\s*[+-]?\d+,\d+\s*").astype(bool)
    mends = {'write a missing number as nothing: in R na = ""': missing, "write the decimal sign as a point": pointed}
    return "; ".join(remedy for remedy, those in mends.items() if those.any())


def parse_dates(values: pd.Series, file: str, quoted: bool = False) -> pd.Series:
    """ISO 8601 text as ``datetime64[s]``; anything else, a date without its day too, is an error as in `parse_numbers`.

    A blank may stand for the T, as R and pandas write moments into CSV.
    """
    values = values.astype("str")
    text = values.where(~values.str.fullmatch(r"[0-9-]{10} [0-9].*").fillna(False).astype(bool), values.str.replace(" ", "T", n=1))
    found = parse_moments(text)
    # 2025-03 would silently become 1 March, 2025-03-10T10 a minute nobody wrote down.
    wrong = values.notna() & ~found["length"].isin([LENGTHS["day"], LENGTHS["minute"], LENGTHS["second"]])
    if wrong.any():
        first = text[wrong].iloc[:1]
        partial = found.loc[first.index, "length"].notna().iloc[0]
        what = "is no ISO 8601 date with its day" if partial else name_unread(first).iloc[0]
        raise _unreadable(values, wrong, file, what, quoted, closed="is no ISO 8601 date with its day")
    return _check_years(found["first"].rename(str(values.name)), file, quoted)


def _check_years(dates: pd.Series, file: str, quoted: bool) -> pd.Series:
    wrong = find_no_years(dates)
    if wrong.any():
        raise _unreadable(dates, wrong, file, f"lies outside the years {YEARS[0]} to {YEARS[1]}", quoted)
    return dates


def _unreadable(
    values: pd.Series, wrong: pd.Series, file: str, what: str, quoted: bool, remedy: str = "", closed: str = ""
) -> DataError:
    """The first of the wrong values and how many there are; ``closed`` says of all of them what ``what`` says of the first."""
    rows = wrong.reset_index(drop=True)
    first = int(rows.to_numpy().argmax())
    return DataError(
        f"{quote(values.name, values.iloc[first], quoted)} {what} ({number_of(int(wrong.sum()), 'such value')})",
        file=file,
        place=f"record {first + 1}",
        rule="types of schemas/",
        remedy=remedy or "correct the value in the data, or the type in the schema",
        closed=_tell_closed(values[wrong], closed or what, quoted),
    )


def _tell_closed(wrong: pd.Series, what: str, quoted: bool) -> str:
    """Of a variable that may be seen the least of the wrong values and how many there are; of another that there are some."""
    least = min(wrong, key=str)
    many = f" ({number_of(len(wrong), 'such value')})" if quoted else ""
    return f"{quote(wrong.name, least, quoted)} {what}{many}"


#: How a variable that is no text by its schema is read from text.
_PARSERS = {"number": parse_numbers, "date": parse_dates}


def _tidy_column(values: pd.Series, dataset: str, raw: RawTable, kind: str | None, file: str) -> pd.Series:
    """One variable of a dataset; ``kind`` is that of its schema."""
    result = _typed_column(values, dataset, raw, kind, file)
    name = str(values.name)
    if kind == "date" and dataset.startswith("AD") and name.endswith("DT") and pd.api.types.is_datetime64_any_dtype(result):
        # Days are counted from and between such dates: a time would move the count by one.
        timed = result.notna() & (result != result.dt.normalize())
        if timed.any():
            raise _unreadable(result, timed, file, "has a time of day, and the variable is a date", is_quotable(dataset, name))
    return result


def _typed_column(values: pd.Series, dataset: str, raw: RawTable, kind: str | None, file: str) -> pd.Series:
    name = str(values.name)
    if pd.api.types.is_bool_dtype(values):
        raise DataError(f"{name} is true/false", file=file, rule="types", remedy="deliver text (Y, N) or numbers")
    if pd.api.types.is_datetime64_any_dtype(values):
        if getattr(values.dt, "tz", None) is not None:
            raise DataError(f"{name} has a time zone", file=file, rule="types", remedy="deliver local times without a zone")
        return _check_years(values.astype("datetime64[s]"), file, is_quotable(dataset, name))
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype("float64")
        infinite = numbers.isin([np.inf, -np.inf])
        if infinite.any():
            raise _unreadable(values, infinite, file, "is no number", is_quotable(dataset, name))
        date_kind = _date_kind(name, raw.formats.get(name, ""), kind, dataset, file)
        return _dates_of(numbers, date_kind, file, is_quotable(dataset, name)) if date_kind else numbers
    text = tidy_text(values)
    if kind in _PARSERS and (raw.by_schema or not text.notna().any()):
        return _PARSERS[kind](text, file, is_quotable(dataset, name))
    return text


def _date_kind(name: str, sas_format: str, kind: str | None, dataset: str, file: str) -> str | None:
    """What a number counts by its SAS format, or by its schema where the format says nothing; None for a plain number."""
    told = sas_date_kind(sas_format)
    expected = kind == "date" and dataset.startswith("AD")
    if told == "zoned" or (expected and (told == "time" or (told is None and not is_plain(sas_format)))):
        raise DataError(
            f"{name} has the format {sas_format[:40]!r}, which is not read as a date",
            file=file,
            rule="SAS date formats",
            remedy="deliver it with DATE9. or DATETIME20., in local time",
        )
    if told in ("date", "datetime", "day"):
        return told
    return ("datetime" if name.endswith("DTM") else "date") if expected and told is None else None


def _dates_of(numbers: pd.Series, kind: str, file: str, quoted: bool) -> pd.Series:
    wrong = find_no_dates(numbers, kind)
    if wrong.any():
        counted = "days" if kind == "date" else "seconds"
        what = (
            f"is no SAS {'date' if kind == 'date' else 'datetime'} of the years {YEARS[0]} to {YEARS[1]}, in {counted} since 1960"
        )
        raise _unreadable(
            numbers, wrong, file, what, quoted, "write what the format says, days or seconds, or give the right format"
        )
    return read_sas_dates(numbers, kind)


def tidy_table(raw: RawTable, dataset: str, file: str) -> pd.DataFrame:
    """Make the frame of a dataset, with its labels in ``attrs``.

    Parameters
    ----------
    raw
        What the reader of the format gave.
    dataset
        Upper-case name the dataset goes by here; chooses the schema for types and labels.
    file
        Path named in errors.

    Raises
    ------
    ReportError
        A variable name SAS could not hold, two variables of one name, or a value of the wrong kind.
    """
    check_names(map(str, raw.frame.columns), file)
    names = [str(name).upper() for name in raw.frame.columns]
    types = schema_types(dataset)
    frame = raw.frame.set_axis(names, axis="columns")
    columns: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            columns[name] = _tidy_column(frame[name], dataset, raw, types.get(name), file)
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError.of(problems)
    result = pd.DataFrame({name: column.array for name, column in columns.items()}, index=pd.RangeIndex(len(frame)))
    known = schema_labels(dataset)
    labels = {str(name).upper(): label for name, label in raw.labels.items() if label}
    result.attrs["labels"] = Labels({name: labels.get(name) or known.get(name) or name for name in names})
    result.attrs["label"] = raw.label or schema_title(dataset) or dataset
    return result
