"""How an output is declared: once, by a decorated function that returns numbers and a layout."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import pandas as pd

from cgbm1_report.errors import PlanError
from cgbm1_report.listed import Listed
from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import AtRisk, Key, Meaning, Part, Shift
from cgbm1_report.tabulate.chosen import Chosen
from cgbm1_report.tabulate.misdeclared import find_shared, find_unknown
from cgbm1_report.tabulate.table import Column, Line
from cgbm1_report.tabulate.view import View


@dataclass(frozen=True)
class Summary:
    """Body of a summary table: the numbers and the lines that print them.

    ``without`` are, here and in the other bodies, the declared footnotes that explain what this page does not show;
    ``words`` fill tokens of footnotes where this page is another than the trial says in general.
    """

    numbers: pd.DataFrame
    lines: Sequence[Line]
    stub_label: str = ""
    columns: Sequence[Column] | None = None
    stub_width: float = 3.0
    footnotes: Sequence[str] = ()
    without: Collection[str] = ()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """Body of a listing: one row per record, already sorted, every column its printed text.

    ``keys`` say which record each row is (subject and sequence number); ``blocks`` are the rows that start a subject.
    Of a listing whose cells are sentences, ``facts`` are the values they say (`tabulate.narrated.tell_facts`).
    One that ``explains`` has the abbreviations among its rows, and needs no note of them. ``source`` is what tells of no
    subject and is not trial.yaml alone: its cells may be codes, as in data. ``marks`` are rows that begin a part with a name
    of its own, with the name.
    """

    records: pd.DataFrame
    columns: Sequence[Column]
    keys: Sequence[Key]
    blocks: Sequence[int]
    footnotes: Sequence[str] = ()
    without: Collection[str] = ()
    facts: pd.DataFrame | None = None
    explains: bool = False
    source: str = ""
    marks: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class Drawing:
    """Body of a figure: the numbers it shows, the picture, and the picture in words."""

    numbers: pd.DataFrame
    svg: str
    alt: str
    width_in: float = 9.0
    height_in: float = 5.0
    footnotes: Sequence[str] = ()
    without: Collection[str] = ()


Body = Callable[[View], Summary | Listing | Drawing]
#: The source of an output that tells the protocol and no data.
PROTOCOL = "trial.yaml"
#: Key of the column of a listing that names the dose group.
DOSE_GROUP = "GROUP"
#: What trial.yaml must declare, in words, and how to tell that it does.
Needs = Mapping[str, Callable[[Trial], bool]]
#: Variables an output cannot be made without, by dataset; of ``AEENDTC|AENDT`` one is enough. May depend on trial and phase.
Variables = Mapping[str, tuple[str, ...]] | Callable[[Trial, int], Mapping[str, tuple[str, ...]]]
#: What an output is a part of: the report, documents of dose groups alone, or a package by its name.
Scope = Literal["phase", "dose group", "src", "dsmb"]
#: The code of an analysis set; codes of which the first counts that the trial declares for the phase; or one by phase.
Populations = str | tuple[str, ...] | Mapping[int, str]
#: What parts of row keys mean, for whoever counts by the keys; may depend on trial and phase.
Meanings = Mapping[Part, Meaning] | Callable[[Trial, int], Mapping[Part, Meaning]]
#: What a listing says; may depend on trial and phase.
Lists = Listed | Callable[[Trial, int], Listed] | None
#: What records of the first dataset are chosen by besides the population. The source line says it; may depend on the trial.
Where = Chosen | Callable[[Trial], Chosen]


def tell_undeclared(needs: Needs, trial: Trial) -> str:
    """What of the needs a trial does not declare, as a reason; nothing where it declares them all."""
    absent = [name for name, is_declared in needs.items() if not is_declared(trial)]
    return f"trial.yaml declares no {', '.join(absent)}" if absent else ""


@dataclass(frozen=True)
class Declaration:
    """One output in every phase it is made for.

    ``number`` lacks the phase digit, which is appended. ``population`` may differ by phase. What has no
    ``source`` tells the protocol, and of no subject.
    ``alone`` is its title where nothing is compared, if that is another.
    ``scope`` "dose group" outputs are made in the dose-group notebooks only, those of a package in its own: they are of
    one phase, and their number is whole. ``comparisons`` are
    the footnotes that explain comparisons: left out where nothing is compared. ``given`` names for a
    footnote the dataset and variable it explains: left out where the data have none. ``needs`` are the
    parts of trial.yaml it cannot be made without, ``variables`` those of the data, by dataset. ``methods``
    are those of an outcome that it can show: what else an outcome asks of it is named as not made.
    ``listings`` are the numbers of the listings that hold the records it counts: they are linked both ways.
    ``meanings`` say what a part of a row's key means where it is more than that a variable has a level; ``counted_of``
    of which subjects rows with a part are counted, where these are not the whole population, nothing where no variable
    tells them; ``highest`` which variable a part is the highest value of; ``shifts`` what the last two parts of a row's key
    tell, by the name of one of them; ``shares`` the variables whose rows are shares of the subjects with any value of it, all
    other parts of the key as they are; ``day_zero`` the variable of a subject that days of dates are counted from; ``at_risk``
    how long subjects are observed, of rates; ``listed`` what a listing says: its columns, its order, what tells its records.
    The second count asks by the keys and by them. One that ``leaves_out`` what blinding took out of supplied data says so on its
    page, as a listing does; without any other it is not made.
    """

    number: str
    title: str
    population: Populations
    source: tuple[str, ...]
    footnotes: tuple[str, ...]
    body: Body
    phases: tuple[int, ...] | None = None
    where: Where = field(default_factory=dict)
    total: bool = True
    scope: Scope = "phase"
    needs: Needs = field(default_factory=dict)
    comparisons: tuple[str, ...] = ()
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    methods: tuple[Method, ...] = ()
    listings: tuple[str, ...] = ()
    meanings: Meanings = field(default_factory=dict)
    counted_of: Meanings = field(default_factory=dict)
    highest: Mapping[str, str] = field(default_factory=dict)
    shifts: Mapping[str, Shift] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    day_zero: str = ""
    at_risk: Callable[[Trial], AtRisk] | None = None
    alone: str = ""
    listed: Lists = None
    leaves_out: bool = False

    def variables_in(self, phase: int, trial: Trial) -> dict[str, tuple[str, ...]]:
        """What the data must have, by dataset; ADSL with the population's flag, which every output asks for."""
        asked = self.variables(trial, phase) if callable(self.variables) else self.variables
        flag = trial.population(self.population_in(phase, trial)).flag
        return {**asked, "ADSL": ("USUBJID", flag, *asked.get("ADSL", ()))}

    def chosen_in(self, trial: Trial) -> Chosen:
        """What records are chosen by besides the population: variables with their values."""
        return self.where(trial) if callable(self.where) else self.where

    def meanings_in(self, phase: int, trial: Trial) -> Mapping[Part, Meaning]:
        """What parts of its row keys mean."""
        return self.meanings(trial, phase) if callable(self.meanings) else self.meanings

    def listed_in(self, phase: int, trial: Trial) -> Listed | None:
        """What a listing says; nothing of any other output."""
        return self.listed(trial, phase) if callable(self.listed) else self.listed

    def counted_in(self, phase: int, trial: Trial) -> Mapping[Part, Meaning]:
        """Of which subjects rows with these parts are counted."""
        return self.counted_of(trial, phase) if callable(self.counted_of) else self.counted_of

    def full_number(self, phase: int) -> str:
        """Its number in a phase; that of a package's output has no phase behind it."""
        return f"{self.number}.{phase}" if self.scope in ("phase", "dose group") else self.number

    def in_phase(self, phase: int, trial: Trial) -> bool:
        """Whether the output is made for a phase of this trial."""
        return self.is_meant_for(phase) and not self.obstacle(phase, trial)

    def is_meant_for(self, phase: int) -> bool:
        return self.phases is None or phase in self.phases

    def obstacle(self, phase: int, trial: Trial) -> str:
        """Why the output is not made for a phase it is meant for; nothing where it is made."""
        code = self.population_in(phase, trial)
        if not trial.has_population(code, phase):
            return f"population {code} is not declared for phase {phase}"
        return tell_undeclared(self.needs, trial)

    @property
    def population_codes(self) -> tuple[str, ...]:
        """Every population it names, each once."""
        if isinstance(self.population, str):
            return (self.population,)
        return tuple(dict.fromkeys(self.population if isinstance(self.population, tuple) else self.population.values()))

    def population_in(self, phase: int, trial: Trial) -> str:
        """The analysis set of a phase, or the one that outcomes ask for."""
        return trial.population_of(f"{self.number}.{phase}") or self.population_code(phase, trial)

    def population_code(self, phase: int, trial: Trial) -> str:
        """The analysis set of a phase; where the trial has none of those it may be of, the one it is meant for."""
        codes = self.population_codes
        if isinstance(self.population, Mapping):
            # A phase the declaration does not name has the analysis set of the first one it names.
            return self.population.get(phase, codes[0])
        return next((code for code in codes if trial.has_population(code, phase)), codes[0])


