"""The clinical rules a protocol declares, as frozen models: scores and dose escalation.

Every field decides a number or a finding; an interval names its closed or open end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cgbm1_report.errors import number_of

#: What an organ is told from: a laboratory parameter, West-Haven grade, mean pressure, PaO2/FiO2, SpO2/FiO2.
Measure = Literal["BILI", "CREAT", "INR", "HE", "MAP", "PF", "SF"]
#: Support of an organ: renal replacement, vasopressor, ventilation for the lungs, ventilation that only protects the airway.
Support = Literal["RRT", "VASOPRESSOR", "VENTILATED", "AIRWAY"]
OrganCode = Literal["CLIFLIV", "CLIFKID", "CLIFBRA", "CLIFCOA", "CLIFCIR", "CLIFRES"]

#: A West-Haven grade of encephalopathy that is there.
Grade = Annotated[int, Field(ge=1, le=4)]

#: The six organs of CLIF-C OF, in the order of the published table.
SUBSCORES: tuple[OrganCode, ...] = get_args(OrganCode)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _says_numbers(cls, data: Any) -> Any:
        """Refuse true and false where a number is asked for: read as 1 and 0 they would count days."""
        if isinstance(data, dict):
            for name in _not_true_or_false(cls):
                if _has_truth(data.get(name)):
                    raise ValueError(f"{name} says true or false where that is no answer")
        return data


@cache
def _not_true_or_false(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a model that no true or false answers."""
    return tuple(name for name, field in model.model_fields.items() if bool not in _kinds(field.annotation))


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return {annotation}.union(*map(_kinds, inner)) if inner else {annotation}


def _has_truth(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list) and any(isinstance(one, bool) for one in value))


#: A day counted from the first dose; nobody is followed for a hundred years.
Day = Annotated[int, Field(ge=-36_500, le=36_500)]
#: A number of days, hours or minutes between two moments.
Span = Annotated[int, Field(ge=0, le=36_500)]


