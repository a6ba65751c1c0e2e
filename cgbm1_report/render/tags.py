"""The tags of a long PDF, taken out of its volumes before they are joined and put under the whole afterwards.

A page has about as many tags as cells. A library that builds each in memory takes longer to join volumes
than typst took to make them; here tags stay the bytes typst wrote, only their numbers change. Pages and
links, to which tags lead, carry their old number through the joining (`MARK`).
"""

from __future__ import annotations

import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cgbm1_report.errors import ToolError

#: Key of a page or link that says which object of which volume it was.
MARK = "/VolumeObject"
_PER_VOLUME = 10_000_000
_MARKED = re.compile(MARK.encode() + rb" (\d+) ?")
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*\Z")
_TABLE = re.compile(rb"xref\s+0 (\d+)\s+")
#: Bytes of an entry of the table of objects: offset, generation, whether it is in use.
_ENTRY = 20
_LEADS_TO = re.compile(rb"\d+(?= 0 R\b)")
#: What the name of a header cell begins with where such names stand: behind /ID, in a list of them, in the tree of names.
_CELL_NAME = re.compile(rb"(?<=[\[D)R ])\(U(?=\d+x\d+y\d+\))")
#: A text, in which nothing leads anywhere though it may look so; a cell's name does not.
_TEXT = re.compile(rb"\((?!\w\d+x\d+y\d+\))")
_BRACKET = re.compile(rb"\(\w\d+x\d+y\d+\)|\\.|[()]", re.S)
_ELEMENT = b"<</Type/StructElem"
_HEADING = re.compile(rb"^(<</Type/StructElem/S/H)(\d)\b")
#: Objects in one compressed stream of them.
_PACKED = 200


@dataclass(frozen=True)
class Objects:
    """A PDF's objects by their number, without what frames them, and what its trailer says."""

    bodies: dict[int, bytes]
    trailer: bytes

    @property
    def root(self) -> int:
        return _lead(self.trailer, b"/Root")


@dataclass(frozen=True)
class Tags:
    """The tags of one volume.

    ``elements`` are all but the document's, ``tops`` the numbers of those right below it; ``parents`` lead
    from the key of a page or link to its tags, ``names`` from the name of a header cell or a footnote to its tag;
    ``letter`` is what these names begin with in the whole, ``next_key`` the first key that is free, ``deeper`` by how much its
    headings are deeper in the whole.
    """

    letter: bytes
    elements: dict[int, bytes]
    tops: list[int]
    document: int
    roles: dict[bytes, bytes]
    parents: list[tuple[int, int]]
    names: list[tuple[bytes, int]]
    next_key: int
    deeper: int = 0


def _unknown() -> ToolError:
    return ToolError(
        "a volume is not written as this version joins them", rule="joining a long PDF", remedy="use the locked version of typst"
    )


def read_objects(content: bytes) -> Objects:
    """The objects of a PDF that lists them in one plain table.

    Raises
    ------
    ReportError
        There is no such table, or an object does not stand where it says.
    """
    start = _START.search(content, max(0, len(content) - 200))
    table = _TABLE.match(content, int(start[1])) if start else None
    if start is None or table is None:
        raise _unknown()
    first, size = table.end(), int(table[1])
    entries = (content[at : at + _ENTRY] for at in range(first, first + _ENTRY * size, _ENTRY))
    places = {number: int(entry[:10]) for number, entry in enumerate(entries) if entry[17:18] == b"n"}
    ends = sorted([*places.values(), int(start[1])])
    bodies = {}
    for number, place in places.items():
        head = b"%d 0 obj" % number
        if not content.startswith(head, place):
            raise _unknown()
        bodies[number] = content[place + len(head) : content.rindex(b"endobj", place, ends[bisect_right(ends, place)])].strip()
    return Objects(bodies, content[first + _ENTRY * size :])


def _lead(words: bytes, key: bytes) -> int:
    found = re.search(re.escape(key) + rb"\s*\[?\s*(\d+) 0 R", words)
    if not found:
        raise _unknown()
    return int(found[1])


def _inside(words: bytes, key: bytes, closed: bytes) -> bytes:
    """What stands between a key's bracket and the one that closes it; nothing where the key is not there."""
    _, found, rest = words.partition(key)
    if found and b"/Kids" in rest.partition(closed)[0]:
        raise _unknown()
    return rest.partition(closed)[0]


