"""Outputs that share their data see what each would see alone."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import POOLED
from cgbm1_report.tabulate import shared
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.view import View
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()

ADSL = """
USUBJID | PHASE | SAFFL | FASFL | TRT01A$ | TRT01P$
1       | 2     | Y     | Y     | last    | last
2       | 2     | N     | Y     | .       | first    # randomised, never dosed
3       | 1     | Y     | .     | low     | low
"""
ADAE = """
USUBJID | AEDECOD
1       | Nausea
1       | Fatigue
2       | Cough
3       | Nausea
"""


def _view(adam: Shared, phase: int, population: str, *, pooled: bool = False) -> View:
    return View(TRIAL, adam, phase, TRIAL.population(population), stamp_of(TRIAL), pooled=pooled)


def _drawn() -> dict[str, pd.DataFrame]:
    text = ADSL
    for word, phase, place in (("last", 2, -1), ("first", 2, 0), ("low", 1, 0)):
        text = text.replace(word, TRIAL.arms_of(phase)[place].column)
    return {"ADSL": draw(text), "ADAE": draw(ADAE)}


def test_each_population_phase_and_blinded_page_has_its_own_subjects():
    adam = Shared(_drawn())
    for _ in range(2):
        assert list(_view(adam, 2, "SAF").subjects["USUBJID"]) == [1]
        assert list(_view(adam, 2, "FAS").subjects["USUBJID"]) == [1, 2]
        assert list(_view(adam, 1, "SAF").subjects["USUBJID"]) == [3]
        assert set(_view(adam, 2, "SAF", pooled=True).subjects["COLUMN"]) == {POOLED}
        assert list(_view(adam, 2, "SAF").records("ADAE")["AEDECOD"]) == ["Nausea", "Fatigue"]
        assert list(_view(adam, 2, "FAS").records("ADAE")["AEDECOD"]) == ["Nausea", "Fatigue", "Cough"]


def test_what_an_output_does_to_its_records_no_other_output_sees():
    adam = Shared(_drawn())
    records = _view(adam, 2, "SAF").records("ADAE")
    records["AEDECOD"] = "Death"
    records.loc[0, "USUBJID"] = 9
    subjects = _view(adam, 2, "SAF").subjects
    subjects.loc[subjects.index[0], "COLUMN"] = "Nobody"
    assert list(_view(adam, 2, "SAF").records("ADAE")["AEDECOD"]) == ["Nausea", "Fatigue"]
    assert list(_view(adam, 2, "SAF").subjects["COLUMN"]) == [TRIAL.arms_of(2)[-1].column]


def test_data_that_one_output_was_refused_are_refused_to_the_next():
    drawn = _drawn()
    adam = Shared({**drawn, "ADSL": drawn["ADSL"].assign(TRT01A="Unknown")})
    for _ in range(2):
        with pytest.raises(ReportError, match="is no arm of phase 2"):
            _view(adam, 2, "SAF").subjects  # noqa: B018


def test_what_was_not_asked_for_longest_makes_room(monkeypatch):
    monkeypatch.setattr(shared, "_ROOM", 25)
    adam = Shared({})
    made = []

    def choose(name: str) -> pd.DataFrame:
        made.append(name)
        return pd.DataFrame({"A": range(10)})

    for name in ("a", "b", "a", "c", "a", "b"):
        assert len(adam.choose(name, lambda name=name: choose(name))) == 10
    assert made == ["a", "b", "c", "b"]
