"""Each output as a PDF of its own, on the pages of the report: its header, footer and page x of y.

A process compiles as many documents as a volume of the report has rows: what typst keeps of every document it has
laid out makes each of the next ones take longer, and the memory larger.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cgbm1_report.emit import anchor
from cgbm1_report.errors import ToolError
from cgbm1_report.render import ReportAbout, SingleOutput
from cgbm1_report.render.finish import finish_pdf
from cgbm1_report.render.join import MOST_TAGGED, VOLUME_START, Typeset, Volume, join_volumes, read_volumes
from cgbm1_report.render.order import Document, Order, TypesetError
from cgbm1_report.render.parts import cut_raw_blocks
from cgbm1_report.render.pdf import (
    TAGGED_CELLS,
    VOLUME_ROWS,
    WORKERS,
    Piece,
    body_of,
    cut_volumes,
    explained,
    files_of,
    placing,
    prepare,
    share,
)
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.named import output_label

#: What documents are named by: the output, its volumes, and what is made of them.
_NAME, _VOLUME, _FINISHED = "output-", "--", "finished-"


@dataclass(frozen=True)
class Singles:
    """The files by the numbers of the outputs, their pages as typeset by their names, and what a reader of the log should know."""

    files: dict[str, Path]
    pages: dict[str, Typeset]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Single:
    """One output on its way: what it is made of, and the files its links lead to."""

    number: str
    title: str
    pieces: list[Piece]
    leads: dict[str, tuple[str, str]]

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    @property
    def cells(self) -> int:
        return sum(piece.cells for piece in self.pieces)

    def document(self, folder: Path) -> Document:
        """It as one document, whose file is finished where it is compiled."""
        finished = folder / f"{_FINISHED}{self.number}.pdf"
        inputs = {"part": "output", "title": self.title}
        reads = files_of(self.pieces)
        return Document(_NAME + self.number, body_of(self.pieces), inputs, finished=finished, leads=self.leads, reads=reads)


def write_single_pdfs(
    outputs: Iterable[SingleOutput], about: ReportAbout, scratch: Path, timeout: float, rows: int | None = None, program: str = ""
) -> Singles:
    """Typeset every output by itself.

    An output of more than ``rows`` rows is compiled in volumes, as a long report is. ``program`` is as `Order` has it.
    """
    rows = VOLUME_ROWS if rows is None else rows
    ends = time.monotonic() + timeout
    singles = {one.number: one for one in _read(outputs)}
    every = [piece for one in singles.values() for piece in one.pieces]
    prepare(scratch, about, every)
    try:
        return _compile(Order(scratch, about.seconds, ends, program), singles, rows)
    except TypesetError as error:
        named = singles.get(error.document.removeprefix(_NAME).split(_VOLUME)[0])
        raise explained(error, named.pieces if named else every) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"typst took longer than {timeout:g} s", rule="rendering to PDF", remedy="allow more time") from error


def _read(outputs: Iterable[SingleOutput]) -> list[_Single]:
    """The outputs with what typst reads of them: one at a time, for what all notebooks show of all of them takes much room."""
    read = [(one.number, one.title, one.links, _typst_in(one.markdown)) for one in outputs]
    held = {number for number, *_ in read}
    found = []
    for number, title, links, texts in read:
        leads = {anchor(one): (f"{file_stem(one)}.pdf", output_label(one)) for one in links if one in held}
        pieces = [
            Piece(f"single-{number}-{part}.typ", placing(leads) + text, f"output {number}", True)
            for part, text in enumerate(texts, start=1)
        ]
        found.append(_Single(number, title, pieces, leads))
    return found


def _typst_in(markdown: str) -> list[str]:
    """Typst of an output, in the parts it comes in."""
    blocks = cut_raw_blocks(markdown)
    texts = [text for kind, text in blocks if kind == "typst"]
    # Words between the blocks are a picture for Word inside a comment that the next block closes.
    return ["\n".join(texts)] if any(kind == "words" for kind, _ in blocks) else texts


def _compile(order: Order, singles: Mapping[str, _Single], rows: int) -> Singles:
    """Compile every output: what takes longest begins first, and long ones are joined while the others are compiled."""
    long = {number: cut_volumes(singles[number].pieces, rows) for number in sorted(singles) if singles[number].rows > rows}
    short = [one for number, one in singles.items() if number not in long]
    documents = {_NAME + one.number: one.document(order.folder) for one in short}
    rows_of = {_NAME + one.number: one.rows for one in short}
    shares = share([(one, rows_of[one.name]) for one in order.lacking(list(documents.values()))])
    files = {one.number: order.folder / f"{_FINISHED}{one.number}.pdf" for one in singles.values()}
    made: dict[str, tuple[Path, ...]] = {one.number: (order.folder / f"{_NAME}{one.number}.pdf",) for one in short}
    notes: tuple[str, ...] = ()
    with ThreadPoolExecutor(WORKERS) as pool:
        begun = {number: _begin_volumes(pool, order, singles[number], volumes) for number, volumes in long.items()}
        compiling = [pool.submit(order.compile_all, documents) for documents in shares]
        try:
            for number, volumes in begun.items():
                made[number] = tuple(path for done in volumes for path in done.result())
                notes += _join(order, singles[number], made[number], files[number])
            for done in compiling:
                done.result()
        except BaseException:
            # What is not begun never is.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    pages = {anchor(number): Typeset(made[number], one.rows, one.cells) for number, one in singles.items()}
    return Singles(files, pages, notes)


def _kind(single: _Single, volumes: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The standards that an output in volumes is held to, and what the log says where these are not those of tagged ones."""
    if single.cells <= TAGGED_CELLS and volumes <= MOST_TAGGED:
        return ("a-2a", "ua-1"), ()
    return ("a-2b",), (
        f"outputs/{file_stem(single.number)}.pdf: PDF/A-2b, not tagged: the tags of {single.cells} cells would take gigabytes of "
        "memory",
    )


def _begin_volumes(
    pool: ThreadPoolExecutor, order: Order, single: _Single, volumes: Sequence[Sequence[Piece]]
) -> list[Future[list[Path]]]:
    standards, untagged = _kind(single, len(volumes))
    start = f"#volume-start({json.dumps(VOLUME_START)})\n"
    inputs = {"part": "volume", "own": "yes", "title": single.title}
    name = f"{_NAME}{single.number}{_VOLUME}"
    documents = [
        Document(f"{name}{at:03d}", start + body_of(volume), inputs, standards, not untagged, reads=files_of(volume))
        for at, volume in enumerate(volumes, start=1)
    ]
    return [pool.submit(order.compile_all, [document]) for document in documents]


def _join(order: Order, single: _Single, compiled: Sequence[Path], target: Path) -> tuple[str, ...]:
    """Join the volumes of an output; what a reader of the log should know."""
    _, untagged = _kind(single, len(compiled))
    body = read_volumes([Volume(path) for path in compiled])
    # The output is the document: its pages say which of its pages they are, as those of any other.
    label = " ".join(single.title.split(" ")[:2])
    lines = [(0, 0, label, at, body.pages) for at in range(1, body.pages + 1)]
    name = f"{_NAME}{single.number}{_VOLUME}numbers"
    with ThreadPoolExecutor(1) as pool:
        numbers = pool.submit(order.number, name, lines)
        target.write_bytes(join_volumes(None, body, numbers.result, tagged=not untagged))
    finish_pdf(target, leads=single.leads)
    return untagged
