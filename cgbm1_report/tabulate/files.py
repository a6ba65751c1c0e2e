"""What the files of an output are named by in a build: ``t-14-3-1-2-1`` of the number T14.3.1.2.1."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: How a dose group is asked for where none is: what is made is of all.
ALL_GROUPS = "all"

_KIND = re.compile(r"^[a-z](?=\d)")
_OTHER = re.compile(r"[^a-z0-9_-]")
#: The number of a package's output, which has a hyphen of its own, and a letter where its number has several outputs.
_OF_PACKAGE = re.compile(r"[A-Z]+-\d+[a-z]?")


def file_stem(number: str) -> str:
    """The name of an output's files without its suffix: as a submission takes it, in lower case and without dots.

    The letter stands apart, a dot is a hyphen, and what else no file name should hold is one too, so that a number is never
    a path. T14.3.1.2.1 is ``t-14-3-1-2-1``, T14.2.1.1-ARM of a dose group ``t-14-2-1-1-arm``. Everywhere else an
    output is told by its number; nothing reads the number from the name.
    """
    return _OTHER.sub("-", _KIND.sub(lambda kind: f"{kind[0]}-", number.lower(), count=1))


def is_of_package(number: str) -> bool:
    """Whether a number is that of a package's output, ``SRC-1``: it has no section of ICH E3 and no phase."""
    return bool(_OF_PACKAGE.fullmatch(number))


def split_group(number: str) -> tuple[str, str]:
    """An output's number and the dose group behind it; empty where it is of all: ``T14.2.1.1-ARM``, ``SRC-1``."""
    if is_of_package(number):
        return number, ""
    base, _, group = number.partition("-")
    return base, group


def find_shared_stems(numbers: Iterable[str]) -> dict[str, list[str]]:
    """The names that several numbers would give their files, with these numbers: T14.2.1-1 of arm 1 and T14.2.1.1."""
    found: dict[str, list[str]] = {}
    for number in numbers:
        found.setdefault(file_stem(number), []).append(number)
    return {stem: own for stem, own in found.items() if len(own) > 1}
