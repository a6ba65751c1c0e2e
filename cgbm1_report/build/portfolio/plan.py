"""What a portfolio names: read, and checked as a whole before the first build begins."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from cgbm1_report.build.gate import find_trial
from cgbm1_report.build.request import FORMATS, Request, settle_request
from cgbm1_report.build.target import refuse_place
from cgbm1_report.errors import PlanError, Problem, ReportError, find_near
from cgbm1_report.protocol.sections import Frozen, Text
from cgbm1_report.protocol.trial import read_trial, tell_wrong
from cgbm1_report.protocol.yamlfile import read_yaml
from cgbm1_report.system.whole import find_whole

_RULE = "portfolio"
#: A name is that of a build's folder: never a path, never hidden.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Wanted(Frozen):
    """How a build is made: what `build` asks for by options. What is not said is as it is there."""

    trial: Text | None = None
    phase: int | None = None
    dose_group: Text | None = None
    only: tuple[Text, ...] | None = None
    formats: tuple[Text, ...] = FORMATS
    use_adam: bool = False
    paper: Text = "a4"
    status: Literal["draft", "final"] = "draft"
    reference_doc: Text | None = None
    package: Text = ""
    review: Text = ""
    notebook_timeout: float = Field(default=1800, ge=1)


class Named(Wanted):
    """One build of the portfolio: its name, which is that of its folder, and its cut."""

    name: Text
    cut: Text = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name of a build's folder: letters, digits, and . _ - behind the first, at most 100 in all"
            )
        return name


class Portfolio(Frozen):
    """The file: where builds go, how each is made that does not say otherwise, and which there are."""

    out: Text = Field(min_length=1)
    #: Begin a chain of manifests beside the builds.
    chain: bool = False
    #: The private key that signs each of them.
    sign: Text | None = None
    each: Wanted = Wanted()
    builds: tuple[Named, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Study:
    """A build of the portfolio: its name, and what is asked for."""

    name: str
    request: Request


@dataclass(frozen=True)
class Plan:
    """What is built, in the order of the file, and into which folder."""

    file: Path
    out: Path
    studies: tuple[Study, ...]


def read_plan(file: Path, out: Path | None = None) -> Plan:
    """Read a portfolio, and ask of each build in it what can be asked before its data are read.

    Paths in the file begin in its folder, wherever it is read from; where it is a link, in that of the file it leads to.

    Parameters
    ----------
    out
        Where the builds go instead of where the file says: a path of who calls, which begins in the current folder.

    Raises
    ------
    PlanError
        With everything that is wrong, of all builds.
    """
    told = read_yaml(file)
    if not isinstance(told, dict):
        raise PlanError("holds no builds", file=file, rule=_RULE, remedy="write out: and builds:, each with name: and cut:")
    portfolio, wrong = _read_portfolio(told, file)
    plan, problems = _plan(portfolio, file, out) if portfolio else (None, [])
    if wrong or problems or plan is None:
        raise PlanError.of(dict.fromkeys([*wrong, *problems]))
    return plan


def _read_portfolio(told: dict[str, Any], file: Path) -> tuple[Portfolio | None, list[Problem]]:
    """The portfolio, and what is wrong with its keys; of one in which something is, what can be asked of all the same."""
    try:
        return Portfolio.model_validate(told), []
    except ValidationError as error:
        places = [one["loc"] for one in error.errors()]
        wrong = [_tell_key(one, place, told) for one, place in zip(tell_wrong(error, file), places, strict=True)]
    try:
        return Portfolio.model_validate(_leave_out(told, places)), wrong
    except ValidationError:
        return None, wrong


def _leave_out(told: dict[str, Any], places: list[tuple[int | str, ...]]) -> dict[str, Any]:
    """What a file says without the keys that are wrong, and without builds of which name or cut is not known."""
    left, lost = deepcopy(told), set()
    for place in places:
        match place:
            case ("builds", int(at), str(key), *_) if key not in ("name", "cut"):
                left["builds"][at].pop(key, None)
            case ("builds", int(at), *_):
                lost.add(at)
            case ("each", str(key), *_):
                left["each"].pop(key, None)
            case (str(key), *_):
                left.pop(key, None)
    builds = left.get("builds")
    return {**left, "builds": [one for at, one in enumerate(builds) if at not in lost]} if isinstance(builds, list) else left


def _tell_key(problem: Problem, place: tuple[int | str, ...], told: dict[str, Any]) -> Problem:
    """What is wrong with a key, and of which build by its name or its number; of one that is not known what may stand there."""
    said = replace(problem, rule=_RULE, place=_say_place(place, told) or problem.place)
    if problem.rule != "extra_forbidden":
        return said
    above, _, key = problem.place.rpartition(".")
    model = Wanted if above == "each" else Named if above.startswith("builds") else Portfolio
    near = find_near(key, model.model_fields, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return replace(said, remedy=f"{meant}here may stand {', '.join(model.model_fields)}")


def _say_place(place: tuple[int | str, ...], told: dict[str, Any]) -> str:
    """The key of a build: ``builds: october, formats``; a build without a name goes by its number, the first is 1."""
    match place:
        case ("builds", int(at), *keys):
            build = told["builds"][at]
            name = build.get("name") if isinstance(build, dict) and "name" not in keys else None
            whose = name if isinstance(name, str) else f"number {at + 1}"
            return f"builds: {', '.join([whose, *map(str, keys)])}"
    return ""


def _plan(portfolio: Portfolio, file: Path, out: Path | None) -> tuple[Plan, list[Problem]]:
    names = Counter(one.name.casefold() for one in portfolio.builds)
    problems = [
        Problem(f"{name} is the name of {count} builds", str(file), _RULE, "builds", "give each a name of its own")
        for name, count in names.items()
        if count > 1
    ]
    target = out or _beside(file, portfolio.out)
    plan = Plan(file, target, tuple(Study(one.name, _ask(one, portfolio, file, target)) for one in portfolio.builds))
    cuts = {f"the cut of {study.name}": study.request.cut for study in plan.studies}
    for study in plan.studies:
        # What an option of `build` says wrong stands here in the portfolio.
        wrong = _wrong_in(study.request, cuts, file)
        problems += [replace(one, place=f"builds: {study.name}", file=one.file or str(file)) for one in wrong]
    return plan, problems


def _beside(file: Path, name: str) -> Path:
    return find_whole(file.resolve().parent / name)


def _ask(named: Named, portfolio: Portfolio, file: Path, out: Path) -> Request:
    own = {name: getattr(named, name) for name in named.model_fields_set & Wanted.model_fields.keys()}
    wanted: dict[str, Any] = {name: getattr(portfolio.each, name) for name in Wanted.model_fields} | own
    for name in ("trial", "reference_doc"):
        wanted[name] = None if wanted[name] is None else _beside(file, wanted[name])
    sign = None if portfolio.sign is None else _beside(file, portfolio.sign)
    return Request(_beside(file, named.cut), find_whole(out) / named.name, **wanted, chain=portfolio.chain, sign=sign, jobs=1)


def _wrong_in(request: Request, cuts: dict[str, Path], file: Path) -> Iterator[Problem]:
    """What keeps one build from being made, as far as can be said without its data."""
    begins = f"; paths in {file.name} begin in {file.resolve().parent}"
    if not request.cut.is_dir():
        yield Problem("is no folder", str(request.cut), "a data cut", remedy=f"name the folder of a cut{begins}")
        return
    read = {"the Word template": request.reference_doc, "the signing key": request.sign}
    for what, path in read.items():
        if path is not None and not path.is_file():
            yield Problem("is not there", str(path), what, remedy=f"correct its path{begins}")
    if request.trial is not None and not request.trial.is_file():
        yield Problem("is not there", str(request.trial), "the protocol file", remedy=f"correct its path{begins}")
        return
    try:
        trial_file = find_trial(request.cut, request.trial)
        settle_request(request, read_trial(trial_file))
        refuse_place(request.target, folders=cuts, files={**read, "the protocol file": trial_file})
    except ReportError as error:
        yield from (problem.naming(request.trial) for problem in error.problems)
