"""Reads HTML back: the tables of each output, and that a page loads and runs nothing of others."""

from __future__ import annotations

import base64
import hashlib
import re
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
_STYLE_LOADS = re.compile(r"@import|url\(\s*['\"]?(?!data:|#)", re.I)
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
    """One output of a page: rows of its table by part, its title and the other words."""

    heads: list[list[str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    title: str = ""
    words: list[str] = field(default_factory=list)
    pictures: int = 0


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

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if attrs:
            self._attributes(tag, attrs)
        if tag in _ALIEN:
            self.alien.append(f"<{tag}>")
        elif tag == "section":
            self._section(dict(attrs).get("id") or "")
        elif tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        elif tag == "tr" and self.here is not None:
            {"thead": self.here.heads, "tbody": self.here.rows}.get(self.part, []).append([])
        elif tag in ("td", "th", *_TITLES, "script", "style"):
            self._close()
            self.kind = tag
        elif tag == "svg" and self.here is not None:
            self.here.pictures += 1
        elif tag in ("br", "p"):
            self.pieces.append(" ")

    def _section(self, name: str) -> None:
        if self.here is not None:
            self.depth += 1
        elif name in self.wanted:
            self.order.append(name)
            self.here = self.found.setdefault(name, Section())
            self.depth = 1

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            text = (value or "").strip()
            if key.startswith("on"):
                self.scripts.append(f"{key}={text}")
            elif key in ("href", "xlink:href"):
                if not _INSIDE.match(text):
                    (self.links if tag == "a" else self.outside).append(text)
            elif _loads(key, text):
                self.outside.append(text)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", *_TITLES, "script", "style"):
            self._close()
        elif tag in ("thead", "tbody", "tfoot"):
            self.part = ""
        elif tag == "section" and self.here is not None:
            self._close()
            self.depth -= 1
            if not self.depth:
                self.here = None

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def _close(self) -> None:
        """Give the text collected to what it belongs to."""
        text, self.pieces, kind, self.kind = "".join(self.pieces), [], self.kind, ""
        if kind == "script":
            self.scripts.append(text)
        elif kind == "style":
            if _STYLE_LOADS.search(text):
                self.outside.append(plain(text)[:80])
        elif self.here is None:
            if kind in _TITLES:
                self._head(kind, text)
            return
        elif kind in ("td", "th") and self.part in ("thead", "tbody"):
            rows = self.here.heads if self.part == "thead" else self.here.rows
            if rows:
                rows[-1].append(plain(text))
        elif kind in _TITLES and not self.here.title:
            self.here.title = plain(text)
            self._head(kind, text)
        else:
            self.here.words.append(text)

    def _head(self, kind: str, text: str) -> None:
        # The first heading of all is the document's title.
        if self.title_page:
            self.headings.append((int(kind[1]), plain(text)))
        self.title_page = True


def _loads(key: str, text: str) -> bool:
    """Whether an attribute fetches something or goes somewhere by itself."""
    if key == "style":
        return bool(_STYLE_LOADS.search(text))
    return (key in _LOADS and not _INSIDE.match(text)) or (key == "http-equiv" and text.lower() == "refresh")


def read_page(text: str, sections: frozenset[str]) -> _Page:
    """Read a page; what is not closed at its end ends there."""
    page = _Page(sections)
    page.feed(text)
    page.close()
    page._close()
    return page


def check_page(path: Path, name: str, outputs: Mapping[str, Printed], *, links: frozenset[str]) -> list[Finding]:
    """Findings about an HTML page that holds these outputs, by anchor.

    ``links`` are the addresses it may lead to.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(name, f"cannot be read as HTML: {error}", _OPENS)]
    page = read_page(text, frozenset(outputs))
    return [*_harmless(name, page, text, False, links), *_check_outputs(name, outputs, page), *_check_leads(name, text, outputs)]


def check_report(
    path: Path, file: str, outputs: Mapping[str, Printed], singles: Mapping[str, str], *, ours: bool, links: frozenset[str]
) -> list[Finding]:
    """Findings about the whole report as HTML.

    A section that is byte for byte that of the output's own page, which is read by itself, is not
    read twice: ``singles`` holds those pages by anchor. ``ours`` says that our own engine made the
    page; another brings scripts of its own.
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
    unread = {name: printed for name, printed in outputs.items() if same.count(name) != 1 or name in page.found}
    return [*findings, *_check_outputs(file, unread, page)]


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


def _check_outputs(name: str, outputs: Mapping[str, Printed], page: _Page) -> list[Finding]:
    findings: list[Finding] = []
    for anchor, printed in outputs.items():
        times = page.order.count(anchor)
        if times != 1:
            findings.append(Finding(name, f"has {times} sections with the id {anchor!r}", SECTIONS, printed.number, "sections"))
        else:
            findings += _check_section(name, printed, page.found[anchor])
    return findings


def _check_section(name: str, printed: Printed, section: Section) -> list[Finding]:
    number = printed.number
    findings = []
    if section.title != printed.title:
        findings.append(Finding(name, f"is titled {section.title!r}, not {printed.title!r}", SECTIONS, number, "title"))
    words = squeezed("".join(section.words))
    findings += missing_texts(name, number, "notes", (*printed.lines, *printed.notes, printed.source), words, NOTES)
    if printed.is_figure:
        return findings if section.pictures else [*findings, Finding(name, "has no picture", SECTIONS, number, "figure")]
    if not section.heads or section.heads[-1] != list(printed.heads):
        said = " | ".join(section.heads[-1]) if section.heads else "nothing"
        findings.append(Finding(name, f"has the column heads {said}, not {' | '.join(printed.heads)}", HEADS, number, "heads"))
    above = squeezed("".join(text for row in section.heads[:-1] for text in row))
    findings += missing_texts(name, number, "heads", (text for text in printed.spanners if text), above, HEADS)
    return limited([*findings, *compare_rows(name, printed, section.rows, ROWS)])
