"""The trial as data: trial.yaml, read whole, with what its sections say of each other checked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.sections import (
    Aesi,
    Arm,
    Assumption,
    Characteristic,
    ClifCOf,
    Complication,
    Conventions,
    Conversion,
    Criterion,
    Dictionary,
    DoseEscalation,
    Frozen,
    Outcome,
    Parameter,
    Phase,
    Population,
    Relatedness,
    Study,
    Switches,
    Teae,
    Unblinding,
    Visit,
)
from cgbm1_report.protocol.wording import OF_A_PAGE, VALUES, fill, tokens_in, words_of, words_of_arm, words_of_phase

TOTAL = "Total"
POOLED = "All subjects"


class Trial(Frozen):
    """The whole trial as declared in one trial.yaml.

    Another study brings its own file; sections it has no use for may be left out.
    ``datasets`` names the file stem a study uses for one of ours (``adlb: adlbc``), ``outputs``
    limits the catalogue to those numbers, ``notebooks`` replaces the notebooks of the package by
    files beside trial.yaml or in folders below it.
    """

    study: Study
    phases: dict[int, Phase]
    arms: tuple[Arm, ...]
    populations: tuple[Population, ...]
    parameters: dict[str, Parameter]
    demographics: tuple[Characteristic, ...] = ()
    conventions: Conventions = Conventions()
    outcomes: tuple[Outcome, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    clif_c_of: ClifCOf | None = None
    dose_escalation: DoseEscalation | None = None
    complications: tuple[Complication, ...] = ()
    ie_criteria: dict[int, tuple[Criterion, ...]] = Field(default_factory=dict)
    relatedness: Relatedness | None = None
    teae: Teae | None = None
    aesi: tuple[Aesi, ...] = ()
    synthetic_dictionary: Dictionary | None = None
    switches: Switches = Switches()
    unblinding: Unblinding | None = None
    footnotes: dict[str, str] = Field(default_factory=dict)
    abbreviations: dict[str, str] = Field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    datasets: dict[str, str] = Field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    notebooks: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _references_hold(self) -> Trial:
        wrong = []
        for arm in self.arms:
            if arm.phase not in self.phases:
                wrong.append(f"arm {arm.armcd} is in phase {arm.phase}, which is not declared")
            elif arm.column not in self.phases[arm.phase].columns:
                wrong.append(f"arm {arm.armcd} prints in column {arm.column}, which phase {arm.phase} does not have")
        strays = [outcome for outcome in self.outcomes if outcome.phase not in self.phases]
        wrong += [f"outcome {outcome.id} is in phase {outcome.phase}, which is not declared" for outcome in strays]
        for outcome in self.outcomes:
            visits = {visit.avisitn for visit in self.phases[outcome.phase].visits} if outcome.phase in self.phases else set()
            days = [f"{day}" for day in outcome.nominal_days if day not in visits]
            if outcome.baseline_needed and days and outcome not in strays:
                wrong.append(f"outcome {outcome.id} names day {', '.join(days)}, which is no visit of phase {outcome.phase}")
        codes = [arm.armcd for arm in self.arms]
        wrong += [f"arm code {code} stands twice" for code in sorted({c for c in codes if codes.count(c) > 1})]
        for number, phase in self.phases.items():
            if phase.reference and phase.reference not in phase.columns:
                wrong.append(f"reference {phase.reference} is not a column of phase {number}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _words_are_filled(self) -> Trial:
        """Labels take their values in; a footnote waits for its page. A token nobody can fill is refused."""
        values, wrong = words_of(self), []

        def filled(place: str, text: str, known: dict[str, str]) -> str:
            unknown = [name for name in tokens_in(text) if name not in known]
            if not unknown:
                return fill(text, known)
            told = ", ".join(f"{{{name}}}" for name in unknown)
            wrong.append(f"{place} names {told}, which is none of {', '.join(sorted(known)) or 'nothing'}")
            return text

        for code, text in self.footnotes.items():
            filled(f"footnote {code}", text, dict.fromkeys((*VALUES, *OF_A_PAGE), ""))
        # The model is frozen for everyone else; what it says of itself is completed before anyone reads it.
        self.__dict__["parameters"] = {
            code: one.model_copy(update={"label": filled(f"parameter {code}", one.label, values)})
            for code, one in self.parameters.items()
        }
        self.__dict__["arms"] = tuple(
            arm.model_copy(update={"column_label": filled(f"arm {arm.armcd}", arm.column_label, words_of_arm(arm))})
            for arm in self.arms
        )
        self.__dict__["phases"] = {
            number: phase.model_copy(update={"design": filled(f"phase {number}", phase.design, words_of_phase(phase))})
            for number, phase in self.phases.items()
        }
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def teae_end_day(self) -> int | None:
        """Last elapsed day an event is treatment-emergent; None where the trial sets no end.

        The switch stands above the ``teae`` section where trial.yaml writes it; null in either is no end.
        """
        switch = self.switches.teae_end_day
        if self.teae is None:
            return switch
        if self.teae.end_day is None or switch is None:
            return None
        return switch if "teae_end_day" in self.switches.model_fields_set else self.teae.end_day

    @property
    def observation_days(self) -> int:
        """Days a subject of the escalation is observed before the dose is decided on."""
        return self.dose_escalation.cohort_observation_days if self.dose_escalation else self.switches.dlt_window_days

    def words(self, phase: int) -> dict[str, str]:
        """What a footnote of a phase may name, but for the dictionaries."""
        return {**words_of(self), "reference": self.phases[phase].reference or "the reference"}

    @cached_property
    def phase_numbers(self) -> tuple[int, ...]:
        return tuple(sorted(self.phases))

    def arms_of(self, phase: int) -> tuple[Arm, ...]:
        """Arms of a phase, in the order of its columns."""
        order = self.phases[phase].columns
        return tuple(sorted((arm for arm in self.arms if arm.phase == phase), key=lambda arm: order.index(arm.column)))

    def arm(self, armcd: str) -> Arm:
        """The arm with this code; an unknown code is an error."""
        for arm in self.arms:
            if arm.armcd == armcd:
                return arm
        raise PlanError(
            f"arm {armcd!r} is not declared",
            file="trial.yaml",
            rule="arms",
            remedy=f"use one of {', '.join(a.armcd for a in self.arms)}, or declare the arm",
        )

    def population(self, code: str) -> Population:
        """The analysis set with this code; an unknown code is an error."""
        for population in self.populations:
            if population.code == code:
                return population
        raise PlanError(
            f"population {code!r} is not declared",
            file="trial.yaml",
            rule="populations",
            remedy=f"use one of {', '.join(p.code for p in self.populations)}",
        )

    def parameter(self, paramcd: str) -> Parameter:
        """The parameter with this code; an unknown code is an error."""
        try:
            return self.parameters[paramcd]
        except KeyError:
            raise PlanError(
                f"parameter {paramcd!r} is not declared",
                file="trial.yaml",
                rule="parameters",
                remedy="declare it with its decimals",
            ) from None

    def registry_days(self, phase: int, paramcd: str) -> tuple[int, ...]:
        """Elapsed days the registry names for a parameter in a phase, over all its outcomes."""
        days = {day for o in self.outcomes if o.phase == phase and o.paramcd == paramcd for day in o.nominal_days}
        return tuple(sorted(days))

    def analysis_visits(self, phase: int) -> tuple[Visit, ...]:
        """Post-baseline visits that have an analysis window, by day."""
        visits = [v for v in self.phases[phase].visits if v.analysis_window and v.avisitn is not None]
        return tuple(sorted(visits, key=lambda visit: visit.avisitn or 0))

    def visit_label(self, avisitn: float) -> str:
        """AVISIT of an AVISITN."""
        for phase in self.phases.values():
            for visit in phase.visits:
                if visit.avisitn == avisitn and visit.avisit:
                    return visit.avisit
        raise PlanError(f"AVISITN {avisitn:g} is not a visit", file="trial.yaml", rule="phases.visits", remedy="declare the visit")


def _problems(error: ValidationError, file: Path) -> list[Problem]:
    return [
        Problem(
            detail["msg"],
            file=str(file),
            rule=detail["type"],
            place=".".join(str(part) for part in detail["loc"]),
            remedy="correct the key or its value",
        )
        for detail in error.errors()
    ]


# The parser in C takes a tenth of the time; not every build of PyYAML has it.
class _UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that stands twice in one mapping; plain YAML would keep the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


#: A protocol has some ten thousand lines at most, and lists within mappings some six deep.
_MOST_YAML, _DEEPEST_YAML = 10_000_000, 50


def _refuse_depth(text: str) -> None:
    """Refuse what is nested deeper than any protocol: the parser in C calls itself for each level until the process dies."""
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_YAML:
            mark = event.start_mark
            place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
            raise yaml.YAMLError(f"nested more than {_DEEPEST_YAML} deep at {place}")


def read_yaml(path: Path) -> Any:
    """Read YAML; a missing file, another encoding, a syntax error and a repeated key are clear errors."""
    try:
        if path.stat().st_size > _MOST_YAML:
            raise PlanError(f"has more than {_MOST_YAML:,} bytes", file=path, remedy="name a protocol file")
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_depth(text)
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror}", file=path, remedy="check the path and its permissions") from error
    except UnicodeDecodeError as error:
        place = f"line {error.object.count(10, 0, error.start) + 1}"
        raise PlanError("is not UTF-8", file=path, place=place, remedy="save the file as UTF-8") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        # A date such as 2025-02-30 is a ValueError of YAML, a list as a key a TypeError, a thousand brackets a RecursionError.
        raise PlanError(f"is not YAML: {error}", file=path, remedy="correct the syntax at the place named") from error


def read_trial(path: Path | str | None = None) -> Trial:
    """Read the protocol from ``path``, or the trial.yaml that comes with the package.

    Raises
    ------
    ReportError
        The file is missing, is not YAML, has an unknown or repeated key or a value of the wrong
        kind, or names a notebook outside its own folder. All problems are named at once.
    """
    file = Path(path) if path else asset("trial.yaml")
    data = read_yaml(file)
    try:
        trial = Trial.model_validate(data)
    except ValidationError as error:
        raise PlanError.of(_problems(error, file)) from error
    problems = _check_notebooks(trial.notebooks or (), file)
    if problems:
        raise PlanError.of(problems)
    return trial


def _check_notebooks(names: tuple[str, ...], file: Path) -> list[Problem]:
    """Problems of the notebooks a protocol names: they are code, so they come from its own folder and nowhere else."""
    folder = file.resolve().parent
    stems = [PurePosixPath(name).stem.casefold() for name in names]
    wrong = [(name, said) for name in names if (said := _strays(name, folder))]
    wrong += [
        (name, "has the name of another one, and both would be one executed notebook")
        for at, name in enumerate(names)
        if stems[at] in stems[:at]
    ]
    remedy = "put it beside trial.yaml or in a folder below it, under a name of its own"
    return [
        Problem(f"{name!r} {said}", str(file), "notebooks lie beside their trial.yaml", "notebooks", remedy) for name, said in wrong
    ]


def _strays(name: str, folder: Path) -> str:
    """What is wrong with the place of a notebook; empty where nothing is."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root:
        return "is not a path below trial.yaml"
    if ".." in path.parts or ".." in windows.parts:
        return "leads out of the folder of trial.yaml"
    if path.suffix != ".ipynb":
        return "is no notebook: its name does not end with .ipynb"
    try:
        inside = (folder / name).resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):  # a loop of links, a character no path can hold
        inside = False
    return "" if inside else "is a link out of the folder of trial.yaml"
