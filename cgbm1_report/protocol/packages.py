"""Packages of outputs for a committee, as schemas/packages.yaml names them: documents of their own, beside the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, suggest
from cgbm1_report.protocol import e3
from cgbm1_report.protocol.e3 import E3Section

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: What a pooled package tells of the cut itself, as datasets beside those of analysis: the findings of its validation, counted,
#: which are of no subject, and the record of unblinding without names.
FINDINGS, UNBLINDING = "FINDINGS", "UNBLINDING"
#: What blinding took out of supplied data, by phase: datasets with their variables and parameters, as a dataset beside them.
UNSEEN = "UNSEEN"
#: Numbers of E3 end before: sections of packages follow all of them.
_AFTER_E3 = 100


@dataclass(frozen=True)
class PackageSection(E3Section):
    """A section of a package: it names its outputs, since their numbers do not lead to it."""

    outputs: tuple[str, ...] = ()
    at: tuple[int, ...] = field(default=(), repr=False)

    @property
    def heading(self) -> str:
        """Its letter and title: that the package is this one is said by the title page."""
        return f"{self.number.rpartition('-')[2]} {self.title}"

    @property
    def order(self) -> tuple[int, ...]:
        """Behind all sections of E3, in the order of the file."""
        return self.at


@dataclass(frozen=True)
class Package:
    """A document for a committee.

    ``phase`` says of which phase it is, ``pooled`` whether no treatment may be in it, ``reviewed`` whether there is one for
    each review of each dose group.
    """

    name: str
    title: str
    phase: str
    pooled: bool
    reviewed: bool
    sections: tuple[PackageSection, ...]

    def phase_in(self, trial: Trial) -> int | None:
        """The phase it is made of; none where the trial has no such phase, or several."""
        if self.phase == "escalating":
            found = {number for one in trial.populations if one.flag == "DLTEVFL" for number in one.phases or tuple(trial.phases)}
            found = found if trial.dose_escalation else set()
        else:
            found = {number for number, phase in trial.phases.items() if phase.blinded}
        return next(iter(found)) if len(found) == 1 else None

    def obstacle(self, trial: Trial) -> str:
        """Why a trial has no such package; nothing where it has."""
        if self.phase_in(trial) is not None:
            return ""
        if self.phase == "escalating":
            return "trial.yaml declares no dose_escalation"
        several = any(phase.blinded for phase in trial.phases.values())
        return "the package is of one blinded phase, and trial.yaml declares " + ("several" if several else "none")


@cache
def packages() -> dict[str, Package]:
    """Every package by its name."""
    import yaml

    told = yaml.safe_load(asset("schemas", "packages.yaml").read_text(encoding="utf-8"))["packages"]
    found = {}
    for first, one in enumerate(told):
        sections = tuple(
            PackageSection(each["number"], each["title"], False, tuple(each["outputs"]), (_AFTER_E3 + first, second))
            for second, each in enumerate(one["sections"])
        )
        found[one["name"]] = Package(**{**one, "sections": sections})
    return found


def find_package(name: str) -> Package:
    """The package of this name, in letters of either case.

    Raises
    ------
    PlanError
        There is none.
    """
    known = packages()
    if name.strip().lower() not in known:
        raise PlanError(f"package {name!r} is unknown", rule="--package", remedy=suggest(name, known))
    return known[name.strip().lower()]


def packed_numbers() -> dict[str, str]:
    """The number of each output of a package, with the package."""
    return {number: one.name for one in packages().values() for section in one.sections for number in section.outputs}


def _sections() -> list[PackageSection]:
    return [section for package in packages().values() for section in package.sections]


def find_section(number: str) -> E3Section:
    """The section of this number, of ICH E3 or of a package.

    Raises
    ------
    ReportError
        There is none; the nearest of E3 are named.
    """
    return next((one for one in _sections() if one.number == number), None) or e3.find_section(number)


def section_of(output: str) -> E3Section:
    """The section an output stands in: that of the package that names it, else E3's.

    Raises
    ------
    ReportError
        No section holds it.
    """
    return next((one for one in _sections() if output in one.outputs), None) or e3.section_of(output)
