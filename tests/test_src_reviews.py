"""Three reviews of the safety review committee, each on a cut of the same small escalation: what its package may see and says."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build import kept
from cgbm1_report.build.log import read_log
from cgbm1_report.build.packed import take_adam
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.show import show_output
from cgbm1_report.derive import derive_adam
from cgbm1_report.derive.escalation import derive_escalation, tell_cohort_subjects
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.packages import packages
from cgbm1_report.tabulate.table import Table
from cgbm1_report.tabulate.view import Review
from tests.drawn import find_row, our_trial, stamp_of
from tests.small_cut import write_cut
from tests.small_study import draw, small_study

TRIAL = our_trial()
ENTRIES = catalogue(TRIAL, scope="src")

# Low: a sentinel and two more, no toxicity. Medium: a sentinel, and of the two dosed after it one with a toxicity on study day 6.
DRAWN = {
    "DM": """
USUBJID | SUBJID | SITEID | RFICDTC    | RFSTDTC          | RFXSTDTC         | RFXENDTC         | AGE | SEX | ARMCD | ACTARMCD | SCRPHASE | BRTHDTC
L1      | L1     | 01     | 2025-02-03 | 2025-02-10T10:00 | 2025-02-10T10:00 | 2025-02-10T11:00 | 45  | M   | P1LOW | P1LOW    | 1        | 1980-01-02
L2      | L2     | 01     | 2025-03-10 | 2025-03-17T10:00 | 2025-03-17T10:00 | 2025-03-17T11:00 | 50  | F   | P1LOW | P1LOW    | 1        | 1975-01-02
L3      | L3     | 01     | 2025-03-11 | 2025-03-18T10:00 | 2025-03-18T10:00 | 2025-03-18T11:00 | 51  | M   | P1LOW | P1LOW    | 1        | 1974-01-02
M1      | M1     | 01     | 2025-04-28 | 2025-05-05T10:00 | 2025-05-05T10:00 | 2025-05-05T11:00 | 38  | M   | P1MED | P1MED    | 1        | 1987-01-02
M2      | M2     | 01     | 2025-06-09 | 2025-06-16T10:00 | 2025-06-16T10:00 | 2025-06-16T11:00 | 61  | F   | P1MED | P1MED    | 1        | 1964-01-02
M3      | M3     | 01     | 2025-06-10 | 2025-06-17T10:00 | 2025-06-17T10:00 | 2025-06-17T11:00 | 29  | M   | P1MED | P1MED    | 1        | 1996-01-02
""",
    "EX": """
USUBJID | EXSEQ | EXTRT  | EXDOSE | EXSTDTC          | EXENDTC          | EXTPT      | EXTOTCEL | EXPLCEL
L1      | 1     | CG-BM1 | 1      | 2025-02-10T10:00 | 2025-02-10T11:00 | INFUSION 1 | 60       | 60
L2      | 1     | CG-BM1 | 1      | 2025-03-17T10:00 | 2025-03-17T10:40 | INFUSION 1 | 57       | 60
L3      | 1     | CG-BM1 | 1      | 2025-03-18T10:00 | 2025-03-18T11:00 | INFUSION 1 | 60       | 60
M1      | 1     | CG-BM1 | 2      | 2025-05-05T10:00 | 2025-05-05T11:00 | INFUSION 1 | 120      | 120
M2      | 1     | CG-BM1 | 2      | 2025-06-16T10:00 | 2025-06-16T11:00 | INFUSION 1 | 120      | 120
M3      | 1     | CG-BM1 | 2      | 2025-06-17T10:00 | 2025-06-17T11:00 | INFUSION 1 | 120      | 120
""",
    "AE": """
