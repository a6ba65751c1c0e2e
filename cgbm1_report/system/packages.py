"""The installed packages that this one needs, directly or not: their names, licences, and what each of them needs."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from cgbm1_report.assets import asset

ITSELF = "cgbm1-report"
#: What stands in templates/fonts: the family, its licence, and the file with the licence's text.
FONT_LICENCES = (
    ("Liberation Sans", "OFL-1.1", "LICENSE-Liberation.txt"),
    ("Droid Sans Fallback", "Apache-2.0", "LICENSE-DroidSansFallback.txt"),
)
#: A program of its own, run and not linked; the package that brings it states the licence of its own code only.
PANDOC_LICENCE = "GPL-2.0-or-later"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@cache
def _about(name: str) -> Message:
    """What a package says of itself; its description, which may be a book, is not read."""
    head, _, _ = (distribution(name).read_text("METADATA") or "").partition("\n\n")
    return HeaderParser().parsestr(head)


@cache
def needed_by(name: str) -> tuple[str, ...]:
    """Names of the packages that a package needs here; extras are left out, and so is what another system needs.

    Raises
    ------
    PackageNotFoundError
        It is not installed.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = map(Requirement, _about(name).get_all("Requires-Dist", []))
    return tuple(
        sorted({canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})})
    )


def needed_packages(otherwise: tuple[str, ...] = ()) -> list[str]:
    """Names of the installed packages that this one needs, and itself where it is installed.

    In a checkout that is not installed nobody says what it needs: then ``otherwise`` does.
    """
    found: set[str] = set()
    waiting = [ITSELF]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            wanted = needed_by(name)
        except PackageNotFoundError:
            wanted = otherwise if name == ITSELF else ()
        else:
            found.add(name)
        waiting += wanted
    return sorted(found)


def licence_of(name: str) -> str:
    """The licence of a package as its own metadata state it.

    Raises
    ------
    PackageNotFoundError
        It is not installed.
    """
    return expression_of(name) or _words_of(name)


def expression_of(name: str) -> str:
    """The licence of a package in SPDX's terms; empty where its metadata have only words for it."""
    return str(_about(name).get("License-Expression", ""))


def _words_of(name: str) -> str:
    told = _about(name)
    classified = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    # Some packages have the whole text of their licence in this field.
    lines = str(told.get("License", "")).strip().splitlines()
    return ", ".join(classified) or (lines[0].strip() if lines else "") or "not stated in its metadata"


def version_of(name: str) -> str:
    """The version of a package."""
    return str(_about(name)["Version"])


@cache
def locked_hashes() -> dict[tuple[str, str], tuple[str, ...]]:
    """SHA-256 of every file that a package may be installed from, by name and version, as requirements.lock has them."""
    try:
        text = asset("requirements.lock").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    entries = re.finditer(r"^([\w.-]+)==([^\s;]+)(.*?)(?=^\S|\Z)", text, re.M | re.S)
    return {(one[1], one[2]): tuple(_HASH.findall(one[3])) for one in entries}
