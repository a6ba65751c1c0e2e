"""How an output lies in a writer's document: widths, the picture's size, the title's style and level, links, a section break."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape

from cgbm1_report.emit.openxml import link_piece
from cgbm1_report.emit.seal import text_of
from cgbm1_report.errors import number_of
from cgbm1_report.render.refresh.marks import find_title

_TABLE = re.compile(rb"<w:tbl>.*?<w:tblPr>(.*?)</w:tblPr>.*?<w:tblGrid>(.*?)</w:tblGrid>", re.S)
_COLUMN = re.compile(rb'<w:gridCol w:w="(\d+)"')
_CELL = re.compile(rb'<w:tcW w:w="[\d.%]+" w:type="\w+"/>(<w:gridSpan w:val="(\d+)"/>)?')
_EXTENT = re.compile(rb'<(wp:extent|a:ext) cx="(\d+)" cy="(\d+)"')
_STYLE = re.compile(rb'<w:pStyle w:val="([^"]+)"')
_LEVEL = re.compile(rb"(<w:instrText[^>]*> TC [^<]*\\l )(\d)( [^<]*</w:instrText>)")
_LINK = re.compile(rb'<w:hyperlink\b[^>]* w:anchor="([^"]+)"[^>]*>(.*?)</w:hyperlink>', re.S)
_CHANGED = re.compile(rb"<w:sectPrChange\b.*?</w:sectPrChange>", re.S)
_BREAK = re.compile(rb"<w:sectPr\b.*?</w:sectPr>|<w:sectPr\b[^>]*/>", re.S)
_PAGE, _WIDE, _HIGH = re.compile(rb"<w:pgSz\b[^>]*>"), re.compile(rb' w:w="(\d+)"'), re.compile(rb' w:h="(\d+)"')
#: The paragraph above an output that follows the words before it, and that of a new output, which begins a page.
_FOLLOWS = re.compile(rb'<w:p\b[^>]*>\s*<w:pPr>(?:(?!</w:pPr>).)*<w:pageBreakBefore w:val="(?:0|false|off)"\s*/>', re.S)
_BEGINS = re.compile(rb'(<w:p><w:pPr><w:pStyle w:val="[^"]+"/>)(?=</w:pPr>)')
#: The properties of a table that say its width and its place between the margins, and Word's order of all of them.
_WIDTH = ("tblW", "jc", "tblInd", "tblLayout")
_ORDER = (
    *("tblStyle", "tblpPr", "tblOverlap", "bidiVisual", "tblStyleRowBandSize", "tblStyleColBandSize", "tblW", "jc"),
    *("tblCellSpacing", "tblInd", "tblBorders", "shd", "tblLayout", "tblCellMar", "tblLook", "tblCaption", "tblDescription"),
)


def keep_widths(old: bytes, new: bytes) -> tuple[bytes, str]:
    """A new output as wide as the old one, its columns too where there are as many; and what could not be kept."""
    before, after = _TABLE.search(old), _TABLE.search(new)
    if before is None or after is None:
        return new, ""
    widths, own = _columns(before[2]), _columns(after[2])
    told = ""
    if len(widths) != len(own):
        told = f"has {number_of(len(own), 'column')} and had {len(widths)}: the table's width is kept, the columns are the build's"
        widths = _shared(own, sum(widths))
    elif any(_columns(found[2]) != widths for found in _TABLE.finditer(old)):
        told = "its parts had columns of several widths: those of the first are kept"
    properties = _with_width(after[1], before[1])
    if widths == own and properties == after[1]:
        return new, told
    grid = b"".join(b'<w:gridCol w:w="%d"/>' % width for width in widths)
    new = new.replace(b"<w:tblPr>" + after[1] + b"</w:tblPr>", b"<w:tblPr>" + properties + b"</w:tblPr>")
    new = new.replace(b"<w:tblGrid>" + after[2] + b"</w:tblGrid>", b"<w:tblGrid>" + grid + b"</w:tblGrid>")
    return _fill(new, widths), told


def _columns(grid: bytes) -> list[int]:
    return [int(width) for width in _COLUMN.findall(grid)]


def _shared(own: list[int], total: int) -> list[int]:
    """These widths in proportion, adding up to a total."""
    made = [width * total // max(sum(own), 1) for width in own]
    return [made[0] + total - sum(made), *made[1:]]


def _fill(new: bytes, widths: list[int]) -> bytes:
    """Every cell as wide as the columns it stands in."""
    at = 0

    def fill(found: re.Match[bytes]) -> bytes:
        nonlocal at
        span = int(found[2] or 1)
        wide = sum(widths[at : at + span])
        at = (at + span) % len(widths)
        return b'<w:tcW w:w="%d" w:type="dxa"/>' % wide + (found[1] or b"")

    return _CELL.sub(fill, new)


def _with_width(new: bytes, old: bytes) -> bytes:
    """A table's properties with those of its width from the writer's, in the order that Word demands."""
    theirs, made = _properties(old), _properties(new)
    for tag in _WIDTH:
        made.pop(tag, None)
        if tag in theirs:
            made[tag] = theirs[tag]
    return b"".join(made[tag] for tag in _ORDER if tag in made)


def _properties(inside: bytes) -> dict[str, bytes]:
    found = re.finditer(rb"<w:(\w+)\b(?:[^>]*/>|.*?</w:\1>)", inside, re.S)
    return {one[1].decode(): one[0] for one in found}


def keep_size(old: bytes, new: bytes) -> tuple[bytes, str]:
    """A new picture as wide as the old one, in its own proportions; and what could not be kept."""
    pictures, own = old.count(b"<w:drawing>"), _EXTENT.search(new)
    before = _EXTENT.search(old)
    if own is None or before is None:
        return new, ""
    if pictures != 1 or b"<wp:anchor" in old:
        return new, "its picture's size and place are the build's"
    wide, high = int(before[2]), round(int(own[3]) * int(before[2]) / int(own[2]))
    return _EXTENT.sub(lambda found: b'<%s cx="%d" cy="%d"' % (found[1], wide, high), new), ""


def keep_style(old: bytes, new: bytes, number: str, foreign: frozenset[str]) -> bytes:
    """A new output whose title has the style it had, if that is none of ours."""
    title = find_title(new, number)
    theirs, own = _STYLE.search(old[find_title(old, number)]), _STYLE.search(new[title])
    if theirs is None or own is None or theirs[1].decode() not in foreign:
        return new
    paragraph = new[title].replace(own[0], theirs[0], 1)
    return new[: title.start] + paragraph + new[title.stop :]


def keep_level(old: bytes, new: bytes) -> bytes:
    """A new output that a table of contents has at the level where it had the old one."""
    before = _LEVEL.search(old)
    return _LEVEL.sub(lambda found: found[1] + before[2] + found[3], new, count=1) if before else new


def keep_links(old: bytes, new: bytes, anchors: Collection[str]) -> bytes:
    """A new output whose last line leads where the old one's did, if that is still there."""
    for aim, inside in _LINK.findall(old):
        name, text = unescape(aim.decode("utf-8")), text_of(inside)
        plain = link_piece(text, "").encode("utf-8")
        at = new.rfind(plain)
        if name in anchors and at >= 0:
            new = new[:at] + link_piece(text, name).encode("utf-8") + new[at + len(plain) :]
    return new


def is_lying(content: bytes, at: int) -> bool:
    """Whether the page of a document's main part on which ``at`` lies is a landscape one."""
    size = _PAGE.search(content, at)
    wide, high = (int(said[1]) if size and (said := side.search(size[0])) else 0 for side in (_WIDE, _HIGH))
    return wide > high


def find_breaks(old: bytes) -> list[bytes]:
    """The section breaks that a writer set in an output, as they are now: a tracked change of one holds the earlier one."""
    return _BREAK.findall(_CHANGED.sub(b"", old))


def keep_page(old: bytes, new: bytes) -> bytes:
    """A new output that begins no page where the old one followed the words before it."""
    if not _FOLLOWS.match(old) or not (above := _BEGINS.match(new)):
        return new
    return above[1] + b'<w:pageBreakBefore w:val="0"/>' + new[above.end() :]


def keep_break(new: bytes, broken: bytes) -> bytes:
    """A new output with the writer's section break behind it."""
    at = new.rindex(b"</w:pPr>")
    return new[:at] + broken + new[at:]
