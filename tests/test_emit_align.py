"""Numbers of a column line up, measured with the font itself."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.assets import asset
from cgbm1_report.emit.align import align_decimals, text_width

WIDE = 100.0


@lru_cache
def _font():
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(asset("templates", "fonts", "LiberationSans-Regular.ttf")))
    font.set_size(2048, 72)
    return font


def measured(text: str) -> float:
    """Width in em by the font file, which our own table of widths does not see."""
    from matplotlib.ft2font import LoadFlags

    assert all(ord(char) in _font().get_charmap() for char in text), f"a glyph of {text!r} is missing"
    return sum(_font().load_char(ord(char), flags=LoadFlags.NO_SCALE).horiAdvance for char in text) / 2048


def test_spaces_used_for_padding_are_in_the_fonts():
    from matplotlib.ft2font import FT2Font

    for name in ("LiberationSans-Regular", "LiberationSans-Bold"):
        charmap = FT2Font(str(asset("templates", "fonts", f"{name}.ttf"))).get_charmap()
        assert all(ord(char) in charmap for char in "\u2006\u2007\u2008\u200a")


@pytest.mark.parametrize("text", ["Mean (SD)", "12 (40.0)", "<0.0001", "±≥≤−–×", "WWWiii"])
def test_text_width_is_the_fonts_own(text):
    assert text_width(text) == pytest.approx(measured(text), abs=0.001)


# Each column as it stands in a table, and how many characters lie left of the point lined up.
COLUMNS = {
    "counts and percentages": (("12 (40.0)", 2), ("5 (3.3)", 1), ("0", 1), ("100 (100.0)", 3), ("-", 1)),
    "statistics of one visit": (("30", 2), ("249.6 (56.22)", 3), ("-51.4", 3), ("1,204.5, 9.1", 5), ("NE", 2)),
    "p-values": (("<0.0001", 2), ("0.0312", 1), (">0.9999", 2)),
    "rates with intervals": (("0/3 [0.0, 70.8]", 1), ("12/13 [64.0, 99.8]", 2), ("-", 1)),
    "intervals": (("(0.41, 0.95)", 2), ("(12.40, 15.00)", 3)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_units_digits_stand_under_each_other(name):
    texts = [text for text, _ in COLUMNS[name]]
    padded = align_decimals(texts, "center", WIDE)
    ends = []
    for (text, left), made in zip(COLUMNS[name], padded, strict=True):
        assert made.strip() == text
        before = made[: made.index(text)] + text[:left]
        ends.append(measured(before))
    assert max(ends) - min(ends) < 0.05, "lines up to a twentieth of an em"
    widths = [measured(made) for made in padded]
    assert max(widths) - min(widths) < 0.1, "equally wide, so that centring keeps the line"


def test_right_aligned_numbers_are_padded_on_the_right_only():
    padded = align_decimals(["35", "<5.5", "120.25"], "right", WIDE)
    assert [made.lstrip() for made in padded] == padded
    assert [measured(made[len(text) :]) for made, text in zip(padded, ["35", "<5.5", "120.25"], strict=True)] == pytest.approx(
        [measured(".25"), measured("5"), 0.0], abs=0.04
    )


def test_words_and_left_aligned_columns_stay_as_they_are():
    words = ["Not done", "2 tablets daily", "", "Mild", "12 h\nlater", "12 (40.0)"]
    assert align_decimals(words, "left", WIDE) == words
    assert align_decimals(words, "center", WIDE)[:5] == words[:5]


def test_a_column_too_narrow_for_padding_is_left_ragged():
    texts = ["249.6 (56.22)", "-1204", "0.62 (0.41, 0.95)"]
    assert align_decimals(texts, "center", 8.0) == texts


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(st.text(max_size=30), st.from_regex(r"-?\d{1,4}(\.\d{1,3})?( \(\d{1,3}\.\d\))?", fullmatch=True)), max_size=8
    )
)
def test_padding_never_changes_the_text(texts):
    for align in ("left", "center", "right"):
        for text, made in zip(texts, align_decimals(texts, align, WIDE), strict=True):
            assert text in made
            assert not made.replace(text, "", 1).strip("\u2006\u2007\u2008\u200a") or made == text
