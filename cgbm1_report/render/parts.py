"""Reads executed notebooks: what of them is narrative, and what is an output in which formats."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgbm1_report.errors import Problem, ProofError
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.render.pandoc import Blocks, read_markdown

_OPEN = re.compile(r"^(`{3,})\s*\{=([A-Za-z0-9]+)\}\s*$")
_RAW_FORMATS = ("openxml", "typst", "html")


@dataclass(frozen=True)
class Mark:
    """Where a display stands in the report, and what it is (`receipts.PLACE`): an output, a heading, a lead, nothing.

    An output has the ``name`` it is linked by and the names of those it leads to.
    """

    place: tuple[str, ...] = ()
    kind: str = ""
    name: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Narrative:
    """Words of the notebook's author, as safe blocks. ``mark`` says where in the report they belong."""

    blocks: Blocks
    mark: Mark = Mark()


@dataclass(frozen=True)
class Shown:
    """One displayed output: its HTML, and its Markdown cut into raw blocks and words.

    ``printed`` holds pairs of a format and its text in their order; words are safe blocks under the
    format ``words``. ``place`` says where in the notebooks the output stands, ``mark`` where in the report.
    ``level`` is that of its heading; one that does not begin a page stands on that of the words before it. ``leads``
    are the names of the outputs of the same document that it is linked with.
    """

    html: str
    printed: tuple[tuple[str, Any], ...]
    place: str
    mark: Mark = Mark()
    level: int = 2
    new_page: bool = True
    leads: tuple[str, ...] = ()

    def raw(self, kind: str) -> list[str]:
        """The raw blocks of one format."""
        return [text for name, text in self.printed if name == kind]


@dataclass(frozen=True)
class Section:
    """One section of the report: of one notebook, or of all that show outputs there."""

    source: Path
    parts: tuple[Narrative | Shown, ...]


def read_sections(notebooks: Sequence[Path], *, printed: bool = True) -> list[Section]:
    """Read the narrative and the outputs of executed notebooks.

    ``printed`` says that the report is also made as DOCX or PDF, so that an output which has HTML
    only is refused instead of being left out there.

    Raises
    ------
    ReportError
        A file is no executed notebook, a cell failed, or an output has no printable form.
    """
    problems: list[Problem] = []
    drafts = [_drafts(path, read_cells(path), printed, problems) for path in notebooks]
    if problems:
        raise ProofError.of(problems)
    texts = [piece for draft in drafts for item in draft for kind, piece in item.pieces if kind == "words"]
    blocks = iter(read_markdown(texts))
    return [Section(path, tuple(_part(item, blocks) for item in draft)) for path, draft in zip(notebooks, drafts, strict=True)]


