"""Findings: what the gate found, one row each. How they are printed is no business of the gate (`build.findings`).

Findings that `validate.since.compare_findings` held against an earlier cut have one more variable,
``status``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from cgbm1_report.errors import GATE, DataError, Problem, name_protocol
from cgbm1_report.protocol.schema import has_schema, read_schema, seen_blind

COLUMNS = ("severity", "rule", "dataset", "usubjid", "visit", "key", "variable", "value", "message", "remedy", "file")
SEVERITIES = {"E": "Error", "W": "Warning", "I": "Information"}
#: What became of a finding since an earlier cut, in the order they are worked on.
STATUSES = {"new": "New", "standing": "Standing", "closed": "Closed"}

#: Errors an exception names one by one.
NAMED_ERRORS = 20

#: What is counted of findings, by rule and severity.
COUNTED = ("RULE", "SEVERITY", "DATASETS", "COUNT")

Reach = Literal["values", "variables", "all"]

#: What a finding says that is withheld.
WITHHELD = {
    "value": "withheld",
    "message": "about treatment: subjects and values are withheld while the phase is blind",
    "remedy": "ask the unblinded statistician",
}


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """How many findings each rule had, by severity, the gravest first, and in which datasets; names no subject."""
    if not len(findings):
        return pd.DataFrame({name: pd.Series(dtype="float64" if name == "COUNT" else "str") for name in COUNTED})
    counted = findings.assign(_ORDER=findings["severity"].map({code: at for at, code in enumerate(SEVERITIES)}))
    groups = counted.groupby(["_ORDER", "severity", "rule"])["dataset"]
    told = pd.DataFrame({"DATASETS": groups.agg(lambda names: ", ".join(sorted(names.dropna().unique()))), "COUNT": groups.size()})
    told = told.reset_index().rename(columns={"rule": "RULE"})
    told = told.assign(SEVERITY=told["severity"].map(SEVERITIES))
    return told[list(COUNTED)].astype({"RULE": "str", "SEVERITY": "str", "DATASETS": "str", "COUNT": "float64"})


def empty_findings() -> pd.DataFrame:
    """No findings, every column of its kind."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in COLUMNS})


