"""What a build is: its manifest, its index page, its log.

The manifest lies in the folder from the start: notebooks read from it what to show. When all is made it
gets the SHA-256 of every input and every file of the build.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import NoneType
from typing import Any

from cgbm1_report.assets import __version__, asset
from cgbm1_report.errors import ReportError
from cgbm1_report.receipts import take_stock

MANIFEST = "manifest.json"
#: Where notebooks leave the results of each output while a build is made.
RESULTS = "results"
#: In that folder: the Word template of the build where it has one of its own, and what a PDF is made of.
REFERENCE, PRINTED = "reference.docx", ".printed.json"
LOG = "build.log"
#: The environment variable that tells a notebook's process the SHA-256 of the manifest of the build being made.
SEAL = "CGBM1_REPORT_MANIFEST"
_NAME_A_BUILD = "name a folder made by cgbm1-report build"
_ABSENT = object()
#: What the manifest of a build being made holds, of which kind, and of which kind are its elements.
_BEGUN: dict[str, tuple[Any, Any]] = {
    "report": (dict, None),
    "report.building": (bool, None),
    "report.pooled_phases": (list, int),
    "report.stamp": (dict, (str, bool)),
    "report.only": ((list, NoneType), str),
    "report.formats": (list, str),
    "parameters": (dict, None),
}
#: What a finished one holds besides.
_FINISHED: dict[str, tuple[Any, Any]] = {
    "code": (str, None),
    "engine": (dict, str),
    "engine.name": (str, None),
    "inputs": (dict, str),
    "outputs": (dict, str),
    "files": (dict, str),
}
#: A path inside the build: never one that leads out of it.
_PATH = re.compile(r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[^\\\0]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PACKAGES = (
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


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a build, or of a build being made, checked to be one of ours and whole.

    Raises
    ------
    ReportError
        The folder is no build: no manifest, a damaged one, that of another program.
    """
    path = folder / MANIFEST
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        # Half a character (\ud800) passes for JSON and fails wherever it is written again.
        json.dumps(loaded, ensure_ascii=False).encode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        why = "it has no manifest" if folder.is_dir() else "it is no folder" if folder.exists() else "it does not exist"
        message = f"is not a build: {why}"
        raise ReportError(message, file=folder, remedy=_NAME_A_BUILD) from None
    except (OSError, ValueError, RecursionError) as error:
        told = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ReportError(f"is not a build: its manifest cannot be read: {told}", file=path, remedy=_NAME_A_BUILD) from None
    wrong = _wrong_keys(loaded)
    if wrong:
        raise ReportError(f"is not the manifest of a build: {'; '.join(wrong)}", file=path, remedy=_NAME_A_BUILD)
    manifest: dict[str, Any] = loaded
    return manifest


def _wrong_keys(loaded: object) -> list[str]:
    """What keeps a JSON value from being a manifest of ours, in words."""
    if not isinstance(loaded, dict):
        return ["it is no JSON object"]
    report = loaded.get("report")
    shape = _BEGUN if isinstance(report, dict) and report.get("building") is True else {**_BEGUN, **_FINISHED}
    wrong = []
    for key, (kind, inner) in shape.items():
        if key.partition(".")[0] not in loaded and "." in key:
            continue
        value: Any = loaded
        for step in key.split("."):
            value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            wrong.append(f"{key} is missing")
        # True is a whole number to Python, and to nobody else.
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            wrong.append(f"{key} is of the wrong kind")
        elif inner and not all(isinstance(one, inner) for one in (value.values() if isinstance(value, dict) else value or ())):
            wrong.append(f"{key} holds what does not belong there")
    names = loaded.get("files", {})
    if not wrong and not all(_PATH.fullmatch(name) and _SHA256.fullmatch(told) for name, told in names.items()):
        wrong.append("files holds what is no path with its SHA-256")
    return wrong


