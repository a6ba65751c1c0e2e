"""What of the writer's holds on to an output that is replaced: bookmarks and comments, carried onto its new title.

A cross-reference of Word's shows the text its bookmark (``_Ref…``) spans, and shows it anew whenever fields are
updated: the label alone, the words alone, or all of the title. So it spans the same part of the new title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import pairwise

from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.seal import SEAL, text_of
from cgbm1_report.render.refresh.places import own_name
from cgbm1_report.render.refresh.scan import Bookmark, Place

_PARAGRAPH = re.compile(rb"<w:p(?: [^>]*)?>")
_TEXT = re.compile(rb"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_RUN = re.compile(rb"(<w:r(?: [^>]*)?>.*?</w:r>)", re.S)
_FIELD = re.compile(rb'<w:fldChar [^>]*w:fldCharType="(begin|end)"')
_COMMENT = re.compile(rb'<w:(commentRangeStart|commentRangeEnd|commentReference)\b[^>]*?w:id="([^"]+)"')
_IDENT = re.compile(rb'w:id="([^"]*)"')
_PIECE = re.compile(
    rb'<w:fldChar\b[^>]*w:fldCharType="(?P<mark>begin|separate|end)"|<w:instrText\b[^>]*>(?P<code>[^<]*)</w:instrText>'
    rb'|<w:fldSimple\b[^>]*w:instr="(?P<simple>[^"]*)"[^>]*>|(?P<over></w:fldSimple>)'
)
#: A reference that shows something else than the text of its bookmark: a position, a number of a paragraph or of a note.
_OTHERWISE = re.compile(r"\\[pnrwf]")
#: Fields that show a bookmark's text, or its page.
_REFER = frozenset({"REF", "PAGEREF"})
#: Where Word's cursor stood; nothing refers to it.
_CURSOR = "_GoBack"


@dataclass(frozen=True)
class Mark:
    """A mark of the writer's: what it is put by, and which characters of the title it spans.

    Either byte string is empty where that half stands outside the output. ``name`` is that of a bookmark;
    ``lay_on`` what it spans, where that is below the title: such a bookmark has no place in the new output.
    """

    name: str
    begin: bytes
    end: bytes
    span: tuple[int, int] | None = None
    lay_on: str = ""
    #: Whether it ``begins`` or ``ends`` on words below the title, and has its other half outside the output.
    across: str = ""


def find_title(region: bytes, number: str) -> slice:
    """The paragraph that is an output's title: that of its own bookmark, else the first with text."""
    named = region.find(f'w:name="{anchor(number)}"'.encode())
    text = _TEXT.search(region)
    at = named if named >= 0 else text.start() if text else len(region)
    start = max((found.start() for found in _PARAGRAPH.finditer(region, 0, at)), default=0)
    stop = region.find(b"</w:p>", at)
    return slice(start, len(region) if stop < 0 else stop + len(b"</w:p>"))


def take_marks_off(new: bytes, old: bytes, number: str) -> bytes:
    """A build's output for a place that has no bookmark around it: from its title on, with the title's marks if it has them."""
    around = re.search(rb'<w:bookmarkStart w:id="(\d+)" w:name="%s"/>' % region_name(number).encode(), new)
    if b"<w:tbl>" in new:
        new = new[new.index(b"<w:tbl>") : new.rindex(b"</w:tbl>") + len(b"</w:tbl>")]
    else:
        new = new[find_title(new, number).start :]
    if f'w:name="{anchor(number)}"'.encode() not in old:
        return re.sub(rb"<w:bookmark(?:Start|End)\b[^>]*/>", b"", new)
    return new.replace(b'<w:bookmarkEnd w:id="%s"/>' % around[1], b"") if around else new


def find_marks(text: bytes, place: Place, bookmarks: Sequence[Bookmark]) -> list[Mark]:
    """The writer's bookmarks and comments that begin or end in an output."""
    region = text[place.start : place.stop]
    title = find_title(region, place.number)
    own = {region_name(place.number), anchor(place.number)}
    rows = re.compile(rf"{anchor(place.number)}_row_\d+")
    marks = []
    for bookmark in bookmarks:
        begins = place.start <= bookmark.start.at < place.stop
        ends = bookmark.end is not None and place.start <= bookmark.end.at < place.stop
        name = own_name(bookmark.name)
        ours = (
            name in own
            or bool(rows.fullmatch(name))
            or bookmark.name.startswith(SEAL)
            or (bookmark.name == _CURSOR and begins and ends)
        )
        if (begins or ends) and bookmark.end is not None and not ours:
            marks.append(_bookmark(text, place, title, bookmark, begins=begins, ends=ends))
    return marks + _comments(region)


