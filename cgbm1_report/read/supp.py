"""Supplemental qualifiers: SUPP-- rows become variables of their parent.

Source: SDTMIG 3.4, section 8.4, Relating non-standard variable values to a parent domain.
"""

from __future__ import annotations

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.schema import has_schema, is_quotable, read_schema, schema_labels, schema_types, supplemental_variables
from cgbm1_report.read.labels import Labels
from cgbm1_report.read.raw import NUMBER, VARIABLE_NAME, check_names, parse_dates, parse_numbers

NEEDED = ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL")
#: Problems of one kind that are named one by one.
NAMED = 20
#: Ends of the variables that number records.
NUMBERS_OF_RECORDS = ("SEQ", "SPID")
#: The key of a domain that has one record of each subject, as DM.
_SUBJECT = ["USUBJID"]


def _record_problems(supp: pd.DataFrame, wrong: pd.Series, message: str, file: str, remedy: str) -> list[Problem]:
    if not wrong.any():
        return []
    rows = supp[wrong]
    found = [
        Problem(message, file=file, place=f"{subject} {_named(idvar, value)} {qnam}", rule="supplemental qualifiers", remedy=remedy)
        for subject, idvar, value, qnam in rows[["USUBJID", "IDVAR", "IDVARVAL", "QNAM"]].head(NAMED).itertuples(index=False)
    ]
    if len(rows) > NAMED:
        said = f"{message}: {len(rows) - NAMED} more"
        found.append(Problem(said, file, "supplemental qualifiers", remedy=remedy, closed=message))
    return found


def _named(idvar: object, value: object) -> str:
    """The variable that names a record, with its value where it is a number of the record: a lot would tell treatment."""
    return f"{idvar}={value}" if str(idvar).endswith(NUMBERS_OF_RECORDS) else str(idvar)


def _check_texts(parent: pd.DataFrame, supp: pd.DataFrame, domain: str, file: str) -> None:
    """Refuse names and values that are numbers: as text nobody knows whether 1 was 1 or 1.0. IDVARVAL may be one."""
    wrong = [
        f"{name} is no text"
        for name in NEEDED
        if name != "IDVARVAL" and supp[name].notna().any() and not isinstance(supp[name].dtype, pd.StringDtype)
    ]
    if "USUBJID" not in parent:
        wrong.append(f"{domain} has no USUBJID")
    elif not isinstance(parent["USUBJID"].dtype, pd.StringDtype):
        wrong.append(f"USUBJID of {domain} is no text")
    if wrong:
        remedy = "deliver SUPP-- as SDTMIG 8.4"
        raise DataError.of(Problem(message, file=file, rule="supplemental qualifiers", remedy=remedy) for message in wrong)


def _row_problems(parent: pd.DataFrame, supp: pd.DataFrame, domain: str, file: str) -> list[Problem]:
    names_ok = supp["QNAM"].str.fullmatch(VARIABLE_NAME.pattern).fillna(False).astype(bool)
    problems = _record_problems(supp, ~names_ok, "QNAM is no variable name", file, "use a CDISC variable name")
    clash = supp["QNAM"].isin(list(parent.columns))
    problems += _record_problems(supp, clash, f"QNAM is a variable of {domain} already", file, "rename the qualifier")
    problems += _record_problems(supp, supp["RDOMAIN"] != domain, f"RDOMAIN is not {domain}", file, "move the row to its domain")
    unknown = supp["IDVAR"].notna() & ~supp["IDVAR"].isin(list(parent.columns))
    problems += _record_problems(supp, unknown, f"IDVAR is no variable of {domain}", file, "name the sequence variable")
    half = supp["IDVAR"].isna() != supp["IDVARVAL"].isna()
    return problems + _record_problems(supp, half, "IDVAR and IDVARVAL are not both there", file, "give both, or neither")


def _key_values(parent: pd.DataFrame, supp: pd.DataFrame, idvar: str) -> pd.Series:
    """IDVARVAL as its parent variable holds it: 1, 1.0, 01 and 1E0 name the same record where that is a number."""
    if pd.api.types.is_numeric_dtype(parent[idvar]):
        told = supp["IDVARVAL"].astype("str")
        number = told.str.fullmatch(NUMBER.pattern).fillna(False).astype(bool)
        return pd.to_numeric(told.where(number).str.strip(), errors="coerce").astype("float64")
    return supp["IDVARVAL"]


def _find_records(parent: pd.DataFrame, supp: pd.DataFrame, idvar: str) -> pd.DataFrame:
    """Each row of one IDVAR with the place of each record of the parent it belongs to; missing where there is none."""
    keys = ["USUBJID", idvar] if idvar else ["USUBJID"]
    rows = supp.assign(ROW=supp.index, **({idvar: _key_values(parent, supp, idvar)} if idvar else {}))
    # A record without its key is nobody's: missing never equals missing.
    known = parent[keys].assign(PLACE=range(len(parent))).dropna(subset=keys)
    return rows[["ROW", *keys]].merge(known, on=keys, how="left")[["ROW", "PLACE"]]


