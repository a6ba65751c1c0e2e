"""What comes with the package: its version and its files (trial.yaml, schemas/, notebooks/, templates/)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    __version__ = version("cgbm1-report")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+checkout"

_HERE = Path(__file__).resolve().parent


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
