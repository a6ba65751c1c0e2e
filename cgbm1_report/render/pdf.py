"""The report as PDF by typst: in one piece, or in volumes where it is long.

Typst holds a whole document in memory, about 150 KB a table row. So a long report is compiled in
volumes that begin where a notebook, an output or a part of a listing begins. They leave the page
numbers out; when all are there, numbers, contents, bookmarks and tags are added (:mod:`.join`).
An output that begins a page and has been typeset for its own file is such a volume: no page is typeset twice.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.assets import asset
from cgbm1_report.errors import DataError, ReportError, ToolError
from cgbm1_report.render import ReportAbout
from cgbm1_report.render.order import ABOUT, Document, Order, TypesetError
from cgbm1_report.render.pandoc import write_fragments
from cgbm1_report.render.parts import Narrative, Section, Shown

if TYPE_CHECKING:
    from cgbm1_report.render.join import Typeset, Volume

#: So many rows are compiled in one piece; of outputs that have been typeset, it is quicker to join more than so many.
VOLUME_ROWS, JOINED_ROWS = 3000, 600
#: Starting a document costs about as much as so many rows; a process that has compiled so many lets go of what it kept of them.
_STARTING, _KEPT = 40, 1800
#: Up to so many cells a joined PDF is tagged: the tags of each take about 3 KB of memory while it is joined.
TAGGED_CELLS = 250_000
#: Volumes compiled at the same time: each takes about 300 MB, a piece that is not cut up to 600 MB.
WORKERS = 2
_CONTENTS = "contents.json"
_IMPORT = '#import "output.typ": *\n#let horizontalrule = line(length: 100%, stroke: 0.5pt)\n'
#: How a list is numbered that says nothing else.
_NUMBERED = {"t": "RawBlock", "c": ["typst", '#set enum(numbering: "1.", start: 1)']}
_GLYPH = re.compile(r'the text `?"(.+?)"`? could not be displayed', re.S)


@dataclass(frozen=True)
class Piece:
    """One file of the document: narrative, an output, or a part of one."""

    file: str
    text: str
    place: str
    new_page: bool
    level: int = 2
    #: Its pages, where they have been typeset for its own file.
    made: Typeset | None = None

    @property
    def rows(self) -> int:
        return self.made.rows if self.made else self.text.count("\n")

    @property
    def cells(self) -> int:
        return self.made.cells if self.made else self.text.count('", "')


def write_pdf(
    sections: Sequence[Section],
    about: ReportAbout,
    scratch: Path,
    timeout: float,
    rows: int | None = None,
    made: Mapping[str, Typeset] | None = None,
    program: str = "",
) -> tuple[bytes, tuple[str, ...]]:
    """Typeset the report; also tell what kind of PDF it became.

    ``made`` are outputs that have been typeset for their own files, by the names they are linked by.
    ``program`` is as `Order` has it.

    Raises
    ------
    ReportError
        A character that the fonts lack, an output typst refuses, no time left; the output is named
        where typst tells it.
    """
    rows = VOLUME_ROWS if rows is None else rows
    ends = time.monotonic() + timeout
    pieces = cut_pieces(sections)
    total = sum(piece.rows for piece in pieces)
    if made and total > JOINED_ROWS:
        pieces = cut_pieces(sections, made)
    prepare(scratch, about, pieces)
    order = Order(scratch, about.seconds, ends, program)
    try:
        if total <= rows and not any(piece.made for piece in pieces):
            return _whole(order, pieces)
        return _in_volumes(order, cut_volumes(pieces, rows))
    except TypesetError as error:
        raise explained(error, pieces) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"typst took longer than {timeout:g} s", rule="rendering to PDF", remedy="allow more time") from error


def cut_pieces(sections: Sequence[Section], made: Mapping[str, Typeset] | None = None) -> list[Piece]:
    """The report in the pieces that become files of typst: words, outputs, the parts of a long one.

    An output that begins a page and is ``made`` is one piece without a text.
    """
    groups = [_suited(part.blocks) for section in sections for part in section.parts if isinstance(part, Narrative)]
    narratives = iter(write_fragments(groups, "typst"))
    pieces: list[Piece] = []
    for section in sections:
        before: Narrative | Shown | None = None
        for part in section.parts:
            done = (made or {}).get(part.mark.name) if isinstance(part, Shown) and part.new_page else None
            if isinstance(part, Shown) and done:
                pieces.append(Piece("", "", part.place, True, part.level, done))
                before = part
                continue
            texts = [next(narratives)] if isinstance(part, Narrative) else _typst_of(part)
            place = section.source.name if isinstance(part, Narrative) else part.place
            # Words after an output start a page, as an output does that no words lead to.
            fresh = not isinstance(before, Narrative) if isinstance(part, Narrative) else part.new_page
            pieces += [
                Piece(f"part-{len(pieces) + at:05d}.typ", text, place, fresh or at > 1) for at, text in enumerate(texts, start=1)
            ]
            before = part
    return pieces


def _suited(node: Any, *, listed: bool = False) -> Any:
    """Words as typst takes them: pictures say what they show, as an archive's PDF must, and a list in a list has its own numbers.

    Pandoc writes pictures that typst no longer takes, and a list that begins with 1 without its numbers: within another
    (``listed``) it would take those of the other.
    """
    if isinstance(node, list):
        return [_suited(item, listed=listed) for item in node]
    if not isinstance(node, dict) or "c" not in node:
        return node
    if node["t"] == "OrderedList" and listed:
        return {"t": "Div", "c": [["", [], []], [_NUMBERED, {"t": "OrderedList", "c": _suited(node["c"], listed=True)}]]}
    if node["t"] != "Image":
        return {"t": node["t"], "c": _suited(node["c"], listed=listed or node["t"] == "OrderedList")}
    (_, _, sizes), words, (source, _) = node["c"]
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="{source}"/></svg>'
    )
    told = {"alt": json.dumps(_said(words), ensure_ascii=False), **dict(sizes)}
    named = ", ".join(f"{name}: {value}" for name, value in told.items())
    return {"t": "RawInline", "c": ["typst", f"#box(image(bytes({json.dumps(drawn)}), {named}))"]}


def _said(node: Any) -> str:
    """The words of inlines."""
    if isinstance(node, list):
        return "".join(map(_said, node))
    if not isinstance(node, dict):
        return ""
    content: Any = node.get("c")
    if node["t"] in ("Str", "Code"):
        return str(content if node["t"] == "Str" else content[1])
    return _said(content) if content is not None else " "


def _typst_of(part: Shown) -> list[str]:
    """Typst of an output, in the parts it comes in.

    Where words stand between its raw blocks, they are a picture for Word inside a typst comment
    that one block opens and the next closes: then the blocks belong together.
    """
    texts = part.raw("typst")
    texts = ["\n".join(texts)] if any(kind == "words" for kind, _ in part.printed) else texts
    # Each part is a file of its own, and the last says at which level the output ends.
    return [placing(part.leads, part.level, new_page=part.new_page) + text for text in texts]


def placing(leads: Iterable[str], level: int = 2, *, new_page: bool = True) -> str:
    """Typst in front of an output: what it may lead to, the level of its heading, whether it begins a page."""
    targets = "".join(f"{json.dumps(name)}, " for name in leads)
    told = f"level: {level}, new-page: {str(new_page).lower()}, targets: ({targets})"
    return "".join(f"#let {name} = {name}.with({told})\n" for name in ("output-table", "output-figure"))


def prepare(scratch: Path, about: ReportAbout, pieces: Sequence[Piece]) -> None:
    shutil.copyfile(asset("templates", "output.typ"), scratch / "output.typ")
    (scratch / ABOUT).write_text(json.dumps(about.as_data()), encoding="utf-8")
    (scratch / _CONTENTS).write_text("[]", encoding="utf-8")
    for piece in pieces:
        if not piece.made:
            (scratch / piece.file).write_text(_IMPORT + piece.text + "\n", encoding="utf-8")


def files_of(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The files that a document of these pieces reads."""
    return tuple(piece.file for piece in pieces)


