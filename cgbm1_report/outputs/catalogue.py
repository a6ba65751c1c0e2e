"""All outputs of a trial in CSR order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from cgbm1_report.errors import DataError, PlanError, Problem, ReportError
from cgbm1_report.outputs import declarations
from cgbm1_report.outputs.lacking import require_declared
from cgbm1_report.protocol.e3 import E3Section
from cgbm1_report.protocol.outcomes import tell_methods, tell_unmade
from cgbm1_report.protocol.packages import PackageSection, packages, section_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Declaration, absent_families
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.make import make_output
from cgbm1_report.tabulate.numbers import find_reasons, match_number, nearest_numbers
from cgbm1_report.tabulate.reviews import tell_packed
from cgbm1_report.tabulate.table import Output, Stamp
from cgbm1_report.tabulate.view import Review, View

_TRIAL = "trial.yaml"


@dataclass(frozen=True)
class Entry:
    """One output of one phase: what ``list`` prints and ``show`` makes.

    ``links`` are the outputs of its phase it is linked with, in CSR order: of a table its listings, of a listing what
    is counted of it.
    """

    number: str
    phase: int
    declared: Declaration
    population: str
    links: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.declared.title

    @property
    def source(self) -> tuple[str, ...]:
        return self.declared.source

    @property
    def section(self) -> E3Section:
        """The section of ICH E3 it stands in; the phase digit is no part of it."""
        return section_of(self.declared.number)


def place_of(section: E3Section, trial: Trial, phase: int, dose_group: str = ALL_GROUPS) -> tuple[str, ...]:
    """The headings an output stands under: its section, then the phase, or in a document of its own the dose group.

    A package is of one phase, which its title page says: its sections are not parted.
    """
    if isinstance(section, PackageSection):
        return (section.heading,)
    part = trial.phases[phase].label if dose_group == ALL_GROUPS else trial.arm(dose_group).heading
    return section.heading, part


def csr_order(number: str) -> tuple[object, ...]:
    """Sorts numbers as a CSR does: by section of ICH E3, in each its tables, then figures, listings; 16.1.9a after 16.1.9."""
    found = section_of(number)
    section = found.order
    if isinstance(found, PackageSection):
        return (section, 0, [], (found.outputs.index(number),), number)
    digits = tuple(int(part) for part in re.findall(r"\d+", number))
    kind = "TFLNA".find(number[:1])
    letter = re.findall(r"(?<=\d)[a-z]", number.partition("-")[0])
    return (section, kind, letter, digits[len(section) :], number)


def scope_of(dose_group: str, package: str = "") -> str:
    """What a document shows outputs of, for `catalogue`: the package, else the report or one dose group."""
    return package or ("phase" if dose_group == ALL_GROUPS else "dose group")


def _is_in(declared: Declaration, scope: str) -> bool:
    """Whether an output is of a scope: the documents of dose groups take theirs from the report's too."""
    return declared.scope == scope or scope == "every" or (scope == "dose group" and declared.scope == "phase")


def phases_made(declared: Declaration, trial: Trial) -> tuple[int, ...]:
    """The phases an output may be made for: those of the trial, of a package the one that it is of."""
    package = packages().get(declared.scope)
    if package is None:
        return trial.phase_numbers
    phase = package.phase_in(trial)
    return () if phase is None else (phase,)


def catalogue(trial: Trial, *, scope: str = "phase") -> dict[str, Entry]:
    """Every output of the trial by its full number, in CSR order.

    ``scope`` is "phase" for the report, "dose group" for documents of one, the name of a package, or "every" for all of them.
    ``trial.outputs`` limits it; a number there that nothing declares is an error, and so is a listing that an output
    names and that is none of its data.
    """
    every = declarations(trial)
    _refuse_listings(every)
    found = {
        (number := declared.full_number(phase)): Entry(number, phase, declared, declared.population_in(phase, trial))
        for declared in every
        if _is_in(declared, scope)
        for phase in phases_made(declared, trial)
        if declared.in_phase(phase, trial)
    }
    if trial.outputs is not None:
        if scope not in packages():
            _refuse_unknown(trial, list(found))
        found = {number: entry for number, entry in found.items() if number in trial.outputs}
    return _link(dict(sorted(found.items(), key=lambda item: csr_order(item[0]))))


