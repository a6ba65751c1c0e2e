"""Widens columns whose words do not fit, as far as the others can give: words and numbers are printed whole.

A column's declared width is its author's wish for the data he knew. Where every word fits, nothing changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import ceil
from typing import NamedTuple

from cgbm1_report.emit.align import lined_width, split_number, text_width

#: Programs round widths; bold heads are wider by up to so much; a label's second line begins deeper, in em.
_TOLERANCE_EM, _BOLD, _HANG_EM = 0.15, 1.1, 1.5
_ROUNDED = 1e-9
#: What a column keeps of its width when it gives to keep numbers whole, words, and labels on one line.
_KEEP_FOR_NUMBERS, _KEEP_FOR_WORDS, _KEEP_FOR_LABELS = 0.7, 0.45, 0.7
#: Chinese is broken between any two characters; other words, where they must be, behind a sign before a word:
#: a unit, (U/L), is none.
_CHINESE = re.compile(r"(?<=[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef])|(?=[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef])")
_JOINT = re.compile(r"(?<=[-/,;|+&=_])(?=[^\W\d]{4})")
_FIGURE = re.compile(r"\d")
#: What is whole in fitted columns: not even all figures; what has a figure; words, up to their joints; all words.
BROKEN, FIGURES, JOINTS, WORDS = range(4)


#: So many of a column's longest texts tell how many lines its cells have; so much of the room words may take.
_LONGEST, _SHARES = 50, (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)


class Fitted(NamedTuple):
    """Widths of the columns' text in em, whether numbers stay on one line, and what else is not broken over two."""

    widths: tuple[float, ...]
    numbers: bool
    whole: int


class _Needs:
    """What each column needs in em: for all its words, for its numbers on one line, for words up to their joints, for figures."""

    def __init__(
        self, heads: Sequence[str], texts: Sequence[Sequence[str]], numbers: Sequence[bool], stub_indent: int | None
    ) -> None:
        self._words, self._titles = [_words(column) for column in texts], [_words([head]) for head in heads]
        self._extra = [0.0] * len(heads)
        if stub_indent is not None:
            self._extra[0] = stub_indent + _HANG_EM
        self.words = [_need(own, title) + more for own, title, more in zip(self._words, self._titles, self._extra, strict=True)]
        self.numbers = [
            _widest(filter(split_number, set(column))) if number else 0.0 for column, number in zip(texts, numbers, strict=True)
        ]
        self.together = list(map(max, self.words, self.numbers))
        self._texts, self._numbers = texts, numbers

    def lines(self, widths: Sequence[float], least: Sequence[float]) -> list[float]:
        """What each column needs that has all its texts on one line in these widths, to keep them; of the others the least."""
        widest = [_widest(line for text in set(column) for line in text.split("\n")) for column in self._texts]
        held = [one if one <= width + _ROUNDED else 0.0 for one, width in zip(widest, widths, strict=True)]
        return list(map(max, least, held))

    def lined(self, widths: Sequence[float]) -> list[float]:
        """The same, and of a column whose numbers are lined up in these widths what they need for it."""
        wide = [lined_width(text) if number else 0.0 for text, number in zip(self._texts, self._numbers, strict=True)]
        held = [one if one <= width + _ROUNDED else 0.0 for one, width in zip(wide, widths, strict=True)]
        return list(map(max, self.lines(widths, self.together), held))

    @cached_property
    def parts(self) -> list[float]:
        return [
            _need(_parted(own), _parted(title)) + more
            for own, title, more in zip(self._words, self._titles, self._extra, strict=True)
        ]

    @cached_property
    def figures(self) -> list[float]:
        return [_widest(filter(_FIGURE.search, own)) for own in self._words]

    def told(self, widths: Sequence[float]) -> Fitted:
        """Widths with what is whole in them."""
        whole = WORDS if _hold(widths, self.words) else JOINTS if _hold(widths, self.parts) else BROKEN
        whole = FIGURES if whole == BROKEN and _hold(widths, self.figures) else whole
        return Fitted(tuple(widths), _hold(widths, self.numbers), whole)


