"""Finds the files that come with the package: trial.yaml, schemas/, notebooks/, templates/."""

from __future__ import annotations

from pathlib import Path

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
