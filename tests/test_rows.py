"""Rows are known by their variables and levels, whatever the levels say; results speak the language of R's ``cards``."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.analyse import numbers as vocabulary
from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import STAT_LABELS, SUMMARY, TABULATE, list_statistics, make_numbers
from cgbm1_report.emit import emit_csv, emit_printed, emit_text
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.results import check_csv, check_results
from cgbm1_report.rows import write_key
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.results import ARD_COLUMNS, empty_ard, tabulate
from cgbm1_report.tabulate.table import Column, Line, Table, count, numbers
from tests.drawn import draw, our_trial, stamp_of
from tests.test_outputs import ADAE, adam, output
from tests.test_outputs_survival import study

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

LEVELS = {
    "bar": "A | B",
    "bar alone": " | ",
    "quotes": "say \"x\" and 'y'",
    "JSON": '[["AEDECOD","x"]]',
    "line feed": "two\nlines",
    "Chinese": "恶心、呕吐",
    "empty": "",
    "long": "x" * 10_000,
    "markup": "<b>&amp;</b> {{title}} \\par",
    "control": "bell\x07 nul\x00",
    "backslash": "\\u0041 \\",
    "a column": "Total",
    "a row of ours": "Subjects with at least one TEAE",
    "a statistic": "Mean (SD)",
    "a variable": "AEDECOD",
    "no value, as programs say it": "nan",
    "no value, as SAS says it": ".",
    "no value, as R says it": "NA",
    "outer blanks": " lead and trail ",
    "tab": "a\tb",
    "right to left": "\u200f\u05d0\u05d1",
    "typst, TeX, templates": "#x $y$ {} {0}",
}


def events(soc: str, term: str) -> pd.DataFrame:
    """The drawn events, of which those of 1-01 have this class and term."""
    made = draw(ADAE)
    made.loc[made["USUBJID"] == "1-01", ["AEBODSYS", "AEDECOD"]] = soc, term
    return made


def held(table: Table, folder: Path) -> list[str]:
    """What reading back finds in the files of a table: its texts, its results, its CSV."""
    printed, results, csv = (folder / name for name in ("t.json", "ard.parquet", "t.csv"))
    printed.write_text(emit_printed(table), encoding="utf-8")
    csv.write_text(emit_csv(table), encoding="utf-8-sig", newline="")
    table.ard.to_parquet(results, index=False)
    read = read_printed(printed)
    findings = [*check_results(pd.read_parquet(results), {table.number: read}), *check_csv(csv, "t.csv", read, table.stamp.blind)]
    return [f"{one.place}: {one.message}" for one in findings]


def test_csv_says_in_its_last_head_what_is_blind(tmp_path):
    table = output("T14.3.1.2.1", adam())
    blind = replace(table, stamp=replace(STAMP, blind="Phase 2 blinded"))
    assert held(blind, tmp_path) == []
    lines = [line.split(",") for line in emit_csv(blind).splitlines()]
    assert (lines[0][-1], {line[-1] for line in lines[1:]}) == ("Phase 2 blinded", {""})
    # A file of the open report in its place is found, and so is one that says it of an open report.
    opened = emit_csv(table)
    for content, wanted in ((opened, "Phase 2 blinded"), (emit_csv(blind), "")):
        (tmp_path / "t.csv").write_text(content, encoding="utf-8-sig", newline="")
        found = check_csv(tmp_path / "t.csv", "t.csv", read_printed(tmp_path / "t.json"), wanted)
        assert found[0].message.startswith("has the heads")


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_any_text_is_a_level_the_whole_way(level, tmp_path):
    table = output("T14.3.1.2.1", adam(ADAE=events(f"C{level}", level)))
    key = (("AEBODSYS", f"C{level}"), ("AEDECOD", level))
    row = next(one for one in table.rows if one.key == key)
    assert row.label == level
    # 1-01 of three subjects, two events on treatment
    assert row.cells["Low"] == "1 (33.3) [2]"
    cell = table.ard[(table.ard["row"] == write_key(key)) & (table.ard["column"] == "Low")].set_index("stat_name")
    assert cell.loc["n", ["group2_level", "variable_level", "stat"]].tolist() == [f"C{level}", level, 1.0]
    found = json.loads(emit_printed(table))
    assert [[["AEBODSYS", f"C{level}"], ["AEDECOD", level]]] == [
        one["key"] for one in found["rows"] if one["key"] == [*map(list, key)]
    ]
    assert held(table, tmp_path) == []
    assert emit_text(table)


def test_rows_whose_joined_labels_are_alike_are_two_rows(tmp_path):
    """Class A with the term B | C, and class A | B with the term C."""
    made = events("A", "B | C")
    made.loc[made["USUBJID"] == "1-04", ["AEBODSYS", "AEDECOD"]] = "A | B", "C"
    table = output("T14.3.1.2.1", adam(ADAE=made))
    found = {row.key: row.cells["Total"] for row in table.rows}
    assert found[(("AEBODSYS", "A"), ("AEDECOD", "B | C"))] == "1 (25.0) [2]"
    assert found[(("AEBODSYS", "A | B"), ("AEDECOD", "C"))] == "1 (25.0) [2]"
    assert held(table, tmp_path) == []


def test_term_under_two_classes_and_a_term_that_is_its_class_are_rows_of_their_own(tmp_path):
    made = draw(ADAE)
    made.loc[made["USUBJID"] == "1-01", ["AEBODSYS", "AEDECOD"]] = "Rash", "Rash"
    made.loc[made["USUBJID"] == "1-04", ["AEBODSYS", "AEDECOD"]] = "Skin", "Rash"
    table = output("T14.3.1.2.1", adam(ADAE=made))
    found = {row.key: row.cells["Total"] for row in table.rows}
    assert found[(("AEBODSYS", "Rash"),)] == "1 (25.0) [2]"
    assert found[(("AEBODSYS", "Rash"), ("AEDECOD", "Rash"))] == "1 (25.0) [2]"
    assert len(found) == len(table.rows)
    assert (("AEBODSYS", "Skin"), ("AEDECOD", "Rash")) in found
    assert held(table, tmp_path) == []


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("stat", 0.34, "AEBODSYS Blood, column Low, p: prints '66.7'"),  # another value
        ("stat", 66.7, "prints '66.7', the value is 66.7"),  # a percentage where a proportion stands
        ("stat", float("nan"), "prints '66.7', the value is nan"),  # no value
        ("stat_fmt", "66.67", "prints '66.67'"),  # other decimals than the format has
        ("fmt_fun", "x.x", "prints '66.7'"),  # printed as it is
        ("fmt_fun", None, "prints '66.7'"),
        ("row", '[["AEBODSYS","blood"]]', "does not print this result"),
    ],
)
def test_damaged_result_is_found(column, value, told, tmp_path):
    table = output("T14.3.1.2.1")
    chosen = (table.ard["row"] == '[["AEBODSYS","Blood"]]') & (table.ard["column"] == "Low") & (table.ard["stat_name"] == "p")
    assert chosen.sum() == 1
    assert held(table, tmp_path) == []
    table.ard.loc[chosen, column] = value
    assert any(told in one for one in held(table, tmp_path))


def test_number_in_words_needs_no_value_and_a_statistic_does(tmp_path):
    listed = output("L16.2.7.1.1", adam(ADAE=draw(ADAE).assign(AETERM="7", ASTDT=pd.NaT, AENDT=pd.NaT)))
    assert (listed.ard["stat_fmt"] == "2").any(), "a grade, which is a number alone"
    assert listed.ard["stat"].isna().all()
    assert held(listed, tmp_path) == []


#: R cards 0.7.1, `ard_tabulate()` and `ard_hierarchical()` after `apply_fmt_fun()`; its `warning` and `error` are of R's own calls.
CARDS = ["variable", "variable_level", "context", "stat_name", "stat_label", "stat", "stat_fmt", "fmt_fun"]


def test_results_have_the_columns_of_cards():
    groups = [f"group{at}{what}" for at in range(1, 7) for what in ("", "_level")]
    assert list(ARD_COLUMNS) == ["output", "row", "column", *groups, *CARDS, "subjects"]
    assert list(empty_ard()) == list(ARD_COLUMNS)
    kinds = empty_ard().dtypes
    for made in (output("T14.3.1.2.1"), output("T14.1.4.1"), make(find("F14.2.1.2", TRIAL), TRIAL, study(), STAMP)):
        assert (made.ard.dtypes == kinds).all()
        assert set(made.ard["stat_name"]) <= set(STAT_LABELS)
        assert made.ard["variable"].notna().all()


def test_every_context_and_statistic_is_documented():
    text = (Path(__file__).parents[1] / "docs" / "contracts.md").read_text(encoding="utf-8")
    about = text[text.index("## The results (ARD)") : text.index("## Formats and look")]
    contexts = [value for name, value in vars(vocabulary).items() if name.isupper() and isinstance(value, str)]
    assert len(contexts) > 10
    assert [name for name in contexts if f"`{name}`" not in about] == []
    assert [name for name in STAT_LABELS if name not in re.split(r"[`, ]+", about)] == []


@pytest.mark.parametrize(
    ("column", "groups"),
    [
        ("Low", ["TRT01A", "Low", "AEBODSYS", "Blood", None, None]),
        ("Total", ["AEBODSYS", "Blood", None, None, None, None]),  # `ard_hierarchical()` without `by`
    ],
)
def test_groups_are_the_treatment_and_the_outer_parts_of_the_row(column, groups):
    ard = output("T14.3.1.2.1").ard
    own = ard[(ard["variable_level"] == "Anaemia") & (ard["column"] == column)]
    names = ["group1", "group1_level", "group2", "group2_level", "group3", "group3_level"]
    assert [None if value != value else value for value in own.iloc[0][names]] == groups
    assert own["variable"].unique().tolist() == ["AEDECOD"]
    assert own["context"].unique().tolist() == ["hierarchical"]
    assert own[["stat_name", "stat_label"]].to_numpy().tolist() == [
        ["n", "n"], ["N", "N"], ["p", "%"], ["n_events", "Number of Events"],
    ]  # fmt: skip


def test_summary_is_about_its_variable_and_has_the_names_of_cards():
    ard = output("T14.1.4.1").ard
    own = ard[(ard["variable"] == "AGE") & (ard["column"] == "Low")].set_index("stat_name")
    assert own["variable_level"].isna().all()
    assert own["context"].unique().tolist() == ["summary"]
    # 40, 50, 61
    assert own.loc[["N", "median", "p25", "p75", "min", "max"], "stat"].tolist() == [3, 50, 40, 61, 40, 61]
    assert own.loc["N", "subjects"] == ["1-01", "1-02", "1-03"]
    assert own.loc[["mean", "sd", "p25"], ["fmt_fun", "stat_fmt"]].to_numpy().tolist() == [
        ["x.x", "50.3"], ["x.xx", "10.50"], ["x.x", "40.0"],
    ]  # fmt: skip
    sex = ard[(ard["variable"] == "SEX") & (ard["column"] == "Low") & (ard["stat_name"] == "p")].set_index("variable_level")
    assert sex["stat"].loc[["M", "F"]].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_survival_has_the_names_of_cardx():
    ard = make(find("T14.2.1.2", TRIAL), TRIAL, study(), STAMP).ard
    at_28 = ard[(ard["variable"] == "time") & (ard["variable_level"] == "28") & (ard["column"] == "Medium")]
    fit, apart = (
        at_28[at_28["context"] == name].set_index("stat_name")["stat"] for name in ("survival_survfit", "survival_survfit_diff")
    )
    assert fit["estimate"] == 0.5
    assert fit["n.risk"] == 1
    assert apart["estimate"] == -0.25
    assert {"conf.low", "conf.high", "std.error", "p.value"} <= set(apart.index)
    assert {"survival_survdiff", "regression"} <= set(ard["context"])


def test_proportions_are_from_0_to_1_wherever_a_percentage_is_printed():
    made = [output(number) for number in ("T14.3.1.1.1", "T14.3.1.4.1", "T14.1.4.1")]
    ard = pd.concat([*(one.ard for one in made), make(find("T14.2.1.2", TRIAL), TRIAL, study(), STAMP).ard])
    percent = ard[ard["fmt_fun"].str.endswith("%", na=False)]
    assert {"p", "conf.low", "conf.high", "estimate"} <= set(percent["stat_name"])
    assert percent["stat"].dropna().between(-1, 1).all()


def test_record_is_known_by_its_values():
    records = draw(
        """
    USUBJID | AESEQ   | ADT        | VISITNUM
    A | 3       | 2025-01-02 | 1.5
    B | 1234567 | .          | .
    """.replace("A | 3", "A       | 3").replace("B | 1234567", "B       | 1234567")
    )
    assert record_keys(records, "USUBJID", "AESEQ", "ADT", "VISITNUM") == [
        (("USUBJID", "A"), ("AESEQ", "3"), ("ADT", "2025-01-02"), ("VISITNUM", "1.5")),
        (("USUBJID", "B"), ("AESEQ", "1234567"), ("ADT", None), ("VISITNUM", None)),
    ]


KEY = (("AGE", None),)
COLUMNS = [Column("Low", "Low")]


def test_two_analyses_of_a_row_are_told_apart_by_their_context():
    both = [(SUMMARY, {"N": 3.0, "conf.low": 1.0, "conf.high": 2.0}), ("proportion_ci", {"conf.low": 0.1, "conf.high": 0.2})]
    frame = make_numbers(one for context, stats in both for one in list_statistics(KEY, "Low", context, stats))
    limits = ("conf.low", "conf.high")
    lines = [
        Line(KEY, "mean", numbers(limits, 0)),
        Line(KEY, "share", numbers(limits, 0, percent=True), statistic="share", context="proportion_ci"),
    ]
    rows, ard = tabulate("T1", frame, lines, COLUMNS)
    assert [row.cells["Low"] for row in rows] == ["1, 2", "10, 20"]
    assert ard["row"].tolist() == [write_key(KEY)] * 3 + [write_key((*KEY, ("statistic", "share")))] * 2


@pytest.mark.parametrize(
    ("lines", "stats", "told"),
    [
        ([Line(KEY, "a"), Line(KEY, "b")], {}, "two lines have the key"),
        ([Line(KEY, "a", count, context="regression")], {"n": 1.0}, "has no numbers of regression"),
    ],
)
def test_layout_that_does_not_fit_its_numbers_is_refused(lines, stats, told):
    with pytest.raises(ValueError, match=told):
        tabulate("T1", make_numbers(list_statistics(KEY, "Low", TABULATE, stats)), lines, COLUMNS)


def test_statistic_that_stands_twice_is_refused():
    twice = make_numbers(2 * list_statistics(KEY, "Low", TABULATE, {"n": 1.0}))
    with pytest.raises(ValueError, match=r'n of \[\["AGE",null\]\] in column .Low. stands twice'):
        tabulate("T1", twice, [Line(KEY, "a", count)], COLUMNS)


def test_number_and_its_text_are_one_level():
    records = pd.DataFrame({"USUBJID": ["a", "b"], "COLUMN": "Low", "GRADE": pd.Series([1, "1"], dtype=object)})
    counted = analyse_counts(records, ["GRADE"], ["Low"], {"Low": 2})
    assert counted.set_index("stat_name").loc["n", "stat"] == 2
