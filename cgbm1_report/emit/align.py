"""Lines up the numbers of a column: the units digit of every first number under the next.

Tab stops inside table cells behave differently in every program, and not every format has them.
Spaces of a known width do not: U+2007 is as wide as a digit, U+2008 as a full stop, U+2006 half and
U+200A a quarter of a parenthesis, in Liberation Sans and Arial and nearly so elsewhere. So texts are padded on both
sides until all are equally wide, and then centred as plain text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

FIGURE, PUNCTUATION, SIXTH, HAIR = "\u2007", "\u2008", "\u2006", "\u200a"

# Advance widths of Liberation Sans (and of Arial) for U+0020 to U+007E, in 1/2048 em.
_ASCII = (
    569, 569, 727, 1139, 1139, 1821, 1366, 391, 682, 682, 797, 1196, 569, 682, 569, 569, 1139, 1139, 1139, 1139, 1139, 1139,
    1139, 1139, 1139, 1139, 569, 569, 1196, 1196, 1196, 1139, 2079, 1366, 1366, 1479, 1479, 1366, 1251, 1593, 1479, 569, 1024,
    1366, 1139, 1706, 1479, 1593, 1366, 1593, 1479, 1366, 1251, 1479, 1366, 1933, 1366, 1366, 1251, 569, 569, 569, 961, 1139,
    682, 1139, 1139, 1024, 1139, 1139, 569, 1139, 1139, 455, 455, 1024, 455, 1706, 1139, 1139, 1139, 1139, 682, 1024, 569,
    1139, 1024, 1479, 1024, 1024, 1024, 684, 532, 684, 1196,
)  # fmt: skip
_EM = 2048
_WIDTHS = {chr(32 + i): width for i, width in enumerate(_ASCII)} | {
    "±": 1124, "≥": 1124, "≤": 1124, "−": 1196, "–": 1139, "—": 2048, "·": 682, "×": 1196,
    "\u00a0": 569, FIGURE: 1139, PUNCTUATION: 569, SIXTH: 341, HAIR: 171, "\u200b": 0,
}  # fmt: skip

# A number at the front, and behind it only what belongs to numbers: "12 (40.0)", "<0.0001",
# "0.62 (0.41, 0.95)", "3/12", "2026-01-31". Group 1 ends with the units digit of the first number.
_NUMBER = re.compile(r"([<>≤≥=~]*\s?[(\[]?[-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+))((?:[\d\s.,()\[\]%/;:<>=≤≥±+\-−–*†‡]|N[EAC])*)")
_MARK = re.compile(r"[-−–]|N[EACDR]|ND")

# Ways to fill what is left when no more digits fit, by their width.
_REST = sorted(
    (569 * a + 341 * b + 171 * c, PUNCTUATION * a + SIXTH * b + HAIR * c) for a in (0, 1) for b in (0, 1, 2) for c in (0, 1)
)


def text_width(text: str) -> float:
    """Width of a text on one line in em, as Liberation Sans or Arial print it.

    Chinese, Japanese and Korean characters count one em, unknown ones 0.6 em.
    """
    width = 0
    for char in text:
        known = _WIDTHS.get(char)
        width += known if known is not None else (_EM if unicodedata.east_asian_width(char) in "WF" else 1229)
    return width / _EM


@lru_cache(maxsize=4096)
def _padding(width: float) -> str:
    """Spaces as wide as ``width`` em, to a thirtieth of an em."""
    units = max(round(width * _EM), 0)
    digits = units // 1139
    left = units - 1139 * digits
    rest, text = min(_REST, key=lambda choice: (abs(choice[0] - left), choice[0]))
    if abs(1139 - left) < abs(rest - left):
        return FIGURE * (digits + 1)
    return FIGURE * digits + text


def split_number(text: str) -> tuple[str, str] | None:
    """What stands left and right of the point that is lined up; None for what is no number."""
    if _MARK.fullmatch(text):
        return text, ""
    match = _NUMBER.fullmatch(text) if len(text) <= 48 else None
    return (match[1], match[2]) if match else None


def _halves(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Of each text that is a number, how wide it is left and right of the point that is lined up."""
    halves = {text: half for text in dict.fromkeys(texts) if text and (half := split_number(text))}
    return {text: (text_width(left), text_width(right)) for text, (left, right) in halves.items()}


def lined_width(texts: Sequence[str]) -> float:
    """Width in em that the numbers of a column need to be lined up; 0 where there is none."""
    widths = _halves(texts).values()
    return max((left for left, _ in widths), default=0.0) + max((right for _, right in widths), default=0.0)


def align_decimals(texts: Sequence[str], align: Literal["left", "center", "right"], limit: float) -> list[str]:
    """The texts of one column, padded so that their first numbers line up at the units digit.

    Parameters
    ----------
    texts
        One clean text per row. Words, blanks and texts of several lines stay as they are.
    align
        ``center``: padded on both sides, to be centred; ``right``: padded on the right;
        ``left``: nothing to do.
    limit
        Width of the column in em. Where the padded texts would be wider, nothing is padded: a
        line break inside a number reads worse than a ragged column.
    """
    widths = _halves(texts) if align != "left" else {}
    if not widths:
        return list(texts)
    left_most = max(left for left, _ in widths.values()) if align == "center" else 0.0
    right_most = max(right for _, right in widths.values())
    if max((left if align == "right" else left_most) for left, _ in widths.values()) + right_most > limit:
        return list(texts)
    padded = {text: _padding(left_most - left) + text + _padding(right_most - right) for text, (left, right) in widths.items()}
    return [padded.get(text, text) for text in texts]
