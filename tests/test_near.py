"""What is named where something is misspelt: that which one slip of the hand makes of it."""

from __future__ import annotations

import pytest

from cgbm1_report.errors import find_near, suggest

#: What is written, what there is, and what was meant. difflib alone finds ADIE as like ADEA as ADAE is.
MEANT = {
    "two letters exchanged": ("adea", ["ADIE", "ADSL", "ADAE"], "ADAE"),
    "a letter left out": ("livr", ["live events", "liver"], "liver"),
    "a letter too many": ("AGEE", ["AGEU", "AGE"], "AGE"),
    "another letter": ("Pyraxia", ["Apraxia", "Pyrexia"], "Pyrexia"),
    "its own letter case": ("nn", ["N", "n"], "n"),
    "an option without its dashes": ("form", ["--from-file", "--format"], "--format"),
}


@pytest.mark.parametrize("case", MEANT)
def test_what_fewest_slips_make_of_it_is_named_first(case: str) -> None:
    given, known, meant = MEANT[case]
    assert find_near(given, known, 3)[0] == meant
    assert suggest(given, known).startswith(f"did you mean {meant}?")


def test_what_is_like_nothing_has_nothing_near() -> None:
    assert find_near("qqq", ["ADSL", "ADAE"], 3) == []
    assert find_near("adsl", [], 3) == []
    assert suggest("qqq", ["ADSL", "ADAE"]) == "it is one of ADSL, ADAE"
