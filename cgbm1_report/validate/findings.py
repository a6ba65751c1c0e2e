"""Findings: what the gate found, one row each, and how they are handed on.

Findings that `validate.since.compare_findings` held against an earlier cut have one more variable,
``status``; every form prints it where it is there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal
from unicodedata import category

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.schema import has_schema, read_schema, seen_blind
from cgbm1_report.validate.texts import rule_title

COLUMNS = ("severity", "rule", "dataset", "usubjid", "visit", "key", "variable", "value", "message", "remedy", "file")
SEVERITIES = {"E": "Error", "W": "Warning", "I": "Information"}
#: What became of a finding since an earlier cut, in the order they are worked on.
STATUSES = {"new": "New", "standing": "Standing", "closed": "Closed"}

#: Errors an exception names one by one.
NAMED_ERRORS = 20

#: Findings of each rule printed on a terminal unless all are asked for.
MOST_LINES = {"E": 20, "W": 3, "I": 0}

Reach = Literal["values", "variables", "all"]

#: What a finding says that is withheld.
WITHHELD = {
    "value": "withheld",
    "message": "about treatment: subjects and values are withheld while the phase is blind",
    "remedy": "ask the unblinded statistician",
}


def empty_findings() -> pd.DataFrame:
    """No findings, every column of its kind."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in COLUMNS})


def printed_columns(findings: pd.DataFrame) -> list[str]:
    """Variables to print: those of every finding, before them the status where there is one."""
    return ["status", *COLUMNS] if "status" in findings else list(COLUMNS)


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


def say_statuses(findings: pd.DataFrame) -> str:
    """``2 new, 1 standing, 0 closed``; empty where no earlier cut was asked about."""
    return ", ".join(f"{count} {status}" for status, count in count_statuses(findings).items())


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


def _place(row: Mapping[Any, Any]) -> str:
    """Subject, key and variable of a finding."""
    return " ".join(str(row[part]) for part in ("usubjid", "key", "variable") if row[part])


def raise_on_errors(findings: pd.DataFrame) -> None:
    """Close the gate: stop if there is one finding of severity E.

    Raises
    ------
    ReportError
        Names the number of errors and the first 20 of them.
    """
    now = open_findings(findings)
    errors = now[now["severity"] == "E"].fillna("")
    if errors.empty:
        return
    head = Problem(
        f"{len(errors)} error{'s' if len(errors) > 1 else ''} in the data; nothing is built",
        rule="severity E closes the gate",
        remedy="correct the data; `cgbm1-report validate CUT --out DIR` lists every finding",
    )
    rows = errors.head(NAMED_ERRORS).to_dict("records")
    named = [Problem(row["message"], row["dataset"], row["rule"], _place(row), row["remedy"]) for row in rows]
    rest = [Problem(f"{len(errors) - NAMED_ERRORS} more errors")] if len(errors) > NAMED_ERRORS else []
    raise DataError.of([head, *named, *rest])


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


def findings_to_json(findings: pd.DataFrame) -> str:
    """Findings as JSON: counts by severity (and status) and the list, missing values as null."""
    records = [{key: None if pd.isna(value) else value for key, value in row.items()} for row in findings.to_dict("records")]
    statuses = {"since": count_statuses(findings)} if "status" in findings else {}
    content = {"counts": count_severities(findings), **statuses, "findings": records}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


# Full-width signs, of Chinese and Japanese keyboards, begin a formula in some spreadsheets too.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
_NEGATIVE = re.compile(r"-(\d+(\.\d+)?)?")


def spreadsheet_safe(cell: str) -> str:
    """Text a spreadsheet would take for a formula gets a leading apostrophe; a negative number stays one."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NEGATIVE.fullmatch(cell) else cell


def findings_to_csv(findings: pd.DataFrame) -> str:
    """Findings as CSV, safe to open in a spreadsheet and to print on a terminal."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = printed_columns(findings)
    writer.writerow(columns)
    for row in findings[columns].fillna("").itertuples(index=False):
        writer.writerow([spreadsheet_safe(plain_text(cell)) for cell in row])
    return stream.getvalue()


def plain_text(text: object) -> str:
    """Text without control characters, so that data cannot steer a terminal or break a page or a workbook.

    Blanks of other scripts, such as U+3000 of Chinese, stay.
    """
    return "".join(
        character if character.isprintable() or category(character) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for character in str(text)
    )


def _line(row: Mapping[Any, Any]) -> str:
    return plain_text(
        f"{row.get('status', '')} {row['severity']} {row['rule']} {row['dataset']} {_place(row)}: {row['message']}".strip()
    )


def _shown(findings: pd.DataFrame, severity: str, most: int | None) -> pd.DataFrame:
    """Findings of one severity, at most ``most`` of each rule and status."""
    rows = findings[findings["severity"] == severity]
    kinds = ["status", "rule"] if "status" in rows else ["rule"]
    return rows if most is None else rows[rows.groupby(kinds, dropna=False).cumcount() < most]


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


def _summary_lines(findings: pd.DataFrame) -> list[str]:
    counted = summarise_findings(findings)
    if counted.empty:
        return []
    lines = [
        plain_text(f"{row.severity}  {row.rule:5} {row.findings:8} {row.subjects:8}  {rule_title(str(row.rule))} ({row.datasets})")
        for row in counted.itertuples(index=False)
    ]
    return ["   rule  findings subjects  what is checked (datasets)", *lines]


def findings_to_text(findings: pd.DataFrame, every: bool = False) -> str:
    """Findings for a terminal or a log: errors, warnings, then a line per rule, then the counts.

    Of each rule at most 20 errors and 3 warnings are printed, and no information; ``every`` prints all.
    What matters most stands last, where a terminal shows it.
    """
    lines: list[str] = []
    hidden = 0
    for severity, most in MOST_LINES.items():
        shown = _shown(findings, severity, None if every else most)
        rest = int((findings["severity"] == severity).sum()) - len(shown)
        if len(shown):
            more = [f"… {rest} more of severity {severity}"] if rest else []
            lines += [f"{SEVERITIES[severity]}:", *map(_line, shown.fillna("").to_dict("records")), *more, ""]
        hidden += rest
    counts = ", ".join(f"{count} {SEVERITIES[code].lower()}" for code, count in count_severities(findings).items())
    since = [f"since the earlier cut: {say_statuses(findings)}"] if "status" in findings else []
    told = [f"{hidden} not printed: --all prints every finding, --out DIR writes them to files"] if hidden else []
    return "\n".join([*lines, *_summary_lines(findings), *told, f"findings: {counts}", *since])


#: Files of findings, and the listing by which `validate --out` knows its own again.
FILES = ("findings.html", "findings.csv", "findings.json", "findings.xlsx")
LISTING = "findings.sha256"


def findings_files(findings: pd.DataFrame) -> dict[str, bytes]:
    """The findings as ``findings.html``, ``findings.csv``, ``findings.json`` and ``findings.xlsx``: contents by name."""
    from cgbm1_report.validate.page import emit_findings_html
    from cgbm1_report.validate.workbook import emit_findings_xlsx

    return {
        "findings.html": emit_findings_html(findings).encode("utf-8"),
        "findings.csv": findings_to_csv(findings).encode("utf-8"),
        "findings.json": findings_to_json(findings).encode("utf-8"),
        "findings.xlsx": emit_findings_xlsx(findings),
    }


def write_findings(findings: pd.DataFrame, folder: Path) -> None:
    """Write the files of `findings_files` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in findings_files(findings).items():
        (folder / name).write_bytes(content)
