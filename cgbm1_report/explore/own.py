"""Outputs of an analyst's own: declared in a notebook as the package's are, and known to that study alone."""

from __future__ import annotations

import inspect
import re
import tempfile
import traceback
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, get_type_hints

import pandas as pd

from cgbm1_report import outputs
from cgbm1_report.errors import ArgumentError, PlanError, Problem, ProofError, number_of, suggest
from cgbm1_report.notebook.given import require_kinds
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.outputs.lacking import require_declared
from cgbm1_report.protocol.packages import section_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount import datasets_of, recount
from cgbm1_report.recount.facts import Facts
from cgbm1_report.tabulate.chosen import find_alternatives
from cgbm1_report.tabulate.declare import Body, Declaration, Drawing, Listing, Summary
from cgbm1_report.tabulate.misdeclared import find_unknown
from cgbm1_report.tabulate.numbers import match_number
from cgbm1_report.tabulate.table import Figure, Output
from cgbm1_report.tabulate.view import View

_RULE = "study.own"
#: A number as declarations write it: its kind, and what stands between points.
_WRITTEN = re.compile(r"[TFLA]\d+[a-z]?(\.\d+[a-z]?)*")
#: A comparison in the place of a value: a bound, as the key of a row has it (``>=3``), or that it is another.
_COMPARISON = re.compile(r"\s*(?:[<>]=?|[!=]=|<>)\s*\S.*")
#: So many values of a variable are named.
_FEW = 12
#: What the title of an output says that was declared in a notebook.
OWN = "own output, not of the report"
#: What it says besides once the second count has found another number.
UNLIKE = "its rows do not say what it counts"
#: What `count_again` says of the picture of a figure.
_UNSEEN = "is not checked: only the numbers behind it are computed again"


def is_own(entry: Entry) -> bool:
    """Whether an output was declared outside the package, as in a notebook."""
    return not entry.declared.body.__module__.startswith(f"{outputs.__name__}.")


def name_body(body: Body) -> Body:
    """What is called as a body, as a function of the notebook: what has no name and no module gets those that a declaration says.

    These are an object that can be called, as of functools.partial, a function that was made of a text, and one of the package.
    """
    module = getattr(body, "__module__", None)
    if isinstance(body, FunctionType) and isinstance(module, str) and not module.startswith(f"{outputs.__name__}."):
        return body

    def called(view: View) -> Summary | Listing | Drawing:
        return body(view)

    named = getattr(body, "func", body)
    called.__name__ = str(getattr(named, "__name__", type(named).__name__))
    called.__module__ = "__main__"
    called.__wrapped__ = body  # type: ignore[attr-defined]  # whoever looks for its source finds that of what is called
    return called


