"""Reads HTML back: the tables of each output, all words around them, and that a page loads and runs nothing of others."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from cgbm1_report.assets import asset
from cgbm1_report.readback.printed import (
    LINKS,
    Finding,
    Printed,
    check_leads,
    compare_rows,
    limited,
    missing_texts,
    plain,
    squeezed,
)
from cgbm1_report.readback.told import ALTERNATIVES, CONTENTS, EDGES, FRONT, WORDS, Stamp, Told, account, compare_told
from cgbm1_report.readback.tree import check_tree

_OPENS = "the file can be read"
ROWS = "every table prints the rows of the results"
HEADS = "a table has its column heads"
SECTIONS = "each output is a section with its title"
NOTES = "footnotes and source are printed"
OUTSIDE = "nothing leads outside"
SCRIPTS = "no script runs but the report's own"
_LOADS = ("src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest")
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
#: Words of the page itself: they lead about in it.
_SKIP = "Skip to the report"
_CHROME = frozenset({"Contents", "Table of contents", "Find a section or output"})
#: What an output's title may be: in the report its level is that of the place where it stands.
_TITLES = ("h1", "h2", "h3", "h4")
_HEADING = re.compile(r"<h([1-4])\b[^>]*>.*?</h\1>", re.S)
_LEVEL = re.compile(r"<(/?)h[1-4]\b")
_INSIDE = re.compile(r"#|data:image/")
_LEADS = re.compile(r'<a class="cg-to" href="#([^"]*)">([^<]*)</a>')
_AIM, _NAMED = re.compile(r'\bhref="#([^"]*)"'), re.compile(r'\bid="([^"]*)"')
_SECTION = re.compile(r'<section class="cg-output[^"]*" id="([^"]+)".*?</section>', re.S)


#: A link of an output as its own page, which holds no other, has it.
_TEXT = r'<span class="cg-to" data-to="\1">\2</span>'


@dataclass
class Section:
    """One output of a page: rows of its table by part, its title, the other words, and what stands for its pictures."""

    heads: list[list[str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    title: str = ""
    words: list[str] = field(default_factory=list)
    pictures: int = 0
    described: list[str] = field(default_factory=list)


class _Page(HTMLParser):
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
        self.headings: list[tuple[int, str]] = []
        self.title_page = False
        #: Texts outside the outputs by where they stand (``main``, ``nav``, ``header``, ``footer``), titles of outputs among them.
        self.blocks: list[tuple[str, str]] = []
        self.title = ""
        self.aside: list[str] = []
        self.leads: list[tuple[str, str]] = []
        self.targets: dict[str, str] = {}
        self._zones: list[str] = []
        self._within: list[tuple[str, str]] = []
        self._waiting: list[str] = []

    @property
    def zone(self) -> str:
        return self._zones[-1] if self._zones else "main"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if attrs:
            self._attributes(tag, attrs)
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
        if tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        elif tag == "tr" and self.here is not None:
            {"thead": self.here.heads, "tbody": self.here.rows}.get(self.part, []).append([])
        elif tag in ("br", "p"):
            self.pieces.append(" ")
        elif tag == "a":
            self._lead(dict(attrs))

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
            elif key == "role" and text == "doc-endnotes":
                self._within.append(("notes", ""))
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
        if tag in ("thead", "tbody", "tfoot"):
            self.part = ""
        elif tag in ("nav", "header", "footer") and self._zones:
            self._zones.pop()
        elif tag == "section":
            self._leave("notes")
            if self.here is not None:
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
    return (key in _LOADS and not _INSIDE.match(text)) or (key == "http-equiv" and text.lower() == "refresh")


def style_loads(text: str) -> bool:
    """Whether a style sheet, or an element's style, names anything outside of the page."""
    own = _STYLE_OWN.sub("", text)
    said = _STYLE_ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)) if found[1] else found[2], own)
    return any(_STYLE_LOADS.search(one) or _ADDRESS.search(one) for one in (own, said))


def read_page(text: str, sections: frozenset[str]) -> _Page:
    """Read a page; what is not closed at its end ends there."""
    page = _Page(sections)
    page.feed(text)
    page.close()
    page._close()
    return page


