"""Tables of a study's own, as trial.yaml declares them: counted by hand on a small drawn study."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.errors import DataError, PlanError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount import recount
from cgbm1_report.tabulate.table import Output
from tests.drawn import draw, stamp_of
from tests.test_trial_whole import read

TABLE: dict[str, Any] = {
    "number": "T14.3.4.31", "title": "Range of ALT by Visit", "dataset": "ADLB", "parameters": ["ALT"], "visits": True,
    "baseline": "BNRIND", "variable": "ANRIND", "levels": {"LOW": "Low", "NORMAL": "Normal", "HIGH": "High"},
    "where": {"ANL01FL": ["Y"]},
}  # fmt: skip
ADSL = """
USUBJID | PHASE | SAFFL | TRT01A$
P1      | 2     | Y     | Placebo
P2      | 2     | Y     | Placebo
L1      | 2     | Y     | Low
L2      | 2     | Y     | Low
L3      | 2     | N     | Low          # never dosed
"""
ADLB = """
USUBJID | PARAMCD | AVISIT | AVISITN | AVAL | BNRIND | ANRIND | ANL01FL
P1      | ALT     | Day 28 | 28      | 2    | NORMAL | HIGH   | Y
P1      | ALT     | Day 28 | 28      | 0    | NORMAL | NORMAL | .        # not the record of the visit
P2      | ALT     | Day 28 | 28      | 1    | NORMAL | NORMAL | Y
P1      | ALT     | Day 7  | 7       | 1    | NORMAL | NORMAL | Y
L1      | ALT     | Day 28 | 28      | 0    | HIGH   | NORMAL | Y
L2      | ALT     | Day 28 | 28      | 1    | NORMAL | .      | Y        # no range: of nobody counted
L3      | ALT     | Day 28 | 28      | 1    | NORMAL | HIGH   | Y
L1      | AST     | Day 28 | 28      | 2    | HIGH   | HIGH   | Y
"""


def declared(**changes: Any) -> Trial:
    return read(lambda data: data.update(level_tables=[{**TABLE, **changes}]))


def made(trial: Trial, folder: Path, records: str = ADLB) -> dict[tuple[str, str], str]:
    """The cells by row and level, once the second count has found the same."""
    adam = {"ADSL": draw(ADSL), "ADLB": draw(records)}
    entry = catalogue(trial)["T14.3.4.31.2"]
    output = make(entry, trial, adam, stamp_of(trial))
    for name, frame in adam.items():
        frame.to_parquet(folder / f"{name.lower()}.parquet", index=False)
    counted = recount(folder, output.ard, [tell_facts("T14.3.4.31.2", entry, trial)])
    assert ([str(one) for one in counted.differences], counted.unasked) == ([], {"T14.3.4.31.2": {}})
    return _cells(output)


def _cells(output: Output) -> dict[tuple[str, str], str]:
    found, head = {}, ""
    for row in output.rows:
        head = head if row.cells else row.label
        arm = row.label.split(" (")[0]
        found |= {
            (f"{head} | {arm}", column.rpartition(" ")[2]): text for column, text in row.cells.items() if arm in ("Placebo", "Low")
        }
    return found


def test_subjects_stand_by_visit_and_baseline_in_the_level_of_the_chosen_record(tmp_path: Path) -> None:
    found = made(declared(), tmp_path)
    assert {place: text for place, text in found.items() if text not in ("0", "-")} == {
        ("ALT, Day 7, baseline: Normal | Placebo", "NORMAL"): "1 (100.0)",
        ("ALT, Day 28, baseline: Normal | Placebo", "NORMAL"): "1 (50.0)",
        ("ALT, Day 28, baseline: Normal | Placebo", "HIGH"): "1 (50.0)",
        ("ALT, Day 28, baseline: High | Low", "NORMAL"): "1 (100.0)",
    }
    assert next(iter(found))[0].startswith("ALT, Day 7")


def test_subjects_stand_in_the_highest_of_their_values(tmp_path: Path) -> None:
    """Of P1, with 2, 0 and 1, it is 2; L3 is not of the set."""
    levels = {"0": "None", "1": "Mild", "2": "Severe"}
    trial = declared(variable="AVAL", levels=levels, where={}, visits=False, baseline=None, highest=True)
    found = made(trial, tmp_path)
    assert {place: text for place, text in found.items() if text not in ("0", "-")} == {
        ("ALT (U/L) | Placebo", "2"): "1 (50.0)",
        ("ALT (U/L) | Placebo", "1"): "1 (50.0)",
        ("ALT (U/L) | Low", "0"): "1 (50.0)",
        ("ALT (U/L) | Low", "1"): "1 (50.0)",
    }


def test_a_subject_with_two_levels_in_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"ADLB: P1, ALT, Day 28, NORMAL: the subject has two levels of ANRIND .*ask for the highest"
    ):
        made(declared(where={}), tmp_path)


def test_a_level_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ANRIND is 'ABNORMAL', which is none of LOW, NORMAL, HIGH"):
        made(declared(), tmp_path, ADLB.replace("| NORMAL | HIGH   | Y\n", "| NORMAL | ABNORMAL | Y\n", 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parameters": ["ALTT"]}, "level_tables.0.parameters: ALTT is no parameter of ADLB"),
        ({"parameters": ["MELD"]}, "level_tables.0.parameters: MELD is no parameter of ADLB"),
        ({"population": "XYZ"}, "level_tables.0.population: XYZ is no analysis set"),
        ({"number": "14.3.4.31"}, "level_tables.0.number: 14.3.4.31 is no number of a table of section 14"),
        ({"highest": True}, "level_tables.0.levels: the highest ANRIND is asked for, and a level is no number"),
        ({"level": "LOW"}, "level_tables.0.level: is no key that stands here"),
    ],
)
def test_what_a_table_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError) as refused:
        declared(**changes)
    assert said in str(refused.value)


def test_two_tables_of_one_number_are_refused() -> None:
    with pytest.raises(PlanError, match=r"T14\.3\.4\.31 stands twice"):
        read(lambda data: data.update(level_tables=[TABLE, copy.deepcopy(TABLE)]))


def test_our_own_trial_has_none() -> None:
    trial = read(lambda data: None)
    assert trial.level_tables == ()
    assert not [number for number, entry in catalogue(trial).items() if entry.declared.body.__module__.endswith(".levels")]


def test_records_that_a_visit_s_flag_does_not_choose_are_said_to_count(tmp_path: Path) -> None:
    """Beside a table of means, which leaves them out, nobody would know why other subjects stand there."""
    records = ADLB.replace(
        "P2      | ALT     | Day 28 | 28      | 1    | NORMAL | NORMAL | Y", "P2 | ALT | Day 28 | 28 | 1 | NORMAL | NORMAL | ."
    )
    adam = {"ADSL": draw(ADSL), "ADLB": draw(records)}
    told = "Of a visit records without ANL01FL = Y count as well: 2 of 4."  # P1's second and P2's of Day 28; P1's of Day 7, L1's
    for where, notes in ({"ANL01FL": ["Y"]}, []), ({"ANRIND": ["NORMAL"]}, [told]):
        trial = declared(where=where)
        output = make(catalogue(trial)["T14.3.4.31.2"], trial, adam, stamp_of(trial))
        assert [note for note in output.footnotes if note.startswith("Of a visit")] == notes