def read_cells(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook file, their sources and texts as one string each."""
    try:
        notebook = json.loads(path.read_bytes())
        cells = notebook["cells"]
        for cell in cells:
            cell["source"] = "".join(cell["source"])
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                data.update({mime: "".join(data[mime]) for mime in ("text/html", "text/markdown") if mime in data})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProofError(
            f"cannot be read as a notebook: {type(error).__name__}: {error}",
            file=path,
            rule="nbformat 4",
            remedy="run the notebook again",
        ) from error
    return list(cells)


@dataclass(frozen=True)
class _Draft:
    """A part before its words are read; ``html`` is None for narrative."""

    pieces: tuple[tuple[str, str], ...]
    html: str | None
    place: str
    mark: Mark = Mark()


def _drafts(path: Path, cells: Sequence[dict[str, Any]], printed: bool, problems: list[Problem]) -> list[_Draft]:
    """The parts of a notebook: words stand where the last heading above them says, before the first where that says."""
    drafts: list[_Draft] = []
    waiting: list[_Draft] = []
    here = Mark()
    for number, cell in enumerate(cells, start=1):
        for draft in _draft(path, number, cell, printed, problems):
            if not here.place and draft.mark.place and draft.mark.kind != "nothing":
                drafts += [replace(words, mark=Mark(draft.mark.place)) for words in waiting]
                here, waiting = Mark(draft.mark.place), []
            if draft.mark.kind in ("heading", "nothing"):
                here = draft.mark
            elif draft.mark.place:
                drafts.append(draft)
            elif here.kind != "nothing":
                (drafts if here.place else waiting).append(replace(draft, mark=Mark(here.place)))
    return drafts + waiting


def _draft(path: Path, number: int, cell: dict[str, Any], printed: bool, problems: list[Problem]) -> list[_Draft]:
    place = f"{path.name}, cell {number}"
    if cell["cell_type"] == "markdown":
        return [_Draft((("words", cell["source"]),), None, place)] if cell["source"].strip() else []
    drafts = []
    for output in cell.get("outputs", []) if cell["cell_type"] == "code" else []:
        if output["output_type"] == "error":
            message, remedy = f"failed: {output.get('ename')}: {output.get('evalue')}", "mend the cell and run the notebook again"
            problems.append(
                Problem(message, file=str(path), rule="a report shows no failed notebook", place=f"cell {number}", remedy=remedy)
            )
        elif output["output_type"] in ("display_data", "execute_result"):
            data = output["data"]
            found = _shown(data, place)
            if found is not None:
                drafts.append(replace(found, mark=_read_mark(output)))
            unprintable = "text/markdown" not in data and (
                ("text/html" in data and printed) or any(m.startswith("image/") for m in data)
            )
            if unprintable:
                problems.append(_unprintable(path, number, data))
    return drafts


def _read_mark(output: dict[str, Any]) -> Mark:
    told = output.get("metadata", {}).get(PLACE, {})
    names = (told.get("place", ()), told.get("links", ()))
    place, links = (tuple(map(str, one)) for one in names)
    return Mark(place, str(told.get("is", "")), str(told.get("name", "")), links)


def _unprintable(path: Path, number: int, data: dict[str, Any]) -> Problem:
    return Problem(
        f"displays {', '.join(sorted(data))}, which cannot be printed in every format",
        file=str(path),
        rule="an output has text/html and text/markdown",
        place=f"cell {number}",
        remedy="show it as a declared output, or end the line with a semicolon",
    )


def _shown(data: dict[str, Any], place: str) -> _Draft | None:
    markdown, html = data.get("text/markdown"), data.get("text/html")
    if markdown is None and html is None:
        return None
    pieces = tuple(cut_raw_blocks(markdown or ""))
    if html is None and all(kind == "words" for kind, _ in pieces):
        return _Draft(pieces, None, place)
    own = "\n".join(text for kind, text in pieces if kind == "html")
    return _Draft(pieces, html or own, place)


def _part(draft: _Draft, blocks: Any) -> Narrative | Shown:
    pieces: tuple[tuple[str, Any], ...] = tuple((kind, next(blocks) if kind == "words" else text) for kind, text in draft.pieces)
    if draft.html is None:
        blocks_of_all: Blocks = []
        for _, group in pieces:
            blocks_of_all += group
        return Narrative(blocks_of_all, draft.mark)
    return Shown(draft.html, pieces, draft.place, draft.mark)


def cut_raw_blocks(markdown: str) -> list[tuple[str, str]]:
    """Cut Markdown into raw blocks of known formats and the words between them.

    A raw block is fenced by three or more backticks with ``{=format}``; it ends at a line of at
    least as many backticks, or with the text.
    """
    pieces: list[tuple[str, list[str]]] = [("words", [])]
    fence = ""
    for line in markdown.split("\n"):
        opened = None if fence else _OPEN.match(line)
        if opened and opened[2] in _RAW_FORMATS:
            fence = opened[1]
            pieces.append((opened[2], []))
        elif fence and line.rstrip().startswith(fence) and not line.strip().strip("`"):
            fence = ""
            pieces.append(("words", []))
        else:
            pieces[-1][1].append(line)
    return [(kind, "\n".join(lines)) for kind, lines in pieces if kind != "words" or "".join(lines).strip()]
