"""The page that leads to everything a build made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from cgbm1_report.render.html import page_style, printed
from cgbm1_report.tabulate.table import output_label


def write_index(whole: Sequence[str], outputs: Mapping[str, Sequence[str]]) -> str:
    """One HTML page of links, relative to the page; see :func:`cgbm1_report.render.emit_index`."""
    reports = "\n".join(f"<li>{_link(path, path)}</li>" for path in whole)
    rows = "\n".join(_row(number, paths) for number, paths in outputs.items())
    table = f'<table><thead><tr><th scope="col">Output</th><th scope="col">Files</th></tr></thead><tbody>\n{rows}\n</tbody></table>'
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Build</title>\n'
        f'<style>\n{page_style()}\n</style>\n</head>\n<body>\n<main>\n<div class="narrative">\n<h1>Build</h1>\n<h2>Report</h2>\n'
        f"<ul>\n{reports}\n</ul>\n<h2>Outputs</h2>\n{table if outputs else '<p>None.</p>'}\n</div>\n</main>\n</body>\n</html>\n"
    )


def _row(number: str, paths: Sequence[str]) -> str:
    links = " ".join(_link(path, _suffix(path)) for path in paths)
    return f'<tr><th scope="row">{printed(output_label(number))}</th><td>{links}</td></tr>'


def _link(path: str, text: str) -> str:
    return f'<a href="{printed(quote(path))}">{printed(text)}</a>'


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.removeprefix(".").upper()
