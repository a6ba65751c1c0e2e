"""Each output as a PDF of its own, on the pages of the report: its header, footer and page x of y.

A process compiles as many documents as a volume of the report has rows: what typst keeps of every document it has
laid out makes each of the next ones take longer, and the memory larger.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cgbm1_report.errors import ToolError
from cgbm1_report.render import ReportAbout, SingleOutput
from cgbm1_report.render.finish import finish_pdf
from cgbm1_report.render.parts import cut_raw_blocks
from cgbm1_report.render.pdf import (
    TAGGED_CELLS,
    VOLUME_ROWS,
    WORKERS,
    Document,
    Order,
    Piece,
    TypesetError,
    body_of,
    cut_volumes,
    explained,
    prepare,
)
from cgbm1_report.tabulate.files import file_stem

#: What documents are named by: the output, and its volumes.
_NAME, _VOLUME = "output-", "--"
#: Starting a document costs about as much as so many rows.
_STARTING = 40


def write_single_pdfs(
    outputs: Sequence[SingleOutput], about: ReportAbout, scratch: Path, timeout: float, rows: int | None = None
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Typeset every output by itself; the files by number, and what a reader of the log should know.

    An output of more than ``rows`` rows is compiled in volumes, as a long report is.
    """
    rows = VOLUME_ROWS if rows is None else rows
    ends = time.monotonic() + timeout
    pieces = _pieces(outputs)
    every = [piece for own in pieces.values() for piece in own]
    prepare(scratch, about, every)
    order = Order(scratch, about.seconds, ends)
    titles = {output.number: output.title for output in outputs}
    try:
        made, notes = _compile(order, pieces, titles, rows)
    except TypesetError as error:
        own = pieces.get(error.document.removeprefix(_NAME).split(_VOLUME)[0], every)
        raise explained(error, own) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"typst took longer than {timeout:g} s", rule="rendering to PDF", remedy="allow more time") from error
    return made, notes


def _number(document: Document) -> str:
    return document.name.removeprefix(_NAME)


def _document(number: str, title: str, pieces: Sequence[Piece]) -> Document:
    return Document(_NAME + number, body_of(pieces), {"part": "output", "title": title}, whole=True)


def _pieces(outputs: Sequence[SingleOutput]) -> dict[str, list[Piece]]:
    found: dict[str, list[Piece]] = {}
    for at, output in enumerate(outputs, start=1):
        blocks = cut_raw_blocks(output.markdown)
        texts = [text for kind, text in blocks if kind == "typst"]
        # Words between the blocks are a picture for Word inside a comment that the next block closes.
        texts = ["\n".join(texts)] if any(kind == "words" for kind, _ in blocks) else texts
        found[output.number] = [
            Piece(f"single-{at:05d}-{part}.typ", text, f"output {output.number}", True) for part, text in enumerate(texts, start=1)
        ]
    return found


def _compile(
    order: Order, pieces: Mapping[str, list[Piece]], titles: Mapping[str, str], rows: int
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Compile every output: what takes longest begins first, and long ones are joined while the others are compiled."""
    size = {number: sum(piece.rows for piece in own) for number, own in pieces.items()}
    long = {number: cut_volumes(pieces[number], rows) for number in sorted(size) if size[number] > rows}
    shares = _share([(_document(number, titles[number], pieces[number]), size[number]) for number in pieces if number not in long])
    made: dict[str, Path] = {}
    notes: tuple[str, ...] = ()
    with ThreadPoolExecutor(WORKERS) as pool:
        begun = {number: _begin_volumes(pool, order, number, titles[number], volumes) for number, volumes in long.items()}
        short = [pool.submit(order.compile_all, share) for share in shares]
        try:
            for number, volumes in begun.items():
                made[number], said = _join(order, number, volumes, long[number])
                finish_pdf(made[number])
                notes += said
            for share, done in zip(shares, short, strict=True):
                made |= zip(map(_number, share), done.result(), strict=True)
        except BaseException:
            # What is not begun never is.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return made, notes


def _share(documents: Sequence[tuple[Document, int]]) -> list[list[Document]]:
    """Documents in shares of about as many rows, each of which is compiled in one process; the longest first."""
    shares: list[list[Document]] = []
    room = 0
    # A few outputs are shared out as well, so that no process waits for another.
    whole = min(VOLUME_ROWS, sum(rows + _STARTING for _, rows in documents) // WORKERS)
    for document, rows in sorted(documents, key=lambda one: -one[1]):
        if not shares or rows > room:
            shares.append([])
            room = whole
        shares[-1].append(document)
        room -= rows + _STARTING
    return shares


def _kind(number: str, volumes: Sequence[Sequence[Piece]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The standards that an output in volumes is held to, and what the log says where these are not those of tagged ones."""
    from cgbm1_report.render import join

    cells = sum(piece.cells for volume in volumes for piece in volume)
    if cells <= TAGGED_CELLS and len(volumes) <= join.MOST_TAGGED:
        return ("a-2a", "ua-1"), ()
    return ("a-2b",), (
        f"outputs/{file_stem(number)}.pdf: PDF/A-2b, not tagged: the tags of {cells} cells would take gigabytes of memory",
    )


def _begin_volumes(
    pool: ThreadPoolExecutor, order: Order, number: str, title: str, volumes: Sequence[Sequence[Piece]]
) -> list[Future[list[Path]]]:
    from cgbm1_report.render import join

    standards, untagged = _kind(number, volumes)
    start = f"#volume-start({json.dumps(join.VOLUME_START)})\n"
    inputs = {"part": "volume", "title": title}
    return [
        pool.submit(
            order.compile_all,
            [Document(f"{_NAME}{number}{_VOLUME}{at:03d}", start + body_of(volume), inputs, standards, not untagged)],
        )
        for at, volume in enumerate(volumes, start=1)
    ]


def _join(
    order: Order, number: str, compiled: Sequence[Future[list[Path]]], volumes: Sequence[Sequence[Piece]]
) -> tuple[Path, tuple[str, ...]]:
    from cgbm1_report.render import join

    _, untagged = _kind(number, volumes)
    body = join.read_volumes([path for done in compiled for path in done.result()])
    # The output is the document: its pages are numbered once.
    inputs = {"part": "numbers", "first": "1", "total": str(body.pages), "pages": str(body.pages)}
    made = order.folder / f"{_NAME}{number}.pdf"
    with ThreadPoolExecutor(1) as pool:
        numbers = pool.submit(order.compile, f"{_NAME}{number}{_VOLUME}numbers", "", inputs, ("a-2b",), tags=False)
        made.write_bytes(join.join_volumes(None, body, numbers.result, tagged=not untagged))
    return made, untagged
