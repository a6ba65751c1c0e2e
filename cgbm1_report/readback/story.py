"""What a document tells outside its outputs: headings and words in their order, as the executed notebooks say them.

Written apart from what renders: the order is made again from the places that displays name (`receipts.PLACE`), and the
words are read again from the notebooks.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.readback.pictures import picture_at
from cgbm1_report.readback.printed import Printed, plain
from cgbm1_report.system.pandoc import NARRATIVE, run_pandoc

#: Headings of an author's words stand at this level, or at a higher one outside the tree.
DEEPEST = 3
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,", re.I)
_BETWEEN = "between-the-words-of-two-cells"
#: Blocks that hold words themselves, and where.
_LEAVES = {"Para": None, "Plain": None, "Header": 2, "CodeBlock": 1, "LineBlock": None}
_GAPS = ("Space", "SoftBreak", "LineBreak")
#: One spelling for what formats spell in their own way.
_FOLDED = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "…": "...", "\u00ad": ""})


class Item(NamedTuple):
    """A heading of a level, a paragraph of words (level 0) or a table's caption, or an output, whose heading it is.

    ``points`` are the numbers of ordered lists that stand before it, as their author wrote them.
    """

    level: int
    text: str
    output: str = ""
    caption: bool = False
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """The items of a document in their order, and what it tells aside: footnotes of the words.

    ``lists`` says whether words hold lists, ``listed_aside`` whether footnotes do.
    """

    items: tuple[Item, ...] = ()
    aside: tuple[str, ...] = ()
    lists: bool = False
    listed_aside: bool = False
    pictures: tuple[str, ...] = ()

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Headings, those of outputs among them: what contents and bookmarks name."""
        return [(item.level, item.text) for item in self.items if item.level]

    @property
    def points(self) -> list[str]:
        """The numbers of ordered lists, in their order."""
        return [point for item in self.items for point in item.points]

    @property
    def told(self) -> list[str]:
        """What stands outside the outputs, paragraph by paragraph."""
        return [item.text for item in self.items if not item.output]


def fold(text: str) -> str:
    """A text as all formats say it: one kind of quotation marks, plain blanks."""
    return plain(text.translate(_FOLDED))


@dataclass
class _Part:
    """What a cell shows: an output by its number, or words; where it stands, and what its place says it is."""

    place: tuple[str, ...]
    kind: str
    output: str = ""
    words: str = ""
    leaves: list[Item] = field(default_factory=list)


def read_story(folder: Path, notebooks: Sequence[str], outputs: Mapping[str, Printed]) -> Story:
    """Read what a document of these notebooks, in their order, tells; ``outputs`` are by the name they are linked by.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        A notebook is missing or damaged.
    """
    files = [folder / "notebooks" / name for name in notebooks]
    shown = [list(_parts(json.loads(path.read_bytes())["cells"], outputs)) for path in files]
    words = tuple(part.words for parts in shown for part in parts if not part.output)
    read = iter(_read_words(words))
    aside: list[str] = []
    lists = listed_aside = False
    pictures: list[str] = []
    for parts in shown:
        for part in parts:
            if not part.output:
                blocks = next(read)
                part.leaves = list(_leaves(blocks, aside))
                pictures += _pictures(blocks)
                lists = lists or _holds_lists(blocks)
                listed_aside = listed_aside or any(_holds_lists(note) for note in _notes(blocks))
    return Story(tuple(_order(shown, outputs)), tuple(aside), lists, listed_aside, tuple(pictures))


def _holds_lists(node: Any) -> bool:
    written = json.dumps(node)
    return any(f'"{kind}List"' in written for kind in ("Bullet", "Ordered"))


def _notes(node: Any) -> Iterator[Any]:
    """The footnotes among words."""
    if isinstance(node, list):
        for one in node:
            yield from _notes(one)
    elif isinstance(node, dict) and node["t"] == "Note":
        yield node["c"]
    elif isinstance(node, dict):
        yield from _notes(node.get("c", []))


