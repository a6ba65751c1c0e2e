"""Each output as a PDF of its own, on the pages of the report: its header, footer and page x of y.

Few processes compile many documents each, because reading the fonts takes longer than most outputs.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    size = {number: sum(piece.rows for piece in own) for number, own in pieces.items()}
    try:
        short = [_document(number, titles[number], own) for number, own in pieces.items() if size[number] <= rows]
        made = dict(zip([_number(document) for document in short], _compile(order, short, size), strict=True))
        notes: tuple[str, ...] = ()
        for number in sorted(set(pieces) - set(made)):
            made[number], said = _in_volumes(order, number, titles[number], cut_volumes(pieces[number], rows))
            finish_pdf(made[number])
            notes += said
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


def _compile(order: Order, documents: Sequence[Document], size: Mapping[str, int]) -> list[Path]:
    """Compile the documents in as many processes as there may be, each with about as many rows."""
    order_of = {f"{document.name}.pdf": at for at, document in enumerate(documents)}
    shares: list[list[Document]] = [[] for _ in range(WORKERS)]
    filled = [0] * WORKERS
    for document in sorted(documents, key=lambda document: -size[_number(document)]):
        at = filled.index(min(filled))
        shares[at].append(document)
        # Starting a document costs about as much as forty rows.
        filled[at] += size[_number(document)] + 40
    with ThreadPoolExecutor(WORKERS) as pool:
        made = [path for paths in pool.map(order.compile_all, [share for share in shares if share]) for path in paths]
    return sorted(made, key=lambda path: order_of[path.name])


def _in_volumes(order: Order, number: str, title: str, volumes: Sequence[Sequence[Piece]]) -> tuple[Path, tuple[str, ...]]:
    from cgbm1_report.render import join

    cells = sum(piece.cells for volume in volumes for piece in volume)
    tagged = cells <= TAGGED_CELLS and len(volumes) <= join.MOST_TAGGED
    standards = ("a-2a", "ua-1") if tagged else ("a-2b",)
    start = f"#volume-start({json.dumps(join.VOLUME_START)})\n"
    inputs = {"part": "volume", "title": title}
    documents = [
        Document(f"{_NAME}{number}{_VOLUME}{at:03d}", start + body_of(volume), inputs, standards, tagged)
        for at, volume in enumerate(volumes, start=1)
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        body = join.read_volumes([path for paths in pool.map(lambda one: order.compile_all([one]), documents) for path in paths])
    # The output is the document: its pages are numbered once.
    (order.folder / "numbers.json").write_text(json.dumps([("", 0, 0)] * body.pages), encoding="utf-8")
    numbered = {"part": "numbers", "first": "1", "total": str(body.pages), "pages": str(body.pages)}
    made = order.folder / f"{_NAME}{number}.pdf"
    with ThreadPoolExecutor(1) as pool:
        numbers = pool.submit(order.compile, f"{_NAME}{number}{_VOLUME}numbers", "", numbered, ("a-2b",), tags=False)
        made.write_bytes(join.join_volumes(None, body, numbers.result, tagged=tagged))
    said = f"outputs/{file_stem(number)}.pdf: PDF/A-2b, not tagged: the tags of {cells} cells would take gigabytes of memory"
    return made, () if tagged else (said,)
