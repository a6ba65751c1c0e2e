"""Whose records an output reads, and which of their variables: nothing else can be behind a number of it that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from cgbm1_report.compare.match import SUBJECT
from cgbm1_report.compare.subjects import SUBJECT_LEVEL
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.trial import Trial

_PHASE = "PHASE"


@dataclass(frozen=True)
class Reads:
    """What an output reads of the data.

    Parameters
    ----------
    subjects
        Those of its phase and population, in either of the two; None where that is not told.
    columns
        Those of each of its treatment groups.
    variables
        By dataset; of a dataset that is not named, all may be read.
    chosen
        The values that a record has to be counted, by variable.
    members
        What says of a subject whether it is among those whom numbers are out of: phase, population, treatment, conditions.
    shares
        Variables of which a level is counted of those who have any.
    """

    subjects: frozenset[str] | None = None
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    shares: frozenset[str] = frozenset()


def find_reads(entries: Mapping[str, Entry], trial: Trial, sides: Collection[Mapping[str, pd.DataFrame]]) -> dict[str, Reads]:
    """What each output reads, by number; ``sides`` are the data before and now."""
    held = [next((side[name] for name in SUBJECT_LEVEL if name in side), pd.DataFrame()) for side in sides]
    known: dict[tuple[int, str], tuple[frozenset[str] | None, dict[str, frozenset[str]]]] = {}
    found = {}
    for number, entry in entries.items():
        asked = (entry.phase, entry.population)
        if asked not in known:
            known[asked] = _find_subjects(trial, entry.phase, entry.population, held)
        subjects, columns = known[asked]
        variables = {
            name: frozenset(one for told in names for one in told.split("|"))
            for name, names in entry.declared.variables_in(entry.phase, trial).items()
        }
        chosen = {name: _values(value) for name, value in entry.declared.chosen_in(trial).items()}
        population = trial.population(entry.population)
        counted = entry.declared.counted_in(entry.phase, trial).values()
        members = {_PHASE, population.flag, population.treatment, *_names(counted)}
        held_to = {name: values for name, values in chosen.items() if values}
        found[number] = Reads(subjects, columns, variables, held_to, frozenset(members), frozenset(entry.declared.shares))
    return found


def _names(counted: Iterable[Iterable[Mapping[str, object]]]) -> Iterator[str]:
    """The variables of conditions by which subjects are counted of."""
    return (name for told in counted for one in told for names in one for name in names.split("|"))


def _values(value: object) -> tuple[str, ...]:
    """The values that a variable is chosen by; none where it is chosen in another way, as by a bound."""
    told = value if isinstance(value, tuple) else (value,)
    return tuple(str(one) for one in told) if all(type(one) is str for one in told) else ()


def _find_subjects(
    trial: Trial, phase: int, code: str, held: Iterable[pd.DataFrame]
) -> tuple[frozenset[str] | None, dict[str, frozenset[str]]]:
    """The subjects of a population in a phase, and those of each of its treatment groups."""
    population = trial.population(code)
    everybody: set[str] = set()
    columns: dict[str, set[str]] = {}
    for level in held:
        if not {SUBJECT, population.flag} <= set(level):
            return None, {}
        own = level[level[population.flag] == "Y"]
        own = own[own[_PHASE] == phase] if _PHASE in own else own
        everybody.update(own[SUBJECT])
        if population.treatment in own:
            for column, rows in own.groupby(population.treatment, observed=True):
                columns.setdefault(str(column), set()).update(rows[SUBJECT])
    return frozenset(everybody), {column: frozenset(own) for column, own in columns.items()}
