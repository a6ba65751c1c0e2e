"""Outputs show of an outcome what trial.yaml asks for, and nothing that it does not ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import catalogue, left_out, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.table import Table
from tests.drawn import stamp_of
from tests.test_outputs import phase_two
from tests.test_snapshots import derive_whole
from tests.test_trial_whole import outcome, read


def rows(number: str, data: dict[str, pd.DataFrame], change: Callable[[Any], object]) -> dict[str, dict[str, str]]:
    """Cells of every row of an output of a changed trial, by label; the first of a label counts."""
    table = made(number, data, read(change))
    found: dict[str, dict[str, str]] = {}
    for row in table.rows:
        found.setdefault(row.label, dict(row.cells))
    return found


def made(number: str, data: dict[str, pd.DataFrame], trial: Trial) -> Table:
    table = make(catalogue(trial)[number], trial, data, stamp_of(trial))
    assert isinstance(table, Table)
    return table


def laboratory() -> dict[str, pd.DataFrame]:
    """ALT of two subjects: 100 and 200 at baseline, 80 and 150 on day 28."""
    adsl = pd.DataFrame({"USUBJID": ["1-01", "1-02"], "PHASE": 1.0, "FASFL": "Y", "TRT01P": "Low"})
    adlb = pd.DataFrame(
        {
            "USUBJID": ["1-01", "1-02"] * 2, "PARAMCD": "ALT", "AVAL": [100.0, 200.0, 80.0, 150.0],
            "ABLFL": ["Y", "Y", None, None], "ANL02FL": [None, None, "Y", "Y"], "AVISITN": [0.0, 0.0, 28.0, 28.0],
            "CHG": [None, None, -20.0, -50.0], "PCHG": [None, None, -20.0, -25.0],
        }
    ).astype({"USUBJID": "str", "PARAMCD": "str", "ABLFL": "str", "ANL02FL": "str", "CHG": "float64", "PCHG": "float64"})  # fmt: skip
    return {"ADSL": adsl, "ADLB": adlb}


def ask(data: Any, code: str, *methods: str) -> None:
    """Let the first output of an outcome show these methods."""
    outcome(data, code)["outputs"][0]["methods"] = list(methods)


def nothing(data: Any) -> None:
    """The trial as it is."""


def test_without_adjustment_the_nominal_p_stands_in_the_cells_and_the_adjusted_in_the_note():
    found = rows("T14.2.1.2", phase_two(), nothing)
    assert found["Log-rank p, cut at day 90"] == {"Low": "0.8084", "Medium": "0.4795"}
    assert "Nominal p" not in found
    notes = made("T14.2.1.2", phase_two(), read(nothing)).footnotes
    assert "Holm-adjusted log-rank p, cut at day 90: Low 0.9590; Medium 0.9590." in notes
    assert any("unadjusted for multiplicity" in note for note in notes)


def test_with_holm_the_adjusted_p_stands_in_the_cells_and_the_nominal_below():
    def holm(data: Any) -> None:
        data["switches"]["multiplicity"] = "holm"

    found = rows("T14.2.1.2", phase_two(), holm)
    # By hand: the smaller p twice, 2 x 0.4795 = 0.9590; the larger, 0.8084, at least as much.
    assert found["Log-rank p, Holm-adjusted, cut at day 90"] == {"Low": "0.9590", "Medium": "0.9590"}
    assert found["Nominal p"] == {"Low": "0.8084", "Medium": "0.4795"}
    assert found["Log-rank p, cut at day 180"] == {"Low": "0.8084", "Medium": "0.4795"}, "the supportive one is not adjusted"
    notes = made("T14.2.1.2", phase_two(), read(holm)).footnotes
    assert not any(note.startswith("Holm-adjusted") or "unadjusted for multiplicity" in note for note in notes)
    assert any("adjusted for the comparisons (Holm) with the nominal p below" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "there", "gone"),
    [
        (lambda d: ask(d, "P2-PRI-03", "landmark", "log_rank"), ["Log-rank p, cut at day 90"], ["HR vs Placebo, cut at day 90"]),
        (lambda d: ask(d, "P2-PRI-03", "landmark", "hazard_ratio"), ["HR vs Placebo, cut at day 90"], ["Log-rank p, cut at day 90"]),
        (lambda d: ask(d, "P2-SEC-19", "landmark"), ["KM estimate at day 180, %"], ["Median, days", "Log-rank p, cut at day 180"]),
        (lambda d: outcome(d, "P2-SEC-19").update(nominal_days=[28, 60]), ["HR vs Placebo, cut at day 60"], ["HR vs Placebo, cut at day 180"]),
        (
            lambda d: outcome(d, "P2-PRI-03").update(nominal_days=[60]),
            ["Log-rank p, cut at day 60", "KM estimate at day 60, %"], ["Log-rank p, cut at day 90", "KM estimate at day 90, %"],
        ),
        (lambda d: d["outcomes"].clear(), ["Median, days"], ["KM estimate at day 28, %", "Log-rank p, cut at day 90"]),
    ],
)  # fmt: skip
def test_the_survival_table_has_the_estimates_and_comparisons_that_are_asked_for(change, there, gone):
    found = rows("T14.2.1.2", phase_two(), change)
    assert [label for label in there if label not in found] == []
    assert [label for label in gone if label in found] == []


@pytest.mark.parametrize(
    ("methods", "interval", "percent"),
    [
        (("summary", "change"), False, False),
        (("change", "change_interval"), True, False),
        (("change", "percent_change"), False, True),
    ],
)
def test_a_change_table_has_the_interval_and_the_percent_change_that_are_asked_for(methods, interval, percent):
    table = made("T14.2.10.1", laboratory(), read(lambda data: ask(data, "P1-SEC-04", *methods)))
    assert any("95% CI" in column.label for column in table.columns) == interval
    assert any(row.label.startswith("Percent change") for row in table.rows) == percent


@pytest.mark.parametrize(
    ("code", "number", "measure"),
    [("P2-SEC-29", "T14.2.18.2", "change from baseline"), ("P2-SEC-32", "T14.2.21.2", "ratio to baseline")],
)
def test_a_model_is_headed_by_the_measure_it_is_of(code, number, measure):
    """A percent change stands last at its visit, and no model is of it."""
    asked = next(one for one in read(nothing).outcomes if one.id == code).outputs[0].methods
    table = made(number, derive_whole("full")[0], read(lambda data: ask(data, code, *asked, "percent_change")))
    labels = {row.label for row in table.rows}
    assert "Day 28, percent change" in labels
    assert {label.partition(", ")[2] for label in labels if "ANCOVA" in label} == {f"{measure}, ANCOVA"}
    assert {label.partition(", ")[2] for label in labels if "MMRM" in label} == {f"{measure}, MMRM"}


def test_a_change_table_says_which_way_is_favourable():
    assert "A decrease is favourable." in made("T14.2.10.1", laboratory(), read(nothing)).footnotes
    risen = read(lambda data: outcome(data, "P1-SEC-04").update(favourable="increase"))
    assert "An increase is favourable." in made("T14.2.10.1", laboratory(), risen).footnotes


def test_a_time_to_an_event_of_the_trials_own_is_compared_as_its_outcome_asks():
    def bleeding(data: Any) -> None:
        primary = outcome(data, "P2-PRI-03")
        data["parameters"]["BLEED"] = {**data["parameters"]["LTFS"], "label": "Time to Bleeding", "events": {}}
        own = {"id": "P2-OWN-01", "type": "other", "registry_order": 99, "paramcd": "BLEED", "nominal_days": [90]}
        asked = [{"number": "T14.2.30.2", "methods": ["log_rank", "hazard_ratio"]}]
        data["outcomes"].append({**primary, **own, "outputs": asked})

    names = ["2-01", "2-02", "2-03", "2-04"]
    adsl = pd.DataFrame({"USUBJID": names, "PHASE": 2.0, "FASFL": "Y", "TRT01P": ["Low", "Placebo", "Low", "Placebo"]})
    adtte = pd.DataFrame({"USUBJID": names, "PARAMCD": "BLEED", "AVAL": [1.0, 2.0, 3.0, 4.0], "CNSR": 0.0})
    trial = read(bleeding)
    assert not [told for told in left_out(trial) if "T14.2.30.2" in told]
    table = made("T14.2.30.2", {"ADSL": adsl, "ADTTE": adtte}, trial)
    cells = {row.label: dict(row.cells) for row in table.rows}
    # Events of Low, Placebo, Low, Placebo. Log-rank by hand: observed less expected 2/3, variance 13/18, chi-square 8/13.
    assert cells["Log-rank p, cut at day 90"]["Low"] == "0.4328"
    # The likelihood h^2 / (2(h+1) (h+2) (h+1)) is highest where h^2 = h + 4.
    assert cells["HR vs Placebo, cut at day 90"]["Low"] == "2.56"
    assert any("Cox model" in note for note in table.footnotes)
