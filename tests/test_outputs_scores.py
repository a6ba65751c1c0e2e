"""Scores, liver tests and cytokines by visit on small drawn data: every number by hand, geometric ones by R."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.recount import Facts, recount
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, stamp_of
from tests.test_outputs import adam, at_visit

TRIAL = read_trial()

CYTOKINES = """
USUBJID | PARAMCD | AVAL | CHG  | PCHG  | R2BASE | LLOQFL | AVISITN | ABLFL | ANL02FL
1-01    | IL6     | 100  | .    | .     | .      | .      | 0       | Y     | .
1-02    | IL6     | 400  | .    | .     | .      | .      | 0       | Y     | .
1-01    | IL6     | 50   | -50  | -50.0 | 0.5    | .      | 28      | .     | Y
1-02    | IL6     | 100  | -300 | -75.0 | 0.25   | .      | 28      | .     | Y
1-02    | IL6     | 9.9  | -390 | -97.5 | 0.025  | Y      | 28      | .     | .         # another value stands for the visit
1-03    | IL6     | 0.75 | .    | .     | .      | Y      | 28      | .     | Y         # below 1.5; no baseline
1-04    | TNFA    | 0.25 | .    | .     | .      | Y      | 0       | Y     | .         # another parameter
"""
STIFFNESS = """
USUBJID | PARAMCD | AVAL | CHG | PCHG | LSMQFL | AVISITN | ABLFL | ANL02FL
1-01    | LSM     | 20.0 | .   | .    | Y      | 0       | Y     | .
1-02    | LSM     | 30.0 | .   | .    | N      | 0       | Y     | .
1-03    | LSM     | 10.0 | .   | .    | .      | 0       | Y     | .         # nobody wrote down how it was measured
1-01    | LSM     | 15.0 | -5  | -25  | N      | 28      | .     | Y
1-01    | MELD    | 15.0 | .   | .    | N      | 0       | Y     | .         # another parameter
"""


def made(number: str, **data: pd.DataFrame) -> Table:
    table = make(find(number, TRIAL), TRIAL, adam(**data), stamp_of(TRIAL))
    assert isinstance(table, Table)
    return table


def test_cytokine_has_geometric_statistics_and_how_many_values_are_below_their_limit():
    table = made("T14.2.21.1", ADLB=draw(CYTOKINES))
    baseline, day = (at_visit(table, visit, "Low") for visit in ("Baseline", "Day 28"))
    # R: x <- c(100, 400); exp(mean(log(x))) is 200, 100*sqrt(exp(var(log(x)))-1) is 127.0458
    assert baseline["AVAL Geometric mean (CV %)"] == "200.00 (127.0)"
    assert baseline["LLOQFL n below LLOQ"] == "0"
    # R: x <- c(50, 100, 0.75): 15.53616, 3326.081
    assert day["AVAL Geometric mean (CV %)"] == "15.54 (3326.1)"
    assert (day["AVAL n"], day["LLOQFL n below LLOQ"], day["CHG n"]) == ("3", "1", "2")
    # R: r <- c(0.5, 0.25); exp(mean(log(r))) is 0.3535534; exp(t.test(log(r))$conf.int) is 0.004324945, 28.9021
    assert (day["R2BASE Geometric mean"], day["R2BASE 95% CI"]) == ("0.35", "0.00, 28.90")
    nobody = at_visit(table, "Day 28", "Medium")
    assert (nobody["AVAL n"], nobody["LLOQFL n below LLOQ"], nobody["AVAL Geometric mean (CV %)"]) == ("0", "0", "-")
    assert "R2BASE Geometric mean" not in baseline, "a baseline is no change"
    assert "Values below LLOQ = LLOQ/2; geometric statistics on log scale." in table.footnotes


def test_stiffness_counts_the_measurements_that_are_not_valid_and_keeps_their_values():
    table = made("T14.2.18.1", ADEFF=draw(STIFFNESS))
    baseline, day = (at_visit(table, visit, "Total") for visit in ("Baseline", "Day 28"))
    assert (baseline["AVAL n"], baseline["AVAL Mean (SD)"], baseline["LSMQFL n not valid"]) == ("3", "20.00 (10.000)", "1")
    assert (day["AVAL n"], day["CHG Min, Max"], day["LSMQFL n not valid"]) == ("1", "-5.0, -5.0", "1")
    note = "Not valid: fewer than 10 valid shots, or an interquartile range above 30% of the median; values are kept."
    assert note in table.footnotes


#: R: x <- c(50, 100, 0.75), exp(t.test(log(x))$conf.int); of 0.5 and 0.25 as above.
GEOMETRIC = {
    "AVAL": {"N": 3.0, "geom_mean": 15.53616252, "geom_cv": 33.26081},
    "R2BASE": {"N": 2.0, "geom_mean": 0.3535533906, "conf.low": 0.004324945, "conf.high": 28.9021},
}


@pytest.mark.parametrize("variable", GEOMETRIC)
def test_second_count_has_the_geometric_statistics_of_r_and_sees_others(variable: str, tmp_path: Path):
    ADSL, ADLB = adam()["ADSL"], draw(CYTOKINES).assign(AVISIT="Day 28")
    ADSL.to_parquet(tmp_path / "adsl.parquet")
    ADLB.to_parquet(tmp_path / "adlb.parquet")
    facts = Facts("T", 1, ("ADLB",), "FASFL", "TRT01P", {"Low": "Low"}, where={"PARAMCD": "IL6", "ANL02FL": "Y"})
    row = write_key((("PARAMCD", "IL6"), ("AVISIT", "Day 28"), (variable, None)))

    def differences(stats: dict[str, float]) -> list[str]:
        told = pd.DataFrame({"stat_name": list(stats), "stat": list(stats.values())})
        told = told.assign(output="T", row=row, column="Low", context="geometric")
        found = recount(tmp_path, told, [facts])
        assert found.compared["T"] == len(stats)
        return [str(one) for one in found.differences]

    from_table = made("T14.2.21.1", ADLB=draw(CYTOKINES)).ard
    own = from_table[
        (from_table["variable"] == variable) & (from_table["column"] == "Low") & (from_table["context"] == "geometric")
    ]
    own = own[own["row"].str.contains("Day 28")].drop_duplicates("stat_name").set_index("stat_name")["stat"]
    assert own[list(GEOMETRIC[variable])].to_dict() == pytest.approx(GEOMETRIC[variable], rel=1e-5)
    assert differences(own.to_dict()) == []
    for name, value in own.items():
        assert len(differences({str(name): 1.0 if math.isnan(value) else value * 1.001})) == 1
