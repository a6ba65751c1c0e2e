"""Looks at this machine: engines, fonts, versions, what is missing and how to get it."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version

from cgbm1_report import __version__
from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.system.packages import FONT_LICENCES, PANDOC_LICENCE, licence_of, needed_packages

_NEEDED = {
    "pypandoc": "pypandoc-binary",
    "typst": "typst",
    "pikepdf": "pikepdf",
    "pypdf": "pypdf",
    "papermill": "papermill",
    "ipykernel": "ipykernel",
    "great_tables": "great-tables",
    "matplotlib": "matplotlib",
    "pandas": "pandas",
    "pandera": "pandera",
    "pyarrow": "pyarrow",
    "pyreadstat": "pyreadstat",
}
_FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "DroidSansFallbackFull.ttf")


def examine() -> tuple[list[str], bool]:
    """Lines to print, and whether a report can be built here."""
    lines = [f"cgbm1-report {__version__}, Python {sys.version.split()[0]}"]
    healthy = True
    for module, package in _NEEDED.items():
        try:
            importlib.import_module(module)
            lines.append(f"ok       {package} {version(package)}")
        except (ImportError, PackageNotFoundError):
            healthy = False
            lines.append(f"missing  {package}: pip install {package}")
    for name in _FONTS:
        try:
            asset("templates", "fonts", name)
            lines.append(f"ok       font {name}")
        except FileNotFoundError as error:
            healthy = False
            lines.append(f"missing  {error}")
    lines.append(_look_at_quarto())
    return lines, healthy


def _look_at_quarto() -> str:
    """What `auto` would do: Quarto renders only where it is new enough and makes a document of one cell."""
    try:
        from cgbm1_report.render.engines import examine_quarto
    except ImportError as error:
        return f"unknown  Quarto: it cannot be looked at without {error.name}"
    found = examine_quarto()
    if found is None:
        return "absent   Quarto: the embedded engine renders; pip install 'cgbm1-report[quarto]' brings it"
    if found.fault:
        return f"unused   Quarto at {found.path} {found.fault}: the embedded engine renders"
    return f"ok       Quarto {found.version} at {found.path}: renders a notebook of one cell"


# Licences ----------------------------------------------------------------------------------------


def list_licences() -> list[str]:
    """What a build stands on, one a line: name, version, licence as its own metadata state it.

    Every package this one needs to run, and what those need; the programs and fonts that come inside of them.
    """
    rows = [("Python", sys.version.split()[0], "PSF-2.0")]
    rows += [(name, version(name), licence_of(name)) for name in needed_packages(tuple(_NEEDED.values()))]
    rows += [
        _pandoc(),
        *((f"font {family}", "", f"{licence} ({asset('templates', 'fonts', text)})") for family, licence, text in FONT_LICENCES),
    ]
    widths = [max(len(row[at]) for row in rows) for at in (0, 1)]
    return [f"{name:{widths[0]}}  {number:{widths[1]}}  {licence}" for name, number, licence in rows]


def _pandoc() -> tuple[str, str, str]:
    from cgbm1_report.render.pandoc import pandoc_record

    try:
        number = pandoc_record()["version"]
    except ReportError:
        number = "missing"
    return "pandoc (in pypandoc-binary)", number, f"{PANDOC_LICENCE} (https://github.com/jgm/pandoc)"