def _record_key(domain: str) -> list[str]:
    """The variables that tell the records of a domain apart; none of one that no schema describes."""
    return list(read_schema(domain).get("unique", ())) if has_schema(domain) else []


def find_twice(parent: pd.DataFrame, domain: str, file: str) -> list[Problem]:
    """Subjects that stand twice in a domain of one record a subject: what is wrong with their qualifiers follows from it."""
    if _record_key(domain) != _SUBJECT or "USUBJID" not in parent:
        return []
    subjects = parent.loc[parent["USUBJID"].duplicated(), "USUBJID"].dropna().drop_duplicates().astype("str").tolist()
    if not subjects:
        return []
    more = f" and {len(subjects) - NAMED} more" if len(subjects) > NAMED else ""
    place = f"{', '.join(subjects[:NAMED])}{more}"
    return [Problem("has more than one record of one USUBJID", file, "keys of records", place, "keep the right record")]


def _values(parent: pd.DataFrame, supp: pd.DataFrame, domain: str, file: str) -> tuple[pd.DataFrame, list[Problem]]:
    """One column per QNAM: a record has one value of a qualifier, by whatever IDVAR its rows name it."""
    idvars = supp["IDVAR"].fillna("")
    parts = [_find_records(parent, supp[idvars == idvar], idvar) for idvar in idvars.unique()]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"ROW": [], "PLACE": []})
    orphan = pd.Series(supp.index.isin(found.loc[found["PLACE"].isna(), "ROW"]), index=supp.index)
    remedy = (
        f"hold its USUBJID, IDVAR and IDVARVAL against {domain}: the record may have been left out, or its subject or number "
        "changed; correct that, or remove the qualifier"
    )
    message = f"record of {domain} that the qualifier belongs to does not exist"
    problems = _record_problems(supp, orphan, message, file, remedy)
    # Of a domain with one record a subject no record is named: that one has two is that domain's fault, which the gate finds.
    unnamed = supp["IDVAR"].isna() & (_record_key(domain) != _SUBJECT)
    several = pd.Series(supp.index.isin(found.loc[found["ROW"].duplicated(), "ROW"]), index=supp.index) & unnamed
    message = f"names no record, and its subject has several of {domain}"
    problems += _record_problems(supp, several, message, file, "name the record by IDVAR and IDVARVAL")
    found = found.dropna(subset=["PLACE"]).astype({"PLACE": "int64", "ROW": "int64"})
    found = found.join(supp[["QNAM", "QVAL"]], on="ROW")
    # Also where both say the same: nobody knows which of the two will be corrected.
    again = found.loc[found.duplicated(["PLACE", "QNAM"], keep=False), "ROW"]
    twice = pd.Series(supp.index.isin(again), index=supp.index) & ~several
    problems += _record_problems(supp, twice, "qualifier stands twice for one record", file, "keep one row")
    if problems:
        return pd.DataFrame(index=parent.index), problems
    wide = found.dropna(subset=["QVAL"]).pivot(index="PLACE", columns="QNAM", values="QVAL")
    return wide.reindex(range(len(parent))).set_axis(parent.index), problems


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
        A qualifier without a record, twice for one record by any IDVAR, without an IDVAR where its subject
        has several records, of another domain, or with a name that is no variable name or is taken. All
        at once.
    """
    lacking = [name for name in NEEDED if name not in supp.columns]
    if lacking:
        raise DataError(
            f"lacks {', '.join(lacking)}", file=file, rule="supplemental qualifiers", remedy="deliver SUPP-- as SDTMIG 8.4"
        )
    _check_texts(parent, supp, domain, file)
    supp = supp.reset_index(drop=True).astype(dict.fromkeys(NEEDED, "str"))
    problems = _row_problems(parent, supp, domain, file)
    if problems:
        raise DataError.of(problems)
    values, problems = _values(parent, supp, domain, file)
    if problems:
        raise DataError.of(problems)
    for name in supplemental_variables(domain):
        if name not in values and name not in parent:
            values[name] = pd.Series(
                float("nan") if schema_types(domain)[name] == "number" else None, index=parent.index, dtype="object"
            )
    check_names([*parent.columns, *values.columns], file)
    typed = _typed(values, domain, file)
    result = pd.concat([parent, typed], axis="columns")
    given = supp.dropna(subset=["QLABEL"]).drop_duplicates("QNAM").set_index("QNAM")["QLABEL"]
    known = schema_labels(domain)
    labels = {name: str(given.get(name, known.get(name, name))) for name in typed.columns}
    result.attrs = {**parent.attrs, "labels": Labels({**parent.attrs.get("labels", {}), **labels})}
    return result
