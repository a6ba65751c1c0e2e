"""What of the writer's stands inside an output: it would go with the old numbers, so it is told before that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import unescape

from cgbm1_report.emit.seal import text_of
from cgbm1_report.render.refresh.bold import has_own_bold
from cgbm1_report.render.refresh.marks import Mark

_CHANGES = {
    "ins": "insertion",
    "del": "deletion",
    "moveFrom": "move",
    "moveTo": "move",
    "cellIns": "insertion",
    "cellDel": "deletion",
    "cellMerge": "merged cell",
}
_CHANGE = re.compile(rb"<w:(ins|del|moveFrom|moveTo|cellIns|cellDel|cellMerge|\w+Change)\b([^>]*)>")
_AUTHOR = re.compile(rb'w:author="([^"]*)"')
_COMMENT = re.compile(rb'<w:comment\b[^>]*?w:id="([^"]+)"[^>]*>(.*?)</w:comment>', re.S)
_ANCHOR = re.compile(rb'<w:(?:commentRangeStart|commentRangeEnd|commentReference)\b[^>]*?w:id="([^"]+)"')
_RUN = re.compile(rb"<w:r(?: [^>]*)?><w:rPr>(.*?)</w:rPr>(.*?)</w:r>", re.S)
_DRESS = re.compile(rb"<w:(rStyle|highlight|shd|u|i|strike|dstrike|em|color)(?: ([^>]*?))?/?>")
_VALUE = re.compile(rb'w:val="([^"]*)"')
_FILL = re.compile(rb'w:fill="([^"]*)"')
_FIELD = re.compile(rb"<w:instrText[^>]*>\s*(\w+)|<w:fldSimple [^>]*w:instr=\"\s*(\w+)")
#: Values that dress nothing, and the colours of our own links and of what a listing said above.
_PLAIN = frozenset({b"auto", b"none", b"0", b"false", b"FFFFFF", b"000000", b"808080", b"1F4E79"})
#: Character styles that a program gives to links, comments and notes, which are told for themselves.
_STYLED = frozenset(
    {b"Hyperlink", b"FollowedHyperlink", b"InternetLink", b"VisitedInternetLink", b"DefaultParagraphFont"}
    | {b"CommentReference", b"FootnoteReference", b"EndnoteReference", b"IndexLink"}
)
_LOOKS = {
    "rStyle": "a character style",
    "highlight": "highlighting",
    "shd": "shading",
    "u": "underlining",
    "i": "italics",
    "strike": "strike-through",
    "dstrike": "strike-through",
    "em": "emphasis",
    "color": "coloured text",
}
#: What must begin and end on the same side of an output: no place in the new one is theirs.
_RANGES = (("moveFromRangeStart", "moveFromRangeEnd"), ("moveToRangeStart", "moveToRangeEnd"), ("permStart", "permEnd"))
_NOTES = {"footnote": "footnoteReference", "endnote": "endnoteReference", "link": "hyperlink r:id"}
_WORDS = 40


def find_own(
    old: bytes, new: bytes, marks: Iterable[Mark], comments: bytes, edited: bool | None,
    *, styles: Mapping[str, str] | None = None, title: slice = slice(0),
) -> list[str]:  # fmt: skip
    """What stands in an output and is not the build's, in words.

    Parameters
    ----------
    edited
        Whether its text is another one than was printed then.
    styles
        What the document calls our styles.
    title
        Where the title stands: a comment on it loses nothing, since it goes onto the new one.
    """
    changes = list(_tracked(old))
    told = [*changes, *_comments(old[: title.start or 0] + old[title.stop :], comments)]
    told += [f"bookmark {mark.name} on {shorten(mark.lay_on)}" for mark in marks if mark.lay_on]
    counted = {word: len(re.findall(rf"<w:{tag}\b".encode(), old)) for word, tag in _NOTES.items()}
    told += [f"{count} {word}{'s' * (count > 1)}" for word, count in counted.items() if count]
    fields = sorted(_fields(old) - _fields(new))
    told += [f"field {', '.join(fields)}"] if fields else []
    told += [f"formatting: {', '.join(looks)}"] if (looks := _dressed(old, new, styles or {})) else []
    if edited and not changes:
        told.append("text that was edited since the build printed it")
    return told


def find_torn(old: bytes) -> list[str]:
    """What begins in an output and ends outside it, or the other way round, and cannot be moved."""
    torn = []
    if old.count(b'w:fldCharType="begin"') != old.count(b'w:fldCharType="end"'):
        torn.append("a field")
    for start, end in _RANGES:
        if old.count(f"<w:{start} ".encode()) != old.count(f"<w:{end} ".encode()):
            torn.append(f"a range ({start})")
    return torn


def _tracked(old: bytes) -> Iterator[str]:
    found: dict[str, Counter[str]] = {}
    for kind, attributes in _CHANGE.findall(old):
        author = _AUTHOR.search(attributes)
        # The same element begins a range that a move leaves; only what has an author is a change.
        if author:
            word = _CHANGES.get(kind.decode(), "change of formatting")
            found.setdefault(unescape(author[1].decode("utf-8")), Counter())[word] += 1
    for name, counted in found.items():
        yield f"tracked by {name or 'nobody'}: " + ", ".join(
            f"{count} {word}{'s' if count > 1 and word in _CHANGES.values() else ''}" for word, count in counted.items()
        )


def _comments(old: bytes, comments: bytes) -> Iterator[str]:
    wanted = set(_ANCHOR.findall(old))
    for found in _COMMENT.finditer(comments) if wanted else ():
        if found[1] in wanted:
            author = _AUTHOR.search(found[0])
            yield f"comment by {unescape(author[1].decode('utf-8')) if author else 'nobody'}: {shorten(text_of(found[2]))}"
            wanted.discard(found[1])
    for ident in sorted(wanted):
        yield f"comment {ident.decode()}"


def _fields(content: bytes) -> set[str]:
    return {(one or other).decode().upper() for one, other in _FIELD.findall(content)}


def _dressed(old: bytes, new: bytes, styles: Mapping[str, str]) -> list[str]:
    """Kinds of formatting that text of the old output has and nothing of the new one; and bold, where the build printed none."""
    bold = {"bold text"} if has_own_bold(old, styles) else set()
    return sorted({_LOOKS[kind] for kind, _ in _looks(old) - _looks(new)} | bold)


def _looks(content: bytes) -> set[tuple[str, bytes]]:
    """The formatting of texts and cells: its kind and value."""
    found = set()
    dresses: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for properties, text in _RUN.findall(content):
        if properties not in dresses:
            dresses[properties] = _DRESS.findall(properties)
        worded = bool(dresses[properties]) and text_of(text).strip() != ""
        for kind, attributes in dresses[properties] if worded else ():
            value = (_FILL if kind == b"shd" else _VALUE).search(attributes)
            if value is not None and value[1] in (_STYLED if kind == b"rStyle" else _PLAIN):
                continue
            found.add((kind.decode(), value[1] if value else b""))
    for cell in re.findall(rb"<w:tcPr>(.*?)</w:tcPr>", content, re.S):
        found |= {("shd", fill) for fill in re.findall(rb'<w:shd [^>]*w:fill="([^"]*)"', cell) if fill not in _PLAIN}
    return found


def shorten(text: str) -> str:
    """A writer's words as they are quoted: the first of them."""
    words = " ".join(text.split())
    return repr(words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…")
