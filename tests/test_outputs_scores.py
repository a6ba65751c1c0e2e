"""Scores, liver tests and cytokines by visit on small drawn data: every number by hand, geometric ones by R."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount import Facts, recount
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.test_outputs import adam, at_visit

TRIAL = our_trial()

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


def count_again(number: str, folder: Path, data: dict[str, pd.DataFrame]) -> tuple[int, list[str], dict[str, int]]:
    """Numbers of an output computed a second time, differences, and what was not asked."""
    for name, frame in data.items():
        frame.to_parquet(folder / f"{name.lower()}.parquet", index=False)
    ard = make(find(number, TRIAL), TRIAL, data, stamp_of(TRIAL)).ard
    found = recount(folder, ard, [tell_facts(number, find(number, TRIAL), TRIAL)])
    return found.compared[number], [str(one) for one in found.differences], found.unasked[number]


#: Of three, one has no total at day 28: her liver alone is known.
ORGANS = """
USUBJID | PARAMCD | AVAL | CHG | PCHG  | AVISITN | AVISIT   | ABLFL | ANL02FL
1-01    | CLIFCOF | 8    | .   | .     | 0       | Baseline | Y     | .
1-02    | CLIFCOF | 10   | .   | .     | 0       | Baseline | Y     | .
1-01    | CLIFCOF | 7    | -1  | -12.5 | 28      | Day 28   | .     | Y
1-02    | CLIFCOF | 12   | 2   | 20.0  | 28      | Day 28   | .     | Y
1-01    | CLIFLIV | 2    | .   | .     | 0       | Baseline | Y     | .
1-02    | CLIFLIV | 3    | .   | .     | 0       | Baseline | Y     | .
1-01    | CLIFLIV | 1    | -1  | -50.0 | 28      | Day 28   | .     | Y
1-02    | CLIFLIV | 3    | 0   | 0.0   | 28      | Day 28   | .     | Y
1-03    | CLIFLIV | 3    | 0   | 0.0   | 28      | Day 28   | .     | Y
1-03    | CLIFLIV | 2    | .   | .     | 28      | Day 28   | .     | .         # after transplantation
"""


def test_sub_scores_are_counted_of_those_who_have_them_at_the_visit(tmp_path: Path):
    table = made("T14.2.8.1", ADEFF=draw(ORGANS))

    def cells(paramcd: str, visit: str) -> dict[str, str]:
        (row,) = [r for r in table.rows if r.column == "Low" and r.key == (("PARAMCD", paramcd), ("AVISIT", visit))]
        return row.cells

    total = cells("CLIFCOF", "Day 28")
    assert (total["AVAL n"], total["AVAL Mean (SD)"]) == ("2", "9.5 (3.54)")
    # R: t.test(c(-1, 2))$conf.int is -18.55931, 19.55931
    assert (total["CHG Mean (SD)"], total["CHG 95% CI of mean"]) == ("0.5 (2.12)", "-18.6, 19.6")
    assert cells("CLIFLIV", "Day 28") == {"AVAL 1": "1 (33.3)", "AVAL 2": "0", "AVAL 3": "2 (66.7)"}
    assert cells("CLIFLIV", "Baseline") == {"AVAL 1": "0", "AVAL 2": "1 (50.0)", "AVAL 3": "1 (50.0)"}
    assert cells("CLIFKID", "Day 28") == {"AVAL 1": "-", "AVAL 2": "-", "AVAL 3": "-"}
    compared, differences, unasked = count_again("T14.2.8.1", tmp_path, adam(ADEFF=draw(ORGANS)))
    assert (compared > 1000, differences, unasked) == (True, [], {})


ANTIBODIES = """
USUBJID | PARAMCD | AVALC         | BASEC    | SHIFT1               | AVISITN | AVISIT   | ABLFL | ANL01FL
1-01    | HLAAB   | NEGATIVE      | NEGATIVE | .                    | 0       | Baseline | Y     | Y
1-02    | HLAAB   | NEGATIVE      | NEGATIVE | .                    | 0       | Baseline | Y     | Y
1-03    | HLAAB   | POSITIVE      | POSITIVE | .                    | 0       | Baseline | Y     | Y
1-04    | HLAAB   | POSITIVE      | POSITIVE | .                    | 0       | Baseline | Y     | Y     # nothing later
1-01    | HLAAB   | POSITIVE      | NEGATIVE | NEGATIVE to POSITIVE | 28      | Day 28   | .     | Y
1-01    | HLAAB   | NEGATIVE      | NEGATIVE | NEGATIVE to POSITIVE | 28      | Day 28   | .     | .     # another stands for the visit
1-02    | HLAAB   | NEGATIVE      | NEGATIVE | NEGATIVE to NEGATIVE | .       | .        | .     | .     # in no window: counts in the shift
1-03    | HLAAB   | NEGATIVE      | POSITIVE | POSITIVE to NEGATIVE | 28      | Day 28   | .     | Y
1-01    | HLA1AB  | POSITIVE      | NEGATIVE | NEGATIVE to POSITIVE | 28      | Day 28   | .     | Y
1-02    | HLA1AB  | INDETERMINATE | NEGATIVE | .                    | 28      | Day 28   | .     | .     # tells nothing
"""


def test_antibodies_are_counted_of_those_with_a_result_and_new_ones_of_those_negative_before(tmp_path: Path):
    table = made("T14.2.20.1", ADIS=draw(ANTIBODIES))
    either = TRIAL.parameter("HLAAB").name
    assert read_cells(table, f"Baseline | {either}") == ["1/3 (33.3)", "1/1 (100.0)", "-", "2/4 (50.0)"]
    assert read_cells(table, f"Day 28 | {either}") == ["1/2 (50.0)", "-", "-", "1/2 (50.0)"]
    # R: binom.test(1, 2)$conf.int is 0.01257912, 0.98742088
    assert read_cells(table, f"Day 28 | {either} | 95% CI")[0] == "1.3, 98.7"
    assert read_cells(table, f"Day 28 | {TRIAL.parameter('HLA1AB').name}")[0] == "1/1 (100.0)"
    negative, positive = (f"{was} at baseline, worst result after the first dose" for was in ("Negative", "Positive"))
    assert read_cells(table, f"{negative} | Positive (new positive)") == ["1/2 (50.0)", "-", "-", "1/2 (50.0)"]
    assert read_cells(table, f"{positive} | Negative")[0] == "1/1 (100.0)"
    assert read_cells(table, f"{positive} | Positive")[0] == "0/1"
    compared, differences, unasked = count_again("T14.2.20.1", tmp_path, adam(ADIS=draw(ANTIBODIES)))
    assert (compared > 100, differences, unasked) == (True, [], {})
