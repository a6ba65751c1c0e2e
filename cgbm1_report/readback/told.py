"""What documents must print outside the cells of their outputs, and how texts that were read are held against it."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.readback.printed import Finding, Printed, limited, plain, squeezed
from cgbm1_report.readback.story import Story, fold, read_story

WORDS = "words are those of the notebooks, in their order"
CONTENTS = "contents name every heading in its order, and nothing else"
FRONT = "the title page says what the build is, and nothing else"
ALTERNATIVES = "the alternative text of a picture says what the results say"
EDGES = "every page says protocol, mark, program and data cut-off, and nothing else"
#: What leads a text of the stamp at a page's edge, and what heads it on a title page.
_EDGES = {"protocol": "Protocol ", "mark": "", "program": "Program: ", "produced": "Produced: ", "cutoff": "Data cut-off: "}
_FACTS = {
    "protocol": "Protocol",
    "sponsor": "Sponsor",
    "product": "Investigational product",
    "phase": "Phase",
    "cutoff": "Data cut-off",
    "produced": "Produced",
    "program": "Program",
}
#: What heads contents, lists and abbreviations; the lists by the word that an output's title begins with.
LISTS = {"": "Contents", "Table": "List of tables", "Figure": "List of figures", "Listing": "List of listings"}
ABBREVIATIONS, CHANGES = "Abbreviations", "Changes since an earlier build"


@dataclass(frozen=True)
class Said:
    """What every page says of its build: texts by name; ``free`` where a sponsor's template says more in its header and footer."""

    texts: Mapping[str, str]
    free: bool = False

    @property
    def edges(self) -> tuple[str, ...]:
        """What page header and footer say."""
        return tuple(plain(f"{led}{self.texts[name]}") for name, led in _EDGES.items() if self.texts.get(name))

    @property
    def line(self) -> str:
        """The same on one line, below an output that has no pages."""
        named = ("protocol", "mark", "cutoff", "produced")
        return fold(" | ".join(f"{_EDGES[name]}{self.texts[name]}" for name in named if self.texts.get(name)))

    @property
    def program(self) -> str:
        return self.texts.get("program", "")


@dataclass(frozen=True)
class Told:
    """What one document tells outside its outputs.

    ``title`` and ``front`` are the title page (the title is in it); ``facts`` its lines; ``edges`` stand on every page.
    """

    title: str
    front: tuple[str, ...]
    edges: tuple[str, ...]
    abbreviations: tuple[tuple[str, str], ...]
    story: Story
    mark: str = ""
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def first_page(self) -> list[str]:
        """The title page, text by text."""
        return [text for text in (self.mark, *self.front) if text]

    @property
    def glossary(self) -> list[str]:
        """The abbreviations, each before its words, below their heading; then what changed, where the report says it."""
        lists = ((ABBREVIATIONS, self.abbreviations), (CHANGES, self.changes))
        return [text for head, pairs in lists if pairs for text in (head, *(text for pair in pairs for text in pair))]

    def listed(self, word: str) -> list[tuple[int, str]]:
        """The lines of the contents, or of the list of one kind of output."""
        items = [item for item in self.story.items if item.level and item.level <= 3]
        if word:
            return [(2, item.text) for item in items if item.output and item.text.partition(" ")[0] == word]
        return [(item.level, item.text) for item in items]


