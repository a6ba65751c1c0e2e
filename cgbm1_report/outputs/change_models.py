"""Models of a change from baseline, or of a value, as outcomes ask for them: what tables of models and of visits both show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from cgbm1_report.analyse.models import Adjusted, Terms, as_ratios, fit_ancova_by_visit, fit_mmrm
from cgbm1_report.errors import DataError
from cgbm1_report.protocol.outcomes import efficacy_flag
from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Explained
from cgbm1_report.tabulate.adjusted import Modelled, arms_of
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.view import View

#: The models a table can show, and that they are of logarithms.
MODELS: tuple[Method, ...] = ("ancova", "mmrm")
_NAMES: dict[Method, str] = dict(zip(MODELS, ("ANCOVA", "MMRM"), strict=True))
_NOTES: dict[Method, str] = dict(zip(MODELS, ("F14", "F15"), strict=True))
LOGARITHM: Method = "log_ratio"
#: By what it is told that a ratio has no logarithm.
_CHANGE = ("BASE", "CHG")
_LOGARITHMS = ("LOG10CHG", "LOG10BASE")


def _of_record(explained: Explained) -> tuple[str, ...]:
    """Variables of a record: what a model is of, then what explains it."""
    return (explained.response, *((explained.covariate,) if explained.covariate else ()))


def _of_subject(explained: Explained) -> tuple[str, ...]:
    """Variables of a subject that explain it besides."""
    return (*explained.factors, *((explained.dose,) if explained.dose else ()))


def tell_models(trial: Trial, number: str, phases: Collection[int]) -> tuple[tuple[str, ...], str]:
    """The footnotes of the models that an output has in any of these phases, and their names in words."""
    asked = frozenset().union(*(trial.asked_of(f"{number}.{phase}") for phase in phases))
    own = [method for method in MODELS if method in asked]
    return tuple(_NOTES[method] for method in own), " and ".join(_NAMES[method] for method in own)


def variables_of_models(trial: Trial, number: str) -> dict[str, tuple[str, ...]]:
    """Variables that the models of an output cannot be made without, by dataset."""
    found: dict[str, list[str]] = {"ADSL": []}
    for outcome, answer in trial.models_of(number).values():
        own = found.setdefault(outcome.dataset, ["USUBJID", "PARAMCD", efficacy_flag(trial, outcome.paramcd), "AVISITN"])
        own += [*(_CHANGE if LOGARITHM in answer.methods else ()), *_of_record(outcome.explain(answer))]
        found["ADSL"] += _of_subject(outcome.explain(answer))
    return {name: tuple(dict.fromkeys(own)) for name, own in found.items()}


def read_changes(view: View, paramcd: str, dataset: str, days: Mapping[int, str], variables: Collection[str]) -> pd.DataFrame:
    """The records of a parameter analysed for efficacy on the outcome's days, with AVISIT, one per subject and day.

    Raises
    ------
    ReportError
        A subject has two records of a day: a model would count it twice.
    """
    flag = efficacy_flag(view.trial, paramcd)
    records = choose(view.records(dataset, "PARAMCD", flag, "AVISITN", *variables, only=True), {"PARAMCD": paramcd, flag: "Y"})
    records = records.assign(AVISIT=records["AVISITN"].map(dict(days)).astype("str"))
    refuse_twice(records, dataset, flag)
    return records


def refuse_twice(records: pd.DataFrame, dataset: str, flag: str) -> None:
    """Refuse two records of a subject, parameter and visit among those that a flag chooses: both would be counted.

    Raises
    ------
    ReportError
        With the first such subject and visit.
    """
    twice = records.duplicated(["USUBJID", "PARAMCD", "AVISITN"])
    if twice.any():
        first = records[twice].iloc[0]
        raise DataError(
            "the subject has two records of a visit",
            file=dataset,
            rule=f"one record per subject, parameter and visit has {flag} = Y",
            place=f"{first['USUBJID']} {first['PARAMCD']} {first.get('AVISIT', first['AVISITN'])}",
            remedy=f"flag one of them with {flag}",
        )


def _take_logarithms(records: pd.DataFrame) -> pd.DataFrame:
    """The records with the logarithms, base 10, of the ratio to baseline and of the baseline; none of what is not above 0."""
    logarithms = [np.log10(records[name].where(records[name] > 0)) for name in ("R2BASE", "BASE")]
    return records.assign(**dict(zip(_LOGARITHMS, logarithms, strict=True)))


def _count_lost(records: pd.DataFrame, visits: Mapping[int, str]) -> int:
    """Records with a change whose logarithm there is not."""
    changes = records["AVISITN"].isin(list(visits)) & records[["CHG", "BASE"]].notna().all(axis=1)
    return int((changes & records[list(_LOGARITHMS)].isna().any(axis=1)).sum())


def model_changes(view: View, paramcd: str, number: str, days: Mapping[int, str], *, heading: str = "") -> Modelled:
    """The models that an output is asked for: change by treatment, adjusted for baseline; of logarithms where ratios are.

    Parameters
    ----------
    number
        The output's number, with its phase.
    days
        The outcome's days, as AVISITN has them, with the names of their visits.
    """
    outcome, answer = view.trial.models_of(number)[paramcd]
    parameter, model, explained = view.parameter(paramcd), answer.model, outcome.explain(answer)
    ratio, visits, names = LOGARITHM in answer.methods, list(days.values()), _of_record(explained)
    records = read_changes(view, paramcd, outcome.dataset, days, (*names, *(_CHANGE if ratio else ())))
    records = _join_subjects(view, records, _of_subject(explained))
    records = _take_logarithms(records) if ratio else records
    response, *covariates = _LOGARITHMS if ratio else names
    terms = Terms(
        response, arms_of(view), str(view.reference), tuple(covariates), model.factors, model.weights,
        dose=model.dose, pairwise=model.pairwise,
    )  # fmt: skip
    fits: dict[Method, tuple[str, Callable[[], Adjusted]]] = {
        "ancova": (_NAMES["ancova"], partial(fit_ancova_by_visit, records, terms, "AVISIT", visits)),
        "mmrm": (_NAMES["mmrm"], partial(fit_mmrm, records, terms, "AVISIT", visits, adjustment=view.trial.switches.mmrm_df)),
    }
    models = {name: as_ratios(fit()) if ratio else fit() for method, (name, fit) in fits.items() if method in answer.methods}
    return Modelled(
        (("PARAMCD", paramcd),), parameter.name, parameter.dp, visits, models, heading, measure=names[0], ratio=ratio,
        lost=_count_lost(records, days) if ratio else 0, model=model, based=bool(covariates),
    )  # fmt: skip


def _join_subjects(view: View, records: pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """The records with variables of their subjects, as ADSL has them."""
    if not variables:
        return records
    own = view.subjects_with(*variables).set_index("USUBJID")[list(dict.fromkeys(variables))]
    return records.assign(**{str(name): records["USUBJID"].map(own[name]) for name in own})
