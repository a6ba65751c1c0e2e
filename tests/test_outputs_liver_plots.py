"""Figures of liver tests, drawn by hand: what stands where, what is counted, what a second count and the reviewer see."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pandas as pd

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.recount import recount
from cgbm1_report.recount.reviewer import review
from cgbm1_report.tabulate.quadrants import Panel, Points, draw_quadrants
from cgbm1_report.tabulate.table import Figure
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()

ADSL = """
USUBJID | PHASE | SAFFL | TRT01P$ | TRT01A$
1-P1    | 2     | Y     | Placebo | Placebo
1-P2    | 2     | Y     | Placebo | Placebo
1-P3    | 2     | Y     | Placebo | Placebo
1-L1    | 2     | Y     | Low     | Low
1-L2    | 2     | Y     | Low     | Low
1-N1    | 2     | N     | Low     | .
1-O1    | 1     | Y     | Low     | Low
"""
#: Peaks and where they put the subject; P2's AST is the higher, P3 has no bilirubin, L2's bilirubin peaks too early.
ADLBHY = """
USUBJID | PARAMCD  | AVAL | AVALC                | CRIT1FL
1-P1    | MALTULN  | 4    | .                    | .
1-P1    | MASTULN  | 2    | .                    | .
1-P1    | MBILULN  | 6    | .                    | .
1-P1    | EDISHULN | .    | ENZYME AND BILIRUBIN | Y
1-P2    | MALTULN  | 1    | .                    | .
1-P2    | MASTULN  | 3.5  | .                    | .
1-P2    | MBILULN  | 1    | .                    | .
1-P2    | MALPULN  | 2.5  | .                    | .
1-P2    | EDISHULN | .    | ENZYME ONLY          | Y      # in time, but bilirubin did not rise: no ring
1-P2    | CHOLULN  | .    | ENZYME ONLY          | Y
1-P3    | MALTULN  | 9    | .                    | .
1-L1    | MALTULN  | 1.5  | .                    | .
1-L1    | MBILULN  | 3    | .                    | .
1-L1    | EDISHULN | .    | BILIRUBIN ONLY       | N
1-L2    | MALTULN  | 8    | .                    | .
1-L2    | MBILULN  | 5    | .                    | .
1-L2    | EDISHULN | .    | ENZYME AND BILIRUBIN | N
1-O1    | MALTULN  | 8    | .                    | .
1-O1    | MBILULN  | 5    | .                    | .
1-O1    | EDISHULN | .    | ENZYME AND BILIRUBIN | Y
"""
ADAM = {"ADSL": draw(ADSL), "ADLBHY": draw(ADLBHY)}
EDISH, TABLE = "F14.3.4.1.2", "T14.3.4.4.2"


def panels(svg: str) -> list[tuple[float, float]]:
    """Width and height of each panel in points, by the white ground that it is drawn on."""
    grounds = re.findall(r'<g id="patch_\d+">\s*<path d="M ([\d.]+) ([\d.]+) \s*L ([\d.]+) [\d.]+ \s*L [\d.]+ ([\d.]+)', svg)
    return [(abs(float(right) - float(left)), abs(float(low) - float(high))) for left, low, right, high in grounds]


def edish(number: str = EDISH, *, pooled: bool = False, adam: dict[str, pd.DataFrame] | None = None) -> Figure:
    made = make(find(number, TRIAL), TRIAL, adam or ADAM, stamp_of(TRIAL), pooled=pooled)
    assert isinstance(made, Figure)
    return made


def counts(ard: pd.DataFrame, column: str) -> dict[str, tuple[float, float]]:
    """n and N of every counted row of a column."""
    wide = ard[ard["column"].eq(column) & ard["stat_name"].isin(["n", "N"])].pivot(index="row", columns="stat_name", values="stat")
    return {str(row): (n, total) for row, n, total in zip(wide.index, wide["n"], wide["N"], strict=True)}


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_subjects_with_both_values_are_counted_by_hand_in_the_quadrants_and_in_the_corners():
    made = edish()
    placebo, low = counts(made.ard, "Placebo"), counts(made.ard, "Low")
    both, key = '["AVALC","ENZYME AND BILIRUBIN"]', '[["PARAMCD","EDISHULN"],'
    assert (placebo[f"{key}{both}]"], low[f"{key}{both}]"]) == ((1, 2), (1, 2))  # P3 has no bilirubin and is in no N
    assert (placebo[f'{key}{both},["CRIT1FL","Y"]]'], low[f'{key}{both},["CRIT1FL","Y"]]']) == ((1, 1), (0, 1))
    assert placebo[f'{key}["AVALC","ENZYME ONLY"]]'] == (1, 2)
    assert low[f'{key}["AVALC","BILIRUBIN ONLY"]]'] == (1, 2)
    said = words(made.svg)
    assert {"Hy's law range", "Temple's corollary range", "Hyperbilirubinaemia", "Cholestatic range", "Neither"} <= set(said)
    corners = [" ".join(text.split()) for text in said]
    assert "○ 1/2 ■ 1/2 ▲ -" in corners  # nobody on the medium dose
    assert "within 30 days: ○ 1/1 ■ 0/1 ▲ -" in corners
    assert "Placebo, of 2 with values: Hy's law range 1 (1 within 30 days), Temple's corollary range 1" in made.alt
    assert "Low, of 2 with values: Hy's law range 1 (0 within 30 days)" in made.alt


def test_each_point_is_the_higher_transaminase_and_the_bilirubin_of_its_subject():
    shown = edish().ard.query("stat_name == 'value'")
    of_p2 = shown[shown["row"].str.contains("1-P2")]
    assert dict(zip(of_p2["row"].str.extract(r'"PARAMCD","(\w+)"')[0], of_p2["stat"], strict=True)) == {
        "MASTULN": 3.5, "MBILULN": 1.0, "MALPULN": 2.5,
    }  # fmt: skip
    assert not shown["row"].str.contains("1-P3|1-N1|1-O1").any()
    assert not shown.duplicated(["row", "column"]).any()


def test_while_a_phase_is_blind_there_is_one_mark_and_one_count():
    made = edish(pooled=True)
    assert set(made.ard["column"]) == {"All subjects"}
    assert "2/4" in words(made.svg)
    assert not any(sign in text for text in words(made.svg) for sign in "○■▲")
    assert "Placebo" not in made.svg + made.alt


def test_of_nobody_a_figure_is_drawn_and_says_so():
    made = edish(adam={"ADSL": ADAM["ADSL"], "ADLBHY": ADAM["ADLBHY"].iloc[:0]})
    assert "Placebo, of 0 with values" in made.alt
    assert not (made.ard["stat_name"] == "value").any()


def test_second_count_asks_every_number_of_the_figure_and_every_value_drawn(tmp_path: Path):
    for name, frame in ADAM.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    facts, ard = [tell_facts(EDISH, find(EDISH, TRIAL), TRIAL)], edish().ard
    counted = recount(tmp_path, ard, facts)
    assert ([str(one) for one in counted.differences], counted.unasked) == ([], {EDISH: {}})
    moved = ard.assign(stat=ard["stat"].mask(ard["stat_name"].eq("value") & ard["stat"].eq(3.5), 3.0))
    (found,) = recount(tmp_path, moved, facts).differences
    assert "MASTULN, USUBJID 1-P2, AVAL, column Placebo, value value: F14.3.4.1.2: first computed as 3, then as 3.5" in str(found)


def test_reviewer_holds_the_counts_of_the_figure_against_those_of_the_table():
    table = make(find(TABLE, TRIAL), TRIAL, ADAM, stamp_of(TRIAL)).ard
    facts = [tell_facts(number, find(number, TRIAL), TRIAL) for number in (TABLE, EDISH)]
    figure = edish().ard
    assert review(pd.concat([table, figure], ignore_index=True), facts) == []
    hit = figure["row"].eq('[["PARAMCD","EDISHULN"],["AVALC","NEITHER"]]') & figure["column"].eq("Low")
    one_more = hit & figure["stat_name"].eq("n"), hit & figure["stat_name"].eq("p")
    wrong = figure.assign(stat=figure["stat"].mask(one_more[0], 1.0).mask(one_more[1], 0.5))
    (found,) = review(pd.concat([table, wrong], ignore_index=True), facts)
    assert "T14.3.4.4.2: n 0, and 1 in F14.3.4.1.2 [rule: one question has one answer]" in str(found)


def panel(count: int) -> Panel:
    """Points right and left of the limits 3 and 2, the names by their number."""
    x = [4.0 * (1 + at % 2) for at in range(count)]
    y = [2.0**at for at in range(count)]
    return Panel(
        "P", "X", "Y", (3, 2), {"A": Points(x, y, [True] * count, [f"n{at}" for at in range(count)])}, {"upper right": ["U"]}
    )


def test_points_are_named_where_few_and_apart_and_nowhere_where_many():
    few, many = (draw_quadrants([panel(count)], {"A": "A (N=1)"}, "ring", named=True) for count in (3, 21))
    assert {"n0", "n1", "n2"} <= set(words(few))
    assert not any(re.fullmatch(r"n\d+", text) for text in words(many))
    assert not any(re.fullmatch(r"n\d+", text) for text in words(draw_quadrants([panel(3)], {"A": "A"}, "ring")))
    close = Panel("P", "X", "Y", (3, 2), {"A": Points([4, 4.01], [4, 4], [False, False], ["n0", "n1"])})
    assert words(draw_quadrants([close], {"A": "A"}, "ring", named=True)).count("n0") == 0


def test_name_of_a_subject_is_text_and_no_formula():
    hostile = Panel("P", "X", "Y", (3, 2), {"A": Points([4, 9], [4, 30], [False, True], ["$\\frac{$", "<b>$x$"])})
    assert {"$\\frac{$", "&lt;b&gt;$x$"} <= set(words(draw_quadrants([hostile], {"A": "A"}, "ring", named=True)))


def test_limits_have_their_numbers_on_the_axes_and_treatments_their_own_marks():
    svg = draw_quadrants([panel(3)], {"A": "A (N=1)", "B": "B (N=0)"}, "ring")
    assert {"3", "2", "A (N=1)", "B (N=0)", "ring", "U"} <= set(words(svg))


#: Placebo at baseline: n·p = 8/4 is whole, so that quartiles are means of two neighbours: 25, 45, 65 (SAS QNTLDEF 5).
#: The whiskers reach to values from 25 - 60 to 65 + 60: from 10 to 70; 200 lies beyond. On day 28 three of them: 10, 20, 30.
VALUES = {"Baseline": (10, 20, 30, 40, 50, 60, 70, 200), "Day 28": (10, 20, 30)}


def by_visit(**more: object) -> dict[str, pd.DataFrame]:
    """Eight on placebo with their ALT, one on the low dose whose GGT has other limits than another's."""
    subjects = [f"1-P{at}" for at in range(1, 9)] + ["1-L1"]
    arms = ["Placebo"] * 8 + ["Low"]
    adsl = pd.DataFrame({"USUBJID": subjects, "PHASE": 2.0, "SAFFL": "Y", "TRT01P": arms, "TRT01A": arms, "TRTSDT": "2025-01-01"})
    rows = [
        {"USUBJID": who, "PARAMCD": "ALT", "AVISIT": visit, "AVAL": float(value), "ANRHI": 40.0}
        for visit, values in VALUES.items()
        for who, value in zip(subjects, values, strict=False)
    ]
    rows += [
        {"USUBJID": who, "PARAMCD": "GGT", "AVISIT": "Baseline", "AVAL": 9.0, "ANRHI": at}
        for at, who in ((50.0, "1-P1"), (60.0, "1-L1"))
    ]
    adlb = pd.DataFrame(rows).assign(ANRLO=float("nan"), CHG=float("nan"), ANL01FL="Y", **more)
    adlb["AVISITN"] = adlb["AVISIT"].map({"Baseline": 0.0, "Day 28": 28.0})
    return {"ADSL": adsl, "ADLB": adlb}


