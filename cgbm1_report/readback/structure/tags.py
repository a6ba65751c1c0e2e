"""The tree of tags of a PDF: its kinds, its order, and the words that stand for what is no text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pikepdf import Array, Dictionary, NameTree, NumberTree

from cgbm1_report.readback.printed import Finding, plain
from cgbm1_report.readback.structure.document import LANGUAGE, is_language
from cgbm1_report.readback.structure.opened import Opened

MARKED = "PDF/UA-1 6.2, 7.1: it says it is tagged, and is"
ROLES = "PDF/UA-1 7.1: every tag is a standard one or stands for one"
PARENTS = "ISO 32000-1 14.7.2: the tags are one tree"
HEADINGS = "PDF/UA-1 7.4: headings go down one level at a time"
NESTING = "ISO 32000-1 14.8.4: parts of tables and lists stand in their whole"
ALTERNATIVES = "PDF/UA-1 7.3, 7.7: pictures and formulas have words, and a place"
LINKS = "PDF/UA-1 7.18.5: links are tagged, say where they lead and lead there"
NOTES = "PDF/UA-1 7.9: every note has a name of its own"

_GROUPS = ("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index", "NonStruct", "Private")
_BLOCKS = ("P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody")
_TABLES = ("Table", "TR", "TH", "TD", "THead", "TBody", "TFoot")
_INLINE = (
    "Span",
    "Quote",
    "Note",
    "Reference",
    "BibEntry",
    "Code",
    "Link",
    "Annot",
    "Ruby",
    "RB",
    "RT",
    "RP",
    "Warichu",
    "WT",
    "WP",
)
_PICTURES = ("Figure", "Formula", "Form")
STANDARD = frozenset((*_GROUPS, *_BLOCKS, *_TABLES, *_INLINE, *_PICTURES))
#: What a kind may stand in, and what may stand in a kind.
_WITHIN = {
    "TR": {"Table", "THead", "TBody", "TFoot"},
    "THead": {"Table"},
    "TBody": {"Table"},
    "TFoot": {"Table"},
    "TH": {"TR"},
    "TD": {"TR"},
    "LI": {"L"},
    "LBody": {"LI"},
    "TOCI": {"TOC"},
}
_HOLDS = {
    "Table": {"TR", "THead", "TBody", "TFoot", "Caption"},
    "THead": {"TR"},
    "TBody": {"TR"},
    "TFoot": {"TR"},
    "TR": {"TH", "TD"},
    "L": {"LI", "L", "Caption"},
    "LI": {"Lbl", "LBody"},
    "TOC": {"TOC", "TOCI", "Caption"},
}


@dataclass(slots=True)
class Tag:
    """One tag: its standard kind, its places in the tree, its marks (page or form, number) and what it annotates."""

    kind: str
    at: int
    parent: int
    item: Any
    kids: list[int] = field(default_factory=list)
    marks: list[tuple[tuple[int, int], int]] = field(default_factory=list)
    notes: list[tuple[int, int]] = field(default_factory=list)


def _items(value: Any) -> list[Any]:
    """The kids or attributes of a tag: one or a list of them."""
    return list(value) if isinstance(value, Array) else [] if value is None else [value]


def attributes(item: Any, owner: str) -> dict[str, Any]:
    """What a tag says of itself to an owner (``/Table``, ``/Layout``)."""
    found: dict[str, Any] = {}
    for part in _items(item.get("/A")):
        if isinstance(part, Dictionary) and str(part.get("/O")) == owner:
            found |= dict(part.items())
    return found


def roles_of(doc: Opened) -> dict[str, str]:
    """What kind stands for what, without the slash."""
    return {key[1:]: str(value)[1:] for key, value in doc.root.StructTreeRoot.get("/RoleMap", Dictionary()).items()}


def standard_kind(kind: str, roles: dict[str, str]) -> str | None:
    """The standard kind that a kind stands for in the end; None for none or for a ring."""
    seen: set[str] = set()
    while kind not in STANDARD:
        if kind in seen or kind not in roles:
            return None
        seen.add(kind)
        kind = roles[kind]
    return kind


def read_tags(doc: Opened) -> list[Tag]:
    """Every tag in the order of reading; the root is none of them. A tag is read once, wherever it is named again."""
    if "tags" in doc.cache:
        return list(doc.cache["tags"])
    roles = roles_of(doc)
    tags: list[Tag] = []
    seen: set[tuple[int, int]] = set()
    waiting = [(item, -1) for item in reversed(_items(doc.root.StructTreeRoot.get("/K")))]
    while waiting:
        item, parent = waiting.pop()
        if item.is_indirect and item.objgen in seen:
            continue
        seen.add(item.objgen)
        raw = str(item.get("/S", "/"))[1:]
        tag = Tag(standard_kind(raw, roles) or raw, len(tags), parent, item)
        tags.append(tag)
        if parent >= 0:
            tags[parent].kids.append(tag.at)
        waiting += [(kid, tag.at) for kid in reversed(_read_kids(tag, item))]
    doc.cache["tags"] = tags
    return list(tags)


def _read_kids(tag: Tag, item: Any) -> list[Any]:
    """Note a tag's marks and annotations; its kids that are tags."""
    below = []
    page = item.get("/Pg")
    own = page.objgen if page is not None else (0, 0)
    for kid in _items(item.get("/K")):
        if isinstance(kid, int):
            tag.marks.append((own, kid))
        elif not isinstance(kid, Dictionary):
            continue
        elif "/MCID" in kid:
            drawn = kid.get("/Stm", kid.get("/Pg"))
            tag.marks.append((drawn.objgen if drawn is not None else own, int(kid["/MCID"])))
        elif "/Obj" in kid:
            tag.notes.append(kid["/Obj"].objgen)
        else:
            below.append(kid)
    return below


