"""define.html: the data definition as one self-contained page for a reader."""

from __future__ import annotations

from html import escape

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.describe import UNDATED, CodeList, Dataset, Variable

_STANDARDS = {"sdtm": "Tabulation datasets (SDTM)", "adam": "Analysis datasets (ADaM)"}
#: Values of a codelist printed beside a variable; the codelist itself has all.
_MOST_VALUES = 6

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#fff;display:grid;grid-template-columns:13rem 1fr}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:1.5rem 1rem;box-sizing:border-box;
background:#f4f5f7;min-height:100vh}nav h2{font-size:.85rem;margin:1rem 0 .3rem}nav ul{list-style:none;margin:0;padding:0}
nav a{text-decoration:none;color:#123e7c;display:block;padding:.1rem 0}nav a:hover,nav a:focus{text-decoration:underline}
main{padding:1.5rem 2rem;min-width:0}h1{font-size:1.4rem;margin-top:0}h2{font-size:1.15rem;margin-top:2.5rem}
h3{font-size:1rem;margin:2rem 0 .2rem;scroll-margin-top:.5rem}.about{color:#444;margin:.1rem 0 .5rem}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;
vertical-align:top;overflow-wrap:anywhere}thead th{border-bottom:2px solid #444}td:first-child,tbody th{font-weight:600;
overflow-wrap:normal;white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums}
.vars{table-layout:fixed}.vars col:nth-child(1){width:8.5rem}.vars col:nth-child(3){width:8rem}.vars col:nth-child(4){width:5rem}
.vars col:nth-child(5){width:20%}.vars col:nth-child(6){width:34%}
input{font:inherit;padding:.4rem .6rem;width:min(34rem,100%);border:1px solid #666;border-radius:4px;box-sizing:border-box}
.key{color:#8a5a00;font-weight:400;font-size:12px}
@media(max-width:50rem){body{display:block}nav{position:static;min-height:0;max-height:none}}
@media print{body{display:block;font-size:9pt}nav,.filter{display:none}main{padding:0}table{font-size:8pt}
thead{display:table-header-group}tr{break-inside:avoid}h3{break-after:avoid}a{color:inherit;text-decoration:none}
@page{size:A4 landscape;margin:15mm}}
"""

_SCRIPT = """
const box=document.getElementById('filter'),shown=document.getElementById('shown'),
parts=[...document.querySelectorAll('section[id]')],
rows=[...document.querySelectorAll('.vars tbody tr')];
box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let n=0;
for(const row of rows){const text=(row.dataset.d+' '+row.textContent).toLowerCase(),hit=words.every(w=>text.includes(w));
row.hidden=!hit;n+=hit}for(const part of parts)part.hidden=words.length>0&&!part.querySelector('.vars tbody tr:not([hidden])');
shown.textContent=n+' of '+rows.length+' variables'});
"""


def _text(value: object) -> str:
    """Text, escaped; characters a page cannot show are replaced."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)))


def _link(target: str, text: str) -> str:
    return f"<a href='#{_text(target)}'>{_text(text)}</a>"


def _codelist_cell(codelist: CodeList | None) -> str:
    if codelist is None:
        return ""
    if codelist.external:
        return _link(codelist.oid, " ".join(codelist.external))
    values = ", ".join(value for value, _ in codelist.items[:_MOST_VALUES])
    more = f", … ({number_of(len(codelist.items), 'value')})" if len(codelist.items) > _MOST_VALUES else ""
    return _link(codelist.oid, values + more)


def _origin_cell(dataset: Dataset, variable: Variable) -> str:
    origin = "" if variable.origin == "Not Available" else _text(variable.origin)
    parts = [f"{origin}: {_text(variable.source)}" if variable.source else origin, _text(variable.comment)]
    if variable.method:
        parts.append(_text(variable.method.text))
    if variable.values:
        parts.append(_link(f"{dataset.name}.{variable.name}", f"by parameter ({len(variable.values)})"))
    return "<br>".join(part for part in parts if part)


def _variable_row(dataset: Dataset, variable: Variable) -> str:
    key = f" <span class='key'>key {variable.key}</span>" if variable.key else ""
    cells = (
        _text(variable.name) + key,
        _text(variable.label),
        _text(f"{variable.kind} {variable.display}".strip()),
        _text(variable.length or ""),
        _codelist_cell(variable.codelist),
        _origin_cell(dataset, variable),
    )
    told = "".join(f"<td{' class=n' if position == 3 else ''}>{cell}</td>" for position, cell in enumerate(cells))
    return f"<tr data-d='{_text(dataset.name)}'>{told}</tr>"


def _value_table(dataset: Dataset, variable: Variable) -> str:
    """Parameters of an analysis dataset with how each value is made."""
    if not variable.values:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{_text(one.paramcd)}</th><td>{_text(one.label)}</td><td class='n'>{one.digits}</td>"
        f"<td>{_text(one.derivation)}</td></tr>"
        for one in variable.values
    )
    heads = "".join(f"<th scope='col'>{head}</th>" for head in ("PARAMCD", "Parameter", "Decimals", "Derivation"))
    head = f"<h4 id='{_text(dataset.name)}.{_text(variable.name)}'>{_text(variable.name)} by parameter</h4>"
    return f"{head}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _dataset_part(dataset: Dataset) -> str:
    heads = "".join(
        f"<th scope='col'>{head}</th>" for head in ("Variable", "Label", "Type", "Length", "Codelist", "Origin and derivation")
    )
    rows = "".join(_variable_row(dataset, variable) for variable in dataset.variables)
    about = [dataset.structure, f"Keys: {', '.join(dataset.keys)}", dataset.structural_class.capitalize(), dataset.file]
    return (
        f"<section id='{_text(dataset.name)}'><h3>{_text(dataset.name)}: {_text(dataset.label)}</h3>"
        f"<p class='about'>{_text('. '.join(part for part in about if part))}</p>"
        f"<table class='vars'><colgroup>{'<col>' * 6}</colgroup><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        + "".join(_value_table(dataset, variable) for variable in dataset.variables)
        + "</section>"
    )


