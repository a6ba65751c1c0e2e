"""Bookmarks of a PDF: they lead to its pages, go forward, and nest as its headings do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pikepdf import Dictionary

from cgbm1_report.errors import number_of
from cgbm1_report.readback.printed import Finding, plain
from cgbm1_report.readback.structure.document import outline_levels
from cgbm1_report.readback.structure.opened import Opened
from cgbm1_report.readback.structure.tags import place_at, read_tags

PLACES = "every bookmark leads to a page, and the next one not before it"
NESTS = "bookmarks nest as headings do"
COUNTED = "ISO 32000-1 12.3.3: the bookmarks are one tree"


def _page(doc: Opened, item: Any) -> int | None:
    target = item.get("/Dest", item.get("/A", Dictionary()).get("/D"))
    place = place_at(doc, target)
    return doc.page_numbers[place[0].objgen] if place is not None else None


def check_bookmarks(doc: Opened) -> Iterator[Finding]:
    """There are bookmarks, each leads to a page, and pages come in the order of the bookmarks."""
    items = list(outline_levels(doc))
    if not items:
        yield doc.say(PLACES, "has no bookmarks", "bookmarks")
    before = 0
    for title, _, item in items:
        page = _page(doc, item)
        if not title.strip() or page is None:
            yield doc.say(PLACES, f"has a bookmark {title!r} that leads to no page", "bookmarks")
            continue
        if page < before:
            yield doc.say(PLACES, f"has a bookmark {title!r} to page {page}, after one to page {before}", "bookmarks")
        before = page


def check_nesting(doc: Opened) -> Iterator[Finding]:
    """The bookmarks are the headings of the tags, in their order and level by level."""
    if not doc.reads_tags:
        return
    tags = read_tags(doc)
    headings = [
        (plain(str(tag.item.get("/T", ""))), int(tag.kind[1:])) for tag in tags if tag.kind[:1] == "H" and tag.kind[1:].isdigit()
    ]
    marks = [(plain(title), level) for title, level, _ in outline_levels(doc)]
    if headings != marks:
        first = next((pair for pair in zip(headings, marks, strict=False) if pair[0] != pair[1]), None)
        many = f"{number_of(len(marks), 'bookmark')} for {number_of(len(headings), 'heading')}"
        told = f"{first[1]} where the tags have {first[0]}" if first else many
        yield doc.say(NESTS, f"has {told}", "bookmarks")


def check_outline_tree(doc: Opened) -> Iterator[Finding]:
    """Each bookmark names the one it stands under, and those beside it name each other."""
    root = doc.root.get("/Outlines")
    waiting = [root] if root is not None else []
    seen: set[tuple[int, int]] = set()
    while waiting:
        parent = waiting.pop()
        item, before = parent.get("/First"), None
        while item is not None:
            if item.objgen in seen:
                yield doc.say(COUNTED, "goes round in a ring", "bookmarks")
                return
            seen.add(item.objgen)
            if item.get("/Parent", Dictionary()).objgen != parent.objgen or (
                before is not None and item.get("/Prev", Dictionary()).objgen != before
            ):
                yield doc.say(
                    COUNTED, f"has a bookmark {str(item.get('/Title', ''))!r} that names others as its neighbours", "bookmarks"
                )
            waiting.append(item)
            before, item = item.objgen, item.get("/Next")
        if before is not None and parent.get("/Last", Dictionary()).objgen != before:
            yield doc.say(COUNTED, "does not end with the bookmark it names as the last", "bookmarks")


CHECKS = (check_bookmarks, check_nesting, check_outline_tree)
