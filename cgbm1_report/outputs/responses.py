"""Rates of responders that outcomes of a study declare: who responds at each visit, or at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.errors import DataError, PlanError, Problem
from cgbm1_report.outputs.change_models import refuse_twice
from cgbm1_report.outputs.laboratory import explain_left_out, listings_of, name_visits
from cgbm1_report.protocol.clinical import Limit
from cgbm1_report.protocol.outcomes import efficacy_flag
from cgbm1_report.protocol.registry import OF_RESPONSES, Method, Outcome, Response
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import print_condition
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, compare_rows, count_rows, head_row, join_rows, with_exact_interval
from cgbm1_report.tabulate.chosen import choose, tell_chosen, ways_of
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.table import count, out_of_percent
from cgbm1_report.tabulate.view import View, refuse_unexpected

#: The last part of a row of responders, and that of those of whom it is known.
_RESPONDS, _KNOWN = ("response", "Y"), ("response", None)
#: What tells a result where flags alone tell a response: one of them is enough.
_RESULT = ("AVAL", "AVALC")
#: A computed number is its limit where it differs by less than so much of it: 100 * (2.1 - 3) / 3 is -30.
_NEAR = 1e-9
_SIGNS = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
#: Variables that a baseline tells: their limits are explained by the note on it.
_OF_BASELINE = frozenset({"BASE", "CHG", "PCHG", "R2BASE"})


def _bound(limit: Limit) -> Is:
    """A limit as it is asked of computed numbers."""
    sign = _SIGNS[limit.side]
    outwards = -1 if sign in (">=", "<") else 1
    return Is(sign, limit.value + outwards * _NEAR * (1 + abs(limit.value)))  # type: ignore[arg-type]


def _within(values: pd.Series, limit: Limit) -> pd.Series:
    asked = _bound(limit)
    compared = {">=": values.ge, ">": values.gt, "<=": values.le, "<": values.lt}[asked.how]
    return compared(asked.value)


def _known_by(response: Response) -> list[tuple[str, ...]]:
    """Variables of which, in one of these ways, all are there where it is known whether a record responds."""
    return [response.measured] if response.measured else [(name,) for name in (*_RESULT, *response.variables)]


def _meanings(response: Response, flag: str) -> Mapping[Part, Meaning]:
    """What rows of responders, and of those with a result, say of the records that count."""
    analysed, limits = {flag: Is("=", "Y")}, {name: _bound(limit) for name, limit in response.limits.items()}
    return {
        _RESPONDS: tuple({**analysed, **way, **limits} for way in ways_of(response.where)),
        _KNOWN: tuple({**analysed, **dict.fromkeys(names, Is("known"))} for names in _known_by(response)),
    }


def _tell_response(response: Response) -> str:
    """What a response is, in words."""
    told = [tell_chosen(response.where)] if response.where else []
    told += [f"{name} {_SIGNS[limit.side]} {limit.value:g}" for name, limit in response.limits.items()]
    return f"{response.label}: {print_condition(', '.join(told))}."


@dataclass(frozen=True)
class _Rates:
    """What a table of responders is of: its number without the phase, and the response of the outcomes it answers."""

    number: str
    paramcd: str
    dataset: str
    response: Response

    def variables(self, trial: Trial, phase: int) -> tuple[str, ...]:
        """Variables of the records that the table cannot be made without."""
        visits = ("AVISITN", "AVISIT") if trial.asked(self.number, phase, self.paramcd).days() else ()
        return tuple(dict.fromkeys(("PARAMCD", efficacy_flag(trial, self.paramcd), *visits, *self.response.variables)))

    def needed(self, trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
        """The same by dataset, with what tells a result."""
        result = () if self.response.measured else ("|".join((*_RESULT, *self.response.variables)),)
        return {self.dataset: ("USUBJID", *self.variables(trial, phase), *result)}


def _read(view: View, own: _Rates) -> pd.DataFrame:
    """The analysed records of the parameter, one per subject and visit, or one per subject where the outcome names no day.

    Raises
    ------
    ReportError
        A text is asked of a number or a limit of a text, a value is none of the parameter's codelist, or a subject has two
        records that count.
    """
    flag = efficacy_flag(view.trial, own.paramcd)
    records = view.records(own.dataset, *own.variables(view.trial, view.phase), only=True, also=_RESULT)
    _refuse_kinds(records, own)
    records = choose(records, {"PARAMCD": own.paramcd, flag: "Y"})
    codelist = view.parameter(own.paramcd).codelist
    if codelist and "AVALC" in own.response.where:
        refuse_unexpected(f"{own.dataset} {own.paramcd}", records, "AVALC", codelist, optional=True)
    if "AVISITN" in records:
        refuse_twice(records, own.dataset, flag)
        return records
    twice = records[records.duplicated("USUBJID")]
    if len(twice):
        raise DataError(
            "the subject has two records of an outcome without days",
            file=own.dataset,
            rule=f"one record per subject and parameter has {flag} = Y",
            place=f"{twice['USUBJID'].iloc[0]} {own.paramcd}",
            remedy=f"flag one of them with {flag}, or name the visits in trial.yaml: nominal_days",
        )
    return records


def _refuse_kinds(records: pd.DataFrame, own: _Rates) -> None:
    response = own.response
    kinds = {name: pd.api.types.is_numeric_dtype(records[name]) for name in response.variables}
    wrong = {name: "a number, and where of its response asks a text" for name in response.where if kinds[name]}
    wrong |= {name: "a text, and limits of its response ask a number" for name in response.limits if not kinds[name]}
    if wrong:
        raise PlanError.of(
            Problem(
                f"{name} of {own.dataset} is {why}", file="trial.yaml", rule="outcomes", place=f"response of {own.paramcd}",
                remedy="ask numbers by limits, as {at_least: 1}, and texts by where",
            )
            for name, why in wrong.items()
        )  # fmt: skip


def count_responders(view: View, own: _Rates) -> Summary:
    """Subjects who respond at each of the outcome's days, or by its one record, with what it asks for: interval, comparison."""
    asked, records, response = view.asked(own.number, own.paramcd), _read(view, own), own.response
    of: Key = (("PARAMCD", own.paramcd),)
    parts = [] if asked.days() else [_rows(view, of, records, response, asked.methods)]
    for day, visit in name_visits(view, asked.days()).items():
        key: Key = (*of, ("AVISIT", visit))
        parts.append(head_row(key, visit))
        parts.append(_rows(view, key, records[records["AVISITN"] == day], response, asked.methods, indent=1))
    share = "n/M" if response.without_result == "left_out" else "n"
    return Summary(
        *join_rows(parts), f"{view.parameter(own.paramcd).name}, {share} (%)", stub_width=4.0,
        footnotes=(_tell_response(response), _tell_denominator(response, days=bool(asked.days()))),
    )  # fmt: skip


