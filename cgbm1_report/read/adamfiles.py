"""Writes analysis datasets as files `read.cut.read_cut` reads back: parquet, SAS transport 5, Dataset-JSON 1.1.

Labels travel with the data. Dates are what each format calls a date: timestamps in parquet, days or
seconds since 1960 with a SAS format in transport files, ISO 8601 text with a numeric target in
Dataset-JSON. The same frames give the same bytes: no file holds the time of its writing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.protocol.schema import schema_labels, schema_title
from cgbm1_report.read.labels import Labels

Format = Literal["xpt", "parquet", "json"]

_RECORD = 80
_NAME, _LABEL, _TEXT = 8, 40, 200
_SAS_EPOCH = pd.Timestamp("1960-01-01")
#: Characters of a text an error shows
_SHOWN = 40
#: Range of IBM hexadecimal floating point
_LARGEST, _SMALLEST = 7.2e75, 5.4e-79
#: SAS formats of the two kinds of ADaM dates
DATE_FORMATS = {"date": "DATE9.", "datetime": "DATETIME20."}
#: Time stamp of files whose cut-off nobody names
_STAMP = np.datetime64("1960-01-01")


def take_observed(frame: pd.DataFrame, dtypes: Collection[str] = ()) -> pd.DataFrame:
    """Records of values that were observed; those with DTYPE were made of others and stand at no visit.

    A maximum, an average or a value carried forward repeats what was observed on another day: beside the
    visits it would be counted once more. ``dtypes`` are the kinds that an analysis takes for the value of their visit.
    """
    if "DTYPE" not in frame or not frame["DTYPE"].notna().any():
        return frame
    return frame[frame["DTYPE"].isna() | frame["DTYPE"].isin(list(dtypes))]


def write_adam(
    adam: Mapping[str, pd.DataFrame],
    folder: Path,
    format: Format,  # noqa: A002 - as `simulate_cut`
    stamp: np.datetime64 = _STAMP,
) -> list[Path]:
    """Write one file per analysis dataset, ``adsl.xpt`` and so on.

    Parameters
    ----------
    adam
        Frames by upper-case name; labels in ``attrs["labels"]``, dataset label in ``attrs["label"]``,
        both from schemas/ where a frame has none.
    folder
        Where the files go; made if need be.
    format
        ``parquet``, ``xpt`` (SAS transport version 5) or ``json`` (CDISC Dataset-JSON 1.1).
    stamp
        Day a transport or Dataset-JSON file says it was made: the cut-off.

    Returns
    -------
    list of Path
        The files, by name.

    Raises
    ------
    ReportError
        A number is infinite; or a name, label, text or number does not fit SAS transport version 5.
        Nothing is written then.
    """
    frames = {name: _described(frame, name) for name, frame in sorted(adam.items())}
    infinite = [
        Problem("holds an infinite number", file=name.lower(), place=str(column), rule="numbers", remedy="leave it missing")
        for name, frame in frames.items()
        for column in frame.select_dtypes("number")
        if np.isinf(frame[column]).any()
    ]
    if infinite:
        raise DataError.of(infinite)
    if format == "xpt":
        for name, frame in frames.items():
            check_lengths(name, frame)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, frame in frames.items():
        file = folder / f"{name.lower()}.{format}"
        _WRITERS[format](file, name, frame, stamp)
        files.append(file)
    return files


def _described(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with a label for every variable and for itself."""
    given, known = frame.attrs.get("labels", {}), schema_labels(name)
    result = frame.copy()
    result.attrs = {
        "labels": Labels({str(column): given.get(column) or known.get(str(column)) or str(column) for column in frame.columns}),
        "label": frame.attrs.get("label") or schema_title(name) or name,
    }
    return result


