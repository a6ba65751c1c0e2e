"""The appendices of section 16.1: what they print of the data, of the protocol and of the schemas, and what they keep to themselves."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report import emit
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, stamp_of

TRIAL = read_trial()

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
