"""Registered outcome measures: what is measured when, by which methods, and which outputs answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from cgbm1_report.protocol.clinical import Day, Frozen, Limit
from cgbm1_report.rows import Explained

#: How an outcome is analysed. ``landmark`` and what follows it: at the outcome's days, comparisons cut at the last of them.
Method = Literal[
    "summary", "change", "change_interval", "percent_change", "geometric", "shift", "listing",
    "rate", "difference", "fisher", "events_by_term", "events_by_grade", "exposure_adjusted_rate",
    "landmark", "landmark_difference", "median", "curve", "log_rank", "hazard_ratio",
    "ancova", "mmrm", "log_ratio",
]  # fmt: skip
#: The methods as pages name them.
METHOD_WORDS: dict[Method, str] = {
    "summary": "values by visit",
    "change": "change from baseline",
    "change_interval": "95% CI of the mean change",
    "percent_change": "percent change from baseline",
    "geometric": "geometric mean and CV",
    "shift": "shift from baseline",
    "listing": "listing",
    "rate": "rate with exact 95% CI",
    "difference": "difference of rates with 95% CI",
    "fisher": "Fisher's exact test",
    "events_by_term": "events by term",
    "events_by_grade": "events by highest grade",
    "exposure_adjusted_rate": "exposure-adjusted incidence rate",
    "landmark": "Kaplan–Meier estimate at each day with 95% CI",
    "landmark_difference": "difference of the estimates at each day",
    "median": "median with 95% CI",
    "curve": "Kaplan–Meier curves",
    "log_rank": "log-rank test, cut at the last day",
    "hazard_ratio": "hazard ratio with 95% CI, cut at the last day",
    "ancova": "ANCOVA of the change by visit",
    "mmrm": "MMRM of the change",
    "log_ratio": "models on the logarithm, as ratios",
}
#: Methods that compare with the reference of the phase.
COMPARISONS = frozenset({"difference", "fisher", "landmark_difference", "log_rank", "hazard_ratio", "ancova", "mmrm", "log_ratio"})
#: Methods that speak of the days of the outcome.
AT_DAYS = frozenset({"landmark", "landmark_difference", "log_rank", "hazard_ratio", "change", "change_interval", "percent_change"})
#: Methods that speak of a change from baseline.
FROM_BASELINE = frozenset({"change", "change_interval", "percent_change", "shift", "log_ratio"})
#: Methods that are models.
OF_MODELS = frozenset({"ancova", "mmrm"})
#: What outputs that have a number of the trial's own show: of values at visits, of who responds, of times to an event, and
#: in figures of these.
OF_VALUES: tuple[Method, ...] = (
    "summary", "change", "change_interval", "percent_change", "geometric", "ancova", "mmrm", "log_ratio",
)  # fmt: skip
OF_RESPONSES: tuple[Method, ...] = ("rate", "difference", "fisher")
OF_TIMES: tuple[Method, ...] = ("landmark", "landmark_difference", "median", "log_rank", "hazard_ratio")
OF_CURVES: tuple[Method, ...] = ("curve",)
#: Datasets of numbers with a baseline and a change from it, whose outcomes are summarised by visit.
BY_VISIT = ("ADEFF", "ADLB", "ADVS")


class Model(Frozen):
    """What explains a response besides treatment and baseline."""

    #: Variables whose levels are added to the treatments: groups of sites.
    factors: tuple[str, ...] = ()
    #: How often a level of a factor counts in an adjusted mean: each the same, or as often as records have it.
    weights: Literal["equal", "observed"] = "equal"
    #: The variable that is the dose as a number, whose slope is tested in place of the treatments.
    dose: str | None = None
    #: Every two treatments are compared, not each with the reference alone.
    pairwise: bool = False


class Answer(Frozen):
    """An output that answers an outcome: its number, and what it is to show of it."""

    #: Its number: kind, section of ICH E3, place, phase, as T14.2.30.1.
    number: str
    #: What it shows of the outcome. Values by visit: ``summary`` (n, mean, quartiles), ``change`` from the baseline,
    #: ``change_interval`` (95% CI of the mean change), ``percent_change``, ``geometric`` (mean and CV of values above 0),
    #: ``shift`` from the baseline, ``listing``. Of who has an event, or responds as ``response`` of the outcome says: ``rate``
    #: (with exact 95% CI), ``difference`` of rates, ``fisher``; of events ``events_by_term``, ``events_by_grade``,
    #: ``exposure_adjusted_rate``. Of a time to an event: ``landmark``
    #: (Kaplan-Meier estimate at each of nominal_days), ``landmark_difference``, ``median``, ``log_rank`` and
    #: ``hazard_ratio`` (both cut at the last of nominal_days), and ``curve`` under the number of a figure, as
    #: F14.2.30.1. Models of the change: ``ancova`` at each visit, ``mmrm`` over all of them,
    #: ``log_ratio`` (the models on the logarithm, as ratios).
    methods: tuple[Method, ...]
    #: The analysis set it is of, where it is another than that of such outputs.
    population: str | None = None
    #: Kinds of derived records (DTYPE) that stand at its visits beside those that were observed.
    dtypes: tuple[str, ...] = ()
    #: What its models are of.
    model: Model = Field(default_factory=Model)


class Response(Frozen):
    """Who responds: a subject whose record of the outcome has all of ``where`` and lies within all ``limits``.

    At each of nominal_days, or where the outcome names none by its one record.
    """

    #: What a response is called, in titles and rows: Objective Response.
    label: str = Field(min_length=1)
    #: Texts of which the record has one, by variable: {AVALC: [CR, PR]}, {CRIT1FL: [Y]}.
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    #: Where a number lies, by variable: {AVAL: {at_least: 50}}.
    limits: dict[str, Limit] = Field(default_factory=dict)
    #: What a subject without a result is: one who does not respond (percentages are of the whole analysis set), or left out of
    #: the percentage (of subjects with a result). The page says it. A result is a value of every variable of where and limits,
    #: but for flags (names that end with FL), which are empty where the answer is no: of flags alone it is AVAL, AVALC or a flag.
    without_result: Literal["no_response", "left_out"]

    @model_validator(mode="after")
    def _says_who(self) -> Response:
        if not self.where and not self.limits:
            raise ValueError("name in where or limits which records respond")
        empty = [name for name, values in self.where.items() if not values]
        if empty:
            raise ValueError(f"name the values of {', '.join(empty)} that are a response")
        if both := sorted(self.where.keys() & self.limits.keys()):
            raise ValueError(f"name {', '.join(both)} in where, or in limits if it is a number")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that tell a response."""
        return tuple(dict.fromkeys((*self.where, *self.limits)))

    @property
    def measured(self) -> tuple[str, ...]:
        """Those without whose value nobody knows whether a record responds; of flags alone there are none."""
        return tuple(name for name in self.variables if not name.endswith("FL"))


