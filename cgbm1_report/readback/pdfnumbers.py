"""Holds the page numbers of a PDF against its pages: those that pages print, and those that the contents name and lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cgbm1_report.errors import number_of
from cgbm1_report.readback.pdfwords import Pages, lines_of
from cgbm1_report.readback.printed import Finding, limited
from cgbm1_report.readback.told import CONTENTS, Told
from cgbm1_report.tabulate.named import output_label

PAGE_NUMBERS = "page x of y is true"

_PAGE_NUMBER = re.compile(r"(?:(\S+ \S+):\s*)?page\s*(\d+)\s*of\s*(\d+)", re.I)


def check_page_numbers(file: str, pages: Pages, *, whole: bool) -> list[Finding]:
    """Findings where a page does not say which page of the file it is, or which of its output, or says another.

    Every page is asked, also those without an output; the title page of a ``whole`` report says none. A number behind an
    output's name counts that output's pages; in a file of one output both are one, and either is enough.
    """
    findings: list[Finding] = []
    places = _places_in_outputs(pages)
    for at in range(int(whole), pages.total):
        output, *own = places.get(at, ("",))
        label = output_label(output) if output else ""
        true = {"": (at + 1, pages.total)} | ({label: tuple(own)} if output else {})
        told = [(name or "", (int(x), int(y))) for name, x, y in _numbers(pages.runs(at))]
        same = pages.known_page(at)
        told += [(label, (same.at, same.of))] if same is not None and same.says else []
        is_it = f"{at + 1} of {pages.total}" + (f", {own[0]} of {own[1]} of its output" if output else "")
        said = [
            f"says page {x} of {y}{f' of {name}' if name else ''}; it is {is_it}"
            for name, (x, y) in told
            if true.get(name) != (x, y)
        ]
        named = {name for name, _ in told}
        said += [] if "" in named or (not whole and label and label in named) else ["has no page number"]
        said += [f"does not say which page of {label} it is"] if whole and output and label not in named else []
        findings += [Finding(file, text, PAGE_NUMBERS, output, f"page {at + 1}") for text in said]
    return limited(findings)


def _numbers(runs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Page numbers that are printed: each a text of its own, so that words or a cell may speak of a page."""
    for run in runs:
        found = _PAGE_NUMBER.fullmatch(run.strip())
        if found:
            yield found.groups()


def _places_in_outputs(pages: Pages) -> dict[int, tuple[str, int, int]]:
    """Of each page of an output: the output, which of its pages it is, and how many there are."""
    held: dict[str, list[int]] = {}
    for at, output in pages.owned.items():
        held.setdefault(output, []).append(at)
    return {at: (output, place, len(own)) for output, own in held.items() for place, at in enumerate(sorted(own), start=1)}


def check_contents(file: str, pages: Pages, marks: Sequence[tuple[str, int | None]], told: Told) -> list[Finding]:
    """Findings where a line of the contents or lists leads to another page than it should name (:func:`.pdfwords.check_words`)."""
    first = min((page for _, page in marks if page is not None), default=pages.total)
    found = [aim for at in range(1, first) for aim in pages.texts.aims(at)]
    wanted = [line for _, lines in lines_of(told, marks) for line in lines]
    if len(found) != len(wanted):
        said = f"has {number_of(len(found), 'link')} for {number_of(len(wanted), 'line')}"
        return [Finding(file, said, CONTENTS, place="contents")]
    return limited(
        [
            Finding(
                file,
                f"has a line {text!r} that leads to page {_page(aim)}; it is on page {_page(page)}",
                CONTENTS,
                place="contents",
            )
            for aim, (text, page) in zip(found, wanted, strict=True)
            if aim != page
        ]
    )


def _page(at: int | None) -> str:
    return "none" if at is None else str(at + 1)