def fit_widths(
    widths: Sequence[float],
    heads: Sequence[str],
    texts: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    stub_indent: int | None,
    labels: Sequence[float] = (),
) -> Fitted:
    """Widths of the columns' text in em, widened where a word or a number does not fit and others have room.

    Parameters
    ----------
    widths
        As declared.
    numbers
        Whether a column's numbers stay on one line: not where dates and days are text, one under the other.
    stub_indent
        Deepest indent of the first column's labels; None where the first column has no labels.
    labels
        What each label of the first column needs to stand on one line (`label_widths`). The first column is widened for the longest
        that the others have room for beside what they have on one line: a label that goes on below is read as a row of its own.

    Returns
    -------
    Fitted
        The declared widths where all fits. Else widths with the same sum: with numbers and words whole, and on one line what
        was so in the declared widths; or with numbers and words whole; or words whole; or words broken at their joints only, with
        or without what was on one line; where
        even that cannot be had, the longest words are broken, those without a figure first: a date or a subject's number is the
        last to be. And what is whole in them.
    """
    needs = _Needs(heads, texts, numbers, stub_indent)
    return needs.told(_hold_labels(_hold_words(widths, needs), needs, labels))


def _hold_words(widths: Sequence[float], needs: _Needs) -> tuple[float, ...]:
    """Widths in which no word and no number is broken, as far as there is room."""
    if _hold(widths, needs.together):
        return tuple(widths)
    steps = (
        (needs.lines(widths, needs.together), 0.0), (needs.together, _KEEP_FOR_NUMBERS), (needs.words, _KEEP_FOR_WORDS),
        (needs.lines(widths, needs.parts), 0.0), (needs.parts, _KEEP_FOR_WORDS),
    )  # fmt: skip
    for least, keep in steps:
        settled = _settle(widths, least, keep)
        if settled:
            return settled
    return _settle(widths, _capped(needs.parts, needs.figures, sum(widths)), 0.0) or tuple(widths)


def _hold_labels(widths: tuple[float, ...], needs: _Needs, labels: Sequence[float]) -> tuple[float, ...]:
    """Widths in which the longest label that there is room for is on one line, and what was so, or lined up, stays so."""
    wrapped = {label for label in labels if label > widths[0] + _ROUNDED}
    if not wrapped:
        return widths
    lines = needs.lined(widths)
    kept = [max(need, _KEEP_FOR_LABELS * width) for need, width in zip(lines, widths, strict=True)]
    room = widths[0] + sum(max(width - keep, 0.0) for width, keep in zip(widths[1:], kept[1:], strict=True))
    held = max((label for label in wrapped if label <= room), default=0.0)
    return _settle(widths, (held, *lines[1:]), _KEEP_FOR_LABELS) or widths if held else widths


def label_widths(labels: Sequence[str], indents: Sequence[int], bold: Sequence[bool]) -> list[float]:
    """What each label needs to stand on one line, in em."""
    return [
        (max(map(text_width, label.split("\n"))) + _TOLERANCE_EM) * (_BOLD if heavy else 1.0) + indent
        for label, indent, heavy in zip(labels, indents, bold, strict=True)
    ]


def share_widths(
    widths: Sequence[float],
    heads: Sequence[str],
    texts: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    stub_indent: int | None,
) -> Fitted:
    """As `fit_widths`, and the room beside what words need goes to the columns of the longest texts, where that saves lines.

    In widths far less than the declared ones words take all there is, and the column of the longest text, which has no long
    words, would have the most lines. Where words are broken in any case, they give to it too; what has a figure stays whole.
    """
    fitted = fit_widths(widths, heads, texts, numbers, stub_indent)
    needs, room = _Needs(heads, texts, numbers, stub_indent), sum(widths)
    least = [max(pair) for pair in zip(needs.figures, needs.numbers, strict=True)] if fitted.numbers else needs.figures
    wanted = needs.parts if fitted.whole < WORDS else needs.together if fitted.numbers else needs.words
    longest = [sum(text_width(line) for line in text.split("\n")) for text in map(_longest, texts)]
    found = [fitted]
    for share in _SHARES if fitted.whole <= FIGURES else _SHARES[:1]:
        base = wanted if sum(wanted) <= room else _capped(wanted, least, share * room)
        more = [max(long - width, 0.0) for long, width in zip(longest, base, strict=True)]
        part = (room - sum(base)) / sum(more) if sum(more) else 0.0
        if part > 0:
            found.append(needs.told([width + part * extra for width, extra in zip(base, more, strict=True)]))
    kept = [one for one in found if (one.whole, one.numbers) >= (fitted.whole, fitted.numbers)]
    return min(kept, key=lambda one: max(count_lines(one.widths, texts)) + sum(map(_short_of, needs.parts, one.widths)))