def _parts(cells: Sequence[Mapping[str, Any]], outputs: Mapping[str, Printed]) -> Iterator[_Part]:
    """What a notebook shows, each where it belongs: words to the last heading above them, or else to the first below."""
    waiting: list[_Part] = []
    here = _Part((), "")
    for part in _displays(cells, outputs):
        if part.place and part.kind != "nothing" and not here.place:
            here = _Part(part.place, "")
            for words in waiting:
                words.place = part.place
            yield from waiting
            waiting = []
        if part.kind in ("heading", "nothing"):
            here = part
        elif part.place:
            yield part
        elif here.kind != "nothing":
            part.place = here.place
            if here.place:
                yield part
            else:
                waiting.append(part)
    yield from waiting


def _displays(cells: Sequence[Mapping[str, Any]], outputs: Mapping[str, Printed]) -> Iterator[_Part]:
    for cell in cells:
        if cell["cell_type"] == "markdown" and "".join(cell["source"]).strip():
            yield _Part((), "", words="".join(cell["source"]))
        for shown in cell.get("outputs", ()) if cell["cell_type"] == "code" else ():
            mark = shown.get("metadata", {}).get(PLACE, {})
            place, kind = tuple(map(plain, mark.get("place", ()))), str(mark.get("is", ""))
            if kind == "output":
                if mark.get("name") in outputs:
                    yield _Part(place, kind, outputs[mark["name"]].number)
            elif "text/markdown" in shown.get("data", {}):
                yield _Part(place, kind, words="".join(shown["data"]["text/markdown"]))


def _order(shown: Sequence[Sequence[_Part]], outputs: Mapping[str, Printed]) -> Iterator[Item]:
    """The report's order: sections by their numbers, below each its places as they come, then what names no place."""
    titles = {one.number: one.title for one in outputs.values()}
    places: dict[tuple[str, ...], list[_Part]] = {}
    for parts in shown:
        for part in parts:
            if part.place:
                places.setdefault(part.place, []).append(part)
    held = {place: parts for place, parts in places.items() if any(part.output for part in parts)}
    for top in sorted({place[0] for place in held}, key=_section):
        below = {place: parts for place, parts in held.items() if place[0] == top}
        common = _common(list(below.values()))
        yield Item(1, top)
        for words in common:
            yield from words.leaves
        for place, parts in below.items():
            yield from (Item(level, text) for level, text in enumerate(place[1:], start=2))
            for part in sorted(parts, key=lambda part: part.kind != "lead"):
                if part.output:
                    yield Item(len(place) + 1, titles[part.output], part.output)
                elif not any(part.leaves == words.leaves for words in common):
                    yield from (_lowered(leaf, len(place) + 1) for leaf in part.leaves)
    for parts in shown:
        for part in parts:
            if not part.place:
                yield from (_lowered(leaf, 1) for leaf in part.leaves)


def _lowered(leaf: Item, least: int) -> Item:
    return leaf._replace(level=min(max(leaf.level, least), DEEPEST)) if leaf.level else leaf


def _section(heading: str) -> tuple[tuple[int, ...], str]:
    found = _NUMBER.match(heading)
    return (tuple(map(int, found[0].split("."))) if found else (), heading)


def _common(groups: Sequence[Sequence[_Part]]) -> list[_Part]:
    """Words that every place of a section has above its first output: the section says them, once."""
    leading: list[list[_Part]] = []
    for parts in groups:
        first = next(at for at, part in enumerate(parts) if part.output)
        leading.append([part for part in parts[:first] if part.kind != "lead" and not any(leaf.level for leaf in part.leaves)])
    return [words for words in leading[0] if all(any(words.leaves == one.leaves for one in other) for other in leading[1:])]


def read_leaves(texts: tuple[str, ...]) -> list[list[Item]]:
    """The paragraphs and headings of each text as they are printed."""
    return [list(_leaves(blocks, [])) for blocks in _read_words(texts)]


@lru_cache(maxsize=4)
def _read_words(texts: tuple[str, ...]) -> list[list[Any]]:
    """Each text's blocks as pandoc reads them."""
    if not texts:
        return []
    with tempfile.TemporaryDirectory(prefix="words-") as scratch:
        between = Path(scratch, "between.md")
        between.write_text(_BETWEEN, encoding="utf-8")
        names: list[str] = []
        for number, text in enumerate(texts):
            file = Path(scratch, f"{number}.md")
            file.write_text(text, encoding="utf-8", errors="replace")
            names += [str(file), str(between)]
        blocks = json.loads(run_pandoc(["-f", NARRATIVE, "-t", "json", "--file-scope", *names]))["blocks"]
    groups: list[list[Any]] = [[]]
    for block in blocks:
        if block == {"t": "Para", "c": [{"t": "Str", "c": _BETWEEN}]}:
            groups.append([])
        else:
            groups[-1].append(block)
    return groups[: len(texts)]


