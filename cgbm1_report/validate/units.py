"""Rules about units of results outside the laboratory: vital signs, elastography, viral load; and results that were lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.laboratory import standard_units
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, record_findings

#: Analysis dataset that declares the units of each domain.
DECLARED_IN = {"VS": "ADVS", "XL": "ADEFF", "MB": "ADLB"}
#: A parameter in logarithms is collected in the unit itself.
_LOG10 = "log10 "


def _units(trial: Trial, dataset: str) -> dict[str, str]:
    """Standard unit of each test code whose parameter is declared for a dataset."""
    declared = [(p.testcd or code, p.si_unit) for code, p in trial.parameters.items() if p.dataset == dataset]
    return {test: unit.removeprefix(_LOG10) for test, unit in declared if unit}


@rule(
    "V21",
    "E",
    "vital signs, liver stiffness and viral load stand in their standard unit",
    "convert the result to the unit of trial.yaml",
)
def other_results_have_standard_units(source: Source) -> Iterator[pd.DataFrame]:
    """--STRESU against the unit of trial.yaml; a unit that is not stated at all is a question."""
    for domain, dataset in DECLARED_IN.items():
        frame = source.sdtm.get(domain)
        if frame is None:
            continue
        test, number, unit = (f"{domain}{part}" for part in ("TESTCD", "STRESN", "STRESU"))
        table = source.table(domain, test, number, unit)
        expected = map_text(table[test], _units(source.trial, dataset))
        measured = table[number].notna() & expected.notna()
        wrong = measured & table[unit].notna() & (table[unit] != expected)
        message = table[test] + " in " + table[unit] + ", standard unit " + expected
        yield record_findings(frame, domain, wrong, unit, message)
        unsaid = measured & table[unit].isna()
        yield record_findings(frame, domain, unsaid, unit, table[test] + " without a unit, standard unit " + expected, severity="W")


@rule("V21", "E", "no numeric laboratory result is lost", "convert the result and fill LBSTRESN")
def results_are_not_lost(source: Source) -> Iterator[pd.DataFrame]:
    """A number in LBORRES without one in LBSTRESN: the result would be left out of every table."""
    frame = source.sdtm.get("LB")
    if frame is None:
        return
    table = source.table("LB", "LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESN")
    number = pd.to_numeric(table["LBORRES"], errors="coerce")
    known = table["LBTESTCD"].isin(list(standard_units(source.trial)))
    lost = known & np.isfinite(number) & table["LBSTRESN"].isna()
    if lost.any():
        shown = table["LBTESTCD"] + " " + table["LBORRES"] + " " + table["LBORRESU"].fillna("without a unit")
        yield record_findings(frame, "LB", lost, "LBSTRESN", shown + " has no standard result")
