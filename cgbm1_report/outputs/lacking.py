"""What outputs lack: footnotes of trial.yaml, datasets and variables of the data, and what blinding took out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from cgbm1_report.errors import DataError, PlanError, Problem, join_errors
from cgbm1_report.protocol.schema import parameters_seen_blind, schema_types
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Declaration
from cgbm1_report.tabulate.make import footnotes_of
from cgbm1_report.tabulate.view import find_unseen

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.outputs.catalogue import Entry

_TRIAL = "trial.yaml"


def require_declared(entries: Iterable[Entry], trial: Trial, adam: Mapping[str, pd.DataFrame] | None) -> None:
    """Refuse outputs whose footnotes, datasets or variables are not there, all of them in one message; without data the footnotes.

    Raises
    ------
    ReportError
        Names each missing footnote, dataset and variable once, with the outputs that need it.
    """
    missing: dict[tuple[str, str], list[str]] = {}
    withheld: dict[tuple[str, str, int], list[str]] = {}
    asked: dict[str, list[str]] = {}
    # Not asked whether there are any: who counts datasets has read the shape of each.
    data: Mapping[str, pd.DataFrame] = {} if adam is None else adam
    for entry in entries:
        declared = entry.declared
        for code in footnotes_of(declared, entry.phase, trial, data):
            if code not in trial.footnotes:
                missing.setdefault((_TRIAL, f"footnote {code}"), []).append(entry.number)
        for name, variable in _find_withheld(declared, entry.phase, trial, data):
            withheld.setdefault((name, variable, entry.phase), []).append(entry.number)
        for name, variables in declared.variables_in(entry.phase, trial).items() if adam is not None else ():
            absent = [one for one in variables if not any(way in data[name] for way in one.split("|"))] if name in data else [""]
            # Who supplies a dataset learns at once what it is to hold.
            asked.setdefault(name, []).extend(variables)
            for variable in absent:
                missing.setdefault((name, variable.replace("|", " or ")), []).append(entry.number)
    told = [
        (PlanError if place[0] == _TRIAL else DataError).of([_tell_missing(*place, numbers, asked.get(place[0], ()))])
        for place, numbers in missing.items()
    ]
    told += [DataError.of([_tell_withheld(*place, numbers)]) for place, numbers in withheld.items()]
    if told:
        raise join_errors(told)


def _find_withheld(declared: Declaration, phase: int, trial: Trial, adam: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """What an output counts by and blinding took out of supplied data: dataset and variable.

    A page that leaves such a variable out says so; who is in an analysis set it cannot leave out, nor all it shows, nor the
    parameter whose records it is made of: of these blinding leaves none, and "none" is no count of them.
    """
    unseen = find_unseen(adam, phase)
    for name in declared.source[:1] if unseen else ():
        codes = parameters_seen_blind(name) if name in unseen else None
        asked = declared.chosen_in(trial).get("PARAMCD", ())
        yield from ((name, one) for one in ([asked] if isinstance(asked, str) else asked) if codes is not None and one not in codes)
    sets = {one.flag for one in trial.populations}
    for name, variables in declared.variables_in(phase, trial).items() if unseen else ():
        own = unseen.get(name, frozenset())
        counted = [*variables, *(one for one in declared.chosen_in(trial) if one in adam.get(name, ()) and one not in variables)]
        found = [one for one in counted if set(one.split("|")) <= own]
        shown = set(counted) - {"USUBJID"} - sets
        spared = bool(declared.listed) or (declared.leaves_out and not (shown and shown <= set(found)))
        yield from ((name, one) for one in found if not spared or one in sets)


def _who_need(numbers: Iterable[str], verb: str = "need") -> str:
    """The outputs, each once, and what they do: one of them needs, several need."""
    own = list(dict.fromkeys(numbers))
    return f"{', '.join(own)} {verb}{'s' * (len(own) == 1)}"


def _tell_withheld(name: str, variable: str, phase: int, numbers: list[str]) -> Problem:
    declare = f"say in trial.yaml that it tells no treatment (seen_blind: {{{name}: [{variable}]}})"
    # Of what schemas/ describe nothing can be declared.
    own = "" if variable in schema_types(name) else f"{declare}, or "
    return Problem(
        f"{variable} is not seen while phase {phase} is blind, and {_who_need(numbers)} it",
        file=name, rule="nothing is counted of what blinding took out",
        remedy=f"{own}name the outputs to make in trial.yaml: outputs",
    )  # fmt: skip


def _tell_missing(file: str, what: str, numbers: list[str], asked: Iterable[str]) -> Problem:
    needed = _who_need(numbers)
    if file == _TRIAL:
        return Problem(
            f"{what} is not declared; {_who_need(numbers, 'print')} it", file=file, rule="footnotes", remedy="declare its text"
        )
    told = f"has no {what}, which {needed}" if what else f"{file} is not in the cut; {needed} it"
    if not what and (variables := [one.replace("|", " or ") for one in dict.fromkeys(asked)]):
        told = f"{told}, with {', '.join(variables)}"
    # A study's own name of a dataset is the usual reason that it is not there.
    named = "" if what else f", or name the file that holds it in trial.yaml (datasets: {{{file.lower()}: …}})"
    remedy = f"supply {what or file}{named}, or name the outputs to make in trial.yaml: outputs"
    return Problem(told, file=file if what else "adam", rule="variables an output needs", remedy=remedy)
