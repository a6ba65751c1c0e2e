"""Frames become transport files: labels, supplemental qualifiers, the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cgbm1_report.errors import ReportError
from cgbm1_report.schema import read_schema, schema_labels, schema_title, schema_types

_RECORD = 80
_NAME, _LABEL, _TEXT = 8, 40, 200
#: Labels of the variables every SDTM dataset has and no schema asks for
_COMMON = {"DOMAIN": "Domain Abbreviation"}
_SUPP = {
    "STUDYID": "Study Identifier",
    "RDOMAIN": "Related Domain Abbreviation",
    "USUBJID": "Unique Subject Identifier",
    "IDVAR": "Identifying Variable",
    "IDVARVAL": "Identifying Variable Value",
    "QNAM": "Qualifier Variable Name",
    "QLABEL": "Qualifier Variable Label",
    "QVAL": "Data Value",
    "QORIG": "Origin",
    "QEVAL": "Evaluator",
}
_NAMES = {"LB": "Lab Test or Examination Name", "IE": "Inclusion/Exclusion Criterion"}


def split_domain(domain: str, table: pd.DataFrame, studyid: str) -> dict[str, pd.DataFrame]:
    """One domain and its SUPP--, in the order and with the types and labels of its schema.

    Variables the schema says come from SUPP-- leave the parent. Text is ``str`` with NaN for missing.
    """
    labels, types = schema_labels(domain), schema_types(domain)
    columns = read_schema(domain)["columns"]
    extra = {name for name, column in columns.items() if str(column.get("description", "")).startswith("SUPP")}
    table = table.assign(STUDYID=studyid, DOMAIN=domain)
    order = ["STUDYID", "DOMAIN", *(name for name in labels if name != "STUDYID")]
    names, short = f"{domain}TEST", f"{domain}TESTCD"
    if names in table and short in order and names not in labels:
        order.insert(order.index(short) + 1, names)
        labels[names] = _NAMES.get(domain, "Test Name")
        types[names] = "text"
    parent = pd.DataFrame(index=table.index)
    for name in order:
        absent = name not in table and not columns.get(name, {}).get("required", True)
        if name in extra or absent:
            continue
        kind = types.get(name, "text")
        blank = pd.Series(np.nan, index=table.index)
        parent[name] = table.get(name, blank).astype("float64" if kind == "number" else "str")
    parent.attrs = {"labels": {**_COMMON, **labels}, "label": schema_title(domain)}
    result = {domain: parent}
    supp = _supplement(domain, table, [name for name in labels if name in extra and name in table], labels)
    if extra & set(table.columns):
        result[f"SUPP{domain}"] = supp
    return result


def _supplement(domain: str, table: pd.DataFrame, names: list[str], labels: dict[str, str]) -> pd.DataFrame:
    """SUPP--: one row per record and qualifier that has a value."""
    frames = []
    for name in names:
        known = table[table[name].notna()]
        frame = pd.DataFrame({"STUDYID": known["STUDYID"], "RDOMAIN": domain, "USUBJID": known["USUBJID"]})
        frame["IDVAR"] = None if domain == "DM" else f"{domain}SEQ"
        frame["IDVARVAL"] = None if domain == "DM" else known[f"{domain}SEQ"].astype(int).astype("str")
        frame["QNAM"], frame["QLABEL"] = name, labels[name]
        value = known[name]
        frame["QVAL"] = np.char.mod("%.10g", value.to_numpy()) if value.dtype == "float64" else value
        frame["QORIG"] = "ASSIGNED" if domain == "DM" else "CRF"
        frame["QEVAL"] = "ADJUDICATION COMMITTEE" if name.endswith("SRC") else None
        frames.append(frame)
    table = pd.concat(frames) if frames else pd.DataFrame(columns=list(_SUPP))
    table = table[list(_SUPP)].astype("str").sort_values(["USUBJID", "QNAM"], kind="stable", ignore_index=True)
    table.attrs = {"labels": dict(_SUPP), "label": f"Supplemental Qualifiers for {domain}"}
    return table


def write_dataset(folder: Path, name: str, table: pd.DataFrame, form: Literal["xpt", "parquet"], stamp: np.datetime64) -> None:
    """Write one dataset as SAS transport version 5 or parquet, with its labels.

    Raises
    ------
    ReportError
        A name, label or text is longer than the transport format holds.
    """
    _check_lengths(name, table)
    file = folder / f"{name.lower()}.{form}"
    if form == "parquet":
        _write_parquet(file, table)
        return
    import pyreadstat

    labels = [table.attrs["labels"].get(column, "") for column in table.columns]
    # The format writes a missing text as blanks; plain objects are walked through twice as fast.
    plain = table.copy()
    for text in _texts(table):
        plain[text] = table[text].fillna("").astype(object)
    pyreadstat.write_xport(
        plain,
        str(file),
        file_label=table.attrs["label"][:_LABEL],
        column_labels=labels,
        table_name=name,
        file_format_version=5,
    )
    _fix_times(file, stamp)


def _texts(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns if table[name].dtype == "str"]


def _check_lengths(name: str, table: pd.DataFrame) -> None:
    wrong = [column for column in table.columns if len(column) > _NAME or len(table.attrs["labels"].get(column, "")) > _LABEL]
    # A character is four bytes at most: only long texts need to be counted in bytes.
    long = [name for name in _texts(table) if table[name].str.len().max() * 4 > _TEXT]
    wrong += [name for name in long if max(map(len, map(str.encode, table[name].dropna()))) > _TEXT]
    if wrong:
        raise ReportError(
            f"variables do not fit SAS transport version 5: {', '.join(wrong)}",
            file=name.lower(),
            rule=f"names <= {_NAME}, labels <= {_LABEL}, text <= {_TEXT} bytes",
            remedy="shorten them",
        )


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
                raise ReportError(
                    "is not the transport file that was written", file=file, remedy="use the locked version of pyreadstat"
                )
            stream.seek(offset)
            stream.write(moment)


def _write_parquet(file: Path, table: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = table.copy()
    plain.attrs = {}
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    meta = {b"labels": json.dumps(table.attrs["labels"]).encode(), b"label": table.attrs["label"].encode()}
    pq.write_table(arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **meta}), file)
