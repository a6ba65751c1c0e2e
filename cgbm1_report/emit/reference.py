"""A sponsor's own Word template in the place of templates/reference.docx.

Of the template only the look is taken: styles, theme, fonts, numbering, and its header and footer.
Its text, its macros and whatever it is linked to are not. What our outputs name and it lacks comes
from templates/reference.docx, which is the list of all styles a report uses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from cgbm1_report.emit.docx import own_parts, pack
from cgbm1_report.emit.edges import (
    FIELDS,
    TOKENS,
    fit_edge,
    is_blank,
    is_filled,
    join_fields,
    join_tokens,
    left_unsaid,
    put_beside,
    set_stops,
    told_by,
    told_otherwise,
)
from cgbm1_report.emit.room import lost_points
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.paper import PAPERS
from cgbm1_report.system.containers import ContainerError, read_container

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TYPES, _ROOT = "[Content_Types].xml", "_rels/.rels"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_RULE = "--reference-doc"
#: A template is small; one that unpacks to more wants memory.
_MOST_BYTES = 100_000_000
#: A header and footer may take so much of what a page has for outputs.
_MOST_OF_PAGE = 0.45
#: Parts whose text is not taken over: where their links lead does not matter.
_LEFT_OUT = ("footnotes", "endnotes", "comments")
_PICTURES = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "bmp": "bmp", "tif": "tiff", "tiff": "tiff"}
_PICTURES |= {"emf": "x-emf", "wmf": "x-wmf"}
_STYLE = re.compile(r"<w:style\b[^>]*>.*?</w:style>", re.S)
_ID = re.compile(r'w:styleId="([^"]+)"')
_KIND = re.compile(r'<w:style\b[^>]*w:type="([^"]+)"')
_NAME = re.compile(r'<w:name w:val="([^"]+)"')
_BASE = re.compile(r'<w:(?:basedOn|next|link) w:val="([^"]+)"')
_REFERS = r'(<w:(?:basedOn|next|link|pStyle|rStyle|tblStyle|styleLink|numStyleLink) w:val=")({})(")'


@dataclass
class _Template:
    """The template's parts, and everything found wrong with it."""

    path: Path
    parts: dict[str, bytes]
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, message: str, place: str, remedy: str) -> None:
        self.problems.append(Problem(message, str(self.path), _RULE, place, remedy))

    def relations(self, part: str) -> list[ElementTree.Element]:
        folder, name = posixpath.split(part)
        content = self.parts.get(f"{folder}/_rels/{name}.rels".lstrip("/"))
        return [] if content is None else list(ElementTree.fromstring(content))  # noqa: S314

    def target(self, part: str, relation: ElementTree.Element) -> str:
        aim = relation.get("Target", "")
        return aim.lstrip("/") if aim.startswith("/") else posixpath.normpath(posixpath.join(posixpath.dirname(part), aim))

    def related(self, part: str, kind: str) -> str:
        """Name of the part that a part refers to by this kind of relation; empty where there is none."""
        for relation in self.relations(part):
            if relation.get("Type", "").endswith(f"/{kind}") and self.target(part, relation) in self.parts:
                return self.target(part, relation)
        return ""

    def text(self, part: str) -> str:
        return self.parts[part].decode("utf-8-sig")


def read_reference(path: Path) -> bytes:
    """A sponsor's Word template, checked and completed, ready for `fill_reference` and `emit_docx`.

    Styles of the template win; a style it lacks, by its name in Word's list, is added. Its header and
    footer of ordinary pages are taken, ours where it has none; tokens such as ``{{protocol}}`` in them are
    filled later. What ours say and the template does not (the mark, the protocol, page x of y, the program, the cut-off)
    stands in a line below its header and above its footer. Page size and margins are the build's.

    Raises
    ------
    ReportError
        It is no .docx file, is damaged, holds macros, refers to something outside, its header or footer
        holds an object, an unknown token or a field that reads from elsewhere, or those of first or even pages say something else,
        or both leave outputs too little of a page.
    """
    template = _Template(path, _read_parts(path))
    main = _check(template)
    made = dict(own_parts())
    styles, renamed = _styles(template, main)
    made["word/styles.xml"] = styles.encode("utf-8")
    _take(template, main, made, renamed)
    _take_edges(template, main, made, styles, renamed)
    if not template.problems:
        _refuse_tall(template, made)
    if template.problems:
        raise PlanError.of(template.problems)
    return pack(made)


