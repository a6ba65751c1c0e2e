"""Two cuts or builds compared: exactly what was planted is told, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from cgbm1_report.cli import app
from cgbm1_report.compare import Comparison, compare_sides
from cgbm1_report.compare.behind import Behind
from cgbm1_report.compare.files import FORMS, say_comparison, write_comparison
from cgbm1_report.compare.named import Words, read_output
from cgbm1_report.compare.pages import _crossed, count_all, make_tables
from cgbm1_report.compare.reads import find_reads
from cgbm1_report.compare.records import compare_datasets, tell_apart, tell_briefly, tell_values
from cgbm1_report.compare.results import compare_results, find_crossed, rename_results
from cgbm1_report.compare.sides import tell_facts
from cgbm1_report.emit import emit_printed
from cgbm1_report.errors import ArgumentError, PlanError, ReportError
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.rows import read_key, write_key
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.part import Part
from cgbm1_report.tabulate.table import Column, Row
from tests.compared_study import NEW_NUMBER, PLANTED, TRIAL, analysed, built, collected, cut, results
from tests.emit_cases import summary_table
from tests.small_study import DEAD, MEDIUM, PLACEBO, SECOND
from tests.test_bad_input import write_cut

ALL = tuple(name for name in PLANTED if name != "nothing")
NAMED = ["output", "row", "column", "context", "stat_name"]


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Comparison:
    """All five planted at once, in builds."""
    folder = tmp_path_factory.mktemp("built")
    return compare_sides(built(folder, "nothing"), built(folder, *ALL), TRIAL)


def lines(found: Comparison, *columns: str) -> dict[str, list[tuple[str, ...]]]:
    """What is told of records, by dataset."""
    told = {one.dataset: one.records for one in found.datasets if len(one.records)}
    return {name: list(zip(*(frame[column] for column in columns), strict=True)) for name, frame in told.items()}


# ---- records

# Planted | dataset: status, subject, variable, before, now. Counted by hand from what was drawn.
TOLD = {
    "nothing": {},
    "event": {"AE": [("new", DEAD, "", "", "")]},
    "sodium": {"LB": [("changed", MEDIUM, name, "126", "129") for name in ("LBORRES", "LBSTRESC", "LBSTRESN")]},
    "death": {"DM": [("changed", PLACEBO, "DTHDTC", "", "2025-12-21"), ("changed", PLACEBO, "DTHFL", "", "Y")]},
    "number": {},
}


@pytest.mark.parametrize("planted", TOLD)
def test_of_two_cuts_exactly_the_planted_records_are_told(planted):
    found = compare_sides(cut("nothing"), cut(planted), TRIAL)
    assert lines(found, "status", "subject", "variable", "old", "new") == TOLD[planted]
    assert found.renamed == ({SECOND: NEW_NUMBER} if planted == "number" else {})
    assert found.differs is (planted != "nothing")


def test_record_that_is_only_numbered_otherwise_is_no_change():
    (ae,) = [one for one in compare_sides(cut("nothing"), cut("event"), TRIAL).datasets if one.dataset == "AE"]
    assert ae.renumbered[["subject", "variable", "old", "new"]].values.tolist() == [[DEAD, "AESEQ", "1", "2"]]
    assert (ae.count("new"), ae.count("gone"), ae.count("changed")) == (1, 0, 0)


def test_analysis_data_of_everything_planted_at_once(everything):
    """The flag is told once, of the subject: the records that repeat it are counted."""
    assert everything.renamed == {SECOND: NEW_NUMBER}
    assert lines(everything, "subject", "variable", "old", "new") == {
        "ADSL": [
            (MEDIUM, "PPROTFL", "Y", "N"),
            *((PLACEBO, name, before, now) for name, before, now in [
                ("DTHFL", "", "Y"), ("DTHDTC", "", "2025-12-21"), ("DTHDT", "", "2025-12-21"), ("DTHADY", "", "194"),
                ("LSTALVDT", "2025-12-11", "2025-12-21"), ("FUPDAYS", "184", "194"),
            ]),
        ],
        "ADAE": [(DEAD, "AOCCFL", "Y", ""), (DEAD, "", "", "")],
        "ADLB": [(MEDIUM, "AVAL", "126", "129")],
        # Who died within the window of a visit has not missed it.
        "ADSV": [(PLACEBO, "EXPFL", "Y", ""), (PLACEBO, "ATTEND", "MISSED", "")],
    }  # fmt: skip
    (adlb,) = [one for one in everything.datasets if one.dataset == "ADLB"]
    repeating = analysed("nothing")["ADLB"]["USUBJID"].eq(MEDIUM).sum()
    assert adlb.carried == repeating > 1
    assert everything.subject_records.query("kind == 'Population'")[["subject", "variable"]].values.tolist() == [
        [MEDIUM, "PPROTFL"]
    ]


# Two drugs of one subject, as before and as now | what is told of them.
MATCHED = {
    "a corrected date": ([("1", "aspirin", "2025-01-01", "10")], [("1", "aspirin", "2025-01-02", "10")], ["changed"]),
    "another drug": ([("1", "aspirin", "2025-01-01", "10")], [("1", "insulin", "2025-03-09", "4")], ["gone", "new"]),
    "one more at the top": (
        [("1", "aspirin", "2025-01-01", "10")], [("1", "insulin", "2024-12-01", "4"), ("2", "aspirin", "2025-01-01", "10")], ["new"],
    ),
    "swapped numbers": (
        [("1", "aspirin", "2025-01-01", "10"), ("2", "insulin", "2024-12-01", "4")],
        [("1", "insulin", "2024-12-01", "4"), ("2", "aspirin", "2025-01-01", "10")], [],
    ),
    "the same twice, now thrice": (
        [("1", "aspirin", "2025-01-01", "10"), ("2", "aspirin", "2025-01-01", "10")],
        [("1", "aspirin", "2025-01-01", "10"), ("2", "aspirin", "2025-01-01", "10"), ("3", "aspirin", "2025-01-01", "10")], ["new"],
    ),
    "one gone, the other corrected": (
        [("1", "aspirin", "2025-01-01", "10"), ("2", "insulin", "2024-12-01", "4")], [("1", "insulin", "2024-12-03", "4")], ["changed", "gone"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MATCHED)
def test_record_is_matched_by_what_it_says(case):
    frames = [pd.DataFrame(rows, columns=["CMSEQ", "CMTRT", "CMSTDTC", "CMDOSE"], dtype="str") for rows in MATCHED[case][:2]]
    for frame in frames:
        # A second subject, so that a variable can be seen to differ within subjects.
        frame.insert(0, "USUBJID", "S1")
        frame["CMSEQ"] = frame["CMSEQ"].astype("float64")
    others = pd.DataFrame(
        {
            "USUBJID": "S2",
            "CMSEQ": [1.0, 2.0, 3.0],
            "CMTRT": ["a", "b", "c"],
            "CMSTDTC": ["2024", "2023", "2022"],
            "CMDOSE": list("123"),
        }
    )
    sides = [replace(cut("nothing"), data={"CM": pd.concat([frame, others], ignore_index=True)}) for frame in frames]
    (found,) = compare_sides(*sides, TRIAL).datasets
    assert sorted(found.records["status"].unique()) == MATCHED[case][2]


def test_text_that_has_only_the_number_of_its_event_is_told_by_the_event_and_not_by_its_number_or_note():
    """A wrote another text of the fever, whose number and that of the sepsis are others now; of B a text is printed nowhere."""
    days = pd.to_datetime(["2025-07-01", "2025-07-09"]).astype("datetime64[s]")
    events = pd.DataFrame({"USUBJID": "A", "AESEQ": [1.0, 2.0], "AETERM": ["fever", "sepsis"], "ASTDT": days})
    texts = pd.DataFrame({"USUBJID": "A", "AESEQ": [1.0, 2.0], "TEXT": ["Fell ill.", "Died."]})
    later = texts.assign(AESEQ=[3.0, 4.0], TEXT=["Fell ill again.", "Died."])
    noted = pd.concat([later, pd.DataFrame({"USUBJID": ["B"], "NOTE": ["printed nowhere"]})], ignore_index=True)
    sides = {"ADAE": events, "NARRATIVES": texts}, {"ADAE": events.assign(AESEQ=[3.0, 4.0]), "NARRATIVES": noted}
    (found,) = (one for one in compare_datasets(*sides, {}) if one.dataset == "NARRATIVES")
    assert found.records[["status", "subject", "record", "variable", "old", "new"]].to_numpy().tolist() == [
        ["changed", "A", "AETERM fever, ASTDT 2025-07-01", "TEXT", "Fell ill.", "Fell ill again."],
        ["new", "B", "", "", "", ""],
    ]
    assert (found.renumbered_records, found.variables_new) == (2, ("NOTE",))


def test_order_of_records_and_of_variables_says_nothing():
    shuffled = {
        name: frame.sample(frac=1, random_state=1)[list(frame.columns[::-1])] for name, frame in collected("nothing").items()
    }
    assert not compare_sides(cut("nothing"), replace(cut("nothing"), data=shuffled), TRIAL).differs


def test_subject_who_came_while_another_went_is_no_renaming():
    others = {name: frame[~frame["USUBJID"].isin([SECOND])] for name, frame in collected("nothing").items()}
    come = {name: frame[~frame["USUBJID"].isin([PLACEBO])] for name, frame in collected("nothing").items()}
    found = compare_sides(replace(cut("nothing"), data=others), replace(cut("nothing"), data=come), TRIAL)
    assert found.renamed == {}
    assert set(found.subject_records["status"]) == {"new", "gone"}


# ---- results


def by_hand(frame: pd.DataFrame) -> pd.DataFrame:
    """Earlier results as the planted number and event would have them: by plain replacement of texts."""
    row = (
        frame["row"]
        .str.replace(SECOND, NEW_NUMBER)
        .str.replace(f'[["USUBJID","{DEAD}"],["AESEQ","1"]', f'[["USUBJID","{DEAD}"],["AESEQ","2"]')
    )
    subjects = frame["subjects"].map(
        lambda one: [NEW_NUMBER if name == SECOND else name for name in one] if one is not None else one
    )
    return frame.assign(row=row, stat_fmt=frame["stat_fmt"].str.replace(SECOND, NEW_NUMBER), subjects=subjects)


def told_of(frame: pd.DataFrame) -> set[tuple[object, ...]]:
    """Every result as one plain tuple."""
    whom = frame["subjects"].map(lambda one: "" if one is None else " ".join(sorted(one)))
    said = frame.assign(
        stat=frame["stat"].astype(object).where(frame["stat"].notna(), ""), stat_fmt=frame["stat_fmt"].fillna(""), subjects=whom
    )
    return set(said[[*NAMED, "stat", "stat_fmt", "subjects"]].itertuples(index=False, name=None))


def test_exactly_the_results_that_differ_are_told_and_no_other(everything):
    """An independent difference: sets of whole results, without a key."""
    old, new = told_of(by_hand(results("nothing"))), told_of(results(*ALL))
    differ = {one[:5] for one in old ^ new}
    rows = {(output, row) for output, row, *_ in everything.moves.rows.itertuples(index=False)}
    lone = {one for one in differ if one[:2] in rows}
    told = set(everything.moves.cells[NAMED].itertuples(index=False, name=None))
    unrounded = differ - lone - told
    assert told <= differ
    assert len(everything.moves.columns) == len(everything.moves.outputs) == 0
    # What is left says the same as printed, of the same subjects.
    printed = [{(*one[:5], *one[6:]) for one in side if one[:5] in unrounded} for side in (old, new)]
    assert printed[0] == printed[1]
    assert len(unrounded) == everything.moves.unrounded.sum() > 0
    assert rows == {one[:2] for one in old ^ new if one[:2] not in {other[:2] for other in (old if one in new else new)}}


def test_cells_that_moved_are_those_counted_by_hand(everything):
    """M left the per-protocol set of three, who are all that were randomised; D has two events in place of one."""
    cells = everything.moves.cells
    told = {(one.output, one.row, one.column, one.stat_name): (one.old, one.new) for one in cells.itertuples()}
    per_protocol, emergent = '[["disposition","Per-Protocol Set"]]', '[["TRTEMFL","Y"]]'
    assert told["T14.1.2.2", per_protocol, "Medium", "n"] == ("1", "0")
    assert told["T14.1.2.2", per_protocol, "Total", "p"] == ("100.0", "66.7")
    assert told["T14.3.1.1.2", emergent, "Low", "n_events"] == ("1", "2")
    assert told["T14.3.1.1.2", emergent, "Total", "n_events"] == ("2", "3")
    sample = f'[["USUBJID","{MEDIUM}"],["ADT","2025-06-22"],["VISITNUM","14.01"],["sample","1"]]'
    # CTCAE 5 grades a sodium of 125 to 129 mmol/L with 2.
    assert told["L16.2.8.2.2", sample, "SODIUM", "text"] == ("126 2", "129 2")
    # P was followed for 184 days and is for 194.
    assert set(cells["output"]) == {"T14.1.2.2", "T14.1.10.2", "T14.2.2.2", "T14.3.1.1.2", "T14.3.1.2.2", "L16.2.8.2.2"}


def test_subjects_and_records_stand_behind_a_cell(everything):
    cells = everything.moves.cells.assign(behind=list(everything.behind))
    medium = cells.query("output == 'T14.1.2.2' and column == 'Medium' and stat_name == 'p'").iloc[0]
    assert medium["behind"] == (f"ADSL {MEDIUM}: PPROTFL Y → N",)
    count = cells.query("output == 'T14.1.2.2' and column == 'Medium' and stat_name == 'n'").iloc[0]
    assert (count["came"], count["went"]) == ((), (MEDIUM,))
    events = cells.query("output == 'T14.3.1.1.2' and column == 'Low'").iloc[0]["behind"]
    assert any(text.startswith(f"ADAE {DEAD} AETERM queasy, AEDECOD Nausea") and text.endswith(": new") for text in events)


def test_row_that_appeared_is_told_with_what_it_prints(everything):
    told = {(one.output, one.row): (one.status, one.text) for one in everything.moves.rows.itertuples()}
    assert told["T14.3.1.2.2", '[["AEBODSYS","as coded"],["AEDECOD","Nausea"]]'] == (
        "new", "Placebo: 0; Low: 1, 100.0, 1; Medium: 0; Total: 1, 33.3, 1",
    )  # fmt: skip
    assert told["L16.2.7.1.2", f'[["USUBJID","{DEAD}"],["AESEQ","1"]]'][0] == "new"


def test_number_of_a_subject_alone_moves_no_cell(tmp_path):
    found = compare_sides(built(tmp_path, "nothing"), built(tmp_path, "number"), TRIAL)
    assert found.renamed == {SECOND: NEW_NUMBER}
    assert not found.moves.differ
    assert [one.dataset for one in found.datasets if one.differs] == []
    assert found.differs


@pytest.mark.parametrize(("old", "new", "crossed"), [(0.0501, 0.0499, True), (0.05, 0.0499, True), (0.049, 0.001, False), (0.06, 0.9, False), (np.nan, 0.01, False)])  # fmt: skip
def test_probability_that_crosses_a_limit_comes_first(old, new, crossed):
    cells = pd.DataFrame({"stat_name": ["p.value", "estimate"], "old_stat": [old, 0.06], "new_stat": [new, 0.04]})
    assert len(find_crossed(cells)) == int(crossed)


# ---- what is not compared


def test_blind_and_open_are_compared_only_by_who_may_know():
    blind = replace(cut("nothing"), name="before", pooled=frozenset({2}))
    for sides in ((blind, cut("nothing")), (cut("nothing"), blind)):
        with pytest.raises(ArgumentError, match=r"before is blinded where the other is not.*tells treatment.*Remedy: .*--unblind"):
            compare_sides(*sides, TRIAL)
    assert "blinding: one is blinded where the other is not" in compare_sides(blind, cut("nothing"), TRIAL, unblind=True).unlike


def test_cut_and_build_are_not_alike(tmp_path):
    with pytest.raises(ArgumentError, match="name two cuts, or two builds"):
        compare_sides(cut("nothing"), built(tmp_path, "nothing"), TRIAL)


def test_what_differs_besides_the_data_is_said(tmp_path):
    old = replace(built(tmp_path, "nothing"), facts={"phase": "1"})
    found = compare_sides(old, replace(old, facts={"phase": "2"}), TRIAL)
    assert found.unlike == ("phases in the report: 1, now 2",)
    assert "What differs besides the data: phases in the report: 1, now 2." in make_tables(found)[0].footnotes


# What the manifest of each says of its program | how that is told
MADE_BY = {
    "the same files": (("0.1.0", "a" * 64), ("0.1.0", "a" * 64), []),
    "other files of one version": (("0.1.0", "a" * 64), ("0.1.0", "b" * 64), ["program: 0.1.0 (aaaaaaaaaaaa), now 0.1.0 (bbbbbbbbbbbb)"]),
    "before files were told": (("0.1.0", None), ("0.1.0", "b" * 64), ["program: 0.1.0, now 0.1.0 (bbbbbbbbbbbb)"]),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE_BY)
def test_builds_by_other_code_are_told_apart_though_their_version_is_one(case, tmp_path):
    *sides, told = MADE_BY[case]
    manifests = []
    for version, digest in sides:
        report = {"stamp": {"protocol": "X"}}
        manifests.append({"report": report, "parameters": {}, "code": version, **({"code_sha256": digest} if digest else {})})
    old, new = (replace(cut("nothing"), facts=tell_facts(manifest)) for manifest in manifests)
    assert [line for line in compare_sides(old, new, TRIAL).unlike if line.startswith("program")] == told


# What a build was asked for | which of four outputs it has to have: of each phase, of a dose group, of a package.
PARTS = {
    "everything": (Part(), "T14.1.1.1 T14.1.1.2 T14.1.1.1-LOW"),
    "a phase": (Part(phase=1), "T14.1.1.1 T14.1.1.1-LOW"),
    "no documents of groups": (Part(dose_group="all"), "T14.1.1.1 T14.1.1.2"),
    "one dose group": (Part(phase=1, dose_group="LOW"), "T14.1.1.1-LOW"),
    "a number": (Part(only=("T14.1.1.2",)), "T14.1.1.2"),
    "a number of a dose group": (Part(only=("T14.1.1.1",), dose_group="LOW"), "T14.1.1.1-LOW"),
    "a package": (Part(phase=1, package="src"), "SRC-1"),
}


@pytest.mark.parametrize("case", PARTS)
def test_part_knows_which_outputs_it_was_asked_to_have(case):
    part, numbers = PARTS[case]
    assert [one for one in ("T14.1.1.1", "T14.1.1.2", "T14.1.1.1-LOW", "SRC-1") if part.has(one)] == numbers.split()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "src", "before is the report and after is package src, which are of other subjects"),
        ("dsmb", "src", "before is package dsmb and after is package src, which are of other subjects"),
        ("", "", None),
        ("src", "src", None),
    ],
)
def test_builds_of_another_package_are_refused_since_subjects_it_leaves_out_are_not_gone(tmp_path, old, new, said):
    sides = [
        replace(built(tmp_path, "nothing"), name=name, part=Part(package=one)) for name, one in (("before", old), ("after", new))
    ]
    if said is None:
        assert compare_sides(*sides, TRIAL).subjects.empty
        return
    with pytest.raises(ArgumentError, match=f"{said} .*Remedy: compare two builds of the report, two of one package, or the cuts"):
        compare_sides(*sides, TRIAL)


@pytest.mark.parametrize("which", ["old", "new"])
def test_output_that_a_part_was_not_asked_for_is_neither_new_nor_gone_and_is_said_once(tmp_path, which):
    """The part was asked for two outputs and lacks one of them: that one is told, the others of the whole are not."""
    whole = built(tmp_path, "nothing")
    part = replace(whole, name="part", outputs=("T14.1.4.1",), part=Part(only=("T14.1.4.1", "T14.1.7.2")))
    found = compare_sides(part, whole, TRIAL) if which == "old" else compare_sides(whole, part, TRIAL)
    assert list(found.moves.outputs["output"]) == ["T14.1.7.2"]
    (line,) = found.unlike
    assert line.startswith(
        f"part is a part, and not asked to have {len(whole.outputs) - 2} outputs of nothing, which are neither new nor gone: T14.1.1.1,"
    )
    assert line.endswith(" and 6 more")
    told = say_comparison(found)
    assert told["not_asked"][which] == [one for one in found.outputs if one not in ("T14.1.4.1", "T14.1.7.2")]
    assert told["counts"]["Outputs"]["Outputs"] == {"new": 0, "gone": 0, "changed": 0} | {{"old": "new", "new": "gone"}[which]: 1}
    for form in ("html", "text"):
        assert "not asked to have" in write_comparison(found, form).decode()


def test_what_could_not_be_compared_is_no_difference(tmp_path):
    found = compare_sides(built(tmp_path, "nothing"), built(tmp_path, "nothing"), TRIAL)
    noted = replace(found, notes=("Subjects are compared as collected: nothing is derived",))
    assert not noted.differs
    assert [row.label for row in make_tables(noted)[0].rows] == ["Nothing differs"]
    assert make_tables(noted)[0].footnotes[1:] == ("Subjects are compared as collected: nothing is derived.",)


def test_summary_and_tables_begin_with_the_outputs_and_end_with_the_data(everything):
    tables = make_tables(everything)
    assert [row.label for row in tables[0].rows if row.head] == ["Outputs", "Subjects", "Records"]
    assert [table.title for table in tables[1:]] == [
        "Outputs that changed",
        "Cells that changed",
        "Outputs, rows and columns that appeared or vanished",
        "Subjects",
        "Records",
    ]


# ---- how it is told


def test_every_form_says_the_same_and_hostile_texts_are_texts(everything):
    hostile = "<script>alert(1)</script> =1+1 \\input{a} ]]>"
    named = replace(everything, new=replace(everything.new, name=hostile))
    made = {form: write_comparison(named, form) for form in FORMS}
    page = made["html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<table") == len(make_tables(named)) == 6
    body = ZipFile(BytesIO(made["docx"])).read("word/document.xml").decode()
    assert "<script" not in body
    book = load_workbook(BytesIO(made["xlsx"]))
    assert [sheet.title for sheet in book] == [f"C.{at}" for at in range(1, 7)]
    for told in (page, body, made["text"].decode(), made["json"].decode()):
        assert NEW_NUMBER in told
    assert [one.stamp for one in make_tables(named)] == [named.new.stamp] * 6


def test_json_says_all_that_was_found(everything):
    told = json.loads(write_comparison(everything, "json"))
    assert told == json.loads(json.dumps(say_comparison(everything)))
    assert len(told["cells"]) == len(everything.moves.cells)
    assert told["cells"][0]["row"] == [["disposition", "Per-Protocol Set"]]
    assert told["counts"]["Subjects"]["In other populations"] == {"changed": 1}
    assert told["renamed"] == {SECOND: NEW_NUMBER}


def test_page_of_many_lines_says_how_many_it_leaves_out(everything):
    cells = make_tables(everything, 3)[2]
    assert len(cells.rows) == 3
    assert cells.footnotes == (f"The first 3 of {len(everything.moves.cells)} lines; compare --json tells all.",)


def test_document_has_some_lines_of_each_output_and_says_how_many_there_are(everything):
    told = make_tables(everything, each=1)
    assert [row.cells["output"] for row in told[1].rows] == sorted(
        {row.cells["output"] for row in told[1].rows}, key=everything.outputs.index
    )
    counted = everything.moves.cells.drop_duplicates(["output", "row", "column"]).groupby("output", sort=False).size()
    assert [row.cells["output"] for row in told[2].rows] == list(counted.index)
    more = ", ".join(f"{number} {count}" for number, count in counted.items() if count > 1)
    assert told[2].footnotes == (
        f"Of each output no more than 1 line stands here; there are of {more}. All of them: compare with --format xlsx or json.",
    )


def test_document_tells_a_cell_in_one_line_with_all_its_statistics(everything):
    """M left the per-protocol set, where it was the one of one of its column: n and % are told together, what is behind once."""
    lines = [row.cells for row in make_tables(everything, each=30)[2].rows if row.cells["output"] == "T14.1.2.2"]
    (medium,) = [line for line in lines if line["column"] == "Medium" and "Per-Protocol Set" in line["row"]]
    assert (medium["old"], medium["new"]) == ("n 1, % 100.0", "n 0")
    assert medium["behind"] == f"no longer counted: {MEDIUM}; ADSL {MEDIUM}: PPROTFL Y → N"


def test_document_tells_a_text_without_the_name_of_a_statistic(everything):
    lines = [row.cells for row in make_tables(everything, each=30)[2].rows if row.cells["output"] == "L16.2.8.2.2"]
    assert [(line["old"], line["new"]) for line in lines] == [("126 2", "129 2")]


# Outputs that one side alone has, of how many a document names | What is listed, how many, which.
WHOLE = {
    "three new and one gone": (
        {"T14.1.1.2": "new", "T14.1.2.2": "new", "T14.1.4.2": "gone", "T14.1.7.2": "new"}, 30,
        [("output new", "3 outputs", "T14.1.1.2, T14.1.2.2, T14.1.7.2"), ("output gone", "1 output", "T14.1.4.2")],
    ),
    "more than are named": (
        {"T14.1.1.2": "gone", "T14.1.2.2": "gone", "T14.1.4.2": "gone"}, 2,
        [("output gone", "3 outputs", "T14.1.1.2, T14.1.2.2 and 1 more")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_document_has_one_line_for_all_outputs_that_are_new_and_one_for_all_that_are_gone(case, everything):
    outputs, each, expected = WHOLE[case]
    alone = pd.DataFrame({"output": list(outputs), "status": list(outputs.values())})
    empty = {name: getattr(everything.moves, name).iloc[:0] for name in ("cells", "rows", "columns")}
    moved = replace(everything.moves, outputs=alone, **empty)
    found = replace(everything, moves=moved, behind=())
    listed = {table.title: [row.cells for row in table.rows] for table in make_tables(found, each=each)}
    assert "Outputs that changed" not in listed, "each stands once"
    parts = listed["Outputs, rows and columns that appeared or vanished"]
    assert [(line["what"], line["name"], line["text"]) for line in parts] == expected
    # All of them, one by one, where nothing is shortened.
    every = {table.title: [row.cells for row in table.rows] for table in make_tables(found)}
    assert [line["output"] for line in every["Outputs that changed"]] == list(outputs)


#    rows of each subject that are gone       what the document lists
GATHERED = {
    "a line each":                ({"S-1": 4, "S-2": 1}, ["row gone"] * 5),
    "a narrative in one line":    ({"S-1": 5, "S-2": 1}, ["5 rows of USUBJID S-1", "row gone"]),
    "two subjects in two lines":  ({"S-1": 5, "S-2": 7}, ["5 rows of USUBJID S-1", "7 rows of USUBJID S-2"]),
}  # fmt: skip


@pytest.mark.parametrize("case", GATHERED)
def test_document_tells_many_rows_of_one_subject_in_one_line(case, everything):
    counts, expected = GATHERED[case]
    keys = [write_key((("USUBJID", who), ("AESEQ", str(at)))) for who, count in counts.items() for at in range(count)]
    rows = pd.DataFrame(
        {"output": "N14.3.3.1", "row": keys, "status": "gone", "text": "", "cells": [(("TEXT", "Said"),)] * len(keys)}
    )
    empty = {name: getattr(everything.moves, name).iloc[:0] for name in ("cells", "columns", "outputs")}
    found = replace(everything, moves=replace(everything.moves, rows=rows, **empty), behind=())
    (parts,) = [table for table in make_tables(found, each=30) if table.title.startswith("Outputs, rows")]
    told = [row.cells for row in parts.rows]
    assert [line["name"] if line["what"] == "rows gone" else line["what"] for line in told] == expected
    assert {line["text"] for line in told if line["what"] == "rows gone"} <= {"the first: TEXT: Said"}
    (every,) = [table for table in make_tables(found) if table.title.startswith("Outputs, rows")]
    assert len(every.rows) == len(keys), "a workbook and JSON have all"


def test_subjects_that_say_another_thing_are_counted_with_the_variables_in_which_they_do():
    """Who is dead now has another date of death and another flag."""
    table = make_tables(compare_sides(cut("nothing"), cut("death"), TRIAL))[0]
    assert [row.label for row in table.rows if row.label.startswith("With other")] == ["With other values: DTHDTC, DTHFL"]


def test_statistics_of_a_cell_that_changed_stand_as_it_prints_them():
    """The lower bound of an interval before its upper one."""
    bounds = (("estimate", 40.0, 45.0), ("conf.low", 30.8, 31.9), ("conf.high", 65.9, 67.1))
    place = ("T14.2.1.2", write_key((("PARAMCD", "OS"),)), "Low", "survival")
    sides = [
        pd.DataFrame(
            [(*place, one[0], one[at], str(one[at]), None) for one in bounds], columns=[*NAMED, "stat", "stat_fmt", "subjects"]
        )
        for at in (1, 2)
    ]
    moves = compare_results(*sides, (["T14.2.1.2"], ["T14.2.1.2"]))
    assert moves.cells["stat_name"].tolist() == ["estimate", "conf.low", "conf.high"]


def test_subject_whose_record_says_other_values_is_listed_under_words():
    (table,) = [one for one in make_tables(compare_sides(cut("nothing"), cut("death"), TRIAL)) if one.title == "Subjects"]
    assert {row.cells["kind"] for row in table.rows} == {"Other values"}


#: A number before and now | how the two are told: six digits, and more only where six say the same of both.
TOLD_APART = """
-55.1282051282 | 684.615384615 | -55.1282   | 684.615
12.5           | 13            | 12.5       | 13
1234567.125    | 1234568.5     | 1234567.12 | 1234568.5
0.12345678     | 0.12345679    | 0.12345678 | 0.12345679
.              | 1.23456789    |            | 1.23457
"""


@pytest.mark.parametrize("case", TOLD_APART.strip().splitlines())
def test_numbers_of_records_are_told_with_few_digits_that_never_say_the_same_of_two(case):
    before, now, *told = (part.strip() for part in case.split("|"))
    sides = [pd.Series(tell_values(pd.Series([float("nan") if text == "." else float(text)]))) for text in (before, now)]
    assert [one[0] for one in tell_apart(*sides)] == told


def test_list_of_changes_shortens_numbers_and_no_text_and_json_keeps_them():
    """A result as it was collected is a text, whatever its letters."""
    now = {"LBSTRESN": 2.123456789, "LBORRES": "2.123456789"}
    before = {"LBSTRESN": 1.123456789, "LBORRES": "1.123456789"}
    frames = [pd.DataFrame([{"USUBJID": "A", "LBTESTCD": "ALT", "LBSEQ": 1.0, **side}]) for side in (before, now)]
    (found,) = compare_datasets({"LB": frames[0]}, {"LB": frames[1]}, {"LB": ["USUBJID", "LBTESTCD"]})
    exact = {name: (str(before[name]), str(now[name])) for name in now}
    assert {row.variable: (row.old, row.new) for row in found.records.itertuples()} == exact
    brief = tell_briefly(found.records, *frames)
    told = {row.variable: (row.old, row.new) for row in brief.itertuples()}
    assert told == exact | {"LBSTRESN": ("1.12346", "2.12346")}


#: The states of two cohorts at a review and at the data cut-off, before and now | what is told of them.
JUDGED = {
    "a later cut-off alone": (["LOW|R1|2025-03-01|ESCALATE", "LOW|CUT|2025-09-01|ESCALATE", "MED|CUT|2025-09-01|WAIT"],
                              ["LOW|R1|2025-03-01|ESCALATE", "LOW|CUT|2025-10-01|ESCALATE", "MED|CUT|2025-10-01|WAIT"], []),
    "another state":         (["LOW|CUT|2025-09-01|WAIT"], ["LOW|CUT|2025-10-01|ESCALATE"], [("changed", "STATE", "WAIT", "ESCALATE")]),
    "another day of review": (["LOW|R1|2025-03-01|WAIT"], ["LOW|R1|2025-03-08|WAIT"], [("changed", "REVDT", "2025-03-01", "2025-03-08")]),
    "another cohort":        (["LOW|CUT|2025-09-01|WAIT"], ["LOW|CUT|2025-10-01|WAIT", "MED|CUT|2025-10-01|WAIT"], [("new", "", "", "")]),
}  # fmt: skip


@pytest.mark.parametrize("case", JUDGED)
def test_records_of_no_subject_that_are_judged_at_the_cutoff_are_the_same_at_the_next_one(case):
    *sides, expected = JUDGED[case]
    frames = [pd.DataFrame([row.split("|") for row in rows], columns=["COHORT", "REVIEW", "REVDT", "STATE"]) for rows in sides]
    old, new = (frame.assign(REVDT=pd.to_datetime(frame["REVDT"])) for frame in frames)
    (found,) = compare_datasets({"STATES": old}, {"STATES": new}, {}, ("2025-09-01", "2025-10-01"))
    told = found.records[["status", "variable", "old", "new"]].to_numpy().tolist()
    assert [tuple(one) for one in told] == expected


def test_file_beside_the_data_that_is_new_gone_or_changed_is_told_of_two_cuts():
    old = replace(cut("nothing"), beside={"narratives.csv": "a", "unblinding.csv": "b", "src_decisions.csv": "c"})
    new = replace(cut("nothing"), beside={"narratives.csv": "x", "unblinding.csv": "b"})
    found = compare_sides(old, new, TRIAL)
    assert found.differs
    assert say_comparison(found)["files"] == found.beside == {"narratives.csv": "changed", "src_decisions.csv": "gone"}
    assert [row.label for row in make_tables(found)[0].rows] == ["Files beside the data", "narratives.csv", "src_decisions.csv"]
    assert compare_sides(new, old, TRIAL).beside == {"narratives.csv": "changed", "src_decisions.csv": "new"}


def test_nothing_differs_is_said(tmp_path):
    found = compare_sides(built(tmp_path, "nothing"), built(tmp_path, "nothing"), TRIAL)
    assert not found.differs
    assert [row.label for table in make_tables(found) for row in table.rows] == ["Nothing differs"]


# ---- the command

OPENED = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-30,FINAL ANALYSIS,A statistician\n"


@pytest.fixture(scope="module")
def cuts(tmp_path_factory) -> dict[str, Path]:
    """Cuts as folders: before; with what the gate lets pass; with a death that nothing else tells; before with phase 2 unblinded."""
    folder = tmp_path_factory.mktemp("cuts")
    return {
        "before": write_cut(folder / "before", dict(collected("nothing"))),
        "after": write_cut(folder / "after", dict(collected("event", "sodium", "number"))),
        "wrong": write_cut(folder / "wrong", dict(collected("death"))),
        "opened": write_cut(folder / "opened", dict(collected("nothing")), OPENED),
    }


def compare(*arguments: object) -> tuple[int, str]:
    """The command: how it ended and what it printed."""
    done = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    return done.exit_code, done.stdout if done.exception is None or isinstance(done.exception, SystemExit) else str(done.exception)


def test_command_tells_blind_cuts_apart_without_a_word_of_treatment(cuts, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, told = compare(cuts["before"], cuts["after"], "--json")
    assert code == 1
    found = json.loads(told)
    assert found["renamed"] == {SECOND: NEW_NUMBER}
    assert {name: [one["variable"] for one in about["differences"]] for name, about in found["datasets"].items()} == {
        "AE": [""],
        "LB": ["LBORRES", "LBSTRESC", "LBSTRESN"],
    }
    assert not re.search(r"P2LOW|P2MED|P2PBO|PLACEBO", told, re.IGNORECASE)
    assert "blinded" in found["new"]["mark"]
    assert found["unlike"] == []


def test_cut_with_errors_is_compared_as_collected(cuts, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, told = compare(cuts["before"], cuts["wrong"], "--json")
    assert code == 1
    found = json.loads(told)
    assert list(found["datasets"]) == ["DM"]
    assert [(one["variable"], one["new"]) for one in found["subjects"]] == [("DTHDTC", "2025-12-21"), ("DTHFL", "Y")]
    assert found["unlike"] == []
    (why,) = found["notes"]
    assert re.fullmatch(r"Subjects are compared as collected: nothing is derived of wrong, in which validate finds \d+ errors", why)


def test_command_ends_with_0_where_nothing_differs_and_writes_no_file_twice(cuts, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "told.xlsx"
    assert compare(cuts["before"], cuts["before"], "--format", "xlsx", "--out", out) == (0, f"{out}\n")
    assert load_workbook(out)["C.1"]["A2"].value.startswith("From before (data cut-off 2025-12-31)")
    code, told = compare(cuts["before"], cuts["before"], "--format", "xlsx", "--out", out)
    assert (code, "exists: it is not overwritten" in told) == (1, True)
    assert "docx goes into a file" in compare(cuts["before"], cuts["after"], "--format", "docx")[1]
    assert "which is only read" in compare(cuts["before"], cuts["before"], "--out", cuts["before"] / "told.txt")[1]


def test_command_says_which_folder_is_not_there(cuts, tmp_path):
    found = CliRunner().invoke(app, ["compare", str(cuts["before"]), str(tmp_path / "nope")])
    assert isinstance(found.exception, PlanError)
    assert "nope: is not there" in str(found.exception)


def test_command_refuses_a_blind_and_an_open_cut_before_anything_is_derived(cuts, monkeypatch):
    monkeypatch.setattr("cgbm1_report.build.compared.read_ready", lambda *_, **__: pytest.fail("derived"))
    assert "before is blinded where the other is not" in compare(cuts["before"], cuts["opened"])[1]


def test_many_changes_behind_a_cell_are_counted():
    """Of seven subjects' weights five are named; of the row of one visit the change at that visit alone."""
    old = pd.DataFrame({"USUBJID": [f"S{at}" for at in range(7)], "AVISIT": ["Day 1"] * 6 + ["Day 2"], "AVAL": 70.0})
    new = old.assign(AVAL=71.0)
    (found,) = compare_datasets({"ADVS": old}, {"ADVS": new}, {})
    behind = Behind([found], {"ADVS": old}, {"ADVS": new})
    told = [f"ADVS S{at}: AVAL 70 → 71" for at in range(7)]
    assert behind.find('[["AVAL",null]]', (), ("ADVS",)) == [*told[:5], "and 2 more changes"]
    assert behind.find('[["AVISIT","Day 2"],["AVAL",null]]', (), ("ADVS",)) == [told[6]]
    assert behind.find('[["AVAL",null]]', ("S3",), ("ADVS",)) == [told[3]]
    assert behind.find('[["AVAL",null]]', (), ("ADLB",)) == []


