"""The data as one output may see it: one phase, one population, its columns, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.distinct import find_places
from cgbm1_report.errors import DataError, Problem, number_of
from cgbm1_report.listed import Listed
from cgbm1_report.protocol.packages import UNSEEN
from cgbm1_report.protocol.registry import Asked
from cgbm1_report.protocol.schema import has_schema, read_schema, schema_values
from cgbm1_report.protocol.sections import Parameter, Population, Visit
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.read.adamfiles import take_observed
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.required import require_variable, tell_mending
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.table import Column, Stamp

#: Values of an ADaM flag that no schema describes.
_FLAG = ("Y", "N")


def find_unexpected(name: str, records: pd.DataFrame, variable: str, expected: Collection[object], optional: bool) -> list[Problem]:
    """The values of a variable that are none of the expected ones, each as a problem; missing ones unless ``optional``.

    An output counts records by the values it knows: any other value would leave every count in silence.
    """
    values = records[variable]
    foreign = ~values.isin(list(expected)) & (values.notna() | (not optional))
    if not foreign.any():
        return []
    wrong = records[foreign]
    known = ", ".join(str(value) for value in expected)
    problems = []
    for value, own in wrong.groupby(variable, dropna=False, sort=True):
        said = f"is {str(value)[:80]!r}" if pd.notna(value) else "is missing"
        more = f" in {len(own)} records" if len(own) > 1 else ""
        problems.append(
            Problem(
                f"{variable} {said}{more}, which is none of {known}",
                file=name,
                rule="an output counts by the values it expects",
                place=str(own["USUBJID"].iloc[0]) if "USUBJID" in own else "",
                remedy=tell_mending(name, variable, value, expected),
            )
        )
    return problems


def refuse_unexpected(
    name: str, records: pd.DataFrame, variable: str, expected: Collection[object], *, optional: bool = False
) -> None:
    """Refuse records whose variable has another value than those an output counts.

    Raises
    ------
    ReportError
        Dataset, variable, value and the first subject, for every such value.
    """
    problems = find_unexpected(name, records, variable, expected, optional)
    if problems:
        raise DataError.of(problems)


def _refuse_foreign_codes(name: str, records: pd.DataFrame, variables: Collection[str]) -> None:
    """Refuse values outside the codelists of the schemas, and flags that are neither Y nor N."""
    problems = []
    for variable in dict.fromkeys(variables):
        listed = schema_values(name, variable) or ((_FLAG, True) if variable.endswith("FL") else None)
        if listed:
            expected, optional = listed
            # A flag that is Y or missing may as well say N: nothing is lost by it.
            problems += find_unexpected(name, records, variable, _FLAG if expected == ("Y",) else expected, optional)
    if problems:
        raise DataError.of(problems)


def _join_columns(records: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """The records of these subjects with their COLUMN, as an inner join gives them, in a third of its time."""
    known = pd.Index(subjects["USUBJID"])
    if known.hasnans or not known.is_unique:
        return records.merge(subjects[["USUBJID", "COLUMN"]], on="USUBJID", how="inner", validate="many_to_one")
    place = find_places(records["USUBJID"], subjects["USUBJID"])
    own = place >= 0
    found = (records if own.all() else records[own]).reset_index(drop=True)
    return found.assign(COLUMN=subjects["COLUMN"].array.take(place[own]))


def find_unseen(adam: Mapping[str, pd.DataFrame], phase: int) -> dict[str, frozenset[str]]:
    """What blinding took out of supplied data of a phase: variables and parameters by dataset."""
    if UNSEEN not in adam:
        return {}
    told = adam[UNSEEN]
    own = told[told["PHASE"] == phase]
    return {str(name): frozenset(rows["VARIABLE"]) for name, rows in own.groupby("DATASET")}


def tell_withheld(heads: Iterable[str]) -> tuple[str, ...]:
    """The note that names what a page leaves out because it may tell treatment; nothing of nothing."""
    named = "; ".join(dict.fromkeys(" ".join(head.split()) for head in heads))
    return (f"Withheld while treatment is blinded: {named}.",) if named else ()


@dataclass(frozen=True)
class Review:
    """The review of a dose group that a package is made for; ``kind`` is its name in the committee's records."""

    armcd: str
    kind: str


