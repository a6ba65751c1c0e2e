"""The page of a portfolio: how each build ended, and what is wrong with those that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cgbm1_report.errors import Problem
from cgbm1_report.render.html import page_style, printed

_HEADS = ("Build", "Protocol", "Cut-off", "State", "Outputs", "Errors", "Warnings", "Notes", "Marked")
_STYLE = """
main, .narrative { max-width: none; }
th, td { white-space: nowrap; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.failed { font-weight: bold; }
li { overflow-wrap: anywhere; }
"""


def write_page(told: Mapping[str, Any]) -> str:
    """The page of what `summarise` tells. Everything on it is text, never markup; it runs no script and loads nothing."""
    builds = told["builds"]
    counts = Counter(one["state"] for one in builds)
    said = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    count = f"{len(builds)} build{'s' * (len(builds) != 1)}"
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    rows = "\n".join(_row(one) for one in builds)
    wrong = "\n".join(_tell_wrong(one) for one in builds if one["problems"])
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Portfolio</title>\n'
        f'<style>\n{page_style()}{_STYLE}</style>\n</head>\n<body>\n<main>\n<div class="narrative">\n<h1>Portfolio</h1>\n'
        f"<p>{printed(told['portfolio'])}: {count}, {said}; exit code {told['exit_code']}.</p>\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>\n"
        + (f"<h2>What is wrong</h2>\n{wrong}\n" if wrong else "")
        + "</div>\n</main>\n</body>\n</html>\n"
    )


def _row(one: Mapping[str, Any]) -> str:
    findings = one.get("findings", {})
    name = printed(one["name"])
    link = f'<a href="{printed(quote(one["name"]))}/index.html">{name}</a>' if one["stands"] else name
    state = one["state"] if not one["exit_code"] or not one["stands"] else f"{one['state']}; an earlier build stands"
    cells = [
        f"<td>{printed(str(one.get('protocol', '')))}</td>",
        f"<td>{printed(str(one.get('cutoff', '')))}</td>",
        f'<td class="{one["state"]}">{state}</td>',
        f'<td class="n">{one.get("outputs", "")}</td>',
        *(f'<td class="n">{findings.get(severity, "")}</td>' for severity in "EWI"),
        f"<td>{printed(str(one.get('mark', '')))}</td>",
    ]
    return f'<tr><th scope="row">{link}</th>{"".join(cells)}</tr>'


def _tell_wrong(one: Mapping[str, Any]) -> str:
    told = "".join(f"<li>{printed(str(Problem(**problem)))}</li>" for problem in one["problems"])
    return f"<h3>{printed(one['name'])}, exit code {one['exit_code']}</h3>\n<ul>{told}</ul>"
