"""Holds the headings of a document against the sections of ICH E3, or of a package: one tree, each output under its section.

The first level are the sections, each once and in E3's order; the second what stands under them in the output's
JSON (the phase, or the dose group); the third the outputs. In a package, which is of one phase, the second are the outputs.
Words of a notebook's author may bring headings of the third level, and none above.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from cgbm1_report.assets import asset
from cgbm1_report.readback.printed import Finding, Printed, plain

TREE = "one tree: section of ICH E3, phase, output; no section twice, no output outside its own"
_DIGITS = re.compile(r"\d+(?:\.\d+)*")
Heading = tuple[int, str]
#: Where a section of E3 stands, by its number; one of a package comes by its letter, behind all of E3.
Place = tuple[int, ...]


def _number(text: str) -> tuple[int, ...]:
    found = _DIGITS.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


@cache
def e3_headings() -> dict[tuple[int, ...], str]:
    """What each section of schemas/e3.yaml is headed, by its number."""
    import yaml

    told = yaml.safe_load(asset("schemas", "e3.yaml").read_text(encoding="utf-8"))["sections"]
    return {_number(one["number"]): plain(f"{one['number']} {one['title']}") for one in told}


@cache
def package_headings() -> tuple[dict[str, str], dict[str, Place]]:
    """Of the packages of schemas/packages.yaml the heading that each output stands under, and the place of each heading."""
    import yaml

    told = yaml.safe_load(asset("schemas", "packages.yaml").read_text(encoding="utf-8"))["packages"]
    headings: dict[str, str] = {}
    places: dict[str, Place] = {}
    for one in (section for package in told for section in package["sections"]):
        letter = one["number"].split("-")[-1]
        heading = plain(f"{letter} {one['title']}")
        headings |= dict.fromkeys(one["outputs"], heading)
        places[heading] = (1000, ord(letter))
    return headings, places


def section_heading(number: str, sections: Mapping[tuple[int, ...], str]) -> str:
    """The heading of the section an output belongs to: that of its package, else the longest number that leads its own."""
    own, packed = _number(number), package_headings()[0]
    if number in packed:
        return packed[number]
    leading = [section for section in sections if own[: len(section)] == section]
    return sections[max(leading, key=len)] if leading else ""


def check_tree(file: str, outputs: Iterable[Printed], headings: Sequence[Heading]) -> list[Finding]:
    """Findings where headings, in their order in a document, are not the tree of its outputs."""
    walk = _Walk(file, {one.title: one for one in outputs}, e3_headings())
    for one in walk.titles.values():
        if one.under[:1] != (section_heading(one.number, walk.sections),):
            walk.say(f"says it stands in {' / '.join(one.under)!r}", one.number)
    for level, text in headings:
        if level == 1:
            walk.section(text)
        elif level == 2 and not walk.is_undivided(text):
            walk.part(text)
        elif text in walk.titles:
            walk.output(level, walk.titles[text])
    for one in walk.titles.values():
        if (one.title,) not in walk.seen:
            walk.say("has no heading of it", one.number)
    return walk.findings


@dataclass
class _Walk:
    """The headings of a document, one after the other: where it is, and what it has met."""

    file: str
    titles: Mapping[str, Printed]
    sections: Mapping[tuple[int, ...], str]
    here: tuple[str, ...] = ()
    packed: Mapping[str, Place] = field(default_factory=lambda: package_headings()[1])
    last: tuple[int, ...] = ()
    seen: set[tuple[str, ...]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def say(self, said: str, output: str = "") -> None:
        self.findings.append(Finding(self.file, said, TREE, output, "headings"))

    def _meet(self, *heading: str) -> bool:
        """Whether a heading was met before."""
        twice = heading in self.seen
        self.seen.add(heading)
        return twice

    def section(self, text: str) -> None:
        number, self.here = self.packed.get(text) or _number(text), (text,)
        if text not in self.sections.values() and text not in self.packed:
            self.say(f"has a heading {text!r} of the first level, which is no section")
        elif self._meet("section", text):
            self.say(f"heads section {text!r} twice")
        elif number < self.last:
            self.say(f"has section {text!r} after {'.'.join(map(str, self.last))}")
        self.last = max(self.last, number)

    def is_undivided(self, text: str) -> bool:
        """Whether it is an output that stands right below its section."""
        return text in self.titles and len(self.titles[text].under) == 1

    def part(self, text: str) -> None:
        self.here = (*self.here[:1], text)
        if text not in {part for one in self.titles.values() for part in one.under[1:]}:
            self.say(f"has a heading {text!r} of the second level, which is no phase or dose group")
        elif self._meet("part", *self.here):
            self.say(f"heads {text!r} twice in {self.here[0]!r}")

    def output(self, level: int, one: Printed) -> None:
        if level != len(one.under) + 1 or self.here != one.under:
            self.say(f"has it at level {level} under {' / '.join(self.here)!r}", one.number)
        if self._meet(one.title):
            self.say("heads it twice", one.number)
