"""What is told behind a cell that changed: the subjects and records whose change moved it, and never nothing."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cgbm1_report.compare import compare_sides
from cgbm1_report.compare.behind import Behind
from cgbm1_report.compare.besides import Besides
from cgbm1_report.compare.reads import Reads
from cgbm1_report.compare.records import compare_datasets
from cgbm1_report.compare.results import NAMED
from cgbm1_report.compare.sides import tell_unlike
from cgbm1_report.rows import write_key
from tests.compared_study import MOVED, TRIAL, built, cut
from tests.small_study import MEDIUM, PLACEBO

CHANGES = ("death", *MOVED)
#: What of M says whom it is counted among, in the words of what is behind a cell.
SAYS = {
    "population": {f"ADSL {MEDIUM}: SAFFL Y → N"},
    "arm": {f"ADSL {MEDIUM}: TRT01P Medium → Low", f"ADSL {MEDIUM}: TRT01A Medium → Low"},
    "gone": {f"ADSL {MEDIUM}: gone"},
}


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> dict[str, pd.DataFrame]:
    """The cells that each planted change moves alone, with what is behind them."""
    folder = tmp_path_factory.mktemp("built")
    told = {}
    for planted in CHANGES:
        found = compare_sides(built(folder, "nothing"), built(folder, planted), TRIAL)
        told[planted] = found.moves.cells.assign(behind=list(found.behind))
    return told


@pytest.mark.parametrize("planted", CHANGES)
def test_behind_every_cell_that_moved_something_is_told(cells, planted):
    moved = cells[planted]
    assert moved.loc[moved["behind"].map(len) == 0, NAMED].to_numpy().tolist() == []


@pytest.mark.parametrize("planted", MOVED)
def test_behind_a_share_whose_denominator_alone_moved_stands_the_subject_who_moved_it(cells, planted):
    """Nobody came to the count or left it: who is in the group or population is another, and that is M alone."""
    moved = cells[planted]
    others = (moved["came"].map(len) + moved["went"].map(len) > 0).groupby([moved[name] for name in NAMED[:3]]).transform("any")
    shares = moved[~others & (moved["stat_name"] == "p") & moved["context"].isin(["tabulate", "hierarchical"])]
    assert len(shares) > 5
    for row, behind in zip(shares["row"], shares["behind"], strict=True):
        # A share of those expected at a visit is out of records: M's are told.
        assert set(behind) & SAYS[planted] or ('"ATTEND"' in row and behind)
        assert all(MEDIUM in text for text in behind), behind


def test_behind_a_mean_of_the_subjects_stands_what_changed_of_them_though_the_output_is_of_another_dataset(cells):
    """P died ten days later: days of follow-up stand in ADSL, and the table is made of the visits."""
    table = cells["death"].query("output == 'T14.1.10.2'")
    days = table["row"].str.contains("FUPDAYS")
    assert set(table.loc[days, "behind"]) == {(f"ADSL {PLACEBO}: FUPDAYS 184 → 194",)}
    # P died on day 193, before the window of day 180 (to day 194) had closed, and missed no visit any more.
    assert {text.partition(":")[0] for told in table.loc[~days, "behind"] for text in told} == {
        f"ADSV {PLACEBO} AVISITN 180, VISITNUM 180"
    }


def test_behind_a_row_of_a_subject_stands_nothing_of_another(cells):
    rows = cells["arm"].query("output.str.startswith('L')")
    own = rows[rows["row"].str.contains('"USUBJID"')]
    for row, behind in zip(own["row"], own["behind"], strict=True):
        whose = {text.partition(":")[0].split()[1] for text in behind if not text.startswith("and ")}
        assert whose == {MEDIUM}, row


# ---- outputs of no dataset

FOUND = pd.DataFrame({"RULE": ["V1", "V2", "V10"], "SEVERITY": "Warning", "DATASETS": ["AE", "LB", "SV"], "COUNT": [3.0, 4.0, 1.0]})


def documented(*item: str) -> str:
    """A row of the documentation of methods."""
    return write_key((("STATUS", "Applied"), *zip(("TOPIC", "ITEM"), item, strict=True)))


def test_behind_the_documentation_of_methods_stands_what_the_gate_found_otherwise():
    besides = Besides(FOUND, FOUND.assign(COUNT=[3.0, 6.0, 2.0]), ["pandas: 1, now 2"])
    assert besides.find(documented("Data validation", "V2: units")) == [
        "findings of validate, rule V2: 4 Warning in LB → 6 Warning in LB"
    ]
    assert besides.find(documented("Software", "pandas")) == ["pandas: 1, now 2"]
    fewer = Besides(FOUND, FOUND.iloc[:1], [])
    assert fewer.find(documented("Data validation", "V10: visits")) == ["findings of validate, rule V10: 1 Warning in SV → none"]


def test_cell_of_the_documentation_names_what_the_builds_were_made_with(tmp_path):
    """The appendix is of no dataset: its cell of a library says which version each of the two builds had."""
    row = documented("Software", "pandas")
    sides = []
    for version in ("1", "2"):
        side = built(tmp_path, "nothing")
        line = pd.DataFrame([("A16.1.9.2", row, "TEXT", "text", "text", None, version, None)], columns=list(side.results))
        results = line.astype(side.results.dtypes.to_dict())
        sides.append(replace(side, results=results, outputs=("A16.1.9.2",), libraries={"pandas": version, "numpy": "2"}))
    found = compare_sides(*sides, TRIAL)
    assert found.behind == (("pandas: 1, now 2",),)
    assert found.unlike == ("pandas: 1, now 2",)


def test_libraries_that_one_side_alone_tells_are_no_difference():
    old, new = replace(cut("nothing"), libraries={"pandas": "1"}), replace(cut("nothing"), libraries={"numpy": "2"})
    assert tell_unlike(old, new, {}) == []


#: An event of P, before and now: its term, its grade and whether it was serious | a count of which it moved.
WORDS_CHANGED = """
AEDECOD | AETOXGR | AESER
Fever   | 2 → 1   | N
Fever   | 1 → 2   | N → Y
"""


def test_change_that_moved_a_count_stands_before_others_of_the_same_row():
    """Of serious fever P's second event is one now; that the first was milder than was thought moved nothing."""
    rows = [[cell.strip() for cell in line.split("|")] for line in WORDS_CHANGED.strip().splitlines()[1:]]
    sides = [
        pd.DataFrame(
            [(PLACEBO, day, *(cell.split(" → ")[at if "→" in cell else 0] for cell in row)) for day, row in enumerate(rows)],
            columns=["USUBJID", "AESTDTC", "AEDECOD", "AETOXGR", "AESER"],
        ).assign(AESTDTC=lambda one: one["AESTDTC"].map("2025-06-1{}".format))
        for at in (0, 1)
    ]
    old, new = ({"ADAE": side} for side in sides)
    behind = Behind(compare_datasets(old, new, {"ADAE": ["USUBJID", "AESTDTC"]}), old, new)

    def find(reads: Reads, *levels: tuple[str, str]) -> list[str]:
        told = behind.find(write_key((("AEDECOD", "Fever"), *levels)), (PLACEBO,), ["ADAE"], reads)
        return [text.rpartition(": ")[2] for text in told]

    moved = ["AESER N → Y", "AETOXGR 1 → 2"]
    assert find(Reads(), ("AESER", "Y")) == moved
    assert find(Reads(chosen={"AESER": ("Y",)})) == moved
    assert find(Reads()) == ["AETOXGR 2 → 1", "AETOXGR 1 → 2", "AESER N → Y"]
