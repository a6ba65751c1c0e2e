"""What the gate found, as files and as words: a page, a workbook, CSV, JSON, and lines for a terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cgbm1_report.build.findings.words import findings_to_csv, findings_to_json, findings_to_text

__all__ = ["FILES", "LISTING", "findings_files", "findings_to_csv", "findings_to_json", "findings_to_text", "write_findings"]

#: Files of findings, and the listing by which `validate --out` knows its own again.
FILES = ("findings.html", "findings.csv", "findings.json", "findings.xlsx")
LISTING = "findings.sha256"


def findings_files(findings: pd.DataFrame) -> dict[str, bytes]:
    """The findings as ``findings.html``, ``findings.csv``, ``findings.json`` and ``findings.xlsx``: contents by name."""
    from cgbm1_report.build.findings.page import emit_findings_html
    from cgbm1_report.build.findings.workbook import emit_findings_xlsx

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
