"""The report as one HTML file that needs nothing else: styles, script and pictures are inside."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

from cgbm1_report.assets import REPORT_SCRIPTS, asset, read_scripts
from cgbm1_report.emit.escape import clean, escape_html
from cgbm1_report.emit.html import lead
from cgbm1_report.errors import PlanError
from cgbm1_report.paper import find_paper
from cgbm1_report.render import CHANGES, ReportAbout
from cgbm1_report.render.pandoc import write_fragments
from cgbm1_report.render.parts import Narrative, Section, Shown
from cgbm1_report.render.shorter import align_columns, say_shorter
from cgbm1_report.tabulate.table import Stamp

_SLOT = re.compile(r"\{\{([a-z-]+)\}\}")
_HEADING = re.compile(r"<h([123])>(.*?)</h\1>", re.S)
_FIRST_HEADING = re.compile(r"<h2\b([^>]*)>(.*?)</h2>", re.S)
_TAG = re.compile(r"<[^>]*>")
_OWN_SHEET = re.compile(r"<style>[^<]*</style>\n")
_ANCHOR = re.compile(r'<section class="cg-output[^"]*"[^>]*? id="([^"]+)"')
#: An output's title stands at its start; the rest of a long listing need not be read for it.
_TITLE_WITHIN = 20_000


@dataclass(frozen=True)
class _Entry:
    """A line of the table of contents; ``text`` is HTML."""

    level: int
    anchor: str
    text: str


def write_html(sections: Sequence[Section], about: ReportAbout) -> str:
    """Put the report together; text of the notebooks' narrative and of ``about`` is never markup."""
    contents, body = write_body(sections)
    inside = fill_template(
        "report.html",
        {
            "title": printed(about.title),
            "mark": printed(about.mark),
            "subtitle": f'<p class="subtitle">{printed(about.subtitle)}</p>' if about.subtitle else "",
            "facts": write_facts(about),
            "abbreviations": write_abbreviations(about),
            "contents": contents,
            "body": body,
        },
    )
    skip = '<a class="skip" href="#report">Skip to the report</a>\n'
    sheet = "\n".join([find_paper(about.paper).css, align_columns(body)])
    return frame_page(inside, about.title, about.stamp, REPORT_SCRIPTS, about.interactive, sheet, skip=skip)


def frame_page(
    inside: str, title: str, stamp: Stamp, scripts: Sequence[str], data: str, sheet: str, *, skip: str = "", kind: str = ""
) -> str:
    """A page that runs its own scripts and no other.

    Parameters
    ----------
    inside
        What stands between its edges, as HTML.
    title
        Plain text.
    stamp
        What stands at the head and at the foot of it, as of every page.
    scripts
        Names in ``templates/``, in their order.
    data
        Where the data lie that it loads, relative to it; empty where it loads none.
    sheet
        The style of its paper.
    skip
        What leads past its head, as HTML.
    kind
        The class of its body.
    """
    script = read_scripts(scripts)
    return fill_template(
        "page/frame.html",
        {
            "title": printed(title),
            "interactive": printed(data),
            "kind": f' class="{kind}"' if kind else "",
            "style": f"{page_style('page/open.css')}\n{sheet}",
            "script": script,
            "script-hash": hash_script(script),
            "protocol": printed(f"Protocol {stamp.protocol}") if stamp.protocol else "",
            "mark": printed(stamp.mark),
            "cutoff": printed(f"Data cut-off: {stamp.cutoff}") if stamp.cutoff else "",
            "program": printed(f"Program: {stamp.program}") if stamp.program else "",
            "produced": printed(stamp.produced_note),
            "skip": skip,
            "inside": inside,
        },
    )


def write_body(sections: Sequence[Section]) -> tuple[str, str]:
    """What every engine's page says between its title and its end: the contents, and the sections they lead to."""
    groups = [_lowered(part) for section in sections for part in section.parts if isinstance(part, Narrative)]
    narratives = iter(write_fragments(groups, "html"))
    entries: list[_Entry] = []
    body = "\n".join(_section(section, narratives, entries) for section in sections)
    return _contents(entries), body


def write_facts(about: ReportAbout) -> str:
    """The lines of the title page, as terms and what they are."""
    return "\n".join(f"<dt>{printed(what)}</dt><dd>{printed(value)}</dd>" for what, value in about.facts)


def write_abbreviations(about: ReportAbout) -> str:
    """The abbreviations of all outputs with their words, to be opened; what changed since an earlier build is open."""
    lists = (("Abbreviations", "", about.abbreviations), (CHANGES, " open", about.changes))
    return "\n".join(_folded(head, opened, lines) for head, opened, lines in lists if lines)