def check_page(path: Path, name: str, outputs: Mapping[str, Printed], *, stamp: Stamp, links: frozenset[str]) -> list[Finding]:
    """Findings about an HTML page of one output, by anchor, and of nothing else.

    ``links`` are the addresses it may lead to.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(name, f"cannot be read as HTML: {error}", _OPENS)]
    page = read_page(text, frozenset(outputs))
    titles = [one.title for one in outputs.values()]
    told = compare_told(name, titles, [block for _, block in page.blocks], WORDS, place="words")
    told += compare_told(name, titles, [page.title], FRONT, place="title of the page")
    return [
        *_harmless(name, page, text, False, links),
        *_check_outputs(name, outputs, page, stamp),
        *_check_leads(name, text, outputs),
        *told,
    ]


def check_report(
    path: Path,
    file: str,
    outputs: Mapping[str, Printed],
    singles: Mapping[str, str],
    told: Told,
    *,
    ours: bool,
    stamp: Stamp,
    links: frozenset[str],
) -> list[Finding]:
    """Findings about the whole report as HTML.

    A section that is byte for byte that of the output's own page, which is read by itself, is not
    read twice: ``singles`` holds those pages by anchor. ``told`` is what it tells around them. ``ours`` says that our own
    engine made the page; another brings scripts of its own.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(file, f"cannot be read as HTML: {error}", _OPENS)]
    same: list[str] = []

    findings = _check_leads(file, text, outputs, every=ours)
    singles = {name: _LEVEL.sub(r"<\1h", single) for name, single in singles.items()}

    def drop(match: re.Match[str]) -> str:
        name = match[1]
        if name in singles and _LEVEL.sub(r"<\1h", _LEADS.sub(_TEXT, match[0])) in singles[name]:
            same.append(name)
            heading = _HEADING.search(match[0])
            return heading[0] if heading else ""
        return match[0]

    rest = _SECTION.sub(drop, text)
    page = read_page(rest, frozenset(outputs))
    page.order += same
    findings += _harmless(file, page, text, True, links) if ours else _inside(file, page, links)
    # Quarto makes levels and ids of its own.
    findings += check_tree(file, outputs.values(), page.headings) if ours else []
    findings += _check_told(file, page, told) if ours else _check_other(file, page, told)
    unread = {name: printed for name, printed in outputs.items() if same.count(name) != 1 or name in page.found}
    return [*findings, *_check_outputs(file, unread, page, stamp)]


def _check_told(file: str, page: _Page, told: Told) -> list[Finding]:
    """Findings where a page of ours tells anything else around its outputs, or leaves something out."""
    main = [text for zone, text in page.blocks if zone == "main" and text != _SKIP]
    edges = [text for zone, text in page.blocks if zone in ("header", "footer")]
    first = [*told.first_page, *told.glossary]
    findings = compare_told(file, first, main[: len(first)], FRONT, place="title page")
    findings += compare_told(file, [item.text for item in told.story.items], main[len(first) :], WORDS, place="words")
    findings += compare_told(file, told.story.aside, page.aside, WORDS, place="footnotes")
    findings += account(file, told.edges, edges, EDGES, place="edges")
    findings += compare_told(file, [told.title], [page.title], FRONT, place="title of the page")
    said = [text for zone, text in page.blocks if zone == "nav" and text not in _CHROME]
    return [*findings, *_check_contents(file, page, said, told)]


def _check_contents(file: str, page: _Page, said: list[str], told: Told) -> list[Finding]:
    """Findings where the contents name anything but the headings, or lead to another."""
    findings = compare_told(file, [text for _, text in told.listed("")], said, CONTENTS, place="contents")
    findings += [
        Finding(file, f"the line {text!r} leads to {page.targets.get(aim, 'nothing')!r}", CONTENTS, place="contents")
        for aim, text in page.leads
        if text and page.targets.get(aim) != text
    ]
    return limited(findings)


def _check_other(file: str, page: _Page, told: Told) -> list[Finding]:
    """The same of a page of another engine, which heads and leads about in its own way: its words are the notebooks'."""
    around = Counter([*told.first_page, *told.edges, *told.glossary, *_CHROME, _SKIP])
    main = [text for zone, text in page.blocks if zone == "main" and text not in around]
    items = [item.text for item in told.story.items]
    findings = compare_told(file, [text for text in items if text not in around], main, WORDS, place="words")
    head = [text for _, text in page.blocks] + [page.title]
    findings += [Finding(file, f"lacks {text!r}", FRONT, place="title") for text in (told.title, told.mark) if text not in head]
    known = [text for _, text in told.listed("")]
    said = [text for aim, text in page.leads if aim and text]
    findings += [Finding(file, f"names {text!r}", CONTENTS, place="contents") for text in said if text not in known]
    return limited(findings)


