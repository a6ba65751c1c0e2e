"""Frames become transport files: labels, supplemental qualifiers, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cgbm1_report.protocol.schema import read_schema, schema_labels, schema_title, schema_types
from cgbm1_report.read.adamfiles import check_lengths, write_parquet, write_xpt

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
    file = folder / f"{name.lower()}.{form}"
    if form == "xpt":
        write_xpt(file, name, table, stamp)
    else:
        check_lengths(name, table)
        write_parquet(file, name, table, stamp)