def _bookmark(text: bytes, place: Place, title: slice, bookmark: Bookmark, *, begins: bool, ends: bool) -> Mark:
    start = bookmark.start.at
    stop = bookmark.end.at if bookmark.end else start
    found = _IDENT.search(text, start)
    ident = found[1].decode() if found else ""
    begin = f'<w:bookmarkStart w:id="{ident}" w:name="{escape(bookmark.name)}"/>'.encode() if begins else b""
    end = f'<w:bookmarkEnd w:id="{ident}"/>'.encode() if ends else b""
    first, last = place.start + title.start, place.start + title.stop
    if not (begins and ends and first <= start and stop < last):
        behind = begins and ends and start >= last
        words = text_of(text[start:stop]) if behind else ""
        across = "" if begins is ends or (start if begins else stop) < last else "begins" if begins else "ends"
        # A point in the old rows spans nothing of the new title either: a reference to it would print the title.
        return Mark(bookmark.name, begin, end, (0, 0) if behind and not words else None, words, across)
    return Mark(bookmark.name, begin, end, (len(text_of(text[first:start])), len(text_of(text[first:stop]))))


def _comments(region: bytes) -> list[Mark]:
    """A comment's three anchors, those that stand in the output."""
    kinds: dict[bytes, set[bytes]] = {}
    for kind, ident in _COMMENT.findall(region):
        kinds.setdefault(ident, set()).add(kind)
    marks = []
    for ident, found in kinds.items():
        begin = b'<w:commentRangeStart w:id="%s"/>' % ident if b"commentRangeStart" in found else b""
        end = b'<w:commentRangeEnd w:id="%s"/>' % ident if b"commentRangeEnd" in found else b""
        end += b'<w:r><w:commentReference w:id="%s"/></w:r>' % ident if b"commentReference" in found else b""
        marks.append(Mark("", begin, end))
    return marks


def carry_marks(region: bytes, number: str, old_title: str, marks: Iterable[Mark]) -> tuple[bytes, list[str]]:
    """A new output with the writer's marks on its title; and what is said of bookmarks that span other words now."""
    title = find_title(region, number)
    paragraph = region[title]
    new_title = text_of(paragraph)
    placed, told = [], []
    for mark in marks:
        span, same = _span(mark, old_title, new_title)
        placed.append((span, mark))
        told += [] if same else [f"{number}: the words of bookmark {mark.name} are gone from the title: it spans all of it now"]
        if mark.across:
            said = f"{mark.across} in it and goes on outside: it {mark.across} at the new title now; look at what refers to it"
            told.append(f"{number}: bookmark {mark.name} {said}")
    return region[: title.start] + _put(paragraph, placed) + region[title.stop :], told


def _span(mark: Mark, old: str, new: str) -> tuple[tuple[int, int], bool]:
    """The characters of the new title a mark spans, and whether they are what it spanned of the old one."""
    whole = (0, len(new))
    if mark.span is None:
        return whole, True
    start, stop = mark.span
    words = old[start:stop]
    if not old[:start].strip() and not old[stop:].strip():
        return whole, True
    if not old[stop:].strip() and new.startswith(old[:start]):
        return (start, len(new)), True
    at = new.find(words)
    if at >= 0:
        return (at, at + len(words)), True
    return whole, False


def _put(paragraph: bytes, placed: Sequence[tuple[tuple[int, int], Mark]]) -> bytes:
    """A title with marks at its characters; a run is cut where one falls inside it, a field never is."""
    pieces = _pieces(paragraph, {at for span, _ in placed for at in span})
    # Per piece: how much text and how many open fields stand before it.
    reach, depth, fields, length = [], [], 0, 0
    for piece in pieces:
        reach.append(length)
        depth.append(fields)
        length += len(text_of(piece))
        fields += sum(1 if kind == b"begin" else -1 for kind in _FIELD.findall(piece))
    worded = [at for at, piece in enumerate(pieces) if text_of(piece)]
    before: dict[int, list[bytes]] = {}
    for (start, stop), mark in placed:
        first = next((at for at in worded if reach[at] >= start), len(pieces) - 1)
        last = next((at for at in reversed(worded) if reach[at] < stop), first - 1) + 1
        while depth[first] > 0:
            first -= 1
        while last < len(pieces) - 1 and depth[last] > 0:
            last += 1
        last = max(first, last)
        if first == last:
            before.setdefault(first, []).append(mark.begin + mark.end)
        else:
            before.setdefault(first, []).append(mark.begin)
            before.setdefault(last, []).insert(0, mark.end)
    return b"".join(b"".join(before.get(at, ())) + piece for at, piece in enumerate(pieces))