def _codelist_part(codelist: CodeList) -> str:
    items = (codelist.external,) if codelist.external else codelist.items
    rows = "".join(f"<tr><th scope='row'>{_text(value)}</th><td>{_text(meaning)}</td></tr>" for value, meaning in items)
    head = f"<h3 id='{_text(codelist.oid)}'>{_text(codelist.name)} <span class='key'>{_text(codelist.oid)}</span></h3>"
    return (
        f"{head}<table><thead><tr><th scope='col'>Value</th><th scope='col'>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _contents(datasets: tuple[Dataset, ...]) -> str:
    parts = []
    for standard, title in _STANDARDS.items():
        items = "".join(
            f"<li title='{_text(one.label)}'>{_link(one.name, one.name)}</li>" for one in datasets if one.standard == standard
        )
        parts.append(f"<h2>{title}</h2><ul>{items}</ul>")
    return f"<nav aria-label='Contents'>{''.join(parts)}<h2>{_link('codelists', 'Codelists')}</h2></nav>"


def emit_define_html(datasets: tuple[Dataset, ...], trial: Trial, made: str) -> str:
    """The data definition as one page without any outside link: contents, a filter, every dataset, every codelist.

    Every text is escaped. On paper the contents and the filter are left out and table heads repeat.
    """
    codelists = {one.codelist.oid: one.codelist for dataset in datasets for one in dataset.variables if one.codelist}
    count = sum(len(dataset.variables) for dataset in datasets)
    dated = "" if made == UNDATED else f" Dated {_text(made[:10])}."
    title = f"Data definition of {_text(trial.study.studyid)}"
    body = "".join(
        f"<h2>{heading}</h2>" + "".join(_dataset_part(one) for one in datasets if one.standard == standard)
        for standard, heading in _STANDARDS.items()
    )
    lists = "".join(_codelist_part(one) for one in codelists.values())
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{_contents(datasets)}<main><h1>{title}</h1>"
        f"<p>{_text(trial.study.title)}. {number_of(len(datasets), 'dataset')}, {number_of(count, 'variable')}.{dated}</p>"
        f"<p class='filter'><label for='filter'>Filter (all words: dataset, variable, label, codelist, derivation)</label><br>"
        f"<input id='filter' type='search'> <span id='shown' role='status'>{count} of {count} variables</span></p>"
        f"{body}<h2 id='codelists'>Codelists</h2>{lists}</main><script>{_SCRIPT}</script></body></html>\n"
    )
