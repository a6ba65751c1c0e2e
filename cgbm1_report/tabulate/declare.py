"""How an output is declared: once, by a decorated function that returns numbers and a layout."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import fill, tokens_in
from cgbm1_report.rows import Key, number_repeats
from cgbm1_report.tabulate.abbreviations import drawn_words, find_abbreviations
from cgbm1_report.tabulate.chosen import Chosen, tell_chosen
from cgbm1_report.tabulate.misdeclared import find_shared, find_unknown
from cgbm1_report.tabulate.results import list_numbers, list_texts, tabulate
from cgbm1_report.tabulate.table import Column, Figure, Line, Output, Row, Table
from cgbm1_report.tabulate.treated import tell_treated_otherwise
from cgbm1_report.tabulate.view import ALL_GROUPS, View


@dataclass(frozen=True)
class Summary:
    """Body of a summary table: the numbers and the lines that print them.

    ``without`` are, here and in the other bodies, the declared footnotes that explain what this page does not show.
    """

    numbers: pd.DataFrame
    lines: Sequence[Line]
    stub_label: str = ""
    columns: Sequence[Column] | None = None
    stub_width: float = 3.0
    footnotes: Sequence[str] = ()
    without: Collection[str] = ()


@dataclass(frozen=True)
class Listing:
    """Body of a listing: one row per record, already sorted, every column its printed text.

    ``keys`` say which record each row is (subject and sequence number); ``blocks`` are the rows that start a subject.
    """

    records: pd.DataFrame
    columns: Sequence[Column]
    keys: Sequence[Key]
    blocks: Sequence[int]
    footnotes: Sequence[str] = ()
    without: Collection[str] = ()


@dataclass(frozen=True)
class Drawing:
    """Body of a figure: the numbers it shows, the picture, and the picture in words."""

    numbers: pd.DataFrame
    svg: str
    png: bytes
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
Scope = Literal["phase", "dose group"]
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
    ``scope`` "dose group" outputs are made in the dose-group notebooks only. ``comparisons`` are
    the footnotes that explain comparisons: left out where nothing is compared. ``given`` names for a
    footnote the dataset and variable it explains: left out where the data have none. ``needs`` are the
    parts of trial.yaml it cannot be made without, ``variables`` those of the data, by dataset. ``methods``
    are those of an outcome that it can show: what else an outcome asks of it is named as not made.
    ``listings`` are the numbers of the listings that hold the records it counts: they are linked both ways.
    """

    number: str
    title: str
    population: str | Mapping[int, str]
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

    def variables_in(self, phase: int, trial: Trial) -> dict[str, tuple[str, ...]]:
        """What the data must have, by dataset; ADSL with the population's flag, which every output asks for."""
        asked = self.variables(trial, phase) if callable(self.variables) else self.variables
        flag = trial.population(self.population_code(phase)).flag
        return {**asked, "ADSL": ("USUBJID", flag, *asked.get("ADSL", ()))}

    def chosen_in(self, trial: Trial) -> Chosen:
        """What records are chosen by besides the population: variables with their values."""
        return self.where(trial) if callable(self.where) else self.where

    def in_phase(self, phase: int, trial: Trial) -> bool:
        """Whether the output is made for a phase of this trial."""
        return self.is_meant_for(phase) and not self.obstacle(phase, trial)

    def is_meant_for(self, phase: int) -> bool:
        return self.phases is None or phase in self.phases

    def obstacle(self, phase: int, trial: Trial) -> str:
        """Why the output is not made for a phase it is meant for; nothing where it is made."""
        code = self.population_code(phase)
        if code not in {population.code for population in trial.populations if phase in population.phases}:
            return f"population {code} is not declared for phase {phase}"
        return tell_undeclared(self.needs, trial)

    @property
    def population_codes(self) -> tuple[str, ...]:
        """Every population it names, each once."""
        named = (self.population,) if isinstance(self.population, str) else self.population.values()
        return tuple(dict.fromkeys(named))

    def population_code(self, phase: int) -> str:
        if isinstance(self.population, str):
            return self.population
        # A phase the declaration does not name has the analysis set of the first one it names.
        return self.population.get(phase, next(iter(self.population.values())))