def open_manifest(folder: Path, *, report: Mapping[str, object], parameters: Mapping[str, object]) -> str:
    """Write the manifest a build starts with: what its notebooks shall show, from which files, and what was asked for.

    Returns
    -------
    str
        Its SHA-256, by which the notebooks' processes know it (see `SEAL`).
    """
    content = {"report": {"building": True, **report}, "parameters": dict(parameters), "files": take_stock(folder)}
    _write_json(folder / MANIFEST, content)
    return sha256_of(folder / MANIFEST)


def close_manifest(
    folder: Path,
    outputs: Sequence[str],
    *,
    engine: Mapping[str, str],
    trial: Mapping[str, str],
    inputs: Mapping[str, str],
    look: str | None = None,
) -> None:
    """Complete the manifest when every other file of the build is there.

    Parameters
    ----------
    outputs
        Numbers of the outputs made, in CSR order.
    trial
        The protocol file that was used: ``file``, as `name_trial` says it, and ``sha256``.
    inputs
        SHA-256 of every file of the cut by its path.
    look
        SHA-256 of the Word template that styled the build; without one it was this package's own.
    """
    from cgbm1_report.render.pandoc import pandoc_record

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["report"]["building"] = False
    manifest |= {
        "code": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "engine": dict(engine),
        "programs": {"pandoc": pandoc_record(), **_quarto_record(engine)},
        "trial": dict(trial),
        "look": {"reference_doc": {"sha256": look} if look else None},
        "inputs": dict(sorted(inputs.items())),
        "outputs": dict.fromkeys(outputs, "made"),
        "files": {
            str(path.relative_to(folder)): sha256_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path != folder / MANIFEST
        },
    }
    _write_json(folder / MANIFEST, manifest)


def _quarto_record(engine: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Quarto, which is taken from PATH, where it rendered: its place and its version."""
    if engine["name"] != "quarto":
        return {}
    return {"quarto": {"path": shutil.which("quarto") or "", "version": engine["version"]}}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def write_index(folder: Path, outputs: Sequence[str]) -> None:
    """Write the page that leads to every file of the build."""
    from cgbm1_report.render import emit_index

    links = {
        number: [
            f"outputs/{number}.{suffix}"
            for suffix in ("html", "docx", "pdf", "rtf", "csv", "json")
            if (folder / "outputs" / f"{number}.{suffix}").is_file()
        ]
        for number in outputs
    }
    whole = [path.name for path in sorted(folder.glob("report.*"))] + [path.name for path in sorted(folder.glob("findings.*"))]
    (folder / "index.html").write_text(emit_index(whole, links), encoding="utf-8")


def name_trial(file: Path) -> dict[str, str]:
    """Which protocol file a build uses: whose it is, or its name without the folders of this machine; and its SHA-256."""
    own = file.resolve() == asset("trial.yaml").resolve()
    return {"file": "trial.yaml of the package" if own else file.name, "sha256": sha256_of(file)}


def write_log(
    folder: Path, engine: Mapping[str, str], outputs: Sequence[str], proved: str, trial: Mapping[str, str], unused: Sequence[str],
    left_out: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Write build.log. No clock time: two builds of one cut are equal in every file.

    Parameters
    ----------
    proved
        What was read back.
    trial
        The protocol file that was used (see `name_trial`).
    unused
        Protocol files that lie in the cut and were not used.
    left_out
        Outputs that the trial declares too little for, with the reason.
    """
    lines = [
        f"code     cgbm1-report {__version__}, Python {platform.python_version()}",
        f"trial    {trial['file']}, SHA-256 {trial['sha256']}",
        *(f"trial    {name} in the cut is not used: name it with --trial" for name in unused),
        f"engine   {engine['name']} {engine['version']}",
        f"outputs  {len(outputs)}",
        *(f"not made {what}: {why}" for what, why in (left_out or {}).items()),
        f"proved   {proved}",
        *(f"note     {note}" for note in engine["notes"].split("; ") if note),
    ]
    (folder / LOG).write_text("\n".join(lines) + "\n", encoding="utf-8")
