"""The leaves of trial.yaml, what changes each of them, and who hears it.

A leaf is a value that stands at the end of a path; its kind is the path with positions in lists and
free keys folded to ``*``. A recorder notes which leaves each step of the way asks for while the small
study goes through it, so that after a change only those steps are made again.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.sections import Frozen
from cgbm1_report.protocol.trial import Trial, make_trial

Place = tuple[Any, ...]

FILE = asset("trial.yaml")

#: What a leaf that is null wherever it stands is changed to.
INSTEAD_OF_NULL: Mapping[str, Any] = {
    "study.data_cutoff": "2025-09-30",
    "study.meddra_version": "28.0",
    "study.whodrug_version": "B3 2025",
}


@cache
def protocol() -> Any:
    """trial.yaml as plain data."""
    return yaml.load(FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


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


# Who asks for what


#: A field of a model: the place of the model in the trial, and the field.
Asked = tuple[Place, str]


def _places(value: Any, place: Place = ()) -> Iterator[tuple[int, Place]]:
    if isinstance(value, BaseModel):
        yield id(value), place
        for name in type(value).model_fields:
            yield from _places(value.__dict__[name], (*place, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*place, key))
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            yield from _places(inner, (*place, position))


@contextmanager
def record_reads(trial: Trial) -> Iterator[set[Asked]]:
    """The fields of a trial and its sections that are asked for meanwhile."""
    places, asked = dict(_places(trial)), set()
    fields = {model: frozenset(model.model_fields) for model in _below(Frozen)}

    def listen(self: BaseModel, name: str) -> Any:
        if name in fields.get(type(self), ()) and id(self) in places:
            asked.add((places[id(self)], name))
        return object.__getattribute__(self, name)

    Frozen.__getattribute__ = listen  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        del Frozen.__getattribute__


def _below(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [model, *(deeper for inner in model.__subclasses__() for deeper in _below(inner))]


def field_of(place: Place, trial: Trial) -> Asked:
    """The field a leaf stands in or below: what code asks for when it asks for the leaf."""
    inner: Any = trial
    model, name = (), ""
    for depth, key in enumerate(place):
        if isinstance(inner, BaseModel):
            model, name = place[:depth], str(key)
            inner = inner.__dict__[key]
        else:
            inner = inner[key]
    return model, name


def differing_fields(one: Trial, other: Trial) -> set[Asked]:
    """Fields whose values differ between two trials: a change of one leaf may be told by others."""
    return set(_differences(one, other, (), ((), "")))


def _differences(one: Any, other: Any, place: Place, field: Asked) -> Iterator[Asked]:
    if isinstance(one, BaseModel) and type(one) is type(other):
        for name in type(one).model_fields:
            yield from _differences(one.__dict__[name], other.__dict__[name], (*place, name), (place, name))
    elif isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        for key in one:
            yield from _differences(one[key], other[key], (*place, key), field)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for position, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(*pair, (*place, position), field)
    elif one != other:
        yield field


# The way of the small study, step by step


@dataclass(frozen=True)
class Step:
    """One step of the way: what it makes of a trial, as something that can be compared."""

    name: str
    make: Callable[[Trial], Any]


def _comparable(frames: Mapping[str, pd.DataFrame]) -> dict[str, tuple[Any, ...]]:
    return {
        name: (list(frame.columns), frame.attrs.get("labels"), frame.astype("str").to_csv(index=False))
        for name, frame in frames.items()
    }


@cache
def _world() -> tuple[Trial, dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    from cgbm1_report.derive import derive_adam
    from tests.leaf_study import leaf_study
    from tests.small_study import CUTOFF, decisions

    trial = make_trial(protocol(), FILE)
    sdtm = leaf_study(trial)
    return trial, sdtm, derive_adam(sdtm, trial, CUTOFF, decisions())


def _stamp(trial: Trial) -> Any:
    from tests.drawn import stamp_of

    return stamp_of(trial)


def _list(trial: Trial) -> Any:
    from typer.testing import CliRunner

    from cgbm1_report import cli
    from cgbm1_report.protocol import trial as module

    read, module.read_trial = module.read_trial, lambda path=None: trial
    try:
        return CliRunner().invoke(cli.app, ["list"], catch_exceptions=False).stdout
    finally:
        module.read_trial = read


def _define(trial: Trial) -> Any:
    from cgbm1_report.define import creation_time
    from cgbm1_report.define.describe import describe_datasets
    from cgbm1_report.define.xml import emit_define_xml

    return emit_define_xml(describe_datasets(trial), trial, creation_time(trial))


def _unblind(trial: Trial) -> Any:
    """What the gate makes of a record that opens the blind phase, and one of a single subject."""
    from cgbm1_report.read.unblinding import check_unblinding, opened_one_by_one, opened_phases, tidy_unblinding
    from tests.small_study import CUTOFF, MEDIUM

    record = pd.DataFrame(
        {
            "PHASE": ["2", "2"], "SCOPE": ["PHASE", "SUBJECT"], "USUBJID": [None, MEDIUM],
            "UNBLDTC": ["2025-12-01", "2025-12-01"], "REASON": ["FINAL ANALYSIS", "EMERGENCY"], "NAME": ["Ann", "Ann"],
        }
    ).astype("str").replace("None", pd.NA)  # fmt: skip
    try:
        tidy = tidy_unblinding(record, "unblinding.csv", trial)
    except ReportError as error:
        return str(error)
    checked, problems = check_unblinding(tidy, "unblinding.csv", trial, _world()[1], CUTOFF)
    return opened_phases(checked, trial), opened_one_by_one(checked, trial), [str(problem) for problem in problems]


def _gate(trial: Trial) -> Any:
    """What may be seen of the small study before it is unblinded, and where its record would stand."""
    from cgbm1_report.build.gate import look_at
    from cgbm1_report.read.cut import Cut
    from cgbm1_report.read.unblinding import declared
    from tests.small_study import CUTOFF

    sdtm = _world()[1]
    cut = Cut(Path(), sdtm, {}, None, None, CUTOFF, True, {}, {})
    sight = look_at(cut, trial)
    return sorted(sight.pooled), _comparable(sight.sdtm), declared(trial).file


def _derive(trial: Trial) -> Any:
    from cgbm1_report.derive import derive_adam
    from tests.small_study import CUTOFF, decisions

    return _comparable(derive_adam(_world()[1], trial, CUTOFF, decisions()))


def _validate_sdtm(trial: Trial) -> Any:
    from cgbm1_report.validate import validate_sdtm
    from tests.small_study import CUTOFF, decisions

    return validate_sdtm(_world()[1], trial, CUTOFF, decisions()).to_csv(index=False)


def _validate_adam(trial: Trial) -> Any:
    from cgbm1_report.validate import validate_adam

    sdtm, adam = _world()[1:]
    return validate_adam(adam, trial, derived=adam, sdtm=sdtm).to_csv(index=False)


def _escalate(trial: Trial) -> Any:
    """What the escalation rules say of the cohorts, and what the gate says of the committee's decisions."""
    from cgbm1_report.validate import validate_escalation
    from tests.small_study import decisions, escalated

    sdtm = _world()[1]
    derived = escalated(sdtm, decisions(), trial)
    found = validate_escalation(sdtm, trial, decisions(), derived)
    return _comparable({"STATES": derived.states}), found.to_csv(index=False)


