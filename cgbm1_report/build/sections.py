"""What ICH E3 expects of a report and what it holds: ``list --e3`` and build.log say it, a final report lacks nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError, Problem, number_of
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.e3 import E3Section, e3_sections
from cgbm1_report.protocol.outcomes import tell_unmade
from cgbm1_report.protocol.packages import find_package
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import ALL_GROUPS

State = Literal["there", "elsewhere", "missing", "not asked"]
_RULE = "a final report holds what ICH E3 expects"


@dataclass(frozen=True)
class Held:
    """A section of ICH E3: the outputs that stand there, else why there are none; ``missing`` has neither."""

    section: E3Section
    state: State
    outputs: tuple[str, ...] = ()
    reason: str = ""


def find_sections(trial: Trial, phase: int | None = None) -> list[Held]:
    """Every section of ICH E3, in its order: what is there, what is not in the report and why, what is missing.

    Of one phase, a section that only another phase has something of is that phase's.

    Raises
    ------
    PlanError
        trial.yaml says of a section with outputs that it is not in the report.
    """
    by_section: dict[str, list[str]] = {}
    phases: dict[str, set[int]] = {}
    for number, entry in catalogue(trial).items():
        phases.setdefault(entry.section.number, set()).add(entry.phase)
        if phase in (None, entry.phase):
            by_section.setdefault(entry.section.number, []).append(number)
    _refuse_both(trial, by_section)
    return [_hold(one, by_section.get(one.number, []), trial, sorted(phases.get(one.number, set()))) for one in e3_sections()]


def _hold(section: E3Section, outputs: Sequence[str], trial: Trial, phases: Sequence[int]) -> Held:
    if outputs:
        return Held(section, "there", tuple(outputs))
    if section.number in trial.not_in_report:
        return Held(section, "elsewhere", reason=trial.not_in_report[section.number])
    if phases:
        return Held(section, "elsewhere", reason=f"of {', '.join(trial.phases[number].label for number in phases)} only")
    if section.expected:
        return Held(section, "missing", reason="no output stands there")
    return Held(section, "not asked", reason="not asked of every report")


def _refuse_both(trial: Trial, by_section: dict[str, list[str]]) -> None:
    problems = [
        Problem(
            f"section {number} is said not to be in the report, and {', '.join(by_section[number])} stand there",
            "trial.yaml",
            "sections of ICH E3",
            f"not_in_report.{number}",
            "take the line out, or the outputs",
        )
        for number in trial.not_in_report
        if number in by_section
    ]
    if problems:
        raise PlanError.of(problems)


def is_part(request: Request) -> bool:
    """Whether some outputs, a dose group or a package are built alone: nobody expects the sections of a report of them."""
    return bool(request.package) or request.only is not None or request.dose_group not in (None, ALL_GROUPS)


def find_lacking(trial: Trial, phase: int | None = None) -> list[Problem]:
    """What a final report may not lack: sections that ICH E3 expects, and answers to registered outcomes."""
    problems = [
        Problem(
            f"section {held.section.heading} is missing: {held.reason}",
            "trial.yaml",
            _RULE,
            f"not_in_report.{held.section.number}",
            "declare its outputs, or say under not_in_report why the report does not hold it",
        )
        for held in find_sections(trial, phase)
        if held.state == "missing"
    ]
    made = {number: entry.declared.methods for number, entry in catalogue(trial).items()}
    own = trial if phase is None else trial.model_copy(update={"outcomes": tuple(o for o in trial.outcomes if o.phase == phase)})
    problems += [
        Problem(
            f"registered outcomes are not answered: {what}, {why}",
            "trial.yaml",
            "a final report answers every registered outcome",
            "outcomes",
            "declare the output with these methods, or correct what the outcome asks for",
        )
        for what, why in tell_unmade(own, made).items()
    ]
    return problems


def find_unmade(package: str, trial: Trial) -> list[Problem]:
    """The outputs that a package should hold and nothing declares: a committee that decides must know what it does not see."""
    made = catalogue(trial, scope="every")
    return [
        Problem(
            f"{number} of section {section.heading} is not in the package: nothing declares it",
            "schemas/packages.yaml",
            "a final package holds every output that is named",
            number,
            "declare the output, or build a draft",
        )
        for section in find_package(package).sections
        for number in section.outputs
        if number not in made
    ]


def ask_complete(request: Request, trial: Trial) -> list[str]:
    """What a draft of a whole report or package lacks, in words; of a part nothing is asked. A final one that lacks it is refused.

    Raises
    ------
    PlanError
        A final report, whole or of one phase, lacks sections or answers, or a final package outputs: with each of them.
    """
    if request.package and request.only is None:
        lacking = find_unmade(request.package, trial)
    elif is_part(request):
        return []
    else:
        lacking = find_lacking(trial, request.phase)
    if lacking and request.status == "final":
        raise PlanError.of(lacking)
    return [problem.message for problem in lacking]


def list_sections(trial: Trial) -> dict[str, object]:
    """What ``list --e3`` tells: each section with its state, and what a final report would lack."""
    sections = [
        {**asdict(held.section), "state": held.state, "outputs": list(held.outputs), "reason": held.reason}
        for held in find_sections(trial)
    ]
    return {"sections": sections, "lacking": [problem.message for problem in find_lacking(trial)]}


def tell_sections(found: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The lines of ``list --e3``, each with how far its further lines step back."""
    for one in found["sections"]:
        numbers = one["outputs"]
        what = f"{number_of(len(numbers), 'output')}: {_short(numbers)}" if numbers else one["reason"]
        yield f"{one['number']:8} {one['state']:10} {one['title']}  [{what}]", 20
    counts = Counter(one["state"] for one in found["sections"])
    yield (
        f"\n{number_of(len(found['sections']), 'section')}: {', '.join(f'{count} {state}' for state, count in counts.items())}.",
        0,
    )
    yield from ((f"a final report would lack: {message}", 2) for message in found["lacking"])


def _short(numbers: Sequence[str], most: int = 3) -> str:
    more = ["…"] if len(numbers) > most else []
    return ", ".join([*numbers[:most], *more])
