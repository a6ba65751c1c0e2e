"""The leaves of trial.yaml, what changes each of them, and who hears it.

A leaf is a value that stands at the end of a path; its kind is the path with positions in lists and
free keys folded to ``*``. After a change only the steps of the way that ask for the leaf are made again.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Literal

from pydantic import BaseModel

from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import Trial, make_trial
from tests.trial_way import (
    FILE,
    STOPPED,
    SYNTHETIC,
    WHOLE,
    Place,
    Step,
    Way,
    differing_fields,
    field_of,
    make,
    protocol,
    same,
    steps,
)

#: What a leaf that is null wherever it stands is changed to.
INSTEAD_OF_NULL: Mapping[str, Any] = {
    "phases.*.planned_events": 40,
    "study.data_cutoff": "2025-09-30",
    "study.meddra_version": "28.0",
    "study.whodrug_version": "B3 2025",
}


@dataclass(frozen=True)
class Leaf:
    """One value of trial.yaml: its place, its kind, and the values its type allows, where they are named."""

    place: Place
    kind: str
    value: Any
    allowed: tuple[Any, ...] = ()


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation holds, however deep in tuples, mappings and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models(inner)]


def _literals(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    return tuple(value for inner in typing.get_args(annotation) for value in _literals(inner))


def find_leaves(value: Any, annotation: Any = Trial, place: Place = (), kind: str = "") -> Iterator[Leaf]:
    """Every leaf below a place; empty lists and mappings have none."""
    if isinstance(value, dict):
        (model,) = _models(annotation)[:1] or (None,)
        fields = model.model_fields if model and set(value) <= set(model.model_fields) else None
        for key, inner in value.items():
            named = str(key) if fields else "*"
            own = fields[key].annotation if fields else annotation
            yield from find_leaves(inner, own, (*place, key), f"{kind}.{named}" if kind else named)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from find_leaves(inner, annotation, (*place, position), f"{kind}.*")
    else:
        yield Leaf(place, kind, value, _literals(annotation))


@cache
def leaves_by_kind() -> Mapping[str, tuple[Leaf, ...]]:
    """Every kind of leaf of trial.yaml with its leaves."""
    found: dict[str, list[Leaf]] = {}
    for leaf in find_leaves(protocol()):
        found.setdefault(leaf.kind, []).append(leaf)
    return {kind: tuple(leaves) for kind, leaves in found.items()}


def other_values(leaf: Leaf) -> Iterator[Any]:
    """Values of the same type the leaf could have instead."""
    value = leaf.value
    if value is None:
        others = [one.value for one in leaves_by_kind()[leaf.kind] if one.value is not None]
        others += [_at(one.place[:-1]) for one in leaves_by_kind().get(f"{leaf.kind}.*", ())[:1]]
        yield from others[:2]
        if leaf.kind in INSTEAD_OF_NULL:
            yield INSTEAD_OF_NULL[leaf.kind]
    elif isinstance(value, bool):
        yield not value
    elif leaf.allowed:
        yield from (one for one in leaf.allowed if one != value)
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield from (value * 2 + 1, value / 2)
    else:
        others = [one.value for one in leaves_by_kind()[leaf.kind] if one.value not in (None, value)]
        yield from (f"{value} otherwise", *others[:1])


def _at(place: Place) -> Any:
    inner = protocol()
    for key in place:
        inner = inner[key]
    return inner


def changed_protocol(place: Place, value: Any) -> Any:
    """trial.yaml as plain data with one value changed."""
    data = copy.deepcopy(protocol())
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return data


def read_changed(place: Place, value: Any) -> Trial:
    """The trial with one value of its file changed; refused as reading the file would."""
    return make_trial(changed_protocol(place, value), FILE)


Outcome = Literal["refused", "changed", "documentation", "silent"]
OUTCOMES: tuple[Outcome, ...] = typing.get_args(Outcome)


@dataclass(frozen=True)
class Answer:
    """What a change of a leaf did: ``refused`` at reading, ``changed`` something, only ``documentation``, or nothing."""

    kind: str
    outcome: Outcome
    where: str = ""


def hearing_steps(leaf: Leaf, other: Trial, way: Way) -> list[Step]:
    """The steps that ask for a leaf, or for what another value of it changes elsewhere in the trial.

    Pages that say it come first, then what is made soonest and the synthetic cut; where many pages ask, whatever they
    show, they come after all else. Every one of them is asked before a leaf is called silent.
    """
    fields = {field_of(leaf.place, way.trial), *differing_fields(way.trial, other)}
    heard = [step for step in steps() if fields & way.asked[step.name]]
    common = sum(step.is_page for step in heard) > MANY_PAGES

    def late(step: Step) -> tuple[bool, bool, bool, float]:
        return (not _is_said(leaf, step, way), common and step.is_page, step.name in SYNTHETIC, way.cost[step.name])

    return sorted(heard, key=late)


def _is_said(leaf: Leaf, step: Step, way: Way) -> bool:
    """Whether a step that asks for a leaf gives a page with its very words."""
    page = way.made[step.name]
    said = isinstance(leaf.value, str) and len(leaf.value) > 3 and isinstance(page, str) and leaf.value in page
    return said and field_of(leaf.place, way.trial) in way.asked[step.name]


#: Pages that ask for one leaf: more do so for their notes, whatever they hold.
MANY_PAGES = 20


def _is_common(leaf: Leaf, way: Way) -> bool:
    """Whether many pages ask for a leaf."""
    field = field_of(leaf.place, way.trial)
    return sum(step.is_page and field in way.asked[step.name] for step in steps()) > MANY_PAGES


#: The output that prints what is only documentation.
DOCUMENTATION = "A16.1.9"


def _try_to_read(leaf: Leaf, value: Any) -> Trial | Answer:
    """The trial with one leaf changed, or that it is refused."""
    try:
        return read_changed(leaf.place, value)
    except ReportError as error:
        return Answer(leaf.kind, "refused", str(error))


def _try_pages(leaf: Leaf, value: Any, way: Way) -> Answer | None:
    """Change one leaf and see whether a page that says it now says something else."""
    saying = [step for step in steps() if _is_said(leaf, step, way) and not step.name.startswith(DOCUMENTATION)]
    other = _try_to_read(leaf, value) if saying else None
    if not isinstance(other, Trial):
        return None
    for step in saying:
        after = make(step, other)
        if not after.startswith(STOPPED) and after != way.made[step.name]:
            return Answer(leaf.kind, "changed", step.name)
    return None


#: Steps that hear a kind and are tried before the many that only ask for it. One that hears it no more costs time, and nothing else.
HEARD_BY: Mapping[str, str] = {
    "arms.*.dose_per_infusion_e6_cells_per_kg": "rule actual_arm_fits_exposure",
    "clif_c_of.organs.*.inputs.*.bands.*.at_most": "derive_adeff",
    "dose_escalation.src_decisions.*": "escalation",
    **dict.fromkeys(
        (
            "eligibility.adult.years", "eligibility.artificial_liver.days", "eligibility.bilirubin.at_least",
            "eligibility.infarction.months", "eligibility.meld.below", "eligibility.organ_failures.count",
            "eligibility.thrombosis.months", "parameters.*.dataset", "parameters.*.meld.dialysis.within_days",
            "parameters.*.range.*",
        ),
        "define",
    ),
    "eligibility.organ_failures.organs.*.limits.*.at_most": "derive_adeff",
    "eligibility.organ_failures.organs.*.support.*": "derive_adeff",
    "outcomes.*.outputs.*.methods.*": "T14.2.5.2",
    "parameters.*.events.*": "T14.2.1.1",
    "phases.*.visits.*.protocol_window": "description",
}  # fmt: skip


def _try_known(leaf: Leaf, value: Any, way: Way) -> Answer | None:
    """Change one leaf and see whether the step that is known to hear its kind does."""
    known = [step for step in steps() if step.name == HEARD_BY.get(leaf.kind)]
    other = _try_to_read(leaf, value) if known else None
    if not isinstance(other, Trial):
        return None
    for step in known:
        after = make(step, other)
        if not (isinstance(after, str) and after.startswith(STOPPED)) and not same(way.made[step.name], after):
            return Answer(leaf.kind, "changed", step.name)
    return None


def try_leaf(leaf: Leaf, value: Any, way: Way) -> Answer:
    """Change one leaf and see who tells."""
    other = _try_to_read(leaf, value)
    if isinstance(other, Answer):
        return other
    printed, stopped = "", ""
    for step in hearing_steps(leaf, other, way):
        if step.name == WHOLE and not stopped:
            continue  # each derivation gives what it gave of the same, and so do they all, one after the other
        before, after = way.made[step.name], make(step, other)
        if same(before, after):
            continue
        if isinstance(after, str) and after.startswith(STOPPED) and not step.from_start:
            # It may only miss what ADaM of the changed trial would have; that is told when ADaM is derived.
            stopped = after
        elif step.name.startswith(DOCUMENTATION):
            printed = step.name
        else:
            return Answer(leaf.kind, "changed", step.name)
    if stopped:
        return Answer(leaf.kind, "refused", stopped)
    return Answer(leaf.kind, "documentation", printed) if printed else Answer(leaf.kind, "silent")


def _likely(leaf: Leaf, way: Way) -> tuple[bool, int, int]:
    """Order in which the leaves of a kind are tried: those a page says, long ones first, then those that cheap steps ask for.

    A short one may stand in the words of a page by chance. Null ones come last.
    """
    field = field_of(leaf.place, way.trial)
    heard = [place for place, step in enumerate(steps()) if field in way.asked[step.name]]
    said = any(_is_said(leaf, step, way) for step in steps())
    return (leaf.value is None, -len(leaf.value) if said else 0, heard[0] if heard else len(steps()))


#: Leaves of a kind that are tried before it is called silent.
MOST_TRIED = 6


def ask_kind(kind: str, way: Way) -> Answer:
    """Change leaves of a kind, one at a time, until one is refused or changes something.

    The step that is known to hear it is asked first, then pages that say one; where the likeliest does neither, or many pages ask for it, reading refuses others
    sooner than all steps are asked of each.
    """
    likely = sorted(leaves_by_kind()[kind], key=lambda leaf: _likely(leaf, way))
    tries = [(leaf, value) for leaf in likely[:MOST_TRIED] for value in other_values(leaf)]
    # A leaf that many pages ask for is made many pages of before it is called silent.
    first = 0 if any(_is_common(leaf, way) for leaf, _ in tries[:1]) else 1
    answers = chain(
        (_try_known(leaf, value, way) for leaf, value in tries),
        (_try_pages(leaf, value, way) for leaf, value in tries),
        (try_leaf(leaf, value, way) for leaf, value in tries[:first]),
        (_try_to_read(leaf, value) for leaf, value in tries[first:]),
        (try_leaf(leaf, value, way) for leaf, value in tries[first:]),
    )
    told = {}
    for answer in answers:
        if isinstance(answer, Answer):
            told[answer.outcome] = answer
        if told.keys() & {"refused", "changed"}:
            break
    return next((told[outcome] for outcome in OUTCOMES if outcome in told), Answer(kind, "silent"))
