"""The trial as data: trial.yaml, read whole, with what its sections say of each other checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem, find_near
from cgbm1_report.protocol.baseline import Characteristic, Group, Subgroup
from cgbm1_report.protocol.clinical import CauseGroup, ClifCOf, DoseEscalation, EventTables, LiverInjury
from cgbm1_report.protocol.conventions import Conventions
from cgbm1_report.protocol.criteria import fill_criteria
from cgbm1_report.protocol.eligibility import Eligibility
from cgbm1_report.protocol.level_tables import LevelTable
from cgbm1_report.protocol.narratives import Narratives
from cgbm1_report.protocol.notebooks import check_notebooks
from cgbm1_report.protocol.registry import OF_MODELS, Answer, Asked, Method, Outcome
from cgbm1_report.protocol.schema import seen_blind
from cgbm1_report.protocol.sections import (
    POOLED,
    TOTAL,
    Aesi,
    Arm,
    Complication,
    Conversion,
    Criterion,
    Dictionary,
    Documentation,
    Frozen,
    Parameter,
    Phase,
    Population,
    Relatedness,
    Study,
    Switches,
    Teae,
    Visit,
)
from cgbm1_report.protocol.unblinding import Unblinding
from cgbm1_report.protocol.whole import check_whole
from cgbm1_report.protocol.wording import fill, tokens_in, words_of, words_of_arm, words_of_phase
from cgbm1_report.protocol.yamlfile import read_yaml

#: The group of causes of death that no group fits.
OTHER_CAUSE = "OTHER"

__all__ = ["POOLED", "TOTAL", "Trial", "make_trial", "read_trial"]


class Trial(Frozen):
    """The whole trial as declared in one trial.yaml.

    Another study brings its own file; sections it has no use for may be left out.
    """

    study: Study
    phases: dict[int, Phase]
    arms: tuple[Arm, ...]
    populations: tuple[Population, ...]
    parameters: dict[str, Parameter]
    #: Lines of the table of who the subjects are, of ADSL.
    demographics: tuple[Characteristic, ...] = ()
    #: Lines of the table of the disease at baseline, of ADSL.
    baseline_disease: tuple[Characteristic, ...] = ()
    #: How much treatment subjects had, as lines of ADSL, in a study that gives no infusions.
    exposure: tuple[Characteristic, ...] = ()
    #: Groups of subjects by a number of ADSL, by the variable that holds the group.
    groups: dict[str, Group] = Field(default_factory=dict)
    #: In whom survival is told by subgroup.
    subgroups: tuple[Subgroup, ...] = ()
    conventions: Conventions = Conventions()
    #: What the registry names, and which outputs answer it.
    outcomes: tuple[Outcome, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    clif_c_of: ClifCOf | None = None
    dose_escalation: DoseEscalation | None = None
    complications: tuple[Complication, ...] = ()
    #: Days between a complication and the adverse event, or the result, that goes with it.
    complication_near_days: int = Field(7, ge=0, le=365)
    #: Groups of causes of death (DTHCGR1), the first that fits; none: causes stand as they are recorded.
    causes_of_death: tuple[CauseGroup, ...] = ()
    eligibility: Eligibility | None = None
    #: Criteria of eligibility, by phase.
    ie_criteria: dict[int, tuple[Criterion, ...]] = Field(default_factory=dict)
    relatedness: Relatedness | None = None
    teae: Teae | None = None
    aesi: tuple[Aesi, ...] = ()
    event_tables: EventTables = EventTables()
    level_tables: tuple[LevelTable, ...] = ()
    liver_injury: LiverInjury | None = None
    narratives: Narratives | None = None
    synthetic_dictionary: Dictionary | None = None
    switches: Switches = Switches()
    unblinding: Unblinding | None = None
    #: Variables that schemas/ do not describe and that tell no treatment, by dataset of ADaM: seen of a phase while it is blind.
    seen_blind: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    #: Texts of footnotes by id: those that outputs print. A text may name values in braces.
    footnotes: dict[str, str] = Field(default_factory=dict)
    #: What an abbreviation stands for: it is explained where a page prints it.
    abbreviations: dict[str, str] = Field(default_factory=dict)
    documentation: Documentation = Documentation()
    #: The file stem of a dataset that has another name (``adlb: labs``), or the stems of its parts (``adlb: [adlbc, adlbh]``):
    #: up to 64 letters in lower case, digits, _ and -, whatever case the file has.
    datasets: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    #: The only outputs that are made, by full number; null: all that the trial declares enough for.
    outputs: tuple[str, ...] | None = None
    #: Sections of ICH E3 that the report does not hold, by number, with the reason: who files them, or why there is nothing.
    not_in_report: dict[str, str] = Field(default_factory=dict)
    #: Notebooks beside trial.yaml, or in folders below it, instead of those of the package.
    notebooks: tuple[str, ...] | None = None

    #: Texts as the file writes them, with their tokens: of arms and criteria by phase and code, of parameters and designs.
    _written_labels: tuple[str, ...] = PrivateAttr(())
    _written_parameters: dict[str, str] = PrivateAttr(default_factory=dict)
    _written_designs: dict[int, str] = PrivateAttr(default_factory=dict)
    _written_criteria: dict[int, dict[str, str]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _phases_are_told_apart(cls, data: Any) -> Any:
        """Refuse a phase that is named twice, as 1 and as '1': the later one would silently replace the other."""
        for section in ("phases", "ie_criteria") if isinstance(data, dict) else ():
            named = [str(key).strip() for key in data.get(section) or ()] if isinstance(data.get(section), dict) else []
            if len(set(named)) < len(named):
                raise ValueError(f"{section} names a phase twice")
        return data

    @model_validator(mode="after")
    def _words_are_filled(self) -> Trial:
        """Labels take their values in; a footnote waits for its page. What nobody can fill is left to the check of the whole."""
        values = words_of(self)

        def filled(text: str, known: dict[str, str]) -> str:
            return fill(text, known) if set(tokens_in(text)) <= known.keys() else text

        self._written_labels = tuple(arm.column_label for arm in self.arms)
        self._written_parameters = {code: one.label for code, one in self.parameters.items()}
        self._written_designs = {number: phase.design for number, phase in self.phases.items()}
        # The model is frozen for everyone else; what it says of itself is completed before anyone reads it.
        self.__dict__["parameters"] = {
            code: one.model_copy(update={"label": filled(one.label, values)}) for code, one in self.parameters.items()
        }
        self.__dict__["arms"] = tuple(
            arm.model_copy(update={"column_label": filled(arm.column_label, words_of_arm(arm))}) for arm in self.arms
        )
        self.__dict__["phases"] = {
            number: phase.model_copy(update={"design": filled(phase.design, words_of_phase(phase))})
            for number, phase in self.phases.items()
        }
        return self

    @model_validator(mode="after")
    def _criteria_are_filled(self) -> Trial:
        """Criteria take in the limits of their checks; what has none is left to the check of the whole."""
        self._written_criteria = {phase: {one.ietestcd: one.ietest for one in ones} for phase, ones in self.ie_criteria.items()}
        self.__dict__["ie_criteria"] = fill_criteria(self.ie_criteria, self.eligibility)
        return self

    def as_written(self) -> dict[str, Any]:
        """What a file of this protocol holds, its texts with their tokens: read again it is the same protocol."""
        content = self.model_dump(mode="json")
        for arm, label in zip(content["arms"], self._written_labels, strict=True):
            arm["column_label"] = label
        for code, label in self._written_parameters.items():
            content["parameters"][code]["label"] = label
        for number, design in self._written_designs.items():
            content["phases"][str(number)]["design"] = design
        for number, texts in self._written_criteria.items():
            for one in content["ie_criteria"][str(number)]:
                one["ietest"] = texts[one["ietestcd"]]
        return content

    @property
    def written_labels(self) -> tuple[str, ...]:
        """Labels of the arms as the file writes them."""
        return self._written_labels

    @property
    def written_criteria(self) -> dict[int, dict[str, str]]:
        """Texts of the criteria by phase and code as the file writes them."""
        return self._written_criteria

    @property
    def dataset_files(self) -> dict[str, tuple[str, ...]]:
        """The stems of the files that hold a dataset of ours, where the study names them: one, or those of its parts."""
        return {name: (stems,) if isinstance(stems, str) else stems for name, stems in self.datasets.items()}

    @property
    def teae_end_day(self) -> int | None:
        """Last elapsed day an event is treatment-emergent; None where the trial sets no end."""
        return self.teae.end_day if self.teae else None

    @property
    def observation_days(self) -> int:
        """Days a subject of the escalation is observed for a DLT before the dose is decided on; 0 without an escalation."""
        return self.dose_escalation.observation_days if self.dose_escalation else 0

    @property
    def event_periods(self) -> dict[str, tuple[int, int]]:
        """Periods an event may begin in, by name: they end on the days the registry names for survival."""
        ends = sorted({day for phase in self.phase_numbers for day in self.registry_days(phase, "LTFS")})
        starts = [0, *(day + 1 for day in ends)]
        return {f"Day {low}-{high}": (low, high) for low, high in zip(starts, ends, strict=False)}

    @property
    def ends_of_follow_up(self) -> dict[str, str]:
        """What CNSDTDSC says of a subject ``alive`` on the last day of follow-up, and of one who ``completed`` before it."""
        last = self.study.followup_days
        return {"alive": f"ALIVE AT DAY {last}", "completed": f"COMPLETED, LAST CONTACT BEFORE DAY {last}"}

    def words(self, phase: int, names: Collection[str]) -> dict[str, str]:
        """What footnotes of a phase that name these tokens may name, but for the dictionaries."""
        return {**words_of(self, names), "reference": self.phases[phase].reference or "the reference"}

    @cached_property
    def phase_numbers(self) -> tuple[int, ...]:
        return tuple(sorted(self.phases))

    @cached_property
    def complication_labels(self) -> dict[str, str]:
        """What is printed of each complication, by its term in the data."""
        return {complication.term: complication.label or complication.term for complication in self.complications}

    @property
    def death_groups(self) -> tuple[str, ...]:
        """The groups of causes of death, and that of causes which are in none of them."""
        return (*(one.group for one in self.causes_of_death), OTHER_CAUSE) if self.causes_of_death else ()

    def arms_of(self, phase: int) -> tuple[Arm, ...]:
        """Arms of a phase, in the order of its columns."""
        order = self.phases[phase].columns
        return tuple(sorted((arm for arm in self.arms if arm.phase == phase), key=lambda arm: order.index(arm.column)))

    def arm(self, armcd: str) -> Arm:
        """The arm with this code; an unknown code is an error."""
        return _find("arm", armcd, {arm.armcd: arm for arm in self.arms})

    def population(self, code: str) -> Population:
        """The analysis set with this code; an unknown code is an error."""
        return _find("population", code, {population.code: population for population in self.populations})

    def has_population(self, code: str, phase: int) -> bool:
        """Whether an analysis set is declared for a phase."""
        return any(one.code == code and phase in one.phases for one in self.populations)

    def parameter(self, paramcd: str) -> Parameter:
        """The parameter with this code; an unknown code is an error."""
        return _find("parameter", paramcd, self.parameters)

    def group_labels(self, variable: str) -> tuple[str, ...]:
        """The groups of a variable: those its limits make, or of supplied data those the demographic table names."""
        if variable in self.groups:
            return self.groups[variable].labels
        return next((tuple(one.categories or ()) for _, one in self.characteristics() if one.variable == variable), ())

    def characteristics(self) -> Iterator[tuple[str, Characteristic]]:
        """The lines of the tables that tell subjects by a variable of ADSL, each with its place."""
        sections = {"demographics": self.demographics, "baseline_disease": self.baseline_disease, "exposure": self.exposure}
        for section, lines in sections.items():
            yield from ((f"{section}.{at}", one) for at, one in enumerate(lines))

    def characteristic(self, variable: str) -> Characteristic:
        """The line that tells subjects by a variable of ADSL; another variable is an error."""
        return _find("variable", variable, {one.variable: one for _, one in self.characteristics()})

    def is_computed(self, paramcd: str) -> bool:
        """Whether the value in the standard unit is computed from what is measured: ICG retention from a concentration."""
        standard = self.parameter(paramcd).si_unit
        return any(one.param == paramcd and one.to_unit == standard for one in self.conversions)

    def registry_days(self, phase: int, paramcd: str) -> tuple[int, ...]:
        """Elapsed days the registry names for a parameter in a phase, over all its outcomes."""
        days = {day for o in self.outcomes if o.phase == phase and o.paramcd == paramcd for day in o.nominal_days}
        return tuple(sorted(days))

    def asked(self, number: str, phase: int, paramcd: str) -> Asked:
        """What the output of this number, without its phase, shows of a parameter: what outcomes that it answers ask of it.

        One that no outcome of the parameter names stands beside those that they name: it shows what they ask of any.
        """
        named = [(o, frozenset(a.methods)) for o, a in self.answers(f"{number}.{phase}") if o.paramcd == paramcd]
        every = [(o, o.methods) for o in self.outcomes if (o.phase, o.paramcd) == (phase, paramcd)]
        return Asked(tuple(sorted(named or every, key=lambda one: one[0].type != "primary")))

    def asked_of(self, number: str) -> frozenset[Method]:
        """What outcomes ask the output of this number to show."""
        return frozenset(method for _, answer in self.answers(number) for method in answer.methods)

    def answers(self, number: str) -> tuple[tuple[Outcome, Answer], ...]:
        """The outcomes that the output of this number answers, each with what it asks of it."""
        return tuple((one, answer) for one in self.outcomes for answer in one.outputs if answer.number == number)

    def models_of(self, number: str) -> dict[str, tuple[Outcome, Answer]]:
        """The models that the output of this number has, by parameter, with all that outcomes of the parameter ask of it."""
        found: dict[str, tuple[Outcome, Answer]] = {}
        for outcome, answer in self.answers(number):
            if OF_MODELS & set(answer.methods):
                before = found[outcome.paramcd][1].methods if outcome.paramcd in found else ()
                methods = tuple(dict.fromkeys((*before, *answer.methods)))
                found[outcome.paramcd] = (outcome, answer.model_copy(update={"methods": methods}))
        return found

    def population_of(self, number: str) -> str | None:
        """The analysis set that outcomes ask the output of this number to be of; none: that of such outputs."""
        return next((answer.population for _, answer in self.answers(number) if answer.population), None)

    def dtypes_of(self, number: str) -> tuple[str, ...]:
        """Kinds of derived records that stand at the visits of the output of this number."""
        return next((answer.dtypes for _, answer in self.answers(number)), ())

    def seen_of(self, dataset: str) -> frozenset[str]:
        """Variables of a dataset that are seen of a phase while it is blind: those of schemas/, and the study's own."""
        return seen_blind(dataset) | frozenset(self.seen_blind.get(dataset, ()))

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


