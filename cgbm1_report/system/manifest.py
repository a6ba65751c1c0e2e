"""The manifest of a build as it is read: the names of its files, and whether it is one of ours.

It lies in the folder from the start: notebooks read from it what to show.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import NoneType
from typing import Any

from cgbm1_report.assets import __version__
from cgbm1_report.errors import PlanError, ProofError, ReportError

#: The manifest, and its signature where it has one.
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
#: The folder of a build of which its HTML pages open numbers.
INTERACTIVE = "interactive"
#: Where notebooks leave the results of each output while a build is made.
RESULTS = "results"
#: In that folder: the Word template of the build where it has one of its own, what a PDF is made of, and what a screen is
#: shown of a long output; and a file that says that an output was taken from the user's store.
REFERENCE, PRINTED, FIRST_PAGE, TAKEN = "reference.docx", ".printed.json", ".page.html", ".taken"
#: While a build is made, what its notebooks are told of it and nobody afterwards: its name (``build``), and by dataset the SHA-256
#: of each variable (``variables``).
MAKING = "making"
#: The environment variable that tells a notebook's process the SHA-256 of the manifest of the build being made.
SEAL = "CGBM1_REPORT_MANIFEST"
#: Bytes of a file that is read whole.
_AT_ONCE = 1 << 20
#: What mends a file of a finished build that is not as the build left it: made anew nobody would learn who had a hand in it.
RESTORE = "find out who changed it and why, and put the file of the build back, from an archive; build again only to replace it"
_NAME_A_BUILD = "name a folder made by cgbm1-report build"
#: The rule of a build that this version cannot read.
_VERSION = "version of a build"
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
    "blind.seen": (dict, str),
    "outputs": (dict, str),
    "files": (dict, str),
}
#: A path inside the build: never one that leads out of it.
_PATH = re.compile(r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[^\\\0]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def says_built(folder: Path) -> bool:
    """Whether a folder says that it is a build: a cut may hold somebody's manifest, but a build no SDTM."""
    return (folder / MANIFEST).is_file() and not any(name.lower() == "sdtm" for name in os.listdir(folder))


def is_build(folder: Path) -> bool:
    """Whether a folder is a build of ours, of whichever version: it says so, and its manifest is one of ours."""
    try:
        if not says_built(folder):
            return False
        read_manifest(folder)
    except OSError:
        return False
    except ReportError as error:
        return error.problems[0].rule == _VERSION
    return True


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
        raise PlanError(message, file=folder, remedy=_NAME_A_BUILD) from None
    except (OSError, ValueError, RecursionError) as error:
        told = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ProofError(f"is not a build: its manifest cannot be read: {told}", file=path, remedy=_NAME_A_BUILD) from None
    wrong = _wrong_keys(loaded)
    if wrong and isinstance(loaded, dict) and _is_other(loaded):
        raise other_version(loaded, path, "; ".join(wrong))
    if wrong:
        raise ProofError(f"is not the manifest of a build: {'; '.join(wrong)}", file=path, remedy=_NAME_A_BUILD)
    manifest: dict[str, Any] = loaded
    return manifest


def _is_other(manifest: Mapping[str, Any]) -> bool:
    """Whether another version of this package says that it wrote the manifest."""
    code = manifest.get("code")
    return isinstance(code, str) and code not in ("", __version__) and isinstance(manifest.get("report"), dict)


def other_version(manifest: Mapping[str, Any], file: Path, wrong: str) -> PlanError:
    """That a build is by another version than this, and what of it this one cannot read."""
    code = str(manifest.get("code", "")) or "another version"
    told = f"was built by cgbm1-report {code}, and this is cgbm1-report {__version__}, which cannot read it: {wrong}"
    remedy = f"open it with cgbm1-report {code}, or build it again with this version"
    if not _is_other(manifest):
        told, remedy = f"is not as cgbm1-report {__version__} writes it: {wrong}", RESTORE
    return PlanError(told, file=file, rule=_VERSION, remedy=remedy)


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


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_each(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of many files of a folder, by their names.

    A build has thousands of small ones: each thread takes a share of them, for to hand one over takes longer than to hash it.
    """
    wanted, count = list(names), os.cpu_count() or 1

    def hash_share(share: Sequence[str]) -> list[str]:
        return [_sha256_at(os.path.join(folder, name)) for name in share]

    shares = [wanted[first::count] for first in range(count)]
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(hash_share, shares))
    told = {name: digest for share, digests in zip(shares, found, strict=True) for name, digest in zip(share, digests, strict=True)}
    return {name: told[name] for name in wanted}


def _sha256_at(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size > _AT_ONCE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(file.readall()).hexdigest()