Make = Callable[[Trial], Iterator[Declaration]]
_DECLARED: list[Declaration] = []
#: Families with their name and what they need, which tells why a trial has none of them.
_FAMILIES: list[tuple[Make, str, Needs]] = []


def output(
    number: str,
    title: str,
    *,
    population: str | Mapping[int, str],
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
    problems = [*find_shared(found), *find_unknown(found, trial)]
    if problems:
        raise PlanError.of(problems)
    return found


def forget(module: str) -> None:
    """Forget what a module has declared: its import failed, or it is imported anew."""
    _DECLARED[:] = [declared for declared in _DECLARED if declared.body.__module__ != module]
    _FAMILIES[:] = [made for made in _FAMILIES if made[0].__module__ != module]


def make_output(declared: Declaration, number: str, view: View) -> Output:
    """Run the body and make the Table or Figure of it: title, footnotes, abbreviations, source line, results."""
    content = declared.body(view)
    of_data = bool(declared.source)
    # What explains records stands where there are some.
    bare = isinstance(content, Listing) and not len(content.records)
    notes = (
        *(() if bare else _footnotes(declared, view, content.without)),
        *content.footnotes,
        *(tell_treated_otherwise(view) if of_data else ()),
    )
    if of_data and not any(view.population_counts.values()):
        notes = (*notes, f"{view.population.label}: no subject in this {_extent(view)}.")
    told: dict[str, Any] = {
        "number": number,
        "title": declared.title,
        "subtitle": _subtitle(view),
        "population": view.population.label if of_data else "",
        "source": _source(declared, view),
        "stamp": view.stamp,
        "program": _program(declared, number, view),
    }
    made: Output
    if isinstance(content, Drawing):
        made = Figure(
            **told, svg=content.svg, png=content.png, alt=content.alt, footnotes=notes,
            ard=list_numbers(number, content.numbers, view.columns), width_in=content.width_in, height_in=content.height_in,
        )  # fmt: skip
    elif isinstance(content, Listing):
        rows, ard = _list_records(content, number)
        doses = _dose_note(content.columns, view) if rows else ()
        made = Table(
            **told, columns=tuple(content.columns), rows=rows, footnotes=(*notes, *doses), ard=ard,
            kind="listing", stub_label=None, blocks=tuple(content.blocks),
        )  # fmt: skip
    else:
        columns = tuple(content.columns or view.columns)
        rows, ard = tabulate(number, content.numbers, content.lines, columns, view.columns)
        blocks = tuple(index for index, line in enumerate(content.lines) if line.block)
        made = Table(
            **told, columns=columns, rows=rows, footnotes=(*notes, *_dose_note(columns, view)), ard=ard,
            stub_label=content.stub_label, stub_width=content.stub_width, blocks=blocks,
        )  # fmt: skip
    return replace(made, abbreviations=find_abbreviations(printed_words(made), view.trial.abbreviations))


def _extent(view: View) -> str:
    """Of what an output shows the subjects, in a word."""
    if view.dose_group != ALL_GROUPS:
        return "dose group"
    return "phase" if len(view.trial.phases) > 1 else "study"


def printed_words(output: Output) -> Iterator[str]:
    """Every text of ours that an output prints: of a listing of data no cell, which may be what a site has typed."""
    yield from (output.title, output.subtitle, output.population, *output.footnotes)
    if isinstance(output, Figure):
        yield from drawn_words(output.svg)
        return
    yield output.stub_label or ""
    yield from (text for column in output.columns for text in (column.label, column.spanner or ""))
    if output.kind == "table" or output.source == PROTOCOL:
        yield from (text for row in output.rows for text in (row.label, *row.cells.values()))


def _program(declared: Declaration, number: str, view: View) -> str:
    """The output's own program: the module that declares it, its number, the version; and that its data were blinded.

    The name of a file is the same before and after unblinding, so that a submission's links stay: what names
    the file on the page says which of both it is.
    """
    module = declared.body.__module__.rpartition(".")[2]
    blinded = "blinded data" if view.pooled and declared.source else ""
    return ", ".join(text for text in (f"{module} {number}", view.stamp.program, blinded) if text)


def _dose_note(columns: Sequence[Column], view: View) -> tuple[str, ...]:
    """What the names of the dose groups stand for, where cells or rows name them, not heads."""
    if view.pooled or len(view.columns) < 2 or not any(column.key == DOSE_GROUP or column.statistic for column in columns):
        return ()
    doses = [arm.heading for arm in view.trial.arms_of(view.phase) if arm.column in view.column_keys and arm.heading != arm.column]
    return (f"{view.trial.study.dose_label}: {'; '.join(doses)}.",) if doses else ()


def _subtitle(view: View) -> str:
    phase = view.trial.phases[view.phase]
    parts = [phase.label] if len(view.trial.phases) > 1 else []
    if view.pooled:
        parts.append("blinded: all treatment groups pooled")
    elif view.dose_group != "all":
        parts.append(view.trial.arm(view.dose_group).heading)
    return ", ".join(parts)


def footnote_texts(view: View, codes: Sequence[str]) -> tuple[str, ...]:
    """The trial's footnotes with their values filled in, each a sentence."""
    study = view.trial.study
    unstated = "synthetic dictionary" if view.stamp.synthetic else "version not declared"
    dictionaries = {token: version or unstated for token, version in study.dictionaries.items()}
    templates = [view.trial.footnotes[code] for code in codes]
    words = {**view.trial.words(view.phase), **dictionaries}
    # What only the data tell is asked of them where a footnote names it.
    if any("never_dosed" in tokens_in(template) for template in templates):
        words["never_dosed"] = _never_dosed(view)
    texts = [fill(template, words) for template in templates]
    return tuple(text if text.endswith(".") else f"{text}." for text in texts)


def _never_dosed(view: View) -> str:
    """What stands for the first dose of subjects who never had one, where the page has such."""
    undosed = "TRTSDT" in view.subjects and view.subjects["TRTSDT"].isna().any()
    return "; in subjects never dosed at or before randomisation" if undosed else ""


def footnotes_of(declared: Declaration, phase: int, trial: Trial, adam: Mapping[str, pd.DataFrame]) -> list[str]:
    """Codes of the footnotes an output may print: not those of data that are not there, or of comparisons nobody makes."""
    left = {code for code, (name, variable) in declared.given.items() if variable not in adam.get(name, ())}
    left |= set() if trial.phases[phase].reference else set(declared.comparisons)
    return [code for code in declared.footnotes if code not in left]


def _footnotes(declared: Declaration, view: View, without: Collection[str]) -> tuple[str, ...]:
    codes = footnotes_of(declared, view.phase, view.trial, view.adam)
    return footnote_texts(view, [c for c in codes if c not in without and (view.compared or c not in declared.comparisons)])


def _source(declared: Declaration, view: View) -> str:
    if not declared.source:
        return PROTOCOL
    chosen = {view.population.flag: "Y", **declared.chosen_in(view.trial)}
    names = dict.fromkeys((*declared.source, "ADSL"))
    return f"{', '.join(names)}; {tell_chosen(chosen)}"


def _list_records(content: Listing, number: str) -> tuple[tuple[Row, ...], pd.DataFrame]:
    names = [column.key for column in content.columns]
    keys = number_repeats(content.keys)
    texts = content.records[names].astype("object").where(content.records[names].notna(), "")
    rows = tuple(
        Row(key, "", 0, dict(zip(names, values, strict=True)))
        for key, values in zip(keys, texts.itertuples(index=False, name=None), strict=True)
    )
    return rows, list_texts(number, content.records[names], keys)