def _refuse_tall(template: _Template, made: Mapping[str, bytes]) -> None:
    """A header and footer that leave outputs too little of a page: a figure would stand apart from its title."""
    lost, page = lost_points(made, PAPERS["a4"].text_points), PAPERS["a4"].text_height_points
    if lost > _MOST_OF_PAGE * page:
        told = f"has a header and footer that take about {lost:.0f} of the {page:.0f} points which a page has for outputs"
        template.refuse(told, "header and footer", "take lines, spaces between them or pictures out of them")


def _read_parts(path: Path) -> dict[str, bytes]:
    remedy = "name a Word document saved as .docx"
    if path.suffix.lower() != ".docx":
        raise PlanError("is no .docx file", file=path, rule=_RULE, remedy=remedy)
    try:
        return read_container(path, _MOST_BYTES)
    except FileNotFoundError:
        raise PlanError("is not there", file=path, rule=_RULE, remedy=remedy) from None
    except ContainerError as error:
        raise PlanError(f"is no Word document or is damaged: {error}", file=path, rule=_RULE, remedy=remedy) from None


def _check(template: _Template) -> str:
    """Refuse what must not come along; name of the main part."""
    path, parts = template.path, template.parts
    for name, content in parts.items():
        if name.endswith((".xml", ".rels")):
            _check_xml(path, name, content)
    missing = [name for name in (_TYPES, _ROOT) if name not in parts]
    main = "" if missing else template.related("", "officeDocument")
    types = parts.get(_TYPES, b"").decode("utf-8", "replace")
    if any("vbaproject" in name.lower() or "vbadata" in name.lower() for name in parts) or "macroEnabled" in types:
        raise PlanError("holds macros", file=path, rule=_RULE, remedy="save it as a Word document without macros (.docx)")
    styles = template.related(main, "styles") if main else ""
    if missing or not main or _MAIN not in types or not styles:
        lacks = ", ".join(missing) or "a main document with styles"
        raise PlanError(f"is no Word document: it lacks {lacks}", file=path, rule=_RULE, remedy="save it again in Word as .docx")
    for name, tag in ((main, "document"), (styles, "styles")):
        if ElementTree.fromstring(parts[name]).tag != f"{_W}{tag}" or f"<w:{tag}" not in template.text(name):  # noqa: S314
            remedy = "save it in Word as Word document (.docx), not as Strict Open XML"
            raise PlanError("is not the usual form of a Word document", file=path, rule=_RULE, place=name, remedy=remedy)
    _check_relations(template, main)
    return main


def _check_xml(path: Path, name: str, content: bytes) -> None:
    def refuse(*_: object) -> None:
        # No Word document declares entities; one that does wants memory.
        raise expat.ExpatError("it declares a document type")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        content.decode("utf-8")
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise PlanError(f"is damaged: {error}", file=path, rule=_RULE, place=name, remedy="save it again in Word") from None


def _check_relations(template: _Template, main: str) -> None:
    for name, content in template.parts.items():
        if not name.endswith(".rels"):
            continue
        folder, own = posixpath.split(name)
        part = posixpath.join(posixpath.dirname(folder), own.removesuffix(".rels"))
        words = part == main or any(posixpath.basename(part).startswith(kind) for kind in _LEFT_OUT)
        for relation in ElementTree.fromstring(content):  # noqa: S314
            kind = relation.get("Type", "").rpartition("/")[2]
            # Links in the template's own words are left out with the words.
            if relation.get("TargetMode") == "External" and not (words and kind == "hyperlink"):
                aim = relation.get("Target", "")
                template.refuse(f"refers to {aim} outside ({kind})", name, "embed it or take it out")


def _styles(template: _Template, main: str) -> tuple[str, dict[str, str]]:
    """The template's styles and those it lacks; and the identities exchanged for ours.

    Word in another language and LibreOffice give styles other identities and the same names.
    """
    text = template.text(template.related(main, "styles"))
    theirs = {_first(_ID, style): style for style in _STYLE.findall(text)}
    names = {(_first(_KIND, style), _first(_NAME, style).casefold()): ident for ident, style in theirs.items()}
    renamed = {}
    for style in _STYLE.findall(own_parts()["word/styles.xml"].decode("utf-8")):
        ident, kind = _first(_ID, style), _first(_KIND, style)
        name = _first(_NAME, style).casefold()
        named = names.get((kind, name))
        if ident in theirs and (_first(_KIND, theirs[ident]), _first(_NAME, theirs[ident]).casefold()) == (kind, name):
            continue
        if named is not None:
            renamed[named] = ident
        elif ident in theirs and _first(_KIND, theirs[ident]) != kind:
            template.refuse(f"has a {_first(_KIND, theirs[ident])} style {ident!r}; it is a {kind} style", "styles", "rename it")
    for ident in set(renamed.values()) & set(theirs) - set(renamed):
        # LibreOffice calls by one of our identities what has another name.
        renamed[ident] = f"{ident}Own"
    text = re.sub(r'(w:styleId=")([^"]+)(")', lambda found: found[1] + renamed.get(found[2], found[2]) + found[3], text)
    return add_styles(_renamed(text, renamed)), renamed


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _renamed(text: str, renamed: Mapping[str, str]) -> str:
    """A part that refers to styles by their new identities."""
    if not renamed:
        return text
    pattern = _REFERS.format("|".join(re.escape(ident) for ident in renamed))
    return re.sub(pattern, lambda found: found[1] + renamed[found[2]] + found[3], text)


