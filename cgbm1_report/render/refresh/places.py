"""Where the outputs of a build lie in a writer's Word document.

Word and LibreOffice keep an output's bookmark, each in a way of its own. Word puts its end where the writer's next
paragraph begins. LibreOffice writes a bookmark over several paragraphs anew in its first and in its last
paragraph, some of them without an end; saving that again, it gives those of the last paragraph a name of their own. Where all
stand in two paragraphs, and the output with nothing else between them, they are read as what they were; every other twin or
loose end is refused, for half an output would stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.seal import SEAL, is_edited
from cgbm1_report.errors import Problem
from cgbm1_report.render.refresh.copies import find_copies, find_printed
from cgbm1_report.render.refresh.scan import RULE, Bookmark, Found, Mark, Place, Scan
from cgbm1_report.tabulate.named import output_label

_OURS = "out_"
#: What LibreOffice appends to the name of a bookmark that it reads a second time.
_AGAIN = re.compile(r"_Copy_\d+\Z")
#: The name that an output of a plain number is linked by: T14_3_1_2_1.
_PLAIN = re.compile(r"[A-Z]\d+(_\d+[a-z]?)+")
_ANEW = (
    "copy the output anew from the report, in paragraphs of its own; a hand that deletes an end of a bookmark cuts it, and so may "
    "another program than Word that saves the document"
)
_TWICE = "stands {} times, each time around a whole output: the output is in the document more than once"
_ONE = (
    "take all but one of them out; a copy that Word makes within a document has no such bookmark, and is replaced beside the other"
)


def own_name(name: str) -> str:
    """The name that a bookmark of ours had before LibreOffice read it a second time."""
    return _AGAIN.sub("", name)


def find_places(scan: Scan, text: bytes, numbers: Sequence[str], file: str) -> Found:
    """The outputs of a build that a document holds, in its order; and every twin, loose end and stray copy.

    ``text`` is what the scan has read.
    """
    found = Found()
    ours = {region_name(number): number for number in numbers}
    named: dict[str, list[Bookmark]] = {}
    unsure: list[str] = []
    for bookmark in scan.bookmarks:
        if bookmark.name.startswith(_OURS):
            named.setdefault(own_name(bookmark.name), []).append(bookmark)
    for name, bookmarks in named.items():
        if name not in ours:
            found.absent.append(say_number(name.removeprefix(_OURS)))
            continue
        place, fault = _place(scan, text, ours[name], bookmarks)
        if place is None:
            where, label = scan.where(bookmarks[0].start.block), output_label(ours[name])
            remedy = _ONE if fault == _TWICE.format(len(bookmarks)) else _ANEW
            found.unsure.append(Problem(f"{label}: its bookmark {name} {fault}", file, RULE, where, remedy))
            unsure.append(ours[name])
        else:
            found.places.append(place)
    found.places.sort(key=lambda place: place.start)
    _check_crossed(scan, found, file)
    if not found.problems:
        found.kept = [(mark.start.at, mark.end.at) for marks in named.values() for mark in marks if mark.end]
        found.kept += _find_tables(scan, unsure)
        found.absent += _find_lacking(scan, text, found, numbers)
        find_copies(scan, text, found, [number for number in numbers if number not in unsure], file)
        _count_unmarked(scan, found)
    return found


def _count_unmarked(scan: Scan, found: Found) -> None:
    """Tables and pictures in no place, and in no output that the build lacks."""
    kept = [(place.start, place.stop) for place in found.places] + found.kept
    own = [one for one in scan.shown if not one.nested and not any(start <= one.at < stop for start, stop in kept)]
    found.unmarked = sum(one.kind == "table" for one in own)
    found.pictures = sum(one.kind == "picture" for one in own)


def _find_tables(scan: Scan, numbers: Sequence[str]) -> list[tuple[int, int]]:
    """Tables and pictures of outputs whose bookmarks are not sure: they are these, and neither copies nor without a mark."""
    labels = [output_label(number) for number in numbers]
    blocks = {one.block for one in scan.shown if any(one.is_of(label) for label in labels)}
    return [(scan.blocks[at].start, scan.blocks[at + 1].start) for at in blocks]


def _find_lacking(scan: Scan, text: bytes, found: Found, numbers: Sequence[str]) -> list[str]:
    """Outputs that were copied from their titles on and that the build lacks, by the bookmarks of their titles.

    Their tables and pictures are an output's, and not counted among those that carry no mark.
    """
    known = {anchor(number) for number in numbers}
    sealed = {one.start.block for one in scan.bookmarks if one.name.startswith(SEAL)}
    lacking = [one for one in scan.bookmarks if one.start.block in sealed and _PLAIN.fullmatch(one.name) and one.name not in known]
    printed = (find_printed(scan, text, found, one.start.block) for one in lacking)
    found.kept += [(scan.blocks[one.start].start, scan.blocks[one.stop].start) for one in printed if one is not None]
    return [number for number in dict.fromkeys(say_number(one.name) for one in lacking) if number not in found.absent]


def say_number(name: str) -> str:
    """The number of an output that the build lacks, by the name it is linked by; the name where it is of no plain number."""
    return name.replace("_", ".") if _PLAIN.fullmatch(name) else name


def _place(scan: Scan, text: bytes, number: str, bookmarks: Sequence[Bookmark]) -> tuple[Place | None, str]:
    """Where an output lies by its bookmarks, or what is wrong with them."""
    loose = sum(bookmark.end is None for bookmark in bookmarks)
    marks = [mark for bookmark in bookmarks for mark in (bookmark.start, bookmark.end) if mark is not None]
    marks = [_at_table(scan, mark, number) for mark in sorted(marks, key=lambda mark: mark.at)]
    first, last, twins = marks[0], marks[-1], len(bookmarks) > 1
    said = f"stands {len(bookmarks)} times, {loose} of them without an end" if loose else _TWICE.format(len(bookmarks))
    said = said if twins else "has no end"
    if (loose and not twins) or (twins and not loose) or (twins and len({mark.block for mark in marks}) != 2):
        return None, said
    if not (first.level and last.level):
        return None, "begins or ends inside a table or a content control"
    if first.before or (last.before and last.after):
        return None, "begins or ends inside a paragraph that has other text"
    foreign = last.after and not last.before
    blocks = range(first.block, last.block + (not foreign))
    start, stop = scan.blocks[blocks.start].start, scan.blocks[blocks.stop].start
    place = Place(number, blocks, start, stop, twins=twins, foreign_end=last.at if foreign else -1)
    if not _holds(scan, place) and not loose and len(bookmarks) == 1:
        whole = _from_title(scan, text, number, last)
        return whole, "" if whole else f"does not hold {output_label(number)}"
    if not _holds(scan, place):
        return None, said if twins else f"does not hold {output_label(number)}"
    if twins and (foreign or not _holds_alone(scan, text, place)):
        return None, said
    return place, ""


def _at_table(scan: Scan, mark: Mark, number: str) -> Mark:
    """A mark that LibreOffice moved into the output's own table, as where its empty line is gone: it stands at the table."""
    label = output_label(number)
    own = any(one.kind == "table" and one.level and one.block == mark.block and one.is_of(label) for one in scan.shown)
    return replace(mark, level=True, before=False, after=False) if own and not mark.level else mark