class Outcome(Frozen):
    """One registered outcome measure, how it is analysed, and the outputs that answer it."""

    #: A code of your own, that messages and the list name it by.
    id: str
    #: The phase it is of.
    phase: int
    #: A primary one decides where several outcomes share a table: it stands first.
    type: Literal["primary", "secondary", "other"]
    #: Its number in the registry, each once within its type.
    registry_order: int
    #: How the registry words it.
    registry_title: str
    #: PARAMCD of its records, declared under parameters; of a dataset without PARAMCD (adverse events) any name.
    paramcd: str
    #: The analysis dataset that holds them, as ADEFF.
    dataset: str
    #: Its days after the first dose. Of values the visits that tables show. Of a time to an event the days of its landmarks,
    #: and the last of them ends the comparison: log-rank test and hazard ratio count nothing that comes later.
    nominal_days: tuple[Day, ...]
    #: Whether it is about a change: tables then have a row for the baseline (ABLFL = Y) and columns for CHG, models explain
    #: CHG by BASE. Without it they have the value alone.
    baseline_needed: bool
    #: Which way is good. Tables of values print it below where it is decrease or increase; the others print nothing.
    favourable: Literal["lower_rate", "decrease", "increase", "higher", "none_prespecified"]
    #: The outputs that answer it.
    outputs: tuple[Answer, ...]
    #: The documented assumptions it rests on.
    assumptions: tuple[str, ...] = ()
    #: Who responds, of an outcome that is told by rates.
    response: Response | None = None
    #: The flag of its one record per subject and visit, where it is another than conventions.efficacy_flag.
    visit_flag: str | None = None

    def explain(self, answer: Answer) -> Explained:
        """What models of an output are of: the change, explained by the baseline where it needs one, or ratios of logarithms."""
        model = answer.model
        names = ("R2BASE", "BASE") if "log_ratio" in answer.methods else ("CHG", "BASE") if self.baseline_needed else ("AVAL", "")
        return Explained(*names, model.factors, model.weights, model.dose or "")

    @property
    def tlf(self) -> tuple[str, ...]:
        """Numbers of the outputs that answer the outcome."""
        return tuple(answer.number for answer in self.outputs)

    @property
    def methods(self) -> frozenset[Method]:
        """How the outcome is analysed, over all its outputs."""
        return frozenset(method for answer in self.outputs for method in answer.methods)


@dataclass(frozen=True)
class Asked:
    """What an output is to show of a parameter: each outcome with what it asks of this output, a primary one first."""

    of: tuple[tuple[Outcome, frozenset[Method]], ...]

    @property
    def methods(self) -> frozenset[Method]:
        """All that any of them asks."""
        return frozenset(method for _, methods in self.of for method in methods)

    @property
    def baseline_needed(self) -> bool:
        """Whether any of them is about a change."""
        return any(one.baseline_needed for one, _ in self.of)

    @property
    def favourable(self) -> frozenset[str]:
        """Which way is favourable, as they say it."""
        return frozenset(one.favourable for one, _ in self.of)

    def days(self, *methods: Method) -> tuple[int, ...]:
        """Elapsed days of those that ask for one of these methods; of all of them where none is named."""
        asking = (one for one, asked in self.of if not methods or asked & set(methods))
        return tuple(sorted({day for one in asking for day in one.nominal_days}))
