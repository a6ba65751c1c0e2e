"""Rows that a whole Word document shares with the files of its outputs, which are read by themselves: they are not read twice."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cgbm1_report.system.containers import ContainerError, walk_container

_NAME, _ROW_END = re.compile(rb'w:name="([^"]*)"'), b"</w:tr>"
#: What no row of results has: one that repeats on every page, and one of notes, which lead to other outputs in a report alone.
_OTHER = (b"<w:tblHeader", b'<w:pStyle w:val="Footnote"')
#: What of a row others lead to, or leads to others: such a row is read.
_LEADS = (b"<w:bookmark", b"<w:hyperlink", b"<w:instrText", b"<w:fldSimple", b"<w:drawing", b"<w:tbl>", b"<a:")


def leave_out_same(document: bytes, regions: Mapping[str, str], files: Mapping[str, Path]) -> tuple[bytes, dict[str, int]]:
    """A document's main part without the rows that are those of its outputs' own files.

    Also of each such output, how many of its rows are still there, as others lead to them.

    Parameters
    ----------
    document
        The main part.
    regions
        The bookmark around each output, by the output's own.
    files
        The Word file of each output that was read and is sound, by the output's bookmark.
    """
    begins = _begins(document)
    places = sorted((begins[region], anchor) for anchor, region in regions.items() if region in begins)
    parts, same, end = [], {}, 0
    for place, (at, anchor) in enumerate(places):
        parts.append(document[end:at])
        end = places[place + 1][0] if place + 1 < len(places) else len(document)
        pieces = document[at:end].split(_ROW_END)
        own = _read(files[anchor], regions[anchor]) if anchor in files else []
        rows = _rows(pieces)
        if own and list(rows.values()) == own:
            leading = {place for place, row in rows.items() if any(mark in row for mark in _LEADS)}
            same[anchor] = len(leading)
            gone = rows.keys() - leading
            pieces = [piece[: len(piece) - len(rows[at])] if at in gone else piece + _ROW_END for at, piece in enumerate(pieces)]
        else:
            pieces = [piece + _ROW_END for piece in pieces]
        # Behind the last row stands no end of one.
        parts += [*pieces[:-1], pieces[-1].removesuffix(_ROW_END)]
    return b"".join([*parts, document[end:]]) if not places else b"".join(parts), same


def _begins(document: bytes) -> dict[str, int]:
    """Where each bookmark begins, in one pass; one that does not begin once is none."""
    found: dict[str, int] = {}
    twice = set()
    for name in _NAME.finditer(document):
        region = name[1].decode("utf-8", "replace")
        if found.setdefault(region, name.start()) != name.start():
            twice.add(region)
    return {region: at for region, at in found.items() if region not in twice}


def _read(path: Path, region: str) -> list[bytes]:
    """The body rows of an output's own file; none where it cannot be read, which its reader has said."""
    try:
        with zipfile.ZipFile(path) as package:
            walk_container(package)
            document = package.read("word/document.xml")
    except (ContainerError, zipfile.BadZipFile, KeyError, OSError):
        return []
    at = _begins(document).get(region)
    return [] if at is None else list(_rows(document[at:].split(_ROW_END)).values())


def _rows(pieces: list[bytes]) -> dict[int, bytes]:
    """The rows of results, by the piece that each is the end of."""
    found = {}
    for at, piece in enumerate(pieces[:-1]):
        # The last that begins in it: what stands before it is the end of a table, or words.
        begun = max(piece.rfind(b"<w:tr>"), piece.rfind(b"<w:tr "))
        row = piece[begun:] if begun > 0 else piece
        if begun >= 0 and not any(mark in row for mark in _OTHER):
            found[at] = row
    return found