def _longest(texts: Sequence[str]) -> str:
    return max(texts, key=len, default="")


def _short_of(need: float, width: float) -> bool:
    """Whether words are broken in a column."""
    return need > width + _ROUNDED


def count_lines(widths: Sequence[float], texts: Sequence[Sequence[str]]) -> list[int]:
    """How many lines the cell of the most lines has, for each column."""
    return [
        max(
            (
                sum(max(1, ceil(text_width(line) / width)) for line in text.split("\n"))
                for text in sorted(set(column), key=len, reverse=True)[:_LONGEST]
            ),
            default=1,
        )
        for width, column in zip(widths, texts, strict=True)
    ]


def check_widths(
    widths: Sequence[float],
    heads: Sequence[str],
    texts: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    stub_indent: int | None,
) -> Fitted:
    """What is whole in columns so wide; see `fit_widths`."""
    return _Needs(heads, texts, numbers, stub_indent).told(widths)


def part_words(text: str, width: float) -> str:
    """A text with a line feed at joints of the words that are wider than their column: Word breaks at no sign but the hyphen."""
    return " ".join(_parted_word(word, width) if text_width(word) > width else word for word in text.split(" "))


def _parted_word(word: str, width: float) -> str:
    lines = [""]
    for piece in _JOINT.split(word):
        if lines[-1] and text_width(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _hold(widths: Sequence[float], needs: Sequence[float]) -> bool:
    return all(need <= width + _ROUNDED for need, width in zip(needs, widths, strict=True))


def _words(texts: Iterable[str]) -> set[str]:
    found = set(" ".join(set(texts)).split())
    wide = {word for word in found if not word.isascii()}
    return (found - wide) | {piece for word in wide for piece in _CHINESE.split(word)}


def _parted(words: Iterable[str]) -> set[str]:
    return {piece for word in words for piece in _JOINT.split(word)}


def _need(words: Iterable[str], title: Iterable[str]) -> float:
    return max(_widest(words), _widest(title) * _BOLD)


def _widest(texts: Iterable[str]) -> float:
    """Width of the widest text in em, with what programs round; 0 where there is none."""
    best = 0.0
    for text in sorted(texts, key=len, reverse=True):
        # No character is wider than an em.
        if len(text) <= best:
            break
        best = max(best, text_width(text))
    return best + _TOLERANCE_EM if best else 0.0


def _settle(widths: Sequence[float], needs: Sequence[float], keep: float) -> tuple[float, ...] | None:
    """Widths that hold what is needed, each column keeping its share of the declared; None where there is no room."""
    least = [max(need, min(width, keep * width)) for width, need in zip(widths, needs, strict=True)]
    wanted = sum(max(need - width, 0.0) for width, need in zip(widths, needs, strict=True))
    spare = sum(max(width - low, 0.0) for width, low in zip(widths, least, strict=True))
    if wanted > spare:
        return None
    part = wanted / spare if spare else 0.0
    return tuple(
        need if need > width else width - part * (width - low) for width, need, low in zip(widths, needs, least, strict=True)
    )


def _capped(needs: Sequence[float], figures: Sequence[float], room: float) -> list[float]:
    """The needs, the largest cut to one size that fits the room; what figures need is cut only where even they do not fit."""
    least = [min(need, figure) for need, figure in zip(needs, figures, strict=True)]
    if sum(least) > room:
        least = [0.0] * len(needs)
    low, high = 0.0, max(needs)
    for _ in range(40):
        size = (low + high) / 2
        fits = sum(max(floor, min(need, size)) for need, floor in zip(needs, least, strict=True)) <= room
        low, high = (size, high) if fits else (low, size)
    return [max(floor, min(need, low)) for need, floor in zip(needs, least, strict=True)]
