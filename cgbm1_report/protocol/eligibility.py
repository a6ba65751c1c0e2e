"""The criteria of entry that data can tell, as frozen models; every limit decides a finding."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cgbm1_report.protocol.clinical import Frozen, Grade, Limit, Measure, Span, Support, in_order, no_twice

#: What the data can tell of eligibility, each by a check of rule V23; those that `Eligibility` names have limits.
Check = Literal[
    "consent", "adult", "liver_disease", "bilirubin", "decompensation", "hepatitis_b", "meld", "pregnancy_test", "allergy",
    "septic_shock", "gi_bleeding", "encephalopathy", "organ_failures", "pregnancy", "malignancy", "artificial_liver",
    "immunodeficiency", "transplant", "thrombosis", "pulmonary_hypertension", "infarction", "stem_cells",
]  # fmt: skip


class Adult(Frozen):
    years: int = Field(ge=0, le=120)


class Bilirubin(Frozen):
    """Bilirubin in its unit: a last value, or a mean rise in a day over values at least so many days apart."""

    unit: str
    at_least: float = Field(gt=0)
    daily_rise: float = Field(gt=0)
    apart_days: Span = Field(ge=1)


class Decompensation(Frozen):
    inr_at_least: float = Field(gt=0)
    pta_unit: str
    pta_at_most: float = Field(ge=0, le=100)
    encephalopathy_at_least: Grade


class MeldAtEntry(Frozen):
    """MELD before enrolment lies below a limit; from ``query_from`` on the site is asked."""

    below: float
    query_from: float

    @model_validator(mode="after")
    def _asks_below_the_limit(self) -> MeldAtEntry:
        in_order("query_from", self.query_from, self.below)
        return self


class DaysBefore(Frozen):
    """Days before the first infusion."""

    days: Span


class MonthsBefore(Frozen):
    """Months before consent."""

    months: int = Field(ge=1, le=1200)


class Encephalopathy(Frozen):
    grade: Grade


class FailureLimit(Limit):
    measure: Measure
    unit: str | None = None


class FailingOrgan(Frozen):
    """An organ fails by the first of its measurements that is there, or by a support."""

    limits: tuple[FailureLimit, ...] = ()
    support: tuple[Support, ...] = ()

    @model_validator(mode="after")
    def _can_fail(self) -> FailingOrgan:
        if not self.limits and not self.support:
            raise ValueError("an organ has neither limits nor a support: nothing tells that it fails")
        return self


class OrganFailures(Frozen):
    """Organ failures of the eligibility criterion; it is violated from ``count`` on."""

    count: int = Field(ge=1)
    organs: tuple[FailingOrgan, ...]

    @model_validator(mode="after")
    def _can_be_counted(self) -> OrganFailures:
        no_twice("measure of the organs", [limit.measure for organ in self.organs for limit in organ.limits])
        if self.count > len(self.organs):
            raise ValueError(f"{self.count} organs cannot fail of {len(self.organs)}")
        return self


class Eligibility(Frozen):
    """Limits of the eligibility criteria that data can tell, by the name of their check; both phases share them."""

    adult: Adult | None = None
    bilirubin: Bilirubin | None = None
    decompensation: Decompensation | None = None
    meld: MeldAtEntry | None = None
    pregnancy_test: DaysBefore | None = None
    encephalopathy: Encephalopathy | None = None
    organ_failures: OrganFailures | None = None
    artificial_liver: DaysBefore | None = None
    thrombosis: MonthsBefore | None = None
    infarction: MonthsBefore | None = None

    def words(self, check: str | None) -> dict[str, str]:
        """The limits of a check as the text of a criterion may name them."""
        limits = getattr(self, check or "", None)
        told = {name: value for name, value in limits if isinstance(value, int | float | str)} if limits is not None else {}
        return {name: value if isinstance(value, str) else f"{value:g}" for name, value in told.items()}