def _simulate(trial: Trial) -> Any:
    """The synthetic cut: every dataset of it, before it is written."""
    import numpy as np

    from cgbm1_report.simulate.course import live_through, record_domains
    from cgbm1_report.simulate.freeze import freeze, last_record

    people, tables, reviews = live_through(trial, 1, 1)
    day = last_record(tables) + np.timedelta64(1, "D")
    return _comparable(record_domains(people, freeze(tables, people, day, reviews), trial, day))


def _show(number: str, scope: str, group: str = "all", pooled: bool = False) -> Callable[[Trial], Any]:
    def make(trial: Trial) -> Any:
        from cgbm1_report.emit import emit_text
        from cgbm1_report.outputs.catalogue import catalogue
        from cgbm1_report.outputs.catalogue import make as make_output

        entry = catalogue(trial, scope=scope).get(number)
        if entry is None:
            return "not made"
        return emit_text(make_output(entry, trial, _world()[2], _stamp(trial), dose_group=group, pooled=pooled))

    return make


@cache
def steps() -> tuple[Step, ...]:
    """Every step of the way, the cheap ones first."""
    from cgbm1_report.outputs.catalogue import catalogue

    trial = _world()[0]
    made = [Step("list", _list), Step("unblinding", _unblind)]
    made += [Step(number, _show(number, "phase")) for number in catalogue(trial)]
    apart = catalogue(trial, scope="dose group").keys() - catalogue(trial).keys()
    groups = {number: next(iter(trial.arms_of(int(number[-1])))).armcd for number in sorted(apart)}
    made += [Step(f"{number} of {group}", _show(number, "dose group", group)) for number, group in groups.items()]
    blind = [number for number in ("T14.1.1.2",) if number in catalogue(trial)]
    made += [Step(f"{number} blinded", _show(number, "phase", pooled=True)) for number in blind]
    return (
        *made, Step("gate", _gate), Step("derive", _derive), Step("escalation", _escalate), Step("validate", _validate_sdtm),
        Step("validate ADaM", _validate_adam), Step("define", _define),
        Step("simulate", _simulate),
    )  # fmt: skip