def _check_leads(name: str, text: str, outputs: Mapping[str, Printed], *, every: bool = True) -> list[Finding]:
    """Findings about links within a page: those of the outputs, and of ``every`` one that leads nowhere."""
    findings: list[Finding] = []
    for section in _SECTION.finditer(text):
        if section[1] in outputs:
            leads = [anchor for anchor, _ in _LEADS.findall(section[0])]
            findings += check_leads(name, outputs[section[1]], outputs, leads)
    lost = sorted(set(_AIM.findall(text)) - set(_NAMED.findall(text)) - {""}) if every else []
    findings += [Finding(name, f"has a link to {aim!r}, which it does not hold", LINKS, place="links") for aim in lost]
    return limited(findings)


def check_outside(folder: Path, name: str) -> list[Finding]:
    """Findings where a page of a build loads, or leads to, anything outside of itself; a page that is not there does not."""
    path = folder / name
    if not path.is_file():
        return []
    page = read_page(path.read_text("utf-8", "replace"), frozenset())
    return limited([*outside_of(name, page), *(Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links)])


def outside_of(name: str, page: _Page) -> list[Finding]:
    """Findings about what a page would load, or take in from elsewhere."""
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in page.outside if not aim.startswith("data:")]
    return limited([*findings, *(Finding(name, f"holds {tag}", OUTSIDE, place="elements") for tag in page.alien)])


def _inside(name: str, page: _Page, links: frozenset[str]) -> list[Finding]:
    """That a page of another engine, which brings scripts and styles of its own, brings them inside of it."""
    aims = [aim for aim in page.outside if not aim.startswith("data:")]
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in aims]
    findings += [Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links if aim not in links]
    return limited(findings)


def _harmless(name: str, page: _Page, text: str, script: bool, links: frozenset[str]) -> list[Finding]:
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in page.outside]
    findings += [Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links if aim not in links]
    findings += [Finding(name, f"holds {tag}", OUTSIDE, place="elements") for tag in page.alien]
    own = asset("templates", "report.js").read_text(encoding="utf-8") if script else ""
    known = {squeezed(own)} if script else set()
    strange = [code for code in page.scripts if squeezed(code) not in known]
    findings += [Finding(name, f"runs {plain(code)[:80]!r}", SCRIPTS, place="scripts") for code in strange]
    if script and not strange:
        digest = base64.b64encode(hashlib.sha256(own.encode("utf-8")).digest()).decode("ascii")
        if f"'sha256-{digest}'" not in text:
            findings.append(Finding(name, "does not allow its script by its hash", SCRIPTS, place="Content-Security-Policy"))
    return limited(findings)


def _check_outputs(name: str, outputs: Mapping[str, Printed], page: _Page, stamp: Stamp) -> list[Finding]:
    findings: list[Finding] = []
    for anchor, printed in outputs.items():
        times = page.order.count(anchor)
        if times != 1:
            findings.append(Finding(name, f"has {times} sections with the id {anchor!r}", SECTIONS, printed.number, "sections"))
        else:
            findings += _check_section(name, printed, page.found[anchor], stamp)
    return findings


def _check_section(name: str, printed: Printed, section: Section, stamp: Stamp) -> list[Finding]:
    number = printed.number
    findings = []
    if section.title != printed.title:
        findings.append(Finding(name, f"is titled {section.title!r}, not {printed.title!r}", SECTIONS, number, "title"))
    wanted = [*printed.lines, *printed.feet(stamp.program), stamp.line]
    findings += compare_told(name, wanted, section.words, NOTES, place="notes", output=number)
    if printed.is_figure:
        if not section.pictures:
            findings.append(Finding(name, "has no picture", SECTIONS, number, "figure"))
        return findings + compare_told(
            name, [printed.alt], section.described, ALTERNATIVES, place="alternative text", output=number
        )
    if not section.heads or section.heads[-1] != list(printed.heads):
        said = " | ".join(section.heads[-1]) if section.heads else "nothing"
        findings.append(Finding(name, f"has the column heads {said}, not {' | '.join(printed.heads)}", HEADS, number, "heads"))
    above = squeezed("".join(text for row in section.heads[:-1] for text in row))
    findings += missing_texts(name, number, "heads", (text for text in printed.spanners if text), above, HEADS)
    return limited([*findings, *compare_rows(name, printed, section.rows, ROWS)])