USUBJID | AESEQ | AETERM   | AEDECOD                   | AESOC             | AESTDTC          | AEENDTC    | AETOXGR | AESER | AEREL            | AEOUT              | AEDLT | AEDLTSRC | AEINFREA
L1      | 1     | fever    | Pyrexia                   | General disorders | 2025-03-11       | 2025-03-12 | 1       | N     | NOT RELATED      | RECOVERED/RESOLVED | .     | .        | .
L1      | 2     | rash     | Rash                      | Skin disorders    | 2025-03-10       | 2025-03-12 | 2       | N     | NOT RELATED      | RECOVERED/RESOLVED | .     | .        | .
L2      | 1     | shivers  | Chills                    | General disorders | 2025-03-17T12:30 | 2025-03-17 | 2       | N     | RELATED          | RECOVERED/RESOLVED | .     | .        | Y
M2      | 1     | reaction | Infusion related reaction | Injury            | 2025-06-21       | 2025-06-25 | 3       | Y     | PROBABLY RELATED | RECOVERED/RESOLVED | Y     | Y        | .
""",
    "SV": """
USUBJID | VISITNUM | VISIT  | SVSTDTC    | SVENDTC
L1      | 28       | DAY 28 | 2025-03-10 | 2025-03-10
L2      | 28       | DAY 28 | 2025-04-14 | 2025-04-14
L3      | 28       | DAY 28 | 2025-04-15 | 2025-04-15
M1      | 28       | DAY 28 | 2025-06-02 | 2025-06-02
M2      | 28       | DAY 28 | 2025-07-14 | 2025-07-14
M3      | 28       | DAY 28 | 2025-07-15 | 2025-07-15
""",
}  # fmt: skip
DECIDED = """
COHORT | REVIEW   | REVDTC     | DECISION
LOW    | SENTINEL | 2025-03-12 | ENROL 2
LOW    | COHORT   | 2025-04-18 | ESCALATE
MEDIUM | SENTINEL | 2025-06-05 | ENROL 2
MEDIUM | COHORT   | 2025-07-18 | ENROL 3
"""


def cut_at(day: str) -> dict[str, pd.DataFrame]:
    """The study as it was on a day: who had signed by then, and what was dated by then."""
    sdtm = {name: frame.iloc[:0] for name, frame in small_study().items()} | {
        name: draw(text, name) for name, text in DRAWN.items()
    }
    signed = sdtm["DM"].loc[sdtm["DM"]["RFICDTC"] <= day, "USUBJID"]
    for name, frame in sdtm.items():
        kept = frame[frame["USUBJID"].isin(signed)]
        for dated in [one for one in kept if one.endswith("STDTC") and name != "DM"]:
            kept = kept[kept[dated].str[:10].fillna("") <= day]
        if name == "DM":
            dates = [one for one in kept if one.startswith("RF") and one != "RFICDTC"]
            arms = kept["ARMCD"].map({arm.armcd: arm.arm for arm in TRIAL.arms}).astype("str")
            kept = kept.assign(**{one: kept[one].where(kept[one].str[:10] <= day) for one in dates}, ARM=arms, ACTARM=arms)
        sdtm[name] = kept.reset_index(drop=True)
    return sdtm


@cache
def derived(day: str) -> dict[str, pd.DataFrame]:
    """All analysis data of the cut of a day, with what was decided by then."""
    decided = draw(DECIDED, "SRC_DECISIONS")
    decided = decided[decided["REVDTC"] <= day].reset_index(drop=True)
    adam = derive_adam(cut_at(day), TRIAL, date.fromisoformat(day), decided)
    states = derive_escalation(adam["ADSL"], adam["ADDLT"], decided, TRIAL, date.fromisoformat(day))
    told = tell_cohort_subjects(adam["ADSL"], adam["ADDLT"], decided, states, TRIAL)
    return {**adam, "SRC_DECISIONS": decided, "SRC_STATES": states, "SRC_SUBJECTS": told}


def shown(number: str, day: str, armcd: str, review: str) -> Table:
    adam = take_adam(derived(day), packages()["src"], TRIAL, armcd)
    made = make(ENTRIES[number], TRIAL, adam, stamp_of(TRIAL), review=Review(armcd, review))
    assert isinstance(made, Table)
    return made


def cells(table: Table, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row.cells[column] for column in columns) for row in table.rows]


# Day of the cut | dose group | review | subjects with days observed (by hand: to the cut, at most 28), whether they count, their DLT;
# with the first subject of a cohort its state, what the rules recommend and what was decided last.
REVIEWS = {
    "sentinel of Low, on the day before it": (
        "2025-03-11", "P1LOW", "SENTINEL",
        [("L1", "28", "Yes", "No", "Sentinel alone, observation or its review outstanding", "Wait", "None yet")],
    ),
    "sentinel of Low, decided": (
        "2025-03-13", "P1LOW", "SENTINEL", [("L1", "28", "Yes", "No", "Sentinel observed without DLT and reviewed", "Enrol 2", "Enrol 2")],
    ),
    "cohort of Low": (
        "2025-04-16", "P1LOW", "COHORT",
        [("L1", "28", "Yes", "No", "No DLT in 3 observed", "Escalate", "Enrol 2"),
         ("L2", "28", "Yes", "No", "", "", ""), ("L3", "28", "Yes", "No", "", "", "")],
    ),
    # M2 had its toxicity on 2025-06-21, study day 6; M3 was seen for the last time 28 days after 2025-06-17
    "cohort of Medium": (
        "2025-07-16", "P1MED", "COHORT",
        [("L1", "28", "Yes", "No", "No DLT in 3 observed", "Escalate", "Escalate"),
         ("L2", "28", "Yes", "No", "", "", ""), ("L3", "28", "Yes", "No", "", "", ""),
         ("M1", "28", "Yes", "No", "One DLT in 3 observed, not of the sentinel", "Enrol 3", "Enrol 2"),
         ("M2", "28", "Yes", "Yes, day 6", "", "", ""), ("M3", "28", "Yes", "No", "", "", "")],
    ),
    # looked at again when Medium is under way: of Medium nothing is told
    "cohort of Low, after Medium was begun": (
        "2025-07-16", "P1LOW", "COHORT",
        [("L1", "28", "Yes", "No", "No DLT in 3 observed", "Escalate", "Escalate"),
         ("L2", "28", "Yes", "No", "", "", ""), ("L3", "28", "Yes", "No", "", "", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("day", "armcd", "review", "told"), REVIEWS.values(), ids=REVIEWS.keys())
def test_review_sees_who_was_dosed_up_to_the_cut_in_its_dose_group_and_below_with_state_and_decision(
    day: str, armcd: str, review: str, told: list[tuple[str, ...]]
) -> None:
    table = shown("SRC-1", day, armcd, review)
    assert cells(table, "SUBJECT", "OBSDAYS", "EVALST", "DLT", "STATE", "RECOM", "DECISION") == told
    seen = {row[0] for row in told}
    for number in ("SRC-2", "SRC-3", "SRC-5", "SRC-7", "SRC-8", "SRC-9", "SRC-10", "SRC-11"):
        assert {row.cells["SUBJECT"] for row in shown(number, day, armcd, review).rows} <= seen, number


def test_events_on_day_28_and_after_it_are_told_apart_and_marked() -> None:
    """L1 was dosed on 2025-02-10: 2025-03-10 is 28 days after it, study day 29, and 2025-03-11 is day 29."""
    table = shown("SRC-5", "2025-07-16", "P1MED", "COHORT")
    assert cells(table, "SUBJECT", "WINDOW", "TERM", "START", "MARKED") == [
        ("L1", "To day 28", "Rash / rash", "2025-03-10 (29)", "AESI"),
        ("L1", "After day 28", "Pyrexia / fever", "2025-03-11 (30)", ""),
        ("L2", "To day 28", "Chills / shivers", "2025-03-17 (1)", "AESI"),
        ("M2", "To day 28", "Infusion related reaction / reaction", "2025-06-21 (6)", "Grade ≥3, Serious, DLT"),
    ]


def test_reaction_stands_below_its_infusion_with_the_hours_after_its_start() -> None:
    """L2 was given 57 of 60 million cells in 40 minutes from 10:00, and shivered at 12:30; M2's reaction came five days later."""
    table = shown("SRC-3", "2025-07-16", "P1MED", "COHORT")
    rows = cells(table, "SUBJECT", "DATE", "START", "DURMIN", "CELLS", "REACTION", "HOURS", "GRADE")
    assert [row for row in rows if row[0] == "L2"] == [
        ("L2", "2025-03-17 (1)", "10:00", "40", "60.0 / 57.0", "", "", ""),
        ("L2", "2025-03-17 (1)", "12:30", "", "", "Chills / shivers", "2.5", "2"),
    ]
    assert [row[0] for row in rows] == ["L1", "L2", "L2", "L3", "M1", "M2", "M3"]


