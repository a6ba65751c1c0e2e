"""A PDF opened for its structure: what it says it is, its pages' drawings, and how findings are told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from xml.etree import ElementTree

from pikepdf import Array, Dictionary, Name, Pdf, Stream

from cgbm1_report.readback.pdftext import STRING
from cgbm1_report.readback.printed import Finding

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfuaid": "http://www.aiim.org/pdfua/ns/id/",
}
_TEXTS = re.compile(STRING + rb"|<[0-9A-Fa-f\s]*[0-9A-Fa-f]\s*>", re.S)
_INLINE = re.compile(rb"(?<!\S)BI\s.*?\sEI(?!\S)", re.S)
#: Brackets, between which words stand apart; and how far in front of an operator its last operand is looked for.
_APART, _NEAR = bytes.maketrans(b"[]()<>", b"      "), 24
#: One slip in a template is on every page and in every cell; a reader wants to see where it begins.
_MOST_OF_A_RULE = 3


@dataclass(frozen=True)
class Drawing:
    """A content stream: of a page, or of a form a page draws; ``key`` tells it from all others."""

    key: tuple[int, int]
    place: str
    item: Any
    resources: Any
    content: bytes
    is_page: bool

    @cached_property
    def operators(self) -> bytes:
        """The content without its strings and inline pictures, whose bytes could be taken for operators."""
        # What is left of a shown text is its operator, what is left of a picture is that it is drawn.
        drawn = _TEXTS.sub(b" ", self.content)
        return _INLINE.sub(b" EI ", drawn) if b"BI" in drawn else drawn

    @cached_property
    def words(self) -> frozenset[bytes]:
        """What stands between blanks, brackets and the strokes of names, without digits: every operator is among it.

        Every page is asked whether it draws by this operator or that; a pattern would look for each at each of its places.
        """
        return frozenset(self.operators.translate(_APART, b"-.0123456789").replace(b"/", b" /").split())

    def before(self, operator: bytes) -> set[bytes]:
        """The different words in front of an operator, and of what else ends with its letters.

        Where one is too long to be seen whole, an empty word stands for it.
        """
        ends = (end.split() for end in {part[-_NEAR:] for part in self.operators.split(operator)[:-1]})
        return {words[-1] if len(words) > 1 else b"" for words in ends}


@dataclass(frozen=True)
class Opened:
    """One PDF, and what it says of itself.

    ``log`` is what the build says of its PDF: why it is not tagged, or not PDF/UA. Without ``every_tag``
    the tree of tags is left unread. ``alternatives`` are what stands for its pictures, ``pictured`` the places where these may
    stand, where that is known; ``beside`` are the files it leads to, and what is said of each; of pages that are ``known``, by
    their numbers, what is laid over them is read. Where tags are read, every page is.
    """

    name: str
    pdf: Pdf
    raw: bytes
    log: str = ""
    every_tag: bool = True
    alternatives: Sequence[str] | None = None
    pictured: Collection[str] | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[int, bytes] = field(default_factory=dict)
    cache: dict[str, Any] = field(default_factory=dict)

    def say(self, rule: str, message: str, place: str = "the document") -> Finding:
        return Finding(self.name, message, rule, place=place)

    @property
    def root(self) -> Any:
        return self.pdf.Root

    @cached_property
    def is_tagged(self) -> bool:
        return Name.StructTreeRoot in self.root

    @property
    def reads_tags(self) -> bool:
        """Whether it has tags, says they are those of a standard, and they are to be read."""
        return self.is_tagged and self.every_tag and self.says_standard

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The properties of the XMP packet by their usual prefix; empty where there is none that can be read."""
        packet = self.root.get(Name.Metadata)
        try:
            tree = ElementTree.fromstring(packet.read_bytes()) if isinstance(packet, Stream) else None  # noqa: S314
        except ElementTree.ParseError:
            tree = None
        found: dict[str, str] = {}
        for about in tree.iter(f"{_RDF}Description") if tree is not None else ():
            for prefix, space in _SPACES.items():
                lead = f"{{{space}}}"
                found |= {f"{prefix}:{key.removeprefix(lead)}": text for key, text in about.attrib.items() if key.startswith(lead)}
                found |= {
                    f"{prefix}:{item.tag.removeprefix(lead)}": ", ".join(text.strip() for text in item.itertext() if text.strip())
                    for item in about
                    if item.tag.startswith(lead)
                }
        return found

    @property
    def says_standard(self) -> bool:
        """Whether it says it is PDF/A or PDF/UA."""
        return self.says_accessible or "pdfaid:part" in self.metadata

    @property
    def says_accessible(self) -> bool:
        """Whether it says it is PDF/UA."""
        return "pdfuaid:part" in self.metadata

    @cached_property
    def pages(self) -> list[Any]:
        return [page.obj for page in self.pdf.pages]

    @cached_property
    def page_numbers(self) -> dict[tuple[int, int], int]:
        """Which page an object is, counted from 1."""
        return {page.objgen: at for at, page in enumerate(self.pages, start=1)}

    def opens(self, action: Any) -> str | None:
        """What is said of the file beside it that an action opens at its first page; None for any other action."""
        first = action.get(Name.S) == Name.GoToR and list(action.get(Name.D, Array())) == [0, Name.Fit]
        return self.beside.get(str(action.get(Name.F, ""))) if first else None

    def place_of(self, page: Any) -> str:
        return f"page {self.page_numbers.get(page, '?')}"

    @cached_property
    def drawings(self) -> list[Drawing]:
        """The pages and every form they draw, each once."""
        found: list[Drawing] = []
        seen: set[tuple[int, int]] = set()
        for number, page in enumerate(self.pages, start=1):
            text = None if self.reads_tags else self.known.get(number)
            if text is None:
                content = page.get(Name.Contents)
                parts = list(content) if isinstance(content, Array) else [content] if content is not None else []
                text = b"\n".join(part.read_bytes() for part in parts)
            made = Drawing(page.objgen, f"page {number}", page, page.get(Name.Resources, Dictionary()), text, True)
            found += [made, *self._forms(made, seen)]
        return found

    def _forms(self, within: Drawing, seen: set[tuple[int, int]]) -> Iterator[Drawing]:
        for item in within.resources.get(Name.XObject, Dictionary()).values():
            if item.get(Name.Subtype) != Name.Form or item.objgen in seen:
                continue
            seen.add(item.objgen)
            resources = item.get(Name.Resources, Dictionary())
            made = Drawing(item.objgen, within.place, item, resources, item.read_bytes(), False)
            yield made
            yield from self._forms(made, seen)


def shortened(findings: list[Finding]) -> list[Finding]:
    """The first findings of every rule, and how many more there are."""
    count = Counter(finding.rule for finding in findings)
    seen: Counter[str] = Counter()
    kept = []
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] <= _MOST_OF_A_RULE:
            kept.append(finding)
    more = [(rule, number - _MOST_OF_A_RULE) for rule, number in count.items() if number > _MOST_OF_A_RULE]
    return [
        *kept,
        *(Finding(findings[0].file, f"and {number} more of this kind", rule, place="further on") for rule, number in more),
    ]
