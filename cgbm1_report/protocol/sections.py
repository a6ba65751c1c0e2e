"""What a protocol declares: its sections as frozen models that refuse unknown keys."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from cgbm1_report.protocol.clinical import Day, Meld, Span
from cgbm1_report.protocol.clinical import Frozen as Frozen
from cgbm1_report.protocol.eligibility import Check
from cgbm1_report.protocol.wording import print_unit


def _as_written(value: object) -> object:
    """YAML reads 2026-01-31 as a date and 27.10 as a number; the text is what was meant."""
    if isinstance(value, bool) or not isinstance(value, int | float | date):
        return value
    return getattr(value, "written", str(value))


Text = Annotated[str, BeforeValidator(_as_written)]
Window = tuple[Day, Day]
Count = Annotated[int, Field(le=1_000_000)]
#: Decimals of what is printed: more than a number of 64 bits has tell nothing.
Decimals = Annotated[int, Field(ge=0, le=10)]

#: The column over all arms of a phase, and the one column of a blinded phase.
TOTAL = "Total"
POOLED = "All subjects"


class Study(Frozen):
    studyid: str
    title: str
    product: str
    indication: str
    sponsor: str
    phase_label: str = ""
    #: Elapsed day on which the follow-up of every subject ends.
    followup_days: Day
    data_cutoff: Text | None = None
    meddra_version: Text | None = None
    whodrug_version: Text | None = None
    #: What the dose of an arm is, in words; it heads the note that spells out the doses of the dose groups.
    dose_label: str = "Dose"

    @property
    def dictionaries(self) -> dict[str, str | None]:
        """The version of each dictionary the data were coded with, by the token that footnotes name it with."""
        return {"meddra": self.meddra_version, "whodrug": self.whodrug_version}


class Infusion(Frozen):
    """A planned infusion: its number, its elapsed day, the days on which it may be given, both ends included."""

    infusion: int
    target_day: Day
    window: Window


class AnalysedAs(Frozen):
    """What supplied analysis data call a visit, where that is not its day: ``Week 8``."""

    avisitn: int = Field(ge=-1_000_000, le=1_000_000)
    avisit: str


class Visit(Frozen):
    """A planned visit: its number and name in the data, its day, its windows (elapsed days, both ends included).

    A visit with an analysis window is the analysis visit of its day; ``baseline`` marks the one whose
    values, collected before the first dose, are the baseline. In data that are supplied and not derived a visit without
    a window, the baseline too, may be ``analysed_as`` something else than its day.
    """

    visitnum: float = Field(ge=0, le=1e6)
    visit: str
    target_day: Day | None
    protocol_window: Window | None
    analysis_window: Window | None
    baseline: bool = False
    analysed_as: AnalysedAs | None = None

    @model_validator(mode="after")
    def _has_one_name(self) -> Visit:
        if self.analysed_as and (self.analysis_window or self.target_day is None):
            raise ValueError(f"visit {self.visit} is analysed_as a name of its own: it has a target_day and no analysis_window")
        return self

    @property
    def analysed_day(self) -> int | None:
        """The elapsed day it is analysed as, 0 of the baseline visit; None where nothing is analysed under the visit."""
        if self.baseline:
            return 0
        return self.target_day if self.analysis_window or self.analysed_as else None

    @property
    def avisitn(self) -> int | None:
        """AVISITN: the day of an analysis visit, or the number that supplied data have for it."""
        return self.analysed_as.avisitn if self.analysed_as else self.analysed_day

    @property
    def avisit(self) -> str | None:
        """AVISIT: the analysis visit in words."""
        if self.analysed_as:
            return self.analysed_as.avisit
        return "Baseline" if self.baseline else None if self.avisitn is None else f"Day {self.avisitn}"


class Phase(Frozen):
    """A part of the trial: its ``columns`` in the order of the page, the one that others are compared with as ``reference``."""

    label: str
    design: str
    columns: tuple[str, ...]
    infusions: tuple[Infusion, ...] = ()
    visits: tuple[Visit, ...] = ()
    blinded: bool = False
    reference: str | None = None
    min_days_between_infusions: Span | None = Field(None, ge=1)
    #: What of an infusion is held against the plan to tell its compliance. Those who infuse see the volume of every arm;
    #: cells are not seen while a phase is blind, and a placebo has none.
    compliance_of: Literal["cells", "volume"] = "volume"
    #: Events of transplant-free survival that the phase was planned to observe; none where the plan names no number.
    planned_events: Count | None = None


class Arm(Frozen):
    """One arm: its code in the data, the column it prints in, the dose of each of its phase's infusions, its size."""

    armcd: str
    arm: str
    phase: int
    trt01pn: int
    #: How sentences, rows and pictures name it. In supplied ADaM it is the text of TRT01P and TRT01A, letter by letter; of who was
    #: not randomised or not treated, screen failures too, these are empty.
    column: str
    #: How pages head its column: its name with the dose. Where it begins with another name than the column, the head says both.
    column_label: str
    dose_per_infusion_e6_cells_per_kg: float | None = Field(None, le=1e6)
    planned_n: tuple[Count, Count] | None = None

    @property
    def is_dosed(self) -> bool:
        """Whether it is to receive the product: a dose of 0 is a placebo's, which has none to summarise."""
        return self.dose_per_infusion_e6_cells_per_kg != 0

    @property
    def heading(self) -> str:
        """Its column and dose as pages head it; ``column_label`` is how data spell it."""
        label = print_unit(self.column_label)
        return label if f"{label} ".startswith(f"{self.column} ") else f"{self.column} ({label})"


