"""Outputs without the bookmark around them: copied from their titles on, or once more in the same document.

What the title says in bookmarks of its own, Word copies along. Where the text from there on is the text that was printed, the
output is known with both its ends; where it is another, nobody can say where the writer's words begin, and it stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.seal import is_edited
from cgbm1_report.errors import Problem
from cgbm1_report.render.refresh.scan import RULE, Found, Place, Scan, Shown
from cgbm1_report.tabulate.named import output_label

_WHOLE = "copy the output anew from the report, from its title to its last note, in paragraphs of its own; or take this one out"
#: A figure with all its lines has fewer paragraphs; a picture stands so near below its title and the lines under that.
_MOST_BLOCKS, _NEAR = 60, 6
#: What an output is made of: paragraphs and tables.
_KINDS = frozenset({"p", "tbl"})


def find_copies(scan: Scan, text: bytes, found: Found, numbers: Sequence[str], file: str) -> None:
    """Add to what was found the build's outputs that stand outside every bookmark, and those whose bounds are not sure."""
    labels = {number: output_label(number) for number in numbers}
    titled = _find_titled(scan, text, found, labels, file)
    marked = list(found.places)
    told: set[int] = set()
    for number, shown in _outside(scan, labels, marked):
        if _is_in(shown.at, found) or (shown.kind == "picture" and number in titled):
            continue
        blocks = _copy(scan, shown, labels[number])
        if blocks is None:
            told.add(shown.at)
            found.stray.append(_stray(scan, labels[number], shown.block, file))
        else:
            _add(scan, found, number, blocks)
    _find_untold(scan, found, labels, file, told)
    found.places.sort(key=lambda place: place.start)


def _stray(scan: Scan, label: str, block: int, file: str) -> Problem:
    return Problem(f"{label} stands outside its bookmark, and where it ends is not sure", file, RULE, scan.where(block), _WHOLE)


def _is_in(at: int, found: Found) -> bool:
    """Whether a byte lies in an output that is known."""
    return any(place.start <= at < place.stop for place in found.places) or any(start <= at < stop for start, stop in found.kept)


def _add(scan: Scan, found: Found, number: str, blocks: range) -> None:
    start, stop = scan.blocks[blocks.start].start, scan.blocks[blocks.stop].start
    again = any(place.number == number for place in found.places)
    found.places.append(Place(number, blocks, start, stop, marked=False, again=again))


def _find_titled(scan: Scan, text: bytes, found: Found, labels: Mapping[str, str], file: str) -> set[str]:
    """Outputs by their titles' bookmarks, where the text is as it was printed; the numbers of figures whose end is not sure."""
    numbers = {anchor(number): number for number in labels}
    unsure = set()
    for one in scan.bookmarks:
        number, block = numbers.get(one.name), one.start.block
        if number is None or scan.blocks[block].kind not in _KINDS or _is_in(one.start.at, found):
            continue
        blocks = find_printed(scan, text, found, block)
        if blocks is not None:
            _add(scan, found, number, blocks)
        elif scan.blocks[block].kind == "p" and _picture_below(scan, found, block) is not None:
            unsure.add(number)
            found.stray.append(_stray(scan, labels[number], block, file))
    return unsure


def find_printed(scan: Scan, text: bytes, found: Found, first: int) -> range | None:
    """The blocks from a title on whose text is the one that was printed, with their tables or picture."""
    shown = {one.block for one in scan.shown}
    held = False
    for last in range(first, min(first + _MOST_BLOCKS, len(scan.blocks) - 1)):
        if scan.blocks[last].kind not in _KINDS or _is_in(scan.blocks[last].start, found):
            return None
        held = held or last in shown
        if held and is_edited(text[scan.blocks[first].start : scan.blocks[last + 1].start]) is False:
            return range(first, last + 1)
    return None


def _picture_below(scan: Scan, found: Found, title: int) -> Shown | None:
    """The first picture near below a title that is in no output."""
    near = (one for one in scan.shown if one.kind == "picture" and title < one.block <= title + _NEAR)
    return next((one for one in near if not _is_in(one.at, found)), None)


def _find_untold(scan: Scan, found: Found, labels: Mapping[str, str], file: str, told: Collection[int]) -> None:
    """Pictures below words that begin as an output's title, which carry no mark: an old output, or the writer's own.

    Those that are ``told`` already, by the name of the picture itself, are not told again.
    """
    by_label = {label: number for number, label in labels.items()}
    strays = {problem.place for problem in found.stray}
    seen = set(told)
    for at, block in enumerate(scan.blocks):
        label = " ".join(block.words.split()[:2])
        if block.kind != "p" or label not in by_label or _is_in(block.start, found) or scan.where(at) in strays:
            continue
        picture = _picture_below(scan, found, at)
        if picture is not None and picture.at not in seen:
            seen.add(picture.at)
            found.untold.append(
                Problem(f"a picture below {label} carries no mark of an output", file, RULE, scan.where(at), _WHOLE)
            )


def _outside(scan: Scan, labels: Mapping[str, str], places: Sequence[Place]) -> Iterator[tuple[str, Shown]]:
    by_label = {label: number for number, label in labels.items()}
    titled = {place.number: _titles(scan, place) for place in places}
    for shown in scan.shown:
        if any(place.start <= shown.at < place.stop for place in places):
            continue
        for text in (shown.caption, shown.words.strip()):
            # A label is two words, ``Table 14.1.1``; or the number alone, of what is none of the three kinds.
            words = text.split(" ")
            number = by_label.get(" ".join(words[:2])) or by_label.get(words[0])
            # A writer's own table may begin with an output's label; a copy begins with its title.
            if number and (shown.caption or number not in titled or text in titled[number]):
                yield number, shown
                break


def _titles(scan: Scan, place: Place) -> set[str]:
    """What the tables of an output begin with."""
    return {one.words.strip() for one in scan.shown if place.start <= one.at < place.stop}


def _copy(scan: Scan, shown: Shown, label: str) -> range | None:
    """The blocks of a copied table, all its parts; None where its bounds are not sure."""
    if not shown.level or shown.kind != "table" or not shown.caption:
        return None
    tables = {one.block: one for one in scan.shown if one.level and one.kind == "table"}
    last = shown.block
    while True:
        after = last + 1
        while scan.blocks[after].kind == "p" and not scan.blocks[after].seen:
            after += 1
        if after in tables and tables[after].is_of(label):
            last = after
        else:
            return range(shown.block, last + 1)
