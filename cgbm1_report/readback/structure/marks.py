"""What the pages draw against the tree of tags: every piece is tagged once or set aside as decoration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pikepdf import Array, Dictionary, Name

from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure.opened import Drawing, Opened
from cgbm1_report.readback.structure.tags import read_parents, read_tags

DRAWN = "PDF/UA-1 7.1: everything drawn is tagged or set aside as decoration"
MARKS = "PDF/UA-1 7.1: the marks on the pages are those of the tags"
KEYS = "ISO 32000-1 14.7.4.4: every page finds its tags"
TABS = "PDF/UA-1 7.18.3: links are reached in the order of the tags"

# A name ends where another token begins; an operator may be followed by one without a blank.
_ENDS = rb"(?![^\s/\[(<])"
_NAME = rb"[^\s/<>\[\]()]+"
_MARK = re.compile(
    rb"/("
    + _NAME
    + rb")\s*(<<(?:[^<>]|<<[^<>]*>>)*+>>|/"
    + _NAME
    + rb")\s*BDC"
    + _ENDS
    + rb"|/("
    + _NAME
    + rb")\s+BMC"
    + _ENDS
    + rb"|(?<![^\s\])>])(EMC)"
    + _ENDS
)
_PAINTS = re.compile(rb"(?<![^\s\])>])(?:Tj|TJ|'|\"|f\*?|F|S|s|B\*?|b\*?|sh|Do|EI)" + _ENDS)
_NUMBER = re.compile(rb"/MCID\s+(\d+)")


@dataclass(frozen=True)
class Marked:
    """The numbers of the marks in a drawing in their order, and what is wrong with them."""

    numbers: tuple[int, ...]
    faults: tuple[str, ...]


def read_marks(drawing: Drawing) -> Marked:
    """Read the marks of a page's or a form's drawing."""
    content = drawing.operators
    numbers: list[int] = []
    faults: list[str] = []
    open_marks: list[str] = []
    bare_from = 0
    for match in _MARK.finditer(content):
        if not open_marks:
            faults += _bare(content[bare_from : match.start()], drawing)
        if match[4]:
            if not open_marks:
                faults.append("ends a mark that has not begun")
                continue
            open_marks.pop()
            bare_from = match.end()
            continue
        kind, number = _kind(match, drawing.resources)
        if number is not None:
            numbers.append(number)
        around = {"artifact", "tagged"} & set(open_marks)
        if around and kind != "plain" and around != {kind}:
            faults.append("draws decoration inside what is tagged" if kind == "artifact" else "tags what is inside decoration")
        open_marks.append(kind)
        bare_from = match.end()
    if open_marks:
        faults.append("begins a mark that does not end")
    else:
        faults += _bare(content[bare_from:], drawing)
    return Marked(tuple(numbers), tuple(faults))


def _kind(match: re.Match[bytes], resources: Any) -> tuple[str, int | None]:
    """Whether a mark tags, sets aside or does neither, and its number."""
    if b"Artifact" in (match[1], match[3]):
        return "artifact", None
    about = match[2] or b""
    if about.startswith(b"/"):
        listed = resources.get(Name.Properties, Dictionary()).get(about.decode("latin-1"), Dictionary())
        number = int(listed[Name.MCID]) if Name.MCID in listed else None
    else:
        found = _NUMBER.search(about)
        number = int(found[1]) if found else None
    return ("plain", None) if number is None else ("tagged", number)


def _bare(content: bytes, drawing: Drawing) -> list[str]:
    # A form is tagged or set aside where the page draws it.
    if not drawing.is_page:
        return []
    found = _PAINTS.search(content)
    return [f"draws by {found[0].decode('latin-1')} what is neither tagged nor decoration"] if found else []


def check_drawn(doc: Opened) -> Iterator[Finding]:
    """Everything a page draws lies in a tag or in an artifact, and no tag in an artifact."""
    for drawing in doc.drawings:
        for fault in _marked(doc)[drawing.key].faults:
            yield doc.say(DRAWN, fault, drawing.place)


def _marked(doc: Opened) -> dict[tuple[int, int], Marked]:
    if "marks" not in doc.cache:
        doc.cache["marks"] = {drawing.key: read_marks(drawing) for drawing in doc.drawings}
    return dict(doc.cache["marks"])


def check_marks(doc: Opened) -> Iterator[Finding]:
    """Each mark of a page is the kid of one tag, which the page's list of parents names; no tag has another mark."""
    tags = read_tags(doc)
    parents = read_parents(doc)
    marked = _marked(doc)
    owners: dict[tuple[tuple[int, int], int], list[int]] = {}
    for tag in tags:
        for key, number in tag.marks:
            owners.setdefault((key, number), []).append(tag.at)
    for drawing in doc.drawings:
        numbers = marked[drawing.key].numbers
        if len(set(numbers)) != len(numbers):
            yield doc.say(MARKS, "uses a mark's number twice", drawing.place)
        listed = parents.get(_integer(drawing.item.get(Name.StructParents)))
        known = list(listed) if isinstance(listed, Array) else []
        for number in numbers:
            owning = owners.pop((drawing.key, number), [])
            if len(owning) != 1:
                yield doc.say(MARKS, f"mark {number} has {len(owning)} tags", drawing.place)
            elif number >= len(known) or known[number] is None or known[number].objgen != tags[owning[0]].item.objgen:
                yield doc.say(MARKS, f"mark {number} is that of another tag in the list of parents", drawing.place)
    for (key, number), owning in owners.items():
        kind = tags[owning[0]].kind
        yield doc.say(MARKS, f"has a tag {kind} of mark {number}, which is not drawn", doc.place_of(key))


def _integer(item: Any) -> int:
    return item if isinstance(item, int) else -1


def check_page_keys(doc: Opened) -> Iterator[Finding]:
    """Each page that draws a tag has a number of its own in the list of parents; so has each link."""
    parents = read_parents(doc)
    seen: set[int] = set()
    items = [(drawing.item, Name.StructParents, drawing.place) for drawing in doc.drawings if _marked(doc)[drawing.key].numbers]
    for number, page in enumerate(doc.pages, start=1):
        items += [(note, Name.StructParent, f"page {number}") for note in page.get(Name.Annots, Array())]
    for item, key, place in items:
        value = _integer(item.get(key))
        if value < 0 or value not in parents:
            yield doc.say(KEYS, f"has no {key} that leads to its tags", place)
        elif value in seen:
            yield doc.say(KEYS, f"shares {key} {value} with another", place)
        seen.add(value)
    following = _integer(doc.root.StructTreeRoot.get(Name.ParentTreeNextKey))
    if parents and following <= max(parents):
        yield doc.say(KEYS, f"says the next number of its tags is {following}; {max(parents)} is taken")


def check_tabs(doc: Opened) -> Iterator[Finding]:
    """The tab key goes from link to link in the order of the tags."""
    for number, page in enumerate(doc.pages, start=1):
        if len(page.get(Name.Annots, Array())) and page.get(Name.Tabs) != Name.S:
            yield doc.say(TABS, "lets the tab key go in an order that is not that of the tags", f"page {number}")


CHECKS = (check_drawn, check_marks, check_page_keys, check_tabs)
