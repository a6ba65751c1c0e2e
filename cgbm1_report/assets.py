"""What comes with the package: its version and its files (trial.yaml, schemas/, notebooks/, templates/)."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).resolve().parent
#: When this process began to load the program.
BEGAN = time.time()


def _installed_version() -> str:
    """Version as the installation tells it. Python's own importlib.metadata loads longer than a table takes to print."""
    for folder in sys.path:
        for file in sorted(Path(folder).glob("cgbm1_report-*.dist-info/METADATA")):
            told = re.search(r"^Version: (\S+)$", file.read_text(encoding="utf-8"), re.M)
            if told:
                return told[1]
    return "0+checkout"  # run from a checkout that is not installed


__version__ = _installed_version()


#: The scripts of the report's page, and of the page of a subject, in the order in which they follow each other.
REPORT_SCRIPTS = ("report.js", "page/data.js", "page/grid.js", "page/open.js")
PROFILE_SCRIPTS = ("page/data.js", "page/grid.js", "page/profile.js")


def read_scripts(names: Iterable[str]) -> str:
    """Scripts of ``templates/`` as one."""
    return "\n".join(asset("templates", *name.split("/")).read_text(encoding="utf-8") for name in names)


def asset(*parts: str) -> Path:
    """Path of an asset, in a wheel (``_assets`` beside this file) or in a checkout (its root).

    Raises
    ------
    FileNotFoundError
        The installation is damaged: the asset is not there.
    """
    root = _HERE / "_assets" if (_HERE / "_assets").is_dir() else _HERE.parent
    path = root.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: the installation is damaged; install cgbm1-report again")
    return path