def open_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Leave out what an earlier cut had and this one has no more."""
    return findings[findings["status"] != "closed"] if "status" in findings else findings


def count_severities(findings: pd.DataFrame) -> dict[str, int]:
    """Number of open findings of each severity."""
    here = open_findings(findings)["severity"]
    return {severity: int((here == severity).sum()) for severity in SEVERITIES}


def count_statuses(findings: pd.DataFrame) -> dict[str, int]:
    """Number of new, standing and closed findings; empty where no earlier cut was asked about."""
    if "status" not in findings:
        return {}
    return {status: int((findings["status"] == status).sum()) for status in STATUSES}


def collect_findings(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All findings in one order: severity, rule, dataset, subject, key, variable."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_findings()
    findings = pd.concat(filled, ignore_index=True).reindex(columns=list(COLUMNS)).astype("str")
    order = findings["severity"].map({severity: rank for rank, severity in enumerate(SEVERITIES)})
    by = ["_order", "rule", "dataset", "usubjid", "key", "variable", "message"]
    return findings.assign(_order=order).sort_values(by, kind="stable", ignore_index=True).drop(columns="_order")


def name_files(findings: pd.DataFrame, files: Iterable[str]) -> pd.DataFrame:
    """Findings with the file each one is in; a SUPP-- variable is in the SUPP-- file, a split domain in several."""
    stems = {Path(file).name.split(".")[0].upper(): file for file in files}
    places = findings[["dataset", "variable"]].drop_duplicates()
    told = {}
    for dataset, variable in places.itertuples(index=False):
        columns = read_schema(dataset)["columns"] if isinstance(dataset, str) and has_schema(dataset) else {}
        origin = str(columns.get(variable, {}).get("description", ""))
        told[dataset, variable] = stems.get(origin, stems.get(dataset)) or _name_parts(stems, dataset)
    file = [told[place] for place in findings[["dataset", "variable"]].itertuples(index=False, name=None)]
    return findings.assign(file=pd.Series(file, index=findings.index, dtype="str"))


def _name_parts(stems: Mapping[str, str], dataset: object) -> str | None:
    """The files of a domain that is delivered in parts: LBCH, LBHM."""
    parts = [file for stem, file in stems.items() if stem[:2] == dataset and len(stem) in (3, 4)]
    return ", ".join(parts) or None


def name_protocol_in(findings: pd.DataFrame, protocol: Path | None) -> pd.DataFrame:
    """Findings that name the protocol file as it is called in this run; see `name_protocol`."""
    texts = {
        name: findings[name].map(lambda text: name_protocol(text, protocol), na_action="ignore") for name in ("message", "remedy")
    }
    return findings if protocol is None else findings.assign(**texts)


def place_of(row: Mapping[Any, Any]) -> str:
    """Subject, key and variable of a finding."""
    return " ".join(str(row[part]) for part in ("usubjid", "key", "variable") if row[part])


def has_errors(findings: pd.DataFrame) -> bool:
    """Whether an open finding closes the gate."""
    return bool((open_findings(findings)["severity"] == "E").any())


def raise_on_errors(findings: pd.DataFrame, folder: Path | None = None, protocol: Path | None = None) -> None:
    """Close the gate: stop if there is one finding of severity E.

    Parameters
    ----------
    folder
        Of the cut, in which the files of findings lie: each is named as whoever reads a job's log finds it. Without it, and of
        data that are derived, the dataset is named.
    protocol
        The protocol file that was asked for: the command that lists all findings names it. None of the package's own.

    Raises
    ------
    ReportError
        Names the number of errors and the first 20 of them.
    """
    now = open_findings(findings)
    errors = now[now["severity"] == "E"].fillna("")
    if errors.empty:
        return
    command = _name_command(folder, protocol)
    head = Problem(
        f"{len(errors)} error{'s' if len(errors) > 1 else ''} in the data; nothing is built",
        rule=GATE,
        remedy=f"correct the data; `{command}` lists every finding",
    )
    rows = errors.head(NAMED_ERRORS).to_dict("records")
    named = [_name_finding(row, folder) for row in rows]
    told = f"{NAMED_ERRORS} of {len(errors)} errors are named here, {len(errors) - NAMED_ERRORS} more are not"
    where = f"the rest is in findings.csv and findings.json that `{command}` writes into DIR"
    rest = [Problem(told, rule=GATE, remedy=where)] if len(errors) > NAMED_ERRORS else []
    error = DataError.of([head, *named, *rest])
    error.findings = count_severities(findings)
    raise error


def _name_command(folder: Path | None, protocol: Path | None) -> str:
    """The command that lists the same findings: by another protocol it would list others."""
    cut = "CUT" if folder is None else shlex.quote(str(folder.absolute()))
    by = "" if protocol is None else f" --trial {shlex.quote(str(protocol.absolute()))}"
    return f"cgbm1-report validate {cut}{by} --out DIR"


def _name_finding(row: Mapping[Any, Any], folder: Path | None) -> Problem:
    dataset, place, files = str(row["dataset"]), place_of(row), str(row.get("file") or "")
    if folder is not None and files:
        # A file may hold a part of a domain, and its name be the site's own: the dataset is told beside it.
        place = f"{dataset} {place}".strip()
        dataset = ", ".join(str(folder.absolute() / name) for name in files.split(", "))
    return Problem(row["message"], dataset, row["rule"], place, row["remedy"])


def withhold_findings(findings: pd.DataFrame, open_subjects: Iterable[str], reach: Reach = "values") -> pd.DataFrame:
    """Findings that name no subject of a blind phase beside anything that may tell treatment.

    What may be seen of a blind phase stands in schemas/ (`seen_blind`). Findings that may not be told
    become one per severity, rule, dataset and variable, without subject, key, value and number: one
    arm alone can have an error.

    Parameters
    ----------
    findings
        As of `validate_sdtm`.
    open_subjects
        Those whose treatment may be seen.
    reach
        Of findings about other subjects or about none: ``values`` withholds those that show a value
        of a variable that may not be seen, ``variables`` all that are about a record's such
        variable, ``all`` every one.
    """
    shown = findings["usubjid"].isin(list(open_subjects))
    places = pd.MultiIndex.from_frame(findings[["dataset", "variable"]])
    seen = {place: isinstance(place[0], str) and place[1] in seen_blind(place[0]) for place in places.unique()}
    secret = ~pd.Series([seen[place] for place in places], index=findings.index, dtype=bool)
    told = findings["value"].notna() | (findings["usubjid"].notna() & (reach == "variables"))
    hidden = ~shown & (secret & told | (reach == "all"))
    if not hidden.any():
        return findings
    kinds = findings.loc[hidden, ["severity", "rule", "dataset", "variable", *(["file"] if "file" in findings else [])]]
    return collect_findings([findings[~hidden], kinds.drop_duplicates().assign(**WITHHELD)])


def summarise_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Open findings counted: one row per severity and rule, with the datasets and the number of subjects."""
    groups = open_findings(findings).groupby(["severity", "rule"], sort=False)
    counted = groups.agg(
        findings=("rule", "size"),
        subjects=("usubjid", "nunique"),
        datasets=("dataset", lambda names: " ".join(sorted(names.dropna().unique()))),
    ).reset_index()
    order = counted["severity"].map({severity: rank for rank, severity in enumerate(SEVERITIES)})
    result: pd.DataFrame = counted.assign(_order=order).sort_values(["_order", "rule"]).drop(columns="_order")
    return result.reset_index(drop=True)