def test_rate_of_a_review_is_of_its_dose_group_and_those_below() -> None:
    """One of three in Medium: exact limits 0.8 and 90.6 per cent (Clopper-Pearson, as published tables have them)."""
    table = shown("SRC-4", "2025-07-16", "P1MED", "COHORT")
    assert [column.key for column in table.columns] == ["Low", "Medium"]
    label = f"DLT within {TRIAL.observation_days} days after the first dose, n/DLT-evaluable"
    assert find_row(table, label).cells == {"Low": "0/3", "Medium": "1/3"}
    assert find_row(table, f"{label} | 95% CI").cells == {"Low": "0.0, 70.8", "Medium": "0.8, 90.6"}


def test_decision_page_names_the_review_and_every_decision_of_the_trial() -> None:
    table = shown("SRC-12", "2025-07-16", "P1MED", "COHORT")
    assert find_row(table, "Review").cells["TEXT"] == "Cohort review of dose group Medium 2.0×10⁶ cells/kg"
    decided = [row.label for row in table.rows if dict(row.key)["page"] == "decision"][1:]
    assert decided == ["Continue", "Enrol 2", "Enrol 3", "Expand", "Escalate", "De-escalate", "Hold", "Stop"]


# ---- from a cut on disk


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cut(tmp_path_factory.mktemp("small") / "cut")


