"""Reads the notebooks of a build back: they show each output as it is printed, of a long one the first rows and where all are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgbm1_report.errors import number_of
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.readback.docx import anchors
from cgbm1_report.readback.html import check_section
from cgbm1_report.readback.htmlpage import Section, read_page
from cgbm1_report.readback.printed import Finding, Printed, plain
from cgbm1_report.readback.told import Said
from cgbm1_report.tabulate.files import file_stem

SHOWN = "a notebook shows the outputs of the build as they are printed"
#: What the first page of a long output says of itself: below its title, and in its first note.
_PART = r"rows 1 to ([\d,]+) of ([\d,]+) \(page 1 of [\d,]+\)"
_HEAD = re.compile(rf"(?:, )?{_PART}")
_NOTE = re.compile(rf"Only {_PART} are shown: (\S+) holds all rows, show\(\"[^\"]+\", page=2\) shows the next page\.")


def check_notebooks(folder: Path, outputs: Mapping[str, Printed], stamp: Said) -> list[Finding]:
    """Findings where a notebook shows of an output anything else than is printed, or no notebook shows it.

    What is byte for byte what the output's own page holds, which is read by itself, is not read twice.
    """
    named = dict(anchors(outputs))
    findings: list[Finding] = []
    seen: set[str] = set()
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        try:
            shown = list(_displays(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            findings.append(
                Finding(f"notebooks/{path.name}", f"cannot be read as a notebook: {type(error).__name__} {error}", SHOWN)
            )
            continue
        for name, html in shown:
            if name in named:
                seen.add(name)
                findings += _check(folder, f"notebooks/{path.name}", name, named[name], html, stamp)
    lacking = [one.number for name, one in named.items() if name not in seen]
    return findings + [Finding("notebooks", "no notebook shows it", SHOWN, number) for number in lacking]


def _displays(path: Path) -> Iterator[tuple[str, str]]:
    """The outputs a notebook shows: the name each is linked by, and its HTML."""
    for cell in json.loads(path.read_bytes())["cells"]:
        for shown in cell.get("outputs", ()):
            mark: Mapping[str, Any] = shown.get("metadata", {}).get(PLACE, {})
            if mark.get("is") == "output":
                yield str(mark["name"]), "".join(shown["data"]["text/html"])


def _check(folder: Path, file: str, name: str, printed: Printed, html: str, stamp: Said) -> list[Finding]:
    own = folder / "outputs" / f"{file_stem(printed.number)}.html"
    if own.is_file() and html in own.read_text("utf-8", "replace"):
        return []
    section = read_page(html, frozenset({name})).found.get(name)
    if section is None:
        return [Finding(file, f"has no section with the id {name!r}", SHOWN, printed.number)]
    note = next((found for text in section.words if (found := _NOTE.fullmatch(plain(text)))), None)
    if note is None:
        return check_section(file, printed, section, stamp)
    rows, total = (int(text.replace(",", "")) for text in note.groups()[:2])
    findings = []
    if not 0 < rows < total or total != len(printed.keys):
        said = f"says that it shows {rows} of {number_of(total, 'row')}, and the output has {len(printed.keys)}"
        findings.append(Finding(file, said, SHOWN, printed.number, "notes"))
    if note[3] != f"../outputs/{own.stem}{Path(note[3]).suffix}" or not (folder / "notebooks" / note[3]).is_file():
        findings.append(Finding(file, f"leads to {note[3]}, which does not hold it", SHOWN, printed.number, "notes"))
    named = tuple(mark for mark in printed.marks if mark[0] < rows)
    part = replace(printed, rows=printed.rows[:rows], keys=printed.keys[:rows], marks=named)
    return findings + check_section(file, part, _without_notes(section, len(named)), stamp)


def _without_notes(section: Section, above: int) -> Section:
    """A first page without what it says of itself, below so many links ``above`` the table: what is left is the output's."""
    words = [text for text in section.words if not _NOTE.fullmatch(plain(text))]
    head = [_HEAD.sub("", text, count=1) for text in words[above : above + 1]]
    told = [text for text in (*words[:above], *head, *words[above + 1 :]) if text.strip()]
    return replace(section, words=told)
