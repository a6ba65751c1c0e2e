"""Values by visit: statistics as columns, treatments as rows; results keep the treatment as their column."""

from __future__ import annotations

import json

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.layout import make_grid
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.results import check_results
from tests.drawn import draw, our_trial, stamp_of
from tests.test_outputs import adam

TRIAL = our_trial()
#: Two subjects of the low group with a change at day 28, one of the medium group with a baseline alone.
ADLB = """
USUBJID | PARAMCD | AVAL | CHG | PCHG  | AVISITN | AVISIT   | ABLFL | ANL01FL | ANL02FL
1-01    | ALT     | 200  | .   | .     | 0       | Baseline | Y     | Y       | .
1-02    | ALT     | 100  | .   | .     | 0       | Baseline | Y     | Y       | .
1-04    | ALT     | 300  | .   | .     | 0       | Baseline | Y     | Y       | .
1-01    | ALT     | 150  | -50 | -25.0 | 28      | Day 28   | .     | Y       | Y
1-02    | ALT     | 101  | 1   | 1.0   | 28      | Day 28   | .     | Y       | Y
1-01    | BILI    | 20.5 | .   | .     | 0       | Baseline | Y     | Y       | .
"""


def made(number, **how):
    scope = "dose group" if how else "phase"
    return make(find(number, TRIAL, scope=scope), TRIAL, adam(ADLB=draw(ADLB)), stamp_of(TRIAL), **how)


def test_a_visit_heads_its_treatments_once_and_a_parameter_its_visits():
    table = made("T14.3.4.1.1")
    assert [(row.indent, row.label) for row in table.rows[:11]] == [
        (0, "ALT (U/L)"), (1, "ALT, Baseline"), (2, "Low (N=3)"), (2, "Medium (N=1)"), (2, "High (N=0)"), (2, "Total (N=4)"),
        (1, "ALT, Day 28"), (2, "Low (N=3)"), (2, "Medium (N=1)"), (2, "High (N=0)"), (2, "Total (N=4)"),
    ]  # fmt: skip
    assert [(column.spanner, column.label) for column in table.columns] == [
        (head, name) for head in ("Value", "Change from baseline") for name in ("n", "Mean (SD)", "Median", "Q1, Q3", "Min, Max")
    ]
    assert "Dose per infusion: Low 1.0×10⁶ cells/kg; Medium 2.0×10⁶ cells/kg; High 4.0×10⁶ cells/kg." in table.footnotes


@pytest.mark.parametrize(
    ("number", "flags"),
    [
        # Its rows are the visits, of which ANL01FL chooses the baseline too.
        ("T14.3.4.1.1", "ANL01FL = Y"),
        # Its first row is the baseline, which ANL02FL does not choose.
        ("T14.2.10.1", "ANL02FL = Y; baseline ABLFL = Y"),
    ],
)
def test_source_says_by_which_flag_the_baseline_is_read_where_another_chooses_the_visits(number, flags):
    assert made(number).source.endswith(f", {flags}")


def test_source_does_not_name_the_flag_of_a_baseline_that_the_visits_flag_chooses_too():
    data = adam(ADLB=draw(ADLB).assign(ANL02FL="Y"))
    table = make(find("T14.2.10.1", TRIAL), TRIAL, data, stamp_of(TRIAL))
    assert table.source.endswith(", ANL02FL = Y")
    screening = data["ADLB"].replace({"AVISIT": {"Baseline": "Screening"}})
    table = make(find("T14.2.10.1", TRIAL), TRIAL, {**data, "ADLB": screening}, stamp_of(TRIAL))
    assert table.source.endswith(", ANL02FL = Y; baseline ABLFL = Y")


def test_where_nothing_changes_the_change_is_blank_and_where_nobody_is_the_count_is_0():
    baseline, day = made("T14.3.4.1.1").rows[2], made("T14.3.4.1.1").rows[8]
    assert "CHG n" not in baseline.cells
    assert baseline.cells["AVAL Median"] == "150.0"
    assert (day.cells["AVAL n"], day.cells["CHG n"], day.cells["CHG Mean (SD)"]) == ("0", "0", "-")


def test_a_table_of_one_treatment_has_a_row_per_visit():
    table = made("T14.2.10.1", dose_group="P1LOW")
    labels = [(row.indent, row.label) for row in table.rows]
    assert labels[0] == (0, "Baseline")
    assert (0, "Day 28") in labels
    assert (1, "Percent change") in labels
    assert table.stub_label.endswith("Visit, Low (N=3)")
    assert not any("Dose per infusion" in note for note in table.footnotes), "the subtitle says it"


@pytest.mark.parametrize(("number", "how"), [("T14.3.4.1.1", {}), ("T14.2.10.1", {}), ("T14.2.10.1", {"dose_group": "P1LOW"})])
def test_results_keep_their_treatment_and_are_read_back(number, how, tmp_path):
    table = made(number, **how)
    assert set(table.ard["column"]) == ({"Low"} if how else {"Low", "Medium", "High", "Total"})
    assert set(table.ard.loc[table.ard["column"] == "Low", "group1_level"]) == {"Low"}
    (tmp_path / "t.json").write_text(emit.emit_printed(table), encoding="utf-8")
    printed = read_printed(tmp_path / "t.json")
    assert check_results(table.ard, {table.number: printed}) == []
    # A changed cell, also one whose neighbour prints the same result, is seen.
    shown = json.loads(emit.emit_printed(table))
    row = next(row for row in shown["rows"] if row["cells"].get("CHG Mean (SD)", "-") != "-")
    row["cells"]["CHG Mean (SD)"] = "-24.6 (36.06)"
    (tmp_path / "t.json").write_text(json.dumps(shown), encoding="utf-8")
    (finding,) = check_results(table.ard, {table.number: read_printed(tmp_path / "t.json")})
    assert "prints '-24.6 (36.06)', the results say" in finding.message
    assert "Mean (SD), column Low" in finding.place or "Mean (SD), column" in finding.place


def test_every_format_shows_both_heads_over_their_columns():
    table = made("T14.2.10.1")
    grid = make_grid(table)
    assert grid.spanners == (("", 1), ("Value", 5), ("Change from baseline", 6))
    assert emit.emit_html(table).count("Change from baseline</span>") == 1
    assert emit.emit_openxml(table).count(">Change from baseline<") == 1
    assert "Change from baseline" in emit.emit_rtf(table).decode("ascii")
    assert '(6, "Change from baseline")' in emit.emit_typst(table)
    assert "Change from baseline" in emit.emit_text(table)
    assert "Change from baseline: Mean (SD)" in emit.emit_csv(table).splitlines()[0]