BOXES = "F14.3.4.2.2"


def test_box_has_the_quartiles_of_sas_and_whiskers_to_the_last_value_within_reach():
    made = edish(BOXES, adam=by_visit())
    of_alt = made.ard[made.ard["row"].str.startswith('[["PARAMCD","ALT"],["AVISIT","Baseline"]') & made.ard["column"].eq("Placebo")]
    stats = of_alt[of_alt["context"] == "summary"].set_index("stat_name")["stat"]
    assert stats[["N", "p25", "median", "p75", "min", "max"]].tolist() == [8, 25, 45, 65, 10, 200]
    # Seen by themselves: the ends of the whiskers and what lies beyond them.
    assert sorted(of_alt.loc[of_alt["context"] == "value", "stat"]) == [10, 70, 200]
    assert (
        "Placebo: Baseline n 8, median 45.0, quartiles 25.0 and 65.0; Day 28 n 3, median 20.0, quartiles 10.0 and 30.0." in made.alt
    )
    assert "Low: no values." in made.alt
    assert {"0", "28", "8", "3", "ALT (U/L)", "GGT (U/L)"} <= set(words(made.svg))


def test_limit_of_normal_is_a_line_where_it_holds_for_all_values():
    # ALT has one upper limit, GGT two; no lower limit is known.
    made = edish(BOXES, adam=by_visit())
    assert words(made.svg).count("ULN") == 1
    assert "LLN" not in words(made.svg)
    assert any("where one holds for all" in note for note in made.footnotes)
    bare = by_visit()
    bare["ADLB"]["ANRHI"] = float("nan")
    assert not any("where one holds for all" in note for note in edish(BOXES, adam=bare).footnotes)