def take_tags(content: bytes, volume: int, letter: bytes, deeper: int = 0) -> tuple[bytes, Tags]:
    """Cut a volume into a PDF without tags, whose pages and links are marked, and its tags.

    ``letter`` will begin the names of its header cells, so that volumes are told apart; empty leaves them. Its headings will
    stand so much ``deeper``.
    """
    whole = read_objects(content)
    bodies = whole.bodies
    top = _lead(bodies[whole.root], b"/StructTreeRoot")
    root = bodies[top]
    document = _lead(root, b"/K")
    parents = [(int(key), int(to)) for key, to in re.findall(rb"(\d+) (\d+) 0 R", _inside(root, b"/ParentTree<</Nums[", b"]"))]
    names = [
        (_named(name, letter), int(to))
        for name, to in re.findall(rb"\(([^()\\]+)\)\s*(\d+) 0 R", _inside(root, b"/IDTree<</Names[", b"]"))
    ]
    if not parents:
        raise _unknown()
    lists = {to for _, to in parents}
    elements = {n: body for n, body in bodies.items() if (body.startswith(_ELEMENT) or n in lists) and n != document}
    tags = Tags(
        letter,
        elements,
        [int(to) for to in _LEADS_TO.findall(_inside(bodies[document], b"/K[", b"]"))],
        document,
        dict(re.findall(rb"(/\w+)(/\w+)", _inside(root, b"/RoleMap<<", b">>"))),
        parents,
        names,
        int(re.findall(rb"/ParentTreeNextKey (\d+)", root)[0]),
        deeper,
    )
    bare = {n: _marked(n, body, volume) for n, body in bodies.items() if n not in elements and n not in (top, document)}
    bare[whole.root] = re.sub(rb"/StructTreeRoot \d+ 0 R", b"", bare[whole.root])
    return _write_plain(bare, whole.trailer), tags


def _named(name: bytes, letter: bytes) -> bytes:
    """The name of a header cell or a footnote in the whole."""
    if not letter:
        return name
    return letter + name[1:] if re.fullmatch(rb"U\d+x\d+y\d+", name) else letter + b" " + name


def _marked(number: int, body: bytes, volume: int) -> bytes:
    if not body.startswith((b"<</Type/Page/", b"<</Type/Annot/")):
        return body
    return b"<<%s %d%s" % (MARK.encode(), volume * _PER_VOLUME + number, body[2:])


def _write_plain(bodies: dict[int, bytes], trailer: bytes) -> bytes:
    size = max(bodies) + 1
    parts = [b"%PDF-1.7\n%\x80\x80\x80\x80\n", *(b"%d 0 obj\n%s\nendobj\n" % pair for pair in bodies.items())]
    *places, end = accumulate(map(len, parts))
    at = dict(zip(bodies, places, strict=True))
    entries = (b"%010d 00000 n\r\n" % at[n] if n in at else b"0000000000 65535 f\r\n" for n in range(size))
    told = re.sub(rb"startxref.*", b"", trailer, flags=re.S)
    return b"".join([*parts, b"xref\n0 %d\n" % size, *entries, told, b"\nstartxref\n%d\n%%%%EOF\n" % end])


