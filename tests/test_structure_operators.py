"""What is asked of every page before a pattern looks at each of its places: no answer hides what the pattern would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report.readback.structure import document, seen
from cgbm1_report.readback.structure.opened import Drawing

_OPERATORS = ("scn", "sc", "g", "rg", "G", "RG", "k", "K", "Tr", "Tf", "f", "f*", "W", "B*", "b", "sh", "EI", "BI", "F", "cs", "CS")
_OPERANDS = (
    "1",
    "0",
    "0.9",
    ".85",
    "1.000",
    "0.5",
    "3",
    "2.5",
    "8.5",
    "-2",
    "12",
    "7",
    "1" * 40,
    "/f0",
    "/P1",
    "(a)",
    "/DeviceRGB",
)
_MARKS = ("[", "]", "<", ">", "{", "%", '"', "x1", "1f", "Tj")
_BLANKS = ("", " ", "\n", "  ", "\t", "\r\n", " " * 30, "\0")


@given(st.lists(st.tuples(st.sampled_from(_OPERATORS + _OPERANDS + _MARKS), st.sampled_from(_BLANKS)), max_size=8))
def test_no_page_is_passed_over_that_a_pattern_would_stop(words):
    content = "".join(word + blank for word, blank in words).encode()
    drawing = Drawing((1, 0), "page 1", None, {}, content, True)
    drawn = drawing.operators
    asked = [
        (seen._MODE.search(drawn), seen._ends(drawing, (b"Tr",), seen._A_MODE)),
        (seen._SIZE.search(drawn), seen._ends(drawing, (b"Tf",), seen._A_SIZE)),
        (seen._PALE.search(drawn), seen._ends(drawing, seen._INKS, seen._A_PALE)),
        (seen._PATTERN.search(drawn), seen._ends(drawing, seen._INKS, seen._A_PALE)),
        (seen._COVERS.search(drawn), not drawing.words.isdisjoint(seen._COVERING)),
        (document._DEVICE.search(drawn), document.may_name_devices(drawing)),
    ]
    assert not [at for at, (found, suspected) in enumerate(asked) if found and not suspected]
