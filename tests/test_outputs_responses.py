"""Rates of responders: who responds by what trial.yaml says of an outcome, of whom, and how arms compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue, left_out, make, require_declared
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount import recount
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, stamp_of
from tests.test_trial_whole import read

NUMBER = "T14.2.33.2"
ADSL = """
USUBJID | PHASE | FASFL | TRT01P
L1      | 2     | Y     | Low
L2      | 2     | Y     | Low
L3      | 2     | Y     | Low
L4      | 2     | Y     | Low
P1      | 2     | Y     | Placebo
P2      | 2     | Y     | Placebo
P3      | 2     | N     | Placebo
"""
#: Best response: all of Low respond; of Placebo one has a stable disease and one no record.
BEST = """
USUBJID | PARAMCD | AVALC | CRIT1FL | ANL03FL
L1      | BOR     | CR    | Y       | Y
L2      | BOR     | PR    | Y       | Y
L3      | BOR     | PR    | Y       | Y
L4      | BOR     | CR    | Y       | Y
L4      | BOR     | PD    | .       | .        # not the one that counts
P1      | BOR     | SD    | .       | Y
P3      | BOR     | CR    | Y       | Y        # in no analysis set
P1      | MELD    | CR    | Y       | Y        # another parameter
"""
#: Percent changes, 100 * (AVAL - BASE) / BASE of 2.1 and 3 by computer: -29.999999999999993.
VISITS = """
USUBJID | PARAMCD | AVISIT | AVISITN | PCHG                | ANL02FL
L1      | LSM     | Day 28 | 28      | -29.999999999999993 | Y
L2      | LSM     | Day 28 | 28      | -29                 | Y
L3      | LSM     | Day 28 | 28      | .                   | Y
P1      | LSM     | Day 28 | 28      | -50                 | Y
P1      | LSM     | Day 90 | 90      | -30                 | Y
P2      | LSM     | Day 90 | 90      | -30.1               | .
"""
BEST_RESPONSE = {"label": "Objective Response", "where": {"AVALC": ["CR", "PR"]}, "without_result": "no_response"}
SOFTER = {"label": "Softer Liver", "limits": {"PCHG": {"at_most": -30}}, "without_result": "left_out"}


def declare(data: Any, **changes: Any) -> None:
    """An outcome of responses beside those of the trial, under a number of its own."""
    data["parameters"]["BOR"] = {"label": "Best Overall Response", "dataset": "ADEFF"}
    own = {
        "id": "ORR", "phase": 2, "type": "other", "registry_order": 99, "registry_title": "Responders", "dataset": "ADEFF",
        "paramcd": "BOR", "nominal_days": [], "baseline_needed": False, "favourable": "higher", "visit_flag": "ANL03FL",
        "outputs": [{"number": NUMBER, "methods": ["rate", "difference", "fisher"]}], "response": BEST_RESPONSE,
    }  # fmt: skip
    data["outcomes"].append({**own, **changes})


def declared(**changes: Any) -> Trial:
    return read(lambda data: declare(data, **changes))


def made(trial: Trial, folder: Path, records: str) -> Table:
    """The table, once the second count has found the same."""
    adam = {"ADSL": draw(ADSL), "ADEFF": draw(records)}
    entry = catalogue(trial)[NUMBER]
    table = make(entry, trial, adam, stamp_of(trial))
    for name, frame in adam.items():
        frame.to_parquet(folder / f"{name.lower()}.parquet", index=False)
    counted = recount(folder, table.ard, [tell_facts(NUMBER, entry, trial)])
    assert ([str(one) for one in counted.differences], counted.unasked) == ([], {NUMBER: {}})
    assert isinstance(table, Table)
    return table


def cells(table: Table) -> list[tuple[str, str, str]]:
    """Of each row its label, and what stands under Placebo and Low."""
    return [(row.label, *(row.cells.get(arm, "") for arm in ("Placebo", "Low"))) for row in table.rows if row.cells]


def test_who_has_no_record_counts_as_not_responding_where_trial_yaml_says_so(tmp_path):
    table = made(declared(), tmp_path, BEST)
    # By hand. Clopper-Pearson of 4 of 4: 0.025^(1/4) = 39.8%; of 0 of 2: to 1 - 0.025^(1/2) = 84.2%.
    # Fisher: with 4 responders among 4 and 2, all of them in Low is one of C(6, 4) = 15 ways, and no other is as rare: 1/15.
    found = cells(table)
    assert found[:3] == [
        ("With a result, n", "1", "4"),
        ("Objective Response", "0", "4 (100.0)"),
        ("95% CI", "0.0, 84.2", "39.8, 100.0"),
    ]
    assert ("Difference vs Placebo (percentage points)", "", "100.0") in found
    assert ("Fisher exact p", "", "0.0667") in found
    told = " ".join(table.footnotes)
    assert "Objective Response: AVALC = CR or PR." in told
    assert "of all subjects of the analysis set; who has no result (a value of AVALC) counts as not responding." in told


def test_who_has_no_record_is_left_out_where_trial_yaml_says_so(tmp_path):
    table = made(declared(response={**BEST_RESPONSE, "without_result": "left_out"}), tmp_path, BEST)
    # By hand: 0 of 1, to 1 - 0.025 = 97.5%; all responders in Low is one of C(5, 4) = 5 ways.
    found = cells(table)
    assert found[:2] == [("Objective Response", "0/1", "4/4 (100.0)"), ("95% CI", "0.0, 97.5", "39.8, 100.0")]
    assert ("Fisher exact p", "", "0.2000") in found
    assert "M: subjects with a result (a value of AVALC); percentages are of them, others are left out." in " ".join(
        table.footnotes
    )


def test_a_flag_that_is_empty_says_no_and_a_record_with_a_value_is_a_result(tmp_path):
    of_flag = {"label": "Responder", "where": {"CRIT1FL": ["Y"]}, "without_result": "left_out"}
    asked = [{"number": NUMBER, "methods": ["rate"]}]
    table = made(declared(response=of_flag, outputs=asked), tmp_path, BEST)
    assert cells(table) == [("Responder", "0/1", "4/4 (100.0)"), ("95% CI", "0.0, 97.5", "39.8, 100.0")]


def test_a_computed_number_at_its_limit_responds_at_each_day_of_the_outcome(tmp_path):
    trial = declared(paramcd="LSM", visit_flag=None, nominal_days=[28, 90], baseline_needed=True, response=SOFTER)
    table = made(trial, tmp_path, VISITS)
    # Day 28: of Low the first responds and the second does not, the third has no value. Day 90: the second record does not count.
    rates = [one for one in cells(table) if one[0] == "Softer Liver"]
    assert rates == [("Softer Liver", "1/1 (100.0)", "1/2 (50.0)"), ("Softer Liver", "1/1 (100.0)", "-")]
    assert [row.label for row in table.rows if not row.cells] == ["Day 28", "Day 90"]
    assert "Softer Liver: PCHG ≤ -30." in " ".join(table.footnotes)


TWICE = BEST.replace("PD    | .       | . ", "PD    | .       | Y ")


@pytest.mark.parametrize(
    ("response", "records", "told"),
    [
        (BEST_RESPONSE, TWICE, "ADEFF: L4 BOR: the subject has two records of an outcome without days"),
        ({**SOFTER, "limits": {}, "where": {"PCHG": ["-30"]}}, VISITS.replace("ANL02FL", "ANL03FL"),
         "PCHG of ADEFF is a number, and where of its response asks a text"),
        ({**SOFTER, "limits": {"AVALC": {"at_least": 1}}}, BEST, "AVALC of ADEFF is a text, and limits of its response ask a number"),
    ],
)  # fmt: skip
def test_records_of_which_nobody_can_tell_who_responds_are_refused(response, records, told):
    trial = declared(response=response)
    with pytest.raises(ReportError, match="cannot be made") as error:
        make(catalogue(trial)[NUMBER], trial, {"ADSL": draw(ADSL), "ADEFF": draw(records)}, stamp_of(trial))
    assert told in str(error.value)


def test_variables_of_a_response_are_asked_for():
    trial = declared()
    with pytest.raises(ReportError) as error:
        require_declared(
            [catalogue(trial)[NUMBER]], trial, {"ADSL": draw(ADSL), "ADEFF": draw(BEST).drop(columns=["AVALC", "ANL03FL"])}
        )
    assert {one.message for one in error.value.problems} == {
        f"has no {name}, which {NUMBER} needs" for name in ("AVALC", "ANL03FL")
    }


def test_an_output_that_an_outcome_cannot_have_is_refused_with_the_methods_that_it_can_have():
    def change(data: Any) -> None:
        declare(data, response=None)
        data["outputs"] = [NUMBER]

    with pytest.raises(ReportError) as error:
        catalogue(read(change))
    (problem,) = error.value.problems
    assert problem.message.startswith(f"{NUMBER} cannot be made: rate with exact 95% CI (ORR)")
    assert problem.remedy == (
        "ask for methods that it can show (of ADEFF summary, change, change_interval, percent_change, geometric, ancova, mmrm, "
        "log_ratio or rate, difference, fisher (of who responds, as response of the outcome says)), or take the number out of outputs"
    )


def test_values_by_visit_are_those_of_the_flag_that_the_outcome_names():
    def change(data: Any) -> None:
        for one in data["outcomes"]:
            if one["paramcd"] == "LSM":
                one["visit_flag"] = "ANL03FL"

    trial = read(change)
    number = next(one.tlf[0] for one in trial.outcomes if one.paramcd == "LSM" and one.phase == 2)
    adeff = draw("""
USUBJID | PARAMCD | AVISITN | AVAL | BASE | CHG | PCHG | ABLFL | LSMQFL | ANL02FL | ANL03FL
L1      | LSM     | 90      | 80   | 100  | -20 | -20  | .     | Y      | Y       | .
L1      | LSM     | 90      | 90   | 100  | -10 | -10  | .     | Y      | .       | Y
""").assign(ABLFL=pd.Series(None, index=[0, 1], dtype="str"))
    entry = catalogue(trial)[number]
    assert entry.declared.chosen_in(trial) == {"PARAMCD": "LSM", "ANL03FL": "Y"}
    table = make(entry, trial, {"ADSL": draw(ADSL), "ADEFF": adeff}, stamp_of(trial))
    values = set(table.ard.loc[table.ard["stat_name"] == "mean", "stat"])
    assert {90.0, -10.0} <= values
    assert not {80.0, -20.0} & values
    # What is of all outcomes has one flag, and says so.
    assert left_out(trial)["T14.2.24.2"] == "trial.yaml declares no visit_flag that its outcomes share"