@cache
def way() -> tuple[dict[str, Any], dict[str, frozenset[Asked]]]:
    """What every step makes of trial.yaml as it is, and what it asks for."""
    made, asked = {}, {}
    for step in steps():
        trial = make_trial(protocol(), FILE)
        with record_reads(trial) as reads:
            made[step.name] = _made(step, trial)
        asked[step.name] = frozenset(reads)
    return made, asked


def _made(step: Step, trial: Trial) -> Any:
    try:
        return step.make(trial)
    except ReportError as error:
        return f"stopped: {error}"


@dataclass(frozen=True)
class Answer:
    """What a change of a leaf did: ``refused`` at reading, ``changed`` something, only ``documentation``, or nothing."""

    kind: str
    outcome: Literal["refused", "changed", "documentation", "silent"]
    where: str = ""


def hearing_steps(leaf: Leaf, other: Trial) -> list[Step]:
    """The steps that ask for a leaf, or for what another value of it changes elsewhere in the trial."""
    trial = _world()[0]
    fields = {field_of(leaf.place, trial), *differing_fields(trial, other)}
    heard = [step for step in steps() if fields & way()[1][step.name]]
    return sorted(heard, key=lambda step: not _is_said(leaf, step))


def _is_said(leaf: Leaf, step: Step) -> bool:
    """Whether a step's page says the very words of a leaf: such a page is asked first."""
    page = way()[0][step.name]
    return isinstance(leaf.value, str) and len(leaf.value) > 3 and isinstance(page, str) and leaf.value in page


#: The output that prints what is only documentation.
DOCUMENTATION = "A16.1.9"


def try_leaf(leaf: Leaf, value: Any) -> Answer:
    """Change one leaf and see who tells."""
    try:
        other = read_changed(leaf.place, value)
    except ReportError as error:
        return Answer(leaf.kind, "refused", str(error))
    told, printed, stopped = "", "", ""
    for step in hearing_steps(leaf, other):
        before, after = way()[0][step.name], _made(step, other)
        if before == after:
            continue
        if isinstance(after, str) and after.startswith("stopped: ") and step.name not in ("derive", "gate", "simulate"):
            # It may only miss what ADaM of the changed trial would have; that is told when ADaM is derived.
            stopped = after
            continue
        if step.name.startswith(DOCUMENTATION):
            printed = step.name
            continue
        told = step.name
        break
    if told:
        return Answer(leaf.kind, "changed", told)
    if stopped:
        return Answer(leaf.kind, "refused", stopped)
    return Answer(leaf.kind, "documentation", printed) if printed else Answer(leaf.kind, "silent")


def _likely(leaf: Leaf) -> tuple[bool, bool, int]:
    """Order in which the leaves of a kind are tried: those a page says, those cheap steps ask for, null ones last."""
    field = field_of(leaf.place, _world()[0])
    heard = [place for place, step in enumerate(steps()) if field in way()[1][step.name]]
    said = any(_is_said(leaf, step) for step in steps())
    return (leaf.value is None, not said, heard[0] if heard else len(steps()))


#: Leaves of a kind that are tried before it is called silent.
MOST_TRIED = 6


def ask_kind(kind: str) -> Answer:
    """Change leaves of a kind, one at a time, until one is refused or changes something."""
    answer = Answer(kind, "silent")
    for leaf in sorted(leaves_by_kind()[kind], key=_likely)[:MOST_TRIED]:
        for value in other_values(leaf):
            found = try_leaf(leaf, value)
            if found.outcome in ("refused", "changed"):
                return found
            answer = found if found.outcome == "documentation" else answer
    return answer
