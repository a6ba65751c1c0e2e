"""Holds the files of a build against its manifest, and finds what its pages may lead to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from cgbm1_report.readback.html import outside_of
from cgbm1_report.readback.htmlpage import read_page
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import EDGES, Said
from cgbm1_report.system.manifest import MANIFEST, RESTORE, SIGNATURE

WHOLE = "every file is as the build left it"
INPUTS = "the cut is what the build was made of"
_INDEX = "the index leads to every file"
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>()\"'\]}]+", re.I)
_FOREIGN = "ask who put it there, and keep it elsewhere"
OTHER_CUT = "name the cut that the build was made of, or ask who changed this one; a report of other data is another build"


def check_files(folder: Path, files: Mapping[str, str]) -> list[Finding]:
    """Findings about files that changed, are missing, or were added since the build.

    ``files`` are SHA-256 by path, as the manifest has them.
    """
    there = {str(path.relative_to(folder).as_posix()): path for path in sorted(folder.rglob("*")) if path.is_file()}
    findings = []
    for name, expected in files.items():
        if name not in there:
            findings.append(Finding(name, "is missing", WHOLE, place=MANIFEST, remedy=RESTORE))
            continue
        with there[name].open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                findings.append(Finding(name, "was changed since the build", WHOLE, place=MANIFEST, remedy=RESTORE))
    extra = sorted(set(there) - set(files) - {MANIFEST, SIGNATURE})
    return findings + [Finding(name, "is not a file of the build", WHOLE, place=MANIFEST, remedy=_FOREIGN) for name in extra]


def check_inputs(inputs: Mapping[str, str], there: Mapping[str, str]) -> list[Finding]:
    """Findings about files of a cut that are not what a build was made of.

    Parameters
    ----------
    inputs
        SHA-256 of every file the build read, by its path in the cut; of a blind build, of what may be seen of them.
    there
        The same of the cut as it is.
    """
    if not inputs:
        # A pooled package: checksums of files that hold treatment would tell who guesses at it whether he is right.
        told = "names no file of a cut, since that would tell treatment: what it was made of is in adam/"
        return [Finding(MANIFEST, told, INPUTS, place="inputs", remedy="verify it without a cut")]
    findings = [
        Finding(name, "is missing in the cut", INPUTS, place="inputs", remedy=OTHER_CUT) for name in inputs if name not in there
    ]
    findings += [
        Finding(name, "was changed since the build read it", INPUTS, place="inputs", remedy=OTHER_CUT)
        for name, told in inputs.items()
        if there.get(name, told) != told
    ]
    return findings + [
        Finding(name, "was not read by the build", INPUTS, place="inputs", remedy=OTHER_CUT) for name in there if name not in inputs
    ]


def read_links(folder: Path) -> frozenset[str]:
    """The addresses that the notebooks' authors wrote into their words: a report may lead there."""
    found: set[str] = set()
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            for cell in json.loads(path.read_bytes())["cells"]:
                if cell["cell_type"] == "markdown":
                    found |= set(_ADDRESS.findall("".join(cell["source"])))
    return frozenset(address.rstrip(".,;") for address in found) | frozenset(found)


def tell_lost_link(aim: str) -> Finding:
    """The finding of an index page that leads to a file which is not there."""
    return Finding("index.html", f"leads to {aim!r}, which is not in the build", _INDEX, place="links")


def check_index(folder: Path, stamp: Said) -> list[Finding]:
    """Findings about the index page: where it leads, that it says what the build is, and loads nothing."""
    path = folder / "index.html"
    if not path.is_file():
        return [Finding("index.html", "is not there", _INDEX)]
    text = path.read_text("utf-8", "replace")
    page = read_page(text, frozenset())
    mark = fold(stamp.texts.get("mark", ""))
    findings = [] if mark in [fold(block) for _, block in page.blocks] else [Finding("index.html", f"lacks {mark!r}", EDGES)]
    findings += [
        tell_lost_link(aim)
        for aim in (unquote(link) for link in page.links)
        if ":" in aim or aim.startswith("/") or not (folder / aim).is_file()
    ]
    return findings + outside_of("index.html", page)