def test_behind_a_mean_stands_what_its_output_reads_of_its_phase_group_and_variables():
    """Of six subjects with another age and weight, two are of the phase and population, one of them in the group of the column."""
    old = pd.DataFrame(
        {
            "USUBJID": ["P1", "P2", "A1", "A2", "B1", "C1"],
            "PHASE": [1, 1, 2, 2, 2, 2],
            "FASFL": ["Y", "Y", "Y", "N", "Y", "Y"],
            "TRT01P": ["Low", "Low", "Low", "Low", "Medium", "Placebo"],
            "AGE": [40.0] * 6,
            "WEIGHTBL": [70.0] * 6,
        }
    )
    new = old.assign(AGE=[41.0, 41.0, 41.0, 41.0, 41.0, 40.0], WEIGHTBL=71.0)
    (found,) = compare_datasets({"ADSL": old}, {"ADSL": new}, {})
    entry = catalogue(TRIAL)["T14.1.4.2"]
    reads = find_reads({entry.number: entry}, TRIAL, ({"ADSL": old}, {"ADSL": new}))[entry.number]
    behind = Behind([found], {"ADSL": old}, {"ADSL": new})
    age = '[["AGE",null]]'
    assert behind.find(age, (), ("ADSL",), reads, "Low") == ["ADSL A1: AGE 40 → 41"]
    assert behind.find(age, (), ("ADSL",), reads, "Total") == ["ADSL A1: AGE 40 → 41", "ADSL B1: AGE 40 → 41"]
    # A model has all groups behind it: nobody's age of the group itself changed.
    assert behind.find(age, (), ("ADSL",), reads, "Placebo") == ["ADSL A1: AGE 40 → 41", "ADSL B1: AGE 40 → 41"]