class Limit(Frozen):
    """One end of an interval: what is ``at_least`` or ``above`` a value, or ``at_most`` or ``below`` it."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _has_one_end(self) -> Limit:
        given = [name for name in ("at_least", "above", "at_most", "below") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"name one of at_least, above, at_most, below, not {' and '.join(given) or 'none'}")
        return self

    @property
    def side(self) -> str:
        """Which end it is."""
        return next(name for name in ("at_least", "above", "at_most", "below") if getattr(self, name) is not None)

    @property
    def value(self) -> float:
        """Where it lies."""
        return float(getattr(self, self.side))


class Band(Limit):
    """What lies beyond the limit scores so much, unless another band scores more."""

    score: Literal[2, 3]


class OrganInput(Frozen):
    """A measurement of an organ and its bands; without a unit it is scored as collected.

    A higher score lies further out on the same side: else a band would score what another one scores, or nothing.
    """

    measure: Measure
    unit: str | None = None
    bands: tuple[Band, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _bands_grow(self) -> OrganInput:
        for lower, higher in pairwise(sorted(self.bands, key=lambda band: band.score)):
            upwards = [band.side in ("at_least", "above") for band in (lower, higher)]
            further = higher.value > lower.value if upwards[0] else higher.value < lower.value
            if lower.score == higher.score:
                raise ValueError(f"two bands of {self.measure} score {lower.score}: name each score once")
            if upwards[0] != upwards[1] or not further:
                raise ValueError(f"the band of {self.measure} that scores {higher.score} does not lie beyond that of {lower.score}")
        return self


def no_twice(what: str, values: Sequence[str]) -> None:
    found = sorted({value for value in values if values.count(value) > 1})
    if found:
        raise ValueError(f"{what} {', '.join(found)} stands twice")


def in_order(what: str, low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"{what} {low:g} to {high:g} ends before it begins")


class Organ(Frozen):
    """An organ of the score: its measurements (the first that is there counts), supports that score by themselves, failure."""

    code: OrganCode
    inputs: tuple[OrganInput, ...] = Field(min_length=1)
    support: dict[Support, Literal[2, 3]] = {}
    failure_from: Literal[2, 3]

    @model_validator(mode="after")
    def _can_fail(self) -> Organ:
        no_twice(f"measure of {self.code}", [one.measure for one in self.inputs])
        if _highest(self) < self.failure_from:
            raise ValueError(f"{self.code} fails from {self.failure_from}, which nothing scores")
        return self


class Raised(Frozen):
    """Creatinine that is raised and short of kidney failure, in the unit the kidney is scored in."""

    at_least: float
    below: float


class AclfGrade(Frozen):
    """Cut-offs of the EASL-CLIF grade; its rule is the published one."""

    creatinine: Raised
    encephalopathy: tuple[Grade, Grade]

    @model_validator(mode="after")
    def _arein_order(self) -> AclfGrade:
        in_order("encephalopathy", *self.encephalopathy)
        in_order("creatinine", self.creatinine.at_least, self.creatinine.below)
        return self


class ClifCOf(Frozen):
    """CLIF-C organ failure: its organs, and when a measurement or a treatment belongs to a visit."""

    organs: tuple[Organ, ...]
    #: Measurements of one score lie within so many days of each other.
    components_within_days: Span
    #: Renal replacement so many days before a visit still belongs to it.
    rrt_days_before: Span
    #: Oxygen tension and inspired fraction belong together within so many minutes.
    blood_gas_minutes: Span
    #: PaO2/FiO2 outside these limits (mmHg) is a slip of the pen, not a patient.
    pf_valid: tuple[float, float]
    aclf_grade: AclfGrade

    @model_validator(mode="after")
    def _has_all_organs(self) -> ClifCOf:
        codes = [organ.code for organ in self.organs]
        if sorted(codes) != sorted(SUBSCORES):
            raise ValueError(
                f"the score has the organs {', '.join(SUBSCORES)}, each once; declared are {', '.join(codes) or 'none'}"
            )
        in_order("pf_valid", *self.pf_valid)
        return self

    @property
    def lowest(self) -> int:
        """Lowest possible total: every organ scores 1."""
        return len(self.organs)

    @property
    def highest(self) -> int:
        """Highest possible total."""
        return sum(_highest(organ) for organ in self.organs)


def _highest(organ: Organ) -> int:
    return max([1, *(band.score for one in organ.inputs for band in one.bands), *organ.support.values()])


class MeldWeights(Frozen):
    CREAT: float
    BILI: float
    INR: float


class MeldDialysis(Frozen):
    """Dialysis on at least ``days`` distinct days of the ``within_days`` before the sample sets creatinine."""

    creatinine: float = Field(gt=0)
    days: int = Field(ge=1)
    within_days: Span

    @model_validator(mode="after")
    def _fits(self) -> MeldDialysis:
        if self.days > self.within_days:
            raise ValueError(f"dialysis on {number_of(self.days, 'day')} cannot be had within {self.within_days}")
        return self


class Meld(Frozen):
    """MELD: factor x (sum of weight x logarithm of each input) + constant, and the bounds of its inputs."""

    unit: str
    coefficients: MeldWeights
    factor: float = Field(gt=0)
    constant: float
    #: The logarithm of 0 is none.
    lower_bound: float = Field(gt=0)
    creatinine_cap: float
    dialysis: MeldDialysis
    #: Creatinine, bilirubin and INR of one score lie within so many days of each other.
    components_within_days: Span

    @model_validator(mode="after")
    def _bounds_arein_order(self) -> Meld:
        in_order("creatinine", self.lower_bound, self.creatinine_cap)
        return self

    def tell(self, *, bounded: bool) -> str:
        """The formula as a data definition tells it, with the bounds of its inputs where they are applied."""
        weights, days = self.coefficients, self.components_within_days
        bounds = (
            f", inputs at least {self.lower_bound:g}, creatinine at most {self.creatinine_cap:g}, or {self.dialysis.creatinine:g} "
            f"after dialysis on {self.dialysis.days} of the {self.dialysis.within_days} days before"
        )
        return (
            f"{self.factor:g} * ({weights.CREAT:g} * ln(creatinine) + {weights.BILI:g} * ln(bilirubin) + {weights.INR:g} * ln(INR))"
            f" + {self.constant:g}, creatinine and bilirubin in {self.unit}{bounds if bounded else ''}; of one visit, within "
            f"{days} day{'s' * (days != 1)}"
        )


def _ascend(what: str, values: Sequence[float]) -> None:
    if list(values) != sorted(set(values)):
        raise ValueError(f"{what} do not rise: {', '.join(f'{value:g}' for value in values)}")


#: A multiple of a level that is a rise.
Multiple = Annotated[float, Field(gt=1, le=1000)]


class LiverInjury(Frozen):
    """What of liver tests is told of drug-induced liver injury: rises, how soon bilirubin follows, and what they are held against.

    Rises are multiples of a level: of the upper limit of normal, of the level before treatment, of the new lower level.
    """

    #: ALT and AST from, bilirubin above, alkaline phosphatase (cholestasis) from so many times the level.
    transaminases_at_least: Multiple
    bilirubin_above: Multiple
    alp_at_least: Multiple
    #: Bilirubin rises on the day of the enzyme or up to so many days after it.
    within_days: Span
    #: The level before treatment: the mean of the values of so many days before the first dose, where there are so many.
    level_days: Span = Field(ge=1)
    level_values: int = Field(ge=1, le=100)
    #: Multiples that peaks of transaminases are counted by.
    transaminase_multiples: tuple[Multiple, ...] = Field(min_length=1)
    #: Rises in the unit of the test that peaks are counted by: a multiple says little of a level that is high already.
    rises: dict[str, tuple[Annotated[float, Field(gt=0)], ...]] = Field(default_factory=dict)
    #: Tests whose values are drawn as boxes by visit, in their order.
    box_plots: tuple[str, ...] = Field((), max_length=12)

    @model_validator(mode="after")
    def _in_order(self) -> LiverInjury:
        _ascend("transaminase_multiples", self.transaminase_multiples)
        for paramcd, bounds in self.rises.items():
            _ascend(f"rises of {paramcd}", bounds)
        return self


class CauseGroup(Frozen):
    """A group of causes of death: a cause as recorded that has one of the ``words`` is of it, whatever its case."""

    group: str
    words: tuple[str, ...] = Field(min_length=1)


class EventTables(Frozen):
    """What tables of adverse events are limited to; a table whose limit is not given is not made."""

    #: Preferred terms of at least so many per cent of the subjects of an arm, by frequency and by their risk difference.
    frequent_percent: float | None = Field(None, gt=0, le=100)
    compared_percent: float | None = Field(None, gt=0, le=100)
    #: So long after the start of an infusion an event is near it.
    hours_after_infusion: float | None = Field(None, gt=0, le=10_000)
    #: Categories of special interest whose rate by time at risk is told.
    rates_of_aesi: tuple[str, ...] = ()
    #: So many days after the last infusion a death is still on treatment.
    on_treatment_days: Span | None = None
    #: Whether tables by term test each row against the reference of the phase by Fisher's exact test.
    fisher: bool = False


#: States of a cohort that the protocol's rules of escalation know (`derive.escalation` holds their conditions).
EscalationState = Literal["R7", "R3", "R2", "R1", "R6", "R9", "R8", "R5", "R4", "R0", "W1", "W0"]
#: What a decision of the committee does: the cohort goes on after its sentinel's toxicity, it is enlarged, the next level
#: opens, nobody is dosed until the next decision; or none of these.
Effect = Literal["go_on", "enlarge", "open_next", "halt", "none"]


class EscalationRule(Frozen):
    """What is recommended in a state, and the decisions that follow it; without any it is left to the committee."""

    id: EscalationState
    recommendation: str
    followed_by: tuple[str, ...] = ()


class DoseEscalation(Frozen):
    """3+3 with a sentinel: sizes, observation, toxicities that stop; the rules in the order in which they are asked."""

    cohort_size: int = Field(ge=2)
    max_cohort: int
    sentinel: int = Field(ge=1)
    #: Days a subject, the sentinel too, is observed for toxicity before the dose is decided on.
    observation_days: Span = Field(ge=1)
    #: Share of what was planned (%, of cells or volume as the phase has it) from which a subject without a DLT can be evaluated.
    evaluable_percent: float = Field(gt=0, le=100)
    #: So many subjects with a DLT stop the level.
    stop_at_dlt: int = Field(ge=2)
    rules: tuple[EscalationRule, ...]
    #: The committee's decisions in its words, and what each does.
    src_decisions: dict[str, Effect]
    #: The committee's reviews as its records name them, and how they are printed.
    reviews: dict[str, str] = Field(default={"SENTINEL": "Sentinel review", "COHORT": "Cohort review"}, min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> DoseEscalation:
        wrong = []
        if not self.sentinel < self.cohort_size < self.max_cohort:
            wrong.append(f"sentinel {self.sentinel}, cohort {self.cohort_size} and largest cohort {self.max_cohort} do not grow")
        if self.stop_at_dlt > self.cohort_size:
            wrong.append(f"{self.stop_at_dlt} toxicities are more than a cohort of {self.cohort_size} can have")
        ids, known = [rule.id for rule in self.rules], get_args(EscalationState)
        if sorted(ids) != sorted(known) or ids[-1] != known[-1]:
            wrong.append(
                f"the rules are {', '.join(known)}, each once and {known[-1]}, which always holds, last; not {', '.join(ids)}"
            )
        said = {one for rule in self.rules for one in rule.followed_by}
        wrong += [f"{one} follows a rule, but is no decision" for one in sorted(said - self.src_decisions.keys())]
        wrong += [f"no decision has the effect {effect}" for effect in ("open_next", "halt") if not self.deciding(effect)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def deciding(self, effect: str) -> tuple[str, ...]:
        """The decisions of an effect."""
        return tuple(word for word, does in self.src_decisions.items() if does == effect)