def own_among(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Those of them that were declared outside the package, by number."""
    return {entry.number: entry for entry in entries if is_own(entry)}


def tell_raised(entry: Entry, error: BaseException) -> PlanError:
    """That the function of an own output raised, and in which of its lines; the error itself is its cause."""
    body = inspect.unwrap(entry.declared.body)
    code = getattr(body, "__code__", None)
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
    said = " ".join(str(error).split())
    told = f"{entry.declared.body.__name__} raised {type(error).__name__}{': ' * bool(said)}{said}"
    place = f"{entry.number}{f', line {lines[-1]}' if lines else ''}"
    return PlanError(told, rule="the body of an output", place=place, remedy="mend the function, and declare it again")


def declare_own(
    number: str, title: str, body: Body, told: Mapping[str, Any], trial: Trial, phase: int, known: Mapping[str, Entry]
) -> Entry:
    """An output of a notebook, as the catalogue has those of the package.

    Parameters
    ----------
    number
        Without the phase digit, or with it; of a section of ICH E3.
    told
        What else the declaration says, by the names that ``output`` of the package has.

    Raises
    ------
    ReportError
        The number is that of an output of the package or of no section, a name is none of a declaration's, a dataset or
        population is not there, or the trial declares too little for it.
    """
    short = number.removesuffix(f".{phase}")
    if not _WRITTEN.fullmatch(number):
        remedy = "write it as the report does: T, F or L, and numbers with points between them, T14.3.2.9"
        raise ArgumentError(f"{number} is no number of an output", rule=_RULE, remedy=remedy)
    if isinstance(told.get("source"), str):
        remedy = f'name it in a tuple: source=("{told["source"]}",)'
        raise ArgumentError("source names datasets, one or more", rule=_RULE, place=number, remedy=remedy)
    try:
        declared = Declaration(short, title, body=name_body(body), **{"footnotes": (), **told})
    except TypeError as error:
        remedy = "name what output() of cgbm1_report.tabulate.declare names: population, source, where, variables, footnotes …"
        raise ArgumentError(str(error).partition(" ")[2], rule=_RULE, place=number, remedy=remedy) from error
    require_kinds(told, get_type_hints(Declaration), _RULE, number)
    if not declared.is_meant_for(phase):
        meant = " and ".join(map(str, declared.phases or ()))
        said = f"phases= names {meant or 'none'}, and this study was opened for phase {phase}"
        raise ArgumentError(said, rule=_RULE, place=number, remedy="leave phases out, or open the study for that phase")
    full = declared.full_number(phase)
    package = [one for one, entry in known.items() if not is_own(entry)]
    # Without its phase a number is that of every phase, and would be looked for under either name.
    if taken := dict.fromkeys(one for asked in (number, full) for one in match_number(asked, package)):
        named = f"{number} names {' and '.join(taken)} of the package"
        raise ArgumentError(named, rule=_RULE, remedy="give yours another number")
    section_of(declared.number)
    problems = list(find_unknown([declared], trial))
    if problems:
        raise PlanError.of(problems)
    if reason := declared.obstacle(phase, trial):
        raise PlanError(f"{full} cannot be made: {reason}", rule=_RULE, remedy="name a population of this phase")
    return Entry(full, phase, declared, declared.population_in(phase, trial))


def check_own(entry: Entry, trial: Trial, adam: Mapping[str, pd.DataFrame]) -> None:
    """Refuse what the data or trial.yaml lack for it, and records chosen by a variable that none of its datasets has.

    The line of its source says by what they are chosen, and the second count asks it of those datasets that have it.
    """
    require_declared([entry], trial, adam)
    known = {variable for name in ("ADSL", *entry.source) if name in adam for variable in adam[name].columns}
    if strange := [name for name in entry.declared.chosen_in(trial) if name not in known]:
        near = " ".join(suggest(name, known, "name variables of its datasets") for name in strange)
        told = f"where= names {', '.join(strange)}, which neither ADSL nor {' nor '.join(entry.source) or 'any other'} has"
        raise PlanError(told, rule=_RULE, place=entry.number, remedy=near)
    _refuse_comparisons(entry, trial, adam)


def _refuse_comparisons(entry: Entry, trial: Trial, adam: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a choice of records by anything but values: the line of the source and the second count take ``>=3`` for a text."""
    frames = [adam[name] for name in ("ADSL", *entry.source) if name in adam]
    problems = []
    chosen = {name: one if isinstance(one, str | tuple | list) else (one,) for name, one in entry.declared.chosen_in(trial).items()}
    for variable, values in (way for each in chosen.items() for way in find_alternatives(*each)):
        known = {str(one) for frame in frames if variable in frame for one in frame[variable].dropna().unique()}
        for value in values:
            if isinstance(value, str) and (value in known or not _COMPARISON.fullmatch(value)):
                continue
            told = f"where= chooses {variable} by {value!r}: records are chosen by a value or a list of values, each a text"
            remedy = _tell_values(variable, value, known) if isinstance(value, str) else f'write it so: "{value}"'
            problems.append(Problem(told, rule=_RULE, place=entry.number, remedy=remedy))
    if problems:
        raise PlanError.of(problems)


def _tell_values(variable: str, asked: str, known: Collection[str]) -> str:
    """How records are chosen that a comparison means: by the values, or in the function by what keys of rows can say."""
    there = f"{variable} has {', '.join(sorted(known))}; " if 0 < len(known) <= _FEW else ""
    named = f'{there}name all that are meant, as where={{"{variable}": ["…", "…"]}}'
    is_bound = asked.lstrip()[0] in "<>" and "<>" not in asked
    bound = f'choose them in the function, and say so in the key of each row: ("{variable}", "{asked}")'
    return f"{named}, or {bound}" if is_bound else named


def count_again(made: Output, facts: Facts, adam: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """How many numbers of an output the second count, in SQL, computed again by ``facts``, how many not, and why.

    Raises
    ------
    ProofError
        A number is not the same in both computations: how many are not, and the first with row, column and statistic.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in {"ADSL", *datasets_of(facts)} & set(adam):
            adam[name].to_parquet(Path(folder) / f"{name.lower()}.parquet", index=False)
        counted = recount(Path(folder), made.ard.assign(output=made.number), [facts])
    if counted.differences:
        first = counted.differences[0]
        told = f"not what its rows say in {number_of(len(counted.differences), 'number')}; the first: {first.message}"
        remedy = "let the key of the row, and where=, which holds for all rows, say what the function counts"
        raise ProofError(told, file=made.number, rule=first.rule, place=first.place, remedy=remedy)
    drawn = {"drawing": _UNSEEN} if isinstance(made, Figure) else {}
    return {**counted.counts, "reasons": counted.reasons, **drawn}