def _from_title(scan: Scan, text: bytes, number: str, last: Mark) -> Place | None:
    """An output from its title to its last paragraph, where LibreOffice left its bookmark on that alone; text as it was printed."""
    titles = [one.start.block for one in scan.bookmarks if one.name == anchor(number)]
    if len(titles) != 1 or titles[0] > last.block:
        return None
    above = titles[0] - 1
    first = above if above >= 0 and scan.blocks[above].kind == "p" and not scan.blocks[above].seen else titles[0]
    start, stop = scan.blocks[first].start, scan.blocks[last.block + 1].start
    return Place(number, range(first, last.block + 1), start, stop, twins=True) if is_edited(text[start:stop]) is False else None


def _holds_alone(scan: Scan, text: bytes, place: Place) -> bool:
    """Whether an output and nothing else stands between two marks: its text as it was printed, or its tables."""
    if is_edited(text[place.start : place.stop]) is False:
        return True
    label = output_label(place.number)
    tables = {one.block: one for one in scan.shown if one.level and one.kind == "table"}
    seen = [at for at in place.blocks if scan.blocks[at].seen]
    return all(at in tables and tables[at].is_of(label) for at in seen)


def _holds(scan: Scan, place: Place) -> bool:
    """Whether an output stands in its bookmark: its title's own bookmark, its table or its picture."""
    name, label = anchor(place.number), output_label(place.number)
    titles = any(one.name == name and place.start <= one.start.at < place.stop for one in scan.bookmarks)
    return titles or any(one.is_of(label) and place.start <= one.at < place.stop for one in scan.shown)


def _check_crossed(scan: Scan, found: Found, file: str) -> None:
    for place in found.places:
        inside = (
            one
            for one in scan.bookmarks
            if one.name.startswith(_OURS)
            and own_name(one.name) != region_name(place.number)
            and place.start <= one.start.at < place.stop
        )
        for one in inside:
            where = scan.where(one.start.block)
            found.problems.append(Problem(f"bookmark {one.name} begins inside another output", file, RULE, where, _ANEW))