def add_styles(styles: str, named: set[str] | None = None) -> str:
    """Styles of a document with those of templates/reference.docx it lacks, all of them or the named ones.

    What an added style is based on or followed by comes with it. None of the document's own is changed.
    """
    ours = {_first(_ID, style): style for style in _STYLE.findall(own_parts()["word/styles.xml"].decode("utf-8"))}
    known = set(_ID.findall(styles))
    wanted = set(ours) if named is None else named & set(ours)
    added: dict[str, str] = {}
    while todo := wanted - known - set(added):
        added |= {ident: ours[ident] for ident in todo}
        wanted |= {base for ident in todo for base in _BASE.findall(ours[ident]) if base in ours}
    defaults = {_first(_KIND, style) for style in _STYLE.findall(styles) if re.search(r'<w:style\b[^>]*w:default="1"', style)}
    texts = (
        re.sub(r'\s+w:default="1"', "", style, count=1) if _first(_KIND, style) in defaults else style
        for ident, style in ours.items()
        if ident in added
    )
    return styles.replace("</w:styles>", "".join(texts) + "</w:styles>")


def _take(template: _Template, main: str, made: dict[str, bytes], renamed: Mapping[str, str]) -> None:
    """Theme, fonts and numbering of the template, without what they would need other files for."""
    theme, fonts, numbering = (template.related(main, kind) for kind in ("theme", "fontTable", "numbering"))
    if theme:
        plain = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
        made["word/theme/theme1.xml"] = re.sub(r"<a:blipFill\b.*?</a:blipFill>", plain, template.text(theme), flags=re.S).encode()
    if fonts:
        made["word/fontTable.xml"] = re.sub(
            r"<w:embed(?:Regular|Bold|Italic|BoldItalic)\b[^>]*/>", "", template.text(fonts)
        ).encode()
    if numbering:
        text = re.sub(r"<w:numPicBullet\b.*?</w:numPicBullet>|<w:lvlPicBulletId\b[^>]*/>", "", template.text(numbering), flags=re.S)
        made["word/numbering.xml"] = _renamed(text, renamed).encode()


