"""Checksums that lie in a cut: each file is the one they were made of, and each file has one.

A flipped bit in the body of a transport file is other data and no error of the format; only a checksum
tells. Formats: what ``sha256sum`` writes (its marks for binary files, its escapes, ``--tag``), and JSON
that maps paths to hashes, such as ``{"files": {"sdtm/dm.xpt": "…"}}``.
Source: GNU coreutils manual, 6.6 and 6.8 (cksum, sha2 utilities).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cgbm1_report.errors import DataError, Problem

#: Names of lists of checksums; in any case of letters.
SUMS: Final = frozenset({"sha256sums", "sha256sums.txt", "sha256sum", "sha256sum.txt", "checksums.sha256", "sha256.txt"})
#: JSON that may be one.
MANIFEST: Final = "manifest.json"
RULE: Final = "checksums of the cut"

_LINE = re.compile(r"(?P<escaped>\\?)(?P<hash>[0-9a-fA-F]{64}) [ *](?P<path>.+)")
_TAG = re.compile(r"(?P<escaped>\\?)SHA256 \((?P<path>.+)\) = (?P<hash>[0-9a-fA-F]{64})")
_ESCAPES: Final = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def is_sums(path: Path) -> bool:
    """Whether a file is named like a list of checksums."""
    return path.name.lower() in SUMS or path.suffix.lower() == ".sha256"


def read_sums(data: bytes, file: Path) -> dict[str, str]:
    """Hashes by path, as the list has them.

    Raises
    ------
    ReportError
        A line is no checksum, a path leads out of the folder, or stands twice with two hashes. All at once.
    """
    listed: dict[str, str] = {}
    problems: list[Problem] = []
    text = data.decode("utf-8-sig", "replace")
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line) or _TAG.fullmatch(line)
        if not found:
            problems.append(_problem("is no SHA-256 and path", file, f"line {number}", "write the list by sha256sum"))
            continue
        path = found["path"]
        if found["escaped"]:
            path = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], path)
        problems += _add(listed, path, found["hash"], file, f"line {number}")
    if not listed and not problems:
        problems.append(_problem("lists nothing", file, "", "write the list again, or remove it"))
    if problems:
        raise DataError.of(problems)
    return listed


def read_manifest(data: bytes, file: Path) -> dict[str, str] | None:
    """Hashes by path of a JSON file; None where it is something else."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    inside = content.get("files") if isinstance(content, dict) else content
    pairs = _pairs(inside) or _pairs(content)
    if not pairs:
        return None
    listed: dict[str, str] = {}
    problems: list[Problem] = []
    for path, value in pairs:
        problems += _add(listed, path, value, file, path)
    if problems:
        raise DataError.of(problems)
    return listed


def _pairs(content: Any) -> list[tuple[str, str]]:
    """Paths and hashes of a mapping, or of a list of objects that name both; nothing where one is no hash."""
    if isinstance(content, dict):
        pairs = [(str(path), value.get("sha256") if isinstance(value, dict) else value) for path, value in content.items()]
    elif isinstance(content, list) and all(isinstance(one, dict) for one in content):
        names = [next((one[key] for key in ("path", "file", "name") if key in one), "") for one in content]
        pairs = [(str(name), one.get("sha256")) for name, one in zip(names, content, strict=True)]
    else:
        return []
    told = [(path, value.removeprefix("sha256:")) for path, value in pairs if isinstance(value, str)]
    return told if len(told) == len(pairs) and all(path and _HASH.fullmatch(value) for path, value in told) else []


def _add(listed: dict[str, str], path: str, value: str, file: Path, place: str) -> list[Problem]:
    """Note one path; what is wrong with it."""
    plain = PurePosixPath(path.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or re.match(r"[A-Za-z]:", path) or "\0" in path:
        return [_problem("names a path that leads out of the folder", file, place, "name files below it, as sdtm/dm.xpt")]
    name = plain.as_posix()
    if listed.setdefault(name, value.lower()) != value.lower():
        return [_problem(f"gives {name[:80]} two checksums", file, place, "write the list again")]
    return []


def check_sums(
    listed: Mapping[str, str], file: Path, read: Mapping[str, str], present: frozenset[str], root: Path
) -> list[Problem]:
    """Files that differ from their checksum, are listed and not there, or are read and not listed.

    Parameters
    ----------
    listed
        Hashes by path below the folder of ``file``.
    file
        The list.
    read
        Hashes of the bytes that were read, by path below that folder.
    present
        Every file of the cut, by path below ``root``; those nobody reads are hashed here.
    root
        The cut folder: what leads out of it is not opened.
    """
    problems: list[Problem] = []
    for path, value in sorted(listed.items()):
        found = read.get(path) or _hash(file.parent / path, present, root)
        if found is None:
            problems.append(_problem(f"lists {path[:80]}, which is not there", file, "", "deliver the file, or the list again"))
        elif found != value:
            message = "is not the file its checksum was made of: data may be changed or damaged"
            remedy = f"deliver the file again, or {file.name} if the file is right"
            problems.append(Problem(message, file=str(file.parent / path), rule=RULE, remedy=remedy))
    whole = file.name.lower() in SUMS or file.name.lower() == MANIFEST
    lists = {path for path in read if is_sums(Path(path)) or Path(path).name.lower() == MANIFEST}
    missing = sorted(read.keys() - listed.keys() - lists) if whole else []
    problems += [
        _problem(f"does not list {path[:80]}, which is read", file, "", "write the list again, of all") for path in missing
    ]
    return problems


def _hash(path: Path, present: frozenset[str], root: Path) -> str | None:
    """Hash of a file nobody reads; None where it is not there, or no file of the cut."""
    if path.relative_to(root).as_posix() not in present or not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _problem(message: str, file: Path, place: str, remedy: str) -> Problem:
    return Problem(message, file=str(file), place=place, rule=RULE, remedy=remedy)
