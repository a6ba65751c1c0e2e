"""Looks at this machine: engines, fonts, versions, what is missing and how to get it."""

from __future__ import annotations

import importlib
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

from cgbm1_report import __version__
from cgbm1_report.assets import asset

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
    quarto = shutil.which("quarto")
    lines.append(
        f"ok       Quarto at {quarto}"
        if quarto
        else "absent   Quarto: the embedded engine renders; pip install 'cgbm1-report[quarto]' brings it"
    )
    return lines, healthy
