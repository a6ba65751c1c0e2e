"""14.2.7, 14.2.9 and 14.2.17: changes from baseline compared by models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from cgbm1_report.analyse.models import Adjusted, Terms, fit_ancova_by_visit, fit_mmrm
from cgbm1_report.errors import DataError
from cgbm1_report.outputs.laboratory import tell_favourable
from cgbm1_report.protocol.registry import Method, Outcome
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.adjusted import Modelled, adjusted_by_visit
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.view import View

_METHODS: tuple[Method, ...] = ("ancova", "mmrm")
#: What several outcomes of a dataset are called in a title.
_TOGETHER = {"ADLB": "Laboratory Outcomes"}
_VARIABLES = ("USUBJID", "PARAMCD", "ANL02FL", "AVISITN", "BASE", "CHG")


def read_changes(view: View, paramcd: str, dataset: str, days: dict[int, str]) -> pd.DataFrame:
    """The records of a parameter analysed for efficacy on the outcome's days, with AVISIT, one per subject and day.

    Raises
    ------
    ReportError
        A subject has two records of a day: a model would count it twice.
    """
    records = choose(view.records(dataset, *_VARIABLES[1:]), {"PARAMCD": paramcd, "ANL02FL": "Y"})
    records = records.assign(AVISIT=records["AVISITN"].map(days).astype("str"))
    twice = records.duplicated(["USUBJID", "AVISITN"])
    if twice.any():
        first = records[twice].iloc[0]
        raise DataError(
            "the subject has two records of a visit",
            file=dataset,
            rule="one record per subject, parameter and visit has ANL02FL = Y",
            place=f"{first['USUBJID']} {paramcd} {first['AVISIT']}",
            remedy="flag one of them with ANL02FL",
        )
    return records


def model_changes(view: View, paramcd: str, dataset: str, *, alone: bool) -> Modelled:
    """The models an outcome asks for: change by treatment, adjusted for baseline."""
    parameter = view.parameter(paramcd)
    days = {int(visit.avisitn or 0): str(visit.avisit) for visit in view.visits(view.trial.registry_days(view.phase, paramcd))}
    records, visits = read_changes(view, paramcd, dataset, days), list(days.values())
    terms = Terms("CHG", view.column_keys, str(view.reference), ("BASE",))
    fits: dict[Method, tuple[str, Callable[[], Adjusted]]] = {
        "ancova": ("ANCOVA", partial(fit_ancova_by_visit, records, terms, "AVISIT", visits)),
        "mmrm": ("MMRM", partial(fit_mmrm, records, terms, "AVISIT", visits, adjustment=view.trial.switches.mmrm_df)),
    }
    asked = view.trial.methods(view.phase, paramcd)
    models = {name: fit() for method, (name, fit) in fits.items() if method in asked}
    return Modelled(
        (("PARAMCD", paramcd),), parameter.name, parameter.dp, visits, models, heading="" if alone else parameter.heading
    )  # fmt: skip


def compare_changes(view: View, codes: Sequence[str], dataset: str) -> Summary:
    """Adjusted means of the change at the registry's days and their differences from the reference."""
    alone = len(codes) == 1
    modelled = [model_changes(view, code, dataset, alone=alone) for code in codes]
    summary = adjusted_by_visit(view, modelled, view.parameter(codes[0]).heading if alone else "Parameter")
    favourable = tell_favourable(view, codes[0]) if alone else ()
    return replace(summary, footnotes=[*favourable, *summary.footnotes])


def _body(codes: Sequence[str], dataset: str) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return compare_changes(view, codes, dataset)

    return body


_NOTES = ("F11", "F12", "F13", "F14", "F15")


@family("Changes of the outcomes compared by models", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def model_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per number that outcomes name for models alone: of one outcome, or of several of a dataset."""
    made: dict[str, list[Outcome]] = {}
    for outcome in trial.outcomes:
        for answer in outcome.outputs:
            if set(answer.methods) <= set(_METHODS):
                made.setdefault(answer.number.rpartition(".")[0], []).append(outcome)
    for number, outcomes in made.items():
        dataset, codes = outcomes[0].dataset, tuple(dict.fromkeys(outcome.paramcd for outcome in outcomes))
        what = trial.parameter(codes[0]).name if len(codes) == 1 else _TOGETHER.get(dataset, "Outcomes")
        yield Declaration(
            number, f"{what}{' Change' * (len(codes) == 1)}: ANCOVA and MMRM", "FAS", (dataset,), _NOTES, _body(codes, dataset),
            tuple(sorted({outcome.phase for outcome in outcomes})), where={"PARAMCD": codes, "ANL02FL": "Y"}, total=False,
            comparisons=("F14", "F15"), variables={dataset: _VARIABLES}, methods=_METHODS,
            listings=("L16.2.6.4",) if dataset == "ADLB" else (),
        )  # fmt: skip
