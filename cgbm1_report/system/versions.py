"""Versions of what a build stands on: of this program, of Python, and of the packages that count, draw and print."""

from __future__ import annotations

import platform

from cgbm1_report.assets import __version__

#: Packages whose version can change what is counted or how it looks.
PACKAGES = (
    "great-tables",
    "matplotlib",
    "numpy",
    "pandas",
    "pandera",
    "papermill",
    "pyarrow",
    "pypandoc-binary",
    "scipy",
    "typst",
)


def package_versions() -> dict[str, str]:
    """The version of each package as it is installed."""
    from importlib.metadata import version

    return {name: version(name) for name in PACKAGES}


def tell_versions() -> dict[str, str]:
    """The program, Python, then the packages, each with its version."""
    return {"cgbm1-report": __version__, "Python": platform.python_version(), **package_versions()}
