"""Findings as one self-contained page: counts, a filter, every finding."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from cgbm1_report.validate.findings import (
    SEVERITIES,
    STATUSES,
    count_severities,
    open_findings,
    plain_text,
    printed_columns,
    say_statuses,
)

#: Findings printed on the page; findings.csv has them all.
MOST_ROWS = 5000

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{border-bottom:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{border-bottom:2px solid #444;background:#fff}thead th{position:sticky;top:0}
.counts{display:flex;flex-wrap:wrap;gap:2rem;align-items:start}.counts table{width:auto}
td.n{text-align:right;font-variant-numeric:tabular-nums}
input{font:inherit;padding:.4rem .6rem;width:min(40rem,100%);border:1px solid #666;border-radius:4px}
td.severity,td.status{font-weight:700}tr[data-s=E] .severity{color:#a40000}tr[data-s=W] .severity{color:#8a5a00}
tr[data-s=closed] td{color:#666;font-weight:400}
.status,.severity,.rule,.dataset,.usubjid,.key,.variable{overflow-wrap:break-word;max-width:14rem}
.usubjid{min-width:11rem}thead th{overflow-wrap:normal}tbody th{border-bottom:1px solid #ccc}
"""

_SCRIPT = """
const box=document.getElementById('filter'),rows=[...document.querySelectorAll('#findings tbody tr')],
shown=document.getElementById('shown');
box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let n=0;
for(const row of rows){const text=row.textContent.toLowerCase(),hit=words.every(w=>text.includes(w));row.hidden=!hit;n+=hit}
shown.textContent=n+' of '+rows.length+' shown'});
"""


def _cell(value: Any) -> str:
    """Text of a cell, escaped; characters a page cannot show are replaced."""
    return "" if pd.isna(value) else escape(plain_text(value))


def _count_table(findings: pd.DataFrame, by: str, caption: str) -> str:
    counts = findings.groupby([by, "severity"]).size().unstack(fill_value=0).reindex(columns=list(SEVERITIES), fill_value=0)
    if by == "status":
        counts = counts.reindex(list(STATUSES), fill_value=0).rename(index=STATUSES)
    rows = "".join(
        f"<tr><th scope='row'>{_cell(name)}</th>" + "".join(f"<td class='n'>{count}</td>" for count in line) + "</tr>"
        for name, line in zip(counts.index, counts.to_numpy(), strict=True)
    )
    heads = "".join(f"<th scope='col'>{word}</th>" for word in SEVERITIES.values())
    return f"<table><caption>{caption}</caption><thead><tr><th scope='col'></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _finding_rows(findings: pd.DataFrame) -> str:
    columns = printed_columns(findings)
    marks = findings["severity"].where(findings.index.isin(open_findings(findings).index), "closed")
    cells = (
        "".join(f"<td class='{column}'>{_cell(value)}</td>" for column, value in zip(columns, line, strict=True))
        for line in findings[columns].itertuples(index=False)
    )
    return "".join(f"<tr data-s='{_cell(mark)}'>{line}</tr>" for mark, line in zip(marks, cells, strict=True))


def emit_findings_html(findings: pd.DataFrame, title: str = "Findings") -> str:
    """Make the page: counts by severity, rule and dataset (and status), a text filter, the findings.

    One file without any link; every text from the data is escaped. At most 5,000 findings are
    printed, errors first (after an earlier cut: new ones first); findings.csv holds all.
    """
    total = count_severities(findings)
    gate = "The gate is closed: nothing is built." if total["E"] else "The gate is open."
    counted = "".join(_count_table(open_findings(findings), by, f"By {by}") for by in ("rule", "dataset")) if len(findings) else ""
    since = ""
    if "status" in findings:
        counted = _count_table(findings, "status", "Since the earlier cut") + counted
        since = f" Since the earlier cut: {say_statuses(findings)}."
    heads = "".join(f"<th scope='col'>{column}</th>" for column in printed_columns(findings))
    cut = findings.head(MOST_ROWS)
    note = f"<p>The first {MOST_ROWS} of {len(findings)} findings; findings.csv has all.</p>" if len(findings) > len(cut) else ""
    summary = ", ".join(f"{count} {SEVERITIES[code].lower()}" for code, count in total.items())
    return (
        f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{_cell(title)}</title><style>{_STYLE}</style></head><body><h1>{_cell(title)}</h1>"
        f"<p><strong>{gate}</strong> {summary}.{since}</p><div class='counts'>{counted}</div><h2>All findings</h2>{note}"
        f"<p><label for='filter'>Filter (all words)</label><br><input id='filter' type='search'> "
        f"<span id='shown' role='status'>{len(cut)} of {len(cut)} shown</span></p>"
        f"<table id='findings'><thead><tr>{heads}</tr></thead><tbody>{_finding_rows(cut)}</tbody></table>"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