def body_of(pieces: Sequence[Piece]) -> str:
    lines = []
    for piece in pieces:
        if piece.new_page:
            lines.append("#pagebreak(weak: true)")
        lines.append(f'#include "{piece.file}"')
    # A blank line: without it the last paragraph of one piece and the first of the next are one.
    return "\n\n".join(lines) + "\n"


def _whole(order: Order, pieces: Sequence[Piece]) -> tuple[bytes, tuple[str, ...]]:
    try:
        made = order.compile("report", body_of(pieces), {}, ("a-2a", "ua-1"), tags=True, reads=files_of(pieces))
        return made.read_bytes(), ("PDF/A-2a and PDF/UA-1, tagged",)
    except TypesetError as error:
        if not _is_order_of_headings(error):
            raise
        made = order.compile("report", body_of(pieces), {}, ("a-2a",), tags=True, reads=files_of(pieces))
        return made.read_bytes(), (f"PDF/A-2a, tagged; not PDF/UA-1: {error.message}",)


def cut_volumes(pieces: Sequence[Piece], rows: int) -> list[list[Piece]]:
    """Cut what is longer than ``rows`` into volumes of about half as many, so that each process has as much to do.

    A single piece that is longer is a volume by itself: a part of a listing just fits; and so is what has been typeset.
    """
    volumes: list[list[Piece]] = []
    room = -1
    for piece in pieces:
        if not volumes or (piece.new_page and (piece.made or piece.rows > room)):
            volumes.append([])
            room = rows * 8 // 15
        volumes[-1].append(piece)
        room = -1 if piece.made else room - piece.rows
    return volumes