def put_tags(joined: bytes, every: Sequence[Tags], *, marks: Iterable[bytes]) -> bytes:
    """Put the tags of the volumes under the pages that were joined.

    Parameters
    ----------
    joined
        The joined PDF with a plain table of its objects.
    marks
        Titles of headings that stand for nothing on a page: they are left out.
    """
    pages = read_objects(joined)
    bodies = dict(pages.bodies)
    found: dict[int, int] = {}
    for number, body in pages.bodies.items():
        mark = _MARKED.search(body) if body.startswith(b"<<") and b"stream" not in body else None
        if mark:
            found[int(mark[1])] = number
            bodies[number] = body.replace(mark[0], b"", 1)
    document = max(bodies) + 1
    root = document + 1
    kids: list[bytes] = []
    parents: list[bytes] = []
    names: list[tuple[bytes, bytes]] = []
    free, key = root + 1, 0
    for volume, tags in enumerate(every):
        new = {b"%d" % n: b"%d" % at for at, n in enumerate(tags.elements, start=free)}
        new |= {b"%d" % (n % _PER_VOLUME): b"%d" % at for n, at in found.items() if n // _PER_VOLUME == volume}
        new[b"%d" % tags.document] = b"%d" % document
        shown = [n for n in tags.tops if not _is_mark(tags.elements[n], marks)]
        kids += [new[b"%d" % n] for n in shown]
        parents += [b"%d %s 0 R" % (own + key, new[b"%d" % to]) for own, to in tags.parents]
        names += [(name, new[b"%d" % to]) for name, to in tags.names]
        bodies |= enumerate(_renumbered(_lowered(tags), new, tags.letter), start=free)
        free, key = free + len(tags.elements), key + tags.next_key
    roles = b"".join(one + other for one, other in {name: role for tags in every for name, role in tags.roles.items()}.items())
    bodies[document] = b"<</Type/StructElem/S/Document/P %d 0 R/K[%s]>>" % (root, b" ".join(kid + b" 0 R" for kid in kids))
    tree = b"".join(b"(%s)%s 0 R" % pair for pair in sorted(names))
    bodies[root] = b"<</Type/StructTreeRoot/RoleMap<<%s>>/K[%d 0 R]/ParentTree<</Nums[%s]>>%s/ParentTreeNextKey %d>>" % (
        roles, document, b" ".join(parents), b"/IDTree<</Names[%s]>>" % tree if tree else b"", key,
    )  # fmt: skip
    bodies[pages.root] = b"<</StructTreeRoot %d 0 R" % root + bodies[pages.root][2:]
    return b"".join(_write_packed(bodies, pages.trailer))


def _lowered(tags: Tags) -> list[bytes]:
    """The tags of a volume, headings at their level in the whole; PDF 1.7 knows six."""

    def lower(found: re.Match[bytes]) -> bytes:
        return b"%s%d" % (found[1], min(int(found[2]) + tags.deeper, 6))

    every = list(tags.elements.values())
    return [_HEADING.sub(lower, body) for body in every] if tags.deeper else every


def _is_mark(element: bytes, titles: Iterable[bytes]) -> bool:
    return b"/Pg " not in element and any(b"/T(%s)" % title in element for title in titles)


def _renumbered(bodies: list[bytes], new: dict[bytes, bytes], letter: bytes) -> list[bytes]:
    def lead(words: bytes) -> bytes:
        named = _CELL_NAME.sub(b"(" + letter, words) if letter else words
        return _LEADS_TO.sub(lambda found: new[found[0]], named)

    try:
        with_text = {at for at, body in enumerate(bodies) if _TEXT.search(body)}
        # One long text is searched faster than many short ones; without texts none of them has a zero byte.
        plain = iter(lead(b"\0".join(body for at, body in enumerate(bodies) if at not in with_text)).split(b"\0"))
        return [_lead_of_parts(body, lead, letter) if at in with_text else next(plain) for at, body in enumerate(bodies)]
    except KeyError:
        raise _unknown() from None


def _lead_of_parts(body: bytes, lead: Callable[[bytes], bytes], letter: bytes) -> bytes:
    """A tag with texts: what is outside them leads elsewhere; a footnote's name is its volume's."""
    made: list[bytes] = []
    for text, part in _parts(body):
        if text and made and made[-1].endswith(b"/ID"):
            part = b"(" + _named(part[1:-1], letter) + b")"
        made.append(part if text else lead(part))
    return b"".join(made)


def _parts(body: bytes) -> Iterator[tuple[bool, bytes]]:
    """A tag cut into what leads to others and its texts."""
    at, depth = 0, 0
    for mark in _BRACKET.finditer(body):
        # The name of a cell is no text; inside a text it closes what it opens.
        if mark[0] == b"(":
            if not depth:
                yield False, body[at : mark.start()]
                at = mark.start()
            depth += 1
        elif mark[0] == b")" and depth:
            depth -= 1
            if not depth:
                yield True, body[at : mark.end()]
                at = mark.end()
    yield bool(depth), body[at:]


def _write_packed(bodies: dict[int, bytes], trailer: bytes) -> Iterator[bytes]:
    """The file, its objects without data packed together and compressed."""
    size = max(bodies) + 1
    packed = [number for number, body in bodies.items() if not body.endswith(b"endstream")]
    places = {}
    told = re.sub(rb"/(?:Size|Prev) \d+", b"", _inside(trailer, b"<<", b"startxref").rpartition(b">>")[0])
    yield (head := b"%PDF-1.7\n%\x80\x80\x80\x80\n")
    length = len(head)
    groups = [packed[at : at + _PACKED] for at in range(0, len(packed), _PACKED)]
    loose = [(number, body) for number, body in bodies.items() if body.endswith(b"endstream")]
    loose += [(size + at, _object_stream([(n, bodies[n]) for n in group])) for at, group in enumerate(groups)]
    for number, body in loose:
        places[number] = struct.pack(">BIB", 1, length, 0)
        yield (made := b"%d 0 obj\n%s\nendobj\n" % (number, body))
        length += len(made)
    for at, group in enumerate(groups):
        places |= {n: struct.pack(">BIB", 2, size + at, place) for place, n in enumerate(group)}
    last = size + len(groups)
    places[last] = struct.pack(">BIB", 1, length, 0)
    table = zlib.compress(b"".join(places.get(n, b"\0" * 6) for n in range(last + 1)))
    about = b"/Type/XRef/W[1 4 1]/Size %d%s/Filter/FlateDecode/Length %d" % (last + 1, told, len(table))
    yield b"%d 0 obj\n<<%s>>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (last, about, table, length)


def _object_stream(objects: Sequence[tuple[int, bytes]]) -> bytes:
    places = accumulate((len(body) + 1 for _, body in objects), initial=0)
    heads = b" ".join(b"%d %d" % (number, place) for (number, _), place in zip(objects, places, strict=False)) + b"\n"
    content = zlib.compress(heads + b"\n".join(body for _, body in objects))
    about = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d" % (len(objects), len(heads), len(content))
    return b"<<%s>>\nstream\n%s\nendstream" % (about, content)
