"""Reads HTML back: the tables of each output, all words around them, and that a page loads and runs nothing of others."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

from cgbm1_report.assets import REPORT_SCRIPTS, read_scripts
from cgbm1_report.readback.htmlpage import Page, Section, read_page
from cgbm1_report.readback.htmlshort import say_alignments
from cgbm1_report.readback.pictures import check_pictures, pictures_in
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
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import ALTERNATIVES, CONTENTS, EDGES, FRONT, WORDS, Said, Told, account, compare_told
from cgbm1_report.readback.tree import check_tree

_OPENS = "the file can be read"
ROWS = "every table prints the rows of the results"
HEADS = "a table has its column heads"
SECTIONS = "each output is a section with its title"
NOTES = "footnotes and source are printed"
OUTSIDE = "nothing leads outside"
SCRIPTS = "no script runs but the report's own"
MADE = "a page is made of what shows the report's texts, and hides none"
#: Words of the page itself: they lead about in it.
_SKIP = "Skip to the report"
_CHROME = frozenset({"Contents", "Table of contents", "Find a section or output"})
_HEADING = re.compile(r"<h([1-4])\b[^>]*>.*?</h\1>", re.S)
_LEVEL = re.compile(r"<(/?)h[1-4]\b")
_LEADS = re.compile(r'<a class="cg-to" href="#([^"]*)">([^<]*)</a>')
#: Looked for by their first letters, and what stands before these looked at afterwards: a page is tens of megabytes.
_AIM, _NAMED = re.compile(r'href="#(?<=\bhref="#)([^"]*)"'), re.compile(r'id="(?<=\bid=")([^"]*)"')
#: The name of a row, and a line of the links to such rows.
_MARKED, _INDEX = re.compile(r'\sid="([^"]*)"'), re.compile(r'<li><a href="#([^"]*)">([^<]*)</a></li>')
_SECTION = re.compile(r'<section class="cg-output[^"]*" id="([^"]+)".*?</section>', re.S)


#: By what an output's own page is scrolled by keys.
_REACHED = ' tabindex="0"'
#: What a report has once, or has no need of as it keeps its style sheet: the sheet, and a figure's picture beside its drawing.
_OWN = re.compile(r'<img class="cg-still"[^>]*>\n|<style>[^<]*</style>\n')
#: A link of an output as its own page, which holds no other, has it.
_TEXT = r'<span class="cg-to" data-to="\1">\2</span>'


def check_page(path: Path, name: str, outputs: Mapping[str, Printed], *, stamp: Said, links: frozenset[str]) -> list[Finding]:
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
        *_check_drawn(name, text, outputs, ()),
        *told,
    ]


def _as_part(page: str) -> str:
    """An output's own page as a report holds it: on any level, without what the report has once or has no need of."""
    return _LEVEL.sub(r"<\1h", _OWN.sub("", page)).replace(_REACHED, "", 1)