def _pieces(paragraph: bytes, cuts: set[int]) -> list[bytes]:
    """Runs and what stands between them, runs of one text cut at these characters of the paragraph."""
    pieces: list[bytes] = []
    length = 0
    for piece in _RUN.split(paragraph):
        words = text_of(piece)
        inside = sorted(at - length for at in cuts if length < at < length + len(words))
        length += len(words)
        if not inside or len(_TEXT.findall(piece)) != 1:
            pieces.append(piece)
            continue
        head, tail = _TEXT.split(piece)[::2]
        bounds = [0, *inside, len(words)]
        for start, stop in pairwise(bounds):
            text = escape(words[start:stop], quote=False).encode()
            pieces.append(head + b'<w:t xml:space="preserve">' + text + b"</w:t>" + tail)
    return pieces


def find_lost(text: bytes, number: str, lost: Iterable[Mark], others: Iterable[bytes] = ()) -> list[str]:
    """What is said of bookmarks that stood on words below an output's old title, and of what refers to them.

    They go with these words: on the new title they would put it into the middle of a sentence as soon as fields are updated.
    """
    # Without the spaces that line numbers up.
    gone = {mark.name: " ".join(mark.lay_on.split()) for mark in lost}
    told = [
        f"{number}: bookmark {name} stood on {words!r}, which was replaced, and is gone with it: a reference to it pointed at a "
        "number of the replaced output; write it anew"
        for name, words in gone.items()
    ]
    for part in (text, *others) if gone else ():
        referring = ((code.replace('"', "").split(), " ".join(shown.split())) for code, shown in _fields(part))
        told += [
            f"a cross-reference shows {shown!r}, which stood in the replaced {number}: write it anew; Word prints an error in its "
            "place when it updates fields"
            for words, shown in referring
            if len(words) > 1 and words[0].upper() in _REFER and words[1] in gone
        ]
    return list(dict.fromkeys(told))


def find_stale(text: bytes, names: Iterable[str], others: Iterable[bytes] = ()) -> list[tuple[str, str]]:
    """What cross-references to these bookmarks show, and what they will show when Word updates them, where that differs.

    ``text`` is the main part, which holds the bookmarks; ``others`` are parts that may refer to them too.
    """
    wanted = set(names)
    found = []
    for part in (text, *others) if wanted else ():
        for code, shown in _fields(part):
            words = code.replace('"', "").split()
            if len(words) < 2 or words[0].upper() != "REF" or words[1] not in wanted or _OTHERWISE.search(code):
                continue
            now = _spanned(text, words[1].encode("utf-8"))
            if " ".join(shown.split()) != " ".join(now.split()):
                found.append((shown, now))
    return list(dict.fromkeys(found))


def _fields(text: bytes) -> Iterator[tuple[str, str]]:
    """The instruction of each field, which Word may have cut into runs, and what it shows."""
    opened: list[tuple[list[bytes], list[int]]] = []
    for found in _PIECE.finditer(text):
        if found["mark"] == b"begin" or found["simple"] is not None:
            opened.append(([found["simple"] or b""], [found.end()] if found["simple"] is not None else []))
        elif not opened:
            continue
        elif found["code"] is not None:
            opened[-1][0].append(found["code"])
        elif found["mark"] == b"separate":
            opened[-1][1].append(found.end())
        else:
            code, start = opened.pop()
            yield unescape(b"".join(code).decode("utf-8")), text_of(text[start[0] : found.start()]) if start else ""


def _spanned(text: bytes, name: bytes) -> str:
    """The text a bookmark spans."""
    begin = re.search(rb'<w:bookmarkStart\b(?=[^>]* w:id="([^"]*)")[^>]* w:name="%s"[^>]*>' % re.escape(name), text)
    if begin is None:
        return ""
    end = re.compile(rb'<w:bookmarkEnd\b[^>]*w:id="%s"' % re.escape(begin[1])).search(text, begin.end())
    return text_of(text[begin.end() : end.start()]) if end else ""