# Row's key | what a reader finds on the page, whose rows are "ALT high, Grade 1" and below it "Low (N=3)"
STATISTICS = """
worst grade 3/n (%)  | ALT high, Grade 1, Worst grade Grade 3   the column of statistics
worst grade 3        | ALT high, Grade 1, Worst grade Grade 3   who is counted in it
worst grade 4/n      | ALT high, Grade 1, Worst grade n         one of two statistics of a grade
worst grade 4        | PARAMCD ALT, BTOXGRH 1, worst grade 4    of which of both, nobody can say
"""


def _results(lines: str) -> pd.DataFrame:
    """Results of a listing: row's subject and number, what it says."""
    rows = [[part.strip() for part in line.split("|")] for line in lines.strip().splitlines()]
    told = [
        ("L16.2.7.1.2", write_key((("USUBJID", subject), ("AESEQ", number))), "AETERM", "text", "value", None, text, None)
        for subject, number, text in rows
    ]
    return pd.DataFrame(told, columns=[*NAMED, "stat", "stat_fmt", "subjects"]).astype({"stat": "float64", "stat_fmt": "str"})


def test_a_record_that_is_gone_is_no_other_that_has_its_number_now():
    old = _results("S-1 | 1 | Rash\nS-1 | 2 | Fatigue\nS-1 | 3 | Cough\nS-2 | 2 | Pain")
    new = _results("S-1 | 1 | Rash\nS-1 | 2 | Cough\nS-2 | 2 | Pain")
    numbers = pd.DataFrame([("ADAE", "S-1", "AESEQ", "3", "2")], columns=["dataset", "subject", "variable", "old", "new"])
    found = rename_results(old, {}, numbers, {"L16.2.7.1": ("ADAE",), "L16.2.7.1.2": ("ADAE",)})
    moves = compare_results(found, new, (["L16.2.7.1.2"], ["L16.2.7.1.2"]))
    assert moves.cells.empty
    assert moves.rows[["status", "text"]].to_numpy().tolist() == [["gone", "AETERM: Fatigue"]]


