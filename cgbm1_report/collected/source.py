"""The SDTM as rules and eligibility see it: columns that are always there, dates parsed once, one row per subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from cgbm1_report.collected.procedures import TRANSPLANTATION
from cgbm1_report.distinct import list_texts
from cgbm1_report.iso8601 import parse_moments
from cgbm1_report.protocol.schema import variable_kind
from cgbm1_report.protocol.trial import Trial


@dataclass(frozen=True)
class Escalated:
    """What is derived of the dose escalation: subjects (ADSL), their toxicity (ADDLT), the states of their cohorts."""

    adsl: pd.DataFrame
    addlt: pd.DataFrame
    states: pd.DataFrame


class Source:
    """SDTM frames with what every rule needs: typed columns, parsed dates, subjects.

    Rules run on data that may be wrong in any way: a dataset or variable that is not there reads
    as empty or missing here, and is reported by the schema checks.
    """

    def __init__(
        self,
        sdtm: dict[str, pd.DataFrame],
        trial: Trial,
        cutoff: date | None,
        src_decisions: pd.DataFrame | None,
        escalated: Escalated | Callable[[], Escalated] | None = None,
    ) -> None:
        self.sdtm = {name: frame.reset_index(drop=True) for name, frame in sdtm.items()}
        self.trial = trial
        self.cutoff = cutoff
        self.src_decisions = src_decisions
        self._escalated = escalated
        self._moments: dict[tuple[str, str], pd.DataFrame] = {}
        self._positions: dict[str, np.ndarray] = {}

    @cached_property
    def escalated(self) -> Escalated:
        """What the rules about dose escalation are asked of; where it could not be derived, the error that says why."""
        found = self._escalated() if callable(self._escalated) else self._escalated
        if found is None:
            raise ValueError("nothing is derived of the dose escalation")
        return found

    @cached_property
    def texts(self) -> dict[str, dict[str, list[str]]]:
        """The distinct texts of every text variable, by dataset."""
        return list_texts(self.sdtm)

    def column(self, dataset: str, variable: str) -> pd.Series:
        """A variable as text or number; all missing where it is not there.

        Its kind is the schema's, or that of the same variable in other datasets: VISITNUM is a number
        also in a dataset nobody reports from.
        """
        frame = self.sdtm.get(dataset)
        number = variable_kind(dataset, variable) == "number"
        if frame is None:
            return pd.Series(dtype="float64" if number else "str")
        values = frame.get(variable)
        if values is None:
            return pd.Series(float("nan") if number else None, index=frame.index, dtype="float64" if number else "str")
        if number:
            return values if values.dtype == "float64" else pd.to_numeric(values, errors="coerce").astype("float64")
        return values if values.dtype == "str" else values.astype("str")

    def table(self, dataset: str, *variables: str) -> pd.DataFrame:
        """USUBJID and the variables named, typed, one row per record."""
        return pd.DataFrame({name: self.column(dataset, name) for name in dict.fromkeys(("USUBJID", *variables))})

    def moments(self, dataset: str, variable: str) -> pd.DataFrame:
        """First and last moment of each date of a variable (see `parse_moments`)."""
        place = (dataset, variable)
        if place not in self._moments:
            self._moments[place] = parse_moments(self.column(dataset, variable))
        return self._moments[place]

    def date_variables(self, dataset: str) -> list[str]:
        """Variables of a dataset that hold ISO 8601 text."""
        return [str(name) for name in self.sdtm[dataset].columns if str(name).endswith("DTC")] if dataset in self.sdtm else []

    def of_subject(self, dataset: str, variable: str) -> pd.Series:
        """A variable of `subjects` for each record of a dataset."""
        return self.per_record(dataset, self.subjects[variable])

    def per_record(self, dataset: str, values: pd.Series) -> pd.Series:
        """Values indexed like `subjects`, one for each record of a dataset."""
        # Position -1 stands for a subject DM does not have: beyond the end, hence missing.
        positions = self.positions(dataset)
        return values.reset_index(drop=True).reindex(positions).set_axis(pd.RangeIndex(len(positions)))

    def positions(self, dataset: str) -> np.ndarray:
        """Place of each record's subject in `subjects`; -1 for a subject DM does not have."""
        if dataset not in self._positions:
            codes, distinct = pd.factorize(self.column(dataset, "USUBJID"))
            places = self.subjects.index.get_indexer(pd.Index(distinct))
            self._positions[dataset] = np.append(places, -1)[codes]
        return self._positions[dataset]

    def days_from_first_dose(self, dataset: str, variable: str) -> pd.Series:
        """Elapsed days from the first dose; missing unless the day is known and the subject was dosed."""
        moments = self.moments(dataset, variable)
        day = moments["first"].where(moments["length"] >= 10).dt.normalize()
        result: pd.Series = (day - self.of_subject(dataset, "TRTSDT")).dt.days.astype("float64")
        return result

    def _bound(self, dataset: str, variable: str, which: str, rows: pd.Series | None = None, latest: bool = False) -> pd.Series:
        """Earliest or latest moment per subject over the records chosen."""
        moments = self.moments(dataset, variable)[which]
        subject = self.column(dataset, "USUBJID")
        chosen = moments.notna() if rows is None else moments.notna() & rows
        grouped = moments[chosen].groupby(subject[chosen])
        return grouped.max() if latest else grouped.min()

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """One row per subject of DM, indexed by USUBJID.

        PHASE (of the planned arm, else SCRPHASE), ARMCD, ACTARMCD, ARMNRS; TRTSDTM, TRTSDT, TRTEDT
        from EX; RFIC, RAND, ENRL, DTH, LT, EOS, and of it LEFT and DONE (not completed, completed), with ``_FIRST`` and
        ``_LAST`` moments; NINF.
        """
        # Told apart from ADSL on purpose: the rules are asked before anything can be derived, of dates as wide as they may be.
        table = self.table("DM", "ARMCD", "ACTARMCD", "ARMNRS", "SCRPHASE", "SITEID", "SEX", "AGE", "RANDNO", "DTHFL")
        for name, variable in {"RFIC": "RFICDTC", "DTH": "DTHDTC"}.items():
            moments = self.moments("DM", variable)
            table[f"{name}_FIRST"], table[f"{name}_LAST"] = moments["first"], moments["last"]
        table = table.dropna(subset=["USUBJID"]).drop_duplicates("USUBJID").set_index("USUBJID")
        phases = {arm.armcd: float(arm.phase) for arm in self.trial.arms}
        table["PHASE"] = table["ARMCD"].map(phases).astype("float64").fillna(table["SCRPHASE"])
        start, end = self._bound("EX", "EXSTDTC", "first"), self._bound("EX", "EXENDTC", "last", latest=True)
        table["TRTSDTM"] = start.reindex(table.index)
        table["TRTSDT"] = table["TRTSDTM"].dt.normalize()
        table["TRTEDT_FIRST"] = self._bound("EX", "EXENDTC", "first", latest=True).reindex(table.index)
        table["TRTEDT"] = end.reindex(table.index).dt.normalize()
        table["NINF"] = self.column("EX", "USUBJID").value_counts().reindex(table.index).fillna(0).astype("float64")
        return self._with_events(table)

    def _with_events(self, table: pd.DataFrame) -> pd.DataFrame:
        term, category, part = (self.column("DS", name) for name in ("DSDECOD", "DSCAT", "DSSCAT"))
        ended = (category == "DISPOSITION EVENT") & ((part == "STUDY PARTICIPATION") | part.isna())
        events = {
            "RAND": ("DS", "DSSTDTC", term == "RANDOMIZED"),
            "ENRL": ("DS", "DSSTDTC", term == "ENROLLED"),
            "EOS": ("DS", "DSSTDTC", ended),
            "LEFT": ("DS", "DSSTDTC", ended & (term != "COMPLETED")),
            "DONE": ("DS", "DSSTDTC", ended & (term == "COMPLETED")),
            "LT": ("PR", "PRSTDTC", self.column("PR", "PRDECOD") == TRANSPLANTATION),
        }
        for name, (dataset, variable, rows) in events.items():
            table[f"{name}_FIRST"] = self._bound(dataset, variable, "first", rows).reindex(table.index)
            table[f"{name}_LAST"] = self._bound(dataset, variable, "last", rows).reindex(table.index)
        return table