def _tell_denominator(response: Response, *, days: bool) -> str:
    """Of whom percentages are, and what a result is."""
    at = " at the visit" if days else ""
    result = " or ".join(" and ".join(names) for names in _known_by(response))
    if response.without_result == "left_out":
        return f"M: subjects with a result{at} (a value of {result}); percentages are of them, others are left out."
    return (
        f"Percentages: of all subjects of the analysis set; who has no result{at} (a value of {result}) counts as not responding."
    )


def _rows(view: View, key: Key, records: pd.DataFrame, response: Response, methods: Collection[Method], *, indent: int = 0) -> Rows:
    """Who responds, of whom, and the interval and comparison that are asked for; with how many results where all count."""
    ways = [records[[*names]].notna().all(axis="columns") for names in _known_by(response) if {*names} <= {*records}]
    known = records[pd.concat(ways, axis="columns").any(axis="columns")]
    responding = choose(known, response.where)
    for name, limit in response.limits.items():
        responding = responding[_within(responding[name], limit)]
    chosen = [Selection((*key, _RESPONDS), response.label, responding)]
    if response.without_result == "left_out":
        of = count_population(known, view.column_keys)
        above, counted = [], count_rows(view, chosen, show=out_of_percent, denominators=of, indent=indent)
    else:
        above = [count_rows(view, [Selection((*key, _KNOWN), "With a result, n", known)], show=count, indent=indent)]
        counted = count_rows(view, chosen, indent=indent)
    counted = with_exact_interval(counted) if "rate" in methods else counted
    compared = compare_rows(counted, view, difference="difference" in methods, fisher="fisher" in methods)
    return join_rows([*above, compared])


def _footnotes(asked: Collection[Method], response: Response, *, days: bool) -> tuple[str, ...]:
    """What explains intervals, visits, baselines, and values after a transplantation."""
    told = {"F6": "rate" in asked, "F7": "difference" in asked, "F11": days, "F12": bool(_OF_BASELINE & {*response.variables})}
    return (*(code for code, is_told in told.items() if is_told), "F13")


def _body(own: _Rates) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return count_responders(view, own)

    return body


@family("Responders of the outcomes", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def response_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per response that an outcome declares, under the number the outcome names."""
    made: dict[str, tuple[_Rates, list[Outcome]]] = {}
    for outcome in trial.outcomes:
        for answer in outcome.outputs:
            if outcome.response and set(answer.methods) & set(OF_RESPONSES):
                number = answer.number.rpartition(".")[0]
                own = _Rates(number, outcome.paramcd, outcome.dataset, outcome.response)
                made.setdefault(number, (own, []))[1].append(outcome)
    for own, outcomes in made.values():
        response, flag = own.response, efficacy_flag(trial, own.paramcd)
        phases = tuple(sorted({one.phase for one in outcomes}))
        asked = frozenset[Method]().union(*(trial.asked_of(f"{own.number}.{phase}") for phase in phases))
        yield Declaration(
            own.number, response.label, "FAS", (own.dataset,),
            _footnotes(asked, response, days=any(one.nominal_days for one in outcomes)), _body(own), phases,
            where={"PARAMCD": own.paramcd, flag: "Y"}, comparisons=("F7",) if "difference" in asked else (),
            variables=own.needed, methods=OF_RESPONSES, listings=listings_of(trial, (own.paramcd,), own.dataset),
            given=explain_left_out(own.dataset), meanings=_meanings(response, flag),
            shares=("response",) if response.without_result == "left_out" else (),
        )  # fmt: skip
