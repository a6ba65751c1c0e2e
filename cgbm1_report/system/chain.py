"""A chain of manifests beside builds, so that nobody takes one out, puts one in or makes one anew unseen.

``chain.jsonl`` lies in the folder that builds lie in. Each build that is put in place there adds a line:

    {"before": SHA-256 of the line before, "build": its folder's name, "cutoff": of its cut, "manifest": SHA-256 of its manifest}

The first line's ``before`` is null. A manifest holds the SHA-256 of every file of its build and of every file of the cut, so a line
stands for all of it, and each line for all lines before it. The chain is no part of a build: what is built of one cut is equal in
every byte whatever was built before it. For the same reason a build that is equal to what lies there already adds no line: the last
line of its name names this very manifest.

A line is added when its build is in place. A run that is killed in between leaves a build that its chain does not know, which
`check_chain` says; building again adds the line. A line without its end is not read: a run was killed in its midst.

A chain begins where it is asked for, and from then on every build in that folder adds to it. Who can write to the folder can write
the whole chain anew: what holds against that is the SHA-256 of its last line, noted down elsewhere, or a signature.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cgbm1_report.errors import BusyError, PlanError, Problem, WritingError
from cgbm1_report.system.manifest import MANIFEST, read_manifest, sha256_of
from cgbm1_report.system.whole import find_place, flush_folder, lock_file

logger = logging.getLogger(__name__)

CHAIN = "chain.jsonl"
_RULE = "the chain of manifests"
_KEYS = {"before", "build", "cutoff", "manifest"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: So many builds that a chain does not know are named.
_NAMED = 5
#: Seconds to wait for another build that adds its line; how often it is asked.
_PATIENCE, _PAUSE = 30.0, 0.05


@dataclass(frozen=True)
class Link:
    """A line of a chain: where it stands, which build of which cut-off it names by which manifest, its SHA-256 and that before."""

    line: int
    build: str
    cutoff: str
    manifest: str
    own: str
    before: str | None


def require_chain(folder: Path) -> None:
    """Refuse to build beside a chain that is broken already, before anything is built.

    Raises
    ------
    ReportError
        With every line that does not hold.
    """
    place = folder / CHAIN
    if place.exists():
        _, problems = _read_links(_read(place), place)
        if problems:
            raise PlanError.of(problems)


def _read(place: Path) -> bytes:
    content = place.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def extend_chain(build: Path, *, begin: bool = False) -> None:
    """Add a finished build to the chain beside it; nothing where there is none and none is to ``begin``.

    Raises
    ------
    ReportError
        The chain cannot be read or written, or it was broken before: a line on top would hide that.
    """
    place = build.parent / CHAIN
    if not begin and not place.exists():
        return
    try:
        with _opened(place) as file:
            links, problems = _read_links(file.read(), place)
            if problems:
                raise PlanError.of(problems)
            manifest = sha256_of(build / MANIFEST)
            if not links:
                _tell_outside(build)
            last = next((link for link in reversed(links) if link.build == build.name), None)
            if last is not None and last.manifest == manifest:
                return
            line = {
                "before": links[-1].own if links else None, "build": build.name, "cutoff": _cutoff_of(build), "manifest": manifest
            }  # fmt: skip
            file.write(_written(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        flush_folder(place.parent)
    except OSError as error:
        raise WritingError(
            f"the build is in place, but it cannot be added here: {error.strerror}",
            file=place,
            rule=_RULE,
            remedy="make it writable and build again",
        ) from error


def _tell_outside(build: Path) -> None:
    """Warn of the builds that lie beside a chain that begins: `check_chain` does not know them until each is built again."""
    others = sorted(path.parent.name for path in build.parent.glob(f"*/{MANIFEST}") if path.parent.name != build.name)
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        told = f"{', '.join(others[:_NAMED])}{more}"
        logger.warning("%s begins with %s: not in it are %s; built again in its place each is added", CHAIN, build.name, told)


@contextmanager
def _opened(place: Path) -> Iterator[BinaryIO]:
    """The chain, locked: to be read from its beginning, and written to its end. What a killed run left of a line is gone."""
    with place.open("a+b") as file:
        ends = time.monotonic() + _PATIENCE
        while lock_file(file.fileno()) is False:
            if time.monotonic() > ends:
                raise BusyError("another build has been writing it for too long", file=place, rule=_RULE, remedy="build again")
            time.sleep(_PAUSE)
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0)
        yield file


def _read_links(content: bytes, place: Path) -> tuple[list[Link], list[Problem]]:
    """The links of a chain, and where it does not hold."""
    links: list[Link] = []
    problems: list[Problem] = []
    before: str | None = None
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        own = hashlib.sha256(line).hexdigest()
        told = _told(line)
        where = {"file": str(place), "rule": _RULE, "place": f"line {number}"}
        if told is None:
            problems.append(Problem("is no line of a chain", **where, remedy="put back the file as it was"))
        else:
            links.append(Link(number, told["build"], told["cutoff"], told["manifest"], own, told["before"]))
            if told["before"] != before:
                said = "does not name the line before it: that was changed, or one was taken out or put in"
                problems.append(Problem(said, **where, remedy="put back the file as it was"))
        before = own
    return links, problems


def _written(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _told(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or set(told) != _KEYS:
        return None
    hashes = [told["manifest"], *([told["before"]] if told["before"] is not None else [])]
    words = isinstance(told["build"], str) and isinstance(told["cutoff"], str)
    if not words or not all(isinstance(one, str) and _SHA256.fullmatch(one) for one in hashes):
        return None
    try:
        # No line stands below the last one and holds it: a blank, or a key that is there twice, would be seen by nobody.
        return told if _written(told) == line else None
    except UnicodeEncodeError:
        return None


def _cutoff_of(build: Path) -> str:
    return str(read_manifest(build)["report"]["stamp"].get("cutoff", ""))


def _is_copied(manifest: Path, expected: str) -> bool:
    """Whether the build that a line names lies beside its copy."""
    return manifest.is_file() and sha256_of(manifest) == expected


def _tell_unlike(link: Link, build: Path, *, known: bool) -> str:
    """What the line of a build says else than the build: no line behind the last one would show that it was changed.

    A build that is not ``known`` by its name, no line has it, may be a copy of one that lies beside it.
    """
    copied = not known and _is_copied(build.parent / link.build / MANIFEST, link.manifest)
    if link.build != build.name and not copied:
        return f"names the manifest of this build with the name {link.build!r}, and it lies here as {build.name!r}"
    cutoff = _cutoff_of(build)
    return f"says another cut-off than its build, {cutoff}" if link.cutoff != cutoff else ""


def check_chain(folder: Path) -> tuple[str, list[Problem]]:
    """Whether every link of the chain beside a build holds, and the last line of its name is this build.

    Returns
    -------
    tuple
        What is said of it in a line, and what is wrong.
    """
    build = find_place(folder)
    place = build.parent / CHAIN
    if not place.exists():
        return "no chain of manifests lies beside the build", []
    links, problems = _read_links(_read(place), place)
    broken = len(problems)
    own = [link for link in links if link.build == build.name]
    manifest = sha256_of(build / MANIFEST)
    every = [link for link in links if link.manifest == manifest]
    # Two builds of one cut have equal manifests: that of its own name is meant.
    same = [link for link in every if link.build == build.name] or every
    if not same:
        said = "is not in the chain: it was made before the chain began or elsewhere, changed, or its run was killed before the end"
        remedy = "ask who made it; then build it again in its place, which adds it: where nothing has changed it stays as it is"
        problems.append(Problem(said, str(build / MANIFEST), _RULE, remedy=remedy))
    elif own and own[-1].manifest != manifest and own[-1].line > same[-1].line:
        said = f"is that of line {same[-1].line}; a later one was put here, which line {own[-1].line} names"
        problems.append(Problem(said, str(build / MANIFEST), _RULE, remedy="ask who put the earlier build back"))
    elif unlike := _tell_unlike(same[-1], build, known=bool(own)):
        remedy = "put back the file as it was; a build that was renamed gets its name back"
        problems.append(Problem(unlike, str(place), _RULE, f"line {same[-1].line}", remedy=remedy))
    if broken:
        return "the chain of manifests beside the build does not hold", problems
    if problems:
        return "the chain of manifests beside the build holds, and the build is not that of its line", problems
    return f"line {same[-1].line} of {len(links)} of its chain, which ends with SHA-256 {links[-1].own}", []
