"""Findings as text: for a terminal or a log, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any
from unicodedata import category

import pandas as pd

from cgbm1_report.validate.findings import (
    COLUMNS,
    SEVERITIES,
    count_severities,
    count_statuses,
    open_findings,
    place_of,
    summarise_findings,
)
from cgbm1_report.validate.texts import rule_title

#: Findings of each rule printed on a terminal unless all are asked for.
MOST_LINES = {"E": 20, "W": 3, "I": 0}
#: Remedies of a rule printed below its count.
MOST_REMEDIES = 3


def printed_columns(findings: pd.DataFrame) -> list[str]:
    """Variables to print: those of every finding, before them the status where there is one."""
    return ["status", *COLUMNS] if "status" in findings else list(COLUMNS)


def say_statuses(findings: pd.DataFrame) -> str:
    """``2 new, 1 standing, 0 closed``; empty where no earlier cut was asked about."""
    return ", ".join(f"{count} {status}" for status, count in count_statuses(findings).items())


def plain_text(text: object) -> str:
    """Text without control characters, so that data cannot steer a terminal or break a page or a workbook.

    Blanks of other scripts, such as U+3000 of Chinese, stay.
    """
    return "".join(
        character if character.isprintable() or category(character) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for character in str(text)
    )


# Full-width signs, of Chinese and Japanese keyboards, begin a formula in some spreadsheets too.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
_NEGATIVE = re.compile(r"-(\d+(\.\d+)?)?")


def spreadsheet_safe(cell: str) -> str:
    """Text a spreadsheet would take for a formula gets a leading apostrophe; a negative number stays one."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NEGATIVE.fullmatch(cell) else cell


def findings_to_json(findings: pd.DataFrame) -> str:
    """Findings as JSON: counts by severity (and status) and the list, missing values as null."""
    records = [{key: None if pd.isna(value) else value for key, value in row.items()} for row in findings.to_dict("records")]
    statuses = {"since": count_statuses(findings)} if "status" in findings else {}
    content = {"counts": count_severities(findings), **statuses, "findings": records}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def findings_to_csv(findings: pd.DataFrame) -> str:
    """Findings as CSV, safe to open in a spreadsheet and to print on a terminal."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = printed_columns(findings)
    writer.writerow(columns)
    for row in findings[columns].fillna("").itertuples(index=False):
        writer.writerow([spreadsheet_safe(plain_text(cell)) for cell in row])
    return stream.getvalue()


def _line(row: Mapping[Any, Any]) -> str:
    return plain_text(
        f"{row.get('status', '')} {row['severity']} {row['rule']} {row['dataset']} {place_of(row)}: {row['message']}".strip()
    )


def _shown(findings: pd.DataFrame, severity: str, most: int | None) -> pd.DataFrame:
    """Findings of one severity, at most ``most`` of each rule and status."""
    rows = findings[findings["severity"] == severity]
    kinds = ["status", "rule"] if "status" in rows else ["rule"]
    if most is None:
        return rows
    shown = rows.groupby(kinds, dropna=False).cumcount() < most
    # A line that says one is hidden takes as much room as the one itself.
    return rows if most and len(rows) - shown.sum() == 1 else rows[shown]


def _summary_lines(findings: pd.DataFrame) -> list[str]:
    counted = summarise_findings(findings)
    if counted.empty:
        return []
    remedies = _count_remedies(findings)
    lines = ["   rule  findings subjects  what is checked (datasets)"]
    for row in counted.itertuples(index=False):
        what = f"{rule_title(str(row.rule))} ({row.datasets})"
        lines.append(plain_text(f"{row.severity}  {row.rule:5} {row.findings:8} {row.subjects:8}  {what}"))
        lines += [f"{'':28}{told}" for told in remedies.get((str(row.severity), str(row.rule)), [])]
    return lines


def _count_remedies(findings: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """What mends the errors and warnings of each rule: what mends most of them first, and how many other remedies there are."""
    told = open_findings(findings).dropna(subset=["remedy"])
    told = told[told["severity"] != "I"]
    counted: dict[Any, pd.Series] = {kind: own.value_counts() for kind, own in told.groupby(["severity", "rule"])["remedy"]}
    return {
        kind: [
            *(plain_text(f"remedy: {remedy}") for remedy in own.index[:MOST_REMEDIES]),
            *([f"and {len(own) - MOST_REMEDIES} more, in what --out DIR writes"] if len(own) > MOST_REMEDIES else []),
        ]
        for kind, own in counted.items()
    }


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
