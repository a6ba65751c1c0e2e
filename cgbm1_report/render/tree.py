"""Puts what the notebooks show into the order of the report: one tree of headings, whatever notebook it came from.

Each display says which headings it stands under (`receipts.PLACE`). The first are sorted by the numbers they begin
with, so that 14.3.1 follows 14.2 and 16.2 follows both; below them each comes as the notebooks show it first. A
heading is printed once, and none without an output below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgbm1_report.render.pandoc import Blocks
from cgbm1_report.render.parts import Narrative, Section, Shown, read_sections

Part = Narrative | Shown
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def read_report(notebooks: Sequence[Path], *, printed: bool = True) -> list[Section]:
    """Read executed notebooks (`parts.read_sections`) into the order of the report, its outputs linked with each other."""
    return link(arrange(read_sections(notebooks, printed=printed)))


def link(sections: Sequence[Section]) -> list[Section]:
    """Outputs lead to those of their links that the same document holds."""
    held = {part.mark.name for section in sections for part in section.parts if part.mark.name}

    def lead(part: Part) -> Part:
        return replace(part, leads=tuple(name for name in part.mark.links if name in held)) if isinstance(part, Shown) else part

    return [replace(section, parts=tuple(map(lead, section.parts))) for section in sections]


def arrange(sections: Sequence[Section]) -> list[Section]:
    """Sections by the first heading their parts stand under; notebooks that name none follow as they are."""
    by_place: dict[tuple[str, ...], list[Part]] = {}
    loose = []
    for section in sections:
        rest = tuple(part for part in section.parts if not part.mark.place)
        for part in section.parts:
            if part.mark.place:
                by_place.setdefault(part.mark.place, []).append(part)
        if rest:
            loose.append(replace(section, parts=rest))
    made = []
    source = {part.mark.place[0]: section.source for section in reversed(sections) for part in section.parts if part.mark.place}
    for top in sorted(source, key=_order):
        places = {place: parts for place, parts in by_place.items() if place[0] == top and any(map(_is_output, parts))}
        if places:
            made.append(Section(source[top], tuple(_follow(_below(top, places)))))
    return made + [replace(section, parts=tuple(_follow(section.parts))) for section in loose]


def _is_output(part: Part) -> bool:
    return isinstance(part, Shown)


def _order(heading: str) -> tuple[tuple[int, ...], str]:
    found = _NUMBER.match(heading)
    return (tuple(map(int, found[0].split("."))) if found else (), heading)


def _below(top: str, places: dict[tuple[str, ...], list[Part]]) -> Iterable[Part]:
    """A section: its heading and words, then place by place the heading, its words and its outputs."""
    common = _common(list(places.values()))
    yield Narrative([_header(1, top), *(block for words in common for block in words.blocks)])
    for place, parts in places.items():
        heads = [_header(level, text) for level, text in enumerate(place[1:], start=2)]
        if heads:
            yield Narrative(heads)
        # A lead says what its place is, and stands right below its heading.
        for part in sorted(parts, key=lambda part: part.mark.kind != "lead"):
            if isinstance(part, Shown):
                yield replace(part, level=len(place) + 1)
            elif not any(part.blocks == words.blocks for words in common):
                yield replace(part, blocks=_lowered(part.blocks, len(place)))


def _common(groups: Sequence[Sequence[Part]]) -> list[Narrative]:
    """Words that all places of a section have above their outputs: they are the section's, and printed once."""
    leading = [_leading(parts) for parts in groups]
    return [words for words in leading[0] if all(any(words.blocks == one.blocks for one in other) for other in leading[1:])]


def _leading(parts: Sequence[Part]) -> list[Narrative]:
    found: list[Narrative] = []
    for part in parts:
        if isinstance(part, Shown):
            break
        if part.mark.kind != "lead" and not any(block["t"] == "Header" for block in part.blocks):
            found.append(part)
    return found


def _lowered(blocks: Blocks, depth: int) -> Blocks:
    """Headings of an author's words stand below those of the tree."""
    return [
        {**block, "c": [min(max(block["c"][0], depth + 1), 3), *block["c"][1:]]} if block["t"] == "Header" else block
        for block in blocks
    ]


def _header(level: int, text: str) -> dict[str, Any]:
    words = [inline for word in text.split() for inline in ({"t": "Space"}, {"t": "Str", "c": word})][1:]
    return {"t": "Header", "c": [level, ["", [], []], words]}


def _follow(parts: Iterable[Part]) -> Iterable[Part]:
    """An output below words stands on their page."""
    before: Part | None = None
    for part in parts:
        yield replace(part, new_page=not isinstance(before, Narrative)) if isinstance(part, Shown) else part
        before = part