def _leaves(node: Any, aside: list[str]) -> Iterator[Item]:
    """The paragraphs and headings of blocks in their order, a table's caption before it."""
    if isinstance(node, list):
        for one in node:
            yield from _leaves(one, aside)
    elif isinstance(node, dict) and node["t"] in _LEAVES:
        at = _LEAVES[node["t"]]
        content = node["c"] if at is None else node["c"][at]
        text = fold(content if isinstance(content, str) else _inline(content, aside))
        if text:
            yield Item(node["c"][0] if node["t"] == "Header" else 0, text)
    elif isinstance(node, dict) and node["t"] == "Table":
        yield from (leaf._replace(caption=True) for leaf in _leaves(node["c"][1], aside))
        yield from _leaves(node["c"][2:], aside)
    elif isinstance(node, dict) and node["t"] == "OrderedList":
        (start, style, ends), items = node["c"]
        for number, blocks in enumerate(items, start=start):
            first, *more = [*_leaves(blocks, aside)] or [Item(0, "")]
            yield first._replace(points=(point_of(number, style["t"], ends["t"]), *first.points))
            yield from more
    elif isinstance(node, dict) and node["t"] == "DefinitionList":
        for term, told in node["c"]:
            yield Item(0, fold(_inline(term, aside)))
            yield from _leaves(told, aside)
    elif isinstance(node, dict):
        yield from _leaves(node.get("c", []), aside)


_ENDS = {"OneParen": "{})", "TwoParens": "({})"}


def point_of(number: int, style: str, ends: str = "") -> str:
    """The number of an item as lists of such a style print it."""
    made = to_roman(number) if style.endswith("Roman") else to_letters(number) if style.endswith("Alpha") else str(number)
    return _ENDS.get(ends, "{}.").format(made.upper() if style.startswith("Upper") else made)


def to_letters(number: int) -> str:
    """A number as letters: a to z, aa, ab."""
    letters = ""
    while number > 0:
        number, at = divmod(number - 1, 26)
        letters = chr(ord("a") + at) + letters
    return letters


_ROMAN = {
    1000: "m",
    900: "cm",
    500: "d",
    400: "cd",
    100: "c",
    90: "xc",
    50: "l",
    40: "xl",
    10: "x",
    9: "ix",
    5: "v",
    4: "iv",
    1: "i",
}


def to_roman(number: int) -> str:
    """A number as Romans wrote it: i, ii, iii, iv."""
    made = ""
    for value, digits in _ROMAN.items():
        times, number = divmod(number, value)
        made += digits * times
    return made


def _pictures(node: Any) -> list[str]:
    """The pictures among words, each by its bytes."""
    if isinstance(node, list):
        return [found for one in node for found in _pictures(one)]
    if not isinstance(node, dict):
        return []
    if node["t"] == "Image" and _PICTURE.match(node["c"][2][0]):
        return [picture_at(node["c"][2][0])]
    return _pictures(node.get("c", []))


def _inline(node: Any, aside: list[str]) -> str:
    """The words of a paragraph; a picture has none, and a footnote's are told aside."""
    if isinstance(node, list):
        # Lines of a verse are lists of their own.
        return "".join(_inline(one, aside) + (" " if isinstance(one, list) else "") for one in node)
    if not isinstance(node, dict):
        return ""
    kind, content = node["t"], node.get("c")
    if kind in _GAPS:
        return " "
    if kind == "Str":
        return str(content)
    if kind == "Note":
        aside += [leaf.text for leaf in _leaves(content, aside)]
        return ""
    if kind in ("Code", "Math", "RawInline") and content:
        return str(content[1])
    if kind == "Quoted" and content:
        mark = "'" if content[0]["t"] == "SingleQuote" else '"'
        return f"{mark}{_inline(content[1], aside)}{mark}"
    if kind in ("Link", "Image") and content:
        return "" if kind == "Image" and _PICTURE.match(content[2][0]) else _inline(content[1], aside)
    if kind in ("Span", "Cite") and content:
        return _inline(content[1], aside)
    return _inline(content, aside)
