"""Words that a writer typed behind the last note of an output, in its paragraph: set apart, so that they stay when it is replaced.

The mark of an output ends with its last note, and Word puts what is typed there behind the mark. Up to it the paragraph is the
output's, from it on the writer's; what the writer's paragraph holds of a section or of tracking stays with the writer's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.seal import is_edited, text_of
from cgbm1_report.render.refresh.places import own_name
from cgbm1_report.render.refresh.scan import Mark, Scan
from cgbm1_report.render.refresh.writers import shorten

_PROPERTIES = re.compile(rb"<w:p\b[^>]*>\s*(<w:pPr>(?:<w:pPrChange\b.*?</w:pPrChange>|(?!</w:pPr>).)*</w:pPr>)", re.S)
_OF_PARAGRAPH = re.compile(rb"<w:(pPrChange|sectPr|rPr)\b(?:[^>]*/>|.*?</w:\1>)", re.S)


def set_apart(scan: Scan, text: bytes, numbers: Iterable[str]) -> tuple[bytes, list[str]]:
    """The main part with such words in paragraphs of their own, and a line for each output that had them.

    Only where the output before the mark says what it was printed with: of another one nobody knows where it ends.
    """
    told, cuts = [], []
    for number in numbers:
        found = [one for one in scan.bookmarks if own_name(one.name) == region_name(number)]
        marks = sorted((mark for one in found for mark in (one.start, one.end) if mark is not None), key=lambda mark: mark.at)
        if not marks or not _goes_on(marks) or is_edited(text[scan.blocks[marks[0].block].start : marks[-1].at]) is not False:
            continue
        last = marks[-1]
        words = text_of(text[last.at : scan.blocks[last.block + 1].start])
        said = f"words of yours stood in the paragraph of its last note, {shorten(words)}"
        told.append(f"{number}: {said}: they are a paragraph of their own now")
        cuts.append((scan.blocks[last.block].start, _behind(text, last.at)))
    for start, at in sorted(cuts, reverse=True):
        text = _cut(text, start, at)
    return text, told


def _goes_on(marks: list[Mark]) -> bool:
    """Whether the last of an output's marks stands within a paragraph, between words of the output and others."""
    first, last = marks[0], marks[-1]
    return last.level and last.before and last.after and not first.before and first.block < last.block


def _behind(text: bytes, mark: int) -> int:
    """Where what follows a mark begins."""
    end = text.index(b">", mark) + 1
    closing = re.compile(rb"\s*</w:bookmark(?:End|Start)>").match(text, end)
    return closing.end() if closing and text[end - 2 : end] != b"/>" else end


def _cut(text: bytes, start: int, at: int) -> bytes:
    """Two paragraphs of one; what is said of the whole of it goes with the second."""
    head = _PROPERTIES.match(text, start, at)
    said = head[1] if head else b""
    first = text[start:at].replace(said, _OF_PARAGRAPH.sub(b"", said), 1) if said else text[start:at]
    return text[:start] + first + b"</w:p><w:p>" + said + text[at:]