Make = Callable[[Trial], Iterator[Declaration]]
_DECLARED: list[Declaration] = []
#: Families with their name and what they need, which tells why a trial has none of them.
_FAMILIES: list[tuple[Make, str, Needs]] = []


def output(
    number: str,
    title: str,
    *,
    population: Populations,
    source: tuple[str, ...],
    footnotes: tuple[str, ...] = (),
    phases: tuple[int, ...] | None = None,
    where: Where = MappingProxyType({}),
    total: bool = True,
    scope: Scope = "phase",
    needs: Needs = MappingProxyType({}),
    comparisons: tuple[str, ...] = (),
    given: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    variables: Variables = MappingProxyType({}),
    methods: tuple[Method, ...] = (),
    listings: tuple[str, ...] = (),
    meanings: Meanings = MappingProxyType({}),
    counted_of: Meanings = MappingProxyType({}),
    highest: Mapping[str, str] = MappingProxyType({}),
    shifts: Mapping[str, Shift] = MappingProxyType({}),
    shares: tuple[str, ...] = (),
    day_zero: str = "",
    at_risk: Callable[[Trial], AtRisk] | None = None,
    listed: Lists = None,
    leaves_out: bool = False,
) -> Callable[[Body], Body]:
    """Declare the decorated function as the body of an output; `declarations` refuses a number that is declared twice."""

    def register(body: Body) -> Body:
        _DECLARED.append(
            Declaration(
                number,
                title,
                population,
                source,
                footnotes,
                body,
                phases,
                where,
                total,
                scope,
                needs,
                comparisons,
                given,
                variables,
                methods,
                listings,
                meanings,
                counted_of,
                highest,
                shifts,
                shares,
                day_zero,
                at_risk,
                listed=listed,
                leaves_out=leaves_out,
            )
        )
        return body

    return register