@dataclass(frozen=True)
class View:
    """One output's window on the ADaM data.

    ``dose_group`` is ``all`` or an arm code; ``pooled`` is true while a blinded phase has not been
    unblinded: then there is one column and no treatment. ``listed`` is what the declaration of a listing says, ``dtypes``
    are the kinds of derived records that stand at visits beside the observed ones. ``review`` is set where a package is
    made for one, ``shown`` are the only columns, where not all are shown. ``masked`` asks for a mock shell: every number of
    the data as a mask (`tabulate.masks`).
    """

    trial: Trial
    adam: Mapping[str, pd.DataFrame]
    phase: int
    population: Population
    stamp: Stamp
    dose_group: str = ALL_GROUPS
    pooled: bool = False
    with_total: bool = True
    listed: Listed | None = None
    dtypes: tuple[str, ...] = ()
    review: Review | None = None
    shown: tuple[str, ...] = ()
    masked: bool = False

    @cached_property
    def treatment(self) -> str:
        """The ADSL variable the columns stand for."""
        return self.population.treatment

    @cached_property
    def unseen(self) -> Mapping[str, frozenset[str]]:
        """What blinding took out of the data of this phase (`find_unseen`): it is not missing, and nothing is counted of it."""
        return find_unseen(self.adam, self.phase)

    def is_unseen(self, dataset: str, name: str) -> bool:
        """Whether blinding took a variable or the records of a parameter out of supplied data of this phase."""
        return name in self.unseen.get(dataset, ())

    @cached_property
    def column_keys(self) -> tuple[str, ...]:
        if self.pooled:
            return (POOLED,)
        if self.dose_group != ALL_GROUPS:
            return (self.trial.arm(self.dose_group).column,)
        if self.shown:
            return self.shown
        keys = self.trial.phases[self.phase].columns
        return keys if self.with_total else tuple(key for key in keys if key != TOTAL)

    @cached_property
    def deciding_column(self) -> str:
        """The column that orders rows by frequency: the total, else the last one."""
        return TOTAL if TOTAL in self.column_keys else self.column_keys[-1]

    @cached_property
    def reference(self) -> str | None:
        """The reference column of comparisons; none in an open phase, a pooled or a one-group view, or where it is shown alone."""
        reference = self.trial.phases[self.phase].reference
        apart = bool({*self.shown} - {reference, TOTAL}) and reference in self.shown
        hidden = self.pooled or self.dose_group != ALL_GROUPS or (self.shown and not apart)
        return None if hidden else reference

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """The columns compared with the reference."""
        if self.reference is None:
            return ()
        return tuple(key for key in self.column_keys if key not in (self.reference, TOTAL))

    @cached_property
    def everybody(self) -> pd.DataFrame:
        """ADSL of the phase, in the population or not."""
        adsl = self.dataset("ADSL")
        return adsl[self._in_phase(adsl)]

    def everybodys(self, *variables: str) -> pd.DataFrame:
        """These variables of `everybody`, without a copy of all others."""
        adsl = self.dataset("ADSL")
        return adsl.loc[self._in_phase(adsl), list(variables)]

    def _in_phase(self, adsl: pd.DataFrame) -> pd.Series:
        """Who is of the phase."""
        if "PHASE" in adsl:
            return adsl["PHASE"] == self.phase
        if len(self.trial.phases) > 1:
            raise DataError("has no PHASE", file="ADSL", rule="PHASE tells the phases apart", remedy="supply PHASE in ADSL")
        return pd.Series(True, index=adsl.index)

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """ADSL of the population, one row per subject, with COLUMN.

        Raises
        ------
        ReportError
            A treatment in the data is not a column that trial.yaml declares for the phase, or the population's flag
        is neither Y nor N.
        """
        return self._choose("subjects", self._choose_subjects)

    def _choose(self, what: str, choose: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """What is chosen for this phase, population, group and kinds of records; of shared data once for all outputs."""
        if not isinstance(self.adam, Shared):
            return choose()
        asked = (what, self.phase, self.population, self.dose_group, self.pooled, self.dtypes, self.shown)
        return self.adam.choose(asked, choose)

    def _choose_subjects(self) -> pd.DataFrame:
        adsl, flag = self.dataset("ADSL"), self.population.flag
        here = self._in_phase(adsl)
        self.require("ADSL", adsl, flag)
        _refuse_foreign_codes("ADSL", adsl.loc[here, [name for name in ("USUBJID", flag) if name in adsl]], (flag,))
        # Who is asked first, of a variable or two: a frame of all takes ten times as long to choose from.
        own = here & (adsl[flag] == "Y")
        if self.pooled:
            return adsl[own].assign(COLUMN=POOLED)
        self.require("ADSL", adsl, self.treatment)
        self._refuse_unknown_treatment(adsl.loc[own, ["USUBJID", self.treatment]])
        if self.dose_group != ALL_GROUPS or (self.shown and TOTAL not in self.shown):
            own &= adsl[self.treatment].isin(self.column_keys)
        adsl = adsl[own]
        return adsl.assign(COLUMN=adsl[self.treatment])

    def subjects_with(self, *variables: str) -> pd.DataFrame:
        """`subjects`, of whom these variables must be there, with no value outside their codelists."""
        for variable in variables:
            self.require("ADSL", self.subjects, variable)
        _refuse_foreign_codes("ADSL", self.subjects, variables)
        self._refuse_unrecorded("ADSL", self.subjects, variables)
        return self.subjects

    def _refuse_unrecorded(self, name: str, records: pd.DataFrame, variables: Collection[str]) -> None:
        """Refuse supplied data in which nobody has a value that schemas/ wants ``filled``: what was not told is no count of 0."""
        for variable, meant in self._find_unrecorded(name, records, variables):
            raise DataError(
                f"{variable} has no value in any of {number_of(len(meant), 'record')} of the {self.population.label}",
                file=name, rule="what is counted was recorded: without a value nothing is 0",
                remedy=f"supply the values of {variable}, or name the outputs to make in trial.yaml: outputs",
            )  # fmt: skip

    def unrecorded(self, name: str, *variables: str) -> frozenset[str]:
        """Which of these variables supplied data hold without a value of anybody in the population."""
        frame = self.dataset(name)
        there = sorted(one for one in variables if one in frame)
        own = self._choose(f"{', '.join(there)} of {name}", lambda: _join_columns(frame[["USUBJID", *there]], self.subjects))
        return frozenset(variable for variable, _ in self._find_unrecorded(name, own, there))

    def _find_unrecorded(self, name: str, records: pd.DataFrame, variables: Collection[str]) -> Iterator[tuple[str, pd.DataFrame]]:
        """Variables without a value, with the records that should have one; of one dose group alone, with few records, none."""
        asked = self.stamp.supplied and self.dose_group == ALL_GROUPS and has_schema(name)
        for wanted in read_schema(name).get("filled", ()) if asked else ():
            variable, where = wanted["column"], wanted.get("where")
            if variable not in variables or (where and where not in records) or self.is_unseen(name, variable):
                continue
            meant = records[records[where].isin(wanted["among"])] if where else records
            if len(meant) and meant[variable].isna().all():
                yield variable, meant

    def _refuse_unknown_treatment(self, adsl: pd.DataFrame) -> None:
        known = {arm.column for arm in self.trial.arms_of(self.phase)}
        foreign = adsl[adsl[self.treatment].notna() & ~adsl[self.treatment].isin(known)]
        if len(foreign):
            first = foreign[self.treatment].iloc[0]
            raise DataError(
                f"{self.treatment} {first!r} of {number_of(len(foreign), 'subject')} is no arm of phase {self.phase}",
                file="ADSL",
                rule="every treatment is a column declared in trial.yaml",
                place=str(foreign["USUBJID"].iloc[0]),
                remedy=f"leave {self.treatment} empty where there was no treatment, or declare the arm in trial.yaml",
            )

    def require(self, name: str, frame: pd.DataFrame, variable: str) -> None:
        """Refuse a dataset without a variable an output needs."""
        require_variable(name, frame, variable, self.adam)

    def dataset(self, name: str) -> pd.DataFrame:
        """A dataset as it is, all subjects, but for records that were derived from others; a missing one is an error."""
        try:
            observed = take_observed(self.adam[name], self.dtypes).copy(deep=False)
        except KeyError:
            raise DataError(
                f"{name} is not in the cut", file="adam", rule="datasets an output needs", remedy=f"supply {name}"
            ) from None
        # Labels of variables are nothing to an output, and pandas copies them again at every step.
        observed.attrs = {}
        return observed

    def records(self, name: str, *variables: str, only: bool = False, also: Collection[str] = ()) -> pd.DataFrame:
        """Records of a dataset for the population's subjects, with COLUMN; ``variables`` must be there.

        ``only`` leaves out all others, which saves copying them at every step, but for ``also``, where the data have them.

        Raises
        ------
        ReportError
            A variable is not there, or has a value outside its codelist: what an output selects by a value
            would lose it.
        """
        frame = self.dataset(name)
        for variable in ("USUBJID", *variables):
            self.require(name, frame, variable)
        if only:
            kept = dict.fromkeys(("USUBJID", *variables, *(one for one in also if one in frame)))
            own = self._choose(f"{', '.join(kept)} of {name}", lambda: _join_columns(frame[[*kept]], self.subjects))
        else:
            whole = frame.drop(columns=["COLUMN"], errors="ignore")
            own = self._choose(f"records of {name}", lambda: _join_columns(whole, self.subjects))
        _refuse_foreign_codes(name, own, variables)
        self._refuse_unrecorded(name, own, variables)
        return own

    def coded(self, dataset: str, paramcd: str) -> pd.DataFrame:
        """Records of a parameter that trial.yaml gives a codelist; an AVALC that is not in it is refused."""
        records = self.records(dataset, "PARAMCD", "AVALC")
        records = records[records["PARAMCD"] == paramcd]
        codelist = self.parameter(paramcd).codelist
        if codelist:
            refuse_unexpected(f"{dataset} {paramcd}", records, "AVALC", codelist)
        return records

    @cached_property
    def population_counts(self) -> dict[str, int]:
        """N of every column, from ADSL only."""
        return count_population(self.subjects, self.column_keys)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The table's columns, headed with dose and N."""
        # The dose stands on a line of its own.
        doses = {arm.column: arm.heading.replace(f"{arm.column} ", f"{arm.column}\n", 1) for arm in self.trial.arms_of(self.phase)}
        everybody = (TOTAL, POOLED)
        return tuple(
            Column(
                key, doses.get(key, key), self.population_counts[key],
                stands_for=() if key in everybody else ((self.treatment, key),),
            )
            for key in self.column_keys
        )  # fmt: skip

    @property
    def visit_days(self) -> list[int]:
        """Days of the phase's visits after the first dose, and the day of the dose itself."""
        return [0, *(visit.avisitn or 0 for visit in self.trial.analysis_visits(self.phase))]

    def say(self, derived: str, supplied: str) -> str:
        """Words of a head: as this program derives what stands below it, or what is true of supplied data."""
        return supplied if self.stamp.supplied else derived

    @property
    def has_never_dosed(self) -> bool:
        """Whether days of some of the page's subjects are counted from randomisation: they have a day 0, and no first dose."""
        subjects = self.subjects
        if "TRTSDT" not in subjects:
            return False
        undosed = subjects["TRTSDT"].isna()
        return bool((undosed & subjects["ANCHDT"].notna() if "ANCHDT" in subjects else undosed).any())

    @property
    def days_axis(self) -> str:
        """What an axis of days counts from."""
        return "Days after the first dose" + (" (never dosed: after randomisation)" if self.has_never_dosed else "")

    @property
    def times_axis(self) -> str:
        """What an axis of times to events counts from; where these were supplied, who supplied them knows."""
        return self.say(self.days_axis, "Days")

    def parameter(self, paramcd: str) -> Parameter:
        return self.trial.parameter(paramcd)

    def asked(self, number: str, paramcd: str) -> Asked:
        """What the output of this number, without its phase, is to show of a parameter in the phase."""
        return self.trial.asked(number, self.phase, paramcd)

    def visits(self, days: tuple[int, ...]) -> tuple[Visit, ...]:
        """The phase's visits on these elapsed days, in order."""
        by_day = {visit.analysed_day: visit for visit in self.trial.phases[self.phase].visits}
        return tuple(by_day[day] for day in days)