def read_parents(doc: Opened) -> dict[int, Any]:
    """The list of parents: number of a page or an annotation, and its tags or tag."""
    if "parents" not in doc.cache:
        tree = doc.root.StructTreeRoot.get("/ParentTree")
        doc.cache["parents"] = {} if tree is None else {int(key): value for key, value in NumberTree(tree).items()}
    return dict(doc.cache["parents"])


def place_of(doc: Opened, tags: list[Tag], tag: Tag) -> str:
    """Where a tag is: the first page of what it or what is below it draws, or its kind alone."""
    waiting = [tag]
    while waiting:
        one = waiting.pop()
        if one.marks:
            return f"{doc.place_of(one.marks[0][0])}, {tag.kind}"
        waiting += [tags[kid] for kid in reversed(one.kids)]
    return tag.kind


def check_marked(doc: Opened) -> Iterator[Finding]:
    """A tagged document says so, suspects nothing, and has a tree with a list of parents."""
    about = doc.root.get("/MarkInfo", Dictionary())
    if not doc.is_tagged:
        # Whether it may do without tags is told by its metadata and by build.log.
        if about.get("/Marked", False):
            yield doc.say(MARKED, "says it is tagged and has no tags")
        return
    if about.get("/Marked") is not True:
        yield doc.say(MARKED, "has tags and does not say so")
    if about.get("/Suspects", False):
        yield doc.say(MARKED, "says its tags may be wrong")
    if "/ParentTree" not in doc.root.StructTreeRoot or not _items(doc.root.StructTreeRoot.get("/K")):
        yield doc.say(MARKED, "has a tree of tags without tags or without a list of parents")


def check_roles(doc: Opened) -> Iterator[Finding]:
    """Each kind is standard or mapped to one that is; no standard kind is mapped."""
    roles = roles_of(doc)
    for kind, role in roles.items():
        if kind in STANDARD:
            yield doc.say(ROLES, f"lets the standard tag {kind} stand for {role}")
        elif standard_kind(kind, roles) is None:
            yield doc.say(ROLES, f"lets {kind} stand for {role}, which stands for no standard tag")
    told: set[str] = set()
    tags = read_tags(doc)
    for tag in tags:
        if tag.kind not in STANDARD and tag.kind not in told:
            told.add(tag.kind)
            yield doc.say(ROLES, f"has a tag {tag.kind!r}", place_of(doc, tags, tag))


def check_tree(doc: Opened) -> Iterator[Finding]:
    """Each tag names the one it stands in; languages of tags are languages."""
    tags = read_tags(doc)
    root = doc.root.StructTreeRoot.objgen
    for tag in tags:
        above = tag.item.get("/P")
        wanted = root if tag.parent < 0 else tags[tag.parent].item.objgen
        if above is None or above.objgen != wanted:
            yield doc.say(PARENTS, "names another tag as the one it stands in", place_of(doc, tags, tag))
        if "/Lang" in tag.item and not is_language(str(tag.item["/Lang"])):
            yield doc.say(LANGUAGE, f"says the language of a tag is {str(tag.item['/Lang'])!r}", place_of(doc, tags, tag))


def check_headings(doc: Opened) -> Iterator[Finding]:
    """The first heading is of level 1, none skips a level, and levels are always said."""
    if not doc.says_accessible:
        return
    tags = read_tags(doc)
    before = 0
    headings = [tag for tag in tags if tag.kind[:1] == "H" and tag.kind[1:].isdigit()]
    for tag in headings:
        level = int(tag.kind[1:])
        if level > before + 1:
            came = f"H{before}" if before else "no heading"
            yield doc.say(HEADINGS, f"has an {tag.kind} after {came}", place_of(doc, tags, tag))
        before = level
    if headings and any(tag.kind == "H" for tag in tags):
        yield doc.say(HEADINGS, "has headings with a level and without")


