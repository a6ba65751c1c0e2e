"""Models of a parameter's change from baseline, as its outcomes ask for them: what tables of models and of visits both show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np
import pandas as pd

from cgbm1_report.analyse.models import Adjusted, Terms, as_ratios, fit_ancova_by_visit, fit_mmrm
from cgbm1_report.errors import DataError
from cgbm1_report.protocol.registry import Method
from cgbm1_report.tabulate.adjusted import Modelled, arms_of
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.view import View

#: The models a table can show, and that they are of logarithms.
MODELS: tuple[Method, ...] = ("ancova", "mmrm")
LOGARITHM: Method = "log_ratio"
#: Variables that models of a change cannot be made without, and those of logarithms besides.
CHANGES = ("USUBJID", "PARAMCD", "ANL02FL", "AVISITN", "BASE", "CHG")
RATIOS = ("R2BASE",)
_LOGARITHMS = ("LOG10CHG", "LOG10BASE")


def read_changes(view: View, paramcd: str, dataset: str, days: Mapping[int, str], *more: str) -> pd.DataFrame:
    """The records of a parameter analysed for efficacy on the outcome's days, with AVISIT, one per subject and day.

    Raises
    ------
    ReportError
        A subject has two records of a day: a model would count it twice.
    """
    records = choose(view.records(dataset, *CHANGES[1:], *more), {"PARAMCD": paramcd, "ANL02FL": "Y"})
    records = records.assign(AVISIT=records["AVISITN"].map(dict(days)).astype("str"))
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


def _take_logarithms(records: pd.DataFrame) -> pd.DataFrame:
    """The records with the logarithms, base 10, of the ratio to baseline and of the baseline; none of what is not above 0."""
    logarithms = [np.log10(records[name].where(records[name] > 0)) for name in ("R2BASE", "BASE")]
    return records.assign(**dict(zip(_LOGARITHMS, logarithms, strict=True)))


def _count_lost(records: pd.DataFrame, visits: Mapping[int, str]) -> int:
    """Records with a change whose logarithm there is not."""
    changes = records["AVISITN"].isin(list(visits)) & records[["CHG", "BASE"]].notna().all(axis=1)
    return int((changes & records[list(_LOGARITHMS)].isna().any(axis=1)).sum())


def model_changes(
    view: View, paramcd: str, dataset: str, days: Mapping[int, str], asked: Collection[Method], *, heading: str = ""
) -> Modelled:
    """The models that are ``asked`` for: change by treatment, adjusted for baseline; of logarithms where ratios are.

    Parameters
    ----------
    days
        The outcome's days with the names of their visits.
    """
    parameter = view.parameter(paramcd)
    ratio, visits = LOGARITHM in asked, list(days.values())
    records = read_changes(view, paramcd, dataset, days, *(RATIOS if ratio else ()))
    records = _take_logarithms(records) if ratio else records
    response, baseline = _LOGARITHMS if ratio else ("CHG", "BASE")
    terms = Terms(response, arms_of(view), str(view.reference), (baseline,))
    fits: dict[Method, tuple[str, Callable[[], Adjusted]]] = {
        "ancova": ("ANCOVA", partial(fit_ancova_by_visit, records, terms, "AVISIT", visits)),
        "mmrm": ("MMRM", partial(fit_mmrm, records, terms, "AVISIT", visits, adjustment=view.trial.switches.mmrm_df)),
    }
    models = {name: as_ratios(fit()) if ratio else fit() for method, (name, fit) in fits.items() if method in asked}
    return Modelled(
        (("PARAMCD", paramcd),), parameter.name, parameter.dp, visits, models, heading,
        measure="R2BASE" if ratio else "CHG", ratio=ratio, lost=_count_lost(records, days) if ratio else 0,
    )  # fmt: skip