def check_report(
    path: Path,
    file: str,
    outputs: Mapping[str, Printed],
    singles: Mapping[str, str],
    told: Told,
    *,
    ours: bool,
    stamp: Said,
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
    if ours:
        # It keeps its style sheet: alignments stand there, and a figure needs no picture beside its drawing.
        text, outputs = say_alignments(text), {name: replace(one, still="") for name, one in outputs.items()}
    findings = _check_leads(file, text, outputs, every=ours)
    findings += _check_drawn(file, text, outputs, told.story.pictures if ours else None)
    singles = {name: _as_part(single) for name, single in singles.items()}

    def drop(match: re.Match[str]) -> str:
        name = match[1]
        if name in singles and _LEVEL.sub(r"<\1h", _LEADS.sub(_TEXT, match[0])) in singles[name]:
            same.append(name)
            heading = _HEADING.search(match[0])
            # The contents lead to what is left out.
            return f'<div class="shown" id="{name}">{heading[0] if heading else ""}</div>'
        return match[0]

    rest = _SECTION.sub(drop, text)
    page = read_page(rest, frozenset(outputs))
    page.order += same
    findings += _harmless(file, page, text, True, links) if ours else _inside(file, page, links)
    findings += check_tree(file, outputs.values(), page.headings)
    findings += _check_told(file, page, told) if ours else _check_other(file, page, told)
    unread = {name: printed for name, printed in outputs.items() if same.count(name) != 1 or name in page.found}
    return [*findings, *_check_outputs(file, unread, page, stamp)]


def _check_told(file: str, page: Page, told: Told) -> list[Finding]:
    """Findings where a page of ours tells anything else around its outputs, or leaves something out."""
    main = [text for zone, text in page.blocks if zone == "main" and text != _SKIP]
    edges = [text for zone, text in page.blocks if zone in ("header", "footer")]
    first = [*told.first_page, *told.glossary]
    findings = compare_told(file, first, main[: len(first)], FRONT, place="title page")
    findings += compare_told(file, [item.text for item in told.story.items], main[len(first) :], WORDS, place="words")
    bare = [point.strip("().") for point in told.story.points]
    findings += compare_told(file, bare, page.points, WORDS, place="numbers of lists")
    findings += compare_told(file, told.story.aside, page.aside, WORDS, place="footnotes")
    findings += account(file, told.edges, edges, EDGES, place="edges")
    findings += compare_told(file, [told.title], [page.title], FRONT, place="title of the page")
    said = [text for zone, text in page.blocks if zone == "nav" and text not in _CHROME]
    return [*findings, *_check_contents(file, page, said, told)]


def _check_contents(file: str, page: Page, said: list[str], told: Told) -> list[Finding]:
    """Findings where the contents name anything but the headings, or lead to another."""
    findings = compare_told(file, [text for _, text in told.listed("")], said, CONTENTS, place="contents")
    findings += [
        Finding(file, f"the line {text!r} leads to {page.targets.get(aim, 'nothing')!r}", CONTENTS, place="contents")
        for aim, text in page.leads
        if text and page.targets.get(aim) != text
    ]
    return limited(findings)


def _check_other(file: str, page: Page, told: Told) -> list[Finding]:
    """The same of a page of another engine, which heads it in its own way: words and contents are the report's."""
    around = set(map(fold, [*told.first_page, *told.edges, *told.glossary, *_CHROME, _SKIP]))
    main = [text for text in (fold(block) for zone, block in page.blocks if zone == "main") if text not in around]
    items = [item.text for item in told.story.items]
    findings = compare_told(file, [text for text in items if text not in around], main, WORDS, place="words")
    head = [fold(text) for text in (page.title, *(block for _, block in page.blocks))]
    lacking = [text for text in (told.title, told.mark) if not any(text in one for one in head)]
    findings += [Finding(file, f"lacks {text!r}", FRONT, place="title") for text in lacking]
    said = [text for zone, text in page.blocks if zone == "nav" and text not in _CHROME]
    return limited([*findings, *_check_contents(file, page, said, told)])


def _check_drawn(name: str, text: str, outputs: Mapping[str, Printed], others: Sequence[str] | None) -> list[Finding]:
    """Findings about pictures: those of each output and, if they are known, of the words around them."""
    findings: list[Finding] = []
    for section in _SECTION.finditer(text):
        if section[1] in outputs:
            one = outputs[section[1]]
            findings += check_pictures(name, pictures_in(section[0]), one.pictures, output=one.number, place="figure")
    if others is not None:
        findings += check_pictures(name, pictures_in(_SECTION.sub("", text)), others, place="words")
    return findings


def _check_leads(name: str, text: str, outputs: Mapping[str, Printed], *, every: bool = True) -> list[Finding]:
    """Findings about links within a page: those of the outputs, and of ``every`` one that leads nowhere."""
    findings: list[Finding] = []
    for section in _SECTION.finditer(text):
        if section[1] in outputs:
            leads = [anchor for anchor, _ in _LEADS.findall(section[0])]
            findings += check_leads(name, outputs[section[1]], outputs, leads)
            findings += _check_rows(name, section[1], section[0], outputs[section[1]])
    lost = sorted(set(_AIM.findall(text)) - set(_NAMED.findall(text)) - {""}) if every else []
    findings += [Finding(name, f"has a link to {aim!r}, which it does not hold", LINKS, place="links") for aim in lost]
    return limited(findings)


def _check_rows(name: str, anchor: str, section: str, printed: Printed) -> list[Finding]:
    """Findings where the rows of an output that have a name are not those that links lead to, or the links say another."""
    named = printed.named_rows(anchor)
    _, _, body = section.partition("<tbody")
    found = [(at, mark[1]) for at, row in enumerate(body.split("<tr")[1:]) if (mark := _MARKED.match(row))]
    said = [(aim, plain(unescape(text))) for aim, text in _INDEX.findall(section)]
    if found == [(row, mark) for row, mark, _ in named] and said == [(mark, text) for _, mark, text in named]:
        return []
    return [Finding(name, "leads to other rows than those that have a name", LINKS, printed.number, "rows with a name")]


def check_outside(folder: Path, name: str) -> list[Finding]:
    """Findings where a page of a build loads, or leads to, anything outside of itself; a page that is not there does not."""
    path = folder / name
    if not path.is_file():
        return []
    page = read_page(path.read_text("utf-8", "replace"), frozenset())
    return limited([*outside_of(name, page), *(Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links)])


def outside_of(name: str, page: Page) -> list[Finding]:
    """Findings about what a page would load, or take in from elsewhere."""
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in page.outside if not aim.startswith("data:")]
    return limited([*findings, *(Finding(name, f"holds {tag}", OUTSIDE, place="elements") for tag in page.alien)])


