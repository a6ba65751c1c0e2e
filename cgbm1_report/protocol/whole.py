"""What the sections of a trial.yaml say of each other: two facts that cannot both be are refused, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from cgbm1_report.errors import Problem, suggest
from cgbm1_report.protocol.agree import Contradiction, twice
from cgbm1_report.protocol.codes import CODE_CHECKS
from cgbm1_report.protocol.criteria import CRITERIA_CHECKS
from cgbm1_report.protocol.derived import DERIVED_CHECKS
from cgbm1_report.protocol.e3 import e3_sections
from cgbm1_report.protocol.leaves import find_leaf
from cgbm1_report.protocol.level_tables import LEVEL_TABLE_CHECKS
from cgbm1_report.protocol.measured import UNIT_CHECKS
from cgbm1_report.protocol.narratives import NARRATIVE_CHECKS
from cgbm1_report.protocol.outcomes import OUTCOME_CHECKS
from cgbm1_report.protocol.schedule import SCHEDULE_CHECKS
from cgbm1_report.protocol.schema import schema_datasets
from cgbm1_report.protocol.sections import POOLED, TOTAL
from cgbm1_report.protocol.texts import TEXT_CHECKS
from cgbm1_report.protocol.wording import OF_A_PAGE, VALUES, tokens_in, words_of, words_of_arm, words_of_phase

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

Check = Callable[["Trial"], Iterator[Contradiction]]

#: The analysis sets of subjects of the dose escalation: they ask for its rules.
_OF_ESCALATION = "DLTEVFL"


def check_whole(trial: Trial, file: Path) -> list[Problem]:
    """Everything in a protocol that contradicts something else in it.

    Parameters
    ----------
    trial
        The protocol, every value of its right kind.
    file
        Where it was read, for the messages.

    Returns
    -------
    list
        A problem per contradiction, with its place and its remedy; nothing where the protocol is whole.
    """
    checks = (
        *CHECKS, *TEXT_CHECKS, *CODE_CHECKS, *SCHEDULE_CHECKS, *UNIT_CHECKS, *DERIVED_CHECKS, *CRITERIA_CHECKS, *OUTCOME_CHECKS,
        *NARRATIVE_CHECKS,
        *LEVEL_TABLE_CHECKS,
    )  # fmt: skip
    return [
        Problem(message, str(file), "the sections of trial.yaml agree", place, remedy)
        for check in checks
        for place, message, remedy in check(trial)
    ]


def _study(trial: Trial) -> Iterator[Contradiction]:
    if trial.study.followup_days < 1:
        yield "study.followup_days", f"{trial.study.followup_days} is no day after the first dose", "name the last day of follow-up"
    written = trial.study.data_cutoff
    if written is not None and not _is_date(written):
        yield "study.data_cutoff", f"{written!r} is no date", "write it as YYYY-MM-DD, or null"


def _is_date(written: str) -> bool:
    """Whether it is a day of the calendar, written as YYYY-MM-DD and in no other form of ISO 8601."""
    try:
        return date.fromisoformat(written).isoformat() == written
    except ValueError:
        return False


def _follow_up(trial: Trial) -> Iterator[Contradiction]:
    """What is watched for is watched for within follow-up: after it nobody sees it."""
    last = trial.study.followup_days
    ends = [("teae.end_day", "an event is treatment-emergent", trial.teae_end_day or 0)]
    ends += [("dose_escalation.observation_days", "a toxicity is watched for", trial.observation_days)]
    for place, what, day in ends:
        if day > last:
            yield place, f"{what} to day {day}, after follow-up ends on day {last}", "end it within study.followup_days"


def _arms(trial: Trial) -> Iterator[Contradiction]:
    for code in twice(arm.armcd for arm in trial.arms):
        yield "arms", f"arm code {code} stands twice", "give each arm a code of its own"
    for text in twice(arm.arm for arm in trial.arms):
        yield "arms", f"arm {text!r} stands twice", "give each arm a text of its own"
    for at, arm in enumerate(trial.arms):
        place = f"arms.{at}"
        if arm.phase not in trial.phases:
            yield f"{place}.phase", f"arm {arm.armcd} is in phase {arm.phase}, which is not declared", "declare the phase"
        elif arm.column not in trial.phases[arm.phase].columns:
            told = f"arm {arm.armcd} prints in column {arm.column}, which phase {arm.phase} does not have"
            yield f"{place}.column", told, f"use one of {', '.join(trial.phases[arm.phase].columns)}"
        if arm.dose_per_infusion_e6_cells_per_kg is not None and arm.dose_per_infusion_e6_cells_per_kg < 0:
            yield f"{place}.dose_per_infusion_e6_cells_per_kg", f"the dose of arm {arm.armcd} is below zero", "write its dose"
        if arm.planned_n and not 0 <= arm.planned_n[0] <= arm.planned_n[1]:
            low, high = arm.planned_n
            yield f"{place}.planned_n", f"arm {arm.armcd} plans {low} to {high} subjects", "write the smaller number first"


def _columns(trial: Trial) -> Iterator[Contradiction]:
    for number, phase in trial.phases.items():
        place, arms = f"phases.{number}", [arm for arm in trial.arms if arm.phase == number]
        if not arms:
            yield place, f"phase {number} has no arm", "declare its arms, or take the phase out"
        if not 1 <= number <= 9:
            yield place, f"phase {number} cannot end the number of an output", "number the phases from 1 to 9"
        for column in twice(phase.columns):
            yield f"{place}.columns", f"column {column} of phase {number} stands twice", "name it once"
        for column in twice(arm.column for arm in arms):
            yield f"{place}.columns", f"two arms of phase {number} print in column {column}", "give each its own"
        for column in {TOTAL, POOLED} & {arm.column for arm in arms}:
            yield (
                f"{place}.columns",
                f"an arm of phase {number} prints in column {column}, which holds all arms",
                "name it otherwise",
            )
        for order in twice(arm.trt01pn for arm in arms):
            yield "arms", f"two arms of phase {number} have the number {order} (trt01pn)", "give each its own"
        empty = [column for column in phase.columns if column not in {TOTAL, *(arm.column for arm in arms)}]
        for column in empty:
            yield f"{place}.columns", f"column {column} of phase {number} is no arm's", "declare its arm, or take it out"
        if TOTAL in phase.columns[:-1]:
            yield f"{place}.columns", f"{TOTAL} stands before other columns of phase {number}", f"put {TOTAL} last"
        if phase.reference is not None and phase.reference not in {arm.column for arm in arms}:
            told = f"reference {phase.reference} is not a column of phase {number}"
            yield f"{place}.reference", told, f"use one of {', '.join(arm.column for arm in arms)}, or null"


def _populations(trial: Trial) -> Iterator[Contradiction]:
    for code in twice(population.code for population in trial.populations):
        yield "populations", f"population {code} stands twice", "give each a code of its own"
    for flag in twice(population.flag for population in trial.populations):
        yield "populations", f"two populations have the flag {flag}", "give each a flag of its own"
    for label in twice(population.label for population in trial.populations):
        yield "populations", f"two populations are printed as {label!r}", "give each words of its own"
    for at, population in enumerate(trial.populations):
        for phase in population.phases:
            if phase not in trial.phases:
                told = f"population {population.code} is for phase {phase}, which is not declared"
                yield f"populations.{at}.phases", told, f"use {', '.join(str(number) for number in trial.phases)}"
        for phase in twice(population.phases):
            yield f"populations.{at}.phases", f"population {population.code} names phase {phase} twice", "name it once"
        if population.flag == _OF_ESCALATION and trial.dose_escalation is None:
            told = f"population {population.code} is of the dose escalation, which is not declared"
            yield f"populations.{at}", told, "declare dose_escalation, or take the population out"
    for variable in twice(item.variable for _, item in trial.characteristics()):
        section = next(place.split(".")[0] for place, item in trial.characteristics() if item.variable == variable)
        yield section, f"{variable} stands twice", "name it once"
    for place, item in trial.characteristics():
        for words in twice((item.categories or {}).values()):
            yield place.split(".")[0], f"two categories of {item.variable} are printed as {words!r}", "give each words of its own"


def _datasets(trial: Trial) -> Iterator[Contradiction]:
    known = schema_datasets("adam")
    for code, parameter in trial.parameters.items():
        if parameter.dataset not in known:
            told = f"parameter {code} is in dataset {parameter.dataset}, which is none of the analysis datasets"
            yield f"parameters.{code}.dataset", told, f"use one of {', '.join(known)}"
    tests = [(one.dataset, one.testcd or code) for code, one in trial.parameters.items()]
    for dataset, test in twice(tests):
        yield "parameters", f"two parameters of {dataset} are made from the test {test}", "give each a test of its own"


def _words(trial: Trial) -> Iterator[Contradiction]:
    """A token that no value fills would print as it is."""
    values = words_of(trial)
    footnotes = {**values, **dict.fromkeys(OF_A_PAGE, "")}
    texts = [(f"footnotes.{code}", f"footnote {code}", text, footnotes) for code, text in trial.footnotes.items()]
    texts += [(f"parameters.{code}.label", f"parameter {code}", one.label, values) for code, one in trial.parameters.items()]
    texts += [
        (f"arms.{at}.column_label", f"arm {arm.armcd}", arm.column_label, words_of_arm(arm)) for at, arm in enumerate(trial.arms)
    ]
    texts += [(f"phases.{n}.design", f"phase {n}", phase.design, words_of_phase(phase)) for n, phase in trial.phases.items()]
    for place, whose, text, known in texts:
        unknown = [name for name in tokens_in(text) if name not in known]
        if unknown:
            named = ", ".join(f"{{{name}}}" for name in unknown)
            undeclared = [name for name in unknown if name in VALUES]
            why = " of a section that is not declared" if undeclared and undeclared == unknown else ""
            told = f"{whose} names {named}{why}, which is none of {', '.join(sorted(known)) or 'nothing'}"
            yield place, told, "name a value, or write the text without braces"


def _stands(trial: Trial, place: str) -> bool:
    """Whether a single value, or a list of them, stands at a place of the protocol."""
    try:
        value, _ = find_leaf(trial, place)
    except KeyError:
        return False
    return not isinstance(value, Mapping | BaseModel)


def _documentation(trial: Trial) -> Iterator[Contradiction]:
    documented = trial.documentation
    for code in twice(assumption.id for assumption in documented.assumptions):
        yield "documentation.assumptions", f"assumption {code} stands twice", "give each an id of its own"
    for one in documented.assumptions:
        for place in one.settings:
            if not _stands(trial, place):
                told = f"assumption {one.id} is carried out by {place}, and no value stands there"
                yield "documentation.assumptions", told, "name the place of a value, as switches.meld_bounds"
    known = {population.code for population in trial.populations}
    for code in documented.populations:
        if code not in known:
            yield (
                f"documentation.populations.{code}",
                f"population {code} is not declared",
                f"use one of {', '.join(sorted(known))}",
            )


def _sections(trial: Trial) -> Iterator[Contradiction]:
    """What the report does not hold is a section of ICH E3."""
    known = [one.number for one in e3_sections()]
    for number in trial.not_in_report:
        if number not in known:
            yield f"not_in_report.{number}", "is no section of ICH E3", suggest(number, known)


CHECKS: tuple[Check, ...] = (_study, _follow_up, _arms, _columns, _populations, _datasets, _words, _documentation, _sections)
