"""14.2.24: of whom a value of each efficacy outcome was expected at each visit, of whom there is one, and of whom none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.outputs.laboratory import listings_of, registry_visits
from cgbm1_report.protocol.outcomes import SHARED_FLAG, efficacy_flag, efficacy_flags
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.derivation import Derived, derived
from cgbm1_report.tabulate.table import out_of_percent
from cgbm1_report.tabulate.view import View

#: The last day on which values are expected of a subject.
_EXPECTED = "EFFDAY"
_OBSERVED, _MISSING = ("observed", "Y"), ("observed", "N")
_WANTED = derived(
    "Expected (M)", "alive and without a liver transplantation at the end of the day, which the data cut-off had reached", _EXPECTED
)
_SEEN = "Observed: of these, with the value that is analysed for change from baseline."
_BESIDES = (
    "Tables of change have, besides, values of subjects who died or were transplanted between the value and the day of its visit."
)


def _outcomes(trial: Trial, phase: int) -> dict[str, str]:
    """The parameters measured at visits that a phase's outcomes are about, in the registry's order, with their datasets."""
    return {one.paramcd: one.dataset for one in trial.outcomes if one.phase == phase and one.baseline_needed and one.nominal_days}


def _days(trial: Trial, phase: int) -> dict[int, str]:
    """Days on which any of them is measured, with the names of their visits."""
    days = {day for code in _outcomes(trial, phase) for day in trial.registry_days(phase, code)}
    names = {visit.analysed_day: str(visit.avisit) for visit in trial.phases[phase].visits}
    return {day: names[day] for day in sorted(days)}


def _counted_of(trial: Trial, phase: int) -> Mapping[Part, Meaning]:
    return {("AVISIT", name): ({_EXPECTED: Is(">=", day)},) for day, name in _days(trial, phase).items()}


def _listings(trial: Trial) -> tuple[str, ...]:
    """The listings that hold the results whose availability is counted."""
    outcomes = {code: dataset for phase in trial.phases for code, dataset in _outcomes(trial, phase).items()}
    return tuple(sorted({number for code, dataset in outcomes.items() for number in listings_of(trial, (code,), dataset)}))


@family("Efficacy data availability by visit")
def availability_tables(trial: Trial) -> Iterator[Declaration]:
    """One table of all outcomes, whose datasets are those the outcomes name."""
    sources = tuple(dict.fromkeys(name for phase in trial.phases for name in _outcomes(trial, phase).values()))
    if sources:
        codes = [code for phase in trial.phases for code in _outcomes(trial, phase)]
        flag = efficacy_flag(trial, codes[0])
        yield Declaration(
            "T14.2.24", "Efficacy Data Availability by Visit", "FAS", sources, ("F1", "F11", "F12"), data_availability,
            where={flag: "Y"}, meanings={_OBSERVED: ({flag: Is("=", "Y")},)}, counted_of=_counted_of,
            listings=_listings(trial), needs={SHARED_FLAG: lambda trial: len(efficacy_flags(trial, codes)) == 1},
            variables={"ADSL": (_EXPECTED,), **dict.fromkeys(sources, ("USUBJID", "PARAMCD", "AVISIT", "AVISITN", flag))},
        )  # fmt: skip


def data_availability(view: View) -> Summary:
    """Who is expected on each day, then of each outcome and day how many of these have a value, and how many none."""
    # Of ADSL's hundred variables three are asked, some hundred times.
    subjects = view.subjects_with(_EXPECTED)[["USUBJID", "COLUMN", _EXPECTED]]
    days = _days(view.trial, view.phase)
    on_day = {day: subjects[subjects[_EXPECTED] >= day] for day in days}
    everybody = [Selection(((_EXPECTED, f">={day}"),), name, on_day[day]) for day, name in days.items()]
    parts = [head_row(((_EXPECTED, None),), "Expected, n (%)"), count_rows(view, everybody, indent=1)]
    outcomes = _outcomes(view.trial, view.phase)
    flag = efficacy_flag(view.trial, next(iter(outcomes), ""))
    analysed = {name: view.records(name, "PARAMCD", "AVISITN", flag, only=True) for name in dict.fromkeys(outcomes.values())}
    analysed = {name: records[records[flag] == "Y"] for name, records in analysed.items()}
    for code, dataset in outcomes.items():
        own = analysed[dataset]
        parts.append(head_row((("PARAMCD", code),), f"{view.parameter(code).name}, n/M (%)"))
        parts.append(_availability(view, code, own[own["PARAMCD"] == code], on_day))
    return Summary(
        *join_rows(parts), "Outcome\n  Visit", stub_width=4.0, footnotes=(_WANTED, Derived(f"{_SEEN} {_BESIDES}", _SEEN))
    )


def _availability(view: View, paramcd: str, analysed: pd.DataFrame, on_day: Mapping[int, pd.DataFrame]) -> Rows:
    """Two rows per day of an outcome: the subjects expected with a value, and those without."""
    parts = []
    for day, (number, visit) in zip(
        view.trial.registry_days(view.phase, paramcd), registry_visits(view, paramcd).items(), strict=True
    ):
        expected = on_day[day]
        seen = expected["USUBJID"].isin(analysed.loc[analysed["AVISITN"] == number, "USUBJID"])
        key, label = (("PARAMCD", paramcd), ("AVISIT", visit)), f"{view.parameter(paramcd).name}, {visit}"
        rows = [
            Selection((*key, _OBSERVED), f"{label}, observed", expected[seen]),
            Selection((*key, _MISSING), f"{label}, missing", expected[~seen]),
        ]
        of = count_population(expected, view.column_keys)
        parts.append(count_rows(view, rows, show=out_of_percent, denominators=of, indent=1))
    return join_rows(parts)