def test_boxes_have_the_numbers_of_the_table_and_every_one_is_asked_again(tmp_path: Path):
    adam = by_visit()
    for name, frame in adam.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    other = "T14.3.4.1.2"
    facts = [tell_facts(number, find(number, TRIAL), TRIAL) for number in (BOXES, other)]
    boxes, table = edish(BOXES, adam=adam).ard, make(find(other, TRIAL), TRIAL, adam, stamp_of(TRIAL)).ard
    counted = recount(tmp_path, pd.concat([boxes, table]), facts)
    assert ([str(one) for one in counted.differences], counted.unasked[BOXES]) == ([], {})
    assert review(pd.concat([boxes, table], ignore_index=True), facts) == []
    hit = boxes["stat_name"].eq("p75") & boxes["stat"].eq(65)
    wrong = review(pd.concat([boxes.assign(stat=boxes["stat"].mask(hit, 66)), table], ignore_index=True), facts)
    assert any("p75 65, and 66 in F14.3.4.2.2 [rule: one question has one answer]" in str(one) for one in wrong)


def test_boxes_of_nobody_and_of_a_blind_phase_are_drawn():
    adam = by_visit()
    nobody = edish(BOXES, adam={**adam, "ADLB": adam["ADLB"].iloc[:0]})
    assert "Placebo: no values. Low: no values." in nobody.alt
    pooled = edish(BOXES, adam=adam, pooled=True)
    assert set(pooled.ard["column"]) == {"All subjects"}
    assert "Placebo" not in pooled.svg + pooled.alt