def _folded(head: str, opened: str, pairs: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{printed(what)}</dt><dd>{printed(words)}</dd>" for what, words in pairs)
    return f'<details class="abbreviations"{opened}><summary>{head}</summary>\n<dl class="facts">{lines}</dl>\n</details>'


def printed(text: str) -> str:
    """Text as HTML, clean as that of the outputs is."""
    return escape_html(clean(text))


def fill_template(name: str, values: Mapping[str, str]) -> str:
    """Fill a page of templates/ once: what is put in is not looked at again."""
    page = asset("templates", *name.split("/")).read_text(encoding="utf-8")
    return _SLOT.sub(lambda slot: values[slot[1]], page)


def hash_script(script: str) -> str:
    """What a page's policy names its one script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def page_style(*more: str) -> str:
    """The page's and the outputs' style sheets, and ``more`` of templates/."""
    sheets = [asset("templates", *name.split("/")).read_text(encoding="utf-8") for name in ("page.css", "report.css", *more)]
    if any("</style" in sheet.lower() for sheet in sheets):
        raise PlanError("a style sheet ends the style element", rule="templates/*.css", remedy="take </style out of it")
    return "\n".join(sheets)


def _lowered(part: Narrative) -> list[dict]:
    """Blocks with headings deeper than three levels at the third: the contents show three."""
    return [
        {"t": "Header", "c": [min(block["c"][0], 3), *block["c"][1:]]} if block["t"] == "Header" else block for block in part.blocks
    ]


def _section(section: Section, narratives: object, entries: list[_Entry]) -> str:
    pieces = []
    for part in section.parts:
        if isinstance(part, Narrative):
            pieces.append(f'<div class="narrative">\n{_anchored(next(narratives), entries)}\n</div>')  # type: ignore[call-overload]
        else:
            pieces.append(_shown(part, entries))
    return '<section class="section">\n' + "\n".join(pieces) + "\n</section>"


def _anchored(narrative: str, entries: list[_Entry]) -> str:
    def anchor(found: re.Match[str]) -> str:
        name = f"section-{len(entries) + 1}"
        entries.append(_Entry(int(found[1]), name, _TAG.sub("", found[2])))
        return f'<h{found[1]} id="{name}">{found[2]}</h{found[1]}>'

    return _HEADING.sub(anchor, narrative)


def _shown(part: Shown, entries: list[_Entry]) -> str:
    title = title_of(part.html)
    if not title:
        return f'<div class="shown">\n{part.html}\n</div>'
    # An output has its number for an anchor, whichever others stand before it: a link to it holds in the next cut's report.
    own = _ANCHOR.search(part.html, 0, _TITLE_WITHIN)
    name = own[1] if own else f"output-{len(entries) + 1}"
    entries.append(_Entry(part.level, name, escape(title, quote=False)))
    kind = "shown" if part.new_page else "shown follows"
    place = "" if own else f' id="{name}"'
    return f'<div class="{kind}"{place}>\n{levelled(part)}\n</div>'


def levelled(part: Shown) -> str:
    """The output's HTML with its heading, which is its first, at the level where it stands, and its links; cells said shorter.

    The style sheet that it has for a notebook is the page's, and stands there once: a browser reads each again.
    """
    html = say_shorter(_OWN_SHEET.sub("", lead(part.html, part.leads), count=1))
    return html if part.level == 2 else _FIRST_HEADING.sub(rf"<h{part.level}\1>\2</h{part.level}>", html, count=1)


class _Title(HTMLParser):
    """Takes down the text of the first heading and of the first caption."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = "heading" if tag in ("h1", "h2", "h3", "h4") else "caption" if tag in ("caption", "figcaption") else ""
        if kind and kind not in self.found:
            self.found[kind] = ""
            self._open.append((tag, kind))
        elif tag in ("br", "p"):
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self._open = [item for item in self._open if item[0] != tag]

    def handle_data(self, data: str) -> None:
        for _, kind in self._open:
            self.found[kind] += data


def title_of(html: str) -> str:
    """Text of an output's first heading, else of its first caption; empty where it has neither."""
    parser = _Title()
    parser.feed(html[:_TITLE_WITHIN])
    titles = (" ".join(parser.found.get(kind, "").split()) for kind in ("heading", "caption"))
    return next((title for title in titles if title), "")


def _contents(entries: Sequence[_Entry]) -> str:
    """The entries as a list of collapsible sections, what stands below each in a list of its own."""
    lines, level = ["<ol>"], 1
    for at, entry in enumerate(entries):
        link = f'<a href="#{entry.anchor}">{entry.text}</a>'
        below = entries[at + 1].level if at + 1 < len(entries) else 1
        depth = min(entry.level, level)
        if below > depth:
            lines.append(f'<li>{link}<details open><summary aria-label="Contents"></summary><ol>')
            level = depth + 1
        else:
            lines.append(f"<li>{link}</li>")
            lines += ["</ol></details></li>"] * (level - max(below, 1))
            level = max(below, 1)
    return "\n".join([*lines, "</ol>"])