def date_kind(values: pd.Series) -> str | None:
    """``date`` where every value is a midnight and the name is no ADTM, ``datetime``, or None for no date."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        return None
    whole = not str(values.name).endswith("DTM") and bool((values.dropna() == values.dropna().dt.normalize()).all())
    return "date" if whole else "datetime"


def write_parquet(file: Path, name: str, table: pd.DataFrame, stamp: np.datetime64 = _STAMP) -> None:
    """Write parquet; each label stands in the metadata of its field, all of them in those of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = table.attrs["labels"]
    plain = table.copy()
    plain.attrs = {}
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    fields = [field.with_metadata({b"label": labels.get(field.name, "").encode()}) for field in arrow.schema]
    own = {b"labels": json.dumps(labels).encode(), b"label": table.attrs["label"].encode()}
    meta = {**(arrow.schema.metadata or {}), **own}
    pq.write_table(arrow.cast(pa.schema(fields, metadata=meta)), file)


def _texts(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns if table[name].dtype == "str"]


def check_lengths(name: str, table: pd.DataFrame) -> None:
    """Refuse what SAS transport version 5 would cut off, change or lose.

    Raises
    ------
    ReportError
        A name of more than 8 characters, a label of more than 40 bytes, a text of more than 200 bytes,
        with a NUL or with blanks at its end, a number beyond the range of the format. All variables at
        once, each with its first wrong value and record.
    """
    labels = table.attrs["labels"]
    problems = [
        _unfit(name, f"variable {column} has a name of more than {_NAME} characters", "", "shorten it")
        for column in map(str, table.columns)
        if len(column) > _NAME
    ]
    problems += [
        _unfit(name, f"label {labels[column]!r} has more than {_LABEL} bytes", column, "shorten it")
        for column in map(str, table.columns)
        if len(labels.get(column, "").encode()) > _LABEL
    ]
    problems += [problem for column in _texts(table) for problem in _text_problems(name, table[column])]
    problems += [problem for column in table.select_dtypes("number") for problem in _number_problems(name, table[column])]
    if problems:
        raise DataError.of(problems)


def _number_problems(name: str, values: pd.Series) -> list[Problem]:
    """A number the hexadecimal floating point of the format would make infinite or 0."""
    size = values.abs()
    wrong = values[(size > _LARGEST) | ((size > 0) & (size < _SMALLEST))]
    return _say_first(name, values, wrong, "lies beyond the range of the format", "write parquet or Dataset-JSON")


