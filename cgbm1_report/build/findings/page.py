"""Findings as one self-contained page: counts, filters, findings grouped by rule."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from cgbm1_report.build.findings.words import plain_text, say_statuses
from cgbm1_report.render.html import hash_script
from cgbm1_report.validate.findings import SEVERITIES, STATUSES, count_severities, open_findings
from cgbm1_report.validate.texts import rule_text, rule_title

#: Findings printed on the page; findings.csv has them all.
MOST_ROWS = 5000
#: Groups of at most so many findings are open when the page is; errors always are.
OPEN_ROWS = 10
#: Variables printed of each finding in its group, and their headings; rule and remedy head the group.
PRINTED = {
    "status": "Status",
    "usubjid": "Subject",
    "visit": "Visit",
    "dataset": "Dataset",
    "key": "Record",
    "variable": "Variable",
    "value": "Value",
    "message": "What was found",
    "file": "File",
}

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem 2rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{border-bottom:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid #444;background:#fff;white-space:nowrap}
.counts{display:flex;flex-wrap:wrap;gap:2.5rem;align-items:start}.counts table{width:auto}
.counts tbody th{font-weight:400}.counts b{font-weight:700}
.n{text-align:right;font-variant-numeric:tabular-nums}.zero{color:#aaa}
.bar{position:sticky;top:0;background:#fff;padding:.5rem 0;border-bottom:1px solid #444;z-index:1;
display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
input,select,button{font:inherit;padding:.3rem .5rem;border:1px solid #666;border-radius:4px;background:#fff}
input{width:min(24rem,100%)}
details{border:1px solid #ccc;border-left-width:6px;border-radius:4px;margin:.5rem 0;padding:0 .6rem;overflow-x:auto}
details[data-s=E]{border-left-color:#a40000}details[data-s=W]{border-left-color:#c98a00}
details[data-s=I]{border-left-color:#5b7a9d}details[data-s=closed]{border-left-color:#999}
summary{cursor:pointer;padding:.45rem 0}summary b{font-size:1.02em}summary .of{color:#555}
.about{margin:.1rem 0 .5rem;color:#333}
.E{color:#a40000}.W{color:#7a5400}.I{color:#33567d}.closed{color:#666}
td.message{min-width:16rem;overflow-wrap:anywhere}td.value,td.key{overflow-wrap:anywhere;max-width:16rem}
td.usubjid,td.visit,td.file{white-space:nowrap}
@media print{.bar{display:none}details{break-inside:auto}}
"""

_SCRIPT = """
const $=id=>document.getElementById(id),groups=[...document.querySelectorAll('#findings details')],
boxes=['severity','rule','dataset','status'].map($).filter(Boolean),text=$('filter'),shown=$('shown'),
data=groups.map(g=>({g,mine:g.dataset,was:g.open,
rows:[...g.querySelectorAll('tbody tr')].map(r=>({r,t:(r.textContent+' '+g.dataset.rule).toLowerCase(),d:r.dataset}))}));
function apply(){const words=text.value.toLowerCase().split(/\\s+/).filter(Boolean),
set=boxes.filter(b=>b.value),asked=words.length+set.length;let n=0,all=0;
for(const x of data){let k=0;for(const y of x.rows){
const hit=words.every(w=>y.t.includes(w))&&set.every(b=>(b.id in x.mine?x.mine[b.id]:y.d[b.id])===b.value);
y.r.hidden=!hit;k+=hit;all++}n+=k;x.g.hidden=!k;x.g.open=asked?k>0&&k<200:x.was;
x.g.querySelector('.of').dataset.now=k}
shown.textContent=n+' of '+all+' shown'}
for(const e of [text,...boxes])e.addEventListener('input',apply);
$('reset').addEventListener('click',()=>{text.value='';boxes.forEach(b=>b.value='');apply()});
$('open').addEventListener('click',()=>groups.forEach(g=>g.open=true));
$('close').addEventListener('click',()=>groups.forEach(g=>g.open=false));
"""


def _cell(value: Any) -> str:
    """Text of a cell, escaped; characters a page cannot show are replaced."""
    return "" if pd.isna(value) else escape(plain_text(value))


def _count_table(findings: pd.DataFrame, by: str, caption: str) -> str:
    counts = findings.groupby([by, "severity"]).size().unstack(fill_value=0).reindex(columns=list(SEVERITIES), fill_value=0)
    names = {name: str(name) for name in counts.index}
    if by == "status":
        counts, names = counts.reindex(list(STATUSES), fill_value=0), dict(STATUSES)
    rows = "".join(
        f"<tr><th scope='row'><b>{_cell(names[name])}</b>{_cell(' ' + rule_title(names[name])) if by == 'rule' else ''}</th>"
        + "".join(f"<td class='n{'' if count else ' zero'}'>{count}</td>" for count in line)
        + "</tr>"
        for name, line in zip(counts.index, counts.to_numpy(), strict=True)
    )
    heads = "".join(f"<th scope='col'>{word}</th>" for word in SEVERITIES.values())
    head = f"<thead><tr><th scope='col'>{by.capitalize()}</th>{heads}</tr></thead>"
    return f"<table><caption>{caption}</caption>{head}<tbody>{rows}</tbody></table>"


