"""What is painted can be seen and read: every text in ink, on the whole page, under nothing; and no words beside the pages.

Pages of ours are text and lines. Only where the results say that a picture stands may a page fill, cut out or show one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pikepdf import Array, Dictionary, Name

from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure.opened import Drawing, Opened
from cgbm1_report.readback.structure.tags import place_at

SEEN = "every text is painted in ink that can be seen, and under nothing"
WHOLE = "a page is shown as it is"
BESIDE = "nothing is said beside the pages"

_BEFORE, _BEHIND = rb"(?<![^\s\])>])", rb"(?![^\s/\[(<])"
#: Text that is not painted, or cut out of what follows; less than four points of size; a filling whose every part is pale.
_MODE = re.compile(rb"(?<!\S)([1-7])\s+Tr" + _BEHIND)
_SIZE = re.compile(rb"/\S+\s+-?(?:[0-3](?:\.\d*)?|\.\d+)\s+Tf" + _BEHIND)
_PALE = re.compile(rb"(?<![\d.]\s)(?<![\d.])(?:(?:1(?:\.0*)?|0?\.[89]\d*)\s+)+(?:scn|sc|g|rg)" + _BEHIND)
_PATTERN = re.compile(rb"/\S+\s+scn" + _BEHIND)
#: What lays something over a page, or keeps a part of it from being seen.
_COVERS = re.compile(_BEFORE + rb"(f\*?|F|B\*?|b\*?|sh|EI|W\*?)" + _BEHIND)
_COVERING = frozenset((b"f", b"f*", b"F", b"B", b"B*", b"b", b"b*", b"sh", b"EI", b"W", b"W*"))
#: The last operand that each of the patterns above needs: few pages have one, and only these are looked at place by place.
_A_MODE, _A_SIZE = re.compile(rb"\A[1-7]\Z"), re.compile(rb"\A-?(?:[0-3](?:\.\d*)?|\.\d+)\Z")
_INKS, _A_PALE = (b"scn", b"sc", b"g", b"rg"), re.compile(rb"1(?:\.0*)?\Z|\.[89]\d*\Z|/")
_BOXES = ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox", "/Rotate", "/UserUnit", "/Trans", "/PieceInfo", "/Thumb", "/AF")
_ROOT = frozenset(("Type", "Pages", "Outlines", "Names", "Dests", "Lang", "PageMode", "PageLayout", "OutputIntents", "Version")) | {
    *("ViewerPreferences", "Metadata", "MarkInfo", "StructTreeRoot", "Extensions")
}
_INFO = frozenset(("Title", "Author", "Creator", "Producer", "CreationDate", "ModDate", "Trapped"))
_SAID = frozenset(("dc:title", "dc:creator", "dc:language", "dc:format", "pdf:PDFVersion", "pdf:Producer"))
_PAGE = re.compile(r"(?:\w+, )?page (\d+)", re.I)
_NOTE = re.compile(r"(?:Footnote )?\d+|Footnote")


def check_ink(doc: Opened) -> Iterator[Finding]:
    """Text is painted, dark and large enough, where no picture stands also under nothing."""
    for drawing in doc.drawings:
        content = drawing.operators
        if _ends(drawing, (b"Tr",), _A_MODE) and _MODE.search(content):
            yield doc.say(SEEN, "has a text that is not painted", drawing.place)
        if _ends(drawing, (b"Tf",), _A_SIZE) and _SIZE.search(content):
            yield doc.say(SEEN, "has a text of less than 4 points", drawing.place)
        if doc.pictured is None or drawing.place in doc.pictured:
            continue
        if _ends(drawing, _INKS, _A_PALE) and (_PALE.search(content) or _PATTERN.search(content)):
            yield doc.say(SEEN, "has a text that is pale as paper, or a pattern", drawing.place)
        laid = () if drawing.words.isdisjoint(_COVERING) else _COVERS.findall(content)
        covers = sorted({found.decode() for found in laid} | set(_pictures(drawing)) | set(_veils(drawing)))
        if covers:
            yield doc.say(SEEN, f"lays something over the page or cuts a part out ({', '.join(covers)})", drawing.place)


def _ends(drawing: Drawing, operators: Sequence[bytes], wanted: re.Pattern[bytes]) -> bool:
    """Whether one of the operators may have such a word, or one that is too long to tell, as its last operand."""
    met = [operator for operator in operators if operator in drawing.words]
    return any(not word or wanted.search(word) for operator in met for word in drawing.before(operator))


def _pictures(drawing: Drawing) -> Iterator[str]:
    if any(item.get(Name.Subtype) == Name.Image for item in drawing.resources.get(Name.XObject, Dictionary()).values()):
        yield "a picture"


def _veils(drawing: Drawing) -> Iterator[str]:
    for state in drawing.resources.get(Name.ExtGState, Dictionary()).values():
        if any(float(state.get(key, 1)) < 1 for key in (Name.ca, Name.CA)) or state.get(Name.SMask, Name.None_) != Name.None_:
            yield "what shines through"


def check_whole_pages(doc: Opened) -> Iterator[Finding]:
    """A page has one size, and a reader shows all of it, upright."""
    for number, page in enumerate(doc.pages, start=1):
        for key in _BOXES:
            box = page.get(key)
            same = isinstance(box, Array) and list(box) == list(page.get("/MediaBox", ()))
            if box is not None and not same and not (key == "/Rotate" and int(box) == 0):
                yield doc.say(WHOLE, f"has {key}", f"page {number}")


def check_beside(doc: Opened) -> Iterator[Finding]:
    """The document says nothing beside its pages but title, author, program and dates; a link says where it leads."""
    for key in sorted(set(doc.root.keys()) - {f"/{name}" for name in _ROOT}):
        yield doc.say(BESIDE, f"has {key}")
    info = doc.pdf.trailer.get(Name.Info, Dictionary())
    for key in sorted(set(info.keys()) - {f"/{name}" for name in _INFO}):
        yield doc.say(BESIDE, f"says {str(info[key])[:80]!r} as its {key[1:]}")
    for key, text in doc.metadata.items():
        if key.startswith(("dc:", "pdf:")) and key not in _SAID and text:
            yield doc.say(BESIDE, f"says {text[:80]!r} as its {key}")
    for number, page in enumerate(doc.pages, start=1):
        for note in page.get(Name.Annots, Array()):
            yield from _link(doc, note, f"page {number}")


def _link(doc: Opened, note: Any, place: str) -> Iterator[Finding]:
    if any(key in note for key in ("/AP", "/T", "/RC", "/Popup")):
        yield doc.say(BESIDE, "has a link that shows something of its own", place)
    words, action = str(note.get("/Contents", "")), note.get("/A", Dictionary())
    if doc.opens(action) is not None:
        said = words == doc.opens(action)
    elif "/URI" in action:
        said = not words or words == str(action["/URI"])
    else:
        aim = place_at(doc, note.get("/Dest", action.get("/D")))
        told = _PAGE.fullmatch(words)
        named = told is not None and aim is not None and doc.page_numbers[aim[0].objgen] == int(told[1])
        said = not words or aim is None or bool(_NOTE.fullmatch(words)) or named
    if not said:
        yield doc.say(BESIDE, f"has a link whose words are {words!r}, which leads elsewhere", place)


CHECKS = (check_ink, check_whole_pages, check_beside)
