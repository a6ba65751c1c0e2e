"""What values stand for: nothing is invented for a key without an entry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.distinct import find_places, map_numbers, map_text, unite_spellings


def test_each_key_has_its_text_and_a_key_without_one_has_none() -> None:
    keys = pd.Series(["M", "F", None, "U", "M"], index=[7, 3, 3, 1, 0], dtype="str", name="SEX")
    found = map_text(keys, {"M": "Male", "F": "Female"})
    pd.testing.assert_series_equal(
        found, pd.Series(["Male", "Female", None, None, "Male"], index=[7, 3, 3, 1, 0], dtype="str", name="SEX")
    )


def test_each_key_has_its_number_and_a_key_without_one_has_none() -> None:
    keys = pd.Series(["A", None, "B", "A"], dtype="str")
    found = map_numbers(keys, {"A": 1, "C": 3.5})
    pd.testing.assert_series_equal(found, pd.Series([1.0, np.nan, np.nan, 1.0]))


def test_numbers_are_keys_too_and_a_missing_number_stands_for_nothing() -> None:
    found = map_text(pd.Series([0.0, np.nan, 4.0, 9.0]), {0.0: "0", 4.0: "4"})
    assert found.isna().tolist() == [False, True, False, True]
    assert found.dropna().tolist() == ["0", "4"]


def test_no_keys_give_no_values_of_the_right_kind() -> None:
    none = pd.Series(dtype="str")
    assert map_text(none, {"A": "a"}).dtype == "str"
    assert map_numbers(none, {"A": 1.0}).dtype == "float64"
    assert map_text(pd.Series([None, None], dtype="str"), {}).isna().all()


def test_spellings_of_one_term_are_the_most_frequent_one() -> None:
    # Letter case, doubled and outer blanks, a full-width letter; the British and the American word are two terms.
    terms = ["Hypokalaemia", "Hypokalaemia", "HYPOKALAEMIA", " Hypokalaemia", "Ｈypokalaemia", "Hypokalemia", None]
    assert unite_spellings(pd.Series(terms, dtype="str")) == dict.fromkeys(
        ("HYPOKALAEMIA", " Hypokalaemia", "Ｈypokalaemia"), "Hypokalaemia"
    )


def test_of_equally_frequent_spellings_a_clean_one_stands_then_the_first() -> None:
    assert unite_spellings(pd.Series([" Rash", "Rash", "RASH"])) == {" Rash": "RASH", "Rash": "RASH"}
    assert unite_spellings(pd.Series(["Rash ", "Rash", "Itch"])) == {"Rash ": "Rash"}
    assert unite_spellings(pd.Series(["Rash", "Itch", None], dtype="str")) == {}


def test_each_text_has_its_place_among_the_known_and_any_other_none() -> None:
    texts = pd.Series(["b", "a", None, "x", "b"], dtype="str", index=[5, 3, 3, 1, 0])
    assert find_places(texts, ["a", "b"]).tolist() == [1, 0, -1, -1, 1]
    assert find_places(texts, pd.Series(["x", None], dtype="str")).tolist() == [-1, -1, -1, 0, -1], "nothing has no place"
    assert find_places(texts.iloc[:0], ["a"]).tolist() == []
    assert find_places(pd.Series([np.nan, 1.0]), ["1.0"]).tolist() == [-1, -1], "a number is no text"
    assert find_places(pd.Series([3, 1]), pd.Series([1, 2, 3])).tolist() == [2, 0], "but among numbers it is one"
    assert find_places(texts, pd.Series([1, 2])).tolist() == [-1] * 5, "no text is among numbers"
    assert find_places(texts, pd.Series([], dtype="float64")).tolist() == [-1] * 5


def test_a_known_text_that_stands_twice_has_no_one_place() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        find_places(pd.Series(["a"], dtype="str"), ["a", "b", "a"])
