"""The way of the small study, step by step, and which leaves of trial.yaml each step asks for.

A recorder notes which fields each step asks for while the small study goes through it, so that after a change of
a leaf only those steps are made again. A step is as small as it can be and still be compared: one page, one dataset
derived from the others as they are, one rule.
"""

from __future__ import annotations

import fcntl
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import yaml
from pydantic import BaseModel

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.sections import Frozen
from cgbm1_report.protocol.trial import Trial, make_trial
from cgbm1_report.tabulate.view import Review

Place = tuple[Any, ...]

FILE = asset("trial.yaml")


@cache
def protocol() -> Any:
    """trial.yaml as plain data."""
    return yaml.load(FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


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
    """The fields of a trial and its sections that are asked for meanwhile, told when that is over."""
    places, seen, asked = dict(_places(trial)), set(), set()

    def listen(self: BaseModel, name: str) -> Any:
        # Steps ask hundreds of thousands of times: what of it is a field of the trial is told once, afterwards.
        seen.add((id(self), type(self), name))
        return object.__getattribute__(self, name)

    Frozen.__getattribute__ = listen  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        del Frozen.__getattribute__
        fields = {model: frozenset(model.model_fields) for model in _below(Frozen)}
        asked.update((places[one], name) for one, model, name in seen if one in places and name in fields.get(model, ()))


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
    """One step of the way: what it makes of a trial, as something that can be compared.

    A step that goes ``from_start`` needs nothing that was made of the trial as it was: where it stops, the change did it.
    """

    name: str
    make: Callable[[Trial], Any]
    from_start: bool = False
    is_page: bool = False


def same(one: Any, other: Any) -> bool:
    """Whether a step made the same: texts by their words, datasets by what their file would hold."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(frame, other[name]) for name, frame in one.items())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        told = [(list(frame.columns), frame.attrs.get("labels")) for frame in (one, other)]
        return told[0] == told[1] and (one.equals(other) or _written(one) == _written(other))
    return type(one) is type(other) and bool(one == other)


def _written(frame: pd.DataFrame) -> str:
    return frame.astype("str").to_csv(index=False)


@dataclass(frozen=True)
class _World:
    """The small study of trial.yaml as it is: what was collected, what is derived of it, and each derivation by itself."""

    trial: Trial
    sdtm: dict[str, pd.DataFrame]
    adam: dict[str, pd.DataFrame]
    derivations: tuple[Step, ...]


#: What `derive_adam` calls, one after the other, by module.
DERIVATIONS = {
    "adsl": ("derive_subjects", "add_exposure", "add_populations", "add_baselines"),
    "adex": ("derive_exposure_summary", "derive_adex"),
    **{name: (f"derive_{name}",) for name in ("adae", "adce", "addlt", "adlb", "adlbhy", "adeff", "advs", "adtte")},
    **{name: (f"derive_{name}",) for name in ("adcm", "addv", "adie", "adieck", "adis", "adlbq", "admh", "adpr", "adsv")},
}


@cache
def _world() -> _World:
    from cgbm1_report.derive import derive_adam
    from tests.leaf_study import leaf_study
    from tests.small_study import CUTOFF, decisions

    trial, called = make_trial(protocol(), FILE), []

    def note(derive: Callable[..., Any], *given: Any) -> Any:
        called.append(Step(derive.__name__, lambda other: derive(*(other if one is trial else one for one in given))))
        return derive(*given)

    sdtm = leaf_study(trial)
    with ExitStack() as patched:
        for name, functions in DERIVATIONS.items():
            module = import_module(f"cgbm1_report.derive.{name}")
            for function in functions:
                patched.enter_context(mock.patch.object(module, function, partial(note, getattr(module, function))))
        adam = derive_adam(sdtm, trial, CUTOFF, decisions())
    return _World(trial, sdtm, adam, tuple(called))


def _stamp(trial: Trial) -> Any:
    from tests.drawn import stamp_of

    return stamp_of(trial)


def _list(trial: Trial, *options: str) -> Any:
    from typer.testing import CliRunner

    from cgbm1_report import cli
    from cgbm1_report.protocol import trial as module

    read, module.read_trial = module.read_trial, lambda path=None: trial
    try:
        return CliRunner().invoke(cli.app, ["list", *options], catch_exceptions=False).stdout
    finally:
        module.read_trial = read


def _define(trial: Trial) -> Any:
    from cgbm1_report.define import creation_time
    from cgbm1_report.define.xml import emit_define_xml
    from cgbm1_report.validate.describe import describe_datasets

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
    checked, problems = check_unblinding(tidy, "unblinding.csv", trial, _world().sdtm, CUTOFF)
    return opened_phases(checked, trial), opened_one_by_one(checked, trial), [str(problem) for problem in problems]


def _gate(trial: Trial) -> Any:
    """What may be seen of the small study before it is unblinded, and where its record would stand."""
    from cgbm1_report.build.gate import look_at
    from cgbm1_report.protocol.unblinding import declared
    from cgbm1_report.read.cut import Cut
    from tests.small_study import CUTOFF

    sight = look_at(Cut(Path(), _world().sdtm, {}, None, None, CUTOFF, True, {}, {}), trial)
    return sorted(sight.pooled), dict(sight.sdtm), declared(trial).file


def _derive(trial: Trial) -> Any:
    from cgbm1_report.derive import derive_adam
    from tests.small_study import CUTOFF, decisions

    return derive_adam(_world().sdtm, trial, CUTOFF, decisions())


def _rules() -> Iterator[Step]:
    """Every rule of the gate as a step, of SDTM and of ADaM, and what the schemas demand of each dataset."""
    from cgbm1_report.validate.rules import load_rules, run_rule
    from cgbm1_report.validate.schemas import check_frame
    from cgbm1_report.validate.source import Source
    from cgbm1_report.validate.supplied import Supplied
    from tests.small_study import CUTOFF, decisions

    world = _world()
    collected = {**world.sdtm, "SRC_DECISIONS": decisions()}

    @_of_the_last_trial
    def source(trial: Trial) -> Source:
        return Source(collected, trial, CUTOFF, collected["SRC_DECISIONS"])

    @_of_the_last_trial
    def supplied(trial: Trial) -> Supplied:
        return Supplied(world.adam, trial, world.adam, Source(world.sdtm, trial, None, None), ())

    for name, frame in {**collected, **world.adam}.items():
        yield Step(f"schema of {name}", lambda trial, name=name, frame=frame: tuple(check_frame(frame, name, trial)))
    of_sdtm, of_adam = load_rules()
    for name, entry in of_sdtm.items():
        if entry.reads != "derived":
            yield Step(f"rule {name}", lambda trial, entry=entry: run_rule(entry, source(trial)))
    for name, entry in of_adam.items():
        yield Step(f"rule {name} of ADaM", lambda trial, entry=entry: run_rule(entry, supplied(trial)))


def _of_the_last_trial(make: Callable[[Trial], Any]) -> Callable[[Trial], Any]:
    """What is made of a trial, kept until another is asked for: rules share what they look up."""
    kept: list[Any] = [None, None]

    def of(trial: Trial) -> Any:
        if kept[0] is not trial:
            kept[:] = trial, make(trial)
        return kept[1]

    return of


def _escalate(trial: Trial) -> Any:
    """What the escalation rules say of the cohorts, and what the gate says of the committee's decisions."""
    from cgbm1_report.validate import validate_escalation
    from tests.small_study import decisions, escalated

    sdtm = _world().sdtm
    derived = escalated(sdtm, decisions(), trial)
    return derived.states, validate_escalation(sdtm, trial, decisions(), derived)


def _describe(trial: Trial) -> Any:
    """The trial as the synthetic cut describes it: the design and its summary."""
    import numpy as np

    from cgbm1_report.simulate.design_domains import design_domains
    from cgbm1_report.simulate.records import summarise_trial

    return {"TS": summarise_trial(trial, np.datetime64("2026-01-01", "s")), **design_domains(trial)}


def _simulate(trial: Trial) -> Any:
    """The synthetic cut: every dataset of it, before it is written."""
    import numpy as np

    from cgbm1_report.simulate.course import live_through, record_domains
    from cgbm1_report.simulate.freeze import freeze, last_record

    people, tables, reviews = live_through(trial, 1, 1)
    day = last_record(tables) + np.timedelta64(1, "D")
    return dict(record_domains(people, freeze(tables, people, day, reviews), trial, day))


def _show(
    number: str, scope: str, group: str = "all", pooled: bool = False, review: Review | None = None
) -> Callable[[Trial], Any]:
    def make(trial: Trial) -> Any:
        from cgbm1_report.emit import emit_text
        from cgbm1_report.outputs.catalogue import catalogue
        from cgbm1_report.outputs.catalogue import make as make_output

        entry = catalogue(trial, scope=scope).get(number)
        if entry is None:
            return "not made"
        # Versions are those of the machine, looked up in files each time.
        with mock.patch("cgbm1_report.outputs.methods.tell_versions", return_value={"cgbm1-report": "1.2.3"}):
            return emit_text(
                make_output(entry, trial, _world().adam, _stamp(trial), dose_group=group, pooled=pooled, review=review)
            )

    return make


@cache
def steps() -> tuple[Step, ...]:
    """Every step of the way, the cheap ones first."""
    from cgbm1_report.outputs.catalogue import catalogue

    trial = _world().trial
    made = [Step("list", _list), Step("list --e3", lambda trial: _list(trial, "--e3")), Step("unblinding", _unblind)]
    made += [Step(number, _show(number, "phase"), is_page=True) for number in catalogue(trial)]
    apart = catalogue(trial, scope="dose group").keys() - catalogue(trial).keys()
    groups = {number: next(iter(trial.arms_of(int(number[-1])))).armcd for number in sorted(apart)}
    made += [Step(f"{number} of {group}", _show(number, "dose group", group), is_page=True) for number, group in groups.items()]
    for name, package in packages().items():
        first = next((arm.armcd for arm in trial.arms_of(package.phase_in(trial) or 0)), "")
        review = Review(first, "COHORT") if package.reviewed else None
        shown = [number for number in ("SRC-12", "SRC-4", "DSMB-8") if number in catalogue(trial, scope=name)]
        made += [Step(number, _show(number, name, pooled=package.pooled, review=review), is_page=True) for number in shown]
    blind = [number for number in ("T14.1.1.2",) if number in catalogue(trial)]
    made += [Step(f"{number} blinded", _show(number, "phase", pooled=True), is_page=True) for number in blind]
    return (
        *made, *_rules(), *_world().derivations, Step("description", _describe, True),
        Step("define", _define), Step("gate", _gate, True), Step("escalation", _escalate),
        Step(WHOLE, _derive, True), Step("simulate", _simulate, True),
    )  # fmt: skip


@dataclass(frozen=True)
class Way:
    """What every step makes of trial.yaml as it is, what it asks for, and the seconds of work it is."""

    trial: Trial
    made: Mapping[str, Any]
    asked: Mapping[str, frozenset[Asked]]
    cost: Mapping[str, float]


def make_way(folder: Path) -> Way:
    """Make every step once; the processes that share a folder deal them among themselves."""
    told: dict[str, tuple[Any, frozenset[Asked], float]] = {}
    for wait in (False, True):
        for number, step in enumerate(steps()):
            if step.name not in told:
                with suppress(BlockingIOError):
                    told[step.name] = _made_once(folder / f"{number}.pickle", partial(_recorded, step), wait)
    return Way(_world().trial, *({name: one[part] for name, one in told.items()} for part in range(3)))


def _made_once(file: Path, make: Callable[[], Any], wait: bool) -> Any:
    """What a file holds, made by whoever comes first; without waiting, `BlockingIOError` while another makes it."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if not file.exists():
            file.write_bytes(pickle.dumps(make()))
        return pickle.loads(file.read_bytes())  # noqa: S301  # written above


@cache
def _unasked() -> bytes:
    """A trial that nobody has asked anything: read again it is another one, and sooner than from its file."""
    return pickle.dumps(make_trial(protocol(), FILE))


def _recorded(step: Step) -> tuple[Any, frozenset[Asked], float]:
    """What a step makes of a trial nobody has asked before, what it asks for, and the seconds of work."""
    trial, begun = pickle.loads(_unasked()), time.process_time()  # noqa: S301  # written there
    with record_reads(trial) as asked:
        made = make(step, trial)
    return made, frozenset(asked), time.process_time() - begun


def make(step: Step, trial: Trial) -> Any:
    """What a step makes of a trial, or why it stops."""
    try:
        return step.make(trial)
    except ReportError as error:
        return f"{STOPPED}{error}"


STOPPED = "stopped: "
#: All derivations, one after the other.
WHOLE = "derive"
#: Steps that make what no study ever gave.
SYNTHETIC = frozenset({"description", "simulate"})
