"""Reads an HTML page: the sections of its outputs, the texts around them by where they stand, what it loads and leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

from cgbm1_report.readback.htmlmade import strange_element, strange_sheet, strange_values
from cgbm1_report.readback.htmlrows import cut_rows, kind_of, read_cells
from cgbm1_report.readback.printed import plain
from cgbm1_report.readback.story import point_of

_LOADS = frozenset(
    {
        "src",
        "srcset",
        "data",
        "poster",
        "background",
        "action",
        "formaction",
        "ping",
        "manifest",
        "imagesrcset",
        "dynsrc",
        "lowsrc",
        "codebase",
        "classid",
        "archive",
        "longdesc",
    }
)
#: Attributes that are read, never followed.
_SAID = frozenset({"aria-label", "alt", "title", "content", "placeholder", "value"})
_ALIEN = frozenset({"iframe", "object", "embed", "link", "base", "frame", "applet", "form"})
_STYLE_LOADS = re.compile(r"@import|url\(\s*['\"]?(?!data:|#)|(?:image-set|src)\(\s*['\"](?!data:|#)", re.I)
#: What a style sheet says to its reader only, and what it holds itself.
_STYLE_OWN = re.compile(r"/\*.*?\*/|url\(\s*(?:'data:[^']*'|\"data:[^\"]*\"|data:[^'\")]*)\s*\)", re.S)
_STYLE_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.I)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:?//[\w\[]|['\"(]//\w", re.I)
#: Elements that end a text before them and behind them.
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "button", "caption", "dd", "details", "div", "dl", "dt", "figcaption"}
    | {"figure", "footer", "form", "h5", "h6", "header", "hr", "label", "li", "main", "nav", "ol", "option", "p", "pre"}
    | {"section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)
_EDGE_PIECES = frozenset({"span", "strong", "b", "em", "i"})
#: What an output's title may be: in the report its level is that of the place where it stands.
_TITLES = ("h1", "h2", "h3", "h4")
#: Styles of numbers by the letter that stands for them.
_STYLES = {"1": "Decimal", "a": "LowerAlpha", "A": "UpperAlpha", "i": "LowerRoman", "I": "UpperRoman"}
_INSIDE = re.compile(r"#|data:image/")


@dataclass
class Section:
    """One output of a page: rows of its table by part, its title, the other words, and what stands for its pictures."""

    heads: list[list[str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    title: str = ""
    words: list[str] = field(default_factory=list)
    pictures: int = 0
    described: list[str] = field(default_factory=list)
    stills: list[str] = field(default_factory=list)
    #: The cells that a style sheet keeps from being seen, by row and column.
    again: set[tuple[int, int]] = field(default_factory=set)


class Page(HTMLParser):
    """Takes down sections, cells, addresses and scripts."""

    def __init__(self, sections: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.wanted = sections
        self.found: dict[str, Section] = {}
        self.order: list[str] = []
        self.here: Section | None = None
        self.depth = 0
        self.part = ""
        self.kind = ""
        self.pieces: list[str] = []
        self.outside: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.alien: list[str] = []
        #: What no page of ours has, each once.
        self.strange: dict[str, None] = {}
        self.headings: list[tuple[int, str]] = []
        self.title_page = False
        #: Texts outside the outputs by where they stand (``main``, ``nav``, ``header``, ``footer``), titles of outputs among them.
        self.blocks: list[tuple[str, str]] = []
        self.title = ""
        self.aside: list[str] = []
        self.leads: list[tuple[str, str]] = []
        self.targets: dict[str, str] = {}
        #: The numbers that a browser prints before the items of ordered lists, as bare numbers and letters.
        self.points: list[str] = []
        self._lists: list[tuple[str, int] | None] = []
        self._zones: list[str] = []
        self._within: list[tuple[str, str]] = []
        self._waiting: list[str] = []
        self._kinds: set[str] = set()

    def feed(self, data: str) -> None:
        """Read on; of rows of one kind the first is read element by element, as all else is."""
        for piece, is_row in cut_rows(data):
            if not (is_row and self._take(piece)):
                super().feed(piece)

    def _take(self, row: str) -> bool:
        """Take down the texts of a row of an output, if it is of a kind that was read before: it can say nothing else."""
        if self.here is None or self.part != "tbody" or self._within or self.kind or self.rawdata or self.cdata_elem:
            return False
        kind = kind_of(row)
        if kind not in self._kinds:
            self._kinds.add(kind)
            return False
        self._close()
        texts, again = read_cells(row)
        self.here.again |= {(len(self.here.rows), at) for at in again}
        self.here.rows.append([plain(text) for text in texts])
        return True

    @property
    def zone(self) -> str:
        return self._zones[-1] if self._zones else "main"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if attrs:
            self._attributes(tag, attrs)
        if not self._within or not self._is_within("svg"):
            self._made(tag, attrs)
        if tag in _ALIEN:
            self.alien.append(f"<{tag}>")
        if tag in ("td", "th", *_TITLES, "script", "style", "title"):
            if not (tag == "title" and self._is_within("svg")):
                self._close()
                self.kind = tag
        elif tag in ("svg", "nav", "header", "footer"):
            self._open(tag, dict(attrs))
        elif tag == "section":
            self._section(dict(attrs).get("id") or "")
        elif tag in _BLOCKS or (tag in _EDGE_PIECES and self._zones):
            self._end_block()
            if tag in ("ol", "ul", "li"):
                self._number(tag, dict(attrs))
        if tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        elif tag == "tr" and self.here is not None:
            self._end_cell()
            {"thead": self.here.heads, "tbody": self.here.rows}.get(self.part, []).append([])
        elif tag in ("br", "p"):
            self.pieces.append(" ")
        elif tag == "a":
            self._lead(dict(attrs))
        elif tag in ("section", "aside") and dict(attrs).get("role") in ("doc-endnotes", "doc-footnote"):
            self._within.append(("notes", ""))

    def _number(self, tag: str, named: Mapping[str, str | None]) -> None:
        """Count the items of lists as a browser does; contents and footnotes have lists of their own."""
        if tag == "ul":
            self._lists.append(None)
        elif tag == "ol":
            start = named.get("start") or "1"
            self._lists.append((_STYLES.get(named.get("type") or "1", ""), int(start) if start.isdecimal() else 0))
        elif self._lists and self._lists[-1] is not None:
            style, number = self._lists[-1]
            self._lists[-1] = (style, number + 1)
            if self.zone == "main" and not self._is_within("notes"):
                self.points.append(point_of(number, style).rstrip("."))

    def _made(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what no page of ours is made of, and what one hides; a drawing is held against the notebook's as a whole."""
        if tag == "svg":
            if self.here is None:
                self.strange["a drawing outside of the outputs"] = None
            return
        what = strange_element(tag, tuple([name for name, _ in attrs])) or strange_values(tag, tuple(attrs))
        if what:
            self.strange[what] = None
        if self.here is None:
            return
        if tag == "img":
            self.here.stills.append(plain(dict(attrs).get("alt") or ""))
        elif tag == "td" and ("class", "cg-again") in attrs and self.here.rows:
            self._close()
            self.here.again.add((len(self.here.rows) - 1, len(self.here.rows[-1])))

    def handle_comment(self, data: str) -> None:
        """A comment ends elsewhere for one reader than for another: our pages have none."""
        self.strange["a comment"] = None

    def handle_pi(self, data: str) -> None:
        self.strange["an instruction"] = None

    def unknown_decl(self, data: str) -> None:
        self.strange["a declaration"] = None

    def _open(self, tag: str, named: dict[str, str | None]) -> None:
        """A picture, or a part of the page that is not the report's text."""
        if tag == "svg":
            self._within.append((tag, ""))
            if self.here is not None:
                self.here.pictures += 1
                self.here.described.append(plain(named.get("aria-label") or ""))
        else:
            self._end_block()
            self._zones.append(tag)

    def _lead(self, named: dict[str, str | None]) -> None:
        """A link of the contents, or a mark that leads to a footnote or back."""
        if named.get("role") in ("doc-noteref", "doc-backlink"):
            self._within.append(("a", ""))
        elif self.zone == "nav":
            self._end_block()
            self.leads.append(((named.get("href") or "").removeprefix("#"), ""))
            self._within.append(("lead", ""))

    def _is_within(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self._within)

    def _leave(self, *kinds: str) -> bool:
        """Leave the innermost of these that is open."""
        for at in range(len(self._within) - 1, -1, -1):
            if self._within[at][0] in kinds:
                del self._within[at]
                return True
        return False

    def _end_block(self) -> None:
        """A text ends, unless it is a cell's of an output: a cell is one text."""
        if not (self.here is not None and self.kind in ("td", "th") and self.part in ("thead", "tbody")):
            self._close()

    def _end_cell(self) -> None:
        """A cell that says no end ends with its row."""
        if self.kind in ("td", "th"):
            self._close()

    def _section(self, name: str) -> None:
        self._end_block()
        if self.here is not None:
            self.depth += 1
        elif name in self.wanted:
            self.order.append(name)
            self.here = self.found.setdefault(name, Section())
            self.depth = 1

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            text = (value or "").strip()
            if key == "id" and not self._within:
                self._waiting.append(text)
            elif key.startswith("on"):
                self.scripts.append(f"{key}={text}")
            elif key in ("href", "xlink:href"):
                if not _INSIDE.match(text):
                    (self.links if tag == "a" else self.outside).append(text)
            elif _loads(key, text):
                self.outside.append(text)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", *_TITLES, "script", "style", "title"):
            if not (tag == "title" and self._is_within("svg")):
                self._close()
        elif tag == "svg":
            self._leave("svg")
        elif tag == "a":
            if self._is_within("lead"):
                self.leads[-1] = (self.leads[-1][0], plain("".join(self.pieces)))
                self._end_block()
            self._leave("a", "lead")
        elif tag in _BLOCKS or (tag in _EDGE_PIECES and self._zones):
            self._end_block()
            if tag in ("ol", "ul") and self._lists:
                self._lists.pop()
        if tag in ("thead", "tbody", "tfoot"):
            self._end_cell()
            self.part = ""
        elif tag in ("nav", "header", "footer") and self._zones:
            self._zones.pop()
        elif tag in ("section", "aside"):
            self._end_block()
            self._leave("notes")
            if tag == "section" and self.here is not None:
                self.depth -= 1
                if not self.depth:
                    self.here = None

    def handle_data(self, data: str) -> None:
        if not self._within or self.kind in ("script", "style") or not self._is_within("svg", "a"):
            self.pieces.append(data)

    def _close(self) -> None:
        """Give the text collected to what it belongs to."""
        text, self.pieces, kind, self.kind = "".join(self.pieces), [], self.kind, ""
        if kind == "script":
            self.scripts.append(text)
        elif kind == "style":
            if style_loads(text):
                self.outside.append(plain(text)[:80])
            sheet = "" if self._is_within("svg") else strange_sheet(text)
            if sheet:
                self.strange[f"the style {sheet!r}"] = None
        elif kind == "title":
            self.title = plain(text)
        elif self.here is None:
            self._outside(kind, plain(text))
        elif kind in ("td", "th") and self.part in ("thead", "tbody"):
            rows = self.here.heads if self.part == "thead" else self.here.rows
            if rows:
                rows[-1].append(plain(text))
        elif kind in _TITLES and not self.here.title:
            self.here.title = plain(text)
            self._head(kind, text)
            self.blocks.append((self.zone, plain(text)))
        elif text.strip():
            self.here.words.append(text)

    def _outside(self, kind: str, text: str) -> None:
        """A text outside the outputs."""
        if kind in _TITLES:
            self._head(kind, text)
        if not text:
            return
        if self._is_within("notes"):
            self.aside.append(text)
        else:
            self.blocks.append((self.zone, text))

    def _head(self, kind: str, text: str) -> None:
        # The first heading of all is the document's title.
        if self.title_page:
            self.headings.append((int(kind[1]), plain(text)))
        self.title_page = True
        self.targets |= dict.fromkeys(self._waiting, plain(text))
        self._waiting = []


def _loads(key: str, text: str) -> bool:
    """Whether an attribute fetches something or goes somewhere by itself."""
    if key == "style":
        return style_loads(text)
    if "url(" in text.lower() and key not in _SAID:
        return style_loads(text)
    return (key in _LOADS and not _INSIDE.match(text)) or (key == "http-equiv" and text.lower() == "refresh")


@lru_cache(maxsize=4096)
def style_loads(text: str) -> bool:
    """Whether a style sheet, or an element's style, names anything outside of the page."""
    own = _STYLE_OWN.sub("", text)
    said = _STYLE_ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)) if found[1] else found[2], own)
    return any(_STYLE_LOADS.search(one) or _ADDRESS.search(one) for one in (own, said))


def read_page(text: str, sections: frozenset[str]) -> Page:
    """Read a page; what is not closed at its end ends there."""
    page = Page(sections)
    page.feed(text)
    page.close()
    page._close()
    return page
