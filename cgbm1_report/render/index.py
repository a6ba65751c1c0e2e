"""The page that leads to everything a build made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from cgbm1_report.render.html import page_style, printed
from cgbm1_report.tabulate.named import output_label

#: Of how many of an output's numbers a second computation gave the same; a difference stops a build.
_COUNTED = "Numbers, cells of listings computed twice, equal"

_STYLE = """main, .narrative { max-width: 72rem; }
.narrative tbody th { white-space: nowrap; }
"""


def write_index(
    whole: Sequence[str], outputs: Mapping[str, Sequence[str]], groups: Mapping[str, Mapping[str, Sequence[str]]], mark: str,
    counted: Mapping[str, str], lacking: Sequence[str] = (), titles: Mapping[str, str] | None = None, name: str = "Build",
) -> str:  # fmt: skip
    """One HTML page of links, relative to the page; see :func:`cgbm1_report.render.emit_index`."""
    reports = "\n".join(f"<li>{_link(path, path)}</li>" for path in whole)
    told = {number: counted.get(number, "") for number in outputs} if counted else {}
    named = titles or {}
    heads = [*(["Title"] if named else []), "Files", *([_COUNTED] if told else [])]
    rows = "\n".join(
        _row(output_label(number), paths, *([named.get(number, "")] if named else []), told=told.get(number))
        for number, paths in outputs.items()
    )
    marked = f"<p>{printed(mark)}</p>\n" if mark else ""
    open_points = "\n".join(f"<li>{printed(text)}</li>" for text in lacking)
    lacks = f"<h2>What a final report would lack</h2>\n<ul>\n{open_points}\n</ul>\n" if lacking else ""
    documents = "".join(_tell_groups(noun.capitalize(), own) for noun, own in groups.items())
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>'
        f"{printed(name)}</title>\n"
        f'<style>\n{page_style()}\n{_STYLE}</style>\n</head>\n<body>\n<main>\n<div class="narrative">\n'
        f"<h1>{printed(name)}</h1>\n{marked}"
        f"<h2>Report</h2>\n<ul>\n{reports}\n</ul>\n{lacks}{documents}<h2>Outputs</h2>\n"
        f"{_table('Output', heads, rows) if outputs else '<p>None.</p>'}\n</div>\n</main>\n</body>\n</html>\n"
    )


def _tell_groups(noun: str, groups: Mapping[str, Sequence[str]]) -> str:
    rows = "\n".join(_row(name, paths) for name, paths in groups.items())
    return f"<h2>{printed(noun)}s</h2>\n{_table(printed(noun), ['Files'], rows)}\n"


def _table(head: str, heads: Sequence[str], rows: str) -> str:
    cells = "".join(f'<th scope="col">{one}</th>' for one in (head, *heads))
    return f"<table><thead><tr>{cells}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _row(name: str, paths: Sequence[str], *titled: str, told: str | None = None) -> str:
    links = " ".join(_link(path, _suffix(path)) for path in paths)
    title = "".join(f"<td>{printed(text)}</td>" for text in titled)
    more = "" if told is None else f"<td>{printed(told)}</td>"
    return f'<tr><th scope="row">{printed(name)}</th>{title}<td>{links}</td>{more}</tr>'


def _link(path: str, text: str) -> str:
    return f'<a href="{printed(quote(path))}">{printed(text)}</a>'


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.removeprefix(".").upper()
