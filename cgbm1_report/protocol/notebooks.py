"""Where the notebooks of a protocol may lie."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from cgbm1_report.errors import Problem


def check_notebooks(names: tuple[str, ...], file: Path) -> list[Problem]:
    """Problems of the notebooks a protocol names: they are code, so they come from its own folder and nowhere else."""
    folder = file.resolve().parent
    stems = [PurePosixPath(name).stem.casefold() for name in names]
    wrong = [(name, said) for name in names if (said := _strays(name, folder))]
    wrong += [
        (name, "has the name of another one, and both would be one executed notebook")
        for at, name in enumerate(names)
        if stems[at] in stems[:at]
    ]
    remedy = "put it beside trial.yaml or in a folder below it, under a name of its own"
    return [
        Problem(f"{name!r} {said}", str(file), "notebooks lie beside their trial.yaml", "notebooks", remedy) for name, said in wrong
    ]


def _strays(name: str, folder: Path) -> str:
    """What is wrong with the place of a notebook; empty where nothing is."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root:
        return "is not a path below trial.yaml"
    if ".." in path.parts or ".." in windows.parts:
        return "leads out of the folder of trial.yaml"
    if path.suffix != ".ipynb":
        return "is no notebook: its name does not end with .ipynb"
    try:
        inside = (folder / name).resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):  # a loop of links, a character no path can hold
        inside = False
    return "" if inside else "is a link out of the folder of trial.yaml"