def family(name: str, *, needs: Needs = MappingProxyType({})) -> Callable[[Make], Make]:
    """Declare a family of outputs: a loop over the trial's own data, never copies.

    ``name`` says what they are where the trial declares nothing to loop over.
    """

    def register(make: Make) -> Make:
        _FAMILIES.append((make, name, needs))
        return make

    return register


@dataclass(frozen=True)
class _Again:
    """An output that another document shows under a number and title of its own."""

    number: str
    title: str
    of: str
    scope: Scope


_AGAIN: list[_Again] = []


def show_again(number: str, title: str, *, of: str, scope: Scope) -> None:
    """Declare that a package shows an output of the report, by its number without the phase, under a number of its own.

    It is made by the same body with the same footnotes, and is of the package's phase. It leads to no listing: the package has
    its own. A trial that has no such output has none in the package.
    """
    _AGAIN.append(_Again(number, title, of, scope))


def _shown_again(found: Sequence[Declaration]) -> Iterator[Declaration]:
    by_number = {declared.number: declared for declared in found}
    for one in _AGAIN:
        if one.of in by_number:
            base = by_number[one.of]
            yield replace(base, number=one.number, title=one.title, scope=one.scope, listings=(), methods=(), alone="")


def absent_families(trial: Trial) -> dict[str, str]:
    """Families this trial has none of, with the reason."""
    reasons = {name: tell_undeclared(needs, trial) for _, name, needs in _FAMILIES}
    return {name: reason for name, reason in reasons.items() if reason}


def declarations(trial: Trial) -> list[Declaration]:
    """Everything declared, the families made for this trial.

    Raises
    ------
    PlanError
        Two declarations share a number: two files, two functions of one, or an outcome names the number of another output.
        A dataset is none that schemas/ describes; a population is neither the trial's nor one of the delivered protocol.
    """
    found = [*_DECLARED, *(declared for make, _, _ in _FAMILIES for declared in make(trial))]
    found += _shown_again(found)
    problems = [*find_shared(found, trial), *find_unknown(found, trial)]
    if problems:
        raise PlanError.of(problems)
    return found


def last_declared(module: str) -> Declaration:
    """What a module declared last, by ``output``."""
    return next(declared for declared in reversed(_DECLARED) if declared.body.__module__ == module)


def forget(module: str) -> None:
    """Forget what a module has declared: its import failed, or it is imported anew."""
    _DECLARED[:] = [declared for declared in _DECLARED if declared.body.__module__ != module]
    _FAMILIES[:] = [made for made in _FAMILIES if made[0].__module__ != module]
