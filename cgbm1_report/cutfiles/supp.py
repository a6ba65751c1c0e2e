"""Supplemental qualifiers: SUPP-- rows become variables of their parent.

Source: SDTMIG 3.4, section 8.4, Relating non-standard variable values to a parent domain.
"""

from __future__ import annotations

import pandas as pd

from cgbm1_report.cutfiles.raw import VARIABLE_NAME, parse_dates, parse_numbers
from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.schema import is_quotable, schema_labels, schema_types, supplemental_variables

NEEDED = ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL")
#: Problems of one kind that are named one by one.
NAMED = 20


def _record_problems(supp: pd.DataFrame, wrong: pd.Series, message: str, file: str, remedy: str) -> list[Problem]:
    if not wrong.any():
        return []
    rows = supp[wrong]
    found = [
        Problem(message, file=file, place=f"{subject} {idvar}={idvarval} {qnam}", rule="supplemental qualifiers", remedy=remedy)
        for subject, idvar, idvarval, qnam in rows[["USUBJID", "IDVAR", "IDVARVAL", "QNAM"]].head(NAMED).itertuples(index=False)
    ]
    if len(rows) > NAMED:
        found.append(Problem(f"{message}: {len(rows) - NAMED} more", file=file))
    return found


def _row_problems(parent: pd.DataFrame, supp: pd.DataFrame, domain: str, file: str) -> list[Problem]:
    names_ok = supp["QNAM"].str.fullmatch(VARIABLE_NAME.pattern).fillna(False).astype(bool)
    problems = _record_problems(supp, ~names_ok, "QNAM is no variable name", file, "use a CDISC variable name")
    clash = supp["QNAM"].isin(list(parent.columns))
    problems += _record_problems(supp, clash, f"QNAM is a variable of {domain} already", file, "rename the qualifier")
    problems += _record_problems(supp, supp["RDOMAIN"] != domain, f"RDOMAIN is not {domain}", file, "move the row to its domain")
    unknown = supp["IDVAR"].notna() & ~supp["IDVAR"].isin(list(parent.columns))
    problems += _record_problems(supp, unknown, f"IDVAR is no variable of {domain}", file, "name the sequence variable")
    twice = supp.duplicated(["USUBJID", "IDVAR", "IDVARVAL", "QNAM"], keep=False)
    return problems + _record_problems(supp, twice, "qualifier stands twice", file, "keep one row")


def _key_values(parent: pd.DataFrame, supp: pd.DataFrame, idvar: str) -> pd.Series:
    """IDVARVAL as its parent variable holds it: 1 and 1.0 name the same record."""
    if pd.api.types.is_numeric_dtype(parent[idvar]):
        return pd.to_numeric(supp["IDVARVAL"], errors="coerce").astype("float64")
    return supp["IDVARVAL"]


def _wide(parent: pd.DataFrame, rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Qualifiers of one IDVAR, one column per QNAM, one row per record of the parent."""
    wide = rows.pivot(index=keys, columns="QNAM", values="QVAL").reset_index()
    wide.columns.name = None
    found = parent[keys].merge(wide, on=keys, how="left", validate="many_to_one")
    return found.drop(columns=keys).set_axis(parent.index)


def _values(parent: pd.DataFrame, supp: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[Problem]]:
    result = pd.DataFrame(index=parent.index)
    problems: list[Problem] = []
    for idvar in supp["IDVAR"].fillna("").unique():
        rows = supp[supp["IDVAR"].fillna("") == idvar]
        keys = ["USUBJID", idvar] if idvar else ["USUBJID"]
        if idvar:
            rows = rows.assign(**{idvar: _key_values(parent, rows, idvar)})
        known = pd.MultiIndex.from_frame(parent[keys])
        orphan = pd.Series(~pd.MultiIndex.from_frame(rows[keys]).isin(known), index=rows.index)
        problems += _record_problems(
            rows, orphan, "record the qualifier belongs to does not exist", file, "add it or remove the qualifier"
        )
        if not orphan.any():
            wide = _wide(parent, rows, keys)
            for name in wide.columns:
                result[name] = result[name].fillna(wide[name]) if name in result else wide[name]
    return result, problems


def _typed(values: pd.DataFrame, domain: str, file: str) -> pd.DataFrame:
    types = schema_types(domain)
    parse = {"number": parse_numbers, "date": parse_dates}
    columns = {
        name: parse[types[name]](values[name], file, is_quotable(domain, name))
        if types.get(name) in parse
        else values[name].astype("str")
        for name in values.columns
    }
    return pd.DataFrame(columns, index=values.index)


def merge_supp(parent: pd.DataFrame, supp: pd.DataFrame, domain: str, file: str) -> pd.DataFrame:
    """Give the parent one more variable per QNAM.

    A blank IDVAR joins by USUBJID. Values stay text unless the schema says number or date. A
    variable the schema expects and no row supplies is added, all missing.

    Raises
    ------
    ReportError
        A qualifier without a record, twice for one record, of another domain, or with a name that
        is no variable name or is taken. All at once.
    """
    lacking = [name for name in NEEDED if name not in supp.columns]
    if lacking:
        raise ReportError(
            f"lacks {', '.join(lacking)}", file=file, rule="supplemental qualifiers", remedy="deliver SUPP-- as SDTMIG 8.4"
        )
    problems = _row_problems(parent, supp, domain, file)
    if problems:
        raise ReportError.of(problems)
    values, problems = _values(parent, supp[supp["QVAL"].notna()], file)
    if problems:
        raise ReportError.of(problems)
    for name in supplemental_variables(domain):
        if name not in values and name not in parent:
            values[name] = pd.Series(
                float("nan") if schema_types(domain)[name] == "number" else None, index=parent.index, dtype="object"
            )
    typed = _typed(values, domain, file)
    result = pd.concat([parent, typed], axis="columns")
    given = supp.dropna(subset=["QLABEL"]).drop_duplicates("QNAM").set_index("QNAM")["QLABEL"]
    known = schema_labels(domain)
    labels = {name: str(given.get(name, known.get(name, name))) for name in typed.columns}
    result.attrs = {**parent.attrs, "labels": {**parent.attrs.get("labels", {}), **labels}}
    return result
