"""Header and footer of a Word document as text: their tokens, their fields, and their width on another page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape

#: Fields a header or footer may hold: they tell of the document and read nothing from elsewhere.
FIELDS = frozenset(
    {"AUTHOR", "CREATEDATE", "DATE", "DOCPROPERTY", "FILENAME", "NUMPAGES", "PAGE", "PRINTDATE", "SAVEDATE", "SECTION"}
    | {"SECTIONPAGES", "STYLEREF", "SUBJECT", "TITLE"}
)
TOKENS = ("protocol", "mark", "program", "produced", "cutoff", "title")

_TEXT_OR_END = re.compile(r"(<w:t(?: [^>]*)?>)([^<]*)(</w:t>)|</w:p>")
_TOKEN = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_ONE_BRACE = re.compile(rf"(?<!{{){{\s*(?:{'|'.join(TOKENS)})\s*}}(?!}})")
_FIELD = re.compile(r'<w:fldChar [^>]*w:fldCharType="(begin|separate|end)"|(<w:instrText(?: [^>]*)?>)([^<]*)(</w:instrText>)')
_SIMPLE_FIELD = re.compile(r'<w:fldSimple [^>]*w:instr="([^"]*)"')
#: What a field showed when the template was saved: a page number is another on each page.
_RESULT = re.compile(r'(w:fldCharType="separate"|<w:fldSimple\b[^>]*[^/]>)(?:(?!w:fldCharType="|</?w:fldSimple\b).)*', re.S)
_LINE, _TAB = re.compile(r"(<w:p><w:pPr>.*?</w:pPr>)(.*?)</w:p>", re.S), "<w:r><w:tab/></w:r>"
_ROOT = re.compile(r"<w:(hdr|ftr)\b[^>]*[^/]>")
_HIDDEN = re.compile(r'<w:r(?: [^>]*)?>(?:(?!</w:r>).)*<w:vanish(?: w:val="(?:1|true|on)")?\s*/>.*?</w:r>', re.S)
_PARAGRAPH = re.compile(r"<w:p(?: [^>]*)?>(?:\s*<w:pPr>.*?</w:pPr>)?", re.S)
# What the schema puts before the tab stops of a paragraph.
_BEFORE_STOPS = re.compile(
    r"<w:pPr>(?:\s*(?:<w:(?:pStyle|keepNext|keepLines|pageBreakBefore|framePr|widowControl|suppressLineNumbers|shd)\b[^>]*/>"
    r"|<w:numPr>.*?</w:numPr>|<w:pBdr>.*?</w:pBdr>))*",
    re.S,
)
_STOPS = re.compile(r"<w:tabs>(.*?)</w:tabs>", re.S)
_STOP = re.compile(r"<w:tab\b[^>]*/>")
_POSITION = re.compile(r'w:pos="(-?\d+)"')
_STYLE = re.compile(r'<w:pStyle w:val="([^"]+)"\s*/>')
_WIDTHS = re.compile(r"<w:(?:tblW|tcW|gridCol)\b[^>]*/>")
_WIDTH = re.compile(r'w:w="(\d+)"')


def is_blank(edge: str) -> bool:
    """Whether a header or footer shows nothing."""
    return not re.search(r"<w:(?:drawing|pict|object|instrText|fldSimple|ptab)\b", edge) and not any(
        found[2] and found[2].strip() for found in _TEXT_OR_END.finditer(edge)
    )


def join_tokens(edge: str) -> tuple[str, list[str]]:
    """Tokens such as ``{{protocol}}``, which Word may have cut into runs, each in one run; and the unknown ones.

    A run keeps its own look; the run a token begins in gets all of it.
    """
    runs = [(found, unescape(found[2])) for found in _TEXT_OR_END.finditer(edge) if found[1]]
    # A paragraph's end is one character, so that no token reaches over it.
    place = [(at, inside) for at, (_, words) in enumerate(_with_ends(edge)) for inside in range(len(words))]
    whole = "".join(words for _, words in _with_ends(edge))
    texts = [list(words) for _, words in _with_ends(edge)]
    unknown = []
    for found in _TOKEN.finditer(whole):
        if found[1] not in TOKENS:
            unknown.append(found[0])
            continue
        for at in range(found.start(), found.end()):
            run, inside = place[at]
            texts[run][inside] = f"{{{{{found[1]}}}}}" if at == found.start() else ""
    left = _TOKEN.sub("", whole)
    # In one brace it would be printed as it stands, on every page.
    unknown += _ONE_BRACE.findall(left)
    unknown += ["{{"] if "{{" in left else []
    told = iter("".join(text) for (is_run, _), text in zip(_with_ends(edge), texts, strict=True) if is_run)
    pieces, last = [], 0
    for found, words in runs:
        new = next(told)
        if new != words:
            pieces += [edge[last : found.start()], f'<w:t xml:space="preserve">{_escaped(new)}</w:t>']
            last = found.end()
    return "".join([*pieces, edge[last:]]), unknown


def _with_ends(edge: str) -> list[tuple[bool, str]]:
    return [(bool(found[1]), unescape(found[2]) if found[1] else "\n") for found in _TEXT_OR_END.finditer(edge)]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def told_by(edge: str) -> set[str]:
    """What a header or footer says to a reader: its tokens, and its fields by name."""
    shown = _HIDDEN.sub("", edge)
    codes = [found[3] for found in _FIELD.finditer(shown) if found[2]] + _SIMPLE_FIELD.findall(shown)
    words = "".join(found[2] for found in _TEXT_OR_END.finditer(shown) if found[1])
    return set(_TOKEN.findall(words)) | {unescape(code).split()[0].upper() for code in codes if code.strip()}


def told_words(edge: str) -> tuple[str, int]:
    """The words of a header or footer, and how many pictures it shows."""
    shown = _HIDDEN.sub("", edge)
    return "".join(found[2] for found in _TEXT_OR_END.finditer(shown) if found[1]).strip(), shown.count("<w:drawing") + shown.count(
        "<w:pict"
    )


def told_otherwise(edge: str) -> tuple[tuple[str, int], frozenset[str]]:
    """What tells headers or footers of several pages apart: their words and pictures, and their fields, whatever these show."""
    return told_words(_RESULT.sub(r"\1", edge)), frozenset(told_by(join_fields(edge)[0]))


def is_filled(edge: str, own: str) -> bool:
    """Whether a header or footer is our ``own`` with its tokens filled, as a report has it: what it says is of that report."""
    words, pictures = told_words(edge)
    pieces = [re.sub("[0-9]+", "[0-9]+", re.escape(piece)) for piece in _TOKEN.sub("\0", told_words(own)[0]).split("\0")]
    return not pictures and re.fullmatch(".*".join(pieces), words) is not None


def left_unsaid(own: str, told: set[str]) -> str:
    """The line of our own header or footer with the pieces between its tabs that say more than what is ``told`` already.

    Empty where all is told. A template that numbers its pages does it in its own way, of how many or not.
    """
    told = told | {"NUMPAGES"} if "PAGE" in told else told
    line = _LINE.search(own)
    pieces = line[2].split(_TAB) if line else []
    kept = [piece if told_by(piece) - told else "" for piece in pieces]
    return f"{line[1]}{_TAB.join(kept)}</w:p>" if line and any(kept) else ""


def put_beside(edge: str, line: str) -> str:
    """A header with more below what it says, a footer with more above; as it is where it is of no usual form."""
    opening, end = _ROOT.search(edge), max(edge.rfind("</w:hdr>"), edge.rfind("</w:ftr>"))
    if not opening or end < 0:
        return edge
    at = end if opening[1] == "hdr" else opening.end()
    return edge[:at] + line + edge[at:]


def fill_tokens(text: str, values: Mapping[str, str]) -> str:
    """Put values, which are XML already, in the place of tokens, in one pass: what is put in is not looked at again."""
    pieces = text.split("{{")
    for at, piece in enumerate(pieces[1:], 1):
        token, _, rest = piece.partition("}}")
        pieces[at] = values[token] + rest
    return "".join(pieces)


def join_fields(edge: str) -> tuple[str, list[str]]:
    """Instructions of fields, which Word may have cut into runs, each in one run; and the fields that may not be there."""
    pieces, last = [], 0
    open_fields: list[list[re.Match[str]]] = []
    closed: list[list[re.Match[str]]] = []
    for found in _FIELD.finditer(edge):
        if found[1] == "begin":
            open_fields.append([])
        elif found[1] and open_fields:
            if found[1] == "end":
                closed.append(open_fields.pop())
        elif found[2] and open_fields:
            open_fields[-1].append(found)
    wanted = {
        part.start(): ("".join(piece[3] for piece in parts) if at == 0 else "", part)
        for parts in closed
        for at, part in enumerate(parts)
    }
    for start in sorted(wanted):
        text, part = wanted[start]
        pieces += [edge[last:start], part[2], text, part[4]]
        last = part.end()
    told = ["".join(piece[3] for piece in parts) for parts in [*closed, *open_fields]] + _SIMPLE_FIELD.findall(edge)
    names = [(unescape(text).split() or [""])[0] for text in told]
    return "".join([*pieces, edge[last:]]), [name for name in names if name.upper() not in FIELDS]


def fit_edge(edge: str, styles: str, old: int, new: int) -> str:
    """A header or footer made for a text ``old`` twips wide on a page whose text is ``new`` wide.

    Tab stops, also those of the paragraphs' styles, and tables move in proportion.
    """

    def fitted(found: re.Match[str]) -> str:
        paragraph = found[0]
        own = _STOPS.search(paragraph)
        named = _STYLE.search(paragraph)
        stops = _STOP.findall(own[1]) if own else []
        taken = {position for stop in stops for position in _POSITION.findall(stop)}
        inherited = [stop for stop in style_stops(styles, named[1] if named else "") if _position(stop) not in taken]
        moved = [stop if 'w:val="clear"' in stop else _moved(stop, old, new) for stop in stops]
        moved += [_moved(stop, old, new) for stop in inherited]
        return _set_stops(paragraph, [*(_clear(stop) for stop in inherited), *moved])

    def narrowed(found: re.Match[str]) -> str:
        if 'w:type="pct"' in found[0] or 'w:type="auto"' in found[0]:
            return found[0]
        return _WIDTH.sub(lambda width: f'w:w="{round(int(width[1]) * new / old)}"', found[0])

    return _WIDTHS.sub(narrowed, _PARAGRAPH.sub(fitted, edge))


def set_stops(edge: str, styles: str, stops: Mapping[str, int]) -> str:
    """A header or footer whose paragraphs have these tab stops instead of those of their styles."""

    def stopped(found: re.Match[str]) -> str:
        named = _STYLE.search(found[0])
        cleared = [
            _clear(stop) for stop in style_stops(styles, named[1] if named else "") if int(_position(stop)) not in stops.values()
        ]
        return _set_stops(found[0], [*cleared, *(f'<w:tab w:val="{kind}" w:pos="{at}"/>' for kind, at in stops.items())])

    return _PARAGRAPH.sub(stopped, edge)


def _set_stops(paragraph: str, stops: list[str]) -> str:
    if not stops:
        return paragraph
    made = f"<w:tabs>{''.join(stops)}</w:tabs>"
    if _STOPS.search(paragraph):
        return _STOPS.sub(made, paragraph, count=1)
    if "<w:pPr>" not in paragraph:
        return f"{paragraph}<w:pPr>{made}</w:pPr>"
    return _BEFORE_STOPS.sub(lambda found: found[0] + made, paragraph, count=1)


def _position(stop: str) -> str:
    found = _POSITION.search(stop)
    return found[1] if found else "0"


def _clear(stop: str) -> str:
    return f'<w:tab w:val="clear" w:pos="{_position(stop)}"/>'


def _moved(stop: str, old: int, new: int) -> str:
    return _POSITION.sub(lambda found: f'w:pos="{round(int(found[1]) * new / old)}"', stop)


def style_stops(styles: str, ident: str) -> list[str]:
    """Tab stops of a paragraph style or of what it is based on."""
    for text in _chain(styles, ident):
        stops = [stop for group in _STOPS.findall(text) for stop in _STOP.findall(group) if 'w:val="clear"' not in stop]
        if stops:
            return stops
    return []


def _chain(styles: str, ident: str) -> Iterator[str]:
    seen: set[str] = set()
    while ident and ident not in seen:
        seen.add(ident)
        found = re.search(rf'<w:style\b[^>]*w:styleId="{re.escape(ident)}".*?</w:style>', styles, re.S)
        if not found:
            return
        yield found[0]
        based = re.search(r'<w:basedOn w:val="([^"]+)"', found[0])
        ident = based[1] if based else ""