def test_a_subject_whose_number_begins_that_of_another_is_renamed_alone():
    old = _results("S-1 | 1 | Rash of S-1\nS-10 | 1 | Rash of S-10\nXS-1 | 1 | Pain")
    found = rename_results(old, {"S-1": "S-7"}, pd.DataFrame(), {})
    assert [read_key(row)[0][1] for row in found["row"]] == ["S-7", "S-10", "XS-1"]
    assert found["stat_fmt"].tolist() == ["Rash of S-7", "Rash of S-10", "Pain"]


# What it was | what it is | how both are printed | what the list of what crossed 0.05 says
CROSSED = """
0.04996 | 0.05004 | 0.0500 | 0.0500 (0.04996) 0.0500 (0.05004)
0.04996 | 0.05004 |        | (0.04996) (0.05004)
0.04996 | 0.04994 | 0.0500 |
0.05004 | 0.05    | 0.0500 |
"""


@pytest.mark.parametrize("case", CROSSED.strip().splitlines())
def test_a_probability_that_crossed_the_limit_is_told_where_it_is_printed_alike(case):
    before, now, text, said = (part.strip() for part in case.split("|"))
    row = ("T14.2.1.2", write_key((("PARAMCD", "OS"),)), "Low", "survival_survdiff", "p.value")
    sides = [
        pd.DataFrame([(*row, float(value), text or None, None)], columns=[*NAMED, "stat", "stat_fmt", "subjects"]).astype(
            {"stat_fmt": "str"}
        )
        for value in (before, now)
    ]
    moves = compare_results(*sides, (["T14.2.1.2"], ["T14.2.1.2"]))
    assert len(find_crossed(moves.cells)) == bool(said)
    found = replace(compare_sides(cut("nothing"), cut("nothing"), TRIAL), moves=moves, behind=((),) * len(moves.cells))
    assert [f"{one['old']} {one['new']}" for one in _crossed(found)] == ([said] if said else [])