def _text_problems(name: str, values: pd.Series) -> list[Problem]:
    """Texts of a variable that do not fit: the first of each kind, and how many there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(values.array, type=pa.large_string(), from_pandas=True)

    def those(wrong: pa.Array) -> pd.Series:
        found: pd.Series = values[pc.fill_null(wrong, False).to_numpy(zero_copy_only=False)]
        return found

    long = those(pc.greater(pc.binary_length(texts), _TEXT))
    nul = those(pc.match_substring(texts, "\0"))
    blank = those(pc.or_(pc.ends_with(texts, " "), pc.equal(texts, "")))
    return [
        *_say_first(name, values, long, f"has more than {_TEXT} bytes", "shorten it, or write parquet or Dataset-JSON"),
        *_say_first(name, values, nul, "holds a NUL, where the format would end it", "take it out"),
        *_say_first(name, values, blank, "is empty or ends in a blank, which the format does not keep", "leave it out"),
    ]


def _say_first(name: str, values: pd.Series, wrong: pd.Series, what: str, remedy: str) -> list[Problem]:
    """The first wrong value with its record, and how many there are; nothing where none is wrong."""
    if wrong.empty:
        return []
    first = wrong.iloc[0]
    shown = f"{first!r}" if not isinstance(first, str) or len(first) <= _SHOWN else f"{first[:_SHOWN]!r}…"
    place = f"{values.name}, record {int(values.index.get_indexer(wrong.index[:1])[0]) + 1}"
    return [_unfit(name, f"{shown} {what} ({number_of(len(wrong), 'such value')})", place, remedy)]


def _unfit(name: str, what: str, place: str, remedy: str) -> Problem:
    rule = f"SAS transport version 5: names <= {_NAME}, labels <= {_LABEL} bytes, text <= {_TEXT} bytes"
    return Problem(what, file=f"{name.lower()}.xpt", rule=rule, place=place, remedy=remedy)


def write_xpt(file: Path, name: str, table: pd.DataFrame, stamp: np.datetime64 = _STAMP) -> None:
    """Write SAS transport version 5; dates are numbers with a SAS format.

    Raises
    ------
    ReportError
        A name, label, text or number is none the format holds (see `check_lengths`).
    """
    import pyreadstat

    check_lengths(name, table)
    labels = [table.attrs["labels"].get(column, "") for column in table.columns]
    plain = table.copy(deep=False)
    plain.attrs = {}
    kinds = {str(column): kind for column in plain.columns if (kind := date_kind(plain[column]))}
    # The format writes a missing text as blanks; plain objects are walked through twice as fast.
    for text in _texts(plain):
        plain[text] = plain[text].fillna("").astype(object)
    for column, kind in kinds.items():
        plain[column] = (plain[column] - _SAS_EPOCH).dt.total_seconds() / (86400 if kind == "date" else 1)
    pyreadstat.write_xport(
        plain,
        str(file),
        file_label=table.attrs["label"][:_LABEL],
        column_labels=labels,
        table_name=name,
        file_format_version=5,
        variable_format={column: DATE_FORMATS[kind] for column, kind in kinds.items()},
    )
    _fix_times(file, stamp)


def _fix_times(file: Path, stamp: np.datetime64) -> None:
    """Replace the times of writing by the cut-off date: the same data are then the same bytes.

    The library header (records 2 and 3) and the member header (records 6 and 7) hold created and
    modified as ``ddMMMyy:hh:mm:ss``.
    """
    moment = pd.Timestamp(stamp).strftime("%d%b%y:00:00:00").upper().encode("ascii")
    with file.open("r+b") as stream:
        head = stream.read(7 * _RECORD)
        for record, place in ((1, 64), (2, 0), (5, 64), (6, 0)):
            offset = record * _RECORD + place
            if head[offset + 7 : offset + 8] != b":" or len(moment) != 16:
                raise DataError(
                    "is not the transport file that was written", file=file, remedy="use the locked version of pyreadstat"
                )
            stream.seek(offset)
            stream.write(moment)


def _json_column(name: str, dataset: str, table: pd.DataFrame) -> tuple[dict[str, Any], list[Any]]:
    """Metadata and values of one variable, as Dataset-JSON has them."""
    values = table[name]
    about: dict[str, Any] = {"itemOID": f"IT.{dataset}.{name}", "name": name, "label": table.attrs["labels"].get(name, name)}
    kind = date_kind(values)
    if kind:
        about |= {"dataType": kind, "targetDataType": "integer", "displayFormat": DATE_FORMATS[kind]}
        values = values.dt.strftime("%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M:%S")
    elif pd.api.types.is_numeric_dtype(values):
        about |= {"dataType": "double"}
    else:
        about |= {"dataType": "string", "length": max(map(len, map(str.encode, values.dropna())), default=1)}
    return about, values.astype(object).where(values.notna(), None).tolist()


def write_dataset_json(file: Path, name: str, table: pd.DataFrame, stamp: np.datetime64 = _STAMP) -> None:
    """Write CDISC Dataset-JSON 1.1 (source: CDISC Dataset-JSON Specification v1.1, 2024)."""
    columns = [_json_column(str(column), name, table) for column in table.columns]
    moment = pd.Timestamp(stamp).strftime("%Y-%m-%dT00:00:00")
    rows = [list(row) for row in zip(*(values for _, values in columns), strict=True)]
    content = {
        "datasetJSONCreationDateTime": moment,
        "datasetJSONVersion": "1.1.0",
        "originator": "cgbm1-report",
        "itemGroupOID": f"IG.{name}",
        "records": len(table),
        "name": name,
        "label": table.attrs["label"],
        "columns": [about for about, _ in columns],
        "rows": rows,
    }
    file.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


_WRITERS: dict[str, Callable[[Path, str, pd.DataFrame, np.datetime64], None]] = {
    "parquet": write_parquet,
    "xpt": write_xpt,
    "json": write_dataset_json,
}
