"""What is asked for: a request as people write it, and settled into names that the trial declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from cgbm1_report.errors import ArgumentError, PlanError, Problem, ReportError, suggest
from cgbm1_report.paper import find_paper
from cgbm1_report.protocol.packages import find_package
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.cluster import parse_address
from cgbm1_report.system.whole import find_place
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.numbers import split_numbers

#: Formats of the whole report and of each output that are made where none is named; RTF is of each output only.
FORMATS = ("html", "docx", "pdf", "rtf")
DOCUMENTS = FORMATS[:3]
#: What may be asked for besides: workbooks of each output.
KNOWN = (*FORMATS, "xlsx")


Settled = TypeVar("Settled")


@dataclass(frozen=True)
class Request:
    """What to build: everything, or one phase, one dose group, some outputs, some formats; or a package, of a ``review``.

    ``only`` are numbers as `find_every` takes them; ``notebook_timeout`` are the seconds one notebook may take.
    """

    cut: Path
    out: Path | None = None
    trial: Path | None = None
    phase: int | None = None
    dose_group: str | None = None
    only: tuple[str, ...] | None = None
    formats: tuple[str, ...] = FORMATS
    engine: Literal["auto", "quarto", "embedded"] = "auto"
    notebook_engine: Literal["preloaded", "stock"] = "preloaded"
    notebook_timeout: float = 1800
    jobs: int = 2
    use_adam: bool = False
    paper: str = "a4"
    status: Literal["draft", "final"] = "draft"
    reference_doc: Path | None = None
    package: str = ""
    review: str = ""
    #: Begin a chain of manifests beside the build where there is none.
    chain: bool = False
    #: The private key that signs it.
    sign: Path | None = None
    #: An earlier build: what changed since is marked and listed.
    since: Path | None = None
    #: The cluster that carries out its parts, ``dask://host:port``; empty for processes of this machine.
    executor: str = ""
    #: Make it also where the build in its place has the same recipe.
    anew: bool = False

    @property
    def target(self) -> Path:
        """The folder that is made: where a link leads to. The link stays."""
        of_package = [self.package, self.dose_group or "", self.review] if self.package else []
        return find_place(self.out or Path("build") / "-".join(filter(None, [self.cut.resolve().name, *of_package])))


def settle_request(request: Request, trial: Trial) -> Request:
    """The request in the trial's own names: numbers in full, formats, sheet and dose group as they are declared.

    Raises
    ------
    ArgumentError
        With all that is wrong in it.
    """
    problems: list[Problem] = []

    def settle(find: Callable[[], Settled], otherwise: Settled) -> Settled:
        try:
            return find()
        except ReportError as error:
            problems.extend(error.problems)
            return otherwise

    paper = settle(lambda: find_paper(request.paper).name, request.paper)
    settle(lambda: _check_phase(request, trial), None)
    settle(lambda: parse_address(request.executor) if request.executor else "", "")
    named = replace(request, dose_group=settle(lambda: _find_group(request, trial), request.dose_group))
    packed = settle(lambda: _find_package(named, trial), None)
    formats = settle(lambda: _find_formats(request.formats), request.formats)
    only = settle(lambda: _find_numbers(packed, trial), None) if packed else None
    if packed is None or problems:
        raise ArgumentError.of(problems)
    return replace(packed, paper=paper, formats=formats, only=only)


def _check_phase(request: Request, trial: Trial) -> None:
    if request.phase is not None and request.phase not in trial.phases:
        phases = " or ".join(map(str, trial.phase_numbers))
        raise PlanError(f"phase {request.phase} is not declared", rule="--phase", remedy=f"use {phases}")


def _find_group(request: Request, trial: Trial) -> str | None:
    """The dose group by its code, in letters of either case."""
    if request.dose_group is None:
        return None
    codes = (ALL_GROUPS, *(arm.armcd for arm in trial.arms))
    found = next((code for code in codes if code.casefold() == request.dose_group.strip().casefold()), None)
    if found is None:
        told = f"dose group {request.dose_group!r} is not declared"
        raise PlanError(told, rule="--dose-group", remedy=suggest(request.dose_group, codes))
    if found != ALL_GROUPS and request.phase in trial.phases:
        # Not before: what declares outputs takes most of a second to load, and a build that is kept needs none of it.
        from cgbm1_report.outputs.catalogue import require_group_of

        require_group_of(found, request.phase, trial)
    return found


def _find_package(request: Request, trial: Trial) -> Request:
    """The package by its name with its review and dose group; without a package there is no review."""
    if not request.package:
        if request.review:
            raise PlanError("a review is of a package", rule="--review", remedy="name the package with --package, or leave it out")
        return request
    from cgbm1_report.tabulate.reviews import settle_review

    package = find_package(request.package)
    review = settle_review(package, request.dose_group, request.review, trial)
    phase = package.phase_in(trial)
    if request.phase not in (None, phase):
        told = f"package {package.name} is of phase {phase}, not {request.phase}"
        raise PlanError(told, rule="--phase", remedy="leave --phase out")
    if review is None:
        return replace(request, package=package.name)
    return replace(request, package=package.name, dose_group=review.armcd, review=review.kind.lower())


def _find_formats(given: Iterable[str]) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip().casefold() for text in given for part in text.split(",") if part.strip()))
    wrong = [
        Problem(f"format {name!r} is unknown", rule="formats", remedy=suggest(name, KNOWN)) for name in formats if name not in KNOWN
    ]
    if not formats:
        wrong = [Problem("no format is asked for", rule="formats", remedy=f"use {', '.join(KNOWN)}")]
    if wrong:
        raise PlanError.of(wrong)
    return formats


def _find_numbers(request: Request, trial: Trial) -> tuple[str, ...] | None:
    """The full numbers of the outputs that alone are built; None for all.

    A number without its phase digit is that of each phase that is built.
    """
    if request.only is None:
        return None
    from cgbm1_report.outputs.catalogue import find_every, scope_of

    group = ALL_GROUPS if request.package else request.dose_group or ALL_GROUPS
    phase = request.phase if request.phase in trial.phases else None
    built = next((arm.phase for arm in trial.arms if arm.armcd == group), phase)
    problems: list[Problem] = []
    found: list[str] = []
    for number in split_numbers(request.only):
        try:
            entries = find_every(number, trial, scope=scope_of(group, request.package), phase=built)
        except ReportError as error:
            problems += error.problems
            continue
        found += [entry.number for entry in entries]
        problems += [
            Problem(
                f"{number} is of phase {entry.phase}, and phase {built} is built",
                rule="--only",
                remedy="name outputs of that phase, or leave out --phase and --dose-group",
            )
            for entry in entries
            if built not in (None, entry.phase)
        ]
    if not problems and not found:
        problems = [Problem("no output is named", rule="--only", remedy="name one, as T14.1.1.1, or leave it out")]
    if problems:
        raise PlanError.of(problems)
    return tuple(dict.fromkeys(found))
