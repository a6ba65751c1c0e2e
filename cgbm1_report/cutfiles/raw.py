"""What every reader gives, and how it becomes a frame of the project.

Text is ``str`` with NaN for missing (empty and blank text is missing, trailing blanks mean nothing,
as in SAS), numbers are ``float64``, ADaM dates are ``datetime64[s]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cgbm1_report.errors import ReportError
from cgbm1_report.iso8601 import LENGTHS, parse_moments
from cgbm1_report.schema import is_quotable, schema_labels, schema_title, schema_types

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names of variables SAS transport can hold; anything else never becomes a column.
VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,31}")

_DATETIME_FORMAT = re.compile(r"^(DATETIME|E8601DT|B8601DT|DATEAMPM|MDYAMPM|IS8601DT)\d*(\.\d*)?$")
_DATE_FORMAT = re.compile(
    r"^(DATE|DDMMYY[BCDNPS]?|MMDDYY[BCDNPS]?|YYMMDD[BCDNPS]?|E8601DA|B8601DA|IS8601DA|WORDDATE|WEEKDATE|MONYY|YYMON)\d*(\.\d*)?$"
)
_SAS_EPOCH = pd.Timestamp("1960-01-01")


@dataclass(frozen=True)
class RawTable:
    """A table as its format holds it.

    ``numeric_dates`` maps a numeric variable to ``"date"`` (days) or ``"datetime"`` (seconds) since
    1 January 1960, as SAS counts. ``by_schema`` marks a format that only knows text (CSV): its
    columns become numbers and dates where the schema says so.
    """

    frame: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    numeric_dates: Mapping[str, str] = field(default_factory=dict)
    by_schema: bool = False


def sas_date_kind(sas_format: str | None) -> str | None:
    """``"date"``, ``"datetime"`` or None for a SAS format such as DATE9. or E8601DT."""
    name = (sas_format or "").strip().upper()
    if _DATETIME_FORMAT.match(name):
        return "datetime"
    return "date" if _DATE_FORMAT.match(name) else None


def read_sas_dates(values: pd.Series, kind: str) -> pd.Series:
    """SAS days or seconds since 1 January 1960 as ``datetime64[s]``; missing stays missing."""
    seconds = (values * 86400 if kind == "date" else values).round()
    return (_SAS_EPOCH + pd.to_timedelta(seconds, unit="s")).astype("datetime64[s]")


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
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    wrong = values.notna() & ~np.isfinite(numbers)
    if wrong.any():
        raise _unreadable(values, wrong, file, "no number", quoted)
    return numbers


def parse_dates(values: pd.Series, file: str, quoted: bool = False) -> pd.Series:
    """ISO 8601 text as ``datetime64[s]``; anything else, a date without its day too, is an error as in `parse_numbers`."""
    dates = pd.to_datetime(values, errors="coerce", format="ISO8601").astype("datetime64[s]")
    # 2025-03 would silently become 1 March.
    partial = parse_moments(values)["length"] < LENGTHS["day"]
    wrong = values.notna() & (dates.isna() | partial)
    if wrong.any():
        raise _unreadable(values, wrong, file, "no ISO 8601 date", quoted)
    return dates


def _unreadable(values: pd.Series, wrong: pd.Series, file: str, what: str, quoted: bool) -> ReportError:
    """What cannot be read. Nobody knows yet which phase is blind: a value that may tell treatment is never shown."""
    rows = wrong.reset_index(drop=True)
    first = int(rows.to_numpy().argmax())
    return ReportError(
        f"{values.name}{f' {values.iloc[first]!r}' if quoted else ''} is {what} ({int(wrong.sum())} such values)",
        file=file,
        place=f"record {first + 1}",
        rule="types of schemas/",
        remedy="correct the value in the data, or the type in the schema",
    )


#: How a variable that is no text by its schema is read from text.
_PARSERS = {"number": parse_numbers, "date": parse_dates}


def _tidy_column(values: pd.Series, dataset: str, raw: RawTable, kind: str | None, file: str) -> pd.Series:
    name = str(values.name)
    if pd.api.types.is_bool_dtype(values):
        raise ReportError(f"{name} is true/false", file=file, rule="types", remedy="deliver text (Y, N) or numbers")
    if pd.api.types.is_datetime64_any_dtype(values):
        if getattr(values.dt, "tz", None) is not None:
            raise ReportError(f"{name} has a time zone", file=file, rule="types", remedy="deliver local times without a zone")
        return values.astype("datetime64[s]")
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype("float64")
        infinite = numbers.isin([np.inf, -np.inf])
        if infinite.any():
            raise _unreadable(values, infinite, file, "no number", is_quotable(dataset, name))
        unformatted = {"date": "datetime" if name.endswith("DTM") else "date"}.get(kind or "") if dataset.startswith("AD") else None
        date_kind = raw.numeric_dates.get(name) or unformatted
        return read_sas_dates(numbers, date_kind) if date_kind else numbers
    text = tidy_text(values)
    if kind in _PARSERS and (raw.by_schema or not text.notna().any()):
        return _PARSERS[kind](text, file, is_quotable(dataset, name))
    return text


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
    names = [str(name).upper() for name in raw.frame.columns]
    bad = [name for name in names if not VARIABLE_NAME.fullmatch(name)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if bad or twice:
        what = f"variable names {bad[:5]!r} are not allowed" if bad else f"variables {twice[:5]!r} stand twice"
        raise ReportError(what, file=file, rule="variable names", remedy="use CDISC variable names, each once")
    types = schema_types(dataset)
    frame = raw.frame.set_axis(names, axis="columns")
    columns = {name: _tidy_column(frame[name], dataset, raw, types.get(name), file) for name in names}
    result = pd.DataFrame({name: column.array for name, column in columns.items()}, index=pd.RangeIndex(len(frame)))
    known = schema_labels(dataset)
    labels = {str(name).upper(): label for name, label in raw.labels.items() if label}
    result.attrs["labels"] = {name: labels.get(name) or known.get(name) or name for name in names}
    result.attrs["label"] = raw.label or schema_title(dataset) or dataset
    return result