Declared = TypeVar("Declared")


def _find(what: str, code: str, declared: Mapping[str, Declared]) -> Declared:
    """What a section declares under a code; an unknown code names the nearest ones that are declared."""
    if code in declared:
        return declared[code]
    near = find_near(code, declared, 3) or list(declared)[:20]
    remedy = f"declare it, or use one of {', '.join(near)}" if near else "declare it"
    raise PlanError(f"{what} {code!r} is not declared", file="trial.yaml", rule=f"{what}s", remedy=remedy)


#: Errors of pydantic that people meet, in words: what is wrong, and what mends it.
_SAID: dict[str, tuple[str, str]] = {
    "extra_forbidden": ("is no key that stands here", "correct its name, or take it out"),
    "missing": ("is not given", "write it"),
    "string_type": ("is no text: {given}", "put it in quotes"),
    "finite_number": ("is no number: {given}", "write a number"),
}


def tell_wrong(error: ValidationError, file: Path) -> list[Problem]:
    """What is wrong in a YAML file by its model, each with its place and its remedy."""
    problems = []
    for detail in error.errors():
        said, remedy = _SAID.get(detail["type"], (detail["msg"].removeprefix("Value error, "), "correct the key or its value"))
        if detail.get("input", "") is None:
            said, remedy = "is empty", "write its value, or leave the key out"
        place = ".".join(str(part) for part in detail["loc"] if part != "[key]")
        problems.append(Problem(said.format(given=repr(detail.get("input"))[:40]) if "{given}" in said else said,
                                str(file), detail["type"], place or "the whole file", remedy))  # fmt: skip
    return problems


def read_trial(path: Path | str | None = None) -> Trial:
    """Read the protocol from ``path``, or the trial.yaml that comes with the package.

    Raises
    ------
    PlanError
        The file is missing, is not YAML, has an unknown or repeated key or a value of the wrong
        kind, says two things that cannot both be, or names a notebook outside its own folder. All
        problems are named at once.
    """
    file = Path(path) if path else asset("trial.yaml")
    return make_trial(read_yaml(file), file)


def make_trial(data: Any, file: Path) -> Trial:
    """The protocol of what a file says, checked as a whole.

    Raises
    ------
    PlanError
        As `read_trial`.
    """
    if not isinstance(data, dict):
        told = "is empty" if data is None else "holds no sections"
        raise PlanError(told, file=file, rule="sections of trial.yaml", remedy="write the sections of a protocol, study: first")
    try:
        trial = Trial.model_validate(data)
    except ValidationError as error:
        raise PlanError.of(tell_wrong(error, file)) from error
    problems = [*check_whole(trial, file), *check_notebooks(trial.notebooks or (), file)]
    if problems:
        raise PlanError.of(problems)
    return trial