def check_nesting(doc: Opened) -> Iterator[Finding]:
    """Rows stand in tables, cells in rows, items in lists; one head and one foot at most."""
    tags = read_tags(doc)
    for tag in tags:
        within = tags[tag.parent].kind if tag.parent >= 0 else "nothing"
        if within not in _WITHIN.get(tag.kind, {within}) or tag.kind not in _HOLDS.get(within, {tag.kind}):
            yield doc.say(NESTING, f"has a {tag.kind} in {within}", place_of(doc, tags, tag))
        if tag.kind in _HOLDS and tag.marks:
            yield doc.say(NESTING, f"draws in a {tag.kind} itself", place_of(doc, tags, tag))
        if tag.kind == "Table":
            parts = [tags[kid].kind for kid in tag.kids]
            if parts.count("THead") > 1 or parts.count("TFoot") > 1 or ("TBody" in parts and "TR" in parts):
                yield doc.say(NESTING, f"has a table of {', '.join(parts)}", place_of(doc, tags, tag))


def check_alternatives(doc: Opened) -> Iterator[Finding]:
    """Each figure and formula has words that stand for it; a figure says where it is."""
    tags = read_tags(doc)
    for tag in tags:
        if tag.kind not in ("Figure", "Formula"):
            continue
        if not any(str(tag.item.get(key, "")).strip() for key in ("/Alt", "/ActualText")):
            yield doc.say(ALTERNATIVES, f"has a {tag.kind} without words", place_of(doc, tags, tag))
        box = attributes(tag.item, "/Layout").get("/BBox")
        if tag.kind == "Figure" and not (isinstance(box, Array) and len(box) == 4 and box[0] < box[2] and box[1] < box[3]):
            yield doc.say(ALTERNATIVES, "has a Figure without its place (BBox)", place_of(doc, tags, tag))
    if doc.alternatives is not None:
        said = {plain(str(tag.item.get("/Alt", ""))) for tag in tags if tag.kind == "Figure"}
        wanted = {plain(text) for text in doc.alternatives}
        for text in sorted(said - wanted):
            yield doc.say(ALTERNATIVES, f"says {text!r} for a picture, which no result says")
        for text in sorted(wanted - said):
            yield doc.say(ALTERNATIVES, f"says nowhere {text!r} for a picture")


def check_links(doc: Opened) -> Iterator[Finding]:
    """Each link is the annotation of a tag Link, has words, and leads to a page of the document or to an address."""
    tags = read_tags(doc) if doc.reads_tags else []
    parents = read_parents(doc) if doc.reads_tags else {}
    linked = {note: tag for tag in tags if tag.kind == "Link" for note in tag.notes}
    for number, page in enumerate(doc.pages, start=1):
        place = f"page {number}"
        for note in page.get("/Annots", Array()):
            target = note.get("/Dest", note.get("/A", Dictionary()).get("/D"))
            address = str(note.get("/A", Dictionary()).get("/URI", ""))
            other = doc.opens(note.get("/A", Dictionary())) is not None
            if not address and not other and place_at(doc, target) is None:
                yield doc.say(LINKS, "has a link that leads to no page", place)
            words = str(note.get("/Contents", "")).strip()
            if doc.says_accessible and (not words or (not address and "://" in words)):
                yield doc.say(LINKS, f"has a link whose words are {words!r}", place)
            tag = linked.get(note.objgen)
            listed = parents.get(int(note.get("/StructParent", -1)))
            if doc.reads_tags and (tag is None or not isinstance(listed, Dictionary) or listed.objgen != tag.item.objgen):
                yield doc.say(LINKS, "has a link that is in no tag Link", place)


def place_at(doc: Opened, target: Any) -> Any:
    """The place on a page of the document that a destination is, by itself or by a name; None for no page."""
    if isinstance(target, Array):
        found = len(target) > 0 and isinstance(target[0], Dictionary) and target[0].objgen in doc.page_numbers
        return target if found else None
    if target is None:
        return None
    if "places" not in doc.cache:
        tree = doc.root.get("/Names", Dictionary()).get("/Dests")
        places = {str(key): value for key, value in NameTree(tree).items()} if tree is not None else {}
        places |= {str(key)[1:]: value for key, value in doc.root.get("/Dests", Dictionary()).items()}
        doc.cache["places"] = places
    named = doc.cache["places"].get(str(target).removeprefix("/"))
    place = named.get("/D") if isinstance(named, Dictionary) else named
    return place_at(doc, place) if isinstance(place, Array) else None


def check_notes(doc: Opened) -> Iterator[Finding]:
    """Each note has a name, which no other tag has."""
    tags = read_tags(doc)
    seen: set[bytes] = set()
    for tag in tags:
        if tag.kind != "Note":
            continue
        name = bytes(tag.item.get("/ID", b""))
        if not name or name in seen:
            yield doc.say(NOTES, "has a note without a name of its own", place_of(doc, tags, tag))
        seen.add(name)


#: For every document; the others for tagged ones.
ALWAYS = (check_marked, check_links)
CHECKS = (check_roles, check_tree, check_headings, check_nesting, check_alternatives, check_notes)
