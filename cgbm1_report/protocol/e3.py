"""The sections of ICH E3 that outputs stand in, as schemas/e3.yaml names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, find_near

_FILE = "schemas/e3.yaml"
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True)
class E3Section:
    """A section of the report: its number, its title, whether ICH E3 asks every report for it."""

    number: str
    title: str
    expected: bool

    @property
    def heading(self) -> str:
        """Number and title, as the section is headed."""
        return f"{self.number} {self.title}"

    @property
    def order(self) -> tuple[int, ...]:
        """Sorts sections as E3 does: 16.1.9 before 16.1.10."""
        return _digits(self.number)


@cache
def _digits(number: str) -> tuple[int, ...]:
    found = _NUMBER.search(number)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


@cache
def e3_sections() -> tuple[E3Section, ...]:
    """Every section, in E3's order."""
    import yaml

    told = yaml.safe_load(asset("schemas", "e3.yaml").read_text(encoding="utf-8"))["sections"]
    return tuple(sorted((E3Section(**one) for one in told), key=lambda one: one.order))


def find_section(number: str) -> E3Section:
    """The section of this number.

    Raises
    ------
    ReportError
        There is none; the nearest are named.
    """
    known = {one.number: one for one in e3_sections()}
    if not isinstance(number, str):
        # 14.10 without quotes would be 14.1.
        raise PlanError(f"section {number!r} is no text", rule="sections of ICH E3", remedy=f'write it in quotes, as "{number}"')
    if number not in known:
        close = find_near(number, known, 3, 0.5)
        remedy = f"did you mean {', '.join(close)}?" if close else f"use one of {', '.join(known)}"
        raise PlanError(f"section {number!r} is unknown", file=_FILE, rule="sections of ICH E3", remedy=remedy)
    return known[number]


@cache
def section_of(output: str) -> E3Section:
    """The section an output stands in, by its number: the one whose number leads it.

    Raises
    ------
    ReportError
        No section's number does.
    """
    digits = _digits(output)
    holding = [one for one in e3_sections() if digits[: len(one.order)] == one.order]
    if not holding:
        raise PlanError(
            f"output {output} stands in no section",
            file=_FILE,
            rule="sections of ICH E3",
            remedy="number it by its section, or declare the section there",
        )
    return max(holding, key=lambda one: len(one.order))
