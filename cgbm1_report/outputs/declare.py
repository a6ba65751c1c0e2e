"""How an output is declared: once, by a decorated function that returns numbers and a layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import pandas as pd

from cgbm1_report.errors import Problem, ReportError
from cgbm1_report.table import ARD_COLUMNS, Column, Figure, Line, Output, Row, Table, tabulate
from cgbm1_report.trial import Trial
from cgbm1_report.view import View
from cgbm1_report.wording import fill


@dataclass(frozen=True)
class Summary:
    """Body of a summary table: the numbers and the lines that print them."""

    numbers: pd.DataFrame
    lines: Sequence[Line]
    stub_label: str = ""
    columns: Sequence[Column] | None = None
    stub_width: float = 3.0
    footnotes: Sequence[str] = ()


@dataclass(frozen=True)
class Listing:
    """Body of a listing: one row per record, already sorted, every column its printed text.

    ``keys`` name each row (``USUBJID | sequence``); ``blocks`` are the rows that start a subject.
    """

    records: pd.DataFrame
    columns: Sequence[Column]
    keys: Sequence[str]
    blocks: Sequence[int]
    footnotes: Sequence[str] = ()


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


Body = Callable[[View], Summary | Listing | Drawing]
Scope = Literal["phase", "dose group"]


@dataclass(frozen=True)
class Declaration:
    """One output in every phase it is made for.

    ``number`` lacks the phase digit, which is appended. ``population`` may differ by phase.
    ``scope`` "dose group" outputs are made in the dose-group notebooks only. ``comparisons`` are
    the footnotes that explain comparisons: left out where nothing is compared. ``given`` names for a
    footnote the dataset and variable it explains: left out where the data have none.
    """

    number: str
    title: str
    population: str | Mapping[int, str]
    source: tuple[str, ...]
    footnotes: tuple[str, ...]
    body: Body
    phases: tuple[int, ...] | None = None
    where: str = ""
    total: bool = True
    scope: Scope = "phase"
    needs: Callable[[Trial], bool] = field(default=lambda trial: True)
    comparisons: tuple[str, ...] = ()
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def in_phase(self, phase: int, trial: Trial) -> bool:
        """Whether the output is made for a phase of this trial."""
        codes = {population.code for population in trial.populations if phase in population.phases}
        return (self.phases is None or phase in self.phases) and self.population_code(phase) in codes and self.needs(trial)

    def population_code(self, phase: int) -> str:
        if isinstance(self.population, str):
            return self.population
        # A phase the declaration does not name has the analysis set of the first one it names.
        return self.population.get(phase, next(iter(self.population.values())))


_DECLARED: list[Declaration] = []
_FAMILIES: list[Callable[[Trial], Iterator[Declaration]]] = []


def output(
    number: str,
    title: str,
    *,
    population: str | Mapping[int, str],
    source: tuple[str, ...],
    footnotes: tuple[str, ...] = (),
    phases: tuple[int, ...] | None = None,
    where: str = "",
    total: bool = True,
    scope: Scope = "phase",
    needs: Callable[[Trial], bool] = lambda trial: True,
    comparisons: tuple[str, ...] = (),
    given: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Callable[[Body], Body]:
    """Declare the decorated function as the body of an output. A number declared twice is an error."""

    def register(body: Body) -> Body:
        if any(declared.number == number for declared in _DECLARED):
            raise KeyError(f"output {number} is declared twice")
        _DECLARED.append(
            Declaration(number, title, population, source, footnotes, body, phases, where, total, scope, needs, comparisons, given)
        )
        return body

    return register


def family(make: Callable[[Trial], Iterator[Declaration]]) -> Callable[[Trial], Iterator[Declaration]]:
    """Declare a family of outputs: a loop over the trial's own data, never copies."""
    _FAMILIES.append(make)
    return make


def declarations(trial: Trial) -> list[Declaration]:
    """Everything declared, the families made for this trial.

    Raises
    ------
    KeyError
        Two declarations share a number.
    """
    found = [*_DECLARED, *(declared for make in _FAMILIES for declared in make(trial))]
    numbers = [declared.number for declared in found]
    for number in numbers:
        if numbers.count(number) > 1:
            raise KeyError(f"output {number} is declared twice")
    return found


