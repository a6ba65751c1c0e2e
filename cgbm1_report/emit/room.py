"""The room that the header and footer of a sponsor's Word template leave a picture: pages grow no higher, and begin below them.

Heights are estimated, rather too high: only a word processor knows where its lines break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from xml.etree import ElementTree

from cgbm1_report.emit.align import text_width
from cgbm1_report.paper import BOTTOM, EDGE, TOP, TWIPS_PER_POINT

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_EMU_PER_POINT = 12700
#: Height of a line of single spacing, in its type; what Word takes where nothing says the size of type, in half-points.
_LINE, _SIZE, _SINGLE = 1.2, 20.0, 240.0
#: A picture is made smaller down to this share: below it nobody reads it, and its page may break.
_LEAST_SHARE = 0.5
_PICTURE = re.compile(r'<w:p>\s*<w:pPr>\s*<w:pStyle w:val="OutputPicture"\s*/>.*?</w:p>', re.S)
_KEPT, _LOOSE = re.compile(r'(<w:pStyle w:val="OutputPicture"\s*/>)(?:<w:keepNext\s*/>)?'), r'\1<w:keepNext w:val="0"/>'
_EXTENT = re.compile(r'<(wp:extent|a:ext) cx="(\d+)" cy="(\d+)"')


@dataclass(frozen=True)
class _Look:
    """What makes the height of a paragraph: half-points of its type, twips around it, and its lines' spacing."""

    size: float = _SIZE
    before: float = 0.0
    after: float = 0.0
    line: float = _SINGLE
    exact: bool = False

    def told(self, properties: ElementTree.Element | None) -> _Look:
        """The same but for what these properties of a paragraph or of its type say."""
        if properties is None:
            return self
        rule = _said(properties, "spacing", "lineRule", "auto" if not self.exact else "exact")
        return _Look(
            _number(_said(properties, "sz", "val", ""), self.size),
            _number(_said(properties, "spacing", "before", ""), self.before),
            _number(_said(properties, "spacing", "after", ""), self.after),
            _number(_said(properties, "spacing", "line", ""), self.line),
            rule != "auto",
        )

    def height(self, lines: int) -> float:
        """Points that so many lines take."""
        one = self.line / TWIPS_PER_POINT if self.exact else _LINE * self.size / 2 * self.line / _SINGLE
        return lines * one + (self.before + self.after) / TWIPS_PER_POINT


def lost_points(parts: Mapping[str, bytes], wide: float) -> float:
    """Points of each page's text that a Word document's header and footer take beyond the margins made for ours.

    ``wide`` are the points of a line of them.
    """
    looks = dict(_styles(ElementTree.fromstring(parts["word/styles.xml"])))  # noqa: S314
    lost = 0.0
    for kind, margin in (("header", TOP), ("footer", BOTTOM)):
        edge = ElementTree.fromstring(parts[f"word/{kind}1.xml"])  # noqa: S314
        lost += max(0.0, _height(edge, looks, wide) - (margin - EDGE) / TWIPS_PER_POINT)
    return lost


def shrink_pictures(content: str, lost: float) -> str:
    """The pictures of outputs in a piece of a Word document, so many points less high, in proportion.

    What is kept together and fits no page is begun on another by some programs, behind a blank one: where a picture cannot be
    so small, its notes may go onto the next page.
    """
    if lost <= 0:
        return content

    def shrunk(picture: re.Match[str]) -> str:
        high = max((int(extent[2]) for extent in _EXTENT.findall(picture[0])), default=1)
        share = 1 - lost * _EMU_PER_POINT / max(high, 1)
        text = picture[0] if share >= _LEAST_SHARE else _KEPT.sub(_LOOSE, picture[0], count=1)
        return _EXTENT.sub(partial(_scaled, max(share, _LEAST_SHARE)), text)

    return _PICTURE.sub(shrunk, content)


def _scaled(share: float, found: re.Match[str]) -> str:
    return f'<{found[1]} cx="{round(int(found[2]) * share)}" cy="{round(int(found[3]) * share)}"'


def _said(properties: ElementTree.Element, tag: str, name: str, otherwise: str) -> str:
    """What the first element of these properties that says it says."""
    told = (element.get(f"{_W}{name}") for element in properties.iter(f"{_W}{tag}"))
    return next((text for text in told if text), otherwise)


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        return otherwise


def _styles(styles: ElementTree.Element) -> Iterator[tuple[str, _Look]]:
    """The look of each paragraph style by its identity, and of paragraphs that name none by an empty one."""
    usual = _Look().told(styles.find(f"{_W}docDefaults"))
    named = {style.get(f"{_W}styleId", ""): style for style in styles.iter(f"{_W}style")}
    for ident, style in named.items():
        chain = [style]
        while (base := chain[-1].find(f"{_W}basedOn")) is not None and len(chain) <= len(named):
            below = named.get(base.get(f"{_W}val", ""))
            if below is None:
                break
            chain.append(below)
        look = usual
        for one in reversed(chain):
            look = look.told(one.find(f"{_W}pPr")).told(one.find(f"{_W}rPr"))
        yield ident, look
        if style.get(f"{_W}default") in ("1", "true") and style.get(f"{_W}type") == "paragraph":
            yield "", look


def _height(element: ElementTree.Element, looks: Mapping[str, _Look], wide: float) -> float:
    """Points that the paragraphs and tables of a header, a footer or a cell take, one below the other."""
    total = 0.0
    for child in element:
        if child.tag == f"{_W}p":
            total += _paragraph(child, looks, wide)
        elif child.tag == f"{_W}tbl":
            total += sum(_row(row, looks, wide) for row in child.iter(f"{_W}tr"))
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent"):
            total += _height(child, looks, wide)
    return total


def _row(row: ElementTree.Element, looks: Mapping[str, _Look], wide: float) -> float:
    cells, high = list(row.iter(f"{_W}tc")), row.find(f"{_W}trPr/{_W}trHeight")
    inside = max((_height(cell, looks, wide / len(cells)) for cell in cells), default=0.0)
    if high is None:
        return inside
    said = _number(_said(high, "trHeight", "val", ""), 0.0) / TWIPS_PER_POINT
    return said if _said(high, "trHeight", "hRule", "") == "exact" else max(said, inside)


def _paragraph(paragraph: ElementTree.Element, looks: Mapping[str, _Look], wide: float) -> float:
    properties = paragraph.find(f"{_W}pPr")
    named = "" if properties is None else _said(properties, "pStyle", "val", "")
    look = looks.get(named, looks.get("", _Look())).told(properties)
    runs = list(paragraph.iter(f"{_W}r"))
    look = replace(look, size=max((look.told(run.find(f"{_W}rPr")).size for run in runs), default=look.size))
    text = "".join(piece.text or "" for run in runs for piece in run.iter(f"{_W}t"))
    lines = max(1, ceil(text_width(text) * look.size / 2 / wide)) + sum(1 for run in runs for _ in run.iter(f"{_W}br"))
    return max(look.height(lines), _picture(paragraph))


def _picture(paragraph: ElementTree.Element) -> float:
    """Points of the highest picture that stands in a line; one that floats takes none."""
    heights = (extent.get("cy", "0") for inline in paragraph.iter(f"{_WP}inline") for extent in inline.findall(f"{_WP}extent"))
    return max((_number(height, 0.0) / _EMU_PER_POINT for height in heights), default=0.0)