def test_a_highest_value_of_0_is_drawn_below_all_others_and_a_note_says_so():
    drawn = ADAM["ADLBHY"].copy()
    of_l1 = drawn["USUBJID"].eq("1-L1")
    drawn.loc[of_l1 & drawn["PARAMCD"].eq("MBILULN"), "AVAL"] = 0.0
    drawn.loc[of_l1 & drawn["PARAMCD"].eq("EDISHULN"), "AVALC"] = "NEITHER"
    with warnings.catch_warnings():
        # That the panels have no room is a warning of matplotlib, and their picture is none.
        warnings.simplefilter("error")
        made = edish(adam={**ADAM, "ADLBHY": drawn})
    note = "A highest value of 0 has no logarithm: its point stands left of all others, or below them."
    assert (note in made.footnotes, note in edish().footnotes) == (True, False)
    for svg in (made.svg, edish().svg):
        assert sum(width > 250 and height > 100 for width, height in panels(svg)) == 1 + 4  # the picture and its panels
    shown = made.ard.query("stat_name == 'value' and column == 'Low'")
    assert sorted(shown["stat"]) == [0.0, 1.5, 5.0, 8.0]  # the results say 0, wherever it is drawn
    # Ringed or not, of both axes: no place of a point is NaN, which SVG has no word for but "nan".
    both = Panel("", "", "", (3, 2), {"Low": Points([0.0, 4.0], [0.0, 3.0], [True, False], ["a", "b"])})
    assert "nan" not in draw_quadrants([both] * 4, {"Low": "Low"}, "ring", named=True).lower()