@pytest.mark.usefixtures("derived_once")
def test_package_of_a_review_is_a_document_in_each_format(cut: Path, tmp_path: Path) -> None:
    asked = Request(cut, tmp_path / "src", dose_group="P1LOW", package="src", review="sentinel", formats=("html", "docx", "pdf"))
    built = build_report(Request(**{**vars(asked), "only": ("SRC-1", "SRC-3", "SRC-12"), "engine": "embedded"}))
    assert {file.name for file in built.glob("report.*")} == {"report.html", "report.docx", "report.pdf"}
    page = (built / "report.html").read_text(encoding="utf-8")
    assert "Sentinel review of dose group Low 1.0×10⁶ cells/kg" in page
    assert "<h1" in page
    assert ">Phase 1</h2>" not in page, "a package says on its title page which phase it is of"
    assert [fact["unequal"] for fact in read_log(built) if fact["what"] == "counted again"] == [0]


@pytest.mark.usefixtures("derived_once")
def test_output_of_a_package_is_shown_of_a_cut_for_the_last_review_begun(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "own_folder", lambda _kind: tmp_path)  # the second look takes what the first has derived
    text = show_output(Request(cut, only=("SRC-1",)))
    assert text.startswith("Display SRC-1 Cohort Status and Decision Aid")
    assert "Under review: dose group Low 1.0×10⁶ cells/kg." in text
    asked = show_output(Request(cut, only=("SRC-12",), dose_group="p1med", review="sentinel"))
    assert "Sentinel review of dose group Medium 2.0×10⁶ cells/kg" in " ".join(asked.split())
