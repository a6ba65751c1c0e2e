"""What a declaration says of an output, as far as a second count asks the data by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cgbm1_report.listed import Listed
from cgbm1_report.rows import AtRisk, Explained, Meaning, Part, Shift


@dataclass(frozen=True)
class Facts:
    """One output of a build.

    Parameters
    ----------
    phase
        The value of PHASE; none where the study has one phase only, and no such variable.
    sources
        Its datasets, in their order, ADSL last.
    population, treatment
        The flag of its population and the variable its columns stand for.
    columns
        Each column with its treatment; none where it holds everybody.
    arm
        The treatment of the dose group whose document it stands in.
    where
        What records of the first dataset are chosen by besides: variables with a value, or with several of which one is
        enough; of ``A|B`` one variable is enough, with the value in its place.
    meanings
        Parts of row keys that say more than that a variable has a level, with what they mean; it stands for ``where`` too.
    counted_of
        Parts of row keys whose rows are counted of fewer subjects than the population, with what tells these; nothing
        where no variable does: then their number is not asked.
    highest
        Names of parts of row keys whose level is the highest value that a subject has, with the variable it is the highest of.
    shifts
        Names of one of the last two parts of row keys, baseline and worst level after it, with what they tell.
    shares
        Variables whose rows are shares of the subjects with any value of it, all other parts of the key as they are.
    day_one
        The time of an event on the day the time begins.
    compared_with
        The column that others are compared with.
    day_zero
        The variable of a subject that days of dates are counted from.
    at_risk
        How long subjects are observed, of outputs of rates.
    listed
        What a listing says: its records, their order, its columns.
    listings
        The listings that hold the records it counts.
    abbreviations
        Words that stay as they are where a coded text is said as a sentence.
    dtypes
        Kinds of derived records that stand at visits beside those that were observed.
    models
        What models are of, by parameter; where nothing is said, the change, explained by the baseline.
    freedom
        How degrees of freedom of models over visits are told.
    """

    number: str
    phase: int | None
    sources: tuple[str, ...]
    population: str
    treatment: str
    columns: Mapping[str, str | None]
    arm: str | None = None
    where: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    meanings: Mapping[Part, Meaning] = field(default_factory=dict)
    counted_of: Mapping[Part, Meaning] = field(default_factory=dict)
    highest: Mapping[str, str] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    day_one: int = 0
    compared_with: str | None = None
    shifts: Mapping[str, Shift] = field(default_factory=dict)
    freedom: str = "satterthwaite"
    day_zero: str = ""
    at_risk: AtRisk | None = None
    listed: Listed | None = None
    listings: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    models: Mapping[str, Explained] = field(default_factory=dict)
