"""Counts the lists of a Word document as Word does: the numbers it prints stand nowhere in its texts."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from cgbm1_report.readback.docxhiding import W
from cgbm1_report.readback.story import point_of

_PART = "word/numbering.xml"
_STYLES = {
    "decimal": "Decimal",
    "lowerLetter": "LowerAlpha",
    "upperLetter": "UpperAlpha",
    "lowerRoman": "LowerRoman",
    "upperRoman": "UpperRoman",
}


class _Level(NamedTuple):
    """How the items of a level are numbered: from which number on, in which form, with what around it."""

    start: int
    form: str
    text: str


def read_points(package: zipfile.ZipFile, listed: Sequence[tuple[str, int]]) -> list[str]:
    """The numbers that Word prints before paragraphs of lists; ``listed`` are their lists and depths in their order."""
    if not listed or _PART not in package.namelist():
        return []
    return list(_counted(_read_lists(package), listed))


def _counted(lists: dict[str, dict[int, _Level]], listed: Sequence[tuple[str, int]]) -> Iterator[str]:
    next_ones: dict[tuple[str, int], int] = {}
    for name, depth in listed:
        level = lists.get(name, {}).get(depth)
        if level is None or level.form in ("bullet", "none"):
            continue
        number = next_ones.get((name, depth), level.start)
        # What stands deeper in the same list begins again.
        next_ones = {at: one for at, one in next_ones.items() if at[0] != name or at[1] <= depth} | {(name, depth): number + 1}
        made = point_of(number, _STYLES[level.form]).rstrip(".") if level.form in _STYLES else level.form
        yield level.text.replace(f"%{depth + 1}", made)


def _read_lists(package: zipfile.ZipFile) -> dict[str, dict[int, _Level]]:
    """The levels of each list by its number, with where it begins otherwise than its kind."""
    root = ElementTree.fromstring(package.read(_PART))  # noqa: S314
    kinds = {
        kind.get(f"{W}abstractNumId", ""): {_depth(level): _level(level) for level in kind.iterfind(f"{W}lvl")}
        for kind in root.iterfind(f"{W}abstractNum")
    }
    lists = {}
    for one in root.iterfind(f"{W}num"):
        levels = dict(kinds.get(_said(one, "abstractNumId"), {}))
        for other in one.iterfind(f"{W}lvlOverride"):
            at, start, whole = _depth(other), _said(other, "startOverride"), other.find(f"{W}lvl")
            if whole is not None:
                levels[at] = _level(whole)
            if start.isdecimal() and at in levels:
                levels[at] = levels[at]._replace(start=int(start))
        lists[one.get(f"{W}numId", "")] = levels
    return lists


def _depth(node: ElementTree.Element) -> int:
    return int(node.get(f"{W}ilvl", "0"))


def _level(node: ElementTree.Element) -> _Level:
    start = _said(node, "start")
    return _Level(int(start) if start.isdecimal() else 0, _said(node, "numFmt") or "decimal", _said(node, "lvlText"))


def _said(node: ElementTree.Element, name: str) -> str:
    found = node.find(f"{W}{name}")
    return found.get(f"{W}val", "") if found is not None else ""
