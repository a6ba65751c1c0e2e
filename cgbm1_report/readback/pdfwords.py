"""Holds what a PDF says outside its outputs: title page, contents with their page numbers, words, bookmarks, edges of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cgbm1_report.readback.pdfpages import folded, without_edges
from cgbm1_report.readback.pdfsame import Same, SameOutput
from cgbm1_report.readback.pdftext import PageReader
from cgbm1_report.readback.printed import Finding, Printed, limited
from cgbm1_report.readback.story import fold
from cgbm1_report.readback.told import CONTENTS, EDGES, FRONT, LISTS, WORDS, Said, Told, compare_told
from cgbm1_report.tabulate.named import output_label

BOOKMARKS = "bookmarks are the headings, in their order and at their levels"
_LEADER = re.compile(r"[. ]+")
_BULLET = re.compile(r"[•‣–◦]")
_POINT = re.compile(r"[•‣–◦]|\(?[0-9A-Za-z]{1,7}[.)]")


@dataclass
class Pages:
    """The pages of a PDF, read once, and which of them are an output's: from which run on, on its first page."""

    texts: PageReader
    total: int
    stamp: Said
    owned: dict[int, str] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)
    #: Whether it is a file of one output that leads to those of others.
    linked: bool = False
    #: The outputs whose pages are those of their own files.
    known: Mapping[str, SameOutput] = field(default_factory=dict)
    _same: dict[int, Same] = field(default_factory=dict)
    _read: dict[int, list[str]] = field(default_factory=dict)

    def runs(self, at: int) -> list[str]:
        """The runs of a page, counted from 0; those that are blank left out. Of one that is known, those laid over it."""
        if at not in self._read:
            same = self._same.get(at)
            found = self.texts.runs(at) if same is None else self.texts.runs_of(at, same.rest)
            self._read[at] = [run for run in found if folded(run)]
        return self._read[at]

    def known_page(self, at: int) -> Same | None:
        """The page of an output's file that a page is, if it is one."""
        return self._same.get(at)

    def laid_over(self) -> dict[int, bytes]:
        """What is drawn over the pages that are known, counted from 1, beside what is known of them."""
        return {at + 1: same.rest for at, same in self._same.items()}

    def take(self, output: str, numbers: Sequence[int], before: int) -> None:
        """Note down the pages of an output; ``before`` runs of the first stand above its title."""
        self.owned |= dict.fromkeys(numbers, output)
        if output in self.known:
            self._same |= dict(zip(numbers, self.known[output].pages, strict=True))
        self.begins[numbers[0]] = before


def check_edges(name: str, pages: Pages, *, apart: bool) -> list[Finding]:
    """Findings where a page does not say what every page says; a title page, ``apart``, has its own words."""
    findings: list[Finding] = []
    for at in range(int(apart), pages.total):
        if pages.known_page(at):
            continue
        text = folded("".join(pages.runs(at)))
        lacking = [edge for edge in pages.stamp.edges if folded(edge) not in text]
        findings += [Finding(name, f"lacks {edge!r}", EDGES, place=f"page {at + 1}") for edge in lacking]
    return limited(findings)


def check_bookmarks(name: str, found: Sequence[tuple[int, str]], told: Told) -> list[Finding]:
    """Findings where the bookmarks are not the headings."""
    wanted = [(level, folded(text)) for level, text in told.listed("")]
    if wanted == [(level, folded(fold(text))) for level, text in found]:
        return []
    texts = [text for _, text in told.listed("")]
    said = compare_told(name, texts, [text for _, text in found], BOOKMARKS, place="bookmarks")
    return said or [Finding(name, "has a bookmark at another level than its heading", BOOKMARKS, place="bookmarks")]


def check_words(
    name: str, pages: Pages, outputs: Mapping[str, Printed], marks: Sequence[tuple[str, int | None]], told: Told
) -> list[Finding]:
    """Findings where title page, contents or words say anything else than they should."""
    first = min((page for _, page in marks if page is not None), default=pages.total)
    front = pages.runs(0) if first else []
    findings = compare_told(name, told.first_page, front, FRONT, place="title page", wraps=True)
    contents = [run for at in range(1, first) for run in _loose(pages, at) if not _LEADER.fullmatch(run)]
    findings += compare_told(name, list(_contents(told, marks)), contents, CONTENTS, place="contents", wraps=True)
    found, missed = _without_asides(list(_words(pages, outputs, first)), told)
    findings += [Finding(name, f"lacks {text!r}", WORDS, place="footnotes and captions") for text in missed]
    # Numbers of lists stand before their texts; those of lists in footnotes, at a page's foot, cannot be told from them.
    point = _POINT if told.story.listed_aside else _BULLET
    found = [run for run in found if not point.fullmatch(run.strip())] if told.story.lists else found
    wanted = [run for run in _wanted(outputs, told) if not (told.story.lists and point.fullmatch(run))]
    findings += compare_told(name, wanted, found, WORDS, place="words", wraps=True)
    return findings


def _without_asides(runs: list[str], told: Told) -> tuple[list[str], list[str]]:
    """Runs without the captions and footnotes of the words, which stand where the page has room; and those that are not there."""
    captions = [item.text for item in told.story.items if item.caption]
    named = [f"Table {at}: {text}" for at, text in enumerate(captions, start=1)] + list(told.story.aside)
    whole = folded(fold("".join(runs)))
    missed = [text for text in named if folded(text) not in whole]
    marks = {str(at) for at in range(1, len(told.story.aside) + 1)}
    return [run for run in without_edges([fold(run) for run in runs], named) if run.strip() not in marks], missed


def _loose(pages: Pages, at: int) -> list[str]:
    label = output_label(pages.owned[at]) if at in pages.owned else ""
    return without_edges(pages.runs(at), [*pages.stamp.edges, *([f"{label}:"] if label else [])])


def lines_of(told: Told, marks: Sequence[tuple[str, int | None]]) -> Iterator[tuple[str, list[tuple[str, int | None]]]]:
    """Contents and lists by their heads as they should stand: each heading, and the page its bookmark leads to."""
    lines = told.listed("")
    at = [page for _, page in marks] if len(marks) == len(lines) else [None] * len(lines)
    named = {text: page for (_, text), page in zip(lines, at, strict=True)}
    for word, head in LISTS.items():
        listed = [text for _, text in told.listed(word)]
        if listed:
            yield head, list(zip(listed, [named[text] for text in listed] if word else at, strict=True))


def _contents(told: Told, marks: Sequence[tuple[str, int | None]]) -> Iterator[str]:
    for head, lines in lines_of(told, marks):
        yield head
        for text, page in lines:
            yield text
            yield str(0 if page is None else page + 1)
    yield from told.glossary


def _words(pages: Pages, outputs: Mapping[str, Printed], first: int) -> Iterator[str]:
    """What stands outside the outputs, page by page, and the title of each output in its place."""
    for at in range(first, pages.total):
        if at in pages.begins:
            printed = outputs[pages.owned[at]]
            if pages.known_page(at):
                yield from printed.notes[-1:] if any(number in outputs for number in printed.links) else ()
            else:
                yield from without_edges(pages.runs(at)[: pages.begins[at]], [*pages.stamp.edges])
            yield printed.title
        elif at not in pages.owned:
            yield from _loose(pages, at)


def _wanted(outputs: Mapping[str, Printed], told: Told) -> Iterator[str]:
    """The words as they should stand; above an output the line of those it leads to."""
    for item in told.story.items:
        printed = outputs.get(item.output)
        if printed is not None and any(number in outputs for number in printed.links):
            yield printed.notes[-1]
        yield from item.points
        if not item.caption:
            yield item.text
