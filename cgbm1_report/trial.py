"""The protocol as data: trial.yaml in frozen models that refuse unknown keys."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from cgbm1_report.assets import asset
from cgbm1_report.errors import Problem, ReportError

TOTAL = "Total"
POOLED = "All subjects"

#: YAML reads 2026-01-31 as a date and 2.0 as a number; the text is what was meant.
Text = Annotated[str, BeforeValidator(lambda value: value if value is None else str(value))]
Window = tuple[int, int]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Study(_Frozen):
    studyid: str
    title: str
    product: str
    product_long: str = ""
    indication: str
    sponsor: str
    manufacturer: str = ""
    sites: tuple[str, ...] = ()
    status: str = ""
    registry_phase_label: str = ""
    phase_label: str = ""
    followup_days: int
    registry_target: int | None = None
    time_origin: str = "first dose"
    source: str = ""
    data_cutoff: Text | None = None
    meddra_version: Text | None = None
    whodrug_version: Text | None = None


class Conventions(_Frozen):
    day_rule: str = ""
    tte_aval: str = ""
    days_per_year: float = 365.25
    percent: str = ""
    quantile: str = ""
    rounding: str = ""
    mean_dp: str = ""
    p_value: str = ""
    ci: str = ""
    decimals: dict[str, int | str] = {}
    columns: str = ""
    visits: str = ""
    #: The flag of the one record per subject, parameter and visit; null: AVISITN alone names it.
    visit_flag: str | None = "ANL01FL"


class Infusion(_Frozen):
    infusion: int
    target_day: int
    window: Window


class Visit(_Frozen):
    """A planned visit. Windows are elapsed days, both ends included."""

    visitnum: float | None
    visit: str
    avisitn: int | None
    avisit: str | None
    target_day: int | None
    target_ady: int | None = None
    protocol_window: Window | None
    analysis_window: Window | None
    source: str = ""
    rule: str | None = None


class Phase(_Frozen):
    label: str
    design: str
    columns: tuple[str, ...]
    infusions: tuple[Infusion, ...] = ()
    visits: tuple[Visit, ...] = ()
    blinded: bool = False
    reference: str | None = None
    min_days_between_infusions: int | None = None


class Arm(_Frozen):
    """One arm: its code in the data, the column it prints in, and what it was to receive."""

    armcd: str
    arm: str
    phase: int
    trt01pn: int
    column: str
    column_label: str
    registry_intervention: str = ""
    dose_per_infusion_e6_cells_per_kg: float | None = None
    infusions: int | None = None
    interval_days: int | None = None
    planned_cumulative_e6_cells_per_kg: float | None = None
    planned_n: tuple[int, int] | None = None
    background: str = ""
    blinded: bool = False


class OutcomeWindow(_Frozen):
    from_day: int
    to_day: int
    decision_to_day: int | None = None


class Outcome(_Frozen):
    """One registered outcome measure and the outputs that answer it."""

    id: str
    phase: int
    type: Literal["primary", "secondary", "other"]
    registry_order: int
    registry_title: str
    paramcd: str
    unit: str
    dataset: str
    nominal_days: tuple[int, ...]
    baseline_needed: bool
    window: OutcomeWindow | None
    favourable: Literal["lower_rate", "decrease", "increase", "higher", "none_prespecified"]
    analysis: str
    tlf: tuple[str, ...]
    note: str | None = None


class Parameter(_Frozen):
    """An analysis parameter; ``dp`` are the decimals its values are recorded with."""

    label: str
    dataset: str
    category: str | None = None
    short: str | None = None
    testcd: str | None = None
    si_unit: str | None = None
    dp: int = 0
    dp_individual: int | None = None
    codelist: tuple[str, ...] | None = None
    valid: tuple[float, float] | None = None
    range: tuple[int, int] | None = None
    note: str | None = None
    formula: str | None = None
    derivation: str | None = None
    units: str | None = None
    lower_bound_inputs: float | None = None
    creatinine_cap: float | None = None
    dialysis_creatinine: float | None = None
    dialysis_rule: str | None = None
    rounding: str | None = None
    cap: float | None = None
    components_rule: str | None = None
    components: tuple[str, ...] | None = None

    @property
    def param(self) -> str:
        """PARAM text: label with its unit."""
        return f"{self.label} ({self.si_unit})" if self.si_unit else self.label


class Conversion(_Frozen):
    param: str
    from_unit: str
    to_unit: str
    divide: float | None
    multiply: float | None


class Organ(_Frozen):
    code: str
    organ: str
    input: str
    s1: str
    s2: str
    s3: str
    organ_failure: str


class AclfGrade(_Frozen):
    grade: int | None
    when: str


class ClifCOf(_Frozen):
    organs: tuple[Organ, ...]
    missing_rule: str
    inputs: dict[str, str]
    aclf_grade: tuple[AclfGrade, ...]


class EscalationRule(_Frozen):
    id: str
    when: str
    action: str
    source: str | None = None


class DoseEscalation(_Frozen):
    cohort_size: int
    max_cohort: int
    sentinel: int
    sentinel_observation_days: int
    cohort_observation_days: int
    rules: tuple[EscalationRule, ...]
    order: tuple[str, ...]
    src_decisions: tuple[str, ...]


class Complication(_Frozen):
    code: str
    term: str
    definition: str
    baseline_flag: str
    ae_terms: tuple[str, ...] = ()


class Population(_Frozen):
    """An analysis set: its ADSL flag and the treatment variable its columns stand for."""

    code: str
    flag: str
    label: str
    treatment: Literal["TRT01P", "TRT01A"]
    phases: tuple[int, ...]
    definition: str


class Characteristic(_Frozen):
    """A line of the demographic table: a measured ADSL variable with its decimals, or a coded one.

    ``categories`` maps each code, in printing order, to its words.
    """

    variable: str
    label: str
    dp: int | None = None
    categories: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Characteristic:
        if (self.dp is None) == (self.categories is None):
            raise ValueError(f"{self.variable} needs either dp (measured) or categories (coded)")
        return self


class Criterion(_Frozen):
    ietestcd: str
    iecat: Literal["INCLUSION", "EXCLUSION"]
    ietest: str
    data_check: str
    checkable: bool
    check: str | None = None


class Relatedness(_Frozen):
    codelist: tuple[str, ...]
    related: tuple[str, ...]
    missing: str


class Teae(_Frozen):
    start: str
    end_day: int | None
    same_day_no_time: str = ""
    missing_onset: str = ""


class Aesi(_Frozen):
    code: str
    label: str
    rule: str
    terms: tuple[str, ...] = ()


class Dictionary(_Frozen):
    note: str
    terms: dict[str, tuple[str, ...]]
    #: Names of medication classes by ATC code, for codes the coded data give no name.
    atc: dict[str, str] = {}


class Switches(_Frozen):
    meld_bounds: Literal["unos", "none"] = "unos"
    meld_round: bool = False
    clif_liver_cut: Literal[">12", ">=12"] = ">12"
    fas_requires_dose: bool = False
    ctcae_baseline_rule: bool = True
    hyponatremia_symptomatic: Literal["by_ae", "always", "never"] = "by_ae"
    hypokalemia_symptomatic: Literal["by_ae", "always", "never"] = "by_ae"
    related_missing_as_related: bool = True
    multiplicity: Literal["none", "holm"] = "none"
    tte_plus_one: bool = False
    dlt_window_days: int = 28
    teae_end_day: int | None = 180
    #: False: the start of an event of unknown month that lies wholly before the first dose stays missing.
    impute_start_month: bool = True
    unblinded: bool = False


class Unblinding(_Frozen):
    file: str
    columns: tuple[str, ...]
    meaning: str = ""


class Assumption(_Frozen):
    id: str
    topic: str
    ambiguity: str
    choice: str


class Trial(_Frozen):
    """The whole trial as declared in one trial.yaml.

    Another study brings its own file; sections it has no use for may be left out.
    ``datasets`` names the file stem a study uses for one of ours (``adlb: adlbc``), ``outputs``
    limits the catalogue to those numbers, ``notebooks`` replaces the notebooks of the package by
    files beside trial.yaml.
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
    ie_criteria: dict[int, tuple[Criterion, ...]] = {}
    relatedness: Relatedness | None = None
    teae: Teae | None = None
    aesi: tuple[Aesi, ...] = ()
    synthetic_dictionary: Dictionary | None = None
    switches: Switches = Switches()
    unblinding: Unblinding | None = None
    footnotes: dict[str, str] = {}
    assumptions: tuple[Assumption, ...] = ()
    datasets: dict[str, str] = {}
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
        codes = [arm.armcd for arm in self.arms]
        wrong += [f"arm code {code} stands twice" for code in sorted({c for c in codes if codes.count(c) > 1})]
        for number, phase in self.phases.items():
            if phase.reference and phase.reference not in phase.columns:
                wrong.append(f"reference {phase.reference} is not a column of phase {number}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

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
        raise ReportError(
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
        raise ReportError(
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
            raise ReportError(
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
        raise ReportError(
            f"AVISITN {avisitn:g} is not a visit", file="trial.yaml", rule="phases.visits", remedy="declare the visit"
        )


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


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping; plain YAML would keep the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read YAML; a missing file, a syntax error and a repeated key are clear errors."""
    try:
        with path.open(encoding="utf-8") as stream:
            return yaml.load(stream, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}", file=path, remedy="check the path and its permissions") from error
    except yaml.YAMLError as error:
        raise ReportError(f"is not YAML: {error}", file=path, remedy="correct the syntax at the place named") from error


def read_trial(path: Path | str | None = None) -> Trial:
    """Read the protocol from ``path``, or the trial.yaml that comes with the package.

    Raises
    ------
    ReportError
        The file is missing, is not YAML, has an unknown or repeated key or a value of the wrong
        kind. All problems are named at once.
    """
    file = Path(path) if path else asset("trial.yaml")
    data = read_yaml(file)
    try:
        return Trial.model_validate(data)
    except ValidationError as error:
        raise ReportError.of(_problems(error, file)) from error
