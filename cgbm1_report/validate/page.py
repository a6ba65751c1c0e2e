"""Findings as one self-contained page: counts, a filter, every finding."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from cgbm1_report.validate.findings import COLUMNS, SEVERITIES

#: Findings printed on the page; findings.csv has them all.
MOST_ROWS = 5000

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{border-bottom:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{border-bottom:2px solid #444;background:#fff}thead th{position:sticky;top:0}
.counts{display:flex;flex-wrap:wrap;gap:2rem}.counts table{width:auto}
td.n{text-align:right;font-variant-numeric:tabular-nums}
input{font:inherit;padding:.4rem .6rem;width:min(40rem,100%);border:1px solid #666;border-radius:4px}
tr[data-s=E] td:first-child{color:#a40000;font-weight:700}tr[data-s=W] td:first-child{color:#8a5a00;font-weight:700}
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
    text = "" if pd.isna(value) else str(value)
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _count_table(findings: pd.DataFrame, by: str, caption: str) -> str:
    counts = findings.groupby([by, "severity"]).size().unstack(fill_value=0).reindex(columns=list(SEVERITIES), fill_value=0)
    rows = "".join(
        f"<tr><th scope='row'>{_cell(name)}</th>" + "".join(f"<td class='n'>{count}</td>" for count in line) + "</tr>"
        for name, line in zip(counts.index, counts.to_numpy(), strict=True)
    )
    heads = "".join(f"<th scope='col'>{word}</th>" for word in SEVERITIES.values())
    return f"<table><caption>{caption}</caption><thead><tr><th scope='col'></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _finding_rows(findings: pd.DataFrame) -> str:
    return "".join(
        f"<tr data-s='{_cell(line[0])}'>" + "".join(f"<td>{_cell(value)}</td>" for value in line) + "</tr>"
        for line in findings[list(COLUMNS)].itertuples(index=False)
    )


def emit_findings_html(findings: pd.DataFrame, title: str = "Findings") -> str:
    """Make the page: counts by severity, rule and dataset, a text filter, the findings.

    One file without any link; every text from the data is escaped. At most 5,000 findings are
    printed, errors first; findings.csv holds all.
    """
    total = {word: int((findings["severity"] == code).sum()) for code, word in SEVERITIES.items()}
    gate = "The gate is closed: nothing is built." if total["Error"] else "The gate is open."
    counted = "".join(_count_table(findings, by, f"By {by}") for by in ("rule", "dataset")) if len(findings) else ""
    heads = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
    cut = findings.head(MOST_ROWS)
    note = f"<p>The first {MOST_ROWS} of {len(findings)} findings; findings.csv has all.</p>" if len(findings) > len(cut) else ""
    summary = ", ".join(f"{count} {word.lower()}" for word, count in total.items())
    return (
        f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{_cell(title)}</title><style>{_STYLE}</style></head><body><h1>{_cell(title)}</h1>"
        f"<p><strong>{gate}</strong> {summary}.</p><div class='counts'>{counted}</div><h2>All findings</h2>{note}"
        f"<p><label for='filter'>Filter (all words)</label><br><input id='filter' type='search'> "
        f"<span id='shown' role='status'>{len(cut)} of {len(cut)} shown</span></p>"
        f"<table id='findings'><thead><tr>{heads}</tr></thead><tbody>{_finding_rows(cut)}</tbody></table>"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