def make_output(declared: Declaration, number: str, view: View) -> Output:
    """Run the body and make the Table or Figure of it: title, footnotes, source line, results."""
    content = declared.body(view)
    notes = (*_footnotes(declared, view), *content.footnotes)
    if not view.population_counts or not any(view.population_counts.values()):
        notes = (*notes, f"No subject is in the {view.population.label} of this phase.")
    source = _source(declared, view)
    if isinstance(content, Drawing):
        ard = _with_output(content.numbers, number)
        return Figure(
            number, declared.title, view.population.label, content.svg, content.png, content.alt, notes, source, view.stamp, ard,
            content.width_in, content.height_in, _subtitle(view),
        )  # fmt: skip
    if isinstance(content, Listing):
        rows, ard = _list_records(content, number)
        return Table(
            number, declared.title, view.population.label, tuple(content.columns), rows, notes, source, view.stamp, ard,
            kind="listing", stub_label=None, blocks=tuple(content.blocks), subtitle=_subtitle(view),
        )  # fmt: skip
    columns = tuple(content.columns or view.columns)
    rows, ard = tabulate(number, content.numbers, content.lines, [column.key for column in columns])
    blocks = tuple(index for index, line in enumerate(content.lines) if line.block)
    return Table(
        number, declared.title, view.population.label, columns, rows, notes, source, view.stamp, ard,
        stub_label=content.stub_label, stub_width=content.stub_width, blocks=blocks, subtitle=_subtitle(view),
    )  # fmt: skip


def _subtitle(view: View) -> str:
    phase = view.trial.phases[view.phase]
    parts = [phase.label] if len(view.trial.phases) > 1 else []
    if view.pooled:
        parts.append("blinded: all treatment groups pooled")
    elif view.dose_group != "all":
        parts.append(view.trial.arm(view.dose_group).column_label)
    return ", ".join(parts)


def footnote_texts(view: View, codes: Sequence[str]) -> tuple[str, ...]:
    """The trial's footnotes with their values filled in, each a sentence."""
    study = view.trial.study
    unstated = "synthetic dictionary" if view.stamp.synthetic else "version not declared"
    dictionaries = {"meddra": study.meddra_version or unstated, "whodrug": study.whodrug_version or unstated}
    words = {**view.trial.words(view.phase), **dictionaries}
    texts = [fill(view.trial.footnotes[code], words) for code in codes]
    return tuple(text if text.endswith(".") else f"{text}." for text in texts)


def _footnotes(declared: Declaration, view: View) -> tuple[str, ...]:
    absent = {code for code, (name, variable) in declared.given.items() if variable not in view.adam.get(name, ())}
    if not view.compared:
        absent |= set(declared.comparisons)
    printed = [code for code in declared.footnotes if code not in absent]
    missing = [code for code in printed if code not in view.trial.footnotes]
    if missing:
        raise ReportError.of(
            Problem(
                f"footnote {code} of {declared.number} is not declared",
                file="trial.yaml",
                rule="footnotes",
                remedy="declare its text",
            )
            for code in missing
        )
    return footnote_texts(view, printed)


def _source(declared: Declaration, view: View) -> str:
    condition = f"{view.population.flag} = Y" + (f", {declared.where}" if declared.where else "")
    names = dict.fromkeys((*declared.source, "ADSL"))
    return f"{', '.join(names)}; {condition}"


def _with_output(numbers: pd.DataFrame, number: str) -> pd.DataFrame:
    return numbers.assign(output=number, text=pd.Series(pd.NA, index=numbers.index, dtype="str"))[list(ARD_COLUMNS)]


def _list_records(content: Listing, number: str) -> tuple[tuple[Row, ...], pd.DataFrame]:
    names = [column.key for column in content.columns]
    texts = content.records[names].astype("object").where(content.records[names].notna(), "")
    rows = tuple(
        Row(key, "", 0, dict(zip(names, values, strict=True)))
        for key, values in zip(content.keys, texts.itertuples(index=False, name=None), strict=True)
    )
    long = texts.assign(row=list(content.keys)).melt(id_vars="row", var_name="column", value_name="text")
    ard = long.assign(output=number, stat="listed", value=float("nan"), subjects=None)
    return rows, ard[list(ARD_COLUMNS)]