def _link(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Each output with those it is linked with, both ways; what is not made is linked with nothing."""
    found: dict[str, list[str]] = {number: [] for number in entries}
    for number, entry in entries.items():
        for listing in (f"{one}.{entry.phase}" for one in entry.declared.listings):
            if listing in entries:
                found[number].append(listing)
                found[listing].append(number)
    # Linked in the order of the catalogue, which is that of the CSR.
    order = {number: at for at, number in enumerate(entries)}
    return {number: replace(entry, links=tuple(sorted(found[number], key=order.__getitem__))) for number, entry in entries.items()}


def refuse_own(entries: Iterable[Entry]) -> None:
    """Refuse outputs that are declared outside this package, as in a notebook: the process that builds does not know them.

    They would be printed, and be in no results, no manifest and no index.

    Raises
    ------
    ReportError
        With every such output.
    """
    package = declarations.__module__
    own = [one for one in entries if not one.declared.body.__module__.startswith(f"{package}.")]
    if own:
        raise PlanError.of(
            Problem(
                f"output {one.number} is declared outside the package, in {one.declared.body.__module__}",
                rule="a build prints what the catalogue declares",
                remedy="declare it in a file of cgbm1_report/outputs, or show it in a notebook of your own",
            )
            for one in own
        )


def _refuse_listings(every: Iterable[Declaration]) -> None:
    """Refuse a listing that an output names where nothing declares it, it is no listing, or it holds nothing of its data."""
    known = {declared.number: declared for declared in every}
    problems = []
    for declared in known.values():
        for number in declared.listings:
            listing = known.get(number)
            if listing is None:
                told = f"names the listing {number}, which nothing declares"
            elif not number.startswith("L") or declared.number.startswith("L"):
                told = f"names {number} as its listing: an output leads to a listing"
            elif not set(listing.source) & set(declared.source):
                told = f"names the listing {number}, which lists {', '.join(listing.source)} and not {', '.join(declared.source)}"
            else:
                continue
            rule, remedy = "an output names the listings of its records", "name the listing that holds what it counts"
            problems.append(Problem(f"{declared.number} {told}", rule=rule, place=declared.number, remedy=remedy))
    if problems:
        raise PlanError.of(problems)


def _refuse_unknown(trial: Trial, known: list[str]) -> None:
    """Refuse what ``outputs`` of trial.yaml asks for and nothing declares, or what the trial declares too little for."""
    reasons = _reasons(trial)
    why = {**tell_unmade(trial, {}), **reasons}
    unknown = [number for number in trial.outputs or () if number not in known]
    if unknown:
        raise PlanError.of(
            Problem(
                f"{number} cannot be made: {why[number]}" if number in why else f"{number} is not declared",
                file="trial.yaml",
                rule="outputs",
                remedy=_mend(number, trial, reasons) if number in why else _nearest(number, known),
            )
            for number in unknown
        )


def _mend(number: str, trial: Trial, reasons: Mapping[str, str]) -> str:
    """What mends an output that is not made: of one that outcomes name, what such outputs can show of their datasets."""
    datasets = [] if number in reasons else list(dict.fromkeys(one.dataset for one, _ in trial.answers(number)))
    told = "; ".join(f"of {dataset} {methods}" for dataset in datasets if (methods := tell_methods(dataset)))
    wanted = f"ask for methods that it can show ({told})" if told else "declare it"
    return f"{wanted}, or take the number out of outputs"


def _reasons(trial: Trial) -> dict[str, str]:
    reasons = {
        declared.full_number(phase): declared.obstacle(phase, trial)
        for declared in declarations(trial)
        for phase in phases_made(declared, trial)
        if declared.is_meant_for(phase)
    }
    return {number: reason for number, reason in reasons.items() if reason}


def left_out(trial: Trial) -> dict[str, str]:
    """Outputs that are not made, in CSR order: the trial declares too little, or outcomes ask for what no output shows yet.

    Then the families it has none of.

    Where trial.yaml names its own ``outputs``, nothing else was meant to be made: only what outcomes ask of these is told.
    """
    made = {number: entry.declared.methods for number, entry in catalogue(trial).items()}
    unmade = tell_unmade(trial, made)
    if trial.outputs is not None:
        return {name: why for name, why in unmade.items() if name.removeprefix("in ") in made}
    reasons = {**unmade, **_reasons(trial)}
    absent = {package.title: why for package in packages().values() if (why := package.obstacle(trial))}
    return {**dict(sorted(reasons.items(), key=lambda item: _order_told(item[0]))), **absent_families(trial), **absent}


def _order_told(name: str) -> tuple[object, ...]:
    """Outputs in CSR order; then outcomes that name no output, which have an identifier and no number."""
    return (0, csr_order(name)) if re.match(r"[TFLNA]\d", name) else (1, name)


def require_group_of(dose_group: str, phase: int, trial: Trial) -> None:
    """Refuse a dose group of another phase: its column may have the name of one of this phase, with other subjects.

    Raises
    ------
    ReportError
        The dose group is not declared, or none of the phase.
    """
    if dose_group != ALL_GROUPS and trial.arm(dose_group).phase != phase:
        raise PlanError(
            f"dose group {dose_group} is not in phase {phase}",
            file=_TRIAL,
            rule="arms",
            remedy=f"use one of {', '.join(arm.armcd for arm in trial.arms_of(phase))}",
        )


def _nearest(number: str, known: list[str], phase: int | None = None) -> str:
    close = nearest_numbers(number, known, phase)
    return f"did you mean {', '.join(close)}?" if close else "cgbm1-report list names every output, in Python study.list()"


def find(number: str, trial: Trial, *, scope: str = "phase") -> Entry:
    """The one output with this number.

    Raises
    ------
    ReportError
        Nothing is declared under the number, or it is that of several phases; the full numbers are named.
    """
    found = find_every(number, trial, scope=scope)
    if len(found) > 1:
        raise PlanError(
            f"output {number} is made for phases {' and '.join(str(entry.phase) for entry in found)}",
            rule="output numbers",
            remedy=f"name one of {', '.join(entry.number for entry in found)}",
        )
    return found[0]


def find_every(
    number: str, trial: Trial, *, scope: str = "phase", phase: int | None = None, known: Mapping[str, Entry] | None = None
) -> list[Entry]:
    """The outputs a number names as people write it (`match_number`): one, or without its phase digit that of each phase.

    Parameters
    ----------
    phase
        Where it is given, of a number without its phase digit that phase's output alone, if there is one: else those of others.
        Of a number that is nobody's its own nearest ones are named.
    known
        The catalogue, where the caller has it; it is made anew for a number that it does not have.

    Raises
    ------
    ReportError
        Nothing is declared under the number: the nearest numbers are named, or why it is not made.
    """
    if not isinstance(number, str):
        raise PlanError(f"output {number!r} is no text", rule="output numbers", remedy='write its number in quotes, as "T14.1.1.1"')
    found = [known[one] for one in match_number(number, known)] if known else []
    if not found:
        entries = catalogue(trial, scope=scope)
        found = [entries[one] for one in match_number(number, entries)]
        if not found:
            raise _unknown(number, trial, list({**entries, **(known or {})}), scope, phase)
    return [entry for entry in found if entry.phase == phase] or found


def _unknown(number: str, trial: Trial, known: list[str], scope: str, phase: int | None) -> PlanError:
    rule, place = "output numbers", "catalogue"
    if scope == "phase" and match_number(number, catalogue(trial, scope="dose group")):
        told = f"output {number} is made of one dose group"
        return PlanError(told, rule=rule, place=place, remedy="name the group: --dose-group, in Python dose_group")
    packed = {} if scope in packages() else catalogue(trial, scope="every")
    if own := [packed[one] for one in match_number(number, packed)]:
        told, remedy = tell_packed(own[0].number, own[0].declared.scope, own[0].phase)
        return PlanError(told, rule=rule, place=place, remedy=remedy)
    if scope in packages() and match_number(number, catalogue(trial, scope="every")):
        remedy = f"it has {', '.join(known)}; leave out the package for those of the report"
        return PlanError(f"output {number} is not in package {scope}", rule=rule, place=place, remedy=remedy)
    if reasons := find_reasons(number, left_out(trial)):
        told = "; ".join(f"output {one} is not made: {why}" for one, why in reasons.items())
        return PlanError(told, rule=rule, place=place, remedy="cgbm1-report list names what is made")
    return PlanError(f"output {number!r} is unknown", rule=rule, place=place, remedy=_nearest(number, known, phase))


def make(
    entry: Entry,
    trial: Trial,
    adam: Mapping[str, pd.DataFrame],
    stamp: Stamp,
    *,
    dose_group: str = ALL_GROUPS,
    pooled: bool = False,
    review: Review | None = None,
    masked: bool = False,
    shown: tuple[str, ...] = (),
) -> Output:
    """Make one output from ADaM data; of a package for the review it is made for. ``masked`` makes its mock shell.

    ``shown`` are the only columns of it, where not all are shown.

    Raises
    ------
    ReportError
        A dataset or variable it needs is missing, or the data hold an unknown treatment; the output
        is named. The dose group is none of the output's phase.
    """
    require_group_of(dose_group, entry.phase, trial)
    require_declared([entry], trial, adam)
    view = View(
        trial, adam, entry.phase, trial.population(entry.population), stamp, dose_group, pooled, entry.declared.total,
        entry.declared.listed_in(entry.phase, trial), trial.dtypes_of(entry.number), review,
        masked=masked, shown=shown,
    )  # fmt: skip
    own = "" if dose_group == ALL_GROUPS else f"-{dose_group}"
    number, links = f"{entry.number}{own}", tuple(f"{link}{own}" for link in entry.links)
    place = place_of(entry.section, trial, entry.phase, dose_group)
    try:
        return replace(make_output(entry.declared, number, view), place=place, links=links)
    except ReportError as error:
        raise type(error)(f"{number} ({entry.title}) cannot be made: {error}") from error
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{number} ({entry.title}) cannot be made: {error}", rule="outputs", remedy="check the datasets it is made from"
        ) from error
