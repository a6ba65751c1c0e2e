"""What a page of ours is made of: elements, attributes and styles that show the report's texts, and nothing else.

A text can be planted where nobody reads: in an attribute, in a style sheet's ``content``, in a field of a form, in a picture;
and a text that is there can be hidden by a style or turned round. So a page holds what our pages hold, and anything
else is told, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cgbm1_report.assets import asset
from cgbm1_report.readback.htmlshort import RULE
from cgbm1_report.readback.printed import plain

#: Elements of our pages, each with its attributes; pandoc's of an author's words among them.
_ELEMENTS: Mapping[str, frozenset[str]] = {
    tag: frozenset(names.split())
    for tags, names in {
        "html": "lang data-theme data-interactive",
        "meta": "charset http-equiv content name",
        "head title style script body br hr em strong sub sup del pre code blockquote dt dd b": "",
        "h1 h2 h3 h4": "class id",
        "p": "class hidden",
        "a": "class href id role",
        "span": "class data-to style id role",
        "div": "class id style",
        "main": "id tabindex",
        "header footer nav": "class aria-label",
        "label": "for",
        "input": "id type autocomplete placeholder aria-describedby",
        "details": "class open",
        "summary": "aria-label",
        "section": "class id aria-labelledby role tabindex",
        "aside": "id class role",
        "ol": "start type class",
        "ul li": "class id",
        "table": "aria-labelledby style class data-quarto-disable-processing",
        "caption colgroup col tbody tfoot figcaption figure": "style class",
        "thead dl": "class",
        "tr": "class id",
        "th td": "scope colspan rowspan class style",
        "img": "class alt src style width height",
    }.items()
    for tag in tags.split()
}
#: What an attribute may say to a reader of the page; an alternative text is held against the results.
_SAID: Mapping[str, frozenset[str]] = {
    "aria-label": frozenset({"Document", "Production", "Contents"}),
    "placeholder": frozenset({"Number or words"}),
    "lang": frozenset({"en"}),
    # What a page loads to open its numbers lies in its own build.
    "data-interactive": frozenset({"", "interactive", "../interactive"}),
}
#: Classes by which the style sheets keep something from being seen, and the elements that are there to be kept.
_HIDING: Mapping[str, frozenset[str]] = {
    "cg-again": frozenset({"td"}),
    "cg-still": frozenset({"img"}),
    "cg-drawn": frozenset({"div"}),
    "skip": frozenset({"a"}),
}
#: Elements that hide what they hold, with what they must say.
_FOLDED = {"details": ("abbreviations", "open"), "p": ("contents-search", "hidden")}
_STYLE = re.compile(
    r"text-align:(left|center|right)|white-space:pre-line|border-(top|bottom):[12]px solid|border-left:3px solid"
    r"|font-weight:(bold|normal)"
    r"|(max-|min-)?width:[1-9]\d*(\.\d+)?(%|em|in|cm|mm|pt)|width:0\.\d*[1-9]\d*%|height:[1-9]\d*(\.\d+)?(%|in|cm|mm|pt)"
    r"|--cg-columns:\d{1,3}\.\d\d%( \d{1,3}\.\d\d%)*|grid-column:span \d{1,2}"
    r"|margin:0( auto)?|padding-left:\d(\.\d)?rem|text-indent:-1\.15rem"
)
_DISPLAY = {("span", "block"), ("div", "none")}
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
#: What pages have beside the style sheets: the sheet of paper, room around one output on a screen, how columns are aligned.
_SHEET = re.compile(
    r"(@page{size:\w+ landscape;margin:[\d.]+pt [\d.]+pt}|body{margin:1\.5rem}"
    r"|@media print{body{margin:0}\.cg-output{break-before:auto!important;margin:0!important}}"
    rf"| ?{RULE})*"
)


@lru_cache(maxsize=4096)
def strange_element(tag: str, names: tuple[str, ...]) -> str:
    """What of an element no page of ours has: itself, or an attribute; nothing where all is ours."""
    if tag not in _ELEMENTS:
        return f"<{tag}>"
    return next((f"<{tag} {name}>" for name in names if name not in _ELEMENTS[tag]), "")


@lru_cache(maxsize=4096)
def strange_values(tag: str, attributes: tuple[tuple[str, str | None], ...]) -> str:
    """What of an element's attributes says or hides what no page of ours does."""
    named = {name: value or "" for name, value in attributes}
    for name, known in _SAID.items():
        if name in named and named[name] not in known:
            return f"{name} {named[name][:80]!r}"
    if "style" in named and not _is_ours(tag, named["style"]):
        return f"the style {named['style'][:80]!r}"
    for kind in named.get("class", "").split():
        if tag not in _HIDING.get(kind, {tag}):
            return f"<{tag}> of class {kind!r}"
    if tag in _FOLDED:
        kind, flag = _FOLDED[tag]
        hides = (flag not in named) if tag == "details" else (flag in named)
        if hides and named.get("class") != kind:
            return f"<{tag}> that hides what it holds"
    return ""


@lru_cache(maxsize=4096)
def _is_ours(tag: str, style: str) -> bool:
    """Whether an element's style only places its text."""
    for one in style.split(";"):
        said = re.sub(r"\s*:\s*", ":", plain(one))
        if said.startswith("display:"):
            if (tag, said.removeprefix("display:")) not in _DISPLAY:
                return False
        elif said and not _STYLE.fullmatch(said):
            return False
    return True


@lru_cache(maxsize=64)
def strange_sheet(text: str) -> str:
    """What of a style sheet is not in ours, which say nothing by ``content`` but which way a grid is sorted."""
    left = _tight(text)
    for name in ("page.css", "report.css", "page/open.css"):
        left = left.replace(_tight(asset("templates", *name.split("/")).read_text(encoding="utf-8")), "")
    return "" if _SHEET.fullmatch(left) else left[:80]


def _tight(sheet: str) -> str:
    """A style sheet without comments and blanks that do nothing; how often a selector says its class is no matter."""
    text = re.sub(r"(\.cg-output)+", ".cg-output", _COMMENT.sub("", sheet))
    return re.sub(r"\s*([{};:,>!])\s*", r"\1", plain(text)).replace(";}", "}")