def _group_rows(group: pd.DataFrame, columns: list[str]) -> str:
    lines = group[columns].itertuples(index=False, name=None)
    statuses = group["status"] if "status" in group else pd.Series("", index=group.index)
    return "".join(
        f"<tr data-dataset='{_cell(dataset)}' data-status='{_cell(status)}'>"
        + "".join(f"<td class='{column}'>{_cell(value)}</td>" for column, value in zip(columns, line, strict=True))
        + "</tr>"
        for dataset, status, line in zip(group["dataset"], statuses, lines, strict=True)
    )


def _group(group: pd.DataFrame) -> str:
    """Findings of one check: what it asks and what to do once, then the findings."""
    first = group.iloc[0]
    severity, rule = str(first["severity"]), _cell(first["rule"])
    closed = "status" in group and bool((group["status"] == "closed").all())
    columns = [name for name in PRINTED if name in group and (name == "message" or group[name].notna().any())]
    heads = "".join(f"<th scope='col'>{PRINTED[name]}</th>" for name in columns)
    datasets = ", ".join(sorted(group["dataset"].dropna().unique()))
    subjects = group["usubjid"].nunique()
    told = f"{len(group)} finding{'s' if len(group) > 1 else ''}" + (
        f", {subjects} subject{'s' * (subjects > 1)}" if subjects else ""
    )
    mark = "closed" if closed else severity
    text = _cell(rule_text(str(first["rule"])))
    return (
        f"<details data-s='{_cell(mark)}' data-severity='{_cell(severity)}' data-rule='{rule}'"
        f"{' open' if (severity == 'E' or len(group) <= OPEN_ROWS) and not closed else ''}>"
        f"<summary><span class='{_cell(mark)}'>{'Closed' if closed else SEVERITIES.get(severity, '')}</span> <b>{rule} "
        f"{_cell(rule_title(str(first['rule'])))}</b> <span class='of'>{_cell(datasets)}: {told}</span></summary>"
        f"<p class='about'>{text[:1].upper() + text[1:]}{'. ' if text else ''}<b>What to do:</b> {_cell(first['remedy'])}.</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{_group_rows(group, columns)}</tbody></table></details>"
    )


def _groups(findings: pd.DataFrame) -> str:
    """The findings in their order, grouped by status closed or not, severity, rule and remedy."""
    closed = findings["status"] == "closed" if "status" in findings else pd.Series(False, index=findings.index)
    order = findings["severity"].map({severity: rank for rank, severity in enumerate(SEVERITIES)})
    kinds = findings.assign(_closed=closed, _order=order.fillna(len(SEVERITIES)), _remedy=findings["remedy"].fillna(""))
    groups = kinds.groupby(["_closed", "_order", "rule", "_remedy"], sort=True, dropna=False)
    return "".join(_group(group) for _, group in groups)


def _select(name: str, label: str, options: dict[str, str]) -> str:
    items = "".join(f"<option value='{_cell(value)}'>{_cell(text)}</option>" for value, text in options.items())
    return f"<select id='{name}' aria-label='{label}'><option value=''>{label}: all</option>{items}</select>"


def _filters(findings: pd.DataFrame) -> str:
    rules = sorted(findings["rule"].dropna().unique())
    status = _select("status", "Status", dict(STATUSES)) if "status" in findings else ""
    return (
        "<div class='bar'><input id='filter' type='search' aria-label='Filter (all words)' placeholder='Subject, visit, words'>"
        + _select("severity", "Severity", dict(SEVERITIES))
        + _select("rule", "Rule", {rule: f"{rule} {rule_title(rule)}" for rule in rules})
        + _select("dataset", "Dataset", {name: name for name in sorted(findings["dataset"].dropna().unique())})
        + status
        + "<button id='reset'>Reset</button><button id='open'>Open all</button><button id='close'>Close all</button>"
        + f"<span id='shown' role='status'>{len(findings)} of {len(findings)} shown</span></div>"
    )


def emit_findings_html(findings: pd.DataFrame, title: str = "Findings") -> str:
    """Make the page: counts by rule and dataset (and status), filters, the findings grouped by rule.

    Errors come first and are open; long groups of warnings open with a click. One file without any
    link; every text from the data is escaped. At most 5,000 findings are printed, errors first (after
    an earlier cut: new ones first); findings.csv holds all.
    """
    total = count_severities(findings)
    gate = "The gate is closed: nothing is built." if total["E"] else "The gate is open."
    counted = "".join(_count_table(open_findings(findings), by, f"By {by}") for by in ("rule", "dataset")) if len(findings) else ""
    since = ""
    if "status" in findings:
        counted = _count_table(findings, "status", "Since the earlier cut") + counted
        since = f" Since the earlier cut: {say_statuses(findings)}."
    cut = findings.head(MOST_ROWS)
    note = f"<p>The first {MOST_ROWS} of {len(findings)} findings; findings.csv has all.</p>" if len(findings) > len(cut) else ""
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src '{hash_script(_SCRIPT)}'; base-uri 'none'; form-action 'none'"
    )
    summary = ", ".join(f"{count} {SEVERITIES[code].lower()}" for code, count in total.items())
    return (
        f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{policy}\">"
        f"<title>{_cell(title)}</title><style>{_STYLE}</style></head><body><main><h1>{_cell(title)}</h1>"
        f"<p><strong class='{'E' if total['E'] else 'I'}'>{gate}</strong> {summary}.{since}</p>"
        f"<details open><summary><b>Counts</b></summary><div class='counts'>{counted}</div></details>"
        f"<h2>Findings by rule</h2>{_filters(cut)}{note}<div id='findings'>{_groups(cut)}</div>"
        f"</main><script>{_SCRIPT}</script></body></html>\n"
    )
