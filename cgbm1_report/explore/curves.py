"""Kaplan-Meier estimates of a study's times to an event, as a frame to look at and to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.analyse.event_times import kaplan_meier, log_log_limits
from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import ArgumentError
from cgbm1_report.explore.subsets import find_population
from cgbm1_report.protocol.trial import TOTAL
from cgbm1_report.tabulate.view import View

if TYPE_CHECKING:
    from cgbm1_report.explore.study import Study


def estimate_curves(study: Study, paramcd: str, population: str, dataset: str | pd.DataFrame) -> pd.DataFrame:
    """A row for each treatment column and time at which somebody has the event or is censored.

    Raises
    ------
    ReportError
        The dataset has no such parameter, or several records of it of a subject; there is no such population.
    """
    chosen = study.trial.population(find_population(study.trial, population, "study.km"))
    view = View(study.trial, study.data, study.phase, chosen, study.stamp, study.dose_group, study.pooled)
    name, records = (dataset, study.data[dataset]) if isinstance(dataset, str) else ("dataset", dataset)
    if lacking := [one for one in ("USUBJID", "PARAMCD", "AVAL", "CNSR") if one not in records]:
        told = f"{name} has no {', '.join(lacking)}: it holds no times to an event"
        raise ArgumentError(told, rule="study.km", remedy="name a dataset of times to an event, as ADTTE")
    own = records.loc[
        (records["PARAMCD"] == _find_parameter(records, paramcd, name)) & records["AVAL"].notna(), ["USUBJID", "AVAL", "CNSR"]
    ]
    if (twice := own["USUBJID"].duplicated()).any():
        told = f"{name} has several records of {paramcd} of {own.loc[twice, 'USUBJID'].iloc[0]}"
        raise ArgumentError(told, rule="study.km", remedy="leave one time of each subject")
    times = own.merge(view.subjects[["USUBJID", "COLUMN"]], on="USUBJID", validate="many_to_one")
    by_column = {**dict(list(times.groupby("COLUMN", sort=False))), TOTAL: times}
    found = [_tell_curve(key, by_column[key]) for key in view.column_keys if key in by_column]
    return pd.concat(found, ignore_index=True)


def _find_parameter(records: pd.DataFrame, asked: str, dataset: str) -> str:
    """The code of a parameter, by its code or its text in any case of letters."""
    told = records[["PARAMCD", *(["PARAM"] if "PARAM" in records else [])]].dropna(subset=["PARAMCD"]).drop_duplicates()
    codes = sorted(told["PARAMCD"].unique())
    if asked in codes:
        return asked
    named = told["PARAMCD"][told.apply(lambda texts: texts.map(fold_text, na_action="ignore")).eq(fold_text(asked)).any(axis=1)]
    if named.nunique() != 1:
        texts = told.drop_duplicates("PARAMCD").set_index("PARAMCD").reindex(codes)
        every = ", ".join(f"{code} ({texts['PARAM'][code]})" if "PARAM" in texts else code for code in codes)
        raise ArgumentError(f"{dataset} has no parameter {asked}", rule="study.km", remedy=f"it is one of {every}")
    return str(named.iloc[0])


def _tell_curve(column: str, times: pd.DataFrame) -> pd.DataFrame:
    curve = kaplan_meier(times["AVAL"].to_numpy(), (times["CNSR"] == 0).to_numpy())
    limits = [log_log_limits(float(free), float(variance)) for free, variance in zip(curve.free, curve.variance, strict=True)]
    return pd.DataFrame(
        {
            "column": column,
            "time": curve.time,
            "n_risk": curve.at_risk.astype(int),
            "n_event": curve.events.astype(int),
            "n_censor": curve.censored.astype(int),
            "estimate": curve.free,
            "conf_low": [low for low, _ in limits],
            "conf_high": [high for _, high in limits],
        }
    )
