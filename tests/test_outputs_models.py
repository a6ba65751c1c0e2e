"""Tables of changes compared by models: the numbers of R and SAS in the cells, and what they say where there is none."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.errors import DataError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.table import Table
from tests.drawn import stamp_of
from tests.oracle import read_oracle
from tests.test_trial_whole import read

ARMS = {"PBO": "Placebo", "LOW": "Low", "MED": "Medium"}


@cache
def trial_of(**switches: Any) -> Trial:
    return read(lambda data: data["switches"].update(switches))


def drawn(paramcd: str = "MELD", dataset: str = "ADEFF") -> dict[str, pd.DataFrame]:
    """The drawn trial that R and a second program fitted: 24 subjects, changes at days 28, 60 and 90, 8 missing."""
    rows = pd.DataFrame(read_oracle("e15")["data"], columns=["USUBJID", "ARM", "BASE", "AVISITN", "CHG"])
    subjects = rows.drop_duplicates("USUBJID")
    adsl = pd.DataFrame({"USUBJID": subjects["USUBJID"], "PHASE": 2.0, "FASFL": "Y", "TRT01P": subjects["ARM"].map(ARMS)})
    records = rows.drop(columns="ARM").assign(PARAMCD=paramcd, ANL02FL="Y", AVISITN=rows["AVISITN"].astype("float64"))
    texts = dict.fromkeys(("USUBJID", "PARAMCD", "ANL02FL"), "str")
    return {"ADSL": adsl.astype({"USUBJID": "str", "FASFL": "str", "TRT01P": "str"}), dataset: records.astype(texts)}


def made(number: str, data: dict[str, pd.DataFrame], trial: Trial) -> Table:
    table = make(catalogue(trial)[number], trial, data, stamp_of(trial))
    assert isinstance(table, Table)
    return table


@cache
def delivered() -> Table:
    return made("T14.2.7.2", drawn(), trial_of())


def cells(table: Table, model: str) -> dict[str, str]:
    """The cells of a model, row by row, below the heads of their visits."""
    found, visit = {}, ""
    for row in table.rows:
        visit = row.label if row.head else visit
        own = [text for key, text in row.cells.items() if key.startswith(model)]
        if own:
            found[f"{visit} {row.label.split(' (')[0]}"] = " | ".join(own)
    return found


def test_cells_of_repeated_measures_are_the_numbers_of_r() -> None:
    """MELD is recorded whole: mean and difference with one decimal, standard error with two (E.15, R gls and emmeans)."""
    found = cells(delivered(), "MMRM")
    told = {day["day"]: day for day in read_oracle("e15")["days"]}
    assert found["Day 28 Medium"].split(" | ")[2:] == ["-2.1", "-4.6, 0.3", "0.0863"]  # -2.141222 (-4.616743, 0.334300), 0.086272
    assert found["Day 90 Medium"].split(" | ")[2:] == ["-3.8", "-7.1, -0.5", "0.0264"]  # -3.796620 (-7.088675, -0.504565), 0.026442
    assert found["Day 60 Low"].split(" | ")[2:] == ["-2.4", "-5.0, 0.1", "0.0553"]  # -2.444848 (-4.951621, 0.061926), 0.055331
    for day, place in ((28, "Day 28"), (60, "Day 60"), (90, "Day 90")):
        for arm, mean in told[day]["lsmeans"].items():
            assert found[f"{place} {ARMS[arm]}"].split(" | ")[1].startswith(f"{mean:.1f} (")
    assert found["Day 180 Low"] == "0 | NE | NE | NE | NE"


def test_cells_of_an_analysis_of_covariance_are_the_numbers_of_r() -> None:
    """e <- emmeans(lm(chg ~ trt + base, subset(d, vis == day)), "trt"); summary(contrast(e, "trt.vs.ctrl", adjust = "none"), infer = TRUE)"""
    found = cells(delivered(), "ANCOVA")
    assert found["Day 28 Placebo"] == "8 | -1.3 (0.83)"  # -1.27 (0.834)
    assert found["Day 28 Low"] == "8 | -2.1 (0.84) | -0.8 | -3.3, 1.6 | 0.4808"  # -0.8466154 (-3.304667, 1.6114366), 0.4807844
    assert (
        found["Day 60 Medium"] == "7 | -3.9 (0.86) | -2.8 | -5.4, -0.3 | 0.0311"
    )  # -3.948213; -2.847453 (-5.404179, -0.290727), 0.0311271


def test_page_names_the_covariance_that_was_fitted_and_the_method_of_the_degrees_of_freedom() -> None:
    notes = delivered().footnotes
    assert "Covariance of the MMRM: unstructured." in notes
    assert any("degrees of freedom by Satterthwaite" in note for note in notes)
    adjusted = made("T14.2.7.2", drawn(), trial_of(mmrm_df="kenward-roger"))
    assert any("by Kenward and Roger" in note for note in adjusted.footnotes)
    # Day 90 was missed by eight: the adjustment widens the intervals.
    before, after = (cells(one, "MMRM")["Day 90 Medium"] for one in (delivered(), adjusted))
    assert before != after
    assert before.split(" | ")[2] == after.split(" | ")[2] == "-3.8"


def test_covariance_that_could_not_be_fitted_is_named_with_the_reason() -> None:
    """Five subjects of three arms tell nothing of six covariances."""
    data = drawn()
    few = ["S01", "S02", "S09", "S10", "S17"]
    data["ADEFF"] = data["ADEFF"][data["ADEFF"]["USUBJID"].isin(few)]
    notes = " ".join(made("T14.2.7.2", data, trial_of()).footnotes)
    assert "MELD, covariance that could not be fitted: unstructured: " in notes


def test_laboratory_outcomes_stand_in_one_table_each_with_its_own_models() -> None:
    """Values of one parameter alone: the others have no record and no estimate."""
    table = made("T14.2.17.2", drawn("ALT", "ADLB"), trial_of())
    assert table.title.startswith("Laboratory Outcomes")
    heads = [row.label for row in table.rows if row.head and row.indent == 0]
    assert len(heads) == 7
    found = cells(table, "MMRM")
    assert found["ALT, Day 90 Medium"].split(" | ")[2:] == ["-3.8", "-7.1, -0.5", "0.0264"]
    assert found["AST, Day 90 Medium"] == "0 | NE | NE | NE | NE"


def test_results_hold_what_is_not_printed() -> None:
    ard = delivered().ard
    own = ard[
        (ard["context"] == "emmeans_contrast")
        & (ard["column"] == "Medium")
        & ard["row"].str.contains('"Day 60"')
        & ard["row"].str.contains("MMRM")
    ]
    stats = dict(zip(own["stat_name"], own["stat"], strict=False))
    assert stats["df"] == pytest.approx(18.07, abs=0.005)
    assert stats["std.error"] == pytest.approx(1.200348, abs=1e-6)


def test_subject_with_two_records_of_a_day_is_refused() -> None:
    data = drawn()
    data["ADEFF"] = pd.concat([data["ADEFF"], data["ADEFF"].iloc[[0]]], ignore_index=True)
    with pytest.raises(DataError, match="S01 MELD Day 28"):
        made("T14.2.7.2", data, trial_of())