def _inside(name: str, page: Page, links: frozenset[str]) -> list[Finding]:
    """That a page of another engine, which brings scripts and styles of its own, brings them inside of it."""
    aims = [aim for aim in page.outside if not aim.startswith("data:")]
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in aims]
    findings += [Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links if aim not in links]
    return limited(findings)


def _harmless(name: str, page: Page, text: str, script: bool, links: frozenset[str]) -> list[Finding]:
    findings = [Finding(name, f"loads {aim!r}", OUTSIDE, place="addresses") for aim in page.outside]
    findings += [Finding(name, f"leads to {aim!r}", OUTSIDE, place="links") for aim in page.links if aim not in links]
    findings += [Finding(name, f"holds {tag}", OUTSIDE, place="elements") for tag in page.alien]
    findings += [Finding(name, f"has {what}", MADE, place="elements") for what in page.strange]
    own = read_scripts(REPORT_SCRIPTS) if script else ""
    known = {squeezed(own)} if script else set()
    strange = [code for code in page.scripts if squeezed(code) not in known]
    findings += [Finding(name, f"runs {plain(code)[:80]!r}", SCRIPTS, place="scripts") for code in strange]
    if script and not strange:
        digest = base64.b64encode(hashlib.sha256(own.encode("utf-8")).digest()).decode("ascii")
        if f"'sha256-{digest}'" not in text:
            findings.append(Finding(name, "does not allow its script by its hash", SCRIPTS, place="Content-Security-Policy"))
    return limited(findings)


def _check_outputs(name: str, outputs: Mapping[str, Printed], page: Page, stamp: Said) -> list[Finding]:
    findings: list[Finding] = []
    for anchor, printed in outputs.items():
        times = page.order.count(anchor)
        if times != 1:
            findings.append(Finding(name, f"has {times} sections with the id {anchor!r}", SECTIONS, printed.number, "sections"))
        else:
            findings += check_section(name, printed, page.found[anchor], stamp)
    return findings


def check_section(name: str, printed: Printed, section: Section, stamp: Said) -> list[Finding]:
    """Findings about an output as a section of a page shows it: title, column heads, rows, notes, picture."""
    number = printed.number
    findings = []
    if section.title != printed.title:
        findings.append(Finding(name, f"is titled {section.title!r}, not {printed.title!r}", SECTIONS, number, "title"))
    wanted = [*(text for _, text in printed.marks), *printed.lines, *printed.feet(stamp.program), stamp.line]
    findings += compare_told(name, wanted, section.words, NOTES, place="notes", output=number)
    if printed.is_figure:
        if not section.pictures:
            findings.append(Finding(name, "has no picture", SECTIONS, number, "figure"))
        for words in (section.described, *[section.stills][: bool(printed.still)]):
            findings += compare_told(name, [printed.alt], words, ALTERNATIVES, place="alternative text", output=number)
        return findings
    if not section.heads or section.heads[-1] != list(printed.heads):
        said = " | ".join(section.heads[-1]) if section.heads else "nothing"
        findings.append(Finding(name, f"has the column heads {said}, not {' | '.join(printed.heads)}", HEADS, number, "heads"))
    above = squeezed("".join(text for row in section.heads[:-1] for text in row))
    findings += missing_texts(name, number, "heads", (text for text in printed.spanners if text), above, HEADS)
    twice = (
        {(row, at) for row in range(len(printed.rows)) if not printed.begins(row) for at in printed.once}
        if section.again
        else set()
    )
    findings += [
        Finding(name, "hides a cell that no row above it says", ROWS, number, printed.place(row))
        for row, _ in sorted(section.again - twice)
    ]
    return limited([*findings, *compare_rows(name, printed, section.rows, ROWS)])