def share(documents: Sequence[tuple[Document, int]]) -> list[list[Document]]:
    """Documents in shares of about as many rows, each of which is compiled in one process; the longest first."""
    shares: list[list[Document]] = []
    room = 0
    # A few are shared out as well, so that no process waits for another.
    whole = min(_KEPT, sum(rows + _STARTING for _, rows in documents) // WORKERS)
    for document, rows in sorted(documents, key=lambda one: -one[1]):
        if not shares or rows > room:
            shares.append([])
            room = whole
        shares[-1].append(document)
        room -= rows + _STARTING
    return shares


def _in_volumes(order: Order, volumes: Sequence[Sequence[Piece]]) -> tuple[bytes, tuple[str, ...]]:
    from cgbm1_report.render import join

    cells = sum(piece.cells for volume in volumes for piece in volume)
    count = sum(len(volume[0].made.files) if volume[0].made else 1 for volume in volumes)
    tagged = cells <= TAGGED_CELLS and count <= join.MOST_TAGGED
    if tagged:
        try:
            return _joined(order, volumes, ("a-2a", "ua-1")), (f"PDF/A-2a and PDF/UA-1, tagged, of {count} volumes",)
        except TypesetError as error:
            if not _is_order_of_headings(error):
                raise
            said = f"PDF/A-2a, tagged, of {count} volumes; not PDF/UA-1: {error.message}"
            return _joined(order, volumes, ("a-2a",)), (said,)
    said = f"PDF/A-2b of {count} volumes, not tagged: the tags of {cells} cells would take gigabytes of memory"
    return _joined(order, volumes, ("a-2b",)), (said,)


def _compile_volumes(order: Order, volumes: Sequence[Sequence[Piece]], standards: tuple[str, ...]) -> list[Volume]:
    """Compile what has not been typeset; all volumes in their order."""
    from cgbm1_report.render import join

    tagged = "a-2b" not in standards
    start = f"#volume-start({json.dumps(join.VOLUME_START)})\n"
    documents = [
        (
            Document(f"volume-{at:03d}", start + body_of(volume), {"part": "volume"}, standards, tagged, reads=files_of(volume)),
            volume,
        )
        for at, volume in enumerate(volumes, start=1)
        if not volume[0].made
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = {document.name: sum(piece.rows for piece in volume) for document, volume in documents}
        shares = share([(one, rows[one.name]) for one in order.lacking([document for document, _ in documents])])
        list(pool.map(order.compile_all, shares))
    paths = {document.name: join.Volume(order.made(document)) for document, _ in documents}
    return [
        one
        for at, volume in enumerate(volumes, start=1)
        for one in (volume[0].made.volumes(volume[0].level - 1) if volume[0].made else [paths[f"volume-{at:03d}"]])
    ]


def _joined(order: Order, volumes: Sequence[Sequence[Piece]], standards: tuple[str, ...]) -> bytes:
    from cgbm1_report.render import join

    tagged = "a-2b" not in standards
    body = join.read_volumes(_compile_volumes(order, volumes, standards))
    fronts = 0
    while True:
        lines = [(one.level, one.title, one.page + fronts, one.output[1]) for one in body.entries if not one.within]
        (order.folder / _CONTENTS).write_text(json.dumps(lines), encoding="utf-8")
        asked = {"part": "front", "total": str(fronts + body.pages)}
        front = order.compile("front", "", asked, standards, tagged, reads=[_CONTENTS])
        pages = join.count_pages(front)
        if pages == fronts:
            break
        fronts = pages
    total = fronts + body.pages
    told = [(at, total, *own) for at, own in enumerate(body.output_pages(), start=fronts + 1)]
    with ThreadPoolExecutor(1) as pool:
        numbers = pool.submit(order.number, "numbers", told)
        return join.join_volumes(front, body, numbers.result, tagged=tagged)


def _is_order_of_headings(error: TypesetError) -> bool:
    """Whether PDF/UA was refused for the order of headings, which a notebook's author may not have kept."""
    return "PDF/UA" in error.message and not _GLYPH.search(error.message)


def explained(error: TypesetError, pieces: Sequence[Piece]) -> ReportError:
    # All characters that are missing are named at once: the message tells the first only.
    lacking = list(dict.fromkeys(_GLYPH.findall(f"{error.message}\n{error.diagnostic}")))
    if lacking:
        codes = ", ".join(f"{text!r} ({', '.join(f'U+{ord(char):04X}' for char in text)})" for text in lacking)
        places = [piece.place for piece in pieces if any(text in piece.text for text in lacking)]
        return DataError(
            f"the fonts lack {codes}",
            file=", ".join(dict.fromkeys(places)),
            rule="every character of a report is printed",
            remedy="correct the character in the data, or add a font that has it to templates/fonts",
        )
    named = next((piece for piece in pieces if piece.file in error.diagnostic), None)
    return ToolError(
        f"cannot be typeset: {error.message}\n{error.diagnostic}",
        file=named.place if named else "",
        rule="rendering to PDF",
        remedy="mend the output or the text that typst names",
    )
