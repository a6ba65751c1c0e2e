"""Holds what a Word document says outside its outputs: title page, contents, words, header and footer, properties."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from cgbm1_report.assets import asset
from cgbm1_report.readback.docxbody import Block, Body, told_text
from cgbm1_report.readback.docxhiding import W
from cgbm1_report.readback.docxlists import read_points
from cgbm1_report.readback.printed import Finding, Printed, limited, squeezed
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import CONTENTS, EDGES, FRONT, LISTS, WORDS, Said, Told, account, compare_told, left_over

HEADING = re.compile(r"heading ([1-9])", re.I)
#: The titles of outputs are captions; the level at which the contents have one is said by the field that marks it.
CAPTION = re.compile(r"caption()", re.I)
#: Styles of a line of the contents, or of a list of figures, by the names Word gives them.
_LINE = re.compile(r"toc ([1-9])|table of figures()", re.I)
#: What a sponsor's header and footer must say at least.
_LEAST = ("protocol", "mark", "cutoff")
_RELATIONS = "word/_rels/document.xml.rels"
_CORE = "docProps/core.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
#: What stands between page numbers.
_COUNTS = ("Page", "of")


def heading_levels(package: zipfile.ZipFile, wanted: re.Pattern[str]) -> dict[str, int]:
    """Levels of the styles that Word knows by such names, by their identities."""
    found = {}
    for style in ElementTree.fromstring(package.read("word/styles.xml")).iter(f"{W}style"):  # noqa: S314
        name = style.find(f"{W}name")
        level = wanted.fullmatch(name.get(f"{W}val", "")) if name is not None else None
        if level:
            found[style.get(f"{W}styleId", "")] = int(level[1] or 0)
    return found


def check_words(
    name: str, package: zipfile.ZipFile, body: Body, outputs: Mapping[str, Printed], told: Told | None
) -> list[Finding]:
    """Findings where a document tells anything else outside its outputs, or leaves something out."""
    headed, lines = heading_levels(package, HEADING), heading_levels(package, _LINE)
    titles = {anchor: one.title for anchor, one in outputs.items()}
    if told is None:
        said = [block.text for block in body.blocks if not block.output]
        title = next(iter(titles.values()), "")
        return [*compare_told(name, [], said, WORDS, place="words"), *_check_title(name, package, title)]
    start = next((at for at, block in enumerate(body.blocks) if block.style in headed or block.output), len(body.blocks))
    front = body.blocks[:start]
    listed = [block for block in front if block.style in lines or block.text in LISTS.values()]
    # Words of the contents to Word's user, which go when it updates them.
    hint = asset("templates", "contents_hint.txt").read_text(encoding="utf-8").strip()
    rest = [block.text for block in front if block.style not in lines and block.text not in (*LISTS.values(), hint)]
    findings = account(name, [*told.first_page, *told.glossary], rest, FRONT, place="title page")
    findings += _check_contents(name, body, listed, told)
    said = [titles[block.output] if block.output else block.text for block in body.blocks[start:]]
    findings += compare_told(name, [item.text for item in told.story.items], said, WORDS, place="words")
    points = read_points(package, body.listed)
    findings += compare_told(name, told.story.points, points, WORDS, place="numbers of lists")
    findings += compare_told(name, told.story.aside, _footnotes(package), WORDS, place="footnotes")
    return [*findings, *_check_title(name, package, told.title)]


def _check_contents(name: str, body: Body, found: Sequence[Block], told: Told) -> list[Finding]:
    """Findings where contents and lists name anything but what the document holds, or lead to another."""
    wanted = []
    for word, head in LISTS.items():
        lines = [text for _, text in told.listed(word)]
        wanted += [head, *lines] if lines else []
    findings = compare_told(name, wanted, [block.text for block in found], CONTENTS, place="contents")
    findings += [
        Finding(name, f"the line {block.text!r} leads to {body.marked.get(block.aim, 'nothing')!r}", CONTENTS, place="contents")
        for block in found
        if block.aim and fold(body.marked.get(block.aim, "")) != fold(block.text)
    ]
    return limited(findings)


def _footnotes(package: zipfile.ZipFile) -> list[str]:
    """Texts of the footnotes; lines that separate them are none."""
    if "word/footnotes.xml" not in package.namelist():
        return []
    notes = ElementTree.fromstring(package.read("word/footnotes.xml")).iter(f"{W}footnote")  # noqa: S314
    texts = [told_text(paragraph) for note in notes if note.get(f"{W}type") is None for paragraph in note.iter(f"{W}p")]
    return [text for text in texts if text]


def _check_title(name: str, package: zipfile.ZipFile, wanted: str) -> list[Finding]:
    found = ElementTree.fromstring(package.read(_CORE)).find(_TITLE)  # noqa: S314
    said = fold((found.text or "") if found is not None else "")
    if said == fold(wanted):
        return []
    return [Finding(name, f"is titled {said!r} in its properties, not {wanted!r}", FRONT, place=_CORE)]


def check_edges(name: str, package: zipfile.ZipFile, body: Body, stamp: Said, running: Sequence[str] = ()) -> list[Finding]:
    """Findings about headers and footers: each section has them, and they say what the build is, and nothing else.

    ``running`` are the notes that a file of one output may have on every page: all of them, or none.
    """
    links = ElementTree.fromstring(package.read(_RELATIONS))  # noqa: S314
    parts = {link.get("Id", ""): f"word/{link.get('Target', '')}" for link in links}
    effective: dict[tuple[str, str], str] = {}
    findings: dict[str, None] = {}
    for at, section in enumerate(body.sections):
        effective |= section.edges
        if section.first_apart and at and not stamp.free:
            findings["has a first page of a section apart, which says nothing"] = None
        for kind in ("default", *(["first"] if section.first_apart and ("header", "first") in effective else [])):
            said = "".join(_edge(package, parts.get(effective.get((edge, kind), ""), "")) for edge in ("header", "footer"))
            findings |= dict.fromkeys(_wrong_edges(said, stamp, running))
    if not body.sections:
        findings["has no header and footer"] = None
    return [Finding(name, said, EDGES, place="header and footer") for said in findings]


def _edge(package: zipfile.ZipFile, part: str) -> str:
    """What a header or footer says, page numbers apart."""
    if part not in package.namelist():
        return ""
    return squeezed(fold(" ".join(told_text(one) for one in ElementTree.fromstring(package.read(part)).iter(f"{W}p"))))  # noqa: S314


def _wrong_edges(said: str, stamp: Said, running: Sequence[str]) -> list[str]:
    wanted = [stamp.texts[name] for name in _LEAST if stamp.texts.get(name)] if stamp.free else list(stamp.edges)
    known = [*stamp.edges, *_COUNTS]
    if any(squeezed(fold(note)) in said for note in running):
        wanted, known = [*wanted, *running], [*known, *running]
    lacking = [f"lacks {text!r}" for text in wanted if squeezed(fold(text)) not in said]
    more = "" if stamp.free else left_over(said, known)
    return [*lacking, f"prints {more!r}"] if more else lacking