def _take_edges(template: _Template, main: str, made: dict[str, bytes], styles: str, renamed: Mapping[str, str]) -> None:
    """The template's header and footer, as wide as an A4 page lying down; what of ours they do not say stands beside them.

    Where the template has none, ours is taken.
    """
    wide = PAPERS["a4"].text_twips
    _refuse_others(template, main)
    found = {kind: edge for kind, edge in _edges(template, main).items() if not is_blank(template.text(edge[0]))}
    # Of a report of ours both say that report, its cut-off too: they are said anew, and are no words of a template.
    if len(found) == 2 and all(
        is_filled(template.text(edge[0]), made[f"word/{kind}1.xml"].decode()) for kind, edge in found.items()
    ):
        found = {}
    theirs = {kind: _read_edge(template, part, renamed) for kind, (part, _) in found.items()}
    told = {what for text in theirs.values() for what in told_by(text)}
    for kind in ("header", "footer"):
        target = f"word/{kind}1.xml"
        own = set_stops(made[target].decode("utf-8"), styles, {"center": wide // 2, "right": wide})
        if kind in theirs:
            part, width = found[kind]
            edge, line = fit_edge(theirs[kind], styles, width, wide), left_unsaid(own, told)
            own = put_beside(edge, line)
            if line and own == edge:
                template.refuse("is not the usual form of a header or footer", part, "save the template again in Word as .docx")
            _take_pictures(template, part, kind, made)
        made[target] = own.encode("utf-8")


def _refuse_others(template: _Template, main: str) -> None:
    """A header or footer of first or even pages that says anything else is refused: it would be lost, for all pages have one."""
    targets = {relation.get("Id"): template.target(main, relation) for relation in template.relations(main)}
    settings = template.related(main, "settings")
    even = settings and _is_on(ElementTree.fromstring(template.parts[settings]), "evenAndOddHeaders")  # noqa: S314
    ordinary = {part: template.text(part) for part, _ in _edges(template, main).values()}
    told: dict[str, str] = {}
    for section in ElementTree.fromstring(template.parts[main]).iter(f"{_W}sectPr"):  # noqa: S314
        for kind, on in (("first", _is_on(section, "titlePg")), ("even", even)):
            edges = [edge for edge in section if edge.tag in (f"{_W}headerReference", f"{_W}footerReference")]
            parts = [targets.get(edge.get(f"{_R}id"), "") for edge in edges if on and edge.get(f"{_W}type") == kind]
            told |= {part: kind for part in parts if part in template.parts and not is_blank(template.text(part))}
    names = {"first": "Different First Page", "even": "Different Odd & Even Pages"}
    for part, kind in told.items():
        if told_otherwise(template.text(part)) not in map(told_otherwise, ordinary.values()):
            remedy = f"take out {names[kind]!r} in Word, and put what it says into the header or footer of all pages"
            template.refuse(f"has a header or footer of its own for {kind} pages, which a report has not", part, remedy)
            # Where its words go then, its tokens and fields must be right too: all is said at once.
            _read_edge(template, part, {})


def _is_on(element: ElementTree.Element, tag: str) -> bool:
    """Whether a setting is there and not switched off."""
    found = element.find(f"{_W}{tag}")
    return found is not None and found.get(f"{_W}val", "true") not in ("false", "0", "off")


def _read_edge(template: _Template, part: str, renamed: Mapping[str, str]) -> str:
    """A header or footer of the template, its tokens and fields in one piece each; what may not be there is refused."""
    text = _renamed(template.text(part), renamed)
    text, unknown = join_tokens(re.sub(r"<w:dataBinding\b[^>]*/>", "", text))
    text, foreign = join_fields(text)
    for token in unknown:
        template.refuse(f"holds the token {token}", part, f"use {', '.join(f'{{{{{name}}}}}' for name in TOKENS)}")
    for name in foreign:
        template.refuse(f"holds a field {name}", part, f"take it out, or use {', '.join(sorted(FIELDS))}")
    return text


def _edges(template: _Template, main: str) -> dict[str, tuple[str, int]]:
    """Parts of the last header and footer for ordinary pages, and the width of the text they were made for."""
    targets = {relation.get("Id"): template.target(main, relation) for relation in template.relations(main)}
    found: dict[str, tuple[str, int]] = {}
    for section in ElementTree.fromstring(template.parts[main]).iter(f"{_W}sectPr"):  # noqa: S314
        size, margin = section.find(f"{_W}pgSz"), section.find(f"{_W}pgMar")
        sides = [_twips(margin, name, 1440) for name in ("left", "right")]
        width = max(_twips(size, "w", 12240) - sum(sides), 1440)
        for kind in ("header", "footer"):
            for reference in section.iter(f"{_W}{kind}Reference"):
                part = targets.get(reference.get(f"{_R}id"), "")
                if reference.get(f"{_W}type", "default") == "default" and part in template.parts:
                    found[kind] = (part, width)
    return found


def _twips(element: ElementTree.Element | None, name: str, otherwise: int) -> int:
    try:
        return otherwise if element is None else int(float(element.get(f"{_W}{name}", otherwise)))
    except ValueError:
        return otherwise


def _take_pictures(template: _Template, part: str, kind: str, made: dict[str, bytes]) -> None:
    """What a header or footer shows, which may be pictures only."""
    relations, types = "", ""
    for at, relation in enumerate(template.relations(part), 1):
        source = template.target(part, relation)
        suffix = posixpath.splitext(source)[1].lstrip(".").lower()
        if not relation.get("Type", "").endswith("/image") or suffix not in _PICTURES or source not in template.parts:
            if relation.get("TargetMode") != "External":
                template.refuse(f"holds {source}, which is no picture", part, "take it out of the header or footer")
            continue
        made[f"word/media/{kind}{at}.{suffix}"] = template.parts[source]
        ident = re.sub(r"[^A-Za-z0-9_]", "", relation.get("Id", ""))
        about = relation.get("Type", "")
        relations += f'<Relationship Id="{ident}" Type="{about}" Target="media/{kind}{at}.{suffix}"/>'
        if f'Extension="{suffix}"' not in made[_TYPES].decode("utf-8") + types:
            types += f'<Default Extension="{suffix}" ContentType="image/{_PICTURES[suffix]}"/>'
    if relations:
        head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        name = "http://schemas.openxmlformats.org/package/2006/relationships"
        text = f'{head}<Relationships xmlns="{name}">{relations}</Relationships>'
        made[f"word/_rels/{kind}1.xml.rels"] = text.encode("utf-8")
        made[_TYPES] = made[_TYPES].replace(b"<Override", types.encode("utf-8") + b"<Override", 1)
