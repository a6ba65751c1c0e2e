"""Numbers of outputs as people write them: ``t14.2.1.1``, ``Table 14.2.1.1``, ``t-14-2-1-1``, several by comma."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cgbm1_report.errors import find_near
from cgbm1_report.tabulate.named import output_label

#: A kind, in full or by its letter, and whole numbers, as 9 and 9a, with a point, a hyphen or a space between them.
_WRITTEN = re.compile(r"\s*([a-z]+)[\s.-]*(\d+[a-z]?(?:[\s._-]+\d+[a-z]?)*)[\s.]*", re.I)
#: Between two numbers: a comma, or a space before the next one's letter.
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+(?=[a-z])", re.I)


def split_numbers(given: Iterable[str]) -> tuple[str, ...]:
    """Numbers out of lists of them, each once, as they were written."""
    parts = [part.strip() for text in given for part in _BETWEEN.split(text)]
    return tuple(dict.fromkeys(part for part in parts if part))


def match_number(given: str, known: Iterable[str]) -> list[str]:
    """The full numbers that a number names, in the order of those known; none where it is nobody's.

    Letters may be of either case, the kind may stand in words, spaces and hyphens for points. A full number is one output; one
    without its phase, the last digit, is the output of each phase. Where a number can be read as both it is the full one.
    """
    folded = {number: _fold(number) for number in known}
    if given in folded:
        return [given]
    wanted = _fold(given)
    full = [number for number, one in folded.items() if one == wanted]
    return full or [number for number, one in folded.items() if one[:-1] == wanted]


def find_reasons(given: str, reasons: Mapping[str, str]) -> dict[str, str]:
    """Of reasons by full number, those a number names, with its phase or without it."""
    return {number: reasons[number] for number in match_number(given, reasons)}


def _fold(number: str) -> tuple[object, ...]:
    """What is compared of a number: the letter of its kind, and its digits."""
    written = _WRITTEN.fullmatch(number)
    if written is None:
        return (number.strip().casefold(),)
    kind, digits = (
        written[1].casefold(),
        [f"{int(part)}{letter}" for part, letter in re.findall(r"(\d+)([a-z]?)", written[2].casefold())],
    )
    word = output_label(f"{kind[:1].upper()}1").partition(" ")[0].casefold()
    return (kind[:1] if kind in (kind[:1], word, f"{word}s") else kind, *digits)


def nearest_numbers(given: str, known: Iterable[str], phase: int | None = None) -> list[str]:
    """The numbers that come nearest to one that is nobody's: what it is the beginning of, of another kind, else by likeness.

    Of a ``phase`` that is asked of, its own; those of others where it has none that is near.
    """
    every = list(known)
    own = [number for number in every if phase is not None and number.endswith(f".{phase}")]
    return _find_parts(given, own) or _find_parts(given, every) or _find_alike(given, own) or _find_alike(given, every)


def _find_parts(given: str, known: list[str]) -> list[str]:
    """Those of another kind, or of which it is the beginning."""
    folded = {number: _fold(number) for number in known}
    wanted = _fold(f"T{given}" if given[:1].isdigit() else given)
    below = [number for number, one in folded.items() if len(wanted) > 1 and one[: len(wanted)] == wanted]
    same = [number for number, one in folded.items() if len(wanted) > 1 and wanted[1:] in (one[1:], one[1:-1])]
    return (same or below)[:4]


def _find_alike(given: str, known: list[str]) -> list[str]:
    """Those that fewest slips make of it: people leave out the phase, and slip in what is left."""
    written: dict[str, list[str]] = {}
    for number in known:
        for name in filter(None, (number, number.rpartition(".")[0])):
            written.setdefault(name, []).append(number)
    close = find_near(given, written, 3)
    return list(dict.fromkeys(number for name in close for number in written[name]))[:3]
