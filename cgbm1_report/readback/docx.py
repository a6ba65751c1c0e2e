"""Reads Word documents back: a package of XML, read part by part, the body in one pass (:mod:`.docxbody`)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from cgbm1_report.errors import number_of
from cgbm1_report.readback.docxbody import Body, Content, Row, read_body, region_of
from cgbm1_report.readback.docxhiding import W
from cgbm1_report.readback.docxmade import check_made
from cgbm1_report.readback.docxsame import leave_out_same
from cgbm1_report.readback.docxwords import CAPTION, HEADING, check_edges, check_words, heading_levels
from cgbm1_report.readback.printed import LINKS, Finding, Printed, check_leads, compare_rows, limited, missing_texts, squeezed
from cgbm1_report.readback.told import ALTERNATIVES, Said, Told, compare_told, left_over
from cgbm1_report.readback.tree import check_tree
from cgbm1_report.system.containers import ContainerError, walk_container

_OPENS = "the file can be read"
ROWS = "every table prints the rows of the results"
HEADS = "title and column heads are rows that repeat"
SECTIONS = "each output is a bookmarked section with its title"
NOTES = "footnotes and source are printed"
OUTSIDE = "nothing leads outside or runs"
FIELDS = "fields are page numbers, contents and references only"
STYLES = "every style used is defined"
PICTURES = "every picture has a text that says what it shows"
_FIELD_NAMES = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES", "TOC", "TC", "SEQ", "REF", "PAGEREF", "STYLEREF", "="})
#: What a sponsor's header and footer may say besides: of the document, never of anything outside it.
_EDGE_FIELDS = frozenset(
    {"AUTHOR", "CREATEDATE", "DATE", "DOCPROPERTY", "FILENAME", "PRINTDATE", "SAVEDATE", "SECTION", "SUBJECT", "TITLE"}
)
#: Parts of a package that can run or hold something else than the document.
_ALIEN = re.compile(r"word/(embeddings|activeX)/|vbaProject|\.bin$|customUI", re.I)


def check_docx(
    path: Path,
    name: str,
    outputs: Mapping[str, Printed],
    *,
    stamp: Said,
    told: Told | None = None,
    links: frozenset[str] = frozenset(),
    singles: Mapping[str, Path] | None = None,
) -> list[Finding]:
    """Findings about a Word document that holds these outputs, by bookmark.

    ``links`` are addresses it may lead to; ``told`` is what a whole document tells around its outputs: one of a single
    output tells nothing. ``singles`` are the sound files of its outputs: rows that are theirs are not read twice.
    """
    same: dict[str, int] = {}
    try:
        with zipfile.ZipFile(path) as package:
            walk_container(package)
            findings, fields = _check_parts(name, package, links)
            with package.open("word/document.xml") as part:
                if singles:
                    rest, same = leave_out_same(part.read(), {anchor: region_of(anchor) for anchor in outputs}, singles)
                body = read_body(BytesIO(rest) if singles else part, frozenset(outputs))
            findings += _check_references(name, package, body)
            findings += check_tree(name, outputs.values(), _headings(package, body)) if told else []
            findings += _check_fields(name, fields, _FIELD_NAMES | _EDGE_FIELDS) + _check_fields(name, body.fields, _FIELD_NAMES)
            running = [] if told else [note for one in outputs.values() for note in one.running(stamp.program)]
            findings += check_edges(name, package, body, stamp, running)
            findings += check_words(name, package, body, outputs, told)
            findings += check_made(name, package, body, outputs, stamp, told)
    except (ContainerError, zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError, UnicodeDecodeError) as error:
        return [Finding(name, f"cannot be read as DOCX: {error}", _OPENS)]
    for anchor, printed in outputs.items():
        findings += _check_output(name, anchor, printed, body, stamp, same.get(anchor))
        findings += check_leads(name, printed, outputs, body.contents[anchor].leads) if anchor in body.contents else []
        findings += _check_captions(name, printed, body.contents[anchor]) if anchor in body.contents else []
    return findings


def _check_parts(name: str, package: zipfile.ZipFile, links: frozenset[str]) -> tuple[list[Finding], list[str]]:
    """Findings about the package, and the fields of its headers, footers and notes."""
    findings, fields = [], []
    for part in package.namelist():
        if _ALIEN.search(part):
            findings.append(Finding(name, f"holds {part}", OUTSIDE, place=part))
        if part.endswith(".rels"):
            # The file was made by this build; expat bounds what entities may grow to.
            targets = [link for link in ElementTree.fromstring(package.read(part)) if link.get("TargetMode") == "External"]  # noqa: S314
            outside = [link.get("Target", "") for link in targets if link.get("Target") not in links]
            findings += [Finding(name, f"refers to {aim}", OUTSIDE, place=part) for aim in outside]
        elif part.endswith(".xml") and part != "word/document.xml":
            fields += _fields(ElementTree.fromstring(package.read(part)))  # noqa: S314
    return findings, fields


def _fields(root: ElementTree.Element) -> list[str]:
    simple = [node.get(f"{W}instr", "") for node in root.iter(f"{W}fldSimple")]
    return simple + [node.text or "" for node in root.iter(f"{W}instrText")]


def _headings(package: zipfile.ZipFile, body: Body) -> list[tuple[int, str]]:
    """The headings and the captions marked for the contents, in their order.

    They are paragraphs in a style that Word knows as a heading of a level or as a caption, whatever its identity is.
    """
    levels, captions = heading_levels(package, HEADING), heading_levels(package, CAPTION)
    told = [(marked if style in captions else levels.get(style, 0), text) for style, text, marked in body.headings]
    return [(level, text) for level, text in told if level and text]


def _check_references(name: str, package: zipfile.ZipFile, body: Body) -> list[Finding]:
    styles = ElementTree.fromstring(package.read("word/styles.xml"))  # noqa: S314
    defined = {style.get(f"{W}styleId", "") for style in styles.iter(f"{W}style")}
    links = ElementTree.fromstring(package.read("word/_rels/document.xml.rels"))  # noqa: S314
    known = {link.get("Id", "") for link in links}
    findings = [Finding(name, f"uses the style {style!r}", STYLES, place="body") for style in sorted(body.styles - defined)]
    lost = sorted(body.relations - known)
    findings += [Finding(name, f"refers to {mark!r}, which is not in the file", OUTSIDE, place="body") for mark in lost]
    astray = sorted(body.aims - body.anchors)
    findings += [Finding(name, f"has a link to {aim!r}, which it does not hold", LINKS, place="body") for aim in astray]
    if body.nameless:
        findings.append(Finding(name, f"nothing said of {number_of(body.nameless, 'picture')}", PICTURES, place="body"))
    return findings


def _check_fields(name: str, fields: Sequence[str], allowed: frozenset[str]) -> list[Finding]:
    return [
        Finding(name, f"holds the field {text.strip()!r}", FIELDS, place="fields")
        for text in fields
        if text.strip() and text.split()[0].upper() not in allowed
    ]


def _check_output(name: str, anchor: str, printed: Printed, body: Body, stamp: Said, kept: int | None) -> list[Finding]:
    """Findings about one output; where its rows are those of its own file, of which so many were ``kept``, about the rest."""
    times = body.order.count(anchor)
    if times != 1:
        return [Finding(name, f"has {times} bookmarks {anchor!r}", SECTIONS, printed.number, "bookmarks")]
    whole = body.regions.count(anchor)
    if whole != 1:
        return [Finding(name, f"has {whole} bookmarks {region_of(anchor)!r} around it", SECTIONS, printed.number, "bookmarks")]
    content = body.contents[anchor]
    if printed.is_figure:
        return _check_figure(name, printed, content, stamp)
    findings: list[Finding] = []
    rows: list[Row] = []
    told = ""
    for at, table in enumerate(content.tables, 1):
        place = f"part {at} of {len(content.tables)}"
        said, body_rows, below = _read_table(name, printed, table, place)
        findings += said
        rows += body_rows
        told += below
    text = squeezed(told + "".join(content.paragraphs))
    if kept == len(rows):
        return limited([*findings, *_check_notes(name, printed, text, stamp)])
    findings += compare_rows(name, printed, _texts(rows), ROWS)
    marks = [(at, mark) for at, row in enumerate(rows) for mark in row.marks]
    if marks != [(at, mark) for at, mark, _ in printed.named_rows(anchor)]:
        findings.append(
            Finding(name, "has other bookmarks in its rows than those of rows with a name", LINKS, printed.number, "rows")
        )
    return limited([*findings, *_check_notes(name, printed, text, stamp)])


def _check_captions(name: str, printed: Printed, content: Content) -> list[Finding]:
    """Findings where a table says in its properties, which are read aloud, that it is another."""
    wrong = sorted(set(content.captions) - {printed.title})
    return [Finding(name, f"is called {text!r} in a table's properties", HEADS, printed.number, "properties") for text in wrong]


def _check_notes(name: str, printed: Printed, text: str, stamp: Said, above: Sequence[str] = ()) -> list[Finding]:
    """Findings where what stands below an output, and of a picture ``above`` it, is not its notes and nothing else."""
    wanted = (*above, *printed.feet(stamp.program))
    findings = missing_texts(name, printed.number, "notes", wanted, text, NOTES)
    more = left_over(text, wanted)
    return [*findings, Finding(name, f"prints {more!r}", NOTES, printed.number, "notes")] if more else findings


def _check_figure(name: str, printed: Printed, content: Content, stamp: Said) -> list[Finding]:
    text = squeezed("".join([*content.paragraphs, *(cell for table in content.tables for row in table for cell in row.texts)]))
    findings = _check_notes(name, printed, text, stamp, (printed.title, *printed.lines))
    if not content.described:
        return [*findings, Finding(name, "has no picture", PICTURES, printed.number, "figure")]
    said = compare_told(name, [printed.alt], content.described, ALTERNATIVES, place="alternative text", output=printed.number)
    return [*findings, *said]


def _read_table(name: str, printed: Printed, table: Sequence[Row], place: str) -> tuple[list[Finding], list[Row], str]:
    """Findings about one table of an output, its rows, and what stands below them."""
    heads = list(printed.heads)
    at = next((at for at, row in enumerate(table[:6]) if row.texts == heads), None)
    if at is None:
        return [Finding(name, f"lacks the column heads {' | '.join(heads)}", HEADS, printed.number, place)], list(table), ""
    findings = [
        Finding(name, f"row {row + 1} ({' | '.join(table[row].texts)}) does not repeat on every page", HEADS, printed.number, place)
        for row in range(at + 1)
        if not table[row].repeats
    ]
    above = squeezed("".join(text for row in table[:at] for text in row.texts))
    wanted = (printed.title, *printed.lines, *(text for text in printed.spanners if text))
    findings += missing_texts(name, printed.number, place, wanted, above, HEADS)
    more = left_over(above, [f"{printed.title} (continued)", *wanted])
    findings += [Finding(name, f"prints {more!r} above the rows", HEADS, printed.number, place)] if more else []
    findings += [
        Finding(name, f"row {row + 1} repeats on every page", HEADS, printed.number, place)
        for row in range(at + 1, len(table))
        if table[row].repeats
    ]
    body, below = list(table[at + 1 :]), ""
    while body and _is_note(body[-1], printed):
        below = body.pop().texts[0] + below
    return findings, body, below


def _texts(rows: Sequence[Row]) -> list[list[str]]:
    return [row.texts for row in rows]


def _is_note(row: Row, printed: Printed) -> bool:
    """Whether a row across the whole table holds notes, not data."""
    if len(row.texts) != 1 or [tuple(row.texts)] == list(printed.rows):
        return False
    text = squeezed(row.texts[0])
    known = (*printed.notes, printed.source)
    return not text or any(squeezed(note) in text for note in known if note) or text.lower().startswith("continue")


def anchors(outputs: Mapping[str, Printed]) -> Iterator[tuple[str, Printed]]:
    """Outputs by the name they are linked by in every format."""
    yield from ((anchor_of(number), printed) for number, printed in outputs.items())


def anchor_of(number: str) -> str:
    """The name that an output is linked by in every format."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", number)[:40]
    return name if name[:1].isalpha() else f"o{name}"[:40]