# Row's key of a figure | what a reader is told of it
POINTS = """
PARAMCD LTFS/time 47          | Liver Transplant-Free Survival, time 47
PARAMCD LTFS                  | Liver Transplant-Free Survival
PARAMCD XYZ/time 47           | PARAMCD XYZ, time 47
AEDECOD LTFS                  | AEDECOD LTFS
"""


def test_a_point_that_no_row_prints_is_named_by_its_parameter_in_words():
    words = Words(parameters={code: one.label for code, one in TRIAL.parameters.items()})
    for line in POINTS.strip().splitlines():
        key, told = (part.strip() for part in line.split("|"))
        assert words.row(write_key([tuple(part.split(" ")) for part in key.split("/")])) == told


def test_a_cell_in_a_column_of_statistics_is_named_by_its_row_and_head_without_its_group(tmp_path):
    asked = (("3", "n (%)", "Grade 3"), ("4", "n", "n"), ("4", "%", "%"))
    columns = [
        Column(f"{grade} {name}", head, None, 1.0, spanner="Worst grade", measure=(("worst grade", grade),), statistic=name)
        for grade, name, head in asked
    ]
    key = (("PARAMCD", "ALT"), ("BTOXGRH", "1"))
    cells = {column.key: "1" for column in columns}
    rows = (Row(key, "ALT high, Grade 1", 0, {}), Row(key, "Low (N=3)", 1, cells, column="Low"))
    table = summary_table(columns=tuple(columns), rows=rows, blocks=())
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / f"{file_stem(table.number)}.json").write_text(emit_printed(table))
    words = read_output(replace(cut("nothing"), kind="build", folder=tmp_path), table.number)
    told = []
    for line in STATISTICS.strip().splitlines():
        grade, _, statistic = line.partition("|")[0].strip().removeprefix("worst grade ").partition("/")
        place = (*key, ("worst grade", grade), *([("statistic", statistic)] if statistic else []))
        told.append(words.row(write_key(place)))
    assert told == [line.partition("| ")[2].partition("   ")[0] for line in STATISTICS.strip().splitlines()]


