"""The appendices of section 16.1: what they print of the data, of the protocol and of the schemas, and what they keep to themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from cgbm1_report import emit
from cgbm1_report.errors import PlanError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.schema import read_schema, schema_datasets
from cgbm1_report.tabulate.table import Table
from cgbm1_report.validate import count_findings
from cgbm1_report.validate.texts import rule_title
from tests.drawn import draw, our_trial, stamp_of
from tests.test_trial_whole import outcome, read

TRIAL = our_trial()

#: Three randomised, of whom one was given the other arm and one was never dosed; one was not randomised.
RANDOMISED = """
USUBJID | PHASE | RANDFL | SITEID$ | RANDNO | RANDDT     | TRT01P  | ARM                        | ACTARM                     | ARMNRS
2-01    | 2     | Y      | 01      | R003   | 2025-06-10 | Placebo | Phase 2: Placebo Control   | Phase 2: Low Dose Group    | .
2-02    | 2     | Y      | 02      | R001   | 2025-06-09 | Low     | Phase 2: Low Dose Group    | .                          | ASSIGNED, NOT TREATED
2-03    | 2     | Y      | 01      | R002   | 2025-06-09 | Placebo | Phase 2: Placebo Control   | Phase 2: Placebo Control   | .
2-04    | 2     | N      | 01      | .      | .          | .       | .                          | .                          | SCREEN FAILURE
"""


def made(number: str, data: Mapping[str, pd.DataFrame], *, pooled: bool = False) -> Table:
    table = make(catalogue(TRIAL)[number], TRIAL, data, stamp_of(TRIAL), pooled=pooled)
    assert isinstance(table, Table)
    return table


def test_randomisation_list_says_of_everybody_randomised_number_date_planned_and_actual_arm():
    table = made("A16.1.7.2", {"ADSL": draw(RANDOMISED)})
    names = ("SUBJECT", "RANDNO", "RANDDT", "ARM", "ACTUAL")
    assert [tuple(row.cells[name] for name in names) for row in table.rows] == [
        ("2-01", "R003", "2025-06-10", "Phase 2: Placebo Control", "Phase 2: Low Dose Group"),
        ("2-03", "R002", "2025-06-09", "Phase 2: Placebo Control", "Phase 2: Placebo Control"),
        ("2-02", "R001", "2025-06-09", "Phase 2: Low Dose Group", "Assigned, not treated"),
    ]
    assert "Subjects planned: Placebo 30, Low 30, Medium 30." in table.footnotes


def test_randomisation_list_of_a_blind_phase_says_that_it_is_withheld_and_holds_no_arm_subject_or_number():
    adsl = draw(RANDOMISED)
    table = made("A16.1.7.2", {"ADSL": adsl}, pooled=True)
    assert [list(row.cells.values()) for row in table.rows] == [
        ["Withheld until the phase is unblinded: numbers, dates, planned and actual arms"]
    ]
    pages = [emit.emit_json(table), emit.emit_csv(table), emit.emit_html_page(table), emit.emit_rtf(table).decode("latin-1")]
    told = {*adsl["RANDNO"].dropna(), *adsl["USUBJID"], "2025-06-09", *(arm.column for arm in TRIAL.arms_of(2)), "Dose Group"}
    assert [text for page in pages for text in told if text in page] == []


def test_phase_that_randomises_nobody_has_no_randomisation_list_and_lacks_none():
    assert "A16.1.7.2" in catalogue(TRIAL)
    assert "A16.1.7.1" not in catalogue(TRIAL)


def test_trace_matrix_holds_all_37_registered_outcomes_with_the_outputs_that_answer_them():
    nobody = {"ADSL": draw(RANDOMISED).assign(SAFFL="N", TRT01A=pd.NA)}
    tables = [made(f"A16.1.9a.{phase}", nobody) for phase in (1, 2)]
    rows = [row.cells for table in tables for row in table.rows]
    # The registry record has 18 outcomes of phase 1 and 19 of phase 2.
    assert [len({row.cells["ID"] for row in table.rows}) for table in tables] == [18, 19]
    primary = [(row["OUTPUT"], row["RECORDS"], row["DAYS"]) for row in rows if row["ID"] == "P2-PRI-03"]
    assert primary == [
        ("Table 14.2.1.2 Liver Transplant-Free Survival", "ADTTE; PARAMCD = LTFS", "90"),
        ("Figure 14.2.1.2 Kaplan–Meier Plot of Liver Transplant-Free Survival with Number at Risk", "ADTTE; PARAMCD = LTFS", "90"),
    ]


def test_trace_matrix_names_an_outcome_without_output_and_one_whose_output_lacks_a_method():
    def change(data: Any) -> None:
        outcome(data, "P1-SEC-12")["outputs"] = []
        outcome(data, "P1-SEC-02")["outputs"][0]["methods"] = ["landmark", "rate"]

    trial = read(change)
    table = make(catalogue(trial)["A16.1.9a.1"], trial, {"ADSL": draw(RANDOMISED).assign(SAFFL="N", TRT01A=pd.NA)}, stamp_of(trial))
    assert isinstance(table, Table)
    said = [row.cells["ANSWERED"] for row in table.rows if row.cells["ID"] in ("P1-SEC-12", "P1-SEC-02")]
    assert said == ["No: rate with exact 95% CI", "Yes", "No: no output is named"]
    assert any("P1-SEC-02, P1-SEC-12" in note for note in table.footnotes)


def test_data_definition_says_every_variable_of_every_analysis_dataset():
    table = made("A16.1.9b.2", {"ADSL": draw(RANDOMISED).assign(SAFFL="N", TRT01A=pd.NA)})
    every = schema_datasets("adam")
    told = set()
    for row in table.rows:
        among, variable = row.cells["DATASET"], row.cells["VARIABLE"].partition(" (key")[0]
        without = among.removeprefix("All but ").split(", ")
        datasets = every if among == "All" else set(every) - set(without) if among != ", ".join(without) else without
        told |= {(dataset, variable) for dataset in datasets}
    assert [(name, one) for name in every for one in read_schema(name)["columns"] if (name, one) not in told] == []


def test_data_definition_of_a_blind_phase_names_neither_arm_nor_dose():
    nobody = {"ADSL": draw(RANDOMISED).assign(SAFFL="N")}
    cells = {text for row in made("A16.1.9b.2", nobody, pooled=True).rows for text in row.cells.values()}
    arms = {name for arm in TRIAL.arms_of(2) for name in (arm.armcd, arm.arm, arm.heading)}
    assert [text for text in cells for name in arms if name in text] == []
    assert "text; Withheld while the phase is blind" in cells
    seen = {
        text
        for row in made("A16.1.9b.2", nobody | {"ADSL": draw(RANDOMISED).assign(SAFFL="N", TRT01A=pd.NA)}).rows
        for text in row.cells.values()
    }
    assert "text; Low, Medium, Placebo" in seen


def methods(change: Any = None, data: Mapping[str, pd.DataFrame] | None = None, phase: int = 2) -> dict[str, str]:
    """What 16.1.9 says of each item."""
    trial = read(change) if change else TRIAL
    adsl = draw(RANDOMISED).assign(SAFFL="N", TRT01A=pd.NA)
    table = make(catalogue(trial)[f"A16.1.9.{phase}"], trial, {"ADSL": adsl, **(data or {})}, stamp_of(trial))
    assert isinstance(table, Table)
    # Of two rows of one name, as a score and its abbreviation, the first.
    told = {row.cells["ITEM"]: row.cells["TEXT"] for row in reversed(table.rows)}
    return told | {"notes": " ".join(table.footnotes)}


def test_methods_say_of_each_setting_whether_it_is_the_default_and_how_many_are_not() -> None:
    def change(data: Any) -> None:
        data["switches"] |= {"meld_bounds": "none", "ctcae": 6}

    assert methods()["Bounds of the inputs of MELD"] == "Those of UNOS (default)"
    assert "differ from their default: none." in methods()["notes"]
    changed = methods(change)
    assert changed["Bounds of the inputs of MELD"] == "Not applied; differs from the default: those of UNOS"
    assert changed["Version of CTCAE that laboratory results are graded by"] == "6; differs from the default: 5"
    assert "differ from their default: 2." in changed["notes"]


def test_methods_print_an_assumption_with_the_values_that_carry_it_out() -> None:
    def change(data: Any) -> None:
        data["switches"]["multiplicity"] = "holm"

    primary = methods(change)["A-27 Primary test"]
    assert (
        "Set to Adjustment of the primary comparisons: by Holm; differs from the default: not applied. In the registry" in primary
    )
    assert "Set to teae.end_day: 180; teae.untimed_onset: emergent; teae.missing_onset: emergent." in methods()["A-29 TEAE window"]


def test_methods_print_the_formulas_with_the_values_that_decide() -> None:
    """MELD as Kamath 2001 has it, with the bounds of OPTN; CLIF-C OF of the liver as table 2 of Jalan 2014."""
    found = methods()
    assert found["MELD"].startswith("10 * (0.957 * ln(creatinine) + 0.378 * ln(bilirubin) + 1.12 * ln(INR)) + 6.43")
    assert "inputs at least 1, creatinine at most 4" in found["MELD"]
    assert (
        found["Liver Sub-score"] == "1 where nothing else holds; Total Bilirubin: 2 from 6 mg/dL, 3 above 12 mg/dL; failure from 3"
    )
    assert found["Creatinine in mg/dL"] == "Value in µmol/L divided by 88.4"

    def change(data: Any) -> None:
        data["switches"]["meld_bounds"] = "none"
        data["parameters"]["MELD"]["meld"]["constant"] = 6.4

    assert "+ 6.4, creatinine and bilirubin in mg/dL; of one visit" in methods(change)["MELD"]


def test_methods_count_the_findings_of_the_gate_by_rule_and_severity() -> None:
    found = pd.DataFrame(
        {
            "severity": ["I", "W", "W", "W"], "rule": ["V02", "V07", "V07", "V02"],
            "dataset": ["DM", "EX", "AE", None],
        }
    ).astype("str")  # fmt: skip
    counted = count_findings(found.replace("None", pd.NA))
    assert counted["COUNT"].tolist() == [1.0, 2.0, 1.0]
    told = methods(data={"FINDINGS": counted})
    assert told[f"V07: {rule_title('V07')}"] == "Warning: 2 in AE, EX"
    assert methods(data={"FINDINGS": count_findings(found.iloc[:0])})["Findings"] == "None"


def test_assumption_carried_out_by_a_value_that_there_is_not_is_refused() -> None:
    def change(data: Any) -> None:
        data["documentation"]["assumptions"][0]["settings"] = ["switches.meld_bound"]

    with pytest.raises(PlanError, match=r"A-01 is carried out by switches\.meld_bound, and no value stands there"):
        read(change)
