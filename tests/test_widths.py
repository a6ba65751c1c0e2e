"""Columns are widened where a word or a number does not fit, at the cost of those that have room."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report import emit
from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.layout import make_grid
from cgbm1_report.emit.widths import BROKEN, FIGURES, JOINTS, WORDS, check_widths, fit_widths, label_widths, part_words
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import summary_table

# In Liberation Sans an x is 0.5 em wide, a digit 0.556, a blank, a comma and a slash 0.278, a hyphen or a parenthesis 0.333.


def fit(
    widths: tuple[float, ...], *columns: tuple[str, ...], heads: tuple[str, ...] = (), numbers: bool = True, stub: int | None = None
) -> tuple[float, ...]:
    return fit_widths(widths, heads or ("",) * len(widths), columns, [numbers] * len(widths), stub)[0]


def test_widths_stay_as_declared_where_all_fits():
    widths = (5.0, 20.0, 4.0)
    assert fit(widths, ("xxxx xxxx xxxx",), ("words " * 40,), ("12",)) == widths


def test_a_word_that_does_not_fit_gets_its_width_from_who_has_room():
    # 20 x are 10 em; the second column's longest word 2 em, the third's 3.9 of its 4.
    made = fit((5.0, 20.0, 4.0), ("x" * 20,), ("xxxx xxxx",), ("xxxxxxx",))
    assert made[0] == pytest.approx(10.15)
    assert sum(made) == pytest.approx(29.0)
    assert made[1] > 14
    assert made[2] >= 3.65


def test_a_number_and_its_percent_stay_on_one_line():
    # "24 (77.4)" is 5 digits, a blank, two parentheses and a full stop: 4.0 em.
    made = fit((20.0, 3.8, 3.8), ("a label of some words",), ("24 (77.4)",), ("0",))
    assert made[1] >= text_width("24 (77.4)")


def test_a_day_may_stand_under_its_date():
    assert fit((20.0, 6.0), ("xx",), ("2026-03-16 (-9)",), numbers=False) == (20.0, 6.0)
    assert fit((20.0, 6.0), ("xx",), ("2026-03-16 (-9)",))[1] > 6.8


def test_a_value_on_one_line_stays_there_where_heads_break_at_their_joints():
    # The first needs 10.15 em; the head's halves 3.5 of its 6, "xx xxxxxxx" 4.78; the last 3.15 of 5.5: whole heads do not fit.
    made = fit((8.0, 5.0, 5.5), ("x" * 20,), ("xx xxxxxxx",), ("x" * 6,), heads=("", "xxxx/xxxxxx", ""))
    assert made[0] >= 10.0
    assert made[1] >= text_width("xx xxxxxxx")


def test_what_was_on_one_line_stays_there_where_others_have_room():
    # The word lacks 5.15 em; "2026-03-16 (-9)" is 8 + 2 digits, 3 hyphens, 2 parentheses and a blank: 6.9 em of its 8, and keeps
    # them; the words beside it stood on more lines than one, and give what there is.
    columns = ("x" * 20,), ("2026-03-16 (-9)",), ("xxxx " * 40,)
    made = fit((5.0, 8.0, 20.0), *columns, numbers=False)
    assert made[1] >= text_width("2026-03-16 (-9)")
    assert sum(made) == pytest.approx(33.0)
    # Where they have none, the day stands under its date, as it would have: its widest word is 5.1 em.
    made = fit((5.0, 8.0, 5.0), *columns, numbers=False)
    assert 5.1 < made[1] < 6.8


def test_words_are_not_broken_for_a_number_s_sake():
    # The label's word is 10 em: the number gets none of it, and is broken at its blank.
    made = fit((10.2, 3.0), ("x" * 20,), ("24 (77.4)",))
    assert made == (10.2, 3.0)


def fit_labels(widths: tuple[float, ...], labels: tuple[str, ...], *columns: tuple[str, ...]) -> tuple[float, ...]:
    needed = label_widths(labels, [0] * len(labels), [False] * len(labels))
    return fit_widths(widths, ("",) * len(widths), (labels, *columns), [False, *[True] * len(columns)], 0, needed).widths


# "xxxx xxxx xxxx" is 12 x of 0.5 em and two blanks: 6.556 em, and 0.15 for what programs round.
def test_a_label_is_on_one_line_where_the_others_have_room():
    # The others may give 30 of a hundred, 6 and 1.2 em, and give in proportion what is lacking: 1.706 em of 7.2.
    assert fit_labels((5.0, 20.0, 4.0), ("xxxx xxxx xxxx",), ("12",), ("12",)) == pytest.approx((6.706, 18.578, 3.716), abs=0.001)


def test_a_label_takes_nothing_of_what_stands_on_one_line_or_is_lined_up():
    # "24 (77.4)" is 4.0 em; "1" and "1.25" lined up are a digit, a full stop and two digits, as "1.25" is: 1.946 em, but "-10"
    # (1.445 em) beside "1.25" (1.39 right of its units) needs 2.835.
    made = fit_labels((5.0, 5.0, 3.0), ("xxxx xxxx xxxx",), ("24 (77.4)",), ("-10", "1.25"))
    assert made == (5.0, 5.0, 3.0), "1.706 em are lacking, and there is less than 1.1"
    made = fit_labels((5.0, 9.0, 3.0), ("xxxx xxxx xxxx",), ("24 (77.4)",), ("-10", "1.25"))
    assert made[0] == pytest.approx(6.706, abs=0.001)
    assert made[2] >= 2.835


def test_the_longest_label_that_there_is_room_for_is_on_one_line():
    # The second column may give 3 of its 10 em: 8 hold the label of 6.706 em, and no line holds that of 40 words.
    assert fit_labels((5.0, 10.0), ("xxxx " * 40, "xxxx xxxx xxxx", "xx"), ("12",))[0] == pytest.approx(6.706, abs=0.001)


def test_labels_stand_as_deep_as_they_do_and_are_bold_where_they_head():
    assert label_widths(["xxxx", "xxxx\nxxxxxx"], [0, 2], [True, False]) == pytest.approx([2.15 * 1.1, 3.15 + 2])


def test_a_word_of_two_is_broken_at_its_joint_where_it_cannot_be_whole():
    # 10 + 0.278 + 10 em do not fit into 16; 10 do.
    made = fit((6.0, 10.0), (f"{'x' * 20}/{'x' * 20}",), ("xx xx",))
    assert made[0] >= 10.15
    assert made[0] < 16


def test_a_unit_is_not_broken_at_its_slash():
    # "(beats/min)" is 5.06 em, in bold 5.7; the words beside it give what it lacks.
    made = fit((4.0, 12.0), ("80",), ("xx xx",), heads=("Pulse\n(beats/min)", ""))
    assert made[0] >= 1.1 * text_width("(beats/min)")
    assert check_widths((4.0,), ("(beats/min)",), (("80",),), (True,), None).whole < JOINTS


def test_a_date_is_broken_last():
    # "2026-03-16" is 5.1 em; the word of 30 em is broken in any case.
    made = fit((4.0, 6.0), ("2026-03-16",), ("x" * 60,))
    assert made[0] >= text_width("2026-03-16")
    assert sum(made) == pytest.approx(10.0)


# 20 x are 10 em, a date 5.116, a slash 0.278; a program may round by 0.15.
@pytest.mark.parametrize(
    ("width", "text", "whole", "numbers"),
    [
        (10.2, "x" * 20, WORDS, True),
        (10.5, f"{'x' * 20}/{'x' * 20}", JOINTS, True),
        (9.9, "x" * 20, FIGURES, True),
        (5.3, f"2026-03-16 {'x' * 20}", FIGURES, True),
        (5.2, "2026-03-16", BROKEN, False),
        (3.8, "24 (77.4)", WORDS, False),  # 4 em: on two lines, each part whole
    ],
)
def test_what_is_whole_in_a_column_is_told(width, text, whole, numbers):
    told = check_widths((width,), ("",), ((text,),), (True,), None)
    assert (told.whole, told.numbers) == (whole, numbers)


# 20 x are 10 em, a slash 0.278.
@pytest.mark.parametrize(
    ("text", "width", "printed"),
    [
        (f"a {'x' * 20}/{'x' * 20}", 10.5, f"a {'x' * 20}/\n{'x' * 20}"),
        (f"{'x' * 8}/{'x' * 8}/{'x' * 8}", 9.0, f"{'x' * 8}/{'x' * 8}/\n{'x' * 8}"),
        (f"{'x' * 20}/{'x' * 20}", 20.3, f"{'x' * 20}/{'x' * 20}"),
        ("2026/03/16", 3.0, "2026/03/16"),  # a figure begins no line
    ],
)
def test_a_word_too_wide_for_its_column_is_broken_at_a_joint(text, width, printed):
    assert part_words(text, width) == printed


def test_heads_are_bold_and_labels_indented():
    assert fit((4.0, 9.0), ("x",), ("x",), heads=("x" * 8, ""))[0] == pytest.approx((4.0 + 0.15) * 1.1), "a head of 4 em"
    assert fit((6.0, 9.0), ("x" * 8,), ("x",), stub=2)[0] == pytest.approx(4.15 + 2 + 1.5), "a label of 4 em at the second level"


def test_chinese_is_broken_between_any_two_characters():
    assert fit((5.0, 9.0), ("人血白蛋白注射液",), ("xx",)) == (5.0, 9.0)


@given(
    st.lists(st.tuples(st.floats(2, 30), st.lists(st.text("ab-12 /血", max_size=40), max_size=4)), min_size=1, max_size=8),
    st.booleans(),
)
def test_the_sum_of_widths_is_the_page_s(columns, stub):
    widths = tuple(width for width, _ in columns)
    made = fit_widths(widths, ["head"] * len(widths), [texts for _, texts in columns], [True] * len(widths), 1 if stub else None)[0]
    assert sum(made) == pytest.approx(sum(widths))
    assert min(made) > 0


def test_shares_of_a_table_add_up_to_the_page_whatever_its_words():
    columns = (Column("A", "A", None, 0.5, "left"), Column("B", "B", None, 3.0, "left"))
    rows = (Row((("row", "a"),), "", 0, {"A": "Pneumonoultramicroscopic", "B": "x"}),)
    grid = make_grid(summary_table(columns=columns, rows=rows, kind="listing", stub_label=None, blocks=()))
    assert sum(grid.shares) == pytest.approx(1.0)
    assert grid.width_em[0] >= text_width("Pneumonoultramicroscopic")


def test_typst_breaks_a_short_word_in_a_column_that_is_narrower():
    # INTRAVENOUS has eleven letters and is 7.8 em wide; sixteen columns leave 4.9 em each, and dates need theirs.
    names = [f"C{at}" for at in range(16)]
    columns = tuple(Column(name, name, None, 1.0, "left") for name in names)
    cells = {name: "2026-03-16" if at else "INTRAVENOUS" for at, name in enumerate(names)}
    table = summary_table(columns=columns, rows=(Row((("row", "a"),), "", 0, cells),), kind="listing", stub_label=None, blocks=())
    assert re.search("I\u200bN\u200bT", emit.emit_typst(table)), "a word that does not fit was printed over its neighbour"


def test_a_narrow_column_does_not_break_the_heads_of_wide_ones():
    columns = (Column("A", "Dose group", None, 4.0, "left"), Column("B", "TE", None, 0.4))
    made = emit.emit_typst(summary_table(columns=columns, rows=(), kind="listing", stub_label=None, blocks=()))
    assert '"Dose group"' in made


@pytest.mark.parametrize(
    ("columns", "paper", "size"),
    [
        # "100 (100.0)" is 5.6 em, 50 points at 9 pt; a label takes 60. A sheet of A4 has 728 points for text, Letter 678.
        (6, "letter", 9.0),
        (12, "a4", 9.0),
        (12, "letter", 8.0),  # whole numbers rather than large ones
        (30, "a4", 9.0),  # no size would keep them whole
    ],
)
def test_numbers_stay_whole_where_a_smaller_size_keeps_them_so(columns, paper, size):
    table = summary_table()
    keys = [f"C{at}" for at in range(columns)]
    rows = tuple(Row((("AEDECOD", label),), label, 0, dict.fromkeys(keys, "100 (100.0)")) for label in ("Nausea", "Vomiting"))
    wide = tuple(Column(key, key, None, 1.0) for key in keys)
    grid = make_grid(replace(table, columns=wide, rows=rows, blocks=(), stub_width=1.2, stub_label="Term", stamp=replace(table.stamp, paper=paper)))  # fmt: skip
    assert grid.size == size
    whole = all(width >= text_width("100 (100.0)") for width in grid.width_em[1:])
    assert whole == (columns < 30)