#: Row, statistic, its value and its text, in a column that had nobody and in the same column with its first subjects.
FIRST_SUBJECTS = """
Q1, Q3 | p25 | .  | - | 39 | 39.0
.      | p75 | .  | . | .  | .
Q1, Q3 | p75 | .  | . | 53 | 53.0
"""


def test_the_first_subjects_of_a_group_make_no_row_gone():
    """Of nobody Q3 has neither a value nor a text, and so no line of its own: the row of the page is there before and after."""

    def side(value: int, text: int) -> pd.DataFrame:
        told = []
        for line in FIRST_SUBJECTS.strip().splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            label, stat, number, shown = cells[0], cells[1], cells[value], cells[text]
            # The line of Q3 is that of the measure alone where nobody is, and that of the cell where somebody is.
            if stat == "p75" and (label == ".") == (value == 4):
                continue
            key = (("AGE", None),) if label == "." else (("AGE", None), ("statistic", label))
            of = ("T14.1.4.1", write_key(key), "High", "summary", stat)
            told.append((*of, np.nan if number == "." else float(number), None if shown == "." else shown, None))
        return pd.DataFrame(told, columns=[*NAMED, "stat", "stat_fmt", "subjects"]).astype({"stat_fmt": "str"})

    moves = compare_results(side(2, 3), side(4, 5), (["T14.1.4.1"], ["T14.1.4.1"]))
    assert len(side(2, 3)) == len(side(4, 5)) == 2
    assert (len(moves.rows), moves.cells[["stat_name", "old", "new"]].to_numpy().tolist()) == (
        0, [["p25", "-", "39.0"], ["p75", "", "53.0"]],
    )  # fmt: skip


def test_results_of_two_cuts_are_said_not_to_be_there() -> None:
    found = compare_sides(cut("nothing"), cut("nothing"), TRIAL)
    with pytest.raises(ReportError, match="two cuts have no results to compare"):
        found.moves.cells  # noqa: B018 - that it is asked for is what is tried
    assert not hasattr(found.moves, "rows")
    assert not found.moves


def test_reason_why_there_is_no_arm_is_no_arm() -> None:
    """While treatment is blind it is all that is seen of who was randomised; of nobody it tells an arm."""
    before, after = (cut("nothing") for _ in range(2))
    whom = before.data["DM"]["USUBJID"].iloc[0]
    told = {
        side: replace(one, data={"DM": one.data["DM"].assign(ARMNRS=lambda dm, why=why: dm["USUBJID"].map({whom: why}))})
        for side, one, why in (("old", before, "NOT ASSIGNED"), ("new", after, None))
    }
    counted = count_all(compare_sides(told["old"], told["new"], TRIAL))["Subjects"]
    assert (counted["With another arm"]["changed"], counted["With other values"]["changed"]) == (0, 1)