class Quality(Frozen):
    """A valid elastography: so many shots at least, an interquartile range of at most so many per cent of the median."""

    shots_at_least: int = Field(ge=1)
    iqr_percent_at_most: float = Field(gt=0, le=100)


class Parameter(Frozen):
    """An analysis parameter; ``dp`` are the decimals its values are recorded with."""

    label: str
    dataset: str
    category: str | None = None
    short: str | None = None
    testcd: str | None = None
    si_unit: str | None = None
    dp: Decimals = 0
    dp_individual: Decimals | None = None
    codelist: tuple[str, ...] | None = Field(None, min_length=1)
    #: Of a time to an event: what EVNTDESC may say of its events (CNSR = 0), letter for letter as the data spell it, and the
    #: words a table has for each: {Death: Death}. What EVNTDESC says of a censored record is the data's own. Without it any
    #: text is an event's.
    events: dict[str, str] = Field(default_factory=dict)
    #: Of a time to an event: the values of CNSR that rule the event out for good, and the words a table has for each.
    competing: dict[str, str] = Field(default_factory=dict)
    #: Of the compliance of an infusion: the limits (%) within which, both included, it was given as planned.
    compliant: tuple[float, float] | None = None
    #: Limits of a reported score: a value beyond one is reported as the limit.
    range: tuple[float, float] | None = None
    #: Of a liver stiffness: which measurements are valid.
    quality: Quality | None = None
    #: How MELD is computed.
    meld: Meld | None = None

    @property
    def param(self) -> str:
        """PARAM text: label with its unit."""
        return f"{self.label} ({self.si_unit})" if self.si_unit else self.label

    @property
    def compliance_groups(self) -> tuple[str, ...]:
        """Below, within and above the limits of a compliance, in words; none without limits."""
        if self.compliant is None:
            return ()
        lower, upper = self.compliant
        return f"<{lower:g}%", f"{lower:g}-{upper:g}%", f">{upper:g}%"

    @property
    def name(self) -> str:
        """The one name pages have for it, in titles, heads and rows alike; PARAM keeps the label of the data."""
        return self.short or self.label

    @property
    def unit(self) -> str:
        """Its unit as pages print it; nothing where it has none."""
        return print_unit(self.si_unit or "")

    @property
    def heading(self) -> str:
        """Its name with its unit, as pages head it."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


class Conversion(Frozen):
    """How a parameter gets from one unit to another: divided or multiplied."""

    param: str
    from_unit: str
    to_unit: str
    divide: float | None = None
    multiply: float | None = None

    @model_validator(mode="after")
    def _has_one_factor(self) -> Conversion:
        if (self.divide is None) == (self.multiply is None) or not (self.divide or self.multiply or 0) > 0:
            raise ValueError(f"{self.param} needs one conversion with either divide or multiply, above 0")
        if self.from_unit == self.to_unit:
            raise ValueError(f"the conversion of {self.param} is from {self.from_unit} to itself")
        return self


class LaboratorySign(Frozen):
    """What of a laboratory test shows a complication: a result ``below`` a limit, or a ``rise``, by so much or to a multiple.

    Limits are in the parameter's own unit; the multiple is one of baseline.
    """

    paramcd: str
    below: float | None = Field(None, gt=0)
    rise: float | None = Field(None, gt=0)
    times_baseline: float | None = Field(None, gt=1)

    @model_validator(mode="after")
    def _says_one(self) -> LaboratorySign:
        if (self.below is None) == (self.rise is None) or (self.rise is None) != (self.times_baseline is None):
            raise ValueError("is a result below a limit, or a rise with its times_baseline")
        return self


class Complication(Frozen):
    """A complication of the disease: ``term`` is what the data say, ``label`` what is printed where that is another spelling.

    ``ae_terms`` are words of the adverse events that go with it, ``sign`` what of the laboratory does.
    """

    code: str
    term: str
    label: str = ""
    baseline_flag: str
    ae_terms: tuple[str, ...] = ()
    sign: LaboratorySign | None = None


class Population(Frozen):
    """An analysis set: its ADSL flag and the treatment variable its columns stand for."""

    code: str
    flag: str
    label: str
    treatment: Literal["TRT01P", "TRT01A"]
    phases: tuple[int, ...] = Field(min_length=1)


class Criterion(Frozen):
    """A criterion of eligibility. ``check`` is how the data tell it (V23); null: only the form can tell.

    ``ietest`` may name the limits of its check (``{years}``).
    """

    ietestcd: str
    iecat: Literal["INCLUSION", "EXCLUSION"]
    ietest: str
    check: Check | None = None


class Relatedness(Frozen):
    """The causality scale, its answers that mean related, and what a missing answer means.

    In supplied ADaM, where RELGR1 (`RELATED`, `NOT RELATED`) has a value in some events, an empty one is read as ``missing`` says.
    """

    codelist: tuple[str, ...] = Field(min_length=1)
    related: tuple[str, ...] = Field(min_length=1)
    missing: Literal["related", "not_related"]

    @model_validator(mode="after")
    def _is_on_the_scale(self) -> Relatedness:
        strange = [text for text in self.related if text not in self.codelist]
        if strange:
            raise ValueError(f"{', '.join(strange)} is related but not on the scale")
        return self


class Teae(Frozen):
    """When an event is treatment-emergent: begun at or after the first infusion, to ``end_day`` (elapsed; null: no end).

    On the day of the first infusion an onset without a time, and an onset that is not known at all, are
    ``emergent`` or ``before``; what the form says, or an end before the first infusion, goes before both.
    """

    end_day: Span | None
    untimed_onset: Literal["emergent", "before"] = "emergent"
    missing_onset: Literal["emergent", "before"] = "emergent"


class Aesi(Frozen):
    """A category of special interest: the events that belong to it.

    An event belongs if its preferred term is one of ``terms`` or its system organ class is ``soc``, and, where
    ``hours_after_infusion`` is given, it began within so many hours after the start of an infusion. Where the
    onset has no time of day, ``untimed_onset`` says whether the calendar date of an infusion is near enough.
    ``investigator_box``: what the investigator ticks as infusion-related belongs whatever its term and time.
    """

    code: str
    label: str
    terms: tuple[str, ...] = ()
    soc: str | None = None
    hours_after_infusion: float | None = None
    untimed_onset: Literal["infusion_date", "never"] | None = None
    investigator_box: bool = False

    @model_validator(mode="after")
    def _can_be_found(self) -> Aesi:
        if not self.terms and self.soc is None:
            raise ValueError(f"category {self.code} has neither preferred terms nor a system organ class")
        if (self.hours_after_infusion is None) != (self.untimed_onset is None):
            raise ValueError(f"category {self.code} needs hours_after_infusion and untimed_onset together, or neither")
        if self.hours_after_infusion is not None and self.hours_after_infusion < 0:
            raise ValueError(f"category {self.code} ends before it begins: hours_after_infusion is negative")
        return self


class Dictionary(Frozen):
    """Terms of a synthetic cut, by system organ class."""

    terms: dict[str, tuple[str, ...]]
    #: Names of medication classes by ATC code, for codes the coded data give no name.
    atc: dict[str, str] = Field(default_factory=dict)


class Switches(Frozen):
    """Choices between two ways of doing a thing; the title says which thing, as the documentation of methods prints it."""

    meld_bounds: Literal["unos", "none"] = Field("unos", title="Bounds of the inputs of MELD")
    meld_round: bool = Field(False, title="MELD rounded to whole numbers")
    fas_requires_dose: bool = Field(False, title="The full analysis set asks for a dose")
    ctcae: Literal[5, 6] = Field(5, title="Version of CTCAE that laboratory results are graded by")
    ctcae_baseline_rule: bool = Field(True, title="Hepatic tests with an abnormal baseline graded against it")
    hyponatremia_symptomatic: Literal["by_ae", "always", "never"] = Field("by_ae", title="Low sodium taken as symptomatic")
    hypokalemia_symptomatic: Literal["by_ae", "always", "never"] = Field("by_ae", title="Low potassium taken as symptomatic")
    #: ``holm``: the adjusted p of the primary comparisons stands in the cells, the nominal below; else that one, the other noted.
    multiplicity: Literal["none", "holm"] = Field("none", title="Adjustment of the primary comparisons")
    #: Of models of repeated measures; Kenward and Roger's adjustment changes the standard error too.
    mmrm_df: Literal["satterthwaite", "kenward-roger"] = Field("satterthwaite", title="Degrees of freedom of the MMRM")
    tte_plus_one: bool = Field(False, title="Times to an event count the day of the start")
    #: False: the start of an event of unknown month that lies wholly before the first dose stays missing.
    impute_start_month: bool = Field(True, title="Unknown months of onset are imputed")


class Assumption(Frozen):
    id: str
    topic: str
    ambiguity: str
    choice: str
    #: Places in trial.yaml of the values that carry the choice out: printed with it as they stand.
    settings: tuple[str, ...] = ()


class Documentation(Frozen):
    """Words that decide nothing: printed in the documentation of methods, and read by nothing else."""

    study: dict[str, str] = Field(default_factory=dict)
    #: What an analysis set is, by its code.
    populations: dict[str, str] = Field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