def read_told(
    folder: Path,
    about: Mapping[str, Any],
    stamp: Said,
    outputs: Mapping[str, Printed],
) -> Told:
    """What a document tells: ``about`` is its entry among the manifest's documents, ``outputs`` are by the name they are linked by.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        What it is made of is missing or damaged.
    """
    values = {**stamp.texts, **{name: str(about.get(name, "")) for name in ("sponsor", "product", "phase")}}
    facts = [text for name, what in _FACTS.items() if values.get(name) for text in (what, values[name])]
    used: dict[str, str] = {}
    for one in outputs.values():
        used |= one.abbreviations
    return Told(
        title=fold(str(about["title"])),
        front=tuple(fold(text) for text in (str(about["title"]), str(about.get("subtitle", "")), *facts) if text),
        edges=stamp.edges,
        abbreviations=tuple((fold(short), fold(used[short])) for short in sorted(used, key=lambda text: (text.casefold(), text))),
        story=read_story(folder, list(about["notebooks"]), outputs),
        mark=fold(stamp.texts.get("mark", "")),
        changes=tuple((fold(str(what)), fold(str(words))) for what, words in about.get("changes", ())),
    )


def compare_told(
    file: str, wanted: Sequence[str], found: Sequence[str], rule: str, *, place: str, output: str = "", wraps: bool = False
) -> list[Finding]:
    """Findings where texts that were read, in their order, are not those that are wanted.

    A text may be read in pieces, but words that stand apart must not touch. Where it ``wraps``, a piece is a line and may end
    anywhere.
    """
    want, within, between = _stream(wanted)
    have, seen, ends = _stream(found)
    gaps = within | between
    apart = gaps <= (seen | ends) and (seen if wraps else seen | ends) <= gaps
    if want == have and apart:
        return []
    before, after = " ".join(map(fold, wanted)).split(), " ".join(map(fold, found)).split()
    if wraps and want != have:
        # Of words that a line ends in, only the letters count.
        before, after = _rejoined(before, after)
    return limited(_differences(file, before, after, rule, place, output)) or [
        Finding(file, "words that stand apart are printed as one, or one as several", rule, output, place)
    ]


def _stream(texts: Sequence[str]) -> tuple[str, set[int], set[int]]:
    """The letters of texts, where between them words end within a text, and where texts end."""
    letters: list[str] = []
    within: set[int] = set()
    between: set[int] = set()
    at = 0
    for text in texts:
        between.add(at)
        for place, word in enumerate(fold(text).split()):
            if place:
                within.add(at)
            letters.append(word)
            at += len(word)
    return "".join(letters), within, between - {0, at}


def _rejoined(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """Words of lines, a word that was broken at a line's end put together where that makes one of the wanted."""
    known = set(before)
    made: list[str] = []
    for word in after:
        if made and made[-1] not in known and made[-1] + word in known:
            made[-1] += word
        else:
            made.append(word)
    return before, made


def _differences(file: str, before: list[str], after: list[str], rule: str, place: str, output: str) -> list[Finding]:
    findings = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        lead = " ".join(before[max(0, i - 3) : i])
        want, have = " ".join(before[i:j][:12]), " ".join(after[k:m][:12])
        said = f"prints {have!r}" if have else "leaves out a text"
        expected = f"should print {want!r}" if want else "should print nothing there"
        findings.append(Finding(file, f"{said}, {expected}" + (f", after {lead!r}" if lead else ""), rule, output, place))
    return findings


def account(
    file: str, wanted: Iterable[str], found: Iterable[str], rule: str, *, place: str, known: Iterable[str] = (), output: str = ""
) -> list[Finding]:
    """Findings where texts that should be there are not, or that nothing says are; ``known`` may be there.

    In whatever order: each text as often as it is wanted.
    """
    want, have = Counter(map(fold, wanted)), Counter(filter(None, map(fold, found)))
    want.pop("", None)
    spare = set(map(fold, known))
    findings = [Finding(file, f"lacks {text!r}", rule, output, place) for text in want - have]
    findings += [Finding(file, f"prints {text[:200]!r}", rule, output, place) for text in have - want if text not in spare]
    return limited(findings)


def left_over(text: str, known: Iterable[str]) -> str:
    """What of a text without blanks is none of the known texts, longest first."""
    text = squeezed(fold(text))
    for one in sorted({squeezed(fold(text)) for text in known} - {""}, key=len, reverse=True):
        text = text.replace(one, "\n")
    return text.replace("\n", "")
